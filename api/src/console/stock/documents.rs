//! Receipts, and the other documents that moved goods. Its parameters are those of `GET /api/v1/stock-documents`; without a kind
//! it is receipts.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::stock_documents::{
    self, StockDocumentFilter, StockDocumentKind, StockDocumentSort, StockDocumentSummary,
};
use comptoir_core::platform::paging::PageRequest;

use crate::console::format::Moment;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Head, Turn, View};
use crate::console::menu;
use crate::console::places::Places;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::Stock;
use crate::error::ApiError;
use crate::export;
use crate::extract::ListQuery;
use crate::routes::stock_documents::StockDocumentFilters;

const PATH: &str = "/console/receipts";
const FIELDS: &[&str] = &["reference"];

type Query = ListQuery<StockDocumentFilters, StockDocumentSort>;

#[derive(Template)]
#[template(path = "console/stock/documents.html")]
struct DocumentsPage {
    page: Page,
    w: &'static Stock,
    csv: Address,
    may_receive: bool,
    views: Vec<View>,
    address: Address,
    own: &'static [&'static str],
    reference: String,
    cleared: Address,
    heads: Vec<Head>,
    rows: Vec<Row>,
    is_filtered: bool,
    turn: Turn,
}

struct Row {
    id: String,
    name: String,
    warehouse: String,
    reason: String,
    day: String,
    who: String,
    at: Moment,
}

pub(super) fn kind(kind: StockDocumentKind, w: &'static Stock) -> Word {
    match kind {
        StockDocumentKind::Receipt => w.kind_receipt,
        StockDocumentKind::Adjustment => w.kind_adjustment,
        StockDocumentKind::WriteOff => w.kind_write_off,
        StockDocumentKind::Transfer => w.kind_transfer,
        StockDocumentKind::Relocation => w.kind_relocation,
    }
}

/// What people call a document.
pub(super) fn name(document: &StockDocumentSummary, w: &'static Stock) -> String {
    document.reference.clone().unwrap_or_else(|| kind(document.kind, w).to_string())
}

/// Where goods were, and where they went.
pub(super) fn way(document: &StockDocumentSummary, places: &Places) -> String {
    let from = places.name(document.warehouse_id.uuid());
    document.to_warehouse_id.map_or_else(|| from.clone(), |to| format!("{from} → {}", places.name(to.uuid())))
}

/// The address with a kind: the list is never of all kinds.
fn of_kind(address: &Address) -> Address {
    if address.get("kind").is_some() {
        return address.clone();
    }
    let cursor = address.get("cursor").map(str::to_owned);
    let of_receipts = address.with("kind", StockDocumentKind::Receipt.as_str());
    cursor.map_or_else(|| of_receipts.clone(), |cursor| of_receipts.with("cursor", &cursor))
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Stock::of(visitor.language), Address::of(&request));
    let shown = of_kind(&address);
    let Query { filter, page: wanted } = Query::parse(&shown.query(&[]))?;
    let found = stock_documents::list(&database, &visitor.context, &filter.into(), &wanted).await?;
    let places = Places::of(&visitor, &database).await?;
    let row = |document: &StockDocumentSummary| Row {
        id: document.id.to_string(),
        name: name(document, w),
        warehouse: way(document, &places),
        reason: document.reason.clone().unwrap_or_default(),
        day: visitor.format.business_day(document.business_date),
        who: document.created_by.clone(),
        at: visitor.format.short(document.created_at),
    };
    let cleared = address.without("reference");
    let page = DocumentsPage {
        page: visitor.page(w.receipts).about("stock.*"),
        w,
        csv: address.export("/console/receipts.csv"),
        may_receive: menu::may_see(&visitor.context.principal, "/console/receipts/new"),
        views: views(&address, &shown, w),
        own: FIELDS,
        reference: address.get("reference").unwrap_or_default().to_owned(),
        heads: vec![
            Head::text(w.reference),
            Head::text(w.warehouse),
            Head::text(w.reason),
            Head::text(w.date),
            Head::text(w.who),
            Head::text(w.recorded),
        ],
        rows: found.data.iter().map(row).collect(),
        is_filtered: address.get("reference").is_some(),
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
        cleared,
        address,
    };
    layout::ok(&page)
}

fn views(address: &Address, shown: &Address, w: &'static Stock) -> Vec<View> {
    let label = |kind| match kind {
        StockDocumentKind::Receipt => w.receipts,
        StockDocumentKind::Adjustment => w.adjustments,
        StockDocumentKind::WriteOff => w.write_offs,
        StockDocumentKind::Transfer => w.transfers,
        StockDocumentKind::Relocation => w.relocations,
    };
    let base = address.without("kind");
    let view = |kind: StockDocumentKind| View {
        label: label(kind).to_string(),
        to: if kind == StockDocumentKind::Receipt { base.clone() } else { base.with("kind", kind.as_str()) },
        is_current: shown.is("kind", kind.as_str()),
        count: None,
        is_warning: false,
    };
    StockDocumentKind::ALL.into_iter().map(view).collect()
}

pub(super) async fn export(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = of_kind(&Address::of(&request).export(PATH));
    let filter = StockDocumentFilter::from(Query::parse(&address.query(&[]))?.filter);
    let context = visitor.context;
    Ok(export::csv("stock-documents", move |page: PageRequest<StockDocumentSort>| {
        let (database, context, filter) = (database.clone(), context.clone(), filter.clone());
        async move { stock_documents::list(&database, &context, &filter, &page).await }
    }))
}
