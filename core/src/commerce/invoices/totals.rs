//! The totals of an invoice as EN 16931-1 calculates them (6.4, and its rules BR-CO-10 to -17): a line's net is rounded, VAT is calculated and
//! rounded once per (category, rate), and everything else is a sum of amounts with two decimals. Half a cent goes away from zero.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::commerce::vat::Category;
use crate::values::invalid::Invalid;
use crate::values::money::{Money, Quantity, UnitPrice, VatRate};

/// Decimals that a quantity may have on an invoice (BR-FR).
pub const QUANTITY_DECIMALS: i64 = 4;

/// A discount or a charge, of a line (BG-27, BG-28) or of the document (BG-20, BG-21).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    pub kind: AdjustmentKind,
    pub value: AdjustmentValue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdjustmentKind {
    Discount,
    Charge,
}

impl AdjustmentKind {
    pub const ALL: [Self; 2] = [Self::Discount, Self::Charge];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Discount => "discount",
            Self::Charge => "charge",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdjustmentValue {
    /// Zero or more.
    Amount(Money),
    /// In percent of what it adjusts, from 0 to 100.
    Percent(VatRate),
}

impl Adjustment {
    /// Its amount (BT-136, BT-141, BT-92, BT-99): zero or more, unless what it adjusts is less than zero.
    pub fn amount(&self, of: &Money) -> Money {
        match &self.value {
            AdjustmentValue::Amount(amount) => amount.clone(),
            AdjustmentValue::Percent(percent) => percent.of(of),
        }
    }

    /// What it adds to the amount: less than zero for a discount.
    fn change(&self, of: &Money) -> Money {
        match self.kind {
            AdjustmentKind::Discount => self.amount(of).negated(),
            AdjustmentKind::Charge => self.amount(of),
        }
    }
}

/// The VAT of a line, or of an adjustment of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineVat {
    pub category: Category,
    /// `None` if and only if the category is `NotSubject`.
    pub rate: Option<VatRate>,
}

/// A line, as far as its amount asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub quantity: Quantity,
    /// Takes a deposit off: the quantity counts below zero, the price does not (BR-27).
    pub takes_off: bool,
    pub unit_price: UnitPrice,
    pub adjustments: Vec<Adjustment>,
    pub vat: LineVat,
}

impl Line {
    /// Price × quantity, rounded, before discounts and charges.
    pub fn gross(&self) -> Money {
        let amount = self.unit_price.times(&self.quantity);
        if self.takes_off { amount.negated() } else { amount }
    }

    /// The line's net amount (BT-131).
    pub fn net(&self) -> Money {
        let gross = self.gross();
        self.adjustments.iter().fold(gross.clone(), |net, adjustment| net.plus(&adjustment.change(&gross)))
    }

    /// # Errors
    /// `too_precise` if the quantity has more than four decimals.
    pub fn check_quantity(&self) -> Result<(), Invalid> {
        if self.quantity.value().normalized().fractional_digit_count() <= QUANTITY_DECIMALS {
            return Ok(());
        }
        let message = format!("a quantity on an invoice has at most {QUANTITY_DECIMALS} decimals");
        Err(Invalid::new("too_precise", message))
    }
}

/// A discount or charge of the whole document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentAdjustment {
    pub adjustment: Adjustment,
    pub vat: LineVat,
}

/// The VAT of one category and rate (BG-23).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VatGroup {
    pub vat: LineVat,
    /// BT-116.
    pub base: Money,
    /// BT-117.
    pub amount: Money,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// BT-131 of each line, in their order.
    pub line_nets: Vec<Money>,
    /// The amount of each adjustment of the document, in their order.
    pub adjustments: Vec<Money>,
    /// BT-106.
    pub lines: Money,
    /// BT-107.
    pub discounts: Money,
    /// BT-108.
    pub charges: Money,
    /// BT-109.
    pub net: Money,
    /// By category, then by rate.
    pub groups: Vec<VatGroup>,
    /// BT-110.
    pub vat: Money,
    /// BT-112.
    pub gross: Money,
    /// BT-113.
    pub prepaid: Money,
    /// BT-115.
    pub due: Money,
}

