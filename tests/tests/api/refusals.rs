//! Bad input of every kind: a problem document that says what to do, and never a 500.

use anyhow::Result;
use comptoir_tests::harness::{Answer, World};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

/// What every error must be.
fn assert_problem(answer: &Answer, what: &str) {
    assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.text);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}: {}", answer.text);
    assert_eq!(answer.json["status"], answer.status, "{what}");
    for field in ["type", "title", "code", "detail", "trace_id"] {
        assert!(
            answer.json[field].as_str().is_some_and(|text| !text.is_empty()),
            "{what}: {field}: {}",
            answer.text
        );
    }
    for error in answer.json["errors"].as_array().into_iter().flatten() {
        for field in ["code", "message"] {
            assert!(error[field].as_str().is_some_and(|text| !text.is_empty()), "{what}: {}", answer.text);
        }
        assert!(error["pointer"].is_string(), "{what}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_not_what_the_route_takes_is_refused() {
    World::run(async |world| {
        let api = world.api().await?;
        let good = r#"{"code":"C","name":"N","email":"e@example.com"}"#;
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let bodies: Vec<(&str, Vec<u8>, u16)> = vec![
            ("not JSON", b"{".to_vec(), 400),
            ("two values", format!("{good}{good}").into_bytes(), 400),
            ("not UTF-8", b"{\"code\":\"\xff\xfe\"}".to_vec(), 400),
            ("nested without end", deep.into_bytes(), 400),
            ("empty", Vec::new(), 422),
            ("another type", b"[]".to_vec(), 422),
            ("null", b"null".to_vec(), 422),
            ("an unknown field", good.replace("}", r#","colour":"red"}"#).into_bytes(), 422),
            ("a field twice", good.replace("}", r#","code":"D"}"#).into_bytes(), 422),
            ("a number for text", br#"{"code":1,"name":"N","email":"e@example.com"}"#.to_vec(), 422),
            ("a NUL byte", br#"{"code":"C\u0000","name":"N","email":"e@example.com"}"#.to_vec(), 422),
            ("half a surrogate", br#"{"code":"\ud800","name":"N","email":"e@example.com"}"#.to_vec(), 400),
            ("no text", br#"{"code":"","name":" ","email":""}"#.to_vec(), 422),
        ];
        for (what, body, status) in bodies {
            let json = [("Content-Type", "application/json")];
            let answer = api.http.raw(Method::POST, "/customers", &json, Some(body)).await?;
            assert_problem(&answer, what);
            // A body that is empty or nested too deep may be called malformed or wrong.
            assert!(answer.status == status || matches!(answer.status, 400 | 422), "{what}: {}", answer.text);
        }
        let answer = api
            .http
            .raw(Method::POST, "/customers", &[("Content-Type", "text/plain")], Some(good.into()))
            .await?;
        assert_problem(&answer, "plain text");
        assert_eq!(answer.status, 415);
        let huge = format!(r#"{{"code":"{}"}}"#, "x".repeat(3 << 20));
        let answer = api
            .http
            .raw(Method::POST, "/customers", &[("Content-Type", "application/json")], Some(huge.into()))
            .await?;
        assert_problem(&answer, "a huge body");
        assert_eq!((answer.status, answer.code()), (413, "body_too_large"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_a_method_or_an_id_that_is_not_there_is_a_problem() {
    World::run(async |world| {
        let api = world.api().await?;
        for (method, path, status) in [
            (Method::GET, "/nothing", 404),
            (Method::GET, "//api", 404),
            (Method::GET, "//api/v2/orders", 404),
            (Method::GET, "/orders/", 404),
            (Method::GET, "/orders/not-an-id", 404),
            (Method::GET, "/orders/%00", 404),
            (Method::GET, "/orders/%ff%fe", 404),
            (Method::GET, "/orders/..%2f..%2fetc", 404),
            (Method::DELETE, "/orders", 405),
            (Method::PATCH, "/customers", 405),
            (Method::PUT, "/orders/x/confirm", 405),
        ] {
            let answer = api.http.send(method.clone(), path, &[], None).await?;
            assert_problem(&answer, path);
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        }
        for (path, allowed) in [
            ("/customers".to_owned(), "GET, HEAD, POST"),
            (format!("/customers/{NOBODY}"), "GET, HEAD, PUT, PATCH, DELETE"),
            (format!("/users/{NOBODY}/sessions"), "GET, HEAD, DELETE"),
            (format!("/orders/{NOBODY}/confirm"), "POST"),
        ] {
            let answer = api.http.send(Method::TRACE, &path, &[], None).await?;
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{path}");
        }
        for slice in ["customers", "suppliers", "products", "warehouses", "locations", "orders"] {
            let answer = api.http.get(&format!("/{slice}/{NOBODY}")).await?;
            assert_problem(&answer, slice);
            assert_eq!(answer.status, 404);
        }
        for step in ["confirm", "deliver"] {
            let answer = api.http.command(&format!("/orders/{NOBODY}/{step}")).await?;
            assert_problem(&answer, step);
            assert_eq!((answer.status, answer.code()), (404, "order_not_found"));
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_make_no_sense_are_refused() {
    World::run(async |world| {
        let api = world.api().await?;
        let body = json!({"code": "C", "name": "N", "email": "e@example.com"});
        let long = "k".repeat(256);
        for key in ["", " ", "with space", "\u{e9}", &long] {
            let answer = api.http.post_with_key("/customers", key, &body).await?;
            assert_problem(&answer, key);
            assert_eq!(answer.status, 422, "{key:?}: {}", answer.text);
        }
        let path = format!("/customers/{NOBODY}");
        for value in ["1", "", "\"1", "\"a\"b\"", "W/\"1\"", "\"1\", \"2\""] {
            let answer = api.http.send(Method::PUT, &path, &[("If-Match", value)], Some(&body)).await?;
            assert_problem(&answer, value);
        }
        let answer = api.http.get("/orders?limit").await?;
        assert_problem(&answer, "a parameter without a value");
        let many: Vec<(String, String)> = (0..80).map(|number| (format!("x-{number}"), "1".into())).collect();
        let many: Vec<(&str, &str)> =
            many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = api.http.send(Method::GET, "/orders", &many, None).await?;
        assert_problem(&answer, "many headers");
        assert_eq!(answer.status, 431);
        Ok(())
    })
    .await;
}

/// Whatever stands in whatever field of whatever command, the answer is never a 5xx.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_value_in_any_field_makes_the_server_fail() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let order = api.order(&customer, &product).await?;
        let order = order["id"].as_str().unwrap();
        let values = [
            json!(null),
            json!(true),
            json!(-1),
            json!(1e308),
            json!(""),
            json!("\u{0}"),
            json!("\u{feff}\u{202e}\u{200b}"),
            json!("'; DROP TABLE orders; --"),
            json!("1e999999999"),
            json!("1e-999999999"),
            json!("99999999999999999999999999999999999999999999"),
            json!("0.000000000000000000000000000000000000000001"),
            json!("9999999999999"),
            json!("-0"),
            json!("+1"),
            json!("0x10"),
            json!("١٢٣"),
            json!("𝟙"),
            json!("x".repeat(100_000)),
            json!("é".repeat(60)),
            json!([]),
            json!({}),
            json!([[[[{}]]]]),
            json!({"a": null}),
        ];
        let templates = [
            ("/customers", json!({"code": "X", "name": "N", "email": "e@example.com", "vat_number": "FR40303265045",
                "addresses": [{"kind": "billing", "line1": "l", "line2": "m", "postal_code": "p", "city": "c", "country": "FR"}],
                "invoicing": {"kind": "business", "legal_form": "SARL", "registration": {"scheme": "siren", "number": "303265045"},
                    "electronic_address": {"scheme": "0225", "identifier": "303265045"}, "language": "fr",
                    "payment_terms": {"days": 30, "end_of_month": false}}, "group_id": null})),
            ("/price-lists", json!({"code": "X", "name": "N", "customer_id": null, "valid_from": "2026-01-01", "valid_to": "2026-02-01"})),
            ("/products", json!({"sku": "X", "name": "N", "unit_price": "1", "vat_rate": "20", "stocked": false})),
            ("/orders", json!({"customer_id": customer["id"], "reference": "r",
                "lines": [{"product_id": product["id"], "quantity": "1", "unit_price": "1"}]})),
            (&*format!("/orders/{order}/ship"), json!({"tracking_number": "t"})),
            (&*format!("/orders/{order}/cancel"), json!({"reason": "r"})),
        ];
        for (path, template) in &templates {
            for pointer in leaves(template) {
                for value in &values {
                    let mut body = template.clone();
                    *body.pointer_mut(&pointer).unwrap() = value.clone();
                    let answer = api.http.post(path, &body).await?;
                    assert!(answer.status < 500, "{path} {pointer} = {value}: {}", answer.text);
                    if answer.status >= 400 {
                        assert_problem(&answer, &format!("{path} {pointer} = {value}"));
                    }
                }
            }
        }
        Ok(())
    })
    .await;
}

/// Pointers to every value inside, containers included.
fn leaves(value: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &str, found: &mut Vec<String>) {
        if !at.is_empty() {
            found.push(at.to_owned());
        }
        match value {
            Value::Object(map) => {
                map.iter().for_each(|(name, value)| walk(value, &format!("{at}/{name}"), found));
            }
            Value::Array(list) => {
                list.iter()
                    .enumerate()
                    .for_each(|(index, value)| walk(value, &format!("{at}/{index}"), found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found
}

/// What no proper client sends, byte by byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_hardly_http_gets_a_4xx_or_a_closed_connection() {
    World::run(async |world| {
        let api = world.api().await?;
        let address = comptoir_tests::harness::address(api.http.root())?.to_owned();
        let long_target = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(200_000));
        let authorization = format!("Host: x\r\nAuthorization: Bearer {}\r\n", world.tenant().await?.api_key);
        for request in [
            "nonsense\r\n\r\n",
            "GET /api/v1/orders HTTP/9.9\r\nHost: x\r\n\r\n",
            "GET /api/v1/orders HTTP/1.1\r\nHost: x\r\nX: \u{1}\r\n\r\n",
            "POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: nan\r\n\r\n",
            "POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            &long_target,
        ] {
            let answer = exchange(&address, request.replace("Host: x\r\n", &authorization).as_bytes()).await?;
            let status = answer.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
            assert!(status.is_none_or(|code| (400..500).contains(&code) || code == 505), "{answer}");
        }
        assert_eq!(api.http.get("//health/ready").await?.status, 200, "it goes on");
        Ok(())
    })
    .await;
}

async fn exchange(address: &str, request: &[u8]) -> Result<String> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    // The server may have answered and closed before it has read everything.
    let _ = stream.write_all(request).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(std::time::Duration::from_secs(20), read).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
