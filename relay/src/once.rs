//! `relay --once`: drains the events that were committed before it started, then stops. It takes part like any other replica,
//! and waits for events in shards that other replicas hold.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use comptoir_core::outbox::overview::{self, Remainder};
use diesel_async::AsyncPgConnection;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::answer_timeout::answered;
use crate::config::Config;
use crate::daemon;
use crate::engine::{Condition, Goal};
use crate::error::{DatabaseFault, RelayError, Trouble};
use crate::history::HistoryKeeper;
use crate::looks::{self, LOOK_EVERY};
use comptoir_core::services::Tasks;

const RECONNECT_WAIT: Duration = Duration::from_millis(200);

/// The events that a run left behind.
#[derive(Debug)]
pub(crate) struct Outcome(Remainder);

impl Outcome {
    /// Whether everything was published: nothing waits, and nothing became a dead letter.
    pub(crate) fn is_complete(&self) -> bool {
        self.0.due == 0 && self.0.waiting == 0 && self.0.dead_lettered == 0
    }
}

/// Why the wait ended.
#[derive(Debug)]
enum End {
    Drained(Remainder),
    LimitReached,
    DeadlinePassed,
    NotReached(String),
    Stopped,
}

impl End {
    fn word(&self) -> &'static str {
        match self {
            Self::Drained(_) => "drained",
            Self::LimitReached => "limit-reached",
            Self::DeadlinePassed => "deadline-passed",
            Self::NotReached(_) => "not-reached",
            Self::Stopped => "stopped",
        }
    }
}

/// # Errors
/// Fails if the database or the broker was not reached within the deadline.
pub(crate) async fn run(
    config: &Config,
    max_events: Option<u64>,
    deadline: Option<Duration>,
) -> Result<Outcome, RelayError> {
    let began = Instant::now();
    let patience = deadline.unwrap_or(Duration::from_millis(config.relay.once_connect_deadline_ms));
    let mut watcher = Watcher { config, connection: None, start: None };
    watcher.start(began, patience).await?;
    let (last_seq, _) = watcher.started();
    // `stop` also ends the drain when it is done; only a signal ends the upkeep.
    let (stop, signalled) = (daemon::stop_on_signal()?, daemon::signalled()?);
    let goal = Goal { last_seq, max_events: max_events.unwrap_or(u64::MAX) };
    let tasks = Tasks::new(stop.clone());
    let (engine, condition) = daemon::prepare(config, goal, &tasks);
    let draining = tokio::spawn(engine.run());
    // Where only a timer runs the relay, no daemon maintains the history. The upkeep does not slow the drain down.
    let mut keeper = HistoryKeeper::new(config.history.clone(), config.database.clone());
    let keeping = tokio::spawn(async move { drop(keeper.run_and_report().await) });
    let end = wait(&mut watcher, condition, began, deadline, patience, &stop).await;
    stop.cancel();
    // Bounded by relay.shutdown_timeout_ms.
    if let Err(error) = draining.await {
        return Err(RelayError::Startup(format!("the drain loop ended: {error}")));
    }
    daemon::verdict(&tasks)?;
    if let End::NotReached(what) = end {
        return Err(RelayError::NotReached { what, seconds: patience.as_secs() });
    }
    let rest = match &end {
        End::Drained(rest) => rest.clone(),
        _ => watcher.remainder().await?,
    };
    tracing::info!(
        due = rest.due,
        waiting = rest.waiting,
        dead_lettered = rest.dead_lettered,
        end = end.word(),
        "the run is over: events that are still due, that wait for a retry, that became dead letters"
    );
    let time_left = deadline.map(|deadline| deadline.saturating_sub(began.elapsed()));
    finish_keeping(keeping, time_left, &signalled).await;
    Ok(Outcome(rest))
}

