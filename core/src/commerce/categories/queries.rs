//! The queries on categories.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{Category, CategoryError};
use super::repository::{Below, CategoryRow};
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::listing::{Filtered, Selection, within};
use crate::platform::paging::{Filter, Listed, Page, PageRequest, Period, SortKey, SortValue, walk};
use crate::platform::schema::categories;
use crate::values::ids::CategoryId;

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Category)]
pub struct CategoryView {
    #[schema(value_type = Uuid)]
    pub id: CategoryId,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// What your own system calls it; null if it was not given.
    pub external_id: Option<String>,
    #[schema(example = "TEA-BLACK")]
    pub code: String,
    #[schema(example = "Black teas")]
    pub name: String,
    /// The category in which it is; null at the top.
    #[schema(value_type = Option<Uuid>)]
    pub parent_id: Option<CategoryId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<Category> for CategoryView {
    fn from(category: Category) -> Self {
        let Category { id, version, details, created_at, updated_at } = category;
        Self {
            id,
            version,
            external_id: details.external_id.map(Into::into),
            code: details.code.into(),
            name: details.name.into(),
            parent_id: details.parent_id,
            created_at,
            updated_at,
        }
    }
}

impl CategoryView {
    pub(super) fn of(category: &Category) -> Self {
        Self::from(category.clone())
    }

    fn of_row(row: CategoryRow) -> Self {
        row.into_category().into()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CategorySort {
    Code,
    Name,
    CreatedAt,
    UpdatedAt,
}

impl SortKey for CategorySort {
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

impl Listed<CategorySort> for CategoryView {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, key: CategorySort) -> SortValue {
        match key {
            CategorySort::Code => self.code.as_str().into(),
            CategorySort::Name => self.name.as_str().into(),
            CategorySort::CreatedAt => self.created_at.into(),
            CategorySort::UpdatedAt => self.updated_at.into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct CategoryFilter {
    pub code: Option<String>,
    /// Those that are directly in this one.
    pub parent_id: Option<CategoryId>,
    /// `true` for those at the top only, `false` for those that are in another only.
    pub top: Option<bool>,
    pub selection: Selection,
}

type Rows<'a> = categories::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<CategoryRow, Pg>>>;
type Condition<'a> = Filter<'a, categories::table>;

impl<'q> Filtered<'q> for CategoryFilter {
    type Sort = CategorySort;
    type Table = categories::table;
    type Rows = Rows<'q>;
    type Row = CategoryRow;
    type View = CategoryView;
    const TABLE: &'static str = "categories";
    const SEARCH: &'static str = "search_categories";

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn of_tenant(tenant: Uuid) -> Rows<'q> {
        categories::table
            .filter(categories::tenant_id.eq(tenant))
            .select(CategoryRow::as_select())
            .into_boxed()
    }

    fn walk(
        &'q self,
        mut rows: Rows<'q>,
        request: &PageRequest<CategorySort>,
        branch: Option<usize>,
    ) -> Rows<'q> {
        use categories::{code, created_at, external_id, id, name, updated_at};
        if branch.is_some() {
            // What is unique is found by its own index.
            if let Some(wanted) = &self.code {
                rows = rows.filter(code.eq(wanted));
            }
            if let Some(wanted) = &self.selection.external_id {
                rows = rows.filter(external_id.eq(wanted));
            }
        }
        let Selection { created, updated, .. } = self.selection;
        match request.key {
            CategorySort::Code => walk!(rows, request.texts(), [], code, id),
            CategorySort::Name => walk!(rows, request.texts(), [], name, id),
            CategorySort::CreatedAt => walk!(rows, request.times().within(created), [], created_at, id),
            CategorySort::UpdatedAt => walk!(rows, request.times().within(updated), [], updated_at, id),
        }
    }

    fn is_served(&self, key: CategorySort) -> bool {
        let Selection { external_id, created, updated, .. } = &self.selection;
        let in_period = (created.is_open() || key == CategorySort::CreatedAt)
            && (updated.is_open() || key == CategorySort::UpdatedAt);
        let in_tree = self.parent_id.is_some() || self.top.is_some();
        self.code.is_some() || external_id.is_some() || (in_period && !in_tree)
    }

    fn conditions(&'q self, _: Option<usize>) -> Vec<Condition<'q>> {
        use categories::{code, created_at, external_id, parent_id, updated_at};
        let mut conditions: Vec<Condition<'q>> = Vec::new();
        if let Some(wanted) = &self.code {
            conditions.push(Box::new(code.eq(wanted)));
        }
        if let Some(wanted) = &self.selection.external_id {
            conditions.push(Box::new(external_id.assume_not_null().eq(wanted)));
        }
        if let Some(parent) = self.parent_id {
            conditions.push(Box::new(parent_id.assume_not_null().eq(parent.uuid())));
        }
        match self.top {
            Some(true) => conditions.push(Box::new(parent_id.is_null())),
            Some(false) => conditions.push(Box::new(parent_id.is_not_null())),
            None => {}
        }
        within(&mut conditions, created_at, self.selection.created);
        within(&mut conditions, updated_at, self.selection.updated);
        conditions
    }

    fn column(key: CategorySort) -> &'static str {
        match key {
            CategorySort::Code => categories::code::NAME,
            CategorySort::Name => categories::name::NAME,
            CategorySort::CreatedAt => categories::created_at::NAME,
            CategorySort::UpdatedAt => categories::updated_at::NAME,
        }
    }

    fn among(ids: Vec<Uuid>) -> Condition<'q> {
        Box::new(categories::id.eq_any(ids))
    }

    fn with_words(words: &'q str) -> Condition<'q> {
        let row = "category_words(tenant_id, code, external_id, name) @@ (SELECT comptoir_search(";
        Box::new(sql::<Bool>(row).bind::<Text, _>(words).sql("))"))
    }

    fn period(&self, key: CategorySort) -> Option<Period> {
        match key {
            CategorySort::CreatedAt => Some(self.selection.created),
            CategorySort::UpdatedAt => Some(self.selection.updated),
            CategorySort::Code | CategorySort::Name => None,
        }
    }

    fn view(row: CategoryRow) -> Result<CategoryView, Error> {
        Ok(CategoryView::of_row(row))
    }
}

/// # Errors
/// `NotFound` if the tenant has no such category. Fails if the database cannot be reached.
pub async fn get(
    db: &TenantDatabase,
    context: &RequestContext,
    id: CategoryId,
) -> Result<CategoryView, Error> {
    let query =
        || categories::table.find((context.tenant_id().uuid(), id.uuid())).select(CategoryRow::as_select());
    let row: Option<CategoryRow> = db.find(context, query).await?;
    Ok(CategoryView::of_row(row.ok_or(CategoryError::NotFound(id))?))
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &CategoryFilter,
    request: &PageRequest<CategorySort>,
) -> Result<Page<CategoryView>, Error> {
    db.list(context, filter, request).await
}

/// Returns the ids of a category and of all that are below it; none if there is no such category.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn subtree(
    db: &TenantDatabase,
    context: &RequestContext,
    id: CategoryId,
) -> Result<Vec<Uuid>, Error> {
    let found: Vec<(Uuid, i32)> = db
        .read(context, async |mut connection| {
            Ok(Below::new(context.tenant_id().uuid(), &[id.uuid()]).load(&mut connection).await?)
        })
        .await?;
    Ok(found.into_iter().map(|(id, _)| id).collect())
}
