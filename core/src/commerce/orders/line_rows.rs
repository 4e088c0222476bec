//! The lines of orders in the database: inserted at once, read, written anew by an amendment, and what has left of them, will not leave,
//! and has come back.

use bigdecimal::BigDecimal;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Nullable, Numeric, SmallInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::aggregate::{Order, OrderStatus};
use super::lines::OrderLine;
use super::reservation_rows::{HeldRow, delete_held, held, held_units, insert_held, of_line};
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::prices::PriceOrigin;
use crate::platform::schema::{order_lines, stock_reservations};
use crate::values::goods::Units;
use crate::values::ids::{OrderId, PriceListId, ProductId, TenantId};
use crate::values::money::{Money, Quantity, UnitPrice, VatRate};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = order_lines)]
pub(super) struct OrderLineRow {
    product_id: Uuid,
    sku: String,
    name: String,
    quantity: BigDecimal,
    unit_price: BigDecimal,
    vat_rate: BigDecimal,
    net_amount: BigDecimal,
    stocked: bool,
    shipped: BigDecimal,
    cancelled: BigDecimal,
    returned: BigDecimal,
    price_source: Option<String>,
    price_list_id: Option<Uuid>,
}

impl OrderLineRow {
    /// Of an order in this state. What became of the lines of an order that left as a whole, or was cancelled as a whole, is not
    /// written in them: its status says it. That is so for orders of before, too.
    pub(super) fn into_line(self, status: OrderStatus, held: HeldRow) -> OrderLine {
        let (mut shipped, mut cancelled) = (Units::stored(self.shipped), Units::stored(self.cancelled));
        if shipped.is_zero() && cancelled.is_zero() {
            match status {
                OrderStatus::Pending | OrderStatus::Confirmed => {}
                OrderStatus::Shipped | OrderStatus::Delivered => {
                    shipped = Units::stored(self.quantity.clone());
                }
                OrderStatus::Cancelled => cancelled = Units::stored(self.quantity.clone()),
            }
        }
        let (reserved, waiting) = held_units(held);
        let price_list = self.price_list_id.map(PriceListId::from_uuid);
        OrderLine {
            product_id: ProductId::from_uuid(self.product_id),
            sku: self.sku,
            name: self.name,
            quantity: Quantity::stored(self.quantity),
            unit_price: UnitPrice::stored(self.unit_price),
            vat_rate: VatRate::stored(self.vat_rate),
            net_amount: Money::rounded(&self.net_amount),
            stocked: self.stocked,
            reserved,
            waiting,
            shipped,
            cancelled,
            returned: Units::stored(self.returned),
            price: PriceOrigin::stored(self.price_source.as_deref(), price_list),
        }
    }
}

pub(super) async fn read_lines(
    mut connection: &AsyncPgConnection,
    tenant: TenantId,
    order: OrderId,
) -> Result<Vec<(OrderLineRow, HeldRow)>, Error> {
    let lines: Vec<(OrderLineRow, HeldRow)> = order_lines::table
        .left_join(stock_reservations::table.on(of_line!()))
        .filter(order_lines::tenant_id.eq(tenant.uuid()).and(order_lines::order_id.eq(order.uuid())))
        .order(order_lines::position)
        .select((OrderLineRow::as_select(), held!()))
        .load(&mut connection)
        .await?;
    Ok(lines)
}

crate::statement! {
    /// Inserts all lines of one order in one statement, however many there are. Positions count from 1. Returns whether the customer has
    /// a credit limit by now, and whether it is anonymised.
    struct InsertLines<'a> {
        tenant: Uuid => SqlUuid,
        order: Uuid => SqlUuid,
        positions: &'a [i16] => Array<SmallInt>,
        products: &'a [Uuid] => Array<SqlUuid>,
        skus: &'a [&'a str] => Array<Text>,
        names: &'a [&'a str] => Array<Text>,
        quantities: &'a [&'a BigDecimal] => Array<Numeric>,
        unit_prices: &'a [&'a BigDecimal] => Array<Numeric>,
        vat_rates: &'a [&'a BigDecimal] => Array<Numeric>,
        net_amounts: &'a [&'a BigDecimal] => Array<Numeric>,
        stocked: &'a [bool] => Array<Bool>,
        price_sources: &'a [Option<&'a str>] => Array<Nullable<Text>>,
        price_lists: &'a [Option<Uuid>] => Array<Nullable<SqlUuid>>,
        of_tenant: Uuid => SqlUuid,
        customer: Uuid => SqlUuid,
    } -> (Bool, Bool)
    = "WITH added AS (
        INSERT INTO order_lines
            (tenant_id, order_id, position, product_id, sku, name, quantity, unit_price, vat_rate, net_amount, stocked, price_source, price_list_id)
        SELECT $1, $2, line.* FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS line
     )
     SELECT credit_limit IS NOT NULL, anonymised_at IS NOT NULL FROM customers WHERE tenant_id = $14 AND id = $15"
}

