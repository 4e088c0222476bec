//! Payments: spread over invoices, reversed, and what is left of them.

use anyhow::{Context, Result, ensure};
use chrono::{NaiveDate, TimeDelta, Utc};
use comptoir_tests::harness::{Api, World};
use reqwest::Method;
use serde_json::{Value, json};

/// A customer with so many invoices of 24.00 each, the oldest first.
async fn owing(api: &Api, count: usize) -> Result<(Value, Vec<Value>)> {
    api.seller().await?;
    let (customer, tea) = (api.buyer("C-1").await?, api.product("TEA").await?);
    let mut invoices = Vec::new();
    for _ in 0..count {
        let draft = api.invoice(&customer, &tea).await?;
        let path = format!("/invoices/{}/validate", draft["id"].as_str().unwrap_or_default());
        let answer = api.http.command(&path).await?;
        ensure!(answer.status == 200, "{}", answer.text);
        invoices.push(answer.json);
    }
    Ok((customer, invoices))
}

async fn state(api: &Api, invoice: &Value) -> Result<(String, String)> {
    let now = api.http.get(&format!("/invoices/{}", invoice["id"].as_str().unwrap_or_default())).await?.json;
    let text = |member: &str| now[member].as_str().unwrap_or_default().to_owned();
    Ok((text("state"), text("open")))
}

async fn balance(api: &Api, customer: &Value) -> Result<(String, String)> {
    let path = format!("/customers/{}/balance", customer["id"].as_str().unwrap_or_default());
    let now = api.http.get(&path).await?.json;
    let text = |member: &str| now[member].as_str().unwrap_or_default().to_owned();
    Ok((text("open"), text("credit")))
}

