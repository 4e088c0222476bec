//! What is typed in the form of a draft, and the body of the API that it stands for.

use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::invoices::totals::AdjustmentKind;
use comptoir_core::commerce::invoices::{DraftLineView, DraftView, ReasonedView};
use comptoir_core::values::language::Language;
use serde_json::{Map, Value, json};

use crate::console::choose::Chosen;
use crate::console::format::{as_typed, typed_decimal};
use crate::console::forms::{Form, TwoVersions};
use crate::console::parts::versions::{FORM, decimal, percent, yes_or_no};
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::{Invoices, Parts};
use crate::error::ApiError;

/// More lines than a form has fields for are changed through the API.
pub(super) const MOST_LINES: usize = 100;

/// A line of the form. Each member's field has the name of what it is in the API's body.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    pub(super) field: String,
    pub(super) product_field: String,
    pub(super) name_field: String,
    pub(super) quantity_field: String,
    pub(super) price_field: String,
    pub(super) rate_field: String,
    pub(super) discount_field: String,
    pub(super) discount_reason_field: String,
    /// Its place in the draft as it was shown; empty for a new one. What the form does not show of it is kept.
    pub(super) of: String,
    pub(super) product: Chosen,
    pub(super) name: String,
    pub(super) quantity: String,
    pub(super) price: String,
    pub(super) rate: String,
    pub(super) discount: String,
    pub(super) discount_reason: String,
    /// Discounts and charges that the form does not show.
    pub(super) has_more: bool,
}

impl Line {
    pub(super) fn empty(index: usize) -> Self {
        let at = |member: &str| format!("lines.{index}.{member}");
        Self {
            field: format!("lines.{index}"),
            product_field: at("product_id"),
            name_field: at("name"),
            quantity_field: at("quantity"),
            price_field: at("unit_price"),
            rate_field: at("vat.rate"),
            discount_field: at("adjustments.0.percent"),
            discount_reason_field: at("adjustments.0.reason"),
            ..Self::default()
        }
    }

    fn is_empty(&self) -> bool {
        let typed = [&self.product.text, &self.product.id, &self.name, &self.quantity, &self.price];
        typed.into_iter().all(String::is_empty)
    }
}

/// A discount or a charge of the whole document.
#[derive(Debug, Clone, Default)]
pub(super) struct Adjustment {
    pub(super) field: String,
    pub(super) reason_field: String,
    pub(super) amount_field: String,
    pub(super) percent_field: String,
    pub(super) rate_field: String,
    pub(super) of: String,
    pub(super) is_charge: bool,
    pub(super) reason: String,
    pub(super) amount: String,
    pub(super) percent: String,
    pub(super) rate: String,
}

impl Adjustment {
    pub(super) fn empty(index: usize) -> Self {
        let at = |member: &str| format!("adjustments.{index}.{member}");
        Self {
            field: format!("adjustments.{index}"),
            reason_field: at("reason"),
            amount_field: at("amount"),
            percent_field: at("percent"),
            rate_field: at("vat.rate"),
            ..Self::default()
        }
    }

    fn in_words(&self, w: &'static Invoices, visitor: &Visitor) -> String {
        let kind = if self.is_charge { w.charge_word } else { w.discount_word };
        let amount = if self.percent.is_empty() {
            decimal(&self.amount, visitor)
        } else {
            percent(&self.percent, visitor)
        };
        format!("{kind} {}: {amount}, {} {}", self.reason, w.rate, percent(&self.rate, visitor))
    }

