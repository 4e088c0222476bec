//! Turns the broker's verdicts into decisions about the events: published, to be retried, discarded, or a dead letter.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chrono::Utc;
use comptoir_core::outbox::settle::Fence;
use uuid::Uuid;

use super::event::Event;
use super::settler::{Dead, Retry, Settlement};
use crate::config::{Config, DeadLetterPolicy, UnroutablePolicy};
use crate::error::EventFault;
use crate::message::Routing;
use crate::metrics::{self, Metrics};
use crate::publisher::{Message, Verdict};
use comptoir_core::platform::backoff;

/// A dead letter that the broker refuses waits at least as long as before this attempt (32 s by default). No retry count moves.
/// The queue of dead letters is missing or full, which an operator has to repair.
const DEAD_LETTER_ATTEMPT: u32 = 6;

/// Collects decisions until they are written down.
#[derive(Debug)]
pub(super) struct Decisions {
    routing: Routing,
    unroutable: UnroutablePolicy,
    dead_letter_policy: DeadLetterPolicy,
    max_retries: i32,
    retry_wait: (Duration, Duration),
    next: Settlement,
    /// Dead letters that are not published yet.
    dead_letters: VecDeque<Message>,
}

impl Decisions {
    pub(super) fn new(config: &Config) -> Self {
        let relay = &config.relay;
        Self {
            routing: config.routing.clone(),
            unroutable: relay.unroutable,
            dead_letter_policy: relay.dead_letter_policy,
            max_retries: relay.max_retries,
            retry_wait: (
                Duration::from_millis(relay.retry_min_ms),
                Duration::from_millis(relay.retry_max_ms),
            ),
            next: Settlement::default(),
            dead_letters: VecDeque::new(),
        }
    }

    /// Takes up to `limit` dead letters to publish.
    pub(super) fn take_dead_letters(&mut self, limit: usize) -> Vec<Message> {
        let count = limit.min(self.dead_letters.len());
        self.dead_letters.drain(..count).collect()
    }

    /// Whether the decisions cannot wait: there are `limit` published events, one of them is `awaited`, or there are decisions
    /// of another kind.
    pub(super) fn are_urgent(&self, limit: usize, awaited: impl Fn(&Event) -> bool) -> bool {
        let published = &self.next.published;
        published.len() >= limit || published.len() < self.next.len() || published.iter().any(awaited)
    }

    /// Takes the decisions that are to be written now, with at most `limit` published events.
    pub(super) fn take(&mut self, limit: usize, fence: &Fence) -> Settlement {
        let mut settlement = std::mem::take(&mut self.next);
        if settlement.published.len() > limit {
            self.next.published = settlement.published.split_off(limit);
        }
        settlement.fence = fence.clone();
        settlement
    }

    /// Takes out the decisions about events whose lease is over: this replica may not decide about them any more, even if it
    /// has leased their shard again. Confirmed events stay: that they were published remains true.
    pub(super) fn take_stale(&mut self, is_current: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut stale = Vec::new();
        stale.extend(
            self.next.retries.extract_if(.., |retry| !is_current(&retry.event)).map(|retry| retry.event),
        );
        for dead in [&mut self.next.dead, &mut self.next.held] {
            stale.extend(dead.extract_if(.., |dead| !is_current(&dead.event)).map(|dead| dead.event));
        }
        stale.extend(self.next.discarded.extract_if(.., |event| !is_current(event)));
        let (waiting, gone): (Vec<_>, Vec<_>) =
            self.dead_letters.drain(..).partition(|message| is_current(message.event()));
        self.dead_letters.extend(waiting);
        stale.extend(gone.into_iter().map(Message::into_event));
        stale
    }

