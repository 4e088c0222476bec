//! Queries whose rows are locked until the transaction ends. Diesel has methods for this, but generic functions cannot
//! call them: the names of their bounds are not public.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

/// `SELECT … FOR NO KEY UPDATE`: other transactions may refer to the row, but not change it.
#[derive(Debug, QueryId)]
pub(crate) struct ForNoKeyUpdate<Q>(pub(crate) Q);

/// `SELECT … FOR UPDATE`: other transactions may neither change the row nor refer to it.
#[derive(Debug, QueryId)]
pub(crate) struct ForUpdate<Q>(pub(crate) Q);

impl<Q: Query> Query for ForNoKeyUpdate<Q> {
    type SqlType = Q::SqlType;
}

impl<Q: Query> Query for ForUpdate<Q> {
    type SqlType = Q::SqlType;
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for ForNoKeyUpdate<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" FOR NO KEY UPDATE");
        Ok(())
    }
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for ForUpdate<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" FOR UPDATE");
        Ok(())
    }
}
