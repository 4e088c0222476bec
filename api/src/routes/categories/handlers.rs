//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::categories::{
    self, CategorySort, CategoryView, CreateCategory, DeleteCategory, UpdateCategory,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::CategoryId;

use super::dto::{CategoryFilters, CategoryRequest};
use crate::error::ApiError;
use crate::export;
use crate::extract::{
    Context, Editable, ExportQuery, Id, IfMatch, MergePatch, Posted, Replacement, RequiredIfMatch,
    SearchQuery,
};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader, RequiredIfMatchHeader};
use crate::respond::{self, List};

/// Create a category
///
/// At the top, or in another one: ten levels at most.
#[utoipa::path(post, path = "/api/v1/categories", tag = "categories", operation_id = "createCategory", request_body = CategoryRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = CategoryView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn create(
    context: Context,
    posted: Posted<CategoryRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let details = posted.body.into_details().map_err(ApiError::invalid)?;
    let answer = executor.execute(context.0, posted.key, CreateCategory { details }, |view: CategoryView| {
        let location = format!("/api/v1/categories/{}", view.id);
        respond::created(location, view.version, &view)
    });
    respond::answer(answer.await?)
}

/// Replace what is known of a category
///
/// The body is what GET gave, with your changes. A member that is missing is an error, not an erasure.
#[utoipa::path(put, path = "/api/v1/categories/{id}", tag = "categories", operation_id = "replaceCategory",
    request_body = CategoryRequest, params(IdParam, RequiredIfMatchHeader),
    responses((status = 200, body = CategoryView, headers(("ETag" = String)))))]
pub(crate) async fn replace(
    context: Context,
    id: Id<CategoryId>,
    expected: RequiredIfMatch,
    body: Replacement<CategoryRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateCategory { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Change a part of what is known of a category, or move it
///
/// Another `parent_id` moves it, with all that is below it. A merge patch (RFC 7396): members that are missing stay as they are, null erases, arrays are replaced as a whole.
#[utoipa::path(patch, path = "/api/v1/categories/{id}", tag = "categories", operation_id = "updateCategory",
    request_body = CategoryRequest, params(IdParam, IfMatchHeader),
    responses((status = 200, body = CategoryView, headers(("ETag" = String)))))]
pub(crate) async fn update(
    context: Context,
    id: Id<CategoryId>,
    expected: IfMatch,
    body: MergePatch<CategoryRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateCategory { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Delete a category that nothing is in
#[utoipa::path(delete, path = "/api/v1/categories/{id}", tag = "categories", operation_id = "deleteCategory",
    params(IdParam, RequiredIfMatchHeader),
    responses((status = 204)))]
pub(crate) async fn delete(
    context: Context,
    id: Id<CategoryId>,
    expected: RequiredIfMatch,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = DeleteCategory { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, None, command, |()| Ok(respond::removed())).await?)
}

/// One category
#[utoipa::path(get, path = "/api/v1/categories/{id}", tag = "categories", operation_id = "getCategory", params(IdParam),
    responses((status = 200, body = CategoryView, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<CategoryId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = categories::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, view.version, &view))
}

/// Categories, a page at a time
#[utoipa::path(get, path = "/api/v1/categories", tag = "categories", operation_id = "listCategories", params(SearchQuery<CategoryFilters, CategorySort>),
    responses((status = 200, body = List<CategoryView>)))]
pub(crate) async fn list(
    context: Context,
    query: SearchQuery<CategoryFilters, CategorySort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = categories::list(&database, &context.0, &query.filter, &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, by code
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/categories.csv", tag = "categories", operation_id = "exportCategories", params(ExportQuery<CategoryFilters>),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: ExportQuery<CategoryFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(export::csv("categories", move |page: PageRequest<CategorySort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), query.0.clone());
        async move { categories::list(&database, &context, &filter, &page).await }
    }))
}

fn changed(view: CategoryView) -> Result<StoredResponse, Error> {
    respond::changed(view.version, &view)
}
