//! Permissions, and the roles of the trade that have them.

use std::fmt;
use std::str::FromStr;

use utoipa::ToSchema;

use super::error::Error;
use crate::values::invalid::Invalid;

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// The right to do one kind of action. Its name is stable: users and API keys are granted it by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
        pub enum Permission {
            $($(#[$doc])* #[schema(rename = $text)] $name,)+
        }

        impl Permission {
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

permissions! {
    CustomersRead = "customers:read",
    CustomersWrite = "customers:write",
    /// The right to set the credit limits of customers.
    CustomersCredit = "customers:credit",
    /// The right to take away for good what says who a customer was, where no law keeps it.
    CustomersAnonymise = "customers:anonymise",
    SuppliersRead = "suppliers:read",
    SuppliersWrite = "suppliers:write",
    ProductsRead = "products:read",
    ProductsWrite = "products:write",
    /// The right to see groups of customers and price lists, and to ask which price applies.
    PricesRead = "prices:read",
    PricesWrite = "prices:write",
    /// The right to see warehouses and the places in them.
    WarehousesRead = "warehouses:read",
    WarehousesWrite = "warehouses:write",
    /// The right to see orders. What customers pay for them, `orders:prices` shows.
    OrdersRead = "orders:read",
    /// The right to see what customers pay: prices and totals of orders, credit limits, and what is left of them.
    OrdersPrices = "orders:prices",
    /// The right to place, confirm and cancel orders.
    OrdersWrite = "orders:write",
    /// The right to ship orders, and to record that a shipment arrived.
    OrdersShip = "orders:ship",
    /// The right to let an order go on that was held because it passes its customer's credit limit.
    OrdersApprove = "orders:approve",
    /// The right to see what is in stock, and the ledger.
    StockRead = "stock:read",
    /// The right to receive goods, to transfer them, and to say when more should be ordered.
    StockWrite = "stock:write",
    /// The right to change what the books say is there: adjustments, write-offs.
    StockAdjust = "stock:adjust",
    /// The right to see what goods cost.
    StockCosts = "stock:costs",
    /// The right to see what was ordered from suppliers, and when it is expected. What it costs, `stock:costs` shows.
    PurchasesRead = "purchases:read",
    /// The right to order from suppliers, and to change and cancel that.
    PurchasesWrite = "purchases:write",
    InventoryRead = "inventory:read",
    /// The right to count: to plan and start inventory counts, to enter what was counted, to send them to review.
    InventoryCount = "inventory:count",
    /// The right to see what is expected of a blind count, to have lines counted again, to close counts and to cancel them.
    InventoryClose = "inventory:close",
    /// The right to see invoices, and what was paid of them.
    InvoicesRead = "invoices:read",
    /// The right to draft invoices, to change and delete drafts, to send what is validated, and to say that a customer disputes it.
    InvoicesWrite = "invoices:write",
    /// The right to validate invoices, which gives them their number: nobody changes them any more.
    InvoicesValidate = "invoices:validate",
    /// The right to see what customers paid, what they have open and what is left.
    PaymentsRead = "payments:read",
    /// The right to record payments, to reverse them, and to pay invoices with what is left.
    PaymentsWrite = "payments:write",
    /// The right to see VAT that is due and sales as invoiced, and to export entries for the accounts.
    AccountingRead = "accounting:read",
    /// The right to say on which accounts sales and payments are booked.
    AccountingWrite = "accounting:write",
    UsersRead = "users:read",
    UsersWrite = "users:write",
    ApiKeysRead = "api_keys:read",
    ApiKeysWrite = "api_keys:write",
    TenantRead = "tenant:read",
    TenantWrite = "tenant:write",
    AuditRead = "audit:read",
    EmailsRead = "emails:read",
    /// The right to send e-mails again, and to discard them.
    EmailsWrite = "emails:write",
    /// The right to read what is kept from the events: time lines, sales, activity.
    ReportsRead = "reports:read",
    /// The right to see the events that could not be applied to the reports.
    ProjectionsRead = "projections:read",
    /// The right to have them tried again, or passed over.
    ProjectionsWrite = "projections:write",
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Permission {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.iter().copied().find(|permission| permission.name() == text).ok_or_else(|| {
            Invalid::new(
                "unknown_permission",
                "this is not the name of a permission; GET /api/v1/roles lists them",
            )
        })
    }
}

/// A set of permissions, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PermissionSet(u64);

impl PermissionSet {
    pub const EMPTY: Self = Self(0);

    pub const fn of(permissions: &[Permission]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < permissions.len() {
            bits |= 1 << permissions[index] as u64;
            index += 1;
        }
        Self(bits)
    }

    pub fn all() -> Self {
        Self::of(Permission::ALL)
    }

    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u64) != 0
    }

    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The permissions that are in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub const fn is_subset_of(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.contains(*permission))
    }

    /// The permissions' names, as they are stored.
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Permission::name).collect()
    }

    /// Reads a stored set, and the names in it that this version does not know (an older replica beside a newer one).
    /// Unknown names give no right, but code that writes the set back must write them too.
    pub(crate) fn stored(names: &[Option<String>]) -> (Self, Vec<String>) {
        let mut unknown = Vec::new();
        let known = names.iter().flatten().filter_map(|name| match name.parse::<Permission>() {
            Ok(permission) => Some(permission),
            Err(_) => {
                unknown.push(name.clone());
                None
            }
        });
        (known.collect(), unknown)
    }

    /// Reads a stored set without its unknown names, to check permissions only.
    pub(crate) fn stored_known(names: &[Option<String>]) -> Self {
        Self::stored(names).0
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::EMPTY, |set, permission| set.with(Self::of(&[permission])))
    }
}

