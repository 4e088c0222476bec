//! The service `projections`: receives, applies, and builds anew what is wanted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use comptoir_core::application::error::Error;
use comptoir_core::platform::backoff::Backoff;
use comptoir_core::platform::database::Database;
use comptoir_core::platform::said::Said;
use comptoir_core::projections::{Advance, Arrived, Projector, RebuildParameters, Standing};
use comptoir_core::services::{
    ActionKind, Call, Description, Fault, Health, NoParameters, Run, Service, Summary,
};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::config::ProjectionsConfig;
use super::connection::{BrokerFault, Link};
use super::message::arrived;
use super::topology;
use crate::config::Settings;

const NAME: &str = "projections";
/// How often it is looked how the inbox stands, and whether a rebuild is wanted.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long a rebuild that failed waits until it is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(60);
/// How often old messages, and what is left of old generations, are deleted.
const PRUNE_EVERY: Duration = Duration::from_secs(600);
/// Waits after a fault of the database, in milliseconds.
const DATABASE_PAUSES: (u64, u64) = (100, 10_000);
/// How long the action `rebuild` may take.
const REBUILD_LIMIT: Duration = Duration::from_secs(24 * 3600);

const CONNECTED: &str = "comptoir_projections_connected";
const RECONNECTS: &str = "comptoir_projections_reconnects_total";
const SILENT: &str = "comptoir_projections_silent_seconds";
const QUEUED: &str = "comptoir_projections_queue_messages";

/// Why there are no projections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Off {
    NoBroker,
    NoServices,
}

impl Off {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::NoBroker => "projections.url (AMQP_URL) is not set",
            Self::NoServices => "api.services_database_url is not set",
        }
    }
}

/// Returns what works on the projections, in the services' log-in.
///
/// # Errors
/// Fails with the reason if they are off.
pub(crate) fn projector(settings: &Settings, services: Option<&Database>) -> Result<Projector, Off> {
    let services = services.ok_or(Off::NoServices)?;
    Ok(Projector::new(services.clone(), settings.projections.projector()))
}

/// The service.
#[derive(Debug, Clone)]
pub(crate) struct Projections {
    config: Arc<ProjectionsConfig>,
    projector: Projector,
    /// Something has arrived.
    arrival: Arc<Notify>,
    /// The queue is bound: what is published from now on arrives. Before that, nothing is built.
    bound: Arc<AtomicBool>,
    state: Arc<Mutex<State>>,
}

/// What this process knows while it works: with the lease it goes, and whoever stands by knows nothing.
#[derive(Debug, Default)]
struct State {
    /// Whether the service runs in this process.
    working: bool,
    connected: bool,
    /// Why it is not.
    trouble: Option<String>,
    heard: Option<Instant>,
    standing: Option<Standing>,
}

impl State {
    /// Whoever stands by, or is off, is well.
    fn health(&self, silence: Option<Duration>) -> Health {
        let dead = self.standing.as_ref().map_or(0, |standing| standing.dead);
        let holes = self.standing.as_ref().map_or(0, |standing| standing.behind_a_hole);
        let silent = self.heard.map(|heard| heard.elapsed()).unwrap_or_default();
        if !self.working {
            Health::Ok
        } else if !self.connected {
            Health::Degraded(self.trouble.clone().unwrap_or_else(|| "it is not connected yet".to_owned()))
        } else if dead > 0 {
            Health::Degraded(format!("{dead} events are dead letters, and hold their aggregates"))
        } else if holes > 0 {
            Health::Degraded(format!("{holes} events wait for one before them that has not arrived"))
        } else if silence.is_some_and(|most| silent >= most) {
            Health::Degraded(format!("no message has arrived for {} s", silent.as_secs()))
        } else {
            Health::Ok
        }
    }

    fn info(&self) -> Value {
        json!({
            "connected": self.connected,
            "trouble": self.trouble,
            "silent_seconds": self.heard.map(|heard| heard.elapsed().as_secs()),
            "inbox": self.standing,
        })
    }
}

/// A run of the service. However it ends, also when it is dropped because its lease is lost, what it knew is forgotten.
struct Working<'a> {
    state: &'a Mutex<State>,
    bound: &'a AtomicBool,
}

impl<'a> Working<'a> {
    fn begin(state: &'a Mutex<State>, bound: &'a AtomicBool) -> Self {
        *state.lock().unwrap_or_else(PoisonError::into_inner) = State { working: true, ..State::default() };
        Self { state, bound }
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
        self.bound.store(false, Ordering::Release);
        for gauge in [CONNECTED, SILENT, QUEUED] {
            metrics::gauge!(gauge).set(0.0);
        }
    }
}

