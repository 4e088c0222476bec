//! The queries on inventory counts.

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{CountStatus, InventoryCount, LineState};
use super::error::InventoryCountError;
use super::line_rows::location_of;
use super::repository::InventoryCountRow;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::{Permission, Principal, TenantDatabase};
use crate::platform::paging::{
    Filter, Listed, Matching, Page, PageRequest, SortKey, SortValue, look_through, walk,
};
use crate::platform::schema::{inventory_count_entries, inventory_count_lines, inventory_counts};
use crate::values::business_date::BusinessDate;
use crate::values::goods::{Units, UnitsChange};
use crate::values::ids::{CategoryId, InventoryCountId, LocationId, ProductId, WarehouseId};
use crate::values::money::{Money, UnitPrice};

/// An inventory count, without its lines.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = InventoryCount)]
pub struct InventoryCountView {
    #[schema(value_type = Uuid)]
    pub id: InventoryCountId,
    /// Rises when the count moves on, not with every entry; the ETag.
    pub version: i64,
    pub reference: Option<String>,
    #[schema(value_type = Uuid)]
    pub warehouse_id: WarehouseId,
    /// Only what is in these categories and below them is counted; null for the other scopes.
    #[schema(value_type = Option<Vec<Uuid>>)]
    pub category_ids: Option<Vec<CategoryId>>,
    /// Only what lies in these locations is counted; null for the other scopes. If both are null, it is the whole warehouse.
    #[schema(value_type = Option<Vec<Uuid>>)]
    pub location_ids: Option<Vec<LocationId>>,
    /// Whether those who count do not see what is expected.
    pub blind: bool,
    pub status: CountStatus,
    #[schema(example = "bob@carmes.example")]
    pub created_by: String,
    /// The date of its movements; null until it is closed.
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub business_date: Option<BusinessDate>,
    /// How many lines differed; null until it is closed.
    #[schema(minimum = 0)]
    pub differing: Option<usize>,
    /// What was there besides, at average cost, of each product in all its lines together; null until it is closed, and for whoever may not see costs.
    #[schema(value_type = Option<String>, example = "14.50")]
    pub value_gained: Option<Money>,
    /// What was missing, at average cost, of each product in all its lines together; null until it is closed, and for whoever may not see costs.
    #[schema(value_type = Option<String>, example = "36.25")]
    pub value_lost: Option<Money>,
    pub cancellation_reason: Option<String>,
    pub started_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl InventoryCountView {
    pub(super) fn of(count: &InventoryCount) -> Self {
        let totals = count.totals.as_ref();
        Self {
            id: count.id,
            version: count.version,
            reference: count.reference.as_ref().map(|reference| reference.as_str().to_owned()),
            warehouse_id: count.warehouse_id,
            category_ids: count.categories.clone(),
            location_ids: count.locations.clone(),
            blind: count.blind,
            status: count.status,
            created_by: count.created_by.clone(),
            business_date: totals.map(|totals| totals.business_date),
            differing: totals.map(|totals| totals.differing),
            value_gained: totals.map(|totals| totals.gained.clone()),
            value_lost: totals.map(|totals| totals.lost.clone()),
            cancellation_reason: count.cancellation_reason.as_ref().map(|reason| reason.as_str().to_owned()),
            started_at: count.started_at,
            closed_at: count.closed_at,
            cancelled_at: count.cancelled_at,
            created_at: count.created_at,
            updated_at: count.updated_at,
        }
    }

    /// The view as this principal may see it.
    #[must_use]
    pub fn seen_by(mut self, principal: &Principal) -> Self {
        if !principal.may(Permission::StockCosts) {
            (self.value_gained, self.value_lost) = (None, None);
        }
        self
    }
}

/// How far a count has come.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = InventoryCountProgress)]
pub struct CountProgress {
    pub status: CountStatus,
    /// All lines.
    #[schema(minimum = 0)]
    pub lines: i64,
    /// Lines that nobody has counted.
    #[schema(minimum = 0)]
    pub to_count: i64,
    /// Lines that are to be counted again.
    #[schema(minimum = 0)]
    pub to_recount: i64,
    #[schema(minimum = 0)]
    pub counted: i64,
    /// Lines that differ; null for whoever does not see what is expected.
    #[schema(minimum = 0)]
    pub differing: Option<i64>,
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = inventory_count_lines)]
pub(super) struct CountLineRow {
    count_id: Uuid,
    product_id: Uuid,
    sku: String,
    name: String,
    state: String,
    expected: Option<BigDecimal>,
    counted: Option<BigDecimal>,
    average_cost: Option<BigDecimal>,
    entries: i32,
    counted_at: Option<DateTime<Utc>>,
    location_id: Uuid,
    location_code: Option<String>,
    id: Uuid,
}

