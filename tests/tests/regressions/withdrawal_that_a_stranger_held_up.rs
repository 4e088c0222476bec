//! Seen: whoever may connect to the database, with no right to anything in it, took the advisory lock for which every
//! withdrawal of a session or an API key waited (the "principal lease", ADR 11). The withdrawal was answered 503, and the
//! stolen session went on.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, Http, Tenant, World, api_key, connect};
use reqwest::Method;

/// Long after the five seconds after which the withdrawal gave up.
const LIMIT: Duration = Duration::from_secs(60);

/// Those of the lease. Anybody who may connect can take them.
const LOCKS: &str = "SELECT pg_advisory_lock(1129270608, 1), pg_advisory_lock(1129270608, 2)";

async fn key_and_its_id(world: &World, tenant: &Tenant) -> Result<(String, String)> {
    let sql = world.sql().await?;
    let key = api_key(&sql, tenant.id, &["orders:read"]).await?;
    let row =
        sql.query_one("SELECT id::text FROM api_keys ORDER BY created_at DESC, id DESC LIMIT 1", &[]).await?;
    Ok((key, row.get(0)))
}

async fn status(http: &Http) -> Result<u16> {
    Ok(http.get("/orders").await?.status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_withdrawn_counts_at_once_everywhere_whatever_a_stranger_locks() {
    World::run(async |world| {
        let (here, there) = (Api::start(world, &[]).await?, Api::start(world, &[]).await?);
        let tenant = world.tenant().await?.clone();
        let (key, id) = key_and_its_id(world, &tenant).await?;
        let remembered = there.http.clone().with_credential(&key);
        assert_eq!(status(&remembered).await?, 200);

        let stranger = connect(&world.database.writer_url).await?;
        stranger.batch_execute(LOCKS).await?;
        let path = format!("/api-keys/{id}/revoke");
        let revoked = tokio::time::timeout(LIMIT, here.http.send(Method::POST, &path, &[], None)).await;
        let after = status(&remembered).await;
        drop(stranger);
        let revoked = revoked.context("it waits")??;
        ensure!(revoked.status == 200 || revoked.status == 204, "{}: {}", revoked.status, revoked.text);
        assert_eq!(after?, 401, "at the other replica, at once");
        Ok(())
    })
    .await;
}
