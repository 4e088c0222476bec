//! What the law says of a whole invoice, beside its terms (`terms.rs`) and its mentions (`mentions.rs`). Pure.

use chrono::{Days, Months, NaiveDate};

use super::content::InvoiceKind;
use super::draft::Period;
use super::totals::VatGroup;
use crate::commerce::vat::Category;
use crate::values::business_date::BusinessDate;
use crate::values::invalid::Invalid;
use crate::values::money::Currency;

/// Checks the currency of a seller in France. Its invoices say their VAT in euros (BT-111), and no rates of exchange are kept here.
///
/// # Errors
/// `vat_in_euros_missing` if it is not the euro.
pub(super) fn check_currency(currency: &Currency) -> Result<(), Invalid> {
    if *currency == Currency::euro() {
        return Ok(());
    }
    let message = format!(
        "an invoice in {} of a company in France also says its VAT in euros (CGI, article 289, IV; directive 2006/112/EC, article 230; BR-FR-CO-12), and there are no rates of exchange here: invoice from a company whose currency is the euro",
        currency.code()
    );
    Err(Invalid::new("vat_in_euros_missing", message))
}

/// Checks the VAT of a deposit.
///
/// # Errors
/// `intra_community_deposit` if a part of it is of goods that go to another member state without VAT: no law wants an invoice of it, and EN 16931 wants the day of their
/// delivery.
pub(super) fn check_deposit(kind: InvoiceKind, groups: &[VatGroup]) -> Result<(), Invalid> {
    if kind != InvoiceKind::Prepayment || !groups.iter().any(is_intra_community) {
        return Ok(());
    }
    let message = "a deposit is not invoiced for goods that go to another member state without VAT (CGI, article 289, I, 1, c, which leaves out what article 262 ter, I exempts; directive 2006/112/EC, article 220, 1, 4; EN 16931, BR-IC-11): record the payment without an invoice, and let it pay the invoice of the goods";
    Err(Invalid::new("intra_community_deposit", message))
}

/// Checks that an invoice of goods that go to another member state without VAT says when they are delivered: by a day, or by a period. One of what has
/// not left says none by itself.
///
/// # Errors
/// `intra_community_delivery_missing` if it does not.
pub(super) fn check_delivery_is_said(is_said: bool, groups: &[VatGroup]) -> Result<(), Invalid> {
    if is_said || !groups.iter().any(is_intra_community) {
        return Ok(());
    }
    let message = "an invoice of goods that go to another member state without VAT says when they are delivered (EN 16931, BR-IC-11; directive 2006/112/EC, article 226, 7), and these have not left: name the day in delivered_on, or invoice them once they have left";
    Err(Invalid::new("intra_community_delivery_missing", message))
}

fn is_intra_community(group: &VatGroup) -> bool {
    group.vat.category == Category::IntraCommunity
}

/// How long before its invoice something was delivered, in months: as far as a business date may lie back.
const MAX_MONTHS_BEFORE: u32 = 120;
/// How long after the invoice goods are delivered, in days: VAT on them is due with the delivery, so a mistyped year would put it off.
const MAX_DAYS_AHEAD_OF_GOODS: u64 = 90;
/// The same of services, whose VAT is not due by this date: a subscription of two years is invoiced when it begins.
const MAX_DAYS_AHEAD_OF_SERVICES: u64 = 731;
/// The maximum number of days of goods that one invoice says together: those of a calendar month (CGI, article 289, I, 3).
const MAX_PERIOD_OF_GOODS: i64 = 31;

/// Checks when something was delivered or done, which decides when VAT on goods is due, and which rates there were.
///
/// # Errors
/// `out_of_range` if it lies more than ten years before the invoice, or too long after it.
pub(super) fn check_delivery(
    issued_on: BusinessDate,
    delivered_on: BusinessDate,
    is_of_goods: bool,
) -> Result<(), Invalid> {
    let ahead = if is_of_goods { MAX_DAYS_AHEAD_OF_GOODS } else { MAX_DAYS_AHEAD_OF_SERVICES };
    let first = issued_on.date().checked_sub_months(Months::new(MAX_MONTHS_BEFORE)).unwrap_or(NaiveDate::MIN);
    let last = issued_on.date().checked_add_days(Days::new(ahead)).unwrap_or(NaiveDate::MAX);
    if (first..=last).contains(&delivered_on.date()) {
        return Ok(());
    }
    let message = format!(
        "what an invoice of {issued_on} is of was delivered or done between {first} and {last}, not on {delivered_on}"
    );
    Err(Invalid::new("out_of_range", message))
}

