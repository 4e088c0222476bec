//! Seen: `AMQP_URL=user:PASSWORD@host:5672`, without its scheme, was printed with its password by the message that refused
//! it; `amqp:/u:PASSWORD@h` was accepted, and logged. A URL in the wrong place (a flag's value, a number in a file) was
//! quoted as well. No URL is printed with its password, whatever is wrong with it.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use comptoir_tests::harness::{self, Exit, World, run, with_user};

const LIMIT: Duration = Duration::from_secs(60);
const PASSWORD: &str = "s3cr3tPa55w0rd";

const MALFORMED: &[&str] = &[
    "user:PASSWORD@host:5672",
    "amqp:/u:PASSWORD@h",
    "amqp:u:PASSWORD@h",
    "//u:PASSWORD@h",
    "amqp://u:PASSWORD",
    "amqp://u:PASSWORD/x@127.0.0.1:1",
    "amqp://u:x@PASSWORD@127.0.0.1:1",
    "amqp://u%3aPASSWORD@127.0.0.1:1",
    "amqp://h:1/u:PASSWORD@h",
    "amqp://u:PASSWORD@127.0.0.1:99999",
    "amqp://u:PASSWORD @127.0.0.1:1",
    "postgres://u:PASSWORD",
    "postgres://u:PASSWORD@127.0.0.1:x/db",
    "postgres://u:PASSWORD#@127.0.0.1:1/db",
    "postgres://u:PASSWORD@127.0.0.1:1/db?nonsense=1",
    "postgres://u@127.0.0.1:1/db?sslmode=nonsense&password=PASSWORD",
    "postgres:/u:PASSWORD@h/db",
    "host=h user=u password=PASSWORD",
    "http://u:PASSWORD@h",
];

fn never_says_it(exit: &Exit, how: &str) {
    assert!(!exit.stdout.contains(PASSWORD) && !exit.stderr.contains(PASSWORD), "{how}: {exit:?}");
}

fn command(world: &World, name: &str, arguments: &[&str]) -> Result<Command> {
    let mut command = harness::command(name)?;
    command.args(arguments).env("DATABASE_URL", &world.database.url).env("AMQP_URL", &world.vhost().url);
    command.env("COMPTOIR__RELAY__HTTP_LISTEN", "off").env("COMPTOIR__LOG__FILTER", "debug");
    Ok(command)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_url_is_refused_without_its_password() {
    World::run(async |world| {
        for url in MALFORMED.iter().map(|url| url.replace("PASSWORD", PASSWORD)) {
            for (name, variable) in [
                ("relay", "AMQP_URL"),
                ("relay", "COMPTOIR__BROKER__URL"),
                ("relay", "DATABASE_URL"),
                ("api", "DATABASE_URL"),
            ] {
                let mut once =
                    command(world, name, if name == "relay" { &["status"] } else { &["tenants", "list"] })?;
                once.env(variable, &url);
                let exit = run(once, LIMIT).await?;
                never_says_it(&exit, &format!("{name} with {variable}={url}"));
                // One of them is a database that is not there.
                let is_refused =
                    exit.code == Some(2) || exit.code == Some(1) && url.starts_with("postgres://u:");
                assert!(is_refused && !exit.stderr.is_empty(), "{name} with {variable}={url}: {exit:?}");
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_in_the_wrong_place_is_not_quoted() {
    World::run(async |world| {
        let url = format!("amqp://u:{PASSWORD}@127.0.0.1:1/v");
        let bare = format!("u:{PASSWORD}@127.0.0.1:1");
        let misspelled = format!("--amqp-ulr={url}");
        for url in [url.as_str(), bare.as_str()] {
            let calls: &[&[&str]] = &[
                &[url],
                &[&misspelled],
                &["--once", "--deadline", url],
                &["--http-listen", url],
                &["--config", url],
                &["status", url],
                &["dead-letters", "list", "--since", url],
                &["dead-letters", "show", url],
                &["dead-letters", url],
                &["replay", "--since", "1h", "--tenant", url],
                &["events", "list", "--limit", url],
                &["--amqp-url", url, "--amqp-url-file", url, "status"],
            ];
            for arguments in calls {
                let exit = run(command(world, "relay", arguments)?, LIMIT).await?;
                never_says_it(&exit, &format!("relay {arguments:?}"));
                assert_eq!(exit.code, Some(2), "{arguments:?}: {exit:?}");
            }
            for (name, variable) in [
                ("relay", "COMPTOIR__BROKER__CONNECT_TIMEOUT_MS"),
                ("relay", "COMPTOIR__RELAY__UNROUTABLE"),
                ("relay", "COMPTOIR__LOG__FORMAT"),
                ("relay", "AMQP_URL_FILE"),
                ("relay", "COMPTOIR__DATABASE__TLS_MODE"),
                ("api", "COMPTOIR__API__LISTEN"),
                ("api", "COMPTOIR__DATABASE__POOL_SIZE"),
            ] {
                let mut command = command(world, name, &[])?;
                command.env(variable, url);
                let exit = run(command, LIMIT).await?;
                never_says_it(&exit, &format!("{name} with {variable}"));
                assert_eq!(exit.code, Some(2), "{name} with {variable}: {exit:?}");
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_parsed_is_not_shown() {
    World::run(async |world| {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600))?;
        let path = file.path().display().to_string();
        let name = file.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        for line in [
            "url = \"amqp://u:PASSWORD@h",
            "url = amqp://u:PASSWORD@h",
            "amqp://u:PASSWORD@h",
            "heartbeat_seconds = \"amqp://u:PASSWORD@h\"",
        ] {
            std::fs::write(file.path(), format!("[broker]\n{}\n", line.replace("PASSWORD", PASSWORD)))?;
            let exit = run(command(world, "relay", &["--config", &path, "status"])?, LIMIT).await?;
            never_says_it(&exit, line);
            let place = if line.starts_with("heartbeat") { "broker.heartbeat_seconds" } else { &name };
            assert!(exit.code == Some(2) && exit.stderr.contains(place), "{line}: {exit:?}");
        }
        Ok(())
    })
    .await;
}

/// What connects, or tries to, prints its URLs: on the way to a broker and a database that refuse this user.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_that_is_well_formed_is_logged_without_its_password() {
    World::run(async |world| {
        let amqp = with_user(&world.vhost().url, "stranger", PASSWORD)?;
        let postgres = with_user(&world.database.url, "stranger", PASSWORD)?;
        for arguments in [&["check"][..], &["--once", "--deadline", "2"], &["dead-letters", "sweep"]] {
            for (variable, url) in [("AMQP_URL", &amqp), ("DATABASE_URL", &postgres)] {
                let mut command = command(world, "relay", arguments)?;
                command.env(variable, url);
                let exit = run(command, LIMIT).await?;
                never_says_it(&exit, &format!("relay {arguments:?} with {variable}"));
            }
        }
        Ok(())
    })
    .await;
}
