//! The operators' half of the console, as a browser without scripts sees it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, Operator, World, until};
use reqwest::header::LOCATION;
use uuid::Uuid;

use crate::console::{Answered, Browser, logged_in};

const LIMIT: Duration = Duration::from_secs(60);
const DEAD: &str = "/console/operators/dead-letters";
/// Pages that every operator may look at, and nobody of a company.
const PAGES: &[&str] = &[
    "/console/operators/overview",
    "/console/operators/health",
    "/console/operators/outbox",
    "/console/operators/outbox/tail",
    "/console/operators/dead-letters",
    "/console/operators/replay",
    "/console/operators/services",
    "/console/operators/services/pruning",
    "/console/operators/services/mailer/actions/process-batch",
    "/console/operators/emails",
    "/console/operators/projections",
    "/console/operators/accounts",
    "/console/operators/audit",
    "/console/operators/account",
];
/// Each list as a file, with the beginning of its first line.
const FILES: &[(&str, &str)] = &[
    ("/console/operators/outbox.csv", "seq,id,tenant_id,event_type"),
    ("/console/operators/dead-letters.csv", "id,event_type,aggregate_type"),
    ("/console/operators/emails.csv", "id,tenant_id,kind,recipient"),
    ("/console/operators/commands.csv", "id,service,action,state"),
    ("/console/operators/audit.csv", "occurred_at,id,actor_type"),
];

async fn operator(world: &World, api: &Api) -> Result<Browser> {
    let operator = Operator::create(world, "ops@comptoir.example").await?;
    let mut browser = Browser::new(api)?;
    let answer = browser.log_in("/console/operators/sign-in", &operator.email, &operator.password).await?;
    ensure!(answer.status == 303, "{} {}", answer.status, answer.text);
    Ok(browser)
}

/// Writes dead letters as a relay would; returns their ids.
async fn dead_letters(world: &World, number: usize) -> Result<Vec<Uuid>> {
    let sql = world.sql().await?;
    let mut ids = Vec::new();
    for index in 0..number {
        let id = Uuid::now_v7();
        let (key, aggregate) = (id.to_string(), format!("CMD-{index}"));
        sql.execute(
            "INSERT INTO outbox_dead_letters (id, seq, tenant_id, aggregate_type, aggregate_id, event_type, schema_version, payload,
                headers, occurred_at, shard, retry_count, reason, last_error)
            VALUES ($1::text::uuid, $3::bigint, $1::text::uuid, 'order', $2::text, 'order.amended', 1, '{\"note\": \"<b>bold</b>\"}', '{}', now(), 0, 3,
                'nacked', 'no')",
            &[&key, &aggregate, &(1_000_000 + i64::try_from(index)?)],
        )
        .await?;
        ids.push(id);
    }
    Ok(ids)
}

