//! What leaves of an order: quantities, parcels, a tracking number. The form becomes the body of
//! `POST /api/v1/orders/{id}/shipments`.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use bigdecimal::{BigDecimal, Zero};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::orders::{self, OrderStatus, OrderView};
use comptoir_core::commerce::shipments::{self, MAX_PARCELS, ShipmentView};
use comptoir_core::values::ids::OrderId;
use comptoir_core::values::language::Language;
use serde_json::{Map, Value, json};

use super::state;
use crate::console::answers::{follow, leads_there};
use crate::console::format::typed_decimal;
use crate::console::forms::{Form, FormFaults, TwoVersions, new_key};
use crate::console::layout::{self, Page};
use crate::console::names;
use crate::console::status::Status;
use crate::console::visitor::Visitor;
use crate::console::words::{Shipping, orders as said, shipping};
use crate::error::ApiError;
use crate::extract::{Faults, part};
use crate::routes::shipments::DispatchShipmentRequest;

/// The fields that a refusal can be about.
const FIELDS: &[&str] = &[
    "lines.*.quantity",
    "tracking_number",
    "shipped_on",
    "parcels.*.tracking_number",
    "parcels.*.weight_kg",
];
/// The id of the form in the page.
const FORM: &str = "ship";
/// Rows for parcels at the beginning, and after "add parcels".
const PARCELS: usize = 1;
const MORE_PARCELS: usize = 5;

#[derive(Template)]
#[template(path = "console/orders/ship.html")]
struct ShipPage {
    page: Page,
    w: &'static Shipping,
    form: &'static str,
    faults: FormFaults,
    versions: Option<TwoVersions>,
    /// Why nothing can leave now; `None` if something can.
    stopped: Option<String>,
    id: String,
    number: String,
    version: i64,
    key: String,
    lines: Vec<Line>,
    parcels: Vec<Parcel>,
    parcel_count: String,
    tracking: String,
    shipped_on: String,
}

struct Line {
    name: String,
    sku: String,
    codes: String,
    places: String,
    shipped: String,
    outstanding: String,
    /// `None` if nothing of it can leave now.
    input: Option<Input>,
    status: Option<Status>,
}

struct Input {
    prefix: String,
    field: String,
    position: String,
    product_id: String,
    value: String,
}

struct Parcel {
    tracking_field: String,
    weight_field: String,
    tracking: String,
    weight: String,
}

/// A line as it was typed.
struct Typed {
    /// Its row in the form.
    row: usize,
    position: String,
    product_id: String,
    quantity: String,
}

fn typed(form: &Form) -> Vec<Typed> {
    let text = |name: String| form.get(&name).unwrap_or_default().to_owned();
    let line = |row: usize| Typed {
        row,
        position: text(format!("lines.{row}.position")),
        product_id: text(format!("lines.{row}.product_id")),
        quantity: text(format!("lines.{row}.quantity")),
    };
    (0..form.rows("lines")).map(line).collect()
}

/// Whether a quantity was typed, and not nothing.
fn is_something(quantity: &str, language: Language) -> bool {
    !quantity.is_empty()
        && !typed_decimal(quantity, language).parse::<BigDecimal>().is_ok_and(|value| value.is_zero())
}

fn parcels(form: &Form) -> Vec<(String, String)> {
    let text = |row: usize, member: &str| {
        form.get(&format!("parcels.{row}.{member}")).unwrap_or_default().to_owned()
    };
    let mut parcels: Vec<_> =
        (0..form.rows("parcels")).map(|row| (text(row, "tracking_number"), text(row, "weight_kg"))).collect();
    // Those at the end of which nothing is said.
    while parcels.last().is_some_and(|(tracking, weight)| tracking.is_empty() && weight.is_empty()) {
        parcels.pop();
    }
    parcels
}

/// The body of the API, and the rows of the form that its lines are.
fn body(form: &Form, lines: &[Typed], count: usize, language: Language) -> (Value, Vec<usize>) {
    let wanted: Vec<&Typed> = lines.iter().filter(|line| is_something(&line.quantity, language)).collect();
    let rows = wanted.iter().map(|line| line.row).collect();
    let line = |line: &&Typed| json!({"position": line.position.parse::<i16>().unwrap_or_default(), "quantity": typed_decimal(&line.quantity, language)});
    let mut body = Map::new();
    body.insert("lines".to_owned(), wanted.iter().map(line).collect());
    for name in ["tracking_number", "shipped_on"] {
        if let Some(text) = form.get(name) {
            body.insert(name.to_owned(), json!(text));
        }
    }
    let mut parcels: Vec<Value> = parcels(form)
        .into_iter()
        .map(|(tracking, weight)| {
            let mut parcel = Map::new();
            if !tracking.is_empty() {
                parcel.insert("tracking_number".to_owned(), json!(tracking));
            }
            if !weight.is_empty() {
                parcel.insert("weight_kg".to_owned(), json!(typed_decimal(&weight, language)));
            }
            Value::Object(parcel)
        })
        .collect();
    while parcels.len() < count {
        parcels.push(json!({}));
    }
    body.insert("parcels".to_owned(), Value::Array(parcels));
    (Value::Object(body), rows)
}

