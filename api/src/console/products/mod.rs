//! Products: the list by category, one of them with its stock and prices, and the forms.

mod archive;
mod edit;
mod list;
mod one;

use comptoir_core::application::Permission::{ProductsRead, ProductsWrite};

use self::edit::Product;
use super::pages::Pages;
use super::parts::editing;
use crate::access::Access::Needs;
use crate::routes::products::export;

const PATH: &str = "/console/products";

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(ProductsRead), PATH, list::show)
        .get(Needs(ProductsRead), "/console/products.csv", export)
        // Before the others: its path could be taken for an id.
        .get(Needs(ProductsWrite), "/console/products/new", editing::show_new::<Product>)
        .post(Needs(ProductsWrite), "/console/products/new", editing::create::<Product>)
        .get(Needs(ProductsRead), "/console/products/{id}", one::show)
        .get(Needs(ProductsWrite), "/console/products/{id}/edit", editing::show::<Product>)
        .post(Needs(ProductsWrite), "/console/products/{id}/edit", editing::update::<Product>)
        .get(Needs(ProductsWrite), "/console/products/{id}/archive", archive::show)
        .post(Needs(ProductsWrite), "/console/products/{id}/archive", archive::archive)
        .get(Needs(ProductsWrite), "/console/products/{id}/delete", editing::show_delete::<Product>)
        .post(Needs(ProductsWrite), "/console/products/{id}/delete", editing::delete::<Product>)
}
