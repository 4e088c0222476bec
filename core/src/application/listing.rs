//! Pages of a list with filters. Whatever the filters are, a page costs no more than a bounded number of rows:
//!
//! 1. An index gives the rows that match, in the order of the list: the page is read along it.
//! 2. Otherwise, if a search or one of the filters leaves few rows, these are fetched, filtered and sorted.
//! 3. Otherwise the list is looked through in its order, 5,000 rows for one page, which may then hold fewer rows than asked for.

use chrono::{DateTime, Utc};
use diesel::dsl::{And, GtEq, Lt};
use diesel::expression::BoxableExpression;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::methods::{FilterDsl, LimitDsl, OffsetDsl};
use diesel::sql_types::{BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{BoolExpressionMethods, Expression, ExpressionMethods, QueryResult};
use diesel_async::methods::LoadQuery;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use uuid::Uuid;

use super::TenantDatabase;
use super::context::RequestContext;
use super::error::Error;
use crate::platform::paging::{
    Count, Filter, Listed, MAX_LOOKED_AT, Matching, Page, PageRequest, Period, SortKey, look_through,
};

/// The maximum number of rows that are counted.
const MAX_COUNTED: i64 = 10_000;
/// Keeps PostgreSQL from reading a whole table for a few thousand rows of it, until the end of the transaction.
const BY_SOME_INDEX: &str = "SET LOCAL enable_seqscan = off";
/// The maximum number of ids in one request.
pub const MAX_IDS: usize = 100;

/// The filters that all lists of aggregates have.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Rows that have all of these words.
    pub words: Option<String>,
    /// At most [`MAX_IDS`].
    pub ids: Option<Vec<Uuid>>,
    pub external_id: Option<String>,
    pub created: Period,
    pub updated: Period,
    /// Whether to count the rows of the whole list.
    pub counted: bool,
}

