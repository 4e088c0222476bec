//! The commands of tenants.

use serde::Serialize;

use super::aggregate::{Tenant, TenantDetails};
use super::queries::{CreatedTenant, TenantView};
use super::repository;
use super::short_name::ShortName;
use crate::accounts::users::{self, NewUser};
use crate::application::Edit;
use crate::application::aggregate::{Aggregate, Creatable, change};
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::values::money::Currency;

/// What the audit trail calls it that everything of a company is exported.
const EXPORT: &str = "tenant.export";

/// Creates a tenant and its first administrator, both or neither. The tenant's id is that of the context.
#[derive(Debug, Clone)]
pub struct CreateTenant {
    pub short_name: ShortName,
    pub details: TenantDetails,
    pub currency: Currency,
    pub administrator: NewUser,
}

impl Command for CreateTenant {
    type Outcome = CreatedTenant;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<CreatedTenant, Error> {
        let (details, currency) = (self.details.clone(), self.currency.clone());
        let short_name = self.short_name.clone();
        let (tenant, event) = Tenant::create(work.tenant(), short_name, details, currency, work.now());
        tenant.insert(work).await?;
        work.record(event).await?;
        let administrator = users::register(work, &self.administrator).await?;
        let founded = CreatedTenant { tenant: TenantView::of(&tenant), administrator };
        work.audit("tenant.create", ("tenant", tenant.id()), None, Some(&founded))?;
        Ok(founded)
    }
}

#[derive(Debug)]
pub struct UpdateTenant {
    pub expected_version: Option<i64>,
    pub edit: Edit<TenantView, TenantDetails>,
}

impl Command for UpdateTenant {
    type Outcome = TenantView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<TenantView, Error> {
        let tenant = repository::load(work).await?;
        let decide = |tenant: &mut Tenant, now| {
            let details = self.edit.apply(&TenantView::of(tenant))?;
            Ok::<_, Error>(tenant.update(details, now)?)
        };
        let tenant = change(work, "tenant.update", tenant, self.expected_version, decide).await?;
        Ok(TenantView::of(&tenant))
    }
}

/// Writes into the audit trail that everything of a company is exported, before it is: the export has this row.
#[derive(Debug)]
pub struct RecordExport {
    /// Where it goes.
    pub to: String,
}

#[derive(Debug, Serialize)]
struct Exported<'a> {
    to: &'a str,
}

impl Command for RecordExport {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let tenant = repository::look_at(work).await?;
        work.audit(EXPORT, (Tenant::NAME, tenant.id()), None, Some(&Exported { to: &self.to }))
    }
}
