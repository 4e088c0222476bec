//! The e-mails of all companies: how many are in which state, which lanes are due, and each with why it is not sent. What they
//! say, and the names of those who get them, belongs to their company: it is not shown. Decisions are made in the company's
//! name, at the command line of the machine.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::{DateTime, Utc};
use comptoir_core::mail::{self, EmailFilter, EmailKind, EmailState, EmailView, StateCount};
use comptoir_core::values::ids::TenantId;
use serde::Serialize;
use uuid::Uuid;

use super::of_all::{OfAll, failed, unlinked};
use crate::console::format::Moment;
use crate::console::forms::new_key;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Chip, View};
use crate::console::status::Status;
use crate::console::visitor::OperatorVisitor;
use crate::console::words::{Operators, operators as said};
use crate::error::ApiError;
use crate::export::{self, Exported};

/// The fields of the form of filters, which keeps the other parameters.
const FIELDS: &[&str] = &["kind", "destination", "email"];
const SHOWN: i64 = 200;
const LANES: usize = 20;
/// How many an export has at most.
const EXPORTED: i64 = 10_000;

#[derive(Template)]
#[template(path = "console/operators/emails.html")]
struct EmailsPage {
    page: Page,
    w: &'static Operators,
    again: Address,
    own: &'static [&'static str],
    views: Vec<View>,
    kinds: Vec<(&'static str, String)>,
    kind: String,
    destination: String,
    chips: Vec<Chip>,
    cleared: Address,
    is_filtered: bool,
    is_cut: bool,
    rows: Vec<Row>,
    lanes: Vec<(Uuid, String, String)>,
    email: Option<One>,
    csv: Address,
}

struct Row {
    id: String,
    kind: String,
    recipient: String,
    company: Uuid,
    state: Status,
    tries: String,
    queued: Moment,
    error: Option<String>,
    to: Address,
    is_current: bool,
}

/// The e-mail beside the list.
struct One {
    id: String,
    kind: String,
    recipient: String,
    company: Uuid,
    state: Status,
    tries: String,
    error: Option<String>,
    reason: Option<String>,
    queued: Moment,
    due: Option<Moment>,
    deadline: Moment,
    finished: Option<Moment>,
    correlation_id: String,
    /// What to run on the machine, for what can be done with it.
    commands: Vec<String>,
    /// The key of the form that asks the mailer for it, if it could leave now, and the domain that it is for.
    send_now: Option<(String, String)>,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: OperatorVisitor,
    of_all: Data<OfAll>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Operators::of(visitor.language), Address::of(&request));
    let Some(database) = of_all.database() else { return unlinked(&visitor, w.emails) };
    let filter = filter(&address);
    let counts = mail::counts_of_all(database).await.map_err(failed)?;
    let found = mail::list_of_all(database, &filter, SHOWN).await.map_err(failed)?;
    let lanes = mail::due_lanes(database).await.map_err(failed)?;
    let list = address.without("email");
    let csv = list.export("/console/operators/emails.csv");
    let wanted = address.get("email");
    let email = found.iter().find(|(_, email)| Some(email.id.to_string().as_str()) == wanted);
    let page = EmailsPage {
        page: visitor.page(w.emails),
        w,
        own: FIELDS,
        views: views(&list, &counts, &visitor),
        kinds: EmailKind::ALL.map(|kind| (kind.name(), said::email_kind(kind, visitor.language))).to_vec(),
        kind: address.get("kind").unwrap_or_default().to_owned(),
        destination: address.get("destination").unwrap_or_default().to_owned(),
        chips: chips(&list, &visitor),
        cleared: list.cleared(),
        is_filtered: !list.cleared().is_same_list(&list),
        is_cut: found.len() as i64 >= SHOWN,
        email: email.map(|(tenant, email)| one(*tenant, email, &visitor)),
        rows: found.iter().map(|(tenant, email)| row(*tenant, email, &address, &visitor)).collect(),
        lanes: lanes
            .into_iter()
            .take(LANES)
            .map(|lane| (lane.tenant.uuid(), lane.destination, visitor.format.whole(lane.number as i64)))
            .collect(),
        csv,
        again: address,
    };
    layout::ok(&page)
}

fn filter(address: &Address) -> EmailFilter {
    EmailFilter {
        state: address.get("state").and_then(EmailState::named),
        kind: address.get("kind").and_then(EmailKind::named),
        recipient: None,
        destination: address.get("destination").map(|domain| domain.trim().to_ascii_lowercase()),
    }
}

/// A line of the export: as on the page, without words and names.
#[derive(Serialize)]
struct Line {
    id: String,
    tenant_id: Uuid,
    kind: &'static str,
    recipient: String,
    state: &'static str,
    attempts: i32,
    created_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    deadline: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    reason: Option<String>,
    last_error: Option<String>,
    correlation_id: String,
}

impl Exported for Line {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "tenant_id",
        "kind",
        "recipient",
        "state",
        "attempts",
        "created_at",
        "due_at",
        "deadline",
        "finished_at",
        "reason",
        "last_error",
        "correlation_id",
    ];
}

