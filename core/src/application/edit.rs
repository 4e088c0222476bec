//! A change of an aggregate's data that depends on what they are, such as a merge patch.

use std::fmt;

use super::error::{Category, DomainError, Error};
use crate::values::invalid::FieldError;

type Function<V, D> = dyn Fn(&V) -> Result<D, Error> + Send + Sync;

/// Makes an aggregate's new data from its view. It is called while the aggregate is locked, so that the view is still
/// true when the new data are saved. It is called again if the command is retried.
pub struct Edit<V, D>(Box<Function<V, D>>);

impl<V, D> Edit<V, D> {
    pub fn new(edit: impl Fn(&V) -> Result<D, Error> + Send + Sync + 'static) -> Self {
        Self(Box::new(edit))
    }

    /// # Errors
    /// Fails with [`EditRefused`] if the new data are not acceptable.
    pub(crate) fn apply(&self, view: &V) -> Result<D, Error> {
        (self.0)(view)
    }
}

impl<V, D> fmt::Debug for Edit<V, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Edit(_)")
    }
}

/// The new data are not acceptable, with everything that is wrong with them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} values cannot be accepted", .0.len())]
pub struct EditRefused(pub Vec<FieldError>);

impl DomainError for EditRefused {
    fn category(&self) -> Category {
        Category::Invalid
    }

    fn code(&self) -> &'static str {
        "invalid_request"
    }

    fn fields(&self) -> Vec<FieldError> {
        self.0.clone()
    }
}
