//! Suppliers: created, read, changed, deleted.

use comptoir_tests::harness::World;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supplier_is_created_read_changed_and_deleted() {
    World::run(async |world| {
        let api = world.api().await?;
        let body = json!({
            "code": " S-1 ",
            "name": "Terres de Thé",
            "vat_number": "fr 40 303 265 045",
            "addresses": [{"kind": "shipping", "line1": "1 quai Sud", "postal_code": "13002", "city": "Marseille", "country": "fr"}],
            "payment_terms": {"days": 45, "end_of_month": true},
        });
        let created = api.http.post("/suppliers", &body).await?;
        assert_eq!(created.status, 201, "{}", created.text);
        let id = created.field("id").to_owned();
        assert_eq!(created.header("etag"), Some("\"1\""));
        assert!(created.header("location").is_some_and(|at| at.ends_with(&format!("/api/v1/suppliers/{id}"))));
        assert_eq!(created.json["code"], "S-1", "text is trimmed");
        assert_eq!(created.json["vat_number"], "FR40303265045");
        assert_eq!(created.json["addresses"][0]["country"], "FR");
        assert_eq!(created.json["payment_terms"], json!({"days": 45, "end_of_month": true}));
        let path = format!("/suppliers/{id}");
        let read = api.http.get(&path).await?;
        assert_eq!((read.status, &read.json), (200, &created.json));
        assert_eq!(api.http.get("/suppliers?code=S-1").await?.json["data"], json!([created.json]));

        let body = json!({
            "code": "S-1", "name": "Terres de Thé SAS", "external_id": null, "vat_number": null, "addresses": [], "payment_terms": null,
        });
        let changed = api.http.send(Method::PUT, &path, &[("If-Match", "\"1\"")], Some(&body)).await?;
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!((&changed.json["version"], changed.header("etag")), (&json!(2), Some("\"2\"")));
        assert_eq!(changed.json["payment_terms"], Value::Null, "PUT replaces the whole");

        let stale = api.http.send(Method::DELETE, &path, &[("If-Match", "\"1\"")], None).await?;
        assert_eq!((stale.status, stale.code()), (412, "version_mismatch"));
        let deleted = api.http.send(Method::DELETE, &path, &[("If-Match", "\"2\"")], None).await?;
        assert_eq!(deleted.status, 204, "{}", deleted.text);
        let gone = api.http.get(&path).await?;
        assert_eq!((gone.status, gone.code()), (404, "supplier_not_found"));

        let sql = world.sql().await?;
        let events =
            "SELECT string_agg(event_type, ' ' ORDER BY seq) FROM outbox_events WHERE aggregate_id = $1";
        let events: String = sql.query_one(events, &[&id]).await?.get(0);
        assert_eq!(events, "supplier.created supplier.updated supplier.deleted");
        let trail = api.http.get(&format!("/audit-events?resource_id={id}&sort=occurred_at")).await?;
        let rows = trail.json["data"].as_array().into_iter().flatten();
        let actions: Vec<_> = rows.map(|row| row["action"].clone()).collect();
        assert_eq!(actions, ["supplier.create", "supplier.update", "supplier.delete"]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_belongs_to_one_supplier() {
    World::run(async |world| {
        let api = world.api().await?;
        api.supplier("S-1").await?;
        let other = api.supplier("S-2").await?;
        let body = json!({"code": "S-1", "name": "Another"});
        let again = api.http.post("/suppliers", &body).await?;
        assert_eq!((again.status, again.code()), (409, "supplier_code_taken"));
        let path = format!("/suppliers/{}", other["id"].as_str().unwrap_or_default());
        let renamed = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&body)).await?;
        assert_eq!((renamed.status, renamed.code()), (409, "supplier_code_taken"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_supplier_is_said_field_by_field() {
    World::run(async |world| {
        let api = world.api().await?;
        let body = json!({
            "code": "x".repeat(51),
            "name": "   ",
            "vat_number": "12",
            "addresses": [{"kind": "billing", "line1": "1 rue", "city": "Paris", "country": "ZZ"}],
            "payment_terms": {"days": 366},
        });
        let answer = api.http.post("/suppliers", &body).await?;
        assert_eq!((answer.status, answer.code()), (422, "invalid_request"));
        let mut pointers = answer.pointers();
        pointers.sort_unstable();
        let expected = ["/addresses/0/country", "/code", "/name", "/payment_terms/days", "/vat_number"];
        assert_eq!(pointers, expected);
        for (terms, pointer) in [
            (json!({"days": "30"}), "/payment_terms/days"),
            (json!({"days": 99_999}), "/payment_terms/days"),
            (json!({"days": 30, "net": true}), "/payment_terms/net"),
            (json!(30), "/payment_terms"),
        ] {
            let body = json!({"code": "S-1", "name": "N", "payment_terms": terms});
            let answer = api.http.post("/suppliers", &body).await?;
            assert_eq!((answer.status, answer.code()), (422, "invalid_request"), "{terms}: {}", answer.text);
            assert_eq!(answer.pointers(), [pointer], "{terms}");
        }
        let too_many = json!([{"kind": "billing", "line1": "1 rue", "city": "Paris", "country": "FR"}]);
        let too_many = vec![too_many[0].clone(); 21];
        let answer =
            api.http.post("/suppliers", &json!({"code": "S-1", "name": "N", "addresses": too_many})).await?;
        assert_eq!((answer.status, answer.pointers()), (422, vec!["/addresses"]));
        let refused = api.http.get("/suppliers?email=a@example.com").await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/query/email"]), "{}", refused.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suppliers_are_listed_in_each_order_a_page_at_a_time() {
    World::run(async |world| {
        let api = world.api().await?;
        // In one order by code, in the other by name, and made in a third.
        for (code, name) in [("S-2", "B"), ("S-3", "A"), ("S-1", "C")] {
            api.created("/suppliers", &json!({"code": code, "name": name})).await?;
        }
        for (sort, expected) in [
            ("code", ["S-1", "S-2", "S-3"]),
            ("-code", ["S-3", "S-2", "S-1"]),
            ("name", ["S-3", "S-2", "S-1"]),
            ("created_at", ["S-2", "S-3", "S-1"]),
        ] {
            let (mut codes, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = api.http.get(&format!("/suppliers?limit=1&sort={sort}{cursor}")).await?;
                codes.extend(
                    page.json["data"].as_array().into_iter().flatten().map(|row| row["code"].clone()),
                );
                match page.json["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(codes, expected, "{sort}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_a_supplier_needs_the_version_that_was_read_and_a_supplier() {
    World::run(async |world| {
        let api = world.api().await?;
        let supplier = api.supplier("S-1").await?;
        let path = format!("/suppliers/{}", supplier["id"].as_str().unwrap_or_default());
        let nobody = "/suppliers/01900000-0000-7000-8000-0000000000ff";
        let body = json!({"code": "S-1", "name": "New"});
        for (method, body) in [(Method::PUT, Some(&body)), (Method::DELETE, None)] {
            let without = api.http.send(method.clone(), &path, &[], body).await?;
            assert_eq!((without.status, without.code()), (428, "precondition_required"));
            let stale = api.http.send(method.clone(), &path, &[("If-Match", "\"7\"")], body).await?;
            assert_eq!((stale.status, stale.code()), (412, "version_mismatch"));
            let unknown = api.http.send(method, nobody, &[("If-Match", "*")], body).await?;
            assert_eq!((unknown.status, unknown.code()), (404, "supplier_not_found"));
        }
        assert_eq!(api.http.get(&path).await?.json, supplier, "nothing was changed");
        Ok(())
    })
    .await;
}
