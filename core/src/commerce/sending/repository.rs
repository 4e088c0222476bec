//! Sendings and transmissions in the database, as commands read and write them.

use chrono::{DateTime, SubsecRound, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Bool, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use uuid::Uuid;

use super::aggregate::{Sending, SendingError, SendingState};
use crate::application::aggregate::Aggregate;
use crate::application::error::{Error, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::invoices::chain::LinkKind;
use crate::commerce::invoices::{self, Invoice, InvoiceError};
use crate::platform::schema::{invoice_sendings, invoice_transmissions};
use crate::values::channel::Channel;
use crate::values::ids::{EmailId, InvoiceId, SendingId, TransmissionId};

/// The index that lets an invoice be under way by each channel once.
const UNDER_WAY: &str = "invoice_sendings_under_way_key";
/// The maximum length of what a server or a platform said, in characters: the rest is left out.
const MAX_DETAIL: usize = 2_000;

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = invoice_sendings,
    primary_key(tenant_id, id),
    treat_none_as_null = true,
    treat_none_as_default_value = false
)]
struct SendingRow {
    tenant_id: Uuid,
    id: Uuid,
    invoice_id: Uuid,
    channel: String,
    state: String,
    email_id: Option<Uuid>,
    attempts: i32,
    due_at: DateTime<Utc>,
    asked_by: String,
    asked_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl SendingRow {
    fn of(tenant: Uuid, sending: &Sending) -> Self {
        Self {
            tenant_id: tenant,
            id: sending.id.uuid(),
            invoice_id: sending.invoice_id.uuid(),
            channel: sending.channel.name().to_owned(),
            state: sending.state.name().to_owned(),
            email_id: sending.email_id.map(EmailId::uuid),
            attempts: sending.attempts,
            due_at: sending.due_at,
            asked_by: sending.asked_by.clone(),
            asked_at: sending.asked_at,
            updated_at: sending.updated_at,
        }
    }

    fn into_sending(self) -> Result<Sending, Error> {
        let unknown = |what, value| Error::Stored { what, value };
        let (channel, state) = (Channel::stored(&self.channel), SendingState::from_name(&self.state));
        Ok(Sending {
            id: SendingId::from_uuid(self.id),
            invoice_id: InvoiceId::from_uuid(self.invoice_id),
            channel: channel.ok_or_else(|| unknown("a channel of invoices", self.channel))?,
            state: state.ok_or_else(|| unknown("a state of a sending", self.state))?,
            email_id: self.email_id.map(EmailId::from_uuid),
            attempts: self.attempts,
            due_at: self.due_at,
            asked_by: self.asked_by,
            asked_at: self.asked_at,
            updated_at: self.updated_at,
        })
    }
}

/// Reads a sending; `None` if the tenant has no such one. Whoever changes it has locked its invoice.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn find(work: &mut UnitOfWork<'_>, id: SendingId) -> Result<Option<Sending>, Error> {
    let key = (work.tenant().uuid(), id.uuid());
    let query = invoice_sendings::table.find(key).select(SendingRow::as_select());
    let row: Option<SendingRow> = query.first(work.connection()).await.optional()?;
    row.map(SendingRow::into_sending).transpose()
}

/// Inserts a sending. Its invoice is locked.
///
/// # Errors
/// `UnderWay` if it is being sent by this channel already. Fails if the database cannot be reached.
pub(super) async fn insert(work: &mut UnitOfWork<'_>, sending: &Sending) -> Result<(), Error> {
    let row = SendingRow::of(work.tenant().uuid(), sending);
    let inserted = diesel::insert_into(invoice_sendings::table).values(&row).execute(work.connection()).await;
    unless_taken(inserted, |name| (name == UNDER_WAY).then_some(SendingError::UnderWay(sending.invoice_id)))
}

/// Writes a sending. Its invoice is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn save(work: &mut UnitOfWork<'_>, sending: &Sending) -> Result<(), Error> {
    let row = SendingRow::of(work.tenant().uuid(), sending);
    let key = (row.tenant_id, row.id);
    diesel::update(invoice_sendings::table.find(key)).set(&row).execute(work.connection()).await?;
    Ok(())
}

/// Whether a platform has the invoice.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn is_on_platform(work: &mut UnitOfWork<'_>, id: InvoiceId) -> Result<bool, Error> {
    let of_invoice =
        invoice_sendings::tenant_id.eq(work.tenant().uuid()).and(invoice_sendings::invoice_id.eq(id.uuid()));
    let taken = invoice_sendings::channel
        .eq(Channel::Platform.name())
        .and(invoice_sendings::state.eq(SendingState::Sent.name()));
    let given = invoice_sendings::table.filter(of_invoice.and(taken));
    Ok(diesel::select(exists(given)).get_result(work.connection()).await?)
}

