//! The entries of documents and payments, as the French chart of accounts books them. Pure.
//!
//! An invoice: debit 411 the gross amount; credit 707 and 706 what was sold, 4191 deposits, 4457 the VAT of each category and rate. A credit note the other way round. A
//! payment: debit 512 or 530, credit 411. What would be less than zero stands on the other side.

use chrono::NaiveDate;

use super::accounts::{Accounts, Booked, Purpose};
use super::error::AccountingError;
use super::group::Group;
use super::letters::Letter;
use crate::commerce::invoices::InvoiceKind;
use crate::commerce::payments::PaymentMethod;
use crate::values::money::Money;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Journal {
    Sales,
    Bank,
    Cash,
}

impl Journal {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Sales => "VE",
            Self::Bank => "BQ",
            Self::Cash => "CA",
        }
    }

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Sales => "Ventes",
            Self::Bank => "Banque",
            Self::Cash => "Caisse",
        }
    }

    pub(super) fn of_payment(method: PaymentMethod) -> Self {
        if method == PaymentMethod::Cash { Self::Cash } else { Self::Bank }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Debit,
    Credit,
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Debit => Self::Credit,
            Self::Credit => Self::Debit,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) side: Side,
    pub(super) account: Booked,
    /// The customer's code and name, on the account of customers.
    pub(super) auxiliary: Option<(String, String)>,
    /// More than zero.
    pub(super) amount: Money,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) journal: Journal,
    pub(super) date: NaiveDate,
    /// What proves it: the document's number, or what the payment is called.
    pub(super) piece: String,
    pub(super) piece_date: NaiveDate,
    pub(super) label: String,
    /// When it was recorded, and could not be changed any more.
    pub(super) valid_on: NaiveDate,
    pub(super) letter: Option<Letter>,
    pub(super) lines: Vec<Line>,
}

/// Whose account it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Customer {
    pub(super) code: String,
    pub(super) name: String,
}

/// An invoice, a deposit or a credit note.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) kind: InvoiceKind,
    pub(super) number: String,
    pub(super) issue_date: NaiveDate,
    pub(super) validated_on: NaiveDate,
    pub(super) customer: Customer,
    pub(super) gross: Money,
    pub(super) groups: Vec<Group>,
}

/// A payment or a reversal.
#[derive(Debug, Clone)]
pub(super) struct Paid {
    pub(super) method: PaymentMethod,
    /// What it is called: its reference, or its id.
    pub(super) piece: String,
    pub(super) received_on: NaiveDate,
    /// The day of the entry: of a reversal, when it was recorded.
    pub(super) date: NaiveDate,
    pub(super) recorded_on: NaiveDate,
    pub(super) is_reversal: bool,
    pub(super) customer: Customer,
    /// Less than zero in a reversal.
    pub(super) amount: Money,
}

impl Entry {
    pub(super) fn of_document(document: &Document, accounts: &Accounts, letter: Option<Letter>) -> Self {
        let Document { kind, number, issue_date, validated_on, customer, gross, groups } = document;
        let (owes, what) = match kind {
            InvoiceKind::Invoice => (Side::Debit, "Facture"),
            InvoiceKind::Prepayment => (Side::Debit, "Facture d'acompte"),
            InvoiceKind::CreditNote => (Side::Credit, "Avoir"),
        };
        let mut lines = Lines::default();
        lines.add(owes, accounts.of(Purpose::Customers), Some(customer), gross);
        for group in groups {
            let (goods, services, deposits) = group.sales();
            let parts = [
                (Purpose::Goods, &goods),
                (Purpose::Services, &services),
                (Purpose::Deposits, &deposits),
                (Purpose::Vat, &group.whole.tax),
            ];
            for (purpose, amount) in parts {
                let account = accounts.find(purpose, &group.category, group.rate.as_ref());
                lines.add(owes.other(), account, None, amount);
            }
        }
        Self {
            journal: Journal::Sales,
            date: *issue_date,
            piece: number.clone(),
            piece_date: *issue_date,
            label: format!("{what} {number} {}", customer.name),
            valid_on: *validated_on,
            letter,
            lines: lines.0,
        }
    }

