//! The queries on imports.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{Import, ImportError, ImportKind, ImportMode, ImportState, Progress};
use super::repository::ImportRecord;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::{Actor, Permission, Principal, TenantDatabase};
use crate::platform::database::Database;
use crate::platform::paging::{Listed, Page, PageRequest, SortKey, SortValue, walk};
use crate::platform::schema::{import_rows, imports};
use crate::values::ids::{ImportId, TenantId};

/// The maximum number of imports that one statement deletes, with their rows.
pub(crate) const PRUNE_BATCH: i64 = 10;

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Import)]
pub struct ImportView {
    #[schema(value_type = Uuid)]
    pub id: ImportId,
    /// Rises with every change; the ETag.
    pub version: i64,
    pub kind: ImportKind,
    pub mode: ImportMode,
    #[schema(example = "customers.csv")]
    pub file_name: Option<String>,
    pub state: ImportState,
    /// Why it stopped.
    pub reason: Option<String>,
    pub progress: Progress,
    /// Who began it: an e-mail address, the name of a key, or `user@host`.
    #[schema(example = "ada@docks.example")]
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}

impl From<Import> for ImportView {
    fn from(import: Import) -> Self {
        Self {
            id: import.id,
            version: import.version,
            kind: import.kind,
            mode: import.mode,
            file_name: import.file_name,
            state: import.state,
            reason: import.reason,
            progress: import.progress,
            created_by: import.created_by,
            created_at: import.created_at,
            started_at: import.started_at,
            finished_at: import.finished_at,
            updated_at: import.updated_at,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportSort {
    CreatedAt,
}

impl SortKey for ImportSort {
    const NAMES: &'static [(&'static str, Self)] = &[("created_at", Self::CreatedAt)];
    const DEFAULT: &'static str = "-created_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<ImportSort> for ImportView {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, _: ImportSort) -> SortValue {
        self.created_at.into()
    }
}

/// # Errors
/// `NotFound` if the tenant has no such import. Fails if the database cannot be reached.
pub async fn get(db: &TenantDatabase, context: &RequestContext, id: ImportId) -> Result<ImportView, Error> {
    let query =
        || imports::table.find((context.tenant_id().uuid(), id.uuid())).select(ImportRecord::as_select());
    let row: Option<ImportRecord> = db.find(context, query).await?;
    Ok(row.ok_or(ImportError::NotFound(id))?.into_import()?.into())
}

/// Lists the tenant's imports, of whatever kind.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    request: &PageRequest<ImportSort>,
) -> Result<Page<ImportView>, Error> {
    let query = || {
        let query = imports::table
            .filter(imports::tenant_id.eq(context.tenant_id().uuid()))
            .select(ImportRecord::as_select())
            .limit(request.rows())
            .into_boxed();
        walk!(query, request.times(), [], imports::created_at, imports::id)
    };
    db.page(context, request, query, |row: ImportRecord| row.into_import().map(ImportView::from)).await
}

/// A row that was refused.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = import_rows)]
pub struct RefusedRow {
    /// Counts from 1.
    pub number: i32,
    /// The row as it came, a JSON object.
    pub content: Option<String>,
    /// What was wrong, as in a problem's `errors`.
    pub errors: Option<Value>,
}

/// The members of rows that are amounts, with the permissions that show them.
const AMOUNTS: [(&str, Permission); 2] =
    [("unit_cost", Permission::StockCosts), ("credit_limit", Permission::OrdersPrices)];

impl RefusedRow {
    /// The row as this principal may see it. Somebody at the command line of the machine holds no permission, and may see everything.
    fn seen_by(mut self, principal: &Principal) -> Self {
        for (member, permission) in AMOUNTS {
            if !principal.may(permission) && principal.actor != Actor::Operator {
                self.hide(member, permission);
            }
        }
        self
    }