/// A product that is to be counted, or was.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = InventoryCountLine)]
pub struct CountLineView {
    #[serde(skip)]
    id: Uuid,
    #[schema(value_type = Uuid)]
    pub product_id: ProductId,
    /// Where it lies, in a count of locations; null in the others.
    #[schema(value_type = Option<Uuid>)]
    pub location_id: Option<LocationId>,
    /// As the location was called when the line was made.
    #[schema(example = "A-01-3")]
    pub location_code: Option<String>,
    #[schema(example = "TEA-EG-250")]
    pub sku: String,
    #[schema(example = "Earl Grey, 250 g")]
    pub name: String,
    pub state: LineState,
    /// What was counted last; null if nothing was, and for whoever counts it again in a blind count.
    #[schema(value_type = Option<String>, example = "22")]
    pub counted: Option<Units>,
    /// What was on hand when it was counted, in a count of locations there; null until then, and for whoever counts in a blind count.
    #[schema(value_type = Option<String>, example = "24")]
    pub expected: Option<Units>,
    /// Counted less expected; null where one of them is.
    #[schema(value_type = Option<String>, example = "-2")]
    pub difference: Option<UnitsChange>,
    /// What a unit cost when the difference was posted; null where nothing was, and for whoever may not see costs.
    #[schema(value_type = Option<String>, example = "7.25")]
    pub average_cost: Option<UnitPrice>,
    /// The difference at that cost.
    #[schema(value_type = Option<String>, example = "-14.50")]
    pub value: Option<Money>,
    /// How often it was counted.
    #[schema(minimum = 0)]
    pub entries: i32,
    pub counted_at: Option<DateTime<Utc>>,
}

impl CountLineView {
    pub(super) fn of(row: CountLineRow) -> Result<Self, Error> {
        let state = LineState::from_name(&row.state)
            .ok_or_else(|| Error::Stored { what: "a state of a line", value: row.state.clone() })?;
        let difference = row.counted.as_ref().zip(row.expected.as_ref());
        let difference: Option<BigDecimal> = difference.map(|(counted, expected)| counted - expected);
        let value = difference.as_ref().zip(row.average_cost.as_ref());
        let value = value.map(|(difference, cost)| Money::rounded(&(difference * cost)));
        Ok(Self {
            id: row.id,
            product_id: ProductId::from_uuid(row.product_id),
            location_id: location_of(row.location_id),
            location_code: row.location_code,
            sku: row.sku,
            name: row.name,
            state,
            counted: row.counted.map(Units::stored),
            expected: row.expected.map(Units::stored),
            difference: difference.map(UnitsChange::stored),
            average_cost: row.average_cost.map(UnitPrice::stored),
            value,
            entries: row.entries,
            counted_at: row.counted_at,
        })
    }

    /// The line as this principal may see it while its count is as it is.
    #[must_use]
    pub(super) fn seen_by(mut self, principal: &Principal, count: &InventoryCount) -> Self {
        if hides(count, principal) {
            (self.expected, self.difference) = (None, None);
            if self.state == LineState::ToRecount {
                self.counted = None;
            }
        }
        if !principal.may(Permission::StockCosts) {
            (self.average_cost, self.value) = (None, None);
        }
        self
    }
}

/// Whether this principal does not see what is expected.
fn hides(count: &InventoryCount, principal: &Principal) -> bool {
    count.hides_expected() && !principal.may(Permission::InventoryClose)
}

