//! How commands and queries run, whatever their subject: the principal, the transaction that is bound to a tenant, the
//! idempotency key, the audit trail.
//!
//! This module knows no aggregate. Two things are passed in: the catalogue, which translates the aggregates' events
//! ([`events::EventCatalogue`]), and the accounts, which look up whether a principal is still valid ([`PrincipalLookup`]).

pub(crate) mod aggregate;
pub mod audit;
pub mod check;
pub mod context;
mod edit;
pub mod error;
pub mod events;
pub mod idempotency;
pub mod listing;
mod lock_order;
mod operators;
mod permission;
mod principal;
mod queries;
mod readiness;
mod tenant_database;
pub mod unit_of_work;

pub use edit::{Edit, EditRefused};
pub use operators::{OperatorCommand, OperatorContext};
pub use permission::{Permission, PermissionSet, Role};
pub use principal::{Actor, Credential, CredentialKind, Principal, PrincipalLookup};
pub use readiness::ready;
pub use tenant_database::TenantDatabase;

pub(crate) use lock_order::Locked;
pub(crate) use permission::stored_role;
pub(crate) use tenant_database::set_tenant;
