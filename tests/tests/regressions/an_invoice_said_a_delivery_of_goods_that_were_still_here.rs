//! Seen (read): an invoice of an order of which nothing had left said that all of it was delivered on the day of the invoice; one of which a part had
//! left, that the rest was delivered with it. For goods that go to another member state without VAT, such a day is what they are exempt by.

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, World, id};
use reqwest::Method;
use serde_json::{Value, json};

/// A confirmed order of four of this product.
async fn ordered(api: &Api, customer: &Value, product: &Value) -> Result<Value> {
    let line = json!({"product_id": product["id"], "quantity": "4"});
    let order = api.created("/orders", &json!({"customer_id": customer["id"], "lines": [line]})).await?;
    let confirmed = api.http.command(&format!("/orders/{}/confirm", id(&order))).await?;
    ensure!(confirmed.status == 200, "{}", confirmed.text);
    Ok(order)
}

/// The draft of all that was ordered, and on which day that says it was delivered.
async fn drafted(api: &Api, order: &Value) -> Result<(Value, Value)> {
    let all = json!({"order_ids": [order["id"]], "unshipped": true});
    let draft = api.created("/invoices/from-orders", &all).await?;
    let seen = api.http.get(&format!("/invoices/{}/draft", id(&draft))).await?;
    ensure!(seen.status == 200, "{}", seen.text);
    let delivered_on = seen.json.get("delivered_on").cloned().context("no delivered_on")?;
    Ok((draft, delivered_on))
}

/// On which day the document says that it was delivered.
async fn said_by(api: &Api, draft: &Value) -> Result<Value> {
    let answer = api.http.command(&format!("/invoices/{}/validate", id(draft))).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    answer.json["content"]["delivery"].get("date").cloned().context("no date")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goods_that_have_not_left_were_delivered_on_no_day() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let (customer, tea) = (api.buyer("C-1").await?, api.product("TEA").await?);

        let order = ordered(&api, &customer, &tea).await?;
        let (draft, delivered_on) = drafted(&api, &order).await?;
        assert_eq!(delivered_on, Value::Null);
        assert_eq!(said_by(&api, &draft).await?, Value::Null);
        let told = "SELECT payload::jsonb -> 'delivered_on' = 'null'::jsonb FROM outbox_events
            WHERE event_type = 'invoice.validated' AND aggregate_id = $1";
        let told: bool = world.sql().await?.query_one(told, &[&id(&draft)]).await?.get(0);
        assert!(told, "the event says no day either");

        let order = ordered(&api, &customer, &tea).await?;
        let part = json!({"lines": [{"position": 1, "quantity": "1"}]});
        api.created(&format!("/orders/{}/shipments", id(&order)), &part).await?;
        let (draft, delivered_on) = drafted(&api, &order).await?;
        assert_eq!(delivered_on, Value::Null, "three are still here");
        assert_eq!(said_by(&api, &draft).await?, Value::Null);

        let order = ordered(&api, &customer, &tea).await?;
        let shipment = api.created(&format!("/orders/{}/shipments", id(&order)), &json!({})).await?;
        let (draft, delivered_on) = drafted(&api, &order).await?;
        assert_eq!(delivered_on, shipment["shipped_on"], "all has left");
        assert_eq!(said_by(&api, &draft).await?, shipment["shipped_on"]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goods_without_vat_to_another_member_state_wait_for_a_day_of_delivery() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let tea = api.product("TEA").await?;
        let german = json!({
            "code": "DE-1", "name": "Teehaus", "email": "someone@example.com", "vat_number": "DE136695976",
            "addresses": [{"kind": "billing", "line1": "1 Allee", "postal_code": "10115", "city": "Berlin", "country": "DE"}],
            "invoicing": {"kind": "business"},
        });
        let german = api.created("/customers", &german).await?;
        let order = ordered(&api, &german, &tea).await?;
        let (draft, _) = drafted(&api, &order).await?;
        let refused = api.http.command(&format!("/invoices/{}/validate", id(&draft))).await?;
        assert_eq!(
            (refused.status, refused.code(), refused.pointers()),
            (422, "invoice_incomplete", vec!["/draft/delivered_on"]),
            "{}",
            refused.text
        );
        let fault = &refused.json["errors"][0];
        assert_eq!(fault["code"], "intra_community_delivery_missing");
        let message = fault["message"].as_str().unwrap_or_default();
        assert!(message.contains("BR-IC-11") && message.contains("delivered_on"), "{message}");

        let day = json!({"delivered_on": chrono::Utc::now().date_naive().to_string()});
        let path = format!("/invoices/{}/draft", id(&draft));
        let changed = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&day)).await?;
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!(said_by(&api, &draft).await?, day["delivered_on"]);
        Ok(())
    })
    .await;
}
