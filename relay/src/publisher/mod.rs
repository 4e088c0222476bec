//! Publishes events and says what became of each. Owns the connection to the broker: connects, declares, watches for
//! blocking, and starts over after a fault, which is never an event's.
//!
//! One task publishes. lapin draws a message's delivery tag and queues its frames in two steps, so two tasks that
//! published on one channel could swap the confirms of their messages.

mod dial;
mod link;
mod pulse;
mod session;
mod suspects;
mod topology;
mod watch;
mod window;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use chrono::Utc;
use futures::StreamExt;
use lapin::options::BasicPublishOptions;
use lapin::{Channel, Confirmation};
use tokio::task::JoinHandle;
use uuid::Uuid;

use self::session::Session;
use self::suspects::{Suspects, protocol_error};
use self::window::{Confirm, Window};
use crate::backoff::Backoff;
use crate::config::{BrokerConfig, Config};
use crate::engine::Event;
use crate::error::{BrokerFault, EventFault, Trouble};
use crate::message::{Composed, Composer, Limits};
use crate::metrics;
use crate::spans::PublishSpans;

pub(crate) use self::link::Link;
pub(crate) use self::pulse::Pulse;
pub(crate) use self::session::connect;
pub(crate) use self::topology::dead_letter_queue_arguments;
pub(crate) use self::window::Verdict;

/// What is published for an event.
#[derive(Debug)]
pub(crate) enum Message {
    Event(Event),
    /// It failed for good; `error` says why.
    DeadLetter {
        event: Event,
        reason: &'static str,
        error: String,
    },
}

impl Message {
    pub(crate) fn event(&self) -> &Event {
        match self {
            Self::Event(event) | Self::DeadLetter { event, .. } => event,
        }
    }

    pub(crate) fn into_event(self) -> Event {
        match self {
            Self::Event(event) | Self::DeadLetter { event, .. } => event,
        }
    }
}

/// What happened at the broker.
#[derive(Debug)]
pub(crate) enum BrokerEvent {
    Connected,
    /// Publishing may go on, or must pause: the broker is short of memory or disk.
    Blocked(bool),
    Decided(Vec<(Message, Verdict)>),
    /// The connection is gone, with what is known of the messages in flight. A new attempt is under way.
    Lost {
        messages: Vec<(Message, Verdict)>,
        /// Those that made the broker close it. Neither they nor their dead letters can be published.
        culprits: Vec<(Message, EventFault)>,
    },
}

type PendingConfirm = Pin<Box<dyn Future<Output = Result<Confirm, BrokerFault>> + Send>>;

pub(crate) struct Publisher {
    config: BrokerConfig,
    name: String,
    composer: Composer,
    state: State,
    window: Window<Message, PendingConfirm>,
    suspects: Suspects,
    pulse: Arc<Pulse>,
    /// The largest body of what was published since nothing was in flight, in bytes.
    largest: usize,
    backoff: Backoff,
    /// Why there is no connection, since the last one.
    trouble: Option<Trouble>,
    confirm_time: ::metrics::Histogram,
    spans: PublishSpans,
}

enum State {
    Waiting(Pin<Box<tokio::time::Sleep>>),
    Connecting(JoinHandle<Result<Session, BrokerFault>>),
    Up(Box<Session>),
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher")
            .field("up", &self.is_up())
            .field("blocked", &self.is_blocked())
            .field("in_flight", &self.window.len())
            .finish_non_exhaustive()
    }
}

impl Publisher {
    /// `pulse` is told what is heard from the broker.
    pub(crate) fn new(config: &Config, name: String, pulse: Arc<Pulse>) -> Self {
        let composer = Composer::new(config);
        let config = config.broker.clone();
        Self {
            composer,
            state: State::Waiting(Box::pin(tokio::time::sleep(Duration::ZERO))),
            window: Window::new(),
            suspects: Suspects::default(),
            pulse,
            largest: 0,
            backoff: Backoff::new(config.reconnect_min_ms, config.reconnect_max_ms),
            trouble: None,
            confirm_time: metrics::confirm_time(),
            spans: PublishSpans::new(&config),
            config,
            name,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self.state, State::Up(_))
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.pulse.is_blocked()
    }

    /// Why it is not up; nothing while the first attempt is under way.
    pub(crate) fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// Messages published and not decided.
    pub(crate) fn in_flight(&self) -> usize {
        self.window.len()
    }

    /// So many more messages may be published, where `window` may be in flight at most.
    pub(crate) fn room(&self, window: usize) -> usize {
        let window = if self.suspects.remain() { 1 } else { window };
        window.saturating_sub(self.window.len())
    }