/// The filters of a list, and the SQL for them. The slice's `queries.rs` implements it.
pub(crate) trait Filtered<'q>: Sync {
    type Sort: SortKey;
    type Table: 'q;
    /// A boxed query of the table.
    type Rows: LimitDsl<Output = Self::Rows>
        + OffsetDsl<Output = Self::Rows>
        + FilterDsl<Filter<'q, Self::Table>, Output = Self::Rows>
        + Query
        + QueryFragment<Pg>
        + Send
        + 'q;
    type Row: Send;
    type View: Listed<Self::Sort> + Send;
    const TABLE: &'static str;
    /// The function that finds ids by words.
    const SEARCH: &'static str;

    fn selection(&self) -> &Selection;
    fn of_tenant(tenant: Uuid) -> Self::Rows;
    /// Puts rows in the order of the list, from where the page starts. `branch` is one of the [`Self::branches`]; `None`
    /// stands for all rows, whatever the filters are.
    fn walk(
        &'q self,
        rows: Self::Rows,
        request: &PageRequest<Self::Sort>,
        branch: Option<usize>,
    ) -> Self::Rows;
    /// How many walks the filters need, such as one for each state: their rows are merged. More than one only if the list is
    /// sorted by time.
    fn branches(&self) -> usize {
        1
    }
    /// Whether an index gives the rows of each branch in this order, and no others.
    fn is_served(&self, key: Self::Sort) -> bool;
    /// The conditions on the rows of a branch, or on all rows, but words and ids. Each has an index that finds its rows, in
    /// whatever order.
    fn conditions(&'q self, branch: Option<usize>) -> Vec<Filter<'q, Self::Table>>;
    /// Conditions on all rows that no index finds: rows that were found otherwise are looked at for them. A list with one is not
    /// served.
    fn looked_at(&'q self) -> Vec<Filter<'q, Self::Table>> {
        Vec::new()
    }
    /// The column by which the list is sorted.
    fn column(key: Self::Sort) -> &'static str;
    fn among(ids: Vec<Uuid>) -> Filter<'q, Self::Table>;
    fn with_words(words: &'q str) -> Filter<'q, Self::Table>;
    /// Whether rows that match may follow this one, at which a look through the list stopped. Where [`Self::walk`] begins among the rows
    /// with some values whatever the branch is, none do behind the last of them.
    fn leads_to(&self, _last: &Self::View) -> bool {
        true
    }
    /// The range of the times by which the list is sorted.
    fn period(&self, key: Self::Sort) -> Option<Period>;
    fn view(row: Self::Row) -> Result<Self::View, Error>;
}

/// How the rows of a list are found.
enum Way {
    Served,
    /// `searched`: a search found them, so they have the words.
    Among {
        ids: Vec<Uuid>,
        searched: bool,
    },
    LookThrough,
}

impl TenantDatabase {
    /// Reads the page of a list, for a principal.
    ///
    /// # Errors
    /// Fails as [`Self::read`] does, or if a row cannot be shown.
    pub(crate) async fn list<'q, F>(
        &self,
        context: &RequestContext,
        filter: &'q F,
        request: &PageRequest<F::Sort>,
    ) -> Result<Page<F::View>, Error>
    where
        F: Filtered<'q>,
        F::Rows: for<'c> LoadQuery<'q, &'c AsyncPgConnection, F::Row>,
        Matching<'q, F::Rows, F::Table>: for<'c> LoadQuery<'q, &'c AsyncPgConnection, F::Row> + Send,
        Ids<F::Rows>: for<'c> LoadQuery<'q, &'c AsyncPgConnection, Uuid>,
        Counted<F::Rows>: for<'c> LoadQuery<'q, &'c AsyncPgConnection, i64>,
        Counted<Matching<'q, F::Rows, F::Table>>: for<'c> LoadQuery<'q, &'c AsyncPgConnection, i64>,
    {
        let tenant = context.tenant_id().uuid();
        self.read(context, async |connection| page_of(connection, tenant, filter, request).await).await
    }
}

/// Reads the page of a list, in a transaction of a principal of this tenant.
///
/// # Errors
/// Fails if the database cannot be reached, or if a row cannot be shown.
pub(crate) async fn page_of<'q, F>(
    connection: &AsyncPgConnection,
    tenant: Uuid,
    filter: &'q F,
    request: &PageRequest<F::Sort>,
) -> Result<Page<F::View>, Error>
where
    F: Filtered<'q>,
    F::Rows: for<'c> LoadQuery<'q, &'c AsyncPgConnection, F::Row>,
    Matching<'q, F::Rows, F::Table>: for<'c> LoadQuery<'q, &'c AsyncPgConnection, F::Row> + Send,
    Ids<F::Rows>: for<'c> LoadQuery<'q, &'c AsyncPgConnection, Uuid>,
    Counted<F::Rows>: for<'c> LoadQuery<'q, &'c AsyncPgConnection, i64>,
    Counted<Matching<'q, F::Rows, F::Table>>: for<'c> LoadQuery<'q, &'c AsyncPgConnection, i64>,
{
    let list = List { filter, request, tenant };
    let way = list.way(connection).await?;
    let mut page = list.page(connection, &way).await?;
    if filter.selection().counted {
        page.count = Some(list.count(connection, &way).await?);
    }
    Ok(page)
}

struct List<'a, 'q, F: Filtered<'q>> {
    filter: &'q F,
    request: &'a PageRequest<F::Sort>,
    tenant: Uuid,
}

