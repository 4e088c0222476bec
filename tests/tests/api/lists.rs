//! Lists: filters, sorting, and cursors that neither repeat nor hide a row.

use std::collections::HashSet;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Http, World};
use serde_json::{Value, json};

/// All pages of a list.
async fn pages(http: &Http, path: &str) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..100 {
        let more = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = http.get(&format!("{path}{more}")).await?;
        ensure!(page.status == 200, "{path}: {}", page.text);
        all.extend(page.json["data"].as_array().cloned().unwrap_or_default());
        cursor = page.json["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return Ok(all);
        }
    }
    anyhow::bail!("{path} has no end")
}

fn column<'a>(rows: &'a [Value], name: &str) -> Vec<&'a str> {
    rows.iter().filter_map(|row| row[name].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_give_every_row_once_in_order() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut codes: Vec<String> = (0..25).map(|number| format!("C-{number:02}")).collect();
        for code in codes.iter().rev() {
            api.customer(code).await?;
        }
        for (sort, reversed) in [("code", false), ("-code", true), ("created_at", true)] {
            let rows = pages(&api.http, &format!("/customers?limit=4&sort={sort}")).await?;
            codes.sort();
            if reversed {
                codes.reverse();
            }
            assert_eq!(column(&rows, "code"), codes, "{sort}");
        }
        let found = pages(&api.http, "/customers?code=C-07").await?;
        assert_eq!(column(&found, "code"), ["C-07"]);
        let none = pages(&api.http, "/customers?email=nobody@example.com").await?;
        assert!(none.is_empty());
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_the_same_name_are_not_lost_between_pages() {
    World::run(async |world| {
        let api = world.api().await?;
        for number in 0..9 {
            let body =
                json!({"sku": format!("P-{number}"), "name": "Same", "unit_price": "1", "vat_rate": "20"});
            api.created("/products", &body).await?;
        }
        let rows = pages(&api.http, "/products?limit=2&sort=name").await?;
        assert_eq!(column(&rows, "sku").into_iter().collect::<HashSet<_>>().len(), 9);
        assert_eq!(rows.len(), 9);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_found_by_status_customer_reference_and_time() {
    World::run(async |world| {
        let api = world.api().await?;
        let (first, second) = (api.customer("C-1").await?, api.customer("C-2").await?);
        let product = api.product("P-1").await?;
        let mut orders = Vec::new();
        for (number, customer) in [&first, &second, &first].into_iter().enumerate() {
            let mut body = comptoir_tests::harness::order_body(customer, &product);
            body["reference"] = json!(format!("R-{number}"));
            orders.push(api.created("/orders", &body).await?);
        }
        let confirmed = orders[2]["id"].as_str().unwrap();
        api.http.command(&format!("/orders/{confirmed}/confirm")).await?;

        let references = async |query: String| -> Result<Vec<String>> {
            let rows = pages(&api.http, &format!("/orders?sort=placed_at&{query}")).await?;
            Ok(column(&rows, "reference").into_iter().map(str::to_owned).collect())
        };
        assert_eq!(references("status=pending".into()).await?, ["R-0", "R-1"]);
        assert_eq!(references("status=confirmed".into()).await?, ["R-2"]);
        assert_eq!(
            references(format!("customer_id={}", first["id"].as_str().unwrap())).await?,
            ["R-0", "R-2"]
        );
        assert_eq!(references("reference=R-1".into()).await?, ["R-1"]);
        let time = |order: usize| orders[order]["placed_at"].as_str().unwrap().replace('+', "%2B");
        assert_eq!(references(format!("placed_from={}", time(1))).await?, ["R-1", "R-2"]);
        assert_eq!(references(format!("placed_before={}", time(1))).await?, ["R-0"]);
        let newest_first = pages(&api.http, "/orders?sort=-placed_at&limit=2").await?;
        assert_eq!(column(&newest_first, "reference"), ["R-2", "R-1", "R-0"]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_list_does_not_know_is_refused() {
    World::run(async |world| {
        let api = world.api().await?;
        for query in [
            "limit=0",
            "limit=201",
            "limit=many",
            "limit=-1",
            "sort=price",
            "cursor=%25%25%25",
            "cursor=AAAA",
            "colour=red",
            "status=lost",
            "customer_id=1",
            "placed_from=yesterday",
            "placed_from=2026-01-01",
            "reference=%00",
            "reference=a&reference=b",
        ] {
            let answer = api.http.get(&format!("/orders?{query}")).await?;
            assert_eq!(answer.status, 422, "{query}: {}", answer.text);
            assert!(
                answer.pointers().iter().all(|pointer| pointer.starts_with("/query")),
                "{query}: {}",
                answer.text
            );
        }
        Ok(())
    })
    .await;
}
