//! `/api/v1/sessions`, one's own, and `/api/v1/users/{id}/sessions`, for administrators.

mod dto;
pub(crate) mod handlers;

use actix_web::web::{self, ServiceConfig};

use super::{get, resource};

pub(crate) fn routes(services: &mut ServiceConfig) {
    services
        .service(resource("/sessions", "GET, HEAD").route(get().to(handlers::list)))
        .service(resource("/sessions/{id}", "DELETE").route(web::delete().to(handlers::end)))
        .service(
            resource("/users/{id}/sessions", "GET, HEAD, DELETE")
                .route(get().to(handlers::list_of_user))
                .route(web::delete().to(handlers::end_all_of_user)),
        )
        .service(
            resource("/users/{id}/sessions/{session_id}", "DELETE")
                .route(web::delete().to(handlers::end_of_user)),
        );
}
