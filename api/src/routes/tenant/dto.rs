//! The company as JSON.

use chrono::{DateTime, Utc};
use comptoir_core::accounts::tenants::{
    Registration, RegistrationView, TenantDetails, TenantName, TenantView, TimeZone,
};
use comptoir_core::values::contact::VatNumber;
use comptoir_core::values::invalid::{FieldError, Fields};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::routes::address::PostalAddressDto;

/// What can be said of the company. Its short name and its currency are not among it: they never change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantRequest {
    #[schema(example = "Comptoir des Docks", min_length = 1, max_length = 200)]
    name: String,
    registration: Option<RegistrationDto>,
    /// A French one must belong to the SIREN, where both are known.
    #[schema(example = "FR44732829320")]
    vat_number: Option<String>,
    address: Option<PostalAddressDto>,
    /// A name of the IANA time zone database.
    #[schema(example = "Europe/Paris", min_length = 1)]
    time_zone: String,
}

/// How the company is registered.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Registration)]
pub(crate) struct RegistrationDto {
    scheme: SchemeDto,
    /// Nine digits of a SIREN, 14 of a SIRET; at most 50 characters of another register's number.
    #[schema(example = "73282932000074", min_length = 1, max_length = 50)]
    number: String,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RegistrationScheme)]
pub(crate) enum SchemeDto {
    Siren,
    Siret,
    Foreign,
}

impl SchemeDto {
    fn name(self) -> &'static str {
        match self {
            Self::Siren => "siren",
            Self::Siret => "siret",
            Self::Foreign => "foreign",
        }
    }
}

impl TenantRequest {
    pub(super) fn into_details(self) -> Result<TenantDetails, Vec<FieldError>> {
        let mut fields = Fields::default();
        let name = fields.take("/name", TenantName::parse(&self.name));
        let parse = |dto: &RegistrationDto| Registration::parse(dto.scheme.name(), &dto.number);
        let registration =
            fields.take("/registration/number", self.registration.as_ref().map(parse).transpose());
        let vat_number =
            fields.take("/vat_number", self.vat_number.as_deref().map(VatNumber::parse).transpose());
        let address = match self.address {
            Some(address) => address.parse("/address", &mut fields).map(Some),
            None => Some(None),
        };
        let time_zone = fields.take("/time_zone", TimeZone::parse(&self.time_zone));
        if let (Some(registration), Some(vat_number)) = (&registration, &vat_number) {
            let check = TenantDetails::check_vat_number(registration.as_ref(), vat_number.as_ref());
            fields.take("/vat_number", check);
        }
        let details = (|| {
            Some(TenantDetails {
                name: name?,
                registration: registration?,
                vat_number: vat_number?,
                address: address?,
                time_zone: time_zone?,
            })
        })();
        fields.finish(details)
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TenantResponse {
    id: Uuid,
    /// Rises with every change; the ETag.
    version: i64,
    /// What people name the company by when they log in; it never changes.
    #[schema(example = "docks")]
    short_name: String,
    name: String,
    registration: Option<RegistrationDto>,
    vat_number: Option<String>,
    address: Option<PostalAddressDto>,
    /// ISO 4217.
    #[schema(example = "EUR")]
    currency: String,
    #[schema(example = "Europe/Paris")]
    time_zone: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl RegistrationDto {
    fn of(view: RegistrationView) -> Self {
        let scheme = match view.scheme {
            "siren" => SchemeDto::Siren,
            "siret" => SchemeDto::Siret,
            _ => SchemeDto::Foreign,
        };
        Self { scheme, number: view.number }
    }
}

impl From<TenantView> for TenantResponse {
    fn from(view: TenantView) -> Self {
        Self {
            id: view.id.uuid(),
            version: view.version,
            short_name: view.short_name,
            name: view.name,
            registration: view.registration.map(RegistrationDto::of),
            vat_number: view.vat_number,
            address: view.address.map(PostalAddressDto::of),
            currency: view.currency,
            time_zone: view.time_zone,
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}
