//! Every route × every role × own and other tenant, from outside.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use chrono::{TimeDelta, Utc};
use comptoir_tests::harness::{Answer, Api, Http, Operator, Tenant, World, api_key, id};
use reqwest::Method;
use serde_json::{Value, json};

/// An operation of the OpenAPI document.
struct Operation {
    method: Method,
    path: String,
    /// `None`: it is enough to be somebody.
    permission: Option<String>,
    public: bool,
    /// Only for people who have logged in, whom tests/tests/api/authentication.rs plays.
    session: bool,
    /// Only for operator accounts.
    operator: bool,
}

async fn operations(http: &Http) -> Result<Vec<Operation>> {
    let document = http.get("//api/openapi.json").await?.json;
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().context("no paths")? {
        for (method, operation) in item.as_object().context("no operations")? {
            let Some(path) = path.strip_prefix("/api/v1") else { continue };
            operations.push(Operation {
                method: method.to_uppercase().parse()?,
                path: path.to_owned(),
                permission: operation["x-permission"].as_str().map(str::to_owned),
                public: operation["security"] == json!([]),
                session: operation["x-session"] == true,
                operator: operation["x-operator"] == true,
            });
        }
    }
    Ok(operations)
}

/// What a tenant owns, one of each kind: its id by the route's collection.
type Owned = HashMap<String, String>;

