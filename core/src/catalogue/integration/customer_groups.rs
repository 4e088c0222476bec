//! The integration events of groups of customers.

use serde::Serialize;

use super::{IntegrationEvent, integration_event, payload, time};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::commerce::customer_groups::{CustomerGroup, CustomerGroupEvent};

/// A group of customers was created. Which customers are in it, the events of customers tell.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CustomerGroupCreatedV1 {
    customer_group_id: String,
    code: String,
    name: String,
    /// RFC 3339, UTC.
    created_at: String,
}
payload!(CustomerGroupCreatedV1, "customer_group", "customer_group.created", 1);

/// A group of customers is called otherwise: the group as it is from now on.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CustomerGroupUpdatedV1 {
    customer_group_id: String,
    code: String,
    name: String,
    /// RFC 3339, UTC.
    updated_at: String,
}
payload!(CustomerGroupUpdatedV1, "customer_group", "customer_group.updated", 1);

/// The group is gone. No customer was in it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CustomerGroupDeletedV1 {
    customer_group_id: String,
    code: String,
    /// RFC 3339, UTC.
    deleted_at: String,
}
payload!(CustomerGroupDeletedV1, "customer_group", "customer_group.deleted", 1);

pub(super) fn translate(event: &CustomerGroupEvent) -> Result<IntegrationEvent, Error> {
    match event {
        CustomerGroupEvent::Created(group) => integration_event(group, &created(group)),
        CustomerGroupEvent::Updated(group) => integration_event(group, &updated(group)),
        CustomerGroupEvent::Deleted(group) => integration_event(group, &deleted(group)),
    }
}

fn created(group: &CustomerGroup) -> CustomerGroupCreatedV1 {
    CustomerGroupCreatedV1 {
        customer_group_id: group.id().to_string(),
        code: group.details().code.to_string(),
        name: group.details().name.to_string(),
        created_at: time(group.created_at()),
    }
}

fn updated(group: &CustomerGroup) -> CustomerGroupUpdatedV1 {
    CustomerGroupUpdatedV1 {
        customer_group_id: group.id().to_string(),
        code: group.details().code.to_string(),
        name: group.details().name.to_string(),
        updated_at: time(group.updated_at()),
    }
}

fn deleted(group: &CustomerGroup) -> CustomerGroupDeletedV1 {
    CustomerGroupDeletedV1 {
        customer_group_id: group.id().to_string(),
        code: group.details().code.to_string(),
        deleted_at: time(group.updated_at()),
    }
}
