//! The stream of one client: what it missed, then what happens.

use std::time::Duration;

use actix_web::web::Bytes;
use comptoir_core::application::context::RequestContext;
use comptoir_core::feed::log::{self, Page, PageOf, Reading};
use comptoir_core::feed::{Listener, Next, Position, Selection, Sight};
use futures::{Stream, stream};
use tokio::time::{Interval, MissedTickBehavior};

use super::Live;
use super::dto::MAX_LIMIT;
use super::limits::Place;

const RESETS: &str = "comptoir_notifications_resets_total";
const SENT: &str = "comptoir_notifications_sent_total";
/// The messages that wait are sent together, up to this size.
const CHUNK: usize = 64 * 1024;
/// After how many milliseconds a client comes back, which not all should do at once.
const RETRY_MS: std::ops::Range<u32> = 500..3_000;

/// How a stream begins.
#[derive(Debug)]
pub(super) enum Begin {
    /// With what happens from now on.
    Live,
    /// With what its client missed, of which this is the first page.
    CatchUp(Page),
    /// Something may be missing, for this reason.
    Reset(&'static str),
}

#[derive(Debug)]
enum State {
    Begin(Begin),
    /// What the client missed is sent up to here.
    CatchUp(Position),
    Live,
    Ended,
}

struct Client {
    live: Live,
    context: RequestContext,
    selection: Selection,
    listener: Listener,
    _place: Place,
    state: State,
    /// What was taken from the listener and is still to be handled.
    pending: Option<Next>,
    caught_up: usize,
    ticks: Interval,
}

type Chunk = Result<Bytes, std::convert::Infallible>;

/// Registers the help texts that Prometheus shows.
pub(super) fn describe_metrics() {
    metrics::describe_counter!(SENT, "Messages with events that were sent to listeners");
    metrics::counter!(SENT).increment(0);
    metrics::describe_counter!(RESETS, "Times that a listener was told that something may be missing");
    for reason in ["unknown", "gone", "too_many", "too_slow"] {
        metrics::counter!(RESETS, "reason" => reason).increment(0);
    }
}

pub(super) fn stream(
    live: Live,
    context: RequestContext,
    selection: Selection,
    listener: Listener,
    place: Place,
    begin: Begin,
) -> impl Stream<Item = Chunk> {
    let every = Duration::from_secs(live.config.keep_alive_seconds);
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let state = State::Begin(begin);
    let client = Client {
        live,
        context,
        selection,
        listener,
        _place: place,
        state,
        pending: None,
        caught_up: 0,
        ticks,
    };
    stream::unfold(client, |mut client| async move {
        let chunk = client.chunk().await?;
        Some((Ok(chunk), client))
    })
}

impl Client {
    /// Returns what is sent next; `None` at the end.
    async fn chunk(&mut self) -> Option<Bytes> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Ended => None,
            State::Begin(begin) => Some(self.begin(begin)),
            State::CatchUp(after) => self.catch_up(&after).await,
            State::Live => self.follow().await,
        }
    }

    fn begin(&mut self, begin: Begin) -> Bytes {
        let retry = format!("retry: {}\n\n", rand_between(RETRY_MS));
        match begin {
            Begin::Live => {
                self.state = State::Live;
                // A client that loses the line before the first event comes back with this.
                format!("{retry}id: {}\n\n", self.listener.since()).into()
            }
            Begin::Reset(reason) => {
                self.state = State::Live;
                [retry, reset(self.listener.since(), reason)].concat().into()
            }
            Begin::CatchUp(page) => [retry.as_bytes(), &self.sent(page)].concat().into(),
        }
    }

    /// Returns the messages of a page, and decides what follows it.
    fn sent(&mut self, page: Page) -> Vec<u8> {
        self.caught_up += page.events.len();
        let mut frames = Vec::new();
        metrics::counter!(SENT).increment(page.events.len() as u64);
        for entry in &page.events {
            frames.extend_from_slice(&entry.frame);
        }
        if page.is_last {
            self.state = State::Live;
            frames.extend_from_slice(format!("id: {}\n\n", page.next).as_bytes());
        } else if self.caught_up > self.live.config.catch_up_events {
            self.state = State::Live;
            frames.extend_from_slice(reset(self.listener.since(), "too_many").as_bytes());
        } else {
            self.state = State::CatchUp(page.next);
            // An empty chunk would end the answer.
            frames.extend_from_slice(b":\n\n");
        }
        frames
    }

    async fn catch_up(&mut self, after: &Position) -> Option<Bytes> {
        let wanted = PageOf { after, upto: Some(self.listener.since()), limit: MAX_LIMIT };
        let reading = tokio::select! {
            () = self.live.end.cancelled() => return None,
            reading = log::page(&self.live.database, &self.context, &self.selection, wanted) => reading,
        };
        match reading {
            Ok(Reading::Page(page)) => Some(self.sent(page).into()),
            Ok(Reading::Gone) => {
                self.state = State::Live;
                Some(reset(self.listener.since(), "gone").into())
            }
            Ok(Reading::Off) => None,
            // The client comes back.
            Err(error) => {
                tracing::info!(%error, "a stream of notifications ends: what its client missed cannot be read now");
                None
            }
        }
    }

    async fn follow(&mut self) -> Option<Bytes> {
        let next = match self.pending.take() {
            Some(next) => next,
            None => tokio::select! {
                biased;
                () = self.live.end.cancelled() => return None,
                // Before what waits: in a company that is never quiet, too, the rights are looked up when the time has come.
                _ = self.ticks.tick() => {
                    let position = self.listener.position();
                    if !self.is_still_permitted().await {
                        return None;
                    }
                    self.state = State::Live;
                    let id = position.map(|position| format!("id: {position}\n")).unwrap_or_default();
                    return Some(format!(": keep-alive\n{id}\n").into());
                }
                next = self.listener.next() => next,
            },
        };
        match next {
            Next::Event(entry) => {
                let mut chunk = entry.frame.to_vec();
                let mut count = 1;
                while chunk.len() < CHUNK
                    && let Some(next) = self.listener.try_next()
                {
                    let Next::Event(entry) = next else {
                        self.pending = Some(next);
                        break;
                    };
                    chunk.extend_from_slice(&entry.frame);
                    count += 1;
                }
                metrics::counter!(SENT).increment(count);
                self.state = State::Live;
                Some(chunk.into())
            }
            Next::Recheck if self.is_still_permitted().await => {
                self.state = State::Live;
                // Nothing to say, but a chunk of a body must not be empty.
                Some(Bytes::from_static(b":\n\n"))
            }
            Next::Recheck => None,
            Next::Cut(position) => Some(reset(&position, "too_slow").into()),
        }
    }

    /// Whether the caller may still see all that the stream shows. If not, it ends: a new one shows what is permitted by then.
    async fn is_still_permitted(&self) -> bool {
        let Some(credential) = self.context.principal.credential() else { return false };
        match self.live.principals.fresh(credential).await {
            Ok(Some(principal)) => Sight::of(principal.permissions).includes(self.selection.sight),
            Ok(None) => false,
            Err(error) => {
                tracing::info!(%error, "a stream of notifications ends: its rights cannot be looked up now");
                false
            }
        }
    }
}

fn reset(position: &Position, reason: &'static str) -> String {
    metrics::counter!(RESETS, "reason" => reason).increment(1);
    format!("id: {position}\nevent: reset\ndata: {{\"reason\":\"{reason}\"}}\n\n")
}

/// Spreads what need not be secret.
fn rand_between(range: std::ops::Range<u32>) -> u32 {
    let bits = uuid::Uuid::new_v4().as_u128();
    range.start + (bits % u128::from(range.end - range.start)) as u32
}
