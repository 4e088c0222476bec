//! Purchase orders: ordered, changed, received by receipts, cancelled.

use anyhow::Result;
use chrono::{TimeDelta, Utc};
use comptoir_tests::harness::{Answer, Api, World, api_key, events_of};
use reqwest::Method;
use serde_json::{Value, json};

fn path_of(order: &Value) -> String {
    format!("/purchase-orders/{}", order["id"].as_str().unwrap_or_default())
}

/// A day as the business counts, so many days from today.
fn day(from_today: i64) -> String {
    (Utc::now().date_naive() + TimeDelta::days(from_today)).to_string()
}

/// Receives so many of a product, by this purchase order.
async fn receive(api: &Api, order: &Value, lines: Value) -> Result<Answer> {
    api.http.post("/stock-receipts", &json!({"purchase_order_id": order["id"], "lines": lines})).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_order_is_ordered_changed_received_and_its_rest_cancelled() {
    World::run(async |world| {
        let api = world.api().await?;
        let (supplier, tea) = (api.supplier("S-1").await?, api.stocked_product("TEA").await?);
        let (ordered_on, expected_on) = (day(-10), day(5));
        let body = json!({
            "reference": "CF-1", "supplier_id": supplier["id"], "ordered_on": ordered_on, "expected_on": expected_on,
            "lines": [{"product_id": tea["id"], "quantity": "10", "unit_cost": "7.00"}],
        });
        let created = api.http.post("/purchase-orders", &body).await?;
        assert_eq!(created.status, 201, "{}", created.text);
        assert_eq!(created.header("etag"), Some("\"1\""));
        assert_eq!((&created.json["state"], &created.json["ordered_on"]), (&json!("ordered"), &json!(ordered_on)));
        let line = &created.json["lines"][0];
        assert_eq!((&line["sku"], &line["received"], &line["unit_cost"]), (&json!("TEA"), &json!("0"), &json!("7.00")));
        let path = path_of(&created.json);
        assert_eq!(api.http.get(&path).await?.json, created.json);
        assert!(created.json["warehouse_id"].is_string(), "the company's default");

        // The body is what GET gave.
        let mut body = created.json.clone();
        body["lines"][0]["quantity"] = json!("20");
        let changed = api.http.send(Method::PUT, &path, &[("If-Match", "\"1\"")], Some(&body)).await?;
        assert_eq!((changed.status, changed.header("etag")), (200, Some("\"2\"")), "{}", changed.text);
        let later = json!({"expected_on": day(12)});
        let changed = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&later)).await?;
        assert_eq!((changed.status, &changed.json["lines"][0]["quantity"]), (200, &json!("20")), "{}", changed.text);

        let came = receive(&api, &created.json, json!([{"product_id": tea["id"], "quantity": "8"}])).await?;
        assert_eq!(came.status, 201, "{}", came.text);
        assert_eq!(came.json["supplier_id"], supplier["id"], "that of the purchase order");
        assert_eq!(came.json["purchase_order_id"], created.json["id"]);
        assert_eq!(came.json["lines"][0]["unit_cost"], "7.00", "that of the purchase order");
        let now = api.http.get(&path).await?.json;
        assert_eq!((&now["state"], &now["lines"][0]["received"]), (&json!("partly_received"), &json!("8")));
        let refused = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&later)).await?;
        assert_eq!((refused.status, refused.code()), (409, "purchase_order_state_conflict"));

        let cancelled = api.http.command(&format!("{path}/cancel")).await?;
        assert_eq!((cancelled.status, &cancelled.json["state"]), (200, &json!("cancelled")), "{}", cancelled.text);
        let late = receive(&api, &created.json, json!([{"product_id": tea["id"], "quantity": "1"}])).await?;
        assert_eq!((late.status, late.code()), (409, "purchase_order_state_conflict"), "{}", late.text);
        let stock = api.http.get("/stock").await?.json["data"][0].clone();
        assert_eq!((&stock["on_hand"], &stock["average_cost"]), (&json!("8"), &json!("7.00")));
        let told = "purchase_order.ordered purchase_order.changed purchase_order.changed purchase_order.received purchase_order.cancelled";
        assert_eq!(events_of(&world.sql().await?, &created.json).await?, told);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_goes_to_the_lines_of_its_product_and_more_than_was_ordered_is_noted() {
    World::run(async |world| {
        let api = world.api().await?;
        let (supplier, tea, pot) =
            (api.supplier("S-1").await?, api.stocked_product("TEA").await?, api.stocked_product("POT").await?);
        let line = |quantity: &str, cost: &str| json!({"product_id": tea["id"], "quantity": quantity, "unit_cost": cost});
        let body = json!({"supplier_id": supplier["id"], "lines": [line("10", "5.00"), line("10", "6.00")]});
        let order = api.created("/purchase-orders", &body).await?;
        let came = receive(&api, &order, json!([
            {"product_id": tea["id"], "quantity": "20"},
            {"product_id": pot["id"], "quantity": "1", "unit_cost": "30"},
        ]));
        let came = came.await?;
        assert_eq!(came.status, 201, "{}", came.text);
        let costs: Vec<_> = came.json["lines"].as_array().into_iter().flatten().map(|line| line["unit_cost"].clone()).collect();
        assert_eq!(costs, ["5.50", "30.00"], "ten at 5 and ten at 6; what was not ordered costs what the receipt says");
        let now = api.http.get(&path_of(&order)).await?.json;
        assert_eq!(now["state"], "received");
        let more = receive(&api, &order, json!([{"product_id": tea["id"], "quantity": "2.5"}])).await?;
        assert_eq!(more.status, 201, "{}", more.text);
        let now = api.http.get(&path_of(&order)).await?.json;
        assert_eq!((&now["lines"][0]["received"], &now["lines"][1]["received"]), (&json!("10"), &json!("12.5")));
        let refused = api.http.command(&format!("{}/cancel", path_of(&order))).await?;
        assert_eq!((refused.status, refused.code()), (409, "purchase_order_state_conflict"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named_and_a_supplier_that_is_named_stays() {
    World::run(async |world| {
        let api = world.api().await?;
        let (supplier, other) = (api.supplier("S-1").await?, api.supplier("S-2").await?);
        let (tea, service) = (api.stocked_product("TEA").await?, api.product("SERVICE").await?);
        let line = |product: &Value| json!({"product_id": product["id"], "quantity": "1"});
        for (body, pointers) in [
            (json!({"supplier_id": supplier["id"], "lines": []}), vec!["/lines"]),
            (json!({"supplier_id": supplier["id"], "lines": [line(&tea), line(&service)]}), vec!["/lines/1/product_id"]),
            (json!({"supplier_id": tea["id"], "lines": [line(&tea)]}), vec!["/supplier_id"]),
            (json!({"supplier_id": supplier["id"], "warehouse_id": tea["id"], "lines": [line(&tea)]}), vec!["/warehouse_id"]),
            (
                json!({"supplier_id": supplier["id"], "ordered_on": day(-1), "expected_on": day(-2), "lines": [line(&tea)]}),
                vec!["/expected_on"],
            ),
        ] {
            let refused = api.http.post("/purchase-orders", &body).await?;
            assert_eq!((refused.status, refused.code()), (422, "invalid_purchase_order"), "{body}: {}", refused.text);
            assert_eq!(refused.pointers(), pointers, "{body}");
        }
        let body = json!({"reference": "CF-1", "supplier_id": supplier["id"], "lines": [line(&tea)]});
        let order = api.created("/purchase-orders", &body).await?;
        let again = api.http.post("/purchase-orders", &body).await?;
        assert_eq!((again.status, again.code()), (409, "purchase_order_reference_taken"));
        for (member, value, pointer) in [
            ("purchase_order_id", &tea["id"], "/purchase_order_id"),
            ("supplier_id", &other["id"], "/supplier_id"),
        ] {
            let mut body = json!({"purchase_order_id": order["id"], "lines": [line(&tea)]});
            body[member] = value.clone();
            let refused = api.http.post("/stock-receipts", &body).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{}", refused.text);
        }
        let path = format!("/suppliers/{}", supplier["id"].as_str().unwrap_or_default());
        let stays = api.http.send(Method::DELETE, &path, &[("If-Match", "*")], None).await?;
        assert_eq!((stays.status, stays.code()), (409, "supplier_in_use"), "{}", stays.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_not_see_costs_sees_none_and_takes_none_away() {
    World::run(async |world| {
        let api = world.api().await?;
        let (supplier, tea) = (api.supplier("S-1").await?, api.stocked_product("TEA").await?);
        let order = api.purchase_order(&supplier, &tea).await?;
        let sql = world.sql().await?;
        let key = api_key(&sql, world.tenant().await?.id, &["purchases:read", "purchases:write"]).await?;
        let blind = api.http.with_credential(&key);
        let path = path_of(&order);
        let mut seen = blind.get(&path).await?.json;
        assert_eq!(seen["lines"][0]["unit_cost"], Value::Null);
        seen["lines"][0]["quantity"] = json!("11");
        let changed = blind.send(Method::PUT, &path, &[("If-Match", "\"1\"")], Some(&seen)).await?;
        assert_eq!(
            (changed.status, &changed.json["lines"][0]["unit_cost"]),
            (200, &Value::Null),
            "{}",
            changed.text
        );
        let now = api.http.get(&path).await?.json;
        assert_eq!(
            (&now["lines"][0]["unit_cost"], &now["lines"][0]["quantity"]),
            (&json!("7.00"), &json!("11"))
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_expected_is_found() {
    World::run(async |world| {
        let api = world.api().await?;
        let (supplier, other) = (api.supplier("S-1").await?, api.supplier("S-2").await?);
        let tea = api.stocked_product("TEA").await?;
        let (ordered_on, soon) = (day(-10), day(10));
        for (reference, supplier, expected) in [("CF-1", &supplier, 4), ("CF-2", &supplier, 30), ("CF-3", &other, 5)] {
            let body = json!({
                "reference": reference, "supplier_id": supplier["id"], "ordered_on": ordered_on, "expected_on": day(expected),
                "lines": [{"product_id": tea["id"], "quantity": "1"}],
            });
            api.created("/purchase-orders", &body).await?;
        }
        let id = supplier["id"].as_str().unwrap_or_default();
        for (query, expected) in [
            (String::new(), vec!["CF-3", "CF-2", "CF-1"]),
            (format!("?expected_before={soon}"), vec!["CF-3", "CF-1"]),
            (format!("?supplier_id={id}"), vec!["CF-2", "CF-1"]),
            (format!("?supplier_id={id}&state=ordered&expected_before={soon}"), vec!["CF-1"]),
            ("?state=received,cancelled".to_owned(), vec![]),
            ("?q=cf-2".to_owned(), vec!["CF-2"]),
            ("?sort=created_at&state=ordered".to_owned(), vec!["CF-1", "CF-2", "CF-3"]),
        ] {
            let found = api.http.get(&format!("/purchase-orders{query}")).await?;
            assert_eq!(found.status, 200, "{query}: {}", found.text);
            let names: Vec<_> = found.json["data"].as_array().into_iter().flatten().map(|order| order["reference"].clone()).collect();
            assert_eq!(names, expected, "{query}");
        }
        let csv = api.http.get("/purchase-orders.csv?state=ordered").await?;
        assert_eq!(csv.text.split_terminator("\r\n").count(), 4, "{}", csv.text);
        Ok(())
    })
    .await;
}
