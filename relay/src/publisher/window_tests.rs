//! Tests the rule that decides messages, against a model of how lapin hands out returned messages.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
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
        let batch: Vec<_> = numbers.map(|number| (id(number), number, self.sent(number))).collect();
        window.push(batch.into_iter(), Instant::now());
    }

    fn sent(&mut self, number: u64) -> Pending {
        let (sender, receiver) = oneshot::channel();
        self.confirms.insert(number, sender);
        Pending(receiver)
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

fn decided<F>(window: &mut Window<u64, F>) -> Vec<(u64, Verdict)>
where
    F: Future<Output = Result<Confirm, ()>> + Unpin,
{
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

/// A confirm during whose polling something happens: lapin takes confirms in on a thread of its own. The closure is told how often
/// the confirm was polled, this time included.
struct Watched {
    confirm: Pending,
    polls: usize,
    happens: Box<dyn FnMut(usize)>,
}

impl Watched {
    fn new(confirm: Pending, happens: impl FnMut(usize) + 'static) -> Self {
        Self { confirm, polls: 0, happens: Box::new(happens) }
    }
}

impl Future for Watched {
    type Output = Result<Confirm, ()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.polls += 1;
        (this.happens)(this.polls);
        Pin::new(&mut this.confirm).poll(cx)
    }
}

fn shared_client() -> Rc<RefCell<Client>> {
    Rc::new(RefCell::new(Client::default()))
}

/// Pushes a batch of one message. While its confirm is polled for the `at`-th time, `happens`.
fn push_one(
    window: &mut Window<u64, Watched>,
    client: &Rc<RefCell<Client>>,
    number: u64,
    at: usize,
    happens: impl Fn(&mut Client) + 'static,
) {
    let theirs = Rc::clone(client);
    let watched = Watched::new(client.borrow_mut().sent(number), move |polls| {
        if polls == at {
            happens(&mut theirs.borrow_mut());
        }
    });
    window.push(std::iter::once((id(number), number, watched)), Instant::now());
}

/// The confirm of 1 takes the return of 2.
fn confirm_two_by_the_confirm_of_one(client: &mut Client) {
    client.return_message(2);
    client.confirm(1, true);
    client.confirm(2, true);
}

#[test]
fn a_batch_that_becomes_complete_while_the_others_are_read_is_decided_after_they_were_read_again() {
    let mut window: Window<u64, Watched> = Window::new();
    let client = shared_client();
    push_one(&mut window, &client, 1, 0, |_| {});
    // Polled first as its batch's last confirm, and then with all others, because 3 is complete. By then 1 was looked at.
    push_one(&mut window, &client, 2, 2, confirm_two_by_the_confirm_of_one);
    push_one(&mut window, &client, 3, 0, |_| {});
    client.borrow_mut().confirm(3, true);
    assert_eq!(decided(&mut window), [(3, Verdict::Published)]);
    assert_eq!(decided(&mut window), [(1, Verdict::Published), (2, Verdict::Returned)]);
}

#[test]
fn what_is_confirmed_while_the_window_of_a_lost_connection_is_read_is_not_taken_for_published() {
    let mut window: Window<u64, Watched> = Window::new();
    let client = shared_client();
    push_one(&mut window, &client, 1, 0, |_| {});
    push_one(&mut window, &client, 2, 1, confirm_two_by_the_confirm_of_one);
    let (all, error) = window.drain();
    assert_eq!((all, error), (vec![(1, Verdict::Unknown), (2, Verdict::Returned)], None));

    // Nobody knows whether a later confirm had the return.
    push_one(&mut window, &client, 3, 2, |client| client.confirm(3, true));
    push_one(&mut window, &client, 4, 2, |client| client.confirm(4, false));
    let (all, error) = window.drain();
    assert_eq!((all, error), (vec![(3, Verdict::Unknown), (4, Verdict::Nacked)], None));
}

#[test]
fn a_confirm_without_news_is_not_polled_for_every_batch_that_is_decided() {
    let (mut window, mut client): (Window<u64, Watched>, _) = (Window::new(), Client::default());
    let polls = Rc::new(Cell::new(0));
    let push = |window: &mut Window<u64, Watched>, client: &mut Client, numbers: &[u64]| {
        let watched = |number: &u64| {
            let (polls, counts) = (Rc::clone(&polls), matches!(*number, 2 | 3));
            // The last one of a batch is polled each time, because it wakes the task.
            let count = move |_| polls.set(polls.get() + usize::from(counts));
            (id(*number), *number, Watched::new(client.sent(*number), count))
        };
        let batch: Vec<_> = numbers.iter().map(watched).collect();
        window.push(batch.into_iter(), Instant::now());
    };
    push(&mut window, &mut client, &[1]);
    push(&mut window, &mut client, &[2, 3, 4]);
    let mut polled = Vec::new();
    // A batch of one is decided after another: with no news of the second batch, and then with news of 2.
    for number in [1, 11, 12, 13, 14] {
        if number > 10 {
            push(&mut window, &mut client, &[number]);
        }
        if number == 13 {
            client.confirm(2, true);
        }
        client.confirm(number, true);
        assert_eq!(decided(&mut window), [(number, Verdict::Published)]);
        polled.push(polls.take());
    }
    assert_eq!(polled, [2, 0, 0, 2, 0], "2 and 3 at first, and both again when one of them is confirmed");
    client.confirm(4, true);
    client.return_message(3);
    client.confirm(3, true);
    assert_eq!(
        decided(&mut window),
        [(2, Verdict::Published), (3, Verdict::Returned), (4, Verdict::Published)]
    );
}

/// The broker and lapin's thread: they go on at any time, also while confirms are polled.
struct Other {
    random: StdRng,
    client: Client,
    truth: HashMap<u64, Verdict>,
    waiting: Vec<u64>,
}

impl Other {
    fn send(&mut self, number: u64) -> Pending {
        let verdict = match self.random.random_range(0..10) {
            0..3 => Verdict::Returned,
            3 => Verdict::Nacked,
            _ => Verdict::Published,
        };
        self.truth.insert(number, verdict);
        self.waiting.push(number);
        self.client.sent(number)
    }

    /// Confirms up to four messages, in any order.
    fn goes_on(&mut self) {
        self.waiting.shuffle(&mut self.random);
        let left = self.waiting.len().saturating_sub(self.random.random_range(1..=4));
        for number in self.waiting.split_off(left) {
            if self.truth[&number] == Verdict::Returned {
                self.client.return_message(number);
            }
            self.client.confirm(number, self.truth[&number] != Verdict::Nacked);
        }
    }
}

#[test]
fn no_verdict_is_wrong_although_confirms_come_while_others_are_read() {
    for seed in 0..1000 {
        let random = StdRng::seed_from_u64(seed);
        let other = Other { random, client: Client::default(), truth: HashMap::new(), waiting: Vec::new() };
        let other = Rc::new(RefCell::new(other));
        let mut window: Window<u64, Watched> = Window::new();
        let (mut verdicts, mut next) = (HashMap::new(), 0);
        while verdicts.len() < 100 {
            if next < 100 && window.len() < 40 {
                let size = other.borrow_mut().random.random_range(1..=10.min(100 - next));
                let batch: Vec<_> = (next..next + size)
                    .map(|number| {
                        let theirs = Rc::clone(&other);
                        let happens = move |_| {
                            let mut other = theirs.borrow_mut();
                            if other.random.random_bool(0.05) {
                                other.goes_on();
                            }
                        };
                        (id(number), number, Watched::new(other.borrow_mut().send(number), happens))
                    })
                    .collect();
                window.push(batch.into_iter(), Instant::now());
                next += size;
            }
            other.borrow_mut().goes_on();
            verdicts.extend(decided(&mut window));
        }
        assert_eq!(verdicts, other.borrow().truth, "seed {seed}");
    }
}
