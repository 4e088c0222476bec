//! Filters the rows that an inner query returns: `SELECT * FROM (…) AS orders WHERE … LIMIT …`.
//!
//! The inner query starts at a place in an index, and its limit is the number of rows that PostgreSQL looks at.
//! PostgreSQL would not stop by itself after the last row with the wanted value in the index's first columns: a
//! comparison of rows sets only the start.

use diesel::QueryResult;
use diesel::expression::BoxableExpression;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool};

/// A condition on the columns of a table.
pub(crate) type Filter<'a, T> = Box<dyn BoxableExpression<T, Pg, SqlType = Bool> + 'a>;

/// A filtered query: see the module's documentation. The rows keep the order of the inner query.
pub(crate) struct Matching<'a, Q, T> {
    looked_at: Q,
    table: &'static str,
    filters: Vec<Filter<'a, T>>,
    limit: i64,
}

impl<'a, Q, T> Matching<'a, Q, T> {
    /// Filters the rows that `looked_at` returns. `looked_at` has a limit, and selects every column that a filter
    /// names.
    pub(crate) fn of(looked_at: Q, table: &'static str, filters: Vec<Filter<'a, T>>, limit: i64) -> Self {
        Self { looked_at, table, filters, limit }
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
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)
    }
}

/// The type does not identify the SQL: the filters are not part of it.
impl<Q, T> QueryId for Matching<'_, Q, T> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
