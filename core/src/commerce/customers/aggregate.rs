//! The customer and its rules.

use chrono::{DateTime, Utc};

use super::events::CustomerEvent;
use super::invoicing::CustomerInvoicing;
use crate::application::error::{Category, DomainError};
use crate::commerce::addresses::Address;
use crate::values::contact::{Email, VatNumber};
use crate::values::external_id::ExternalId;
use crate::values::ids::CustomerId;
use crate::values::text::text;

text!(
    /// The customer's number in the company's own books; unique in a tenant.
    CustomerCode, "a customer code", 50
);
text!(CustomerName, "a customer name", 200);

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
    pub invoicing: CustomerInvoicing,
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
}

impl DomainError for CustomerError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::CodeTaken(_) | Self::ExternalIdTaken(_) | Self::HasOrders(_) | Self::HasInvoices(_) => {
                Category::Conflict
            }
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "customer_not_found",
            Self::CodeTaken(_) => "customer_code_taken",
            Self::ExternalIdTaken(_) => "customer_external_id_taken",
            Self::HasOrders(_) => "customer_has_orders",
            Self::HasInvoices(_) => "customer_has_invoices",
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
            invoicing: CustomerInvoicing::default(),
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
    fn a_customer_with_orders_or_invoices_cannot_be_deleted() {
        let (customer, _) = Customer::create(CustomerId::generate(), details("Ada"), at(0));
        let id = customer.id();
        assert_eq!(customer.clone().delete(true, true, at(1)), Err(CustomerError::HasOrders(id)));
        assert_eq!(customer.delete(false, true, at(1)), Err(CustomerError::HasInvoices(id)));
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
