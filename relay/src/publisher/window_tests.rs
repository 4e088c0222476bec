//! Tests the rule that decides messages, against a model of how lapin hands out returned messages.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Confirm, Verdict, Window};

/// A confirm that the test completes, or drops to break the connection.
struct Pending(oneshot::Receiver<Confirm>);

impl Future for Pending {
    type Output = Result<Confirm, ()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|result| result.map_err(drop))
    }
}

fn id(number: u64) -> Uuid {
    Uuid::from_u128(u128::from(number) + 1)
}

/// The client's side of a channel: returns are queued, and the confirm that completes next takes the first.
#[derive(Default)]
struct Client {
    confirms: HashMap<u64, oneshot::Sender<Confirm>>,
    returns: VecDeque<Uuid>,
}

impl Client {
    fn publish(&mut self, window: &mut Window<u64, Pending>, numbers: impl Iterator<Item = u64>) {
        let mut batch = Vec::new();
        for number in numbers {
            let (sender, receiver) = oneshot::channel();
            self.confirms.insert(number, sender);
            batch.push((id(number), number, Pending(receiver)));
        }
        window.push(batch.into_iter(), Instant::now());
    }

    fn return_message(&mut self, number: u64) {
        self.returns.push_back(id(number));
    }

    fn confirm(&mut self, number: u64, ack: bool) {
        let carried = self.returns.pop_front();
        let confirm = if ack { Confirm::Ack(carried) } else { Confirm::Nack(carried) };
        if let Some(sender) = self.confirms.remove(&number) {
            let _ = sender.send(confirm);
        }
    }
}

fn decided(window: &mut Window<u64, Pending>) -> Vec<(u64, Verdict)> {
    match window.poll_decided(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(mut all)) => {
            all.sort_by_key(|(number, _)| *number);
            all
        }
        Poll::Ready(Err(())) => panic!("lost"),
        Poll::Pending => Vec::new(),
    }
}

#[test]
fn a_return_that_hangs_on_another_messages_confirm_is_found() {
    let (mut window, mut client) = (Window::new(), Client::default());
    client.publish(&mut window, 1..=2);
    client.return_message(1);
    client.confirm(2, true);
    client.confirm(1, true);
    assert_eq!(decided(&mut window), [(1, Verdict::Returned), (2, Verdict::Published)]);
}

#[test]
fn a_return_that_hangs_on_a_later_batchs_confirm_is_found() {
    let (mut window, mut client) = (Window::new(), Client::default());
    client.publish(&mut window, 1..=1);
    client.publish(&mut window, 2..=3);
    client.return_message(1);
    client.confirm(3, true);
    client.confirm(1, true);
    assert_eq!(decided(&mut window), [(1, Verdict::Returned)]);
}

#[test]
fn a_message_whose_confirm_carries_anothers_return_waits_for_all_that_were_in_flight() {
    let (mut window, mut client) = (Window::new(), Client::default());
    client.publish(&mut window, 1..=1);
    client.publish(&mut window, 2..=2);
    // Both are returned; the confirm of 1 takes 2's return, and 1's own is still queued.
    client.return_message(2);
    client.return_message(1);
    client.confirm(1, true);
    assert_eq!(decided(&mut window), []);
    client.confirm(2, true);
    assert_eq!(decided(&mut window), [(1, Verdict::Returned), (2, Verdict::Returned)]);
}

#[test]
fn a_nack_is_its_own_messages_fault() {
    let (mut window, mut client) = (Window::new(), Client::default());
    client.publish(&mut window, 1..=2);
    client.confirm(1, false);
    client.confirm(2, true);
    assert_eq!(decided(&mut window), [(1, Verdict::Nacked), (2, Verdict::Published)]);
}

