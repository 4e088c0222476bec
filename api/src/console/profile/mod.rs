//! One's own account: language, password, sessions.

mod handlers;

use super::pages::Pages;
use crate::access::Access::LoggedIn;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(LoggedIn, "/console/profile", handlers::show)
        .post(LoggedIn, "/console/profile/password", handlers::change_password)
        .post(LoggedIn, "/console/profile/language", handlers::choose_language)
        .post(LoggedIn, "/console/profile/keys", handlers::choose_keys)
        .post(LoggedIn, "/console/profile/sessions/{id}/end", handlers::end_session)
}
