//! The integration events of tenants.

use serde::Serialize;

use super::addresses::PostalAddressV1;
use super::parties::{ElectronicAddressV1, RegistrationV1};
use super::{IntegrationEvent, integration_event, payload};
use crate::accounts::tenants::{Tenant, TenantEvent, TenantInvoicing};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;

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
    invoicing: TenantInvoicingV1,
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
    invoicing: TenantInvoicingV1,
    /// RFC 3339, UTC.
    updated_at: String,
}
payload!(TenantUpdatedV1, "tenant", "tenant.updated", 1);

/// What its invoices say of it. Its bank account is left out.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TenantInvoicingV1 {
    legal_form: Option<String>,
    /// In its currency, with two decimals.
    share_capital: Option<String>,
    trade_register: Option<String>,
    /// `normal`, `small_enterprise` or `not_subject`.
    vat_scheme: String,
    /// When the VAT on services is due: `payments` or `debits`.
    vat_due_on: String,
    /// Whether it declares VAT of other member states in the one-stop shop.
    one_stop_shop: bool,
    electronic_address: Option<ElectronicAddressV1>,
    /// In percent a year; null is what the law says.
    late_interest_rate: Option<String>,
}

impl TenantInvoicingV1 {
    fn of(known: &TenantInvoicing) -> Self {
        Self {
            legal_form: known.legal_form.as_ref().map(ToString::to_string),
            share_capital: known.share_capital.as_ref().map(ToString::to_string),
            trade_register: known.trade_register.as_ref().map(ToString::to_string),
            vat_scheme: known.vat_scheme.name().to_owned(),
            vat_due_on: known.vat_due_on.name().to_owned(),
            one_stop_shop: known.one_stop_shop,
            electronic_address: known.electronic_address.as_ref().map(ElectronicAddressV1::of),
            late_interest_rate: known.late_interest_rate.as_ref().map(ToString::to_string),
        }
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
        invoicing: TenantInvoicingV1::of(&details.invoicing),
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
        invoicing: TenantInvoicingV1::of(&details.invoicing),
        updated_at: super::time(tenant.updated_at()),
    }
}
