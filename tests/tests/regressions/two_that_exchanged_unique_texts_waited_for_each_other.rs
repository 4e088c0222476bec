//! Seen (read): of two products that exchanged their SKUs at the same moment, each waited in the index whether the other gave its own up,
//! until PostgreSQL ended one of both transactions, with a line in its log. So it was with every text that is unique and can be changed:
//! codes, external ids, barcodes, references of purchase orders. Those of orders had been mended alone.

use anyhow::Result;
use comptoir_tests::harness::{Answer, Http, World, id};
use reqwest::Method;
use serde_json::{Value, json};

/// Two of a kind, and the text of the second that the first wants.
struct Pair {
    path: &'static str,
    table: &'static str,
    member: &'static str,
    /// Of the refusal.
    code: &'static str,
    mine: Value,
    other: Value,
}

async fn patch(http: &Http, path: &str, resource: &Value, body: &Value) -> Result<Answer> {
    http.send(Method::PATCH, &format!("{path}/{}", id(resource)), &[("If-Match", "*")], Some(body)).await
}

/// Whoever waits for a text that somebody is giving up is not answered here: the other transaction ends after the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wants_what_another_one_is_giving_up_does_not_wait_for_it() {
    World::run(async |world| {
        let api = world.api().await?;
        let (supplier, tea, main) =
            (api.supplier("S-0").await?, api.stocked_product("TEA").await?, api.warehouse("W-0").await?);
        let mut pairs = Vec::new();
        for (path, table, member, code) in [
            ("/products", "products", "sku", "product_sku_taken"),
            ("/products", "products", "external_id", "product_external_id_taken"),
            ("/customers", "customers", "code", "customer_code_taken"),
            ("/customers", "customers", "external_id", "customer_external_id_taken"),
            ("/suppliers", "suppliers", "code", "supplier_code_taken"),
            ("/suppliers", "suppliers", "external_id", "supplier_external_id_taken"),
            ("/warehouses", "warehouses", "code", "warehouse_code_taken"),
            ("/warehouses", "warehouses", "external_id", "warehouse_external_id_taken"),
            ("/locations", "locations", "code", "location_code_taken"),
            ("/locations", "locations", "external_id", "location_external_id_taken"),
            ("/customer-groups", "customer_groups", "code", "customer_group_code_taken"),
            ("/price-lists", "price_lists", "code", "price_list_code_taken"),
            ("/purchase-orders", "purchase_orders", "reference", "purchase_order_reference_taken"),
        ] {
            let mut both = Vec::new();
            for text in [format!("{member}-1"), format!("{member}-2")] {
                let made = match path {
                    "/products" => api.product(&text).await?,
                    "/customers" => api.customer(&text).await?,
                    "/suppliers" => api.supplier(&text).await?,
                    "/warehouses" => api.warehouse(&text).await?,
                    "/locations" => api.location(&main, &text).await?,
                    "/customer-groups" => api.customer_group(&text).await?,
                    "/price-lists" => api.price_list(&text, &json!({})).await?,
                    _ => api.purchase_order(&supplier, &tea).await?,
                };
                let named = patch(&api.http, path, &made, &json!({member: text})).await?;
                assert_eq!((named.status, named.field(member)), (200, text.as_str()), "{}", named.text);
                both.push(named.json);
            }
            let (other, mine) = (both.remove(1), both.remove(0));
            pairs.push(Pair { path, table, member, code, mine, other });
        }
        let holder = world.sql().await?;
        for Pair { path, table, member, code, mine, other } in pairs {
            let give_up =
                format!("BEGIN; UPDATE {table} SET {member} = 'GIVEN-UP' WHERE id = '{}'", id(&other));
            holder.batch_execute(&give_up).await?;
            let wanted = json!({member: other[member]});
            let refused = patch(&api.http, path, &mine, &wanted).await?;
            assert_eq!((refused.status, refused.code()), (409, code), "{path} {member}: {}", refused.text);
            holder.batch_execute("COMMIT").await?;
            let named = patch(&api.http, path, &mine, &wanted).await?;
            assert_eq!(
                (named.status, &named.json[member]),
                (200, &other[member]),
                "{path} {member}: {}",
                named.text
            );
        }
        Ok(())
    })
    .await;
}

/// Barcodes have rows of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wants_a_barcode_that_another_product_is_giving_up_does_not_wait_for_it() {
    World::run(async |world| {
        let api = world.api().await?;
        let (mine, other) = (api.product("P-1").await?, api.product("P-2").await?);
        let wanted = json!({"barcodes": ["3017620422003"]});
        for (product, barcodes) in [(&mine, &json!({"barcodes": ["96385074"]})), (&other, &wanted)] {
            let named = patch(&api.http, "/products", product, barcodes).await?;
            assert_eq!(named.status, 200, "{}", named.text);
        }
        let holder = world.sql().await?;
        let give_up = format!(
            "BEGIN; UPDATE products SET barcodes = '{{}}' WHERE id = '{0}'; DELETE FROM product_barcodes WHERE product_id = '{0}'",
            id(&other)
        );
        holder.batch_execute(&give_up).await?;
        let refused = patch(&api.http, "/products", &mine, &wanted).await?;
        assert_eq!((refused.status, refused.code()), (409, "product_barcode_taken"), "{}", refused.text);
        holder.batch_execute("COMMIT").await?;
        let named = patch(&api.http, "/products", &mine, &wanted).await?;
        assert_eq!((named.status, &named.json["barcodes"]), (200, &wanted["barcodes"]), "{}", named.text);
        Ok(())
    })
    .await;
}
