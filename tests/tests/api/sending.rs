//! How invoices reach customers: by e-mail with the document, by download, by a platform.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, MailServer, Reaction, Step, World, until};
use reqwest::Method;
use serde_json::{Value, json};

use super::emails;
use super::invoice_documents::MADE;

/// As long as a document takes to be made, an e-mail to be sent, and that to be noticed.
const LIMIT: Duration = Duration::from_secs(60);
pub(super) const OFTEN: (&str, &str) = ("COMPTOIR__SERVICES__INVOICE_SENDING__INTERVAL_MS", "200");

pub(crate) fn path_of(invoice: &Value) -> String {
    format!("/invoices/{}", invoice["id"].as_str().unwrap_or_default())
}

/// A validated invoice of 24.00 to this customer.
async fn validated(api: &Api, customer: &Value, sku: &str) -> Result<Value> {
    let product = api.product(sku).await?;
    let draft = api.invoice(customer, &product).await?;
    let answer = api.http.command(&format!("{}/validate", path_of(&draft))).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(answer.json)
}

/// A customer who is written to at this address, by this channel if one was agreed.
async fn buyer(api: &Api, code: &str, email: &str, channel: Option<&str>) -> Result<Value> {
    let customer = api.buyer(code).await?;
    let path = format!("/customers/{}", customer["id"].as_str().unwrap_or_default());
    let body = json!({"email": email, "invoicing": {"channel": channel}});
    let changed = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&body)).await?;
    ensure!(changed.status == 200, "{}", changed.text);
    Ok(changed.json)
}

/// The steps of an invoice, the oldest first: channel, status, code.
async fn steps(api: &Api, invoice: &Value) -> Result<Vec<(String, String, Option<i64>)>> {
    let answer = api.http.get(&format!("{}/transmissions", path_of(invoice))).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    let text = |step: &Value, name: &str| step[name].as_str().unwrap_or_default().to_owned();
    let step = |step: &Value| (text(step, "channel"), text(step, "status"), step["code"].as_i64());
    Ok(answer.json["data"].as_array().into_iter().flatten().rev().map(step).collect())
}

