//! `/api/v1/api-keys`

mod dto;
pub(crate) mod handlers;

use actix_web::web::{self, ServiceConfig};

use super::{get, resource};

pub(crate) fn routes(services: &mut ServiceConfig) {
    services
        .service(
            resource("/api-keys", "GET, HEAD, POST")
                .route(get().to(handlers::list))
                .route(web::post().to(handlers::create)),
        )
        .service(resource("/api-keys/{id}", "GET, HEAD").route(get().to(handlers::get)))
        .service(resource("/api-keys/{id}/revoke", "POST").route(web::post().to(handlers::revoke)));
}
