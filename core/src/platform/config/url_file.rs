//! URLs in a file of their own, because other users may see the environment and the command line.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use config::{Map, Value, ValueKind};

use super::{ConfigError, secret_url, without_secrets};
use crate::values::printable::without_error_number;

/// The maximum size of such a file, in bytes.
const LONGEST: u64 = 8192;
/// The bit of a file's mode that lets everybody read it.
const OTHERS_READ: u32 = 0o004;
const SUFFIX: &str = "_file";

/// A setting that is a URL. `<key>_file` may be given instead, wherever the setting may be given.
#[derive(Debug, Clone, Copy)]
struct UrlSetting {
    section: &'static str,
    key: &'static str,
    /// The environment variable that is accepted under this plain name; with `_FILE` appended, it names the file.
    variable: Option<&'static str>,
}

const URLS: &[UrlSetting] = &[
    UrlSetting { section: "database", key: "url", variable: Some("DATABASE_URL") },
    UrlSetting { section: "broker", key: "url", variable: Some("AMQP_URL") },
    UrlSetting { section: "projections", key: "url", variable: Some("AMQP_URL") },
    UrlSetting { section: "broker", key: "management_url", variable: None },
    UrlSetting { section: "api", key: "services_database_url", variable: Some("SERVICES_DATABASE_URL") },
    UrlSetting { section: "mail", key: "url", variable: Some("MAIL_URL") },
];

impl UrlSetting {
    fn file_key(self) -> String {
        format!("{}{SUFFIX}", self.key)
    }

    fn path(self, key: &str) -> String {
        format!("{}.{key}", self.section)
    }
}

/// Adds the variables with plain names, such as `DATABASE_URL`. `COMPTOIR__SECTION__KEY` wins over them, because it is
/// more specific. But if a URL and a file for it are both given, under whatever names, [`read_files`] refuses them.
pub(super) fn add_plain_variables(
    layer: &mut HashMap<String, Value>,
    sections: &[&str],
    variable: impl Fn(&str) -> Option<String>,
) {
    for setting in URLS.iter().filter(|setting| sections.contains(&setting.section)) {
        let Some(name) = setting.variable else { continue };
        let file_name = format!("{name}{}", SUFFIX.to_uppercase());
        for (key, name) in [(setting.key.to_owned(), name), (setting.file_key(), file_name.as_str())] {
            if let Some(text) = variable(name) {
                insert_if_absent(layer, setting.section, &key, name, text);
            }
        }
    }
}

fn insert_if_absent(
    layer: &mut HashMap<String, Value>,
    section: &str,
    key: &str,
    origin: &str,
    text: String,
) {
    let table = layer
        .entry(section.to_owned())
        .or_insert_with(|| Value::new(None, ValueKind::Table(HashMap::default())));
    if let ValueKind::Table(keys) = &mut table.kind {
        keys.entry(key.to_owned()).or_insert_with(|| Value::new(Some(&origin.to_owned()), text));
    }
}

/// Replaces the names of files in this layer by the content of the files.
///
/// # Errors
/// Fails if a URL and a file for it are both given, if a file cannot be read, or if everybody can read it.
pub(super) fn read_files(layer: &mut HashMap<String, Value>, origin: &str) -> Result<(), ConfigError> {
    for setting in URLS {
        let Some(Value { kind: ValueKind::Table(keys), .. }) = layer.get_mut(setting.section) else {
            continue;
        };
        let Some(path) = keys.remove(&setting.file_key()) else { continue };
        let path = path.into_string()?;
        if path.is_empty() {
            continue;
        }
        // An empty URL counts as none.
        if keys.get(setting.key).is_some_and(|url| url.clone().into_string().is_ok_and(|url| !url.is_empty()))
        {
            return Err(ConfigError::UrlTwice {
                url: setting.path(setting.key),
                file: setting.path(&setting.file_key()),
                origin: origin.to_owned(),
            });
        }
        let url = read(&path).map_err(|problem| ConfigError::UrlFile {
            key: setting.path(&setting.file_key()),
            path: without_secrets(&path),
            problem,
        })?;
        keys.insert(setting.key.to_owned(), Value::new(None, url));
    }
    Ok(())
}

