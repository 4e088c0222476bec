//! The stock of one product in one warehouse: how much, where, promised to whom, when to order more, and what moved it.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::stock::{self, MovementFilter, MovementKind, StockView};
use comptoir_core::values::ids::StockId;

use super::levels::status;
use super::movements::{self, Row};
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, first};
use crate::console::places::Places;
use crate::console::status::Status;
use crate::console::visitor::Visitor;
use crate::console::words::Stock;
use crate::error::ApiError;
use crate::extract::part;

/// How many movements are shown; the others are in the list of movements.
const MOVEMENTS: u8 = 20;
/// How many promises to orders are shown.
const RESERVATIONS: u8 = 10;

#[derive(Template)]
#[template(path = "console/stock/one.html")]
struct OnePage {
    page: Page,
    w: &'static Stock,
    id: String,
    product_id: String,
    warehouse_id: String,
    sku: String,
    warehouse: String,
    status: Option<Status>,
    on_hand: String,
    reserved: String,
    available: String,
    waiting: String,
    unlocated: String,
    /// `None` for whoever may not see costs.
    cost: Option<String>,
    value: Option<String>,
    rule: Option<Rule>,
    may_set_rule: bool,
    places: Vec<Place>,
    reservations: Vec<Row>,
    movements: Vec<Row>,
}

struct Rule {
    point: String,
    quantity: String,
}

struct Place {
    code: String,
    on_hand: String,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: StockId = part(&request, "id")?;
    let w = Stock::of(visitor.language);
    let notice = match Address::of(&request).get("done") {
        Some("rule") => Some(w.done_rule),
        Some("no-rule") => Some(w.done_no_rule),
        _ => None,
    };
    let found = stock::get(&database, &visitor.context, id).await?;
    let level = &found.stock;
    let warehouses = Places::of(&visitor, &database).await?;
    let (all, promised) = moved(level, &visitor, &database).await?;
    let format = &visitor.format;
    let shown = |units: &comptoir_core::values::goods::Units| format.decimal(units.value());
    let rule = level.reorder_point.as_ref().zip(level.reorder_quantity.as_ref());
    let place =
        |place: &stock::StockPlace| Place { code: place.code.clone(), on_hand: shown(&place.on_hand) };
    let page = OnePage {
        page: visitor.page(&level.name).about("stock.*").saying(notice),
        w,
        id: level.id.to_string(),
        product_id: level.product_id.to_string(),
        warehouse_id: level.warehouse_id.to_string(),
        sku: level.sku.clone(),
        warehouse: warehouses.name(level.warehouse_id.uuid()),
        status: status(level, w),
        on_hand: shown(&level.on_hand),
        reserved: shown(&level.reserved),
        available: shown(&level.available),
        waiting: shown(&level.waiting),
        unlocated: shown(&level.on_hand.less(&level.located)),
        cost: level.average_cost.as_ref().map(|cost| format.price(cost, &visitor.tenant.currency)),
        value: level.value.as_ref().map(|value| visitor.money(value)),
        rule: rule.map(|(point, quantity)| Rule { point: shown(point), quantity: shown(quantity) }),
        may_set_rule: visitor.may(Permission::StockWrite),
        places: found.places.iter().map(place).collect(),
        reservations: movements::rows(&promised, &warehouses, &visitor, &database).await?,
        movements: movements::rows(&all, &warehouses, &visitor, &database).await?,
    };
    layout::show(StatusCode::OK, &page)
}

/// What moved last, and what was promised to orders last.
async fn moved(
    level: &StockView,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<(Vec<stock::MovementView>, Vec<stock::MovementView>), ApiError> {
    let filter = MovementFilter {
        product_id: Some(level.product_id),
        warehouse_id: Some(level.warehouse_id),
        ..MovementFilter::default()
    };
    let all = stock::movements(database, &visitor.context, &filter, &first(MOVEMENTS)?).await?.data;
    if level.reserved.is_zero() {
        return Ok((all, Vec::new()));
    }
    let promised = MovementFilter { kind: Some(MovementKind::Reservation), ..filter };
    let promised = stock::movements(database, &visitor.context, &promised, &first(RESERVATIONS)?).await?.data;
    Ok((all, promised))
}
