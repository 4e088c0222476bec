//! Which account an amount is booked on: the company's own, or the usual one of the French chart of accounts (plan comptable général, ANC 2014-03).

use std::fmt;

use bigdecimal::BigDecimal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::commerce::payments::PaymentMethod;
use crate::commerce::vat::Category;
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::VatRate;
use crate::values::text::text;

text!(AccountLabel, "an account's label", 100);

/// The maximum number of accounts that a company has of its own.
pub const MAX_ACCOUNTS: usize = 200;
/// The maximum length of an account's number.
const MAX_DIGITS: usize = 20;

/// The number of an account: three digits of the chart of accounts, then digits and capital letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AccountNumber(String);

impl AccountNumber {
    /// # Errors
    /// `not_an_account` if it does not begin with three digits, is longer than 20 characters, or has others than digits and capital letters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let begins = text.len() >= 3 && text.bytes().take(3).all(|byte| byte.is_ascii_digit());
        let fits = text.len() <= MAX_DIGITS
            && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        if begins && fits {
            return Ok(Self(text.to_owned()));
        }
        let message = "an account begins with three digits of the chart of accounts, and has at most 20 digits and capital letters, such as 707100";
        Err(Invalid::new("not_an_account", message))
    }

    pub(super) fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is booked on an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AccountPurpose)]
pub enum Purpose {
    /// What customers owe.
    Customers,
    /// Sales of goods.
    Goods,
    /// Sales of services.
    Services,
    /// VAT that is collected.
    Vat,
    /// Deposits of customers, until the final invoice takes them off.
    Deposits,
    /// Payments by transfer; the ones after it by the other methods.
    Transfer,
    Card,
    Cheque,
    Cash,
    DirectDebit,
    Other,
}

impl Purpose {
    pub const ALL: [Self; 11] = [
        Self::Customers,
        Self::Goods,
        Self::Services,
        Self::Vat,
        Self::Deposits,
        Self::Transfer,
        Self::Card,
        Self::Cheque,
        Self::Cash,
        Self::DirectDebit,
        Self::Other,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Goods => "goods",
            Self::Services => "services",
            Self::Vat => "vat",
            Self::Deposits => "deposits",
            Self::Transfer => "transfer",
            Self::Card => "card",
            Self::Cheque => "cheque",
            Self::Cash => "cash",
            Self::DirectDebit => "direct_debit",
            Self::Other => "other",
        }
    }

    pub(super) fn of_payment(method: PaymentMethod) -> Self {
        match method {
            PaymentMethod::Transfer => Self::Transfer,
            PaymentMethod::Card => Self::Card,
            PaymentMethod::Cheque => Self::Cheque,
            PaymentMethod::Cash => Self::Cash,
            PaymentMethod::DirectDebit => Self::DirectDebit,
            PaymentMethod::Other => Self::Other,
        }
    }

    /// Whether its account may depend on the category and the rate of the VAT.
    const fn knows_vat(self) -> bool {
        matches!(self, Self::Goods | Self::Services | Self::Vat | Self::Deposits)
    }

    /// The usual account.
    const fn usual(self) -> (&'static str, &'static str) {
        match self {
            Self::Customers => ("411000", "Clients"),
            Self::Goods => ("707000", "Ventes de marchandises"),
            Self::Services => ("706000", "Prestations de services"),
            Self::Vat => ("445710", "TVA collectée"),
            Self::Deposits => ("419100", "Clients - avances et acomptes reçus"),
            Self::Cash => ("530000", "Caisse"),
            Self::Transfer | Self::Card | Self::Cheque | Self::DirectDebit | Self::Other => {
                ("512000", "Banque")
            }
        }
    }
}

/// An account of the company's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub purpose: Purpose,
    /// `None`: of every category.
    pub category: Option<Category>,
    /// `None`: of every rate.
    pub rate: Option<VatRate>,
    pub number: AccountNumber,
    pub label: AccountLabel,
}

impl Account {
    fn rate(&self) -> Option<&BigDecimal> {
        self.rate.as_ref().map(VatRate::value)
    }

    /// How closely it fits, from 0; `None` if it does not fit.
    fn fits(&self, purpose: Purpose, category: &str, rate: Option<&BigDecimal>) -> Option<u8> {
        let of_category = self.category.is_none_or(|own| own.code() == category);
        let of_rate = self.rate().is_none_or(|own| rate.is_some_and(|rate| rate == own));
        let fits = self.purpose == purpose && of_category && of_rate;
        fits.then_some(u8::from(self.category.is_some()) + u8::from(self.rate.is_some()) * 2)
    }
}

/// The accounts of a company. Each purpose, category and rate has one at most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Accounts(Vec<Account>);

/// An account as an entry names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Booked {
    pub(super) number: String,
    pub(super) label: String,
}

