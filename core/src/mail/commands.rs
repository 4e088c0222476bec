//! The commands on e-mails: to send them again, and to discard them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::email::{Discarded, EmailError, EmailKind, EmailState, NewSecret, QueuedEmail};
use super::policies::{Lifetimes, Policies, recipient};
use super::queries::EmailView;
use super::repository::{self, Wanted};
use crate::accounts::users::{self, IssuedOneTimeToken, TokenPurpose, User, UserStatus};
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::values::ids::{EmailId, UserId};

const RESOURCE: &str = "email";
/// How many e-mails one command requeues or discards at most.
const MAX_MATCHING: i64 = 100;

/// Sends an e-mail again: to the recipient as they are now, with another secret, which ends the one before.
#[derive(Debug)]
pub struct RequeueEmail {
    pub id: EmailId,
    pub expected_version: Option<i64>,
    pub policies: Policies,
}

impl Command for RequeueEmail {
    type Outcome = EmailView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<EmailView, Error> {
        let before = repository::find(work, self.id).await?;
        check_version(self.expected_version, before.version)?;
        let mut requeued = requeue(work, &self.policies, vec![before.clone()], OfNoUse::IsRefused).await?;
        if let Some(refused) = requeued.refused.pop() {
            return Err(refused.into());
        }
        let after = requeued.done.pop().ok_or(EmailError::NotFound(self.id))?;
        let (before, after) = (EmailView::from(before), EmailView::from(after));
        work.audit("email.requeue", (RESOURCE, self.id), Some(&before), Some(&after))?;
        Ok(after)
    }
}

/// Gives an e-mail up, and wipes its secret.
#[derive(Debug)]
pub struct DiscardEmail {
    pub id: EmailId,
    pub expected_version: Option<i64>,
}

impl Command for DiscardEmail {
    type Outcome = EmailView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<EmailView, Error> {
        let before = repository::load(work, self.id).await?;
        check_version(self.expected_version, before.version)?;
        let after = discard(work, before.clone(), Discarded::OnRequest).await?;
        let (before, after) = (EmailView::from(before), EmailView::from(after));
        work.audit("email.discard", (RESOURCE, self.id), Some(&before), Some(&after))?;
        Ok(after)
    }
}

/// What the e-mails have in common that somebody means.
#[derive(Debug, Clone)]
pub struct Matching {
    pub kind: Option<EmailKind>,
    /// The domain of the recipients' addresses.
    pub destination: Option<String>,
    /// Those that have not changed since; `None` for those that match now.
    pub until: Option<DateTime<Utc>>,
    /// Tells what would be done, and does nothing.
    pub dry_run: bool,
}

/// What became of the e-mails that matched.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MatchedEmails)]
pub struct Matched {
    /// Those that were requeued or discarded, or would be.
    #[schema(value_type = Vec<Uuid>)]
    pub done: Vec<EmailId>,
    /// Those that were not: their cause is over, and instead of being requeued they were discarded, or somebody else was faster.
    #[schema(value_type = Vec<Uuid>)]
    pub refused: Vec<EmailId>,
    /// Whether there may be more: ask again, with the same `until`.
    pub more: bool,
    /// What changed after this was left alone.
    pub until: DateTime<Utc>,
    pub dry_run: bool,
}

/// Sends the dead letters again that match. Those that are of no use any more are discarded: they would be found again the next
/// time, and stand in front of the others for ever.
#[derive(Debug)]
pub struct RequeueMatching {
    pub matching: Matching,
    pub policies: Policies,
}

impl Command for RequeueMatching {
    type Outcome = Matched;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<Matched, Error> {
        let (found, until) = found(work, &self.matching, &[EmailState::Dead]).await?;
        let more = is_full(&found);
        if self.matching.dry_run {
            return Ok(Matched { done: found, refused: Vec::new(), more, until, dry_run: true });
        }
        let mut emails = Vec::new();
        for id in found {
            emails.push(repository::find(work, id).await?);
        }
        let Requeued { done, refused } = requeue(work, &self.policies, emails, OfNoUse::IsDiscarded).await?;
        let done: Vec<EmailId> = done.iter().map(|email| email.id).collect();
        let refused: Vec<EmailId> = refused.iter().map(EmailError::id).collect();
        noted(work, "email.requeue_matching", Matched { done, refused, more, until, dry_run: false })
    }
}

