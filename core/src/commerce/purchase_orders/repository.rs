//! Purchase orders in the database, as commands read and write them.

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{Array, Date, Nullable, Numeric, SmallInt, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::{
    PurchaseLine, PurchaseOrder, PurchaseOrderError, PurchaseOrderReference, PurchaseOrderState,
};
use super::events::PurchaseOrderEvent;
use super::queries::PurchaseOrderView;
use crate::application::Locked;
use crate::application::aggregate::{Aggregate, Creatable, LockMode, find};
use crate::application::error::{Error, unless_held, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::{purchase_order_lines, purchase_orders};
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{ProductId, PurchaseOrderId, SupplierId, TenantId, WarehouseId};
use crate::values::money::{Quantity, UnitPrice};

/// The constraint that makes references unique.
const REFERENCE_KEY: &str = "purchase_orders_reference_key";

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = purchase_orders, primary_key(tenant_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct PurchaseOrderRow {
    pub(super) tenant_id: Uuid,
    pub(super) id: Uuid,
    pub(super) version: i64,
    pub(super) reference: Option<String>,
    pub(super) supplier_id: Uuid,
    pub(super) warehouse_id: Uuid,
    pub(super) state: String,
    pub(super) ordered_on: NaiveDate,
    pub(super) expected_on: Option<NaiveDate>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = purchase_order_lines)]
pub(super) struct PurchaseLineRow {
    product_id: Uuid,
    sku: String,
    name: String,
    quantity: BigDecimal,
    unit_cost: Option<BigDecimal>,
    expected_on: Option<NaiveDate>,
    received: BigDecimal,
}

impl PurchaseLineRow {
    pub(super) fn into_line(self) -> PurchaseLine {
        PurchaseLine {
            product_id: ProductId::from_uuid(self.product_id),
            sku: self.sku,
            name: self.name,
            quantity: Quantity::stored(self.quantity),
            unit_cost: self.unit_cost.map(UnitPrice::stored),
            expected_on: self.expected_on.map(BusinessDate::stored),
            received: Units::stored(self.received),
        }
    }
}

/// Reads a stored state.
///
/// # Errors
/// Fails if a newer version wrote one that this version does not know.
pub(super) fn state(name: &str) -> Result<PurchaseOrderState, Error> {
    PurchaseOrderState::from_name(name)
        .ok_or_else(|| Error::Stored { what: "a state of a purchase order", value: name.to_owned() })
}

impl PurchaseOrderRow {
    fn of(tenant: TenantId, order: &PurchaseOrder) -> Self {
        Self {
            tenant_id: tenant.uuid(),
            id: order.id.uuid(),
            version: order.version,
            reference: order.reference.as_ref().map(|reference| reference.as_str().to_owned()),
            supplier_id: order.supplier_id.uuid(),
            warehouse_id: order.warehouse_id.uuid(),
            state: order.state.as_str().to_owned(),
            ordered_on: order.ordered_on.date(),
            expected_on: order.expected_on.map(BusinessDate::date),
            created_at: order.created_at,
            updated_at: order.updated_at,
        }
    }

    pub(super) fn into_order(self, lines: Vec<PurchaseLineRow>) -> Result<PurchaseOrder, Error> {
        Ok(PurchaseOrder {
            id: PurchaseOrderId::from_uuid(self.id),
            version: self.version,
            reference: self.reference.map(PurchaseOrderReference::stored),
            supplier_id: SupplierId::from_uuid(self.supplier_id),
            warehouse_id: WarehouseId::from_uuid(self.warehouse_id),
            state: state(&self.state)?,
            ordered_on: BusinessDate::stored(self.ordered_on),
            expected_on: self.expected_on.map(BusinessDate::stored),
            lines: lines.into_iter().map(PurchaseLineRow::into_line).collect(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// Loads a purchase order and locks it until the unit of work ends.
///
/// # Errors
/// `NotFound` if the tenant has no such purchase order. Fails if the database cannot be reached.
pub(crate) async fn load(work: &mut UnitOfWork<'_>, id: PurchaseOrderId) -> Result<PurchaseOrder, Error> {
    let query =
        purchase_orders::table.find((work.tenant().uuid(), id.uuid())).select(PurchaseOrderRow::as_select());
    let row: Option<PurchaseOrderRow> = find(work, Locked::PurchaseOrder, LockMode::Change, query).await?;
    with_lines(work, row.ok_or(PurchaseOrderError::NotFound(id))?).await
}

/// Reads a purchase order without a lock, to find out what else has to be locked first.
///
/// # Errors
/// `NotFound` if the tenant has no such purchase order. Fails if the database cannot be reached.
pub(crate) async fn look_at(work: &mut UnitOfWork<'_>, id: PurchaseOrderId) -> Result<PurchaseOrder, Error> {
    let query =
        purchase_orders::table.find((work.tenant().uuid(), id.uuid())).select(PurchaseOrderRow::as_select());
    let row: Option<PurchaseOrderRow> = query.first(work.connection()).await.optional()?;
    with_lines(work, row.ok_or(PurchaseOrderError::NotFound(id))?).await
}

async fn with_lines(work: &mut UnitOfWork<'_>, row: PurchaseOrderRow) -> Result<PurchaseOrder, Error> {
    let of_order = purchase_order_lines::tenant_id
        .eq(row.tenant_id)
        .and(purchase_order_lines::purchase_order_id.eq(row.id));
    let lines: Vec<PurchaseLineRow> = purchase_order_lines::table
        .filter(of_order)
        .order(purchase_order_lines::position)
        .select(PurchaseLineRow::as_select())
        .load(work.connection())
        .await?;
    row.into_order(lines)
}

crate::statement! {
    /// Inserts all lines of one purchase order. Positions count from 1.
    struct InsertLines<'a> {
        tenant: Uuid => SqlUuid,
        order: Uuid => SqlUuid,
        positions: &'a [i16] => Array<SmallInt>,
        products: &'a [Uuid] => Array<SqlUuid>,
        skus: &'a [&'a str] => Array<Text>,
        names: &'a [&'a str] => Array<Text>,
        quantities: &'a [&'a BigDecimal] => Array<Numeric>,
        unit_costs: &'a [Option<&'a BigDecimal>] => Array<Nullable<Numeric>>,
        expected_on: &'a [Option<NaiveDate>] => Array<Nullable<Date>>,
        received: &'a [&'a BigDecimal] => Array<Numeric>,
    }
    = "INSERT INTO purchase_order_lines
        (tenant_id, purchase_order_id, position, product_id, sku, name, quantity, unit_cost, expected_on, received)
     SELECT $1, $2, line.* FROM unnest($3, $4, $5, $6, $7, $8, $9, $10) AS line"
}

async fn insert_lines(work: &mut UnitOfWork<'_>, order: &PurchaseOrder) -> Result<(), Error> {
    let lines = &order.lines;
    // `check_line_count` refuses more lines than an i16 counts.
    let positions: Vec<_> = (1..).take(lines.len()).collect();
    let products: Vec<_> = lines.iter().map(|line| line.product_id.uuid()).collect();
    let skus: Vec<_> = lines.iter().map(|line| line.sku.as_str()).collect();
    let names: Vec<_> = lines.iter().map(|line| line.name.as_str()).collect();
    let quantities: Vec<_> = lines.iter().map(|line| line.quantity.value()).collect();
    let unit_costs: Vec<_> = lines.iter().map(|line| line.unit_cost.as_ref().map(UnitPrice::value)).collect();
    let expected_on: Vec<_> = lines.iter().map(|line| line.expected_on.map(BusinessDate::date)).collect();
    let received: Vec<_> = lines.iter().map(|line| line.received.value()).collect();
    InsertLines::new(
        work.tenant().uuid(),
        order.id.uuid(),
        &positions,
        &products,
        &skus,
        &names,
        &quantities,
        &unit_costs,
        &expected_on,
        &received,
    )
    .execute(work.connection())
    .await?;
    Ok(())
}

impl PurchaseOrder {
    /// Returns the refusal for a violation of this constraint.
    fn taken(&self, constraint: &str) -> Option<PurchaseOrderError> {
        let reference = self.reference.as_ref().filter(|_| constraint == REFERENCE_KEY)?;
        Some(PurchaseOrderError::ReferenceTaken(reference.as_str().to_owned()))
    }

    /// Refuses a reference that another purchase order has: see [`unless_held`].
    async fn refuse_held(&self, work: &mut UnitOfWork<'_>, row: &PurchaseOrderRow) -> Result<(), Error> {
        let Some(wanted) = &row.reference else { return Ok(()) };
        let others = purchase_orders::table
            .filter(purchase_orders::tenant_id.eq(row.tenant_id).and(purchase_orders::id.ne(row.id)));
        let reference = exists(others.filter(purchase_orders::reference.eq(wanted.as_str())));
        let held: bool = diesel::select(reference).get_result(work.connection()).await?;
        unless_held([(REFERENCE_KEY, held)], |key| self.taken(key))
    }
}

impl Creatable for PurchaseOrder {
    async fn insert(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        // The foreign key locks the supplier.
        work.locks(Locked::Supplier);
        let row = PurchaseOrderRow::of(work.tenant(), self);
        let inserted =
            diesel::insert_into(purchase_orders::table).values(&row).execute(work.connection()).await;
        unless_taken(inserted, |constraint| self.taken(constraint))?;
        insert_lines(work, self).await
    }
}

impl Aggregate for PurchaseOrder {
    type Id = PurchaseOrderId;
    type Event = PurchaseOrderEvent;
    type Audited = PurchaseOrderView;
    const NAME: &'static str = "purchase_order";

    fn id(&self) -> PurchaseOrderId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn audited(&self) -> PurchaseOrderView {
        PurchaseOrderView::of(self)
    }

    /// The supplier of another purchase order than before is locked already.
    async fn save(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = PurchaseOrderRow::of(work.tenant(), self);
        self.refuse_held(work, &row).await?;
        let updated = diesel::update(purchase_orders::table.find((row.tenant_id, row.id)))
            .set(&row)
            .execute(work.connection())
            .await;
        unless_taken(updated, |constraint| self.taken(constraint))?;
        let of_order = purchase_order_lines::tenant_id
            .eq(row.tenant_id)
            .and(purchase_order_lines::purchase_order_id.eq(row.id));
        diesel::delete(purchase_order_lines::table.filter(of_order)).execute(work.connection()).await?;
        insert_lines(work, self).await
    }
}
