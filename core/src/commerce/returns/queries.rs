//! The queries on returns.

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{BroughtBack, Return, ReturnError};
use super::repository::ReturnRow;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::platform::paging::{Listed, Page, PageRequest, SortKey, SortValue, walk};
use crate::platform::schema::{order_lines, return_lines, returns};
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{LocationId, OrderId, ProductId, ReturnId};

/// A return without its lines.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ReturnSummary)]
pub struct ReturnSummary {
    #[schema(value_type = Uuid)]
    pub id: ReturnId,
    #[schema(value_type = Uuid)]
    pub order_id: OrderId,
    pub reference: Option<String>,
    #[schema(example = "wrong size")]
    pub reason: String,
    /// When it came, as the business counts.
    #[schema(value_type = NaiveDate)]
    pub received_on: BusinessDate,
    #[schema(example = "bob@carmes.example")]
    pub created_by: String,
    pub created_at: DateTime<Utc>,
}

/// What came back of an order.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Return)]
pub struct ReturnView {
    #[serde(flatten)]
    pub summary: ReturnSummary,
    pub lines: Vec<ReturnLine>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ReturnLine)]
pub struct ReturnLine {
    /// Of the order's line; counts from 1.
    pub position: i16,
    #[schema(value_type = Uuid)]
    pub product_id: ProductId,
    #[schema(example = "TEA-EG-250")]
    pub sku: String,
    #[schema(example = "Earl Grey, 250 g")]
    pub name: String,
    /// What came back of it.
    #[schema(value_type = String, example = "1")]
    pub quantity: Units,
    /// Whether it can be sold again; otherwise it was written off.
    pub restocked: bool,
    pub reason: Option<String>,
    /// The location in which it was put; null if it was put in none.
    #[schema(value_type = Option<Uuid>)]
    pub location_id: Option<LocationId>,
}

impl From<&BroughtBack> for ReturnLine {
    fn from(line: &BroughtBack) -> Self {
        Self {
            position: line.position,
            product_id: line.product_id,
            sku: line.sku.clone(),
            name: line.name.clone(),
            quantity: line.quantity.clone(),
            restocked: line.restocked,
            reason: line.reason.as_ref().map(|reason| reason.as_str().to_owned()),
            location_id: line.location.as_ref().map(|location| location.id),
        }
    }
}

impl ReturnView {
    pub(super) fn of(received: &Return) -> Self {
        let summary = ReturnSummary {
            id: received.id,
            order_id: received.order_id,
            reference: received.reference.as_ref().map(|reference| reference.as_str().to_owned()),
            reason: received.reason.as_str().to_owned(),
            received_on: received.received_on,
            created_by: received.created_by.clone(),
            created_at: received.created_at,
        };
        Self { summary, lines: received.lines.iter().map(ReturnLine::from).collect() }
    }
}

impl From<ReturnRow> for ReturnSummary {
    fn from(row: ReturnRow) -> Self {
        Self {
            id: ReturnId::from_uuid(row.id),
            order_id: OrderId::from_uuid(row.order_id),
            reference: row.reference,
            reason: row.reason,
            received_on: BusinessDate::stored(row.received_on),
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnSort {
    CreatedAt,
}

impl SortKey for ReturnSort {
    const NAMES: &'static [(&'static str, Self)] = &[("created_at", Self::CreatedAt)];
    const DEFAULT: &'static str = "-created_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<ReturnSort> for ReturnSummary {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, _: ReturnSort) -> SortValue {
        self.created_at.into()
    }
}

#[derive(Debug, Clone, Default)]
pub struct ReturnFilter {
    pub order_id: Option<OrderId>,
}

type LineRow = (i16, Uuid, String, String, BigDecimal, bool, Option<String>, Option<Uuid>);

/// # Errors
/// `NotFound` if the tenant has no such return. Fails if the database cannot be reached.
pub async fn get(db: &TenantDatabase, context: &RequestContext, id: ReturnId) -> Result<ReturnView, Error> {
    let tenant = context.tenant_id().uuid();
    let (row, lines): (Option<ReturnRow>, Vec<LineRow>) = db
        .read(context, async |mut connection| {
            let row: Option<ReturnRow> = returns::table
                .find((tenant, id.uuid()))
                .select(ReturnRow::as_select())
                .first(&mut connection)
                .await
                .optional()?;
            let Some(row) = row else { return Ok((None, Vec::new())) };
            let of_line = order_lines::tenant_id
                .eq(return_lines::tenant_id)
                .and(order_lines::position.eq(return_lines::position));
            let lines = return_lines::table
                .inner_join(order_lines::table.on(of_line))
                .filter(return_lines::tenant_id.eq(tenant).and(return_lines::return_id.eq(row.id)))
                .filter(order_lines::order_id.eq(row.order_id))
                .order(return_lines::number)
                .select((
                    return_lines::position,
                    order_lines::product_id,
                    order_lines::sku,
                    order_lines::name,
                    return_lines::quantity,
                    return_lines::restocked,
                    return_lines::reason,
                    return_lines::location_id,
                ))
                .load(&mut connection)
                .await?;
            Ok((Some(row), lines))
        })
        .await?;
    let summary = ReturnSummary::from(row.ok_or(ReturnError::NotFound(id))?);
    let line = |(position, product, sku, name, quantity, restocked, reason, location): LineRow| ReturnLine {
        position,
        product_id: ProductId::from_uuid(product),
        sku,
        name,
        quantity: Units::stored(quantity),
        restocked,
        reason,
        location_id: location.map(LocationId::from_uuid),
    };
    Ok(ReturnView { summary, lines: lines.into_iter().map(line).collect() })
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &ReturnFilter,
    request: &PageRequest<ReturnSort>,
) -> Result<Page<ReturnSummary>, Error> {
    let query = || {
        let rows = returns::table
            .filter(returns::tenant_id.eq(context.tenant_id().uuid()))
            .select(ReturnRow::as_select())
            .limit(request.rows())
            .into_boxed();
        match filter.order_id.map(OrderId::uuid) {
            // An order has few.
            Some(order) => {
                let rows = rows.filter(returns::order_id.eq(order));
                walk!(rows, request.times(), [returns::order_id => order], returns::created_at, returns::id)
            }
            None => walk!(rows, request.times(), [], returns::created_at, returns::id),
        }
    };
    db.page(context, request, query, |row: ReturnRow| Ok(ReturnSummary::from(row))).await
}
