//! The queries on how invoices reached customers.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{Sending, SendingState};
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::commerce::invoices::InvoiceError;
use crate::platform::schema::{invoice_transmissions, invoices};
use crate::values::channel::Channel;
use crate::values::ids::{EmailId, InvoiceId, SendingId};

/// The maximum number of steps that are shown of an invoice: the last ones.
const MAX_SHOWN: i64 = 500;

/// That an invoice is to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = InvoiceSending)]
pub struct SendingView {
    #[schema(value_type = Uuid)]
    pub id: SendingId,
    #[schema(value_type = Uuid)]
    pub invoice_id: InvoiceId,
    pub channel: Channel,
    /// `waiting` for its document or for the platform, `queued` as an e-mail, `sent` once the mail server or the platform took it, `failed`.
    pub state: SendingState,
    /// Its e-mail, once it is queued.
    #[schema(value_type = Option<Uuid>)]
    pub email_id: Option<EmailId>,
    #[schema(example = "ada@docks.example")]
    pub asked_by: String,
    pub asked_at: DateTime<Utc>,
}

impl SendingView {
    pub(super) fn of(sending: &Sending) -> Self {
        Self {
            id: sending.id,
            invoice_id: sending.invoice_id,
            channel: sending.channel,
            state: sending.state,
            email_id: sending.email_id,
            asked_by: sending.asked_by.clone(),
            asked_at: sending.asked_at,
        }
    }
}

/// A step of an invoice on its way to the customer. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = invoice_transmissions)]
#[schema(as = InvoiceTransmission)]
pub struct TransmissionView {
    pub id: Uuid,
    /// `email`, `download` or `platform`.
    #[schema(example = "platform")]
    pub channel: String,
    /// `asked`, `sent`, `failed`; or a state of the life cycle on platforms, such as `deposited` or `refused`.
    #[schema(example = "deposited")]
    pub status: String,
    /// Of that life cycle: 200 to 213.
    #[schema(example = 200)]
    pub code: Option<i16>,
    /// What the mail server, the platform or a person said.
    pub detail: Option<String>,
    pub email_id: Option<Uuid>,
    #[schema(example = "ada@docks.example")]
    pub recorded_by: String,
    /// As the platform says; otherwise when it was recorded.
    pub occurred_at: DateTime<Utc>,
    pub recorded_at: DateTime<Utc>,
}

/// Returns the steps of an invoice, the newest first, at most [`MAX_SHOWN`].
///
/// # Errors
/// `NotFound` if the tenant has no such invoice. Fails if the database cannot be reached.
pub async fn transmissions(
    db: &TenantDatabase,
    context: &RequestContext,
    id: InvoiceId,
) -> Result<Vec<TransmissionView>, Error> {
    let (tenant, invoice) = (context.tenant_id().uuid(), id.uuid());
    let found: Option<Vec<TransmissionView>> = db
        .read(context, async |mut connection| {
            let there: Option<Uuid> = invoices::table
                .find((tenant, invoice))
                .select(invoices::id)
                .first(&mut connection)
                .await
                .optional()?;
            if there.is_none() {
                return Ok(None);
            }
            let of_invoice = invoice_transmissions::tenant_id
                .eq(tenant)
                .and(invoice_transmissions::invoice_id.eq(invoice));
            let steps: Vec<TransmissionView> = invoice_transmissions::table
                .filter(of_invoice)
                .order((invoice_transmissions::recorded_at.desc(), invoice_transmissions::id.desc()))
                .select(TransmissionView::as_select())
                .limit(MAX_SHOWN)
                .load(&mut connection)
                .await?;
            Ok(Some(steps))
        })
        .await?;
    Ok(found.ok_or(InvoiceError::NotFound(id))?)
}
