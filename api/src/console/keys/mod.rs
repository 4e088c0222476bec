//! Keys of programs: the list, one of them, a new one, which is shown once.

mod list;
mod make;
mod one;

use chrono::Utc;
use comptoir_core::accounts::api_keys::ApiKeyView;
use comptoir_core::application::Permission::{ApiKeysRead, ApiKeysWrite};

use super::pages::Pages;
use super::status::Status;
use super::words::Keys;
use crate::access::Access::Needs;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(ApiKeysRead), "/console/keys", list::show)
        .get(Needs(ApiKeysRead), "/console/keys.csv", list::export)
        // Before the others: its path could be taken for an id.
        .get(Needs(ApiKeysWrite), "/console/keys/new", make::show)
        .post(Needs(ApiKeysWrite), "/console/keys/new", make::make)
        .get(Needs(ApiKeysRead), "/console/keys/{id}", one::show)
        .get(Needs(ApiKeysWrite), "/console/keys/{id}/revoke", one::show_revoke)
        .post(Needs(ApiKeysWrite), "/console/keys/{id}/revoke", one::revoke)
}

fn status(key: &ApiKeyView, w: &'static Keys) -> Status {
    if key.revoked_at.is_some() {
        Status::over(w.revoked)
    } else if key.expires_at.is_some_and(|at| at <= Utc::now()) {
        Status::over(w.over)
    } else {
        Status::done(w.good)
    }
}
