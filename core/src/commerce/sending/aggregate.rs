//! That an invoice is to be sent, and the rules of that.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::application::error::{Category, DomainError};
use crate::values::channel::Channel;
use crate::values::ids::{EmailId, InvoiceId, SendingId};
use crate::values::invalid::{FieldError, Invalid};

/// After so many attempts in vain the platform does not get it.
const MAX_ATTEMPTS: i32 = 20;
/// The pause after the first attempt; it doubles each time, up to the longest.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(30);
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SendingState {
    /// For its document, or for the platform.
    Waiting,
    /// Its e-mail waits, or is being sent.
    Queued,
    /// The mail server, or the platform, took it.
    Sent,
    Failed,
}

impl SendingState {
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Queued, Self::Sent, Self::Failed];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// That an invoice is to be sent by a channel. It is read and written under the lock of its invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sending {
    pub(super) id: SendingId,
    pub(super) invoice_id: InvoiceId,
    pub(super) channel: Channel,
    pub(super) state: SendingState,
    pub(super) email_id: Option<EmailId>,
    /// Of giving it to the platform.
    pub(super) attempts: i32,
    pub(super) due_at: DateTime<Utc>,
    pub(super) asked_by: String,
    pub(super) asked_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl Sending {
    pub(super) fn ask(invoice_id: InvoiceId, channel: Channel, asked_by: String, now: DateTime<Utc>) -> Self {
        Self {
            id: SendingId::generate(),
            invoice_id,
            channel,
            state: SendingState::Waiting,
            email_id: None,
            attempts: 0,
            due_at: now,
            asked_by,
            asked_at: now,
            updated_at: now,
        }
    }

    pub(super) fn queue(&mut self, email: EmailId, now: DateTime<Utc>) {
        self.email_id = Some(email);
        self.become_state(SendingState::Queued, now);
    }

    pub(super) fn become_state(&mut self, state: SendingState, now: DateTime<Utc>) {
        (self.state, self.updated_at) = (state, now);
    }

    /// The platform did not take it for now. Returns `false` if that was the last attempt.
    pub(super) fn try_later(&mut self, now: DateTime<Utc>) -> bool {
        self.attempts += 1;
        self.updated_at = now;
        if self.attempts >= MAX_ATTEMPTS {
            self.state = SendingState::Failed;
            return false;
        }
        let doubled = 1_i32.checked_shl(self.attempts.unsigned_abs().saturating_sub(1)).unwrap_or(i32::MAX);
        let pause = FIRST_PAUSE.checked_mul(doubled.max(1)).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
        self.due_at = now + pause;
        true
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendingError {
    #[error("invoice {0} is being sent by this channel already")]
    UnderWay(InvoiceId),
    #[error(
        "the customer downloads its invoices: there is nothing to send; name another channel, or record that it was downloaded"
    )]
    Downloaded,
    #[error("invoice {0} was not given to a platform")]
    NotOnPlatform(InvoiceId),
    #[error("a platform tells of what has happened: the time lies more than a day ahead")]
    InTheFuture,
}

impl DomainError for SendingError {
    fn category(&self) -> Category {
        match self {
            Self::UnderWay(_) | Self::Downloaded | Self::NotOnPlatform(_) => Category::Conflict,
            Self::InTheFuture => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::UnderWay(_) => "sending_under_way",
            Self::Downloaded => "channel_is_download",
            Self::NotOnPlatform(_) => "not_on_platform",
            Self::InTheFuture => "invalid_platform_status",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::InTheFuture => vec![Invalid::new("out_of_range", self.to_string()).at("/occurred_at")],
            Self::UnderWay(_) | Self::Downloaded | Self::NotOnPlatform(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_attempts_end() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).expect("a time");
        let mut sending = Sending::ask(InvoiceId::generate(), Channel::Platform, "ada".to_owned(), now);
        let mut pauses = Vec::new();
        while sending.try_later(now) {
            pauses.push((sending.due_at - now).num_seconds());
        }
        assert_eq!(pauses[..9], [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert_eq!((pauses.len(), sending.state), (19, SendingState::Failed));
    }
}
