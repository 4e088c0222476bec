//! The documents of invoices: made once, whatever is killed, kept as they are, and served as files.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use comptoir_tests::harness::{Api, Operator, Tenant, World, until};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Documents are made.
pub(super) const MADE: (&str, &str) = ("COMPTOIR__SERVICES__INVOICE_DOCUMENTS__ENABLED", "true");
const LIMIT: Duration = Duration::from_secs(20);
/// One transparent pixel.
const LOGO: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// The company with all that its invoices must say, a customer, and a product at 10.00 and 20 %.
async fn trade(api: &Api) -> Result<(Value, Value)> {
    api.seller().await?;
    Ok((api.buyer("C-1").await?, api.product("TEA").await?))
}

async fn validated(api: &Api, customer: &Value, product: &Value) -> Result<Value> {
    let draft = api.invoice(customer, product).await?;
    let answer = api.http.command(&format!("{}/validate", path_of(&draft))).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(answer.json)
}

pub(super) fn path_of(invoice: &Value) -> String {
    format!("/invoices/{}", invoice["id"].as_str().unwrap_or_default())
}

/// The bytes of a file, with its status and one of its headers.
pub(super) async fn file(
    api: &Api,
    path: &str,
    headers: &[(&str, &str)],
    header: &str,
) -> Result<(u16, Vec<u8>, String)> {
    let answer = api.http.open(path, headers).await?;
    let status = answer.status().as_u16();
    let value = answer.headers().get(header).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let value = value.to_owned();
    Ok((status, answer.bytes().await?.to_vec(), value))
}

