//! A replica whose leases were taken away, and which does not know it yet: what it decides changes no row.

use std::time::Duration;

use anyhow::ensure;
use comptoir_tests::harness::{Proxy, Relay, Scrape, World, address, insert_event, until, with_address};

const LIMIT: Duration = Duration::from_secs(30);
/// Renewals are further apart than the test takes: nothing tells the relay that its leases are over.
const LEASE: [(&str, &str); 3] = [
    ("COMPTOIR__RELAY__LEASE_TTL_MS", "600000"),
    ("COMPTOIR__RELAY__LEASE_RENEWAL_MS", "200000"),
    ("COMPTOIR__RELAY__HANDOVER_AFTER_MS", "401000"),
];
/// Another replica has acquired every shard, and keeps them: the first one cannot come back before the rows are looked at.
const TAKE_OVER: &str = "UPDATE relay_shards
    SET owner = gen_random_uuid(), epoch = epoch + 1, expires_at = now() + interval '1 hour'";

/// The broker takes an event, and its verdict is on its way while another acquisition of the shards begins.
async fn a_late_decision_changes_nothing(is_routable: bool, settings: &[(&str, &str)]) {
    World::run(async |world| {
        let _consumer = if is_routable { Some(world.consumer().await?) } else { None };
        let proxy = Proxy::start(address(&world.vhost().url)?).await?;
        let amqp_url = with_address(&world.vhost().url, &proxy.address())?;
        let environment = [&[("AMQP_URL", amqp_url.as_str())], &LEASE[..], settings].concat();
        let (_relay, http) = Relay::with_http(world, &environment).await?;
        let says = async |name: &str, expected: f64| {
            until(format!("{name} to be {expected}"), LIMIT, async || {
                let found = Scrape::of(&http).await?.sum(name);
                ensure!(found == Some(expected), "{found:?}");
                Ok(())
            })
            .await
        };
        says("comptoir_relay_broker_up", 1.0).await?;
        says("comptoir_relay_shards_held", 64.0).await?;
        let sql = world.sql().await?;
        proxy.swallow_answers();
        insert_event(&sql, "t-1", "thing.happened", "1").await?;
        says("comptoir_relay_in_flight", 1.0).await?;
        sql.batch_execute(TAKE_OVER).await?;
        proxy.resume();
        until("the relay to settle", LIMIT, async || {
            let missed = Scrape::of(&http).await?.sum("comptoir_relay_settle_missed_events_total");
            ensure!(missed >= Some(1.0), "{missed:?}");
            Ok(())
        })
        .await?;
        let row = sql
            .query_one(
                "SELECT (SELECT count(*) FROM outbox_events
                         WHERE retry_count = 0 AND next_attempt_at IS NULL AND last_error IS NULL),
                    (SELECT count(*) FROM outbox_history), (SELECT count(*) FROM outbox_dead_letters)",
                &[],
            )
            .await?;
        let found: (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        assert_eq!(found, (1, 0, 0), "as written, in the history, dead");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_was_published_stays_for_who_holds_its_shard_now() {
    a_late_decision_changes_nothing(true, &[]).await;
    a_late_decision_changes_nothing(true, &[("COMPTOIR__HISTORY__RETENTION_DAYS", "0")]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_was_refused_stays_for_who_holds_its_shard_now() {
    for policy in ["discard", "retry", "dead-letter"] {
        a_late_decision_changes_nothing(false, &[("COMPTOIR__RELAY__UNROUTABLE", policy)]).await;
    }
    let hold = [
        ("COMPTOIR__RELAY__UNROUTABLE", "retry"),
        ("COMPTOIR__RELAY__MAX_RETRIES", "0"),
        ("COMPTOIR__RELAY__DEAD_LETTER_POLICY", "hold"),
    ];
    a_late_decision_changes_nothing(false, &hold).await;
}