    /// Hands messages to the client, in order, and returns the events that cannot be sent. Only when `is_up`; otherwise
    /// the messages come back as `Unknown` with the next `Lost`.
    pub(crate) fn publish(&mut self, messages: Vec<Message>) -> Vec<(Event, EventFault)> {
        let body_bytes = self.suspects.limit().unwrap_or(usize::MAX).min(self.config.max_message_bytes);
        let Self { state, window, composer, spans, largest, .. } = self;
        let State::Up(session) = state else {
            let lost = messages.into_iter().map(|message| {
                let confirm: PendingConfirm = Box::pin(std::future::ready(Err(BrokerFault::Unconfirmed)));
                (message.event().row.id, message, confirm)
            });
            window.push(lost, Instant::now());
            return Vec::new();
        };
        let limits = Limits { frame_bytes: session.frame_max, body_bytes };
        let mut refused = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        let sent = messages.into_iter().filter_map(|message| {
            let composed = match compose(composer, &message, limits) {
                Ok(composed) => composed,
                Err(fault) => {
                    refused.push((message.into_event(), fault));
                    return None;
                }
            };
            spans.begin(&message, &composed);
            *largest = (*largest).max(composed.body.len());
            let mut confirm = confirm(Arc::clone(&session.channel), composed);
            // The first poll draws the delivery tag and queues the frames. An error comes again at the next poll.
            let confirm: PendingConfirm = match confirm.as_mut().poll(&mut cx) {
                Poll::Pending => confirm,
                Poll::Ready(result) => Box::pin(std::future::ready(result)),
            };
            Some((message.event().row.id, message, confirm))
        });
        window.push(sent, Instant::now());
        self.pulse.excuse(self.largest);
        refused
    }

    /// Gives up the connection, for example because frames of a lost lease may still be on their way.
    pub(crate) fn reset(&mut self, fault: BrokerFault) -> BrokerEvent {
        self.lose(fault)
    }

    /// Says goodbye to the broker, for at most a second.
    pub(crate) async fn close(self) {
        if let State::Up(session) = self.state {
            session.close().await;
        }
    }

    /// What happens next. Nothing is lost if the future is dropped.
    pub(crate) async fn next(&mut self) -> BrokerEvent {
        loop {
            match &mut self.state {
                State::Waiting(until) => {
                    until.as_mut().await;
                    let (config, name) = (self.config.clone(), self.name.clone());
                    self.state =
                        State::Connecting(tokio::spawn(Session::open(config, name, Arc::clone(&self.pulse))));
                }
                State::Connecting(attempt) => match attempt.await {
                    Ok(Ok(session)) => {
                        self.trouble = None;
                        self.pulse.set_blocked(false);
                        self.state = State::Up(Box::new(session));
                        return BrokerEvent::Connected;
                    }
                    Ok(Err(fault)) => return self.lose(fault),
                    Err(stopped) => return self.lose(lapin_task(&stopped)),
                },
                State::Up(session) => {
                    let deadline = self.window.oldest().filter(|_| !self.pulse.is_blocked()).map(|sent| {
                        tokio::time::Instant::from_std(
                            sent + Duration::from_millis(self.config.confirm_timeout_ms),
                        )
                    });
                    let timeout = async {
                        match deadline {
                            Some(at) => tokio::time::sleep_until(at).await,
                            None => std::future::pending().await,
                        }
                    };
                    let mut timeout = pin!(timeout);
                    let window = &mut self.window;
                    let decided = std::future::poll_fn(|cx| window.poll_decided(cx));
                    tokio::select! {
                        decided = decided => match decided {
                            Ok(messages) => {
                                self.suspects.decided(messages.len());
                                self.backoff.reset();
                                self.pulse.hear();
                                self.forget_largest();
                                for time in self.window.take_confirm_times() {
                                    self.confirm_time.record(time);
                                }
                                self.spans.end(&messages);
                                return BrokerEvent::Decided(messages);
                            }
                            Err(fault) => return self.lose(fault),
                        },
                        fault = session.watch.failed() => return self.lose(fault),
                        event = session.events.next() => if let Some(event) = self.observe(event) { return event },
                        () = &mut timeout => {
                            return self.lose(BrokerFault::ConfirmTimeout(self.config.confirm_timeout_ms));
                        }
                    }
                }
            }
        }
    }

    /// Nothing large is on its way any more, if nothing is.
    fn forget_largest(&mut self) {
        if self.window.len() == 0 {
            self.largest = 0;
            self.pulse.excuse(0);
        }
    }

