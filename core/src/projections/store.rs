//! The tables of a generation: what is known of the aggregates of some messages, and what these change.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::fact::{REPLACING, SUBTRACTING};
use super::invoiced;
use super::plan::{Changes, Known, KnownOrder, Message};
use crate::commerce::customers::repository::NO_REASON;
use crate::platform::schema::{projection_order_products, projection_orders, projection_positions};
use crate::values::money::Money;

/// One tenant's part of a generation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) tenant: Uuid,
    pub(super) generation: i32,
}

/// Why changes could not be written.
#[derive(Debug)]
pub(super) enum WriteError {
    Database(diesel::result::Error),
    /// An amount is in another currency than those that it would be added to.
    Currency,
}

impl From<diesel::result::Error> for WriteError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error)
    }
}

/// Reads what the generation holds about the aggregates of these messages.
pub(super) async fn known(
    connection: &mut AsyncPgConnection,
    place: Place,
    messages: &[Message],
) -> QueryResult<Known> {
    use projection_positions as positions;
    let id = |message: &Message| Uuid::try_parse(&message.aggregate_id).ok();
    let ids: Vec<Uuid> = messages.iter().filter_map(id).collect();
    let found: Vec<(Uuid, i64)> = positions::table
        .filter(positions::generation.eq(place.generation).and(positions::tenant_id.eq(place.tenant)))
        .filter(positions::aggregate_id.eq_any(&ids))
        .select((positions::aggregate_id, positions::version))
        .load(connection)
        .await?;
    let changes_sales = |message: &&Message| [SUBTRACTING, REPLACING].contains(&message.event_type.as_str());
    let changed: Vec<Uuid> = messages.iter().filter(changes_sales).filter_map(id).collect();
    let orders = if changed.is_empty() {
        Default::default()
    } else {
        known_orders(connection, place, &changed).await?
    };
    Ok(Known { positions: found.into_iter().collect(), orders: orders.into_iter().collect() })
}

async fn known_orders(
    connection: &mut AsyncPgConnection,
    place: Place,
    ids: &[Uuid],
) -> QueryResult<BTreeMap<Uuid, KnownOrder>> {
    use {projection_order_products as sold, projection_orders as orders};
    type Row = (Uuid, Uuid, String, BigDecimal, BigDecimal, BigDecimal, DateTime<Utc>);
    let rows: Vec<Row> = orders::table
        .filter(orders::generation.eq(place.generation).and(orders::tenant_id.eq(place.tenant)))
        .filter(orders::order_id.eq_any(ids))
        .select((
            orders::order_id,
            orders::customer_id,
            orders::currency,
            orders::net_total,
            orders::vat_total,
            orders::gross_total,
            orders::placed_at,
        ))
        .load(connection)
        .await?;
    let known = |(id, customer_id, currency, net, vat, gross, placed_at): Row| {
        let order = KnownOrder {
            customer_id,
            currency,
            net_total: Money::rounded(&net),
            vat_total: Money::rounded(&vat),
            gross_total: Money::rounded(&gross),
            placed_at,
            products: BTreeMap::new(),
        };
        (id, order)
    };
    let mut found: BTreeMap<Uuid, KnownOrder> = rows.into_iter().map(known).collect();
    let products: Vec<(Uuid, Uuid, BigDecimal, BigDecimal)> = sold::table
        .filter(sold::generation.eq(place.generation).and(sold::tenant_id.eq(place.tenant)))
        .filter(sold::order_id.eq_any(ids))
        .select((sold::order_id, sold::product_id, sold::quantity, sold::net_amount))
        .load(connection)
        .await?;
    for (order, product, quantity, net_amount) in products {
        if let Some(order) = found.get_mut(&order) {
            order.products.insert(product, (quantity, net_amount));
        }
    }
    Ok(found)
}

/// Writes what the messages change together.
pub(super) async fn write(
    connection: &mut AsyncPgConnection,
    place: Place,
    changes: &Changes,
) -> Result<(), WriteError> {
    write_orders(connection, place, changes).await?;
    write_timeline(connection, place, changes).await?;
    write_days(connection, place, changes).await?;
    write_products(connection, place, changes).await?;
    write_customers(connection, place, changes).await?;
    invoiced::write(connection, place, changes).await?;
    let (ids, versions): (Vec<Uuid>, Vec<i64>) = changes.positions.iter().unzip();
    if !ids.is_empty() {
        SetPositions::new(place.tenant, place.generation, &ids, &versions).execute(connection).await?;
    }
    Ok(())
}

