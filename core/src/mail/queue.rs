//! The queue of all tenants, as the services' log-in works it off: by functions of the database, each one statement. No
//! transaction is open while an e-mail is sent.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::sql_types::{
    Array, BigInt, Binary, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::email::{EmailKind, EmailState};
use super::turns::Lane;
use crate::application::error::Error;
use crate::platform::database::Database;
use crate::values::ids::{EmailId, TenantId};
use crate::values::language::Language;

/// The maximum number of lanes that are looked at together: of each tenant those that wait longest.
const MAX_LANES: i64 = 2_000;
/// The maximum number of e-mails that one statement finds to be late.
const BATCH: i64 = 500;
/// The maximum number of e-mails that one statement deletes.
pub const PRUNE_BATCH: i64 = 500;

/// The kinds that this version knows. It leaves alone what a newer one queued.
fn kinds() -> Vec<&'static str> {
    EmailKind::ALL.iter().map(|kind| kind.name()).collect()
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

crate::statement! {
    struct Due<'a> {
        kinds: &'a [&'a str] => Array<Text>,
        tenant: Option<Uuid> => Nullable<SqlUuid>,
        destination: Option<&'a str> => Nullable<Text>,
        most: i64 => BigInt,
    } -> (SqlUuid, Text, BigInt)
    = "SELECT tenant_id, destination, number FROM due_email_lanes($1, $2, $3, $4)"
}

crate::statement! {
    struct Recent<'a> {} -> (SqlUuid, Text, BigInt) = "SELECT tenant_id, destination, number FROM recent_emails()"
}

/// E-mails of one tenant to one domain, and their number.
pub(super) type Numbered = (Lane, usize);

fn numbered((tenant, destination, number): (Uuid, String, i64)) -> Numbered {
    let lane = Lane { tenant: TenantId::from_uuid(tenant), destination };
    (lane, usize::try_from(number).unwrap_or_default())
}

/// Returns which e-mails are due, those of one tenant or to one domain if they are given. Each tenant's first lane comes before
/// anybody's second.
pub(super) async fn due(
    services: &Database,
    tenant: Option<Uuid>,
    destination: Option<&str>,
) -> Result<Vec<Numbered>, Error> {
    let mut connection = services.connection().await?;
    let kinds = kinds();
    let due = Due::new(&kinds, tenant, destination, MAX_LANES);
    let found: Vec<(Uuid, String, i64)> = due.load(&mut connection).await?;
    Ok(found.into_iter().map(numbered).collect())
}

/// Returns the attempts of the last minute.
pub(super) async fn recent(services: &Database) -> Result<Vec<Numbered>, Error> {
    let mut connection = services.connection().await?;
    let found: Vec<(Uuid, String, i64)> = Recent::new().load(&mut connection).await?;
    Ok(found.into_iter().map(numbered).collect())
}

crate::statement! {
    struct ClaimEmails<'a> {
        worker: Uuid => SqlUuid,
        lease_ms: i64 => BigInt,
        kinds: &'a [&'a str] => Array<Text>,
        tenants: &'a [Uuid] => Array<SqlUuid>,
        destinations: &'a [&'a str] => Array<Text>,
        numbers: &'a [i64] => Array<BigInt>,
    } -> (
        SqlUuid, SqlUuid, BigInt, Text, Text, Text, Jsonb, Nullable<Text>, Integer, Integer, Timestamptz, Bool, Text,
        Text, Text, Text, Nullable<Text>, Nullable<Text>,
    )
    = "SELECT tenant_id, id, epoch, destination, recipient, recipient_name, content, secret, edition, attempts, deadline,
        is_over, correlation_id, company, language, time_zone, email_from, email_reply_to
        FROM claim_emails($1, $2, $3, $4, $5, $6)"
}

/// Which attempt at which e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Attempt {
    pub(super) tenant: TenantId,
    pub(super) email: EmailId,
    pub(super) epoch: i64,
}

/// An e-mail that this process is at, with all that is needed to send it.
#[derive(diesel::Queryable)]
pub(super) struct Claimed {
    tenant_id: Uuid,
    id: Uuid,
    epoch: i64,
    pub(super) destination: String,
    pub(super) recipient: String,
    pub(super) recipient_name: String,
    pub(super) content: Value,
    pub(super) secret: Option<String>,
    pub(super) edition: i32,
    pub(super) attempts: i32,
    pub(super) deadline: DateTime<Utc>,
    /// Whether what it hands over does not hold any more.
    pub(super) is_over: bool,
    pub(super) correlation_id: String,
    pub(super) company: String,
    language: String,
    pub(super) time_zone: String,
    pub(super) email_from: Option<String>,
    pub(super) email_reply_to: Option<String>,
}

impl Claimed {
    pub(super) fn attempt(&self) -> Attempt {
        Attempt {
            tenant: TenantId::from_uuid(self.tenant_id),
            email: EmailId::from_uuid(self.id),
            epoch: self.epoch,
        }
    }

    pub(super) fn lane(&self) -> Lane {
        Lane { tenant: TenantId::from_uuid(self.tenant_id), destination: self.destination.clone() }
    }

    pub(super) fn language(&self) -> Language {
        Language::stored(&self.language)
    }
}

