//! Replay under faults: refused events, an alarm of the broker, an interruption. And decisions at a terminal.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{
    PrivateServices, Session, World, at_terminal, insert_event, insert_many, narrow_queue, run, until,
};
use lapin::options::BasicGetOptions;
use nix::sys::signal::Signal;

const LIMIT: Duration = Duration::from_secs(30);
const FEW_RETRIES: [(&str, &str); 2] =
    [("COMPTOIR__RELAY__RETRY_MIN_MS", "50"), ("COMPTOIR__RELAY__RETRY_MAX_MS", "100")];

/// Published events in the history.
async fn history(world: &World, events: i64, aggregates: i64) -> Result<()> {
    insert_many(&world.sql().await?, events, aggregates).await?;
    ensure!(world.run_relay(&["--once"]).await?.code == Some(0), "not published");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_waits_for_a_queue_that_is_full_and_keeps_the_order() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        history(world, 5, 1).await?;
        consumer.wait_for(5, LIMIT).await?;
        let expected: Vec<String> = consumer.messages().into_iter().map(|message| message.body).collect();
        let (_connection, channel) = narrow_queue(&world.vhost().url, "#").await?;
        let mut command = world.relay_command(&["replay", "--since", "1h"])?;
        command.envs(FEW_RETRIES).env("COMPTOIR__RELAY__MAX_RETRIES", "1000");
        let replay = tokio::spawn(run(command, LIMIT));
        let mut bodies = Vec::new();
        until("all to come through one by one", LIMIT, async || {
            let got = channel.basic_get("narrow".into(), BasicGetOptions { no_ack: true }).await?;
            bodies.extend(got.map(|message| String::from_utf8_lossy(&message.delivery.data).into_owned()));
            ensure!(bodies.len() >= 5, "{bodies:?}");
            Ok(())
        })
        .await?;
        let exit = replay.await??;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        assert_eq!(bodies, expected);
        assert!(exit.stdout.starts_with("published again: 5 of 5"), "{exit:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_is_refused_for_good_says_which_event_it_was_and_how_to_go_on() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        history(world, 5, 1).await?;
        consumer.wait_for(5, LIMIT).await?;
        let ids: Vec<String> = consumer.messages().into_iter().map(|message| message.id).collect();
        let (_connection, channel) = narrow_queue(&world.vhost().url, "#").await?;
        let mut command = world.relay_command(&["replay", "--since", "1h"])?;
        command.envs(FEW_RETRIES).env("COMPTOIR__RELAY__MAX_RETRIES", "2");
        let exit = run(command, LIMIT).await?;
        assert_eq!(exit.code, Some(1), "{exit:?}");
        assert!(exit.stderr.contains(&ids[1]) && exit.stderr.contains("nack"), "{exit:?}");
        assert!(exit.stdout.starts_with("published again: 1 of 5"), "{exit:?}");
        channel.queue_delete("narrow".into(), Default::default()).await?;
        let rest = go_on(world, &exit.stdout).await?;
        assert!(rest.starts_with("published again: 4 of 4"), "{rest}");
        Ok(())
    })
    .await;
}

