//! Open orders as a warehouse reads them, without prices: which can be shipped now, which wait, which are late.

use std::collections::HashMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Days, NaiveDate, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Date};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::OrderStatus;
use super::queries::{OrderFilter, fitting};
use super::repository::status;
use super::reservation_rows::{HeldRow, held, held_units, of_line};
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::listing::{Filtered, Selection, page_of};
use crate::platform::paging::{Filter, Listed, Page, PageRequest, Period, SortKey, SortValue, walk};
use crate::platform::schema::{order_lines, orders, stock_reservations};
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{CustomerId, OrderId, ProductId, WarehouseId};
use crate::values::money::Quantity;

/// The conditions of the partial indexes, as literals: PostgreSQL could not prove them of a parameter.
const CONFIRMED: &str = "orders.status = 'confirmed'";
const OPEN: &str = "orders.status IN ('pending', 'confirmed')";

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = orders)]
struct OpenOrderRow {
    #[expect(dead_code, reason = "the search of a page names the column")]
    tenant_id: Uuid,
    id: Uuid,
    version: i64,
    external_id: Option<String>,
    reference: Option<String>,
    customer_id: Uuid,
    status: String,
    warehouse_id: Option<Uuid>,
    back_order: bool,
    waits: bool,
    ordered_on: Option<NaiveDate>,
    promised_on: Option<NaiveDate>,
    placed_at: DateTime<Utc>,
    confirmed_at: Option<DateTime<Utc>>,
    #[expect(dead_code, reason = "the search of a page names the column")]
    tracking_number: Option<String>,
    #[expect(dead_code, reason = "a condition of a page names the column")]
    held_for_approval: bool,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = order_lines)]
struct OpenLineRow {
    order_id: Uuid,
    position: i16,
    product_id: Uuid,
    sku: String,
    name: String,
    quantity: BigDecimal,
    stocked: bool,
}

/// An order whose goods are still here, as a warehouse needs it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = OpenOrder)]
pub struct OpenOrder {
    #[schema(value_type = Uuid)]
    pub id: OrderId,
    /// Rises with every change; the ETag of the order.
    pub version: i64,
    /// What your own system calls it; null if it was not given.
    pub external_id: Option<String>,
    pub reference: Option<String>,
    #[schema(value_type = Uuid)]
    pub customer_id: CustomerId,
    pub status: OrderStatus,
    /// Where its goods come from; null if no line needs any.
    #[schema(value_type = Option<Uuid>)]
    pub warehouse_id: Option<WarehouseId>,
    /// Whether it was placed to wait for what is short.
    pub back_order: bool,
    /// Whether a line waits for goods.
    pub waits: bool,
    /// When the customer ordered, as the business counts; null for orders that are older than this member.
    #[schema(value_type = Option<NaiveDate>)]
    pub ordered_on: Option<BusinessDate>,
    /// By when the customer was promised the goods, as the business counts; null if nothing was promised.
    #[schema(value_type = Option<NaiveDate>)]
    pub promised_on: Option<BusinessDate>,
    pub placed_at: DateTime<Utc>,
    pub confirmed_at: Option<DateTime<Utc>>,
}

/// An open order with lines of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = OpenOrderWithLines)]
pub struct OpenOrderWithLines {
    #[serde(flatten)]
    pub order: OpenOrder,
    pub lines: Vec<OpenLine>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = OpenOrderLine)]
pub struct OpenLine {
    /// Counts from 1, in the order.
    pub position: i16,
    #[schema(value_type = Uuid)]
    pub product_id: ProductId,
    #[schema(example = "TEA-EG-250")]
    pub sku: String,
    #[schema(example = "Earl Grey, 250 g")]
    pub name: String,
    /// What was ordered.
    #[schema(value_type = String, example = "12")]
    pub quantity: Quantity,
    /// Whether the product was kept in stock when the order was placed. If not, nothing is reserved for the line.
    pub stocked: bool,
    /// What is reserved for it: that is what can leave.
    #[schema(value_type = String, example = "12")]
    pub reserved: Units,
    /// What it waits for.
    #[schema(value_type = String, example = "0")]
    pub waiting: Units,
}

impl OpenOrder {
    fn of_row(row: OpenOrderRow) -> Result<Self, Error> {
        Ok(Self {
            id: OrderId::from_uuid(row.id),
            version: row.version,
            external_id: row.external_id,
            reference: row.reference,
            customer_id: CustomerId::from_uuid(row.customer_id),
            status: status(&row.status)?,
            warehouse_id: row.warehouse_id.map(WarehouseId::from_uuid),
            back_order: row.back_order,
            waits: row.waits,
            ordered_on: row.ordered_on.map(BusinessDate::stored),
            promised_on: row.promised_on.map(BusinessDate::stored),
            placed_at: row.placed_at,
            confirmed_at: row.confirmed_at,
        })
    }
}

