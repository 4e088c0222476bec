//! The order loader against a real API: complete, repeatable, and patient.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::demo::sample;
use comptoir_tests::harness::{Api, Exit, Proxy, World, address, program, run, until};
use comptoir_tests::loader::{Options, Progress, Report, load};

const LIMIT: Duration = Duration::from_secs(120);
const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

async fn options(world: &World, api: &str, orders: PathBuf) -> Result<Options> {
    Ok(Options {
        api: api.to_owned(),
        credential: world.tenant().await?.api_key.clone(),
        orders,
        refused: world.logs().join("refused.csv"),
        concurrency: 8,
        vat_rate: "20".to_owned(),
        patience: Duration::from_secs(60),
    })
}

async fn load_into(world: &World, api: &Api, orders: PathBuf) -> Result<Report> {
    load(&options(world, api.http.root(), orders).await?, &Progress::new("orders", 0)).await
}

fn write(world: &World, rows: &str) -> Result<PathBuf> {
    let path = world.logs().join("orders.csv");
    std::fs::write(&path, format!("{HEADER}{rows}"))?;
    Ok(path)
}

/// Lines of the list of refused rows: line number, reason.
fn refused(path: &Path) -> Result<Vec<(u64, String)>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path)?;
    reader
        .byte_records()
        .map(|record| {
            let record = record?;
            let text =
                |index: usize| String::from_utf8_lossy(record.get(index).unwrap_or_default()).into_owned();
            Ok((text(0).parse()?, text(2)))
        })
        .collect()
}

