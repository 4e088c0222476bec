//! The description of the events, for programs: `/api/asyncapi.json` and `/api/schemas`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use include_dir::{Dir, include_dir};
use utoipa::IntoParams;

use crate::access::Access::Public;
use crate::endpoints::Endpoints;
use crate::error::ApiError;
use crate::extract::NoQuery;

const ASYNCAPI: &str = include_str!("../../../schema/asyncapi.json");
static SCHEMAS: Dir = include_dir!("$CARGO_MANIFEST_DIR/../schema/events");

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default().with(Public, __path_asyncapi, asyncapi).with(Public, __path_schema, schema)
}

/// The events that are published
///
/// AsyncAPI 3.1: channels, messages, headers, an example of each.
#[utoipa::path(get, path = "/api/asyncapi.json", tag = "operations", operation_id = "getAsyncApiDocument",
    responses((status = 200, content_type = "application/json", body = Object)))]
pub(crate) async fn asyncapi(_: NoQuery) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(ASYNCAPI)
}

/// `{name}` of the path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documentation")]
pub(crate) struct SchemaName {
    /// The type and the version of the event.
    #[param(example = "order.placed.v1.json", pattern = r"^[a-z_.]+\.v[0-9]+\.json$")]
    name: String,
}

/// The JSON Schema of an event's payload
///
/// JSON Schema 2020-12. The `dataschema` of CloudEvents leads here, if the relay is set up so.
#[utoipa::path(get, path = "/api/schemas/{name}", tag = "operations", operation_id = "getEventSchema",
    params(SchemaName), responses((status = 200, content_type = "application/schema+json", body = Object)))]
pub(crate) async fn schema(request: HttpRequest, _: NoQuery) -> Result<HttpResponse, ApiError> {
    let name = request.match_info().get("name").unwrap_or_default();
    let file = name.strip_suffix(".json").map(|name| format!("{name}.schema.json"));
    let schema = file.and_then(|file| SCHEMAS.get_file(file)).ok_or_else(|| {
        let detail = "there is no such schema; /api/asyncapi.json lists the events and their versions";
        ApiError::new(StatusCode::NOT_FOUND, "not_found", detail)
    })?;
    Ok(HttpResponse::Ok().content_type("application/schema+json").body(schema.contents()))
}
