//! Deposits: of an order, with VAT, taken off by the final invoice; and invoices of what has not left.

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Answer, Api, Tenant, World};
use reqwest::Method;
use serde_json::{Value, json};

use crate::credit_notes::{balance, id, is_sound, standing, validated};

/// A product that is not kept in stock, at this price and rate.
async fn product(api: &Api, sku: &str, price: &str, rate: &str) -> Result<Value> {
    let body = json!({"sku": sku, "name": sku, "unit_price": price, "vat_rate": rate, "stocked": false});
    api.created("/products", &body).await
}

/// A confirmed order: 100.00 at 20 % and 33.33 at 5.5 %.
async fn ordered(api: &Api, customer: &Value) -> Result<Value> {
    let (tea, book) = (product(api, "TEA", "25", "20").await?, product(api, "BOOK", "11.11", "5.5").await?);
    let lines =
        json!([{"product_id": tea["id"], "quantity": "4"}, {"product_id": book["id"], "quantity": "3"}]);
    let body = json!({"customer_id": customer["id"], "reference": "PO-7", "lines": lines});
    let order = api.created("/orders", &body).await?;
    let confirmed = api.http.command(&format!("/orders/{}/confirm", id(&order))).await?;
    ensure!(confirmed.status == 200, "{}", confirmed.text);
    Ok(order)
}

async fn deposit(api: &Api, order: &Value, body: &Value) -> Result<Answer> {
    api.http.post(&format!("/orders/{}/deposits", id(order)), body).await
}

async fn pay(api: &Api, customer: &Value, amount: &str) -> Result<()> {
    let body = json!({"customer_id": customer["id"], "method": "transfer", "amount": amount});
    api.created("/payments", &body).await.map(|_| ())
}

async fn exposure(api: &Api, customer: &Value) -> Result<String> {
    let answer = api.http.get(&format!("/customers/{}/credit", id(customer))).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(answer.field("exposure").to_owned())
}

