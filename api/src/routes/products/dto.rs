//! Products as JSON.

use comptoir_core::commerce::products::{ProductDetails, ProductFilter, ProductName, ProductSort, Sku};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::invalid::{FieldError, Fields, Invalid};
use comptoir_core::values::money::{UnitPrice, VatRate};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::extract;
use crate::routes::parse_limit;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductRequest {
    /// The product's number in your books; unique, at most 64 characters.
    #[schema(example = "TEA-EG-250", min_length = 1, max_length = 64)]
    sku: String,
    #[schema(example = "Earl Grey, 250 g", min_length = 1, max_length = 200)]
    name: String,
    /// Net price of one unit; at most nine digits before and six after the point.
    #[schema(example = "12.50", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    unit_price: String,
    /// Percent, from 0 to 100, at most two decimals.
    #[schema(example = "5.5", pattern = r"^\d{1,3}(\.\d{1,2})?$")]
    vat_rate: String,
}

impl ProductRequest {
    pub(super) fn into_details(self) -> Result<ProductDetails, Vec<FieldError>> {
        let mut fields = Fields::default();
        let sku = fields.take("/sku", Sku::parse(&self.sku));
        let name = fields.take("/name", ProductName::parse(&self.name));
        let unit_price = fields.take("/unit_price", UnitPrice::parse(&self.unit_price));
        let vat_rate = fields.take("/vat_rate", VatRate::parse(&self.vat_rate));
        let details = (|| {
            Some(ProductDetails { sku: sku?, name: name?, unit_price: unit_price?, vat_rate: vat_rate? })
        })();
        fields.finish(details)
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProductQuery {
    /// Only the product with this SKU.
    sku: Option<String>,
    /// Only archived products, or only those on sale.
    #[param(value_type = Option<bool>)]
    archived: Option<String>,
    /// `sku`, `name`, `created_at`; `-` in front sorts descending.
    #[param(example = "sku")]
    sort: Option<String>,
    /// Rows of a page.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

impl ProductQuery {
    pub(super) fn parse(self) -> Result<(ProductFilter, PageRequest<ProductSort>), Vec<FieldError>> {
        let mut fields = Fields::default();
        let sku = fields.take("/query/sku", extract::text(self.sku));
        let archived = fields.take("/query/archived", boolean(self.archived.as_deref()));
        let limit = fields.take("/query/limit", parse_limit(self.limit.as_deref()));
        let filter = (|| Some((ProductFilter { sku: sku?, archived: archived? }, limit?)))();
        let (filter, limit) = fields.finish(filter)?;
        Ok((filter, PageRequest::parse(limit, self.sort.as_deref(), self.cursor.as_deref())?))
    }
}

fn boolean(value: Option<&str>) -> Result<Option<bool>, Invalid> {
    value
        .map(|text| text.parse().map_err(|_| Invalid::new("not_a_boolean", "expected true or false")))
        .transpose()
}
