//! The mechanism of services, with services of the test's own in two "processes" that share a database, as the relay's log-in.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use comptoir_core::platform::config::SecretUrl;
use comptoir_core::platform::database::DatabaseConfig;
use comptoir_core::services::{
    ActionKind, Ask, AskError, Call, Description, Face, Fault, Happening, NoParameters, OnFailure, Priority,
    Run, Service, Services, ServicesConfig, State, Summary, Wish,
};
use comptoir_tests::harness::{World, connect, until};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A service of the test: it counts what it is asked for, and does what its name says.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    description: Description,
    runs: Arc<AtomicU64>,
    /// Runs that are under way now, in both processes.
    at_once: Arc<AtomicU64>,
    fails_first: Option<&'static str>,
    /// Whether its first run lasts until it is told to stop.
    lasts_first: bool,
    /// When its runs began.
    pub(crate) times: Arc<Mutex<Vec<Instant>>>,
}

impl Sample {
    pub(crate) fn new(description: Description) -> Self {
        Self {
            description,
            runs: Arc::default(),
            at_once: Arc::default(),
            fails_first: None,
            lasts_first: false,
            times: Arc::default(),
        }
    }

    pub(crate) fn failing_first(mut self, how: &'static str) -> Self {
        self.fails_first = Some(how);
        self
    }

    pub(crate) fn lasting_first(mut self) -> Self {
        self.lasts_first = true;
        self
    }

    pub(crate) fn runs(&self) -> u64 {
        self.runs.load(Ordering::SeqCst)
    }
}

impl Service for Sample {
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(async move {
            self.times.lock().map_err(Fault::new)?.push(Instant::now());
            let nth = self.runs.fetch_add(1, Ordering::SeqCst) + 1;
            assert!(nth > 1 || self.fails_first != Some("panics"), "as the test wants it");
            if nth == 1 && self.fails_first == Some("errs") {
                return Err(Fault::new("the first time it does not work"));
            }
            if nth == 1 && self.fails_first == Some("says NUL") {
                return Err(Fault::new("what \u{0} cannot be stored"));
            }
            if nth == 1 && self.lasts_first {
                run.stopping().await;
                return Ok(Summary::done());
            }
            if self.description.kind.word() == "continuous" {
                let others = self.at_once.fetch_add(1, Ordering::SeqCst);
                run.ready();
                run.stopping().await;
                self.at_once.fetch_sub(1, Ordering::SeqCst);
                return if others == 0 { Ok(Summary::done()) } else { Err(Fault::new("two at once")) };
            }
            run.progress(nth, None);
            Ok(Summary::of(json!({ "nth": nth })))
        })
    }

    #[expect(clippy::panic, reason = "the test wants to see what comes of it")]
    fn act<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(async move {
            match call.action.as_str() {
                "double" => Ok(json!(call.parameters::<Double>()?.number * 2)),
                "refuse" => Err(Fault::new("it refuses, as it should")),
                "nul" => Ok(json!("\u{0}")),
                "panic" => panic!("as the test wants it"),
                "finish" => {
                    call.progress(1, Some(2));
                    call.stopping().await;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Ok(json!("finished"))
                }
                "hang" => {
                    call.progress(1, Some(2));
                    std::future::pending().await
                }
                other => Err(Fault::new(other)),
            }
        })
    }
}

/// The face of the service that doubles.
struct Doubler;

impl Face for Doubler {
    const NAME: &'static str = "doubler";
}

#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Double {
    number: i64,
}

impl Ask for Double {
    type Of = Doubler;
    type Answer = i64;
    const ACTION: &'static str = "double";
}

fn doubler() -> Sample {
    let one_second = Duration::from_secs(1);
    Sample::new(
        Description::continuous(Doubler::NAME, "Doubles numbers")
            .action(ActionKind::new::<Double>("double", "Doubles a number"))
            .action(ActionKind::new::<NoParameters>("refuse", "Fails"))
            .action(ActionKind::new::<NoParameters>("panic", "Panics"))
            .action(ActionKind::new::<NoParameters>("nul", "Answers what cannot be stored"))
            .action(ActionKind::new::<NoParameters>("hang", "Never ends").time_limit(one_second * 2)),
    )
}

