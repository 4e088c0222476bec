//! How a payment is spread over invoices. Pure: nothing is lost, and no invoice gets more than is open of it.

use crate::values::business_date::BusinessDate;
use crate::values::ids::InvoiceId;
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::Money;

/// An invoice of which something is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) invoice_id: InvoiceId,
    pub(super) due_on: BusinessDate,
    /// More than zero.
    pub(super) open: Money,
}

/// What a payment is to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// These invoices, in this order, each with this amount or as much as goes.
    Named(Vec<(InvoiceId, Option<Money>)>),
    /// What has been due for the longest time, first.
    Oldest,
}

/// What a payment pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spread {
    /// Each invoice once, each amount more than zero.
    pub(super) parts: Vec<(InvoiceId, Money)>,
    /// What pays nothing yet: credit of the customer.
    pub(super) rest: Money,
}

/// Spreads an amount over invoices. `open` are those that are in question.
///
/// # Errors
/// Fails with every named invoice of which nothing is open, that is named twice, or for which more is named than is open of it or left of the amount.
pub(super) fn spread(amount: &Money, wanted: &Wanted, open: &[Open]) -> Result<Spread, Vec<FieldError>> {
    match wanted {
        Wanted::Named(named) => spread_named(amount, named, open),
        Wanted::Oldest => {
            let mut by_age: Vec<&Open> = open.iter().collect();
            by_age.sort_by_key(|one| (one.due_on, one.invoice_id));
            let mut rest = amount.clone();
            let mut parts = Vec::new();
            for one in by_age {
                let part = smaller(&rest, &one.open);
                if part.is_zero() {
                    continue;
                }
                rest = rest.minus(&part);
                parts.push((one.invoice_id, part));
            }
            Ok(Spread { parts, rest })
        }
    }
}

fn spread_named(
    amount: &Money,
    named: &[(InvoiceId, Option<Money>)],
    open: &[Open],
) -> Result<Spread, Vec<FieldError>> {
    let mut faults = Vec::new();
    let mut rest = amount.clone();
    let mut parts: Vec<(InvoiceId, Money)> = Vec::new();
    for (index, (id, wanted)) in named.iter().enumerate() {
        let mut refuse = |member: &str, code, message: String, available: Option<&Money>| {
            let mut fault = Invalid::new(code, message).at(format!("/invoices/{index}/{member}"));
            fault.available = available.map(|there| there.to_string().into());
            faults.push(fault);
        };
        if parts.iter().any(|(other, _)| other == id) {
            refuse("invoice_id", "named_twice", "each invoice is named once".to_owned(), None);
            continue;
        }
        let Some(there) = open.iter().find(|one| one.invoice_id == *id).map(|one| &one.open) else {
            let message = format!("the customer has no invoice {id} of which something is open");
            refuse("invoice_id", "nothing_open", message, None);
            continue;
        };
        let part = wanted.clone().unwrap_or_else(|| smaller(&rest, there));
        if part.value() > there.value() {
            refuse("amount", "exceeds_open", format!("{there} is open, not {part}"), Some(there));
        } else if part.value() > rest.value() {
            let message = format!("{rest} is left of the payment, not {part}");
            refuse("amount", "exceeds_payment", message, Some(&rest));
        } else {
            rest = rest.minus(&part);
            parts.push((*id, part));
        }
    }
    parts.retain(|(_, part)| !part.is_zero());
    if faults.is_empty() { Ok(Spread { parts, rest }) } else { Err(faults) }
}

fn smaller(one: &Money, other: &Money) -> Money {
    if one.value() <= other.value() { one.clone() } else { other.clone() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> InvoiceId {
        InvoiceId::from_uuid(Uuid::from_u128(number))
    }

    fn money(text: &str) -> Money {
        Money::parse(text).expect("an amount")
    }

    fn open(number: u128, due_on: &str, amount: &str) -> Open {
        let due_on = BusinessDate::parse(due_on).expect("a date");
        Open { invoice_id: id(number), due_on, open: money(amount) }
    }

    fn three() -> [Open; 3] {
        [open(1, "2026-03-01", "10.00"), open(2, "2026-01-01", "20.00"), open(3, "2026-02-01", "0.01")]
    }

    fn parts(spread: &Spread) -> Vec<(u128, String)> {
        spread.parts.iter().map(|(id, amount)| (id.uuid().as_u128(), amount.to_string())).collect()
    }

    #[test]
    fn the_oldest_is_paid_first_and_the_rest_is_credit() {
        let found = spread(&money("25.00"), &Wanted::Oldest, &three()).expect("spread");
        let expected = [(2, "20.00".to_owned()), (3, "0.01".to_owned()), (1, "4.99".to_owned())];
        assert_eq!((parts(&found), found.rest.to_string()), (expected.to_vec(), "0.00".to_owned()));
        let more = spread(&money("100.00"), &Wanted::Oldest, &three()).expect("spread");
        assert_eq!((more.parts.len(), more.rest.to_string()), (3, "69.99".to_owned()));
        let nothing = spread(&money("5.00"), &Wanted::Oldest, &[]).expect("spread");
        assert_eq!((nothing.parts.len(), nothing.rest.to_string()), (0, "5.00".to_owned()));
    }

    #[test]
    fn named_invoices_get_what_is_named_or_as_much_as_goes() {
        let named = Wanted::Named(vec![(id(1), None), (id(2), Some(money("3.00")))]);
        let found = spread(&money("15.00"), &named, &three()).expect("spread");
        assert_eq!(parts(&found), [(1, "10.00".to_owned()), (2, "3.00".to_owned())]);
        assert_eq!(found.rest.to_string(), "2.00");
    }

    #[test]
    fn nothing_is_named_that_is_not_open() {
        let named = Wanted::Named(vec![
            (id(1), Some(money("10.01"))),
            (id(2), Some(money("20.00"))),
            (id(2), None),
            (id(9), None),
            (id(3), Some(money("0.01"))),
        ]);
        let faults = spread(&money("20.00"), &named, &three()).expect_err("refused");
        let found: Vec<_> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
        assert_eq!(
            found,
            [
                ("/invoices/0/amount", "exceeds_open"),
                ("/invoices/2/invoice_id", "named_twice"),
                ("/invoices/3/invoice_id", "nothing_open"),
                ("/invoices/4/amount", "exceeds_payment"),
            ]
        );
        assert_eq!(faults[0].available.as_deref(), Some("10.00"));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nobody_gets_too_much(amount in 1u32..1_000_000, opens in prop::collection::vec(1u32..100_000, 0..20)) {
            let cents = |cents: u32| money(&format!("{}.{:02}", cents / 100, cents % 100));
            let opens: Vec<_> = opens.into_iter().zip(1..).map(|(open, number)| Open {
                invoice_id: id(number),
                due_on: BusinessDate::parse("2026-01-01").expect("a date"),
                open: cents(open),
            }).collect();
            let amount = cents(amount);
            let found = spread(&amount, &Wanted::Oldest, &opens).expect("spread");
            let paid: Money = found.parts.iter().map(|(_, part)| part).sum();
            prop_assert_eq!(&paid.plus(&found.rest), &amount);
            for (id, part) in &found.parts {
                let one = opens.iter().find(|one| one.invoice_id == *id).expect("one of them");
                prop_assert!(part.value() <= one.open.value() && !part.is_zero());
            }
            // Something is left only if nothing is open.
            let all: Money = opens.iter().map(|one| &one.open).sum();
            prop_assert!(found.rest.is_zero() || all.value() < amount.value());
        }
    }
}
