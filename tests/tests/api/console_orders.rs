//! What leaves and what comes, in the console, as a browser without scripts does it.

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, World};
use reqwest::Method;
use reqwest::header::LOCATION;
use serde_json::{Value, json};

use crate::console::{Answered, Browser, logged_in};
use crate::shipments::{confirmed, order, progress};

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str> {
    value[name].as_str().with_context(|| format!("no {name}: {value}"))
}

/// The hidden fields that a form of this page needs, and others.
fn filled<'a>(hidden: &'a [(&'a str, String)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    hidden.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect()
}

fn hidden<'a>(page: &Answered, names: &[&'a str]) -> Result<Vec<(&'a str, String)>> {
    names.iter().map(|name| Ok((*name, page.hidden(name)?))).collect()
}

const OF_CHANGE: &[&str] = &["form_token", "form_key", "version"];

/// An order of one product in stock, confirmed.
async fn ready(api: &Api, sku: &str) -> Result<(Value, String)> {
    let product = api.product_in_stock(sku, "20").await?;
    let id = confirmed(api, &[(&product, "6")]).await?;
    Ok((product, id))
}

/// Sends the quantity of the only line.
async fn ship(
    browser: &mut Browser,
    path: &str,
    product: &Value,
    quantity: &str,
    more: &[(&str, &str)],
) -> Result<Answered> {
    let form = browser.get(path).await?;
    ensure!(form.status == 200, "{}", form.text);
    let hidden = hidden(&form, OF_CHANGE)?;
    let line = [
        ("lines.0.position", "1"),
        ("lines.0.product_id", text(product, "id")?),
        ("lines.0.quantity", quantity),
    ];
    let fields: Vec<_> = filled(&hidden, &line).into_iter().chain(more.iter().copied()).collect();
    browser.post(path, &fields).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warehouse_prepares_an_order_ships_it_in_parts_and_takes_some_back() {
    World::run(async |world| {
        let api = world.api().await?;
        let (product, id) = ready(&api, "TEA").await?;
        let mut browser = logged_in(world, &api, "warehouse").await?;
        let list = browser.get("/console/preparation").await?;
        let path = format!("/console/orders/{id}/ship");
        assert!(list.status == 200 && list.text.contains(&format!("href=\"{path}\"")), "{}", list.text);
        let picking = browser.get(&format!("/console/orders/{id}/picking-list")).await?;
        assert!(
            picking.status == 200 && picking.text.contains("<path d=\"M10 0h2v1h-2z"),
            "{}",
            picking.text
        );
        for page in [&list, &picking] {
            assert!(!page.text.contains('€'), "a warehouse sees no prices: {}", page.text);
        }

        let refused = ship(&mut browser, &path, &product, "6,5", &[("tracking_number", "MO 1")]).await?;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(
            refused.text.contains("id=\"lines.0.quantity-err\"") && refused.text.contains("value=\"6,5\"")
        );
        assert!(refused.text.contains("value=\"MO 1\""), "what was typed is kept");
        let nothing = ship(&mut browser, &path, &product, "0", &[]).await?;
        assert_eq!(nothing.status, 422, "{}", nothing.text);
        let parcels = [("tracking_number", "MO 1"), ("parcel_count", "2"), ("parcels.0.weight_kg", "1,5")];
        let shipped = ship(&mut browser, &path, &product, "4", &parcels).await?;
        assert_eq!(shipped.status, 303, "{}", shipped.text);
        assert_eq!(progress(&order(&api, &id).await?), ["4 0 0"]);

        let page = browser.get(shipped.header(LOCATION)).await?;
        assert!(
            page.status == 200 && page.text.contains("MO 1") && page.text.contains("1,5"),
            "{}",
            page.text
        );
        let shipment = shipped.header(LOCATION).split('?').next().unwrap_or_default().to_owned();
        let note = browser.get(&format!("{shipment}/delivery-note")).await?;
        assert!(
            note.status == 200 && note.text.contains("Product TEA") && !note.text.contains('€'),
            "{}",
            note.text
        );
        let fields = hidden(&page, OF_CHANGE)?;
        let early = [("delivered_on", "2001-01-01")];
        let refused = browser.post(&format!("{shipment}/deliver"), &filled(&fields, &early)).await?;
        assert!(
            refused.status == 422 && refused.text.contains("id=\"delivered_on-err\""),
            "{}",
            refused.text
        );
        let delivered = browser.post(&format!("{shipment}/deliver"), &filled(&fields, &[])).await?;
        assert_eq!(delivered.status, 303, "{}", delivered.text);
        let list = browser.get("/console/shipments?status=delivered").await?;
        assert!(list.text.contains(&shipment), "{}", list.text);
        assert_eq!(browser.get("/console/shipments.csv").await?.text.lines().count(), 2);

        let path = format!("/console/orders/{id}/return");
        let form = browser.get(&path).await?;
        let fields = hidden(&form, OF_CHANGE)?;
        let line = [
            ("lines.0.position", "1"),
            ("lines.0.product_id", text(&product, "id")?),
            ("lines.0.quantity", "1"),
            ("lines.0.outcome", "write-off"),
        ];
        let refused = browser.post(&path, &filled(&fields, &line)).await?;
        assert!(refused.status == 422 && refused.text.contains("id=\"reason-err\""), "{}", refused.text);
        let reasoned = [&line[..], &[("reason", "boîte écrasée")]].concat();
        let back = browser.post(&path, &filled(&fields, &reasoned)).await?;
        assert_eq!(back.status, 303, "{}", back.text);
        assert_eq!(progress(&order(&api, &id).await?), ["4 0 1"]);
        let page = browser.get(back.header(LOCATION)).await?;
        assert!(page.status == 200 && page.text.contains("boîte écrasée"), "{}", page.text);
        assert!(browser.get("/console/returns").await?.text.contains("boîte écrasée"));
        let page = browser.get(&format!("/console/orders/{id}")).await?;
        assert!(page.text.contains(&shipment) && page.text.contains("/console/returns/"), "{}", page.text);
        api.proof().await.map(|_| ())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goods_go_to_the_customers_shipping_address_on_each_page_and_paper() {
    World::run(async |world| {
        let api = world.api().await?;
        let product = api.product_in_stock("TEA", "20").await?;
        let at = |kind: &str, line1: &str| json!({"kind": kind, "line1": line1, "city": "Nantes", "country": "FR"});
        let addresses = [at("billing", "12 rue des Carmes"), at("shipping", "3 quai du Port")];
        let body = json!({"code": "C-1", "name": "Docks", "email": "someone@example.com", "addresses": addresses});
        let customer = api.created("/customers", &body).await?;
        let placed = api.order(&customer, &product).await?;
        let id = text(&placed, "id")?;
        let answer = api.http.command(&format!("/orders/{id}/confirm")).await?;
        ensure!(answer.status == 200, "{}", answer.text);
        let mut browser = logged_in(world, &api, "management").await?;
        let path = format!("/console/orders/{id}");
        let shown = browser.get(&path).await?;
        let picking = browser.get(&format!("{path}/picking-list")).await?;
        let shipped = ship(&mut browser, &format!("{path}/ship"), &product, "2", &[]).await?;
        assert_eq!(shipped.status, 303, "{}", shipped.text);
        let shipment = shipped.header(LOCATION).split('?').next().unwrap_or_default().to_owned();
        let note = browser.get(&format!("{shipment}/delivery-note")).await?;
        for page in [&shown, &picking, &note] {
            assert_eq!(page.status, 200, "{}", page.text);
            assert!(page.text.contains("3 quai du Port"), "{}", page.text);
            assert!(!page.text.contains("12 rue des Carmes"), "that is where bills go: {}", page.text);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quantity_that_a_page_in_english_shows_is_read_as_it_is_shown() {
    World::run(async |world| {
        let api = world.api().await?;
        let body = json!({"language": "en"});
        let changed = api.http.send(Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&body)).await?;
        ensure!(changed.status == 200, "{}", changed.text);
        let product = api.product_in_stock("TEA", "2000").await?;
        let id = confirmed(&api, &[(&product, "1200")]).await?;
        let mut browser = logged_in(world, &api, "warehouse").await?;
        let path = format!("/console/orders/{id}/ship");
        let form = browser.get(&path).await?;
        assert!(form.text.contains("value=\"1,200\""), "{}", form.text);
        let refused = ship(&mut browser, &path, &product, "0,125", &[]).await?;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("Write a number, such as 12 or 12.50."), "{}", refused.text);
        let shipped = ship(&mut browser, &path, &product, "1,200", &[]).await?;
        assert_eq!(shipped.status, 303, "{}", shipped.text);
        assert_eq!(progress(&order(&api, &id).await?), ["1200 0 0"]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_amend_an_order_and_the_second_sees_both_versions() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, pot) = (api.product("TEA").await?, api.product("POT").await?);
        let customer = api.customer("C-1").await?;
        let lines = json!([
            {"product_id": tea["id"], "quantity": "2"},
            {"product_id": pot["id"], "quantity": "3"},
        ]);
        let body = json!({"customer_id": customer["id"], "reference": "CMD-1", "lines": lines});
        let placed = api.created("/orders", &body).await?;
        let id = text(&placed, "id")?;
        let path = format!("/console/orders/{id}/edit");
        let mut browser = logged_in(world, &api, "sales").await?;
        let form = browser.get(&path).await?;
        ensure!(form.status == 200, "{}", form.text);
        let fields = hidden(&form, OF_CHANGE)?;
        let (tea_id, pot_id) = (text(&tea, "id")?, text(&pot, "id")?);
        let tea_line =
            [("lines.0.position", "1"), ("lines.0.product_id", tea_id), ("lines.0.product_id_text", "Thé")];
        let pot_line = [("lines.1.position", "2"), ("lines.1.product_id", pot_id), ("lines.1.quantity", "3")];

        let wrong =
            [&tea_line[..], &[("lines.0.quantity", "0")], &pot_line[..], &[("reference", "CMD-2")]].concat();
        let refused = browser.post(&path, &filled(&fields, &wrong)).await?;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("id=\"lines.0.quantity-err\"") && refused.text.contains("CMD-2"));

        // Somebody else takes the first line off meanwhile: the other one is the first now.
        let patch = json!({"reference": "CMD-9", "lines": [{"position": 2, "quantity": "7"}]});
        let order_path = format!("/orders/{id}");
        let other = api.http.send(Method::PATCH, &order_path, &[("If-Match", "\"1\"")], Some(&patch)).await?;
        ensure!(other.status == 200, "{}", other.text);

        let mine =
            [&tea_line[..], &[("lines.0.quantity", "5")], &pot_line[..], &[("reference", "CMD-2")]].concat();
        let late = browser.post(&path, &filled(&fields, &mine)).await?;
        assert_eq!(late.status, 409, "{}", late.text);
        for said in ["CMD-2", "CMD-9", "Garder la mienne", "Prendre la leur", "form=\"amend\""] {
            assert!(late.text.contains(said), "{said}: {}", late.text);
        }
        assert_eq!(order(&api, id).await?["reference"], "CMD-9", "nothing was done");

        // The form that is shown names the lines as they are now, and keeps mine if it is sent again.
        let fields = hidden(&late, OF_CHANGE)?;
        let mine = [
            ("reference", "CMD-2"),
            ("lines.0.product_id", tea_id),
            ("lines.0.quantity", "5"),
            ("lines.1.position", late.hidden("lines.1.position").as_deref().unwrap_or_default()),
            ("lines.1.product_id", pot_id),
            ("lines.1.quantity", "3"),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        let mine: Vec<_> = mine.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let kept = browser.post(&path, &filled(&fields, &mine)).await?;
        assert_eq!(kept.status, 303, "{}", kept.text);
        let now = order(&api, id).await?;
        assert_eq!(now["reference"], "CMD-2");
        let quantities: Vec<_> =
            now["lines"].as_array().context("lines")?.iter().map(|line| &line["quantity"]).collect();
        assert_eq!(quantities, ["5", "3"]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_may_not_do_is_absent_and_refused() {
    World::run(async |world| {
        let api = world.api().await?;
        let (product, id) = ready(&api, "TEA").await?;
        let mut sales = logged_in(world, &api, "sales").await?;
        let page = sales.get(&format!("/console/orders/{id}")).await?;
        assert!(!page.text.contains(&format!("/console/orders/{id}/ship")), "{}", page.text);
        assert!(page.text.contains(&format!("/console/orders/{id}/edit")), "{}", page.text);
        let token = sales.token().await?;
        let fields = [
            ("form_token", token.as_str()),
            ("form_key", "a"),
            ("version", "1"),
            ("lines.0.position", "1"),
            ("lines.0.product_id", text(&product, "id")?),
            ("lines.0.quantity", "1"),
        ];
        for what in ["ship", "return"] {
            let path = format!("/console/orders/{id}/{what}");
            assert_eq!(sales.get(&path).await?.status, 403, "{what}");
            assert_eq!(sales.post(&path, &fields).await?.status, 403, "{what}");
        }
        assert_eq!(progress(&order(&api, &id).await?), ["0 0 0"]);
        let mut warehouse = logged_in(world, &api, "warehouse").await?;
        let page = warehouse.get(&format!("/console/orders/{id}")).await?;
        assert!(page.text.contains(&format!("/console/orders/{id}/ship")), "{}", page.text);
        for what in ["edit", "deposit", "cancel"] {
            let path = format!("/console/orders/{id}/{what}");
            assert!(!page.text.contains(&format!("\"{path}\"")), "{what}");
            assert_eq!(warehouse.get(&path).await?.status, 403, "{what}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goods_are_ordered_from_a_supplier_received_and_the_rest_cancelled() {
    World::run(async |world| {
        let api = world.api().await?;
        let (supplier, tea) = (api.supplier("S-1").await?, api.stocked_product("TEA").await?);
        let mut browser = logged_in(world, &api, "management").await?;
        let form = browser.get("/console/purchases/new").await?;
        let fields = hidden(&form, &["form_token", "form_key"])?;
        let typed = [
            ("supplier_id_text", "S-1"),
            ("reference", "CF-1"),
            ("lines.0.product_id_text", "TEA"),
            ("lines.0.quantity", "10"),
            ("lines.0.unit_cost", "douze"),
        ];
        let refused = browser.post("/console/purchases/new", &filled(&fields, &typed)).await?;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("id=\"lines.0.unit_cost-err\"") && refused.text.contains("CF-1"));
        let mut right = typed;
        right[4].1 = "7,25 €";
        let made = browser.post("/console/purchases/new", &filled(&fields, &right)).await?;
        assert_eq!(made.status, 303, "{}", made.text);
        let path = made.header(LOCATION).split('?').next().unwrap_or_default().to_owned();
        let known = api.http.get("/purchase-orders").await?.json["data"][0].clone();
        assert_eq!((&known["reference"], &known["supplier_id"]), (&json!("CF-1"), &supplier["id"]));

        // Whoever works in the warehouse sees no costs, and may receive.
        let mut warehouse = logged_in(world, &api, "warehouse").await?;
        let page = warehouse.get(&path).await?;
        assert!(
            page.status == 200 && !page.text.contains('€') && page.text.contains(&format!("{path}/receive"))
        );
        assert!(!page.text.contains(&format!("{path}/cancel")));
        let receive = format!("{path}/receive");
        let form = warehouse.get(&receive).await?;
        let fields = hidden(&form, &["form_token", "form_key"])?;
        let line = [("lines.0.product_id", text(&tea, "id")?), ("lines.0.quantity", "0")];
        let refused = warehouse.post(&receive, &filled(&fields, &line)).await?;
        assert!(
            refused.status == 422 && refused.text.contains("id=\"lines.0.quantity-err\""),
            "{}",
            refused.text
        );
        let line = [("lines.0.product_id", text(&tea, "id")?), ("lines.0.quantity", "4")];
        let came = warehouse.post(&receive, &filled(&fields, &line)).await?;
        let again = warehouse.post(&receive, &filled(&fields, &line)).await?;
        assert_eq!((came.status, again.status), (303, 303), "{} {}", came.text, again.text);
        let known = api.http.get(&format!("/purchase-orders/{}", text(&known, "id")?)).await?.json;
        assert_eq!(
            (&known["state"], &known["lines"][0]["received"]),
            (&json!("partly_received"), &json!("4"))
        );

        let cancel = format!("{path}/cancel");
        let form = browser.get(&cancel).await?;
        let fields = hidden(&form, &["form_token", "form_key"])?;
        let late = browser.post(&cancel, &filled(&fields, &[("version", "1")])).await?;
        assert!(
            late.status == 409 && late.text.contains("Garder la mienne"),
            "{} {}",
            late.status,
            late.text
        );
        let fields = hidden(&late, OF_CHANGE)?;
        let cancelled = browser.post(&cancel, &filled(&fields, &[])).await?;
        assert_eq!(cancelled.status, 303, "{}", cancelled.text);
        let page = browser.get(cancelled.header(LOCATION)).await?;
        assert!(page.status == 200 && page.text.contains("Annulée"), "{}", page.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deposit_is_a_percentage_or_an_amount_and_never_more_than_the_order() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        let product = api.product("TEA").await?;
        let placed = api.order(&customer, &product).await?;
        let path = format!("/console/orders/{}/deposit", text(&placed, "id")?);
        let mut browser = logged_in(world, &api, "sales").await?;
        let form = browser.get(&path).await?;
        let fields = hidden(&form, &["form_token", "form_key"])?;
        for (typed, at) in [
            (&[("percent", "30"), ("amount", "5")][..], "amount"),
            (&[][..], "percent"),
            (&[("amount", "1 000,00")][..], "amount"),
        ] {
            let refused = browser.post(&path, &filled(&fields, typed)).await?;
            assert_eq!(refused.status, 422, "{}", refused.text);
            assert!(refused.text.contains(&format!("id=\"{at}-err\"")), "{at}: {}", refused.text);
        }
        let made = browser.post(&path, &filled(&fields, &[("percent", "30")])).await?;
        assert_eq!(made.status, 303, "{}", made.text);
        let invoices = api.http.get("/invoices").await?.json;
        assert_eq!(invoices["data"].as_array().map(Vec::len), Some(1), "{invoices}");
        // It stands on the page of its order, for whoever may see invoices.
        let link = format!("href=\"/console/invoices/{}\"", text(&invoices["data"][0], "id")?);
        let page = format!("/console/orders/{}", text(&placed, "id")?);
        let shown = browser.get(&page).await?;
        assert!(shown.text.contains(&link) && shown.text.contains("Acompte en brouillon"), "{}", shown.text);
        let mut warehouse = logged_in(world, &api, "warehouse").await?;
        let shown = warehouse.get(&page).await?;
        assert!(shown.status == 200 && !shown.text.contains("/console/invoices/"), "{}", shown.text);

        // An order of a customer begins on the customer's page.
        let to = format!("/console/orders/new?customer_id={}", text(&customer, "id")?);
        let person = browser.get(&format!("/console/customers/{}", text(&customer, "id")?)).await?;
        assert!(person.text.contains(&format!("href=\"{to}\"")), "{}", person.text);
        let form = browser.get(&to).await?;
        let chosen = format!("name=\"customer_id\" value=\"{}\"", text(&customer, "id")?);
        assert!(form.text.contains(&chosen) && form.text.contains("value=\"Customer C-1\""), "{}", form.text);
        let nobody = "/console/orders/new?customer_id=018f0000-0000-7000-8000-000000000000";
        assert_eq!(browser.get(nobody).await?.status, 200, "an empty form");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_shipped_order_to_its_money_each_page_has_the_next_step() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        let product = api.product_in_stock("TEA", "20").await?;
        let line = json!({"product_id": product["id"], "quantity": "6"});
        let placed = api.created("/orders", &json!({"customer_id": customer["id"], "lines": [line]})).await?;
        let id = text(&placed, "id")?;
        let answer = api.http.command(&format!("/orders/{id}/confirm")).await?;
        ensure!(answer.status == 200, "{}", answer.text);
        let path = format!("/console/orders/{id}");
        let mut browser = logged_in(world, &api, "management").await?;
        let filled_buttons = |page: &Answered| page.text.matches("class=\"btn go\"").count();

        // It has no number of its own: pages say when it was placed, and the id stands among the facts.
        let form = browser.get(&format!("{path}/ship")).await?;
        assert!(form.text.contains("</svg>Commande du "), "{}", form.text);
        let page = browser.get(&path).await?;
        assert!(page.text.contains(&format!("<dd class=\"mono\">{id}</dd>")), "{}", page.text);
        assert!(!page.text.contains(&format!("<h1>{id}")) && filled_buttons(&page) == 1, "{}", page.text);

        let shipped = ship(&mut browser, &format!("{path}/ship"), &product, "6", &[]).await?;
        assert_eq!(shipped.status, 303, "{}", shipped.text);
        let page = browser.get(&path).await?;
        assert!(page.text.contains("action=\"/console/invoices/from\""), "{}", page.text);
        let page = browser.get(shipped.header(LOCATION)).await?;
        assert_eq!(filled_buttons(&page), 1, "{}", page.text);
        let fields = hidden(&page, &["form_token", "form_key", "by", "order_ids", "deposits"])?;
        let drafted = browser.post("/console/invoices/from", &filled(&fields, &[])).await?;
        assert_eq!(drafted.status, 303, "{}", drafted.text);
        let again = browser.post("/console/invoices/from", &filled(&fields, &[])).await?;
        assert_eq!(again.header(LOCATION), drafted.header(LOCATION), "twice is once");
        let invoice = drafted.header(LOCATION).split('?').next().unwrap_or_default().to_owned();
        let page = browser.get(&path).await?;
        assert!(page.text.contains(&format!("href=\"{invoice}\"")), "{}", page.text);
        assert!(!page.text.contains("action=\"/console/invoices/from\""), "nothing is invoiced twice");

        let page = browser.get(&invoice).await?;
        assert_eq!(filled_buttons(&page), 1, "{}", page.text);
        let fields = hidden(&browser.get(&format!("{invoice}/validate")).await?, OF_CHANGE)?;
        let validated = browser.post(&format!("{invoice}/validate"), &filled(&fields, &[])).await?;
        assert_eq!(validated.status, 303, "{}", validated.text);
        let invoice = invoice.rsplit('/').next().context("an id")?.to_owned();
        let pay = format!("/console/payments/new?invoice_id={invoice}");
        let page = browser.get(&path).await?;
        assert!(
            page.text.contains(&format!("href=\"{pay}\"")) && filled_buttons(&page) == 1,
            "{}",
            page.text
        );

        // The form knows who pays, what and how much.
        let form = browser.get(&pay).await?;
        assert_eq!(form.text.matches("value=\"72,00\"").count(), 2, "{}", form.text);
        let fields = hidden(&form, &["form_token", "form_key", "customer_id", "invoices.0.invoice_id"])?;
        let typed =
            [("amount", "72,00"), ("method", "transfer"), ("what", "named"), ("invoices.0.amount", "72,00")];
        let received = browser.post("/console/payments/new", &filled(&fields, &typed)).await?;
        assert_eq!(received.status, 303, "{}", received.text);
        let page = browser.get(&path).await?;
        assert_eq!(
            (page.text.matches("class=\"did\"").count(), filled_buttons(&page)),
            (5, 0),
            "{}",
            page.text
        );

        // Who works in the warehouse sees when it arrived instead.
        let mut warehouse = logged_in(world, &api, "warehouse").await?;
        let page = warehouse.get(&path).await?;
        assert!(
            page.text.contains("steps four") && !page.text.contains("/console/invoices"),
            "{}",
            page.text
        );
        Ok(())
    })
    .await;
}
