//! Categories in the database, as commands read and write them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{Array, Integer, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::{Category, CategoryCode, CategoryDetails, CategoryError, CategoryName, Place};
use super::events::CategoryEvent;
use super::queries::CategoryView;
use crate::accounts::tenants;
use crate::application::Locked;
use crate::application::aggregate::{Aggregate, Creatable, Deletable, LockMode, find};
use crate::application::error::{Error, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::{categories, products};
use crate::values::external_id::ExternalId;
use crate::values::ids::{CategoryId, TenantId};

/// The constraints that make codes and external ids unique.
const CODE_KEY: &str = "categories_code_key";
const EXTERNAL_ID_KEY: &str = "categories_external_id_key";

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = categories, primary_key(tenant_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct CategoryRow {
    tenant_id: Uuid,
    id: Uuid,
    version: i64,
    external_id: Option<String>,
    code: String,
    name: String,
    parent_id: Option<Uuid>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl CategoryRow {
    fn of(tenant: TenantId, category: &Category) -> Self {
        let details = &category.details;
        Self {
            tenant_id: tenant.uuid(),
            id: category.id.uuid(),
            version: category.version,
            external_id: details.external_id.as_ref().map(|id| id.as_str().to_owned()),
            code: details.code.as_str().to_owned(),
            name: details.name.as_str().to_owned(),
            parent_id: details.parent_id.map(CategoryId::uuid),
            created_at: category.created_at,
            updated_at: category.updated_at,
        }
    }

    pub(super) fn into_category(self) -> Category {
        Category {
            id: CategoryId::from_uuid(self.id),
            version: self.version,
            details: CategoryDetails {
                external_id: self.external_id.map(ExternalId::stored),
                code: CategoryCode::stored(self.code),
                name: CategoryName::stored(self.name),
                parent_id: self.parent_id.map(CategoryId::from_uuid),
            },
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// Locks the tree of the company, by the company's row: no other unit of work changes a category of it. A lock of the categories would
/// not do: two that are moved into each other have none in common. Whatever is read of the tree is read by later statements: the
/// snapshot of this one is older than the lock.
pub(super) async fn lock_tree(work: &mut UnitOfWork<'_>) -> Result<(), Error> {
    tenants::repository::load(work).await?;
    Ok(())
}

/// Loads a category under its lock.
///
/// # Errors
/// `NotFound` if the tenant has no such category. Fails if the database cannot be reached.
pub(super) async fn load(
    work: &mut UnitOfWork<'_>,
    id: CategoryId,
    lock: LockMode,
) -> Result<Category, Error> {
    let query = categories::table.find((work.tenant().uuid(), id.uuid())).select(CategoryRow::as_select());
    let row: Option<CategoryRow> = find(work, Locked::Category, lock, query).await?;
    Ok(row.ok_or(CategoryError::NotFound(id))?.into_category())
}

/// Whether there is such a category. If so, it is locked as a foreign key would lock it: until the unit of work ends, it is not
/// deleted.
pub(crate) async fn hold(work: &mut UnitOfWork<'_>, id: CategoryId) -> Result<bool, Error> {
    work.locks(Locked::Category);
    let found: Option<Uuid> = categories::table
        .find((work.tenant().uuid(), id.uuid()))
        .select(categories::id)
        .for_key_share()
        .first(work.connection())
        .await
        .optional()?;
    Ok(found.is_some())
}

/// Locks the categories that there are among these as [`hold`] does, in the order of their ids. Returns them.
pub(crate) async fn hold_all(
    work: &mut UnitOfWork<'_>,
    ids: &[CategoryId],
) -> Result<HashSet<CategoryId>, Error> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    work.locks(Locked::Category);
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let found: Vec<Uuid> = categories::table
        .filter(categories::tenant_id.eq(work.tenant().uuid()).and(categories::id.eq_any(ids)))
        .select(categories::id)
        .order(categories::id)
        .for_key_share()
        .load(work.connection())
        .await?;
    Ok(found.into_iter().map(CategoryId::from_uuid).collect())
}

crate::statement! {
    /// A category and those above it, the highest last. It ends, even if a tree that somebody wrote by hand has a cycle.
    struct Upwards<'a> { tenant: Uuid => SqlUuid, from: Uuid => SqlUuid } -> (SqlUuid,)
    = "WITH RECURSIVE upwards (tenant_id, id, parent_id, level) AS (
        SELECT tenant_id, id, parent_id, 1 FROM categories WHERE tenant_id = $1 AND id = $2
        UNION ALL
        SELECT c.tenant_id, c.id, c.parent_id, u.level + 1 FROM upwards AS u
        JOIN categories AS c ON c.tenant_id = u.tenant_id AND c.id = u.parent_id WHERE u.level < 100
    )
    SELECT id FROM upwards ORDER BY level"
}

crate::statement! {
    /// These categories and all that are below them, each with how many levels below it is at most. It ends, even if a tree that
    /// somebody wrote by hand has a cycle.
    pub(super) struct Below<'a> { tenant: Uuid => SqlUuid, from: &'a [Uuid] => Array<SqlUuid> } -> (SqlUuid, Integer)
    = "WITH RECURSIVE below (tenant_id, id, level) AS (
        SELECT tenant_id, id, 0 FROM categories WHERE tenant_id = $1 AND id = ANY ($2)
        UNION ALL
        SELECT c.tenant_id, c.id, b.level + 1 FROM below AS b
        JOIN categories AS c ON c.tenant_id = b.tenant_id AND c.parent_id = b.id WHERE b.level < 20
    )
    SELECT id, max(level) FROM below GROUP BY id ORDER BY id"
}

/// Returns these categories and all that are below them now, by id.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn below(work: &mut UnitOfWork<'_>, ids: &[CategoryId]) -> Result<Vec<CategoryId>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let found: Vec<(Uuid, i32)> = Below::new(work.tenant().uuid(), &ids).load(work.connection()).await?;
    Ok(found.into_iter().map(|(id, _)| CategoryId::from_uuid(id)).collect())
}

/// Reads what there is around the place of a category in a tree that is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn place(
    work: &mut UnitOfWork<'_>,
    id: CategoryId,
    parent: Option<CategoryId>,
) -> Result<Place, Error> {
    let Some(parent) = parent else { return Ok(Place::default()) };
    let tenant = work.tenant().uuid();
    let above: Vec<(Uuid,)> = Upwards::new(tenant, parent.uuid()).load(work.connection()).await?;
    let below: Vec<(Uuid, i32)> = Below::new(tenant, &[id.uuid()]).load(work.connection()).await?;
    let levels = below.into_iter().map(|(_, level)| level).max();
    Ok(Place {
        above: above.into_iter().map(|(id,)| CategoryId::from_uuid(id)).collect(),
        below: usize::try_from(levels.unwrap_or_default()).unwrap_or_default(),
    })
}

