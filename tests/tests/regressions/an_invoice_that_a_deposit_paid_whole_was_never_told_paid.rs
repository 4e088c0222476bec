//! Seen (read): a final invoice of which a deposit of 100 % was taken off came to 0.00 and was paid from its validation on, but `invoice.paid` was published by
//! payments and credit notes alone, and none comes for nothing: whoever waited for the event to close an order waited for ever.

use anyhow::ensure;
use comptoir_tests::harness::{World, events_of, id};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_of_which_nothing_is_to_be_paid_is_told_paid_with_its_number() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let (customer, tea) = (api.buyer("C-1").await?, api.product("TEA").await?);
        let order = api.order(&customer, &tea).await?;
        let confirmed = api.http.command(&format!("/orders/{}/confirm", id(&order))).await?;
        ensure!(confirmed.status == 200, "{}", confirmed.text);
        let deposit =
            api.created(&format!("/orders/{}/deposits", id(&order)), &json!({"percent": "100"})).await?;
        let deposit = api.http.command(&format!("/invoices/{}/validate", id(&deposit))).await?;
        ensure!(deposit.status == 200, "{}", deposit.text);
        let sql = world.sql().await?;
        assert_eq!(events_of(&sql, &deposit.json).await?, "invoice.validated", "nobody has paid it yet");
        let paid = json!({"customer_id": customer["id"], "method": "transfer", "amount": deposit.json["gross_total"]});
        api.created("/payments", &paid).await?;
        api.created(&format!("/orders/{}/shipments", id(&order)), &json!({})).await?;

        let last = api.created("/invoices/from-orders", &json!({"order_ids": [order["id"]]})).await?;
        let last = api.http.command(&format!("/invoices/{}/validate", id(&last))).await?;
        assert_eq!(
            (last.status, last.field("state"), last.field("gross_total"), last.header("etag")),
            (200, "paid", "0.00", Some("\"3\"")),
            "{}",
            last.text
        );
        let seen = api.http.get(&format!("/invoices/{}", id(&last.json))).await?.json;
        assert_eq!((&seen["state"], &seen["version"]), (&json!("paid"), &last.json["version"]));
        assert_eq!(events_of(&sql, &last.json).await?, "invoice.validated invoice.paid");
        let told = "SELECT string_agg(aggregate_version::text, ' ' ORDER BY seq), count(DISTINCT transaction_id),
                max(payload ->> 'paid') FILTER (WHERE event_type = 'invoice.paid')
            FROM outbox_events WHERE aggregate_id = $1";
        let told = sql.query_one(told, &[&id(&last.json)]).await?;
        let told: (String, i64, String) = (told.get(0), told.get(1), told.get(2));
        assert_eq!(told, ("2 3".to_owned(), 1, "0.00".to_owned()));

        let verified = world.run_api(&["invoices", "verify"]).await?;
        assert_eq!(verified.code, Some(0), "{verified:?}");
        Ok(())
    })
    .await;
}
