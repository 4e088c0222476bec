//! One shipment: what left, in which parcels, whether it has arrived.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use bigdecimal::BigDecimal;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::orders;
use comptoir_core::commerce::shipments::{self, DeliverShipment, ShipmentStatus, ShipmentView};
use comptoir_core::values::ids::ShipmentId;
use serde_json::{Map, Value, json};

use super::state;
use crate::console::answers::{follow, leads_there};
use crate::console::format::Moment;
use crate::console::forms::{Form, FormFaults, TwoVersions, new_key};
use crate::console::layout::{self, Page};
use crate::console::lists::Address;
use crate::console::names::{self, NamedOrder};
use crate::console::orders::related::{Invoicing, to_invoice};
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::{Shipping, shipping};
use crate::error::ApiError;
use crate::extract::{Faults, part};
use crate::routes::shipments::DeliverShipmentRequest;

/// The fields that a refusal can be about.
const FIELDS: &[&str] = &["delivered_on"];
/// The id of the form in the page.
const FORM: &str = "deliver";

#[derive(Template)]
#[template(path = "console/shipments/one.html")]
struct ShipmentPage {
    page: Page,
    w: &'static Shipping,
    form: &'static str,
    faults: FormFaults,
    versions: Option<TwoVersions>,
    id: String,
    order_id: String,
    order: NamedOrder,
    /// What the form has by which the order is invoiced; empty if nothing is to be invoiced, or not by this person.
    to_invoice: Vec<(&'static str, String)>,
    invoice_key: String,
    version: i64,
    key: String,
    status: Status,
    may_deliver: bool,
    delivered_on: String,
    shipped: String,
    arrived: String,
    tracking: String,
    made_by: String,
    made: Moment,
    parcels: Vec<Parcel>,
    lines: Vec<Line>,
}

struct Parcel {
    number: usize,
    tracking: String,
    weight: String,
}

struct Line {
    name: String,
    sku: String,
    quantity: String,
}

/// Why the page is shown, other than to look at it.
#[derive(Default)]
struct Shown<'a> {
    notice: Option<Word>,
    form: Option<&'a Form>,
    faults: FormFaults,
    versions: Option<TwoVersions>,
}

/// A shipment, and what is known of its order.
struct Found {
    shipment: ShipmentView,
    order: NamedOrder,
    /// Whether something that has left of the order is not invoiced, and this person may do it.
    is_to_invoice: bool,
}

fn written(
    Found { shipment, order, is_to_invoice }: Found,
    visitor: &Visitor,
    shown: Shown<'_>,
) -> Result<HttpResponse, ApiError> {
    let w = Shipping::of(visitor.language);
    let Shown { notice, form, faults, versions } = shown;
    let status = match (&versions, faults.is_empty()) {
        (Some(_), _) => StatusCode::CONFLICT,
        (None, false) => StatusCode::UNPROCESSABLE_ENTITY,
        (None, true) => StatusCode::OK,
    };
    let ShipmentView { summary, parcels, lines } = shipment;
    // A new version has a new key: the form is another one.
    let key = form.filter(|_| versions.is_none()).map_or_else(new_key, Form::key_text);
    let decimal = |text: String| match text.parse::<BigDecimal>() {
        Ok(value) => visitor.format.decimal(&value),
        Err(_) => text,
    };
    let parcel = |(number, parcel): (usize, shipments::ParcelView)| Parcel {
        number,
        tracking: parcel.tracking_number.unwrap_or_default(),
        weight: parcel.weight_kg.map(decimal).unwrap_or_default(),
    };
    let line = |line: shipments::ShipmentLine| Line {
        name: line.name,
        sku: line.sku,
        quantity: visitor.format.decimal(line.quantity.value()),
    };
    let page = ShipmentPage {
        page: visitor
            .page(shipping::shipment_number(summary.number, visitor.language))
            .saying(notice)
            .about("shipment.*"),
        w,
        form: FORM,
        faults,
        versions,
        id: summary.id.to_string(),
        order_id: summary.order_id.to_string(),
        order,
        to_invoice: if is_to_invoice { to_invoice(summary.order_id).into() } else { Vec::new() },
        invoice_key: new_key(),
        version: summary.version,
        key,
        status: state::status(summary.status, w),
        may_deliver: summary.status == ShipmentStatus::Dispatched && visitor.may(Permission::OrdersShip),
        delivered_on: form.and_then(|form| form.get("delivered_on")).unwrap_or_default().to_owned(),
        shipped: visitor.format.business_day(summary.shipped_on),
        arrived: summary.delivered_on.map(|day| visitor.format.business_day(day)).unwrap_or_default(),
        tracking: summary.tracking_number.unwrap_or_default(),
        made_by: summary.created_by,
        made: visitor.format.long(summary.dispatched_at),
        parcels: (1..).zip(parcels).map(parcel).collect(),
        lines: lines.into_iter().map(line).collect(),
    };
    layout::show(status, &page)
}