/// What somebody counted.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = InventoryCountEntry)]
pub struct CountEntryView {
    pub id: Uuid,
    #[schema(value_type = Uuid)]
    pub product_id: ProductId,
    /// Where it lies, in a count of locations; null in the others.
    pub location_id: Option<Uuid>,
    #[schema(value_type = String, example = "22")]
    pub counted: Units,
    /// What was on hand at that moment, in a count of locations there.
    #[schema(value_type = String, example = "24")]
    pub expected: Units,
    /// `user`, `api_key` or `operator`.
    #[schema(example = "user")]
    pub actor_type: String,
    pub actor_id: Option<Uuid>,
    #[schema(example = "alice@carmes.example")]
    pub actor_name: String,
    #[schema(example = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0c")]
    pub correlation_id: String,
    pub recorded_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = inventory_count_entries)]
struct CountEntryRow {
    #[expect(dead_code, reason = "the filter of a page names the column")]
    count_id: Uuid,
    id: Uuid,
    product_id: Uuid,
    counted: BigDecimal,
    expected: BigDecimal,
    actor_type: String,
    actor_id: Option<Uuid>,
    actor_name: String,
    correlation_id: String,
    recorded_at: DateTime<Utc>,
    location_id: Option<Uuid>,
}

impl From<CountEntryRow> for CountEntryView {
    fn from(row: CountEntryRow) -> Self {
        Self {
            id: row.id,
            product_id: ProductId::from_uuid(row.product_id),
            location_id: row.location_id,
            counted: Units::stored(row.counted),
            expected: Units::stored(row.expected),
            actor_type: row.actor_type,
            actor_id: row.actor_id,
            actor_name: row.actor_name,
            correlation_id: row.correlation_id,
            recorded_at: row.recorded_at,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountSort {
    CreatedAt,
}

impl SortKey for CountSort {
    const NAMES: &'static [(&'static str, Self)] = &[("created_at", Self::CreatedAt)];
    const DEFAULT: &'static str = "-created_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<CountSort> for InventoryCountView {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, _: CountSort) -> SortValue {
        self.created_at.into()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineSort {
    Sku,
}

impl SortKey for LineSort {
    const NAMES: &'static [(&'static str, Self)] = &[("sku", Self::Sku)];
    const DEFAULT: &'static str = "sku";

    fn is_time(self) -> bool {
        false
    }
}

impl Listed<LineSort> for CountLineView {
    fn id(&self) -> Uuid {
        self.id
    }

    fn sort_value(&self, _: LineSort) -> SortValue {
        self.sku.as_str().into()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntrySort {
    RecordedAt,
}

impl SortKey for EntrySort {
    const NAMES: &'static [(&'static str, Self)] = &[("recorded_at", Self::RecordedAt)];
    const DEFAULT: &'static str = "-recorded_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<EntrySort> for CountEntryView {
    fn id(&self) -> Uuid {
        self.id
    }

    fn sort_value(&self, _: EntrySort) -> SortValue {
        self.recorded_at.into()
    }
}

#[derive(Debug, Clone, Default)]
pub struct CountFilter {
    pub warehouse_id: Option<WarehouseId>,
    pub status: Option<CountStatus>,
}

#[derive(Debug, Clone, Default)]
pub struct LineFilter {
    pub state: Option<LineState>,
    /// Only what lies there, in a count of locations.
    pub location_id: Option<LocationId>,
    /// Only lines that were counted otherwise than expected.
    pub differs: bool,
}

#[derive(Debug, Clone, Default)]
pub struct EntryFilter {
    pub product_id: Option<ProductId>,
}

type Counts<'a> = inventory_counts::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<InventoryCountRow, Pg>>>;
type Lines<'a> = inventory_count_lines::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<CountLineRow, Pg>>>;
type Entries<'a> = inventory_count_entries::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<CountEntryRow, Pg>>>;