impl Totals {
    /// Percentages of the document's adjustments are of the sum of the lines of their category and rate, without those that take deposits off: a deposit
    /// pays a part of the price, and makes no price smaller.
    ///
    /// # Errors
    /// `too_large` if an amount has more digits than the database keeps; `negative_total` if less than nothing would be left to pay
    /// (that is a credit note), or a category and rate would have a base below zero.
    pub fn of(lines: &[Line], adjustments: &[DocumentAdjustment], prepaid: &Money) -> Result<Self, Invalid> {
        let line_nets: Vec<Money> = lines.iter().map(Line::net).collect();
        let mut bases: Vec<(&LineVat, Money)> = Vec::new();
        let mut of_sales: Vec<(&LineVat, Money)> = Vec::new();
        for (line, net) in lines.iter().zip(&line_nets) {
            add(&mut bases, &line.vat, net);
            if !line.takes_off {
                add(&mut of_sales, &line.vat, net);
            }
        }
        let (mut discounts, mut charges) = (Money::zero(), Money::zero());
        let mut amounts = Vec::with_capacity(adjustments.len());
        for DocumentAdjustment { adjustment, vat } in adjustments {
            let base = of_sales
                .iter()
                .find(|(known, _)| *known == vat)
                .map_or_else(Money::zero, |(_, base)| base.clone());
            let amount = adjustment.amount(&base);
            match adjustment.kind {
                AdjustmentKind::Discount => discounts = discounts.plus(&amount),
                AdjustmentKind::Charge => charges = charges.plus(&amount),
            }
            add(&mut bases, vat, &adjustment.change(&base));
            amounts.push(amount);
        }
        let lines: Money = line_nets.iter().sum();
        let net = lines.minus(&discounts).plus(&charges);
        let groups = groups(bases);
        let vat: Money = groups.iter().map(|group| &group.amount).sum();
        let gross = net.plus(&vat);
        let due = gross.minus(prepaid);
        if !gross.fits() || !lines.fits() {
            return Err(Invalid::new(
                "too_large",
                "an amount of the invoice has more than 15 digits before the point",
            ));
        }
        if gross.is_negative() || due.is_negative() || groups.iter().any(|group| group.base.is_negative()) {
            let message = "less than nothing is left to pay, or to tax at one of the rates: that would be a credit note";
            return Err(Invalid::new("negative_total", message));
        }
        let prepaid = prepaid.clone();
        Ok(Self {
            line_nets,
            adjustments: amounts,
            lines,
            discounts,
            charges,
            net,
            groups,
            vat,
            gross,
            prepaid,
            due,
        })
    }

    /// Whether what is not subject to VAT stands beside something else, which one invoice must not (BR-O-11 to BR-O-14).
    pub fn mixes_not_subject(&self) -> bool {
        let not_subject = |group: &&VatGroup| group.vat.category == Category::NotSubject;
        let count = self.groups.iter().filter(not_subject).count();
        count > 0 && count < self.groups.len()
    }
}

/// Rates compare by value: 20 and 20.00 are one.
fn add<'a>(bases: &mut Vec<(&'a LineVat, Money)>, vat: &'a LineVat, amount: &Money) {
    match bases.iter_mut().find(|(known, _)| *known == vat) {
        Some((_, base)) => *base = base.plus(amount),
        None => bases.push((vat, amount.clone())),
    }
}

fn groups(mut bases: Vec<(&LineVat, Money)>) -> Vec<VatGroup> {
    let rate = |vat: &LineVat| vat.rate.as_ref().map(|rate| rate.value().clone()).unwrap_or_default();
    bases.sort_by(|(a, _), (b, _)| a.category.cmp(&b.category).then_with(|| rate(a).cmp(&rate(b))));
    let of = |(vat, base): (&LineVat, Money)| VatGroup {
        vat: vat.clone(),
        amount: vat.rate.as_ref().map_or_else(Money::zero, |rate| rate.of(&base)),
        base,
    };
    bases.into_iter().map(of).collect()
}

