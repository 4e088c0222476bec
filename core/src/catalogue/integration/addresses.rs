//! The addresses that several events carry.

use serde::Serialize;

use crate::commerce::addresses::Address;
use crate::values::contact::PostalAddress;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct AddressV1 {
    /// `billing` or `shipping`.
    kind: String,
    line1: String,
    line2: Option<String>,
    postal_code: Option<String>,
    city: String,
    /// ISO 3166-1 alpha-2.
    country: String,
}

impl AddressV1 {
    pub(super) fn of(address: &Address) -> Self {
        let postal = &address.postal;
        Self {
            kind: address.kind.name().to_owned(),
            line1: postal.line1.to_string(),
            line2: postal.line2.as_ref().map(ToString::to_string),
            postal_code: postal.postal_code.as_ref().map(ToString::to_string),
            city: postal.city.to_string(),
            country: postal.country.code().to_owned(),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PostalAddressV1 {
    line1: String,
    line2: Option<String>,
    postal_code: Option<String>,
    city: String,
    /// ISO 3166-1 alpha-2.
    country: String,
}

impl PostalAddressV1 {
    pub(super) fn of(address: &PostalAddress) -> Self {
        Self {
            line1: address.line1.to_string(),
            line2: address.line2.as_ref().map(ToString::to_string),
            postal_code: address.postal_code.as_ref().map(ToString::to_string),
            city: address.city.to_string(),
            country: address.country.code().to_owned(),
        }
    }
}
