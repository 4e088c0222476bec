//! Returns: what comes back, what can be sold again, who gets it. Every test ends with the proof.

use anyhow::{Context, Result};
use comptoir_tests::harness::{Answer, Api, World};
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
            "quantity": "1", "restocked": false, "reason": "torn"}));
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
