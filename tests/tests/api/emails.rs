//! E-mails: which are queued by what, what they say, and how they are sent again or discarded.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, Http, MailServer, Reaction, Step, Tenant, World, run, until};
use serde_json::{Value, json};
use tokio_postgres::Client;

const PASSWORD: &str = "un mot de passe assez long";
pub(crate) const LIMIT: Duration = Duration::from_secs(15);

/// An API that sends to this server, and does not wait long for it.
pub(crate) async fn api(world: &World, server: &MailServer, more: &[(&str, &str)]) -> Result<Api> {
    let url = server.url();
    let mut environment = vec![
        ("COMPTOIR__MAIL__TRANSPORT", "smtp"),
        ("MAIL_URL", url.as_str()),
        ("COMPTOIR__MAIL__FROM", "post@comptoir.example"),
        ("COMPTOIR__MAIL__CONNECT_TIMEOUT_SECONDS", "2"),
        ("COMPTOIR__MAIL__COMMAND_TIMEOUT_SECONDS", "2"),
        ("COMPTOIR__MAIL__ACCEPT_TIMEOUT_SECONDS", "2"),
        ("COMPTOIR__MAIL__RETRY_FIRST_SECONDS", "1"),
        ("COMPTOIR__MAIL__RETRY_LONGEST_SECONDS", "2"),
        ("COMPTOIR__MAIL__LOOK_INTERVAL_MS", "200"),
        ("COMPTOIR__MAIL__LEASE_SECONDS", "3"),
        ("COMPTOIR__MAIL__TENANT_PER_MINUTE", "0"),
        ("COMPTOIR__MAIL__DESTINATION_PER_MINUTE", "0"),
    ];
    environment.extend(more);
    let api = Api::start(world, &environment).await?;
    let english = json!({"language": "en"});
    let answer = api.http.send(reqwest::Method::PATCH, "/tenant", &[], Some(&english)).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(api)
}

pub(crate) async fn register(api: &Api, email: &str) -> Result<String> {
    let body = json!({"email": email, "name": "Ada Martin", "role": "sales"});
    let user = api.created("/users", &body).await?;
    Ok(user["id"].as_str().context("no id")?.to_owned())
}

/// The e-mails of this kind, the newest first.
async fn of_kind(http: &Http, kind: &str) -> Result<Vec<Value>> {
    let answer = http.get(&format!("/emails?kind={kind}")).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(answer.json["data"].as_array().context("no data")?.clone())
}

/// Waits until the newest e-mail of this kind is in this state.
async fn in_state(http: &Http, kind: &str, state: &str) -> Result<Value> {
    until(format!("a {kind} that is {state}"), LIMIT, async || {
        let found = of_kind(http, kind).await?;
        let newest = found.first().context("none yet")?;
        ensure!(newest["state"] == state, "{newest}");
        Ok(newest.clone())
    })
    .await
}

/// Waits for an e-mail to this address, and returns its token.
async fn token_for(server: &MailServer, address: &str, number: usize) -> Result<String> {
    until(format!("e-mail {number} to {address}"), LIMIT, async || {
        let taken = server.taken_for(address);
        taken.get(number - 1).context("not yet")?.token().context("it has no token")
    })
    .await
}

