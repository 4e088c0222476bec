//! The console's lists against the API's own reads of the same rows, by the same process, in turns: the 95th percentiles of both, in
//! quiet and beside clients that place orders.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::{TimeDelta, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Client, Response, redirect};
use serde_json::json;

use crate::harness::{Api, Services, World, address, id, main_warehouse};

use super::orders::PRODUCTS;
use super::pgbench::THREE_LINES;
use super::report::{Claim, Measurement, Series, Wanted};
use super::{Effort, growth, http_load, progress};

/// Pages, and the reads of the same rows: as many as a page has.
const LISTS: &[(&str, &str)] = &[
    ("/console/orders", "/api/v1/orders?limit=50"),
    ("/console/orders?status=pending", "/api/v1/orders?limit=50&status=pending"),
    ("/console/orders/late", "/api/v1/orders/late?limit=50"),
    ("/console/preparation", "/api/v1/orders/to-prepare?limit=50"),
    ("/console/shipments", "/api/v1/shipments?limit=50"),
    ("/console/returns", "/api/v1/returns?limit=50"),
    ("/console/invoices", "/api/v1/invoices?limit=50"),
    ("/console/payments", "/api/v1/payments?limit=50"),
    ("/console/customers", "/api/v1/customers?limit=50"),
    ("/console/products", "/api/v1/products?limit=50"),
    ("/console/price-lists", "/api/v1/price-lists?limit=50"),
    ("/console/suppliers", "/api/v1/suppliers?limit=50"),
    ("/console/purchases", "/api/v1/purchase-orders?limit=50"),
    ("/console/receipts", "/api/v1/stock-documents?kind=receipt&limit=50"),
    ("/console/stock", "/api/v1/stock?limit=50"),
    ("/console/movements", "/api/v1/stock-movements?limit=50"),
    ("/console/counts", "/api/v1/inventory-counts?limit=50"),
    ("/console/users", "/api/v1/users?limit=50"),
    ("/console/audit", "/api/v1/audit-events?limit=50"),
];
/// Of what is not written as SQL: more than a page has.
const ROWS: usize = 60;
const WANTED: Wanted = Wanted::AtMost(2.0);
/// The load is not the subject: it leaves the server something to do the reads with.
const CONNECTIONS: u64 = 4;
/// The first requests of a list fill caches and pools.
const WARM_UP: usize = 5;
/// A percentile of fewer would be one request's.
const LEAST: usize = 20;
const PASSWORD: &str = "quatre chevaux bleus";
const EMAIL: &str = "bench@docks.example";

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let world = growth::filled(services, effort.pick(1_000, 100_000)).await?;
    let environment = [("COMPTOIR__LOG__FILTER", "warn"), ("COMPTOIR__API__CONSOLE_WITHOUT_TLS", "true")];
    let api = Api::start(&world, &environment).await?;
    fill(&api).await?;
    let mut visitor = Visitor::log_in(&world, &api).await?;
    let mut measurements = Vec::new();
    for (page, read) in LISTS {
        for is_loaded in [false, true] {
            let beside = if is_loaded { ", beside orders" } else { "" };
            let mut series = [Series::new(format!("GET {read}")), Series::new(format!("GET {page}"))];
            for round in effort.rounds() {
                progress(format!("console, round {round}: {page}{beside}"));
                let times = if is_loaded {
                    loaded(&api, &mut visitor, page, read, Duration::from_secs(effort.pick(5, 20))).await?
                } else {
                    quiet(&mut visitor, page, read, effort.pick(40, 400)).await?
                };
                for (series, times) in series.iter_mut().zip(times) {
                    series.push(percentile(times)?);
                }
            }
            let [floor, program] = series;
            let claim = Claim::ratio(format!("console: {page}{beside}"), &program, &floor, WANTED);
            let title = format!("{page}{beside}: 95% within");
            measurements.push(Measurement::new(title, "ms").series([floor, program]).claims([claim]));
        }
    }
    Ok(measurements)
}

/// Gives each list more rows than a page shows.
async fn fill(api: &Api) -> Result<()> {
    progress("console: filling the lists");
    let command = async |path: String| -> Result<()> {
        let answer = api.http.command(&path).await?;
        ensure!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.text);
        Ok(())
    };
    api.seller().await?;
    let (customer, supplier) = (api.buyer("BENCH").await?, api.supplier("BENCH").await?);
    let (product, warehouse) = (api.product_in_stock("BENCH", "1000000").await?, main_warehouse(api).await?);
    let long_ago = (Utc::now() - TimeDelta::days(10)).format("%Y-%m-%d").to_string();
    let late = json!({
        "customer_id": customer["id"], "ordered_on": long_ago, "lines": [{"product_id": product["id"], "quantity": "2"}],
    });
    let back = json!({"reason": "wrong size", "lines": [{"position": 1, "quantity": "1", "restock": true}]});
    let payment = json!({"customer_id": customer["id"], "amount": "1.00", "method": "transfer"});
    for number in 0..ROWS {
        let code = format!("BENCH-{number}");
        api.supplier(&code).await?;
        api.price_list(&code, &json!({"customer_id": customer["id"]})).await?;
        api.purchase_order(&supplier, &product).await?;
        api.receive(&product, "1", "4.00").await?;
        api.created("/inventory-counts", &json!({"warehouse_id": warehouse["id"]})).await?;
        let email = format!("bench-{number}@docks.example");
        api.created("/users", &json!({"email": email, "name": code, "role": "sales"})).await?;
        // One waits to be prepared, and is late; one has left, and some of it came back.
        let waiting = api.created("/orders", &late).await?;
        command(format!("/orders/{}/confirm", id(&waiting))).await?;
        let shipped = api.order(&customer, &product).await?;
        command(format!("/orders/{}/confirm", id(&shipped))).await?;
        let left = api.http.post(&format!("/orders/{}/ship", id(&shipped)), &json!({})).await?;
        ensure!(left.status == 200, "{} {}", left.status, left.text);
        api.created(&format!("/orders/{}/returns", id(&shipped)), &back).await?;
        let invoice = api.invoice(&customer, &product).await?;
        command(format!("/invoices/{}/validate", id(&invoice))).await?;
        api.created("/payments", &payment).await?;
    }
    Ok(())
}