impl Projections {
    /// # Errors
    /// Fails with the reason if they are off.
    pub(crate) fn new(settings: &Settings, services: Option<&Database>) -> Result<Self, Off> {
        if !settings.projections.is_on() {
            return Err(Off::NoBroker);
        }
        metrics::describe_gauge!(CONNECTED, "Whether the projections receive messages");
        metrics::describe_counter!(
            RECONNECTS,
            "Connections of the projections to the broker that were lost or refused"
        );
        metrics::describe_gauge!(SILENT, "How long no message has arrived for the projections");
        metrics::describe_gauge!(QUEUED, "Messages in the queue of the projections");
        metrics::gauge!(CONNECTED).set(0.0);
        metrics::counter!(RECONNECTS).increment(0);
        Ok(Self {
            config: Arc::new(settings.projections.clone()),
            projector: projector(settings, services)?,
            arrival: Arc::default(),
            bound: Arc::default(),
            state: Arc::default(),
        })
    }

    /// Works until it is told to stop. What it is doing then is left as it is: messages that were not acknowledged come again.
    pub(crate) async fn work(&self, stop: &CancellationToken) {
        let _working = Working::begin(&self.state, &self.bound);
        tokio::join!(self.receive(stop), self.apply(stop), self.look_after(stop));
    }

    fn with_state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Connects, and receives until the connection fails; again and again.
    async fn receive(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::new(self.config.reconnect_min_ms, self.config.reconnect_max_ms);
        let mut said = Said::default();
        while !stop.is_cancelled() {
            let fault = match self.session(stop, &mut backoff).await {
                Ok(()) => return,
                Err(fault) => fault.to_string(),
            };
            metrics::gauge!(CONNECTED).set(0.0);
            metrics::counter!(RECONNECTS).increment(1);
            self.with_state(|state| (state.connected, state.trouble) = (false, Some(fault.clone())));
            let wait = backoff.advance();
            // The same fault again and again is one line.
            if said.is_news(&fault) {
                let broker = self.config.url.named("AMQP_URL");
                tracing::warn!(%broker, error = fault, "the projections receive nothing: they connect again and again");
            }
            tokio::select! { () = stop.cancelled() => return, () = tokio::time::sleep(wait) => {} }
        }
    }

    /// One connection. Returns when it is told to stop.
    async fn session(&self, stop: &CancellationToken, backoff: &mut Backoff) -> Result<(), BrokerFault> {
        let link = Link::open(&self.config, "comptoir projections").await?;
        let outcome = tokio::select! {
            () = stop.cancelled() => Ok(()),
            outcome = self.receive_over(&link.connection, backoff) => outcome,
        };
        self.bound.store(false, Ordering::Release);
        link.close().await;
        outcome
    }

    async fn receive_over(&self, connection: &Connection, backoff: &mut Backoff) -> Result<(), BrokerFault> {
        self.bind(connection).await?;
        let (channel, consumer) = self.answered(self.consume(connection)).await?;
        backoff.reset();
        self.with_state(|state| {
            (state.connected, state.trouble, state.heard) = (true, None, Some(Instant::now()));
        });
        metrics::gauge!(CONNECTED).set(1.0);
        tracing::info!(queue = self.config.queue, "the projections receive");
        tokio::select! {
            outcome = self.deliveries(&channel, consumer) => outcome,
            fault = self.watch(connection) => Err(fault),
        }
    }

    async fn answered<T>(
        &self,
        work: impl Future<Output = Result<T, BrokerFault>>,
    ) -> Result<T, BrokerFault> {
        let limit = self.config.connect_timeout();
        tokio::time::timeout(limit, work).await.unwrap_or(Err(BrokerFault::NoAnswer(limit.as_millis())))
    }

    /// Declares the queue and its bindings. If the queue is new, a rebuild is noted before, so that no crash can forget it, and again
    /// behind, because one that began in between would not hold what was published before the queue was bound.
    async fn bind(&self, connection: &Connection) -> Result<(), BrokerFault> {
        let found =
            self.answered(async { Ok(topology::look(connection, &self.config.queue).await?) }).await?;
        let reason = "its queue was made anew: what was published before is read from the write model";
        let note = || self.projector.want_rebuild(reason).boxed();
        if found.is_none() {
            self.patiently("note that a rebuild is needed", note).await;
        }
        self.answered(async { Ok(topology::declare(connection, &self.config).await?) }).await?;
        if found.is_none() {
            self.patiently("note that a rebuild is needed", note).await;
        }
        self.bound.store(true, Ordering::Release);
        Ok(())
    }

