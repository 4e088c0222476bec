//! Customers whom no law keeps are anonymised: here, and in what refers to them.

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Answer, Api, World};
use reqwest::Method;
use serde_json::{Value, json};

/// What says who the customer is, and must be nowhere afterwards.
const TRACES: [&str; 6] =
    ["Zéphyrine", "zephyrine@mail.example", "ERP-Z", "C-ZEPHYR", "7 rue des Lilas", "1 place Graslin"];

/// A customer with traces of their own, who has bought nothing.
async fn zephyrine(api: &Api) -> Result<Value> {
    let body = json!({
        "code": "C-ZEPHYR", "external_id": "ERP-Z", "name": "Zéphyrine Martin", "email": "zephyrine@mail.example",
        "addresses": [{"kind": "billing", "line1": "7 rue des Lilas", "postal_code": "44000", "city": "Nantes", "country": "FR"}],
        "invoicing": {"kind": "consumer", "language": "fr"},
    });
    api.created("/customers", &body).await
}

fn path_of(customer: &Value) -> String {
    format!("/customers/{}", customer["id"].as_str().unwrap_or_default())
}

async fn anonymise(api: &Api, customer: &Value) -> Result<Answer> {
    let body = json!({"reason": "asked for on 12 November, ticket 4711"});
    api.http.post(&format!("{}/anonymise", path_of(customer)), &body).await
}

