//! Sales by product.

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::live;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::platform::paging::{Listed, Page, PageRequest, SortKey, SortValue, walk};
use crate::platform::schema::sales_by_product as products;
use crate::values::ids::ProductId;
use crate::values::money::{Money, Quantity};

/// What was sold of one product, cancelled orders not counted.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SalesOfProduct)]
pub struct ProductSales {
    #[schema(value_type = Uuid)]
    pub product_id: ProductId,
    #[schema(example = "TEA-EG-250")]
    pub sku: String,
    #[schema(example = "Earl Grey, 250 g")]
    pub name: String,
    pub archived: bool,
    /// ISO 4217; null until it was ordered.
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// Orders that have it.
    pub orders: i64,
    #[schema(example = "2.5")]
    pub quantity: String,
    #[schema(value_type = String, example = "25.00")]
    pub net_total: Money,
    /// By whatever order, cancelled ones too.
    pub last_ordered_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = products)]
struct ProductRow {
    product_id: Uuid,
    sku: String,
    name: String,
    archived: bool,
    currency: Option<String>,
    orders: i64,
    quantity: BigDecimal,
    net_total: BigDecimal,
    last_ordered_at: Option<DateTime<Utc>>,
}

impl From<ProductRow> for ProductSales {
    fn from(row: ProductRow) -> Self {
        Self {
            product_id: ProductId::from_uuid(row.product_id),
            sku: row.sku,
            name: row.name,
            archived: row.archived,
            currency: row.currency,
            orders: row.orders,
            quantity: Quantity::stored(row.quantity).to_string(),
            net_total: Money::rounded(&row.net_total),
            last_ordered_at: row.last_ordered_at,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductSort {
    Sku,
    Name,
    NetTotal,
}

impl SortKey for ProductSort {
    const NAMES: &'static [(&'static str, Self)] =
        &[("sku", Self::Sku), ("name", Self::Name), ("net_total", Self::NetTotal)];
    const DEFAULT: &'static str = "-net_total";

    fn is_time(self) -> bool {
        false
    }
}

impl Listed<ProductSort> for ProductSales {
    fn id(&self) -> Uuid {
        self.product_id.uuid()
    }

    fn sort_value(&self, key: ProductSort) -> SortValue {
        match key {
            ProductSort::Sku => self.sku.as_str().into(),
            ProductSort::Name => self.name.as_str().into(),
            ProductSort::NetTotal => self.net_total.to_string().as_str().into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct ProductFilter {
    pub product_id: Option<ProductId>,
}

/// What the tenant sold, by product.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn sales_by_product(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &ProductFilter,
    request: &PageRequest<ProductSort>,
) -> Result<Page<ProductSales>, Error> {
    use products::{generation, name, net_total, product_id, sku};
    let rows: Vec<ProductRow> = db
        .read(context, async |mut connection| {
            let live = live(connection).await?;
            let mut rows = products::table
                .filter(products::tenant_id.eq(context.tenant_id().uuid()))
                .filter(generation.eq(live))
                .select(ProductRow::as_select())
                .limit(request.rows())
                .into_boxed();
            if let Some(product) = filter.product_id {
                rows = rows.filter(product_id.eq(product.uuid()));
            }
            let rows = match request.key {
                ProductSort::Sku => walk!(rows, request.texts(), [], sku, product_id),
                ProductSort::Name => walk!(rows, request.texts(), [], name, product_id),
                ProductSort::NetTotal => {
                    walk!(rows, request.numbers(), [], net_total, product_id)
                }
            };
            Ok(rows.load(&mut connection).await?)
        })
        .await?;
    Ok(request.page(rows.into_iter().map(ProductSales::from).collect()))
}
