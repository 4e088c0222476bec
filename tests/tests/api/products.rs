//! Products: created, changed, archived, deleted.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Api, World, id, stock_of, until};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_postgres::Client;

const LIMIT: Duration = Duration::from_secs(20);
/// A command that waits for a lock waits as long as the test needs.
const PATIENT: [(&str, &str); 3] = [
    ("COMPTOIR__DATABASE__LOCK_TIMEOUT_MS", "60000"),
    ("COMPTOIR__DATABASE__STATEMENT_TIMEOUT_MS", "60000"),
    ("COMPTOIR__DATABASE__WORK_TIMEOUT_MS", "90000"),
];
const WAITING: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

async fn until_waiting(sql: &Client, number: i64) -> Result<()> {
    until(format!("{number} to wait for a lock"), LIMIT, async || {
        let waiting: i64 = sql.query_one(WAITING, &[]).await?.get(0);
        ensure!(waiting == number, "{waiting} wait");
        Ok(())
    })
    .await
}

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
        let body = json!({
            "sku": "P-1", "name": "Oak board", "external_id": null, "unit_price": "0", "vat_rate": "20", "unit": "MTR", "quantity_decimals": 2,
            "stocked": false, "category_id": null, "barcodes": [], "nature": "goods",
        });
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_is_goods_or_a_service() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut body = json!({"sku": "P-1", "name": "Board", "unit_price": "1", "vat_rate": "20"});
        let told = |product: &Value| json!([product["nature"], product["stocked"]]);
        let board = api.created("/products", &body).await?;
        assert_eq!(told(&board), json!(["goods", true]), "what is left out");
        body["sku"] = "P-2".into();
        body["nature"] = "service".into();
        let advice = api.created("/products", &body).await?;
        assert_eq!(told(&advice), json!(["service", false]), "nobody keeps a service in stock unasked");
        let csv = api.http.get("/products.csv?sku=P-2").await?.text;
        let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
        let column = lines[0].iter().position(|name| *name == "nature").unwrap();
        assert_eq!(lines[1][column], "service", "{csv}");
        let changed = json!({"nature": "service"});
        let changed = api.http.send(Method::PATCH, &path(&board), &[], Some(&changed)).await?;
        assert_eq!(told(&changed.json), json!(["service", true]), "{}", changed.text);
        let kept = api.http.send(Method::PATCH, &path(&board), &[], Some(&json!({"name": "Oak board"}))).await?;
        assert_eq!(told(&kept.json), json!(["service", true]), "{}", kept.text);
        let sql = world.sql().await?;
        let told = "SELECT string_agg(payload ->> 'nature', ' ' ORDER BY seq) FROM outbox_events WHERE event_type LIKE 'product.%'";
        assert_eq!(sql.query_one(told, &[]).await?.get::<_, &str>(0), "goods service service service");
        body["sku"] = "P-3".into();
        body["nature"] = "idea".into();
        let refused = api.http.post("/products", &body).await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/nature"]), "{}", refused.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_says_what_it_is_for_a_warehouse() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut body = json!({"sku": "P-1", "name": "Board", "unit_price": "1", "vat_rate": "20"});
        let plain = api.created("/products", &body).await?;
        let told = |product: &Value| {
            json!([product["unit"], product["quantity_decimals"], product["stocked"], product["category_id"], product["barcodes"]])
        };
        assert_eq!(told(&plain), json!(["C62", 0, true, null, []]), "what is left out");
        let category = api.category("TEA", None).await?;
        body["sku"] = "P-2".into();
        body["unit"] = "kgm".into();
        body["stocked"] = false.into();
        body["category_id"] = category["id"].clone();
        body["barcodes"] = json!(["036000291452", "3017620422003"]);
        let tea = api.created("/products", &body).await?;
        assert_eq!(told(&tea), json!(["KGM", 3, false, category["id"], ["036000291452", "3017620422003"]]));
        let csv = api.http.get("/products.csv?sku=P-2").await?.text;
        assert!(csv.contains(",KGM,3,false,"), "{csv}");
        let changed = json!({"unit": "GRM", "quantity_decimals": null, "barcodes": ["96385074"]});
        let changed = api.http.send(Method::PATCH, &path(&tea), &[], Some(&changed)).await?;
        assert_eq!(told(&changed.json), json!(["GRM", 3, false, category["id"], ["96385074"]]), "{}", changed.text);
        let sql = world.sql().await?;
        let event = "SELECT payload::text FROM outbox_events WHERE aggregate_id = $1 AND event_type = 'product.updated'";
        let event: String = sql.query_one(event, &[&tea["id"].as_str().unwrap()]).await?.get(0);
        let event: Value = serde_json::from_str(&event)?;
        assert_eq!(told(&event), told(&changed.json));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_unit_a_barcode_or_a_category_is_said() {
    World::run(async |world| {
        let api = world.api().await?;
        let nowhere = "01900000-0000-7000-8000-0000000000ff";
        for (member, value, pointer, code) in [
            ("unit", json!("kg"), "/unit", "unknown_unit"),
            ("unit", json!(7), "/unit", "wrong_type"),
            ("quantity_decimals", json!(7), "/quantity_decimals", "out_of_range"),
            ("quantity_decimals", json!("3"), "/quantity_decimals", "wrong_type"),
            ("stocked", json!("true"), "/stocked", "wrong_type"),
            ("category_id", json!(nowhere), "/category_id", "unknown_category"),
            ("barcodes", json!(["3017620422004"]), "/barcodes/0", "wrong_check_digit"),
            ("barcodes", json!(["96385074", "123"]), "/barcodes/1", "not_a_gtin"),
            ("barcodes", json!(["036000291452", "0036000291452"]), "/barcodes", "duplicate_barcode"),
        ] {
            let mut body = json!({"sku": "P-1", "name": "Board", "unit_price": "1", "vat_rate": "20"});
            body[member] = value.clone();
            let answer = api.http.post("/products", &body).await?;
            assert_eq!((answer.status, answer.code()), (422, "invalid_request"), "{value}: {}", answer.text);
            assert_eq!(answer.pointers(), [pointer], "{value}: {}", answer.text);
            assert_eq!(answer.json["errors"][0]["code"], code, "{value}: {}", answer.text);
        }
        let product = api.product("P-1").await?;
        let body = json!({"category_id": nowhere});
        let refused = api.http.send(Method::PATCH, &path(&product), &[], Some(&body)).await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/category_id"]), "{}", refused.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_barcode_belongs_to_one_product_however_it_is_written() {
    World::run(async |world| {
        let api = world.api().await?;
        let body = |sku: &str, barcodes: Value| {
            json!({"sku": sku, "name": "Tea", "unit_price": "1", "vat_rate": "20", "barcodes": barcodes})
        };
        let one = api.created("/products", &body("P-1", json!(["036000291452"]))).await?;
        let again = api.http.post("/products", &body("P-2", json!(["96385074", "0036000291452"]))).await?;
        assert_eq!((again.status, again.code()), (409, "product_barcode_taken"), "{}", again.text);
        let other = api.created("/products", &body("P-2", json!(["96385074"]))).await?;
        let taken = json!({"barcodes": ["036000291452"]});
        let refused = api.http.send(Method::PATCH, &path(&other), &[], Some(&taken)).await?;
        assert_eq!((refused.status, refused.code()), (409, "product_barcode_taken"), "{}", refused.text);
        for barcode in ["036000291452", "0036000291452", "00036000291452"] {
            let found = api.http.get(&format!("/products?barcode={barcode}")).await?;
            assert_eq!(found.json["data"], json!([one]), "{barcode}");
        }
        let none = api.http.get("/products?barcode=4006381333931").await?;
        assert_eq!(none.json["data"], json!([]));
        let wrong = api.http.get("/products?barcode=4006381333932").await?;
        assert_eq!((wrong.status, wrong.pointers()), (422, vec!["/query/barcode"]));
        // What a product gives up, another can have; and what is deleted has none.
        let none = json!({"barcodes": []});
        assert_eq!(api.http.send(Method::PATCH, &path(&one), &[], Some(&none)).await?.status, 200);
        assert_eq!(api.http.send(Method::PATCH, &path(&other), &[], Some(&taken)).await?.status, 200);
        let deleted = api.http.send(Method::DELETE, &path(&other), &[("If-Match", "*")], None).await?;
        assert_eq!(deleted.status, 204, "{}", deleted.text);
        api.created("/products", &body("P-3", json!(["036000291452", "96385074"]))).await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn products_are_listed_by_their_category_and_all_below_it_and_by_stock() {
    World::run(async |world| {
        let api = world.api().await?;
        let top = api.category("DRINKS", None).await?;
        let middle = api.category("TEA", Some(&top)).await?;
        let low = api.category("TEA-BLACK", Some(&middle)).await?;
        let other = api.category("CUPS", None).await?;
        for (sku, category, stocked) in
            [("P-1", &top, true), ("P-2", &low, false), ("P-3", &other, true), ("P-4", &middle, true)]
        {
            let body = json!({"sku": sku, "name": sku, "unit_price": "1", "vat_rate": "20", "category_id": category["id"], "stocked": stocked});
            api.created("/products", &body).await?;
        }
        let listed = async |query: &str| {
            let list = api.http.get(&format!("/products?{query}")).await?;
            assert_eq!(list.status, 200, "{}", list.text);
            let rows = list.json["data"].as_array().cloned().unwrap_or_default();
            anyhow::Ok(rows.iter().map(|row| row["sku"].as_str().unwrap().to_owned()).collect::<Vec<_>>())
        };
        let of = |category: &Value| format!("category_id={}", category["id"].as_str().unwrap());
        assert_eq!(listed(&of(&top)).await?, ["P-1", "P-2", "P-4"]);
        assert_eq!(listed(&format!("{}&sort=-sku", of(&middle))).await?, ["P-4", "P-2"]);
        assert_eq!(listed(&of(&low)).await?, ["P-2"]);
        assert_eq!(listed("category_id=01900000-0000-7000-8000-0000000000ff").await?, Vec::<String>::new());
        assert_eq!(listed("stocked=true").await?, ["P-1", "P-3", "P-4"]);
        assert_eq!(listed("stocked=false&sort=-created_at").await?, ["P-2"]);
        assert_eq!(listed(&format!("stocked=true&archived=false&{}", of(&top))).await?, ["P-1", "P-4"]);
        assert_eq!(listed("stocked=true&q=p-3").await?, ["P-3"]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_has_no_finer_quantities_than_its_products_allow() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let product = async |sku: &str, unit: &str| {
            let body = json!({"sku": sku, "name": sku, "unit_price": "1", "vat_rate": "20", "unit": unit, "stocked": false});
            api.created("/products", &body).await
        };
        let (counted, weighed) = (product("P-1", "C62").await?, product("P-2", "KGM").await?);
        let order = |one: &str, other: &str| {
            json!({"customer_id": customer["id"], "lines": [
                {"product_id": counted["id"], "quantity": one}, {"product_id": weighed["id"], "quantity": other},
            ]})
        };
        let refused = api.http.post("/orders", &order("1.5", "1.1255")).await?;
        assert_eq!((refused.status, refused.code()), (422, "invalid_order"), "{}", refused.text);
        assert_eq!(refused.pointers(), ["/lines/0/quantity", "/lines/1/quantity"]);
        assert_eq!(refused.json["errors"][0]["code"], "too_precise");
        let placed = api.created("/orders", &order("2.0", "1.125")).await?;
        // Whatever changes of the product, the order keeps what it was placed with.
        let coarser = json!({"unit": "XBX", "quantity_decimals": 0});
        let changed = api.http.send(Method::PATCH, &path(&weighed), &[], Some(&coarser)).await?;
        assert_eq!(changed.status, 200, "{}", changed.text);
        let kept = api.http.get(&format!("/orders/{}", placed["id"].as_str().unwrap())).await?;
        assert_eq!(kept.json["lines"][1]["quantity"], "1.125");
        Ok(())
    })
    .await;
}

/// They have read that it is kept in stock, and are about to receive it, or to wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_ends_that_a_product_is_kept_in_stock_waits_for_those_who_use_it() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.stocked_product("TEA").await?;
        let (sql, watch) = (world.sql().await?, world.administrator().await?);
        // What is under way holds its products so.
        sql.batch_execute(&format!("BEGIN; SELECT FROM products WHERE id = '{}' FOR KEY SHARE", id(&tea)))
            .await?;
        let renamed = api.http.send(Method::PATCH, &path(&tea), &[], Some(&json!({"name": "Tea"}))).await?;
        assert_eq!(renamed.status, 200, "nobody is waited for: {}", renamed.text);
        let (at, body) = (path(&tea), json!({"stocked": false}));
        let (ended, waited) = tokio::join!(api.http.send(Method::PATCH, &at, &[], Some(&body)), async {
            let waited = until_waiting(&watch, 1).await;
            sql.batch_execute("COMMIT").await?;
            waited
        });
        waited?;
        let ended = ended?;
        assert_eq!((ended.status, &ended.json["stocked"]), (200, &json!(false)), "{}", ended.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_that_is_renamed_while_its_stock_begins_has_the_new_name_there() {
    World::run(async |world| {
        let api = Api::start(world, &PATIENT).await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let supplier = api.supplier("S-1").await?;
        // Noted as used, and in no warehouse yet.
        api.purchase_order(&supplier, &tea).await?;
        let (sql, watch) = (world.sql().await?, world.administrator().await?);
        // Who makes a new level waits for it, the product in hand.
        sql.batch_execute("BEGIN; SELECT FROM warehouses FOR NO KEY UPDATE").await?;
        let order = json!({"customer_id": customer["id"], "back_order": true,
            "lines": [{"product_id": tea["id"], "quantity": "1"}]});
        let http = api.http.clone();
        let placing = tokio::spawn(async move { http.post("/orders", &order).await });
        until_waiting(&watch, 1).await?;
        let (http, at) = (api.http.clone(), path(&tea));
        let renaming = tokio::spawn(async move {
            http.send(Method::PATCH, &at, &[], Some(&json!({"name": "Oolong", "sku": "OOLONG"}))).await
        });
        until_waiting(&watch, 2).await?;
        sql.batch_execute("COMMIT").await?;
        let (placed, renamed) = (placing.await??, renaming.await??);
        assert_eq!((placed.status, renamed.status), (201, 200), "{} {}", placed.text, renamed.text);
        let stock = stock_of(&api, &tea).await?;
        assert_eq!((&stock["sku"], &stock["name"]), (&json!("OOLONG"), &json!("Oolong")));
        api.proof().await.map(drop)
    })
    .await;
}
