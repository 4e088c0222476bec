//! `api emails`: what is sent to people, for an operator. Whose it is, the services' log-in says; decisions are made in a company's name.

use std::collections::HashMap;
use std::io::Write;

use anyhow::Context;
use chrono::{DateTime, Utc};
use comptoir_core::accounts::tenants;
use comptoir_core::application::context::RequestContext;
use comptoir_core::mail::{
    self, DiscardEmail, DiscardMatching, EmailError, EmailFilter, EmailKind, EmailSort, EmailState,
    EmailView, Matched, Matching, RequeueEmail, RequeueMatching,
};
use comptoir_core::platform::database::Database;
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::platform::table::{self, Column};
use comptoir_core::platform::when;
use comptoir_core::values::ids::{EmailId, TenantId};
use comptoir_core::values::money::Currency;
use serde::Serialize;

use super::operator::Operator;
use crate::config::Settings;

const COLUMNS: &[Column] = &[
    Column::whole("tenant"),
    Column::whole("e-mail"),
    Column::whole("state"),
    Column::whole("kind"),
    Column::number("attempts"),
    Column::whole("queued (UTC)"),
    Column::text("recipient", 12),
    Column::text("last error", 12),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Emails {
    /// List e-mails, the newest first
    List {
        #[command(flatten)]
        company: Company,
        #[command(flatten)]
        chosen: Chosen,
        /// Only those in this state
        #[arg(long, value_name = "STATE", value_parser = state)]
        state: Option<EmailState>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=200))]
        limit: i64,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show an e-mail with its words and its attempts, as one JSON object; what it hands over is not shown
    Show {
        #[command(flatten)]
        company: Company,
        id: EmailId,
    },
    /// Send e-mails again, with other tokens: those named, or the dead letters that match as of now
    Requeue(Decision),
    /// Discard e-mails that wait or are dead: those named, or the dead letters that match as of now
    Discard(Decision),
}

#[derive(Debug, clap::Args)]
pub(super) struct Company {
    /// Only of this company; without it of any, which takes the services' log-in
    #[arg(long, value_name = "ID")]
    tenant: Option<TenantId>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Chosen {
    /// Only those of this kind
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<EmailKind>,
    /// Only those to addresses of this domain
    #[arg(long, value_name = "DOMAIN")]
    destination: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Decision {
    #[command(flatten)]
    company: Company,
    /// The e-mails
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<EmailId>,
    /// All dead letters of the company that match
    #[arg(long, conflicts_with = "ids", requires = "tenant")]
    all: bool,
    #[command(flatten)]
    chosen: Chosen,
    /// Only those that have not changed since
    #[arg(long, value_name = "TIME", requires = "all", value_parser = when::parse)]
    until: Option<DateTime<Utc>>,
    /// Say what would be done, and do nothing
    #[arg(long, requires = "all")]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn state(text: &str) -> Result<EmailState, String> {
    EmailState::named(text).ok_or_else(|| one_of(EmailState::ALL.map(EmailState::name)))
}

fn kind(text: &str) -> Result<EmailKind, String> {
    EmailKind::named(text).ok_or_else(|| one_of(EmailKind::ALL.map(EmailKind::name)))
}

fn one_of<const N: usize>(names: [&str; N]) -> String {
    format!("it must be one of {}", names.join(", "))
}

/// Returns whether everything was done that was asked for.
pub(super) async fn run(command: Emails, settings: &Settings) -> anyhow::Result<bool> {
    match command {
        Emails::List { company, chosen, state, limit, json } => {
            let Chosen { kind, destination } = chosen;
            let destination = destination.map(|domain| domain.to_ascii_lowercase());
            let filter = EmailFilter { state, kind, recipient: None, destination };
            let found = match company.tenant {
                Some(tenant) => list(settings, tenant, &filter, limit).await?,
                None => mail::list_of_all(&services(settings)?, &filter, limit).await?,
            };
            print(&found, &company, json)?;
            if !json && i64::try_from(found.len()).is_ok_and(|number| number >= limit) {
                eprintln!("there may be more than these {limit}");
            }
        }
        Emails::Show { company, id } => {
            let owner = owners(settings, &company, &[id]).await?.get(&id).copied();
            let tenant = owner.ok_or(EmailError::NotFound(id))?;
            let operator = Operator::new(settings)?;
            let context = context(&operator, tenant).await?;
            let details = mail::get(&operator.database, &context, id, &settings.mail.links()).await?;
            writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&details)?)?;
        }
        Emails::Requeue(decision) => return decide(settings, decision, Verb::Requeue).await,
        Emails::Discard(decision) => return decide(settings, decision, Verb::Discard).await,
    }
    Ok(true)
}

/// Lists e-mails as their company sees them.
async fn list(
    settings: &Settings,
    tenant: TenantId,
    filter: &EmailFilter,
    limit: i64,
) -> anyhow::Result<Vec<(TenantId, EmailView)>> {
    let operator = Operator::new(settings)?;
    let context = context(&operator, tenant).await?;
    let page = PageRequest::<EmailSort>::parse(Some(limit), None, None);
    let page = page.map_err(|_| anyhow::anyhow!("a page of our own is none"))?;
    let page = mail::list(&operator.database, &context, filter, &page).await?;
    Ok(page.data.into_iter().map(|email| (tenant, email)).collect())
}

/// Returns the database as the services' log-in sees it.
fn services(settings: &Settings) -> anyhow::Result<Database> {
    let config = settings.services_database().context(
        "api.services_database_url is not set (or SERVICES_DATABASE_URL): only the services' log-in finds e-mails of all companies \
         (docs/roles.md); give it, or --tenant",
    )?;
    Ok(Database::new(&config)?)
}

