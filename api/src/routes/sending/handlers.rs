//! The handlers, one function per operation.

use actix_web::HttpResponse;
use actix_web::web::Data;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::invoices::InvoiceSummary;
use comptoir_core::commerce::receivables::{DisputeInvoice, EndDispute};
use comptoir_core::commerce::sending::{self, MarkSent, SendInvoice, SendingView, TransmissionView};
use comptoir_core::mail::Policies;
use comptoir_core::platform::paging::Page;
use comptoir_core::values::ids::InvoiceId;

use super::dto::{DisputeInvoiceRequest, InvoiceSentRequest, PlatformStatusRequest, SendInvoiceRequest};
use crate::error::ApiError;
use crate::extract::{Context, Empty, Id, IfMatch, Posted};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader};
use crate::respond::{self, List};

/// Send an invoice to its customer
///
/// By e-mail with the document, as soon as that is there, or by the platform. The invoice is `sent` once the mail server or the platform took it; until
/// then the answer's `state`, and `/transmissions`, say how far it is.
#[utoipa::path(post, path = "/api/v1/invoices/{id}/send", tag = "invoices", operation_id = "sendInvoice", request_body = SendInvoiceRequest,
    params(IdParam, IdempotencyHeader),
    responses((status = 200, body = SendingView)))]
pub(crate) async fn send(
    context: Context,
    id: Id<InvoiceId>,
    posted: Posted<SendInvoiceRequest>,
    executor: Data<Executor>,
    policies: Data<Policies>,
) -> Result<HttpResponse, ApiError> {
    let command =
        SendInvoice { id: id.0, channel: posted.body.channel, policies: Policies::clone(&policies) };
    let asked = |view: SendingView| respond::done(&view);
    respond::answer(executor.execute(context.0, posted.key, command, asked).await?)
}

/// Record that a customer has an invoice
///
/// One that was downloaded: that somebody fetched the document says nothing of who has it, so this says it. It is `sent` from then on.
#[utoipa::path(post, path = "/api/v1/invoices/{id}/sent", tag = "invoices", operation_id = "recordInvoiceSent", request_body = InvoiceSentRequest,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = InvoiceSummary, headers(("ETag" = String)))))]
pub(crate) async fn mark_sent(
    context: Context,
    id: Id<InvoiceId>,
    expected: IfMatch,
    posted: Posted<InvoiceSentRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = MarkSent { id: id.0, expected_version: expected.0, channel: posted.body.channel.0 };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Record what a platform says of an invoice
///
/// The states of the French reform. `disputed` begins a dispute: the customer is not reminded of the invoice until it is ended.
#[utoipa::path(post, path = "/api/v1/invoices/{id}/platform-status", tag = "invoices", operation_id = "recordPlatformStatus",
    request_body = PlatformStatusRequest, params(IdParam, IdempotencyHeader),
    responses((status = 200, body = TransmissionView)))]
pub(crate) async fn platform_status(
    context: Context,
    id: Id<InvoiceId>,
    posted: Posted<PlatformStatusRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = posted.body.into_command(id.0);
    let recorded = |view: TransmissionView| respond::done(&view);
    respond::answer(executor.execute(context.0, posted.key, command, recorded).await?)
}

/// How an invoice reached its customer
///
/// Every step, the newest first; the last 500.
#[utoipa::path(get, path = "/api/v1/invoices/{id}/transmissions", tag = "invoices", operation_id = "listInvoiceTransmissions", params(IdParam),
    responses((status = 200, body = List<TransmissionView>)))]
pub(crate) async fn transmissions(
    context: Context,
    id: Id<InvoiceId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let data = sending::transmissions(&database, &context.0, id.0).await?;
    Ok(respond::listed(Page { data, next_cursor: None, count: None }))
}

/// Note that a customer disputes an invoice
///
/// It is not reminded of it until the dispute is ended.
#[utoipa::path(post, path = "/api/v1/invoices/{id}/dispute", tag = "invoices", operation_id = "disputeInvoice", request_body = DisputeInvoiceRequest,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = InvoiceSummary, headers(("ETag" = String)))))]
pub(crate) async fn dispute(
    context: Context,
    id: Id<InvoiceId>,
    expected: IfMatch,
    posted: Posted<DisputeInvoiceRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = DisputeInvoice { id: id.0, expected_version: expected.0, reason: posted.body.reason };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// End the dispute of an invoice
#[utoipa::path(post, path = "/api/v1/invoices/{id}/end-dispute", tag = "invoices", operation_id = "endInvoiceDispute", request_body = Option<Empty>,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = InvoiceSummary, headers(("ETag" = String)))))]
pub(crate) async fn end_dispute(
    context: Context,
    id: Id<InvoiceId>,
    expected: IfMatch,
    posted: Posted<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = EndDispute { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

fn changed(view: InvoiceSummary) -> Result<StoredResponse, Error> {
    respond::changed(view.version, &view)
}
