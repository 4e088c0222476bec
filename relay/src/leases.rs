//! Holds the leases of this replica's share of the shards. It is a task of its own with a connection of its own, so that no
//! slow publish or settle can delay a renewal.
//!
//! The database's clock decides which replica holds a shard. With its own monotonic clock, this process only measures how long
//! ago it *asked* for a renewal that succeeded. It gives a lease up earlier than the database does.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use comptoir_core::outbox::{SHARDS, leases};
use comptoir_core::platform::database::{self, DatabaseConfig};
use diesel_async::AsyncPgConnection;
use tokio::sync::{Mutex, Notify, mpsc, oneshot, watch};
use uuid::Uuid;

use crate::answer_timeout::answered_within;
use crate::config::RelayConfig;
use crate::error::{DatabaseFault, Trouble};
use crate::metrics;
use crate::publisher::Pulse;
use comptoir_core::platform::backoff::Backoff;
use comptoir_core::services::{Description, Fault, Health, Run, Service, Summary};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};

/// Written to the list of replicas, so that a replica that was forgotten in an upgrade is found.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The longest wait between attempts to reach the database.
const RECONNECT_MAX_MS: u64 = 5000;
/// The most commands that wait for the task. It handles them between two statements, and each lease is returned once.
const COMMANDS: usize = 64;

/// The leases that the replica holds.
#[derive(Debug, Clone)]
pub(crate) struct Holdings {
    pub(crate) shards: [Option<Holding>; SHARDS],
    /// The end of the leases, unless they are renewed before.
    pub(crate) until: Instant,
    /// False while other replicas can publish and this one cannot: all its shards are surplus.
    pub(crate) able: bool,
    /// Whether the last attempt reached the database.
    pub(crate) reached: bool,
    /// Why it did not.
    pub(crate) trouble: Option<Trouble>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holding {
    /// The database's fence.
    pub(crate) epoch: i64,
    /// The number of this acquisition in this process: a shard that was lost and acquired again has another one.
    pub(crate) lease: u64,
    /// Whether the shard is to be given back as soon as none of its events is in flight.
    pub(crate) surplus: bool,
}

impl Holdings {
    pub(crate) fn nothing() -> Self {
        Self { shards: [None; SHARDS], until: Instant::now(), able: true, reached: false, trouble: None }
    }

    pub(crate) fn count(&self) -> usize {
        self.shards.iter().flatten().count()
    }
}

#[derive(Debug)]
enum Command {
    /// Gives shards back, of which no event is in flight any more.
    Return(Vec<(usize, u64)>),
    /// Gives all shards back, because the drain loop stops. Then nothing is claimed before `Join`.
    Leave(oneshot::Sender<()>),
    Join,
}

/// The handle to the service. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Leases {
    pub(crate) holdings: watch::Receiver<Holdings>,
    commands: mpsc::Sender<Command>,
    poke: Arc<Notify>,
}

impl Leases {
    /// Returns the handle, and the service that claims shards once a drain loop has joined. `poke` signals that another replica gave shards back. `pulse` has the state of the broker, which
    /// is reported to the other replicas.
    pub(crate) fn new(
        database: DatabaseConfig,
        relay: &RelayConfig,
        id: Uuid,
        name: String,
        poke: Arc<Notify>,
        pulse: Arc<Pulse>,
    ) -> (Self, Leasing) {
        let (publish, holdings) = watch::channel(Holdings::nothing());
        let (commands, received) = mpsc::channel(COMMANDS);
        let leasing = Leasing {
            // A renewal that takes longer than the lease is worth nothing.
            database: DatabaseConfig {
                statement_timeout_ms: relay.lease_ttl_ms,
                lock_timeout_ms: relay.lease_ttl_ms,
                connect_timeout_ms: database.connect_timeout_ms.min(relay.lease_ttl_ms),
                ..database
            },
            ttl: relay.lease_ttl(),
            margin: relay.lease_margin(),
            renewal: Duration::from_millis(relay.lease_renewal_ms),
            handover_after: Duration::from_millis(relay.handover_after_ms),
            id,
            name,
            pulse,
            publish,
            commands: Mutex::new(received),
            poke: Arc::clone(&poke),
        };
        (Self { holdings, commands, poke }, leasing)
    }

    /// Begins to claim shards, for a drain loop that starts.
    pub(crate) fn join(&self) {
        // Full: the service is about to handle what is there, and the loop joins again at its next start.
        let _ = self.commands.try_send(Command::Join);
    }

    /// Gives surplus shards back, each with the lease under which it was held. Returns false if that must be tried again.
    pub(crate) fn give_back(&self, shards: Vec<(usize, u64)>) -> bool {
        self.commands.try_send(Command::Return(shards)).is_ok()
    }

