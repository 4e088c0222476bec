//! The queries on stock documents.

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{PostedLine, StockDocument, StockDocumentError, StockDocumentKind};
use super::repository::StockDocumentRow;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::{Permission, Principal, TenantDatabase};
use crate::platform::paging::{Listed, Page, PageRequest, SortKey, SortValue, walk};
use crate::platform::schema::{stock_documents, stock_levels, stock_movements};
use crate::values::business_date::BusinessDate;
use crate::values::goods::UnitsChange;
use crate::values::ids::{ProductId, PurchaseOrderId, StockDocumentId, SupplierId, WarehouseId};
use crate::values::money::UnitPrice;

/// A document that moved goods, without its lines.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StockDocumentSummary)]
pub struct StockDocumentSummary {
    #[schema(value_type = Uuid)]
    pub id: StockDocumentId,
    pub kind: StockDocumentKind,
    #[schema(value_type = Uuid)]
    pub warehouse_id: WarehouseId,
    /// Of a transfer: where the goods went; null otherwise.
    #[schema(value_type = Option<Uuid>)]
    pub to_warehouse_id: Option<WarehouseId>,
    #[schema(value_type = Option<Uuid>)]
    pub supplier_id: Option<SupplierId>,
    /// Of a receipt: the purchase order by which the goods were ordered; null if none was named.
    #[schema(value_type = Option<Uuid>)]
    pub purchase_order_id: Option<PurchaseOrderId>,
    pub reference: Option<String>,
    pub reason: Option<String>,
    /// When it was, as the business counts.
    #[schema(value_type = chrono::NaiveDate)]
    pub business_date: BusinessDate,
    #[schema(example = "bob@carmes.example")]
    pub created_by: String,
    pub created_at: DateTime<Utc>,
}

/// A document that moved goods.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StockDocument)]
pub struct StockDocumentView {
    #[serde(flatten)]
    pub summary: StockDocumentSummary,
    pub lines: Vec<StockDocumentLine>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StockDocumentLine)]
pub struct StockDocumentLine {
    #[schema(value_type = Uuid)]
    pub product_id: ProductId,
    #[schema(example = "TEA-EG-250")]
    pub sku: String,
    #[schema(example = "Earl Grey, 250 g")]
    pub name: String,
    /// How what is on hand changed; of a transfer, where the goods were before.
    #[schema(value_type = String, example = "24")]
    pub change: UnitsChange,
    /// What a unit cost; null for whoever may not see costs.
    #[schema(value_type = Option<String>, example = "7.25")]
    pub unit_cost: Option<UnitPrice>,
}

impl From<&PostedLine> for StockDocumentLine {
    fn from(line: &PostedLine) -> Self {
        Self {
            product_id: line.product_id,
            sku: line.sku.clone(),
            name: line.name.clone(),
            change: line.change.clone(),
            unit_cost: Some(line.unit_cost.clone()),
        }
    }
}

