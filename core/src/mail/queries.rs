//! The queries on e-mails. None of them reads a secret.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::config::Links;
use super::email::{EmailError, EmailKind, EmailState, QueuedEmail};
use super::letters::{Setting, letter};
use super::repository::EmailRow;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::platform::paging::{
    Filter, Listed, Matching, Page, PageRequest, SortKey, SortValue, look_through, walk,
};
use crate::platform::schema::{email_attempts, emails, tenants};
use crate::values::ids::EmailId;
use crate::values::language::Language;

/// The maximum number of attempts that are shown of an e-mail: the last ones.
const MAX_ATTEMPTS: i64 = 100;

/// An e-mail on its way. What it hands over, such as a token, is never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Email)]
pub struct EmailView {
    #[schema(value_type = Uuid)]
    pub id: EmailId,
    /// Rises with every change, an attempt included; the ETag.
    pub version: i64,
    pub kind: EmailKind,
    pub state: EmailState,
    #[schema(example = "ada@docks.example")]
    pub recipient: String,
    #[schema(example = "Ada Martin")]
    pub recipient_name: String,
    /// The user whom it is about.
    pub user_id: Option<Uuid>,
    /// Since it was queued, or requeued.
    pub attempts: i32,
    /// Why it is not sent: what the mail server said at last, or why it could not be asked; null once it is sent or requeued.
    #[schema(example = "451 4.7.1 try again later")]
    pub last_error: Option<String>,
    /// Why it is dead (`refused`, `deadline`) or discarded (`discarded`, `cause_over`).
    #[schema(example = "deadline")]
    pub reason: Option<String>,
    /// When it is looked at next.
    pub due_at: DateTime<Utc>,
    /// It is not sent after this.
    pub deadline: DateTime<Utc>,
    #[schema(example = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b")]
    pub correlation_id: String,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}

impl From<QueuedEmail> for EmailView {
    fn from(email: QueuedEmail) -> Self {
        Self {
            id: email.id,
            version: email.version,
            kind: email.content.kind(),
            state: email.state,
            recipient: email.recipient.address.as_str().to_owned(),
            recipient_name: email.recipient.name,
            user_id: email.user_id.map(crate::values::ids::UserId::uuid),
            attempts: email.attempts,
            // The row of a sent one says with which words it was accepted.
            last_error: email.last_error.filter(|_| email.state != EmailState::Sent),
            reason: email.reason,
            due_at: email.due_at,
            deadline: email.deadline,
            correlation_id: email.correlation_id,
            created_at: email.created_at,
            finished_at: email.finished_at,
            updated_at: email.updated_at,
        }
    }
}

/// An e-mail with its words and its attempts.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EmailDetails {
    #[serde(flatten)]
    pub email: EmailView,
    #[schema(example = "Welcome to Docks")]
    pub subject: String,
    /// As it is sent, but for what it hands over.
    #[schema(example = "Good morning Ada Martin, …")]
    pub text: String,
    /// The last 100, the newest first.
    pub history: Vec<AttemptView>,
}

/// An attempt to send an e-mail.
#[derive(Debug, Clone, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = email_attempts)]
#[schema(as = EmailAttempt)]
pub struct AttemptView {
    pub started_at: DateTime<Utc>,
    /// Empty while it is under way.
    pub ended_at: Option<DateTime<Utc>>,
    /// `accepted`; `refused` for good; `failed` for now; `unknown`: the server may have accepted it, and its answer was lost;
    /// `over`: its cause was over.
    #[schema(example = "failed")]
    pub outcome: Option<String>,
    /// What the mail server said.
    #[schema(example = "451 4.7.1 try again later")]
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailSort {
    CreatedAt,
}

impl SortKey for EmailSort {
    const NAMES: &'static [(&'static str, Self)] = &[("created_at", Self::CreatedAt)];
    const DEFAULT: &'static str = "-created_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<EmailSort> for EmailView {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, _: EmailSort) -> SortValue {
        self.created_at.into()
    }
}

#[derive(Debug, Clone, Default)]
pub struct EmailFilter {
    pub state: Option<EmailState>,
    pub kind: Option<EmailKind>,
    /// The address as it was written.
    pub recipient: Option<String>,
    /// The domain of the recipient's address.
    pub destination: Option<String>,
}

