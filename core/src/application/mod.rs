//! How commands and queries run, whatever they are about: who asks, the transaction and its binding to a company, the key under which
//! a request is repeated, the audit trail. Knows no aggregate: what happened to one is translated by the catalogue, and whether
//! somebody still holds is looked up by the accounts, which both are given from above.

pub(crate) mod aggregate;
pub mod audit;
pub mod check;
pub mod context;
pub mod error;
pub mod events;
pub mod idempotency;
mod lock_order;
mod permission;
mod principal;
mod readiness;
mod tenant_database;
pub mod unit_of_work;

pub use permission::{Permission, PermissionSet, Role};
pub use principal::{Actor, Credential, CredentialKind, Principal, PrincipalLookup};
pub use readiness::ready;
pub use tenant_database::TenantDatabase;

pub(crate) use lock_order::Locked;
pub(crate) use permission::stored_role;
pub(crate) use tenant_database::set_tenant;
