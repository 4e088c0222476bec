//! What is told of stock: in which order, and how often.

use std::time::Instant;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Api, Tenant, World, until};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{LIMIT, amounts_of, document_of, events_of, id, number_of, order_of, stock_of};

/// The levels were told of so long ago that the next change is told at once.
async fn rested(sql: &Client) -> Result<()> {
    Ok(sql.batch_execute("UPDATE stock_levels SET told_at = now() - interval '1 minute'").await?)
}

/// The events since the last look, each with its type and what it says.
async fn told(sql: &Client) -> Result<Vec<(String, Value)>> {
    let query = "WITH gone AS (DELETE FROM outbox_events RETURNING seq, event_type, payload::text) SELECT * FROM gone ORDER BY seq";
    let rows = sql.query(query, &[]).await?;
    rows.iter().map(|row| Ok((row.get(1), serde_json::from_str(row.get(2))?))).collect()
}

fn types(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(event_type, _)| event_type.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_told_before_what_it_does_to_the_stock() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let (tea, pot) = (api.stocked_product("TEA").await?, api.stocked_product("POT").await?);
        let sql = world.sql().await?;
        told(&sql).await?;
        api.receive(&tea, "10", "2.00").await?;
        api.receive(&pot, "5", "7.00").await?;
        let events = told(&sql).await?;
        let of_a_receipt = ["stock.received", "stock.level_changed"];
        assert_eq!(types(&events), [of_a_receipt, of_a_receipt].concat());
        assert_eq!(events[0].1["lines"], json!([{"position": 1, "product_id": tea["id"], "sku": "TEA", "name": "Product TEA", "change": "10"}]));

        rested(&sql).await?;
        let order = api.created("/orders", &order_of(&customer, &[(&pot, "1"), (&tea, "2"), (&pot, "1")])).await?;
        let events = told(&sql).await?;
        // One of each product, however many of its lines name it.
        assert_eq!(types(&events), ["order.placed", "stock.level_changed", "stock.level_changed"]);
        let placed = &events[0].1;
        assert_eq!((&placed["order_id"], &placed["warehouse_id"]), (&order["id"], &order["warehouse_id"]));
        assert_eq!((&placed["back_order"], &placed["ordered_on"]), (&json!(false), &order["ordered_on"]));
        let line = &placed["lines"][1];
        assert_eq!((&line["stocked"], &line["reserved"], &line["waiting"]), (&json!(true), &json!("2"), &json!("0")));
        for product in [&tea, &pot] {
            let stock = stock_of(&api, product).await?;
            let said = events.iter().find(|(_, payload)| payload["stock_id"] == stock["id"]);
            let Some((_, said)) = said else { anyhow::bail!("nothing was told of {stock}") };
            for name in ["warehouse_id", "product_id", "sku", "on_hand", "reserved", "available", "waiting", "version"] {
                assert_eq!(said[name], stock[name], "{name}");
            }
            assert_eq!(said["reserved"], "2");
        }
        for (step, expected) in [
            ("confirm", vec!["order.confirmed"]),
            ("ship", vec!["shipment.dispatched", "order.shipped", "stock.level_changed", "stock.level_changed"]),
        ] {
            rested(&sql).await?;
            assert_eq!(super::step(&api, &order, step).await?.status, 200);
            assert_eq!(types(&told(&sql).await?), expected, "{step}");
        }
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_is_told_before_what_it_does() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let market = api.created("/warehouses", &json!({"code": "MARKET", "name": "The market"})).await?;
        api.created("/orders", &super::waiting(order_of(&customer, &[(&tea, "3")]))).await?;
        let sql = world.sql().await?;
        let change = json!({"reason": "counted", "lines": [{"product_id": tea["id"], "change": "1"}]});
        let four = |more: Value| document_of(more, &[(&tea, "4")]);
        for (path, body, expected) in [
            (
                "/stock-receipts",
                four(json!({})),
                vec!["stock.received", "order.reserved", "stock.level_changed"],
            ),
            ("/stock-adjustments", change, vec!["stock.adjusted", "stock.level_changed"]),
            (
                "/stock-write-offs",
                four(json!({"reason": "lost"})),
                vec!["stock.written_off", "order.back_ordered", "stock.level_changed"],
            ),
            (
                "/stock-receipts",
                four(json!({"reason": "again"})),
                vec!["stock.received", "order.reserved", "stock.level_changed"],
            ),
        ] {
            rested(&sql).await?;
            told(&sql).await?;
            let posted = api.created(path, &body).await?;
            let events = told(&sql).await?;
            assert_eq!(types(&events), expected, "{path}");
            assert_eq!(
                (&events[0].1["stock_document_id"], &events[0].1["reason"]),
                (&posted["id"], &posted["reason"])
            );
        }
        assert_eq!(amounts_of(&api, &tea).await?, "5 3 0");
        rested(&sql).await?;
        told(&sql).await?;
        let moved = document_of(json!({"to_warehouse_id": market["id"]}), &[(&tea, "1")]);
        api.created("/stock-transfers", &moved).await?;
        let events = told(&sql).await?;
        assert_eq!(types(&events), ["stock.transferred", "stock.level_changed", "stock.level_changed"]);
        assert_eq!(events[0].1["to_warehouse_id"], market["id"]);
        api.proof().await?;
        Ok(())
    })
    .await;
}

