//! Categories: a tree in which products stand. The list, one of them, and the forms.

mod edit;
mod list;

use comptoir_core::application::Permission::{ProductsRead, ProductsWrite};

use self::edit::Category;
use super::pages::Pages;
use super::parts::editing;
use crate::access::Access::Needs;
use crate::routes::categories::export;

const PATH: &str = "/console/categories";

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(ProductsRead), PATH, list::show)
        .get(Needs(ProductsRead), "/console/categories.csv", export)
        // Before the others: its path could be taken for an id.
        .get(Needs(ProductsWrite), "/console/categories/new", editing::show_new::<Category>)
        .post(Needs(ProductsWrite), "/console/categories/new", editing::create::<Category>)
        .get(Needs(ProductsRead), "/console/categories/{id}", list::one)
        .get(Needs(ProductsWrite), "/console/categories/{id}/edit", editing::show::<Category>)
        .post(Needs(ProductsWrite), "/console/categories/{id}/edit", editing::update::<Category>)
        .get(Needs(ProductsWrite), "/console/categories/{id}/delete", editing::show_delete::<Category>)
        .post(Needs(ProductsWrite), "/console/categories/{id}/delete", editing::delete::<Category>)
}
