//! Imports: files that arrive in a stream, and are worked off row by row, each row once.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Answer, Api, Http, Tenant, World, until};
use reqwest::Method;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);

async fn post(http: &Http, path: &str, headers: &[(&str, &str)], file: &str) -> Result<Answer> {
    http.raw(Method::POST, path, headers, Some(file.as_bytes().to_vec())).await
}

async fn send(http: &Http, query: &str, media_type: &str, file: &str) -> Result<Answer> {
    post(http, &format!("/imports?{query}"), &[("Content-Type", media_type)], file).await
}

/// Waits until an import is in a state.
async fn reaches(http: &Http, id: &str, state: &str) -> Result<Value> {
    until(format!("an import that is {state}"), LIMIT, async || {
        let import = http.get(&format!("/imports/{id}")).await?.json;
        ensure!(import["state"] == state, "{import}");
        Ok(import)
    })
    .await
}

async fn imported(http: &Http, query: &str, media_type: &str, file: &str) -> Result<Value> {
    let answer = send(http, query, media_type, file).await?;
    ensure!(answer.status == 202, "{}: {}", answer.status, answer.text);
    assert!(answer.header("location").is_some_and(|at| at.ends_with(answer.field("id"))));
    reaches(http, answer.field("id"), "finished").await
}

fn progress(rows: i64, created: i64, updated: i64, unchanged: i64, refused: i64) -> Value {
    json!({"rows": rows, "created": created, "updated": updated, "unchanged": unchanged, "refused": refused})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_csv_file_of_customers_is_imported_row_by_row_and_what_is_wrong_is_said_of_each_row() {
    World::run(async |world| {
        let api = world.api().await?;
        api.customer("C-3").await?;
        let file = "\u{feff}code;name;email;external_id;addresses\r\n\
            C-1;\"Librairie; des Carmes\";achats@carmes.example;E-1;\"[{\"\"kind\"\":\"\"billing\"\",\"\"line1\"\":\"\"1 rue\"\",\"\"postal_code\"\":\"\"44000\"\",\"\"city\"\":\"\"Nantes\"\",\"\"country\"\":\"\"FR\"\"}]\"\r\n\
            C-2;'=Égalité;b@b.example;;\r\n\
            C-3;Taken;c@c.example;;\r\n\
            ;;no address;;\r\n";
        let done = imported(&api.http, "kind=customers&file_name=a.csv", "text/csv; charset=utf-8", file).await?;
        assert_eq!(done["progress"], progress(4, 2, 0, 0, 2));
        assert_eq!((&done["file_name"], &done["mode"]), (&json!("a.csv"), &json!("create")));
        let first = api.http.get("/customers?code=C-1").await?.json["data"][0].clone();
        assert_eq!((&first["name"], &first["external_id"]), (&json!("Librairie; des Carmes"), &json!("E-1")));
        assert_eq!(first["addresses"][0]["city"], "Nantes");
        assert_eq!(api.http.get("/customers?code=C-2").await?.json["data"][0]["name"], "=Égalité");

        let id = done["id"].as_str().unwrap_or_default();
        let refused = api.http.get(&format!("/imports/{id}/refused-rows")).await?;
        let rows = refused.json["data"].as_array().cloned().unwrap_or_default();
        let told: Vec<_> = rows.iter().flat_map(|row| {
            let errors = row["errors"].as_array().cloned().unwrap_or_default();
            errors.into_iter().map(move |error| (row["row"].as_i64(), error["pointer"].clone(), error["code"].clone()))
        }).collect();
        assert_eq!(
            told,
            [
                (Some(3), json!(""), json!("customer_code_taken")),
                (Some(4), json!("/email"), json!("not_an_email")),
                (Some(4), json!("/code"), json!("missing_field")),
                (Some(4), json!("/name"), json!("missing_field")),
            ]
        );
        assert_eq!(rows[0]["content"]["name"], "Taken");
        let csv = api.http.get(&format!("/imports/{id}/refused-rows.csv")).await?;
        assert_eq!(csv.text.split_terminator("\r\n").count(), 3, "{}", csv.text);
        // Each row has its event and its row in the trail, of whoever sent the file.
        let sql = world.sql().await?;
        let events: i64 = sql.query_one("SELECT count(*) FROM outbox_events WHERE event_type = 'customer.created'", &[]).await?.get(0);
        assert_eq!(events, 3);
        let trail = api.http.get("/audit-events?action=customer.create").await?;
        let actors: Vec<_> = trail.json["data"].as_array().into_iter().flatten().map(|row| row["actor_type"].clone()).collect();
        assert_eq!(actors, ["api_key", "api_key", "api_key"]);
        assert_eq!(api.http.get("/audit-events?action=import.create").await?.json["data"].as_array().map(Vec::len), Some(1));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upsert_changes_what_the_file_names_and_nothing_else() {
    World::run(async |world| {
        let api = world.api().await?;
        let lines = |rows: &[Value]| rows.iter().map(|row| format!("{row}\n")).collect::<String>();
        let terms = json!({"days": 30, "end_of_month": true});
        let first = lines(&[
            json!({"code": "S-1", "name": "One", "vat_number": "FR40303265045", "payment_terms": terms}),
            json!({"code": "S-2", "name": "Two"}),
        ]);
        let done = imported(&api.http, "kind=suppliers&mode=upsert", "application/x-ndjson", &first).await?;
        assert_eq!(done["progress"], progress(2, 2, 0, 0, 0));
        let second = lines(&[
            json!({"code": "S-1", "name": "Other"}),
            json!({"code": "S-2", "name": "Two"}),
            json!({"code": "S-3"}),
            json!({"code": "S-1", "vat_number": null}),
            json!({"code": "S\0-1", "name": "A"}),
            json!({"co\0de": "S-1"}),
        ]);
        let done = imported(&api.http, "kind=suppliers&mode=upsert", "application/x-ndjson", &second).await?;
        assert_eq!(done["progress"], progress(6, 0, 2, 1, 3), "what PostgreSQL cannot store is refused, and stops nothing");
        let one = api.http.get("/suppliers?code=S-1").await?.json["data"][0].clone();
        assert_eq!((&one["name"], &one["vat_number"], &one["payment_terms"], &one["version"]), (&json!("Other"), &Value::Null, &terms, &json!(3)));

        // What was exported is imported again, into another company too.
        api.created("/products", &json!({"sku": "P-1", "name": "=1 \"é\", b", "unit_price": "12.50", "vat_rate": "5.5", "external_id": "E"})).await?;
        let csv = api.http.get("/products.csv").await?.text;
        let done = imported(&api.http, "kind=products&mode=upsert", "text/csv", &csv).await?;
        assert_eq!(done["progress"], progress(1, 0, 0, 1, 0));
        Ok(())
    })
    .await;
}

/// What invoices say of customers goes out and comes in, whole or in parts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_are_exported_and_imported_with_what_their_invoices_say() {
    World::run(async |world| {
        let api = world.api().await?;
        let invoicing = json!({
            "kind": "business", "legal_form": "SARL", "registration": {"scheme": "siren", "number": "303265045"},
            "electronic_address": {"scheme": "0225", "identifier": "303265045"}, "language": "en",
            "payment_terms": {"days": 45, "end_of_month": true},
        });
        let address = |kind: &str, line: &str| {
            json!({"kind": kind, "line1": line, "line2": null, "postal_code": "44000", "city": "Nantes", "country": "FR"})
        };
        let body = json!({
            "code": "C-1", "name": "Librairie des Carmes", "email": "achats@carmes.example", "vat_number": "FR40303265045",
            "addresses": [address("billing", "12 rue des Carmes"), address("shipping", "3 quai de la Fosse")],
            "invoicing": invoicing,
        });
        let original = api.created("/customers", &body).await?;
        let csv = api.http.get("/customers.csv").await?.text;
        let again = imported(&api.http, "kind=customers&mode=upsert", "text/csv", &csv).await?;
        assert_eq!(again["progress"], progress(1, 0, 0, 1, 0), "what was exported changes nothing");

        // Into a company that does not know the customer.
        let sql = world.sql().await?;
        let other = api.http.with_credential(&Tenant::create(&sql, "Other").await?.api_key);
        let first = imported(&other, "kind=customers", "text/csv", &csv).await?;
        assert_eq!(first["progress"], progress(1, 1, 0, 0, 0));
        let copy = other.get("/customers?code=C-1").await?.json["data"][0].clone();
        for member in ["name", "email", "vat_number", "addresses", "invoicing"] {
            assert_eq!(copy[member], original[member], "{member}");
        }

        // Made by hand: what it does not name stays.
        let file = "code,invoicing.kind,invoicing.legal_form,invoicing.electronic_address\r\n\
            C-1,public_body,,\"{\"\"scheme\"\":\"\"0088\"\",\"\"identifier\"\":\"\"3017620422003\"\"}\"\r\n\
            C-1,nobody,,\r\n";
        let done = imported(&other, "kind=customers&mode=upsert", "text/csv", file).await?;
        assert_eq!(done["progress"], progress(2, 0, 1, 0, 1));
        let path = format!("/imports/{}/refused-rows", done["id"].as_str().unwrap_or_default());
        let refused = other.get(&path).await?;
        assert_eq!(refused.json["data"][0]["errors"][0]["pointer"], "/invoicing/kind", "{}", refused.text);
        let changed = other.get("/customers?code=C-1").await?.json["data"][0]["invoicing"].clone();
        assert_eq!((&changed["kind"], &changed["legal_form"]), (&json!("public_body"), &Value::Null));
        assert_eq!(changed["electronic_address"], json!({"scheme": "0088", "identifier": "3017620422003"}));
        for member in ["registration", "language", "payment_terms"] {
            assert_eq!(changed[member], invoicing[member], "{member}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn products_are_imported_with_what_they_are_for_a_warehouse() {
    World::run(async |world| {
        let api = world.api().await?;
        let category = api.category("TEA", None).await?;
        let id = category["id"].as_str().unwrap_or_default();
        let file = format!(
            "sku,name,unit_price,vat_rate,unit,quantity_decimals,stocked,category_id,barcodes,nature\r\n\
            P-1,Tea,1,20,KGM,2,FALSE,{id},036000291452 96385074,service\r\n\
            P-2,Cup,1,20,,,,,\"[\"\"3017620422003\"\"]\",\r\n\
            P-3,Pot,1,20,,,true,,96385074,goods\r\n\
            P-4,Lid,1,20,,,true,01900000-0000-7000-8000-0000000000ff,,\r\n"
        );
        let done = imported(&api.http, "kind=products", "text/csv", &file).await?;
        assert_eq!(done["progress"], progress(4, 2, 0, 0, 2));
        let id = done["id"].as_str().unwrap_or_default();
        let refused = api.http.get(&format!("/imports/{id}/refused-rows")).await?;
        let codes: Vec<_> = refused.json["data"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|row| row["errors"][0]["code"].clone())
            .collect();
        assert_eq!(codes, ["product_barcode_taken", "unknown_category"], "{}", refused.text);
        let told = async |sku: &str| {
            let found = api.http.get(&format!("/products?sku={sku}")).await?.json["data"][0].clone();
            anyhow::Ok(json!([
                found["unit"],
                found["quantity_decimals"],
                found["stocked"],
                found["category_id"],
                found["barcodes"],
                found["nature"]
            ]))
        };
        assert_eq!(
            told("P-1").await?,
            json!(["KGM", 2, false, category["id"], ["036000291452", "96385074"], "service"])
        );
        assert_eq!(told("P-2").await?, json!(["C62", 0, true, null, ["3017620422003"], "goods"]));
        // What was exported is imported again, and changes nothing.
        let csv = api.http.get("/products.csv").await?.text;
        let done = imported(&api.http, "kind=products&mode=upsert", "text/csv", &csv).await?;
        assert_eq!(done["progress"], progress(2, 0, 0, 2, 0));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_wrong_leaves_nothing() {
    World::run(async |world| {
        let api = Api::start(world, &[("COMPTOIR__API__MAX_IMPORT_BYTES", "100000")]).await?;
        let long = "code,name\n".to_owned() + &"S-1,A\n".repeat(20_000);
        let many = "code,name\n".to_owned() + &"S-1,A\n".repeat(1_200) + "S-2\n";
        for (query, media_type, file, status, code, pointer) in [
            ("kind=suppliers", "text/csv", "code,sku\nS-1,A\n", 422, "invalid_request", "/rows/0"),
            ("kind=suppliers", "text/csv", many.as_str(), 422, "invalid_request", "/rows/1201"),
            ("kind=suppliers", "text/csv", "", 422, "invalid_request", ""),
            ("kind=suppliers", "application/json", "{}", 415, "unsupported_media_type", ""),
            ("kind=orders", "text/csv", "code\n1\n", 422, "invalid_request", "/query/kind"),
            ("kind=suppliers&mode=merge", "text/csv", "code\n1\n", 422, "invalid_request", "/query/mode"),
            ("", "text/csv", "code\n1\n", 422, "invalid_request", "/query/kind"),
            ("kind=suppliers", "text/csv", long.as_str(), 413, "body_too_large", ""),
        ] {
            let answer = send(&api.http, query, media_type, file).await?;
            assert_eq!((answer.status, answer.code()), (status, code), "{}", answer.text);
            if status == 422 {
                assert_eq!(answer.json["errors"][0]["pointer"], pointer, "{}", answer.text);
            }
        }
        let sql = world.sql().await?;
        until("nothing left", LIMIT, async || {
            let left: i64 = sql
                .query_one("SELECT (SELECT count(*) FROM imports) + (SELECT count(*) FROM import_rows)", &[])
                .await?
                .get(0);
            ensure!(left == 0, "{left} rows");
            Ok(())
        })
        .await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_sent_again_under_its_key_is_imported_once() {
    World::run(async |world| {
        let api = world.api().await?;
        let file = "sku,name,unit_price,vat_rate\nP-1,A,1,20\n";
        let headers = [("Content-Type", "text/csv"), ("Idempotency-Key", "file-1")];
        let path = "/imports?kind=products";
        let first = post(&api.http, path, &headers, file).await?;
        let again = post(&api.http, path, &headers, file).await?;
        assert_eq!((first.status, again.status), (202, 202), "{}", again.text);
        assert_eq!(
            (first.field("id"), again.header("idempotent-replayed")),
            (again.field("id"), Some("true"))
        );
        let other = post(&api.http, path, &headers, &format!("{file}P-2,B,1,20\n")).await?;
        assert_eq!((other.status, other.code()), (422, "idempotency_key_reused"));
        let done = reaches(&api.http, first.field("id"), "finished").await?;
        assert_eq!(done["progress"], progress(1, 1, 0, 0, 0));
        assert_eq!(api.http.get("/imports").await?.json["data"].as_array().map(Vec::len), Some(1));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_needs_the_permission_of_what_is_imported_until_its_end() {
    World::run(async |world| {
        let api = world.api().await?;
        let permissions = json!({"name": "importer", "permissions": ["products:write", "products:read"]});
        let made = api.http.post("/api-keys", &permissions).await?;
        let (key_id, importer) =
            (made.field("id").to_owned(), api.http.clone().with_credential(made.field("key")));
        let refused = send(&importer, "kind=customers", "text/csv", "code\n1\n").await?;
        assert_eq!((refused.status, refused.code()), (403, "forbidden"));
        let rows: String = (1..=3_000).map(|n| format!("P-{n},A,1,20\n")).collect();
        let begun =
            send(&importer, "kind=products", "text/csv", &format!("sku,name,unit_price,vat_rate\n{rows}"))
                .await?;
        assert_eq!(begun.status, 202, "{}", begun.text);
        let id = begun.field("id").to_owned();
        let revoked = api.http.post(&format!("/api-keys/{key_id}/revoke"), &json!({})).await?;
        assert_eq!(revoked.status, 200, "{}", revoked.text);
        let stopped = reaches(&api.http, &id, "stopped").await?;
        assert!(stopped["reason"].as_str().is_some_and(|reason| reason.contains("credential")), "{stopped}");
        // Somebody else may see it through. What was done is not done again.
        let resumed = api.http.post(&format!("/imports/{id}/resume"), &json!({})).await?;
        assert_eq!(resumed.status, 200, "{}", resumed.text);
        let done = reaches(&api.http, &id, "finished").await?;
        assert_eq!(done["progress"], progress(3_000, 3_000, 0, 0, 0));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_can_be_cancelled_and_what_was_done_stays() {
    World::run(async |world| {
        let mut api = world.api().await?;
        let rows: String = (1..=20_000).map(|n| format!("S-{n},A\n")).collect();
        let begun = send(&api.http, "kind=suppliers", "text/csv", &format!("code,name\n{rows}")).await?;
        let id = begun.field("id").to_owned();
        reaches(&api.http, &id, "running").await?;
        let cancelled = api.http.post(&format!("/imports/{id}/cancel"), &json!({})).await?;
        assert_eq!(
            (cancelled.status, &cancelled.json["state"]),
            (200, &json!("cancelled")),
            "{}",
            cancelled.text
        );
        let again = api.http.post(&format!("/imports/{id}/cancel"), &json!({})).await?;
        assert_eq!((again.status, again.code()), (409, "import_state_conflict"));
        // Nothing was done after the answer: a process that stops has ended what it began.
        api.daemon.terminate(LIMIT).await?;
        let sql = world.sql().await?;
        let last: i64 = sql.query_one("SELECT count(*) FROM suppliers", &[]).await?.get(0);
        assert_eq!(cancelled.json["progress"]["created"], last);
        assert!(last < 20_000, "{last}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_whose_process_was_killed_goes_on_in_another_and_no_row_is_done_twice() {
    World::run(async |world| {
        let mut api = world.api().await?;
        let rows: String = (1..=3_000).map(|n| format!("S-{n},A\n")).collect();
        let begun = send(&api.http, "kind=suppliers", "text/csv", &format!("code,name\n{rows}")).await?;
        assert_eq!(begun.status, 202, "{}", begun.text);
        let id = begun.field("id").to_owned();
        let sql = world.sql().await?;
        for killed_at in [300_i64, 900] {
            until("some rows", LIMIT, async || {
                let done: i64 = sql.query_one("SELECT count(*) FROM suppliers", &[]).await?.get(0);
                ensure!(done >= killed_at, "{done} rows");
                Ok(())
            })
            .await?;
            api.daemon.kill()?;
            api.start_again(world, &[]).await?;
            // Instead of waiting until the lease of the dead process is over.
            sql.batch_execute("UPDATE imports SET leased_until = now() - interval '1 s' WHERE state = 'running'").await?;
        }
        let done = reaches(&api.http, &id, "finished").await?;
        assert_eq!(done["progress"], progress(3_000, 3_000, 0, 0, 0));
        let twice: i64 = sql
            .query_one("SELECT count(*) FROM (SELECT FROM outbox_events GROUP BY aggregate_id HAVING count(*) > 1) AS twice", &[])
            .await?
            .get(0);
        let told: i64 = sql.query_one("SELECT count(*) FROM outbox_events WHERE event_type = 'supplier.created'", &[]).await?.get(0);
        assert_eq!((twice, told), (0, 3_000));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stops_leaves_its_imports_to_others_at_once() {
    World::run(async |world| {
        let mut api = world.api().await?;
        let rows: String = (1..=2_000).map(|n| format!("S-{n},A\n")).collect();
        let begun = send(&api.http, "kind=suppliers", "text/csv", &format!("code,name\n{rows}")).await?;
        let id = begun.field("id").to_owned();
        let sql = world.sql().await?;
        until("some rows", LIMIT, async || {
            let done: i64 = sql.query_one("SELECT count(*) FROM suppliers", &[]).await?.get(0);
            ensure!(done >= 100, "{done} rows");
            Ok(())
        })
        .await?;
        api.daemon.terminate(LIMIT).await?;
        let left =
            sql.query_one("SELECT state, leased_until IS NULL, rows - created FROM imports", &[]).await?;
        let (state, is_free, still): (String, bool, i32) = (left.get(0), left.get(1), left.get(2));
        assert_eq!((state.as_str(), is_free), ("waiting", true));
        assert!(still > 0, "it was interrupted");
        api.start_again(world, &[]).await?;
        let done = reaches(&api.http, &id, "finished").await?;
        assert_eq!(done["progress"], progress(2_000, 2_000, 0, 0, 0));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_imports_a_file_at_the_command_line() {
    World::run(async |world| {
        let tenant = world.tenant().await?.id.to_string();
        let file = world.logs().join("suppliers.csv");
        std::fs::write(&file, "code,name\nS-1,A\nS-1,B\nS-2,C\n")?;
        let path = file.to_string_lossy().into_owned();
        let exit = world.run_api(&["import", &path, "--tenant", &tenant, "--kind", "suppliers"]).await?;
        assert_eq!(exit.code, Some(1), "{exit:?}");
        assert!(
            exit.stdout.contains("finished: 3 rows, 2 created, 0 updated, 0 unchanged, 1 refused"),
            "{}",
            exit.stdout
        );
        assert!(
            exit.stdout.contains("row 2:  the code \"S-1\" belongs to another supplier"),
            "{}",
            exit.stdout
        );
        std::fs::write(&file, "code,name\nS-1,B\n")?;
        let exit = world
            .run_api(&[
                "import",
                &path,
                "--tenant",
                &tenant,
                "--kind",
                "suppliers",
                "--mode",
                "upsert",
                "--json",
            ])
            .await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        let done: Value = serde_json::from_str(&exit.stdout)?;
        assert_eq!(done["progress"], progress(1, 0, 1, 0, 0));
        std::fs::write(&file, "code,nom\nS-1,B\n")?;
        let exit = world.run_api(&["import", &path, "--tenant", &tenant, "--kind", "suppliers"]).await?;
        assert_eq!(exit.code, Some(1), "{exit:?}");
        assert!(exit.stderr.contains("there is no column \"nom\""), "{}", exit.stderr);
        Ok(())
    })
    .await;
}
