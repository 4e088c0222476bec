//! The log-in throttle: whoever guesses passwords waits longer after every guess.
//!
//! Exact, across all replicas: every attempt is counted as failed, in one atomic statement that also says whether it may
//! be made at all, *before* its password is verified; a success takes that back. Parallel guesses cannot slip through.
//!
//! An account is the SHA-256 of what it was called: the folded e-mail address and, if it was named, the company. It is counted
//! whether there is such an account or not, and never by what the name turned out to mean: the answer tells nothing about
//! that, and the table holds no addresses of people. So there are two ways to guess at one account, with the company and
//! without, and twice the guesses. Who has logged in and changes their password is counted by themselves: guesses from
//! outside do not keep them from it. Knows no passwords and no users.

use std::net::IpAddr;
use std::time::Duration;

use diesel::OptionalExtension;
use diesel::sql_types::{Array, BigInt, Binary, Double, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use sha2::{Digest, Sha256};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::accounts::rate_limits::Origin;
use crate::accounts::users::AccountName;
use crate::application::Locked;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::database::Database;
use crate::values::ids::{TenantId, UserId};

/// Failures in a row that lock an account for one second; every further one doubles that, up to 900 s.
const ACCOUNT_FAILURES: f64 = 5.0;
/// The same for an address. More than for an account: a whole company may log in from behind one address.
const ADDRESS_FAILURES: f64 = 20.0;
/// An account's failures are forgotten when somebody logs in, or a day after the last attempt.
const ACCOUNT_FORGIVEN_PER_SECOND: f64 = 0.0;
/// An address is forgiven one failure in ten minutes: typing errors of a whole company must not add up. A success takes
/// only itself back, or whoever has one account could guess at all others.
const ADDRESS_FORGIVEN_PER_SECOND: f64 = 1.0 / 600.0;
/// Rows deleted by one statement at most.
const PRUNE_BATCH: usize = 1_000;
const PRUNE_EVERY: Duration = Duration::from_secs(600);

const LOCKED: &str = "comptoir_login_attempts_locked_total";

/// What attempts are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject([u8; 32]);

impl Subject {
    /// An account, as whoever logs in calls it.
    pub fn account(name: &AccountName) -> Self {
        match &name.company {
            Some(company) => Self::of(&["account", company, name.email.as_str()]),
            None => Self::of(&["account", name.email.as_str()]),
        }
    }

    /// A user who has logged in and says what their password is.
    pub fn user(tenant: TenantId, user: UserId) -> Self {
        Self::of(&["user", &tenant.to_string(), &user.to_string()])
    }

    fn address(address: IpAddr) -> Self {
        Self::of(&["address", &Origin::from(address).to_string()])
    }

    /// Lengths in front, or what somebody calls their account could be cut differently and hash like another one's name.
    fn of(parts: &[&str]) -> Self {
        let add = |hash: Sha256, part: &&str| {
            hash.chain_update((part.len() as u64).to_be_bytes()).chain_update(part)
        };
        Self(parts.iter().fold(Sha256::new(), add).finalize().into())
    }
}

/// The right to verify one password. It counts as a failure until [`succeed`] or [`withdraw`] takes that back.
#[derive(Debug)]
#[must_use = "an attempt that is not taken back counts as a failure"]
pub struct Ticket {
    id: Uuid,
    account: Subject,
    address: Option<Subject>,
}

crate::statement! {
    /// Changes no row that is locked, which is how the caller learns that it is. Of two attempts at the same time the
    /// second waits for the first, and sees what that one left behind.
    struct Attempt<'a> {
        subject: &'a [u8] => Binary,
        ticket: Uuid => SqlUuid,
        forgiven_per_second: f64 => Double,
        failures_allowed: f64 => Double,
    }
    = "INSERT INTO login_throttles AS t (subject, failures, ticket) VALUES ($1, 1, $2)
    ON CONFLICT (subject) DO UPDATE SET (ticket, attempted_at, failures, locked_until) = (
        SELECT excluded.ticket, now(), failures, CASE WHEN excess >= 0
            THEN now() + interval '1 second' * least(900, power(2, least(10, excess))) END
        FROM (SELECT 1 + greatest(0, t.failures - $3 * extract(epoch FROM now() - t.attempted_at)::double precision))
            AS counted (failures),
            LATERAL (SELECT ceil(failures) - $4) AS beyond (excess))
    WHERE t.locked_until IS NULL OR t.locked_until <= now()"
}

