//! Sessions in the database.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::EndReason;
use crate::error::Error;
use crate::ids::{SessionId, UserId};
use crate::schema::sessions;
use crate::unit_of_work::UnitOfWork;

/// Whoever remembers what the user may do must ask again: every open session has another stamp from now on.
pub(crate) async fn restamp(work: &mut UnitOfWork<'_>, user_id: UserId) -> Result<(), Error> {
    let open = sessions::table
        .filter(sessions::tenant_id.eq(work.tenant().uuid()))
        .filter(sessions::user_id.eq(user_id.uuid()))
        .filter(sessions::ended_at.is_null());
    diesel::update(open).set(sessions::stamp.eq(sessions::stamp + 1)).execute(work.connection()).await?;
    Ok(())
}

/// Ends the user's open sessions, but for the one that is to be kept. Boxed, because a policy that calls it is itself part
/// of recording what happened.
pub(crate) fn end_all<'a>(
    work: &'a mut UnitOfWork<'_>,
    user_id: UserId,
    keep: Option<SessionId>,
    reason: EndReason,
) -> BoxFuture<'a, Result<(), Error>> {
    async move {
        let (tenant, now) = (work.tenant(), work.now());
        let open = sessions::table
            .filter(sessions::tenant_id.eq(tenant.uuid()))
            .filter(sessions::user_id.eq(user_id.uuid()))
            .filter(sessions::id.ne(keep.unwrap_or(SessionId::from_uuid(uuid::Uuid::nil())).uuid()))
            .filter(sessions::ended_at.is_null());
        let ended = (
            sessions::ended_at.eq(now),
            sessions::end_reason.eq(reason.name()),
            sessions::version.eq(sessions::version + 1),
        );
        diesel::update(open).set(ended).execute(work.connection()).await?;
        Ok(())
    }
    .boxed()
}
