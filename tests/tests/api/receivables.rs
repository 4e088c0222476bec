//! What customers owe: overdue, statements, the aged balance, and the filters of the list of invoices.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{Days, NaiveDate, TimeDelta, Utc};
use comptoir_tests::harness::{Api, World, until};
use reqwest::Method;
use serde_json::{Value, json};

use super::invoice_documents::file;
use super::sending::path_of;

const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn days_ago(today: NaiveDate, days: i64) -> NaiveDate {
    today - TimeDelta::days(days)
}

/// A validated invoice of 24.00 that was due so many days ago, and was issued thirty days before.
pub(crate) async fn due(api: &Api, customer: &Value, product: &Value, due_on: NaiveDate) -> Result<Value> {
    let issue_date = due_on.checked_sub_days(Days::new(30)).context("a date")?;
    let line = json!({"product_id": product["id"], "quantity": "2"});
    let body =
        json!({"customer_id": customer["id"], "issue_date": issue_date, "due_on": due_on, "lines": [line]});
    let draft = api.created("/invoices", &body).await?;
    let answer = api.http.command(&format!("{}/validate", path_of(&draft))).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(answer.json)
}

async fn zone(api: &Api, name: &str) -> Result<()> {
    let body = json!({"time_zone": name});
    let changed = api.http.send(Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&body)).await?;
    ensure!(changed.status == 200, "{}", changed.text);
    Ok(())
}

async fn overdue_events(world: &World) -> Result<i64> {
    let count = "SELECT count(*) FROM outbox_events WHERE event_type = 'invoice.overdue'";
    Ok(world.sql().await?.query_one(count, &[]).await?.get(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_is_overdue_once_where_its_company_is() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let (customer, tea) = (api.buyer("C-1").await?, api.product("TEA").await?);
        // On the other side of the date line it is always an earlier day than on this one.
        let far_east = (Utc::now() + TimeDelta::hours(14)).date_naive();
        zone(&api, "Pacific/Pago_Pago").await?;
        let paid = due(&api, &customer, &tea, days_ago(far_east, 1)).await?;
        let invoice = due(&api, &customer, &tea, days_ago(far_east, 1)).await?;
        let named = json!([{"invoice_id": paid["id"]}]);
        let payment = json!({"customer_id": customer["id"], "method": "transfer", "amount": "24.00", "invoices": named});
        api.created("/payments", &payment).await?;
        world.trigger_service("overdue").await?;
        assert_eq!(overdue_events(world).await?, 0, "in Pago Pago it can be paid until midnight");
        assert_eq!(api.http.get("/invoices?overdue=true").await?.json["data"], json!([]));

        zone(&api, "Pacific/Kiritimati").await?;
        world.trigger_service("overdue").await?;
        let now = api.http.get(&path_of(&invoice)).await?.json;
        assert_eq!(now["overdue_on"], json!(far_east), "{now}");
        assert_eq!(api.http.get(&path_of(&paid)).await?.json["overdue_on"], Value::Null);
        let listed = api.http.get("/invoices?overdue=true").await?.json;
        assert_eq!((listed["data"].as_array().map(Vec::len), &listed["data"][0]["id"]), (Some(1), &invoice["id"]));
        let told = "SELECT payload ->> 'open', payload ->> 'due_on' FROM outbox_events WHERE event_type = 'invoice.overdue'";
        let told = world.sql().await?.query_one(told, &[]).await?;
        assert_eq!((told.get::<_, &str>(0), told.get::<_, String>(1)), ("24.00", days_ago(far_east, 1).to_string()));
        world.trigger_service("overdue").await?;
        assert_eq!(overdue_events(world).await?, 1, "it is told once");
        Ok(())
    })
    .await;
}

