//! Products as JSON.

use comptoir_core::application::listing::Selection;
use comptoir_core::commerce::products::{ProductDetails, ProductFilter, ProductName, ProductView, Sku};
use comptoir_core::values::external_id::ExternalId;
use comptoir_core::values::invalid::FieldError;
use comptoir_core::values::money::{UnitPrice, VatRate};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Editable, Faults, Flag, SearchFilters, Text, read_from_text};

read_from_text!(Sku, ProductName);

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct ProductRequest {
    /// What your own system calls it; unique among your products.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "ERP-9001", min_length = 1, max_length = 100)]
    external_id: Option<ExternalId>,
    /// The product's number in your books, unique among your products.
    #[schema(value_type = String, example = "TEA-EG-250", min_length = 1, max_length = 64)]
    sku: Sku,
    #[schema(value_type = String, example = "Earl Grey, 250 g", min_length = 1, max_length = 200)]
    name: ProductName,
    /// Net price of one unit; at most nine digits before and six after the point.
    #[schema(value_type = String, example = "12.50", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    unit_price: UnitPrice,
    /// Percent, from 0 to 100, at most two decimals.
    #[schema(value_type = String, example = "5.5", pattern = r"^\d{1,3}(\.\d{1,2})?$")]
    vat_rate: VatRate,
}

impl Editable for ProductRequest {
    type View = ProductView;
    type Details = ProductDetails;
    const READ_ONLY: &'static [&'static str] = &["id", "version", "archived_at", "created_at", "updated_at"];

    fn into_details(self) -> Result<ProductDetails, Vec<FieldError>> {
        let Self { external_id, sku, name, unit_price, vat_rate } = self;
        Ok(ProductDetails { external_id, sku, name, unit_price, vat_rate })
    }

    fn shown(view: &ProductView) -> impl Serialize {
        view
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProductFilters {
    /// Only the product with this SKU.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    sku: Option<Text>,
    /// Only archived products, or only those on sale.
    #[deserr(default)]
    #[param(value_type = Option<bool>)]
    archived: Option<Flag>,
}

impl SearchFilters for ProductFilters {
    type Filter = ProductFilter;

    fn with(self, selection: Selection) -> ProductFilter {
        let Self { sku, archived } = self;
        ProductFilter {
            sku: sku.map(Into::into),
            archived: archived.map(|Flag(archived)| archived),
            selection,
        }
    }
}

impl Exported for ProductView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "external_id",
        "sku",
        "name",
        "unit_price",
        "vat_rate",
        "archived_at",
        "created_at",
        "updated_at",
    ];
}
