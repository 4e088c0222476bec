//! Layered configuration for both binaries: embedded defaults, then the file given by `--config`, then the
//! environment, then flags. Unknown keys are refused, and secrets do not print.
//!
//! One file or environment may serve both binaries, so a section that belongs to the other one is ignored; a section that
//! belongs to neither is an error.

mod error_text;
mod secret_url;
mod url_file;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use config::{Config, Environment, File, FileFormat, Map, Source, Value, ValueKind};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer};

pub use self::error_text::{is_harmless, without_quoted, without_secrets};
pub use self::secret_url::SecretUrl;
use crate::values::printable::without_error_number;

/// Every section that either binary knows.
const SECTIONS: &[&str] = &[
    "database",
    "log",
    "telemetry",
    "identity",
    "api",
    "rate_limits",
    "notifications",
    "projections",
    "mail",
    "broker",
    "relay",
    "history",
    "routing",
    "services",
];

/// Sections that are lists of tables, which environment variables cannot express.
const LISTS: &[&str] = &["routing"];

/// What is wrong with the configuration, in one line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A text without secrets.
    #[error("configuration: {0}")]
    Invalid(String),
    #[error("configuration: unknown section `{section}` in {origin}; known sections: {}", SECTIONS.join(", "))]
    UnknownSection { section: String, origin: String },
    #[error(
        "configuration: [[{section}]] is a list, which only a file given by --config can have, not the environment"
    )]
    ListInEnvironment { section: String },
    #[error(
        "configuration: {url} and {file} are both given in {origin} (or as DATABASE_URL, AMQP_URL, …_FILE); give one"
    )]
    UrlTwice { url: String, file: String, origin: String },
    #[error("configuration: {path} (--config): {problem}")]
    File { path: String, problem: String },
    #[error("configuration: {key}: {path}: {problem}")]
    UrlFile { key: String, path: String, problem: String },
    #[error("configuration: {key}: {problem}")]
    Value { key: &'static str, problem: String },
}

impl From<config::ConfigError> for ConfigError {
    fn from(error: config::ConfigError) -> Self {
        Self::Invalid(error_text::described(&error))
    }
}

impl ConfigError {
    /// Returns the error for a value that parses but cannot be meant; `problem` says what would be right.
    pub fn value(key: &'static str, problem: impl Into<String>) -> Self {
        Self::Value { key, problem: problem.into() }
    }
}

/// Reads a binary's settings.
///
/// `sections` are those that `T` has as fields; `overrides` are `section.key` paths set by flags and win over
/// everything. `DATABASE_URL`, `AMQP_URL` and `SERVICES_DATABASE_URL` are accepted too; `COMPTOIR__…` wins over them. Instead
/// of a URL, its key with `_file` (in the environment, `_FILE`) may name a file that holds it.
///
/// # Errors
/// Fails if a file is absent or malformed, if `T` does not know a key, if a value has the wrong type, or if a URL and a
/// file for it are given in one place. No error contains a password.
pub fn load<T: DeserializeOwned>(
    defaults: &'static str,
    file: Option<&Path>,
    sections: &[&str],
    overrides: &[(&str, String)],
) -> Result<T, ConfigError> {
    let defaults = Config::builder().add_source(File::from_str(defaults, FileFormat::Toml)).build()?;
    let mut defaults = Sections::of(defaults.try_deserialize()?, sections, "the defaults")?;
    url_file::mark_defaults(&mut defaults.0);
    let mut builder = Config::builder().add_source(defaults);
    if let Some(path) = file {
        let origin = without_secrets(&path.display().to_string());
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::File {
            path: origin.clone(),
            problem: without_error_number(&error.to_string()),
        })?;
        let read = Config::builder().add_source(File::from_str(&text, FileFormat::Toml)).build();
        let read = read.map_err(|error| ConfigError::File {
            path: origin.clone(),
            problem: error_text::described(&error),
        })?;
        builder = builder.add_source(Sections::of(read.try_deserialize()?, sections, &origin)?);
    }
    let flags = Sections::of(tables(overrides), sections, "the flags")?;
    Ok(builder.add_source(environment(sections)?).add_source(flags).build()?.try_deserialize()?)
}

