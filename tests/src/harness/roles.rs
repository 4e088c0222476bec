//! The roles of a production set-up (docs/roles.md), created once on the tests' server. None of them is a superuser, and the
//! owner may not even create roles.

use anyhow::{Context, Result};
use tokio_postgres::Client;

use super::urls;

/// The role that the API works as.
pub const RUNTIME_ROLE: &str = "comptoir_tests_runtime";

const PASSWORD: &str = "comptoir-tests";

/// The roles that log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogIn {
    Owner,
    Api,
    Services,
    Relay,
    Writer,
    Auditor,
}

impl LogIn {
    const ALL: [Self; 6] = [Self::Owner, Self::Api, Self::Services, Self::Relay, Self::Writer, Self::Auditor];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Owner => "comptoir_tests_owner",
            Self::Api => "comptoir_tests_api",
            Self::Services => "comptoir_tests_services",
            Self::Relay => "comptoir_tests_relay",
            Self::Writer => "comptoir_tests_writer",
            Self::Auditor => "comptoir_tests_auditor",
        }
    }

    /// Returns the URL of a database for this log-in.
    pub(super) fn url(self, database_url: &str) -> Result<String> {
        urls::with_user(database_url, self.name(), PASSWORD)
    }
}

/// Creates the roles that are missing. Must be called by one process at a time.
///
/// # Errors
/// Fails if the server refuses.
pub(super) async fn make(admin: &Client) -> Result<()> {
    let mut statements = create(RUNTIME_ROLE, "NOLOGIN");
    for log_in in LogIn::ALL {
        // The owner inherits the rights of a database's owner on the schema `public`.
        let inherits = if log_in == LogIn::Owner { "INHERIT" } else { "NOINHERIT" };
        statements += &create(log_in.name(), &format!("LOGIN {inherits} PASSWORD '{PASSWORD}'"));
    }
    for member in [LogIn::Api, LogIn::Services] {
        statements += &format!("GRANT {RUNTIME_ROLE} TO {};", member.name());
    }
    // The administrator of the tests creates databases for the owner, and drops them.
    statements += &format!("GRANT {} TO CURRENT_USER;", LogIn::Owner.name());
    admin.batch_execute(&statements).await.context("cannot make the roles of the tests")
}

fn create(name: &str, options: &str) -> String {
    format!(
        "DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN CREATE ROLE {name} {options}; END IF;
        END $$;"
    )
}

/// Grants the permissions of docs/roles.md, as the owner of a database that `api migrate` has brought up to date.
///
/// # Errors
/// Fails if the database refuses.
pub(super) async fn grant(owner: &Client) -> Result<()> {
    let calls = format!(
        "CALL outbox_grant_relay('{}'::regrole); CALL outbox_grant_writer('{}'::regrole);
        CALL comptoir_grant_services('{}'::regrole); CALL comptoir_grant_auditor('{}'::regrole)",
        LogIn::Relay.name(),
        LogIn::Writer.name(),
        LogIn::Services.name(),
        LogIn::Auditor.name()
    );
    owner.batch_execute(&calls).await.context("cannot grant what the roles need")
}
