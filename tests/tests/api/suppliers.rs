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

        let body = json!({"code": "S-1", "name": "Terres de Thé SAS"});
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
        let renamed = api.http.send(Method::PUT, &path, &[("If-Match", "*")], Some(&body)).await?;
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
        Ok(())
    })
    .await;
}
