//! The integration events of suppliers.

use serde::Serialize;

use super::addresses::AddressV1;
use super::parties::PaymentTermsV1;
use super::{IntegrationEvent, integration_event, payload, time};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::commerce::suppliers::{Supplier, SupplierEvent};

/// A supplier was created: the supplier as it is from now on.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SupplierCreatedV1 {
    supplier_id: String,
    external_id: Option<String>,
    code: String,
    name: String,
    vat_number: Option<String>,
    addresses: Vec<AddressV1>,
    /// Null if nothing was agreed.
    payment_terms: Option<PaymentTermsV1>,
    /// RFC 3339, UTC.
    created_at: String,
}
payload!(SupplierCreatedV1, "supplier", "supplier.created", 1);

/// A supplier was updated: the supplier as it is from now on, whatever changed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SupplierUpdatedV1 {
    supplier_id: String,
    external_id: Option<String>,
    code: String,
    name: String,
    vat_number: Option<String>,
    addresses: Vec<AddressV1>,
    /// Null if nothing was agreed.
    payment_terms: Option<PaymentTermsV1>,
    /// RFC 3339, UTC.
    updated_at: String,
}
payload!(SupplierUpdatedV1, "supplier", "supplier.updated", 1);

/// The supplier is gone.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SupplierDeletedV1 {
    supplier_id: String,
    external_id: Option<String>,
    code: String,
    /// RFC 3339, UTC.
    deleted_at: String,
}
payload!(SupplierDeletedV1, "supplier", "supplier.deleted", 1);

pub(super) fn translate(event: &SupplierEvent) -> Result<IntegrationEvent, Error> {
    match event {
        SupplierEvent::Created(supplier) => integration_event(supplier, &created(supplier)),
        SupplierEvent::Updated(supplier) => integration_event(supplier, &updated(supplier)),
        SupplierEvent::Deleted(supplier) => integration_event(supplier, &deleted(supplier)),
    }
}

fn created(supplier: &Supplier) -> SupplierCreatedV1 {
    let SupplierUpdatedV1 {
        supplier_id, external_id, code, name, vat_number, addresses, payment_terms, ..
    } = updated(supplier);
    let created_at = time(supplier.created_at());
    SupplierCreatedV1 {
        supplier_id,
        external_id,
        code,
        name,
        vat_number,
        addresses,
        payment_terms,
        created_at,
    }
}

fn updated(supplier: &Supplier) -> SupplierUpdatedV1 {
    let details = supplier.details();
    SupplierUpdatedV1 {
        supplier_id: supplier.id().to_string(),
        external_id: super::external_id(supplier.details().external_id.as_ref()),
        code: details.code.to_string(),
        name: details.name.to_string(),
        vat_number: details.vat_number.as_ref().map(|number| number.as_str().to_owned()),
        addresses: details.addresses.iter().map(AddressV1::of).collect(),
        payment_terms: details.payment_terms.map(PaymentTermsV1::of),
        updated_at: time(supplier.updated_at()),
    }
}

fn deleted(supplier: &Supplier) -> SupplierDeletedV1 {
    SupplierDeletedV1 {
        supplier_id: supplier.id().to_string(),
        external_id: super::external_id(supplier.details().external_id.as_ref()),
        code: supplier.details().code.to_string(),
        deleted_at: time(supplier.updated_at()),
    }
}
