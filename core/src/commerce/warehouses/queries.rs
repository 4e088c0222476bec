//! The queries on warehouses.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{Warehouse, WarehouseError};
use super::repository::WarehouseRow;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::listing::{Filtered, Selection, within};
use crate::commerce::addresses;
use crate::platform::paging::{Filter, Listed, Page, PageRequest, Period, SortKey, SortValue, walk};
use crate::platform::schema::warehouses;
use crate::values::contact::PostalAddress;
use crate::values::ids::WarehouseId;

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Warehouse)]
pub struct WarehouseView {
    #[schema(value_type = Uuid)]
    pub id: WarehouseId,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// What your own system calls it; null if it was not given.
    pub external_id: Option<String>,
    #[schema(example = "MAIN")]
    pub code: String,
    #[schema(example = "Entrepôt principal")]
    pub name: String,
    #[schema(schema_with = addresses::postal_schema)]
    pub address: Option<PostalAddress>,
    /// Whether it is meant where no warehouse is named. One warehouse of a company is.
    pub is_default: bool,
    /// When it was closed for good; null while it is in use.
    pub archived_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<Warehouse> for WarehouseView {
    fn from(warehouse: Warehouse) -> Self {
        let Warehouse { id, version, details, is_default, archived_at, created_at, updated_at } = warehouse;
        Self {
            id,
            version,
            external_id: details.external_id.map(Into::into),
            code: details.code.into(),
            name: details.name.into(),
            address: details.address,
            is_default,
            archived_at,
            created_at,
            updated_at,
        }
    }
}

impl WarehouseView {
    pub(super) fn of(warehouse: &Warehouse) -> Self {
        Self::from(warehouse.clone())
    }

    fn of_row(row: WarehouseRow) -> Result<Self, Error> {
        row.into_warehouse().map(Self::from)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WarehouseSort {
    Code,
    Name,
    CreatedAt,
    UpdatedAt,
}

impl SortKey for WarehouseSort {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("code", Self::Code),
        ("name", Self::Name),
        ("created_at", Self::CreatedAt),
        ("updated_at", Self::UpdatedAt),
    ];
    const DEFAULT: &'static str = "code";

    fn is_time(self) -> bool {
        matches!(self, Self::CreatedAt | Self::UpdatedAt)
    }
}

impl Listed<WarehouseSort> for WarehouseView {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, key: WarehouseSort) -> SortValue {
        match key {
            WarehouseSort::Code => self.code.as_str().into(),
            WarehouseSort::Name => self.name.as_str().into(),
            WarehouseSort::CreatedAt => self.created_at.into(),
            WarehouseSort::UpdatedAt => self.updated_at.into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct WarehouseFilter {
    pub code: Option<String>,
    /// `true` for archived warehouses only, `false` for those in use only.
    pub archived: Option<bool>,
    pub selection: Selection,
}

type Rows<'a> = warehouses::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<WarehouseRow, Pg>>>;
type Condition<'a> = Filter<'a, warehouses::table>;

impl<'q> Filtered<'q> for WarehouseFilter {
    type Sort = WarehouseSort;
    type Table = warehouses::table;
    type Rows = Rows<'q>;
    type Row = WarehouseRow;
    type View = WarehouseView;
    const TABLE: &'static str = "warehouses";
    const SEARCH: &'static str = "search_warehouses";

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn of_tenant(tenant: Uuid) -> Rows<'q> {
        warehouses::table
            .filter(warehouses::tenant_id.eq(tenant))
            .select(WarehouseRow::as_select())
            .into_boxed()
    }

    fn walk(
        &'q self,
        mut rows: Rows<'q>,
        request: &PageRequest<WarehouseSort>,
        branch: Option<usize>,
    ) -> Rows<'q> {
        use warehouses::{archived_at, code, created_at, external_id, id, name, updated_at};
        if branch.is_some() {
            // What is unique is found by its own index.
            if let Some(wanted) = &self.code {
                rows = rows.filter(code.eq(wanted));
            }
            if let Some(wanted) = &self.selection.external_id {
                rows = rows.filter(external_id.eq(wanted));
            }
            rows = match self.archived {
                Some(true) => rows.filter(archived_at.is_not_null()),
                Some(false) => rows.filter(archived_at.is_null()),
                None => rows,
            };
        }
        let Selection { created, updated, .. } = self.selection;
        match request.key {
            WarehouseSort::Code => walk!(rows, request.texts(), [], code, id),
            WarehouseSort::Name => walk!(rows, request.texts(), [], name, id),
            WarehouseSort::CreatedAt => walk!(rows, request.times().within(created), [], created_at, id),
            WarehouseSort::UpdatedAt => walk!(rows, request.times().within(updated), [], updated_at, id),
        }
    }

    fn is_served(&self, key: WarehouseSort) -> bool {
        let Selection { external_id, created, updated, .. } = &self.selection;
        // There is no index of these by the time of the last change.
        let by_state = self.archived.is_none() || key != WarehouseSort::UpdatedAt;
        let in_period = (created.is_open() || key == WarehouseSort::CreatedAt)
            && (updated.is_open() || key == WarehouseSort::UpdatedAt);
        self.code.is_some() || external_id.is_some() || (by_state && in_period)
    }

    fn conditions(&'q self, _: Option<usize>) -> Vec<Condition<'q>> {
        use warehouses::{archived_at, code, created_at, external_id, updated_at};
        let mut conditions: Vec<Condition<'q>> = Vec::new();
        if let Some(wanted) = &self.code {
            conditions.push(Box::new(code.eq(wanted)));
        }
        if let Some(wanted) = &self.selection.external_id {
            conditions.push(Box::new(external_id.assume_not_null().eq(wanted)));
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

    fn column(key: WarehouseSort) -> &'static str {
        match key {
            WarehouseSort::Code => warehouses::code::NAME,
            WarehouseSort::Name => warehouses::name::NAME,
            WarehouseSort::CreatedAt => warehouses::created_at::NAME,
            WarehouseSort::UpdatedAt => warehouses::updated_at::NAME,
        }
    }

    fn among(ids: Vec<Uuid>) -> Condition<'q> {
        Box::new(warehouses::id.eq_any(ids))
    }

    fn with_words(words: &'q str) -> Condition<'q> {
        let row = "warehouse_words(tenant_id, code, external_id, name) @@ (SELECT comptoir_search(";
        Box::new(sql::<Bool>(row).bind::<Text, _>(words).sql("))"))
    }

    fn period(&self, key: WarehouseSort) -> Option<Period> {
        match key {
            WarehouseSort::CreatedAt => Some(self.selection.created),
            WarehouseSort::UpdatedAt => Some(self.selection.updated),
            WarehouseSort::Code | WarehouseSort::Name => None,
        }
    }

    fn view(row: WarehouseRow) -> Result<WarehouseView, Error> {
        WarehouseView::of_row(row)
    }
}

/// # Errors
/// `NotFound` if the tenant has no such warehouse. Fails if the database cannot be reached.
pub async fn get(
    db: &TenantDatabase,
    context: &RequestContext,
    id: WarehouseId,
) -> Result<WarehouseView, Error> {
    let query =
        || warehouses::table.find((context.tenant_id().uuid(), id.uuid())).select(WarehouseRow::as_select());
    let row: Option<WarehouseRow> = db.find(context, query).await?;
    WarehouseView::of_row(row.ok_or(WarehouseError::NotFound(id))?)
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &WarehouseFilter,
    request: &PageRequest<WarehouseSort>,
) -> Result<Page<WarehouseView>, Error> {
    db.list(context, filter, request).await
}
