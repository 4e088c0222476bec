//! Until when an invoice is to be paid, and what the law lets the parties agree on. Sources: Code de commerce, L441-10 (businesses) and D441-5 (40 €);
//! code de la commande publique, R2192-10, -12, -13 and -31, and D2192-35 (public bodies); directive 2011/7/EU, article 6 (elsewhere in the Union).

use chrono::{Days, NaiveDate};

use crate::commerce::vat::Territory;
use crate::values::business_date::BusinessDate;
use crate::values::invalid::Invalid;
use crate::values::late_interest;
use crate::values::money::{Money, VatRate};
use crate::values::party::CustomerKind;
use crate::values::payment_terms::PaymentTerms;

/// Days from the date of the invoice that businesses may agree on.
const MAX_DAYS: i16 = 60;
/// The days before the end of a month that they may agree on instead, and those of an invoice for a period.
const MAX_DAYS_END_OF_MONTH: i16 = 45;
const MAX_DAYS_PERIODIC: i16 = 45;
/// Days that public bodies have. Public bodies of health have 50 and public undertakings 60 (R2192-11): which of them a customer is nobody says here.
const MAX_DAYS_PUBLIC: i16 = 30;
/// Days from the receipt of the goods where nothing was agreed.
const DEFAULT_DAYS: u64 = 30;
/// What a business or a public body pays for the recovery of a late payment, in euros.
const RECOVERY_FEE_EUR: i64 = 40;
/// What is added to the refinancing rate of the European Central Bank where no rate was agreed, in hundredths of a percent.
const ABOVE_CENTRAL_BANK: u16 = 1000;
const ABOVE_CENTRAL_BANK_PUBLIC: u16 = 800;

/// Who sells to whom, as far as terms ask.
#[derive(Debug, Clone, Copy)]
pub struct Parties<'a> {
    pub seller: &'a Territory,
    pub customer: CustomerKind,
}

