//! The queries on orders.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Nullable, SmallInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{Order, OrderStatus};
use super::error::OrderError;
use super::line_rows::OrderLineRow;
use super::lines::OrderLine;
use super::repository::{OrderRow, status};
use super::reservation_rows::{HeldRow, held, of_line};
use super::totals::{VatSubtotal, vat_breakdown};
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::listing::{Filtered, Selection, within};
use crate::application::{Permission, Principal, TenantDatabase};
use crate::commerce::addresses;
use crate::platform::paging::{Filter, Listed, Page, PageRequest, Period, SortKey, SortValue, walk};
use crate::platform::schema::{order_lines, orders, stock_reservations};
use crate::values::business_date::BusinessDate;
use crate::values::contact::PostalAddress;
use crate::values::ids::{CustomerId, OrderId, WarehouseId};
use crate::values::money::Money;

/// The maximum number of lines of all orders of a page; one order has fewer.
const MAX_LINES_OF_PAGE: usize = 10_000;

/// An order without its lines.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = OrderSummary)]
pub struct OrderSummary {
    #[schema(value_type = Uuid)]
    pub id: OrderId,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// What your own system calls it; null if it was not given.
    pub external_id: Option<String>,
    pub reference: Option<String>,
    #[schema(value_type = Uuid)]
    pub customer_id: CustomerId,
    pub status: OrderStatus,
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
    /// Null for whoever may not see prices, as the other amounts.
    #[schema(value_type = Option<String>, example = "25.00")]
    pub net_total: Option<Money>,
    #[schema(value_type = Option<String>, example = "5.00")]
    pub vat_total: Option<Money>,
    #[schema(value_type = Option<String>, example = "30.00")]
    pub gross_total: Option<Money>,
    /// Of its last shipment that has one.
    pub tracking_number: Option<String>,
    pub cancellation_reason: Option<String>,
    pub placed_at: DateTime<Utc>,
    pub confirmed_at: Option<DateTime<Utc>>,
    pub shipped_at: Option<DateTime<Utc>>,
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was cancelled, or what had not left of it.
    pub cancelled_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
    /// Where its goods come from; null if no line needs any.
    #[schema(value_type = Option<Uuid>)]
    pub warehouse_id: Option<WarehouseId>,
    /// Whether it waits for what is short.
    pub back_order: bool,
    /// When the customer ordered, as the business counts; null for orders that are older than this member.
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub ordered_on: Option<BusinessDate>,
    /// Where it goes; null for the customer's own address.
    #[schema(schema_with = addresses::postal_schema)]
    pub delivery_address: Option<PostalAddress>,
    /// By when the customer was promised the goods, as the business counts; null if nothing was promised.
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub promised_on: Option<BusinessDate>,
    /// Whether it passes its customer's credit limit, and waits for approval.
    pub held_for_approval: bool,
}

/// An order with everything that was sold.
#[derive(Debug, Clone, Serialize)]
pub struct OrderView {
    #[serde(flatten)]
    pub summary: OrderSummary,
    pub lines: Vec<OrderLine>,
    pub vat: Vec<VatSubtotal>,
    /// Whether the amounts of the lines and of the VAT are shown, too.
    #[serde(skip)]
    pub shows_prices: bool,
}

impl OrderView {
    pub(super) fn of(order: &Order) -> Self {
        Self {
            summary: OrderSummary::of(order),
            lines: order.lines.clone(),
            vat: order.totals.vat.clone(),
            shows_prices: true,
        }
    }

    /// The view as this principal may see it.
    #[must_use]
    pub fn seen_by(self, principal: &Principal) -> Self {
        Self {
            shows_prices: principal.may(Permission::OrdersPrices),
            summary: self.summary.seen_by(principal),
            ..self
        }
    }
}

impl OrderSummary {
    pub(super) fn of(order: &Order) -> Self {
        let totals = &order.totals;
        Self {
            id: order.id,
            version: order.version,
            external_id: order.external_id.as_ref().map(|id| id.as_str().to_owned()),
            reference: order.reference.as_ref().map(|reference| reference.as_str().to_owned()),
            customer_id: order.customer_id,
            status: order.status,
            currency: order.currency.code().to_owned(),
            net_total: Some(totals.net_total.clone()),
            vat_total: Some(totals.vat_total.clone()),
            gross_total: Some(totals.gross_total.clone()),
            tracking_number: order.tracking_number.as_ref().map(|number| number.as_str().to_owned()),
            cancellation_reason: order.cancellation_reason.as_ref().map(|reason| reason.as_str().to_owned()),
            placed_at: order.placed_at,
            confirmed_at: order.confirmed_at,
            shipped_at: order.shipped_at,
            delivered_at: order.delivered_at,
            cancelled_at: order.cancelled_at,
            updated_at: order.updated_at,
            warehouse_id: order.warehouse_id,
            back_order: order.back_order,
            ordered_on: order.ordered_on,
            delivery_address: order.delivery_address.clone(),
            promised_on: order.promised_on,
            held_for_approval: order.held_for_approval,
        }
    }