/// What the documents come to together: bases and VAT by rate.
async fn vat(world: &World) -> Result<String> {
    let sums = "SELECT string_agg(format('%s: %s %s', rate, base, tax), ', ' ORDER BY rate) FROM (
        SELECT trim_scale(v.rate) AS rate, sum(CASE WHEN i.kind = 'credit_note' THEN -v.base ELSE v.base END) AS base,
            sum(CASE WHEN i.kind = 'credit_note' THEN -v.tax ELSE v.tax END) AS tax
        FROM invoice_vat AS v JOIN invoices AS i ON (i.tenant_id, i.id) = (v.tenant_id, v.invoice_id) GROUP BY v.rate) AS s";
    Ok(world.sql().await?.query_one(sums, &[]).await?.get::<_, Option<String>>(0).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paid_deposit_is_taken_off_by_the_final_invoice_and_its_vat_counts_once() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        let order = ordered(&api, &customer).await?;
        assert_eq!(exposure(&api, &customer).await?, "155.16");
        let draft = deposit(&api, &order, &json!({"percent": "30"})).await?;
        assert_eq!((draft.status, draft.field("kind"), draft.field("state")), (201, "prepayment", "draft"), "{}", draft.text);
        let first = validated(&api, &draft.json).await?;
        // 30.00 at 20 % and 10.00 at 5.5 %.
        let content = &first["content"];
        assert_eq!((&content["kind"], &content["totals"]["net"], &content["totals"]["gross"]), (&json!("prepayment"), &json!("40.00"), &json!("46.55")));
        assert_eq!((&content["delivery"]["date"], &content["due_date"]), (&Value::Null, &content["issue_date"]));
        assert!(content["lines"][0]["name"].as_str().is_some_and(|name| name.contains("30") && name.ends_with("PO-7")), "{content}");
        assert!(first["number"].as_str().is_some_and(|number| number.starts_with("FA-")));
        assert_eq!(exposure(&api, &customer).await?, "155.16", "a part of it is open now, the rest is ordered");

        let shipped = api.http.post(&format!("/orders/{}/ship", id(&order)), &json!({})).await?;
        ensure!(shipped.status == 200, "{}", shipped.text);
        let orders = json!({"order_ids": [order["id"]]});
        let unpaid = api.http.post("/invoices/from-orders", &orders).await?;
        assert_eq!((unpaid.status, unpaid.code(), unpaid.pointers()), (409, "deposit_not_paid", vec!["/deposits"]), "{}", unpaid.text);
        pay(&api, &customer, "46.55").await?;
        assert_eq!(exposure(&api, &customer).await?, "108.61");

        let last = api.created("/invoices/from-orders", &orders).await?;
        let path = format!("/invoices/{}/draft", id(&last));
        let draft = api.http.get(&path).await?;
        assert_eq!(draft.json["deposits"], json!([first["id"]]), "{}", draft.text);
        assert_eq!(draft.json["lines"].as_array().map(Vec::len), Some(2), "their lines come with the number");
        let same = api.http.send(Method::PUT, &path, &[("If-Match", "*")], Some(&draft.json)).await?;
        assert_eq!(same.status, 200, "{}", same.text);
        let taken = api.http.post(&format!("/invoices/{}/credit-notes", id(&first)), &json!({})).await?;
        assert_eq!((taken.status, taken.code()), (409, "deposit_taken"), "{}", taken.text);
        let last = validated(&api, &last).await?;
        let lines = last["content"]["lines"].as_array().context("lines")?;
        let shown: Vec<_> = lines.iter().map(|line| format!("{} {} {}", line["quantity"], line["unit_price"], line["net"]).replace('"', "")).collect();
        assert_eq!(shown, ["4 25.00 100.00", "3 11.11 33.33", "-1 10.00 -10.00", "-1 30.00 -30.00"]);
        assert_eq!(last["content"]["references"]["preceding"], json!([{"kind": "prepayment", "number": first["number"], "issue_date": first["issue_date"]}]));
        assert_eq!(last["gross_total"], "108.61", "70.00 and 14.00, 23.33 and 1.28");
        assert_eq!(vat(world).await?, "5.5: 33.33 1.83, 20: 100.00 20.00");
        assert_eq!((exposure(&api, &customer).await?, balance(&api, &customer).await?), ("108.61".to_owned(), "108.61 0.00".to_owned()));
        let turnover = "SELECT sum(net) FILTER (WHERE NOT deposit)::text || ' ' || sum(net) FILTER (WHERE deposit)::text FROM invoice_lines";
        let sql = world.sql().await?;
        assert_eq!(sql.query_one(turnover, &[]).await?.get::<_, &str>(0), "133.33 0.00");
        let told = "SELECT string_agg(payload ->> 'kind', ' ' ORDER BY seq) FROM outbox_events WHERE event_type = 'invoice.validated'";
        assert_eq!(sql.query_one(told, &[]).await?.get::<_, &str>(0), "prepayment invoice");
        is_sound(world).await?;

        // The whole given back gives the deposit back, too; then that can be credited.
        for (what, gross) in [(&last, "108.61"), (&first, "46.55")] {
            let draft = api.created(&format!("/invoices/{}/credit-notes", id(what)), &json!({})).await?;
            assert_eq!(validated(&api, &draft).await?["gross_total"], gross);
        }
        assert_eq!(vat(world).await?, "5.5: 0.00 0.00, 20: 0.00 0.00");
        assert_eq!(balance(&api, &customer).await?, "0.00 46.55");
        is_sound(world).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_discount_in_percent_is_of_the_price_and_not_of_what_a_deposit_leaves() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let (customer, tea) = (api.buyer("C-1").await?, product(&api, "TEA", "100", "20").await?);
        let line = json!({"product_id": tea["id"], "quantity": "10"});
        let order = api.created("/orders", &json!({"customer_id": customer["id"], "lines": [line]})).await?;
        api.http.command(&format!("/orders/{}/confirm", id(&order))).await?;
        let first = deposit(&api, &order, &json!({"amount": "300.00"})).await?;
        validated(&api, &first.json).await?;
        pay(&api, &customer, "360.00").await?;
        api.http.post(&format!("/orders/{}/ship", id(&order)), &json!({})).await?;
        let last = api.created("/invoices/from-orders", &json!({"order_ids": [order["id"]]})).await?;
        let path = format!("/invoices/{}/draft", id(&last));
        let mut draft = api.http.get(&path).await?.json;
        draft["adjustments"] =
            json!([{"kind": "discount", "reason": "Remise", "percent": "10", "vat": {"rate": "20"}}]);
        let put = api.http.send(Method::PUT, &path, &[("If-Match", "*")], Some(&draft)).await?;
        assert_eq!(put.status, 200, "{}", put.text);
        let content = validated(&api, &last).await?["content"].clone();
        // 1000.00 − 100.00 − 300.00.
        let discount = &content["adjustments"][0]["adjustment"];
        assert_eq!(
            (&discount["base"], &discount["amount"]),
            (&json!("1000.00"), &json!("100.00")),
            "{content}"
        );
        let totals = &content["totals"];
        assert_eq!(
            (&totals["net"], &totals["vat"], &totals["gross"]),
            (&json!("600.00"), &json!("120.00"), &json!("720.00"))
        );
        is_sound(world).await
    })
    .await;
}

