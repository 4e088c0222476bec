//! The handlers, one function per operation.

use std::io;

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpResponse, rt};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::accounting::{
    self, AccountsView, FecPiece, SalesSort, SalesView, SetAccounts, VatDueView,
};
use comptoir_core::platform::paging::PageRequest;
use futures::stream::{self, StreamExt};
use tokio::sync::mpsc;

use super::dto::{AccountsRequest, PeriodParameters, SalesParameters};
use crate::error::ApiError;
use crate::export;
use crate::extract::{Context, JsonBody, ListQuery, NoQuery, Query};
use crate::respond::{self, List};

/// Pieces of an export that wait for a client that reads slowly, of 64 KiB each.
const PIECES: usize = 4;

/// The VAT that is due in a period
///
/// By cause, category and rate: on goods when they are delivered, on services when they are invoiced or paid, on deposits when they are paid. Credit notes are taken off. Each cent is in one period.
#[utoipa::path(get, path = "/api/v1/accounting/vat-due", tag = "accounting", operation_id = "getVatDue", params(PeriodParameters),
    responses((status = 200, body = VatDueView)))]
pub(crate) async fn vat_due(
    context: Context,
    query: Query<PeriodParameters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let period = query.0.period()?;
    Ok(HttpResponse::Ok().json(accounting::vat_due(&database, &context.0, period).await?))
}

/// The same as CSV
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/accounting/vat-due.csv", tag = "accounting", operation_id = "exportVatDue", params(PeriodParameters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_vat_due(
    context: Context,
    query: Query<PeriodParameters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let period = query.0.period()?;
    let due = accounting::vat_due(&database, &context.0, period).await?;
    export::csv_of("vat-due", &due.lines)
}

/// Sales as the documents say, by period, customer or product
///
/// By the dates on which documents were issued. Credit notes are taken off; deposits are no sales. By product without VAT, with a row for what is no product.
#[utoipa::path(get, path = "/api/v1/accounting/sales", tag = "accounting", operation_id = "listInvoicedSales", params(SalesParameters, ListQuery<SalesParameters, SalesSort>),
    responses((status = 200, body = List<SalesView>)))]
pub(crate) async fn sales(
    context: Context,
    query: ListQuery<SalesParameters, SalesSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = query.filter.filter()?;
    Ok(respond::listed(accounting::sales(&database, &context.0, &filter, &query.page).await?))
}

/// The same as CSV
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/accounting/sales.csv", tag = "accounting", operation_id = "exportInvoicedSales", params(SalesParameters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_sales(
    context: Context,
    query: Query<SalesParameters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = query.0.filter()?;
    Ok(export::csv("sales", move |page: PageRequest<SalesSort>| {
        let (database, context) = (database.clone(), context.0.clone());
        async move { accounting::sales(&database, &context, &filter, &page).await }
    }))
}

/// Entries for the accounts, of one fiscal year at most
///
/// A file as article A47 A-1 of the French Livre des procédures fiscales describes it (FEC): 18 columns separated by tabs, in ISO 8859-15, with invoices, deposits, credit notes and payments. Every
/// entry balances, or there is no file. An export that breaks off ends without the end of the HTTP message.
#[utoipa::path(get, path = "/api/v1/accounting/fec", tag = "accounting", operation_id = "exportAccountingEntries", params(PeriodParameters),
    responses((status = 200, content_type = "text/plain", body = String)))]
pub(crate) async fn fec(
    context: Context,
    query: Query<PeriodParameters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let period = query.0.fiscal_year()?;
    let file = accounting::fec_file(&database, &context.0, period).await?;
    let disposition = format!("attachment; filename=\"{}\"", file.name);
    let (sender, mut receiver) = mpsc::channel::<FecPiece>(PIECES);
    rt::spawn(async move {
        if let Err(error) = accounting::write_fec(&database, &context.0, &file, &sender).await {
            // The last that is read, if somebody still does.
            if sender.send(Err(error)).await.is_err() {
                tracing::debug!("nobody reads the accounting export any more");
            }
        }
    });
    // What refuses the export is known before its first piece.
    let first = receiver.recv().await.ok_or(Error::NoOutcome)??;
    let rest = stream::unfold(receiver, |mut receiver| async move {
        let piece = receiver.recv().await?;
        let piece = piece.inspect_err(|error| tracing::warn!(%error, export = "fec", "an export broke off"));
        Some((piece.map(Bytes::from).map_err(io::Error::other), receiver))
    });
    let first = stream::once(async move { Ok::<_, io::Error>(Bytes::from(first)) });
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; charset=ISO-8859-15"))
        .insert_header((CONTENT_DISPOSITION, disposition))
        .streaming(first.chain(rest)))
}

/// On which accounts sales and payments are booked
#[utoipa::path(get, path = "/api/v1/accounting/accounts", tag = "accounting", operation_id = "getAccountingAccounts",
    responses((status = 200, body = AccountsView)))]
pub(crate) async fn accounts(
    context: Context,
    _: NoQuery,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(accounting::accounts(&database, &context.0).await?))
}

/// Say on which accounts sales and payments are booked
///
/// All of the company's own: those that are left out are booked on the usual accounts again.
#[utoipa::path(put, path = "/api/v1/accounting/accounts", tag = "accounting", operation_id = "setAccountingAccounts", request_body = AccountsRequest,
    responses((status = 200, body = AccountsView)))]
pub(crate) async fn set_accounts(
    context: Context,
    body: JsonBody<AccountsRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = SetAccounts::from(body.0);
    let set = |view: AccountsView| respond::done(&view);
    respond::answer(executor.execute(context.0, None, command, set).await?)
}
