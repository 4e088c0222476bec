//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::customers::{
    self, CreateCustomer, CustomerView, DeleteCustomer, UpdateCustomer,
};
use comptoir_core::values::ids::CustomerId;

use super::dto::{CustomerQuery, CustomerRequest};
use crate::error::ApiError;
use crate::extract::{Context, Id, JsonBody, Posted, Query, RequiredIfMatch};
use crate::openapi::{CommandProblems, IdParam, IdempotencyHeader, QueryProblems, RequiredIfMatchHeader};
use crate::respond::{self, List};

/// Create a customer
#[utoipa::path(post, path = "/api/v1/customers", tag = "customers", request_body = CustomerRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = CustomerView, headers(("Location" = String), ("ETag" = String))), CommandProblems))]
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
#[utoipa::path(put, path = "/api/v1/customers/{id}", tag = "customers", request_body = CustomerRequest,
    params(IdParam, RequiredIfMatchHeader),
    responses((status = 200, body = CustomerView, headers(("ETag" = String))), CommandProblems))]
pub(crate) async fn update(
    context: Context,
    id: Id<CustomerId>,
    expected: RequiredIfMatch,
    body: JsonBody<CustomerRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let details = body.0.into_details().map_err(ApiError::invalid)?;
    let command = UpdateCustomer { id: id.0, expected_version: expected.0, details };
    let answer = executor
        .execute(context.0, None, command, |view: CustomerView| respond::changed(view.version, &view));
    respond::answer(answer.await?)
}

/// Delete a customer that has no orders
#[utoipa::path(delete, path = "/api/v1/customers/{id}", tag = "customers",
    params(IdParam, RequiredIfMatchHeader),
    responses((status = 204), CommandProblems))]
pub(crate) async fn delete(
    context: Context,
    id: Id<CustomerId>,
    expected: RequiredIfMatch,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = DeleteCustomer { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, None, command, |()| Ok(respond::removed())).await?)
}

/// One customer
#[utoipa::path(get, path = "/api/v1/customers/{id}", tag = "customers", params(IdParam),
    responses((status = 200, body = CustomerView, headers(("ETag" = String))), (status = 304), QueryProblems))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<CustomerId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = customers::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, view.version, &view))
}

/// Customers, a page at a time
#[utoipa::path(get, path = "/api/v1/customers", tag = "customers", params(CustomerQuery),
    responses((status = 200, body = List<CustomerView>), QueryProblems))]
pub(crate) async fn list(
    context: Context,
    query: Query<CustomerQuery>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (filter, page) = query.0.parse().map_err(ApiError::invalid)?;
    Ok(respond::listed(customers::list(&database, &context.0, &filter, &page).await?))
}