    async fn consume(&self, connection: &Connection) -> Result<(Channel, lapin::Consumer), BrokerFault> {
        let channel = connection.create_channel().await?;
        channel.basic_qos(self.config.prefetch, BasicQosOptions::default()).await?;
        let options = BasicConsumeOptions::default();
        let consumer = channel
            .basic_consume(self.config.queue.as_str().into(), "".into(), options, FieldTable::default())
            .await?;
        Ok((channel, consumer))
    }

    /// Writes down what comes, all that is there in one transaction, and acknowledges it then.
    async fn deliveries(&self, channel: &Channel, consumer: lapin::Consumer) -> Result<(), BrokerFault> {
        let mut chunks = consumer.ready_chunks(self.config.prefetch.into());
        while let Some(chunk) = chunks.next().await {
            let deliveries = chunk.into_iter().collect::<Result<Vec<Delivery>, _>>()?;
            let Some(last) = deliveries.last().map(|delivery| delivery.delivery_tag) else { continue };
            self.with_state(|state| state.heard = Some(Instant::now()));
            let messages: Vec<Arrived> = deliveries.iter().map(arrived).collect();
            let write = || self.projector.receive(&messages).boxed();
            self.patiently("write messages into the inbox", write).await;
            channel.basic_ack(last, BasicAckOptions { multiple: true }).await?;
            self.arrival.notify_one();
        }
        Err(BrokerFault::Ended)
    }

    /// Tries until the database answers. Meanwhile the broker keeps the messages.
    async fn patiently<'a, T>(
        &self,
        what: &str,
        work: impl Fn() -> BoxFuture<'a, Result<T, Error>> + Send + Sync,
    ) -> T {
        let mut backoff = Backoff::new(DATABASE_PAUSES.0, DATABASE_PAUSES.1);
        let mut said = Said::default();
        loop {
            match work().await {
                Ok(done) => return done,
                Err(error) => {
                    if said.is_news(&error) {
                        tracing::warn!(%error, "the projections cannot {what} now: they try again");
                    }
                    tokio::time::sleep(backoff.advance()).await;
                }
            }
        }
    }

    /// Looks whether the broker answers and the queue is there, and says when nothing was heard for long. Returns what is wrong.
    async fn watch(&self, connection: &Connection) -> BrokerFault {
        let limit = self.config.connect_timeout();
        let mut said = None;
        loop {
            tokio::time::sleep(self.config.verify_interval()).await;
            match tokio::time::timeout(limit, topology::look(connection, &self.config.queue)).await {
                Err(_) => return BrokerFault::NoAnswer(limit.as_millis()),
                Ok(Err(error)) => return error.into(),
                Ok(Ok(None)) => return BrokerFault::Ended,
                Ok(Ok(Some(queue))) => metrics::gauge!(QUEUED).set(f64::from(queue.messages)),
            }
            let heard = self.with_state(|state| state.heard);
            let silent = heard.map(|heard| heard.elapsed()).unwrap_or_default();
            metrics::gauge!(SILENT).set(silent.as_secs_f64());
            if let Some(most) = self.config.silence()
                && silent >= most
                && said != heard
            {
                said = heard;
                tracing::warn!(
                    silent_seconds = silent.as_secs(),
                    queue = self.config.queue,
                    "no message has arrived for the projections for a long time: does the relay publish to this broker?"
                );
            }
        }
    }

    /// Applies what is in the inbox: when something arrives, and when a failed attempt may be repeated.
    async fn apply(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::new(DATABASE_PAUSES.0, DATABASE_PAUSES.1);
        let mut pause = Duration::ZERO;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = self.arrival.notified() => {}
            }
            pause = match self.projector.apply().await {
                Ok(_) => {
                    backoff.reset();
                    self.config.poll_interval()
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot apply events to the projections now");
                    backoff.advance()
                }
            };
        }
    }

    /// Builds anew what is wanted, deletes what is old, and looks how the inbox stands.
    async fn look_after(&self, stop: &CancellationToken) {
        let mut pruned: Option<Instant> = None;
        loop {
            let pause = match self.step(&mut pruned).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(%error, "cannot look after the projections now");
                    LOOK_EVERY
                }
            };
            tokio::select! { () = stop.cancelled() => return, () = tokio::time::sleep(pause) => {} }
        }
    }

    async fn step(&self, pruned: &mut Option<Instant>) -> Result<Duration, Error> {
        // What is published before the queue is bound would be in neither: the queue first, then the write model.
        if self.bound.load(Ordering::Acquire) {
            match self.projector.advance().await? {
                Advance::Progress(_) => return Ok(Duration::ZERO),
                Advance::Waits(_, wait) => return Ok(wait),
                Advance::Over(rebuild) if rebuild.state == "failed" => return Ok(AFTER_FAILURE),
                Advance::Over(rebuild) => {
                    let (generation, aggregates) = (rebuild.generation, rebuild.done);
                    tracing::info!(
                        generation,
                        aggregates,
                        differences = rebuild.differences,
                        "the projections were built"
                    );
                    self.arrival.notify_one();
                    *pruned = None;
                }
                Advance::Nothing | Advance::Elsewhere => {}
            }
        }
        let standing = self.projector.standing().await?;
        self.with_state(|state| state.standing = Some(standing));
        if pruned.is_none_or(|at| at.elapsed() >= PRUNE_EVERY) {
            let messages = self.projector.prune(self.config.inbox_retention_days).await?;
            let rows = self.projector.forget().await?;
            tracing::debug!(messages, rows, "old messages and generations of the projections deleted");
            *pruned = Some(Instant::now());
        }
        Ok(LOOK_EVERY)
    }

    /// Asks for a rebuild, and waits for its end.
    async fn rebuild(&self, call: &Call) -> Result<Value, Fault> {
        let RebuildParameters { only_compare } = call.parameters()?;
        let asked = format!("asked for by {}", call.asked_by);
        let begun = self.projector.begin_rebuild(Some(&asked), only_compare).await.map_err(Fault::new)?;
        loop {
            let latest = self.projector.rebuilds(10).await.map_err(Fault::new)?;
            let view = latest.into_iter().find(|one| one.id == begun.id);
            let view = view.ok_or_else(|| Fault::new("the rebuild is not there any more"))?;
            // A database that was never analysed cannot say how many there are.
            let total = u64::try_from(view.total).ok().filter(|total| *total > 0);
            call.progress(view.done.unsigned_abs(), total);
            match view.state.as_str() {
                "running" => {}
                "done" => return Ok(json!(view)),
                _ => return Err(Fault::new(view.error.unwrap_or_default())),
            }
            tokio::select! {
                () = call.stopping() => return Err(Fault::new("the process stops; the rebuild goes on in the next one")),
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }
}

/// Stands for the service where it is off, so that lists show it.
#[derive(Debug)]
pub(crate) struct Absent;

impl Service for Absent {
    fn describe(&self) -> Description {
        description()
    }

    fn run<'a>(&'a self, _: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        async { Ok(Summary::finished()) }.boxed()
    }
}

