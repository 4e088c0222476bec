//! Tenants in the database, as commands read and write them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use super::aggregate::{Tenant, TenantDetails, TenantError, TenantName, TimeZone};
use super::events::TenantEvent;
use super::queries::TenantView;
use super::short_name::ShortName;
use crate::application::Locked;
use crate::application::aggregate::{Aggregate, Creatable, LockMode, find};
use crate::application::error::{Error, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::tenants;
use crate::values::contact::{Email, VatNumber};
use crate::values::ids::TenantId;
use crate::values::language::Language;
use crate::values::money::Currency;
use crate::values::registration::Registration;

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
}

impl TenantRow {
    fn of(tenant: &Tenant) -> Result<Self, Error> {
        let details = &tenant.details;
        let address = details.address.as_ref().map(serde_json::to_value).transpose();
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
        })
    }

    pub(super) fn into_tenant(self) -> Result<Tenant, Error> {
        let address = self.address.map(serde_json::from_value).transpose();
        let scheme = self.registration_scheme;
        let registration = self.registration_number.and_then(|number| Registration::stored(&scheme, number));
        if registration.is_none() && scheme != NONE {
            return Err(Error::Stored { what: "a registration scheme", value: scheme });
        }
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
