//! What was typed in a form that moves goods.

use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::stock_documents::StockDocumentKind;
use comptoir_core::values::goods::Units;
use comptoir_core::values::ids::WarehouseId;
use comptoir_core::values::language::Language;
use serde_json::{Map, Value, json};

use crate::console::choose::Chosen;
use crate::console::format::typed_decimal;
use crate::console::forms::{Form, FormFaults};
use crate::console::scan;
use crate::console::visitor::Visitor;
use crate::console::words::Stock;
use crate::error::ApiError;

#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    pub(super) product_field: String,
    pub(super) quantity_field: String,
    pub(super) cost_field: String,
    pub(super) location_field: String,
    pub(super) to_location_field: String,
    pub(super) product: Chosen,
    pub(super) quantity: String,
    pub(super) cost: String,
    pub(super) location: Chosen,
    pub(super) to_location: Chosen,
}

impl Line {
    pub(super) fn empty(index: usize, kind: StockDocumentKind) -> Self {
        let field = |name: &str| format!("lines.{index}.{name}");
        Self {
            product_field: field("product_id"),
            quantity_field: field(quantity(kind)),
            cost_field: field("unit_cost"),
            location_field: field(location(kind)),
            to_location_field: field("to_location_id"),
            ..Self::default()
        }
    }

    fn is_empty(&self) -> bool {
        let typed = [&self.product.text, &self.product.id, &self.quantity, &self.cost];
        typed.into_iter().all(String::is_empty)
    }
}

/// What the API calls how much it is.
const fn quantity(kind: StockDocumentKind) -> &'static str {
    if matches!(kind, StockDocumentKind::Adjustment) { "change" } else { "quantity" }
}

/// What the API calls where goods lie: a relocation says from where they come.
const fn location(kind: StockDocumentKind) -> &'static str {
    if matches!(kind, StockDocumentKind::Relocation) { "from_location_id" } else { "location_id" }
}

/// What was typed. Empty lines are left out, so that a line has the index that it has in the body of the API.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) warehouse_id: String,
    pub(super) to_warehouse_id: String,
    pub(super) purchase_order_id: String,
    pub(super) reference: String,
    pub(super) reason: String,
    pub(super) business_date: String,
    /// What a scanner read and nothing was found for.
    pub(super) scan: String,
    pub(super) was_scanned: bool,
    pub(super) lines: Vec<Line>,
}

impl Draft {
    pub(super) fn of(form: &Form, kind: StockDocumentKind) -> Self {
        let text = |name: &str| form.get(name).unwrap_or_default().to_owned();
        let chosen = |name: &str| Chosen::of(form, name);
        let mut lines: Vec<Line> = Vec::new();
        for row in 0..form.rows("lines") {
            let there = Line::empty(row, kind);
            let line = Line {
                product: chosen(&there.product_field),
                quantity: text(&there.quantity_field),
                cost: text(&there.cost_field),
                location: chosen(&there.location_field),
                to_location: chosen(&there.to_location_field),
                ..Line::empty(lines.len(), kind)
            };
            if !line.is_empty() {
                lines.push(line);
            }
        }
        Self {
            warehouse_id: text("warehouse_id"),
            to_warehouse_id: text("to_warehouse_id"),
            purchase_order_id: text("purchase_order_id"),
            reference: text("reference"),
            reason: text("reason"),
            business_date: text("business_date"),
            scan: text("scan"),
            was_scanned: false,
            lines,
        }
    }

    /// Puts the scanned product into a line, or one more into the line that it has. Returns whether there is such a product.
    pub(super) async fn take_scan(
        &mut self,
        kind: StockDocumentKind,
        visitor: &Visitor,
        database: &TenantDatabase,
    ) -> Result<bool, ApiError> {
        if self.scan.is_empty() {
            return Ok(true);
        }
        self.was_scanned = true;
        let Some(product) = scan::product(&self.scan, visitor, database).await? else {
            return Ok(false);
        };
        self.scan.clear();
        let id = product.id.to_string();
        if let Some(line) = self.lines.iter_mut().find(|line| line.product.id == id) {
            // What is no quantity stays as it is, and is refused when the form is sent.
            let before = Units::parse(&typed_decimal(&line.quantity, visitor.language));
            if let (Ok(before), Ok(one)) = (before, Units::parse("1")) {
                line.quantity = visitor.format.decimal(before.plus(&one).value());
            } else if line.quantity.is_empty() {
                "1".clone_into(&mut line.quantity);
            }
        } else {
            let product = Chosen { text: product.name, id };
            let line = Line::empty(self.lines.len(), kind);
            self.lines.push(Line { product, quantity: "1".to_owned(), ..line });
        }
        Ok(true)
    }

    /// Finds what was typed and not chosen: by its code, or if the words mean one row alone.
    pub(super) async fn resolve(
        &mut self,
        visitor: &Visitor,
        database: &TenantDatabase,
    ) -> Result<(), ApiError> {
        let to = if self.to_warehouse_id.is_empty() { &self.warehouse_id } else { &self.to_warehouse_id };
        let (from, to): (Option<WarehouseId>, Option<WarehouseId>) =
            (self.warehouse_id.parse().ok(), to.parse().ok());
        for line in &mut self.lines {
            line.product.find_product(visitor, database).await?;
            for (place, warehouse) in [(&mut line.location, from), (&mut line.to_location, to)] {
                let Some(warehouse) = warehouse.filter(|_| place.is_open()) else { continue };
                if let Some(found) = scan::location(&place.text, warehouse, visitor, database).await? {
                    *place = Chosen { text: found.code, id: found.id.to_string() };
                }
            }
        }
        Ok(())
    }

    /// What is still not chosen, before the API is asked.
    pub(super) fn check(&self, w: &'static Stock) -> FormFaults {
        let mut faults = FormFaults::default();
        for line in &self.lines {
            if line.product.id.is_empty() {
                faults.add(&line.product_field, w.choose_product);
            }
            for (place, field) in
                [(&line.location, &line.location_field), (&line.to_location, &line.to_location_field)]
            {
                if place.is_open() {
                    faults.add(field, w.unknown_location);
                }
            }
        }
        if self.lines.is_empty() {
            faults.add("lines.0.product_id", w.no_lines);
        }
        faults
    }

    /// The body of the API's request.
    pub(super) fn body(&self, kind: StockDocumentKind, language: Language) -> Value {
        let mut body = Map::new();
        let mut set = |name: &str, value: &str| {
            if !value.is_empty() {
                body.insert(name.to_owned(), json!(value));
            }
        };
        set("warehouse_id", &self.warehouse_id);
        if kind == StockDocumentKind::Transfer {
            set("to_warehouse_id", &self.to_warehouse_id);
        }
        if kind == StockDocumentKind::Receipt {
            set("purchase_order_id", &self.purchase_order_id);
        }
        set("reference", &self.reference);
        set("reason", &self.reason);
        set("business_date", &self.business_date);
        let lines = self.lines.iter().map(|line| {
            let mut members = Map::new();
            let mut set = |name: &str, value: &str| {
                if !value.is_empty() {
                    members.insert(name.to_owned(), json!(value));
                }
            };
            set("product_id", &line.product.id);
            set(quantity(kind), &typed_decimal(&line.quantity, language));
            set("unit_cost", &typed_decimal(&line.cost, language));
            set(location(kind), &line.location.id);
            set("to_location_id", &line.to_location.id);
            Value::Object(members)
        });
        let lines: Vec<Value> = lines.collect();
        body.insert("lines".to_owned(), Value::Array(lines));
        Value::Object(body)
    }
}
