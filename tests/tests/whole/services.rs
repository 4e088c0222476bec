//! Services of both programs as operators see them: over HTTP, at the command line, in health and in the documents.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{
    Answer, Api, Daemon, Exit, Http, Operator, Relay, World, free_port, insert_event, root, until,
};
use serde_json::{Value, json};
use tokio_postgres::Client;

const LIMIT: Duration = Duration::from_secs(30);
const ADDRESS: &str = "ops@comptoir.example";

/// Both programs, and an operator who has logged in.
async fn running(world: &World) -> Result<(Api, Relay, Http)> {
    let (api, relay) = (world.api().await?, Relay::start(world, &[]).await?);
    let operator = Operator::create(world, ADDRESS).await?.log_in(&api).await?;
    until("the services of both programs to be listed", LIMIT, async || {
        let listed = operator.get("/services").await?;
        ensure!(listed.status == 200, "{} {}", listed.status, listed.text);
        for name in ["pruning", "drain"] {
            let there =
                listed.json["data"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == name));
            ensure!(there, "{name} is missing: {}", listed.text);
        }
        Ok(())
    })
    .await?;
    Ok((api, relay, operator))
}

/// Waits for the end of a command that was accepted.
async fn ended(operator: &Http, accepted: &Answer) -> Result<Value> {
    ensure!(accepted.status == 202, "{} {}", accepted.status, accepted.text);
    let location = accepted.header("location").context("no Location")?;
    let path = location.strip_prefix("/api/v1").context("another address")?.to_owned();
    until("the command to end", LIMIT, async || {
        let command = operator.get(&path).await?;
        ensure!(command.status == 200, "{} {}", command.status, command.text);
        ensure!(command.json["ended_at"].is_string(), "{}", command.text);
        Ok(command.json)
    })
    .await
}