impl Parties<'_> {
    fn is_french(self) -> bool {
        self.seller.is_in_france()
    }

    /// Checks the day until which an invoice is to be paid.
    ///
    /// # Errors
    /// `due_before_issue` if it is before the date of the invoice; `terms_beyond_law` if the law of the seller's country wants it sooner.
    pub fn check(
        self,
        issued_on: BusinessDate,
        received_on: Option<BusinessDate>,
        due_on: BusinessDate,
        terms: Option<PaymentTerms>,
        is_periodic: bool,
    ) -> Result<(), Invalid> {
        if due_on < issued_on {
            let message = format!("an invoice of {issued_on} cannot be due on {due_on}");
            return Err(Invalid::new("due_before_issue", message));
        }
        let Some(last) = self.last_day(issued_on, received_on, terms, is_periodic) else { return Ok(()) };
        if due_on.date() <= last {
            return Ok(());
        }
        let message =
            format!("it must be due until {last} at the latest ({}), not on {due_on}", self.source());
        Err(Invalid::new("terms_beyond_law", message))
    }

    /// The day until which an invoice is to be paid that does not say so itself: by what was agreed, or the last day that the law of the seller's country
    /// allows if that is sooner. What was agreed for single invoices may be too long for one of a period. Where nothing was agreed, the day is the law's own.
    pub fn due_within_law(
        self,
        issued_on: BusinessDate,
        received_on: Option<BusinessDate>,
        terms: Option<PaymentTerms>,
        is_periodic: bool,
    ) -> Due {
        let agreed = self.due_on(issued_on, received_on, terms);
        let last = terms.and_then(|_| self.last_day(issued_on, received_on, terms, is_periodic));
        match last.map(BusinessDate::stored).filter(|last| *last < agreed) {
            Some(last) => Due { on: last, shortened_from: Some(agreed) },
            None => Due { on: agreed, shortened_from: None },
        }
    }

    /// Where the law sets its limit.
    pub fn source(self) -> &'static str {
        match self.customer {
            CustomerKind::PublicBody => "code de la commande publique, article R2192-10",
            CustomerKind::Business | CustomerKind::Consumer => "Code de commerce, article L441-10",
        }
    }

    /// The last day that the law allows; `None` where it sets no limit that holds whatever was agreed.
    fn last_day(
        self,
        issued_on: BusinessDate,
        received_on: Option<BusinessDate>,
        terms: Option<PaymentTerms>,
        is_periodic: bool,
    ) -> Option<NaiveDate> {
        let limit = self.limit(terms, is_periodic)?;
        Some(limit.due_on(match self.customer {
            CustomerKind::PublicBody => later(issued_on, received_on),
            CustomerKind::Business | CustomerKind::Consumer => issued_on.date(),
        }))
    }

    /// What the law allows at most; `None` where it sets no limit that holds whatever was agreed.
    fn limit(self, terms: Option<PaymentTerms>, is_periodic: bool) -> Option<PaymentTerms> {
        if !self.is_french() {
            return None;
        }
        let end_of_month = terms.is_some_and(PaymentTerms::is_end_of_month);
        let (days, end_of_month) = match self.customer {
            CustomerKind::Consumer => return None,
            CustomerKind::PublicBody => (MAX_DAYS_PUBLIC, false),
            CustomerKind::Business if is_periodic => (MAX_DAYS_PERIODIC, false),
            CustomerKind::Business if end_of_month => (MAX_DAYS_END_OF_MONTH, true),
            CustomerKind::Business => (MAX_DAYS, false),
        };
        Some(PaymentTerms::stored(days, end_of_month))
    }

    /// When an invoice is due. Where nothing was agreed: 30 days after the goods were received or the service was done, but not before the invoice; for public
    /// bodies 30 days after that or after the invoice, whichever came later (R2192-12, R2192-13; directive 2011/7/EU, article 4(3)); at once for consumers.
    pub fn due_on(
        self,
        issued_on: BusinessDate,
        received_on: Option<BusinessDate>,
        terms: Option<PaymentTerms>,
    ) -> BusinessDate {
        let due = match (terms, self.customer) {
            (Some(terms), _) => terms.due_on(issued_on.date()),
            (None, CustomerKind::Consumer) => issued_on.date(),
            (None, CustomerKind::Business) => {
                default_after(received_on.unwrap_or(issued_on).date()).max(issued_on.date())
            }
            (None, CustomerKind::PublicBody) => default_after(later(issued_on, received_on)),
        };
        BusinessDate::stored(due)
    }

    /// What a late payment costs beside the interest: 40 € (D441-5, D2192-35; directive 2011/7/EU, article 6); nothing for consumers, and nothing where the
    /// seller is outside of the Union.
    pub fn recovery_fee(self) -> Option<Money> {
        let is_owed = self.customer != CustomerKind::Consumer && self.seller.is_in_union();
        is_owed.then(|| Money::rounded(&RECOVERY_FEE_EUR.into()))
    }

    /// The yearly interest on a late payment: what the seller has set, or what holds in France without (L441-10, II; R2192-31). Other laws have other rates,
    /// and want no invoice to say them. Consumers owe what the general law says, which no invoice has to repeat.
    pub fn late_interest(self, set: Option<&VatRate>) -> Option<LateInterest> {
        let above = |points| Some(LateInterest::AboveCentralBank(VatRate::hundredths(points)));
        match (self.customer, self.is_french(), set) {
            (CustomerKind::Consumer, ..) => None,
            // No contract changes what public bodies pay.
            (CustomerKind::PublicBody, true, _) => above(ABOVE_CENTRAL_BANK_PUBLIC),
            (CustomerKind::Business | CustomerKind::PublicBody, _, Some(rate)) => {
                Some(LateInterest::Rate(rate.clone()))
            }
            (CustomerKind::Business, true, None) => above(ABOVE_CENTRAL_BANK),
            (CustomerKind::Business | CustomerKind::PublicBody, false, None) => None,
        }
    }

    /// Checks the rate that the seller has set, where the invoice says it: nobody else than businesses owe it.
    ///
    /// # Errors
    /// `late_interest_too_low` if the law of France asks for more on that day.
    pub fn check_late_interest(self, set: Option<&VatRate>, on: BusinessDate) -> Result<(), Invalid> {
        match self.late_interest(set) {
            Some(LateInterest::Rate(rate)) if self.is_french() => late_interest::check(&rate, on),
            _ => Ok(()),
        }
    }
}

/// The day on which both were there: the invoice, and what it is of.
fn later(issued_on: BusinessDate, received_on: Option<BusinessDate>) -> NaiveDate {
    received_on.map_or(issued_on, |received| received.max(issued_on)).date()
}

fn default_after(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(DEFAULT_DAYS)).unwrap_or(NaiveDate::MAX)
}

/// Until when an invoice is to be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub on: BusinessDate,
    /// What was agreed, if the law wants it sooner.
    pub shortened_from: Option<BusinessDate>,
}

