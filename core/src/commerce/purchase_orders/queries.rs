//! The queries on purchase orders.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{PurchaseLine, PurchaseOrder, PurchaseOrderError, PurchaseOrderState};
use super::repository::{PurchaseLineRow, PurchaseOrderRow, state};
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::listing::{Filtered, Selection, within};
use crate::application::{Permission, Principal, TenantDatabase};
use crate::platform::paging::{Filter, Listed, Page, PageRequest, Period, SortKey, SortValue, walk};
use crate::platform::schema::{purchase_order_lines, purchase_orders};
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{ProductId, PurchaseOrderId, SupplierId, WarehouseId};
use crate::values::money::{Quantity, UnitPrice};

/// A purchase order without its lines.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PurchaseOrderSummary)]
pub struct PurchaseOrderSummary {
    #[schema(value_type = Uuid)]
    pub id: PurchaseOrderId,
    /// Rises with every change; the ETag.
    pub version: i64,
    #[schema(example = "CF-2026-0118")]
    pub reference: Option<String>,
    #[schema(value_type = Uuid)]
    pub supplier_id: SupplierId,
    /// Where the goods are to come.
    #[schema(value_type = Uuid)]
    pub warehouse_id: WarehouseId,
    pub state: PurchaseOrderState,
    /// When it was ordered, as the business counts.
    #[schema(value_type = chrono::NaiveDate)]
    pub ordered_on: BusinessDate,
    /// When it is expected; null if nobody said.
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub expected_on: Option<BusinessDate>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A purchase order with everything that was ordered.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PurchaseOrder)]
pub struct PurchaseOrderView {
    #[schema(value_type = Uuid)]
    pub id: PurchaseOrderId,
    /// Rises with every change; the ETag.
    pub version: i64,
    #[schema(example = "CF-2026-0118")]
    pub reference: Option<String>,
    #[schema(value_type = Uuid)]
    pub supplier_id: SupplierId,
    /// Where the goods are to come.
    #[schema(value_type = Uuid)]
    pub warehouse_id: WarehouseId,
    pub state: PurchaseOrderState,
    /// When it was ordered, as the business counts.
    #[schema(value_type = chrono::NaiveDate)]
    pub ordered_on: BusinessDate,
    /// When it is expected; null if nobody said.
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub expected_on: Option<BusinessDate>,
    pub lines: Vec<PurchaseOrderLineView>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PurchaseOrderLine)]
pub struct PurchaseOrderLineView {
    #[schema(value_type = Uuid)]
    pub product_id: ProductId,
    #[schema(example = "TEA-EG-250")]
    pub sku: String,
    #[schema(example = "Earl Grey, 250 g")]
    pub name: String,
    #[schema(value_type = String, example = "24")]
    pub quantity: Quantity,
    /// What a unit costs; null if nothing was agreed, and for whoever may not see costs.
    #[schema(value_type = Option<String>, example = "7.25")]
    pub unit_cost: Option<UnitPrice>,
    /// Where the line has another day than the order; null otherwise.
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub expected_on: Option<BusinessDate>,
    /// What has come; perhaps more than was ordered.
    #[schema(value_type = String, example = "0")]
    pub received: Units,
}

impl From<&PurchaseLine> for PurchaseOrderLineView {
    fn from(line: &PurchaseLine) -> Self {
        Self {
            product_id: line.product_id,
            sku: line.sku.clone(),
            name: line.name.clone(),
            quantity: line.quantity.clone(),
            unit_cost: line.unit_cost.clone(),
            expected_on: line.expected_on,
            received: line.received.clone(),
        }
    }
}

impl PurchaseOrderView {
    pub(super) fn of(order: &PurchaseOrder) -> Self {
        Self {
            id: order.id,
            version: order.version,
            reference: order.reference.as_ref().map(|reference| reference.as_str().to_owned()),
            supplier_id: order.supplier_id,
            warehouse_id: order.warehouse_id,
            state: order.state,
            ordered_on: order.ordered_on,
            expected_on: order.expected_on,
            lines: order.lines.iter().map(PurchaseOrderLineView::from).collect(),
            created_at: order.created_at,
            updated_at: order.updated_at,
        }
    }

