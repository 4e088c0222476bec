//! Tenants: the companies that work with Comptoir, each separate from the others.

mod aggregate;
mod commands;
mod events;
mod invoicing;
mod queries;
mod reminders;
pub(crate) mod repository;
mod short_name;

pub use aggregate::{CreditLimitAction, Tenant, TenantDetails, TenantError, TenantName, TimeZone};
pub use commands::{CreateTenant, RecordExport, UpdateTenant};
pub use events::TenantEvent;
pub use invoicing::{TenantInvoicing, TenantInvoicingView};
pub use queries::{CreatedTenant, RegistrationView, TenantView, get, list_all, today};
pub use reminders::{ReminderLevel, ReminderLevelView, ReminderText};
pub use short_name::ShortName;
