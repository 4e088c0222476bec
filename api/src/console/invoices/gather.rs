//! A draft of what has left and is not invoiced yet: of orders, of shipments, or of a month of a customer. The form becomes
//! the body of the API's `from-orders`, `from-shipments` or `from-month`.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::Datelike;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::invoices::{InvoiceShipped, InvoiceView};
use comptoir_core::commerce::orders::{self, OrderFilter};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::actions::{page_of, read};
use crate::console::answers::{follow, leads_to};
use crate::console::choose::Chosen;
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, first};
use crate::console::visitor::Visitor;
use crate::console::words::Invoices;
use crate::error::ApiError;
use crate::routes::invoices::{InvoiceMonthRequest, InvoiceOrdersRequest, InvoiceShipmentsRequest};

const FIELDS: &[&str] = &["customer_id", "month", "issue_date", "order_ids", "shipment_ids"];
const MOST: usize = 100;

#[derive(Template)]
#[template(path = "console/invoices/from.html")]
struct FromPage {
    page: Page,
    w: &'static Invoices,
    faults: FormFaults,
    key: String,
    by: &'static str,
    customer: Chosen,
    month: String,
    issue_date: String,
    orders: String,
    shipments: String,
    unshipped: bool,
    deposits: bool,
}

/// What was typed.
struct Typed {
    by: &'static str,
    customer: Chosen,
    month: String,
    issue_date: String,
    orders: String,
    shipments: String,
    unshipped: bool,
    deposits: bool,
}

fn page(typed: Typed, visitor: &Visitor, key: String, faults: FormFaults) -> FromPage {
    let w = Invoices::of(visitor.language);
    let Typed { by, customer, month, issue_date, orders, shipments, unshipped, deposits } = typed;
    let page = visitor.page(w.from_title);
    FromPage { page, w, faults, key, by, customer, month, issue_date, orders, shipments, unshipped, deposits }
}

/// One of the three, as the address and the form name it.
fn by(text: Option<&str>) -> &'static str {
    match text {
        Some("orders") => "orders",
        Some("shipments") => "shipments",
        _ => "month",
    }
}

pub(super) async fn show(request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request);
    let text = |name: &str| address.get(name).unwrap_or_default().to_owned();
    let today = visitor.format.today();
    let typed = Typed {
        by: by(address.get("by")),
        customer: Chosen { text: text("customer"), id: text("customer_id") },
        month: format!("{:04}-{:02}", today.year(), today.month()),
        issue_date: String::new(),
        orders: text("orders"),
        shipments: text("shipments"),
        unshipped: false,
        deposits: true,
    };
    layout::ok(&page(typed, &visitor, new_key(), FormFaults::default()))
}

pub(super) async fn gather(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let text = |name: &str| form.get(name).unwrap_or_default().to_owned();
    let mut typed = Typed {
        by: by(form.get("by")),
        customer: Chosen::of(&form, "customer_id"),
        month: text("month"),
        issue_date: text("issue_date"),
        orders: text("order_ids"),
        shipments: text("shipment_ids"),
        unshipped: form.has("unshipped"),
        deposits: form.has("deposits"),
    };
    typed.customer.find_customer(&visitor, &database).await?;
    let command = match command(&typed, &visitor, &database).await {
        Ok(command) => command,
        Err(error) => return refused(typed, &visitor, &form, error),
    };
    let to = leads_to(|view: &InvoiceView| page_of(view.summary.id, "drafted"));
    match executor.execute(visitor.context.clone(), form.key()?, command, to).await {
        Ok(answer) => Ok(follow(answer, "/console/invoices")),
        Err(error) => refused(typed, &visitor, &form, error.into()),
    }
}

fn refused(typed: Typed, visitor: &Visitor, form: &Form, error: ApiError) -> Result<HttpResponse, ApiError> {
    // An order or a shipment that is not there is one that was typed wrong.
    let error = match error.status() {
        StatusCode::NOT_FOUND => {
            let pointer = match typed.by {
                "shipments" => "/shipment_ids",
                "orders" => "/order_ids",
                _ => "/customer_id",
            };
            ApiError::invalid_field(pointer, "unknown_order", "there is no such one")
        }
        _ => error,
    };
    let faults = FormFaults::of(whole_lists(error), FIELDS, visitor.language)?;
    layout::show(StatusCode::UNPROCESSABLE_ENTITY, &page(typed, visitor, form.key_text(), faults))
}

/// All orders are typed in one field.
fn whole_lists(error: ApiError) -> ApiError {
    if error.fields().is_empty() {
        return error;
    }
    let fields = error.fields().iter().map(|fault| {
        let mut fault = fault.clone();
        let list = ["/order_ids", "/shipment_ids"].into_iter().find(|list| fault.pointer.starts_with(list));
        if let Some(list) = list {
            list.clone_into(&mut fault.pointer);
        }
        fault
    });
    ApiError::invalid(fields.collect())
}

async fn command(
    typed: &Typed,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<InvoiceShipped, ApiError> {
    let mut body = Map::new();
    if !typed.issue_date.is_empty() {
        body.insert("issue_date".to_owned(), json!(typed.issue_date));
    }
    body.insert("deposits".to_owned(), json!(typed.deposits));
    let mut set = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    match typed.by {
        "orders" => {
            set("order_ids", json!(orders_of(&typed.orders, visitor, database).await?));
            set("unshipped", json!(typed.unshipped));
            Ok(read::<InvoiceOrdersRequest>(Value::Object(body))?.into())
        }
        "shipments" => {
            set("shipment_ids", json!(split(&typed.shipments).collect::<Vec<_>>()));
            Ok(read::<InvoiceShipmentsRequest>(Value::Object(body))?.into())
        }
        _ => {
            for (name, text) in [("customer_id", &typed.customer.id), ("month", &typed.month)] {
                if !text.is_empty() {
                    set(name, json!(text));
                }
            }
            Ok(read::<InvoiceMonthRequest>(Value::Object(body))?.into())
        }
    }
}

/// Ids and numbers, separated by commas or spaces.
fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter == ',' || letter == ';' || letter.is_whitespace())
        .filter(|part| !part.is_empty())
        .take(MOST + 1)
}

/// The ids of orders that are named by id, or by the number that people call them by.
async fn orders_of(
    text: &str,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Vec<String>, ApiError> {
    let mut ids = Vec::new();
    for part in split(text) {
        let is_id = Uuid::parse_str(part).is_ok();
        if is_id || !visitor.may(Permission::OrdersRead) {
            ids.push(part.to_owned());
            continue;
        }
        let filter = OrderFilter { reference: Some(part.to_owned()), ..OrderFilter::default() };
        let found = orders::list(database, &visitor.context, &filter, &first(2)?).await?;
        match found.data.as_slice() {
            [only] => ids.push(only.id.to_string()),
            _ => {
                return Err(ApiError::invalid_field("/order_ids", "unknown_order", "there is no such order"));
            }
        }
    }
    Ok(ids)
}
