//! What can be imported, and the commands for one row of it.

use std::future::Future;

use comptoir_core::application::context::RequestContext;
use comptoir_core::application::error::Error;
use comptoir_core::application::unit_of_work::Command;
use comptoir_core::application::{Edit, TenantDatabase};
use comptoir_core::commerce::customers::{self, CreateCustomer, CustomerView, UpdateCustomer};
use comptoir_core::commerce::imports::ImportKind;
use comptoir_core::commerce::products::{self, CreateProduct, ProductView, UpdateProduct};
use comptoir_core::commerce::suppliers::{self, CreateSupplier, SupplierView, UpdateSupplier};
use uuid::Uuid;

use super::opening;
use crate::export::Exported;
use crate::extract::Editable;
use crate::routes::customers::CustomerRequest;
use crate::routes::price_lists::PRICE_COLUMNS;
use crate::routes::products::ProductRequest;
use crate::routes::suppliers::SupplierRequest;

/// Returns the columns that a CSV file may have: those of the export, where there is one. What nobody can set is passed over.
pub(super) fn columns(kind: ImportKind) -> &'static [&'static str] {
    match kind {
        ImportKind::Customers => CustomerView::COLUMNS,
        ImportKind::Suppliers => SupplierView::COLUMNS,
        ImportKind::Products => ProductView::COLUMNS,
        ImportKind::Stock => opening::COLUMNS,
        ImportKind::Prices => PRICE_COLUMNS,
    }
}

/// Returns the columns that a file may have beside those: members of one that is an object, for whoever makes a file by hand.
pub(super) fn members(kind: ImportKind) -> &'static [&'static str] {
    match kind {
        ImportKind::Customers => &[
            "invoicing.kind",
            "invoicing.legal_form",
            "invoicing.registration",
            "invoicing.electronic_address",
            "invoicing.language",
            "invoicing.payment_terms",
        ],
        ImportKind::Suppliers | ImportKind::Products | ImportKind::Stock | ImportKind::Prices => &[],
    }
}

/// Returns the columns whose cells are JSON.
pub(super) fn structured(kind: ImportKind) -> &'static [&'static str] {
    match kind {
        ImportKind::Customers => &[
            "addresses",
            "invoicing",
            "invoicing.registration",
            "invoicing.electronic_address",
            "invoicing.payment_terms",
        ],
        ImportKind::Suppliers => &["addresses", "payment_terms"],
        ImportKind::Products => &["quantity_decimals", "stocked", "barcodes"],
        ImportKind::Stock | ImportKind::Prices => &[],
    }
}

/// Returns those of them that have a list of words. Whoever makes a file by hand writes them with spaces in between.
pub(super) fn listed(kind: ImportKind) -> &'static [&'static str] {
    match kind {
        ImportKind::Customers | ImportKind::Suppliers | ImportKind::Stock | ImportKind::Prices => &[],
        ImportKind::Products => &["barcodes"],
    }
}

/// A request of which an import can have many.
pub(super) trait Importable: Editable {
    /// The member by which a resource that is there already is found.
    const KEY: &'static str;
    type Create: Command<Outcome = Self::View>;
    type Update: Command<Outcome = Self::View>;

    fn create(details: Self::Details) -> Self::Create;
    fn update(view: &Self::View, edit: Edit<Self::View, Self::Details>) -> Self::Update;
    fn id(view: &Self::View) -> Uuid;
    fn version(view: &Self::View) -> i64;
    /// Finds the resource with this key.
    fn find(
        database: &TenantDatabase,
        context: &RequestContext,
        key: &str,
    ) -> impl Future<Output = Result<Option<Self::View>, Error>>;
}

/// Implements [`Importable`] for a slice: its names are all that differs.
macro_rules! importable {
    ($request:ty, $key:literal, $view:ty, $create:ident, $update:ident, $find:path) => {
        impl Importable for $request {
            const KEY: &'static str = $key;
            type Create = $create;
            type Update = $update;

            fn create(details: Self::Details) -> $create {
                $create { details }
            }

            fn update(view: &$view, edit: Edit<$view, Self::Details>) -> $update {
                $update { id: view.id, expected_version: Some(view.version), edit }
            }

            fn id(view: &$view) -> Uuid {
                view.id.uuid()
            }

            fn version(view: &$view) -> i64 {
                view.version
            }

            async fn find(
                database: &TenantDatabase,
                context: &RequestContext,
                key: &str,
            ) -> Result<Option<$view>, Error> {
                $find(database, context, key).await
            }
        }
    };
}

importable!(CustomerRequest, "code", CustomerView, CreateCustomer, UpdateCustomer, customers::find_by_code);
importable!(SupplierRequest, "code", SupplierView, CreateSupplier, UpdateSupplier, suppliers::find_by_code);
importable!(ProductRequest, "sku", ProductView, CreateProduct, UpdateProduct, products::find_by_sku);