crate::statement! {
    struct SetPositions<'a> {
        tenant: Uuid => SqlUuid, generation: i32 => Integer, ids: &'a [Uuid] => Array<SqlUuid>, versions: &'a [i64] => Array<BigInt>,
    }
    = "INSERT INTO projection_positions (tenant_id, generation, aggregate_id, version)
        SELECT $1, $2, moved.* FROM unnest($3, $4) AS moved
        ON CONFLICT ON CONSTRAINT projection_positions_pkey DO UPDATE SET version = EXCLUDED.version"
}

crate::statement! {
    struct InsertOrders<'a> {
        tenant: Uuid => SqlUuid, generation: i32 => Integer, ids: &'a [Uuid] => Array<SqlUuid>, customers: &'a [Uuid] => Array<SqlUuid>,
        currencies: &'a [&'a str] => Array<Text>, nets: &'a [&'a BigDecimal] => Array<Numeric>, vats: &'a [&'a BigDecimal] => Array<Numeric>,
        grosses: &'a [&'a BigDecimal] => Array<Numeric>, times: &'a [DateTime<Utc>] => Array<Timestamptz>,
    }
    = "INSERT INTO projection_orders
            (tenant_id, generation, order_id, customer_id, currency, net_total, vat_total, gross_total, placed_at)
        SELECT $1, $2, placed.* FROM unnest($3, $4, $5, $6, $7, $8, $9) AS placed"
}

crate::statement! {
    struct InsertOrderProducts<'a> {
        tenant: Uuid => SqlUuid, generation: i32 => Integer, orders: &'a [Uuid] => Array<SqlUuid>, products: &'a [Uuid] => Array<SqlUuid>,
        quantities: &'a [&'a BigDecimal] => Array<Numeric>, nets: &'a [&'a BigDecimal] => Array<Numeric>,
    }
    = "INSERT INTO projection_order_products (tenant_id, generation, order_id, product_id, quantity, net_amount)
        SELECT $1, $2, sold.* FROM unnest($3, $4, $5, $6) AS sold"
}

crate::statement! {
    struct ReplaceOrders<'a> { generation: i32 => Integer, tenant: Uuid => SqlUuid, ids: &'a [Uuid] => Array<SqlUuid> }
    = "DELETE FROM projection_orders WHERE generation = $1 AND tenant_id = $2 AND order_id = ANY ($3)"
}

crate::statement! {
    struct ReplaceOrderProducts<'a> { generation: i32 => Integer, tenant: Uuid => SqlUuid, ids: &'a [Uuid] => Array<SqlUuid> }
    = "DELETE FROM projection_order_products WHERE generation = $1 AND tenant_id = $2 AND order_id = ANY ($3)"
}

async fn write_orders(
    connection: &mut AsyncPgConnection,
    place: Place,
    changes: &Changes,
) -> QueryResult<()> {
    if changes.orders.is_empty() {
        return Ok(());
    }
    let Place { tenant, generation } = place;
    if !changes.replaced.is_empty() {
        let replaced: Vec<Uuid> = changes.replaced.iter().copied().collect();
        ReplaceOrders::new(generation, tenant, &replaced).execute(connection).await?;
        ReplaceOrderProducts::new(generation, tenant, &replaced).execute(connection).await?;
    }
    let orders = || changes.orders.values();
    let ids: Vec<_> = changes.orders.keys().copied().collect();
    let customers: Vec<_> = orders().map(|order| order.customer_id).collect();
    let currencies: Vec<_> = orders().map(|order| order.currency.as_str()).collect();
    let nets: Vec<_> = orders().map(|order| order.net_total.value()).collect();
    let vats: Vec<_> = orders().map(|order| order.vat_total.value()).collect();
    let grosses: Vec<_> = orders().map(|order| order.gross_total.value()).collect();
    let times: Vec<_> = orders().map(|order| order.placed_at).collect();
    InsertOrders::new(tenant, generation, &ids, &customers, &currencies, &nets, &vats, &grosses, &times)
        .execute(connection)
        .await?;
    let sold =
        || changes.orders.iter().flat_map(|(id, order)| order.products.iter().map(move |sold| (*id, sold)));
    let of_orders: Vec<_> = sold().map(|(id, _)| id).collect();
    let products: Vec<_> = sold().map(|(_, (product, _))| *product).collect();
    let quantities: Vec<_> = sold().map(|(_, (_, (quantity, _)))| quantity).collect();
    let nets: Vec<_> = sold().map(|(_, (_, (_, net)))| net).collect();
    InsertOrderProducts::new(tenant, generation, &of_orders, &products, &quantities, &nets)
        .execute(connection)
        .await?;
    Ok(())
}

