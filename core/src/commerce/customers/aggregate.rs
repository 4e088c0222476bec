//! The customer and its rules.

use std::fmt;

use bigdecimal::{BigDecimal, Signed};
use chrono::{DateTime, NaiveDate, Utc};

use super::anonymising::{self, EMAIL, Keeper, NAME, Trade};
use super::events::CustomerEvent;
use super::invoicing::CustomerInvoicing;
use crate::application::error::{Category, DomainError};
use crate::commerce::addresses::Address;
use crate::values::contact::{Email, VatNumber};
use crate::values::external_id::ExternalId;
use crate::values::ids::{CustomerGroupId, CustomerId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::Money;
use crate::values::text::text;

text!(
    /// The customer's number in the company's own books; unique in a tenant.
    CustomerCode, "a customer code", 50
);
text!(CustomerName, "a customer name", 200);

/// What a customer's open orders may come to, in the company's currency; zero or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditLimit(Money);

impl CreditLimit {
    /// # Errors
    /// Fails if the text is not a decimal string, is negative, or has more than fifteen digits before or two after the point.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let amount = Money::parse(text)?;
        if amount.value().is_negative() {
            return Err(Invalid::new("negative", "a credit limit must be zero or more; null is no limit"));
        }
        Ok(Self(amount))
    }

    pub(crate) fn stored(value: &BigDecimal) -> Self {
        Self(Money::rounded(value))
    }

    pub fn amount(&self) -> &Money {
        &self.0
    }
}

impl fmt::Display for CreditLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The data of a customer in a request that creates or updates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerDetails {
    pub external_id: Option<ExternalId>,
    pub code: CustomerCode,
    pub name: CustomerName,
    pub email: Email,
    pub vat_number: Option<VatNumber>,
    /// At most 20.
    pub addresses: Vec<Address>,
    /// `None` is no limit.
    pub credit_limit: Option<CreditLimit>,
    /// What invoices need.
    pub invoicing: CustomerInvoicing,
    /// The group whose prices it has, if it is in one.
    pub group_id: Option<CustomerGroupId>,
}

impl CustomerDetails {
    /// Checks that whoever may not set credit limits leaves this one as it was.
    ///
    /// # Errors
    /// `CreditLimitForbidden` if it is another one.
    pub(super) fn check_credit_limit(
        &self,
        before: Option<&CreditLimit>,
        may_set: bool,
    ) -> Result<(), CustomerError> {
        if may_set || self.credit_limit.as_ref() == before {
            return Ok(());
        }
        Err(CustomerError::CreditLimitForbidden)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    pub(super) id: CustomerId,
    pub(super) version: i64,
    pub(super) details: CustomerDetails,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) anonymised_at: Option<DateTime<Utc>>,
}

impl Customer {
    pub fn create(id: CustomerId, details: CustomerDetails, now: DateTime<Utc>) -> (Self, CustomerEvent) {
        let customer =
            Self { id, version: 1, details, created_at: now, updated_at: now, anonymised_at: None };
        let event = CustomerEvent::Created(customer.clone());
        (customer, event)
    }

    /// Returns `None` if nothing changes.
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
    /// Fails if the customer has orders or invoices: they refer to it.
    pub fn delete(
        mut self,
        has_orders: bool,
        has_invoices: bool,
        now: DateTime<Utc>,
    ) -> Result<CustomerEvent, CustomerError> {
        if has_orders {
            return Err(CustomerError::HasOrders(self.id));
        }
        if has_invoices {
            return Err(CustomerError::HasInvoices(self.id));
        }
        self.version += 1;
        self.updated_at = now;
        Ok(CustomerEvent::Deleted(self))
    }

    /// Takes away everything that says who the customer is: what is left tells one customer from another. Returns `None` if that was done before.
    ///
    /// # Errors
    /// `Kept` if the law, or something that is open, keeps the customer.
    pub(super) fn anonymise(
        &mut self,
        trade: &Trade,
        today: NaiveDate,
        now: DateTime<Utc>,
    ) -> Result<Option<CustomerEvent>, CustomerError> {
        if self.is_anonymised() {
            return Ok(None);
        }
        let keepers = anonymising::keepers(trade, today);
        if keepers.is_empty() {
            Ok(Some(self.forget(now)))
        } else {
            Err(CustomerError::Kept(self.id, keepers))
        }
    }