    /// Decides about every message; returns the events that must be published again.
    pub(super) fn decide(&mut self, messages: Vec<(Message, Verdict)>, metrics: &Metrics) -> Vec<Event> {
        let (mut unknown, mut dead, mut refused) =
            (Vec::new(), DeadCount::default(), RefusedCount::default());
        let now = Utc::now();
        for (message, verdict) in messages {
            match (message, verdict) {
                (Message::Event(mut event), Verdict::Published) => {
                    metrics.published.increment(1);
                    let age = (now - event.row.occurred_at).to_std().unwrap_or_default();
                    metrics.commit_to_confirm.record(age);
                    event.stub();
                    self.next.published.push(event);
                }
                (Message::Event(event), Verdict::Returned) => {
                    refused.push(EventFault::UNROUTABLE, &event);
                    self.unroutable(event, metrics);
                }
                (Message::Event(event), Verdict::Nacked) => {
                    refused.push(EventFault::Nacked.reason(), &event);
                    self.failed(event, &EventFault::Nacked, metrics);
                }
                (Message::DeadLetter { event, reason, error }, Verdict::Published) => {
                    metrics.dead_lettered.increment(1);
                    tracing::debug!(event_id = %event.row.id, reason, error, "an event became a dead letter");
                    dead.push(&event, &error);
                    self.record_dead_letter(event, reason, error);
                }
                (Message::DeadLetter { event, error, .. }, Verdict::Returned | Verdict::Nacked) => {
                    metrics::dead_letter_refused();
                    refused.push(metrics::DEAD_LETTER_REFUSED, &event);
                    let error = format!("{error}; its dead letter was refused as well");
                    let count = event.row.retry_count;
                    self.retry(event, count, attempt(count).max(DEAD_LETTER_ATTEMPT), error, metrics);
                }
                (message, Verdict::Unknown) => unknown.push(message.into_event()),
            }
        }
        refused.report();
        dead.report();
        unknown
    }

    /// No message can be made of the event. Its dead letter is sent without the part at fault. If the size is at fault, the
    /// event goes straight to the table.
    pub(super) fn refused(&mut self, event: Event, fault: &EventFault, metrics: &Metrics) {
        if let EventFault::TooLarge { .. } = fault {
            self.unpublishable(Message::Event(event), fault, metrics);
        } else {
            metrics::event_failed(fault.reason());
            self.dead_letter(event, fault);
        }
    }

    /// Neither the event nor its dead letter can ever be sent: it goes straight to the table of dead letters.
    pub(super) fn unpublishable(&mut self, message: Message, fault: &EventFault, metrics: &Metrics) {
        metrics.dead_lettered.increment(1);
        let (event, reason, error) = match message {
            Message::Event(event) => {
                metrics::event_failed(fault.reason());
                (event, fault.reason(), fault.to_string())
            }
            Message::DeadLetter { event, reason, error } => {
                metrics::dead_letter_refused();
                (event, reason, format!("{error}; its dead letter was not published: {fault}"))
            }
        };
        tracing::error!(event_id = %event.row.id, event_type = event.row.event_type, %error, "an event cannot be sent");
        self.record_dead_letter(event, reason, error);
    }

    /// Moves the event to the table of dead letters. With `unroutable = "dead-letter"`, an unroutable event never holds its
    /// aggregate.
    fn record_dead_letter(&mut self, event: Event, reason: &'static str, error: String) {
        let holds = self.dead_letter_policy == DeadLetterPolicy::Hold
            && !(self.unroutable == UnroutablePolicy::DeadLetter && reason == EventFault::UNROUTABLE);
        let graves = if holds { &mut self.next.held } else { &mut self.next.dead };
        graves.push(Dead { event, reason, error });
    }

    fn unroutable(&mut self, event: Event, metrics: &Metrics) {
        let fault = EventFault::Unroutable(format!("routing key {}", self.routing.key((&*event.row).into())));
        match self.unroutable {
            UnroutablePolicy::Retry => self.failed(event, &fault, metrics),
            UnroutablePolicy::DeadLetter => {
                metrics::event_failed(fault.reason());
                self.dead_letter(event, &fault);
            }
            UnroutablePolicy::Discard => {
                metrics::event_failed(fault.reason());
                metrics.discarded.increment(1);
                self.next.discarded.push(event);
            }
        }
    }

    fn failed(&mut self, event: Event, fault: &EventFault, metrics: &Metrics) {
        metrics::event_failed(fault.reason());
        if event.row.retry_count >= self.max_retries {
            self.dead_letter(event, fault);
        } else {
            let count = event.row.retry_count + 1;
            self.retry(event, count, attempt(count), fault.to_string(), metrics);
        }
    }

    fn dead_letter(&mut self, event: Event, fault: &EventFault) {
        let (reason, error) = (fault.reason(), fault.to_string());
        self.dead_letters.push_back(Message::DeadLetter { event, reason, error });
    }