/// The yearly interest on a late payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LateInterest {
    /// In percent.
    Rate(VatRate),
    /// The refinancing rate of the European Central Bank on the first day of the half-year, and these percentage points more.
    AboveCentralBank(VatRate),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::contact::Country;

    fn territory(country: &str) -> Territory {
        Territory::of(&Country::parse(country).expect("a country"), None)
    }

    fn date(text: &str) -> BusinessDate {
        BusinessDate::parse(text).expect("a date")
    }

    fn terms(days: i16, end_of_month: bool) -> Option<PaymentTerms> {
        PaymentTerms::new(days, end_of_month).ok()
    }

    #[test]
    fn the_law_has_its_limits() {
        let (france, belgium) = (territory("FR"), territory("BE"));
        let issued = date("2026-01-10");
        use CustomerKind::{Business, Consumer, PublicBody};
        for (seller, customer, agreed, periodic, expected) in [
            (&france, Business, terms(60, false), false, None),
            (&france, Business, terms(61, false), false, Some("terms_beyond_law")),
            // The end of the month gives no more than 45 days before it.
            (&france, Business, terms(45, true), false, None),
            (&france, Business, terms(60, true), false, Some("terms_beyond_law")),
            (&france, Business, terms(45, false), true, None),
            (&france, Business, terms(46, false), true, Some("terms_beyond_law")),
            (&france, Business, terms(45, true), true, Some("terms_beyond_law")),
            (&france, PublicBody, terms(30, false), false, None),
            (&france, PublicBody, terms(31, false), false, Some("terms_beyond_law")),
            (&france, Consumer, terms(365, false), false, None),
            (&belgium, Business, terms(120, false), false, None),
        ] {
            let parties = Parties { seller, customer };
            let due = parties.due_on(issued, None, agreed);
            let found = parties.check(issued, None, due, agreed, periodic).map_err(|invalid| invalid.code);
            assert_eq!(found.err(), expected, "{customer:?} {agreed:?} {periodic}");
        }
        let parties = Parties { seller: &france, customer: Business };
        let early = parties.check(issued, None, date("2026-01-09"), None, false);
        assert_eq!(early.map_err(|invalid| invalid.code), Err("due_before_issue"));
    }

    #[test]
    fn what_was_agreed_is_shortened_to_what_the_law_allows() {
        let (france, belgium) = (territory("FR"), territory("BE"));
        use CustomerKind::{Business, Consumer, PublicBody};
        for (seller, customer, agreed, periodic, due, from) in [
            (&france, Business, terms(60, false), false, "2026-03-11", None),
            (&france, Business, terms(60, false), true, "2026-02-24", Some("2026-03-11")),
            (&france, Business, terms(45, true), true, "2026-02-24", Some("2026-02-28")),
            (&france, Business, terms(45, true), false, "2026-02-28", None),
            (&france, Business, terms(60, true), false, "2026-02-28", Some("2026-03-31")),
            (&france, Business, terms(30, false), true, "2026-02-09", None),
            (&france, Business, None, true, "2026-02-09", None),
            (&france, PublicBody, terms(60, false), false, "2026-02-09", Some("2026-03-11")),
            (&france, Consumer, terms(90, false), true, "2026-04-10", None),
            (&belgium, Business, terms(90, false), true, "2026-04-10", None),
        ] {
            let parties = Parties { seller, customer };
            let found = parties.due_within_law(date("2026-01-10"), None, agreed, periodic);
            let expected = Due { on: date(due), shortened_from: from.map(date) };
            assert_eq!(found, expected, "{customer:?} {agreed:?} {periodic}");
            assert_eq!(parties.check(date("2026-01-10"), None, found.on, agreed, periodic), Ok(()));
        }
    }

    #[test]
    fn where_nothing_was_agreed_it_is_30_days_from_receipt() {
        let france = territory("FR");
        let due = |customer, received: Option<&str>| {
            let parties = Parties { seller: &france, customer };
            parties.due_on(date("2026-01-10"), received.map(date), None).to_string()
        };
        assert_eq!(due(CustomerKind::Business, None), "2026-02-09");
        assert_eq!(due(CustomerKind::Business, Some("2026-01-05")), "2026-02-04");
        assert_eq!(due(CustomerKind::Business, Some("2025-11-01")), "2026-01-10", "not before it was sent");
        assert_eq!(due(CustomerKind::Consumer, None), "2026-01-10");
        assert_eq!(due(CustomerKind::PublicBody, None), "2026-02-09");
        assert_eq!(
            due(CustomerKind::PublicBody, Some("2026-01-05")),
            "2026-02-09",
            "it counts from the invoice"
        );
        assert_eq!(
            due(CustomerKind::PublicBody, Some("2026-01-20")),
            "2026-02-19",
            "or from what came later"
        );
    }

    #[test]
    fn a_public_body_has_30_days_from_the_invoice_or_from_what_came_later() {
        let france = territory("FR");
        let parties = Parties { seller: &france, customer: CustomerKind::PublicBody };
        let issued = date("2026-12-10");
        let code = |received: Option<&str>, due: &str| {
            let found = parties.check(issued, received.map(date), date(due), None, false);
            found.map_err(|invalid| (invalid.code, invalid.message.contains("R2192-10")))
        };
        let refused = Err(("terms_beyond_law", true));
        assert_eq!(code(None, "2027-01-09"), Ok(()));
        assert_eq!(code(None, "2027-01-10"), refused);
        assert_eq!(code(Some("2026-12-01"), "2027-01-10"), refused);
        assert_eq!(code(Some("2026-12-20"), "2027-01-19"), Ok(()));
        assert_eq!(code(Some("2026-12-20"), "2027-01-20"), refused);
    }

    #[test]
    fn nothing_is_shortened_that_nobody_agreed_on() {
        let france = territory("FR");
        for customer in [CustomerKind::Business, CustomerKind::PublicBody] {
            let parties = Parties { seller: &france, customer };
            // Invoiced before it is delivered: 30 days from the delivery.
            let due = parties.due_within_law(date("2026-01-10"), Some(date("2026-03-01")), None, false);
            assert_eq!(due, Due { on: date("2026-03-31"), shortened_from: None }, "{customer:?}");
        }
    }

    #[test]
    fn the_interest_that_is_set_is_judged_where_an_invoice_says_it() {
        let (france, belgium) = (territory("FR"), territory("BE"));
        use CustomerKind::{Business, Consumer, PublicBody};
        let set = |text: &str| VatRate::parse(text).expect("a rate");
        for (seller, customer, rate, day, expected) in [
            (&france, Business, Some("12"), "2026-03-01", None),
            (&france, Business, Some("7.85"), "2026-03-01", Some("late_interest_too_low")),
            (&france, Business, Some("12"), "2024-03-01", Some("late_interest_too_low")),
            (&france, Business, None, "2024-03-01", None),
            // Public bodies owe what the law says, and consumers nothing of this.
            (&france, PublicBody, Some("1"), "2026-03-01", None),
            (&france, Consumer, Some("1"), "2026-03-01", None),
            (&belgium, Business, Some("1"), "2026-03-01", None),
        ] {
            let parties = Parties { seller, customer };
            let found = parties.check_late_interest(rate.map(set).as_ref(), date(day));
            assert_eq!(found.err().map(|invalid| invalid.code), expected, "{customer:?} {rate:?} {day}");
        }
    }

    #[test]
    fn who_pays_late_owes_interest_and_a_fee_but_no_consumer() {
        let france = territory("FR");
        let of = |customer| Parties { seller: &france, customer };
        let set = VatRate::parse("12").expect("a rate");
        let above = |hundredths| Some(LateInterest::AboveCentralBank(VatRate::hundredths(hundredths)));
        assert_eq!(of(CustomerKind::Business).late_interest(None), above(1000));
        assert_eq!(
            of(CustomerKind::Business).late_interest(Some(&set)),
            Some(LateInterest::Rate(set.clone()))
        );
        assert_eq!(of(CustomerKind::PublicBody).late_interest(Some(&set)), above(800));
        assert_eq!(of(CustomerKind::Consumer).late_interest(Some(&set)), None);
        let fee = |customer| of(customer).recovery_fee().map(|fee| fee.to_string());
        assert_eq!(fee(CustomerKind::PublicBody).as_deref(), Some("40.00"));
        assert_eq!(fee(CustomerKind::Consumer), None);
    }

    #[test]
    fn nothing_of_french_law_is_said_for_sellers_elsewhere() {
        let set = VatRate::parse("12").expect("a rate");
        for (country, fee) in [("BE", Some("40.00")), ("CH", None), ("NC", None)] {
            let seller = territory(country);
            for customer in [CustomerKind::Business, CustomerKind::PublicBody] {
                let parties = Parties { seller: &seller, customer };
                let found = parties.recovery_fee().map(|fee| fee.to_string());
                assert_eq!(found.as_deref(), fee, "{country} {customer:?}");
                assert_eq!(parties.late_interest(None), None, "{country} {customer:?}");
                let agreed = Some(LateInterest::Rate(set.clone()));
                assert_eq!(parties.late_interest(Some(&set)), agreed, "{country} {customer:?}");
            }
        }
    }
}