    fn observe(&mut self, event: Option<lapin::Event>) -> Option<BrokerEvent> {
        match event {
            Some(lapin::Event::ConnectionBlocked(reason)) => {
                tracing::warn!(%reason, "the broker blocks publishing");
                self.pulse.set_blocked(true);
                Some(BrokerEvent::Blocked(true))
            }
            Some(lapin::Event::ConnectionUnblocked) => {
                tracing::info!("the broker accepts messages again");
                self.pulse.set_blocked(false);
                self.window.restart_clock(Instant::now());
                Some(BrokerEvent::Blocked(false))
            }
            // The broker closes the channel on which it was asked for an object that does not exist: that is the answer.
            Some(lapin::Event::Error(error)) if self.is_about_another_channel(&error) => None,
            Some(lapin::Event::Error(error)) => Some(self.lose(error.into())),
            Some(_) => None,
            None => Some(self.lose(BrokerFault::Unconfirmed)),
        }
    }

    fn is_about_another_channel(&self, error: &lapin::Error) -> bool {
        let is_open = matches!(&self.state, State::Up(session) if session.channel.status().connected());
        is_open && topology::is_about_a_channel(error)
    }

    fn lose(&mut self, fault: BrokerFault) -> BrokerEvent {
        let (mut messages, other) = self.window.drain();
        self.forget_largest();
        self.spans.end(&messages);
        // What the broker said may come after what followed from it.
        let fault = other.filter(|other| protocol_error(other).is_some()).unwrap_or(fault);
        let culprits = self.convict(&fault, &mut messages);
        // A connection that opens is no success yet: it may be closed at the first message.
        let has_lasted = match &self.state {
            State::Up(session) => {
                session.opened_at.elapsed() >= Duration::from_millis(self.config.reconnect_max_ms)
            }
            State::Waiting(_) | State::Connecting(_) => false,
        };
        if has_lasted || !culprits.is_empty() {
            self.backoff.reset();
        }
        let wait = self.backoff.advance();
        self.pulse.set_blocked(false);
        // Dropping the session breaks its connection off: what it had not sent yet is never sent.
        self.state = State::Waiting(Box::pin(tokio::time::sleep(wait)));
        let reason = fault.reason();
        metrics::broker_lost(reason);
        tracing::warn!(reason, %fault, retry_in_ms = wait.as_millis(), "no connection to the broker");
        self.trouble = Some(Trouble::from(&fault));
        BrokerEvent::Lost { messages, culprits }
    }

    /// Takes those that are at fault out of the messages in flight.
    fn convict(
        &mut self,
        fault: &BrokerFault,
        messages: &mut Vec<(Message, Verdict)>,
    ) -> Vec<(Message, EventFault)> {
        let is_unconfirmed = |(_, verdict): &(Message, Verdict)| *verdict == Verdict::Unknown;
        let unconfirmed: Vec<(usize, usize)> = messages
            .iter()
            .enumerate()
            .filter(|(_, message)| is_unconfirmed(message))
            .map(|(position, (message, _))| (position, self.composer.body_bytes(&message.event().row)))
            .collect();
        let sizes: Vec<usize> = unconfirmed.iter().map(|(_, bytes)| *bytes).collect();
        let mut culprits: Vec<_> = self
            .suspects
            .lost(fault, &sizes)
            .into_iter()
            .rev()
            .map(|(index, fault)| (messages.remove(unconfirmed[index].0).0, fault))
            .collect();
        culprits.reverse();
        culprits
    }
}

/// A dead letter can always be made.
fn compose(composer: &Composer, message: &Message, limits: Limits) -> Result<Composed, EventFault> {
    match message {
        Message::Event(event) => composer.event(&event.row, limits),
        Message::DeadLetter { event, error, .. } => {
            Ok(composer.dead_letter(&event.row, error, Utc::now(), limits))
        }
    }
}

/// The publish of one message and the wait for its confirm, not started yet.
fn confirm(channel: Arc<Channel>, message: Composed) -> PendingConfirm {
    let Composed { exchange, routing_key, properties, body } = message;
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    Box::pin(async move {
        let confirm = channel.basic_publish(exchange, routing_key, options, &body, properties).await?;
        // The client has written its own copy: a window of large messages is not to be held twice.
        drop(body);
        match confirm.await? {
            Confirmation::Ack(returned) => Ok(Confirm::Ack(returned.map(|message| id_of(&message)))),
            Confirmation::Nack(returned) => Ok(Confirm::Nack(returned.map(|message| id_of(&message)))),
            Confirmation::NotRequested => Err(BrokerFault::Unconfirmed),
        }
    })
}

fn lapin_task(stopped: &tokio::task::JoinError) -> BrokerFault {
    tracing::error!(%stopped, "the task that connects ended");
    BrokerFault::Unconfirmed
}

/// The relay's messages all carry an id; one without is none of ours and matches none.
fn id_of(returned: &lapin::message::BasicReturnMessage) -> Uuid {
    let id = returned.delivery.properties.message_id().as_ref();
    id.and_then(|id| Uuid::try_parse(id.as_str()).ok()).unwrap_or_default()
}
