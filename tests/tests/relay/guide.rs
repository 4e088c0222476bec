//! The examples of docs/relay.md, as they stand there.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Consumer, World, jdbc, root, run};

const LIMIT: Duration = Duration::from_secs(30);
/// A first run installs the drivers.
const INSTALL_LIMIT: Duration = Duration::from_secs(300);

/// The code blocks of a language under "Writing events", in their order.
fn examples(language: &str) -> Result<Vec<String>> {
    let guide = std::fs::read_to_string(root().join("docs/relay.md"))?;
    let section =
        guide.split("\n## ").find(|section| section.starts_with("Writing events")).context("no section")?;
    let fence = format!("```{language}\n");
    let blocks: Vec<String> = section
        .split(&fence)
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("\n```")?.0.to_owned()))
        .collect();
    ensure!(!blocks.is_empty(), "no example in {language}");
    Ok(blocks)
}

/// Runs an example as a person does who types it: statement by statement.
async fn psql(world: &World, url: &str, example: &str) -> Result<()> {
    let program =
        world.services.pg_bin.as_ref().map_or_else(|| PathBuf::from("psql"), |bin| bin.join("psql"));
    let file = world.logs().join("example.sql");
    std::fs::write(&file, example)?;
    let mut command = Command::new(program);
    command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f"]).arg(&file);
    let exit = run(command, LIMIT).await?;
    ensure!(exit.code == Some(0) && exit.stderr.is_empty(), "{example}: {exit:?}");
    Ok(())
}

/// Type, version and body of the messages of an aggregate.
fn told(consumer: &Consumer, aggregate: &str) -> Vec<(String, Option<String>, String)> {
    let messages = consumer.messages().into_iter();
    messages
        .filter(|message| message.header("aggregate-id").as_deref() == Some(aggregate))
        .map(|message| (message.routing_key.clone(), message.header("aggregate-version"), message.body))
        .collect()
}

fn event(name: &str, version: Option<&str>, body: &str) -> (String, Option<String>, String) {
    (name.to_owned(), version.map(str::to_owned), body.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_in_sql_do_what_the_guide_says() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let examples = examples("sql")?;
        let (table, writing) = examples.split_first().context("no example")?;
        psql(world, &world.database.url, &format!("{table}\nGRANT ALL ON accounts TO PUBLIC;")).await?;
        for example in writing {
            psql(world, &world.database.writer_url, example).await?;
        }
        let exit = world.run_relay(&["--once"]).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        consumer.wait_for(3, LIMIT).await?;
        assert_eq!(
            told(&consumer, "a-17"),
            [
                event("account.opened", Some("1"), r#"{"balance": "100"}"#),
                event("account.debited", Some("2"), r#"{"amount": "12.50"}"#)
            ]
        );
        assert_eq!(told(&consumer, "s-9"), [event("sensor.measured", None, r#"{"celsius": 21.50}"#)]);
        let balance: String = world
            .sql()
            .await?
            .query_one("SELECT balance::text FROM accounts WHERE id = 'a-17'", &[])
            .await?
            .get(0);
        assert_eq!(balance, "87.50");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn the_examples_in_python_node_and_java_do_what_the_guide_says() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        for example in &examples("sql")?[..2] {
            psql(world, &world.database.url, example).await?;
        }
        for (block, language, file) in [
            ("python", "python", "debit.py"),
            ("javascript", "node", "debit.mjs"),
            ("java", "java", "Debit.java"),
        ] {
            let example = world.logs().join(file);
            std::fs::write(&example, &examples(block)?[0])?;
            let mut command = Command::new(root().join("deploy/example"));
            command.arg(language).arg(&example).env("DATABASE_URL", &world.database.url);
            command.env("JDBC_URL", jdbc(&world.database.url)?);
            let exit = run(command, INSTALL_LIMIT).await?;
            ensure!(exit.code == Some(0), "{language}: {exit:?}");
        }
        assert_eq!(world.run_relay(&["--once"]).await?.code, Some(0));
        consumer.wait_for(4, LIMIT).await?;
        let versions: Vec<_> = told(&consumer, "a-17").into_iter().map(|(_, version, _)| version).collect();
        assert_eq!(versions, ["1", "2", "3", "4"].map(|version| Some(version.to_owned())));
        let bodies = told(&consumer, "a-17").split_off(1);
        assert!(
            bodies.iter().all(|(_, _, body)| body.replace(' ', "") == r#"{"amount":"12.50"}"#),
            "{bodies:?}"
        );
        Ok(())
    })
    .await;
}
