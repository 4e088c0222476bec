//! The operator's command line: companies, administrators, one-time tokens.

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Exit, Http, World};
use serde_json::Value;

const PASSWORD: &str = "un mot de passe assez long";

async fn create(world: &World, email: &str, more: &[&str]) -> Result<Exit> {
    let arguments = ["create-admin", "--email", email, "--name", "Ada Martin"];
    world.run_api(&[&arguments[..], more].concat()).await
}

/// What a call printed as JSON.
fn json(exit: &Exit) -> Result<Value> {
    ensure!(exit.code == Some(0), "{exit:?}");
    Ok(serde_json::from_str(&exit.stdout)?)
}

/// One line, and nothing on standard output.
fn refused(exit: &Exit, code: i32, reason: &str) {
    assert_eq!((exit.code, exit.stdout.as_str()), (Some(code), ""), "{exit:?}");
    assert_eq!(exit.stderr.lines().count(), 1, "{}", exit.stderr);
    assert!(exit.stderr.contains(reason), "{}", exit.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_administrator_comes_with_a_company_and_a_password_that_is_shown_once() {
    World::run(async |world| {
        let details = ["--tenant-name", "Comptoir des Docks", "--siren", "732 829 320", "--vat-number", "FR44732829320"];
        let more = [&details[..], &["--currency", "chf", "--time-zone", "Europe/Zurich", "--json"]].concat();
        let created = json(&create(world, "ada@docks.example", &more).await?)?;
        assert!(created["password"].as_str().is_some_and(|password| password.len() >= 32));
        let again = json(&create(world, "bob@docks.example", &["--tenant-name", "Docks", "--json"]).await?)?;
        assert_ne!(again["tenant_id"], created["tenant_id"], "another company");
        assert_ne!(again["password"], created["password"]);

        let sql = world.sql().await?;
        let row = sql
            .query_one(
                "SELECT t.currency, t.time_zone, t.registration_scheme, t.registration_number, u.role, u.password_hash,
                    u.email_verified_at IS NOT NULL
                FROM tenants t JOIN users u ON u.tenant_id = t.id WHERE t.name = 'Comptoir des Docks'",
                &[],
            )
            .await?;
        let texts: Vec<&str> = (0..5).map(|column| row.get(column)).collect();
        assert_eq!(texts, ["CHF", "Europe/Zurich", "siren", "732829320", "admin"]);
        assert!(row.get::<_, &str>(5).starts_with("$argon2id$") && row.get::<_, bool>(6));
        let rows = sql.query("SELECT event_type FROM outbox_events ORDER BY seq LIMIT 3", &[]).await?;
        let events: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(events, ["tenant.created", "warehouse.created", "user.registered"]);
        let audit = sql
            .query_one("SELECT actor_type, actor_name, after::text FROM audit_events WHERE resource_type = 'tenant' LIMIT 1", &[])
            .await?;
        assert_eq!(audit.get::<_, &str>(0), "operator");
        assert!(audit.get::<_, &str>(1).contains('@'), "user@host");
        assert!(!audit.get::<_, &str>(2).contains("argon2"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_logs_in_and_the_key_that_comes_along_may_do_everything() {
    World::run(async |world| {
        let more = ["--tenant-name", "Docks", "--api-key", "shop", "--json"];
        let created = json(&create(world, "ada@docks.example", &more).await?)?;
        let api = world.api().await?;
        let login = serde_json::json!({"email": created["email"], "password": created["password"]});
        let session = api.http.anonymous().post("/auth/login", &login).await?;
        assert_eq!(session.status, 200, "{}", session.text);
        let ada = api.http.with_credential(session.field("access_token"));
        assert_eq!(ada.get("/tenant").await?.field("name"), "Docks");
        let own = format!("/users/{}", created["user_id"].as_str().unwrap());
        let refused = ada.command(&format!("{own}/disable")).await?;
        assert_eq!((refused.status, refused.code()), (403, "own_account"));
        let key = api.http.with_credential(created["api_key"].as_str().unwrap());
        let refused = key.command(&format!("{own}/disable")).await?;
        assert_eq!((refused.status, refused.code()), (409, "last_administrator"));

        // Another administrator takes the role away: at once, in the session that is open.
        let tenant = created["tenant_id"].as_str().unwrap();
        json(&create(world, "bob@docks.example", &["--tenant", tenant, "--json"]).await?)?;
        let users = async |http: &Http| Ok::<_, anyhow::Error>(http.get("/users").await?.status);
        assert_eq!(users(&ada).await?, 200);
        let sales = serde_json::json!({"role": "sales"});
        assert_eq!(key.post(&format!("{own}/change-role"), &sales).await?.status, 200);
        assert_eq!(users(&ada).await?, 403);
        assert_eq!(ada.get("/tenant").await?.status, 200);
        assert_eq!(key.command(&format!("{own}/disable")).await?.status, 200);
        assert_eq!(ada.get("/tenant").await?.status, 401);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_time_tokens_open_an_account_once() {
    World::run(async |world| {
        let api = world.api().await?;
        let bob = serde_json::json!({"email": "bob@docks.example", "name": "Bob", "role": "sales"});
        api.created("/users", &bob).await?;
        let http = api.http.anonymous();
        let token =
            json(&world.run_api(&["users", "verification-token", "bob@docks.example", "--json"]).await?)?;
        let body = serde_json::json!({"token": token["token"]});
        let verified = http.post("/auth/verify-email", &body).await?;
        assert!((200..300).contains(&verified.status), "{}", verified.text);
        assert_eq!(http.post("/auth/verify-email", &body).await?.status, 422, "used");
        let token = json(&world.run_api(&["users", "reset-token", "bob@docks.example", "--json"]).await?)?;
        let body = serde_json::json!({"token": token["token"], "password": PASSWORD});
        let reset = http.post("/auth/password-reset/confirm", &body).await?;
        assert!((200..300).contains(&reset.status), "{}", reset.text);
        let login = serde_json::json!({"email": "bob@docks.example", "password": PASSWORD});
        let session = http.post("/auth/login", &login).await?;
        assert_eq!(session.status, 200, "{}", session.text);
        assert_eq!(http.post("/auth/password-reset/confirm", &body).await?.status, 422, "used");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_name_is_chosen_or_made_and_one_that_is_taken_makes_no_company() {
    World::run(async |world| {
        let named = async |more: &[&str]| {
            let created = json(&create(world, "ada@docks.example", &[more, &["--json"]].concat()).await?)?;
            Ok::<_, anyhow::Error>(created["tenant_short_name"].as_str().unwrap_or_default().to_owned())
        };
        // One address in several companies: each is an account of its own.
        assert_eq!(named(&["--tenant-name", "Épicerie des Docks"]).await?, "epicerie-des-docks");
        assert_eq!(named(&["--tenant-name", "Épicerie des Docks"]).await?, "epicerie-des-docks-2");
        let chosen = ["--tenant-name", "Les Quais", "--tenant-short-name", "quais"];
        assert_eq!(named(&chosen).await?, "quais");
        refused(&create(world, "eve@docks.example", &chosen).await?, 1, "belongs to another company");
        let sql = world.sql().await?;
        let count: i64 = sql.query_one("SELECT count(*) FROM tenants", &[]).await?.get(0);
        assert_eq!(count, 3);
        let bad = ["--tenant-name", "Les Quais", "--tenant-short-name", "Les Quais"];
        refused(&create(world, "eve@docks.example", &bad).await?, 2, "lower-case letters");
        let table = world.run_api(&["tenants", "list"]).await?;
        assert!(table.stdout.lines().next().is_some_and(|line| line.contains("short name")), "{table:?}");

        let tenant: String =
            sql.query_one("SELECT id::text FROM tenants WHERE short_name = 'quais'", &[]).await?.get(0);
        let again = create(world, "ADA@docks.example", &["--tenant", &tenant]).await?;
        refused(&again, 1, "belongs to another user of the company");
        let nowhere = ["--tenant", "019b7600-0000-7000-8000-000000000001"];
        refused(&create(world, "eve@docks.example", &nowhere).await?, 1, "there is no tenant");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_given_is_checked_and_never_printed() {
    World::run(async |world| {
        let run = async |password: &str| {
            let arguments =
                ["create-admin", "--email", "ada@docks.example", "--name", "Ada", "--tenant-name", "Docks"];
            let mut command = world.api_command(&arguments)?;
            command.env("COMPTOIR_ADMIN_PASSWORD", password);
            comptoir_tests::harness::run(command, std::time::Duration::from_secs(60)).await
        };
        refused(&run("password123").await?, 1, "the password cannot be used");
        refused(&run("").await?, 1, "the password cannot be used");
        let done = run(PASSWORD).await?;
        ensure!(done.code == Some(0), "{done:?}");
        assert!(!done.stdout.contains("password") && !done.stdout.contains(PASSWORD), "{}", done.stdout);
        // Standard input is empty here.
        let arguments = ["--tenant-name", "Quais", "--password-stdin"];
        refused(&create(world, "bob@docks.example", &arguments).await?, 1, "the password cannot be used");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_meant_is_a_usage_error() {
    World::run(async |world| {
        let company = ["--tenant-name", "Docks"];
        for (more, reason) in [
            (&["--siren", "732829321"][..], "SIREN"),
            (&["--currency", "JPY"], "two decimals"),
            (&["--time-zone", "Nantes"], "IANA"),
            (&["--siren", "732829320", "--siret", "73282932000074"], "cannot be used with"),
            (&["--tenant", "019b7600-0000-7000-8000-000000000001"], "cannot be used with"),
        ] {
            let exit = create(world, "ada@docks.example", &[&company[..], more].concat()).await?;
            refused(&exit, 2, reason);
        }
        refused(&create(world, "ada", &company).await?, 2, "name@example.com");
        refused(&create(world, "ada@docks.example", &[]).await?, 2, "--tenant-name");
        let foreign = ["--siren", "732829320", "--vat-number", "FR40303265045"];
        let exit = create(world, "ada@docks.example", &[&company[..], &foreign].concat()).await?;
        refused(&exit, 2, "FR44732829320");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn companies_and_users_are_listed_over_all_companies_and_for_one() {
    World::run(async |world| {
        let docks = json(&create(world, "ada@docks.example", &["--tenant-name", "Docks", "--json"]).await?)?;
        json(&create(world, "bob@quais.example", &["--tenant-name", "Quais", "--json"]).await?)?;
        let tenants = json(&world.run_api(&["tenants", "list", "--json"]).await?)?;
        let names: Vec<_> = tenants.as_array().unwrap().iter().map(|tenant| &tenant["name"]).collect();
        assert_eq!(names, ["Docks", "Quais"]);
        let users = json(&world.run_api(&["users", "list", "--json"]).await?)?;
        assert_eq!(users.as_array().unwrap().len(), 2);
        assert_eq!(users[0]["password"], "***");
        let table =
            world.run_api(&["users", "list", "--tenant", docks["tenant_id"].as_str().unwrap()]).await?;
        let lines: Vec<&str> = table.stdout.lines().collect();
        assert!(lines[0].starts_with("tenant ") && lines.len() == 3, "{}", table.stdout);
        assert!(lines[2].contains("ada@docks.example  admin  active  never"), "{}", table.stdout);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_one_time_token_is_printed_once_kept_as_a_hash_and_replaces_older_ones() {
    World::run(async |world| {
        json(&create(world, "ada@docks.example", &["--tenant-name", "Docks", "--json"]).await?)?;
        let first = world.run_api(&["users", "reset-token", "Ada@docks.example"]).await?;
        ensure!(first.code == Some(0), "{first:?}");
        let token = first.stdout.trim();
        assert!(token.starts_with("cot_") && first.stdout.lines().count() == 1, "{first:?}");
        let second = json(&world.run_api(&["users", "reset-token", "ada@docks.example", "--json"]).await?)?;
        assert_ne!(second["token"].as_str(), Some(token));
        let sql = world.sql().await?;
        let kept = sql
            .query_one(
                "SELECT count(*), count(*) FILTER (WHERE token_hash = sha256(convert_to($1, 'UTF8'))),
                    bool_and(expires_at BETWEEN now() + interval '23 hours' AND now() + interval '24 hours')
                FROM user_tokens",
                &[&second["token"].as_str()],
            )
            .await?;
        assert_eq!((kept.get::<_, i64>(0), kept.get::<_, i64>(1), kept.get::<_, bool>(2)), (1, 1, true));
        let audit =
            sql.query("SELECT after::text FROM audit_events WHERE action = 'user.issue_token'", &[]).await?;
        assert!(audit.len() == 2 && audit.iter().all(|row| !row.get::<_, &str>(0).contains("cot_")));

        let verified = world.run_api(&["users", "verification-token", "ada@docks.example"]).await?;
        refused(&verified, 1, "verified already");
        let nobody = world.run_api(&["users", "reset-token", "nobody@docks.example"]).await?;
        refused(&nobody, 1, "there is no user");
        Ok(())
    })
    .await;
}
