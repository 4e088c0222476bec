//! The queries on stock.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{StockError, StockLevel};
use super::places::{Place, Shelves};
use super::repository::{PlaceRow, StockRow, into_place, places_of};
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::listing::{Filtered, Selection};
use crate::application::{Permission, Principal};
use crate::commerce::categories;
use crate::platform::paging::{
    Filter, Listed, MAX_LOOKED_AT, Page, PageRequest, Period, SortKey, SortValue, walk,
};
use crate::platform::schema::{locations, stock_levels, stock_places};
use crate::values::goods::Units;
use crate::values::ids::{CategoryId, LocationId, ProductId, StockId, WarehouseId};
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
    /// What of it was put into locations; the rest lies in none.
    #[schema(value_type = String, example = "80")]
    pub located: Units,
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
            located: level.located.clone(),
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

/// The stock of a product in a warehouse, with where it lies.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StockDetails)]
pub struct StockDetails {
    #[serde(flatten)]
    pub stock: StockView,
    /// The locations in which it lies, in the order in which goods are taken from them; at most 1,000.
    pub places: Vec<StockPlace>,
}

/// What of a stock lies in a location.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StockPlace)]
pub struct StockPlace {
    #[schema(value_type = Uuid)]
    pub location_id: LocationId,
    #[schema(example = "A-01-3")]
    pub code: String,
    #[schema(value_type = String, example = "80")]
    pub on_hand: Units,
}

impl From<Place> for StockPlace {
    fn from(Place { location, on_hand }: Place) -> Self {
        Self { location_id: location.id, code: location.code, on_hand }
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
    /// Only what lies in this location, or some of it.
    pub location_id: Option<LocationId>,
    /// Only products of this category, and of those below it.
    pub category_id: Option<CategoryId>,
    /// Its words and ids alone: levels change too often for an index of the times.
    pub selection: Selection,
}

/// A filter, with what it means in the rows of levels.
struct Resolved<'a> {
    filter: &'a StockFilter,
    /// The category and all that are below it.
    categories: Option<Vec<Uuid>>,
    /// The levels of which something lies in the location, if they are few.
    in_location: Option<Vec<Uuid>>,
}

impl Resolved<'_> {
    /// The location, if so much lies there that its levels are looked at one by one.
    fn crowded(&self) -> Option<LocationId> {
        self.filter.location_id.filter(|_| self.in_location.is_none())
    }
}

type Rows<'a> = stock_levels::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<StockRow, Pg>>>;
type Condition<'a> = Filter<'a, stock_levels::table>;

