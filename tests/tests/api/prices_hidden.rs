//! Who works in the warehouse sees no amounts: nothing that customers pay, nothing that goods cost, no credit limit. Every GET route that
//! the role may call is read, and each amount is looked for in the whole answer.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{
    Answer, Api, EventStream, Http, World, api_key, id, main_warehouse, order_of, stock_of, until,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::authentication::{PASSWORD, logged_in, user};

const LIMIT: Duration = Duration::from_secs(20);
/// What a unit is sold for.
const PRICE: &str = "7919.13";
/// Two units, without VAT, the VAT of 20 %, and with it.
const TOTALS: [&str; 3] = ["15838.26", "3167.65", "19005.91"];
const CREDIT_LIMIT: &str = "97531.57";
/// What a unit cost.
const COST: &str = "1234.57";
/// The same, as nobody may write it in a file.
const WRONG_COST: &str = "1234,57";
/// What 20, 18, 19 and 17 units cost: as many as are on hand one after the other.
const VALUES: [&str; 4] = ["24691.40", "22222.26", "23456.83", "20987.69"];

/// Somebody of this role, who has logged in.
async fn somebody(world: &World, api: &Api, role: &str) -> Result<Http> {
    let email = format!("{role}@docks.example");
    user(world, api, &email, role).await?;
    Ok(logged_in(api, &email, PASSWORD).await?.http)
}

fn without_amounts(what: &str, text: &str) -> Result<()> {
    let amounts = [PRICE, CREDIT_LIMIT, COST, WRONG_COST].into_iter().chain(TOTALS).chain(VALUES);
    for amount in amounts {
        ensure!(!text.contains(amount), "{what} tells {amount}: {text}");
    }
    Ok(())
}

fn order(customer: &Value, product: &Value) -> Value {
    let mut body = order_of(customer, &[(product, "2")]);
    body["lines"][0]["unit_price"] = json!(PRICE);
    body
}

async fn customer(api: &Api) -> Result<Value> {
    let body =
        json!({"code": "C-1", "name": "A customer", "email": "c@example.com", "credit_limit": CREDIT_LIMIT});
    api.created("/customers", &body).await
}

async fn done(http: &Http, path: &str) -> Result<Answer> {
    let answer = http.command(path).await?;
    ensure!(answer.status == 200, "POST {path}: {} {}", answer.status, answer.text);
    Ok(answer)
}

/// A company that sells, buys and counts. Returns the id of one resource of each collection; the order is one that can leave.
async fn company(api: &Api) -> Result<HashMap<&'static str, String>> {
    let (customer, tea) = (customer(api).await?, api.stocked_product("TEA").await?);
    let receipt = api.receive(&tea, "20", COST).await?;
    api.created("/orders", &order(&customer, &tea)).await?;
    let confirmed = api.created("/orders", &order(&customer, &tea)).await?;
    done(&api.http, &format!("/orders/{}/confirm", id(&confirmed))).await?;
    let gone = api.created("/orders", &order(&customer, &tea)).await?;
    done(&api.http, &format!("/orders/{}/confirm", id(&gone))).await?;
    let shipment = api.created(&format!("/orders/{}/shipments", id(&gone)), &json!({})).await?;
    let line = json!({"position": 1, "quantity": "1", "restock": true});
    let body = json!({"reason": "a test", "lines": [line]});
    let back = api.created(&format!("/orders/{}/returns", id(&gone)), &body).await?;
    // One that waits for goods: of a customer without a limit.
    let mut waiting = order(&api.customer("C-2").await?, &api.stocked_product("POT").await?);
    waiting["back_order"] = json!(true);
    api.created("/orders", &waiting).await?;

    let supplier = api.supplier("S-1").await?;
    let line = json!({"product_id": tea["id"], "quantity": "10", "unit_cost": COST});
    let purchase = json!({"supplier_id": supplier["id"], "lines": [line]});
    let purchase = api.created("/purchase-orders", &purchase).await?;
    let warehouse = main_warehouse(api).await?;
    let location = api.location(&warehouse, "L-1").await?;
    let category = api.category("K-1", None).await?;
    let count = api.created("/inventory-counts", &json!({"warehouse_id": warehouse["id"]})).await?;
    let file = format!("sku,quantity,unit_cost\nTEA,1,{COST}\nTEA,1,\"{WRONG_COST}\"\n").into_bytes();
    let headers = [("Content-Type", "text/csv")];
    let import = api.http.raw(Method::POST, "/imports?kind=stock", &headers, Some(file)).await?;
    ensure!(import.status == 202, "{} {}", import.status, import.text);
    until("the import to finish", LIMIT, async || {
        let import = api.http.get(&format!("/imports/{}", import.field("id"))).await?.json;
        ensure!(import["state"] == "finished" && import["progress"]["refused"] == 2, "{import}");
        Ok(())
    })
    .await?;

    let stock = stock_of(api, &tea).await?;
    let owned = [
        ("customers", &customer),
        ("products", &tea),
        ("orders", &confirmed),
        ("shipments", &shipment),
        ("returns", &back),
        ("suppliers", &supplier),
        ("purchase-orders", &purchase),
        ("warehouses", &warehouse),
        ("locations", &location),
        ("categories", &category),
        ("inventory-counts", &count),
        ("imports", &import.json),
        ("stock", &stock),
        ("stock-documents", &receipt),
    ];
    Ok(owned.map(|(kind, resource)| (kind, id(resource).to_owned())).into())
}

