//! Seen: an order took 1,000 lines, and a year of real sales held one of 1,114. Now it takes 5,000, and everything that the
//! order passes through must: the body of the request, the statement, the event, the trail, the stored answer, the message.

use std::time::Duration;

use comptoir_tests::harness::World;
use serde_json::{Value, json};

const MOST: usize = 5_000;
/// As many as there are lines: nothing of the order is short because lines share a product.
const PRODUCTS: &str = "INSERT INTO products (tenant_id, id, version, sku, name, unit_price, vat_rate, created_at, updated_at)
    SELECT $1::text::uuid, ('01900000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid, 1, 'SKU-' || n,
        rpad('A product with a long name ' || n, 200, 'x'), 999999999.999999, 20, now(), now() FROM generate_series(1, 5000) AS n";

fn body(customer: &Value) -> Value {
    let line = |number: usize| {
        let product = format!("01900000-0000-7000-9000-{number:012x}");
        json!({"product_id": product, "quantity": "1.000001", "unit_price": "12345.678901"})
    };
    json!({"customer_id": customer["id"], "lines": (1..=MOST).map(line).collect::<Vec<_>>()})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_lines_are_one_order_from_the_request_to_the_message() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        // A busy machine may take long for one request.
        let api =
            comptoir_tests::harness::Api::start(world, &[("COMPTOIR__API__REQUEST_TIMEOUT_MS", "60000")])
                .await?;
        let _relay = world.relay().await?;
        let sql = world.sql().await?;
        sql.execute(PRODUCTS, &[&world.tenant().await?.id.to_string()]).await?;
        let customer = api.customer("C-1").await?;

        let body = body(&customer);

        let order = api.http.post_with_key("/orders", "one-large-order", &body).await?;
        assert_eq!(order.status, 201, "{}", order.text.chars().take(500).collect::<String>());
        let again = api.http.post_with_key("/orders", "one-large-order", &body).await?;
        assert_eq!((again.status, &again.text), (201, &order.text), "the stored answer");

        let path = format!("/orders/{}", order.json["id"].as_str().unwrap());
        let confirmed = api.http.command(&format!("{path}/confirm")).await?;
        assert_eq!(confirmed.status, 200, "{}", confirmed.text.chars().take(500).collect::<String>());
        let read = api.http.get(&path).await?;
        let lines = read.json["lines"].as_array().unwrap();
        assert_eq!(lines.len(), MOST);
        let positions = lines.iter().map(|line| line["position"].as_u64().unwrap());
        assert!(positions.eq(1..=MOST as u64), "positions count from 1");
        world.everything_arrives(&consumer, Duration::from_secs(60)).await?;
        Ok(())
    })
    .await;
}
