//! Servers with encrypted connections, and connections that are refused: by whom, and what the relay says and does.

mod broker;
mod database;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Exit, Http, Relay, World, command, free_port, run, until};

const LIMIT: Duration = Duration::from_secs(60);

/// `relay` with these arguments and this environment besides the world's, to its end.
async fn relay(world: &World, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Exit> {
    let mut command = command("relay")?;
    command
        .args(arguments)
        .env("DATABASE_URL", &world.database.relay_url)
        .env("AMQP_URL", &world.vhost().url)
        .envs(environment.iter().copied());
    run(command, LIMIT).await
}

/// A daemon that goes on running, unready for this reason, which is also counted; and does not insist too often.
async fn a_daemon_is_unready(
    world: &World,
    environment: &[(&str, &str)],
    reason: &str,
    metric: &str,
) -> Result<()> {
    let listen = format!("127.0.0.1:{}", free_port()?);
    let mut environment = environment.to_vec();
    environment.push(("COMPTOIR__RELAY__HTTP_LISTEN", &listen));
    let mut relay = Relay::launch(world, &environment)?;
    let http = Http::new(&format!("http://{listen}"))?;
    until("the daemon to say why it is not ready", LIMIT, async || {
        let answer = http.get("//health/ready").await?;
        ensure!(answer.status == 503 && answer.text.contains(reason), "{} {}", answer.status, answer.text);
        let metrics = http.get("//metrics").await?.text;
        ensure!(metrics.lines().any(|line| line.starts_with(metric)), "no {metric}");
        Ok(())
    })
    .await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let attempts = http.get("//metrics").await?.text;
    let attempts = attempts.lines().find_map(|line| line.strip_prefix(metric)).context("counted")?;
    let attempts: f64 = attempts.trim().parse()?;
    ensure!(attempts < 30.0, "{attempts} attempts in a few seconds");
    ensure!(relay.daemon.ended()?.is_none(), "it gave up: {}", relay.daemon.output());
    relay.stop().await
}