impl StockDocumentView {
    pub(super) fn of(document: &StockDocument) -> Self {
        let summary = StockDocumentSummary {
            id: document.id,
            kind: document.kind,
            warehouse_id: document.warehouse_id,
            to_warehouse_id: document.to_warehouse_id,
            supplier_id: document.supplier_id,
            purchase_order_id: document.purchase_order_id,
            reference: document.reference.as_ref().map(|reference| reference.as_str().to_owned()),
            reason: document.reason.as_ref().map(|reason| reason.as_str().to_owned()),
            business_date: document.business_date,
            created_by: document.created_by.clone(),
            created_at: document.created_at,
        };
        Self { summary, lines: document.lines.iter().map(StockDocumentLine::from).collect() }
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

impl StockDocumentSummary {
    fn of_row(row: StockDocumentRow) -> Result<Self, Error> {
        let kind = StockDocumentKind::from_name(&row.kind)
            .ok_or_else(|| Error::Stored { what: "a kind of stock document", value: row.kind.clone() })?;
        Ok(Self {
            id: StockDocumentId::from_uuid(row.id),
            kind,
            warehouse_id: WarehouseId::from_uuid(row.warehouse_id),
            to_warehouse_id: row.to_warehouse_id.map(WarehouseId::from_uuid),
            supplier_id: row.supplier_id.map(SupplierId::from_uuid),
            purchase_order_id: row.purchase_order_id.map(PurchaseOrderId::from_uuid),
            reference: row.reference,
            reason: row.reason,
            business_date: BusinessDate::stored(row.business_date),
            created_by: row.created_by,
            created_at: row.created_at,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockDocumentSort {
    CreatedAt,
}

impl SortKey for StockDocumentSort {
    const NAMES: &'static [(&'static str, Self)] = &[("created_at", Self::CreatedAt)];
    const DEFAULT: &'static str = "-created_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<StockDocumentSort> for StockDocumentSummary {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, _: StockDocumentSort) -> SortValue {
        self.created_at.into()
    }
}

#[derive(Debug, Clone, Default)]
pub struct StockDocumentFilter {
    pub kind: Option<StockDocumentKind>,
    pub reference: Option<String>,
}

type LineRow = (Uuid, String, String, BigDecimal, Option<BigDecimal>);

/// # Errors
/// `NotFound` if the tenant has no such document. Fails if the database cannot be reached.
pub async fn get(
    db: &TenantDatabase,
    context: &RequestContext,
    id: StockDocumentId,
) -> Result<StockDocumentView, Error> {
    let tenant = context.tenant_id().uuid();
    let (row, lines): (Option<StockDocumentRow>, Vec<LineRow>) = db
        .read(context, async |mut connection| {
            let row: Option<StockDocumentRow> = stock_documents::table
                .find((tenant, id.uuid()))
                .select(StockDocumentRow::as_select())
                .first(&mut connection)
                .await
                .optional()?;
            let Some(row) = row else { return Ok((None, Vec::new())) };
            let of_level = stock_levels::tenant_id
                .eq(stock_movements::tenant_id)
                .and(stock_levels::id.eq(stock_movements::stock_id));
            // A transfer has two movements for each line, one for each warehouse.
            let lines = stock_movements::table
                .inner_join(stock_levels::table.on(of_level))
                .filter(stock_movements::tenant_id.eq(tenant).and(stock_movements::document_id.eq(id.uuid())))
                .filter(stock_movements::warehouse_id.eq(row.warehouse_id))
                .order(stock_movements::document_line)
                .select((
                    stock_movements::product_id,
                    stock_levels::sku,
                    stock_levels::name,
                    stock_movements::on_hand_change,
                    stock_movements::unit_cost,
                ))
                .load(&mut connection)
                .await?;
            Ok((Some(row), lines))
        })
        .await?;
    let summary = StockDocumentSummary::of_row(row.ok_or(StockDocumentError::NotFound(id))?)?;
    let line = |(product, sku, name, change, cost): LineRow| StockDocumentLine {
        product_id: ProductId::from_uuid(product),
        sku,
        name,
        change: UnitsChange::stored(change),
        unit_cost: cost.map(UnitPrice::stored),
    };
    let view = StockDocumentView { summary, lines: lines.into_iter().map(line).collect() };
    Ok(view.seen_by(&context.principal))
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &StockDocumentFilter,
    request: &PageRequest<StockDocumentSort>,
) -> Result<Page<StockDocumentSummary>, Error> {
    use stock_documents::{created_at, id, kind, reference, tenant_id};
    let query = || {
        let mut query = stock_documents::table
            .filter(tenant_id.eq(context.tenant_id().uuid()))
            .select(StockDocumentRow::as_select())
            .limit(request.rows())
            .into_boxed();
        if let Some(wanted) = filter.reference.clone() {
            // Few can match: one of each kind.
            let kinds = match filter.kind {
                Some(wanted) => vec![wanted.as_str()],
                None => StockDocumentKind::ALL.map(StockDocumentKind::as_str).to_vec(),
            };
            query = query.filter(kind.eq_any(kinds).and(reference.eq(wanted)));
            return walk!(query, request.times(), [], created_at, id);
        }
        if let Some(wanted) = filter.kind {
            query = query.filter(kind.eq(wanted.as_str()));
        }
        walk!(query, request.times(), [], created_at, id)
    };
    db.page(context, request, query, StockDocumentSummary::of_row).await
}
