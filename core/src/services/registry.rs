//! The services of a process: added, started in order, stopped in reverse order.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use serde_json::Value;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::actions::{ActionKind, NoParameters, RESTART, TRIGGER};
use super::contract::{Description, Fault, Kind, OnFailure, Scope, Service};
use super::events::{Happening, Hub};
use super::handle::Handle;
use super::link::{CarryOut, LAST_ACTIONS, Link, LinkTask, Linked};
use super::own::{HealthProbe, Upkeep};
use super::run::{Call, Run};
use super::settings::ServicesConfig;
use super::state::{Board, State};
use super::store::processes::Process;
use super::supervisor::{Order, Supervisor, describe_metrics, message_of};
use crate::platform::config::ConfigError;
use crate::platform::database::DatabaseConfig;
use crate::platform::who::process_name;

/// The most orders that wait for a supervisor.
const ORDERS: usize = 16;
/// The longest name of a process that is kept, in characters.
const NAME_CHARS: usize = 300;
/// All services of the start together may take this long.
const START_LIMIT: Duration = Duration::from_secs(60);
/// The time for the last words to other processes.
const LEAVE_LIMIT: Duration = Duration::from_secs(4);

const ACTIONS: &str = "comptoir_service_action_duration_seconds";

/// Why services that need the tables of services do not run.
pub type Unlinked = String;

/// Collects the services of a process.
pub struct Builder {
    process: Process,
    config: ServicesConfig,
    link: Result<DatabaseConfig, Unlinked>,
    added: Vec<Added>,
}

struct Added {
    service: Arc<dyn Service>,
    description: Description,
    /// Why it does not run.
    off: Option<String>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.added.iter().map(|added| added.description.name);
        f.debug_list().entries(names).finish()
    }
}

/// A service of this process.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) description: Description,
    pub(super) board: Board,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) poke: Arc<Notify>,
    service: Examined,
    stop: CancellationToken,
    /// Cancelled when its supervisor has ended.
    ended: CancellationToken,
}

struct Examined(Arc<dyn Service>);

impl std::fmt::Debug for Examined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("service")
    }
}

