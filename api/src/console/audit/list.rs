//! The list of what was done. Its parameters are those of `GET /api/v1/audit-events`, and two days in the company's time zone.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::NaiveDate;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::audit::{self, AuditEventView, AuditSort};
use comptoir_core::platform::paging::SortKey;

use super::{actor, actor_kind};
use crate::console::format::Moment;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Chip, Head, Turn};
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::{Audit, audit as said};
use crate::error::ApiError;
use crate::extract::ListQuery;
use crate::routes::audit::{AuditFilters, export_of};

const PATH: &str = "/console/audit";
/// The fields of the form of filters, which keeps the other parameters.
const FIELDS: &[&str] = &["action", "since", "before", "actor_id", "resource_type", "resource_id"];

type Query = ListQuery<AuditFilters, AuditSort>;

#[derive(Template)]
#[template(path = "console/audit/list.html")]
struct ListPage {
    page: Page,
    w: &'static Audit,
    csv: Address,
    address: Address,
    own: &'static [&'static str],
    action: String,
    since: String,
    before: String,
    actor_id: String,
    resource_type: String,
    resource_id: String,
    chips: Vec<Chip>,
    cleared: Address,
    heads: Vec<Head>,
    rows: Vec<Row>,
    is_filtered: bool,
    turn: Turn,
}

struct Row {
    id: String,
    to: String,
    at: Moment,
    /// What was done, in words.
    deed: String,
    /// As the filter takes it.
    action: String,
    actor: String,
    actor_kind: String,
    object: String,
    object_id: String,
    from: String,
}

fn query(address: &Address, visitor: &Visitor) -> Result<Query, ApiError> {
    let day = |name: &str| address.get(name).and_then(|text| text.parse::<NaiveDate>().ok());
    let at = |day: NaiveDate| visitor.format.beginning(day).to_rfc3339();
    let since = day("since").map(|day| ("occurred_from", at(day)));
    // The day itself is not in it, as the word says.
    let before = day("before").map(|day| ("occurred_before", at(day)));
    let more: Vec<_> = since.into_iter().chain(before).collect();
    Query::parse(&address.query(&more))
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Audit::of(visitor.language), Address::of(&request));
    let Query { filter, page: wanted } = query(&address, &visitor)?;
    let found = audit::list(&database, &visitor.context, &filter.into(), &wanted).await?;
    let typed = |name: &str| address.get(name).unwrap_or_default().to_owned();
    let heads = vec![
        Head::sortable(w.at, "occurred_at", &address, AuditSort::DEFAULT),
        Head::text(w.action),
        Head::text(w.actor),
        Head::text(w.object),
        Head::text(w.from),
    ];
    let page = ListPage {
        page: visitor.page(w.title).about("*"),
        w,
        csv: address.export("/console/audit.csv"),
        own: FIELDS,
        action: typed("action"),
        since: typed("since"),
        before: typed("before"),
        actor_id: typed("actor_id"),
        resource_type: typed("resource_type"),
        resource_id: typed("resource_id"),
        chips: chips(&address, &visitor),
        cleared: address.cleared(),
        heads,
        rows: found.data.iter().map(|entry| row(entry, &visitor)).collect(),
        is_filtered: !address.cleared().is_same_list(&address),
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
        address,
    };
    layout::ok(&page)
}

fn row(entry: &AuditEventView, visitor: &Visitor) -> Row {
    let w = Audit::of(visitor.language);
    Row {
        id: entry.id.to_string(),
        to: super::one::path(entry),
        at: visitor.format.long(entry.occurred_at),
        deed: said::deed(&entry.action, visitor.language),
        action: entry.action.clone(),
        actor: actor(entry, w),
        actor_kind: actor_kind(entry, w),
        object: said::object(&entry.resource_type, visitor.language),
        object_id: entry.resource_id.clone(),
        from: entry.client_address.clone().unwrap_or_default(),
    }
}

fn chips(address: &Address, visitor: &Visitor) -> Vec<Chip> {
    let w = Audit::of(visitor.language);
    let chip = |name: &str, label: Word| {
        let value = address.get(name)?;
        let shown = match name {
            "action" => said::deed(value, visitor.language),
            "resource_type" => said::object(value, visitor.language),
            _ => value.parse::<NaiveDate>().map_or_else(|_| value.to_owned(), |day| visitor.format.day(day)),
        };
        Some(Chip { label: format!("{label} {shown}"), without: address.without(name) })
    };
    let of = [
        ("action", w.action),
        ("since", w.since),
        ("before", w.before),
        ("actor_id", w.actor),
        ("resource_type", w.object_type),
        ("resource_id", w.object),
    ];
    of.into_iter().filter_map(|(name, label)| chip(name, label)).collect()
}

pub(super) async fn export(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request).export(PATH);
    let filter = query(&address, &visitor)?.filter;
    export_of(visitor.context, filter.into(), database).await
}
