//! Returns: what comes back, what can be sold again, who gets it. Every test ends with the proof.

use anyhow::{Context, Result};
use comptoir_tests::harness::{Answer, Api, World, main_warehouse, rows, stock_of};
use reqwest::Method;
use serde_json::{Value, json};

use crate::credit::{PATIENT, until_waiting};
use crate::shipments::{confirmed, ledger, order, progress, told};

fn line(position: i64, quantity: &str, restock: bool) -> Value {
    json!({"position": position, "quantity": quantity, "restock": restock})
}

async fn back(api: &Api, order: &str, lines: &[Value]) -> Result<Answer> {
    let body = json!({"reason": "wrong size", "lines": lines});
    api.http.post(&format!("/orders/{order}/returns"), &body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_back_is_on_hand_again_or_written_off() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.product_in_stock("TEA", "5").await?;
        let service = api.product("ADVICE").await?;
        let id = confirmed(&api, &[(&tea, "5"), (&service, "1")]).await?;
        let early = back(&api, &id, &[line(1, "1", true)]).await?;
        assert_eq!((early.status, early.code()), (409, "return_exceeds_shipment"));
        assert_eq!(early.json["errors"][0]["available"], "0");
        api.http.post(&format!("/orders/{id}/ship"), &json!({})).await?;

        let body = json!({"reason": "wrong size", "reference": "RET-1", "lines": [
            line(1, "2", true), {"position": 1, "quantity": "1", "restock": false, "reason": "torn"}, line(2, "1", false)]});
        let path = format!("/orders/{id}/returns");
        let received = api.http.post(&path, &body).await?;
        assert_eq!((received.status, received.field("reference")), (201, "RET-1"), "{}", received.text);
        let read = api.http.get(&format!("/returns/{}", received.field("id"))).await?;
        assert_eq!(read.json, received.json);
        assert_eq!((received.header("etag"), read.header("etag")), (None, None), "it never changes");
        assert_eq!(read.json["lines"][1], json!({"position": 1, "product_id": tea["id"], "sku": "TEA", "name": "Product TEA",
            "quantity": "1", "restocked": false, "reason": "torn", "location_id": null}));
        let returned = order(&api, &id).await?;
        assert_eq!((returned["status"].as_str(), returned["version"].as_i64()), (Some("shipped"), Some(4)));
        assert_eq!(progress(&returned), ["5 0 3", "1 0 1"]);

        let again = api.http.post(&path, &body).await?;
        assert_eq!((again.status, again.code()), (409, "return_exceeds_shipment"), "{}", again.text);
        assert_eq!(again.pointers(), ["/lines/1/quantity", "/lines/2/quantity"]);
        let more = json!({"reason": "wrong size", "reference": "RET-1", "lines": [line(1, "1", true)]});
        let taken = api.http.post(&path, &more).await?;
        assert_eq!((taken.status, taken.code()), (409, "return_reference_taken"));
        let nothing = back(&api, &id, &[]).await?;
        assert_eq!((nothing.status, nothing.code()), (422, "invalid_return"));
        let unknown = back(&api, &id, &[line(9, "1", true)]).await?;
        assert_eq!((unknown.status, unknown.pointers()), (422, vec!["/lines/0/position"]));

        assert_eq!(
            ledger(world, &tea).await?[3..],
            ["return return 2 0", "return return 1 0", "write_off return -1 0"]
        );
        let list = api.http.get(&format!("/returns?order_id={id}")).await?.json;
        assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "{list}");
        assert_eq!(told(world, received.field("id")).await?, [("return.received".to_owned(), 1)]);
        assert_eq!(told(world, &id).await?.last().context("events")?, &("order.returned".to_owned(), 4));
        api.proof().await.map(drop)
    })
    .await;
}

/// What lies of a product in no location, and then in each, by code.
async fn shelves(api: &Api, product: &Value) -> Result<String> {
    let stock = stock_of(api, product).await?;
    let stock = api.http.get(&format!("/stock/{}", stock["id"].as_str().context("no id")?)).await?.json;
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let mut told = vec![format!("{} of {}", text(&stock["located"]), text(&stock["on_hand"]))];
    for place in stock["places"].as_array().context("no places")? {
        told.push(format!("{} {}", text(&place["code"]), text(&place["on_hand"])));
    }
    Ok(told.join(", "))
}

