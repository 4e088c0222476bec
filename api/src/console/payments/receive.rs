//! A payment that came, and what it pays. The form becomes the body of `POST /api/v1/payments`.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::payments::{PaymentMethod, PaymentView, RecordPayment};
use comptoir_core::commerce::{customers, invoices};
use comptoir_core::values::ids::{CustomerId, InvoiceId};
use serde_json::{Map, Value, json};

use super::allocate::{self, Open};
use crate::console::answers::{follow, leads_to};
use crate::console::choose::one_customer;
use crate::console::format::{as_typed, typed_decimal};
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::lists::Address;
use crate::console::visitor::Visitor;
use crate::console::words::{Payments, payments as said};
use crate::error::ApiError;
use crate::extract::Faults;
use crate::routes::payments::RecordPaymentRequest;

const FIELDS: &[&str] = &["customer_id", "method", "received_on", "amount", "reference", "invoices.*.amount"];

#[derive(Template)]
#[template(path = "console/payments/receive.html")]
struct ReceivePage {
    page: Page,
    w: &'static Payments,
    faults: FormFaults,
    key: String,
    customer_text: String,
    customer_id: String,
    methods: Vec<Method>,
    received_on: String,
    amount: String,
    reference: String,
    what: &'static str,
    open: Vec<Open>,
}

struct Method {
    name: &'static str,
    label: &'static str,
    is_chosen: bool,
}

/// What was typed.
struct Typed {
    text: String,
    id: Option<CustomerId>,
    method: String,
    received_on: String,
    amount: String,
    reference: String,
    what: &'static str,
}

fn what(text: Option<&str>) -> &'static str {
    match text {
        Some("named") => "named",
        Some("nothing") => "nothing",
        _ => "oldest",
    }
}

fn page(typed: Typed, open: Vec<Open>, visitor: &Visitor, key: String, faults: FormFaults) -> ReceivePage {
    let w = Payments::of(visitor.language);
    let method = |method: PaymentMethod| Method {
        name: method.name(),
        label: said::method(method, visitor.language),
        is_chosen: method.name() == typed.method,
    };
    let methods = PaymentMethod::ALL.into_iter().map(method).collect();
    ReceivePage {
        page: visitor.page(w.receive_title),
        w,
        faults,
        key,
        customer_text: typed.text,
        customer_id: typed.id.map(|id| id.to_string()).unwrap_or_default(),
        methods,
        received_on: typed.received_on,
        amount: typed.amount,
        reference: typed.reference,
        what: typed.what,
        open,
    }
}

/// `?invoice_id=…` is for what is open of it, `?customer_id=…` for whatever that customer pays.
pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request);
    let mut typed = Typed {
        text: String::new(),
        id: address.get("customer_id").and_then(|id| id.parse().ok()),
        method: PaymentMethod::Transfer.name().to_owned(),
        received_on: visitor.format.today().to_string(),
        amount: String::new(),
        reference: String::new(),
        what: "oldest",
    };
    let invoice: Option<InvoiceId> = address.get("invoice_id").and_then(|id| id.parse().ok());
    let mut of_one = None;
    if let Some(id) = invoice.filter(|_| visitor.may(Permission::InvoicesRead)) {
        let summary = invoices::get(&database, &visitor.context, id).await?.summary;
        (typed.id, typed.what) = (Some(summary.customer_id), "named");
        typed.amount = as_typed(&summary.open.to_string(), visitor.language);
        typed.reference = summary.number.unwrap_or_default();
        of_one = Some((summary.id.to_string(), typed.amount.clone()));
    }
    let mut open = Vec::new();
    if let Some(id) = typed.id {
        typed.text = name(id, &visitor, &database).await?;
        open = allocate::open(id, None, &visitor, &database).await?;
    }
    if let Some((id, amount)) = of_one {
        open.iter_mut().filter(|row| row.id == id).for_each(|row| row.amount.clone_from(&amount));
    }
    layout::ok(&page(typed, open, &visitor, new_key(), FormFaults::default()))
}

async fn name(id: CustomerId, visitor: &Visitor, database: &TenantDatabase) -> Result<String, ApiError> {
    if !visitor.may(Permission::CustomersRead) {
        return Ok(id.to_string());
    }
    Ok(customers::get(database, &visitor.context, id).await?.name)
}

pub(super) async fn receive(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let text = |name: &str| form.get(name).unwrap_or_default().to_owned();
    let mut typed = Typed {
        text: text("customer_id_text"),
        id: form.get("customer_id").and_then(|id| id.parse().ok()),
        method: text("method"),
        received_on: text("received_on"),
        amount: text("amount"),
        reference: text("reference"),
        what: what(form.get("what")),
    };
    if typed.id.is_none()
        && let Some(found) = one_customer(&typed.text, &visitor, &database).await?
    {
        (typed.id, typed.text) = (found.id.parse().ok(), found.text);
    }
    let open = match typed.id {
        Some(id) => allocate::open(id, Some(&form), &visitor, &database).await?,
        None => Vec::new(),
    };
    if form.has("more") {
        return layout::ok(&page(typed, open, &visitor, form.key_text(), FormFaults::default()));
    }
    let (named, ids) = allocate::named(&form, visitor.language);
    let mut body = Map::new();
    let id = typed.id.map(|id| id.to_string()).unwrap_or_default();
    for (name, value) in [
        ("customer_id", id),
        ("method", typed.method.clone()),
        ("received_on", typed.received_on.clone()),
        ("amount", typed_decimal(&typed.amount, visitor.language)),
        ("reference", typed.reference.clone()),
    ] {
        if !value.is_empty() {
            body.insert(name.to_owned(), json!(value));
        }
    }
    body.extend(named.map(|named| ("invoices".to_owned(), named)));
    let read: Result<RecordPaymentRequest, Faults> = deserr::deserialize(Value::Object(body));
    let error = match read {
        Ok(asked) => {
            let to =
                leads_to(|view: &PaymentView| format!("/console/payments/{}?done=received", view.summary.id));
            let command = RecordPayment::from(asked);
            match executor.execute(visitor.context.clone(), form.key()?, command, to).await {
                Ok(answer) => return Ok(follow(answer, "/console/payments")),
                Err(error) => ApiError::from(error),
            }
        }
        Err(wrong) => wrong.into(),
    };
    let faults = FormFaults::of(allocate::in_rows(error, &ids, &open), FIELDS, visitor.language)?;
    layout::show(StatusCode::UNPROCESSABLE_ENTITY, &page(typed, open, &visitor, form.key_text(), faults))
}
