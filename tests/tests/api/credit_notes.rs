//! Credit notes: of parts and of the rest, of what came back, never more than is left; and what they pay.

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Answer, Api, Tenant, World};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

pub(crate) fn id(resource: &Value) -> &str {
    resource["id"].as_str().unwrap_or_default()
}

/// Gives a draft its number.
pub(crate) async fn validated(api: &Api, draft: &Value) -> Result<Value> {
    let answer = api.http.command(&format!("/invoices/{}/validate", id(draft))).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(answer.json)
}

/// An invoice with a number, of lines at 20 %: quantity and price.
async fn invoiced(api: &Api, customer: &Value, lines: &[(&str, &str)]) -> Result<Value> {
    let line = |(quantity, price): &(&str, &str)| json!({"name": "A thing", "quantity": quantity, "unit_price": price, "vat": {"rate": "20"}});
    let body = json!({"customer_id": customer["id"], "lines": lines.iter().map(line).collect::<Vec<_>>()});
    validated(api, &api.created("/invoices", &body).await?).await
}

async fn credit(api: &Api, invoice: &Value, body: &Value) -> Result<Answer> {
    api.http.post(&format!("/invoices/{}/credit-notes", id(invoice)), body).await
}

/// A credit note with its number.
async fn credited(api: &Api, invoice: &Value, body: &Value) -> Result<Value> {
    let draft = credit(api, invoice, body).await?;
    ensure!(draft.status == 201, "{}", draft.text);
    validated(api, &draft.json).await
}

/// State, what is open, what was paid, what was credited.
pub(crate) async fn standing(api: &Api, invoice: &Value) -> Result<String> {
    let now = api.http.get(&format!("/invoices/{}", id(invoice))).await?.json;
    Ok(["state", "open", "paid", "credited"]
        .map(|member| now[member].as_str().unwrap_or("?").to_owned())
        .join(" "))
}

pub(crate) async fn balance(api: &Api, customer: &Value) -> Result<String> {
    let now = api.http.get(&format!("/customers/{}/balance", id(customer))).await?.json;
    Ok(["open", "credit"].map(|member| now[member].as_str().unwrap_or("?").to_owned()).join(" "))
}

pub(crate) async fn is_sound(world: &World) -> Result<()> {
    let exit = world.run_api(&["invoices", "verify"]).await?;
    ensure!(exit.code == Some(0), "{exit:?}");
    Ok(())
}

