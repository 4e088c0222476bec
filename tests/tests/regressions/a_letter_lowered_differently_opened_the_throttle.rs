//! Seen: Rust lowers `İ` (U+0130) to two characters and PostgreSQL to one, so that the throttle counted attempts under
//! other names than those under which the account was found: 320 guesses on one account, none refused.

use comptoir_tests::harness::{Api, World};
use serde_json::json;

use super::people::{BEHIND_A_PROXY, PASSWORD, WRONG, login, login_from, user};

/// Ways to write one address.
const SPELLINGS: [&str; 6] = [
    "\u{130}nci@docks.example",
    "i\u{307}nci@docks.example",
    "I\u{307}NCI@docks.example",
    " \u{130}NCI@Docks.Example ",
    "i\u{307}NCI@DOCKS.example",
    "\u{130}ncI@docks.EXAMPLE",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_spelling_of_an_address_is_one_account_for_log_ins_and_for_the_throttle() {
    World::run(async |world| {
        let api = Api::start(world, &[BEHIND_A_PROXY]).await?;
        user(world, &api.http, SPELLINGS[0], "sales").await?;
        for (at, email) in SPELLINGS.iter().enumerate() {
            let taken = json!({"email": email, "name": "Eve", "role": "sales"});
            let refused = api.http.post("/users", &taken).await?;
            // An accent that stands alone is refused as no part of an address.
            let expected = if email.contains('\u{307}') { "invalid_request" } else { "email_taken" };
            assert_eq!(refused.code(), expected, "{email}: {}", refused.text);
            let answer = login(&api.http, &json!({"email": email, "password": PASSWORD})).await?;
            assert_eq!(answer.status, 200, "{email}: {}", answer.text);
            let listed = api.http.get(&format!("/users?email={}", email.trim().replace('@', "%40"))).await?;
            assert_eq!(listed.json["data"].as_array().map(Vec::len), Some(1), "{at}: {}", listed.text);
        }
        let mut verified = 0;
        for number in 0..40 {
            // Each from an address of its own.
            let address = format!("203.0.113.{number}");
            let email = SPELLINGS[number % SPELLINGS.len()];
            let answer = login_from(&api.http, &address, email, WRONG).await?;
            verified += usize::from(answer.status == 401);
            if verified == 5 {
                break;
            }
        }
        let sql = world.sql().await?;
        let subjects = "SELECT count(*) FROM login_throttles WHERE failures = 5";
        assert_eq!(sql.query_one(subjects, &[]).await?.get::<_, i64>(0), 1, "all count for one account");
        sql.execute(
            "UPDATE login_throttles SET locked_until = now() + interval '1 hour' WHERE failures = 5",
            &[],
        )
        .await?;
        for email in SPELLINGS {
            let answer = login_from(&api.http, "203.0.113.200", email, PASSWORD).await?;
            assert_eq!((answer.status, answer.code()), (429, "too_many_attempts"), "{email}");
        }
        Ok(())
    })
    .await;
}