    fn from_row(row: OrderRow) -> Result<Self, Error> {
        Ok(Self {
            id: OrderId::from_uuid(row.id),
            version: row.version,
            external_id: row.external_id,
            reference: row.reference,
            customer_id: CustomerId::from_uuid(row.customer_id),
            status: status(&row.status)?,
            currency: row.currency,
            net_total: Some(Money::rounded(&row.net_total)),
            vat_total: Some(Money::rounded(&row.vat_total)),
            gross_total: Some(Money::rounded(&row.gross_total)),
            tracking_number: row.tracking_number,
            cancellation_reason: row.cancellation_reason,
            placed_at: row.placed_at,
            confirmed_at: row.confirmed_at,
            shipped_at: row.shipped_at,
            delivered_at: row.delivered_at,
            cancelled_at: row.cancelled_at,
            updated_at: row.updated_at,
            warehouse_id: row.warehouse_id.map(WarehouseId::from_uuid),
            back_order: row.back_order,
            ordered_on: row.ordered_on.map(BusinessDate::stored),
            delivery_address: addresses::postal_from_json(row.delivery_address)?,
            promised_on: row.promised_on.map(BusinessDate::stored),
            held_for_approval: row.held_for_approval,
        })
    }

    /// The order as this principal may see it.
    #[must_use]
    fn seen_by(mut self, principal: &Principal) -> Self {
        if !principal.may(Permission::OrdersPrices) {
            (self.net_total, self.vat_total, self.gross_total) = (None, None, None);
        }
        self
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderSort {
    PlacedAt,
    UpdatedAt,
}

impl SortKey for OrderSort {
    const NAMES: &'static [(&'static str, Self)] =
        &[("placed_at", Self::PlacedAt), ("updated_at", Self::UpdatedAt)];
    const DEFAULT: &'static str = "-placed_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<OrderSort> for OrderSummary {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, key: OrderSort) -> SortValue {
        match key {
            OrderSort::PlacedAt => self.placed_at.into(),
            OrderSort::UpdatedAt => self.updated_at.into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// Orders in one of these states; empty for all.
    pub statuses: Vec<OrderStatus>,
    pub customer_id: Option<CustomerId>,
    pub reference: Option<String>,
    /// Only orders that wait for approval.
    pub held: bool,
    /// `created` is when the order was placed.
    pub selection: Selection,
}

type Rows<'a> = orders::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<OrderRow, Pg>>>;
type Condition<'a> = Filter<'a, orders::table>;

impl<'q> Filtered<'q> for OrderFilter {
    type Sort = OrderSort;
    type Table = orders::table;
    type Rows = Rows<'q>;
    type Row = OrderRow;
    type View = OrderSummary;
    const TABLE: &'static str = "orders";
    const SEARCH: &'static str = "search_orders";

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn of_tenant(tenant: Uuid) -> Rows<'q> {
        orders::table.filter(orders::tenant_id.eq(tenant)).select(OrderRow::as_select()).into_boxed()
    }