#[test]
fn what_was_certain_when_the_connection_was_lost_is_not_published_again() {
    let (mut window, mut client) = (Window::new(), Client::default());
    client.publish(&mut window, 1..=3);
    client.confirm(1, true);
    client.return_message(2);
    client.confirm(2, true);
    client.confirms.clear();
    assert!(matches!(window.poll_decided(&mut Context::from_waker(Waker::noop())), Poll::Ready(Err(()))));
    let (mut all, _) = window.drain();
    all.sort_by_key(|(number, _)| *number);
    assert_eq!(all, [(1, Verdict::Published), (2, Verdict::Returned), (3, Verdict::Unknown)]);
    assert_eq!(window.len(), 0);
}

/// The broker sends a return before the confirm of its message, and confirms in any order and grouping.
#[test]
fn no_verdict_is_ever_wrong_in_two_thousand_random_histories() {
    for seed in 0..2000 {
        let mut random = StdRng::seed_from_u64(seed);
        let (mut window, mut client) = (Window::new(), Client::default());
        let mut truth: HashMap<u64, Verdict> = HashMap::new();
        let (mut waiting, mut verdicts, mut next) = (Vec::new(), HashMap::new(), 0);
        while verdicts.len() < 200 {
            if next < 200 && waiting.len() < 60 {
                let size = random.random_range(1..=20.min(200 - next));
                client.publish(&mut window, next..next + size);
                for number in next..next + size {
                    let verdict = match random.random_range(0..10) {
                        0..3 => Verdict::Returned,
                        3 => Verdict::Nacked,
                        _ => Verdict::Published,
                    };
                    truth.insert(number, verdict);
                    waiting.push((number, false));
                }
                next += size;
            }
            waiting.shuffle(&mut random);
            // Some returns arrive early, the others just before the confirm of their message.
            let early = random.random_range(0..=waiting.len());
            for (number, returned) in waiting.iter_mut().take(early) {
                if truth[number] == Verdict::Returned && !*returned {
                    client.return_message(*number);
                    *returned = true;
                }
            }
            let confirmed = random.random_range(0..=waiting.len());
            let mut group: Vec<_> = waiting.drain(..confirmed).collect();
            for (number, returned) in &group {
                if truth[number] == Verdict::Returned && !returned {
                    client.return_message(*number);
                }
            }
            group.shuffle(&mut random);
            for (number, _) in group {
                client.confirm(number, truth[&number] != Verdict::Nacked);
                if random.random_bool(0.1) {
                    verdicts.extend(decided(&mut window));
                }
            }
            verdicts.extend(decided(&mut window));
        }
        assert_eq!(verdicts, truth, "seed {seed}");
    }
}

/// Returns a waker, and the counter of its wakes.
fn counting() -> (std::sync::Arc<Count>, Waker) {
    let count = std::sync::Arc::new(Count::default());
    let waker = Waker::from(std::sync::Arc::clone(&count));
    (count, waker)
}

#[derive(Default)]
struct Count(std::sync::atomic::AtomicUsize);

impl Count {
    fn take(&self) -> usize {
        self.0.swap(0, std::sync::atomic::Ordering::Relaxed)
    }
}

impl std::task::Wake for Count {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

/// Polls only when woken, as a runtime does.
struct Woken {
    count: std::sync::Arc<Count>,
    waker: Waker,
}

impl Woken {
    fn first(window: &mut Window<u64, Pending>) -> Self {
        let (count, waker) = counting();
        let woken = Self { count, waker };
        assert_eq!(woken.poll(window), []);
        woken
    }

    fn poll(&self, window: &mut Window<u64, Pending>) -> Vec<(u64, Verdict)> {
        match window.poll_decided(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(Ok(mut all)) => {
                all.sort_by_key(|(number, _)| *number);
                all
            }
            Poll::Ready(Err(())) => panic!("lost"),
            Poll::Pending => Vec::new(),
        }
    }