async fn secrets(sql: &Client) -> Result<i64> {
    Ok(sql.query_one("SELECT count(*) FROM email_secrets", &[]).await?.get(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invited_user_gets_a_token_that_works_and_is_told_of_every_change() {
    World::run(async |world| {
        let server = MailServer::start().await?;
        let api = api(world, &server, &[]).await?;
        let id = register(&api, "ada@docks.example").await?;
        let token = token_for(&server, "ada@docks.example", 1).await?;
        let sent = in_state(&api.http, "invitation", "sent").await?;
        assert_eq!(
            (sent["recipient"].as_str(), sent["attempts"].as_i64()),
            (Some("ada@docks.example"), Some(1))
        );
        assert_eq!(sent["last_error"], Value::Null, "nothing went wrong: {sent}");

        let invitation = server.taken().remove(0);
        assert_eq!(invitation.sender, "post@comptoir.example");
        assert!(invitation.message_id.contains(sent["id"].as_str().unwrap()), "{}", invitation.message_id);
        assert!(invitation.message_id.ends_with("@comptoir.example>"), "{}", invitation.message_id);
        for text in ["invited to work with Maison Test", "Hello Ada Martin", "text/plain", "text/html"] {
            assert!(invitation.plain().contains(text), "{text} is not in {}", invitation.plain());
        }

        // What was handed over is nowhere any more, and was never shown.
        let sql = world.sql().await?;
        assert_eq!(secrets(&sql).await?, 0);
        let path = format!("/emails/{}", sent["id"].as_str().unwrap());
        let shown = api.http.get(&path).await?;
        assert!(!shown.text.contains("cot_") && shown.text.contains("***"), "{}", shown.text);
        assert_eq!(shown.json["history"][0]["outcome"], "accepted", "{}", shown.text);
        let everywhere =
            "SELECT count(*) FROM emails, audit_events WHERE to_jsonb(emails)::text LIKE '%cot_%'
            OR to_jsonb(audit_events)::text LIKE '%cot_%'";
        assert_eq!(sql.query_one(everywhere, &[]).await?.get::<_, i64>(0), 0);
        assert!(!api.daemon.output().contains("cot_"), "a token is in the log");

        let confirm = json!({"token": token, "password": PASSWORD});
        let confirmed = api.http.anonymous().post("/auth/password-reset/confirm", &confirm).await?;
        assert_eq!(confirmed.status, 204, "{}", confirmed.text);
        let role = api.http.post(&format!("/users/{id}/change-role"), &json!({"role": "warehouse"})).await?;
        assert_eq!(role.status, 200, "{}", role.text);
        let lists = json!({"granted": ["users:read"], "revoked": []});
        let changed = api.http.post(&format!("/users/{id}/change-permissions"), &lists).await?;
        assert_eq!(changed.status, 200, "{}", changed.text);
        until("three notices", LIMIT, async || {
            let taken = server.taken_for("ada@docks.example");
            ensure!(taken.len() == 4, "{} e-mails", taken.len());
            let all: String = taken.iter().map(comptoir_tests::harness::TakenEmail::plain).collect();
            for text in [
                "The password of your account was changed",
                "Your role was sales, and is warehouse now",
                "Beside those of your role you have: users:read",
            ] {
                ensure!(all.contains(text), "{text} is in none of them");
            }
            Ok(())
        })
        .await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_a_password_is_welcomed_in_the_companys_language_and_from_its_address() {
    World::run(async |world| {
        let server = MailServer::start().await?;
        let link = "https://shop.example/verify#token={token}";
        let api = api(world, &server, &[("COMPTOIR__MAIL__VERIFY_URL", link)]).await?;
        let settings = json!({
            "language": "fr", "email_from": "contact@maison.example", "email_reply_to": "service@maison.example",
        });
        let answer = api.http.send(reqwest::Method::PATCH, "/tenant", &[], Some(&settings)).await?;
        assert_eq!((answer.status, answer.field("language")), (200, "fr"), "{}", answer.text);
        let body =
            json!({"email": "ada@docks.example", "name": "Ada", "role": "sales", "password": PASSWORD});
        api.created("/users", &body).await?;
        let token = token_for(&server, "ada@docks.example", 1).await?;
        let email = server.taken().remove(0);
        let plain = email.plain();
        assert!(plain.contains("Bonjour Ada") && plain.contains("https://shop.example/verify#token=cot_"), "{plain}");
        assert!(plain.contains("<contact@maison.example>") && plain.contains("<service@maison.example>"), "{plain}");
        assert_eq!(email.sender, "post@comptoir.example", "what cannot be delivered comes back to the installation");

        let verified = api.http.anonymous().post("/auth/verify-email", &json!({"token": token})).await?;
        assert_eq!(verified.status, 204, "{}", verified.text);
        let log_in = json!({"email": "ada@docks.example", "password": PASSWORD});
        let session = api.http.anonymous().post("/auth/login", &log_in).await?;
        assert_eq!(session.status, 200, "{}", session.text);

        for (setting, value) in [("language", json!("nl")), ("email_from", json!("nobody"))] {
            let refused = api
                .http
                .send(reqwest::Method::PATCH, "/tenant", &[], Some(&json!({setting: value})))
                .await?;
            assert_eq!(refused.status, 422, "{}", refused.text);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_forgot_a_password_gets_a_token_once_and_nobody_else_learns_of_it() {
    World::run(async |world| {
        let server = MailServer::start().await?;
        let api = api(world, &server, &[]).await?;
        register(&api, "ada@docks.example").await?;
        let first = token_for(&server, "ada@docks.example", 1).await?;
        // The token of the invitation is young enough that no other one is sent in its place.
        let sql = world.sql().await?;
        sql.batch_execute("UPDATE user_tokens SET created_at = created_at - interval '2 minutes'").await?;
        let anonymous = api.http.anonymous();
        for email in ["ada@docks.example", "ada@docks.example", "nobody@docks.example"] {
            let asked = anonymous.post("/auth/password-reset", &json!({"email": email})).await?;
            assert_eq!((asked.status, asked.text.as_str()), (202, ""), "{email}");
        }
        let second = token_for(&server, "ada@docks.example", 2).await?;
        in_state(&api.http, "password_reset", "sent").await?;
        assert_eq!(of_kind(&api.http, "password_reset").await?.len(), 1, "the second asked too soon");
        let confirm = async |token: &str| {
            let body = json!({"token": token, "password": PASSWORD});
            anyhow::Ok(anonymous.post("/auth/password-reset/confirm", &body).await?.status)
        };
        assert_eq!(confirm(&first).await?, 204, "whoever asked for the second need not be the user");
        assert_eq!(confirm(&second).await?, 422, "one was used");
        let events = "SELECT count(*) FROM outbox_events WHERE event_type LIKE '%reset%'";
        assert_eq!(sql.query_one(events, &[]).await?.get::<_, i64>(0), 0, "it is published");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_is_sent_again_with_another_token_until_its_cause_is_over() {
    World::run(async |world| {
        let refuses = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
        let now = std::sync::Arc::clone(&refuses);
        let server = MailServer::reacting(move |turn| {
            let refuses = now.load(std::sync::atomic::Ordering::Relaxed);
            if refuses && turn.step == Step::Recipient { Reaction::Say(550) } else { Reaction::Go }
        })
        .await?;
        let api = api(world, &server, &[]).await?;
        register(&api, "ada@docks.example").await?;
        let dead = in_state(&api.http, "invitation", "dead").await?;
        assert_eq!((&dead["reason"], &dead["attempts"]), (&json!("refused"), &json!(1)), "{dead}");
        assert!(dead["last_error"].as_str().unwrap().contains("550"), "{dead}");
        assert_eq!(secrets(&world.sql().await?).await?, 0, "a dead letter has no secret");

        refuses.store(false, std::sync::atomic::Ordering::Relaxed);
        let path = format!("/emails/{}", dead["id"].as_str().unwrap());
        let requeued = api.http.command(&format!("{path}/requeue")).await?;
        assert_eq!((requeued.status, requeued.field("state")), (200, "waiting"), "{}", requeued.text);
        assert_eq!(requeued.json["last_error"], Value::Null, "{}", requeued.text);
        let first = token_for(&server, "ada@docks.example", 1).await?;
        in_state(&api.http, "invitation", "sent").await?;
        // Once more: the token before ends.
        let again = api.http.command(&format!("{path}/requeue")).await?;
        assert_eq!(again.status, 200, "{}", again.text);
        let second = token_for(&server, "ada@docks.example", 2).await?;
        in_state(&api.http, "invitation", "sent").await?;
        let ids: Vec<String> = server.taken().into_iter().map(|email| email.message_id).collect();
        assert_ne!(ids[0], ids[1], "programs would drop the second as a repeat");
        let confirm = async |token: &str| {
            let body = json!({"token": token, "password": PASSWORD});
            anyhow::Ok(api.http.anonymous().post("/auth/password-reset/confirm", &body).await?.status)
        };
        assert_eq!(confirm(&first).await?, 422);
        assert_eq!(confirm(&second).await?, 204);
        let refused = api.http.command(&format!("{path}/requeue")).await?;
        assert_eq!((refused.status, refused.code()), (409, "email_cause_over"), "{}", refused.text);
        let unknown = api.http.command("/emails/01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b/requeue").await?;
        assert_eq!((unknown.status, unknown.code()), (404, "email_not_found"));
        let trail = api.http.get("/audit-events?action=email.requeue").await?;
        assert_eq!(trail.json["data"].as_array().unwrap().len(), 2, "{}", trail.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_match_as_of_now_are_requeued_or_discarded() {
    World::run(async |world| {
        let server = MailServer::reacting(|turn| match turn.step {
            Step::Recipient => Reaction::Say(550),
            _ => Reaction::Go,
        })
        .await?;
        let api = api(world, &server, &[]).await?;
        for n in 0..3 {
            register(&api, &format!("u{n}@docks.example")).await?;
        }
        register(&api, "else@where.example").await?;
        let all_dead = async || {
            until("four dead letters", LIMIT, async || {
                let dead = api.http.get("/emails?state=dead").await?;
                let number = dead.json["data"].as_array().map_or(0, Vec::len);
                ensure!(number == 4, "{number}");
                Ok(())
            })
            .await
        };
        all_dead().await?;
        let docks = json!({"destination": "DOCKS.example", "dry_run": true});
        let would = api.http.post("/emails/requeue", &docks).await?;
        assert_eq!(would.json["done"].as_array().unwrap().len(), 3, "{}", would.text);
        assert_eq!((&would.json["more"], &would.json["dry_run"]), (&json!(false), &json!(true)));
        let until_then = json!({"until": "2020-01-01T00:00:00Z"});
        let none = api.http.post("/emails/requeue", &until_then).await?;
        assert_eq!(none.json["done"], json!([]), "{}", none.text);
        let requeued = api.http.post("/emails/requeue", &json!({"destination": "docks.example"})).await?;
        assert_eq!(requeued.json["done"].as_array().unwrap().len(), 3, "{}", requeued.text);
        all_dead().await?;

        let tenant = world.tenant().await?.id.to_string();
        let exit =
            world.run_api(&["emails", "list", "--tenant", &tenant, "--state", "dead", "--json"]).await?;
        let listed: Value = serde_json::from_str(&exit.stdout)?;
        assert_eq!((exit.code, listed.as_array().unwrap().len()), (Some(0), 4), "{exit:?}");
        let one = listed[0]["id"].as_str().unwrap().to_owned();
        let exit = world.run_api(&["emails", "show", "--tenant", &tenant, &one]).await?;
        assert!(exit.code == Some(0) && exit.stdout.contains("\"subject\""), "{exit:?}");
        let exit = world.run_api(&["emails", "discard", "--tenant", &tenant, &one]).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        let exit = world.run_api(&["emails", "requeue", "--tenant", &tenant, &one]).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        all_dead().await?;
        let exit = world
            .run_api(&["emails", "discard", "--tenant", &tenant, "--all", "--kind", "invitation"])
            .await?;
        assert_eq!((exit.code, exit.stdout.trim()), (Some(0), "discarded: 4; left alone: 0"), "{exit:?}");
        let exit =
            world.run_api(&["emails", "requeue", "--tenant", &tenant, "--all", "--kind", "letter"]).await?;
        assert!(exit.code == Some(2) && exit.stderr.contains("security_notice"), "{exit:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_finds_e_mails_of_all_companies_and_decides_about_them_by_their_ids() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let tenants = [world.tenant().await?.id.to_string(), Tenant::create(&sql, "Other").await?.id.to_string()];
        for tenant in &tenants {
            let insert = "INSERT INTO emails (tenant_id, id, version, kind, state, recipient, recipient_name, destination, content, due_at,
                    deadline, last_error, reason, correlation_id, created_at, updated_at, finished_at)
                SELECT $1::text::uuid, gen_random_uuid(), 1, 'security_notice', state, 'ada@docks.example', 'Ada', 'docks.example',
                    jsonb_build_object('kind', 'security_notice', 'change', jsonb_build_object('what', 'password'), 'by', 'b', 'at', now()),
                    now(), now() + interval '1 hour', '250 queued as X', CASE state WHEN 'dead' THEN 'refused' END, 'c', now(), now(), now()
                FROM unnest(ARRAY['dead', 'sent']) AS state";
            sql.execute(insert, &[tenant]).await?;
        }
        let listed = async |arguments: &[&str]| -> Result<Vec<Value>> {
            let exit = world.run_api(&[&["emails", "list", "--json"], arguments].concat()).await?;
            ensure!(exit.code == Some(0), "{exit:?}");
            Ok(serde_json::from_str(&exit.stdout)?)
        };
        let dead = listed(&["--state", "dead"]).await?;
        let mut found: Vec<&str> = dead.iter().filter_map(|one| one["tenant_id"].as_str()).collect();
        found.sort_unstable();
        let mut expected: Vec<&str> = tenants.iter().map(String::as_str).collect();
        expected.sort_unstable();
        assert_eq!(found, expected);
        let all = listed(&["--destination", "Docks.Example", "--kind", "security_notice"]).await?;
        assert_eq!((all.len(), listed(&["--limit", "3"]).await?.len()), (4, 3), "{all:?}");
        let of_sent = all.iter().filter(|one| one["state"] == "sent");
        assert!(of_sent.clone().count() == 2 && of_sent.clone().all(|one| one["last_error"].is_null()), "{all:?}");
        let of_one = listed(&["--tenant", tenants[1].as_str(), "--state", "dead"]).await?;
        assert_eq!((of_one.len(), of_one[0]["tenant_id"].as_str()), (1, Some(tenants[1].as_str())));

        let table = world.run_api(&["emails", "list", "--state", "dead"]).await?;
        assert!(table.stdout.starts_with("tenant") && table.stdout.contains(&tenants[1]), "{table:?}");
        let table = world.run_api(&["emails", "list", "--state", "dead", "--tenant", tenants[1].as_str()]).await?;
        assert!(table.stdout.starts_with("e-mail") && !table.stdout.contains(&tenants[1]), "{table:?}");

        // By their ids, of two companies at once.
        let ids: Vec<&str> = dead.iter().filter_map(|one| one["id"].as_str()).collect();
        let shown = world.run_api(&["emails", "show", ids[1]]).await?;
        assert!(shown.code == Some(0) && shown.stdout.contains("\"subject\""), "{shown:?}");
        let discarded = world.run_api(&["emails", "discard", ids[0], ids[1]]).await?;
        assert_eq!(discarded.code, Some(0), "{discarded:?}");
        assert_eq!(listed(&["--state", "discarded"]).await?.len(), 2);
        let refused = world.run_api(&["emails", "discard", ids[0]]).await?;
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "no table of nothing: {refused:?}");
        assert!(refused.stderr.contains("cannot be discarded"), "{refused:?}");
        let requeued = world.run_api(&["emails", "requeue", ids[0], "--json"]).await?;
        assert_eq!(requeued.code, Some(0), "{requeued:?}");
        let requeued: Value = serde_json::from_str(&requeued.stdout)?;
        assert_eq!((&requeued[0]["state"], &requeued[0]["last_error"]), (&json!("waiting"), &Value::Null));
        let trail = "SELECT count(DISTINCT tenant_id) FROM audit_events WHERE action = 'email.discard'";
        assert_eq!(sql.query_one(trail, &[]).await?.get::<_, i64>(0), 2, "in the trail of each company");

        let unknown = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b";
        for (arguments, code, text) in [
            (&["show", unknown][..], 1, "there is no e-mail"),
            (&["discard", unknown], 1, "there is no e-mail"),
            (&["discard", "--all"], 2, "--tenant"),
        ] {
            let exit = world.run_api(&[&["emails"], arguments].concat()).await?;
            assert_eq!((exit.code, exit.stdout.as_str()), (Some(code), ""), "{exit:?}");
            assert!(exit.stderr.contains(text), "{exit:?}");
        }
        let mut without = world.api_command(&["emails", "list"])?;
        without.env_remove("SERVICES_DATABASE_URL");
        let exit = run(without, LIMIT).await?;
        assert!(exit.code == Some(1) && exit.stderr.contains("--tenant"), "{exit:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_of_no_use_any_more_keeps_nothing_behind_it_from_being_requeued() {
    World::run(async |world| {
        let server = MailServer::reacting(|turn| match turn.step {
            Step::Recipient => Reaction::Say(550),
            _ => Reaction::Go,
        })
        .await?;
        let api = api(world, &server, &[]).await?;
        register(&api, "ada@docks.example").await?;
        in_state(&api.http, "invitation", "dead").await?;
        let sql = world.sql().await?;
        // Older ones, whose tokens are gone: more than one call decides about.
        sql.batch_execute(
            "INSERT INTO emails (tenant_id, id, version, kind, state, recipient, recipient_name, destination, content, user_id, due_at,
                deadline, reason, correlation_id, created_at, updated_at, finished_at)
            SELECT tenant_id, gen_random_uuid(), 1, 'password_reset', 'dead', recipient, recipient_name, destination,
                '{\"kind\": \"password_reset\"}'::jsonb, user_id, due_at, deadline, 'refused', 'c', created_at - interval '1 hour', updated_at,
                finished_at
            FROM emails, generate_series(1, 150)",
        )
        .await?;
        let discarded = async || -> Result<i64> {
            let query = "SELECT count(*) FROM emails WHERE kind = 'password_reset' AND state = 'discarded' AND reason = 'cause_over'";
            Ok(sql.query_one(query, &[]).await?.get(0))
        };
        let number = |answer: &Value, field: &str| answer[field].as_array().map_or(0, Vec::len);
        let first = api.http.post("/emails/requeue", &json!({})).await?;
        assert_eq!((number(&first.json, "done"), number(&first.json, "refused")), (0, 100), "{}", first.text);
        assert_eq!((&first.json["more"], discarded().await?), (&json!(true), 100));
        let again = api.http.post("/emails/requeue", &json!({"until": first.json["until"]})).await?;
        assert_eq!((number(&again.json, "done"), number(&again.json, "refused")), (1, 50), "{}", again.text);
        assert_eq!((&again.json["more"], discarded().await?), (&json!(false), 150));
        let trail = api.http.get("/audit-events?action=email.requeue_matching").await?;
        assert_eq!(number(&trail.json, "data"), 2, "{}", trail.text);

        // At the command line in one go.
        in_state(&api.http, "invitation", "dead").await?;
        sql.batch_execute("UPDATE emails SET state = 'dead', reason = 'refused' WHERE kind = 'password_reset'")
            .await?;
        let tenant = world.tenant().await?.id.to_string();
        let exit = world.run_api(&["emails", "requeue", "--tenant", &tenant, "--all"]).await?;
        let expected = "requeued: 1; of no use any more: 150";
        assert_eq!((exit.code, exit.stdout.trim()), (Some(1), expected), "{exit:?}");
        assert_eq!(discarded().await?, 150);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_e_mail_is_not_sent_after_its_deadline_or_when_its_cause_is_over() {
    World::run(async |world| {
        let server = MailServer::reacting(|turn| match turn.step {
            Step::Mail => Reaction::Say(451),
            _ => Reaction::Go,
        })
        .await?;
        let api = api(world, &server, &[]).await?;
        let late = register(&api, "late@docks.example").await?;
        let over = register(&api, "over@docks.example").await?;
        let sql = world.sql().await?;
        sql.execute("UPDATE emails SET deadline = now() WHERE user_id = $1::text::uuid", &[&late]).await?;
        // Its token was used.
        sql.execute("UPDATE user_tokens SET used_at = now() WHERE user_id = $1::text::uuid", &[&over])
            .await?;
        let is = async |user: &str, state: &str, reason: &str| {
            until(format!("{state}: {reason}"), LIMIT, async || {
                let row = sql
                    .query_one(
                        "SELECT state, COALESCE(reason, '') FROM emails WHERE user_id = $1::text::uuid",
                        &[&user],
                    )
                    .await?;
                let found: (String, String) = (row.get(0), row.get(1));
                ensure!(found == (state.to_owned(), reason.to_owned()), "{found:?}");
                Ok(())
            })
            .await
        };
        is(&late, "dead", "deadline").await?;
        is(&over, "discarded", "cause_over").await?;
        assert_eq!((secrets(&sql).await?, server.taken()), (0, vec![]));
        Ok(())
    })
    .await;
}