/// How much of `amount` (VAT, say) falls on a payment of an invoice whose total is `whole`, after `before` was paid: in proportion, rounded so that
/// the shares of all payments add up to the amount, to the cent. Nothing of an invoice that is free.
pub fn share(amount: &Money, whole: &Money, before: &Money, payment: &Money) -> Money {
    if whole.is_zero() {
        return Money::zero();
    }
    let until = |paid: &Money| Money::rounded(&(amount.value() * paid.value() / whole.value()));
    until(&before.plus(payment)).minus(&until(before))
}

#[cfg(test)]
mod tests {
    use bigdecimal::BigDecimal;
    use proptest::prelude::*;

    use super::*;

    fn vat(category: Category, rate: &str) -> LineVat {
        let rate = (category != Category::NotSubject).then(|| VatRate::parse(rate).expect("a rate"));
        LineVat { category, rate }
    }

    fn money(text: &str) -> Money {
        Money::parse(text).expect("an amount")
    }

    fn line(quantity: &str, unit_price: &str, rate: &str) -> Line {
        Line {
            quantity: Quantity::parse(quantity).expect("a quantity"),
            takes_off: false,
            unit_price: UnitPrice::parse(unit_price).expect("a price"),
            adjustments: vec![],
            vat: vat(Category::Standard, rate),
        }
    }

    fn percent(kind: AdjustmentKind, percent: &str) -> Adjustment {
        Adjustment { kind, value: AdjustmentValue::Percent(VatRate::parse(percent).expect("a percentage")) }
    }

    fn amount(kind: AdjustmentKind, text: &str) -> Adjustment {
        Adjustment { kind, value: AdjustmentValue::Amount(money(text)) }
    }

    fn totals(lines: &[Line], adjustments: &[DocumentAdjustment]) -> Totals {
        Totals::of(lines, adjustments, &Money::zero()).expect("totals")
    }

    #[test]
    fn vat_is_rounded_once_per_category_and_rate() {
        let found =
            totals(&[line("1", "0.03", "20"), line("1", "0.03", "20.00"), line("1", "0.03", "20")], &[]);
        assert_eq!((found.vat.to_string(), found.gross.to_string()), ("0.02".to_owned(), "0.11".to_owned()));
        assert_eq!(found.groups.len(), 1);
    }

    #[test]
    fn half_a_cent_goes_away_from_zero() {
        // 0.10 × 5 % = 0.005.
        assert_eq!(totals(&[line("1", "0.10", "5")], &[]).vat.to_string(), "0.01");
        let off = Line { takes_off: true, ..line("1", "0.005", "20") };
        assert_eq!(off.net().to_string(), "-0.01");
    }

    #[test]
    fn discounts_and_charges_of_a_line_are_of_its_gross_amount() {
        let adjusted = Line {
            adjustments: vec![
                percent(AdjustmentKind::Discount, "10"),
                percent(AdjustmentKind::Discount, "10"),
                amount(AdjustmentKind::Charge, "1.50"),
            ],
            ..line("3", "33.335", "20")
        };
        // 100.01 (100.005 rounded) − 10.00 − 10.00 + 1.50.
        assert_eq!(
            (adjusted.gross().to_string(), adjusted.net().to_string()),
            ("100.01".to_owned(), "81.51".to_owned())
        );
    }

