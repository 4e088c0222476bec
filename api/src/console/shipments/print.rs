//! What is printed on its own: the picking list of an order and the delivery note of a shipment. Neither has prices.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::addresses::deliver_to;
use comptoir_core::commerce::{customers, documents, orders, shipments, warehouses};
use comptoir_core::values::contact::PostalAddress;
use comptoir_core::values::ids::{OrderId, ShipmentId};

use crate::console::code128::BarCode;
use crate::console::layout::{self, Page};
use crate::console::names;
use crate::console::orders::state;
use crate::console::visitor::Visitor;
use crate::console::words::{Shipping, shipping};
use crate::error::ApiError;
use crate::extract::part;

/// The head of what is printed.
struct Head {
    has_logo: bool,
    company: String,
    company_address: Vec<String>,
    number: String,
    code: Option<BarCode>,
    customer: String,
    deliver_to: Vec<String>,
    ordered_on: String,
    promised_on: String,
}

#[derive(Template)]
#[template(path = "console/print/picking.html")]
struct PickingPage {
    page: Page,
    w: &'static Shipping,
    back: String,
    head: Head,
    warehouse: String,
    lines: Vec<PickingLine>,
}

struct PickingLine {
    places: Vec<Place>,
    name: String,
    sku: String,
    codes: String,
    quantity: String,
}

struct Place {
    /// Empty for what lies in no location.
    code: String,
    quantity: String,
}

#[derive(Template)]
#[template(path = "console/print/note.html")]
struct NotePage {
    page: Page,
    w: &'static Shipping,
    back: String,
    head: Head,
    shipment: String,
    shipped_on: String,
    tracking: String,
    parcels: Vec<Parcel>,
    lines: Vec<NoteLine>,
}

struct Parcel {
    number: usize,
    tracking: String,
    weight: String,
}

struct NoteLine {
    name: String,
    sku: String,
    quantity: String,
}

/// The lines of an address on paper.
fn address(address: Option<&PostalAddress>) -> Vec<String> {
    let Some(PostalAddress { line1, line2, postal_code, city, country }) = address else { return Vec::new() };
    let place = [postal_code.as_ref().map(ToString::to_string), Some(city.to_string())];
    let place = place.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let lines = [
        Some(line1.to_string()),
        line2.as_ref().map(ToString::to_string),
        Some(place),
        Some(country.code().to_owned()),
    ];
    lines.into_iter().flatten().collect()
}

/// The bar code of an order: its number, or its id if the number cannot be one.
fn code(number: &str, id: &str) -> Option<BarCode> {
    BarCode::of(number).or_else(|| BarCode::of(id))
}

async fn has_logo(visitor: &Visitor, database: &TenantDatabase) -> Result<bool, ApiError> {
    Ok(visitor.may(Permission::TenantRead)
        && documents::style(database, &visitor.context).await?.logo.is_some())
}

pub(super) async fn picking_list(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: OrderId = part(&request, "id")?;
    let w = Shipping::of(visitor.language);
    let picking = shipments::picking(&database, &visitor.context, id).await?;
    let order = orders::get(&database, &visitor.context, id).await?.summary;
    let customer = if visitor.may(Permission::CustomersRead) {
        Some(customers::get(&database, &visitor.context, order.customer_id).await?)
    } else {
        None
    };
    let warehouse = match picking.warehouse_id.filter(|_| visitor.may(Permission::WarehousesRead)) {
        Some(warehouse) => warehouses::get(&database, &visitor.context, warehouse).await?.name,
        None => String::new(),
    };
    let number = state::number(&order);
    let of_customer = customer.as_ref().map(|customer| customer.addresses.as_slice()).unwrap_or_default();
    let format = &visitor.format;
    let head = Head {
        has_logo: has_logo(&visitor, &database).await?,
        company: visitor.tenant.name.clone(),
        company_address: address(visitor.tenant.address.as_ref()),
        code: code(&number, &order.id.to_string()),
        deliver_to: address(deliver_to(order.delivery_address.as_ref(), of_customer)),
        ordered_on: order.ordered_on.map(|day| format.business_day(day)).unwrap_or_default(),
        promised_on: order.promised_on.map(|day| format.business_day(day)).unwrap_or_default(),
        customer: customer.as_ref().map(|customer| customer.name.clone()).unwrap_or_default(),
        number,
    };
    let place = |place: &shipments::PickingPlace| Place {
        code: place.code.clone().unwrap_or_default(),
        quantity: format.decimal(place.quantity.value()),
    };
    let line = |line: &shipments::PickingLine| PickingLine {
        places: line.places.iter().map(place).collect(),
        name: line.name.clone(),
        sku: line.sku.clone(),
        codes: line.barcodes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(", "),
        quantity: format.decimal(line.quantity.value()),
    };
    let page = PickingPage {
        page: visitor.page(format!("{} {}", w.picking_list, head.number)),
        w,
        back: format!("/console/orders/{id}"),
        warehouse,
        lines: picking.lines.iter().map(line).collect(),
        head,
    };
    layout::ok(&page)
}

pub(super) async fn delivery_note(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: ShipmentId = part(&request, "id")?;
    let w = Shipping::of(visitor.language);
    let note = shipments::delivery_note(&database, &visitor.context, id).await?;
    let summary = &note.shipment.summary;
    let order_id = summary.order_id.to_string();
    let number = names::number(note.order_reference.clone(), note.order_external_id.clone(), &order_id);
    let format = &visitor.format;
    let head = Head {
        has_logo: has_logo(&visitor, &database).await?,
        company: visitor.tenant.name.clone(),
        company_address: address(visitor.tenant.address.as_ref()),
        code: code(&number, &order_id),
        deliver_to: address(note.address.as_ref()),
        ordered_on: note.ordered_on.map(|day| format.business_day(day)).unwrap_or_default(),
        promised_on: String::new(),
        customer: note.customer_name.clone(),
        number,
    };
    let weight = |text: &String| match text.parse::<bigdecimal::BigDecimal>() {
        Ok(value) => format.decimal(&value),
        Err(_) => text.clone(),
    };
    let parcel = |(number, parcel): (usize, &shipments::ParcelView)| Parcel {
        number,
        tracking: parcel.tracking_number.clone().unwrap_or_default(),
        weight: parcel.weight_kg.as_ref().map(weight).unwrap_or_default(),
    };
    let line = |line: &shipments::ShipmentLine| NoteLine {
        name: line.name.clone(),
        sku: line.sku.clone(),
        quantity: format.decimal(line.quantity.value()),
    };
    let page = NotePage {
        page: visitor.page(format!("{} {}", w.delivery_note, head.number)),
        w,
        back: format!("/console/shipments/{id}"),
        shipment: shipping::shipment_number(summary.number, visitor.language),
        shipped_on: format.business_day(summary.shipped_on),
        tracking: summary.tracking_number.clone().unwrap_or_default(),
        parcels: (1..).zip(&note.shipment.parcels).map(parcel).collect(),
        lines: note.shipment.lines.iter().map(line).collect(),
        head,
    };
    layout::ok(&page)
}

/// The company's logo.
pub(super) async fn logo(visitor: Visitor, database: Data<TenantDatabase>) -> Result<HttpResponse, ApiError> {
    Ok(match documents::logo(&database, &visitor.context).await? {
        Some(png) => HttpResponse::Ok().content_type("image/png").body(png),
        None => HttpResponse::NoContent().finish(),
    })
}
