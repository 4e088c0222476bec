//! The integration events of payments. A payment is written once: it has one version.

use serde::Serialize;

use super::{IntegrationEvent, event_of, payload, time};
use crate::application::error::Error;
use crate::commerce::payments::{Payment, PaymentEvent};

/// A customer paid. What pays nothing yet is credit of the customer: the amount, less what is allocated.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PaymentReceivedV1 {
    payment_id: String,
    customer_id: String,
    /// `transfer`, `card`, `cheque`, `cash`, `direct_debit` or `other`.
    method: String,
    /// RFC 3339, full-date.
    received_on: String,
    /// In the company's currency, with two decimals.
    amount: String,
    reference: Option<String>,
    /// Each invoice once.
    allocations: Vec<PaidInvoiceV1>,
    /// RFC 3339, UTC.
    recorded_at: String,
}
payload!(PaymentReceivedV1, "payment", "payment.received", 1);

/// A payment was undone, with all that it paid.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PaymentReversedV1 {
    /// Of the reversal.
    payment_id: String,
    /// The payment that it undoes.
    reverses: String,
    customer_id: String,
    /// Less than zero.
    amount: String,
    reason: Option<String>,
    /// Each invoice once; less than zero.
    allocations: Vec<PaidInvoiceV1>,
    /// RFC 3339, UTC.
    recorded_at: String,
}
payload!(PaymentReversedV1, "payment", "payment.reversed", 1);

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PaidInvoiceV1 {
    invoice_id: String,
    amount: String,
}

pub(super) fn translate(event: &PaymentEvent) -> Result<IntegrationEvent, Error> {
    match event {
        PaymentEvent::Received(payment) => {
            let payload = PaymentReceivedV1 {
                payment_id: payment.id().to_string(),
                customer_id: payment.customer_id().to_string(),
                method: payment.method().name().to_owned(),
                received_on: payment.received_on().to_string(),
                amount: payment.amount().to_string(),
                reference: payment.reference().map(ToString::to_string),
                allocations: paid(payment),
                recorded_at: time(payment.created_at()),
            };
            event_of(payment.id().to_string(), 1, &payload)
        }
        PaymentEvent::Reversed(reversal) => {
            let payload = PaymentReversedV1 {
                payment_id: reversal.id().to_string(),
                reverses: reversal.reverses().map(|id| id.to_string()).unwrap_or_default(),
                customer_id: reversal.customer_id().to_string(),
                amount: reversal.amount().to_string(),
                reason: reversal.reason().map(ToString::to_string),
                allocations: paid(reversal),
                recorded_at: time(reversal.created_at()),
            };
            event_of(reversal.id().to_string(), 1, &payload)
        }
    }
}

fn paid(payment: &Payment) -> Vec<PaidInvoiceV1> {
    let one = |allocation: &crate::commerce::payments::Allocation| PaidInvoiceV1 {
        invoice_id: allocation.invoice_id.to_string(),
        amount: allocation.amount.to_string(),
    };
    payment.allocations().iter().map(one).collect()
}
