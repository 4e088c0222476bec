//! What an invoice says of one category and rate of VAT, taken apart: into goods and services, because their VAT is due at different times, and into sales and
//! deposits, which are no sales. Pure.

use bigdecimal::BigDecimal;

use crate::commerce::invoices::totals::share;
use crate::values::money::Money;

/// A base and the VAT on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taxed {
    pub(super) base: Money,
    pub(super) tax: Money,
}

impl Taxed {
    pub(super) fn zero() -> Self {
        Self { base: Money::zero(), tax: Money::zero() }
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        Self { base: self.base.plus(&other.base), tax: self.tax.plus(&other.tax) }
    }

    pub(super) fn negated(&self) -> Self {
        Self { base: self.base.negated(), tax: self.tax.negated() }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.base.is_zero() && self.tax.is_zero()
    }
}

/// The sums of an invoice's lines of one category and rate, and its VAT of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) category: String,
    /// `None` if and only if the category is O.
    pub(super) rate: Option<BigDecimal>,
    /// With the discounts and charges of the document, of which nobody says whether they are of goods or of services.
    pub(super) whole: Taxed,
    /// Lines of goods, and of services, without those of deposits.
    pub(super) goods: Money,
    pub(super) services: Money,
    /// Lines that take deposits off (ADR 33): below zero in an invoice.
    pub(super) goods_deposits: Money,
    pub(super) service_deposits: Money,
    /// Whether everything on the document is services: what to take a group without lines for.
    pub(super) only_services: bool,
    /// To which other member state the VAT on goods is owed, by the one-stop shop. Services are never sold like that here.
    pub(super) country: Option<String>,
}

/// What VAT is added up by: category, rate, and the country if it is owed to another one.
pub(super) type Key = (String, Option<BigDecimal>, Option<String>);

impl Group {
    pub(super) fn key_of_goods(&self) -> Key {
        (self.category.clone(), self.rate.clone(), self.country.clone())
    }

    pub(super) fn key_of_services(&self) -> Key {
        (self.category.clone(), self.rate.clone(), None)
    }

    /// What is of goods, and what is of services: together the whole. Discounts and charges of the document are shared by the lines' sums. A deposit of
    /// both may be taken off where only goods or only services are sold: there it is of these.
    pub(super) fn by_nature(&self) -> (Taxed, Taxed) {
        let deposits = self.goods_deposits.plus(&self.service_deposits);
        let (goods, services) = match (self.goods.is_zero(), self.services.is_zero()) {
            (true, false) => (Money::zero(), self.services.plus(&deposits)),
            (false, true) => (self.goods.plus(&deposits), Money::zero()),
            (true, true) | (false, false) => {
                (self.goods.plus(&self.goods_deposits), self.services.plus(&self.service_deposits))
            }
        };
        let (goods, services) = self.shared(&self.whole.base, &goods, &services);
        let of_goods = match (goods.is_zero(), services.is_zero()) {
            (true, true) if self.only_services => Money::zero(),
            (_, true) => self.whole.tax.clone(),
            (true, false) => Money::zero(),
            (false, false) => share(&self.whole.tax, &self.whole.base, &Money::zero(), &goods),
        };
        let of_services = self.whole.tax.minus(&of_goods);
        (Taxed { base: goods, tax: of_goods }, Taxed { base: services, tax: of_services })
    }

    /// The net amounts of goods, of services, and of deposits: together the base.
    pub(super) fn sales(&self) -> (Money, Money, Money) {
        let deposits = self.goods_deposits.plus(&self.service_deposits);
        let (goods, services) = self.shared(&self.whole.base.minus(&deposits), &self.goods, &self.services);
        (goods, services, deposits)
    }

