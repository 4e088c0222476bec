//! `/api/v1/audit-events`

mod csv;
mod dto;
pub(crate) mod handlers;

use actix_web::web::ServiceConfig;

use super::{get, resource};

pub(crate) fn routes(services: &mut ServiceConfig) {
    services
        .service(resource("/audit-events", "GET, HEAD").route(get().to(handlers::list)))
        .service(resource("/audit-events.csv", "GET, HEAD").route(get().to(handlers::export)));
}
