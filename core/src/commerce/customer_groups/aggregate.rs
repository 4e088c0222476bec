//! The group of customers and its rules.

use chrono::{DateTime, Utc};

use super::events::CustomerGroupEvent;
use crate::application::error::{Category, DomainError};
use crate::values::ids::CustomerGroupId;
use crate::values::text::text;

text!(
    /// The group's number in the company's own books; unique in a tenant.
    CustomerGroupCode, "a group's code", 50
);
text!(CustomerGroupName, "a group's name", 200);

/// The data of a group in a request that creates or updates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerGroupDetails {
    pub code: CustomerGroupCode,
    pub name: CustomerGroupName,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerGroup {
    pub(super) id: CustomerGroupId,
    pub(super) version: i64,
    pub(super) details: CustomerGroupDetails,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl CustomerGroup {
    pub fn create(
        id: CustomerGroupId,
        details: CustomerGroupDetails,
        now: DateTime<Utc>,
    ) -> (Self, CustomerGroupEvent) {
        let group = Self { id, version: 1, details, created_at: now, updated_at: now };
        let event = CustomerGroupEvent::Created(group.clone());
        (group, event)
    }

    /// Returns `None` if nothing changes.
    pub fn update(
        &mut self,
        details: CustomerGroupDetails,
        now: DateTime<Utc>,
    ) -> Option<CustomerGroupEvent> {
        if self.details == details {
            return None;
        }
        self.details = details;
        self.version += 1;
        self.updated_at = now;
        Some(CustomerGroupEvent::Updated(self.clone()))
    }

    pub fn delete(mut self, now: DateTime<Utc>) -> CustomerGroupEvent {
        self.version += 1;
        self.updated_at = now;
        CustomerGroupEvent::Deleted(self)
    }

    pub fn details(&self) -> &CustomerGroupDetails {
        &self.details
    }

    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustomerGroupError {
    #[error("there is no group of customers {0}")]
    NotFound(CustomerGroupId),
    #[error("the code {0:?} belongs to another group; codes are unique")]
    CodeTaken(String),
    #[error("customers or price lists name group {0}, which cannot be deleted")]
    InUse(CustomerGroupId),
}

impl DomainError for CustomerGroupError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::CodeTaken(_) | Self::InUse(_) => Category::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "customer_group_not_found",
            Self::CodeTaken(_) => "customer_group_code_taken",
            Self::InUse(_) => "customer_group_in_use",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(name: &str) -> CustomerGroupDetails {
        CustomerGroupDetails {
            code: CustomerGroupCode::parse("RESELLERS").expect("valid"),
            name: CustomerGroupName::parse(name).expect("valid"),
        }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
    }

    #[test]
    fn a_group_is_created_changed_and_deleted_and_each_step_raises_its_version() {
        let (mut group, event) =
            CustomerGroup::create(CustomerGroupId::generate(), details("Resellers"), at(0));
        assert_eq!(event, CustomerGroupEvent::Created(group.clone()));
        assert_eq!(group.update(details("Resellers"), at(1)), None);
        let event = group.update(details("Shops"), at(1));
        assert_eq!((group.version, group.updated_at), (2, at(1)));
        assert_eq!(event, Some(CustomerGroupEvent::Updated(group.clone())));
        let CustomerGroupEvent::Deleted(deleted) = group.delete(at(2)) else { panic!("not deleted") };
        assert_eq!((deleted.version, deleted.updated_at), (3, at(2)));
    }
}
