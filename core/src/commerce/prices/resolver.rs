//! Which price applies to a product, for a customer, a quantity and a day. Pure.
//!
//! The customer's own lists come first, then those of their group, then those for everybody. Of a list, the break with the highest quantity
//! that is reached applies; a list that begins at a higher quantity is passed over. Where no list applies, the product's own price does.

use std::collections::HashMap;
use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::aggregate::PriceTarget;
use super::entries::PriceBreak;
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{CustomerGroupId, CustomerId, PriceListId, ProductId};
use crate::values::invalid::Invalid;
use crate::values::money::{Quantity, UnitPrice};

/// Where the price of a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PriceSource {
    /// From a price list.
    List,
    /// The product's own.
    Product,
    /// Whoever wrote the line gave it.
    Given,
}

impl PriceSource {
    pub const ALL: [Self; 3] = [Self::List, Self::Product, Self::Given];

    /// Returns the name that is stored and published.
    pub const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Product => "product",
            Self::Given => "given",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }
}

/// Which price a line has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceOrigin {
    pub price_source: PriceSource,
    /// If it is a list's.
    pub price_list_id: Option<PriceListId>,
}

impl PriceOrigin {
    pub const GIVEN: Self = Self { price_source: PriceSource::Given, price_list_id: None };
    pub const PRODUCT: Self = Self { price_source: PriceSource::Product, price_list_id: None };

    pub const fn list(list: PriceListId) -> Self {
        Self { price_source: PriceSource::List, price_list_id: Some(list) }
    }

    /// Reads what is stored; `None` if it is not known.
    pub(crate) fn stored(source: Option<&str>, list: Option<PriceListId>) -> Option<Self> {
        let price_source = PriceSource::from_name(source?)?;
        Some(Self { price_source, price_list_id: list })
    }
}

/// Whose list a price comes from, the first to apply first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PriceScope {
    /// The customer's.
    Customer,
    /// That of the customer's group.
    Group,
    /// Everybody's.
    General,
}

/// The days on which a list is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ValidPeriod {
    /// `None` is without a beginning.
    pub from: Option<BusinessDate>,
    /// The first day on which it is not valid any more; `None` is without an end.
    pub to: Option<BusinessDate>,
}

impl ValidPeriod {
    /// # Errors
    /// `end_before_start` if no day is in it.
    pub fn new(from: Option<BusinessDate>, to: Option<BusinessDate>) -> Result<Self, Invalid> {
        match (from, to) {
            (Some(from), Some(to)) if to <= from => {
                let message =
                    format!("valid_to is the first day after the period: it lies after {from}, not on {to}");
                Err(Invalid::new("end_before_start", message))
            }
            _ => Ok(Self { from, to }),
        }
    }

    pub(crate) fn stored(from: Option<NaiveDate>, to: Option<NaiveDate>) -> Self {
        Self { from: from.map(BusinessDate::stored), to: to.map(BusinessDate::stored) }
    }

    pub fn contains(&self, day: BusinessDate) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day < to)
    }
}

impl fmt::Display for ValidPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (Some(from), Some(to)) => write!(f, "from {from} until before {to}"),
            (Some(from), None) => write!(f, "from {from} on"),
            (None, Some(to)) => write!(f, "until before {to}"),
            (None, None) => f.write_str("always"),
        }
    }
}

/// The price of a product in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPrice {
    pub list: PriceListId,
    pub target: PriceTarget,
    pub period: ValidPeriod,
    pub product: ProductId,
    pub breaks: Vec<PriceBreak>,
}

/// The price that applies, and why: the list, whose it is, and from which quantity on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedPrice {
    pub list: PriceListId,
    pub scope: PriceScope,
    pub from_quantity: Units,
    pub unit_price: UnitPrice,
}

/// Whose prices are asked for, and of which day.
#[derive(Debug, Clone, Copy)]
pub struct PriceQuestion {
    pub customer: Option<CustomerId>,
    pub group: Option<CustomerGroupId>,
    pub on: BusinessDate,
}

