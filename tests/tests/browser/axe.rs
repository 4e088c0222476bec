//! axe-core, which judges a page by the Web Content Accessibility Guidelines 2.2, A and AA.

use anyhow::Result;
use comptoir_tests::harness::BrowserPrograms;
use serde_json::Value;

use crate::page::Browser;

const RUN: &str = include_str!("scripts/axe.js");

/// What is wrong with the page that is open, each with the places where.
pub(crate) async fn findings(browser: &Browser) -> Result<Vec<String>> {
    let programs = BrowserPrograms::installed()?;
    let script = format!("{}\n{RUN}", tokio::fs::read_to_string(programs.axe).await?);
    let found = browser.driver.client.execute_async(&script, Vec::new()).await?;
    Ok(found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
}
