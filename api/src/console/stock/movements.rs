//! The ledger of stock. Its parameters are those of `GET /api/v1/stock-movements`, and two days in the company's time zone.

use std::collections::HashMap;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::NaiveDate;
use comptoir_core::application::listing::{MAX_IDS, Selection};
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::products::{self, ProductFilter};
use comptoir_core::commerce::stock::{
    self, DocumentType, MovementFilter, MovementKind, MovementSort, MovementView,
};
use comptoir_core::platform::paging::PageRequest;
use uuid::Uuid;

use crate::console::format::Moment;
use crate::console::forms::Choice;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Head, Turn, first};
use crate::console::menu;
use crate::console::places::Places;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::Stock;
use crate::error::ApiError;
use crate::export;
use crate::extract::ListQuery;
use crate::routes::stock::MovementFilters;

const PATH: &str = "/console/movements";
const FIELDS: &[&str] = &["q", "kind", "warehouse_id", "since", "before"];

type Query = ListQuery<MovementFilters, MovementSort>;

#[derive(Template)]
#[template(path = "console/stock/movements.html")]
struct MovementsPage {
    page: Page,
    w: &'static Stock,
    csv: Address,
    address: Address,
    own: &'static [&'static str],
    words: String,
    kinds: Vec<Choice>,
    warehouses: Vec<Choice>,
    since: String,
    before: String,
    cleared: Address,
    heads: Vec<Head>,
    rows: Vec<Row>,
    is_filtered: bool,
    shows_costs: bool,
    turn: Turn,
}

/// A movement as lists show it.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) stock: String,
    pub(super) at: Moment,
    pub(super) kind: Word,
    pub(super) product: String,
    pub(super) warehouse: String,
    pub(super) change: String,
    pub(super) reserved_change: String,
    pub(super) on_hand: String,
    pub(super) cost: String,
    pub(super) reason: String,
    pub(super) actor: String,
    /// The page of the document, if there is one that the visitor may see.
    pub(super) document: Option<String>,
}

pub(super) fn kind(kind: MovementKind, w: &'static Stock) -> Word {
    match kind {
        MovementKind::Receipt => w.kind_receipt,
        MovementKind::Issue => w.kind_issue,
        MovementKind::Transfer => w.kind_transfer,
        MovementKind::Adjustment => w.kind_adjustment,
        MovementKind::Return => w.kind_return,
        MovementKind::WriteOff => w.kind_write_off,
        MovementKind::Reservation => w.kind_reservation,
        MovementKind::Release => w.kind_release,
    }
}

/// Where the document of a movement is shown.
fn document(movement: &MovementView, visitor: &Visitor) -> Option<String> {
    let (listed, folder) = match movement.document_type {
        DocumentType::Order => ("/console/orders", "/console/orders"),
        DocumentType::InventoryCount => ("/console/counts", "/console/counts"),
        DocumentType::Receipt
        | DocumentType::Adjustment
        | DocumentType::WriteOff
        | DocumentType::Transfer
        | DocumentType::Relocation => ("/console/stock", "/console/stock/documents"),
        DocumentType::Shipment => ("/console/shipments", "/console/shipments"),
        DocumentType::Return => ("/console/returns", "/console/returns"),
    };
    let may_see = menu::may_see(&visitor.context.principal, listed);
    may_see.then(|| format!("{folder}/{}", movement.document_id))
}