impl<'q, F> List<'_, 'q, F>
where
    F: Filtered<'q>,
    F::Rows: for<'c> LoadQuery<'q, &'c AsyncPgConnection, F::Row>,
    Matching<'q, F::Rows, F::Table>: for<'c> LoadQuery<'q, &'c AsyncPgConnection, F::Row> + Send,
    Ids<F::Rows>: for<'c> LoadQuery<'q, &'c AsyncPgConnection, Uuid>,
    Counted<F::Rows>: for<'c> LoadQuery<'q, &'c AsyncPgConnection, i64>,
    Counted<Matching<'q, F::Rows, F::Table>>: for<'c> LoadQuery<'q, &'c AsyncPgConnection, i64>,
{
    async fn way(&self, mut connection: &AsyncPgConnection) -> Result<Way, Error> {
        let selection = self.filter.selection();
        if let Some(ids) = &selection.ids {
            return Ok(Way::Among { ids: ids.clone(), searched: false });
        }
        if let Some(words) = &selection.words {
            if let Some(ids) = searched(connection, F::SEARCH, words).await? {
                return Ok(Way::Among { ids, searched: true });
            }
        } else if self.filter.is_served(self.request.key) {
            return Ok(Way::Served);
        }
        connection.batch_execute(BY_SOME_INDEX).await?;
        for condition in self.filter.conditions(None) {
            let rows = F::of_tenant(self.tenant).filter(condition).limit(MAX_LOOKED_AT + 1);
            if let Some(ids) = few(Ids(rows).load(&mut connection).await?) {
                return Ok(Way::Among { ids, searched: false });
            }
        }
        Ok(Way::LookThrough)
    }

    async fn page(&self, mut connection: &AsyncPgConnection, way: &Way) -> Result<Page<F::View>, Error> {
        let request = self.request;
        match way {
            Way::Served => {
                let mut views = Vec::new();
                for branch in 0..self.filter.branches() {
                    let rows = self.along(request, branch, request.rows());
                    views.extend(shown::<F>(rows.load(&mut connection).await?)?);
                }
                if self.filter.branches() > 1 {
                    request.sort_by_time(&mut views);
                }
                Ok(request.page(views))
            }
            Way::Among { ids, searched } => {
                connection.batch_execute(BY_SOME_INDEX).await?;
                let rows = self.among(request, ids, *searched, request.rows());
                Ok(request.page(shown::<F>(rows.load(&mut connection).await?)?))
            }
            Way::LookThrough => {
                let walk = || self.in_order(request);
                let matching = |looked_at, limit| self.matching(looked_at, limit);
                let (last, rows): (Option<F::Row>, Vec<F::Row>) =
                    look_through!(connection, request, walk, matching);
                let period = self.filter.period(request.key);
                let leads_on = |last: &F::View| request.leads_on(last, period) && self.filter.leads_to(last);
                let edge = last.map(F::view).transpose()?.filter(leads_on);
                Ok(request.page_up_to(edge, shown::<F>(rows)?))
            }
        }
    }

    /// Counts the rows of the whole list, up to [`MAX_COUNTED`].
    async fn count(&self, mut connection: &AsyncPgConnection, way: &Way) -> Result<Count, Error> {
        let (first, most) = (self.request.first_page(), MAX_COUNTED + 1);
        let (found, is_whole) = match way {
            Way::Served => {
                let mut found = 0_i64;
                for branch in 0..self.filter.branches() {
                    found +=
                        Counted(self.along(&first, branch, most)).get_result::<i64>(&mut connection).await?;
                }
                (found, true)
            }
            Way::Among { ids, searched } => {
                (Counted(self.among(&first, ids, *searched, most)).get_result(&mut connection).await?, true)
            }
            Way::LookThrough => {
                let looked_at = self.in_order(&first).limit(most);
                let found = Counted(self.matching(looked_at, most)).get_result(&mut connection).await?;
                let looked_at: i64 =
                    Counted(self.in_order(&first).limit(most)).get_result(&mut connection).await?;
                (found, looked_at < most)
            }
        };
        Ok(Count { value: found.min(MAX_COUNTED), exact: is_whole && found <= MAX_COUNTED })
    }

    fn along(
        &self,
        request: &PageRequest<F::Sort>,
        branch: usize,
        limit: i64,
    ) -> Matching<'q, F::Rows, F::Table> {
        let rows = self.filter.walk(F::of_tenant(self.tenant), request, Some(branch)).limit(limit);
        Matching::of(rows, F::TABLE, self.filter.conditions(Some(branch)), limit)
    }

    /// The limit of the inner query keeps PostgreSQL from walking along the index of the sort until enough of the ids have
    /// turned up.
    fn among(
        &self,
        request: &PageRequest<F::Sort>,
        ids: &[Uuid],
        searched: bool,
        limit: i64,
    ) -> Matching<'q, F::Rows, F::Table> {
        let rows = F::of_tenant(self.tenant).filter(F::among(ids.to_vec())).limit(MAX_LOOKED_AT);
        let mut conditions = self.filter.conditions(None);
        conditions.extend(self.filter.looked_at());
        conditions.extend(self.filter.selection().words.as_deref().filter(|_| !searched).map(F::with_words));
        request.sorted(Matching::of(rows, F::TABLE, conditions, limit), F::column(request.key))
    }

    /// Those of the rows that match all filters.
    fn matching(&self, looked_at: F::Rows, limit: i64) -> Matching<'q, F::Rows, F::Table> {
        let mut conditions = self.filter.conditions(None);
        conditions.extend(self.filter.looked_at());
        conditions.extend(self.filter.selection().words.as_deref().map(F::with_words));
        Matching::of(looked_at, F::TABLE, conditions, limit)
    }

    fn in_order(&self, request: &PageRequest<F::Sort>) -> F::Rows {
        self.filter.walk(F::of_tenant(self.tenant), request, None)
    }
}

