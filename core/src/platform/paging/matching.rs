//! Filters the rows that an inner query returns, and perhaps sorts them:
//! `SELECT * FROM (…) AS orders WHERE … ORDER BY … LIMIT …`.
//!
//! The inner query starts at a place in an index, and its limit is the number of rows that PostgreSQL looks at.
//! PostgreSQL would not stop by itself after the last row with the wanted value in the index's first columns: a
//! comparison of rows sets only the start.

use diesel::QueryResult;
use diesel::expression::BoxableExpression;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::SortValue;

/// A condition on the columns of a table.
pub(crate) type Filter<'a, T> = Box<dyn BoxableExpression<T, Pg, SqlType = Bool> + 'a>;

/// A filtered query: see the module's documentation. Unless they are sorted, the rows keep the order of the inner query.
pub(crate) struct Matching<'a, Q, T> {
    looked_at: Q,
    table: &'static str,
    filters: Vec<Filter<'a, T>>,
    sorted: Option<Sorted>,
    limit: i64,
}

/// The order of a page of rows that come in no order, and where the page starts.
pub(super) struct Sorted {
    pub(super) column: &'static str,
    pub(super) descending: bool,
    pub(super) operator: &'static str,
    pub(super) at: Option<(SortValue, Uuid)>,
}

impl<'a, Q, T> Matching<'a, Q, T> {
    /// Filters the rows that `looked_at` returns. `looked_at` has a limit, and selects every column that a filter
    /// names.
    pub(crate) fn of(looked_at: Q, table: &'static str, filters: Vec<Filter<'a, T>>, limit: i64) -> Self {
        Self { looked_at, table, filters, sorted: None, limit }
    }

    pub(super) fn sorted(self, sorted: Sorted) -> Self {
        Self { sorted: Some(sorted), ..self }
    }
}

impl<Q: Query, T> Query for Matching<'_, Q, T> {
    type SqlType = Q::SqlType;
}

impl<Q: QueryFragment<Pg>, T> QueryFragment<Pg> for Matching<'_, Q, T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT * FROM (");
        self.looked_at.walk_ast(out.reborrow())?;
        out.push_sql(") AS ");
        out.push_identifier(self.table)?;
        for (number, filter) in self.filters.iter().enumerate() {
            out.push_sql(if number == 0 { " WHERE " } else { " AND " });
            filter.walk_ast(out.reborrow())?;
        }
        if let Some(sorted) = &self.sorted {
            out.push_sql(if self.filters.is_empty() { " WHERE " } else { " AND " });
            sorted.walk_ast(out.reborrow())?;
        }
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)
    }
}

impl Sorted {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match &self.at {
            None => out.push_sql("true"),
            Some((value, id)) => {
                out.push_sql("(");
                out.push_identifier(self.column)?;
                out.push_sql(", id) ");
                out.push_sql(self.operator);
                out.push_sql(" (");
                match value {
                    SortValue::Text(text) => out.push_bind_param::<Text, _>(text)?,
                    SortValue::Time(time) => out.push_bind_param::<Timestamptz, _>(time)?,
                }
                out.push_sql(", ");
                out.push_bind_param::<SqlUuid, _>(id)?;
                out.push_sql(")");
            }
        }
        let direction = if self.descending { " DESC" } else { "" };
        out.push_sql(" ORDER BY ");
        out.push_identifier(self.column)?;
        out.push_sql(direction);
        out.push_sql(", id");
        out.push_sql(direction);
        Ok(())
    }
}

/// The type does not identify the SQL: the filters are not part of it.
impl<Q, T> QueryId for Matching<'_, Q, T> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