crate::statement! {
    struct InsertTimeline<'a> {
        tenant: Uuid => SqlUuid, generation: i32 => Integer, orders: &'a [Uuid] => Array<SqlUuid>, versions: &'a [i64] => Array<BigInt>,
        events: &'a [&'a str] => Array<Text>, times: &'a [DateTime<Utc>] => Array<Timestamptz>,
        references: &'a [Option<&'a str>] => Array<Nullable<Text>>, customers: &'a [Uuid] => Array<SqlUuid>,
        tracking_numbers: &'a [Option<&'a str>] => Array<Nullable<Text>>, reasons: &'a [Option<&'a str>] => Array<Nullable<Text>>,
        requests: &'a [Option<&'a str>] => Array<Nullable<Text>>,
    }
    = "INSERT INTO order_timeline (tenant_id, generation, order_id, version, event, occurred_at, reference, customer_id, tracking_number,
            reason, request_id)
        SELECT $1, $2, happened.* FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11) AS happened"
}

crate::statement! {
    struct RenameSteps<'a> {
        orders: &'a [Uuid] => Array<SqlUuid>, references: &'a [Option<&'a str>] => Array<Nullable<Text>>, generation: i32 => Integer,
        tenant: Uuid => SqlUuid,
    }
    = "UPDATE order_timeline AS kept SET reference = amended.reference
        FROM unnest($1, $2) AS amended (order_id, reference)
        WHERE kept.generation = $3 AND kept.tenant_id = $4 AND kept.order_id = amended.order_id
            AND kept.reference IS DISTINCT FROM amended.reference"
}

async fn write_timeline(
    connection: &mut AsyncPgConnection,
    place: Place,
    changes: &Changes,
) -> QueryResult<()> {
    if !changes.references.is_empty() {
        let orders: Vec<Uuid> = changes.references.keys().copied().collect();
        let references: Vec<Option<&str>> = changes.references.values().map(Option::as_deref).collect();
        RenameSteps::new(&orders, &references, place.generation, place.tenant).execute(connection).await?;
    }
    let rows = &changes.timeline;
    if rows.is_empty() {
        return Ok(());
    }
    let orders: Vec<_> = rows.iter().map(|row| row.order_id).collect();
    let versions: Vec<_> = rows.iter().map(|row| row.version).collect();
    let events: Vec<_> = rows.iter().map(|row| row.event).collect();
    let times: Vec<_> = rows.iter().map(|row| row.occurred_at).collect();
    let references: Vec<_> = rows.iter().map(|row| row.reference.as_deref()).collect();
    let customers: Vec<_> = rows.iter().map(|row| row.customer_id).collect();
    let tracking_numbers: Vec<_> = rows.iter().map(|row| row.tracking_number.as_deref()).collect();
    let reasons: Vec<_> = rows.iter().map(|row| row.reason.as_deref()).collect();
    let requests: Vec<_> = rows.iter().map(|row| row.request_id.as_deref()).collect();
    InsertTimeline::new(
        place.tenant,
        place.generation,
        &orders,
        &versions,
        &events,
        &times,
        &references,
        &customers,
        &tracking_numbers,
        &reasons,
        &requests,
    )
    .execute(connection)
    .await?;
    Ok(())
}

