//! Orders that wait: who gets what comes, and who gives back what is missing.

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Api, World, until};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{
    LIMIT, amounts_of, document_of, events_of, held, held_by, id, movements, number_of, order_of, shipped,
    shortages, step, stock_in, waiting, written,
};
use crate::credit::{PATIENT, amend, place, until_waiting};

/// Nobody is served but by who brings goods.
const WITHOUT_SERVICE: (&str, &str) = ("COMPTOIR__SERVICES__BACK_ORDERS__ENABLED", "false");

/// An API whose commands wait as long as the test holds a lock, and of whose services none locks stock.
async fn patient(world: &World) -> Result<Api> {
    let mut environment = PATIENT.to_vec();
    environment.extend([WITHOUT_SERVICE, ("COMPTOIR__SERVICES__STOCK_LEVELS__ENABLED", "false")]);
    Api::start(world, &environment).await
}

/// Locks the level of a product until the transaction ends. Who wants it then gets it in the order in which they came.
async fn hold_level(sql: &Client, product: &Value) -> Result<()> {
    let hold =
        format!("BEGIN; SELECT FROM stock_levels WHERE product_id = '{}' FOR NO KEY UPDATE", id(product));
    Ok(sql.batch_execute(&hold).await?)
}

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

/// Who gives back was found before the stock was locked, and gave back what a newer order had reserved by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_lost_is_taken_from_the_newest_order_also_if_it_was_placed_meanwhile() {
    World::run(async |world| {
        let api = patient(world).await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        api.receive(&tea, "8", "2.00").await?;
        let old = api.created("/orders", &order_of(&customer, &[(&tea, "5")])).await?;
        let (holder, watch) = (world.sql().await?, world.administrator().await?);
        hold_level(&holder, &tea).await?;
        let placing = place(&api, order_of(&customer, &[(&tea, "3")]));
        until_waiting(&watch, 1).await?;
        // Three are free still: of five, it looks for two.
        let (http, loss) =
            (api.http.clone(), document_of(json!({"reason": "the roof leaked"}), &[(&tea, "5")]));
        let losing = tokio::spawn(async move { http.post("/stock-write-offs", &loss).await });
        until_waiting(&watch, 2).await?;
        holder.batch_execute("COMMIT").await?;
        let (new, lost) = (placing.await??, losing.await??);
        assert_eq!((new.status, lost.status), (201, 201), "{} {}", new.text, lost.text);
        assert_eq!(
            (held_by(&api, &old).await?, held_by(&api, &new.json).await?),
            (vec!["3 2".to_owned()], vec!["0 3".to_owned()])
        );
        api.proof().await?;
        Ok(())
    })
    .await;
}

