//! The drill of docs/backup.md: a dump while everything works, restored into another database, verified, and gone on with.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, Services, TestDatabase, World, run};
use serde_json::{Value, json};
use tokio_postgres::Client;

const LIMIT: Duration = Duration::from_secs(60);

/// One of PostgreSQL's own programs.
fn postgres(services: &Services, name: &str) -> Command {
    let path = services.pg_bin.as_ref().map_or_else(|| name.into(), |folder| folder.join(name));
    Command::new(path)
}

async fn done(command: Command) -> Result<()> {
    let what = format!("{:?}", command.get_program());
    let exit = run(command, LIMIT).await?;
    ensure!(exit.code == Some(0), "{what}: {exit:?}");
    Ok(())
}

/// Places and ships an order, and invoices it. Returns the invoice's number.
async fn trade(api: &Api, customer: &Value, product: &Value) -> Result<String> {
    let order = api.order(customer, product).await?;
    let path = format!("/orders/{}", order["id"].as_str().context("an id")?);
    let confirmed = api.http.command(&format!("{path}/confirm")).await?;
    ensure!(confirmed.status == 200, "{}", confirmed.text);
    api.created(&format!("{path}/shipments"), &json!({})).await?;
    let draft = api.created("/invoices/from-orders", &json!({"order_ids": [order["id"]]})).await?;
    let path = format!("/invoices/{}/validate", draft["id"].as_str().context("an id")?);
    let invoice = api.http.command(&path).await?;
    ensure!(invoice.status == 200, "{}", invoice.text);
    Ok(invoice.field("number").to_owned())
}

async fn numbers(sql: &Client) -> Result<BTreeSet<String>> {
    let rows = sql.query("SELECT number FROM invoices WHERE number IS NOT NULL", &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// All that an operator looks at after a restore. The anchors were kept elsewhere.
async fn is_sound(world: &World, audit: &Path, series: &Path) -> Result<()> {
    let (audit, series) = (audit.to_str().context("a path")?, series.to_str().context("a path")?);
    for check in [
        &["check"][..],
        &["audit", "verify", "--anchors", audit],
        &["invoices", "verify", "--anchors", series],
        &["stock", "verify"],
    ] {
        let mut command = world.api_command(check)?;
        // Nobody receives e-mails here, which is worth a warning in production.
        command.env("COMPTOIR__SERVICES__ENVIRONMENT", "testing").env("COMPTOIR__MAIL__TRANSPORT", "log");
        let exit = run(command, LIMIT).await?;
        ensure!(exit.code == Some(0), "api {check:?}: {exit:?}");
    }
    let exit = world.run_relay(&["check"]).await?;
    ensure!(exit.code == Some(0), "relay check: {exit:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_of_a_working_system_is_restored_verified_and_gone_on_with() -> Result<()> {
    let mut world = World::new(Services::shared()?).await?;
    let consumer = world.consumer().await?;
    let (api, relay) = (world.api().await?, world.relay().await?);
    api.seller().await?;
    let (customer, tea) = (api.buyer("C-1").await?, api.stocked_product("TEA").await?);
    api.receive(&tea, "1000", "2.00").await?;
    for _ in 0..3 {
        trade(&api, &customer, &tea).await?;
    }
    let payment = json!({"customer_id": customer["id"], "method": "transfer", "amount": "30.00"});
    api.created("/payments", &payment).await?;
    world.drained(LIMIT).await?;
    // From here on events wait: the dump has some that nobody was told of.
    relay.stop().await?;
    let mut before = BTreeSet::new();
    before.insert(trade(&api, &customer, &tea).await?);
    let (audit, series) = (world.logs().join("audit.anchors"), world.logs().join("series.anchors"));
    for (kind, file) in [("audit", &audit), ("invoices", &series)] {
        let file = file.to_str().context("a path")?;
        let exit = world.run_api(&[kind, "verify", "--save-anchors", file]).await?;
        ensure!(exit.code == Some(0), "{kind}: {exit:?}");
    }

    let sql = world.sql().await?;
    before.extend(numbers(&sql).await?);
    let dump = world.logs().join("comptoir.dump");
    let mut command = postgres(&world.services, "pg_dump");
    command.args(["--format=custom", "--file"]).arg(&dump).arg(&world.database.url);
    let is_over = AtomicBool::new(false);
    let dumping = async {
        let dumped = done(command).await;
        is_over.store(true, Ordering::Relaxed);
        dumped
    };
    let writing = async {
        let mut written = 0;
        while !is_over.load(Ordering::Relaxed) {
            trade(&api, &customer, &tea).await?;
            written += 1;
        }
        Ok::<_, anyhow::Error>(written)
    };
    let (dumped, written) = futures::join!(dumping, writing);
    dumped?;
    ensure!(written? > 0, "nobody wrote while the dump was taken");
    let after = numbers(&sql).await?;
    drop((api, sql));

    // Into another database, as its owner, who is no superuser. Nothing of ours works meanwhile.
    let restored = TestDatabase::empty(&world.services).await?;
    let mut command = postgres(&world.services, "pg_restore");
    command.args(["--exit-on-error", "--single-transaction", "--dbname", &restored.url]).arg(&dump);
    done(command).await?;
    let _lost = std::mem::replace(&mut world.database, restored);
    let sql = world.sql().await?;
    let kept = numbers(&sql).await?;
    ensure!(before.is_subset(&kept), "what was there before the dump is gone: {before:?}, {kept:?}");
    ensure!(kept.is_subset(&after), "invented: {kept:?}, {after:?}");
    is_sound(&world, &audit, &series).await?;

    // What waited is published; what was published is not published again; nothing else arrives.
    let pending: i64 = sql.query_one("SELECT count(*) FROM outbox_events", &[]).await?.get(0);
    ensure!(pending > 0, "nothing waited: the test proves little");
    let (api, relay) = (world.api().await?, world.relay().await?);
    world.everything_arrives(&consumer, LIMIT).await?;

    // Numbers go on where the snapshot ended.
    let next = trade(&api, &customer, &tea).await?;
    let expected = format!("-{:06}", kept.len() + 1);
    ensure!(next.ends_with(&expected), "{next} follows {} invoices", kept.len());
    world.everything_arrives(&consumer, LIMIT).await?;
    is_sound(&world, &audit, &series).await?;
    relay.stop().await?;
    Ok(())
}