impl OpenLine {
    fn of_row(row: OpenLineRow, held: HeldRow) -> Self {
        let (reserved, waiting) = held_units(held);
        Self {
            position: row.position,
            product_id: ProductId::from_uuid(row.product_id),
            sku: row.sku,
            name: row.name,
            quantity: Quantity::stored(row.quantity),
            stocked: row.stocked,
            reserved,
            waiting,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenOrderSort {
    PlacedAt,
}

impl SortKey for OpenOrderSort {
    const NAMES: &'static [(&'static str, Self)] = &[("placed_at", Self::PlacedAt)];
    const DEFAULT: &'static str = "placed_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<OpenOrderSort> for OpenOrder {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, _: OpenOrderSort) -> SortValue {
        self.placed_at.into()
    }
}

/// What the lists of open orders can be narrowed to.
#[derive(Debug, Clone, Default)]
pub struct OpenOrderFilter {
    /// Only orders whose goods come from this warehouse.
    pub warehouse_id: Option<WarehouseId>,
    pub customer_id: Option<CustomerId>,
    /// Only orders that have all of these words, as in the list of orders.
    pub words: Option<String>,
}

#[derive(Debug, Clone, Copy)]
enum Which {
    /// Confirmed, no line waits for goods, and the order for no approval.
    ToPrepare,
    /// A line waits for goods.
    Waiting,
    /// It was promised by a day before `today`, or else made before the other day.
    Late { today: NaiveDate, made_before: NaiveDate },
}

/// One of the lists, narrowed.
struct OpenOrders {
    which: Which,
    warehouse: Option<Uuid>,
    customer: Option<Uuid>,
    /// The words alone.
    selection: Selection,
}

impl OpenOrders {
    fn of(which: Which, filter: &OpenOrderFilter) -> Self {
        Self {
            which,
            warehouse: filter.warehouse_id.map(WarehouseId::uuid),
            customer: filter.customer_id.map(CustomerId::uuid),
            selection: Selection { words: filter.words.clone(), ..Selection::default() },
        }
    }

    /// The conditions on the columns with which the index begins that is walked.
    fn of_prefix<'q>(&self) -> Vec<Condition<'q>> {
        use orders::{waits, warehouse_id};
        let mut conditions: Vec<Condition<'q>> = Vec::new();
        if let Which::ToPrepare = self.which {
            conditions.push(Box::new(waits.eq(false)));
        }
        if let Some(wanted) = self.warehouse {
            conditions.push(Box::new(warehouse_id.assume_not_null().eq(wanted)));
        }
        conditions
    }
}

type Rows<'a> = orders::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<OpenOrderRow, Pg>>>;
type Condition<'a> = Filter<'a, orders::table>;

impl<'q> Filtered<'q> for OpenOrders {
    type Sort = OpenOrderSort;
    type Table = orders::table;
    type Rows = Rows<'q>;
    type Row = OpenOrderRow;
    type View = OpenOrder;
    const TABLE: &'static str = "orders";
    const SEARCH: &'static str = "search_orders";

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn of_tenant(tenant: Uuid) -> Rows<'q> {
        orders::table.filter(orders::tenant_id.eq(tenant)).select(OpenOrderRow::as_select()).into_boxed()
    }

    /// Each list has a partial index. It is walked for all rows, too: the orders that are over are many more.
    fn walk(&'q self, rows: Rows<'q>, request: &PageRequest<OpenOrderSort>, _: Option<usize>) -> Rows<'q> {
        use orders::{held_for_approval, id, placed_at, waits, warehouse_id};
        let start = request.times();
        match (self.which, self.warehouse) {
            (Which::ToPrepare, warehouse) => {
                // Few orders are held once they are confirmed: these are stepped over.
                let rows = rows.filter(sql::<Bool>(CONFIRMED)).filter(held_for_approval.eq(false));
                match warehouse {
                    Some(wanted) => {
                        walk!(rows, start, [warehouse_id => wanted, waits => false], placed_at, id)
                    }
                    None => walk!(rows, start, [waits => false], placed_at, id),
                }
            }
            (Which::Waiting, Some(wanted)) => {
                walk!(rows.filter(waits), start, [warehouse_id => wanted], placed_at, id)
            }
            (Which::Waiting, None) => walk!(rows.filter(waits), start, [waits => true], placed_at, id),
            (Which::Late { .. }, _) => walk!(rows.filter(sql::<Bool>(OPEN)), start, [], placed_at, id),
        }
    }

    fn is_served(&self, _: OpenOrderSort) -> bool {
        self.customer.is_none() && !matches!(self.which, Which::Late { .. })
    }

    fn conditions(&'q self, branch: Option<usize>) -> Vec<Condition<'q>> {
        // Only the customer has an index of all orders. What the walk begins with is looked at where the rows were found otherwise.
        let mut conditions = if branch.is_some() { self.of_prefix() } else { Vec::new() };
        if let Some(customer) = self.customer {
            conditions.push(Box::new(orders::customer_id.eq(customer)));
        }
        conditions
    }

    fn looked_at(&'q self) -> Vec<Condition<'q>> {
        let mut conditions = self.of_prefix();
        match self.which {
            Which::ToPrepare => {
                conditions.push(Box::new(sql::<Bool>(CONFIRMED)));
                conditions.push(Box::new(orders::held_for_approval.eq(false)));
            }
            Which::Waiting => conditions.push(Box::new(orders::waits)),
            Which::Late { today, made_before } => {
                conditions.push(Box::new(sql::<Bool>(OPEN)));
                let promised = "(CASE WHEN orders.promised_on IS NOT NULL THEN orders.promised_on < ";
                // Orders that are older than the column were made when they were placed.
                let made =
                    " ELSE COALESCE(orders.ordered_on, (orders.placed_at AT TIME ZONE 'UTC')::date) < ";
                let is_late = sql::<Bool>(promised).bind::<Date, _>(today).sql(made);
                conditions.push(Box::new(is_late.bind::<Date, _>(made_before).sql(" END)")));
            }
        }
        conditions
    }

    fn leads_to(&self, last: &OpenOrder) -> bool {
        let of_warehouse =
            self.warehouse.is_none() || last.warehouse_id.map(WarehouseId::uuid) == self.warehouse;
        match self.which {
            Which::ToPrepare => of_warehouse && !last.waits,
            Which::Waiting => of_warehouse,
            Which::Late { .. } => true,
        }
    }

    fn column(_: OpenOrderSort) -> &'static str {
        orders::placed_at::NAME
    }

    fn among(ids: Vec<Uuid>) -> Condition<'q> {
        OrderFilter::among(ids)
    }

    fn with_words(words: &'q str) -> Condition<'q> {
        OrderFilter::with_words(words)
    }

    fn period(&self, _: OpenOrderSort) -> Option<Period> {
        None
    }

    fn view(row: OpenOrderRow) -> Result<OpenOrder, Error> {
        OpenOrder::of_row(row)
    }
}

