//! `(column, id) > (value, last)`, which Diesel's query builder cannot say.
//!
//! PostgreSQL starts an index on (…, column, id) right there. Written as two comparisons, it would start at the value, and
//! read every row of that value again for each page: thousands, where a file was imported with one time or one name.

use diesel::expression::{AppearsOnTable, AsExpression, Expression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Bool, SingleValue, SqlType, Uuid as SqlUuid};
use diesel::{QueryResult, SelectableExpression};
use uuid::Uuid;

/// A row of two columns, compared with a row of two values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowComparison<C, I, V, L> {
    column: C,
    id: I,
    operator: &'static str,
    value: V,
    last: L,
}

type Of<C, I, V> = RowComparison<
    C,
    I,
    <V as AsExpression<<C as Expression>::SqlType>>::Expression,
    <Uuid as AsExpression<SqlUuid>>::Expression,
>;

/// The rows that come behind this one, in this order.
pub(crate) fn behind<C, I, V>(column: C, id: I, row: (V, Uuid), descending: bool) -> Of<C, I, V>
where
    C: Expression,
    C::SqlType: SqlType + SingleValue,
    I: Expression<SqlType = SqlUuid>,
    V: AsExpression<C::SqlType>,
{
    compared(column, id, if descending { " < " } else { " > " }, row)
}

/// The rows up to this one, in this order.
pub(crate) fn up_to<C, I, V>(column: C, id: I, row: (V, Uuid), descending: bool) -> Of<C, I, V>
where
    C: Expression,
    C::SqlType: SqlType + SingleValue,
    I: Expression<SqlType = SqlUuid>,
    V: AsExpression<C::SqlType>,
{
    compared(column, id, if descending { " >= " } else { " <= " }, row)
}

fn compared<C, I, V>(column: C, id: I, operator: &'static str, (value, last): (V, Uuid)) -> Of<C, I, V>
where
    C: Expression,
    C::SqlType: SqlType + SingleValue,
    V: AsExpression<C::SqlType>,
{
    let (value, last) = (value.as_expression(), AsExpression::<SqlUuid>::as_expression(last));
    RowComparison { column, id, operator, value, last }
}

impl<C, I, V, L> Expression for RowComparison<C, I, V, L> {
    type SqlType = Bool;
}

impl<C, I, V, L> QueryFragment<Pg> for RowComparison<C, I, V, L>
where
    C: QueryFragment<Pg>,
    I: QueryFragment<Pg>,
    V: QueryFragment<Pg>,
    L: QueryFragment<Pg>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(");
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(", ");
        self.id.walk_ast(out.reborrow())?;
        out.push_sql(")");
        out.push_sql(self.operator);
        out.push_sql("(");
        self.value.walk_ast(out.reborrow())?;
        out.push_sql(", ");
        self.last.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

/// The operator is not in the type, so the type does not stand for one text.
impl<C, I, V, L> QueryId for RowComparison<C, I, V, L> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C, I, V, L, G> ValidGrouping<G> for RowComparison<C, I, V, L> {
    type IsAggregate = is_aggregate::No;
}

impl<C, I, V, L, QS> AppearsOnTable<QS> for RowComparison<C, I, V, L>
where
    C: AppearsOnTable<QS>,
    I: AppearsOnTable<QS>,
{
}

impl<C, I, V, L, QS> SelectableExpression<QS> for RowComparison<C, I, V, L>
where
    C: SelectableExpression<QS>,
    I: SelectableExpression<QS>,
{
}
