//! Supervises one service: waits for its turn, runs it, and runs it again after an error or a panic. Nothing ends unseen.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{SubsecRound, TimeDelta, Utc};
use futures::FutureExt;
use serde_json::Value;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::contract::{Description, Fault, Kind, Service, Summary};
use super::events::{Happening, Hub};
use super::handle::Handle;
use super::link::{Lease, Leases, Link, Request, Write};
use super::run::{Fence, Run};
use super::schedule::Schedule;
use super::state::{Board, State, now};
use crate::platform::backoff::Backoff;

/// The first and the longest wait after an error, in milliseconds.
const AFTER_ERROR_MS: (u64, u64) = (1000, 60_000);
/// A run that worked for so long was well: the next error begins anew with the shortest wait.
const WELL_AFTER: Duration = Duration::from_secs(120);

pub(super) const UP: &str = "comptoir_service_up";
pub(super) const RUNS: &str = "comptoir_service_runs_total";
pub(super) const DURATION: &str = "comptoir_service_run_duration_seconds";

pub(super) fn describe_metrics() {
    metrics::describe_gauge!(UP, "Whether a service is well: 1, or 0 while its last run has failed");
    metrics::describe_counter!(
        RUNS,
        "Runs of services, by how they ended: completed, failed, panicked, stopped, lost"
    );
    metrics::describe_histogram!(
        DURATION,
        metrics::Unit::Seconds,
        "How long runs of services took, continuous ones apart"
    );
}

type Reply = super::link::Reply<Value>;

/// What a supervisor is asked for.
#[derive(Debug)]
pub(super) enum Order {
    /// Run now; the answer is the run's.
    Trigger(Reply),
    /// End the run, if there is one, and begin anew.
    Restart(Reply),
}

pub(super) struct Supervisor {
    pub(super) service: Arc<dyn Service>,
    pub(super) description: Description,
    pub(super) board: Board,
    pub(super) hub: Hub,
    pub(super) handle: Handle,
    pub(super) poke: Arc<Notify>,
    pub(super) orders: mpsc::Receiver<Order>,
    /// For a service that runs in one of all processes.
    pub(super) link: Option<Link>,
    pub(super) stop: CancellationToken,
}

/// How a run ended.
enum End {
    Completed(Summary),
    Failed(String),
    Panicked(String),
    /// It was told to stop.
    Stopped,
    /// Its lease was lost, so it was dropped where it was.
    Lost,
    /// It was told to begin anew.
    Restarted(Reply),
}

/// When a service runs.
#[derive(Debug, Default)]
struct Plan {
    next: Option<Instant>,
    /// Before that, and once: after an error, or because somebody wants it.
    sooner: Option<Instant>,
    failing: bool,
    /// The lease under which `next` holds.
    fence: Option<Fence>,
    /// The next run, if the last one was completed here.
    noted: Option<Instant>,
}

enum Turn {
    /// Somebody may wait for what comes of it.
    Run(Option<Reply>),
    /// The lease was lost.
    Lost,
    Stop,
}

