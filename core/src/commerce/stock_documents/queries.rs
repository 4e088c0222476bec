//! The queries on stock documents.

use std::collections::BTreeMap;

use bigdecimal::{BigDecimal, Signed};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{PostedLine, PostedPlace, StockDocument, StockDocumentError, StockDocumentKind};
use super::repository::StockDocumentRow;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::{Permission, Principal, TenantDatabase};
use crate::platform::paging::{Listed, Page, PageRequest, SortKey, SortValue, walk};
use crate::platform::schema::{stock_documents, stock_levels, stock_location_movements, stock_movements};
use crate::values::business_date::BusinessDate;
use crate::values::goods::UnitsChange;
use crate::values::ids::{LocationId, ProductId, PurchaseOrderId, StockDocumentId, SupplierId, WarehouseId};
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
    /// What a unit cost; null for whoever may not see costs, and where what is on hand stayed as it was.
    #[schema(value_type = Option<String>, example = "7.25")]
    pub unit_cost: Option<UnitPrice>,
    /// Which locations goods were put into, or taken out of. What lay in no location, or lies in none, is not in it.
    pub places: Vec<LinePlace>,
}

/// How what lies in a location changed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StockDocumentLinePlace)]
pub struct LinePlace {
    #[schema(value_type = Uuid)]
    pub location_id: LocationId,
    #[schema(value_type = String, example = "-24")]
    pub change: UnitsChange,
}

impl From<&PostedPlace> for LinePlace {
    fn from(place: &PostedPlace) -> Self {
        Self { location_id: place.location_id, change: place.change.clone() }
    }
}

impl From<&PostedLine> for StockDocumentLine {
    fn from(line: &PostedLine) -> Self {
        Self {
            product_id: line.product_id,
            sku: line.sku.clone(),
            name: line.name.clone(),
            change: line.change.clone(),
            unit_cost: (!line.change.is_none()).then(|| line.unit_cost.clone()),
            places: line.places.iter().map(LinePlace::from).collect(),
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

/// The line's position, its product, how what is on hand changed, and what a unit cost.
type LineRow = (Option<i16>, Uuid, String, String, BigDecimal, Option<BigDecimal>);
/// The line's position, its product, a location, and how what lies there changed.
type LinePlaceRow = (Option<i16>, Uuid, String, String, Uuid, BigDecimal);

/// # Errors
/// `NotFound` if the tenant has no such document. Fails if the database cannot be reached.
pub async fn get(
    db: &TenantDatabase,
    context: &RequestContext,
    id: StockDocumentId,
) -> Result<StockDocumentView, Error> {
    let tenant = context.tenant_id().uuid();
    let (row, lines, places): (Option<StockDocumentRow>, Vec<LineRow>, Vec<LinePlaceRow>) = db
        .read(context, async |mut connection| {
            let row: Option<StockDocumentRow> = stock_documents::table
                .find((tenant, id.uuid()))
                .select(StockDocumentRow::as_select())
                .first(&mut connection)
                .await
                .optional()?;
            let Some(row) = row else { return Ok((None, Vec::new(), Vec::new())) };
            let of_level = stock_levels::tenant_id
                .eq(stock_movements::tenant_id)
                .and(stock_levels::id.eq(stock_movements::stock_id));
            // A transfer has two movements for each line, one for each warehouse.
            let lines = stock_movements::table
                .inner_join(stock_levels::table.on(of_level))
                .filter(stock_movements::tenant_id.eq(tenant).and(stock_movements::document_id.eq(id.uuid())))
                .filter(stock_movements::warehouse_id.eq(row.warehouse_id))
                .select((
                    stock_movements::document_line,
                    stock_movements::product_id,
                    stock_levels::sku,
                    stock_levels::name,
                    stock_movements::on_hand_change,
                    stock_movements::unit_cost,
                ))
                .load(&mut connection)
                .await?;
            let of_level = stock_levels::tenant_id
                .eq(stock_location_movements::tenant_id)
                .and(stock_levels::id.eq(stock_location_movements::stock_id));
            let places = stock_location_movements::table
                .inner_join(stock_levels::table.on(of_level))
                .filter(stock_location_movements::tenant_id.eq(tenant))
                .filter(stock_location_movements::document_id.eq(id.uuid()))
                .order(stock_location_movements::id)
                .select((
                    stock_location_movements::document_line,
                    stock_location_movements::product_id,
                    stock_levels::sku,
                    stock_levels::name,
                    stock_location_movements::location_id,
                    stock_location_movements::change,
                ))
                .load(&mut connection)
                .await?;
            Ok((Some(row), lines, places))
        })
        .await?;
    let summary = StockDocumentSummary::of_row(row.ok_or(StockDocumentError::NotFound(id))?)?;
    let mut by_position: BTreeMap<Option<i16>, StockDocumentLine> = BTreeMap::new();
    for (position, product, sku, name, change, cost) in lines {
        let line = StockDocumentLine {
            product_id: ProductId::from_uuid(product),
            sku,
            name,
            change: UnitsChange::stored(change),
            unit_cost: cost.map(UnitPrice::stored),
            places: Vec::new(),
        };
        by_position.insert(position, line);
    }
    for (position, product, sku, name, location, change) in places {
        // The lines of a relocation have no movement: what is on hand stayed as it was.
        let line = by_position.entry(position).or_insert_with(|| StockDocumentLine {
            product_id: ProductId::from_uuid(product),
            sku,
            name,
            change: UnitsChange::none(),
            unit_cost: None,
            places: Vec::new(),
        });
        let change = UnitsChange::stored(change);
        line.places.push(LinePlace { location_id: LocationId::from_uuid(location), change });
    }
    for line in by_position.values_mut() {
        // As when it was posted: from where first, and then to where. Those of one kind are in their order already.
        line.places.sort_by_key(|place| place.change.value().is_positive());
    }
    let view = StockDocumentView { summary, lines: by_position.into_values().collect() };
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
