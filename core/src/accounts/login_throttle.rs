//! The log-in throttle: an attacker who guesses passwords waits longer after every guess.
//!
//! It is exact across all replicas. *Before* a password is verified, one atomic statement counts the attempt as failed
//! and says whether it may be made at all. A success takes the count back. So parallel guesses cannot slip through.
//!
//! An account is the SHA-256 of its name as given: the folded e-mail address and, if named, the company. It is counted
//! whether it exists or not, and never by the account that the name turned out to mean. So the answer reveals nothing
//! about that, and the table holds no addresses of people. But one account can be guessed at with the company and without
//! it, which allows twice the guesses.
//!
//! A user who has logged in and changes their password is counted by user id, so guesses from outside do not block the
//! change. This module knows no passwords and no users.

use std::net::IpAddr;
use std::time::Duration;

use diesel::OptionalExtension;
use diesel::sql_types::{Array, BigInt, Binary, Double, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::accounts::rate_limits::Origin;
use crate::accounts::users::AccountName;
use crate::application::Locked;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::database::Database;
use crate::services::{Description, Fault, Plain, Service, Summary};
use crate::values::contact::FoldedEmail;
use crate::values::ids::{OperatorId, TenantId, UserId};

/// The number of failures in a row that locks an account for one second; every further failure doubles that, up to 900 s.
const ACCOUNT_FAILURES: f64 = 5.0;
/// The same for an address. More than for an account: a whole company may log in from behind one address.
const ADDRESS_FAILURES: f64 = 20.0;
/// An account is forgiven nothing over time: its failures are forgotten after a successful log-in, or a day after the
/// last attempt.
const ACCOUNT_FORGIVEN_PER_SECOND: f64 = 0.0;
/// An address is forgiven one failure in ten minutes: typing errors of a whole company must not add up. A success takes
/// back only its own count. Otherwise the owner of one account could guess at all others.
const ADDRESS_FORGIVEN_PER_SECOND: f64 = 1.0 / 600.0;
/// The maximum number of rows that one statement deletes.
const PRUNE_BATCH: usize = 1_000;
const PRUNE_EVERY: Duration = Duration::from_secs(600);

const LOCKED: &str = "comptoir_login_attempts_locked_total";

/// The key under which attempts are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleKey([u8; 32]);

impl ThrottleKey {
    /// An account, by the name given at log-in.
    pub fn account(name: &AccountName) -> Self {
        match &name.company {
            Some(company) => Self::of(&["account", company, name.email.as_str()]),
            None => Self::of(&["account", name.email.as_str()]),
        }
    }

    /// A user who has logged in and must prove their password again.
    pub fn user(tenant: TenantId, user: UserId) -> Self {
        Self::of(&["user", &tenant.to_string(), &user.to_string()])
    }

    /// An operator account, by the e-mail address given at log-in.
    pub fn operator_account(email: &FoldedEmail) -> Self {
        Self::of(&["operator account", email.as_str()])
    }

    /// An operator who has logged in and must prove their password again.
    pub fn operator(operator: OperatorId) -> Self {
        Self::of(&["operator", &operator.to_string()])
    }

    fn address(address: IpAddr) -> Self {
        Self::of(&["address", &Origin::from(address).to_string()])
    }

    /// Hashes the parts, each with its length in front. Otherwise `ab` + `c` and `a` + `bc` would be the same subject.
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
    account: ThrottleKey,
    address: Option<ThrottleKey>,
}

crate::statement! {
    /// Counts an attempt. A locked subject's row is not changed: from 0 changed rows the caller learns that it is locked.
    /// Of two attempts at the same time, the second waits for the first, and sees the row that the first left.
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
    /// Takes an attempt back. A lock that another attempt set stays.
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

/// Asks whether a password may be verified for this account, and counts a failure of the account and of the client's
/// address. `address` is `None` for a user who has logged in.
///
/// # Errors
/// [`Error::TooManyAttempts`] while the account or the address is locked. Then nothing is verified, and nothing is
/// counted for the account or the address, because nothing was guessed. Also fails if the database cannot be reached.
pub async fn attempt(
    database: &Database,
    account: ThrottleKey,
    address: Option<IpAddr>,
) -> Result<Ticket, Error> {
    let ticket = Ticket { id: Uuid::new_v4(), account, address: address.map(ThrottleKey::address) };
    let mut connection = database.connection().await?;
    let connection = &mut *connection;
    // Without counting: further attempts at a locked account must not lock the address for a moment each time.
    if let Some(seconds) = seconds_left(connection, account).await? {
        return Err(refused("account", seconds));
    }
    // The address first: attempts that are refused by the address must not lock an account.
    if let Some(address) = ticket.address
        && !count(connection, address, &ticket, ADDRESS_FORGIVEN_PER_SECOND, ADDRESS_FAILURES).await?
    {
        // If the lock has ended in the meantime, one second is short enough.
        return Err(refused("address", seconds_left(connection, address).await?.unwrap_or(1)));
    }
    if !count(connection, account, &ticket, ACCOUNT_FORGIVEN_PER_SECOND, ACCOUNT_FAILURES).await? {
        // Locked by a parallel attempt that was faster.
        take_back(connection, &ticket, ticket.address).await?;
        return Err(refused("account", seconds_left(connection, account).await?.unwrap_or(1)));
    }
    Ok(ticket)
}

/// Counts the attempt; returns whether it may be made.
async fn count(
    connection: &mut AsyncPgConnection,
    subject: ThrottleKey,
    ticket: &Ticket,
    forgiven_per_second: f64,
    failures_allowed: f64,
) -> Result<bool, Error> {
    let attempt = Attempt::new(&subject.0, ticket.id, forgiven_per_second, failures_allowed);
    Ok(attempt.execute(connection).await? > 0)
}

/// Returns for how many seconds the subject is locked; `None` if it is not.
async fn seconds_left(
    connection: &mut AsyncPgConnection,
    subject: ThrottleKey,
) -> Result<Option<i64>, Error> {
    let left: Option<(i64,)> = SecondsLeft::new(&subject.0).get_result(connection).await.optional()?;
    Ok(left.map(|(seconds,)| seconds))
}

fn refused(locked: &'static str, seconds: i64) -> Error {
    metrics::counter!(LOCKED, "locked" => locked).increment(1);
    Error::TooManyAttempts { retry_after_seconds: seconds.max(1).cast_unsigned() }
}

/// Records that the password was right: forgets the failures of the account, and takes one failure of the address back.
///
/// # Errors
/// Fails if the database cannot be reached; the attempt then counts as a failure.
pub async fn succeed(database: &Database, ticket: Ticket) -> Result<(), Error> {
    let mut connection = database.connection().await?;
    clear(&mut connection, &[ticket.account]).await?;
    take_back(&mut connection, &ticket, ticket.address).await
}

/// Takes the attempt back, because the password could not be verified through no fault of the caller.
///
/// # Errors
/// Fails if the database cannot be reached; the attempt then counts as a failure.
pub async fn withdraw(database: &Database, ticket: Ticket) -> Result<(), Error> {
    let mut connection = database.connection().await?;
    take_back(&mut connection, &ticket, Some(ticket.account)).await?;
    take_back(&mut connection, &ticket, ticket.address).await
}

async fn take_back(
    connection: &mut AsyncPgConnection,
    ticket: &Ticket,
    subject: Option<ThrottleKey>,
) -> Result<(), Error> {
    if let Some(subject) = subject {
        TakeBack::new(ticket.id, &subject.0).execute(connection).await?;
    }
    Ok(())
}

/// Forgets all failures of these subjects, and unlocks them: the password that was guessed at has changed.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn forgive(work: &mut UnitOfWork<'_>, subjects: &[ThrottleKey]) -> Result<(), Error> {
    work.locks(Locked::LoginAttempts);
    clear(work.connection(), subjects).await
}

async fn clear(connection: &mut AsyncPgConnection, subjects: &[ThrottleKey]) -> Result<(), Error> {
    let subjects: Vec<&[u8]> = subjects.iter().map(|subject| &subject.0[..]).collect();
    Clear::new(&subjects).execute(connection).await?;
    Ok(())
}

/// Returns the service `login_throttle`, which deletes the counts of subjects without an attempt for a day.
pub fn service(database: Database) -> impl Service {
    let about = "Forgets log-in attempts that are a day old";
    Plain::new(Description::every("login_throttle", about, PRUNE_EVERY).at_start(), move || {
        let database = database.clone();
        async move {
            let mut connection = database.connection().await.map_err(Fault::new)?;
            let mut forgotten = 0;
            loop {
                let batch =
                    Prune::new(PRUNE_BATCH as i64).execute(&mut connection).await.map_err(Fault::new)?;
                forgotten += batch;
                if batch < PRUNE_BATCH {
                    return Ok(Summary::of(json!({ "forgotten": forgotten })));
                }
            }
        }
    })
}

/// Describes the metrics for Prometheus, and starts them at 0.
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
        let named =
            |email: &str, company: Option<&str>| ThrottleKey::account(&AccountName::new(email, company));
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
        let operator = ThrottleKey::operator_account(&FoldedEmail::of("ada@docks.example"));
        assert_ne!(operator, named("ada@docks.example", None), "an operator's");
        let ids = (TenantId::generate(), UserId::generate());
        assert_ne!(ThrottleKey::user(ids.0, ids.1), named(&ids.1.to_string(), Some(&ids.0.to_string())));
    }
}