async fn pay(api: &Api, customer: &Value, amount: &str) -> Result<Value> {
    let body = json!({"customer_id": customer["id"], "method": "transfer", "amount": amount});
    api.created("/payments", &body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credit_note_names_its_invoice_pays_it_and_leaves_the_rest_to_another_one() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        let invoice = invoiced(&api, &customer, &[("3", "33.335"), ("1", "50")]).await?;
        assert_eq!(invoice["gross_total"], "180.01");

        let wanted = json!({"lines": [{"line": 1, "quantity": "1"}], "note": "Marchandise endommagée"});
        let draft = credit(&api, &invoice, &wanted).await?;
        assert_eq!((draft.status, draft.field("kind"), draft.field("state")), (201, "credit_note", "draft"), "{}", draft.text);
        assert_eq!(draft.json["corrects"], invoice["id"]);
        assert!(draft.header("location").is_some_and(|location| location.ends_with(draft.field("id"))));
        assert_eq!(standing(&api, &invoice).await?, "validated 180.01 0.00 0.00", "a draft pays nothing");
        let path = format!("/invoices/{}/draft", draft.field("id"));
        let seen = api.http.get(&path).await?;
        assert_eq!((seen.field("kind"), &seen.json["lines"][0]["quantity"]), ("credit_note", &json!("1")), "{}", seen.text);
        let changed = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&json!({"note": null}))).await?;
        assert_eq!((changed.status, changed.code()), (409, "invoice_state_conflict"), "{}", changed.text);

        let note = validated(&api, &draft.json).await?;
        let number = note["number"].as_str().context("a number")?;
        assert!(number.starts_with("AV-") && number.ends_with("-000001"), "{number}");
        let content = &note["content"];
        assert_eq!((&content["kind"], &content["payment"]), (&json!("credit_note"), &Value::Null));
        assert_eq!(content["references"]["preceding"], json!([{"kind": "invoice", "number": invoice["number"], "issue_date": invoice["issue_date"]}]));
        assert_eq!(content["delivery"], invoice["content"]["delivery"]);
        assert_eq!(content["lines"][0]["unit_price"], "33.335");
        assert_eq!((&content["totals"]["net"], &content["totals"]["gross"]), (&json!("33.34"), &json!("40.01")));
        assert_eq!(content["vat"][0]["vat"], json!({"category": "S", "rate": "20"}));
        assert_eq!(standing(&api, &note).await?, "paid 0.00 40.01 0.00");
        assert_eq!(standing(&api, &invoice).await?, "partly_paid 140.00 0.00 40.01");

        let rest = credited(&api, &invoice, &json!({})).await?;
        assert!(rest["number"].as_str().is_some_and(|number| number.ends_with("-000002")));
        assert_eq!((rest["gross_total"].as_str(), &rest["content"]["lines"][0]["quantity"]), (Some("140.00"), &json!("2")));
        assert_eq!(standing(&api, &invoice).await?, "paid 0.00 0.00 180.01");
        assert_eq!(balance(&api, &customer).await?, "0.00 0.00");
        let nothing = credit(&api, &invoice, &json!({})).await?;
        assert_eq!((nothing.status, nothing.code()), (409, "nothing_to_credit"), "{}", nothing.text);

        let sql = world.sql().await?;
        let told = "SELECT string_agg(event_type, ' ' ORDER BY seq) FROM outbox_events WHERE aggregate_type = 'invoice'";
        assert_eq!(
            sql.query_one(told, &[]).await?.get::<_, &str>(0),
            "invoice.validated credit_note.issued credit_note.issued invoice.paid"
        );
        let payload = "SELECT payload ->> 'corrected_number', payload ->> 'corrected_kind' FROM outbox_events WHERE event_type = 'credit_note.issued' ORDER BY seq LIMIT 1";
        let payload = sql.query_one(payload, &[]).await?;
        assert_eq!((payload.get::<_, Option<&str>>(0), payload.get::<_, Option<&str>>(1)), (invoice["number"].as_str(), Some("invoice")));
        let links = "SELECT string_agg(series || ' ' || kind, ', ' ORDER BY series, position) FROM invoice_chain";
        assert_eq!(
            sql.query_one(links, &[]).await?.get::<_, &str>(0),
            "AV validated, AV validated, FA validated, FA credit, FA credit"
        );
        let vat = "SELECT sum(CASE WHEN i.kind = 'credit_note' THEN -v.base ELSE v.base END)::text FROM invoice_vat AS v
            JOIN invoices AS i ON (i.tenant_id, i.id) = (v.tenant_id, v.invoice_id)";
        assert_eq!(sql.query_one(vat, &[]).await?.get::<_, &str>(0), "0.00");
        is_sound(world).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_more_is_given_back_than_is_left_to_the_cent() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        let invoice = invoiced(&api, &customer, &[("2", "10"), ("1", "5")]).await?;
        let amount = |line: i16, amount: &str| json!({"lines": [{"line": line, "amount": amount}]});
        let group = |rate: &str, amount: &str| json!({"lines": [{"vat": {"category": "S", "rate": rate}, "amount": amount}]});
        credited(&api, &invoice, &amount(1, "4.01")).await?;
        for (body, pointer, left) in [
            (amount(1, "16.00"), "/lines/0/amount", "15.99"),
            (json!({"lines": [{"line": 1, "quantity": "2.0001"}]}), "/lines/0/quantity", "2"),
            (json!({"lines": [{"line": 1, "quantity": "2"}]}), "/lines/0/quantity", "15.99"),
            (json!({"lines": [{"line": 2, "quantity": "1"}, {"line": 2, "amount": "0.01"}]}), "/lines/1/amount", "0.00"),
            (group("20.00", "21.00"), "/lines", "20.99"),
        ] {
            let refused = credit(&api, &invoice, &body).await?;
            assert_eq!((refused.status, refused.code(), refused.pointers()), (409, "exceeds_invoice", vec![pointer]), "{body}: {}", refused.text);
            assert_eq!(refused.json["errors"][0]["available"], left, "{body}");
        }
        for (body, pointer) in [
            (json!({"lines": []}), "/lines"),
            (json!({"lines": [{"line": 1}]}), "/lines/0/quantity"),
            (json!({"lines": [{"line": 1, "quantity": "1", "amount": "1"}]}), "/lines/0/amount"),
            (json!({"lines": [{"amount": "1"}]}), "/lines/0/line"),
            (json!({"lines": [{"vat": {"category": "S"}, "amount": "1"}]}), "/lines/0/vat/rate"),
            (json!({"lines": [{"line": 1, "amount": "0"}]}), "/lines/0/amount"),
        ] {
            let refused = credit(&api, &invoice, &body).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{body}: {}", refused.text);
        }
        for (body, pointer) in [(amount(3, "1"), "/lines/0/line"), (group("5.5", "1"), "/lines/0/vat")] {
            let refused = credit(&api, &invoice, &body).await?;
            assert_eq!((refused.status, refused.code(), refused.pointers()), (422, "invalid_invoice", vec![pointer]), "{}", refused.text);
        }
        // What was drafted is looked at again when it is validated.
        let (one, other) = (credit(&api, &invoice, &amount(1, "10")).await?, credit(&api, &invoice, &amount(1, "10")).await?);
        let first = validated(&api, &one.json).await?;
        let late = api.http.command(&format!("/invoices/{}/validate", other.field("id"))).await?;
        assert_eq!((late.status, late.code()), (409, "exceeds_invoice"), "{}", late.text);
        for (what, code) in [(&first, 409), (&other.json, 409)] {
            assert_eq!(credit(&api, what, &json!({})).await?.status, code, "neither a credit note nor a draft is corrected");
        }
        let stranger = api.http.with_credential(&Tenant::create(&world.sql().await?, "Other").await?.api_key);
        let path = format!("/invoices/{}/credit-notes", id(&invoice));
        assert_eq!(stranger.post(&path, &json!({})).await?.status, 404);
        credited(&api, &invoice, &json!({})).await?;
        let sums = "SELECT sum(gross_total) FILTER (WHERE kind = 'credit_note') = sum(gross_total) FILTER (WHERE kind = 'invoice') FROM invoices";
        assert!(world.sql().await?.query_one(sums, &[]).await?.get::<_, bool>(0));
        is_sound(world).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_at_once_give_an_invoice_back_once() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        let invoice = invoiced(&api, &customer, &[("4", "10")]).await?;
        let mut drafts = Vec::new();
        for _ in 0..6 {
            let wanted = json!({"lines": [{"line": 1, "quantity": "1"}]});
            drafts.push(credit(&api, &invoice, &wanted).await?.json);
        }
        let attempts = drafts.iter().map(async |draft| {
            let path = format!("/invoices/{}/validate", id(draft));
            api.http.command(&path).await
        });
        let answers: Result<Vec<Answer>> = join_all(attempts).await.into_iter().collect();
        let mut statuses: Vec<u16> = answers?.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 200, 409, 409]);
        assert_eq!(standing(&api, &invoice).await?, "paid 0.00 0.00 48.00");
        is_sound(world).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_paid_is_credit_of_the_customer_and_pays_the_next_invoice() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        let invoice = invoiced(&api, &customer, &[("1", "100")]).await?;
        let payment = pay(&api, &customer, "130.00").await?;
        let note = credited(&api, &invoice, &json!({"lines": [{"line": 1, "amount": "50.00"}]})).await?;
        assert_eq!(standing(&api, &note).await?, "validated 60.00 0.00 0.00");
        assert_eq!(standing(&api, &invoice).await?, "paid 0.00 120.00 0.00");
        assert_eq!(
            balance(&api, &customer).await?,
            "0.00 70.00",
            "10.00 of the payment, 60.00 of the credit note"
        );

        let next = invoiced(&api, &customer, &[("1", "50")]).await?;
        let path = format!("/customers/{}/use-credit", id(&customer));
        let named = json!({"invoices": [{"invoice_id": note["id"]}]});
        let refused = api.http.post(&path, &named).await?;
        assert_eq!(
            (refused.status, refused.code()),
            (409, "payment_exceeds_open"),
            "a credit note is not paid: {}",
            refused.text
        );
        let used = api.http.post(&path, &json!({})).await?;
        assert_eq!(
            (used.status, &used.json),
            (200, &json!({"open": "0.00", "credit": "10.00"})),
            "{}",
            used.text
        );
        assert_eq!(standing(&api, &next).await?, "paid 0.00 10.00 50.00");
        assert_eq!(standing(&api, &note).await?, "partly_paid 10.00 50.00 0.00");
        assert_eq!(balance(&api, &customer).await?, "0.00 10.00");

        // What a payment paid is taken back; what a credit note pays stays.
        let path = format!("/payments/{}/reverse", id(&payment));
        let reversed = api.http.post(&path, &json!({"reason": "unpaid"})).await?;
        assert_eq!(reversed.status, 201, "{}", reversed.text);
        assert_eq!(standing(&api, &next).await?, "partly_paid 10.00 0.00 50.00");
        assert_eq!(standing(&api, &invoice).await?, "validated 120.00 0.00 0.00");
        assert_eq!(balance(&api, &customer).await?, "130.00 10.00");
        let of_customer = format!("/customers/{}/credit", id(&customer));
        assert_eq!(api.http.get(&of_customer).await?.field("exposure"), "120.00");
        is_sound(world).await?;

        // A hand in the database is found.
        let sql = world.sql().await?;
        let tampered = "ALTER TABLE credit_allocations DISABLE TRIGGER USER;
            UPDATE credit_allocations SET allocated_at = allocated_at + interval '1 second'";
        sql.batch_execute(tampered).await?;
        let exit = world.run_api(&["invoices", "verify", "--json"]).await?;
        let report: Value = serde_json::from_str(&exit.stdout).with_context(|| format!("{exit:?}"))?;
        assert_eq!(
            (&report["broken"][0]["rule"], &report["broken"][0]["id"]),
            (&json!("payment"), &note["id"]),
            "{report}"
        );
        Ok(())
    })
    .await;
}

