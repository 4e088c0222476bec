//! The order in which a unit of work locks rows. Whoever needs several takes them in this order, so that of two units of work that
//! need the same rows one waits for the other, and never each for the other.

/// The kinds of rows, the first to be locked in front. Where several of one kind are locked, their repository has one order for them.
/// A row that is inserted locks those that its foreign keys name, as `FOR KEY SHARE` would: whoever inserts says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Locked {
    Tenant,
    User,
    UserToken,
    LoginAttempts,
    Session,
    ApiKey,
    Product,
    Customer,
    Supplier,
    Order,
}

/// What a unit of work has locked last. In builds with debug assertions, as in the tests, it sees to the order.
#[derive(Debug, Default)]
pub(crate) struct LockOrder(Option<Locked>);

impl LockOrder {
    pub(crate) fn locks(&mut self, kind: Locked) {
        debug_assert!(self.0 <= Some(kind), "{kind:?} is locked after {:?}: see lock_order.rs", self.0);
        self.0 = Some(kind);
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
    #[should_panic(expected = "User is locked after Some(Session)")]
    fn whoever_locks_against_the_order_is_found() {
        let mut order = LockOrder::default();
        order.locks(Locked::Session);
        order.locks(Locked::User);
    }
}
