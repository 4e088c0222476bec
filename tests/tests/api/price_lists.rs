//! Price lists: whose prices they are, when they are valid, from which quantity on; and which price a line has.

use std::time::Duration;

use anyhow::{Result, ensure};
use chrono::{TimeDelta, Utc};
use comptoir_tests::harness::{Answer, Api, Tenant, World, events_of, until};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap_or_default()
}

/// A day as the business counts, so many days from today.
fn day(from_today: i64) -> String {
    (Utc::now().date_naive() + TimeDelta::days(from_today)).to_string()
}

async fn set(api: &Api, list: &Value, product: &Value, price: &str) -> Result<Answer> {
    let body = json!({"entries": [{"product_id": product["id"], "breaks": [{"unit_price": price}]}]});
    api.http.send(Method::PUT, &format!("/price-lists/{}/entries", id(list)), &[], Some(&body)).await
}

async fn patch(api: &Api, path: &str, body: &Value) -> Result<Answer> {
    api.http.send(Method::PATCH, path, &[("If-Match", "*")], Some(body)).await
}

/// What a product costs, and which price that is: the list's code, whose it is, and from which quantity on.
async fn price(api: &Api, query: &str) -> Result<String> {
    let answer = api.http.get(&format!("/prices?{query}")).await?;
    ensure!(answer.status == 200, "{query}: {}", answer.text);
    let (quote, list) = (&answer.json, &answer.json["price_list"]);
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    Ok(format!(
        "{} {} {} {} {}",
        text(&quote["unit_price"]),
        text(&quote["price_source"]),
        text(&list["code"]),
        text(&list["scope"]),
        text(&list["from_quantity"])
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn today_is_the_day_where_the_company_is() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let (customer, tea) = (api.buyer("C-1").await?, api.product("TEA").await?);
        // It is a day later in the far east than in the far west, at any moment.
        let east = async || -> Result<String> {
            let row = world
                .sql()
                .await?
                .query_one("SELECT (now() AT TIME ZONE 'Pacific/Kiritimati')::date::text", &[])
                .await?;
            Ok(row.get(0))
        };
        let from = east().await?;
        let list =
            api.created("/price-lists", &json!({"code": "NOW", "name": "Now", "valid_from": from})).await?;
        api.set_price(&list, &tea, &[("0", "9.00")]).await?;
        let product_id = id(&tea);
        let of_product = format!("product_id={product_id}");
        for (zone, quote, unit_price) in [
            ("Pacific/Pago_Pago", "10.00 product - - -", "10.00"),
            ("Pacific/Kiritimati", "9.00 list NOW general 0", "9.00"),
        ] {
            let moved = patch(&api, "/tenant", &json!({"time_zone": zone})).await?;
            assert_eq!(moved.status, 200, "{}", moved.text);
            assert_eq!(price(&api, &of_product).await?, quote, "{zone}");
            let order = api.order(&customer, &tea).await?;
            assert_eq!(order["lines"][0]["unit_price"], unit_price, "{zone}");
            let invoice = api.invoice(&customer, &tea).await?;
            let draft = api.http.get(&format!("/invoices/{}/draft", id(&invoice))).await?.json;
            assert_eq!(draft["lines"][0]["unit_price"], unit_price, "{zone}");
            let paid =
                json!({"customer_id": customer["id"], "method": "cash", "amount": "1.00", "invoices": []});
            let paid = api.created("/payments", &paid).await?;
            let confirmed = api.http.command(&format!("/orders/{}/confirm", id(&order))).await?;
            assert_eq!(confirmed.status, 200, "{}", confirmed.text);
            let shipped = api.created(&format!("/orders/{}/shipments", id(&order)), &json!({})).await?;
            let days = [&order["ordered_on"], &paid["received_on"], &shipped["shipped_on"]];
            let is_later = days.map(|day| day.as_str().is_some_and(|day| day >= from.as_str()));
            assert_eq!(is_later, [zone == "Pacific/Kiritimati"; 3], "{zone}: {days:?}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_made_changed_priced_and_deleted_and_each_step_is_told() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, pot) = (api.product("TEA").await?, api.product("POT").await?);
        let body = json!({"code": "SPRING", "name": "Printemps", "valid_from": "2026-03-01", "valid_to": "2026-06-01"});
        let created = api.http.post("/price-lists", &body).await?;
        assert_eq!((created.status, created.header("etag")), (201, Some("\"1\"")), "{}", created.text);
        assert_eq!((&created.json["entries"], &created.json["customer_id"]), (&json!(0), &Value::Null));
        let path = format!("/price-lists/{}", id(&created.json));
        assert_eq!(api.http.get(&path).await?.json, created.json);

        let priced = api.set_price(&created.json, &tea, &[("10", "8.50"), ("0", "9.00")]).await?;
        assert_eq!((&priced["entries"], &priced["version"]), (&json!(1), &json!(2)));
        let again = api.set_price(&created.json, &tea, &[("0", "9"), ("10", "8.5")]).await?;
        assert_eq!(again["version"], 2, "the same prices are no change");
        api.set_price(&created.json, &pot, &[("0", "40")]).await?;
        let entries = api.http.get(&format!("{path}/entries")).await?.json;
        let skus: Vec<_> = entries["data"].as_array().into_iter().flatten().map(|entry| entry["sku"].clone()).collect();
        assert_eq!(skus, ["TEA", "POT"]);
        assert_eq!(
            entries["data"][0]["breaks"],
            json!([{"from_quantity": "0", "unit_price": "9.00"}, {"from_quantity": "10", "unit_price": "8.50"}])
        );
        let csv = api.http.get(&format!("{path}/entries.csv")).await?.text;
        assert_eq!(
            csv,
            "list,sku,from_quantity,unit_price\r\nSPRING,TEA,0,9.00\r\nSPRING,TEA,10,8.50\r\nSPRING,POT,0,40.00\r\n"
        );
        // Without breaks, a product has no price in the list.
        let emptied = api.set_price(&created.json, &pot, &[]).await?;
        assert_eq!((&emptied["entries"], &emptied["version"]), (&json!(1), &json!(4)));

        let renamed = patch(&api, &path, &json!({"name": "Printemps et été", "valid_to": null})).await?;
        assert_eq!((renamed.status, &renamed.json["valid_to"]), (200, &Value::Null), "{}", renamed.text);
        assert_eq!(price(&api, &format!("product_id={}&on=2030-01-01", id(&tea))).await?, "9.00 list SPRING general 0");
        let found = api.http.get("/price-lists?q=ete").await?.json;
        assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "{found}");

        let gone = api.http.send(Method::DELETE, &path, &[("If-Match", "*")], None).await?;
        assert_eq!(gone.status, 204, "{}", gone.text);
        assert_eq!(price(&api, &format!("product_id={}", id(&tea))).await?, "10.00 product - - -");
        let told = "price_list.created price_list.changed price_list.changed price_list.changed price_list.changed price_list.deleted";
        assert_eq!(events_of(&world.sql().await?, &created.json).await?, told);
        let kept = api.http.send(Method::DELETE, &format!("/products/{}", id(&pot)), &[("If-Match", "*")], None).await?;
        assert_eq!(kept.status, 204, "{}", kept.text);
        let product = api.http.get(&format!("/products/{}", id(&pot))).await?.json;
        assert!(product["archived_at"].is_string(), "what had a price is archived, not deleted: {product}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_one_target_do_not_price_a_product_on_the_same_day_and_the_other_list_is_named() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, pot) = (api.product("TEA").await?, api.product("POT").await?);
        let group = api.customer_group("RESELLERS").await?;
        let customer = api.customer("C-1").await?;
        let period = |from: &str, to: &str| json!({"valid_from": from, "valid_to": to});
        let spring = api.price_list("SPRING", &period("2026-03-01", "2026-06-01")).await?;
        let may = api.price_list("MAY", &period("2026-05-31", "2026-07-01")).await?;
        let june = api.price_list("JUNE", &period("2026-06-01", "2026-07-01")).await?;
        api.set_price(&spring, &tea, &[("0", "9")]).await?;
        let refused = set(&api, &may, &tea, "8").await?;
        assert_eq!((refused.status, refused.code()), (409, "price_period_overlaps"), "{}", refused.text);
        assert_eq!(refused.pointers(), ["/entries/0/product_id"]);
        let message = refused.json["errors"][0]["message"].as_str().unwrap_or_default();
        for part in ["SPRING", id(&spring), "2026-03-01", "2026-06-01"] {
            assert!(message.contains(part), "{part}: {message}");
        }
        // The day on which one ends is the first of the next; another product, and other targets, are free.
        assert_eq!(set(&api, &june, &tea, "8").await?.status, 200);
        assert_eq!(set(&api, &may, &pot, "8").await?.status, 200);
        let targets =
            [("G", json!({"group_id": group["id"]})), ("C", json!({"customer_id": customer["id"]}))];
        for (code, target) in targets {
            let list = api.price_list(code, &target).await?;
            assert_eq!(set(&api, &list, &tea, "7").await?.status, 200, "{target}");
        }
        // A list without a beginning and an end is in the way of all others.
        let always = api.price_list("ALWAYS", &json!({})).await?;
        let refused = set(&api, &always, &tea, "8").await?;
        assert_eq!(refused.json["errors"].as_array().map(Vec::len), Some(2), "{}", refused.text);

        // Neither can a period be moved over another one; the prices go with it.
        let path = format!("/price-lists/{}", id(&june));
        let refused = patch(&api, &path, &json!({"valid_from": "2026-05-01"})).await?;
        assert_eq!((refused.status, refused.code()), (409, "price_period_overlaps"), "{}", refused.text);
        assert_eq!(refused.pointers(), ["/valid_from"]);
        let moved =
            patch(&api, &path, &json!({"valid_from": "2026-07-01", "valid_to": "2026-08-01"})).await?;
        assert_eq!(moved.status, 200, "{}", moved.text);
        let query = |day: &str| format!("product_id={}&on={day}", id(&tea));
        assert_eq!(price(&api, &query("2026-06-15")).await?, "10.00 product - - -");
        assert_eq!(price(&api, &query("2026-07-15")).await?, "8.00 list JUNE general 0");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_lists_that_price_a_product_at_once_one_does_and_the_others_learn_of_it() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.product("TEA").await?;
        let group = api.customer_group("RESELLERS").await?;
        for round in 0..5 {
            let mut lists = Vec::new();
            for number in 0..8 {
                let members = json!({"group_id": group["id"], "valid_from": format!("20{}-01-01", 30 + round), "valid_to": format!("20{}-06-01", 30 + round)});
                lists.push(api.price_list(&format!("L-{round}-{number}"), &members).await?);
            }
            let answers = join_all(lists.iter().map(|list| set(&api, list, &tea, "9"))).await;
            let mut winners = 0;
            for answer in answers {
                let answer = answer?;
                match answer.status {
                    200 => winners += 1,
                    _ => {
                        assert_eq!((answer.status, answer.code()), (409, "price_period_overlaps"), "{}", answer.text);
                        let message = answer.json["errors"][0]["message"].as_str().unwrap_or_default();
                        assert!(message.contains(&format!("L-{round}-")), "{message}");
                    }
                }
            }
            assert_eq!(winners, 1, "round {round}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_customers_price_comes_first_and_the_line_of_the_order_says_which_it_has() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.product("TEA").await?;
        let group = api.customer_group("RESELLERS").await?;
        let (loyal, member, other) =
            (api.customer("C-1").await?, api.customer("C-2").await?, api.customer("C-3").await?);
        for customer in [&loyal, &member] {
            let joined =
                patch(&api, &format!("/customers/{}", id(customer)), &json!({"group_id": group["id"]}))
                    .await?;
            assert_eq!((joined.status, &joined.json["group_id"]), (200, &group["id"]), "{}", joined.text);
        }
        let members = api.http.get(&format!("/customers?group_id={}", id(&group))).await?.json;
        assert_eq!(members["data"].as_array().map(Vec::len), Some(2), "{members}");

        // Nothing is asked of lists as long as there are none.
        let before = api.order(&other, &tea).await?;
        assert_eq!(
            (&before["lines"][0]["price_source"], &before["lines"][0]["price_list_id"]),
            (&json!("product"), &Value::Null)
        );

        let general = api.price_list("ALL", &json!({})).await?;
        api.set_price(&general, &tea, &[("0", "9.00"), ("100", "8.00")]).await?;
        let of_group = api.price_list("GROUP", &json!({"group_id": group["id"]})).await?;
        api.set_price(&of_group, &tea, &[("10", "7.50")]).await?;
        let members = json!({"customer_id": loyal["id"], "valid_from": day(-90), "valid_to": day(-30)});
        let own = api.price_list("OWN", &members).await?;
        api.set_price(&own, &tea, &[("20", "7.00")]).await?;

        for (customer, quantity, on, expected) in [
            (&other, "1", -60, "9.00 list ALL general 0"),
            (&other, "99.5", -60, "9.00 list ALL general 0"),
            (&other, "100", -60, "8.00 list ALL general 100"),
            (&member, "9", -60, "9.00 list ALL general 0"),
            (&member, "10", -60, "7.50 list GROUP group 10"),
            (&loyal, "19", -60, "7.50 list GROUP group 10"),
            (&loyal, "20", -60, "7.00 list OWN customer 20"),
            // The borders: the first day counts, the last one named does not.
            (&loyal, "20", -91, "7.50 list GROUP group 10"),
            (&loyal, "20", -90, "7.00 list OWN customer 20"),
            (&loyal, "20", -31, "7.00 list OWN customer 20"),
            (&loyal, "20", -30, "7.50 list GROUP group 10"),
        ] {
            let query = format!(
                "product_id={}&customer_id={}&quantity={quantity}&on={}",
                id(&tea),
                id(customer),
                day(on)
            );
            assert_eq!(price(&api, &query).await?, expected, "{quantity} on {on}");
            let line = json!({"product_id": tea["id"], "quantity": quantity});
            let body = json!({"customer_id": customer["id"], "ordered_on": day(on), "lines": [line]});
            let order = api.created("/orders", &body).await?;
            let line = &order["lines"][0];
            let list = [&general, &of_group, &own]
                .into_iter()
                .find(|list| expected.contains(&format!(" {} ", list["code"].as_str().unwrap_or("?"))));
            assert_eq!(
                (&line["price_source"], &line["price_list_id"]),
                (&json!("list"), &list.expect("a list")["id"]),
                "{line}"
            );
            assert!(expected.starts_with(line["unit_price"].as_str().unwrap_or("?")), "{line}");
        }
        assert_eq!(price(&api, &format!("product_id={}", id(&tea))).await?, "9.00 list ALL general 0");

        // What was agreed comes before any list; a price in one line says nothing of the next.
        let lines = json!([
            {"product_id": tea["id"], "quantity": "20", "unit_price": "6.00"},
            {"product_id": tea["id"], "quantity": "20"},
        ]);
        let body = json!({"customer_id": member["id"], "lines": lines});
        let order = api.created("/orders", &body).await?;
        let told: Vec<_> = order["lines"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|line| format!("{} {}", line["unit_price"], line["price_source"]))
            .collect();
        assert_eq!(told, [r#""6.00" "given""#, r#""7.50" "list""#]);
        assert_eq!(api.http.get(&format!("/orders/{}", id(&order))).await?.json, order);

        // A present line keeps its price, whatever its quantity; a new one is priced.
        let path = format!("/orders/{}", id(&order));
        let lines =
            json!({"lines": [{"position": 2, "quantity": "1"}, {"product_id": tea["id"], "quantity": "1"}]});
        let amended = api.http.send(Method::PATCH, &path, &[("If-Match", "\"1\"")], Some(&lines)).await?;
        assert_eq!(amended.status, 200, "{}", amended.text);
        let told: Vec<_> = amended.json["lines"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|line| {
                format!(
                    "{} {}",
                    line["unit_price"].as_str().unwrap_or("?"),
                    line["price_list_id"].as_str().unwrap_or("?")
                )
            })
            .collect();
        assert_eq!(told, [format!("7.50 {}", id(&of_group)), format!("9.00 {}", id(&general))]);
        let query =
            "SELECT payload::text FROM outbox_events WHERE aggregate_id = $1 AND event_type = 'order.placed'";
        let payload: String = world.sql().await?.query_one(query, &[&id(&order)]).await?.get(0);
        let payload: Value = serde_json::from_str(&payload)?;
        assert_eq!(payload["lines"][1]["price_list_id"], of_group["id"], "the event says it, too");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_line_of_a_draft_takes_the_price_of_a_list_and_keeps_saying_so() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.buyer("C-1").await?, api.product("TEA").await?);
        let members = json!({"customer_id": customer["id"], "valid_from": day(-30)});
        let list = api.price_list("OWN", &members).await?;
        api.set_price(&list, &tea, &[("5", "7.00")]).await?;
        let line = |quantity: &str| json!({"product_id": tea["id"], "quantity": quantity});
        let lines =
            json!([line("5"), line("4"), {"product_id": tea["id"], "quantity": "5", "unit_price": "6.00"}]);
        let body = json!({"customer_id": customer["id"], "delivered_on": day(-30), "lines": lines});
        let invoice = api.created("/invoices", &body).await?;
        let path = format!("/invoices/{}/draft", id(&invoice));
        let draft = api.http.get(&path).await?.json;
        let told = |draft: &Value| -> Vec<String> {
            let lines = draft["lines"].as_array().cloned().unwrap_or_default();
            lines
                .iter()
                .map(|line| {
                    format!("{} {} {}", line["unit_price"], line["price_source"], line["price_list_id"])
                })
                .collect()
        };
        let expected = vec![
            format!(r#""7.00" "list" "{}""#, id(&list)),
            r#""10.00" "product" null"#.to_owned(),
            r#""6.00" "given" null"#.to_owned(),
        ];
        assert_eq!(told(&draft), expected);
        // What GET gave is taken back; a price that is changed is given.
        let put = api.http.send(Method::PUT, &path, &[("If-Match", "*")], Some(&draft)).await?;
        assert_eq!((put.status, told(&put.json)), (200, expected.clone()), "{}", put.text);
        let noted = patch(&api, &path, &json!({"note": "Merci"})).await?;
        assert_eq!((noted.status, told(&noted.json)), (200, expected), "{}", noted.text);
        let mut dearer = draft.clone();
        dearer["lines"][0]["unit_price"] = json!("7.10");
        let put = patch(&api, &path, &json!({"lines": dearer["lines"]})).await?;
        assert_eq!(put.status, 200, "{}", put.text);
        assert_eq!(told(&put.json)[0], r#""7.10" "given" null"#);
        // Before the list begins, the product's own price holds.
        let early = json!({"customer_id": customer["id"], "delivered_on": day(-31), "lines": [line("5")]});
        let invoice = api.created("/invoices", &early).await?;
        let draft = api.http.get(&format!("/invoices/{}/draft", id(&invoice))).await?.json;
        assert_eq!(told(&draft), [r#""10.00" "product" null"#]);

        // An invoice goes on saying it.
        api.seller().await?;
        let body = json!({"customer_id": customer["id"], "lines": [line("5"), line("4")]});
        let invoice = api.created("/invoices", &body).await?;
        assert_eq!(invoice["prices"], json!([]), "its draft says it");
        let path = format!("/invoices/{}", id(&invoice));
        let validated = api.http.command(&format!("{path}/validate")).await?;
        let prices = json!([
            {"price_source": "list", "price_list_id": list["id"]},
            {"price_source": "product", "price_list_id": null},
        ]);
        assert_eq!((validated.status, &validated.json["prices"]), (200, &prices), "{}", validated.text);
        assert_eq!(api.http.get(&path).await?.json["prices"], prices);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named_and_what_is_named_stays() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.product("TEA").await?);
        let group = api.customer_group("RESELLERS").await?;
        let nobody = "01900000-0000-7000-8000-0000000000ff";
        let own = api.price_list("OWN", &json!({"customer_id": customer["id"]})).await?;
        api.price_list("GROUP", &json!({"group_id": group["id"]})).await?;
        let with = |members: Value| {
            let mut body = json!({"code": "X", "name": "X"});
            body.as_object_mut().expect("an object").extend(members.as_object().cloned().unwrap_or_default());
            body
        };
        for (body, status, code, pointer) in [
            (with(json!({"customer_id": customer["id"], "group_id": group["id"]})), 422, "invalid_request", "/group_id"),
            (with(json!({"customer_id": nobody})), 422, "invalid_price_list", "/customer_id"),
            (with(json!({"group_id": nobody})), 422, "invalid_price_list", "/group_id"),
            (with(json!({"valid_from": "2026-03-01", "valid_to": "2026-03-01"})), 422, "invalid_request", "/valid_to"),
            (with(json!({"valid_from": "2026-02-30"})), 422, "invalid_request", "/valid_from"),
        ] {
            let refused = api.http.post("/price-lists", &body).await?;
            assert_eq!((refused.status, refused.code(), refused.pointers()), (status, code, vec![pointer]), "{}", refused.text);
        }
        let taken = api.http.post("/price-lists", &json!({"code": "OWN", "name": "X"})).await?;
        assert_eq!((taken.status, taken.code()), (409, "price_list_code_taken"));

        let path = format!("/price-lists/{}/entries", id(&own));
        let one = |breaks: Value| json!({"product_id": tea["id"], "breaks": breaks});
        let price = json!([{"unit_price": "1"}]);
        let many: Vec<Value> = (0..21).map(|from| json!({"from_quantity": from.to_string(), "unit_price": "1"})).collect();
        for (entries, pointer) in [
            (json!([]), "/entries"),
            (json!([{"product_id": nobody, "breaks": price}]), "/entries/0/product_id"),
            (json!([one(price.clone()), one(price.clone())]), "/entries/1/product_id"),
            (json!([one(json!([{"from_quantity": "1", "unit_price": "1"}, {"from_quantity": "1.0", "unit_price": "2"}]))]), "/entries/0/breaks"),
            (json!([one(json!(many))]), "/entries/0/breaks"),
            (json!([one(json!([{"unit_price": "-1"}]))]), "/entries/0/breaks/0/unit_price"),
        ] {
            let refused = api.http.send(Method::PUT, &path, &[], Some(&json!({"entries": entries}))).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{}", refused.text);
        }
        let stale = api.http.send(Method::PUT, &path, &[("If-Match", "\"7\"")], Some(&json!({"entries": [one(price)]}))).await?;
        assert_eq!((stale.status, stale.code()), (412, "version_mismatch"));

        let member = patch(&api, &format!("/customers/{}", id(&customer)), &json!({"group_id": nobody})).await?;
        assert_eq!((member.status, member.pointers()), (422, vec!["/group_id"]), "{}", member.text);
        for (path, code) in [
            (format!("/customers/{}", id(&customer)), "customer_has_price_lists"),
            (format!("/customer-groups/{}", id(&group)), "customer_group_in_use"),
        ] {
            let refused = api.http.send(Method::DELETE, &path, &[("If-Match", "*")], None).await?;
            assert_eq!((refused.status, refused.code()), (409, code), "{}", refused.text);
        }
        for (query, status, code) in [
            ("", 422, "invalid_request"),
            (&*format!("product_id={nobody}"), 404, "product_not_found"),
            (&*format!("product_id={}&customer_id={nobody}", id(&tea)), 404, "customer_not_found"),
            (&*format!("product_id={}&quantity=0", id(&tea)), 422, "invalid_request"),
        ] {
            let refused = api.http.get(&format!("/prices?{query}")).await?;
            assert_eq!((refused.status, refused.code()), (status, code), "{query}: {}", refused.text);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_company_has_its_own_prices_and_sees_no_others() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.product("TEA").await?);
        let group = api.customer_group("RESELLERS").await?;
        let list = api.price_list("ALL", &json!({})).await?;
        api.set_price(&list, &tea, &[("0", "1.00")]).await?;
        let sql = world.sql().await?;
        let stranger = api.http.with_credential(&Tenant::create(&sql, "Other").await?.api_key);
        for path in [
            format!("/price-lists/{}", id(&list)),
            format!("/price-lists/{}/entries", id(&list)),
            format!("/price-lists/{}/entries.csv", id(&list)),
            format!("/customer-groups/{}", id(&group)),
            format!("/prices?product_id={}", id(&tea)),
        ] {
            assert_eq!(stranger.get(&path).await?.status, 404, "{path}");
        }
        for members in [json!({"customer_id": customer["id"]}), json!({"group_id": group["id"]})] {
            let mut body = members.clone();
            body["code"] = json!("X");
            body["name"] = json!("X");
            let refused = stranger.post("/price-lists", &body).await?;
            assert_eq!((refused.status, refused.code()), (422, "invalid_price_list"), "{}", refused.text);
        }
        // The code and the days are free there, and their orders know nothing of our lists.
        let theirs = stranger.post("/price-lists", &json!({"code": "ALL", "name": "Theirs"})).await?;
        assert_eq!(theirs.status, 201, "{}", theirs.text);
        let body =
            json!({"sku": "TEA", "name": "Tea", "unit_price": "10.00", "vat_rate": "20", "stocked": false});
        let their_tea = stranger.post("/products", &body).await?.json;
        let body = json!({"code": "C-1", "name": "C", "email": "c@example.com"});
        let their_customer = stranger.post("/customers", &body).await?.json;
        let line = json!({"product_id": their_tea["id"], "quantity": "1"});
        let order =
            stranger.post("/orders", &json!({"customer_id": their_customer["id"], "lines": [line]})).await?;
        assert_eq!(order.status, 201, "{}", order.text);
        assert_eq!(order.json["lines"][0]["price_source"], "product");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prices_are_imported_row_by_row_and_what_was_exported_is_imported_again() {
    World::run(async |world| {
        let api = world.api().await?;
        api.product("TEA").await?;
        api.product("POT").await?;
        let list = api.price_list("ALL", &json!({})).await?;
        let imported = async |query: &str, file: &str| -> Result<Value> {
            let headers = [("Content-Type", "text/csv")];
            let path = format!("/imports?kind=prices&{query}");
            let answer = api.http.raw(Method::POST, &path, &headers, Some(file.as_bytes().to_vec())).await?;
            ensure!(answer.status == 202, "{}", answer.text);
            let path = format!("/imports/{}", answer.field("id"));
            until("an import that is finished", LIMIT, async || {
                let import = api.http.get(&path).await?.json;
                ensure!(import["state"] == "finished", "{import}");
                Ok(import)
            })
            .await
        };
        let file = "list,sku,from_quantity,unit_price\r\n\
            ALL,TEA,,9.00\r\n\
            ALL,TEA,10,8.00\r\n\
            ALL,POT,0,40\r\n\
            ALL,TEA,10,7.00\r\n\
            NONE,TEA,,1\r\n\
            ALL,CUP,,1\r\n\
            ALL,TEA,,x\r\n";
        let done = imported("mode=create", file).await?;
        assert_eq!(
            done["progress"],
            json!({"rows": 7, "created": 3, "updated": 0, "unchanged": 0, "refused": 4})
        );
        let refused = api.http.get(&format!("/imports/{}/refused-rows", id(&done))).await?.json;
        let told: Vec<_> = refused["data"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|row| row["errors"][0]["code"].clone())
            .collect();
        assert_eq!(told, ["price_taken", "unknown_list", "unknown_product", "not_a_decimal"]);
        let changed = imported(
            "mode=upsert",
            "list,sku,from_quantity,unit_price\r\nALL,TEA,10,7.00\r\nALL,POT,0,40.00\r\n",
        )
        .await?;
        assert_eq!(
            changed["progress"],
            json!({"rows": 2, "created": 0, "updated": 1, "unchanged": 1, "refused": 0})
        );
        let csv = api.http.get(&format!("/price-lists/{}/entries.csv", id(&list))).await?.text;
        assert_eq!(
            csv,
            "list,sku,from_quantity,unit_price\r\nALL,TEA,0,9.00\r\nALL,TEA,10,7.00\r\nALL,POT,0,40.00\r\n"
        );
        let same = imported("mode=upsert", &csv).await?;
        assert_eq!(
            same["progress"],
            json!({"rows": 3, "created": 0, "updated": 0, "unchanged": 3, "refused": 0})
        );
        Ok(())
    })
    .await;
}
