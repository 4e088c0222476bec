//! What people read when something is not there or not right: one line, which server, which URL without its password, whether that
//! is a default, and what to do.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Exit, TestDatabase, World, command, run, with_path};

const LIMIT: Duration = Duration::from_secs(30);
const PASSWORD: &str = "s3cret";

/// A call that fails, its exit code, and what its last line must say, in this order.
struct Case<'a> {
    call: &'a str,
    environment: Vec<(&'a str, String)>,
    code: i32,
    says: &'a [&'a str],
}

async fn called(case: &Case<'_>) -> Result<Exit> {
    let mut words = case.call.split(' ');
    let mut command = command(words.next().unwrap_or_default())?;
    command.args(words);
    for name in ["DATABASE_URL", "SERVICES_DATABASE_URL", "AMQP_URL"] {
        command.env_remove(name);
    }
    command.envs(case.environment.iter().map(|(name, value)| (*name, value.as_str())));
    run(command, LIMIT).await
}

/// Checks the last line, which is the error; before it may be lines of the log.
async fn check(case: &Case<'_>) -> Result<()> {
    let exit = called(case).await?;
    let what = format!("{} with {:?}: {exit:?}", case.call, case.environment);
    ensure!(exit.code == Some(case.code), "{what}");
    let line = exit.stderr.lines().last().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix("error: ") else { anyhow::bail!("{what}") };
    for part in case.says {
        let Some(place) = rest.find(part) else { anyhow::bail!("no {part:?} in {what}") };
        rest = &rest[place + part.len()..];
    }
    // Neither a number of the system's nor a value as Rust prints it.
    for never in [PASSWORD, "os error", "Error(", "Kind", " { ", "Some("] {
        ensure!(!exit.stderr.contains(never), "{never:?} in {what}");
    }
    let halves: Vec<_> = line.split(": ").collect();
    ensure!(halves.windows(2).all(|pair| pair[0] != pair[1]), "it says the same twice: {what}");
    Ok(())
}

/// With this, the default URL cannot lead to a server of the machine's own.
const ONLY_TLS: (&str, &str) = ("COMPTOIR__DATABASE__TLS_MODE", "verify-full");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_be_used_is_named_with_what_to_do() {
    World::run(async |world| {
        let empty = TestDatabase::empty(&world.services).await?;
        let away = format!("postgres://me:{PASSWORD}@127.0.0.1:1/shop");
        let no_host = format!("postgres://me:{PASSWORD}@nowhere.invalid/shop");
        let nobody = with_user(&world.database.url, &format!("nobody:{PASSWORD}"))?;
        let no_database = with_path(&with_user(&world.database.url, &format!("comptoir:{PASSWORD}"))?, "nowhere")?;
        let refused = &["PostgreSQL at postgres://me:***@127.0.0.1:1/shop: Connection refused; start PostgreSQL", "DATABASE_URL"][..];
        let unknown = &["PostgreSQL at postgres://me:***@nowhere.invalid/shop: ", "; start PostgreSQL", "DATABASE_URL"][..];
        let log_in = &["PostgreSQL at postgres://nobody:***@", "nobody", "; give the right user and password in DATABASE_URL"][..];
        let missing = &["PostgreSQL at postgres://comptoir:***@", "nowhere", "; give a database that exists in DATABASE_URL"][..];
        let api_default = &["PostgreSQL at postgres://comptoir@127.0.0.1:5432/comptoir (the default: DATABASE_URL is not set): "][..];
        let relay_default = &["PostgreSQL at postgres://localhost/comptoir (the default: DATABASE_URL is not set): "][..];
        let old_for_api = &["PostgreSQL at postgres://", "does not exist; bring the database up to date with `api migrate`"][..];
        let old_for_relay = &["PostgreSQL at postgres://", "does not exist; bring the database up to date with `relay migrate`"][..];
        let mut cases = Vec::new();
        let api = ["api migrate", "api tenants list", "api users list", "api audit verify"];
        let relay = ["relay migrate", "relay status", "relay events list", "relay operations", "relay dead-letters list",
            "relay replay --since 1h", "relay --once --deadline 1"];
        for (calls, default, old) in [(&api[..], api_default, old_for_api), (&relay[..], relay_default, old_for_relay)] {
            for call in calls {
                for (url, says) in [(&away, refused), (&no_host, unknown), (&nobody, log_in), (&no_database, missing)] {
                    cases.push(Case { call, environment: vec![("DATABASE_URL", url.clone())], code: 1, says });
                }
                let environment = vec![(ONLY_TLS.0, ONLY_TLS.1.to_owned())];
                cases.push(Case { call, environment, code: 1, says: default });
                if !call.ends_with("migrate") {
                    let environment = vec![("DATABASE_URL", empty.url.clone())];
                    cases.push(Case { call, environment, code: 1, says: old });
                }
            }
        }
        for case in &cases {
            check(case).await?;
        }
        Ok(())
    })
    .await;
}

