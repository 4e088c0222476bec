//! Pages for those who are not logged in: log-in, forgotten password, the links of the e-mails; and the log-out.

mod handlers;
mod tokens;

use super::pages::Pages;
use crate::access::Access::{LoggedIn, Public};

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Public, "/console/sign-in", handlers::show)
        .post(Public, "/console/sign-in", handlers::log_in)
        .get(Public, "/console/sign-in/forgotten", handlers::show_forgotten)
        .post(Public, "/console/sign-in/forgotten", handlers::forgotten)
        .get(Public, "/console/sign-in/password", tokens::show_password)
        .post(Public, "/console/sign-in/password", tokens::set_password)
        .get(Public, "/console/sign-in/verify", tokens::show_verification)
        .post(Public, "/console/sign-in/verify", tokens::verify)
        .post(LoggedIn, "/console/log-out", handlers::log_out)
}

pub(super) use handlers::{LogInPage, after, keep, refusal};
