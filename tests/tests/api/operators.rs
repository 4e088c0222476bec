//! Operator accounts: they belong to no company, no company reaches them, and what they do stands in chains of their own.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Answer, Api, Exit, Http, Operator, RUNTIME_ROLE, Tenant, World, connect};
use serde_json::{Value, json};

use super::authentication;

const ADDRESS: &str = "ops@comptoir.example";
const OTHER: &str = "cinq chevaux rouges";

async fn log_in(http: &Http, email: &str, password: &str) -> Result<Answer> {
    http.anonymous().post("/operators/auth/login", &json!({"email": email, "password": password})).await
}

async fn refresh(http: &Http, token: &str) -> Result<Answer> {
    http.anonymous().post("/operators/auth/refresh", &json!({"refresh_token": token})).await
}

fn assert_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code()), (status, code), "{}", answer.text);
}

fn json_of(exit: &Exit) -> Result<Value> {
    ensure!(exit.code == Some(0), "{exit:?}");
    Ok(serde_json::from_str(&exit.stdout)?)
}

/// The operators' own rows of the audit trail: who did what.
async fn trail(world: &World) -> Result<Vec<(String, String)>> {
    let rows = "SELECT actor_name, action FROM audit_events WHERE tenant_id = comptoir_operators() ORDER BY occurred_at, id";
    let rows = world.sql().await?.query(rows, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_logs_in_is_refused_by_companies_and_leaves_a_trail_of_their_own() {
    World::run(async |world| {
        let api = world.api().await?;
        let ops = Operator::create(world, ADDRESS).await?;
        let answer = log_in(&api.http, " OPS@Comptoir.Example ", &ops.password).await?;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.field("operator_id"), ops.id);
        let http = api.http.with_credential(answer.field("access_token"));
        let me = http.get("/operators/me").await?;
        assert_eq!((me.status, me.field("id"), me.field("email")), (200, ops.id.as_str(), ADDRESS));
        for path in ["/me", "/orders", "/tenant", "/users", "/sessions", "/roles", "/audit-events"] {
            assert_refused(&http.get(path).await?, 403, "not_for_operators");
        }
        // An administrator's key, and an administrator, are refused by what is for operators.
        assert_refused(&api.http.get("/operators/me").await?, 403, "operators_only");
        authentication::user(world, &api, "ada@docks.example", "admin").await?;
        let ada = authentication::logged_in(&api, "ada@docks.example", authentication::PASSWORD).await?;
        assert_refused(&ada.http.get("/operators/me").await?, 403, "operators_only");
        assert_refused(&log_in(&api.http, "ada@docks.example", authentication::PASSWORD).await?, 401, "invalid_credentials");
        let as_user = json!({"email": ADDRESS, "password": ops.password});
        let as_user = api.http.anonymous().post("/auth/login", &as_user).await?;
        assert_refused(&as_user, 401, "invalid_credentials");

        assert_eq!(http.command("/operators/auth/logout").await?.status, 204);
        assert_refused(&http.get("/operators/me").await?, 401, "unauthenticated");
        let over = refresh(&api.http, answer.field("refresh_token")).await?;
        assert_refused(&over, 401, "invalid_refresh_token");

        let trail = trail(world).await?;
        let actions: Vec<&str> = trail.iter().map(|(_, action)| action.as_str()).collect();
        assert_eq!(actions, ["operator.create", "operator_session.create", "operator_session.end"], "{trail:?}");
        assert!(trail[0].0.contains('@') && trail[0].0 != ADDRESS, "user@host made it: {trail:?}");
        assert_eq!((trail[1].0.as_str(), trail[2].0.as_str()), (ADDRESS, ADDRESS));
        let secrets = "SELECT count(*) FROM audit_events WHERE after::text LIKE '%argon2%' OR after::text LIKE '%cpt_%'";
        assert_eq!(world.sql().await?.query_one(secrets, &[]).await?.get::<_, i64>(0), 0);
        let events = "SELECT count(*) FROM outbox_events WHERE tenant_id = comptoir_operators() OR tenant_id IS NULL";
        assert_eq!(world.sql().await?.query_one(events, &[]).await?.get::<_, i64>(0), 0, "published");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_an_unknown_operator_and_a_disabled_one_have_one_answer_in_one_time() {
    World::run(async |world| {
        let api = world.api().await?;
        Operator::create(world, ADDRESS).await?;
        let gone = Operator::create(world, "gone@comptoir.example").await?;
        json_of(&world.run_api(&["operators", "disable", &gone.email, "--json"]).await?)?;
        let told =
            |answer: &Answer| (answer.status, answer.code().to_owned(), answer.field("detail").to_owned());
        let (mut answers, mut times) = (Vec::new(), [Duration::MAX; 2]);
        let ratio = |times: &[Duration; 2]| times[0].as_secs_f64() / times[1].as_secs_f64();
        let sql = world.sql().await?;
        // The best of many, as for users.
        for round in 0..60 {
            if round >= 15 && (0.5..2.0).contains(&ratio(&times)) {
                break;
            }
            sql.execute("DELETE FROM login_throttles", &[]).await?;
            for (at, email) in [ADDRESS, "nobody@comptoir.example"].into_iter().enumerate() {
                let started = Instant::now();
                answers.push(told(&log_in(&api.http, email, OTHER).await?));
                times[at] = times[at].min(started.elapsed());
            }
        }
        answers.push(told(&gone.try_log_in(&api.http).await?));
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert_eq!((answers[0].0, answers[0].1.as_str()), (401, "invalid_credentials"));
        assert!((0.5..2.0).contains(&ratio(&times)), "known {:?}, unknown {:?}", times[0], times[1]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_at_an_operator_lock_the_account_whether_it_exists_or_not_and_are_in_the_operators_trail() {
    World::run(async |world| {
        let every = [("COMPTOIR__API__REFUSALS_INTERVAL_SECONDS", "1")];
        let api = Api::start(world, &every).await?;
        let ops = Operator::create(world, ADDRESS).await?;
        for email in [ADDRESS, "nobody@comptoir.example"] {
            for _ in 0..5 {
                assert_refused(&log_in(&api.http, email, OTHER).await?, 401, "invalid_credentials");
            }
            let hold = "UPDATE login_throttles SET locked_until = now() + interval '10 minutes' WHERE locked_until IS NOT NULL";
            log_in(&api.http, email, OTHER).await?;
            world.sql().await?.execute(hold, &[]).await?;
            let locked = log_in(&api.http, email, OTHER).await?;
            assert_refused(&locked, 429, "too_many_attempts");
            assert!(locked.header("retry-after").is_some());
        }
        assert_refused(&ops.try_log_in(&api.http).await?, 429, "too_many_attempts");
        // A user of the same address is not locked out by that.
        authentication::user(world, &api, ADDRESS, "sales").await?;
        authentication::logged_in(&api, ADDRESS, authentication::PASSWORD).await?;

        // A password that is set for them opens the account.
        let set = json_of(&world.run_api(&["operators", "set-password", ADDRESS, "--json"]).await?)?;
        assert_refused(&ops.try_log_in(&api.http).await?, 401, "invalid_credentials");
        let password = set["password"].as_str().context("no password")?;
        assert_eq!(log_in(&api.http, ADDRESS, password).await?.status, 200);

        comptoir_tests::harness::until("the refusals to be written", Duration::from_secs(20), async || {
            let rows = "SELECT count(*) FROM audit_events WHERE tenant_id = comptoir_operators()
                AND action = 'session.refuse' AND resource_type = 'operator' AND resource_id = $1";
            let rows: i64 = world.sql().await?.query_one(rows, &[&ops.id]).await?.get(0);
            ensure!(rows > 0, "none");
            Ok(())
        })
        .await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_tokens_are_good_once_and_those_of_operators_and_users_are_not_exchanged_for_each_other() {
    World::run(async |world| {
        let api = world.api().await?;
        let ops = Operator::create(world, ADDRESS).await?;
        let begun = ops.try_log_in(&api.http).await?;
        let first = begun.field("refresh_token").to_owned();
        let as_users = json!({"refresh_token": first});
        let as_users = api.http.anonymous().post("/auth/refresh", &as_users).await?;
        assert_refused(&as_users, 401, "invalid_refresh_token");

        let next = refresh(&api.http, &first).await?;
        assert_eq!(
            (next.status, next.field("session_id")),
            (200, begun.field("session_id")),
            "{}",
            next.text
        );
        let http = api.http.with_credential(next.field("access_token"));
        assert_eq!(http.get("/operators/me").await?.status, 200);
        assert_refused(&refresh(&api.http, &first).await?, 401, "invalid_refresh_token");
        assert_refused(&http.get("/operators/me").await?, 401, "unauthenticated");
        assert_refused(&refresh(&api.http, next.field("refresh_token")).await?, 401, "invalid_refresh_token");
        let reason = "SELECT end_reason FROM operator_sessions";
        assert_eq!(
            world.sql().await?.query_one(reason, &[]).await?.get::<_, &str>(0),
            "refresh_token_reused"
        );

        authentication::user(world, &api, "ada@docks.example", "admin").await?;
        let ada = json!({"email": "ada@docks.example", "password": authentication::PASSWORD});
        let ada = api.http.anonymous().post("/auth/login", &ada).await?;
        assert_refused(&refresh(&api.http, ada.field("refresh_token")).await?, 401, "invalid_refresh_token");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_password_ends_the_other_sessions_and_a_disabled_operator_is_out_at_once() {
    World::run(async |world| {
        let api = world.api().await?;
        let ops = Operator::create(world, ADDRESS).await?;
        let (here, there) = (ops.log_in(&api).await?, ops.log_in(&api).await?);
        let change = |current: &str| json!({"current_password": current, "new_password": OTHER});
        let wrong = here.post("/operators/auth/password", &change("x")).await?;
        assert_refused(&wrong, 422, "invalid_request");
        assert_eq!(wrong.pointers(), ["/current_password"]);
        let common = json!({"current_password": ops.password, "new_password": "password1"});
        assert_eq!(here.post("/operators/auth/password", &common).await?.pointers(), ["/new_password"]);
        let changed = here.post("/operators/auth/password", &change(&ops.password)).await?;
        assert_eq!(changed.status, 204, "{}", changed.text);
        assert_eq!(here.get("/operators/me").await?.status, 200);
        assert_refused(&there.get("/operators/me").await?, 401, "unauthenticated");
        assert_refused(&ops.try_log_in(&api.http).await?, 401, "invalid_credentials");
        let again = log_in(&api.http, ADDRESS, OTHER).await?;
        assert_eq!(again.status, 200, "{}", again.text);

        let disabled = json_of(&world.run_api(&["operators", "disable", ADDRESS, "--json"]).await?)?;
        assert_eq!(disabled["status"], "disabled");
        assert_refused(&here.get("/operators/me").await?, 401, "unauthenticated");
        assert_refused(&log_in(&api.http, ADDRESS, OTHER).await?, 401, "invalid_credentials");
        let over = refresh(&api.http, again.field("refresh_token")).await?;
        assert_refused(&over, 401, "invalid_refresh_token");
        let twice = world.run_api(&["operators", "disable", ADDRESS]).await?;
        assert_eq!(twice.code, Some(1), "{twice:?}");
        assert!(twice.stderr.contains("is disabled already"), "{twice:?}");

        json_of(&world.run_api(&["operators", "enable", ADDRESS, "--json"]).await?)?;
        assert_refused(&here.get("/operators/me").await?, 401, "unauthenticated");
        assert_eq!(log_in(&api.http, ADDRESS, OTHER).await?.status, 200);
        let actions: Vec<String> = trail(world).await?.into_iter().map(|(_, action)| action).collect();
        for action in ["operator.change_password", "operator.disable", "operator.enable"] {
            assert_eq!(actions.iter().filter(|one| *one == action).count(), 1, "{action}: {actions:?}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operators_session_that_has_run_out_opens_nothing() {
    World::run(async |world| {
        let api = world.api().await?;
        let ops = Operator::create(world, ADDRESS).await?;
        let (used, unused) = (ops.log_in(&api).await?, ops.log_in(&api).await?);
        assert_eq!(used.get("/operators/me").await?.status, 200);
        world.sql().await?.execute("UPDATE operator_sessions SET expires_at = now()", &[]).await?;
        assert_refused(&used.get("/operators/me").await?, 401, "unauthenticated");
        assert_refused(&unused.get("/operators/me").await?, 401, "unauthenticated");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_are_made_and_listed_at_the_command_line() {
    World::run(async |world| {
        let mut command = world.api_command(&[
            "create-operator",
            "--email",
            "Ops@Comptoir.Example",
            "--name",
            "Ada Martin",
            "--json",
        ])?;
        command.env("COMPTOIR_OPERATOR_PASSWORD", OTHER);
        let made = comptoir_tests::harness::run(command, Duration::from_secs(60)).await?;
        let made = json_of(&made)?;
        assert_eq!((made.get("password"), &made["email"]), (None, &json!("Ops@Comptoir.Example")), "{made}");
        let twice = ["create-operator", "--email", ADDRESS, "--name", "Another"];
        let twice = world.run_api(&twice).await?;
        assert_eq!((twice.code, twice.stdout.as_str()), (Some(1), ""), "{twice:?}");
        assert!(twice.stderr.contains("already"), "{twice:?}");
        let unknown = world.run_api(&["operators", "enable", "nobody@comptoir.example"]).await?;
        assert!(unknown.code == Some(1) && unknown.stderr.contains("no operator"), "{unknown:?}");
        let mut weak = world.api_command(&["create-operator", "--email", "b@c.example", "--name", "B"])?;
        weak.env("COMPTOIR_OPERATOR_PASSWORD", "password1");
        let weak = comptoir_tests::harness::run(weak, Duration::from_secs(60)).await?;
        assert!(weak.code == Some(1) && weak.stderr.contains("most common"), "{weak:?}");

        let listed = json_of(&world.run_api(&["operators", "list", "--json"]).await?)?;
        assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
        assert_eq!((&listed[0]["id"], &listed[0]["status"]), (&made["id"], &json!("active")));
        assert!(!listed.to_string().contains("argon2"));
        let table = world.run_api(&["operators", "list"]).await?;
        assert!(table.stdout.contains("Ada Martin") && table.stdout.contains("never"), "{table:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operators_chains_are_verified_with_the_others_and_by_themselves() {
    World::run(async |world| {
        let api = world.api().await?;
        api.customer("C-1").await?;
        let ops = Operator::create(world, ADDRESS).await?;
        ops.log_in(&api).await?;
        let verify = async |arguments: &[&str]| {
            let mut command = world.api_command(&[&["audit", "verify"], arguments].concat())?;
            command.env("DATABASE_URL", &world.database.auditor_url);
            comptoir_tests::harness::run(command, Duration::from_secs(60)).await
        };
        let report = json_of(&verify(&["--json"]).await?)?;
        assert_eq!((&report["sound"], &report["operators"]["rows"]), (&json!(true), &json!(2)), "{report}");
        assert!(report["tenants"].as_array().is_some_and(|all| all.iter().all(|one| one["tenant_id"].is_string())));
        let own = json_of(&verify(&["--json", "--operators"]).await?)?;
        assert_eq!((&own["rows"], &own["tenants"]), (&json!(2), &json!([])), "{own}");
        let lines = verify(&[]).await?;
        assert!(lines.stdout.contains("operators: 2 rows, digest"), "{lines:?}");

        let tamper = "UPDATE audit_events SET actor_name = 'nobody' WHERE tenant_id = comptoir_operators() AND action = 'operator.create'";
        assert_eq!(world.sql().await?.execute(tamper, &[]).await?, 1);
        let broken = verify(&[]).await?;
        assert_eq!(broken.code, Some(1), "{broken:?}");
        assert!(broken.stderr.contains("operators, chain"), "{broken:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_sessions_that_are_over_for_long_are_deleted_with_their_tokens() {
    World::run(async |world| {
        let api = world.api().await?;
        let ops = Operator::create(world, ADDRESS).await?;
        let (here, there) = (ops.log_in(&api).await?, ops.log_in(&api).await?);
        assert_eq!(there.command("/operators/auth/logout").await?.status, 204);
        let sql = world.sql().await?;
        let old =
            "UPDATE operator_sessions SET ended_at = now() - interval '40 days' WHERE ended_at IS NOT NULL";
        assert_eq!(sql.execute(old, &[]).await?, 1);
        let services = connect(&world.database.services_url).await?;
        let pruned = services.query_one("SELECT prune_sessions(30, 1000)", &[]).await?;
        assert_eq!(pruned.get::<_, i64>(0), 1);
        for table in ["operator_sessions", "operator_refresh_tokens"] {
            let left = sql.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await?;
            assert_eq!(left.get::<_, i64>(0), 1, "{table}");
        }
        assert_eq!(here.get("/operators/me").await?.status, 200);
        Ok(())
    })
    .await;
}

/// Tables of the operators' own: those without a tenant that the runtime role may read and that have their policy.
const OWN: &[&str] = &["operators", "operator_sessions", "operator_refresh_tokens"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_session_of_a_company_sees_no_operator_and_one_of_operators_sees_no_company() {
    World::run(async |world| {
        let api = world.api().await?;
        let ops = Operator::create(world, ADDRESS).await?;
        ops.log_in(&api).await?;
        api.customer("C-1").await?;
        let sql = world.sql().await?;
        let other = Tenant::create(&sql, "Other").await?.id;
        let runtime = connect(&world.database.api_url).await?;
        runtime.batch_execute(&format!("SET ROLE {RUNTIME_ROLE}")).await?;
        let count = async |table: &str| -> Result<i64> {
            Ok(runtime.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await?.get(0))
        };
        for bound in [None, Some(other), Some(world.tenant().await?.id)] {
            runtime.batch_execute("BEGIN").await?;
            if let Some(tenant) = bound {
                runtime.batch_execute(&format!("SET LOCAL comptoir.tenant_id = '{tenant}'")).await?;
            }
            for table in OWN {
                assert_eq!(count(table).await?, 0, "{table} as {bound:?}");
            }
            let forged = "INSERT INTO operators (id, version, email, folded_email, name, password_hash, created_at, updated_at)
                VALUES (gen_random_uuid(), 1, 'x@y.example', 'x@y.example', 'X', 'x', now(), now())";
            let refused = runtime.execute(forged, &[]).await.expect_err("an operator was made");
            assert_eq!(refused.code().map(|code| code.code()), Some("42501"), "{refused:?}");
            runtime.batch_execute("ROLLBACK").await?;
        }
        runtime.batch_execute("BEGIN; SET LOCAL comptoir.tenant_id = 'ffffffff-ffff-ffff-ffff-ffffffffffff'").await?;
        for table in OWN {
            assert!(count(table).await? > 0, "{table} is empty for operators");
        }
        for table in ["tenants", "customers", "users", "sessions", "api_keys", "orders"] {
            assert_eq!(count(table).await?, 0, "{table} is seen by operators");
        }
        runtime.batch_execute("ROLLBACK").await?;
        let taken = sql
            .execute("UPDATE tenants SET id = comptoir_operators() WHERE id = $1::text::uuid", &[&other.to_string()])
            .await
            .expect_err("a company has the operators' id");
        assert_eq!(taken.code().map(|code| code.code()), Some("23514"), "{taken:?}");
        Ok(())
    })
    .await;
}
