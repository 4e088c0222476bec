//! Orders: totals, the way through the states, and what is refused.

use anyhow::Result;
use comptoir_tests::harness::{Answer, Api, World};
use reqwest::Method;
use serde_json::{Value, json};

async fn placed(api: &Api) -> Result<Value> {
    let customer = api.customer("C-1").await?;
    let product = api.product("P-1").await?;
    api.order(&customer, &product).await
}

async fn step(api: &Api, order: &Value, step: &str) -> Result<Answer> {
    let path = format!("/orders/{}/{step}", order["id"].as_str().unwrap());
    match step {
        "ship" => api.http.post(&path, &json!({"tracking_number": "TRACK-1"})).await,
        "cancel" => api.http.post(&path, &json!({"reason": "changed their mind"})).await,
        _ => api.http.command(&path).await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn totals_are_rounded_by_line_and_vat_by_rate() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let standard = api.product("P-1").await?;
        let reduced =
            json!({"sku": "P-2", "name": "Book", "unit_price": "3.333", "vat_rate": "5.5", "stocked": false});
        let reduced = api.created("/products", &reduced).await?;
        let body = json!({"customer_id": customer["id"], "reference": "R-1", "lines": [
            {"product_id": standard["id"], "quantity": "3", "unit_price": "0.335"},
            {"product_id": standard["id"], "quantity": "1.5"},
            {"product_id": reduced["id"], "quantity": "3"},
        ]});
        let order = api.created("/orders", &body).await?;
        let nets: Vec<&str> = order["lines"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|line| line["net_amount"].as_str())
            .collect();
        // 1.005 → 1.01 (half up), 15.00, 9.999 → 10.00
        assert_eq!(nets, ["1.01", "15.00", "10.00"]);
        assert_eq!(order["net_total"], "26.01");
        // 20 % of 16.01 = 3.202, 5.5 % of 10.00 = 0.55
        assert_eq!(order["vat_total"], "3.75");
        assert_eq!(order["gross_total"], "29.76");
        assert_eq!(order["status"], "pending");
        assert_eq!(order["lines"][2]["position"], 3);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_goes_from_pending_to_delivered_and_each_step_is_an_event() {
    World::run(async |world| {
        let api = world.api().await?;
        let order = placed(&api).await?;
        for (name, status) in [("confirm", "confirmed"), ("ship", "shipped"), ("deliver", "delivered")] {
            let answer = step(&api, &order, name).await?;
            assert_eq!((answer.status, answer.field("status")), (200, status), "{}", answer.text);
        }
        let read = api.http.get(&format!("/orders/{}", order["id"].as_str().unwrap())).await?;
        assert_eq!(read.json["version"], 4);
        assert_eq!(read.json["tracking_number"], "TRACK-1");
        for time in ["placed_at", "confirmed_at", "shipped_at", "delivered_at"] {
            assert!(read.json[time].is_string(), "{time}");
        }
        let rows = world
            .sql()
            .await?
            .query(
                "SELECT event_type, aggregate_version, aggregate_type FROM outbox_events WHERE aggregate_id = $1 ORDER BY seq",
                &[&order["id"].as_str()],
            )
            .await?;
        let events: Vec<(String, Option<i64>)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let expected = ["order.placed", "order.confirmed", "order.shipped", "order.delivered"];
        let expected: Vec<(String, Option<i64>)> = expected.into_iter().map(str::to_owned).zip((1..).map(Some)).collect();
        assert_eq!(events, expected);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_the_state_does_not_permit_is_a_conflict() {
    World::run(async |world| {
        let api = world.api().await?;
        let order = placed(&api).await?;
        for too_early in ["ship", "deliver"] {
            let answer = step(&api, &order, too_early).await?;
            assert_eq!((answer.status, answer.code()), (409, "order_state_conflict"), "{too_early}");
        }
        step(&api, &order, "confirm").await?;
        assert_eq!(step(&api, &order, "confirm").await?.status, 409);
        let cancelled = step(&api, &order, "cancel").await?;
        assert_eq!((cancelled.status, cancelled.field("status")), (200, "cancelled"));
        assert_eq!(cancelled.json["cancellation_reason"], "changed their mind");
        for too_late in ["confirm", "ship", "deliver", "cancel"] {
            let answer = step(&api, &order, too_late).await?;
            assert_eq!((answer.status, answer.code()), (409, "order_state_conflict"), "{too_late}");
        }
        let path = format!("/orders/{}/cancel", order["id"].as_str().unwrap());
        let reason = api.http.post(&path, &json!({"reason": " "})).await?;
        assert_eq!((reason.status, reason.pointers()), (422, vec!["/reason"]));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_may_insist_on_a_version() {
    World::run(async |world| {
        let api = world.api().await?;
        let order = placed(&api).await?;
        let path = format!("/orders/{}/confirm", order["id"].as_str().unwrap());
        let stale = api.http.send(Method::POST, &path, &[("If-Match", "\"9\"")], None).await?;
        assert_eq!((stale.status, stale.code()), (412, "version_mismatch"));
        let fresh = api.http.send(Method::POST, &path, &[("If-Match", "\"1\"")], None).await?;
        assert_eq!((fresh.status, fresh.header("etag")), (200, Some("\"2\"")));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_wrong_line_is_pointed_at_and_nothing_is_stored() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let line = |quantity: &str, price: &str| json!({"product_id": product["id"], "quantity": quantity, "unit_price": price});
        let body = json!({"customer_id": customer["id"], "lines": [
            line("1", "1"), line("0", "1"), line("-2", "1"), line("1.2345678", "1"), line("1", "-1"),
        ]});
        let answer = api.http.post("/orders", &body).await?;
        assert_eq!(answer.status, 422, "{}", answer.text);
        let expected = ["/lines/1/quantity", "/lines/2/quantity", "/lines/3/quantity", "/lines/4/unit_price"];
        assert_eq!(answer.pointers(), expected);

        let nobody = "00000000-0000-7000-8000-000000000000";
        let body = json!({"customer_id": customer["id"], "lines": [
            {"product_id": product["id"], "quantity": "1"}, {"product_id": nobody, "quantity": "1"},
        ]});
        let answer = api.http.post("/orders", &body).await?;
        assert_eq!((answer.status, answer.pointers()), (422, vec!["/lines/1/product_id"]), "{}", answer.text);
        let body = json!({"customer_id": nobody, "lines": [{"product_id": product["id"], "quantity": "1"}]});
        let answer = api.http.post("/orders", &body).await?;
        assert_eq!((answer.status, answer.pointers()), (422, vec!["/customer_id"]), "{}", answer.text);

        let many: Vec<Value> = (0..5001).map(|_| line("1", "1")).collect();
        for lines in [json!([]), json!(many)] {
            let answer = api.http.post("/orders", &json!({"customer_id": customer["id"], "lines": lines})).await?;
            assert_eq!((answer.status, answer.pointers()), (422, vec!["/lines"]), "{}", answer.text);
        }
        let sql = world.sql().await?;
        let left: i64 = sql.query_one("SELECT count(*) FROM orders", &[]).await?.get(0);
        let events: i64 =
            sql.query_one("SELECT count(*) FROM outbox_events WHERE aggregate_type = 'order'", &[]).await?.get(0);
        assert_eq!((left, events), (0, 0));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reference_belongs_to_one_order() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let mut body = comptoir_tests::harness::order_body(&customer, &product);
        body["reference"] = json!("R-1");
        let first = api.created("/orders", &body).await?;
        let again = api.http.post("/orders", &body).await?;
        assert_eq!((again.status, again.code()), (409, "order_reference_taken"));
        let found = api.http.get("/orders?reference=R-1").await?;
        assert_eq!(found.json["data"][0]["id"], first["id"]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_company_delivers_itself_has_no_tracking_number() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        for body in [None, Some(json!({})), Some(json!({"tracking_number": null}))] {
            let order = api.order(&customer, &product).await?;
            step(&api, &order, "confirm").await?;
            let path = format!("/orders/{}/ship", order["id"].as_str().unwrap());
            let shipped = api.http.send(Method::POST, &path, &[], body.as_ref()).await?;
            assert_eq!((shipped.status, shipped.field("status")), (200, "shipped"), "{}", shipped.text);
            assert_eq!(shipped.json["tracking_number"], serde_json::Value::Null);
        }
        Ok(())
    })
    .await;
}
