//! The ledger as it is read: what moved, why, and who said so.

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{DocumentType, MovementKind};
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::listing::{searched, within};
use crate::application::{Permission, TenantDatabase};
use crate::platform::paging::{
    Filter, Listed, Matching, Page, PageRequest, Period, SortKey, SortValue, Start, look_through, walk,
};
use crate::platform::schema::{stock_levels, stock_movements};
use crate::values::goods::{Units, UnitsChange};
use crate::values::ids::{ProductId, WarehouseId};
use crate::values::money::UnitPrice;

/// Up to so many products, the movements of each are read along its index, and merged.
const MAX_MERGED: usize = 20;

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = stock_movements)]
struct MovementRow {
    #[expect(dead_code, reason = "the search of a page names the column")]
    tenant_id: Uuid,
    stock_id: Uuid,
    position: i64,
    id: Uuid,
    warehouse_id: Uuid,
    product_id: Uuid,
    kind: String,
    on_hand_change: BigDecimal,
    reserved_change: BigDecimal,
    unit_cost: Option<BigDecimal>,
    on_hand: BigDecimal,
    reserved: BigDecimal,
    reason: Option<String>,
    document_type: String,
    document_id: Uuid,
    document_line: Option<i16>,
    actor_type: String,
    actor_id: Option<Uuid>,
    actor_name: String,
    correlation_id: String,
    business_date: NaiveDate,
    recorded_at: DateTime<Utc>,
}

/// A line of the ledger.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StockMovement)]
pub struct MovementView {
    pub id: Uuid,
    pub stock_id: Uuid,
    /// Counts from 1, for this product in this warehouse.
    pub position: i64,
    pub warehouse_id: Uuid,
    pub product_id: Uuid,
    pub kind: MovementKind,
    /// How what is on hand changed.
    #[schema(value_type = String, example = "-2")]
    pub on_hand_change: UnitsChange,
    /// How what is reserved changed.
    #[schema(value_type = String, example = "-2")]
    pub reserved_change: UnitsChange,
    /// What a unit of it cost; null where nothing was moved, and for whoever may not see costs.
    #[schema(value_type = Option<String>, example = "7.25")]
    pub unit_cost: Option<UnitPrice>,
    /// What was on hand afterwards.
    #[schema(value_type = String, example = "118")]
    pub on_hand: Units,
    /// What was reserved afterwards.
    #[schema(value_type = String, example = "18")]
    pub reserved: Units,
    pub reason: Option<String>,
    pub document_type: DocumentType,
    pub document_id: Uuid,
    /// The line of the document; counts from 1.
    pub document_line: Option<i16>,
    /// `user`, `api_key` or `operator`.
    #[schema(example = "user")]
    pub actor_type: String,
    pub actor_id: Option<Uuid>,
    #[schema(example = "alice@carmes.example")]
    pub actor_name: String,
    #[schema(example = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0c")]
    pub correlation_id: String,
    /// When it was, as the business counts.
    pub business_date: NaiveDate,
    /// When it was entered.
    pub recorded_at: DateTime<Utc>,
}

