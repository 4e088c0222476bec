//! Settings of the company: what it is, how it invoices, how its documents look.

mod change;
mod documents;
mod overview;
mod spec;

use comptoir_core::application::Permission::{TenantRead, TenantWrite};

use super::pages::Pages;
use crate::access::Access::Needs;
use crate::routes::document_style::get_logo;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(TenantRead), "/console/settings", overview::show)
        .get(Needs(TenantRead), "/console/settings/logo", get_logo)
        .get(Needs(TenantWrite), "/console/settings/company", change::show_company)
        .post(Needs(TenantWrite), "/console/settings/company", change::company)
        .get(Needs(TenantWrite), "/console/settings/invoicing", change::show_invoicing)
        .post(Needs(TenantWrite), "/console/settings/invoicing", change::invoicing)
        .get(Needs(TenantWrite), "/console/settings/documents", documents::show)
        .post(Needs(TenantWrite), "/console/settings/documents", documents::change)
        .upload(Needs(TenantWrite), "/console/settings/logo", documents::set_logo)
        .post(Needs(TenantWrite), "/console/settings/logo/remove", documents::remove_logo)
}
