//! One invoice: what it says beside its document, how far it is, what belongs to it, what can be done with it.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::listing::Selection;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::customers;
use comptoir_core::commerce::documents::{self, Face};
use comptoir_core::commerce::invoices::content::Content;
use comptoir_core::commerce::invoices::{
    self, DraftView, InvoiceFilter, InvoiceKind, InvoiceState, InvoiceSummary, InvoiceView,
};
use comptoir_core::commerce::sending;
use comptoir_core::platform::paging::Period;
use comptoir_core::values::ids::InvoiceId;

use super::state;
use crate::console::format::Moment;
use crate::console::forms::new_key;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, first};
use crate::console::menu;
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::{Invoices, invoices as said};
use crate::error::ApiError;
use crate::extract::part;

/// How many later documents of the customer are looked through for credit notes.
const LOOKED_THROUGH: u8 = 200;

#[derive(Template)]
#[template(path = "console/invoices/one.html")]
struct InvoicePage {
    page: Page,
    w: &'static Invoices,
    id: String,
    version: i64,
    is_outdated: bool,
    refused: Vec<String>,
    status: Status,
    kind: Word,
    customer: Option<String>,
    /// Where all that the customer has is shown, if there is such a page.
    customer_page: Option<String>,
    of_customer: String,
    is_draft: bool,
    document: Document,
    actions: Vec<Action>,
    facts: Vec<Fact>,
    lines: Vec<Line>,
    adjustments: Vec<Line>,
    vat: Vec<Sum>,
    totals: Option<Totals>,
    related: Vec<Related>,
    payments: Option<String>,
    steps: Vec<Step>,
}

/// Whether the document can be shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Document {
    None,
    Ready,
    /// It is made some moments after the validation.
    Awaited,
    Failed,
}

impl Document {
    fn is_ready(self) -> bool {
        self == Self::Ready
    }

    fn is_awaited(self) -> bool {
        self == Self::Awaited
    }

    fn has_failed(self) -> bool {
        self == Self::Failed
    }
}

/// What can be done now, by this person.
struct Action {
    to: String,
    label: Word,
    /// Whether it asks for more first.
    is_page: bool,
    class: &'static str,
    key: String,
    /// Whether the channel can be chosen.
    has_channel: bool,
}

struct Fact {
    label: Word,
    value: String,
}

struct Line {
    name: String,
    more: String,
    quantity_price: String,
    rate: String,
    net: String,
}

struct Sum {
    label: String,
    amount: String,
}

struct Totals {
    net: String,
    gross: String,
    paid: String,
    credited: String,
    open: String,
    is_credit_note: bool,
}

/// Another document that this one corrects, or that corrects it, or that it takes off.
struct Related {
    label: Word,
    number: String,
    to: String,
}

struct Step {
    status: Status,
    channel: &'static str,
    detail: Option<String>,
    at: Moment,
}

/// Why the page is shown again after something that was not done.
pub(super) enum Undone {
    /// Somebody else changed the invoice.
    Outdated,
    Refused(Vec<String>),
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: InvoiceId = part(&request, "id")?;
    let w = Invoices::of(visitor.language);
    let notice = match Address::of(&request).get("done") {
        Some("drafted") => Some(w.done_drafted),
        Some("saved") => Some(w.done_saved),
        Some("validated") => Some(w.done_validated),
        Some("asked") => Some(w.done_asked),
        Some("sent") => Some(w.done_sent),
        Some("disputed") => Some(w.done_disputed),
        Some("settled") => Some(w.done_settled),
        _ => None,
    };
    written(&visitor, &database, id, notice, None).await
}