/// Runs the command that an interrupted replay prints; returns what it says.
async fn go_on(world: &World, said: &str) -> Result<String> {
    let line = said.lines().find_map(|line| line.strip_prefix("to go on: relay ")).context("no command")?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let exit = world.run_relay(&words).await?;
    ensure!(exit.code == Some(0), "{exit:?}");
    Ok(exit.stdout)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_is_interrupted_stops_cleanly_and_goes_on_where_it_was() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        history(world, 600, 20).await?;
        consumer.wait_for(600, LIMIT).await?;
        let mut replay = world.start_relay(&["replay", "--since", "1h", "--rate", "100"])?;
        until("some events to be published again", LIMIT, async || {
            ensure!(consumer.messages().len() >= 650, "{}", consumer.messages().len());
            Ok(())
        })
        .await?;
        replay.signal(Signal::SIGINT)?;
        assert_eq!(replay.wait(LIMIT).await?.code(), Some(1), "{}", replay.output());
        let said = replay.output();
        assert!(said.contains("stopped before the end"), "{said}");
        let line = said.lines().find(|line| line.starts_with("published again: ")).context("a summary")?;
        let published: usize =
            line["published again: ".len()..].split(' ').next().context("a number")?.parse()?;
        assert!((50..600).contains(&published), "{line}");
        let trail: (i64, bool) = world
            .sql()
            .await?
            .query_one("SELECT count, finished_at IS NOT NULL FROM outbox_operations", &[])
            .await
            .map(|row| (row.get(0), row.get(1)))?;
        assert_eq!(trail, (i64::try_from(published)?, true));

        go_on(world, &said).await?;
        until("the rest to arrive", LIMIT, async || {
            let again: HashSet<String> =
                consumer.messages().split_off(600).into_iter().map(|message| message.id).collect();
            ensure!(again.len() == 600, "{}", again.len());
            Ok(())
        })
        .await?;
        let count = consumer.messages().len() - 600;
        assert_eq!(count, 600, "it was stopped cleanly, so nothing is repeated");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_waits_for_the_end_of_an_alarm_and_gives_up_when_it_lasts() {
    let private = PrivateServices::start_rabbitmq("").expect("a broker");
    let mut world = World::new(private.services.clone()).await.expect("a world");
    world.keep_vhost();
    let test = async {
        let consumer = world.consumer().await?;
        history(&world, 200, 20).await?;
        consumer.wait_for(200, LIMIT).await?;
        // Slow enough that the alarm comes before its end, however long raising it takes.
        let mut replay = world.start_relay(&["replay", "--since", "1h", "--rate", "4"])?;
        let again = async |at_least: usize| {
            until(format!("{at_least} events to be published again"), LIMIT, async || {
                let count = consumer.messages().len() - 200;
                ensure!(count >= at_least, "{count}");
                Ok(count)
            })
            .await
        };
        again(1).await?;
        private.raise_alarm()?;
        until("the replay to be blocked", LIMIT, async || {
            ensure!(replay.output().contains("blocks publishing"), "{}", replay.output());
            Ok(())
        })
        .await?;
        let mut command = world.relay_command(&["replay", "--since", "1h"])?;
        command.env("COMPTOIR__RELAY__ONCE_CONNECT_DEADLINE_MS", "2000");
        let exit = run(command, LIMIT).await?;
        assert_eq!(exit.code, Some(1), "{exit:?}");
        assert!(exit.stderr.contains("block") && exit.stdout.contains("to go on: "), "{exit:?}");
        assert!(replay.ended()?.is_none(), "it has more patience: {}", replay.output());
        private.end_alarm()?;
        let count = again(0).await?;
        again(count + 1).await?;
        replay.signal(Signal::SIGTERM)?;
        assert_eq!(replay.wait(LIMIT).await?.code(), Some(1), "{}", replay.output());
        Ok::<_, anyhow::Error>(())
    };
    let result = test.await;
    drop(world);
    result.expect("the replay");
}

async fn asked(world: &World, arguments: &[&str], question: &str, answer: &'static [u8]) -> Result<Session> {
    let command = world.relay_command(arguments)?;
    let question = question.to_owned();
    tokio::task::spawn_blocking(move || at_terminal(command, &question, answer, LIMIT)).await?
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_a_terminal_only_a_clear_yes_begins_what_cannot_be_undone() {
    World::run(async |world| {
        let sql = world.sql().await?;
        for aggregate in ["a", "b"] {
            insert_event(&sql, aggregate, "nobody.cares", "1").await?;
        }
        assert_eq!(world.run_relay(&["--once"]).await?.code, Some(3));
        let letters = async || -> Result<i64> {
            Ok(sql.query_one("SELECT count(*) FROM outbox_dead_letters", &[]).await?.get(0))
        };
        let discard = ["dead-letters", "discard", "--all"];
        // No, nothing, the end of input.
        for answer in [&b"n\n"[..], b"\n", b"\x04"] {
            let session = asked(world, &discard, "Delete 2 dead letters for ever? [y/N] ", answer).await?;
            assert_eq!((session.code, letters().await?), (Some(1), 2), "{session:?}");
            assert!(session.screen.contains("nothing was done"), "{session:?}");
        }
        let operations: i64 = sql.query_one("SELECT count(*) FROM outbox_operations", &[]).await?.get(0);
        assert_eq!(operations, 0);
        let session = asked(
            world,
            &["dead-letters", "requeue", "--all"],
            "Publish 2 dead letters again? [y/N]",
            b"y\n",
        )
        .await?;
        assert!(session.code == Some(0) && session.stdout.starts_with("requeued: 2"), "{session:?}");
        let _consumer = world.consumer().await?;
        assert_eq!(world.run_relay(&["--once"]).await?.code, Some(0));

        let replay = ["replay", "--since", "1h"];
        let session = asked(world, &replay, "Publish 2 events again? [y/N]", b"n\n").await?;
        assert!(session.code == Some(1) && session.screen.contains("nothing was published"), "{session:?}");
        let session = asked(world, &replay, "Publish 2 events again? [y/N]", b"yes\n").await?;
        assert!(
            session.code == Some(0) && session.stdout.starts_with("published again: 2 of 2"),
            "{session:?}"
        );
        let session = asked(world, &["replay", "--since", "1h", "--yes"], "", b"").await?;
        assert!(session.code == Some(0) && !session.screen.contains("[y/N]"), "{session:?}");
        Ok(())
    })
    .await;
}