/// What keeps a customer, and until which year, as the answer says it.
fn kept_by(answer: &Answer) -> Vec<(String, Option<String>)> {
    let text = |error: &Value, name: &str| error[name].as_str().map(str::to_owned);
    let errors = answer.json["errors"].as_array().into_iter().flatten();
    errors.map(|error| (text(error, "code").unwrap_or_default(), text(error, "kept_until"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_customer_whom_no_law_keeps_nothing_is_left_that_says_who_it_was() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (zephyrine(&api).await?, api.product("TEA").await?);
        // An order that went nowhere, and a draft that was never an invoice.
        let order = json!({
            "customer_id": customer["id"], "lines": [{"product_id": product["id"], "quantity": "1"}],
            "delivery_address": {"line1": "1 place Graslin", "postal_code": "44000", "city": "Nantes", "country": "FR"},
        });
        let order = api.created("/orders", &order).await?;
        let order_path = format!("/orders/{}", order["id"].as_str().context("an id")?);
        let open = anonymise(&api, &customer).await?;
        assert_eq!((open.status, open.code()), (409, "customer_kept"), "{}", open.text);
        assert_eq!(kept_by(&open), [("open_orders".to_owned(), None)]);
        let cancelled = api.http.post(&format!("{order_path}/cancel"), &json!({"reason": "Zéphyrine moved"})).await?;
        assert_eq!(cancelled.status, 200, "{}", cancelled.text);
        let draft = api.invoice(&customer, &product).await?;
        let draft_path = format!("/invoices/{}/draft", draft["id"].as_str().context("an id")?);
        let note = json!({"note": "for Zéphyrine", "reference": "C-ZEPHYR 7", "delivery_address": order["delivery_address"],
            "lines": [{"product_id": product["id"], "quantity": "1", "description": "Livré à : Zéphyrine, 1 place Graslin"}]});
        let noted = api.http.send(Method::PATCH, &draft_path, &[("If-Match", "*")], Some(&note)).await?;
        assert_eq!(noted.status, 200, "{}", noted.text);
        // As another kind of e-mail than those to users.
        let sql = world.sql().await?;
        let tenant = world.tenant().await?.id.to_string();
        sql.execute(
            "INSERT INTO emails (tenant_id, id, version, kind, state, recipient, recipient_name, destination, content, due_at, deadline, correlation_id,
                created_at, updated_at)
            VALUES ($1::text::uuid, gen_random_uuid(), 1, 'of_the_future', 'waiting', 'zephyrine@mail.example', 'Zéphyrine', 'mail.example', '{}',
                now(), now() + interval '1 day', 'c', now(), now())",
            &[&tenant],
        )
        .await?;

        let path = path_of(&customer);
        let stale = api
            .http
            .send(Method::POST, &format!("{path}/anonymise"), &[("If-Match", "\"7\"")], Some(&json!({"reason": "r"})))
            .await?;
        assert_eq!((stale.status, stale.code()), (412, "version_mismatch"), "{}", stale.text);
        let done = anonymise(&api, &customer).await?;
        assert_eq!((done.status, done.header("etag")), (200, Some("\"2\"")), "{}", done.text);
        assert!(!done.json["anonymised_at"].is_null(), "{}", done.text);
        assert_eq!((&done.json["invoicing"]["kind"], &done.json["addresses"]), (&json!("consumer"), &json!([])));
        assert_eq!(api.http.get(&path).await?.json, done.json);
        let again = anonymise(&api, &customer).await?;
        assert_eq!((again.status, &again.json), (200, &done.json), "once is enough");

        // It stays as it is, and nobody trades with it.
        let renamed = json!({"name": "Zéphyrine"});
        let refused = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&renamed)).await?;
        assert_eq!((refused.status, refused.code()), (409, "customer_anonymised"), "{}", refused.text);
        let line = json!([{"product_id": product["id"], "quantity": "1"}]);
        for (path, body) in [
            ("/orders", json!({"customer_id": customer["id"], "lines": line})),
            ("/invoices", json!({"customer_id": customer["id"], "lines": line})),
            ("/payments", json!({"customer_id": customer["id"], "method": "cash", "amount": "1.00"})),
        ] {
            let refused = api.http.post(path, &body).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec!["/customer_id"]), "{path}: {}", refused.text);
        }

        // What refers to it.
        let order = api.http.get(&order_path).await?.json;
        assert_eq!((&order["delivery_address"], &order["cancellation_reason"]), (&Value::Null, &json!("anonymised")));
        let draft = api.http.get(&draft_path).await?.json;
        for member in ["note", "reference", "delivery_address"] {
            assert_eq!(draft[member], Value::Null, "{member}");
        }
        let line = &draft["lines"][0];
        assert_eq!((&line["description"], &line["name"]), (&Value::Null, &json!("Product TEA")), "what was sold stays");
        let mail = sql.query_one("SELECT state, reason FROM emails WHERE kind = 'of_the_future'", &[]).await?;
        assert_eq!((mail.get::<_, &str>(0), mail.get::<_, &str>(1)), ("discarded", "cause_over"));
        let tables = "SELECT table_name::text FROM runtime_privileges
            WHERE table_name NOT IN ('audit_events', 'idempotency_records', 'customer_activity', 'order_timeline')";
        for table in sql.query(tables, &[]).await? {
            let table: &str = table.get(0);
            for trace in TRACES {
                let found = format!("SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%' || $1 || '%'");
                assert_eq!(sql.query_one(&found, &[&trace]).await?.get::<_, i64>(0), 0, "{trace} in {table}");
            }
        }

        // It is told, behind all that was told before, and without a trace.
        let id = customer["id"].as_str().context("an id")?;
        let told = "SELECT event_type, payload::text FROM outbox_events WHERE aggregate_id = $1 ORDER BY seq";
        let told = sql.query(told, &[&id]).await?;
        let types: Vec<&str> = told.iter().map(|row| row.get(0)).collect();
        assert_eq!(types, ["customer.created", "customer.anonymised"]);
        let payload: &str = told[1].get(1);
        assert!(TRACES.iter().all(|trace| !payload.contains(trace)), "{payload}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_law_and_what_is_open_keep_a_customer_and_it_is_said_until_when() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let (customer, product) = (api.buyer("C-1").await?, api.product("TEA").await?);
        let invoice = api.invoice(&customer, &product).await?;
        let path = format!("/invoices/{}/validate", invoice["id"].as_str().context("an id")?);
        let invoice = api.http.command(&path).await?;
        ensure!(invoice.status == 200, "{}", invoice.text);
        let year: i32 =
            invoice.json["issue_date"].as_str().and_then(|date| date.get(..4)).context("a date")?.parse()?;
        let until = format!("{}-12-31", year + 10);
        let unpaid = anonymise(&api, &customer).await?;
        assert_eq!((unpaid.status, unpaid.code()), (409, "customer_kept"), "{}", unpaid.text);
        let by_invoices = ("kept_invoices".to_owned(), Some(until.clone()));
        assert_eq!(kept_by(&unpaid), [("open_invoices".to_owned(), None), by_invoices.clone()]);

        // More than it owes: the rest is its own.
        let payment = json!({"customer_id": customer["id"], "method": "transfer", "amount": "30.00"});
        api.created("/payments", &payment).await?;
        let paid = anonymise(&api, &customer).await?;
        let by_payments = ("kept_payments".to_owned(), Some(until));
        assert_eq!(kept_by(&paid), [("customer_credit".to_owned(), None), by_invoices, by_payments]);
        assert_eq!(api.http.get(&path_of(&customer)).await?.json, customer, "nothing was changed");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_at_the_same_time_comes_before_or_not_at_all() {
    World::run(async |world| {
        let api = world.api().await?;
        let product = api.product("TEA").await?;
        for round in 0..8 {
            let customer = api.customer(&format!("C-{round}")).await?;
            let (order, done) = futures::join!(api.order(&customer, &product), anonymise(&api, &customer));
            let done = done?;
            match order {
                Ok(_) => assert_eq!((done.status, done.code()), (409, "customer_kept"), "{}", done.text),
                Err(refused) => {
                    assert_eq!(done.status, 200, "{}", done.text);
                    assert!(refused.to_string().contains("unknown_customer"), "{refused}");
                }
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_has_the_trail_forget_it_and_the_trail_stays_sound() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, other) = (zephyrine(&api).await?, api.customer("C-other").await?);
        let product = api.product("TEA").await?;
        let order = api.order(&customer, &product).await?;
        let path = format!("/orders/{}/cancel", order["id"].as_str().context("an id")?);
        api.http.post(&path, &json!({"reason": "Zéphyrine moved"})).await?;
        let nothing = world.run_api(&["audit", "erase-anonymised"]).await?;
        assert!(nothing.code == Some(0) && nothing.stdout.contains("of 0 rows"), "{nothing:?}");
        assert_eq!(anonymise(&api, &customer).await?.status, 200);

        let sql = world.sql().await?;
        let traces = async || -> Result<i64> {
            let found = "SELECT count(*) FROM audit_events AS e WHERE e::text LIKE '%Zéphyrine%'";
            Ok(sql.query_one(found, &[]).await?.get(0))
        };
        assert_eq!(traces().await?, 2, "of the customer's creation, and of the order's end");
        let tenant = world.tenant().await?.id.to_string();
        let erased = world.run_api(&["audit", "erase-anonymised", "--tenant", &tenant]).await?;
        // The customer was made; the order was placed and cancelled.
        assert!(erased.code == Some(0) && erased.stdout.contains("of 3 rows about 2 "), "{erased:?}");
        assert_eq!(traces().await?, 0);
        let kept = "SELECT count(*) FROM audit_events WHERE resource_id = $1 AND after IS NOT NULL";
        let of = async |value: &Value, query: &str| -> Result<i64> {
            let id = value["id"].as_str().context("an id")?;
            Ok(sql.query_one(query, &[&id]).await?.get(0))
        };
        assert_eq!(of(&customer, kept).await?, 2, "that it was anonymised and why, and that this was erased");
        assert_eq!(of(&other, kept).await?, 1, "the others' texts stay");
        let sound = world.run_api(&["audit", "verify", "--json"]).await?;
        assert_eq!(sound.code, Some(0), "{sound:?}");
        let again = world.run_api(&["audit", "erase-anonymised"]).await?;
        assert!(again.code == Some(0) && again.stdout.contains("of 0 rows"), "{again:?}");
        Ok(())
    })
    .await;
}
