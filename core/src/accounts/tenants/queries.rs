//! The queries on tenants.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

use super::aggregate::{CreditLimitAction, Tenant, TenantError, TimeZone};
use super::invoicing::TenantInvoicingView;
use super::repository::TenantRow;
use crate::accounts::users::UserView;
use crate::application::TenantDatabase;
use crate::application::aggregate::Aggregate;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::platform::database::Database;
use crate::platform::schema::tenants;
use crate::values::business_date::BusinessDate;
use crate::values::contact::PostalAddress;
use crate::values::ids::TenantId;
use crate::values::language::Language;
use crate::values::registration::Registration;

#[derive(Debug, Clone, Serialize)]
pub struct TenantView {
    pub id: TenantId,
    pub version: i64,
    pub short_name: String,
    pub name: String,
    pub registration: Option<RegistrationView>,
    pub vat_number: Option<String>,
    pub address: Option<PostalAddress>,
    pub currency: String,
    pub time_zone: String,
    pub language: Language,
    pub email_from: Option<String>,
    pub email_reply_to: Option<String>,
    pub credit_limit_action: CreditLimitAction,
    pub invoicing: TenantInvoicingView,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Serialize)]
pub struct RegistrationView {
    pub scheme: &'static str,
    pub number: String,
}

impl From<&Registration> for RegistrationView {
    fn from(registration: &Registration) -> Self {
        Self { scheme: registration.scheme(), number: registration.number().to_owned() }
    }
}

/// A new company and its first administrator.
#[derive(Debug, Clone, Serialize)]
pub struct CreatedTenant {
    #[serde(flatten)]
    pub tenant: TenantView,
    pub administrator: UserView,
}

impl TenantView {
    pub(super) fn of(tenant: &Tenant) -> Self {
        let details = tenant.details();
        Self {
            id: tenant.id(),
            version: tenant.version(),
            short_name: tenant.short_name().as_str().to_owned(),
            name: details.name.as_str().to_owned(),
            registration: details.registration.as_ref().map(RegistrationView::from),
            vat_number: details.vat_number.as_ref().map(|number| number.as_str().to_owned()),
            address: details.address.clone(),
            currency: tenant.currency().code().to_owned(),
            time_zone: details.time_zone.name().to_owned(),
            language: details.language,
            email_from: details.email_from.as_ref().map(|address| address.as_str().to_owned()),
            email_reply_to: details.email_reply_to.as_ref().map(|address| address.as_str().to_owned()),
            credit_limit_action: details.credit_limit_action,
            invoicing: TenantInvoicingView::from(&details.invoicing),
            created_at: tenant.created_at(),
            updated_at: tenant.updated_at(),
        }
    }
}

/// Returns the principal's company.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn get(db: &TenantDatabase, context: &RequestContext) -> Result<TenantView, Error> {
    let id = context.tenant_id();
    let query = || tenants::table.find(id.uuid()).select(TenantRow::as_select());
    let row: Option<TenantRow> = db.find(context, query).await?;
    Ok(TenantView::of(&row.ok_or(TenantError::NotFound(id))?.into_tenant()?))
}

/// The day that it is now where the company is.
///
/// # Errors
/// Fails if the tenant is not there, or if the database cannot be reached.
pub async fn today(db: &TenantDatabase, context: &RequestContext) -> Result<BusinessDate, Error> {
    let tenant = get(db, context).await?;
    let now = Utc::now();
    let zone = TimeZone::parse(&tenant.time_zone).ok();
    Ok(zone.map_or_else(|| BusinessDate::of(now), |zone| BusinessDate::stored(zone.date_of(now))))
}

/// Lists all tenants by name, at most `limit`, for an operator. `db` must work as the role that owns the tables,
/// because the runtime role sees one tenant at a time.
///
/// # Errors
/// Fails if the database cannot be reached, or if the role may not read the rows.
pub async fn list_all(db: &Database, limit: u32) -> Result<Vec<TenantView>, Error> {
    let mut connection = db.connection().await?;
    let rows: Vec<TenantRow> = tenants::table
        .select(TenantRow::as_select())
        .order((tenants::name, tenants::id))
        .limit(limit.into())
        .load(&mut connection)
        .await?;
    rows.into_iter().map(|row| row.into_tenant().map(|tenant| TenantView::of(&tenant))).collect()
}