    /// The view as this principal may see it.
    #[must_use]
    pub fn seen_by(mut self, principal: &Principal) -> Self {
        if !principal.may(Permission::StockCosts) {
            self.lines.iter_mut().for_each(|line| line.unit_cost = None);
        }
        self
    }
}

impl PurchaseOrderSummary {
    fn of_row(row: PurchaseOrderRow) -> Result<Self, Error> {
        Ok(Self {
            id: PurchaseOrderId::from_uuid(row.id),
            version: row.version,
            reference: row.reference,
            supplier_id: SupplierId::from_uuid(row.supplier_id),
            warehouse_id: WarehouseId::from_uuid(row.warehouse_id),
            state: state(&row.state)?,
            ordered_on: BusinessDate::stored(row.ordered_on),
            expected_on: row.expected_on.map(BusinessDate::stored),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurchaseOrderSort {
    CreatedAt,
    UpdatedAt,
}

impl SortKey for PurchaseOrderSort {
    const NAMES: &'static [(&'static str, Self)] =
        &[("created_at", Self::CreatedAt), ("updated_at", Self::UpdatedAt)];
    const DEFAULT: &'static str = "-created_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<PurchaseOrderSort> for PurchaseOrderSummary {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, key: PurchaseOrderSort) -> SortValue {
        match key {
            PurchaseOrderSort::CreatedAt => self.created_at.into(),
            PurchaseOrderSort::UpdatedAt => self.updated_at.into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct PurchaseOrderFilter {
    /// Purchase orders in one of these states; empty for all.
    pub states: Vec<PurchaseOrderState>,
    pub supplier_id: Option<SupplierId>,
    /// Expected before this day.
    pub expected_before: Option<BusinessDate>,
    pub selection: Selection,
}

type Rows<'a> = purchase_orders::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<PurchaseOrderRow, Pg>>>;
type Condition<'a> = Filter<'a, purchase_orders::table>;

impl<'q> Filtered<'q> for PurchaseOrderFilter {
    type Sort = PurchaseOrderSort;
    type Table = purchase_orders::table;
    type Rows = Rows<'q>;
    type Row = PurchaseOrderRow;
    type View = PurchaseOrderSummary;
    const TABLE: &'static str = "purchase_orders";
    const SEARCH: &'static str = "search_purchase_orders";

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn of_tenant(tenant: Uuid) -> Rows<'q> {
        purchase_orders::table
            .filter(purchase_orders::tenant_id.eq(tenant))
            .select(PurchaseOrderRow::as_select())
            .into_boxed()
    }

    fn walk(
        &'q self,
        rows: Rows<'q>,
        request: &PageRequest<PurchaseOrderSort>,
        branch: Option<usize>,
    ) -> Rows<'q> {
        use purchase_orders::{created_at, id, state, supplier_id, updated_at};
        let Selection { created, updated, .. } = self.selection;
        let start = match request.key {
            PurchaseOrderSort::CreatedAt => request.times().within(created),
            PurchaseOrderSort::UpdatedAt => {
                return walk!(rows, request.times().within(updated), [], updated_at, id);
            }
        };
        let Some(branch) = branch else { return walk!(rows, start, [], created_at, id) };
        let wanted = self.states.get(branch).copied().map(PurchaseOrderState::as_str);
        match (self.supplier_id.map(SupplierId::uuid), wanted) {
            (Some(supplier), _) => walk!(rows, start, [supplier_id => supplier], created_at, id),
            (None, Some(wanted)) => walk!(rows, start, [state => wanted], created_at, id),
            (None, None) => walk!(rows, start, [], created_at, id),
        }
    }

    fn branches(&self) -> usize {
        self.states.len().max(1)
    }

    fn is_served(&self, key: PurchaseOrderSort) -> bool {
        let Selection { created, updated, .. } = &self.selection;
        // Each has its index, and both together have none: a supplier has few purchase orders, and few are open.
        let alone = self.supplier_id.is_none() || self.states.is_empty();
        let by_neither = self.supplier_id.is_none() && self.states.is_empty();
        self.expected_before.is_none()
            && match key {
                PurchaseOrderSort::CreatedAt => alone && updated.is_open(),
                PurchaseOrderSort::UpdatedAt => by_neither && created.is_open(),
            }
    }

    fn conditions(&'q self, branch: Option<usize>) -> Vec<Condition<'q>> {
        use purchase_orders::{created_at, expected_on, state, supplier_id, updated_at};
        let mut conditions: Vec<Condition<'q>> = Vec::new();
        if let Some(supplier) = self.supplier_id {
            conditions.push(Box::new(supplier_id.eq(supplier.uuid())));
        }
        if let Some(wanted) = branch.and_then(|branch| self.states.get(branch)) {
            conditions.push(Box::new(state.eq(wanted.as_str())));
        } else if !self.states.is_empty() {
            conditions
                .push(Box::new(state.eq_any(self.states.iter().copied().map(PurchaseOrderState::as_str))));
        }
        if let Some(before) = self.expected_before {
            conditions.push(Box::new(expected_on.assume_not_null().lt(before.date())));
        }
        within(&mut conditions, updated_at, self.selection.updated);
        within(&mut conditions, created_at, self.selection.created);
        conditions
    }

    fn column(key: PurchaseOrderSort) -> &'static str {
        match key {
            PurchaseOrderSort::CreatedAt => purchase_orders::created_at::NAME,
            PurchaseOrderSort::UpdatedAt => purchase_orders::updated_at::NAME,
        }
    }

    fn among(ids: Vec<Uuid>) -> Condition<'q> {
        Box::new(purchase_orders::id.eq_any(ids))
    }

    fn with_words(words: &'q str) -> Condition<'q> {
        let row = "purchase_order_words(tenant_id, reference) @@ (SELECT comptoir_search(";
        Box::new(sql::<Bool>(row).bind::<Text, _>(words).sql("))"))
    }

    fn period(&self, key: PurchaseOrderSort) -> Option<Period> {
        Some(match key {
            PurchaseOrderSort::CreatedAt => self.selection.created,
            PurchaseOrderSort::UpdatedAt => self.selection.updated,
        })
    }

    fn view(row: PurchaseOrderRow) -> Result<PurchaseOrderSummary, Error> {
        PurchaseOrderSummary::of_row(row)
    }
}

/// # Errors
/// `NotFound` if the tenant has no such purchase order. Fails if the database cannot be reached.
pub async fn get(
    db: &TenantDatabase,
    context: &RequestContext,
    id: PurchaseOrderId,
) -> Result<PurchaseOrderView, Error> {
    let key = (context.tenant_id().uuid(), id.uuid());
    let (row, lines): (Option<PurchaseOrderRow>, Vec<PurchaseLineRow>) = db
        .read(context, async |connection| {
            let (mut one, mut other) = (connection, connection);
            let order =
                purchase_orders::table.find(key).select(PurchaseOrderRow::as_select()).first(&mut one);
            let of_order = purchase_order_lines::tenant_id
                .eq(key.0)
                .and(purchase_order_lines::purchase_order_id.eq(key.1));
            let lines = purchase_order_lines::table
                .filter(of_order)
                .order(purchase_order_lines::position)
                .select(PurchaseLineRow::as_select())
                .load(&mut other);
            let (order, lines) = futures::join!(order, lines);
            Ok((order.optional()?, lines?))
        })
        .await?;
    let order = row.ok_or(PurchaseOrderError::NotFound(id))?.into_order(lines)?;
    Ok(PurchaseOrderView::of(&order).seen_by(&context.principal))
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &PurchaseOrderFilter,
    request: &PageRequest<PurchaseOrderSort>,
) -> Result<Page<PurchaseOrderSummary>, Error> {
    db.list(context, filter, request).await
}
