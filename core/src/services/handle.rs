//! How services are asked, listened to and looked at: the same for those of this process and of others.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::actions::{Ask, Face, Priority, RESTART, TRIGGER};
use super::contract::Fault;
use super::events::Subscription;
use super::health::HealthReport;
use super::link::Request;
use super::parameters;
use super::registry::{Inner, Member};
use super::state::{Offer, State, Status};
use super::store::commands::{Command, NewCommand};
use super::supervisor::Order;
use crate::values::invalid::FieldError;

/// How often a command is looked at by whoever waits for it: soon at first, then every half second.
pub(super) const LOOKS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// The longest that an action may take, whatever is asked for: a day.
const LONGEST: Duration = Duration::from_secs(86_400);
/// The longest name of whoever asks that is kept, in characters.
const ASKED_BY_CHARS: usize = 300;

/// The way to all services. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle(pub(super) Arc<Inner>);

/// Why an action was not accepted, or not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    #[error("there is no service `{0}` in any process that runs now")]
    NoSuchService(String),
    #[error("the service `{service}` has no action `{action}`; it has{}", those(.known))]
    NoSuchAction { service: String, action: String, known: String },
    #[error("the service `{service}` is off in every process that has it: {reason}")]
    Off { service: String, reason: String },
    #[error("the time limit must be 1 s to 86400 s")]
    TimeLimit,
    /// The parameters are not those of the action. The pointer begins at them.
    #[error("the parameters of `{action}`{}: {}", place(.wrong), .wrong.message)]
    Parameters { action: String, wrong: Box<FieldError> },
    #[error("there is no command {0}, or it ended more than 30 days ago")]
    NoSuchCommand(Uuid),
    /// The tables of services cannot be reached, or are not configured.
    #[error("{0}")]
    Unavailable(Fault),
    /// The action was done and failed, or nobody did it before its deadline.
    #[error("{0}")]
    Failed(String),
    /// The answer is not what was expected: the service is of another version.
    #[error("the answer of `{0}` is not understood: {1}")]
    Answer(&'static str, String),
}

/// `: trigger, restart`, or ` none`.
fn those(known: &str) -> String {
    if known.is_empty() { " none".to_owned() } else { format!(": {known}") }
}

/// ` at filter/since`
fn place(wrong: &FieldError) -> String {
    wrong.pointer.strip_prefix('/').map_or_else(String::new, |path| format!(" at {path}"))
}

/// What is asked, and how.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The command's id. A wish that is sent twice is one command.
    pub id: Uuid,
    pub service: String,
    pub action: String,
    pub parameters: Value,
    /// `None`: the service's own.
    pub priority: Option<Priority>,
    /// `None`: the action's own.
    pub time_limit: Option<Duration>,
    pub correlation_id: Uuid,
    /// Who asks, for the audit.
    pub asked_by: String,
    /// Only this process may do it.
    pub process: Option<Uuid>,
}

impl Wish {
    pub fn new(
        service: impl Into<String>,
        action: impl Into<String>,
        parameters: Value,
        asked_by: impl Into<String>,
    ) -> Self {
        Self {
            id: Uuid::now_v7(),
            service: service.into(),
            action: action.into(),
            parameters,
            priority: None,
            time_limit: None,
            correlation_id: Uuid::now_v7(),
            asked_by: asked_by.into(),
            process: None,
        }
    }

    /// Checks what is asked against what the action takes, before anything is written.
    ///
    /// # Errors
    /// Fails if the time limit is too short or too long, or if the parameters are not those of the action.
    pub fn check(&self, offer: &Offer) -> Result<(), AskError> {
        self.limit(offer)?;
        let none = Value::Object(Map::default());
        let given = if self.parameters.is_null() { &none } else { &self.parameters };
        parameters::check(&offer.parameters, given)
            .map_err(|wrong| AskError::Parameters { action: self.action.clone(), wrong: Box::new(wrong) })
    }

