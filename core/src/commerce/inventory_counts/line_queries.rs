//! The lines of a count as they are listed: those who count in a blind count do not see what is expected.

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{InventoryCount, LineState};
use super::error::InventoryCountError;
use super::line_rows::location_of;
use super::queries::{hides, look};
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::{Permission, Principal, TenantDatabase};
use crate::platform::paging::{
    Filter, Listed, Matching, Page, PageRequest, SortKey, SortValue, look_through, walk,
};
use crate::platform::schema::inventory_count_lines;
use crate::values::goods::{Units, UnitsChange};
use crate::values::ids::{InventoryCountId, LocationId, ProductId};
use crate::values::money::{Money, UnitPrice};

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

#[derive(Debug, Clone, Default)]
pub struct LineFilter {
    pub state: Option<LineState>,
    /// Only what lies there, in a count of locations.
    pub location_id: Option<LocationId>,
    /// Only lines that were counted otherwise than expected.
    pub differs: bool,
}

type Lines<'a> = inventory_count_lines::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<CountLineRow, Pg>>>;

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
