//! The integration events of price lists.

use serde::Serialize;

use super::{IntegrationEvent, integration_event, payload, time};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::commerce::prices::{PriceList, PriceListEvent};
use crate::values::ids::ProductId;

/// A price list was created. It has no prices yet.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PriceListCreatedV1 {
    #[serde(flatten)]
    list: ListV1,
    /// RFC 3339, UTC.
    created_at: String,
}
payload!(PriceListCreatedV1, "price_list", "price_list.created", 1);

/// A price list was changed: what it is called, when it is valid, or prices in it. The list as it is from now on.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PriceListChangedV1 {
    #[serde(flatten)]
    list: ListV1,
    /// The products whose prices in the list have changed, at most 500; what they are, the API tells.
    product_ids: Vec<String>,
    /// RFC 3339, UTC.
    changed_at: String,
}
payload!(PriceListChangedV1, "price_list", "price_list.changed", 1);

/// The price list is gone, with all of its prices.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PriceListDeletedV1 {
    price_list_id: String,
    code: String,
    /// RFC 3339, UTC.
    deleted_at: String,
}
payload!(PriceListDeletedV1, "price_list", "price_list.deleted", 1);

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ListV1 {
    price_list_id: String,
    code: String,
    name: String,
    /// The customer whose prices they are; null if they are not one customer's.
    customer_id: Option<String>,
    /// The group whose prices they are. If both are null, they are everybody's.
    group_id: Option<String>,
    /// The first day on which they are valid: RFC 3339, full-date; null if they always were.
    valid_from: Option<String>,
    /// The first day on which they are not valid any more: RFC 3339, full-date; null if there is no end.
    valid_to: Option<String>,
    /// How many products have a price in it.
    entries: i32,
}

impl ListV1 {
    fn of(list: &PriceList) -> Self {
        let details = list.details();
        Self {
            price_list_id: list.id().to_string(),
            code: details.code.to_string(),
            name: details.name.to_string(),
            customer_id: list.target().customer().map(|id| id.to_string()),
            group_id: list.target().group().map(|id| id.to_string()),
            valid_from: details.period.from.map(|day| day.to_string()),
            valid_to: details.period.to.map(|day| day.to_string()),
            entries: list.entries(),
        }
    }
}

pub(super) fn translate(event: &PriceListEvent) -> Result<IntegrationEvent, Error> {
    match event {
        PriceListEvent::Created(list) => integration_event(list, &created(list)),
        PriceListEvent::Changed { list, products } => integration_event(list, &changed(list, products)),
        PriceListEvent::Deleted(list) => integration_event(list, &deleted(list)),
    }
}

fn created(list: &PriceList) -> PriceListCreatedV1 {
    PriceListCreatedV1 { list: ListV1::of(list), created_at: time(list.created_at()) }
}

fn changed(list: &PriceList, products: &[ProductId]) -> PriceListChangedV1 {
    PriceListChangedV1 {
        list: ListV1::of(list),
        product_ids: products.iter().map(ToString::to_string).collect(),
        changed_at: time(list.updated_at()),
    }
}

fn deleted(list: &PriceList) -> PriceListDeletedV1 {
    PriceListDeletedV1 {
        price_list_id: list.id().to_string(),
        code: list.details().code.to_string(),
        deleted_at: time(list.updated_at()),
    }
}
