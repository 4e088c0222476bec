//! The company as JSON.

use chrono::{DateTime, Utc};
use comptoir_core::accounts::tenants::{
    CreditLimitAction, ReminderLevel, ReminderText, TenantDetails, TenantInvoicing, TenantInvoicingView,
    TenantName, TenantView, TimeZone,
};
use comptoir_core::values::contact::{Email, VatNumber};
use comptoir_core::values::iban::{Bic, Iban};
use comptoir_core::values::invalid::{FieldError, Invalid};
use comptoir_core::values::language::Language;
use comptoir_core::values::money::{Money, VatRate};
use comptoir_core::values::party::{LegalForm, TradeRegister, VatDueOn, VatScheme};
use comptoir_core::values::registration::Registration;
use comptoir_core::values::series::SeriesCode;
use deserr::{Deserr, ValuePointerRef};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::extract::{Editable, Faults, one_of, read_from_text};
use crate::routes::address::PostalAddressDto;
use crate::routes::party::{ElectronicAddressDto, RegistrationDto, within};

read_from_text!(ReminderText, TenantName, TimeZone);
read_from_text!(CreditLimitAction => |text| one_of(text, &CreditLimitAction::ALL, CreditLimitAction::name));
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
    /// What happens to an order that passes its customer's credit limit: it is refused, where nothing is given, or placed and held until
    /// somebody approves it.
    #[deserr(default)]
    #[schema(value_type = CreditLimitAction, example = "refuse")]
    credit_limit_action: Option<CreditLimitAction>,
    /// Left out or null: nothing is known.
    #[deserr(default)]
    invoicing: Option<TenantInvoicingDto>,
}

/// What its invoices say of it.
#[derive(Debug, Default, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = TenantInvoicingRequest)]
struct TenantInvoicingDto {
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "SARL", min_length = 1, max_length = 100)]
    legal_form: Option<LegalForm>,
    /// In the company's currency; zero or more.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "10000.00", pattern = r"^\d{1,15}(\.\d{1,2})?$")]
    share_capital: Option<Money>,
    /// With its town: in France, `RCS` and the town of the court.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "RCS Nantes", min_length = 1, max_length = 100)]
    trade_register: Option<TradeRegister>,
    /// `normal`, where none is given.
    #[deserr(default)]
    vat_scheme: Option<VatScheme>,
    /// When the VAT on services is due: `payments`, where nothing is given.
    #[deserr(default)]
    vat_due_on: Option<VatDueOn>,
    /// Whether it declares VAT of other member states in the one-stop shop.
    #[deserr(default)]
    #[schema(required = false)]
    one_stop_shop: bool,
    #[deserr(default)]
    electronic_address: Option<ElectronicAddressDto>,
    /// Where it is paid.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "FR1420041010050500013M02606", max_length = 42)]
    iban: Option<Iban>,
    /// The bank of the account, which must be given with it.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "PSSTFRPPNTE", min_length = 8, max_length = 11)]
    bic: Option<Bic>,
    /// The interest on late payments, in percent a year. Without it, what the law says: in France, ten points above the European
    /// Central Bank's rate. A company in France sets at least three times the legal interest rate.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "12", pattern = r"^\d{1,3}(\.\d{1,2})?$")]
    late_interest_rate: Option<VatRate>,
    /// What the numbers of invoices and deposits begin with: 1 to 10 capital letters and digits; FA, where none is given.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "FA", pattern = "^[A-Z0-9]{1,10}$")]
    series: Option<SeriesCode>,
    /// The same for credit notes: AV, where none is given. It may be the series of invoices.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "AV", pattern = "^[A-Z0-9]{1,10}$")]
    credit_note_series: Option<SeriesCode>,
    /// Whether no invoice is dated before the last one of its series: true, where nothing is given.
    #[deserr(default)]
    dates_in_order: Option<bool>,
    /// When customers are reminded of what is overdue, the first level first; none, or left out: never.
    #[deserr(default)]
    #[schema(required = false, max_items = 5)]
    reminders: Vec<ReminderLevelDto>,
}

/// One level of reminders: each invoice is named once in a reminder of this level.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = ReminderLevelRequest)]
struct ReminderLevelDto {
    /// After the due date; more than at the level before.
    #[schema(example = 7, minimum = 1, maximum = 365)]
    days: i16,
    /// What the reminder says in French in place of the usual words.
    #[deserr(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    text_fr: Option<ReminderText>,
    /// The same in English.
    #[deserr(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    text_en: Option<ReminderText>,
}

impl From<ReminderLevelDto> for ReminderLevel {
    fn from(ReminderLevelDto { days, text_fr, text_en }: ReminderLevelDto) -> Self {
        Self { days, text_fr, text_en }
    }
}

impl TenantInvoicingDto {
    fn into_invoicing(self) -> Result<TenantInvoicing, FieldError> {
        let electronic_address = self.electronic_address.map(|given| given.address()).transpose();
        let default = TenantInvoicing::default();
        let invoicing = TenantInvoicing {
            legal_form: self.legal_form,
            share_capital: self.share_capital,
            trade_register: self.trade_register,
            vat_scheme: self.vat_scheme.unwrap_or_default(),
            vat_due_on: self.vat_due_on.unwrap_or_default(),
            one_stop_shop: self.one_stop_shop,
            electronic_address: electronic_address.map_err(|fault| within("electronic_address", fault))?,
            iban: self.iban,
            bic: self.bic,
            late_interest_rate: self.late_interest_rate,
            series: self.series.unwrap_or(default.series),
            credit_note_series: self.credit_note_series.unwrap_or(default.credit_note_series),
            dates_in_order: self.dates_in_order.unwrap_or(default.dates_in_order),
            reminders: self.reminders.into_iter().map(ReminderLevel::from).collect(),
        };
        invoicing.check()?;
        Ok(invoicing)
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
        let Self {
            name,
            vat_number,
            address,
            time_zone,
            language,
            email_from,
            email_reply_to,
            credit_limit_action,
            invoicing,
            ..
        } = self;
        let invoicing = invoicing.unwrap_or_default().into_invoicing();
        let invoicing = invoicing.map_err(|fault| vec![within("invoicing", fault)])?;
        let address = address.map(Into::into);
        let language = language.unwrap_or_default();
        let credit_limit_action = credit_limit_action.unwrap_or_default();
        Ok(TenantDetails {
            name,
            registration,
            vat_number,
            address,
            time_zone,
            language,
            email_from,
            email_reply_to,
            credit_limit_action,
            invoicing,
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
    /// What happens to an order that passes its customer's credit limit.
    credit_limit_action: CreditLimitAction,
    /// What its invoices say of it.
    invoicing: TenantInvoicingView,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<TenantView> for TenantResponse {
    fn from(view: TenantView) -> Self {
        Self {
            id: view.id.uuid(),
            version: view.version,
            short_name: view.short_name,
            name: view.name,
            registration: view.registration.map(|known| RegistrationDto::new(known.scheme, known.number)),
            vat_number: view.vat_number,
            address: view.address.map(PostalAddressDto::from),
            currency: view.currency,
            time_zone: view.time_zone,
            language: view.language,
            email_from: view.email_from,
            email_reply_to: view.email_reply_to,
            credit_limit_action: view.credit_limit_action,
            invoicing: view.invoicing,
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}