    /// Shares `whole` between goods and services: each its lines, and its part of what is left.
    fn shared(&self, whole: &Money, goods: &Money, services: &Money) -> (Money, Money) {
        let goods = match (goods.is_zero(), services.is_zero()) {
            (true, true) if self.only_services => Money::zero(),
            (_, true) => whole.clone(),
            (true, false) => Money::zero(),
            (false, false) => {
                let lines = goods.plus(services);
                goods.plus(&share(&whole.minus(&lines), &lines, &Money::zero(), goods))
            }
        };
        let services = whole.minus(&goods);
        (goods, services)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn money(text: &str) -> Money {
        Money::parse(text).expect("an amount")
    }

    pub(crate) fn group(base: &str, tax: &str, goods: &str, services: &str) -> Group {
        Group {
            category: "S".to_owned(),
            rate: "20".parse().ok(),
            whole: Taxed { base: money(base), tax: money(tax) },
            goods: money(goods),
            services: money(services),
            goods_deposits: Money::zero(),
            service_deposits: Money::zero(),
            only_services: false,
            country: None,
        }
    }

    fn texts((goods, services): (Taxed, Taxed)) -> String {
        format!("{} {} | {} {}", goods.base, goods.tax, services.base, services.tax)
    }

    #[test]
    fn discounts_and_charges_are_shared_by_the_lines() {
        assert_eq!(texts(group("100", "20", "100", "0").by_nature()), "100.00 20.00 | 0.00 0.00");
        assert_eq!(texts(group("100", "20", "0", "100").by_nature()), "0.00 0.00 | 100.00 20.00");
        // 10 % off 75 and 25.
        assert_eq!(texts(group("90", "18", "75", "25").by_nature()), "67.50 13.50 | 22.50 4.50");
        // A charge without a line.
        assert_eq!(texts(group("5", "1", "0", "0").by_nature()), "5.00 1.00 | 0.00 0.00");
        let services = Group { only_services: true, ..group("5", "1", "0", "0") };
        assert_eq!(texts(services.by_nature()), "0.00 0.00 | 5.00 1.00");
    }

    #[test]
    fn deposits_are_no_sales_and_their_vat_is_that_of_what_is_left() {
        let last = Group { goods_deposits: money("-300"), ..group("700", "140", "1000", "0") };
        let (goods, services, deposits) = last.sales();
        assert_eq!([goods, services, deposits].map(|one| one.to_string()), ["1000.00", "0.00", "-300.00"]);
        assert_eq!(texts(last.by_nature()), "700.00 140.00 | 0.00 0.00");
    }

    #[test]
    fn a_deposit_is_of_what_is_sold() {
        // The VAT of services is due on payment: nothing is taken off when they are delivered.
        let services = Group { goods_deposits: money("-300"), ..group("700", "140", "0", "1000") };
        assert_eq!(texts(services.by_nature()), "0.00 0.00 | 700.00 140.00");
        let goods = Group { service_deposits: money("-300"), ..group("700", "140", "1000", "0") };
        assert_eq!(texts(goods.by_nature()), "700.00 140.00 | 0.00 0.00");
        let both = Group { goods_deposits: money("-300"), ..group("700", "140", "600", "400") };
        assert_eq!(texts(both.by_nature()), "300.00 60.00 | 400.00 80.00");
    }

    proptest! {
        #[test]
        fn nothing_is_lost(base in -100_000i64..100_000, tax in -20_000i64..20_000, goods in -50_000i64..50_000, services in -50_000i64..50_000,
            deposit in -50_000i64..50_000, only_services in any::<bool>()) {
            let cents = |cents: i64| Money::rounded(&BigDecimal::new(cents.into(), 2));
            let group = Group {
                whole: Taxed { base: cents(base), tax: cents(tax) },
                goods: cents(goods),
                services: cents(services),
                service_deposits: cents(deposit),
                only_services,
                ..group("0", "0", "0", "0")
            };
            let (of_goods, of_services) = group.by_nature();
            prop_assert_eq!(&of_goods.plus(&of_services), &group.whole);
            let (goods, services, deposits) = group.sales();
            prop_assert_eq!(goods.plus(&services).plus(&deposits), group.whole.base);
        }
    }
}
