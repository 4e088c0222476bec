//! The console's customers, suppliers, products, prices and imports, as a browser without scripts sees them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::World;
use reqwest::Method;
use reqwest::header::LOCATION;
use serde_json::json;

use crate::console::{Browser, logged_in};

/// The fields that every form has, from the page that shows it.
async fn form(browser: &mut Browser, path: &str) -> Result<Vec<(String, String)>> {
    let page = browser.get(path).await?;
    ensure!(page.status == 200, "{path}: {} {}", page.status, page.text);
    let mut fields = Vec::new();
    for name in ["form_token", "form_key"] {
        fields.push((name.to_owned(), page.hidden(name)?));
    }
    if let Ok(version) = page.hidden("version") {
        fields.push(("version".to_owned(), version));
    }
    Ok(fields)
}

fn with<'a>(form: &'a [(String, String)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let own = form.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    own.chain(more.iter().copied()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_is_created_changed_and_deleted_by_forms() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "management").await?;
        let new = form(&mut browser, "/console/customers/new").await?;
        let typed = [
            ("code", "C-77"),
            ("name", "Librairie des Carmes"),
            ("email", "no address"),
            ("credit_limit", "5 000,50"),
            ("invoicing.kind", "business"),
            ("invoicing.payment_terms.days", "30"),
            ("invoicing.payment_terms.end_of_month", "true"),
            ("invoicing.reminders", "true"),
            ("addresses.0.kind", "billing"),
            ("addresses.0.country", "FR"),
            ("addresses.1.kind", "shipping"),
            ("addresses.1.line1", "12 rue des Carmes"),
            ("addresses.1.city", "Nantes"),
            ("addresses.1.country", "FR"),
        ];
        let refused = browser.post("/console/customers/new", &with(&new, &typed)).await?;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("id=\"email-err\"") && refused.text.contains("12 rue des Carmes"));
        assert!(refused.text.contains("5 000,50"), "what was typed is kept");
        let mut typed = typed;
        typed[2].1 = "achats@carmes.example";
        let created = browser.post("/console/customers/new", &with(&new, &typed)).await?;
        assert_eq!(created.status, 303, "{}", created.text);
        let again = browser.post("/console/customers/new", &with(&new, &typed)).await?;
        assert_eq!((again.status, again.header(LOCATION)), (303, created.header(LOCATION)), "once");
        let found = api.http.get("/customers?code=C-77").await?;
        let customer = &found.json["data"][0];
        assert_eq!(customer["credit_limit"], "5000.50", "{}", found.text);
        assert_eq!(customer["addresses"].as_array().map(Vec::len), Some(1), "an empty row is no address");
        assert_eq!(customer["invoicing"]["payment_terms"]["end_of_month"], true);
        let path = format!("/console/customers/{}", customer["id"].as_str().context("id")?);
        for tab in ["", "?tab=orders", "?tab=invoices", "?tab=account"] {
            let page = browser.get(&format!("{path}{tab}")).await?;
            assert_eq!(page.status, 200, "{tab}: {}", page.text);
            assert!(page.text.contains("Librairie des Carmes"));
        }
        let list = browser.get("/console/customers?q=carmes").await?;
        assert!(list.text.contains("C-77") && list.text.contains("5\u{202f}000,50"), "{}", list.text);
        let csv = browser.get("/console/customers.csv").await?;
        assert_eq!((csv.status, csv.text.lines().count()), (200, 2), "{}", csv.text);

        // The code is another customer's: said at its field.
        api.customer("C-78").await?;
        let edit = form(&mut browser, &format!("{path}/edit")).await?;
        let taken = [("code", "C-78"), ("name", "Carmes"), ("email", "achats@carmes.example")];
        let refused = browser.post(&format!("{path}/edit"), &with(&edit, &taken)).await?;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("id=\"code-err\""), "{}", refused.text);
        let fields = [("code", "C-77"), ("name", "Carmes"), ("email", "achats@carmes.example")];
        let changed = browser.post(&format!("{path}/edit"), &with(&edit, &fields)).await?;
        assert_eq!(changed.status, 303, "{}", changed.text);
        // Another form with the version from before.
        let late: Vec<_> = with(&edit, &fields).into_iter().filter(|(name, _)| *name != "form_key").collect();
        let late =
            browser.post(&format!("{path}/edit"), &[&late[..], &[("form_key", "another")]].concat()).await?;
        assert_eq!(late.status, 409, "{}", late.text);

        let delete = form(&mut browser, &format!("{path}/delete")).await?;
        let deleted = browser.post(&format!("{path}/delete"), &with(&delete, &[])).await?;
        assert_eq!(
            (deleted.status, deleted.header(LOCATION)),
            (303, "/console/customers?done=deleted"),
            "{}",
            deleted.text
        );
        assert_eq!(browser.get(&path).await?.status, 404);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_versions_each_value_is_chosen_and_what_was_typed_is_kept() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let id = customer["id"].as_str().context("id")?;
        let edit = format!("/console/customers/{id}/edit");
        let mut browser = logged_in(world, &api, "management").await?;
        let old = form(&mut browser, &edit).await?;
        // Meanwhile, somebody else changes the name, the address of e-mails and the addresses.
        let address = json!({"kind": "shipping", "line1": "3 quai Sud", "city": "Nantes", "country": "FR"});
        let theirs = json!({"name": "Their name", "email": "theirs@carmes.example", "addresses": [address]});
        let headers = [("If-Match", "*")];
        let path = format!("/customers/{id}");
        assert_eq!(api.http.send(Method::PATCH, &path, &headers, Some(&theirs)).await?.status, 200);

        let typed = [("code", "C-1"), ("name", "My name"), ("email", "mine@carmes.example")];
        let late = browser.post(&edit, &with(&old, &typed)).await?;
        assert_eq!(late.status, 409, "{}", late.text);
        for shown in
            ["My name", "Their name", "theirs@carmes.example", "3 quai Sud", "name=\"take.addresses\""]
        {
            assert!(late.text.contains(shown), "{shown}: {}", late.text);
        }
        assert!(late.text.contains("value=\"My name\""), "the form has what was typed: {}", late.text);
        assert!(!late.text.contains("name=\"take.code\""), "both have the same code");
        let again: Vec<_> = ["form_token", "form_key", "version"]
            .into_iter()
            .map(|name| Ok((name.to_owned(), late.hidden(name)?)))
            .collect::<Result<_>>()?;
        let chosen = [("take.name", "mine"), ("take.email", "theirs"), ("take.addresses", "theirs")];
        let saved = browser.post(&edit, &with(&again, &[&typed[..], &chosen[..]].concat())).await?;
        assert_eq!(saved.status, 303, "{}", saved.text);
        let customer = api.http.get(&path).await?.json;
        assert_eq!(
            (&customer["name"], &customer["email"]),
            (&json!("My name"), &json!("theirs@carmes.example"))
        );
        assert_eq!(customer["addresses"][0]["line1"], "3 quai Sud", "{customer}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_sees_no_way_and_finds_none() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let path = format!("/console/customers/{}", customer["id"].as_str().context("id")?);
        let mut browser = logged_in(world, &api, "warehouse").await?;
        let page = browser.get(&path).await?;
        assert_eq!(page.status, 200, "{}", page.text);
        for absent in ["/edit\"", "/delete\"", "tab=invoices", "tab=account", "id=\"h-credit\""] {
            assert!(!page.text.contains(absent), "{absent}: {}", page.text);
        }
        assert_eq!(browser.get(&format!("{path}/edit")).await?.status, 403);
        let token = browser.token().await?;
        let sent = [("form_token", token.as_str()), ("form_key", "k"), ("version", "1")];
        assert_eq!(browser.post(&format!("{path}/delete"), &sent).await?.status, 403);
        // It may import stock, and nothing else.
        let page = browser.get("/console/imports/new").await?;
        assert!(
            page.text.contains("value=\"stock\"") && !page.text.contains("value=\"customers\""),
            "{}",
            page.text
        );
        let fields = [
            ("form_token", token.as_str()),
            ("form_key", "k2"),
            ("kind", "customers"),
            ("mode", "create"),
            ("format", "csv"),
        ];
        let refused =
            browser.upload("/console/imports/new", &fields, ("c.csv", b"code,name,email\r\n")).await?;
        assert_eq!(refused.status, 403, "{}", refused.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_gets_its_category_its_barcode_and_a_price_in_a_list() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "management").await?;
        let new = form(&mut browser, "/console/categories/new").await?;
        let made = browser
            .post("/console/categories/new", &with(&new, &[("code", "TEA"), ("name", "Thés")]))
            .await?;
        assert_eq!(made.status, 303, "{}", made.text);
        let found = api.http.get("/categories").await?;
        let category = found.json["data"][0]["id"].as_str().context("id")?.to_owned();
        let new = form(&mut browser, "/console/products/new").await?;
        let typed = [
            ("sku", "TEA-1"),
            ("name", "Earl Grey"),
            ("category_id", category.as_str()),
            ("unit_price", "12,5"),
            ("vat_rate", "5,5"),
            ("stocked", "true"),
            ("barcodes.0", ""),
            ("barcodes.1", "3017620422004"),
        ];
        let refused = browser.post("/console/products/new", &with(&new, &typed)).await?;
        assert_eq!(refused.status, 422, "{}", refused.text);
        // The empty row is gone: the barcode is the first one now.
        assert!(refused.text.contains("id=\"barcodes.0-err\""), "{}", refused.text);
        let mut typed = typed;
        typed[7].1 = "3017620422003";
        let made = browser.post("/console/products/new", &with(&new, &typed)).await?;
        assert_eq!(made.status, 303, "{}", made.text);
        let page = browser.get(made.header(LOCATION)).await?;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(
            page.text.contains("12,50") && page.text.contains("3017620422003") && page.text.contains("Thés")
        );
        let list = browser.get(&format!("/console/products?category_id={category}&archived=false")).await?;
        assert!(list.text.contains("TEA-1"), "{}", list.text);

        let new = form(&mut browser, "/console/price-lists/new").await?;
        let typed = [
            ("code", "SPRING"),
            ("name", "Printemps"),
            ("valid_from", "2026-06-01"),
            ("valid_to", "2026-03-01"),
        ];
        let refused = browser.post("/console/price-lists/new", &with(&new, &typed)).await?;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("id=\"valid_to-err\""), "{}", refused.text);
        let made = browser.post("/console/price-lists/new", &with(&new, &typed[..2])).await?;
        assert_eq!(made.status, 303, "{}", made.text);
        let path = made.header(LOCATION).split('?').next().unwrap_or_default().to_owned();
        let set = form(&mut browser, &format!("{path}/price")).await?;
        let prices = [
            ("entries.0.product_id_text", "TEA-1"),
            ("entries.0.breaks.0.unit_price", "11"),
            ("entries.0.breaks.2.from_quantity", "10"),
            ("entries.0.breaks.2.unit_price", "9,75"),
        ];
        let made = browser.post(&format!("{path}/price"), &with(&set, &prices)).await?;
        assert_eq!(made.status, 303, "{}", made.text);
        let page = browser.get(&path).await?;
        assert!(page.text.contains("Earl Grey") && page.text.contains("9,75"), "{}", page.text);
        let csv = browser.get(&format!("{path}/entries.csv")).await?;
        assert_eq!((csv.status, csv.text.lines().count()), (200, 3), "{}", csv.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_imported_and_its_refused_rows_have_their_reasons() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "admin").await?;
        let new = form(&mut browser, "/console/imports/new").await?;
        let fields = [("kind", "customers"), ("mode", "create"), ("format", "csv")];
        let none = browser.upload("/console/imports/new", &with(&new, &fields), ("", b"")).await?;
        assert_eq!(none.status, 422, "{}", none.text);
        assert!(none.text.contains("id=\"file-err\""), "{}", none.text);
        let content = b"code,name,email\r\nC-1,Ada,ada@shop.example\r\nC-2,Bob,nowhere\r\n";
        // Without the token of this session, nothing of the file is kept.
        let forged = browser.upload("/console/imports/new", &fields, ("c.csv", content)).await?;
        assert_eq!(forged.status, 403, "{}", forged.text);
        let sent = browser.upload("/console/imports/new", &with(&new, &fields), ("c.csv", content)).await?;
        assert_eq!(sent.status, 303, "{}", sent.text);
        let again = browser.upload("/console/imports/new", &with(&new, &fields), ("c.csv", content)).await?;
        assert_eq!((again.status, again.header(LOCATION)), (303, sent.header(LOCATION)), "once");
        let path = sent.header(LOCATION).split('?').next().unwrap_or_default().to_owned();
        let mut page = browser.get(&path).await?;
        for _ in 0..100 {
            if !page.text.contains("hx-trigger") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            page = browser.get(&path).await?;
        }
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(!page.text.contains("hx-trigger"), "it is over: {}", page.text);
        assert!(page.text.contains("nowhere") && page.text.contains("email"), "{}", page.text);
        let csv = browser.get(&format!("{path}/refused-rows.csv")).await?;
        assert_eq!((csv.status, csv.text.lines().count()), (200, 2), "{}", csv.text);
        assert_eq!(api.http.get("/customers?code=C-1").await?.json["data"].as_array().map(Vec::len), Some(1));
        assert!(browser.get("/console/imports").await?.text.contains("c.csv"));
        Ok(())
    })
    .await;
}
