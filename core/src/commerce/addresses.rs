//! The addresses of a trading partner: a customer or a supplier.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::values::contact::{AddressLine, Country, PostalAddress};
use crate::values::invalid::Invalid;

/// The maximum number of addresses of one trading partner.
pub const MAX_ADDRESSES: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AddressKindDto)]
pub enum AddressKind {
    Billing,
    Shipping,
}

impl AddressKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Billing => "billing",
            Self::Shipping => "shipping",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AddressDto)]
pub struct Address {
    pub kind: AddressKind,
    #[schema(value_type = String, example = "12 rue des Carmes", min_length = 1, max_length = 200)]
    pub line1: AddressLine,
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub line2: Option<AddressLine>,
    #[schema(value_type = Option<String>, example = "44000", min_length = 1, max_length = 200)]
    pub postal_code: Option<AddressLine>,
    #[schema(value_type = String, example = "Nantes", min_length = 1, max_length = 200)]
    pub city: AddressLine,
    /// ISO 3166-1 alpha-2.
    #[schema(value_type = String, example = "FR", min_length = 2, max_length = 2)]
    pub country: Country,
}

impl Address {
    pub fn new(kind: AddressKind, postal: PostalAddress) -> Self {
        let PostalAddress { line1, line2, postal_code, city, country } = postal;
        Self { kind, line1, line2, postal_code, city, country }
    }
}

/// # Errors
/// `too_many` if there are more than 20.
pub fn check_address_count(count: usize) -> Result<(), Invalid> {
    if count > MAX_ADDRESSES {
        return Err(Invalid::new("too_many", format!("there may be {MAX_ADDRESSES} addresses")));
    }
    Ok(())
}
