//! Checks that the replicas are alive and agree in version and lease time; and reports the events that wait.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use comptoir_core::outbox::operations;
use comptoir_core::outbox::overview::{self, ReplicaState};
use diesel_async::AsyncPgConnection;

use super::report::Report;
use crate::config::Config;
use crate::error::DatabaseFault;
use crate::status::broker;
use comptoir_core::platform::when::in_seconds;

const AREA: &str = "replicas";
const SHOWN: usize = 8;
const ERRORS_SHOWN: i64 = 3;

pub(super) async fn check(
    config: &Config,
    connection: &mut AsyncPgConnection,
    report: &mut Report,
) -> Result<(), DatabaseFault> {
    let now = operations::clock(connection).await?;
    let (live, stale): (Vec<_>, Vec<_>) = overview::replicas(connection)
        .await?
        .into_iter()
        .partition(|replica| is_live(replica, now, config.relay.lease_ttl_ms));
    if live.is_empty() {
        report.warn(
            AREA,
            "running",
            "no replica runs now",
            "start `relay`, unless a timer runs `relay --once`",
        );
    } else {
        report.ok(AREA, "running", format!("{}: {}", live.len(), names(&live)));
    }
    if !stale.is_empty() {
        report.warn(
            AREA,
            "silent",
            format!("not heard of any more: {}", names(&stale)),
            "look whether they were killed; what they held is taken over by itself",
        );
    }
    if let Some(blocked) = live.iter().find(|replica| replica.blocked) {
        report.fail(
            AREA,
            "blocked",
            format!("the broker blocks publishing (seen by {})", blocked.name),
            "look at the broker's memory and disk alarms: rabbitmq-diagnostics alarms",
        );
    }
    check_broker(&live, now, report);
    check_agreement(config, &live, report);
    let totals = overview::totals(connection).await?;
    report.ok(
        AREA,
        "backlog",
        format!(
            "{} events wait, {} of them for a retry; {} dead letters",
            totals.pending, totals.retrying, totals.dead_letters
        ),
    );
    if totals.retrying > 0 {
        check_retries(connection, totals.retrying, report).await?;
    }
    if totals.held > 0 {
        report.warn(
            AREA,
            "held",
            format!("{} dead letters hold back the later events of their aggregates", totals.held),
            "relay dead-letters list, then requeue or discard them",
        );
    }
    Ok(())
}

/// Reports the replicas that do not reach the broker: the check itself may reach it all the same.
fn check_broker(live: &[ReplicaState], now: DateTime<Utc>, report: &mut Report) {
    let away: Vec<String> = live
        .iter()
        .filter_map(|replica| broker::away_since(replica, now).map(|since| (replica, since)))
        .take(SHOWN)
        .map(|(replica, since)| format!("{} (since {})", replica.name, in_seconds(since)))
        .collect();
    if !away.is_empty() {
        report.fail(
            AREA,
            "broker",
            format!("these do not reach the broker: {}", away.join(", ")),
            "look at their logs, and at the network between them and the broker",
        );
    }
}

/// Reports the events that the broker refuses, and why.
async fn check_retries(
    connection: &mut AsyncPgConnection,
    retrying: i64,
    report: &mut Report,
) -> Result<(), DatabaseFault> {
    let errors = overview::retry_errors(connection, ERRORS_SHOWN).await?;
    let errors: Vec<String> = errors
        .into_iter()
        .map(|(error, count)| format!("{} ({count})", error.unwrap_or_else(|| "no error noted".to_owned())))
        .collect();
    report.warn(
        AREA,
        "retrying",
        format!("events that were refused and wait for another attempt: {retrying}; {}", errors.join("; ")),
        "relay events list --retrying; their aggregates wait as well",
    );
    Ok(())
}

/// Correct failover needs one lease time, so a difference fails the check. Versions differ during a rolling upgrade.
fn check_agreement(config: &Config, live: &[ReplicaState], report: &mut Report) {
    let ours = i64::try_from(config.relay.lease_ttl_ms).unwrap_or(i64::MAX);
    let leases = groups(live, |replica| replica.lease_ttl_ms.map(|ms| format!("{ms} ms")));
    if leases.len() > 1 {
        report.fail(
            AREA,
            "lease-time",
            format!("replicas differ in relay.lease_ttl_ms: {}", listed(&leases)),
            "give all of them the same and restart those that differ",
        );
    } else if live.iter().any(|replica| replica.lease_ttl_ms.is_some_and(|ms| ms != ours)) {
        report.warn(
            AREA,
            "lease-time",
            format!("this configuration has {ours} ms, the running replicas have {}", listed(&leases)),
            "check with the configuration that the replicas have",
        );
    } else if !live.is_empty() {
        report.ok(AREA, "lease-time", format!("{ours} ms everywhere"));
    }
    let versions = groups(live, |replica| replica.version.clone());
    if versions.len() > 1 {
        report.warn(AREA, "versions", listed(&versions), "finish the upgrade, unless it is under way");
    }
}

fn is_live(replica: &ReplicaState, now: DateTime<Utc>, lease_ttl_ms: u64) -> bool {
    let ttl = replica.lease_ttl_ms.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(lease_ttl_ms);
    (now - replica.last_seen_at).to_std().is_ok_and(|silence| silence.as_millis() <= u128::from(ttl))
        || replica.last_seen_at > now
}

/// Groups the replicas by the value of a setting, without those that have not reported it.
fn groups(
    replicas: &[ReplicaState],
    setting: impl Fn(&ReplicaState) -> Option<String>,
) -> BTreeMap<String, Vec<ReplicaState>> {
    let mut groups: BTreeMap<String, Vec<ReplicaState>> = BTreeMap::new();
    for replica in replicas {
        let Some(setting) = setting(replica) else { continue };
        groups.entry(setting).or_default().push(replica.clone());
    }
    groups
}

fn listed(groups: &BTreeMap<String, Vec<ReplicaState>>) -> String {
    let groups: Vec<String> =
        groups.iter().map(|(setting, replicas)| format!("{setting} ({})", names(replicas))).collect();
    groups.join(", ")
}

fn names(replicas: &[ReplicaState]) -> String {
    let mut names: Vec<&str> = replicas.iter().take(SHOWN).map(|replica| replica.name.as_str()).collect();
    if replicas.len() > SHOWN {
        names.push("…");
    }
    names.join(", ")
}
