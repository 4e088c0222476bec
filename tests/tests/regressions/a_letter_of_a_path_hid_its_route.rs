//! Seen: `/api/v1/auth/%6cogin` was routed as `/api/v1/auth/login`, but was unknown to the table of access, to the stricter limit
//! and to the metrics.

use anyhow::{Context, Result};
use comptoir_tests::harness::{Api, Scrape, World};
use reqwest::Method;

/// Every route of the OpenAPI document, with ids in it.
async fn routes(api: &Api) -> Result<Vec<(Method, String)>> {
    let document = api.http.get("//api/openapi.json").await?.json;
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().context("no paths")? {
        let path = path.replace("{id}", &uuid::Uuid::nil().to_string());
        let path = path.replace("{session_id}", &uuid::Uuid::nil().to_string());
        for method in item.as_object().context("no operations")?.keys() {
            routes.push((method.to_uppercase().parse()?, path.clone()));
        }
    }
    Ok(routes)
}

/// The path with the letter at `at` written with its percent-encoding.
fn encoded(path: &str, at: usize) -> String {
    format!("{}%{:02x}{}", &path[..at], path.as_bytes()[at], &path[at + 1..])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_with_an_encoded_letter_is_the_path_that_it_means() {
    World::run(async |world| {
        let limits = [
            ("COMPTOIR__RATE_LIMITS__SIGN_IN_REQUESTS_PER_MINUTE", "1000000"),
            ("COMPTOIR__RATE_LIMITS__ADDRESS_REQUESTS_PER_MINUTE", "2000000"),
            ("COMPTOIR__RATE_LIMITS__PRINCIPAL_REQUESTS_PER_MINUTE", "3000000"),
        ];
        let api = Api::start(world, &limits).await?;
        let routes = routes(&api).await?;
        assert!(routes.len() > 40, "{} routes", routes.len());
        for (method, path) in &routes {
            // The last letter of every part, which is the last of the path as well.
            let letters: Vec<usize> = (1..path.len())
                .filter(|at| path.as_bytes()[*at].is_ascii_alphabetic())
                .filter(|at| path.as_bytes().get(at + 1).is_none_or(|next| !next.is_ascii_alphanumeric()))
                .collect();
            for credential in [None, api.http.credential()] {
                let http = match credential {
                    Some(credential) => api.http.with_credential(credential),
                    None => api.http.anonymous(),
                };
                // The answer of notifications has no end, unless they are asked wrongly.
                let wrong = if path.ends_with("/notifications") { "?nonsense=1" } else { "" };
                let ask = async |path: &str| {
                    let answer = http.send(method.clone(), &format!("/{path}{wrong}"), &[], None).await?;
                    let limit = answer.header("ratelimit-limit").map(str::to_owned);
                    Ok::<_, anyhow::Error>((answer.status, answer.code().to_owned(), limit))
                };
                let plain = ask(path).await?;
                for at in &letters {
                    let other = encoded(path, *at);
                    assert_eq!(ask(&other).await?, plain, "{method} {other}");
                }
            }
        }
        let scrape = Scrape::of(&api.operations).await?;
        let unknown: Vec<_> = scrape
            .samples
            .iter()
            .filter(|sample| sample.name == "comptoir_http_requests_total")
            .filter(|sample| sample.labels.get("route").is_some_and(|route| route == "unknown"))
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        Ok(())
    })
    .await;
}