/// The GET routes that this role may call, with ids in them.
async fn readable(api: &Api, role: &str, owned: &HashMap<&str, String>) -> Result<Vec<String>> {
    let roles = api.http.get("/roles").await?.json;
    let roles = roles["data"].as_array().context("no roles")?;
    let role = roles.iter().find(|row| row["role"] == role).context("no such role")?;
    let held: BTreeSet<&str> =
        role["permissions"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let document = api.http.get("//api/openapi.json").await?.json;
    let mut paths = Vec::new();
    for (path, item) in document["paths"].as_object().context("no paths")? {
        let (Some(path), operation) = (path.strip_prefix("/api/v1"), &item["get"]) else { continue };
        let may = operation["x-permission"].as_str().is_none_or(|permission| held.contains(permission));
        let is_for_all = operation["security"] == json!([]) || operation["x-operator"] == true;
        // The stream never ends: it has a test of its own.
        if operation.is_null() || !may || is_for_all || path == "/notifications" {
            continue;
        }
        let collection = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let path = match owned.get(collection) {
            Some(id) => path.replace("{id}", id),
            None => path.to_owned(),
        };
        ensure!(!path.contains('{'), "{path} is new: say in `company` what it reads");
        paths.push(path);
    }
    ensure!(paths.len() > 50, "only {} routes", paths.len());
    Ok(paths)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_the_warehouse_reads_tells_an_amount() {
    World::run(async |world| {
        let api = world.api().await?;
        let owned = company(&api).await?;
        let (keeper, sales) =
            (somebody(world, &api, "warehouse").await?, somebody(world, &api, "sales").await?);
        let mut paths = readable(&api, "warehouse", &owned).await?;
        paths.extend(["/orders?include=lines", "/events?limit=200"].map(str::to_owned));
        for path in &paths {
            let answer = keeper.get(path).await?;
            // There is no logo yet.
            ensure!(matches!(answer.status, 200 | 204), "{path}: {} {}", answer.status, answer.text);
            without_amounts(path, &answer.text)?;
        }

        // The same routes, as others see them: there is something to hide.
        let of = |kind: &str| format!("/{kind}/{}", owned[kind]);
        let for_sales: [(String, &[&str]); 8] = [
            ("/orders".to_owned(), &TOTALS),
            ("/orders.csv".to_owned(), &TOTALS),
            ("/orders?include=lines".to_owned(), &[PRICE]),
            (of("orders"), &[PRICE, TOTALS[0], TOTALS[1], TOTALS[2]]),
            ("/customers".to_owned(), &[CREDIT_LIMIT]),
            ("/customers.csv".to_owned(), &[CREDIT_LIMIT]),
            (of("customers"), &[CREDIT_LIMIT]),
            ("/events?limit=200".to_owned(), &[PRICE, TOTALS[2], CREDIT_LIMIT]),
        ];
        for (path, amounts) in for_sales {
            let answer = sales.get(&path).await?;
            for amount in amounts {
                ensure!(answer.text.contains(*amount), "sales: {path} without {amount}: {}", answer.text);
            }
        }
        let for_all_who_buy = [
            ("/stock".to_owned(), COST),
            ("/stock.csv".to_owned(), COST),
            (of("stock"), VALUES[2]),
            ("/stock-movements".to_owned(), COST),
            ("/stock-movements.csv".to_owned(), COST),
            (of("stock-documents"), COST),
            (of("purchase-orders"), COST),
            (format!("{}/refused-rows", of("imports")), COST),
            (format!("{}/refused-rows.csv", of("imports")), WRONG_COST),
        ];
        for (path, amount) in for_all_who_buy {
            let answer = api.http.get(&path).await?;
            ensure!(answer.text.contains(amount), "{path} without {amount}: {}", answer.text);
        }
        api.proof().await.map(drop)
    })
    .await;
}

/// The pointers of what is null in one value and is there in the other. What else differs is noted as such.
fn differences(one: &Value, other: &Value, at: &str, found: &mut BTreeSet<String>) {
    match (one, other) {
        (one, other) if one == other => {}
        (Value::Object(one), Value::Object(other)) => {
            let names: BTreeSet<_> = one.keys().chain(other.keys()).collect();
            for name in names {
                let at = format!("{at}/{name}");
                if let (Some(one), Some(other)) = (one.get(name), other.get(name)) {
                    differences(one, other, &at, found);
                } else {
                    found.insert(format!("{at} is missing"));
                }
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                differences(one, other, &format!("{at}/{index}"), found);
            }
        }
        (Value::Null, _) => {
            found.insert(at.to_owned());
        }
        _ => {
            found.insert(format!("{at} is another one"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_the_warehouse_ships_has_null_in_place_of_its_amounts() {
    World::run(async |world| {
        let api = world.api().await?;
        let keeper = somebody(world, &api, "warehouse").await?;
        let owned = company(&api).await?;
        let path = format!("/orders/{}", owned["orders"]);
        let hidden = [
            "/gross_total",
            "/lines/0/net_amount",
            "/lines/0/unit_price",
            "/net_total",
            "/vat/0/amount",
            "/vat/0/base",
            "/vat_total",
        ];
        let shipped = keeper
            .post_with_key(&format!("{path}/ship"), "ship-1", &json!({"tracking_number": "1Z"}))
            .await?;
        ensure!(shipped.status == 200, "{} {}", shipped.status, shipped.text);
        let again = keeper
            .post_with_key(&format!("{path}/ship"), "ship-1", &json!({"tracking_number": "1Z"}))
            .await?;
        assert_eq!(
            (again.status, again.header("idempotent-replayed"), &again.text),
            (200, Some("true"), &shipped.text)
        );
        for (answer, whole) in [
            (shipped, api.http.get(&path).await?),
            (keeper.get(&path).await?, api.http.get(&path).await?),
            (done(&keeper, &format!("{path}/deliver")).await?, api.http.get(&path).await?),
        ] {
            without_amounts("an order", &answer.text)?;
            let mut found = BTreeSet::new();
            differences(&answer.json, &whole.json, "", &mut found);
            assert_eq!(found.into_iter().collect::<Vec<_>>(), hidden, "{}", answer.text);
        }
        // The columns stay.
        let (bare, whole) = (keeper.get("/orders.csv").await?.text, api.http.get("/orders.csv").await?.text);
        assert_eq!(bare.lines().next(), whole.lines().next());
        assert!(bare.contains(",EUR,,,,") && !whole.contains(",EUR,,,,"), "{bare}");
        // What was sold is in the trail and in the events, whoever shipped it.
        let sql = world.sql().await?;
        let shipped =
            "SELECT count(*) FROM audit_events WHERE action = 'order.ship' AND after ->> 'gross_total' = $1";
        let kept: i64 = sql.query_one(shipped, &[&TOTALS[2]]).await?.get(0);
        assert_eq!(kept, 1, "the trail is whole");
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_live_has_amounts_for_those_who_see_prices_only() {
    World::run(async |world| {
        let api = world.api().await?;
        let (keeper, sales) =
            (somebody(world, &api, "warehouse").await?, somebody(world, &api, "sales").await?);
        let mut bare = EventStream::open(&keeper, "?types=order.*,customer.*", None).await?;
        let mut whole = EventStream::open(&sales, "?types=order.*,customer.*", None).await?;
        let begin = bare.last_id.clone();
        let customer = customer(&api).await?;
        let tea = api.stocked_product("TEA").await?;
        api.receive(&tea, "20", COST).await?;
        api.created("/orders", &order(&customer, &tea)).await?;
        for event in ["customer.created", "order.placed"] {
            let (seen, told) = (bare.expect(event, LIMIT).await?, whole.expect(event, LIMIT).await?);
            without_amounts(event, &seen.data.to_string())?;
            let mut found = BTreeSet::new();
            differences(&seen.data, &told.data, "", &mut found);
            let hidden = match event {
                "customer.created" => vec!["/payload/credit_limit"],
                _ => vec![
                    "/payload/gross_total",
                    "/payload/lines/0/net_amount",
                    "/payload/lines/0/unit_price",
                    "/payload/net_total",
                    "/payload/vat/0/amount",
                    "/payload/vat/0/base",
                    "/payload/vat_total",
                ],
            };
            assert_eq!(found.into_iter().collect::<Vec<_>>(), hidden, "{seen:?} {told:?}");
        }
        // What was missed is read from the log, and has none either.
        let mut late = EventStream::open(&keeper, "?types=order.*,customer.*", Some(&begin)).await?;
        for event in ["customer.created", "order.placed"] {
            without_amounts(event, &late.expect(event, LIMIT).await?.data.to_string())?;
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_when_prices_are_taken_away() {
    World::run(async |world| {
        let api = world.api().await?;
        let id = user(world, &api, "sales@docks.example", "sales").await?;
        let sales = logged_in(&api, "sales@docks.example", PASSWORD).await?.http;
        let mut stream = EventStream::open(&sales, "?types=customer.*", None).await?;
        let body = json!({"granted": [], "revoked": ["orders:prices"]});
        let path = format!("/users/{id}/change-permissions");
        let changed = api.http.post(&path, &body).await?;
        ensure!(changed.status == 200, "{} {}", changed.status, changed.text);
        customer(&api).await?;
        assert_eq!(stream.next(LIMIT).await?, None, "nothing is told by the rights of before");
        let listed = sales.get("/customers").await?;
        ensure!(listed.status == 200, "{} {}", listed.status, listed.text);
        without_amounts("/customers", &listed.text)
    })
    .await;
}

/// A program that enters orders and is not to know what they are worth.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_see_amounts_takes_none_away_and_is_told_none_in_a_refusal() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (customer(&api).await?, api.stocked_product("TEA").await?);
        api.receive(&tea, "40", COST).await?;
        let permissions = ["customers:read", "customers:write", "orders:read", "orders:write"];
        let key = api_key(&world.sql().await?, world.tenant().await?.id, &permissions).await?;
        let blind = api.http.with_credential(&key);

        let placed = blind.post("/orders", &order(&customer, &tea)).await?;
        ensure!(placed.status == 201, "{} {}", placed.status, placed.text);
        without_amounts("POST /orders", &placed.text)?;
        let path = format!("/orders/{}", placed.field("id"));
        // What it was given, it may send back. A line keeps its price.
        let edit = json!({"net_total": null, "vat": placed.json["vat"], "lines": [{"position": 1, "quantity": "4", "unit_price": null}]});
        let changed = blind.send(Method::PATCH, &path, &[("If-Match", "\"1\"")], Some(&edit)).await?;
        ensure!(changed.status == 200, "{} {}", changed.status, changed.text);
        assert_eq!((&changed.json["lines"][0]["quantity"], &changed.json["net_total"]), (&json!("4"), &Value::Null));
        let now = api.http.get(&path).await?.json;
        assert_eq!((&now["lines"][0]["unit_price"], &now["net_total"]), (&json!(PRICE), &json!("31676.52")));
        // Nobody finds an amount by guessing.
        for guess in ["31676.52", "1.00"] {
            let edit = json!({"net_total": guess});
            let refused = blind.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&edit)).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec!["/net_total"]), "{}", refused.text);
        }

        let mut too_much = order_of(&customer, &[(&tea, "9000")]);
        too_much["back_order"] = json!(true);
        let refused = blind.post("/orders", &too_much).await?;
        assert_eq!((refused.status, refused.code()), (409, "credit_limit_exceeded"), "{}", refused.text);
        without_amounts("the refusal", &refused.text)?;
        let error = &refused.json["errors"][0];
        assert_eq!((&error["available"], &error["credit"]), (&Value::Null, &Value::Null), "{}", refused.text);
        assert!(!refused.text.contains("38011.8") && !refused.text.contains("108000"), "{}", refused.text);
        let told = api.http.post("/orders", &too_much).await?;
        assert_eq!(told.json["errors"][0]["credit"]["exposure"], "38011.82", "{}", told.text);

        let path = format!("/customers/{}", id(&customer));
        let mut read = blind.get(&path).await?.json;
        assert_eq!(read["credit_limit"], Value::Null);
        read["name"] = json!("Another name");
        let changed = blind.send(Method::PUT, &path, &[("If-Match", "*")], Some(&read)).await?;
        assert_eq!((changed.status, &changed.json["credit_limit"]), (200, &Value::Null), "{}", changed.text);
        for guess in [CREDIT_LIMIT, "1.00"] {
            let edit = json!({"credit_limit": guess});
            let refused = blind.send(Method::PATCH, &path, &[], Some(&edit)).await?;
            assert_eq!((refused.status, refused.pointers()), (403, vec!["/credit_limit"]), "{}", refused.text);
        }
        let now = api.http.get(&path).await?.json;
        assert_eq!((&now["credit_limit"], &now["name"]), (&json!(CREDIT_LIMIT), &json!("Another name")));
        Ok(())
    })
    .await;
}
