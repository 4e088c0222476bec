//! `/api/v1/users`

pub(super) mod dto;
pub(crate) mod handlers;

use actix_web::web::{self, ServiceConfig};

use super::{get, resource};

pub(crate) fn routes(services: &mut ServiceConfig) {
    services
        .service(
            resource("/users", "GET, HEAD, POST")
                .route(get().to(handlers::list))
                .route(web::post().to(handlers::register)),
        )
        .service(
            resource("/users/{id}", "GET, HEAD, PUT")
                .route(get().to(handlers::get))
                .route(web::put().to(handlers::update)),
        )
        .service(resource("/users/{id}/change-role", "POST").route(web::post().to(handlers::change_role)))
        .service(
            resource("/users/{id}/change-permissions", "POST")
                .route(web::post().to(handlers::change_permissions)),
        )
        .service(resource("/users/{id}/disable", "POST").route(web::post().to(handlers::disable)))
        .service(resource("/users/{id}/enable", "POST").route(web::post().to(handlers::enable)));
}
