//! The keys that sign access tokens: made, published, read again.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_core::platform::secret_file;
use comptoir_tests::harness::{Api, World, command, run, until};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(20);

/// What `api keys generate` prints.
async fn generate(arguments: &[&str]) -> Result<Value> {
    let mut command = command("api")?;
    command.args(["keys", "generate"]).args(arguments);
    let exit = run(command, LIMIT).await?;
    ensure!(exit.code == Some(0), "{exit:?}");
    ensure!(exit.stderr.is_empty(), "{}", exit.stderr);
    Ok(serde_json::from_str(&exit.stdout)?)
}

fn ids(set: &Value) -> Vec<String> {
    let keys = set["keys"].as_array().cloned().unwrap_or_default();
    keys.iter().map(|key| key["kid"].as_str().unwrap_or_default().to_owned()).collect()
}

fn write(path: &Path, set: &Value) -> Result<()> {
    Ok(secret_file::write(path, set.to_string())?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_published_without_their_private_part_and_read_again_when_their_file_changes() {
    World::run(async |world| {
        let file = world.logs().join("keys.json");
        let name = file.display().to_string();
        let first = generate(&[]).await?;
        write(&file, &first)?;
        let api = Api::start(world, &[("COMPTOIR__IDENTITY__SIGNING_KEYS_FILE", &name)]).await?;
        let answer = api.http.get("//.well-known/jwks.json").await?;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        assert_eq!(ids(&answer.json), ids(&first));
        assert!(!answer.text.contains("\"d\""), "{}", answer.text);

        let second = generate(&["--add-to", &name, "--standby"]).await?;
        assert_eq!(ids(&second)[0], ids(&first)[0], "the new key stands by");
        write(&file, &second)?;
        until("the new key to be published", LIMIT, async || {
            let answer = api.http.get("//.well-known/jwks.json").await?;
            ensure!(ids(&answer.json) == ids(&second), "{}", answer.text);
            Ok(())
        })
        .await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_not_in_order_are_a_configuration_error_that_shows_no_key() {
    World::run(async |world| {
        let mut set = generate(&[]).await?;
        let secret = set["keys"][0]["d"].as_str().unwrap_or_default().to_owned();
        set["keys"][0]["crv"] = "X25519".into();
        let mut command = command("api")?;
        command
            .env("DATABASE_URL", &world.database.api_url)
            .env("COMPTOIR__IDENTITY__SIGNING_KEYS", set.to_string());
        let exit = run(command, LIMIT).await?;
        assert_eq!(exit.code, Some(2), "{exit:?}");
        assert!(exit.stderr.contains("identity.signing_keys: key number 1"), "{}", exit.stderr);
        assert!(!exit.stderr.contains(&secret), "{}", exit.stderr);
        Ok(())
    })
    .await;
}
