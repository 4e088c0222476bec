//! `/api/v1/sessions`, the caller's own, and `/api/v1/users/{id}/sessions`, for administrators.

mod dto;
mod handlers;

use comptoir_core::application::Permission::UsersWrite;

use crate::access::Access::{LoggedIn, Needs};
use crate::endpoints::Endpoints;

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(LoggedIn, handlers::__path_list, handlers::list)
        .with(LoggedIn, handlers::__path_export, handlers::export)
        .with(LoggedIn, handlers::__path_end, handlers::end)
        .problems(&["session_not_found"])
        .with(Needs(UsersWrite), handlers::__path_list_of_user, handlers::list_of_user)
        .problems(&["user_not_found"])
        .with(Needs(UsersWrite), handlers::__path_export_of_user, handlers::export_of_user)
        .problems(&["user_not_found"])
        .with(Needs(UsersWrite), handlers::__path_end_all_of_user, handlers::end_all_of_user)
        .problems(&["user_not_found", "cannot_decide"])
        .with(Needs(UsersWrite), handlers::__path_end_of_user, handlers::end_of_user)
        .problems(&["user_not_found", "session_not_found", "cannot_decide"])
}
