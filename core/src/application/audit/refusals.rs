//! Refusals in the audit trail: failed log-ins, and requests whose caller lacks the permission.
//!
//! An attacker decides how many refusals there are, so they are not written one by one. Each process counts refusals of
//! the same kind (the same account or caller, reason and address). At intervals it adds one row for each kind to the
//! trail, with the count. Until then a refusal is only in memory: a process that is killed loses those of its last
//! interval. A refused request neither writes to the database nor waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use futures::future::BoxFuture;
use serde_json::json;
use uuid::Uuid;

use super::{AuditEntry, Author, append_by};
use crate::application::error::Error;
use crate::application::{Principal, set_tenant};
use crate::platform::database::Database;
use crate::services::{Description, Fault, Run, Service, Summary};
use crate::values::ids::{OperatorId, TenantId, UserId};

/// The maximum number of kinds that one process keeps between two writes, about 1 KiB each. Beyond that, refusals are
/// counted by tenant, action and reason only.
const MAX_KINDS: usize = 1_000;
/// The same for one tenant: a user with many sessions or many routes must not make the trail of other companies less exact.
const MAX_KINDS_OF_TENANT: usize = 100;
/// The maximum number of addresses counted separately for one account or caller, action and reason.
const MAX_ADDRESSES: usize = 20;
/// The maximum number of rows in one transaction: other writers to the same chain wait for it.
const BATCH: usize = 50;
/// How long the last write of a stopping process may take.
const LAST_WRITE_LIMIT: Duration = Duration::from_secs(2);

/// The actions of the rows.
const LOG_IN: &str = "session.refuse";
const REQUEST: &str = "request.refuse";

const REFUSED: &str = "comptoir_refusals_total";
const UNWRITTEN: &str = "comptoir_refusals_unwritten_total";

/// A refusal: who was refused, and what. Refusals with equal fields are one kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refusal {
    tenant_id: TenantId,
    actor: Refused,
    action: &'static str,
    resource_type: &'static str,
    /// Empty if there were too many kinds to count them separately.
    resource_id: String,
    /// The code of the error.
    reason: &'static str,
    client_address: Option<String>,
}

/// The refused caller, as the trail names them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Refused {
    actor_type: &'static str,
    id: Option<Uuid>,
    name: String,
    session_id: Option<Uuid>,
}

impl Refused {
    fn anonymous() -> Self {
        Self { actor_type: "anonymous", id: None, name: String::new(), session_id: None }
    }
}

impl Refusal {
    /// A refused log-in as this user.
    pub fn of_log_in(
        tenant_id: TenantId,
        user_id: UserId,
        reason: &'static str,
        address: Option<String>,
    ) -> Self {
        Self {
            tenant_id,
            actor: Refused::anonymous(),
            action: LOG_IN,
            resource_type: "user",
            resource_id: user_id.to_string(),
            reason,
            client_address: address,
        }
    }

    /// A refused log-in as this operator.
    pub fn of_operator_log_in(
        operator_id: OperatorId,
        reason: &'static str,
        address: Option<String>,
    ) -> Self {
        Self {
            tenant_id: TenantId::OPERATORS,
            actor: Refused::anonymous(),
            action: LOG_IN,
            resource_type: "operator",
            resource_id: operator_id.to_string(),
            reason,
            client_address: address,
        }
    }

    /// A refused request of an authenticated principal. `route` is a method and the pattern of a path.
    pub fn of_request(
        principal: &Principal,
        route: String,
        reason: &'static str,
        address: Option<String>,
    ) -> Self {
        let actor = Refused {
            actor_type: principal.actor.kind(),
            id: principal.id().map(|id| id.uuid()),
            name: principal.name.clone(),
            session_id: principal.session_id().map(|id| id.uuid()),
        };
        Self {
            tenant_id: principal.tenant_id,
            actor,
            action: REQUEST,
            resource_type: "route",
            resource_id: route,
            reason,
            client_address: address,
        }
    }

    /// Whether both are equal except for the address. Both are of one tenant.
    fn differs_by_address(&self, other: &Self) -> bool {
        let rest = |of: &Self| (of.action, of.resource_type, of.reason);
        rest(self) == rest(other) && self.resource_id == other.resource_id && self.actor == other.actor
    }