/// Lists confirmed orders of which no line waits for goods, and that wait for no approval: they can be shipped now. With their lines, the
/// oldest first.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn to_prepare(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &OpenOrderFilter,
    request: &PageRequest<OpenOrderSort>,
) -> Result<Page<OpenOrderWithLines>, Error> {
    with_lines(db, context, request, &OpenOrders::of(Which::ToPrepare, filter), |_| true).await
}

/// Lists open orders that wait for goods, with the lines that wait. The oldest first: so they are served.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn back_orders(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &OpenOrderFilter,
    request: &PageRequest<OpenOrderSort>,
) -> Result<Page<OpenOrderWithLines>, Error> {
    let waiting = OpenOrders::of(Which::Waiting, filter);
    with_lines(db, context, request, &waiting, |line| !line.waiting.is_zero()).await
}

/// Lists open orders that are late, the oldest first: the day by which they were promised is over, or nothing was promised and the
/// customer made them more than so many days ago. A page looks at a bounded number of open orders, and may then hold fewer than asked
/// for.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn late(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &OpenOrderFilter,
    days: u16,
    request: &PageRequest<OpenOrderSort>,
) -> Result<Page<OpenOrder>, Error> {
    let today = Utc::now().date_naive();
    let made_before = today.checked_sub_days(Days::new(days.into())).unwrap_or(NaiveDate::MIN);
    db.list(context, &OpenOrders::of(Which::Late { today, made_before }, filter), request).await
}

/// Reads a page of orders and those of their lines that are `shown`, as they are at the same moment. A page ends early where its
/// orders would have more lines than one may have ([`fitting`]).
async fn with_lines(
    db: &TenantDatabase,
    context: &RequestContext,
    request: &PageRequest<OpenOrderSort>,
    orders: &OpenOrders,
    shown: impl Fn(&OpenLine) -> bool,
) -> Result<Page<OpenOrderWithLines>, Error> {
    let tenant = context.tenant_id().uuid();
    let (page, found): (Page<OpenOrder>, Vec<(OpenLineRow, HeldRow)>) = db
        .read(context, async |mut connection| {
            let page = page_of(connection, tenant, orders, request).await?;
            let ids: Vec<Uuid> = page.data.iter().map(|order| order.id.uuid()).collect();
            let fitting = fitting(connection, tenant, &ids).await?;
            let page = request.shortened(page, fitting.len());
            let lines = order_lines::table
                .left_join(stock_reservations::table.on(of_line!()))
                .filter(order_lines::tenant_id.eq(tenant).and(order_lines::order_id.eq_any(&fitting)))
                .order((order_lines::order_id, order_lines::position))
                .select((OpenLineRow::as_select(), held!()))
                .load(&mut connection)
                .await?;
            Ok((page, lines))
        })
        .await?;
    let mut lines: HashMap<Uuid, Vec<OpenLine>> = HashMap::new();
    for (row, held) in found {
        let order = row.order_id;
        let line = OpenLine::of_row(row, held);
        if shown(&line) {
            lines.entry(order).or_default().push(line);
        }
    }
    Ok(page.map(|order| {
        let lines = lines.remove(&order.id.uuid()).unwrap_or_default();
        OpenOrderWithLines { order, lines }
    }))
}