impl Accounts {
    /// # Errors
    /// Fails with all that is wrong: too many, two of the same, a category or a rate where there is none.
    pub(super) fn new(accounts: Vec<Account>) -> Result<Self, Vec<FieldError>> {
        let mut faults = Vec::new();
        if accounts.len() > MAX_ACCOUNTS {
            let message = format!("a company has at most {MAX_ACCOUNTS} accounts, not {}", accounts.len());
            return Err(vec![Invalid::new("too_many", message).at("/accounts")]);
        }
        for (index, account) in accounts.iter().enumerate() {
            let at = format!("/accounts/{index}");
            let key = |one: &Account| (one.purpose, one.category);
            let same = |other: &Account| key(other) == key(account) && other.rate() == account.rate();
            if accounts.iter().take(index).any(same) {
                let message = "there is one account for each purpose, category and rate";
                faults.push(Invalid::new("named_twice", message).at(format!("{at}/purpose")));
            }
            if !account.purpose.knows_vat() && (account.category.is_some() || account.rate.is_some()) {
                let member = if account.category.is_some() { "category" } else { "rate" };
                let message = format!("the account of {} is the same for all VAT", account.purpose.name());
                faults.push(Invalid::new("not_of_vat", message).at(format!("{at}/{member}")));
            }
        }
        if faults.is_empty() { Ok(Self(accounts)) } else { Err(faults) }
    }

    /// Wraps accounts from the database, where they were checked before they were stored.
    pub(super) fn stored(accounts: Vec<Account>) -> Self {
        Self(accounts)
    }

    pub(super) fn all(&self) -> &[Account] {
        &self.0
    }

    /// The one that fits most closely: that of the rate before that of the category, before that of the purpose, before the usual one.
    pub(super) fn find(&self, purpose: Purpose, category: &str, rate: Option<&BigDecimal>) -> Booked {
        let fitting =
            self.0.iter().filter_map(|account| Some((account.fits(purpose, category, rate)?, account)));
        match fitting.max_by_key(|(closeness, _)| *closeness) {
            Some((_, account)) => {
                Booked { number: account.number.to_string(), label: account.label.to_string() }
            }
            None => {
                let (number, label) = purpose.usual();
                Booked { number: number.to_owned(), label: label.to_owned() }
            }
        }
    }

    /// The account of what has nothing to do with VAT.
    pub(super) fn of(&self, purpose: Purpose) -> Booked {
        self.find(purpose, "", None)
    }
}

/// The usual accounts, of every purpose.
pub(super) fn usual() -> impl Iterator<Item = (Purpose, &'static str, &'static str)> {
    Purpose::ALL.into_iter().map(|purpose| {
        let (number, label) = purpose.usual();
        (purpose, number, label)
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn account(
        purpose: Purpose,
        category: Option<&str>,
        rate: Option<&str>,
        number: &str,
    ) -> Account {
        Account {
            purpose,
            category: category.and_then(Category::stored),
            rate: rate.and_then(|rate| VatRate::parse(rate).ok()),
            number: AccountNumber::parse(number).expect("an account"),
            label: AccountLabel::parse("A label").expect("a label"),
        }
    }

    fn decimal(text: &str) -> BigDecimal {
        text.parse().expect("a decimal")
    }

    #[test]
    fn the_account_that_fits_most_closely_is_taken() {
        let accounts = Accounts::new(vec![
            account(Purpose::Goods, None, None, "707100"),
            account(Purpose::Goods, Some("K"), None, "707200"),
            account(Purpose::Vat, None, Some("5.5"), "445712"),
            account(Purpose::Vat, Some("S"), Some("20"), "445711"),
        ])
        .expect("valid");
        let number = |purpose, category: &str, rate: &str| {
            accounts.find(purpose, category, Some(&decimal(rate))).number
        };
        assert_eq!(number(Purpose::Goods, "S", "20.00"), "707100");
        assert_eq!(number(Purpose::Goods, "K", "0"), "707200");
        assert_eq!(number(Purpose::Vat, "S", "20.00"), "445711", "20 and 20.00 are one rate");
        assert_eq!(number(Purpose::Vat, "S", "5.50"), "445712");
        assert_eq!(number(Purpose::Vat, "S", "10"), "445710", "the usual one");
        assert_eq!(accounts.of(Purpose::Cash).number, "530000");
        assert_eq!(accounts.find(Purpose::Vat, "O", None).number, "445710");
    }

    #[test]
    fn what_is_wrong_with_accounts_is_named() {
        let faults = Accounts::new(vec![
            account(Purpose::Goods, Some("S"), Some("20"), "707100"),
            account(Purpose::Goods, Some("S"), Some("20.00"), "707200"),
            account(Purpose::Cash, Some("S"), None, "531000"),
        ])
        .expect_err("refused");
        let found: Vec<_> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
        assert_eq!(found, [("/accounts/1/purpose", "named_twice"), ("/accounts/2/category", "not_of_vat")]);
        let many = vec![account(Purpose::Goods, None, None, "707100"); MAX_ACCOUNTS + 1];
        assert_eq!(Accounts::new(many).map_err(|faults| faults[0].code), Err("too_many"));
        for wrong in ["70", "7A7000", "707 00", "707000a", "", "707000000000000000000"] {
            assert!(AccountNumber::parse(wrong).is_err(), "{wrong:?}");
        }
        for purpose in Purpose::ALL {
            assert_eq!(serde_json::to_value(purpose).expect("JSON"), purpose.name());
            assert!(AccountNumber::parse(purpose.usual().0).is_ok());
        }
    }
}