    /// Starts the next renewal now, because something changed.
    pub(crate) fn look_now(&self) {
        self.poke.notify_one();
    }

    /// Gives all shards back and leaves the list of replicas. Returns when the database has done so, or cannot be reached.
    pub(crate) async fn leave(&self) {
        let (done, wait) = oneshot::channel();
        if self.commands.send(Command::Leave(done)).await.is_ok() {
            let _ = wait.await;
        }
    }

    /// Runs the drain loop, which leaves at its end. If it panics, leaves in its place, before the panic goes on: the loop waits
    /// before it begins anew, and its shards would wait as long.
    pub(crate) async fn held_by(&self, drain_loop: impl Future<Output = ()>) {
        if let Err(panic) = AssertUnwindSafe(drain_loop).catch_unwind().await {
            self.leave().await;
            std::panic::resume_unwind(panic);
        }
    }
}

/// The service `leases`.
pub(crate) struct Leasing {
    database: DatabaseConfig,
    ttl: Duration,
    margin: Duration,
    renewal: Duration,
    handover_after: Duration,
    id: Uuid,
    name: String,
    pulse: Arc<Pulse>,
    publish: watch::Sender<Holdings>,
    commands: Mutex<mpsc::Receiver<Command>>,
    poke: Arc<Notify>,
}

impl std::fmt::Debug for Leasing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leasing").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Leasing {
    /// Tells the drain loop what it holds, as the service does.
    #[cfg(test)]
    pub(crate) fn tell(&self, holdings: Holdings) {
        self.publish.send_replace(holdings);
    }

    /// Returns what the drain loop has given back, command by command.
    #[cfg(test)]
    pub(crate) fn returned(&self) -> Vec<Vec<(usize, u64)>> {
        let Ok(mut commands) = self.commands.try_lock() else { return Vec::new() };
        let mut returned = Vec::new();
        while let Ok(command) = commands.try_recv() {
            if let Command::Return(shards) = command {
                returned.push(shards);
            }
        }
        returned
    }

    /// Holds leases until it is dropped. It begins without any: the drain loop learns so at once.
    pub(crate) async fn work(&self) {
        let mut commands = self.commands.lock().await;
        let leaser = ShardLeaser {
            database: self.database.clone(),
            ttl: self.ttl,
            margin: self.margin,
            renewal: self.renewal,
            handover_after: self.handover_after,
            id: self.id,
            name: self.name.clone(),
            pulse: Arc::clone(&self.pulse),
            connection: None,
            current: Holdings::nothing(),
            acquisitions: self
                .publish
                .borrow()
                .shards
                .iter()
                .flatten()
                .map(|held| held.lease)
                .max()
                .unwrap_or(0),
            publish: self.publish.clone(),
        };
        leaser.run(&mut commands, &self.poke).await;
    }
}

impl Service for Leasing {
    fn describe(&self) -> Description {
        let about = "Holds this relay's share of the 64 shards";
        Description::continuous("leases", about).critical().quiet()
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(async move {
            tokio::select! {
                () = run.stopping() => Ok(Summary::done()),
                () = self.work() => Ok(Summary::finished()),
            }
        })
    }

    fn health(&self) -> Health {
        match &self.publish.borrow().trouble {
            Some(trouble) => Health::Failing(trouble.to_string()),
            None => Health::Ok,
        }
    }

    fn info(&self) -> Value {
        let holdings = self.publish.borrow();
        json!({ "shards": holdings.count(), "able": holdings.able })
    }
}

struct ShardLeaser {
    database: DatabaseConfig,
    ttl: Duration,
    margin: Duration,
    renewal: Duration,
    handover_after: Duration,
    id: Uuid,
    name: String,
    pulse: Arc<Pulse>,
    connection: Option<AsyncPgConnection>,
    current: Holdings,
    acquisitions: u64,
    publish: watch::Sender<Holdings>,
}