struct Written<'a> {
    status: StatusCode,
    form: Option<&'a Form>,
    version: Option<i64>,
    key: String,
    faults: FormFaults,
    versions: Option<TwoVersions>,
    spare: usize,
}

async fn written(
    order: &OrderView,
    visitor: &Visitor,
    database: &TenantDatabase,
    what: Written<'_>,
) -> Result<HttpResponse, ApiError> {
    let w = Shipping::of(visitor.language);
    let Written { status, form, version, key, faults, versions, spare } = what;
    let text = |name: &str| form.and_then(|form| form.get(name)).unwrap_or_default().to_owned();
    let mut rows: Vec<_> = form.map(parcels).unwrap_or_default();
    rows.resize(rows.len() + spare, (String::new(), String::new()));
    let parcel = |(row, (tracking, weight)): (usize, (String, String))| Parcel {
        tracking_field: format!("parcels.{row}.tracking_number"),
        weight_field: format!("parcels.{row}.weight_kg"),
        tracking,
        weight,
    };
    let can_leave = order.summary.status == OrderStatus::Confirmed && !order.summary.held_for_approval;
    let stopped = match (can_leave, state::has_ready(&order.lines)) {
        (true, true) => None,
        (true, false) => Some(w.nothing_there.to_string()),
        (false, _) => Some(w.not_confirmed.to_string()),
    };
    let page = ShipPage {
        page: visitor.page(w.ship_title).about("order.*"),
        w,
        form: FORM,
        faults,
        versions,
        stopped,
        id: order.summary.id.to_string(),
        number: names::called(&order.summary, visitor),
        version: version.unwrap_or(order.summary.version),
        key,
        lines: lines(order, visitor, database, form).await?,
        parcels: rows.into_iter().enumerate().map(parcel).collect(),
        parcel_count: text("parcel_count"),
        tracking: text("tracking_number"),
        shipped_on: text("shipped_on"),
    };
    layout::show(status, &page)
}

/// The lines of which something has not left, each with what was typed of its product, or else with all that can leave.
async fn lines(
    order: &OrderView,
    visitor: &Visitor,
    database: &TenantDatabase,
    form: Option<&Form>,
) -> Result<Vec<Line>, ApiError> {
    let w = Shipping::of(visitor.language);
    let picking = shipments::picking(database, &visitor.context, order.summary.id).await?;
    let places: HashMap<i16, String> = picking
        .lines
        .iter()
        .map(|line| {
            let codes: Vec<_> = line.places.iter().filter_map(|place| place.code.clone()).collect();
            (line.position, codes.join(", "))
        })
        .collect();
    let codes = names::codes(database, visitor, order.lines.iter().map(|line| line.product_id)).await?;
    let mut typed = form.map(typed);
    let mut lines = Vec::with_capacity(order.lines.len());
    let mut row = 0_usize;
    for (position, line) in (1_i16..).zip(&order.lines) {
        let (ready, outstanding) = (line.ready(), line.outstanding());
        let product_id = line.product_id.to_string();
        let input = (!ready.is_zero()).then(|| {
            let own = typed.as_mut().map(|typed| {
                let at = typed.iter().position(|one| one.product_id == product_id);
                at.map(|at| typed.remove(at).quantity).unwrap_or_default()
            });
            let prefix = format!("lines.{row}");
            row += 1;
            Input {
                field: format!("{prefix}.quantity"),
                prefix,
                position: position.to_string(),
                product_id: product_id.clone(),
                value: own.unwrap_or_else(|| visitor.format.decimal(ready.value())),
            }
        });
        let status = match (&input, outstanding.is_zero()) {
            (Some(_), _) => None,
            (None, true) => Some(Status::done(w.complete)),
            (None, false) => Some(Status::draft(w.waits)),
        };
        let (shipped, quantity) =
            (visitor.format.decimal(line.shipped.value()), visitor.format.decimal(line.quantity.value()));
        lines.push(Line {
            name: line.name.clone(),
            sku: line.sku.clone(),
            codes: codes.get(&line.product_id).cloned().unwrap_or_default(),
            places: places.get(&position).cloned().unwrap_or_default(),
            shipped: said::of(&shipped, &quantity, visitor.language),
            outstanding: visitor.format.decimal(outstanding.value()),
            input,
            status,
        });
    }
    Ok(lines)
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let order = orders::get(&database, &visitor.context, part(&request, "id")?).await?;
    let what = Written {
        status: StatusCode::OK,
        form: None,
        version: None,
        key: new_key(),
        faults: FormFaults::default(),
        versions: None,
        spare: PARCELS,
    };
    written(&order, &visitor, &database, what).await
}

