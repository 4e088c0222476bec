//! The row comparison `(column, id) > (value, last)`, which Diesel's query builder cannot express.
//!
//! With it, PostgreSQL starts exactly there in an index on (…, column, id). With two comparisons, it would start at the
//! value, and read every row of that value again for each page: thousands, if a file was imported with one time or one
//! name.

use diesel::expression::{AppearsOnTable, AsExpression, Expression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Bool, SingleValue, SqlType};
use diesel::{QueryResult, SelectableExpression};

/// A tuple of columns, compared with a tuple of as many values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowComparison<C, V> {
    columns: C,
    operator: &'static str,
    values: V,
}

pub(crate) fn compared<C, V>(columns: C, operator: &'static str, values: V) -> RowComparison<C, V> {
    RowComparison { columns, operator, values }
}

/// Turns a value into an expression that can be compared with this column.
pub(crate) fn of<C, V>(_column: C, value: V) -> V::Expression
where
    C: Expression,
    C::SqlType: SqlType + SingleValue,
    V: AsExpression<C::SqlType>,
{
    value.as_expression()
}

impl<C, V> Expression for RowComparison<C, V> {
    type SqlType = Bool;
}

impl<C, V> QueryFragment<Pg> for RowComparison<C, V>
where
    C: QueryFragment<Pg>,
    V: QueryFragment<Pg>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(");
        self.columns.walk_ast(out.reborrow())?;
        out.push_sql(") ");
        out.push_sql(self.operator);
        out.push_sql(" (");
        self.values.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

/// The type does not identify the SQL: the operator is not part of it.
impl<C, V> QueryId for RowComparison<C, V> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C, V, G> ValidGrouping<G> for RowComparison<C, V> {
    type IsAggregate = is_aggregate::No;
}

impl<C: AppearsOnTable<QS>, V, QS> AppearsOnTable<QS> for RowComparison<C, V> {}

impl<C: SelectableExpression<QS>, V, QS> SelectableExpression<QS> for RowComparison<C, V> {}
