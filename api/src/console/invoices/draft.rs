//! The form of a draft: a new invoice, or one that can still be changed. It becomes the body of the API's `POST` or `PATCH`,
//! which reads it: there is no second set of rules.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::customers;
use comptoir_core::commerce::invoices::{
    self, CreateInvoice, DraftView, InvoiceFilter, InvoiceKind, InvoiceState, InvoiceView, UpdateInvoiceDraft,
};
use comptoir_core::values::ids::{CustomerId, InvoiceId};
use serde_json::Value;

use super::actions::{page_of, read};
use super::state;
use super::typed::{Adjustment, Line, Typed};
use crate::console::answers::{follow, leads_to};
use crate::console::forms::{Form, FormFaults, TwoVersions, new_key};
use crate::console::layout::{self, Page, go};
use crate::console::lists::first;
use crate::console::parts::versions::FORM;
use crate::console::visitor::Visitor;
use crate::console::words::Invoices;
use crate::error::ApiError;
use crate::extract::{Editable, merge_patch, part};
use crate::routes::invoices::InvoiceRequest;

/// The fields that a refusal can be about.
pub(super) const FIELDS: &[&str] = &[
    "customer_id",
    "issue_date",
    "due_on",
    "delivered_on",
    "period.start",
    "period.end",
    "reference",
    "note",
    "delivery_address.line1",
    "delivery_address.line2",
    "delivery_address.postal_code",
    "delivery_address.city",
    "delivery_address.country",
    "lines.*.product_id",
    "lines.*.name",
    "lines.*.quantity",
    "lines.*.unit_price",
    "lines.*.vat.rate",
    "lines.*.adjustments.0.percent",
    "lines.*.adjustments.0.reason",
    "adjustments.*.reason",
    "adjustments.*.amount",
    "adjustments.*.percent",
    "adjustments.*.vat.rate",
];
/// Empty lines of a new invoice, of one that is there, and after "add a line".
const NEW_LINES: usize = 3;
const SPARE_LINES: usize = 1;
const MORE_LINES: usize = 5;
/// How many paid documents of the customer are looked through for deposits.
const LOOKED_THROUGH: u8 = 200;

/// Where a value is typed that a refusal names by what is around it.
pub(super) fn typed_in(pointer: &str) -> String {
    let parts: Vec<&str> = pointer.trim_start_matches('/').split('/').collect();
    match parts.as_slice() {
        ["lines", _, "vat", ..] | ["adjustments", _, "vat", ..] => {
            format!("/{}/{}/vat/rate", parts[0], parts[1])
        }
        ["lines", index, "adjustments"] => format!("/lines/{index}/adjustments/0/percent"),
        ["lines", index] | ["lines", index, "source", ..] => format!("/lines/{index}/quantity"),
        _ => pointer.to_owned(),
    }
}

/// How the form is shown.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) faults: FormFaults,
    /// What was typed; `None` for what the draft says.
    pub(super) typed: Option<Typed>,
    pub(super) key: Option<String>,
    /// Of a form that is shown again: its lines are named by their places in that version. `None` for the draft's own.
    pub(super) version: Option<i64>,
    /// Whether it was to get its number.
    pub(super) is_refused_number: bool,
    /// Somebody else changed the draft meanwhile.
    pub(super) versions: Option<TwoVersions>,
    pub(super) spare: Option<usize>,
}

#[derive(Template)]
#[template(path = "console/invoices/draft.html")]
struct DraftPage {
    page: Page,
    w: &'static Invoices,
    faults: FormFaults,
    is_refused_number: bool,
    versions: Option<TwoVersions>,
    form: &'static str,
    /// Where the form is sent, and where one gets back to.
    action: String,
    back: String,
    version: Option<i64>,
    key: String,
    typed: Typed,
    line1: String,
    line2: String,
    postal_code: String,
    city: String,
    country: String,
    has_lines: bool,
    lines: Vec<Line>,
    deposits: Vec<Deposit>,
}

struct Deposit {
    field: String,
    id: String,
    label: String,
    is_taken: bool,
}