/// A confirmed order of these quantities of products, which has left.
async fn gone(api: &Api, customer: &Value, lines: &[(&Value, &str)]) -> Result<Value> {
    let line =
        |(product, quantity): &(&Value, &str)| json!({"product_id": product["id"], "quantity": quantity});
    let body = json!({"customer_id": customer["id"], "lines": lines.iter().map(line).collect::<Vec<_>>()});
    let order = api.created("/orders", &body).await?;
    for step in ["confirm", "ship"] {
        let answer = api.http.post(&format!("/orders/{}/{step}", id(&order)), &json!({})).await?;
        ensure!(answer.status == 200, "{step}: {}", answer.text);
    }
    Ok(order)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_return_is_given_back_by_one_command() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        let (tea, pot) = (api.product_in_stock("TEA", "10").await?, api.product("POT").await?);
        let order = gone(&api, &customer, &[(&tea, "5"), (&pot, "2")]).await?;
        let back = async |lines: Value| {
            let path = format!("/orders/{}/returns", id(&order));
            api.created(&path, &json!({"reason": "too much", "lines": lines})).await
        };
        let line = |position: i16, quantity: &str| json!({"position": position, "quantity": quantity, "restock": true});
        let credit_return = async |back: &Value| api.http.post(&format!("/returns/{}/credit-note", id(back)), &json!({})).await;

        // What comes back before it is invoiced is never invoiced.
        let early = back(json!([line(1, "1")])).await?;
        let orders = json!({"order_ids": [order["id"]]});
        let invoice = validated(&api, &api.created("/invoices/from-orders", &orders).await?).await?;
        assert_eq!(invoice["gross_total"], "72.00", "4 and 2 at 12.00");
        let nothing = credit_return(&early).await?;
        assert_eq!((nothing.status, nothing.code()), (409, "nothing_to_credit"), "{}", nothing.text);

        let late = back(json!([line(1, "2"), line(2, "1")])).await?;
        let later = (chrono::Utc::now() + chrono::TimeDelta::days(3)).date_naive();
        let dated = api.http.post(&format!("/returns/{}/credit-note", id(&late)), &json!({"issue_date": later})).await?;
        assert_eq!((dated.status, dated.pointers()), (422, vec!["/draft/issue_date"]), "{}", dated.text);
        let note = credit_return(&late).await?;
        assert_eq!((note.status, note.field("kind"), note.field("gross_total")), (201, "credit_note", "36.00"), "{}", note.text);
        assert!(note.field("number").starts_with("AV-"));
        assert_eq!(note.json["corrects"], invoice["id"]);
        assert_eq!(standing(&api, &invoice).await?, "partly_paid 36.00 0.00 36.00");
        let again = credit_return(&late).await?;
        assert_eq!((again.status, again.code()), (409, "nothing_to_credit"), "{}", again.text);
        let none = api.http.post("/invoices/from-orders", &orders).await?;
        assert_eq!((none.status, none.code()), (409, "nothing_to_invoice"), "what came back is not invoiced again: {}", none.text);

        // What was invoiced wrongly and has not come back can be invoiced anew.
        credited(&api, &invoice, &json!({})).await?;
        let anew = api.created("/invoices/from-orders", &orders).await?;
        let draft = api.http.get(&format!("/invoices/{}/draft", id(&anew))).await?.json;
        let quantities: Vec<_> = draft["lines"].as_array().into_iter().flatten().map(|line| line["quantity"].clone()).collect();
        assert_eq!(quantities, [json!("2"), json!("1")]);
        validated(&api, &anew).await?;
        let unknown = api.http.post("/returns/01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b/credit-note", &json!({})).await?;
        assert_eq!((unknown.status, unknown.code()), (404, "return_not_found"));
        is_sound(world).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_return_of_what_two_invoices_say_is_given_back_by_two_credit_notes() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let (customer, tea) = (api.buyer("C-1").await?, api.product("TEA").await?);
        let order = gone(&api, &customer, &[(&tea, "5")]).await?;
        let source = json!({"order_id": order["id"], "position": 1});
        for quantity in ["3", "2"] {
            let line = json!({"source": source, "product_id": tea["id"], "quantity": quantity});
            let body = json!({"customer_id": customer["id"], "lines": [line]});
            validated(&api, &api.created("/invoices", &body).await?).await?;
        }
        let line = json!({"position": 1, "quantity": "4", "restock": true});
        let path = format!("/orders/{}/returns", id(&order));
        let back = api.created(&path, &json!({"reason": "too much", "lines": [line]})).await?;
        let path = format!("/returns/{}/credit-note", id(&back));
        let mut given_back = Vec::new();
        for expected in [201, 201, 409] {
            let answer = api.http.post(&path, &json!({})).await?;
            assert_eq!(answer.status, expected, "{}", answer.text);
            given_back.push(answer.field("gross_total").to_owned());
        }
        assert_eq!(given_back, ["36.00", "12.00", ""], "3 of the first invoice, 1 of the second");
        is_sound(world).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credit_notes_share_the_series_of_invoices_if_the_company_wants() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let shared = json!({"invoicing": {"credit_note_series": "FA"}});
        let changed = api.http.send(Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&shared)).await?;
        ensure!(changed.status == 200, "{}", changed.text);
        let customer = api.buyer("C-1").await?;
        let invoice = invoiced(&api, &customer, &[("1", "10")]).await?;
        let note = credited(&api, &invoice, &json!({})).await?;
        let next = invoiced(&api, &customer, &[("1", "10")]).await?;
        let ends = [&invoice, &note, &next].map(|one| {
            one["number"].as_str().and_then(|number| number.rsplit('-').next()).unwrap_or("").to_owned()
        });
        assert_eq!(ends, ["000001", "000002", "000003"]);
        is_sound(world).await
    })
    .await;
}
