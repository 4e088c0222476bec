//! The queries on stock.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{StockError, StockLevel};
use super::repository::StockRow;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::listing::{Filtered, Selection};
use crate::application::{Permission, Principal};
use crate::platform::paging::{Filter, Listed, Page, PageRequest, Period, SortKey, SortValue, walk};
use crate::platform::schema::stock_levels;
use crate::values::goods::Units;
use crate::values::ids::{ProductId, StockId, WarehouseId};
use crate::values::money::{Money, UnitPrice};

/// The stock of a product in a warehouse.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Stock)]
pub struct StockView {
    #[schema(value_type = Uuid)]
    pub id: StockId,
    /// Rises with every change; the ETag.
    pub version: i64,
    #[schema(value_type = Uuid)]
    pub warehouse_id: WarehouseId,
    #[schema(value_type = Uuid)]
    pub product_id: ProductId,
    #[schema(example = "TEA-EG-250")]
    pub sku: String,
    #[schema(example = "Earl Grey, 250 g")]
    pub name: String,
    /// What lies there.
    #[schema(value_type = String, example = "120")]
    pub on_hand: Units,
    /// What of it is promised to orders.
    #[schema(value_type = String, example = "20")]
    pub reserved: Units,
    /// On hand and not reserved.
    #[schema(value_type = String, example = "100")]
    pub available: Units,
    /// What orders wait for.
    #[schema(value_type = String, example = "0")]
    pub waiting: Units,
    /// At this or below it, more should be ordered; null if nothing was set.
    #[schema(value_type = Option<String>, example = "30")]
    pub reorder_point: Option<Units>,
    /// How much should be ordered then.
    #[schema(value_type = Option<String>, example = "100")]
    pub reorder_quantity: Option<Units>,
    /// Whether what is available is at the reorder point or below it.
    pub low: bool,
    /// The weighted average of what the units on hand cost, each; null for whoever may not see costs.
    #[schema(value_type = Option<String>, example = "7.25")]
    pub average_cost: Option<UnitPrice>,
    /// On hand at average cost; null for whoever may not see costs.
    #[schema(value_type = Option<String>, example = "870.00")]
    pub value: Option<Money>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl StockView {
    pub(crate) fn of(level: &StockLevel) -> Self {
        let value = Money::rounded(&(level.on_hand.value() * level.average_cost.value()));
        Self {
            id: level.id,
            version: level.version,
            warehouse_id: level.warehouse_id,
            product_id: level.product_id,
            sku: level.sku.clone(),
            name: level.name.clone(),
            on_hand: level.on_hand.clone(),
            reserved: level.reserved.clone(),
            available: level.available(),
            waiting: level.waiting.clone(),
            reorder_point: level.reorder.as_ref().map(|rule| rule.point.clone()),
            reorder_quantity: level.reorder.as_ref().map(|rule| rule.quantity.clone()),
            low: level.low,
            average_cost: Some(level.average_cost.clone()),
            value: Some(value),
            created_at: level.created_at,
            updated_at: level.updated_at,
        }
    }

    /// The view as this principal may see it.
    #[must_use]
    pub fn seen_by(mut self, principal: &Principal) -> Self {
        if !principal.may(Permission::StockCosts) {
            (self.average_cost, self.value) = (None, None);
        }
        self
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockSort {
    Sku,
    Name,
}

impl SortKey for StockSort {
    const NAMES: &'static [(&'static str, Self)] = &[("sku", Self::Sku), ("name", Self::Name)];
    const DEFAULT: &'static str = "sku";

    fn is_time(self) -> bool {
        false
    }
}

impl Listed<StockSort> for StockView {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, key: StockSort) -> SortValue {
        match key {
            StockSort::Sku => self.sku.as_str().into(),
            StockSort::Name => self.name.as_str().into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct StockFilter {
    pub warehouse_id: Option<WarehouseId>,
    pub product_id: Option<ProductId>,
    /// Only what is at its reorder point or below it.
    pub low: bool,
    /// Its words and ids alone: levels change too often for an index of the times.
    pub selection: Selection,
}

type Rows<'a> = stock_levels::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<StockRow, Pg>>>;
type Condition<'a> = Filter<'a, stock_levels::table>;

impl<'q> Filtered<'q> for StockFilter {
    type Sort = StockSort;
    type Table = stock_levels::table;
    type Rows = Rows<'q>;
    type Row = StockRow;
    type View = StockView;
    const TABLE: &'static str = "stock_levels";
    const SEARCH: &'static str = "search_stock";

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn of_tenant(tenant: Uuid) -> Rows<'q> {
        stock_levels::table
            .filter(stock_levels::tenant_id.eq(tenant))
            .select(StockRow::as_select())
            .into_boxed()
    }

    fn walk(
        &'q self,
        mut rows: Rows<'q>,
        request: &PageRequest<StockSort>,
        branch: Option<usize>,
    ) -> Rows<'q> {
        use stock_levels::{id, low, name, product_id, sku, warehouse_id};
        let warehouse = self.warehouse_id.map(WarehouseId::uuid).filter(|_| branch.is_some());
        if branch.is_some() {
            // A product has few levels: they are found by its own index.
            if let Some(product) = self.product_id {
                rows = rows.filter(product_id.eq(product.uuid()));
            }
            if self.low {
                rows = rows.filter(low);
            }
        }
        match (request.key, warehouse) {
            (StockSort::Sku, None) => walk!(rows, request.texts(), [], sku, id),
            (StockSort::Name, None) => walk!(rows, request.texts(), [], name, id),
            (StockSort::Sku, Some(warehouse)) => {
                walk!(rows, request.texts(), [warehouse_id => warehouse], sku, id)
            }
            (StockSort::Name, Some(warehouse)) => {
                walk!(rows, request.texts(), [warehouse_id => warehouse], name, id)
            }
        }
    }

