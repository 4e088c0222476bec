//! Which events a caller gets: those that their permissions show them, of those that they ask for.

use super::amounts;
use crate::application::{Permission, PermissionSet};
use crate::outbox::EventTypes;

/// The permission that shows an event, by the first word of its type. What happens to users, their sessions, keys and roles is for
/// who looks after them: administrators. So is everything that another program writes into the outbox.
const SHOWN_BY: &[(&str, Permission)] = &[
    ("customer", Permission::CustomersRead),
    ("customer_group", Permission::PricesRead),
    ("price_list", Permission::PricesRead),
    ("supplier", Permission::SuppliersRead),
    ("category", Permission::ProductsRead),
    ("product", Permission::ProductsRead),
    ("warehouse", Permission::WarehousesRead),
    ("location", Permission::WarehousesRead),
    ("order", Permission::OrdersRead),
    ("shipment", Permission::OrdersRead),
    ("return", Permission::OrdersRead),
    ("stock", Permission::StockRead),
    ("purchase_order", Permission::PurchasesRead),
    ("inventory_count", Permission::InventoryRead),
    ("invoice", Permission::InvoicesRead),
    ("credit_note", Permission::InvoicesRead),
    ("payment", Permission::PaymentsRead),
    ("tenant", Permission::TenantRead),
    ("user", Permission::UsersWrite),
    ("session", Permission::UsersWrite),
    ("role", Permission::UsersWrite),
    ("api_key", Permission::ApiKeysWrite),
];
const OTHERS_SHOWN_BY: Permission = Permission::TenantWrite;

/// What the permissions of a caller show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight(PermissionSet);

impl Sight {
    pub fn of(permissions: PermissionSet) -> Self {
        Self(permissions)
    }

    pub fn shows(self, event_type: &str) -> bool {
        let word = event_type.split('.').next().unwrap_or_default();
        let known = SHOWN_BY.iter().find(|(kind, _)| *kind == word);
        self.0.contains(known.map_or(OTHERS_SHOWN_BY, |(_, permission)| *permission))
    }

    /// The members of an event of this type that are left out, because they are amounts.
    pub(super) fn hides(self, event_type: &str) -> &'static [&'static str] {
        match amounts::of(event_type) {
            Some(amounts) if !self.0.contains(amounts.permission) => amounts.members,
            _ => &[],
        }
    }

    /// Whether it shows at least what `other` shows.
    pub fn includes(self, other: Self) -> bool {
        let shown = SHOWN_BY.iter().map(|(_, permission)| *permission).chain([OTHERS_SHOWN_BY]);
        let mut shown = shown.chain(amounts::permissions());
        shown.all(|permission| self.0.contains(permission) || !other.0.contains(permission))
    }

    /// Returns the regular expression for `'.' || event_type ~ …` in SQL.
    fn regex(self) -> String {
        let words = |shown: bool| {
            let of = SHOWN_BY.iter().filter(|(_, permission)| self.0.contains(*permission) == shown);
            of.map(|(word, _)| *word).collect::<Vec<_>>().join("|")
        };
        let (shown, hidden) = (words(true), words(false));
        match self.0.contains(OTHERS_SHOWN_BY) {
            true if hidden.is_empty() => String::new(),
            true => format!("^(?!\\.({hidden})(\\.|$))"),
            // No text that begins with a dot is empty.
            false if shown.is_empty() => "^$".to_owned(),
            false => format!("^\\.({shown})(\\.|$)"),
        }
    }
}

/// What a caller asked for, as far as they may have it.
#[derive(Debug, Clone)]
pub struct Selection {
    pub sight: Sight,
    /// Patterns of which one must match; none stands for everything.
    pub types: Vec<EventTypes>,
    /// The client that does not want to hear of what it did itself.
    pub client_id: Option<String>,
}

impl Selection {
    pub(crate) fn admits(&self, event_type: &str, client_id: Option<&str>) -> bool {
        self.sight.shows(event_type)
            && (self.types.is_empty() || self.types.iter().any(|pattern| pattern.matches(event_type)))
            && (self.client_id.is_none() || self.client_id.as_deref() != client_id)
    }

