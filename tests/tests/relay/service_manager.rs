//! What systemd is told.

use std::time::Duration;

use comptoir_tests::harness::{Proxy, Relay, ServiceManager, World, address, insert_many, with_address};
use nix::sys::signal::Signal;

const LIMIT: Duration = Duration::from_secs(30);
/// As WatchdogSec= would set it.
const WATCHDOG_MICROSECONDS: &str = "1000000";
const WATCHDOG: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_watchdog_is_fed_while_the_drain_loop_turns_whatever_is_away_and_not_when_it_hangs() {
    World::run(async |world| {
        let broker = Proxy::start(address(&world.vhost().url)?).await?;
        let url = with_address(&world.vhost().url, &broker.address())?;
        let systemd = ServiceManager::listen(world)?;
        let environment = [
            ("AMQP_URL", url.as_str()),
            ("NOTIFY_SOCKET", systemd.address()?),
            ("WATCHDOG_USEC", WATCHDOG_MICROSECONDS),
            // Idle polls this far apart must not look like a loop that hangs.
            ("COMPTOIR__RELAY__POLL_MAX_MS", "60000"),
            ("COMPTOIR__RELAY__LEASE_RENEWAL_MS", "20000"),
            ("COMPTOIR__RELAY__HANDOVER_AFTER_MS", "50000"),
            ("COMPTOIR__RELAY__LEASE_TTL_MS", "60000"),
        ];
        let relay = Relay::start(world, &environment).await?;
        systemd.hear("READY=1", LIMIT).await?;
        systemd.hear("STATUS=draining 64 of 64 shards", LIMIT).await?;
        for _ in 0..3 {
            systemd.hear("WATCHDOG=1", 5 * WATCHDOG).await?;
        }
        insert_many(&world.sql().await?, 3000, 100).await?;
        systemd.hear("WATCHDOG=1", 5 * WATCHDOG).await?;
        broker.cut();
        systemd.hear("STATUS=the broker cannot be reached", LIMIT).await?;
        for _ in 0..3 {
            systemd.hear("WATCHDOG=1", 5 * WATCHDOG).await?;
        }
        relay.daemon.signal(Signal::SIGSTOP)?;
        systemd.until_silent(2 * WATCHDOG).await?;
        assert!(systemd.hear("WATCHDOG=1", 2 * WATCHDOG).await.is_err(), "a process that hangs is fed");
        relay.daemon.signal(Signal::SIGCONT)?;
        systemd.hear("WATCHDOG=1", LIMIT).await?;
        broker.heal();
        systemd.hear("STATUS=draining 64 of 64 shards", LIMIT).await?;
        relay.daemon.signal(Signal::SIGTERM)?;
        systemd.hear("STOPPING=1", LIMIT).await?;
        relay.stop().await
    })
    .await;
}
