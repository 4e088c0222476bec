//! `/api/v1/users`

pub(super) mod dto;
mod handlers;

use comptoir_core::application::Permission::{UsersRead, UsersWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{
    ChangePermissionsRequest, ChangeRoleRequest, RegisterUserRequest, UpdateUserRequest, UserFilters,
    UserResponse,
};

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(UsersRead), handlers::__path_list, handlers::list)
        .with(Needs(UsersRead), handlers::__path_export, handlers::export)
        .with(Needs(UsersWrite), handlers::__path_register, handlers::register)
        .problems(&["email_taken", "cannot_grant"])
        .with(Needs(UsersRead), handlers::__path_get, handlers::get)
        .problems(&["user_not_found"])
        .with(Needs(UsersWrite), handlers::__path_replace, handlers::replace)
        .problems(&["user_not_found", "cannot_decide"])
        .with(Needs(UsersWrite), handlers::__path_update, handlers::update)
        .problems(&["user_not_found", "cannot_decide"])
        .with(Needs(UsersWrite), handlers::__path_change_role, handlers::change_role)
        .problems(&["user_not_found", "own_account", "cannot_decide", "cannot_grant", "last_administrator"])
        .with(Needs(UsersWrite), handlers::__path_change_permissions, handlers::change_permissions)
        .problems(&["user_not_found", "own_account", "cannot_decide", "cannot_grant", "last_administrator"])
        .with(Needs(UsersWrite), handlers::__path_disable, handlers::disable)
        .problems(&[
            "user_not_found",
            "user_status_conflict",
            "own_account",
            "cannot_decide",
            "last_administrator",
        ])
        .with(Needs(UsersWrite), handlers::__path_enable, handlers::enable)
        .problems(&["user_not_found", "user_status_conflict", "own_account", "cannot_decide", "cannot_grant"])
}
