//! Warehouses: created, changed, made the default, archived.

use anyhow::{Context, Result};
use comptoir_tests::harness::{Answer, Api, Tenant, World, main_warehouse};
use reqwest::Method;
use serde_json::{Value, json};

const MIGRATION: &str = include_str!("../../../schema/commerce/00000000001029_warehouses/up.sql");

fn path(warehouse: &Value) -> String {
    format!("/warehouses/{}", warehouse["id"].as_str().unwrap_or_default())
}

async fn put(api: &Api, path: &str, version: &str, body: &Value) -> Result<Answer> {
    api.http.send(Method::PUT, path, &[("If-Match", version)], Some(body)).await
}

/// The codes of the warehouses that are the default.
async fn defaults(api: &Api) -> Result<Vec<Value>> {
    let list = api.http.get("/warehouses").await?.json;
    let rows = list["data"].as_array().into_iter().flatten();
    Ok(rows.filter(|row| row["is_default"] == true).map(|row| row["code"].clone()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warehouse_is_created_read_changed_and_archived() {
    World::run(async |world| {
        let api = world.api().await?;
        let body = json!({
            "code": " QUAI ",
            "name": "Quai Sud",
            "external_id": "ERP-W2",
            "address": {"line1": "1 quai Sud", "postal_code": "13002", "city": "Marseille", "country": "fr"},
        });
        let created = api.http.post("/warehouses", &body).await?;
        assert_eq!(created.status, 201, "{}", created.text);
        let id = created.field("id").to_owned();
        assert_eq!(created.header("etag"), Some("\"1\""));
        assert!(
            created.header("location").is_some_and(|at| at.ends_with(&format!("/api/v1/warehouses/{id}")))
        );
        assert_eq!(created.json["code"], "QUAI", "text is trimmed");
        assert_eq!(created.json["address"]["country"], "FR");
        assert_eq!(created.json["is_default"], false, "the company has one");
        let path = path(&created.json);
        let read = api.http.get(&path).await?;
        assert_eq!((read.status, &read.json), (200, &created.json));
        for filter in ["code=QUAI", "external_id=ERP-W2", "archived=false&sort=-name&limit=1"] {
            let list = api.http.get(&format!("/warehouses?{filter}")).await?;
            assert_eq!(list.json["data"], json!([created.json]), "{filter}: {}", list.text);
        }

        let body = json!({"code": "QUAI", "name": "Quai Nord", "external_id": null, "address": null});
        let changed = put(&api, &path, "\"1\"", &body).await?;
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!((&changed.json["version"], changed.header("etag")), (&json!(2), Some("\"2\"")));
        assert_eq!(changed.json["address"], Value::Null, "PUT replaces the whole");
        let stale = put(&api, &path, "\"1\"", &body).await?;
        assert_eq!((stale.status, stale.code()), (412, "version_mismatch"));

        let archived = api.http.command(&format!("{path}/archive")).await?;
        assert_eq!(archived.status, 200, "{}", archived.text);
        assert!(archived.json["archived_at"].is_string());
        let list = api.http.get("/warehouses?archived=true").await?;
        assert_eq!(list.json["data"], json!([archived.json]));
        for refused in [
            api.http.command(&format!("{path}/archive")).await?,
            api.http.command(&format!("{path}/make-default")).await?,
            api.http.send(Method::PATCH, &path, &[], Some(&json!({"name": "Quai"}))).await?,
        ] {
            assert_eq!((refused.status, refused.code()), (409, "warehouse_archived"), "{}", refused.text);
        }

        let sql = world.sql().await?;
        let events =
            "SELECT string_agg(event_type, ' ' ORDER BY seq) FROM outbox_events WHERE aggregate_id = $1";
        let events: String = sql.query_one(events, &[&id]).await?.get(0);
        assert_eq!(events, "warehouse.created warehouse.updated warehouse.archived");
        let trail = api.http.get(&format!("/audit-events?resource_id={id}&sort=occurred_at")).await?;
        let rows = trail.json["data"].as_array().into_iter().flatten();
        let actions: Vec<_> = rows.map(|row| row["action"].clone()).collect();
        assert_eq!(actions, ["warehouse.create", "warehouse.update", "warehouse.archive"]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_and_external_ids_belong_to_one_warehouse() {
    World::run(async |world| {
        let api = world.api().await?;
        let body = json!({"code": "W-1", "name": "A", "external_id": "E-1"});
        api.created("/warehouses", &body).await?;
        let other = api.warehouse("W-2").await?;
        for (body, code) in [
            (json!({"code": "W-1", "name": "B"}), "warehouse_code_taken"),
            (json!({"code": "W-3", "name": "B", "external_id": "E-1"}), "warehouse_external_id_taken"),
        ] {
            let again = api.http.post("/warehouses", &body).await?;
            assert_eq!((again.status, again.code()), (409, code));
            let patched = api.http.send(Method::PATCH, &path(&other), &[], Some(&body)).await?;
            assert_eq!((patched.status, patched.code()), (409, code));
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_warehouse_is_said_field_by_field() {
    World::run(async |world| {
        let api = world.api().await?;
        let body = json!({
            "code": "x".repeat(51),
            "name": "   ",
            "address": {"line1": "1 rue", "city": "Paris", "country": "ZZ"},
            "is_default": true,
        });
        let answer = api.http.post("/warehouses", &body).await?;
        assert_eq!((answer.status, answer.code()), (422, "invalid_request"));
        let mut pointers = answer.pointers();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/address/country", "/code", "/is_default", "/name"]);
        let warehouse = api.warehouse("W-1").await?;
        let body = json!({"is_default": true});
        let refused = api.http.send(Method::PATCH, &path(&warehouse), &[], Some(&body)).await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/is_default"]), "{}", refused.text);
        let refused = api.http.get("/warehouses?email=a@example.com").await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/query/email"]), "{}", refused.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_a_warehouse_needs_the_version_that_was_read_and_a_warehouse() {
    World::run(async |world| {
        let api = world.api().await?;
        let warehouse = api.warehouse("W-1").await?;
        let nobody = json!({"id": "01900000-0000-7000-8000-0000000000ff"});
        let body = json!({"code": "W-1", "name": "New", "external_id": null, "address": null});
        let without = api.http.send(Method::PUT, &path(&warehouse), &[], Some(&body)).await?;
        assert_eq!((without.status, without.code()), (428, "precondition_required"));
        for (method, end, body) in [
            (Method::PUT, "", Some(&body)),
            (Method::PATCH, "", Some(&body)),
            (Method::POST, "/make-default", None),
            (Method::POST, "/archive", None),
        ] {
            let at = format!("{}{end}", path(&warehouse));
            let stale = api.http.send(method.clone(), &at, &[("If-Match", "\"7\"")], body).await?;
            assert_eq!((stale.status, stale.code()), (412, "version_mismatch"), "{method} {end}");
            let at = format!("{}{end}", path(&nobody));
            let unknown = api.http.send(method.clone(), &at, &[("If-Match", "*")], body).await?;
            assert_eq!((unknown.status, unknown.code()), (404, "warehouse_not_found"), "{method} {end}");
        }
        assert_eq!(api.http.get(&path(&nobody)).await?.code(), "warehouse_not_found");
        assert_eq!(api.http.get(&path(&warehouse)).await?.json, warehouse, "nothing was changed");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_warehouse_becomes_the_default_and_both_say_so() {
    World::run(async |world| {
        let api = world.api().await?;
        let main = main_warehouse(&api).await?;
        let refused = api.http.command(&format!("{}/archive", path(&main))).await?;
        assert_eq!((refused.status, refused.code()), (409, "warehouse_is_default"), "{}", refused.text);

        let other = api.warehouse("W-1").await?;
        let make_default = format!("{}/make-default", path(&other));
        let made = api.http.command(&make_default).await?;
        assert_eq!((made.status, &made.json["is_default"]), (200, &json!(true)), "{}", made.text);
        assert_eq!(made.header("etag"), Some("\"2\""));
        assert_eq!(defaults(&api).await?, ["W-1"]);
        let again = api.http.command(&make_default).await?;
        assert_eq!((again.status, &again.json), (200, &made.json), "nothing changes");

        let sql = world.sql().await?;
        let told = "SELECT aggregate_id, aggregate_version, payload ->> 'is_default' FROM outbox_events
            WHERE event_type = 'warehouse.updated' ORDER BY seq";
        let told: Vec<(String, Option<i64>, String)> =
            sql.query(told, &[]).await?.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
        let expected = [(&other, "true"), (&main, "false")].map(|(one, is_default)| {
            (one["id"].as_str().unwrap_or_default().to_owned(), Some(2), is_default.to_owned())
        });
        assert_eq!(told, expected);
        let trail = api.http.get("/audit-events?action=warehouse.make_default").await?;
        assert_eq!(trail.json["data"].as_array().map(Vec::len), Some(1), "{}", trail.text);

        let archived = api.http.command(&format!("{}/archive", path(&main))).await?;
        assert_eq!(archived.status, 200, "it is the default no longer: {}", archived.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_defaults_at_once_one_is_left() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut warehouses = Vec::new();
        for number in 0..8 {
            warehouses.push(api.warehouse(&format!("W-{number}")).await?);
        }
        for _ in 0..3 {
            let made = warehouses
                .iter()
                .map(async |warehouse| api.http.command(&format!("{}/make-default", path(warehouse))).await);
            for answer in futures::future::join_all(made).await {
                let answer = answer?;
                assert_eq!(answer.status, 200, "{}", answer.text);
            }
            assert_eq!(defaults(&api).await?.len(), 1);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_company_has_a_default_warehouse_named_in_its_language() {
    World::run(async |world| {
        let created = world.found_tenant("Comptoir des Docks").await?;
        let sql = world.sql().await?;
        let api = world.api().await?;
        let list = api.http.get("/warehouses").await?.json;
        assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "{list}");
        let main = &list["data"][0];
        assert_eq!(
            [&main["code"], &main["name"], &main["is_default"], &main["version"]],
            [&json!("MAIN"), &json!("Entrepôt principal"), &json!(true), &json!(1)]
        );
        let told = "SELECT count(*) FROM outbox_events WHERE event_type = 'warehouse.created' AND tenant_id = $1::text::uuid
            AND aggregate_id = $2 AND aggregate_version = 1";
        let id = main["id"].as_str().unwrap_or_default();
        let told: i64 = sql.query_one(told, &[&created.id.to_string(), &id]).await?.get(0);
        assert_eq!(told, 1);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_migration_gives_one_to_the_companies_that_are_there() {
    World::run(async |world| {
        let (api, sql) = (world.api().await?, world.sql().await?);
        let other = Tenant::create(&sql, "Docks").await?;
        let before =
            format!("DELETE FROM warehouses; UPDATE tenants SET language = 'en' WHERE id = '{}'", other.id);
        sql.batch_execute(&before).await?;
        let (_, insert) = MIGRATION.split_once("\nINSERT INTO warehouses").context("no such statement")?;
        sql.batch_execute(&format!("INSERT INTO warehouses{insert}")).await?;
        for (http, name) in [
            (api.http.clone(), "Entrepôt principal"),
            (api.http.with_credential(&other.api_key), "Main warehouse"),
        ] {
            let list = http.get("/warehouses").await?.json;
            assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "{list}");
            let main = &list["data"][0];
            assert_eq!(
                [&main["code"], &main["name"], &main["is_default"], &main["version"]],
                [&json!("MAIN"), &json!(name), &json!(true), &json!(1)]
            );
        }
        Ok(())
    })
    .await;
}

/// A replica of a version that knew no warehouses may have created the company.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_warehouse_of_a_company_without_one_is_its_default() {
    World::run(async |world| {
        let api = world.api().await?;
        world.sql().await?.batch_execute("DELETE FROM warehouses").await?;
        let bodies: Vec<_> =
            (0..8).map(|number| json!({"code": format!("W-{number}"), "name": "A"})).collect();
        let made = bodies.iter().map(async |body| api.http.post("/warehouses", body).await);
        for answer in futures::future::join_all(made).await {
            let answer = answer?;
            assert_eq!(answer.status, 201, "{}", answer.text);
        }
        assert_eq!(defaults(&api).await?.len(), 1);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_command_takes_effect_once() {
    World::run(async |world| {
        let api = world.api().await?;
        let body = json!({"code": "W-1", "name": "A"});
        let first = api.http.post_with_key("/warehouses", "a-key", &body).await?;
        let again = api.http.post_with_key("/warehouses", "a-key", &body).await?;
        assert_eq!((first.status, &first.json), (again.status, &again.json), "{}", again.text);
        let archive = format!("{}/archive", path(&first.json));
        let first = api.http.post_with_key(&archive, "another-key", &json!({})).await?;
        let again = api.http.post_with_key(&archive, "another-key", &json!({})).await?;
        assert_eq!((first.status, &first.json), (200, &again.json), "{}", first.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warehouses_are_there_as_csv() {
    World::run(async |world| {
        let api = world.api().await?;
        api.warehouse("W-1").await?;
        let csv = api.http.get("/warehouses.csv?code=W-1").await?;
        assert_eq!(csv.status, 200, "{}", csv.text);
        let lines: Vec<&str> = csv.text.lines().collect();
        assert_eq!(
            lines[0],
            "id,version,external_id,code,name,address,is_default,archived_at,created_at,updated_at"
        );
        assert!(lines.len() == 2 && lines[1].contains(",1,,W-1,Warehouse W-1,,false,,"), "{}", csv.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warehouse_is_not_archived_until_its_inventory_counts_are_over() {
    World::run(async |world| {
        let api = world.api().await?;
        let warehouse = api.warehouse("W-1").await?;
        let count = api.created("/inventory-counts", &json!({"warehouse_id": warehouse["id"]})).await?;
        let count_path = format!("/inventory-counts/{}", count["id"].as_str().unwrap_or_default());
        let archive = format!("{}/archive", path(&warehouse));
        for step in ["", "/start", "/review"] {
            if !step.is_empty() {
                let taken = api.http.command(&format!("{count_path}{step}")).await?;
                assert_eq!(taken.status, 200, "{step}: {}", taken.text);
            }
            let refused = api.http.command(&archive).await?;
            assert_eq!((refused.status, refused.code()), (409, "warehouse_being_counted"), "{step}");
            assert_eq!(refused.json["errors"][0]["inventory_count_id"], count["id"], "{}", refused.text);
        }
        let closed = api.http.command(&format!("{count_path}/close")).await?;
        assert_eq!(closed.status, 200, "{}", closed.text);
        let cancelled = api.created("/inventory-counts", &json!({"warehouse_id": warehouse["id"]})).await?;
        let cancel = format!("/inventory-counts/{}/cancel", cancelled["id"].as_str().unwrap_or_default());
        let answer = api.http.post(&cancel, &json!({"reason": "a test"})).await?;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let archived = api.http.command(&archive).await?;
        assert_eq!(archived.status, 200, "{}", archived.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_back_to_an_archived_warehouse_leaves_it_again() {
    World::run(async |world| {
        let api = world.api().await?;
        let (warehouse, other) = (api.warehouse("W-1").await?, api.warehouse("W-2").await?);
        let (tea, customer) = (api.stocked_product("TEA").await?, api.customer("C-1").await?);
        let at = |extra: Value| {
            let mut body = json!({"warehouse_id": warehouse["id"]});
            for (name, value) in extra.as_object().into_iter().flatten() {
                body[name] = value.clone();
            }
            body
        };
        let one = json!([{"product_id": tea["id"], "quantity": "1"}]);
        let three = json!([{"product_id": tea["id"], "quantity": "3"}]);
        api.created("/stock-receipts", &at(json!({"lines": three}))).await?;
        let order =
            api.created("/orders", &at(json!({"customer_id": customer["id"], "lines": three}))).await?;
        let order = format!("/orders/{}", order["id"].as_str().unwrap_or_default());
        for step in ["confirm", "ship"] {
            let taken = api.http.post(&format!("{order}/{step}"), &json!({})).await?;
            assert_eq!(taken.status, 200, "{step}: {}", taken.text);
        }
        let archived = api.http.command(&format!("{}/archive", path(&warehouse))).await?;
        assert_eq!(archived.status, 200, "{}", archived.text);
        let back =
            json!({"reason": "too late", "lines": [{"position": 1, "quantity": "3", "restock": true}]});
        api.created(&format!("{order}/returns"), &back).await?;

        let change = |change: &str| json!([{"product_id": tea["id"], "change": change}]);
        let both =
            json!([{"product_id": tea["id"], "change": "-1"}, {"product_id": tea["id"], "change": "1"}]);
        for (posted, body, pointer) in [
            ("/stock-receipts", at(json!({"lines": one})), "/warehouse_id"),
            ("/stock-adjustments", at(json!({"reason": "found", "lines": change("1")})), "/warehouse_id"),
            ("/stock-adjustments", at(json!({"reason": "found", "lines": both})), "/warehouse_id"),
            (
                "/stock-transfers",
                json!({"warehouse_id": other["id"], "to_warehouse_id": warehouse["id"], "lines": one}),
                "/to_warehouse_id",
            ),
        ] {
            let refused = api.http.post(posted, &body).await?;
            assert_eq!(
                (refused.status, refused.pointers()),
                (422, vec![pointer]),
                "{posted}: {}",
                refused.text
            );
        }
        api.created("/stock-write-offs", &at(json!({"reason": "torn", "lines": one}))).await?;
        api.created("/stock-adjustments", &at(json!({"reason": "lost", "lines": change("-1")}))).await?;
        api.created("/stock-transfers", &at(json!({"to_warehouse_id": other["id"], "lines": one}))).await?;
        let path = format!("/stock?product_id={}", tea["id"].as_str().unwrap_or_default());
        let stock = api.http.get(&path).await?.json;
        let mut on_hand: Vec<_> = stock["data"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|level| level["on_hand"].to_string())
            .collect();
        on_hand.sort();
        assert_eq!(on_hand, [r#""0""#, r#""1""#], "{stock}");
        api.proof().await.map(drop)
    })
    .await;
}
