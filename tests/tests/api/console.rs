//! The console, as a browser without scripts sees it.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, Operator, Proxy, World, address, with_address};
use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, redirect};
use serde_json::json;

use crate::authentication::{PASSWORD, user};

/// Names and values, of headers or of fields.
type Pairs<'a> = &'a [(&'a str, &'a str)];

/// Pages that are looked at, with who of the company may.
const PAGES: &[(&str, &[&str])] = &[
    ("/console/", &["admin", "management", "sales", "warehouse"]),
    ("/console/profile", &["admin", "management", "sales", "warehouse"]),
    ("/console/orders", &["admin", "management", "sales", "warehouse"]),
    ("/console/orders/late", &["admin", "management", "sales", "warehouse"]),
    ("/console/orders/new", &["admin", "management", "sales"]),
    ("/console/invoices", &["admin", "management", "sales"]),
    ("/console/invoices/new", &["admin", "management", "sales"]),
    ("/console/invoices/from", &["admin", "management", "sales"]),
    ("/console/payments", &["admin", "management", "sales"]),
    ("/console/payments/new", &["admin", "management"]),
    ("/console/payments/aged-balance", &["admin", "management", "sales"]),
    ("/console/reports", &["admin", "management"]),
    ("/console/reports/products", &["admin", "management"]),
    ("/console/reports/customers", &["admin", "management"]),
    ("/console/reports/sales", &["admin", "management"]),
    ("/console/reports/vat-due", &["admin", "management"]),
    ("/console/reports/accounts", &["admin", "management"]),
    ("/console/preparation", &["admin", "management", "warehouse"]),
    ("/console/shipments", &["admin", "management", "sales", "warehouse"]),
    ("/console/returns", &["admin", "management", "sales", "warehouse"]),
    ("/console/purchases", &["admin", "management", "warehouse"]),
    ("/console/purchases/new", &["admin", "management"]),
    ("/console/customers", &["admin", "management", "sales", "warehouse"]),
    ("/console/customers/new", &["admin", "management", "sales"]),
    ("/console/products", &["admin", "management", "sales", "warehouse"]),
    ("/console/products/new", &["admin", "management"]),
    ("/console/categories", &["admin", "management", "sales", "warehouse"]),
    ("/console/categories/new", &["admin", "management"]),
    ("/console/suppliers", &["admin", "management", "warehouse"]),
    ("/console/suppliers/new", &["admin", "management"]),
    ("/console/price-lists", &["admin", "management", "sales"]),
    ("/console/price-lists/new", &["admin", "management"]),
    ("/console/customer-groups", &["admin", "management", "sales"]),
    ("/console/customer-groups/new", &["admin", "management"]),
    ("/console/imports", &["admin", "management", "sales", "warehouse"]),
    ("/console/imports/new", &["admin", "management", "sales", "warehouse"]),
    ("/console/stock", &["admin", "management", "sales", "warehouse"]),
    ("/console/stock/value", &["admin", "management"]),
    ("/console/stock/transfers/new", &["admin", "management", "warehouse"]),
    ("/console/stock/relocations/new", &["admin", "management", "warehouse"]),
    ("/console/stock/adjustments/new", &["admin", "management", "warehouse"]),
    ("/console/stock/write-offs/new", &["admin", "management", "warehouse"]),
    ("/console/receipts", &["admin", "management", "sales", "warehouse"]),
    ("/console/receipts/new", &["admin", "management", "warehouse"]),
    ("/console/movements", &["admin", "management", "sales", "warehouse"]),
    ("/console/warehouses", &["admin", "management", "sales", "warehouse"]),
    ("/console/warehouses/new", &["admin", "management"]),
    ("/console/counts", &["admin", "management", "warehouse"]),
    ("/console/counts/new", &["admin", "management", "warehouse"]),
    ("/console/roles", &["admin", "management", "sales", "warehouse"]),
    ("/console/users", &["admin", "management"]),
    ("/console/users/new", &["admin"]),
    ("/console/keys", &["admin", "management"]),
    ("/console/keys/new", &["admin"]),
    ("/console/emails", &["admin", "management"]),
    ("/console/projections", &["admin", "management"]),
    ("/console/audit", &["admin", "management"]),
    ("/console/settings", &["admin", "management", "sales", "warehouse"]),
    ("/console/settings/company", &["admin"]),
    ("/console/settings/invoicing", &["admin"]),
    ("/console/settings/documents", &["admin"]),
];
/// What is shown in lists, as files.
const FILES: &[(&str, &[&str])] = &[
    ("/console/orders/late.csv", &["admin", "management", "sales", "warehouse"]),
    ("/console/preparation.csv", &["admin", "management", "warehouse"]),
    ("/console/warehouses.csv", &["admin", "management", "sales", "warehouse"]),
    ("/console/warehouses/locations.csv", &["admin", "management", "sales", "warehouse"]),
    ("/console/projections.csv", &["admin", "management"]),
];
const ROLES: [&str; 4] = ["admin", "management", "sales", "warehouse"];

