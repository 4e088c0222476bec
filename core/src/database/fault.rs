//! Why PostgreSQL could not be reached or did not do what it was asked, as one stable word each: for metrics, log lines
//! and health checks. The words are listed in docs/metrics.md.

use std::error::Error as StdError;

use diesel::ConnectionError;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Why no connection was opened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectFault {
    /// Nobody answers there: refused, no route, no such host, the connection broke.
    #[error("{0}")]
    Unreachable(String),
    #[error("no answer within {limit_ms} ms")]
    Timeout { limit_ms: u64 },
    /// The server does not accept this user, password or client certificate.
    #[error("{0}")]
    Credentials(String),
    /// No encrypted connection, or not with the right server.
    #[error("{0}")]
    Tls(String),
    /// The server answers, and does not take us now: it starts, it is full, it has no such database.
    #[error("{0}")]
    Refused(String),
    /// The log-in may not become the runtime role, or there is none.
    #[error(
        "cannot take on the runtime role (api.database_role): {0}; `api migrate` makes it, and as its administrator: \
         GRANT its name TO the log-in (docs/roles.md)"
    )]
    Role(String),
    /// Other errors would follow, now and then, that do not say what is wrong.
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
        // A server that wants another certificate says so after the handshake, as the client sees it.
        if error.source().is_some_and(is_tls) {
            return Self::Tls(text);
        }
        if error.source().is_some_and(is_hang_up) {
            // The alert of a server that wants another certificate may be lost with what we had sent by then.
            let hint = "at once, if the server wants a client certificate, or another one";
            return Self::Unreachable(format!("{text} ({hint})"));
        }
        // The library keeps its kinds to itself; these are their texts.
        match error.to_string().as_str() {
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

fn is_tls(cause: &(dyn StdError + 'static)) -> bool {
    let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    inner.is_some_and(|inner| inner.is::<rustls::Error>())
}

fn is_hang_up(cause: &(dyn StdError + 'static)) -> bool {
    cause
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset)
}

/// The library keeps the reason (refused, no such host, wrong password) in the source, not in its own text.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Why a statement failed on a connection that was open.
pub fn statement_fault_reason(error: &DieselError) -> &'static str {
    match error {
        DieselError::BrokenTransactionManager => "connection-lost",
        DieselError::RollbackErrorOnCommit { commit_error, .. } => statement_fault_reason(commit_error),
        DieselError::DatabaseError(kind, information) => match kind {
            DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection => "connection-lost",
            // A primary that became a standby.
            DatabaseErrorKind::ReadOnlyTransaction => "read-only",
            // Diesel keeps no SQLSTATE: these are 57P01 to 57P03, and 57014 and 55P03, by their texts.
            DatabaseErrorKind::Unknown => match information.message() {
                text if text.contains("terminating connection") || text.contains("shutting down") => {
                    "connection-lost"
                }
                text if text.contains("statement timeout") || text.contains("lock timeout") => {
                    "statement-timeout"
                }
                _ => "statement",
            },
            _ => "statement",
        },
        _ => "statement",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(text: &str) -> DieselError {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(text.to_owned()))
    }

    #[test]
    fn statements_that_fail_are_told_apart() {
        let lost =
            DieselError::DatabaseError(DatabaseErrorKind::UnableToSendCommand, Box::new(String::new()));
        assert_eq!(statement_fault_reason(&lost), "connection-lost");
        for (text, reason) in [
            ("terminating connection due to administrator command", "connection-lost"),
            ("canceling statement due to statement timeout", "statement-timeout"),
            ("canceling statement due to lock timeout", "statement-timeout"),
            ("relation \"outbox_events\" does not exist", "statement"),
        ] {
            assert_eq!(statement_fault_reason(&unknown(text)), reason, "{text}");
        }
    }
}
