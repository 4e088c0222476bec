//! What a warehouse reads of orders: what can be shipped now, what waits, what is late.

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Api, World};
use serde_json::{Value, json};

async fn receive(api: &Api, product: &Value, quantity: &str, warehouse: Option<&Value>) -> Result<()> {
    let mut body =
        json!({"lines": [{"product_id": product["id"], "quantity": quantity, "unit_cost": "7.00"}]});
    if let Some(warehouse) = warehouse {
        body["warehouse_id"] = warehouse["id"].clone();
    }
    let answer = api.http.post("/stock-receipts", &body).await?;
    ensure!(answer.status == 201, "{}", answer.text);
    Ok(())
}

/// Places an order of so many of each product, and confirms it.
async fn confirmed(
    api: &Api,
    customer: &Value,
    reference: &str,
    lines: &[(&Value, &str)],
    more: Value,
) -> Result<Value> {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(product, quantity)| json!({"product_id": product["id"], "quantity": quantity}))
        .collect();
    let mut body =
        json!({"customer_id": customer["id"], "reference": reference, "back_order": true, "lines": lines});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let order = api.created("/orders", &body).await?;
    let answer =
        api.http.command(&format!("/orders/{}/confirm", order["id"].as_str().unwrap_or_default())).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(order)
}

async fn listed(api: &Api, path: &str) -> Result<Vec<Value>> {
    let answer = api.http.get(path).await?;
    ensure!(answer.status == 200, "{path}: {}", answer.text);
    Ok(answer.json["data"].as_array().cloned().unwrap_or_default())
}

