//! What the stock was worth at the end of a day, for whoever may see costs.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::stock::{self, StockSort};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::business_date::BusinessDate;
use comptoir_core::values::ids::WarehouseId;

use crate::console::forms::Choice;
use crate::console::layout::{self, Page};
use crate::console::lists::Address;
use crate::console::places::Places;
use crate::console::visitor::Visitor;
use crate::console::words::{Stock, stock as said};
use crate::error::ApiError;
use crate::export;

#[derive(Template)]
#[template(path = "console/stock/value.html")]
struct ValuePage {
    page: Page,
    w: &'static Stock,
    csv: Address,
    on: String,
    at: String,
    warehouses: Vec<Choice>,
    rows: Vec<Row>,
    total: String,
}

struct Row {
    name: String,
    products: String,
    value: String,
}

/// The day and the warehouse that are asked for. Without a day it is the company's today.
fn asked(address: &Address, visitor: &Visitor) -> Result<(BusinessDate, Option<WarehouseId>), ApiError> {
    let today = visitor.format.today().to_string();
    let refused = |pointer: &str, code, message: String| ApiError::invalid_field(pointer, code, message);
    let on = BusinessDate::parse(address.get("on").unwrap_or(&today))
        .map_err(|wrong| refused("/query/on", wrong.code, wrong.message))?;
    let warehouse = match address.get("warehouse_id") {
        Some(id) => Some(id.parse().map_err(|_| {
            refused("/query/warehouse_id", "not_a_uuid", "a warehouse is named by its id".to_owned())
        })?),
        None => None,
    };
    Ok((on, warehouse))
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Stock::of(visitor.language), Address::of(&request));
    let (on, warehouse) = asked(&address, &visitor)?;
    let found = stock::value(&database, &visitor.context, on, warehouse).await?;
    let places = Places::of(&visitor, &database).await?;
    let row = |value: &stock::WarehouseValue| Row {
        name: places.name(value.warehouse_id.uuid()),
        products: visitor.format.whole(value.products),
        value: visitor.money(&value.value),
    };
    let page = ValuePage {
        page: visitor.page(w.value_title),
        w,
        csv: address.export("/console/stock/value.csv"),
        on: on.date().to_string(),
        at: said::at_the_end_of(&visitor.format.business_day(on), visitor.language),
        warehouses: places.to_filter(w.all_warehouses, address.get("warehouse_id").unwrap_or_default()),
        rows: found.warehouses.iter().map(row).collect(),
        total: visitor.money(&found.total),
    };
    layout::ok(&page)
}

pub(super) async fn export(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (on, warehouse) = asked(&Address::of(&request), &visitor)?;
    let context = visitor.context;
    Ok(export::csv("stock-value", move |page: PageRequest<StockSort>| {
        let (database, context) = (database.clone(), context.clone());
        async move { stock::value_by_product(&database, &context, on, warehouse, &page).await }
    }))
}