/// A confirmed order of 100.00 of goods and 50.00 of a service, both at 20 %.
async fn ordered_with_a_service(api: &Api, customer: &Value) -> Result<Value> {
    let mut lines = Vec::new();
    for (sku, price, nature) in [("TEA", "100", "goods"), ("ADVICE", "50", "service")] {
        let body = json!({"sku": format!("{sku}-{}", customer["code"].as_str().unwrap_or_default()), "name": sku, "unit_price": price,
            "vat_rate": "20", "stocked": false, "nature": nature});
        let product = api.created("/products", &body).await?;
        lines.push(json!({"product_id": product["id"], "quantity": "1"}));
    }
    let order = api.created("/orders", &json!({"customer_id": customer["id"], "lines": lines})).await?;
    let confirmed = api.http.command(&format!("/orders/{}/confirm", id(&order))).await?;
    ensure!(confirmed.status == 200, "{}", confirmed.text);
    Ok(order)
}

/// What is due today, or was yesterday if the day has just ended: such as `deposits S 20 100.00 20.00`.
async fn due_now(api: &Api) -> Result<Vec<String>> {
    let now = chrono::Utc::now().date_naive();
    let (from, to) = (now - chrono::TimeDelta::days(1), now + chrono::TimeDelta::days(1));
    let answer = api.http.get(&format!("/accounting/vat-due?from={from}&to={to}")).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    let text = |line: &Value| {
        let members = ["cause", "category", "rate", "base", "tax"];
        members.map(|member| line[member].as_str().unwrap_or("-").to_owned()).join(" ")
    };
    Ok(answer.json["lines"].as_array().into_iter().flatten().map(text).collect())
}