pub(super) async fn ship(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: OrderId = part(&request, "id")?;
    let (w, version) = (Shipping::of(visitor.language), form.version()?);
    let lines = typed(&form);
    let again = |status, faults, spare| Written {
        status,
        form: Some(&form),
        version: Some(version),
        key: form.key_text(),
        faults,
        versions: None,
        spare,
    };
    if form.has("more") {
        let order = orders::get(&database, &visitor.context, id).await?;
        let what = again(StatusCode::OK, FormFaults::default(), MORE_PARCELS);
        return written(&order, &visitor, &database, what).await;
    }
    let mut faults = FormFaults::default();
    let count = match form.get("parcel_count") {
        Some(text) => text.parse::<usize>().ok().filter(|count| *count <= MAX_PARCELS),
        None => Some(0),
    };
    if count.is_none() {
        faults.add("parcel_count", shipping::parcels_at_most(MAX_PARCELS, visitor.language));
    }
    if !lines.iter().any(|line| is_something(&line.quantity, visitor.language)) {
        faults.add("lines.0.quantity", w.nothing_typed);
    }
    if faults.is_empty() {
        let (body, rows) = body(&form, &lines, count.unwrap_or_default(), visitor.language);
        let read: Result<DispatchShipmentRequest, Faults> = deserr::deserialize(body);
        let error = match read {
            Ok(read) => {
                let command = read.into_command(id, Some(version));
                match executor.execute(visitor.context.clone(), form.key()?, command, to_shipment).await {
                    Ok(answer) => return Ok(follow(answer, "/console/orders")),
                    Err(error) => ApiError::from(error),
                }
            }
            Err(wrong) => wrong.into(),
        };
        if error.status() == StatusCode::PRECONDITION_FAILED {
            return outdated(&form, &lines, &visitor, &database, id).await;
        }
        faults = FormFaults::of(error, FIELDS, visitor.language)?.at_rows("lines", &rows);
    }
    let order = orders::get(&database, &visitor.context, id).await?;
    let what = again(StatusCode::UNPROCESSABLE_ENTITY, faults, PARCELS);
    written(&order, &visitor, &database, what).await
}

/// Where the browser is sent: the delivery note is the next thing.
fn to_shipment(shipment: ShipmentView) -> Result<StoredResponse, Error> {
    Ok(leads_there(format!("/console/shipments/{}?done=shipped", shipment.summary.id)))
}

/// Somebody else was faster: what was typed beside what can leave now.
async fn outdated(
    form: &Form,
    typed: &[Typed],
    visitor: &Visitor,
    database: &TenantDatabase,
    id: OrderId,
) -> Result<HttpResponse, ApiError> {
    let order = orders::get(database, &visitor.context, id).await?;
    let mut versions = TwoVersions::new(FORM, format!("/console/orders/{id}/ship"));
    let mut left: Vec<&Typed> = typed.iter().collect();
    for line in &order.lines {
        let product = line.product_id.to_string();
        let at = left.iter().position(|typed| typed.product_id == product);
        let mine = at.map(|at| left.remove(at).quantity.clone()).unwrap_or_default();
        let ready = line.ready();
        let theirs = if ready.is_zero() { String::new() } else { visitor.format.decimal(ready.value()) };
        versions = versions.with(&line.name, mine, theirs);
    }
    let what = Written {
        status: StatusCode::CONFLICT,
        form: Some(form),
        version: None,
        key: new_key(),
        faults: FormFaults::default(),
        versions: Some(versions),
        spare: PARCELS,
    };
    written(&order, visitor, database, what).await
}

#[cfg(test)]
mod tests {
    use actix_web::web::Bytes;

    use super::*;

    #[test]
    fn empty_lines_stay_out_of_the_body_and_parcels_are_counted() {
        let form = "lines.0.position=1&lines.0.product_id=a&lines.0.quantity=0&lines.1.position=3&lines.1.product_id=b\
            &lines.1.quantity=2%2C5&tracking_number=MO+1&parcels.0.weight_kg=1%2C2&parcels.1.weight_kg=";
        let form =
            Form::parse("/console/orders/1/ship", &Bytes::from_static(form.as_bytes())).expect("a form");
        let (body, rows) = body(&form, &typed(&form), 2, Language::Fr);
        let expected = json!({
            "lines": [{"position": 3, "quantity": "2.5"}],
            "tracking_number": "MO 1",
            "parcels": [{"weight_kg": "1.2"}, {}],
        });
        assert_eq!((body, rows), (expected, vec![1]));
        assert!(
            !is_something("0,00", Language::Fr) && is_something("douze", Language::Fr),
            "what is no number is refused with its reason"
        );
    }
}
