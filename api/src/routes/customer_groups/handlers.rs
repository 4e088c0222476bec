//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::customer_groups::{
    self, CreateCustomerGroup, CustomerGroupSort, CustomerGroupView, DeleteCustomerGroup, UpdateCustomerGroup,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::CustomerGroupId;

use super::dto::{CustomerGroupFilters, CustomerGroupRequest};
use crate::error::ApiError;
use crate::export;
use crate::extract::{
    Context, Editable, ExportQuery, Id, IfMatch, MergePatch, Posted, Replacement, RequiredIfMatch,
    SearchQuery,
};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader, RequiredIfMatchHeader};
use crate::respond::{self, List};

/// Create a group of customers
#[utoipa::path(post, path = "/api/v1/customer-groups", tag = "customer-groups", operation_id = "createCustomerGroup", request_body = CustomerGroupRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = CustomerGroupView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn create(
    context: Context,
    posted: Posted<CustomerGroupRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let details = posted.body.into_details().map_err(ApiError::invalid)?;
    let answer = executor.execute(
        context.0,
        posted.key,
        CreateCustomerGroup { details },
        |view: CustomerGroupView| {
            let location = format!("/api/v1/customer-groups/{}", view.id);
            respond::created(location, view.version, &view)
        },
    );
    respond::answer(answer.await?)
}

/// Replace what is known of a group
///
/// The body is what GET gave, with your changes. A member that is missing is an error, not an erasure.
#[utoipa::path(put, path = "/api/v1/customer-groups/{id}", tag = "customer-groups", operation_id = "replaceCustomerGroup",
    request_body = CustomerGroupRequest, params(IdParam, RequiredIfMatchHeader),
    responses((status = 200, body = CustomerGroupView, headers(("ETag" = String)))))]
pub(crate) async fn replace(
    context: Context,
    id: Id<CustomerGroupId>,
    expected: RequiredIfMatch,
    body: Replacement<CustomerGroupRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateCustomerGroup { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Change a part of what is known of a group
///
/// A merge patch (RFC 7396): members that are missing stay as they are, null erases, arrays are replaced as a whole.
#[utoipa::path(patch, path = "/api/v1/customer-groups/{id}", tag = "customer-groups", operation_id = "updateCustomerGroup",
    request_body = CustomerGroupRequest, params(IdParam, IfMatchHeader),
    responses((status = 200, body = CustomerGroupView, headers(("ETag" = String)))))]
pub(crate) async fn update(
    context: Context,
    id: Id<CustomerGroupId>,
    expected: IfMatch,
    body: MergePatch<CustomerGroupRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateCustomerGroup { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Delete a group of customers
///
/// One that customers or price lists name stays.
#[utoipa::path(delete, path = "/api/v1/customer-groups/{id}", tag = "customer-groups", operation_id = "deleteCustomerGroup",
    params(IdParam, RequiredIfMatchHeader),
    responses((status = 204)))]
pub(crate) async fn delete(
    context: Context,
    id: Id<CustomerGroupId>,
    expected: RequiredIfMatch,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = DeleteCustomerGroup { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, None, command, |()| Ok(respond::removed())).await?)
}

/// One group of customers
#[utoipa::path(get, path = "/api/v1/customer-groups/{id}", tag = "customer-groups", operation_id = "getCustomerGroup", params(IdParam),
    responses((status = 200, body = CustomerGroupView, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<CustomerGroupId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = customer_groups::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, view.version, &view))
}

/// Groups of customers, a page at a time
#[utoipa::path(get, path = "/api/v1/customer-groups", tag = "customer-groups", operation_id = "listCustomerGroups", params(SearchQuery<CustomerGroupFilters, CustomerGroupSort>),
    responses((status = 200, body = List<CustomerGroupView>)))]
pub(crate) async fn list(
    context: Context,
    query: SearchQuery<CustomerGroupFilters, CustomerGroupSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = customer_groups::list(&database, &context.0, &query.filter, &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, by code
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/customer-groups.csv", tag = "customer-groups", operation_id = "exportCustomerGroups", params(ExportQuery<CustomerGroupFilters>),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: ExportQuery<CustomerGroupFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(export::csv("customer-groups", move |page: PageRequest<CustomerGroupSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), query.0.clone());
        async move { customer_groups::list(&database, &context, &filter, &page).await }
    }))
}

fn changed(view: CustomerGroupView) -> Result<StoredResponse, Error> {
    respond::changed(view.version, &view)
}
