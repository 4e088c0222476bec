//! What a browser complains of, and what it loaded: from its logs.

use std::collections::HashMap;

use anyhow::Result;
use serde_json::Value;

use crate::driver::Driver;

/// A file that was loaded.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) url: String,
    /// `Document`, `Stylesheet`, `Script`, `Image`, `Fetch`, …
    pub(crate) kind: String,
    /// `identity` where the server did not compress it.
    pub(crate) encoding: String,
    /// As it was transferred, with the head of the answer.
    pub(crate) bytes: u64,
}

/// What was seen since the browser started, or since it was last asked for.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    root: String,
    /// Refusals that the test itself provokes.
    allowed: Vec<u16>,
    /// Whether requests may fail because nobody answers.
    allows_silence: bool,
    complaints: Vec<String>,
    open: HashMap<String, Load>,
    loads: Vec<Load>,
}

impl Watch {
    pub(crate) fn new(root: &str) -> Self {
        Self { root: root.to_owned(), ..Self::default() }
    }

    /// An answer with this status is what the test wants.
    pub(crate) fn allow(&mut self, status: u16) {
        self.allowed.push(status);
    }

    /// The test itself takes the server away.
    pub(crate) fn allow_silence(&mut self) {
        self.allows_silence = true;
    }

    /// Violations of the policy, errors of scripts and of the console, failed requests, and requests to elsewhere.
    pub(crate) async fn complaints(&mut self, driver: &Driver) -> Result<Vec<String>> {
        self.read(driver).await?;
        Ok(std::mem::take(&mut self.complaints))
    }

    pub(crate) async fn loads(&mut self, driver: &Driver) -> Result<Vec<Load>> {
        self.read(driver).await?;
        Ok(std::mem::take(&mut self.loads))
    }

    async fn read(&mut self, driver: &Driver) -> Result<()> {
        for entry in driver.log("browser").await? {
            // Failed requests are in the other log, with their reasons.
            if entry["level"] == "SEVERE" && entry["source"] != "network" {
                self.complaints.push(text(&entry["message"]).to_owned());
            }
        }
        for entry in driver.log("performance").await? {
            let entry: Value = serde_json::from_str(text(&entry["message"]))?;
            let (method, of) = (text(&entry["message"]["method"]), &entry["message"]["params"]);
            let id = text(&of["requestId"]);
            match method {
                "Network.requestWillBeSent" => self.begun(id, of),
                "Network.responseReceived" => self.answered(id, of),
                "Network.loadingFinished" => self.ended(id, of),
                "Network.loadingFailed" => self.failed(id, of),
                _ => {}
            }
        }
        Ok(())
    }

    fn begun(&mut self, id: &str, of: &Value) {
        let url = text(&of["request"]["url"]);
        // What the browser brings itself, such as its viewer of PDF files.
        let own = ["data:", "blob:", "about:", "chrome:", "chrome-extension:"];
        if !url.starts_with(&self.root) && !own.iter().any(|scheme| url.starts_with(scheme)) {
            self.complaints.push(format!("asked for {url}, which is elsewhere"));
        }
        let (url, kind) = (url.to_owned(), text(&of["type"]).to_owned());
        self.open.insert(id.to_owned(), Load { url, kind, encoding: "identity".to_owned(), bytes: 0 });
    }

    fn answered(&mut self, id: &str, of: &Value) {
        let status = of["response"]["status"]
            .as_u64()
            .and_then(|status| u16::try_from(status).ok())
            .unwrap_or_default();
        let url = text(&of["response"]["url"]);
        if status >= 400 && !self.allowed.contains(&status) {
            self.complaints.push(format!("{status} for {url}"));
        }
        let headers = of["response"]["headers"].as_object().into_iter().flatten();
        let mut encoding =
            headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding")).map(|(_, value)| value);
        if let (Some(load), Some(encoding)) = (self.open.get_mut(id), encoding.next_back()) {
            text(encoding).clone_into(&mut load.encoding);
        }
    }

    fn ended(&mut self, id: &str, of: &Value) {
        if let Some(mut load) = self.open.remove(id) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a number of bytes, which the browser writes as a float"
            )]
            let bytes = of["encodedDataLength"].as_f64().unwrap_or_default() as u64;
            load.bytes = bytes;
            self.loads.push(load);
        }
    }

    fn failed(&mut self, id: &str, of: &Value) {
        let load = self.open.remove(id);
        let reason = text(&of["errorText"]);
        // The stream of a page that was left.
        let is_left = of["canceled"] == true || reason == "net::ERR_ABORTED";
        let blocked = text(&of["blockedReason"]);
        // What no page was seen to ask for the browser asked for itself, for the page that it begins with.
        let is_its_own = load.is_none() && blocked.is_empty();
        let is_wanted = self.allows_silence && blocked.is_empty();
        if !is_left && !is_its_own && !is_wanted {
            let url = load.map(|load| load.url).unwrap_or_default();
            self.complaints.push(format!("{reason} for {url} {blocked}"));
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
