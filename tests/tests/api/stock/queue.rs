//! Orders that wait: who gets what comes, and who gives back what is missing.

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Api, World, until};
use serde_json::{Value, json};

use super::{
    LIMIT, amounts_of, document_of, events_of, held, held_by, id, movements, number_of, order_of, shipped,
    shortages, step, stock_in, waiting, written,
};

async fn back_order(api: &Api, customer: &Value, product: &Value, quantity: &str) -> Result<Value> {
    api.created("/orders", &waiting(order_of(customer, &[(product, quantity)]))).await
}

async fn write_off(api: &Api, product: &Value, quantity: &str) -> Result<Value> {
    let body = document_of(json!({"reason": "the roof leaked"}), &[(product, quantity)]);
    api.created("/stock-write-offs", &body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_first_is_served_first() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let a = back_order(&api, &customer, &tea, "5").await?;
        let b = back_order(&api, &customer, &tea, "2").await?;
        assert_eq!((held(&a), held(&b)), (vec!["0 5".to_owned()], vec!["0 2".to_owned()]));
        assert_eq!(amounts_of(&api, &tea).await?, "0 0 7");
        api.receive(&tea, "3", "2.00").await?;
        assert_eq!((held_by(&api, &a).await?, held_by(&api, &b).await?), (vec!["3 2".to_owned()], vec!["0 2".to_owned()]));
        api.proof().await?;
        api.receive(&tea, "4", "2.00").await?;
        assert_eq!((held_by(&api, &a).await?, held_by(&api, &b).await?), (vec!["5 0".to_owned()], vec!["2 0".to_owned()]));
        assert_eq!(amounts_of(&api, &tea).await?, "7 7 0");
        let sql = world.sql().await?;
        assert_eq!(events_of(&sql, &a).await?, "order.placed order.reserved order.reserved");
        assert_eq!(events_of(&sql, &b).await?, "order.placed order.reserved");
        let told = "SELECT payload::text FROM outbox_events WHERE aggregate_id = $1 AND event_type = 'order.reserved' ORDER BY seq";
        let told: Vec<Value> = sql
            .query(told, &[&id(&a)])
            .await?
            .iter()
            .map(|row| serde_json::from_str(row.get(0)))
            .collect::<Result<_, _>>()?;
        let waits: Vec<_> = told.iter().map(|payload| payload["is_waiting"].clone()).collect();
        assert_eq!(waits, [json!(true), json!(false)]);
        assert_eq!(told[0]["lines"], json!([{"position": 1, "product_id": tea["id"], "reserved": "3", "waiting": "2"}]));
        for order in [&a, &b] {
            shipped(&api, order).await?;
        }
        assert_eq!(amounts_of(&api, &tea).await?, "0 0 0");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_order_cannot_take_what_others_wait_for() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        api.receive(&tea, "6", "2.00").await?;
        let first = api.created("/orders", &order_of(&customer, &[(&tea, "6")])).await?;
        let waits = back_order(&api, &customer, &tea, "4").await?;
        let sql = world.sql().await?;
        let before = written(&sql).await?;
        let refused = api.http.post("/orders", &order_of(&customer, &[(&tea, "1")])).await?;
        assert_eq!(shortages(&refused), ["/lines/0/quantity 0"], "{}", refused.text);
        assert_eq!(written(&sql).await?, before);
        // What becomes free is for who waits, at once or in a moment: of six, four are.
        assert_eq!(step(&api, &first, "cancel").await?.status, 200);
        let refused = api.http.post("/orders", &order_of(&customer, &[(&tea, "3")])).await?;
        assert_eq!(shortages(&refused), ["/lines/0/quantity 2"], "{}", refused.text);
        let new = api.created("/orders", &waiting(order_of(&customer, &[(&tea, "3")]))).await?;
        assert_eq!(held(&new), ["2 1"]);
        until("who waits to be served", LIMIT, async || {
            let held = held_by(&api, &waits).await?;
            ensure!(held == ["4 0"], "{held:?}");
            Ok(())
        })
        .await?;
        assert_eq!(amounts_of(&api, &tea).await?, "6 6 1");
        assert_eq!(held_by(&api, &new).await?, ["2 1"]);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_lost_is_taken_from_the_newest_order_which_waits_instead() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        api.receive(&tea, "10", "2.00").await?;
        let old = api.created("/orders", &order_of(&customer, &[(&tea, "4")])).await?;
        let new = api.created("/orders", &order_of(&customer, &[(&tea, "2"), (&tea, "1")])).await?;
        // Three are free: of five, two have to be given back, and the last line gives first.
        let loss = write_off(&api, &tea, "5").await?;
        assert_eq!(held_by(&api, &old).await?, ["4 0"]);
        assert_eq!(held_by(&api, &new).await?, ["1 1", "0 1"]);
        assert_eq!(amounts_of(&api, &tea).await?, "5 5 2");
        let sql = world.sql().await?;
        assert_eq!(events_of(&sql, &old).await?, "order.placed");
        assert_eq!(events_of(&sql, &new).await?, "order.placed order.back_ordered");
        let told = "SELECT payload::text FROM outbox_events WHERE event_type = 'order.back_ordered'";
        let told: Value = serde_json::from_str(sql.query_one(told, &[]).await?.get(0))?;
        assert_eq!((&told["order_id"], &told["is_waiting"]), (&new["id"], &json!(true)));
        let moved: Vec<_> = movements(&api, &format!("document_id={}", id(&new)))
            .await?
            .iter()
            .map(|row| format!("{} {} {}", row["kind"], row["reserved_change"], row["document_line"]))
            .collect();
        let expected = [
            "\"reservation\" \"2\" 1",
            "\"reservation\" \"1\" 2",
            "\"release\" \"-1\" 2",
            "\"release\" \"-1\" 1",
        ];
        assert_eq!(moved, expected);
        let lost = movements(&api, &format!("document_id={}", id(&loss))).await?;
        assert_eq!((lost.len(), &lost[0]["on_hand_change"]), (1, &json!("-5")));
        api.proof().await?;

        let read = super::read(&api, &new).await?;
        assert_eq!(
            (&read["version"], &read["back_order"]),
            (&json!(2), &json!(false)),
            "nobody asked it to wait"
        );
        step(&api, &new, "confirm").await?;
        assert_eq!(step(&api, &new, "ship").await?.code(), "order_waits_for_goods");
        api.receive(&tea, "2", "2.00").await?;
        assert_eq!(step(&api, &new, "ship").await?.status, 200);
        assert_eq!(amounts_of(&api, &tea).await?, "4 4 0");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gave_back_has_the_place_in_the_queue_that_it_had() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        api.receive(&tea, "5", "2.00").await?;
        let robbed = api.created("/orders", &order_of(&customer, &[(&tea, "5")])).await?;
        let younger = back_order(&api, &customer, &tea, "1").await?;
        let adjusted = json!({"reason": "counted", "lines": [{"product_id": tea["id"], "change": "-3"}]});
        api.created("/stock-adjustments", &adjusted).await?;
        assert_eq!(
            (held_by(&api, &robbed).await?, held_by(&api, &younger).await?),
            (vec!["2 3".to_owned()], vec!["0 1".to_owned()])
        );
        api.receive(&tea, "3", "2.00").await?;
        assert_eq!(
            (held_by(&api, &robbed).await?, held_by(&api, &younger).await?),
            (vec!["5 0".to_owned()], vec!["0 1".to_owned()])
        );
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_orders_give_back_what_one_alone_does_not_have() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        api.receive(&tea, "9", "2.00").await?;
        let mut orders = Vec::new();
        for _ in 0..3 {
            orders.push(api.created("/orders", &order_of(&customer, &[(&tea, "3")])).await?);
        }
        write_off(&api, &tea, "4").await?;
        let mut all = Vec::new();
        for order in &orders {
            all.extend(held_by(&api, order).await?);
        }
        assert_eq!(all, ["3 0", "2 1", "0 3"]);
        assert_eq!(number_of(&world.sql().await?, "order.back_ordered").await?, 2);
        write_off(&api, &tea, "5").await?;
        assert_eq!(amounts_of(&api, &tea).await?, "0 0 9");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goods_that_are_transferred_are_for_who_waits_there() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let market = api.created("/warehouses", &json!({"code": "MARKET", "name": "The market"})).await?;
        api.receive(&tea, "10", "2.00").await?;
        let mut order = waiting(order_of(&customer, &[(&tea, "3")]));
        order["warehouse_id"] = market["id"].clone();
        let order = api.created("/orders", &order).await?;
        assert_eq!(held(&order), ["0 3"], "what is elsewhere is not there");
        let body = document_of(json!({"to_warehouse_id": market["id"]}), &[(&tea, "4")]);
        api.created("/stock-transfers", &body).await?;
        assert_eq!(held_by(&api, &order).await?, ["3 0"]);
        assert_eq!(super::amounts(&stock_in(&api, &tea, &market).await?), "4 3 0");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_a_receipt_serves_at_once_are_served_by_the_service() {
    World::run(async |world| {
        let idle = Api::start(world, &[("COMPTOIR__SERVICES__BACK_ORDERS__ENABLED", "false")]).await?;
        let (customer, tea) = (idle.customer("C-1").await?, idle.stocked_product("TEA").await?);
        for _ in 0..55 {
            back_order(&idle, &customer, &tea, "1").await?;
        }
        idle.receive(&tea, "60", "2.00").await?;
        assert_eq!(amounts_of(&idle, &tea).await?, "60 50 5", "as many as are served at once");
        let api = world.api().await?;
        until("all to be served", LIMIT, async || {
            let amounts = amounts_of(&api, &tea).await?;
            ensure!(amounts == "60 55 0", "{amounts}");
            Ok(())
        })
        .await?;
        assert_eq!(number_of(&world.sql().await?, "order.reserved").await?, 55);
        api.proof().await?;
        Ok(())
    })
    .await;
}
