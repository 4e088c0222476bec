//! `/api/v1/api-keys`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{ApiKeysRead, ApiKeysWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(ApiKeysRead), handlers::__path_list, handlers::list)
        .with(Needs(ApiKeysWrite), handlers::__path_create, handlers::create)
        .with(Needs(ApiKeysRead), handlers::__path_get, handlers::get)
        .with(Needs(ApiKeysWrite), handlers::__path_revoke, handlers::revoke)
}
