//! The aged balance. Its parameters are those of `GET /api/v1/invoices/aged-balance`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::receivables::{self, AgedSort, AgedView};

use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Head, Turn};
use crate::console::visitor::Visitor;
use crate::console::words::Payments;
use crate::error::ApiError;
use crate::extract::ListQuery;
use crate::routes::receivables::AgedFilters;

type Query = ListQuery<AgedFilters, AgedSort>;

#[derive(Template)]
#[template(path = "console/receivables/aged.html")]
struct AgedPage {
    page: Page,
    w: &'static Payments,
    csv: Address,
    at: String,
    heads: Vec<Head>,
    rows: Vec<Row>,
    turn: Turn,
}

struct Row {
    id: String,
    name: String,
    code: String,
    amounts: Vec<String>,
    balance: String,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Payments::of(visitor.language), Address::of(&request));
    let Query { filter, page: wanted } = Query::parse(&address.query(&[]))?;
    let found = receivables::aged_balance(&database, &visitor.context, filter.into(), &wanted).await?;
    let numbers = [w.not_due, w.days_30, w.days_60, w.days_90, w.older, w.credit, w.balance];
    let heads = std::iter::once(Head::text(w.customer)).chain(numbers.map(Head::number));
    let page = AgedPage {
        page: visitor.page(w.aged).about("invoice.*,payment.*"),
        w,
        csv: address.export("/console/payments/aged-balance.csv"),
        at: address.get("at").map_or_else(|| visitor.format.today().to_string(), str::to_owned),
        heads: heads.collect(),
        rows: found.data.iter().map(|view| row(view, &visitor)).collect(),
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
    };
    layout::ok(&page)
}

fn row(view: &AgedView, visitor: &Visitor) -> Row {
    let amounts =
        [&view.not_due, &view.days_1_30, &view.days_31_60, &view.days_61_90, &view.over_90, &view.credit];
    Row {
        id: view.customer_id.to_string(),
        name: view.customer_name.clone(),
        code: view.customer_code.clone(),
        amounts: amounts.map(|amount| visitor.money(amount)).to_vec(),
        balance: visitor.money(&view.balance),
    }
}