/// The names of these products, if the visitor may see products.
async fn names(
    ids: impl Iterator<Item = Uuid>,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<HashMap<Uuid, String>, ApiError> {
    let mut ids: Vec<Uuid> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(MAX_IDS);
    if ids.is_empty() || !visitor.may(Permission::ProductsRead) {
        return Ok(HashMap::new());
    }
    let selection = Selection { ids: Some(ids), ..Selection::default() };
    let filter = ProductFilter { selection, ..ProductFilter::default() };
    let page = products::list(database, &visitor.context, &filter, &first(100)?).await?;
    Ok(page.data.into_iter().map(|product| (product.id.uuid(), product.name)).collect())
}

/// Puts movements into rows.
pub(super) async fn rows(
    movements: &[MovementView],
    places: &Places,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Vec<Row>, ApiError> {
    let names = names(movements.iter().map(|movement| movement.product_id), visitor, database).await?;
    let (format, w) = (&visitor.format, Stock::of(visitor.language));
    let signed = |change: &comptoir_core::values::goods::UnitsChange| {
        if change.is_none() { String::new() } else { format.decimal(change.value()) }
    };
    let row = |movement: &MovementView| Row {
        id: movement.id.to_string(),
        stock: movement.stock_id.to_string(),
        at: format.long(movement.recorded_at),
        kind: kind(movement.kind, w),
        product: names.get(&movement.product_id).cloned().unwrap_or_default(),
        warehouse: places.name(movement.warehouse_id),
        change: signed(&movement.on_hand_change),
        reserved_change: signed(&movement.reserved_change),
        on_hand: format.decimal(movement.on_hand.value()),
        cost: movement
            .unit_cost
            .as_ref()
            .map(|cost| format.price(cost, &visitor.tenant.currency))
            .unwrap_or_default(),
        reason: movement.reason.clone().unwrap_or_default(),
        actor: movement.actor_name.clone(),
        document: document(movement, visitor),
    };
    Ok(movements.iter().map(row).collect())
}

fn query(address: &Address, visitor: &Visitor) -> Result<Query, ApiError> {
    let day = |name: &str| address.get(name).and_then(|text| text.parse::<NaiveDate>().ok());
    let at = |day: NaiveDate| visitor.format.beginning(day).to_rfc3339();
    let since = day("since").map(|day| ("recorded_from", at(day)));
    let before = day("before").map(|day| ("recorded_before", at(day)));
    let more: Vec<_> = since.into_iter().chain(before).collect();
    Query::parse(&address.query(&more))
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Stock::of(visitor.language), Address::of(&request));
    let Query { filter, page: wanted } = query(&address, &visitor)?;
    let found = stock::movements(&database, &visitor.context, &filter.into(), &wanted).await?;
    let places = Places::of(&visitor, &database).await?;
    let shows_costs = visitor.may(Permission::StockCosts);
    let value = |name: &str| address.get(name).unwrap_or_default().to_owned();
    let page = MovementsPage {
        page: visitor.page(w.movements).about("stock.*"),
        w,
        csv: address.export("/console/movements.csv"),
        own: FIELDS,
        words: value("q"),
        kinds: kinds(&value("kind"), w),
        warehouses: places.to_filter(w.all_warehouses, &value("warehouse_id")),
        since: value("since"),
        before: value("before"),
        cleared: address.cleared(),
        heads: heads(shows_costs, w),
        rows: rows(&found.data, &places, &visitor, &database).await?,
        is_filtered: !address.cleared().is_same_list(&address),
        shows_costs,
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
        address,
    };
    layout::ok(&page)
}

fn kinds(chosen: &str, w: &'static Stock) -> Vec<Choice> {
    let rest = MovementKind::ALL.into_iter().map(|one| Choice::new(one.as_str(), kind(one, w), chosen));
    std::iter::once(Choice::new("", w.all_kinds, chosen)).chain(rest).collect()
}

fn heads(shows_costs: bool, w: &'static Stock) -> Vec<Head> {
    let mut heads = vec![
        Head::text(w.product),
        Head::text(w.recorded),
        Head::text(w.kind),
        Head::text(w.warehouse),
        Head::number(w.on_hand),
        Head::number(w.reserved),
        Head::number(w.afterwards),
        Head::text(w.who),
    ];
    if shows_costs {
        heads.push(Head::number(w.unit_cost));
    }
    heads
}

pub(super) async fn export(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request).export(PATH);
    let filter = MovementFilter::from(query(&address, &visitor)?.filter);
    let context = visitor.context;
    Ok(export::csv("stock-movements", move |page: PageRequest<MovementSort>| {
        let (database, context, filter) = (database.clone(), context.clone(), filter.clone());
        async move { stock::movements(&database, &context, &filter, &page).await }
    }))
}
