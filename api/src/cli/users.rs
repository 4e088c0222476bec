//! `api users` and `api tenants`: lists of both, and the tokens that an operator hands to a user.

use std::io::Write;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use comptoir_core::accounts::tenants;
use comptoir_core::accounts::users::{
    self, Account, AccountName, IssueOneTimeToken, IssuedOneTimeToken, TokenPurpose, UserView,
};
use comptoir_core::application::TenantDatabase;
use comptoir_core::platform::database::Database;
use comptoir_core::platform::table::{self, Column};
use comptoir_core::values::ids::TenantId;
use serde::Serialize;

use super::operator::Operator;
use super::tenant_export::{self, ExportTenant};
use crate::config::Settings;

/// The maximum number of rows of a list.
const MAX_ROWS: u32 = 10_000;
const USERS: &[Column; 6] = &[
    Column::whole("tenant"),
    Column::text("e-mail", 16),
    Column::whole("role"),
    Column::whole("status"),
    Column::whole("last log-in"),
    Column::text("name", 8),
];
const TENANTS: &[Column; 5] = &[
    Column::whole("tenant"),
    Column::whole("short name"),
    Column::whole("currency"),
    Column::text("registration", 12),
    Column::text("name", 8),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Users {
    /// Print a single-use token with which the user verifies their e-mail address; older ones do not hold any more
    VerificationToken(Token),
    /// Print a single-use token with which the user sets a password; older ones do not hold any more
    ResetToken(Token),
    /// List users; needs a log-in as the owner of the tables
    List {
        /// Only those of this company
        #[arg(long, value_name = "ID")]
        tenant: Option<TenantId>,
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Token {
    /// The user's e-mail address
    #[arg(value_name = "EMAIL")]
    email: String,
    /// The company's short name; needed where several companies know the address
    #[arg(long, value_name = "SHORT_NAME")]
    company: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Tenants {
    /// List companies; needs a log-in as the owner of the tables
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Write everything that is kept of a company into a new folder, or a new .tar: JSON Lines with a manifest
    Export(ExportTenant),
}

pub(super) async fn run(command: Users, settings: &Settings) -> anyhow::Result<()> {
    let identity = &settings.identity;
    match command {
        Users::VerificationToken(token) => {
            let hours = identity.verification_token_hours;
            issue(settings, token, TokenPurpose::VerifyEmail, hours).await
        }
        Users::ResetToken(token) => {
            issue(settings, token, TokenPurpose::ResetPassword, identity.reset_token_hours).await
        }
        Users::List { tenant, json } => list(settings, tenant, json).await,
    }
}

#[derive(Debug, Serialize)]
struct Issued {
    token: String,
    expires_at: DateTime<Utc>,
}

async fn issue(settings: &Settings, wanted: Token, purpose: TokenPurpose, hours: u32) -> anyhow::Result<()> {
    let operator = Operator::new(settings)?;
    let account = account(&operator.database, &wanted).await?;
    let context = operator.context(account.tenant_id, account.currency);
    let command =
        IssueOneTimeToken { user_id: account.user_id, purpose, valid_for: TimeDelta::hours(hours.into()) };
    let IssuedOneTimeToken { token, expires_at, .. } = operator.run(context, command).await?;
    let issued = Issued { token: token.expose().to_owned(), expires_at };
    let mut out = std::io::stdout();
    if wanted.json {
        writeln!(out, "{}", serde_json::to_string(&issued)?)?;
    } else {
        writeln!(out, "{}", issued.token)?;
        eprintln!("shown this once; it can be used once, until {}", issued.expires_at.to_rfc3339());
    }
    Ok(())
}

async fn account(database: &TenantDatabase, wanted: &Token) -> anyhow::Result<Account> {
    let name = AccountName::new(&wanted.email, wanted.company.as_deref());
    let found = users::accounts_named(database, &name).await?;
    // An operator must name the company even if only one of several accounts can log in: the token may be for another
    // one.
    anyhow::ensure!(
        found.count() <= 1,
        "{} has accounts in several companies: say with --company which is meant (api tenants list shows their short names)",
        wanted.email
    );
    let nobody = || match &wanted.company {
        Some(company) => format!("there is no user with the e-mail address {} in {company}", wanted.email),
        None => format!("there is no user with the e-mail address {}", wanted.email),
    };
    let (tenant, user) = found.only().with_context(nobody)?;
    users::account_of(database, tenant, user).await?.with_context(nobody)
}

#[derive(Debug, Serialize)]
struct Listed {
    tenant_id: TenantId,
    #[serde(flatten)]
    user: UserView,
}

async fn list(settings: &Settings, tenant: Option<TenantId>, json: bool) -> anyhow::Result<()> {
    let database = Database::new(&settings.database)?;
    let users = users::list_all(&database, tenant, MAX_ROWS).await?;
    let users: Vec<_> = users.into_iter().map(|(tenant_id, user)| Listed { tenant_id, user }).collect();
    if json {
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&users)?)?;
        return Ok(());
    }
    let row = |Listed { tenant_id, user }: &Listed| {
        let last = user.last_login_at.map_or_else(|| "never".to_owned(), |at| at.to_rfc3339());
        let status = user.status.name().to_owned();
        [tenant_id.to_string(), user.email.clone(), user.role.to_owned(), status, last, user.name.clone()]
    };
    table(USERS, users.iter().map(row).collect());
    Ok(())
}

pub(super) async fn run_tenants(command: Tenants, settings: &Settings) -> anyhow::Result<()> {
    match command {
        Tenants::List { json } => list_tenants(settings, json).await,
        Tenants::Export(arguments) => tenant_export::run(arguments, settings).await,
    }
}

async fn list_tenants(settings: &Settings, json: bool) -> anyhow::Result<()> {
    let database = Database::new(&settings.database)?;
    let tenants = tenants::list_all(&database, MAX_ROWS).await?;
    if json {
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&tenants)?)?;
        return Ok(());
    }
    let row = |tenant: &tenants::TenantView| {
        let registration = tenant.registration.as_ref();
        let registration = registration.map(|known| format!("{} {}", known.scheme, known.number));
        [
            tenant.id.to_string(),
            tenant.short_name.clone(),
            tenant.currency.clone(),
            registration.unwrap_or_default(),
            tenant.name.clone(),
        ]
    };
    table(TENANTS, tenants.iter().map(row).collect());
    Ok(())
}

/// Prints a table.
fn table<const N: usize>(columns: &[Column; N], rows: Vec<[String; N]>) {
    let is_cut = u32::try_from(rows.len()).is_ok_and(|count| count >= MAX_ROWS);
    table::print(columns, &rows.into_iter().map(Vec::from).collect::<Vec<_>>());
    if is_cut {
        eprintln!("there may be more than these {MAX_ROWS}");
    }
}
