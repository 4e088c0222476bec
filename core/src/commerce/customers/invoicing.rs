//! What invoices to a customer need, besides its name and addresses (docs/invoices.md).

use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::tenants::RegistrationView;
use crate::commerce::addresses;
use crate::values::channel::Channel;
use crate::values::language::Language;
use crate::values::party::{CustomerKind, ElectronicAddress, LegalForm};
use crate::values::payment_terms::PaymentTerms;
use crate::values::registration::Registration;

/// What is not known is `None`, and an invoice that needs it is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerInvoicing {
    pub kind: Option<CustomerKind>,
    pub legal_form: Option<LegalForm>,
    pub registration: Option<Registration>,
    pub electronic_address: Option<ElectronicAddress>,
    /// The language of its invoices; `None` is the company's.
    pub language: Option<Language>,
    /// What was agreed; `None` is what the law says.
    pub payment_terms: Option<PaymentTerms>,
    /// How it gets its invoices; `None` if nothing was agreed: by e-mail.
    pub channel: Option<Channel>,
    /// Whether it is reminded of what is overdue, where the company reminds its customers.
    pub reminders: bool,
}

impl Default for CustomerInvoicing {
    fn default() -> Self {
        Self {
            kind: None,
            legal_form: None,
            registration: None,
            electronic_address: None,
            language: None,
            payment_terms: None,
            channel: None,
            reminders: true,
        }
    }
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CustomerInvoicing)]
pub struct CustomerInvoicingView {
    pub kind: Option<CustomerKind>,
    #[schema(example = "SARL")]
    pub legal_form: Option<String>,
    #[schema(schema_with = addresses::registration_schema)]
    pub registration: Option<RegistrationView>,
    pub electronic_address: Option<ElectronicAddress>,
    /// The language of its invoices; null is your company's.
    pub language: Option<Language>,
    /// Null if nothing was agreed: then the law says when an invoice is due.
    pub payment_terms: Option<PaymentTerms>,
    /// How it gets its invoices; null if nothing was agreed: by e-mail.
    pub channel: Option<Channel>,
    /// Whether it is reminded of what is overdue, where your company reminds its customers.
    pub reminders: bool,
}

impl From<&CustomerInvoicing> for CustomerInvoicingView {
    fn from(known: &CustomerInvoicing) -> Self {
        Self {
            kind: known.kind,
            legal_form: known.legal_form.clone().map(Into::into),
            registration: known.registration.as_ref().map(RegistrationView::from),
            electronic_address: known.electronic_address.clone(),
            language: known.language,
            payment_terms: known.payment_terms,
            channel: known.channel,
            reminders: known.reminders,
        }
    }
}