fn shown<'q, F: Filtered<'q>>(rows: Vec<F::Row>) -> Result<Vec<F::View>, Error> {
    rows.into_iter().map(F::view).collect()
}

/// Returns the ids of the rows that have all of these words, if they are no more than a page looks at.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn searched(
    mut connection: &AsyncPgConnection,
    function: &'static str,
    words: &str,
) -> Result<Option<Vec<Uuid>>, Error> {
    let search = Search { function, words, most: MAX_LOOKED_AT + 1 };
    Ok(few(search.load(&mut connection).await?))
}

/// Returns the ids if they are all that there are.
fn few(ids: Vec<Uuid>) -> Option<Vec<Uuid>> {
    i64::try_from(ids.len()).is_ok_and(|number| number <= MAX_LOOKED_AT).then_some(ids)
}

/// The ids of the rows that have all of these words, at most so many.
struct Search<'a> {
    function: &'static str,
    words: &'a str,
    most: i64,
}

impl Query for Search<'_> {
    type SqlType = SqlUuid;
}

impl QueryFragment<Pg> for Search<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT id FROM ");
        out.push_identifier(self.function)?;
        out.push_sql("(");
        out.push_bind_param::<Text, _>(self.words)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.most)?;
        out.push_sql(") AS id");
        Ok(())
    }
}

/// The type does not identify the SQL: the function is not part of it.
impl QueryId for Search<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// The ids of the rows of a query.
pub(crate) struct Ids<Q>(Q);

/// The number of the rows of a query.
pub(crate) struct Counted<Q>(Q);

impl<Q: Query> Query for Ids<Q> {
    type SqlType = SqlUuid;
}

impl<Q: Query> Query for Counted<Q> {
    type SqlType = BigInt;
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Ids<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        around("SELECT id FROM (", &self.0, out)
    }
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Counted<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        around("SELECT count(*) FROM (", &self.0, out)
    }
}

fn around<'b>(
    head: &str,
    query: &'b impl QueryFragment<Pg>,
    mut out: AstPass<'_, 'b, Pg>,
) -> QueryResult<()> {
    out.push_sql(head);
    query.walk_ast(out.reborrow())?;
    out.push_sql(") AS listed");
    Ok(())
}

/// The type does not identify the SQL: the conditions are not part of it.
impl<Q> QueryId for Ids<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> QueryId for Counted<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// Adds the condition that a time lies in a period.
pub(crate) fn within<'q, C, T>(conditions: &mut Vec<Filter<'q, T>>, column: C, period: Period)
where
    T: 'q,
    C: Expression<SqlType = Timestamptz> + ExpressionMethods + Copy,
    GtEq<C, DateTime<Utc>>: BoxableExpression<T, Pg, SqlType = Bool> + 'q,
    Lt<C, DateTime<Utc>>: BoxableExpression<T, Pg, SqlType = Bool> + 'q,
    And<GtEq<C, DateTime<Utc>>, Lt<C, DateTime<Utc>>>: BoxableExpression<T, Pg, SqlType = Bool> + 'q,
{
    match (period.from, period.before) {
        (Some(from), Some(before)) => conditions.push(Box::new(column.ge(from).and(column.lt(before)))),
        (Some(from), None) => conditions.push(Box::new(column.ge(from))),
        (None, Some(before)) => conditions.push(Box::new(column.lt(before))),
        (None, None) => {}
    }
}
