//! Rate limits and whose requests they count, with one API process and with two.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use comptoir_tests::harness::{
    Answer, Api, Http, Proxy, Scrape, World, address, api_key, early_in, until, with_address,
};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use tokio::time::MissedTickBehavior;

const LIMIT: Duration = Duration::from_secs(20);
const WINDOW: Duration = Duration::from_secs(60);
const TRIES: u32 = 3;
const AT_A_TIME: usize = 20;
const ADDRESS_LIMIT: (&str, &str) = ("COMPTOIR__RATE_LIMITS__ADDRESS_REQUESTS_PER_MINUTE", "100");
const BEHIND_A_PROXY: (&str, &str) = ("COMPTOIR__API__TRUSTED_PROXIES", "127.0.0.0/8");
const SHARED_SOON: (&str, &str) = ("COMPTOIR__RATE_LIMITS__SHARE_INTERVAL_MS", "100");

/// Runs a test of what is counted in one window, with the number of the try. A machine that is so busy that the window was over
/// before the test was has another try, in the next window.
pub(crate) async fn in_one_window(left: Duration, test: impl AsyncFn(u32) -> Result<()>) -> Result<()> {
    let window =
        || Ok::<_, anyhow::Error>(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs() / 60);
    for number in 1..=TRIES {
        // What the try before counted may reach into the window in which it ended.
        early_in(WINDOW, if number == 1 { left } else { WINDOW }).await?;
        let began = window()?;
        let outcome = AssertUnwindSafe(test(number)).catch_unwind().await;
        if window()? == began {
            return outcome.unwrap_or_else(|panic| resume_unwind(panic));
        }
    }
    anyhow::bail!("{TRIES} times the test took longer than a window")
}

/// Asks for something that is small, needs no database, and is open to all.
async fn ask_as(http: &Http, client: &str) -> Result<Answer> {
    http.send(reqwest::Method::GET, "//.well-known/jwks.json", &[("X-Forwarded-For", client)], None).await
}

fn number(answer: &Answer, header: &str) -> u64 {
    answer.header(header).and_then(|value| value.parse().ok()).expect(header)
}