/// The moments are held by SQL, so that it does not matter how quick the machine is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_soon_after_is_told_together_and_the_last_state_in_the_end() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let sql = world.sql().await?;
        api.receive(&tea, "100", "2.00").await?;
        let stock = stock_of(&api, &tea).await?;
        assert_eq!(events_of(&sql, &stock).await?, "stock.level_changed", "the first change is told at once");
        sql.batch_execute("UPDATE stock_levels SET told_at = now() + interval '1 hour'").await?;
        for _ in 0..10 {
            api.created("/orders", &order_of(&customer, &[(&tea, "1")])).await?;
        }
        assert_eq!(amounts_of(&api, &tea).await?, "100 10 0");
        assert_eq!(number_of(&sql, "stock.level_changed").await?, 1);
        // The service does not tell before its time.
        world.trigger_service("stock_levels").await?;
        assert_eq!(number_of(&sql, "stock.level_changed").await?, 1);
        rested(&sql).await?;
        until("the last state to be told", LIMIT, async || {
            let number = number_of(&sql, "stock.level_changed").await?;
            ensure!(number == 2, "{number}");
            Ok(())
        })
        .await?;
        let last = "SELECT payload::text FROM outbox_events WHERE event_type = 'stock.level_changed' ORDER BY seq DESC LIMIT 1";
        let last: Value = serde_json::from_str(sql.query_one(last, &[]).await?.get(0))?;
        let stock = stock_of(&api, &tea).await?;
        assert_eq!((&last["reserved"], &last["version"]), (&json!("10"), &stock["version"]));
        let row = sql.query_one("SELECT untold, told_at > now() - interval '30 seconds' FROM stock_levels", &[]).await?;
        assert_eq!((row.get::<_, bool>(0), row.get::<_, bool>(1)), (false, true));
        // And then there is nothing to tell.
        rested(&sql).await?;
        world.trigger_service("stock_levels").await?;
        assert_eq!(number_of(&sql, "stock.level_changed").await?, 2);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_that_everybody_buys_is_told_about_at_intervals() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let sql = world.sql().await?;
        api.receive(&tea, "100", "2.00").await?;
        rested(&sql).await?;
        let before = number_of(&sql, "stock.level_changed").await?;
        let began = Instant::now();
        let body = order_of(&customer, &[(&tea, "1")]);
        let orders = (0..10).map(|_| api.created("/orders", &body));
        futures::future::try_join_all(orders).await?;
        let stock = stock_of(&api, &tea).await?;
        assert_eq!(stock["reserved"], "10");
        until("the last state to be told", LIMIT, async || {
            let last =
                "SELECT payload::text FROM outbox_events WHERE aggregate_id = $1 ORDER BY seq DESC LIMIT 1";
            let last: Value = serde_json::from_str(sql.query_one(last, &[&id(&stock)]).await?.get(0))?;
            ensure!(last["version"] == stock["version"] && last["reserved"] == "10", "{last}");
            Ok(())
        })
        .await?;
        let number = number_of(&sql, "stock.level_changed").await? - before;
        // One at once, and one for each five seconds that it took.
        let most = 2 + i64::try_from(began.elapsed().as_secs() / 5)?;
        assert!((1..=most).contains(&number), "{number} in {:?}", began.elapsed());
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_of_which_nothing_can_be_told_keeps_no_other_from_being_told_of() {
    World::run(async |world| {
        let idle = Api::start(world, &[("COMPTOIR__SERVICES__STOCK_LEVELS__ENABLED", "false")]).await?;
        let sql = world.sql().await?;
        // The service comes to the older company first.
        let (failing, other) = (world.tenant().await?.id, Tenant::create(&sql, "Other").await?);
        let tea = idle.stocked_product("TEA").await?;
        idle.receive(&tea, "1", "2.00").await?;
        let others = idle.http.with_credential(&other.api_key);
        let cup = json!({"sku": "CUP", "name": "Cup", "unit_price": "3", "vat_rate": "20", "stocked": true});
        let cup = others.post("/products", &cup).await?;
        let receipt = json!({"lines": [{"product_id": cup.json["id"], "quantity": "1"}]});
        let received = others.post("/stock-receipts", &receipt).await?;
        assert_eq!(received.status, 201, "{}", received.text);
        let fails = format!(
            "UPDATE stock_levels SET untold = true, told_at = now() - interval '1 minute';
            CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it fails'; END $$;
            CREATE TRIGGER fail BEFORE UPDATE ON stock_levels FOR EACH ROW WHEN (NEW.tenant_id = '{failing}') EXECUTE FUNCTION fail()"
        );
        sql.batch_execute(&fails).await?;
        let untold = async || -> Result<Vec<String>> {
            let query = "SELECT sku FROM stock_levels WHERE untold ORDER BY sku";
            Ok(sql.query(query, &[]).await?.iter().map(|row| row.get(0)).collect())
        };
        let api = world.api().await?;
        until("the other company's level to be told", LIMIT, async || {
            let untold = untold().await?;
            ensure!(untold == ["TEA"], "{untold:?}");
            Ok(())
        })
        .await?;
        sql.batch_execute("DROP TRIGGER fail ON stock_levels").await?;
        // The service waits a little longer after each fault.
        until("all to be told", LIMIT * 3, async || {
            let untold = untold().await?;
            ensure!(untold.is_empty(), "{untold:?}");
            Ok(())
        })
        .await?;
        api.proof().await?;
        Ok(())
    })
    .await;
}
