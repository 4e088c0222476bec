//! PUT and PATCH: what GET gave is taken back, what is missing is not erased by PUT and stays with PATCH.

use anyhow::Result;
use comptoir_tests::harness::{Answer, Api, World};
use reqwest::Method;
use serde_json::{Value, json};

/// One path of each resource that can be edited.
async fn resources(api: &Api) -> Result<Vec<String>> {
    let supplier = json!({"code": "S-1", "name": "Terres", "payment_terms": {"days": 45}});
    let supplier = api.http.post("/suppliers", &supplier).await?;
    let user = json!({"email": "ada@docks.example", "name": "Ada", "role": "sales"});
    let user = api.http.post("/users", &user).await?;
    let id = |value: &Value| value["id"].as_str().unwrap_or_default().to_owned();
    let warehouse = api.warehouse("W-1").await?;
    Ok(vec![
        format!("/customers/{}", id(&api.customer("C-1").await?)),
        format!("/suppliers/{}", id(&supplier.json)),
        format!("/categories/{}", id(&api.category("K-1", None).await?)),
        format!("/customer-groups/{}", id(&api.customer_group("G-1").await?)),
        format!("/price-lists/{}", id(&api.price_list("PL-1", &json!({})).await?)),
        format!("/products/{}", id(&api.product("P-1").await?)),
        format!("/warehouses/{}", id(&warehouse)),
        format!("/locations/{}", id(&api.location(&warehouse, "L-1").await?)),
        format!("/users/{}", id(&user.json)),
        "/tenant".to_owned(),
    ])
}

async fn put(api: &Api, path: &str, body: &Value) -> Result<Answer> {
    api.http.send(Method::PUT, path, &[("If-Match", "*")], Some(body)).await
}