    fn hide(&mut self, member: &str, permission: Permission) {
        let hidden = |content: String| {
            let mut row: Map<String, Value> = serde_json::from_str(&content).ok()?;
            if let Some(value) = row.get_mut(member) {
                *value = Value::Null;
            }
            serde_json::to_string(&row).ok()
        };
        self.content = self.content.take().and_then(hidden);
        let pointer = format!("/{member}");
        for error in self.errors.iter_mut().filter_map(Value::as_array_mut).flatten() {
            // What is wrong with a value may quote it.
            if error["pointer"] == pointer {
                error["message"] = format!("the value is wrong; it is shown to who has {permission}").into();
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedSort {
    Row,
}

impl SortKey for RefusedSort {
    const NAMES: &'static [(&'static str, Self)] = &[("row", Self::Row)];
    const DEFAULT: &'static str = "row";

    fn is_time(self) -> bool {
        false
    }
}

impl Listed<RefusedSort> for RefusedRow {
    fn id(&self) -> Uuid {
        Uuid::nil()
    }

    fn sort_value(&self, _: RefusedSort) -> SortValue {
        self.number.to_string().as_str().into()
    }
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn refused_rows(
    db: &TenantDatabase,
    context: &RequestContext,
    import: ImportId,
    request: &PageRequest<RefusedSort>,
) -> Result<Page<RefusedRow>, Error> {
    let query = || {
        let start = request.texts();
        let descending = start.descending;
        let after: Option<i32> = start.split().1.and_then(|(number, _)| number.parse().ok());
        let query = import_rows::table
            .filter(import_rows::tenant_id.eq(context.tenant_id().uuid()))
            .filter(import_rows::import_id.eq(import.uuid()))
            .filter(import_rows::outcome.eq("refused"))
            .select(RefusedRow::as_select())
            .limit(request.rows())
            .into_boxed();
        if descending {
            query.filter(import_rows::number.lt(after.unwrap_or(i32::MAX))).order(import_rows::number.desc())
        } else {
            query.filter(import_rows::number.gt(after.unwrap_or(0))).order(import_rows::number.asc())
        }
    };
    let page: Page<RefusedRow> = db.page(context, request, query, Ok).await?;
    Ok(page.map(|row| row.seen_by(&context.principal)))
}

/// Returns rows that are still to be worked off, with their numbers: behind the row `after`, at most `limit`.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn waiting_rows(
    db: &TenantDatabase,
    context: &RequestContext,
    import: ImportId,
    after: i32,
    limit: i64,
) -> Result<Vec<(i32, String)>, Error> {
    let rows: Vec<(i32, Option<String>)> = db
        .read(context, async |mut connection| {
            Ok(import_rows::table
                .filter(import_rows::tenant_id.eq(context.tenant_id().uuid()))
                .filter(import_rows::import_id.eq(import.uuid()).and(import_rows::number.gt(after)))
                .filter(import_rows::outcome.is_null())
                .order(import_rows::number)
                .select((import_rows::number, import_rows::content))
                .limit(limit)
                .load(&mut connection)
                .await?)
        })
        .await?;
    Ok(rows.into_iter().filter_map(|(number, content)| Some((number, content?))).collect())
}

crate::statement! {
    struct Due<'a> { most: i64 => BigInt } -> (SqlUuid, SqlUuid) = "SELECT tenant_id, id FROM due_imports($1)"
}

/// Returns imports of all tenants on which no process works. `services` is the services' log-in.
///
/// # Errors
/// Fails if the database cannot be reached, or if the role may not.
pub async fn due(services: &Database, most: i64) -> Result<Vec<(TenantId, ImportId)>, Error> {
    let mut connection = services.connection().await?;
    let due: Vec<(Uuid, Uuid)> = Due::new(most).load(&mut connection).await?;
    Ok(due.into_iter().map(|(tenant, id)| (TenantId::from_uuid(tenant), ImportId::from_uuid(id))).collect())
}

crate::statement! {
    struct Prune<'a> { days: i32 => Integer, batch: i64 => BigInt } -> (BigInt,) = "SELECT prune_imports($1, $2)"
}

/// Deletes one batch of imports that are over for `days`, with their rows. Returns how many: fewer than [`PRUNE_BATCH`] if it was the
/// last.
///
/// # Errors
/// Fails if the database does not answer or refuses.
pub(crate) async fn prune(connection: &mut AsyncPgConnection, days: i32) -> QueryResult<i64> {
    let (batch,): (i64,) = Prune::new(days, PRUNE_BATCH).get_result(connection).await?;
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::values::ids::ApiKeyId;
    use crate::values::money::Currency;

    fn row() -> RefusedRow {
        let error =
            |pointer: &str| json!({"pointer": pointer, "code": "not_a_decimal", "message": "not 1234,57"});
        RefusedRow {
            number: 1,
            content: Some(r#"{"sku": "TEA", "unit_cost": "1234,57"}"#.to_owned()),
            errors: Some(json!([error("/unit_cost"), error("/sku")])),
        }
    }

    #[test]
    fn a_refused_row_is_shown_without_its_amounts_to_whoever_may_not_see_them() {
        let of =
            |actor| Principal::trusted(TenantId::generate(), actor, "somebody".to_owned(), Currency::euro());
        let seen = row().seen_by(&of(Actor::ApiKey(ApiKeyId::generate())));
        assert_eq!(seen.content.as_deref(), Some(r#"{"sku":"TEA","unit_cost":null}"#));
        let errors = seen.errors.expect("errors");
        assert_eq!(errors[0]["message"], "the value is wrong; it is shown to who has stock:costs");
        assert_eq!(
            (&errors[1]["message"], &errors[0]["code"]),
            (&json!("not 1234,57"), &json!("not_a_decimal"))
        );
        assert_eq!(row().seen_by(&of(Actor::Operator)).content, row().content);
    }
}