    /// The refusal without the fields that an attacker can vary at will.
    fn coarse(&self) -> Self {
        Self { actor: Refused::anonymous(), resource_id: String::new(), client_address: None, ..self.clone() }
    }
}

/// How often, and when, refusals of one kind happened.
#[derive(Debug, Clone)]
struct Count {
    attempts: u64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    /// The id of the last refused request.
    request_id: String,
}

/// Refusals that are not written yet. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Refusals {
    kinds: Arc<Mutex<Kinds>>,
    /// Held while they are written: who writes last waits for a write that is under way.
    writing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Kinds(HashMap<TenantId, KindsOfTenant>);

type KindsOfTenant = HashMap<Refusal, Count>;

impl Kinds {
    fn of(&mut self, tenant: TenantId) -> &mut KindsOfTenant {
        self.0.entry(tenant).or_default()
    }

    /// Whether one more kind of this tenant may be remembered.
    fn has_room_for(&self, tenant: TenantId) -> bool {
        let of_tenant = self.0.get(&tenant).map_or(0, HashMap::len);
        of_tenant < MAX_KINDS_OF_TENANT && self.0.values().map(HashMap::len).sum::<usize>() < MAX_KINDS
    }

    fn holds(&self, refusal: &Refusal) -> bool {
        self.0.get(&refusal.tenant_id).is_some_and(|kinds| kinds.contains_key(refusal))
    }

    /// The number of addresses already counted separately, of refusals that otherwise equal this one.
    fn addresses_beside(&self, refusal: &Refusal) -> usize {
        let kinds = self.0.get(&refusal.tenant_id).into_iter().flat_map(HashMap::keys);
        kinds.filter(|kind| kind.client_address.is_some() && kind.differs_by_address(refusal)).count()
    }

    /// The kind under which a refusal is counted: less exact if there are too many kinds.
    fn placed(&self, refusal: Refusal) -> Refusal {
        if self.holds(&refusal) {
            return refusal;
        }
        let refusal = if self.addresses_beside(&refusal) >= MAX_ADDRESSES {
            Refusal { client_address: None, ..refusal }
        } else {
            refusal
        };
        if self.holds(&refusal) || self.has_room_for(refusal.tenant_id) { refusal } else { refusal.coarse() }
    }
}

impl Refusals {
    /// Describes the metrics for Prometheus, and starts them at 0.
    pub fn describe_metrics() {
        metrics::describe_counter!(REFUSED, "Refusals counted for the audit trail, by action and reason");
        metrics::describe_counter!(
            UNWRITTEN,
            "Refusals that the audit trail does not have, since they could not be written"
        );
        for (action, reason) in [(LOG_IN, "invalid_credentials"), (REQUEST, "forbidden")] {
            metrics::counter!(REFUSED, "action" => action, "reason" => reason).increment(0);
        }
        metrics::counter!(UNWRITTEN).increment(0);
    }

    /// Counts a refusal.
    pub fn note(&self, refusal: Refusal, request_id: &str) {
        metrics::counter!(REFUSED, "action" => refusal.action, "reason" => refusal.reason).increment(1);
        let now = Utc::now().trunc_subsecs(6);
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = kinds.placed(refusal);
        let count = kinds.of(kind.tenant_id).entry(kind).or_insert_with(|| Count {
            attempts: 0,
            first_at: now,
            last_at: now,
            request_id: String::new(),
        });
        count.attempts += 1;
        count.last_at = now;
        request_id.clone_into(&mut count.request_id);
    }