impl Supervisor {
    pub(super) async fn supervise(mut self) {
        let name = self.description.name;
        metrics::gauge!(UP, "service" => name).set(1.0);
        let mut backoff = Backoff::new(AFTER_ERROR_MS.0, AFTER_ERROR_MS.1);
        let mut plan = Plan { next: self.first_run(), ..Plan::default() };
        loop {
            let lease = if self.link.is_some() {
                match self.lease().await {
                    Some(lease) => Some(lease),
                    None => break,
                }
            } else {
                None
            };
            if let Some(lease) = lease.filter(|lease| plan.fence != Some(lease.fence)) {
                self.board.change(|status| status.epoch = Some(lease.fence.epoch));
                plan.fence = Some(lease.fence);
                self.go_on(&mut plan, lease).await;
            }
            let waiter = match self.turn(&plan, lease).await {
                Turn::Run(waiter) => waiter,
                Turn::Lost => continue,
                Turn::Stop => break,
            };
            let began = Instant::now();
            let end = self.run_once(lease).await;
            let well = began.elapsed() >= WELL_AFTER;
            let finished = matches!(&end, End::Completed(summary) if summary.finished);
            let failed = matches!(end, End::Failed(_) | End::Panicked(_));
            if well || !failed {
                backoff.reset();
            }
            (plan.failing, plan.sooner, plan.noted) = (failed, None, None);
            match &end {
                End::Completed(_) => {
                    plan.next = self.next_run(lease);
                    plan.noted = plan.next;
                    self.note(lease, plan.next, true).await;
                }
                End::Failed(_) | End::Panicked(_) => {
                    let retry = Instant::now() + backoff.advance();
                    plan.next = self.next_run(lease);
                    plan.sooner = Some(plan.next.map_or(retry, |next| next.min(retry)));
                }
                End::Restarted(_) => plan.sooner = Some(Instant::now()),
                // What it was to do is not done: its time stays, for whoever goes on.
                End::Stopped | End::Lost => {}
            }
            let stopped = matches!(end, End::Stopped);
            if let Some(waiter) = waiter {
                let _ = waiter.send(end.answer());
            }
            if let End::Restarted(reply) = end {
                let _ = reply.send(Ok(Value::Null));
            }
            if stopped || self.stop.is_cancelled() {
                break;
            }
            if finished {
                self.board.set(State::Finished);
                self.rest().await;
                break;
            }
        }
        self.end().await;
    }

    /// Returns when the service runs for the first time in this process.
    fn first_run(&self) -> Option<Instant> {
        match &self.description.kind {
            Kind::Periodic { at_start: true, .. }
            | Kind::Continuous
            | Kind::StartUp { .. }
            | Kind::OnDemand => Some(Instant::now()),
            Kind::Periodic { schedule: schedule @ Schedule::Cron(_), .. } => {
                Some(Instant::now() + schedule.wait(Utc::now()))
            }
            Kind::Periodic { initial_delay, .. } => Some(Instant::now() + *initial_delay),
        }
    }

    /// Returns when the service runs next, by the database's clock if it runs in one of all processes.
    fn next_run(&self, lease: Option<Lease>) -> Option<Instant> {
        let now = Utc::now() + lease.map_or_else(TimeDelta::zero, |lease| lease.ahead);
        match &self.description.kind {
            Kind::Periodic { schedule, .. } => Some(Instant::now() + schedule.wait(now)),
            Kind::Continuous => Some(Instant::now()),
            Kind::OnDemand | Kind::StartUp { .. } => None,
        }
    }

    /// Under a new lease, a periodic service goes on where it stopped elsewhere, or here: it runs when the database says.
    async fn go_on(&self, plan: &mut Plan, lease: Lease) {
        let Kind::Periodic { schedule, .. } = &self.description.kind else { return };
        match lease.next_run(schedule) {
            // It may not have been written down yet that it ran here.
            Some(at) => plan.next = Some(plan.noted.map_or(at, |noted| noted.max(at))),
            // So that it runs one day, however often processes are started anew.
            None => self.note(Some(lease), plan.next, false).await,
        }
    }

    /// Writes into the database when a periodic service of all processes runs next, and whether it ran now.
    async fn note(&self, lease: Option<Lease>, next: Option<Instant>, ran: bool) {
        let periodic = matches!(self.description.kind, Kind::Periodic { .. });
        if let (Some(lease), Some(link), true) = (lease, &self.link, periodic) {
            let wait = next.map(|at| at.saturating_duration_since(Instant::now()));
            // The link holds what it cannot write now.
            let write = Request::Write(Write::Next { fence: lease.fence, wait, ran });
            tokio::select! { _ = link.requests.send(write) => {} () = self.stop.cancelled() => {} }
        }
    }

