//! What was counted, by whom and when.

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::queries::look;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::platform::paging::{Filter, Listed, Matching, Page, PageRequest, SortKey, SortValue, walk};
use crate::platform::schema::inventory_count_entries;
use crate::values::goods::Units;
use crate::values::ids::{InventoryCountId, ProductId};

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
pub struct EntryFilter {
    pub product_id: Option<ProductId>,
}

type Entries<'a> = inventory_count_entries::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<CountEntryRow, Pg>>>;

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
