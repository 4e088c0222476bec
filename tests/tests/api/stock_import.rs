//! Opening stock from a file: each row once, however often the file is sent.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Http, World, api_key, id, main_warehouse, stock_of, until};
use reqwest::Method;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);

async fn imported(http: &Http, query: &str, file: &str) -> Result<Value> {
    let headers = [("Content-Type", "text/csv")];
    let path = format!("/imports?kind=stock{query}");
    let answer = http.raw(Method::POST, &path, &headers, Some(file.as_bytes().to_vec())).await?;
    ensure!(answer.status == 202, "{}: {}", answer.status, answer.text);
    until("a finished import", LIMIT, async || {
        let import = http.get(&format!("/imports/{}", answer.field("id"))).await?.json;
        ensure!(import["state"] == "finished", "{import}");
        Ok(import)
    })
    .await
}

/// What was wrong with each refused row.
async fn refused(http: &Http, import: &Value) -> Result<Vec<(i64, String, String)>> {
    let id = import["id"].as_str().unwrap_or_default();
    let rows = http.get(&format!("/imports/{id}/refused-rows")).await?.json;
    let mut told = Vec::new();
    for row in rows["data"].as_array().into_iter().flatten() {
        for error in row["errors"].as_array().into_iter().flatten() {
            let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
            told.push((row["row"].as_i64().unwrap_or_default(), text("pointer"), text("code")));
        }
    }
    Ok(told)
}

