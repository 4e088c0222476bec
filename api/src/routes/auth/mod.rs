//! `/api/v1/auth` and `/api/v1/me`: how somebody proves who they are.

mod dto;
pub(crate) mod handlers;
pub(crate) mod keys;

use actix_web::web::{self, ServiceConfig};

use super::{get, resource};

pub(crate) fn routes(services: &mut ServiceConfig) {
    services
        .service(resource("/auth/login", "POST").route(web::post().to(handlers::login)))
        .service(resource("/auth/refresh", "POST").route(web::post().to(handlers::refresh)))
        .service(resource("/auth/logout", "POST").route(web::post().to(handlers::logout)))
        .service(resource("/auth/password", "POST").route(web::post().to(handlers::change_password)))
        .service(resource("/auth/verify-email", "POST").route(web::post().to(handlers::verify_email)))
        .service(resource("/auth/password-reset", "POST").route(web::post().to(handlers::forgot_password)))
        .service(
            resource("/auth/password-reset/confirm", "POST").route(web::post().to(handlers::reset_password)),
        )
        .service(resource("/me", "GET, HEAD").route(get().to(handlers::me)));
}