/// Waits for the upkeep of the history until the time is over or a signal stops the run. The next run does the rest.
async fn finish_keeping(
    mut keeping: JoinHandle<()>,
    time_left: Option<Duration>,
    signalled: &CancellationToken,
) {
    let out_of_time = async {
        match time_left {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        kept = &mut keeping => {
            if let Err(error) = kept {
                tracing::error!(%error, "the upkeep of the history ended");
            }
            return;
        }
        () = signalled.cancelled() => {}
        () = out_of_time => {}
    }
    keeping.abort();
    tracing::warn!("the upkeep of the history is not done: the next run, or a daemon, goes on with it");
}

async fn wait(
    watcher: &mut Watcher<'_>,
    mut condition: watch::Receiver<Condition>,
    began: Instant,
    deadline: Option<Duration>,
    patience: Duration,
    stop: &CancellationToken,
) -> End {
    let mut last_reached = Instant::now();
    let mut was_done = false;
    let mut look_at = began;
    loop {
        tokio::select! {
            () = stop.cancelled() => return End::Stopped,
            () = tokio::time::sleep(LOOK_EVERY) => {}
            // The end of the drain is noticed at once. Afterwards the other replicas' shards are looked at periodically.
            done = condition.wait_for(Condition::is_done), if !was_done => {
                if done.is_err() {
                    return End::Stopped;
                }
            }
        }
        let now = condition.borrow().clone();
        was_done = now.is_done();
        let config = watcher.config;
        let unreached = match (now.database_up, now.broker_up && !now.blocked) {
            (true, true) => None,
            (false, _) => Some(match now.database_trouble {
                Some(trouble) => trouble.of_database(config),
                None => "the database cannot be reached".to_owned(),
            }),
            (_, false) => Some(match now.broker_trouble {
                Some(trouble) => trouble.of_broker(config),
                None if now.blocked => {
                    format!("RabbitMQ at {} blocks publishing (memory or disk alarm)", config.broker.url)
                }
                None => "the broker cannot be reached".to_owned(),
            }),
        };
        if unreached.is_none() {
            last_reached = Instant::now();
        }
        let past = deadline.is_some_and(|deadline| began.elapsed() >= deadline);
        match unreached {
            Some(line) if past || last_reached.elapsed() >= patience => return End::NotReached(line),
            _ if past => return End::DeadlinePassed,
            _ if now.limit_reached => return End::LimitReached,
            _ => {}
        }
        // Without a broker it is unknown whether events could be published. The count proves that the database is reached;
        // a replica without shards does not read from it otherwise.
        if now.idle && now.broker_up && Instant::now() >= look_at {
            let looked = Instant::now();
            let rest = watcher.remainder().await;
            look_at = looked + looks::pause_after(looked.elapsed());
            match rest {
                Ok(rest) if rest.due == 0 => return End::Drained(rest),
                Ok(_) => {}
                Err(fault) => tracing::debug!(%fault, "cannot look what is left"),
            }
        }
    }
}

/// Looks at the outbox from outside the drain loop.
struct Watcher<'a> {
    config: &'a Config,
    connection: Option<AsyncPgConnection>,
    start: Option<(i64, DateTime<Utc>)>,
}

impl Watcher<'_> {
    /// Waits for the database and notes the last event to drain.
    async fn start(&mut self, began: Instant, patience: Duration) -> Result<(), RelayError> {
        loop {
            let config = self.config.database.clone();
            let attempt = async {
                let connection = self.connected().await?;
                answered(&config, overview::run_start(connection)).await
            };
            match attempt.await {
                Ok(start) => {
                    self.start = Some(start);
                    return Ok(());
                }
                Err(fault) if began.elapsed() + RECONNECT_WAIT >= patience => {
                    return Err(RelayError::NotReached {
                        what: Trouble::from(&fault).of_database(self.config),
                        seconds: patience.as_secs(),
                    });
                }
                Err(fault) => {
                    tracing::debug!(%fault, "waiting for the database");
                    self.connection = None;
                    tokio::time::sleep(RECONNECT_WAIT).await;
                }
            }
        }
    }

    fn started(&self) -> (i64, DateTime<Utc>) {
        self.start.unwrap_or((i64::MAX, DateTime::UNIX_EPOCH))
    }

    async fn remainder(&mut self) -> Result<Remainder, DatabaseFault> {
        let (last_seq, started_at) = self.started();
        let config = self.config.database.clone();
        let result = match self.connected().await {
            Ok(connection) => answered(&config, overview::remainder(connection, last_seq, started_at)).await,
            Err(fault) => Err(fault),
        };
        if result.is_err() {
            self.connection = None;
        }
        result
    }

    async fn connected(&mut self) -> Result<&mut AsyncPgConnection, DatabaseFault> {
        Ok(match &mut self.connection {
            Some(open) => open,
            closed => closed.insert(looks::connect(&self.config.database).await?),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Returns a task that never ends, and a value that it holds as long as it lives.
    fn endless() -> (JoinHandle<()>, Arc<()>) {
        let held = Arc::new(());
        let own = Arc::clone(&held);
        let task = tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(own);
        });
        (task, held)
    }

    #[tokio::test]
    async fn an_upkeep_that_does_not_end_is_ended_when_the_time_is_over_or_by_a_signal() {
        let signal = CancellationToken::new();
        signal.cancel();
        let no_signal = CancellationToken::new();
        for (time_left, signalled) in [(Some(Duration::from_millis(20)), no_signal), (None, signal)] {
            let (task, held) = endless();
            finish_keeping(task, time_left, &signalled).await;
            while Arc::strong_count(&held) > 1 {
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn an_upkeep_is_waited_for_while_there_is_time() {
        let (done, mut finished) = watch::channel(false);
        let task = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            done.send_replace(true);
        });
        finish_keeping(task, None, &CancellationToken::new()).await;
        assert!(*finished.borrow_and_update());
    }
}
