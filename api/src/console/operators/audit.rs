//! The operators' trail: who did what, from whichever of their pages, routes and command lines.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::{Days, NaiveDate};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::audit::{self, AuditEventView, AuditFilter, AuditSort};
use comptoir_core::platform::paging::{PageRequest, SortKey};
use uuid::Uuid;

use super::of_all::indented;
use crate::console::format::Moment;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Chip, Head, Turn, View};
use crate::console::visitor::OperatorVisitor;
use crate::console::words::{Operators, operators as said};
use crate::error::ApiError;
use crate::export;
use crate::routes::audit::AuditEventResponse;

/// The fields of the form of filters, which keeps the other parameters.
const FIELDS: &[&str] = &["action", "since", "before"];
const SHOWN: i64 = 50;

#[derive(Template)]
#[template(path = "console/operators/audit.html")]
struct AuditPage {
    page: Page,
    w: &'static Operators,
    again: Address,
    own: &'static [&'static str],
    views: Vec<View>,
    action: String,
    since: String,
    before: String,
    chips: Vec<Chip>,
    cleared: Address,
    is_filtered: bool,
    heads: Vec<Head>,
    rows: Vec<Row>,
    turn: Turn,
    csv: Address,
}

struct Row {
    at: Moment,
    action: String,
    said: String,
    actor: String,
    resource: String,
    /// Its rows alone, where the resource is one of which there are several.
    of_resource: Address,
    address: Option<String>,
    before: Option<String>,
    after: Option<String>,
    place: String,
    is_erased: bool,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: OperatorVisitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Operators::of(visitor.language), Address::of(&request));
    let filter = filter(&address, &visitor);
    let wanted = PageRequest::<AuditSort>::parse(Some(SHOWN), address.get("sort"), address.get("cursor"));
    let wanted = wanted.map_err(ApiError::invalid)?;
    let found = audit::list_of_operators(&database, &visitor.context, &filter, &wanted).await?;
    let page = AuditPage {
        page: visitor.page(w.audit),
        w,
        own: FIELDS,
        views: views(&address, &visitor),
        action: address.get("action").unwrap_or_default().to_owned(),
        since: address.get("since").unwrap_or_default().to_owned(),
        before: address.get("before").unwrap_or_default().to_owned(),
        chips: chips(&address, w),
        cleared: address.cleared(),
        is_filtered: !address.cleared().is_same_list(&address),
        heads: vec![
            Head::sortable(w.when, "occurred_at", &address, AuditSort::DEFAULT),
            Head::text(w.what),
            Head::text(w.who),
            Head::text(w.on_what),
            Head::text(w.from_where),
        ],
        csv: address.export("/console/operators/audit.csv"),
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
        rows: found.data.into_iter().map(|event| row(event, &address, &visitor)).collect(),
        again: address,
    };
    layout::ok(&page)
}

fn filter(address: &Address, visitor: &OperatorVisitor) -> AuditFilter {
    let text = |name: &str| address.get(name).map(|text| text.trim().replace('\0', ""));
    let day = |name: &str| address.get(name).and_then(|text| text.parse::<NaiveDate>().ok());
    AuditFilter {
        occurred_from: day("since").map(|day| visitor.format.beginning(day)),
        // The day itself is not in it, as the word says.
        occurred_before: day("before").map(|day| visitor.format.beginning(day)),
        actor_id: address.get("actor_id").and_then(|text| Uuid::try_parse(text).ok()),
        action: text("action"),
        resource_type: None,
        resource_id: text("resource_id"),
    }
}

/// The rows that the list shows, in its own order.
pub(super) async fn export(
    request: HttpRequest,
    visitor: OperatorVisitor,
    database: Data<TenantDatabase>,
) -> HttpResponse {
    let filter = filter(&Address::of(&request), &visitor);
    let context = visitor.context;
    export::csv("operators-audit", move |page: PageRequest<AuditSort>| {
        let (database, context, filter) = (database.clone(), context.clone(), filter.clone());
        async move {
            let found = audit::list_of_operators(&database, &context, &filter, &page).await?;
            Ok(found.map(AuditEventResponse::from))
        }
    })
}

fn views(address: &Address, visitor: &OperatorVisitor) -> Vec<View> {
    let w = Operators::of(visitor.language);
    let base = address.without("action").without("since");
    let today = visitor.format.today();
    let week = today.checked_sub_days(Days::new(7)).unwrap_or(today).to_string();
    let is_plain = address.get("action").is_none() && address.get("since").is_none();
    let view = |label: String, to: Address, is_current: bool| View {
        label,
        to,
        is_current,
        count: None,
        is_warning: false,
    };
    let action =
        |label: String, name: &str| view(label, base.with("action", name), address.is("action", name));
    vec![
        view(w.everything.to_string(), base.clone(), is_plain),
        view(w.last_week.to_string(), base.with("since", &week), address.is("since", &week)),
        action(w.asked_of_services.to_string(), "service.ask"),
        action(w.log_ins.to_string(), "operator_session.create"),
    ]
}

fn chips(address: &Address, w: &'static Operators) -> Vec<Chip> {
    let chip = |name: &str, label: String| {
        let value = address.get(name)?;
        Some(Chip { label: format!("{label} {value}"), without: address.without(name) })
    };
    let chips = [
        chip("action", w.what.to_string()),
        chip("since", w.since.to_string()),
        chip("before", w.before.to_string()),
        chip("resource_id", w.on_what.to_string()),
    ];
    chips.into_iter().flatten().collect()
}

fn row(event: AuditEventView, address: &Address, visitor: &OperatorVisitor) -> Row {
    Row {
        at: visitor.format.long(event.occurred_at),
        is_erased: event.is_erased(),
        said: said::deed(&event.action, visitor.language),
        actor: event.actor_name,
        resource: format!("{} {}", event.resource_type, event.resource_id),
        of_resource: address.with("resource_id", &event.resource_id),
        address: event.client_address,
        before: event.before.as_ref().map(indented),
        after: event.after.as_ref().map(indented),
        place: format!("{}/{}", event.chain, event.position),
        action: event.action,
    }
}
