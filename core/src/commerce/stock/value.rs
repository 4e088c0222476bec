//! What the stock was worth at a date: what was on hand by the dates of the business, at the average cost after the last of it. Only what
//! moved goods counts: a promise to an order has the day of the order, but the average cost of when it was written.

use std::collections::HashMap;

use bigdecimal::{BigDecimal, Zero};
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date, Nullable, Numeric, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::queries::StockSort;
use super::repository::StockRow;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::platform::paging::{Filter, Listed, Matching, Page, PageRequest, SortValue, walk};
use crate::platform::schema::stock_levels;
use crate::values::business_date::BusinessDate;
use crate::values::goods::UnitsChange;
use crate::values::ids::{ProductId, StockId, WarehouseId};
use crate::values::money::{Money, UnitPrice};

/// What the stock was worth at the end of a day.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StockValue)]
pub struct StockValue {
    /// The day, as the business counts.
    #[schema(value_type = NaiveDate)]
    pub on: BusinessDate,
    pub warehouses: Vec<WarehouseValue>,
    /// Of all these warehouses.
    #[schema(value_type = String, example = "48210.55")]
    pub total: Money,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = WarehouseStockValue)]
pub struct WarehouseValue {
    #[schema(value_type = Uuid)]
    pub warehouse_id: WarehouseId,
    /// The number of products of which something was on hand.
    pub products: i64,
    #[schema(value_type = String, example = "870.00")]
    pub value: Money,
}

/// What the stock of a product in a warehouse was worth at the end of a day.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ProductStockValue)]
pub struct ProductValue {
    #[schema(value_type = Uuid)]
    pub stock_id: StockId,
    #[schema(value_type = Uuid)]
    pub warehouse_id: WarehouseId,
    #[schema(value_type = Uuid)]
    pub product_id: ProductId,
    #[schema(example = "TEA-EG-250")]
    pub sku: String,
    #[schema(example = "Earl Grey, 250 g")]
    pub name: String,
    /// Less than nothing where goods left, by the dates of the business, before they came.
    #[schema(value_type = String, example = "120")]
    pub on_hand: UnitsChange,
    /// What a unit cost, after the last movement of that day or before.
    #[schema(value_type = String, example = "7.25")]
    pub average_cost: UnitPrice,
    /// On hand at average cost.
    #[schema(value_type = String, example = "870.00")]
    pub value: Money,
}

impl Listed<StockSort> for ProductValue {
    fn id(&self) -> Uuid {
        self.stock_id.uuid()
    }

    fn sort_value(&self, key: StockSort) -> SortValue {
        match key {
            StockSort::Sku => self.sku.as_str().into(),
            StockSort::Name => self.name.as_str().into(),
        }
    }
}

crate::statement! {
    /// What each warehouse was worth. A value is rounded where it is that of a product, so that the lines add up to the sums.
    struct OfWarehouses<'a> { tenant: Uuid => SqlUuid, day: NaiveDate => Date, warehouse: Option<Uuid> => Nullable<SqlUuid> }
        -> (SqlUuid, BigInt, Numeric)
    = "WITH wanted AS MATERIALIZED (SELECT $1 AS tenant_id, $2 AS day, $3 AS warehouse_id),
    moved AS (
        SELECT m.tenant_id, m.stock_id, sum(m.on_hand_change) AS on_hand, max(m.position) AS last
        FROM wanted JOIN stock_movements AS m ON m.tenant_id = wanted.tenant_id
        WHERE m.business_date <= wanted.day AND m.on_hand_change <> 0::numeric AND (wanted.warehouse_id IS NULL OR m.warehouse_id = wanted.warehouse_id)
        GROUP BY m.tenant_id, m.stock_id
    )
    SELECT l.warehouse_id, count(*), sum(round(moved.on_hand * l.average_cost, 2))
    FROM moved JOIN stock_movements AS l ON l.tenant_id = moved.tenant_id AND l.stock_id = moved.stock_id AND l.position = moved.last
    WHERE moved.on_hand <> 0
    GROUP BY l.warehouse_id ORDER BY l.warehouse_id"
}

crate::statement! {
    /// What some levels were: what was on hand, and the average cost after the last movement of that day or before.
    struct OfLevels<'a> { tenant: Uuid => SqlUuid, day: NaiveDate => Date, levels: &'a [Uuid] => Array<SqlUuid> }
        -> (SqlUuid, Numeric, Numeric)
    = "WITH wanted AS MATERIALIZED (SELECT $1 AS tenant_id, $2 AS day),
    moved AS (
        SELECT m.tenant_id, m.stock_id, sum(m.on_hand_change) AS on_hand, max(m.position) AS last
        FROM wanted, unnest($3) AS level (id), LATERAL (
            SELECT of_level.* FROM stock_movements AS of_level
            WHERE of_level.tenant_id = wanted.tenant_id AND of_level.stock_id = level.id AND of_level.business_date <= wanted.day
                AND of_level.on_hand_change <> 0::numeric
        ) AS m
        GROUP BY m.tenant_id, m.stock_id
    )
    SELECT moved.stock_id, moved.on_hand, l.average_cost
    FROM moved JOIN stock_movements AS l ON l.tenant_id = moved.tenant_id AND l.stock_id = moved.stock_id AND l.position = moved.last
    WHERE moved.on_hand <> 0"
}

