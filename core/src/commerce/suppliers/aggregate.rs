//! The supplier and its rules.

use chrono::{DateTime, Utc};

use super::events::SupplierEvent;
use crate::application::error::{Category, DomainError};
use crate::commerce::addresses::Address;
use crate::values::contact::VatNumber;
use crate::values::external_id::ExternalId;
use crate::values::ids::SupplierId;
use crate::values::payment_terms::PaymentTerms;
use crate::values::text::text;

text!(
    /// The supplier's number in the company's own books; unique in a tenant.
    SupplierCode, "a supplier code", 50
);
text!(SupplierName, "a supplier name", 200);

/// The data of a supplier in a request that creates or updates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupplierDetails {
    pub external_id: Option<ExternalId>,
    pub code: SupplierCode,
    pub name: SupplierName,
    pub vat_number: Option<VatNumber>,
    /// At most 20.
    pub addresses: Vec<Address>,
    /// `None` if nothing was agreed.
    pub payment_terms: Option<PaymentTerms>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supplier {
    pub(super) id: SupplierId,
    pub(super) version: i64,
    pub(super) details: SupplierDetails,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl Supplier {
    pub fn create(id: SupplierId, details: SupplierDetails, now: DateTime<Utc>) -> (Self, SupplierEvent) {
        let supplier = Self { id, version: 1, details, created_at: now, updated_at: now };
        let event = SupplierEvent::Created(supplier.clone());
        (supplier, event)
    }

    /// Returns `None` if nothing changes.
    pub fn update(&mut self, details: SupplierDetails, now: DateTime<Utc>) -> Option<SupplierEvent> {
        if self.details == details {
            return None;
        }
        self.details = details;
        self.version += 1;
        self.updated_at = now;
        Some(SupplierEvent::Updated(self.clone()))
    }

    pub fn delete(mut self, now: DateTime<Utc>) -> SupplierEvent {
        self.version += 1;
        self.updated_at = now;
        SupplierEvent::Deleted(self)
    }

    pub fn details(&self) -> &SupplierDetails {
        &self.details
    }

    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SupplierError {
    #[error("there is no supplier {0}")]
    NotFound(SupplierId),
    #[error("the code {0:?} belongs to another supplier; codes are unique")]
    CodeTaken(String),
    #[error("the external id {0:?} belongs to another supplier; external ids are unique")]
    ExternalIdTaken(String),
    #[error("purchase orders or receipts name supplier {0}, who cannot be deleted")]
    InUse(SupplierId),
}

impl DomainError for SupplierError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::CodeTaken(_) | Self::ExternalIdTaken(_) | Self::InUse(_) => Category::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "supplier_not_found",
            Self::CodeTaken(_) => "supplier_code_taken",
            Self::ExternalIdTaken(_) => "supplier_external_id_taken",
            Self::InUse(_) => "supplier_in_use",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(name: &str) -> SupplierDetails {
        SupplierDetails {
            external_id: None,
            code: SupplierCode::parse("S-1").expect("valid"),
            name: SupplierName::parse(name).expect("valid"),
            vat_number: None,
            addresses: vec![],
            payment_terms: None,
        }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
    }

    fn supplier() -> Supplier {
        Supplier::create(SupplierId::generate(), details("Terres de Thé"), at(0)).0
    }

    #[test]
    fn creating_a_supplier_announces_it_at_version_one() {
        let (supplier, event) = Supplier::create(SupplierId::generate(), details("Terres de Thé"), at(0));
        assert_eq!(supplier.version, 1);
        assert_eq!(event, SupplierEvent::Created(supplier));
    }

    #[test]
    fn an_update_raises_the_version_and_announces_the_supplier_unless_nothing_changes() {
        let mut supplier = supplier();
        assert_eq!(supplier.update(details("Terres de Thé"), at(1)), None);
        assert_eq!((supplier.version, supplier.updated_at), (1, at(0)));
        let terms = PaymentTerms::new(45, true).ok();
        let event =
            supplier.update(SupplierDetails { payment_terms: terms, ..details("Terres de Thé") }, at(1));
        assert_eq!((supplier.version, supplier.updated_at), (2, at(1)));
        assert_eq!(event, Some(SupplierEvent::Updated(supplier)));
    }

    #[test]
    fn deleting_a_supplier_announces_it_with_the_next_version() {
        let SupplierEvent::Deleted(deleted) = supplier().delete(at(1)) else { panic!("not deleted") };
        assert_eq!((deleted.version, deleted.updated_at), (2, at(1)));
    }
}
