//! When the VAT of documents is due (CGI, article 269, 2), by category, rate and the country to which it is owed. Pure.
//!
//! What is due on payment is a function of how things stand on a day: of what was paid by then, and of what credit notes took off by then. A period has the difference
//! between its last day and the day before its first one. So each cent is in one period, however the periods are cut, and the payment that closes an invoice gets the rest.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

use super::group::{Group, Key, Taxed};
use super::period::AccountingPeriod;
use crate::commerce::invoices::totals::share;
use crate::values::money::{Money, VatRate};

/// Why VAT is due in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VatDueCause {
    /// Goods were delivered; credit notes on goods, when they are issued.
    Delivery,
    /// Services were invoiced, and the company pays on debits; credit notes on them.
    Debits,
    /// Services were paid, and the company pays on payments.
    Payments,
    /// Deposits were paid, of goods or of services.
    Deposits,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = VatDueLine)]
pub struct VatDueLine {
    pub cause: VatDueCause,
    /// S, Z, E, AE, K, G or O (UNTDID 5305).
    #[schema(example = "S")]
    pub category: String,
    /// In percent; null if and only if the category is O.
    #[schema(value_type = Option<String>, example = "20")]
    pub rate: Option<VatRate>,
    /// The other member state to which the VAT is owed, by the one-stop shop (ISO 3166-1): it is none of the return at home. Null: at home.
    #[schema(example = "AT")]
    pub country: Option<String>,
    /// What the VAT is on; less than zero if credit notes come to more.
    #[schema(value_type = String, example = "1000.00")]
    pub base: Money,
    #[schema(value_type = String, example = "200.00")]
    pub tax: Money,
}

/// The VAT that is due in a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = VatDue)]
pub struct VatDueView {
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
    /// One for each cause, category, rate and country.
    pub lines: Vec<VatDueLine>,
    #[schema(value_type = String, example = "1000.00")]
    pub base_total: Money,
    #[schema(value_type = String, example = "200.00")]
    pub tax_total: Money,
}

/// What is due, while it is added up.
#[derive(Debug, Default)]
pub(super) struct Due(BTreeMap<(VatDueCause, Key), Taxed>);

/// A document whose VAT is due at a date of its own, and not when it is paid.
#[derive(Debug, Clone)]
pub(super) struct Dated {
    pub(super) is_credit_note: bool,
    /// Whether services are due when they are invoiced.
    pub(super) on_debits: bool,
    /// The delivery, or the end of the period.
    pub(super) tax_point: NaiveDate,
    pub(super) issue_date: NaiveDate,
    pub(super) group: Group,
}

/// How a document whose VAT is due on payment stands on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    /// The document's total, less its credit notes by then.
    pub(super) gross: Money,
    /// What was paid by then.
    pub(super) settled: Money,
    /// What it has of each category, rate and country, less its credit notes by then.
    pub(super) groups: BTreeMap<Key, Taxed>,
    /// What was delivered by then, and is due whether it is paid or not.
    pub(super) delivered: BTreeMap<Key, Taxed>,
}

impl Standing {
    pub(super) fn new(settled: Money) -> Self {
        Self { gross: Money::zero(), settled, groups: BTreeMap::new(), delivered: BTreeMap::new() }
    }

    /// Adds what the document has of a group, or takes a credit note's off it.
    pub(super) fn add(&mut self, key: Key, taxed: &Taxed) {
        let known = self.groups.entry(key).or_insert_with(Taxed::zero);
        *known = known.plus(taxed);
    }

    /// The same of what was delivered.
    pub(super) fn add_delivered(&mut self, key: Key, taxed: &Taxed) {
        let known = self.delivered.entry(key).or_insert_with(Taxed::zero);
        *known = known.plus(taxed);
    }

    /// What was due by then: what was delivered, and the rest in proportion, all of it when all is paid.
    fn due(&self) -> BTreeMap<Key, Taxed> {
        let is_paid = self.settled.value() >= self.gross.value();
        let part = |amount: &Money| {
            if is_paid { amount.clone() } else { share(amount, &self.gross, &Money::zero(), &self.settled) }
        };
        let of = |taxed: &Taxed| Taxed { base: part(&taxed.base), tax: part(&taxed.tax) };
        let mut due = self.delivered.clone();
        for (key, taxed) in &self.groups {
            let known = due.entry(key.clone()).or_insert_with(Taxed::zero);
            *known = known.plus(&of(taxed));
        }
        due
    }
}

