//! The integration events of products.

use serde::Serialize;

use super::{IntegrationEvent, integration_event, payload};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::commerce::products::{Product, ProductEvent};

/// A product was created: the product as it is from now on.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ProductCreatedV1 {
    product_id: String,
    external_id: Option<String>,
    sku: String,
    name: String,
    /// Net price of one unit, a decimal string.
    unit_price: String,
    /// Percent, a decimal string.
    vat_rate: String,
    /// RFC 3339, UTC.
    created_at: String,
}
payload!(ProductCreatedV1, "product", "product.created", 1);

/// A product was updated: the product as it is from now on, whatever changed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ProductUpdatedV1 {
    product_id: String,
    external_id: Option<String>,
    sku: String,
    name: String,
    /// Net price of one unit, a decimal string.
    unit_price: String,
    /// Percent, a decimal string.
    vat_rate: String,
    /// RFC 3339, UTC.
    updated_at: String,
}
payload!(ProductUpdatedV1, "product", "product.updated", 1);

/// The product is no longer sold; orders that name it keep it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ProductArchivedV1 {
    product_id: String,
    external_id: Option<String>,
    sku: String,
    /// RFC 3339, UTC.
    archived_at: String,
}
payload!(ProductArchivedV1, "product", "product.archived", 1);

/// The product is gone; no order ever named it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ProductDeletedV1 {
    product_id: String,
    external_id: Option<String>,
    sku: String,
    /// RFC 3339, UTC.
    deleted_at: String,
}
payload!(ProductDeletedV1, "product", "product.deleted", 1);

pub(super) fn translate(event: &ProductEvent) -> Result<IntegrationEvent, Error> {
    match event {
        ProductEvent::Created(product) => integration_event(product, &created(product)),
        ProductEvent::Updated(product) => integration_event(product, &updated(product)),
        ProductEvent::Archived(product) => integration_event(product, &archived(product)),
        ProductEvent::Deleted(product) => integration_event(product, &deleted(product)),
    }
}

fn created(product: &Product) -> ProductCreatedV1 {
    let details = product.details();
    ProductCreatedV1 {
        product_id: product.id().to_string(),
        external_id: super::external_id(product.details().external_id.as_ref()),
        sku: details.sku.to_string(),
        name: details.name.to_string(),
        unit_price: details.unit_price.to_string(),
        vat_rate: details.vat_rate.to_string(),
        created_at: super::time(product.created_at()),
    }
}

fn updated(product: &Product) -> ProductUpdatedV1 {
    let details = product.details();
    ProductUpdatedV1 {
        product_id: product.id().to_string(),
        external_id: super::external_id(product.details().external_id.as_ref()),
        sku: details.sku.to_string(),
        name: details.name.to_string(),
        unit_price: details.unit_price.to_string(),
        vat_rate: details.vat_rate.to_string(),
        updated_at: super::time(product.updated_at()),
    }
}

fn archived(product: &Product) -> ProductArchivedV1 {
    ProductArchivedV1 {
        product_id: product.id().to_string(),
        external_id: super::external_id(product.details().external_id.as_ref()),
        sku: product.details().sku.to_string(),
        archived_at: super::time(product.updated_at()),
    }
}

fn deleted(product: &Product) -> ProductDeletedV1 {
    ProductDeletedV1 {
        product_id: product.id().to_string(),
        external_id: super::external_id(product.details().external_id.as_ref()),
        sku: product.details().sku.to_string(),
        deleted_at: super::time(product.updated_at()),
    }
}
