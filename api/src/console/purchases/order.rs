//! A new purchase order. The form becomes the body of `POST /api/v1/purchase-orders`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::purchase_orders::{CreatePurchaseOrder, PurchaseOrderView};
use comptoir_core::values::language::Language;
use serde_json::{Map, Value, json};

use super::leads_to;
use crate::console::answers::follow;
use crate::console::choose::Chosen;
use crate::console::format::typed_decimal;
use crate::console::forms::{Choice, Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::places::Places;
use crate::console::visitor::Visitor;
use crate::console::words::Purchases;
use crate::error::ApiError;
use crate::extract::{Editable, Faults};
use crate::routes::purchase_orders::PurchaseOrderRequest;

/// The fields that a refusal can be about.
const FIELDS: &[&str] = &[
    "supplier_id",
    "warehouse_id",
    "reference",
    "ordered_on",
    "expected_on",
    "lines.*.product_id",
    "lines.*.quantity",
    "lines.*.unit_cost",
];
/// Empty lines at the beginning, and after "add a line".
const LINES: usize = 3;
const MORE_LINES: usize = 5;

#[derive(Template)]
#[template(path = "console/purchases/new.html")]
struct NewPage {
    page: Page,
    w: &'static Purchases,
    faults: FormFaults,
    key: String,
    draft: Draft,
    warehouses: Vec<Choice>,
    shows_costs: bool,
}

#[derive(Debug, Clone, Default)]
struct Line {
    product_field: String,
    quantity_field: String,
    cost_field: String,
    product: Chosen,
    quantity: String,
    cost: String,
}

impl Line {
    fn empty(index: usize) -> Self {
        Self {
            product_field: format!("lines.{index}.product_id"),
            quantity_field: format!("lines.{index}.quantity"),
            cost_field: format!("lines.{index}.unit_cost"),
            ..Self::default()
        }
    }

    fn is_empty(&self) -> bool {
        [&self.product.text, &self.product.id, &self.quantity, &self.cost].into_iter().all(String::is_empty)
    }

    fn body(&self, language: Language) -> Value {
        let mut members = Map::new();
        members.insert("product_id".to_owned(), json!(self.product.id));
        for (name, typed) in [("quantity", &self.quantity), ("unit_cost", &self.cost)] {
            if !typed.is_empty() {
                members.insert(name.to_owned(), json!(typed_decimal(typed, language)));
            }
        }
        Value::Object(members)
    }
}

/// What was typed. Empty lines are left out, so that a line has the index that it has in the body of the API.
#[derive(Debug, Default)]
struct Draft {
    supplier: Chosen,
    warehouse_id: String,
    reference: String,
    ordered_on: String,
    expected_on: String,
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
                cost: text(&there.cost_field),
                ..Line::empty(lines.len())
            };
            if !line.is_empty() {
                lines.push(line);
            }
        }
        Self {
            supplier: chosen("supplier_id"),
            warehouse_id: text("warehouse_id"),
            reference: text("reference"),
            ordered_on: text("ordered_on"),
            expected_on: text("expected_on"),
            lines,
        }
    }

    /// Finds what was typed and not chosen: by its code, or if the words mean one row alone.
    async fn resolve(&mut self, visitor: &Visitor, database: &TenantDatabase) -> Result<(), ApiError> {
        self.supplier.find_supplier(visitor, database).await?;
        for line in &mut self.lines {
            line.product.find_product(visitor, database).await?;
        }
        Ok(())
    }

    /// What is still not chosen, before the API is asked.
    fn check(&self, w: &'static Purchases) -> FormFaults {
        let mut faults = FormFaults::default();
        if self.supplier.id.is_empty() {
            faults.add("supplier_id", w.choose_supplier);
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
        for (name, text) in [
            ("supplier_id", &self.supplier.id),
            ("warehouse_id", &self.warehouse_id),
            ("reference", &self.reference),
            ("ordered_on", &self.ordered_on),
            ("expected_on", &self.expected_on),
        ] {
            if !text.is_empty() {
                body.insert(name.to_owned(), json!(text));
            }
        }
        body.insert("lines".to_owned(), self.lines.iter().map(|line| line.body(language)).collect());
        Value::Object(body)
    }
}

struct Written {
    status: StatusCode,
    draft: Draft,
    key: String,
    faults: FormFaults,
    spare: usize,
}

async fn written(
    visitor: &Visitor,
    database: &TenantDatabase,
    what: Written,
) -> Result<HttpResponse, ApiError> {
    let w = Purchases::of(visitor.language);
    let Written { status, mut draft, key, faults, spare } = what;
    let typed = draft.lines.len();
    draft.lines.extend((typed..typed + spare).map(Line::empty));
    let page = NewPage {
        page: visitor.page(w.new),
        w,
        faults,
        key,
        warehouses: warehouses(visitor, database, &draft.warehouse_id).await?,
        draft,
        shows_costs: visitor.may(Permission::StockCosts),
    };
    layout::show(status, &page)
}

/// Those that can be chosen; none where there is only one.
async fn warehouses(
    visitor: &Visitor,
    database: &TenantDatabase,
    chosen: &str,
) -> Result<Vec<Choice>, ApiError> {
    let places = Places::of(visitor, database).await?;
    if places.in_use().count() < 2 {
        return Ok(Vec::new());
    }
    Ok(places.to_choose(Purchases::of(visitor.language).default_warehouse, chosen))
}

pub(super) async fn show(visitor: Visitor, database: Data<TenantDatabase>) -> Result<HttpResponse, ApiError> {
    let (draft, faults) = (Draft::default(), FormFaults::default());
    let what = Written { status: StatusCode::OK, draft, key: new_key(), faults, spare: LINES };
    written(&visitor, &database, what).await
}

pub(super) async fn order(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let mut draft = Draft::of(&form);
    let key = form.key_text();
    if form.has("more") {
        let faults = FormFaults::default();
        let what = Written { status: StatusCode::OK, draft, key, faults, spare: MORE_LINES };
        return written(&visitor, &database, what).await;
    }
    draft.resolve(&visitor, &database).await?;
    let mut faults = draft.check(Purchases::of(visitor.language));
    if faults.is_empty() {
        let read: Result<PurchaseOrderRequest, Faults> = deserr::deserialize(draft.body(visitor.language));
        let details = read.and_then(|request| request.into_details().map_err(Faults));
        let error = match details {
            Ok(details) => {
                let command = CreatePurchaseOrder { details };
                let leads = |made: PurchaseOrderView| Ok(leads_to(made.id, "ordered"));
                match executor.execute(visitor.context.clone(), form.key()?, command, leads).await {
                    Ok(answer) => return Ok(follow(answer, "/console/purchases")),
                    Err(error) => ApiError::from(error),
                }
            }
            Err(wrong) => wrong.into(),
        };
        faults = FormFaults::of(error, FIELDS, visitor.language)?;
    }
    let spare = usize::from(draft.lines.is_empty());
    let what = Written { status: StatusCode::UNPROCESSABLE_ENTITY, draft, key, faults, spare };
    written(&visitor, &database, what).await
}