/// Takes e-mails that are due for this process: so many of each lane.
pub(super) async fn claim(
    services: &Database,
    worker: Uuid,
    lease: Duration,
    wanted: &[Numbered],
) -> Result<Vec<Claimed>, Error> {
    let tenants: Vec<Uuid> = wanted.iter().map(|(lane, _)| lane.tenant.uuid()).collect();
    let destinations: Vec<&str> = wanted.iter().map(|(lane, _)| lane.destination.as_str()).collect();
    let numbers: Vec<i64> =
        wanted.iter().map(|(_, number)| i64::try_from(*number).unwrap_or(i64::MAX)).collect();
    let mut connection = services.connection().await?;
    let (kinds, lease_ms) = (kinds(), milliseconds(lease));
    let claim = ClaimEmails::new(worker, lease_ms, &kinds, &tenants, &destinations, &numbers);
    Ok(claim.load(&mut connection).await?)
}

crate::statement! {
    struct Renew<'a> { worker: Uuid => SqlUuid, lease_ms: i64 => BigInt } -> (SqlUuid, SqlUuid, BigInt)
    = "SELECT tenant_id, id, epoch FROM renew_emails($1, $2)"
}

/// Prolongs the lease of what this process is at, and returns what is still its own.
pub(super) async fn renew(services: &Database, worker: Uuid, lease: Duration) -> Result<Vec<Attempt>, Error> {
    let mut connection = services.connection().await?;
    let held: Vec<(Uuid, Uuid, i64)> = Renew::new(worker, milliseconds(lease)).load(&mut connection).await?;
    let attempt = |(tenant, email, epoch)| Attempt {
        tenant: TenantId::from_uuid(tenant),
        email: EmailId::from_uuid(email),
        epoch,
    };
    Ok(held.into_iter().map(attempt).collect())
}

crate::statement! {
    struct Settle<'a> {
        tenant: Uuid => SqlUuid,
        email: Uuid => SqlUuid,
        epoch: i64 => BigInt,
        outcome: &'a str => Text,
        detail: &'a str => Text,
        state: &'a str => Text,
        reason: Option<&'a str> => Nullable<Text>,
        retry_ms: i64 => BigInt,
    } -> (Bool,) = "SELECT settle_email($1, $2, $3, $4, $5, $6, $7, $8)"
}

/// How an attempt went, and what becomes of the e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// As in the table of attempts.
    pub(super) outcome: &'static str,
    pub(super) detail: String,
    pub(super) state: EmailState,
    pub(super) reason: Option<&'static str>,
    /// When to try again. If its deadline is earlier, by the database's clock, the e-mail is dead instead.
    pub(super) retry: Duration,
}

/// Writes a verdict down. Returns `false` if another process has taken the e-mail over.
pub(super) async fn settle(services: &Database, attempt: Attempt, verdict: &Verdict) -> Result<bool, Error> {
    let mut connection = services.connection().await?;
    let settle = Settle::new(
        attempt.tenant.uuid(),
        attempt.email.uuid(),
        attempt.epoch,
        verdict.outcome,
        &verdict.detail,
        verdict.state.name(),
        verdict.reason,
        milliseconds(verdict.retry),
    );
    let (is_own,): (bool,) = settle.get_result(&mut connection).await?;
    Ok(is_own)
}

crate::statement! {
    struct Document<'a> { tenant: Uuid => SqlUuid, email: Uuid => SqlUuid, epoch: i64 => BigInt } -> (Text, Binary)
    = "SELECT number, pdf FROM email_document($1, $2, $3)"
}

/// Reads the document that goes with an e-mail: its number, and the PDF. `None` if there is none, or if the e-mail is not this attempt's any more.
pub(super) async fn document(
    services: &Database,
    attempt: Attempt,
) -> Result<Option<(String, Vec<u8>)>, Error> {
    let mut connection = services.connection().await?;
    let document = Document::new(attempt.tenant.uuid(), attempt.email.uuid(), attempt.epoch);
    let found: Vec<(String, Vec<u8>)> = document.load(&mut connection).await?;
    Ok(found.into_iter().next())
}

crate::statement! {
    struct Expire<'a> { most: i64 => BigInt } -> (BigInt,) = "SELECT expire_emails($1)"
}

/// Makes dead letters of what was not sent by its deadline. Returns how many.
pub(super) async fn expire(services: &Database) -> Result<i64, Error> {
    let mut connection = services.connection().await?;
    let (late,): (i64,) = Expire::new(BATCH).get_result(&mut connection).await?;
    Ok(late)
}

crate::statement! {
    struct Prune<'a> { days: i32 => Integer, batch: i64 => BigInt } -> (BigInt,) = "SELECT prune_emails($1, $2)"
}

/// Deletes e-mails that are over for `days`, [`PRUNE_BATCH`] at most. Returns how many.
///
/// # Errors
/// Fails if the database refuses.
pub async fn prune(connection: &mut AsyncPgConnection, days: i32) -> QueryResult<i64> {
    let (deleted,): (i64,) = Prune::new(days, PRUNE_BATCH).get_result(connection).await?;
    Ok(deleted)
}

crate::statement! {
    struct Overview<'a> {} -> (Text, BigInt, Nullable<Timestamptz>) = "SELECT state, number, oldest FROM email_overview()"
}

/// Returns how many e-mails are in which state, and when the oldest of them was queued.
pub(super) async fn overview(
    services: &Database,
) -> Result<Vec<(String, i64, Option<DateTime<Utc>>)>, Error> {
    let mut connection = services.connection().await?;
    Ok(Overview::new().load(&mut connection).await?)
}
