//! One document that moved goods. It never changes: another one corrects it.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::stock_documents;
use comptoir_core::values::ids::StockDocumentId;

use super::documents::{kind, name, way};
use crate::console::layout::{self, Page};
use crate::console::lists::Address;
use crate::console::places::Places;
use crate::console::visitor::Visitor;
use crate::console::words::Stock;
use crate::error::ApiError;
use crate::extract::part;

#[derive(Template)]
#[template(path = "console/stock/document.html")]
struct DocumentPage {
    page: Page,
    w: &'static Stock,
    kind: String,
    back: String,
    warehouse: String,
    day: String,
    who: String,
    reason: Option<String>,
    lines: Vec<Line>,
    shows_costs: bool,
}

struct Line {
    name: String,
    sku: String,
    change: String,
    cost: String,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: StockDocumentId = part(&request, "id")?;
    let w = Stock::of(visitor.language);
    let notice = Address::of(&request).is("done", "posted").then_some(w.done_posted);
    let found = stock_documents::get(&database, &visitor.context, id).await?;
    let places = Places::of(&visitor, &database).await?;
    let format = &visitor.format;
    let mut lines = Vec::with_capacity(found.lines.len());
    for line in &found.lines {
        let cost = line.unit_cost.as_ref().map(|cost| format.price(cost, &visitor.tenant.currency));
        lines.push(Line {
            name: line.name.clone(),
            sku: line.sku.clone(),
            change: format.decimal(line.change.value()),
            cost: cost.unwrap_or_default(),
        });
    }
    let document = &found.summary;
    let page = DocumentPage {
        page: visitor.page(name(document, w)).saying(notice),
        w,
        kind: kind(document.kind, w).to_string(),
        back: format!("/console/receipts?kind={}", document.kind.as_str()),
        warehouse: way(document, &places),
        day: format.business_day(document.business_date),
        who: document.created_by.clone(),
        reason: document.reason.clone(),
        shows_costs: lines.iter().any(|line| !line.cost.is_empty()),
        lines,
    };
    layout::ok(&page)
}
