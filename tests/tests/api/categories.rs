//! Categories: a tree that is made, moved and taken apart, and stays a tree.

use anyhow::{Context, Result};
use comptoir_tests::harness::{Answer, Api, World};
use reqwest::Method;
use serde_json::{Value, json};

fn path(category: &Value) -> String {
    format!("/categories/{}", category["id"].as_str().unwrap_or_default())
}

/// Puts a category into another one, or at the top.
async fn moved(api: &Api, category: &Value, parent: Option<&Value>) -> Result<Answer> {
    let body = json!({"parent_id": parent.map(|parent| &parent["id"])});
    api.http.send(Method::PATCH, &path(category), &[], Some(&body)).await
}

/// Asserts that a request was refused for its parent.
fn assert_refused(answer: &Answer, code: &str) {
    assert_eq!((answer.status, answer.code()), (422, "invalid_request"), "{}", answer.text);
    assert_eq!(answer.pointers(), ["/parent_id"]);
    assert_eq!(answer.json["errors"][0]["code"], code, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_category_is_created_read_changed_and_deleted() {
    World::run(async |world| {
        let api = world.api().await?;
        let parent = api.category("TEA", None).await?;
        let body = json!({"code": " TEA-BLACK ", "name": "Black teas", "external_id": "E-1", "parent_id": parent["id"]});
        let created = api.http.post("/categories", &body).await?;
        assert_eq!(created.status, 201, "{}", created.text);
        let id = created.field("id").to_owned();
        assert_eq!(created.header("etag"), Some("\"1\""));
        assert_eq!((&created.json["code"], &created.json["parent_id"]), (&json!("TEA-BLACK"), &parent["id"]));
        let path = path(&created.json);
        assert_eq!(api.http.get(&path).await?.json, created.json);
        for query in ["code=TEA-BLACK", "external_id=E-1", "q=black", "top=false", &format!("parent_id={}", parent["id"].as_str().unwrap())] {
            let list = api.http.get(&format!("/categories?{query}")).await?;
            assert_eq!(list.json["data"], json!([created.json]), "{query}");
        }
        let list = api.http.get("/categories?top=true").await?;
        assert_eq!(list.json["data"], json!([parent]));
        let csv = api.http.get("/categories.csv").await?.text;
        assert!(csv.starts_with("id,version,external_id,code,name,parent_id,"), "{csv}");

        let body = json!({"code": "TEA-BLACK", "name": "Black", "external_id": null, "parent_id": null});
        let changed = api.http.send(Method::PUT, &path, &[("If-Match", "\"1\"")], Some(&body)).await?;
        assert_eq!((changed.status, &changed.json["version"]), (200, &json!(2)), "{}", changed.text);
        assert_eq!(changed.json["parent_id"], Value::Null);
        let stale = api.http.send(Method::DELETE, &path, &[("If-Match", "\"1\"")], None).await?;
        assert_eq!((stale.status, stale.code()), (412, "version_mismatch"));
        let deleted = api.http.send(Method::DELETE, &path, &[("If-Match", "\"2\"")], None).await?;
        assert_eq!(deleted.status, 204, "{}", deleted.text);
        let gone = api.http.get(&path).await?;
        assert_eq!((gone.status, gone.code()), (404, "category_not_found"));

        let sql = world.sql().await?;
        let events =
            "SELECT string_agg(event_type, ' ' ORDER BY seq) FROM outbox_events WHERE aggregate_id = $1";
        let events: String = sql.query_one(events, &[&id]).await?.get(0);
        assert_eq!(events, "category.created category.updated category.deleted");
        let trail = api.http.get(&format!("/audit-events?resource_id={id}&sort=occurred_at")).await?;
        let rows = trail.json["data"].as_array().into_iter().flatten();
        let actions: Vec<_> = rows.map(|row| row["action"].clone()).collect();
        assert_eq!(actions, ["category.create", "category.update", "category.delete"]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_and_an_external_id_belong_to_one_category() {
    World::run(async |world| {
        let api = world.api().await?;
        let body = json!({"code": "K-1", "name": "One", "external_id": "E-1"});
        api.created("/categories", &body).await?;
        let other = api.category("K-2", None).await?;
        for (member, value, code) in
            [("code", "K-1", "category_code_taken"), ("external_id", "E-1", "category_external_id_taken")]
        {
            let body = json!({member: value});
            let renamed = api.http.send(Method::PATCH, &path(&other), &[], Some(&body)).await?;
            assert_eq!((renamed.status, renamed.code()), (409, code), "{}", renamed.text);
            let mut body = json!({"code": "K-3", "name": "Three"});
            body[member] = value.into();
            let again = api.http.post("/categories", &body).await?;
            assert_eq!((again.status, again.code()), (409, code), "{}", again.text);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_category_stands_in_one_that_there_is_and_not_below_itself() {
    World::run(async |world| {
        let api = world.api().await?;
        let top = api.category("K-1", None).await?;
        let middle = api.category("K-2", Some(&top)).await?;
        let low = api.category("K-3", Some(&middle)).await?;
        for parent in [&top, &middle, &low] {
            assert_refused(&moved(&api, &top, Some(parent)).await?, "category_cycle");
        }
        let nowhere = json!({"id": "01900000-0000-7000-8000-0000000000ff"});
        assert_refused(&moved(&api, &low, Some(&nowhere)).await?, "unknown_category");
        let body = json!({"code": "K-4", "name": "Four", "parent_id": nowhere["id"]});
        assert_refused(&api.http.post("/categories", &body).await?, "unknown_category");
        // What is below moves with it.
        let elsewhere = api.category("K-5", None).await?;
        assert_eq!(moved(&api, &middle, Some(&elsewhere)).await?.status, 200);
        assert_eq!(api.http.get(&path(&low)).await?.json["parent_id"], middle["id"]);
        assert_eq!(moved(&api, &top, Some(&low)).await?.status, 200, "they are apart now");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tree_has_ten_levels() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut levels = vec![api.category("K-1", None).await?];
        for level in 2..=10 {
            let next = api.category(&format!("K-{level}"), levels.last()).await?;
            levels.push(next);
        }
        let body = json!({"code": "K-11", "name": "Eleven", "parent_id": levels[9]["id"]});
        assert_refused(&api.http.post("/categories", &body).await?, "category_too_deep");
        let other = api.category("L-1", None).await?;
        let below = api.category("L-2", Some(&other)).await?;
        assert_refused(&moved(&api, &other, Some(&levels[8])).await?, "category_too_deep");
        assert_eq!(moved(&api, &other, Some(&levels[7])).await?.status, 200);
        assert_eq!(api.http.get(&path(&below)).await?.json["parent_id"], other["id"]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_category_with_something_in_it_is_not_deleted() {
    World::run(async |world| {
        let api = world.api().await?;
        let top = api.category("K-1", None).await?;
        let low = api.category("K-2", Some(&top)).await?;
        let body = json!({"sku": "P-1", "name": "Tea", "unit_price": "1", "vat_rate": "20", "category_id": low["id"]});
        let product = api.created("/products", &body).await?;
        for category in [&top, &low] {
            let refused = api.http.send(Method::DELETE, &path(category), &[("If-Match", "*")], None).await?;
            assert_eq!((refused.status, refused.code()), (409, "category_in_use"), "{}", refused.text);
        }
        let product = format!("/products/{}", product["id"].as_str().context("no id")?);
        let out = api.http.send(Method::PATCH, &product, &[], Some(&json!({"category_id": null}))).await?;
        assert_eq!((out.status, &out.json["category_id"]), (200, &Value::Null), "{}", out.text);
        for category in [&low, &top] {
            let deleted = api.http.send(Method::DELETE, &path(category), &[("If-Match", "*")], None).await?;
            assert_eq!(deleted.status, 204, "{}", deleted.text);
        }
        Ok(())
    })
    .await;
}

/// Each move alone would be right.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_moves_at_once_never_make_a_cycle() {
    World::run(async |world| {
        let api = world.api().await?;
        let sql = world.sql().await?;
        for round in 0..20 {
            let one = api.category(&format!("A-{round}"), None).await?;
            let other = api.category(&format!("B-{round}"), None).await?;
            let below_one = api.category(&format!("C-{round}"), Some(&one)).await?;
            let below_other = api.category(&format!("D-{round}"), Some(&other)).await?;
            let (first, second) = futures::join!(
                moved(&api, &one, Some(&below_other)),
                moved(&api, &other, Some(&below_one)),
            );
            let mut answers = [first?, second?];
            answers.sort_by_key(|answer| answer.status);
            assert_eq!(answers[0].status, 200, "{}", answers[0].text);
            assert_refused(&answers[1], "category_cycle");
        }
        // From the top, everything is reached.
        let lost = "WITH RECURSIVE reached AS (
                SELECT tenant_id, id FROM categories WHERE parent_id IS NULL
                UNION ALL SELECT c.tenant_id, c.id FROM reached AS r JOIN categories AS c ON (c.tenant_id, c.parent_id) = (r.tenant_id, r.id))
            SELECT (SELECT count(*) FROM categories) - (SELECT count(*) FROM reached)";
        assert_eq!(sql.query_one(lost, &[]).await?.get::<_, i64>(0), 0);
        Ok(())
    })
    .await;
}

/// Either the product is refused, or the category stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_product_is_put_into_a_category_that_is_deleted_at_the_same_time() {
    World::run(async |world| {
        let api = world.api().await?;
        for round in 0..20 {
            let category = api.category(&format!("K-{round}"), None).await?;
            let sku = format!("P-{round}");
            let body = json!({"sku": sku, "name": "Tea", "unit_price": "1", "vat_rate": "20", "category_id": category["id"]});
            let (path, if_match) = (path(&category), [("If-Match", "*")]);
            let (made, deleted) = futures::join!(
                api.http.post("/products", &body),
                api.http.send(Method::DELETE, &path, &if_match, None),
            );
            let (made, deleted) = (made?, deleted?);
            let expected = [(201, 409), (422, 204)];
            assert!(expected.contains(&(made.status, deleted.status)), "{} / {}", made.text, deleted.text);
        }
        Ok(())
    })
    .await;
}
