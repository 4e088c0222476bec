//! What is invoiced of orders. Nothing is invoiced twice: what all drafts and invoices claim of an order's line together is never more than has left of it and has not
//! come back. Pure.

use std::collections::{BTreeSet, HashMap};

use bigdecimal::BigDecimal;

use super::content::InvoiceKind;
use super::draft::{Draft, Source};
use crate::commerce::credit::Moved;
use crate::values::goods::Units;
use crate::values::ids::OrderId;
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::Quantity;

/// What a line of an invoice claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The invoice's line; counts from 1.
    pub line: i16,
    pub source: Source,
    pub quantity: Quantity,
}

/// What can be invoiced of the lines of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What has left and not come back.
    Left,
    /// What was ordered, will leave or has left, and has not come back.
    Ordered,
    /// What has left and not come back, or is reserved: that can leave.
    Reserved,
}

impl Extent {
    /// The code of a claim that goes beyond it, and what it is, for people.
    const fn refusal(self) -> (&'static str, &'static str) {
        match self {
            Self::Left => ("exceeds_shipped", "have left"),
            Self::Ordered => ("exceeds_order", "were ordered"),
            Self::Reserved => ("insufficient_stock", "have left or are reserved"),
        }
    }
}

/// The orders of which something is claimed, in the order in which they are locked.
pub(super) fn orders_of(claims: &[Claim]) -> Vec<OrderId> {
    let orders: BTreeSet<OrderId> = claims.iter().map(|claim| claim.source.order_id).collect();
    orders.into_iter().collect()
}

/// What claims take of orders, as the exposure of the customer counts it.
pub(super) fn moved(claims: &[Claim]) -> Vec<Moved> {
    let one = |claim: &Claim| Moved {
        order_id: claim.source.order_id,
        position: claim.source.position,
        quantity: claim.quantity.value().clone(),
    };
    claims.iter().map(one).collect()
}

/// The claims of a draft. A credit note has none: it names an invoice.
pub fn claims(draft: &Draft) -> Vec<Claim> {
    if draft.kind() != InvoiceKind::Invoice {
        return Vec::new();
    }
    let of_line = |(line, given): (i16, &super::draft::DraftLine)| {
        Some(Claim { line, source: given.source?, quantity: given.quantity.clone() })
    };
    (1..).zip(&draft.lines).filter_map(of_line).collect()
}

/// What can be invoiced of the lines of orders, without what others claim.
pub type Invoiceable = HashMap<Source, Units>;

/// Compares claims with what can be invoiced. Several lines may claim of one.
///
/// # Errors
/// Fails with every line that claims too much, and how much there is.
pub fn check(claims: &[Claim], invoiceable: &Invoiceable, extent: Extent) -> Result<(), Vec<FieldError>> {
    let (code, what) = extent.refusal();
    let mut left = invoiceable.clone();
    let mut faults = Vec::new();
    for claim in claims {
        let there = left.get(&claim.source).cloned().unwrap_or_else(Units::zero);
        match there.minus(&Units::from(&claim.quantity)) {
            Some(rest) => {
                left.insert(claim.source, rest);
            }
            None => {
                let message = format!("{there} {what} and are not invoiced yet, not {}", claim.quantity);
                let pointer = format!("/lines/{}/quantity", claim.line - 1);
                let mut fault = Invalid::new(code, message).at(pointer);
                fault.available = Some(there.to_string().into());
                faults.push(fault);
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// A part of an order's line that is to be invoiced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub source: Source,
    pub quantity: Quantity,
}

/// Takes what is wanted of each line, as far as it can be invoiced, in the order in which it is wanted. `None` stands for all there is.
pub fn take(wanted: &[(Source, Option<Units>)], invoiceable: &Invoiceable) -> Vec<Part> {
    let mut left = invoiceable.clone();
    let mut parts: Vec<Part> = Vec::new();
    for (source, most) in wanted {
        let there = left.get(source).cloned().unwrap_or_else(Units::zero);
        let taken = most.clone().map_or_else(|| there.clone(), |most| most.min(there.clone()));
        if taken.is_zero() {
            continue;
        }
        left.insert(*source, there.less(&taken));
        let value: BigDecimal = taken.value().clone();
        match parts.iter_mut().find(|part| part.source == *source) {
            Some(part) => part.quantity = Quantity::stored(part.quantity.value() + value),
            None => parts.push(Part { source: *source, quantity: Quantity::stored(value) }),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn source(position: i16) -> Source {
        Source { order_id: OrderId::from_uuid(Uuid::from_u128(1)), position }
    }

    fn units(text: &str) -> Units {
        Units::parse(text).expect("an amount")
    }

    fn claim(line: i16, position: i16, quantity: &str) -> Claim {
        Claim { line, source: source(position), quantity: Quantity::parse(quantity).expect("a quantity") }
    }

    #[test]
    fn nothing_is_claimed_that_has_not_left() {
        let invoiceable = Invoiceable::from([(source(1), units("5")), (source(2), units("0"))]);
        assert_eq!(check(&[claim(1, 1, "2"), claim(2, 1, "3")], &invoiceable, Extent::Left), Ok(()));
        let claims = [claim(1, 1, "2"), claim(2, 1, "3.5"), claim(3, 2, "1"), claim(4, 9, "1")];
        let faults = check(&claims, &invoiceable, Extent::Left).expect_err("refused");
        let reserved = check(&claims[1..2], &Invoiceable::new(), Extent::Reserved).expect_err("refused");
        assert_eq!((faults[0].code, reserved[0].code), ("exceeds_shipped", "insufficient_stock"));
        let found: Vec<_> =
            faults.iter().map(|fault| (fault.pointer.as_str(), fault.available.as_deref())).collect();
        assert_eq!(
            found,
            [
                ("/lines/1/quantity", Some("3")),
                ("/lines/2/quantity", Some("0")),
                ("/lines/3/quantity", Some("0")),
            ]
        );
    }

    #[test]
    fn what_is_wanted_is_taken_as_far_as_it_goes() {
        let invoiceable = Invoiceable::from([(source(1), units("5")), (source(2), units("1.5"))]);
        let taken = |wanted: &[(i16, Option<&str>)]| {
            let wanted: Vec<_> =
                wanted.iter().map(|(position, most)| (source(*position), most.map(units))).collect();
            let parts = take(&wanted, &invoiceable).into_iter();
            parts.map(|part| format!("{}: {}", part.source.position, part.quantity)).collect::<Vec<_>>()
        };
        assert_eq!(taken(&[(1, None), (2, None), (3, None)]), ["1: 5", "2: 1.5"]);
        assert_eq!(taken(&[(1, Some("2")), (2, Some("2")), (1, Some("2"))]), ["1: 4", "2: 1.5"]);
        assert_eq!(taken(&[(1, Some("4")), (1, Some("4"))]), ["1: 5"]);
    }

    #[test]
    fn what_is_claimed_is_counted_by_order() {
        let other = Source { order_id: OrderId::from_uuid(Uuid::from_u128(0)), position: 7 };
        let claims = [claim(1, 2, "3"), Claim { source: other, ..claim(2, 1, "1.5") }, claim(3, 2, "1")];
        assert_eq!(orders_of(&claims), [other.order_id, source(2).order_id], "in the order of the locks");
        let moved: Vec<_> =
            moved(&claims).iter().map(|one| format!("{} {}", one.position, one.quantity)).collect();
        assert_eq!(moved, ["2 3", "7 1.5", "2 1"]);
    }
}
