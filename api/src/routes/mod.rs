//! Every route, in one visible place.

mod address;
pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod customers;
pub(crate) mod operations;
pub(crate) mod orders;
pub(crate) mod products;
pub(crate) mod roles;
pub(crate) mod sessions;
pub(crate) mod tenant;
pub(crate) mod users;

use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, Resource, Route, guard, web};
use comptoir_core::values::invalid::Invalid;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::error::ApiError;
use crate::openapi;

pub(crate) fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::scope("/api/v1")
                .configure(auth::routes)
                .configure(sessions::routes)
                .configure(api_keys::routes)
                .configure(customers::routes)
                .configure(products::routes)
                .configure(orders::routes)
                .configure(roles::routes)
                .configure(audit::routes)
                .configure(tenant::routes)
                .configure(users::routes),
        )
        .service(resource("/api/openapi.json", "GET, HEAD").route(get().to(operations::openapi)))
        .service(web::redirect("/api/docs", "/api/docs/"))
        // The page and its scripts are part of the binary, and no validator is asked: it needs no outside host.
        .service(
            SwaggerUi::new("/api/docs/{_:.*}")
                .config(Config::from("/api/openapi.json").validator_url("none")),
        )
        .service(resource("/.well-known/jwks.json", "GET, HEAD").route(get().to(auth::keys::jwks)))
        .service(resource("/health/live", "GET, HEAD").route(get().to(operations::live)))
        .service(resource("/health/ready", "GET, HEAD").route(get().to(operations::ready)))
        .default_service(web::to(unknown_path));
}

/// The routes of the listener for operations.
pub(crate) fn operate(services: &mut web::ServiceConfig) {
    services
        .service(resource("/health/live", "GET, HEAD").route(get().to(operations::live)))
        .service(resource("/health/ready", "GET, HEAD").route(get().to(operations::ready)))
        .service(resource("/metrics", "GET, HEAD").route(get().to(operations::metrics)));
}

/// A resource that answers other methods than its routes' with 405 and says which there are.
fn resource(path: &str, allow: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move |request: HttpRequest| async move {
        let detail = format!("{} is not possible here; Allow says what is", shortened(request.method()));
        let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
        Err::<HttpResponse, _>(error.with_header(header::ALLOW, HeaderValue::from_static(allow)))
    }))
}

/// HEAD is GET without the body (RFC 9110, section 9.3.2); the server leaves it out.
fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

fn shortened(method: &Method) -> String {
    method.as_str().chars().take(20).collect()
}

async fn unknown_path() -> Result<HttpResponse, ApiError> {
    let detail = format!("there is nothing at this address; {} lists what there is", openapi::PATH);
    Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", detail))
}

/// The query parameter `limit`; its range is for the page to say.
fn parse_limit(text: Option<&str>) -> Result<Option<i64>, Invalid> {
    text.map(|text| text.parse().map_err(|_| Invalid::new("not_a_number", "limit must be a whole number")))
        .transpose()
}
