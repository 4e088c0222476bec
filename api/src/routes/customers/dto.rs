//! Customers as JSON.

use comptoir_core::application::listing::Selection;
use comptoir_core::commerce::addresses::Address;
use comptoir_core::commerce::customers::{
    AnonymisationReason, CreditLimit, CustomerCode, CustomerDetails, CustomerFilter, CustomerInvoicing,
    CustomerName, CustomerView,
};
use comptoir_core::values::channel::Channel;
use comptoir_core::values::contact::{Email, VatNumber};
use comptoir_core::values::external_id::ExternalId;
use comptoir_core::values::ids::CustomerGroupId;
use comptoir_core::values::invalid::{FieldError, Invalid};
use comptoir_core::values::language::Language;
use comptoir_core::values::party::{CustomerKind, LegalForm};
use comptoir_core::values::registration::Registration;
use deserr::{Deserr, ValuePointerRef};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Editable, Faults, SearchFilters, Text, read_from_text};
use crate::routes::address::{AddressDto, parse_addresses};
use crate::routes::party::{ElectronicAddressDto, PaymentTermsDto, RegistrationDto, within};

read_from_text!(AnonymisationReason, CreditLimit, CustomerCode, CustomerName);

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = CustomerRequest::checked -> FieldError)]
pub(crate) struct CustomerRequest {
    /// What your own system calls it; unique among your customers.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "ERP-70412", min_length = 1, max_length = 100)]
    external_id: Option<ExternalId>,
    /// The customer's number in your books, unique among your customers.
    #[schema(value_type = String, example = "C-1042", min_length = 1, max_length = 50)]
    code: CustomerCode,
    #[schema(value_type = String, example = "Librairie des Carmes", min_length = 1, max_length = 200)]
    name: CustomerName,
    #[schema(value_type = String, example = "achats@carmes.example", format = Email, max_length = 254)]
    email: Email,
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "FR40303265045")]
    vat_number: Option<VatNumber>,
    #[deserr(default, try_from(Vec<AddressDto>) = parse_addresses -> Invalid)]
    #[schema(value_type = Vec<AddressDto>, max_items = 20, required = false)]
    addresses: Vec<Address>,
    /// What the customer's orders and open invoices may come to, in your company's currency: zero or more; null, or left out, is no limit. Only who
    /// has `customers:credit` sets or changes it.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "5000.00", pattern = r"^\d{1,15}(\.\d{1,2})?$")]
    credit_limit: Option<CreditLimit>,
    /// What invoices need. Left out or null: nothing is known.
    #[deserr(default)]
    invoicing: Option<CustomerInvoicingDto>,
    /// The group whose prices it has. Left out or null: it is in none.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    group_id: Option<CustomerGroupId>,
}

/// What invoices to a customer need.
#[derive(Debug, Default, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = CustomerInvoicingRequest)]
struct CustomerInvoicingDto {
    /// An invoice cannot be validated without it: VAT, terms and mentions depend on it.
    #[deserr(default)]
    kind: Option<CustomerKind>,
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "SARL", min_length = 1, max_length = 100)]
    legal_form: Option<LegalForm>,
    /// A French VAT number must belong to the SIREN, where both are known.
    #[deserr(default)]
    registration: Option<RegistrationDto>,
    #[deserr(default)]
    electronic_address: Option<ElectronicAddressDto>,
    /// The language of its invoices: your company's, where none is given.
    #[deserr(default)]
    language: Option<Language>,
    /// Left out or null if nothing was agreed.
    #[deserr(default)]
    payment_terms: Option<PaymentTermsDto>,
    /// How it gets its invoices. Left out or null if nothing was agreed: by e-mail.
    #[deserr(default)]
    channel: Option<Channel>,
    /// Whether it is reminded of what is overdue, where your company reminds its customers: true, where nothing is given.
    #[deserr(default)]
    reminders: Option<bool>,
}

impl CustomerInvoicingDto {
    fn registration(&self) -> Result<Option<Registration>, FieldError> {
        let registration = self.registration.as_ref().map(RegistrationDto::registration).transpose();
        registration.map_err(|invalid| invalid.at("/registration/number"))
    }

    fn into_invoicing(self) -> Result<CustomerInvoicing, FieldError> {
        let registration = self.registration()?;
        let electronic_address = self.electronic_address.map(|given| given.address()).transpose();
        let payment_terms = self.payment_terms.map(|given| given.terms()).transpose();
        Ok(CustomerInvoicing {
            kind: self.kind,
            legal_form: self.legal_form,
            registration,
            electronic_address: electronic_address.map_err(|fault| within("electronic_address", fault))?,
            language: self.language,
            payment_terms: payment_terms.map_err(|invalid| invalid.at("/payment_terms/days"))?,
            channel: self.channel,
            reminders: self.reminders.unwrap_or(true),
        })
    }
}

impl CustomerRequest {
    fn checked(self, _: ValuePointerRef) -> Result<Self, FieldError> {
        let registration = self.invoicing.as_ref().map(CustomerInvoicingDto::registration).transpose();
        let registration = registration.map_err(|fault| within("invoicing", fault))?.flatten();
        if let (Some(registration), Some(vat_number)) = (registration, &self.vat_number) {
            registration.check_vat_number(vat_number).map_err(|invalid| invalid.at("/vat_number"))?;
        }
        Ok(self)
    }
}

impl Editable for CustomerRequest {
    type View = CustomerView;
    type Details = CustomerDetails;
    const READ_ONLY: &'static [&'static str] =
        &["id", "version", "created_at", "updated_at", "anonymised_at"];

    fn into_details(self) -> Result<CustomerDetails, Vec<FieldError>> {
        let Self { external_id, code, name, email, vat_number, addresses, credit_limit, invoicing, group_id } =
            self;
        let invoicing = invoicing.unwrap_or_default().into_invoicing();
        let invoicing = invoicing.map_err(|fault| vec![within("invoicing", fault)])?;
        Ok(CustomerDetails {
            external_id,
            code,
            name,
            email,
            vat_number,
            addresses,
            credit_limit,
            invoicing,
            group_id,
        })
    }

    fn shown(view: &CustomerView) -> impl Serialize {
        view
    }
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct AnonymiseCustomerRequest {
    /// Kept in the audit trail: write nothing into it that says who the customer is.
    #[schema(value_type = String, example = "asked for on 12 November, ticket 4711", min_length = 1, max_length = 500)]
    pub(super) reason: AnonymisationReason,
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CustomerFilters {
    /// Only the customer with this code.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    code: Option<Text>,
    /// Only customers with this e-mail address.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    email: Option<Text>,
    /// Only customers of this group.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    group_id: Option<CustomerGroupId>,
}

impl SearchFilters for CustomerFilters {
    type Filter = CustomerFilter;

    fn with(self, selection: Selection) -> CustomerFilter {
        let Self { code, email, group_id } = self;
        CustomerFilter { code: code.map(Into::into), email: email.map(Into::into), group_id, selection }
    }
}

impl Exported for CustomerView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "external_id",
        "code",
        "name",
        "email",
        "vat_number",
        "addresses",
        "credit_limit",
        "invoicing",
        "group_id",
        "created_at",
        "updated_at",
        "anonymised_at",
    ];
}
