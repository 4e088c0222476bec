//! `api invoices verify`: what it finds, and who may run it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, World, run};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);

/// Two invoices, and a payment of the first one.
async fn trade(world: &World) -> Result<Value> {
    trade_with(&world.api().await?).await
}

/// The same, with an API that goes on.
async fn trade_with(api: &Api) -> Result<Value> {
    api.seller().await?;
    let (customer, tea) = (api.buyer("C-1").await?, api.product("TEA").await?);
    let mut invoices = Vec::new();
    for _ in 0..2 {
        let draft = api.invoice(&customer, &tea).await?;
        let path = format!("/invoices/{}/validate", draft["id"].as_str().context("an id")?);
        let answer = api.http.command(&path).await?;
        ensure!(answer.status == 200, "{}", answer.text);
        invoices.push(answer.json);
    }
    let named = json!([{"invoice_id": invoices[0]["id"]}]);
    let body =
        json!({"customer_id": customer["id"], "method": "transfer", "amount": "24.00", "invoices": named});
    api.created("/payments", &body).await?;
    invoices.into_iter().next().context("an invoice")
}

/// What is said to be broken: the rule, and the link or the id.
async fn broken(world: &World, arguments: &[&str]) -> Result<Vec<(String, Value, Value)>> {
    let exit = world.run_api(&[&["invoices", "verify", "--json"][..], arguments].concat()).await?;
    let report: Value = serde_json::from_str(&exit.stdout).with_context(|| format!("{exit:?}"))?;
    let found = report["broken"].as_array().cloned().unwrap_or_default();
    ensure!(exit.code == Some(i32::from(!found.is_empty())), "{exit:?}");
    ensure!(report["sound"] == found.is_empty(), "{report}");
    let rule = |one: &Value| one["rule"].as_str().unwrap_or_default().to_owned();
    Ok(found.iter().map(|one| (rule(one), one["link"].clone(), one["id"].clone())).collect())
}