impl Due {
    /// Adds what of a dated document is due in the period. A credit note counts when it is issued (CGI, article 272, 1).
    pub(super) fn dated(&mut self, period: AccountingPeriod, document: &Dated) {
        let (goods, services) = document.group.by_nature();
        let of_goods = if document.is_credit_note { document.issue_date } else { document.tax_point };
        let sign = |taxed: Taxed| if document.is_credit_note { taxed.negated() } else { taxed };
        if period.contains(of_goods) {
            self.sum(VatDueCause::Delivery, document.group.key_of_goods(), &sign(goods));
        }
        if document.on_debits && period.contains(document.issue_date) {
            self.sum(VatDueCause::Debits, document.group.key_of_services(), &sign(services));
        }
    }

    /// Adds what became due of a document on payment between two days: before the period, and at its end.
    pub(super) fn settled(&mut self, cause: VatDueCause, before: &Standing, until: &Standing) {
        for (key, taxed) in until.due() {
            self.sum(cause, key, &taxed);
        }
        for (key, taxed) in before.due() {
            self.sum(cause, key, &taxed.negated());
        }
    }

    fn sum(&mut self, cause: VatDueCause, key: Key, taxed: &Taxed) {
        if taxed.is_zero() {
            return;
        }
        let known = self.0.entry((cause, key)).or_insert_with(Taxed::zero);
        *known = known.plus(taxed);
    }

