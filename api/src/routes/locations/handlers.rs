//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::locations::{self, ArchiveLocation, LocationSort, LocationView, UpdateLocation};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::LocationId;

use super::dto::{CreateLocationRequest, LocationFilters, LocationRequest};
use crate::error::ApiError;
use crate::export;
use crate::extract::{
    Context, Empty, ExportQuery, Id, IfMatch, MergePatch, Posted, Replacement, RequiredIfMatch, SearchQuery,
};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader, RequiredIfMatchHeader};
use crate::respond::{self, List};

/// Create a location in a warehouse
#[utoipa::path(post, path = "/api/v1/locations", tag = "locations", operation_id = "createLocation", request_body = CreateLocationRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = LocationView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn create(
    context: Context,
    posted: Posted<CreateLocationRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = posted.body.into_command();
    let answer = executor.execute(context.0, posted.key, command, |view: LocationView| {
        let location = format!("/api/v1/locations/{}", view.id);
        respond::created(location, view.version, &view)
    });
    respond::answer(answer.await?)
}

/// Replace what is known of a location
///
/// The body is what GET gave, with your changes. A member that is missing is an error, not an erasure.
#[utoipa::path(put, path = "/api/v1/locations/{id}", tag = "locations", operation_id = "replaceLocation",
    request_body = LocationRequest, params(IdParam, RequiredIfMatchHeader),
    responses((status = 200, body = LocationView, headers(("ETag" = String)))))]
pub(crate) async fn replace(
    context: Context,
    id: Id<LocationId>,
    expected: RequiredIfMatch,
    body: Replacement<LocationRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateLocation { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Change a part of what is known of a location
///
/// A merge patch (RFC 7396): members that are missing stay as they are, null erases, arrays are replaced as a whole.
#[utoipa::path(patch, path = "/api/v1/locations/{id}", tag = "locations", operation_id = "updateLocation",
    request_body = LocationRequest, params(IdParam, IfMatchHeader),
    responses((status = 200, body = LocationView, headers(("ETag" = String)))))]
pub(crate) async fn update(
    context: Context,
    id: Id<LocationId>,
    expected: IfMatch,
    body: MergePatch<LocationRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateLocation { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Take a location out of use for good
#[utoipa::path(post, path = "/api/v1/locations/{id}/archive", tag = "locations", operation_id = "archiveLocation", request_body = Option<Empty>,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = LocationView, headers(("ETag" = String)))))]
pub(crate) async fn archive(
    context: Context,
    id: Id<LocationId>,
    expected: IfMatch,
    posted: Posted<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = ArchiveLocation { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// One location
#[utoipa::path(get, path = "/api/v1/locations/{id}", tag = "locations", operation_id = "getLocation", params(IdParam),
    responses((status = 200, body = LocationView, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<LocationId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = locations::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, view.version, &view))
}

/// Locations, a page at a time
#[utoipa::path(get, path = "/api/v1/locations", tag = "locations", operation_id = "listLocations", params(SearchQuery<LocationFilters, LocationSort>),
    responses((status = 200, body = List<LocationView>)))]
pub(crate) async fn list(
    context: Context,
    query: SearchQuery<LocationFilters, LocationSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = locations::list(&database, &context.0, &query.filter, &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, by code
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/locations.csv", tag = "locations", operation_id = "exportLocations", params(ExportQuery<LocationFilters>),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: ExportQuery<LocationFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(export::csv("locations", move |page: PageRequest<LocationSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), query.0.clone());
        async move { locations::list(&database, &context, &filter, &page).await }
    }))
}

fn changed(view: LocationView) -> Result<StoredResponse, Error> {
    respond::changed(view.version, &view)
}