crate::statement! {
    struct AddToDays<'a> {
        tenant: Uuid => SqlUuid, generation: i32 => Integer, days: &'a [DateTime<Utc>] => Array<Timestamptz>,
        currencies: &'a [&'a str] => Array<Text>, orders: &'a [i64] => Array<BigInt>, nets: &'a [&'a BigDecimal] => Array<Numeric>,
        vats: &'a [&'a BigDecimal] => Array<Numeric>, grosses: &'a [&'a BigDecimal] => Array<Numeric>,
        cancelled: &'a [i64] => Array<BigInt>, cancelled_grosses: &'a [&'a BigDecimal] => Array<Numeric>,
    }
    = "INSERT INTO sales_by_day AS kept (tenant_id, generation, day, currency, orders, net_total, vat_total, gross_total,
            cancelled_orders, cancelled_gross_total)
        SELECT $1, $2, added.* FROM unnest($3, $4, $5, $6, $7, $8, $9, $10) AS added
        ON CONFLICT ON CONSTRAINT sales_by_day_pkey DO UPDATE SET orders = kept.orders + EXCLUDED.orders,
            net_total = kept.net_total + EXCLUDED.net_total, vat_total = kept.vat_total + EXCLUDED.vat_total,
            gross_total = kept.gross_total + EXCLUDED.gross_total, cancelled_orders = kept.cancelled_orders + EXCLUDED.cancelled_orders,
            cancelled_gross_total = kept.cancelled_gross_total + EXCLUDED.cancelled_gross_total"
}

async fn write_days(connection: &mut AsyncPgConnection, place: Place, changes: &Changes) -> QueryResult<()> {
    if changes.days.is_empty() {
        return Ok(());
    }
    let sums = || changes.days.values();
    let days: Vec<_> = changes.days.keys().map(|(day, _)| *day).collect();
    let currencies: Vec<_> = changes.days.keys().map(|(_, currency)| currency.as_str()).collect();
    let orders: Vec<_> = sums().map(|sum| sum.orders).collect();
    let nets: Vec<_> = sums().map(|sum| &sum.net_total).collect();
    let vats: Vec<_> = sums().map(|sum| &sum.vat_total).collect();
    let grosses: Vec<_> = sums().map(|sum| &sum.gross_total).collect();
    let cancelled: Vec<_> = sums().map(|sum| sum.cancelled_orders).collect();
    let cancelled_grosses: Vec<_> = sums().map(|sum| &sum.cancelled_gross_total).collect();
    AddToDays::new(
        place.tenant,
        place.generation,
        &days,
        &currencies,
        &orders,
        &nets,
        &vats,
        &grosses,
        &cancelled,
        &cancelled_grosses,
    )
    .execute(connection)
    .await?;
    Ok(())
}

crate::statement! {
    struct NameProducts<'a> {
        tenant: Uuid => SqlUuid, generation: i32 => Integer, ids: &'a [Uuid] => Array<SqlUuid>, skus: &'a [&'a str] => Array<Text>,
        names: &'a [&'a str] => Array<Text>,
    }
    = "INSERT INTO sales_by_product AS kept
            (tenant_id, generation, product_id, sku, name, archived, orders, quantity, net_total)
        SELECT $1, $2, named.*, false, 0, 0, 0 FROM unnest($3, $4, $5) AS named
        ON CONFLICT ON CONSTRAINT sales_by_product_pkey DO UPDATE SET sku = EXCLUDED.sku, name = EXCLUDED.name"
}

crate::statement! {
    /// An order may be known before its product is.
    struct MeetProducts<'a> {
        tenant: Uuid => SqlUuid, generation: i32 => Integer, ids: &'a [Uuid] => Array<SqlUuid>, skus: &'a [&'a str] => Array<Text>,
        names: &'a [&'a str] => Array<Text>,
    }
    = "INSERT INTO sales_by_product (tenant_id, generation, product_id, sku, name, archived, orders, quantity, net_total)
        SELECT $1, $2, named.*, false, 0, 0, 0 FROM unnest($3, $4, $5) AS named ON CONFLICT DO NOTHING"
}

crate::statement! {
    struct AddToProducts<'a> {
        ids: &'a [Uuid] => Array<SqlUuid>, currencies: &'a [&'a str] => Array<Text>, orders: &'a [i64] => Array<BigInt>,
        quantities: &'a [&'a BigDecimal] => Array<Numeric>, nets: &'a [&'a BigDecimal] => Array<Numeric>,
        last: &'a [DateTime<Utc>] => Array<Timestamptz>, generation: i32 => Integer, tenant: Uuid => SqlUuid,
    }
    = "UPDATE sales_by_product AS kept SET currency = added.currency, orders = kept.orders + added.orders,
            quantity = kept.quantity + added.quantity, net_total = kept.net_total + added.net_total,
            last_ordered_at = GREATEST(kept.last_ordered_at, added.last_ordered_at)
        FROM unnest($1, $2, $3, $4, $5, $6) AS added (product_id, currency, orders, quantity, net_total, last_ordered_at)
        WHERE kept.generation = $7 AND kept.tenant_id = $8 AND kept.product_id = added.product_id
            AND COALESCE(kept.currency, added.currency) = added.currency"
}

