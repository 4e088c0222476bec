//! Totals as EN 16931-1 calculates them: each line's net amount is rounded to two decimals (BT-131), the amounts are
//! summed (BT-106, BT-109), and VAT is calculated and rounded once per rate on the sum of its lines (BT-116, BT-117),
//! never per line.

use serde::Serialize;

use super::lines::OrderLine;
use crate::values::money::{Money, VatRate};

/// The net amount that is taxed at one rate, and its VAT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VatSubtotal {
    pub rate: VatRate,
    pub base: Money,
    pub amount: Money,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// One subtotal per rate, the lowest rate first.
    pub vat: Vec<VatSubtotal>,
    pub net_total: Money,
    pub vat_total: Money,
    pub gross_total: Money,
}

impl Totals {
    pub fn of(lines: &[OrderLine]) -> Self {
        let vat = vat_breakdown(lines);
        let net_total: Money = lines.iter().map(|line| &line.net_amount).sum();
        let vat_total: Money = vat.iter().map(|subtotal| &subtotal.amount).sum();
        let gross_total = net_total.plus(&vat_total);
        Self { vat, net_total, vat_total, gross_total }
    }
}

pub(super) fn vat_breakdown(lines: &[OrderLine]) -> Vec<VatSubtotal> {
    // Rates compare by value: 20 and 20.00 are one rate.
    let mut bases: Vec<(&VatRate, Money)> = Vec::new();
    for line in lines {
        match bases.iter_mut().find(|(rate, _)| *rate == &line.vat_rate) {
            Some((_, base)) => *base = base.plus(&line.net_amount),
            None => bases.push((&line.vat_rate, line.net_amount.clone())),
        }
    }
    bases.sort_by(|(a, _), (b, _)| a.value().cmp(b.value()));
    bases
        .into_iter()
        .map(|(rate, base)| VatSubtotal { rate: rate.clone(), amount: rate.of(&base), base })
        .collect()
}

#[cfg(test)]
mod tests {
    use bigdecimal::BigDecimal;
    use proptest::prelude::*;

    use super::*;
    use crate::values::goods::Units;
    use crate::values::ids::ProductId;
    use crate::values::money::{Quantity, UnitPrice};

    fn line(quantity: &str, unit_price: &str, vat_rate: &str) -> OrderLine {
        let quantity = Quantity::parse(quantity).expect("a quantity");
        let unit_price = UnitPrice::parse(unit_price).expect("a price");
        let net_amount = unit_price.times(&quantity);
        OrderLine {
            product_id: ProductId::generate(),
            sku: "S".to_owned(),
            name: "N".to_owned(),
            quantity,
            unit_price,
            vat_rate: VatRate::parse(vat_rate).expect("a rate"),
            net_amount,
            stocked: false,
            reserved: Units::zero(),
            waiting: Units::zero(),
            shipped: Units::zero(),
            cancelled: Units::zero(),
            returned: Units::zero(),
            price: None,
        }
    }

    #[test]
    fn lines_are_rounded_before_they_are_summed() {
        // 3 × 0.335 = 1.005 → 1.01 each; the sum of the unrounded amounts would be 2.01.
        let totals = Totals::of(&[line("3", "0.335", "20"), line("3", "0.335", "20")]);
        assert_eq!(totals.net_total.to_string(), "2.02");
    }

    #[test]
    fn vat_is_calculated_once_per_rate_not_per_line() {
        // Per line: 0.03 × 20 % = 0.006 → 0.01, three times 0.03. Once: 0.09 × 20 % = 0.018 → 0.02.
        let totals =
            Totals::of(&[line("1", "0.03", "20"), line("1", "0.03", "20.00"), line("1", "0.03", "20")]);
        assert_eq!(totals.vat_total.to_string(), "0.02");
        assert_eq!(totals.gross_total.to_string(), "0.11");
        assert_eq!(totals.vat.len(), 1);
    }

    #[test]
    fn rates_are_kept_apart_and_sorted() {
        let totals = Totals::of(&[line("1", "100", "20"), line("1", "100", "5.5"), line("1", "100", "0")]);
        let breakdown: Vec<_> =
            totals.vat.iter().map(|v| format!("{} {} {}", v.rate, v.base, v.amount)).collect();
        assert_eq!(breakdown, ["0 100.00 0.00", "5.5 100.00 5.50", "20 100.00 20.00"]);
        assert_eq!(totals.gross_total.to_string(), "325.50");
    }

    fn any_line() -> impl Strategy<Value = OrderLine> {
        (
            1u32..1_000_000,
            0u32..6,
            0u32..100_000_000,
            0u32..6,
            prop::sample::select(vec!["0", "5.5", "10", "20", "20.0"]),
        )
            .prop_map(|(quantity, quantity_scale, price, price_scale, rate)| {
                let decimal = |digits: u32, scale: u32| {
                    BigDecimal::new(digits.into(), i64::from(scale)).to_plain_string()
                };
                line(&decimal(quantity, quantity_scale), &decimal(price, price_scale), rate)
            })
    }

    proptest! {
        #[test]
        fn totals_add_up_to_the_cent(lines in prop::collection::vec(any_line(), 1..40)) {
            let totals = Totals::of(&lines);
            let sum = |amounts: Vec<&Money>| amounts.into_iter().sum::<Money>();
            prop_assert_eq!(&totals.net_total, &sum(lines.iter().map(|l| &l.net_amount).collect()));
            prop_assert_eq!(&totals.net_total, &sum(totals.vat.iter().map(|v| &v.base).collect()));
            prop_assert_eq!(&totals.vat_total, &sum(totals.vat.iter().map(|v| &v.amount).collect()));
            prop_assert_eq!(&totals.gross_total, &totals.net_total.plus(&totals.vat_total));
            for amount in [&totals.net_total, &totals.vat_total, &totals.gross_total] {
                prop_assert_eq!(amount.value().fractional_digit_count(), 2);
            }
        }

        #[test]
        fn the_order_of_lines_does_not_change_the_totals(mut lines in prop::collection::vec(any_line(), 1..20)) {
            let forward = Totals::of(&lines);
            lines.reverse();
            prop_assert_eq!(forward, Totals::of(&lines));
        }

        #[test]
        fn vat_is_never_more_than_half_a_cent_off(lines in prop::collection::vec(any_line(), 1..20)) {
            for subtotal in Totals::of(&lines).vat {
                let exact = subtotal.base.value() * subtotal.rate.value() / BigDecimal::from(100);
                let half_a_cent: BigDecimal = "0.005".parse().expect("a decimal");
                prop_assert!((subtotal.amount.value() - exact).abs() <= half_a_cent);
            }
        }
    }
}
