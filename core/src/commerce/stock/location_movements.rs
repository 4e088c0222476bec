//! What was put into locations and taken out of them, as it is read: how much, why, and who said so.

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::DocumentType;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::listing::within;
use crate::platform::paging::{
    Filter, Listed, Matching, Page, PageRequest, Period, SortKey, SortValue, Start, look_through, walk,
};
use crate::platform::schema::stock_location_movements;
use crate::values::goods::{Units, UnitsChange};
use crate::values::ids::{LocationId, ProductId};

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = stock_location_movements)]
struct MovementRow {
    id: Uuid,
    stock_id: Uuid,
    location_id: Uuid,
    warehouse_id: Uuid,
    product_id: Uuid,
    change: BigDecimal,
    on_hand: BigDecimal,
    reason: Option<String>,
    document_type: String,
    document_id: Uuid,
    document_line: Option<i16>,
    actor_type: String,
    actor_id: Option<Uuid>,
    actor_name: String,
    correlation_id: String,
    business_date: NaiveDate,
    recorded_at: DateTime<Utc>,
}

/// How what lies in a location changed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StockLocationMovement)]
pub struct LocationMovementView {
    pub id: Uuid,
    pub stock_id: Uuid,
    pub warehouse_id: Uuid,
    pub product_id: Uuid,
    pub location_id: Uuid,
    /// How what lies there changed.
    #[schema(value_type = String, example = "-2")]
    pub change: UnitsChange,
    /// What lay there afterwards.
    #[schema(value_type = String, example = "18")]
    pub on_hand: Units,
    pub reason: Option<String>,
    pub document_type: DocumentType,
    pub document_id: Uuid,
    /// The line of the document; counts from 1.
    pub document_line: Option<i16>,
    /// `user`, `api_key` or `operator`.
    #[schema(example = "user")]
    pub actor_type: String,
    pub actor_id: Option<Uuid>,
    #[schema(example = "bob@carmes.example")]
    pub actor_name: String,
    #[schema(example = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0c")]
    pub correlation_id: String,
    /// When it was, as the business counts.
    pub business_date: NaiveDate,
    /// When it was entered.
    pub recorded_at: DateTime<Utc>,
}

impl LocationMovementView {
    fn of(row: MovementRow) -> Result<Self, Error> {
        let document_type = DocumentType::from_name(&row.document_type)
            .ok_or_else(|| Error::Stored { what: "a kind of document", value: row.document_type.clone() })?;
        Ok(Self {
            id: row.id,
            stock_id: row.stock_id,
            warehouse_id: row.warehouse_id,
            product_id: row.product_id,
            location_id: row.location_id,
            change: UnitsChange::stored(row.change),
            on_hand: Units::stored(row.on_hand),
            reason: row.reason,
            document_type,
            document_id: row.document_id,
            document_line: row.document_line,
            actor_type: row.actor_type,
            actor_id: row.actor_id,
            actor_name: row.actor_name,
            correlation_id: row.correlation_id,
            business_date: row.business_date,
            recorded_at: row.recorded_at,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocationMovementSort {
    RecordedAt,
}

impl SortKey for LocationMovementSort {
    const NAMES: &'static [(&'static str, Self)] = &[("recorded_at", Self::RecordedAt)];
    const DEFAULT: &'static str = "-recorded_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<LocationMovementSort> for LocationMovementView {
    fn id(&self) -> Uuid {
        self.id
    }

    fn sort_value(&self, _: LocationMovementSort) -> SortValue {
        self.recorded_at.into()
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct LocationMovementFilter {
    pub recorded: Period,
    pub location_id: Option<LocationId>,
    pub product_id: Option<ProductId>,
    pub document_id: Option<Uuid>,
}

type Rows<'a> = stock_location_movements::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<MovementRow, Pg>>>;

impl LocationMovementFilter {
    /// Whether one index serves the filters: each has its own.
    fn is_served(&self) -> bool {
        let given = [self.document_id.is_some(), self.location_id.is_some(), self.product_id.is_some()];
        given.into_iter().filter(|is_given| *is_given).count() <= 1
    }

    fn walk(&self, context: &RequestContext, start: Start<DateTime<Utc>>) -> Rows<'_> {
        use stock_location_movements::{document_id, id, location_id, product_id, recorded_at, tenant_id};
        let start = start.within(self.recorded);
        let of_tenant = tenant_id.eq(context.tenant_id().uuid());
        let query =
            stock_location_movements::table.filter(of_tenant).select(MovementRow::as_select()).into_boxed();
        let (location, product) =
            (self.location_id.map(LocationId::uuid), self.product_id.map(ProductId::uuid));
        match (self.document_id, location, product) {
            (Some(document), _, _) => walk!(query, start, [document_id => document], recorded_at, id),
            (None, Some(location), _) => walk!(query, start, [location_id => location], recorded_at, id),
            (None, None, Some(product)) => walk!(query, start, [product_id => product], recorded_at, id),
            (None, None, None) => walk!(query, start, [], recorded_at, id),
        }
    }

    /// Whether matching rows may follow this one, at which the walk along the index stopped.
    fn leads_to(&self, row: &LocationMovementView) -> bool {
        self.recorded.contains(row.recorded_at)
            && match (self.document_id, self.location_id, self.product_id) {
                (Some(document), _, _) => row.document_id == document,
                (None, Some(location), _) => row.location_id == location.uuid(),
                (None, None, Some(product)) => row.product_id == product.uuid(),
                (None, None, None) => true,
            }
    }

    fn matching<'a>(
        &'a self,
        looked_at: Rows<'a>,
        limit: i64,
    ) -> Matching<'a, Rows<'a>, stock_location_movements::table> {
        use stock_location_movements::{document_id, location_id, product_id, recorded_at};
        let mut filters: Vec<Filter<'_, stock_location_movements::table>> = Vec::new();
        within(&mut filters, recorded_at, self.recorded);
        if let Some(document) = self.document_id {
            filters.push(Box::new(document_id.eq(document)));
        }
        if let Some(location) = self.location_id {
            filters.push(Box::new(location_id.eq(location.uuid())));
        }
        if let Some(product) = self.product_id {
            filters.push(Box::new(product_id.eq(product.uuid())));
        }
        Matching::of(looked_at, "stock_location_movements", filters, limit)
    }
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn location_movements(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &LocationMovementFilter,
    request: &PageRequest<LocationMovementSort>,
) -> Result<Page<LocationMovementView>, Error> {
    let (last, rows): (Option<MovementRow>, Vec<MovementRow>) = db
        .read(context, async |mut connection| {
            let walk = || filter.walk(context, request.times());
            let matching = |looked_at, limit| filter.matching(looked_at, limit);
            if filter.is_served() {
                let rows = matching(walk().limit(request.rows()), request.rows());
                return Ok((None, rows.load(&mut connection).await?));
            }
            Ok(look_through!(connection, request, walk, matching))
        })
        .await?;
    let edge = last.map(LocationMovementView::of).transpose()?.filter(|last| filter.leads_to(last));
    let views: Result<Vec<_>, Error> = rows.into_iter().map(LocationMovementView::of).collect();
    Ok(request.page_up_to(edge, views?))
}
