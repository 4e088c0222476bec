//! `api stock verify`: what it compares, and how it ends.

use anyhow::ensure;
use comptoir_tests::harness::World;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_verifies_the_stock_of_all_companies_and_learns_where_it_differs() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.stocked_product("TEA").await?;
        let body = json!({"lines": [{"product_id": tea["id"], "quantity": "10", "unit_cost": "7.00"}]});
        ensure!(api.http.post("/stock-receipts", &body).await?.status == 201, "not received");
        let exit = world.run_api(&["stock", "verify"]).await?;
        ensure!(exit.code == Some(0), "{exit:?}");
        let last = exit.stdout.lines().last().unwrap_or_default();
        assert_eq!(last, "holds: 1 levels of 1 tenants compared with 1 movements", "{exit:?}");

        // A hand in the database.
        let sql = world.sql().await?;
        sql.batch_execute("UPDATE stock_levels SET on_hand = 11").await?;
        let tenant = world.tenant().await?.id.to_string();
        let exit = world.run_api(&["stock", "verify", "--tenant", &tenant]).await?;
        ensure!(exit.code == Some(1) && exit.stdout.contains("on hand 11, by the ledger 10"), "{exit:?}");
        let exit = world.run_api(&["stock", "verify", "--json"]).await?;
        let report: Value = serde_json::from_str(&exit.stdout)?;
        assert_eq!((exit.code, &report["holds"]), (Some(1), &json!(false)), "{exit:?}");
        assert_eq!(report["tenants"][0]["differences"][0]["product_id"], tea["id"]);
        let nobody = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b";
        let exit = world.run_api(&["stock", "verify", "--tenant", nobody]).await?;
        ensure!(exit.code == Some(1) && exit.stderr.contains(nobody), "{exit:?}");
        Ok(())
    })
    .await;
}
