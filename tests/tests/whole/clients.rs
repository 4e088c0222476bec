//! Clients that are generated from the API's description work: tests/clients/README.md has the journey.

use std::process::Command;
use std::time::Duration;

use comptoir_tests::harness::{World, root, run};

/// A first run installs the generators.
const LIMIT: Duration = Duration::from_secs(900);

async fn journey(kind: &'static str) {
    World::run(async |world| {
        let api = world.api().await?;
        let mut script = Command::new(root().join("deploy/generated-client"));
        script.args([kind, api.http.root(), api.http.credential().unwrap_or_default()]);
        let answer = run(script, LIMIT).await?;
        assert_eq!(answer.code, Some(0), "{}\n{}", answer.stdout, answer.stderr);
        assert!(answer.stdout.ends_with("journey: ok\n"), "{}", answer.stdout);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_openapi_typescript_compiles_and_works() {
    journey("openapi-typescript").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn a_client_of_openapi_python_client_works() {
    journey("openapi-python-client").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn a_client_of_openapi_generator_for_python_works() {
    journey("openapi-generator-python").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn a_client_of_openapi_generator_for_typescript_compiles_and_works() {
    journey("openapi-generator-typescript").await;
}