/// Discards e-mails that match, in one state.
#[derive(Debug)]
pub struct DiscardMatching {
    pub matching: Matching,
    /// Waiting or dead.
    pub state: EmailState,
}

impl Command for DiscardMatching {
    type Outcome = Matched;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<Matched, Error> {
        let (found, until) = found(work, &self.matching, &[self.state]).await?;
        let more = is_full(&found);
        let dry_run = self.matching.dry_run;
        let (mut done, mut refused) = (Vec::new(), Vec::new());
        for id in found {
            if dry_run {
                done.push(id);
                continue;
            }
            let email = repository::load(work, id).await?;
            match discard(work, email, Discarded::OnRequest).await {
                Ok(_) => done.push(id),
                Err(error) if error.refusal::<EmailError>().is_some() => refused.push(id),
                Err(error) => return Err(error),
            }
        }
        let matched = Matched { done, refused, more, until, dry_run };
        if dry_run { Ok(matched) } else { noted(work, "email.discard_matching", matched) }
    }
}

impl EmailError {
    fn id(&self) -> EmailId {
        match self {
            Self::NotFound(id) | Self::State { id, .. } | Self::CauseOver { id, .. } => *id,
        }
    }
}

fn is_full(found: &[EmailId]) -> bool {
    i64::try_from(found.len()).is_ok_and(|number| number >= MAX_MATCHING)
}

fn noted(work: &mut UnitOfWork<'_>, action: &'static str, matched: Matched) -> Result<Matched, Error> {
    if !matched.done.is_empty() || !matched.refused.is_empty() {
        let until = matched.until.to_rfc3339();
        work.audit(action, (RESOURCE, format!("until {until}")), None, Some(&matched))?;
    }
    Ok(matched)
}

async fn found(
    work: &mut UnitOfWork<'_>,
    matching: &Matching,
    states: &[EmailState],
) -> Result<(Vec<EmailId>, DateTime<Utc>), Error> {
    let until = match matching.until {
        Some(until) => until,
        None => repository::now(work).await?,
    };
    let wanted = Wanted {
        states,
        kind: matching.kind.map(EmailKind::name),
        destination: matching.destination.as_deref(),
        until,
    };
    let mut found = repository::matching(work, wanted, MAX_MATCHING).await?;
    // The order in which they are locked.
    found.sort_unstable();
    Ok((found, until))
}

async fn discard(
    work: &mut UnitOfWork<'_>,
    mut email: QueuedEmail,
    why: Discarded,
) -> Result<QueuedEmail, Error> {
    let now = work.now_after(email.updated_at);
    email.discard(why, now)?;
    repository::save(work, &email).await?;
    repository::delete_secret(work, email.id).await?;
    Ok(email)
}

/// What became of e-mails that were to be requeued.
struct Requeued {
    done: Vec<QueuedEmail>,
    refused: Vec<EmailError>,
}

/// What becomes of an e-mail that is to be requeued and would be of no use any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OfNoUse {
    IsRefused,
    /// If it is as it was read.
    IsDiscarded,
}

