//! The order in which every unit of work locks rows. Of two units of work that need the same rows, one waits for the
//! other; they never wait for each other.

/// The kinds of rows, in the order in which they are locked. Several rows of one kind are locked in an order that their
/// repository defines. An inserted row locks the rows that its foreign keys name, as `FOR KEY SHARE` would: the code
/// that inserts it reports these locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Locked {
    Import,
    ImportRow,
    ProjectionMessage,
    Tenant,
    User,
    Operator,
    UserToken,
    LoginAttempts,
    Session,
    OperatorSession,
    ApiKey,
    Warehouse,
    Location,
    InventoryCount,
    Category,
    Product,
    Customer,
    /// A customer or a price list refers to it.
    CustomerGroup,
    PriceList,
    Supplier,
    PurchaseOrder,
    Invoice,
    Order,
    /// Its order is locked before it.
    Shipment,
    /// A warehouse's row once more, as those lock it who make new levels of stock in it, and who freeze its stock (stock/gate.rs). Nobody
    /// who has locked it as a warehouse waits for anything between.
    OpenedStock,
    Stock,
    InventoryCountLine,
    /// The head of a series of invoices: from here on no other invoice of the series gets a number, until the commit.
    InvoiceSeries,
    Email,
}

/// The locks that a unit of work has taken. Builds with debug assertions, such as the tests, check their order.
#[derive(Debug, Default)]
pub(crate) struct LockOrder {
    last: Option<Locked>,
    kinds: Vec<Locked>,
}

impl LockOrder {
    pub(crate) fn locks(&mut self, kind: Locked) {
        debug_assert!(self.last <= Some(kind), "{kind:?} is locked after {:?}: see lock_order.rs", self.last);
        self.last = Some(kind);
        if cfg!(debug_assertions) {
            self.kinds.push(kind);
        }
    }

    /// Notes that rows that are locked already get a stronger lock. It is allowed out of order only if every unit of
    /// work that takes both locks takes the weaker one first, and the stronger one in an order of its own. Example: the
    /// products of a first order are locked against deletion, then marked as ordered.
    pub(crate) fn strengthens(&mut self, kind: Locked) {
        debug_assert!(self.kinds.contains(&kind), "{kind:?} is not locked yet: see lock_order.rs");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_may_be_locked_in_the_order_and_of_one_kind_again() {
        let mut order = LockOrder::default();
        for kind in [Locked::Tenant, Locked::User, Locked::User, Locked::Order] {
            order.locks(kind);
        }
    }

    #[test]
    fn rows_that_are_locked_may_be_locked_more_strongly() {
        let mut order = LockOrder::default();
        for kind in [Locked::Product, Locked::Customer] {
            order.locks(kind);
        }
        order.strengthens(Locked::Product);
        order.locks(Locked::Order);
    }

    #[test]
    #[should_panic(expected = "Product is not locked yet")]
    fn rows_that_are_not_locked_cannot_be_locked_more_strongly() {
        LockOrder::default().strengthens(Locked::Product);
    }

    #[test]
    #[should_panic(expected = "User is locked after Some(Session)")]
    fn whoever_locks_against_the_order_is_found() {
        let mut order = LockOrder::default();
        order.locks(Locked::Session);
        order.locks(Locked::User);
    }
}
