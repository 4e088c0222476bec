//! Chromium, driven by a chromedriver that is a child of the test. A panic does not end a session of a browser: the driver is killed
//! when this is dropped, and the browser ends with the pipe to it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use comptoir_tests::harness::{BrowserPrograms, Daemon, World, free_port, until};
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use url::{ParseError, Url};

const START_LIMIT: Duration = Duration::from_secs(30);
/// The browser ends a moment after its driver.
const END_LIMIT: Duration = Duration::from_secs(5);
const WATCH: &str = include_str!("scripts/watch.js");
/// Shows the browser on the screen: docs/console.md.
const HEAD: &str = "COMPTOIR_BROWSER_HEAD";

/// One browser, with a profile of its own.
pub(crate) struct Driver {
    pub(crate) client: Client,
    // Dropped in this order: the profile is removed when nobody writes to it any more.
    _daemon: Daemon,
    _profile: Profile,
}

impl Driver {
    pub(crate) async fn start(world: &World) -> Result<Self> {
        let programs = tokio::task::spawn_blocking(BrowserPrograms::installed).await??;
        let (port, mut profile) = (free_port()?, Profile::new()?);
        let mut command = Command::new(&programs.driver);
        // What the browser itself draws, such as fields for dates.
        command.arg(format!("--port={port}")).env("LANGUAGE", "fr");
        let daemon = world.start("chromedriver", &mut command)?;
        until("chromedriver to listen", START_LIMIT, async || {
            Ok(TcpStream::connect(("127.0.0.1", port)).await?)
        })
        .await?;
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities(&programs.browser, &profile.folder)?)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .with_context(|| format!("no browser: {}", daemon.output()))?;
        let process =
            client.capabilities().and_then(|told| told.get("goog:processID")).and_then(Value::as_u64);
        profile.browser = process;
        let driver = Self { client, _daemon: daemon, _profile: profile };
        driver.cdp("Network.enable", json!({})).await?;
        driver.cdp("Page.addScriptToEvaluateOnNewDocument", json!({"source": WATCH})).await?;
        Ok(driver)
    }

    /// A command of the Chrome DevTools Protocol, for what WebDriver has no word for.
    pub(crate) async fn cdp(&self, command: &'static str, parameters: Value) -> Result<Value> {
        let body = json!({"cmd": command, "params": parameters});
        let done = self.client.issue_cmd(Extension { path: "goog/cdp/execute", body }).await;
        done.with_context(|| command.to_owned())
    }

    /// What the browser has logged since the last call: `browser` is its console, `performance` its requests.
    pub(crate) async fn log(&self, kind: &str) -> Result<Vec<Value>> {
        let log = self.client.issue_cmd(Extension { path: "se/log", body: json!({"type": kind}) }).await?;
        Ok(log.as_array().cloned().unwrap_or_default())
    }
}

fn capabilities(browser: &Path, profile: &Path) -> Result<Capabilities> {
    let mut arguments = vec![
        // For root, and for containers. It sees our own pages alone.
        "--no-sandbox".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        // The browser then ends with its driver.
        "--remote-debugging-pipe".to_owned(),
        "--force-color-profile=srgb".to_owned(),
        // Nothing of its maker's is asked for beside our pages.
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--no-first-run".to_owned(),
        "--window-size=1280,900".to_owned(),
        format!("--user-data-dir={}", profile.display()),
    ];
    if std::env::var_os(HEAD).is_none() {
        arguments.push("--headless=new".to_owned());
    }
    let capabilities = json!({
        "goog:chromeOptions": {"binary": browser, "args": arguments},
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
    });
    capabilities.as_object().cloned().context("an object")
}

/// A command of chromedriver that is no part of WebDriver.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// The folder of a browser's data.
struct Profile {
    folder: PathBuf,
    /// The process that writes there.
    browser: Option<u64>,
}

impl Profile {
    fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("comptoir-browser-").tempdir()?.keep();
        Ok(Self { folder, browser: None })
    }

    /// A process that has ended, and that nobody has waited for, has no program any more.
    fn is_in_use(&self) -> bool {
        self.browser.is_some_and(|process| std::fs::read_link(format!("/proc/{process}/exe")).is_ok())
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        let begun = Instant::now();
        while (self.is_in_use() || std::fs::remove_dir_all(&self.folder).is_err())
            && begun.elapsed() < END_LIMIT
        {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