    fn is_empty(&self) -> bool {
        [&self.reason, &self.amount, &self.percent].into_iter().all(String::is_empty)
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Typed {
    pub(super) customer: Chosen,
    pub(super) issue_date: String,
    pub(super) due_on: String,
    pub(super) delivered_on: String,
    pub(super) period_start: String,
    pub(super) period_end: String,
    pub(super) reference: String,
    pub(super) note: String,
    /// `line1`, `line2`, `postal_code`, `city` and `country`.
    pub(super) address: [String; 5],
    /// `None` if there are too many for a form.
    pub(super) lines: Option<Vec<Line>>,
    pub(super) adjustments: Vec<Adjustment>,
    pub(super) unshipped: bool,
    pub(super) deposits: Vec<String>,
}

const ADDRESS: [&str; 5] = ["line1", "line2", "postal_code", "city", "country"];

fn trimmed(value: &bigdecimal::BigDecimal, language: Language) -> String {
    as_typed(&value.normalized().to_plain_string(), language)
}

impl Typed {
    /// What a draft says now.
    pub(super) fn of_draft(draft: &DraftView, customer: String, language: Language) -> Self {
        let day = |day: Option<comptoir_core::values::business_date::BusinessDate>| {
            day.map(|day| day.date().to_string()).unwrap_or_default()
        };
        let address = serde_json::to_value(&draft.delivery_address).unwrap_or_default();
        let lines =
            draft.lines.iter().enumerate().map(|(index, line)| line_of(index, line, language)).collect();
        let adjustment =
            |(index, one): (usize, &comptoir_core::commerce::invoices::DraftAdjustmentView)| Adjustment {
                of: index.to_string(),
                is_charge: one.adjustment.kind == AdjustmentKind::Charge,
                reason: one.adjustment.reason.clone(),
                amount: one
                    .adjustment
                    .amount
                    .as_ref()
                    .map(|amount| as_typed(&amount.to_string(), language))
                    .unwrap_or_default(),
                percent: one
                    .adjustment
                    .percent
                    .as_ref()
                    .map(|part| trimmed(part.value(), language))
                    .unwrap_or_default(),
                rate: trimmed(one.vat.rate.value(), language),
                ..Adjustment::empty(index)
            };
        Self {
            customer: Chosen { text: customer, id: draft.customer_id.to_string() },
            issue_date: day(draft.issue_date),
            due_on: day(draft.due_on),
            delivered_on: day(draft.delivered_on),
            period_start: day(draft.period.map(|period| period.start)),
            period_end: day(draft.period.map(|period| period.end)),
            reference: draft.reference.clone().unwrap_or_default(),
            note: draft.note.clone().unwrap_or_default(),
            address: ADDRESS.map(|member| address[member].as_str().unwrap_or_default().to_owned()),
            lines: (draft.lines.len() <= MOST_LINES).then_some(lines),
            adjustments: draft.adjustments.iter().enumerate().map(adjustment).collect(),
            unshipped: draft.unshipped,
            deposits: draft.deposits.iter().map(ToString::to_string).collect(),
        }
    }

    /// What was sent. Empty lines are left out, so that a line has the index that it has in the body of the API.
    pub(super) fn of_form(form: &Form) -> Self {
        let text = |name: &str| form.get(name).unwrap_or_default().to_owned();
        let chosen = |name: &str| Chosen::of(form, name);
        let mut lines: Vec<Line> = Vec::new();
        for row in 0..form.rows("lines") {
            let at = |member: &str| format!("lines.{row}.{member}");
            let line = Line {
                of: text(&at("of")),
                product: chosen(&at("product_id")),
                name: text(&at("name")),
                quantity: text(&at("quantity")),
                price: text(&at("unit_price")),
                rate: text(&at("vat.rate")),
                discount: text(&at("adjustments.0.percent")),
                discount_reason: text(&at("adjustments.0.reason")),
                has_more: form.has(&at("has_more")),
                ..Line::empty(lines.len())
            };
            if !line.is_empty() {
                lines.push(line);
            }
        }
        let mut adjustments: Vec<Adjustment> = Vec::new();
        for row in 0..form.rows("adjustments") {
            let at = |member: &str| format!("adjustments.{row}.{member}");
            let one = Adjustment {
                of: text(&at("of")),
                is_charge: form.get(&at("kind")) == Some(AdjustmentKind::Charge.name()),
                reason: text(&at("reason")),
                amount: text(&at("amount")),
                percent: text(&at("percent")),
                rate: text(&at("vat.rate")),
                ..Adjustment::empty(adjustments.len())
            };
            if !one.is_empty() {
                adjustments.push(one);
            }
        }
        let deposits = (0..form.rows("deposits")).map(|row| text(&format!("deposits.{row}")));
        Self {
            customer: chosen("customer_id"),
            issue_date: text("issue_date"),
            due_on: text("due_on"),
            delivered_on: text("delivered_on"),
            period_start: text("period.start"),
            period_end: text("period.end"),
            reference: text("reference"),
            note: text("note"),
            address: ADDRESS.map(|member| text(&format!("delivery_address.{member}"))),
            lines: form.has("has_lines").then_some(lines),
            adjustments,
            unshipped: form.has("unshipped"),
            deposits: deposits.filter(|id| !id.is_empty()).collect(),
        }
    }

    /// Finds what was typed and not chosen: by its code, or if the words mean one row alone.
    pub(super) async fn resolve(
        &mut self,
        visitor: &Visitor,
        database: &TenantDatabase,
    ) -> Result<(), ApiError> {
        self.customer.find_customer(visitor, database).await?;
        for line in self.lines.iter_mut().flatten() {
            line.product.find_product(visitor, database).await?;
        }
        Ok(())
    }

    /// The fields of the document that are chosen one by one, each with what it is called.
    fn texts(&mut self, w: &'static Invoices) -> [(&'static str, Word, &mut String); 12] {
        let [line1, line2, postal_code, city, country] = &mut self.address;
        [
            ("issue_date", w.issued, &mut self.issue_date),
            ("due_on", w.due, &mut self.due_on),
            ("delivered_on", w.delivered_on, &mut self.delivered_on),
            ("reference", w.reference, &mut self.reference),
            ("delivery_address.line1", w.address_line1, line1),
            ("delivery_address.line2", w.address_line2, line2),
            ("delivery_address.postal_code", w.postal_code, postal_code),
            ("delivery_address.city", w.city, city),
            ("delivery_address.country", w.country, country),
            ("period.start", w.period_start, &mut self.period_start),
            ("period.end", w.period_end, &mut self.period_end),
            ("note", w.note, &mut self.note),
        ]
    }

    /// What differs from the draft as somebody else left it. Lines, adjustments and deposits are chosen as a whole.
    pub(super) fn beside(
        &self,
        theirs: &Self,
        theirs_at: String,
        deposit: impl Fn(&String) -> String,
        visitor: &Visitor,
    ) -> TwoVersions {
        let (w, shared) = (Invoices::of(visitor.language), Parts::of(visitor.language));
        let (mut mine, mut other) = (self.clone(), theirs.clone());
        let mut versions = TwoVersions::new(FORM, theirs_at);
        if mine.customer.id != other.customer.id {
            versions = versions.choice("customer_id", w.customer, &mine.customer.text, &other.customer.text);
        }
        for ((name, label, one), (_, _, two)) in mine.texts(w).into_iter().zip(other.texts(w)) {
            versions = versions.choice(name, label, one, two);
        }
        if let (Some(lines), Some(others)) = (&self.lines, &theirs.lines) {
            versions = versions.choice(
                "lines",
                w.lines,
                lines_in_words(lines, visitor),
                lines_in_words(others, visitor),
            );
        }
        let adjustments = |typed: &Self| {
            typed.adjustments.iter().map(|one| one.in_words(w, visitor)).collect::<Vec<_>>().join(" · ")
        };
        versions = versions.choice("adjustments", w.adjustments, adjustments(self), adjustments(theirs));
        let deposits = |typed: &Self| {
            let mut known: Vec<String> = typed.deposits.iter().map(&deposit).collect();
            known.sort_unstable();
            known.join(" · ")
        };
        versions = versions.choice("deposits", w.deposits, deposits(self), deposits(theirs));
        let unshipped = |typed: &Self| yes_or_no(typed.unshipped, shared);
        versions.choice("unshipped", w.unshipped, unshipped(self), unshipped(theirs))
    }

    /// Takes a field as somebody else left it.
    pub(super) fn take(&mut self, name: &str, theirs: &Self) {
        let mut theirs = theirs.clone();
        match name {
            "customer_id" => self.customer = theirs.customer,
            "lines" => self.lines = theirs.lines,
            "adjustments" => self.adjustments = theirs.adjustments,
            "deposits" => self.deposits = theirs.deposits,
            "unshipped" => self.unshipped = theirs.unshipped,
            // The labels are of no matter here.
            _ => {
                let w = Invoices::of(Language::Fr);
                let found = theirs.texts(w).into_iter().find(|(field, _, _)| *field == name);
                let own = self.texts(w).into_iter().find(|(field, _, _)| *field == name);
                if let (Some((_, _, theirs)), Some((_, _, own))) = (found, own) {
                    own.clone_from(theirs);
                }
            }
        }
    }

    /// Finds each line and adjustment in the draft as it is now: somebody else changed them, and with them their places. One that
    /// is gone becomes a new one.
    pub(super) fn found_again_in(&mut self, theirs: &Self) {
        let mut left: Vec<&Line> = theirs.lines.iter().flatten().collect();
        for line in self.lines.iter_mut().flatten().filter(|line| !line.of.is_empty()) {
            let is_it = |one: &&Line| {
                one.product.id == line.product.id && (!line.product.id.is_empty() || one.name == line.name)
            };
            let found = left.iter().position(is_it).map(|index| left.remove(index));
            line.of = found.map(|one| one.of.clone()).unwrap_or_default();
            line.has_more = found.is_some_and(|one| one.has_more);
        }
        let mut left: Vec<&Adjustment> = theirs.adjustments.iter().collect();
        for one in self.adjustments.iter_mut().filter(|one| !one.of.is_empty()) {
            let found = left.iter().position(|other| other.reason == one.reason).map(|at| left.remove(at));
            one.of = found.map(|other| other.of.clone()).unwrap_or_default();
        }
    }

    /// The body of the API's request. `before` is the draft as it was, of which lines keep what the form does not show.
    pub(super) fn body(&self, before: &Value, language: Language) -> Map<String, Value> {
        let mut body = Map::new();
        let given = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
        if !self.customer.id.is_empty() {
            body.insert("customer_id".to_owned(), json!(self.customer.id));
        }
        let days = [
            ("issue_date", &self.issue_date),
            ("due_on", &self.due_on),
            ("delivered_on", &self.delivered_on),
        ];
        let texts = [("reference", &self.reference), ("note", &self.note)];
        body.extend(days.into_iter().chain(texts).map(|(name, text)| (name.to_owned(), given(text))));
        let has_period = !self.period_start.is_empty() || !self.period_end.is_empty();
        let period = || filled([("start", self.period_start.as_str()), ("end", self.period_end.as_str())]);
        body.insert("period".to_owned(), if has_period { period() } else { Value::Null });
        let has_address = self.address.iter().any(|text| !text.is_empty());
        let members =
            ADDRESS.into_iter().zip(&self.address).map(|(name, text)| (name.to_owned(), given(text)));
        let address = if has_address { Value::Object(members.collect()) } else { Value::Null };
        body.insert("delivery_address".to_owned(), address);
        if let Some(lines) = &self.lines {
            let lines = lines.iter().map(|line| line_body(line, &before["lines"], language));
            body.insert("lines".to_owned(), lines.collect());
        }
        let adjustments =
            self.adjustments.iter().map(|one| adjustment_body(one, &before["adjustments"], language));
        body.insert("adjustments".to_owned(), adjustments.collect());
        body.insert("unshipped".to_owned(), json!(self.unshipped));
        body.insert("deposits".to_owned(), json!(self.deposits));
        body
    }
}

fn lines_in_words(lines: &[Line], visitor: &Visitor) -> String {
    let said = |line: &Line| {
        let name = if line.name.is_empty() { &line.product.text } else { &line.name };
        let number = |typed: &String| decimal(typed, visitor);
        let (quantity, price) = (number(&line.quantity), number(&line.price));
        let mut said = vec![name.clone(), format!("{quantity} × {price}"), percent(&line.rate, visitor)];
        if !line.discount.is_empty() {
            said.push(format!("\u{2212}{} {}", percent(&line.discount, visitor), line.discount_reason));
        }
        said.retain(|part| !part.is_empty());
        said.join(", ")
    };
    lines.iter().map(said).collect::<Vec<_>>().join(" · ")
}

/// A discount in percent is shown; what else a line has is kept.
fn is_shown(adjustments: &[ReasonedView]) -> bool {
    match adjustments {
        [] => true,
        [only] => only.kind == AdjustmentKind::Discount && only.percent.is_some(),
        _ => false,
    }
}

fn line_of(index: usize, line: &DraftLineView, language: Language) -> Line {
    let discount = line.adjustments.first().filter(|_| is_shown(&line.adjustments));
    let percent = discount.and_then(|one| one.percent.as_ref());
    Line {
        of: index.to_string(),
        product: Chosen {
            text: line
                .product_id
                .map(|_| line.sku.clone().unwrap_or_else(|| line.name.clone()))
                .unwrap_or_default(),
            id: line.product_id.map(|id| id.to_string()).unwrap_or_default(),
        },
        name: line.name.clone(),
        quantity: trimmed(line.quantity.value(), language),
        price: as_typed(&line.unit_price.to_string(), language),
        rate: trimmed(line.vat.rate.value(), language),
        discount: percent.map(|percent| trimmed(percent.value(), language)).unwrap_or_default(),
        discount_reason: discount.map(|one| one.reason.clone()).unwrap_or_default(),
        has_more: !is_shown(&line.adjustments),
        ..Line::empty(index)
    }
}

fn base(of: &str, rows: &Value) -> Map<String, Value> {
    let row = of.parse::<usize>().ok().and_then(|index| rows.get(index));
    row.and_then(Value::as_object).cloned().unwrap_or_default()
}

/// An object of the members that are not empty.
fn filled<'a>(members: impl IntoIterator<Item = (&'a str, &'a str)>) -> Value {
    let members = members.into_iter().filter(|(_, text)| !text.is_empty());
    Value::Object(members.map(|(name, text)| (name.to_owned(), json!(text))).collect())
}

