//! The errors of commands and queries, sorted into the few categories that a caller must distinguish.
//!
//! Each aggregate has its own enum, which is a [`DomainError`]; [`Error`] carries them all. Nothing is logged here: the
//! boundary logs once.

use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::permission::Permission;
use crate::platform::database::{ConnectError, StatementFault};
use crate::values::invalid::FieldError;

/// The kind of a failure, independent of the aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Well formed but wrong.
    Invalid,
    /// The caller is not authenticated (any more).
    Unauthenticated,
    /// The caller may not do that.
    Forbidden,
    /// Absent, or another tenant's.
    NotFound,
    /// In conflict with the current state.
    Conflict,
    /// The caller's version is not the current one.
    PreconditionFailed,
    /// Too many attempts; the same request may succeed later.
    TooMany,
    /// A temporary failure; the same request may succeed later.
    Unavailable,
    /// A fault of the server, not of the caller.
    Internal,
}

/// A refusal by the domain, as an aggregate's error enum describes it.
pub trait DomainError: std::error::Error + Send + Sync + 'static {
    fn category(&self) -> Category;
    /// The stable code for programs.
    fn code(&self) -> &'static str;
    /// The parts of the command that are at fault, where they can be named.
    fn fields(&self) -> Vec<FieldError> {
        Vec::new()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A refusal by an aggregate. [`Error::refusal`] returns its own enum.
    // A refusal has no cause of its own.
    #[error("{0}")]
    Domain(Box<dyn DomainError>),
    #[error("the credential does not hold any more: log in again, or use another API key")]
    Unauthenticated,
    #[error("this needs the permission {0}")]
    Forbidden(Permission),
    #[error("this belongs to a company, and an operator account to none: log in as a user of the company")]
    NotForOperators,
    #[error("this is for operator accounts, which are made by api create-operator")]
    OperatorsOnly,
    /// Never reaches a caller: the principal is looked up again, and the work is retried.
    #[error("the principal has changed")]
    PrincipalOutdated,
    #[error("too many failed attempts: try again in {retry_after_seconds} s")]
    TooManyAttempts { retry_after_seconds: u64 },
    #[error("this is version {actual} by now, not the one in If-Match; read it again")]
    VersionMismatch { actual: i64 },
    #[error("this Idempotency-Key was used for another request; use a new key for a new request")]
    IdempotencyKeyReused,
    #[error("a request with this Idempotency-Key is still running; ask again in a moment")]
    IdempotencyKeyInUse,
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("database: {0}")]
    Database(#[from] DieselError),
    #[error("it took longer than {limit_ms} ms, and its database connection was closed")]
    TookTooLong { limit_ms: u128 },
    /// What was read before the locks had changed when they were taken, again and again.
    #[error("others were faster several times; repeat it in a moment")]
    Overtaken,
    #[error("the unit of work ended without an outcome")]
    NoOutcome,
    #[error("the unit of work ended early: {0}")]
    Aborted(#[from] tokio::task::JoinError),
    #[error("the database holds {value:?} as {what}, which this version does not know")]
    Stored { what: &'static str, value: String },
    #[error("the catalogue does not know the event {0}")]
    UnknownEvent(&'static str),
    #[error("{0} was changed without a word for the audit trail")]
    Unaudited(&'static str),
    #[error("cannot write an e-mail: {0}")]
    Template(String),
    #[error("cannot write {what} as JSON: {cause}")]
    Serialize { what: &'static str, cause: serde_json::Error },
}

impl Error {
    pub fn category(&self) -> Category {
        match self {
            Self::Unauthenticated | Self::PrincipalOutdated => Category::Unauthenticated,
            Self::Forbidden(_) | Self::NotForOperators | Self::OperatorsOnly => Category::Forbidden,
            Self::TooManyAttempts { .. } => Category::TooMany,
            Self::VersionMismatch { .. } => Category::PreconditionFailed,
            Self::IdempotencyKeyReused => Category::Invalid,
            Self::IdempotencyKeyInUse => Category::Conflict,
            Self::Connect(_) | Self::TookTooLong { .. } | Self::Overtaken => Category::Unavailable,
            Self::Database(error) if StatementFault::of(error).is_passing() => Category::Unavailable,
            Self::Database(_)
            | Self::Aborted(_)
            | Self::NoOutcome
            | Self::Stored { .. }
            | Self::UnknownEvent(_)
            | Self::Unaudited(_)
            | Self::Template(_)
            | Self::Serialize { .. } => Category::Internal,
            Self::Domain(error) => error.category(),
        }
    }

    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated | Self::PrincipalOutdated => "unauthenticated",
            Self::Forbidden(_) => "forbidden",
            Self::NotForOperators => "not_for_operators",
            Self::OperatorsOnly => "operators_only",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::VersionMismatch { .. } => "version_mismatch",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::IdempotencyKeyInUse => "idempotency_key_in_use",
            _ => match (self.category(), self) {
                (Category::Unavailable, _) => "unavailable",
                (Category::Internal, _) => "internal",
                (_, Self::Domain(error)) => error.code(),
                _ => "internal",
            },
        }
    }

    pub fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::Domain(error) => error.fields(),
            _ => Vec::new(),
        }
    }

    /// Whether an immediate retry of the unit of work is likely to succeed.
    pub(crate) fn is_worth_retrying(&self) -> bool {
        match self {
            Self::Overtaken => true,
            Self::Database(error) => {
                StatementFault::of(error) == StatementFault::Contention
                    || is_duplicate_of(error, IDEMPOTENCY_KEY)
            }
            _ => false,
        }
    }

    /// Whether the database session was at fault, and is closed for it: nothing happened, and a retry on another session
    /// is likely to succeed.
    pub(crate) fn is_of_session(&self) -> bool {
        let Self::Database(error) = self else { return false };
        matches!(StatementFault::of(error), StatementFault::ReadOnly | StatementFault::Stale)
    }

    /// Returns the refusal, if its type is `E`.
    pub fn refusal<E: DomainError>(&self) -> Option<&E> {
        match self {
            Self::Domain(error) => (&**error as &dyn std::error::Error).downcast_ref(),
            _ => None,
        }
    }
}

impl<E: DomainError> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Domain(Box::new(error))
    }
}

