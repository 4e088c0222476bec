//! The queries on inventory counts.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{CountStatus, InventoryCount};
use super::error::InventoryCountError;
use super::repository::InventoryCountRow;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::{Permission, Principal, TenantDatabase};
use crate::platform::paging::{Filter, Listed, Matching, Page, PageRequest, SortKey, SortValue, walk};
use crate::platform::schema::inventory_counts;
use crate::values::business_date::BusinessDate;
use crate::values::ids::{CategoryId, InventoryCountId, LocationId, WarehouseId};
use crate::values::money::Money;

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

/// Whether this principal does not see what is expected.
pub(super) fn hides(count: &InventoryCount, principal: &Principal) -> bool {
    count.hides_expected() && !principal.may(Permission::InventoryClose)
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

#[derive(Debug, Clone, Default)]
pub struct CountFilter {
    pub warehouse_id: Option<WarehouseId>,
    pub status: Option<CountStatus>,
}

type Counts<'a> = inventory_counts::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<InventoryCountRow, Pg>>>;

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
///
/// # Errors
/// `NotFound` if the tenant has no such count. Fails if the database cannot be reached.
pub(super) async fn look(
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
