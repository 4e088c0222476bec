//! A company for the browser's tests, the people in it, and what there is to see.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, Operator, World, id, main_warehouse, rows, until};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::page::Browser;

pub(crate) const PASSWORD: &str = "quatre chevaux bleus";
/// A barcode with a right check digit.
pub(crate) const BARCODE: &str = "3017620422003";
const LIMIT: Duration = Duration::from_secs(60);

/// What lets a console be used over plain HTTP.
pub(crate) const WITHOUT_TLS: (&str, &str) = ("COMPTOIR__API__CONSOLE_WITHOUT_TLS", "true");

/// An API whose console is used over plain HTTP, as `make run` starts it.
pub(crate) async fn console(world: &World) -> Result<Api> {
    console_with(world, &[]).await
}

pub(crate) async fn console_with(world: &World, environment: &[(&str, &str)]) -> Result<Api> {
    let mut all = vec![WITHOUT_TLS];
    all.extend_from_slice(environment);
    Api::start(world, &all).await
}

/// A user of the world's company who can log in; the address.
pub(crate) async fn user(world: &World, api: &Api, role: &str) -> Result<String> {
    let email = format!("{role}@docks.example");
    let body = json!({"email": email, "name": format!("Camille {role}"), "role": role, "password": PASSWORD});
    api.created("/users", &body).await?;
    world
        .sql()
        .await?
        .execute("UPDATE users SET email_verified_at = now() WHERE email = $1", &[&email])
        .await?;
    Ok(email)
}

/// Logs in by typing, in French.
pub(crate) async fn log_in(browser: &Browser, email: &str, password: &str) -> Result<()> {
    browser.fill("Adresse e-mail", email).await?;
    browser.fill("Mot de passe", password).await?;
    browser.follow("Se connecter").await
}

/// Makes a user with this role, and logs in.
pub(crate) async fn enter(world: &World, api: &Api, browser: &Browser, role: &str) -> Result<()> {
    let email = user(world, api, role).await?;
    browser.go("/console/sign-in").await?;
    log_in(browser, &email, PASSWORD).await?;
    ensure!(browser.path().await? == "/console/", "{}", browser.text().await?);
    Ok(())
}

/// Ends all sessions of the user with this role, as an administrator does.
pub(crate) async fn end_sessions(api: &Api, role: &str) -> Result<()> {
    let users = rows(&api.http.get(&format!("/users?email={role}%40docks.example")).await?)?;
    let user = users.first().context("a user")?;
    let ended = api.http.send(Method::DELETE, &format!("/users/{}/sessions", id(user)), &[], None).await?;
    ensure!(ended.status == 204, "{}", ended.text);
    Ok(())
}

/// Makes an operator account, and logs in.
pub(crate) async fn enter_as_operator(world: &World, browser: &Browser) -> Result<()> {
    let operator = Operator::create(world, "ops@comptoir.example").await?;
    browser.go("/console/operators/sign-in").await?;
    log_in(browser, &operator.email, &operator.password).await?;
    ensure!(browser.path().await?.starts_with("/console/operators"), "{}", browser.text().await?);
    Ok(())
}

/// A product with a barcode, of which so many are in stock.
pub(crate) async fn tea(api: &Api, on_hand: &str) -> Result<Value> {
    let body = json!({
        "sku": "TEA-1", "name": "Earl Grey", "unit_price": "10.00", "vat_rate": "20", "stocked": true, "barcodes": [BARCODE],
    });
    let product = api.created("/products", &body).await?;
    api.receive(&product, on_hand, "4.00").await?;
    Ok(product)
}

/// Writes a dead letter as a relay would; returns its id.
pub(crate) async fn dead_letter(world: &World) -> Result<Uuid> {
    let id = Uuid::now_v7();
    world
        .sql()
        .await?
        .execute(
            "INSERT INTO outbox_dead_letters (id, seq, tenant_id, aggregate_type, aggregate_id, event_type, schema_version, payload,
                headers, occurred_at, shard, retry_count, reason, last_error)
            VALUES ($1::text::uuid, 1000000, $1::text::uuid, 'order', 'CMD-1', 'order.amended', 1, '{\"note\": \"<b>bold</b>\"}', '{}',
                now(), 0, 3, 'nacked', 'no')",
            &[&id.to_string()],
        )
        .await?;
    Ok(id)
}

/// Waits until the process has told of its services.
pub(crate) async fn services_are_told(world: &World) -> Result<()> {
    until("the services of the process", LIMIT, async || {
        let listed = world.run_api(&["services", "list", "--json"]).await?;
        ensure!(listed.stdout.contains("pruning") && listed.stdout.contains("mailer"), "{listed:?}");
        Ok(())
    })
    .await
}