fn with_user(url: &str, user: &str) -> Result<String> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    ensure!(!rest.is_empty(), "{url}");
    let address = rest.split_once('@').map_or(rest, |(_, address)| address);
    Ok(format!("{scheme}://{user}@{address}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_cannot_be_used_is_named_with_what_to_do() {
    World::run(async |world| {
        let real = &world.services.amqp_url;
        let cases = [
            (
                format!("amqp://me:{PASSWORD}@127.0.0.1:1/%2f"),
                &[
                    "RabbitMQ at amqp://me:***@127.0.0.1:1/%2f: Connection refused; start RabbitMQ",
                    "AMQP_URL",
                ][..],
            ),
            (
                format!("amqp://me:{PASSWORD}@nowhere.invalid/%2f"),
                &["RabbitMQ at amqp://me:***@nowhere.invalid/%2f: ", "; start RabbitMQ", "AMQP_URL"],
            ),
            (
                with_user(real, &format!("nobody:{PASSWORD}"))?,
                &[
                    "RabbitMQ at amqp://nobody:***@",
                    "ACCESS_REFUSED",
                    "; give the right user and password in AMQP_URL",
                ],
            ),
            (
                with_path(real, "nowhere")?,
                &[
                    "RabbitMQ at amqp://",
                    "/nowhere: ",
                    "vhost nowhere not found; give a virtual host in AMQP_URL that exists",
                ],
            ),
        ];
        for (url, says) in &cases {
            for call in ["relay listen", "relay --once --deadline 1"] {
                let environment =
                    vec![("DATABASE_URL", world.database.relay_url.clone()), ("AMQP_URL", url.clone())];
                check(&Case { call, environment, code: 1, says }).await?;
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_address_in_use_is_named_with_its_setting() -> Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let said = format!("cannot listen on {address} ");
    for (call, setting, key) in [
        (
            "api --listen 127.0.0.1:0",
            "COMPTOIR__API__OPERATIONS_LISTEN",
            "(api.operations_listen): another program",
        ),
        ("api", "COMPTOIR__API__LISTEN", "(api.listen): another program"),
        ("relay", "COMPTOIR__RELAY__HTTP_LISTEN", "(relay.http_listen): another program"),
    ] {
        let environment = vec![(setting, address.clone())];
        check(&Case { call, environment, code: 1, says: &[&said, key] }).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_configuration_that_is_wrong_is_named_with_what_would_be_right() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let malformed = folder.path().join("malformed.toml").display().to_string();
    std::fs::write(&malformed, "[log\n")?;
    let unknown = folder.path().join("unknown.toml").display().to_string();
    std::fs::write(&unknown, "[log]\nfromat = \"text\"\n")?;
    for program in ["api", "relay"] {
        for (arguments, setting, value, says) in [
            ("--config /nowhere.toml check", "", "", &["/nowhere.toml (--config): No such file"][..]),
            ("--config / check", "", "", &["/ (--config): Is a directory"]),
            (
                &format!("--config {malformed} check"),
                "",
                "",
                &["malformed.toml (--config): TOML parse error at line 1"],
            ),
            (
                &format!("--config {unknown} check"),
                "",
                "",
                &["unknown key `fromat`, expected `format` or `filter`"],
            ),
            (
                "check",
                "COMPTOIR__LOG__FORMAT",
                "xml",
                &["unknown value `xml`, expected `text` or `json` for key `log.format`"],
            ),
            (
                "check",
                "COMPTOIR__DATABASE__POOL_SIZE",
                "many",
                &["expected an integer for key `database.pool_size`"],
            ),
            (
                "check",
                "DATABASE_URL",
                "mysql://me:s3cret@h/shop",
                &["database.url: does not begin with postgres://"],
            ),
            ("check", "DATABASE_URL_FILE", "/nowhere", &["database.url_file: /nowhere: No such file"]),
            (
                "check",
                "COMPTOIR__SERVICES__ENVIRONMENT",
                "prod",
                &["unknown value `prod`, expected one of `development`, `production`, `testing`"],
            ),
            (
                "check",
                "COMPTOIR__SERVICES__PRUNING__ENABELD",
                "false",
                &["services.pruning.enabeld: there is no such key; there are enabled, interval_ms"],
            ),
            (
                "check",
                "COMPTOIR__SERVICES__PRUNING__TESTING__INTERVAL_SECONDS",
                "-3",
                &["services.pruning.testing.interval_seconds: must be a whole number", "not -3"],
            ),
            ("--nonsense", "", "", &["unexpected argument '--nonsense'"]),
            ("nonsense", "", "", &["unrecognized subcommand 'nonsense'"]),
        ] {
            let environment = if setting.is_empty() { Vec::new() } else { vec![(setting, value.to_owned())] };
            check(&Case { call: &format!("{program} {arguments}"), environment, code: 2, says }).await?;
        }
    }
    // Our own words are no secrets, and a command that only has parts names them.
    for (call, says) in [
        (
            "api emails",
            &["'api emails' requires a subcommand", "[subcommands: list, show, requeue, discard"][..],
        ),
        ("api emails --config /nowhere.toml", &["'api emails' requires a subcommand", "list, show"]),
        ("relay dead-letters", &["'relay dead-letters' requires a subcommand", "[subcommands: list"]),
        ("api services act drain drain-now {", &["'***'", "a JSON object, such as {\"batch_size\": 100}"]),
    ] {
        check(&Case { call, environment: Vec::new(), code: 2, says }).await?;
    }
    let environment = vec![
        ("COMPTOIR__SERVICES__DRAIN__ENABLED", "false".to_owned()),
        ("COMPTOIR__RELAY__HTTP_LISTEN", "off".to_owned()),
    ];
    let says = &["services.drain.enabled: this service cannot be turned off"][..];
    check(&Case { call: "relay", environment, code: 2, says }).await?;
    let call = "api emails discard --tenant 01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b --all --until yesterday";
    let says = &["expected a time such as 2026-01-31T12:00:00Z"][..];
    check(&Case { call, environment: Vec::new(), code: 2, says }).await?;
    let environment = vec![("COMPTOIR__API__LISTEN", "8080".to_owned())];
    let says = &["expected an address with a port, such as 127.0.0.1:8080, for key `api.listen`"][..];
    check(&Case { call: "api", environment, code: 2, says }).await
}