/// Whether other categories or products are in it. If its row is locked with [`LockMode::Withdraw`] and the tree is locked, the
/// answer holds until the unit of work ends.
pub(super) async fn is_in_use(work: &mut UnitOfWork<'_>, id: CategoryId) -> Result<bool, Error> {
    let tenant = work.tenant().uuid();
    let children =
        categories::table.filter(categories::tenant_id.eq(tenant).and(categories::parent_id.eq(id.uuid())));
    let within =
        products::table.filter(products::tenant_id.eq(tenant).and(products::category_id.eq(id.uuid())));
    let has_children: bool = diesel::select(exists(children)).get_result(work.connection()).await?;
    Ok(has_children || diesel::select(exists(within)).get_result(work.connection()).await?)
}

impl Category {
    /// Returns the refusal for a violation of this constraint.
    fn taken(&self, constraint: &str) -> Option<CategoryError> {
        let details = &self.details;
        match constraint {
            CODE_KEY => Some(CategoryError::CodeTaken(details.code.as_str().to_owned())),
            EXTERNAL_ID_KEY => {
                details.external_id.as_ref().map(|id| CategoryError::ExternalIdTaken(id.as_str().to_owned()))
            }
            _ => None,
        }
    }
}

impl Creatable for Category {
    async fn insert(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        // The foreign key locks the category above it.
        work.locks(Locked::Category);
        let row = CategoryRow::of(work.tenant(), self);
        let inserted = diesel::insert_into(categories::table).values(&row).execute(work.connection()).await;
        unless_taken(inserted, |constraint| self.taken(constraint))
    }
}

impl Aggregate for Category {
    type Id = CategoryId;
    type Event = CategoryEvent;
    type Audited = CategoryView;
    const NAME: &'static str = "category";

    fn id(&self) -> CategoryId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn audited(&self) -> CategoryView {
        CategoryView::of(self)
    }

    async fn save(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        // The foreign key locks the category above it.
        work.locks(Locked::Category);
        let row = CategoryRow::of(work.tenant(), self);
        let updated = diesel::update(categories::table.find((row.tenant_id, row.id)))
            .set(&row)
            .execute(work.connection())
            .await;
        unless_taken(updated, |constraint| self.taken(constraint))
    }
}

impl Deletable for Category {
    async fn delete(id: CategoryId, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let category = categories::table.find((work.tenant().uuid(), id.uuid()));
        diesel::delete(category).execute(work.connection()).await?;
        Ok(())
    }
}