fn owned(texts: (&str, &str)) -> (String, String) {
    (texts.0.to_owned(), texts.1.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_pays_what_has_been_due_longest_is_reversed_and_its_rest_is_used() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, invoices) = owing(&api, 2).await?;
        assert_eq!(balance(&api, &customer).await?, owned(("48.00", "0.00")));
        let body = json!({"customer_id": customer["id"], "method": "transfer", "amount": "30", "reference": "VIR 1"});
        let paid = api.http.post("/payments", &body).await?;
        assert_eq!(paid.status, 201, "{}", paid.text);
        let amounts: Vec<_> = paid.json["allocations"].as_array().into_iter().flatten().map(|one| one["amount"].clone()).collect();
        assert_eq!((amounts, &paid.json["rest"]), (vec![json!("24.00"), json!("6.00")], &json!("0.00")));
        assert_eq!(state(&api, &invoices[0]).await?, owned(("paid", "0.00")));
        assert_eq!(state(&api, &invoices[1]).await?, owned(("partly_paid", "18.00")));

        // More than is open is credit, and credit pays what comes.
        let body = json!({"customer_id": customer["id"], "method": "card", "amount": "50.00"});
        let more = api.created("/payments", &body).await?;
        assert_eq!(more["rest"], "32.00");
        assert_eq!(balance(&api, &customer).await?, owned(("0.00", "32.00")));
        let tea = api.http.get("/products").await?.json["data"][0].clone();
        let third = api.invoice(&customer, &tea).await?;
        let path = format!("/invoices/{}/validate", third["id"].as_str().context("an id")?);
        api.http.command(&path).await?;
        let path = format!("/customers/{}/use-credit", customer["id"].as_str().context("an id")?);
        let used = api.http.post(&path, &json!({})).await?;
        assert_eq!((used.status, &used.json), (200, &json!({"open": "0.00", "credit": "8.00"})), "{}", used.text);
        assert_eq!(state(&api, &third).await?, owned(("paid", "0.00")));

        // The reversal takes all back that it paid by now, and what was left.
        let path = format!("/payments/{}", more["id"].as_str().context("an id")?);
        let reversal = api.http.post(&format!("{path}/reverse"), &json!({"reason": "unpaid"})).await?;
        assert_eq!((reversal.status, &reversal.json["amount"]), (201, &json!("-50.00")), "{}", reversal.text);
        assert_eq!(reversal.json["reverses"], more["id"]);
        assert_eq!(state(&api, &third).await?, owned(("validated", "24.00")));
        assert_eq!(state(&api, &invoices[1]).await?, owned(("partly_paid", "18.00")));
        assert_eq!(balance(&api, &customer).await?, owned(("42.00", "0.00")));
        let again = api.http.post(&format!("{path}/reverse"), &json!({"reason": "unpaid"})).await?;
        assert_eq!((again.status, again.code()), (409, "payment_reversed"), "{}", again.text);

        let sql = world.sql().await?;
        let told = "SELECT string_agg(event_type, ' ' ORDER BY seq) FROM outbox_events
            WHERE event_type LIKE 'payment.%' OR event_type = 'invoice.paid'";
        assert_eq!(
            sql.query_one(told, &[]).await?.get::<_, &str>(0),
            "payment.received invoice.paid payment.received invoice.paid invoice.paid payment.reversed"
        );
        let links = "SELECT string_agg(kind, ' ' ORDER BY position) FROM invoice_chain WHERE kind <> 'validated'";
        assert_eq!(sql.query_one(links, &[]).await?.get::<_, &str>(0), "payment payment payment reversal");
        let sums = "SELECT count(*) FROM invoices AS i WHERE i.paid <>
            (SELECT COALESCE(sum(a.amount), 0) FROM payment_allocations AS a WHERE (a.tenant_id, a.invoice_id) = (i.tenant_id, i.id))";
        assert_eq!(sql.query_one(sums, &[]).await?.get::<_, i64>(0), 0, "what is paid is the sum of what pays");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_named_is_paid_and_never_more_than_is_open() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, invoices) = owing(&api, 2).await?;
        let pay = async |amount: &str, named: Value| {
            let body = json!({"customer_id": customer["id"], "method": "cheque", "amount": amount, "invoices": named});
            api.http.post("/payments", &body).await
        };
        let named = json!([{"invoice_id": invoices[1]["id"], "amount": "20.00"}, {"invoice_id": invoices[0]["id"]}]);
        let paid = pay("30.00", named).await?;
        assert_eq!(paid.status, 201, "{}", paid.text);
        assert_eq!(state(&api, &invoices[1]).await?, owned(("partly_paid", "4.00")));
        assert_eq!(state(&api, &invoices[0]).await?, owned(("partly_paid", "14.00")));
        let beyond = pay("30.00", json!([{"invoice_id": invoices[1]["id"], "amount": "4.01"}])).await?;
        assert_eq!((beyond.status, beyond.code()), (409, "payment_exceeds_open"), "{}", beyond.text);
        assert_eq!((beyond.pointers(), &beyond.json["errors"][0]["available"]), (vec!["/invoices/0/amount"], &json!("4.00")));
        let nothing = pay("5.00", json!([])).await?;
        assert_eq!((nothing.status, &nothing.json["rest"]), (201, &json!("5.00")), "{}", nothing.text);
        for (amount, pointer) in [("0", "/amount"), ("-1", "/amount"), ("1.005", "/amount")] {
            let refused = pay(amount, json!([])).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{}", refused.text);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_at_once_never_pay_too_much() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, invoices) = owing(&api, 2).await?;
        let pay = |named: bool| {
            let (api, customer, invoice) = (&api, &customer, &invoices[0]);
            async move {
                let mut body =
                    json!({"customer_id": customer["id"], "method": "transfer", "amount": "10.00"});
                if named {
                    body["invoices"] = json!([{"invoice_id": invoice["id"], "amount": "10.00"}]);
                }
                api.http.post("/payments", &body).await
            }
        };
        let attempts = (0..16).map(|number| pay(number % 2 == 0));
        let answers: Result<Vec<_>> = futures::future::join_all(attempts).await.into_iter().collect();
        let answers = answers?;
        assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 409)), "{answers:?}");
        let taken = answers.iter().filter(|answer| answer.status == 201).count();
        for invoice in &invoices {
            assert_eq!(state(&api, invoice).await?, owned(("paid", "0.00")));
        }
        let (open, credit) = balance(&api, &customer).await?;
        assert_eq!((open.as_str(), credit), ("0.00", format!("{}.00", taken * 10 - 48)));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_date_a_payment_came_today_where_the_company_is() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        // At no moment is it the same day in both: one of them is not the day in UTC. Neither has a summer time.
        for (zone, hours) in [("Pacific/Kiritimati", 14), ("Pacific/Pago_Pago", -11)] {
            let body = json!({"time_zone": zone});
            let changed = api.http.send(Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&body)).await?;
            ensure!(changed.status == 200, "{}", changed.text);
            let today = || -> NaiveDate { (Utc::now() + TimeDelta::hours(hours)).date_naive() };
            let before = today();
            let body = json!({"customer_id": customer["id"], "method": "transfer", "amount": "1.00"});
            let paid = api.created("/payments", &body).await?;
            let day: NaiveDate = paid["received_on"].as_str().context("a date")?.parse()?;
            assert!((before..=today()).contains(&day), "{zone}: {day}, and it is {before} there");
        }
        Ok(())
    })
    .await;
}
