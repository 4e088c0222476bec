//! The handlers, one function per operation.

use actix_web::HttpResponse;
use actix_web::web::Data;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::stock_documents::{
    self, MoveGoods, StockDocumentFilter, StockDocumentSort, StockDocumentSummary, StockDocumentView,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::StockDocumentId;

use super::dto::{
    AdjustStockRequest, ReceiveGoodsRequest, RelocateStockRequest, StockDocumentFilters,
    TransferStockRequest, WriteOffStockRequest,
};
use crate::error::ApiError;
use crate::export;
use crate::extract::{Context, Id, ListQuery, Posted, Query};
use crate::openapi::{IdParam, IdempotencyHeader};
use crate::respond::{self, List};

/// Receive goods
///
/// Orders that wait for them get them at once, the oldest first; where more than 50 wait for one product, the others a moment later.
#[utoipa::path(post, path = "/api/v1/stock-receipts", tag = "stock-documents", operation_id = "receiveGoods", request_body = ReceiveGoodsRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = StockDocumentView, headers(("Location" = String)))))]
pub(crate) async fn receive(
    context: Context,
    posted: Posted<ReceiveGoodsRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = MoveGoods::from(posted.body);
    respond::answer(executor.execute(context.0, posted.key, command, made).await?)
}

/// Correct what the books say is there
///
/// If less remains than is reserved, the newest reservations are taken back, and their orders wait.
#[utoipa::path(post, path = "/api/v1/stock-adjustments", tag = "stock-documents", operation_id = "adjustStock", request_body = AdjustStockRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = StockDocumentView, headers(("Location" = String)))))]
pub(crate) async fn adjust(
    context: Context,
    posted: Posted<AdjustStockRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = MoveGoods::from(posted.body);
    respond::answer(executor.execute(context.0, posted.key, command, made).await?)
}

/// Write goods off that are lost
///
/// If less remains than is reserved, the newest reservations are taken back, and their orders wait.
#[utoipa::path(post, path = "/api/v1/stock-write-offs", tag = "stock-documents", operation_id = "writeOffStock", request_body = WriteOffStockRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = StockDocumentView, headers(("Location" = String)))))]
pub(crate) async fn write_off(
    context: Context,
    posted: Posted<WriteOffStockRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = MoveGoods::from(posted.body);
    respond::answer(executor.execute(context.0, posted.key, command, made).await?)
}

/// Take goods from one warehouse to another
///
/// At their average cost. What is reserved stays where it is: a transfer that would take it is refused.
#[utoipa::path(post, path = "/api/v1/stock-transfers", tag = "stock-documents", operation_id = "transferStock", request_body = TransferStockRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = StockDocumentView, headers(("Location" = String)))))]
pub(crate) async fn transfer(
    context: Context,
    posted: Posted<TransferStockRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = MoveGoods::from(posted.body);
    respond::answer(executor.execute(context.0, posted.key, command, made).await?)
}

/// Put goods into locations, or from one into another
///
/// What is on hand of the warehouse stays as it is, and so does what is reserved.
#[utoipa::path(post, path = "/api/v1/stock-relocations", tag = "stock-documents", operation_id = "relocateStock", request_body = RelocateStockRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = StockDocumentView, headers(("Location" = String)))))]
pub(crate) async fn relocate(
    context: Context,
    posted: Posted<RelocateStockRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = MoveGoods::from(posted.body);
    respond::answer(executor.execute(context.0, posted.key, command, made).await?)
}

/// Stock documents, a page at a time
#[utoipa::path(get, path = "/api/v1/stock-documents", tag = "stock-documents", operation_id = "listStockDocuments", params(StockDocumentFilters, ListQuery<StockDocumentFilters, StockDocumentSort>),
    responses((status = 200, body = List<StockDocumentSummary>)))]
pub(crate) async fn list(
    context: Context,
    query: ListQuery<StockDocumentFilters, StockDocumentSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = stock_documents::list(&database, &context.0, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, newest first
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/stock-documents.csv", tag = "stock-documents", operation_id = "exportStockDocuments", params(StockDocumentFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: Query<StockDocumentFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = StockDocumentFilter::from(query.0);
    Ok(export::csv("stock-documents", move |page: PageRequest<StockDocumentSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { stock_documents::list(&database, &context, &filter, &page).await }
    }))
}

/// One stock document with its lines
///
/// It never changes: another document corrects it.
#[utoipa::path(get, path = "/api/v1/stock-documents/{id}", tag = "stock-documents", operation_id = "getStockDocument", params(IdParam),
    responses((status = 200, body = StockDocumentView)))]
pub(crate) async fn get(
    context: Context,
    id: Id<StockDocumentId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(stock_documents::get(&database, &context.0, id.0).await?))
}

fn made(view: StockDocumentView) -> Result<StoredResponse, Error> {
    respond::made(format!("/api/v1/stock-documents/{}", view.summary.id), &view)
}