fn description() -> Description {
    Description::continuous(NAME, "Keeps the reports from the events that come back through the broker.")
        .one_of_all()
        .action(ActionKind::new::<NoParameters>("check-queue", "Says how the inbox stands.").repeatable())
        .action(
            ActionKind::new::<RebuildParameters>(
                "rebuild",
                "Builds the reports anew from the write model, beside those that are read.",
            )
            .time_limit(REBUILD_LIMIT),
        )
}

impl Service for Projections {
    fn describe(&self) -> Description {
        description()
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        async move {
            self.work(run.stop()).await;
            Ok(Summary::done())
        }
        .boxed()
    }

    fn act<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Value, Fault>> {
        async move {
            match call.action.as_str() {
                "check-queue" => Ok(json!(self.projector.standing().await.map_err(Fault::new)?)),
                "rebuild" => self.rebuild(call).await,
                other => Err(Fault::new(format_args!("there is no action `{other}`"))),
            }
        }
        .boxed()
    }

    fn health(&self) -> Health {
        let silence = self.config.silence();
        self.with_state(|state| state.health(silence))
    }

    fn info(&self) -> Value {
        self.with_state(|state| state.info())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_lost_the_lease_is_well_and_says_nothing_of_before() {
        let (state, bound) = (Mutex::new(State::default()), AtomicBool::new(false));
        let silence = Some(Duration::from_secs(60));
        let health = || state.lock().expect("no panic").health(silence);
        assert_eq!(health(), Health::Ok, "it stands by, or is off");
        let working = Working::begin(&state, &bound);
        assert_eq!(health(), Health::Degraded("it is not connected yet".to_owned()));
        {
            let mut state = state.lock().expect("no panic");
            let heard = Instant::now().checked_sub(Duration::from_secs(61));
            (state.connected, state.heard) = (true, heard);
            assert!(heard.is_some(), "the machine runs for longer");
        }
        bound.store(true, Ordering::Release);
        assert!(
            matches!(health(), Health::Degraded(reason) if reason.contains("no message")),
            "{:?}",
            health()
        );
        drop(working);
        assert_eq!(health(), Health::Ok);
        let info = state.lock().expect("no panic").info();
        assert_eq!(info, json!({"connected": false, "trouble": null, "silent_seconds": null, "inbox": null}));
        assert!(!bound.load(Ordering::Acquire), "nothing is built without the queue");
    }
}
