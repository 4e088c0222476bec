//! The integration events of tenants.

use serde::Serialize;

use super::addresses::PostalAddressV1;
use super::{IntegrationEvent, integration_event, payload};
use crate::accounts::tenants::{Tenant, TenantEvent};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::values::registration::Registration;

/// A company was created: the company as it is from now on.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct TenantCreatedV1 {
    tenant_id: String,
    /// What people name the company by when they log in; it never changes.
    short_name: String,
    name: String,
    registration: Option<RegistrationV1>,
    vat_number: Option<String>,
    address: Option<PostalAddressV1>,
    /// ISO 4217; it never changes.
    currency: String,
    /// IANA.
    time_zone: String,
    /// RFC 3339, UTC.
    created_at: String,
}
payload!(TenantCreatedV1, "tenant", "tenant.created", 1);

/// The company was updated: the company as it is from now on, whatever changed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct TenantUpdatedV1 {
    tenant_id: String,
    /// What people name the company by when they log in; it never changes.
    short_name: String,
    name: String,
    registration: Option<RegistrationV1>,
    vat_number: Option<String>,
    address: Option<PostalAddressV1>,
    /// ISO 4217; it never changes.
    currency: String,
    /// IANA.
    time_zone: String,
    /// RFC 3339, UTC.
    updated_at: String,
}
payload!(TenantUpdatedV1, "tenant", "tenant.updated", 1);

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RegistrationV1 {
    /// `siren` or `siret` (INSEE), or `foreign`.
    scheme: String,
    number: String,
}

impl RegistrationV1 {
    fn of(registration: &Registration) -> Self {
        Self { scheme: registration.scheme().to_owned(), number: registration.number().to_owned() }
    }
}

pub(super) fn translate(event: &TenantEvent) -> Result<IntegrationEvent, Error> {
    match event {
        TenantEvent::Created(tenant) => integration_event(tenant, &created(tenant)),
        TenantEvent::Updated(tenant) => integration_event(tenant, &updated(tenant)),
    }
}

fn created(tenant: &Tenant) -> TenantCreatedV1 {
    let details = tenant.details();
    TenantCreatedV1 {
        tenant_id: tenant.id().to_string(),
        short_name: tenant.short_name().to_string(),
        name: details.name.to_string(),
        registration: details.registration.as_ref().map(RegistrationV1::of),
        vat_number: details.vat_number.as_ref().map(|number| number.as_str().to_owned()),
        address: details.address.as_ref().map(PostalAddressV1::of),
        currency: tenant.currency().code().to_owned(),
        time_zone: details.time_zone.name().to_owned(),
        created_at: super::time(tenant.created_at()),
    }
}

fn updated(tenant: &Tenant) -> TenantUpdatedV1 {
    let details = tenant.details();
    TenantUpdatedV1 {
        tenant_id: tenant.id().to_string(),
        short_name: tenant.short_name().to_string(),
        name: details.name.to_string(),
        registration: details.registration.as_ref().map(RegistrationV1::of),
        vat_number: details.vat_number.as_ref().map(|number| number.as_str().to_owned()),
        address: details.address.as_ref().map(PostalAddressV1::of),
        currency: tenant.currency().code().to_owned(),
        time_zone: details.time_zone.name().to_owned(),
        updated_at: super::time(tenant.updated_at()),
    }
}