    fn poll_if_woken(&self, window: &mut Window<u64, Pending>) -> Vec<(u64, Verdict)> {
        if self.count.take() > 0 { self.poll(window) } else { Vec::new() }
    }
}

#[test]
fn the_last_confirm_of_a_batch_wakes_whoever_waits_in_whatever_order_they_come() {
    for order in [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]] {
        let (mut window, mut client) = (Window::new(), Client::default());
        client.publish(&mut window, 1..=3);
        let woken = Woken::first(&mut window);
        let mut all = Vec::new();
        for number in order {
            assert_eq!(all, [], "{order:?}");
            client.confirm(number, true);
            all = woken.poll_if_woken(&mut window);
        }
        assert_eq!(all.len(), 3, "{order:?}");
    }
}

#[test]
fn what_waits_behind_an_uncertain_message_still_wakes() {
    let (mut window, mut client) = (Window::new(), Client::default());
    client.publish(&mut window, 1..=1);
    client.publish(&mut window, 2..=3);
    let woken = Woken::first(&mut window);
    client.return_message(3);
    // The confirm carries 3's return: 1 is uncertain until everything in flight is confirmed.
    client.confirm(1, true);
    assert_eq!(woken.poll_if_woken(&mut window), []);
    client.confirm(2, true);
    assert_eq!(woken.poll_if_woken(&mut window), []);
    client.confirm(3, true);
    let all = woken.poll_if_woken(&mut window);
    assert_eq!(all, [(1, Verdict::Published), (2, Verdict::Published), (3, Verdict::Returned)]);
}

#[test]
fn an_uncertain_message_waits_for_nothing_that_is_published_later() {
    let (mut window, mut client) = (Window::new(), Client::default());
    client.publish(&mut window, 1..=1);
    client.publish(&mut window, 2..=2);
    client.return_message(2);
    client.confirm(1, true);
    assert_eq!(decided(&mut window), []);
    client.publish(&mut window, 3..=3);
    client.confirm(2, true);
    assert_eq!(decided(&mut window), [(1, Verdict::Published), (2, Verdict::Returned)]);
    assert_eq!(window.len(), 1);
}

#[test]
fn the_window_knows_how_much_waits_and_since_when_and_how_long_the_others_took() {
    let (mut window, mut client) = (Window::new(), Client::default());
    assert_eq!((window.len(), window.oldest()), (0, None));
    let begin = Instant::now();
    client.publish(&mut window, 1..=2);
    let between = Instant::now();
    client.publish(&mut window, 3..=3);
    client.publish(&mut window, 4..4);
    assert_eq!(window.len(), 3);
    assert!(window.oldest().is_some_and(|oldest| (begin..=between).contains(&oldest)));
    client.confirm(1, true);
    client.confirm(2, true);
    assert_eq!(decided(&mut window).len(), 2);
    assert_eq!((window.len(), window.take_confirm_times().len()), (1, 1));
    assert!(window.take_confirm_times().is_empty() && window.oldest() >= Some(between));
    let later = Instant::now() + std::time::Duration::from_secs(9);
    window.restart_clock(later);
    assert_eq!(window.oldest(), Some(later));
}

#[test]
fn a_lost_connection_leaves_uncertain_messages_unknown_and_says_what_is_certain() {
    let (mut window, mut client) = (Window::new(), Client::default());
    client.publish(&mut window, 1..=5);
    client.return_message(5);
    client.confirm(1, true);
    client.confirm(2, false);
    client.return_message(3);
    client.confirm(4, false);
    // The confirms were not polled before: they are read while the window is drained.
    client.confirms.clear();
    let (mut all, error) = window.drain();
    all.sort_by_key(|(number, _)| *number);
    let expected = [
        // Its confirm carried 5's return: its own may have been lost with the connection.
        (1, Verdict::Unknown),
        (2, Verdict::Nacked),
        (3, Verdict::Returned),
        (4, Verdict::Nacked),
        (5, Verdict::Returned),
    ];
    assert_eq!((all, error), (expected.to_vec(), Some(())));
    assert!(window.len() == 0 && window.oldest().is_none());
    assert_eq!(window.drain(), (Vec::new(), None));
}