/// # Errors
/// `NotFound` if the tenant has no such count. Fails if the database cannot be reached.
pub async fn get(
    db: &TenantDatabase,
    context: &RequestContext,
    id: InventoryCountId,
) -> Result<InventoryCountView, Error> {
    let query = || {
        inventory_counts::table
            .find((context.tenant_id().uuid(), id.uuid()))
            .select(InventoryCountRow::as_select())
    };
    let row: Option<InventoryCountRow> = db.find(context, query).await?;
    let count = row.ok_or(InventoryCountError::NotFound(id))?.into_count()?;
    Ok(InventoryCountView::of(&count).seen_by(&context.principal))
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &CountFilter,
    request: &PageRequest<CountSort>,
) -> Result<Page<InventoryCountView>, Error> {
    use inventory_counts::{created_at, id, status, tenant_id, warehouse_id};
    let (warehouse, wanted) =
        (filter.warehouse_id.map(WarehouseId::uuid), filter.status.map(CountStatus::as_str));
    let walked = || -> Counts<'_> {
        let of_tenant = tenant_id.eq(context.tenant_id().uuid());
        let query =
            inventory_counts::table.filter(of_tenant).select(InventoryCountRow::as_select()).into_boxed();
        match (warehouse, wanted) {
            (None, None) => walk!(query, request.times(), [], created_at, id),
            (Some(place), None) => walk!(query, request.times(), [warehouse_id => place], created_at, id),
            (None, Some(state)) => walk!(query, request.times(), [status => state], created_at, id),
            (Some(place), Some(state)) => {
                walk!(query, request.times(), [warehouse_id => place, status => state], created_at, id)
            }
        }
    };
    let query = || {
        let mut filters: Vec<Filter<'_, inventory_counts::table>> = Vec::new();
        if let Some(place) = warehouse {
            filters.push(Box::new(warehouse_id.eq(place)));
        }
        if let Some(state) = wanted {
            filters.push(Box::new(status.eq(state)));
        }
        Matching::of(walked().limit(request.rows()), "inventory_counts", filters, request.rows())
    };
    let rows: Vec<InventoryCountRow> =
        db.read(context, async |mut connection| Ok(query().load(&mut connection).await?)).await?;
    let view = |row: InventoryCountRow| {
        Ok::<_, Error>(InventoryCountView::of(&row.into_count()?).seen_by(&context.principal))
    };
    Ok(request.page(rows.into_iter().map(view).collect::<Result<_, _>>()?))
}

/// Loads a count without locking it.
async fn look(
    mut connection: &AsyncPgConnection,
    tenant: Uuid,
    id: InventoryCountId,
) -> Result<InventoryCount, Error> {
    let row: Option<InventoryCountRow> = inventory_counts::table
        .find((tenant, id.uuid()))
        .select(InventoryCountRow::as_select())
        .first(&mut connection)
        .await
        .optional()?;
    row.ok_or(InventoryCountError::NotFound(id))?.into_count()
}

/// Returns the lines of a count, by SKU.
///
/// # Errors
/// `NotFound` if the tenant has no such count, `Blind` if the principal asks which lines differ, and must not know yet. Fails if the
/// database cannot be reached.
pub async fn lines(
    db: &TenantDatabase,
    context: &RequestContext,
    id: InventoryCountId,
    filter: &LineFilter,
    request: &PageRequest<LineSort>,
) -> Result<Page<CountLineView>, Error> {
    use inventory_count_lines::{
        count_id, counted, expected, id as line_id, location_id, sku, state, tenant_id,
    };
    let (tenant, wanted) = (context.tenant_id().uuid(), filter.state.map(LineState::as_str));
    let location = filter.location_id.map(LocationId::uuid);
    // Of one location with other filters, no index has the lines: those of the location are looked through.
    let is_served = location.is_none() || (wanted.is_none() && !filter.differs);
    let walked = || -> Lines<'_> {
        let of_tenant = tenant_id.eq(tenant);
        let mut query =
            inventory_count_lines::table.filter(of_tenant).select(CountLineRow::as_select()).into_boxed();
        if let Some(location) = location {
            return walk!(
                query,
                request.texts(),
                [count_id => id.uuid(), location_id => location],
                sku,
                line_id
            );
        }
        if filter.differs {
            query = query.filter(counted.ne(expected));
        }
        match wanted {
            None => walk!(query, request.texts(), [count_id => id.uuid()], sku, line_id),
            Some(wanted) => {
                walk!(query, request.texts(), [count_id => id.uuid(), state => wanted], sku, line_id)
            }
        }
    };
    let matching = |looked_at, limit| {
        let mut filters: Vec<Filter<'_, inventory_count_lines::table>> =
            vec![Box::new(count_id.eq(id.uuid()))];
        if let Some(wanted) = wanted {
            filters.push(Box::new(state.eq(wanted)));
        }
        if let Some(location) = location {
            filters.push(Box::new(location_id.eq(location)));
            if filter.differs {
                filters.push(Box::new(counted.assume_not_null().ne(expected.assume_not_null())));
            }
        }
        Matching::of(looked_at, "inventory_count_lines", filters, limit)
    };
    let (count, last, rows): (InventoryCount, Option<CountLineRow>, Vec<CountLineRow>) = db
        .read(context, async |mut connection| {
            let count = look(connection, tenant, id).await?;
            if filter.differs && hides(&count, &context.principal) {
                return Err(InventoryCountError::Blind.into());
            }
            if is_served {
                let rows = matching(walked().limit(request.rows()), request.rows());
                return Ok((count, None, rows.load(&mut connection).await?));
            }
            let (last, rows): (Option<CountLineRow>, Vec<CountLineRow>) =
                look_through!(connection, request, &walked, &matching);
            Ok((count, last, rows))
        })
        .await?;
    let leads_on = |row: &CountLineRow| row.count_id == id.uuid() && Some(row.location_id) == location;
    let edge = last.filter(leads_on).map(CountLineView::of).transpose()?;
    let view = |row| Ok::<_, Error>(CountLineView::of(row)?.seen_by(&context.principal, &count));
    Ok(request.page_up_to(edge, rows.into_iter().map(view).collect::<Result<_, _>>()?))
}

