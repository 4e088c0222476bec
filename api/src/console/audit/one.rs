//! One entry, with what it changed. The trail is found by time, not by id: the address has both.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::audit::{self, AuditEventView, AuditFilter};
use uuid::Uuid;

use super::changes::{Change, changes};
use super::{actor, actor_kind};
use crate::console::format::Moment;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, first};
use crate::console::visitor::Visitor;
use crate::console::words::{Audit, audit as said};
use crate::error::ApiError;
use crate::extract::part;

/// Entries of one moment that are looked through: one command writes one, and clocks have microseconds.
const OF_A_MOMENT: u8 = 200;

#[derive(Template)]
#[template(path = "console/audit/one.html")]
struct OnePage {
    page: Page,
    w: &'static Audit,
    at: Moment,
    action: String,
    actor: String,
    actor_kind: String,
    same_actor: Option<String>,
    object: String,
    object_id: String,
    same_object: String,
    from: Option<String>,
    request: String,
    session: Option<String>,
    is_erased: bool,
    changes: Vec<Change>,
    place: String,
    digest: String,
}

/// Where the page of an entry is.
pub(super) fn path(entry: &AuditEventView) -> String {
    // Time and id are letters, digits and signs that need no escape; the plus sign of an offset is written as Z.
    let at = entry.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    format!("/console/audit/{}?at={at}", entry.id)
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let w = Audit::of(visitor.language);
    let id: Uuid = part(&request, "id")?;
    let address = Address::of(&request);
    let absent = || ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is no such entry at this time");
    let at = address.get("at").and_then(|text| text.parse::<DateTime<Utc>>().ok()).ok_or_else(absent)?;
    let after = at.checked_add_signed(Duration::microseconds(1)).ok_or_else(absent)?;
    let filter =
        AuditFilter { occurred_from: Some(at), occurred_before: Some(after), ..AuditFilter::default() };
    let found = audit::list(&database, &visitor.context, &filter, &first(OF_A_MOMENT)?).await?;
    let entry = found.data.into_iter().find(|entry| entry.id == id).ok_or_else(absent)?;
    let page = OnePage {
        page: visitor.page(said::deed(&entry.action, visitor.language)),
        w,
        at: visitor.format.long(entry.occurred_at),
        actor: actor(&entry, w),
        actor_kind: actor_kind(&entry, w),
        same_actor: entry.actor_id.map(|id| format!("/console/audit?actor_id={id}")),
        same_object: address_of_object(&entry),
        is_erased: entry.is_erased(),
        changes: changes(entry.before.as_ref(), entry.after.as_ref()),
        place: format!("{}/{}", entry.chain, entry.position),
        digest: hex::encode(&entry.hash),
        object: said::object(&entry.resource_type, visitor.language),
        action: entry.action,
        object_id: entry.resource_id,
        from: entry.client_address,
        request: entry.request_id,
        session: entry.session_id.map(|id| id.to_string()),
    };
    layout::ok(&page)
}

/// The list of what was done with the same object.
fn address_of_object(entry: &AuditEventView) -> String {
    Address::at("/console/audit").with("resource_id", &entry.resource_id).to_string()
}
