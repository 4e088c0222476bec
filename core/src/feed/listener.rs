//! Whoever listens: a bounded queue between the follower and one client.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

use super::event::Entry;
use super::follower::{Feed, QueueLimits};
use super::position::Position;
use super::sight::Selection;
use crate::application::{Credential, CredentialKind};
use crate::values::ids::{TenantId, UserId};

/// With whose rights somebody listens.
#[derive(Debug, Clone, Copy)]
pub struct Whose {
    pub credential: Credential,
    /// The user whose session it is.
    pub user: Option<UserId>,
}

impl Whose {
    pub(super) fn tenant(&self) -> TenantId {
        self.credential.tenant_id
    }

    /// Whether an event may change these rights: it is about the user, the session or the key. An event that gives the rights in the
    /// first place is none.
    fn may_change_with(&self, entry: &Entry) -> bool {
        let event = &entry.event;
        let is = |id: Uuid| event.aggregate_id == id.to_string();
        match event.aggregate_type.as_str() {
            "user" => self.user.is_some_and(|user| is(user.uuid())) && event.event_type != "user.logged_in",
            "session" => {
                event.event_type != "session.created"
                    && matches!(self.credential.kind, CredentialKind::Session(id) if is(id.uuid()))
            }
            "api_key" => matches!(self.credential.kind, CredentialKind::ApiKey(id) if is(id.uuid())),
            _ => false,
        }
    }
}

/// What comes next for a listener.
#[derive(Debug)]
pub enum Next {
    Event(Arc<Entry>),
    /// Something happened to the listener's own rights: they must be looked up before anything else is sent.
    Recheck,
    /// Everything up to this position is missing that was not taken: the listener was too slow for its queue, the log is of another
    /// server now, or it could not be read for too long.
    Cut(Arc<Position>),
}

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<Next>,
    bytes: usize,
    is_cut: bool,
}

/// The queue of a listener.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) whose: Whose,
    pub(super) selection: Selection,
    waiting: Mutex<Waiting>,
    filled: Notify,
    limits: QueueLimits,
}

impl Queue {
    pub(super) fn new(whose: Whose, selection: Selection, limits: QueueLimits) -> Self {
        Self { whose, selection, waiting: Mutex::default(), filled: Notify::new(), limits }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Offers an event of the listener's tenant, which is one of those up to a position.
    pub(super) fn offer(&self, entry: &Arc<Entry>, upto: &Arc<Position>) {
        let is_wanted = self.selection.admits(&entry.event.event_type, entry.event.client_id.as_deref());
        let is_about_rights = self.whose.may_change_with(entry);
        if !is_wanted && !is_about_rights {
            return;
        }
        let wanted = is_wanted.then(|| entry.seen_by(self.selection.sight));
        let mut waiting = self.waiting();
        if waiting.is_cut {
            return;
        }
        // The rights as they are after the event decide about the event itself.
        if is_about_rights {
            waiting.items.push_back(Next::Recheck);
        }
        if let Some(entry) = wanted {
            waiting.bytes += entry.frame.len();
            waiting.items.push_back(Next::Event(entry));
        }
        let is_full = waiting.items.len() > self.limits.events || waiting.bytes > self.limits.bytes;
        drop(waiting);
        if is_full { self.cut(upto) } else { self.filled.notify_one() }
    }

    /// Ends the queue: what waits in it is lost.
    pub(super) fn cut(&self, upto: &Arc<Position>) {
        let items = VecDeque::from([Next::Cut(Arc::clone(upto))]);
        *self.waiting() = Waiting { items, bytes: 0, is_cut: true };
        self.filled.notify_one();
    }

    fn take(&self) -> Option<Next> {
        let mut waiting = self.waiting();
        let next = waiting.items.pop_front()?;
        if let Next::Event(entry) = &next {
            waiting.bytes -= entry.frame.len();
        }
        Some(next)
    }
}

/// Somebody who listens, until this is dropped.
#[derive(Debug)]
pub struct Listener {
    pub(super) queue: Arc<Queue>,
    pub(super) feed: Feed,
    /// Everything up to here was there before: the listener gets what comes after it.
    pub(super) since: Position,
}

impl Listener {
    pub fn since(&self) -> &Position {
        &self.since
    }

