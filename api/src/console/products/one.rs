//! One product: what it is, what of it is in which warehouse, and what it costs today.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::prices::{self, Quote};
use comptoir_core::commerce::products::{self, ProductView};
use comptoir_core::commerce::stock::{self, StockFilter};
use comptoir_core::commerce::vat::Nature;

use comptoir_core::values::ids::WarehouseId;
use comptoir_core::values::money::Quantity;

use super::PATH;
use crate::console::lists::{Address, Head, first};
use crate::console::names;
use crate::console::parts::{Action, Block, Cell, Link, OnePage, Row};
use crate::console::places::Places;
use crate::console::status::Status;
use crate::console::visitor::Visitor;
use crate::console::words::{Parts, Products, products as said};
use crate::error::ApiError;
use crate::extract::part;

/// The quantities of which the price is shown.
const QUANTITIES: [&str; 3] = ["1", "10", "100"];
/// The most warehouses that are shown.
const WAREHOUSES: u8 = 200;

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, shared) = (Products::of(visitor.language), Parts::of(visitor.language));
    let product = products::get(&database, &visitor.context, part(&request, "id")?).await?;
    let notice = match Address::of(&request).get("done") {
        Some("created") => Some(shared.done_created),
        Some("saved") => Some(w.done_saved),
        Some("archived") => Some(w.done_archived),
        _ => None,
    };
    let shelves = names::categories(&database, &visitor).await?;
    let category = product.category_id.map(|id| id.to_string());
    let category = category.and_then(|id| shelves.into_iter().find(|shelf| shelf.id == id));
    let mut blocks = vec![identity(&product, category.map(|shelf| shelf.path), &visitor)];
    if product.stocked && visitor.may(Permission::StockRead) {
        blocks.push(in_stock(&product, &visitor, &database).await?);
    }
    let mut side = Vec::new();
    if visitor.may(Permission::PricesRead) && product.archived_at.is_none() {
        side.push(of_today(&product, &visitor, &database).await?);
    }
    let barcodes =
        product.barcodes.iter().map(|code| (w.barcode.to_string(), Some(code.as_str().to_owned())));
    if !product.barcodes.is_empty() {
        side.push(Block::facts("barcodes", w.barcodes, barcodes));
    }
    OnePage {
        page: visitor.page(&product.name).saying(notice).about("product.*,stock.*,price_list.*"),
        w: shared,
        crumb: Link::new(PATH, w.title),
        status: product.archived_at.map(|_| Status::over(w.archived)),
        line: product.sku.clone(),
        is_outdated: false,
        refused: None,
        actions: actions(&product, &visitor),
        tabs: Vec::new(),
        blocks,
        side,
    }
    .respond()
}

/// As the aggregate permits them: what is archived stays as it is.
fn actions(product: &ProductView, visitor: &Visitor) -> Vec<Action> {
    let (w, shared) = (Products::of(visitor.language), Parts::of(visitor.language));
    if product.archived_at.is_some() || !visitor.may(Permission::ProductsWrite) {
        return Vec::new();
    }
    let below = |name: &str| format!("{PATH}/{}/{name}", product.id);
    let mut actions = vec![
        Action::link(below("delete"), shared.delete).danger(),
        Action::link(below("archive"), w.archive).danger(),
    ];
    if product.stocked && visitor.may(Permission::StockWrite) {
        let to = Address::at("/console/receipts/new").with("product", &product.sku);
        actions.push(Action::link(to.to_string(), w.receive));
    }
    actions.push(Action::link(below("edit"), shared.edit).go());
    actions
}

fn identity(product: &ProductView, category: Option<String>, visitor: &Visitor) -> Block {
    let (w, shared) = (Products::of(visitor.language), Parts::of(visitor.language));
    let price = visitor.format.price(&product.unit_price, &visitor.tenant.currency);
    let stocked = if product.stocked { w.yes } else { w.no };
    let nature = match product.nature {
        Nature::Goods => w.goods,
        Nature::Service => w.service,
    };
    Block::facts(
        "identity",
        shared.identity,
        [
            (w.price.to_string(), Some(price)),
            (w.vat.to_string(), Some(visitor.format.percent(product.vat_rate.value()))),
            (w.unit.to_string(), Some(product.unit.code().to_owned())),
            (w.category.to_string(), category),
            (w.nature.to_string(), Some(nature.to_string())),
            (w.stocked.to_string(), Some(stocked.to_string())),
            (shared.external_id.to_string(), product.external_id.clone()),
            (shared.updated.to_string(), Some(visitor.format.long(product.updated_at).shown)),
        ],
    )
}

async fn in_stock(
    product: &ProductView,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Block, ApiError> {
    let w = Products::of(visitor.language);
    let filter = StockFilter { product_id: Some(product.id), ..StockFilter::default() };
    let levels = stock::list(database, &visitor.context, &filter, &first(WAREHOUSES)?).await?;
    let places = Places::of(visitor, database).await?;
    let name = |id: WarehouseId| {
        let name = places.name(id.uuid());
        if name.is_empty() { id.to_string() } else { name }
    };
    let rows = levels.data.iter().map(|level| Row {
        id: level.id.to_string(),
        to: None,
        title: name(level.warehouse_id),
        small: String::new(),
        cells: vec![
            Cell::number(visitor.format.decimal(level.on_hand.value())).wide(),
            Cell::number(visitor.format.decimal(level.reserved.value())).wide(),
            Cell::number(visitor.format.decimal(level.available.value())),
            Cell::number(visitor.format.decimal(level.waiting.value())).wide(),
        ],
    });
    Ok(Block {
        id: "stock",
        title: w.stock.to_string(),
        heads: vec![
            Head::text(w.warehouse),
            Head::number(w.on_hand),
            Head::number(w.reserved),
            Head::number(w.available),
            Head::number(w.waiting),
        ],
        rows: rows.collect(),
        empty: w.no_stock.to_string(),
        ..Block::default()
    })
}

/// What it costs today, for nobody in particular.
async fn of_today(
    product: &ProductView,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Block, ApiError> {
    let w = Products::of(visitor.language);
    let mut rows = Vec::new();
    for quantity in QUANTITIES {
        let Ok(asked) = Quantity::parse(quantity) else { continue };
        let quote = Quote { customer_id: None, product_id: product.id, quantity: asked, on: None };
        let price = prices::quote(database, &visitor.context, quote).await?;
        let list = price.price_list.as_ref();
        rows.push(Row {
            id: quantity.to_owned(),
            to: None,
            title: said::from_quantity(quantity, visitor.language),
            small: String::new(),
            cells: vec![
                Cell::text(list.map_or_else(|| w.own_price.to_string(), |list| list.code.clone()))
                    .to(list.map(|list| format!("/console/price-lists/{}", list.id))),
                Cell::number(visitor.format.price(&price.unit_price, &price.currency)),
            ],
        });
    }
    Ok(Block {
        id: "prices",
        title: w.prices.to_string(),
        heads: vec![Head::text(w.quantity), Head::text(w.applied), Head::number(w.price)],
        rows,
        ..Block::default()
    })
}