    /// Returns the regular expressions of the types asked for, and of those that are shown.
    pub(crate) fn regexes(&self) -> (String, String) {
        let types: Vec<_> = self.types.iter().map(EventTypes::regex).collect();
        (types.join("|"), self.sight.regex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::Role;

    #[test]
    fn each_role_sees_the_events_of_what_it_reads() {
        let seen = |role: Role| {
            let types =
                ["customer.created", "supplier.created", "order.placed", "user.updated", "session.ended"];
            let more = ["api_key.revoked", "role.changed", "tenant.updated", "cargo.of_others", ""];
            let sight = Sight::of(role.permissions());
            types.into_iter().chain(more).filter(|kind| sight.shows(kind)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(seen(Role::Sales), "customer.created order.placed tenant.updated");
        assert_eq!(seen(Role::Warehouse), "customer.created supplier.created order.placed tenant.updated");
        assert_eq!(seen(Role::Management), "customer.created supplier.created order.placed tenant.updated");
        assert_eq!(
            seen(Role::Admin),
            "customer.created supplier.created order.placed user.updated session.ended api_key.revoked role.changed \
             tenant.updated cargo.of_others "
        );
    }

    /// So that nobody forgets to decide who sees the events of a new aggregate.
    #[test]
    fn every_published_event_has_a_permission_of_its_own() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/events");
        for file in std::fs::read_dir(folder).expect("schema/events") {
            let name = file.expect("a file").file_name().into_string().expect("text");
            let word = name.split('.').next().expect("a word");
            assert!(SHOWN_BY.iter().any(|(known, _)| *known == word), "{name}: add it to SHOWN_BY");
        }
    }

    #[test]
    fn a_lost_permission_is_noticed_if_it_showed_something() {
        let of = |permissions: &[Permission]| Sight::of(PermissionSet::of(permissions));
        let before = of(&[Permission::OrdersRead, Permission::AuditRead]);
        assert!(of(&[Permission::OrdersRead]).includes(before), "the audit trail is not in the log");
        assert!(!of(&[Permission::AuditRead]).includes(before));
        assert!(of(&[Permission::OrdersRead, Permission::UsersWrite]).includes(before));
        let with_prices = of(&[Permission::OrdersRead, Permission::OrdersPrices]);
        assert!(
            with_prices.includes(before) && !before.includes(with_prices),
            "the amounts are missing then"
        );
    }

    #[test]
    fn amounts_are_for_those_who_see_prices() {
        let hidden = |role: Role, event_type: &str| Sight::of(role.permissions()).hides(event_type).join(" ");
        for role in [Role::Admin, Role::Management, Role::Sales] {
            for event_type in ["order.placed", "customer.created", "product.created", "stock.received", ""] {
                assert_eq!(hidden(role, event_type), "", "{role} {event_type}");
            }
        }
        assert_eq!(
            hidden(Role::Warehouse, "order.placed"),
            "amount base gross_total net_amount net_total unit_price vat_total"
        );
        assert_eq!(
            hidden(Role::Warehouse, "order"),
            hidden(Role::Warehouse, "order.of.others"),
            "whoever wrote it"
        );
        assert_eq!(hidden(Role::Warehouse, "customer.updated"), "credit_limit");
        assert_eq!(hidden(Role::Warehouse, "product.created"), "", "the catalogue is known to all");
    }

    #[test]
    fn the_regular_expressions_say_the_same() {
        let of = |permissions: &[Permission]| Sight::of(PermissionSet::of(permissions)).regex();
        assert_eq!(
            of(&[Permission::OrdersRead, Permission::TenantRead]),
            r"^\.(order|shipment|return|tenant)(\.|$)"
        );
        assert_eq!((of(&[]).as_str(), of(Permission::ALL).as_str()), ("^$", ""));
        let all_but_users: Vec<_> = Permission::ALL
            .iter()
            .copied()
            .filter(|permission| *permission != Permission::UsersWrite)
            .collect();
        assert_eq!(of(&all_but_users), r"^(?!\.(user|session|role)(\.|$))");
    }

    #[test]
    fn a_selection_leaves_out_what_is_not_asked_for_and_what_its_client_did() {
        let selection = Selection {
            sight: Sight::of(Role::Sales.permissions()),
            types: vec!["order.*".parse().expect("a pattern"), "customer.created".parse().expect("a type")],
            client_id: Some("tab-1".to_owned()),
        };
        assert!(
            selection.admits("order.placed", None) && selection.admits("customer.created", Some("tab-2"))
        );
        assert!(
            !selection.admits("customer.deleted", None) && !selection.admits("order.placed", Some("tab-1"))
        );
        assert!(!selection.admits("user.updated", None));
        let (types, _) = selection.regexes();
        assert_eq!(types, r"^\.order\.[^.]*$|^\.customer\.created$");
    }
}
