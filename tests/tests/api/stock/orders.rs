//! Orders of what is kept in stock: goods are reserved, and leave or are free again.

use comptoir_tests::harness::World;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    NOBODY, amounts_of, days_ago, held, held_by, id, order_of, rows, shipped, shortages, step, waiting,
    written,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_reserves_its_goods_and_they_leave_when_it_is_shipped() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let warehouses = api.http.get("/warehouses").await?.json;
        let main =
            warehouses["data"].as_array().unwrap().iter().find(|row| row["is_default"] == true).unwrap();
        api.receive(&tea, "10", "2.00").await?;
        assert_eq!(amounts_of(&api, &tea).await?, "10 0 0");

        let order = api.created("/orders", &order_of(&customer, &[(&tea, "4")])).await?;
        assert_eq!((&order["warehouse_id"], &order["back_order"]), (&main["id"], &json!(false)));
        assert_eq!((&order["lines"][0]["stocked"], held(&order)), (&json!(true), vec!["4 0".to_owned()]));
        assert!(order["ordered_on"].is_string(), "{order}");
        assert_eq!(amounts_of(&api, &tea).await?, "10 4 0");
        api.proof().await?;

        let order = shipped(&api, &order).await?;
        assert_eq!((&order["lines"][0]["stocked"], held(&order)), (&json!(true), vec!["0 0".to_owned()]));
        assert_eq!(amounts_of(&api, &tea).await?, "6 0 0");
        assert_eq!(step(&api, &order, "deliver").await?.status, 200);
        assert_eq!(amounts_of(&api, &tea).await?, "6 0 0", "what was shipped has left already");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_order_gives_back_exactly_what_it_had() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let (tea, pot) = (api.stocked_product("TEA").await?, api.stocked_product("POT").await?);
        api.receive(&tea, "10", "2.00").await?;
        api.receive(&pot, "3", "7.00").await?;
        let other = api.created("/orders", &order_of(&customer, &[(&tea, "1"), (&pot, "1")])).await?;
        let body = waiting(order_of(&customer, &[(&tea, "2.5"), (&pot, "5"), (&tea, "3")]));
        let order = api.created("/orders", &body).await?;
        assert_eq!(held(&order), ["2.5 0", "2 3", "3 0"]);
        assert_eq!(
            (amounts_of(&api, &tea).await?, amounts_of(&api, &pot).await?),
            ("10 6.5 0".to_owned(), "3 3 3".to_owned())
        );
        // A confirmed order can be cancelled as well.
        assert_eq!(step(&api, &order, "confirm").await?.status, 200);
        assert_eq!(step(&api, &order, "cancel").await?.status, 200);
        assert_eq!(
            (amounts_of(&api, &tea).await?, amounts_of(&api, &pot).await?),
            ("10 1 0".to_owned(), "3 1 0".to_owned())
        );
        assert_eq!(held_by(&api, &order).await?, ["0 0", "0 0", "0 0"]);
        assert_eq!(held_by(&api, &other).await?, ["1 0", "1 0"]);
        assert_eq!(step(&api, &order, "cancel").await?.code(), "order_state_conflict");
        assert_eq!(amounts_of(&api, &tea).await?, "10 1 0", "nothing is given back twice");
        shipped(&api, &other).await?;
        assert_eq!(
            (amounts_of(&api, &tea).await?, amounts_of(&api, &pot).await?),
            ("9 0 0".to_owned(), "2 0 0".to_owned())
        );
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_of_more_than_there_is_names_each_line_and_changes_nothing() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let (tea, pot) = (api.stocked_product("TEA").await?, api.stocked_product("POT").await?);
        // Nothing of it ever came.
        let cup = api.stocked_product("CUP").await?;
        api.receive(&tea, "10", "2.00").await?;
        api.receive(&pot, "5", "7.00").await?;
        api.created("/orders", &order_of(&customer, &[(&pot, "2")])).await?;
        let sql = world.sql().await?;
        let before = written(&sql).await?;
        let lines = [(&tea, "8"), (&pot, "4"), (&tea, "3"), (&pot, "3"), (&cup, "0.5")];
        let short = api.http.post("/orders", &order_of(&customer, &lines)).await?;
        assert_eq!((short.status, short.code()), (409, "insufficient_stock"), "{}", short.text);
        // Each line has what those before it leave.
        let expected = ["/lines/1/quantity 3", "/lines/2/quantity 2", "/lines/4/quantity 0"];
        assert_eq!(shortages(&short), expected, "{}", short.text);
        let error = &short.json["errors"][0];
        assert_eq!(error["code"], "insufficient_stock");
        assert!(
            error["message"].as_str().is_some_and(|text| text.contains('4') && text.contains('3')),
            "{error}"
        );
        assert_eq!(written(&sql).await?, before);
        assert_eq!(
            (amounts_of(&api, &tea).await?, amounts_of(&api, &pot).await?),
            ("10 0 0".to_owned(), "5 2 0".to_owned())
        );
        assert_eq!(rows(&api.http.get(&format!("/stock?product_id={}", id(&cup))).await?)?, [] as [Value; 0]);
        // What is there can still be had, to the last one.
        let order = api.created("/orders", &order_of(&customer, &[(&tea, "10"), (&pot, "3")])).await?;
        assert_eq!(held(&order), ["10 0", "3 0"]);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_lines_of_one_product_have_their_goods_each() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        api.receive(&tea, "10", "2.00").await?;
        let order = api.created("/orders", &order_of(&customer, &[(&tea, "2"), (&tea, "3")])).await?;
        assert_eq!(held(&order), ["2 0", "3 0"]);
        assert_eq!(amounts_of(&api, &tea).await?, "10 5 0");
        let short = api.http.post("/orders", &order_of(&customer, &[(&tea, "3"), (&tea, "3")])).await?;
        assert_eq!(shortages(&short), ["/lines/1/quantity 2"], "{}", short.text);
        let back = api.created("/orders", &waiting(order_of(&customer, &[(&tea, "3"), (&tea, "3")]))).await?;
        assert_eq!(held(&back), ["3 0", "2 1"]);
        api.receive(&tea, "1", "2.00").await?;
        assert_eq!(held_by(&api, &back).await?, ["3 0", "3 0"]);
        for order in [&order, &back] {
            shipped(&api, order).await?;
        }
        assert_eq!(amounts_of(&api, &tea).await?, "0 0 0");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_shipped_once_no_line_waits() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let (tea, pot) = (api.stocked_product("TEA").await?, api.stocked_product("POT").await?);
        api.receive(&tea, "2", "2.00").await?;
        let order =
            api.created("/orders", &waiting(order_of(&customer, &[(&tea, "2"), (&pot, "1")]))).await?;
        assert_eq!(
            (&order["back_order"], held(&order)),
            (&json!(true), vec!["2 0".to_owned(), "0 1".to_owned()])
        );
        assert_eq!(step(&api, &order, "ship").await?.code(), "order_state_conflict", "first it is confirmed");
        assert_eq!(step(&api, &order, "confirm").await?.status, 200);
        let refused = step(&api, &order, "ship").await?;
        assert_eq!((refused.status, refused.code()), (409, "order_waits_for_goods"), "{}", refused.text);
        assert_eq!(
            (amounts_of(&api, &tea).await?, amounts_of(&api, &pot).await?),
            ("2 2 0".to_owned(), "0 0 1".to_owned())
        );
        api.receive(&pot, "1", "7.00").await?;
        let sent = step(&api, &order, "ship").await?;
        assert_eq!((sent.status, sent.field("status")), (200, "shipped"), "{}", sent.text);
        assert_eq!(
            (amounts_of(&api, &tea).await?, amounts_of(&api, &pot).await?),
            ("0 0 0".to_owned(), "0 0 0".to_owned())
        );
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warehouse_of_its_own_or_the_default_one() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let market = api.created("/warehouses", &json!({"code": "MARKET", "name": "The market"})).await?;
        let mut receipt = super::document_of(json!({}), &[(&tea, "3")]);
        receipt["warehouse_id"] = market["id"].clone();
        api.created("/stock-receipts", &receipt).await?;
        let mut order = order_of(&customer, &[(&tea, "2")]);
        let elsewhere = api.http.post("/orders", &order).await?;
        assert_eq!(shortages(&elsewhere), ["/lines/0/quantity 0"], "there is nothing in the default one");
        order["warehouse_id"] = market["id"].clone();
        let order = api.created("/orders", &order).await?;
        assert_eq!((&order["warehouse_id"], held(&order)), (&market["id"], vec!["2 0".to_owned()]));
        shipped(&api, &order).await?;
        assert_eq!(amounts_of(&api, &tea).await?, "1 0 0");

        let mut unknown = order_of(&customer, &[(&tea, "1")]);
        unknown["warehouse_id"] = json!(NOBODY);
        let refused = api.http.post("/orders", &unknown).await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/warehouse_id"]), "{}", refused.text);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_kept_in_stock_is_ordered_and_shipped_without() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let advice = json!({"sku": "ADVICE", "name": "Advice", "unit_price": "80", "vat_rate": "20", "stocked": false});
        let advice = api.created("/products", &advice).await?;
        let tea = api.stocked_product("TEA").await?;
        api.receive(&tea, "1", "2.00").await?;
        let order = api.created("/orders", &order_of(&customer, &[(&advice, "999")])).await?;
        assert_eq!(order["lines"][0]["stocked"], false);
        assert_eq!((&order["warehouse_id"], held(&order)), (&Value::Null, vec!["0 0".to_owned()]));
        let order = shipped(&api, &order).await?;
        assert_eq!(order["status"], "shipped");
        let both = api.created("/orders", &order_of(&customer, &[(&advice, "2"), (&tea, "1")])).await?;
        assert_eq!(held(&both), ["0 0", "1 0"]);
        shipped(&api, &both).await?;
        assert_eq!(amounts_of(&api, &tea).await?, "0 0 0");
        assert_eq!(rows(&api.http.get(&format!("/stock?product_id={}", id(&advice))).await?)?, [] as [Value; 0]);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_keeps_what_it_was_placed_with() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let (tea, pot) = (api.stocked_product("TEA").await?, api.product("POT").await?);
        api.receive(&tea, "5", "2.00").await?;
        let of_tea = api.created("/orders", &order_of(&customer, &[(&tea, "2")])).await?;
        let of_pots = api.created("/orders", &order_of(&customer, &[(&pot, "2")])).await?;
        let keep = async |product: &Value, stocked: bool| {
            let path = format!("/products/{}", id(product));
            api.http.send(Method::PATCH, &path, &[], Some(&json!({"stocked": stocked}))).await
        };
        assert_eq!(keep(&pot, true).await?.status, 200);
        let refused = keep(&tea, false).await?;
        assert_eq!((refused.status, refused.code()), (409, "product_in_stock"), "there is some");
        shipped(&api, &of_tea).await?;
        shipped(&api, &of_pots).await?;
        assert_eq!(amounts_of(&api, &tea).await?, "3 0 0");
        let lost = json!({"reason": "a flood", "lines": [{"product_id": tea["id"], "quantity": "3"}]});
        api.created("/stock-write-offs", &lost).await?;
        assert_eq!(keep(&tea, false).await?.status, 200);
        let now = api.created("/orders", &order_of(&customer, &[(&tea, "100")])).await?;
        assert_eq!(now["lines"][0]["stocked"], false);
        let short = api.http.post("/orders", &order_of(&customer, &[(&pot, "1")])).await?;
        assert_eq!((short.status, short.code()), (409, "insufficient_stock"), "{}", short.text);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quantity_has_as_many_decimals_as_its_product_and_a_date_is_near() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let counted =
            json!({"sku": "CUP", "name": "Cup", "unit_price": "3", "vat_rate": "20", "quantity_decimals": 0});
        let counted = api.created("/products", &counted).await?;
        assert_eq!(counted["stocked"], true, "a product is kept in stock unless it is said not to be");
        for (quantity, of) in [("1.5", "its product"), ("1.0000001", "any product")] {
            let refused = api.http.post("/orders", &order_of(&customer, &[(&counted, quantity)])).await?;
            assert_eq!(
                (refused.status, refused.pointers()),
                (422, vec!["/lines/0/quantity"]),
                "{of}: {}",
                refused.text
            );
            assert_eq!(refused.json["errors"][0]["code"], "too_precise", "{of}");
        }
        api.receive(&counted, "5", "1").await?;
        for date in [days_ago(365 * 11), "9999-01-01".to_owned(), "2026-02-30".to_owned()] {
            let mut order = order_of(&customer, &[(&counted, "1")]);
            order["ordered_on"] = json!(date);
            let refused = api.http.post("/orders", &order).await?;
            assert_eq!(
                (refused.status, refused.pointers()),
                (422, vec!["/ordered_on"]),
                "{date}: {}",
                refused.text
            );
        }
        let order = api.created("/orders", &order_of(&customer, &[(&counted, "1")])).await?;
        step(&api, &order, "confirm").await?;
        let path = format!("/orders/{}/ship", id(&order));
        let refused = api.http.post(&path, &json!({"shipped_on": "9999-01-01"})).await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/shipped_on"]), "{}", refused.text);
        assert_eq!(amounts_of(&api, &counted).await?, "5 1 0", "nothing has left");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_order_twice_reserves_once_and_ships_once() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        api.receive(&tea, "10", "2.00").await?;
        let body = order_of(&customer, &[(&tea, "4")]);
        let first = api.http.post_with_key("/orders", "the-order", &body).await?;
        let again = api.http.post_with_key("/orders", "the-order", &body).await?;
        assert_eq!((first.status, again.status, &first.text), (201, 201, &again.text));
        assert_eq!(amounts_of(&api, &tea).await?, "10 4 0");
        step(&api, &first.json, "confirm").await?;
        let path = format!("/orders/{}/ship", id(&first.json));
        for _ in 0..2 {
            assert_eq!(api.http.post_with_key(&path, "the-shipment", &json!({})).await?.status, 200);
        }
        assert_eq!(amounts_of(&api, &tea).await?, "6 0 0");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_counted_is_not_waited_for() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let of = |quantities: &[&str]| {
            let line =
                |quantity: &&str| json!({"product_id": tea["id"], "quantity": quantity, "unit_price": "0"});
            let lines: Vec<Value> = quantities.iter().map(line).collect();
            json!({"customer_id": customer["id"], "back_order": true, "lines": lines})
        };
        api.created("/orders", &of(&["999999999"; 1_000])).await?;
        let sql = world.sql().await?;
        let before = written(&sql).await?;
        let refused = api.http.post("/orders", &of(&["1000"])).await?;
        assert_eq!((refused.status, refused.code()), (422, "stock_too_large"), "{}", refused.text);
        assert_eq!(written(&sql).await?, before);
        let small = api.created("/orders", &of(&["999"])).await?;
        let more = json!({"lines": [{"position": 1, "quantity": "1000"}]});
        let path = format!("/orders/{}", id(&small));
        let refused = api.http.send(Method::PATCH, &path, &[("If-Match", "\"1\"")], Some(&more)).await?;
        assert_eq!((refused.status, refused.code()), (422, "stock_too_large"), "{}", refused.text);
        assert_eq!(amounts_of(&api, &tea).await?, "0 0 999999999999");
        api.proof().await?;
        Ok(())
    })
    .await;
}