crate::statement! {
    struct ArchiveProducts<'a> { generation: i32 => Integer, tenant: Uuid => SqlUuid, ids: &'a [Uuid] => Array<SqlUuid> }
    = "UPDATE sales_by_product SET archived = true WHERE generation = $1 AND tenant_id = $2 AND product_id = ANY ($3)"
}

crate::statement! {
    struct ForgetProducts<'a> { generation: i32 => Integer, tenant: Uuid => SqlUuid, ids: &'a [Uuid] => Array<SqlUuid> }
    = "DELETE FROM sales_by_product WHERE generation = $1 AND tenant_id = $2 AND product_id = ANY ($3)"
}

async fn write_products(
    connection: &mut AsyncPgConnection,
    place: Place,
    changes: &Changes,
) -> Result<(), WriteError> {
    let Place { tenant, generation } = place;
    if !changes.product_names.is_empty() {
        let named = || changes.product_names.values();
        let ids: Vec<_> = changes.product_names.keys().copied().collect();
        let skus: Vec<_> = named().map(|(sku, _)| sku.as_str()).collect();
        let names: Vec<_> = named().map(|(_, name)| name.as_str()).collect();
        NameProducts::new(tenant, generation, &ids, &skus, &names).execute(connection).await?;
    }
    if !changes.products.is_empty() {
        let sums = || changes.products.values();
        let ids: Vec<_> = changes.products.keys().copied().collect();
        let skus: Vec<_> = sums().map(|sum| sum.sku.as_str()).collect();
        let names: Vec<_> = sums().map(|sum| sum.name.as_str()).collect();
        MeetProducts::new(tenant, generation, &ids, &skus, &names).execute(connection).await?;
        let currencies: Vec<_> = sums().map(|sum| sum.currency.as_str()).collect();
        let orders: Vec<_> = sums().map(|sum| sum.orders).collect();
        let quantities: Vec<_> = sums().map(|sum| &sum.quantity).collect();
        let nets: Vec<_> = sums().map(|sum| &sum.net_total).collect();
        let last: Vec<_> = sums().map(|sum| sum.last_ordered_at).collect();
        let added =
            AddToProducts::new(&ids, &currencies, &orders, &quantities, &nets, &last, generation, tenant)
                .execute(connection)
                .await?;
        if added < ids.len() {
            return Err(WriteError::Currency);
        }
    }
    if !changes.products_archived.is_empty() {
        ArchiveProducts::new(generation, tenant, &changes.products_archived).execute(connection).await?;
    }
    if !changes.products_gone.is_empty() {
        ForgetProducts::new(generation, tenant, &changes.products_gone).execute(connection).await?;
    }
    Ok(())
}

crate::statement! {
    struct MeetCustomers<'a> {
        tenant: Uuid => SqlUuid, generation: i32 => Integer, ids: &'a [Uuid] => Array<SqlUuid>,
        times: &'a [DateTime<Utc>] => Array<Timestamptz>,
    }
    = "INSERT INTO customer_activity AS kept
            (tenant_id, generation, orders, cancelled_orders, gross_total, customer_id, last_activity_at)
        SELECT $1, $2, 0, 0, 0, active.* FROM unnest($3, $4) AS active
        ON CONFLICT ON CONSTRAINT customer_activity_pkey
            DO UPDATE SET last_activity_at = GREATEST(kept.last_activity_at, EXCLUDED.last_activity_at)"
}

