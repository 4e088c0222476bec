//! Once a day, an e-mail says what is low in stock.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Api, Http, Tenant, World, until};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);

async fn digests(api: &Api) -> Result<Vec<Value>> {
    let answer = api.http.get("/emails?kind=stock_digest").await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(answer.json["data"].as_array().cloned().unwrap_or_default())
}

/// Receives four of a new product, of which more should be ordered at thirty. Returns the product's id and that of its stock.
async fn low_stock(http: &Http, sku: &str) -> Result<(String, String)> {
    let product = json!({"sku": sku, "name": sku, "unit_price": "10.00", "vat_rate": "20", "stocked": true});
    let product = http.post("/products", &product).await?;
    ensure!(product.status == 201, "{}", product.text);
    let line = json!({"product_id": product.json["id"], "quantity": "4", "unit_cost": "7.00"});
    let received = http.post("/stock-receipts", &json!({"lines": [line]})).await?;
    ensure!(received.status == 201, "{}", received.text);
    let product = product.json["id"].as_str().unwrap_or_default().to_owned();
    let stock = http.get(&format!("/stock?product_id={product}")).await?;
    let stock = stock.json["data"][0]["id"].as_str().unwrap_or_default().to_owned();
    let rule = json!({"point": "30", "quantity": "100"});
    let path = format!("/stock/{stock}/reorder-rule");
    let set = http.send(reqwest::Method::PUT, &path, &[], Some(&rule)).await?;
    ensure!(set.status == 200, "{}", set.text);
    Ok((product, stock))
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_that_cannot_be_told_keeps_no_other_from_it() {
    World::run(async |world| {
        let idle = Api::start(world, &[("COMPTOIR__SERVICES__STOCK_DIGEST__ENABLED", "false")]).await?;
        let sql = world.sql().await?;
        // The service comes to the older company first.
        let (failing, other) = (world.tenant().await?.id, Tenant::create(&sql, "Other").await?);
        let others = idle.http.with_credential(&other.api_key);
        for (http, email) in [(&idle.http, "one@example.com"), (&others, "other@example.com")] {
            let user = json!({"email": email, "name": "Somebody", "role": "warehouse"});
            let user = http.post("/users", &user).await?;
            ensure!(user.status == 201, "{}", user.text);
            low_stock(http, "TEA").await?;
        }
        sql.batch_execute(&format!(
            "UPDATE users SET email_verified_at = now();
            CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it fails'; END $$;
            CREATE TRIGGER fail BEFORE INSERT ON stock_digests FOR EACH ROW WHEN (NEW.tenant_id = '{failing}') EXECUTE FUNCTION fail()"
        ))
        .await?;
        let told = async |http: &Http| -> Result<usize> {
            let answer = http.get("/emails?kind=stock_digest").await?;
            ensure!(answer.status == 200, "{}", answer.text);
            Ok(answer.json["data"].as_array().map_or(0, Vec::len))
        };
        let api = Api::start(world, &[("COMPTOIR__SERVICES__STOCK_DIGEST__INTERVAL_MS", "200")]).await?;
        until("the other company to be told", LIMIT, async || {
            ensure!(told(&others).await? == 1, "not yet");
            Ok(())
        })
        .await?;
        assert_eq!(told(&idle.http).await?, 0);
        sql.batch_execute("DROP TRIGGER fail ON stock_digests").await?;
        // The service waits a little longer after each fault.
        until("the first company to be told", LIMIT * 3, async || {
            ensure!(told(&idle.http).await? == 1, "not yet");
            Ok(())
        })
        .await?;
        assert_eq!(told(&others).await?, 1, "not twice a day");
        drop(api);
        Ok(())
    })
    .await;
}