    pub(super) fn of_payment(paid: &Paid, accounts: &Accounts, letter: Option<Letter>) -> Self {
        let mut lines = Lines::default();
        lines.add(Side::Debit, accounts.of(Purpose::of_payment(paid.method)), None, &paid.amount);
        lines.add(Side::Credit, accounts.of(Purpose::Customers), Some(&paid.customer), &paid.amount);
        let what = if paid.is_reversal { "Annulation de règlement" } else { "Règlement" };
        Self {
            journal: Journal::of_payment(paid.method),
            date: paid.date,
            piece: paid.piece.clone(),
            piece_date: paid.received_on,
            label: format!("{what} {}", paid.customer.name),
            valid_on: paid.recorded_on,
            letter,
            lines: lines.0,
        }
    }

    /// # Errors
    /// `Unbalanced` if debit and credit are not the same.
    pub(super) fn check(&self) -> Result<(), AccountingError> {
        let sum = |side: Side| -> Money {
            self.lines.iter().filter(|line| line.side == side).map(|line| &line.amount).sum()
        };
        let (debit, credit) = (sum(Side::Debit), sum(Side::Credit));
        if debit == credit {
            return Ok(());
        }
        let (number, debit, credit) = (self.piece.clone(), debit.to_string(), credit.to_string());
        Err(AccountingError::Unbalanced { number, debit, credit })
    }
}

#[derive(Default)]
struct Lines(Vec<Line>);