    /// Schedules a retry after the wait before this attempt (the first is 0).
    fn retry(&mut self, event: Event, retry_count: i32, attempt: u32, error: String, metrics: &Metrics) {
        metrics.retried.increment(1);
        let wait = backoff::wait_before(attempt, self.retry_wait.0, self.retry_wait.1);
        let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        self.next.retries.push(Retry { event, retry_count, wait_ms: Some(wait_ms), error });
    }
}

fn attempt(retry_count: i32) -> u32 {
    u32::try_from(retry_count.saturating_sub(1)).unwrap_or(0)
}

/// The events that the broker refused, by reason: one line in the log for each reason.
#[derive(Debug, Default)]
struct RefusedCount(BTreeMap<&'static str, (usize, Uuid, String)>);

impl RefusedCount {
    fn push(&mut self, reason: &'static str, event: &Event) {
        let (events, last, event_type) = self.0.entry(reason).or_default();
        *events += 1;
        *last = event.row.id;
        event_type.clone_from(&event.row.event_type);
    }

    fn report(&self) {
        for (reason, (events, last, event_type)) in &self.0 {
            tracing::warn!(reason, events, %last, event_type, "the broker did not take events");
        }
    }
}

/// The new dead letters, for one line in the log: an exchange without queues must not flood it.
#[derive(Debug, Default)]
struct DeadCount {
    events: usize,
    last: Option<(Uuid, String, String)>,
}

impl DeadCount {
    fn push(&mut self, event: &Event, error: &str) {
        self.events += 1;
        self.last = Some((event.row.id, event.row.event_type.clone(), error.to_owned()));
    }

    fn report(&self) {
        if let Some((event_id, event_type, error)) = &self.last {
            tracing::warn!(events = self.events, last = %event_id, event_type, error, "events became dead letters");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::engine::sample;

    #[test]
    fn published_events_can_wait_unless_they_are_many_or_awaited_and_nothing_else_can() {
        let config = Config::load(None, &[]).expect("valid");
        let (mut decisions, metrics) = (Decisions::new(&config), Metrics::new());
        let event = |seq: i64| Message::Event(Event::new(sample(seq, &seq.to_string()), 1));
        let nobody_waits = |_: &Event| false;
        assert!(!decisions.are_urgent(3, nobody_waits), "there is nothing");
        decisions.decide(vec![(event(1), Verdict::Published), (event(2), Verdict::Published)], &metrics);
        assert!(!decisions.are_urgent(3, nobody_waits));
        assert!(decisions.are_urgent(2, nobody_waits), "many");
        assert!(decisions.are_urgent(3, |event| event.row.seq == 2), "awaited");
        decisions.decide(vec![(event(3), Verdict::Nacked)], &metrics);
        assert!(decisions.are_urgent(100, nobody_waits), "a retry");
    }

    #[test]
    fn a_dead_letter_that_is_refused_waits_long_and_its_event_keeps_its_count() {
        let config = Config::load(None, &[]).expect("valid");
        let (mut decisions, metrics) = (Decisions::new(&config), Metrics::new());
        let event = Event::new(sample(1, "a"), 1);
        let letter = Message::DeadLetter { event, reason: "unroutable", error: "no queue".to_owned() };
        decisions.decide(vec![(letter, Verdict::Returned)], &metrics);
        let written = decisions.take(10, &Fence::default());
        let [retry] = written.retries.as_slice() else { panic!("one retry: {written:?}") };
        assert_eq!(retry.retry_count, 0);
        assert!(
            retry.wait_ms.is_some_and(|wait| (16_000..=32_000).contains(&wait)),
            "{:?} ms",
            retry.wait_ms
        );
        assert!(retry.error.contains("dead letter was refused"), "{}", retry.error);
    }

    #[test]
    fn what_was_decided_under_a_lease_that_is_over_is_not_written_but_confirmed_events_are() {
        let config = Config::load(None, &[("relay.max_retries", "1".to_owned())]).expect("valid");
        let (mut decisions, metrics) = (Decisions::new(&config), Metrics::new());
        let event = |seq: i64, lease: u64| Message::Event(Event::new(sample(seq, &seq.to_string()), lease));
        let decided = vec![
            (event(1, 7), Verdict::Nacked),
            (event(2, 8), Verdict::Nacked),
            (event(3, 7), Verdict::Returned),
            (event(4, 8), Verdict::Returned),
            (event(5, 7), Verdict::Published),
        ];
        assert!(decisions.decide(decided, &metrics).is_empty());

        let mut stale: Vec<_> =
            decisions.take_stale(|event| event.lease == 8).iter().map(|event| event.row.seq).collect();
        stale.sort_unstable();
        assert_eq!(stale, [1, 3]);
        let letters: Vec<_> =
            decisions.take_dead_letters(10).iter().map(|message| message.event().row.seq).collect();
        assert_eq!(letters, [4]);
        let written = decisions.take(10, &Fence::default());
        assert_eq!(written.retries.iter().map(|retry| retry.event.row.seq).collect::<Vec<_>>(), [2]);
        assert_eq!(written.published.iter().map(|event| event.row.seq).collect::<Vec<_>>(), [5]);
    }

    fn decided(settings: &[(&str, String)], messages: Vec<(Message, Verdict)>) -> Decisions {
        let config = Config::load(None, settings).expect("valid");
        let mut decisions = Decisions::new(&config);
        decisions.decide(messages, &Metrics::new());
        decisions
    }

    fn tried(seq: i64, retry_count: i32) -> Message {
        let row = comptoir_core::outbox::OutboxRow { retry_count, ..sample(seq, &seq.to_string()) };
        Message::Event(Event::new(row, 1))
    }

    fn letter(seq: i64, reason: &'static str) -> Message {
        let event = Event::new(sample(seq, &seq.to_string()), 1);
        Message::DeadLetter { event, reason, error: "an error".to_owned() }
    }

    #[test]
    fn a_refused_event_is_tried_again_after_waits_that_double_and_is_a_dead_letter_after_the_last() {
        let settings = [("relay.max_retries", "3".to_owned())];
        let messages = (0..=3).map(|count| (tried(i64::from(count), count), Verdict::Nacked)).collect();
        let mut decisions = decided(&settings, messages);
        let written = decisions.take(10, &Fence::default());
        let waits = [250..=500, 500..=1000, 1000..=2000];
        assert_eq!(written.retries.len(), 3);
        for ((retry, wait), count) in written.retries.iter().zip(waits).zip(1..) {
            assert_eq!(retry.retry_count, count);
            assert!(retry.wait_ms.is_some_and(|ms| wait.contains(&ms)), "{count}: {:?}", retry.wait_ms);
        }
        let letters = decisions.take_dead_letters(10);
        assert!(matches!(letters.as_slice(), [Message::DeadLetter { event, .. }] if event.row.seq == 3));
        assert_eq!(written.len(), 3);
    }

    #[test]
    fn an_unroutable_event_becomes_what_the_policy_says() {
        for (policy, letters, retries, discarded) in
            [("dead-letter", 1, 0, 0), ("retry", 0, 1, 0), ("discard", 0, 0, 1)]
        {
            let settings = [("relay.unroutable", policy.to_owned())];
            let mut decisions = decided(&settings, vec![(tried(1, 0), Verdict::Returned)]);
            let written = decisions.take(10, &Fence::default());
            let found =
                (decisions.take_dead_letters(10).len(), written.retries.len(), written.discarded.len());
            assert_eq!(found, (letters, retries, discarded), "{policy}");
            assert_eq!(written.is_empty(), policy == "dead-letter");
        }
    }

    #[test]
    fn a_dead_letter_holds_its_aggregate_where_the_policy_says_so_and_an_unroutable_one_never_does() {
        let hold = ("relay.dead_letter_policy", "hold".to_owned());
        let retry = ("relay.unroutable", "retry".to_owned());
        let buried = |settings: &[(&str, String)], reason| {
            let written =
                decided(settings, vec![(letter(1, reason), Verdict::Published)]).take(10, &Fence::default());
            (written.dead.len(), written.held.len())
        };
        assert_eq!(buried(&[], "nacked"), (1, 0));
        assert_eq!(buried(std::slice::from_ref(&hold), "nacked"), (0, 1));
        assert_eq!(buried(std::slice::from_ref(&hold), EventFault::UNROUTABLE), (1, 0));
        assert_eq!(buried(&[hold, retry], EventFault::UNROUTABLE), (0, 1));
    }

    #[test]
    fn what_is_unknown_is_published_again_and_published_events_keep_nothing_of_their_payload() {
        let config = Config::load(None, &[]).expect("valid");
        let mut decisions = Decisions::new(&config);
        let messages = vec![(tried(1, 0), Verdict::Unknown), (letter(2, "nacked"), Verdict::Unknown)];
        let unknown = decisions.decide(messages, &Metrics::new());
        assert_eq!(unknown.iter().map(|event| event.row.seq).collect::<Vec<_>>(), [1, 2]);
        decisions.decide(vec![(tried(3, 0), Verdict::Published)], &Metrics::new());
        let written = decisions.take(10, &Fence::default());
        let [published] = written.published.as_slice() else { panic!("one: {written:?}") };
        assert!(published.row.payload.0.is_empty() && published.row.headers.0.is_empty());
    }

    #[test]
    fn so_many_are_taken_at_once_and_the_others_the_next_time() {
        let messages = (1..=3).map(|seq| (tried(seq, 0), Verdict::Published)).collect();
        let mut decisions = decided(&[], messages);
        assert_eq!(decisions.take(2, &Fence::default()).published.len(), 2);
        assert_eq!(decisions.take(2, &Fence::default()).published.len(), 1);
        assert!(decisions.take(2, &Fence::default()).is_empty());
        let settings = [("relay.max_retries", "0".to_owned())];
        let mut decisions = decided(&settings, (1..=3).map(|seq| (tried(seq, 0), Verdict::Nacked)).collect());
        assert_eq!(decisions.take_dead_letters(2).len(), 2);
        assert_eq!(decisions.take_dead_letters(2).len(), 1);
    }

    #[test]
    fn what_no_message_can_be_made_of_is_a_dead_letter_and_what_is_too_large_goes_straight_to_the_table() {
        let config = Config::load(None, &[]).expect("valid");
        let (mut decisions, metrics) = (Decisions::new(&config), Metrics::new());
        decisions.refused(tried(1, 0).into_event(), &EventFault::Rejected("odd".to_owned()), &metrics);
        assert!(decisions.take(10, &Fence::default()).is_empty());
        assert_eq!(decisions.take_dead_letters(10).len(), 1);
        let too_large = EventFault::TooLarge { bytes: 20, limit: 10 };
        decisions.refused(tried(2, 0).into_event(), &too_large, &metrics);
        decisions.unpublishable(letter(3, "nacked"), &too_large, &metrics);
        assert!(decisions.take_dead_letters(10).is_empty());
        let dead = decisions.take(10, &Fence::default()).dead;
        let reasons: Vec<_> = dead.iter().map(|dead| (dead.event.row.seq, dead.reason)).collect();
        assert_eq!(reasons, [(2, too_large.reason()), (3, "nacked")]);
        assert!(dead[1].error.contains("its dead letter was not published"), "{}", dead[1].error);
    }

    #[test]
    fn decisions_under_a_lease_that_is_over_are_taken_back_and_others_stay() {
        let mut decisions = decided(&[], Vec::new());
        for seq in 1..=4 {
            let event = || Event::new(sample(seq, "a"), u64::from(seq % 2 == 0));
            let dead = || Dead { event: event(), reason: "nacked", error: "an error".to_owned() };
            decisions.next.discarded.push(event());
            decisions.next.published.push(event());
            decisions.next.dead.push(dead());
            decisions.next.held.push(dead());
        }
        let mut stale: Vec<_> =
            decisions.take_stale(|event| event.lease == 1).iter().map(|event| event.row.seq).collect();
        stale.sort_unstable();
        assert_eq!(stale, [1, 1, 1, 3, 3, 3], "dead, held and discarded ones");
        let left = decisions.take(100, &Fence::default());
        let seqs = |dead: &[Dead]| dead.iter().map(|dead| dead.event.row.seq).collect::<Vec<_>>();
        assert_eq!((seqs(&left.dead), seqs(&left.held)), (vec![2, 4], vec![2, 4]));
        assert_eq!(left.discarded.iter().map(|event| event.row.seq).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(left.published.len(), 4, "that they were published remains true");
    }
}