/// What a row of the aged balance says.
fn aged(row: &Value) -> Vec<&str> {
    ["not_due", "days_1_30", "days_31_60", "days_61_90", "over_90", "open", "credit", "balance"]
        .iter()
        .map(|name| row[*name].as_str().unwrap_or_default())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_owed_is_sorted_by_its_age_now_and_on_an_earlier_day() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        zone(&api, "Europe/Paris").await?;
        let (customer, tea) = (api.buyer("C-1").await?, api.product("TEA").await?);
        api.buyer("C-0").await?;
        let today = Utc::now().date_naive();
        for days in [91, 61, 31, 2, -10] {
            due(&api, &customer, &tea, days_ago(today, days)).await?;
        }
        // The oldest is paid whole, and 6.00 of the next.
        let payment = json!({"customer_id": customer["id"], "method": "transfer", "amount": "30.00"});
        api.created("/payments", &payment).await?;
        let surplus =
            json!({"customer_id": customer["id"], "method": "card", "amount": "5.00", "invoices": []});
        api.created("/payments", &surplus).await?;

        let now = api.http.get("/invoices/aged-balance").await?;
        assert_eq!(now.status, 200, "{}", now.text);
        let rows = now.json["data"].as_array().context("no rows")?;
        assert_eq!(rows.len(), 1, "who owes nothing is not there: {}", now.text);
        assert_eq!(rows[0]["customer_code"], "C-1");
        assert_eq!(aged(&rows[0]), ["24.00", "24.00", "24.00", "18.00", "0.00", "90.00", "5.00", "85.00"]);
        let csv = api.http.get("/invoices/aged-balance.csv").await?;
        assert!(csv.text.lines().count() == 2 && csv.text.contains("C-1,Customer C-1,"), "{}", csv.text);

        // Before the payments were there: the same, but for what they paid.
        let yesterday = days_ago(today, 3);
        let then = api.http.get(&format!("/invoices/aged-balance?at={yesterday}")).await?;
        assert_eq!(then.status, 200, "{}", then.text);
        // What was due two days ago was not due then; the others were three days less late.
        assert_eq!(
            aged(&then.json["data"][0]),
            ["48.00", "24.00", "24.00", "24.00", "0.00", "120.00", "0.00", "120.00"]
        );
        let statement = async |to: NaiveDate| {
            let id = customer["id"].as_str().unwrap_or_default();
            let from = days_ago(today, 300);
            let answer = api.http.get(&format!("/customers/{id}/statement?from={from}&to={to}")).await?;
            anyhow::Ok(answer.json["closing"].as_str().unwrap_or_default().to_owned())
        };
        assert_eq!(
            statement(today).await?,
            "85.00",
            "the balance of the statement is that of the aged balance"
        );
        assert_eq!(statement(yesterday).await?, "120.00");

        let from = format!("issued_from={}", days_ago(today, 32));
        let to = format!("issued_to={}", days_ago(today, 33));
        for (query, count) in [
            ("unpaid=true", 4),
            ("overdue=true", 3),
            ("series=FA", 5),
            ("series=ZZ", 0),
            (from.as_str(), 2),
            (to.as_str(), 3),
            ("state=paid&unpaid=true", 0),
        ] {
            let found = api.http.get(&format!("/invoices?{query}")).await?;
            let found_count = found.json["data"].as_array().map(Vec::len);
            assert_eq!((found.status, found_count), (200, Some(count)), "{query}: {}", found.text);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_has_everything_in_order_with_the_balance_after_it() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let (customer, tea) = (api.buyer("C-1").await?, api.product("TEA").await?);
        let today = Utc::now().date_naive();
        // Issued 50, 40 and 30 days ago.
        for days in [20, 10, 0] {
            due(&api, &customer, &tea, days_ago(today, days)).await?;
        }
        let received = days_ago(today, 35);
        let payment = json!({"customer_id": customer["id"], "method": "transfer", "amount": "30.00", "received_on": received, "reference": "VIR 7"});
        let payment = api.created("/payments", &payment).await?;
        let id = customer["id"].as_str().context("an id")?;
        let path = format!("/customers/{id}/statement");
        let days = format!("from={}&to={today}", days_ago(today, 45));
        let answer = api.http.get(&format!("{path}?{days}")).await?;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!((answer.field("opening"), answer.field("closing")), ("24.00", "42.00"));
        assert_eq!((answer.field("customer_code"), answer.field("currency")), ("C-1", "EUR"));
        let shown = |answer: &Value| -> Vec<String> {
            let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            let entries = answer["entries"].as_array().into_iter().flatten();
            entries.map(|one| ["kind", "debit", "credit", "balance"].map(|name| text(one, name)).join(" ")).collect()
        };
        let expected = ["invoice 24.00  48.00", "payment  30.00 18.00", "invoice 24.00  42.00"];
        assert_eq!(shown(&answer.json), expected);
        assert_eq!(answer.json["entries"][1]["reference"], "VIR 7");

        // A reversal moves the account when it is recorded: what was said of the days before stays so.
        let reverse = format!("/payments/{}/reverse", payment["id"].as_str().context("an id")?);
        let reversed = api.http.post(&reverse, &json!({"reason": "unpaid"})).await?;
        assert_eq!(reversed.status, 201, "{}", reversed.text);
        let before = api.http.get(&format!("{path}?from={}&to={}", days_ago(today, 45), days_ago(today, 2))).await?;
        assert_eq!(shown(&before.json), expected, "{}", before.text);
        // In the company's time zone it may be tomorrow already.
        let tomorrow = days_ago(today, -1);
        let after = api.http.get(&format!("{path}?from={}&to={tomorrow}", days_ago(today, 45))).await?;
        assert_eq!((after.field("closing"), shown(&after.json).last().map(String::as_str)), ("72.00", Some("reversal 30.00  72.00")));

        let csv = api.http.get(&format!("{path}.csv?{days}")).await?;
        let lines: Vec<_> = csv.text.lines().collect();
        assert_eq!(lines.first(), Some(&"date,kind,document_id,reference,due_on,debit,credit,balance"));
        assert!(lines.get(1).is_some_and(|line| line.contains(",opening,") && line.ends_with(",24.00")), "{}", csv.text);
        assert!(lines.last().is_some_and(|line| line.contains(",closing,")), "{}", csv.text);
        let pdf = format!("{path}.pdf?{days}");
        let (status, printed, media_type) = file(&api, &pdf, &[], "content-type").await?;
        assert_eq!((status, media_type.as_str()), (200, "application/pdf"));
        assert!(printed.starts_with(b"%PDF-"), "{} bytes", printed.len());
        let csv_path = format!("{path}.csv");
        let pdf_path = format!("{path}.pdf");
        for path in [&path, &csv_path, &pdf_path] {
            let refused = api.http.get(&format!("{path}?from=2026-02-01&to=2026-01-31")).await?;
            assert_eq!((refused.status, refused.code(), refused.pointers()), (422, "invalid_statement", vec!["/query/from"]), "{}", refused.text);
        }
        let nobody = api.http.get(&format!("/customers/{}/statement", uuid::Uuid::now_v7())).await?;
        assert_eq!((nobody.status, nobody.code()), (404, "customer_not_found"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_finds_what_is_overdue_by_itself() {
    World::run(async |world| {
        let api = Api::start(world, &[("COMPTOIR__SERVICES__OVERDUE__INTERVAL_MS", "300")]).await?;
        api.seller().await?;
        let (customer, tea) = (api.buyer("C-1").await?, api.product("TEA").await?);
        let today = Utc::now().date_naive();
        let invoices = [
            due(&api, &customer, &tea, days_ago(today, 9)).await?,
            due(&api, &customer, &tea, days_ago(today, 3)).await?,
        ];
        until("both to be overdue", LIMIT, async || {
            for invoice in &invoices {
                let now = api.http.get(&path_of(invoice)).await?.json;
                ensure!(now["overdue_on"].is_string(), "{now}");
            }
            Ok(())
        })
        .await?;
        assert_eq!(overdue_events(world).await?, 2);
        Ok(())
    })
    .await;
}
