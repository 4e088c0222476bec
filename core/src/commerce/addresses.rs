//! The addresses of a trading partner: a customer or a supplier.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Array, Ref};

use crate::application::error::Error;
use crate::values::contact::PostalAddress;
use crate::values::invalid::Invalid;

/// The maximum number of addresses of one trading partner.
const MAX_ADDRESSES: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AddressKind {
    Billing,
    Shipping,
}

impl AddressKind {
    pub const ALL: [Self; 2] = [Self::Billing, Self::Shipping];

    pub fn name(self) -> &'static str {
        match self {
            Self::Billing => "billing",
            Self::Shipping => "shipping",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub kind: AddressKind,
    #[serde(flatten)]
    pub postal: PostalAddress,
}

/// Where goods go: the order's own address, or else the first at which the customer takes deliveries, or else the first for its
/// bills. Every page, paper and answer of the API asks here, so that they name the same place.
pub fn deliver_to<'a>(
    own: Option<&'a PostalAddress>,
    of_customer: &'a [Address],
) -> Option<&'a PostalAddress> {
    let first = |kind| of_customer.iter().find(|address| address.kind == kind);
    let of_customer = || first(AddressKind::Shipping).or_else(|| first(AddressKind::Billing));
    own.or_else(|| of_customer().map(|address| &address.postal))
}

/// # Errors
/// Fails if the addresses cannot be written as JSON.
pub(super) fn to_json(addresses: &[Address]) -> Result<Value, Error> {
    serde_json::to_value(addresses).map_err(|cause| Error::Serialize { what: "addresses", cause })
}

/// # Errors
/// Fails if the stored JSON is not a list of addresses.
pub(super) fn from_json(stored: Value) -> Result<Vec<Address>, Error> {
    serde_json::from_value(stored).map_err(|cause| Error::Serialize { what: "stored addresses", cause })
}

/// # Errors
/// Fails if the address cannot be written as JSON.
pub(super) fn postal_to_json(address: Option<&PostalAddress>) -> Result<Option<Value>, Error> {
    let json = address.map(serde_json::to_value).transpose();
    json.map_err(|cause| Error::Serialize { what: "an address", cause })
}

/// # Errors
/// Fails if the stored JSON is not an address.
pub(super) fn postal_from_json(stored: Option<Value>) -> Result<Option<PostalAddress>, Error> {
    let address = stored.map(serde_json::from_value).transpose();
    address.map_err(|cause| Error::Serialize { what: "a stored address", cause })
}

/// Returns the OpenAPI schema of a view's addresses: the one of a request's addresses.
pub(super) fn schema() -> Array {
    Array::new(Ref::from_schema_name("Address"))
}

/// Returns the OpenAPI schema of one address that may be missing: the one of a request's address.
pub(super) fn postal_schema() -> Schema {
    or_null("PostalAddress")
}

/// The same for a registration.
pub(super) fn registration_schema() -> Schema {
    or_null("Registration")
}

fn or_null(name: &str) -> Schema {
    let none = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Null));
    OneOfBuilder::new().item(Ref::from_schema_name(name)).item(none).into()
}

/// # Errors
/// `too_many` if there are more than 20.
pub fn check_address_count(count: usize) -> Result<(), Invalid> {
    if count > MAX_ADDRESSES {
        return Err(Invalid::new(
            "too_many",
            format!("at most {MAX_ADDRESSES} addresses are possible, not {count}"),
        ));
    }
    Ok(())
}
