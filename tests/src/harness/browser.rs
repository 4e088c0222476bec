//! Where the programs of the browser tests are. What drives the browser is in `tests/tests/browser`.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use super::services::{Given, lines, script};

/// Chromium, its driver, and the script that judges pages. Like the servers, they are installed if they are missing.
#[derive(Debug, Clone)]
pub struct BrowserPrograms {
    pub browser: PathBuf,
    pub driver: PathBuf,
    /// axe-core, one file.
    pub axe: PathBuf,
}

impl BrowserPrograms {
    /// Returns where they are. May take a minute, once.
    ///
    /// # Errors
    /// Fails if one is missing and cannot be installed; `deploy/services browser` says why.
    pub fn installed() -> Result<Self> {
        static FOUND: Mutex<Option<BrowserPrograms>> = Mutex::new(None);
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(programs) = &*found {
            return Ok(programs.clone());
        }
        let printed =
            script("browser", &[], Given::Used).context("no browser for the browser tests (above)")?;
        let printed = lines(&printed);
        let get = |name: &str| {
            printed.get(name).map(PathBuf::from).with_context(|| format!("no {name} was printed"))
        };
        let programs = Self { browser: get("BROWSER")?, driver: get("CHROMEDRIVER")?, axe: get("AXE")? };
        Ok(found.insert(programs).clone())
    }
}
