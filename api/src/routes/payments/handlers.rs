//! The handlers, one function per operation.

use actix_web::HttpResponse;
use actix_web::web::Data;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::payments::{
    self, BalanceView, PaymentFilter, PaymentSort, PaymentSummary, PaymentView, RecordPayment,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::{CustomerId, PaymentId};

use super::dto::{PaymentFilters, RecordPaymentRequest, ReversePaymentRequest, UseCreditRequest};
use crate::error::ApiError;
use crate::export;
use crate::extract::{Context, Id, ListQuery, Posted, Query};
use crate::openapi::{IdParam, IdempotencyHeader};
use crate::respond::{self, List};

/// Record a payment
///
/// It pays the invoices that are named, or those that have been due for the longest time. What is left is credit of the customer.
#[utoipa::path(post, path = "/api/v1/payments", tag = "payments", operation_id = "recordPayment", request_body = RecordPaymentRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = PaymentView, headers(("Location" = String)))))]
pub(crate) async fn record(
    context: Context,
    posted: Posted<RecordPaymentRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = RecordPayment::from(posted.body);
    respond::answer(executor.execute(context.0, posted.key, command, recorded).await?)
}

/// Reverse a payment
///
/// Another payment undoes it, with all that it pays by now. The answer is the reversal.
#[utoipa::path(post, path = "/api/v1/payments/{id}/reverse", tag = "payments", operation_id = "reversePayment", request_body = ReversePaymentRequest,
    params(IdParam, IdempotencyHeader),
    responses((status = 201, body = PaymentView, headers(("Location" = String)))))]
pub(crate) async fn reverse(
    context: Context,
    id: Id<PaymentId>,
    posted: Posted<ReversePaymentRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = posted.body.into_command(id.0);
    respond::answer(executor.execute(context.0, posted.key, command, recorded).await?)
}

/// One payment with what it pays
#[utoipa::path(get, path = "/api/v1/payments/{id}", tag = "payments", operation_id = "getPayment", params(IdParam),
    responses((status = 200, body = PaymentView)))]
pub(crate) async fn get(
    context: Context,
    id: Id<PaymentId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    // What its rest pays later changes what it shows, and not its version: it has no ETag.
    Ok(HttpResponse::Ok().json(payments::get(&database, &context.0, id.0).await?))
}

/// Payments, a page at a time
#[utoipa::path(get, path = "/api/v1/payments", tag = "payments", operation_id = "listPayments", params(PaymentFilters, ListQuery<PaymentFilters, PaymentSort>),
    responses((status = 200, body = List<PaymentSummary>)))]
pub(crate) async fn list(
    context: Context,
    query: ListQuery<PaymentFilters, PaymentSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = payments::list(&database, &context.0, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, newest first
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/payments.csv", tag = "payments", operation_id = "exportPayments", params(PaymentFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: Query<PaymentFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = PaymentFilter::from(query.0);
    Ok(export::csv("payments", move |page: PageRequest<PaymentSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { payments::list(&database, &context, &filter, &page).await }
    }))
}

/// What a customer has to pay, and what is left of what was paid or credited
#[utoipa::path(get, path = "/api/v1/customers/{id}/balance", tag = "payments", operation_id = "getCustomerBalance", params(IdParam),
    responses((status = 200, body = BalanceView)))]
pub(crate) async fn balance(
    context: Context,
    id: Id<CustomerId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(payments::balance(&database, &context.0, id.0).await?))
}

/// Pay invoices with what earlier payments and credit notes have left
///
/// The oldest first. The answer is what is open and what is left then.
#[utoipa::path(post, path = "/api/v1/customers/{id}/use-credit", tag = "payments", operation_id = "useCustomerCredit", request_body = UseCreditRequest,
    params(IdParam, IdempotencyHeader),
    responses((status = 200, body = BalanceView)))]
pub(crate) async fn use_credit(
    context: Context,
    id: Id<CustomerId>,
    posted: Posted<UseCreditRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = posted.body.into_command(id.0);
    let used = |view: BalanceView| respond::done(&view);
    respond::answer(executor.execute(context.0, posted.key, command, used).await?)
}

fn recorded(view: PaymentView) -> Result<StoredResponse, Error> {
    let location = format!("/api/v1/payments/{}", view.summary.id);
    respond::made(location, &view)
}
