//! The messages that are published and not yet decided, and the rule that decides them (ADR 0004). No I/O.
//!
//! lapin queues returned messages and attaches the first of the queue to the confirm that completes next. So a returned
//! message may be attached to *another* message's confirm, and a confirm alone decides nothing. The following holds:
//!
//! 1. The broker sends a return before the confirm of the same message, so it is queued when that confirm completes.
//! 2. A confirm without a return found the queue empty. If its own message was returned, the return is attached to a
//!    confirm that completed before. All confirms that completed before can be read without waiting.
//! 3. Otherwise the queue may still hold the return. The queue is not longer than the number of messages then unconfirmed,
//!    so the return has been handed out when all of those are confirmed.
//!
//! Hence, when all confirms of a batch are there, all other confirms that are there are read as well. Then the batch is
//! decided at once, by message id. Only messages whose confirm carries the return of another message have to wait, until
//! everything that was in flight with them is confirmed.
//!
//! Confirms keep coming while they are read, because lapin takes them in on a thread of its own. So a batch is decided only if
//! it was complete *before* the others were read: what came during that reading may belong to a message whose return is on a
//! confirm that was looked at too early.

use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// The broker's answer to one message, as lapin reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confirm {
    /// An acknowledgement, with the id of a returned message, not necessarily this one's.
    Ack(Option<Uuid>),
    Nack(Option<Uuid>),
}

/// The verdict on a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Published,
    /// No queue is bound for the message.
    Returned,
    Nacked,
    /// The connection was lost before the verdict was certain.
    Unknown,
}

/// The messages in flight. `F` completes with the message's confirm; the caller gets `T` back with the verdict.
#[derive(Debug)]
pub(crate) struct Window<T, F> {
    batches: VecDeque<Batch<T, F>>,
    next_index: u64,
    len: usize,
    returned: HashSet<Uuid>,
    /// The durations of the batches that were decided since the last [`Window::take_confirm_times`].
    confirm_times: Vec<Duration>,
}

#[derive(Debug)]
struct Batch<T, F> {
    index: u64,
    sent_at: Instant,
    slots: Vec<Slot<T, F>>,
    waiting: usize,
    news: Arc<News>,
    /// Whether all confirms were there before the confirms of the other batches were read for the last time.
    complete: bool,
    /// The slot that is polled with the real waker: the last one that waits, because confirms usually come in order.
    probe: usize,
    /// Set when the batch is complete: its uncertain messages wait until every batch below this index is complete.
    barrier: Option<u64>,
}

/// Whether a confirm of the batch may have made progress since all of them were read. It saves polling hundreds of confirms for
/// every batch that is decided.
///
/// lapin finishes one confirm, this note included, before it begins with the next. So whoever has read a confirm sees the notes
/// of all that completed before it.
#[derive(Debug)]
struct News(AtomicBool);

impl Wake for News {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

#[derive(Debug)]
struct Slot<T, F> {
    id: Uuid,
    item: T,
    state: State<F>,
}

#[derive(Debug)]
enum State<F> {
    Waiting(F),
    Acked,
    /// Acked, with the return of some message: this message's own return may still come.
    AckedUncertain,
    Nacked,
    Failed,
}

impl<T, E, F> Window<T, F>
where
    F: Future<Output = Result<Confirm, E>> + Unpin,
{
    pub(crate) fn new() -> Self {
        Self {
            batches: VecDeque::new(),
            next_index: 0,
            len: 0,
            returned: HashSet::new(),
            confirm_times: Vec::new(),
        }
    }

    /// Returns the number of messages that are not decided.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the time from send to decision for each batch that was decided since the last call.
    pub(crate) fn take_confirm_times(&mut self) -> Vec<Duration> {
        std::mem::take(&mut self.confirm_times)
    }

    /// Returns when the oldest undecided batch was sent.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.batches.front().map(|batch| batch.sent_at)
    }

