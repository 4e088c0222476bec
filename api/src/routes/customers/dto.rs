//! Customers as JSON.

use chrono::{DateTime, Utc};
use comptoir_core::commerce::customers::{
    Address, AddressKind, CustomerCode, CustomerDetails, CustomerFilter, CustomerName, CustomerSort,
    CustomerView,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::contact::{Email, VatNumber};
use comptoir_core::values::invalid::{FieldError, Fields};

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::extract;
use crate::routes::address::PostalAddressDto;
use crate::routes::parse_limit;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CustomerRequest {
    /// The customer's number in your books; unique, at most 50 characters.
    #[schema(example = "C-1042", min_length = 1, max_length = 50)]
    code: String,
    #[schema(example = "Librairie des Carmes", min_length = 1, max_length = 200)]
    name: String,
    #[schema(example = "achats@carmes.example", format = Email, max_length = 254)]
    email: String,
    #[schema(example = "FR40303265045")]
    vat_number: Option<String>,
    #[serde(default)]
    #[schema(max_items = 20)]
    addresses: Vec<AddressDto>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddressDto {
    kind: AddressKindDto,
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

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AddressKindDto {
    Billing,
    Shipping,
}

impl CustomerRequest {
    pub(super) fn into_details(self) -> Result<CustomerDetails, Vec<FieldError>> {
        let mut fields = Fields::default();
        let code = fields.take("/code", CustomerCode::parse(&self.code));
        let name = fields.take("/name", CustomerName::parse(&self.name));
        let email = fields.take("/email", Email::parse(&self.email));
        let vat_number =
            fields.take("/vat_number", self.vat_number.as_deref().map(VatNumber::parse).transpose());
        let count = fields.take("/addresses", CustomerDetails::check_address_count(self.addresses.len()));
        // All of them, before any of them can end it: every wrong address is named.
        let addresses: Vec<_> = self
            .addresses
            .into_iter()
            .enumerate()
            .map(|(at, address)| address.parse(at, &mut fields))
            .collect();
        let addresses: Option<Vec<_>> = addresses.into_iter().collect();
        let details = (|| {
            Some(CustomerDetails {
                code: code?,
                name: name?,
                email: email?,
                vat_number: vat_number?,
                addresses: count.and(addresses)?,
            })
        })();
        fields.finish(details)
    }
}

impl AddressDto {
    fn parse(self, at: usize, fields: &mut Fields) -> Option<Address> {
        let Self { kind, line1, line2, postal_code, city, country } = self;
        let postal = PostalAddressDto { line1, line2, postal_code, city, country };
        let kind = match kind {
            AddressKindDto::Billing => AddressKind::Billing,
            AddressKindDto::Shipping => AddressKind::Shipping,
        };
        Some(Address { kind, postal: postal.parse(&format!("/addresses/{at}"), fields)? })
    }

    fn of(address: Address) -> Self {
        let kind = match address.kind {
            AddressKind::Billing => AddressKindDto::Billing,
            AddressKind::Shipping => AddressKindDto::Shipping,
        };
        let PostalAddressDto { line1, line2, postal_code, city, country } =
            PostalAddressDto::of(address.postal);
        Self { kind, line1, line2, postal_code, city, country }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CustomerResponse {
    id: Uuid,
    /// Rises with every change; the ETag.
    version: i64,
    code: String,
    name: String,
    email: String,
    vat_number: Option<String>,
    addresses: Vec<AddressDto>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<CustomerView> for CustomerResponse {
    fn from(view: CustomerView) -> Self {
        Self {
            id: view.id.uuid(),
            version: view.version,
            code: view.code,
            name: view.name,
            email: view.email,
            vat_number: view.vat_number,
            addresses: view.addresses.into_iter().map(AddressDto::of).collect(),
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CustomerQuery {
    /// Only the customer with this code.
    code: Option<String>,
    /// Only customers with this e-mail address.
    email: Option<String>,
    /// `code`, `name`, `created_at`; `-` in front sorts descending.
    #[param(example = "code")]
    sort: Option<String>,
    /// Rows of a page.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

impl CustomerQuery {
    pub(super) fn parse(self) -> Result<(CustomerFilter, PageRequest<CustomerSort>), Vec<FieldError>> {
        let mut fields = Fields::default();
        let code = fields.take("/query/code", extract::text(self.code));
        let email = fields.take("/query/email", extract::text(self.email));
        let limit = fields.take("/query/limit", parse_limit(self.limit.as_deref()));
        let filter = (|| Some((CustomerFilter { code: code?, email: email? }, limit?)))();
        let (filter, limit) = fields.finish(filter)?;
        Ok((filter, PageRequest::parse(limit, self.sort.as_deref(), self.cursor.as_deref())?))
    }
}