impl MovementView {
    fn of(row: MovementRow, costs: bool) -> Result<Self, Error> {
        let unknown = |what, value: &str| Error::Stored { what, value: value.to_owned() };
        Ok(Self {
            id: row.id,
            stock_id: row.stock_id,
            position: row.position,
            warehouse_id: row.warehouse_id,
            product_id: row.product_id,
            kind: MovementKind::from_name(&row.kind)
                .ok_or_else(|| unknown("a kind of movement", &row.kind))?,
            on_hand_change: UnitsChange::stored(row.on_hand_change),
            reserved_change: UnitsChange::stored(row.reserved_change),
            unit_cost: row.unit_cost.filter(|_| costs).map(UnitPrice::stored),
            on_hand: Units::stored(row.on_hand),
            reserved: Units::stored(row.reserved),
            reason: row.reason,
            document_type: DocumentType::from_name(&row.document_type)
                .ok_or_else(|| unknown("a kind of document", &row.document_type))?,
            document_id: row.document_id,
            document_line: row.document_line,
            actor_type: row.actor_type,
            actor_id: row.actor_id,
            actor_name: row.actor_name,
            correlation_id: row.correlation_id,
            business_date: row.business_date,
            recorded_at: row.recorded_at,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MovementSort {
    RecordedAt,
}

impl SortKey for MovementSort {
    const NAMES: &'static [(&'static str, Self)] = &[("recorded_at", Self::RecordedAt)];
    const DEFAULT: &'static str = "-recorded_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<MovementSort> for MovementView {
    fn id(&self) -> Uuid {
        self.id
    }

    fn sort_value(&self, _: MovementSort) -> SortValue {
        self.recorded_at.into()
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct MovementFilter {
    pub recorded: Period,
    pub document_id: Option<Uuid>,
    pub product_id: Option<ProductId>,
    pub warehouse_id: Option<WarehouseId>,
    pub kind: Option<MovementKind>,
    /// Only movements of products that have all of these words, as in the list of stock.
    pub words: Option<String>,
}

/// What the words of a filter find.
enum Found {
    /// No words were given.
    All,
    Products(Vec<Uuid>),
    /// More stock than a page looks at: the stock of each movement is looked at.
    TooMuch,
}

type Rows<'a> = stock_movements::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<MovementRow, Pg>>>;

impl MovementFilter {
    /// Whether one index serves the filters. The ledger has few: every order pays for each of them.
    fn is_served(&self) -> bool {
        let alone = self.document_id.is_none() || self.product_id.is_none();
        alone && self.warehouse_id.is_none() && self.kind.is_none() && self.words.is_none()
    }

    fn walk(&self, context: &RequestContext, start: Start<DateTime<Utc>>) -> Rows<'_> {
        use stock_movements::{document_id, id, product_id, recorded_at, tenant_id};
        let start = start.within(self.recorded);
        let of_tenant = tenant_id.eq(context.tenant_id().uuid());
        let query = stock_movements::table.filter(of_tenant).select(MovementRow::as_select()).into_boxed();
        match (self.document_id, self.product_id.map(ProductId::uuid)) {
            (Some(document), _) => walk!(query, start, [document_id => document], recorded_at, id),
            (None, Some(product)) => walk!(query, start, [product_id => product], recorded_at, id),
            (None, None) => walk!(query, start, [], recorded_at, id),
        }
    }

    /// Whether matching rows may follow this one, at which the walk along the index stopped.
    fn leads_to(&self, row: &MovementView) -> bool {
        self.recorded.contains(row.recorded_at)
            && match (self.document_id, self.product_id) {
                (Some(document), _) => row.document_id == document,
                (None, Some(product)) => row.product_id == product.uuid(),
                (None, None) => true,
            }
    }

    fn matching<'a>(
        &'a self,
        found: &'a Found,
        looked_at: Rows<'a>,
        limit: i64,
    ) -> Matching<'a, Rows<'a>, stock_movements::table> {
        use stock_movements::{document_id, kind, product_id, recorded_at, warehouse_id};
        let mut filters: Vec<Filter<'_, stock_movements::table>> = Vec::new();
        within(&mut filters, recorded_at, self.recorded);
        if let Some(document) = self.document_id {
            filters.push(Box::new(document_id.eq(document)));
        }
        if let Some(product) = self.product_id {
            filters.push(Box::new(product_id.eq(product.uuid())));
        }
        if let Some(warehouse) = self.warehouse_id {
            filters.push(Box::new(warehouse_id.eq(warehouse.uuid())));
        }
        if let Some(wanted) = self.kind {
            filters.push(Box::new(kind.eq(wanted.as_str())));
        }
        match (found, &self.words) {
            (Found::Products(ids), _) => filters.push(Box::new(product_id.eq_any(ids))),
            (Found::TooMuch, Some(words)) => {
                let of_level = "(SELECT stock_words(s.tenant_id, s.sku, s.name) FROM stock_levels AS s
                    WHERE s.tenant_id = stock_movements.tenant_id AND s.id = stock_movements.stock_id)
                    @@ (SELECT comptoir_search(";
                let has_words = sql::<Bool>(of_level).bind::<Text, _>(words.as_str()).sql("))");
                filters.push(Box::new(has_words));
            }
            (Found::All | Found::TooMuch, _) => {}
        }
        Matching::of(looked_at, "stock_movements", filters, limit)
    }

    /// The same movements, but of this product alone.
    fn of_product(&self, product: Uuid) -> Self {
        Self { product_id: Some(ProductId::from_uuid(product)), words: None, ..self.clone() }
    }
}

/// Lists movements. What has the words is read before: what is renamed in between may be missed.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn movements(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &MovementFilter,
    request: &PageRequest<MovementSort>,
) -> Result<Page<MovementView>, Error> {
    let Some(words) = &filter.words else { return walked(db, context, filter, &Found::All, request).await };
    let found = found(db, context, words).await?;
    if let (Found::Products(products), None) = (&found, filter.product_id) {
        let each: Vec<MovementFilter> = products.iter().map(|product| filter.of_product(*product)).collect();
        if let [one] = each.as_slice() {
            return walked(db, context, one, &Found::All, request).await;
        }
        if each.len() <= MAX_MERGED && each.iter().all(MovementFilter::is_served) {
            return merged(db, context, &each, request).await;
        }
    }
    walked(db, context, filter, &found, request).await
}

/// Finds the products whose stock has all of these words.
async fn found(db: &TenantDatabase, context: &RequestContext, words: &str) -> Result<Found, Error> {
    use stock_levels::{id, product_id, tenant_id};
    let tenant = context.tenant_id().uuid();
    db.read(context, async |mut connection| {
        let Some(levels) = searched(connection, "search_stock", words).await? else {
            return Ok(Found::TooMuch);
        };
        let products = stock_levels::table
            .filter(tenant_id.eq(tenant).and(id.eq_any(levels)))
            .select(product_id)
            .distinct()
            .load(&mut connection)
            .await?;
        Ok(Found::Products(products))
    })
    .await
}

/// Reads the page of each filter, all of which are served, and makes one of them.
async fn merged(
    db: &TenantDatabase,
    context: &RequestContext,
    filters: &[MovementFilter],
    request: &PageRequest<MovementSort>,
) -> Result<Page<MovementView>, Error> {
    let (costs, all) = (context.principal.may(Permission::StockCosts), Found::All);
    let rows: Vec<MovementRow> = db
        .read(context, async |mut connection| {
            let mut rows = Vec::new();
            for filter in filters {
                let walk = filter.walk(context, request.times()).limit(request.rows());
                let matching = filter.matching(&all, walk, request.rows());
                let found: Vec<MovementRow> = matching.load(&mut connection).await?;
                rows.extend(found);
            }
            Ok(rows)
        })
        .await?;
    let views: Result<Vec<_>, Error> = rows.into_iter().map(|row| MovementView::of(row, costs)).collect();
    let mut views = views?;
    request.sort_by_time(&mut views);
    Ok(request.page(views))
}

async fn walked(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &MovementFilter,
    found: &Found,
    request: &PageRequest<MovementSort>,
) -> Result<Page<MovementView>, Error> {
    let costs = context.principal.may(Permission::StockCosts);
    let (last, rows): (Option<MovementRow>, Vec<MovementRow>) = db
        .read(context, async |mut connection| {
            let walk = || filter.walk(context, request.times());
            let matching = |looked_at, limit| filter.matching(found, looked_at, limit);
            if filter.is_served() {
                let rows = matching(walk().limit(request.rows()), request.rows());
                return Ok((None, rows.load(&mut connection).await?));
            }
            Ok(look_through!(connection, request, walk, matching))
        })
        .await?;
    let view = |row| MovementView::of(row, costs);
    let edge = last.map(view).transpose()?.filter(|last| filter.leads_to(last));
    let views: Result<Vec<_>, Error> = rows.into_iter().map(view).collect();
    Ok(request.page_up_to(edge, views?))
}
