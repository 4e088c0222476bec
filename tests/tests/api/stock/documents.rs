//! Receipts, adjustments, write-offs and transfers, and what is refused.

use anyhow::{Context, Result};
use comptoir_tests::harness::{Api, Tenant, World};
use serde_json::{Value, json};

use super::{
    NOBODY, amounts, amounts_of, days_ago, document_of, id, movements, order_of, rows, shortages, stock_in,
    stock_of, written,
};

/// The average cost of a product, and what all of it is worth.
async fn costs(api: &Api, product: &Value) -> Result<String> {
    let stock = stock_of(api, product).await?;
    Ok(["average_cost", "value"].map(|name| stock[name].as_str().unwrap_or("?")).join(" "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_is_posted_read_and_listed() {
    World::run(async |world| {
        let api = world.api().await?;
        let (supplier, tea) = (api.supplier("S-1").await?, api.stocked_product("TEA").await?);
        let date = days_ago(30);
        let body = json!({
            "supplier_id": supplier["id"],
            "reference": " BL-1 ",
            "reason": "the first delivery",
            "business_date": date,
            "lines": [
                {"product_id": tea["id"], "quantity": "10", "unit_cost": "2.00"},
                {"product_id": tea["id"], "quantity": "2.5"},
            ],
        });
        let posted = api.http.post("/stock-receipts", &body).await?;
        assert_eq!(posted.status, 201, "{}", posted.text);
        let path = format!("/stock-documents/{}", posted.field("id"));
        assert!(posted.header("location").is_some_and(|at| at.ends_with(&format!("/api/v1{path}"))), "{:?}", posted.headers);
        let mut told = posted.json.clone();
        for (name, expected) in [
            ("kind", json!("receipt")),
            ("supplier_id", supplier["id"].clone()),
            ("to_warehouse_id", Value::Null),
            ("reference", json!("BL-1")),
            ("reason", json!("the first delivery")),
            ("business_date", json!(date)),
            ("created_by", json!("a test")),
        ] {
            assert_eq!(told[name], expected, "{name}");
        }
        let line = |change: &str| json!({"product_id": tea["id"], "sku": "TEA", "name": "Product TEA", "change": change, "unit_cost": "2.00", "places": []});
        assert_eq!(told["lines"], json!([line("10"), line("2.5")]), "without a cost it costs the average");
        assert_eq!(api.http.get(&path).await?.json, posted.json);
        told.as_object_mut().unwrap().remove("lines");
        for filter in ["", "?kind=receipt", "?reference=BL-1", "?kind=receipt&reference=BL-1&sort=created_at&limit=1"] {
            assert_eq!(rows(&api.http.get(&format!("/stock-documents{filter}")).await?)?, [told.clone()], "{filter}");
        }
        for filter in ["?kind=transfer", "?reference=BL-2", "?kind=adjustment&reference=BL-1"] {
            assert_eq!(rows(&api.http.get(&format!("/stock-documents{filter}")).await?)?, [] as [Value; 0], "{filter}");
        }
        let csv = api.http.get("/stock-documents.csv").await?;
        assert!(csv.status == 200 && csv.text.lines().count() == 2 && csv.text.contains("BL-1"), "{}", csv.text);

        let again = api.http.post("/stock-receipts", &body).await?;
        assert_eq!((again.status, again.code()), (409, "stock_document_reference_taken"), "{}", again.text);
        // A number belongs to the documents of one kind.
        let other = json!({"reference": "BL-1", "reason": "counted", "lines": [{"product_id": tea["id"], "change": "1"}]});
        api.created("/stock-adjustments", &other).await?;
        assert_eq!(amounts_of(&api, &tea).await?, "13.5 0 0");
        let unknown = api.http.get(&format!("/stock-documents/{NOBODY}")).await?;
        assert_eq!((unknown.status, unknown.code()), (404, "stock_document_not_found"));
        let trail = api.http.get(&format!("/audit-events?resource_id={}", posted.field("id"))).await?;
        assert_eq!(rows(&trail)?[0]["action"], "stock.receive");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_average_cost_is_weighted_by_what_comes() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        api.receive(&tea, "10", "2.00").await?;
        assert_eq!(costs(&api, &tea).await?, "2.00 20.00");
        api.receive(&tea, "20", "3.50").await?;
        assert_eq!(costs(&api, &tea).await?, "3.00 90.00");
        // What leaves costs the average, and leaves it as it is.
        let order = api.created("/orders", &order_of(&customer, &[(&tea, "28")])).await?;
        super::shipped(&api, &order).await?;
        assert_eq!(costs(&api, &tea).await?, "3.00 6.00");
        // 6.00 + 4.00 on three: 3.333333…
        api.receive(&tea, "1", "4.00").await?;
        assert_eq!(costs(&api, &tea).await?, "3.333333 10.00");
        let lines =
            json!([{"product_id": tea["id"], "change": "2"}, {"product_id": tea["id"], "change": "-1"}]);
        api.created("/stock-adjustments", &json!({"reason": "counted", "lines": lines})).await?;
        assert_eq!(costs(&api, &tea).await?, "3.333333 13.33", "what comes without a cost changes nothing");

        // 0.0000005 is rounded half up, to six decimals; and so is 0.6666666…
        let (half, thirds) = (api.stocked_product("HALF").await?, api.stocked_product("THIRDS").await?);
        api.receive(&half, "1", "0.000001").await?;
        api.receive(&half, "1", "0").await?;
        assert_eq!(costs(&api, &half).await?, "0.000001 0.00");
        api.receive(&thirds, "1", "1").await?;
        api.receive(&thirds, "2", "0.5").await?;
        assert_eq!(costs(&api, &thirds).await?, "0.666667 2.00");

        // Of nothing, the cost is that of what comes.
        let body = document_of(json!({"reason": "spoilt"}), &[(&half, "2")]);
        api.created("/stock-write-offs", &body).await?;
        assert_eq!(amounts_of(&api, &half).await?, "0 0 0");
        api.receive(&half, "1", "9").await?;
        assert_eq!(costs(&api, &half).await?, "9.00 9.00");
        api.proof().await?;
        Ok(())
    })
    .await;
}

/// A receipt at a wrong cost stayed in the average for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goods_that_came_at_a_wrong_cost_are_taken_back_at_that_cost() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.stocked_product("TEA").await?;
        api.receive(&tea, "100", "7.00").await?;
        api.receive(&tea, "100", "70.00").await?;
        assert_eq!(costs(&api, &tea).await?, "38.50 7700.00");
        let adjusted = |lines: &[(&str, &str)]| {
            let line = |(change, cost): &(&str, &str)| {
                json!({"product_id": tea["id"], "change": change, "unit_cost": cost})
            };
            json!({"reason": "70 was typed for 7", "lines": lines.iter().map(line).collect::<Vec<_>>()})
        };
        // What comes is posted first: 7,700 + 700 on 300, then less 7,000 on 200.
        let body = adjusted(&[("-100", "70.00"), ("100", "7.00")]);
        let posted = api.created("/stock-adjustments", &body).await?;
        assert_eq!(costs(&api, &tea).await?, "7.00 1400.00");
        let told = |lines: &[Value], change: &str| -> Vec<String> {
            let mut told: Vec<String> =
                lines.iter().map(|line| format!("{} at {}", line[change], line["unit_cost"])).collect();
            told.sort_unstable();
            told
        };
        let expected = ["\"-100\" at \"70.00\"", "\"100\" at \"7.00\""];
        assert_eq!(told(posted["lines"].as_array().context("no lines")?, "change"), expected);
        let read = api.http.get(&format!("/stock-documents/{}", id(&posted))).await?;
        assert_eq!(told(read.json["lines"].as_array().context("no lines")?, "change"), expected);
        let moved = movements(&api, &format!("document_id={}", id(&posted))).await?;
        assert_eq!(told(&moved, "on_hand_change"), expected);
        // On its own, too: 1,400 − 50 × 9 on 150.
        api.created("/stock-adjustments", &adjusted(&[("-50", "9.00")])).await?;
        assert_eq!(costs(&api, &tea).await?, "6.333333 950.00");

        let sql = world.sql().await?;
        let before = written(&sql).await?;
        let refused = api.http.post("/stock-adjustments", &adjusted(&[("1", "1.00"), ("-1", "1000.00")])).await?;
        assert_eq!((refused.status, refused.code()), (409, "cost_beyond_value"), "{}", refused.text);
        assert_eq!(refused.pointers(), ["/lines/1/unit_cost"]);
        assert_eq!(written(&sql).await?, before);
        assert_eq!(costs(&api, &tea).await?, "6.333333 950.00");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adjustment_says_that_there_is_more_or_less() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, pot) = (api.stocked_product("TEA").await?, api.stocked_product("POT").await?);
        api.receive(&tea, "10", "2.00").await?;
        let lines = json!([
            {"product_id": tea["id"], "change": "-2.5"},
            {"product_id": pot["id"], "change": "4", "unit_cost": "7.00"},
        ]);
        let posted =
            api.created("/stock-adjustments", &json!({"reason": "counted again", "lines": lines})).await?;
        assert_eq!((&posted["kind"], &posted["reason"]), (&json!("adjustment"), &json!("counted again")));
        let changes: Vec<_> =
            posted["lines"].as_array().unwrap().iter().map(|line| line["change"].clone()).collect();
        assert_eq!(changes, ["-2.5", "4"]);
        assert_eq!(
            (amounts_of(&api, &tea).await?, amounts_of(&api, &pot).await?),
            ("7.5 0 0".to_owned(), "4 0 0".to_owned())
        );
        assert_eq!(costs(&api, &pot).await?, "7.00 28.00");
        let moved = movements(&api, &format!("document_id={}&kind=adjustment", id(&posted))).await?;
        assert_eq!(moved.len(), 2);
        assert!(
            moved.iter().all(|row| row["reason"] == "counted again" && row["document_type"] == "adjustment"),
            "{moved:?}"
        );

        let sql = world.sql().await?;
        let before = written(&sql).await?;
        let lines =
            json!([{"product_id": pot["id"], "change": "1"}, {"product_id": tea["id"], "change": "-8"}]);
        let refused =
            api.http.post("/stock-adjustments", &json!({"reason": "counted", "lines": lines})).await?;
        assert_eq!((refused.status, refused.code()), (409, "insufficient_stock"), "{}", refused.text);
        assert_eq!(refused.json["errors"][0]["available"], "7.5");
        for (line, pointer) in [
            (json!({"product_id": tea["id"], "change": "0"}), "/lines/0/change"),
            (json!({"product_id": tea["id"], "change": "+1"}), "/lines/0/change"),
            (json!({"product_id": tea["id"], "change": 1}), "/lines/0/change"),
            (json!({"product_id": tea["id"], "change": "-0.0000001"}), "/lines/0/change"),
            (json!({"product_id": tea["id"], "change": "-1", "unit_cost": "-2.00"}), "/lines/0/unit_cost"),
            (json!({"product_id": tea["id"], "change": "1", "unit_cost": "-2.00"}), "/lines/0/unit_cost"),
            (json!({"product_id": tea["id"], "quantity": "1", "change": "1"}), "/lines/0/quantity"),
        ] {
            let body = json!({"reason": "counted", "lines": [line]});
            let answer = api.http.post("/stock-adjustments", &body).await?;
            assert_eq!((answer.status, answer.pointers()), (422, vec![pointer]), "{body}: {}", answer.text);
        }
        assert_eq!(written(&sql).await?, before);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_off_takes_no_more_than_there_is_and_says_why() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let (tea, pot) = (api.stocked_product("TEA").await?, api.stocked_product("POT").await?);
        api.receive(&tea, "10", "2.00").await?;
        api.receive(&pot, "1", "7.00").await?;
        let order = api.created("/orders", &order_of(&customer, &[(&tea, "6")])).await?;
        let sql = world.sql().await?;
        let before = written(&sql).await?;
        let lines = [(&tea, "8"), (&pot, "1"), (&tea, "3"), (&pot, "0.5")];
        let refused =
            api.http.post("/stock-write-offs", &document_of(json!({"reason": "lost"}), &lines)).await?;
        assert_eq!((refused.status, refused.code()), (409, "insufficient_stock"), "{}", refused.text);
        assert_eq!(shortages(&refused), ["/lines/2/quantity 2", "/lines/3/quantity 0"]);
        for path in ["/stock-write-offs", "/stock-adjustments"] {
            for reason in [json!({}), json!({"reason": null}), json!({"reason": " "})] {
                let mut body = reason;
                body["lines"] = match path {
                    "/stock-adjustments" => json!([{"product_id": tea["id"], "change": "-1"}]),
                    _ => json!([{"product_id": tea["id"], "quantity": "1"}]),
                };
                let answer = api.http.post(path, &body).await?;
                assert_eq!(
                    (answer.status, answer.pointers()),
                    (422, vec!["/reason"]),
                    "{path}: {}",
                    answer.text
                );
            }
        }
        assert_eq!(written(&sql).await?, before);
        assert_eq!(super::held_by(&api, &order).await?, ["6 0"], "an order keeps what nobody could take");
        let posted =
            api.created("/stock-write-offs", &document_of(json!({"reason": "lost"}), &[(&tea, "4")])).await?;
        assert_eq!((&posted["kind"], &posted["lines"][0]["change"]), (&json!("write_off"), &json!("-4")));
        assert_eq!(posted["lines"][0]["unit_cost"], "2.00");
        assert_eq!(amounts_of(&api, &tea).await?, "6 6 0");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_takes_goods_and_their_cost_along_but_nothing_that_is_reserved() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let market = api.created("/warehouses", &json!({"code": "MARKET", "name": "The market"})).await?;
        api.receive(&tea, "10", "3.00").await?;
        let main = json!({"id": stock_of(&api, &tea).await?["warehouse_id"]});
        let order = api.created("/orders", &order_of(&customer, &[(&tea, "4")])).await?;
        let to_market =
            |quantity: &str| document_of(json!({"to_warehouse_id": market["id"]}), &[(&tea, quantity)]);
        let sql = world.sql().await?;
        let before = written(&sql).await?;
        let refused = api.http.post("/stock-transfers", &to_market("7")).await?;
        assert_eq!((refused.status, refused.code()), (409, "stock_reserved"), "{}", refused.text);
        assert_eq!(shortages(&refused), ["/lines/0/quantity 6"]);
        let refused = api.http.post("/stock-transfers", &to_market("11")).await?;
        assert_eq!((refused.status, refused.code()), (409, "insufficient_stock"), "{}", refused.text);
        for (to, what) in
            [(main["id"].clone(), "where they are"), (json!(NOBODY), "nowhere"), (Value::Null, "no place")]
        {
            let body = document_of(json!({"to_warehouse_id": to}), &[(&tea, "1")]);
            let answer = api.http.post("/stock-transfers", &body).await?;
            assert_eq!(
                (answer.status, answer.pointers()),
                (422, vec!["/to_warehouse_id"]),
                "{what}: {}",
                answer.text
            );
        }
        assert_eq!(written(&sql).await?, before);

        let posted = api.created("/stock-transfers", &to_market("6")).await?;
        assert_eq!((&posted["warehouse_id"], &posted["to_warehouse_id"]), (&main["id"], &market["id"]));
        assert_eq!(
            (&posted["lines"][0]["change"], &posted["lines"][0]["unit_cost"]),
            (&json!("-6"), &json!("3.00"))
        );
        assert_eq!(api.http.get(&format!("/stock-documents/{}", id(&posted))).await?.json, posted);
        let (here, there) = (stock_in(&api, &tea, &main).await?, stock_in(&api, &tea, &market).await?);
        assert_eq!((amounts(&here), amounts(&there)), ("4 4 0".to_owned(), "6 0 0".to_owned()));
        assert_eq!((&here["average_cost"], &there["average_cost"]), (&json!("3.00"), &json!("3.00")));
        let moved = movements(&api, &format!("document_id={}", id(&posted))).await?;
        let mut changes: Vec<_> =
            moved.iter().map(|row| (row["warehouse_id"].clone(), row["on_hand_change"].clone())).collect();
        changes.sort_by_key(|(_, change)| change.to_string());
        assert_eq!(changes, [(main["id"].clone(), json!("-6")), (market["id"].clone(), json!("6"))]);
        assert!(moved.iter().all(|row| row["kind"] == "transfer"), "{moved:?}");

        // And back, from a warehouse that is named.
        let back = json!({"warehouse_id": market["id"], "to_warehouse_id": main["id"]});
        api.created("/stock-transfers", &document_of(back, &[(&tea, "1")])).await?;
        let (here, there) = (stock_in(&api, &tea, &main).await?, stock_in(&api, &tea, &market).await?);
        assert_eq!((amounts(&here), amounts(&there)), ("5 4 0".to_owned(), "5 0 0".to_owned()));
        super::shipped(&api, &order).await?;
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_wrong_part_of_a_document_is_pointed_at_and_nothing_is_stored() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, advice) = (api.stocked_product("TEA").await?, api.product("ADVICE").await?);
        let counted =
            json!({"sku": "CUP", "name": "Cup", "unit_price": "3", "vat_rate": "20", "quantity_decimals": 0});
        let counted = api.created("/products", &counted).await?;
        api.receive(&tea, "10", "2.00").await?;
        let nothing = json!({"id": NOBODY});
        let sql = world.sql().await?;
        let before = written(&sql).await?;
        let many: Vec<(&Value, &str)> = vec![(&tea, "1"); 1_001];
        for (more, lines, pointers) in [
            (
                json!({}),
                vec![(&tea, "1"), (&nothing, "1"), (&nothing, "2")],
                vec!["/lines/1/product_id", "/lines/2/product_id"],
            ),
            (json!({}), vec![(&advice, "1"), (&tea, "1")], vec!["/lines/0/product_id"]),
            (json!({"warehouse_id": NOBODY}), vec![(&tea, "1")], vec!["/warehouse_id"]),
            (json!({"supplier_id": NOBODY}), vec![(&tea, "1")], vec!["/supplier_id"]),
            (json!({"business_date": days_ago(365 * 11)}), vec![(&tea, "1")], vec!["/business_date"]),
            (json!({"business_date": "9999-01-01"}), vec![(&tea, "1")], vec!["/business_date"]),
            (json!({"business_date": "yesterday"}), vec![(&tea, "1")], vec!["/business_date"]),
            (json!({"reference": " "}), vec![(&tea, "1")], vec!["/reference"]),
            (
                json!({}),
                vec![(&tea, "0"), (&tea, "-1"), (&tea, "1.0000001")],
                vec!["/lines/0/quantity", "/lines/1/quantity", "/lines/2/quantity"],
            ),
            (json!({}), vec![(&tea, "1.5"), (&counted, "1.5")], vec!["/lines/1/quantity"]),
            (json!({}), vec![], vec!["/lines"]),
            (json!({}), many, vec!["/lines"]),
        ] {
            let body = document_of(more, &lines);
            let answer = api.http.post("/stock-receipts", &body).await?;
            assert_eq!((answer.status, answer.pointers()), (422, pointers), "{}", answer.text);
        }
        for cost in [json!("-1"), json!("1.0000001"), json!(2)] {
            let line = json!({"product_id": tea["id"], "quantity": "1", "unit_cost": cost});
            let answer = api.http.post("/stock-receipts", &json!({"lines": [line]})).await?;
            assert_eq!(
                (answer.status, answer.pointers()),
                (422, vec!["/lines/0/unit_cost"]),
                "{}",
                answer.text
            );
        }
        assert_eq!(written(&sql).await?, before);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_counted_does_not_come() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.stocked_product("TEA").await?;
        let lines: Vec<(&Value, &str)> = vec![(&tea, "999999999"); 1_000];
        api.created("/stock-receipts", &document_of(json!({}), &lines)).await?;
        assert_eq!(amounts_of(&api, &tea).await?, "999999999000 0 0");
        let refused = api.http.post("/stock-receipts", &document_of(json!({}), &[(&tea, "1000")])).await?;
        assert_eq!((refused.status, refused.code()), (422, "stock_too_large"), "{}", refused.text);
        api.receive(&tea, "999.999999", "0.01").await?;
        assert_eq!(amounts_of(&api, &tea).await?, "999999999999.999999 0 0");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_receipt_twice_is_posted_once() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.stocked_product("TEA").await?;
        let body = document_of(json!({}), &[(&tea, "5")]);
        let first = api.http.post_with_key("/stock-receipts", "the-receipt", &body).await?;
        let again = api.http.post_with_key("/stock-receipts", "the-receipt", &body).await?;
        assert_eq!((first.status, again.status, &first.text), (201, 201, &again.text));
        assert_eq!(first.header("location"), again.header("location"));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        let other = document_of(json!({}), &[(&tea, "6")]);
        let reused = api.http.post_with_key("/stock-receipts", "the-receipt", &other).await?;
        assert_eq!((reused.status, reused.code()), (422, "idempotency_key_reused"));
        assert_eq!(rows(&api.http.get("/stock-documents").await?)?.len(), 1);
        assert_eq!(movements(&api, &format!("product_id={}", id(&tea))).await?.len(), 1);
        assert_eq!(amounts_of(&api, &tea).await?, "5 0 0");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_goods_of_one_company_are_nothing_to_another() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.stocked_product("TEA").await?;
        let receipt = api.receive(&tea, "5", "2.00").await?;
        let stock = stock_of(&api, &tea).await?;
        let stranger = Tenant::create(&world.sql().await?, "Other").await?;
        let stranger = api.http.with_credential(&stranger.api_key);
        for list in ["/stock", "/stock-movements", "/stock-documents"] {
            assert_eq!(rows(&stranger.get(list).await?)?, [] as [Value; 0], "{list}");
        }
        for path in [format!("/stock/{}", id(&stock)), format!("/stock-documents/{}", id(&receipt))] {
            assert_eq!(stranger.get(&path).await?.status, 404, "{path}");
        }
        let refused = stranger.post("/stock-receipts", &document_of(json!({}), &[(&tea, "1")])).await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/lines/0/product_id"]));
        let body = document_of(json!({"warehouse_id": stock["warehouse_id"]}), &[(&tea, "1")]);
        let refused = stranger.post("/stock-receipts", &body).await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/warehouse_id"]));
        assert_eq!(stranger.get("/stock/proof").await?.json["levels"], 0);
        assert_eq!(api.proof().await?["levels"], 1);
        Ok(())
    })
    .await;
}