crate::statement! {
    struct NameCustomers<'a> {
        ids: &'a [Uuid] => Array<SqlUuid>, codes: &'a [&'a str] => Array<Text>, names: &'a [&'a str] => Array<Text>,
        generation: i32 => Integer, tenant: Uuid => SqlUuid,
    }
    = "UPDATE customer_activity AS kept SET code = named.code, name = named.name
        FROM unnest($1, $2, $3) AS named (customer_id, code, name)
        WHERE kept.generation = $4 AND kept.tenant_id = $5 AND kept.customer_id = named.customer_id"
}

crate::statement! {
    struct AddToCustomers<'a> {
        ids: &'a [Uuid] => Array<SqlUuid>, currencies: &'a [&'a str] => Array<Text>, orders: &'a [i64] => Array<BigInt>,
        cancelled: &'a [i64] => Array<BigInt>, grosses: &'a [&'a BigDecimal] => Array<Numeric>,
        first: &'a [DateTime<Utc>] => Array<Timestamptz>, last: &'a [DateTime<Utc>] => Array<Timestamptz>,
        generation: i32 => Integer, tenant: Uuid => SqlUuid,
    }
    = "UPDATE customer_activity AS kept SET currency = added.currency, orders = kept.orders + added.orders,
            cancelled_orders = kept.cancelled_orders + added.cancelled_orders, gross_total = kept.gross_total + added.gross_total,
            first_order_at = LEAST(kept.first_order_at, added.first_order_at),
            last_order_at = GREATEST(kept.last_order_at, added.last_order_at)
        FROM unnest($1, $2, $3, $4, $5, $6, $7)
            AS added (customer_id, currency, orders, cancelled_orders, gross_total, first_order_at, last_order_at)
        WHERE kept.generation = $8 AND kept.tenant_id = $9 AND kept.customer_id = added.customer_id
            AND COALESCE(kept.currency, added.currency) = added.currency"
}

crate::statement! {
    struct ForgetCustomers<'a> { generation: i32 => Integer, tenant: Uuid => SqlUuid, ids: &'a [Uuid] => Array<SqlUuid> }
    = "DELETE FROM customer_activity WHERE generation = $1 AND tenant_id = $2 AND customer_id = ANY ($3)"
}

crate::statement! {
    /// Why their orders were cancelled is said in the words of whoever did it. The rows of this transaction are there already.
    struct ForgetReasons<'a> {
        generation: i32 => Integer, tenant: Uuid => SqlUuid, ids: &'a [Uuid] => Array<SqlUuid>, reason: &'a str => Text,
    }
    = "WITH given AS (SELECT $1::integer AS generation, $2::uuid AS tenant, $3::uuid[] AS ids, $4::text AS reason)
        UPDATE order_timeline AS kept SET reason = given.reason FROM given
        WHERE kept.generation = given.generation AND kept.tenant_id = given.tenant AND kept.customer_id = ANY (given.ids)
            AND kept.reason IS NOT NULL"
}

async fn write_customers(
    connection: &mut AsyncPgConnection,
    place: Place,
    changes: &Changes,
) -> Result<(), WriteError> {
    let Place { tenant, generation } = place;
    if !changes.customers_active.is_empty() {
        let (ids, times): (Vec<Uuid>, Vec<DateTime<Utc>>) = changes.customers_active.iter().unzip();
        MeetCustomers::new(tenant, generation, &ids, &times).execute(connection).await?;
    }
    if !changes.customer_names.is_empty() {
        let named = || changes.customer_names.values();
        let ids: Vec<_> = changes.customer_names.keys().copied().collect();
        let codes: Vec<_> = named().map(|(code, _)| code.as_str()).collect();
        let names: Vec<_> = named().map(|(_, name)| name.as_str()).collect();
        NameCustomers::new(&ids, &codes, &names, generation, tenant).execute(connection).await?;
    }
    if !changes.customers_forgotten.is_empty() {
        ForgetReasons::new(generation, tenant, &changes.customers_forgotten, NO_REASON)
            .execute(connection)
            .await?;
    }
    if !changes.customers.is_empty() {
        let sums = || changes.customers.values();
        let ids: Vec<_> = changes.customers.keys().copied().collect();
        let currencies: Vec<_> = sums().map(|sum| sum.currency.as_str()).collect();
        let orders: Vec<_> = sums().map(|sum| sum.orders).collect();
        let cancelled: Vec<_> = sums().map(|sum| sum.cancelled_orders).collect();
        let grosses: Vec<_> = sums().map(|sum| &sum.gross_total).collect();
        let first: Vec<_> = sums().map(|sum| sum.first_order_at).collect();
        let last: Vec<_> = sums().map(|sum| sum.last_order_at).collect();
        let added = AddToCustomers::new(
            &ids,
            &currencies,
            &orders,
            &cancelled,
            &grosses,
            &first,
            &last,
            generation,
            tenant,
        )
        .execute(connection)
        .await?;
        if added < ids.len() {
            return Err(WriteError::Currency);
        }
    }
    if !changes.customers_gone.is_empty() {
        ForgetCustomers::new(generation, tenant, &changes.customers_gone).execute(connection).await?;
    }
    Ok(())
}
