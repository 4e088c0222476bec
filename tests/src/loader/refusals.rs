//! The list of refused rows: a CSV file to correct and load again, and a count by reason.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use csv::{Writer, WriterBuilder};

use super::rows::{COLUMNS, RefusedRow};

#[derive(Debug)]
pub(super) struct Refusals {
    path: PathBuf,
    writer: Writer<File>,
    by_reason: BTreeMap<String, u64>,
}

impl Refusals {
    /// Begins a new file: rows that an earlier run refused are refused again.
    pub(super) fn create(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        // Refused rows may have any number of fields.
        let mut writer = WriterBuilder::new()
            .flexible(true)
            .from_path(path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        writer.write_record(["line", "invoice", "reason", "message"].into_iter().chain(COLUMNS))?;
        Ok(Self { path: path.to_path_buf(), writer, by_reason: BTreeMap::new() })
    }

    pub(super) fn add(&mut self, row: &RefusedRow) -> Result<()> {
        let line = row.line.to_string();
        let ours = [&line, &row.invoice, &row.reason, &row.message].map(|text| text.as_bytes());
        self.writer
            .write_record(ours.into_iter().chain(row.original.iter()))
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        *self.by_reason.entry(row.reason.clone()).or_default() += 1;
        Ok(())
    }

    /// Completes the file.
    pub(super) fn finish(mut self) -> Result<BTreeMap<String, u64>> {
        self.writer.flush().with_context(|| format!("cannot write {}", self.path.display()))?;
        Ok(self.by_reason)
    }
}