/// Requeues e-mails that were read without a lock: first the users are locked, then the tokens are issued, then the e-mails are
/// locked and looked at again, as the order of locks wants it.
async fn requeue(
    work: &mut UnitOfWork<'_>,
    policies: &Policies,
    emails: Vec<QueuedEmail>,
    of_no_use: OfNoUse,
) -> Result<Requeued, Error> {
    let users = locked_users(work, &emails).await?;
    let mut decided = Vec::new();
    let mut served = BTreeSet::new();
    // The newest first: only the newest token of a purpose is valid.
    for email in emails.into_iter().rev() {
        let user = email.user_id.and_then(|id| users.get(&id));
        let token = token_of(work, &policies.lifetimes, &email, user, &mut served).await?;
        decided.push((email.id, email.version, user, token));
    }
    decided.reverse();
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for (id, version, user, token) in decided {
        let token = match token {
            Ok(token) => token,
            Err(why) => {
                if of_no_use == OfNoUse::IsDiscarded && matches!(why, EmailError::CauseOver { .. }) {
                    let email = repository::load(work, id).await?;
                    if email.version == version && email.state == EmailState::Dead {
                        discard(work, email, Discarded::CauseOver).await?;
                    }
                }
                refused.push(why);
                continue;
            }
        };
        let mut email = repository::load(work, id).await?;
        let to = user.map_or_else(|| email.recipient.clone(), recipient);
        let secret = token.as_ref().map(|token| NewSecret { token_id: token.id, deadline: token.expires_at });
        let now = work.now_after(email.updated_at);
        // Somebody else may have requeued it in between: the transaction then ends, with its tokens.
        email.requeue(to, secret, policies.lifetimes.notices, now)?;
        repository::save_due(work, &mut email).await?;
        if let Some(token) = &token {
            repository::delete_secret(work, id).await?;
            repository::insert_secret(work, id, token).await?;
        }
        done.push(email);
    }
    work.wakes(&policies.bell());
    Ok(Requeued { done, refused })
}

async fn locked_users(
    work: &mut UnitOfWork<'_>,
    emails: &[QueuedEmail],
) -> Result<BTreeMap<UserId, User>, Error> {
    let ids: BTreeSet<UserId> = emails.iter().filter_map(|email| email.user_id).collect();
    let mut users = BTreeMap::new();
    for id in ids {
        users.insert(id, users::repository::load(work, id).await?);
    }
    Ok(users)
}

/// Issues the token that an e-mail is to hand over; `None` if it hands over none.
async fn token_of(
    work: &mut UnitOfWork<'_>,
    lifetimes: &Lifetimes,
    email: &QueuedEmail,
    user: Option<&User>,
    served: &mut BTreeSet<(UserId, &'static str)>,
) -> Result<Result<Option<IssuedOneTimeToken>, EmailError>, Error> {
    if let Err(refused) = email.check_requeue() {
        return Ok(Err(refused));
    }
    let (purpose, lifetime) = match email.content.kind() {
        EmailKind::Welcome => (TokenPurpose::VerifyEmail, lifetimes.verification),
        EmailKind::Invitation => (TokenPurpose::ResetPassword, lifetimes.verification),
        EmailKind::PasswordReset => (TokenPurpose::ResetPassword, lifetimes.reset),
        EmailKind::SecurityNotice
        | EmailKind::StockDigest
        | EmailKind::Invoice
        | EmailKind::InvoiceReminder => return Ok(Ok(None)),
    };
    let over = |why| Ok(Err(EmailError::CauseOver { id: email.id, why }));
    use crate::application::aggregate::Aggregate;
    let Some(user) = user else { return over("its recipient is no user any more") };
    if user.status() == UserStatus::Disabled {
        return over("its recipient is disabled");
    }
    match email.content.kind() {
        EmailKind::Welcome if user.status() != UserStatus::Unverified => {
            return over("the address is verified");
        }
        EmailKind::Invitation if user.password().is_some() => {
            return over("its recipient has a password");
        }
        EmailKind::PasswordReset if !is_open(work, email.token_id).await? => {
            return over("its token was used, or replaced by another one");
        }
        _ => {}
    }
    if !served.insert((user.id(), purpose.name())) {
        return over("a later e-mail to its recipient has the same purpose");
    }
    Ok(Ok(Some(users::issue(work, user.id(), purpose, lifetime).await?)))
}

async fn is_open(work: &mut UnitOfWork<'_>, token: Option<Uuid>) -> Result<bool, Error> {
    match token {
        Some(token) => users::is_unused(work, token).await,
        None => Ok(false),
    }
}
