//! The menus. All entries of the design stand here, in its order; one is shown as soon as its page is registered, to those
//! who may see the page. So a subject that is added changes nothing here.

use std::collections::HashMap;
use std::sync::LazyLock;

use actix_web::http::Method;
use comptoir_core::application::{Principal, Role};

use super::format::Format;
use super::typography::Word;
use super::waiting::Waiting;
use super::words::Shared;
use super::{Area, PREFIX, pages};
use crate::access::Access;

/// An entry as a template shows it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) path: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) label: Word,
    pub(crate) is_current: bool,
    /// Whether a line is drawn above it.
    pub(crate) begins_group: bool,
    /// How much waits there for somebody.
    pub(crate) count: Option<String>,
}

struct Planned {
    path: &'static str,
    icon: &'static str,
    label: fn(&'static Shared) -> Word,
    begins_group: bool,
}

const fn planned(path: &'static str, icon: &'static str, label: fn(&'static Shared) -> Word) -> Planned {
    Planned { path, icon, label, begins_group: false }
}

const fn group(path: &'static str, icon: &'static str, label: fn(&'static Shared) -> Word) -> Planned {
    Planned { path, icon, label, begins_group: true }
}

const COMPANY: &[Planned] = &[
    planned(PREFIX, "home", |w| w.home),
    planned("/console/orders", "orders", |w| w.orders),
    planned("/console/preparation", "tally", |w| w.to_prepare),
    planned("/console/customers", "people", |w| w.customers),
    planned("/console/products", "box", |w| w.products),
    planned("/console/suppliers", "people", |w| w.suppliers),
    planned("/console/purchases", "box", |w| w.purchases),
    planned("/console/invoices", "invoice", |w| w.invoices),
    planned("/console/payments", "coins", |w| w.payments),
    planned("/console/receipts", "down", |w| w.receipts),
    planned("/console/counts", "tally", |w| w.counts),
    planned("/console/stock", "shelf", |w| w.stock),
    planned("/console/movements", "replay", |w| w.movements),
    planned("/console/reports", "chart", |w| w.reports),
    group("/console/imports", "csv", |w| w.imports),
    planned("/console/users", "people", |w| w.users),
    planned("/console/keys", "layers", |w| w.keys),
    planned("/console/emails", "mail", |w| w.emails),
    planned("/console/projections", "layers", |w| w.projections),
    planned("/console/audit", "pulse", |w| w.audit),
    planned("/console/settings", "gear", |w| w.settings),
];

const OPERATORS: &[Planned] = &[
    planned("/console/operators/overview", "pulse", |w| w.overview),
    planned("/console/operators/outbox", "outbox", |w| w.outbox),
    planned("/console/operators/dead-letters", "dead", |w| w.dead_letters),
    planned("/console/operators/replay", "replay", |w| w.replay),
    planned("/console/operators/services", "gear", |w| w.services),
    planned("/console/operators/emails", "mail", |w| w.emails),
    planned("/console/operators/projections", "layers", |w| w.projections),
    group("/console/operators/accounts", "people", |w| w.operators),
    planned("/console/operators/audit", "pulse", |w| w.audit),
];

/// What a telephone shows below, the most important first.
const TABS_OF_TRADE: [&str; 4] = [PREFIX, "/console/orders", "/console/customers", "/console/invoices"];
const TABS_OF_WAREHOUSE: [&str; 5] =
    ["/console/preparation", "/console/receipts", "/console/counts", "/console/stock", "/console/orders"];

/// Who may look at each page.
static REGISTERED: LazyLock<HashMap<&'static str, Access>> = LazyLock::new(|| {
    let pages = pages();
    pages.iter().filter(|page| page.method == Method::GET).map(|page| (page.path, page.access)).collect()
});

/// Whether there is such a page, and the principal may see it.
pub(crate) fn may_see(principal: &Principal, path: &str) -> bool {
    match REGISTERED.get(path) {
        Some(Access::Needs(permission)) => principal.may(*permission),
        Some(Access::Operator) => principal.is_of_operators(),
        Some(Access::LoggedIn | Access::Authenticated) => !principal.is_of_operators(),
        Some(Access::Public) => true,
        None => false,
    }
}

/// Returns the menu of a principal who looks at the page at `current`.
pub(super) fn menu(
    area: Area,
    principal: &Principal,
    current: &str,
    w: &'static Shared,
    (waiting, format): (&Waiting, &Format),
) -> Vec<Entry> {
    let planned = match area {
        Area::Company => COMPANY,
        Area::Operators => OPERATORS,
    };
    let shown = planned.iter().filter(|entry| may_see(principal, entry.path));
    let entry = |entry: &Planned| Entry {
        path: entry.path,
        icon: entry.icon,
        label: (entry.label)(w),
        is_current: is_in(current, entry.path),
        begins_group: entry.begins_group,
        count: waiting.at(entry.path).map(|count| format.count(count.value, count.exact)),
    };
    shown.map(entry).collect()
}

/// Returns those entries that a telephone shows below.
pub(super) fn tabs(menu: &[Entry], role: Option<Role>) -> Vec<Entry> {
    let wanted: &[&str] = if role == Some(Role::Warehouse) { &TABS_OF_WAREHOUSE } else { &TABS_OF_TRADE };
    let find = |path: &&str| menu.iter().find(|entry| entry.path == *path).cloned();
    wanted.iter().filter_map(find).take(4).collect()
}

/// Whether a page is the entry's, or one below it.
fn is_in(current: &str, path: &str) -> bool {
    current == path
        || (path != PREFIX && current.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_below_an_entry_is_the_entrys() {
        assert!(is_in("/console/orders/1", "/console/orders") && is_in(PREFIX, PREFIX));
        assert!(!is_in("/console/orders", PREFIX) && !is_in("/console/orders-of-others", "/console/orders"));
    }

    #[test]
    fn the_entries_of_the_pages_that_there_are_have_their_pages() {
        for path in [PREFIX, "/console/orders", "/console/operators/services"] {
            assert!(REGISTERED.contains_key(path), "{path}");
        }
    }
}