    /// Waits until this process has the lease; `None`: the service is to stop.
    async fn lease(&mut self) -> Option<Lease> {
        let mut leases = self.link.as_ref()?.leases.clone();
        let name = self.description.name;
        loop {
            let held =
                leases.borrow_and_update().get(name).copied().filter(|lease| lease.until > Instant::now());
            if held.is_some() {
                return held;
            }
            self.board.change(|status| {
                (status.state, status.epoch, status.next_run_at) = (State::Standby, None, None);
            });
            tokio::select! {
                () = self.stop.cancelled() => return None,
                changed = leases.changed() => if changed.is_err() {
                    self.stop.cancelled().await;
                    return None;
                },
                order = self.orders.recv() => if let Some(Order::Trigger(reply) | Order::Restart(reply)) = order {
                    let _ = reply.send(Err(Fault::new("the service runs in another process")));
                },
            }
        }
    }

    /// Waits for the time, for a poke, or for an order.
    async fn turn(&mut self, plan: &Plan, lease: Option<Lease>) -> Turn {
        let (due, failing) = (plan.sooner.or(plan.next), plan.failing);
        let shown = due.and_then(|due| {
            let Kind::Periodic { schedule, .. } = &self.description.kind else { return None };
            let left = TimeDelta::from_std(due.saturating_duration_since(Instant::now())).unwrap_or_default();
            let at = now().checked_add_signed(left)?.trunc_subsecs(6);
            let ahead = lease.map_or_else(TimeDelta::zero, |lease| lease.ahead);
            Some(if matches!(schedule, Schedule::Cron(_)) { schedule.shown(at + ahead) } else { at })
        });
        self.board.change(|status| {
            status.next_run_at = shown;
            let fresh =
                status.runs == 0 && status.failures == 0 && due.is_some_and(|due| due <= Instant::now());
            status.state = if failing {
                State::Failing
            } else if fresh {
                State::Starting
            } else {
                State::Waiting
            };
        });
        let timed = async {
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        // A continuous service is not poked: it runs.
        let poked = async {
            match self.description.kind {
                Kind::Continuous => std::future::pending().await,
                _ => self.poke.notified().await,
            }
        };
        let gone = async {
            match (&self.link, lease) {
                (Some(link), Some(lease)) => lost(link.leases.clone(), lease).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Turn::Stop,
            () = gone => Turn::Lost,
            order = self.orders.recv() => match order {
                Some(Order::Trigger(reply)) => Turn::Run(Some(reply)),
                Some(Order::Restart(reply)) => {
                    let _ = reply.send(Ok(Value::Null));
                    Turn::Run(None)
                }
                None => Turn::Stop,
            },
            () = poked => Turn::Run(None),
            () = timed => Turn::Run(None),
        }
    }

    async fn run_once(&mut self, lease: Option<Lease>) -> End {
        let name = self.description.name;
        let stop = CancellationToken::new();
        let run = Run {
            service: name,
            stop: stop.clone(),
            fence: lease.map(|lease| lease.fence),
            hub: self.hub.clone(),
            handle: self.handle.clone(),
            id: Uuid::now_v7(),
        };
        let began = Instant::now();
        self.board.change(|status| {
            (status.state, status.last_started_at, status.next_run_at) = (State::Running, Some(now()), None);
        });
        self.hub.tell(name, Some(run.id), Happening::Started);
        let service = Arc::clone(&self.service);
        let end = {
            let running = AssertUnwindSafe(service.run(&run)).catch_unwind();
            self.watch_over(running, &stop, lease).await
        };
        self.record(&run, &end, began.elapsed());
        end
    }

    /// Waits for the end of the run; ends it when it is told to, or when its lease is lost.
    async fn watch_over(
        &mut self,
        running: impl Future<Output = Result<Result<Summary, Fault>, Box<dyn Any + Send>>>,
        stop_run: &CancellationToken,
        lease: Option<Lease>,
    ) -> End {
        let mut running = std::pin::pin!(running);
        let link = self.link.clone();
        let mut gone = std::pin::pin!(async move {
            match (link, lease) {
                (Some(link), Some(lease)) => lost(link.leases, lease).await,
                _ => std::future::pending().await,
            }
        });
        let (mut deadline, mut restart) = (None::<Instant>, None::<Reply>);
        // A run that lasts says nothing at its end that anybody waits for.
        let lasting = self.description.kind == Kind::Continuous;
        let (well_at, mut is_well) = (Instant::now() + WELL_AFTER, false);
        loop {
            let too_late = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                ended = &mut running => {
                    return match (restart, ended) {
                        (_, Err(panic)) => End::Panicked(message_of(&*panic).to_owned()),
                        (Some(reply), _) => End::Restarted(reply),
                        (None, Ok(Err(fault))) if deadline.is_none() => End::Failed(fault.to_string()),
                        (None, Ok(Ok(summary))) if deadline.is_none() => End::Completed(summary),
                        _ => End::Stopped,
                    };
                }
                () = &mut gone => return End::Lost,
                () = tokio::time::sleep_until(well_at.into()), if lasting && !is_well => {
                    is_well = true;
                    self.is_well();
                }
                () = self.stop.cancelled(), if deadline.is_none() || restart.is_some() => {
                    stop_run.cancel();
                    if let Some(reply) = restart.take() {
                        let _ = reply.send(Err(Fault::new("the process stops")));
                    }
                    deadline = Some(Instant::now() + self.description.stop_limit);
                }
                () = too_late => {
                    let (service, limit_ms) = (self.description.name, self.description.stop_limit.as_millis());
                    tracing::warn!(service, limit_ms, "the service did not stop in time: it was cut off");
                    return restart.map_or(End::Stopped, End::Restarted);
                }
                order = self.orders.recv(), if deadline.is_none() => match order {
                    Some(Order::Restart(reply)) => {
                        stop_run.cancel();
                        deadline = Some(Instant::now() + self.description.stop_limit);
                        restart = Some(reply);
                    }
                    Some(Order::Trigger(reply)) => {
                        let busy = match self.description.kind {
                            Kind::Continuous => "the service runs all the time",
                            _ => "the service is running just now",
                        };
                        let _ = reply.send(Err(Fault::new(busy)));
                    }
                    None => {}
                },
            }
        }
    }

    /// The run goes on, and the error before it is over.
    fn is_well(&self) {
        let name = self.description.name;
        metrics::gauge!(UP, "service" => name).set(1.0);
        if self.board.read().failed_last {
            self.board.change(|status| (status.failed_last, status.reason) = (false, None));
            tracing::info!(service = name, "a service is well again");
        }
    }

    fn record(&self, run: &Run, end: &End, took: Duration) {
        let name = self.description.name;
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let (outcome, error) = match end {
            End::Completed(_) => ("completed", None),
            End::Failed(error) => ("failed", Some(error.clone())),
            End::Panicked(message) => ("panicked", Some(format!("panicked: {message}"))),
            End::Stopped | End::Restarted(_) => ("stopped", None),
            End::Lost => ("lost", None),
        };
        metrics::counter!(RUNS, "service" => name, "outcome" => outcome).increment(1);
        metrics::gauge!(UP, "service" => name).set(if error.is_some() { 0.0 } else { 1.0 });
        if self.description.kind != Kind::Continuous {
            metrics::histogram!(DURATION, "service" => name).record(took.as_secs_f64());
        }
        let correlation_id = run.id;
        let before = self.board.read();
        let known = before.failed_last && before.last_error == error;
        self.board.change(|status| {
            status.failed_last = error.is_some();
            (status.last_ended_at, status.last_duration_ms) = (Some(now()), Some(duration_ms));
            match (end, &error) {
                (End::Completed(summary), _) => {
                    status.runs += 1;
                    status.last_figures = summary.figures.clone();
                    status.reason = None;
                }
                (_, Some(error)) => {
                    status.failures += 1;
                    (status.last_error, status.last_error_at) = (Some(error.clone()), Some(now()));
                    (status.state, status.reason) = (State::Failing, Some(error.clone()));
                }
                _ => {}
            }
        });
        match (end, error) {
            (End::Completed(summary), _) => {
                tracing::debug!(service = name, %correlation_id, duration_ms, figures = %summary.figures, "a service ran");
                if before.failed_last {
                    tracing::info!(service = name, "a service is well again");
                }
                let figures = summary.figures.clone();
                self.hub.tell(name, Some(run.id), Happening::Completed { figures, duration_ms });
            }
            (End::Panicked(_), Some(error)) => {
                tracing::error!(service = name, %correlation_id, error, "a service panicked: it is started again");
                self.hub.tell(name, Some(run.id), Happening::Failed { error });
            }
            // Said once: what goes on failing for the same reason would fill the log.
            (_, Some(error)) if known => {
                tracing::debug!(service = name, %correlation_id, error, "a service failed again");
                self.hub.tell(name, Some(run.id), Happening::Failed { error });
            }
            (_, Some(error)) => {
                tracing::warn!(service = name, %correlation_id, error, "a service failed: it is tried again");
                self.hub.tell(name, Some(run.id), Happening::Failed { error });
            }
            (End::Lost, _) => {
                tracing::warn!(service = name, "a service has lost its lease: it goes on elsewhere");
            }
            _ => {}
        }
    }

    /// The service has nothing to do in this process. It answers orders until the process stops.
    async fn rest(&mut self) {
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                order = self.orders.recv() => match order {
                    Some(Order::Trigger(reply) | Order::Restart(reply)) => {
                        let _ = reply.send(Err(Fault::new("the service has nothing to do in this process")));
                    }
                    None => return,
                },
            }
        }
    }

    async fn end(&self) {
        let (name, limit) = (self.description.name, self.description.stop_limit);
        let ending = AssertUnwindSafe(self.service.at_stop()).catch_unwind();
        match tokio::time::timeout(limit, ending).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => {
                tracing::warn!(service = name, %error, "a service could not finish as it stopped");
            }
            Ok(Err(panic)) => tracing::error!(
                service = name,
                error = message_of(&*panic),
                "a service panicked as it stopped"
            ),
            Err(_) => tracing::warn!(service = name, "a service did not finish in time as it stopped"),
        }
        self.board.change(|status| (status.state, status.next_run_at) = (State::Stopped, None));
        self.hub.tell(name, None, Happening::Stopped);
    }
}

impl End {
    /// Returns what is told to whoever asked for the run.
    fn answer(&self) -> Result<Value, Fault> {
        match self {
            Self::Completed(summary) => Ok(summary.figures.clone()),
            Self::Failed(error) | Self::Panicked(error) => Err(Fault::new(error)),
            Self::Stopped | Self::Restarted(_) => Err(Fault::new("the run was stopped")),
            Self::Lost => Err(Fault::new("the run's lease was lost")),
        }
    }
}

/// Resolves when the lease is lost: by its time, or because another process has it.
async fn lost(mut leases: watch::Receiver<Leases>, lease: Lease) {
    loop {
        let now = leases.borrow_and_update().get(lease.fence.service).copied();
        let Some(now) = now.filter(|now| now.fence == lease.fence) else { return };
        tokio::select! {
            () = tokio::time::sleep_until(now.until.into()) => {
                // A renewal may have come at the same moment.
                if leases.borrow().get(lease.fence.service).is_none_or(|now| now.until <= Instant::now()) {
                    return;
                }
            }
            changed = leases.changed() => if changed.is_err() {
                return;
            }
        }
    }
}

pub(super) fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
