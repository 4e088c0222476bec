//! The forms of products.

use comptoir_core::application::TenantDatabase;
use comptoir_core::application::context::RequestContext;
use comptoir_core::application::error::Error;
use comptoir_core::commerce::products::{
    self, CreateProduct, DeleteOrArchiveProduct, ProductView, UpdateProduct,
};
use comptoir_core::values::ids::ProductId;
use comptoir_core::values::language::Language;

use crate::console::names;
use crate::console::parts::editing::{EditOf, Edited, Said};
use crate::console::parts::{Input, Kind, List, Section, Shown, Spec, Values};
use crate::console::visitor::Visitor;
use crate::console::words::{Parts, Products};
use crate::error::ApiError;
use crate::routes::products::ProductRequest;

/// Products, as forms know them.
pub(super) struct Product;

impl Edited for Product {
    type Request = ProductRequest;
    type Id = ProductId;
    type Create = CreateProduct;
    type Update = UpdateProduct;
    type Delete = DeleteOrArchiveProduct;

    const PATH: &'static str = super::PATH;
    const SPEC: Spec = Spec {
        members: &[
            ("sku", Kind::Text),
            ("name", Kind::Text),
            ("external_id", Kind::Text),
            ("category_id", Kind::Text),
            ("unit_price", Kind::Decimal),
            ("vat_rate", Kind::Decimal),
            ("unit", Kind::Text),
            ("quantity_decimals", Kind::Whole),
            ("nature", Kind::Text),
            ("stocked", Kind::Flag),
        ],
        groups: &[],
        lists: &[List { name: "barcodes", members: &[], given: &[] }],
    };

    fn create(values: &Values) -> Result<CreateProduct, ApiError> {
        Ok(CreateProduct { details: values.details::<ProductRequest>(&Self::SPEC)? })
    }

    fn update(id: ProductId, expected_version: Option<i64>, edit: EditOf<Self>) -> UpdateProduct {
        UpdateProduct { id, expected_version, edit }
    }

    fn delete(id: ProductId, expected_version: Option<i64>) -> DeleteOrArchiveProduct {
        DeleteOrArchiveProduct { id, expected_version }
    }

    fn id(view: &ProductView) -> ProductId {
        view.id
    }

    fn version(view: &ProductView) -> i64 {
        view.version
    }

    fn name(view: &ProductView) -> String {
        view.name.clone()
    }

    fn said(language: Language) -> Said {
        let w = Products::of(language);
        Said {
            title: w.title,
            create: w.create,
            edit: w.edit_title,
            delete: w.delete_title,
            delete_hint: w.delete_hint,
        }
    }

    async fn get(
        database: &TenantDatabase,
        context: &RequestContext,
        id: ProductId,
    ) -> Result<ProductView, Error> {
        products::get(database, context, id).await
    }

    async fn sections(
        shown: &Shown,
        _: bool,
        visitor: &Visitor,
        database: &TenantDatabase,
    ) -> Result<Vec<Section>, ApiError> {
        let (w, shared) = (Products::of(visitor.language), Parts::of(visitor.language));
        let values = &shown.values;
        let none = (String::new(), w.no_category.to_string());
        let shelves = names::categories(database, visitor).await?;
        let choices = std::iter::once(none).chain(shelves.into_iter().map(|shelf| (shelf.id, shelf.path)));
        let identity = vec![
            Input::text(values, "sku", w.sku).required(),
            Input::text(values, "name", shared.name).required(),
            Input::select(values, "category_id", w.category, choices),
            Input::text(values, "external_id", shared.external_id).hint(shared.external_id_hint),
        ];
        let natures = [("goods", w.goods), ("service", w.service)];
        let sale = vec![
            Input::text(values, "unit_price", w.price).of_kind("decimal").required().hint(w.price_hint),
            Input::text(values, "vat_rate", w.vat_rate).of_kind("decimal").required(),
            Input::text(values, "unit", w.unit).hint(w.unit_hint),
            Input::text(values, "quantity_decimals", w.decimals).of_kind("whole"),
            Input::select(values, "nature", w.nature, natures),
            Input::check(values, "stocked", w.stocked),
        ];
        let barcode = |index: usize| vec![Input::text(values, format!("barcodes.{index}"), w.barcode)];
        let barcodes = Section {
            title: w.barcodes.to_string(),
            rows: (0..values.rows("barcodes") + shown.spare).map(barcode).collect(),
            more: Some(w.more_barcodes.to_string()),
            ..Section::default()
        };
        Ok(vec![Section::new(shared.identity, identity), Section::new(w.price, sale), barcodes])
    }

    fn first() -> Values {
        let mut values = Values::default();
        // As in the API, where nothing is said of it.
        values.set("stocked", "true");
        values
    }
}
