//! A new order. The form becomes the body of `POST /api/v1/orders`, which reads it: there is no second set of rules.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::customers;
use comptoir_core::commerce::orders::PlaceOrder;
use comptoir_core::values::ids::CustomerId;
use comptoir_core::values::language::Language;
use serde_json::{Map, Value, json};

use super::actions::leads_to;
use crate::console::answers::follow;
use crate::console::choose::Chosen;
use crate::console::format::typed_decimal;
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::lists::Address;
use crate::console::menu;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::Orders;
use crate::error::ApiError;
use crate::extract::Faults;
use crate::routes::orders::PlaceOrderRequest;

/// The fields that a refusal can be about.
const FIELDS: &[&str] = &[
    "customer_id",
    "reference",
    "promised_on",
    "lines.*.product_id",
    "lines.*.quantity",
    "lines.*.unit_price",
];
/// Empty lines at the beginning, and after "add a line".
const LINES: usize = 3;
const MORE_LINES: usize = 5;

#[derive(Template)]
#[template(path = "console/orders/place.html")]
struct PlacePage {
    page: Page,
    w: &'static Orders,
    faults: FormFaults,
    key: String,
    customer: Chosen,
    reference: String,
    promised_on: String,
    back_order: bool,
    lines: Vec<Line>,
    shows_prices: bool,
    /// Where a customer and a product are made that are not there yet, for those who may.
    makes: Vec<(&'static str, Word)>,
}

#[derive(Debug, Clone, Default)]
struct Line {
    product_field: String,
    quantity_field: String,
    price_field: String,
    product: Chosen,
    quantity: String,
    price: String,
}

impl Line {
    fn empty(index: usize) -> Self {
        Self {
            product_field: format!("lines.{index}.product_id"),
            quantity_field: format!("lines.{index}.quantity"),
            price_field: format!("lines.{index}.unit_price"),
            ..Self::default()
        }
    }

    /// Whether nothing was typed in it.
    fn is_empty(&self) -> bool {
        let typed = [&self.product.text, &self.product.id, &self.quantity, &self.price];
        typed.into_iter().all(String::is_empty)
    }
}

/// What was typed. Empty lines are left out, so that a line has the index that it has in the body of the API.
#[derive(Debug, Default)]
struct Draft {
    customer: Chosen,
    reference: String,
    promised_on: String,
    back_order: bool,
    lines: Vec<Line>,
}

impl Draft {
    fn of(form: &Form) -> Self {
        let text = |name: &str| form.get(name).unwrap_or_default().to_owned();
        let chosen = |name: &str| Chosen::of(form, name);
        let mut lines: Vec<Line> = Vec::new();
        for row in 0..form.rows("lines") {
            let there = Line::empty(row);
            let line = Line {
                product: chosen(&there.product_field),
                quantity: text(&there.quantity_field),
                price: text(&there.price_field),
                ..Line::empty(lines.len())
            };
            if !line.is_empty() {
                lines.push(line);
            }
        }
        Self {
            customer: chosen("customer_id"),
            reference: text("reference"),
            promised_on: text("promised_on"),
            back_order: form.has("back_order"),
            lines,
        }
    }

    /// Finds what was typed and not chosen: by its code, or if the words mean one row alone.
    async fn resolve(&mut self, visitor: &Visitor, database: &TenantDatabase) -> Result<(), ApiError> {
        self.customer.find_customer(visitor, database).await?;
        for line in &mut self.lines {
            line.product.find_product(visitor, database).await?;
        }
        Ok(())
    }

    /// What is still not chosen, before the API is asked.
    fn check(&self, w: &'static Orders) -> FormFaults {
        let mut faults = FormFaults::default();
        if self.customer.id.is_empty() {
            faults.add("customer_id", w.choose_customer);
        }
        for line in self.lines.iter().filter(|line| line.product.id.is_empty()) {
            faults.add(&line.product_field, w.choose_product);
        }
        if self.lines.is_empty() {
            faults.add("lines.0.product_id", w.no_lines);
        }
        faults
    }