impl<'q> Filtered<'q> for Resolved<'q> {
    type Sort = StockSort;
    type Table = stock_levels::table;
    type Rows = Rows<'q>;
    type Row = StockRow;
    type View = StockView;
    const TABLE: &'static str = "stock_levels";
    const SEARCH: &'static str = "search_stock";

    fn selection(&self) -> &Selection {
        &self.filter.selection
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
        let filter = self.filter;
        let warehouse = filter.warehouse_id.map(WarehouseId::uuid).filter(|_| branch.is_some());
        if branch.is_some() {
            // A product has few levels: they are found by its own index.
            if let Some(product) = filter.product_id {
                rows = rows.filter(product_id.eq(product.uuid()));
            }
            if filter.low {
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
        let filter = self.filter;
        // What is low has an index by SKU, whatever the warehouse is.
        let low = !filter.low || (key == StockSort::Sku && filter.warehouse_id.is_none());
        let in_order = filter.category_id.is_none() && filter.location_id.is_none();
        in_order && (filter.product_id.is_some() || low)
    }

    fn conditions(&'q self, _: Option<usize>) -> Vec<Condition<'q>> {
        use stock_levels::{category_id, id, low, product_id, warehouse_id};
        let filter = self.filter;
        let mut conditions: Vec<Condition<'q>> = Vec::new();
        if let Some(product) = filter.product_id {
            conditions.push(Box::new(product_id.eq(product.uuid())));
        }
        if filter.low {
            conditions.push(Box::new(low));
        }
        if let Some(ids) = &self.in_location {
            conditions.push(Box::new(id.eq_any(ids)));
        }
        if let Some(ids) = &self.categories {
            conditions.push(Box::new(category_id.assume_not_null().eq_any(ids)));
        }
        if let Some(warehouse) = filter.warehouse_id {
            conditions.push(Box::new(warehouse_id.eq(warehouse.uuid())));
        }
        conditions
    }

    fn looked_at(&'q self) -> Vec<Condition<'q>> {
        let mut conditions: Vec<Condition<'q>> = Vec::new();
        if let Some(location) = self.crowded() {
            // A look into the index of the places for each level.
            let place = "EXISTS (SELECT FROM stock_places AS p WHERE p.tenant_id = stock_levels.tenant_id
                AND p.stock_id = stock_levels.id AND p.location_id = ";
            conditions
                .push(Box::new(sql::<Bool>(place).bind::<SqlUuid, _>(location.uuid()).sql(" OFFSET 0)")));
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
pub async fn get(db: &TenantDatabase, context: &RequestContext, id: StockId) -> Result<StockDetails, Error> {
    let tenant = context.tenant_id().uuid();
    let (row, rows): (Option<StockRow>, Vec<PlaceRow>) = db
        .read(context, async |mut connection| {
            let row: Option<StockRow> = stock_levels::table
                .find((tenant, id.uuid()))
                .select(StockRow::as_select())
                .first(&mut connection)
                .await
                .optional()?;
            let rows = places_of!(tenant, vec![id.uuid()]).load(&mut connection).await?;
            Ok((row, rows))
        })
        .await?;
    let level = row.ok_or(StockError::NotFound(id))?.into_level();
    let mut places: Vec<Place> = rows.into_iter().map(|row| into_place(row).1).collect();
    places.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(StockDetails {
        stock: StockView::of(&level).seen_by(&context.principal),
        places: places.into_iter().map(StockPlace::from).collect(),
    })
}

/// Lists stock. What a category is, and what lies in a location, is read before: what is moved in between may be missed, as what is moved
/// between two pages.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &StockFilter,
    request: &PageRequest<StockSort>,
) -> Result<Page<StockView>, Error> {
    let categories = match filter.category_id {
        Some(id) => Some(categories::subtree(db, context, id).await?),
        None => None,
    };
    let in_location = match filter.location_id {
        Some(id) => in_location(db, context, id).await?,
        None => None,
    };
    let page = db.list(context, &Resolved { filter, categories, in_location }, request).await?;
    Ok(page.map(|view| view.seen_by(&context.principal)))
}

/// Returns the levels of which something lies in a location, unless they are more than a page looks at.
async fn in_location(
    db: &TenantDatabase,
    context: &RequestContext,
    location: LocationId,
) -> Result<Option<Vec<Uuid>>, Error> {
    let tenant = context.tenant_id().uuid();
    let ids: Vec<Uuid> = db
        .read(context, async |mut connection| {
            let found = stock_places::table
                .filter(stock_places::tenant_id.eq(tenant).and(stock_places::location_id.eq(location.uuid())))
                .select(stock_places::stock_id)
                .limit(MAX_LOOKED_AT + 1);
            Ok(found.load(&mut connection).await?)
        })
        .await?;
    let are_few = i64::try_from(ids.len()).is_ok_and(|number| number <= MAX_LOOKED_AT);
    Ok(are_few.then_some(ids))
}

/// Returns where these products lie in a warehouse now.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn shelves(
    mut connection: &AsyncPgConnection,
    tenant: Uuid,
    warehouse: Uuid,
    products: Vec<Uuid>,
) -> Result<Shelves, Error> {
    let rows: Vec<StockRow> = stock_levels::table
        .filter(stock_levels::tenant_id.eq(tenant).and(stock_levels::warehouse_id.eq(warehouse)))
        .filter(stock_levels::product_id.eq_any(products))
        .select(StockRow::as_select())
        .load(&mut connection)
        .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let found: Vec<PlaceRow> = places_of!(tenant, ids).load(&mut connection).await?;
    let mut places: HashMap<Uuid, Vec<Place>> = HashMap::new();
    for (stock, place) in found.into_iter().map(into_place) {
        places.entry(stock).or_default().push(place);
    }
    let mut shelves = Shelves::default();
    for level in rows.into_iter().map(StockRow::into_level) {
        let places = places.remove(&level.id.uuid()).unwrap_or_default();
        shelves.put(level.product_id, level.loose(), places);
    }
    Ok(shelves)
}
