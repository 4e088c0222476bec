//! Invoices: drafted, changed, validated, and never changed again.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use comptoir_core::commerce::invoices::chain::{Beside, Link, digest, validated_text};
use comptoir_tests::harness::{Api, RUNTIME_ROLE, Tenant, World, connect};
use reqwest::Method;
use serde_json::{Value, json};

fn path_of(invoice: &Value) -> String {
    format!("/invoices/{}", invoice["id"].as_str().unwrap_or_default())
}

/// The company with all that its invoices must say, a customer, and a product at 10.00 and 20 %.
async fn trade(api: &Api) -> Result<(Value, Value)> {
    api.seller().await?;
    Ok((api.buyer("C-1").await?, api.product("TEA").await?))
}

async fn validated(api: &Api, invoice: &Value) -> Result<Value> {
    let answer = api.http.command(&format!("{}/validate", path_of(invoice))).await?;
    anyhow::ensure!(answer.status == 200, "{}", answer.text);
    Ok(answer.json)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_is_drafted_changed_validated_and_stays_as_it_is() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = trade(&api).await?;
        let body = json!({
            "customer_id": customer["id"], "reference": "PO-7",
            "lines": [
                {"product_id": tea["id"], "quantity": "2"},
                {"name": "Conseil", "nature": "service", "quantity": "1.5", "unit": "hur", "unit_price": "80", "vat": {"rate": "20"}},
            ],
        });
        let created = api.http.post("/invoices", &body).await?;
        assert_eq!(created.status, 201, "{}", created.text);
        assert_eq!((&created.json["state"], &created.json["number"]), (&json!("draft"), &Value::Null));
        assert_eq!(created.json["content"], Value::Null);
        let path = path_of(&created.json);
        assert!(created.header("location").is_some_and(|location| location.ends_with(&path)));

        // The body of PUT is what GET gave.
        let draft = api.http.get(&format!("{path}/draft")).await?;
        assert_eq!((draft.status, draft.header("etag")), (200, Some("\"1\"")), "{}", draft.text);
        let line = &draft.json["lines"][0];
        assert_eq!((&line["sku"], &line["name"]), (&json!("TEA"), &json!("Product TEA")), "what the product knows");
        assert_eq!((&line["unit_price"], &line["vat"]["rate"]), (&json!("10.00"), &json!("20")));
        let same = api.http.send(Method::PUT, &format!("{path}/draft"), &[("If-Match", "\"1\"")], Some(&draft.json)).await?;
        assert_eq!((same.status, &same.json), (200, &draft.json), "{}", same.text);
        let charge = json!({"adjustments": [
            {"kind": "charge", "reason": "Frais de port", "amount": "5.00", "vat": {"rate": "20"}},
            {"kind": "discount", "reason": "Remise", "percent": "10", "vat": {"rate": "20"}},
        ]});
        let changed = api.http.send(Method::PATCH, &format!("{path}/draft"), &[("If-Match", "\"1\"")], Some(&charge)).await?;
        assert_eq!((changed.status, &changed.json["version"]), (200, &json!(2)), "{}", changed.text);
        let late = api.http.send(Method::PATCH, &format!("{path}/draft"), &[("If-Match", "\"1\"")], Some(&charge)).await?;
        assert_eq!((late.status, late.code()), (412, "version_mismatch"));

        let invoice = validated(&api, &created.json).await?;
        let number = invoice["number"].as_str().context("a number")?;
        assert!(number.starts_with("FA-") && number.ends_with("-000001"), "{number}");
        assert_eq!((&invoice["state"], &invoice["version"]), (&json!("validated"), &json!(3)));
        // 20.00 + 120.00 + 5.00 − 14.00 = 131.00; 26.20 of VAT.
        let totals = &invoice["content"]["totals"];
        assert_eq!((&totals["net"], &totals["vat"], &totals["gross"]), (&json!("131.00"), &json!("26.20"), &json!("157.20")));
        assert_eq!((&invoice["gross_total"], &invoice["open"]), (&json!("157.20"), &json!("157.20")));
        assert_eq!(invoice["content"]["number"], invoice["number"]);
        assert_eq!(invoice["content"]["seller"]["legal_id"]["value"], "732829320");

        let read = api.http.get(&path).await?;
        assert_eq!(read.json, invoice);
        for (method, path, body) in [
            (Method::PATCH, format!("{path}/draft"), Some(json!({"note": "x"}))),
            (Method::DELETE, path.clone(), None),
            (Method::POST, format!("{path}/validate"), None),
        ] {
            let refused = api.http.send(method, &path, &[("If-Match", "*")], body.as_ref()).await?;
            assert_eq!((refused.status, refused.code()), (409, "invoice_state_conflict"), "{path}: {}", refused.text);
        }
        let none = api.http.get(&format!("{path}/draft")).await?;
        assert_eq!((none.status, none.code()), (404, "invoice_has_no_draft"));

        // Whatever becomes of the customer and the company, it says what it said.
        let renamed = json!({"name": "Another name"});
        let customer_path = format!("/customers/{}", customer["id"].as_str().unwrap_or_default());
        for path in [customer_path.as_str(), "/tenant"] {
            let answer = api.http.send(Method::PATCH, path, &[("If-Match", "*")], Some(&renamed)).await?;
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        assert_eq!(api.http.get(&path).await?.json, invoice);
        let kept = api.http.send(Method::DELETE, &customer_path, &[("If-Match", "*")], None).await?;
        assert_eq!((kept.status, kept.code()), (409, "customer_has_invoices"), "{}", kept.text);

        let sql = world.sql().await?;
        let event = "SELECT payload ->> 'number', payload ->> 'gross_total' FROM outbox_events WHERE aggregate_type = 'invoice'";
        let events = sql.query(event, &[]).await?;
        assert_eq!(events.len(), 1, "nothing is told of drafts");
        assert_eq!((events[0].get::<_, &str>(0), events[0].get::<_, &str>(1)), (number, "157.20"));
        let audited = "SELECT string_agg(action, ' ' ORDER BY occurred_at) FROM audit_events WHERE resource_type = 'invoice'";
        assert_eq!(sql.query_one(audited, &[]).await?.get::<_, &str>(0), "invoice.create invoice.update invoice.validate");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_said_at_once_and_costs_no_number() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.product("TEA").await?);
        let invoice = api.invoice(&customer, &tea).await?;
        let path = format!("{}/validate", path_of(&invoice));
        let refused = api.http.command(&path).await?;
        assert_eq!((refused.status, refused.code()), (422, "invoice_incomplete"), "{}", refused.text);
        assert_eq!(
            refused.pointers(),
            ["/tenant/address", "/customer/addresses", "/customer/invoicing/kind"]
        );
        api.seller().await?;
        let refused = api.http.command(&path).await?;
        assert_eq!(
            refused.pointers(),
            ["/customer/addresses", "/customer/invoicing/kind"],
            "{}",
            refused.text
        );
        let buyer = api.buyer("C-2").await?;
        let other = api.invoice(&buyer, &tea).await?;
        assert!(
            validated(&api, &other).await?["number"]
                .as_str()
                .is_some_and(|number| number.ends_with("-000001"))
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_have_no_gaps_whoever_validates_at_once() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = trade(&api).await?;
        let mut drafts = Vec::new();
        for _ in 0..24 {
            drafts.push(api.invoice(&customer, &tea).await?);
        }
        // Every third one is refused, after others have waited.
        for draft in drafts.iter().step_by(3) {
            let future = json!({"lines": [{"product_id": tea["id"], "quantity": "1.23456"}]});
            let path = format!("{}/draft", path_of(draft));
            api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&future)).await?;
        }
        let attempts = drafts.iter().map(async |draft| {
            let answer = api.http.command(&format!("{}/validate", path_of(draft))).await?;
            anyhow::Ok((answer.status, answer.json["number"].as_str().unwrap_or_default().to_owned()))
        });
        let answers: Result<Vec<_>> = futures::future::join_all(attempts).await.into_iter().collect();
        let answers = answers?;
        assert_eq!(answers.iter().filter(|(status, _)| *status == 422).count(), 8, "{answers:?}");
        let numbers: BTreeSet<_> =
            answers.iter().filter(|(status, _)| *status == 200).map(|(_, number)| number).collect();
        let year = numbers.first().context("a number")?.get(3..7).context("a year")?.to_owned();
        let expected: Vec<_> = (1..=16).map(|position| format!("FA-{year}-{position:06}")).collect();
        assert!(numbers.iter().copied().eq(expected.iter()), "{numbers:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dates_go_up_unless_the_company_says_otherwise_and_never_lie_ahead() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = trade(&api).await?;
        validated(&api, &api.invoice(&customer, &tea).await?).await?;
        let dated = async |date: &str| {
            let line = json!({"product_id": tea["id"], "quantity": "1"});
            let body = json!({"customer_id": customer["id"], "issue_date": date, "lines": [line]});
            let draft = api.created("/invoices", &body).await?;
            api.http.command(&format!("{}/validate", path_of(&draft))).await
        };
        let now = Utc::now();
        let before = dated(&(now - TimeDelta::days(40)).date_naive().to_string()).await?;
        assert_eq!((before.status, before.code()), (422, "invoice_incomplete"), "{}", before.text);
        assert_eq!(
            (before.pointers(), &before.json["errors"][0]["code"]),
            (vec!["/draft/issue_date"], &json!("before_the_last"))
        );
        let ahead = dated(&(now + TimeDelta::days(2)).date_naive().to_string()).await?;
        assert_eq!(ahead.json["errors"][0]["code"], "in_the_future", "{}", ahead.text);
        let free = json!({"invoicing": {"dates_in_order": false}});
        api.http.send(Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&free)).await?;
        let year = now.year() - 1;
        let earlier = dated(&format!("{year}-12-30")).await?;
        let number = json!(format!("FA-{year}-000001"));
        assert_eq!((earlier.status, &earlier.json["number"]), (200, &number), "{}", earlier.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_frozen_is_refused_to_the_api_and_to_the_owner() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = trade(&api).await?;
        validated(&api, &api.invoice(&customer, &tea).await?).await?;
        let owner = world.sql().await?;
        let runtime = connect(&world.database.api_url).await?;
        runtime.batch_execute(&format!("SET ROLE {RUNTIME_ROLE}")).await?;
        let tenant = world.tenant().await?.id;
        for table in ["invoice_contents", "invoice_lines", "invoice_vat", "invoice_chain"] {
            for statement in [
                format!("UPDATE {table} SET tenant_id = tenant_id"),
                format!("DELETE FROM {table}"),
                format!("TRUNCATE {table} CASCADE"),
            ] {
                let refused = owner.batch_execute(&statement).await.expect_err("the owner changed it");
                assert_eq!(refused.code().map(|code| code.code()), Some("23001"), "{statement}: {refused:?}");
                let bound = format!("BEGIN; SET LOCAL comptoir.tenant_id = '{tenant}'; {statement}");
                let refused = runtime.batch_execute(&bound).await.expect_err("the API changed it");
                assert_eq!(refused.code().map(|code| code.code()), Some("42501"), "{statement}: {refused:?}");
                runtime.batch_execute("ROLLBACK").await?;
            }
        }
        for statement in [
            "UPDATE invoices SET number = 'FA-1'",
            "UPDATE invoices SET gross_total = 1, paid = 0",
            "DELETE FROM invoices",
        ] {
            let refused = owner.batch_execute(statement).await.expect_err("the owner changed it");
            assert_eq!(refused.code().map(|code| code.code()), Some("23001"), "{statement}: {refused:?}");
        }
        Ok(())
    })
    .await;
}

