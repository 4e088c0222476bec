//! The category and its rules.

use chrono::{DateTime, Utc};

use super::events::CategoryEvent;
use crate::application::error::{self, DomainError};
use crate::values::external_id::ExternalId;
use crate::values::ids::CategoryId;
use crate::values::invalid::{FieldError, Invalid};
use crate::values::text::text;

text!(
    /// The category's number in the company's own books; unique in a tenant.
    CategoryCode, "a category code", 50
);
text!(CategoryName, "a category name", 200);

/// How many levels the tree has at most.
pub const MAX_LEVELS: usize = 10;

/// The data of a category in a request that creates or updates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryDetails {
    pub external_id: Option<ExternalId>,
    pub code: CategoryCode,
    pub name: CategoryName,
    /// `None` at the top.
    pub parent_id: Option<CategoryId>,
}

/// Where a category is to stand in the tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The category above it, the one above that, and so on up to the top. Empty if the one above it does not exist.
    pub(crate) above: Vec<CategoryId>,
    /// How many levels there are below it.
    pub(crate) below: usize,
}

impl Place {
    /// # Errors
    /// Fails if the category cannot stand there.
    fn check(&self, id: CategoryId, parent: Option<CategoryId>) -> Result<(), CategoryError> {
        let Some(parent) = parent else { return Ok(()) };
        if self.above.first() != Some(&parent) {
            return Err(CategoryError::ParentUnknown(parent));
        }
        if self.above.contains(&id) {
            return Err(CategoryError::Cycle(id));
        }
        let levels = self.above.len() + 1 + self.below;
        if levels > MAX_LEVELS { Err(CategoryError::TooDeep(levels)) } else { Ok(()) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    pub(super) id: CategoryId,
    pub(super) version: i64,
    pub(super) details: CategoryDetails,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl Category {
    /// # Errors
    /// Fails if the category cannot stand where it is to.
    pub(crate) fn create(
        id: CategoryId,
        details: CategoryDetails,
        place: &Place,
        now: DateTime<Utc>,
    ) -> Result<(Self, CategoryEvent), CategoryError> {
        place.check(id, details.parent_id)?;
        let category = Self { id, version: 1, details, created_at: now, updated_at: now };
        let event = CategoryEvent::Created(category.clone());
        Ok((category, event))
    }

    /// Changes the category, and moves it with all that is below it if it is to stand elsewhere. Returns `None` if nothing
    /// changes.
    ///
    /// # Errors
    /// Fails if the category cannot stand where it is to.
    pub(crate) fn update(
        &mut self,
        details: CategoryDetails,
        place: &Place,
        now: DateTime<Utc>,
    ) -> Result<Option<CategoryEvent>, CategoryError> {
        if self.details == details {
            return Ok(None);
        }
        if self.details.parent_id != details.parent_id {
            place.check(self.id, details.parent_id)?;
        }
        self.details = details;
        self.version += 1;
        self.updated_at = now;
        Ok(Some(CategoryEvent::Updated(self.clone())))
    }

    /// # Errors
    /// Fails if other categories or products are in it.
    pub fn delete(mut self, in_use: bool, now: DateTime<Utc>) -> Result<CategoryEvent, CategoryError> {
        if in_use {
            return Err(CategoryError::InUse(self.id));
        }
        self.version += 1;
        self.updated_at = now;
        Ok(CategoryEvent::Deleted(self))
    }

    pub fn details(&self) -> &CategoryDetails {
        &self.details
    }

    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CategoryError {
    #[error("there is no category {0}")]
    NotFound(CategoryId),
    #[error("the code {0:?} belongs to another category; codes are unique")]
    CodeTaken(String),
    #[error("the external id {0:?} belongs to another category; external ids are unique")]
    ExternalIdTaken(String),
    #[error("there is no category {0} to stand in")]
    ParentUnknown(CategoryId),
    #[error("category {0} cannot stand in itself, or in one that is below it")]
    Cycle(CategoryId),
    #[error("categories have {MAX_LEVELS} levels at most, and these would be {0}")]
    TooDeep(usize),
    #[error("category {0} has other categories or products in it; move or delete them first")]
    InUse(CategoryId),
}

impl DomainError for CategoryError {
    fn category(&self) -> error::Category {
        match self {
            Self::NotFound(_) => error::Category::NotFound,
            Self::CodeTaken(_) | Self::ExternalIdTaken(_) | Self::InUse(_) => error::Category::Conflict,
            Self::ParentUnknown(_) | Self::Cycle(_) | Self::TooDeep(_) => error::Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "category_not_found",
            Self::CodeTaken(_) => "category_code_taken",
            Self::ExternalIdTaken(_) => "category_external_id_taken",
            Self::InUse(_) => "category_in_use",
            Self::ParentUnknown(_) | Self::Cycle(_) | Self::TooDeep(_) => "invalid_request",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let code = match self {
            Self::ParentUnknown(_) => "unknown_category",
            Self::Cycle(_) => "category_cycle",
            Self::TooDeep(_) => "category_too_deep",
            Self::NotFound(_) | Self::CodeTaken(_) | Self::ExternalIdTaken(_) | Self::InUse(_) => {
                return Vec::new();
            }
        };
        vec![Invalid::new(code, self.to_string()).at("/parent_id")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(name: &str, parent_id: Option<CategoryId>) -> CategoryDetails {
        CategoryDetails {
            external_id: None,
            code: CategoryCode::parse("TEA").expect("valid"),
            name: CategoryName::parse(name).expect("valid"),
            parent_id,
        }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
    }

    fn at_the_top() -> Category {
        let created =
            Category::create(CategoryId::generate(), details("Teas", None), &Place::default(), at(0));
        created.expect("allowed").0
    }

    /// A place below so many levels.
    fn below(levels: usize) -> (Option<CategoryId>, Place) {
        let above: Vec<_> = (0..levels).map(|_| CategoryId::generate()).collect();
        (above.first().copied(), Place { above, below: 0 })
    }

    #[test]
    fn creating_a_category_announces_it_at_version_one() {
        let (parent, place) = below(1);
        let created = Category::create(CategoryId::generate(), details("Teas", parent), &place, at(0));
        let (category, event) = created.expect("allowed");
        assert_eq!((category.version, category.details.parent_id), (1, parent));
        assert_eq!(event, CategoryEvent::Created(category));
    }

    #[test]
    fn an_update_raises_the_version_and_announces_the_category_unless_nothing_changes() {
        let mut category = at_the_top();
        assert_eq!(category.update(details("Teas", None), &Place::default(), at(1)), Ok(None));
        assert_eq!((category.version, category.updated_at), (1, at(0)));
        let event = category.update(details("Infusions", None), &Place::default(), at(1));
        assert_eq!((category.version, category.updated_at), (2, at(1)));
        assert_eq!(event, Ok(Some(CategoryEvent::Updated(category))));
    }

    #[test]
    fn a_category_moves_anywhere_but_below_itself() {
        let mut category = at_the_top();
        let (parent, mut place) = below(3);
        assert!(matches!(
            category.update(details("Teas", parent), &place, at(1)),
            Ok(Some(CategoryEvent::Updated(_)))
        ));
        let mut other = at_the_top();
        place.above.push(other.id);
        let refused = other.update(details("Teas", parent), &place, at(1)).expect_err("refused");
        assert_eq!(refused, CategoryError::Cycle(other.id));
        assert_eq!(
            (refused.fields()[0].pointer.as_str(), refused.fields()[0].code),
            ("/parent_id", "category_cycle")
        );
        let itself = Some(other.id);
        let place = Place { above: vec![other.id], below: 0 };
        let refused = other.update(details("Teas", itself), &place, at(1)).map(drop);
        assert_eq!((refused, other.version), (Err(CategoryError::Cycle(other.id)), 1));
    }

    #[test]
    fn the_tree_has_ten_levels_with_what_is_below_the_category() {
        let create = |levels| {
            let (parent, place) = below(levels);
            Category::create(CategoryId::generate(), details("Teas", parent), &place, at(0)).map(drop)
        };
        assert_eq!((create(9), create(10)), (Ok(()), Err(CategoryError::TooDeep(11))));
        let mut category = at_the_top();
        let (parent, place) = below(7);
        let place = |below| Place { below, ..place.clone() };
        let refused = category.update(details("Teas", parent), &place(3), at(1)).map(drop);
        assert_eq!(refused, Err(CategoryError::TooDeep(11)));
        assert!(category.update(details("Teas", parent), &place(2), at(1)).is_ok());
    }

    #[test]
    fn a_category_stands_in_one_that_there_is() {
        let parent = CategoryId::generate();
        let created =
            Category::create(CategoryId::generate(), details("Teas", Some(parent)), &Place::default(), at(0));
        assert_eq!(created.map(drop), Err(CategoryError::ParentUnknown(parent)));
    }

    #[test]
    fn a_category_that_is_in_use_is_not_deleted() {
        let category = at_the_top();
        assert_eq!(category.clone().delete(true, at(1)).map(drop), Err(CategoryError::InUse(category.id)));
        let Ok(CategoryEvent::Deleted(deleted)) = category.delete(false, at(1)) else {
            panic!("not deleted")
        };
        assert_eq!((deleted.version, deleted.updated_at), (2, at(1)));
    }
}