impl ShardLeaser {
    async fn run(mut self, commands: &mut mpsc::Receiver<Command>, poke: &Notify) {
        let mut ticks = tokio::time::interval(self.renewal);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let renewal_ms = u64::try_from(self.renewal.as_millis()).unwrap_or(RECONNECT_MAX_MS);
        let mut backoff = Backoff::new(renewal_ms.min(RECONNECT_MAX_MS), RECONNECT_MAX_MS);
        // What a run before this one held is unknown until the first renewal.
        self.publish.send_replace(self.current.clone());
        let mut away = false;
        loop {
            tokio::select! {
                _ = ticks.tick(), if !away => {}
                () = poke.notified(), if !away => {}
                command = commands.recv() => match command {
                    Some(Command::Return(shards)) => self.give_back(shards).await,
                    Some(Command::Leave(done)) => {
                        self.leave().await;
                        let _ = done.send(());
                        away = true;
                        continue;
                    }
                    Some(Command::Join) => away = false,
                    None => return,
                },
            }
            let began = Instant::now();
            let result = self.step().await;
            metrics::database_round_trip("leases", began.elapsed(), result.is_ok());
            self.current.reached = result.is_ok();
            self.current.trouble = result.as_ref().err().map(Trouble::from);
            if let Err(fault) = result {
                let reason = fault.reason();
                metrics::database_failed(reason);
                tracing::warn!(reason, %fault, "cannot renew the leases of shards");
                self.connection = None;
            }
            self.let_go_of_expired();
            match (self.current.reached, self.current.count()) {
                // Without shards there is no hurry: a server that refuses the connection is asked less and less often.
                (false, 0) => ticks.reset_after(backoff.advance()),
                (false, _) => {}
                (true, _) => backoff.reset(),
            }
            self.publish.send_replace(self.current.clone());
        }
    }

    /// Renews the leases, marks surplus shards, and claims missing ones.
    async fn step(&mut self) -> Result<(), DatabaseFault> {
        let (id, name, ttl_ms, limit) = (self.id, self.name.clone(), millis(self.ttl), self.answer_limit());
        let me = leases::Replica {
            id,
            name: &name,
            version: VERSION,
            lease_ttl_ms: ttl_ms,
            handover_after_ms: millis(self.handover_after),
        };
        let broker = leases::BrokerState {
            blocked: self.pulse.is_blocked(),
            publishes: self.pulse.publishes_since(self.handover_after),
            silence_ms: self.pulse.silence().map(millis),
        };
        let connection = self.connected().await?;
        let census = answered_within(limit, leases::beat(connection, me, broker)).await?;
        let asked = Instant::now();
        let mut held = answered_within(limit, leases::renew(connection, id, ttl_ms)).await?;
        let fair = if census.includes_me { fair_share(census.able, census.before) } else { 0 };
        if held.len() < fair {
            let missing = i64::try_from(fair - held.len()).unwrap_or(0);
            held.extend(answered_within(limit, leases::claim(connection, id, ttl_ms, missing)).await?);
        }
        self.adopt(&held, asked, fair);
        self.note_ability(census.includes_me);
        Ok(())
    }

    /// Returns the limit on an answer: a silent connection is replaced before the leases end, and the next one renews them.
    fn answer_limit(&self) -> Duration {
        (self.ttl - self.margin) / 2
    }

    fn note_ability(&mut self, able: bool) {
        match (self.current.able, able) {
            (true, false) => tracing::warn!(
                shards = self.current.count(),
                silence_ms = self.pulse.silence().map(millis),
                "the broker does not answer, and other replicas can publish: giving the shards up"
            ),
            (false, true) => tracing::info!("the broker answers again: taking part again"),
            _ => {}
        }
        self.current.able = able;
    }

    fn adopt(&mut self, held: &[leases::ShardEpoch], asked: Instant, fair: usize) {
        let before = std::mem::replace(&mut self.current.shards, [None; SHARDS]);
        for (shard, epoch) in held {
            let (Ok(shard), epoch) = (usize::try_from(*shard), *epoch) else { continue };
            let kept = before[shard].filter(|holding| holding.epoch == epoch);
            self.current.shards[shard] = Some(kept.unwrap_or_else(|| {
                self.acquisitions += 1;
                Holding { epoch, lease: self.acquisitions, surplus: false }
            }));
        }
        let lost = (0..SHARDS)
            .filter(|shard| before[*shard].is_some() && self.current.shards[*shard].is_none())
            .count();
        self.report_lost(lost);
        mark_surplus(&mut self.current.shards, fair);
        self.current.until = asked + self.ttl - self.margin;
    }

    fn let_go_of_expired(&mut self) {
        if Instant::now() >= self.current.until {
            self.report_lost(self.current.count());
            self.current.shards = [None; SHARDS];
        }
    }

    fn report_lost(&self, lost: usize) {
        if lost > 0 {
            metrics::lease_losses(lost);
            tracing::warn!(shards = lost, "lost the leases of shards");
        }
    }