/// Returns what the stock was worth at the end of a day, by warehouse. It reads the ledger of the company up to then.
///
/// # Errors
/// Fails if the database cannot be reached, or if it takes longer than a request may.
pub async fn value(
    db: &TenantDatabase,
    context: &RequestContext,
    on: BusinessDate,
    warehouse: Option<WarehouseId>,
) -> Result<StockValue, Error> {
    let (tenant, warehouse) = (context.tenant_id().uuid(), warehouse.map(WarehouseId::uuid));
    let rows: Vec<(Uuid, i64, BigDecimal)> = db
        .read(context, async |mut connection| {
            Ok(OfWarehouses::new(tenant, on.date(), warehouse).load(&mut connection).await?)
        })
        .await?;
    let total = rows.iter().fold(BigDecimal::zero(), |total, (_, _, value)| total + value);
    let of_warehouse = |(id, products, value): (Uuid, i64, BigDecimal)| WarehouseValue {
        warehouse_id: WarehouseId::from_uuid(id),
        products,
        value: Money::rounded(&value),
    };
    let warehouses = rows.into_iter().map(of_warehouse).collect();
    Ok(StockValue { on, warehouses, total: Money::rounded(&total) })
}

/// Lists what the stock of each product in each warehouse was worth at the end of a day. A page reads the movements of its products;
/// those of which nothing was on hand are left out, so it may hold fewer than asked for.
///
/// # Errors
/// Fails if the database cannot be reached, or if it takes longer than a request may.
pub async fn value_by_product(
    db: &TenantDatabase,
    context: &RequestContext,
    on: BusinessDate,
    warehouse: Option<WarehouseId>,
    request: &PageRequest<StockSort>,
) -> Result<Page<ProductValue>, Error> {
    use stock_levels::{id, name, sku, tenant_id, warehouse_id};
    let tenant = context.tenant_id().uuid();
    let (levels, moved): (Vec<StockRow>, Vec<(Uuid, BigDecimal, BigDecimal)>) = db
        .read(context, async |mut connection| {
            let rows = stock_levels::table
                .filter(tenant_id.eq(tenant))
                .select(StockRow::as_select())
                .limit(request.rows())
                .into_boxed();
            let mut conditions: Vec<Filter<'_, stock_levels::table>> = Vec::new();
            if let Some(wanted) = warehouse {
                conditions.push(Box::new(warehouse_id.eq(wanted.uuid())));
            }
            let rows = match (request.key, warehouse.map(WarehouseId::uuid)) {
                (StockSort::Sku, None) => walk!(rows, request.texts(), [], sku, id),
                (StockSort::Name, None) => walk!(rows, request.texts(), [], name, id),
                (StockSort::Sku, Some(wanted)) => {
                    walk!(rows, request.texts(), [warehouse_id => wanted], sku, id)
                }
                (StockSort::Name, Some(wanted)) => {
                    walk!(rows, request.texts(), [warehouse_id => wanted], name, id)
                }
            };
            let matching = Matching::of(rows, "stock_levels", conditions, request.rows());
            let levels: Vec<StockRow> = matching.load(&mut connection).await?;
            let ids: Vec<Uuid> = levels.iter().map(|level| level.id).collect();
            Ok((levels, OfLevels::new(tenant, on.date(), &ids).load(&mut connection).await?))
        })
        .await?;
    let mut moved: HashMap<Uuid, (BigDecimal, BigDecimal)> =
        moved.into_iter().map(|(level, on_hand, cost)| (level, (on_hand, cost))).collect();
    let line = |level: StockRow| {
        let (on_hand, cost) =
            moved.remove(&level.id).unwrap_or_else(|| (BigDecimal::zero(), BigDecimal::zero()));
        ProductValue {
            stock_id: StockId::from_uuid(level.id),
            warehouse_id: WarehouseId::from_uuid(level.warehouse_id),
            product_id: ProductId::from_uuid(level.product_id),
            sku: level.sku,
            name: level.name,
            value: Money::rounded(&(&on_hand * &cost)),
            on_hand: UnitsChange::stored(on_hand),
            average_cost: UnitPrice::stored(cost),
        }
    };
    let mut page = request.page(levels.into_iter().map(line).collect());
    page.data.retain(|line| !line.on_hand.is_none());
    Ok(page)
}
