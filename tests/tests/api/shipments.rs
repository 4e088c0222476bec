//! Shipments: parts of orders that leave, what waits, what is cancelled, what arrives. Every test ends with the proof.

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Answer, Api, World};
use reqwest::Method;
use serde_json::{Value, json};

/// A confirmed order of these quantities, which waits for what is short.
pub(crate) async fn confirmed(api: &Api, lines: &[(&Value, &str)]) -> Result<String> {
    let customer = api.customer(&format!("C-{}", uuid::Uuid::new_v4())).await?;
    let line =
        |(product, quantity): &(&Value, &str)| json!({"product_id": product["id"], "quantity": quantity});
    let lines: Vec<Value> = lines.iter().map(line).collect();
    let body = json!({"customer_id": customer["id"], "back_order": true, "lines": lines});
    let order = api.created("/orders", &body).await?;
    let id = order["id"].as_str().context("no id")?.to_owned();
    let answer = api.http.command(&format!("/orders/{id}/confirm")).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(id)
}

pub(crate) async fn order(api: &Api, id: &str) -> Result<Value> {
    Ok(api.http.get(&format!("/orders/{id}")).await?.json)
}

/// Of each line: shipped, cancelled, returned.
pub(crate) fn progress(order: &Value) -> Vec<String> {
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or("?").to_owned();
    let line = |line: &Value| {
        format!("{} {} {}", text(line, "shipped"), text(line, "cancelled"), text(line, "returned"))
    };
    order["lines"].as_array().into_iter().flatten().map(line).collect()
}

