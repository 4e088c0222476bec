//! Tenants in the database, as commands read and write them.

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use super::aggregate::{CreditLimitAction, Tenant, TenantDetails, TenantError, TenantName, TimeZone};
use super::events::TenantEvent;
use super::invoicing::TenantInvoicing;
use super::queries::TenantView;
use super::reminders;
use super::short_name::ShortName;
use crate::application::Locked;
use crate::application::aggregate::{Aggregate, Creatable, LockMode, find};
use crate::application::error::{Error, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::tenants;
use crate::values::business_date::BusinessDate;
use crate::values::contact::{Email, VatNumber};
use crate::values::iban::{Bic, Iban};
use crate::values::ids::TenantId;
use crate::values::language::Language;
use crate::values::money::{Currency, Money, VatRate};
use crate::values::party::{ElectronicAddress, LegalForm, TradeRegister, VatDueOn, VatScheme};
use crate::values::registration::Registration;
use crate::values::series::SeriesCode;

/// The scheme of a company that is registered nowhere.
const NONE: &str = "none";

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = tenants, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(super) struct TenantRow {
    id: Uuid,
    version: i64,
    name: String,
    registration_scheme: String,
    registration_number: Option<String>,
    vat_number: Option<String>,
    address: Option<Value>,
    currency: String,
    time_zone: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    short_name: String,
    language: String,
    email_from: Option<String>,
    email_reply_to: Option<String>,
    credit_limit_action: String,
    legal_form: Option<String>,
    share_capital: Option<BigDecimal>,
    trade_register: Option<String>,
    vat_scheme: String,
    vat_due_on: String,
    one_stop_shop: bool,
    electronic_scheme: Option<String>,
    electronic_address: Option<String>,
    iban: Option<String>,
    bic: Option<String>,
    late_interest_rate: Option<BigDecimal>,
    invoice_series: String,
    credit_note_series: String,
    issue_dates_in_order: bool,
    reminder_levels: Value,
}

impl TenantRow {
    fn of(tenant: &Tenant) -> Result<Self, Error> {
        let details = &tenant.details;
        let address = details.address.as_ref().map(serde_json::to_value).transpose();
        let invoicing = &details.invoicing;
        Ok(Self {
            id: tenant.id.uuid(),
            version: tenant.version,
            name: details.name.as_str().to_owned(),
            registration_scheme: details.registration.as_ref().map_or(NONE, Registration::scheme).to_owned(),
            registration_number: details.registration.as_ref().map(|known| known.number().to_owned()),
            vat_number: details.vat_number.as_ref().map(|number| number.as_str().to_owned()),
            address: address.map_err(|cause| Error::Serialize { what: "an address", cause })?,
            currency: tenant.currency.code().to_owned(),
            time_zone: details.time_zone.name().to_owned(),
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
            short_name: tenant.short_name.as_str().to_owned(),
            language: details.language.code().to_owned(),
            email_from: details.email_from.as_ref().map(|address| address.as_str().to_owned()),
            email_reply_to: details.email_reply_to.as_ref().map(|address| address.as_str().to_owned()),
            credit_limit_action: details.credit_limit_action.name().to_owned(),
            legal_form: invoicing.legal_form.as_ref().map(|form| form.as_str().to_owned()),
            share_capital: invoicing.share_capital.as_ref().map(|capital| capital.value().clone()),
            trade_register: invoicing.trade_register.as_ref().map(|register| register.as_str().to_owned()),
            vat_scheme: invoicing.vat_scheme.name().to_owned(),
            vat_due_on: invoicing.vat_due_on.name().to_owned(),
            one_stop_shop: invoicing.one_stop_shop,
            electronic_scheme: invoicing
                .electronic_address
                .as_ref()
                .map(|address| address.scheme().to_owned()),
            electronic_address: invoicing
                .electronic_address
                .as_ref()
                .map(|address| address.identifier().to_owned()),
            iban: invoicing.iban.as_ref().map(|iban| iban.as_str().to_owned()),
            bic: invoicing.bic.as_ref().map(|bic| bic.as_str().to_owned()),
            late_interest_rate: invoicing.late_interest_rate.as_ref().map(|rate| rate.value().clone()),
            invoice_series: invoicing.series.as_str().to_owned(),
            credit_note_series: invoicing.credit_note_series.as_str().to_owned(),
            issue_dates_in_order: invoicing.dates_in_order,
            reminder_levels: reminders::to_json(&invoicing.reminders)?,
        })
    }

    pub(super) fn into_tenant(self) -> Result<Tenant, Error> {
        let address = self.address.map(serde_json::from_value).transpose();
        let scheme = self.registration_scheme;
        let registration = self.registration_number.and_then(|number| Registration::stored(&scheme, number));
        if registration.is_none() && scheme != NONE {
            return Err(Error::Stored { what: "a registration scheme", value: scheme });
        }
        let unknown = |what, value| Error::Stored { what, value };
        let vat_scheme = VatScheme::stored(&self.vat_scheme);
        let vat_due_on = VatDueOn::stored(&self.vat_due_on);
        let electronic_address = self.electronic_scheme.zip(self.electronic_address);
        let invoicing = TenantInvoicing {
            legal_form: self.legal_form.map(LegalForm::stored),
            share_capital: self.share_capital.as_ref().map(Money::rounded),
            trade_register: self.trade_register.map(TradeRegister::stored),
            vat_scheme: vat_scheme.ok_or_else(|| unknown("a VAT scheme", self.vat_scheme))?,
            vat_due_on: vat_due_on.ok_or_else(|| unknown("when VAT is due", self.vat_due_on))?,
            one_stop_shop: self.one_stop_shop,
            electronic_address: electronic_address
                .map(|(scheme, identifier)| ElectronicAddress::stored(scheme, identifier)),
            iban: self.iban.map(Iban::stored),
            bic: self.bic.map(Bic::stored),
            late_interest_rate: self.late_interest_rate.map(VatRate::stored),
            series: SeriesCode::stored(self.invoice_series),
            credit_note_series: SeriesCode::stored(self.credit_note_series),
            dates_in_order: self.issue_dates_in_order,
            reminders: reminders::from_json(self.reminder_levels)?,
        };
        Ok(Tenant {
            id: TenantId::from_uuid(self.id),
            version: self.version,
            short_name: ShortName::stored(self.short_name),
            details: TenantDetails {
                name: TenantName::stored(self.name),
                registration,
                vat_number: self.vat_number.map(VatNumber::stored),
                address: address.map_err(|cause| Error::Serialize { what: "a stored address", cause })?,
                time_zone: TimeZone::stored(self.time_zone),
                language: Language::stored(&self.language),
                email_from: self.email_from.map(Email::stored),
                email_reply_to: self.email_reply_to.map(Email::stored),
                credit_limit_action: CreditLimitAction::stored(&self.credit_limit_action),
                invoicing,
            },
            currency: Currency::stored(self.currency),
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// Loads the tenant that the unit of work is bound to, and locks it until the unit of work ends. So its events are
/// appended in the order of its changes, and its set of administrators changes one step at a time.
pub(crate) async fn load(work: &mut UnitOfWork<'_>) -> Result<Tenant, Error> {
    let id = work.tenant();
    let query = tenants::table.find(id.uuid()).select(TenantRow::as_select());
    let row: Option<TenantRow> = find(work, Locked::Tenant, LockMode::Change, query).await?;
    row.ok_or(TenantError::NotFound(id))?.into_tenant()
}

/// Reads what happens to an order that passes a credit limit. The company is not locked: a change of it counts for the orders that
/// read it afterwards.
///
/// # Errors
/// Fails if the tenant is not there, or if the database cannot be reached.
pub(crate) async fn credit_limit_action(work: &mut UnitOfWork<'_>) -> Result<CreditLimitAction, Error> {
    let id = work.tenant();
    let query = tenants::table.find(id.uuid()).select(tenants::credit_limit_action);
    let name: Option<String> = query.first(work.connection()).await.optional()?;
    let name = name.ok_or(TenantError::NotFound(id))?;
    Ok(CreditLimitAction::stored(&name))
}

/// The day that it is now where the company is. The company is not locked.
///
/// # Errors
/// Fails if the tenant is not there, or if the database cannot be reached.
pub(crate) async fn today(work: &mut UnitOfWork<'_>) -> Result<BusinessDate, Error> {
    let id = work.tenant();
    let query = tenants::table.find(id.uuid()).select(tenants::time_zone);
    let name: Option<String> = query.first(work.connection()).await.optional()?;
    let zone = TimeZone::stored(name.ok_or(TenantError::NotFound(id))?);
    Ok(BusinessDate::stored(zone.date_of(work.now())))
}

/// Reads the tenant without a lock: it can change at any time.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn look_at(work: &mut UnitOfWork<'_>) -> Result<Tenant, Error> {
    let id = work.tenant();
    let query = tenants::table.find(id.uuid()).select(TenantRow::as_select());
    let row: Option<TenantRow> = query.first(work.connection()).await.optional()?;
    row.ok_or(TenantError::NotFound(id))?.into_tenant()
}

impl Creatable for Tenant {
    async fn insert(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = TenantRow::of(self)?;
        let inserted = diesel::insert_into(tenants::table).values(&row).execute(work.connection()).await;
        unless_taken(inserted, |name| {
            (name == "tenants_short_name_key").then_some(TenantError::ShortNameTaken(row.short_name))
        })
    }
}

impl Aggregate for Tenant {
    type Id = TenantId;
    type Event = TenantEvent;
    type Audited = TenantView;
    const NAME: &'static str = "tenant";

    fn id(&self) -> TenantId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn audited(&self) -> TenantView {
        TenantView::of(self)
    }

    async fn save(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = TenantRow::of(self)?;
        diesel::update(tenants::table.find(row.id)).set(&row).execute(work.connection()).await?;
        Ok(())
    }
}