fn counts(import: &Value) -> (Option<i64>, Option<i64>) {
    (import["progress"]["created"].as_i64(), import["progress"]["refused"].as_i64())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opening_stock_is_received_once_and_a_file_may_be_sent_again() {
    World::run(async |world| {
        let api = world.api().await?;
        let market = api.created("/warehouses", &json!({"code": "MARKET", "name": "Market"})).await?;
        let tea = api.stocked_product("TEA").await?;
        api.stocked_product("POT").await?;
        api.product("SERVICE").await?;
        let file = "sku;quantity;unit_cost;warehouse\r\nTEA;120;7.25;\r\nTEA;30;7.50;MARKET\r\nPOT;4;;\r\n\
            SERVICE;1;;\r\nNOTHING;1;;\r\nPOT;1;;NOWHERE\r\nPOT;many;;\r\n";
        let import = imported(&api.http, "", file).await?;
        assert_eq!(counts(&import), (Some(3), Some(4)), "{import}");
        let wrong = [
            (4, "/sku", "not_stocked"),
            (5, "/sku", "unknown_product"),
            (6, "/warehouse", "unknown_warehouse"),
            (7, "/quantity", "not_a_decimal"),
        ];
        let wrong = wrong.map(|(row, pointer, code)| (row, pointer.to_owned(), code.to_owned()));
        assert_eq!(refused(&api.http, &import).await?, wrong);

        let id = tea["id"].as_str().unwrap_or_default();
        let stock = api.http.get(&format!("/stock?product_id={id}")).await?.json;
        let of = |warehouse: bool| {
            let mut rows = stock["data"].as_array().into_iter().flatten();
            rows.find(|row| (row["warehouse_id"] == market["id"]) == warehouse).cloned().unwrap_or_default()
        };
        assert_eq!((&of(false)["on_hand"], &of(false)["average_cost"]), (&json!("120"), &json!("7.25")));
        assert_eq!((&of(true)["on_hand"], &of(true)["average_cost"]), (&json!("30"), &json!("7.50")));
        let moved = api.http.get(&format!("/stock-movements?product_id={id}")).await?.json;
        assert_eq!(moved["data"][0]["reason"], "opening stock");

        for mode in ["", "&mode=upsert"] {
            let again = imported(&api.http, mode, file).await?;
            assert_eq!(counts(&again), (Some(0), Some(7)), "{again}");
            let first = refused(&api.http, &again).await?.into_iter().take(3).map(|(_, _, code)| code);
            assert_eq!(first.collect::<Vec<_>>(), ["already_in_stock"; 3], "{mode}");
        }
        let after = api.http.get(&format!("/stock?product_id={id}")).await?.json;
        assert_eq!(after["data"], stock["data"], "nothing was received twice");

        let sql = world.sql().await?;
        let key = api_key(&sql, world.tenant().await?.id, &["stock:read"]).await?;
        let reader = api.http.with_credential(&key);
        let answer = reader.raw(
            Method::POST,
            "/imports?kind=stock",
            &[("Content-Type", "text/csv")],
            Some(b"sku,quantity\n".to_vec()),
        );
        assert_eq!(answer.await?.status, 403);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opening_stock_lies_in_the_location_that_its_row_names() {
    World::run(async |world| {
        let api = world.api().await?;
        let main = main_warehouse(&api).await?;
        let market = api.created("/warehouses", &json!({"code": "MARKET", "name": "Market"})).await?;
        let shelf = api.location(&main, "A-01").await?;
        api.location(&market, "S-01").await?;
        let old = api.location(&main, "OLD").await?;
        let archived = api.http.command(&format!("/locations/{}/archive", id(&old))).await?;
        ensure!(archived.status == 200, "{}", archived.text);
        let tea = api.stocked_product("TEA").await?;
        let pot = api.stocked_product("POT").await?;
        let cup = api.stocked_product("CUP").await?;
        for sku in ["JUG", "MUG", "PAN"] {
            api.stocked_product(sku).await?;
        }
        // Of the default warehouse, of a named one, and of none; then of another warehouse, one that is archived, and one that is not there.
        let file = "sku;quantity;warehouse;location\r\nTEA;120;;A-01\r\nPOT;4;MARKET;S-01\r\nCUP;7;;\r\n\
            JUG;1;MARKET;A-01\r\nMUG;1;;OLD\r\nPAN;1;MAIN;NOWHERE\r\n";
        let import = imported(&api.http, "", file).await?;
        assert_eq!(counts(&import), (Some(3), Some(3)), "{import}");
        let wrong = [4, 5, 6].map(|row| (row, "/location".to_owned(), "unknown_location".to_owned()));
        assert_eq!(refused(&api.http, &import).await?, wrong);

        let lies = async |product: &Value| -> Result<(Value, Value)> {
            let stock = stock_of(&api, product).await?;
            let stock = api.http.get(&format!("/stock/{}", id(&stock))).await?.json;
            let places = stock["places"].as_array().into_iter().flatten();
            let place = |place: &Value| json!([place["code"], place["on_hand"]]);
            Ok((stock["on_hand"].clone(), places.map(place).collect()))
        };
        assert_eq!(lies(&tea).await?, (json!("120"), json!([["A-01", "120"]])));
        assert_eq!(lies(&pot).await?, (json!("4"), json!([["S-01", "4"]])));
        assert_eq!(lies(&cup).await?, (json!("7"), json!([])), "in no location, as before");
        let moved =
            api.http.get(&format!("/stock-location-movements?location_id={}", id(&shelf))).await?.json;
        let first = &moved["data"][0];
        assert_eq!((&first["document_type"], &first["reason"]), (&json!("receipt"), &json!("opening stock")));

        let again = imported(&api.http, "", file).await?;
        assert_eq!(counts(&again), (Some(0), Some(6)), "{again}");
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opening_stock_of_a_product_that_lies_in_several_locations_has_a_row_for_each() {
    World::run(async |world| {
        let api = world.api().await?;
        let main = main_warehouse(&api).await?;
        for code in ["A-01", "B-02", "C-03"] {
            api.location(&main, code).await?;
        }
        let (tea, customer) = (api.stocked_product("TEA").await?, api.customer("C-1").await?);
        let file = "sku;quantity;unit_cost;location\r\nTEA;60;7.00;A-01\r\nTEA;40;7.00;B-02\r\nTEA;5;7.00;\r\nTEA;1;7.00;B-02\r\n";
        let import = imported(&api.http, "", file).await?;
        assert_eq!(counts(&import), (Some(3), Some(1)), "{import}");
        let twice = |row: i64| (row, "/sku".to_owned(), "already_in_stock".to_owned());
        assert_eq!(refused(&api.http, &import).await?, [twice(4)], "the same location once more");
        let shelves = async || -> Result<(Value, Value)> {
            let stock = stock_of(&api, &tea).await?;
            let stock = api.http.get(&format!("/stock/{}", id(&stock))).await?.json;
            let places = stock["places"].as_array().into_iter().flatten();
            let place = |place: &Value| json!([place["code"], place["on_hand"]]);
            Ok((stock["on_hand"].clone(), places.map(place).collect()))
        };
        let entered = (json!("105"), json!([["A-01", "60"], ["B-02", "40"]]));
        assert_eq!(shelves().await?, entered);
        let again = imported(&api.http, "", file).await?;
        assert_eq!(counts(&again), (Some(0), Some(4)), "{again}");
        assert_eq!(shelves().await?, entered, "nothing was received twice");

        // What is promised moves nothing: a location may still follow. Once goods have moved, none does.
        let order = json!({"customer_id": customer["id"], "lines": [{"product_id": tea["id"], "quantity": "3"}]});
        api.created("/orders", &order).await?;
        let next = imported(&api.http, "", "sku;quantity;location\r\nTEA;7;C-03\r\n").await?;
        assert_eq!(counts(&next), (Some(1), Some(0)), "{next}");
        api.location(&main, "D-04").await?;
        api.receive(&tea, "1", "7.00").await?;
        let late = imported(&api.http, "", "sku;quantity;location\r\nTEA;7;D-04\r\n").await?;
        assert_eq!(refused(&api.http, &late).await?, [twice(1)], "{late}");
        api.proof().await.map(drop)
    })
    .await;
}