async fn in_state(api: &Api, invoice: &Value, state: &str) -> Result<Value> {
    until(format!("an invoice that is {state}"), LIMIT, async || {
        let now = api.http.get(&path_of(invoice)).await?.json;
        ensure!(now["state"] == state, "{now}");
        Ok(now)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_is_sent_with_its_document_once_the_mail_server_took_it() {
    World::run(async |world| {
        let attempts = AtomicUsize::new(0);
        let server = MailServer::reacting(move |turn| match turn.step {
            // Not at the first attempt.
            Step::End if turn.recipient == "achats@carmes.example" && attempts.fetch_add(1, Ordering::Relaxed) == 0 => {
                Reaction::Say(451)
            }
            _ => Reaction::Go,
        })
        .await?;
        let api = emails::api(world, &server, &[OFTEN, MADE]).await?;
        api.seller().await?;
        let customer = buyer(&api, "C-1", "achats@carmes.example", None).await?;
        let invoice = validated(&api, &customer, "TEA").await?;
        let path = path_of(&invoice);
        let asked = api.http.post(&format!("{path}/send"), &json!({})).await?;
        assert_eq!((asked.status, &asked.json["channel"]), (200, &json!("email")), "{}", asked.text);
        assert!(["waiting", "queued"].contains(&asked.field("state")), "{}", asked.text);
        let twice = api.http.post(&format!("{path}/send"), &json!({"channel": "email"})).await?;
        // Unless it was faster than we are.
        ensure!((twice.status, twice.code()) == (409, "sending_under_way") || twice.status == 200, "{}", twice.text);

        let sent = in_state(&api, &invoice, "sent").await?;
        assert_eq!((&sent["sent_by"], sent["sent_at"].is_string()), (&json!("email"), true), "{sent}");
        let number = invoice["number"].as_str().context("a number")?;
        let taken = server.taken_for("achats@carmes.example");
        let taken = taken.first().context("no e-mail was taken")?;
        assert!(taken.content.contains(&format!("filename=\"{number}.pdf\"")), "{}", taken.content);
        // %PDF- in base64.
        assert!(taken.content.contains("Content-Type: application/pdf") && taken.content.contains("JVBERi"));
        let words = taken.plain();
        assert!(words.contains(number) && words.contains("24.00 EUR"), "{words}");
        let statuses: Vec<_> = steps(&api, &invoice).await?.into_iter().map(|(_, status, _)| status).collect();
        assert_eq!(statuses[..2], ["asked".to_owned(), "sent".to_owned()]);

        let sql = world.sql().await?;
        let told = "SELECT payload ->> 'number', payload ->> 'channel' FROM outbox_events WHERE event_type = 'invoice.sent' ORDER BY seq LIMIT 1";
        let told = sql.query_one(told, &[]).await?;
        assert_eq!((told.get::<_, &str>(0), told.get::<_, &str>(1)), (number, "email"));
        // The document is never in the queue.
        let queued = "SELECT max(octet_length(content::text)) FROM emails WHERE kind = 'invoice'";
        assert!(sql.query_one(queued, &[]).await?.get::<_, i32>(0) < 1_000);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_mail_server_refuses_is_not_sent_and_can_be_sent_again() {
    World::run(async |world| {
        let server = MailServer::reacting(|turn| match (turn.step, turn.recipient) {
            (Step::Recipient, "gone@carmes.example") => Reaction::Say(550),
            _ => Reaction::Go,
        })
        .await?;
        let api = emails::api(world, &server, &[OFTEN, MADE]).await?;
        api.seller().await?;
        let customer = buyer(&api, "C-1", "gone@carmes.example", Some("email")).await?;
        let invoice = validated(&api, &customer, "TEA").await?;
        let send = format!("{}/send", path_of(&invoice));
        ensure!(api.http.post(&send, &json!({})).await?.status == 200, "not sent");
        until("the refusal", LIMIT, async || {
            let found = steps(&api, &invoice).await?;
            ensure!(found.last().is_some_and(|(_, status, _)| status == "failed"), "{found:?}");
            Ok(())
        })
        .await?;
        let now = api.http.get(&path_of(&invoice)).await?.json;
        assert_eq!((&now["state"], &now["sent_at"]), (&json!("validated"), &Value::Null));
        let path = format!("/customers/{}", customer["id"].as_str().unwrap_or_default());
        let other = json!({"email": "new@carmes.example"});
        api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&other)).await?;
        let again = api.http.post(&send, &json!({})).await?;
        assert_eq!(again.status, 200, "{}", again.text);
        in_state(&api, &invoice, "sent").await?;
        assert_eq!(server.taken_for("new@carmes.example").len(), 1);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_downloaded_is_sent_when_somebody_says_so_and_drafts_are_not_sent() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = buyer(&api, "C-1", "achats@carmes.example", Some("download")).await?;
        let tea = api.product("TEA").await?;
        let draft = api.invoice(&customer, &tea).await?;
        for (step, body) in [("send", json!({"channel": "email"})), ("sent", json!({"channel": "download"})), ("dispute", json!({"reason": "x"}))] {
            let refused = api.http.post(&format!("{}/{step}", path_of(&draft)), &body).await?;
            assert_eq!((refused.status, refused.code()), (409, "invoice_not_validated"), "{step}: {}", refused.text);
        }
        let answer = api.http.command(&format!("{}/validate", path_of(&draft))).await?;
        ensure!(answer.status == 200, "{}", answer.text);
        let path = path_of(&draft);
        let nothing = api.http.post(&format!("{path}/send"), &json!({})).await?;
        assert_eq!((nothing.status, nothing.code()), (409, "channel_is_download"), "{}", nothing.text);
        let by_mail = api.http.post(&format!("{path}/sent"), &json!({"channel": "email"})).await?;
        assert_eq!((by_mail.status, by_mail.pointers()), (422, vec!["/channel"]), "the mail server says that: {}", by_mail.text);
        let none = api.http.post(&format!("{path}/platform-status"), &json!({"status": "received"})).await?;
        assert_eq!((none.status, none.code()), (409, "not_on_platform"), "{}", none.text);
        let sent = api.http.post(&format!("{path}/sent"), &json!({"channel": "download"})).await?;
        assert_eq!((sent.status, sent.field("state"), sent.field("sent_by")), (200, "sent", "download"), "{}", sent.text);
        assert_eq!(steps(&api, &draft).await?, [("download".to_owned(), "sent".to_owned(), None)]);
        // What is paid stays so, and it is sent as well.
        let audited = "SELECT string_agg(action, ' ' ORDER BY occurred_at) FROM audit_events WHERE resource_type = 'invoice'";
        let audited = world.sql().await?.query_one(audited, &[]).await?;
        assert_eq!(audited.get::<_, &str>(0), "invoice.create invoice.validate invoice.sent");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_gets_a_file_and_what_it_says_is_kept() {
    World::run(async |world| {
        let directory = world.logs().join("platform");
        let text = directory.display().to_string();
        let dropped = ("COMPTOIR__SERVICES__INVOICE_SENDING__DIRECTORY", text.as_str());
        let api = Api::start(world, &[OFTEN, MADE, dropped]).await?;
        api.seller().await?;
        let customer = buyer(&api, "C-1", "achats@carmes.example", Some("platform")).await?;
        let invoice = validated(&api, &customer, "TEA").await?;
        let path = path_of(&invoice);
        let asked = api.http.post(&format!("{path}/send"), &json!({})).await?;
        assert_eq!((asked.status, asked.field("channel")), (200, "platform"), "{}", asked.text);
        let sent = in_state(&api, &invoice, "sent").await?;
        assert_eq!(sent["sent_by"], "platform");
        let tenant = world.tenant().await?.id.to_string();
        let number = invoice["number"].as_str().context("a number")?;
        let bytes = std::fs::read(directory.join(&tenant).join(format!("{number}.pdf")))?;
        assert!(bytes.starts_with(b"%PDF-"), "{} bytes", bytes.len());
        assert_eq!(std::fs::read_dir(directory.join(&tenant))?.count(), 1, "nothing unfinished is left");

        let say = async |body: Value| api.http.post(&format!("{path}/platform-status"), &body).await;
        let received = say(json!({"status": "received", "occurred_at": "2026-01-02T03:04:05Z"})).await?;
        assert_eq!((received.status, &received.json["code"]), (200, &json!(202)), "{}", received.text);
        assert_eq!(received.json["occurred_at"], "2026-01-02T03:04:05Z");
        let disputed = say(json!({"status": "disputed", "detail": "two pots are broken"})).await?;
        assert_eq!((disputed.status, &disputed.json["code"]), (200, &json!(207)), "{}", disputed.text);
        assert_eq!(api.http.get(&path).await?.json["dispute"], "two pots are broken");
        let ended = api.http.command(&format!("{path}/end-dispute")).await?;
        assert_eq!((ended.status, &ended.json["dispute"]), (200, &Value::Null), "{}", ended.text);
        for (body, pointer) in [
            (json!({"status": "lost"}), "/status"),
            (json!({"status": "paid", "occurred_at": "2999-01-01T00:00:00Z"}), "/occurred_at"),
        ] {
            let refused = say(body).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{}", refused.text);
        }
        let codes: Vec<_> = steps(&api, &invoice).await?.into_iter().map(|(_, _, code)| code).collect();
        assert_eq!(codes, [None, Some(200), Some(202), Some(207)]);
        // The steps are append-only, for the owner, too.
        let sql = world.sql().await?;
        for change in [
            "UPDATE invoice_transmissions SET detail = 'x'",
            "DELETE FROM invoice_transmissions",
            "TRUNCATE invoice_transmissions",
        ] {
            assert!(sql.batch_execute(change).await.is_err(), "{change}");
        }
        // Each has its link, so whoever turns the trigger off is found.
        drop(api);
        let verified = world.run_api(&["invoices", "verify"]).await?;
        ensure!(verified.code == Some(0), "{verified:?}");
        sql.batch_execute(
            "ALTER TABLE invoice_transmissions DISABLE TRIGGER USER; DELETE FROM invoice_transmissions WHERE code = 207",
        )
        .await?;
        let verified = world.run_api(&["invoices", "verify", "--json"]).await?;
        let report: Value = serde_json::from_str(&verified.stdout).with_context(|| format!("{verified:?}"))?;
        assert_eq!((verified.code, &report["broken"][0]["rule"]), (Some(1), &json!("transmission")), "{report}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_platform_the_invoice_says_why_it_is_not_sent() {
    World::run(async |world| {
        let api = Api::start(world, &[OFTEN, MADE]).await?;
        api.seller().await?;
        let customer = buyer(&api, "C-1", "achats@carmes.example", None).await?;
        let invoice = validated(&api, &customer, "TEA").await?;
        let send = format!("{}/send", path_of(&invoice));
        ensure!(api.http.post(&send, &json!({"channel": "platform"})).await?.status == 200, "not asked");
        let said = until("the refusal", LIMIT, async || {
            let answer = api.http.get(&format!("{}/transmissions", path_of(&invoice))).await?;
            let newest = &answer.json["data"][0];
            ensure!(newest["status"] == "failed", "{}", answer.text);
            Ok(newest["detail"].as_str().unwrap_or_default().to_owned())
        })
        .await?;
        assert!(said.contains("services.invoice_sending.directory"), "{said}");
        Ok(())
    })
    .await;
}