    pub(super) fn view(self, period: AccountingPeriod, currency: String) -> VatDueView {
        let line = |((cause, key), Taxed { base, tax }): ((VatDueCause, Key), Taxed)| {
            let (category, rate, country) = key;
            VatDueLine { cause, category, rate: rate.map(VatRate::stored), country, base, tax }
        };
        let lines: Vec<VatDueLine> =
            self.0.into_iter().filter(|(_, taxed)| !taxed.is_zero()).map(line).collect();
        VatDueView {
            from: period.first(),
            to: period.last(),
            currency,
            base_total: lines.iter().map(|line| &line.base).sum(),
            tax_total: lines.iter().map(|line| &line.tax).sum(),
            lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use bigdecimal::BigDecimal;
    use proptest::prelude::*;

    use super::super::group::tests::{group, money};
    use super::*;
    use crate::values::business_date::BusinessDate;

    fn day(text: &str) -> NaiveDate {
        BusinessDate::parse(text).expect("a date").date()
    }

    fn period(from: &str, to: &str) -> AccountingPeriod {
        let date = |text: &str| BusinessDate::parse(text).expect("a date");
        AccountingPeriod::new(date(from), date(to), 366).expect("a period")
    }

    fn told(due: Due) -> Vec<String> {
        let view = due.view(period("2026-01-01", "2026-12-31"), "EUR".to_owned());
        let text = |line: &VatDueLine| format!("{:?} {} {}", line.cause, line.base, line.tax);
        view.lines.iter().map(text).collect()
    }

    #[test]
    fn goods_are_due_when_they_are_delivered_and_services_when_they_are_invoiced() {
        let document = Dated {
            is_credit_note: false,
            on_debits: true,
            tax_point: day("2026-01-31"),
            issue_date: day("2026-02-03"),
            group: group("100", "20", "75", "25"),
        };
        let mut january = Due::default();
        january.dated(period("2026-01-01", "2026-01-31"), &document);
        assert_eq!(told(january), ["Delivery 75.00 15.00"]);
        let mut february = Due::default();
        february.dated(period("2026-02-01", "2026-02-28"), &document);
        let back = Dated { is_credit_note: true, group: group("10", "2", "10", "0"), ..document };
        february.dated(period("2026-02-01", "2026-02-28"), &back);
        assert_eq!(told(february), ["Delivery -10.00 -2.00", "Debits 25.00 5.00"]);
    }

    #[test]
    fn what_is_owed_to_another_member_state_is_a_line_of_its_own() {
        let home = Dated {
            is_credit_note: false,
            on_debits: true,
            tax_point: day("2026-01-31"),
            issue_date: day("2026-01-31"),
            group: group("100", "20", "75", "25"),
        };
        // Vienna has 20 %, too. Services to consumers there are taxed at home.
        let country = Some("AT".to_owned());
        let vienna = Dated { group: Group { country, ..group("1010", "202", "1000", "10") }, ..home };
        let year = period("2026-01-01", "2026-12-31");
        let mut due = Due::default();
        due.dated(year, &home);
        due.dated(year, &vienna);
        let view = due.view(year, "EUR".to_owned());
        let text = |line: &VatDueLine| {
            format!("{:?} {} {} {}", line.cause, line.country.as_deref().unwrap_or("-"), line.base, line.tax)
        };
        let found: Vec<String> = view.lines.iter().map(text).collect();
        assert_eq!(found, ["Delivery - 75.00 15.00", "Delivery AT 1000.00 200.00", "Debits - 35.00 7.00"]);
    }

    fn standing(gross: &str, settled: &str, base: &str, tax: &str) -> Standing {
        let mut standing = Standing { gross: money(gross), ..Standing::new(money(settled)) };
        let group = group(base, tax, "0", base);
        standing.add(group.key_of_services(), &group.whole);
        standing
    }

    #[test]
    fn a_payment_makes_its_part_due_and_the_last_one_gets_the_rest() {
        let mut last = standing("120", "0", "100", "20");
        let mut found = Vec::new();
        for settled in ["40", "80", "119.99", "120"] {
            let now = standing("120", settled, "100", "20");
            let mut due = Due::default();
            due.settled(VatDueCause::Payments, &last, &now);
            found.extend(told(due));
            last = now;
        }
        assert_eq!(
            found,
            ["Payments 33.33 6.67", "Payments 33.34 6.66", "Payments 33.32 6.67", "Payments 0.01 0.00"]
        );
    }

    #[test]
    fn a_credit_note_takes_off_what_was_due_and_nothing_that_was_not() {
        // 100 + 20, of which 60 are paid, then half of it is credited: all that is left is paid.
        let before = standing("120", "60", "100", "20");
        let until = standing("60", "60", "50", "10");
        let mut due = Due::default();
        due.settled(VatDueCause::Payments, &before, &until);
        assert!(told(due).is_empty());
        // Paid wholly, then credited wholly.
        let (paid, credited) = (standing("120", "120", "100", "20"), standing("0", "120", "0", "0"));
        let mut due = Due::default();
        due.settled(VatDueCause::Payments, &paid, &credited);
        assert_eq!(told(due), ["Payments -100.00 -20.00"]);
        // Never paid, and credited wholly.
        let (open, credited) = (standing("120", "0", "100", "20"), standing("0", "0", "0", "0"));
        let mut due = Due::default();
        due.settled(VatDueCause::Payments, &open, &credited);
        assert!(told(due).is_empty());
    }

    #[test]
    fn what_was_delivered_stays_due_when_the_payment_of_its_deposit_is_taken_back() {
        let delivered = |settled: &str| {
            let mut standing = Standing { gross: money("480"), ..Standing::new(money(settled)) };
            let (goods, service) = (group("300", "60", "300", "0"), group("100", "20", "0", "100"));
            standing.add_delivered(goods.key_of_goods(), &goods.whole);
            standing.add(service.key_of_services(), &service.whole);
            standing
        };
        let mut due = Due::default();
        due.settled(VatDueCause::Deposits, &delivered("480"), &delivered("0"));
        assert_eq!(told(due), ["Deposits -100.00 -20.00"], "the service alone");
    }

    proptest! {
        /// However the time is cut, what is due of all periods is the VAT of the document.
        #[test]
        fn each_cent_is_due_once(tax in 0i64..100_000, net in 1i64..500_000, payments in prop::collection::vec(1i64..100_000, 1..12)) {
            let cents = |cents: i64| Money::rounded(&BigDecimal::new(cents.into(), 2)).to_string();
            let gross = tax + net;
            let (mut paid, mut sum) = (0, Taxed::zero());
            let mut before = standing(&cents(gross), "0", &cents(net), &cents(tax));
            for payment in payments.into_iter().chain([gross]) {
                paid = gross.min(paid + payment);
                let until = standing(&cents(gross), &cents(paid), &cents(net), &cents(tax));
                let mut due = Due::default();
                due.settled(VatDueCause::Payments, &before, &until);
                for taxed in due.0.into_values() {
                    sum = sum.plus(&taxed);
                }
                before = until;
            }
            prop_assert_eq!((sum.base.to_string(), sum.tax.to_string()), (cents(net), cents(tax)));
        }
    }
}
