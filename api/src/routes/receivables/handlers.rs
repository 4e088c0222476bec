//! The handlers, one function per operation.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::accounts::tenants;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::commerce::receivables::{self, AgedFilter, AgedSort, AgedView, StatementView};
use comptoir_core::commerce::{customers, documents};
use comptoir_core::platform::paging::{Page, PageRequest};
use comptoir_core::values::ids::CustomerId;
use comptoir_documents::RenderError;
use utoipa::ToSchema;

use super::dto::{AgedFilters, StatementDays, StatementLine};
use crate::documents::statement_pdf;
use crate::error::ApiError;
use crate::export;
use crate::extract::{Context, ListQuery, Query, part};
use crate::openapi::IdParam;
use crate::respond::{self, List};

/// What customers owe, by how long it has been due, a page at a time
///
/// Only those that owe something or have something left. A page looks at 500 customers: it may hold fewer than asked for, or none, and there may be more
/// behind it.
#[utoipa::path(get, path = "/api/v1/invoices/aged-balance", tag = "payments", operation_id = "getAgedBalance", params(AgedFilters, ListQuery<AgedFilters, AgedSort>),
    responses((status = 200, body = List<AgedView>)))]
pub(crate) async fn aged_balance(
    context: Context,
    query: ListQuery<AgedFilters, AgedSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = receivables::aged_balance(&database, &context.0, query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, by the codes of the customers
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/invoices/aged-balance.csv", tag = "payments", operation_id = "exportAgedBalance", params(AgedFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_aged_balance(
    context: Context,
    query: Query<AgedFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = AgedFilter::from(query.0);
    Ok(export::csv("aged-balance", move |page: PageRequest<AgedSort>| {
        let (database, context) = (database.clone(), context.0.clone());
        async move { receivables::aged_balance(&database, &context, filter, &page).await }
    }))
}

/// A customer's account in a period
///
/// Documents and payments in the order of their days, with what the customer owes after each: read at one moment, at most 5,000.
#[utoipa::path(get, path = "/api/v1/customers/{id}/statement", tag = "payments", operation_id = "getCustomerStatement", params(IdParam, StatementDays),
    responses((status = 200, body = StatementView)))]
pub(crate) async fn statement(
    request: HttpRequest,
    context: Context,
    query: Query<StatementDays>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: CustomerId = part(&request, "id")?;
    let view = receivables::statement(&database, &context.0, id, query.0.into()).await?;
    Ok(HttpResponse::Ok().json(view))
}

/// The same as CSV
///
/// Its first line says what the customer owed before, its last one what it owes after.
#[utoipa::path(get, path = "/api/v1/customers/{id}/statement.csv", tag = "payments", operation_id = "exportCustomerStatement", params(IdParam, StatementDays),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_statement(
    request: HttpRequest,
    context: Context,
    query: Query<StatementDays>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: CustomerId = part(&request, "id")?;
    // It is read before the file begins, in one snapshot.
    let view = receivables::statement(&database, &context.0, id, query.0.into()).await?;
    let lines = StatementLine::all(view);
    Ok(export::csv("statement", move |_: PageRequest<AgedSort>| {
        let data = lines.clone();
        async move { Ok(Page { data, next_cursor: None, count: None }) }
    }))
}

/// A statement for people to read.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "documentation")]
pub(crate) struct StatementPdf(Vec<u8>);

/// The same as a PDF
///
/// In the customer's language, with your logo and colour, made as it is asked for: it is not kept.
#[utoipa::path(get, path = "/api/v1/customers/{id}/statement.pdf", tag = "payments", operation_id = "getCustomerStatementPdf", params(IdParam, StatementDays),
    responses((status = 200, content_type = "application/pdf", body = StatementPdf)))]
pub(crate) async fn print_statement(
    request: HttpRequest,
    context: Context,
    query: Query<StatementDays>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: CustomerId = part(&request, "id")?;
    let view = receivables::statement(&database, &context.0, id, query.0.into()).await?;
    let seller = tenants::get(&database, &context.0).await?;
    let buyer = customers::get(&database, &context.0, id).await?;
    let style = documents::look(&database, &context.0).await?;
    let name = format!("statement-{}-{}.pdf", view.from, view.to);
    // It is drawn, which takes a processor for a while.
    let drawn = tokio::task::spawn_blocking(move || statement_pdf(view, &seller, &buyer, &style)).await;
    let pdf = drawn.map_err(Error::from)?.map_err(|error| not_drawn(&error))?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/pdf"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(pdf))
}

fn not_drawn(error: &RenderError) -> ApiError {
    match error {
        RenderError::Invalid(_) | RenderError::Glyphs(_) => {
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_statement", error.to_string())
        }
        _ => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            ApiError::new(status, "internal", "the server failed; nothing was changed").with_cause(error)
        }
    }
}
