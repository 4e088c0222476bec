//! Publishes events and returns the broker's verdict on each. Owns the connection to the broker: connects, declares its
//! objects, watches for blocking, and reconnects after a [`BrokerFault`].
//!
//! Only one task publishes. lapin assigns a message's delivery tag and queues its frames in two steps, so two tasks that
//! publish on one channel could swap the confirms of their messages.

mod connection;
mod dial;
mod link;
mod pulse;
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

use self::connection::BrokerConnection;
use self::suspects::{Suspects, protocol_error};
use self::window::{Confirm, Window};
use crate::config::{BrokerConfig, Config};
use crate::engine::Event;
use crate::error::{BrokerFault, EventFault, Trouble};
use crate::message::{Composed, Composer, Limits};
use crate::metrics;
use crate::spans::PublishSpans;
use comptoir_core::platform::backoff::Backoff;

pub(crate) use self::connection::connect;
pub(crate) use self::link::Link;
pub(crate) use self::pulse::Pulse;
pub(crate) use self::topology::dead_letter_queue_arguments;
pub(crate) use self::window::Verdict;

/// A message that is published for an event.
#[derive(Debug)]
pub(crate) enum Message {
    Event(Event),
    /// The event failed for good; `error` says why.
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

/// An event of the connection to the broker.
#[derive(Debug)]
pub(crate) enum BrokerEvent {
    Connected,
    /// True if publishing must pause, because the broker is short of memory or disk; false if it may go on.
    Blocked(bool),
    Decided(Vec<(Message, Verdict)>),
    /// The connection is lost, with the verdicts on the messages in flight. A new attempt is under way.
    Lost {
        messages: Vec<(Message, Verdict)>,
        /// The messages that made the broker close it. Neither they nor their dead letters can be published.
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
    /// The largest body that was published since the window was last empty, in bytes.
    largest: usize,
    backoff: Backoff,
    /// Why there has been no connection since the last one.
    trouble: Option<Trouble>,
    confirm_time: ::metrics::Histogram,
    spans: PublishSpans,
}

enum State {
    Waiting(Pin<Box<tokio::time::Sleep>>),
    Connecting(JoinHandle<Result<BrokerConnection, BrokerFault>>),
    Up(Box<BrokerConnection>),
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
    /// Creates a publisher that notes in `pulse` when it hears from the broker.
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

    /// Returns why it is not up; `None` while the first attempt is under way.
    pub(crate) fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// Returns the number of messages that are published and not decided.
    pub(crate) fn in_flight(&self) -> usize {
        self.window.len()
    }

    /// Returns how many more messages may be published, if at most `window` may be in flight.
    pub(crate) fn room(&self, window: usize) -> usize {
        let window = if self.suspects.remain() { 1 } else { window };
        window.saturating_sub(self.window.len())
    }

    /// Hands messages to the client, in order, and returns the events that cannot be sent. If the publisher is not up, the
    /// messages come back as `Unknown` with the next `Lost`.
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
        let (mut made, mut refused) = (Vec::with_capacity(messages.len()), Vec::new());
        for message in messages {
            match compose(composer, &message, limits) {
                Ok(composed) => {
                    spans.begin(&message, &composed);
                    *largest = (*largest).max(composed.body.len());
                    let confirm = confirm(Arc::clone(&session.channel), composed);
                    made.push((message.event().row.id, message, confirm));
                }
                Err(fault) => refused.push((message.into_event(), fault)),
            }
        }
        // lapin's thread begins to write at the first message that it is handed. As all are made by now, the others follow at once,
        // and one write takes many of them.
        let mut cx = Context::from_waker(Waker::noop());
        let sent = made.into_iter().map(|(id, message, mut confirm)| {
            // The first poll assigns the delivery tag and queues the frames. An error is returned again at the next poll.
            let confirm: PendingConfirm = match confirm.as_mut().poll(&mut cx) {
                Poll::Pending => confirm,
                Poll::Ready(result) => Box::pin(std::future::ready(result)),
            };
            (id, message, confirm)
        });
        window.push(sent, Instant::now());
        self.pulse.excuse(self.largest);
        refused
    }

    /// Gives up the connection, for example because frames of a lost lease may still be on their way.
    pub(crate) fn reset(&mut self, fault: BrokerFault) -> BrokerEvent {
        self.lose(fault)
    }

    /// Closes the connection in an orderly way, within a second.
    pub(crate) async fn close(self) {
        if let State::Up(session) = self.state {
            session.close().await;
        }
    }

    /// Returns the next event of the connection. Nothing is lost if the future is dropped.
    pub(crate) async fn next(&mut self) -> BrokerEvent {
        loop {
            match &mut self.state {
                State::Waiting(until) => {
                    until.as_mut().await;
                    let (config, name) = (self.config.clone(), self.name.clone());
                    self.state = State::Connecting(tokio::spawn(BrokerConnection::open(
                        config,
                        name,
                        Arc::clone(&self.pulse),
                    )));
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
                                self.pulse.confirm();
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

    /// Resets the largest size when no message is in flight.
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
            // If an object does not exist, the broker answers by closing the channel on which it was asked.
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
        // The broker's own error may be read after the errors that followed from it.
        let fault = other.filter(|other| protocol_error(other).is_some()).unwrap_or(fault);
        let culprits = self.convict(&fault, &mut messages);
        // An open connection is not yet a success: the broker may close it at the first message.
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
        self.pulse.lost(matches!(fault, BrokerFault::Silent));
        // Dropping the session resets its connection: unsent bytes are never sent.
        self.state = State::Waiting(Box::pin(tokio::time::sleep(wait)));
        let reason = fault.reason();
        metrics::broker_lost(reason);
        tracing::warn!(reason, %fault, retry_in_ms = wait.as_millis(), "no connection to the broker");
        self.trouble = Some(Trouble::from(&fault));
        BrokerEvent::Lost { messages, culprits }
    }

    /// Takes the messages that are at fault out of those in flight.
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

/// Returns a future that publishes one message and waits for its confirm; it is not started yet.
fn confirm(channel: Arc<Channel>, message: Composed) -> PendingConfirm {
    let Composed { exchange, routing_key, properties, body } = message;
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    Box::pin(async move {
        let confirm = channel.basic_publish(exchange, routing_key, options, &body, properties).await?;
        // The client has its own copy: a window of large messages must not be in memory twice.
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

/// Returns the message's id. All messages of the relay have one; a message without gets the nil id, which matches none.
fn id_of(returned: &lapin::message::BasicReturnMessage) -> Uuid {
    let id = returned.delivery.properties.message_id().as_ref();
    id.and_then(|id| Uuid::try_parse(id.as_str()).ok()).unwrap_or_default()
}
