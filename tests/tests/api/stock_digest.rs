//! Once a day, an e-mail says what is low in stock.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Api, World, until};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);

async fn digests(api: &Api) -> Result<Vec<Value>> {
    let answer = api.http.get("/emails?kind=stock_digest").await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(answer.json["data"].as_array().cloned().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_look_after_the_stock_are_told_once_a_day_what_is_low() {
    World::run(async |world| {
        let often = [("COMPTOIR__SERVICES__STOCK_DIGEST__INTERVAL_MS", "200")];
        let api = Api::start(world, &often).await?;
        for (email, role) in [
            ("ware@example.com", "warehouse"),
            ("boss@example.com", "management"),
            ("sales@example.com", "sales"),
            ("gone@example.com", "warehouse"),
            ("new@example.com", "warehouse"),
        ] {
            api.created("/users", &json!({"email": email, "name": "Somebody", "role": role})).await?;
        }
        let sql = world.sql().await?;
        sql.batch_execute(
            "UPDATE users SET email_verified_at = now() WHERE email <> 'new@example.com';
            UPDATE users SET disabled_at = now() WHERE email = 'gone@example.com'",
        )
        .await?;
        let tea =
            json!({"sku": "TEA", "name": "Tea", "unit_price": "10.00", "vat_rate": "20", "stocked": true});
        let tea = api.created("/products", &tea).await?;
        let body = json!({"lines": [{"product_id": tea["id"], "quantity": "4", "unit_cost": "7.00"}]});
        ensure!(api.http.post("/stock-receipts", &body).await?.status == 201, "not received");
        assert!(digests(&api).await?.is_empty(), "nothing is low");
        let stock =
            api.http.get("/stock").await?.json["data"][0]["id"].as_str().unwrap_or_default().to_owned();
        let rule = json!({"point": "30", "quantity": "100"});
        let path = format!("/stock/{stock}/reorder-rule");
        let halves = json!({"point": "30.5", "quantity": "100"});
        let refused = api.http.send(reqwest::Method::PUT, &path, &[], Some(&halves)).await?;
        assert_eq!(
            (refused.status, &refused.json["code"]),
            (422, &json!("invalid_reorder_rule")),
            "{}",
            refused.text
        );
        assert_eq!(
            refused.json["errors"][0]["pointer"], "/point",
            "tea is sold by the piece: {}",
            refused.text
        );
        ensure!(api.http.send(reqwest::Method::PUT, &path, &[], Some(&rule)).await?.status == 200, "no rule");

        let found = until("the e-mails", LIMIT, async || {
            let found = digests(&api).await?;
            ensure!(!found.is_empty(), "none yet");
            Ok(found)
        })
        .await?;
        let mut recipients: Vec<_> = found.iter().filter_map(|email| email["recipient"].as_str()).collect();
        recipients.sort_unstable();
        assert_eq!(recipients, ["boss@example.com", "ware@example.com"]);
        let id = found[0]["id"].as_str().unwrap_or_default();
        let shown = api.http.get(&format!("/emails/{id}")).await?;
        assert!(shown.text.contains("TEA") && shown.text.contains("100"), "{}", shown.text);

        // Asked again, and by another process: not twice a day.
        world.trigger_service("stock_digest").await?;
        drop(api);
        let again = Api::start(world, &often).await?;
        world.trigger_service("stock_digest").await?;
        assert_eq!(digests(&again).await?.len(), 2);
        Ok(())
    })
    .await;
}
