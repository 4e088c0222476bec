//! Seen: answers with a company's data could be kept by caches, guessed to be something else by browsers, and shown in
//! another site's frame.

use comptoir_tests::harness::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_says_what_browsers_and_caches_may_do_with_it() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let one = format!("/customers/{}", customer["id"].as_str().unwrap_or_default());
        for (path, status) in [
            ("/customers", 200),
            (one.as_str(), 200),
            ("/customers?limit=nonsense", 422),
            ("/nothing", 404),
            ("//nothing", 404),
            ("//health/live", 200),
            ("//api/openapi.json", 200),
            ("//api/docs/", 200),
        ] {
            let answer = api.http.get(path).await?;
            assert_eq!(answer.status, status, "{path}: {}", answer.text);
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
            let policy = answer.header("content-security-policy").unwrap_or_default();
            assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
            assert!(policy.contains("default-src"), "{path}: {policy}");
            if !path.starts_with("//") {
                assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
            }
        }
        let refused = api.http.anonymous().get("/customers").await?;
        assert_eq!(refused.status, 401);
        assert_eq!(refused.header("cache-control"), Some("no-store"));
        assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
        Ok(())
    })
    .await;
}
