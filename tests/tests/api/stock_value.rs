//! What the stock was worth at a date.

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Api, World, api_key};
use serde_json::{Value, json};

async fn moved(api: &Api, path: &str, on: String, line: Value) -> Result<()> {
    let body = json!({"business_date": on, "reason": "a test", "lines": [line]});
    let answer = api.http.post(path, &body).await?;
    ensure!(answer.status == 201, "{}", answer.text);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_value_is_what_was_on_hand_by_the_dates_of_the_business_at_the_average_of_then() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, pot) = (api.stocked_product("TEA").await?, api.stocked_product("POT").await?);
        let ago = |days: i64| (chrono::Utc::now() - chrono::TimeDelta::days(days)).format("%Y-%m-%d").to_string();
        let line = |product: &Value, quantity: &str, cost: &str| json!({"product_id": product["id"], "quantity": quantity, "unit_cost": cost});
        moved(&api, "/stock-receipts", ago(30), line(&tea, "100", "7.00")).await?;
        moved(&api, "/stock-receipts", ago(20), line(&tea, "50", "8.50")).await?;
        moved(&api, "/stock-write-offs", ago(10), json!({"product_id": tea["id"], "quantity": "50"})).await?;
        moved(&api, "/stock-receipts", ago(10), line(&pot, "3", "33.333333")).await?;
        let value = async |query: String| -> Result<Value> {
            let answer = api.http.get(&format!("/stock/value{query}")).await?;
            ensure!(answer.status == 200, "{}", answer.text);
            Ok(answer.json)
        };
        for (on, total, products) in [
            (ago(31), "0.00", None),
            (ago(30), "700.00", Some(1)),
            (ago(15), "1125.00", Some(1)),
            // 100 × 7.50, and 3 × 33.333333.
            (ago(10), "850.00", Some(2)),
        ] {
            let found = value(format!("?on={on}")).await?;
            assert_eq!((&found["on"], &found["total"]), (&json!(on), &json!(total)));
            assert_eq!(found["warehouses"][0]["products"].as_i64(), products, "{on}");
        }
        let today = value(String::new()).await?;
        assert_eq!(today["total"], "850.00");
        let main = today["warehouses"][0]["warehouse_id"].as_str().unwrap_or_default();
        assert_eq!(value(format!("?warehouse_id={main}")).await?["total"], "850.00");
        let csv = api.http.get(&format!("/stock/value.csv?on={}", ago(10))).await?;
        let lines: Vec<&str> = csv.text.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), 3, "{}", csv.text);
        assert!(lines[1].ends_with("POT,Product POT,3,33.333333,100.00"), "{}", lines[1]);
        assert!(lines[2].ends_with("TEA,Product TEA,100,7.50,750.00"), "{}", lines[2]);
        // The same, a page at a time: a product of which there was nothing yet leaves its page empty, and the list goes on behind it.
        for (on, expected) in [
            (ago(10), vec![["POT", "3", "33.333333", "100.00"], ["TEA", "100", "7.50", "750.00"]]),
            (ago(20), vec![["TEA", "150", "7.50", "1125.00"]]),
        ] {
            let expected: Vec<[String; 4]> = expected.into_iter().map(|line| line.map(str::to_owned)).collect();
            let (mut found, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
            loop {
                let path = format!("/stock/value/products?on={on}&warehouse_id={main}&limit=1{cursor}");
                let page = api.http.get(&path).await?;
                ensure!(page.status == 200, "{}", page.text);
                pages += 1;
                let line = |line: &Value| {
                    ["sku", "on_hand", "average_cost", "value"]
                        .map(|name| line[name].as_str().unwrap_or_default().to_owned())
                };
                found.extend(page.json["data"].as_array().into_iter().flatten().map(line));
                match page.json["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!((found, pages), (expected, 2), "{on}");
        }
        let sql = world.sql().await?;
        let key = api_key(&sql, world.tenant().await?.id, &["stock:read"]).await?;
        for path in ["/stock/value", "/stock/value/products"] {
            let refused = api.http.with_credential(&key).get(path).await?;
            assert_eq!((refused.status, refused.code()), (403, "forbidden"));
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_placed_or_cancelled_later_changes_no_value_of_a_past_day() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let ago =
            |days: i64| (chrono::Utc::now() - chrono::TimeDelta::days(days)).format("%Y-%m-%d").to_string();
        for (days, cost) in [(30, "7.00"), (5, "9.00")] {
            let line = json!({"product_id": tea["id"], "quantity": "100", "unit_cost": cost});
            moved(&api, "/stock-receipts", ago(days), line).await?;
        }
        let value = async || -> Result<(Value, String)> {
            let on = ago(10);
            let whole = api.http.get(&format!("/stock/value?on={on}")).await?;
            let lines = api.http.get(&format!("/stock/value.csv?on={on}")).await?;
            ensure!((whole.status, lines.status) == (200, 200), "{} {}", whole.text, lines.text);
            Ok((whole.json["total"].clone(), lines.text))
        };
        let before = value().await?;
        assert_eq!(before.0, "700.00");
        let order = json!({"customer_id": customer["id"], "ordered_on": ago(12),
            "lines": [{"product_id": tea["id"], "quantity": "1"}]});
        let order = api.created("/orders", &order).await?;
        assert_eq!(value().await?, before, "its reservation has the order's day");
        let path = format!("/orders/{}/cancel", order["id"].as_str().unwrap_or_default());
        let cancelled = api.http.post(&path, &json!({"reason": "a test"})).await?;
        ensure!(cancelled.status == 200, "{}", cancelled.text);
        assert_eq!(value().await?, before);
        Ok(())
    })
    .await;
}
