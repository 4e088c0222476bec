//! Payments as JSON.

use comptoir_core::commerce::payments::{
    MAX_INVOICES, PaymentFilter, PaymentMethod, PaymentReason, PaymentReference, PaymentSummary,
    RecordPayment, ReversePayment, UseCredit, Wanted,
};
use comptoir_core::values::business_date::BusinessDate;
use comptoir_core::values::ids::{CustomerId, InvoiceId, PaymentId};
use comptoir_core::values::invalid::Invalid;
use comptoir_core::values::money::Money;
use deserr::Deserr;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Faults, one_of, read_from_text};

read_from_text!(PaymentReason, PaymentReference, PaidAmount);
read_from_text!(PaymentMethod => |text| one_of(text, &PaymentMethod::ALL, PaymentMethod::name));

/// An amount above zero.
#[derive(Debug)]
struct PaidAmount(Money);

impl PaidAmount {
    fn parse(text: &str) -> Result<Self, Invalid> {
        let amount = Money::parse(text)?;
        if amount.is_negative() || amount.is_zero() {
            return Err(Invalid::new("not_positive", "an amount is more than zero"));
        }
        Ok(Self(amount))
    }
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct RecordPaymentRequest {
    #[schema(value_type = Uuid)]
    customer_id: CustomerId,
    method: PaymentMethod,
    /// When it came; today, in your company's time zone, if it is left out. At most ten years back, and a day ahead (UTC).
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    received_on: Option<BusinessDate>,
    /// In your company's currency; more than zero.
    #[schema(value_type = String, example = "120.00", pattern = r"^\d{1,15}(\.\d{1,2})?$")]
    amount: PaidAmount,
    /// What the bank or the customer calls it.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "FA-2026-000123", min_length = 1, max_length = 140)]
    reference: Option<PaymentReference>,
    /// What it pays, in this order. Left out or null: what has been due for the longest time, first. What is left is credit of the customer; so is everything with an empty list.
    #[deserr(default, try_from(Option<Vec<PaidInvoiceRequest>>) = wanted -> Invalid)]
    #[schema(value_type = Option<Vec<PaidInvoiceRequest>>, max_items = 500)]
    invoices: Option<Vec<PaidInvoiceRequest>>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct PaidInvoiceRequest {
    #[schema(value_type = Uuid)]
    invoice_id: InvoiceId,
    /// More than zero, and never more than is open of it. Left out or null: as much as goes.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "120.00", pattern = r"^\d{1,15}(\.\d{1,2})?$")]
    amount: Option<PaidAmount>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct ReversePaymentRequest {
    #[schema(value_type = String, example = "unpaid cheque", min_length = 1, max_length = 200)]
    reason: PaymentReason,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct UseCreditRequest {
    /// What it pays, in this order. Left out or null: what has been due for the longest time, first.
    #[deserr(default, try_from(Option<Vec<PaidInvoiceRequest>>) = wanted -> Invalid)]
    #[schema(value_type = Option<Vec<PaidInvoiceRequest>>, max_items = 500)]
    invoices: Option<Vec<PaidInvoiceRequest>>,
}

fn wanted(given: Option<Vec<PaidInvoiceRequest>>) -> Result<Option<Vec<PaidInvoiceRequest>>, Invalid> {
    match given.as_ref().map_or(0, Vec::len) {
        0..=MAX_INVOICES => Ok(given),
        many => Err(Invalid::new("too_many", format!("at most {MAX_INVOICES} are possible, not {many}"))),
    }
}

fn into_wanted(invoices: Option<Vec<PaidInvoiceRequest>>) -> Wanted {
    let one = |PaidInvoiceRequest { invoice_id, amount }: PaidInvoiceRequest| {
        (invoice_id, amount.map(|PaidAmount(amount)| amount))
    };
    match invoices {
        None => Wanted::Oldest,
        Some(named) => Wanted::Named(named.into_iter().map(one).collect()),
    }
}

impl From<RecordPaymentRequest> for RecordPayment {
    fn from(request: RecordPaymentRequest) -> Self {
        let RecordPaymentRequest { customer_id, method, received_on, amount, reference, invoices } = request;
        let (PaidAmount(amount), wanted) = (amount, into_wanted(invoices));
        Self { customer_id, method, received_on, amount, reference, wanted }
    }
}

impl ReversePaymentRequest {
    pub(super) fn into_command(self, id: PaymentId) -> ReversePayment {
        ReversePayment { id, reason: self.reason }
    }
}

impl UseCreditRequest {
    pub(super) fn into_command(self, customer_id: CustomerId) -> UseCredit {
        UseCredit { customer_id, wanted: into_wanted(self.invoices) }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PaymentFilters {
    /// Only payments of this customer.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    customer_id: Option<CustomerId>,
}

impl From<PaymentFilters> for PaymentFilter {
    fn from(PaymentFilters { customer_id }: PaymentFilters) -> Self {
        Self { customer_id }
    }
}

impl Exported for PaymentSummary {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "customer_id",
        "method",
        "received_on",
        "amount",
        "reference",
        "reverses",
        "reason",
        "created_by",
        "created_at",
    ];
    const SIGNED: &'static [&'static str] = &["amount"];
}
