//! Seen (read): whoever knew an address asked for a new password every minute. Each request withdrew the token of the one before, so the
//! link that the owner of the address had just got did not hold any more, and 1,440 e-mails a day came.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{World, until};
use serde_json::json;

use super::people::{login, reset, reset_token, user};

const ADA: &str = "ada@docks.example";
const NEW: &str = "sept chevaux noirs";
const LIMIT: Duration = Duration::from_secs(20);
const TOKENS: &str = "SELECT count(*) FROM user_tokens WHERE purpose = 'reset_password'";
/// Otherwise the next request comes too soon after the one before.
const LATER: &str = "UPDATE user_tokens SET created_at = created_at - interval '2 minutes'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tokens_of_before_hold_until_one_is_used_and_no_more_than_five_are_sent() {
    World::run(async |world| {
        let mut api = world.api().await?;
        user(world, &api.http, ADA, "sales").await?;
        let owners = reset_token(world, ADA).await?;
        let sql = world.sql().await?;
        let tokens = async || Ok::<_, anyhow::Error>(sql.query_one(TOKENS, &[]).await?.get::<_, i64>(0));
        let there_are = async |number: i64| -> Result<()> {
            until(format!("{number} tokens"), LIMIT, async || {
                let found = tokens().await?;
                ensure!(found == number, "{found}");
                Ok(())
            })
            .await
        };
        let anonymous = api.http.anonymous();
        let body = json!({"email": ADA});
        for number in 2..=5 {
            sql.batch_execute(LATER).await?;
            assert_eq!(anonymous.post("/auth/password-reset", &body).await?.status, 202);
            there_are(number).await?;
        }
        sql.batch_execute(LATER).await?;
        let asked = anonymous.post("/auth/password-reset", &body).await?;
        assert_eq!((asked.status, asked.text.as_str()), (202, ""), "the answer tells nothing");
        // A process that stops has done before what it was asked for.
        api.daemon.terminate(LIMIT).await?;
        assert_eq!(tokens().await?, 5, "there were enough");
        api.start_again(world, &[]).await?;

        // What has expired does not count, and goes.
        let expire = "UPDATE user_tokens SET expires_at = now() WHERE purpose = 'reset_password'
            AND id <> (SELECT id FROM user_tokens WHERE purpose = 'reset_password' ORDER BY id LIMIT 1)";
        assert_eq!(sql.execute(expire, &[]).await?, 4);
        let asked = api.http.anonymous().post("/auth/password-reset", &body).await?;
        assert_eq!(asked.status, 202, "{}", asked.text);
        there_are(2).await?;

        let answer = reset(&api.http, &owners, NEW).await?;
        assert_eq!(answer.status, 204, "{}", answer.text);
        assert_eq!(tokens().await?, 0, "the others are withdrawn");
        assert_eq!(login(&api.http, &json!({"email": ADA, "password": NEW})).await?.status, 200);
        Ok(())
    })
    .await;
}