    fn walk(&'q self, rows: Rows<'q>, request: &PageRequest<OrderSort>, branch: Option<usize>) -> Rows<'q> {
        use orders::{
            customer_id, external_id, held_for_approval, id, placed_at, reference, status, updated_at,
        };
        let Selection { created, updated, .. } = self.selection;
        let start = match request.key {
            OrderSort::PlacedAt => request.times().within(created),
            OrderSort::UpdatedAt => return walk!(rows, request.times().within(updated), [], updated_at, id),
        };
        let Some(branch) = branch else { return walk!(rows, start, [], placed_at, id) };
        // What is unique is found by its own index.
        if let Some(wanted) = &self.reference {
            return walk!(rows.filter(reference.eq(wanted)), start, [], placed_at, id);
        }
        if let Some(wanted) = &self.selection.external_id {
            return walk!(rows.filter(external_id.eq(wanted)), start, [], placed_at, id);
        }
        if self.held {
            return walk!(rows.filter(held_for_approval), start, [held_for_approval => true], placed_at, id);
        }
        let state = self.statuses.get(branch).copied().map(OrderStatus::as_str);
        match (self.customer_id.map(CustomerId::uuid), state) {
            (Some(customer), Some(state)) => {
                walk!(rows, start, [customer_id => customer, status => state], placed_at, id)
            }
            (Some(customer), None) => walk!(rows, start, [customer_id => customer], placed_at, id),
            (None, Some(state)) => walk!(rows, start, [status => state], placed_at, id),
            (None, None) => walk!(rows, start, [], placed_at, id),
        }
    }

    fn branches(&self) -> usize {
        if self.is_one() { 1 } else { self.statuses.len().max(1) }
    }

    fn is_served(&self, key: OrderSort) -> bool {
        let Selection { created, updated, .. } = &self.selection;
        let is_of_all = self.customer_id.is_none() && self.statuses.is_empty();
        match key {
            // What is held has an index of its own, whatever the customer and the state are.
            OrderSort::PlacedAt => self.is_one() || (updated.is_open() && (!self.held || is_of_all)),
            OrderSort::UpdatedAt => !self.is_one() && is_of_all && !self.held && created.is_open(),
        }
    }

    fn conditions(&'q self, branch: Option<usize>) -> Vec<Condition<'q>> {
        use orders::{customer_id, external_id, held_for_approval, placed_at, reference, status, updated_at};
        let mut conditions: Vec<Condition<'q>> = Vec::new();
        if let Some(wanted) = &self.reference {
            conditions.push(Box::new(reference.assume_not_null().eq(wanted)));
        }
        if let Some(wanted) = &self.selection.external_id {
            conditions.push(Box::new(external_id.assume_not_null().eq(wanted)));
        }
        if self.held {
            conditions.push(Box::new(held_for_approval));
        }
        if let Some(customer) = self.customer_id {
            conditions.push(Box::new(customer_id.eq(customer.uuid())));
        }
        if let Some(state) = branch.and_then(|branch| self.statuses.get(branch)).filter(|_| !self.is_one()) {
            conditions.push(Box::new(status.eq(state.as_str())));
        } else if !self.statuses.is_empty() {
            conditions.push(Box::new(status.eq_any(self.statuses.iter().copied().map(OrderStatus::as_str))));
        }
        within(&mut conditions, updated_at, self.selection.updated);
        within(&mut conditions, placed_at, self.selection.created);
        conditions
    }

    fn column(key: OrderSort) -> &'static str {
        match key {
            OrderSort::PlacedAt => orders::placed_at::NAME,
            OrderSort::UpdatedAt => orders::updated_at::NAME,
        }
    }

    fn among(ids: Vec<Uuid>) -> Condition<'q> {
        Box::new(orders::id.eq_any(ids))
    }

    fn with_words(words: &'q str) -> Condition<'q> {
        let row =
            "order_words(tenant_id, reference, external_id, tracking_number) @@ (SELECT comptoir_search(";
        Box::new(sql::<Bool>(row).bind::<Text, _>(words).sql("))"))
    }

    fn period(&self, key: OrderSort) -> Option<Period> {
        Some(match key {
            OrderSort::PlacedAt => self.selection.created,
            OrderSort::UpdatedAt => self.selection.updated,
        })
    }

    fn view(row: OrderRow) -> Result<OrderSummary, Error> {
        OrderSummary::from_row(row)
    }
}

impl OrderFilter {
    /// Whether at most one order can match.
    fn is_one(&self) -> bool {
        self.reference.is_some() || self.selection.external_id.is_some()
    }
}

/// # Errors
/// `NotFound` if the tenant has no such order. Fails if the database cannot be reached.
pub async fn get(db: &TenantDatabase, context: &RequestContext, id: OrderId) -> Result<OrderView, Error> {
    let key = (context.tenant_id().uuid(), id.uuid());
    let (row, rows): (Option<OrderRow>, Vec<(OrderLineRow, HeldRow)>) = db
        .read(context, async |connection| {
            let (mut one, mut other) = (connection, connection);
            let order = orders::table.find(key).select(OrderRow::as_select()).first(&mut one);
            let lines = order_lines::table
                .left_join(stock_reservations::table.on(of_line!()))
                .filter(order_lines::tenant_id.eq(key.0).and(order_lines::order_id.eq(key.1)))
                .order(order_lines::position)
                .select((OrderLineRow::as_select(), held!()))
                .load(&mut other);
            let (order, lines) = futures::join!(order, lines);
            Ok((order.optional()?, lines?))
        })
        .await?;
    let row = row.ok_or(OrderError::NotFound(id))?;
    let status = status(&row.status)?;
    let lines: Vec<_> = rows.into_iter().map(|(line, held)| line.into_line(status, held)).collect();
    let summary = OrderSummary::from_row(row)?;
    let view = OrderView { summary, vat: vat_breakdown(&lines), lines, shows_prices: true };
    Ok(view.seen_by(&context.principal))
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &OrderFilter,
    request: &PageRequest<OrderSort>,
) -> Result<Page<OrderSummary>, Error> {
    let page = db.list(context, filter, request).await?;
    Ok(page.map(|order| order.seen_by(&context.principal)))
}

