//! Why something was not done, on the page of what it was about.

use actix_web::http::StatusCode;
use comptoir_core::values::language::Language;

use super::words::faults;
use crate::error::ApiError;

/// Refusals with 403 that say something about what was chosen, not about the page: the person may see the page, and another
/// choice would be carried out.
const ABOUT_THE_CHOICE: &[&str] =
    &["own_account", "cannot_decide", "cannot_grant", "permission_not_held", "cannot_revoke"];

pub(super) fn is_about_the_choice(error: &ApiError) -> bool {
    error.status() == StatusCode::FORBIDDEN && ABOUT_THE_CHOICE.contains(&error.code())
}

/// Nothing was done.
#[derive(Debug)]
pub(crate) enum Undone {
    /// Somebody was faster: the page shows how it is now.
    Outdated,
    /// In words.
    Refused(String),
}

impl Undone {
    /// Returns the error itself if it is about something else.
    ///
    /// # Errors
    /// The error, if the page cannot say anything about it.
    pub(crate) fn of(error: ApiError, language: Language) -> Result<Self, ApiError> {
        match error.status() {
            StatusCode::PRECONDITION_FAILED => Ok(Self::Outdated),
            StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
                Ok(Self::Refused(faults::whole(&error, language)))
            }
            _ if is_about_the_choice(&error) => Ok(Self::Refused(faults::whole(&error, language))),
            _ => Err(error),
        }
    }

    pub(crate) fn is_outdated(&self) -> bool {
        matches!(self, Self::Outdated)
    }

    pub(crate) fn refused(self) -> Option<String> {
        match self {
            Self::Outdated => None,
            Self::Refused(said) => Some(said),
        }
    }
}
