//! Addresses in requests.

use comptoir_core::commerce::addresses::{Address, AddressKind, check_address_count};
use comptoir_core::values::contact::{AddressLine, Country, PostalAddress};
use comptoir_core::values::invalid::Invalid;
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use crate::extract::{Faults, one_of, read_from_text};

read_from_text!(AddressLine, Country);
read_from_text!(AddressKind => |text| one_of(text, &AddressKind::ALL, AddressKind::name));

#[derive(Debug, Deserr, Serialize, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = PostalAddress)]
pub(crate) struct PostalAddressDto {
    #[schema(value_type = String, example = "12 rue des Carmes", min_length = 1, max_length = 200)]
    line1: AddressLine,
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Bâtiment B", min_length = 1, max_length = 200)]
    line2: Option<AddressLine>,
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "44000", min_length = 1, max_length = 200)]
    postal_code: Option<AddressLine>,
    #[schema(value_type = String, example = "Nantes", min_length = 1, max_length = 200)]
    city: AddressLine,
    /// ISO 3166-1 alpha-2.
    #[schema(value_type = String, example = "FR", pattern = "^[A-Za-z]{2}$")]
    country: Country,
}

impl From<PostalAddressDto> for PostalAddress {
    fn from(dto: PostalAddressDto) -> Self {
        let PostalAddressDto { line1, line2, postal_code, city, country } = dto;
        Self { line1, line2, postal_code, city, country }
    }
}

impl From<PostalAddress> for PostalAddressDto {
    fn from(address: PostalAddress) -> Self {
        let PostalAddress { line1, line2, postal_code, city, country } = address;
        Self { line1, line2, postal_code, city, country }
    }
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = Address)]
pub(crate) struct AddressDto {
    kind: AddressKind,
    #[schema(value_type = String, example = "12 rue des Carmes", min_length = 1, max_length = 200)]
    line1: AddressLine,
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Bâtiment B", min_length = 1, max_length = 200)]
    line2: Option<AddressLine>,
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "44000", min_length = 1, max_length = 200)]
    postal_code: Option<AddressLine>,
    #[schema(value_type = String, example = "Nantes", min_length = 1, max_length = 200)]
    city: AddressLine,
    /// ISO 3166-1 alpha-2.
    #[schema(value_type = String, example = "FR", pattern = "^[A-Za-z]{2}$")]
    country: Country,
}

impl From<AddressDto> for Address {
    fn from(dto: AddressDto) -> Self {
        let AddressDto { kind, line1, line2, postal_code, city, country } = dto;
        Self { kind, postal: PostalAddress { line1, line2, postal_code, city, country } }
    }
}

/// The addresses of a trading partner, for `#[deserr(try_from(Vec<AddressDto>) = parse_addresses -> Invalid)]`.
pub(super) fn parse_addresses(dtos: Vec<AddressDto>) -> Result<Vec<Address>, Invalid> {
    check_address_count(dtos.len())?;
    Ok(dtos.into_iter().map(Address::from).collect())
}
