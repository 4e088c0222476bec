//! Customers: created, read, changed, deleted.

use anyhow::Result;
use comptoir_tests::harness::World;
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_is_created_read_changed_and_deleted() {
    World::run(async |world| {
        let api = world.api().await?;
        let body = json!({
            "code": " C-1 ",
            "name": "Maison Dupont",
            "email": "achats@dupont.example",
            "vat_number": "FR40303265045",
            "addresses": [{"kind": "billing", "line1": "1 rue de la Paix", "postal_code": "75002", "city": "Paris", "country": "FR"}],
        });
        let created = api.http.post("/customers", &body).await?;
        assert_eq!(created.status, 201, "{}", created.text);
        assert_eq!(created.json["code"], "C-1", "text is trimmed");
        assert_eq!(created.json["version"], 1);
        assert_eq!(created.header("etag"), Some("\"1\""));
        let id = created.field("id").to_owned();
        let location = created.header("location").unwrap();
        assert!(location.ends_with(&format!("/api/v1/customers/{id}")), "{location}");

        let read = api.http.get(&format!("/customers/{id}")).await?;
        assert_eq!((read.status, &read.json), (200, &created.json));
        assert_eq!(read.header("etag"), Some("\"1\""));

        let changed_body = json!({
            "code": "C-1", "name": "Dupont & Fils", "external_id": null, "email": "achats@dupont.example", "vat_number": null, "addresses": [], "credit_limit": null,
            "invoicing": null, "group_id": null,
        });
        let path = format!("/customers/{id}");
        let changed = api.http.send(Method::PUT, &path, &[("If-Match", "\"1\"")], Some(&changed_body)).await?;
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!((&changed.json["version"], changed.header("etag")), (&json!(2), Some("\"2\"")));
        assert_eq!(changed.json["addresses"], json!([]), "PUT replaces the whole");

        let deleted = api.http.send(Method::DELETE, &path, &[("If-Match", "\"2\"")], None).await?;
        assert_eq!(deleted.status, 204, "{}", deleted.text);
        assert_eq!(api.http.get(&path).await?.status, 404);

        let types: Vec<String> = world
            .sql()
            .await?
            .query("SELECT event_type FROM outbox_events WHERE aggregate_id = $1 ORDER BY seq", &[&id])
            .await?
            .iter()
            .map(|row| row.get(0))
            .collect();
        assert_eq!(types, ["customer.created", "customer.updated", "customer.deleted"]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_belongs_to_one_customer() {
    World::run(async |world| {
        let api = world.api().await?;
        api.customer("C-1").await?;
        let other = api.customer("C-2").await?;
        let body = json!({"code": "C-1", "name": "Another", "email": "a@example.com"});
        let again = api.http.post("/customers", &body).await?;
        assert_eq!((again.status, again.code()), (409, "customer_code_taken"));
        let path = format!("/customers/{}", other["id"].as_str().unwrap());
        let renamed = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&body)).await?;
        assert_eq!((renamed.status, renamed.code()), (409, "customer_code_taken"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_needs_the_version_that_was_read() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let path = format!("/customers/{}", customer["id"].as_str().unwrap());
        let body = json!({"code": "C-1", "name": "New", "email": "new@example.com"});
        let without = api.http.send(Method::PUT, &path, &[], Some(&body)).await?;
        assert_eq!((without.status, without.code()), (428, "precondition_required"));
        let stale = api.http.send(Method::PUT, &path, &[("If-Match", "\"7\"")], Some(&body)).await?;
        assert_eq!((stale.status, stale.code()), (412, "version_mismatch"));
        let without = api.http.send(Method::DELETE, &path, &[], None).await?;
        assert_eq!((without.status, without.code()), (428, "precondition_required"));
        let stale = api.http.send(Method::DELETE, &path, &[("If-Match", "\"7\"")], None).await?;
        assert_eq!((stale.status, stale.code()), (412, "version_mismatch"));
        assert_eq!(api.http.get(&path).await?.json, customer, "nothing was changed");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sixteen_concurrent_changes_of_one_version_one_succeeds() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let path = format!("/customers/{}", customer["id"].as_str().unwrap());
        let changes = (0..16).map(async |number| {
            let body = json!({"code": "C-1", "name": format!("Name {number}"), "email": "new@example.com"});
            api.http.send(Method::PATCH, &path, &[("If-Match", "\"1\"")], Some(&body)).await
        });
        let answers: Result<Vec<_>> = futures::future::join_all(changes).await.into_iter().collect();
        let mut statuses: Vec<u16> = answers?.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses[0], 200);
        assert!(statuses[1..].iter().all(|status| *status == 412), "{statuses:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_with_orders_stays() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        api.order(&customer, &product).await?;
        let path = format!("/customers/{}", customer["id"].as_str().unwrap());
        let refused = api.http.send(Method::DELETE, &path, &[("If-Match", "*")], None).await?;
        assert_eq!((refused.status, refused.code()), (409, "customer_has_orders"));
        assert_eq!(api.http.get(&path).await?.status, 200);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_customer_is_said_field_by_field() {
    World::run(async |world| {
        let api = world.api().await?;
        let body = json!({
            "code": "x".repeat(51),
            "name": "   ",
            "email": "nobody",
            "addresses": [{"kind": "billing", "line1": "1 rue", "city": "Paris", "country": "ZZ"}],
        });
        let answer = api.http.post("/customers", &body).await?;
        assert_eq!((answer.status, answer.code()), (422, "invalid_request"));
        let mut pointers = answer.pointers();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/addresses/0/country", "/code", "/email", "/name"]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_invoices_need_of_a_customer_is_kept_and_checked() {
    World::run(async |world| {
        let api = world.api().await?;
        let plain = api.customer("C-0").await?;
        let nothing = json!({
            "kind": null, "legal_form": null, "registration": null, "electronic_address": null, "language": null,
            "payment_terms": null, "channel": null, "reminders": true,
        });
        assert_eq!(plain["invoicing"], nothing);
        let invoicing = json!({
            "kind": "business",
            "legal_form": "SARL",
            "registration": {"scheme": "siren", "number": "303265045"},
            "electronic_address": {"scheme": "0225", "identifier": "303265045"},
            "language": "en",
            "payment_terms": {"days": 45, "end_of_month": true},
            "channel": "platform",
            "reminders": false,
        });
        let body = json!({
            "code": "C-1", "name": "Librairie des Carmes", "email": "achats@carmes.example",
            "vat_number": "FR40303265045", "invoicing": invoicing,
        });
        let created = api.http.post("/customers", &body).await?;
        assert_eq!((created.status, &created.json["invoicing"]), (201, &invoicing), "{}", created.text);
        let path = format!("/customers/{}", created.field("id"));
        assert_eq!(api.http.get(&path).await?.json, created.json);

        let patch = async |body| api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&body)).await;
        let changed = patch(json!({"invoicing": {"kind": "public_body", "payment_terms": null}})).await?;
        let mut expected = invoicing.clone();
        expected["kind"] = "public_body".into();
        expected["payment_terms"] = json!(null);
        assert_eq!((changed.status, &changed.json["invoicing"]), (200, &expected), "{}", changed.text);

        for (wrong, pointer, code) in [
            (json!({"invoicing": {"kind": "martian"}}), "/invoicing/kind", "unknown_value"),
            (
                json!({"invoicing": {"registration": {"scheme": "siren", "number": "303265046"}}}),
                "/invoicing/registration/number",
                "not_a_siren",
            ),
            (json!({"vat_number": "FR83404833048"}), "/vat_number", "vat_number_mismatch"),
            (
                json!({"invoicing": {"payment_terms": {"days": 366}}}),
                "/invoicing/payment_terms/days",
                "out_of_range",
            ),
            (
                json!({"invoicing": {"electronic_address": {"scheme": "0225", "identifier": " "}}}),
                "/invoicing/electronic_address/identifier",
                "required",
            ),
        ] {
            let refused = patch(wrong).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{}", refused.text);
            assert_eq!(refused.json["errors"][0]["code"], code, "{}", refused.text);
        }

        let csv = api.http.get("/customers.csv?code=C-1").await?.text;
        assert!(csv.lines().next().is_some_and(|head| head.contains(",invoicing,")), "{csv}");
        assert!(csv.contains("public_body"), "{csv}");

        let event = world
            .sql()
            .await?
            .query_one(
                "SELECT payload #>> '{invoicing,kind}', payload #>> '{invoicing,registration,number}'
                FROM outbox_events WHERE event_type = 'customer.updated' AND aggregate_id = $1",
                &[&created.field("id")],
            )
            .await?;
        assert_eq!((event.get(0), event.get(1)), ("public_body", "303265045"));
        Ok(())
    })
    .await;
}