/// Without its claims the same goods would be invoiced once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_invoice_with_a_number_claims_of_orders_stays() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = trade(&api).await?;
        let order = api.order(&customer, &tea).await?;
        for step in ["confirm", "ship"] {
            let path = format!("/orders/{}/{step}", order["id"].as_str().context("an id")?);
            let answer = api.http.post(&path, &json!({})).await?;
            ensure!(answer.status == 200, "{}", answer.text);
        }
        let wanted = json!({"order_ids": [order["id"]]});
        // A draft gives back what it claims.
        let draft = api.created("/invoices/from-orders", &wanted).await?;
        let deleted = api.http.send(Method::DELETE, &path_of(&draft), &[("If-Match", "*")], None).await?;
        ensure!(deleted.status == 204, "{}", deleted.text);
        let draft = api.created("/invoices/from-orders", &wanted).await?;
        validated(&api, &draft).await?;

        let tenant = world.tenant().await?.id;
        let owner = world.sql().await?;
        let runtime = connect(&world.database.api_url).await?;
        runtime.batch_execute(&format!("SET ROLE {RUNTIME_ROLE}")).await?;
        let bound = format!("BEGIN; SET LOCAL comptoir.tenant_id = '{tenant}'; DELETE FROM invoice_claims");
        let refused = runtime.batch_execute(&bound).await.expect_err("the API removed it");
        assert_eq!(refused.code().map(|code| code.code()), Some("23001"), "{refused:?}");
        runtime.batch_execute("ROLLBACK").await?;
        for statement in ["DELETE FROM invoice_claims", "UPDATE invoice_claims SET quantity = quantity - 1"] {
            let refused = owner.batch_execute(statement).await.expect_err("the owner changed it");
            assert_eq!(refused.code().map(|code| code.code()), Some("23001"), "{statement}: {refused:?}");
        }
        // Who turns the trigger off is found.
        owner
            .batch_execute("ALTER TABLE invoice_claims DISABLE TRIGGER USER; DELETE FROM invoice_claims")
            .await?;
        let verified = world.run_api(&["invoices", "verify", "--json"]).await?;
        let report: Value =
            serde_json::from_str(&verified.stdout).with_context(|| format!("{verified:?}"))?;
        let broken = &report["broken"][0];
        assert_eq!((&broken["rule"], &broken["id"]), (&json!("rows"), &draft["id"]), "{report}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_validation_is_a_link_of_its_series() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = trade(&api).await?;
        for _ in 0..3 {
            validated(&api, &api.invoice(&customer, &tea).await?).await?;
        }
        let sql = world.sql().await?;
        let links = sql
            .query(
                "SELECT l.tenant_id::text, l.series, l.position, l.kind, l.subject_id::text, (extract(epoch FROM l.occurred_at) * 1000000)::bigint AS micros,
                    l.digest, l.previous_hash, l.hash, c.content, r.product_id::text, r.nature, r.price_source, r.why
                FROM invoice_chain AS l JOIN invoice_contents AS c ON (c.tenant_id, c.invoice_id) = (l.tenant_id, l.subject_id)
                JOIN invoice_lines AS r ON (r.tenant_id, r.invoice_id) = (c.tenant_id, c.invoice_id)
                ORDER BY l.position",
                &[],
            )
            .await?;
        assert_eq!(links.len(), 3);
        let mut previous = vec![0; 32];
        for (row, position) in links.iter().zip(1..) {
            let line = Beside {
                product_id: Some(row.get::<_, &str>("product_id").parse()?),
                source: None,
                nature: row.get("nature"),
                deposit: false,
                price_source: row.get("price_source"),
                price_list_id: None,
                why: row.get("why"),
            };
            let customer = customer["id"].as_str().context("an id")?.parse()?;
            let text = validated_text(row.get("content"), customer, &[line]);
            let link = Link {
                tenant_id: row.get::<_, &str>("tenant_id").parse()?,
                series: row.get("series"),
                position,
                kind: row.get("kind"),
                subject_id: row.get::<_, &str>("subject_id").parse()?,
                occurred_at: DateTime::from_timestamp_micros(row.get("micros")).context("a time")?,
                digest: &digest(&text),
            };
            assert_eq!(row.get::<_, i64>("position"), position);
            assert_eq!(row.get::<_, &[u8]>("digest"), digest(&text), "of what is stored");
            assert_eq!(row.get::<_, &[u8]>("previous_hash"), previous);
            assert_eq!(row.get::<_, &[u8]>("hash"), link.hash(&previous), "as the program calculates it");
            previous = row.get::<_, &[u8]>("hash").to_vec();
        }
        let head = sql.query_one("SELECT position, hash FROM invoice_series", &[]).await?;
        assert_eq!((head.get::<_, i64>(0), head.get::<_, Vec<u8>>(1)), (3, previous));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_draft_is_named_and_a_draft_is_deleted() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = trade(&api).await?;
        let nobody = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b";
        let line = json!({"product_id": tea["id"], "quantity": "1"});
        for (body, code, pointers) in [
            (json!({"customer_id": customer["id"], "lines": []}), "invalid_invoice", vec!["/lines"]),
            (json!({"customer_id": nobody, "lines": [line]}), "invalid_invoice", vec!["/customer_id"]),
            (
                json!({"customer_id": customer["id"], "lines": [{"product_id": nobody, "quantity": "1"}, {"quantity": "1"}]}),
                "invalid_invoice",
                vec!["/lines/0/product_id", "/lines/1/name", "/lines/1/unit_price", "/lines/1/vat/rate"],
            ),
            (
                json!({"customer_id": customer["id"], "lines": [{"product_id": tea["id"], "quantity": "1",
                    "adjustments": [{"kind": "discount", "reason": "x"}]}]}),
                "invalid_request",
                vec!["/lines/0/adjustments/0/amount"],
            ),
        ] {
            let refused = api.http.post("/invoices", &body).await?;
            assert_eq!((refused.status, refused.code()), (422, code), "{body}: {}", refused.text);
            assert_eq!(refused.pointers(), pointers, "{body}");
        }
        let draft = api.invoice(&customer, &tea).await?;
        let path = path_of(&draft);
        let other = Tenant::create(&world.sql().await?, "Other").await?;
        let stranger = api.http.with_credential(&other.api_key);
        assert_eq!(stranger.get(&path).await?.status, 404);
        assert_eq!(stranger.command(&format!("{path}/validate")).await?.status, 404);
        let gone = api.http.send(Method::DELETE, &path, &[("If-Match", "*")], None).await?;
        assert_eq!(gone.status, 204, "{}", gone.text);
        assert_eq!(api.http.get(&path).await?.status, 404);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vat_follows_from_who_buys_and_where_the_goods_go() {
    World::run(async |world| {
        let api = world.api().await?;
        let (_, tea) = trade(&api).await?;
        let address = |country: &str, code: &str| {
            json!([{"kind": "billing", "line1": "1 street", "postal_code": code, "city": "Town", "country": country}])
        };
        for (code, kind, vat_number, addresses, category, gross) in [
            ("DE-1", "business", Some("DE136695976"), address("DE", "10115"), "K", "20.00"),
            ("DE-2", "consumer", None, address("DE", "10115"), "S", "24.00"),
            ("CH-1", "business", None, address("CH", "1201"), "G", "20.00"),
            ("RE-1", "consumer", None, address("FR", "97400"), "G", "20.00"),
            ("FR-1", "consumer", None, address("FR", "75001"), "S", "24.00"),
        ] {
            let body = json!({
                "code": code, "name": code, "email": "a@b.example", "vat_number": vat_number, "addresses": addresses,
                "invoicing": {"kind": kind},
            });
            let customer = api.created("/customers", &body).await?;
            let invoice = validated(&api, &api.invoice(&customer, &tea).await?).await?;
            let vat = &invoice["content"]["vat"][0];
            assert_eq!((&vat["vat"]["category"], &invoice["gross_total"]), (&json!(category), &json!(gross)), "{code}");
            assert_eq!(vat["reason"].is_string(), category != "S", "{code}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_company_in_france_has_set_against_the_law_is_said_before_a_number_is_drawn() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = trade(&api).await?;
        let validate = format!("{}/validate", path_of(&api.invoice(&customer, &tea).await?));
        // As if both had been right when they were set: the legal rate has risen, and the company was elsewhere.
        let sql = world.sql().await?;
        sql.execute("UPDATE tenants SET late_interest_rate = 0.5, currency = 'CHF'", &[]).await?;
        let refused = api.http.command(&validate).await?;
        assert_eq!((refused.status, refused.code()), (422, "invoice_incomplete"), "{}", refused.text);
        assert_eq!(refused.pointers(), ["/tenant/currency", "/tenant/invoicing/late_interest_rate"], "{}", refused.text);
        let codes: Vec<_> = [0_usize, 1].map(|index| refused.json["errors"][index]["code"].clone()).to_vec();
        assert_eq!(codes, ["vat_in_euros_missing", "late_interest_too_low"]);

        // What late payment costs is said to no consumer, so nothing is wrong with it there.
        sql.execute("UPDATE tenants SET currency = 'EUR'", &[]).await?;
        let body = json!({
            "code": "FR-1", "name": "Ada", "email": "a@b.example", "invoicing": {"kind": "consumer"},
            "addresses": [{"kind": "billing", "line1": "1 rue", "postal_code": "75001", "city": "Paris", "country": "FR"}],
        });
        let consumer = api.created("/customers", &body).await?;
        let sold = validated(&api, &api.invoice(&consumer, &tea).await?).await?;
        let said = sold["content"]["mentions"].to_string();
        assert!(!said.contains("PMD") && !said.contains("PMT"), "{said}");
        assert!(sold["number"].as_str().is_some_and(|number| number.ends_with("-000001")), "{sold}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_public_body_has_30_days() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = trade(&api).await?;
        let body = json!({"invoicing": {"kind": "public_body", "payment_terms": {"days": 60, "end_of_month": false}}});
        let path = format!("/customers/{}", customer["id"].as_str().unwrap_or_default());
        let changed = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&body)).await?;
        assert_eq!(changed.status, 200, "{}", changed.text);
        let line = json!({"product_id": tea["id"], "quantity": "2"});
        let mut draft = json!({"customer_id": customer["id"], "issue_date": "2025-03-10", "due_on": "2025-04-10", "lines": [line]});
        let invoice = api.created("/invoices", &draft).await?;
        let refused = api.http.command(&format!("{}/validate", path_of(&invoice))).await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/draft/due_on"]), "{}", refused.text);
        let fault = &refused.json["errors"][0];
        assert_eq!(fault["code"], "terms_beyond_law");
        assert!(fault["message"].as_str().is_some_and(|said| said.contains("R2192-10")), "{fault}");
        // What was agreed is shortened, and the document says so.
        draft["due_on"] = Value::Null;
        let invoice = validated(&api, &api.created("/invoices", &draft).await?).await?;
        assert_eq!(invoice["content"]["due_date"], "2025-04-09");
        let said = invoice["content"]["mentions"].to_string();
        assert!(said.contains("R2192-10"), "{said}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistyped_year_gets_no_number() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = trade(&api).await?;
        let line = json!({"product_id": tea["id"], "quantity": "2"});
        let body = json!({"customer_id": customer["id"], "issue_date": "2005-03-10", "lines": [line]});
        let invoice = api.created("/invoices", &body).await?;
        let refused = api.http.command(&format!("{}/validate", path_of(&invoice))).await?;
        assert_eq!((refused.status, refused.code()), (422, "invoice_incomplete"), "{}", refused.text);
        assert_eq!(refused.pointers(), ["/draft/issue_date"], "{}", refused.text);
        assert_eq!(refused.json["errors"][0]["code"], "out_of_range");
        Ok(())
    })
    .await;
}

/// An order of five of a product, confirmed, of which some have left.
async fn shipped(api: &Api, customer: &Value, product: &Value, left: &str) -> Result<(Value, Value)> {
    shipped_to(api, customer, product, left, &Value::Null).await
}

/// The same, with an address of its own.
async fn shipped_to(
    api: &Api,
    customer: &Value,
    product: &Value,
    left: &str,
    address: &Value,
) -> Result<(Value, Value)> {
    let line = json!({"product_id": product["id"], "quantity": "5"});
    let body = json!({"customer_id": customer["id"], "reference": null, "delivery_address": address, "lines": [line]});
    let order = api.created("/orders", &body).await?;
    let path = format!("/orders/{}", order["id"].as_str().unwrap_or_default());
    let confirmed = api.http.command(&format!("{path}/confirm")).await?;
    anyhow::ensure!(confirmed.status == 200, "{}", confirmed.text);
    let part = json!({"lines": [{"position": 1, "quantity": left}]});
    let shipment = api.created(&format!("{path}/shipments"), &part).await?;
    Ok((order, shipment))
}

/// The quantities of a draft's lines.
async fn quantities(api: &Api, invoice: &Value) -> Result<Vec<String>> {
    let draft = api.http.get(&format!("{}/draft", path_of(invoice))).await?.json;
    let lines = draft["lines"].as_array().context("lines")?;
    Ok(lines.iter().map(|line| line["quantity"].as_str().unwrap_or_default().to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_left_is_invoiced_once() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = trade(&api).await?;
        let (order, first) = shipped(&api, &customer, &tea, "2").await?;
        let orders = json!({"order_ids": [order["id"]]});
        let invoice = api.created("/invoices/from-orders", &orders).await?;
        assert_eq!(quantities(&api, &invoice).await?, ["2"]);
        let draft = api.http.get(&format!("{}/draft", path_of(&invoice))).await?.json;
        assert_eq!(draft["lines"][0]["source"], json!({"order_id": order["id"], "position": 1}));
        assert_eq!(draft["delivered_on"], first["shipped_on"]);

        let again = api.http.post("/invoices/from-orders", &orders).await?;
        assert_eq!((again.status, again.code()), (409, "nothing_to_invoice"), "{}", again.text);
        let more = json!({"lines": [{"source": {"order_id": order["id"], "position": 1}, "product_id": tea["id"], "quantity": "2.5"}]});
        let path = format!("{}/draft", path_of(&invoice));
        let refused = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&more)).await?;
        assert_eq!((refused.status, refused.code()), (409, "invoice_exceeds_shipped"), "{}", refused.text);
        assert_eq!((refused.pointers(), &refused.json["errors"][0]["available"]), (vec!["/lines/0/quantity"], &json!("2")));

        // What a draft gives back can be invoiced by another one, and what an invoice has stays with it.
        let less = json!({"lines": [{"source": {"order_id": order["id"], "position": 1}, "product_id": tea["id"], "quantity": "0.5"}]});
        let changed = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&less)).await?;
        assert_eq!(changed.status, 200, "{}", changed.text);
        validated(&api, &invoice).await?;
        let rest = api.created("/invoices/from-shipments", &json!({"shipment_ids": [first["id"]]})).await?;
        assert_eq!(quantities(&api, &rest).await?, ["1.5"]);
        let gone = api.http.send(Method::DELETE, &path_of(&rest), &[("If-Match", "*")], None).await?;
        assert_eq!(gone.status, 204, "{}", gone.text);

        let order_path = format!("/orders/{}/shipments", order["id"].as_str().unwrap_or_default());
        let second = api.created(&order_path, &json!({})).await?;
        let month = second["shipped_on"].as_str().and_then(|day| day.get(..7)).context("a day")?;
        let body = json!({"customer_id": customer["id"], "month": month});
        let of_month = api.created("/invoices/from-month", &body).await?;
        assert_eq!(quantities(&api, &of_month).await?, ["4.5"], "1.5 of the first shipment, 3 of the second");
        let draft = api.http.get(&format!("{}/draft", path_of(&of_month))).await?.json;
        assert_eq!(draft["period"]["start"], format!("{month}-01"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goods_that_left_from_a_warehouse_abroad_are_not_taxed_without_asking() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = trade(&api).await?;
        for (code, country, postal_code, status) in
            [("LYON", "FR", "69001", 200), ("KEHL", "DE", "77694", 422)]
        {
            let address =
                json!({"line1": "1 quai", "postal_code": postal_code, "city": code, "country": country});
            let warehouse =
                api.created("/warehouses", &json!({"code": code, "name": code, "address": address})).await?;
            let line = json!({"product_id": tea["id"], "quantity": "2"});
            let body =
                json!({"customer_id": customer["id"], "warehouse_id": warehouse["id"], "lines": [line]});
            let order = api.created("/orders", &body).await?;
            let path = format!("/orders/{}", order["id"].as_str().unwrap_or_default());
            api.http.command(&format!("{path}/confirm")).await?;
            api.created(&format!("{path}/shipments"), &json!({})).await?;
            let invoice = api.created("/invoices/from-orders", &json!({"order_ids": [order["id"]]})).await?;
            let answer = api.http.command(&format!("{}/validate", path_of(&invoice))).await?;
            assert_eq!(answer.status, status, "{code}: {}", answer.text);
            if status == 422 {
                assert_eq!(answer.pointers(), ["/draft/lines/0/vat"], "{}", answer.text);
                assert_eq!(answer.json["errors"][0]["code"], "leaves_from_elsewhere", "{}", answer.text);
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goods_are_taxed_and_named_where_the_order_had_them_delivered() {
    World::run(async |world| {
        let api = world.api().await?;
        let (_, tea) = trade(&api).await?;
        let german = json!({
            "code": "DE-1", "name": "DE-1", "email": "a@b.example", "vat_number": "DE136695976", "invoicing": {"kind": "business"},
            "addresses": [{"kind": "billing", "line1": "1 street", "postal_code": "10115", "city": "Town", "country": "DE"}],
        });
        let german = api.created("/customers", &german).await?;
        let place = |line1: &str| json!({"line1": line1, "postal_code": "67000", "city": "Strasbourg", "country": "FR"});
        let (first, _) = shipped_to(&api, &german, &tea, "2", &place("2 quai Sud")).await?;
        let (second, _) = shipped_to(&api, &german, &tea, "2", &place("3 quai Nord")).await?;
        let (at_home, _) = shipped(&api, &german, &tea, "2").await?;
        let mixed = json!({"order_ids": [first["id"], at_home["id"]]});
        let refused = api.http.post("/invoices/from-orders", &mixed).await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/order_ids"]), "{}", refused.text);
        assert_eq!(refused.json["errors"][0]["code"], "several_destinations", "{}", refused.text);

        let both = api.created("/invoices/from-orders", &json!({"order_ids": [first["id"], second["id"]]})).await?;
        let content = validated(&api, &both).await?["content"].clone();
        assert_eq!(content["vat"][0]["vat"]["category"], "S", "the goods stay in France: {content}");
        let delivered = &content["delivery"]["address"]["line1"];
        let descriptions: Vec<_> = (0..2_usize).map(|index| &content["lines"][index]["description"]).collect();
        let elsewhere: Vec<_> = descriptions.iter().filter_map(|text| text.as_str()).collect();
        assert_eq!(elsewhere.len(), 1, "{content}");
        let other = if delivered == "2 quai Sud" { "3 quai Nord" } else { "2 quai Sud" };
        assert!(elsewhere[0].contains(other), "{content}");

        let home = api.created("/invoices/from-orders", &json!({"order_ids": [at_home["id"]]})).await?;
        let content = validated(&api, &home).await?["content"].clone();
        assert_eq!((&content["vat"][0]["vat"]["category"], &content["delivery"]["address"]["country"]), (&json!("K"), &json!("DE")));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_is_of_one_customers_orders_and_two_at_once_share_nothing() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = trade(&api).await?;
        let other = api.buyer("C-2").await?;
        let ((mine, _), (theirs, _)) =
            (shipped(&api, &customer, &tea, "5").await?, shipped(&api, &other, &tea, "5").await?);
        let mixed = api.http.post("/invoices/from-orders", &json!({"order_ids": [mine["id"], theirs["id"]]})).await?;
        assert_eq!((mixed.status, mixed.pointers()), (422, vec!["/order_ids"]), "{}", mixed.text);
        let line = json!({"source": {"order_id": theirs["id"], "position": 1}, "product_id": tea["id"], "quantity": "1"});
        let foreign = api.http.post("/invoices", &json!({"customer_id": customer["id"], "lines": [line]})).await?;
        assert_eq!((foreign.status, foreign.pointers()), (422, vec!["/lines/0/source/order_id"]), "{}", foreign.text);
        let none = api.http.post("/invoices/from-month", &json!({"customer_id": customer["id"], "month": "2020-01"})).await?;
        assert_eq!((none.status, none.code()), (409, "nothing_to_invoice"), "{}", none.text);

        let body = json!({"order_ids": [mine["id"]]});
        let attempts = (0..8).map(async |_| api.http.post("/invoices/from-orders", &body).await);
        let answers: Result<Vec<_>> = futures::future::join_all(attempts).await.into_iter().collect();
        let mut statuses: Vec<_> = answers?.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
        Ok(())
    })
    .await;
}
