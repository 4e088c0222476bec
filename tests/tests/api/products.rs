//! Products: created, changed, archived, deleted.

use comptoir_tests::harness::World;
use reqwest::Method;
use serde_json::{Value, json};

fn path(product: &Value) -> String {
    format!("/products/{}", product["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_is_created_read_and_changed() {
    World::run(async |world| {
        let api = world.api().await?;
        let body = json!({"sku": "P-1", "name": "Board", "unit_price": "12.345678", "vat_rate": "5.5"});
        let created = api.http.post("/products", &body).await?;
        assert_eq!(created.status, 201, "{}", created.text);
        assert_eq!(created.json["unit_price"], "12.345678", "decimals are strings, and exact");
        assert_eq!(created.json["archived_at"], Value::Null);
        let path = path(&created.json);
        assert_eq!(api.http.get(&path).await?.json, created.json);
        let body = json!({"sku": "P-1", "name": "Oak board", "external_id": null, "unit_price": "0", "vat_rate": "20"});
        let changed = api.http.send(Method::PUT, &path, &[("If-Match", "\"1\"")], Some(&body)).await?;
        assert_eq!((changed.status, &changed.json["version"]), (200, &json!(2)), "{}", changed.text);
        let again = api.http.post("/products", &body).await?;
        assert_eq!((again.status, again.code()), (409, "product_sku_taken"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archived_product_cannot_be_ordered() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let archived = api.http.command(&format!("{}/archive", path(&product))).await?;
        assert_eq!(archived.status, 200, "{}", archived.text);
        assert!(archived.json["archived_at"].is_string());
        let body = comptoir_tests::harness::order_body(&customer, &product);
        let order = api.http.post("/orders", &body).await?;
        assert_eq!(order.status, 422, "{}", order.text);
        assert_eq!(order.pointers(), ["/lines/0/product_id"]);
        let list = api.http.get("/products?archived=true").await?;
        assert_eq!(list.json["data"].as_array().map(Vec::len), Some(1));
        let list = api.http.get("/products?archived=false").await?;
        assert_eq!(list.json["data"].as_array().map(Vec::len), Some(0));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_that_was_ordered_is_archived_instead_of_deleted() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let (ordered, unused) = (api.product("P-1").await?, api.product("P-2").await?);
        api.order(&customer, &ordered).await?;
        for product in [&ordered, &unused] {
            let deleted = api.http.send(Method::DELETE, &path(product), &[("If-Match", "*")], None).await?;
            assert!(matches!(deleted.status, 200 | 204), "{} {}", deleted.status, deleted.text);
        }
        let kept = api.http.get(&path(&ordered)).await?;
        assert_eq!(kept.status, 200);
        assert!(kept.json["archived_at"].is_string(), "{}", kept.text);
        assert_eq!(api.http.get(&path(&unused)).await?.status, 404);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_is_a_decimal_string_that_is_not_negative() {
    World::run(async |world| {
        let api = world.api().await?;
        for (price, pointer) in [
            (json!("-0.01"), "/unit_price"),
            (json!("1.2345678"), "/unit_price"),
            (json!("1e400"), "/unit_price"),
            (json!("NaN"), "/unit_price"),
            (json!("9".repeat(5_000)), "/unit_price"),
            (json!(""), "/unit_price"),
            (json!(12.5), "/unit_price"),
            (json!(null), "/unit_price"),
        ] {
            let body = json!({"sku": "P-1", "name": "Board", "unit_price": price, "vat_rate": "20"});
            let answer = api.http.post("/products", &body).await?;
            assert_eq!(answer.status, 422, "{price}: {}", answer.text);
            assert_eq!(answer.pointers(), [pointer], "{price}: {}", answer.text);
        }
        for rate in ["-1", "100.01", "5.555"] {
            let body = json!({"sku": "P-1", "name": "Board", "unit_price": "1", "vat_rate": rate});
            let answer = api.http.post("/products", &body).await?;
            assert_eq!(
                (answer.status, answer.pointers()),
                (422, vec!["/vat_rate"]),
                "{rate}: {}",
                answer.text
            );
        }
        Ok(())
    })
    .await;
}