fn json_of(exit: &Exit) -> Result<Value> {
    ensure!(exit.code == Some(0), "{exit:?}");
    Ok(serde_json::from_str(&exit.stdout)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_asks_services_of_both_programs_and_gets_their_answers() {
    World::run(async |world| {
        let (api, _relay, operator) = running(world).await?;
        // One of the API, and one of the relay: whoever asks does not know where it runs.
        let pruned = ended(&operator, &operator.command("/services/pruning/trigger").await?).await?;
        assert_eq!((&pruned["state"], &pruned["asked_by"]), (&json!("done"), &json!(ADDRESS)), "{pruned}");
        let id = uuid::Uuid::now_v7().to_string();
        insert_event(&world.sql().await?, &id, "thing.happened", "{}").await?;
        let drained = ended(&operator, &operator.command("/services/drain/actions/drain-now").await?).await?;
        assert_eq!(
            (&drained["state"], &drained["answer"]["waiting"]),
            (&json!("done"), &json!(0)),
            "{drained}"
        );
        let counted = ended(&operator, &operator.command("/services/drain/check-queue").await?).await?;
        assert_eq!(counted["state"], "done", "{counted}");

        // Which process did it.
        let status = operator.get("/services/drain/status").await?.json;
        assert_eq!(drained["ran_in"]["id"], status["processes"][0]["process"], "{drained}");
        assert_eq!(drained["ran_in"]["name"], status["processes"][0]["process_name"], "{drained}");

        // What the action does not understand is refused before anything is asked.
        let wrong = json!({"parameters": {"nonsense": 1}, "priority": "high", "time_limit_seconds": 20});
        let refused = operator.post("/services/drain/actions/drain-now", &wrong).await?;
        assert_eq!(
            (refused.status, refused.pointers()),
            (422, vec!["/parameters/nonsense"]),
            "{}",
            refused.text
        );
        let wrong = json!({"filter": {"event_tpye": "order.*"}});
        let refused = operator.post("/services/dead_letters/process-batch", &wrong).await?;
        assert_eq!(
            (refused.status, refused.pointers()),
            (422, vec!["/filter/event_tpye"]),
            "{}",
            refused.text
        );
        let right = json!({"parameters": {}, "priority": "high", "time_limit_seconds": 20});
        let asked = operator.post("/services/drain/actions/drain-now", &right).await?;
        assert_eq!(ended(&operator, &asked).await?["state"], "done");

        // The newest first.
        let listed = operator.get("/service-commands?limit=2").await?;
        let ids: Vec<_> =
            listed.json["data"].as_array().into_iter().flatten().map(|one| &one["id"]).collect();
        assert_eq!(ids, [&asked.json["id"], &counted["id"]], "{}", listed.text);
        let refused = operator.get("/service-commands?limit=0").await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/query/limit"]), "{}", refused.text);

        // Everything is in the operators' trail, with the command's id.
        let rows = "SELECT resource_id, actor_name, after::text FROM audit_events
            WHERE tenant_id = comptoir_operators() AND action = 'service.ask' ORDER BY occurred_at, id";
        let rows = world.sql().await?.query(rows, &[]).await?;
        assert_eq!(rows.len(), 4);
        assert_eq!(
            (rows[0].get::<_, &str>(0), rows[0].get::<_, &str>(1)),
            (pruned["id"].as_str().unwrap(), ADDRESS)
        );
        let after: Value = serde_json::from_str(rows[3].get(2))?;
        assert_eq!((&after["service"], &after["parameters"]), (&json!("drain"), &json!({})));

        // The administrator of a company has no part in it.
        for path in ["/services", "/services/drain/status"] {
            let refused = api.http.get(path).await?;
            assert_eq!((refused.status, refused.code()), (403, "operators_only"), "{}", refused.text);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_repeated_asks_once_and_one_that_was_cut_off_asks_when_it_is_repeated() {
    World::run(async |world| {
        let (_api, _relay, operator) = running(world).await?;
        let ask = async || operator.post_with_key("/services/pruning/trigger", "once", &json!({})).await;
        let first = ask().await?;
        ended(&operator, &first).await?;
        let again = ask().await?;
        assert_eq!(
            (again.status, again.header("idempotent-replayed")),
            (202, Some("true")),
            "{}",
            again.text
        );
        assert_eq!(again.text, first.text);
        let sql = world.sql().await?;
        let count = async |query: &str| Ok::<i64, anyhow::Error>(sql.query_one(query, &[]).await?.get(0));
        assert_eq!(count("SELECT count(*) FROM service_commands").await?, 1);
        assert_eq!(count("SELECT count(*) FROM audit_events WHERE action = 'service.ask'").await?, 1);

        // As if the process had died after it had written the trail and before it asked.
        sql.execute("DELETE FROM service_commands", &[]).await?;
        let repeated = ended(&operator, &ask().await?).await?;
        assert_eq!((&repeated["id"], &repeated["state"]), (&first.json["id"], &json!("done")), "{repeated}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_asked_is_refused_with_what_would_be_right() {
    World::run(async |world| {
        let off = [("COMPTOIR__SERVICES__PRUNING__ENABLED", "false")];
        let api = Api::start(world, &off).await?;
        let operator = Operator::create(world, ADDRESS).await?.log_in(&api).await?;
        let is = |answer: &Answer, status: u16, code: &str, text: &str| {
            assert_eq!((answer.status, answer.code()), (status, code), "{}", answer.text);
            assert!(answer.field("detail").contains(text), "{}", answer.text);
        };
        is(&operator.command("/services/purning/trigger").await?, 404, "service_not_found", "purning");
        is(&operator.get("/services/purning/status").await?, 404, "service_not_found", "purning");
        let unknown = operator.command("/services/health/actions/drain-now").await?;
        is(&unknown, 404, "service_action_not_found", "force-probe");
        let switched_off = operator.command("/services/pruning/trigger").await?;
        is(&switched_off, 409, "service_off", "services.pruning.enabled");
        let id = uuid::Uuid::now_v7();
        let none = operator.get(&format!("/service-commands/{id}")).await?;
        is(&none, 404, "service_command_not_found", "30 days");
        for (body, pointer) in [
            (json!({"time_limit_seconds": 0}), "/time_limit_seconds"),
            (json!({"time_limit_seconds": 86_401}), "/time_limit_seconds"),
            (json!({"time_limit_seconds": -1}), "/time_limit_seconds"),
            (json!({"priority": "urgent"}), "/priority"),
            (json!({"process": "here"}), "/process"),
            (json!({"parameters": []}), "/parameters"),
            (json!({"nonsense": 1}), "/nonsense"),
        ] {
            let refused = operator.post("/services/health/actions/force-probe", &body).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{}", refused.text);
        }
        let batch = operator.post("/services/imports/process-batch", &json!({"batch_size": 0})).await?;
        assert_eq!((batch.status, batch.pointers()), (422, vec!["/batch_size"]), "{}", batch.text);
        let rows = "SELECT count(*) FROM audit_events WHERE action = 'service.ask'";
        assert_eq!(world.sql().await?.query_one(rows, &[]).await?.get::<_, i64>(0), 0, "nothing was asked");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_are_listed_and_asked_at_both_command_lines() {
    World::run(async |world| {
        let (_api, _relay, _operator) = running(world).await?;
        for program in ["api", "relay"] {
            let run = async |arguments: &[&str]| {
                let arguments = [&["services"], arguments].concat();
                match program {
                    "api" => {
                        let mut command = world.api_command(&arguments)?;
                        command.env("SERVICES_DATABASE_URL", &world.database.services_url);
                        comptoir_tests::harness::run(command, LIMIT).await
                    }
                    _ => world.run_relay(&arguments).await,
                }
            };
            let table = run(&[]).await?;
            ensure!(table.code == Some(0) && table.stdout.contains("drain") && table.stdout.contains("pruning"), "{table:?}");
            let listed = json_of(&run(&["list", "--json"]).await?)?;
            ensure!(listed.as_array().is_some_and(|all| all.iter().any(|one| one["name"] == "drain")), "{listed}");
            let status = json_of(&run(&["status", "pruning", "--json"]).await?)?;
            assert_eq!((&status["name"], &status["processes"][0]["program"]), (&json!("pruning"), &json!("api")));
            let status = run(&["status", "drain"]).await?;
            ensure!(status.code == Some(0) && status.stdout.contains("drain-now"), "{status:?}");
            let figures = json_of(&run(&["trigger", "pruning"]).await?)?;
            ensure!(figures.is_object(), "{figures}");
            let command = json_of(&run(&["act", "drain", "drain-now", "{}", "--json"]).await?)?;
            assert_eq!((&command["state"], &command["answer"]["waiting"]), (&json!("done"), &json!(0)), "{command}");
            ensure!(command["asked_by"].as_str().is_some_and(|name| name.contains('@')), "{command}");
            ensure!(command["ran_in"]["name"].is_string(), "{command}");
            let sent = run(&["trigger", "pruning", "--no-wait", "--priority", "low"]).await?;
            let id = uuid::Uuid::parse_str(sent.stdout.trim()).context("the bare id")?.to_string();
            let shown = json_of(&run(&["command", &id, "--json"]).await?)?;
            assert_eq!((&shown["id"], &shown["action"]), (&json!(id), &json!("trigger")), "{shown}");
            let shown = run(&["command", &id]).await?;
            ensure!(shown.code == Some(0) && shown.stdout.contains("pruning trigger"), "{shown:?}");
            let newest = json_of(&run(&["command", "--limit", "1", "--json"]).await?)?;
            ensure!(newest.as_array().is_some_and(|all| all.len() == 1 && all[0]["id"] == id.as_str()), "{newest}");
            let newest = run(&["command"]).await?;
            ensure!(newest.code == Some(0) && newest.stdout.contains(&id), "{newest:?}");
            let process = run(&["act", "drain", "check-queue"]).await?;
            ensure!(process.stderr.contains("drain check-queue: done in "), "{process:?}");
            for (arguments, code, text) in [
                (&["status", "purning"][..], 1, "there is no service `purning`"),
                (&["act", "drain", "drian"], 1, "it has:"),
                (&["act", "drain", "drain-now", "[]"], 2, "a JSON object"),
                (&["act", "drain", "drain-now", r#"{"nonsense": 1}"#], 2, "nonsense"),
                (&["trigger", "schema"], 1, "it has none"),
                (&["command", "00000000-0000-7000-8000-000000000000"], 1, "there is no command"),
                (&["trigger", "pruning", "--priority", "urgent"], 2, "high, normal or low"),
            ] {
                let refused = run(arguments).await?;
                assert_eq!((refused.code, refused.stdout.as_str()), (Some(code), ""), "{refused:?}");
                assert!(refused.stderr.contains(text), "{refused:?}");
            }
        }
        let asked = "SELECT count(*) FROM audit_events WHERE tenant_id = comptoir_operators() AND action = 'service.ask'
            AND actor_id IS NULL AND actor_name LIKE '%@%'";
        let asked: i64 = world.sql().await?.query_one(asked, &[]).await?.get(0);
        assert_eq!(asked, 4, "what was asked by api services, where there is such a service and action");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_tells_every_service_with_its_reason_and_age() {
    World::run(async |world| {
        let api = world.api().await?;
        let (relay, of_relay) = Relay::with_http(world, &[]).await?;
        for (http, name) in [(&api.operations, "pruning"), (&of_relay, "drain")] {
            until("everything to be well", LIMIT, async || {
                let health = http.get("//health").await?;
                ensure!(health.status == 200 && health.json["status"] == "ok", "{}", health.text);
                let contributors = health.json["contributors"].as_array().context("no contributors")?;
                let one = contributors.iter().find(|one| one["name"] == name).context("it is missing")?;
                ensure!(one["status"] == "ok" && one["checked_at"].is_string(), "{one}");
                ensure!(one.as_object().is_some_and(|one| one.contains_key("reason")), "{one}");
                Ok(())
            })
            .await?;
        }
        assert_eq!(api.http.get("//health").await?.status, 404, "reasons are not for everybody");
        drop(relay);
        Ok(())
    })
    .await;
}

/// The table of docs/background-services.md, as the running programs are.
fn table(services: &Value) -> Result<String> {
    let mut table = String::from(
        "| service | program | kind | where | what it does | actions |\n|---|---|---|---|---|---|\n",
    );
    for one in services["data"].as_array().context("no services")? {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let mut programs: Vec<_> = one["processes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|process| process["program"].as_str())
            .collect();
        programs.sort_unstable();
        programs.dedup();
        let actions =
            one["actions"].as_array().into_iter().flatten().filter_map(|action| action["name"].as_str());
        let actions: Vec<_> = actions.map(|name| format!("`{name}`")).collect();
        let kind = match one["schedule"].as_str() {
            Some(schedule) => format!("{}, {schedule}", text("kind")),
            None => text("kind"),
        };
        let critical = if one["critical"] == true { ", critical" } else { "" };
        writeln!(
            table,
            "| `{}` | {} | {kind} | {}{critical} | {} | {} |",
            text("name"),
            programs.join(", "),
            text("scope"),
            text("about"),
            actions.join(", ")
        )?;
    }
    Ok(table)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_service_of_both_programs_is_listed_with_its_processes_and_documented() {
    World::run(async |world| {
        let api = world.api().await?;
        let (_relay, _http) = Relay::with_http(world, &[]).await?;
        let operator = Operator::create(world, ADDRESS).await?.log_in(&api).await?;
        let known = comptoir_core::services::KNOWN;
        let listed = until("every service to be listed", LIMIT, async || {
            let listed = operator.get("/services").await?.json;
            let all = listed["data"].as_array().context("no services")?;
            for name in known {
                ensure!(all.iter().any(|one| one["name"] == *name), "{name} is missing");
            }
            for one in all {
                ensure!(one["state"] != "starting", "{one}");
            }
            Ok(listed)
        })
        .await?;
        for one in listed["data"].as_array().context("no services")? {
            ensure!(known.contains(&one["name"].as_str().unwrap_or_default()), "{one} is not known");
            ensure!(one["processes"].as_array().is_some_and(|all| !all.is_empty()), "{one}");
            let status = operator.get(&format!("/services/{}/status", one["name"].as_str().unwrap())).await?;
            assert_eq!((status.status, &status.json["name"]), (200, &one["name"]), "{}", status.text);
        }
        let path: PathBuf = root().join("docs/background-services.md");
        let text = std::fs::read_to_string(&path)?;
        let (head, rest) = text.split_once("<!-- services -->\n").context("the table's beginning")?;
        let (documented, tail) = rest.split_once("<!-- /services -->").context("the table's end")?;
        let table = table(&listed)?;
        if std::env::var_os("UPDATE_SERVICES").is_some() {
            std::fs::write(path, format!("{head}<!-- services -->\n{table}<!-- /services -->{tail}"))?;
            return Ok(());
        }
        assert_eq!(documented, table, "UPDATE_SERVICES=1 writes the table anew");
        Ok(())
    })
    .await;
}

/// How often commands of this kind are in this state.
async fn commands(sql: &Client, asked_by: &str, state: &str) -> Result<i64> {
    let counted = "SELECT count(*) FROM service_commands WHERE action = 'drain-now' AND asked_by LIKE $1 AND state = $2";
    Ok(sql.query_one(counted, &[&asked_by, &state]).await?.get(0))
}

/// A look that the database does not answer says nothing about what is published.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drain_now_goes_on_when_it_cannot_look_what_is_left() {
    World::run(async |world| {
        let (sql, blocker) = (world.sql().await?, world.sql().await?);
        insert_event(&sql, &uuid::Uuid::now_v7().to_string(), "thing.happened", "{}").await?;
        // Without a broker, draining does not come to its end.
        let environment =
            [("AMQP_URL", "amqp://127.0.0.1:1/"), ("COMPTOIR__DATABASE__STATEMENT_TIMEOUT_MS", "500")];
        let relay = Relay::start(world, &environment).await?;
        until("the list to show that the broker is away", LIMIT, async || {
            let listed = json_of(&world.run_relay(&["services", "list", "--json"]).await?)?;
            for name in ["broker", "drain"] {
                let one = listed.as_array().and_then(|all| all.iter().find(|one| one["name"] == name));
                let one = one.context("it is missing")?;
                ensure!(one["health"] == "failing" && one["health_reason"].is_string(), "{one}");
            }
            Ok(())
        })
        .await?;
        json_of(
            &world.run_relay(&["services", "act", "drain", "drain-now", "{}", "--no-wait", "--json"]).await?,
        )?;
        until("the first look", LIMIT, async || {
            let row = sql.query_one("SELECT max(progress_total) FROM service_commands", &[]).await?;
            ensure!(row.get::<_, Option<i64>>(0) == Some(1), "{row:?}");
            Ok(())
        })
        .await?;
        blocker.batch_execute("BEGIN; LOCK TABLE outbox_events IN ACCESS EXCLUSIVE MODE").await?;
        until("a look to fail", LIMIT, async || {
            ensure!(relay.daemon.output().contains("drain-now tries again"), "{}", relay.daemon.output());
            Ok(())
        })
        .await?;
        blocker.batch_execute("COMMIT").await?;
        assert_eq!(commands(&sql, "%", "running").await?, 1);
        sql.execute("DELETE FROM outbox_events", &[]).await?;
        until("the action to be done", LIMIT, async || {
            ensure!(commands(&sql, "%", "done").await? == 1, "it is not");
            Ok(())
        })
        .await
    })
    .await;
}

/// More wait than are counted, and what is due lies behind them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drain_now_says_what_waits_and_overlooks_nothing_that_is_due() {
    World::run(async |world| {
        let sql = world.sql().await?;
        // All of one shard, behind the one that is held.
        sql.execute(
            "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload, retry_count, next_attempt_at)
             SELECT 'thing', 'held', 'thing.happened', '1', CASE n WHEN 1 THEN 1 ELSE 0 END,
                CASE n WHEN 1 THEN 'infinity'::timestamptz END
             FROM generate_series(1, 10100) AS n",
            &[],
        )
        .await?;
        sql.execute(
            "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)
             SELECT 'thing', 'a-' || n, 'thing.happened', '1' FROM generate_series(1, 200) AS n",
            &[],
        )
        .await?;
        let consumer = world.consumer().await?;
        let _relay = world.relay().await?;
        let done = json_of(&world.run_relay(&["services", "act", "drain", "drain-now"]).await?)?;
        assert_eq!((&done["waiting"], &done["dead_lettered"]), (&json!(10_000), &json!(0)), "{done}");
        let left: i64 = sql.query_one("SELECT count(*) FROM outbox_events", &[]).await?.get(0);
        assert_eq!(left, 10_100, "nothing is due");
        consumer.wait_for(200, LIMIT).await
    })
    .await;
}

/// The first time, it is not asked in vain.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_lost_is_recovered_although_the_first_attempt_to_say_so_fails() {
    World::run(async |world| {
        let (sql, blocker) = (world.sql().await?, world.sql().await?);
        let relay = Relay::start(world, &[("COMPTOIR__DATABASE__STATEMENT_TIMEOUT_MS", "500")]).await?;
        until("the broker to be reached, and somebody to listen", LIMIT, async || {
            let listed = json_of(&world.run_relay(&["services", "list", "--json"]).await?)?;
            let has = |name: &str, member: &str, value: &str| {
                listed
                    .as_array()
                    .is_some_and(|all| all.iter().any(|one| one["name"] == name && one[member] == value))
            };
            ensure!(has("broker", "state", "running") && has("recovery", "state", "running"), "{listed}");
            Ok(())
        })
        .await?;
        blocker.batch_execute("BEGIN; LOCK TABLE outbox_events IN ACCESS EXCLUSIVE MODE").await?;
        until("the connection to be closed", LIMIT, async || {
            ensure!(world.vhost().close_connections().await? > 0, "there is none");
            Ok(())
        })
        .await?;
        until("the action to fail", LIMIT, async || {
            ensure!(commands(&sql, "recovery", "failed").await? > 0, "{}", relay.daemon.output());
            Ok(())
        })
        .await?;
        blocker.batch_execute("COMMIT").await?;
        until("it to be asked again, and said", LIMIT, async || {
            ensure!(commands(&sql, "recovery", "done").await? > 0, "{}", relay.daemon.output());
            ensure!(
                relay.daemon.output().contains("is published again: seconds"),
                "{}",
                relay.daemon.output()
            );
            Ok(())
        })
        .await
    })
    .await;
}

/// Killed inside an action: another process takes what may be repeated, and what may not has failed. Never is one stuck.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_whose_process_is_killed_is_taken_by_another_or_has_failed() {
    World::run(async |world| {
        let sql = world.sql().await?;
        insert_event(&sql, &uuid::Uuid::now_v7().to_string(), "thing.happened", "{}").await?;
        // It has no broker: draining does not come to its end.
        let nowhere = [("AMQP_URL", "amqp://127.0.0.1:1/"), ("COMPTOIR__RELAY__HTTP_LISTEN", "off")];
        let mut first = Relay::start(world, &nowhere).await?;
        let asked = json_of(
            &world.run_relay(&["services", "act", "drain", "drain-now", "{}", "--no-wait", "--json"]).await?,
        )?;
        // A replay cannot be begun anew by somebody else: what it has done is done.
        let parameters = r#"{"since": "2026-01-01T00:00:00Z"}"#;
        let held = "BEGIN; LOCK TABLE outbox_history IN ACCESS EXCLUSIVE MODE";
        let blocker = world.sql().await?;
        blocker.batch_execute(held).await?;
        let replay = json_of(
            &world
                .run_relay(&["services", "act", "replay", "replay", parameters, "--no-wait", "--json"])
                .await?,
        )?;
        let state = async |command: &Value| -> Result<(String, i64)> {
            let id = command["id"].as_str().context("an id")?;
            let row = sql
                .query_one("SELECT state, epoch FROM service_commands WHERE id = $1::text::uuid", &[&id])
                .await?;
            Ok((row.get(0), row.get(1)))
        };
        until("both to run", LIMIT, async || {
            let states = (state(&asked).await?, state(&replay).await?);
            ensure!(states.0.0 == "running" && states.1.0 == "running", "{states:?}");
            Ok(())
        })
        .await?;
        first.daemon.kill()?;
        blocker.batch_execute("ROLLBACK").await?;
        let consumer = world.consumer().await?;
        let _second = Relay::start(world, &[]).await?;
        until("the one to be done by another process, the other to have failed", LIMIT, async || {
            let states = (state(&asked).await?, state(&replay).await?);
            ensure!(states == (("done".to_owned(), 2), ("failed".to_owned(), 1)), "{states:?}");
            Ok(())
        })
        .await?;
        consumer.wait_for(1, LIMIT).await
    })
    .await;
}

/// Every service of both programs is begun anew, run, and asked, again and again, while one of two relays is killed: afterwards all are
/// as they were, events arrive, and both programs stop in time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_that_are_started_stopped_killed_and_poked_are_as_before() {
    World::run(async |world| {
        let (mut api, mut relay, operator) = running(world).await?;
        let consumer = world.consumer().await?;
        for round in 0..3 {
            let listed = operator.get("/services").await?.json;
            let mut accepted = Vec::new();
            for service in listed["data"].as_array().context("a list")? {
                let name = service["name"].as_str().context("a name")?;
                let offers = service["actions"].as_array().into_iter().flatten();
                for action in offers.filter_map(|offer| offer["name"].as_str()) {
                    if ["trigger", "restart", "check-queue", "force-probe"].contains(&action)
                        && service["state"] != "off"
                    {
                        let path = format!("/services/{name}/actions/{action}");
                        accepted.push(operator.post(&path, &json!({"time_limit_seconds": 60})).await?);
                    }
                }
            }
            ensure!(accepted.len() > 20, "{}", accepted.len());
            insert_event(&world.sql().await?, &uuid::Uuid::now_v7().to_string(), "thing.happened", "{}")
                .await?;
            if round == 1 {
                relay.daemon.kill()?;
                relay = Relay::start(world, &[]).await?;
            }
            for accepted in &accepted {
                let command = ended(&operator, accepted).await?;
                let error = command["error"].as_str().unwrap_or_default();
                // What runs all the time, or just now, cannot be triggered; what was killed has failed.
                let refused = [
                    "running just now",
                    "runs all the time",
                    "nothing to do in this process",
                    "has gone",
                    "was stopped",
                    "lease was lost",
                ];
                let expected =
                    command["state"] == "done" || refused.iter().any(|words| error.contains(words));
                ensure!(expected, "{command}");
            }
        }
        until("all services to be well", LIMIT, async || {
            let listed = operator.get("/services").await?.json;
            for service in listed["data"].as_array().context("a list")? {
                let state = service["state"].as_str().unwrap_or_default();
                ensure!(["running", "waiting", "finished", "standby", "off"].contains(&state), "{service}");
            }
            Ok(())
        })
        .await?;
        consumer.wait_for(3, LIMIT).await?;
        relay.stop().await?;
        let status = api.daemon.terminate(LIMIT).await?;
        ensure!(status.success(), "the API ended with {status}");
        let left: i64 =
            world.sql().await?.query_one("SELECT count(*) FROM service_processes", &[]).await?.get(0);
        ensure!(left == 0 || left == 1, "who stops says so; only the killed one is left: {left}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_and_services_have_processes_of_their_own_where_that_is_wanted() {
    World::run(async |world| {
        let listen = format!("127.0.0.1:{}", free_port()?);
        let start = |only: &str| -> Result<Daemon> {
            let mut command = world.api_command(&["--only", only])?;
            command.env("COMPTOIR__API__LISTEN", &listen).env("COMPTOIR__API__OPERATIONS_LISTEN", "off");
            command.env("SERVICES_DATABASE_URL", &world.database.services_url);
            // Who answers no requests has no clients to wait for, however long that would be.
            let drain = if only == "services" { "60" } else { "0" };
            command.env("COMPTOIR__API__DRAIN_SECONDS", drain);
            world.start(&format!("api-{only}"), &mut command)
        };
        let mut services = start("services")?;
        let listed = async || json_of(&world.run_relay(&["services", "list", "--json"]).await?);
        let state = async |name: &str| -> Result<Vec<Value>> {
            let listed = listed().await?;
            let service =
                listed.as_array().and_then(|all| all.iter().find(|one| one["name"] == name).cloned());
            Ok(service.context("listed")?["processes"].as_array().cloned().unwrap_or_default())
        };
        until("pruning to have run", LIMIT, async || {
            let pruning = state("pruning").await?;
            ensure!(pruning.len() == 1 && pruning[0]["runs"] != 0, "{pruning:?}");
            Ok(())
        })
        .await?;
        ensure!(std::net::TcpStream::connect(&listen).is_err(), "it answers no requests");
        let mut requests = start("requests")?;
        until("the other to answer, without that service", LIMIT, async || {
            std::net::TcpStream::connect(&listen)?;
            let pruning = state("pruning").await?;
            let off = pruning.iter().filter(|process| process["state"] == "off").count();
            ensure!(pruning.len() == 2 && off == 1, "{pruning:?}");
            Ok(())
        })
        .await?;
        for process in [&mut requests, &mut services] {
            let status = process.terminate(LIMIT).await?;
            ensure!(status.success(), "{status}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_command_is_followed_by_its_correlation_id_from_its_request_to_what_came_of_it() {
    World::run(async |world| {
        let (api, _relay, _operator) = running(world).await?;
        let _queue = world.consumer().await?;
        let id = "order-of-the-shop-4711";
        let body = json!({"email": "ada@docks.example", "name": "Ada", "role": "sales", "password": "trois bateaux gris"});
        let headers = [("X-Correlation-Id", id)];
        let created = api.http.send(reqwest::Method::POST, "/users", &headers, Some(&body)).await?;
        ensure!(created.status == 201, "{} {}", created.status, created.text);
        let steps = until("everything that came of it", LIMIT, async || {
            let traced = json_of(&world.run_api(&["trace", id, "--json"]).await?)?;
            let steps: Vec<(String, String, String)> = traced
                .as_array()
                .into_iter()
                .flatten()
                .map(|step| ["source", "name", "state"].map(|member| step[member].as_str().unwrap_or_default().to_owned()).into())
                .collect();
            let has = |source: &str, name: &str, state: &str| steps.contains(&(source.into(), name.into(), state.into()));
            ensure!(has("command", "user.register", "done") && has("event", "user.registered", "published"), "{steps:?}");
            ensure!(steps.iter().any(|(source, ..)| source == "mail"), "{steps:?}");
            Ok(steps)
        })
        .await?;
        ensure!(steps[0].0 == "command", "in the order of time: {steps:?}");
        let nothing = world.run_api(&["trace", "of-nobody"]).await?;
        ensure!(nothing.code == Some(1) && nothing.stderr.contains("nothing from"), "{nothing:?}");
        Ok(())
    })
    .await;
}
