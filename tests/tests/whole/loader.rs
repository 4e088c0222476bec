//! The order loader against a real API: complete, repeatable, and patient.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::Utc;
use comptoir_tests::demo::{
    BookFindings, InvoiceFindings, StockFindings, draw, introduce_company, judge, sample,
};
use comptoir_tests::harness::{Api, Exit, Proxy, World, address, program, run, until};
use comptoir_tests::loader::{Options, Progress, Report, load};
use serde_json::json;

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
        invoices: false,
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
    for table in [
        "customers",
        "products",
        "orders",
        "order_lines",
        "shipments",
        "returns",
        "stock_documents",
        "stock_movements",
        // Levels that change often are told of a moment later.
        "outbox_events WHERE event_type <> 'stock.level_changed'",
    ] {
        let count: i64 = sql.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await?.get(0);
        contents.push((table.to_owned(), count));
    }
    Ok(contents)
}

/// Fails if the stock is not what the ledger and the file say.
async fn stock_is_right(world: &World, orders: &Path) -> Result<()> {
    let findings = StockFindings::of(world, orders, &world.logs().join("refused.csv")).await?;
    ensure!(findings.is_sound() && findings.compared > 0, "{findings:?}");
    Ok(())
}

fn counts<const N: usize>(of: [(&str, u64); N]) -> BTreeMap<String, u64> {
    of.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sample_is_loaded_and_a_second_run_changes_nothing() {
    World::run(async |world| {
        let api = world.api().await?;
        let first = load_into(world, &api, sample()).await?;
        assert!(first.is_complete(), "{first:?}");
        assert_eq!(first.orders, counts([("delivered", 141)]));
        assert_eq!((first.receipts, first.returns, first.write_offs), (1, 13, 3));
        assert_eq!((first.rows, first.refused_rows.values().sum::<u64>()), (904, 14));
        let short = |reason| first.refused_rows.get(reason).copied();
        assert_eq!((short("no_earlier_sale"), short("not_in_stock")), (Some(5), Some(2)));
        stock_is_right(world, &sample()).await?;
        api.proof().await?;
        let sql = world.sql().await?;
        let row = sql
            .query_one(
                "SELECT (SELECT count(*) FROM shipments), (SELECT count(*) FROM products WHERE NOT stocked)",
                &[],
            )
            .await?;
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (141 + 26, 1), "shipments, and postage");

        let mut list = refused(&world.logs().join("refused.csv"))?;
        list.sort();
        let before = contents(world).await?;
        // Under the same keys; and, long after, when they are forgotten and what exists is found by its reference.
        for forget in ["", "DELETE FROM idempotency_records"] {
            sql.batch_execute(forget).await?;
            let again = load_into(world, &api, sample()).await?;
            assert!(again.is_complete(), "{again:?}");
            assert_eq!((&again.orders, &again.refused_rows), (&first.orders, &first.refused_rows));
            assert_eq!((again.receipts, again.returns, again.write_offs), (1, 13, 3));
            assert_eq!(contents(world).await?, before, "{forget}");
            let mut listed = refused(&world.logs().join("refused.csv"))?;
            listed.sort();
            assert_eq!(listed, list);
        }
        stock_is_right(world, &sample()).await?;
        Ok(())
    })
    .await;
}