    /// What [`Self::anonymise`] does to a customer whom nothing keeps.
    pub(crate) fn forget(&mut self, now: DateTime<Utc>) -> CustomerEvent {
        self.details = CustomerDetails {
            external_id: None,
            code: CustomerCode::stored(format!("anonymised-{}", self.id)),
            name: CustomerName::stored(NAME.to_owned()),
            email: Email::stored(EMAIL.to_owned()),
            vat_number: None,
            addresses: Vec::new(),
            credit_limit: None,
            // What kind of customer it was says nothing of who it was, and sums need it.
            invoicing: CustomerInvoicing {
                kind: self.details.invoicing.kind,
                ..CustomerInvoicing::default()
            },
            group_id: None,
        };
        self.version += 1;
        self.updated_at = now;
        self.anonymised_at = Some(now);
        CustomerEvent::Anonymised(self.clone())
    }

    pub(crate) fn is_anonymised(&self) -> bool {
        self.anonymised_at.is_some()
    }

    /// # Errors
    /// `Anonymised` if it is: whoever it was is not written into it again.
    pub(super) fn check_known(&self) -> Result<(), CustomerError> {
        if self.is_anonymised() { Err(CustomerError::Anonymised(self.id)) } else { Ok(()) }
    }

    pub fn details(&self) -> &CustomerDetails {
        &self.details
    }

    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustomerError {
    #[error("there is no customer {0}")]
    NotFound(CustomerId),
    #[error("the code {0:?} belongs to another customer; codes are unique")]
    CodeTaken(String),
    #[error("the external id {0:?} belongs to another customer; external ids are unique")]
    ExternalIdTaken(String),
    #[error("customer {0} has orders and cannot be deleted")]
    HasOrders(CustomerId),
    #[error("customer {0} has invoices, or drafts of some, and cannot be deleted")]
    HasInvoices(CustomerId),
    #[error("customer {0} has price lists and cannot be deleted: delete them first")]
    HasPriceLists(CustomerId),
    #[error("there is no group of customers {0}")]
    GroupUnknown(CustomerGroupId),
    #[error("customer {0} is kept {kept}", kept = anonymising::words(.1))]
    Kept(CustomerId, Vec<Keeper>),
    #[error("customer {0} was anonymised: create another one")]
    Anonymised(CustomerId),
    #[error("this needs the permission customers:credit: leave credit_limit out, or send it as GET gives it")]
    CreditLimitForbidden,
}

impl DomainError for CustomerError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::CodeTaken(_)
            | Self::ExternalIdTaken(_)
            | Self::HasOrders(_)
            | Self::HasInvoices(_)
            | Self::HasPriceLists(_)
            | Self::Kept(..)
            | Self::Anonymised(_) => Category::Conflict,
            Self::GroupUnknown(_) => Category::Invalid,
            Self::CreditLimitForbidden => Category::Forbidden,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "customer_not_found",
            Self::CodeTaken(_) => "customer_code_taken",
            Self::ExternalIdTaken(_) => "customer_external_id_taken",
            Self::HasOrders(_) => "customer_has_orders",
            Self::HasInvoices(_) => "customer_has_invoices",
            Self::HasPriceLists(_) => "customer_has_price_lists",
            Self::GroupUnknown(_) => "invalid_request",
            Self::Kept(..) => "customer_kept",
            Self::Anonymised(_) => "customer_anonymised",
            Self::CreditLimitForbidden => "forbidden",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::CreditLimitForbidden => {
                vec![Invalid::new("forbidden", self.to_string()).at("/credit_limit")]
            }
            Self::GroupUnknown(_) => {
                vec![Invalid::new("unknown_group", self.to_string()).at("/group_id")]
            }
            Self::Kept(_, keepers) => keepers.iter().map(Keeper::field).collect(),
            Self::NotFound(_)
            | Self::CodeTaken(_)
            | Self::ExternalIdTaken(_)
            | Self::HasOrders(_)
            | Self::HasInvoices(_)
            | Self::HasPriceLists(_)
            | Self::Anonymised(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::aggregate::Aggregate;

    fn details(name: &str) -> CustomerDetails {
        CustomerDetails {
            external_id: None,
            code: CustomerCode::parse("C-1").expect("valid"),
            name: CustomerName::parse(name).expect("valid"),
            email: Email::parse("buyer@example.com").expect("valid"),
            vat_number: None,
            addresses: vec![],
            credit_limit: None,
            invoicing: CustomerInvoicing::default(),
            group_id: None,
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
    fn a_credit_limit_is_an_amount_of_zero_or_more() {
        assert_eq!(CreditLimit::parse("5000").expect("valid").to_string(), "5000.00");
        assert_eq!(CreditLimit::parse("0").expect("valid").to_string(), "0.00");
        for (text, code) in [("-0.01", "negative"), ("1.005", "too_precise"), ("1e3", "not_a_decimal")] {
            assert_eq!(CreditLimit::parse(text).map_err(|refused| refused.code), Err(code), "{text}");
        }
    }

    #[test]
    fn who_may_not_set_a_credit_limit_may_leave_it_as_it_is() {
        let limit = |text: &str| Some(CreditLimit::parse(text).expect("valid"));
        let asked = |text: &str| CustomerDetails { credit_limit: limit(text), ..details("Ada") };
        let check = |asked: CustomerDetails, before: Option<CreditLimit>, may| {
            asked.check_credit_limit(before.as_ref(), may)
        };
        assert_eq!(check(asked("10"), limit("10.00"), false), Ok(()));
        assert_eq!(check(details("Ada"), None, false), Ok(()));
        for before in [None, limit("20")] {
            let refused = check(asked("10"), before.clone(), false).expect_err("refused");
            assert_eq!(refused.fields()[0].pointer, "/credit_limit");
            assert_eq!(check(asked("10"), before, true), Ok(()));
        }
        assert_eq!(check(details("Ada"), limit("10"), false), Err(CustomerError::CreditLimitForbidden));
    }

    #[test]
    fn a_customer_with_orders_or_invoices_cannot_be_deleted() {
        let (customer, _) = Customer::create(CustomerId::generate(), details("Ada"), at(0));
        let id = customer.id();
        assert_eq!(customer.clone().delete(true, true, at(1)), Err(CustomerError::HasOrders(id)));
        assert_eq!(customer.delete(false, true, at(1)), Err(CustomerError::HasInvoices(id)));
    }

    #[test]
    fn of_an_anonymised_customer_nothing_is_left_that_says_who_it_was() {
        let (customer, _) = Customer::create(CustomerId::generate(), details("Ada"), at(0));
        let today = at(1).date_naive();
        let mut trade = Trade {
            open_orders: 1,
            last_shipment: None,
            open_invoices: 0,
            last_invoice: None,
            credit: Money::zero(),
            last_payment: None,
        };
        let mut kept = customer.clone();
        let refused = kept.anonymise(&trade, today, at(1)).expect_err("refused");
        assert_eq!((refused.code(), refused.fields()[0].code), ("customer_kept", "open_orders"));
        assert_eq!(kept, customer);

        trade.open_orders = 0;
        let event = kept.anonymise(&trade, today, at(1)).expect("allowed");
        assert_eq!(event, Some(CustomerEvent::Anonymised(kept.clone())));
        assert_eq!((kept.version(), kept.anonymised_at), (2, Some(at(1))));
        let text = format!("{kept:?}");
        assert!(!text.contains("Ada") && !text.contains("buyer@") && !text.contains("C-1"), "{text}");
        assert!(CustomerCode::parse(kept.details().code.as_str()).is_ok(), "a code as any other");
        assert!(Email::parse(kept.details().email.as_str()).is_ok(), "an address as any other");
        assert_eq!(kept.check_known().map_err(|refused| refused.code()), Err("customer_anonymised"));
        assert_eq!(kept.anonymise(&trade, today, at(2)), Ok(None), "once is enough");
    }

    #[test]
    fn deleting_a_customer_announces_it_with_the_next_version() {
        let (customer, _) = Customer::create(CustomerId::generate(), details("Ada"), at(0));
        let Ok(CustomerEvent::Deleted(deleted)) = customer.delete(false, false, at(1)) else {
            panic!("not deleted")
        };
        assert_eq!(deleted.version(), 2);
    }
}