    #[test]
    fn adjustments_of_the_document_change_the_base_of_their_rate() {
        let lines = [line("1", "100", "20"), line("1", "50", "5.5")];
        let standard = vat(Category::Standard, "20");
        let found = totals(
            &lines,
            &[
                DocumentAdjustment {
                    adjustment: percent(AdjustmentKind::Discount, "10"),
                    vat: standard.clone(),
                },
                DocumentAdjustment { adjustment: amount(AdjustmentKind::Charge, "6.90"), vat: standard },
            ],
        );
        let groups: Vec<_> =
            found.groups.iter().map(|group| format!("{} {}", group.base, group.amount)).collect();
        assert_eq!(groups, ["50.00 2.75", "96.90 19.38"]);
        let amounts = [&found.lines, &found.discounts, &found.charges, &found.net, &found.vat, &found.gross];
        let amounts: Vec<_> = amounts.into_iter().map(ToString::to_string).collect();
        assert_eq!(amounts, ["150.00", "10.00", "6.90", "146.90", "22.13", "169.03"]);
    }

    #[test]
    fn a_deposit_is_taken_off_by_a_line_and_its_vat_counts_once() {
        let deposit = totals(&[line("1", "300", "20")], &[]);
        let off = Line { takes_off: true, ..line("1", "300", "20") };
        let last = totals(&[line("10", "100", "20"), off], &[]);
        assert_eq!((last.net.to_string(), last.vat.to_string()), ("700.00".to_owned(), "140.00".to_owned()));
        assert_eq!(deposit.vat.plus(&last.vat), totals(&[line("10", "100", "20")], &[]).vat);
    }

    #[test]
    fn a_percentage_of_the_document_is_of_the_price_and_not_of_what_a_deposit_leaves() {
        let off = Line { takes_off: true, ..line("1", "300", "20") };
        let discount = DocumentAdjustment {
            adjustment: percent(AdjustmentKind::Discount, "10"),
            vat: vat(Category::Standard, "20"),
        };
        // 1000.00 − 100.00 − 300.00.
        let found = totals(&[line("1", "1000", "20"), off], &[discount]);
        assert_eq!(
            [&found.discounts, &found.net, &found.vat, &found.gross].map(ToString::to_string),
            ["100.00", "600.00", "120.00", "720.00"]
        );
    }

    #[test]
    fn what_was_paid_before_is_not_due() {
        let found = Totals::of(&[line("1", "100", "20")], &[], &money("20")).expect("totals");
        assert_eq!(
            (found.gross.to_string(), found.due.to_string()),
            ("120.00".to_owned(), "100.00".to_owned())
        );
        let refused = Totals::of(&[line("1", "100", "20")], &[], &money("120.01")).expect_err("refused");
        assert_eq!(refused.code, "negative_total");
    }

    #[test]
    fn no_rate_may_have_less_than_nothing() {
        let off = Line { takes_off: true, ..line("1", "10", "5.5") };
        let refused = Totals::of(&[line("1", "100", "20"), off], &[], &Money::zero()).expect_err("refused");
        assert_eq!(refused.code, "negative_total");
    }

    #[test]
    fn what_is_not_subject_stands_alone() {
        let not_subject = Line { vat: vat(Category::NotSubject, ""), ..line("1", "10", "0") };
        assert!(!totals(&[not_subject.clone(), not_subject.clone()], &[]).mixes_not_subject());
        assert!(totals(&[not_subject, line("1", "10", "20")], &[]).mixes_not_subject());
        assert!(!totals(&[line("1", "10", "20")], &[]).mixes_not_subject());
    }

    #[test]
    fn a_quantity_has_four_decimals_at_most() {
        assert_eq!(line("1.12340", "1", "20").check_quantity(), Ok(()));
        assert_eq!(line("1.12345", "1", "20").check_quantity().map_err(|e| e.code), Err("too_precise"));
    }

    #[test]
    fn an_amount_has_the_digits_that_the_database_keeps() {
        let lines = vec![line("999999999", "999999999", "20"); 1000];
        assert_eq!(Totals::of(&lines, &[], &Money::zero()).map_err(|e| e.code), Err("too_large"));
    }