/// What the ledger of a product says: the kind, the document, how what is on hand and what is reserved changed.
pub(crate) async fn ledger(world: &World, product: &Value) -> Result<Vec<String>> {
    let rows = world
        .sql()
        .await?
        .query(
            "SELECT format('%s %s %s %s', kind, document_type, trim_scale(on_hand_change), trim_scale(reserved_change))
            FROM stock_movements WHERE product_id = $1::text::uuid ORDER BY position",
            &[&product["id"].as_str()],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The types of an aggregate's events, with its versions.
pub(crate) async fn told(world: &World, id: &str) -> Result<Vec<(String, i64)>> {
    let statement =
        "SELECT event_type, aggregate_version FROM outbox_events WHERE aggregate_id = $1 ORDER BY seq";
    let rows = world.sql().await?.query(statement, &[&id]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn ship(api: &Api, order: &str, body: &Value) -> Result<Answer> {
    api.http.post(&format!("/orders/{order}/shipments"), body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_leaves_in_parts_and_is_delivered_with_the_last() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, pot) = (api.product_in_stock("TEA", "10").await?, api.product_in_stock("POT", "4").await?);
        let id = confirmed(&api, &[(&tea, "10"), (&pot, "6")]).await?;

        let picking = api.http.get(&format!("/orders/{id}/picking-list")).await?.json;
        let line = |line: &Value| format!("{} {}", line["sku"], line["quantity"]);
        let lines: Vec<String> = picking["lines"].as_array().context("lines")?.iter().map(line).collect();
        assert_eq!(lines, [r#""TEA" "10""#, r#""POT" "4""#]);
        assert_eq!(picking["lines"][0]["barcodes"], json!([]), "it has none");
        let path = format!("/products/{}", tea["id"].as_str().context("no id")?);
        let barcodes = json!({"barcodes": ["3017620422003", "96385074"]});
        let changed = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&barcodes)).await?;
        assert_eq!(changed.status, 200, "{}", changed.text);
        let picking = api.http.get(&format!("/orders/{id}/picking-list")).await?.json;
        assert_eq!(picking["lines"][0]["barcodes"], barcodes["barcodes"]);
        assert_eq!(picking["lines"][1]["barcodes"], json!([]));
        assert!(!picking.to_string().contains("price"), "{picking}");

        let body = json!({"lines": [{"position": 1, "quantity": "3"}, {"position": 2, "quantity": "4"}],
            "tracking_number": "T-1", "parcels": [{"tracking_number": "P-1", "weight_kg": "2.4"}]});
        let first = ship(&api, &id, &body).await?;
        assert_eq!((first.status, first.json["number"].as_i64()), (201, Some(1)), "{}", first.text);
        assert_eq!(first.json["parcels"][0], json!({"tracking_number": "P-1", "weight_kg": "2.4"}));
        let partly = order(&api, &id).await?;
        assert_eq!((partly["status"].as_str(), partly["version"].as_i64()), (Some("confirmed"), Some(3)));
        assert_eq!(progress(&partly), ["3 0 0", "4 0 0"]);

        // A line waits: all of it cannot leave, and what is there can.
        let whole = api.http.post(&format!("/orders/{id}/ship"), &json!({})).await?;
        assert_eq!((whole.status, whole.code()), (409, "order_waits_for_goods"));
        let rest = ship(&api, &id, &json!({})).await?;
        assert_eq!((rest.status, rest.json["number"].as_i64()), (201, Some(2)), "{}", rest.text);
        assert_eq!(rest.json["lines"][0]["quantity"], "7");
        api.receive(&pot, "2", "4.00").await?;
        let last = api.http.post(&format!("/orders/{id}/ship"), &json!({"tracking_number": "T-3"})).await?;
        assert_eq!(
            (last.status, last.field("status"), last.field("tracking_number")),
            (200, "shipped", "T-3")
        );

        let list = api.http.get(&format!("/shipments?order_id={id}&sort=dispatched_at")).await?.json;
        let shipments = list["data"].as_array().context("a list")?.clone();
        assert_eq!(shipments.len(), 3, "{list}");
        for (at, shipment) in shipments.iter().enumerate() {
            let path = format!("/shipments/{}/deliver", shipment["id"].as_str().context("no id")?);
            let arrived = api.http.command(&path).await?;
            assert_eq!((arrived.status, arrived.field("status")), (200, "delivered"), "{}", arrived.text);
            let status = if at == 2 { "delivered" } else { "shipped" };
            assert_eq!(order(&api, &id).await?["status"], status);
            let again = api.http.command(&path).await?;
            assert_eq!((again.status, again.code()), (409, "shipment_state_conflict"));
        }
        let expected = [
            "order.placed",
            "order.confirmed",
            "order.partly_shipped",
            "order.partly_shipped",
            "order.reserved",
            "order.shipped",
            "order.delivered",
        ];
        let expected: Vec<(String, i64)> = expected.into_iter().map(str::to_owned).zip(1..).collect();
        assert_eq!(told(world, &id).await?, expected);
        let shipment = shipments[0]["id"].as_str().context("no id")?;
        let of_shipment = told(world, shipment).await?;
        assert_eq!(
            of_shipment,
            [("shipment.dispatched".to_owned(), 1), ("shipment.delivered".to_owned(), 2)]
        );
        assert_eq!(
            ledger(world, &pot).await?,
            [
                "receipt receipt 4 0",
                "reservation order 0 4",
                "issue shipment -4 -4",
                "receipt receipt 2 0",
                "reservation order 0 2",
                "issue shipment -2 -2",
            ]
        );
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_leaves_than_is_outstanding_or_there() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, pot) = (api.product_in_stock("TEA", "10").await?, api.product_in_stock("POT", "4").await?);
        let id = confirmed(&api, &[(&tea, "10"), (&pot, "6")]).await?;
        let line = |position: i64, quantity: &str| json!({"position": position, "quantity": quantity});
        for (lines, status, code, pointer, available) in [
            (vec![line(1, "1"), line(2, "7")], 409, "shipment_exceeds_order", "/lines/1/quantity", Some("6")),
            (vec![line(2, "5")], 409, "order_waits_for_goods", "/lines/0/quantity", Some("4")),
            (vec![line(3, "1")], 422, "invalid_lines", "/lines/0/position", None),
            (vec![line(1, "1"), line(1, "1")], 422, "invalid_lines", "/lines/1/position", None),
            (vec![], 422, "invalid_shipment", "/lines", None),
        ] {
            let answer = ship(&api, &id, &json!({"lines": lines})).await?;
            assert_eq!((answer.status, answer.code()), (status, code), "{}", answer.text);
            assert_eq!(answer.pointers(), [pointer]);
            assert_eq!(answer.json["errors"][0]["available"].as_str(), available, "{}", answer.text);
        }
        let parcels = vec![json!({}); 101];
        let many = ship(&api, &id, &json!({"parcels": parcels})).await?;
        assert_eq!((many.status, many.pointers()), (422, vec!["/parcels"]));
        assert_eq!(progress(&order(&api, &id).await?), ["0 0 0", "0 0 0"]);
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leaves_and_comes_back_is_as_fine_as_the_product_allows() {
    World::run(async |world| {
        let api = world.api().await?;
        let weighed = json!({"sku": "TEA", "name": "Loose tea", "unit_price": "10.00", "vat_rate": "20", "stocked": true,
            "unit": "KGM", "quantity_decimals": 2});
        let counted = json!({"sku": "POT", "name": "A pot", "unit_price": "10.00", "vat_rate": "20", "stocked": true});
        let (tea, pot) = (api.created("/products", &weighed).await?, api.created("/products", &counted).await?);
        api.receive(&tea, "2", "4.00").await?;
        api.receive(&pot, "4", "4.00").await?;
        let id = confirmed(&api, &[(&tea, "2"), (&pot, "4")]).await?;
        let line = |position: i64, quantity: &str| json!({"position": position, "quantity": quantity});
        let fine = ship(&api, &id, &json!({"lines": [line(1, "0.125"), line(2, "0.5")]})).await?;
        assert_eq!((fine.status, fine.code()), (422, "invalid_lines"), "{}", fine.text);
        assert_eq!(fine.pointers(), ["/lines/0/quantity", "/lines/1/quantity"]);
        assert_eq!(fine.json["errors"][0]["code"], "too_precise");
        let part = ship(&api, &id, &json!({"lines": [line(1, "1.50"), line(2, "1.0")]})).await?;
        assert_eq!(part.status, 201, "{}", part.text);

        let restock = |quantity: &str| json!({"position": 2, "quantity": quantity, "restock": true});
        let back = json!({"reason": "torn", "lines": [restock("1"), restock("0.5")]});
        let back = api.http.post(&format!("/orders/{id}/returns"), &back).await?;
        assert_eq!((back.status, back.code(), back.pointers()), (422, "invalid_lines", vec!["/lines/1/quantity"]));

        // It is sold by the piece from now on: what is left of before can leave.
        let path = format!("/products/{}", tea["id"].as_str().context("no id")?);
        let counted = json!({"quantity_decimals": 0});
        let changed = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&counted)).await?;
        assert_eq!(changed.status, 200, "{}", changed.text);
        let rest = ship(&api, &id, &json!({"lines": [line(1, "0.5")]})).await?;
        assert_eq!(rest.status, 201, "{}", rest.text);
        assert_eq!(progress(&order(&api, &id).await?), ["2 0 0", "1 0 0"]);
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_leaves_as_a_whole_is_one_shipment_and_delivers_it() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.product_in_stock("TEA", "10").await?;
        let service = api.product("ADVICE").await?;
        let id = confirmed(&api, &[(&tea, "2"), (&service, "1")]).await?;
        let shipped = api.http.post(&format!("/orders/{id}/ship"), &json!({})).await?;
        assert_eq!((shipped.status, shipped.field("status")), (200, "shipped"), "{}", shipped.text);
        assert_eq!(progress(&shipped.json), ["2 0 0", "1 0 0"]);
        assert_eq!(progress(&order(&api, &id).await?), ["2 0 0", "1 0 0"]);
        let delivered = api.http.command(&format!("/orders/{id}/deliver")).await?;
        assert_eq!(delivered.status, 200, "{}", delivered.text);
        let list = api.http.get(&format!("/shipments?order_id={id}&status=delivered")).await?.json;
        assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "{list}");
        let audited =
            "SELECT string_agg(action, ' ' ORDER BY occurred_at) FROM audit_events WHERE resource_id = $1";
        let audited: String = world.sql().await?.query_one(audited, &[&id]).await?.get(0);
        assert_eq!(audited, "order.place order.confirm order.ship order.deliver");
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rest_of_an_order_is_cancelled_and_its_goods_are_free() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.product_in_stock("TEA", "10").await?;
        let id = confirmed(&api, &[(&tea, "10")]).await?;
        let other = confirmed(&api, &[(&tea, "1")]).await?;
        let part = json!({"lines": [{"position": 1, "quantity": "3"}]});
        let shipment = ship(&api, &id, &part).await?;
        assert_eq!(shipment.status, 201, "{}", shipment.text);
        let reason = json!({"reason": "changed their mind"});
        let whole = api.http.post(&format!("/orders/{id}/cancel"), &reason).await?;
        assert_eq!((whole.status, whole.code()), (409, "order_partly_shipped"));
        let arrived = api.http.command(&format!("/shipments/{}/deliver", shipment.field("id"))).await?;
        assert_eq!(arrived.status, 200, "{}", arrived.text);
        // All that has left has arrived: the order is delivered with that.
        let rest = api.http.post(&format!("/orders/{id}/cancel-rest"), &reason).await?;
        assert_eq!((rest.status, rest.field("status")), (200, "delivered"), "{}", rest.text);
        assert_eq!(progress(&rest.json), ["3 7 0"]);
        let types: Vec<String> = told(world, &id).await?.into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(types[2..], ["order.partly_shipped", "order.shipped", "order.delivered"]);

        let nothing_left = api.http.post(&format!("/orders/{other}/cancel-rest"), &reason).await?;
        assert_eq!((nothing_left.status, nothing_left.field("status")), (200, "cancelled"));
        assert_eq!(progress(&order(&api, &other).await?), ["0 1 0"]);
        let again = api.http.post(&format!("/orders/{other}/cancel-rest"), &reason).await?;
        assert_eq!((again.status, again.code()), (409, "order_state_conflict"));
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_note_says_what_is_in_the_box_and_not_what_it_costs() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.product_in_stock("TEA", "10").await?;
        let address = |kind: &str, line1: &str| json!({"kind": kind, "line1": line1, "city": "Nantes", "country": "FR"});
        let customer = json!({"code": "C-1", "name": "Librairie des Carmes", "email": "someone@example.com",
            "addresses": [address("billing", "12 rue des Carmes"), address("shipping", "3 quai Sud")]});
        let customer = api.created("/customers", &customer).await?;
        let body = json!({"customer_id": customer["id"], "reference": "WEB-1",
            "lines": [{"product_id": tea["id"], "quantity": "2"}]});
        let placed = api.created("/orders", &body).await?;
        let id = placed["id"].as_str().context("no id")?;
        api.http.command(&format!("/orders/{id}/confirm")).await?;
        let shipment = ship(&api, id, &json!({"tracking_number": "T-1"})).await?;
        let note = api.http.get(&format!("/shipments/{}/delivery-note", shipment.field("id"))).await?;
        assert_eq!((note.status, note.field("customer_name")), (200, "Librairie des Carmes"), "{}", note.text);
        assert_eq!((note.field("order_reference"), note.field("tracking_number")), ("WEB-1", "T-1"));
        assert_eq!(note.json["address"]["line1"], "3 quai Sud");
        assert_eq!(note.json["lines"][0]["quantity"], "2");
        assert!(!note.text.contains("price") && !note.text.contains("10.00"), "{}", note.text);
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leaves_twice_at_once_leaves_once() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.product_in_stock("TEA", "10").await?;
        let id = confirmed(&api, &[(&tea, "10")]).await?;
        let part = json!({"lines": [{"position": 1, "quantity": "6"}]});
        let (one, other) = tokio::join!(ship(&api, &id, &part), ship(&api, &id, &part));
        let mut statuses = [one?.status, other?.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
        assert_eq!(progress(&order(&api, &id).await?), ["6 0 0"]);
        api.proof().await.map(drop)
    })
    .await;
}
