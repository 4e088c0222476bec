//! What a replica remembers of who asks, and how it is taken back.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, Http, Scrape, World, until};
use nix::sys::signal::Signal;
use reqwest::Method;

use super::authentication::{PASSWORD, logged_in, user};

const EMAIL: &str = "ada@docks.example";
const END: &str = "UPDATE sessions SET ended_at = now(), end_reason = 'logged_out' WHERE id = $1::text::uuid";
/// The sessions that hold the lease.
const HOLDERS: &str = "SELECT pid FROM pg_locks
    WHERE locktype = 'advisory' AND classid = 1129270608 AND objid = 2 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY pid";

/// Two replicas, and somebody who logged in at the first and is known to the second.
struct Scene {
    here: Api,
    there: Api,
    session: String,
    ada: Http,
}

async fn scene(world: &World) -> Result<Scene> {
    let keys = world.run_api(&["keys", "generate"]).await?.stdout;
    let environment = [("COMPTOIR__IDENTITY__SIGNING_KEYS", keys.as_str())];
    let (here, there) = (Api::start(world, &environment).await?, Api::start(world, &environment).await?);
    user(world, &here, EMAIL, "sales").await?;
    let ada = logged_in(&here, EMAIL, PASSWORD).await?;
    let at_there = there.http.with_credential(ada.http.credential().context("no token")?);
    let scene = Scene { here, there, session: ada.session, ada: at_there };
    scene.is_remembered().await?;
    Ok(scene)
}

impl Scene {
    async fn checks(&self) -> Result<f64> {
        Scrape::of(&self.there.operations)
            .await?
            .sum("comptoir_principal_checks_total")
            .context("no such metric")
    }

    async fn status(&self) -> Result<u16> {
        Ok(self.ada.get("/orders").await?.status)
    }

    /// Until the second replica holds the lease, and does not look at the session any more.
    async fn is_remembered(&self) -> Result<()> {
        until("the session to be remembered", Duration::from_secs(20), async || {
            ensure!(self.status().await? == 200);
            let before = self.checks().await?;
            ensure!(self.status().await? == 200);
            ensure!(self.checks().await? == before, "it is looked up");
            Ok(())
        })
        .await
    }

    async fn end_session(&self) -> Result<u16> {
        let path = format!("/sessions/{}", self.session);
        let here = self.here.http.with_credential(self.ada.credential().context("no token")?);
        Ok(here.send(Method::DELETE, &path, &[], None).await?.status)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_remembered_is_not_looked_up_until_something_is_withdrawn_by_whomever() {
    World::run(async |world| {
        let scene = scene(world).await?;
        let sql = world.sql().await?;
        let session = [&scene.session as &(dyn tokio_postgres::types::ToSql + Sync)];
        let begin = "UPDATE sessions SET ended_at = NULL, end_reason = NULL WHERE id = $1::text::uuid";
        // Behind the trigger's back, to see that it is the trigger on which this rests. Again, if the replica has no lease at
        // this moment, since it got no processor time.
        until("the session to be remembered although it is over", Duration::from_secs(20), async || {
            scene.is_remembered().await?;
            sql.batch_execute("SET session_replication_role = replica").await?;
            ensure!(sql.execute(END, &session).await? == 1);
            let status = scene.status().await?;
            ensure!(sql.execute(begin, &session).await? == 1);
            sql.batch_execute("SET session_replication_role = origin").await?;
            ensure!(status == 200, "{status}");
            Ok(())
        })
        .await?;

        scene.is_remembered().await?;
        assert_eq!(sql.execute(END, &session).await?, 1);
        assert_eq!(scene.status().await?, 401);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_that_is_not_committed_stops_no_other() {
    World::run(async |world| {
        let scene = scene(world).await?;
        let other = logged_in(&scene.here, EMAIL, PASSWORD).await?;
        let mut sql = world.sql().await?;
        let open = sql.transaction().await?;
        assert_eq!(open.execute(END, &[&other.session]).await?, 1);
        assert_eq!(scene.end_session().await?, 204);
        assert_eq!(scene.status().await?, 401);
        open.rollback().await?;
        assert_eq!(other.http.get("/orders").await?.status, 200);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_stalls_does_not_stop_a_withdrawal_and_knows_of_it_when_it_goes_on() {
    World::run(async |world| {
        let scene = scene(world).await?;
        scene.there.daemon.signal(Signal::SIGSTOP)?;
        let ended = scene.end_session().await;
        scene.there.daemon.signal(Signal::SIGCONT)?;
        assert_eq!(ended?, 204);
        assert_eq!(scene.status().await?, 401);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_whose_connection_is_lost_is_taken_again() {
    World::run(async |world| {
        let scene = scene(world).await?;
        let sql = world.sql().await?;
        let holders = async || {
            let rows = sql.query(HOLDERS, &[]).await?;
            Ok::<Vec<i32>, anyhow::Error>(rows.iter().map(|row| row.get(0)).collect())
        };
        let lost = holders().await?;
        assert_eq!(lost.len(), 2);
        for pid in &lost {
            sql.execute("SELECT pg_terminate_backend($1)", &[pid]).await?;
        }
        until("the lease to be taken again", Duration::from_secs(20), async || {
            ensure!(scene.status().await? == 200);
            let now = holders().await?;
            ensure!(now.len() == 2 && now.iter().all(|pid| !lost.contains(pid)), "held by {now:?}");
            Ok(())
        })
        .await?;
        scene.is_remembered().await?;
        assert_eq!(scene.end_session().await?, 204);
        assert_eq!(scene.status().await?, 401);
        Ok(())
    })
    .await;
}
