//! What requests say of companies, customers and suppliers besides their addresses.

use comptoir_core::values::channel::Channel;
use comptoir_core::values::iban::{Bic, Iban};
use comptoir_core::values::invalid::{FieldError, Invalid};
use comptoir_core::values::money::Money;
use comptoir_core::values::party::{
    CustomerKind, ElectronicAddress, LegalForm, TradeRegister, VatDueOn, VatScheme,
};
use comptoir_core::values::payment_terms::PaymentTerms;
use comptoir_core::values::registration::Registration;
use comptoir_core::values::series::SeriesCode;
use deserr::{Deserr, ValuePointerRef};
use serde::Serialize;
use utoipa::ToSchema;

use crate::extract::{Faults, one_of, read_from_text};

read_from_text!(Bic, Iban, LegalForm, Money, SeriesCode, TradeRegister);
read_from_text!(Channel => |text| one_of(text, &Channel::ALL, Channel::name));
read_from_text!(CustomerKind => |text| one_of(text, &CustomerKind::ALL, CustomerKind::name));
read_from_text!(VatScheme => |text| one_of(text, &VatScheme::ALL, VatScheme::name));
read_from_text!(VatDueOn => |text| one_of(text, &VatDueOn::ALL, VatDueOn::name));

/// How a company is registered.
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

impl RegistrationDto {
    pub(crate) fn new(scheme: &str, number: String) -> Self {
        let scheme = match scheme {
            "siren" => SchemeDto::Siren,
            "siret" => SchemeDto::Siret,
            _ => SchemeDto::Foreign,
        };
        Self { scheme, number }
    }

    pub(crate) fn registration(&self) -> Result<Registration, Invalid> {
        Registration::parse(self.scheme.name(), &self.number)
    }

    fn checked(self, _: ValuePointerRef) -> Result<Self, FieldError> {
        self.registration().map_err(|invalid| invalid.at("/number"))?;
        Ok(self)
    }
}

/// When an invoice is due.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = PaymentTermsDto::checked -> FieldError)]
#[schema(as = PaymentTermsRequest)]
pub(crate) struct PaymentTermsDto {
    #[schema(example = 45, minimum = 0, maximum = 365)]
    days: i16,
    /// Whether the invoice is due at the end of the month in which the days end.
    #[deserr(default)]
    #[schema(required = false)]
    end_of_month: bool,
}

impl PaymentTermsDto {
    pub(crate) fn terms(&self) -> Result<PaymentTerms, Invalid> {
        PaymentTerms::new(self.days, self.end_of_month)
    }

    fn checked(self, _: ValuePointerRef) -> Result<Self, FieldError> {
        match self.terms() {
            Ok(_) => Ok(self),
            Err(invalid) => Err(invalid.at("/days")),
        }
    }
}

/// Where a party receives electronic invoices.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = ElectronicAddressDto::checked -> FieldError)]
#[schema(as = ElectronicAddressRequest)]
pub(crate) struct ElectronicAddressDto {
    /// A scheme of the code list EAS: 0225 is the French directory, 0088 a GLN, EM an e-mail address.
    #[schema(example = "0225", pattern = "^([0-9]{4}|[A-Z]{2})$")]
    scheme: String,
    #[schema(example = "303265045", min_length = 1, max_length = 125)]
    identifier: String,
}

impl ElectronicAddressDto {
    pub(crate) fn address(&self) -> Result<ElectronicAddress, FieldError> {
        ElectronicAddress::new(&self.scheme, &self.identifier).map_err(|invalid| {
            let pointer = if invalid.code == "not_a_scheme" { "/scheme" } else { "/identifier" };
            invalid.at(pointer)
        })
    }

    fn checked(self, _: ValuePointerRef) -> Result<Self, FieldError> {
        self.address()?;
        Ok(self)
    }
}

/// Says that a fault is in a member of the body.
pub(crate) fn within(member: &str, fault: FieldError) -> FieldError {
    FieldError { pointer: format!("/{member}{}", fault.pointer), ..fault }
}
