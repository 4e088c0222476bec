//! What operators and tools use: health, metrics, the API's own description, the command line.

use std::time::Duration;

use comptoir_tests::harness::{World, command, run};
use reqwest::Method;

const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_metrics_and_documentation_are_served() {
    World::run(async |world| {
        let api = world.api().await?;
        for path in ["//health/live", "//health/ready"] {
            assert_eq!(api.http.get(path).await?.status, 200, "{path}");
            assert_eq!(api.operations.get(path).await?.status, 200, "{path}");
        }
        api.http.get("/orders").await?;
        assert_eq!(api.http.get("//metrics").await?.status, 404, "they are not for everybody");
        assert_eq!(api.operations.get("/orders").await?.status, 404);
        let metrics = api.operations.get("//metrics").await?;
        assert_eq!(metrics.status, 200);
        assert!(metrics.text.contains("/api/v1/orders"), "requests are counted by route: {}", metrics.text);
        for path in ["//", "//api/docs", "//api/docs/"] {
            let docs = api.http.get(path).await?;
            assert_eq!(
                (docs.status, docs.header("content-type")),
                (200, Some("text/html; charset=utf-8")),
                "{path}"
            );
        }
        let docs = api.http.get("//api/docs").await?.text;
        let parts = docs.split(['"', '\'']).filter(|part| part.starts_with('/') || part.contains("://"));
        let parts: Vec<_> = parts.collect();
        assert!(parts.len() > 5, "{parts:?}");
        for part in parts {
            // A path of another host would not be found here.
            let answer = api.http.send(Method::HEAD, &format!("/{part}"), &[], None).await?;
            assert_eq!(answer.status, 200, "{part}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_description_names_every_route_and_no_other() {
    World::run(async |world| {
        let api = world.api().await?;
        let description = api.http.get("//api/openapi.json").await?;
        assert_eq!(description.status, 200);
        assert!(description.field("openapi").starts_with("3.1"), "{}", description.field("openapi"));
        let paths = description.json["paths"].as_object().cloned().unwrap_or_default();
        for path in [
            "/api/v1/auth/login",
            "/api/v1/auth/refresh",
            "/api/v1/auth/logout",
            "/api/v1/me",
            "/api/v1/sessions",
            "/api/v1/users/{id}/sessions/{session_id}",
            "/api/v1/api-keys",
            "/.well-known/jwks.json",
            "/api/v1/customers",
            "/api/v1/customers/{id}",
            "/api/v1/products",
            "/api/v1/products/{id}",
            "/api/v1/products/{id}/archive",
            "/api/v1/orders",
            "/api/v1/orders/{id}",
            "/api/v1/orders/{id}/confirm",
            "/api/v1/orders/{id}/ship",
            "/api/v1/orders/{id}/deliver",
            "/api/v1/orders/{id}/cancel",
        ] {
            assert!(paths.contains_key(path), "{path} is not described");
        }
        for (path, operations) in &paths {
            for method in operations.as_object().into_iter().flat_map(serde_json::Map::keys) {
                let method = Method::from_bytes(method.to_uppercase().as_bytes())?;
                let target = format!(
                    "/{}",
                    path.replace("{id}", NOBODY)
                        .replace("{session_id}", NOBODY)
                        .replace("{name}", "order.placed.v1.json")
                );
                // Otherwise its answer has no end.
                let target = if path.ends_with("/notifications") { target + "?nonsense=1" } else { target };
                let answer = api.http.send(method.clone(), &target, &[], None).await?;
                let known = answer.status != 405 && answer.json["code"] != "not_found";
                assert!(known, "{method} {path} is described but not there: {}", answer.text);
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_usage_or_configuration_error_is_one_line_and_exit_2() {
    World::run(async |world| {
        for (arguments, environment) in [
            (vec!["--nonsense"], ("X", "")),
            (vec!["nonsense"], ("X", "")),
            (vec!["--config", "does-not-exist.toml"], ("X", "")),
            (vec![], ("COMPTOIR__API__NONSENSE", "1")),
            (vec![], ("COMPTOIR__API__LISTEN", "nowhere")),
            (vec![], ("COMPTOIR__API__OPERATIONS_LISTEN", "nowhere")),
            (vec![], ("COMPTOIR__DATABASE__LOCK_TIMEOUT_MS", "1")),
            (vec![], ("COMPTOIR__DATABASE__WORK_TIMEOUT_MS", "1")),
            (vec![], ("DATABASE_URL", "not a url")),
        ] {
            let mut command = command("api")?;
            command
                .args(&arguments)
                .env("DATABASE_URL", &world.database.api_url)
                .env(environment.0, environment.1);
            let exit = run(command, Duration::from_secs(20)).await?;
            assert_eq!(exit.code, Some(2), "{arguments:?} {environment:?}: {exit:?}");
            assert_eq!(
                exit.stderr.trim().lines().count(),
                1,
                "{arguments:?} {environment:?}: {}",
                exit.stderr
            );
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_is_described_with_the_schema_of_its_payload() {
    World::run(async |world| {
        let api = world.api().await?;
        let http = api.http.anonymous();
        let document = http.get("//api/asyncapi.json").await?.json;
        let messages = document["components"]["messages"].as_object().cloned().unwrap_or_default();
        assert!(messages.len() > 30, "{}", messages.len());
        for name in messages.keys() {
            let schema = http.get(&format!("//api/schemas/{name}.json")).await?;
            assert_eq!(
                (schema.status, schema.header("content-type")),
                (200, Some("application/schema+json")),
                "{name}"
            );
            assert!(schema.field("$id").starts_with("urn:comptoir:event:"), "{}", schema.text);
        }
        for nothing in
            ["order.placed.v9.json", "order.placed.v1", "..%2f..%2fCargo.toml", "order.placed.v1.schema.json"]
        {
            assert_eq!(http.get(&format!("//api/schemas/{nothing}")).await?.status, 404, "{nothing}");
        }
        Ok(())
    })
    .await;
}
