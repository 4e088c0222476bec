//! The location and its rules.

use chrono::{DateTime, Utc};

use super::events::LocationEvent;
use crate::application::error::{Category, DomainError};
use crate::values::external_id::ExternalId;
use crate::values::ids::{LocationId, WarehouseId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::text::text;

text!(
    /// What stands on the shelf; unique in a warehouse.
    LocationCode, "a location code", 50
);
text!(LocationName, "a location name", 200);

/// The data of a location in a request that creates or updates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocationDetails {
    pub external_id: Option<ExternalId>,
    pub code: LocationCode,
    pub name: Option<LocationName>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub(super) id: LocationId,
    pub(super) version: i64,
    /// It never changes.
    pub(super) warehouse_id: WarehouseId,
    pub(super) details: LocationDetails,
    pub(super) archived_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl Location {
    pub fn create(
        id: LocationId,
        warehouse_id: WarehouseId,
        details: LocationDetails,
        now: DateTime<Utc>,
    ) -> (Self, LocationEvent) {
        let location = Self {
            id,
            version: 1,
            warehouse_id,
            details,
            archived_at: None,
            created_at: now,
            updated_at: now,
        };
        let event = LocationEvent::Created(location.clone());
        (location, event)
    }

    /// Returns `None` if nothing changes.
    ///
    /// # Errors
    /// Fails if the location is archived.
    pub fn update(
        &mut self,
        details: LocationDetails,
        now: DateTime<Utc>,
    ) -> Result<Option<LocationEvent>, LocationError> {
        self.check_in_use()?;
        if self.details == details {
            return Ok(None);
        }
        self.details = details;
        self.raise(now);
        Ok(Some(LocationEvent::Updated(self.clone())))
    }

    /// Takes the location out of use for good.
    ///
    /// # Errors
    /// Fails if the location is archived already, or if something lies there.
    pub fn archive(&mut self, has_stock: bool, now: DateTime<Utc>) -> Result<LocationEvent, LocationError> {
        self.check_in_use()?;
        if has_stock {
            return Err(LocationError::InUse(self.id));
        }
        self.archived_at = Some(now);
        self.raise(now);
        Ok(LocationEvent::Archived(self.clone()))
    }

    fn check_in_use(&self) -> Result<(), LocationError> {
        if self.is_archived() { Err(LocationError::Archived(self.id)) } else { Ok(()) }
    }

    fn raise(&mut self, now: DateTime<Utc>) {
        self.version += 1;
        self.updated_at = now;
    }

    pub fn warehouse_id(&self) -> WarehouseId {
        self.warehouse_id
    }

    pub fn details(&self) -> &LocationDetails {
        &self.details
    }

    pub fn is_archived(&self) -> bool {
        self.archived_at.is_some()
    }

    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    #[error("there is no location {0}")]
    NotFound(LocationId),
    #[error("the code {0:?} belongs to another location of the warehouse; codes are unique in a warehouse")]
    CodeTaken(String),
    #[error("the external id {0:?} belongs to another location; external ids are unique")]
    ExternalIdTaken(String),
    #[error("location {0} is archived and cannot be changed")]
    Archived(LocationId),
    #[error("goods lie in location {0}, which cannot be archived: put them elsewhere first")]
    InUse(LocationId),
    #[error("there is no warehouse {0}")]
    WarehouseUnknown(WarehouseId),
    #[error("warehouse {0} is archived and gets no more locations")]
    WarehouseArchived(WarehouseId),
}

impl DomainError for LocationError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::CodeTaken(_) | Self::ExternalIdTaken(_) | Self::Archived(_) | Self::InUse(_) => {
                Category::Conflict
            }
            Self::WarehouseUnknown(_) | Self::WarehouseArchived(_) => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "location_not_found",
            Self::CodeTaken(_) => "location_code_taken",
            Self::ExternalIdTaken(_) => "location_external_id_taken",
            Self::Archived(_) => "location_archived",
            Self::InUse(_) => "location_in_use",
            Self::WarehouseUnknown(_) | Self::WarehouseArchived(_) => "invalid_location",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let code = match self {
            Self::WarehouseUnknown(_) => "unknown_warehouse",
            Self::WarehouseArchived(_) => "warehouse_archived",
            Self::NotFound(_)
            | Self::CodeTaken(_)
            | Self::ExternalIdTaken(_)
            | Self::Archived(_)
            | Self::InUse(_) => return Vec::new(),
        };
        vec![Invalid::new(code, self.to_string()).at("/warehouse_id")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(code: &str) -> LocationDetails {
        LocationDetails {
            external_id: None,
            code: LocationCode::parse(code).expect("valid"),
            name: LocationName::parse("Aisle A").ok(),
        }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
    }

    fn location() -> Location {
        Location::create(LocationId::generate(), WarehouseId::generate(), details("A-01"), at(0)).0
    }

    #[test]
    fn creating_a_location_announces_it_at_version_one() {
        let warehouse = WarehouseId::generate();
        let (location, event) = Location::create(LocationId::generate(), warehouse, details("A-01"), at(0));
        assert_eq!((location.version, location.warehouse_id), (1, warehouse));
        assert_eq!(event, LocationEvent::Created(location));
    }

    #[test]
    fn an_update_raises_the_version_and_announces_the_location_unless_nothing_changes() {
        let mut location = location();
        assert_eq!(location.update(details("A-01"), at(1)), Ok(None));
        assert_eq!((location.version, location.updated_at), (1, at(0)));
        let event = location.update(LocationDetails { name: None, ..details("A-01") }, at(1));
        assert_eq!((location.version, location.updated_at), (2, at(1)));
        assert_eq!(event, Ok(Some(LocationEvent::Updated(location))));
    }

    #[test]
    fn an_archived_location_does_not_change() {
        let mut location = location();
        let event = location.archive(false, at(1));
        assert_eq!((location.version, location.archived_at), (2, Some(at(1))));
        assert_eq!(event, Ok(LocationEvent::Archived(location.clone())));
        let archived = LocationError::Archived(location.id);
        assert_eq!(location.update(details("A-02"), at(2)), Err(archived.clone()));
        assert_eq!(location.archive(false, at(2)), Err(archived));
        assert_eq!(location.version, 2);
    }

    #[test]
    fn a_location_where_goods_lie_is_not_archived() {
        let mut location = location();
        assert_eq!(location.archive(true, at(1)), Err(LocationError::InUse(location.id)));
        assert_eq!((location.version, location.archived_at), (1, None));
    }

    #[test]
    fn what_is_wrong_with_the_warehouse_is_said_of_its_member() {
        let id = WarehouseId::generate();
        for (error, code) in [
            (LocationError::WarehouseUnknown(id), "unknown_warehouse"),
            (LocationError::WarehouseArchived(id), "warehouse_archived"),
        ] {
            let fields = error.fields();
            assert_eq!((fields[0].pointer.as_str(), fields[0].code), ("/warehouse_id", code));
            assert_eq!((error.category(), error.code()), (Category::Invalid, "invalid_location"));
        }
    }
}
