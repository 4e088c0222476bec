//! The lines of a count in the database: what was expected and counted of a product, in a count of locations of each in its location.

use std::collections::{HashMap, HashSet};

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Numeric, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::{LineState, MAX_DEVIATIONS, MAX_LINES};
use super::deviations::Deviation;
use super::error::InventoryCountError;
use super::line_queries::{CountLineRow, CountLineView};
use crate::application::Locked;
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::products::Product;
use crate::commerce::stock::PlaceRef;
use crate::platform::schema::{inventory_count_lines, stock_places};
use crate::values::goods::Units;
use crate::values::ids::{InventoryCountId, LocationId, ProductId};
use crate::values::money::UnitPrice;

/// Stands for no location in the key of lines.
pub(super) const NO_LOCATION: Uuid = Uuid::nil();

pub(super) fn key_of(location: Option<LocationId>) -> Uuid {
    location.map_or(NO_LOCATION, LocationId::uuid)
}

pub(super) fn location_of(key: Uuid) -> Option<LocationId> {
    (key != NO_LOCATION).then(|| LocationId::from_uuid(key))
}

/// Returns in which lines of the count these products are: each with its location, in a count of locations.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn known(
    work: &mut UnitOfWork<'_>,
    count: InventoryCountId,
    products: &[ProductId],
) -> Result<HashSet<(ProductId, Option<LocationId>)>, Error> {
    use inventory_count_lines::{count_id, location_id, product_id, table, tenant_id};
    let products: Vec<Uuid> = products.iter().map(|id| id.uuid()).collect();
    let found: Vec<(Uuid, Uuid)> = table
        .filter(tenant_id.eq(work.tenant().uuid()).and(count_id.eq(count.uuid())))
        .filter(product_id.eq_any(products))
        .select((product_id, location_id))
        .load(work.connection())
        .await?;
    Ok(found.into_iter().map(|(product, key)| (ProductId::from_uuid(product), location_of(key))).collect())
}

/// Returns what of these products lies in these locations, which are frozen; nothing of what is not in it.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn on_hand_in(
    work: &mut UnitOfWork<'_>,
    locations: &[LocationId],
    products: &[ProductId],
) -> Result<HashMap<(ProductId, LocationId), Units>, Error> {
    let locations: Vec<Uuid> = locations.iter().map(|id| id.uuid()).collect();
    let products: Vec<Uuid> = products.iter().map(|id| id.uuid()).collect();
    let found: Vec<(Uuid, Uuid, BigDecimal)> = stock_places::table
        .filter(stock_places::tenant_id.eq(work.tenant().uuid()))
        .filter(stock_places::location_id.eq_any(locations).and(stock_places::product_id.eq_any(products)))
        .select((stock_places::product_id, stock_places::location_id, stock_places::on_hand))
        .load(work.connection())
        .await?;
    let there = |(product, location, on_hand): (Uuid, Uuid, BigDecimal)| {
        ((ProductId::from_uuid(product), LocationId::from_uuid(location)), Units::stored(on_hand))
    };
    Ok(found.into_iter().map(there).collect())
}

