//! Users: the list, one of them, what they may do, their sessions, a new one; and what each role may do.

mod actions;
mod add;
mod list;
mod one;
mod rights;
mod roles;
mod sessions;

use comptoir_core::accounts::users::UserStatus;
use comptoir_core::application::Permission::{UsersRead, UsersWrite};

use super::pages::Pages;
use super::status::Status;
use super::words::Users;
use crate::access::Access::{LoggedIn, Needs};

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(UsersRead), "/console/users", list::show)
        .get(Needs(UsersRead), "/console/users.csv", list::export)
        // As in the API, for everybody.
        .get(LoggedIn, "/console/roles", roles::show)
        // Before the others: its path could be taken for an id.
        .get(Needs(UsersWrite), "/console/users/new", add::show)
        .post(Needs(UsersWrite), "/console/users/new", add::register)
        .get(Needs(UsersRead), "/console/users/{id}", one::show)
        .post(Needs(UsersWrite), "/console/users/{id}/name", actions::rename)
        .post(Needs(UsersWrite), "/console/users/{id}/role", actions::change_role)
        .get(Needs(UsersWrite), "/console/users/{id}/rights", rights::show)
        .post(Needs(UsersWrite), "/console/users/{id}/rights", rights::change)
        .get(Needs(UsersWrite), "/console/users/{id}/disable", actions::show_disable)
        .post(Needs(UsersWrite), "/console/users/{id}/disable", actions::disable)
        .post(Needs(UsersWrite), "/console/users/{id}/enable", actions::enable)
        .post(Needs(UsersWrite), "/console/users/{id}/sessions/end", sessions::end_all)
        .post(Needs(UsersWrite), "/console/users/{id}/sessions/{session_id}/end", sessions::end)
}

fn status(status: UserStatus, w: &'static Users) -> Status {
    match status {
        UserStatus::Active => Status::done(w.active),
        UserStatus::Unverified => Status::draft(w.unverified),
        UserStatus::Disabled => Status::over(w.disabled),
    }
}
