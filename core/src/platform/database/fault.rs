//! The reasons why PostgreSQL could not be reached or a statement failed, as one stable word each: for metrics, log lines
//! and health checks. The words are listed in docs/metrics.md.

use std::error::Error as StdError;

use diesel::ConnectionError;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::encryption::{NotEncrypted, Unanswered};
use super::sqlstate::sqlstate;
use crate::values::printable::without_error_number;

/// Why no connection was opened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectFault {
    /// No server answers: refused, no route, no such host, the connection broke.
    #[error("{0}")]
    Unreachable(String),
    #[error("no answer within {limit_ms} ms")]
    Timeout { limit_ms: u64 },
    /// The server does not accept this user, password or client certificate.
    #[error("{0}")]
    Credentials(String),
    /// The connection cannot be encrypted, or the server is not the right one.
    #[error("{0}")]
    Tls(String),
    /// The server answers, but does not accept the connection now: it starts, it is full, it has no such database.
    #[error("{0}")]
    Refused(String),
    /// The log-in may not become the runtime role, or this role does not exist.
    #[error(
        "cannot take on the runtime role (api.database_role): {0}; `api migrate` makes it, and as its administrator: \
         GRANT its name TO the log-in (docs/roles.md)"
    )]
    Role(String),
    /// A pooler shares sessions. If it were accepted, other errors would follow, now and then, that do not say what is wrong.
    #[error(
        "a pooler stands in between that shares sessions (PgBouncer with pool_mode = transaction or statement): \
         use session pooling, or connect to PostgreSQL itself"
    )]
    Pooling,
    /// The settings do not make sense, or files that they name are gone.
    #[error("{0}")]
    Settings(String),
}

impl ConnectFault {
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Credentials(_) => "credentials",
            Self::Tls(_) => "tls",
            Self::Refused(_) => "refused",
            Self::Role(_) => "role",
            Self::Pooling => "pooling",
            Self::Settings(_) => "settings",
        }
    }
}

impl From<tokio_postgres::Error> for ConnectFault {
    fn from(error: tokio_postgres::Error) -> Self {
        let text = describe(&error);
        if let Some(code) = error.code() {
            // Class 28 is "invalid authorization specification".
            return if code.code().starts_with("28") { Self::Credentials(text) } else { Self::Refused(text) };
        }
        // For the client, a server that wants another certificate says so only after the handshake.
        let is_encryption = |cause: &(dyn StdError + 'static)| {
            is_caused_by::<rustls::Error>(cause) || is_caused_by::<NotEncrypted>(cause)
        };
        if error.source().is_some_and(is_encryption) {
            return Self::Tls(text);
        }
        if error.source().is_some_and(is_hang_up) {
            // The alert of a server that wants another certificate may be lost with the bytes that we had sent by then.
            let hint = "at once, if the server wants a client certificate, or another one";
            return Self::Unreachable(format!("{text} ({hint})"));
        }
        // The library does not make its error kinds public; these are their texts.
        match error.to_string().as_str() {
            // This step also decides whether the connection is encrypted.
            "error performing TLS handshake" if error.source().is_some_and(is_caused_by::<Unanswered>) => {
                Self::Unreachable(text)
            }
            "error performing TLS handshake" => Self::Tls(text),
            "authentication error" => Self::Credentials(text),
            "invalid configuration" if text.contains("password missing") => Self::Credentials(text),
            "invalid configuration" => Self::Settings(text),
            _ => Self::Unreachable(text),
        }
    }
}

impl From<ConnectionError> for ConnectFault {
    fn from(error: ConnectionError) -> Self {
        Self::Refused(error.to_string())
    }
}

fn is_caused_by<E: StdError + 'static>(cause: &(dyn StdError + 'static)) -> bool {
    let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    inner.is_some_and(|inner| inner.is::<E>())
}

fn is_hang_up(cause: &(dyn StdError + 'static)) -> bool {
    cause
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset)
}

/// Returns the error's text and its source's: the library gives the reason (refused, no such host, wrong password) only there.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    // What failed is the same words for every cause: "error connecting to server", "db error".
    match error.as_db_error() {
        Some(answer) => answer.message().to_owned(),
        None => {
            error.source().map_or_else(|| error.to_string(), |cause| without_error_number(&cause.to_string()))
        }
    }
}

/// Why a statement failed on an open connection, as far as callers act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementFault {
    /// The connection is gone, or the server is about to go.
    ConnectionLost,
    /// The primary became a standby.
    ReadOnly,
    /// A statement, or its wait for a lock, took longer than it may.
    Timeout,
    /// The transaction was in conflict with another one, and PostgreSQL ended it.
    Contention,
    /// The session still knows the tables as they were before a change.
    Stale,
    /// The server has no room for another session, or no memory.
    Overload,
    Other,
}

impl StatementFault {
    pub fn of(error: &DieselError) -> Self {
        use DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};
        match innermost(error) {
            DieselError::BrokenTransactionManager
            | DieselError::DatabaseError(UnableToSendCommand | ClosedConnection, _) => Self::ConnectionLost,
            error => sqlstate(error).map_or(Self::Other, |code| Self::of_code(code.code())),
        }
    }

    fn of_code(code: &str) -> Self {
        match code {
            "25006" => Self::ReadOnly,
            "57014" | "55P03" => Self::Timeout,
            "40001" | "40P01" => Self::Contention,
            "0A000" | "26000" => Self::Stale,
            // An idle transaction that PostgreSQL ended, with the session.
            "25P03" | "25P04" => Self::ConnectionLost,
            _ if code.starts_with("53") => Self::Overload,
            _ if code.starts_with("08") || code.starts_with("57P") => Self::ConnectionLost,
            _ => Self::Other,
        }
    }

    /// Whether the fault is temporary: no caller caused it, and the same statement may succeed later.
    pub(crate) fn is_passing(self) -> bool {
        self != Self::Other
    }

    pub fn reason(self) -> &'static str {
        match self {
            Self::ConnectionLost => "connection-lost",
            Self::ReadOnly => "read-only",
            Self::Timeout => "statement-timeout",
            Self::Contention | Self::Stale | Self::Overload | Self::Other => "statement",
        }
    }
}

fn innermost(error: &DieselError) -> &DieselError {
    match error {
        DieselError::RollbackErrorOnCommit { commit_error, .. } => innermost(commit_error),
        error => error,
    }
}

/// Returns why a statement failed on an open connection.
pub fn statement_fault_reason(error: &DieselError) -> &'static str {
    StatementFault::of(error).reason()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_fail_are_told_apart() {
        let lost =
            DieselError::DatabaseError(DatabaseErrorKind::UnableToSendCommand, Box::new(String::new()));
        assert_eq!(statement_fault_reason(&lost), "connection-lost");
        for (code, reason) in [
            ("57P01", "connection-lost"),
            ("57014", "statement-timeout"),
            ("55P03", "statement-timeout"),
            ("25006", "read-only"),
            ("42P01", "statement"),
        ] {
            assert_eq!(StatementFault::of_code(code).reason(), reason, "{code}");
        }
    }

    #[test]
    fn what_may_succeed_later_is_passing() {
        for code in ["40P01", "57014", "55P03", "57P01", "57P03", "53300", "53200", "08006", "25006", "0A000"]
        {
            assert!(StatementFault::of_code(code).is_passing(), "{code}");
        }
        for code in ["42P01", "42501", "23505", "22003"] {
            assert!(!StatementFault::of_code(code).is_passing(), "{code}");
        }
    }
}
