//! The customer and its rules.

use chrono::{DateTime, Utc};
use email_address::{EmailAddress, Options};
use serde::{Deserialize, Deserializer, Serialize};

use super::events::CustomerEvent;
use crate::error::{Category, DomainError};
use crate::ids::CustomerId;
use crate::invalid::Invalid;
use crate::text::{checked, text};

text!(
    /// The customer's number in the company's own books; unique in a tenant.
    CustomerCode, "a customer code", 50
);
text!(CustomerName, "a customer name", 200);

text!(
    /// A line of an address, a postal code, a city.
    AddressLine, "an address line", 200
);

/// From the database, where it was checked on its way in.
impl<'de> Deserialize<'de> for AddressLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::stored)
    }
}

/// Addresses of one customer at most.
const MAX_ADDRESSES: usize = 20;

/// An e-mail address (RFC 5321, RFC 6531), at most 254 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// # Errors
    /// `not_an_email`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = checked("an e-mail address", text, 254)?;
        let options = Options::default().without_display_text().without_domain_literal();
        match EmailAddress::parse_with_options(&text, options) {
            Ok(_) => Ok(Self(text)),
            Err(reason) => Err(Invalid::new(
                "not_an_email",
                format!("expected an address such as name@example.com: {reason}"),
            )),
        }
    }

    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A VAT identification number: a country prefix and 2 to 13 letters or digits, written without spaces (EN 16931
/// BT-48; the prefix is the ISO 3166-1 code, `EL` for Greece or `XI` for Northern Ireland: Directive 2006/112/EC,
/// article 215). That it is registered is for the tax authorities to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VatNumber(String);

impl VatNumber {
    /// # Errors
    /// `not_a_vat_number`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut compact: String = text.chars().filter(|c| !matches!(c, ' ' | '.' | '-')).collect();
        compact.make_ascii_uppercase();
        let fits =
            (4..=15).contains(&compact.len()) && compact.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let known =
            |prefix: &str| matches!(prefix, "EL" | "XI") || rust_iso3166::from_alpha2(prefix).is_some();
        if fits && compact.get(..2).is_some_and(known) {
            Ok(Self(compact))
        } else {
            Err(Invalid::new(
                "not_a_vat_number",
                "expected a country code and 2 to 13 letters or digits, such as FR40303265045",
            ))
        }
    }

    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A country by its two-letter code (ISO 3166-1 alpha-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Country(String);

impl Country {
    /// # Errors
    /// `not_a_country`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let code = text.to_ascii_uppercase();
        match rust_iso3166::from_alpha2(&code) {
            Some(_) => Ok(Self(code)),
            None => Err(Invalid::new("not_a_country", "expected a two-letter ISO 3166-1 code such as FR")),
        }
    }

    pub fn code(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressKind {
    Billing,
    Shipping,
}

/// A postal address, stored as part of its customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub kind: AddressKind,
    /// Street and number.
    pub line1: AddressLine,
    pub line2: Option<AddressLine>,
    pub postal_code: Option<AddressLine>,
    pub city: AddressLine,
    pub country: Country,
}

/// All that can be said of a customer by whoever creates or updates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerDetails {
    pub code: CustomerCode,
    pub name: CustomerName,
    pub email: Email,
    pub vat_number: Option<VatNumber>,
    /// At most 20.
    pub addresses: Vec<Address>,
}

impl CustomerDetails {
    /// # Errors
    /// `too_many`.
    pub fn check_address_count(count: usize) -> Result<(), Invalid> {
        if count > MAX_ADDRESSES {
            return Err(Invalid::new("too_many", format!("a customer may have {MAX_ADDRESSES} addresses")));
        }
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    pub(super) id: CustomerId,
    pub(super) version: i64,
    pub(super) details: CustomerDetails,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl Customer {
    pub fn create(id: CustomerId, details: CustomerDetails, now: DateTime<Utc>) -> (Self, CustomerEvent) {
        let customer = Self { id, version: 1, details, created_at: now, updated_at: now };
        let event = CustomerEvent::Created(customer.clone());
        (customer, event)
    }

    /// Nothing happens, and nothing is announced, when nothing changes.
    pub fn update(&mut self, details: CustomerDetails, now: DateTime<Utc>) -> Option<CustomerEvent> {
        if self.details == details {
            return None;
        }
        self.details = details;
        self.version += 1;
        self.updated_at = now;
        Some(CustomerEvent::Updated(self.clone()))
    }

    /// # Errors
    /// A customer that has ordered stays: its orders name it.
    pub fn delete(mut self, has_orders: bool, now: DateTime<Utc>) -> Result<CustomerEvent, CustomerError> {
        if has_orders {
            return Err(CustomerError::HasOrders(self.id));
        }
        self.version += 1;
        self.updated_at = now;
        Ok(CustomerEvent::Deleted(self))
    }

    pub fn id(&self) -> CustomerId {
        self.id
    }

    pub fn version(&self) -> i64 {
        self.version
    }

    pub fn details(&self) -> &CustomerDetails {
        &self.details
    }

    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    pub fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustomerError {
    #[error("there is no customer {0}")]
    NotFound(CustomerId),
    #[error("the code {0:?} belongs to another customer; codes are unique")]
    CodeTaken(String),
    #[error("customer {0} has orders and cannot be deleted")]
    HasOrders(CustomerId),
}

impl DomainError for CustomerError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::CodeTaken(_) | Self::HasOrders(_) => Category::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "customer_not_found",
            Self::CodeTaken(_) => "customer_code_taken",
            Self::HasOrders(_) => "customer_has_orders",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(name: &str) -> CustomerDetails {
        CustomerDetails {
            code: CustomerCode::parse("C-1").expect("valid"),
            name: CustomerName::parse(name).expect("valid"),
            email: Email::parse("buyer@example.com").expect("valid"),
            vat_number: None,
            addresses: vec![],
        }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
    }

    #[test]
    fn creating_a_customer_announces_it_at_version_one() {
        let (customer, event) = Customer::create(CustomerId::generate(), details("Ada"), at(0));
        assert_eq!(customer.version(), 1);
        assert_eq!(event, CustomerEvent::Created(customer));
    }

    #[test]
    fn updating_a_customer_raises_its_version_and_announces_it() {
        let (mut customer, _) = Customer::create(CustomerId::generate(), details("Ada"), at(0));
        let event = customer.update(details("Ada Ltd"), at(1));
        assert_eq!((customer.version(), customer.updated_at()), (2, at(1)));
        assert_eq!(event, Some(CustomerEvent::Updated(customer)));
    }

    #[test]
    fn an_update_that_changes_nothing_announces_nothing() {
        let (mut customer, _) = Customer::create(CustomerId::generate(), details("Ada"), at(0));
        assert_eq!(customer.update(details("Ada"), at(1)), None);
        assert_eq!((customer.version(), customer.updated_at()), (1, at(0)));
    }

    #[test]
    fn a_customer_with_orders_cannot_be_deleted() {
        let (customer, _) = Customer::create(CustomerId::generate(), details("Ada"), at(0));
        let id = customer.id();
        assert_eq!(customer.delete(true, at(1)), Err(CustomerError::HasOrders(id)));
    }

    #[test]
    fn deleting_a_customer_announces_it_with_the_next_version() {
        let (customer, _) = Customer::create(CustomerId::generate(), details("Ada"), at(0));
        let Ok(CustomerEvent::Deleted(deleted)) = customer.delete(false, at(1)) else {
            panic!("not deleted")
        };
        assert_eq!(deleted.version(), 2);
    }

    #[test]
    fn vat_numbers_are_kept_without_spaces_and_in_capitals() {
        assert_eq!(VatNumber::parse("fr 40 303 265 045").expect("valid").as_str(), "FR40303265045");
        assert_eq!(VatNumber::parse("EL123456789").expect("valid").as_str(), "EL123456789");
        for text in ["", "frß12", "12345678", "QQ123", "FR", "FR1", "FR12345678901234", "FRé12"] {
            assert_eq!(VatNumber::parse(text).map_err(|e| e.code), Err("not_a_vat_number"), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_no_email() {
        for text in
            ["ada", "ada@", "@example.com", "Ada <ada@example.com>", "ada@[127.0.0.1]", "a b@example.com"]
        {
            assert_eq!(Email::parse(text).map_err(|e| e.code), Err("not_an_email"), "{text:?}");
        }
    }
}