/// Writes the page of an invoice as it is now.
pub(super) async fn written(
    visitor: &Visitor,
    database: &TenantDatabase,
    id: InvoiceId,
    notice: Option<Word>,
    undone: Option<Undone>,
) -> Result<HttpResponse, ApiError> {
    let w = Invoices::of(visitor.language);
    let view = invoices::get(database, &visitor.context, id).await?;
    let summary = &view.summary;
    let is_draft = summary.state == InvoiceState::Draft;
    let draft =
        if is_draft { Some(invoices::get_draft(database, &visitor.context, id).await?) } else { None };
    let customer = match &view.content {
        Some(content) => Some(content.buyer.name.clone()),
        None if visitor.may(Permission::CustomersRead) => {
            Some(customers::get(database, &visitor.context, summary.customer_id).await?.name)
        }
        None => None,
    };
    let steps = if is_draft { Vec::new() } else { steps(visitor, database, id).await? };
    let status = if undone.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let (is_outdated, refused) = match undone {
        Some(Undone::Outdated) => (true, Vec::new()),
        Some(Undone::Refused(said)) => (false, said),
        None => (false, Vec::new()),
    };
    let principal = &visitor.context.principal;
    let page = InvoicePage {
        page: visitor.page(state::number(summary, w)).saying(notice).about("invoice.*"),
        w,
        id: id.to_string(),
        version: summary.version,
        is_outdated,
        refused,
        status: state::of(summary, visitor.format.today(), w),
        kind: state::kind(summary.kind, w),
        customer,
        customer_page: menu::may_see(principal, "/console/customers/{id}")
            .then(|| format!("/console/customers/{}", summary.customer_id)),
        of_customer: format!("/console/invoices?customer_id={}", summary.customer_id),
        is_draft,
        document: document(visitor, database, summary).await?,
        actions: actions(&view, draft.as_ref(), visitor, w),
        facts: facts(&view, draft.as_ref(), visitor, w),
        lines: lines(view.content.as_ref(), draft.as_ref(), visitor),
        adjustments: view.content.as_ref().map(|content| adjustments(content, visitor)).unwrap_or_default(),
        vat: view.content.as_ref().map(|content| vat(content, visitor)).unwrap_or_default(),
        totals: view.content.as_ref().map(|content| totals(content, summary, visitor)),
        related: related(&view, visitor, database).await?,
        payments: visitor
            .may(Permission::PaymentsRead)
            .then(|| format!("/console/payments?customer_id={}", summary.customer_id)),
        steps,
    };
    layout::show(status, &page)
}

async fn document(
    visitor: &Visitor,
    database: &TenantDatabase,
    summary: &InvoiceSummary,
) -> Result<Document, ApiError> {
    if summary.state == InvoiceState::Draft {
        return Ok(Document::None);
    }
    let facts = documents::facts(database, &visitor.context, summary.id, Face::Pdf).await;
    match facts.map_err(ApiError::from) {
        Ok(_) => Ok(Document::Ready),
        Err(error) if error.code() == "document_failed" => Ok(Document::Failed),
        Err(error) if error.status() == StatusCode::CONFLICT => Ok(Document::Awaited),
        Err(error) => Err(error),
    }
}

/// What comes next stands last, as on all pages.
fn actions(
    view: &InvoiceView,
    draft: Option<&DraftView>,
    visitor: &Visitor,
    w: &'static Invoices,
) -> Vec<Action> {
    let summary = &view.summary;
    let at = |name: &str| format!("/console/invoices/{}/{name}", summary.id);
    let action = |to: String, label: Word, is_page: bool, class: &'static str| Action {
        to,
        label,
        is_page,
        class,
        key: new_key(),
        has_channel: false,
    };
    let may_write = visitor.may(Permission::InvoicesWrite);
    let mut actions = Vec::new();
    if let Some(draft) = draft {
        let may_validate = visitor.may(Permission::InvoicesValidate);
        if may_write && draft.kind == InvoiceKind::Invoice {
            actions.push(action(at("edit"), w.edit, true, if may_validate { "" } else { "go" }));
        }
        if may_write {
            actions.push(action(at("delete"), w.delete, true, "danger"));
        }
        if may_validate {
            actions.push(action(at("validate"), w.validate, true, "go"));
        }
        return in_order(actions);
    }
    let is_unsent = summary.sent_at.is_none();
    let is_owed = summary.kind != InvoiceKind::CreditNote && !summary.open.is_zero();
    if is_owed && visitor.may(Permission::PaymentsWrite) {
        let to = format!("/console/payments/new?invoice_id={}", summary.id);
        actions.push(action(to, w.receive_payment, true, if is_unsent { "" } else { "go" }));
    }
    if !may_write {
        return in_order(actions);
    }
    let (label, class) = if is_unsent { (w.send, "go") } else { (w.send_again, "") };
    actions.push(Action { has_channel: true, ..action(at("send"), label, false, class) });
    if is_unsent {
        actions.push(action(at("sent"), w.mark_sent, false, ""));
    }
    if summary.kind != InvoiceKind::CreditNote {
        actions.push(action(at("credit"), w.credit, true, ""));
    }
    if summary.dispute.is_some() {
        actions.push(action(at("end-dispute"), w.end_dispute, false, ""));
    } else if is_owed {
        actions.push(action(at("dispute"), w.note_dispute, true, ""));
    }
    in_order(actions)
}

