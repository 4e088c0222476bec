//! Locations: the places in a warehouse, created, changed, archived.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Api, Tenant, World, until};
use reqwest::Method;
use serde_json::{Value, json};

const NOBODY: &str = "01900000-0000-7000-8000-0000000000ff";
const LIMIT: Duration = Duration::from_secs(20);
const WAITING: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

fn path(location: &Value) -> String {
    format!("/locations/{}", location["id"].as_str().unwrap_or_default())
}

/// The codes of a list.
async fn codes(api: &Api, query: &str) -> Result<Vec<String>> {
    let answer = api.http.get(&format!("/locations?{query}")).await?;
    ensure!(answer.status == 200, "{query}: {}", answer.text);
    let rows = answer.json["data"].as_array().into_iter().flatten();
    Ok(rows.map(|row| row["code"].as_str().unwrap_or_default().to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_location_is_created_read_changed_and_archived() {
    World::run(async |world| {
        let api = world.api().await?;
        let (warehouse, other) = (api.warehouse("W-1").await?, api.warehouse("W-2").await?);
        let body = json!({"warehouse_id": warehouse["id"], "code": " A-01-3 ", "name": "Aisle A"});
        let created = api.http.post("/locations", &body).await?;
        assert_eq!(created.status, 201, "{}", created.text);
        let id = created.field("id").to_owned();
        assert_eq!(created.header("etag"), Some("\"1\""));
        assert!(
            created.header("location").is_some_and(|at| at.ends_with(&format!("/api/v1/locations/{id}")))
        );
        assert_eq!(created.json["code"], "A-01-3", "text is trimmed");
        assert_eq!(created.json["warehouse_id"], warehouse["id"]);
        let path = path(&created.json);
        let read = api.http.get(&path).await?;
        assert_eq!((read.status, &read.json), (200, &created.json));

        let body = json!({"code": "A-01-4", "name": null, "external_id": null});
        let changed = api.http.send(Method::PUT, &path, &[("If-Match", "\"1\"")], Some(&body)).await?;
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!((&changed.json["version"], changed.header("etag")), (&json!(2), Some("\"2\"")));
        assert_eq!(changed.json["name"], Value::Null, "PUT replaces the whole");
        let body = json!({"warehouse_id": other["id"]});
        let moved = api.http.send(Method::PATCH, &path, &[], Some(&body)).await?;
        assert_eq!((moved.status, moved.pointers()), (422, vec!["/warehouse_id"]), "{}", moved.text);

        let archived = api.http.command(&format!("{path}/archive")).await?;
        assert_eq!(archived.status, 200, "{}", archived.text);
        assert!(archived.json["archived_at"].is_string());
        for refused in [
            api.http.command(&format!("{path}/archive")).await?,
            api.http.send(Method::PATCH, &path, &[], Some(&json!({"name": "Aisle B"}))).await?,
        ] {
            assert_eq!((refused.status, refused.code()), (409, "location_archived"), "{}", refused.text);
        }

        let sql = world.sql().await?;
        let events =
            "SELECT string_agg(event_type, ' ' ORDER BY seq) FROM outbox_events WHERE aggregate_id = $1";
        let events: String = sql.query_one(events, &[&id]).await?.get(0);
        assert_eq!(events, "location.created location.updated location.archived");
        let trail = api.http.get(&format!("/audit-events?resource_id={id}&sort=occurred_at")).await?;
        let rows = trail.json["data"].as_array().into_iter().flatten();
        let actions: Vec<_> = rows.map(|row| row["action"].clone()).collect();
        assert_eq!(actions, ["location.create", "location.update", "location.archive"]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_belongs_to_one_location_of_a_warehouse() {
    World::run(async |world| {
        let api = world.api().await?;
        let (warehouse, other) = (api.warehouse("W-1").await?, api.warehouse("W-2").await?);
        let body = json!({"warehouse_id": warehouse["id"], "code": "A-01", "external_id": "E-1"});
        api.created("/locations", &body).await?;
        let second = api.location(&warehouse, "A-02").await?;
        api.location(&other, "A-01").await?;
        let body = json!({"warehouse_id": warehouse["id"], "code": "A-01"});
        let again = api.http.post("/locations", &body).await?;
        assert_eq!((again.status, again.code()), (409, "location_code_taken"), "{}", again.text);
        let known = json!({"warehouse_id": other["id"], "code": "A-03", "external_id": "E-1"});
        let again = api.http.post("/locations", &known).await?;
        assert_eq!((again.status, again.code()), (409, "location_external_id_taken"), "{}", again.text);
        for (body, code) in [
            (json!({"code": "A-01"}), "location_code_taken"),
            (json!({"external_id": "E-1"}), "location_external_id_taken"),
        ] {
            let patched = api.http.send(Method::PATCH, &path(&second), &[], Some(&body)).await?;
            assert_eq!((patched.status, patched.code()), (409, code), "{}", patched.text);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_location_is_in_a_warehouse_of_the_company_that_is_in_use() {
    World::run(async |world| {
        let api = world.api().await?;
        let other = Tenant::create(&world.sql().await?, "Other").await?;
        let elsewhere = api.http.with_credential(&other.api_key).get("/warehouses").await?.json;
        let closed = api.warehouse("W-1").await?;
        let archive = format!("/warehouses/{}/archive", closed["id"].as_str().unwrap_or_default());
        assert_eq!(api.http.command(&archive).await?.status, 200);
        for (warehouse, code) in [
            (&json!(NOBODY), "unknown_warehouse"),
            (&elsewhere["data"][0]["id"], "unknown_warehouse"),
            (&closed["id"], "warehouse_archived"),
        ] {
            let body = json!({"warehouse_id": warehouse, "code": "A-01"});
            let refused = api.http.post("/locations", &body).await?;
            assert_eq!((refused.status, refused.code()), (422, "invalid_location"), "{}", refused.text);
            assert_eq!(refused.pointers(), ["/warehouse_id"]);
            assert_eq!(refused.json["errors"][0]["code"], code, "{}", refused.text);
        }
        Ok(())
    })
    .await;
}

/// Neither is there a location of a warehouse that was archived before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warehouse_is_not_archived_while_it_gets_a_location() {
    World::run(async |world| {
        let api = world.api().await?;
        let warehouse = api.warehouse("W-1").await?;
        let id = warehouse["id"].as_str().unwrap_or_default();
        let (sql, watch) = (world.sql().await?, world.administrator().await?);
        let archiving = format!(
            "BEGIN; SELECT 1 FROM warehouses WHERE id = '{id}' FOR UPDATE;
            UPDATE warehouses SET archived_at = now(), version = 2 WHERE id = '{id}'"
        );
        sql.batch_execute(&archiving).await?;
        let body = json!({"warehouse_id": id, "code": "A-01"});
        let (created, waited) = tokio::join!(api.http.post("/locations", &body), async {
            let waited = until("somebody to wait for a lock", LIMIT, async || {
                let waiting: i64 = watch.query_one(WAITING, &[]).await?.get(0);
                ensure!(waiting == 1, "{waiting} wait");
                Ok(())
            })
            .await;
            sql.batch_execute("COMMIT").await?;
            waited
        });
        waited?;
        let created = created?;
        assert_eq!((created.status, created.code()), (422, "invalid_location"), "{}", created.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_location_is_said_field_by_field() {
    World::run(async |world| {
        let api = world.api().await?;
        let body = json!({"warehouse_id": "MAIN", "code": "x".repeat(51), "name": "", "shelf": 3});
        let answer = api.http.post("/locations", &body).await?;
        assert_eq!((answer.status, answer.code()), (422, "invalid_request"));
        let mut pointers = answer.pointers();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/code", "/name", "/shelf", "/warehouse_id"]);
        let refused = api.http.get("/locations?warehouse_id=MAIN&archived=1").await?;
        let mut pointers = refused.pointers();
        pointers.sort_unstable();
        assert_eq!((refused.status, pointers), (422, vec!["/query/archived", "/query/warehouse_id"]));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_a_location_needs_the_version_that_was_read_and_a_location() {
    World::run(async |world| {
        let api = world.api().await?;
        let location = api.location(&api.warehouse("W-1").await?, "A-01").await?;
        let nobody = json!({"id": NOBODY});
        let body = json!({"code": "A-02", "name": null, "external_id": null});
        let without = api.http.send(Method::PUT, &path(&location), &[], Some(&body)).await?;
        assert_eq!((without.status, without.code()), (428, "precondition_required"));
        for (method, end, body) in [
            (Method::PUT, "", Some(&body)),
            (Method::PATCH, "", Some(&body)),
            (Method::POST, "/archive", None),
        ] {
            let at = format!("{}{end}", path(&location));
            let stale = api.http.send(method.clone(), &at, &[("If-Match", "\"7\"")], body).await?;
            assert_eq!((stale.status, stale.code()), (412, "version_mismatch"), "{method} {end}");
            let at = format!("{}{end}", path(&nobody));
            let unknown = api.http.send(method.clone(), &at, &[("If-Match", "*")], body).await?;
            assert_eq!((unknown.status, unknown.code()), (404, "location_not_found"), "{method} {end}");
        }
        assert_eq!(api.http.get(&path(&nobody)).await?.code(), "location_not_found");
        assert_eq!(api.http.get(&path(&location)).await?.json, location, "nothing was changed");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locations_are_listed_by_warehouse_in_each_order_a_page_at_a_time() {
    World::run(async |world| {
        let api = world.api().await?;
        let (warehouse, other) = (api.warehouse("W-1").await?, api.warehouse("W-2").await?);
        for code in ["B", "A", "C", "D"] {
            let location = api.location(&warehouse, code).await?;
            api.location(&other, code).await?;
            if code == "C" {
                assert_eq!(api.http.command(&format!("{}/archive", path(&location))).await?.status, 200);
            }
        }
        let own = format!("warehouse_id={}", warehouse["id"].as_str().unwrap_or_default());
        for (query, expected) in [
            (format!("{own}&sort=code"), &["A", "B", "C", "D"][..]),
            (format!("{own}&sort=-code"), &["D", "C", "B", "A"]),
            (format!("{own}&sort=created_at"), &["B", "A", "C", "D"]),
            (format!("{own}&sort=-updated_at"), &["D", "C", "A", "B"]),
            (format!("{own}&archived=false"), &["A", "B", "D"]),
            (format!("{own}&archived=true&sort=-created_at"), &["C"]),
            ("archived=true".to_owned(), &["C"]),
            ("sort=-code".to_owned(), &["D", "D", "C", "C", "B", "B", "A", "A"]),
            (format!("warehouse_id={NOBODY}"), &[]),
        ] {
            assert_eq!(codes(&api, &query).await?, expected, "{query}");
            let (mut paged, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = api.http.get(&format!("/locations?limit=1&{query}{cursor}")).await?;
                let rows = page.json["data"].as_array().into_iter().flatten();
                paged.extend(rows.map(|row| row["code"].clone()));
                match page.json["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(paged, expected, "{query}, a page at a time");
        }
        let refused = api.http.get("/locations?sort=name").await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/query/sort"]), "{}", refused.text);
        let csv = api.http.get(&format!("/locations.csv?{own}&archived=true")).await?;
        let lines: Vec<&str> = csv.text.lines().collect();
        assert_eq!(
            lines[0],
            "id,version,warehouse_id,external_id,code,name,archived_at,created_at,updated_at"
        );
        assert!(lines.len() == 2 && lines[1].contains(",,C,,"), "{}", csv.text);
        Ok(())
    })
    .await;
}