    /// Waits for what comes next. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Next {
        loop {
            if let Some(next) = self.queue.take() {
                return next;
            }
            self.queue.filled.notified().await;
        }
    }

    /// Returns what is there already.
    pub fn try_next(&mut self) -> Option<Next> {
        self.queue.take()
    }

    /// Returns how far the follower has come, if everything up to there was taken from this listener.
    pub fn position(&self) -> Option<Arc<Position>> {
        // In this order: what the follower did before it said how far it came is in the queue.
        let position = self.feed.position()?;
        self.queue.waiting().items.is_empty().then_some(position)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.feed.leave(&self.queue);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use super::super::event::FeedEvent;
    use super::*;
    use crate::application::{Permission, PermissionSet};
    use crate::feed::Sight;
    use crate::values::ids::SessionId;

    fn entry(event_type: &str, aggregate: (&str, Uuid)) -> Arc<Entry> {
        Arc::new(Entry {
            event: FeedEvent {
                tenant_id: TenantId::from_uuid(Uuid::nil()),
                event_type: event_type.to_owned(),
                aggregate_type: aggregate.0.to_owned(),
                aggregate_id: aggregate.1.to_string(),
                client_id: None,
                json: String::new(),
            },
            frame: vec![b'x'; 100].into(),
            bare: OnceLock::new(),
        })
    }

    fn here() -> Arc<Position> {
        Arc::new(Position::start())
    }

    fn queue(session: Uuid, user: Uuid) -> Queue {
        let kind = CredentialKind::Session(SessionId::from_uuid(session));
        let credential = Credential { tenant_id: TenantId::from_uuid(Uuid::nil()), kind };
        let whose = Whose { credential, user: Some(UserId::from_uuid(user)) };
        let sight = Sight::of(PermissionSet::of(&[Permission::OrdersRead]));
        let limits = QueueLimits { events: 10, bytes: 550 };
        Queue::new(whose, Selection { sight, types: Vec::new(), client_id: None }, limits)
    }

    #[test]
    fn what_is_not_for_the_listener_is_not_queued() {
        let queue = queue(Uuid::from_u128(1), Uuid::from_u128(2));
        queue.offer(&entry("order.placed", ("order", Uuid::nil())), &here());
        queue.offer(&entry("customer.created", ("customer", Uuid::nil())), &here());
        assert!(matches!(queue.take(), Some(Next::Event(_))));
        assert!(queue.take().is_none());
    }

    #[test]
    fn an_event_about_the_listeners_rights_stops_what_follows_it() {
        let (session, user) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let about = [
            entry("session.ended", ("session", session)),
            entry("user.role_changed", ("user", user)),
            entry("user.disabled", ("user", user)),
        ];
        for event in about {
            let queue = queue(session, user);
            queue.offer(&event, &here());
            queue.offer(&entry("order.placed", ("order", Uuid::nil())), &here());
            assert!(matches!(queue.take(), Some(Next::Recheck)), "{event:?}");
        }
        let queue = queue(session, user);
        queue.offer(&entry("session.ended", ("session", Uuid::from_u128(3))), &here());
        queue.offer(&entry("session.created", ("session", session)), &here());
        assert!(queue.take().is_none(), "of others, or nothing that takes rights away");
    }

    #[test]
    fn a_queue_that_is_full_is_gone_and_takes_no_more() {
        let queue = queue(Uuid::from_u128(1), Uuid::from_u128(2));
        for _ in 0..7 {
            queue.offer(&entry("order.placed", ("order", Uuid::nil())), &here());
        }
        assert!(matches!(queue.take(), Some(Next::Cut(_))));
        assert!(queue.take().is_none());
    }
}