fn page(
    draft: Option<&DraftView>,
    mut typed: Typed,
    deposits: Vec<Deposit>,
    visitor: &Visitor,
    shown: Shown,
) -> DraftPage {
    let w = Invoices::of(visitor.language);
    let has_lines = typed.lines.is_some();
    let mut lines = typed.lines.take().unwrap_or_default();
    if has_lines {
        let spare = shown.spare.unwrap_or(if draft.is_some() { SPARE_LINES } else { NEW_LINES });
        let there = lines.len();
        lines.extend((there..there + spare).map(Line::empty));
    }
    let [line1, line2, postal_code, city, country] = std::mem::take(&mut typed.address);
    let there = typed.adjustments.len();
    typed.adjustments.push(Adjustment::empty(there));
    DraftPage {
        page: visitor.page(if draft.is_some() { w.edit_title } else { w.new_title }),
        w,
        faults: shown.faults,
        is_refused_number: shown.is_refused_number,
        versions: shown.versions,
        form: FORM,
        action: draft.map_or_else(|| "/console/invoices/new".to_owned(), |draft| at(draft.id, "/edit")),
        back: draft.map_or_else(|| "/console/invoices".to_owned(), |draft| at(draft.id, "")),
        version: draft.map(|draft| shown.version.unwrap_or(draft.version)),
        key: shown.key.unwrap_or_else(new_key),
        typed,
        line1,
        line2,
        postal_code,
        city,
        country,
        has_lines,
        lines,
        deposits,
    }
}

fn at(id: InvoiceId, rest: &str) -> String {
    format!("/console/invoices/{id}{rest}")
}

pub(super) async fn show_new(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    let typed = Typed { lines: Some(Vec::new()), ..Typed::default() };
    layout::ok(&page(None, typed, Vec::new(), &visitor, Shown::default()))
}

pub(super) async fn create(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let mut typed = Typed::of_form(&form);
    let (key, spare) = (Some(form.key_text()), Some(MORE_LINES));
    if form.has("more") {
        return layout::ok(&page(
            None,
            typed,
            Vec::new(),
            &visitor,
            Shown { key, spare, ..Shown::default() },
        ));
    }
    typed.resolve(&visitor, &database).await?;
    let refused = |typed: Typed, error: ApiError| {
        let faults = FormFaults::of(moved(error), FIELDS, visitor.language)?;
        let shown = Shown { faults, key: Some(form.key_text()), ..Shown::default() };
        layout::show(StatusCode::UNPROCESSABLE_ENTITY, &page(None, typed, Vec::new(), &visitor, shown))
    };
    let request: Result<InvoiceRequest, ApiError> =
        read(Value::Object(typed.body(&Value::Null, visitor.language)));
    let details = match request.and_then(|request| request.into_details().map_err(ApiError::invalid)) {
        Ok(details) => details,
        Err(error) => return refused(typed, error),
    };
    let to = leads_to(|view: &InvoiceView| page_of(view.summary.id, "drafted"));
    match executor.execute(visitor.context.clone(), form.key()?, CreateInvoice { details }, to).await {
        Ok(answer) => Ok(follow(answer, "/console/invoices")),
        Err(error) => refused(typed, error.into()),
    }
}

/// The same refusal with the pointers of what is typed.
fn moved(error: ApiError) -> ApiError {
    if error.fields().is_empty() {
        return error;
    }
    let moved = error.fields().iter().map(|fault| {
        let mut fault = fault.clone();
        fault.pointer = typed_in(&fault.pointer);
        fault
    });
    ApiError::invalid(moved.collect())
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: InvoiceId = part(&request, "id")?;
    let draft = invoices::get_draft(&database, &visitor.context, id).await?;
    if draft.kind != InvoiceKind::Invoice {
        // A credit note or a deposit is made once: its page says what can be done.
        return Ok(go(at(id, "")));
    }
    answered(StatusCode::OK, &draft, &visitor, &database, Shown::default()).await
}

/// Shows the form of a draft again, after something that was not done.
pub(super) async fn again(
    draft: &DraftView,
    visitor: &Visitor,
    database: &TenantDatabase,
    shown: Shown,
) -> Result<HttpResponse, ApiError> {
    let status =
        if shown.versions.is_some() { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY };
    answered(status, draft, visitor, database, shown).await
}

async fn answered(
    status: StatusCode,
    draft: &DraftView,
    visitor: &Visitor,
    database: &TenantDatabase,
    mut shown: Shown,
) -> Result<HttpResponse, ApiError> {
    let typed = match shown.typed.take() {
        Some(typed) => typed,
        None => present(draft, visitor, database).await?,
    };
    let deposits = deposits(draft.customer_id, &typed.deposits, visitor, database).await?;
    layout::show(status, &page(Some(draft), typed, deposits, visitor, shown))
}

/// What the draft says now, as it would be typed.
async fn present(draft: &DraftView, visitor: &Visitor, database: &TenantDatabase) -> Result<Typed, ApiError> {
    let name = if visitor.may(Permission::CustomersRead) {
        customers::get(database, &visitor.context, draft.customer_id).await?.name
    } else {
        String::new()
    };
    Ok(Typed::of_draft(draft, name, visitor.language))
}

