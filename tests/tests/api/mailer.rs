//! The mailer, against a mail server that misbehaves.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{
    Api, Authority, Encryption, MailServer, Reaction, SERVER_NAME, Step, TakenEmail, Tenant, World, faketime,
    free_port, run, until,
};
use serde_json::Value;
use tokio_postgres::Client;
use uuid::Uuid;

use super::emails::{LIMIT, api, register};

/// Queues notices, each with this destination and these times: SQL, in which `n` is a number from 1 on.
async fn queue(
    sql: &Client,
    tenant: Uuid,
    number: usize,
    (to, due, deadline): (&str, &str, &str),
) -> Result<()> {
    let insert = format!(
        "INSERT INTO emails (tenant_id, id, version, kind, state, recipient, recipient_name, destination, content, due_at, deadline,
            correlation_id, created_at, updated_at)
        SELECT '{tenant}', gen_random_uuid(), 1, 'security_notice', 'waiting', 'u' || n || '@' || {to}, 'Ada', {to},
            jsonb_build_object('kind', 'security_notice', 'change', jsonb_build_object('what', 'password'), 'by', 'b', 'at', now()),
            {due}, {deadline}, 'c', now(), now()
        FROM generate_series(1, {number}) AS n"
    );
    Ok(sql.batch_execute(&insert).await?)
}

/// Takes one of the tenant's notices to this domain, as a mailer does, for a minute. Returns its id.
async fn claim(sql: &Client, tenant: Uuid, domain: &str) -> Result<String> {
    let claim = "SELECT id::text FROM claim_emails(gen_random_uuid(), 60000, ARRAY['security_notice'], ARRAY[$1::text::uuid],
        ARRAY[$2::text], ARRAY[1::bigint])";
    Ok(sql.query_one(claim, &[&tenant.to_string(), &domain]).await?.get(0))
}

/// The state of the recipient's e-mail, its reason, the outcomes of its attempts, and what the server said at the last.
async fn attempts_at(sql: &Client, recipient: &str) -> Result<(String, Option<String>, String, String)> {
    let query = "SELECT e.state, e.reason, COALESCE(string_agg(a.outcome, ' ' ORDER BY a.epoch), ''),
            COALESCE((array_agg(a.detail ORDER BY a.epoch DESC))[1], '')
        FROM emails AS e LEFT JOIN email_attempts AS a ON a.email_id = e.id WHERE e.recipient = $1
        GROUP BY e.tenant_id, e.id";
    let row = sql.query_one(query, &[&recipient]).await?;
    Ok((row.get(0), row.get(1), row.get(2), row.get(3)))
}

