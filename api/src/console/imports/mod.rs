//! Imports: the list, a file that is sent, how far it is, and the rows that were refused.

mod begin;
mod one;
mod show;

use super::pages::Pages;
use crate::access::Access::LoggedIn;
use crate::routes::imports::{export, export_refused_rows};

const PATH: &str = "/console/imports";

/// Which permission is needed depends on what is imported: the handlers ask, as those of the API do.
pub(super) fn pages() -> Pages {
    Pages::default()
        .get(LoggedIn, PATH, show::list)
        .get(LoggedIn, "/console/imports.csv", export)
        // Before the others: its path could be taken for an id.
        .get(LoggedIn, super::IMPORTS, begin::show)
        .upload(LoggedIn, super::IMPORTS, begin::send)
        .get(LoggedIn, "/console/imports/{id}", one::show)
        .get(LoggedIn, "/console/imports/{id}/refused-rows.csv", export_refused_rows)
        .post(LoggedIn, "/console/imports/{id}/cancel", one::cancel)
        .post(LoggedIn, "/console/imports/{id}/resume", one::resume)
}