async fn patch(api: &Api, path: &str, body: &Value) -> Result<Answer> {
    let headers = [("Content-Type", "application/merge-patch+json")];
    api.http.raw(Method::PATCH, path, &headers, Some(body.to_string().into_bytes())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn put_takes_back_what_get_gave_and_changes_nothing() {
    World::run(async |world| {
        let api = world.api().await?;
        for path in resources(&api).await? {
            let shown = api.http.get(&path).await?.json;
            let answer = put(&api, &path, &shown).await?;
            assert_eq!((answer.status, &answer.json), (200, &shown), "{path}: {}", answer.text);
            let answer = patch(&api, &path, &shown).await?;
            assert_eq!((answer.status, &answer.json), (200, &shown), "{path}: {}", answer.text);
            // Many libraries write the same time like this.
            let mut whole = shown.clone();
            whole["created_at"] =
                shown["created_at"].as_str().unwrap_or_default().replace('Z', "+00:00").into();
            let answer = put(&api, &path, &whole).await?;
            assert_eq!((answer.status, &answer.json), (200, &shown), "{path}: {}", answer.text);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn put_refuses_to_erase_what_is_missing_and_patch_leaves_it() {
    World::run(async |world| {
        let api = world.api().await?;
        for path in resources(&api).await? {
            let shown = api.http.get(&path).await?.json;
            let name = json!({"name": "Another name"});
            let refused = put(&api, &path, &name).await?;
            if path.starts_with("/users") {
                assert_eq!(refused.status, 200, "only the name can be set: {}", refused.text);
            } else {
                assert_eq!(refused.status, 422, "{path}: {}", refused.text);
                let missing = |error: &Value| {
                    error["code"] == "missing_field"
                        && error["message"].as_str().unwrap_or_default().contains("PATCH")
                };
                assert!(refused.json["errors"].as_array().unwrap().iter().all(missing), "{}", refused.text);
                assert!(
                    refused.pointers().iter().all(|pointer| shown.pointer(pointer).is_some()),
                    "{}",
                    refused.text
                );
                assert_eq!(api.http.get(&path).await?.json, shown, "nothing was changed");
            }
            let changed = patch(&api, &path, &name).await?;
            assert_eq!(changed.status, 200, "{path}: {}", changed.text);
            let mut expected = shown.clone();
            expected["name"] = "Another name".into();
            expected["version"] = changed.json["version"].clone();
            expected["updated_at"] = changed.json["updated_at"].clone();
            assert_eq!(changed.json, expected, "only the name and what follows from a change");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_are_read_only_are_refused_if_they_differ() {
    World::run(async |world| {
        let api = world.api().await?;
        for path in resources(&api).await? {
            let shown = api.http.get(&path).await?.json;
            for (member, value) in [
                ("id", json!("01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b")),
                ("version", json!(99)),
                ("created_at", Value::Null),
            ] {
                let mut whole = shown.clone();
                whole[member] = value.clone();
                let pointer = format!("/{member}");
                for answer in
                    [put(&api, &path, &whole).await?, patch(&api, &path, &json!({member: value})).await?]
                {
                    assert_eq!((answer.status, answer.pointers()), (422, vec![&*pointer]), "{}", answer.text);
                    assert_eq!(answer.json["errors"][0]["code"], "read_only");
                }
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn null_erases_what_may_be_absent_and_nothing_else() {
    World::run(async |world| {
        let api = world.api().await?;
        let body = json!({
            "code": "C-1", "name": "Dupont", "email": "a@dupont.example", "vat_number": "FR40303265045",
            "addresses": [{"kind": "billing", "line1": "1 rue", "city": "Paris", "country": "FR"}],
        });
        let created = api.http.post("/customers", &body).await?;
        let path = format!("/customers/{}", created.field("id"));
        let erased = patch(&api, &path, &json!({"vat_number": null})).await?;
        assert_eq!((erased.status, &erased.json["vat_number"]), (200, &Value::Null), "{}", erased.text);
        assert_eq!(erased.json["addresses"], created.json["addresses"]);
        let refused = patch(&api, &path, &json!({"name": null, "colour": "red", "email": 7})).await?;
        let mut pointers = refused.pointers();
        pointers.sort_unstable();
        assert_eq!((refused.status, pointers), (422, vec!["/colour", "/email", "/name"]), "{}", refused.text);
        let emptied = patch(&api, &path, &json!({"addresses": []})).await?;
        assert_eq!((emptied.status, &emptied.json["addresses"]), (200, &json!([])), "{}", emptied.text);
        Ok(())
    })
    .await;
}

/// Each patch is applied to the customer as it is then: none of sixteen at once is lost, though nobody reads in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patches_at_once_without_a_version_are_all_applied() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let path = format!("/customers/{}", customer["id"].as_str().unwrap());
        let patches = (0..16).map(async |number| {
            let member = if number % 2 == 0 { "name" } else { "email" };
            patch(&api, &path, &json!({member: format!("n{number}@example.com")})).await
        });
        for answer in futures::future::join_all(patches).await {
            let answer = answer?;
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        let read = api.http.get(&path).await?;
        assert_eq!(read.json["version"], 17, "{}", read.text);
        assert!(read.field("name").starts_with('n') && read.field("email").starts_with('n'), "{}", read.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_with_the_version_of_before_is_refused() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let path = format!("/customers/{}", customer["id"].as_str().unwrap());
        let body = json!({"name": "New"});
        let headers = [("If-Match", "\"7\"")];
        let stale = api.http.send(Method::PATCH, &path, &headers, Some(&body)).await?;
        assert_eq!((stale.status, stale.code()), (412, "version_mismatch"));
        let headers = [("If-Match", "\"1\"")];
        let wrong = json!({"name": 7, "colour": "red"});
        for method in [Method::PATCH, Method::PUT] {
            let wrong = api.http.send(method, &path, &[("If-Match", "\"7\"")], Some(&wrong)).await?;
            assert!(
                wrong.status == 422 && wrong.pointers().contains(&"/name"),
                "whatever the version: {}",
                wrong.text
            );
        }
        let fresh = api.http.send(Method::PATCH, &path, &headers, Some(&body)).await?;
        assert_eq!(
            (fresh.status, fresh.header("etag")),
            (200, Some("\"2\"")),
            "application/json will do as well"
        );
        let headers = [("Content-Type", "application/json-patch+json")];
        let other = api.http.raw(Method::PATCH, &path, &headers, Some(b"[]".to_vec())).await?;
        assert_eq!((other.status, other.header("accept-patch")), (415, Some("application/merge-patch+json")));
        let headers = [("Content-Type", "application/merge-patch+json")];
        let array = api.http.raw(Method::PATCH, &path, &headers, Some(b"[]".to_vec())).await?;
        assert_eq!((array.status, array.pointers()), (422, vec![""]), "{}", array.text);
        Ok(())
    })
    .await;
}

/// The version that was read before somebody else's change may be sent back by whoever does not insist on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_earlier_copy_is_taken_if_any_version_will_do() {
    World::run(async |world| {
        let api = world.api().await?;
        let read = api.customer("C-1").await?;
        let path = format!("/customers/{}", read["id"].as_str().unwrap());
        assert_eq!(patch(&api, &path, &json!({"email": "other@example.com"})).await?.status, 200);
        let mut mine = read.clone();
        mine["name"] = "Mine".into();
        let put = put(&api, &path, &mine).await?;
        assert_eq!(
            (put.status, put.field("name"), put.json["version"].as_i64()),
            (200, "Mine", Some(3)),
            "{}",
            put.text
        );
        let insisting = api.http.send(Method::PUT, &path, &[("If-Match", "\"1\"")], Some(&mine)).await?;
        assert_eq!((insisting.status, insisting.code()), (412, "version_mismatch"));
        // With milliseconds, as JavaScript writes them.
        let millis = format!("{}Z", &read["created_at"].as_str().unwrap()[..23]);
        assert_eq!(patch(&api, &path, &json!({"created_at": millis})).await?.status, 200);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_required_is_not_said_to_be_erasable_and_a_patch_needs_a_body() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut body = api.customer("C-1").await?;
        let path = format!("/customers/{}", body["id"].as_str().unwrap());
        let members = body.as_object_mut().unwrap();
        members.remove("name");
        members.remove("vat_number");
        let answer = put(&api, &path, &body).await?;
        let said = |pointer: &str| {
            let errors = answer.json["errors"].as_array().unwrap();
            let error = errors.iter().find(|error| error["pointer"] == pointer).unwrap();
            error["message"].as_str().unwrap().to_owned()
        };
        assert!(
            !said("/name").contains("null") && said("/vat_number").contains("send null"),
            "{}",
            answer.text
        );
        let empty = api.http.send(Method::PATCH, &path, &[], None).await?;
        assert_eq!((empty.status, empty.pointers()), (422, vec![""]), "{}", empty.text);
        Ok(())
    })
    .await;
}