impl Lines {
    /// Adds a line, unless its amount is zero. Amounts on the same account and the same side are one line.
    fn add(&mut self, side: Side, account: Booked, customer: Option<&Customer>, amount: &Money) {
        if amount.is_zero() {
            return;
        }
        let (side, amount) =
            if amount.is_negative() { (side.other(), amount.negated()) } else { (side, amount.clone()) };
        let auxiliary = customer.map(|customer| (customer.code.clone(), customer.name.clone()));
        let same =
            |line: &&mut Line| line.side == side && line.account == account && line.auxiliary == auxiliary;
        match self.0.iter_mut().find(same) {
            Some(line) => line.amount = line.amount.plus(&amount),
            None => self.0.push(Line { side, account, auxiliary, amount }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::accounts::tests::account;
    use super::super::group::tests::{group, money};
    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, day).expect("a date")
    }

    fn document(kind: InvoiceKind, gross: &str, groups: Vec<Group>) -> Document {
        Document {
            kind,
            number: "FA-2026-000001".to_owned(),
            issue_date: day(1),
            validated_on: day(2),
            customer: Customer { code: "C-1".to_owned(), name: "Librairie des Carmes".to_owned() },
            gross: money(gross),
            groups,
        }
    }

    fn told(entry: &Entry) -> Vec<String> {
        let text = |line: &Line| {
            let auxiliary = line.auxiliary.as_ref().map_or("", |(code, _)| code.as_str());
            format!("{:?} {}{auxiliary} {}", line.side, line.account.number, line.amount)
        };
        entry.lines.iter().map(text).collect()
    }

    #[test]
    fn an_invoice_a_credit_note_and_a_deposit_are_booked_as_the_chart_of_accounts_says() {
        let accounts = Accounts::default();
        let sold = group("90", "18", "75", "25");
        let invoice =
            Entry::of_document(&document(InvoiceKind::Invoice, "108", vec![sold.clone()]), &accounts, None);
        let expected =
            ["Debit 411000C-1 108.00", "Credit 707000 67.50", "Credit 706000 22.50", "Credit 445710 18.00"];
        assert_eq!(told(&invoice), expected);
        assert_eq!(invoice.check(), Ok(()));
        let back = Entry::of_document(&document(InvoiceKind::CreditNote, "108", vec![sold]), &accounts, None);
        let expected =
            ["Credit 411000C-1 108.00", "Debit 707000 67.50", "Debit 706000 22.50", "Debit 445710 18.00"];
        assert_eq!(told(&back), expected);
        let deposit =
            Group { goods: Money::zero(), goods_deposits: money("300"), ..group("300", "60", "0", "0") };
        let deposit =
            Entry::of_document(&document(InvoiceKind::Prepayment, "360", vec![deposit]), &accounts, None);
        assert_eq!(told(&deposit), ["Debit 411000C-1 360.00", "Credit 419100 300.00", "Credit 445710 60.00"]);
        let last = Group { goods_deposits: money("-300"), ..group("700", "140", "1000", "0") };
        let last = Entry::of_document(&document(InvoiceKind::Invoice, "840", vec![last]), &accounts, None);
        let expected = [
            "Debit 411000C-1 840.00",
            "Credit 707000 1000.00",
            "Debit 419100 300.00",
            "Credit 445710 140.00",
        ];
        assert_eq!(told(&last), expected);
        assert_eq!((last.check(), deposit.check(), back.check()), (Ok(()), Ok(()), Ok(())));
    }

    #[test]
    fn a_payment_is_booked_on_the_account_of_its_method_and_a_reversal_the_other_way_round() {
        let accounts = Accounts::new(vec![account(Purpose::Card, None, None, "511500")]).expect("valid");
        let paid = Paid {
            method: PaymentMethod::Cash,
            piece: "R-1".to_owned(),
            received_on: day(1),
            date: day(1),
            recorded_on: day(2),
            is_reversal: false,
            customer: Customer { code: "C-1".to_owned(), name: "A".to_owned() },
            amount: money("12"),
        };
        let entry = Entry::of_payment(&paid, &accounts, None);
        assert_eq!(
            (entry.journal, told(&entry)),
            (Journal::Cash, vec!["Debit 530000 12.00".to_owned(), "Credit 411000C-1 12.00".to_owned()])
        );
        let back = Paid { method: PaymentMethod::Card, is_reversal: true, amount: money("-12"), ..paid };
        let entry = Entry::of_payment(&back, &accounts, None);
        assert_eq!(
            (entry.journal, told(&entry)),
            (Journal::Bank, vec!["Credit 511500 12.00".to_owned(), "Debit 411000C-1 12.00".to_owned()])
        );
        assert_eq!(entry.check(), Ok(()));
    }

    #[test]
    fn an_entry_that_does_not_balance_is_named() {
        let entry = Entry::of_document(
            &document(InvoiceKind::Invoice, "108.01", vec![group("90", "18", "90", "0")]),
            &Accounts::default(),
            None,
        );
        let refused = entry.check().expect_err("refused").to_string();
        assert!(
            refused.contains("FA-2026-000001") && refused.contains("108.01") && refused.contains("108.00"),
            "{refused}"
        );
    }

    proptest! {
        #[test]
        fn every_entry_balances(parts in prop::collection::vec((0i64..100_000, 0i64..20_000, -50_000i64..50_000, -50_000i64..50_000, -50_000i64..50_000), 1..6)) {
            let cents = |cents: i64| Money::rounded(&bigdecimal::BigDecimal::new(cents.into(), 2));
            let mut gross = Money::zero();
            let mut groups = Vec::new();
            for (base, tax, goods, services, deposits) in parts {
                let mut one = group("0", "0", "0", "0");
                (one.whole.base, one.whole.tax) = (cents(base), cents(tax));
                (one.goods, one.services, one.goods_deposits) = (cents(goods), cents(services), cents(deposits));
                gross = gross.plus(&one.whole.base).plus(&one.whole.tax);
                groups.push(one);
            }
            let entry = Entry::of_document(&document(InvoiceKind::Invoice, &gross.to_string(), groups), &Accounts::default(), None);
            prop_assert_eq!(entry.check(), Ok(()));
            prop_assert!(entry.lines.iter().all(|line| !line.amount.is_negative() && !line.amount.is_zero()));
        }
    }
}
