//! An e-mail, what becomes of it, and the rules of that.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::content::EmailContent;
use crate::application::error::{Category, DomainError};
use crate::values::contact::Email as Address;
use crate::values::ids::{EmailId, InvoiceId, UserId};

/// What an e-mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmailKind {
    /// To a new user who has a password: a token verifies the address.
    Welcome,
    /// To a new user who has none: a token sets it.
    Invitation,
    /// To whoever forgot their password: a token sets another.
    PasswordReset,
    /// Says that the password, the role or the permissions of the recipient changed.
    SecurityNotice,
    /// Says once a day which products are low in stock.
    StockDigest,
    /// To a customer: an invoice, with its document.
    Invoice,
    /// To a customer: what is overdue.
    InvoiceReminder,
}

impl EmailKind {
    pub const ALL: [Self; 7] = [
        Self::Welcome,
        Self::Invitation,
        Self::PasswordReset,
        Self::SecurityNotice,
        Self::StockDigest,
        Self::Invoice,
        Self::InvoiceReminder,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Welcome => "welcome",
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
            Self::SecurityNotice => "security_notice",
            Self::StockDigest => "stock_digest",
            Self::Invoice => "invoice",
            Self::InvoiceReminder => "invoice_reminder",
        }
    }

    /// Whether it hands over a secret.
    pub(super) const fn hands_over(self) -> bool {
        match self {
            Self::Welcome | Self::Invitation | Self::PasswordReset => true,
            Self::SecurityNotice | Self::StockDigest | Self::Invoice | Self::InvoiceReminder => false,
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Where an e-mail is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmailState {
    /// For its time, or for another attempt.
    Waiting,
    /// A process is at it.
    Sending,
    /// The mail server has accepted it.
    Sent,
    /// It was refused, or not accepted by its deadline.
    Dead,
    /// Somebody discarded it, or its cause was over before it was sent.
    Discarded,
}

impl EmailState {
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Sending, Self::Sent, Self::Dead, Self::Discarded];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// An e-mail without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QueuedEmail {
    pub(super) id: EmailId,
    pub(super) version: i64,
    pub(super) state: EmailState,
    pub(super) recipient: Recipient,
    pub(super) content: EmailContent,
    /// Whom it is about.
    pub(super) user_id: Option<UserId>,
    /// The token that it hands over.
    pub(super) token_id: Option<Uuid>,
    /// The invoice whose document is attached.
    pub(super) invoice_id: Option<InvoiceId>,
    pub(super) edition: i32,
    pub(super) due_at: DateTime<Utc>,
    pub(super) deadline: DateTime<Utc>,
    pub(super) attempts: i32,
    pub(super) last_error: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) correlation_id: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) finished_at: Option<DateTime<Utc>>,
}

/// Whom an e-mail is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipient {
    pub(super) address: Address,
    pub(super) name: String,
}

impl Recipient {
    /// The domain of the address, by which e-mails take turns.
    pub(super) fn destination(&self) -> String {
        let folded = self.address.folded();
        folded.as_str().rsplit_once('@').map_or("", |(_, domain)| domain).to_owned()
    }
}

/// Why an e-mail is discarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Discarded {
    /// Somebody wants it so.
    OnRequest,
    /// It would be of no use any more.
    CauseOver,
}

impl Discarded {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::OnRequest => "discarded",
            Self::CauseOver => "cause_over",
        }
    }
}

/// What a requeued e-mail hands over instead of what it handed over before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewSecret {
    pub(super) token_id: Uuid,
    pub(super) deadline: DateTime<Utc>,
}

