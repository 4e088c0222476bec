//! Reminders of what is overdue: by levels, one e-mail to each customer, each level once.

use anyhow::{Result, ensure};
use chrono::Utc;
use comptoir_tests::harness::{Api, MailServer, World, until};
use reqwest::Method;
use serde_json::{Value, json};

use super::emails::{self, LIMIT};
use super::receivables::{days_ago, due};
use super::sending::path_of;

async fn levels(api: &Api, levels: Value) -> Result<()> {
    let body = json!({"invoicing": {"reminders": levels}});
    let changed = api.http.send(Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&body)).await?;
    ensure!(changed.status == 200, "{}", changed.text);
    Ok(())
}

async fn customer(api: &Api, code: &str, invoicing: Value) -> Result<Value> {
    let customer = api.buyer(code).await?;
    let path = format!("/customers/{}", customer["id"].as_str().unwrap_or_default());
    let body = json!({"email": format!("{}@carmes.example", code.to_lowercase()), "invoicing": invoicing});
    let changed = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&body)).await?;
    ensure!(changed.status == 200, "{}", changed.text);
    Ok(changed.json)
}

async fn reminders(api: &Api) -> Result<Vec<Value>> {
    let answer = api.http.get("/emails?kind=invoice_reminder&sort=created_at").await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(answer.json["data"].as_array().cloned().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_gets_one_e_mail_with_what_is_late_and_each_level_once() {
    World::run(async |world| {
        let server = MailServer::start().await?;
        let api = emails::api(world, &server, &[]).await?;
        api.seller().await?;
        let tea = api.product("TEA").await?;
        let (late, quiet) =
            (customer(&api, "LATE", json!({"language": "en"})).await?, customer(&api, "QUIET", json!({"reminders": false})).await?);
        let (disputing, paying) = (customer(&api, "DISPUTES", json!({})).await?, customer(&api, "PAYS", json!({})).await?);
        let today = Utc::now().date_naive();
        let old = due(&api, &late, &tea, days_ago(today, 30)).await?;
        for buyer in [&quiet, &disputing, &paying] {
            let invoice = due(&api, buyer, &tea, days_ago(today, 30)).await?;
            if buyer == &disputing {
                let disputed = api.http.post(&format!("{}/dispute", path_of(&invoice)), &json!({"reason": "broken"})).await?;
                ensure!(disputed.status == 200, "{}", disputed.text);
            }
        }
        let payment = json!({"customer_id": paying["id"], "method": "transfer", "amount": "24.00"});
        api.created("/payments", &payment).await?;
        let new = due(&api, &late, &tea, days_ago(today, 9)).await?;
        // Not late enough.
        let young = due(&api, &late, &tea, days_ago(today, 3)).await?;
        world.trigger_service("reminders").await?;
        assert!(reminders(&api).await?.is_empty(), "nobody is reminded unless the company wants it");

        levels(&api, json!([{"days": 7}, {"days": 21, "text_en": "Please pay at last."}])).await?;
        world.trigger_service("reminders").await?;
        let sent = reminders(&api).await?;
        let recipients: Vec<_> = sent.iter().filter_map(|email| email["recipient"].as_str()).collect();
        assert_eq!(recipients, ["late@carmes.example"], "of four, one");
        let taken = until("the e-mail", LIMIT, async || {
            let taken = server.taken_for("late@carmes.example");
            ensure!(taken.len() == 1, "{} so far", taken.len());
            Ok(taken[0].plain())
        })
        .await?;
        let number = |invoice: &Value| invoice["number"].as_str().unwrap_or_default().to_owned();
        assert!(taken.contains(&number(&old)) && taken.contains(&number(&new)), "{taken}");
        assert!(!taken.contains(&number(&young)), "{taken}");
        assert!(taken.contains("Please pay at last.") && taken.contains("48.00 EUR"), "the words of the highest level: {taken}");

        // Each level once; a further one names what has reached it.
        world.trigger_service("reminders").await?;
        assert_eq!(reminders(&api).await?.len(), 1);
        levels(&api, json!([{"days": 7}, {"days": 21}, {"days": 28}])).await?;
        world.trigger_service("reminders").await?;
        let both = until("the last e-mail", LIMIT, async || {
            let taken = server.taken_for("late@carmes.example");
            ensure!(taken.len() == 2, "{} so far", taken.len());
            Ok(taken)
        })
        .await?;
        let last = both.iter().map(|email| email.plain()).find(|text| text.contains("Last reminder"));
        assert!(last.is_some_and(|text| text.contains(&number(&old)) && !text.contains(&number(&new))), "{both:?}");
        let kept = "SELECT string_agg(level::text, ' ' ORDER BY level) FROM invoice_reminders WHERE invoice_id = $1::text::uuid";
        let sql = world.sql().await?;
        for (invoice, expected) in [(&old, "2 3"), (&new, "1")] {
            let id = invoice["id"].as_str().unwrap_or_default();
            assert_eq!(sql.query_one(kept, &[&id]).await?.get::<_, &str>(0), expected);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispute_that_is_over_and_levels_that_make_no_sense() {
    World::run(async |world| {
        let server = MailServer::start().await?;
        let api = emails::api(world, &server, &[]).await?;
        api.seller().await?;
        levels(&api, json!([{"days": 7}])).await?;
        let (tea, buyer) = (api.product("TEA").await?, customer(&api, "ADA", json!({})).await?);
        let invoice = due(&api, &buyer, &tea, days_ago(Utc::now().date_naive(), 10)).await?;
        let dispute = format!("{}/dispute", path_of(&invoice));
        ensure!(api.http.post(&dispute, &json!({"reason": "broken"})).await?.status == 200, "no dispute");
        world.trigger_service("reminders").await?;
        assert!(reminders(&api).await?.is_empty());
        ensure!(
            api.http.command(&format!("{}/end-dispute", path_of(&invoice))).await?.status == 200,
            "no end"
        );
        world.trigger_service("reminders").await?;
        assert_eq!(reminders(&api).await?.len(), 1);

        for (wrong, pointer, code) in [
            (json!([{"days": 0}]), "/invoicing/reminders/0/days", "out_of_range"),
            (json!([{"days": 9}, {"days": 9}]), "/invoicing/reminders/1/days", "not_later"),
            (
                json!([{"days": 1}, {"days": 2}, {"days": 3}, {"days": 4}, {"days": 5}, {"days": 6}]),
                "/invoicing/reminders",
                "too_many",
            ),
            (json!([{"days": 7, "text_fr": ""}]), "/invoicing/reminders/0/text_fr", "required"),
        ] {
            let body = json!({"invoicing": {"reminders": wrong}});
            let refused = api.http.send(Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&body)).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{}", refused.text);
            assert_eq!(refused.json["errors"][0]["code"], code, "{}", refused.text);
        }
        Ok(())
    })
    .await;
}
