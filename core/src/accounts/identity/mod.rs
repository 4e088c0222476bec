//! Proofs of identity: passwords, random secrets (API keys, refresh tokens, one-time tokens), access tokens and the keys
//! that sign them.
//!
//! Owns the rules, the formats and the cryptography, but no table. The modules that store secrets decide who may log in
//! and what a secret stands for.

pub mod access_tokens;
mod config;
pub mod keys;
pub mod passwords;
pub mod secrets;

pub use config::IdentityConfig;

use crate::application::error::{Category, DomainError};

/// A failure to handle a credential that is not the caller's mistake.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("too many passwords are being checked at once; nothing happened, repeat it in a moment")]
    Busy,
    #[error("passwords cannot be hashed: {0}")]
    Hashing(String),
    #[error("access tokens cannot be signed")]
    Signing,
}

impl DomainError for IdentityError {
    fn category(&self) -> Category {
        match self {
            Self::Busy => Category::Unavailable,
            Self::Hashing(_) | Self::Signing => Category::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self.category() {
            Category::Unavailable => "unavailable",
            _ => "internal",
        }
    }
}