crate::statement! {
    struct SecondsLeft<'a> { subject: &'a [u8] => Binary } -> (BigInt,)
    = "SELECT ceil(extract(epoch FROM locked_until - now()))::bigint FROM login_throttles
    WHERE subject = $1 AND locked_until > now()"
}

crate::statement! {
    struct Clear<'a> { subjects: &'a [&'a [u8]] => Array<Binary> }
    = "DELETE FROM login_throttles WHERE subject = ANY ($1)"
}

crate::statement! {
    /// A lock stays if it is another attempt's.
    struct TakeBack<'a> { ticket: Uuid => SqlUuid, subject: &'a [u8] => Binary }
    = "UPDATE login_throttles
    SET failures = greatest(0, failures - 1), locked_until = CASE WHEN ticket <> $1 THEN locked_until END
    WHERE subject = $2"
}

crate::statement! {
    struct Prune<'a> { batch: i64 => BigInt }
    = "DELETE FROM login_throttles WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM login_throttles WHERE attempted_at < now() - interval '1 day'
        LIMIT $1 FOR UPDATE SKIP LOCKED))"
}

/// Asks whether a password may be verified for this account, and counts it as a failure of the account and of the address
/// from which it comes; `None` is for somebody who has logged in.
///
/// # Errors
/// [`Error::TooManyAttempts`] while the account or the address is locked; nothing is verified then, and nothing counted: who
/// is refused has guessed nothing, and their neighbours at the same address have not, either. No database.
pub async fn attempt(
    database: &Database,
    account: Subject,
    address: Option<IpAddr>,
) -> Result<Ticket, Error> {
    let ticket = Ticket { id: Uuid::new_v4(), account, address: address.map(Subject::address) };
    let mut connection = database.connection().await?;
    let connection = &mut *connection;
    // Without counting: whoever goes on trying a locked account does not lock the address for a moment each time.
    if let Some(seconds) = seconds_left(connection, account).await? {
        return Err(refused("account", seconds));
    }
    // The address first: nobody's account is locked by attempts that were not made.
    if let Some(address) = ticket.address
        && !count(connection, address, &ticket, ADDRESS_FORGIVEN_PER_SECOND, ADDRESS_FAILURES).await?
    {
        // Gone in the meantime: a second is soon enough.
        return Err(refused("address", seconds_left(connection, address).await?.unwrap_or(1)));
    }
    if !count(connection, account, &ticket, ACCOUNT_FORGIVEN_PER_SECOND, ACCOUNT_FAILURES).await? {
        // Locked by somebody who was faster.
        take_back(connection, &ticket, ticket.address).await?;
        return Err(refused("account", seconds_left(connection, account).await?.unwrap_or(1)));
    }
    Ok(ticket)
}

/// Whether the attempt may be made.
async fn count(
    connection: &mut AsyncPgConnection,
    subject: Subject,
    ticket: &Ticket,
    forgiven_per_second: f64,
    failures_allowed: f64,
) -> Result<bool, Error> {
    let attempt = Attempt::new(&subject.0, ticket.id, forgiven_per_second, failures_allowed);
    Ok(attempt.execute(connection).await? > 0)
}

