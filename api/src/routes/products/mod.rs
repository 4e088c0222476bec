//! `/api/v1/products`

mod dto;
pub(crate) mod handlers;

use actix_web::web::{self, ServiceConfig};

use super::{get, resource};

pub(crate) fn routes(services: &mut ServiceConfig) {
    services
        .service(
            resource("/products", "GET, HEAD, POST")
                .route(get().to(handlers::list))
                .route(web::post().to(handlers::create)),
        )
        .service(
            resource("/products/{id}", "GET, HEAD, PUT, DELETE")
                .route(get().to(handlers::get))
                .route(web::put().to(handlers::update))
                .route(web::delete().to(handlers::remove)),
        )
        .service(resource("/products/{id}/archive", "POST").route(web::post().to(handlers::archive)));
}
