//! `/api/v1/tenant`: the caller's own company.

mod dto;
mod handlers;

use comptoir_core::application::Permission::{TenantRead, TenantWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::TenantRequest;

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(TenantRead), handlers::__path_get, handlers::get)
        .with(Needs(TenantWrite), handlers::__path_replace, handlers::replace)
        .with(Needs(TenantWrite), handlers::__path_update, handlers::update)
}