fn line_body(line: &Line, rows: &Value, language: Language) -> Value {
    let mut body = base(&line.of, rows);
    let before = body.clone();
    let was = |name: &str| before.get(name).and_then(Value::as_str).unwrap_or_default();
    let is_other = was("product_id") != line.product.id;
    if is_other {
        // What follows from the product is that of the other one.
        for member in ["sku", "unit", "description", "price_source", "price_list_id"] {
            body.remove(member);
        }
    }
    let mut set = |name: &str, value: Option<String>| match value.filter(|text| !text.is_empty()) {
        Some(text) => drop(body.insert(name.to_owned(), json!(text))),
        None => drop(body.remove(name)),
    };
    set("product_id", Some(line.product.id.clone()));
    let is_its_name = is_other && !line.product.id.is_empty() && line.name == was("name");
    set("name", (!is_its_name).then(|| line.name.clone()));
    set("quantity", Some(typed_decimal(&line.quantity, language)));
    set("unit_price", Some(typed_decimal(&line.price, language)));
    let rate = typed_decimal(&line.rate, language);
    let mut vat = body.remove("vat").and_then(|vat| vat.as_object().cloned()).unwrap_or_default();
    vat.remove("rate");
    if !rate.is_empty() {
        vat.insert("rate".to_owned(), json!(rate));
    }
    if vat.values().any(|value| !value.is_null()) {
        body.insert("vat".to_owned(), Value::Object(vat));
    }
    if !line.has_more {
        let percent = typed_decimal(&line.discount, language);
        let discount = filled([
            ("kind", AdjustmentKind::Discount.name()),
            ("reason", line.discount_reason.as_str()),
            ("percent", percent.as_str()),
        ]);
        let has_one = !line.discount.is_empty() || !line.discount_reason.is_empty();
        body.insert("adjustments".to_owned(), if has_one { json!([discount]) } else { json!([]) });
    }
    Value::Object(body)
}

