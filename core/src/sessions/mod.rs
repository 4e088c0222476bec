//! Sessions: what a user who logged in works in.

mod repository;

pub(crate) use repository::{end_all, restamp};

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    UserDisabled,
    PasswordChanged,
    PasswordReset,
}

impl EndReason {
    /// As it is stored and published.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserDisabled => "user_disabled",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
        }
    }
}
