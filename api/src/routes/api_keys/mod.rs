//! `/api/v1/api-keys`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{ApiKeysRead, ApiKeysWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{ApiKeyFilters, ApiKeyRequest};

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(ApiKeysRead), handlers::__path_list, handlers::list)
        .with(Needs(ApiKeysRead), handlers::__path_export, handlers::export)
        .with(Needs(ApiKeysWrite), handlers::__path_create, handlers::create)
        .problems(&["permission_not_held"])
        .with(Needs(ApiKeysRead), handlers::__path_get, handlers::get)
        .problems(&["api_key_not_found"])
        .with(Needs(ApiKeysWrite), handlers::__path_revoke, handlers::revoke)
        .problems(&["api_key_not_found", "cannot_revoke"])
}
