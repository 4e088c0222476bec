//! Policies: which e-mails follow from what happened, queued in its transaction.

use std::sync::Arc;

use chrono::TimeDelta;
use tokio::sync::Notify;

use super::content::{Change, EmailContent, InvoiceMail, LowStock, ReminderMail};
use super::email::Recipient;
use super::repository::{self, NewEmail};
use crate::accounts::users::{self, IssuedOneTimeToken, TokenPurpose, User, UserEvent};
use crate::application::Actor;
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::values::contact::Email as Address;
use crate::values::ids::{EmailId, InvoiceId};

/// How long e-mails, and the tokens that they hand over, are of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// Of a token that verifies an address, or lets a new user set a password.
    pub verification: TimeDelta,
    /// Of a token that sets a password instead of a forgotten one.
    pub reset: TimeDelta,
    /// Of what hands over no token.
    pub notices: TimeDelta,
}

/// The policies, and whom they wake. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Policies {
    pub(super) lifetimes: Lifetimes,
    /// Wakes the mailer of this process.
    bell: Arc<Notify>,
}

impl Policies {
    pub fn new(lifetimes: Lifetimes) -> Self {
        Self { lifetimes, bell: Arc::default() }
    }

    /// Is notified after a commit that queued an e-mail.
    pub fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }

    /// # Errors
    /// Fails if the database cannot be reached.
    pub(crate) async fn on_user(&self, work: &mut UnitOfWork<'_>, event: &UserEvent) -> Result<(), Error> {
        match event {
            UserEvent::Registered(user) => self.registered(work, user).await,
            UserEvent::PasswordResetRequested { user, token } => {
                self.hand_over(work, user, token, EmailContent::PasswordReset {}).await
            }
            UserEvent::PasswordChanged(user) => self.notify(work, user, Change::Password).await,
            UserEvent::RoleChanged { user, previous } => {
                let change = Change::Role { from: previous.to_string(), to: user.role().to_string() };
                self.notify(work, user, change).await
            }
            UserEvent::PermissionChanged(user) => {
                let names = |set: crate::application::PermissionSet| -> Vec<String> {
                    set.names().into_iter().map(str::to_owned).collect()
                };
                let change =
                    Change::Permissions { granted: names(user.granted()), revoked: names(user.revoked()) };
                self.notify(work, user, change).await
            }
            UserEvent::Updated(_)
            | UserEvent::EmailVerified(_)
            | UserEvent::LoggedIn { .. }
            | UserEvent::LoggedOut { .. }
            | UserEvent::Disabled(_)
            | UserEvent::Enabled(_) => Ok(()),
        }
    }

    /// Whoever has a verified address was registered by an operator, who hands the password over.
    async fn registered(&self, work: &mut UnitOfWork<'_>, user: &User) -> Result<(), Error> {
        if user.email_verified_at().is_some() {
            return Ok(());
        }
        let by = decider(work);
        let (purpose, content) = match user.password() {
            Some(_) => (TokenPurpose::VerifyEmail, EmailContent::Welcome { by }),
            None => (TokenPurpose::ResetPassword, EmailContent::Invitation { by }),
        };
        let token = users::issue(work, user.id(), purpose, self.lifetimes.verification).await?;
        self.hand_over(work, user, &token, content).await
    }

    async fn hand_over(
        &self,
        work: &mut UnitOfWork<'_>,
        user: &User,
        token: &IssuedOneTimeToken,
        content: EmailContent,
    ) -> Result<(), Error> {
        let new = NewEmail {
            recipient: recipient(user),
            content,
            user_id: Some(user.id()),
            invoice_id: None,
            token: Some(token),
            deadline: token.expires_at,
        };
        self.queue(work, new).await.map(drop)
    }

    async fn notify(&self, work: &mut UnitOfWork<'_>, user: &User, change: Change) -> Result<(), Error> {
        let (by, at) = (decider(work), work.now());
        let new = NewEmail {
            recipient: recipient(user),
            content: EmailContent::SecurityNotice { change, by, at },
            user_id: Some(user.id()),
            invoice_id: None,
            token: None,
            deadline: at + self.lifetimes.notices,
        };
        self.queue(work, new).await.map(drop)
    }

    /// Tells a user what is low in stock, and how many more products are.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub(crate) async fn stock_low(
        &self,
        work: &mut UnitOfWork<'_>,
        user: &User,
        low: &[LowStock],
        more: u64,
    ) -> Result<(), Error> {
        let new = NewEmail {
            recipient: recipient(user),
            content: EmailContent::StockDigest { low: low.to_vec(), more },
            user_id: Some(user.id()),
            invoice_id: None,
            token: None,
            deadline: work.now() + self.lifetimes.notices,
        };
        self.queue(work, new).await.map(drop)
    }

    /// Sends a customer an invoice, whose document is there: it is attached when the e-mail leaves.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub(crate) async fn invoice(
        &self,
        work: &mut UnitOfWork<'_>,
        (address, name): (&Address, &str),
        id: InvoiceId,
        invoice: InvoiceMail,
    ) -> Result<EmailId, Error> {
        let new = NewEmail {
            recipient: Recipient { address: address.clone(), name: name.to_owned() },
            content: EmailContent::Invoice(invoice),
            user_id: None,
            invoice_id: Some(id),
            token: None,
            deadline: work.now() + self.lifetimes.notices,
        };
        self.queue(work, new).await
    }

    /// Reminds a customer of what is overdue.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub(crate) async fn reminder(
        &self,
        work: &mut UnitOfWork<'_>,
        (address, name): (&Address, &str),
        reminder: ReminderMail,
    ) -> Result<EmailId, Error> {
        let new = NewEmail {
            recipient: Recipient { address: address.clone(), name: name.to_owned() },
            content: EmailContent::InvoiceReminder(reminder),
            user_id: None,
            invoice_id: None,
            token: None,
            deadline: work.now() + self.lifetimes.notices,
        };
        self.queue(work, new).await
    }

    async fn queue(&self, work: &mut UnitOfWork<'_>, new: NewEmail<'_>) -> Result<EmailId, Error> {
        let id = repository::insert(work, new).await?;
        work.wakes(&self.bell);
        Ok(id)
    }
}

pub(super) fn recipient(user: &User) -> Recipient {
    Recipient { address: user.email().clone(), name: user.name().to_string() }
}

/// Who is named as the cause. An operator's account on a machine says nothing to the recipient.
fn decider(work: &UnitOfWork<'_>) -> String {
    let principal = &work.context().principal;
    match principal.actor {
        Actor::Operator | Actor::OperatorAccount { .. } => "Comptoir".to_owned(),
        Actor::User { .. } | Actor::ApiKey(_) => principal.name.clone(),
    }
}