/// A body that the route accepts, or as good as. A route that is not here makes the test fail.
fn body(operation: &Operation, owned: &Owned) -> Result<Option<Value>> {
    let id = |kind: &str| owned.get(kind).cloned().unwrap_or_default();
    let route = format!("{} {}", operation.method, operation.path);
    Ok(match route.as_str() {
        _ if operation.method == Method::GET || operation.method == Method::DELETE => None,
        "PATCH /customers/{id}"
        | "PATCH /customer-groups/{id}"
        | "PATCH /price-lists/{id}"
        | "PATCH /suppliers/{id}"
        | "PATCH /categories/{id}"
        | "PATCH /products/{id}"
        | "PATCH /warehouses/{id}"
        | "PATCH /locations/{id}"
        | "PATCH /tenant" => Some(json!({"name": "Somebody else"})),
        "POST /customers" | "PUT /customers/{id}" => Some(
            json!({"code": format!("C-{}", uuid::Uuid::new_v4()), "name": "Somebody", "external_id": null, "email": "someone@example.com", "vat_number": null, "addresses": [], "credit_limit": null, "invoicing": null, "group_id": null}),
        ),
        "POST /customer-groups" | "PUT /customer-groups/{id}" => {
            Some(json!({"code": format!("G-{}", uuid::Uuid::new_v4()), "name": "Somebody"}))
        }
        "POST /price-lists" | "PUT /price-lists/{id}" => Some(json!({
            "code": format!("PL-{}", uuid::Uuid::new_v4()), "name": "Prices", "valid_from": null, "valid_to": null,
        })),
        "PUT /price-lists/{id}/entries" => Some(json!({
            "entries": [{"product_id": id("products"), "breaks": [{"unit_price": "1.00"}]}],
        })),
        "POST /suppliers" | "PUT /suppliers/{id}" => Some(json!({
            "code": format!("S-{}", uuid::Uuid::new_v4()), "name": "Somebody", "external_id": null, "vat_number": null, "addresses": [], "payment_terms": null,
        })),
        "POST /products" | "PUT /products/{id}" => Some(
            json!({"sku": format!("P-{}", uuid::Uuid::new_v4()), "name": "Something", "external_id": null, "unit_price": "1", "vat_rate": "20", "unit": "C62", "quantity_decimals": 0, "stocked": false, "category_id": null, "barcodes": [], "nature": "goods"}),
        ),
        "POST /categories" | "PUT /categories/{id}" => Some(
            json!({"code": format!("K-{}", uuid::Uuid::new_v4()), "name": "Something", "external_id": null, "parent_id": null}),
        ),
        "POST /warehouses" | "PUT /warehouses/{id}" => Some(
            json!({"code": format!("W-{}", uuid::Uuid::new_v4()), "name": "A hall", "external_id": null, "address": null}),
        ),
        "POST /locations" => {
            Some(json!({"warehouse_id": id("warehouses"), "code": format!("L-{}", uuid::Uuid::new_v4())}))
        }
        "PUT /locations/{id}" => {
            Some(json!({"code": format!("L-{}", uuid::Uuid::new_v4()), "name": null, "external_id": null}))
        }
        "POST /warehouses/{id}/make-default"
        | "POST /warehouses/{id}/archive"
        | "POST /locations/{id}/archive" => None,
        "PATCH /purchase-orders/{id}" => Some(json!({"expected_on": null})),
        "POST /purchase-orders" | "PUT /purchase-orders/{id}" => Some(json!({
            "reference": null, "supplier_id": id("suppliers"), "warehouse_id": null, "ordered_on": null, "expected_on": null,
            "lines": [{"product_id": id("products"), "quantity": "1"}],
        })),
        "POST /purchase-orders/{id}/cancel" => None,
        "POST /invoices" => Some(json!({
            "customer_id": id("customers"), "lines": [{"product_id": id("products"), "quantity": "1"}],
        })),
        "POST /invoices/from-orders" => Some(json!({"order_ids": [id("orders")]})),
        "POST /invoices/from-shipments" => Some(json!({"shipment_ids": [id("shipments")]})),
        "POST /invoices/from-month" => Some(json!({"customer_id": id("customers"), "month": "2026-11"})),
        "PUT /invoices/{id}/draft" => Some(json!({
            "customer_id": id("customers"), "issue_date": null, "due_on": null, "delivered_on": null, "language": null, "reference": null,
            "note": null, "delivery_address": null, "period": null, "lines": [{"product_id": id("products"), "quantity": "1"}], "adjustments": [],
            "unshipped": false, "deposits": [],
        })),
        "PATCH /invoices/{id}/draft" => Some(json!({"note": null})),
        "PUT /tenant/document-style" => Some(json!({"accent": "#1f4e79", "footer": null})),
        // No PNG: whoever may send one is told that.
        "PUT /tenant/logo" => Some(json!({})),
        "POST /invoices/{id}/send" => Some(json!({})),
        "POST /invoices/{id}/sent" => Some(json!({"channel": "download"})),
        "POST /invoices/{id}/platform-status" => Some(json!({"status": "received"})),
        "POST /invoices/{id}/dispute" => Some(json!({"reason": "a test"})),
        "POST /invoices/{id}/end-dispute" => None,
        "POST /invoices/{id}/validate"
        | "POST /invoices/{id}/credit-notes"
        | "POST /returns/{id}/credit-note" => None,
        "POST /orders/{id}/deposits" => Some(json!({"percent": "1"})),
        "POST /payments" => {
            Some(json!({"customer_id": id("customers"), "method": "transfer", "amount": "1.00"}))
        }
        "POST /payments/{id}/reverse" => Some(json!({"reason": "a test"})),
        "PUT /accounting/accounts" => Some(json!({"accounts": []})),
        "POST /customers/{id}/use-credit" => Some(json!({})),
        "POST /customers/{id}/anonymise" => Some(json!({"reason": "a test"})),
        "POST /orders" => Some(
            json!({"customer_id": id("customers"), "lines": [{"product_id": id("products"), "quantity": "1"}]}),
        ),
        "POST /auth/password" | "POST /operators/auth/password" => {
            Some(json!({"current_password": "x", "new_password": "y"}))
        }
        "POST /api-keys" => Some(json!({"name": "A key", "permissions": ["orders:read"]})),
        "POST /emails/{id}/requeue" | "POST /emails/{id}/discard" => None,
        "POST /emails/requeue" | "POST /emails/discard" => Some(json!({"dry_run": true})),
        "POST /imports/{id}/cancel" | "POST /imports/{id}/resume" => None,
        "POST /projection-events/{id}/requeue" | "POST /projection-events/{id}/discard" => None,
        "POST /auth/logout" | "POST /operators/auth/logout" | "POST /api-keys/{id}/revoke" => None,
        "POST /inventory-counts" => Some(json!({"warehouse_id": id("warehouses")})),
        "POST /inventory-counts/{id}/start"
        | "POST /inventory-counts/{id}/review"
        | "POST /inventory-counts/{id}/close" => None,
        "POST /inventory-counts/{id}/entries" => {
            Some(json!({"entries": [{"product_id": id("products"), "counted": "1"}]}))
        }
        "POST /inventory-counts/{id}/recount" => Some(json!({"product_ids": [id("products")]})),
        "POST /inventory-counts/{id}/cancel" => Some(json!({"reason": "a test"})),
        "PATCH /orders/{id}" => Some(json!({"promised_on": null})),
        "POST /orders/{id}/ship" => Some(json!({"tracking_number": "1Z"})),
        "POST /orders/{id}/cancel" | "POST /orders/{id}/cancel-rest" => Some(json!({"reason": "a test"})),
        "POST /orders/{id}/shipments" | "POST /shipments/{id}/deliver" => None,
        "POST /orders/{id}/returns" => {
            Some(json!({"reason": "a test", "lines": [{"position": 1, "quantity": "1", "restock": true}]}))
        }
        "POST /stock-receipts" | "POST /stock-write-offs" => Some(json!({
            "reason": "a test", "lines": [{"product_id": id("products"), "quantity": "1"}],
        })),
        "POST /stock-adjustments" => Some(json!({
            "reason": "a test", "lines": [{"product_id": id("products"), "change": "1"}],
        })),
        "POST /stock-transfers" => Some(json!({
            "to_warehouse_id": id("warehouses"), "lines": [{"product_id": id("products"), "quantity": "1"}],
        })),
        "POST /stock-relocations" => Some(json!({
            "lines": [{"product_id": id("products"), "quantity": "1", "to_location_id": id("locations")}],
        })),
        "PUT /stock/{id}/reorder-rule" => Some(json!({"point": "1", "quantity": "2"})),
        "PUT /tenant" => Some(json!({
            "name": "Maison Test", "time_zone": "Europe/Paris", "registration": null, "vat_number": null, "address": null,
        })),
        "POST /users" => Some(
            json!({"email": format!("{}@example.com", uuid::Uuid::new_v4()), "name": "Somebody", "role": "sales"}),
        ),
        "PUT /users/{id}" | "PATCH /users/{id}" => Some(json!({"name": "Somebody"})),
        "POST /users/{id}/change-role" => Some(json!({"role": "sales"})),
        "POST /users/{id}/change-permissions" => Some(json!({"granted": [], "revoked": []})),
        "POST /services/{name}/trigger"
        | "POST /services/{name}/check-queue"
        | "POST /services/{name}/process-batch"
        | "POST /services/{name}/restart"
        | "POST /services/{name}/actions/{action}" => None,
        "POST /users/{id}/disable" | "POST /users/{id}/enable" => None,
        "POST /orders/{id}/approve"
        | "POST /orders/{id}/confirm"
        | "POST /orders/{id}/deliver"
        | "POST /products/{id}/archive" => None,
        route => anyhow::bail!("{route} is new: say here what it takes"),
    })
}

