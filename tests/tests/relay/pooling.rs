//! PgBouncer in between: what works in which mode, and what is said where it cannot.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{
    Api, Exit, Http, PgBouncer, Relay, World, command, free_port, insert_many, run, until,
};

const LIMIT: Duration = Duration::from_secs(60);

async fn call(world: &World, url: &str, name: &str, arguments: &[&str]) -> Result<Exit> {
    let mut command = command(name)?;
    command.args(arguments).env("DATABASE_URL", url).env("AMQP_URL", &world.vhost().url);
    run(command, LIMIT).await
}

async fn answers(http: &Http, status: u16, text: &str) -> Result<()> {
    until("the health check to say so", LIMIT, async || {
        let answer = http.get("//health/ready").await?;
        ensure!(answer.status == status && answer.text.contains(text), "{} {}", answer.status, answer.text);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_through_pgbouncer_in_session_mode() {
    World::run(async |world| {
        let pooler = PgBouncer::start(world, "session").await?;
        let consumer = world.consumer().await?;
        for (name, arguments) in [("relay", ["migrate"]), ("api", ["migrate"]), ("relay", ["status"])] {
            let exit = call(world, &pooler.url, name, &arguments).await?;
            ensure!(exit.code == Some(0), "{name} {arguments:?}: {exit:?}");
        }
        insert_many(&world.sql().await?, 20, 5).await?;
        let once = call(world, &pooler.relay_url, "relay", &["--once", "--deadline", "30"]).await?;
        ensure!(once.code == Some(0), "{once:?}");
        consumer.wait_for(20, LIMIT).await?;

        // Polls so seldom that only a wake-up explains an event that arrives.
        let environment = [
            ("DATABASE_URL", pooler.relay_url.as_str()),
            ("COMPTOIR__RELAY__POLL_MIN_MS", "600000"),
            ("COMPTOIR__RELAY__POLL_MAX_MS", "600000"),
        ];
        let relay = Relay::start(world, &environment).await?;
        let api = Api::start(world, &[("DATABASE_URL", &pooler.api_url)]).await?;
        answers(&api.http, 200, "").await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        for _ in 0..5 {
            api.order(&customer, &product).await?;
        }
        world.everything_arrives(&consumer, LIMIT).await?;
        relay.stop().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_shares_sessions_is_recognised_and_named() {
    World::run(async |world| {
        let pooler = PgBouncer::start(world, "transaction").await?;
        for (name, arguments) in [
            ("relay", &["migrate"][..]),
            ("api", &["migrate"]),
            ("relay", &["status"]),
            ("relay", &["--once", "--deadline", "3"]),
        ] {
            let exit = call(world, &pooler.url, name, arguments).await?;
            let last = exit.stderr.lines().last().unwrap_or_default();
            ensure!(
                exit.code == Some(1) && last.contains("session pooling"),
                "{name} {arguments:?}: {exit:?}"
            );
        }
        let listen = format!("127.0.0.1:{}", free_port()?);
        let environment = [("DATABASE_URL", pooler.url.as_str()), ("COMPTOIR__RELAY__HTTP_LISTEN", &listen)];
        let relay = Relay::launch(world, &environment)?;
        answers(&Http::new(&format!("http://{listen}"))?, 503, "(pooling: ").await?;
        relay.stop().await?;
        let api = Api::start(world, &[("DATABASE_URL", &pooler.api_url)]).await?;
        answers(&api.http, 503, "").await?;
        let said = api.daemon.output();
        ensure!(said.contains("session pooling"), "{said}");
        Ok(())
    })
    .await;
}
