//! `/api/v1/roles`: the roles and what each may do.

use actix_web::HttpResponse;
use comptoir_core::application::{Permission, Role};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Access::Authenticated;
use crate::endpoints::Endpoints;
use crate::error::ApiError;
use crate::extract::{Context, NoQuery};

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default().with(Authenticated, __path_list, list)
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Roles {
    data: Vec<RoleResponse>,
}

/// A role of the trade, a named set of permissions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RoleDescription)]
pub(crate) struct RoleResponse {
    #[schema(value_type = Role)]
    role: &'static str,
    #[schema(value_type = Vec<Permission>, example = json!(["orders:read", "orders:ship"]))]
    permissions: Vec<&'static str>,
}

/// The roles and what each may do
///
/// A user can have permissions beside those of the role, and lack some of them.
#[utoipa::path(get, path = "/api/v1/roles", tag = "roles", operation_id = "listRoles", responses((status = 200, body = Roles)))]
pub(crate) async fn list(_: Context, _: NoQuery) -> Result<HttpResponse, ApiError> {
    let of = |role: &Role| RoleResponse { role: role.name(), permissions: role.permissions().names() };
    Ok(HttpResponse::Ok().json(Roles { data: Role::ALL.iter().map(of).collect() }))
}
