//! Services of both programs as operators see them: over HTTP, at the command line, in health and in the documents.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Answer, Api, Exit, Http, Operator, Relay, World, insert_event, root, until};
use serde_json::{Value, json};

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

        // What the action does not understand, it says.
        let wrong = json!({"parameters": {"nonsense": 1}, "priority": "high", "time_limit_seconds": 20});
        let failed = operator.post("/services/drain/actions/drain-now", &wrong).await?;
        let failed = ended(&operator, &failed).await?;
        assert_eq!(failed["state"], "failed");
        assert!(failed["error"].as_str().is_some_and(|error| error.contains("nonsense")), "{failed}");

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
        assert_eq!((&after["service"], &after["parameters"]), (&json!("drain"), &json!({"nonsense": 1})));

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
            let sent = json_of(&run(&["trigger", "pruning", "--no-wait", "--priority", "low"]).await?)?;
            ensure!(sent["id"].is_string(), "{sent}");
            for (arguments, code, text) in [
                (&["status", "purning"][..], 1, "there is no service `purning`"),
                (&["act", "drain", "drian"], 1, "it has:"),
                (&["act", "drain", "drain-now", "[]"], 2, "a JSON object"),
                (&["act", "drain", "drain-now", r#"{"nonsense": 1}"#], 1, "nonsense"),
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
