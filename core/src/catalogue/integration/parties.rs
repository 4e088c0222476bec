//! What the events of companies, customers and suppliers have in common, besides addresses.

use serde::Serialize;

use crate::values::party::ElectronicAddress;
use crate::values::payment_terms::PaymentTerms;
use crate::values::registration::Registration;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RegistrationV1 {
    /// `siren` or `siret` (INSEE), or `foreign`.
    scheme: String,
    number: String,
}

impl RegistrationV1 {
    pub(super) fn of(registration: &Registration) -> Self {
        Self { scheme: registration.scheme().to_owned(), number: registration.number().to_owned() }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PaymentTermsV1 {
    /// The days after the date of an invoice until which it is to be paid.
    days: i16,
    /// Whether the invoice is due at the end of the month in which these days end.
    end_of_month: bool,
}

impl PaymentTermsV1 {
    pub(super) fn of(terms: PaymentTerms) -> Self {
        Self { days: terms.days(), end_of_month: terms.is_end_of_month() }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ElectronicAddressV1 {
    /// A scheme of the code list EAS: `0225` is the French directory.
    scheme: String,
    identifier: String,
}

impl ElectronicAddressV1 {
    pub(super) fn of(address: &ElectronicAddress) -> Self {
        Self { scheme: address.scheme().to_owned(), identifier: address.identifier().to_owned() }
    }
}