/// The permission that an operation asks for. That of an import depends on what is imported: customers here.
fn needed(operation: &Operation) -> Option<&str> {
    let lists =
        operation.method == Method::GET && ["/imports", "/imports.csv"].contains(&operation.path.as_str());
    if operation.path.starts_with("/imports") && !lists {
        return Some("customers:write");
    }
    operation.permission.as_deref()
}

async fn ask(http: &Http, operation: &Operation, owned: &Owned) -> Result<u16> {
    let collection = operation.path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let id = owned.get(collection).cloned().unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let session = owned.get("sessions").cloned().unwrap_or_default();
    let path = operation.path.replace("{id}", &id).replace("{session_id}", &session);
    if operation.method == Method::POST && operation.path == "/imports" {
        let file = b"code,name,email\n".to_vec();
        let headers = [("Content-Type", "text/csv")];
        return Ok(http.raw(Method::POST, "/imports?kind=customers", &headers, Some(file)).await?.status);
    }
    if operation.path == "/notifications" {
        // The answer never ends.
        return Ok(http.open("/notifications", &[]).await?.status().as_u16());
    }
    let body = body(operation, owned)?;
    Ok(http.send(operation.method.clone(), &path, &[("If-Match", "*")], body.as_ref()).await?.status)
}

async fn own(world: &World, api: &Api) -> Result<Owned> {
    let (customer, product) = (api.customer("C-own").await?, api.product("P-own").await?);
    let order = api.order(&customer, &product).await?;
    // Another one, which has left, and of which something has come back.
    let gone = api.order(&customer, &product).await?;
    let gone = format!("/orders/{}", gone["id"].as_str().context("no id")?);
    api.http.command(&format!("{gone}/confirm")).await?;
    let shipment = api.created(&format!("{gone}/shipments"), &json!({})).await?;
    let line = json!({"position": 1, "quantity": "1", "restock": true});
    let back = api.created(&format!("{gone}/returns"), &json!({"reason": "a test", "lines": [line]})).await?;
    let supplier = api.supplier("S-own").await?;
    let group = api.customer_group("G-own").await?;
    let prices = api.price_list("PL-own", &json!({})).await?;
    let category = api.category("K-own", None).await?;
    let warehouse = api.warehouse("W-own").await?;
    let location = api.location(&warehouse, "L-own").await?;
    let (kept, seller) = (api.stocked_product("P-kept").await?, api.supplier("S-seller").await?);
    let purchase = api.purchase_order(&seller, &kept).await?;
    let receipt = api.receive(&kept, "3", "2.00").await?;
    let stock =
        api.http.get(&format!("/stock?product_id={}", kept["id"].as_str().unwrap_or_default())).await?.json;
    let count = api.created("/inventory-counts", &json!({"warehouse_id": warehouse["id"]})).await?;
    let invoice = api.invoice(&customer, &product).await?;
    let payment = json!({"customer_id": customer["id"], "method": "transfer", "amount": "1.00"});
    let payment = api.created("/payments", &payment).await?;
    let headers = [("Content-Type", "text/csv")];
    let file = b"code,name,email\nC-imported,A,a@b.example\n".to_vec();
    let import = api.http.raw(Method::POST, "/imports?kind=customers", &headers, Some(file)).await?;
    let user = json!({"email": "own@example.com", "name": "Somebody", "role": "sales"});
    let user = api.created("/users", &user).await?;
    let id = |value: &Value| value["id"].as_str().map(str::to_owned).context("no id");
    let emails = api.http.get("/emails").await?.json;
    let key = api.created("/api-keys", &json!({"name": "A key", "permissions": ["orders:read"]})).await?;
    let session = uuid::Uuid::now_v7().to_string();
    let insert =
        "INSERT INTO sessions (tenant_id, id, version, user_id, created_at, last_used_at, expires_at)
        VALUES ($1::text::uuid, $2::text::uuid, 1, $3::text::uuid, now(), now(), now() + interval '1 hour')";
    let tenant = world.tenant().await?.id.to_string();
    world.sql().await?.execute(insert, &[&tenant, &session, &id(&user)?]).await?;
    let event = uuid::Uuid::now_v7().to_string();
    let insert = "INSERT INTO projection_inbox
            (tenant_id, id, consumer, message_id, aggregate_type, aggregate_id, event_type, payload, state)
        VALUES ($1::text::uuid, $2::text::uuid, 'projections', $2, 'order', $2, 'order.placed', '', 'dead')";
    world.sql().await?.execute(insert, &[&tenant, &event]).await?;
    let owned = [
        ("projection-events", event),
        ("customers", id(&customer)?),
        ("customer-groups", id(&group)?),
        ("price-lists", id(&prices)?),
        ("suppliers", id(&supplier)?),
        ("categories", id(&category)?),
        ("products", id(&product)?),
        ("warehouses", id(&warehouse)?),
        ("locations", id(&location)?),
        ("inventory-counts", id(&count)?),
        ("invoices", id(&invoice)?),
        ("payments", id(&payment)?),
        ("orders", id(&order)?),
        ("shipments", id(&shipment)?),
        ("returns", id(&back)?),
        ("purchase-orders", id(&purchase)?),
        ("stock", id(&stock["data"][0])?),
        ("stock-documents", id(&receipt)?),
        ("imports", id(&import.json)?),
        ("emails", id(&emails["data"][0])?),
        ("users", id(&user)?),
        ("api-keys", id(&key)?),
        ("sessions", session),
    ];
    Ok(owned.map(|(kind, id)| (kind.to_owned(), id)).into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_asks_every_role_for_its_permission_and_hides_other_tenants() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut owned = own(world, &api).await?;
        let sql = world.sql().await?;
        let stranger = api.http.with_credential(&Tenant::create(&sql, "Other").await?.api_key);
        let roles = api.http.get("/roles").await?.json;
        let mut callers = Vec::new();
        for role in roles["data"].as_array().context("no roles")? {
            let names: Vec<String> = serde_json::from_value(role["permissions"].clone())?;
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let key = api_key(&sql, world.tenant().await?.id, &names).await?;
            callers.push((role.clone(), api.http.with_credential(&key)));
        }
        ensure!(callers.len() == 4, "there are four roles");
        let operator = Operator::create(world, "ops@comptoir.example").await?;
        let operations = operations(&api.http).await?;
        ensure!(
            operations.iter().any(|operation| operation.permission.is_some()),
            "no operation says its permission"
        );
        for operation in operations.iter().filter(|operation| !operation.public) {
            let what = format!("{} {}", operation.method, operation.path);
            assert_eq!(
                ask(&api.http.anonymous(), operation, &owned).await?,
                401,
                "{what} without a credential"
            );
            let wrong = api.http.with_credential("ck_nobody_has_this_key");
            assert_eq!(ask(&wrong, operation, &owned).await?, 401, "{what} with a credential of nobody");
            // An operator account is refused by every route of companies, and they are by every route of operators.
            let as_operator = operator.log_in(&api).await?;
            let status = ask(&as_operator, operation, &owned).await?;
            let expected =
                if operation.operator { !matches!(status, 401 | 403 | 500..) } else { status == 403 };
            assert!(expected, "{what} as an operator: {status}");
            // Before anybody changes it: what another tenant is told of it.
            if operation.path.contains("{id}") && !operation.session && !operation.operator {
                assert_eq!(ask(&stranger, operation, &owned).await?, 404, "{what} of another tenant");
            }
            for (role, http) in &callers {
                let permissions = role["permissions"].as_array().context("no permissions")?;
                let needed = needed(operation);
                let may =
                    needed.is_none_or(|needed| permissions.iter().any(|name| name.as_str() == Some(needed)));
                let may = may && !operation.session && !operation.operator;
                let status = ask(http, operation, &owned).await?;
                let expected =
                    if may { !matches!(status, 401 | 403 | 404 | 405 | 500..) } else { status == 403 };
                assert!(expected, "{what} as {}: {status}, permitted: {may}", role["role"]);
                // The others stay: something refers to them.
                if status == 204 && operation.path == "/suppliers/{id}" {
                    let next = api.supplier(&format!("S-{}", uuid::Uuid::new_v4())).await?;
                    owned.insert("suppliers".to_owned(), next["id"].as_str().context("no id")?.to_owned());
                }
                if status == 204 && operation.path == "/customer-groups/{id}" {
                    let next = api.customer_group(&format!("G-{}", uuid::Uuid::new_v4())).await?;
                    let id = next["id"].as_str().context("no id")?.to_owned();
                    owned.insert("customer-groups".to_owned(), id);
                }
                if status == 204 && operation.path == "/price-lists/{id}" {
                    let code = format!("PL-{}", uuid::Uuid::new_v4());
                    let next = api.price_list(&code, &json!({})).await?;
                    owned.insert("price-lists".to_owned(), next["id"].as_str().context("no id")?.to_owned());
                }
                if status == 204 && operation.path == "/invoices/{id}" {
                    let line = json!({"product_id": owned["products"], "quantity": "1"});
                    let next = json!({"customer_id": owned["customers"], "lines": [line]});
                    let next = api.created("/invoices", &next).await?;
                    owned.insert("invoices".to_owned(), next["id"].as_str().context("no id")?.to_owned());
                }
                if status == 204 && operation.path == "/categories/{id}" {
                    let next = api.category(&format!("K-{}", uuid::Uuid::new_v4()), None).await?;
                    owned.insert("categories".to_owned(), next["id"].as_str().context("no id")?.to_owned());
                }
            }
        }
        Ok(())
    })
    .await;
}

