//! Locations split what is on hand: put away, taken, transferred, archived. Every test ends with the proof.

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Answer, Api, Tenant, World};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    NOBODY, amounts, events_of, held_by, id, order_of, rows, shipped, shortages, stock_in, stock_of,
};

/// What lies where of a product in a warehouse: in no location first, then by code.
async fn shelves(api: &Api, product: &Value, warehouse: &Value) -> Result<String> {
    let listed = stock_in(api, product, warehouse).await?;
    let stock = api.http.get(&format!("/stock/{}", id(&listed))).await?.json;
    ensure!(stock["located"] == listed["located"], "{stock} {listed}");
    let place = |place: &Value| {
        format!("{} {}", place["code"].as_str().unwrap_or("?"), place["on_hand"].as_str().unwrap_or("?"))
    };
    let places: Vec<String> = stock["places"].as_array().context("no places")?.iter().map(place).collect();
    let all = [format!(
        "{} of {}",
        stock["located"].as_str().unwrap_or("?"),
        stock["on_hand"].as_str().unwrap_or("?")
    )];
    Ok(all.into_iter().chain(places).collect::<Vec<_>>().join(", "))
}

async fn main_warehouse(api: &Api) -> Result<Value> {
    rows(&api.http.get("/warehouses?code=MAIN").await?)?.pop().context("no default warehouse")
}

/// The body of a receipt of one line, in a location.
fn receipt(product: &Value, quantity: &str, location: &Value) -> Value {
    json!({"lines": [{"product_id": product["id"], "quantity": quantity, "unit_cost": "2.00", "location_id": location["id"]}]})
}

/// The body of a relocation of one line.
fn relocation(product: &Value, quantity: &str, from: &Value, to: &Value) -> Value {
    json!({"lines": [{"product_id": product["id"], "quantity": quantity, "from_location_id": from["id"], "to_location_id": to["id"]}]})
}

/// In which locations a document changed what, by line.
fn changes(document: &Value) -> Vec<String> {
    let line = |line: &Value| {
        let places = line["places"].as_array().into_iter().flatten();
        places.map(|place| place["change"].as_str().unwrap_or("?").to_owned()).collect::<Vec<_>>().join(" ")
    };
    document["lines"].as_array().into_iter().flatten().map(line).collect()
}

