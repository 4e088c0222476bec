//! An order is amended, as long as nothing of it has left. The form becomes the merge patch of `PATCH /api/v1/orders/{id}`.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use bigdecimal::BigDecimal;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::orders::{self, AmendOrder, OrderLine, OrderView};
use comptoir_core::values::contact::PostalAddress;
use comptoir_core::values::ids::OrderId;
use comptoir_core::values::language::Language;
use serde_json::{Map, Value, json};

use super::actions::leads_to;
use crate::console::answers::follow;
use crate::console::choose::Chosen;
use crate::console::format::typed_decimal;
use crate::console::forms::{Form, FormFaults, TwoVersions, new_key};
use crate::console::layout::{self, Page};
use crate::console::names;
use crate::console::visitor::Visitor;
use crate::console::words::Orders;
use crate::error::ApiError;
use crate::extract::{merge_patch, part};
use crate::routes::orders::UpdateOrderRequest;

/// The fields that a refusal can be about.
const FIELDS: &[&str] = &[
    "reference",
    "promised_on",
    "delivery_address.line1",
    "delivery_address.line2",
    "delivery_address.postal_code",
    "delivery_address.city",
    "delivery_address.country",
    "lines.*.product_id",
    "lines.*.quantity",
    "lines.*.unit_price",
];
/// The id of the form in the page.
const FORM: &str = "amend";
/// Empty lines at the end, and after "add a line".
const LINES: usize = 1;
const MORE_LINES: usize = 5;

#[derive(Template)]
#[template(path = "console/orders/amend.html")]
struct AmendPage {
    page: Page,
    w: &'static Orders,
    form: &'static str,
    faults: FormFaults,
    versions: Option<TwoVersions>,
    id: String,
    number: String,
    version: i64,
    key: String,
    draft: Draft,
    shows_prices: bool,
}

#[derive(Debug, Clone, Default)]
struct Line {
    /// What its fields begin with.
    prefix: String,
    product_field: String,
    quantity_field: String,
    price_field: String,
    /// Of a line that the order has; empty for a new one.
    position: String,
    product: Chosen,
    quantity: String,
    price: String,
    is_removed: bool,
}

impl Line {
    fn empty(row: usize) -> Self {
        let prefix = format!("lines.{row}");
        Self {
            product_field: format!("{prefix}.product_id"),
            quantity_field: format!("{prefix}.quantity"),
            price_field: format!("{prefix}.unit_price"),
            prefix,
            ..Self::default()
        }
    }

    fn is_empty(&self) -> bool {
        let typed = [&self.position, &self.product.text, &self.product.id, &self.quantity, &self.price];
        typed.into_iter().all(String::is_empty)
    }

    /// The line as the body of the API names it.
    fn body(&self, language: Language) -> Value {
        let mut members = Map::new();
        match self.position.parse::<i16>() {
            Ok(position) => members.insert("position".to_owned(), json!(position)),
            Err(_) => members.insert("product_id".to_owned(), json!(self.product.id)),
        };
        if !self.quantity.is_empty() {
            members.insert("quantity".to_owned(), json!(typed_decimal(&self.quantity, language)));
        }
        if !self.price.is_empty() {
            members.insert("unit_price".to_owned(), json!(typed_decimal(&self.price, language)));
        }
        Value::Object(members)
    }
}

/// Where the order goes; all empty for the customer's own address.
#[derive(Debug, Clone, Default)]
struct Place {
    line1: String,
    line2: String,
    postal_code: String,
    city: String,
    country: String,
}

impl Place {
    fn of(address: Option<&PostalAddress>) -> Self {
        let Some(PostalAddress { line1, line2, postal_code, city, country }) = address else {
            return Self::default();
        };
        Self {
            line1: line1.to_string(),
            line2: line2.as_ref().map(ToString::to_string).unwrap_or_default(),
            postal_code: postal_code.as_ref().map(ToString::to_string).unwrap_or_default(),
            city: city.to_string(),
            country: country.code().to_owned(),
        }
    }