/// Times of the read and of the page, in turns.
async fn quiet(visitor: &mut Visitor, page: &str, read: &str, repetitions: usize) -> Result<[Vec<f64>; 2]> {
    let mut times = [Vec::new(), Vec::new()];
    for number in 0..repetitions + WARM_UP {
        let pair = visitor.pair(page, read).await?;
        if number >= WARM_UP {
            times.iter_mut().zip(pair).for_each(|(times, time)| times.push(time));
        }
    }
    Ok(times)
}

/// The same for as long as orders are placed.
async fn loaded(
    api: &Api,
    visitor: &mut Visitor,
    page: &str,
    read: &str,
    time: Duration,
) -> Result<[Vec<f64>; 2]> {
    let server = address(api.http.root())?.to_owned();
    let key = api.http.credential().context("no key")?.to_owned();
    let load = tokio::spawn(async move {
        let body = |_| THREE_LINES.order(PRODUCTS);
        http_load::post(&server, "/api/v1/orders", &key, CONNECTIONS, time, body).await
    });
    let mut times = [Vec::new(), Vec::new()];
    while !load.is_finished() {
        let pair = visitor.pair(page, read).await?;
        times.iter_mut().zip(pair).for_each(|(times, time)| times.push(time));
    }
    load.await??;
    Ok(times)
}

/// The time within which 95 of 100 were answered, in milliseconds.
fn percentile(mut times: Vec<f64>) -> Result<f64> {
    ensure!(times.len() >= LEAST, "only {} requests: take more time", times.len());
    times.sort_by(f64::total_cmp);
    Ok(times[(times.len() * 95).div_ceil(100) - 1])
}

/// A browser without a screen: it keeps cookies. The same client reads the API.
struct Visitor {
    client: Client,
    root: String,
    key: String,
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    async fn log_in(world: &World, api: &Api) -> Result<Self> {
        let body = json!({"email": EMAIL, "name": "A benchmark", "role": "management", "password": PASSWORD});
        api.created("/users", &body).await?;
        let verified = "UPDATE users SET email_verified_at = now() WHERE email = $1";
        world.sql().await?.execute(verified, &[&EMAIL]).await?;
        let client = Client::builder().redirect(redirect::Policy::none()).build()?;
        let key = api.http.credential().context("no key")?.to_owned();
        let mut visitor = Self { client, root: api.http.root().to_owned(), key, cookies: BTreeMap::new() };
        let form = visitor.page("/console/sign-in").await?;
        let (_, token) =
            form.split_once("name=\"form_token\" value=\"").context("a form without its token")?;
        let fields = [
            ("form_token", token.split('"').next().unwrap_or_default()),
            ("email", EMAIL),
            ("password", PASSWORD),
        ];
        let fields =
            fields.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        let request = visitor.client.post(format!("{}/console/sign-in", visitor.root));
        let request = request.header(COOKIE, visitor.cookie()).header("Sec-Fetch-Site", "same-origin");
        let request =
            request.header("Content-Type", "application/x-www-form-urlencoded").body(fields.join("&"));
        let answer = request.send().await?;
        ensure!(answer.status() == 303, "the log-in is answered {}", answer.status());
        visitor.keep(&answer);
        Ok(visitor)
    }

    /// The times of a read and of a page, in milliseconds.
    async fn pair(&mut self, page: &str, read: &str) -> Result<[f64; 2]> {
        let begin = Instant::now();
        let answer = self.client.get(format!("{}{read}", self.root)).bearer_auth(&self.key).send().await?;
        let (status, _) = (answer.status(), answer.bytes().await?);
        let read_time = begin.elapsed();
        ensure!(status == 200, "{read}: {status}");
        let begin = Instant::now();
        self.page(page).await?;
        Ok([read_time, begin.elapsed()].map(|time| time.as_secs_f64() * 1_000.0))
    }

    async fn page(&mut self, path: &str) -> Result<String> {
        let request = self.client.get(format!("{}{path}", self.root)).header(COOKIE, self.cookie());
        let answer = request.send().await?;
        ensure!(answer.status() == 200, "{path}: {}", answer.status());
        self.keep(&answer);
        Ok(answer.text().await?)
    }

    fn cookie(&self) -> String {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    fn keep(&mut self, answer: &Response) {
        for cookie in answer.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            if let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_of_a_hundred_may_be_slower() {
        let times = (1..=100).map(f64::from).collect();
        assert!((percentile(times).unwrap() - 95.0).abs() < f64::EPSILON);
        assert!(percentile(vec![1.0; LEAST - 1]).is_err());
    }
}
