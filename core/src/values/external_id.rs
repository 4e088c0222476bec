//! Identifiers that other systems give.

use crate::values::text::text;

text!(
    /// What the client's own system calls a resource; unique among the resources of its kind in a tenant.
    ExternalId, "an external id", 100
);