/// What a report must be asked with: half a year up to tomorrow.
fn query(path: &str) -> String {
    let today = Utc::now().date_naive();
    let period = format!("from={}&to={}", today - TimeDelta::days(180), today + TimeDelta::days(1));
    match path.trim_end_matches(".csv") {
        "/accounting/sales" => format!("?by=customer&{period}"),
        "/accounting/fec" | "/accounting/vat-due" => format!("?{period}"),
        _ => String::new(),
    }
}

async fn listed(http: &Http, operation: &Operation) -> Result<Answer> {
    http.get(&format!("{}{}", operation.path, query(&operation.path))).await
}

/// A company that invoices, with a customer of its own. Returns the customer.
async fn stranger_of(http: &Http) -> Result<Value> {
    let seller = json!({
        "registration": {"scheme": "siren", "number": "303265045"}, "vat_number": "FR40303265045",
        "address": {"line1": "1 quai Neuf", "postal_code": "44000", "city": "Nantes", "country": "FR"},
        "invoicing": {"legal_form": "SAS", "share_capital": "10000.00", "trade_register": "RCS Nantes"},
    });
    let changed = http.send(Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&seller)).await?;
    ensure!(changed.status == 200, "{}", changed.text);
    let customer = json!({"code": "THEIRS", "name": "Somebody else", "email": "someone@example.com"});
    let customer = http.post("/customers", &customer).await?;
    ensure!(customer.status == 201, "{}", customer.text);
    Ok(customer.json)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_company_has_another_one_neither_lists_nor_names() {
    World::run(async |world| {
        let api = world.api().await?;
        let owned = own(world, &api).await?;
        api.seller().await?;
        let buyer = api.buyer("C-own-buyer").await?;
        let draft = api.invoice(&buyer, &json!({"id": owned["products"]})).await?;
        let invoice = api.http.command(&format!("/invoices/{}/validate", id(&draft))).await?;
        ensure!(invoice.status == 200, "{}", invoice.text);
        let payment = json!({"customer_id": buyer["id"], "method": "transfer", "amount": "1.00"});
        api.created("/payments", &payment).await?;
        let other = Tenant::create(&world.sql().await?, "Other").await?;
        let stranger = api.http.with_credential(&other.api_key);
        let theirs = stranger_of(&stranger).await?;
        // The codes end, or go on, with it.
        let more = [id(&buyer), id(&draft), "-own", "own@example.com"].map(str::to_owned);
        let traces: Vec<String> = owned.values().cloned().chain(more).collect();
        let trace_in = |answer: &Answer| traces.iter().find(|trace| answer.text.contains(trace.as_str()));

        let operations = operations(&api.http).await?;
        let of_companies = |operation: &&Operation| {
            let is_other = operation.public || operation.session || operation.operator;
            // The one never ends, the other takes a file.
            let is_special = ["/notifications", "/imports"].contains(&operation.path.as_str());
            !is_other && !operation.path.contains('{') && (!is_special || operation.path == "/imports" && operation.method == Method::GET)
        };
        let (reads, writes): (Vec<&Operation>, Vec<&Operation>) =
            operations.iter().filter(of_companies).partition(|operation| operation.method == Method::GET);
        let mut found = Vec::new();
        for operation in reads {
            let mine = listed(&api.http, operation).await?;
            if trace_in(&mine).is_some() {
                found.push(operation.path.as_str());
            }
            let answer = listed(&stranger, operation).await?;
            assert_eq!(trace_in(&answer), None, "GET {} of another tenant: {}", operation.path, answer.text);
        }
        // The guard itself: whose it is finds it.
        let expected = [
            "/invoices",
            "/invoices.csv",
            "/invoices/aged-balance",
            "/invoices/aged-balance.csv",
            "/payments",
            "/payments.csv",
            "/accounting/sales",
            "/accounting/sales.csv",
            "/accounting/fec",
            "/price-lists",
            "/price-lists.csv",
            "/customer-groups",
        ];
        for path in expected {
            assert!(found.contains(&path), "{path} shows nothing of its own company: {found:?}");
        }
        let due = format!("/accounting/vat-due{}", query("/accounting/vat-due"));
        assert_ne!(api.http.get(&due).await?.json["lines"], json!([]));
        assert_eq!(stranger.get(&due).await?.json["lines"], json!([]));
        for path in ["/invoices", "/payments"] {
            let path = format!("{path}?customer_id={}", id(&buyer));
            assert_ne!(api.http.get(&path).await?.json["data"], json!([]), "{path}");
            assert_eq!(stranger.get(&path).await?.json["data"], json!([]), "{path}");
        }

        for operation in writes {
            let body = body(operation, &owned)?;
            let what = format!("{} {} of another tenant", operation.method, operation.path);
            let path = operation.path.as_str();
            let answer =
                stranger.send(operation.method.clone(), path, &[("If-Match", "*")], body.as_ref()).await?;
            let said = body.map(|body| body.to_string()).unwrap_or_default();
            if owned.values().any(|id| said.contains(id.as_str())) {
                assert!(matches!(answer.status, 404 | 409 | 422), "{what}: {} {}", answer.status, answer.text);
            } else {
                assert!(answer.status < 500 && trace_in(&answer).is_none(), "{what}: {} {}", answer.status, answer.text);
            }
        }
        // With a customer of its own, too.
        let line = json!({"product_id": owned["products"], "quantity": "1"});
        let free = json!({"name": "Tea", "nature": "goods", "quantity": "1", "unit": "C62", "unit_price": "10", "vat": {"rate": "20"}});
        let deposits = json!({"customer_id": theirs["id"], "lines": [free], "deposits": [draft["id"]]});
        for (path, body) in [
            ("/invoices", json!({"customer_id": theirs["id"], "lines": [line]})),
            ("/invoices", deposits),
            (
                "/payments",
                json!({"customer_id": theirs["id"], "method": "cash", "amount": "1.00", "invoices": [{"invoice_id": draft["id"]}]}),
            ),
        ] {
            let answer = stranger.post(path, &body).await?;
            assert!(matches!(answer.status, 404 | 409 | 422), "{path} {body}: {} {}", answer.status, answer.text);
        }
        let now = api.http.get(&format!("/invoices/{}", id(&draft))).await?;
        assert_eq!((now.field("state"), now.field("open")), ("partly_paid", "23.00"), "{}", now.text);
        Ok(())
    })
    .await;
}