const IDEMPOTENCY_KEY: &str = "idempotency_records_pkey";

/// Whether `error` is a violation of the unique constraint `name`.
pub(crate) fn is_duplicate_of(error: &DieselError, name: &str) -> bool {
    matches!(
        error,
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info) if info.constraint_name() == Some(name)
    )
}

/// Turns a violation of a unique constraint into the refusal that `taken` has for its name.
///
/// # Errors
/// Fails with the refusal, or with the statement's own error.
pub(crate) fn unless_taken<E: DomainError>(
    written: QueryResult<usize>,
    taken: impl FnOnce(&str) -> Option<E>,
) -> Result<(), Error> {
    let Err(error) = written else { return Ok(()) };
    let refusal = match &error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
            info.constraint_name().and_then(taken)
        }
        _ => None,
    };
    Err(refusal.map_or_else(|| error.into(), Into::into))
}

/// Refuses what another aggregate has, as far as is known before an `UPDATE` writes it: `held` says of each unique constraint whether
/// somebody else is in its way. Without this, the constraint itself would wait whether that one gives it up, and of two that exchange
/// theirs each would wait for the other. Each has its own as long as it is not committed, so whoever of them looks last sees that.
/// [`unless_taken`] refuses what somebody else was writing meanwhile.
///
/// # Errors
/// Fails with the refusal that `taken` has for the name of the first constraint that is held.
pub(crate) fn unless_held<E: DomainError>(
    held: impl IntoIterator<Item = (&'static str, bool)>,
    taken: impl Fn(&str) -> Option<E>,
) -> Result<(), Error> {
    let in_the_way = held.into_iter().filter_map(|(constraint, is_held)| is_held.then_some(constraint));
    for constraint in in_the_way {
        if let Some(refusal) = taken(constraint) {
            return Err(refusal.into());
        }
    }
    Ok(())
}

/// # Errors
/// `VersionMismatch` if the caller expected another version than the current one.
pub(crate) fn check_version(expected: Option<i64>, actual: i64) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != actual => Err(Error::VersionMismatch { actual }),
        _ => Ok(()),
    }
}
