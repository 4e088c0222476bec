//! A credit note of an invoice: all that is left of it, or quantities or amounts of its lines. The form becomes the body of
//! the API's `credit-notes`.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::invoices::{self, InvoiceView};
use comptoir_core::values::ids::InvoiceId;
use comptoir_core::values::language::Language;
use serde_json::{Map, Value, json};

use super::actions::{page_of, read};
use super::state;
use crate::console::answers::{follow, leads_to};
use crate::console::format::typed_decimal;
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::visitor::Visitor;
use crate::console::words::Invoices;
use crate::error::ApiError;
use crate::extract::part;
use crate::routes::invoices::CreditNoteRequest;

const FIELDS: &[&str] = &["issue_date", "note", "lines.*.quantity", "lines.*.amount"];

#[derive(Template)]
#[template(path = "console/invoices/credit.html")]
struct CreditPage {
    page: Page,
    w: &'static Invoices,
    faults: FormFaults,
    id: String,
    number: String,
    key: String,
    is_rest: bool,
    issue_date: String,
    note: String,
    lines: Vec<Line>,
}

struct Line {
    quantity_field: String,
    amount_field: String,
    name: String,
    invoiced: String,
    quantity: String,
    amount: String,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: InvoiceId = part(&request, "id")?;
    written(&visitor, &database, id, None).await
}

async fn written(
    visitor: &Visitor,
    database: &TenantDatabase,
    id: InvoiceId,
    form: Option<(&Form, FormFaults)>,
) -> Result<HttpResponse, ApiError> {
    let w = Invoices::of(visitor.language);
    let view = invoices::get(database, &visitor.context, id).await?;
    let status = if form.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (form, faults) = form.map_or((None, FormFaults::default()), |(form, faults)| (Some(form), faults));
    let text = |name: &str| form.and_then(|form| form.get(name)).unwrap_or_default().to_owned();
    let content = view.content.as_ref();
    let line = |(index, line): (usize, &invoices::content::Line)| {
        let (quantity_field, amount_field) =
            (format!("lines.{index}.quantity"), format!("lines.{index}.amount"));
        Line {
            name: line.name.clone(),
            invoiced: format!(
                "{} × {}",
                visitor.format.decimal(line.quantity.value()),
                visitor.format.price(&line.unit_price, &visitor.tenant.currency)
            ),
            quantity: text(&quantity_field),
            amount: text(&amount_field),
            quantity_field,
            amount_field,
        }
    };
    let page = CreditPage {
        page: visitor.page(w.credit_title),
        w,
        faults,
        id: id.to_string(),
        number: state::number(&view.summary, w),
        key: form.map_or_else(new_key, Form::key_text),
        is_rest: form.is_none_or(|form| form.get("what") != Some("parts")),
        issue_date: text("issue_date"),
        note: text("note"),
        lines: content
            .map(|content| content.lines.iter().enumerate().map(line).collect())
            .unwrap_or_default(),
    };
    layout::show(status, &page)
}

/// The lines of the body, and the row of the form of each: rows in which nothing was typed are left out.
fn lines(form: &Form, language: Language) -> (Vec<Value>, Vec<usize>) {
    let (mut lines, mut rows) = (Vec::new(), Vec::new());
    for row in 0..form.rows("lines") {
        let mut line = Map::new();
        for member in ["quantity", "amount"] {
            if let Some(text) = form.get(&format!("lines.{row}.{member}")) {
                line.insert(member.to_owned(), json!(typed_decimal(text, language)));
            }
        }
        if !line.is_empty() {
            // Lines of invoices count from 1.
            line.insert("line".to_owned(), json!(row + 1));
            lines.push(Value::Object(line));
            rows.push(row);
        }
    }
    (lines, rows)
}

/// The same refusal with the rows of the form in place of the places in the body.
fn in_rows(error: ApiError, rows: &[usize]) -> ApiError {
    if error.fields().is_empty() {
        return error;
    }
    let fields = error.fields().iter().map(|fault| {
        let mut fault = fault.clone();
        let mut parts = fault.pointer.trim_start_matches('/').split('/');
        let index = (parts.next() == Some("lines")).then(|| parts.next()?.parse::<usize>().ok()).flatten();
        if let Some(row) = index.and_then(|index| rows.get(index)) {
            let member = parts.next().filter(|member| *member == "amount").unwrap_or("quantity");
            fault.pointer = format!("/lines/{row}/{member}");
        }
        fault
    });
    ApiError::invalid(fields.collect())
}

pub(super) async fn credit(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: InvoiceId = part(&request, "id")?;
    let mut body = Map::new();
    for name in ["issue_date", "note"] {
        if let Some(text) = form.get(name) {
            body.insert(name.to_owned(), json!(text));
        }
    }
    let mut rows = Vec::new();
    if form.get("what") == Some("parts") {
        let lines = lines(&form, visitor.language);
        body.insert("lines".to_owned(), Value::Array(lines.0));
        rows = lines.1;
    }
    let asked = read::<CreditNoteRequest>(Value::Object(body));
    let command = asked.and_then(|asked| asked.into_command(id).map_err(ApiError::invalid));
    let error = match command {
        Ok(command) => {
            let to = leads_to(|view: &InvoiceView| page_of(view.summary.id, "drafted"));
            match executor.execute(visitor.context.clone(), form.key()?, command, to).await {
                Ok(answer) => return Ok(follow(answer, "/console/invoices")),
                Err(error) => ApiError::from(error),
            }
        }
        Err(error) => error,
    };
    let faults = FormFaults::of(in_rows(error, &rows), FIELDS, visitor.language)?;
    written(&visitor, &database, id, Some((&form, faults))).await
}
