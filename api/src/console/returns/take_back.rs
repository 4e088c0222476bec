//! Goods of an order come back. The form becomes the body of `POST /api/v1/orders/{id}/returns`.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use bigdecimal::{BigDecimal, Zero};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::orders::{self, OrderView};
use comptoir_core::commerce::returns::ReturnView;
use comptoir_core::values::ids::OrderId;
use comptoir_core::values::language::Language;
use serde_json::{Map, Value, json};

use crate::console::answers::{follow, leads_there};
use crate::console::format::typed_decimal;
use crate::console::forms::{Form, FormFaults, TwoVersions, new_key};
use crate::console::layout::{self, Page};
use crate::console::names;
use crate::console::visitor::Visitor;
use crate::console::words::Returns;
use crate::error::ApiError;
use crate::extract::{Faults, part};
use crate::routes::returns::ReceiveReturnRequest;

/// The fields that a refusal can be about.
const FIELDS: &[&str] = &["reference", "reason", "received_on", "lines.*.quantity", "lines.*.reason"];
/// The id of the form in the page.
const FORM: &str = "return";
/// The choice that puts goods back in stock, and the one that does not.
const RESTOCK: &str = "restock";
const WRITE_OFF: &str = "write-off";

#[derive(Template)]
#[template(path = "console/returns/take_back.html")]
struct TakeBackPage {
    page: Page,
    w: &'static Returns,
    form: &'static str,
    restock: &'static str,
    write_off: &'static str,
    faults: FormFaults,
    versions: Option<TwoVersions>,
    id: String,
    number: String,
    version: i64,
    key: String,
    reference: String,
    reason: String,
    received_on: String,
    lines: Vec<Line>,
}

struct Line {
    prefix: String,
    quantity_field: String,
    reason_field: String,
    position: String,
    product_id: String,
    name: String,
    sku: String,
    codes: String,
    returnable: String,
    quantity: String,
    is_written_off: bool,
    reason: String,
}

/// A line as it was typed.
#[derive(Clone)]
struct Typed {
    row: usize,
    position: String,
    product_id: String,
    quantity: String,
    is_written_off: bool,
    reason: String,
}

impl Typed {
    fn is_something(&self, language: Language) -> bool {
        let value = typed_decimal(&self.quantity, language).parse::<BigDecimal>();
        !self.quantity.is_empty() && !value.is_ok_and(|value| value.is_zero())
    }

    fn body(&self, language: Language) -> Value {
        let mut members = Map::new();
        members.insert("position".to_owned(), json!(self.position.parse::<i16>().unwrap_or_default()));
        members.insert("quantity".to_owned(), json!(typed_decimal(&self.quantity, language)));
        members.insert("restock".to_owned(), json!(!self.is_written_off));
        if !self.reason.is_empty() {
            members.insert("reason".to_owned(), json!(self.reason));
        }
        Value::Object(members)
    }
}

fn typed(form: &Form) -> Vec<Typed> {
    let text =
        |row: usize, member: &str| form.get(&format!("lines.{row}.{member}")).unwrap_or_default().to_owned();
    let line = |row: usize| Typed {
        row,
        position: text(row, "position"),
        product_id: text(row, "product_id"),
        quantity: text(row, "quantity"),
        is_written_off: text(row, "outcome") == WRITE_OFF,
        reason: text(row, "reason"),
    };
    (0..form.rows("lines")).map(line).collect()
}

/// The body of the API, and the rows of the form that its lines are.
fn body(form: &Form, typed: &[Typed], language: Language) -> (Value, Vec<usize>) {
    let wanted: Vec<&Typed> = typed.iter().filter(|line| line.is_something(language)).collect();
    let mut body = Map::new();
    body.insert("lines".to_owned(), wanted.iter().map(|line| line.body(language)).collect());
    for name in ["reference", "reason", "received_on"] {
        if let Some(text) = form.get(name) {
            body.insert(name.to_owned(), json!(text));
        }
    }
    (Value::Object(body), wanted.iter().map(|line| line.row).collect())
}

struct Written<'a> {
    status: StatusCode,
    form: Option<&'a Form>,
    version: Option<i64>,
    key: String,
    faults: FormFaults,
    versions: Option<TwoVersions>,
}

