//! The queries on products.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{Product, ProductError};
use super::repository::ProductRow;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::platform::paging::{Listed, Page, PageRequest, SortKey, SortValue, walk};
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
}

impl SortKey for ProductSort {
    const NAMES: &'static [(&'static str, Self)] =
        &[("sku", Self::Sku), ("name", Self::Name), ("created_at", Self::CreatedAt)];
    const DEFAULT: &'static str = "sku";

    fn is_time(self) -> bool {
        self == Self::CreatedAt
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
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct ProductFilter {
    pub sku: Option<String>,
    /// `true` for archived products only, `false` for products on sale only.
    pub archived: Option<bool>,
}

/// # Errors
/// `NotFound` if the tenant has no such product. Fails if the database cannot be reached.
pub async fn get(db: &TenantDatabase, context: &RequestContext, id: ProductId) -> Result<ProductView, Error> {
    let query =
        || products::table.find((context.tenant_id().uuid(), id.uuid())).select(ProductRow::as_select());
    let row: Option<ProductRow> = db.find(context, query).await?;
    Ok(ProductView::of_row(row.ok_or(ProductError::NotFound(id))?))
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &ProductFilter,
    request: &PageRequest<ProductSort>,
) -> Result<Page<ProductView>, Error> {
    let query = || {
        let mut query = products::table
            .filter(products::tenant_id.eq(context.tenant_id().uuid()))
            .select(ProductRow::as_select())
            .limit(request.rows())
            .into_boxed();
        if let Some(sku) = &filter.sku {
            query = query.filter(products::sku.eq(sku));
        }
        query = match filter.archived {
            Some(true) => query.filter(products::archived_at.is_not_null()),
            Some(false) => query.filter(products::archived_at.is_null()),
            None => query,
        };
        match request.key {
            ProductSort::Sku => walk!(query, request.texts(), [], products::sku, products::id),
            ProductSort::Name => {
                walk!(query, request.texts(), [], products::name, products::id)
            }
            ProductSort::CreatedAt => {
                walk!(query, request.times(), [], products::created_at, products::id)
            }
        }
    };
    db.page(context, request, query, |row: ProductRow| Ok(ProductView::of_row(row))).await
}
