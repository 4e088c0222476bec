//! Seen: the owner of the tables was changed, or a policy dropped, and `api audit verify` said "sound: 0 rows of 0 tenants
//! verified", exit 0, while the trail had rows: row-level security had hidden them. The same for a tenant that does not
//! exist, and for a file of anchors without an anchor.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Exit, World, run};
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(60);

/// `api audit verify`, by whoever logs in so.
async fn verify_as(world: &World, url: &str) -> Result<Exit> {
    let mut command = world.api_command(&["audit", "verify"])?;
    command.env("DATABASE_URL", url);
    run(command, LIMIT).await
}

fn is_refused(exit: &Exit) -> bool {
    exit.code == Some(1) && exit.stderr.contains("does not see the rows of all tenants")
}

fn is_sound(exit: &Exit) -> bool {
    exit.code == Some(0) && exit.stdout.contains("sound: 1 rows of 1 tenants")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_see_everything_is_told_so_and_who_does_sees_the_rows() {
    World::run(async |world| {
        world.api().await?.customer("C-1").await?;
        let sql = world.sql().await?;
        for (who, url) in [("owner", &world.database.url), ("auditor", &world.database.auditor_url)] {
            let seen = verify_as(world, url).await?;
            ensure!(is_sound(&seen), "{who}: {seen:?}");
        }
        sql.batch_execute(
            "CREATE POLICY hidden ON audit_events AS RESTRICTIVE FOR SELECT USING (action <> 'customer.create')",
        )
        .await?;
        let restricted = verify_as(world, &world.database.auditor_url).await?;
        ensure!(is_refused(&restricted), "behind a restrictive policy: {restricted:?}");
        sql.batch_execute("DROP POLICY hidden ON audit_events").await?;

        let policy = "SELECT quote_ident(policyname) FROM pg_policies
            WHERE tablename = 'audit_chains' AND policyname LIKE 'auditor %auditor'";
        let policy: String = sql.query_one(policy, &[]).await?.get(0);
        sql.batch_execute(&format!("DROP POLICY {policy} ON audit_chains")).await?;
        let halved = verify_as(world, &world.database.auditor_url).await?;
        ensure!(is_refused(&halved), "a policy was dropped: {halved:?}");

        // Forced, it holds for the owner as well, who has no policy.
        sql.batch_execute("ALTER TABLE audit_events FORCE ROW LEVEL SECURITY").await?;
        let forced = verify_as(world, &world.database.url).await?;
        ensure!(is_refused(&forced), "an owner for whom row-level security is forced: {forced:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_is_unknown_and_a_file_without_anchors_are_errors() {
    World::run(async |world| {
        world.api().await?.customer("C-1").await?;
        let verify =
            async |arguments: &[&str]| world.run_api(&[&["audit", "verify"], arguments].concat()).await;
        let nobody = Uuid::new_v4().to_string();
        let unknown = verify(&["--tenant", &nobody]).await?;
        assert!(unknown.code == Some(1) && unknown.stderr.contains(&nobody), "{unknown:?}");

        let file = world.logs().join("anchors");
        let anchors = file.to_str().context("a path")?;
        std::fs::write(&file, "# nothing\n")?;
        let empty = verify(&["--anchors", anchors]).await?;
        assert!(empty.code == Some(1) && empty.stderr.contains("nothing is anchored"), "{empty:?}");
        let saved = verify(&["--save-anchors", anchors]).await?;
        assert_eq!(saved.code, Some(0), "{saved:?}");
        assert_eq!(verify(&["--anchors", anchors]).await?.code, Some(0));
        Ok(())
    })
    .await;
}
