//! The queries on locations.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{Location, LocationError};
use super::repository::LocationRow;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::listing::{Filtered, Selection, within};
use crate::platform::paging::{Filter, Listed, Page, PageRequest, Period, SortKey, SortValue, walk};
use crate::platform::schema::locations;
use crate::values::ids::{LocationId, WarehouseId};

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Location)]
pub struct LocationView {
    #[schema(value_type = Uuid)]
    pub id: LocationId,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// The warehouse that it is in; it never changes.
    #[schema(value_type = Uuid)]
    pub warehouse_id: WarehouseId,
    /// What your own system calls it; null if it was not given.
    pub external_id: Option<String>,
    #[schema(example = "A-01-3")]
    pub code: String,
    #[schema(example = "Aisle A, bay 1, shelf 3")]
    pub name: Option<String>,
    /// When it was taken out of use; null while it is in use.
    pub archived_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<Location> for LocationView {
    fn from(location: Location) -> Self {
        let Location { id, version, warehouse_id, details, archived_at, created_at, updated_at } = location;
        Self {
            id,
            version,
            warehouse_id,
            external_id: details.external_id.map(Into::into),
            code: details.code.into(),
            name: details.name.map(Into::into),
            archived_at,
            created_at,
            updated_at,
        }
    }
}

impl LocationView {
    pub(super) fn of(location: &Location) -> Self {
        Self::from(location.clone())
    }

    fn of_row(row: LocationRow) -> Self {
        row.into_location().into()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocationSort {
    Code,
    CreatedAt,
    UpdatedAt,
}

impl SortKey for LocationSort {
    const NAMES: &'static [(&'static str, Self)] =
        &[("code", Self::Code), ("created_at", Self::CreatedAt), ("updated_at", Self::UpdatedAt)];
    const DEFAULT: &'static str = "code";

    fn is_time(self) -> bool {
        matches!(self, Self::CreatedAt | Self::UpdatedAt)
    }
}

impl Listed<LocationSort> for LocationView {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, key: LocationSort) -> SortValue {
        match key {
            LocationSort::Code => self.code.as_str().into(),
            LocationSort::CreatedAt => self.created_at.into(),
            LocationSort::UpdatedAt => self.updated_at.into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct LocationFilter {
    pub warehouse_id: Option<WarehouseId>,
    /// `true` for archived locations only, `false` for those in use only.
    pub archived: Option<bool>,
    pub selection: Selection,
}

type Rows<'a> = locations::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<LocationRow, Pg>>>;
type Condition<'a> = Filter<'a, locations::table>;

impl<'q> Filtered<'q> for LocationFilter {
    type Sort = LocationSort;
    type Table = locations::table;
    type Rows = Rows<'q>;
    type Row = LocationRow;
    type View = LocationView;
    const TABLE: &'static str = "locations";
    const SEARCH: &'static str = "search_locations";

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn of_tenant(tenant: Uuid) -> Rows<'q> {
        locations::table.filter(locations::tenant_id.eq(tenant)).select(LocationRow::as_select()).into_boxed()
    }

    fn walk(
        &'q self,
        mut rows: Rows<'q>,
        request: &PageRequest<LocationSort>,
        branch: Option<usize>,
    ) -> Rows<'q> {
        use locations::{archived_at, code, created_at, external_id, id, updated_at, warehouse_id};
        let mut warehouse = None;
        if branch.is_some() {
            match &self.selection.external_id {
                // What is unique is found by its own index.
                Some(wanted) => rows = rows.filter(external_id.eq(wanted)),
                None => warehouse = self.warehouse_id.map(WarehouseId::uuid),
            }
            rows = match self.archived {
                Some(true) => rows.filter(archived_at.is_not_null()),
                Some(false) => rows.filter(archived_at.is_null()),
                None => rows,
            };
        }
        let Selection { created, updated, .. } = self.selection;
        match (request.key, warehouse) {
            (LocationSort::Code, Some(warehouse)) => {
                walk!(rows, request.texts(), [warehouse_id => warehouse], code, id)
            }
            (LocationSort::Code, None) => walk!(rows, request.texts(), [], code, id),
            (LocationSort::CreatedAt, Some(warehouse)) => {
                let start = request.times().within(created);
                walk!(rows, start, [warehouse_id => warehouse], created_at, id)
            }
            (LocationSort::CreatedAt, None) => {
                walk!(rows, request.times().within(created), [], created_at, id)
            }
            (LocationSort::UpdatedAt, _) => {
                walk!(rows, request.times().within(updated), [], updated_at, id)
            }
        }
    }

    fn is_served(&self, key: LocationSort) -> bool {
        let Selection { external_id, created, updated, .. } = &self.selection;
        let in_order = match (self.warehouse_id, self.archived) {
            (None, None) => true,
            // There is no index of these by the time of the last change.
            (Some(_), _) => key != LocationSort::UpdatedAt,
            (None, Some(_)) => false,
        };
        let in_period = (created.is_open() || key == LocationSort::CreatedAt)
            && (updated.is_open() || key == LocationSort::UpdatedAt);
        external_id.is_some() || (in_order && in_period)
    }

    fn conditions(&'q self, _: Option<usize>) -> Vec<Condition<'q>> {
        use locations::{archived_at, created_at, external_id, updated_at, warehouse_id};
        let mut conditions: Vec<Condition<'q>> = Vec::new();
        if let Some(wanted) = &self.selection.external_id {
            conditions.push(Box::new(external_id.assume_not_null().eq(wanted)));
        }
        if let Some(warehouse) = self.warehouse_id {
            conditions.push(Box::new(warehouse_id.eq(warehouse.uuid())));
        }
        match self.archived {
            Some(true) => conditions.push(Box::new(archived_at.is_not_null())),
            Some(false) => conditions.push(Box::new(archived_at.is_null())),
            None => {}
        }
        within(&mut conditions, created_at, self.selection.created);
        within(&mut conditions, updated_at, self.selection.updated);
        conditions
    }

    fn column(key: LocationSort) -> &'static str {
        match key {
            LocationSort::Code => locations::code::NAME,
            LocationSort::CreatedAt => locations::created_at::NAME,
            LocationSort::UpdatedAt => locations::updated_at::NAME,
        }
    }

    fn among(ids: Vec<Uuid>) -> Condition<'q> {
        Box::new(locations::id.eq_any(ids))
    }

    fn with_words(words: &'q str) -> Condition<'q> {
        let row = "location_words(tenant_id, code, external_id, name) @@ (SELECT comptoir_search(";
        Box::new(sql::<Bool>(row).bind::<Text, _>(words).sql("))"))
    }

    fn period(&self, key: LocationSort) -> Option<Period> {
        match key {
            LocationSort::CreatedAt => Some(self.selection.created),
            LocationSort::UpdatedAt => Some(self.selection.updated),
            LocationSort::Code => None,
        }
    }

    fn view(row: LocationRow) -> Result<LocationView, Error> {
        Ok(LocationView::of_row(row))
    }
}

/// # Errors
/// `NotFound` if the tenant has no such location. Fails if the database cannot be reached.
pub async fn get(
    db: &TenantDatabase,
    context: &RequestContext,
    id: LocationId,
) -> Result<LocationView, Error> {
    let query =
        || locations::table.find((context.tenant_id().uuid(), id.uuid())).select(LocationRow::as_select());
    let row: Option<LocationRow> = db.find(context, query).await?;
    Ok(LocationView::of_row(row.ok_or(LocationError::NotFound(id))?))
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &LocationFilter,
    request: &PageRequest<LocationSort>,
) -> Result<Page<LocationView>, Error> {
    db.list(context, filter, request).await
}
