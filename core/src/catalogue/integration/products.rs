//! The integration events of products.

use serde::Serialize;

use super::{IntegrationEvent, integration_event, payload};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::commerce::products::{Product, ProductDetails, ProductEvent};

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
    /// What is counted or measured of it: a code of UN/ECE recommendation 20, or of recommendation 21 with an X in front.
    unit: String,
    /// How many decimals the quantity of an order's line may have, from 0 to 6.
    quantity_decimals: i16,
    /// Whether it is kept in stock.
    stocked: bool,
    /// The id of the category in which it is; null if it is in none.
    category_id: Option<String>,
    /// GTINs, as they were written: 8, 12, 13 or 14 digits.
    barcodes: Vec<String>,
    /// What it is for VAT: goods, or a service.
    nature: String,
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
    /// What is counted or measured of it: a code of UN/ECE recommendation 20, or of recommendation 21 with an X in front.
    unit: String,
    /// How many decimals the quantity of an order's line may have, from 0 to 6.
    quantity_decimals: i16,
    /// Whether it is kept in stock.
    stocked: bool,
    /// The id of the category in which it is; null if it is in none.
    category_id: Option<String>,
    /// GTINs, as they were written: 8, 12, 13 or 14 digits.
    barcodes: Vec<String>,
    /// What it is for VAT: goods, or a service.
    nature: String,
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

fn barcodes(details: &ProductDetails) -> Vec<String> {
    details.barcodes.as_slice().iter().map(|barcode| barcode.as_str().to_owned()).collect()
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
        unit: details.unit.code().to_owned(),
        quantity_decimals: details.quantity_decimals.value(),
        stocked: details.stocked,
        category_id: details.category_id.map(|id| id.to_string()),
        barcodes: barcodes(details),
        nature: details.nature.name().to_owned(),
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
        unit: details.unit.code().to_owned(),
        quantity_decimals: details.quantity_decimals.value(),
        stocked: details.stocked,
        category_id: details.category_id.map(|id| id.to_string()),
        barcodes: barcodes(details),
        nature: details.nature.name().to_owned(),
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
