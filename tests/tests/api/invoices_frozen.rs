//! One value after the other is changed in every column of every frozen table, as the owner of the tables can who turns the triggers off: `api invoices verify` finds each.
//! The tables are those that have such a trigger: one that is added later is tried, too.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use comptoir_tests::harness::{Api, World, until};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::invoice_documents::MADE;
use super::sending::OFTEN;

const LIMIT: Duration = Duration::from_secs(60);
/// The functions of the triggers that keep tables frozen.
const TABLES: &str =
    "SELECT DISTINCT t.tgrelid::regclass::text FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
    WHERE p.proname IN ('invoices_are_frozen', 'payments_are_kept', 'transmissions_are_kept', 'claims_are_kept') ORDER BY 1";
/// Without those that are generated: nobody writes them.
const COLUMNS: &str = "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a
    WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum";
/// What orders rows or repeats what is proved elsewhere: nothing else says it.
const UNPROVED: [&str; 1] = ["invoice_documents.pages"];
const NOBODY: &str = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b";

/// A column, and the name of its type.
type Column = (String, String);

/// An invoice of an order, a free one, a payment of both that was reversed, a credit note, and another payment; one is sent by e-mail and to a platform: every column has
/// a value somewhere.
async fn trade(world: &World) -> Result<()> {
    let sql = world.sql().await?;
    let directory = world.logs().join("platform").display().to_string();
    let dropped = ("COMPTOIR__SERVICES__INVOICE_SENDING__DIRECTORY", directory.as_str());
    let api = Api::start(world, &[MADE, OFTEN, dropped]).await?;
    api.seller().await?;
    let (customer, tea) = (api.buyer("C-1").await?, api.product("TEA").await?);
    // At the product's own price: that it is the list's is a column, too.
    let list = api.price_list("ALL", &json!({})).await?;
    api.set_price(&list, &tea, &[("0", "10.00")]).await?;
    let order = api.order(&customer, &tea).await?;
    let path = format!("/orders/{}", order["id"].as_str().context("an id")?);
    for step in ["confirm", "ship"] {
        let answer = api.http.post(&format!("{path}/{step}"), &json!({})).await?;
        ensure!(answer.status == 200, "{}", answer.text);
    }
    let of_order = api.created("/invoices/from-orders", &json!({"order_ids": [order["id"]]})).await?;
    let free = api.invoice(&customer, &tea).await?;
    for invoice in [&of_order, &free] {
        let path = format!("/invoices/{}/validate", invoice["id"].as_str().context("an id")?);
        let answer = api.http.command(&path).await?;
        ensure!(answer.status == 200, "{}", answer.text);
    }
    let first = pay(&api, &customer, "48.00").await?;
    let path = format!("/payments/{}/reverse", first["id"].as_str().context("an id")?);
    api.created(&path, &json!({"reason": "unpaid cheque"})).await?;
    give_back(&api, &order).await?;
    pay(&api, &customer, "30.00").await?;
    // Their links are there when the API ends.
    until("the documents", LIMIT, async || {
        let query =
            "SELECT (SELECT count(*) FROM invoice_contents) - (SELECT count(*) FROM invoice_documents)";
        let missing: i64 = sql.query_one(query, &[]).await?.get(0);
        ensure!(missing == 0, "{missing} documents are missing");
        Ok(())
    })
    .await?;
    // The document is there, so the step has its e-mail at once.
    let path = format!("/invoices/{}/send", free["id"].as_str().context("an id")?);
    for channel in ["email", "platform"] {
        let answer = api.http.post(&path, &json!({"channel": channel})).await?;
        ensure!(answer.status == 200, "{}", answer.text);
    }
    until("what the platform says", LIMIT, async || {
        let query =
            "SELECT count(*) FROM invoice_transmissions WHERE code IS NOT NULL AND detail IS NOT NULL";
        let steps: i64 = sql.query_one(query, &[]).await?.get(0);
        ensure!(steps == 1, "{steps} steps");
        Ok(())
    })
    .await
}

/// Takes one of an order back, and gives the money back.
async fn give_back(api: &Api, order: &Value) -> Result<()> {
    let lines = json!([{"position": 1, "quantity": "1", "restock": true}]);
    let path = format!("/orders/{}/returns", order["id"].as_str().context("an id")?);
    let back = api.created(&path, &json!({"reason": "broken", "lines": lines})).await?;
    let path = format!("/returns/{}/credit-note", back["id"].as_str().context("an id")?);
    let answer = api.http.post(&path, &json!({})).await?;
    ensure!(matches!(answer.status, 200 | 201), "{}", answer.text);
    Ok(())
}

async fn pay(api: &Api, customer: &Value, amount: &str) -> Result<Value> {
    let body =
        json!({"customer_id": customer["id"], "method": "transfer", "amount": amount, "reference": "VIR 1"});
    api.created("/payments", &body).await
}

/// Whether something is found. Nothing else may be wrong.
async fn is_found(world: &World) -> Result<bool> {
    let exit = world.run_api(&["invoices", "verify", "--json"]).await?;
    let report: Value = serde_json::from_str(&exit.stdout).with_context(|| format!("{exit:?}"))?;
    let found = report["broken"].as_array().is_some_and(|broken| !broken.is_empty());
    ensure!(exit.code == Some(i32::from(found)), "{exit:?}");
    Ok(found)
}

