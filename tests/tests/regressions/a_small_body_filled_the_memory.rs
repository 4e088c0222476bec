//! A body of 1 MiB with 150,000 small objects took a hundred times its size in memory, and PUT and PATCH kept that while they
//! waited for the database. A query with 32,000 repeated parameters was answered with 4 MB of faults.

use comptoir_tests::harness::World;
use reqwest::Method;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_with_too_many_values_is_refused_before_it_waits() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let path = format!("/customers/{}", customer["id"].as_str().unwrap_or_default());
        let many = format!("{{\"x\":[{}]}}", vec!["{\"\":0}"; 60_000].join(","));
        for (method, path) in
            [(Method::PATCH, &*path), (Method::POST, "/customers"), (Method::POST, "/auth/login")]
        {
            let headers = [("Content-Type", "application/json")];
            let answer = api.http.raw(method, path, &headers, Some(many.clone().into_bytes())).await?;
            assert_eq!((answer.status, answer.code()), (413, "body_too_large"), "{path}");
            assert!(answer.text.contains("50000 values"), "{}", answer.text);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_names_a_hundred_faults_at_most() {
    World::run(async |world| {
        let api = world.api().await?;
        for path in ["//api/asyncapi.json", "/orders"] {
            let answer = api.http.get(&format!("{path}?{}", vec!["a"; 5_000].join("&"))).await?;
            assert_eq!((answer.status, answer.pointers().len()), (422, 100), "{path}");
        }
        let lines = vec!["7"; 5_000].join(",");
        let body = format!("{{\"lines\":[{lines}]}}").into_bytes();
        let answer = api
            .http
            .raw(Method::POST, "/orders", &[("Content-Type", "application/json")], Some(body))
            .await?;
        assert_eq!((answer.status, answer.pointers().len()), (422, 100));
        Ok(())
    })
    .await;
}