impl PriceQuestion {
    /// Whose list it is, if it is for this customer.
    fn scope(&self, target: PriceTarget) -> Option<PriceScope> {
        match target {
            PriceTarget::Customer(id) => (self.customer == Some(id)).then_some(PriceScope::Customer),
            PriceTarget::Group(id) => (self.group == Some(id)).then_some(PriceScope::Group),
            PriceTarget::Everybody => Some(PriceScope::General),
        }
    }
}

/// The prices of lists that may apply, for one customer and one day; by product, those that come first in front. Empty, it leaves each
/// product at its own price.
#[derive(Debug, Clone, Default)]
pub struct PriceBook(HashMap<ProductId, Vec<(PriceScope, ListedPrice)>>);

impl PriceBook {
    /// Of these prices, keeps those that are for this customer and valid on this day.
    pub fn of(asked: &PriceQuestion, listed: impl IntoIterator<Item = ListedPrice>) -> Self {
        let mut book: HashMap<ProductId, Vec<(PriceScope, ListedPrice)>> = HashMap::new();
        for price in listed {
            if let Some(scope) = asked.scope(price.target).filter(|_| price.period.contains(asked.on)) {
                book.entry(price.product).or_default().push((scope, price));
            }
        }
        book.values_mut().for_each(|prices| prices.sort_by_key(|(scope, price)| (*scope, price.list)));
        Self(book)
    }