async fn is_sound(world: &World, arguments: &[&str]) -> Result<()> {
    let found = broken(world, arguments).await?;
    ensure!(found.is_empty(), "{found:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hand_in_the_database_is_found() {
    World::run(async |world| {
        let first = trade(world).await?;
        let id = first["id"].as_str().context("an id")?;
        let file = world.logs().join("series");
        let anchors = file.to_str().context("a path")?;
        let exit = world.run_api(&["invoices", "verify", "--save-anchors", anchors]).await?;
        ensure!(exit.code == Some(0), "{exit:?}");
        let last = exit.stdout.lines().last().unwrap_or_default();
        assert_eq!(last, "sound: 3 links of 1 series verified", "{exit:?}");
        is_sound(world, &["--anchors", anchors]).await?;

        // Each of these is undone, and the next one is found by itself.
        let sql = world.sql().await?;
        let invoice = |rule: &str| vec![(rule.to_owned(), Value::Null, first["id"].clone())];
        let link = |rule: &str, position: i64, id: Value| vec![(rule.to_owned(), json!(position), id)];
        sql.batch_execute(
            "ALTER TABLE invoices DISABLE TRIGGER USER; ALTER TABLE invoice_lines DISABLE TRIGGER USER;
            ALTER TABLE invoice_contents DISABLE TRIGGER USER; ALTER TABLE invoice_chain DISABLE TRIGGER USER;
            ALTER TABLE payments DISABLE TRIGGER USER; ALTER TABLE payment_allocations DISABLE TRIGGER USER",
        )
        .await?;
        let payment: String = sql.query_one("SELECT id::text FROM payments", &[]).await?.get(0);
        let paid = || vec![("payment".to_owned(), Value::Null, json!(payment))];
        for (change, undo, expected) in [
            ("UPDATE payments SET reference = 'x'", "UPDATE payments SET reference = NULL", paid()),
            (
                "INSERT INTO customer_credits SELECT tenant_id, id, customer_id, received_on, 0.01 FROM payments",
                "DELETE FROM customer_credits",
                paid(),
            ),
            (
                "UPDATE payments SET received_on = received_on - 1",
                "UPDATE payments SET received_on = received_on + 1",
                paid(),
            ),
            (
                "UPDATE payment_allocations SET allocated_at = allocated_at + interval '1 second'",
                "UPDATE payment_allocations SET allocated_at = allocated_at - interval '1 second'",
                paid(),
            ),
            ("UPDATE invoices SET paid = 23 WHERE id = '@'", "UPDATE invoices SET paid = 24 WHERE id = '@'", invoice("state")),
            (
                "UPDATE invoices SET number = 'FA-1' WHERE id = '@'",
                "UPDATE invoices SET number = (SELECT content::jsonb ->> 'number' FROM invoice_contents WHERE invoice_id = '@') WHERE id = '@'",
                invoice("state"),
            ),
            (
                "UPDATE invoice_lines SET net = net + 1 WHERE invoice_id = '@'",
                "UPDATE invoice_lines SET net = net - 1 WHERE invoice_id = '@'",
                invoice("rows"),
            ),
            (
                "UPDATE invoice_counters SET last = 3",
                "UPDATE invoice_counters SET last = 2",
                vec![("number".to_owned(), Value::Null, Value::Null)],
            ),
            (
                "UPDATE invoice_contents SET content = content || ' ' WHERE invoice_id = '@'",
                "UPDATE invoice_contents SET content = rtrim(content) WHERE invoice_id = '@'",
                link("content", 1, first["id"].clone()),
            ),
            (
                "UPDATE invoice_chain SET occurred_at = occurred_at + interval '1 day' WHERE position = 1",
                "UPDATE invoice_chain SET occurred_at = occurred_at - interval '1 day' WHERE position = 1",
                link("content", 1, first["id"].clone()),
            ),
        ] {
            sql.batch_execute(&change.replace('@', id)).await?;
            assert_eq!(broken(world, &[]).await?, expected, "{change}");
            sql.batch_execute(&undo.replace('@', id)).await?;
            is_sound(world, &[]).await.context(undo)?;
        }

        // Who cuts off the end can make the head fit, and cannot change what is kept elsewhere.
        sql.batch_execute("DELETE FROM invoice_chain WHERE position = 3").await?;
        let found = broken(world, &[]).await?;
        ensure!(matches!(&found[..], [(rule, ..)] if rule == "head"), "{found:?}");
        sql.batch_execute(
            "UPDATE invoice_series SET position = 2, hash = (SELECT c.hash FROM invoice_chain AS c WHERE c.position = 2)",
        )
        .await?;
        assert_eq!(broken(world, &[]).await?, paid(), "the payment has no link any more");
        assert_eq!(broken(world, &["--anchors", anchors]).await?, link("anchor_missing", 3, Value::Null));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_see_all_invoices_cannot_call_them_sound() {
    World::run(async |world| {
        trade(world).await?;
        let mut command = world.api_command(&["invoices", "verify"])?;
        command.env("DATABASE_URL", &world.database.auditor_url);
        let refused = run(command, LIMIT).await?;
        ensure!(
            refused.code == Some(1) && refused.stderr.contains("does not see the invoices"),
            "{refused:?}"
        );
        let nobody = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b";
        let unknown = world.run_api(&["invoices", "verify", "--tenant", nobody]).await?;
        ensure!(unknown.code == Some(1) && unknown.stderr.contains(nobody), "{unknown:?}");
        Ok(())
    })
    .await;
}

/// A payment of 30.00 of which 6.00 are left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_payment_has_left_is_what_it_does_not_pay() {
    World::run(async |world| {
        let api = world.api().await?;
        let first = trade_with(&api).await?;
        let body = json!({"customer_id": first["customer_id"], "method": "transfer", "amount": "30.00"});
        let payment = api.created("/payments", &body).await?;
        is_sound(world, &[]).await?;
        let sql = world.sql().await?;
        for (change, undo) in [
            ("UPDATE customer_credits SET amount = 600", "UPDATE customer_credits SET amount = 6"),
            (
                "UPDATE customer_credits SET received_on = received_on - 1",
                "UPDATE customer_credits SET received_on = received_on + 1",
            ),
            (
                "DELETE FROM customer_credits",
                "INSERT INTO customer_credits SELECT tenant_id, id, customer_id, received_on, 6 FROM payments WHERE amount = 30",
            ),
        ] {
            sql.batch_execute(change).await?;
            let expected = vec![("payment".to_owned(), Value::Null, payment["id"].clone())];
            assert_eq!(broken(world, &[]).await?, expected, "{change}");
            sql.batch_execute(undo).await?;
            is_sound(world, &[]).await.context(undo)?;
        }
        // What was reversed has nothing left.
        let path = format!("/payments/{}/reverse", payment["id"].as_str().context("an id")?);
        api.created(&path, &json!({"reason": "unpaid cheque"})).await?;
        is_sound(world, &[]).await
    })
    .await;
}