/// Makes lines for products that were not expected, in a count of locations each in its location. Whoever makes the same one at the same
/// time waits for the other, and then finds it.
///
/// # Errors
/// `TooManyLines` if there are too many then. Fails if the database cannot be reached.
pub(super) async fn add_lines(
    work: &mut UnitOfWork<'_>,
    count: InventoryCountId,
    lines: &[(&Product, Option<PlaceRef>)],
) -> Result<(), Error> {
    use inventory_count_lines::{
        count_id, entries, id, location_code, location_id, name, product_id, sku, state, table, tenant_id,
    };
    let tenant = work.tenant().uuid();
    let mut sorted: Vec<(&Product, Option<LocationId>, Option<&str>)> = lines
        .iter()
        .map(|(product, place)| {
            (*product, place.as_ref().map(|place| place.id), place.as_ref().map(|place| place.code.as_str()))
        })
        .collect();
    sorted.sort_by_key(|(product, location, _)| (product.id(), key_of(*location)));
    let rows: Vec<_> = sorted
        .into_iter()
        .map(|(product, location, code)| {
            let details = product.details();
            let own = location.map_or_else(|| product.id().uuid(), |_| Uuid::now_v7());
            (
                tenant_id.eq(tenant),
                count_id.eq(count.uuid()),
                product_id.eq(product.id().uuid()),
                location_id.eq(key_of(location)),
                location_code.eq(code),
                id.eq(own),
                sku.eq(details.sku.as_str()),
                name.eq(details.name.as_str()),
                state.eq(LineState::ToCount.as_str()),
                entries.eq(0),
            )
        })
        .collect();
    diesel::insert_into(table).values(rows).on_conflict_do_nothing().execute(work.connection()).await?;
    let of_count = table.filter(tenant_id.eq(tenant).and(count_id.eq(count.uuid())));
    let lines: i64 = of_count.count().get_result(work.connection()).await?;
    let fits = usize::try_from(lines).is_ok_and(|lines| lines <= MAX_LINES);
    if fits { Ok(()) } else { Err(InventoryCountError::TooManyLines.into()) }
}

/// Locks the lines of products, in the order of their products and locations. Who counts the same line at the same time waits. What is entered now is later than what
/// was entered before.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn lock_lines(
    work: &mut UnitOfWork<'_>,
    count: InventoryCountId,
    products: &[ProductId],
) -> Result<(), Error> {
    use inventory_count_lines::{count_id, counted_at, location_id, product_id, table, tenant_id};
    work.locks(Locked::InventoryCountLine);
    let products: Vec<Uuid> = products.iter().map(|id| id.uuid()).collect();
    let times: Vec<Option<DateTime<Utc>>> = table
        .filter(tenant_id.eq(work.tenant().uuid()).and(count_id.eq(count.uuid())))
        .filter(product_id.eq_any(products))
        .select(counted_at)
        .order((product_id, location_id))
        .for_no_key_update()
        .load(work.connection())
        .await?;
    if let Some(latest) = times.into_iter().flatten().max() {
        work.now_after(latest);
    }
    Ok(())
}

/// Returns how many lines are to be counted, or to be counted again. The count is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn uncounted(work: &mut UnitOfWork<'_>, count: InventoryCountId) -> Result<usize, Error> {
    use inventory_count_lines::{count_id, state, table, tenant_id};
    let lines: i64 = table
        .filter(tenant_id.eq(work.tenant().uuid()).and(count_id.eq(count.uuid())))
        .filter(state.eq_any([LineState::ToCount.as_str(), LineState::ToRecount.as_str()]))
        .count()
        .get_result(work.connection())
        .await?;
    Ok(usize::try_from(lines).unwrap_or_default())
}

/// Lets lines that were to be counted again keep their last count. The count is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn keep_last(work: &mut UnitOfWork<'_>, count: InventoryCountId) -> Result<(), Error> {
    use inventory_count_lines::{count_id, state, table, tenant_id};
    let asked = table
        .filter(tenant_id.eq(work.tenant().uuid()).and(count_id.eq(count.uuid())))
        .filter(state.eq(LineState::ToRecount.as_str()));
    diesel::update(asked).set(state.eq(LineState::Counted.as_str())).execute(work.connection()).await?;
    Ok(())
}

/// Has the lines of these products counted again, in one location or in all; those that nobody has counted yet are to be counted anyway. The count is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn ask_recount(
    work: &mut UnitOfWork<'_>,
    count: InventoryCountId,
    products: &[ProductId],
    location: Option<LocationId>,
) -> Result<(), Error> {
    use inventory_count_lines::{count_id, location_id, product_id, state, table, tenant_id};
    let products: Vec<Uuid> = products.iter().map(|id| id.uuid()).collect();
    let counted = table
        .filter(tenant_id.eq(work.tenant().uuid()).and(count_id.eq(count.uuid())))
        .filter(product_id.eq_any(products))
        .filter(state.eq(LineState::Counted.as_str()));
    let again = state.eq(LineState::ToRecount.as_str());
    match location {
        Some(location) => {
            let there = counted.filter(location_id.eq(location.uuid()));
            diesel::update(there).set(again).execute(work.connection()).await?
        }
        None => diesel::update(counted).set(again).execute(work.connection()).await?,
    };
    Ok(())
}

