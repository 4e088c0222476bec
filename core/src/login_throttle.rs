//! The log-in throttle: whoever guesses passwords waits longer after every guess.
//!
//! Exact, across all replicas: every attempt is counted as failed, in one atomic statement that also says whether it may
//! be made at all, *before* its password is verified; a success takes that back. Parallel guesses cannot slip through.
//!
//! An account is the SHA-256 of an e-mail address, whether there is such an account or not: the answer tells nothing
//! about that, and the table holds no addresses of people. Knows no passwords and no users.

use std::net::IpAddr;
use std::time::Duration;

use diesel::OptionalExtension;
use diesel::sql_types::{BigInt, Binary, Double, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use sha2::{Digest, Sha256};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::database::Database;
use crate::error::Error;
use crate::rate_limits::Origin;

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

/// The right to verify one password. It counts as a failure until [`succeed`] or [`withdraw`] takes that back.
#[derive(Debug)]
#[must_use = "an attempt that is not taken back counts as a failure"]
pub struct Ticket {
    id: Uuid,
    account: [u8; 32],
    address: [u8; 32],
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
    struct Clear<'a> { subject: &'a [u8] => Binary } = "DELETE FROM login_throttles WHERE subject = $1"
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

/// Asks whether a password may be verified for this e-mail address, and counts it as a failure.
///
/// # Errors
/// [`Error::TooManyAttempts`] while the account or the address is locked; nothing is verified then. No database.
pub async fn attempt(database: &Database, email: &str, address: IpAddr) -> Result<Ticket, Error> {
    let subject =
        |kind: &str, name: &str| Sha256::new().chain_update(kind).chain_update(name).finalize().into();
    let ticket = Ticket {
        id: Uuid::new_v4(),
        account: subject("account:", &email.trim().to_lowercase()),
        address: subject("address:", &Origin::from(address).to_string()),
    };
    let mut connection = database.connection().await?;
    // The address first: nobody's account is locked by attempts that were not made.
    let by_address = Attempt::new(&ticket.address, ticket.id, ADDRESS_FORGIVEN_PER_SECOND, ADDRESS_FAILURES);
    if by_address.execute(&mut connection).await? == 0 {
        return refuse(&mut connection, &ticket.address, "address").await;
    }
    let by_account = Attempt::new(&ticket.account, ticket.id, ACCOUNT_FORGIVEN_PER_SECOND, ACCOUNT_FAILURES);
    if by_account.execute(&mut connection).await? == 0 {
        return refuse(&mut connection, &ticket.account, "account").await;
    }
    Ok(ticket)
}

async fn refuse(
    connection: &mut AsyncPgConnection,
    subject: &[u8],
    locked: &'static str,
) -> Result<Ticket, Error> {
    metrics::counter!(LOCKED, "locked" => locked).increment(1);
    let left: Option<(i64,)> = SecondsLeft::new(subject).get_result(connection).await.optional()?;
    // Gone in the meantime: a second is soon enough.
    let retry_after_seconds = left.map_or(1, |(seconds,)| seconds).max(1).cast_unsigned();
    Err(Error::TooManyAttempts { retry_after_seconds })
}

/// The password was right: the account begins anew, and the address has one failure less.
///
/// # Errors
/// No database; the attempt then counts as a failure.
pub async fn succeed(database: &Database, ticket: Ticket) -> Result<(), Error> {
    let mut connection = database.connection().await?;
    Clear::new(&ticket.account).execute(&mut connection).await?;
    TakeBack::new(ticket.id, &ticket.address).execute(&mut connection).await?;
    Ok(())
}

/// The password could not be verified, through nobody's fault: the attempt did not happen.
///
/// # Errors
/// No database; the attempt then counts as a failure.
pub async fn withdraw(database: &Database, ticket: Ticket) -> Result<(), Error> {
    let mut connection = database.connection().await?;
    TakeBack::new(ticket.id, &ticket.account).execute(&mut connection).await?;
    TakeBack::new(ticket.id, &ticket.address).execute(&mut connection).await?;
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