fn into_location(mut line: Value, location: &Value) -> Value {
    line["location_id"] = location["id"].clone();
    line
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_back_is_put_into_the_location_that_its_line_names() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, advice) = (api.product_in_stock("TEA", "9").await?, api.product("ADVICE").await?);
        let main = main_warehouse(&api).await?;
        let (near, far) = (api.location(&main, "A-01").await?, api.location(&main, "B-01").await?);
        let id = confirmed(&api, &[(&tea, "8"), (&advice, "1")]).await?;
        let shipped = api.http.post(&format!("/orders/{id}/ship"), &json!({})).await?;
        assert_eq!(shipped.status, 200, "{}", shipped.text);

        // A location of another warehouse, one that is archived, and one that is not there.
        let market = api.created("/warehouses", &json!({"code": "MARKET", "name": "Market"})).await?;
        let (stall, old) = (api.location(&market, "S-01").await?, api.location(&main, "OLD").await?);
        let archive =
            |location: &Value| format!("/locations/{}/archive", location["id"].as_str().unwrap_or("?"));
        assert_eq!(api.http.command(&archive(&old)).await?.status, 200);
        let nobody = json!({"id": "01900000-0000-7000-8000-0000000000ff"});
        for location in [&stall, &old, &nobody] {
            let lines = [line(1, "1", true), into_location(line(1, "1", true), location)];
            let refused = back(&api, &id, &lines).await?;
            assert_eq!((refused.status, refused.code()), (422, "invalid_return"), "{}", refused.text);
            assert_eq!(refused.pointers(), ["/lines/1/location_id"]);
            assert_eq!(refused.json["errors"][0]["code"], "unknown_location");
        }
        // What is written off lies nowhere, and a service neither.
        let lines = [(1, true), (1, false), (2, true)]
            .map(|(position, restock)| into_location(line(position, "1", restock), &near));
        let refused = back(&api, &id, &lines).await?;
        assert_eq!((refused.status, refused.code()), (422, "invalid_return"), "{}", refused.text);
        assert_eq!(refused.pointers(), ["/lines/1/location_id", "/lines/2/location_id"]);
        assert_eq!(refused.json["errors"][0]["code"], "nothing_to_put_away");
        assert_eq!(progress(&order(&api, &id).await?), ["8 0 0", "1 0 0"], "nothing came back by these");

        let lines = [
            into_location(line(1, "2", true), &far),
            line(1, "1", true),
            line(1, "1", false),
            into_location(line(1, "3", true), &near),
            line(2, "1", true),
        ];
        let received = back(&api, &id, &lines).await?;
        assert_eq!(received.status, 201, "{}", received.text);
        let lines = received.json["lines"].as_array().context("no lines")?;
        let put: Vec<&Value> = lines.iter().map(|line| &line["location_id"]).collect();
        assert_eq!(put, [&far["id"], &Value::Null, &Value::Null, &near["id"], &Value::Null]);
        let read = api.http.get(&format!("/returns/{}", received.field("id"))).await?;
        assert_eq!(read.json, received.json);
        // One lay there before; one of those that came back lies in no location, and one was written off.
        assert_eq!(shelves(&api, &tea).await?, "5 of 7, A-01 3, B-01 2");
        let ledger = rows(&api.http.get("/stock-location-movements").await?)?;
        let moved =
            |row: &Value| (row["document_type"].clone(), row["change"].clone(), row["document_id"].clone());
        let moved: Vec<_> = ledger.iter().map(moved).collect();
        let change = |change: &str| (json!("return"), json!(change), received.json["id"].clone());
        assert_eq!(moved, [change("3"), change("2")], "the newest first");
        let used = api.http.command(&archive(&near)).await?;
        assert_eq!((used.status, used.code()), (409, "location_in_use"), "{}", used.text);

        // While the location is counted, nothing is put there, and elsewhere it is.
        let body = json!({"warehouse_id": main["id"], "location_ids": [near["id"]]});
        let count = api.created("/inventory-counts", &body).await?;
        let path = format!("/inventory-counts/{}/start", count["id"].as_str().context("no id")?);
        let started = api.http.post(&path, &json!({})).await?;
        assert_eq!(started.status, 200, "{}", started.text);
        let frozen = back(&api, &id, &[into_location(line(1, "1", true), &near)]).await?;
        assert_eq!((frozen.status, frozen.code()), (409, "stock_frozen"), "{}", frozen.text);
        let elsewhere = back(&api, &id, &[into_location(line(1, "1", true), &far)]).await?;
        assert_eq!(elsewhere.status, 201, "{}", elsewhere.text);
        assert_eq!(shelves(&api, &tea).await?, "6 of 8, A-01 3, B-01 3");
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_says_why_it_came_back_for_lines_without_a_reason_too() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.product_in_stock("TEA", "5").await?;
        let shelf = api.location(&main_warehouse(&api).await?, "A-01").await?;
        let id = confirmed(&api, &[(&tea, "5")]).await?;
        let shipped = api.http.post(&format!("/orders/{id}/ship"), &json!({})).await?;
        assert_eq!(shipped.status, 200, "{}", shipped.text);
        let torn = json!({"position": 1, "quantity": "1", "restock": false, "reason": "torn"});
        let lines = [into_location(line(1, "2", true), &shelf), torn, line(1, "1", false)];
        let received = back(&api, &id, &lines).await?;
        assert_eq!(received.status, 201, "{}", received.text);
        let said: Vec<&Value> = received.json["lines"]
            .as_array()
            .context("no lines")?
            .iter()
            .map(|line| &line["reason"])
            .collect();
        assert_eq!(said, [&Value::Null, &json!("torn"), &Value::Null], "the return says what it was told");
        let reasons = async |list: &str| -> Result<Vec<String>> {
            let path = format!("/{list}?document_id={}", received.field("id"));
            let rows = rows(&api.http.get(&path).await?)?;
            let mut reasons: Vec<String> =
                rows.iter().map(|row| row["reason"].as_str().unwrap_or("none").to_owned()).collect();
            reasons.sort_unstable();
            Ok(reasons)
        };
        let of_the_return = "wrong size";
        assert_eq!(
            reasons("stock-movements").await?,
            ["torn", "torn", of_the_return, of_the_return, of_the_return]
        );
        assert_eq!(reasons("stock-location-movements").await?, [of_the_return]);
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goods_leave_once_they_are_ordered_and_come_back_once_they_left() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, customer) = (api.product_in_stock("TEA", "9").await?, api.customer("C-1").await?);
        let ago =
            |days: i64| (chrono::Utc::now() - chrono::TimeDelta::days(days)).format("%Y-%m-%d").to_string();
        let ordered = async |on: &str| -> Result<String> {
            let lines = [json!({"product_id": tea["id"], "quantity": "3"})];
            let body = json!({"customer_id": customer["id"], "ordered_on": on, "lines": lines});
            let order = api.created("/orders", &body).await?;
            let id = order["id"].as_str().context("no id")?.to_owned();
            let confirmed = api.http.command(&format!("/orders/{id}/confirm")).await?;
            assert_eq!(confirmed.status, 200, "{}", confirmed.text);
            Ok(id)
        };
        let refused = |answer: &Answer, pointer: &str, code: &str, days: [&String; 2]| {
            assert_eq!((answer.status, answer.pointers()), (422, vec![pointer]), "{}", answer.text);
            assert_eq!(answer.json["errors"][0]["code"], code, "{}", answer.text);
            assert!(days.into_iter().all(|day| answer.text.contains(day)), "{}", answer.text);
        };
        let (too_early, made, first, second) = (ago(7), ago(6), ago(5), ago(4));
        let id = ordered(&made).await?;
        for step in ["ship", "shipments"] {
            let path = format!("/orders/{id}/{step}");
            let answer = api.http.post(&path, &json!({"shipped_on": too_early})).await?;
            refused(&answer, "/shipped_on", "before_order", [&too_early, &made]);
        }
        // The later one first: what decides is the day on which something left at first.
        for day in [&second, &first] {
            let body = json!({"shipped_on": day, "lines": [{"position": 1, "quantity": "1"}]});
            let left = api.http.post(&format!("/orders/{id}/shipments"), &body).await?;
            assert_eq!(left.status, 201, "{}", left.text);
        }
        let path = format!("/orders/{id}/returns");
        let came =
            |day: &String| json!({"reason": "wrong size", "received_on": day, "lines": [line(1, "1", true)]});
        refused(
            &api.http.post(&path, &came(&made)).await?,
            "/received_on",
            "before_shipment",
            [&made, &first],
        );
        let received = api.http.post(&path, &came(&first)).await?;
        assert_eq!(
            (received.status, received.field("received_on")),
            (201, first.as_str()),
            "{}",
            received.text
        );

        // It is tomorrow already in the east: where no day is said, nothing contradicts that.
        let tomorrow = ago(-1);
        let id = ordered(&tomorrow).await?;
        let left = api.http.post(&format!("/orders/{id}/shipments"), &json!({})).await?;
        assert_eq!((left.status, left.field("shipped_on")), (201, tomorrow.as_str()), "{}", left.text);
        let received = back(&api, &id, &[line(1, "1", true)]).await?;
        assert_eq!(
            (received.status, received.field("received_on")),
            (201, tomorrow.as_str()),
            "{}",
            received.text
        );
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_sold_again_goes_to_who_waits_even_to_the_order_itself() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.product_in_stock("TEA", "4").await?;
        // Four are there: two are outstanding of the first, and the second has none.
        let first = confirmed(&api, &[(&tea, "6")]).await?;
        let second = confirmed(&api, &[(&tea, "1")]).await?;
        let shipped = api.http.post(&format!("/orders/{first}/shipments"), &json!({})).await?;
        assert_eq!(shipped.status, 201, "{}", shipped.text);
        let answer = back(&api, &first, &[line(1, "3", true)]).await?;
        assert_eq!(answer.status, 201, "{}", answer.text);
        // The oldest first: two for the order itself, and one for the other.
        let types = |told: Vec<(String, i64)>| told.into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
        assert_eq!(types(told(world, &first).await?)[3..], ["order.returned", "order.reserved"]);
        assert_eq!(types(told(world, &second).await?)[2..], ["order.reserved"]);
        for (id, sku) in [(&first, r#""2""#), (&second, r#""1""#)] {
            let picking = api.http.get(&format!("/orders/{id}/picking-list")).await?.json;
            assert_eq!(picking["lines"][0]["quantity"].to_string(), sku, "{picking}");
        }
        api.proof().await.map(drop)
    })
    .await;
}

