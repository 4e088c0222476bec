//! Addresses as JSON.

use comptoir_core::commerce::addresses::{Address, AddressKind, check_address_count};
use comptoir_core::values::contact::{AddressLine, Country, PostalAddress};
use comptoir_core::values::invalid::Fields;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PostalAddress)]
pub(crate) struct PostalAddressDto {
    #[schema(example = "12 rue des Carmes", min_length = 1, max_length = 200)]
    pub(super) line1: String,
    #[schema(min_length = 1, max_length = 200)]
    pub(super) line2: Option<String>,
    #[schema(example = "44000", min_length = 1, max_length = 200)]
    pub(super) postal_code: Option<String>,
    #[schema(example = "Nantes", min_length = 1, max_length = 200)]
    pub(super) city: String,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "FR", min_length = 2, max_length = 2)]
    pub(super) country: String,
}

impl PostalAddressDto {
    /// `at` is where the address stands in the body, a JSON Pointer.
    pub(super) fn parse(self, at: &str, fields: &mut Fields) -> Option<PostalAddress> {
        let pointer = |field: &str| format!("{at}/{field}");
        let optional = |text: Option<String>| text.as_deref().map(AddressLine::parse).transpose();
        let line1 = fields.take(pointer("line1"), AddressLine::parse(&self.line1));
        let line2 = fields.take(pointer("line2"), optional(self.line2));
        let postal_code = fields.take(pointer("postal_code"), optional(self.postal_code));
        let city = fields.take(pointer("city"), AddressLine::parse(&self.city));
        let country = fields.take(pointer("country"), Country::parse(&self.country));
        Some(PostalAddress {
            line1: line1?,
            line2: line2?,
            postal_code: postal_code?,
            city: city?,
            country: country?,
        })
    }

    pub(super) fn of(address: PostalAddress) -> Self {
        let PostalAddress { line1, line2, postal_code, city, country } = address;
        let text = |line: AddressLine| line.to_string();
        Self {
            line1: text(line1),
            line2: line2.map(text),
            postal_code: postal_code.map(text),
            city: text(city),
            country: country.code().to_owned(),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddressDto {
    kind: AddressKind,
    #[schema(example = "12 rue des Carmes", min_length = 1, max_length = 200)]
    line1: String,
    #[schema(min_length = 1, max_length = 200)]
    line2: Option<String>,
    #[schema(example = "44000", min_length = 1, max_length = 200)]
    postal_code: Option<String>,
    #[schema(example = "Nantes", min_length = 1, max_length = 200)]
    city: String,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "FR", min_length = 2, max_length = 2)]
    country: String,
}

/// The addresses of a request's member `/addresses`. Every wrong one is named.
pub(super) fn parse_all(
    whose: &str,
    addresses: Vec<AddressDto>,
    fields: &mut Fields,
) -> Option<Vec<Address>> {
    let count = fields.take("/addresses", check_address_count(whose, addresses.len()));
    let parsed: Vec<_> =
        addresses.into_iter().enumerate().map(|(at, address)| address.parse(at, fields)).collect();
    count.and(parsed.into_iter().collect())
}

impl AddressDto {
    fn parse(self, at: usize, fields: &mut Fields) -> Option<Address> {
        let Self { kind, line1, line2, postal_code, city, country } = self;
        let postal = PostalAddressDto { line1, line2, postal_code, city, country };
        Some(Address { kind, postal: postal.parse(&format!("/addresses/{at}"), fields)? })
    }
}