    fn limit(&self, offer: &Offer) -> Result<Duration, AskError> {
        let limit = self.time_limit.unwrap_or(Duration::from_secs(offer.time_limit_seconds));
        if (Duration::from_secs(1)..=LONGEST).contains(&limit) { Ok(limit) } else { Err(AskError::TimeLimit) }
    }
}

impl Handle {
    /// Returns the handle of one service.
    pub fn of<F: Face>(&self) -> TypedHandle<F> {
        TypedHandle { handle: self.clone(), face: PhantomData }
    }

    /// Returns this process's identity, which is random at each start.
    pub fn process(&self) -> Uuid {
        self.0.process.id
    }

    /// Runs a service of this process soon. Neither blocks nor fails.
    pub fn poke(&self, service: &str) {
        if let Some(member) = self.member(service) {
            member.poke.notify_one();
        }
    }

    /// Returns the services of all processes that live, by name.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn list(&self) -> Result<Vec<Status>, AskError> {
        self.examine();
        let listed = self.request(Request::List).await;
        match listed {
            Err(AskError::Unavailable(_)) if self.0.link.is_none() => Ok(self.local()),
            listed => listed,
        }
    }

    /// Returns the services of this process.
    pub fn local(&self) -> Vec<Status> {
        self.0.members.iter().map(|member| member.board.read()).collect()
    }

    /// Returns the health of this process, as its services last said.
    pub fn health(&self) -> HealthReport {
        HealthReport::of(&self.local())
    }

    /// Returns why this process is not ready: the critical services that do not do their work.
    pub fn hindrances(&self) -> Vec<String> {
        HealthReport::hindrances(&self.local())
    }

    /// Asks every service of this process how it is.
    pub fn examine(&self) {
        self.0.members.iter().for_each(Member::examine);
    }

    /// Subscribes to the events of all services, of this process and of others.
    pub fn subscribe(&self) -> Subscription {
        self.subscription(None)
    }

    fn subscription(&self, service: Option<&'static str>) -> Subscription {
        let mut subscription = self.0.hub.subscribe(service);
        subscription.interest = self.0.link.as_ref().map(|link| Arc::clone(&link.interest));
        subscription
    }

    /// Asks for an action and returns the command's id; the command is carried out by whichever process runs the service.
    ///
    /// # Errors
    /// Fails if no process has such a service or action, or if the database cannot be reached.
    pub async fn send(&self, wish: Wish) -> Result<Uuid, AskError> {
        let offer = self.offer(&wish.service, &wish.action).await?;
        let (id, command) = (wish.id, new_command(wish, &offer)?);
        self.request(|reply| Request::Ask(Box::new(command), reply)).await?;
        Ok(id)
    }

    /// Returns the action of a service, if a process that runs has it.
    ///
    /// # Errors
    /// Fails if none has, or if the database cannot be reached.
    pub async fn offer(&self, service: &str, action: &str) -> Result<Offer, AskError> {
        let here = self.member(service).map(|member| member.board.read());
        match here.filter(|status| status.state != State::Off) {
            Some(status) => offered(&[status], service, action),
            None => offered(&self.list().await?, service, action),
        }
    }

    /// Returns a command as it stands; `None`: there is none, or it was deleted.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn command(&self, id: Uuid) -> Result<Option<Command>, AskError> {
        self.request(|reply| Request::Find(id, reply)).await
    }

    /// Returns the commands that were asked for last, `most` at most, the newest first.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn commands(&self, most: i64) -> Result<Vec<Command>, AskError> {
        self.request(|reply| Request::Commands(most, reply)).await
    }

    /// Waits until the command has ended, for `limit` at most, and returns its answer.
    ///
    /// # Errors
    /// Fails as the command did, or if it has not ended in time, or if the database cannot be reached for that long.
    pub async fn answer(&self, id: Uuid, limit: Duration) -> Result<Value, AskError> {
        let (mut wait, until) = (LOOKS.0, Instant::now() + limit);
        loop {
            match self.command(id).await {
                Ok(Some(command)) => match (command.state.as_str(), command.answer, command.error) {
                    ("done", answer, _) => return Ok(answer.unwrap_or_default()),
                    ("failed" | "expired", _, error) => {
                        return Err(AskError::Failed(error.unwrap_or_default()));
                    }
                    _ => {}
                },
                Ok(None) => return Err(AskError::Failed("the command was deleted".to_owned())),
                // The database may come back before the time is over.
                Err(AskError::Unavailable(_)) if Instant::now() + wait < until => {}
                Err(error) => return Err(error),
            }
            if Instant::now() + wait >= until {
                return Err(AskError::Failed(format!(
                    "no answer within {} s; the command goes on",
                    limit.as_secs()
                )));
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LOOKS.1);
        }
    }

    async fn request<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, Fault>>) -> Request,
    ) -> Result<T, AskError> {
        let Some(link) = &self.0.link else {
            return Err(AskError::Unavailable(Fault::new(&self.0.unlinked)));
        };
        let (reply, answer) = oneshot::channel();
        let gone = || AskError::Unavailable(Fault::new("the process stops"));
        link.requests.send(request(reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?.map_err(AskError::Unavailable)
    }

    pub(super) fn member(&self, service: &str) -> Option<&Member> {
        self.0.members.iter().find(|member| member.description.name == service)
    }

    /// Gives a supervisor of this process an order, and waits for what comes of it.
    pub(super) async fn order(&self, service: &str, action: &str) -> Result<Value, Fault> {
        let member = self.member(service).ok_or_else(|| Fault::new("the service does not run here"))?;
        let (reply, answer) = oneshot::channel();
        let order = if action == RESTART { Order::Restart(reply) } else { Order::Trigger(reply) };
        let gone = || Fault::new("the service is off, or its process stops");
        member.orders.send(order).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// Returns the action, if one of these services has it and is not off.
pub(super) fn offered(services: &[Status], service: &str, action: &str) -> Result<Offer, AskError> {
    let mut having = services.iter().filter(|status| status.service == service).peekable();
    if having.peek().is_none() {
        return Err(AskError::NoSuchService(service.to_owned()));
    }
    let mut reason = None;
    let mut known = String::new();
    for status in having {
        if status.state == State::Off {
            reason = reason.or_else(|| status.reason.clone());
            continue;
        }
        if let Some(offer) = status.actions.iter().find(|offer| offer.name == action) {
            return Ok(offer.clone());
        }
        known = status.actions.iter().map(|offer| offer.name.as_str()).collect::<Vec<_>>().join(", ");
    }
    let service = service.to_owned();
    match reason {
        Some(reason) if known.is_empty() => Err(AskError::Off { service, reason }),
        _ => Err(AskError::NoSuchAction { service, action: action.to_owned(), known }),
    }
}

/// # Errors
/// Fails as [`Wish::check`] does.
pub(super) fn new_command(wish: Wish, offer: &Offer) -> Result<NewCommand, AskError> {
    wish.check(offer)?;
    let limit = wish.limit(offer)?;
    Ok(NewCommand {
        id: wish.id,
        service: wish.service,
        action: wish.action,
        parameters: if wish.parameters.is_null() { serde_json::json!({}) } else { wish.parameters },
        priority: wish.priority.unwrap_or(offer.priority).rank(),
        process: wish.process,
        correlation_id: wish.correlation_id,
        asked_by: wish.asked_by.chars().take(ASKED_BY_CHARS).collect(),
        time_limit_ms: i64::try_from(limit.as_millis()).unwrap_or(i64::MAX),
        repeatable: offer.repeatable,
    })
}

/// The way to one service, by its face.
#[derive(Debug)]
pub struct TypedHandle<F> {
    handle: Handle,
    face: PhantomData<fn() -> F>,
}

impl<F: Face> TypedHandle<F> {
    /// Begins to ask for an action; [`Asking::answer`] and [`Asking::send`] do it.
    pub fn ask<A: Ask<Of = F>>(&self, action: A) -> Asking<A> {
        let parameters = serde_json::to_value(&action).unwrap_or_default();
        self.asking(A::ACTION, parameters)
    }

    /// Runs the service now; the answer has the figures of the run.
    pub fn trigger(&self) -> Asking<Triggered<F>> {
        self.asking(TRIGGER, Value::Null)
    }

    /// Ends the run that there is, and begins anew.
    pub fn restart(&self) -> Asking<Triggered<F>> {
        self.asking(RESTART, Value::Null)
    }

    fn asking<A: Ask>(&self, action: &'static str, parameters: Value) -> Asking<A> {
        let wish = Wish::new(F::NAME, action, parameters, "a service");
        Asking { handle: self.handle.clone(), wish, asked: PhantomData }
    }

    /// Subscribes to the service's events, in whichever process.
    pub fn events(&self) -> Subscription {
        self.handle.subscription(Some(F::NAME))
    }

    /// Returns the service in each process that has it.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn status(&self) -> Result<Vec<Status>, AskError> {
        Ok(self.handle.list().await?.into_iter().filter(|status| status.service == F::NAME).collect())
    }

    /// Runs the service soon, if this process has it.
    pub fn poke(&self) {
        self.handle.poke(F::NAME);
    }
}

/// What [`TypedHandle::trigger`] and [`TypedHandle::restart`] ask.
#[derive(Debug)]
pub struct Triggered<F>(PhantomData<fn() -> F>);

impl<F> serde::Serialize for Triggered<F> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<F: Face> Ask for Triggered<F> {
    type Of = F;
    type Answer = Value;
    const ACTION: &'static str = TRIGGER;
}

/// An action that is about to be asked for.
#[derive(Debug)]
#[must_use = "nothing is asked before `answer` or `send`"]
pub struct Asking<A> {
    handle: Handle,
    wish: Wish,
    asked: PhantomData<fn() -> A>,
}

impl<A: Ask> Asking<A> {
    pub fn priority(mut self, priority: Priority) -> Self {
        self.wish.priority = Some(priority);
        self
    }

    /// The action ends with an error when it has taken so long, waiting included.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.wish.time_limit = Some(limit);
        self
    }

    pub fn correlation_id(mut self, id: Uuid) -> Self {
        self.wish.correlation_id = id;
        self
    }

    /// Who asks, for the audit.
    pub fn by(mut self, asked_by: impl Into<String>) -> Self {
        self.wish.asked_by = asked_by.into();
        self
    }

    /// Only this process may do it.
    pub fn in_process(mut self, process: Uuid) -> Self {
        self.wish.process = Some(process);
        self
    }

    /// Asks, and does not wait.
    ///
    /// # Errors
    /// Fails as [`Handle::send`] does.
    pub async fn send(self) -> Result<Uuid, AskError> {
        self.handle.send(self.wish).await
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// Fails if it is not accepted, not done, or not done in time.
    pub async fn answer(self) -> Result<A::Answer, AskError> {
        let Self { handle, wish, .. } = self;
        let limit = wish.time_limit.unwrap_or(LONGEST);
        let id = handle.send(wish).await?;
        // The command's own deadline ends it; the moment more is for the word of it.
        let answer = handle.answer(id, limit + LOOKS.1 * 4).await?;
        serde_json::from_value(answer).map_err(|error| AskError::Answer(A::ACTION, error.to_string()))
    }

    /// Asks, and when it is done, asks for what `next` makes of the answer: several actions in sequence. The first that fails ends it.
    ///
    /// # Errors
    /// Fails as [`Self::answer`] does.
    pub async fn then<B: Ask>(
        self,
        next: impl FnOnce(A::Answer) -> Asking<B>,
    ) -> Result<B::Answer, AskError> {
        let correlation_id = self.wish.correlation_id;
        let answer = self.answer().await?;
        next(answer).correlation_id(correlation_id).answer().await
    }
}
