//! Statements that are tried and undone.

use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};

/// The error for a statement that should have been refused.
pub(crate) const ALLOWED: &str = "it is allowed, and must not be";

/// A statement that is tried: its purpose in plain words, and its SQL, which raises an error if it finds something wrong.
#[derive(Debug, Clone)]
pub struct Step {
    pub name: &'static str,
    pub sql: String,
}

impl Step {
    pub(crate) fn new(name: &'static str, sql: impl Into<String>) -> Self {
        Self { name, sql: sql.into() }
    }

    /// Returns a step that fails with `problem` unless the condition, an SQL expression, holds.
    pub(crate) fn holds(name: &'static str, condition: &str, problem: &str) -> Self {
        let problem = problem.replace('\'', "''");
        Self::new(
            name,
            format!("DO $$ BEGIN IF NOT ({condition}) THEN RAISE EXCEPTION '{problem}'; END IF; END $$"),
        )
    }

    /// Returns a step that fails unless the statement is refused for lack of a privilege.
    pub(crate) fn refused(name: &'static str, statement: &str) -> Self {
        Self::new(
            name,
            format!(
                "DO $$ BEGIN
                    BEGIN {statement}; EXCEPTION WHEN insufficient_privilege THEN RETURN; END;
                    RAISE EXCEPTION '{ALLOWED}';
                END $$"
            ),
        )
    }
}

/// A step that did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub step: &'static str,
    pub problem: String,
}

/// Tries the steps one after another in one transaction, which is rolled back: nothing stays. A step that fails is undone,
/// and the next ones are tried all the same.
///
/// # Errors
/// Fails if the connection breaks; a step that fails is not an error.
pub async fn attempt(connection: &mut AsyncPgConnection, steps: &[Step]) -> QueryResult<Vec<Failure>> {
    let mut failures = Vec::new();
    connection.batch_execute("BEGIN").await?;
    for Step { name, sql } in steps {
        connection.batch_execute("SAVEPOINT step").await?;
        match connection.batch_execute(sql).await {
            Ok(()) => connection.batch_execute("RELEASE SAVEPOINT step").await?,
            Err(error) => {
                failures.push(Failure { step: name, problem: error.to_string() });
                connection.batch_execute("ROLLBACK TO SAVEPOINT step").await?;
            }
        }
    }
    connection.batch_execute("ROLLBACK").await?;
    Ok(failures)
}