/// What takes the place of a value so that it still fits the column.
fn another(table: &str, (column, kind): &Column) -> Result<String> {
    let name = format!("\"{column}\"");
    Ok(match (table, column.as_str(), kind.as_str()) {
        // Only some words are possible.
        ("invoice_lines", "nature", _) => one_of(&name, "goods", "service"),
        ("invoice_lines", "price_source", _) => one_of(&name, "product", "given"),
        ("invoice_chain", "kind", _) => one_of(&name, "payment", "reversal"),
        ("invoice_transmissions", "channel", _) => one_of(&name, "email", "platform"),
        ("payments", "method", _) => one_of(&name, "cash", "card"),
        (_, _, "text") => {
            format!(
                "overlay({name} PLACING CASE left({name}, 1) WHEN 'X' THEN 'Y' ELSE 'X' END FROM 1 FOR 1)"
            )
        }
        (_, _, "uuid") => format!("'{NOBODY}'::uuid"),
        (_, _, "bytea") => format!("set_byte({name}, 0, get_byte({name}, 0) # 1)"),
        (_, _, "boolean") => format!("NOT {name}"),
        (_, _, "date") => format!("{name} + 1"),
        // Another row may have the next number, and a chain has some.
        (_, _, "bigint") => format!("{name} + 1000"),
        (_, _, "smallint" | "integer") => format!("{name} + 7"),
        (_, _, kind) if kind.starts_with("timestamp") => format!("{name} + interval '1 microsecond'"),
        (_, _, kind) if kind.starts_with("numeric") => format!("{name} + 0.01"),
        (_, _, kind) => bail!("{table}.{column} is a {kind}: say here what may stand in its place"),
    })
}

fn one_of(name: &str, word: &str, or: &str) -> String {
    format!("CASE {name} WHEN '{word}' THEN '{or}' ELSE '{word}' END")
}

/// Changes a value, lets `look` look, and puts it back. Returns false if a constraint refuses it: that is possible with keys only.
async fn changed(
    sql: &Client,
    table: &str,
    column: &Column,
    look: impl AsyncFnOnce() -> Result<()>,
) -> Result<bool> {
    let (name, kind) = column;
    let query =
        format!("SELECT ctid::text, \"{name}\"::text FROM {table} WHERE \"{name}\" IS NOT NULL LIMIT 1");
    let row = sql.query_opt(&query, &[]).await?;
    let row = row.with_context(|| format!("no row has a value in {table}.{name}"))?;
    let (place, before): (String, String) = (row.get(0), row.get(1));
    let other = another(table, column)?;
    let change =
        format!("UPDATE {table} SET \"{name}\" = {other} WHERE ctid = $1::text::tid RETURNING ctid::text");
    let place: String = match sql.query_one(&change, &[&place]).await {
        Ok(row) => row.get(0),
        // Class 23: integrity constraint violation.
        Err(error) if kind == "uuid" && error.code().is_some_and(|code| code.code().starts_with("23")) => {
            return Ok(false);
        }
        Err(error) => return Err(error).with_context(|| change.clone()),
    };
    look().await.with_context(|| change.clone())?;
    let undo = format!("UPDATE {table} SET \"{name}\" = $2::text::{kind} WHERE ctid = $1::text::tid");
    ensure!(sql.execute(&undo, &[&place, &before]).await? == 1, "{table}.{name} is not put back");
    Ok(true)
}

/// Tries every column of the frozen tables that are chosen by name. Returns the columns of which a value could be changed, and was found.
async fn every_column(world: &World, is_chosen: impl Fn(&str) -> bool) -> Result<BTreeSet<String>> {
    trade(world).await?;
    ensure!(!is_found(world).await?, "it is sound before");
    let sql = world.sql().await?;
    let mut tried = BTreeSet::new();
    for row in sql.query(TABLES, &[]).await? {
        let table: String = row.get(0);
        if !is_chosen(&table) {
            continue;
        }
        sql.batch_execute(&format!("ALTER TABLE {table} DISABLE TRIGGER USER")).await?;
        for row in sql.query(COLUMNS, &[&table]).await? {
            let column: Column = (row.get(0), row.get(1));
            if UNPROVED.contains(&format!("{table}.{}", column.0).as_str()) {
                continue;
            }
            let is_changed = changed(&sql, &table, &column, async || {
                ensure!(is_found(world).await?, "nothing was found");
                Ok(())
            })
            .await?;
            if is_changed {
                tried.insert(format!("{table}.{}", column.0));
            }
        }
        ensure!(!is_found(world).await?, "{table} is as it was");
    }
    Ok(tried)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_is_changed_in_a_frozen_row_of_an_invoice_is_found() {
    World::run(async |world| {
        let tried = every_column(world, |table| table.starts_with("invoice")).await?;
        for column in [
            "invoice_contents.content",
            "invoice_contents.digest",
            "invoice_contents.validated_at",
            "invoice_lines.product_id",
            "invoice_lines.order_position",
            "invoice_lines.quantity",
            "invoice_lines.why",
            "invoice_lines.deposit",
            "invoice_lines.price_source",
            "invoice_lines.price_list_id",
            "invoice_vat.rate",
            "invoice_vat.tax",
            "invoice_chain.subject_id",
            "invoice_chain.hash",
            "invoice_claims.line",
            "invoice_claims.order_id",
            "invoice_claims.quantity",
            "invoice_transmissions.status",
            "invoice_transmissions.code",
            "invoice_transmissions.detail",
            "invoice_transmissions.email_id",
            "invoice_transmissions.recorded_by",
            "invoice_transmissions.occurred_at",
        ] {
            assert!(tried.contains(column), "{column} is not among {tried:?}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_is_changed_in_a_payment_is_found() {
    World::run(async |world| {
        let tried = every_column(world, |table| !table.starts_with("invoice")).await?;
        for column in
            ["payments.amount", "payments.method", "payments.created_by", "payment_allocations.amount"]
        {
            assert!(tried.contains(column), "{column} is not among {tried:?}");
        }
        Ok(())
    })
    .await;
}