/// Puts the filled one behind the others, which stay as they are.
fn in_order(mut actions: Vec<Action>) -> Vec<Action> {
    actions.sort_by_key(|action| action.class == "go");
    actions
}

fn facts(
    view: &InvoiceView,
    draft: Option<&DraftView>,
    visitor: &Visitor,
    w: &'static Invoices,
) -> Vec<Fact> {
    let (summary, format) = (&view.summary, &visitor.format);
    let mut facts = Vec::new();
    let mut add = |label: Word, value: Option<String>| facts.extend(value.map(|value| Fact { label, value }));
    match draft {
        Some(draft) => {
            let day = |day: Option<_>, otherwise: Word| {
                Some(day.map_or_else(|| otherwise.to_string(), |day| format.business_day(day)))
            };
            add(w.issued, day(draft.issue_date, w.day_of_validation));
            add(w.due, day(draft.due_on, w.as_agreed));
            add(w.delivered_on, draft.delivered_on.map(|day| format.business_day(day)));
        }
        None => {
            add(w.issued, summary.issue_date.map(|day| format.business_day(day)));
            add(w.due, summary.due_on.map(|day| format.business_day(day)));
        }
    }
    if let Some(content) = &view.content {
        add(w.delivered_on, content.delivery.date.map(|day| format.business_day(day)));
    }
    let period =
        view.content.as_ref().map_or_else(|| draft.and_then(|draft| draft.period), |content| content.period);
    add(
        w.period,
        period.map(|period| {
            said::from_to(
                &format.business_day(period.start),
                &format.business_day(period.end),
                visitor.language,
            )
        }),
    );
    add(w.reference, summary.reference.clone());
    add(w.note, draft.and_then(|draft| draft.note.clone()));
    add(w.sent_on, summary.sent_at.map(|at| format.long(at).shown));
    add(w.sent_by, summary.sent_by.map(|channel| said::channel(channel.name(), visitor.language).to_owned()));
    add(w.disputed, summary.dispute.clone());
    facts
}

fn lines(content: Option<&Content>, draft: Option<&DraftView>, visitor: &Visitor) -> Vec<Line> {
    let (format, currency) = (&visitor.format, visitor.tenant.currency.as_str());
    if let Some(content) = content {
        let line = |line: &invoices::content::Line| Line {
            name: line.name.clone(),
            more: more(line.sku.as_deref(), line.description.as_deref()),
            quantity_price: format!(
                "{} × {}",
                format.decimal(line.quantity.value()),
                format.price(&line.unit_price, &content.currency)
            ),
            rate: rate(&line.vat, visitor),
            net: format.money(&line.net, &content.currency),
        };
        return content.lines.iter().map(line).collect();
    }
    let line = |line: &invoices::DraftLineView| Line {
        name: line.name.clone(),
        more: more(line.sku.as_deref(), line.description.as_deref()),
        quantity_price: format!(
            "{} × {}",
            format.decimal(line.quantity.value()),
            format.price(&line.unit_price, currency)
        ),
        rate: format.percent(line.vat.rate.value()),
        net: String::new(),
    };
    draft.map(|draft| draft.lines.iter().map(line).collect()).unwrap_or_default()
}

