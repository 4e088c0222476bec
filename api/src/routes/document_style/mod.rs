//! `/api/v1/tenant/document-style` and `/api/v1/tenant/logo`: how the company's documents look.

mod dto;
mod handlers;

use comptoir_core::application::Permission::{TenantRead, TenantWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::DocumentStyleSettings;
pub(crate) use handlers::{checked_logo, get_logo};

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(TenantRead), handlers::__path_get, handlers::get)
        .with(Needs(TenantWrite), handlers::__path_replace, handlers::replace)
        .with(Needs(TenantRead), handlers::__path_get_logo, handlers::get_logo)
        .with(Needs(TenantWrite), handlers::__path_set_logo, handlers::set_logo)
        .with(Needs(TenantWrite), handlers::__path_remove_logo, handlers::remove_logo)
}
