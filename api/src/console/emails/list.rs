//! The list of e-mails. Its parameters are those of `GET /api/v1/emails`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::mail::{self, EmailFilter, EmailKind, EmailSort, EmailState, EmailView};
use comptoir_core::platform::paging::{PageRequest, SortKey};

use super::status;
use crate::console::format::Moment;
use crate::console::forms::Choice;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Chip, Head, Turn, View};
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::{Emails, emails};
use crate::error::ApiError;
use crate::export;
use crate::extract::ListQuery;
use crate::routes::emails::EmailFilters;

const PATH: &str = "/console/emails";
/// The fields of the form of filters, which keeps the other parameters.
const FIELDS: &[&str] = &["recipient", "kind"];

type Query = ListQuery<EmailFilters, EmailSort>;

#[derive(Template)]
#[template(path = "console/emails/list.html")]
struct ListPage {
    page: Page,
    w: &'static Emails,
    csv: Address,
    /// Whether something can be done with the ticked rows.
    may_write: bool,
    views: Vec<View>,
    address: Address,
    own: &'static [&'static str],
    recipient: String,
    kinds: Vec<Choice>,
    chips: Vec<Chip>,
    cleared: Address,
    heads: Vec<Head>,
    rows: Vec<Row>,
    is_filtered: bool,
    turn: Turn,
}

struct Row {
    id: String,
    tick: String,
    recipient: String,
    name: String,
    kind: &'static str,
    status: Status,
    why: String,
    attempts: String,
    created: Moment,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Emails::of(visitor.language), Address::of(&request));
    let Query { filter, page: wanted } = Query::parse(&address.query(&[]))?;
    let found = mail::list(&database, &visitor.context, &filter.into(), &wanted).await?;
    let heads = vec![
        Head::text(w.recipient),
        Head::text(w.kind),
        Head::text(w.state),
        Head::number(w.attempts),
        Head::sortable(w.created, "created_at", &address, EmailSort::DEFAULT),
    ];
    let page = ListPage {
        page: visitor.page(w.title).saying(address.get("done").and_then(|done| notice(done, &visitor))),
        w,
        csv: address.export("/console/emails.csv"),
        may_write: visitor.may(Permission::EmailsWrite),
        views: views(&address, w),
        own: FIELDS,
        recipient: address.get("recipient").unwrap_or_default().to_owned(),
        kinds: kinds(&address, &visitor),
        chips: chips(&address, &visitor),
        cleared: address.cleared(),
        heads,
        rows: found.data.iter().map(|email| row(email, &visitor)).collect(),
        is_filtered: !address.cleared().is_same_list(&address),
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
        address,
    };
    layout::ok(&page)
}

/// `requeued-3-1`: what was done, with how many, and how many were left.
fn notice(done: &str, visitor: &Visitor) -> Option<String> {
    if done == "nothing" {
        return Some(Emails::of(visitor.language).nothing_chosen.to_string());
    }
    let mut parts = done.split('-');
    let is_requeued = match parts.next()? {
        "requeued" => true,
        "discarded" => false,
        _ => return None,
    };
    let (carried_out, refused) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(emails::chosen(is_requeued, carried_out, refused, visitor.language))
}

fn row(email: &EmailView, visitor: &Visitor) -> Row {
    Row {
        id: email.id.to_string(),
        tick: emails::tick(&email.recipient, visitor.language),
        recipient: email.recipient.clone(),
        name: email.recipient_name.clone(),
        kind: emails::kind(email.kind, visitor.language),
        status: status(email.state, Emails::of(visitor.language)),
        why: email.last_error.clone().unwrap_or_default(),
        attempts: visitor.format.whole(email.attempts.into()),
        created: visitor.format.short(email.created_at),
    }
}

fn views(address: &Address, w: &'static Emails) -> Vec<View> {
    let base = address.without("state");
    let of = |label: Word, state: Option<EmailState>| View {
        label: label.to_string(),
        to: state.map_or_else(|| base.clone(), |state| base.with("state", state.name())),
        is_current: address.get("state") == state.map(EmailState::name),
        count: None,
        is_warning: false,
    };
    vec![
        of(w.all, None),
        of(w.dead_view, Some(EmailState::Dead)),
        of(w.waiting, Some(EmailState::Waiting)),
        of(w.sent_view, Some(EmailState::Sent)),
        of(w.discarded_view, Some(EmailState::Discarded)),
    ]
}

fn kinds(address: &Address, visitor: &Visitor) -> Vec<Choice> {
    let chosen = address.get("kind").unwrap_or_default();
    let any = Choice::new("", Emails::of(visitor.language).any_kind, chosen);
    let of = |kind: EmailKind| Choice::new(kind.name(), emails::kind(kind, visitor.language), chosen);
    std::iter::once(any).chain(EmailKind::ALL.into_iter().map(of)).collect()
}

fn chips(address: &Address, visitor: &Visitor) -> Vec<Chip> {
    let chip = |name: &str, label: &str| Chip { label: label.to_owned(), without: address.without(name) };
    let recipient = address.get("recipient").map(|recipient| chip("recipient", recipient));
    let domain = address.get("destination").map(|domain| chip("destination", domain));
    let kind = address.get("kind").and_then(EmailKind::named);
    let kind = kind.map(|kind| chip("kind", emails::kind(kind, visitor.language)));
    recipient.into_iter().chain(domain).chain(kind).collect()
}

pub(super) async fn export(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request).export(PATH);
    let filter = EmailFilter::from(Query::parse(&address.query(&[]))?.filter);
    let context = visitor.context;
    Ok(export::csv("emails", move |page: PageRequest<EmailSort>| {
        let (database, context, filter) = (database.clone(), context.clone(), filter.clone());
        async move { mail::list(&database, &context, &filter, &page).await }
    }))
}