/// Returns whose these e-mails are: the company's that was named, or otherwise whichever has them. One that none has is missing.
async fn owners(
    settings: &Settings,
    company: &Company,
    ids: &[EmailId],
) -> anyhow::Result<HashMap<EmailId, TenantId>> {
    match company.tenant {
        Some(tenant) => Ok(ids.iter().map(|id| (*id, tenant)).collect()),
        None => Ok(mail::owners(&services(settings)?, ids).await?),
    }
}

/// Returns the context of a command on behalf of a company that is there.
async fn context(operator: &Operator, tenant: TenantId) -> anyhow::Result<RequestContext> {
    let context = operator.context(tenant, Currency::euro());
    tenants::get(&operator.database, &context).await?;
    Ok(context)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Requeue,
    Discard,
}

async fn decide(settings: &Settings, decision: Decision, verb: Verb) -> anyhow::Result<bool> {
    let operator = Operator::new(settings)?;
    // A company that was named and is not there is said once, not for each e-mail.
    let named = match decision.company.tenant {
        Some(tenant) => Some(context(&operator, tenant).await?),
        None => None,
    };
    if decision.all {
        let context = named.context("--all wants --tenant")?;
        all(&operator, &context, decision, verb).await
    } else {
        let owners = owners(settings, &decision.company, &decision.ids).await?;
        each(&operator, &owners, decision, verb).await
    }
}

async fn each(
    operator: &Operator,
    owners: &HashMap<EmailId, TenantId>,
    decision: Decision,
    verb: Verb,
) -> anyhow::Result<bool> {
    let (mut done, mut all_done) = (Vec::new(), true);
    for id in decision.ids {
        let result = match owners.get(&id) {
            Some(tenant) => {
                let (context, expected_version) = (operator.context(*tenant, Currency::euro()), None);
                let policies = operator.mail.clone();
                let result = match verb {
                    Verb::Requeue => {
                        operator.run(context, RequeueEmail { id, expected_version, policies }).await
                    }
                    Verb::Discard => operator.run(context, DiscardEmail { id, expected_version }).await,
                };
                result.map(|view| (*tenant, view))
            }
            None => Err(EmailError::NotFound(id).into()),
        };
        match result {
            Ok(decided) => done.push(decided),
            Err(error) => {
                eprintln!("{id}: {error}");
                all_done = false;
            }
        }
    }
    // A table of nothing would look like an answer.
    if decision.json || !done.is_empty() {
        print(&done, &decision.company, decision.json)?;
    }
    Ok(all_done)
}

/// Decides about all that match as of now, however many.
async fn all(
    operator: &Operator,
    context: &RequestContext,
    decision: Decision,
    verb: Verb,
) -> anyhow::Result<bool> {
    let Chosen { kind, destination } = decision.chosen;
    let destination = destination.map(|domain| domain.to_ascii_lowercase());
    let mut matching = Matching { kind, destination, until: decision.until, dry_run: decision.dry_run };
    let mut whole: Option<Matched> = None;
    loop {
        let (context, asked) = (context.clone(), matching.clone());
        let policies = operator.mail.clone();
        let matched = match verb {
            Verb::Requeue => operator.run(context, RequeueMatching { matching: asked, policies }).await?,
            Verb::Discard => {
                operator.run(context, DiscardMatching { matching: asked, state: EmailState::Dead }).await?
            }
        };
        matching.until = Some(matched.until);
        let goes_on = matched.more && !decision.dry_run;
        let whole = match &mut whole {
            None => whole.insert(matched),
            Some(whole) => {
                whole.done.extend(matched.done);
                whole.refused.extend(matched.refused);
                whole.more = matched.more;
                whole
            }
        };
        if goes_on {
            continue;
        }
        let (verb, not) = match verb {
            Verb::Requeue => ("requeued", "of no use any more"),
            Verb::Discard => ("discarded", "left alone"),
        };
        let mut out = std::io::stdout();
        if decision.json {
            writeln!(out, "{}", serde_json::to_string(whole)?)?;
        } else {
            let would = if whole.dry_run { "would be " } else { "" };
            let more = if whole.more { ", and more" } else { "" };
            writeln!(out, "{would}{verb}: {}{more}; {not}: {}", whole.done.len(), whole.refused.len())?;
        }
        return Ok(whole.refused.is_empty());
    }
}

#[derive(Serialize)]
struct Listed<'a> {
    tenant_id: TenantId,
    #[serde(flatten)]
    email: &'a EmailView,
}

fn print(emails: &[(TenantId, EmailView)], company: &Company, json: bool) -> anyhow::Result<()> {
    if json {
        let listed = emails.iter().map(|(tenant_id, email)| Listed { tenant_id: *tenant_id, email });
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&listed.collect::<Vec<_>>())?)?;
        return Ok(());
    }
    // Of one company, its column would say the same in each row.
    let skipped = usize::from(company.tenant.is_some());
    let row = |(tenant, email): &(TenantId, EmailView)| -> Vec<String> {
        let cells = [
            tenant.to_string(),
            email.id.to_string(),
            email.state.name().to_owned(),
            email.kind.name().to_owned(),
            email.attempts.to_string(),
            email.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            email.recipient.clone(),
            email.last_error.clone().unwrap_or_default(),
        ];
        cells.into_iter().skip(skipped).collect()
    };
    table::print(&COLUMNS[skipped..], &emails.iter().map(row).collect::<Vec<_>>());
    Ok(())
}