fn natures(draft: &Value) -> Vec<String> {
    let lines = draft["lines"].as_array().into_iter().flatten();
    lines.map(|line| line["nature"].as_str().unwrap_or("?").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_an_order_sells_is_one_on_its_deposit_and_its_invoice() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        let order = ordered_with_a_service(&api, &customer).await?;
        let draft = deposit(&api, &order, &json!({"percent": "20"})).await?;
        let shown = api.http.get(&format!("/invoices/{}/draft", id(&draft.json))).await?.json;
        assert_eq!(natures(&shown), ["goods", "service"]);
        let first = validated(&api, &draft.json).await?;
        assert_eq!(
            (&first["content"]["operations"], &first["content"]["vat_due"]),
            (&json!("mixed"), &json!("on_payment"))
        );
        pay(&api, &customer, "36.00").await?;
        assert_eq!(due_now(&api).await?, ["deposits S 20 30.00 6.00"]);
        api.http.post(&format!("/orders/{}/ship", id(&order)), &json!({})).await?;
        let last = api.created("/invoices/from-orders", &json!({"order_ids": [order["id"]]})).await?;
        let shown = api.http.get(&format!("/invoices/{}/draft", id(&last))).await?.json;
        assert_eq!(natures(&shown), ["goods", "service"]);
        let last = validated(&api, &last).await?;
        assert_eq!(last["content"]["operations"], "mixed");
        assert_eq!(due_now(&api).await?, ["delivery S 20 80.00 16.00", "deposits S 20 30.00 6.00"], "no service before it is paid");
        pay(&api, &customer, "144.00").await?;
        assert_eq!(
            due_now(&api).await?,
            ["delivery S 20 80.00 16.00", "payments S 20 40.00 8.00", "deposits S 20 30.00 6.00"]
        );
        assert_eq!(vat(world).await?, "20: 150.00 30.00");

        // To a business in another member state: intra-community goods, and a service of which the customer owes the VAT.
        let german = api.created("/customers", &json!({
            "code": "DE-1", "name": "Teehaus", "email": "someone@example.com", "vat_number": "DE136695976",
            "addresses": [{"kind": "billing", "line1": "1 Allee", "postal_code": "10115", "city": "Berlin", "country": "DE"}],
            "invoicing": {"kind": "business"},
        })).await?;
        let order = ordered_with_a_service(&api, &german).await?;
        let categories = |invoice: &Value| {
            let groups = invoice["content"]["vat"].as_array().cloned().unwrap_or_default();
            let mut found: Vec<_> = groups.iter().map(|group| group["vat"]["category"].as_str().unwrap_or("?").to_owned()).collect();
            found.sort();
            found
        };
        api.http.post(&format!("/orders/{}/ship", id(&order)), &json!({})).await?;
        let all = json!({"order_ids": [order["id"]], "deposits": false});
        let whole = validated(&api, &api.created("/invoices/from-orders", &all).await?).await?;
        assert_eq!((categories(&whole), &whole["gross_total"]), (vec!["AE".to_owned(), "K".to_owned()], &json!("150.00")));

        // The law wants no deposit of such goods invoiced (CGI, article 289, I, 1, c).
        let line = |product: &Value| json!({"product_id": product["product_id"], "quantity": "1"});
        let lines: Vec<Value> = order["lines"].as_array().into_iter().flatten().map(line).collect();
        let next = api.created("/orders", &json!({"customer_id": german["id"], "lines": lines})).await?;
        let draft = deposit(&api, &next, &json!({"percent": "20"})).await?;
        assert_eq!(draft.status, 201, "{}", draft.text);
        let refused = api.http.command(&format!("/invoices/{}/validate", id(&draft.json))).await?;
        assert_eq!((refused.status, refused.code(), refused.pointers()), (422, "invoice_incomplete", vec!["/draft/lines"]), "{}", refused.text);
        let fault = &refused.json["errors"][0];
        assert_eq!(fault["code"], "intra_community_deposit");
        assert!(fault["message"].as_str().is_some_and(|said| said.contains("262 ter, I") && said.contains("289, I, 1, c")), "{fault}");
        is_sound(world).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vat_on_delivered_goods_stays_due_when_the_payment_of_their_deposit_is_reversed() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        let order = ordered_with_a_service(&api, &customer).await?;
        let first = validated(&api, &deposit(&api, &order, &json!({"percent": "20"})).await?.json).await?;
        let body = json!({"customer_id": customer["id"], "method": "cheque", "amount": "36.00",
            "invoices": [{"invoice_id": first["id"], "amount": "36.00"}]});
        let payment = api.created("/payments", &body).await?;
        api.http.post(&format!("/orders/{}/ship", id(&order)), &json!({})).await?;
        let last = api.created("/invoices/from-orders", &json!({"order_ids": [order["id"]]})).await?;
        validated(&api, &last).await?;
        let delivered = "delivery S 20 80.00 16.00";
        assert_eq!(due_now(&api).await?, [delivered, "deposits S 20 30.00 6.00"]);
        api.created(&format!("/payments/{}/reverse", id(&payment)), &json!({"reason": "unpaid"})).await?;
        // The goods, 20.00, were delivered; the service, 10.00, is not paid any more.
        assert_eq!(due_now(&api).await?, [delivered, "deposits S 20 20.00 4.00"]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deposit_on_what_is_exempt_says_why() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        let (tea, course) =
            (product(&api, "TEA", "100", "20").await?, product(&api, "COURSE", "100", "0").await?);
        let line = |product: &Value| json!({"product_id": product["id"], "quantity": "1"});
        let both = json!({"customer_id": customer["id"], "lines": [line(&tea), line(&course)]});
        let order = api.created("/orders", &both).await?;
        let plain = deposit(&api, &order, &json!({"percent": "10"})).await?;
        let refused = api.http.command(&format!("/invoices/{}/validate", id(&plain.json))).await?;
        assert_eq!(
            (refused.status, refused.pointers()),
            (422, vec!["/draft/lines/1/vat"]),
            "{}",
            refused.text
        );
        assert_eq!(refused.json["errors"][0]["code"], "exemption_missing");
        let why = "Exonération de TVA, article 261, 4, 4° du CGI";
        for (exemption, pointer) in [
            (json!({"reason": ""}), "/exemption/reason"),
            (json!({"reason_code": "VATEX-EU-132-1I"}), "/exemption/reason"),
            (json!({"reason_code": "VATEX-1", "reason": why}), "/exemption/reason_code"),
        ] {
            let refused = deposit(&api, &order, &json!({"percent": "10", "exemption": exemption})).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{}", refused.text);
        }
        let exemption = json!({"reason_code": "VATEX-EU-132-1I", "reason": why});
        let body = json!({"percent": "10", "exemption": exemption});
        let made = validated(&api, &deposit(&api, &order, &body).await?.json).await?;
        let exempt = made["content"]["vat"]
            .as_array()
            .context("groups")?
            .iter()
            .find(|group| group["vat"]["category"] == "E");
        let exempt = exempt.with_context(|| made["content"].to_string())?;
        assert_eq!(
            (&exempt["base"], &exempt["reason"], &exempt["reason_code"]),
            (&json!("10.00"), &json!(why), &json!("VATEX-EU-132-1I"))
        );
        let taxed =
            api.created("/orders", &json!({"customer_id": customer["id"], "lines": [line(&tea)]})).await?;
        let refused = deposit(&api, &taxed, &body).await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/exemption"]), "{}", refused.text);
        is_sound(world).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_a_deposit_or_be_taken_off_is_refused() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        let order = ordered(&api, &customer).await?;
        for (body, pointer) in [
            (json!({}), "/percent"),
            (json!({"percent": "30", "amount": "10"}), "/amount"),
            (json!({"percent": "0"}), "/percent"),
            (json!({"percent": "101"}), "/percent"),
            (json!({"amount": "0"}), "/amount"),
        ] {
            let refused = deposit(&api, &order, &body).await?;
            assert_eq!(
                (refused.status, refused.pointers()),
                (422, vec![pointer]),
                "{body}: {}",
                refused.text
            );
        }
        let first = deposit(&api, &order, &json!({"amount": "100.00"})).await?;
        assert_eq!(first.status, 201, "{}", first.text);
        let more = deposit(&api, &order, &json!({"amount": "33.34"})).await?;
        assert_eq!(
            (more.status, more.code(), more.pointers()),
            (409, "deposit_exceeds_order", vec!["/amount"]),
            "{}",
            more.text
        );
        assert_eq!(more.json["errors"][0]["available"], "33.33");
        let nobody = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b";
        let unknown = api.http.post(&format!("/orders/{nobody}/deposits"), &json!({"percent": "30"})).await?;
        assert_eq!((unknown.status, unknown.code()), (404, "order_not_found"), "{}", unknown.text);
        let stranger = api.http.with_credential(&Tenant::create(&world.sql().await?, "Other").await?.api_key);
        let path = format!("/orders/{}/deposits", id(&order));
        assert_eq!(stranger.post(&path, &json!({"percent": "30"})).await?.status, 404);

        // A draft of a deposit is deleted and made anew, and takes nothing of the order then.
        let path = format!("/invoices/{}", first.field("id"));
        let changed = api
            .http
            .send(Method::PATCH, &format!("{path}/draft"), &[("If-Match", "*")], Some(&json!({"note": "x"})))
            .await?;
        assert_eq!((changed.status, changed.code()), (409, "invoice_state_conflict"), "{}", changed.text);
        let gone = api.http.send(Method::DELETE, &path, &[("If-Match", "*")], None).await?;
        assert_eq!(gone.status, 204, "{}", gone.text);
        let draft = deposit(&api, &order, &json!({"amount": "33.34"})).await?;
        assert_eq!(draft.status, 201, "{}", draft.text);

        let line = json!({"name": "A thing", "quantity": "1", "unit_price": "500", "vat": {"rate": "20"}});
        let sold =
            |deposits: Value| json!({"customer_id": customer["id"], "lines": [line], "deposits": deposits});
        for (deposits, status, code, pointer) in [
            (json!([nobody]), 422, "invalid_invoice", "/deposits/0"),
            (json!([draft.json["id"]]), 422, "invalid_invoice", "/deposits/0"),
        ] {
            let refused = api.http.post("/invoices", &sold(deposits)).await?;
            assert_eq!(
                (refused.status, refused.code(), refused.pointers()),
                (status, code, vec![pointer]),
                "{}",
                refused.text
            );
        }
        let made = validated(&api, &draft.json).await?;
        let unpaid = api.http.post("/invoices", &sold(json!([made["id"]]))).await?;
        assert_eq!(
            (unpaid.status, unpaid.code(), unpaid.pointers()),
            (409, "deposit_not_paid", vec!["/deposits/0"]),
            "{}",
            unpaid.text
        );
        pay(&api, &customer, made["gross_total"].as_str().context("a total")?).await?;
        let other = api.buyer("C-2").await?;
        let strange = json!({"customer_id": other["id"], "lines": [line], "deposits": [made["id"]]});
        assert_eq!(api.http.post("/invoices", &strange).await?.pointers(), ["/deposits/0"]);
        let taker = api.created("/invoices", &sold(json!([made["id"]]))).await?;
        let taken = api.http.post("/invoices", &sold(json!([made["id"]]))).await?;
        assert_eq!((taken.status, taken.code()), (409, "deposit_taken"), "{}", taken.text);

        // It was paid when it was drafted, and is not when it is validated.
        let payments = api.http.get("/payments").await?.json;
        let path = format!("/payments/{}/reverse", id(&payments["data"][0]));
        api.created(&path, &json!({"reason": "unpaid"})).await?;
        let late = api.http.command(&format!("/invoices/{}/validate", id(&taker))).await?;
        assert_eq!(
            (late.status, late.code(), late.pointers()),
            (409, "deposit_not_paid", vec!["/draft/deposits/0"]),
            "{}",
            late.text
        );
        // Left out, it is free for another one.
        let path = format!("/invoices/{}/draft", id(&taker));
        let without =
            api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&json!({"deposits": []}))).await?;
        assert_eq!((without.status, &without.json["deposits"]), (200, &json!([])), "{}", without.text);
        validated(&api, &taker).await?;
        assert_eq!(
            standing(&api, &made).await?,
            format!("validated {} 0.00 0.00", made["gross_total"].as_str().unwrap_or("?"))
        );
        is_sound(world).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deposit_that_was_given_back_in_parts_is_in_nobodys_way() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let (customer, tea) = (api.buyer("C-1").await?, product(&api, "TEA", "100", "20").await?);
        let line = json!({"product_id": tea["id"], "quantity": "1"});
        let order = api.created("/orders", &json!({"customer_id": customer["id"], "lines": [line]})).await?;
        let first = deposit(&api, &order, &json!({"percent": "100"})).await?;
        let first = validated(&api, &first.json).await?;
        // 33.33 and 6.67 of VAT, twice; the rest of 120.00 is as much, so the bases come to 99.99.
        for body in [
            json!({"lines": [{"line": 1, "amount": "33.33"}]}),
            json!({"lines": [{"line": 1, "amount": "33.33"}]}),
            json!({}),
        ] {
            let note = api.created(&format!("/invoices/{}/credit-notes", id(&first)), &body).await?;
            assert_eq!(validated(&api, &note).await?["gross_total"], "40.00", "{body}");
        }
        assert_eq!(standing(&api, &first).await?, "paid 0.00 0.00 120.00");

        // There is room for another one of the whole, and the final invoice takes that off.
        let second = deposit(&api, &order, &json!({"percent": "100"})).await?;
        assert_eq!(second.status, 201, "{}", second.text);
        let second = validated(&api, &second.json).await?;
        pay(&api, &customer, "120.00").await?;
        let all = json!({"order_ids": [order["id"]], "unshipped": true});
        let last = api.created("/invoices/from-orders", &all).await?;
        let draft = api.http.get(&format!("/invoices/{}/draft", id(&last))).await?.json;
        assert_eq!(draft["deposits"], json!([second["id"]]));
        is_sound(world).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deposit_of_an_order_that_was_cancelled_gets_no_number() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        let order = ordered(&api, &customer).await?;
        let draft = deposit(&api, &order, &json!({"percent": "30"})).await?;
        assert_eq!(draft.status, 201, "{}", draft.text);
        let cancelled =
            api.http.post(&format!("/orders/{}/cancel", id(&order)), &json!({"reason": "a test"})).await?;
        assert_eq!(cancelled.status, 200, "{}", cancelled.text);
        let refused = api.http.command(&format!("/invoices/{}/validate", id(&draft.json))).await?;
        assert_eq!(
            (refused.status, refused.code(), refused.pointers()),
            (422, "invoice_incomplete", vec!["/draft/lines"]),
            "{}",
            refused.text
        );
        let fault = &refused.json["errors"][0];
        assert_eq!((&fault["code"], &fault["available"]), (&json!("exceeds_order"), &json!("0.00")));
        let drawn = "SELECT count(*) FROM invoice_counters";
        assert_eq!(
            world.sql().await?.query_one(drawn, &[]).await?.get::<_, i64>(0),
            0,
            "no number was drawn"
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deposit_waits_for_an_invoice_that_is_large_enough() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let (customer, tea) = (api.buyer("C-1").await?, product(&api, "TEA", "25", "20").await?);
        let line = json!({"product_id": tea["id"], "quantity": "4"});
        let order = api.created("/orders", &json!({"customer_id": customer["id"], "lines": [line]})).await?;
        api.http.command(&format!("/orders/{}/confirm", id(&order))).await?;
        let draft = deposit(&api, &order, &json!({"amount": "30.00"})).await?;
        validated(&api, &draft.json).await?;
        pay(&api, &customer, "36.00").await?;
        let orders = json!({"order_ids": [order["id"]]});
        let mut totals = Vec::new();
        for quantity in ["1", "3"] {
            let part = json!({"lines": [{"position": 1, "quantity": quantity}]});
            api.created(&format!("/orders/{}/shipments", id(&order)), &part).await?;
            let invoice = validated(&api, &api.created("/invoices/from-orders", &orders).await?).await?;
            totals.push(invoice["gross_total"].as_str().unwrap_or_default().to_owned());
        }
        assert_eq!(totals, ["30.00", "54.00"], "25.00, then 75.00 without the deposit of 30.00");
        is_sound(world).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_not_left_is_invoiced_if_it_is_reserved() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let (customer, tea) = (api.buyer("C-1").await?, api.product_in_stock("TEA", "3").await?);
        let line = json!({"product_id": tea["id"], "quantity": "5"});
        let body = json!({"customer_id": customer["id"], "back_order": true, "lines": [line]});
        let order = api.created("/orders", &body).await?;
        let orders = json!({"order_ids": [order["id"]]});
        let nothing = api.http.post("/invoices/from-orders", &orders).await?;
        assert_eq!((nothing.status, nothing.code()), (409, "nothing_to_invoice"), "{}", nothing.text);
        let all = json!({"order_ids": [order["id"]], "unshipped": true});
        let draft = api.created("/invoices/from-orders", &all).await?;
        let short = api.http.command(&format!("/invoices/{}/validate", id(&draft))).await?;
        assert_eq!(
            (short.status, short.code(), short.pointers()),
            (409, "insufficient_stock", vec!["/draft/lines/0/quantity"]),
            "{}",
            short.text
        );
        assert_eq!(short.json["errors"][0]["available"], "3");

        // A deposit needs no goods.
        let deposit = deposit(&api, &order, &json!({"percent": "100"})).await?;
        validated(&api, &deposit.json).await?;
        api.receive(&tea, "2", "4.00").await?;
        let mut answer = api.http.command(&format!("/invoices/{}/validate", id(&draft))).await?;
        for _ in 0..100 {
            if answer.status == 200 {
                break;
            }
            // The order that waits is served beside the receipt.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            answer = api.http.command(&format!("/invoices/{}/validate", id(&draft))).await?;
        }
        assert_eq!((answer.status, answer.field("gross_total")), (200, "60.00"), "{}", answer.text);
        let again = api.http.post("/invoices/from-orders", &all).await?;
        assert_eq!((again.status, again.code()), (409, "nothing_to_invoice"), "{}", again.text);
        is_sound(world).await
    })
    .await;
}
