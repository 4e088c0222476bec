//! `/api/v1/orders`

mod dto;
pub(crate) mod handlers;

use actix_web::web::{self, ServiceConfig};

use super::{get, resource};

pub(crate) fn routes(services: &mut ServiceConfig) {
    services
        .service(
            resource("/orders", "GET, HEAD, POST")
                .route(get().to(handlers::list))
                .route(web::post().to(handlers::place)),
        )
        .service(resource("/orders/{id}", "GET, HEAD").route(get().to(handlers::get)))
        .service(resource("/orders/{id}/confirm", "POST").route(web::post().to(handlers::confirm)))
        .service(resource("/orders/{id}/ship", "POST").route(web::post().to(handlers::ship)))
        .service(resource("/orders/{id}/deliver", "POST").route(web::post().to(handlers::deliver)))
        .service(resource("/orders/{id}/cancel", "POST").route(web::post().to(handlers::cancel)));
}