type Rows<'a> = emails::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<EmailRow, Pg>>>;

impl EmailFilter {
    /// Returns a query of the rows to look through, in the order of an index. [`Self::matching`] narrows it to those that
    /// match.
    fn walk(&self, context: &RequestContext, request: &PageRequest<EmailSort>) -> Rows<'_> {
        use emails::{created_at, id, state};
        let of_tenant = emails::tenant_id.eq(context.tenant_id().uuid());
        let query = emails::table.filter(of_tenant).select(EmailRow::as_select()).into_boxed();
        match self.state {
            Some(wanted) => walk!(query, request.times(), [state => wanted.name()], created_at, id),
            None => walk!(query, request.times(), [], created_at, id),
        }
    }

    fn matching<'a>(&'a self, looked_at: Rows<'a>, limit: i64) -> Matching<'a, Rows<'a>, emails::table> {
        use emails::{destination, kind, recipient, state};
        let mut filters: Vec<Filter<'_, emails::table>> = Vec::new();
        if let Some(wanted) = self.state {
            filters.push(Box::new(state.eq(wanted.name())));
        }
        if let Some(wanted) = self.kind {
            filters.push(Box::new(kind.eq(wanted.name())));
        }
        if let Some(wanted) = &self.recipient {
            filters.push(Box::new(recipient.eq(wanted.as_str())));
        }
        if let Some(wanted) = &self.destination {
            filters.push(Box::new(destination.eq(wanted.as_str())));
        }
        Matching::of(looked_at, "emails", filters, limit)
    }
}

/// Lists the tenant's e-mails. A page looks through 5,000 of them at most, or of those in one state.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &EmailFilter,
    request: &PageRequest<EmailSort>,
) -> Result<Page<EmailView>, Error> {
    let (last, rows): (Option<EmailRow>, Vec<EmailRow>) = db
        .read(context, async |connection| {
            let walk = || filter.walk(context, request);
            let matching = |looked_at, limit| filter.matching(looked_at, limit);
            Ok(look_through!(connection, request, walk, matching))
        })
        .await?;
    let view = |row: EmailRow| row.into_email().map(EmailView::from);
    let edge = last.map(view).transpose()?;
    let views: Result<Vec<_>, Error> = rows.into_iter().map(view).collect();
    Ok(request.page_up_to(edge, views?))
}

type Sender = (String, String, String);

/// Returns an e-mail with its words and its attempts.
///
/// # Errors
/// `NotFound` if the tenant has no such e-mail. Fails if the database cannot be reached.
pub async fn get(
    db: &TenantDatabase,
    context: &RequestContext,
    id: EmailId,
    links: &Links,
) -> Result<EmailDetails, Error> {
    let tenant = context.tenant_id().uuid();
    let (row, sender, history) = db
        .read(context, async |mut connection| {
            let row: Option<EmailRow> = emails::table
                .find((tenant, id.uuid()))
                .select(EmailRow::as_select())
                .first(&mut connection)
                .await
                .optional()?;
            let sender: Sender = tenants::table
                .find(tenant)
                .select((tenants::name, tenants::language, tenants::time_zone))
                .first(&mut connection)
                .await?;
            let attempts: Vec<AttemptView> = email_attempts::table
                .filter(email_attempts::tenant_id.eq(tenant).and(email_attempts::email_id.eq(id.uuid())))
                .order(email_attempts::epoch.desc())
                .select(AttemptView::as_select())
                .limit(MAX_ATTEMPTS)
                .load(&mut connection)
                .await?;
            Ok((row, sender, attempts))
        })
        .await?;
    let email = row.ok_or(EmailError::NotFound(id))?.into_email()?;
    let (company, language, time_zone) = sender;
    let setting = Setting {
        company: &company,
        language: Language::stored(&language),
        time_zone: &time_zone,
        recipient: &email.recipient.name,
        deadline: email.deadline,
        links,
    };
    let letter = letter(&email.content, &setting, None);
    let (subject, text) = (letter.subject.clone(), letter.text()?);
    Ok(EmailDetails { email: email.into(), subject, text, history })
}