/// Waits until a command has ended, and returns its page.
async fn ended(browser: &mut Browser, path: &str) -> Result<Answered> {
    let begun = std::time::Instant::now();
    loop {
        let page = browser.get(path).await?;
        ensure!(page.status == 200, "{} {}", page.status, page.text);
        if !page.text.contains("class=\"live\"") {
            return Ok(page);
        }
        ensure!(begun.elapsed() < LIMIT, "{}", page.text);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_their_pages_and_nobody_of_a_company_does() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = operator(world, &api).await?;
        // The process tells of its services soon after its start.
        until("the services of the process", LIMIT, async || {
            let listed = world.run_api(&["services", "list", "--json"]).await?;
            ensure!(listed.stdout.contains("pruning") && listed.stdout.contains("mailer"), "{listed:?}");
            Ok(())
        })
        .await?;
        let home = browser.get("/console/operators").await?;
        assert_eq!((home.status, home.header(LOCATION)), (303, "/console/operators/overview"));
        for path in PAGES {
            let page = browser.get(path).await?;
            assert_eq!(page.status, 200, "{path}: {}", page.text);
            assert!(page.text.contains("class=\"shell operator\""), "{path}");
            assert!(!page.text.contains(" style="), "{path}");
            assert_eq!(
                page.text.matches("<script").count(),
                page.text.matches("<script src=").count(),
                "{path}"
            );
        }
        // Every entry of the menu leads to a page.
        let page = browser.get("/console/operators/overview").await?;
        let (_, menu) = page.text.split_once("<nav class=\"nav\"").context("a menu")?;
        let (menu, _) = menu.split_once("class=\"me\"").context("the end of the menu")?;
        let links: Vec<&str> = menu
            .split("href=\"/console/operators/")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert_eq!(links.len(), 9, "{links:?}");
        for link in links {
            assert_eq!(browser.get(&format!("/console/operators/{link}")).await?.status, 200, "{link}");
        }
        let mut person = logged_in(world, &api, "admin").await?;
        for path in PAGES {
            let sent = person.get(path).await?;
            assert_eq!(sent.status, 303, "{path}");
            assert!(sent.header(LOCATION).starts_with("/console/operators/sign-in"), "{path}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chosen_dead_letters_are_requeued_and_the_rest_discarded_as_of_then() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = operator(world, &api).await?;
        let ids = dead_letters(world, 3).await?;
        let list = browser.get(&format!("{DEAD}?letter={}", ids[0])).await?;
        assert_eq!(list.status, 200, "{}", list.text);
        for id in &ids {
            assert!(list.text.contains(&format!("value=\"{id}\"")), "{id}");
        }
        assert!(
            list.text.contains("id=\"panel\"") && !list.text.contains("<b>bold</b>"),
            "a payload is text"
        );
        let none = browser.get(&format!("{DEAD}?event_type=invoice.%23")).await?;
        assert!(none.text.contains("Rien ne correspond"), "{}", none.text);

        // Without a relay the page says what to run there.
        let ask = format!("{DEAD}/decide?verb=requeue&id={}", ids[0]);
        let page = browser.get(&ask).await?;
        assert!(page.text.contains(&format!("relay dead-letters requeue {}", ids[0])), "{}", page.text);

        // It has a queue for every event: what is requeued does not become a dead letter again.
        let _consumer = world.consumer().await?;
        let relay = world.relay().await?;
        let begun = std::time::Instant::now();
        let page = loop {
            let page = browser.get(&ask).await?;
            if page.text.contains("name=\"form_key\"") {
                break page;
            }
            ensure!(begun.elapsed() < LIMIT, "no relay says what it can do");
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        let (token, key, until) =
            (page.hidden("form_token")?, page.hidden("form_key")?, page.hidden("until")?);
        let id = ids[0].to_string();
        let fields = [
            ("form_token", token.as_str()),
            ("form_key", key.as_str()),
            ("verb", "requeue"),
            ("id", id.as_str()),
            ("until", until.as_str()),
        ];
        let first = browser.post(&format!("{DEAD}/decide"), &fields).await?;
        assert_eq!(first.status, 303, "{}", first.text);
        let again = browser.post(&format!("{DEAD}/decide"), &fields).await?;
        assert_eq!(again.header(LOCATION), first.header(LOCATION), "the second click is the first");
        let done = ended(&mut browser, first.header(LOCATION)).await?;
        assert!(done.text.contains("<dt>count</dt><dd class=\"mono\">1</dd>"), "{}", done.text);

        let page = browser.get(&format!("{DEAD}/decide?verb=discard")).await?;
        assert!(page.text.contains("2 lettres mortes"), "{}", page.text);
        let (key, until) = (page.hidden("form_key")?, page.hidden("until")?);
        let late = dead_letters(world, 4).await?;
        let fields = [
            ("form_token", token.as_str()),
            ("form_key", key.as_str()),
            ("verb", "discard"),
            ("until", until.as_str()),
        ];
        let sent = browser.post(&format!("{DEAD}/decide"), &fields).await?;
        assert_eq!(sent.status, 303, "{}", sent.text);
        let done = ended(&mut browser, sent.header(LOCATION)).await?;
        assert!(done.text.contains("<dt>count</dt><dd class=\"mono\">2</dd>"), "{}", done.text);
        let left = browser.get(DEAD).await?;
        for id in &late {
            assert!(left.text.contains(&id.to_string()), "what became one later is left alone");
        }
        assert!(!left.text.contains(&ids[1].to_string()));
        // What was asked stands in the operators' trail.
        let trail = browser.get("/console/operators/audit?action=service.ask").await?;
        assert_eq!(trail.text.matches("service.ask</small>").count(), 2, "{}", trail.text);
        relay.stop().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_is_counted_first_and_what_is_wrong_is_said_at_its_field() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = operator(world, &api).await?;
        let path = "/console/operators/replay";
        assert!(browser.get(path).await?.text.contains("relay replay --since"), "there is no relay");
        let relay = world.relay().await?;
        let begun = std::time::Instant::now();
        let page = loop {
            let page = browser.get(path).await?;
            if page.text.contains("parameters.dry_run") {
                break page;
            }
            ensure!(begun.elapsed() < LIMIT, "no relay says what it can do");
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        let (token, key) = (page.hidden("form_token")?, page.hidden("form_key")?);
        let fields = [
            ("form_token", token.as_str()),
            ("form_key", key.as_str()),
            ("parameters.since", "2026-01-31T12:00"),
            ("parameters.rate", "many"),
            ("parameters.dry_run", "true"),
        ];
        let refused = browser.post(path, &fields).await?;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(
            refused.text.contains("id=\"parameters.rate-err\"") && refused.text.contains("value=\"many\"")
        );
        assert_eq!(refused.hidden("form_key")?, key);
        let mut fields = fields;
        fields[3].1 = "";
        let sent = browser.post(path, &fields).await?;
        assert_eq!(sent.status, 303, "{}", sent.text);
        let done = ended(&mut browser, sent.header(LOCATION)).await?;
        assert!(done.text.contains("<dt>total</dt>"), "{}", done.text);
        assert!(
            browser.get(path).await?.text.contains(sent.header(LOCATION)),
            "it is in the list of replays"
        );
        relay.stop().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_does_what_it_is_asked_for_and_refuses_what_it_does_not_take() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = operator(world, &api).await?;
        let path = "/console/operators/services/mailer/actions/process-batch";
        let begun = std::time::Instant::now();
        let page = loop {
            let page = browser.get(path).await?;
            if page.status == 200 {
                break page;
            }
            ensure!(begun.elapsed() < LIMIT, "{} {}", page.status, page.text);
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        // The schema's own names are in English, on a page in French.
        assert!(page.text.contains("<span lang=\"en\">batch_size</span>"), "{}", page.text);
        let (token, key) = (page.hidden("form_token")?, page.hidden("form_key")?);
        let fields = [
            ("form_token", token.as_str()),
            ("form_key", key.as_str()),
            ("parameters.batch_size", "0"),
            ("parameters.filter.destination", "docks.example"),
        ];
        let refused = browser.post(path, &fields).await?;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(
            refused.text.contains("id=\"parameters.batch_size-err\"")
                && refused.text.contains("docks.example")
        );
        let path = "/console/operators/services/pruning/actions/trigger";
        let fields = [("form_token", token.as_str()), ("form_key", "another")];
        let sent = browser.post(path, &fields).await?;
        assert_eq!(sent.status, 303, "{}", sent.text);
        let done = ended(&mut browser, sent.header(LOCATION)).await?;
        assert!(done.text.contains("ops@comptoir.example"), "who asked is said");
        assert_eq!(browser.get("/console/operators/services/nothing").await?.status, 404);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lists_are_files_too_with_the_filters_of_the_page() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = operator(world, &api).await?;
        let ids = dead_letters(world, 2).await?;
        api.customer("C-1").await?;
        for (path, head) in FILES {
            let file = browser.get(path).await?;
            assert_eq!(file.status, 200, "{path}: {}", file.text);
            assert!(file.header("content-type").starts_with("text/csv"), "{path}");
            assert!(file.text.starts_with(head), "{path}: {}", file.text);
            assert_eq!(Browser::new(&api)?.get(path).await?.status, 303, "{path}");
        }
        let file = browser.get("/console/operators/dead-letters.csv?aggregate_id=CMD-1").await?;
        assert!(file.text.contains(&ids[1].to_string()) && !file.text.contains(&ids[0].to_string()));
        assert!(!file.text.contains("bold"), "what an event says is its company's");
        let file = browser.get("/console/operators/outbox.csv?event_type=customer.%23").await?;
        assert_eq!(file.text.matches("customer.").count(), 1, "{}", file.text);
        let too_long = format!("/console/operators/outbox.csv?event_type={}", "x".repeat(300));
        assert_eq!(browser.get(&too_long).await?.status, 422);
        let list = browser.get("/console/operators/dead-letters?aggregate_id=CMD-1").await?;
        assert!(
            list.text.contains("/console/operators/dead-letters.csv?aggregate_id=CMD-1"),
            "{}",
            list.text
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_shown_as_they_come_wherever_they_are() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = operator(world, &api).await?;
        let path = "/console/operators/outbox/tail";
        let empty = browser.get(path).await?;
        assert!(empty.text.contains("Aucun événement"), "{}", empty.text);
        api.customer("C-1").await?;
        let dead = dead_letters(world, 1).await?;
        let page = browser.get(path).await?;
        assert!(page.text.contains("customer.") && page.text.contains("En attente"), "{}", page.text);
        assert!(
            page.text.contains(&format!("id=\"event-{}\"", dead[0])) && page.text.contains("Lettre morte")
        );
        assert!(page.text.contains("data-rows") && page.text.contains("data-poll"));
        let some = browser.get(&format!("{path}?event_type=customer.%23")).await?;
        assert!(!some.text.contains("Lettre morte"), "{}", some.text);
        let wrong = browser.get(&format!("{path}?event_type={}", "x".repeat(300))).await?;
        assert!(wrong.text.contains("id=\"event_type-err\""), "{}", wrong.text);
        let _consumer = world.consumer().await?;
        let relay = world.relay().await?;
        world.drained(LIMIT).await?;
        let page = browser.get(&format!("{path}?event_type=customer.%23")).await?;
        assert!(page.text.contains("Publié") && !page.text.contains("En attente"), "{}", page.text);
        relay.stop().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_goes_on_can_be_cancelled_and_says_how_to_go_on() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = operator(world, &api).await?;
        let _consumer = world.consumer().await?;
        let relay = world.relay().await?;
        for number in 0..40 {
            api.customer(&format!("C-{number}")).await?;
        }
        world.drained(LIMIT).await?;
        let path = "/console/operators/replay";
        let begun = std::time::Instant::now();
        let page = loop {
            let page = browser.get(path).await?;
            if page.text.contains("parameters.dry_run") {
                break page;
            }
            ensure!(begun.elapsed() < LIMIT, "no relay says what it can do");
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        let (token, key) = (page.hidden("form_token")?, page.hidden("form_key")?);
        let fields = [
            ("form_token", token.as_str()),
            ("form_key", key.as_str()),
            ("parameters.since", "2026-01-31T12:00"),
            ("parameters.rate", "1"),
        ];
        let sent = browser.post(path, &fields).await?;
        assert_eq!(sent.status, 303, "{}", sent.text);
        let command = sent.header(LOCATION).to_owned();
        let cancel = format!("{command}/cancel");
        let begun = std::time::Instant::now();
        let page = loop {
            let page = browser.get(&command).await?;
            if page.text.contains(&cancel) {
                break page;
            }
            ensure!(begun.elapsed() < LIMIT, "{}", page.text);
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        let key = page.hidden("form_key")?;
        let fields = [("form_token", token.as_str()), ("form_key", key.as_str())];
        let sent = browser.post(&cancel, &fields).await?;
        assert_eq!((sent.status, sent.header(LOCATION)), (303, command.as_str()), "{}", sent.text);
        let over = ended(&mut browser, &command).await?;
        assert!(over.text.contains("Échoué") && over.text.contains("--after-seq"), "{}", over.text);
        assert!(!over.text.contains(&cancel));
        let fields = [("form_token", token.as_str()), ("form_key", "another")];
        let late = browser.post(&cancel, &fields).await?;
        assert_eq!(late.status, 409, "{}", late.text);
        assert!(late.text.contains("plus en cours"), "{}", late.text);
        relay.stop().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_have_a_page_of_their_own_account() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = operator(world, &api).await?;
        let path = "/console/operators/account";
        let page = browser.get(path).await?;
        let token = page.hidden("form_token")?;
        let wrong = [
            ("form_token", token.as_str()),
            ("current_password", "not this one"),
            ("new_password", "a quite long new password"),
        ];
        let refused = browser.post(&format!("{path}/password"), &wrong).await?;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("id=\"summary\"") && !refused.text.contains("not this one"));
        let english = [("form_token", token.as_str()), ("language", "en")];
        let chosen = browser.post(&format!("{path}/language"), &english).await?;
        assert_eq!(
            (chosen.status, chosen.header(LOCATION)),
            (303, "/console/operators/account?done=language")
        );
        assert!(browser.get(path).await?.text.contains("Your profile"));
        let off = [("form_token", token.as_str())];
        assert_eq!(browser.post(&format!("{path}/keys"), &off).await?.status, 303);
        assert!(browser.get(path).await?.text.contains("data-keys=\"off\""));
        Ok(())
    })
    .await;
}