fn refused(answer: &Answer, status: u16, code: &str, pointers: &[&str]) {
    assert_eq!((answer.status, answer.code()), (status, code), "{}", answer.text);
    assert_eq!(answer.pointers(), pointers, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goods_are_put_away_and_taken_from_no_location_first_and_then_by_code() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let main = main_warehouse(&api).await?;
        let (far, near) = (api.location(&main, "B-01").await?, api.location(&main, "A-01").await?);
        let posted = api.created("/stock-receipts", &receipt(&tea, "10", &far)).await?;
        assert_eq!(changes(&posted), ["10"]);
        assert_eq!(posted["lines"][0]["places"][0]["location_id"], far["id"]);
        let path = format!("/stock-documents/{}", id(&posted));
        assert_eq!(api.http.get(&path).await?.json, posted, "it is read as it was posted");
        api.receive(&tea, "5", "2.00").await?;
        assert_eq!(shelves(&api, &tea, &main).await?, "10 of 15, B-01 10");

        let before = stock_of(&api, &tea).await?;
        let moved = api.created("/stock-relocations", &relocation(&tea, "3", &Value::Null, &near)).await?;
        assert_eq!((moved["kind"].as_str(), changes(&moved)), (Some("relocation"), vec!["3".to_owned()]));
        assert_eq!(
            (&moved["lines"][0]["change"], &moved["lines"][0]["unit_cost"]),
            (&json!("0"), &Value::Null)
        );
        assert_eq!(shelves(&api, &tea, &main).await?, "13 of 15, A-01 3, B-01 10");
        let after = stock_of(&api, &tea).await?;
        assert!(
            after["version"].as_i64() > before["version"].as_i64(),
            "it is another state: {before} {after}"
        );
        assert_eq!((amounts(&before), amounts(&after)), ("15 0 0".to_owned(), "15 0 0".to_owned()));
        let moved = api.created("/stock-relocations", &relocation(&tea, "4", &far, &near)).await?;
        assert_eq!(changes(&moved), ["-4 4"]);
        assert_eq!(api.http.get(&format!("/stock-documents/{}", id(&moved))).await?.json, moved);
        api.created("/stock-relocations", &relocation(&tea, "1", &near, &Value::Null)).await?;
        assert_eq!(shelves(&api, &tea, &main).await?, "12 of 15, A-01 6, B-01 6");

        // Three lie in no location.
        let order = api.created("/orders", &order_of(&customer, &[(&tea, "4"), (&tea, "7")])).await?;
        let picking = api.http.get(&format!("/orders/{}/picking-list", id(&order))).await?.json;
        let place = |place: &Value| {
            format!("{} {}", place["code"].as_str().unwrap_or("-"), place["quantity"].as_str().unwrap_or("?"))
        };
        let told =
            |line: &Value| line["places"].as_array().into_iter().flatten().map(place).collect::<Vec<_>>();
        let told: Vec<_> = picking["lines"].as_array().context("no lines")?.iter().map(told).collect();
        assert_eq!(told, [vec!["- 3", "A-01 1"], vec!["A-01 5", "B-01 2"]], "{picking}");
        let shipment = shipped(&api, &order).await?;
        assert_eq!(shipment["status"], "shipped");
        assert_eq!(
            shelves(&api, &tea, &main).await?,
            "4 of 4, B-01 4",
            "as the list said; what is empty is gone"
        );

        let ledger =
            rows(&api.http.get(&format!("/stock-location-movements?location_id={}", id(&near))).await?)?;
        let ledger: Vec<_> =
            ledger.iter().map(|row| format!("{} {}", row["document_type"], row["change"])).collect();
        // The newest first; a shipment's lines are two movements.
        assert_eq!(
            ledger,
            [
                r#""shipment" "-5""#,
                r#""shipment" "-1""#,
                r#""relocation" "-1""#,
                r#""relocation" "4""#,
                r#""relocation" "3""#
            ]
        );
        let csv = api.http.get(&format!("/stock-location-movements.csv?location_id={}", id(&near))).await?;
        assert!(csv.status == 200 && csv.text.lines().count() == 6, "{}", csv.text);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_name_the_locations_of_their_lines() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.stocked_product("TEA").await?;
        let (main, market) = (main_warehouse(&api).await?, api.warehouse("MARKET").await?);
        let (near, far) = (api.location(&main, "A-01").await?, api.location(&main, "B-01").await?);
        let stall = api.location(&market, "S-01").await?;
        for location in [&near, &far] {
            api.created("/stock-receipts", &receipt(&tea, "10", location)).await?;
        }
        let line = |member: &str, amount: &str, location: &Value| {
            json!({"product_id": tea["id"], member: amount, "location_id": location["id"]})
        };
        let loss = json!({"reason": "wet", "lines": [line("quantity", "2", &far)]});
        assert_eq!(changes(&api.created("/stock-write-offs", &loss).await?), ["-2"]);
        let found = json!({"reason": "counted", "lines": [line("change", "3", &far), line("change", "-1", &near)]});
        assert_eq!(changes(&api.created("/stock-adjustments", &found).await?), ["3", "-1"]);
        assert_eq!(shelves(&api, &tea, &main).await?, "20 of 20, A-01 9, B-01 11");
        let mut moved = line("quantity", "4", &far);
        moved["to_location_id"] = stall["id"].clone();
        let transfer = json!({"to_warehouse_id": market["id"], "lines": [moved, {"product_id": tea["id"], "quantity": "1"}]});
        let posted = api.created("/stock-transfers", &transfer).await?;
        assert_eq!(changes(&posted), ["-4 4", "-1"]);
        assert_eq!(api.http.get(&format!("/stock-documents/{}", id(&posted))).await?.json, posted);
        assert_eq!(shelves(&api, &tea, &main).await?, "15 of 15, A-01 8, B-01 7");
        assert_eq!(shelves(&api, &tea, &market).await?, "4 of 5, S-01 4");

        // More than lies there.
        let loss = json!({"reason": "wet", "lines": [line("quantity", "9", &near)]});
        let short = api.http.post("/stock-write-offs", &loss).await?;
        refused(&short, 409, "insufficient_stock", &["/lines/0/quantity"]);
        assert_eq!(shortages(&short), ["/lines/0/quantity 8"]);
        let short = api.http.post("/stock-relocations", &relocation(&tea, "1", &Value::Null, &near)).await?;
        refused(&short, 409, "insufficient_stock", &["/lines/0/quantity"]);

        // A location that is another warehouse's, archived, another company's, or not there.
        let other = Tenant::create(&world.sql().await?, "Other").await?;
        let stranger = api.http.with_credential(&other.api_key);
        let elsewhere = rows(&stranger.get("/warehouses?code=MAIN").await?)?.pop().context("no default warehouse")?;
        let theirs = json!({"warehouse_id": elsewhere["id"], "code": "A-01"});
        let theirs = stranger.post("/locations", &theirs).await?.json;
        ensure!(!id(&theirs).is_empty(), "{theirs}");
        let old = api.location(&main, "OLD").await?;
        let archived = api.http.command(&format!("/locations/{}/archive", id(&old))).await?;
        ensure!(archived.status == 200, "{}", archived.text);
        for location in [&stall, &old, &theirs, &json!({"id": NOBODY})] {
            let answer = api.http.post("/stock-receipts", &receipt(&tea, "1", location)).await?;
            refused(&answer, 422, "invalid_stock_document", &["/lines/0/location_id"]);
            assert_eq!(answer.json["errors"][0]["code"], "unknown_location");
            let answer = api.http.post("/stock-relocations", &relocation(&tea, "1", location, &near)).await?;
            refused(&answer, 422, "invalid_stock_document", &["/lines/0/from_location_id"]);
            let answer = api.http.post("/stock-relocations", &relocation(&tea, "1", &near, location)).await?;
            refused(&answer, 422, "invalid_stock_document", &["/lines/0/to_location_id"]);
        }
        for same in [&near, &Value::Null] {
            let answer = api.http.post("/stock-relocations", &relocation(&tea, "1", same, same)).await?;
            refused(&answer, 422, "invalid_stock_document", &["/lines/0/to_location_id"]);
            assert_eq!(answer.json["errors"][0]["code"], "same_location");
        }
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_location_where_goods_lie_is_not_archived() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.stocked_product("TEA").await?;
        let shelf = api.location(&main_warehouse(&api).await?, "A-01").await?;
        api.created("/stock-receipts", &receipt(&tea, "1", &shelf)).await?;
        let archive = format!("/locations/{}/archive", id(&shelf));
        let used = api.http.command(&archive).await?;
        assert_eq!((used.status, used.code()), (409, "location_in_use"), "{}", used.text);
        api.created("/stock-relocations", &relocation(&tea, "1", &shelf, &Value::Null)).await?;
        assert_eq!(api.http.command(&archive).await?.status, 200);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_is_listed_by_location_and_by_category() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.category("TEA", None).await?;
        let green = api.category("GREEN", Some(&tea)).await?;
        let main = main_warehouse(&api).await?;
        let (near, far) = (api.location(&main, "A-01").await?, api.location(&main, "B-01").await?);
        let within = async |product: &Value, category: &Value| -> Result<()> {
            let path = format!("/products/{}", id(product));
            let body = json!({"category_id": category});
            let changed = api.http.send(Method::PATCH, &path, &[], Some(&body)).await?;
            ensure!(changed.status == 200, "{}", changed.text);
            Ok(())
        };
        let (sencha, earl, pot) = (
            api.stocked_product("SENCHA").await?,
            api.stocked_product("EARL").await?,
            api.stocked_product("POT").await?,
        );
        // One before its stock begins, the other afterwards.
        within(&sencha, &green["id"]).await?;
        for (product, location) in [(&sencha, &near), (&earl, &far), (&pot, &near)] {
            api.created("/stock-receipts", &receipt(product, "1", location)).await?;
        }
        within(&earl, &tea["id"]).await?;
        let skus = async |filter: String| -> Result<Vec<Value>> {
            let found = rows(&api.http.get(&format!("/stock?{filter}")).await?)?;
            Ok(found.iter().map(|row| row["sku"].clone()).collect())
        };
        let (near, far) = (id(&near).to_owned(), id(&far).to_owned());
        let (tea, green) = (id(&tea).to_owned(), id(&green).to_owned());
        assert_eq!(skus(format!("location_id={near}")).await?, ["POT", "SENCHA"]);
        assert_eq!(skus(format!("location_id={far}&sort=-name")).await?, ["EARL"]);
        assert_eq!(skus(format!("category_id={tea}")).await?, ["EARL", "SENCHA"], "what is below it too");
        assert_eq!(skus(format!("category_id={green}")).await?, ["SENCHA"]);
        assert_eq!(skus(format!("category_id={tea}&location_id={near}")).await?, ["SENCHA"]);
        assert_eq!(skus(format!("category_id={NOBODY}")).await?, [] as [Value; 0]);
        assert_eq!(skus(format!("location_id={NOBODY}")).await?, [] as [Value; 0]);
        within(&earl, &Value::Null).await?;
        assert_eq!(skus(format!("category_id={tea}")).await?, ["SENCHA"], "it follows its product");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hand_in_the_database_is_found_by_the_proof_and_the_ledger_is_kept() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, sql) = (api.stocked_product("TEA").await?, world.sql().await?);
        let main = main_warehouse(&api).await?;
        let (near, far) = (api.location(&main, "A-01").await?, api.location(&main, "B-01").await?);
        for location in [&near, &far] {
            api.created("/stock-receipts", &receipt(&tea, "5", location)).await?;
        }
        assert_eq!(api.proof().await?["places"], json!(2));
        for statement in [
            "UPDATE stock_location_movements SET change = 1",
            "DELETE FROM stock_location_movements",
            "TRUNCATE stock_location_movements",
        ] {
            let kept = sql.execute(statement, &[]).await.expect_err("kept for ever");
            assert_eq!(kept.code().map(|code| code.code()), Some("23001"), "{statement}: {kept:?}");
        }
        let too_much =
            sql.execute("UPDATE stock_levels SET located = 11", &[]).await.expect_err("more than on hand");
        assert_eq!(too_much.code().map(|code| code.code()), Some("23514"), "{too_much:?}");
        // Each leaves the sums alone that the others change.
        for (statement, back) in [
            ("UPDATE stock_levels SET located = 9", "UPDATE stock_levels SET located = 10"),
            (
                "UPDATE stock_places SET on_hand = CASE location_id::text WHEN $1 THEN 4 ELSE 6 END",
                "UPDATE stock_places SET on_hand = CASE location_id::text WHEN $1 THEN 5 ELSE 5 END",
            ),
        ] {
            let statement = statement.replace("$1", &format!("'{}'", id(&near)));
            let back = back.replace("$1", &format!("'{}'", id(&near)));
            sql.execute(&statement, &[]).await?;
            let proof = api.http.get("/stock/proof").await?.json;
            assert_eq!(
                (&proof["holds"], proof["differences"].as_array().map(Vec::len)),
                (&json!(false), Some(1)),
                "{statement}"
            );
            sql.execute(&back, &[]).await?;
        }
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_found_in_another_location_is_taken_from_no_order() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let main = main_warehouse(&api).await?;
        let (near, far) = (api.location(&main, "A-01").await?, api.location(&main, "B-01").await?);
        api.created("/stock-receipts", &receipt(&tea, "5", &near)).await?;
        let order = api.created("/orders", &order_of(&customer, &[(&tea, "5")])).await?;
        let line = |change: &str, location: &Value| {
            json!({"product_id": tea["id"], "change": change, "location_id": location["id"]})
        };
        let counted = |lines: &[Value]| json!({"reason": "counted", "lines": lines});
        let elsewhere = counted(&[line("-5", &near), line("5", &far)]);
        let posted = api.created("/stock-adjustments", &elsewhere).await?;
        assert_eq!(changes(&posted), ["-5", "5"], "in the order of its lines");
        assert_eq!(api.http.get(&format!("/stock-documents/{}", id(&posted))).await?.json, posted);
        assert_eq!(shelves(&api, &tea, &main).await?, "5 of 5, B-01 5");
        assert_eq!(held_by(&api, &order).await?, ["5 0"]);
        let sql = world.sql().await?;
        assert_eq!(events_of(&sql, &order).await?, "order.placed");
        // Two are missing in all.
        let fewer = counted(&[line("-3", &far), line("1", &near)]);
        api.created("/stock-adjustments", &fewer).await?;
        assert_eq!(held_by(&api, &order).await?, ["3 2"]);
        assert_eq!(events_of(&sql, &order).await?, "order.placed order.back_ordered");
        api.proof().await?;
        Ok(())
    })
    .await;
}
