//! The two queries that every aggregate has: one by its key, and a list in pages.

use diesel::OptionalExtension;
use diesel_async::methods::LoadQuery;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::TenantDatabase;
use super::context::RequestContext;
use super::error::Error;
use crate::platform::paging::{Listed, Page, PageRequest, SortKey};

impl TenantDatabase {
    /// Reads the row that a query by its key finds, for a principal.
    ///
    /// # Errors
    /// Fails as [`Self::read`] does.
    pub(crate) async fn find<Q, R>(
        &self,
        context: &RequestContext,
        query: impl Fn() -> Q,
    ) -> Result<Option<R>, Error>
    where
        Q: for<'c> LoadQuery<'static, &'c AsyncPgConnection, R> + Send + 'static,
        R: Send,
    {
        self.read(context, async |mut connection| Ok(query().get_result(&mut connection).await.optional()?))
            .await
    }

    /// Reads the page of a list, for a principal. `query` asks for [`PageRequest::rows`] rows in the order of the list.
    ///
    /// # Errors
    /// Fails as [`Self::read`] does, or if `view` fails.
    pub(crate) async fn page<'q, Q, R, V, K>(
        &self,
        context: &RequestContext,
        request: &PageRequest<K>,
        query: impl Fn() -> Q,
        view: impl Fn(R) -> Result<V, Error>,
    ) -> Result<Page<V>, Error>
    where
        Q: for<'c> LoadQuery<'q, &'c AsyncPgConnection, R> + Send + 'q,
        R: Send,
        V: Listed<K>,
        K: SortKey,
    {
        let rows: Vec<R> =
            self.read(context, async |mut connection| Ok(query().load(&mut connection).await?)).await?;
        Ok(request.page(rows.into_iter().map(view).collect::<Result<_, _>>()?))
    }
}
