//! The queries on products.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{Product, ProductError};
use super::repository::ProductRow;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::listing::{Filtered, Selection, within};
use crate::commerce::categories;
use crate::commerce::vat::Nature;
use crate::platform::paging::{Filter, Listed, Page, PageRequest, Period, SortKey, SortValue, walk};
use crate::platform::schema::{product_barcodes, products};
use crate::values::gtin::Gtin;
use crate::values::ids::{CategoryId, ProductId};
use crate::values::money::{QuantityDecimals, UnitPrice, VatRate};
use crate::values::unit::Unit;

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Product)]
pub struct ProductView {
    #[schema(value_type = Uuid)]
    pub id: ProductId,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// What your own system calls it; null if it was not given.
    pub external_id: Option<String>,
    #[schema(example = "TEA-EG-250")]
    pub sku: String,
    #[schema(example = "Earl Grey, 250 g")]
    pub name: String,
    #[schema(value_type = String, example = "12.50")]
    pub unit_price: UnitPrice,
    #[schema(value_type = String, example = "5.5")]
    pub vat_rate: VatRate,
    /// What is counted or measured of it: a code of UN/ECE recommendation 20, or of recommendation 21 with an X in front.
    #[schema(value_type = String, example = "C62")]
    pub unit: Unit,
    /// How many decimals a quantity of it may have: in orders, shipments, returns, counts and documents.
    #[schema(value_type = i16, example = 0, minimum = 0, maximum = 6)]
    pub quantity_decimals: QuantityDecimals,
    /// Whether it is kept in stock.
    pub stocked: bool,
    /// Null if it is in none.
    #[schema(value_type = Option<Uuid>)]
    pub category_id: Option<CategoryId>,
    /// GTINs, as they were written.
    #[schema(value_type = Vec<String>, example = json!(["3017620422003"]))]
    pub barcodes: Vec<Gtin>,
    /// Goods or a service: the VAT of what is invoiced of it depends on this.
    pub nature: Nature,
    /// When it was taken off sale; null while it is sold.
    pub archived_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<Product> for ProductView {
    fn from(product: Product) -> Self {
        let Product { id, version, details, archived_at, created_at, updated_at, .. } = product;
        Self {
            id,
            version,
            external_id: details.external_id.map(Into::into),
            sku: details.sku.into(),
            name: details.name.into(),
            unit_price: details.unit_price,
            vat_rate: details.vat_rate,
            unit: details.unit,
            quantity_decimals: details.quantity_decimals,
            stocked: details.stocked,
            category_id: details.category_id,
            barcodes: details.barcodes.into(),
            nature: details.nature,
            archived_at,
            created_at,
            updated_at,
        }
    }
}

impl ProductView {
    pub(super) fn of(product: &Product) -> Self {
        Self::from(product.clone())
    }

    fn of_row(row: ProductRow) -> Result<Self, Error> {
        row.into_product().map(Self::from)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductSort {
    Sku,
    Name,
    CreatedAt,
    UpdatedAt,
}

impl SortKey for ProductSort {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("sku", Self::Sku),
        ("name", Self::Name),
        ("created_at", Self::CreatedAt),
        ("updated_at", Self::UpdatedAt),
    ];
    const DEFAULT: &'static str = "sku";

    fn is_time(self) -> bool {
        matches!(self, Self::CreatedAt | Self::UpdatedAt)
    }
}

impl Listed<ProductSort> for ProductView {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, key: ProductSort) -> SortValue {
        match key {
            ProductSort::Sku => self.sku.as_str().into(),
            ProductSort::Name => self.name.as_str().into(),
            ProductSort::CreatedAt => self.created_at.into(),
            ProductSort::UpdatedAt => self.updated_at.into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct ProductFilter {
    pub sku: Option<String>,
    /// `true` for archived products only, `false` for products on sale only.
    pub archived: Option<bool>,
    /// `true` for products that are kept in stock only, `false` for the others only.
    pub stocked: Option<bool>,
    /// Products of this category, and of those below it.
    pub category_id: Option<CategoryId>,
    pub barcode: Option<Gtin>,
    pub selection: Selection,
}

/// A filter, with what it means in the rows of products.
struct Resolved<'a> {
    filter: &'a ProductFilter,
    /// The category and all that are below it.
    categories: Option<Vec<Uuid>>,
    /// The product with the barcode, if there is one.
    with_barcode: Option<Vec<Uuid>>,
}

type Rows<'a> = products::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<ProductRow, Pg>>>;
type Condition<'a> = Filter<'a, products::table>;

impl<'q> Filtered<'q> for Resolved<'q> {
    type Sort = ProductSort;
    type Table = products::table;
    type Rows = Rows<'q>;
    type Row = ProductRow;
    type View = ProductView;
    const TABLE: &'static str = "products";
    const SEARCH: &'static str = "search_products";