/// For how long this is locked; `None` if it is not.
async fn seconds_left(connection: &mut AsyncPgConnection, subject: Subject) -> Result<Option<i64>, Error> {
    let left: Option<(i64,)> = SecondsLeft::new(&subject.0).get_result(connection).await.optional()?;
    Ok(left.map(|(seconds,)| seconds))
}

fn refused(locked: &'static str, seconds: i64) -> Error {
    metrics::counter!(LOCKED, "locked" => locked).increment(1);
    Error::TooManyAttempts { retry_after_seconds: seconds.max(1).cast_unsigned() }
}

/// The password was right: the account begins anew, and the address has one failure less.
///
/// # Errors
/// No database; the attempt then counts as a failure.
pub async fn succeed(database: &Database, ticket: Ticket) -> Result<(), Error> {
    let mut connection = database.connection().await?;
    clear(&mut connection, &[ticket.account]).await?;
    take_back(&mut connection, &ticket, ticket.address).await
}

/// The password could not be verified, through nobody's fault: the attempt did not happen.
///
/// # Errors
/// No database; the attempt then counts as a failure.
pub async fn withdraw(database: &Database, ticket: Ticket) -> Result<(), Error> {
    let mut connection = database.connection().await?;
    take_back(&mut connection, &ticket, Some(ticket.account)).await?;
    take_back(&mut connection, &ticket, ticket.address).await
}

async fn take_back(
    connection: &mut AsyncPgConnection,
    ticket: &Ticket,
    subject: Option<Subject>,
) -> Result<(), Error> {
    if let Some(subject) = subject {
        TakeBack::new(ticket.id, &subject.0).execute(connection).await?;
    }
    Ok(())
}

/// Forgets all failures of these, and opens what is locked: the password that was guessed at is another one now.
///
/// # Errors
/// No database.
pub(crate) async fn forgive(work: &mut UnitOfWork<'_>, subjects: &[Subject]) -> Result<(), Error> {
    work.locks(Locked::LoginAttempts);
    clear(work.connection(), subjects).await
}

async fn clear(connection: &mut AsyncPgConnection, subjects: &[Subject]) -> Result<(), Error> {
    let subjects: Vec<&[u8]> = subjects.iter().map(|subject| &subject.0[..]).collect();
    Clear::new(&subjects).execute(connection).await?;
    Ok(())
}

/// Agent: forgets whoever has not tried for a day.
pub async fn prune_attempts(database: Database) {
    let mut interval = tokio::time::interval(PRUNE_EVERY);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        if let Err(error) = prune(&database).await {
            tracing::warn!(%error, "cannot forget old log-in attempts now");
        }
    }
}

async fn prune(database: &Database) -> Result<(), Error> {
    let mut connection = database.connection().await?;
    while Prune::new(PRUNE_BATCH as i64).execute(&mut connection).await? == PRUNE_BATCH {}
    Ok(())
}

/// What Prometheus shows as help.
pub fn describe_metrics() {
    metrics::describe_counter!(
        LOCKED,
        "Log-in attempts refused because the account or the address is locked"
    );
    for locked in ["account", "address"] {
        metrics::counter!(LOCKED, "locked" => locked).increment(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_account_is_counted_under_the_name_of_another() {
        let named = |email: &str, company: Option<&str>| Subject::account(&AccountName::new(email, company));
        let ada = named("ada@docks.example", Some("docks"));
        assert_eq!(ada, named(" ADA@docks.example", Some("Docks ")));
        for (email, company) in [
            ("docks/ada@docks.example", None),
            ("docksada@docks.example", None),
            ("s/ada@docks.example", Some("dock")),
            ("sada@docks.example", Some("dock")),
            ("ada@docks.example", Some("")),
            ("ada@docks.example", None),
        ] {
            assert_ne!(ada, named(email, company), "{email} of {company:?}");
        }
        let ids = (TenantId::generate(), UserId::generate());
        assert_ne!(Subject::user(ids.0, ids.1), named(&ids.1.to_string(), Some(&ids.0.to_string())));
    }
}
