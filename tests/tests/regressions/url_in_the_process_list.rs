//! Seen: `--database-url` and `--amqp-url` stand in the machine's list of processes, password and all, and there was no
//! other way but the environment. A URL may stand in a file of its own.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use comptoir_tests::harness::{World, command, run};

const LIMIT: Duration = Duration::from_secs(60);

fn write(path: &Path, text: &str, mode: u32) -> Result<String> {
    std::fs::write(path, text)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(path.display().to_string())
}

/// Without any URL in its environment.
fn bare(name: &str, arguments: &[&str]) -> Result<Command> {
    let mut command = command(name)?;
    command.args(arguments).env_remove("DATABASE_URL").env_remove("AMQP_URL");
    command.env("COMPTOIR__RELAY__HTTP_LISTEN", "off");
    Ok(command)
}

/// Arguments, environment, and what is said.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn urls_may_stand_in_files() {
    World::run(async |world| {
        let folder = tempfile::tempdir()?;
        let database = write(&folder.path().join("database"), &format!("{}\n", world.database.url), 0o600)?;
        let broker = write(&folder.path().join("broker"), &format!("{}\r\n", world.vhost().url), 0o640)?;
        for (for_database, for_broker) in [
            ("DATABASE_URL_FILE", "AMQP_URL_FILE"),
            ("COMPTOIR__DATABASE__URL_FILE", "COMPTOIR__BROKER__URL_FILE"),
        ] {
            let mut command = bare("relay", &["--once", "--deadline", "30"])?;
            command.env(for_database, &database).env(for_broker, &broker);
            let exit = run(command, LIMIT).await?;
            assert_eq!(exit.code, Some(0), "{for_database}: {exit:?}");
            let mut command = bare("api", &["tenants", "list"])?;
            command.env(for_database, &database);
            let exit = run(command, LIMIT).await?;
            assert_eq!(exit.code, Some(0), "{for_database}: {exit:?}");
        }
        let flags =
            ["--database-url-file", &database, "--amqp-url-file", &broker, "--once", "--deadline", "30"];
        let mut command = bare("relay", &flags)?;
        // Flags win over the environment, whatever it has.
        command.env("DATABASE_URL", "postgres://127.0.0.1:1/none");
        let exit = run(command, LIMIT).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        let settings = format!("[database]\nurl_file = \"{database}\"\n");
        let settings = write(&folder.path().join("settings.toml"), &settings, 0o600)?;
        let exit = run(bare("relay", &["--config", &settings, "status"])?, LIMIT).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_the_url_and_one_too_many_are_usage_errors() {
    World::run(async |world| {
        let folder = tempfile::tempdir()?;
        let url = &world.database.url;
        let good = write(&folder.path().join("good"), url, 0o600)?;
        let open = write(&folder.path().join("open"), url, 0o604)?;
        let empty = write(&folder.path().join("empty"), "\n", 0o600)?;
        let missing = folder.path().join("missing").display().to_string();
        let settings = format!("[database]\nurl = \"{url}\"\nurl_file = \"{good}\"\n");
        let settings = write(&folder.path().join("settings.toml"), &settings, 0o600)?;
        let cases: [Case<'_>; 7] = [
            (&["status"], &[("DATABASE_URL_FILE", &open)], "everybody may read it"),
            (&["status"], &[("DATABASE_URL_FILE", &empty)], "is empty"),
            (&["status"], &[("DATABASE_URL_FILE", &missing)], "No such file"),
            (&["status"], &[("DATABASE_URL_FILE", &good), ("DATABASE_URL", url)], "both given"),
            (&["status"], &[("COMPTOIR__DATABASE__URL_FILE", &good), ("DATABASE_URL", url)], "both given"),
            (&["--config", &settings, "status"], &[], "both given"),
            (&["--database-url", url, "--database-url-file", &good, "status"], &[], "cannot be used with"),
        ];
        for (arguments, environment, said) in cases {
            let mut command = bare("relay", arguments)?;
            command.envs(environment.iter().copied());
            let exit = run(command, LIMIT).await?;
            assert_eq!(exit.code, Some(2), "{environment:?}: {exit:?}");
            assert!(exit.stderr.contains(said), "{environment:?}: {exit:?}");
            assert_eq!(exit.stderr.trim().lines().count(), 1, "{environment:?}: {exit:?}");
        }
        Ok(())
    })
    .await;
}