pub(crate) struct Answered {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) text: String,
}

impl Answered {
    pub(crate) fn header(&self, name: impl reqwest::header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The value of the first hidden field with this name.
    pub(crate) fn hidden(&self, name: &str) -> Result<String> {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.text.split_once(&start).with_context(|| format!("no {name}: {}", self.text))?;
        Ok(rest.split('"').next().unwrap_or_default().to_owned())
    }
}

/// A browser: it keeps cookies, follows nothing, and says where its forms come from.
pub(crate) struct Browser {
    client: Client,
    root: String,
    cookies: HashMap<String, String>,
}

impl Browser {
    pub(crate) fn new(api: &Api) -> Result<Self> {
        let client = Client::builder().redirect(redirect::Policy::none()).build()?;
        Ok(Self { client, root: api.http.root().to_owned(), cookies: HashMap::new() })
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        fields: &[(&str, &str)],
    ) -> Result<Answered> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.root));
        request = request.header(COOKIE, cookies.join("; ")).header("Accept-Language", "fr");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if method == Method::POST {
            request =
                request.header("Content-Type", "application/x-www-form-urlencoded").body(encoded(fields));
        }
        self.answered(request.send().await?).await
    }

    /// Sends a form with a file, as browsers write it: the file is the last part.
    pub(crate) async fn upload(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        (name, content): (&str, &[u8]),
    ) -> Result<Answered> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let part = |(name, value): &(&str, &str)| {
            format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let mut body: String = fields.iter().map(part).collect();
        body.push_str(&format!(
            "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/csv\r\n\r\n"
        ));
        let body = [body.as_bytes(), content, b"\r\n--xyz--\r\n"].concat();
        let request = self.client.post(format!("{}{path}", self.root));
        let request = request.header(COOKIE, cookies.join("; ")).header("Accept-Language", "fr");
        let request = request.header("Sec-Fetch-Site", "same-origin");
        let request = request.header("Content-Type", "multipart/form-data; boundary=xyz").body(body);
        self.answered(request.send().await?).await
    }

    async fn answered(&mut self, answer: reqwest::Response) -> Result<Answered> {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        for cookie in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            ensure!(
                cookie.contains("; Path=/; ") && cookie.contains("; HttpOnly; SameSite=Lax; Secure"),
                "{cookie}"
            );
            let (name, value) =
                cookie.split(';').next().and_then(|pair| pair.split_once('=')).context("a pair")?;
            ensure!(name.starts_with("__Host-"), "{cookie}");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Ok(Answered { status, headers, text: answer.text().await? })
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Answered> {
        self.send(Method::GET, path, &[], &[]).await
    }

    /// Sends a form as a page of the console would.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Answered> {
        self.send(Method::POST, path, &[("Sec-Fetch-Site", "same-origin")], fields).await
    }

    pub(crate) async fn log_in(&mut self, path: &str, email: &str, password: &str) -> Result<Answered> {
        let token = self.get(path).await?.hidden("form_token")?;
        self.post(path, &[("form_token", &token), ("email", email), ("password", password)]).await
    }

    /// The token for the forms of the session.
    pub(crate) async fn token(&mut self) -> Result<String> {
        self.get("/console/profile").await?.hidden("form_token")
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let text = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", text(name), text(value)));
    pairs.collect::<Vec<_>>().join("&")
}