    fn selection(&self) -> &Selection {
        &self.filter.selection
    }

    fn of_tenant(tenant: Uuid) -> Rows<'q> {
        products::table.filter(products::tenant_id.eq(tenant)).select(ProductRow::as_select()).into_boxed()
    }

    fn walk(
        &'q self,
        mut rows: Rows<'q>,
        request: &PageRequest<ProductSort>,
        branch: Option<usize>,
    ) -> Rows<'q> {
        use products::{archived_at, created_at, external_id, id, name, sku, stocked, updated_at};
        let filter = self.filter;
        if branch.is_some() {
            // What is unique is found by its own index.
            if let Some(wanted) = &filter.sku {
                rows = rows.filter(sku.eq(wanted));
            }
            if let Some(wanted) = &filter.selection.external_id {
                rows = rows.filter(external_id.eq(wanted));
            }
            if let Some(ids) = &self.with_barcode {
                rows = rows.filter(id.eq_any(ids));
            }
            rows = match filter.archived {
                Some(true) => rows.filter(archived_at.is_not_null()),
                Some(false) => rows.filter(archived_at.is_null()),
                None => rows,
            };
        }
        let Selection { created, updated, .. } = filter.selection;
        match (request.key, filter.stocked.filter(|_| branch.is_some())) {
            (ProductSort::Sku, None) => walk!(rows, request.texts(), [], sku, id),
            (ProductSort::Sku, Some(kept)) => walk!(rows, request.texts(), [stocked => kept], sku, id),
            (ProductSort::Name, None) => walk!(rows, request.texts(), [], name, id),
            (ProductSort::Name, Some(kept)) => walk!(rows, request.texts(), [stocked => kept], name, id),
            (ProductSort::CreatedAt, None) => {
                walk!(rows, request.times().within(created), [], created_at, id)
            }
            (ProductSort::CreatedAt, Some(kept)) => {
                walk!(rows, request.times().within(created), [stocked => kept], created_at, id)
            }
            (ProductSort::UpdatedAt, _) => {
                walk!(rows, request.times().within(updated), [], updated_at, id)
            }
        }
    }

    fn is_served(&self, key: ProductSort) -> bool {
        let filter = self.filter;
        let Selection { external_id, created, updated, .. } = &filter.selection;
        // There is no index of these by the time of the last change, nor of both together.
        let by_state = match (filter.archived, filter.stocked) {
            (None, None) => true,
            (Some(_), Some(_)) => false,
            _ => key != ProductSort::UpdatedAt,
        };
        let in_period = (created.is_open() || key == ProductSort::CreatedAt)
            && (updated.is_open() || key == ProductSort::UpdatedAt);
        let is_one = filter.sku.is_some() || external_id.is_some() || self.with_barcode.is_some();
        is_one || (by_state && in_period && self.categories.is_none())
    }

