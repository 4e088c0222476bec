//! What keeps a customer from being anonymised, and until when (docs/retention.md).

use chrono::{Datelike, NaiveDate};

use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::Money;
use crate::values::text::text;

text!(
    /// Why a customer is anonymised.
    AnonymisationReason, "a reason", 500
);

/// How long documents and ledgers are kept, in years from the end of the year they are of: Code de commerce, article L123-22.
const YEARS: i32 = 10;
/// What stands in place of the name.
pub(super) const NAME: &str = "Anonymised customer";
/// What stands in place of the e-mail address. Nothing is ever sent to it: the domain cannot exist (RFC 2606).
pub(super) const EMAIL: &str = "anonymised@customer.invalid";

/// What is known of a customer's trade.
#[derive(Debug, Clone)]
pub(super) struct Trade {
    pub(super) open_orders: i64,
    /// When goods last left for the customer.
    pub(super) last_shipment: Option<NaiveDate>,
    /// Invoices and credit notes of which something is open.
    pub(super) open_invoices: i64,
    /// The date of the last invoice or credit note.
    pub(super) last_invoice: Option<NaiveDate>,
    /// What of payments pays nothing yet.
    pub(super) credit: Money,
    pub(super) last_payment: Option<NaiveDate>,
}

/// A reason to keep a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeper {
    OpenOrders(i64),
    OpenInvoices(i64),
    Credit(Money),
    /// With the last day on which they are kept, as below.
    Shipments(NaiveDate),
    Invoices(NaiveDate),
    Payments(NaiveDate),
}

impl Keeper {
    fn code(&self) -> &'static str {
        match self {
            Self::OpenOrders(_) => "open_orders",
            Self::OpenInvoices(_) => "open_invoices",
            Self::Credit(_) => "customer_credit",
            Self::Shipments(_) => "kept_shipments",
            Self::Invoices(_) => "kept_invoices",
            Self::Payments(_) => "kept_payments",
        }
    }

    fn until(&self) -> Option<NaiveDate> {
        match self {
            Self::OpenOrders(_) | Self::OpenInvoices(_) | Self::Credit(_) => None,
            Self::Shipments(until) | Self::Invoices(until) | Self::Payments(until) => Some(*until),
        }
    }

    fn message(&self) -> String {
        match self {
            Self::OpenOrders(number) => format!("by open orders ({number}): deliver or cancel them"),
            Self::OpenInvoices(number) => {
                format!("by invoices or credit notes that are not settled ({number})")
            }
            Self::Credit(amount) => {
                format!("by {amount} that was paid and pays nothing yet: use it, or pay it back")
            }
            Self::Shipments(until) => format!("until {until} by what was shipped"),
            Self::Invoices(until) => format!("until {until} by invoices"),
            Self::Payments(until) => format!("until {until} by payments"),
        }
    }

    pub(super) fn field(&self) -> FieldError {
        let field = Invalid::new(self.code(), self.message()).at("");
        FieldError { kept_until: self.until().map(|until| until.to_string().into()), ..field }
    }
}

/// Returns all reasons in one sentence.
pub(super) fn words(keepers: &[Keeper]) -> String {
    keepers.iter().map(Keeper::message).collect::<Vec<_>>().join("; ")
}

/// Returns what keeps a customer with this trade; nothing if no law does.
pub(super) fn keepers(trade: &Trade, today: NaiveDate) -> Vec<Keeper> {
    let kept = |date: Option<NaiveDate>| date.map(kept_until).filter(|until| today <= *until);
    [
        (trade.open_orders > 0).then_some(Keeper::OpenOrders(trade.open_orders)),
        (trade.open_invoices > 0).then_some(Keeper::OpenInvoices(trade.open_invoices)),
        (!trade.credit.is_zero()).then(|| Keeper::Credit(trade.credit.clone())),
        kept(trade.last_shipment).map(Keeper::Shipments),
        kept(trade.last_invoice).map(Keeper::Invoices),
        kept(trade.last_payment).map(Keeper::Payments),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Returns the last day on which a document of this date is kept.
fn kept_until(date: NaiveDate) -> NaiveDate {
    NaiveDate::from_ymd_opt(date.year() + YEARS, 12, 31).unwrap_or(NaiveDate::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn nothing() -> Trade {
        Trade {
            open_orders: 0,
            last_shipment: None,
            open_invoices: 0,
            last_invoice: None,
            credit: Money::zero(),
            last_payment: None,
        }
    }

    #[test]
    fn documents_are_kept_to_the_end_of_the_tenth_year_after_theirs() {
        let trade = Trade { last_invoice: Some(day("2026-03-14")), ..nothing() };
        assert_eq!(keepers(&trade, day("2036-12-31")), [Keeper::Invoices(day("2036-12-31"))]);
        assert!(keepers(&trade, day("2037-01-01")).is_empty());
        let trade =
            Trade { last_shipment: Some(day("2027-01-01")), last_payment: Some(day("2025-12-31")), ..trade };
        assert_eq!(
            keepers(&trade, day("2036-06-01")),
            [Keeper::Shipments(day("2037-12-31")), Keeper::Invoices(day("2036-12-31"))]
        );
    }

    #[test]
    fn what_is_open_keeps_a_customer_however_old_it_is() {
        let credit = Money::parse("0.01").expect("valid");
        let trade = Trade { open_orders: 2, open_invoices: 1, credit: credit.clone(), ..nothing() };
        let kept = keepers(&trade, day("2099-01-01"));
        assert_eq!(kept, [Keeper::OpenOrders(2), Keeper::OpenInvoices(1), Keeper::Credit(credit)]);
        assert!(kept.iter().all(|keeper| keeper.field().kept_until.is_none()));
    }

    #[test]
    fn who_never_bought_anything_is_kept_by_nothing() {
        assert!(keepers(&nothing(), day("2026-01-01")).is_empty());
    }

    #[test]
    fn a_refusal_names_what_keeps_and_until_when() {
        let kept = [Keeper::OpenOrders(1), Keeper::Invoices(day("2036-12-31"))];
        assert_eq!(words(&kept), "by open orders (1): deliver or cancel them; until 2036-12-31 by invoices");
        let field = kept[1].field();
        assert_eq!((field.code, field.kept_until.as_deref()), ("kept_invoices", Some("2036-12-31")));
    }
}