/// Marks the URLs of the embedded defaults, so that an error can say that nobody gave another.
pub(super) fn mark_defaults(layer: &mut HashMap<String, Value>) {
    for setting in URLS {
        let Some(Value { kind: ValueKind::Table(keys), .. }) = layer.get_mut(setting.section) else {
            continue;
        };
        if let Some(url) = keys.get_mut(setting.key) {
            let marked = Map::from([(secret_url::DEFAULT.to_owned(), url.clone())]);
            *url = Value::new(None, ValueKind::Table(marked));
        }
    }
}

/// Returns the file's text without the line feed at its end.
fn read(path: &str) -> Result<String, String> {
    let file = File::open(path).map_err(|error| without_error_number(&error.to_string()))?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if metadata.is_dir() {
        return Err("is a folder".to_owned());
    }
    if metadata.is_file() && metadata.permissions().mode() & OTHERS_READ != 0 {
        return Err("everybody may read it, password and all; chmod o-r takes that away".to_owned());
    }
    let mut text = String::new();
    // If there is one byte more than allowed, the file is too long.
    match file.take(LONGEST + 1).read_to_string(&mut text) {
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err("is not UTF-8".to_owned()),
        Err(error) => Err(error.to_string()),
        Ok(read) if read as u64 > LONGEST => Err(format!("has more than {LONGEST} bytes")),
        Ok(_) => {
            let text = text.trim_end_matches(['\n', '\r']);
            if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text.to_owned()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    fn file(content: &[u8], mode: u32) -> (tempfile::NamedTempFile, String) {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), content).expect("written");
        std::fs::set_permissions(file.path(), Permissions::from_mode(mode)).expect("permitted");
        let path = file.path().display().to_string();
        (file, path)
    }

    fn layer(keys: &[(&str, &str)]) -> HashMap<String, Value> {
        let mut layer = HashMap::new();
        for (path, text) in keys {
            let (section, key) = path.split_once('.').expect("a path");
            insert_if_absent(&mut layer, section, key, "test", (*text).to_owned());
        }
        layer
    }

    fn url(layer: &HashMap<String, Value>) -> Option<String> {
        let keys = layer.get("database")?.clone().into_table().expect("a table");
        assert!(!keys.contains_key("url_file"), "the program does not know this key");
        keys.get("url").map(|url| url.clone().into_string().expect("text"))
    }

    #[test]
    fn the_files_content_is_the_url_without_its_line_feed() {
        let (_file, path) = file(b"postgres://u:p@h/db\r\n", 0o640);
        let mut layer = layer(&[("database.url_file", &path)]);
        read_files(&mut layer, "the environment").expect("read");
        assert_eq!(url(&layer).as_deref(), Some("postgres://u:p@h/db"));
    }

    #[test]
    fn a_file_that_cannot_be_the_url_is_refused_by_its_name() {
        let mut huge = vec![b'x'; 8192];
        huge.push(b'x');
        let missing = "/nowhere/url".to_owned();
        let files = [
            (file(b"x", 0o644), "everybody may read it"),
            (file(b"\n", 0o600), "is empty"),
            (file(&[0xff, 0xfe], 0o600), "is not UTF-8"),
            (file(&huge, 0o600), "more than 8192 bytes"),
        ];
        let paths = files.iter().map(|((_, path), said)| (path, *said)).chain([(&missing, "No such file")]);
        for (path, said) in paths {
            let mut layer = layer(&[("database.url_file", path)]);
            let error = read_files(&mut layer, "the environment").expect_err(said).to_string();
            assert!(
                error.contains(said) && error.contains(path) && error.contains("database.url_file"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_url_and_a_file_are_one_too_many_under_whatever_names() {
        let variables = |name: &str| match name {
            "DATABASE_URL_FILE" => Some("/run/secrets/url".to_owned()),
            "AMQP_URL" => Some("amqp://h".to_owned()),
            _ => None,
        };
        let mut layer = layer(&[("database.url", "postgres://u:p4ssw0rd@h/db")]);
        add_plain_variables(&mut layer, &["database"], variables);
        assert!(!layer.contains_key("broker"), "a section that is not wanted");
        let error = read_files(&mut layer, "the environment").expect_err("refused").to_string();
        assert!(
            error.contains("database.url and database.url_file") && !error.contains("p4ssw0rd"),
            "{error}"
        );
    }

    #[test]
    fn no_file_is_as_an_empty_name() {
        let mut layer = layer(&[("database.url", "postgres://h/db"), ("database.url_file", "")]);
        read_files(&mut layer, "the defaults").expect("read");
        assert_eq!(url(&layer).as_deref(), Some("postgres://h/db"));
    }
}
