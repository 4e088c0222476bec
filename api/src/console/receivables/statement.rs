//! A customer's account in a period. Its parameters are those of `GET /api/v1/customers/{id}/statement`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::receivables::{self, EntryKind, StatementEntry};
use comptoir_core::values::ids::CustomerId;
use comptoir_core::values::money::Money;

use crate::console::layout::{self, Page};
use crate::console::lists::Address;
use crate::console::visitor::Visitor;
use crate::console::words::{Payments, payments as said};
use crate::error::ApiError;
use crate::extract::{Query, part};
use crate::routes::receivables::StatementDays;

#[derive(Template)]
#[template(path = "console/receivables/statement.html")]
struct StatementPage {
    page: Page,
    w: &'static Payments,
    id: String,
    code: String,
    from: String,
    to: String,
    opening: String,
    rows: Vec<Row>,
    closing: String,
}

struct Row {
    date: String,
    kind: &'static str,
    reference: String,
    document: String,
    due: String,
    debit: String,
    credit: String,
    balance: String,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: CustomerId = part(&request, "id")?;
    let days = Query::<StatementDays>::parse(&Address::of(&request).query(&[]))?;
    let view = receivables::statement(&database, &visitor.context, id, days.0.into()).await?;
    let money = |amount| visitor.format.money(amount, &view.currency);
    let page = StatementPage {
        page: visitor.page(&view.customer_name).about("invoice.*,payment.*"),
        w: Payments::of(visitor.language),
        id: id.to_string(),
        code: view.customer_code.clone(),
        from: view.from.date().to_string(),
        to: view.to.date().to_string(),
        opening: money(&view.opening),
        closing: money(&view.closing),
        rows: view.entries.iter().map(|entry| row(entry, &view.currency, &visitor)).collect(),
    };
    layout::ok(&page)
}

fn row(entry: &StatementEntry, currency: &str, visitor: &Visitor) -> Row {
    let money = |amount: Option<&Money>| {
        amount.map(|amount| visitor.format.money(amount, currency)).unwrap_or_default()
    };
    let folder = match entry.kind {
        EntryKind::Payment | EntryKind::Reversal => "payments",
        EntryKind::Invoice | EntryKind::Prepayment | EntryKind::CreditNote => "invoices",
    };
    let kind = said::entry(entry.kind, visitor.language);
    Row {
        date: visitor.format.business_day(entry.date),
        kind,
        reference: entry.reference.clone().unwrap_or_else(|| kind.to_owned()),
        document: format!("/console/{folder}/{}", entry.document_id),
        due: entry.due_on.map(|day| visitor.format.business_day(day)).unwrap_or_default(),
        debit: money(entry.debit.as_ref()),
        credit: money(entry.credit.as_ref()),
        balance: money(Some(&entry.balance)),
    }
}
