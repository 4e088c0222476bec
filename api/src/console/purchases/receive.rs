//! Goods of a purchase order come. The form becomes the body of `POST /api/v1/stock-receipts`.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use bigdecimal::{BigDecimal, Zero};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::purchase_orders::{self, PurchaseOrderView};
use comptoir_core::commerce::stock_documents::{MoveGoods, StockDocumentView};
use comptoir_core::values::goods::Units;
use comptoir_core::values::ids::PurchaseOrderId;
use comptoir_core::values::language::Language;
use serde_json::{Map, Value, json};

use super::leads_to;
use crate::console::answers::follow;
use crate::console::format::typed_decimal;
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::names;
use crate::console::visitor::Visitor;
use crate::console::words::Purchases;
use crate::error::ApiError;
use crate::extract::{Faults, part};
use crate::routes::stock_documents::ReceiveGoodsRequest;

/// The fields that a refusal can be about.
const FIELDS: &[&str] = &["reference", "business_date", "lines.*.quantity"];

#[derive(Template)]
#[template(path = "console/purchases/receive.html")]
struct ReceivePage {
    page: Page,
    w: &'static Purchases,
    faults: FormFaults,
    id: String,
    number: String,
    key: String,
    reference: String,
    business_date: String,
    lines: Vec<Line>,
}

struct Line {
    prefix: String,
    field: String,
    product_id: String,
    name: String,
    sku: String,
    codes: String,
    wanted: String,
    left: String,
    quantity: String,
}

fn quantity(form: &Form, row: usize) -> String {
    form.get(&format!("lines.{row}.quantity")).unwrap_or_default().to_owned()
}

fn is_something(quantity: &str, language: Language) -> bool {
    !quantity.is_empty()
        && !typed_decimal(quantity, language).parse::<BigDecimal>().is_ok_and(|value| value.is_zero())
}

/// The body of the API, and the rows of the form that its lines are. A purchase order never changes once something of it has come, and
/// the rows have their products.
fn body(form: &Form, id: PurchaseOrderId, language: Language) -> (Value, Vec<usize>) {
    let rows: Vec<usize> =
        (0..form.rows("lines")).filter(|row| is_something(&quantity(form, *row), language)).collect();
    let line = |row: &usize| {
        let product = form.get(&format!("lines.{row}.product_id")).unwrap_or_default();
        json!({"product_id": product, "quantity": typed_decimal(&quantity(form, *row), language)})
    };
    let mut body = Map::new();
    body.insert("purchase_order_id".to_owned(), json!(id.to_string()));
    body.insert("lines".to_owned(), rows.iter().map(line).collect());
    for name in ["reference", "business_date"] {
        if let Some(text) = form.get(name) {
            body.insert(name.to_owned(), json!(text));
        }
    }
    (Value::Object(body), rows)
}

async fn written(
    order: &PurchaseOrderView,
    visitor: &Visitor,
    database: &TenantDatabase,
    form: Option<(&Form, FormFaults)>,
) -> Result<HttpResponse, ApiError> {
    let w = Purchases::of(visitor.language);
    let codes = names::codes(database, visitor, order.lines.iter().map(|line| line.product_id)).await?;
    let status = if form.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (form, faults) = form.map_or((None, FormFaults::default()), |(form, faults)| (Some(form), faults));
    let text = |name: &str| form.and_then(|form| form.get(name)).unwrap_or_default().to_owned();
    let shown = |units: &BigDecimal| visitor.format.decimal(units);
    let line = |(row, line): (usize, &purchase_orders::PurchaseOrderLineView)| {
        let left = Units::from(&line.quantity).less(&line.received);
        let all = if left.is_zero() { String::new() } else { shown(left.value()) };
        let prefix = format!("lines.{row}");
        Line {
            field: format!("{prefix}.quantity"),
            prefix,
            product_id: line.product_id.to_string(),
            name: line.name.clone(),
            sku: line.sku.clone(),
            codes: codes.get(&line.product_id).cloned().unwrap_or_default(),
            wanted: shown(line.quantity.value()),
            left: shown(left.value()),
            quantity: form.map_or(all, |form| quantity(form, row)),
        }
    };
    let page = ReceivePage {
        page: visitor.page(w.receive_title),
        w,
        faults,
        id: order.id.to_string(),
        number: names::purchase(order, visitor),
        key: form.map_or_else(new_key, Form::key_text),
        reference: text("reference"),
        business_date: text("business_date"),
        lines: order.lines.iter().enumerate().map(line).collect(),
    };
    layout::show(status, &page)
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let order = purchase_orders::get(&database, &visitor.context, part(&request, "id")?).await?;
    written(&order, &visitor, &database, None).await
}

pub(super) async fn receive(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: PurchaseOrderId = part(&request, "id")?;
    let (body, rows) = body(&form, id, visitor.language);
    let mut faults = FormFaults::default();
    if rows.is_empty() {
        faults.add("lines.0.quantity", Purchases::of(visitor.language).nothing_typed);
    } else {
        let read: Result<ReceiveGoodsRequest, Faults> = deserr::deserialize(body);
        let error = match read {
            Ok(read) => {
                let leads = move |_: StockDocumentView| Ok(leads_to(id, "received"));
                let command = MoveGoods::from(read);
                match executor.execute(visitor.context.clone(), form.key()?, command, leads).await {
                    Ok(answer) => return Ok(follow(answer, "/console/purchases")),
                    Err(error) => ApiError::from(error),
                }
            }
            Err(wrong) => wrong.into(),
        };
        faults = FormFaults::of(error, FIELDS, visitor.language)?.at_rows("lines", &rows);
    }
    let order = purchase_orders::get(&database, &visitor.context, id).await?;
    written(&order, &visitor, &database, Some((&form, faults))).await
}