    async fn give_back(&mut self, shards: Vec<(usize, u64)>) {
        let mut returned = Vec::with_capacity(shards.len());
        for (shard, lease) in shards {
            if self.current.shards[shard].is_some_and(|holding| holding.lease == lease) {
                self.current.shards[shard] = None;
                returned.extend(i16::try_from(shard));
            }
        }
        let (id, limit) = (self.id, self.answer_limit());
        let released = match self.connected().await {
            Ok(connection) => answered_within(limit, leases::release(connection, id, &returned)).await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = released {
            tracing::warn!(%fault, "cannot give shards back: their leases will expire");
            self.connection = None;
        }
    }

    async fn leave(&mut self) {
        let id = self.id;
        let shards: Vec<i16> = (0..SHARDS).filter_map(|shard| i16::try_from(shard).ok()).collect();
        let limit = self.answer_limit();
        // Once more, because the connection may have been lost since it was last used.
        for last in [false, true] {
            let left = async {
                let connection = self.connected().await?;
                answered_within(limit, leases::leave(connection, id)).await?;
                answered_within(limit, leases::release(connection, id, &shards)).await
            };
            let Err(fault) = left.await else { break };
            self.connection = None;
            if last {
                tracing::warn!(%fault, "cannot give the shards back: their leases will expire");
            }
        }
        self.current.shards = [None; SHARDS];
        self.publish.send_replace(self.current.clone());
    }

    async fn connected(&mut self) -> Result<&mut AsyncPgConnection, DatabaseFault> {
        Ok(match &mut self.connection {
            Some(open) => open,
            closed => closed.insert(database::connect(&self.database).await?),
        })
    }
}

/// Returns how many shards one of `live` replicas holds, if `before` of them precede it. Together they hold all shards: the
/// first replicas take one of the remaining shards each.
fn fair_share(live: i64, before: i64) -> usize {
    let live = usize::try_from(live).unwrap_or(1).max(1);
    let before = usize::try_from(before).unwrap_or(0);
    SHARDS / live + usize::from(before < SHARDS % live)
}

/// Marks the shards beyond the fair share as surplus. Shards that were marked before are marked first.
fn mark_surplus(shards: &mut [Option<Holding>; SHARDS], fair: usize) {
    let mut excess = shards.iter().flatten().count().saturating_sub(fair);
    let (marked, unmarked): (Vec<usize>, Vec<usize>) = (0..SHARDS)
        .rev()
        .filter(|shard| shards[*shard].is_some())
        .partition(|shard| shards[*shard].is_some_and(|h| h.surplus));
    for shard in marked.into_iter().chain(unmarked) {
        if let Some(holding) = &mut shards[shard] {
            holding.surplus = excess > 0;
            excess = excess.saturating_sub(1);
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(count: usize) -> [Option<Holding>; SHARDS] {
        let mut shards = [None; SHARDS];
        for shard in shards.iter_mut().take(count) {
            *shard = Some(Holding { epoch: 1, lease: 1, surplus: false });
        }
        shards
    }

    fn surplus(shards: &[Option<Holding>; SHARDS]) -> Vec<usize> {
        (0..SHARDS).filter(|shard| shards[*shard].is_some_and(|holding| holding.surplus)).collect()
    }

    #[test]
    fn fair_shares_cover_every_shard_and_differ_by_one_at_most() {
        for live in 1..=100 {
            let shares: Vec<_> = (0..live).map(|before| fair_share(live, before)).collect();
            assert_eq!(shares.iter().sum::<usize>(), SHARDS, "{live} replicas");
            let (least, most) = (shares.iter().min(), shares.iter().max());
            assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 1), "{live}: {shares:?}");
        }
    }

    #[test]
    fn what_is_beyond_the_fair_share_is_surplus_and_stays_the_same() {
        let mut shards = held(64);
        mark_surplus(&mut shards, 60);
        assert_eq!(surplus(&shards), [60, 61, 62, 63]);
        mark_surplus(&mut shards, 61);
        assert_eq!(surplus(&shards), [61, 62, 63]);
    }

    fn some_leases() -> (Leases, Leasing) {
        let config = crate::config::Config::load(None, &[]).expect("valid");
        let (id, name) = (Uuid::nil(), String::new());
        Leases::new(config.database, &config.relay, id, name, Arc::default(), Arc::default())
    }

    #[tokio::test]
    async fn the_shards_of_a_drain_loop_that_panics_are_given_back_before_the_panic_goes_on() {
        let (leases, leasing) = some_leases();
        let run = tokio::spawn(async move { leases.held_by(async { panic!("as a test") }).await });
        let mut commands = leasing.commands.lock().await;
        let Some(Command::Leave(done)) = commands.recv().await else { panic!("the shards are kept") };
        assert!(!run.is_finished(), "it waits until they are given back");
        done.send(()).expect("it waits");
        assert!(run.await.is_err_and(|ended| ended.is_panic()));
    }

    #[tokio::test]
    async fn a_drain_loop_that_ends_has_left_by_itself() {
        let (leases, leasing) = some_leases();
        leases.held_by(async {}).await;
        assert!(leasing.commands.lock().await.try_recv().is_err());
    }

    #[test]
    fn a_fair_share_has_no_surplus() {
        let mut shards = held(22);
        mark_surplus(&mut shards, 22);
        assert!(surplus(&shards).is_empty());
    }
}