impl Member {
    pub(super) fn examine(&self) {
        let service = &self.service.0;
        let asked = std::panic::catch_unwind(AssertUnwindSafe(|| (service.health(), service.info())));
        match asked {
            Ok((health, info)) => self.board.examine(health, info),
            Err(panic) => {
                let (service, error) = (self.description.name, message_of(&*panic));
                tracing::error!(service, error, "a service panicked when it was asked how it is");
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) process: Process,
    pub(super) members: Vec<Member>,
    pub(super) hub: Hub,
    pub(super) link: Option<Link>,
    pub(super) unlinked: Unlinked,
}

/// The services of this process, which run.
#[derive(Debug)]
pub struct Services {
    handle: Handle,
    tasks: TaskTracker,
    /// Cancelled first: nothing new is begun.
    stopping: CancellationToken,
    /// Cancelled last: the link gives everything back.
    leave: CancellationToken,
    /// Cancelled when a service of the start failed that the program cannot do without.
    failed: CancellationToken,
    _end: DropGuard,
}

impl Services {
    /// `program`: `api` or `relay`. `link`: the database by which other processes are reached, or why they are not.
    ///
    /// # Errors
    /// Fails if the settings of a service that every program has are wrong.
    pub fn builder(
        program: &'static str,
        version: &'static str,
        config: &ServicesConfig,
        link: Result<DatabaseConfig, Unlinked>,
    ) -> Result<Builder, ConfigError> {
        let process = Process { id: Uuid::new_v4(), program, name: process_name(), version };
        let mut builder = Builder { process, config: config.clone(), link, added: Vec::new() };
        builder.add(HealthProbe)?;
        if let Ok(database) = builder.link.clone() {
            builder.add(Upkeep::new(database))?;
        }
        Ok(builder)
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Returns the token that is cancelled when a service of the start failed that the program cannot do without.
    pub fn failed(&self) -> CancellationToken {
        self.failed.clone()
    }

    /// Stops one service, before the others.
    pub async fn stop_one(&self, service: &str) {
        if let Some(member) = self.handle.member(service) {
            stop(member).await;
        }
    }

    /// Stops all services, the last one first, each within its time, and gives back what this process holds.
    pub async fn stop(self) {
        self.stopping.cancel();
        for member in self.handle.0.members.iter().rev() {
            stop(member).await;
        }
        self.leave.cancel();
        self.tasks.close();
        if tokio::time::timeout(LAST_ACTIONS + LEAVE_LIMIT, self.tasks.wait()).await.is_err() {
            tracing::warn!("the leases of services could not be given back in time: they will expire");
        }
    }
}

async fn stop(member: &Member) {
    member.stop.cancel();
    // The supervisor keeps to the limit, once for the run and once for what is left to do.
    let limit = member.description.stop_limit * 2 + Duration::from_secs(1);
    if tokio::time::timeout(limit, member.ended.cancelled()).await.is_err() {
        tracing::warn!(service = member.description.name, "the supervisor of a service did not end in time");
    }
}

impl Builder {
    /// Adds a service; the services stop in the reverse order.
    ///
    /// # Errors
    /// Fails if the settings of the service are wrong, or if there is one of this name.
    pub fn add(&mut self, service: impl Service) -> Result<&mut Self, ConfigError> {
        self.put(Arc::new(service), None)
    }

    /// Adds a service that does not run, with the reason, so that lists show it.
    ///
    /// # Errors
    /// Fails as [`Self::add`] does.
    pub fn add_off(&mut self, service: impl Service, reason: &str) -> Result<&mut Self, ConfigError> {
        self.put(Arc::new(service), Some(reason.to_owned()))
    }

    fn put(&mut self, service: Arc<dyn Service>, mut off: Option<String>) -> Result<&mut Self, ConfigError> {
        let mut description = service.describe();
        let name = description.name;
        if self.added.iter().any(|added| added.description.name == name) {
            return Err(ConfigError::Invalid(format!("there are two services `{name}`")));
        }
        let settings = self.config.settings(name)?;
        settings.apply(&mut description)?;
        if !settings.enabled {
            off = Some(format!("services.{name}.enabled is false"));
        } else if let (Scope::OneOfAll, Err(reason)) = (description.scope, &self.link) {
            off = off.or_else(|| Some(reason.clone()));
        }
        if matches!(description.kind, Kind::Periodic { .. } | Kind::OnDemand) {
            description.actions.push(
                ActionKind::new::<NoParameters>(TRIGGER, "Runs the service now")
                    .repeatable()
                    .time_limit(Duration::from_secs(600)),
            );
        }
        if !matches!(description.kind, Kind::StartUp { .. }) {
            let about = "Ends what the service is doing and begins anew";
            description.actions.push(ActionKind::new::<NoParameters>(RESTART, about).repeatable());
        }
        self.added.push(Added { service, description, off });
        Ok(self)
    }

    /// Gives the process this name, by which people know it, instead of the host's with the process id.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.process.name = name.chars().take(NAME_CHARS).collect();
        self
    }

    /// Starts the services. Must be called on the runtime on which they are to run.
    pub fn start(self) -> Services {
        describe_metrics();
        metrics::describe_histogram!(ACTIONS, metrics::Unit::Seconds, "How long actions of services took");
        let Self { process, link, added, .. } = self;
        let (hub, stopping, leave) =
            (Hub::new(process.id), CancellationToken::new(), CancellationToken::new());
        let tasks = TaskTracker::new();
        let mut orders = Vec::new();
        let members: Vec<Member> = added.iter().map(|added| member(added, &process, &mut orders)).collect();
        let unlinked = link.as_ref().err().cloned().unwrap_or_default();
        let (handle, task) = connect(process, members, hub, link.ok(), unlinked, stopping.clone());
        if let Some(task) = task {
            tasks.spawn(task.run(leave.clone()));
        }
        let failed = CancellationToken::new();
        let supervisors =
            added.into_iter().zip(orders).enumerate().filter(|(_, (added, _))| added.off.is_none());
        let supervisors =
            supervisors.map(|(at, (added, orders))| supervisor(&handle, at, added, orders)).collect();
        tasks.spawn(start_in_order(supervisors, tasks.clone(), failed.clone()));
        let end = CancellationToken::new();
        tasks.spawn({
            let (end, handle) = (end.clone(), handle.clone());
            let (stopping, leave) = (stopping.clone(), leave.clone());
            async move {
                tokio::select! { () = end.cancelled() => {}, () = leave.cancelled() => return }
                stopping.cancel();
                handle.0.members.iter().for_each(|member| member.stop.cancel());
                leave.cancel();
            }
        });
        Services { handle, tasks, stopping, leave, failed, _end: end.drop_guard() }
    }
}

fn member(added: &Added, process: &Process, orders: &mut Vec<mpsc::Receiver<Order>>) -> Member {
    let (sender, receiver) = mpsc::channel(ORDERS);
    orders.push(receiver);
    let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
    let board = Board::new(&added.description, process.program, process.id, &process.name);
    if let Some(reason) = &added.off {
        board.change(|status| (status.state, status.reason) = (State::Off, Some(reason.clone())));
        ended.cancel();
    }
    Member {
        description: added.description.clone(),
        board,
        orders: sender,
        poke: Arc::default(),
        service: Examined(Arc::clone(&added.service)),
        stop,
        ended,
    }
}

/// Puts the members and the link together: each needs the other.
fn connect(
    process: Process,
    members: Vec<Member>,
    hub: Hub,
    link: Option<DatabaseConfig>,
    unlinked: Unlinked,
    stopping: CancellationToken,
) -> (Handle, Option<LinkTask>) {
    let Some(database) = link else {
        return (Handle(Arc::new(Inner { process, members, hub, link: None, unlinked })), None);
    };
    let linked: Vec<Linked> = members.iter().map(linked).collect();
    let later = Arc::new(std::sync::OnceLock::<Handle>::new());
    let carry_out: CarryOut = {
        let later = Arc::clone(&later);
        Arc::new(move |taken, progress, stop| {
            let handle = later.get().cloned();
            Box::pin(async move {
                let Some(handle) = handle else { return Err(Fault::new("the process is starting")) };
                let call = Call {
                    id: taken.id,
                    action: taken.action,
                    parameters: taken.parameters,
                    asked_by: taken.asked_by,
                    correlation_id: taken.correlation_id,
                    service: handle.member(&taken.service).map_or("", |member| member.description.name),
                    stop,
                    hub: handle.0.hub.clone(),
                    handle: handle.clone(),
                    progress,
                };
                act(&handle, &taken.service, call).await
            })
        })
    };
    let (task, link) = LinkTask::new(database, process.clone(), linked, hub.clone(), carry_out, stopping);
    let handle = Handle(Arc::new(Inner { process, members, hub, link: Some(link), unlinked }));
    let _ = later.set(handle.clone());
    (handle, Some(task))
}

fn linked(member: &Member) -> Linked {
    let off = member.board.read().state == State::Off;
    Linked {
        name: member.description.name,
        one_of_all: member.description.scope == Scope::OneOfAll && !off,
        quiet: member.description.quiet,
        actions: member.description.actions.iter().filter(|_| !off).map(|action| action.name).collect(),
        board: member.board.clone(),
    }
}

/// Carries out an action in this process. One that panics fails.
async fn act(handle: &Handle, service: &str, call: Call) -> Result<Value, Fault> {
    let member = handle.member(service).ok_or_else(|| Fault::new("the service does not run here"))?;
    let began = Instant::now();
    let result = match call.action.as_str() {
        RESTART | TRIGGER => {
            call.parameters::<NoParameters>()?;
            handle.order(service, &call.action).await
        }
        _ => {
            let acted = AssertUnwindSafe(member.service.0.act(&call)).catch_unwind().await;
            acted.unwrap_or_else(|panic| Err(Fault::new(format_args!("panicked: {}", message_of(&*panic)))))
        }
    };
    let (outcome, end) = if result.is_ok() { ("done", "was done") } else { ("failed", "failed") };
    let (action, took) = (call.action, began.elapsed());
    metrics::histogram!(ACTIONS, "service" => call.service, "outcome" => outcome).record(took.as_secs_f64());
    tracing::info!(
        service,
        action,
        asked_by = call.asked_by,
        correlation_id = %call.correlation_id,
        duration_ms = took.as_millis(),
        error = result.as_ref().err().map(ToString::to_string),
        "an action of a service {end}"
    );
    result
}

fn supervisor(
    handle: &Handle,
    at: usize,
    added: Added,
    orders: mpsc::Receiver<Order>,
) -> (Supervisor, CancellationToken) {
    let member = &handle.0.members[at];
    let one_of_all = added.description.scope == Scope::OneOfAll;
    let supervisor = Supervisor {
        service: added.service,
        description: added.description,
        board: member.board.clone(),
        hub: handle.0.hub.clone(),
        handle: handle.clone(),
        poke: Arc::clone(&member.poke),
        orders,
        link: handle.0.link.clone().filter(|_| one_of_all),
        stop: member.stop.clone(),
    };
    (supervisor, member.ended.clone())
}

/// Runs the services of the start one after the other, then starts all the others; none after one that the program cannot do without
/// failed.
async fn start_in_order(
    supervisors: Vec<(Supervisor, CancellationToken)>,
    tasks: TaskTracker,
    failed: CancellationToken,
) {
    let until = Instant::now() + START_LIMIT;
    let (mut first, others): (Vec<_>, Vec<_>) = supervisors
        .into_iter()
        .partition(|(supervisor, _)| matches!(supervisor.description.kind, Kind::StartUp { .. }));
    first.sort_by_key(|(supervisor, _)| match supervisor.description.kind {
        Kind::StartUp { order, .. } => order,
        _ => u16::MAX,
    });
    for (supervisor, ended) in first {
        if let (Kind::StartUp { limit, on_failure, .. }, false) =
            (&supervisor.description.kind, failed.is_cancelled())
        {
            let left = until.saturating_duration_since(Instant::now());
            if !supervisor.run_at_start((*limit).min(left)).await && *on_failure == OnFailure::Stop {
                failed.cancel();
            }
        }
        ended.cancel();
    }
    for (supervisor, ended) in others {
        if failed.is_cancelled() {
            ended.cancel();
            continue;
        }
        tasks.spawn(async move {
            let name = supervisor.description.name;
            if let Err(panic) = AssertUnwindSafe(supervisor.supervise()).catch_unwind().await {
                tracing::error!(
                    service = name,
                    error = message_of(&*panic),
                    "the supervisor of a service panicked"
                );
            }
            ended.cancel();
        });
    }
}

impl Supervisor {
    /// Runs a service of the start. Returns whether it succeeded.
    async fn run_at_start(&self, limit: Duration) -> bool {
        let name = self.description.name;
        let run = Run {
            service: name,
            stop: self.stop.clone(),
            fence: None,
            hub: self.hub.clone(),
            handle: self.handle.clone(),
            id: Uuid::now_v7(),
        };
        self.board.set(State::Running);
        let running = AssertUnwindSafe(self.service.run(&run)).catch_unwind();
        let error = match tokio::time::timeout(limit, running).await {
            Ok(Ok(Ok(_))) => None,
            Ok(Ok(Err(fault))) => Some(fault.to_string()),
            Ok(Err(panic)) => Some(format!("panicked: {}", message_of(&*panic))),
            Err(_) => Some(format!("did not end within {} s", limit.as_secs())),
        };
        self.board.change(|status| {
            status.state = if error.is_some() { State::Failing } else { State::Finished };
            status.last_error.clone_from(&error);
            status.reason.clone_from(&error);
        });
        if let Some(error) = error {
            tracing::error!(service = name, "{error}");
            self.hub.tell(name, Some(run.id), Happening::Failed { error });
            return false;
        }
        true
    }
}