/// Returns what was counted, by whom and when.
///
/// # Errors
/// `NotFound` if the tenant has no such count. Fails if the database cannot be reached.
pub async fn entries(
    db: &TenantDatabase,
    context: &RequestContext,
    id: InventoryCountId,
    filter: &EntryFilter,
    request: &PageRequest<EntrySort>,
) -> Result<Page<CountEntryView>, Error> {
    use inventory_count_entries::{count_id, id as entry_id, product_id, recorded_at, tenant_id};
    let (tenant, product) = (context.tenant_id().uuid(), filter.product_id.map(ProductId::uuid));
    let walked = || -> Entries<'_> {
        let of_tenant = tenant_id.eq(tenant);
        let query =
            inventory_count_entries::table.filter(of_tenant).select(CountEntryRow::as_select()).into_boxed();
        match product {
            None => walk!(query, request.times(), [count_id => id.uuid()], recorded_at, entry_id),
            Some(product) => walk!(
                query,
                request.times(),
                [count_id => id.uuid(), product_id => product],
                recorded_at,
                entry_id
            ),
        }
    };
    let query = || {
        let mut filters: Vec<Filter<'_, inventory_count_entries::table>> =
            vec![Box::new(count_id.eq(id.uuid()))];
        if let Some(product) = product {
            filters.push(Box::new(product_id.eq(product)));
        }
        Matching::of(walked().limit(request.rows()), "inventory_count_entries", filters, request.rows())
    };
    let rows: Vec<CountEntryRow> = db
        .read(context, async |mut connection| {
            look(connection, tenant, id).await?;
            Ok(query().load(&mut connection).await?)
        })
        .await?;
    Ok(request.page(rows.into_iter().map(CountEntryView::from).collect()))
}

crate::statement! {
    struct Numbers<'a> { tenant: Uuid => SqlUuid, count: Uuid => SqlUuid } -> (BigInt, BigInt, BigInt, BigInt, BigInt)
    = "SELECT count(*), count(*) FILTER (WHERE state = 'to_count'), count(*) FILTER (WHERE state = 'to_recount'),
        count(*) FILTER (WHERE state = 'counted'), count(*) FILTER (WHERE counted <> expected)
    FROM inventory_count_lines WHERE tenant_id = $1 AND count_id = $2"
}

/// Returns how far a count has come. It reads all of its lines.
///
/// # Errors
/// `NotFound` if the tenant has no such count. Fails if the database cannot be reached.
pub async fn progress(
    db: &TenantDatabase,
    context: &RequestContext,
    id: InventoryCountId,
) -> Result<CountProgress, Error> {
    let tenant = context.tenant_id().uuid();
    let (count, numbers): (InventoryCount, (i64, i64, i64, i64, i64)) = db
        .read(context, async |mut connection| {
            let count = look(connection, tenant, id).await?;
            Ok((count, Numbers::new(tenant, id.uuid()).get_result(&mut connection).await?))
        })
        .await?;
    let (lines, to_count, to_recount, counted, differing) = numbers;
    Ok(CountProgress {
        status: count.status,
        lines,
        to_count,
        to_recount,
        counted,
        differing: (!hides(&count, &context.principal)).then_some(differing),
    })
}
