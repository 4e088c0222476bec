//! The events of tenants.

use super::Tenant;
use crate::application::events::Event;

/// An event of a tenant, with the tenant as it is afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantEvent {
    Created(Tenant),
    Updated(Tenant),
}

impl Event for TenantEvent {}
