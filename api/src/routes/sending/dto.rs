//! How invoices reach customers, as JSON.

use comptoir_core::commerce::invoices::DisputeReason;
use comptoir_core::commerce::sending::{LifeCycle, RecordPlatformStatus, TransmissionDetail};
use comptoir_core::values::channel::Channel;
use comptoir_core::values::ids::InvoiceId;
use comptoir_core::values::invalid::Invalid;
use deserr::Deserr;
use utoipa::ToSchema;

use crate::extract::{Faults, Time, one_of, read_from_text};

read_from_text!(DisputeReason, HandedOver, TransmissionDetail);
read_from_text!(LifeCycle => |text| one_of(text, &LifeCycle::ALL, LifeCycle::name));

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct SendInvoiceRequest {
    /// `email` or `platform`. Left out or null: the customer's channel, or by e-mail.
    #[deserr(default)]
    pub(crate) channel: Option<Channel>,
}

/// The channels by which somebody gets an invoice without us.
#[derive(Debug)]
pub(crate) struct HandedOver(pub(crate) Channel);

impl HandedOver {
    fn parse(text: &str) -> Result<Self, Invalid> {
        // What is e-mailed or given to a platform, the mail server or the platform says.
        one_of(text, &[Channel::Download], Channel::name).map(Self)
    }
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct InvoiceSentRequest {
    /// `download`: the customer, or somebody for it, has the document.
    #[schema(value_type = String, example = "download", pattern = "^download$")]
    pub(crate) channel: HandedOver,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct PlatformStatusRequest {
    status: LifeCycle,
    /// What the platform says of it, such as why it was refused.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "wrong order number", min_length = 1, max_length = 1000)]
    detail: Option<TransmissionDetail>,
    /// When it happened, as the platform says; RFC 3339, at most a day ahead. Left out or null: now.
    #[deserr(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    occurred_at: Option<Time>,
}

impl PlatformStatusRequest {
    pub(super) fn into_command(self, id: InvoiceId) -> RecordPlatformStatus {
        let Self { status, detail, occurred_at } = self;
        RecordPlatformStatus { id, status, detail, occurred_at: occurred_at.map(|Time(time)| time) }
    }
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct DisputeInvoiceRequest {
    #[schema(value_type = String, example = "two pots arrived broken", min_length = 1, max_length = 500)]
    pub(crate) reason: DisputeReason,
}
