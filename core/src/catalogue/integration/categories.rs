//! The integration events of categories.

use serde::Serialize;

use super::{IntegrationEvent, integration_event, payload, time};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::commerce::categories::{Category, CategoryEvent};

/// A category was created: the category as it is from now on.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CategoryCreatedV1 {
    category_id: String,
    external_id: Option<String>,
    code: String,
    name: String,
    /// The id of the category in which it is; null at the top.
    parent_id: Option<String>,
    /// RFC 3339, UTC.
    created_at: String,
}
payload!(CategoryCreatedV1, "category", "category.created", 1);

/// A category was updated, or moved with all that is below it: the category as it is from now on, whatever changed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CategoryUpdatedV1 {
    category_id: String,
    external_id: Option<String>,
    code: String,
    name: String,
    /// The id of the category in which it is; null at the top.
    parent_id: Option<String>,
    /// RFC 3339, UTC.
    updated_at: String,
}
payload!(CategoryUpdatedV1, "category", "category.updated", 1);

/// The category is gone; nothing was in it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CategoryDeletedV1 {
    category_id: String,
    external_id: Option<String>,
    code: String,
    /// RFC 3339, UTC.
    deleted_at: String,
}
payload!(CategoryDeletedV1, "category", "category.deleted", 1);

pub(super) fn translate(event: &CategoryEvent) -> Result<IntegrationEvent, Error> {
    match event {
        CategoryEvent::Created(category) => integration_event(category, &created(category)),
        CategoryEvent::Updated(category) => integration_event(category, &updated(category)),
        CategoryEvent::Deleted(category) => integration_event(category, &deleted(category)),
    }
}

fn created(category: &Category) -> CategoryCreatedV1 {
    let CategoryUpdatedV1 { category_id, external_id, code, name, parent_id, .. } = updated(category);
    let created_at = time(category.created_at());
    CategoryCreatedV1 { category_id, external_id, code, name, parent_id, created_at }
}

fn updated(category: &Category) -> CategoryUpdatedV1 {
    let details = category.details();
    CategoryUpdatedV1 {
        category_id: category.id().to_string(),
        external_id: super::external_id(details.external_id.as_ref()),
        code: details.code.to_string(),
        name: details.name.to_string(),
        parent_id: details.parent_id.map(|id| id.to_string()),
        updated_at: time(category.updated_at()),
    }
}

fn deleted(category: &Category) -> CategoryDeletedV1 {
    CategoryDeletedV1 {
        category_id: category.id().to_string(),
        external_id: super::external_id(category.details().external_id.as_ref()),
        code: category.details().code.to_string(),
        deleted_at: time(category.updated_at()),
    }
}
