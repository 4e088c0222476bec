//! E-mails in the database, as commands and policies read and write them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use super::content::EmailContent;
use super::email::{Discarded, EmailError, EmailState, QueuedEmail, Recipient};
use crate::accounts::users::IssuedOneTimeToken;
use crate::application::Locked;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::{email_secrets, emails};
use crate::values::contact::Email as Address;
use crate::values::ids::{EmailId, InvoiceId, UserId};

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = emails, primary_key(tenant_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(super) struct EmailRow {
    tenant_id: Uuid,
    id: Uuid,
    version: i64,
    kind: String,
    state: String,
    recipient: String,
    recipient_name: String,
    destination: String,
    content: Value,
    user_id: Option<Uuid>,
    token_id: Option<Uuid>,
    edition: i32,
    /// Only the database's clock says when an e-mail is due: other processes compare it with that one.
    #[diesel(skip_insertion, skip_update)]
    due_at: DateTime<Utc>,
    deadline: DateTime<Utc>,
    attempts: i32,
    last_error: Option<String>,
    reason: Option<String>,
    correlation_id: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    invoice_id: Option<Uuid>,
}

impl EmailRow {
    fn of(tenant: Uuid, email: &QueuedEmail) -> Result<Self, Error> {
        let content = serde_json::to_value(&email.content);
        Ok(Self {
            tenant_id: tenant,
            id: email.id.uuid(),
            version: email.version,
            kind: email.content.kind().name().to_owned(),
            state: email.state.name().to_owned(),
            recipient: email.recipient.address.as_str().to_owned(),
            recipient_name: email.recipient.name.clone(),
            destination: email.recipient.destination(),
            content: content.map_err(|cause| Error::Serialize { what: "an e-mail", cause })?,
            user_id: email.user_id.map(UserId::uuid),
            token_id: email.token_id,
            edition: email.edition,
            due_at: email.due_at,
            deadline: email.deadline,
            attempts: email.attempts,
            last_error: email.last_error.clone(),
            reason: email.reason.clone(),
            correlation_id: email.correlation_id.clone(),
            created_at: email.created_at,
            updated_at: email.updated_at,
            finished_at: email.finished_at,
            invoice_id: email.invoice_id.map(InvoiceId::uuid),
        })
    }

    pub(super) fn into_email(self) -> Result<QueuedEmail, Error> {
        let state = EmailState::named(&self.state)
            .ok_or(Error::Stored { what: "a state of an e-mail", value: self.state })?;
        Ok(QueuedEmail {
            id: EmailId::from_uuid(self.id),
            version: self.version,
            state,
            recipient: Recipient { address: Address::stored(self.recipient), name: self.recipient_name },
            content: content(self.content)?,
            user_id: self.user_id.map(UserId::from_uuid),
            token_id: self.token_id,
            invoice_id: self.invoice_id.map(InvoiceId::from_uuid),
            edition: self.edition,
            due_at: self.due_at,
            deadline: self.deadline,
            attempts: self.attempts,
            last_error: self.last_error,
            reason: self.reason,
            correlation_id: self.correlation_id,
            created_at: self.created_at,
            updated_at: self.updated_at,
            finished_at: self.finished_at,
        })
    }
}

/// Reads stored content.
pub(super) fn content(stored: Value) -> Result<EmailContent, Error> {
    serde_json::from_value(stored).map_err(|cause| Error::Serialize { what: "a stored e-mail", cause })
}

/// An e-mail that a policy queues.
#[derive(Debug)]
pub(super) struct NewEmail<'a> {
    pub(super) recipient: Recipient,
    pub(super) content: EmailContent,
    /// Whom it is about, if it is for a user.
    pub(super) user_id: Option<UserId>,
    /// The invoice whose document is attached.
    pub(super) invoice_id: Option<InvoiceId>,
    /// The token that it hands over.
    pub(super) token: Option<&'a IssuedOneTimeToken>,
    pub(super) deadline: DateTime<Utc>,
}

