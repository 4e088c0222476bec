//! The warehouse and its rules.

use chrono::{DateTime, Utc};

use super::events::WarehouseEvent;
use crate::application::error::{Category, DomainError};
use crate::values::contact::PostalAddress;
use crate::values::external_id::ExternalId;
use crate::values::ids::{InventoryCountId, WarehouseId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::language::Language;
use crate::values::text::text;

text!(
    /// The warehouse's short name in the company's own books; unique in a tenant.
    WarehouseCode, "a warehouse code", 50
);
text!(WarehouseName, "a warehouse name", 200);

/// The data of a warehouse in a request that creates or updates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarehouseDetails {
    pub external_id: Option<ExternalId>,
    pub code: WarehouseCode,
    pub name: WarehouseName,
    pub address: Option<PostalAddress>,
}

impl WarehouseDetails {
    /// Returns the data of the warehouse with which a company begins. Migration 1029 has the same for the companies that were there.
    pub(super) fn main(language: Language) -> Self {
        let name = match language {
            Language::Fr => "Entrepôt principal",
            Language::En => "Main warehouse",
        };
        Self {
            external_id: None,
            code: WarehouseCode::stored("MAIN".to_owned()),
            name: WarehouseName::stored(name.to_owned()),
            address: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warehouse {
    pub(super) id: WarehouseId,
    pub(super) version: i64,
    pub(super) details: WarehouseDetails,
    /// Whether it is meant where no warehouse is named. One warehouse of a company is.
    pub(super) is_default: bool,
    pub(super) archived_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl Warehouse {
    pub fn create(
        id: WarehouseId,
        details: WarehouseDetails,
        is_default: bool,
        now: DateTime<Utc>,
    ) -> (Self, WarehouseEvent) {
        let warehouse =
            Self { id, version: 1, details, is_default, archived_at: None, created_at: now, updated_at: now };
        let event = WarehouseEvent::Created(warehouse.clone());
        (warehouse, event)
    }

    /// Returns `None` if nothing changes.
    ///
    /// # Errors
    /// Fails if the warehouse is archived.
    pub fn update(
        &mut self,
        details: WarehouseDetails,
        now: DateTime<Utc>,
    ) -> Result<Option<WarehouseEvent>, WarehouseError> {
        self.check_in_use()?;
        if self.details == details {
            return Ok(None);
        }
        self.details = details;
        self.raise(now);
        Ok(Some(WarehouseEvent::Updated(self.clone())))
    }

    /// Returns `None` if it is the default already.
    ///
    /// # Errors
    /// Fails if the warehouse is archived.
    pub fn make_default(&mut self, now: DateTime<Utc>) -> Result<Option<WarehouseEvent>, WarehouseError> {
        self.check_in_use()?;
        if self.is_default {
            return Ok(None);
        }
        self.is_default = true;
        self.raise(now);
        Ok(Some(WarehouseEvent::Updated(self.clone())))
    }

    /// The other half of [`Self::make_default`]: another warehouse is the default from now on.
    pub fn lose_default(&mut self, now: DateTime<Utc>) -> WarehouseEvent {
        self.is_default = false;
        self.raise(now);
        WarehouseEvent::Updated(self.clone())
    }

    /// Closes the warehouse for good. `count` is an inventory count of it that is not over: it could put goods there yet.
    ///
    /// # Errors
    /// Fails if the warehouse is archived already, is the default, is being counted, or still has stock.
    pub fn archive(
        &mut self,
        has_stock: bool,
        count: Option<InventoryCountId>,
        now: DateTime<Utc>,
    ) -> Result<WarehouseEvent, WarehouseError> {
        self.check_in_use()?;
        if self.is_default {
            return Err(WarehouseError::IsDefault(self.id));
        }
        if let Some(count) = count {
            return Err(WarehouseError::BeingCounted { id: self.id, count });
        }
        if has_stock {
            return Err(WarehouseError::InUse(self.id));
        }
        self.archived_at = Some(now);
        self.raise(now);
        Ok(WarehouseEvent::Archived(self.clone()))
    }

    fn check_in_use(&self) -> Result<(), WarehouseError> {
        if self.is_archived() { Err(WarehouseError::Archived(self.id)) } else { Ok(()) }
    }

    fn raise(&mut self, now: DateTime<Utc>) {
        self.version += 1;
        self.updated_at = now;
    }

    pub fn details(&self) -> &WarehouseDetails {
        &self.details
    }

    pub fn is_default(&self) -> bool {
        self.is_default
    }

    pub fn is_archived(&self) -> bool {
        self.archived_at.is_some()
    }

    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WarehouseError {
    #[error("there is no warehouse {0}")]
    NotFound(WarehouseId),
    #[error("the code {0:?} belongs to another warehouse; codes are unique")]
    CodeTaken(String),
    #[error("the external id {0:?} belongs to another warehouse; external ids are unique")]
    ExternalIdTaken(String),
    #[error("warehouse {0} is archived and cannot be changed")]
    Archived(WarehouseId),
    #[error("warehouse {0} is the default and cannot be archived; make another one the default first")]
    IsDefault(WarehouseId),
    #[error("warehouse {0} still has stock and cannot be archived")]
    InUse(WarehouseId),
    #[error("inventory count {count} of warehouse {id} is not over; close it or cancel it first")]
    BeingCounted { id: WarehouseId, count: InventoryCountId },
    #[error(
        "the company has no default warehouse: name a warehouse, or create one, which then is the default"
    )]
    NoDefault,
}

impl DomainError for WarehouseError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::CodeTaken(_)
            | Self::ExternalIdTaken(_)
            | Self::Archived(_)
            | Self::IsDefault(_)
            | Self::InUse(_)
            | Self::BeingCounted { .. }
            | Self::NoDefault => Category::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "warehouse_not_found",
            Self::CodeTaken(_) => "warehouse_code_taken",
            Self::ExternalIdTaken(_) => "warehouse_external_id_taken",
            Self::Archived(_) => "warehouse_archived",
            Self::IsDefault(_) => "warehouse_is_default",
            Self::InUse(_) => "warehouse_in_use",
            Self::BeingCounted { .. } => "warehouse_being_counted",
            Self::NoDefault => "no_default_warehouse",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let Self::BeingCounted { count, .. } = self else { return Vec::new() };
        let counted = Invalid::new(self.code(), self.to_string()).at("");
        vec![FieldError { inventory_count_id: Some(count.to_string().into()), ..counted }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(name: &str) -> WarehouseDetails {
        WarehouseDetails {
            external_id: None,
            code: WarehouseCode::parse("W-1").expect("valid"),
            name: WarehouseName::parse(name).expect("valid"),
            address: None,
        }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
    }

    fn warehouse(is_default: bool) -> Warehouse {
        Warehouse::create(WarehouseId::generate(), details("Quai Sud"), is_default, at(0)).0
    }

    #[test]
    fn creating_a_warehouse_announces_it_at_version_one() {
        let (warehouse, event) =
            Warehouse::create(WarehouseId::generate(), details("Quai Sud"), false, at(0));
        assert_eq!((warehouse.version, warehouse.is_default), (1, false));
        assert_eq!(event, WarehouseEvent::Created(warehouse));
    }

    #[test]
    fn the_first_warehouse_is_named_in_the_companys_language() {
        for (language, name) in [(Language::Fr, "Entrepôt principal"), (Language::En, "Main warehouse")] {
            let details = WarehouseDetails::main(language);
            assert_eq!((details.code.as_str(), details.name.as_str()), ("MAIN", name));
            assert_eq!(WarehouseCode::parse(details.code.as_str()), Ok(details.code));
            assert_eq!(WarehouseName::parse(name), Ok(details.name));
        }
    }

    #[test]
    fn an_update_raises_the_version_and_announces_the_warehouse_unless_nothing_changes() {
        let mut warehouse = warehouse(true);
        assert_eq!(warehouse.update(details("Quai Sud"), at(1)), Ok(None));
        assert_eq!((warehouse.version, warehouse.updated_at), (1, at(0)));
        let event = warehouse.update(details("Quai Nord"), at(1));
        assert_eq!((warehouse.version, warehouse.updated_at, warehouse.is_default), (2, at(1), true));
        assert_eq!(event, Ok(Some(WarehouseEvent::Updated(warehouse))));
    }

    #[test]
    fn the_default_goes_from_one_to_another_and_both_say_so() {
        let (mut former, mut next) = (warehouse(true), warehouse(false));
        let gained = next.make_default(at(1));
        assert_eq!((next.version, next.is_default), (2, true));
        assert_eq!(gained, Ok(Some(WarehouseEvent::Updated(next.clone()))));
        let lost = former.lose_default(at(1));
        assert_eq!((former.version, former.is_default), (2, false));
        assert_eq!(lost, WarehouseEvent::Updated(former));
        assert_eq!(next.make_default(at(2)), Ok(None), "it is already");
        assert_eq!(next.version, 2);
    }

    #[test]
    fn the_default_and_a_warehouse_with_stock_are_not_archived() {
        let mut default = warehouse(true);
        assert_eq!(default.archive(false, None, at(1)).map(drop), Err(WarehouseError::IsDefault(default.id)));
        let mut other = warehouse(false);
        assert_eq!(other.archive(true, None, at(1)).map(drop), Err(WarehouseError::InUse(other.id)));
        assert_eq!((default.version, other.version), (1, 1));
    }

    #[test]
    fn a_warehouse_that_is_being_counted_is_not_archived_and_the_count_is_named() {
        let mut warehouse = warehouse(false);
        let count = InventoryCountId::generate();
        let refused = warehouse.archive(false, Some(count), at(1)).expect_err("refused");
        assert_eq!((refused.code(), warehouse.version), ("warehouse_being_counted", 1));
        let named: Vec<_> = refused.fields().into_iter().map(|field| field.inventory_count_id).collect();
        assert_eq!(named, [Some(count.to_string().into_boxed_str())]);
    }

    #[test]
    fn an_archived_warehouse_does_not_change() {
        let mut warehouse = warehouse(false);
        let event = warehouse.archive(false, None, at(1));
        assert_eq!((warehouse.version, warehouse.archived_at), (2, Some(at(1))));
        assert_eq!(event, Ok(WarehouseEvent::Archived(warehouse.clone())));
        let archived = WarehouseError::Archived(warehouse.id);
        assert_eq!(warehouse.update(details("Quai Nord"), at(2)), Err(archived.clone()));
        assert_eq!(warehouse.make_default(at(2)), Err(archived.clone()));
        assert_eq!(warehouse.archive(false, None, at(2)), Err(archived));
        assert_eq!(warehouse.version, 2);
    }
}