/// The paid deposits of a customer, and those that the draft names already.
async fn deposits(
    customer: CustomerId,
    taken: &[String],
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Vec<Deposit>, ApiError> {
    let w = Invoices::of(visitor.language);
    let states = vec![InvoiceState::Paid];
    let filter = InvoiceFilter { customer_id: Some(customer), states, ..InvoiceFilter::default() };
    let found = invoices::list(database, &visitor.context, &filter, &first(LOOKED_THROUGH)?).await?;
    let found: Vec<_> = found.data.iter().filter(|one| one.kind == InvoiceKind::Prepayment).collect();
    let label = |one: &invoices::InvoiceSummary| {
        let total = one.gross_total.as_ref().map(|total| visitor.money(total)).unwrap_or_default();
        format!("{} · {total}", state::number(one, w))
    };
    let mut rows: Vec<(String, String)> = found.iter().map(|one| (one.id.to_string(), label(one))).collect();
    let unknown: Vec<_> = taken.iter().filter(|id| rows.iter().all(|(known, _)| known != *id)).collect();
    rows.extend(unknown.into_iter().map(|id| (id.clone(), id.clone())));
    let deposit = |(index, (id, label)): (usize, (String, String))| Deposit {
        field: format!("deposits.{index}"),
        is_taken: taken.contains(&id),
        id,
        label,
    };
    Ok(rows.into_iter().enumerate().map(deposit).collect())
}

pub(super) async fn save(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: InvoiceId = part(&request, "id")?;
    let draft = invoices::get_draft(&database, &visitor.context, id).await?;
    let version = form.version()?;
    let mut typed = Typed::of_form(&form);
    let key = Some(form.key_text());
    if form.taken().next().is_some() {
        let theirs = present(&draft, &visitor, &database).await?;
        form.taken().for_each(|name| typed.take(name, &theirs));
    }
    if form.has("more") {
        let version = Some(version);
        let shown = Shown { typed: Some(typed), key, version, spare: Some(MORE_LINES), ..Shown::default() };
        return answered(StatusCode::OK, &draft, &visitor, &database, shown).await;
    }
    typed.resolve(&visitor, &database).await?;
    // Lines are named by their places in the draft that was shown: of another version, the command refuses.
    let before = serde_json::to_value(&draft).unwrap_or_default();
    let edit = merge_patch::<InvoiceRequest>(typed.body(&before, visitor.language));
    let command = UpdateInvoiceDraft { id, expected_version: Some(version), edit };
    let to = leads_to(move |_: &DraftView| page_of(id, "saved"));
    let error = match executor.execute(visitor.context.clone(), form.key()?, command, to).await {
        Ok(answer) => return Ok(follow(answer, "/console/invoices")),
        Err(error) => ApiError::from(error),
    };
    if error.status() == StatusCode::PRECONDITION_FAILED {
        // It may have been changed since it was read above.
        let draft = invoices::get_draft(&database, &visitor.context, id).await?;
        let theirs = present(&draft, &visitor, &database).await?;
        let both = [typed.deposits.as_slice(), theirs.deposits.as_slice()].concat();
        let known = deposits(draft.customer_id, &both, &visitor, &database).await?;
        let label = |id: &String| {
            let found = known.iter().find(|one| one.id == *id);
            found.map_or_else(|| id.clone(), |one| one.label.clone())
        };
        let versions = Some(typed.beside(&theirs, at(id, "/edit"), label, &visitor));
        typed.found_again_in(&theirs);
        let shown = Shown { versions, typed: Some(typed), ..Shown::default() };
        return again(&draft, &visitor, &database, shown).await;
    }
    let faults = FormFaults::of(moved(error), FIELDS, visitor.language)?;
    let version = Some(version);
    let shown = Shown { faults, typed: Some(typed), key, version, ..Shown::default() };
    again(&draft, &visitor, &database, shown).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_validation_refuses_has_a_field() {
        for (refused, typed) in [
            ("/lines/0/vat", "/lines/0/vat/rate"),
            ("/lines/2/adjustments", "/lines/2/adjustments/0/percent"),
            ("/lines/1", "/lines/1/quantity"),
            ("/adjustments/0/vat", "/adjustments/0/vat/rate"),
            ("/due_on", "/due_on"),
        ] {
            assert_eq!(typed_in(refused), typed);
        }
    }
}
