//! What happens to tenants.

use super::Tenant;
use crate::application::events::Event;

/// Carries the tenant as it stood after what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantEvent {
    Created(Tenant),
    Updated(Tenant),
}

impl Event for TenantEvent {}
