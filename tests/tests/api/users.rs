//! Users: registered, changed, disabled.

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Api, Tenant, World, api_key};
use futures::future::try_join_all;
use reqwest::Method;
use serde_json::{Value, json};

const PASSWORD: &str = "un mot de passe assez long";

fn body(email: &str, role: &str) -> Value {
    json!({"email": email, "name": "Ada Martin", "role": role})
}

async fn registered(api: &Api, email: &str, role: &str) -> Result<String> {
    let user = api.created("/users", &body(email, role)).await?;
    Ok(user["id"].as_str().unwrap_or_default().to_owned())
}

/// An active administrator of the world's company, made at the command line.
async fn administrator(world: &World, email: &str) -> Result<String> {
    let tenant = world.tenant().await?.id.to_string();
    let arguments = ["create-admin", "--email", email, "--name", "Ada", "--tenant", &tenant, "--json"];
    let exit = world.run_api(&arguments).await?;
    ensure!(exit.code == Some(0), "{exit:?}");
    let created: Value = serde_json::from_str(&exit.stdout)?;
    Ok(created["user_id"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_is_registered_read_changed_disabled_and_enabled() {
    World::run(async |world| {
        let api = world.api().await?;
        let created = api.http.post("/users", &body(" ada@docks.example ", "warehouse")).await?;
        assert_eq!(created.status, 201, "{}", created.text);
        assert_eq!((created.field("email"), created.field("status")), ("ada@docks.example", "unverified"));
        assert_eq!(created.json["has_password"], false);
        let id = created.field("id").to_owned();
        let path = format!("/users/{id}");
        assert!(created.header("location").unwrap().ends_with(&format!("/api/v1{path}")));
        assert_eq!(api.http.get(&path).await?.json, created.json);

        let renamed = json!({"name": "Ada Leroy"});
        let renamed = api.http.send(Method::PUT, &path, &[("If-Match", "\"1\"")], Some(&renamed)).await?;
        assert_eq!((renamed.status, renamed.field("name")), (200, "Ada Leroy"), "{}", renamed.text);
        let promoted = api.http.post(&format!("{path}/change-role"), &json!({"role": "sales"})).await?;
        assert_eq!((promoted.status, promoted.field("role")), (200, "sales"), "{}", promoted.text);
        let lists = json!({"granted": ["orders:ship"], "revoked": ["customers:write"]});
        let adjusted = api.http.post(&format!("{path}/change-permissions"), &lists).await?;
        assert_eq!(adjusted.status, 200, "{}", adjusted.text);
        let permissions = adjusted.json["permissions"].as_array().unwrap();
        assert!(permissions.contains(&json!("orders:ship")) && !permissions.contains(&json!("customers:write")));

        let disabled = api.http.command(&format!("{path}/disable")).await?;
        assert_eq!((disabled.status, disabled.field("status")), (200, "disabled"), "{}", disabled.text);
        let again = api.http.command(&format!("{path}/disable")).await?;
        assert_eq!((again.status, again.code()), (409, "user_status_conflict"));
        let enabled = api.http.command(&format!("{path}/enable")).await?;
        assert_eq!((enabled.status, enabled.field("status")), (200, "unverified"), "{}", enabled.text);
        assert_eq!(enabled.header("etag"), Some("\"6\""));

        let rows = world
            .sql()
            .await?
            .query(
                "SELECT event_type, aggregate_version FROM outbox_events WHERE aggregate_id = $1 ORDER BY seq",
                &[&id],
            )
            .await?;
        let events: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let expected = ["registered", "updated", "role_changed", "permission_changed", "disabled", "enabled"];
        let expected: Vec<_> = expected.iter().zip(1..).map(|(name, at)| (format!("user.{name}"), at)).collect();
        assert_eq!(events, expected);
        let actions: i64 = world
            .sql()
            .await?
            .query_one("SELECT count(*) FROM audit_events WHERE resource_type = 'user' AND resource_id = $1", &[&id])
            .await?
            .get(0);
        assert_eq!(actions, 6, "each is in the audit trail, the refused one is not");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_e_mail_address_belongs_to_one_user_of_a_company() {
    World::run(async |world| {
        let api = world.api().await?;
        registered(&api, "ada@docks.example", "sales").await?;
        let other = Tenant::create(&world.sql().await?, "Another company").await?;
        let again = body("Ada@Docks.example", "sales");
        let taken = api.http.post("/users", &again).await?;
        assert_eq!((taken.status, taken.code()), (409, "email_taken"), "{}", taken.text);
        let elsewhere = api.http.with_credential(&other.api_key).post("/users", &again).await?;
        assert_eq!(elsewhere.status, 201, "{}", elsewhere.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_user_is_said_field_by_field() {
    World::run(async |world| {
        let api = world.api().await?;
        let wrong =
            json!({"email": "ada", "name": "", "role": "sales", "granted": ["moon:walk"], "revoked": ["x"]});
        let answer = api.http.post("/users", &wrong).await?;
        assert_eq!((answer.status, answer.code()), (422, "invalid_request"));
        assert_eq!(answer.pointers(), ["/email", "/granted/0", "/name", "/revoked/0"]);
        for password in ["ab12", "password123", "ada@docks.example"] {
            let mut body = body("ada@docks.example", "sales");
            body["password"] = json!(password);
            let answer = api.http.post("/users", &body).await?;
            assert_eq!((answer.status, answer.pointers()), (422, vec!["/password"]), "{password}");
            assert!(password.contains('@') || !answer.text.contains(password), "{}", answer.text);
        }
        let id = registered(&api, "ada@docks.example", "sales").await?;
        let both = json!({"granted": ["audit:read"], "revoked": ["audit:read"]});
        let answer = api.http.post(&format!("/users/{id}/change-permissions"), &both).await?;
        assert_eq!((answer.status, answer.pointers()), (422, vec!["/granted"]), "{}", answer.text);
        let answer = api.http.post(&format!("/users/{id}/change-role"), &json!({"role": "king"})).await?;
        assert_eq!((answer.status, answer.pointers()), (422, vec!["/role"]), "{}", answer.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gives_a_permission_that_they_do_not_have() {
    World::run(async |world| {
        let api = world.api().await?;
        let ada = registered(&api, "ada@docks.example", "warehouse").await?;
        let tenant = world.tenant().await?.id;
        let few = [
            "users:read",
            "users:write",
            "customers:read",
            "suppliers:read",
            "products:read",
            "warehouses:read",
            "orders:read",
            "orders:ship",
            "stock:read",
            "stock:write",
            "stock:adjust",
            "purchases:read",
            "inventory:read",
            "inventory:count",
            "tenant:read",
        ];
        let clerk = api.http.with_credential(&api_key(&world.sql().await?, tenant, &few).await?);
        let grant = json!({"granted": ["audit:read"], "revoked": []});
        for (path, wanted) in [
            ("/users".to_owned(), body("eve@docks.example", "admin")),
            (format!("/users/{ada}/change-role"), json!({"role": "admin"})),
            (format!("/users/{ada}/change-permissions"), grant),
        ] {
            let refused = clerk.post(&path, &wanted).await?;
            assert_eq!((refused.status, refused.code()), (403, "cannot_grant"), "{path}: {}", refused.text);
        }
        assert_eq!(clerk.post("/users", &body("eve@docks.example", "warehouse")).await?.status, 201);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_administrators_who_lose_their_rights_at_once_one_stays() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut admins = Vec::new();
        for number in 0..6 {
            admins.push(administrator(world, &format!("admin{number}@docks.example")).await?);
        }
        let revoked = json!({"granted": [], "revoked": ["users:write"]});
        let changes = admins.iter().enumerate().map(async |(number, id)| match number % 3 {
            0 => api.http.command(&format!("/users/{id}/disable")).await,
            1 => api.http.post(&format!("/users/{id}/change-role"), &json!({"role": "sales"})).await,
            _ => api.http.post(&format!("/users/{id}/change-permissions"), &revoked).await,
        });
        let answers = try_join_all(changes).await?;
        let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
        assert_eq!(refused.len(), 1, "{:?}", answers.iter().map(|answer| &answer.text).collect::<Vec<_>>());
        assert_eq!((refused[0].status, refused[0].code()), (409, "last_administrator"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_sessions_hear_of_a_changed_role_and_end_with_a_disabled_user() {
    World::run(async |world| {
        let api = world.api().await?;
        let id = registered(&api, "ada@docks.example", "sales").await?;
        let sql = world.sql().await?;
        let tenant = world.tenant().await?.id.to_string();
        sql.execute(
            "INSERT INTO sessions (tenant_id, id, version, user_id, created_at, last_used_at, expires_at)
            VALUES ($1::text::uuid, gen_random_uuid(), 1, $2::text::uuid, now(), now(), now() + interval '1 day')",
            &[&tenant, &id],
        )
        .await?;
        let session = async || {
            let row = sql.query_one("SELECT stamp, end_reason FROM sessions WHERE user_id::text = $1", &[&id]).await?;
            anyhow::Ok((row.get::<_, i64>(0), row.get::<_, Option<String>>(1)))
        };
        api.http.post(&format!("/users/{id}/change-role"), &json!({"role": "warehouse"})).await?;
        assert_eq!(session().await?, (1, None));
        let lists = json!({"granted": ["audit:read"], "revoked": []});
        api.http.post(&format!("/users/{id}/change-permissions"), &lists).await?;
        assert_eq!(session().await?, (2, None));
        api.http.post(&format!("/users/{id}/change-role"), &json!({"role": "warehouse"})).await?;
        assert_eq!(session().await?, (2, None), "nothing changed");
        api.http.command(&format!("/users/{id}/disable")).await?;
        assert_eq!(session().await?.1.as_deref(), Some("user_disabled"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_another_company_are_not_there() {
    World::run(async |world| {
        let api = world.api().await?;
        let id = registered(&api, "ada@docks.example", "sales").await?;
        let other = Tenant::create(&world.sql().await?, "Another company").await?;
        let other = api.http.with_credential(&other.api_key);
        let path = format!("/users/{id}");
        assert_eq!(other.get(&path).await?.code(), "user_not_found");
        let name = json!({"name": "Eve"});
        let renamed = other.send(Method::PUT, &path, &[("If-Match", "*")], Some(&name)).await?;
        assert_eq!((renamed.status, renamed.code()), (404, "user_not_found"));
        let nothing = json!({"granted": [], "revoked": []});
        for (command, body) in [
            ("change-role", json!({"role": "sales"})),
            ("change-permissions", nothing),
            ("disable", json!({})),
            ("enable", json!({})),
        ] {
            let answer = other.post(&format!("{path}/{command}"), &body).await?;
            assert_eq!((answer.status, answer.code()), (404, "user_not_found"), "{command}");
        }
        assert_eq!(other.get("/users").await?.json["data"], json!([]));
        assert_eq!(api.http.get(&path).await?.json["version"], 1);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_listed_by_role_status_and_address_a_page_at_a_time() {
    World::run(async |world| {
        let api = world.api().await?;
        for (email, role) in
            [("c@x.example", "sales"), ("a@x.example", "sales"), ("b@x.example", "warehouse")]
        {
            registered(&api, email, role).await?;
        }
        administrator(world, "d@x.example").await?;
        let emails = async |query: &str| {
            let answer = api.http.get(&format!("/users?{query}")).await?;
            ensure!(answer.status == 200, "{query}: {}", answer.text);
            let data = answer.json["data"].as_array().cloned().unwrap_or_default();
            let emails: Vec<_> =
                data.iter().map(|user| user["email"].as_str().unwrap_or_default()[..1].to_owned()).collect();
            Ok((emails.concat(), answer.field("next_cursor").to_owned()))
        };
        assert_eq!(emails("").await?.0, "cabd");
        assert_eq!(emails("sort=-email").await?.0, "dcba");
        assert_eq!(emails("role=sales&sort=email").await?.0, "ac");
        assert_eq!(emails("status=active").await?.0, "d");
        assert_eq!(emails("status=unverified&role=warehouse").await?.0, "b");
        assert_eq!(emails("email=B%40X.example").await?.0, "b");
        let (first, cursor) = emails("sort=name&limit=3").await?;
        let (rest, end) = emails(&format!("sort=name&limit=3&cursor={cursor}")).await?;
        assert_eq!((first.len(), rest.len(), end.as_str()), (3, 1, ""));
        for (query, pointer) in [("role=king", "/query/role"), ("status=asleep", "/query/status")] {
            assert_eq!(api.http.get(&format!("/users?{query}")).await?.pointers(), [pointer]);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_in_no_event_no_audit_row_and_no_stored_answer() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut body = body("ada@docks.example", "sales");
        body["password"] = json!(PASSWORD);
        let created = api.http.post_with_key("/users", "ada-1", &body).await?;
        assert_eq!((created.status, &created.json["has_password"]), (201, &json!(true)), "{}", created.text);
        let repeated = api.http.post_with_key("/users", "ada-1", &body).await?;
        assert_eq!((repeated.status, repeated.header("idempotent-replayed")), (201, Some("true")));
        let sql = world.sql().await?;
        let texts = sql
            .query(
                "SELECT payload::text || headers::text FROM outbox_events
                UNION ALL SELECT coalesce(before::text, '') || coalesce(after::text, '') FROM audit_events
                UNION ALL SELECT body FROM idempotency_records",
                &[],
            )
            .await?;
        assert_eq!(texts.len(), 3);
        for row in texts {
            let text: String = row.get(0);
            assert!(!text.contains("argon2") && !text.contains(PASSWORD), "{text}");
        }
        let stored: String = sql.query_one("SELECT password_hash FROM users", &[]).await?.get(0);
        assert!(stored.starts_with("$argon2id$"), "{stored}");
        let masked: String =
            sql.query_one("SELECT after ->> 'password' FROM audit_events", &[]).await?.get(0);
        assert_eq!(masked, "***");
        // A fast hash of the whole request would let whoever reads it guess the password.
        let fingerprints: i64 = sql
            .query_one(
                "SELECT count(*) FROM idempotency_records WHERE fingerprint = sha256(convert_to($1, 'UTF8'))",
                &[&body.to_string()],
            )
            .await?
            .get(0);
        assert_eq!(fingerprints, 0);
        body["password"] = json!("un autre mot de passe");
        let other = api.http.post_with_key("/users", "ada-1", &body).await?;
        assert_eq!(other.header("idempotent-replayed"), Some("true"), "the password does not count");
        body["name"] = json!("Eve");
        assert_eq!(api.http.post_with_key("/users", "ada-1", &body).await?.code(), "idempotency_key_reused");
        Ok(())
    })
    .await;
}