/// Checks the period of an invoice.
///
/// # Errors
/// `out_of_range` if its end is none that [`check_delivery`] accepts; `period_too_long` if it has more days of goods than a month.
pub(super) fn check_period(
    issued_on: BusinessDate,
    period: Period,
    is_of_goods: bool,
) -> Result<(), Invalid> {
    check_delivery(issued_on, period.end, is_of_goods)?;
    let days = period.end.date().signed_duration_since(period.start.date()).num_days() + 1;
    if !is_of_goods || days <= MAX_PERIOD_OF_GOODS {
        return Ok(());
    }
    let message = format!(
        "goods are invoiced together for a month, {MAX_PERIOD_OF_GOODS} days at most, not for {days} (CGI, article 289, I, 3): make an invoice for each month"
    );
    Err(Invalid::new("period_too_long", message))
}

#[cfg(test)]
mod tests {
    use super::super::totals::LineVat;
    use super::*;
    use crate::values::money::{Money, VatRate};

    fn group(category: Category, rate: &str) -> VatGroup {
        let vat = LineVat { category, rate: VatRate::parse(rate).ok() };
        VatGroup { vat, base: Money::zero(), amount: Money::zero() }
    }

    #[test]
    fn a_seller_in_france_invoices_in_euros() {
        assert_eq!(check_currency(&Currency::euro()), Ok(()));
        let francs = Currency::parse("CHF").expect("a currency");
        let refused = check_currency(&francs).expect_err("refused");
        assert_eq!(refused.code, "vat_in_euros_missing");
        assert!(
            refused.message.contains("CHF") && refused.message.contains("289, IV"),
            "{}",
            refused.message
        );
    }

    #[test]
    fn what_is_invoiced_was_delivered_within_reason() {
        let date = |text: &str| BusinessDate::parse(text).expect("a date");
        let issued_on = date("2026-11-30");
        let found = |on: &str, is_of_goods| {
            check_delivery(issued_on, date(on), is_of_goods).map_err(|refused| refused.code)
        };
        for (on, of_goods, of_services) in [
            ("2016-11-30", Ok(()), Ok(())),
            ("2016-11-29", Err("out_of_range"), Err("out_of_range")),
            ("2027-02-28", Ok(()), Ok(())),
            ("2027-03-01", Err("out_of_range"), Ok(())),
            ("2062-11-30", Err("out_of_range"), Err("out_of_range")),
        ] {
            assert_eq!((found(on, true), found(on, false)), (of_goods, of_services), "{on}");
        }
        let period = |start: &str, end: &str, is_of_goods| {
            let period = Period::new(date(start), date(end)).expect("a period");
            check_period(issued_on, period, is_of_goods).map_err(|refused| refused.code)
        };
        assert_eq!(period("2026-10-01", "2026-10-31", true), Ok(()));
        assert_eq!(period("2026-10-01", "2026-11-01", true), Err("period_too_long"));
        assert_eq!(period("2026-12-01", "2027-11-30", false), Ok(()), "a subscription");
        assert_eq!(period("2026-12-01", "2027-11-30", true), Err("out_of_range"));
    }

    #[test]
    fn a_deposit_is_not_of_goods_without_vat_to_another_member_state() {
        let taxed = group(Category::Standard, "20");
        let free = group(Category::IntraCommunity, "0");
        let found = |kind, groups: &[VatGroup]| check_deposit(kind, groups).map_err(|refused| refused.code);
        assert_eq!(found(InvoiceKind::Prepayment, std::slice::from_ref(&taxed)), Ok(()));
        let both = [taxed, free];
        assert_eq!(found(InvoiceKind::Prepayment, &both), Err("intra_community_deposit"));
        assert_eq!(found(InvoiceKind::Invoice, &both), Ok(()));
        assert_eq!(found(InvoiceKind::CreditNote, &both), Ok(()));
        let refused = check_deposit(InvoiceKind::Prepayment, &both).expect_err("refused");
        for part in ["289, I, 1, c", "262 ter, I", "BR-IC-11"] {
            assert!(refused.message.contains(part), "{part}: {}", refused.message);
        }
    }

    #[test]
    fn goods_without_vat_to_another_member_state_have_a_day_of_delivery() {
        let (taxed, free) = (group(Category::Standard, "20"), group(Category::IntraCommunity, "0"));
        assert_eq!(check_delivery_is_said(false, std::slice::from_ref(&taxed)), Ok(()));
        let both = [taxed, free];
        assert_eq!(check_delivery_is_said(true, &both), Ok(()));
        let refused = check_delivery_is_said(false, &both).expect_err("refused");
        assert_eq!(refused.code, "intra_community_delivery_missing");
        for part in ["BR-IC-11", "delivered_on"] {
            assert!(refused.message.contains(part), "{part}: {}", refused.message);
        }
    }
}