/// Of a line that has left as a whole, nothing is written in the line itself until something comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_of_before_can_come_back() {
    World::run(async |world| {
        let api = world.api().await?;
        let product = api.product("P-1").await?;
        let id = confirmed(&api, &[(&product, "2")]).await?;
        // As the version before shipped it.
        let ship = "UPDATE orders SET status = 'shipped', shipped_at = now(), version = version + 1 WHERE id = $1::text::uuid";
        world.sql().await?.execute(ship, &[&id]).await?;
        assert_eq!(progress(&order(&api, &id).await?), ["2 0 0"]);
        let answer = back(&api, &id, &[line(1, "2", false)]).await?;
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(progress(&order(&api, &id).await?), ["2 0 2"]);
        api.proof().await.map(drop)
    })
    .await;
}

/// The order was read before it was amended, and is locked after it was shipped: what comes back is what it has then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_back_is_of_the_order_as_it_is_when_it_is_locked() {
    World::run(async |world| {
        let api = Api::start(world, &PATIENT).await?;
        let (tea, pot) = (api.product_in_stock("TEA", "4").await?, api.product_in_stock("POT", "4").await?);
        // The older one waits for the goods that the other one has at first.
        let waiting = confirmed(&api, &[(&tea, "9")]).await?;
        let id = confirmed(&api, &[(&tea, "1")]).await?;
        let (holder, sql) = (world.sql().await?, world.administrator().await?);
        holder.batch_execute(&format!("BEGIN; SELECT FROM orders WHERE id = '{waiting}' FOR UPDATE")).await?;
        // Orders are locked in the order of their ids: it waits for the other one.
        let (http, path) = (api.http.clone(), format!("/orders/{id}"));
        let body = json!({"reason": "wrong size", "lines": [line(1, "1", true)]});
        let returning = tokio::spawn({
            let (http, path) = (http.clone(), format!("{path}/returns"));
            async move { http.post(&path, &body).await }
        });
        until_waiting(&sql, 1).await?;
        let body = json!({"lines": [{"product_id": pot["id"], "quantity": "2"}]});
        let amended = http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&body)).await?;
        assert_eq!(amended.status, 200, "{}", amended.text);
        let shipped = http.post(&format!("{path}/ship"), &json!({})).await?;
        assert_eq!(shipped.status, 200, "{}", shipped.text);
        holder.batch_execute("COMMIT").await?;
        let returned = returning.await??;
        assert_eq!(
            (returned.status, &returned.json["lines"][0]["sku"]),
            (201, &json!("POT")),
            "{}",
            returned.text
        );
        assert_eq!(progress(&order(&api, &id).await?), ["2 0 1"]);
        api.proof().await.map(drop)
    })
    .await;
}
