//! Invoices and payments in the console, as a browser without scripts sees them.

use anyhow::{Context, Result};
use comptoir_tests::harness::World;
use reqwest::header::LOCATION;
use serde_json::Value;

use crate::console::{Browser, logged_in};

fn id_of(value: &Value) -> Result<String> {
    Ok(value["id"].as_str().context("an id")?.to_owned())
}

/// The path of a page that a form led to, without what was just done.
fn led_to(location: &str) -> String {
    location.split('?').next().unwrap_or_default().to_owned()
}

/// Sends the form of the page that asks before an action, with the version that it has.
async fn act(browser: &mut Browser, page: &str, action: &str) -> Result<(u16, String, String)> {
    let shown = browser.get(&format!("{page}/{action}")).await?;
    let (token, version) = (shown.hidden("form_token")?, shown.hidden("version")?);
    // A key is of one form: that of this action of this version of this invoice.
    let key = format!("{action}-{}-{version}", page.rsplit('/').next().unwrap_or_default());
    let fields = [("form_token", token.as_str()), ("form_key", key.as_str()), ("version", version.as_str())];
    let answer = browser.post(&format!("{page}/{action}"), &fields).await?;
    let location = answer.header(LOCATION).to_owned();
    Ok((answer.status, location, answer.text))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_is_drafted_validated_paid_and_given_back_by_forms() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = id_of(&api.buyer("C-1").await?)?;
        let product = id_of(&api.product("P-1").await?)?;
        let mut browser = logged_in(world, &api, "management").await?;
        let form = browser.get("/console/invoices/new").await?;
        assert_eq!(form.status, 200, "{}", form.text);
        let (token, key) = (form.hidden("form_token")?, form.hidden("form_key")?);
        let mut fields = vec![
            ("form_token", token.as_str()),
            ("form_key", key.as_str()),
            ("has_lines", "1"),
            ("customer_id", customer.as_str()),
            ("reference", "PO-7"),
            ("lines.0.product_id", product.as_str()),
            ("lines.0.quantity", "douze"),
        ];
        let refused = browser.post("/console/invoices/new", &fields).await?;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("id=\"lines.0.quantity-err\"") && refused.text.contains("PO-7"));
        fields[6].1 = "2";
        let drafted = browser.post("/console/invoices/new", &fields).await?;
        assert_eq!(drafted.status, 303, "{}", drafted.text);
        let again = browser.post("/console/invoices/new", &fields).await?;
        assert_eq!(again.header(LOCATION), drafted.header(LOCATION), "twice is once");
        let page = led_to(drafted.header(LOCATION));

        // A number is never taken back: the page of the draft has no button that gives it, and a page asks first.
        let validate = format!("{page}/validate");
        let shown = browser.get(&page).await?;
        assert!(shown.text.contains(&format!("href=\"{validate}\"")), "{}", shown.text);
        assert!(!shown.text.contains(&format!("action=\"{validate}\"")), "{}", shown.text);
        let asked = browser.get(&validate).await?;
        assert_eq!(asked.status, 200, "{}", asked.text);
        let focused = format!("href=\"{page}\" autofocus");
        for said in ["Customer C-1", "20,00\u{a0}€", focused.as_str()] {
            assert!(asked.text.contains(said), "{said}: {}", asked.text);
        }
        let (status, location, text) = act(&mut browser, &page, "validate").await?;
        assert_eq!(status, 303, "{text}");
        assert_eq!(location, format!("{page}?done=validated"));
        let late = browser.get(&validate).await?;
        assert_eq!((late.status, late.header(LOCATION)), (303, page.as_str()), "it has its number");
        let shown = browser.get(&location).await?;
        // Two of 10.00 and 20 % of VAT, as French writes it.
        assert!(shown.status == 200 && shown.text.contains("24,00\u{a0}€"), "{}", shown.text);
        // Whether it is there yet or not: the pages of the console may frame it, and nobody else.
        let document = browser.get(&format!("{page}/pdf")).await?;
        assert!(document.header("content-security-policy").contains("frame-ancestors 'self'"));
        let listed = browser.get("/console/invoices?unpaid=true").await?;
        assert!(listed.status == 200 && listed.text.contains("Customer C-1"), "{}", listed.text);
        let csv = browser.get("/console/invoices.csv?unpaid=true").await?;
        assert_eq!((csv.status, csv.text.lines().count()), (200, 2), "{}", csv.text);

        let id = page.rsplit('/').next().context("an id")?.to_owned();
        let form = browser.get(&format!("/console/payments/new?invoice_id={id}")).await?;
        assert!(form.status == 200 && form.text.contains("value=\"24,00\""), "{}", form.text);
        let key = form.hidden("form_key")?;
        let mut fields = vec![
            ("form_token", token.as_str()),
            ("form_key", key.as_str()),
            ("customer_id", customer.as_str()),
            ("method", "transfer"),
            ("amount", "20"),
            ("what", "named"),
            ("invoices.0.invoice_id", id.as_str()),
            ("invoices.0.amount", "100"),
        ];
        let refused = browser.post("/console/payments/new", &fields).await?;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("id=\"invoices.0.amount-err\""), "{}", refused.text);
        fields[7].1 = "20,00";
        let received = browser.post("/console/payments/new", &fields).await?;
        assert_eq!(received.status, 303, "{}", received.text);
        let payment = browser.get(received.header(LOCATION)).await?;
        assert!(payment.status == 200 && payment.text.contains("20,00\u{a0}€"), "{}", payment.text);

        let credit = format!("{page}/credit");
        let form = browser.get(&credit).await?;
        let key = form.hidden("form_key")?;
        let mut fields = vec![
            ("form_token", token.as_str()),
            ("form_key", key.as_str()),
            ("what", "parts"),
            ("lines.0.quantity", "3"),
        ];
        let refused = browser.post(&credit, &fields).await?;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("id=\"lines.0.quantity-err\""), "{}", refused.text);
        fields[3].1 = "1";
        let note = browser.post(&credit, &fields).await?;
        assert_eq!(note.status, 303, "{}", note.text);
        let note = led_to(note.header(LOCATION));
        let (status, _, text) = act(&mut browser, &note, "validate").await?;
        assert_eq!(status, 303, "{text}");
        let shown = browser.get(&note).await?;
        assert!(shown.text.contains(&page), "it links to what it corrects: {}", shown.text);

        let statement = browser.get(&format!("/console/payments/statements/{customer}")).await?;
        assert!(statement.status == 200 && statement.text.contains("Customer C-1"), "{}", statement.text);
        let aged = browser.get("/console/payments/aged-balance").await?;
        assert_eq!(aged.status, 200, "{}", aged.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_validation_refuses_is_shown_at_its_field() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = id_of(&api.buyer("C-1").await?)?;
        let product = id_of(&api.product("P-1").await?)?;
        let line = serde_json::json!({"product_id": product, "quantity": "2", "description": "as agreed"});
        let body = serde_json::json!({"customer_id": customer, "due_on": "2020-01-01", "lines": [line]});
        let id = id_of(&api.created("/invoices", &body).await?)?;
        let page = format!("/console/invoices/{id}");
        let mut browser = logged_in(world, &api, "management").await?;
        let (status, _, text) = act(&mut browser, &page, "validate").await?;
        assert_eq!(status, 422, "{text}");
        assert!(text.contains("id=\"due_on-err\""), "{text}");

        // It is corrected there, and what the form does not show of a line stays.
        let edit = format!("{page}/edit");
        let form = browser.get(&edit).await?;
        let (token, key, version) =
            (form.hidden("form_token")?, form.hidden("form_key")?, form.hidden("version")?);
        let fields = [
            ("form_token", token.as_str()),
            ("form_key", key.as_str()),
            ("version", version.as_str()),
            ("has_lines", "1"),
            ("customer_id", customer.as_str()),
            ("lines.0.of", "0"),
            ("lines.0.product_id", product.as_str()),
            ("lines.0.name", "Thé"),
            ("lines.0.quantity", "1 000"),
            ("lines.0.unit_price", "1,5"),
            ("lines.0.vat.rate", "20"),
        ];
        let saved = browser.post(&edit, &fields).await?;
        assert_eq!(saved.status, 303, "{}", saved.text);
        let draft = api.http.get(&format!("/invoices/{id}/draft")).await?;
        let line = &draft.json["lines"][0];
        assert!(line["name"] == "Thé" && line["description"] == "as agreed", "{}", draft.text);
        assert_eq!(draft.json["due_on"], Value::Null);
        // An old version changes nothing.
        let mut fields = fields;
        fields[1].1 = "another";
        fields[8].1 = "2 000";
        let late = browser.post(&edit, &fields).await?;
        assert_eq!(late.status, 409, "{}", late.text);
        assert!(
            late.text.contains("name=\"take.lines\"") && late.text.contains("value=\"2 000\""),
            "{}",
            late.text
        );
        let (status, _, text) = act(&mut browser, &page, "validate").await?;
        assert_eq!(status, 303, "{text}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_validate_sees_no_button_and_is_refused() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        let product = api.product("P-1").await?;
        let id = id_of(&api.invoice(&customer, &product).await?)?;
        let page = format!("/console/invoices/{id}");
        let mut sales = logged_in(world, &api, "sales").await?;
        let shown = sales.get(&page).await?;
        assert_eq!(shown.status, 200, "{}", shown.text);
        assert!(
            shown.text.contains(&format!("{page}/edit")) && !shown.text.contains(&format!("{page}/validate"))
        );
        let token = sales.token().await?;
        let fields = [("form_token", token.as_str()), ("form_key", "k"), ("version", "1")];
        assert_eq!(sales.get(&format!("{page}/validate")).await?.status, 403);
        assert_eq!(sales.post(&format!("{page}/validate"), &fields).await?.status, 403);
        assert_eq!(sales.get("/console/payments/new").await?.status, 403);
        let mut warehouse = logged_in(world, &api, "warehouse").await?;
        for path in [page.as_str(), "/console/payments", "/console/reports/vat-due"] {
            assert_eq!(warehouse.get(path).await?.status, 403, "{path}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_ordered_most_stands_as_bars_with_their_figures() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut person = logged_in(world, &api, "management").await?;
        let none = person.get("/console/reports/products").await?;
        assert!(none.status == 200 && !none.text.contains("class=\"hbar\""), "{}", none.text);
        // As the reports keep it from the events.
        let sold = "INSERT INTO sales_by_product
            (tenant_id, generation, product_id, sku, name, archived, currency, orders, quantity, net_total)
            SELECT $1::text::uuid, (SELECT max(generation) FROM projection_state), gen_random_uuid(), 'P-' || n, 'Product <' || n || '>',
                false, 'EUR', n, n, 10 * (n - 1) FROM generate_series(1, 13) AS n";
        let tenant = world.tenant().await?.id.to_string();
        assert_eq!(world.sql().await?.execute(sold, &[&tenant]).await?, 13);

        let report = person.get("/console/reports/products").await?;
        assert_eq!(report.text.matches("class=\"hbar\"").count(), 10, "{}", report.text);
        let (rank, table) = report.text.split_once("</ol>").context("the bars")?;
        assert!(rank.contains("120,00\u{a0}€") && rank.contains("width=\"100.0\""), "{rank}");
        assert!(rank.contains("width=\"25.0\"") && !rank.contains("<13>"), "{rank}");
        assert!(table.contains(">20,00\u{a0}€"), "the table has all of them: {table}");
        let home = person.get("/console/").await?;
        assert_eq!(home.text.matches("class=\"hbar\"").count(), 5, "{}", home.text);
        assert!(home.text.contains("href=\"/console/reports/products\""), "{}", home.text);
        let mut sales = logged_in(world, &api, "sales").await?;
        assert!(!sales.get("/console/").await?.text.contains("class=\"hbar\""), "the reports are not theirs");
        Ok(())
    })
    .await;
}