pub(crate) async fn logged_in(world: &World, api: &Api, role: &str) -> Result<Browser> {
    let email = format!("{role}@docks.example");
    user(world, api, &email, role).await?;
    let mut browser = Browser::new(api)?;
    let answer = browser.log_in("/console/sign-in", &email, PASSWORD).await?;
    ensure!(
        (answer.status, answer.header(LOCATION)) == (303, "/console/"),
        "{} {}",
        answer.status,
        answer.text
    );
    Ok(browser)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_logs_in_where_they_were_going_and_logs_out() {
    World::run(async |world| {
        let api = world.api().await?;
        user(world, &api, "ada@docks.example", "sales").await?;
        let mut browser = Browser::new(&api)?;
        let sent = browser.get("/console/orders?status=pending").await?;
        assert_eq!(sent.status, 303);
        assert_eq!(sent.header(LOCATION), "/console/sign-in?next=%2Fconsole%2Forders%3Fstatus%3Dpending");
        let page = browser.get(sent.header(LOCATION)).await?;
        let (token, next) = (page.hidden("form_token")?, page.hidden("next")?);
        let fields = [("form_token", token.as_str()), ("next", &next), ("email", "ada@docks.example")];
        let wrong = browser.post("/console/sign-in", &[&fields[..], &[("password", "non")]].concat()).await?;
        assert_eq!(wrong.status, 422, "{}", wrong.text);
        assert!(wrong.text.contains("ada@docks.example"), "what was typed is kept");
        let right =
            browser.post("/console/sign-in", &[&fields[..], &[("password", PASSWORD)]].concat()).await?;
        assert_eq!((right.status, right.header(LOCATION)), (303, "/console/orders?status=pending"));
        assert_eq!(browser.get("/console/orders?status=pending").await?.status, 200);

        let token = browser.token().await?;
        let out = browser.post("/console/log-out", &[("form_token", &token)]).await?;
        assert_eq!((out.status, out.header(LOCATION)), (303, "/console/sign-in?done=logged-out"));
        assert_eq!(browser.get("/console/").await?.status, 303);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_sent_to_another_site_after_a_log_in() {
    World::run(async |world| {
        let api = world.api().await?;
        user(world, &api, "ada@docks.example", "sales").await?;
        for next in
            ["https://evil.example/", "//evil.example", "/console/operators", "/console/\\evil.example"]
        {
            let mut browser = Browser::new(&api)?;
            let token = browser.get("/console/sign-in").await?.hidden("form_token")?;
            let fields = [
                ("form_token", token.as_str()),
                ("next", next),
                ("email", "ada@docks.example"),
                ("password", PASSWORD),
            ];
            let answer = browser.post("/console/sign-in", &fields).await?;
            assert_eq!((answer.status, answer.header(LOCATION)), (303, "/console/"), "{next}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_of_another_site_or_session_is_refused() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "sales").await?;
        let token = browser.token().await?;
        let path = "/console/profile/language";
        let fields = [("form_token", token.as_str()), ("language", "en")];
        let refused: &[(Pairs<'_>, Pairs<'_>)] = &[
            (&[], &fields),
            (&[("Sec-Fetch-Site", "cross-site")], &fields),
            (&[("Sec-Fetch-Site", "same-site")], &fields),
            (&[("Sec-Fetch-Site", "none")], &fields),
            (&[("Origin", "https://evil.example")], &fields),
            (&[("Origin", "null")], &fields),
            (&[("Sec-Fetch-Site", "same-origin")], &fields[1..]),
            (&[("Sec-Fetch-Site", "same-origin")], &[("form_token", "AAAA"), ("language", "en")]),
        ];
        for (headers, fields) in refused {
            let answer = browser.send(Method::POST, path, headers, fields).await?;
            assert_eq!(answer.status, 403, "{headers:?} {fields:?}");
            assert!(answer.header("content-type").starts_with("text/html"), "{headers:?}");
        }
        // That of a page before the log-in is of no session.
        let before = browser.get("/console/sign-in").await?.hidden("form_token")?;
        let answer = browser.post(path, &[("form_token", &before), ("language", "en")]).await?;
        assert_eq!(answer.status, 403);
        assert_eq!(browser.post(path, &fields).await?.status, 303);
        assert!(browser.get("/console/profile").await?.text.contains("<html lang=\"en\">"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_sees_the_pages_that_its_menu_has_and_every_page_is_protected() {
    World::run(async |world| {
        let api = world.api().await?;
        for role in ROLES {
            let mut browser = logged_in(world, &api, role).await?;
            let home = browser.get("/console/").await?;
            for (path, roles) in PAGES {
                let page = browser.get(path).await?;
                let expected = if roles.contains(&role) { 200 } else { 403 };
                assert_eq!(page.status, expected, "{role} {path}: {}", page.text);
                assert_eq!(
                    page.header("content-security-policy"),
                    "default-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
                );
                assert_eq!(page.header("cache-control"), "no-store", "{path}");
                assert_eq!(page.header("x-content-type-options"), "nosniff");
                assert!(!page.text.contains(" style="), "{path}");
                assert_eq!(page.text.matches("<script").count(), page.text.matches("<script src=").count(), "{path}");
                if *path == "/console/orders/new" {
                    assert_eq!(home.text.contains("href=\"/console/orders/new\""), expected == 200, "{role}");
                }
            }
            for (path, roles) in FILES {
                let file = browser.get(path).await?;
                let expected = if roles.contains(&role) { (200, "text/csv") } else { (403, "text/html") };
                let kind = file.header("content-type").split(';').next().unwrap_or_default();
                assert_eq!((file.status, kind), expected, "{role} {path}: {}", file.text);
            }
            // What is late, low, today's and unpaid leads to the list of it, for those who may see that.
            let figures = [
                ("/console/orders?since=", true),
                ("/console/orders/late", true),
                ("/console/stock?low=true", true),
                ("/console/invoices?overdue=true", role != "warehouse"),
            ];
            for (to, is_there) in figures {
                assert_eq!(home.text.contains(&format!("<a href=\"{to}")), is_there, "{role} {to}: {}", home.text);
            }
            // Every entry of the menu leads to a page.
            let (_, menu) = home.text.split_once("<nav class=\"nav\"").context("a menu")?;
            let (menu, _) = menu.split_once("class=\"me\"").context("the end of the menu")?;
            for link in menu.split("href=\"/console/").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert_eq!(browser.get(&format!("/console/{link}")).await?.status, 200, "{role}: {link}");
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_page_is_small_and_its_files_are_kept_for_ever() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "sales").await?;
        let page = browser.get("/console/").await?;
        let mut size = page.text.len();
        let files = page
            .text
            .split('"')
            .filter(|part| part.starts_with("/console/assets/"))
            .map(|part| part.split('#').next().unwrap_or_default().to_owned());
        let files: std::collections::BTreeSet<String> = files.collect();
        assert!(files.len() >= 4, "{files:?}");
        for file in files {
            let answer = browser.get(&file).await?;
            assert_eq!(answer.status, 200, "{file}");
            assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable", "{file}");
            let etag = answer.header("etag").to_owned();
            let again = browser.send(Method::GET, &file, &[("If-None-Match", &etag)], &[]).await?;
            assert_eq!(again.status, 304, "{file}");
            size += answer.text.len();
        }
        assert!(size <= 100_000, "{size} bytes");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_sent_twice_is_placed_once() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let product = api.product("P-1").await?;
        let mut browser = logged_in(world, &api, "sales").await?;
        let form = browser.get("/console/orders/new").await?;
        let (token, key) = (form.hidden("form_token")?, form.hidden("form_key")?);
        let (customer, product) =
            (customer["id"].as_str().context("id")?, product["id"].as_str().context("id")?);
        let fields = [
            ("form_token", token.as_str()),
            ("form_key", key.as_str()),
            ("customer_id", customer),
            ("reference", "CMD-2026-1"),
            ("lines.0.product_id", product),
            ("lines.0.quantity", "0"),
        ];
        let refused = browser.post("/console/orders/new", &fields).await?;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("CMD-2026-1") && refused.text.contains("id=\"lines.0.quantity-err\""));
        // A refused form keeps its key.
        assert_eq!(refused.hidden("form_key")?, key);
        let mut fields = fields;
        fields[5].1 = "1 234,5";
        let first = browser.post("/console/orders/new", &fields).await?;
        assert_eq!(first.status, 303, "{}", first.text);
        let second = browser.post("/console/orders/new", &fields).await?;
        assert_eq!((second.status, second.header(LOCATION)), (303, first.header(LOCATION)));
        let orders = api.http.get("/orders").await?;
        assert_eq!(orders.json["data"].as_array().map(Vec::len), Some(1), "{}", orders.text);

        let page = browser.get(first.header(LOCATION)).await?;
        assert_eq!(page.status, 200, "{}", page.text);
        // 1,234.5 at 10.00 and 20 % VAT, as French writes it.
        assert!(page.text.contains("14\u{202f}814,00\u{a0}€"), "{}", page.text);
        assert!(page.text.contains("Customer C-1"));

        let path = format!("/console/orders/{}", orders.json["data"][0]["id"].as_str().context("id")?);
        let (key, version) = (page.hidden("form_key")?, page.hidden("version")?);
        let fields =
            [("form_token", token.as_str()), ("form_key", key.as_str()), ("version", version.as_str())];
        let confirm = format!("{path}/confirm");
        assert_eq!(browser.post(&confirm, &fields).await?.status, 303);
        assert_eq!(browser.post(&confirm, &fields).await?.status, 303, "the second click is the first");
        // Another form with the old version finds that somebody was faster.
        let fields = [("form_token", token.as_str()), ("form_key", "another"), ("version", version.as_str())];
        let late = browser.post(&confirm, &fields).await?;
        assert_eq!(late.status, 409, "{}", late.text);
        let csv = browser.get("/console/orders.csv?status=confirmed").await?;
        assert_eq!(csv.status, 200);
        assert_eq!(csv.text.lines().count(), 2, "{}", csv.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_ended_elsewhere_leads_to_the_log_in() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "sales").await?;
        assert_eq!(browser.get("/console/orders").await?.status, 200);
        let users = api.http.get("/users?email=sales%40docks.example").await?;
        let path = format!("/users/{}/sessions", users.json["data"][0]["id"].as_str().context("a user")?);
        assert_eq!(api.http.send(Method::DELETE, &path, &[], None).await?.status, 204);
        let answer = browser.get("/console/orders").await?;
        assert_eq!(
            (answer.status, answer.header(LOCATION)),
            (303, "/console/sign-in?next=%2Fconsole%2Forders&done=over")
        );
        let page = browser.get(answer.header(LOCATION)).await?;
        assert!(page.text.contains("Votre session est terminée"), "{}", page.text);
        // Whoever never had one is told nothing of the kind.
        let mut stranger = Browser::new(&api)?;
        let answer = stranger.get("/console/orders").await?;
        assert_eq!(answer.header(LOCATION), "/console/sign-in?next=%2Fconsole%2Forders");
        assert!(!stranger.get(answer.header(LOCATION)).await?.text.contains("Votre session"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_goes_on_when_its_access_token_is_over_even_in_two_tabs_at_once() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut one = logged_in(world, &api, "sales").await?;
        one.cookies.remove("__Host-comptoir-session");
        let mut other =
            Browser { client: one.client.clone(), root: one.root.clone(), cookies: one.cookies.clone() };
        assert_eq!(one.get("/console/orders").await?.status, 200);
        assert_eq!(other.get("/console/orders").await?.status, 200);
        assert_eq!(one.get("/console/orders").await?.status, 200, "nobody was logged out");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_of_a_program_is_good_once_for_a_browser_too() {
    World::run(async |world| {
        let api = world.api().await?;
        user(world, &api, "ada@docks.example", "sales").await?;
        let operator = Operator::create(world, "ops@comptoir.example").await?;
        let anonymous = api.http.anonymous();
        let ada = json!({"email": "ada@docks.example", "password": PASSWORD});
        let ada = anonymous.post("/auth/login", &ada).await?;
        let ops = operator.try_log_in(&api.http).await?;
        let sql = world.sql().await?;
        for (begun, refresh, cookie, page, table) in [
            (ada, "/auth/refresh", "refresh", "/console/orders", "sessions"),
            (
                ops,
                "/operators/auth/refresh",
                "operator-refresh",
                "/console/operators/services",
                "operator_sessions",
            ),
        ] {
            let token = begun.field("refresh_token");
            let refreshed = anonymous.post(refresh, &json!({"refresh_token": token})).await?;
            assert_eq!(refreshed.status, 200, "{}", refreshed.text);
            // Whoever stole it comes with it as a browser.
            let mut thief = Browser::new(&api)?;
            thief.cookies.insert(format!("__Host-comptoir-{cookie}"), token.to_owned());
            assert_eq!(thief.get(page).await?.status, 303, "{page}");
            let ended = format!("SELECT end_reason FROM {table} WHERE ended_at IS NOT NULL");
            let reason: String = sql.query_one(&ended, &[]).await?.get(0);
            assert_eq!(reason, "refresh_token_reused", "{table}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_have_their_own_half_and_nothing_of_a_companys() {
    World::run(async |world| {
        let api = world.api().await?;
        let operator = Operator::create(world, "ops@comptoir.example").await?;
        let mut browser = Browser::new(&api)?;
        let answer =
            browser.log_in("/console/operators/sign-in", &operator.email, &operator.password).await?;
        assert_eq!((answer.status, answer.header(LOCATION)), (303, "/console/operators"), "{}", answer.text);
        let services = browser.get("/console/operators/services").await?;
        assert_eq!(services.status, 200, "{}", services.text);
        assert!(services.text.contains("class=\"shell operator\"") && services.text.contains("pruning"));
        assert_eq!(browser.get("/console/orders").await?.status, 303, "no session of a company");

        let mut person = logged_in(world, &api, "admin").await?;
        let sent = person.get("/console/operators/services").await?;
        assert_eq!(sent.status, 303);
        assert!(sent.header(LOCATION).starts_with("/console/operators/sign-in"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_is_a_page_that_says_what_to_do_with_its_trace_id() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "sales").await?;
        for (path, status) in [
            ("/console/nowhere", 404),
            ("/console/orders/01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b", 404),
            ("/console/orders?status=sleeping", 422),
        ] {
            let page = browser.get(path).await?;
            assert_eq!(page.status, status, "{path}: {}", page.text);
            assert!(page.header("content-type").starts_with("text/html"), "{path}");
            let (_, rest) = page.text.split_once("<code>").context("a trace id")?;
            assert_eq!(rest.split('<').next().map(str::len), Some(32), "{path}");
        }
        let page = browser.send(Method::PUT, "/console/orders", &[], &[]).await?;
        is_error_page(&page, 405).map(|_| ())
    })
    .await;
}

/// A refusal is shown at the address that its form was sent to. Who loads that address again, or comes back to it from the log-in, sees
/// the page above.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_only_takes_a_form_leads_to_the_page_above() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "sales").await?;
        for (path, above) in [
            ("/console/profile/password", "/console/profile"),
            ("/console/orders/1/confirm", "/console/orders/1"),
            ("/console/profile/sessions/1/end", "/console/profile"),
            ("/console/log-out", "/console"),
        ] {
            let sent = browser.get(path).await?;
            assert_eq!((sent.status, sent.header(LOCATION)), (303, above), "{path}: {}", sent.text);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sent_a_form_without_a_session_comes_back_to_the_page_of_the_form() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut stranger = Browser::new(&api)?;
        for (from, next) in [
            (
                format!("{}/console/profile?done=keys", api.http.root()),
                "next=%2Fconsole%2Fprofile%3Fdone%3Dkeys",
            ),
            ("https://evil.example/console/profile".to_owned(), "next=%2Fconsole%2F"),
        ] {
            let headers = [("sec-fetch-site", "same-origin"), ("referer", from.as_str())];
            let sent = stranger.send(Method::POST, "/console/profile/keys", &headers, &[]).await?;
            assert_eq!(sent.status, 303, "{}", sent.text);
            assert!(sent.header(LOCATION).ends_with(next), "{from}: {}", sent.header(LOCATION));
        }
        Ok(())
    })
    .await;
}

/// What every page of an error has; the trace id.
fn is_error_page(page: &Answered, status: u16) -> Result<String> {
    ensure!(page.status == status, "{status}: {} {}", page.status, page.text);
    ensure!(
        page.header("content-type").starts_with("text/html"),
        "{status}: {}",
        page.header("content-type")
    );
    ensure!(page.header("cache-control") == "no-store", "{status}: {}", page.header("cache-control"));
    ensure!(page.text.contains("/console/assets/comptoir-"), "{status} has no style: {}", page.text);
    let (_, rest) = page.text.split_once("<code>").with_context(|| format!("{status}: no trace id"))?;
    let trace = rest.split('<').next().unwrap_or_default().to_owned();
    ensure!(trace.len() == 32, "{status}: {trace}");
    Ok(trace)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_is_too_long_is_refused_as_a_page() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "sales").await?;
        let token = browser.token().await?;
        // More than is read, and more fields than a form may have.
        let long = "x".repeat(3 << 20);
        let many = vec![("a", "b"); 2_001];
        let first = [("form_token", token.as_str()), ("reference", long.as_str())];
        let second = [&[("form_token", token.as_str())][..], &many].concat();
        for fields in [&first[..], &second] {
            let page = browser.post("/console/orders/new", fields).await?;
            is_error_page(&page, 413)?;
            assert!(page.text.contains("C\u{2019}est trop à la fois"), "{}", page.text);
        }
        assert_eq!(browser.get("/console/orders").await?.status, 200, "the session goes on");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_too_often_is_told_so_on_a_page_before_anything_is_read() {
    World::run(async |world| {
        let limit = ("COMPTOIR__RATE_LIMITS__ADDRESS_REQUESTS_PER_MINUTE", "100");
        let api = Api::start(world, &[limit]).await?;
        let mut browser = Browser::new(&api)?;
        // A window may end meanwhile: then another hundred are served.
        let mut refused = None;
        for _ in 0..250 {
            let page = browser.get("/console/sign-in").await?;
            if page.status != 200 {
                refused = Some(page);
                break;
            }
        }
        let refused = refused.context("nothing was refused")?;
        is_error_page(&refused, 429)?;
        let seconds: u64 = refused.header("retry-after").parse()?;
        assert!((1..=60).contains(&seconds), "{seconds}");
        assert!(refused.text.contains("Trop de demandes"), "{}", refused.text);
        assert!(
            refused.text.contains("href=\"/console/sign-in\""),
            "it can be tried again: {}",
            refused.text
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_a_page_says_come_back_and_the_session_goes_on() {
    World::run(async |world| {
        let proxy = Proxy::start(address(&world.database.url)?).await?;
        let url = with_address(&world.database.api_url, &proxy.address())?;
        let api = Api::start(world, &[("DATABASE_URL", &url)]).await?;
        let mut browser = logged_in(world, &api, "sales").await?;
        let token = browser.token().await?;
        proxy.cut();
        for path in ["/console/", "/console/orders", "/console/orders/01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b"] {
            let page = browser.get(path).await?;
            is_error_page(&page, 503)?;
            assert!(page.text.contains(&format!("href=\"{path}\"")), "it can be tried again: {}", page.text);
            assert!(page.text.contains("ne répond pas"), "{}", page.text);
        }
        let fields = [("form_token", token.as_str()), ("form_key", "k"), ("language", "en")];
        is_error_page(&browser.post("/console/orders/new", &fields).await?, 503)?;
        // A session that has to be prolonged just then is not lost.
        browser.cookies.remove("__Host-comptoir-session");
        is_error_page(&browser.get("/console/orders").await?, 503)?;
        assert_eq!(browser.get("/console/sign-in").await?.status, 200, "it needs no database");
        proxy.heal();
        comptoir_tests::harness::until("the page", std::time::Duration::from_secs(20), async || {
            let page = Browser {
                client: browser.client.clone(),
                root: browser.root.clone(),
                cookies: browser.cookies.clone(),
            }
            .get("/console/orders")
            .await?;
            ensure!(page.status == 200, "{} {}", page.status, page.text);
            Ok(())
        })
        .await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_are_in_the_language_of_the_pages_around_them() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "warehouse").await?;
        let page = browser.get("/console/orders/new").await?;
        is_error_page(&page, 403)?;
        assert!(page.text.contains("<html lang=\"fr\">"), "{}", page.text);
        // The company's language decides, whatever the browser asks for.
        let body = json!({"language": "en"});
        let changed = api.http.send(Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&body)).await?;
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert!(browser.get("/console/").await?.text.contains("<html lang=\"en\">"));
        for (path, status) in [("/console/orders/new", 403), ("/console/nowhere", 404)] {
            let page = browser.get(path).await?;
            is_error_page(&page, status)?;
            assert!(page.text.contains("<html lang=\"en\">"), "{path}: {}", page.text);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_without_an_order_is_told_what_to_do_first() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut browser = logged_in(world, &api, "admin").await?;
        // The first step that is not done is the one filled button of the page.
        let next = async |browser: &mut Browser, path: &str| -> Result<()> {
            let home = browser.get("/console/").await?;
            let button = format!("<a class=\"btn go\" href=\"{path}\">");
            ensure!(
                home.text.contains("Pour commencer") && home.text.contains(&button),
                "{path}: {}",
                home.text
            );
            ensure!(home.text.matches("class=\"btn go\"").count() == 1, "{path}: {}", home.text);
            Ok(())
        };
        next(&mut browser, "/console/settings/company").await?;
        api.seller().await?;
        next(&mut browser, "/console/customers/new").await?;
        let customer = api.customer("C-1").await?;
        next(&mut browser, "/console/products/new").await?;
        let product = api.stocked_product("P-1").await?;
        next(&mut browser, "/console/receipts/new").await?;
        // The page of the product leads there, and the form knows the product.
        let id = product["id"].as_str().context("id")?;
        let page = browser.get(&format!("/console/products/{id}")).await?;
        let receive = "/console/receipts/new?product=P-1";
        assert!(page.text.contains(&format!("href=\"{receive}\"")), "{}", page.text);
        let form = browser.get(receive).await?;
        let chosen = format!("name=\"lines.0.product_id\" value=\"{id}\"");
        assert!(form.text.contains(&chosen) && form.text.contains("value=\"Product P-1\""), "{}", form.text);
        api.receive(&product, "5", "4.00").await?;
        next(&mut browser, "/console/orders/new").await?;
        let form = browser.get("/console/orders/new").await?;
        assert!(form.text.contains("href=\"/console/customers/new\""), "{}", form.text);
        // What one may not do is absent.
        let mut sales = logged_in(world, &api, "sales").await?;
        next(&mut sales, "/console/orders/new").await?;
        let home = sales.get("/console/").await?;
        assert!(
            !home.text.contains("/console/settings/company") && !home.text.contains("/console/receipts/new")
        );

        api.order(&customer, &product).await?;
        let home = browser.get("/console/").await?;
        assert!(!home.text.contains("Pour commencer"), "{}", home.text);
        assert!(home.text.contains("class=\"btn go\" data-key=\"n\""), "{}", home.text);
        Ok(())
    })
    .await;
}

/// The page shows the first cases of each kind; its greeting counts them all, and leads to the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn home_counts_every_case_and_leads_to_those_that_it_does_not_show() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let long_ago = (chrono::Utc::now() - chrono::TimeDelta::days(10)).format("%Y-%m-%d").to_string();
        let line = json!({"product_id": product["id"], "quantity": "1"});
        for _ in 0..7 {
            let body = json!({"customer_id": customer["id"], "ordered_on": long_ago, "lines": [line]});
            let placed = api.created("/orders", &body).await?;
            let confirm = format!("/orders/{}/confirm", placed["id"].as_str().context("id")?);
            ensure!(api.http.command(&confirm).await?.status == 200, "{placed}");
        }
        let mut browser = logged_in(world, &api, "management").await?;
        let home = browser.get("/console/").await?;
        assert!(home.text.contains("7 dossiers à suivre."), "{}", home.text);
        let link = "<a class=\"link\" href=\"/console/orders/late\">Voir les 7 commandes en retard</a>";
        assert!(home.text.contains(link), "{}", home.text);
        assert!(!home.text.contains("factures échues"), "there are none: {}", home.text);
        Ok(())
    })
    .await;
}
