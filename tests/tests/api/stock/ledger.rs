//! The ledger: what it says of everything that moved, that nobody changes it, and the proof.

use comptoir_tests::harness::World;
use reqwest::Method;
use serde_json::{Value, json};
use tokio_postgres::error::SqlState;

use super::{
    NOBODY, amounts_of, days_ago, document_of, id, movements, order_of, rows, shipped, step, stock_of,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_life_of_an_order_is_in_the_ledger_with_who_why_and_when() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let (tea, pot) = (api.stocked_product("TEA").await?, api.stocked_product("POT").await?);
        api.receive(&tea, "10", "2.00").await?;
        api.receive(&pot, "5", "7.00").await?;
        let (ordered_on, shipped_on) = (days_ago(5), days_ago(2));
        let mut body = order_of(&customer, &[(&tea, "2"), (&pot, "1")]);
        body["ordered_on"] = json!(ordered_on);
        let headers = [("X-Correlation-Id", "the-order")];
        let order = api.http.send(Method::POST, "/orders", &headers, Some(&body)).await?;
        assert_eq!((order.status, order.field("ordered_on")), (201, ordered_on.as_str()), "{}", order.text);
        let order = order.json;
        step(&api, &order, "confirm").await?;
        let path = format!("/orders/{}/ship", id(&order));
        let headers = [("X-Correlation-Id", "the-shipment")];
        let body = json!({"shipped_on": shipped_on});
        assert_eq!(api.http.send(Method::POST, &path, &headers, Some(&body)).await?.status, 200);

        // What was reserved names the order, and what left its shipment.
        let shipments = api.http.get(&format!("/shipments?order_id={}", id(&order))).await?.json;
        let shipment = shipments["data"][0].clone();
        let mut rows = movements(&api, &format!("document_id={}", id(&order))).await?;
        rows.extend(movements(&api, &format!("document_id={}", id(&shipment))).await?);
        let texts = |names: &[&str]| -> Vec<String> {
            let text = |row: &Value, name: &str| {
                row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned)
            };
            rows.iter()
                .map(|row| names.iter().map(|name| text(row, name)).collect::<Vec<_>>().join(" "))
                .collect()
        };
        let what = [
            "kind",
            "on_hand_change",
            "reserved_change",
            "on_hand",
            "reserved",
            "unit_cost",
            "document_line",
            "position",
        ];
        assert_eq!(
            texts(&what),
            [
                "reservation 0 2 10 2 null 1 2",
                "reservation 0 1 5 1 null 2 2",
                "issue -2 -2 8 0 2.00 1 3",
                "issue -1 -1 4 0 7.00 2 3",
            ]
        );
        let (placed, left) = (format!("the-order {ordered_on}"), format!("the-shipment {shipped_on}"));
        let when = texts(&["correlation_id", "business_date"]);
        assert_eq!(when, [placed.as_str(), placed.as_str(), left.as_str(), left.as_str()]);
        let (stock, key) = (stock_of(&api, &tea).await?, &rows[0]["actor_id"]);
        let of_order = ("order", &order["id"]);
        let documents = [of_order, of_order, ("shipment", &shipment["id"]), ("shipment", &shipment["id"])];
        for (row, (kind, document)) in rows.iter().zip(documents) {
            for (name, expected) in [
                ("document_type", json!(kind)),
                ("document_id", document.clone()),
                ("actor_type", json!("api_key")),
                ("actor_name", json!("a test")),
                ("actor_id", key.clone()),
                ("warehouse_id", stock["warehouse_id"].clone()),
                ("reason", Value::Null),
            ] {
                assert_eq!(row[name], expected, "{name}");
            }
            assert!(row["actor_id"].is_string() && row["recorded_at"].is_string(), "{row}");
        }
        assert_eq!((&rows[0]["stock_id"], &rows[0]["product_id"]), (&stock["id"], &tea["id"]));
        assert_eq!(api.proof().await?["movements"], 6);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_is_filtered_by_product_words_document_kind_warehouse_and_time() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let (tea, pot) = (api.stocked_product("TEA").await?, api.stocked_product("POT").await?);
        let receipt =
            api.created("/stock-receipts", &document_of(json!({}), &[(&tea, "10"), (&pot, "5")])).await?;
        let order = api.created("/orders", &order_of(&customer, &[(&tea, "2")])).await?;
        step(&api, &order, "cancel").await?;
        let lost = document_of(json!({"reason": "lost"}), &[(&pot, "1")]);
        api.created("/stock-write-offs", &lost).await?;
        let warehouse = stock_of(&api, &tea).await?["warehouse_id"].as_str().unwrap().to_owned();
        let (tea, pot, receipt, order) = (id(&tea), id(&pot), id(&receipt), id(&order));
        for (filter, expected) in [
            (String::new(), "receipt receipt reservation release write_off"),
            (format!("product_id={tea}"), "receipt reservation release"),
            (format!("product_id={pot}"), "receipt write_off"),
            (format!("document_id={order}"), "reservation release"),
            (format!("document_id={receipt}&product_id={pot}"), "receipt"),
            ("kind=release".to_owned(), "release"),
            (format!("kind=receipt&product_id={pot}"), "receipt"),
            (format!("warehouse_id={warehouse}&kind=write_off"), "write_off"),
            (format!("warehouse_id={NOBODY}"), ""),
            ("recorded_before=2020-01-01T00:00:00Z".to_owned(), ""),
            (format!("recorded_from=2020-01-01T00:00:00Z&document_id={order}"), "reservation release"),
            // By the words of one product, of both, and of none.
            ("q=tea".to_owned(), "receipt reservation release"),
            ("q=product+po".to_owned(), "receipt write_off"),
            ("q=product".to_owned(), "receipt receipt reservation release write_off"),
            ("q=product&recorded_before=2020-01-01T00:00:00Z".to_owned(), ""),
            ("q=cup".to_owned(), ""),
            ("q=tea&kind=receipt".to_owned(), "receipt"),
            ("q=product&kind=receipt".to_owned(), "receipt receipt"),
            (format!("q=product&document_id={order}"), "reservation release"),
            (format!("q=pot&document_id={receipt}"), "receipt"),
            (format!("q=tea&product_id={tea}"), "receipt reservation release"),
            (format!("q=tea&product_id={pot}"), ""),
        ] {
            let kinds: Vec<String> = movements(&api, &filter)
                .await?
                .iter()
                .map(|row| row["kind"].as_str().unwrap_or_default().to_owned())
                .collect();
            assert_eq!(kinds.join(" "), expected, "{filter}");
        }
        // Those of several products are merged, a page at a time.
        let (mut kinds, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/stock-movements?q=product&sort=recorded_at&limit=2{cursor}");
            let page = api.http.get(&path).await?;
            kinds.extend(rows(&page)?.iter().map(|row| row["kind"].as_str().unwrap_or_default().to_owned()));
            match page.json["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(kinds.join(" "), "receipt receipt reservation release write_off");
        let wrong = api.http.get("/stock-movements?q=%2B").await?;
        assert_eq!((wrong.status, wrong.pointers()), (422, vec!["/query/q"]), "{}", wrong.text);
        let wrong = api.http.get("/stock-movements?kind=theft").await?;
        assert_eq!((wrong.status, wrong.pointers()), (422, vec!["/query/kind"]), "{}", wrong.text);
        let csv = api.http.get(&format!("/stock-movements.csv?product_id={pot}")).await?;
        assert!(
            csv.status == 200 && csv.text.lines().count() == 3 && csv.text.contains(",write_off,-1,0,"),
            "{}",
            csv.text
        );
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_changes_or_removes_a_movement_not_even_the_owner() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.stocked_product("TEA").await?;
        api.receive(&tea, "10", "2.00").await?;
        let sql = world.sql().await?;
        let before = movements(&api, "").await?;
        for change in [
            "UPDATE stock_movements SET on_hand_change = on_hand_change + 1",
            "UPDATE stock_movements SET reason = 'none'",
            "DELETE FROM stock_movements",
            "DELETE FROM stock_movements WHERE false",
            "TRUNCATE stock_movements",
        ] {
            let refused = sql.batch_execute(change).await.expect_err(change);
            assert_eq!(refused.code(), Some(&SqlState::RESTRICT_VIOLATION), "{change}: {refused}");
        }
        assert_eq!(movements(&api, "").await?, before);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_keeps_no_level_that_promises_more_than_there_is() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.stocked_product("TEA").await?;
        api.receive(&tea, "10", "2.00").await?;
        let sql = world.sql().await?;
        for change in
            ["reserved = on_hand + 1", "reserved = -1", "on_hand = -1, reserved = -2", "waiting = -1"]
        {
            let refused =
                sql.batch_execute(&format!("UPDATE stock_levels SET {change}")).await.expect_err(change);
            assert_eq!(refused.code(), Some(&SqlState::CHECK_VIOLATION), "{change}: {refused}");
        }
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proof_finds_what_no_document_has_done() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let pot = api.stocked_product("POT").await?;
        api.receive(&tea, "10", "2.00").await?;
        api.receive(&pot, "5", "7.00").await?;
        let order = api.created("/orders", &order_of(&customer, &[(&tea, "2")])).await?;
        let proof = api.proof().await?;
        assert_eq!(
            proof,
            json!({"holds": true, "levels": 2, "movements": 3, "places": 0, "differences": []})
        );
        let sql = world.sql().await?;
        let of_tea = format!("WHERE product_id = '{}'", id(&tea));
        for (done, undone, name, expected) in [
            (
                "stock_levels SET on_hand = on_hand + 1",
                "stock_levels SET on_hand = on_hand - 1",
                "on_hand",
                "11",
            ),
            (
                "stock_levels SET reserved = reserved + 1",
                "stock_levels SET reserved = reserved - 1",
                "reserved",
                "3",
            ),
            (
                "stock_levels SET waiting = waiting + 1",
                "stock_levels SET waiting = waiting - 1",
                "waiting",
                "1",
            ),
            ("stock_levels SET movements = 1", "stock_levels SET movements = 2", "on_hand_moved", "10"),
            (
                "stock_reservations SET reserved = 1.5",
                "stock_reservations SET reserved = 2",
                "reserved_of_orders",
                "1.5",
            ),
        ] {
            sql.batch_execute(&format!("UPDATE {done} {of_tea}")).await?;
            let answer = api.http.get("/stock/proof").await?;
            assert_eq!((answer.status, &answer.json["holds"]), (200, &json!(false)), "{done}");
            let found = answer.json["differences"].as_array().unwrap();
            assert_eq!((found.len(), &found[0]["product_id"]), (1, &tea["id"]), "{done}: {}", answer.text);
            assert_eq!(found[0][name], expected, "{done}: {}", answer.text);
            sql.batch_execute(&format!("UPDATE {undone} {of_tea}")).await?;
        }
        // What an order has that is not open any more.
        let closed = format!("UPDATE orders SET status = 'cancelled' WHERE id = '{}'", id(&order));
        sql.batch_execute(&closed).await?;
        assert_eq!(api.http.get("/stock/proof").await?.json["holds"], false);
        sql.batch_execute(&closed.replace("cancelled", "pending")).await?;
        shipped(&api, &order).await?;
        assert_eq!(amounts_of(&api, &tea).await?, "8 0 0");
        api.proof().await?;
        Ok(())
    })
    .await;
}
