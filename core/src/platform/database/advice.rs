//! Errors of the database as one line for people: which server, what is wrong, and what to do.

use std::error::Error as StdError;

use diesel::result::Error as DieselError;

use super::{ConnectFault, DatabaseConfig, Migrations, connect, migration_state, sqlstate};

/// The SQLSTATEs of a statement that names a schema, a table, a column or a function that does not exist.
const ABSENT: &[&str] = &["3F000", "42P01", "42703", "42883"];
/// What gives the database's URL.
const SETTING: &str = "DATABASE_URL";
/// The SQLSTATE of a missing privilege.
const NOT_PERMITTED: &str = "42501";

impl ConnectFault {
    /// Returns what an operator can do, unless the fault's own text says it. `setting` is what gives the URL, such as
    /// `DATABASE_URL`.
    pub fn fix(&self, setting: &str) -> Option<String> {
        Some(match self {
            Self::Credentials(_) => {
                format!("give the right user and password in {setting}, or look at the server's pg_hba.conf")
            }
            Self::Tls(_) => {
                format!("look at the certificates, and at sslmode in {setting} (docs/connections.md)")
            }
            Self::Refused(_) => {
                format!("give a database that exists in {setting}, or look at the server's log")
            }
            Self::Settings(_) => format!("correct {setting}, or the files that the settings name"),
            Self::Unreachable(_) | Self::Timeout { .. } => {
                format!("start PostgreSQL, or give the right host and port in {setting}")
            }
            Self::Role(_) | Self::Pooling => return None,
        })
    }
}

/// Returns what an operator can do about a statement that failed. `migrate` is the command that brings the database up to date.
pub fn statement_fix(error: &DieselError, migrate: &str) -> Option<String> {
    let code = sqlstate(error)?;
    match code.code() {
        code if ABSENT.contains(&code) => Some(format!(
            "bring the database up to date with `{migrate}`, as its owner, or give another one in {SETTING}"
        )),
        NOT_PERMITTED => {
            Some("log in as the role that may, or grant it its privileges (docs/roles.md)".to_owned())
        }
        _ => None,
    }
}

/// Looks once whether the database can be reached and is up to date: a program that waits for its database says what it waits for.
/// `migrate` is the command that brings the database up to date.
///
/// # Errors
/// Returns what is wrong, as one line for people.
pub async fn first_look(
    config: DatabaseConfig,
    migrations: Migrations,
    migrate: &'static str,
) -> Result<(), String> {
    let mut connection = connect(&config).await.map_err(|fault| config.not_connected(&fault))?;
    match migration_state(&mut connection, migrations).await {
        Ok(state) if state.pending.is_empty() => Ok(()),
        Ok(state) => {
            let problem = format!("{} migrations are not applied", state.pending.len());
            let fix = format!("bring the database up to date with `{migrate}`, as its owner");
            Err(config.complaint(&problem, Some(&fix)))
        }
        Err(error) => Err(config.complaint(&error.to_string(), None)),
    }
}

impl DatabaseConfig {
    /// Returns the line for people: which server, what is wrong with it, and what to do.
    pub fn complaint(&self, problem: &str, fix: Option<&str>) -> String {
        let fix = fix.map(|fix| format!("; {fix}")).unwrap_or_default();
        format!("PostgreSQL at {}: {problem}{fix}", self.url.named(SETTING))
    }

    /// Returns the line for an error of the database, or for one that it caused; `None` if it is another's.
    pub fn complaint_about(&self, error: &(dyn StdError + 'static), migrate: &str) -> Option<String> {
        if let Some(fault) = error.downcast_ref() {
            return Some(self.not_connected(fault));
        }
        if let Some(statement) = error.downcast_ref::<DieselError>() {
            return Some(
                self.complaint(&statement.to_string(), statement_fix(statement, migrate).as_deref()),
            );
        }
        self.complaint_about(error.source()?, migrate)
    }

    /// Returns the line for a connection that was not opened.
    fn not_connected(&self, fault: &ConnectFault) -> String {
        self.complaint(&fault.to_string(), fault.fix(SETTING).as_deref())
    }
}
