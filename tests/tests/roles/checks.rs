//! Seen: `relay check` said "19 ok" where no event could be published. What the checks judge, they do.

use anyhow::{Result, ensure};

use super::installation::Installation;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checks_do_what_they_judge_as_each_role() -> Result<()> {
    let own = Installation::new("CREATEROLE").await?;
    own.set_up().await?;
    let owner = own.sql("owner").await?;
    let check = async |name: &str, role: &str, environment: &[(&str, &str)]| {
        let mut command = own.command(name, role, &["check"])?;
        command.envs(environment.iter().copied());
        comptoir_tests::harness::run(command, super::installation::LIMIT).await
    };
    let services = own.url("services")?;
    let services = [("SERVICES_DATABASE_URL", services.as_str())];

    let relay = check("relay", "relay", &[]).await?;
    ensure!(relay.code == Some(0) && relay.stdout.contains("published and kept"), "{relay:?}");
    let api = check("api", "api", &services).await?;
    // The tests' server need not wait for the disk (POSTGRES_FSYNC in deploy/services.d/postgres.sh).
    let warned = |line: &&str| line.starts_with("  warn ") && !line.contains("durability");
    ensure!(
        api.code == Some(0)
            && api.stdout.contains("0 failures")
            && !api.stdout.lines().any(|line| warned(&line)),
        "{api:?}"
    );
    let without = check("api", "api", &[]).await?;
    ensure!(
        without.code == Some(0) && without.stdout.contains("api.services_database_url is not set"),
        "{without:?}"
    );
    let left: i64 = owner
        .query_one(
            "SELECT (SELECT count(*) FROM outbox_events) + (SELECT count(*) FROM outbox_history)
                + (SELECT count(*) FROM customers) + (SELECT count(*) FROM relay_replicas)",
            &[],
        )
        .await?
        .get(0);
    ensure!(left == 0, "a check left something behind");

    // A role that has nothing.
    let writer = check("relay", "writer", &[]).await?;
    ensure!(
        writer.code == Some(1) && writer.stdout.contains("CALL outbox_grant_relay('\"plain_"),
        "{writer:?}"
    );
    // One privilege is missing.
    owner.batch_execute(&format!("REVOKE UPDATE ON relay_shards FROM {}_relay", own.name)).await?;
    let relay = check("relay", "relay", &[]).await?;
    ensure!(
        relay.code == Some(1) && relay.stdout.contains("cannot be a replica and lease shards"),
        "{relay:?}"
    );
    owner.batch_execute(&format!("CALL outbox_grant_relay('{}_relay')", own.name)).await?;
    ensure!(check("relay", "relay", &[]).await?.code == Some(0));

    // Somebody's policy hides events, as it was seen.
    owner.batch_execute("ALTER TABLE outbox_events ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON outbox_events USING (true)").await?;
    let relay = check("relay", "relay", &[]).await?;
    ensure!(relay.code == Some(1) && relay.stdout.contains("events of others may be hidden"), "{relay:?}");
    owner
        .batch_execute(
            "DROP POLICY own ON outbox_events; ALTER TABLE outbox_events DISABLE ROW LEVEL SECURITY",
        )
        .await?;

    // Where row-level security does not hold.
    let as_owner = check("api", "owner", &[("COMPTOIR__API__DATABASE_ROLE", "none"), services[0]]).await?;
    ensure!(as_owner.stdout.contains("row-level-security"), "{as_owner:?}");
    own.admin.batch_execute(&format!("ALTER ROLE {}_api SET row_security = off", own.name)).await?;
    let off = check("api", "api", &services).await?;
    ensure!(off.code == Some(1) && off.stdout.contains("row_security is off"), "{off:?}");
    own.admin.batch_execute(&format!("ALTER ROLE {}_api RESET row_security", own.name)).await?;

    // Settings of the server and of the schema that need a word.
    own.admin
        .batch_execute(&format!(
            "ALTER ROLE {}_api SET default_transaction_isolation = serializable",
            own.name
        ))
        .await?;
    owner.batch_execute("GRANT CREATE ON SCHEMA public TO PUBLIC").await?;
    let api = check("api", "api", &services).await?;
    ensure!(api.code == Some(0), "{api:?}");
    for warning in ["are serializable by default", "everybody may create objects"] {
        ensure!(api.stdout.contains(warning), "no {warning:?} in {api:?}");
    }

    // Who may not become the runtime role is told what to do.
    let stranger = check("api", "writer", &services).await?;
    ensure!(stranger.code == Some(1) && stranger.stdout.contains("GRANT"), "{stranger:?}");
    drop(owner);
    own.remove().await
}