crate::statement! {
    struct HasDocument<'a> { tenant: Uuid => SqlUuid, invoice: Uuid => SqlUuid } -> (Bool,)
    = "SELECT EXISTS (SELECT FROM invoice_documents WHERE tenant_id = $1 AND invoice_id = $2)"
}

crate::statement! {
    struct Document<'a> { tenant: Uuid => SqlUuid, invoice: Uuid => SqlUuid } -> (Binary,)
    = "SELECT pdf FROM invoice_documents WHERE tenant_id = $1 AND invoice_id = $2"
}

/// Whether the document of an invoice is there.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn has_document(work: &mut UnitOfWork<'_>, id: InvoiceId) -> Result<bool, Error> {
    let statement = HasDocument::new(work.tenant().uuid(), id.uuid());
    let (there,): (bool,) = statement.get_result(work.connection()).await?;
    Ok(there)
}

/// Reads the PDF of an invoice; `None` if it is not there yet.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn document(work: &mut UnitOfWork<'_>, id: InvoiceId) -> Result<Option<Vec<u8>>, Error> {
    let statement = Document::new(work.tenant().uuid(), id.uuid());
    let found: Vec<(Vec<u8>,)> = statement.load(work.connection()).await?;
    Ok(found.into_iter().next().map(|(pdf,)| pdf))
}

/// A step of an invoice on its way.
#[derive(Debug, Clone)]
pub(super) struct NewTransmission {
    pub(super) invoice_id: InvoiceId,
    pub(super) channel: Channel,
    pub(super) status: &'static str,
    /// Of the life cycle on platforms.
    pub(super) code: Option<i16>,
    pub(super) detail: Option<String>,
    pub(super) email_id: Option<EmailId>,
    /// As the platform says; `None` stands for now.
    pub(super) occurred_at: Option<DateTime<Utc>>,
}

/// A step as it is stored. Its link in the chain of invoices has the digest of it as JSON, with its members in this order.
#[derive(Debug, Serialize, Insertable)]
#[diesel(table_name = invoice_transmissions, treat_none_as_default_value = false)]
pub(super) struct TransmissionRow {
    pub(super) tenant_id: Uuid,
    pub(super) id: Uuid,
    pub(super) invoice_id: Uuid,
    pub(super) channel: String,
    pub(super) status: String,
    pub(super) code: Option<i16>,
    pub(super) detail: Option<String>,
    pub(super) email_id: Option<Uuid>,
    pub(super) recorded_by: String,
    pub(super) occurred_at: DateTime<Utc>,
    pub(super) recorded_at: DateTime<Utc>,
}

/// Appends a step, with its link in the chain of the invoice's series. The invoice is locked, and from here to the commit its series is, too: what may be refused comes
/// before.
///
/// # Errors
/// `NotValidated` if the invoice has no number. Fails if the database cannot be reached.
pub(super) async fn append(
    work: &mut UnitOfWork<'_>,
    invoice: &Invoice,
    new: NewTransmission,
    now: DateTime<Utc>,
) -> Result<TransmissionId, Error> {
    let not_validated = || InvoiceError::NotValidated { id: invoice.id(), action: "sent" };
    let numbered = invoice.numbered().ok_or_else(not_validated)?;
    let id = TransmissionId::generate();
    // PostgreSQL cannot store U+0000, and a mail server can say it.
    let harmless =
        |text: String| text.chars().filter(|char| *char != '\0').take(MAX_DETAIL).collect::<String>();
    let row = TransmissionRow {
        tenant_id: work.tenant().uuid(),
        id: id.uuid(),
        invoice_id: new.invoice_id.uuid(),
        channel: new.channel.name().to_owned(),
        status: new.status.to_owned(),
        code: new.code,
        detail: new.detail.map(harmless),
        email_id: new.email_id.map(EmailId::uuid),
        recorded_by: work.context().principal.name.clone(),
        // As PostgreSQL stores it: the digest is of what is read back.
        occurred_at: new.occurred_at.unwrap_or(now).trunc_subsecs(6),
        recorded_at: now,
    };
    let text = serde_json::to_string(&row)
        .map_err(|cause| Error::Serialize { what: "a step of an invoice", cause })?;
    diesel::insert_into(invoice_transmissions::table).values(&row).execute(work.connection()).await?;
    let (kind, series) = (LinkKind::Transmission, &numbered.series);
    invoices::repository::link(work, series, kind, row.id, &text, now).await?;
    Ok(id)
}
