//! The messages that are published and not yet decided, and the rule that decides them (ADR 0004). No I/O.
//!
//! lapin queues returned messages and hands the first of the queue to whichever confirm completes next. A message that
//! was returned may thus hang on *another* message's confirm, and a confirm alone decides nothing. What holds:
//!
//! 1. The broker sends a return before the confirm of the same message, so it is queued when that confirm completes.
//! 2. A confirm that carries nothing found the queue empty. If its own message was returned, the return hangs on a
//!    confirm that had completed before. All confirms that had completed before can be read without waiting.
//! 3. Otherwise the queue may still hold the return; it is not longer than the number of messages then unconfirmed, so
//!    it has been handed out when every one of those is confirmed.
//!
//! Hence a batch whose confirms are all there is decided at once after all other confirms that are there were read, by
//! message id, except for messages whose confirm carries somebody else's return: these wait for everything that was in
//! flight with them.

use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// The broker's answer to one message, as lapin reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confirm {
    /// With the id of a returned message, not necessarily this one's.
    Ack(Option<Uuid>),
    Nack(Option<Uuid>),
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Published,
    /// No queue is bound for it.
    Returned,
    Nacked,
    /// The connection was lost before it was certain.
    Unknown,
}

/// `F` completes with the message's confirm, `T` is whatever the caller wants back.
#[derive(Debug)]
pub(crate) struct Window<T, F> {
    batches: VecDeque<Batch<T, F>>,
    next_index: u64,
    len: usize,
    returned: HashSet<Uuid>,
    /// How long the batches took that were decided since this was last taken.
    confirm_times: Vec<Duration>,
}

#[derive(Debug)]
struct Batch<T, F> {
    index: u64,
    sent_at: Instant,
    slots: Vec<Slot<T, F>>,
    waiting: usize,
    /// The slot that is polled with the real waker: the last that waits, since confirms tend to come in order.
    probe: usize,
    /// Set when some of its messages are uncertain: every batch below this index must be complete.
    barrier: Option<u64>,
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
    /// Acked, with a return that is some message's: this one's own return may still be to come.
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

    /// Messages that are not decided.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// From when it was sent until it was decided, for each batch that was since the last call.
    pub(crate) fn take_confirm_times(&mut self) -> Vec<Duration> {
        std::mem::take(&mut self.confirm_times)
    }

    /// When the oldest batch that is not decided was sent.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.batches.front().map(|batch| batch.sent_at)
    }

    /// Adds messages that were just handed to the client, in that order.
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
            probe,
            barrier: None,
        });
        self.next_index += 1;
    }

    /// Counts from now on for those that wait: the broker was blocked until now.
    pub(crate) fn restart_clock(&mut self, now: Instant) {
        for batch in &mut self.batches {
            batch.sent_at = now;
        }
    }

    /// The messages of the batches that are decided; pending while there are none.
    ///
    /// # Errors
    /// The first confirm that failed. The window is then of no further use but to be drained.
    pub(crate) fn poll_decided(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<(T, Verdict)>, E>> {
        let mut complete = false;
        for batch in &mut self.batches {
            if let Err(error) = batch.poll(cx, &mut self.returned) {
                return Poll::Ready(Err(error));
            }
            complete |= batch.waiting == 0;
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
            if batch.waiting == 0 {
                // An uncertain message waits for what is in flight now, and for nothing that is published later.
                batch.barrier.get_or_insert(self.next_index);
            }
            if batch.waiting == 0 && batch.is_certain(&self.returned, waiting_from) {
                self.len -= batch.slots.len();
                self.confirm_times.push(batch.sent_at.elapsed());
                decided.extend(batch.slots.into_iter().map(|slot| decide(slot, &mut self.returned)));
            } else {
                rest.push_back(batch);
            }
        }
        self.batches = rest;
        if decided.is_empty() {
            // The sweep took the wakers away.
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

    /// The connection is lost: what is known of every message, and `Unknown` for the others. With the last of the errors
    /// with which their confirms failed, if any was still to be read.
    pub(crate) fn drain(&mut self) -> (Vec<(T, Verdict)>, Option<E>) {
        let mut error = None;
        for batch in &mut self.batches {
            error = batch.read_all(&mut self.returned).or(error);
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

    /// Reads every confirm that is there, without being woken for those that are not.
    fn sweep(&mut self) -> Result<(), E> {
        for batch in &mut self.batches {
            if let Some(error) = batch.read_all(&mut self.returned) {
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
    /// Waits for the last slot that waits; when it is there, for the last before it, and so on.
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

    fn read_all(&mut self, returned: &mut HashSet<Uuid>) -> Option<E> {
        let mut failure = None;
        let mut cx = Context::from_waker(Waker::noop());
        if self.waiting > 0 {
            for slot in &mut self.slots {
                match slot.poll(&mut cx, returned) {
                    Ok(Poll::Ready(true)) => self.waiting -= 1,
                    Ok(_) => {}
                    Err(error) => failure = Some(error),
                }
            }
        }
        failure
    }

    /// `waiting_from` is the index of the first batch of the window that still waits.
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
    /// Ready with whether it was this call that made it so.
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