type DeviationRow = (Uuid, Uuid, Option<String>, String, String, Option<BigDecimal>, Option<BigDecimal>);

/// Returns the lines that differ, by SKU: one more than can be posted, if there are more. The count is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn deviations(
    work: &mut UnitOfWork<'_>,
    count: InventoryCountId,
) -> Result<Vec<Deviation>, Error> {
    use inventory_count_lines::{
        count_id, counted, expected, id, location_code, location_id, name, product_id, sku, table, tenant_id,
    };
    let rows: Vec<DeviationRow> = table
        .filter(tenant_id.eq(work.tenant().uuid()).and(count_id.eq(count.uuid())))
        .filter(counted.ne(expected))
        .order((sku, id))
        .select((product_id, location_id, location_code, sku, name, expected, counted))
        .limit(i64::try_from(MAX_DEVIATIONS + 1).unwrap_or(i64::MAX))
        .load(work.connection())
        .await?;
    Ok(rows.into_iter().filter_map(deviation).collect())
}

fn deviation(row: DeviationRow) -> Option<Deviation> {
    let (product, key, code, sku, name, expected, counted) = row;
    Some(Deviation {
        product_id: ProductId::from_uuid(product),
        location: location_of(key).map(|id| PlaceRef { id, code: code.unwrap_or_default() }),
        sku,
        name,
        expected: Units::stored(expected?),
        counted: Units::stored(counted?),
        average_cost: UnitPrice::zero(),
    })
}

crate::statement! {
    struct KeepCosts<'a> {
        tenant: Uuid => SqlUuid,
        count: Uuid => SqlUuid,
        products: &'a [Uuid] => Array<SqlUuid>,
        costs: &'a [&'a BigDecimal] => Array<Numeric>,
    }
    = "WITH common AS (SELECT $1 AS tenant, $2 AS count_id)
    UPDATE inventory_count_lines AS l SET average_cost = posted.cost
    FROM common, unnest($3, $4) AS posted (product_id, cost)
    WHERE l.tenant_id = common.tenant AND l.count_id = common.count_id AND l.product_id = posted.product_id
        AND l.counted <> l.expected"
}

/// Keeps what a unit cost of the lines that were posted.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn keep_costs(
    work: &mut UnitOfWork<'_>,
    count: InventoryCountId,
    costs: &[(ProductId, UnitPrice)],
) -> Result<(), Error> {
    let products: Vec<_> = costs.iter().map(|(product, _)| product.uuid()).collect();
    let costs: Vec<_> = costs.iter().map(|(_, cost)| cost.value()).collect();
    KeepCosts::new(work.tenant().uuid(), count.uuid(), &products, &costs).execute(work.connection()).await?;
    Ok(())
}

/// Returns these lines as they are now, by SKU: of each product, that of its location.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn lines(
    work: &mut UnitOfWork<'_>,
    count: InventoryCountId,
    wanted: &[(ProductId, Option<LocationId>)],
) -> Result<Vec<CountLineView>, Error> {
    use inventory_count_lines::{count_id, id, product_id, sku, table, tenant_id};
    let products: Vec<Uuid> = wanted.iter().map(|(product, _)| product.uuid()).collect();
    let rows: Vec<CountLineRow> = table
        .filter(tenant_id.eq(work.tenant().uuid()).and(count_id.eq(count.uuid())))
        .filter(product_id.eq_any(products))
        .order((sku, id))
        .select(CountLineRow::as_select())
        .load(work.connection())
        .await?;
    let wanted: HashSet<(ProductId, Option<LocationId>)> = wanted.iter().copied().collect();
    let lines: Vec<CountLineView> = rows.into_iter().map(CountLineView::of).collect::<Result<_, _>>()?;
    Ok(lines.into_iter().filter(|line| wanted.contains(&(line.product_id, line.location_id))).collect())
}