fn more(sku: Option<&str>, description: Option<&str>) -> String {
    [sku, description].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// The rate of VAT, or the code of the category that has none.
fn rate(vat: &invoices::content::Vat, visitor: &Visitor) -> String {
    let rate = vat.rate.as_ref().map(|rate| visitor.format.percent(rate.value()));
    rate.unwrap_or_else(|| vat.category.code().to_owned())
}

/// Discounts and charges of the whole document.
fn adjustments(content: &Content, visitor: &Visitor) -> Vec<Line> {
    let line = |one: &invoices::content::DocumentAdjustment| {
        let is_discount = one.adjustment.kind == invoices::totals::AdjustmentKind::Discount;
        let amount = &one.adjustment.amount;
        let amount = if is_discount { amount.negated() } else { amount.clone() };
        Line {
            name: one.adjustment.reason.clone(),
            more: String::new(),
            quantity_price: one
                .adjustment
                .percent
                .as_ref()
                .map(|percent| visitor.format.percent(percent.value()))
                .unwrap_or_default(),
            rate: rate(&one.vat, visitor),
            net: visitor.format.money(&amount, &content.currency),
        }
    };
    content.adjustments.iter().map(line).collect()
}

fn vat(content: &Content, visitor: &Visitor) -> Vec<Sum> {
    let sum = |group: &invoices::content::VatGroup| Sum {
        label: rate(&group.vat, visitor),
        amount: visitor.format.money(&group.tax, &content.currency),
    };
    content.vat.iter().map(sum).collect()
}

fn totals(content: &Content, summary: &InvoiceSummary, visitor: &Visitor) -> Totals {
    let money = |amount| visitor.format.money(amount, &content.currency);
    Totals {
        net: money(&content.totals.net),
        gross: money(&content.totals.gross),
        paid: money(&summary.paid),
        credited: money(&summary.credited),
        open: money(&summary.open),
        is_credit_note: summary.kind == InvoiceKind::CreditNote,
    }
}

/// What it corrects or takes off, and the credit notes that correct it.
async fn related(
    view: &InvoiceView,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Vec<Related>, ApiError> {
    let (w, summary) = (Invoices::of(visitor.language), &view.summary);
    let at = |invoice: &InvoiceSummary| format!("/console/invoices/{}", invoice.id);
    let mut related = Vec::new();
    if let Some(corrected) = summary.corrects {
        let corrected = invoices::get(database, &visitor.context, corrected).await?.summary;
        related.push(Related { label: w.corrects, number: state::number(&corrected, w), to: at(&corrected) });
        return Ok(related);
    }
    if let Some(content) = &view.content {
        // The document names them by their numbers.
        let deposit = |one: &invoices::content::Preceding| Related {
            label: w.takes_off,
            number: one.number.clone(),
            to: format!("/console/invoices?q={}", one.number),
        };
        related.extend(content.references.preceding.iter().map(deposit));
        let created = Period { from: Some(summary.created_at), before: None };
        let selection = Selection { created, ..Selection::default() };
        let filter =
            InvoiceFilter { customer_id: Some(summary.customer_id), selection, ..InvoiceFilter::default() };
        let later = invoices::list(database, &visitor.context, &filter, &first(LOOKED_THROUGH)?).await?;
        let notes = later.data.iter().filter(|one| one.corrects == Some(summary.id));
        related.extend(notes.map(|one| Related {
            label: w.corrected_by,
            number: state::number(one, w),
            to: at(one),
        }));
    }
    Ok(related)
}

/// How it reached the customer, the newest first.
async fn steps(visitor: &Visitor, database: &TenantDatabase, id: InvoiceId) -> Result<Vec<Step>, ApiError> {
    let w = Invoices::of(visitor.language);
    let steps = sending::transmissions(database, &visitor.context, id).await?;
    let step = |step: sending::TransmissionView| Step {
        status: said::transmission(&step.status, w),
        channel: said::channel(&step.channel, visitor.language),
        detail: step.detail,
        at: visitor.format.long(step.occurred_at),
    };
    Ok(steps.into_iter().map(step).collect())
}
