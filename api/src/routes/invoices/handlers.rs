//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::invoices::{
    self, CreateInvoice, DeleteInvoice, DraftView, InvoiceShipped, InvoiceSort, InvoiceSummary, InvoiceView,
    UpdateInvoiceDraft, ValidateInvoice,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::InvoiceId;

use super::dto::{
    InvoiceFilters, InvoiceMonthRequest, InvoiceOrdersRequest, InvoiceRequest, InvoiceShipmentsRequest,
};
use crate::error::ApiError;
use crate::export;
use crate::extract::{
    Context, Editable, Empty, ExportQuery, Id, IfMatch, MergePatch, Posted, Replacement, RequiredIfMatch,
    SearchQuery,
};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader, RequiredIfMatchHeader};
use crate::respond::{self, List};

/// Draft an invoice
///
/// It has no number yet, and can be changed and deleted.
#[utoipa::path(post, path = "/api/v1/invoices", tag = "invoices", operation_id = "createInvoice", request_body = InvoiceRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = InvoiceView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn create(
    context: Context,
    posted: Posted<InvoiceRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = CreateInvoice { details: posted.body.into_details().map_err(ApiError::invalid)? };
    respond::answer(executor.execute(context.0, posted.key, command, drafted).await?)
}

/// Draft an invoice of orders
///
/// Of all that has left of them, has not come back and is not invoiced yet. The orders are of one customer.
#[utoipa::path(post, path = "/api/v1/invoices/from-orders", tag = "invoices", operation_id = "invoiceOrders", request_body = InvoiceOrdersRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = InvoiceView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn from_orders(
    context: Context,
    posted: Posted<InvoiceOrdersRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = InvoiceShipped::from(posted.body);
    respond::answer(executor.execute(context.0, posted.key, command, drafted).await?)
}

/// Draft an invoice of shipments
///
/// Of all that they took, has not come back and is not invoiced yet. Their orders are of one customer.
#[utoipa::path(post, path = "/api/v1/invoices/from-shipments", tag = "invoices", operation_id = "invoiceShipments", request_body = InvoiceShipmentsRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = InvoiceView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn from_shipments(
    context: Context,
    posted: Posted<InvoiceShipmentsRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = InvoiceShipped::from(posted.body);
    respond::answer(executor.execute(context.0, posted.key, command, drafted).await?)
}

/// Draft an invoice of a month
///
/// Of all that left for the customer in the month, has not come back and is not invoiced yet.
#[utoipa::path(post, path = "/api/v1/invoices/from-month", tag = "invoices", operation_id = "invoiceMonth", request_body = InvoiceMonthRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = InvoiceView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn from_month(
    context: Context,
    posted: Posted<InvoiceMonthRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = InvoiceShipped::from(posted.body);
    respond::answer(executor.execute(context.0, posted.key, command, drafted).await?)
}

pub(super) fn drafted(view: InvoiceView) -> Result<StoredResponse, Error> {
    let location = format!("/api/v1/invoices/{}", view.summary.id);
    respond::created(location, view.summary.version, &view)
}

/// What a draft says
#[utoipa::path(get, path = "/api/v1/invoices/{id}/draft", tag = "invoices", operation_id = "getInvoiceDraft", params(IdParam),
    responses((status = 200, body = DraftView, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get_draft(
    request: HttpRequest,
    context: Context,
    id: Id<InvoiceId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = invoices::get_draft(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, view.version, &view))
}

/// Replace what a draft says
///
/// The body is what GET gave, with your changes. A member that is missing is an error, not an erasure.
#[utoipa::path(put, path = "/api/v1/invoices/{id}/draft", tag = "invoices", operation_id = "replaceInvoiceDraft",
    request_body = InvoiceRequest, params(IdParam, RequiredIfMatchHeader),
    responses((status = 200, body = DraftView, headers(("ETag" = String)))))]
pub(crate) async fn replace_draft(
    context: Context,
    id: Id<InvoiceId>,
    expected: RequiredIfMatch,
    body: Replacement<InvoiceRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateInvoiceDraft { id: id.0, expected_version: expected.0, edit: body.edit() };
    let changed = |view: DraftView| respond::changed(view.version, &view);
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Change a part of what a draft says
///
/// A merge patch (RFC 7396): members that are missing stay as they are, null erases, arrays are replaced as a whole.
#[utoipa::path(patch, path = "/api/v1/invoices/{id}/draft", tag = "invoices", operation_id = "updateInvoiceDraft",
    request_body = InvoiceRequest, params(IdParam, IfMatchHeader),
    responses((status = 200, body = DraftView, headers(("ETag" = String)))))]
pub(crate) async fn update_draft(
    context: Context,
    id: Id<InvoiceId>,
    expected: IfMatch,
    body: MergePatch<InvoiceRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateInvoiceDraft { id: id.0, expected_version: expected.0, edit: body.edit() };
    let changed = |view: DraftView| respond::changed(view.version, &view);
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Delete a draft
#[utoipa::path(delete, path = "/api/v1/invoices/{id}", tag = "invoices", operation_id = "deleteInvoice",
    params(IdParam, RequiredIfMatchHeader),
    responses((status = 204)))]
pub(crate) async fn delete(
    context: Context,
    id: Id<InvoiceId>,
    expected: RequiredIfMatch,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = DeleteInvoice { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, None, command, |()| Ok(respond::removed())).await?)
}

/// Give an invoice its number
///
/// From now on it never changes. Everything that is missing or wrong is answered before a number is drawn (422 `invoice_incomplete`); pointers begin with
/// `/draft`, `/tenant` or `/customer`: what is to be changed.
#[utoipa::path(post, path = "/api/v1/invoices/{id}/validate", tag = "invoices", operation_id = "validateInvoice",
    request_body = Option<Empty>, params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = InvoiceView, headers(("ETag" = String)))))]
pub(crate) async fn validate(
    context: Context,
    id: Id<InvoiceId>,
    expected: IfMatch,
    posted: Posted<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = ValidateInvoice { id: id.0, expected_version: expected.0 };
    let changed = |view: InvoiceView| respond::changed(view.summary.version, &view);
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// One invoice, with what it says
#[utoipa::path(get, path = "/api/v1/invoices/{id}", tag = "invoices", operation_id = "getInvoice", params(IdParam),
    responses((status = 200, body = InvoiceView, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<InvoiceId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = invoices::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, view.summary.version, &view))
}

/// Invoices, a page at a time
#[utoipa::path(get, path = "/api/v1/invoices", tag = "invoices", operation_id = "listInvoices", params(SearchQuery<InvoiceFilters, InvoiceSort>),
    responses((status = 200, body = List<InvoiceSummary>)))]
pub(crate) async fn list(
    context: Context,
    query: SearchQuery<InvoiceFilters, InvoiceSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = invoices::list(&database, &context.0, &query.filter, &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, newest first
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/invoices.csv", tag = "invoices", operation_id = "exportInvoices", params(ExportQuery<InvoiceFilters>),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: ExportQuery<InvoiceFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(export::csv("invoices", move |page: PageRequest<InvoiceSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), query.0.clone());
        async move { invoices::list(&database, &context, &filter, &page).await }
    }))
}