    /// Writes the counts to the trail. Counts that cannot be written wait for the next call, unless there is no room for
    /// them by then.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn write(&self, database: &Database) -> Result<(), Error> {
        let _writing = self.writing.lock().await;
        let kinds = std::mem::take(&mut *self.kinds.lock().unwrap_or_else(PoisonError::into_inner));
        let mut failed = None;
        for (tenant, refusals) in kinds.0 {
            let refusals: Vec<_> = refusals.into_iter().collect();
            for batch in refusals.chunks(BATCH) {
                if let Err(error) = write_batch(database, tenant, batch).await {
                    self.put_back(batch);
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn put_back(&self, batch: &[(Refusal, Count)]) {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        for (refusal, count) in batch {
            if !kinds.holds(refusal) && !kinds.has_room_for(refusal.tenant_id) {
                metrics::counter!(UNWRITTEN).increment(count.attempts);
                continue;
            }
            kinds
                .of(refusal.tenant_id)
                .entry(refusal.clone())
                .and_modify(|later| {
                    later.attempts += count.attempts;
                    later.first_at = count.first_at;
                })
                .or_insert_with(|| count.clone());
        }
    }

    /// Returns the service `refusals`, which writes the counts regularly, and a last time when the process stops.
    pub fn service(self, database: Database, every: Duration) -> impl Service {
        RefusalsWriter { refusals: self, database, every }
    }
}

struct RefusalsWriter {
    refusals: Refusals,
    database: Database,
    every: Duration,
}

impl Service for RefusalsWriter {
    fn describe(&self) -> Description {
        let about = "Writes what was refused to the audit trail";
        Description::every("refusals", about, self.every).quiet().stop_within(LAST_WRITE_LIMIT)
    }

    fn run<'a>(&'a self, _run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(async { self.at_stop().await.map(|()| Summary::done()) })
    }

    fn at_stop(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async { self.refusals.write(&self.database).await.map_err(Fault::new).map(drop) })
    }
}

async fn write_batch(database: &Database, tenant: TenantId, batch: &[(Refusal, Count)]) -> Result<(), Error> {
    let mut connection = database.connection().await?;
    connection
        .transaction(async |connection| {
            connection.batch_execute(&set_tenant(tenant)).await?;
            for (refusal, count) in batch {
                let after = json!({
                    "reason": refusal.reason,
                    "attempts": count.attempts,
                    "first_at": count.first_at,
                    "last_at": count.last_at,
                });
                let entry = AuditEntry {
                    action: refusal.action,
                    resource_type: refusal.resource_type.into(),
                    resource_id: refusal.resource_id.clone(),
                    before: None,
                    after: Some(after.to_string()),
                };
                let author = Author {
                    actor_type: refusal.actor.actor_type,
                    actor_id: refusal.actor.id,
                    actor_name: &refusal.actor.name,
                    session_id: refusal.actor.session_id,
                    request_id: &count.request_id,
                    client_address: refusal.client_address.as_deref(),
                };
                append_by(connection, &author, count.last_at, &entry).await?;
            }
            Ok(())
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(user: u128, address: &str) -> Refusal {
        refusal_in(1, user, address)
    }

    fn refusal_in(tenant: u128, user: u128, address: &str) -> Refusal {
        let (tenant, user) = (Uuid::from_u128(tenant), Uuid::from_u128(user));
        let address = Some(address.to_owned());
        Refusal::of_log_in(
            TenantId::from_uuid(tenant),
            UserId::from_uuid(user),
            "invalid_credentials",
            address,
        )
    }

    fn counted(refusals: &Refusals) -> Vec<(Refusal, u64)> {
        let kinds = refusals.kinds.lock().expect("not poisoned");
        let kinds = kinds.0.values().flatten();
        kinds.map(|(kind, count)| (kind.clone(), count.attempts)).collect()
    }

    #[test]
    fn equal_refusals_are_counted_together() {
        let refusals = Refusals::default();
        refusals.note(refusal(7, "203.0.113.7"), "r-1");
        refusals.note(refusal(7, "203.0.113.7"), "r-2");
        refusals.note(refusal(7, "203.0.113.8"), "r-3");
        let mut counts: Vec<u64> = counted(&refusals).into_iter().map(|(_, attempts)| attempts).collect();
        counts.sort_unstable();
        assert_eq!(counts, [1, 2]);
    }

    #[test]
    fn a_kind_says_when_it_began_and_what_its_last_request_was_also_after_a_write_that_failed() {
        let (refusals, kind) = (Refusals::default(), refusal(7, "203.0.113.7"));
        let count = || {
            let kinds = refusals.kinds.lock().expect("not poisoned");
            kinds.0.values().flatten().map(|(_, count)| count.clone()).next().expect("one kind")
        };
        refusals.note(kind.clone(), "r-1");
        let first = count();
        refusals.note(kind.clone(), "r-2");
        let second = count();
        assert_eq!((second.attempts, second.request_id.as_str()), (2, "r-2"));
        assert_eq!(second.first_at, first.first_at);
        assert!(second.last_at >= first.last_at);
        // They could not be written, and more have come meanwhile.
        let early = Count { first_at: DateTime::UNIX_EPOCH, last_at: DateTime::UNIX_EPOCH, ..first };
        refusals.put_back(&[(kind, early)]);
        let both = count();
        assert_eq!((both.attempts, both.request_id.as_str()), (3, "r-2"));
        assert_eq!((both.first_at, both.last_at), (DateTime::UNIX_EPOCH, second.last_at));
    }

    #[test]
    fn who_comes_from_many_addresses_fills_no_memory() {
        let refusals = Refusals::default();
        for number in 0..5_000 {
            refusals.note(refusal(7, &format!("2001:db8::{number}")), "r");
        }
        let counted = counted(&refusals);
        assert_eq!(counted.len(), MAX_ADDRESSES + 1);
        let rest = counted.iter().find(|(kind, _)| kind.client_address.is_none()).expect("a rest");
        assert_eq!(rest.1, 5_000 - MAX_ADDRESSES as u64);
        assert_eq!(rest.0.resource_id, Uuid::from_u128(7).to_string(), "whose account it is, is still said");
    }

    #[test]
    fn who_tries_many_accounts_fills_no_memory() {
        let refusals = Refusals::default();
        for number in 0..3_000 {
            refusals.note(refusal(number, "203.0.113.7"), "r");
        }
        let counted = counted(&refusals);
        assert_eq!(counted.len(), MAX_KINDS_OF_TENANT + 1);
        assert_eq!(counted.iter().map(|(_, attempts)| attempts).sum::<u64>(), 3_000, "none is lost");
    }

    #[test]
    fn who_is_refused_in_many_ways_makes_no_other_companys_trail_coarse() {
        let refusals = Refusals::default();
        for number in 0..3_000 {
            refusals.note(refusal_in(1, number, "203.0.113.7"), "r");
        }
        refusals.note(refusal_in(2, 7, "203.0.113.8"), "r");
        let counted = counted(&refusals);
        assert!(counted.contains(&(refusal_in(2, 7, "203.0.113.8"), 1)), "{:?}", counted.last());
    }

    #[test]
    fn many_companies_together_fill_no_memory() {
        let refusals = Refusals::default();
        for number in 0..30 * MAX_KINDS_OF_TENANT as u128 {
            refusals.note(refusal_in(number % 30, number, "203.0.113.7"), "r");
        }
        let counted = counted(&refusals);
        assert_eq!(counted.len(), MAX_KINDS + 30, "and the rest of each company");
        assert_eq!(counted.iter().map(|(_, attempts)| attempts).sum::<u64>(), 3_000, "none is lost");
    }

    #[test]
    fn what_could_not_be_written_is_counted_again_as_long_as_there_is_room() {
        let refusals = Refusals::default();
        refusals.note(refusal(7, "203.0.113.7"), "r");
        let unwritten = std::mem::take(&mut *refusals.kinds.lock().expect("not poisoned")).0;
        let unwritten: Vec<_> = unwritten.into_values().flatten().collect();
        refusals.note(refusal(7, "203.0.113.7"), "r");
        refusals.put_back(&unwritten);
        assert_eq!(counted(&refusals), [(refusal(7, "203.0.113.7"), 2)]);
        for number in 100..300 {
            refusals.note(refusal(number, "203.0.113.7"), "r");
        }
        let others: Vec<_> =
            unwritten.iter().map(|(_, count)| (refusal(8, "203.0.113.7"), count.clone())).collect();
        refusals.put_back(&others);
        assert!(
            counted(&refusals).iter().all(|(kind, _)| *kind != refusal(8, "203.0.113.7")),
            "too much waits"
        );
    }
}