fn environment(sections: &[&str]) -> Result<Sections, ConfigError> {
    let variables =
        Environment::with_prefix("COMPTOIR").prefix_separator("__").separator("__").try_parsing(true);
    let mut given: HashMap<String, Value> =
        Config::builder().add_source(variables).build()?.try_deserialize()?;
    if let Some(section) = LISTS.iter().find(|list| sections.contains(list) && given.contains_key(**list)) {
        return Err(ConfigError::ListInEnvironment { section: (*section).to_owned() });
    }
    url_file::add_plain_variables(&mut given, sections, |name| std::env::var(name).ok());
    Sections::of(given, sections, "the environment")
}

/// Turns `section.key` paths into one table for each section.
fn tables(overrides: &[(&str, String)]) -> HashMap<String, Value> {
    let mut tables: HashMap<String, Map<String, Value>> = HashMap::new();
    for (path, value) in overrides {
        let (section, key) = path.split_once('.').unwrap_or((path, ""));
        tables.entry(section.to_owned()).or_default().insert(key.to_owned(), Value::new(None, value.clone()));
    }
    tables.into_iter().map(|(section, keys)| (section, Value::new(None, ValueKind::Table(keys)))).collect()
}

/// The sections of a source that this binary reads.
#[derive(Debug, Clone)]
struct Sections(HashMap<String, Value>);

impl Sections {
    /// Selects the wanted sections, and reads the files that hold URLs.
    fn of(all: HashMap<String, Value>, wanted: &[&str], origin: &str) -> Result<Self, ConfigError> {
        if let Some(section) = all.keys().find(|key| !SECTIONS.contains(&key.as_str())) {
            return Err(ConfigError::UnknownSection { section: section.clone(), origin: origin.to_owned() });
        }
        let mut sections = all.into_iter().filter(|(key, _)| wanted.contains(&key.as_str())).collect();
        url_file::read_files(&mut sections, origin)?;
        Ok(Self(sections))
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

/// A secret setting, which is never printed.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text, to be used; never for a log line.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Reads one of a few words. The error names them, which the library's own does not.
///
/// # Errors
/// Fails if it is another word, or no text.
pub fn word<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(String::deserialize(deserializer)?.into_deserializer())
}

/// The section `[log]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// `text` for people, `json` for machines: one object a line.
    #[serde(deserialize_with = "word")]
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
    fn an_unknown_word_is_answered_with_the_known_ones() {
        let overrides = [("log.format", "xml".to_owned())];
        let error = load::<Settings>(DEFAULTS, None, &["log"], &overrides).expect_err("refused").to_string();
        assert_eq!(
            error,
            "configuration: unknown value `xml`, expected `text` or `json` for key `log.format`"
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_once() {
        let file = file("[log\n");
        let path = file.path().display().to_string();
        for (path, problem) in [
            (path.as_str(), "TOML parse error at line 1"),
            ("/nowhere.toml", "No such file or directory"),
            ("/", "Is a directory"),
        ] {
            let error =
                load::<Settings>(DEFAULTS, Some(Path::new(path)), &["log"], &[]).expect_err(path).to_string();
            assert!(error.starts_with(&format!("configuration: {path} (--config): {problem}")), "{error}");
        }
    }

    #[derive(Debug, Deserialize)]
    struct Urls {
        broker: Broker,
    }

    /// This URL has no plain name in the environment, in which tests run.
    #[derive(Debug, Deserialize)]
    struct Broker {
        management_url: SecretUrl,
    }

    #[test]
    fn a_url_that_nobody_gave_is_known_for_the_default() {
        const DEFAULT: &str = "[broker]\nmanagement_url = \"http://me@h:15672\"\n";
        let named = |overrides: &[(&str, String)]| {
            let urls = load::<Urls>(DEFAULT, None, &["broker"], overrides).expect("valid");
            urls.broker.management_url.named("the setting")
        };
        assert_eq!(named(&[]), "http://me@h:15672 (the default: the setting is not set)");
        let same = ("broker.management_url", "http://me@h:15672".to_owned());
        assert_eq!(named(&[same]), "http://***@h:15672");
    }

    #[test]
    fn an_unknown_section_is_refused_by_name() {
        let file = file("[lgo]\nformat = \"json\"\n");
        let error = load::<Settings>(DEFAULTS, Some(file.path()), &["log"], &[]).expect_err("refused");
        assert!(error.to_string().contains("`lgo`"), "{error}");
    }
}
