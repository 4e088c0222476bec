//! The SQLSTATE of an error, which Diesel discards.
//!
//! Diesel has kinds of its own for some codes. It calls the rest `Unknown` and gives only a text, in the language of the
//! server (`lc_messages`; only a superuser may change it). So the stream of every connection is watched for errors
//! ([`super::wire`]). The code that came with a text is remembered for a while, until Diesel's error reaches the caller.

use std::sync::LazyLock;

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use moka::sync::Cache;
use tokio_postgres::error::SqlState;

/// The maximum of texts that are remembered; those seen longest ago are dropped. Far fewer errors are on their way to a caller.
const REMEMBERED: u64 = 1_000;
/// Characters of a text that are compared.
const MAX_TEXT: usize = 1_000;

static SEEN: LazyLock<Cache<String, SqlState>> = LazyLock::new(|| Cache::new(REMEMBERED));

/// Remembers an error that came from a server, before any caller gets it.
pub(super) fn remember(code: &str, text: &str) {
    SEEN.insert(shortened(text), SqlState::from_code(code));
}

/// Returns the SQLSTATE of an error; `None` if the error did not come from a server, or came over a connection that is not
/// watched.
pub fn sqlstate(error: &DieselError) -> Option<SqlState> {
    match error {
        DieselError::RollbackErrorOnCommit { commit_error, .. } => sqlstate(commit_error),
        DieselError::DatabaseError(kind, info) => match kind {
            DatabaseErrorKind::UniqueViolation => Some(SqlState::UNIQUE_VIOLATION),
            DatabaseErrorKind::ForeignKeyViolation => Some(SqlState::FOREIGN_KEY_VIOLATION),
            DatabaseErrorKind::NotNullViolation => Some(SqlState::NOT_NULL_VIOLATION),
            DatabaseErrorKind::CheckViolation => Some(SqlState::CHECK_VIOLATION),
            DatabaseErrorKind::ExclusionViolation => Some(SqlState::EXCLUSION_VIOLATION),
            DatabaseErrorKind::RestrictViolation => Some(SqlState::RESTRICT_VIOLATION),
            DatabaseErrorKind::SerializationFailure => Some(SqlState::T_R_SERIALIZATION_FAILURE),
            DatabaseErrorKind::ReadOnlyTransaction => Some(SqlState::READ_ONLY_SQL_TRANSACTION),
            _ => SEEN.get(&shortened(info.message())),
        },
        _ => None,
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(text: &str) -> DieselError {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(text.to_owned()))
    }

    #[test]
    fn a_text_in_any_language_has_the_code_that_it_came_with() {
        let text = "annulation de la requête à cause du délai écoulé pour l'exécution de l'instruction";
        assert_eq!(sqlstate(&unknown(text)), None);
        remember("57014", text);
        assert_eq!(sqlstate(&unknown(text)), Some(SqlState::QUERY_CANCELED));
    }

    #[test]
    fn what_diesel_knows_needs_no_text() {
        let error =
            DieselError::DatabaseError(DatabaseErrorKind::CheckViolation, Box::new("qui sait".to_owned()));
        assert_eq!(sqlstate(&error), Some(SqlState::CHECK_VIOLATION));
    }
}
