//! `/api/v1/tenant`: the caller's own company.

mod dto;
pub(crate) mod handlers;

use actix_web::web::{self, ServiceConfig};

use super::{get, resource};

pub(crate) fn routes(services: &mut ServiceConfig) {
    services.service(
        resource("/tenant", "GET, HEAD, PUT")
            .route(get().to(handlers::get))
            .route(web::put().to(handlers::update)),
    );
}