/// A user's function in the company; `GET /api/v1/roles` says what each may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Role {
    /// Manages users, keys and the company's own data, and may do everything else.
    Admin,
    /// Direction: the whole business and its records, without users and keys.
    Management,
    /// Commercial: customers and orders.
    Sales,
    /// Magasinier: the orders, and their shipment.
    Warehouse,
}

impl Role {
    pub const ALL: &'static [Self] = &[Self::Admin, Self::Management, Self::Sales, Self::Warehouse];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Management => "management",
            Self::Sales => "sales",
            Self::Warehouse => "warehouse",
        }
    }

    pub fn permissions(self) -> PermissionSet {
        use Permission::{
            AccountingRead, ApiKeysRead, AuditRead, CustomersCredit, CustomersRead, CustomersWrite,
            EmailsRead, InventoryClose, InventoryCount, InventoryRead, InvoicesRead, InvoicesValidate,
            InvoicesWrite, OrdersApprove, OrdersPrices, OrdersRead, OrdersShip, OrdersWrite, PaymentsRead,
            PaymentsWrite, PricesRead, PricesWrite, ProductsRead, ProductsWrite, ProjectionsRead,
            PurchasesRead, PurchasesWrite, ReportsRead, StockAdjust, StockCosts, StockRead, StockWrite,
            SuppliersRead, SuppliersWrite, TenantRead, UsersRead, WarehousesRead, WarehousesWrite,
        };
        match self {
            Self::Admin => PermissionSet::all(),
            Self::Management => PermissionSet::of(&[
                CustomersRead,
                CustomersWrite,
                CustomersCredit,
                SuppliersRead,
                SuppliersWrite,
                ProductsRead,
                ProductsWrite,
                PricesRead,
                PricesWrite,
                WarehousesRead,
                WarehousesWrite,
                OrdersRead,
                OrdersPrices,
                OrdersWrite,
                OrdersShip,
                OrdersApprove,
                StockRead,
                StockWrite,
                StockAdjust,
                StockCosts,
                PurchasesRead,
                PurchasesWrite,
                InventoryRead,
                InventoryCount,
                InventoryClose,
                InvoicesRead,
                InvoicesWrite,
                InvoicesValidate,
                PaymentsRead,
                PaymentsWrite,
                AccountingRead,
                UsersRead,
                ApiKeysRead,
                TenantRead,
                AuditRead,
                EmailsRead,
                ReportsRead,
                ProjectionsRead,
            ]),
            Self::Sales => PermissionSet::of(&[
                CustomersRead,
                CustomersWrite,
                ProductsRead,
                PricesRead,
                WarehousesRead,
                OrdersRead,
                OrdersPrices,
                OrdersWrite,
                StockRead,
                InvoicesRead,
                InvoicesWrite,
                PaymentsRead,
                TenantRead,
            ]),
            Self::Warehouse => PermissionSet::of(&[
                CustomersRead,
                SuppliersRead,
                ProductsRead,
                WarehousesRead,
                OrdersRead,
                OrdersShip,
                StockRead,
                StockWrite,
                StockAdjust,
                PurchasesRead,
                InventoryRead,
                InventoryCount,
                TenantRead,
            ]),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .iter()
            .copied()
            .find(|role| role.name() == text)
            .ok_or_else(|| Invalid::new("unknown_role", "expected admin, management, sales or warehouse"))
    }
}