async fn written(
    order: &OrderView,
    visitor: &Visitor,
    database: &TenantDatabase,
    what: Written<'_>,
) -> Result<HttpResponse, ApiError> {
    let w = Returns::of(visitor.language);
    let Written { status, form, version, key, faults, versions } = what;
    let text = |name: &str| form.and_then(|form| form.get(name)).unwrap_or_default().to_owned();
    let codes = names::codes(database, visitor, order.lines.iter().map(|line| line.product_id)).await?;
    let mut typed = form.map(typed).unwrap_or_default();
    let mut lines: Vec<Line> = Vec::new();
    for (position, line) in (1_i16..).zip(&order.lines) {
        let returnable = line.returnable();
        if returnable.is_zero() {
            continue;
        }
        let product_id = line.product_id.to_string();
        let at = typed.iter().position(|one| one.product_id == product_id);
        let own = at.map(|at| typed.remove(at));
        let (quantity, is_written_off, reason) =
            own.map_or_else(Default::default, |own| (own.quantity, own.is_written_off, own.reason));
        let prefix = format!("lines.{}", lines.len());
        lines.push(Line {
            quantity_field: format!("{prefix}.quantity"),
            reason_field: format!("{prefix}.reason"),
            prefix,
            position: position.to_string(),
            product_id,
            name: line.name.clone(),
            sku: line.sku.clone(),
            codes: codes.get(&line.product_id).cloned().unwrap_or_default(),
            returnable: visitor.format.decimal(returnable.value()),
            quantity,
            is_written_off,
            reason,
        });
    }
    let page = TakeBackPage {
        page: visitor.page(w.take_back),
        w,
        form: FORM,
        restock: RESTOCK,
        write_off: WRITE_OFF,
        faults,
        versions,
        id: order.summary.id.to_string(),
        number: names::called(&order.summary, visitor),
        version: version.unwrap_or(order.summary.version),
        key,
        reference: text("reference"),
        reason: text("reason"),
        received_on: text("received_on"),
        lines,
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
        form: None,
        version: None,
        key: new_key(),
        faults: FormFaults::default(),
        versions: None,
    };
    written(&order, &visitor, &database, what).await
}

pub(super) async fn take_back(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: OrderId = part(&request, "id")?;
    let (w, version) = (Returns::of(visitor.language), form.version()?);
    let typed = typed(&form);
    let mut faults = FormFaults::default();
    if !typed.iter().any(|line| line.is_something(visitor.language)) {
        faults.add("lines.0.quantity", w.nothing_typed);
    }
    if faults.is_empty() {
        let (body, rows) = body(&form, &typed, visitor.language);
        let read: Result<ReceiveReturnRequest, Faults> = deserr::deserialize(body);
        let error = match read {
            Ok(read) => {
                let command = read.into_command(id, Some(version));
                let leads = |made: ReturnView| -> Result<StoredResponse, Error> {
                    Ok(leads_there(format!("/console/returns/{}?done=received", made.summary.id)))
                };
                match executor.execute(visitor.context.clone(), form.key()?, command, leads).await {
                    Ok(answer) => {
                        return Ok(follow(answer, "/console/returns"));
                    }
                    Err(error) => ApiError::from(error),
                }
            }
            Err(wrong) => wrong.into(),
        };
        if error.status() == StatusCode::PRECONDITION_FAILED {
            return outdated(&form, typed, &visitor, &database, id).await;
        }
        faults = FormFaults::of(error, FIELDS, visitor.language)?.at_rows("lines", &rows);
    }
    let order = orders::get(&database, &visitor.context, id).await?;
    let what = Written {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        form: Some(&form),
        version: Some(version),
        key: form.key_text(),
        faults,
        versions: None,
    };
    written(&order, &visitor, &database, what).await
}

/// Somebody else was faster: what was typed beside what can come back now.
async fn outdated(
    form: &Form,
    mut typed: Vec<Typed>,
    visitor: &Visitor,
    database: &TenantDatabase,
    id: OrderId,
) -> Result<HttpResponse, ApiError> {
    let order = orders::get(database, &visitor.context, id).await?;
    let mut versions = TwoVersions::new(FORM, format!("/console/orders/{id}/return"));
    for line in &order.lines {
        let product = line.product_id.to_string();
        let at = typed.iter().position(|one| one.product_id == product);
        let mine = at.map(|at| typed.remove(at)).filter(|mine| mine.is_something(visitor.language));
        let Some(mine) = mine else { continue };
        versions =
            versions.with(&line.name, mine.quantity, visitor.format.decimal(line.returnable().value()));
    }
    let what = Written {
        status: StatusCode::CONFLICT,
        form: Some(form),
        version: None,
        key: new_key(),
        faults: FormFaults::default(),
        versions: Some(versions),
    };
    written(&order, visitor, database, what).await
}

#[cfg(test)]
mod tests {
    use actix_web::web::Bytes;

    use super::*;

    #[test]
    fn what_comes_back_is_put_in_stock_or_written_off() {
        let form = "reason=trop+grand&lines.0.position=1&lines.0.quantity=&lines.1.position=2&lines.1.quantity=1%2C5\
            &lines.1.outcome=write-off&lines.1.reason=d%C3%A9chir%C3%A9&lines.2.position=4&lines.2.quantity=3&lines.2.outcome=restock";
        let form =
            Form::parse("/console/orders/1/return", &Bytes::from_static(form.as_bytes())).expect("a form");
        let (body, rows) = body(&form, &typed(&form), Language::Fr);
        let expected = json!({"reason": "trop grand", "lines": [
            {"position": 2, "quantity": "1.5", "restock": false, "reason": "déchiré"},
            {"position": 4, "quantity": "3", "restock": true},
        ]});
        assert_eq!((body, rows), (expected, vec![1, 2]));
    }
}