/// Inserts the lines of an order, and returns whether its customer has a credit limit by now, and whether it is anonymised.
pub(super) async fn insert_lines(work: &UnitOfWork<'_>, order: &Order) -> Result<(bool, bool), Error> {
    let mut connection = work.pipeline();
    let lines = &order.lines;
    // `check_line_count` refuses more lines than an i16 counts.
    let positions: Vec<_> = (1..).take(lines.len()).collect();
    let products: Vec<_> = lines.iter().map(|line| line.product_id.uuid()).collect();
    let skus: Vec<_> = lines.iter().map(|line| line.sku.as_str()).collect();
    let names: Vec<_> = lines.iter().map(|line| line.name.as_str()).collect();
    let quantities: Vec<_> = lines.iter().map(|line| line.quantity.value()).collect();
    let unit_prices: Vec<_> = lines.iter().map(|line| line.unit_price.value()).collect();
    let vat_rates: Vec<_> = lines.iter().map(|line| line.vat_rate.value()).collect();
    let net_amounts: Vec<_> = lines.iter().map(|line| line.net_amount.value()).collect();
    let stocked: Vec<_> = lines.iter().map(|line| line.stocked).collect();
    let source = |line: &OrderLine| line.price.map(|price| price.price_source.name());
    let price_sources: Vec<Option<&str>> = lines.iter().map(source).collect();
    let list = |line: &OrderLine| line.price.and_then(|price| price.price_list_id).map(PriceListId::uuid);
    let price_lists: Vec<Option<Uuid>> = lines.iter().map(list).collect();
    let tenant = work.tenant().uuid();
    let inserting = InsertLines::new(
        tenant,
        order.id.uuid(),
        &positions,
        &products,
        &skus,
        &names,
        &quantities,
        &unit_prices,
        &vat_rates,
        &net_amounts,
        &stocked,
        &price_sources,
        &price_lists,
        tenant,
        order.customer_id.uuid(),
    );
    Ok(inserting.get_result(&mut connection).await?)
}

/// Writes the lines of an order anew, of which nothing has left, and what they have and wait for.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn replace_lines(work: &mut UnitOfWork<'_>, order: &Order) -> Result<(), Error> {
    // Also if no line needs goods any more: those of before may have had some.
    delete_held(work, order).await?;
    let of_order =
        order_lines::tenant_id.eq(work.tenant().uuid()).and(order_lines::order_id.eq(order.id.uuid()));
    diesel::delete(order_lines::table.filter(of_order)).execute(work.connection()).await?;
    insert_lines(work, order).await?;
    insert_held(work, order).await
}

crate::statement! {
    struct WriteProgress<'a> {
        tenant: Uuid => SqlUuid,
        order: Uuid => SqlUuid,
        positions: &'a [i16] => Array<SmallInt>,
        shipped: &'a [&'a BigDecimal] => Array<Numeric>,
        cancelled: &'a [&'a BigDecimal] => Array<Numeric>,
        returned: &'a [&'a BigDecimal] => Array<Numeric>,
    }
    = "WITH one AS (SELECT $1 AS tenant, $2 AS id)
     UPDATE order_lines AS l SET shipped = n.shipped, cancelled = n.cancelled, returned = n.returned
     FROM one, unnest($3, $4, $5, $6) AS n (position, shipped, cancelled, returned)
     WHERE l.tenant_id = one.tenant AND l.order_id = one.id AND l.position = n.position
        AND (l.shipped, l.cancelled, l.returned) IS DISTINCT FROM (n.shipped, n.cancelled, n.returned)"
}

/// Writes what has left of the lines of an order, what will not, and what has come back.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn write_progress(work: &UnitOfWork<'_>, order: &Order) -> Result<(), Error> {
    let mut connection = work.pipeline();
    let lines = &order.lines;
    let positions: Vec<_> = (1..).take(lines.len()).collect();
    let shipped: Vec<_> = lines.iter().map(|line| line.shipped.value()).collect();
    let cancelled: Vec<_> = lines.iter().map(|line| line.cancelled.value()).collect();
    let returned: Vec<_> = lines.iter().map(|line| line.returned.value()).collect();
    WriteProgress::new(work.tenant().uuid(), order.id.uuid(), &positions, &shipped, &cancelled, &returned)
        .execute(&mut connection)
        .await?;
    Ok(())
}
