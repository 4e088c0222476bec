//! Seen: the right password of a disabled account was told apart from a wrong one: its failures were forgiven, so that it was
//! never locked, and its refusal took a transaction longer.

use comptoir_tests::harness::World;
use serde_json::json;

use super::people::{PASSWORD, WRONG, login, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_password_of_a_disabled_account_is_as_wrong_as_any() {
    World::run(async |world| {
        let api = world.api().await?;
        let company = &world.tenant().await?.short_name;
        let sql = world.sql().await?;
        let mut seen = Vec::new();
        for (email, password) in [("ada@docks.example", PASSWORD), ("bob@docks.example", WRONG)] {
            let id = user(world, &api.http, email, "sales").await?;
            assert_eq!(api.http.command(&format!("/users/{id}/disable")).await?.status, 200);
            sql.execute("DELETE FROM login_throttles", &[]).await?;
            let mut answers = Vec::new();
            for _ in 0..3 {
                let body = json!({"email": email, "company": company, "password": password});
                let answer = login(&api.http, &body).await?;
                answers.push((answer.status, answer.code().to_owned(), answer.json["detail"].clone()));
            }
            let rows = sql.query("SELECT round(failures::numeric)::int FROM login_throttles", &[]).await?;
            seen.push((answers, rows.iter().map(|row| row.get(0)).collect::<Vec<i32>>()));
        }
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[0].0[0].1, "invalid_credentials");
        assert_eq!(seen[0].1, [3, 3], "three failures, of the account and of the address");
        Ok(())
    })
    .await;
}