    fn conditions(&'q self, _: Option<usize>) -> Vec<Condition<'q>> {
        use products::{archived_at, category_id, created_at, external_id, id, sku, stocked, updated_at};
        let filter = self.filter;
        let mut conditions: Vec<Condition<'q>> = Vec::new();
        if let Some(wanted) = &filter.sku {
            conditions.push(Box::new(sku.eq(wanted)));
        }
        if let Some(wanted) = &filter.selection.external_id {
            conditions.push(Box::new(external_id.assume_not_null().eq(wanted)));
        }
        if let Some(ids) = &self.with_barcode {
            conditions.push(Box::new(id.eq_any(ids)));
        }
        if let Some(ids) = &self.categories {
            conditions.push(Box::new(category_id.assume_not_null().eq_any(ids)));
        }
        match filter.archived {
            Some(true) => conditions.push(Box::new(archived_at.is_not_null())),
            Some(false) => conditions.push(Box::new(archived_at.is_null())),
            None => {}
        }
        if let Some(kept) = filter.stocked {
            conditions.push(Box::new(stocked.eq(kept)));
        }
        within(&mut conditions, created_at, filter.selection.created);
        within(&mut conditions, updated_at, filter.selection.updated);
        conditions
    }

    fn column(key: ProductSort) -> &'static str {
        match key {
            ProductSort::Sku => products::sku::NAME,
            ProductSort::Name => products::name::NAME,
            ProductSort::CreatedAt => products::created_at::NAME,
            ProductSort::UpdatedAt => products::updated_at::NAME,
        }
    }

    fn among(ids: Vec<Uuid>) -> Condition<'q> {
        Box::new(products::id.eq_any(ids))
    }

    fn with_words(words: &'q str) -> Condition<'q> {
        let row = "product_words(tenant_id, sku, external_id, name) @@ (SELECT comptoir_search(";
        Box::new(sql::<Bool>(row).bind::<Text, _>(words).sql("))"))
    }

    fn period(&self, key: ProductSort) -> Option<Period> {
        match key {
            ProductSort::CreatedAt => Some(self.filter.selection.created),
            ProductSort::UpdatedAt => Some(self.filter.selection.updated),
            ProductSort::Sku | ProductSort::Name => None,
        }
    }

    fn view(row: ProductRow) -> Result<ProductView, Error> {
        ProductView::of_row(row)
    }
}

/// # Errors
/// `NotFound` if the tenant has no such product. Fails if the database cannot be reached.
pub async fn get(db: &TenantDatabase, context: &RequestContext, id: ProductId) -> Result<ProductView, Error> {
    let query =
        || products::table.find((context.tenant_id().uuid(), id.uuid())).select(ProductRow::as_select());
    let row: Option<ProductRow> = db.find(context, query).await?;
    ProductView::of_row(row.ok_or(ProductError::NotFound(id))?)
}

/// Finds the product with this SKU.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn find_by_sku(
    db: &TenantDatabase,
    context: &RequestContext,
    sku: &str,
) -> Result<Option<ProductView>, Error> {
    let query = || {
        products::table
            .filter(products::tenant_id.eq(context.tenant_id().uuid()).and(products::sku.eq(sku.to_owned())))
            .select(ProductRow::as_select())
    };
    let row: Option<ProductRow> = db.find(context, query).await?;
    row.map(ProductView::of_row).transpose()
}

/// Lists products. What a category and a barcode mean is read before: a product that is moved in between may be missed, as one
/// that is moved between two pages.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &ProductFilter,
    request: &PageRequest<ProductSort>,
) -> Result<Page<ProductView>, Error> {
    let categories = match filter.category_id {
        Some(id) => Some(categories::subtree(db, context, id).await?),
        None => None,
    };
    let with_barcode = match &filter.barcode {
        Some(barcode) => Some(with_barcode(db, context, barcode).await?),
        None => None,
    };
    db.list(context, &Resolved { filter, categories, with_barcode }, request).await
}

/// Returns the product with this barcode, if there is one.
async fn with_barcode(
    db: &TenantDatabase,
    context: &RequestContext,
    barcode: &Gtin,
) -> Result<Vec<Uuid>, Error> {
    let key = (context.tenant_id().uuid(), barcode.padded());
    db.read(context, async |mut connection| {
        let found = product_barcodes::table.find((key.0, &key.1)).select(product_barcodes::product_id);
        Ok(found.load(&mut connection).await?)
    })
    .await
}
