//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::credit::{self, CreditView};
use comptoir_core::commerce::customers::{
    self, AnonymiseCustomer, CreateCustomer, CustomerSort, CustomerView, DeleteCustomer, UpdateCustomer,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::CustomerId;

use super::dto::{AnonymiseCustomerRequest, CustomerFilters, CustomerRequest};
use crate::error::ApiError;
use crate::export;
use crate::extract::{
    Context, Editable, ExportQuery, Id, IfMatch, MergePatch, Posted, Replacement, RequiredIfMatch,
    SearchQuery,
};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader, RequiredIfMatchHeader};
use crate::respond::{self, List};

/// Create a customer
#[utoipa::path(post, path = "/api/v1/customers", tag = "customers", operation_id = "createCustomer", request_body = CustomerRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = CustomerView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn create(
    context: Context,
    posted: Posted<CustomerRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let details = posted.body.into_details().map_err(ApiError::invalid)?;
    let answer = executor.execute(context.0, posted.key, CreateCustomer { details }, |view: CustomerView| {
        let location = format!("/api/v1/customers/{}", view.id);
        respond::created(location, view.version, &view)
    });
    respond::answer(answer.await?)
}

/// Replace what is known of a customer
///
/// The body is what GET gave, with your changes. A member that is missing is an error, not an erasure.
#[utoipa::path(put, path = "/api/v1/customers/{id}", tag = "customers", operation_id = "replaceCustomer",
    request_body = CustomerRequest, params(IdParam, RequiredIfMatchHeader),
    responses((status = 200, body = CustomerView, headers(("ETag" = String)))))]
pub(crate) async fn replace(
    context: Context,
    id: Id<CustomerId>,
    expected: RequiredIfMatch,
    body: Replacement<CustomerRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateCustomer { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Change a part of what is known of a customer
///
/// A merge patch (RFC 7396): members that are missing stay as they are, null erases, arrays are replaced as a whole.
#[utoipa::path(patch, path = "/api/v1/customers/{id}", tag = "customers", operation_id = "updateCustomer",
    request_body = CustomerRequest, params(IdParam, IfMatchHeader),
    responses((status = 200, body = CustomerView, headers(("ETag" = String)))))]
pub(crate) async fn update(
    context: Context,
    id: Id<CustomerId>,
    expected: IfMatch,
    body: MergePatch<CustomerRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateCustomer { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Delete a customer that has no orders
#[utoipa::path(delete, path = "/api/v1/customers/{id}", tag = "customers", operation_id = "deleteCustomer",
    params(IdParam, RequiredIfMatchHeader),
    responses((status = 204)))]
pub(crate) async fn delete(
    context: Context,
    id: Id<CustomerId>,
    expected: RequiredIfMatch,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = DeleteCustomer { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, None, command, |()| Ok(respond::removed())).await?)
}

/// Anonymise a customer whom no law keeps
///
/// For good: name, addresses, numbers and terms go, here, in drafts of invoices, in orders and in e-mails. Documents that have a number stay as they
/// are. Refused as long as something is open, and for ten years after the last shipment, invoice or payment.
#[utoipa::path(post, path = "/api/v1/customers/{id}/anonymise", tag = "customers", operation_id = "anonymiseCustomer",
    request_body = AnonymiseCustomerRequest, params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = CustomerView, headers(("ETag" = String)))))]
pub(crate) async fn anonymise(
    context: Context,
    id: Id<CustomerId>,
    expected: IfMatch,
    posted: Posted<AnonymiseCustomerRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = AnonymiseCustomer { id: id.0, expected_version: expected.0, reason: posted.body.reason };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// One customer
#[utoipa::path(get, path = "/api/v1/customers/{id}", tag = "customers", operation_id = "getCustomer", params(IdParam),
    responses((status = 200, body = CustomerView, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<CustomerId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = customers::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, view.version, &view))
}

/// What the orders and open invoices of a customer come to, beside their credit limit
#[utoipa::path(get, path = "/api/v1/customers/{id}/credit", tag = "customers", operation_id = "getCustomerCredit", params(IdParam),
    responses((status = 200, body = CreditView)))]
pub(crate) async fn credit(
    context: Context,
    id: Id<CustomerId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(credit::get(&database, &context.0, id.0).await?))
}

/// Customers, a page at a time
#[utoipa::path(get, path = "/api/v1/customers", tag = "customers", operation_id = "listCustomers", params(SearchQuery<CustomerFilters, CustomerSort>),
    responses((status = 200, body = List<CustomerView>)))]
pub(crate) async fn list(
    context: Context,
    query: SearchQuery<CustomerFilters, CustomerSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = customers::list(&database, &context.0, &query.filter, &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, by code
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/customers.csv", tag = "customers", operation_id = "exportCustomers", params(ExportQuery<CustomerFilters>),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: ExportQuery<CustomerFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(export::csv("customers", move |page: PageRequest<CustomerSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), query.0.clone());
        async move { customers::list(&database, &context, &filter, &page).await }
    }))
}

fn changed(view: CustomerView) -> Result<StoredResponse, Error> {
    respond::changed(view.version, &view)
}
