//! `/api/v1/users`

pub(super) mod dto;
mod handlers;

use comptoir_core::application::Permission::{UsersRead, UsersWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(UsersRead), handlers::__path_list, handlers::list)
        .with(Needs(UsersWrite), handlers::__path_register, handlers::register)
        .with(Needs(UsersRead), handlers::__path_get, handlers::get)
        .with(Needs(UsersWrite), handlers::__path_update, handlers::update)
        .with(Needs(UsersWrite), handlers::__path_change_role, handlers::change_role)
        .with(Needs(UsersWrite), handlers::__path_change_permissions, handlers::change_permissions)
        .with(Needs(UsersWrite), handlers::__path_disable, handlers::disable)
        .with(Needs(UsersWrite), handlers::__path_enable, handlers::enable)
}