    fn members(&self) -> [(&'static str, &str); 5] {
        [
            ("line1", &self.line1),
            ("line2", &self.line2),
            ("postal_code", &self.postal_code),
            ("city", &self.city),
            ("country", &self.country),
        ]
    }

    fn shown(&self) -> String {
        let parts: Vec<_> =
            self.members().into_iter().map(|(_, text)| text).filter(|text| !text.is_empty()).collect();
        parts.join(", ")
    }

    /// Null stands for the customer's own address; a member that is null is erased.
    fn body(&self) -> Value {
        if self.shown().is_empty() {
            return Value::Null;
        }
        let member = |(name, text): (&str, &str)| (name.to_owned(), text_or_null(text));
        Value::Object(self.members().into_iter().map(member).collect())
    }
}

fn text_or_null(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

/// What is typed.
#[derive(Debug, Clone, Default)]
struct Draft {
    reference: String,
    promised_on: String,
    address: Place,
    lines: Vec<Line>,
}

impl Draft {
    /// The order as it is.
    fn of_order(order: &OrderView, visitor: &Visitor) -> Self {
        let line = |(row, line): (usize, &OrderLine)| Line {
            position: (row + 1).to_string(),
            product: Chosen { text: line.name.clone(), id: line.product_id.to_string() },
            quantity: visitor.format.decimal(line.quantity.value()),
            price: if order.shows_prices {
                visitor.format.decimal(line.unit_price.value())
            } else {
                String::new()
            },
            ..Line::empty(row)
        };
        let summary = &order.summary;
        Self {
            reference: summary.reference.clone().unwrap_or_default(),
            promised_on: summary.promised_on.map(|day| day.to_string()).unwrap_or_default(),
            address: Place::of(summary.delivery_address.as_ref()),
            lines: order.lines.iter().enumerate().map(line).collect(),
        }
    }

    /// Empty new lines are left out.
    fn of_form(form: &Form) -> Self {
        let text = |name: &str| form.get(name).unwrap_or_default().to_owned();
        let mut lines: Vec<Line> = Vec::new();
        for row in 0..form.rows("lines") {
            let there = Line::empty(row);
            let line = Line {
                position: text(&format!("{}.position", there.prefix)),
                product: Chosen::of(form, &there.product_field),
                quantity: text(&there.quantity_field),
                price: text(&there.price_field),
                is_removed: form.has(&format!("{}.remove", there.prefix)),
                ..Line::empty(lines.len())
            };
            if !line.is_empty() {
                lines.push(line);
            }
        }
        let place = |member: &str| text(&format!("delivery_address.{member}"));
        Self {
            reference: text("reference"),
            promised_on: text("promised_on"),
            address: Place {
                line1: place("line1"),
                line2: place("line2"),
                postal_code: place("postal_code"),
                city: place("city"),
                country: place("country"),
            },
            lines,
        }
    }

    async fn resolve(&mut self, visitor: &Visitor, database: &TenantDatabase) -> Result<(), ApiError> {
        for line in &mut self.lines {
            line.product.find_product(visitor, database).await?;
        }
        Ok(())
    }

    /// The rows that are in the body, in its order.
    fn rows(&self) -> Vec<usize> {
        let kept = self.lines.iter().enumerate().filter(|(_, line)| !line.is_removed);
        kept.map(|(row, _)| row).collect()
    }

    fn check(&self, w: &'static Orders) -> FormFaults {
        let mut faults = FormFaults::default();
        for line in self.lines.iter().filter(|line| !line.is_removed && line.product.id.is_empty()) {
            faults.add(&line.product_field, w.choose_product);
        }
        if self.rows().is_empty() {
            faults.add("lines.0.quantity", w.no_lines);
        }
        faults
    }

    /// The merge patch.
    fn patch(&self, language: Language) -> Map<String, Value> {
        let lines = self.lines.iter().filter(|line| !line.is_removed).map(|line| line.body(language));
        let mut patch = Map::new();
        patch.insert("reference".to_owned(), text_or_null(&self.reference));
        patch.insert("promised_on".to_owned(), text_or_null(&self.promised_on));
        patch.insert("delivery_address".to_owned(), self.address.body());
        patch.insert("lines".to_owned(), lines.collect());
        patch
    }

    /// Finds each line in the order as it is now, by its product: somebody else changed the lines, and with them their positions. A
    /// line that is gone becomes a new one.
    fn found_again_in(&mut self, order: &OrderView) {
        let mut taken: HashMap<String, usize> = HashMap::new();
        for line in self.lines.iter_mut().filter(|line| !line.position.is_empty()) {
            let nth = taken.entry(line.product.id.clone()).or_default();
            let same = order
                .lines
                .iter()
                .enumerate()
                .filter(|(_, one)| one.product_id.to_string() == line.product.id);
            line.position = same.map(|(row, _)| (row + 1).to_string()).nth(*nth).unwrap_or_default();
            *nth += 1;
        }
    }

    /// What each product is ordered as, in words.
    fn by_product(&self, visitor: &Visitor) -> Vec<(&Chosen, String)> {
        let number = |text: &str| {
            let read = typed_decimal(text, visitor.language).parse::<BigDecimal>();
            read.map_or_else(|_| text.to_owned(), |value| visitor.format.decimal(&value))
        };
        let mut all: Vec<(&Chosen, String)> = Vec::new();
        for line in self.lines.iter().filter(|line| !line.is_removed && !line.is_empty()) {
            let mut said = number(&line.quantity);
            if !line.price.is_empty() {
                said = format!("{said} × {}", number(&line.price));
            }
            match all.iter_mut().find(|(product, _)| product.id == line.product.id) {
                Some((_, before)) => *before = format!("{before} + {said}"),
                None => all.push((&line.product, said)),
            }
        }
        all
    }
}

/// Both versions, where they differ.
fn two_versions(mine: &Draft, theirs: &Draft, id: OrderId, visitor: &Visitor) -> TwoVersions {
    let w = Orders::of(visitor.language);
    let mut versions = TwoVersions::new(FORM, format!("/console/orders/{id}/edit"))
        .with(w.reference, &mine.reference, &theirs.reference)
        .with(w.promised_on, &mine.promised_on, &theirs.promised_on)
        .with(w.deliver_to, mine.address.shown(), theirs.address.shown());
    let (own, others) = (mine.by_product(visitor), theirs.by_product(visitor));
    let find = |all: &[(&Chosen, String)], id: &str| {
        all.iter().find(|(product, _)| product.id == id).map(|(_, said)| said.clone()).unwrap_or_default()
    };
    for (product, said) in &own {
        versions = versions.with(&product.text, said, find(&others, &product.id));
    }
    for (product, said) in &others {
        if own.iter().all(|(one, _)| one.id != product.id) {
            versions = versions.with(&product.text, "", said);
        }
    }
    versions
}

struct Written {
    status: StatusCode,
    draft: Draft,
    version: i64,
    key: String,
    faults: FormFaults,
    versions: Option<TwoVersions>,
    spare: usize,
}

fn written(order: &OrderView, visitor: &Visitor, what: Written) -> Result<HttpResponse, ApiError> {
    let w = Orders::of(visitor.language);
    let Written { status, mut draft, version, key, faults, versions, spare } = what;
    let there = draft.lines.len();
    draft.lines.extend((there..there + spare).map(Line::empty));
    let page = AmendPage {
        page: visitor.page(w.amend_title),
        w,
        form: FORM,
        faults,
        versions,
        id: order.summary.id.to_string(),
        number: names::called(&order.summary, visitor),
        version,
        key,
        draft,
        shows_prices: visitor.may(Permission::OrdersPrices),
    };
    layout::show(status, &page)
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let order = orders::get(&database, &visitor.context, part(&request, "id")?).await?;
    let what = Written {
        status: StatusCode::OK,
        draft: Draft::of_order(&order, &visitor),
        version: order.summary.version,
        key: new_key(),
        faults: FormFaults::default(),
        versions: None,
        spare: LINES,
    };
    written(&order, &visitor, what)
}

pub(super) async fn amend(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: OrderId = part(&request, "id")?;
    let (w, version) = (Orders::of(visitor.language), form.version()?);
    let mut draft = Draft::of_form(&form);
    let key = form.key_text();
    if form.has("more") {
        let order = orders::get(&database, &visitor.context, id).await?;
        let (status, faults) = (StatusCode::OK, FormFaults::default());
        let what = Written { status, draft, version, key, faults, versions: None, spare: MORE_LINES };
        return written(&order, &visitor, what);
    }
    draft.resolve(&visitor, &database).await?;
    let mut faults = draft.check(w);
    if faults.is_empty() {
        let edit = merge_patch::<UpdateOrderRequest>(draft.patch(visitor.language));
        let command = AmendOrder { id, expected_version: Some(version), edit };
        match executor.execute(visitor.context.clone(), form.key()?, command, leads_to("amended")).await {
            Ok(answer) => return Ok(follow(answer, "/console/orders")),
            Err(error) => {
                let error = ApiError::from(error);
                if error.status() == StatusCode::PRECONDITION_FAILED {
                    return outdated(draft, &visitor, &database, id).await;
                }
                faults = FormFaults::of(error, FIELDS, visitor.language)?.at_rows("lines", &draft.rows());
            }
        }
    }
    let order = orders::get(&database, &visitor.context, id).await?;
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let what = Written { status, draft, version, key, faults, versions: None, spare: LINES };
    written(&order, &visitor, what)
}

/// Somebody else was faster: shows both versions, and the form with what was typed for the version of now.
async fn outdated(
    mut draft: Draft,
    visitor: &Visitor,
    database: &TenantDatabase,
    id: OrderId,
) -> Result<HttpResponse, ApiError> {
    let order = orders::get(database, &visitor.context, id).await?;
    let versions = two_versions(&draft, &Draft::of_order(&order, visitor), id, visitor);
    draft.found_again_in(&order);
    let what = Written {
        status: StatusCode::CONFLICT,
        draft,
        version: order.summary.version,
        key: new_key(),
        faults: FormFaults::default(),
        versions: Some(versions),
        spare: LINES,
    };
    written(&order, visitor, what)
}

#[cfg(test)]
mod tests {
    use actix_web::web::Bytes;

    use super::*;

    fn draft(body: &'static str) -> Draft {
        Draft::of_form(
            &Form::parse("/console/orders/1/edit", &Bytes::from_static(body.as_bytes())).expect("a form"),
        )
    }

    #[test]
    fn a_form_becomes_a_merge_patch_without_what_was_taken_off() {
        let draft = draft(
            "reference=&promised_on=2026-12-04&delivery_address.line1=12+rue&delivery_address.city=Nantes&delivery_address.country=FR\
            &lines.0.position=1&lines.0.product_id=a&lines.0.quantity=1+234%2C5&lines.0.unit_price=2%2C50\
            &lines.1.position=2&lines.1.product_id=b&lines.1.quantity=3&lines.1.remove=1\
            &lines.2.product_id=c&lines.2.quantity=4&lines.3.product_id=&lines.3.quantity=",
        );
        let patch = Value::Object(draft.patch(Language::Fr));
        let address =
            json!({"line1": "12 rue", "line2": null, "postal_code": null, "city": "Nantes", "country": "FR"});
        let lines = json!([
            {"position": 1, "quantity": "1234.5", "unit_price": "2.50"},
            {"product_id": "c", "quantity": "4"},
        ]);
        let expected = json!({"reference": null, "promised_on": "2026-12-04", "delivery_address": address, "lines": lines});
        assert_eq!(patch, expected);
        assert_eq!(draft.rows(), [0, 2]);
    }

    #[test]
    fn without_an_address_the_order_goes_to_the_customers_own() {
        assert_eq!(
            draft("lines.0.position=1").patch(Language::Fr).get("delivery_address"),
            Some(&Value::Null)
        );
    }
}