/// Waits until so many e-mails are in this state.
async fn number_in(world: &World, state: &str, number: i64, limit: Duration) -> Result<()> {
    let sql = world.sql().await?;
    until(format!("{number} e-mails that are {state}"), limit, async || {
        let rows = sql.query("SELECT state, count(*), max(last_error) FROM emails GROUP BY 1", &[]).await?;
        let found: Vec<(String, i64, Option<String>)> =
            rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
        let is = found.iter().any(|(name, count, _)| name == state && *count == number);
        ensure!(is, "{found:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_for_now_is_tried_again_and_what_fails_for_good_is_not() {
    World::run(async |world| {
        let attempts = AtomicUsize::new(0);
        let server = MailServer::reacting(move |turn| match (turn.step, turn.recipient) {
            (Step::Recipient, "busy@docks.example") if attempts.fetch_add(1, Ordering::Relaxed) < 2 => {
                Reaction::Say(450)
            }
            (Step::Recipient, "full@docks.example") => Reaction::Say(552),
            (Step::End, "spam@docks.example") => Reaction::Say(554),
            _ => Reaction::Go,
        })
        .await?;
        let api = api(world, &server, &[]).await?;
        for name in ["busy", "full", "spam", "fine"] {
            register(&api, &format!("{name}@docks.example")).await?;
        }
        number_in(world, "sent", 2, LIMIT).await?;
        number_in(world, "dead", 2, LIMIT).await?;
        let sql = world.sql().await?;
        let attempts =
            "SELECT string_agg(a.outcome, ' ' ORDER BY a.epoch) FROM emails AS e JOIN email_attempts AS a
            ON a.email_id = e.id WHERE e.recipient = $1";
        for (recipient, expected) in [
            ("busy@docks.example", "failed failed accepted"),
            ("full@docks.example", "refused"),
            ("spam@docks.example", "refused"),
            ("fine@docks.example", "accepted"),
        ] {
            let found: String = sql.query_one(attempts, &[&recipient]).await?.get(0);
            assert_eq!(found, expected, "{recipient}");
        }
        assert_eq!(server.taken().len(), 2);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_at_any_step_delays_no_request_and_no_other_domain() {
    World::run(async |world| {
        for step in [Step::Mail, Step::Recipient, Step::Data, Step::End] {
            let domain = format!("{}.example", format!("{step:?}").to_lowercase());
            let hangs = format!("@{domain}");
            let hung = AtomicUsize::new(0);
            let server = MailServer::reacting(move |turn| {
                // Before the recipient is known, the first hang: as many as the API has connections.
                let hangs = match step {
                    Step::Mail => turn.step == step && hung.fetch_add(1, Ordering::Relaxed) < 4,
                    _ => turn.step == step && turn.recipient.ends_with(&hangs),
                };
                if hangs { Reaction::Hang } else { Reaction::Go }
            })
            .await?;
            let api = api(world, &server, &[("COMPTOIR__MAIL__CONNECTIONS", "4")]).await?;
            let mut took = Vec::new();
            for n in 0..6 {
                let began = Instant::now();
                register(&api, &format!("u{n}@{domain}")).await?;
                took.push(began.elapsed());
                register(&api, &format!("u{n}@fine-{domain}")).await?;
            }
            // Each that waits for the mail server takes as long as its time limit. A busy machine makes some slow.
            took.sort_unstable();
            ensure!(took[2] < Duration::from_secs(2), "requests waited for the mail server: {took:?}");
            until(format!("the others while {step:?} hangs"), LIMIT, async || {
                let fine = server.taken().iter().filter(|email| email.recipient.contains("@fine-")).count();
                ensure!(fine == 6, "{fine} of 6");
                Ok(())
            })
            .await?;
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_is_the_only_cause_of_a_repeat_with_the_same_message_id() {
    World::run(async |world| {
        let lost = Mutex::new(0);
        let server = MailServer::reacting(move |turn| {
            let mut lost = lost.lock().unwrap();
            match (turn.step, *lost) {
                (Step::End, 0) => {
                    *lost = 1;
                    Reaction::TakeAndClose
                }
                (Step::End, 1) => {
                    *lost = 2;
                    Reaction::TakeAndHang
                }
                _ => Reaction::Go,
            }
        })
        .await?;
        let api = api(world, &server, &[]).await?;
        register(&api, "ada@docks.example").await?;
        number_in(world, "sent", 1, LIMIT).await?;
        let taken = server.taken();
        assert_eq!(taken.len(), 3);
        assert!(taken.iter().all(|email| email.message_id == taken[0].message_id), "{taken:?}");
        let outcomes = "SELECT string_agg(outcome, ' ' ORDER BY epoch) FROM email_attempts";
        let found: String = world.sql().await?.query_one(outcomes, &[]).await?.get(0);
        assert_eq!(found, "unknown unknown accepted");
        drop(api);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_demands_encryption_gets_it_and_one_that_nobody_vouches_for_gets_nothing() {
    World::run(async |world| {
        let (authority, other) = (Authority::new("ours")?, Authority::new("theirs")?);
        let (certificate, key) = authority.server()?;
        for (encryption, word) in
            [(Encryption::StartTls, "starttls"), (Encryption::FromTheFirstByte, "required")]
        {
            let server = MailServer::encrypted(encryption, &certificate, &key).await?;
            let url = format!("smtp://me:p4ss@{SERVER_NAME}:{}?tls={word}", server.port());
            let trusted = authority.file();
            let environment = [("MAIL_URL", url.as_str()), ("COMPTOIR__MAIL__TLS_CA_FILE", trusted.as_str())];
            let api = api(world, &server, &environment).await?;
            let recipient = format!("ada@{word}.example");
            register(&api, &recipient).await?;
            let taken = until("an encrypted e-mail", LIMIT, async || {
                server.taken_for(&recipient).pop().context("not yet")
            })
            .await?;
            assert!(taken.encrypted && taken.credentials.is_some(), "{taken:?}");
            drop(api);

            let untrusted = other.file();
            let environment =
                [("MAIL_URL", url.as_str()), ("COMPTOIR__MAIL__TLS_CA_FILE", untrusted.as_str())];
            let api = super::emails::api(world, &server, &environment).await?;
            let recipient = format!("bob@{word}.example");
            register(&api, &recipient).await?;
            let sql = world.sql().await?;
            until("an e-mail that fails for now", LIMIT, async || {
                let query = "SELECT state, COALESCE(last_error, '') FROM emails WHERE recipient = $1";
                let row = sql.query_one(query, &[&recipient]).await?;
                let (state, error): (String, String) = (row.get(0), row.get(1));
                ensure!(
                    state == "waiting" && error.to_lowercase().contains("certificate"),
                    "{state}: {error}"
                );
                Ok(())
            })
            .await?;
            assert!(!api.daemon.output().contains("p4ss"), "the password is in the log");
            assert_eq!(server.taken_for(&recipient), vec![]);
            sql.batch_execute(
                "UPDATE emails SET state = 'discarded', reason = 'discarded', finished_at = now()",
            )
            .await?;
        }
        // A server that offers no encryption is not used where it is demanded.
        let server = MailServer::start().await?;
        let url = format!("smtp://127.0.0.1:{}", server.port());
        let api = api(world, &server, &[("MAIL_URL", &url)]).await?;
        register(&api, "ada@plain.example").await?;
        let sql = world.sql().await?;
        until("an e-mail that fails for now", LIMIT, async || {
            let query = "SELECT COALESCE(last_error, '') FROM emails WHERE recipient = 'ada@plain.example'";
            let error: String = sql.query_one(query, &[]).await?.get(0);
            ensure!(error.contains("STARTTLS"), "{error}");
            Ok(())
        })
        .await?;
        drop(api);
        assert_eq!(server.taken(), vec![]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_in_any_character_set_is_understood() {
    World::run(async |world| {
        let server = MailServer::reacting(|turn| match (turn.step, turn.recipient) {
            (Step::End, "spam@docks.example") => Reaction::SayInLatin1(554),
            (Step::End, _) => Reaction::SayInLatin1(250),
            _ => Reaction::Go,
        })
        .await?;
        let api = api(world, &server, &[]).await?;
        for name in ["spam", "fine"] {
            register(&api, &format!("{name}@docks.example")).await?;
        }
        number_in(world, "sent", 1, LIMIT).await?;
        number_in(world, "dead", 1, LIMIT).await?;
        let sql = world.sql().await?;
        for (recipient, expected) in [
            ("fine@docks.example", ("sent", None, "accepted")),
            ("spam@docks.example", ("dead", Some("refused"), "refused")),
        ] {
            let (state, reason, outcomes, detail) = attempts_at(&sql, recipient).await?;
            assert_eq!((state.as_str(), reason.as_deref(), outcomes.as_str()), expected, "{recipient}");
            assert!(detail.contains("Message accept?"), "{detail}");
        }
        assert_eq!(server.taken_for("fine@docks.example").len(), 1);
        drop(api);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_an_end_ends_the_connection() {
    World::run(async |world| {
        let server = MailServer::reacting(|turn| match (turn.step, turn.recipient) {
            (Step::Recipient, "ada@recipient.example") | (Step::End, "ada@end.example") => Reaction::Flood,
            _ => Reaction::Go,
        })
        .await?;
        let api = api(world, &server, &[]).await?;
        let sql = world.sql().await?;
        for (recipient, outcome) in [("ada@recipient.example", "failed"), ("ada@end.example", "unknown")] {
            register(&api, recipient).await?;
            until(format!("{recipient} to wait"), LIMIT, async || {
                let (state, _, outcomes, detail) = attempts_at(&sql, recipient).await?;
                ensure!(
                    state == "waiting" && detail.contains("longer than 64 KiB"),
                    "{state}, {outcomes}: {detail}"
                );
                ensure!(outcomes.split(' ').all(|found| found == outcome), "{outcomes}");
                Ok(())
            })
            .await?;
        }
        register(&api, "ada@fine.example").await?;
        number_in(world, "sent", 1, LIMIT).await?;
        drop(api);
        Ok(())
    })
    .await;
}

/// What is checked is done: short of an e-mail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_check_says_whether_e_mails_can_leave() {
    World::run(async |world| {
        let server = MailServer::start().await?;
        let refuses =
            MailServer::reacting(
                |turn| {
                    if turn.step == Step::Mail { Reaction::Say(550) } else { Reaction::Go }
                },
            )
            .await?;
        let closed = format!("smtp://127.0.0.1:{}?tls=none", free_port()?);
        let (takes, refuses, directory) = (server.url(), refuses.url(), tempfile::tempdir()?);
        let path = directory.path().join("mail").display().to_string();
        let file = directory.path().join("a-file");
        std::fs::write(&file, "")?;
        let no_directory = file.join("mail").display().to_string();
        for (transport, url, path, expected) in [
            ("smtp", takes.as_str(), "mail", "ok"),
            ("smtp", &refuses, "mail", "fail"),
            ("smtp", &closed, "mail", "fail"),
            // Nobody receives them.
            ("file", "", &path, "warn"),
            ("file", "", &no_directory, "fail"),
            ("log", "", "mail", "warn"),
        ] {
            let mut command = world.api_command(&["check", "--json"])?;
            command.env("COMPTOIR__MAIL__TRANSPORT", transport).env("MAIL_URL", url);
            command.env("COMPTOIR__MAIL__DIRECTORY", path);
            let exit = run(command, LIMIT).await?;
            let checks: Value = serde_json::from_str(&exit.stdout).with_context(|| format!("{exit:?}"))?;
            let of_mail = checks["checks"]
                .as_array()
                .context("no checks")?
                .iter()
                .find(|check| check["area"] == "mail");
            let found = of_mail.with_context(|| format!("{checks}"))?;
            assert_eq!(found["status"], expected, "{found}");
            assert_eq!(exit.code, Some(i32::from(expected == "fail")), "{checks}");
        }
        assert_eq!(server.taken(), vec![]);
        assert!(!std::fs::exists(&path)?, "a check left a directory behind");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_development_e_mails_are_files() {
    World::run(async |world| {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("mail").display().to_string();
        let environment =
            [("COMPTOIR__MAIL__TRANSPORT", "file"), ("COMPTOIR__MAIL__DIRECTORY", path.as_str())];
        let api = Api::start(world, &environment).await?;
        register(&api, "ada@docks.example").await?;
        let text = until("a file", LIMIT, async || {
            let mut files = std::fs::read_dir(&path)?.flatten().map(|entry| entry.path());
            let file =
                files.find(|path| path.extension().is_some_and(|end| end == "eml")).context("none yet")?;
            Ok(std::fs::read_to_string(file)?)
        })
        .await?;
        assert!(text.contains("ada@docks.example") && text.contains("cot_"), "{text}");
        number_in(world, "sent", 1, LIMIT).await?;
        drop(api);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_past_its_deadline_is_not_sent_however_much_of_it_there_is() {
    World::run(async |world| {
        let server = MailServer::start().await?;
        let api = api(world, &server, &[]).await?;
        let (sql, tenant) = (world.sql().await?, world.tenant().await?.id);
        // Three times as many as one look finds to be late.
        let late = ("'late.example'", "now() - interval '1 hour'", "now() - interval '1 second'");
        queue(&sql, tenant, 1_500, late).await?;
        number_in(world, "dead", 1_500, LIMIT).await?;
        assert_eq!(server.taken(), vec![]);
        let attempts: i64 = sql.query_one("SELECT count(*) FROM email_attempts", &[]).await?.get(0);
        assert_eq!(attempts, 0, "attempts began");
        drop(api);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_with_thousands_of_domains_hides_no_other_and_a_filter_finds_the_last_of_them() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let large = Tenant::create(&sql, "Large").await?.id;
        let small = Tenant::create(&sql, "Small").await?.id;
        let deadline = "now() + interval '1 hour'";
        let since = "now() - interval '1 hour' + interval '1 second' * n / 10";
        queue(&sql, large, 3_000, ("'d' || n || '.example'", since, deadline)).await?;
        queue(&sql, small, 1, ("'small.example'", "now()", deadline)).await?;
        let due = async |tenant: Option<Uuid>, domain: Option<&str>| -> Result<Vec<(String, String)>> {
            let due = "SELECT tenant_id::text, destination
                FROM due_email_lanes(ARRAY['security_notice'], $1::text::uuid, $2::text, 2000)";
            let tenant = tenant.map(|id| id.to_string());
            let rows = sql.query(due, &[&tenant, &domain]).await?;
            Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
        };
        let all = due(None, None).await?;
        assert_eq!(all.len(), 2_000);
        assert_eq!(all[0], (large.to_string(), "d1.example".to_owned()), "whoever waits longest is first");
        assert_eq!(all[1], (small.to_string(), "small.example".to_owned()));
        assert_eq!(due(Some(small), None).await?.len(), 1);
        let last = due(Some(large), Some("d3000.example")).await?;
        assert_eq!(last, [(large.to_string(), "d3000.example".to_owned())]);
        assert!(due(Some(small), Some("d3000.example")).await?.is_empty());
        Ok(())
    })
    .await;
}

/// The mailer writes down how an attempt went while another one finds its lease to be over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verdict_waits_for_whoever_has_the_e_mail_without_holding_its_attempt() {
    World::run(async |world| {
        let (sql, settler, other) = (world.sql().await?, world.sql().await?, world.sql().await?);
        let tenant = world.tenant().await?.id;
        queue(&sql, tenant, 1, ("'docks.example'", "now()", "now() + interval '1 hour'")).await?;
        let id = claim(&sql, tenant, "docks.example").await?;
        let settler_pid: i32 = settler.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
        other.batch_execute("BEGIN; SELECT FROM emails FOR UPDATE").await?;
        let tenant = tenant.to_string();
        let settle =
            "SELECT settle_email($1::text::uuid, $2::text::uuid, 1, 'accepted', '', 'sent', NULL, 0)";
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&tenant, &id];
        let settling = async { anyhow::Ok(settler.query_one(settle, &parameters).await?) };
        let taking_over = async {
            until("the verdict to wait for the e-mail", LIMIT, async || {
                let blocked = "SELECT cardinality(pg_blocking_pids($1))";
                let number: i32 = sql.query_one(blocked, &[&settler_pid]).await?.get(0);
                ensure!(number > 0, "nobody blocks it");
                Ok(())
            })
            .await?;
            // In the other order, PostgreSQL ends one of both.
            other.batch_execute("UPDATE email_attempts SET detail = 'another process'; COMMIT").await?;
            anyhow::Ok(())
        };
        let (settled, ()) = tokio::try_join!(settling, taking_over)?;
        assert!(settled.get::<_, bool>(0), "the e-mail was still its own");
        number_in(world, "sent", 1, LIMIT).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_only_be_tried_again_after_its_deadline_is_dead_by_the_databases_clock() {
    World::run(async |world| {
        let (sql, tenant) = (world.sql().await?, world.tenant().await?.id);
        for (domain, retry_ms, expected) in [
            ("soon.example", 1_000_i64, ("waiting", None, false)),
            ("late.example", 3_600_001, ("dead", Some("deadline"), true)),
            ("stopped.example", 0, ("waiting", None, false)),
        ] {
            let to = format!("'{domain}'");
            queue(&sql, tenant, 1, (to.as_str(), "now()", "now() + interval '1 hour'")).await?;
            let id = claim(&sql, tenant, domain).await?;
            let settle =
                "SELECT settle_email($1::text::uuid, $2::text::uuid, 1, 'failed', 'busy', 'waiting', NULL, $3)";
            let own: bool = sql.query_one(settle, &[&tenant.to_string(), &id, &retry_ms]).await?.get(0);
            assert!(own, "{domain}");
            let query = "SELECT state, reason, finished_at IS NOT NULL FROM emails WHERE destination = $1";
            let row = sql.query_one(query, &[&domain]).await?;
            let found: (String, Option<String>, bool) = (row.get(0), row.get(1), row.get(2));
            assert_eq!((found.0.as_str(), found.1.as_deref(), found.2), expected, "{domain}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_e_mail_is_due_at_once_though_the_clock_of_whoever_queues_it_is_ahead() {
    World::run(async |world| {
        let server = MailServer::start().await?;
        let clock = faketime("+1h")?;
        let environment: Vec<(&str, &str)> =
            clock.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let api = api(world, &server, &environment).await?;
        register(&api, "ada@docks.example").await?;
        number_in(world, "sent", 1, LIMIT).await?;
        let sql = world.sql().await?;
        let id: String = sql.query_one("SELECT id::text FROM emails", &[]).await?.get(0);
        let requeued = api.http.command(&format!("/emails/{id}/requeue")).await?;
        assert_eq!(requeued.status, 200, "{}", requeued.text);
        until("the e-mail again", LIMIT, async || {
            let taken = server.taken().len();
            ensure!(taken == 2, "{taken} e-mails");
            Ok(())
        })
        .await?;
        number_in(world, "sent", 1, LIMIT).await?;
        drop(api);
        Ok(())
    })
    .await;
}

/// Counting the queue takes longer than a lease, and less than a statement may.
const SLOW_COUNT: &str = "
    CREATE OR REPLACE FUNCTION email_overview() RETURNS TABLE (state text, number bigint, oldest timestamptz)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $$ SELECT 'waiting'::text, 0::bigint, NULL::timestamptz FROM pg_sleep(9) $$";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_e_mail_stays_with_its_process_while_the_queue_is_counted() {
    World::run(async |world| {
        let server = MailServer::reacting(|turn| match turn.step {
            Step::Recipient => Reaction::Hang,
            _ => Reaction::Go,
        })
        .await?;
        let (sql, administrator) = (world.sql().await?, world.administrator().await?);
        sql.batch_execute(SLOW_COUNT).await?;
        // The lease is three seconds.
        let api = api(world, &server, &[("COMPTOIR__MAIL__COMMAND_TIMEOUT_SECONDS", "60")]).await?;
        register(&api, "ada@docks.example").await?;
        until("a lease that outlasts its length during one count", LIMIT, async || {
            let lease = "SELECT state = 'sending' AND epoch = 1 AND due_at > clock_timestamp() FROM emails";
            ensure!(sql.query_one(lease, &[]).await?.get::<_, bool>(0), "the e-mail is not this process's");
            let counting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND wait_event = 'PgSleep' AND query_start < clock_timestamp() - interval '5 seconds'";
            let counting: i64 = administrator.query_one(counting, &[]).await?.get(0);
            ensure!(counting == 1, "{counting} counts have taken long enough");
            Ok(())
        })
        .await?;
        drop(api);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counting_the_queue_does_not_read_what_is_over() {
    World::run(async |world| {
        let (mut sql, tenant) = (world.sql().await?, world.tenant().await?.id);
        let times = ("'docks.example'", "now()", "now() + interval '1 hour'");
        queue(&sql, tenant, 20_000, times).await?;
        sql.batch_execute("UPDATE emails SET state = 'sent', finished_at = now()").await?;
        queue(&sql, tenant, 7, times).await?;
        sql.batch_execute("ANALYZE emails").await?;
        let transaction = sql.transaction().await?;
        // It may still hold what the statements before have read: a session hands its numbers in once a second at most.
        let read = "SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'emails'";
        let before: i64 = transaction.query_one(read, &[]).await?.get(0);
        let overview = "SELECT state, number FROM email_overview()";
        let row = transaction.query_one(overview, &[]).await?;
        assert_eq!((row.get::<_, String>(0).as_str(), row.get::<_, i64>(1)), ("waiting", 7));
        let after: i64 = transaction.query_one(read, &[]).await?.get(0);
        assert_eq!(after - before, 0, "the whole table was read");
        Ok(())
    })
    .await;
}

/// A server that does anything, at random, and tells how often.
fn at_random(percent_bad: u32) -> impl Fn(comptoir_tests::harness::Turn<'_>) -> Reaction + Send + Sync {
    move |turn| {
        // At one of six steps, so that an e-mail fails about as often as asked.
        if rand::random_range(0..600) >= percent_bad {
            return Reaction::Go;
        }
        match (turn.step, rand::random_range(0..4)) {
            (Step::End, 0) => Reaction::TakeAndClose,
            (Step::Connected | Step::Hello | Step::StartTls | Step::Auth, _) | (_, 0) => Reaction::Close,
            (_, 1) if !turn.recipient.is_empty() => Reaction::Say(550),
            (_, _) => Reaction::Say(451),
        }
    }
}

/// Every e-mail was accepted or is a dead letter, and was taken once, but for the attempts of which nobody knows.
async fn judge(world: &World, taken: &[TakenEmail]) -> Result<String> {
    let mut times: HashMap<String, usize> = HashMap::new();
    for email in taken {
        let id = email.message_id.trim_start_matches('<').split('.').next().unwrap_or_default();
        *times.entry(id.to_owned()).or_default() += 1;
    }
    let sql = world.sql().await?;
    let rows = sql
        .query(
            "SELECT e.id::text, e.state, e.reason, count(*) FILTER (WHERE a.outcome = 'unknown'),
                count(*) FILTER (WHERE a.outcome = 'accepted'), count(*) FILTER (WHERE a.outcome IS NULL)
            FROM emails AS e JOIN email_attempts AS a ON a.tenant_id = e.tenant_id AND a.email_id = e.id GROUP BY e.tenant_id, e.id",
            &[],
        )
        .await?;
    let (mut repeats, mut dead, mut sent) = (0, 0, 0);
    for row in &rows {
        let (id, state, reason): (String, String, Option<String>) = (row.get(0), row.get(1), row.get(2));
        let (unknown, accepted, open): (i64, i64, i64) = (row.get(3), row.get(4), row.get(5));
        let times = i64::try_from(times.get(&id).copied().unwrap_or_default())?;
        ensure!(open == 0, "{id} has an attempt without an end");
        match state.as_str() {
            "sent" => {
                sent += 1;
                ensure!(accepted == 1, "{id} is sent, and {accepted} attempts were accepted");
                ensure!(times >= 1, "{id} is sent, and the server does not have it");
            }
            "dead" => {
                dead += 1;
                ensure!(
                    accepted == 0 && reason.is_some(),
                    "{id} is dead ({reason:?}), and was accepted {accepted} times"
                );
            }
            other => anyhow::bail!("{id} is {other}"),
        }
        ensure!(
            times <= accepted + unknown,
            "{id} was taken {times} times: {accepted} accepted, {unknown} unknown"
        );
        repeats += (times - 1).max(0);
    }
    let left: i64 = sql.query_one("SELECT count(*) FROM email_secrets", &[]).await?.get(0);
    ensure!(left == 0, "{left} secrets are left");
    Ok(format!("{} e-mails: {sent} sent, {dead} dead, {repeats} repeats", rows.len()))
}

/// Queues e-mails by registering users, kills the API twice meanwhile, and looks at what became of them.
async fn storm(world: &World, number: usize, percent_bad: u32, limit: Duration) -> Result<()> {
    let server = MailServer::reacting(at_random(percent_bad)).await?;
    let environment = [("COMPTOIR__DATABASE__TENANT_SHARE_PERCENT", "90")];
    let mut running = api(world, &server, &environment).await?;
    let left = Arc::new(AtomicUsize::new(0));
    for part in 0..3 {
        let (first, last) = (number * part / 3, number * (part + 1) / 3);
        left.store(first, Ordering::Relaxed);
        let clients = (0..8).map(|_| {
            let (left, api) = (Arc::clone(&left), &running);
            async move {
                loop {
                    let n = left.fetch_add(1, Ordering::Relaxed);
                    if n >= last {
                        return anyhow::Ok(());
                    }
                    register(api, &format!("u{n}@d{}.example", n % 40)).await?;
                }
            }
        });
        futures::future::try_join_all(clients).await?;
        if part < 2 {
            running.daemon.kill()?;
            running = api(world, &server, &environment).await?;
        }
    }
    let sql = world.sql().await?;
    until("the end of all e-mails", limit, async || {
        let open = "SELECT count(*) FROM emails WHERE state IN ('waiting', 'sending')";
        let open: i64 = sql.query_one(open, &[]).await?.get(0);
        ensure!(open == 0, "{open} are on their way");
        Ok(())
    })
    .await?;
    let number_of: i64 = sql.query_one("SELECT count(*) FROM emails", &[]).await?.get(0);
    ensure!(number_of == i64::try_from(number)?, "{number_of} e-mails");
    eprintln!("{}", judge(world, &server.taken()).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_e_mail_is_accepted_or_a_dead_letter_whatever_the_server_does_and_whoever_is_killed() {
    World::run(async |world| storm(world, 300, 150, Duration::from_secs(60)).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn ten_thousand_e_mails_are_accepted_or_dead_letters_and_every_repeat_is_explained() {
    World::run(async |world| storm(world, 10_000, 150, Duration::from_secs(600)).await).await;
}
