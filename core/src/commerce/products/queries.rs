//! The queries on products.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{Product, ProductError};
use super::repository::ProductRow;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::listing::{Filtered, Selection, within};
use crate::platform::paging::{Filter, Listed, Page, PageRequest, Period, SortKey, SortValue, walk};
use crate::platform::schema::products;
use crate::values::ids::ProductId;
use crate::values::money::{UnitPrice, VatRate};

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

    fn of_row(row: ProductRow) -> Self {
        row.into_product().into()
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
    pub selection: Selection,
}

type Rows<'a> = products::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<ProductRow, Pg>>>;
type Condition<'a> = Filter<'a, products::table>;

impl<'q> Filtered<'q> for ProductFilter {
    type Sort = ProductSort;
    type Table = products::table;
    type Rows = Rows<'q>;
    type Row = ProductRow;
    type View = ProductView;
    const TABLE: &'static str = "products";
    const SEARCH: &'static str = "search_products";

    fn selection(&self) -> &Selection {
        &self.selection
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
        use products::{archived_at, created_at, external_id, id, name, sku, updated_at};
        if branch.is_some() {
            // What is unique is found by its own index.
            if let Some(wanted) = &self.sku {
                rows = rows.filter(sku.eq(wanted));
            }
            if let Some(wanted) = &self.selection.external_id {
                rows = rows.filter(external_id.eq(wanted));
            }
            rows = match self.archived {
                Some(true) => rows.filter(archived_at.is_not_null()),
                Some(false) => rows.filter(archived_at.is_null()),
                None => rows,
            };
        }
        let Selection { created, updated, .. } = self.selection;
        match request.key {
            ProductSort::Sku => walk!(rows, request.texts(), [], sku, id),
            ProductSort::Name => walk!(rows, request.texts(), [], name, id),
            ProductSort::CreatedAt => walk!(rows, request.times().within(created), [], created_at, id),
            ProductSort::UpdatedAt => walk!(rows, request.times().within(updated), [], updated_at, id),
        }
    }

    fn is_served(&self, key: ProductSort) -> bool {
        let Selection { external_id, created, updated, .. } = &self.selection;
        // There is no index of these by the time of the last change.
        let by_state = self.archived.is_none() || key != ProductSort::UpdatedAt;
        let in_period = (created.is_open() || key == ProductSort::CreatedAt)
            && (updated.is_open() || key == ProductSort::UpdatedAt);
        self.sku.is_some() || external_id.is_some() || (by_state && in_period)
    }

    fn conditions(&'q self, _: Option<usize>) -> Vec<Condition<'q>> {
        use products::{archived_at, created_at, external_id, sku, updated_at};
        let mut conditions: Vec<Condition<'q>> = Vec::new();
        if let Some(wanted) = &self.sku {
            conditions.push(Box::new(sku.eq(wanted)));
        }
        if let Some(wanted) = &self.selection.external_id {
            conditions.push(Box::new(external_id.assume_not_null().eq(wanted)));
        }
        match self.archived {
            Some(true) => conditions.push(Box::new(archived_at.is_not_null())),
            Some(false) => conditions.push(Box::new(archived_at.is_null())),
            None => {}
        }
        within(&mut conditions, created_at, self.selection.created);
        within(&mut conditions, updated_at, self.selection.updated);
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
            ProductSort::CreatedAt => Some(self.selection.created),
            ProductSort::UpdatedAt => Some(self.selection.updated),
            ProductSort::Sku | ProductSort::Name => None,
        }
    }

    fn view(row: ProductRow) -> Result<ProductView, Error> {
        Ok(ProductView::of_row(row))
    }
}

/// # Errors
/// `NotFound` if the tenant has no such product. Fails if the database cannot be reached.
pub async fn get(db: &TenantDatabase, context: &RequestContext, id: ProductId) -> Result<ProductView, Error> {
    let query =
        || products::table.find((context.tenant_id().uuid(), id.uuid())).select(ProductRow::as_select());
    let row: Option<ProductRow> = db.find(context, query).await?;
    Ok(ProductView::of_row(row.ok_or(ProductError::NotFound(id))?))
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
    Ok(row.map(ProductView::of_row))
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &ProductFilter,
    request: &PageRequest<ProductSort>,
) -> Result<Page<ProductView>, Error> {
    db.list(context, filter, request).await
}