/// What is on invoices, and what was done with it, to compare before and after.
async fn documents(world: &World) -> Result<Vec<(String, i64)>> {
    let mut found = Vec::new();
    let sql = world.sql().await?;
    for table in ["invoices", "invoice_contents", "invoice_lines", "payments", "payment_allocations"] {
        let count: i64 = sql.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await?.get(0);
        found.push((table.to_owned(), count));
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_left_is_invoiced_what_came_back_is_credited_and_a_second_run_changes_nothing() {
    World::run(async |world| {
        let api = world.api().await?;
        introduce_company(&api.http).await?;
        let options = Options { invoices: true, ..options(world, api.http.root(), sample()).await? };
        let today = Utc::now().date_naive();
        let first = load(&options, &Progress::new("orders", 0)).await?;
        assert!(first.is_complete(), "{first:?}");
        assert_eq!((first.numbered, first.credit_notes), (141, 13));
        assert_eq!(first.not_documented, BTreeMap::new());
        // Of 141 numbers, 14 are not paid at all; what was credited whole needs no payment.
        assert!((141 - 14 - 13..=141 - 14).contains(&first.payments), "{first:?}");
        let findings = InvoiceFindings::of(world, &sample(), &options.refused, "20", today).await?;
        assert!(findings.is_sound(), "{findings:?}");
        assert_eq!(findings.compared, 141 + 13);
        assert!(findings.invoices.sums.vat.len() == 2, "with VAT and without: {findings:?}");
        let sql = world.sql().await?;
        let books = async || BookFindings::of(&sql, &options.api, &options.credential).await;
        let mut found = books().await?;
        found.compare_due(findings.due.as_ref().context("what is due by the file")?);
        assert!(found.is_sound() && found.lettered > 0, "{found:?}");
        assert_eq!(found.due_compared, 2, "one month, with VAT and without: {found:?}");
        let nothing = "SELECT count(*) FROM invoices WHERE gross_total = 0::numeric";
        let nothing: i64 = sql.query_one(nothing, &[]).await?.get(0);
        let documents_and_payments = 141 + 13 + first.payments;
        assert_eq!(found.entries + u64::try_from(nothing)?, documents_and_payments, "one of each: {found:?}");

        let before = documents(world).await?;
        for forget in ["", "DELETE FROM idempotency_records"] {
            sql.batch_execute(forget).await?;
            let again = load(&options, &Progress::new("orders", 0)).await?;
            assert!(again.is_complete(), "{again:?}");
            assert_eq!((again.numbered, again.credit_notes, again.payments), (141, 13, first.payments));
            assert_eq!(documents(world).await?, before, "{forget}");
        }

        // The comparison can fail: with a hand in the database.
        sql.batch_execute(
            "ALTER TABLE invoice_vat DISABLE TRIGGER USER; UPDATE invoice_vat SET tax = tax + 0.01 WHERE tax > 0",
        )
        .await?;
        let findings = InvoiceFindings::of(world, &sample(), &options.refused, "20", today).await?;
        assert!(findings.complaints.len() >= 2, "{findings:?}");
        // An export whose entries would not balance is refused, and the VAT that is due is another one.
        let mut found = books().await?;
        found.compare_due(findings.due.as_ref().context("what is due by the file")?);
        assert!(found.complaints.iter().any(|one| one.contains("due in") && one.contains("by the file")), "{found:?}");
        assert!(found.complaints.iter().any(|one| one.contains("entry_unbalanced")), "{found:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn all_documents_of_the_sample_pass_the_schematrons() {
    World::run(async |world| {
        let environment = [("COMPTOIR__SERVICES__INVOICE_DOCUMENTS__ENABLED", "true")];
        let api = Api::start(world, &environment).await?;
        introduce_company(&api.http).await?;
        let options = Options { invoices: true, ..options(world, api.http.root(), sample()).await? };
        let report = load(&options, &Progress::new("orders", 0)).await?;
        assert!(report.is_complete(), "{report:?}");
        let (sql, folder) = (world.sql().await?, world.logs().join("drawn"));
        let drawn = draw(&sql, &options.api, &options.credential, &folder, 1_000).await?;
        assert_eq!(drawn, 141 + 13);
        judge(&folder, drawn).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_that_cannot_invoice_is_told_what_it_lacks() {
    World::run(async |world| {
        let api = world.api().await?;
        let orders = write(world, "1,A,Board,2,d,1.50,7.0,France\n2,A,Board,2,d,1.50,7.0,France\n")?;
        let options = Options { invoices: true, ..options(world, api.http.root(), orders).await? };
        let report = load(&options, &Progress::new("orders", 0)).await?;
        assert!(!report.is_complete() && report.numbered == 0, "{report:?}");
        assert_eq!(report.orders, counts([("delivered", 2)]));
        assert!(report.failures[0].contains("your company cannot invoice yet: /tenant/"), "{report:?}");
        Ok(())
    })
    .await;
}

/// An order that an earlier run did not bring to its end, long ago: its keys are forgotten, and it is found by its reference.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_that_exist_are_brought_forward_not_placed_again() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("7").await?, api.stocked_product("A").await?);
        api.receive(&product, "3", "1.00").await?;
        let line = |quantity| json!({"product_id": product["id"], "quantity": quantity, "unit_price": "1.50"});
        // An order of this number leaves in two shipments. The first has left.
        let body = json!({"customer_id": customer["id"], "reference": "72", "lines": [line("2"), line("1")]});
        let order = api.created("/orders", &body).await?;
        let path = format!("/orders/{}", order["id"].as_str().context("an id")?);
        let confirmed = api.http.post(&format!("{path}/confirm"), &json!({})).await?;
        ensure!(confirmed.status == 200, "{confirmed:?}");
        let part = json!({"lines": [{"position": 1, "quantity": "2"}]});
        api.created(&format!("{path}/shipments"), &part).await?;

        let rows =
            "72,A,Board,2,d,1.50,7.0,France\n72,B,Jug,0,d,2,7.0,France\n72,A,Board,1,d,1.5,7.0,France\nC73,A,Board,-1,d,1.5,7.0,France\n";
        let report = load_into(world, &api, write(world, rows)?).await?;
        assert!(report.is_complete(), "{report:?}");
        assert_eq!((report.orders, report.returns), (counts([("delivered", 1)]), 1));
        let row = world
            .sql()
            .await?
            .query_one(
                "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM shipments),
                    (SELECT on_hand::float8 FROM stock_levels WHERE sku = 'A')",
                &[],
            )
            .await?;
        // What it was to sell was received once more.
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, f64>(2)), (1, 2, 4.0));
        assert_eq!(refused(&world.logs().join("refused.csv"))?.len(), 1, "the row that never was in it");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_back_was_sold_before_and_what_is_lost_was_there() {
    World::run(async |world| {
        let api = world.api().await?;
        let rows = "1,A,Board,10,2010-12-01 08:26:00,2.00,7.0,France\n\
            2,A,Board,4,2010-12-02 08:26:00,2.00,7.0,France\n\
            C3,A,Board,-6,2010-12-03 08:26:00,2.00,7.0,France\n\
            C4,A,Board,-20,2010-12-03 09:26:00,2.00,7.0,France\n\
            C5,A,Board,-1,2010-12-03 10:26:00,2.00,8.0,France\n";
        let lost = "6,A,damaged,-20,2010-12-04 08:26:00,0.0,,France\n";
        let more = "7,POST,Postage,1,2010-12-04 09:26:00,18.00,7.0,France\n\
            C8,POST,Postage,-1,2010-12-04 10:26:00,18.00,7.0,France\n";
        let orders = write(world, &format!("{rows}{lost}{more}"))?;
        let report = load_into(world, &api, orders.clone()).await?;
        assert!(report.is_complete(), "{report:?}");
        assert_eq!((&report.orders, report.returns, report.write_offs), (&counts([("delivered", 3)]), 4, 1));
        assert_eq!(report.refused_rows, counts([("no_earlier_sale", 2), ("not_in_stock", 1)]));
        let mut list = refused(&world.logs().join("refused.csv"))?;
        list.sort();
        assert_eq!(list.iter().map(|row| row.0).collect::<Vec<_>>(), [5, 6, 7]);
        stock_is_right(world, &orders).await?;
        api.proof().await?;

        let sql = world.sql().await?;
        let back: Vec<String> = sql
            .query(
                "SELECT returns.reference || ': ' || trunc(sum(quantity)) FROM returns
                    JOIN return_lines ON return_lines.return_id = returns.id GROUP BY returns.reference ORDER BY 1",
                &[],
            )
            .await?
            .iter()
            .map(|row| row.get(0))
            .collect();
        assert_eq!(back, ["C3/1: 2", "C3/2: 4", "C4/1: 8", "C8/7: 1"]);
        let days: (i32, bool) = {
            let row = sql
                .query_one(
                    "SELECT max(ordered_on) - min(ordered_on), max(ordered_on) >= (now() AT TIME ZONE 'UTC')::date - 1
                    FROM orders",
                    &[],
                )
                .await?;
            (row.get(0), row.get(1))
        };
        assert_eq!(days, (3, true), "the days of the file, and its last is today");

        // The comparison can fail: with another file, and with a hand in the database.
        let list = world.logs().join("refused.csv");
        let other = write(world, &format!("{rows}{more}"))?;
        let findings = StockFindings::of(world, &other, &list).await?;
        assert!(findings.complaints.contains(&"A: 0 is on hand, by the file 14".to_owned()), "{findings:?}");
        sql.batch_execute("UPDATE stock_levels SET on_hand = 1").await?;
        let findings = StockFindings::of(world, &write(world, &format!("{rows}{lost}{more}"))?, &list).await?;
        assert!(findings.complaints.len() >= 2, "{findings:?}");
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
        let orders = write(world, &rows)?;
        let report = load_into(world, &api, orders.clone()).await?;
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(report.orders, counts([("delivered", 1)]));
        let lines: i64 = world.sql().await?.query_one("SELECT count(*) FROM order_lines", &[]).await?.get(0);
        let mut list = refused(&world.logs().join("refused.csv"))?;
        list.sort();
        assert_eq!((lines, list.iter().map(|row| row.0).collect::<Vec<_>>()), (1, vec![3, 4, 5, 6, 7, 8, 9]));
        assert_eq!(
            list[6].1, "order_reference_taken",
            "a later part of an invoice is not dropped in silence"
        );
        stock_is_right(world, &orders).await?;
        Ok(())
    })
    .await;
}

/// Loads a file, and loads it again: under the same keys, and when they are forgotten. Nothing changes by that.
async fn load_again_and_again(world: &World, api: &Api, orders: &Path) -> Result<Report> {
    let first = load_into(world, api, orders.to_owned()).await?;
    ensure!(first.is_complete(), "{first:?}");
    let before = contents(world).await?;
    for forget in ["", "DELETE FROM idempotency_records"] {
        world.sql().await?.batch_execute(forget).await?;
        let again = load_into(world, api, orders.to_owned()).await?;
        ensure!(again.is_complete(), "{forget}: {again:?}");
        ensure!((&again.orders, &again.refused_rows) == (&first.orders, &first.refused_rows), "{again:?}");
        ensure!((again.returns, again.write_offs) == (first.returns, first.write_offs), "{again:?}");
        let after = contents(world).await?;
        ensure!(after == before, "{forget}: {after:?}, before {before:?}");
    }
    stock_is_right(world, orders).await?;
    api.proof().await?;
    Ok(first)
}

/// The API's references and tracking numbers have 100 characters at most, and some are made of an invoice's number and more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_as_long_as_a_reference_are_shipped_come_back_and_are_written_off() {
    World::run(async |world| {
        let api = world.api().await?;
        // The sum of their characters says that these leave in two shipments.
        let mut rows = String::new();
        for (number, day) in [("9".repeat(95), 1), ("9".repeat(100), 2)] {
            for sku in ["A", "B"] {
                rows += &format!("{number},{sku},Board,2,2010-12-0{day} 08:26:00,1.50,7.0,France\n");
            }
            rows += &format!("C{},A,Board,-1,2010-12-0{day} 09:26:00,1.50,7.0,France\n", &number[1..]);
        }
        let lost = "8".repeat(120);
        rows += &format!("{lost},A,damaged,-1,2010-12-03 08:26:00,0.0,,France\n");
        // An order's number is its reference: this one has none.
        rows += &format!("{lost},A,Board,1,2010-12-03 08:26:00,1.50,7.0,France\n");
        let report = load_again_and_again(world, &api, &write(world, &rows)?).await?;
        assert_eq!(report.orders, counts([("delivered", 2)]));
        assert_eq!((report.returns, report.write_offs), (2, 1));
        assert_eq!(report.refused_rows, counts([("too_long", 1)]));
        let query = "SELECT (SELECT count(*) FROM shipments), (SELECT count(DISTINCT tracking_number) FROM shipments),
            (SELECT max(length(tracking_number)) FROM shipments), (SELECT max(length(reference)) FROM returns),
            (SELECT max(length(reference)) FROM stock_documents WHERE kind = 'write_off')";
        let row = world.sql().await?.query_one(query, &[]).await?;
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (4, 4));
        assert_eq!([2_usize, 3, 4].map(|column| row.get::<_, i32>(column)), [100; 3]);
        Ok(())
    })
    .await;
}

/// Seen: a part that was equal to an earlier one of its invoice was sent under the same key, or found as what an earlier run had made, and
/// counted as done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_parts_of_an_invoice_are_not_taken_for_the_same() {
    World::run(async |world| {
        let api = world.api().await?;
        let rows = "1,A,Board,5,2010-12-01 08:26:00,2.00,7.0,France\n\
            2,B,Jug,1,2010-12-01 08:30:00,2.00,7.0,France\n\
            1,A,Board,5,2010-12-01 08:26:00,2.00,7.0,France\n\
            C3,A,Board,-1,2010-12-02 08:26:00,2.00,7.0,France\n\
            C4,A,Board,-1,2010-12-02 08:30:00,2.00,7.0,France\n\
            C3,A,Board,-1,2010-12-02 08:26:00,2.00,7.0,France\n\
            5,A,lost,-1,2010-12-03 08:26:00,0.0,,France\n\
            6,A,lost,-1,2010-12-03 08:30:00,0.0,,France\n\
            5,A,lost,-1,2010-12-03 08:26:00,0.0,,France\n";
        let report = load_again_and_again(world, &api, &write(world, rows)?).await?;
        assert_eq!(report.orders, counts([("delivered", 2)]));
        assert_eq!((report.returns, report.write_offs), (3, 3));
        assert_eq!(report.refused_rows, counts([("order_reference_taken", 1)]));
        assert_eq!(
            refused(&world.logs().join("refused.csv"))?,
            [(4, "order_reference_taken".to_owned())],
            "an order gets no further rows"
        );
        let query = "SELECT string_agg(reference, ', ' ORDER BY reference COLLATE \"C\") FROM (
            SELECT reference FROM returns
            UNION ALL SELECT reference FROM stock_documents WHERE kind = 'write_off') AS document";
        let references: String = world.sql().await?.query_one(query, &[]).await?.get(0);
        assert_eq!(references, "5, 5 (2), 6, C3/1, C3/1 (2), C4/1");
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
        assert_eq!(report.orders, counts([("delivered", 141)]));
        assert_eq!((report.receipts, report.returns, report.write_offs), (1, 13, 3));
        let sql = world.sql().await?;
        let twice: i64 = sql
            .query_one(
                "SELECT count(*) FROM (
                    SELECT FROM outbox_events WHERE event_type NOT IN ('stock.level_changed', 'order.returned')
                    GROUP BY aggregate_id, event_type HAVING count(*) > 1
                ) AS twice",
                &[],
            )
            .await?
            .get(0);
        assert_eq!(twice, 0, "every command took effect once");
        stock_is_right(world, &sample()).await?;
        api.proof().await?;
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
        let pipe = load_orders(world, &[&["/dev/null"], &at[..]].concat()).await?;
        assert_eq!(pipe.code, Some(2), "it is read several times: {pipe:?}");
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