pub(super) async fn insert(work: &mut UnitOfWork<'_>, new: NewEmail<'_>) -> Result<EmailId, Error> {
    let now = work.now();
    let email = QueuedEmail {
        id: EmailId::generate(),
        version: 1,
        state: EmailState::Waiting,
        recipient: new.recipient,
        content: new.content,
        user_id: new.user_id,
        token_id: new.token.map(|token| token.id),
        invoice_id: new.invoice_id,
        edition: 1,
        due_at: now,
        deadline: new.deadline,
        attempts: 0,
        last_error: None,
        reason: None,
        correlation_id: work.context().correlation_id.clone(),
        created_at: now,
        updated_at: now,
        finished_at: None,
    };
    let row = EmailRow::of(work.tenant().uuid(), &email)?;
    let due = emails::due_at.eq(diesel::dsl::now);
    diesel::insert_into(emails::table).values((&row, due)).execute(work.connection()).await?;
    if let Some(token) = new.token {
        insert_secret(work, email.id, token).await?;
    }
    Ok(email.id)
}

/// What has become of an e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It waits, or is being sent.
    Open,
    /// With what the mail server said.
    Accepted(String),
    /// It is dead, discarded, or deleted by now; with the reason.
    GivenUp(String),
}

/// Looks what has become of an e-mail. It is not locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn fate(work: &mut UnitOfWork<'_>, id: EmailId) -> Result<Fate, Error> {
    let query = emails::table.find((work.tenant().uuid(), id.uuid())).select(EmailRow::as_select());
    let row: Option<EmailRow> = query.first(work.connection()).await.optional()?;
    let Some(row) = row else { return Ok(Fate::GivenUp("the e-mail was deleted".to_owned())) };
    let email = row.into_email()?;
    Ok(match email.state {
        EmailState::Waiting | EmailState::Sending => Fate::Open,
        EmailState::Sent => Fate::Accepted(email.last_error.unwrap_or_default()),
        EmailState::Dead | EmailState::Discarded => {
            let said = [email.reason, email.last_error];
            Fate::GivenUp(said.into_iter().flatten().collect::<Vec<_>>().join(": "))
        }
    })
}

/// Keeps what an e-mail hands over until it is sent.
pub(super) async fn insert_secret(
    work: &mut UnitOfWork<'_>,
    id: EmailId,
    token: &IssuedOneTimeToken,
) -> Result<(), Error> {
    let row = (
        email_secrets::tenant_id.eq(work.tenant().uuid()),
        email_secrets::email_id.eq(id.uuid()),
        email_secrets::secret.eq(token.token.expose()),
    );
    diesel::insert_into(email_secrets::table).values(row).execute(work.connection()).await?;
    Ok(())
}

pub(super) async fn delete_secret(work: &mut UnitOfWork<'_>, id: EmailId) -> Result<(), Error> {
    let tenant = work.tenant().uuid();
    let secret = email_secrets::table.find((tenant, id.uuid()));
    diesel::delete(secret).execute(work.connection()).await?;
    Ok(())
}

crate::statement! {
    /// Takes the address and the name from e-mails to somebody who is no user, and gives up those that wait. One that is being sent stays as it is.
    struct Forget<'a> {
        tenant: Uuid => SqlUuid,
        recipient: &'a str => Text,
        nobody: &'a str => Text,
        nowhere: &'a str => Text,
        reason: &'a str => Text,
        now: DateTime<Utc> => Timestamptz,
    }
    = "WITH given AS (
        SELECT $1::uuid AS tenant, $2::text AS recipient, $3::text AS nobody, $4::text AS nowhere, $5::text AS reason, $6::timestamptz AS now
    ), theirs AS MATERIALIZED (
        SELECT e.tenant_id, e.id, e.state = 'waiting' AS waits, g.nobody, g.nowhere, g.reason, g.now
        FROM emails AS e JOIN given AS g ON e.tenant_id = g.tenant AND e.recipient = g.recipient
        WHERE e.user_id IS NULL AND e.state <> 'sending' ORDER BY e.id FOR NO KEY UPDATE OF e
    )
    UPDATE emails AS e SET version = e.version + 1, recipient = t.nobody, recipient_name = t.nobody, destination = t.nowhere, last_error = NULL,
        state = CASE WHEN t.waits THEN 'discarded' ELSE e.state END,
        reason = CASE WHEN t.waits THEN t.reason ELSE e.reason END,
        finished_at = CASE WHEN t.waits THEN t.now ELSE e.finished_at END,
        updated_at = CASE WHEN t.waits THEN t.now ELSE e.updated_at END
    FROM theirs AS t WHERE e.tenant_id = t.tenant_id AND e.id = t.id"
}