    /// Returns the price of a list that applies to so many units; `None` if the product's own does.
    pub fn price(&self, product: ProductId, quantity: &Quantity) -> Option<AppliedPrice> {
        let quantity = Units::from(quantity);
        self.0.get(&product)?.iter().find_map(|(scope, price)| {
            let reached = price.breaks.iter().filter(|one| one.from_quantity <= quantity);
            let best = reached.max_by(|one, other| one.from_quantity.cmp(&other.from_quantity))?;
            Some(AppliedPrice {
                list: price.list,
                scope: *scope,
                from_quantity: best.from_quantity.clone(),
                unit_price: best.unit_price.clone(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn list(number: u128) -> PriceListId {
        PriceListId::from_uuid(Uuid::from_u128(number))
    }

    fn customer(number: u128) -> CustomerId {
        CustomerId::from_uuid(Uuid::from_u128(number))
    }

    fn group(number: u128) -> CustomerGroupId {
        CustomerGroupId::from_uuid(Uuid::from_u128(number))
    }

    fn tea() -> ProductId {
        ProductId::from_uuid(Uuid::from_u128(2))
    }

    fn day(text: &str) -> BusinessDate {
        BusinessDate::parse(text).expect("a day")
    }

    fn period(from: &str, to: &str) -> ValidPeriod {
        let day = |text: &str| BusinessDate::parse(text).ok();
        ValidPeriod::new(day(from), day(to)).expect("a period")
    }

    fn listed(
        number: u128,
        target: PriceTarget,
        period: ValidPeriod,
        breaks: &[(&str, &str)],
    ) -> ListedPrice {
        let one = |(from, price): &(&str, &str)| PriceBreak {
            from_quantity: Units::parse(from).expect("a quantity"),
            unit_price: UnitPrice::parse(price).expect("a price"),
        };
        ListedPrice {
            list: list(number),
            target,
            period,
            product: tea(),
            breaks: breaks.iter().map(one).collect(),
        }
    }

    /// The lists of a customer, of a group, and of everybody.
    fn lists() -> Vec<ListedPrice> {
        let year = period("2026-01-01", "2027-01-01");
        vec![
            listed(30, PriceTarget::Everybody, year, &[("0", "9.00"), ("100", "8.00")]),
            listed(20, PriceTarget::Group(group(7)), year, &[("10", "8.50"), ("50", "7.50")]),
            listed(
                10,
                PriceTarget::Customer(customer(1)),
                period("2026-06-01", "2026-07-01"),
                &[("20", "7.00")],
            ),
            listed(11, PriceTarget::Customer(customer(1)), period("2026-07-01", ""), &[("20", "6.00")]),
        ]
    }

    #[test]
    fn the_customers_list_comes_first_then_the_groups_then_everybodys_and_the_highest_break_that_is_reached()
    {
        for (who, in_group, quantity, on, expected) in [
            // Nobody in particular.
            (None, None, "1", "2026-03-01", "30 general 0 9.00"),
            (None, None, "99.999999", "2026-03-01", "30 general 0 9.00"),
            (None, None, "100", "2026-03-01", "30 general 100 8.00"),
            // Of a group, whose list begins at ten.
            (Some(2), Some(7), "9", "2026-03-01", "30 general 0 9.00"),
            (Some(2), Some(7), "10", "2026-03-01", "20 group 10 8.50"),
            (Some(2), Some(7), "50", "2026-03-01", "20 group 50 7.50"),
            // The group's comes before everybody's, even where that would be less.
            (Some(2), Some(7), "100", "2026-03-01", "20 group 50 7.50"),
            (Some(2), Some(8), "50", "2026-03-01", "30 general 0 9.00"),
            // With a list of their own, which begins at twenty, and is another one from July on.
            (Some(1), Some(7), "20", "2026-05-31", "20 group 10 8.50"),
            (Some(1), Some(7), "20", "2026-06-01", "10 customer 20 7.00"),
            (Some(1), Some(7), "20", "2026-06-30", "10 customer 20 7.00"),
            (Some(1), Some(7), "20", "2026-07-01", "11 customer 20 6.00"),
            (Some(1), Some(7), "19", "2026-07-01", "20 group 10 8.50"),
            (Some(1), None, "19", "2026-07-01", "30 general 0 9.00"),
            // The first day of the year, and the first one after it.
            (None, None, "1", "2026-01-01", "30 general 0 9.00"),
            (None, None, "1", "2025-12-31", ""),
            (None, None, "1", "2027-01-01", ""),
            (Some(1), Some(7), "20", "2027-01-01", "11 customer 20 6.00"),
        ] {
            let asked =
                PriceQuestion { customer: who.map(customer), group: in_group.map(group), on: day(on) };
            let quantity = Quantity::parse(quantity).expect("a quantity");
            let found = PriceBook::of(&asked, lists()).price(tea(), &quantity).map(|applied| {
                let scope = format!("{:?}", applied.scope).to_lowercase();
                let list = applied.list.uuid().as_u128();
                format!("{list} {scope} {} {}", applied.from_quantity, applied.unit_price)
            });
            assert_eq!(found.unwrap_or_default(), expected, "{who:?} {in_group:?} {quantity} {on}");
        }
    }

    #[test]
    fn a_product_that_is_in_no_list_has_its_own_price() {
        let asked = PriceQuestion { customer: Some(customer(1)), group: None, on: day("2026-06-01") };
        let one = Quantity::parse("1").expect("a quantity");
        let other = ProductId::from_uuid(Uuid::from_u128(3));
        assert_eq!(PriceBook::of(&asked, lists()).price(other, &one), None);
        assert_eq!(PriceBook::default().price(tea(), &one), None);
    }

    #[test]
    fn a_period_has_a_day_at_least_and_says_in_words_which_ones() {
        let refused = ValidPeriod::new(Some(day("2026-02-01")), Some(day("2026-02-01"))).expect_err("no day");
        assert_eq!(refused.code, "end_before_start");
        for (from, to, words) in [
            ("2026-01-01", "2026-02-01", "from 2026-01-01 until before 2026-02-01"),
            ("2026-01-01", "", "from 2026-01-01 on"),
            ("", "2026-02-01", "until before 2026-02-01"),
            ("", "", "always"),
        ] {
            assert_eq!(period(from, to).to_string(), words);
        }
    }

    #[test]
    fn the_names_of_sources_are_read_back() {
        for source in PriceSource::ALL {
            assert_eq!(PriceSource::from_name(source.name()), Some(source));
        }
        assert_eq!(PriceOrigin::stored(None, None), None);
        assert_eq!(PriceOrigin::stored(Some("list"), Some(list(1))), Some(PriceOrigin::list(list(1))));
    }
}