impl QueuedEmail {
    /// Has the e-mail sent again, to the recipient as they are now. When it is due, the database's clock says.
    ///
    /// # Errors
    /// `State` if it is under way, or waits anyway.
    pub(super) fn requeue(
        &mut self,
        recipient: Recipient,
        secret: Option<NewSecret>,
        lifetime: chrono::TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<(), EmailError> {
        self.check_requeue()?;
        self.recipient = recipient;
        self.deadline = now + lifetime;
        if let Some(secret) = secret {
            self.token_id = Some(secret.token_id);
            self.deadline = secret.deadline;
            self.edition += 1;
        } else if self.state == EmailState::Sent {
            // Who sends it once more wants it to arrive once more.
            self.edition += 1;
        }
        (self.state, self.reason, self.finished_at) = (EmailState::Waiting, None, None);
        // What was said before stands in its history.
        (self.attempts, self.last_error) = (0, None);
        self.changed(now);
        Ok(())
    }

    pub(super) fn check_requeue(&self) -> Result<(), EmailError> {
        match self.state {
            EmailState::Sent | EmailState::Dead | EmailState::Discarded => Ok(()),
            state @ (EmailState::Waiting | EmailState::Sending) => {
                Err(EmailError::State { id: self.id, state, verb: "requeued" })
            }
        }
    }

    /// Gives the e-mail up.
    ///
    /// # Errors
    /// `State` if it is under way, sent or discarded.
    pub(super) fn discard(&mut self, why: Discarded, now: DateTime<Utc>) -> Result<(), EmailError> {
        match self.state {
            EmailState::Waiting | EmailState::Dead => {
                self.state = EmailState::Discarded;
                (self.reason, self.finished_at) = (Some(why.name().to_owned()), Some(now));
                self.changed(now);
                Ok(())
            }
            state => Err(EmailError::State { id: self.id, state, verb: "discarded" }),
        }
    }

    fn changed(&mut self, now: DateTime<Utc>) {
        self.version += 1;
        self.updated_at = now;
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    #[error("there is no e-mail {0}")]
    NotFound(EmailId),
    #[error("e-mail {id} is {} and cannot be {verb}", state.name())]
    State { id: EmailId, state: EmailState, verb: &'static str },
    #[error("e-mail {id} is not sent again: {why}")]
    CauseOver { id: EmailId, why: &'static str },
}

impl DomainError for EmailError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::State { .. } | Self::CauseOver { .. } => Category::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "email_not_found",
            Self::State { .. } => "email_state_conflict",
            Self::CauseOver { .. } => "email_cause_over",
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn email(state: EmailState) -> QueuedEmail {
        let is_over = !matches!(state, EmailState::Waiting | EmailState::Sending);
        QueuedEmail {
            id: EmailId::generate(),
            version: 3,
            state,
            recipient: recipient("ada@docks.example"),
            content: EmailContent::PasswordReset {},
            user_id: Some(UserId::generate()),
            token_id: Some(Uuid::now_v7()),
            invoice_id: None,
            edition: 1,
            due_at: at(0),
            deadline: at(10),
            attempts: 4,
            last_error: Some("451 4.7.1 try again later".to_owned()),
            reason: is_over.then(|| "deadline".to_owned()),
            correlation_id: "c".to_owned(),
            created_at: at(0),
            updated_at: at(0),
            finished_at: is_over.then(|| at(0)),
        }
    }

    fn recipient(address: &str) -> Recipient {
        Recipient { address: Address::parse(address).expect("valid"), name: "Ada".to_owned() }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
    }

    #[test]
    fn e_mails_to_one_domain_take_turns_however_it_is_written() {
        assert_eq!(recipient("ada@Docks.Example").destination(), "docks.example");
    }

    #[test]
    fn what_is_over_can_be_requeued_and_gets_another_message_id_with_another_secret() {
        for state in [EmailState::Sent, EmailState::Dead, EmailState::Discarded] {
            let mut email = email(state);
            let secret = NewSecret { token_id: Uuid::now_v7(), deadline: at(99) };
            let to = recipient("ada@new.example");
            email.requeue(to.clone(), Some(secret.clone()), TimeDelta::hours(1), at(20)).expect("requeued");
            assert_eq!(
                (email.state, email.edition, email.attempts, email.version),
                (EmailState::Waiting, 2, 0, 4)
            );
            assert_eq!((email.deadline, email.token_id), (at(99), Some(secret.token_id)));
            assert_eq!((email.recipient, email.reason, email.finished_at), (to, None, None));
            assert_eq!(email.last_error, None, "nothing is wrong with it so far");
        }
    }

    #[test]
    fn a_dead_letter_without_a_secret_keeps_its_message_id() {
        let mut email = QueuedEmail { token_id: None, ..email(EmailState::Dead) };
        email.requeue(recipient("a@b.example"), None, TimeDelta::seconds(60), at(20)).expect("requeued");
        assert_eq!((email.edition, email.deadline), (1, at(80)));
    }

    #[test]
    fn what_is_under_way_is_left_alone() {
        for state in [EmailState::Waiting, EmailState::Sending] {
            let mut email = email(state);
            let to = recipient("a@b.example");
            let refused = email.requeue(to, None, TimeDelta::hours(1), at(20)).expect_err("refused");
            assert_eq!(refused.code(), "email_state_conflict");
        }
        for state in [EmailState::Sending, EmailState::Sent, EmailState::Discarded] {
            assert!(email(state).discard(Discarded::OnRequest, at(20)).is_err(), "{state:?}");
        }
        for state in [EmailState::Waiting, EmailState::Dead] {
            for (why, reason) in [(Discarded::OnRequest, "discarded"), (Discarded::CauseOver, "cause_over")] {
                let mut email = email(state);
                email.discard(why, at(20)).expect("discarded");
                assert_eq!((email.state, email.finished_at), (EmailState::Discarded, Some(at(20))));
                assert_eq!(email.reason.as_deref(), Some(reason));
            }
        }
    }
}