/// The ids of what a furnished company has, by what they are of. Paths name them in braces.
#[derive(Debug, Default)]
pub(crate) struct Things(Vec<(&'static str, String)>);

impl Things {
    pub(crate) fn path(&self, path: &str) -> String {
        self.0.iter().fold(path.to_owned(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id))
    }

    fn add(&mut self, name: &'static str, resource: &Value) -> Result<()> {
        ensure!(!id(resource).is_empty(), "no id of the {name}: {resource}");
        self.0.push((name, id(resource).to_owned()));
        Ok(())
    }
}

/// A company in which there is something to see on every page.
pub(crate) async fn furnished(api: &Api) -> Result<Things> {
    let mut things = Things::default();
    let get = async |path: &str| -> Result<Value> {
        let answer = api.http.get(path).await?;
        ensure!(answer.status == 200, "{path}: {}", answer.text);
        answer.json["data"].get(0).cloned().with_context(|| format!("{path}: nothing"))
    };
    let command = async |path: &str, body: Option<&Value>| -> Result<Value> {
        let answer = api.http.send(Method::POST, path, &[], body).await?;
        ensure!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.text);
        Ok(answer.json)
    };
    api.seller().await?;
    let customer = api.buyer("C-1").await?;
    things.add("customer", &customer)?;
    let product = tea(api, "200").await?;
    things.add("product", &product)?;
    things.add("category", &api.category("BOISSONS", None).await?)?;
    things.add("group", &api.customer_group("G-1").await?)?;
    let list = api.price_list("T-1", &json!({"customer_id": customer["id"]})).await?;
    api.set_price(&list, &product, &[("1", "9.00")]).await?;
    things.add("price-list", &list)?;
    let supplier = api.supplier("S-1").await?;
    things.add("supplier", &supplier)?;
    things.add("purchase", &api.purchase_order(&supplier, &product).await?)?;
    let warehouse = main_warehouse(api).await?;
    things.add("warehouse", &warehouse)?;
    things.add("location", &api.location(&warehouse, "A-01").await?)?;
    things.add("level", &get("/stock").await?)?;
    things.add("document", &get("/stock-documents").await?)?;

    let placed = api.order(&customer, &product).await?;
    things.add("placed", &placed)?;
    let confirmed = api.order(&customer, &product).await?;
    command(&format!("/orders/{}/confirm", id(&confirmed)), None).await?;
    things.add("confirmed", &confirmed)?;
    let shipped = api.order(&customer, &product).await?;
    command(&format!("/orders/{}/confirm", id(&shipped)), None).await?;
    command(&format!("/orders/{}/ship", id(&shipped)), Some(&json!({"tracking_number": "T-1"}))).await?;
    things.add("shipped", &shipped)?;
    things.add("shipment", &get("/shipments").await?)?;

    let line = json!({"position": 1, "quantity": "1", "restock": true});
    let back = json!({"reason": "taille", "lines": [line]});
    things.add("return", &api.created(&format!("/orders/{}/returns", id(&shipped)), &back).await?)?;

    // More is paid than is due: the customer has credit. The next invoice is open.
    let paid = api.invoice(&customer, &product).await?;
    command(&format!("/invoices/{}/validate", id(&paid)), None).await?;
    let payment = json!({"customer_id": customer["id"], "amount": "50.00", "method": "transfer"});
    things.add("payment", &api.created("/payments", &payment).await?)?;
    things.add("draft", &api.invoice(&customer, &product).await?)?;
    let invoice = api.invoice(&customer, &product).await?;
    command(&format!("/invoices/{}/validate", id(&invoice)), None).await?;
    things.add("invoice", &invoice)?;

    // One row is taken, and one refused.
    let file = "code;name;email\r\nC-7;Ada;ada@shop.example\r\nC-8;Bob;nowhere\r\n";
    let (path, csv) = ("/imports?kind=customers&file_name=c.csv", [("Content-Type", "text/csv")]);
    let sent = api.http.raw(Method::POST, path, &csv, Some(file.as_bytes().to_vec())).await?;
    ensure!(sent.status == 202, "{}", sent.text);
    things.add("import", &sent.json)?;
    let path = format!("/imports/{}", id(&sent.json));
    until("an import that is finished", LIMIT, async || {
        let import = api.http.get(&path).await?;
        ensure!(import.json["state"] == "finished", "{}", import.text);
        Ok(())
    })
    .await?;

    // Goods of another warehouse are counted: those above go on moving.
    let other = api.warehouse("REZ").await?;
    let count = api.created("/inventory-counts", &json!({"warehouse_id": other["id"]})).await?;
    command(&format!("/inventory-counts/{}/start", id(&count)), None).await?;
    things.add("count", &count)?;
    let colleague = json!({"email": "new@docks.example", "name": "Dominique", "role": "sales"});
    api.created("/users", &colleague).await?;
    things.add("email", &get("/emails").await?)?;
    things.add("user", &get("/users").await?)?;
    // The page of an entry is found by its time, too.
    let entry = get("/audit-events").await?;
    let at = entry["occurred_at"].as_str().context("a time")?;
    things.add("audit", &json!({"id": format!("{}?at={at}", id(&entry))}))?;
    things.add("key", &get("/api-keys").await?)?;
    Ok(things)
}
