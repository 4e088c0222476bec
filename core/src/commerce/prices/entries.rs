//! The price of a product in a list: breaks, each with the quantity from which it applies.

use serde::Serialize;

use crate::values::goods::Units;
use crate::values::ids::ProductId;
use crate::values::invalid::Invalid;
use crate::values::money::UnitPrice;

/// The maximum number of breaks of one product in one list.
pub const MAX_BREAKS: usize = 20;

/// From so many units on, each costs so much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceBreak {
    /// Zero if it applies to any quantity.
    pub from_quantity: Units,
    pub unit_price: UnitPrice,
}

/// The price of a product in a list; without breaks, it has none there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceEntry {
    pub product_id: ProductId,
    /// The smallest quantity first.
    pub breaks: Vec<PriceBreak>,
}

/// Puts breaks in order.
///
/// # Errors
/// `too_many` if there are more than 20, `duplicate_break` if two begin at one quantity.
pub(super) fn sorted(mut breaks: Vec<PriceBreak>) -> Result<Vec<PriceBreak>, Invalid> {
    if breaks.len() > MAX_BREAKS {
        let message = format!("a product has at most {MAX_BREAKS} breaks in a list, not {}", breaks.len());
        return Err(Invalid::new("too_many", message));
    }
    breaks.sort_by(|one, other| one.from_quantity.cmp(&other.from_quantity));
    let twice = breaks.windows(2).find_map(|pair| match pair {
        [one, other] if one.from_quantity == other.from_quantity => Some(&one.from_quantity),
        _ => None,
    });
    match twice {
        Some(quantity) => Err(Invalid::new(
            "duplicate_break",
            format!("two breaks begin at {quantity}: name each quantity once"),
        )),
        None => Ok(breaks),
    }
}

/// Puts one break among others, in place of the one that begins at its quantity.
pub(super) fn with_break(mut breaks: Vec<PriceBreak>, one: PriceBreak) -> Vec<PriceBreak> {
    breaks.retain(|other| other.from_quantity != one.from_quantity);
    breaks.push(one);
    breaks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(from: &str, price: &str) -> PriceBreak {
        PriceBreak {
            from_quantity: Units::parse(from).expect("a quantity"),
            unit_price: UnitPrice::parse(price).expect("a price"),
        }
    }

    #[test]
    fn breaks_are_in_order_of_their_quantities_each_named_once() {
        let ordered = sorted(vec![one("10", "8"), one("0", "9"), one("2.5", "8.5")]).expect("valid");
        assert_eq!(ordered, [one("0", "9"), one("2.5", "8.5"), one("10", "8")]);
        let code = |breaks| sorted(breaks).map_err(|refused| refused.code);
        assert_eq!(code(vec![one("1", "9"), one("1.000", "8")]), Err("duplicate_break"));
        let many = (0..21).map(|number| one(&number.to_string(), "1")).collect();
        assert_eq!(code(many), Err("too_many"));
        assert_eq!(code(vec![]), Ok(vec![]));
    }

    #[test]
    fn a_break_takes_the_place_of_the_one_at_its_quantity() {
        let breaks = with_break(vec![one("0", "9"), one("10", "8")], one("10.0", "7"));
        assert_eq!(sorted(breaks), Ok(vec![one("0", "9"), one("10", "7")]));
        assert_eq!(with_break(vec![], one("5", "1")), [one("5", "1")]);
    }
}