pub(super) async fn is_ready(api: &Api, path: &str) -> Result<()> {
    let path = format!("{path}/xml");
    until(format!("{path} to be there"), LIMIT, async || {
        let (status, body, _) = file(api, &path, &[], "etag").await?;
        ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(&body));
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_is_made_after_the_validation_and_served_as_a_file() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = trade(&api).await?;
        let draft = api.invoice(&customer, &tea).await?;
        for face in ["pdf", "xml"] {
            let early = api.http.get(&format!("{}/{face}", path_of(&draft))).await?;
            assert_eq!((early.status, early.code()), (409, "not_validated"), "{}", early.text);
        }
        let invoice = validated(&api, &customer, &tea).await?;
        let path = path_of(&invoice);
        let (pdf_path, xml_path) = (format!("{path}/pdf"), format!("{path}/xml"));
        // Nobody makes documents yet.
        let early = api.http.get(&pdf_path).await?;
        assert_eq!((early.status, early.code()), (409, "document_not_ready"), "{}", early.text);
        assert_eq!(early.header("retry-after"), Some("1"));
        let other = Tenant::create(&world.sql().await?, "Other").await?;
        let stranger = api.http.with_credential(&other.api_key);
        assert_eq!(stranger.get(&pdf_path).await?.status, 404);

        let maker = Api::start(world, &[MADE]).await?;
        is_ready(&api, &path).await?;
        let number = invoice["number"].as_str().context("a number")?;
        let (status, pdf, disposition) = file(&api, &pdf_path, &[], "content-disposition").await?;
        assert_eq!((status, disposition), (200, format!("attachment; filename=\"{number}.pdf\"")));
        ensure!(pdf.starts_with(b"%PDF-1.7"), "{:?}", pdf.get(..20));
        let (_, xml, media_type) = file(&api, &xml_path, &[], "content-type").await?;
        assert_eq!(media_type, "application/xml");

        // What it says is what is stored.
        let sql = world.sql().await?;
        let stored = "SELECT i.number, i.gross_total::text, (SELECT sum(net)::text FROM invoice_lines), (SELECT sum(tax)::text FROM invoice_vat)
            FROM invoices AS i WHERE i.number IS NOT NULL";
        let stored = sql.query_one(stored, &[]).await?;
        let xml = String::from_utf8(xml)?;
        for (column, before, after) in [
            (0, "<ram:ID>", "</ram:ID>"),
            (1, "<ram:GrandTotalAmount>", "</ram:GrandTotalAmount>"),
            (2, "<ram:TaxBasisTotalAmount>", "</ram:TaxBasisTotalAmount>"),
            (3, "<ram:CalculatedAmount>", "</ram:CalculatedAmount>"),
        ] {
            let value: &str = stored.get(column);
            ensure!(xml.contains(&format!("{before}{value}{after}")), "{before}{value} is not in {xml}");
        }

        // The ETag is the SHA-256: who has the file is told so, and who wants a part gets it.
        let etag = format!("\"{}\"", hex::encode(Sha256::digest(&pdf)));
        let (_, _, told) = file(&api, &pdf_path, &[], "etag").await?;
        assert_eq!(told, etag);
        let known = api.http.send(Method::GET, &pdf_path, &[("If-None-Match", &etag)], None).await?;
        assert_eq!((known.status, known.text.as_str()), (304, ""));
        let (status, part, range) = file(&api, &pdf_path, &[("Range", "bytes=1-3")], "content-range").await?;
        assert_eq!((status, part.as_slice(), range), (206, &b"PDF"[..], format!("bytes 1-3/{}", pdf.len())));
        let rest = [("Range", "bytes=8-"), ("If-Range", etag.as_str())];
        let (status, part, _) = file(&api, &pdf_path, &rest, "etag").await?;
        assert_eq!((status, Some(part.as_slice())), (206, pdf.get(8..)));
        let (status, whole, _) =
            file(&api, &pdf_path, &[("Range", "bytes=8-"), ("If-Range", "\"0\"")], "etag").await?;
        assert_eq!((status, whole.len()), (200, pdf.len()), "a part of another file is of no use");
        let beyond = api.http.send(Method::GET, &pdf_path, &[("Range", "bytes=99999999-")], None).await?;
        assert_eq!((beyond.status, beyond.code()), (416, "range_not_satisfiable"), "{}", beyond.text);
        assert_eq!(beyond.header("content-range"), Some(format!("bytes */{}", pdf.len()).as_str()));
        assert_eq!(stranger.get(&pdf_path).await?.status, 404);

        let event = "SELECT aggregate_id, payload ->> 'number', payload #>> '{pdf,sha256}' FROM outbox_events WHERE event_type = 'invoice.document_ready'";
        let event = sql.query_one(event, &[]).await?;
        assert_eq!(invoice["id"], event.get::<_, &str>(0));
        assert_eq!((event.get::<_, &str>(1), format!("\"{}\"", event.get::<_, &str>(2))), (number, etag));
        let left: i64 = sql.query_one("SELECT count(*) FROM invoice_document_queue", &[]).await?.get(0);
        assert_eq!(left, 0);
        drop(maker);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_byte_of_a_document_that_somebody_changed_is_found() {
    World::run(async |world| {
        let api = Api::start(world, &[MADE]).await?;
        let (customer, tea) = trade(&api).await?;
        let invoice = validated(&api, &customer, &tea).await?;
        is_ready(&api, &path_of(&invoice)).await?;
        let sql = world.sql().await?;
        let kinds = "SELECT string_agg(kind, ' ' ORDER BY position) FROM invoice_chain";
        assert_eq!(sql.query_one(kinds, &[]).await?.get::<_, &str>(0), "validated document");
        for statement in ["UPDATE invoice_documents SET pages = 2", "DELETE FROM invoice_documents"] {
            let refused = sql.batch_execute(statement).await.expect_err("the owner changed it");
            assert_eq!(refused.code().map(|code| code.code()), Some("23001"), "{statement}: {refused:?}");
        }
        let broken = async || {
            let exit = world.run_api(&["invoices", "verify", "--json"]).await?;
            let report: Value = serde_json::from_str(&exit.stdout).with_context(|| format!("{exit:?}"))?;
            let found = report["broken"].as_array().cloned().unwrap_or_default();
            anyhow::Ok(found.iter().map(|one| (one["rule"].clone(), one["id"].clone())).collect::<Vec<_>>())
        };
        ensure!(broken().await?.is_empty(), "as it was made");
        sql.batch_execute("ALTER TABLE invoice_documents DISABLE TRIGGER USER").await?;
        let expected = vec![(json!("document"), invoice["id"].clone())];
        for (change, undo) in [
            (
                "UPDATE invoice_documents SET pdf = set_byte(pdf, 900, 255 - get_byte(pdf, 900))",
                "UPDATE invoice_documents SET pdf = set_byte(pdf, 900, 255 - get_byte(pdf, 900))",
            ),
            (
                "UPDATE invoice_documents SET xml = xml || '\\x20'::bytea",
                "UPDATE invoice_documents SET xml = substring(xml FROM 1 FOR octet_length(xml) - 1)",
            ),
            (
                // Whoever writes the digest anew as well does not fit the chain.
                "UPDATE invoice_documents SET xml = xml || '\\x20'::bytea, xml_digest = sha256(xml || '\\x20'::bytea)",
                "UPDATE invoice_documents SET xml = substring(xml FROM 1 FOR octet_length(xml) - 1),
                    xml_digest = sha256(substring(xml FROM 1 FOR octet_length(xml) - 1))",
            ),
        ] {
            sql.batch_execute(change).await?;
            assert_eq!(broken().await?, expected, "{change}");
            sql.batch_execute(undo).await?;
            ensure!(broken().await?.is_empty(), "{undo}");
        }
        sql.batch_execute("DELETE FROM invoice_documents").await?;
        assert_eq!(broken().await?, expected, "it is gone");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_while_it_makes_documents_loses_none_and_makes_none_twice() {
    World::run(async |world| {
        const NUMBER: i64 = 24;
        let api = world.api().await?;
        let (customer, tea) = trade(&api).await?;
        for _ in 0..NUMBER {
            validated(&api, &customer, &tea).await?;
        }
        let sql = world.sql().await?;
        let count = async |of: &str| {
            let query = format!("SELECT count(*) FROM {of}");
            anyhow::Ok(sql.query_one(query.as_str(), &[]).await?.get::<_, i64>(0))
        };
        let mut first = Api::start(world, &[MADE]).await?;
        until("some documents to be made", LIMIT, async || {
            ensure!(count("invoice_documents").await? > 0, "there is none");
            Ok(())
        })
        .await?;
        first.daemon.kill()?;
        // What it was at is another's once its lease is over: that is now.
        sql.batch_execute("UPDATE invoice_document_queue SET due_at = now()").await?;
        let others = [Api::start(world, &[MADE]).await?, Api::start(world, &[MADE]).await?];
        until("all documents to be made", LIMIT, async || {
            let made = count("invoice_documents").await?;
            ensure!(made == NUMBER && count("invoice_document_queue").await? == 0, "{made} are");
            Ok(())
        })
        .await?;
        assert_eq!(count("invoice_chain WHERE kind = 'document'").await?, NUMBER);
        assert_eq!(count("outbox_events WHERE event_type = 'invoice.document_ready'").await?, NUMBER);
        let exit = world.run_api(&["invoices", "verify"]).await?;
        ensure!(exit.code == Some(0), "{exit:?}");
        drop(others);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_made_is_given_up_with_its_reason_and_made_when_somebody_asks() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = trade(&api).await?;
        let invoice = validated(&api, &customer, &tea).await?;
        let sql = world.sql().await?;
        // A content that this version does not know; four attempts have come to nothing already.
        sql.batch_execute(
            "ALTER TABLE invoice_contents DISABLE TRIGGER USER; CREATE TABLE kept AS SELECT content FROM invoice_contents;
            UPDATE invoice_contents SET content = '{}'; UPDATE invoice_document_queue SET attempts = 4",
        )
        .await?;
        let maker = Api::start(world, &[MADE]).await?;
        let path = format!("{}/pdf", path_of(&invoice));
        let failed = until("the document to be given up", LIMIT, async || {
            let answer = api.http.get(&path).await?;
            ensure!(answer.code() == "document_failed", "{}", answer.text);
            Ok(answer)
        })
        .await?;
        ensure!(failed.status == 409 && failed.field("detail").contains("missing field"), "{}", failed.text);
        let operator = Operator::create(world, "ops@comptoir.example").await?.log_in(&api).await?;
        sql.batch_execute("UPDATE invoice_contents SET content = (SELECT content FROM kept)").await?;
        let asked = operator.post("/services/invoice_documents/actions/requeue", &json!({})).await?;
        assert_eq!(asked.status, 202, "{}", asked.text);
        is_ready(&api, &path_of(&invoice)).await?;
        drop(maker);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_document_can_say_is_refused_before_the_number() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = trade(&api).await?;
        let path = format!("/customers/{}", customer["id"].as_str().context("an id")?);
        for (change, pointer, code, said) in [
            (json!({"name": "书店"}), "/customer/name", "not_printable", "U+4E66"),
            (
                json!({"name": "Librairie", "invoicing": {"electronic_address": {"scheme": "EM", "identifier": "a@b.example"}}}),
                "/customer/invoicing/electronic_address",
                "rule_broken",
                "BR-FR-21",
            ),
        ] {
            let changed = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&change)).await?;
            ensure!(changed.status == 200, "{}", changed.text);
            let draft = api.invoice(&customer, &tea).await?;
            let refused = api.http.command(&format!("{}/validate", path_of(&draft))).await?;
            assert_eq!((refused.status, refused.code()), (422, "invoice_incomplete"), "{}", refused.text);
            let errors = refused.json["errors"].as_array().cloned().unwrap_or_default();
            let found = errors.iter().find(|error| error["pointer"] == pointer && error["code"] == code);
            let found = found.with_context(|| refused.text.clone())?;
            ensure!(found["message"].as_str().is_some_and(|message| message.contains(said)), "{found}");
        }
        let other = api.buyer("C-2").await?;
        let number = validated(&api, &other, &tea).await?["number"].clone();
        ensure!(number.as_str().is_some_and(|number| number.ends_with("-000001")), "{number}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_chooses_how_its_documents_look() {
    World::run(async |world| {
        let api = Api::start(world, &[MADE]).await?;
        let (customer, tea) = trade(&api).await?;
        let none = api.http.get("/tenant/document-style").await?;
        assert_eq!(none.json, json!({"accent": null, "footer": null, "logo": null}), "{}", none.text);
        assert_eq!(api.http.get("/tenant/logo").await?.status, 204);
        let wrong = json!({"accent": "red", "footer": "书"});
        let refused = api.http.send(Method::PUT, "/tenant/document-style", &[], Some(&wrong)).await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/accent"]), "{}", refused.text);
        let wrong = json!({"footer": "书"});
        let refused = api.http.send(Method::PUT, "/tenant/document-style", &[], Some(&wrong)).await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/footer"]), "{}", refused.text);
        let right = json!({"accent": "#0B6E4F", "footer": "Service clients : +33 2 40 00 00 01"});
        let set = api.http.send(Method::PUT, "/tenant/document-style", &[], Some(&right)).await?;
        assert_eq!((set.status, &set.json["accent"]), (200, &json!("#0b6e4f")), "{}", set.text);

        let png = STANDARD.decode(LOGO)?;
        let put = async |media_type: &str, bytes: &[u8]| {
            let headers = [("Content-Type", media_type)];
            api.http.raw(Method::PUT, "/tenant/logo", &headers, Some(bytes.to_vec())).await
        };
        let refused = put("image/gif", b"GIF89a".as_slice()).await?;
        assert_eq!((refused.status, refused.code()), (415, "unsupported_media_type"), "{}", refused.text);
        let refused = put("image/png", b"GIF89a".as_slice()).await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/logo"]), "{}", refused.text);
        let set = put("image/png", png.as_slice()).await?;
        assert_eq!((set.status, &set.json["logo"]["bytes"]), (200, &json!(png.len())), "{}", set.text);
        let (status, shown, media_type) = file(&api, "/tenant/logo", &[], "content-type").await?;
        assert_eq!((status, shown, media_type.as_str()), (200, png, "image/png"));

        // A document keeps the look that it was made with.
        let invoice = validated(&api, &customer, &tea).await?;
        is_ready(&api, &path_of(&invoice)).await?;
        let (_, _, before) = file(&api, &format!("{}/pdf", path_of(&invoice)), &[], "etag").await?;
        let removed = api.http.send(Method::DELETE, "/tenant/logo", &[], None).await?;
        assert_eq!((removed.status, api.http.get("/tenant/logo").await?.status), (204, 204));
        let (_, _, after) = file(&api, &format!("{}/pdf", path_of(&invoice)), &[], "etag").await?;
        assert_eq!(before, after);
        let audited = "SELECT string_agg(action, ' ' ORDER BY occurred_at) FROM audit_events WHERE resource_type = 'document_style'";
        let audited: String = world.sql().await?.query_one(audited, &[]).await?.get(0);
        assert_eq!(audited, "document_style.update document_style.set_logo document_style.remove_logo");
        Ok(())
    })
    .await;
}