    /// The body of the API's request.
    fn body(&self, language: Language) -> Value {
        let mut body = Map::new();
        let mut set = |name: &str, value: &str| {
            if !value.is_empty() {
                body.insert(name.to_owned(), json!(value));
            }
        };
        set("customer_id", &self.customer.id);
        set("reference", &self.reference);
        set("promised_on", &self.promised_on);
        let line = |line: &Line| {
            let mut members = Map::new();
            members.insert("product_id".to_owned(), json!(line.product.id));
            if !line.quantity.is_empty() {
                members.insert("quantity".to_owned(), json!(typed_decimal(&line.quantity, language)));
            }
            if !line.price.is_empty() {
                members.insert("unit_price".to_owned(), json!(typed_decimal(&line.price, language)));
            }
            Value::Object(members)
        };
        body.insert("lines".to_owned(), self.lines.iter().map(line).collect());
        body.insert("back_order".to_owned(), json!(self.back_order));
        Value::Object(body)
    }

    fn page(self, visitor: &Visitor, key: String, faults: FormFaults, spare: usize) -> PlacePage {
        let w = Orders::of(visitor.language);
        let Self { customer, reference, promised_on, back_order, mut lines } = self;
        let typed = lines.len();
        lines.extend((typed..typed + spare).map(Line::empty));
        let makes =
            [("/console/customers/new", w.create_customer), ("/console/products/new", w.create_product)];
        let principal = &visitor.context.principal;
        PlacePage {
            page: visitor.page(w.place),
            w,
            faults,
            key,
            customer,
            reference,
            promised_on,
            back_order,
            lines,
            shows_prices: visitor.may(Permission::OrdersPrices),
            makes: makes.into_iter().filter(|(path, _)| menu::may_see(principal, path)).collect(),
        }
    }
}

/// The customer that the address names, if there is one: the page of a customer leads here with it.
async fn named(
    request: &HttpRequest,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Chosen, ApiError> {
    let id = Address::of(request).get("customer_id").and_then(|text| text.parse::<CustomerId>().ok());
    let Some(id) = id.filter(|_| visitor.may(Permission::CustomersRead)) else {
        return Ok(Chosen::default());
    };
    let found = customers::get(database, &visitor.context, id).await.map_err(ApiError::from);
    match found {
        Ok(customer) => Ok(Chosen { text: customer.name, id: customer.id.to_string() }),
        Err(error) if error.status() == StatusCode::NOT_FOUND => Ok(Chosen::default()),
        Err(error) => Err(error),
    }
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let draft = Draft { customer: named(&request, &visitor, &database).await?, ..Draft::default() };
    layout::ok(&draft.page(&visitor, new_key(), FormFaults::default(), LINES))
}

pub(super) async fn place(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let mut draft = Draft::of(&form);
    if form.has("more") {
        return layout::ok(&draft.page(&visitor, form.key_text(), FormFaults::default(), MORE_LINES));
    }
    draft.resolve(&visitor, &database).await?;
    let faults = draft.check(Orders::of(visitor.language));
    if !faults.is_empty() {
        return again(draft, &visitor, &form, faults);
    }
    let read: Result<PlaceOrderRequest, Faults> = deserr::deserialize(draft.body(visitor.language));
    let request = match read {
        Ok(request) => request,
        Err(wrong) => {
            let faults = FormFaults::of(wrong.into(), FIELDS, visitor.language)?;
            return again(draft, &visitor, &form, faults);
        }
    };
    let command = PlaceOrder::from(request);
    match executor.execute(visitor.context.clone(), form.key()?, command, leads_to("placed")).await {
        Ok(answer) => Ok(follow(answer, "/console/orders")),
        Err(error) => {
            let faults = FormFaults::of(error.into(), FIELDS, visitor.language)?;
            again(draft, &visitor, &form, faults)
        }
    }
}

/// Shows the form again, with all that was typed.
fn again(draft: Draft, visitor: &Visitor, form: &Form, faults: FormFaults) -> Result<HttpResponse, ApiError> {
    let spare = usize::from(draft.lines.is_empty());
    layout::show(StatusCode::UNPROCESSABLE_ENTITY, &draft.page(visitor, form.key_text(), faults, spare))
}