/// # Errors
/// 422 if it would have too many rows.
pub(super) async fn export(
    request: HttpRequest,
    _: OperatorVisitor,
    of_all: Data<OfAll>,
) -> Result<HttpResponse, ApiError> {
    let database = of_all.needed()?;
    let found = mail::list_of_all(database, &filter(&Address::of(&request)), EXPORTED + 1).await;
    let found = found.map_err(failed)?;
    if found.len() as i64 > EXPORTED {
        let message = format!("more than {EXPORTED} rows: ask for less, by state, kind or destination");
        return Err(ApiError::invalid_field("/query", "too_many_rows", message));
    }
    let lines: Vec<Line> = found.into_iter().map(|(tenant, email)| line(tenant, email)).collect();
    export::csv_of("emails", &lines)
}

fn line(tenant: TenantId, email: EmailView) -> Line {
    Line {
        id: email.id.to_string(),
        tenant_id: tenant.uuid(),
        kind: email.kind.name(),
        recipient: masked(&email.recipient),
        state: email.state.name(),
        attempts: email.attempts,
        created_at: email.created_at,
        due_at: email.due_at,
        deadline: email.deadline,
        finished_at: email.finished_at,
        reason: email.reason,
        last_error: email.last_error,
        correlation_id: email.correlation_id,
    }
}

fn views(list: &Address, counts: &[StateCount], visitor: &OperatorVisitor) -> Vec<View> {
    let w = Operators::of(visitor.language);
    let base = list.without("state");
    let all = View {
        label: w.all_emails.to_string(),
        to: base.clone(),
        is_current: list.get("state").is_none(),
        count: None,
        is_warning: false,
    };
    let of = |state: EmailState| View {
        label: state_of(state, w).word.to_string(),
        to: base.with("state", state.name()),
        is_current: list.is("state", state.name()),
        count: counts
            .iter()
            .find(|count| count.state == state)
            .map(|count| visitor.format.whole(count.number)),
        is_warning: state == EmailState::Dead
            && counts.iter().any(|count| count.state == state && count.number > 0),
    };
    std::iter::once(all).chain(EmailState::ALL.map(of)).collect()
}

fn state_of(state: EmailState, w: &'static Operators) -> Status {
    match state {
        EmailState::Waiting => Status::open(w.email_waiting),
        EmailState::Sending => Status::begun(w.email_sending),
        EmailState::Sent => Status::done(w.email_sent),
        EmailState::Dead => Status::failed(w.email_dead),
        EmailState::Discarded => Status::over(w.email_discarded),
    }
}

fn chips(list: &Address, visitor: &OperatorVisitor) -> Vec<Chip> {
    let w = Operators::of(visitor.language);
    let kind = list
        .get("kind")
        .and_then(EmailKind::named)
        .map(|kind| Chip { label: said::email_kind(kind, visitor.language), without: list.without("kind") });
    let domain = list
        .get("destination")
        .map(|domain| Chip { label: format!("{} {domain}", w.domain), without: list.without("destination") });
    kind.into_iter().chain(domain).collect()
}

/// An address with its domain, which says where something goes wrong, and without the person.
fn masked(address: &str) -> String {
    let Some((person, domain)) = address.rsplit_once('@') else { return "…".to_owned() };
    format!("{}…@{domain}", person.chars().next().unwrap_or('…'))
}

fn row(tenant: TenantId, email: &EmailView, address: &Address, visitor: &OperatorVisitor) -> Row {
    let id = email.id.to_string();
    Row {
        kind: said::email_kind(email.kind, visitor.language),
        recipient: masked(&email.recipient),
        company: tenant.uuid(),
        state: state_of(email.state, Operators::of(visitor.language)),
        tries: visitor.format.whole(email.attempts.into()),
        queued: visitor.format.short(email.created_at),
        error: email.last_error.clone(),
        is_current: address.is("email", &id),
        to: address.beside("email", &id),
        id,
    }
}

fn one(tenant: TenantId, email: &EmailView, visitor: &OperatorVisitor) -> One {
    let format = &visitor.format;
    let can_be_sent_again =
        matches!(email.state, EmailState::Sent | EmailState::Dead | EmailState::Discarded);
    let can_be_discarded = matches!(email.state, EmailState::Waiting | EmailState::Dead);
    let show = Some(format!("api emails show {}", email.id));
    let again = can_be_sent_again.then(|| format!("api emails requeue {}", email.id));
    let discard = can_be_discarded.then(|| format!("api emails discard {}", email.id));
    One {
        id: email.id.to_string(),
        kind: said::email_kind(email.kind, visitor.language),
        recipient: masked(&email.recipient),
        company: tenant.uuid(),
        state: state_of(email.state, Operators::of(visitor.language)),
        tries: format.whole(email.attempts.into()),
        error: email.last_error.clone(),
        reason: email.reason.clone(),
        queued: format.long(email.created_at),
        due: (email.state == EmailState::Waiting).then(|| format.long(email.due_at)),
        deadline: format.long(email.deadline),
        finished: email.finished_at.map(|at| format.long(at)),
        correlation_id: email.correlation_id.clone(),
        send_now: (email.state == EmailState::Waiting && email.due_at <= Utc::now())
            .then(|| {
                email.recipient.rsplit_once('@').map(|(_, domain)| (new_key(), domain.to_ascii_lowercase()))
            })
            .flatten(),
        commands: [show, again, discard].into_iter().flatten().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_domain_and_loses_the_person() {
        assert_eq!(masked("camille.aubry@docks.example"), "c…@docks.example");
        assert_eq!(masked("nobody"), "…");
    }
}