/// Where e-mails went whose recipient was forgotten: a domain that cannot exist (RFC 2606).
const NOWHERE: &str = "forgotten.invalid";

/// Forgets a recipient who is no user, in all e-mails to this address. Returns how many there were.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn forget(work: &mut UnitOfWork<'_>, recipient: &Address) -> Result<usize, Error> {
    work.locks(Locked::Email);
    let (tenant, now) = (work.tenant().uuid(), work.now());
    let nobody = format!("nobody@{NOWHERE}");
    let forget = Forget::new(tenant, recipient.as_str(), &nobody, NOWHERE, Discarded::CauseOver.name(), now);
    Ok(forget.execute(work.connection()).await?)
}

/// Reads an e-mail without locking it.
///
/// # Errors
/// `NotFound` if the tenant has no such e-mail. Fails if the database cannot be reached.
pub(super) async fn find(work: &mut UnitOfWork<'_>, id: EmailId) -> Result<QueuedEmail, Error> {
    let query = emails::table.find((work.tenant().uuid(), id.uuid())).select(EmailRow::as_select());
    let row: Option<EmailRow> = query.first(work.connection()).await.optional()?;
    row.ok_or(EmailError::NotFound(id))?.into_email()
}

/// Reads an e-mail and locks it.
///
/// # Errors
/// As [`find`].
pub(super) async fn load(work: &mut UnitOfWork<'_>, id: EmailId) -> Result<QueuedEmail, Error> {
    work.locks(Locked::Email);
    let query = emails::table
        .find((work.tenant().uuid(), id.uuid()))
        .select(EmailRow::as_select())
        .for_no_key_update();
    let row: Option<EmailRow> = query.first(work.connection()).await.optional()?;
    row.ok_or(EmailError::NotFound(id))?.into_email()
}

/// Writes an e-mail, but for when it is due.
pub(super) async fn save(work: &mut UnitOfWork<'_>, email: &QueuedEmail) -> Result<(), Error> {
    let row = EmailRow::of(work.tenant().uuid(), email)?;
    diesel::update(emails::table.find((row.tenant_id, row.id))).set(&row).execute(work.connection()).await?;
    Ok(())
}

/// Writes an e-mail that is due now.
pub(super) async fn save_due(work: &mut UnitOfWork<'_>, email: &mut QueuedEmail) -> Result<(), Error> {
    let row = EmailRow::of(work.tenant().uuid(), email)?;
    let due_at: DateTime<Utc> = diesel::update(emails::table.find((row.tenant_id, row.id)))
        .set((&row, emails::due_at.eq(diesel::dsl::now)))
        .returning(emails::due_at)
        .get_result(work.connection())
        .await?;
    email.due_at = due_at;
    Ok(())
}

/// Returns the database's time, by which attempts change e-mails.
pub(super) async fn now(work: &mut UnitOfWork<'_>) -> Result<DateTime<Utc>, Error> {
    let now = diesel::select(diesel::dsl::now.into_sql::<Timestamptz>());
    Ok(now.get_result(work.connection()).await?)
}

/// Which e-mails somebody means by what they have in common.
#[derive(Debug, Clone)]
pub(super) struct Wanted<'a> {
    pub(super) states: &'a [EmailState],
    pub(super) kind: Option<&'a str>,
    pub(super) destination: Option<&'a str>,
    /// Those that have not changed since.
    pub(super) until: DateTime<Utc>,
}

/// Returns ids of e-mails that match, the oldest first.
pub(super) async fn matching(
    work: &mut UnitOfWork<'_>,
    wanted: Wanted<'_>,
    limit: i64,
) -> Result<Vec<EmailId>, Error> {
    let states: Vec<&str> = wanted.states.iter().map(|state| state.name()).collect();
    let mut query = emails::table
        .filter(emails::tenant_id.eq(work.tenant().uuid()).and(emails::state.eq_any(states)))
        .filter(emails::updated_at.le(wanted.until))
        .order((emails::created_at, emails::id))
        .select(emails::id)
        .limit(limit)
        .into_boxed();
    if let Some(kind) = wanted.kind {
        query = query.filter(emails::kind.eq(kind));
    }
    if let Some(destination) = wanted.destination {
        query = query.filter(emails::destination.eq(destination));
    }
    let ids: Vec<Uuid> = query.load(work.connection()).await?;
    Ok(ids.into_iter().map(EmailId::from_uuid).collect())
}
