//! Suppliers: the list, one of them, and the forms.

mod edit;
mod show;

use comptoir_core::application::Permission::{SuppliersRead, SuppliersWrite};

use self::edit::Supplier;
use super::pages::Pages;
use super::parts::editing;
use crate::access::Access::Needs;
use crate::routes::suppliers::export;

const PATH: &str = "/console/suppliers";

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(SuppliersRead), PATH, show::list)
        .get(Needs(SuppliersRead), "/console/suppliers.csv", export)
        // Before the others: its path could be taken for an id.
        .get(Needs(SuppliersWrite), "/console/suppliers/new", editing::show_new::<Supplier>)
        .post(Needs(SuppliersWrite), "/console/suppliers/new", editing::create::<Supplier>)
        .get(Needs(SuppliersRead), "/console/suppliers/{id}", show::one)
        .get(Needs(SuppliersWrite), "/console/suppliers/{id}/edit", editing::show::<Supplier>)
        .post(Needs(SuppliersWrite), "/console/suppliers/{id}/edit", editing::update::<Supplier>)
        .get(Needs(SuppliersWrite), "/console/suppliers/{id}/delete", editing::show_delete::<Supplier>)
        .post(Needs(SuppliersWrite), "/console/suppliers/{id}/delete", editing::delete::<Supplier>)
}