    #[test]
    fn the_shares_of_payments_add_up() {
        let (vat, gross) = (money("20"), money("120"));
        let payments = ["40", "40", "39.99", "0.01"].map(money);
        let mut before = Money::zero();
        let mut shares = Vec::new();
        for payment in &payments {
            shares.push(share(&vat, &gross, &before, payment));
            before = before.plus(payment);
        }
        let texts: Vec<_> = shares.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["6.67", "6.66", "6.67", "0.00"]);
        assert_eq!(shares.iter().sum::<Money>(), vat);
        assert!(share(&vat, &Money::zero(), &Money::zero(), &money("1")).is_zero());
    }

    /// The same once more in whole numbers, without a decimal library: prices and quantities in millionths, amounts in cents.
    mod independent {
        use std::collections::BTreeMap;

        /// Divides and rounds half away from zero.
        pub(super) fn divided(value: i128, by: i128) -> i128 {
            let sign = if value < 0 { -1 } else { 1 };
            sign * ((2 * value.abs() + by) / (2 * by))
        }

        #[derive(Debug, Clone)]
        pub(super) struct Line {
            /// In ten-thousandths.
            pub(super) quantity: i128,
            /// In millionths.
            pub(super) price: i128,
            pub(super) takes_off: bool,
            /// Hundredths of a percent, or cents; less than zero for a discount.
            pub(super) percents: Vec<i128>,
            pub(super) amounts: Vec<i128>,
            /// Hundredths of a percent.
            pub(super) rate: i128,
        }

        impl Line {
            pub(super) fn cents(&self) -> i128 {
                let sign = if self.takes_off { -1 } else { 1 };
                let gross = sign * divided(self.quantity * self.price, 100_000_000);
                let percents: i128 =
                    self.percents.iter().map(|percent| divided(gross * percent, 10_000)).sum();
                gross + percents + self.amounts.iter().sum::<i128>()
            }
        }

        /// Net, VAT, gross, and the base of each rate, in cents.
        pub(super) fn totals(lines: &[Line]) -> (i128, i128, i128, BTreeMap<i128, i128>) {
            let mut bases = BTreeMap::new();
            for line in lines {
                *bases.entry(line.rate).or_insert(0) += line.cents();
            }
            let net: i128 = bases.values().sum();
            let vat: i128 = bases.iter().map(|(rate, base)| divided(base * rate, 10_000)).sum();
            (net, vat, net + vat, bases)
        }
    }

    fn any_line() -> impl Strategy<Value = independent::Line> {
        let adjustments = (
            prop::collection::vec(-10_000i128..10_000, 0..3),
            prop::collection::vec(-100_000i128..100_000, 0..3),
        );
        (
            1i128..100_000_000,
            0i128..1_000_000_000,
            any::<bool>(),
            adjustments,
            prop::sample::select(vec![210i128, 550, 1000, 2000, 2550]),
        )
            .prop_map(|(quantity, price, takes_off, (percents, amounts), rate)| independent::Line {
                quantity,
                price,
                takes_off,
                percents,
                amounts,
                rate,
            })
    }

    fn decimal(digits: i128, scale: i64) -> String {
        BigDecimal::new(digits.into(), scale).to_plain_string()
    }

    fn adjustment(signed: i128, value: impl Fn(&str) -> AdjustmentValue) -> Adjustment {
        let kind = if signed < 0 { AdjustmentKind::Discount } else { AdjustmentKind::Charge };
        Adjustment { kind, value: value(&decimal(signed.abs(), 2)) }
    }

    fn line_of(line: &independent::Line) -> Line {
        let percents = line.percents.iter().map(|percent| {
            adjustment(*percent, |text| AdjustmentValue::Percent(VatRate::parse(text).expect("a percentage")))
        });
        let amounts = line.amounts.iter().map(|amount| {
            adjustment(*amount, |text| AdjustmentValue::Amount(Money::parse(text).expect("an amount")))
        });
        Line {
            quantity: Quantity::parse(&decimal(line.quantity, 4)).expect("a quantity"),
            takes_off: line.takes_off,
            unit_price: UnitPrice::parse(&decimal(line.price, 6)).expect("a price"),
            adjustments: percents.chain(amounts).collect(),
            vat: vat(Category::Standard, &decimal(line.rate, 2)),
        }
    }

    fn cents(amount: &Money) -> i128 {
        amount.to_string().replace('.', "").parse().expect("cents")
    }

    proptest! {
        #[test]
        fn totals_are_exact(lines in prop::collection::vec(any_line(), 1..30)) {
            let (net, vat, gross, bases) = independent::totals(&lines);
            let found = Totals::of(&lines.iter().map(line_of).collect::<Vec<_>>(), &[], &Money::zero());
            if gross < 0 || bases.values().any(|base| *base < 0) {
                prop_assert_eq!(found.map_err(|refused| refused.code), Err("negative_total"));
                return Ok(());
            }
            let found = found.expect("totals");
            prop_assert_eq!((cents(&found.net), cents(&found.vat), cents(&found.gross)), (net, vat, gross));
            let found_bases: Vec<i128> = found.groups.iter().map(|group| cents(&group.base)).collect();
            prop_assert_eq!(found_bases, bases.into_values().collect::<Vec<_>>());
            for (line, net) in lines.iter().zip(&found.line_nets) {
                prop_assert_eq!(cents(net), line.cents());
            }
        }

        #[test]
        fn the_rules_of_the_norm_hold(
            lines in prop::collection::vec(any_line(), 1..20),
            discount in 0i128..3_000,
            charge in 0i128..10_000,
            paid in 0i128..1_000,
        ) {
            let lines: Vec<Line> = lines.iter().map(line_of).collect();
            let of_first = lines.first().expect("a line").vat.clone();
            let adjustments = [
                DocumentAdjustment {
                    adjustment: adjustment(-discount, |text| AdjustmentValue::Percent(VatRate::parse(text).expect("valid"))),
                    vat: of_first.clone(),
                },
                DocumentAdjustment {
                    adjustment: adjustment(charge, |text| AdjustmentValue::Amount(Money::parse(text).expect("valid"))),
                    vat: of_first,
                },
            ];
            let paid = Money::parse(&decimal(paid, 2)).expect("an amount");
            let Ok(found) = Totals::of(&lines, &adjustments, &paid) else { return Ok(()) };
            let sum = |amounts: Vec<&Money>| amounts.into_iter().sum::<Money>();
            // BR-CO-10, -11, -12, -13, -14, -15, -16, -17.
            prop_assert_eq!(&found.lines, &sum(found.line_nets.iter().collect()));
            prop_assert_eq!(&found.net, &found.lines.minus(&found.discounts).plus(&found.charges));
            prop_assert_eq!(&found.net, &sum(found.groups.iter().map(|group| &group.base).collect()));
            prop_assert_eq!(&found.vat, &sum(found.groups.iter().map(|group| &group.amount).collect()));
            prop_assert_eq!(&found.gross, &found.net.plus(&found.vat));
            prop_assert_eq!(&found.due, &found.gross.minus(&paid));
            for group in &found.groups {
                let rate = cents(&Money::rounded(group.vat.rate.as_ref().expect("a rate").value()));
                prop_assert_eq!(cents(&group.amount), independent::divided(cents(&group.base) * rate, 10_000));
            }
        }

        #[test]
        fn the_order_of_lines_changes_nothing(lines in prop::collection::vec(any_line(), 1..20)) {
            let mut lines: Vec<Line> = lines.iter().map(line_of).collect();
            let Ok(forward) = Totals::of(&lines, &[], &Money::zero()) else { return Ok(()) };
            lines.reverse();
            let backward = Totals::of(&lines, &[], &Money::zero()).expect("totals");
            prop_assert_eq!((forward.groups, forward.gross), (backward.groups, backward.gross));
        }
    }
}
