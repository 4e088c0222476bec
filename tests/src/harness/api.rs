//! A running `api` process.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::{Daemon, Http, World, project, until};

const READY_LIMIT: Duration = Duration::from_secs(20);
/// Another program may take the port before the API listens on it.
const PORTS_TO_TRY: usize = 3;

/// Limits so high that no test reaches them unless it sets its own: all clients of a test have one address.
const RATE_LIMITS: [(&str, &str); 3] = [
    ("COMPTOIR__RATE_LIMITS__PRINCIPAL_REQUESTS_PER_MINUTE", "4000000000"),
    ("COMPTOIR__RATE_LIMITS__ADDRESS_REQUESTS_PER_MINUTE", "4000000000"),
    ("COMPTOIR__RATE_LIMITS__SIGN_IN_REQUESTS_PER_MINUTE", "4000000000"),
];

/// An API process and a client for it.
#[derive(Debug)]
pub struct Api {
    pub daemon: Daemon,
    pub http: Http,
    /// A client for its listener for operations: metrics and health.
    pub operations: Http,
    port: u16,
}

impl Api {
    /// Starts it on a port of its own and waits until it is ready. `environment` is added to the world's variables.
    ///
    /// # Errors
    /// Fails if it ends, or is not ready in time.
    pub async fn start(world: &World, environment: &[(&str, &str)]) -> Result<Self> {
        let mut last = None;
        for _ in 0..PORTS_TO_TRY {
            match Self::start_on(world, project::free_port()?, environment).await {
                Ok(api) => return Ok(api),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no port to try")?)
    }

    /// Starts another process on the same port, after this one ended.
    ///
    /// # Errors
    /// Fails if it is not ready in time.
    pub async fn start_again(&mut self, world: &World, environment: &[(&str, &str)]) -> Result<()> {
        *self = Self::start_on(world, self.port, environment).await?;
        Ok(())
    }

    async fn start_on(world: &World, port: u16, environment: &[(&str, &str)]) -> Result<Self> {
        let (address, operations) =
            (format!("127.0.0.1:{port}"), format!("127.0.0.1:{}", project::free_port()?));
        let mut command = project::command("api")?;
        command
            .env("DATABASE_URL", &world.database.api_url)
            .env("SERVICES_DATABASE_URL", &world.database.services_url)
            // The tests' broker has a virtual host for each world: a test that wants projections says where they listen.
            .env_remove("AMQP_URL")
            .env("COMPTOIR__API__LISTEN", &address)
            .env("COMPTOIR__API__OPERATIONS_LISTEN", &operations)
            .env("COMPTOIR__API__DRAIN_SECONDS", "0")
            // A test that looks at e-mails says how they leave.
            .env("COMPTOIR__MAIL__TRANSPORT", "log")
            // A test that looks at documents says that they are made: their links and events come when they come.
            .env("COMPTOIR__SERVICES__INVOICE_DOCUMENTS__ENABLED", "false")
            .envs(RATE_LIMITS)
            .envs(environment.iter().copied());
        let log = world.logs().join(format!("api-{port}.log"));
        let mut daemon = Daemon::spawn("api", &mut command, &log, world.token())?;
        let http = Http::new(&format!("http://{address}"))?.with_credential(&world.tenant().await?.api_key);
        let operations = Http::new(&format!("http://{operations}"))?;
        until("the API to be live", READY_LIMIT, async || {
            if let Some(status) = daemon.ended()? {
                return Ok(Err(status));
            }
            let answer = http.get("//health/live").await?;
            ensure!(answer.status == 200, "it answers {}", answer.status);
            Ok(Ok(()))
        })
        .await?
        .or_else(|status| bail!("the API ended ({status}): {}", daemon.output()))?;
        Ok(Self { daemon, http, operations, port })
    }

    /// Creates a supplier with this code.
    ///
    /// # Errors
    /// Fails if the API refuses it.
    pub async fn supplier(&self, code: &str) -> Result<Value> {
        self.created("/suppliers", &json!({"code": code, "name": format!("Supplier {code}")})).await
    }

    /// Creates a customer with this code.
    ///
    /// # Errors
    /// Fails if the API refuses.
    pub async fn customer(&self, code: &str) -> Result<Value> {
        let body = json!({"code": code, "name": format!("Customer {code}"), "email": "someone@example.com"});
        self.created("/customers", &body).await
    }

    /// Creates a group of customers with this code.
    ///
    /// # Errors
    /// Fails if the API refuses.
    pub async fn customer_group(&self, code: &str) -> Result<Value> {
        self.created("/customer-groups", &json!({"code": code, "name": format!("Group {code}")})).await
    }

    /// Creates a price list with this code, and these members besides: whose it is, and when it is valid.
    ///
    /// # Errors
    /// Fails if the API refuses.
    pub async fn price_list(&self, code: &str, members: &Value) -> Result<Value> {
        let mut body = members.clone();
        body["code"] = json!(code);
        body["name"] = json!(format!("Prices {code}"));
        self.created("/price-lists", &body).await
    }

    /// Sets what a product costs in a list, from each quantity on.
    ///
    /// # Errors
    /// Fails if the API refuses.
    pub async fn set_price(&self, list: &Value, product: &Value, breaks: &[(&str, &str)]) -> Result<Value> {
        let one = |(from, price): &(&str, &str)| json!({"from_quantity": from, "unit_price": price});
        let breaks: Vec<Value> = breaks.iter().map(one).collect();
        let body = json!({"entries": [{"product_id": product["id"], "breaks": breaks}]});
        let path = format!("/price-lists/{}/entries", list["id"].as_str().unwrap_or_default());
        let answer = self.http.send(reqwest::Method::PUT, &path, &[], Some(&body)).await?;
        ensure!(answer.status == 200, "{}", answer.text);
        Ok(answer.json)
    }

    /// Creates a product with this SKU, at 10.00 and 20 % VAT. It is not kept in stock, and any quantity of it can be ordered: a
    /// test that is about neither orders as much as it wants.
    ///
    /// # Errors
    /// Fails if the API refuses.
    pub async fn product(&self, sku: &str) -> Result<Value> {
        let body = json!({
            "sku": sku, "name": format!("Product {sku}"), "unit_price": "10.00", "vat_rate": "20", "stocked": false,
            "quantity_decimals": 6,
        });
        self.created("/products", &body).await
    }

    /// Creates a category with this code, in another one if that is given.
    ///
    /// # Errors
    /// Fails if the API refuses.
    pub async fn category(&self, code: &str, parent: Option<&Value>) -> Result<Value> {
        let parent = parent.map(|parent| &parent["id"]);
        let body = json!({"code": code, "name": format!("Category {code}"), "parent_id": parent});
        self.created("/categories", &body).await
    }

    /// Creates a warehouse with this code.
    ///
    /// # Errors
    /// Fails if the API refuses.
    pub async fn warehouse(&self, code: &str) -> Result<Value> {
        self.created("/warehouses", &json!({"code": code, "name": format!("Warehouse {code}")})).await
    }

    /// Creates a location with this code in a warehouse.
    ///
    /// # Errors
    /// Fails if the API refuses.
    pub async fn location(&self, warehouse: &Value, code: &str) -> Result<Value> {
        self.created("/locations", &json!({"warehouse_id": warehouse["id"], "code": code})).await
    }

    /// Orders ten of this product from a supplier, at 7.00 each.
    ///
    /// # Errors
    /// Fails if the API refuses.
    pub async fn purchase_order(&self, supplier: &Value, product: &Value) -> Result<Value> {
        let line = json!({"product_id": product["id"], "quantity": "10", "unit_cost": "7.00"});
        self.created("/purchase-orders", &json!({"supplier_id": supplier["id"], "lines": [line]})).await
    }

    /// Gives the company all that its invoices must say.
    ///
    /// # Errors
    /// Fails if the API refuses.
    pub async fn seller(&self) -> Result<Value> {
        let body = json!({
            "registration": {"scheme": "siren", "number": "732829320"},
            "vat_number": "FR44732829320",
            "address": {"line1": "1 quai des Docks", "postal_code": "44000", "city": "Nantes", "country": "FR"},
            "invoicing": {"legal_form": "SAS", "share_capital": "10000.00", "trade_register": "RCS Nantes"},
        });
        let changed =
            self.http.send(reqwest::Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&body)).await?;
        ensure!(changed.status == 200, "{}", changed.text);
        Ok(changed.json)
    }

    /// Creates a French business with this code, of which invoices have all that they must say.
    ///
    /// # Errors
    /// Fails if the API refuses.
    pub async fn buyer(&self, code: &str) -> Result<Value> {
        let body = json!({
            "code": code, "name": format!("Customer {code}"), "email": "someone@example.com", "vat_number": "FR40303265045",
            "addresses": [{"kind": "billing", "line1": "12 rue des Carmes", "postal_code": "44000", "city": "Nantes", "country": "FR"}],
            "invoicing": {"kind": "business", "registration": {"scheme": "siren", "number": "303265045"}},
        });
        self.created("/customers", &body).await
    }

    /// Drafts an invoice of one line: two of this product.
    ///
    /// # Errors
    /// Fails if the API refuses.
    pub async fn invoice(&self, customer: &Value, product: &Value) -> Result<Value> {
        let line = json!({"product_id": product["id"], "quantity": "2"});
        self.created("/invoices", &json!({"customer_id": customer["id"], "lines": [line]})).await
    }

    /// Creates an order of one line: two of this product.
    ///
    /// # Errors
    /// Fails if the API refuses.
    pub async fn order(&self, customer: &Value, product: &Value) -> Result<Value> {
        self.created("/orders", &order_body(customer, product)).await
    }

    /// Posts the body, and returns the JSON of the answer.
    ///
    /// # Errors
    /// Fails if the answer is not 201.
    pub async fn created(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.http.post(path, body).await?;
        ensure!(answer.status == 201, "POST {path}: {} {}", answer.status, answer.text);
        Ok(answer.json)
    }

    /// Creates a product with this SKU that is kept in stock, at 10.00 and 20 % VAT. Nothing of it is there.
    ///
    /// # Errors
    /// Fails if the API refuses.
    pub async fn stocked_product(&self, sku: &str) -> Result<Value> {
        let body = json!({
            "sku": sku, "name": format!("Product {sku}"), "unit_price": "10.00", "vat_rate": "20", "stocked": true,
            "quantity_decimals": 6,
        });
        self.created("/products", &body).await
    }

    /// Creates a product with this SKU as [`Self::stocked_product`] does, and receives so many units of it, at 4.00 each.
    ///
    /// # Errors
    /// Fails if the API refuses.
    pub async fn product_in_stock(&self, sku: &str, on_hand: &str) -> Result<Value> {
        let product = self.stocked_product(sku).await?;
        self.receive(&product, on_hand, "4.00").await?;
        Ok(product)
    }

    /// Receives so many units of a product in the company's default warehouse, at this cost each. Returns the document.
    ///
    /// # Errors
    /// Fails if the API refuses.
    pub async fn receive(&self, product: &Value, quantity: &str, unit_cost: &str) -> Result<Value> {
        let line = json!({"product_id": product["id"], "quantity": quantity, "unit_cost": unit_cost});
        self.created("/stock-receipts", &json!({"lines": [line]})).await
    }

    /// Asks for the proof that the stock is what the ledger and the open orders say. Returns it.
    ///
    /// # Errors
    /// Fails if it does not hold.
    pub async fn proof(&self) -> Result<Value> {
        let answer = self.http.get("/stock/proof").await?;
        ensure!(answer.status == 200, "GET /stock/proof: {} {}", answer.status, answer.text);
        ensure!(answer.json["holds"] == true, "the stock is not what the ledger says: {}", answer.text);
        Ok(answer.json)
    }
}

/// Returns the body of an order of one line: two of this product.
pub fn order_body(customer: &Value, product: &Value) -> Value {
    json!({"customer_id": customer["id"], "lines": [{"product_id": product["id"], "quantity": "2"}]})
}
