//! Stock, warehouses and counts in the console, as a browser without scripts sees them.

use anyhow::Context;
use comptoir_tests::harness::{World, id, main_warehouse};
use reqwest::header::LOCATION;
use serde_json::json;

use crate::console::logged_in;

/// A barcode with a right check digit.
const BARCODE: &str = "3017620422003";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goods_are_scanned_received_and_found_without_their_costs() {
    World::run(async |world| {
        let api = world.api().await?;
        let body = json!({
            "sku": "TEA-1", "name": "Earl Grey", "unit_price": "10.00", "vat_rate": "20", "stocked": true,
            "barcodes": [BARCODE],
        });
        let product = api.created("/products", &body).await?;
        let mut browser = logged_in(world, &api, "warehouse").await?;
        let form = browser.get("/console/receipts/new").await?;
        assert!(!form.text.contains("lines.0.unit_cost"), "costs are not for the warehouse");
        let (token, key) = (form.hidden("form_token")?, form.hidden("form_key")?);
        let common = [("form_token", token.as_str()), ("form_key", key.as_str()), ("reference", "BL-1")];

        let unknown =
            browser.post("/console/receipts/new", &[&common[..], &[("scan", "nothing")]].concat()).await?;
        assert_eq!(unknown.status, 422, "{}", unknown.text);
        assert!(unknown.text.contains("id=\"scan-err\"") && unknown.text.contains("value=\"nothing\""));
        let scanned =
            browser.post("/console/receipts/new", &[&common[..], &[("scan", BARCODE)]].concat()).await?;
        assert_eq!(scanned.status, 200, "{}", scanned.text);
        assert!(scanned.text.contains("value=\"Earl Grey\""), "{}", scanned.text);
        assert_eq!(scanned.hidden("lines.0.product_id")?, id(&product));

        let line = [("lines.0.product_id_text", "Earl Grey"), ("lines.0.product_id", id(&product))];
        let again = [&common[..], &line, &[("lines.0.quantity", "1"), ("scan", "TEA-1")]].concat();
        let again = browser.post("/console/receipts/new", &again).await?;
        assert_eq!(again.status, 200, "{}", again.text);
        assert!(again.text.contains("name=\"lines.0.quantity\" type=\"text\" value=\"2\""), "{}", again.text);

        let wrong = [&common[..], &line, &[("lines.0.quantity", "0")]].concat();
        let wrong = browser.post("/console/receipts/new", &wrong).await?;
        assert_eq!(wrong.status, 422, "{}", wrong.text);
        assert!(wrong.text.contains("id=\"lines.0.quantity-err\"") && wrong.text.contains("BL-1"));
        let right = [&common[..], &line, &[("lines.0.quantity", "24")]].concat();
        let first = browser.post("/console/receipts/new", &right).await?;
        assert_eq!(first.status, 303, "{}", first.text);
        let second = browser.post("/console/receipts/new", &right).await?;
        assert_eq!((second.status, second.header(LOCATION)), (303, first.header(LOCATION)), "twice is once");
        let document = browser.get(first.header(LOCATION)).await?;
        assert!(document.status == 200 && document.text.contains("BL-1") && document.text.contains(">24<"));

        let stock = api.http.get("/stock").await?;
        let level = &stock.json["data"][0];
        assert_eq!(level["on_hand"], "24");
        let level = format!("/console/stock/{}", id(level));
        let list = browser.get("/console/stock?q=earl").await?;
        assert!(list.text.contains(&level), "{}", list.text);
        let one = browser.get(&level).await?;
        assert_eq!(one.status, 200, "{}", one.text);
        assert!(!one.text.contains('€') && !list.text.contains('€'), "no costs");
        assert_eq!(browser.get("/console/stock/value").await?.status, 403);
        let movements = browser.get("/console/movements?kind=receipt").await?;
        assert!(movements.status == 200 && movements.text.contains("Earl Grey"), "{}", movements.text);

        let rule = browser.get(&format!("{level}/rule")).await?;
        let (key, version) = (rule.hidden("form_key")?, rule.hidden("version")?);
        let common =
            [("form_token", token.as_str()), ("form_key", key.as_str()), ("version", version.as_str())];
        let path = format!("{level}/rule");
        let wrong =
            browser.post(&path, &[&common[..], &[("point", "30"), ("quantity", "0")]].concat()).await?;
        assert_eq!(wrong.status, 422, "{}", wrong.text);
        assert!(wrong.text.contains("id=\"quantity-err\""));
        let right =
            browser.post(&path, &[&common[..], &[("point", "30"), ("quantity", "100")]].concat()).await?;
        assert_eq!(right.status, 303, "{}", right.text);
        assert!(browser.get("/console/stock?low=true").await?.text.contains(&level));
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sales_look_at_stock_and_move_nothing() {
    World::run(async |world| {
        let api = world.api().await?;
        api.product_in_stock("P-1", "5").await?;
        let mut browser = logged_in(world, &api, "sales").await?;
        let list = browser.get("/console/stock").await?;
        assert_eq!(list.status, 200, "{}", list.text);
        for path in [
            "/console/receipts/new",
            "/console/stock/adjustments/new",
            "/console/stock/value",
            "/console/counts",
        ] {
            assert!(!list.text.contains(&format!("href=\"{path}\"")), "{path}");
            assert_eq!(browser.get(path).await?.status, 403, "{path}");
        }
        let token = browser.get("/console/profile").await?.hidden("form_token")?;
        let sent =
            browser.post("/console/receipts/new", &[("form_token", &token), ("form_key", "a-key")]).await?;
        assert_eq!(sent.status, 403);
        let mut person = logged_in(world, &api, "management").await?;
        let value = person.get("/console/stock/value").await?;
        assert_eq!(value.status, 200, "{}", value.text);
        assert!(value.text.contains("20,00\u{a0}€"), "{}", value.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warehouse_and_a_location_are_added_and_changed() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "management").await?;
        let form = browser.get("/console/warehouses/new").await?;
        let (token, key) = (form.hidden("form_token")?, form.hidden("form_key")?);
        let common = [("form_token", token.as_str()), ("form_key", key.as_str()), ("name", "Rezé")];
        let wrong = browser.post("/console/warehouses/new", &common).await?;
        assert_eq!(wrong.status, 422, "{}", wrong.text);
        assert!(wrong.text.contains("id=\"code-err\"") && wrong.text.contains("Rezé"));
        let made =
            browser.post("/console/warehouses/new", &[&common[..], &[("code", "REZ")]].concat()).await?;
        assert_eq!(made.status, 303, "{}", made.text);
        let (path, _) = made.header(LOCATION).split_once('?').context("an address")?;
        let path = path.to_owned();

        let form = browser.get(&format!("{path}/locations/new")).await?;
        let key = form.hidden("form_key")?;
        let fields = [("form_token", token.as_str()), ("form_key", key.as_str()), ("code", "A-01")];
        let made = browser.post(&format!("{path}/locations/new"), &fields).await?;
        assert_eq!(made.status, 303, "{}", made.text);
        assert!(browser.get(&path).await?.text.contains("A-01"));

        let edit = format!("{path}/edit");
        let form = browser.get(&edit).await?;
        let (key, version) = (form.hidden("form_key")?, form.hidden("version")?);
        let fields = [
            ("form_token", token.as_str()),
            ("form_key", key.as_str()),
            ("version", version.as_str()),
            ("name", "Rezé Sud"),
            ("code", "REZ"),
        ];
        let changed = browser.post(&edit, &fields).await?;
        assert_eq!(changed.status, 303, "{}", changed.text);
        let mut late = fields;
        late[1].1 = "another-key";
        assert_eq!(browser.post(&edit, &late).await?.status, 409, "somebody was faster");
        assert!(browser.get(&path).await?.text.contains("Rezé Sud"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_is_planned_counted_blind_decided_and_closed() {
    World::run(async |world| {
        let api = world.api().await?;
        let product = api.product_in_stock("P-1", "24").await?;
        let warehouse = main_warehouse(&api).await?;
        let mut counter = logged_in(world, &api, "warehouse").await?;
        let form = counter.get("/console/counts/new").await?;
        let (token, key) = (form.hidden("form_token")?, form.hidden("form_key")?);
        let common = [
            ("form_token", token.as_str()),
            ("form_key", key.as_str()),
            ("warehouse_id", id(&warehouse)),
            ("reference", "INV-1"),
            ("blind", "true"),
        ];
        let places = [("scope", "locations"), ("locations", "Z-99")];
        let wrong = counter.post("/console/counts/new", &[&common[..], &places].concat()).await?;
        assert_eq!(wrong.status, 422, "{}", wrong.text);
        assert!(wrong.text.contains("id=\"location_ids-err\"") && wrong.text.contains("Z-99"));
        let planned =
            counter.post("/console/counts/new", &[&common[..], &[("scope", "whole")]].concat()).await?;
        assert_eq!(planned.status, 303, "{}", planned.text);
        let (path, _) = planned.header(LOCATION).split_once('?').context("an address")?;
        let path = path.to_owned();
        let page = counter.get(&path).await?;
        assert!(!page.text.contains(&format!("{path}/cancel")), "who counts does not cancel");
        let (key, version) = (page.hidden("form_key")?, page.hidden("version")?);
        let fields =
            [("form_token", token.as_str()), ("form_key", key.as_str()), ("version", version.as_str())];
        assert_eq!(counter.post(&format!("{path}/start"), &fields).await?.status, 303);

        let sheet = format!("{path}/sheet");
        let unknown = counter.get(&format!("{sheet}?scan=nothing")).await?;
        assert_eq!(unknown.status, 422);
        assert!(unknown.text.contains("id=\"scan-err\"") && unknown.text.contains("value=\"nothing\""));
        let found = counter.get(&format!("{sheet}?scan=P-1")).await?;
        assert_eq!(found.status, 200, "{}", found.text);
        assert!(found.text.contains("Product P-1"));
        assert!(!counter.get(&path).await?.text.contains("Attendu"), "what is expected is not told");
        let key = found.hidden("form_key")?;
        let entry = [
            ("form_token", token.as_str()),
            ("form_key", key.as_str()),
            ("entries.0.product_id", id(&product)),
        ];
        let entries = format!("{path}/entries");
        let scanned =
            counter.post(&entries, &[&entry[..], &[("entries.0.counted", "3017620422003")]].concat()).await?;
        assert_eq!(scanned.status, 422, "a barcode is no quantity");
        assert!(scanned.text.contains("id=\"entries.0.counted-err\""));
        let counted = [&entry[..], &[("entries.0.counted", "22")]].concat();
        assert_eq!(counter.post(&entries, &counted).await?.status, 303);
        assert_eq!(counter.post(&entries, &counted).await?.status, 303, "sent again, it is the same");

        let review = format!("{path}/review");
        let page = counter.get(&review).await?;
        let (key, version) = (page.hidden("form_key")?, page.hidden("version")?);
        let fields =
            [("form_token", token.as_str()), ("form_key", key.as_str()), ("version", version.as_str())];
        let ended = counter.post(&review, &fields).await?;
        assert_eq!(ended.status, 303, "{}", ended.text);
        assert_eq!(counter.get(&format!("{path}/close")).await?.status, 403);

        let mut manager = logged_in(world, &api, "management").await?;
        let differing = manager.get(&format!("{path}?differs=true")).await?;
        assert!(differing.text.contains("\u{2212}2"), "{}", differing.text);
        let close = format!("{path}/close");
        let page = manager.get(&close).await?;
        let (token, key) = (page.hidden("form_token")?, page.hidden("form_key")?);
        let version = page.hidden("version")?;
        let fields =
            [("form_token", token.as_str()), ("form_key", key.as_str()), ("version", version.as_str())];
        let wrong = manager.post(&close, &[&fields[..], &[("business_date", "soon")]].concat()).await?;
        assert_eq!(wrong.status, 422, "{}", wrong.text);
        assert!(wrong.text.contains("id=\"business_date-err\""));
        assert_eq!(manager.post(&close, &fields).await?.status, 303);
        let stock = api.http.get("/stock").await?;
        assert_eq!(stock.json["data"][0]["on_hand"], "22");
        api.proof().await?;
        Ok(())
    })
    .await;
}