async fn found(visitor: &Visitor, database: &TenantDatabase, id: ShipmentId) -> Result<Found, ApiError> {
    let shipment = shipments::get(database, &visitor.context, id).await?;
    let order = shipment.summary.order_id;
    let mut named = names::of_orders(database, visitor, std::iter::once(order)).await?;
    let number = order.to_string();
    let named = named.remove(&order).unwrap_or_else(|| NamedOrder {
        called: number.clone(),
        number,
        customer: String::new(),
    });
    let is_to_invoice = if visitor.may(Permission::InvoicesWrite) {
        let order = orders::get(database, &visitor.context, order).await?;
        Invoicing::of(visitor, database, &order).await?.is_some_and(|invoicing| invoicing.is_due)
    } else {
        false
    };
    Ok(Found { shipment, order: named, is_to_invoice })
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let w = Shipping::of(visitor.language);
    let notice = match Address::of(&request).get("done") {
        Some("shipped") => Some(w.done_shipped),
        Some("delivered") => Some(w.done_delivered),
        _ => None,
    };
    let found = found(&visitor, &database, part(&request, "id")?).await?;
    written(found, &visitor, Shown { notice, ..Shown::default() })
}

pub(super) async fn deliver(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: ShipmentId = part(&request, "id")?;
    let version = form.version()?;
    let body: Map<String, Value> =
        form.get("delivered_on").map(|day| ("delivered_on".to_owned(), json!(day))).into_iter().collect();
    let read: Result<DeliverShipmentRequest, Faults> = deserr::deserialize(Value::Object(body));
    let error = match read {
        Ok(DeliverShipmentRequest { delivered_on }) => {
            let command = DeliverShipment { id, expected_version: Some(version), delivered_on };
            let leads = |shipment: ShipmentView| -> Result<StoredResponse, Error> {
                Ok(leads_there(format!("/console/shipments/{}?done=delivered", shipment.summary.id)))
            };
            match executor.execute(visitor.context.clone(), form.key()?, command, leads).await {
                Ok(answer) => {
                    return Ok(follow(answer, "/console/shipments"));
                }
                Err(error) => ApiError::from(error),
            }
        }
        Err(wrong) => wrong.into(),
    };
    let found = found(&visitor, &database, id).await?;
    let summary = &found.shipment.summary;
    if error.status() == StatusCode::PRECONDITION_FAILED {
        let w = Shipping::of(visitor.language);
        let theirs = summary.delivered_on.map(|day| day.to_string()).unwrap_or_default();
        // What has arrived is not noted again.
        let form_id = if summary.status == ShipmentStatus::Dispatched { FORM } else { "" };
        let versions = TwoVersions::new(form_id, format!("/console/shipments/{id}")).with(
            w.delivered_on,
            form.get("delivered_on").unwrap_or_default(),
            theirs,
        );
        return written(
            found,
            &visitor,
            Shown { form: Some(&form), versions: Some(versions), ..Shown::default() },
        );
    }
    let faults = FormFaults::of(error, FIELDS, visitor.language)?;
    written(found, &visitor, Shown { form: Some(&form), faults, ..Shown::default() })
}