/// What the database holds, to compare before and after.
async fn contents(world: &World) -> Result<Vec<(String, i64)>> {
    let mut contents = Vec::new();
    let sql = world.sql().await?;
    for table in ["customers", "products", "orders", "order_lines", "outbox_events"] {
        let count: i64 = sql.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await?.get(0);
        contents.push((table.to_owned(), count));
    }
    Ok(contents)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sample_is_loaded_and_a_second_run_changes_nothing() {
    World::run(async |world| {
        let api = world.api().await?;
        let first = load_into(world, &api, sample()).await?;
        assert!(first.is_complete(), "{first:?}");
        assert_eq!(
            first.orders,
            BTreeMap::from([("cancelled".to_owned(), 6), ("delivered".to_owned(), 144)])
        );
        assert_eq!((first.rows, first.refused_rows.values().sum::<u64>()), (911, 7));
        let list = refused(&world.logs().join("refused.csv"))?;
        let before = contents(world).await?;
        let second = load_into(world, &api, sample()).await?;
        assert_eq!((&second.orders, &second.refused_rows), (&first.orders, &first.refused_rows));
        assert_eq!(contents(world).await?, before);
        let mut again = refused(&world.logs().join("refused.csv"))?;
        again.sort();
        let mut list = list;
        list.sort();
        assert_eq!(again, list);
        Ok(())
    })
    .await;
}

/// When the keys of an earlier run are forgotten, the orders are found by their reference.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_that_exist_are_brought_forward_not_placed_again() {
    World::run(async |world| {
        let api = world.api().await?;
        let rows = "1,A,Board,2,d,1.50,7.0,France\n1,B,Jug,0,d,2,7.0,France\n1,A,Board,1,d,1.5,7.0,France\nC2,A,Board,-1,d,1.5,7.0,France\n";
        let orders = write(world, rows)?;
        load_into(world, &api, orders.clone()).await?;
        let sql = world.sql().await?;
        // As if the first run had been interrupted before the last steps, long ago.
        sql.batch_execute("DELETE FROM idempotency_records; UPDATE orders SET status = 'confirmed', shipped_at = NULL, tracking_number = NULL, delivered_at = NULL WHERE reference = '1'").await?;
        let before: i64 = sql.query_one("SELECT count(*) FROM orders", &[]).await?.get(0);
        let report = load_into(world, &api, orders).await?;
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(report.orders, BTreeMap::from([("cancelled".to_owned(), 1), ("delivered".to_owned(), 1)]));
        assert_eq!(sql.query_one("SELECT count(*) FROM orders", &[]).await?.get::<_, i64>(0), before);
        assert_eq!(refused(&world.logs().join("refused.csv"))?.len(), 1, "the row that never was in it");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_ends_up_in_an_order_or_on_the_list() {
    World::run(async |world| {
        let api = world.api().await?;
        let long = "L".repeat(80);
        let rows = format!(
            "1,A,Board,2,d,1.50,7.0,France\n\
             1,{long},Too long,1,d,1,7.0,France\n\
             1,A\n\
             2,B,Jug,x,d,1,7.0,France\n\
             2,B,Jug,-1,d,1,7.0,France\n\
             ,B,Jug,1,d,1,7.0,France\n\
             3,B,Jug,1,d,1,{},Nowhere\n\
             1,A,Board,9,d,1.50,7.0,France\n",
            "9".repeat(60)
        );
        let report = load_into(world, &api, write(world, &rows)?).await?;
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(report.orders, BTreeMap::from([("delivered".to_owned(), 1)]));
        let lines: i64 = world.sql().await?.query_one("SELECT count(*) FROM order_lines", &[]).await?.get(0);
        let mut list = refused(&world.logs().join("refused.csv"))?;
        list.sort();
        assert_eq!((lines, list.iter().map(|row| row.0).collect::<Vec<_>>()), (1, vec![3, 4, 5, 6, 7, 8, 9]));
        assert_eq!(
            list[6].1, "order_reference_taken",
            "a later part of an invoice is not dropped in silence"
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_killed_and_a_database_cut_off_in_mid_load_lose_nothing() {
    World::run(async |world| {
        let proxy = Proxy::start(address(&world.database.url)?).await?;
        let url = comptoir_tests::harness::with_address(&world.database.api_url, &proxy.address())?;
        let environment = [("DATABASE_URL", url.as_str())];
        let mut api = Api::start(world, &environment).await?;
        let options = options(world, api.http.root(), sample()).await?;
        let loading = tokio::spawn(async move { load(&options, &Progress::new("orders", 0)).await });
        for placed in [20, 70] {
            let sql = world.sql().await?;
            until(format!("{placed} orders"), LIMIT, async || {
                let count: i64 = sql.query_one("SELECT count(*) FROM orders", &[]).await?.get(0);
                ensure!(count >= placed, "{count}");
                Ok(())
            })
            .await?;
            api.daemon.kill()?;
            api.start_again(world, &environment).await?;
            proxy.cut();
            tokio::time::sleep(Duration::from_millis(500)).await;
            proxy.heal();
        }
        let report = loading.await?.context("the load")?;
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(report.orders, BTreeMap::from([("cancelled".to_owned(), 6), ("delivered".to_owned(), 144)]));
        let sql = world.sql().await?;
        let twice: i64 = sql
            .query_one(
                "SELECT count(*) FROM (SELECT FROM outbox_events GROUP BY aggregate_id, event_type HAVING count(*) > 1) AS twice",
                &[],
            )
            .await?
            .get(0);
        assert_eq!(twice, 0, "every command took effect once");
        Ok(())
    })
    .await;
}

async fn load_orders(world: &World, arguments: &[&str]) -> Result<Exit> {
    let mut command = Command::new(program("load-orders")?);
    command.env("COMPTOIR_API_KEY", &world.tenant().await?.api_key).args(arguments);
    run(command, LIMIT).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_says_by_its_exit_code_how_it_went() {
    World::run(async |world| {
        let api = world.api().await?;
        let list = world.logs().join("list.csv").display().to_string();
        let orders = write(world, "1,A,Board,2,d,1.50,7.0,France\n1,A,Board,0,d,1.50,7.0,France\n")?
            .display()
            .to_string();
        let at = ["--api", api.http.root(), "--refused", &list];
        let exit = load_orders(world, &[&[orders.as_str()], &at[..]].concat()).await?;
        assert_eq!(exit.code, Some(0), "refused rows are reported: {exit:?}");
        assert!(exit.stdout.contains("not_positive"), "{}", exit.stdout);

        let missing = load_orders(world, &[&["does-not-exist.csv"], &at[..]].concat()).await?;
        assert_eq!(missing.code, Some(2), "{missing:?}");
        let wrong = world.logs().join("wrong.csv");
        std::fs::write(&wrong, "a,b\n1,2\n")?;
        let exit = load_orders(world, &[&[wrong.to_str().unwrap()], &at[..]].concat()).await?;
        assert_eq!(exit.code, Some(2), "{exit:?}");
        assert_eq!(load_orders(world, &["--nonsense"]).await?.code, Some(2));

        let nobody = format!("http://127.0.0.1:{}", comptoir_tests::harness::free_port()?);
        let exit =
            load_orders(world, &[&orders, "--api", &nobody, "--refused", &list, "--patience", "1"]).await?;
        assert_eq!(exit.code, Some(1), "{exit:?}");
        Ok(())
    })
    .await;
}