    /// Adds messages that were just handed to the client, in the same order.
    pub(crate) fn push(&mut self, messages: impl Iterator<Item = (Uuid, T, F)>, now: Instant) {
        let slots: Vec<_> =
            messages.map(|(id, item, confirm)| Slot { id, item, state: State::Waiting(confirm) }).collect();
        if slots.is_empty() {
            return;
        }
        self.len += slots.len();
        let (waiting, probe) = (slots.len(), slots.len() - 1);
        self.batches.push_back(Batch {
            index: self.next_index,
            sent_at: now,
            slots,
            waiting,
            // Nobody has polled them with the waker that tells the news.
            news: Arc::new(News(AtomicBool::new(true))),
            complete: false,
            probe,
            barrier: None,
        });
        self.next_index += 1;
    }

    /// Restarts the time of all batches that wait, because the broker was blocked until now.
    pub(crate) fn restart_clock(&mut self, now: Instant) {
        for batch in &mut self.batches {
            batch.sent_at = now;
        }
    }

    /// Returns the messages of the batches that are decided; pending while there are none.
    ///
    /// # Errors
    /// Fails with the first confirm that failed. The window can then only be drained.
    pub(crate) fn poll_decided(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<(T, Verdict)>, E>> {
        let mut complete = false;
        for batch in &mut self.batches {
            if let Err(error) = batch.poll(cx, &mut self.returned) {
                return Poll::Ready(Err(error));
            }
            batch.complete = batch.waiting == 0;
            complete |= batch.complete;
        }
        if !complete {
            return Poll::Pending;
        }
        if let Err(error) = self.sweep() {
            return Poll::Ready(Err(error));
        }
        let mut decided = Vec::new();
        let mut rest = VecDeque::with_capacity(self.batches.len());
        let waiting_from = self.batches.iter().find(|batch| batch.waiting > 0).map(|batch| batch.index);
        for mut batch in std::mem::take(&mut self.batches) {
            if batch.complete {
                // An uncertain message waits for messages that are in flight now, not for later ones.
                batch.barrier.get_or_insert(self.next_index);
            }
            if batch.complete && batch.is_certain(&self.returned, waiting_from) {
                self.len -= batch.slots.len();
                self.confirm_times.push(batch.sent_at.elapsed());
                decided.extend(batch.slots.into_iter().map(|slot| decide(slot, &mut self.returned)));
            } else {
                rest.push_back(batch);
            }
        }
        self.batches = rest;
        if decided.is_empty() {
            // The sweep replaced the wakers.
            for batch in &mut self.batches {
                if let Err(error) = batch.poll(cx, &mut self.returned) {
                    return Poll::Ready(Err(error));
                }
                if batch.waiting == 0 && batch.barrier.is_none() {
                    cx.waker().wake_by_ref();
                }
            }
            return Poll::Pending;
        }
        Poll::Ready(Ok(decided))
    }

    /// Empties the window after the connection is lost. Returns every message with its verdict, `Unknown` if there is none, and
    /// the last error of a confirm that was still to be read, if any.
    pub(crate) fn drain(&mut self) -> (Vec<(T, Verdict)>, Option<E>) {
        let mut error = None;
        for batch in &mut self.batches {
            error = batch.read(0..batch.slots.len(), &mut self.returned).or(error);
        }
        // Once more for the returns: those of the messages that were acked by now are on confirms that are there now.
        for batch in &mut self.batches {
            error = batch.read_late(&mut self.returned).or(error);
        }
        let mut all = Vec::with_capacity(self.len);
        for batch in std::mem::take(&mut self.batches) {
            for slot in batch.slots {
                let verdict = match slot.state {
                    _ if self.returned.contains(&slot.id) => Verdict::Returned,
                    State::Acked => Verdict::Published,
                    State::Nacked => Verdict::Nacked,
                    State::AckedUncertain | State::Waiting(_) | State::Failed => Verdict::Unknown,
                };
                all.push((slot.item, verdict));
            }
        }
        self.len = 0;
        self.returned.clear();
        (all, error)
    }

    /// Reads every confirm that is there, without waking the task for the others.
    fn sweep(&mut self) -> Result<(), E> {
        for batch in &mut self.batches {
            if let Some(error) = batch.read_news(&mut self.returned) {
                return Err(error);
            }
        }
        Ok(())
    }
}

impl<T, E, F> Batch<T, F>
where
    F: Future<Output = Result<Confirm, E>> + Unpin,
{
    /// Polls the last slot that waits; when it is ready, the last one before it that waits, and so on.
    fn poll(&mut self, cx: &mut Context<'_>, returned: &mut HashSet<Uuid>) -> Result<(), E> {
        while self.waiting > 0 {
            let Some(slot) = self.slots.get_mut(self.probe) else { return Ok(()) };
            match slot.poll(cx, returned)? {
                Poll::Ready(true) => self.waiting -= 1,
                Poll::Ready(false) => {}
                Poll::Pending => return Ok(()),
            }
            self.probe = self.probe.wrapping_sub(1);
            if self.probe >= self.slots.len() && self.waiting > 0 {
                self.probe = self.slots.len() - 1;
            }
        }
        Ok(())
    }

    /// Reads every confirm of the batch that is there.
    fn read_news(&mut self, returned: &mut HashSet<Uuid>) -> Option<E> {
        if self.waiting == 0 {
            return None;
        }
        let all = self.news.0.swap(false, Ordering::AcqRel);
        // The probe has the task's waker, and tells no news.
        let slots = if all { 0..self.slots.len() } else { self.probe..self.probe + 1 };
        self.read(slots, returned)
    }

    fn read(&mut self, slots: Range<usize>, returned: &mut HashSet<Uuid>) -> Option<E> {
        let mut failure = None;
        if self.waiting > 0 {
            let waker = Waker::from(Arc::clone(&self.news));
            let mut cx = Context::from_waker(&waker);
            for slot in self.slots.get_mut(slots).into_iter().flatten() {
                match slot.poll(&mut cx, returned) {
                    Ok(Poll::Ready(true)) => self.waiting -= 1,
                    Ok(_) => {}
                    Err(error) => failure = Some(error),
                }
            }
        }
        failure
    }

    /// Reads the confirms that came while the others were read. That they carry nothing says nothing about their own messages.
    fn read_late(&mut self, returned: &mut HashSet<Uuid>) -> Option<E> {
        let mut failure = None;
        let mut cx = Context::from_waker(Waker::noop());
        for slot in self.slots.iter_mut().filter(|slot| matches!(slot.state, State::Waiting(_))) {
            match slot.poll(&mut cx, returned) {
                Ok(_) if matches!(slot.state, State::Acked) => slot.state = State::AckedUncertain,
                Ok(_) => {}
                Err(error) => failure = Some(error),
            }
        }
        failure
    }

    /// Whether all verdicts of the batch are certain. `waiting_from` is the index of the first batch that still waits.
    fn is_certain(&self, returned: &HashSet<Uuid>, waiting_from: Option<u64>) -> bool {
        let nobody_is_left = |barrier| waiting_from.is_none_or(|index| index >= barrier);
        self.barrier.is_some_and(nobody_is_left)
            || !self
                .slots
                .iter()
                .any(|slot| matches!(slot.state, State::AckedUncertain) && !returned.contains(&slot.id))
    }
}

impl<T, E, F> Slot<T, F>
where
    F: Future<Output = Result<Confirm, E>> + Unpin,
{
    /// Polls the confirm. Ready with true if this call completed it.
    fn poll(&mut self, cx: &mut Context<'_>, returned: &mut HashSet<Uuid>) -> Result<Poll<bool>, E> {
        let State::Waiting(confirm) = &mut self.state else { return Ok(Poll::Ready(false)) };
        let Poll::Ready(confirm) = std::pin::Pin::new(confirm).poll(cx) else { return Ok(Poll::Pending) };
        let (state, carried) = match confirm {
            Ok(Confirm::Ack(None)) => (State::Acked, None),
            Ok(Confirm::Ack(Some(id))) => (State::AckedUncertain, Some(id)),
            Ok(Confirm::Nack(carried)) => (State::Nacked, carried),
            Err(error) => {
                self.state = State::Failed;
                return Err(error);
            }
        };
        self.state = state;
        returned.extend(carried);
        Ok(Poll::Ready(true))
    }
}

fn decide<T, F>(slot: Slot<T, F>, returned: &mut HashSet<Uuid>) -> (T, Verdict) {
    let verdict = if returned.remove(&slot.id) {
        Verdict::Returned
    } else if matches!(slot.state, State::Nacked) {
        Verdict::Nacked
    } else {
        Verdict::Published
    };
    (slot.item, verdict)
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
