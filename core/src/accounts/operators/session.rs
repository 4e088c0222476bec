//! An operator's session and its rules, which are those of a user's.

use chrono::{DateTime, Utc};

use crate::accounts::sessions::{Client, EndReason, Lifetimes};
use crate::values::ids::{OperatorId, SessionId};

/// A session of an operator. It expires at `expires_at`, or is ended earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OperatorSession {
    pub(super) id: SessionId,
    pub(super) operator_id: OperatorId,
    pub(super) client: Client,
    pub(super) created_at: DateTime<Utc>,
    pub(super) last_used_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) ended: Option<(DateTime<Utc>, EndReason)>,
}

impl OperatorSession {
    pub(super) fn begin(
        id: SessionId,
        operator_id: OperatorId,
        client: Client,
        lifetimes: Lifetimes,
        now: DateTime<Utc>,
    ) -> Self {
        let expires_at = now + lifetimes.session;
        Self { id, operator_id, client, created_at: now, last_used_at: now, expires_at, ended: None }
    }

    pub(super) fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.ended.is_none() && now < self.expires_at
    }

    /// Returns until when a refresh token that is made now is valid.
    pub(super) fn refresh_until(&self, lifetimes: Lifetimes, now: DateTime<Utc>) -> DateTime<Utc> {
        (now + lifetimes.refresh).min(self.expires_at)
    }

    /// Ends the session. Returns whether it was open until now.
    pub(super) fn end(&mut self, reason: EndReason, now: DateTime<Utc>) -> bool {
        let was_open = self.is_open(now);
        if was_open {
            self.ended = Some((now, reason));
        }
        was_open
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_session_ends_once_and_its_refresh_tokens_end_with_it() {
        let at = |second: i64| DateTime::from_timestamp(1_800_000_000 + second, 0).expect("a valid time");
        let lifetimes = Lifetimes { refresh: TimeDelta::seconds(100), session: TimeDelta::seconds(250) };
        let (id, operator) = (SessionId::generate(), OperatorId::generate());
        let mut session = OperatorSession::begin(id, operator, Client::default(), lifetimes, at(0));
        assert_eq!(session.refresh_until(lifetimes, at(90)), at(190));
        assert_eq!(session.refresh_until(lifetimes, at(180)), at(250));
        assert!(session.is_open(at(249)) && !session.is_open(at(250)));
        assert!(!session.clone().end(EndReason::LoggedOut, at(250)), "it was over");
        assert!(session.end(EndReason::LoggedOut, at(10)));
        assert!(!session.end(EndReason::OperatorDisabled, at(11)));
        assert_eq!(session.ended, Some((at(10), EndReason::LoggedOut)));
    }
}
