//! What a list can be asked for: words, ids, numbers of other systems, periods, several states, counts, lines.

use anyhow::Result;
use comptoir_tests::harness::{Api, Tenant, World, order_body};
use reqwest::Method;
use serde_json::{Value, json};

/// The codes, or the like, of a list.
async fn listed(api: &Api, path: &str, member: &str) -> Result<Vec<String>> {
    let answer = api.http.get(path).await?;
    anyhow::ensure!(answer.status == 200, "{path}: {}", answer.text);
    let rows = answer.json["data"].as_array().into_iter().flatten();
    Ok(rows.map(|row| row[member].as_str().unwrap_or_default().to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_are_found_without_their_accents_in_their_other_forms_and_by_their_beginnings() {
    World::run(async |world| {
        let api = world.api().await?;
        for (code, name) in [
            ("C-1042", "Librairie des Carmes"),
            ("C-1043", "Café de l’Été"),
            ("C-1044", "Chevaux & Compagnie"),
            ("C-1045", "Running Shoes Ltd"),
            ("C-2000", "Müller Söhne (Grüße)"),
        ] {
            let body = json!({"code": code, "name": name, "email": "achats@shop.example", "external_id": format!("ERP.{code}")});
            api.created("/customers", &body).await?;
        }
        for (q, expected) in [
            ("librairie carmes", &["C-1042"][..]),
            ("CARMES librairie", &["C-1042"]),
            ("libr", &["C-1042"]),
            ("carme", &["C-1042"]),
            ("ete", &["C-1043"]),
            ("ÉTÉ", &["C-1043"]),
            ("l'été café", &["C-1043"]),
            ("cheval", &["C-1044"]),
            ("run shoe", &["C-1045"]),
            ("muller sohne", &["C-2000"]),
            ("1044", &["C-1044"]),
            ("c-1044", &["C-1044"]),
            ("ERP.C-2000", &["C-2000"]),
            ("achats", &["C-1042", "C-1043", "C-1044", "C-1045", "C-2000"]),
            ("librairie cheval", &[]),
            ("104", &["C-1042", "C-1043", "C-1044", "C-1045"]),
        ] {
            let path = format!("/customers?q={}", urlencoding(q));
            assert_eq!(listed(&api, &path, "code").await?, expected, "{q}");
        }
        let sorted = listed(&api, "/customers?q=achats&sort=-name&limit=2", "code").await?;
        assert_eq!(sorted, ["C-1045", "C-2000"]);
        // Whatever is typed is text: nothing of it is an operator of the search.
        for q in ["a & b", "a €", "½", "² …", "日本 🍵", "a | !b", "a:*", "'", "a <-> b", "\\", "(", "%", "a\u{a0}b", "日本", "\u{1f600}x"] {
            assert_eq!(api.http.get(&format!("/customers?q={}", urlencoding(q))).await?.status, if q.chars().any(char::is_alphanumeric) { 200 } else { 422 }, "{q}");
        }
        api.product("TEA-EG-250").await?;
        assert_eq!(listed(&api, "/products?q=eg+250", "sku").await?, ["TEA-EG-250"]);
        api.supplier("S-1").await?;
        assert_eq!(listed(&api, "/suppliers?q=s-1", "code").await?, ["S-1"]);
        let warehouse = api.warehouse("QUAI-7").await?;
        api.location(&warehouse, "A-01-3").await?;
        assert_eq!(listed(&api, "/warehouses?q=quai", "code").await?, ["QUAI-7"]);
        assert_eq!(listed(&api, "/warehouses?q=entrepot", "code").await?, ["MAIN"]);
        assert_eq!(listed(&api, "/locations?q=a+01", "code").await?, ["A-01-3"]);
        Ok(())
    })
    .await;
}

fn urlencoding(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_finds_nothing_of_other_companies() {
    World::run(async |world| {
        let api = world.api().await?;
        api.customer("C-1").await?;
        let other = Tenant::create(&world.sql().await?, "Another company").await?;
        let other = api.http.with_credential(&other.api_key);
        let body = json!({"code": "C-2", "name": "A", "email": "a@b.example"});
        assert_eq!(other.post("/customers", &body).await?.status, 201);
        assert_eq!(listed(&api, "/customers?q=c", "code").await?, ["C-1"]);
        assert_eq!(other.get("/customers?q=c").await?.json["data"][0]["code"], "C-2");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_that_very_many_have_are_looked_for_a_page_at_a_time() {
    World::run(async |world| {
        let api = world.api().await?;
        let tenant = world.tenant().await?.id.to_string();
        let sql = world.sql().await?;
        let rows = format!(
            "INSERT INTO customers (tenant_id, id, version, code, name, email, created_at, updated_at)
             SELECT '{tenant}', gen_random_uuid(), 1, lpad(n::text, 5, '0'), CASE n % 1000 WHEN 7 THEN 'Rare' ELSE 'Common' END || ' shop',
                 'a@b.example', now(), now() FROM generate_series(1, 12000) AS n"
        );
        sql.batch_execute(&rows).await?;
        assert_eq!(listed(&api, "/customers?q=rare&limit=3", "code").await?, ["00007", "01007", "02007"]);
        assert_eq!(listed(&api, "/customers?q=common&limit=2", "code").await?, ["00001", "00002"]);
        let all = api.http.get("/customers?q=rare&count=true").await?;
        assert_eq!(all.json["count"], json!({"value": 12, "exact": true}));
        let shops = api.http.get("/customers?q=shop&count=true&limit=1").await?;
        assert_eq!(shops.json["count"], json!({"value": 10_000, "exact": false}));
        let every = api.http.get("/customers?count=true&limit=1").await?;
        assert_eq!(every.json["count"], json!({"value": 10_000, "exact": false}));
        // Of many, those that changed lately, by name: pages may be short, and all of them are found.
        sql.batch_execute("UPDATE customers SET updated_at = now() + interval '1 hour' WHERE code::int % 2 = 0").await?;
        let (mut found, mut cursor) = (0, String::new());
        loop {
            let path = format!("/customers?q=shop&updated_from={}&limit=200&sort=name{cursor}", later());
            let page = api.http.get(&path).await?;
            assert_eq!(page.status, 200, "{}", page.text);
            found += page.json["data"].as_array().map_or(0, Vec::len);
            match page.json["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found, 6_000);
        Ok(())
    })
    .await;
}

fn later() -> String {
    (chrono::Utc::now() + chrono::TimeDelta::minutes(30)).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_external_id_is_unique_in_a_company_and_finds_its_resource() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let order = |external_id: &str| {
            let mut body = order_body(&customer, &product);
            body["external_id"] = json!(external_id);
            body
        };
        let bodies = |number: &str, external_id: Value| {
            [
                ("/customers", json!({"code": number, "name": "A", "email": "a@b.example", "external_id": external_id})),
                ("/suppliers", json!({"code": number, "name": "A", "external_id": external_id})),
                ("/products", json!({"sku": number, "name": "A", "unit_price": "1", "vat_rate": "20", "external_id": external_id})),
            ]
        };
        let kinds = ["customer", "supplier", "product"];
        for (((path, body), (_, again)), kind) in bodies("N-1", json!("E-1")).into_iter().zip(bodies("N-2", json!("E-1"))).zip(kinds) {
            let made = api.created(path, &body).await?;
            assert_eq!(made["external_id"], "E-1");
            let taken = api.http.post(path, &again).await?;
            assert_eq!((taken.status, taken.code()), (409, format!("{kind}_external_id_taken").as_str()));
            let found = api.http.get(&format!("{path}?external_id=E-1")).await?;
            assert_eq!(found.json["data"], json!([made]));
            // Many may have none.
            for number in ["N-3", "N-4"] {
                let (_, body) = bodies(number, Value::Null).into_iter().find(|(other, _)| *other == path).unwrap_or_default();
                api.created(path, &body).await?;
            }
            let one = format!("{path}/{}", made["id"].as_str().unwrap_or_default());
            let patched = api.http.send(Method::PATCH, &one, &[], Some(&json!({"external_id": null}))).await?;
            assert_eq!((patched.status, &patched.json["external_id"]), (200, &Value::Null), "{}", patched.text);
        }
        let made = api.created("/orders", &order("E-1")).await?;
        let taken = api.http.post("/orders", &order("E-1")).await?;
        assert_eq!((taken.status, taken.code()), (409, "order_external_id_taken"));
        assert_eq!(listed(&api, "/orders?external_id=E-1", "id").await?, [made["id"].as_str().unwrap_or_default()]);
        // The events tell it.
        let sql = world.sql().await?;
        let told = "SELECT count(*) FROM outbox_events WHERE payload ->> 'external_id' = 'E-1'
            AND event_type IN ('customer.created', 'supplier.created', 'product.created', 'order.placed')";
        assert_eq!(sql.query_one(told, &[]).await?.get::<_, i64>(0), 4);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_listed_by_several_states_by_ids_by_their_last_change_and_with_their_lines() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let mut ids = Vec::new();
        for _ in 0..4 {
            let order = api.order(&customer, &product).await?;
            ids.push(order["id"].as_str().unwrap_or_default().to_owned());
        }
        for (id, verb, body) in
            [(&ids[0], "confirm", json!({})), (&ids[2], "cancel", json!({"reason": "none"}))]
        {
            let answer = api.http.post(&format!("/orders/{id}/{verb}"), &body).await?;
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        let of = |positions: &[usize]| positions.iter().map(|at| ids[*at].clone()).collect::<Vec<_>>();
        for (query, expected) in [
            ("sort=placed_at", &[0, 1, 2, 3][..]),
            ("sort=placed_at&status=pending", &[1, 3]),
            ("sort=placed_at&status=pending,confirmed", &[0, 1, 3]),
            ("status=cancelled,confirmed", &[2, 0]),
            ("status=cancelled&status=confirmed", &[2, 0]),
            ("sort=updated_at", &[1, 3, 0, 2]),
            ("sort=-updated_at&status=confirmed,cancelled,pending", &[2, 0, 3, 1]),
        ] {
            assert_eq!(listed(&api, &format!("/orders?{query}"), "id").await?, of(expected), "{query}");
        }
        // Pages of several states go on where the one before ended.
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/orders?status=pending,confirmed&sort=placed_at&limit=1{cursor}");
            let page = api.http.get(&path).await?;
            found.extend(
                page.json["data"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|row| Some(row["id"].as_str()?.to_owned())),
            );
            match page.json["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found, of(&[0, 1, 3]));
        let chosen = format!("/orders?ids={},{}&sort=placed_at", ids[3], ids[0]);
        assert_eq!(listed(&api, &chosen, "id").await?, of(&[0, 3]));
        assert_eq!(listed(&api, &format!("{chosen}&status=pending"), "id").await?, of(&[3]));
        let counted = api.http.get("/orders?status=pending,confirmed&count=true&limit=1").await?;
        assert_eq!(counted.json["count"], json!({"value": 3, "exact": true}));

        let with_lines = api.http.get("/orders?include=lines&sort=placed_at").await?;
        for (listed, id) in with_lines.json["data"].as_array().into_iter().flatten().zip(&ids) {
            let order = api.http.get(&format!("/orders/{id}")).await?.json;
            assert_eq!(*listed, order);
            assert_eq!(listed["lines"].as_array().map(Vec::len), Some(1));
        }
        let without = api.http.get("/orders").await?;
        assert_eq!(without.json["data"][0]["lines"], Value::Null);

        let wrong =
            api.http.get("/orders?status=open,pending&include=vat&placed_from=x&created_from=x").await?;
        assert_eq!(wrong.status, 422);
        let pointers: Vec<_> = wrong.json["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|error| error["pointer"].clone())
            .collect();
        assert_eq!(
            pointers,
            ["/query/include", "/query/placed_from", "/query/created_from", "/query/status"]
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_orders_with_very_many_lines_ends_early() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let line = json!({"product_id": product["id"], "quantity": "1"});
        let body = json!({"customer_id": customer["id"], "lines": vec![line; 4_000]});
        for _ in 0..3 {
            api.created("/orders", &body).await?;
        }
        let first = api.http.get("/orders?include=lines").await?;
        assert_eq!(first.json["data"].as_array().map(Vec::len), Some(2));
        let cursor = first.json["next_cursor"].as_str().unwrap_or_default();
        let second = api.http.get(&format!("/orders?include=lines&cursor={cursor}")).await?;
        assert_eq!(second.json["data"].as_array().map(Vec::len), Some(1));
        assert_eq!(second.json["next_cursor"], Value::Null);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_list_can_be_had_as_csv() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        api.created(
            "/customers",
            &json!({"code": "C-2", "name": "=cmd()", "email": "a@b.example", "external_id": "ü,\"x\""}),
        )
        .await?;
        api.supplier("S-1").await?;
        api.order(&customer, &product).await?;
        let document = api.http.get("//api/openapi.json").await?.json;
        let mut tried = 0;
        for (path, operations) in document["paths"].as_object().into_iter().flatten() {
            let Some(list) = path.strip_suffix(".csv") else { continue };
            // Of the accounts, a period is asked for (accounting.rs).
            if list.contains('{') || list.ends_with("/sessions") || list.contains("/accounting/") {
                continue;
            }
            assert!(operations["get"]["operationId"].as_str().is_some_and(|id| id.starts_with("export")));
            let csv = api.http.get(&format!("/{path}")).await?;
            assert_eq!(
                (csv.status, csv.header("content-type")),
                (200, Some("text/csv; charset=utf-8; header=present")),
                "{path}"
            );
            let json = api.http.get(&format!("/{list}?limit=200")).await?;
            let rows = json.json["data"].as_array().cloned().unwrap_or_default();
            let lines = csv.text.split_terminator("\r\n").count();
            // The trail has grown by one refusal at most in between; nothing else has.
            assert!(lines == rows.len() + 1, "{path}: {lines} lines for {} rows", rows.len());
            if let Some(row) = rows.first() {
                let header = csv.text.split("\r\n").next().unwrap_or_default();
                let mut columns: Vec<_> = header.split(',').map(str::to_owned).collect();
                columns.sort();
                // An order's lines are no column.
                let is_column = |name: &String| !["lines", "vat"].contains(&name.as_str());
                let members: Vec<_> = row
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name.clone())
                    .filter(is_column)
                    .collect();
                assert_eq!(columns, members, "{path}");
            }
            tried += 1;
        }
        assert_eq!(tried, 36);
        let csv = api.http.get("/customers.csv?q=cmd").await?.text;
        let row = csv.split("\r\n").nth(1).unwrap_or_default();
        assert!(row.contains(",\"ü,\"\"x\"\"\",C-2,'=cmd(),a@b.example,,[],"), "{row}");
        let refused = api.http.get("/customers.csv?limit=3").await?;
        assert_eq!((refused.status, refused.code()), (422, "invalid_request"));
        Ok(())
    })
    .await;
}
