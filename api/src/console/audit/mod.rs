//! The audit trail: who did what, and what it changed.

mod changes;
mod list;
mod one;

use comptoir_core::application::Permission::AuditRead;
use comptoir_core::application::audit::AuditEventView;

use super::pages::Pages;
use super::words::Audit;
use crate::access::Access::Needs;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(AuditRead), "/console/audit", list::show)
        .get(Needs(AuditRead), "/console/audit.csv", list::export)
        .get(Needs(AuditRead), "/console/audit/{id}", one::show)
}

/// Who did it, as they were called then.
fn actor(entry: &AuditEventView, w: &'static Audit) -> String {
    if entry.actor_name.is_empty() { w.anonymous.to_string() } else { entry.actor_name.clone() }
}

/// What kind of somebody that is.
fn actor_kind(entry: &AuditEventView, w: &'static Audit) -> String {
    match entry.actor_type.as_str() {
        "user" => w.user.to_string(),
        "api_key" => w.api_key.to_string(),
        "operator" => w.operator.to_string(),
        "anonymous" => String::new(),
        other => other.to_owned(),
    }
}
