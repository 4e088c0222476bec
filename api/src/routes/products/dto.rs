//! Products as JSON.

use comptoir_core::application::listing::Selection;
use comptoir_core::commerce::products::{
    Barcodes, ProductDetails, ProductFilter, ProductName, ProductView, Sku,
};
use comptoir_core::commerce::vat::Nature;
use comptoir_core::values::external_id::ExternalId;
use comptoir_core::values::gtin::Gtin;
use comptoir_core::values::ids::CategoryId;
use comptoir_core::values::invalid::{FieldError, Invalid};
use comptoir_core::values::money::{QuantityDecimals, UnitPrice, VatRate};
use comptoir_core::values::unit::Unit;
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Editable, Faults, Flag, SearchFilters, Text, read_from_text};

read_from_text!(Sku, ProductName, Unit, Gtin);

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
    /// What is counted or measured of it: a code of UN/ECE recommendation 20, such as `C62` (one), `KGM` (kilogram), `LTR` (litre) or
    /// `HUR` (hour), or of recommendation 21 with an X in front, such as `XBX` (box). The error for an unknown one names all that
    /// there are. `C62` if it is left out.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "C62", pattern = "^[A-Za-z0-9]{2,3}$")]
    unit: Option<Unit>,
    /// How many decimals the quantity of an order's line may have. If it is left out, as many as the unit has by custom: none
    /// where things are counted, 3 for kilograms. Orders that were placed keep their quantities, whatever changes here.
    #[deserr(default, try_from(Option<i16>) = parse_decimals -> Invalid)]
    #[schema(value_type = Option<i16>, example = 0, minimum = 0, maximum = 6)]
    quantity_decimals: Option<QuantityDecimals>,
    /// Whether it is kept in stock. True if it is left out, but false for a service.
    #[deserr(default)]
    #[schema(example = true)]
    stocked: Option<bool>,
    /// The category in which it is, which must exist.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    category_id: Option<CategoryId>,
    /// GTINs of 8, 12, 13 or 14 digits with a right check digit; each belongs to one of your products.
    #[deserr(default, try_from(Vec<Gtin>) = Barcodes::parse -> Invalid)]
    #[schema(value_type = Vec<String>, example = json!(["3017620422003"]), max_items = 20, required = false)]
    barcodes: Barcodes,
    /// Goods or a service: the VAT of what is invoiced of it depends on this. Goods if it is left out. What is charged with goods, such as
    /// postage or packing, is goods, too: its VAT is theirs.
    #[deserr(default)]
    nature: Option<Nature>,
}

fn parse_decimals(decimals: Option<i16>) -> Result<Option<QuantityDecimals>, Invalid> {
    decimals.map(QuantityDecimals::new).transpose()
}

impl Editable for ProductRequest {
    type View = ProductView;
    type Details = ProductDetails;
    const READ_ONLY: &'static [&'static str] = &["id", "version", "archived_at", "created_at", "updated_at"];

    fn into_details(self) -> Result<ProductDetails, Vec<FieldError>> {
        let Self {
            external_id,
            sku,
            name,
            unit_price,
            vat_rate,
            unit,
            quantity_decimals,
            stocked,
            category_id,
            barcodes,
            nature,
        } = self;
        let (unit, nature) = (unit.unwrap_or_default(), nature.unwrap_or_default());
        Ok(ProductDetails {
            external_id,
            sku,
            name,
            unit_price,
            vat_rate,
            quantity_decimals: quantity_decimals.unwrap_or_else(|| unit.decimals()),
            unit,
            stocked: stocked.unwrap_or(nature == Nature::Goods),
            category_id,
            barcodes,
            nature,
        })
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
    /// Only those that are kept in stock, or only the others.
    #[deserr(default)]
    #[param(value_type = Option<bool>)]
    stocked: Option<Flag>,
    /// Only those in this category, or in one below it.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    category_id: Option<CategoryId>,
    /// Only the product with this barcode, with or without zeros in front.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    barcode: Option<Gtin>,
}

impl SearchFilters for ProductFilters {
    type Filter = ProductFilter;

    fn with(self, selection: Selection) -> ProductFilter {
        let Self { sku, archived, stocked, category_id, barcode } = self;
        ProductFilter {
            sku: sku.map(Into::into),
            archived: archived.map(|Flag(archived)| archived),
            stocked: stocked.map(|Flag(stocked)| stocked),
            category_id,
            barcode,
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
        "unit",
        "quantity_decimals",
        "stocked",
        "category_id",
        "barcodes",
        "nature",
        "archived_at",
        "created_at",
        "updated_at",
    ];
}
