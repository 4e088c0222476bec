//! Levels as they are read, and the rule that says when to order more.

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, Http, World, api_key, main_warehouse};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    NOBODY, amounts, amounts_of, document_of, id, movements, number_of, order_of, rows, stock_in, stock_of,
    waiting,
};

/// A client with the permissions of a role.
async fn acting_as(world: &World, api: &Api, role: &str) -> Result<Http> {
    let roles = rows(&api.http.get("/roles").await?)?;
    let role = roles.iter().find(|row| row["role"] == role).context("no such role")?;
    let names: Vec<String> = serde_json::from_value(role["permissions"].clone())?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let key = api_key(&world.sql().await?, world.tenant().await?.id, &names).await?;
    Ok(api.http.with_credential(&key))
}

/// The SKUs of what a list of stock has.
async fn listed(api: &Api, filter: &str) -> Result<Vec<Value>> {
    Ok(rows(&api.http.get(&format!("/stock?{filter}")).await?)?
        .iter()
        .map(|row| row["sku"].clone())
        .collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_is_listed_filtered_searched_and_read() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let (pot, tea) = (api.stocked_product("POT-1").await?, api.stocked_product("TEA-1").await?);
        let market = api.created("/warehouses", &json!({"code": "MARKET", "name": "The market"})).await?;
        assert_eq!(listed(&api, "sort=sku").await?, [] as [Value; 0], "what never came is nowhere");
        api.receive(&tea, "10", "2.5").await?;
        api.receive(&pot, "2", "7.00").await?;
        api.created("/stock-receipts", &document_of(json!({"warehouse_id": market["id"]}), &[(&tea, "1")]))
            .await?;
        let order = waiting(order_of(&customer, &[(&pot, "3"), (&tea, "4")]));
        api.created("/orders", &order).await?;

        assert_eq!(listed(&api, "sort=sku").await?, ["POT-1", "TEA-1", "TEA-1"]);
        assert_eq!(listed(&api, "sort=-sku&limit=2").await?, ["TEA-1", "TEA-1"]);
        assert_eq!(listed(&api, "sort=name").await?, ["POT-1", "TEA-1", "TEA-1"]);
        assert_eq!(listed(&api, &format!("warehouse_id={}", id(&market))).await?, ["TEA-1"]);
        assert_eq!(listed(&api, &format!("product_id={}", id(&pot))).await?, ["POT-1"]);
        assert_eq!(listed(&api, "q=pot").await?, ["POT-1"]);
        assert_eq!(listed(&api, &format!("q=tea&warehouse_id={}", id(&market))).await?, ["TEA-1"]);
        assert_eq!(listed(&api, "low=true").await?, [] as [Value; 0]);
        assert_eq!(listed(&api, "low=false").await?.len(), 3);
        for filter in ["warehouse_id", "product_id"] {
            assert_eq!(listed(&api, &format!("{filter}={NOBODY}")).await?, [] as [Value; 0], "{filter}");
            let wrong = api.http.get(&format!("/stock?{filter}=x")).await?;
            assert_eq!(
                (wrong.status, wrong.pointers()),
                (422, vec![&*format!("/query/{filter}")]),
                "{}",
                wrong.text
            );
        }
        let unknown = api.http.get("/stock?external_id=x").await?;
        assert_eq!(
            (unknown.status, unknown.pointers()),
            (422, vec!["/query/external_id"]),
            "{}",
            unknown.text
        );

        let stock = stock_of(&api, &pot).await?;
        for (name, expected) in [
            ("product_id", pot["id"].clone()),
            ("name", json!("Product POT-1")),
            ("on_hand", json!("2")),
            ("located", json!("0")),
            ("reserved", json!("2")),
            ("available", json!("0")),
            ("waiting", json!("1")),
            ("reorder_point", Value::Null),
            ("reorder_quantity", Value::Null),
            ("low", json!(false)),
            ("average_cost", json!("7.00")),
            ("value", json!("14.00")),
        ] {
            assert_eq!(stock[name], expected, "{name}");
        }
        let path = format!("/stock/{}", id(&stock));
        let read = api.http.get(&path).await?;
        let mut details = stock.clone();
        details["places"] = json!([]);
        assert_eq!((read.status, &read.json), (200, &details), "as in the list, with where it lies");
        let tag = format!("\"{}\"", stock["version"]);
        assert_eq!(read.header("etag"), Some(tag.as_str()));
        let unchanged = api.http.send(Method::GET, &path, &[("If-None-Match", tag.as_str())], None).await?;
        assert_eq!(unchanged.status, 304);
        let nobody = api.http.get(&format!("/stock/{NOBODY}")).await?;
        assert_eq!((nobody.status, nobody.code()), (404, "stock_not_found"));
        let csv = api.http.get(&format!("/stock.csv?warehouse_id={}", id(&market))).await?;
        assert!(
            csv.status == 200 && csv.text.lines().count() == 2 && csv.text.contains("TEA-1"),
            "{}",
            csv.text
        );
        assert_eq!(amounts(&stock_in(&api, &tea, &market).await?), "1 0 0");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_is_called_as_its_product_is() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let (tea, pot) = (api.stocked_product("TEA-1").await?, api.stocked_product("POT-1").await?);
        api.receive(&tea, "10", "2.00").await?;
        // One that only an order ever named.
        let order = waiting(order_of(&customer, &[(&pot, "1"), (&tea, "3")]));
        api.created("/orders", &order).await?;
        for (product, sku) in [(&tea, "TEA-2"), (&pot, "POT-2")] {
            let before = stock_of(&api, product).await?;
            let path = format!("/products/{}", id(product));
            let body = json!({"sku": sku, "name": format!("Now {sku}")});
            let changed = api.http.send(Method::PATCH, &path, &[], Some(&body)).await?;
            assert_eq!(changed.status, 200, "{}", changed.text);
            let stock = stock_of(&api, product).await?;
            assert_eq!((&stock["sku"], &stock["name"]), (&json!(sku), &json!(format!("Now {sku}"))));
            assert_eq!(amounts(&stock), amounts(&before));
        }
        assert_eq!(listed(&api, "sort=sku").await?, ["POT-2", "TEA-2"]);
        assert_eq!(listed(&api, "q=tea+2").await?, ["TEA-2"]);
        // What changed nothing of its names changes nothing of the stock.
        let before = stock_of(&api, &tea).await?;
        let body = json!({"unit_price": "11"});
        api.http.send(Method::PATCH, &format!("/products/{}", id(&tea)), &[], Some(&body)).await?;
        assert_eq!(stock_of(&api, &tea).await?["version"], before["version"]);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_that_comes_down_to_its_reorder_point_is_low_and_told_once() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let sql = world.sql().await?;
        api.receive(&tea, "10", "2.00").await?;
        let stock = stock_of(&api, &tea).await?;
        let rule = format!("/stock/{}/reorder-rule", id(&stock));
        let set =
            api.http.send(Method::PUT, &rule, &[], Some(&json!({"point": "3", "quantity": "20"}))).await?;
        assert_eq!((set.status, set.header("etag").is_some()), (200, true), "{}", set.text);
        assert_eq!((&set.json["reorder_point"], &set.json["reorder_quantity"]), (&json!("3"), &json!("20")));
        assert_eq!(set.json, stock_of(&api, &tea).await?);
        for (quantity, low, told) in [("6", false, 0), ("1", true, 1), ("1", true, 1)] {
            api.created("/orders", &order_of(&customer, &[(&tea, quantity)])).await?;
            assert_eq!(stock_of(&api, &tea).await?["low"], low, "{quantity}");
            assert_eq!(number_of(&sql, "stock.level_low").await?, told, "{quantity}");
        }
        assert_eq!(listed(&api, "low=true").await?, ["TEA"]);
        let payload = "SELECT payload::text FROM outbox_events WHERE event_type = 'stock.level_low'";
        let payload: Value = serde_json::from_str(sql.query_one(payload, &[]).await?.get(0))?;
        for (name, expected) in [
            ("stock_id", stock["id"].clone()),
            ("product_id", tea["id"].clone()),
            ("sku", json!("TEA")),
            ("available", json!("3")),
            ("reorder_point", json!("3")),
            ("reorder_quantity", json!("20")),
        ] {
            assert_eq!(payload[name], expected, "{name}");
        }
        // Above, and down again.
        api.receive(&tea, "2", "2.00").await?;
        assert_eq!(listed(&api, "low=true").await?, [] as [Value; 0]);
        api.created("/orders", &order_of(&customer, &[(&tea, "4")])).await?;
        assert_eq!(number_of(&sql, "stock.level_low").await?, 2);

        let ended = api.http.send(Method::DELETE, &rule, &[], None).await?;
        assert_eq!((ended.status, &ended.json["reorder_point"]), (200, &Value::Null), "{}", ended.text);
        assert_eq!((&ended.json["low"], listed(&api, "low=true").await?.len()), (&json!(false), 0));
        // A rule that finds it low says so at once.
        api.http.send(Method::PUT, &rule, &[], Some(&json!({"point": "0", "quantity": "1"}))).await?;
        assert_eq!(number_of(&sql, "stock.level_low").await?, 3);
        assert_eq!(amounts_of(&api, &tea).await?, "12 12 0");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reorder_rule_that_is_wrong_or_for_another_version_is_refused() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.stocked_product("TEA").await?;
        api.receive(&tea, "10", "2.00").await?;
        let stock = stock_of(&api, &tea).await?;
        let rule = format!("/stock/{}/reorder-rule", id(&stock));
        let right = json!({"point": "3", "quantity": "20"});
        for (body, pointer) in [
            (json!({"point": "-1", "quantity": "20"}), "/point"),
            (json!({"point": "3.0000001", "quantity": "20"}), "/point"),
            (json!({"point": "3", "quantity": "0"}), "/quantity"),
            (json!({"point": "3"}), "/quantity"),
            (json!({"quantity": "20"}), "/point"),
            (json!({"point": "3", "quantity": "20", "low": true}), "/low"),
        ] {
            let answer = api.http.send(Method::PUT, &rule, &[], Some(&body)).await?;
            assert_eq!((answer.status, answer.pointers()), (422, vec![pointer]), "{body}: {}", answer.text);
        }
        for (method, body) in [(Method::PUT, Some(&right)), (Method::DELETE, None)] {
            let stale = api.http.send(method.clone(), &rule, &[("If-Match", "\"99\"")], body).await?;
            assert_eq!((stale.status, stale.code()), (412, "version_mismatch"), "{method}");
            let nowhere = format!("/stock/{NOBODY}/reorder-rule");
            let nobody = api.http.send(method.clone(), &nowhere, &[], body).await?;
            assert_eq!((nobody.status, nobody.code()), (404, "stock_not_found"), "{method}");
        }
        assert_eq!(stock_of(&api, &tea).await?, stock, "nothing was changed");
        let tag = format!("\"{}\"", stock["version"]);
        let set = api.http.send(Method::PUT, &rule, &[("If-Match", tag.as_str())], Some(&right)).await?;
        assert_eq!(set.status, 200, "{}", set.text);
        let again = api.http.send(Method::PUT, &rule, &[], Some(&right)).await?;
        assert_eq!(
            (again.status, &again.json["version"]),
            (200, &set.json["version"]),
            "the same rule changes nothing"
        );
        let trail = api.http.get(&format!("/audit-events?resource_id={}", id(&stock))).await?;
        let actions: Vec<_> = rows(&trail)?.iter().map(|row| row["action"].clone()).collect();
        assert_eq!(actions, ["stock.set_reorder_rule"]);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_archived_or_kept_in_stock_no_more_is_not_low() {
    World::run(async |world| {
        let api = world.api().await?;
        let main = main_warehouse(&api).await?;
        let market = api.warehouse("MARKET").await?;
        let rule = json!({"point": "30", "quantity": "100"});
        let set = async |stock: &Value, rule: &Value| {
            let path = format!("/stock/{}/reorder-rule", id(stock));
            api.http.send(Method::PUT, &path, &[], Some(rule)).await
        };
        let received = async |sku: &str, warehouse: &Value| -> Result<(Value, Value)> {
            let product = api.stocked_product(sku).await?;
            let line = json!({"product_id": product["id"], "quantity": "4", "unit_cost": "7.00"});
            let receipt = json!({"warehouse_id": warehouse["id"], "lines": [line]});
            api.created("/stock-receipts", &receipt).await?;
            let stock = stock_of(&api, &product).await?;
            let answer = set(&stock, &rule).await?;
            ensure!(answer.status == 200, "{}", answer.text);
            Ok((product, stock))
        };
        let (kept, _) = received("KEPT", &main).await?;
        let (gone, of_gone) = received("GONE", &main).await?;
        let (loose, of_loose) = received("LOOSE", &main).await?;
        let (stall, of_stall) = received("STALL", &market).await?;
        assert_eq!(listed(&api, "low=true").await?, ["GONE", "KEPT", "LOOSE", "STALL"]);

        // Nothing of them is there any more but of the archived product, which may still lie there.
        for (product, warehouse) in [(&loose, &main), (&stall, &market)] {
            let loss = json!({"warehouse_id": warehouse["id"], "reason": "a test",
                "lines": [{"product_id": product["id"], "quantity": "4"}]});
            api.created("/stock-write-offs", &loss).await?;
        }
        let archived = api.http.command(&format!("/products/{}/archive", id(&gone))).await?;
        assert_eq!(archived.status, 200, "{}", archived.text);
        let path = format!("/products/{}", id(&loose));
        let unstocked = json!({"stocked": false});
        let unstocked = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&unstocked)).await?;
        assert_eq!(unstocked.status, 200, "{}", unstocked.text);
        let archived = api.http.command(&format!("/warehouses/{}/archive", id(&market))).await?;
        assert_eq!(archived.status, 200, "{}", archived.text);

        assert_eq!(listed(&api, "low=true").await?, ["KEPT"]);
        assert_eq!(stock_of(&api, &kept).await?["reorder_point"], "30");
        for stock in [&of_gone, &of_loose, &of_stall] {
            let after = api.http.get(&format!("/stock/{}", id(stock))).await?.json;
            assert_eq!((&after["reorder_point"], &after["low"]), (&Value::Null, &json!(false)), "{after}");
            let refused = set(stock, &rule).await?;
            assert_eq!((refused.status, refused.code()), (422, "invalid_reorder_rule"), "{}", refused.text);
            let path = format!("/stock/{}/reorder-rule", id(stock));
            let ended = api.http.send(Method::DELETE, &path, &[], None).await?;
            assert!(ended.status < 300, "there is none: {} {}", ended.status, ended.text);
        }
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn costs_are_for_those_who_may_see_them() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.stocked_product("TEA").await?;
        let receipt = api.receive(&tea, "10", "2.00").await?;
        let stock = stock_of(&api, &tea).await?;
        let warehouse = acting_as(world, &api, "warehouse").await?;
        let (at, document) = (format!("/stock/{}", id(&stock)), format!("/stock-documents/{}", id(&receipt)));
        for (role, sees) in [("warehouse", false), ("sales", false), ("management", true), ("admin", true)] {
            let http = acting_as(world, &api, role).await?;
            let read = http.get(&at).await?.json;
            let listed = rows(&http.get("/stock").await?)?;
            let moved = rows(&http.get("/stock-movements").await?)?;
            let document = http.get(&document).await?.json;
            for cost in [
                &read["average_cost"],
                &read["value"],
                &listed[0]["average_cost"],
                &listed[0]["value"],
                &moved[0]["unit_cost"],
                &document["lines"][0]["unit_cost"],
            ] {
                assert_eq!(cost.is_string(), sees, "{role}: {read} {listed:?} {moved:?} {document}");
                assert_eq!(cost.is_null(), !sees, "{role}");
            }
            assert_eq!(read["on_hand"], "10", "{role}");
            let csv = http.get("/stock.csv").await?.text;
            assert_eq!(csv.contains(",2.00,20.00,"), sees, "{role}: {csv}");
        }
        // What it posts itself tells it no more: not what a cost was without, and not what it said.
        let body = document_of(json!({}), &[(&tea, "1")]);
        let mut with_cost = body.clone();
        with_cost["lines"][0]["unit_cost"] = json!("2.00");
        for body in [body, with_cost] {
            let posted = warehouse.post("/stock-receipts", &body).await?;
            assert_eq!((posted.status, &posted.json["lines"][0]["unit_cost"]), (201, &Value::Null), "{}", posted.text);
        }
        // Whether goods may go at a cost depends on what the others cost.
        let less = json!({"product_id": tea["id"], "change": "-1", "unit_cost": "2.00"});
        let refused = warehouse.post("/stock-adjustments", &json!({"reason": "wrong", "lines": [less]})).await?;
        assert_eq!((refused.status, refused.code()), (403, "forbidden"), "{}", refused.text);
        let lost = document_of(json!({"reason": "lost"}), &[(&tea, "1")]);
        let posted = warehouse.post("/stock-write-offs", &lost).await?;
        assert_eq!((posted.status, &posted.json["lines"][0]["unit_cost"]), (201, &Value::Null), "{}", posted.text);
        let rule = json!({"point": "1", "quantity": "1"});
        let set = warehouse.send(Method::PUT, &format!("{at}/reorder-rule"), &[], Some(&rule)).await?;
        assert_eq!((set.status, &set.json["average_cost"], &set.json["value"]), (200, &Value::Null, &Value::Null));
        let kept = movements(&api, &format!("product_id={}", id(&tea))).await?;
        assert!(kept.iter().all(|row| row["unit_cost"] == "2.00"), "the ledger has them: {kept:?}");
        // Events go to everybody.
        let sql = world.sql().await?;
        let told = "SELECT count(*) FROM outbox_events WHERE event_type LIKE 'stock.%' AND payload::text LIKE '%cost%'";
        assert_eq!(sql.query_one(told, &[]).await?.get::<_, i64>(0), 0);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sells_sees_the_stock_and_moves_nothing() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        api.receive(&tea, "10", "2.00").await?;
        let stock = stock_of(&api, &tea).await?;
        let sales = acting_as(world, &api, "sales").await?;
        for path in ["/stock", "/stock-movements", "/stock-documents", "/stock/proof"] {
            assert_eq!(sales.get(path).await?.status, 200, "{path}");
        }
        let line = json!({"product_id": tea["id"], "quantity": "1"});
        let change = json!({"product_id": tea["id"], "change": "1"});
        for (path, body) in [
            ("/stock-receipts", json!({"lines": [line]})),
            ("/stock-transfers", json!({"to_warehouse_id": NOBODY, "lines": [line]})),
            ("/stock-write-offs", json!({"reason": "lost", "lines": [line]})),
            ("/stock-adjustments", json!({"reason": "found", "lines": [change]})),
        ] {
            let refused = sales.post(path, &body).await?;
            assert_eq!((refused.status, refused.code()), (403, "forbidden"), "{path}");
        }
        let rule = format!("/stock/{}/reorder-rule", id(&stock));
        let body = json!({"point": "1", "quantity": "1"});
        assert_eq!(sales.send(Method::PUT, &rule, &[], Some(&body)).await?.status, 403);
        assert_eq!(sales.send(Method::DELETE, &rule, &[], None).await?.status, 403);
        // It takes no right over the stock to sell what is there.
        let sold = sales.post("/orders", &order_of(&customer, &[(&tea, "1")])).await?;
        assert_eq!(sold.status, 201, "{}", sold.text);
        assert_eq!(amounts_of(&api, &tea).await?, "10 1 0");
        api.proof().await?;
        Ok(())
    })
    .await;
}