pub(crate) fn stored_role(name: &str) -> Result<Role, Error> {
    name.parse().map_err(|_| Error::Stored { what: "a role", value: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_stored_set_the_known_names_count() {
        let names = ["orders:read", "moon:walk"].map(|name| Some(name.to_owned()));
        assert_eq!(PermissionSet::stored_known(&names).names(), ["orders:read"]);
    }

    #[test]
    fn a_set_holds_what_was_put_into_it() {
        let set = PermissionSet::of(&[Permission::OrdersRead, Permission::AuditRead]);
        assert_eq!(set.names(), ["orders:read", "audit:read"]);
        assert_eq!(set.without(PermissionSet::of(&[Permission::OrdersRead])).names(), ["audit:read"]);
        assert_eq!(set.and(Role::Sales.permissions()).names(), ["orders:read"]);
        assert!(set.is_subset_of(Role::Management.permissions()));
        assert!(!set.is_subset_of(Role::Sales.permissions()));
    }

    #[test]
    fn sets_that_overlap_are_joined_and_taken_apart_as_sets_are() {
        let (read, write, ship) = (Permission::OrdersRead, Permission::OrdersWrite, Permission::OrdersShip);
        let (one, other) = (PermissionSet::of(&[read, write]), PermissionSet::of(&[write, ship]));
        assert_eq!(one.with(other).names(), ["orders:read", "orders:write", "orders:ship"]);
        assert_eq!(one.without(other).names(), ["orders:read"]);
        assert_eq!(one.without(PermissionSet::EMPTY), one);
        assert_eq!(PermissionSet::of(&[read, read, write]), one, "twice is once");
        assert_eq!([write, read, write].into_iter().collect::<PermissionSet>(), one);
        assert_eq!(PermissionSet::default(), PermissionSet::EMPTY);
        for (set, wider, is_subset) in [
            (PermissionSet::EMPTY, PermissionSet::EMPTY, true),
            (PermissionSet::EMPTY, one, true),
            (one, one, true),
            (one, PermissionSet::EMPTY, false),
            (one, other, false),
            (one, PermissionSet::all(), true),
            (PermissionSet::all(), one, false),
        ] {
            assert_eq!(set.is_subset_of(wider), is_subset, "{:?} {:?}", set.names(), wider.names());
        }
    }

    #[test]
    fn every_permission_is_of_all_and_alone_in_a_set_of_its_own() {
        for permission in Permission::ALL.iter().copied() {
            let alone = PermissionSet::of(&[permission]);
            for other in Permission::ALL.iter().copied() {
                assert_eq!(alone.contains(other), other == permission, "{permission} {other}");
            }
            assert!(PermissionSet::all().contains(permission) && !PermissionSet::EMPTY.contains(permission));
            assert_eq!(permission.to_string(), permission.name());
        }
        assert_eq!(PermissionSet::all().iter().collect::<Vec<_>>(), Permission::ALL);
    }

    #[test]
    fn what_a_role_may_is_what_the_trade_gives_it() {
        for (role, expected) in [
            (Role::Admin, PermissionSet::all().names().join(" ")),
            (
                Role::Management,
                "customers:read customers:write customers:credit suppliers:read suppliers:write products:read products:write prices:read prices:write \
                 warehouses:read warehouses:write orders:read orders:prices orders:write orders:ship orders:approve stock:read stock:write stock:adjust stock:costs \
                 purchases:read purchases:write inventory:read inventory:count inventory:close invoices:read invoices:write invoices:validate payments:read \
                 payments:write accounting:read users:read api_keys:read tenant:read audit:read emails:read reports:read projections:read"
                    .to_owned(),
            ),
            (
                Role::Sales,
                "customers:read customers:write products:read prices:read warehouses:read orders:read orders:prices orders:write stock:read invoices:read \
                 invoices:write payments:read tenant:read"
                    .to_owned(),
            ),
            (
                Role::Warehouse,
                "customers:read suppliers:read products:read warehouses:read orders:read orders:ship stock:read stock:write \
                 stock:adjust purchases:read inventory:read inventory:count tenant:read"
                    .to_owned(),
            ),
        ] {
            assert_eq!(role.permissions().names().join(" "), expected, "{role}");
        }
        assert_eq!(
            Role::ALL.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            "admin management sales warehouse"
        );
    }

    #[test]
    fn who_only_prepares_orders_sees_no_amounts() {
        for amounts in [Permission::OrdersPrices, Permission::StockCosts] {
            assert!(!Role::Warehouse.permissions().contains(amounts), "{amounts}");
        }
        assert!(
            !Role::Sales.permissions().contains(Permission::StockCosts),
            "nor does who sells see what goods cost"
        );
    }

    #[test]
    fn names_are_read_back_and_unknown_ones_give_no_right() {
        for permission in Permission::ALL {
            assert_eq!(permission.name().parse(), Ok(*permission));
        }
        let stored = ["orders:read", "moon:walk"].map(|name| Some(name.to_owned()));
        let (known, unknown) = PermissionSet::stored(&stored);
        assert_eq!((known.names(), unknown), (vec!["orders:read"], vec!["moon:walk".to_owned()]));
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(*role));
        }
    }

    #[test]
    fn only_an_administrator_looks_after_users_keys_and_the_company() {
        for role in Role::ALL.iter().filter(|role| **role != Role::Admin) {
            for permission in [
                Permission::CustomersAnonymise,
                Permission::UsersWrite,
                Permission::ApiKeysWrite,
                Permission::TenantWrite,
            ] {
                assert!(!role.permissions().contains(permission), "{role} {permission}");
            }
        }
    }
}