fn database(url: &str) -> DatabaseConfig {
    DatabaseConfig {
        url: SecretUrl::new(url),
        tls_mode: String::new(),
        tls_ca_file: String::new(),
        tls_cert_file: String::new(),
        tls_key_file: String::new(),
        pool_size: 1,
        tenant_share_percent: 100,
        wait_timeout_ms: 5000,
        connect_timeout_ms: 5000,
        statement_timeout_ms: 5000,
        lock_timeout_ms: 5000,
        work_timeout_ms: 5000,
        idle_in_transaction_timeout_ms: 5000,
        role: None,
    }
}

pub(crate) fn process(
    world: &World,
    program: &'static str,
    services: Vec<Sample>,
    config: Value,
) -> Result<Services> {
    let link = Ok(database(&world.database.relay_url));
    let config: ServicesConfig = serde_json::from_value(config)?;
    let mut builder = Services::builder(program, "0", &config, link)?;
    for service in services {
        builder.add(service)?;
    }
    Ok(builder.start())
}

pub(crate) fn holds(condition: bool) -> Result<()> {
    ensure!(condition, "not yet");
    Ok(())
}

fn often(name: &'static str) -> Description {
    Description::every(name, "Runs often", Duration::from_millis(100))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_or_panics_is_seen_and_runs_again() {
    World::run(async |world| {
        let samples = [
            Sample::new(often("fails")).failing_first("errs"),
            Sample::new(Description::on_demand("panics", "Panics at first").critical())
                .failing_first("panics"),
            Sample::new(often("is_off")),
        ];
        let config = json!({"is_off": {"enabled": false}});
        let services = process(world, "one", samples.to_vec(), config)?;
        let mut failures =
            services.handle().subscribe().filter(|event| matches!(event.happening, Happening::Failed { .. }));
        let failed = tokio::time::timeout(LIMIT, failures.next()).await?.context("an event")?;
        ensure!(["fails", "panics"].contains(&failed.service.as_str()), "{failed:?}");
        until("both ran again", LIMIT, async || {
            let runs: Vec<u64> = samples.iter().map(Sample::runs).collect();
            holds(runs[0] > 2 && runs[1] > 1)
        })
        .await?;
        let before = samples[1].runs();
        services.handle().poke("panics");
        until("it ran for the poke", LIMIT, async || holds(samples[1].runs() > before)).await?;
        let listed = services.handle().list().await?;
        let of = |name: &str| listed.iter().find(|status| status.service == name).context("listed");
        ensure!(
            of("fails")?.failures == 1
                && of("fails")?.last_error.as_deref() == Some("the first time it does not work")
        );
        ensure!(
            of("panics")?.last_error.as_deref().is_some_and(|error| error.contains("as the test wants it"))
        );
        ensure!(of("is_off")?.state == State::Off && samples[2].runs() == 0);
        ensure!(of("is_off")?.reason.as_deref() == Some("services.is_off.enabled is false"));
        ensure!(services.handle().hindrances().is_empty(), "{:?}", services.handle().hindrances());
        services.stop().await;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_all_processes_runs_it_and_another_goes_on_where_it_stops() {
    World::run(async |world| {
        let shared = Sample::new(Description::continuous("shared", "Runs once in all").one_of_all());
        let weekly = Sample::new(
            Description::every("weekly", "Runs every week", Duration::from_secs(604_800))
                .at_start()
                .one_of_all(),
        );
        let of = || vec![shared.clone(), weekly.clone()];
        let one = process(world, "one", of(), json!({}))?;
        until("it runs", LIMIT, async || holds(shared.runs() == 1 && weekly.runs() == 1)).await?;
        let two = process(world, "two", of(), json!({}))?;
        until("both are listed, one on standby", LIMIT, async || {
            let listed = two.handle().list().await?;
            let states: Vec<State> = listed
                .iter()
                .filter(|status| status.service == "shared")
                .map(|status| status.state)
                .collect();
            holds(states.len() == 2 && states.contains(&State::Standby) && states.contains(&State::Running))
        })
        .await?;
        one.stop().await;
        until("the other goes on", LIMIT, async || holds(shared.runs() == 2)).await?;
        ensure!(shared.at_once.load(Ordering::SeqCst) == 1, "never two at once");
        until("its next run is known there", LIMIT, async || {
            let listed = two.handle().list().await?;
            holds(listed.iter().any(|status| status.service == "weekly" && status.next_run_at.is_some()))
        })
        .await?;
        ensure!(weekly.runs() == 1, "a new process does not begin the week anew");
        two.stop().await;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_reaches_the_process_that_runs_the_service_and_its_answer_comes_back() {
    World::run(async |world| {
        let (here, there) =
            (process(world, "one", vec![], json!({}))?, process(world, "two", vec![doubler()], json!({}))?);
        let handle = here.handle();
        until("it is listed", LIMIT, async || {
            holds(handle.list().await?.iter().any(|status| status.service == "doubler"))
        })
        .await?;
        let doubler = handle.of::<Doubler>();
        let answer =
            doubler.ask(Double { number: 21 }).priority(Priority::High).time_limit(LIMIT).answer().await?;
        ensure!(answer == 42);
        let twice = doubler
            .ask(Double { number: 3 })
            .then(|six| handle.of::<Doubler>().ask(Double { number: six }))
            .await?;
        ensure!(twice == 12, "several in sequence");
        let ask = |action: &str, parameters: Value| Wish::new("doubler", action, parameters, "a test");
        for (action, parameters, problem) in [
            ("refuse", json!({}), "it refuses, as it should"),
            ("panic", json!({}), "panicked: as the test wants it"),
            ("hang", json!({}), "its deadline is over"),
        ] {
            let id = handle.send(ask(action, parameters)).await?;
            let failed =
                handle.answer(id, LIMIT).await.err().map(|error| error.to_string()).unwrap_or_default();
            ensure!(failed.contains(problem), "{action}: {failed}");
        }
        let wrong = handle.send(ask("double", json!({"number": 1, "numbre": 1}))).await;
        ensure!(matches!(&wrong, Err(AskError::Parameters { .. })), "{wrong:?}");
        ensure!(wrong.is_err_and(|error| error.to_string().contains("numbre")), "before it is asked");
        let unknown = handle.send(ask("triple", json!({}))).await;
        ensure!(
            matches!(&unknown, Err(AskError::NoSuchAction { known, .. }) if known.contains("double")),
            "{unknown:?}"
        );
        // What was asked of a process that ends waits for the next one, or expires.
        there.stop().await;
        let wish = Wish { time_limit: Some(Duration::from_secs(2)), ..ask("double", json!({"number": 1})) };
        ensure!(
            matches!(handle.send(wish).await, Err(AskError::NoSuchService(_))),
            "nobody runs it any more"
        );
        here.stop().await;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_process_has_gone_fails_or_is_taken_by_another() {
    World::run(async |world| {
        let sql = connect(&world.database.url).await?;
        let insert = |id: u32, state: &str, repeatable: bool, service: &str| {
            format!(
                "INSERT INTO service_commands (id, service, action, parameters, correlation_id, asked_by, deadline, repeatable, state, owner, epoch, lease_expires_at)
                VALUES ('00000000-0000-0000-0000-{id:012}', '{service}', 'double', '{{\"number\": 2}}', gen_random_uuid(), 'a test',
                    now() + interval '1 minute' * CASE WHEN '{state}' = 'waiting' THEN -1 ELSE 1 END, {repeatable}, '{state}',
                    CASE WHEN '{state}' = 'running' THEN gen_random_uuid() END, 1, now() - interval '1 second');"
            )
        };
        sql.batch_execute(&format!(
            "{}{}{}",
            insert(1, "running", true, "doubler"),
            insert(2, "running", false, "doubler"),
            insert(3, "waiting", true, "of_a_newer_version")
        ))
        .await?;
        sql.batch_execute(
            "INSERT INTO service_commands (id, service, action, parameters, correlation_id, asked_by, deadline, repeatable)
            VALUES ('00000000-0000-0000-0000-000000000004', 'of_a_newer_version', 'do', '{}', gen_random_uuid(), 'a test', now() + interval '1 hour', true)",
        )
        .await?;
        let services = process(world, "one", vec![doubler()], json!({}))?;
        let states = until("all are decided", LIMIT, async || {
            let rows = sql.query("SELECT state, epoch FROM service_commands ORDER BY id", &[]).await?;
            let states: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
            holds(states[..3].iter().all(|(state, _)| !["waiting", "running"].contains(&state.as_str())))?;
            Ok(states)
        })
        .await?;
        ensure!(states[0] == ("done".to_owned(), 2), "taken by another: {states:?}");
        ensure!(states[1] == ("failed".to_owned(), 1), "it may not be done twice: {states:?}");
        ensure!(states[2].0 == "expired", "{states:?}");
        ensure!(states[3] == ("waiting".to_owned(), 0), "of a kind that it does not know: {states:?}");
        services.stop().await;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_another_process_reach_a_subscriber_and_only_while_there_is_one() {
    World::run(async |world| {
        let (here, there) =
            (process(world, "one", vec![], json!({}))?, process(world, "two", vec![doubler()], json!({}))?);
        let mut events = here.handle().of::<Doubler>().events();
        let handle = here.handle().clone();
        until("it is listed", LIMIT, async || {
            holds(handle.list().await?.iter().any(|status| status.service == "doubler"))
        })
        .await?;
        // The first reading finds out where to begin; what happens after it is heard.
        let ready = async {
            loop {
                match events.next().await {
                    Some(event) if event.happening == Happening::Ready => return Some(event.process),
                    Some(_) => {}
                    None => return None,
                }
            }
        };
        let restarts = async {
            loop {
                handle.of::<Doubler>().restart().time_limit(LIMIT).send().await?;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        let process = tokio::select! {
            process = tokio::time::timeout(LIMIT, ready) => process?.context("an event")?,
            failed = restarts => return failed,
        };
        ensure!(process == there.handle().process());
        there.stop().await;
        here.stop().await;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_fails_keeps_all_others_from_beginning_and_tells_the_program() {
    World::run(async |world| {
        let needed = Description::start_up("needed", "Must be", 1, LIMIT, OnFailure::Stop);
        let services = vec![Sample::new(needed).failing_first("errs"), Sample::new(often("never"))];
        let never = services[1].clone();
        let running = process(world, "one", services, json!({}))?;
        tokio::time::timeout(LIMIT, running.failed().cancelled()).await.context("the program is told")?;
        running.stop().await;
        ensure!(never.runs() == 0, "{}", never.runs());
        Ok(())
    })
    .await;
}

/// PostgreSQL stores no text with the character U+0000. Whoever asked is told, and the link, with its leases, goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_the_database_does_not_take_costs_nobody_the_link() {
    World::run(async |world| {
        let shared = Sample::new(Description::continuous("shared", "Runs once in all").one_of_all());
        let services = process(world, "one", vec![shared.clone(), doubler()], json!({}))?;
        until("it runs", LIMIT, async || holds(shared.runs() == 1)).await?;
        let handle = services.handle();
        let refused = handle.send(Wish::new("doubler", "double", json!({"number": 1}), "a \u{0} test")).await;
        ensure!(matches!(refused, Err(AskError::Unavailable(_))), "{refused:?}");
        let id = handle.send(Wish::new("doubler", "nul", json!({}), "a test")).await?;
        let failed = handle.answer(id, LIMIT).await.err().map(|error| error.to_string()).unwrap_or_default();
        ensure!(failed.contains("cannot be written down"), "{failed}");
        ensure!(handle.of::<Doubler>().ask(Double { number: 4 }).answer().await? == 8);
        ensure!(shared.runs() == 1, "its lease was never lost");
        services.stop().await;
        Ok(())
    })
    .await;
}