fn references(orders: &[Value]) -> Vec<&str> {
    orders.iter().filter_map(|order| order["reference"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_shipped_and_what_waits_are_told_apart_the_oldest_first() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let (tea, pot, service) =
            (api.stocked_product("TEA").await?, api.stocked_product("POT").await?, api.product("SERVICE").await?);
        receive(&api, &tea, "10", None).await?;
        confirmed(&api, &customer, "A", &[(&tea, "4"), (&service, "1")], json!({})).await?;
        confirmed(&api, &customer, "B", &[(&tea, "2"), (&pot, "3")], json!({})).await?;
        confirmed(&api, &customer, "C", &[(&tea, "4")], json!({})).await?;
        // Not confirmed: nobody prepares it.
        let pending = json!({"customer_id": customer["id"], "reference": "D", "lines": [{"product_id": service["id"], "quantity": "1"}]});
        api.created("/orders", &pending).await?;

        let ready = listed(&api, "/orders/to-prepare").await?;
        assert_eq!(references(&ready), ["A", "C"]);
        let lines: Vec<_> = ready[0]["lines"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|line| (line["position"].clone(), line["reserved"].clone(), line["stocked"].clone()))
            .collect();
        assert_eq!(lines, [(json!(1), json!("4"), json!(true)), (json!(2), json!("0"), json!(false))]);
        ensure!(ready[0].get("net_total").is_none() && ready[0]["lines"][0].get("unit_price").is_none(), "a price");
        let waiting = listed(&api, "/orders/back-orders").await?;
        assert_eq!(references(&waiting), ["B"]);
        let lines = waiting[0]["lines"].as_array().cloned().unwrap_or_default();
        assert_eq!((lines.len(), &lines[0]["sku"], &lines[0]["waiting"]), (1, &json!("POT"), &json!("3")), "the line that waits");

        // Its goods come: it waits no more.
        receive(&api, &pot, "3", None).await?;
        assert_eq!(references(&listed(&api, "/orders/to-prepare").await?), ["A", "B", "C"]);
        assert!(listed(&api, "/orders/back-orders").await?.is_empty());
        // And some are lost: it waits again.
        let loss = json!({"reason": "broken", "lines": [{"product_id": pot["id"], "quantity": "1"}]});
        assert_eq!(api.http.post("/stock-write-offs", &loss).await?.status, 201);
        assert_eq!(references(&listed(&api, "/orders/back-orders").await?), ["B"]);

        // What has left, or was cancelled, is in neither.
        for (order, step, body) in [(&ready[0], "ship", json!({})), (&waiting[0], "cancel", json!({"reason": "a test"}))] {
            let path = format!("/orders/{}/{step}", order["id"].as_str().unwrap_or_default());
            let answer = api.http.post(&path, &body).await?;
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        assert_eq!(references(&listed(&api, "/orders/to-prepare").await?), ["C"]);
        assert!(listed(&api, "/orders/back-orders").await?.is_empty());
        let csv = api.http.get("/orders/to-prepare.csv").await?;
        assert_eq!(csv.text.split_terminator("\r\n").count(), 2, "{}", csv.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_shipped_is_found_by_its_warehouse_a_page_at_a_time() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let market = api.created("/warehouses", &json!({"code": "MARKET", "name": "Market"})).await?;
        receive(&api, &tea, "10", None).await?;
        receive(&api, &tea, "10", Some(&market)).await?;
        for reference in ["A", "B", "C"] {
            confirmed(&api, &customer, reference, &[(&tea, "1")], json!({})).await?;
        }
        confirmed(&api, &customer, "M", &[(&tea, "1")], json!({"warehouse_id": market["id"]})).await?;
        let id = market["id"].as_str().unwrap_or_default();
        assert_eq!(references(&listed(&api, &format!("/orders/to-prepare?warehouse_id={id}")).await?), ["M"]);
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = api.http.get(&format!("/orders/to-prepare?limit=2{cursor}")).await?.json;
            found.extend(
                references(page["data"].as_array().map_or(&[], Vec::as_slice)).into_iter().map(str::to_owned),
            );
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found, ["A", "B", "C", "M"]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_late_some_days_after_the_customer_made_it() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, service) = (api.customer("C-1").await?, api.product("SERVICE").await?);
        let ago =
            |days: i64| (chrono::Utc::now() - chrono::TimeDelta::days(days)).format("%Y-%m-%d").to_string();
        for (reference, days) in [("OLD", 10), ("NEW", 0), ("EDGE", 3), ("FOUR", 4)] {
            confirmed(&api, &customer, reference, &[(&service, "1")], json!({"ordered_on": ago(days)}))
                .await?;
        }
        // Old, but over.
        for (reference, step, body) in
            [("GONE", "ship", json!({})), ("ENDED", "cancel", json!({"reason": "a test"}))]
        {
            let old = json!({"ordered_on": ago(10)});
            let order = confirmed(&api, &customer, reference, &[(&service, "1")], old).await?;
            let path = format!("/orders/{}/{step}", order["id"].as_str().unwrap_or_default());
            let answer = api.http.post(&path, &body).await?;
            assert_eq!(answer.status, 200, "{step}: {}", answer.text);
        }
        assert_eq!(references(&listed(&api, "/orders/late").await?), ["OLD", "FOUR"]);
        assert_eq!(references(&listed(&api, "/orders/late?days=5").await?), ["OLD"]);
        assert_eq!(references(&listed(&api, "/orders/late?days=0").await?), ["OLD", "EDGE", "FOUR"]);
        // Where a day was promised, that day decides: it is over, or it is not, however old the order is.
        for (reference, days, promised) in [("BROKEN", 2, 1), ("KEPT", 10, -1), ("TODAY", 10, 0)] {
            let more = json!({"ordered_on": ago(days), "promised_on": ago(promised)});
            confirmed(&api, &customer, reference, &[(&service, "1")], more).await?;
        }
        assert_eq!(references(&listed(&api, "/orders/late").await?), ["OLD", "FOUR", "BROKEN"]);
        assert_eq!(references(&listed(&api, "/orders/late?days=5").await?), ["OLD", "BROKEN"]);
        let refused = api.http.get("/orders/late?days=-1").await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/query/days"]), "{}", refused.text);
        let csv = api.http.get("/orders/late.csv?days=5").await?;
        assert_eq!(csv.text.split_terminator("\r\n").count(), 3, "{}", csv.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_list_of_open_orders_is_narrowed_by_warehouse_customer_and_words() {
    World::run(async |world| {
        let api = world.api().await?;
        let (one, other) = (api.customer("C-1").await?, api.customer("C-2").await?);
        let (tea, pot) = (api.stocked_product("TEA").await?, api.stocked_product("POT").await?);
        let market = api.created("/warehouses", &json!({"code": "MARKET", "name": "Market"})).await?;
        receive(&api, &tea, "10", None).await?;
        receive(&api, &tea, "10", Some(&market)).await?;
        let ago = (chrono::Utc::now() - chrono::TimeDelta::days(10)).format("%Y-%m-%d").to_string();
        let at_market = || json!({"warehouse_id": market["id"], "ordered_on": ago});
        let at_default = || json!({"ordered_on": ago});
        // Of tea there is enough in both, and of pots none in either.
        for (product, kind) in [(&tea, "READY"), (&pot, "WAIT")] {
            let line = [(product, "1")];
            confirmed(&api, &one, &format!("{kind}-1"), &line, at_default()).await?;
            confirmed(&api, &other, &format!("{kind}-2"), &line, at_default()).await?;
            confirmed(&api, &one, &format!("{kind}-3"), &line, at_market()).await?;
            confirmed(&api, &other, &format!("{kind}-4"), &line, at_market()).await?;
        }
        let id = |value: &Value| value["id"].as_str().unwrap_or_default().to_owned();
        let (warehouse, customer) = (id(&market), id(&other));
        let lists: [(&str, &[&str]); 3] =
            [("to-prepare", &["READY"]), ("back-orders", &["WAIT"]), ("late", &["READY", "WAIT"])];
        for (list, kinds) in lists {
            let narrowed = async |query: &str| -> Result<Vec<String>> {
                let path = format!("/orders/{list}?{query}");
                Ok(references(&listed(&api, &path).await?).into_iter().map(str::to_owned).collect())
            };
            let of = |numbers: &[u8]| -> Vec<String> {
                kinds
                    .iter()
                    .flat_map(|kind| numbers.iter().map(move |number| format!("{kind}-{number}")))
                    .collect()
            };
            assert_eq!(narrowed("").await?, of(&[1, 2, 3, 4]), "{list}");
            assert_eq!(narrowed(&format!("warehouse_id={warehouse}")).await?, of(&[3, 4]), "{list}");
            assert_eq!(narrowed(&format!("customer_id={customer}")).await?, of(&[2, 4]), "{list}");
            let both = format!("warehouse_id={warehouse}&customer_id={customer}");
            assert_eq!(narrowed(&both).await?, of(&[4]), "{list}");
            assert_eq!(narrowed("q=3").await?, of(&[3]), "{list}");
            assert_eq!(narrowed(&format!("q=3&customer_id={customer}")).await?, of(&[]), "{list}");
            // What has the word and is not of this list is not in it.
            let of_others: Vec<_> = ["ready", "wait"]
                .into_iter()
                .filter(|kind| !kinds.contains(&kind.to_uppercase().as_str()))
                .collect();
            for kind in of_others {
                assert_eq!(narrowed(&format!("q={kind}")).await?, of(&[]), "{list}");
            }
            // A page at a time, from the last to the first.
            let (mut found, mut cursor) = (Vec::new(), String::new());
            loop {
                let path = format!("/orders/{list}?limit=1&sort=-placed_at&warehouse_id={warehouse}{cursor}");
                let page = api.http.get(&path).await?.json;
                let data = page["data"].as_array().map_or(&[][..], Vec::as_slice);
                found.extend(references(data).into_iter().map(str::to_owned));
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            let mut expected = of(&[3, 4]);
            expected.reverse();
            assert_eq!(found, expected, "{list}");
            let csv = api.http.get(&format!("/orders/{list}.csv?{both}")).await?;
            assert_eq!(csv.text.split_terminator("\r\n").count(), 1 + kinds.len(), "{list}: {}", csv.text);
            let refused = api.http.get(&format!("/orders/{list}?q=%2B")).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec!["/query/q"]), "{}", refused.text);
        }
        Ok(())
    })
    .await;
}