crate::statement! {
    /// The number of lines of each order: positions count from 1.
    struct CountLines<'a> { tenant: Uuid => SqlUuid, orders: &'a [Uuid] => Array<SqlUuid> }
        -> (SqlUuid, Nullable<SmallInt>)
    = "SELECT o.id, (SELECT max(position) FROM order_lines WHERE tenant_id = $1 AND order_id = o.id)
     FROM unnest($2) AS o (id)"
}

/// Returns the first of these orders, as many as have at most [`MAX_LINES_OF_PAGE`] lines together.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn fitting(
    mut connection: &AsyncPgConnection,
    tenant: Uuid,
    orders: &[Uuid],
) -> Result<Vec<Uuid>, Error> {
    let numbers: Vec<(Uuid, Option<i16>)> = CountLines::new(tenant, orders).load(&mut connection).await?;
    let numbers: HashMap<Uuid, Option<i16>> = numbers.into_iter().collect();
    let mut lines = 0_usize;
    let fitting = orders.iter().take_while(|id| {
        let number = numbers.get(id).copied().flatten().unwrap_or_default();
        lines += usize::from(number.unsigned_abs());
        lines <= MAX_LINES_OF_PAGE
    });
    Ok(fitting.copied().collect())
}

/// Lists orders with their lines. A page ends early where it would have more than [`MAX_LINES_OF_PAGE`].
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn list_with_lines(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &OrderFilter,
    request: &PageRequest<OrderSort>,
) -> Result<Page<OrderView>, Error> {
    let page = list(db, context, filter, request).await?;
    let tenant = context.tenant_id().uuid();
    let mut ids: Vec<Uuid> = page.data.iter().map(|order| order.id.uuid()).collect();
    // The orders are read once more: each is to be shown with its lines as they are at the same moment.
    let (orders, rows): (Vec<OrderRow>, Vec<(Uuid, OrderLineRow, HeldRow)>) = db
        .read(context, async |mut connection| {
            let shown = fitting(connection, tenant, &ids).await?;
            let orders = orders::table
                .filter(orders::tenant_id.eq(tenant).and(orders::id.eq_any(&shown)))
                .select(OrderRow::as_select())
                .load(&mut connection)
                .await?;
            let lines = order_lines::table
                .left_join(stock_reservations::table.on(of_line!()))
                .filter(order_lines::tenant_id.eq(tenant).and(order_lines::order_id.eq_any(&shown)))
                .order((order_lines::order_id, order_lines::position))
                .select((order_lines::order_id, OrderLineRow::as_select(), held!()))
                .load(&mut connection)
                .await?;
            Ok((orders, lines))
        })
        .await?;
    let mut orders: HashMap<Uuid, OrderSummary> = orders
        .into_iter()
        .map(|row| OrderSummary::from_row(row).map(|summary| (summary.id.uuid(), summary)))
        .collect::<Result<_, _>>()?;
    let mut lines: HashMap<Uuid, Vec<OrderLine>> = HashMap::new();
    for (order, row, held) in rows {
        // Both were read in one snapshot.
        let Some(status) = orders.get(&order).map(|summary| summary.status) else { continue };
        lines.entry(order).or_default().push(row.into_line(status, held));
    }
    // Every order has lines.
    ids.retain(|id| lines.contains_key(id));
    let page = request.shortened(page, ids.len());
    Ok(page.map(|listed| {
        let summary = orders.remove(&listed.id.uuid()).unwrap_or(listed);
        let lines = lines.remove(&summary.id.uuid()).unwrap_or_default();
        let view = OrderView { summary, vat: vat_breakdown(&lines), lines, shows_prices: true };
        view.seen_by(&context.principal)
    }))
}
