//! Layered configuration for both binaries: embedded defaults, then the file given by `--config`, then the
//! environment, then flags. Unknown keys are refused, and secrets do not print.
//!
//! One file or environment may serve both binaries, so a section that belongs to the other one is passed over; a
//! section that belongs to nobody is an error.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use config::{Config, Environment, File, FileFormat, Map, Source, Value};
use serde::{Deserialize, de::DeserializeOwned};

/// Every section that either binary knows.
const SECTIONS: &[&str] = &[
    "database",
    "log",
    "telemetry",
    "identity",
    "api",
    "rate_limits",
    "broker",
    "relay",
    "history",
    "routing",
];

/// Sections that are lists of tables: environment variables cannot say what is in them.
const LISTS: &[&str] = &["routing"];

/// What is wrong with the configuration, in one line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("configuration: {0}")]
    Invalid(#[from] config::ConfigError),
    #[error("configuration: unknown section `{section}` in {origin}; known sections: {}", SECTIONS.join(", "))]
    UnknownSection { section: String, origin: String },
    #[error(
        "configuration: [[{section}]] is a list, which only a file given by --config can have, not the environment"
    )]
    ListInEnvironment { section: String },
    #[error("configuration: {key}: {problem}")]
    Value { key: &'static str, problem: String },
}

impl ConfigError {
    /// A value that parses but cannot be meant; `problem` says what would be right.
    pub fn value(key: &'static str, problem: impl Into<String>) -> Self {
        Self::Value { key, problem: problem.into() }
    }
}

/// Reads a binary's settings.
///
/// `sections` are those that `T` has as fields; `overrides` are `section.key` paths set by flags and win over
/// everything. `DATABASE_URL`, `AMQP_URL` and `SERVICES_DATABASE_URL` are accepted as they are, below
/// `COMPTOIR__…`.
///
/// # Errors
/// A file that is absent or malformed, a key that `T` does not know, a value of the wrong type.
pub fn load<T: DeserializeOwned>(
    defaults: &'static str,
    file: Option<&Path>,
    sections: &[&str],
    overrides: &[(&str, String)],
) -> Result<T, ConfigError> {
    let mut builder = Config::builder().add_source(File::from_str(defaults, FileFormat::Toml));
    if let Some(path) = file {
        let read = Config::builder().add_source(File::from(path).format(FileFormat::Toml)).build()?;
        builder =
            builder.add_source(Sections::of(read.try_deserialize()?, sections, &path.display().to_string())?);
    }
    for (variable, key) in [
        ("DATABASE_URL", "database.url"),
        ("AMQP_URL", "broker.url"),
        ("SERVICES_DATABASE_URL", "api.services_database_url"),
    ] {
        let wanted = key.split('.').next().is_some_and(|section| sections.contains(&section));
        if let (true, Ok(url)) = (wanted, std::env::var(variable)) {
            builder = builder.set_override(key, url)?;
        }
    }
    let environment =
        Environment::with_prefix("COMPTOIR").prefix_separator("__").separator("__").try_parsing(true);
    let given = Config::builder().add_source(environment).build()?;
    let given = Sections::of(given.try_deserialize()?, sections, "the environment")?;
    for (section, keys) in given.0 {
        if LISTS.contains(&section.as_str()) {
            return Err(ConfigError::ListInEnvironment { section });
        }
        // An override, because the bare DATABASE_URL and so on above are overrides too and must lose.
        for (key, value) in keys.into_table()? {
            builder = builder.set_override(format!("{section}.{key}"), value)?;
        }
    }
    for (key, value) in overrides {
        builder = builder.set_override(key, value.clone())?;
    }
    Ok(builder.build()?.try_deserialize()?)
}

/// The sections of a source that this binary reads.
#[derive(Debug, Clone)]
struct Sections(HashMap<String, Value>);

impl Sections {
    fn of(all: HashMap<String, Value>, wanted: &[&str], origin: &str) -> Result<Self, ConfigError> {
        if let Some(section) = all.keys().find(|key| !SECTIONS.contains(&key.as_str())) {
            return Err(ConfigError::UnknownSection { section: section.clone(), origin: origin.to_owned() });
        }
        Ok(Self(all.into_iter().filter(|(key, _)| wanted.contains(&key.as_str())).collect()))
    }
}

impl Source for Sections {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone().into_iter().collect())
    }
}

/// A connection URL whose password is never printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct SecretUrl(String);

impl SecretUrl {
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The whole URL, for the library that connects; never for a log line.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // scheme://user:password@host/… → scheme://user:***@host/…; query parameters may hold a password as well.
        let without_query = |text: &str| text.split('?').next().unwrap_or_default().to_owned();
        let Some((scheme, rest)) = self.0.split_once("://") else { return f.write_str("***") };
        match rest.rsplit_once('@') {
            Some((user, host)) => {
                let user = user.split([':', '?']).next().unwrap_or_default();
                write!(f, "{scheme}://{user}:***@{}", without_query(host))
            }
            None => write!(f, "{scheme}://{}", without_query(rest)),
        }
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A secret setting, which is never printed.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for whoever uses it; never for a log line.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// `text` for people, `json` for machines: one object a line.
    pub format: LogFormat,
    /// Directives of tracing's `EnvFilter`, such as `info,comptoir_relay=debug`.
    pub filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        log: LogConfig,
    }

    const DEFAULTS: &str = "[log]\nformat = \"text\"\nfilter = \"info\"\n";

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), text).expect("written");
        file
    }

    #[test]
    fn a_file_wins_over_the_defaults_and_flags_win_over_the_file() {
        let file = file("[log]\nformat = \"json\"\nfilter = \"debug\"\n[relay]\nwindow = 3\n");
        let overrides = [("log.filter", "trace".to_owned())];
        let settings: Settings = load(DEFAULTS, Some(file.path()), &["log"], &overrides).expect("valid");
        assert_eq!(settings.log.format, LogFormat::Json);
        assert_eq!(settings.log.filter, "trace");
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let file = file("[log]\nfromat = \"json\"\n");
        let error = load::<Settings>(DEFAULTS, Some(file.path()), &["log"], &[]).expect_err("refused");
        assert!(error.to_string().contains("fromat"), "{error}");
    }

    #[test]
    fn an_unknown_section_is_refused_by_name() {
        let file = file("[lgo]\nformat = \"json\"\n");
        let error = load::<Settings>(DEFAULTS, Some(file.path()), &["log"], &[]).expect_err("refused");
        assert!(error.to_string().contains("`lgo`"), "{error}");
    }

    #[test]
    fn a_url_prints_without_its_password() {
        assert_eq!(SecretUrl::new("postgres://u:pa?ss@h/db").to_string(), "postgres://u:***@h/db");
        let url = SecretUrl::new("amqp://user:p@ss:w0rd@broker:5672/%2f?password=x");
        assert_eq!(
            format!("{url} {url:?}"),
            "amqp://user:***@broker:5672/%2f amqp://user:***@broker:5672/%2f"
        );
    }
}
