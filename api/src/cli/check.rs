//! `api check`: tests whether everything works in the configured roles, and says what to fix.

use std::io::Write;

use comptoir_core::application::check::{self, ApiSetup};
use comptoir_core::mail;
use comptoir_core::platform::check::Finding;
use serde::Serialize;

use crate::config::Settings;
use crate::projections;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Whole<'a> {
    ok: bool,
    checks: &'a [Finding],
}

/// Runs the checks. Returns whether nothing failed.
pub(super) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<bool> {
    let setup = ApiSetup {
        database: settings.database.clone(),
        runtime_role: settings.api.database_role.clone(),
        services: settings.services_database(),
    };
    let mut findings = check::check_api(&setup).await;
    projections::check(settings, &mut findings).await;
    mail::check(&settings.mail, settings.services.environment, &mut findings).await;
    let text = if arguments.json {
        serde_json::to_string_pretty(&Whole { ok: findings.is_ok(), checks: findings.as_slice() })?
    } else {
        findings.text()
    };
    // A reader that has gone away, such as `head`, is not an error.
    let _ = writeln!(anstream::stdout(), "{text}");
    Ok(findings.is_ok())
}
