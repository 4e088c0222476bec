//! The company as JSON.

use chrono::{DateTime, Utc};
use comptoir_core::accounts::tenants::{
    RegistrationView, TenantDetails, TenantName, TenantView, TimeZone,
};
use comptoir_core::values::contact::{Email, VatNumber};
use comptoir_core::values::invalid::{FieldError, Invalid};
use comptoir_core::values::language::Language;
use comptoir_core::values::registration::Registration;
use deserr::{Deserr, ValuePointerRef};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::extract::{Editable, Faults, one_of, read_from_text};
use crate::routes::address::PostalAddressDto;

read_from_text!(TenantName, TimeZone);
read_from_text!(Language => |text| one_of(text, &Language::ALL, Language::code));

/// The data of the company that can be changed. The short name and the currency never change.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = TenantRequest::checked -> FieldError)]
pub(crate) struct TenantRequest {
    #[schema(value_type = String, example = "Comptoir des Docks", min_length = 1, max_length = 200)]
    name: TenantName,
    #[deserr(default)]
    registration: Option<RegistrationDto>,
    /// A French one must belong to the SIREN, where both are known.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "FR44732829320")]
    vat_number: Option<VatNumber>,
    #[deserr(default)]
    address: Option<PostalAddressDto>,
    /// A name of the IANA time zone database.
    #[schema(value_type = String, example = "Europe/Paris", min_length = 1)]
    time_zone: TimeZone,
    /// The language of its e-mails: French, where none is given.
    #[deserr(default)]
    #[schema(value_type = Language, example = "fr")]
    language: Option<Language>,
    /// The address that its e-mails are from. Ask whoever runs the mail server first: it must be allowed to send for this domain.
    /// Without it, they are from the installation's own.
    #[deserr(default)]
    #[schema(value_type = Option<String>, format = "email", example = "contact@docks.example")]
    email_from: Option<Email>,
    /// Where answers to its e-mails go, if elsewhere.
    #[deserr(default)]
    #[schema(value_type = Option<String>, format = "email", example = "service@docks.example")]
    email_reply_to: Option<Email>,
}

/// How the company is registered.
#[derive(Debug, Deserr, Serialize, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = RegistrationDto::checked -> FieldError)]
#[schema(as = Registration)]
pub(crate) struct RegistrationDto {
    scheme: SchemeDto,
    /// Nine digits of a SIREN, 14 of a SIRET; at most 50 characters of another register's number.
    #[schema(example = "73282932000074", min_length = 1, max_length = 50)]
    number: String,
}

#[derive(Debug, Clone, Copy, Deserr, Serialize, ToSchema)]
#[deserr(error = Faults, rename_all = lowercase)]
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
    fn registration(&self) -> Result<Option<Registration>, Invalid> {
        self.registration.as_ref().map(RegistrationDto::registration).transpose()
    }

    fn checked(self, _: ValuePointerRef) -> Result<Self, FieldError> {
        let registration = self.registration().map_err(|invalid| invalid.at("/registration/number"))?;
        TenantDetails::check_vat_number(registration.as_ref(), self.vat_number.as_ref())
            .map_err(|invalid| invalid.at("/vat_number"))?;
        Ok(self)
    }
}

impl Editable for TenantRequest {
    type View = TenantView;
    type Details = TenantDetails;
    const READ_ONLY: &'static [&'static str] =
        &["id", "version", "short_name", "currency", "created_at", "updated_at"];

    fn into_details(self) -> Result<TenantDetails, Vec<FieldError>> {
        let registration = self.registration().map_err(|invalid| vec![invalid.at("/registration/number")])?;
        let Self { name, vat_number, address, time_zone, language, email_from, email_reply_to, .. } = self;
        let address = address.map(Into::into);
        let language = language.unwrap_or_default();
        Ok(TenantDetails {
            name,
            registration,
            vat_number,
            address,
            time_zone,
            language,
            email_from,
            email_reply_to,
        })
    }

    fn shown(view: &TenantView) -> impl Serialize {
        TenantResponse::from(view.clone())
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tenant)]
pub(crate) struct TenantResponse {
    id: Uuid,
    /// Rises with every change; the ETag.
    version: i64,
    /// What people name the company by when they log in; it never changes.
    #[schema(example = "docks")]
    short_name: String,
    #[schema(example = "Comptoir des Docks")]
    name: String,
    registration: Option<RegistrationDto>,
    vat_number: Option<String>,
    address: Option<PostalAddressDto>,
    /// ISO 4217.
    #[schema(example = "EUR")]
    currency: String,
    #[schema(example = "Europe/Paris")]
    time_zone: String,
    language: Language,
    #[schema(example = "contact@docks.example")]
    email_from: Option<String>,
    #[schema(example = "service@docks.example")]
    email_reply_to: Option<String>,
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

    fn registration(&self) -> Result<Registration, Invalid> {
        Registration::parse(self.scheme.name(), &self.number)
    }

    fn checked(self, _: ValuePointerRef) -> Result<Self, FieldError> {
        self.registration().map_err(|invalid| invalid.at("/number"))?;
        Ok(self)
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
            address: view.address.map(PostalAddressDto::from),
            currency: view.currency,
            time_zone: view.time_zone,
            language: view.language,
            email_from: view.email_from,
            email_reply_to: view.email_reply_to,
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}