fn adjustment_body(one: &Adjustment, rows: &Value, language: Language) -> Value {
    let mut body = base(&one.of, rows);
    let kind = if one.is_charge { AdjustmentKind::Charge } else { AdjustmentKind::Discount };
    for (name, text) in [
        ("kind", kind.name().to_owned()),
        ("reason", one.reason.clone()),
        ("amount", typed_decimal(&one.amount, language)),
        ("percent", typed_decimal(&one.percent, language)),
    ] {
        body.remove(name);
        if !text.is_empty() {
            body.insert(name.to_owned(), json!(text));
        }
    }
    let mut vat = body.remove("vat").and_then(|vat| vat.as_object().cloned()).unwrap_or_default();
    vat.remove("rate");
    if !one.rate.is_empty() {
        vat.insert("rate".to_owned(), json!(typed_decimal(&one.rate, language)));
    }
    body.insert("vat".to_owned(), Value::Object(vat));
    Value::Object(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_what_the_form_does_not_show() {
        let rows = json!([{
            "source": {"order_id": "o", "position": 1}, "product_id": "p", "name": "Tea", "description": "leaves",
            "quantity": "2", "unit": "C62", "unit_price": "10.00", "adjustments": [],
            "vat": {"rate": "20", "category": null, "reason_code": null, "reason": null},
        }]);
        let mut line = Line {
            of: "0".to_owned(),
            product: Chosen { text: "TEA".to_owned(), id: "p".to_owned() },
            name: "Tea".to_owned(),
            quantity: "1 234,5".to_owned(),
            price: "10,00".to_owned(),
            rate: "5,5".to_owned(),
            ..Line::empty(0)
        };
        let body = line_body(&line, &rows, Language::Fr);
        assert_eq!((&body["quantity"], &body["vat"]["rate"]), (&json!("1234.5"), &json!("5.5")));
        assert_eq!((&body["source"]["position"], &body["description"]), (&json!(1), &json!("leaves")));
        line.product.id = "q".to_owned();
        let body = line_body(&line, &rows, Language::Fr);
        assert_eq!((body.get("name"), body.get("unit")), (None, None), "they are those of the other product");
    }
}
