//! What money of a customer is to pay: the oldest invoices first, or those that are named with their amounts.

use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::invoices::{self, InvoiceFilter};
use comptoir_core::values::ids::CustomerId;
use comptoir_core::values::language::Language;
use serde_json::{Value, json};

use crate::console::format::typed_decimal;
use crate::console::forms::Form;
use crate::console::lists::first;
use crate::console::visitor::Visitor;
use crate::error::ApiError;

/// How many open invoices are shown.
const SHOWN: u8 = 100;

/// An open invoice, and what is typed beside it.
pub(super) struct Open {
    pub(super) field: String,
    pub(super) amount_field: String,
    pub(super) id: String,
    pub(super) number: String,
    pub(super) due: String,
    pub(super) open: String,
    pub(super) amount: String,
}

/// The open invoices of a customer, the oldest first; those of an earlier form with what was typed.
pub(super) async fn open(
    customer: CustomerId,
    form: Option<&Form>,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Vec<Open>, ApiError> {
    if !visitor.may(Permission::InvoicesRead) {
        return Ok(Vec::new());
    }
    let filter = InvoiceFilter { customer_id: Some(customer), unpaid: true, ..InvoiceFilter::default() };
    let mut found = invoices::list(database, &visitor.context, &filter, &first(SHOWN)?).await?.data;
    found.sort_by_key(|invoice| invoice.due_on);
    // By the invoice and not by its place: what is open may have changed since.
    let typed = |id: &str| {
        let form = form?;
        let row = (0..form.rows("invoices"))
            .find(|row| form.get(&format!("invoices.{row}.invoice_id")) == Some(id))?;
        form.get(&format!("invoices.{row}.amount")).map(str::to_owned)
    };
    let open = |(index, invoice): (usize, invoices::InvoiceSummary)| {
        let id = invoice.id.to_string();
        Open {
            field: format!("invoices.{index}.invoice_id"),
            amount_field: format!("invoices.{index}.amount"),
            number: invoice.number.unwrap_or_default(),
            due: invoice.due_on.map(|day| visitor.format.business_day(day)).unwrap_or_default(),
            open: visitor.money(&invoice.open),
            amount: typed(&id).unwrap_or_default(),
            id,
        }
    };
    Ok(found.into_iter().enumerate().map(open).collect())
}

/// The member `invoices` of the body, if something was named, and the ids in its order.
pub(super) fn named(form: &Form, language: Language) -> (Option<Value>, Vec<String>) {
    match form.get("what") {
        Some("named") => {}
        Some("nothing") => return (Some(json!([])), Vec::new()),
        _ => return (None, Vec::new()),
    }
    let (mut named, mut ids) = (Vec::new(), Vec::new());
    for row in 0..form.rows("invoices") {
        let at = |member: &str| form.get(&format!("invoices.{row}.{member}"));
        if let (Some(id), Some(amount)) = (at("invoice_id"), at("amount")) {
            named.push(json!({ "invoice_id": id, "amount": typed_decimal(amount, language) }));
            ids.push(id.to_owned());
        }
    }
    (Some(Value::Array(named)), ids)
}

/// The same refusal with the fields of the invoices as they are shown now.
pub(super) fn in_rows(error: ApiError, ids: &[String], shown: &[Open]) -> ApiError {
    if error.fields().is_empty() {
        return error;
    }
    let fields = error.fields().iter().map(|fault| {
        let mut fault = fault.clone();
        let index =
            fault.pointer.strip_prefix("/invoices/").and_then(|rest| rest.split('/').next()?.parse().ok());
        let id = index.and_then(|index: usize| ids.get(index));
        if let Some(row) = id.and_then(|id| shown.iter().position(|open| open.id == *id)) {
            fault.pointer = format!("/invoices/{row}/amount");
        }
        fault
    });
    ApiError::invalid(fields.collect())
}