/// Asks so many times, some at a time, and returns how often it was not refused.
async fn admitted_of(requests: u64, http: &Http, client: &str) -> Result<u64> {
    let answers = stream::iter(0..requests).map(|_| ask_as(http, client)).buffer_unordered(AT_A_TIME);
    answers.try_fold(0, async |admitted, answer| Ok(admitted + u64::from(answer.status != 429))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_says_how_many_requests_are_left_and_health_is_not_limited() {
    World::run(async |world| {
        let api = Api::start(world, &[ADDRESS_LIMIT]).await?;
        in_one_window(Duration::from_secs(5), async |_| {
            let mut last = None;
            for path in ["//api/openapi.json", "/orders", "/orders/none", "//nothing"] {
                let answer = api.http.get(path).await?;
                assert_eq!(number(&answer, "ratelimit-limit"), 100, "{path}");
                assert_eq!(answer.header("ratelimit-policy"), Some("100;w=60"), "{path}");
                assert!((1..=60).contains(&number(&answer, "ratelimit-reset")), "{path}");
                let remaining = number(&answer, "ratelimit-remaining");
                assert!(last.is_none_or(|last| remaining == last - 1), "{path}: {remaining} after {last:?}");
                last = Some(remaining);
            }
            for path in ["//health/live", "//health/ready"] {
                assert_eq!(api.http.get(path).await?.header("ratelimit-limit"), None, "{path}");
            }
            Ok(())
        })
        .await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_its_limit_an_address_is_told_when_to_come_back_and_others_are_not_affected() {
    World::run(async |world| {
        let api = Api::start(world, &[ADDRESS_LIMIT, BEHIND_A_PROXY]).await?;
        in_one_window(Duration::from_secs(10), async |_| {
            assert_eq!(admitted_of(150, &api.http, "203.0.113.1").await?, 100);
            let refused = ask_as(&api.http, "203.0.113.1").await?;
            assert_eq!((refused.status, refused.code()), (429, "rate_limited"), "{}", refused.text);
            assert_eq!(refused.header("content-type"), Some("application/problem+json"));
            assert_eq!(number(&refused, "ratelimit-remaining"), 0);
            assert_eq!(number(&refused, "retry-after"), number(&refused, "ratelimit-reset"));
            assert_eq!(ask_as(&api.http, "203.0.113.2").await?.status, 200);
            // What a client says of others does not make it another client.
            assert_eq!(ask_as(&api.http, "198.51.100.7, 203.0.113.1").await?.status, 429);
            // One network of IPv6 is one client.
            assert_eq!(admitted_of(75, &api.http, "2001:db8::1").await?, 75);
            assert_eq!(admitted_of(50, &api.http, "[2001:db8::ffff]:4711").await?, 25);
            assert_eq!(ask_as(&api.http, "2001:db8:0:1::1").await?.status, 200);
            let metrics = Scrape::of(&api.operations).await?;
            assert!(metrics.sum("comptoir_rate_limited_total").is_some_and(|refused| refused >= 4.0));
            Ok(())
        })
        .await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_principal_has_a_limit_of_its_own_wherever_it_asks_from() {
    World::run(async |world| {
        let limit = ("COMPTOIR__RATE_LIMITS__PRINCIPAL_REQUESTS_PER_MINUTE", "20");
        let api = Api::start(world, &[limit, BEHIND_A_PROXY]).await?;
        in_one_window(Duration::from_secs(5), async |_| {
            let ask = async |http: &Http, client: &str| {
                http.send(reqwest::Method::GET, "/orders", &[("X-Forwarded-For", client)], None).await
            };
            for asked in 1..=20 {
                let answer = ask(&api.http, &format!("203.0.113.{asked}")).await?;
                assert_eq!((answer.status, number(&answer, "ratelimit-remaining")), (200, 20 - asked));
            }
            let refused = ask(&api.http, "203.0.113.99").await?;
            assert_eq!((refused.status, refused.code()), (429, "rate_limited"), "{}", refused.text);
            let tenant = world.tenant().await?.id;
            let other = api_key(&world.sql().await?, tenant, &["orders:read"]).await?;
            assert_eq!(ask(&api.http.with_credential(&other), "203.0.113.1").await?.status, 200);
            Ok(())
        })
        .await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_believed_who_is_not_a_trusted_proxy() {
    World::run(async |world| {
        let api =
            Api::start(world, &[ADDRESS_LIMIT, ("COMPTOIR__API__TRUSTED_PROXIES", "10.0.0.0/8")]).await?;
        in_one_window(Duration::from_secs(5), async |_| {
            let before = number(&ask_as(&api.http, "203.0.113.1").await?, "ratelimit-remaining");
            let after = number(&ask_as(&api.http, "203.0.113.2").await?, "ratelimit-remaining");
            assert_eq!(after, before - 1, "both are the address that connected");
            Ok(())
        })
        .await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_admitted_is_not_left_at_the_other() {
    World::run(async |world| {
        let settings = [ADDRESS_LIMIT, BEHIND_A_PROXY, SHARED_SOON];
        let (one, other) = (Api::start(world, &settings).await?, Api::start(world, &settings).await?);
        let sql = world.sql().await?;
        in_one_window(Duration::from_secs(10), async |attempt| {
            let client = format!("203.0.113.{attempt}");
            let client = client.as_str();
            assert_eq!(admitted_of(50, &one.http, client).await?, 50);
            // More than a hundredth of the limit.
            let mut asked = admitted_of(2, &other.http, client).await?;
            // Whoever writes its count reads the others'.
            until("both to share their counts", LIMIT, async || {
                let rows =
                    "SELECT requests FROM rate_limit_counts WHERE limit_name = 'address' AND subject = $1";
                let rows = sql.query(rows, &[&client]).await?;
                ensure!(rows.len() == 2, "{} rows", rows.len());
                Ok(())
            })
            .await?;
            until("the other process to have heard of it", LIMIT, async || {
                asked += 1;
                let remaining = number(&ask_as(&other.http, client).await?, "ratelimit-remaining");
                ensure!(remaining + asked <= 50, "it says {remaining} after {asked}");
                Ok(())
            })
            .await?;
            // Nobody else asks: from here on it is exact.
            let admitted = asked + admitted_of(100, &other.http, client).await?;
            assert_eq!(admitted, 50);
            until("the first process to have heard of that", LIMIT, async || {
                ensure!(ask_as(&one.http, client).await?.status == 429, "it still lets the client in");
                Ok(())
            })
            .await
        })
        .await
    })
    .await;
}

/// At the same time, and as fast as they can: without sharing, each would admit 200.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_busy_processes_admit_little_more_than_the_limit() {
    World::run(async |world| {
        let limit = ("COMPTOIR__RATE_LIMITS__ADDRESS_REQUESTS_PER_MINUTE", "200");
        let settings = [limit, BEHIND_A_PROXY, SHARED_SOON];
        let (one, other) = (Api::start(world, &settings).await?, Api::start(world, &settings).await?);
        in_one_window(Duration::from_secs(15), async |attempt| {
            let client = format!("203.0.113.{attempt}");
            let load = async |api: &Api| -> Result<u64> {
                let mut pace = tokio::time::interval(Duration::from_millis(20));
                // What is missed in a stall is not made up for in less time than the sharing takes.
                pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
                let mut admitted = 0;
                for _ in 0..250 {
                    pace.tick().await;
                    admitted += u64::from(ask_as(&api.http, &client).await?.status == 200);
                }
                Ok(admitted)
            };
            let (here, there) = tokio::try_join!(load(&one), load(&other))?;
            let admitted = here + there;
            eprintln!("admitted {admitted} ({here} + {there}) of 200");
            assert!((200..350).contains(&admitted), "{here} + {there}");
            let rows = "SELECT count(*) FROM rate_limit_counts WHERE limit_name = 'address' AND subject = $1";
            let rows: i64 = world.sql().await?.query_one(rows, &[&client]).await?.get(0);
            assert_eq!(rows, 2, "each process writes one row of its own");
            Ok(())
        })
        .await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_every_process_counts_for_itself_and_shares_again_later() {
    World::run(async |world| {
        let proxy = Proxy::start(address(&world.database.url)?).await?;
        let url = with_address(&world.database.api_url, &proxy.address())?;
        let settings = [ADDRESS_LIMIT, BEHIND_A_PROXY, SHARED_SOON, ("DATABASE_URL", &url)];
        let api = Api::start(world, &settings).await?;
        in_one_window(Duration::from_secs(15), async |attempt| {
            proxy.cut();
            let client = format!("203.0.113.{attempt}");
            assert_eq!(admitted_of(150, &api.http, &client).await?, 100);
            until("a failure to be counted", LIMIT, async || {
                let failures =
                    Scrape::of(&api.operations).await?.sum("comptoir_rate_limit_share_failures_total");
                ensure!(failures > Some(0.0), "{failures:?}");
                Ok(())
            })
            .await?;
            proxy.heal();
            let sql = world.sql().await?;
            until("the counts to be shared", LIMIT, async || {
                let rows = "SELECT requests FROM rate_limit_counts WHERE subject = $1";
                let rows = sql.query(rows, &[&client]).await?;
                ensure!(rows.len() == 1 && rows[0].get::<_, i64>(0) == 100, "{} rows", rows.len());
                Ok(())
            })
            .await
        })
        .await
    })
    .await;
}

/// A replica that nobody asks much, and one that nobody asks any more, cost the database nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_counts_are_not_shared_at_all() {
    World::run(async |world| {
        let api = Api::start(world, &[SHARED_SOON]).await?;
        for _ in 0..50 {
            assert_eq!(ask_as(&api.http, "203.0.113.1").await?.status, 200);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(Scrape::of(&api.operations).await?.sum("comptoir_rate_limit_shared_total"), Some(0.0));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_limited_operation_says_in_the_description_that_it_can_answer_429() {
    World::run(async |world| {
        let api = world.api().await?;
        let description = api.http.get("//api/openapi.json").await?.json;
        for (path, operations) in description["paths"].as_object().into_iter().flatten() {
            for (method, operation) in operations.as_object().into_iter().flatten() {
                let is_limited = !path.starts_with("/health/");
                assert_eq!(operation["responses"].get("429").is_some(), is_limited, "{method} {path}");
            }
        }
        Ok(())
    })
    .await;
}