    fn is_served(&self, key: StockSort) -> bool {
        // What is low has an index by SKU, whatever the warehouse is.
        let low = !self.low || (key == StockSort::Sku && self.warehouse_id.is_none());
        self.product_id.is_some() || low
    }

    fn conditions(&'q self, _: Option<usize>) -> Vec<Condition<'q>> {
        use stock_levels::{low, product_id, warehouse_id};
        let mut conditions: Vec<Condition<'q>> = Vec::new();
        if let Some(product) = self.product_id {
            conditions.push(Box::new(product_id.eq(product.uuid())));
        }
        if self.low {
            conditions.push(Box::new(low));
        }
        if let Some(warehouse) = self.warehouse_id {
            conditions.push(Box::new(warehouse_id.eq(warehouse.uuid())));
        }
        conditions
    }

    fn column(key: StockSort) -> &'static str {
        match key {
            StockSort::Sku => stock_levels::sku::NAME,
            StockSort::Name => stock_levels::name::NAME,
        }
    }

    fn among(ids: Vec<Uuid>) -> Condition<'q> {
        Box::new(stock_levels::id.eq_any(ids))
    }

    fn with_words(words: &'q str) -> Condition<'q> {
        Box::new(
            sql::<Bool>("stock_words(tenant_id, sku, name) @@ (SELECT comptoir_search(")
                .bind::<Text, _>(words)
                .sql("))"),
        )
    }

    fn period(&self, _: StockSort) -> Option<Period> {
        None
    }

    fn view(row: StockRow) -> Result<StockView, Error> {
        Ok(StockView::of(&row.into_level()))
    }
}

/// # Errors
/// `NotFound` if the tenant has no such stock. Fails if the database cannot be reached.
pub async fn get(db: &TenantDatabase, context: &RequestContext, id: StockId) -> Result<StockView, Error> {
    let query =
        || stock_levels::table.find((context.tenant_id().uuid(), id.uuid())).select(StockRow::as_select());
    let row: Option<StockRow> = db.find(context, query).await?;
    let level = row.ok_or(StockError::NotFound(id))?.into_level();
    Ok(StockView::of(&level).seen_by(&context.principal))
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &StockFilter,
    request: &PageRequest<StockSort>,
) -> Result<Page<StockView>, Error> {
    let page = db.list(context, filter, request).await?;
    Ok(page.map(|view| view.seen_by(&context.principal)))
}