/// Whose turn it is was read before the stock was locked, and not again: the younger one got everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_order_that_begins_to_wait_while_goods_come_is_served_first() {
    World::run(async |world| {
        let api = patient(world).await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        api.receive(&tea, "1", "2.00").await?;
        let older = back_order(&api, &customer, &tea, "1").await?;
        let younger = back_order(&api, &customer, &tea, "5").await?;
        assert_eq!((held(&older), held(&younger)), (vec!["1 0".to_owned()], vec!["0 5".to_owned()]));
        let (holder, watch) = (world.sql().await?, world.administrator().await?);
        hold_level(&holder, &tea).await?;
        let amending = amend(&api, &older, json!({"lines": [{"position": 1, "quantity": "6"}]}));
        until_waiting(&watch, 1).await?;
        // It finds nobody but the younger one.
        let (http, receipt) = (api.http.clone(), document_of(json!({}), &[(&tea, "5")]));
        let receiving = tokio::spawn(async move { http.post("/stock-receipts", &receipt).await });
        until_waiting(&watch, 2).await?;
        holder.batch_execute("COMMIT").await?;
        let (amended, received) = (amending.await??, receiving.await??);
        assert_eq!((amended.status, received.status), (200, 201), "{} {}", amended.text, received.text);
        assert_eq!(
            (held_by(&api, &older).await?, held_by(&api, &younger).await?),
            (vec!["6 0".to_owned()], vec!["0 5".to_owned()])
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

/// Orders are served only by what was found of them in the queue: of a product, those who come first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_a_receipt_serves_at_once_are_served_by_the_service_and_nobody_overtakes() {
    World::run(async |world| {
        let idle = Api::start(world, &[WITHOUT_SERVICE]).await?;
        let customer = idle.customer("C-1").await?;
        let (tea, cup) = (idle.stocked_product("TEA").await?, idle.stocked_product("CUP").await?);
        for _ in 0..102 {
            idle.created("/orders", &waiting(order_of(&customer, &[(&tea, "1"), (&tea, "1")]))).await?;
        }
        let last = waiting(order_of(&customer, &[(&tea, "1"), (&tea, "1"), (&cup, "1")]));
        let last = idle.created("/orders", &last).await?;
        // The first 200 lines that wait for tea are those of 100 orders. The last order is the first that waits for a cup.
        idle.created("/stock-receipts", &document_of(json!({}), &[(&tea, "203"), (&cup, "1")])).await?;
        assert_eq!(amounts_of(&idle, &tea).await?, "203 200 6", "as many as are served at once");
        assert_eq!(amounts_of(&idle, &cup).await?, "1 1 0");
        assert_eq!(held_by(&idle, &last).await?, ["0 1", "0 1", "1 0"], "two are in front of it");
        idle.proof().await?;
        let api = world.api().await?;
        until("all to be served", LIMIT, async || {
            let amounts = amounts_of(&api, &tea).await?;
            ensure!(amounts == "203 203 3", "{amounts}");
            Ok(())
        })
        .await?;
        assert_eq!(held_by(&api, &last).await?, ["0 1", "0 1", "1 0"], "three were left for the two");
        let sql = world.sql().await?;
        assert_eq!(number_of(&sql, "order.reserved").await?, 103);
        let steps = "SELECT count(*) FROM order_steps AS s JOIN orders AS o ON (o.tenant_id, o.id, o.version) = (s.tenant_id, s.order_id, s.version)
            WHERE s.event = 'order.reserved' AND o.version = 2 AND o.updated_at = s.occurred_at";
        assert_eq!(sql.query_one(steps, &[]).await?.get::<_, i64>(0), 103);
        let waiting = "SELECT count(*) FROM orders WHERE waits";
        assert_eq!(sql.query_one(waiting, &[]).await?.get::<_, i64>(0), 2);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_of_which_something_comes_back_does_not_overtake_who_waits_for_something_else() {
    World::run(async |world| {
        let api = Api::start(world, &[WITHOUT_SERVICE]).await?;
        let customer = api.customer("C-1").await?;
        let (tea, cup) = (api.stocked_product("TEA").await?, api.stocked_product("CUP").await?);
        api.receive(&tea, "1", "2.00").await?;
        api.receive(&cup, "1", "2.00").await?;
        let has_it = api.created("/orders", &order_of(&customer, &[(&tea, "1")])).await?;
        let first = back_order(&api, &customer, &tea, "1").await?;
        let own = waiting(order_of(&customer, &[(&tea, "1"), (&cup, "1")]));
        let own = api.created("/orders", &own).await?;
        assert_eq!(held(&own), ["0 1", "1 0"]);
        step(&api, &own, "confirm").await?;
        api.created(&format!("/orders/{}/shipments", id(&own)), &json!({})).await?;
        // A tea is free, and nobody has given it out yet.
        assert_eq!(step(&api, &has_it, "cancel").await?.status, 200);
        let line = json!({"position": 2, "quantity": "1", "restock": true});
        let body = json!({"reason": "wrong size", "lines": [line]});
        api.created(&format!("/orders/{}/returns", id(&own)), &body).await?;
        assert_eq!(held_by(&api, &own).await?, ["0 1", "0 0"], "it is not its turn");
        assert_eq!(amounts_of(&api, &tea).await?, "1 0 2");
        api.receive(&tea, "1", "2.00").await?;
        assert_eq!(
            (held_by(&api, &first).await?, held_by(&api, &own).await?[0].as_str()),
            (vec!["1 0".to_owned()], "1 0")
        );
        api.proof().await?;
        Ok(())
    })
    .await;
}

/// Makes so many copies of an order of one line that has its goods, each placed a microsecond after the one before. What they have is
/// reserved in one movement.
async fn multiply(sql: &Client, order: &Value, product: &Value, times: u32) -> Result<()> {
    let (order, product) = (id(order), id(product));
    let copies = format!(
        "INSERT INTO orders SELECT copy.* FROM orders AS o, generate_series(1, {times}) AS n, LATERAL jsonb_populate_record(o,
            jsonb_build_object('id', md5(o.id::text || n)::uuid, 'placed_at', o.placed_at + n * interval '1 microsecond')) AS copy
            WHERE o.id = '{order}';
        INSERT INTO order_lines SELECT copy.* FROM order_lines AS l, generate_series(1, {times}) AS n, LATERAL jsonb_populate_record(l,
            jsonb_build_object('order_id', md5(l.order_id::text || n)::uuid)) AS copy WHERE l.order_id = '{order}';
        INSERT INTO stock_reservations SELECT copy.* FROM stock_reservations AS r, generate_series(1, {times}) AS n,
            LATERAL jsonb_populate_record(r, jsonb_build_object('order_id', md5(r.order_id::text || n)::uuid,
                'placed_at', r.placed_at + n * interval '1 microsecond')) AS copy WHERE r.order_id = '{order}';
        UPDATE stock_levels SET reserved = reserved + {times}, movements = movements + 1 WHERE product_id = '{product}';
        INSERT INTO stock_movements SELECT copy.* FROM stock_movements AS m, LATERAL jsonb_populate_record(m, jsonb_build_object(
                'id', gen_random_uuid(), 'position', m.position + 1, 'reserved_change', {times}, 'reserved', m.reserved + {times})) AS copy
            WHERE m.document_id = '{order}'"
    );
    Ok(sql.batch_execute(&copies).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_orders_give_back_at_once_and_no_more_than_the_limit() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        api.receive(&tea, "10001", "2.00").await?;
        let oldest = api.created("/orders", &order_of(&customer, &[(&tea, "1")])).await?;
        let sql = world.sql().await?;
        multiply(&sql, &oldest, &tea, 10_000).await?;
        assert_eq!(amounts_of(&api, &tea).await?, "10001 10001 0");
        api.proof().await?;
        let before = written(&sql).await?;
        let loss = document_of(json!({"reason": "the roof leaked"}), &[(&tea, "10001")]);
        let refused = api.http.post("/stock-write-offs", &loss).await?;
        assert_eq!((refused.status, refused.code()), (409, "too_many_reservations"), "{}", refused.text);
        assert_eq!(written(&sql).await?, before);

        write_off(&api, &tea, "3000").await?;
        assert_eq!(amounts_of(&api, &tea).await?, "7001 7001 3000");
        assert_eq!(number_of(&sql, "order.back_ordered").await?, 3_000);
        let newest = "SELECT count(*), min(r.placed_at) > (SELECT max(placed_at) FROM stock_reservations WHERE reserved > 0)
            FROM stock_reservations AS r JOIN orders AS o ON (o.tenant_id, o.id) = (r.tenant_id, r.order_id)
            JOIN order_steps AS s ON (s.tenant_id, s.order_id, s.version) = (o.tenant_id, o.id, o.version)
            WHERE r.waiting = 1 AND r.reserved = 0 AND o.waits AND o.version = 2 AND s.event = 'order.back_ordered'";
        let row = sql.query_one(newest, &[]).await?;
        assert_eq!((row.get::<_, i64>(0), row.get::<_, bool>(1)), (3_000, true));
        assert_eq!(held_by(&api, &oldest).await?, ["1 0"]);
        api.proof().await?;
        Ok(())
    })
    .await;
}

/// It looked at all of them each time, however many had no goods.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_looks_at_so_many_products_in_a_run_and_goes_on_behind_them() {
    World::run(async |world| {
        let api = Api::start(world, &[WITHOUT_SERVICE]).await?;
        let customer = api.customer("C-1").await?;
        // They are looked at in the order of their ids, which is that in which they were made.
        let (tea, pot, cup) = (
            api.stocked_product("TEA").await?,
            api.stocked_product("POT").await?,
            api.stocked_product("CUP").await?,
        );
        api.receive(&cup, "1", "2.00").await?;
        let has_it = api.created("/orders", &order_of(&customer, &[(&cup, "1")])).await?;
        for product in [&tea, &pot, &cup] {
            back_order(&api, &customer, product, "1").await?;
        }
        assert_eq!(step(&api, &has_it, "cancel").await?.status, 200);
        let sql = world.sql().await?;
        let found = async |after: &Value, most: u32| -> Result<Vec<(String, bool, bool)>> {
            let query = format!(
                "SELECT f.product_id::text, f.has_goods, f.is_last
                FROM (SELECT s.tenant_id, s.warehouse_id, s.product_id FROM stock_levels AS s WHERE s.product_id::text = $1
                    UNION ALL SELECT n, n, n FROM (SELECT '00000000-0000-0000-0000-000000000000'::uuid AS n) AS first
                    ORDER BY 1 DESC LIMIT 1) AS after,
                    LATERAL stock_to_promise(after.tenant_id, after.warehouse_id, after.product_id, {most}) AS f"
            );
            let rows = sql.query(&query, &[&id(after)]).await?;
            Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
        };
        let nowhere = json!({"id": ""});
        let of = |product: &Value, has_goods, is_last| vec![(id(product).to_owned(), has_goods, is_last)];
        assert_eq!(found(&nowhere, 2).await?, of(&pot, false, true), "two were looked at, and none has goods");
        assert_eq!(found(&pot, 2).await?, of(&cup, true, false), "there are no more behind it");
        assert_eq!(found(&tea, 2).await?, of(&cup, true, true), "it stopped there, and does not know");
        assert_eq!(found(&nowhere, 9).await?, of(&cup, true, false));
        assert_eq!(found(&cup, 9).await?, Vec::new());
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_that_cannot_be_served_keeps_no_other_from_it() {
    World::run(async |world| {
        let idle = Api::start(world, &[WITHOUT_SERVICE]).await?;
        let customer = idle.customer("C-1").await?;
        // The service comes to the older product first.
        let (tea, cup) = (idle.stocked_product("TEA").await?, idle.stocked_product("CUP").await?);
        let both = [(&tea, "1"), (&cup, "1")];
        idle.created("/stock-receipts", &document_of(json!({}), &both)).await?;
        let has_them = idle.created("/orders", &order_of(&customer, &both)).await?;
        let for_tea = back_order(&idle, &customer, &tea, "1").await?;
        let for_cup = back_order(&idle, &customer, &cup, "1").await?;
        assert_eq!(step(&idle, &has_them, "cancel").await?.status, 200);
        let sql = world.sql().await?;
        let fails = format!(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it fails'; END $$;
            CREATE TRIGGER fail BEFORE UPDATE ON stock_levels FOR EACH ROW WHEN (NEW.product_id = '{}') EXECUTE FUNCTION fail()",
            id(&tea)
        );
        sql.batch_execute(&fails).await?;
        let api = world.api().await?;
        let served = async |order: &Value| -> Result<()> {
            let held = held_by(&api, order).await?;
            ensure!(held == ["1 0"], "{held:?}");
            Ok(())
        };
        until("who waits for a cup to be served", LIMIT, async || served(&for_cup).await).await?;
        assert_eq!(held_by(&api, &for_tea).await?, ["0 1"]);
        sql.batch_execute("DROP TRIGGER fail ON stock_levels").await?;
        // The service waits a little longer after each fault.
        until("who waits for tea to be served", LIMIT * 3, async || served(&for_tea).await).await?;
        api.proof().await?;
        Ok(())
    })
    .await;
}
