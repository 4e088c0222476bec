//! Connection URLs, which hold passwords and never print them.
//!
//! A URL is printed from the parts that are known to be no secret, and only if its form makes it certain which parts these
//! are. Parsers split a malformed URL in different ways, so it is not certain which part of it is the password.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::ConfigError;

/// Schemes that may be printed; any other word in front of `://` may be a secret.
const SCHEMES: &[&str] = &["postgres", "postgresql", "amqp", "amqps", "http", "https", "smtp", "smtps"];

/// The key under which the loader puts a URL of the embedded defaults, so that it is told from one that somebody gave.
pub(super) const DEFAULT: &str = "default";

/// A connection URL whose password is never printed.
#[derive(Clone)]
pub struct SecretUrl {
    text: String,
    is_default: bool,
}

/// The parts of a well-formed URL that are no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parts<'a> {
    scheme: &'a str,
    user: User<'a>,
    hosts: &'a str,
    /// The path with its slash, without the query.
    path: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum User<'a> {
    Nobody,
    /// A text without a colon before an `@`: a user, or a password in the wrong place.
    Unclear(&'a str),
    WithPassword(&'a str),
}

impl SecretUrl {
    pub fn new(url: impl Into<String>) -> Self {
        Self { text: url.into(), is_default: false }
    }

    /// Returns the whole URL, for the library that connects; never for a log line.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Returns the URL without its password, for an error: if nobody gave one, with the setting that would.
    pub fn named(&self, setting: &str) -> String {
        if self.is_default { format!("{self} (the default: {setting} is not set)") } else { self.to_string() }
    }

    /// Refuses a text that is not a URL of one of these schemes, and one that two parsers might split in two ways: then the
    /// password of one is the host or the path of the other, and would be sent or logged as such.
    ///
    /// # Errors
    /// Fails if the URL is refused. The error names `key` and what would be right, with the example `expected`; it has nothing
    /// of the URL.
    pub fn check(&self, key: &'static str, schemes: &[&str], expected: &str) -> Result<(), ConfigError> {
        let beginnings = schemes.iter().map(|scheme| format!("{scheme}://")).collect::<Vec<_>>();
        let problem = match parts(&self.text) {
            Some(parts) if schemes.contains(&parts.scheme) => return Ok(()),
            _ if self.text.is_empty() => "is empty".to_owned(),
            None if beginnings.iter().any(|beginning| self.text.starts_with(beginning)) => {
                "cannot be split into its parts with certainty: in user and password, write %40 for @, %3A for :, \
                 %2F for /, %3F for ?, %23 for #, %25 for %, and no space anywhere"
                    .to_owned()
            }
            _ => format!("does not begin with {}", beginnings.join(" or ")),
        };
        Err(ConfigError::value(key, format!("{problem}; expected {expected}")))
    }
}

/// Splits a URL; `None` if it is not certainly of the form `scheme://user:password@host:port/path?query`.
fn parts(url: &str) -> Option<Parts<'_>> {
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let (scheme, rest) = url.split_once("://")?;
    if !SCHEMES.contains(&scheme) {
        return None;
    }
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(authority_end);
    let path_end = after.find(['?', '#']).unwrap_or(after.len());
    let path = &after[..path_end];
    // An @ after the first / ? or # may be the one in front of the host; then all before it is user and password.
    if after.contains('@') || !path.chars().all(is_plain_in_path) {
        return None;
    }
    let (user, hosts) = match authority.split_once('@') {
        None => (User::Nobody, authority),
        Some((user_info, hosts)) => (user(user_info)?, hosts),
    };
    let is_one_of_several = scheme.starts_with("postgres");
    let hosts_are_plain = if is_one_of_several { hosts.split(',').all(is_host) } else { is_host(hosts) };
    hosts_are_plain.then_some(Parts { scheme, user, hosts, path })
}

fn user(user_info: &str) -> Option<User<'_>> {
    let (user, password) = match user_info.split_once(':') {
        None => (user_info, None),
        Some((user, password)) => (user, Some(password)),
    };
    // In `user%3Apassword`, a parser that decodes before it splits finds a user and a password.
    let is_plain = user.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+;=%".contains(&b));
    if !is_plain || user.to_ascii_lowercase().contains("%3a") {
        return None;
    }
    Some(if password.is_some() { User::WithPassword(user) } else { User::Unclear(user) })
}

/// Whether the text is a name, an address or nothing, perhaps with a port.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, "")) => (address, None),
            Some((address, port)) => match port.strip_prefix(':') {
                Some(port) => (address, Some(port)),
                None => return false,
            },
            None => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let may_have_colons = text.starts_with('[');
    host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b) || b == b':' && may_have_colons)
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

fn is_plain_in_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/-._~%+$".contains(c)
}

impl fmt::Display for SecretUrl {
    /// Prints `scheme://user:***@host:port/path`, or less if the parts are not certain. Never prints the query, which may hold
    /// a password as well.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match parts(&self.text) {
            None => match self.text.split_once("://") {
                Some((scheme, _)) if SCHEMES.contains(&scheme) => write!(f, "{scheme}://***"),
                _ => f.write_str("***"),
            },
            Some(Parts { scheme, user, hosts, path }) => {
                write!(f, "{scheme}://")?;
                match user {
                    User::Nobody => {}
                    // A default is no secret.
                    User::Unclear(user) if self.is_default => write!(f, "{user}@")?,
                    User::Unclear(_) => f.write_str("***@")?,
                    User::WithPassword(user) => write!(f, "{user}:***@")?,
                }
                write!(f, "{hosts}{path}")
            }
        }
    }
}

impl<'de> Deserialize<'de> for SecretUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UrlVisitor)
    }
}

/// Accepts a text, or a default as the loader marks it.
struct UrlVisitor;

impl<'de> Visitor<'de> for UrlVisitor {
    type Value = SecretUrl;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL")
    }

    fn visit_str<E>(self, text: &str) -> Result<SecretUrl, E> {
        Ok(SecretUrl::new(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretUrl, A::Error> {
        let marked = map.next_entry::<String, String>()?.filter(|(key, _)| key == DEFAULT);
        let (_, text) = marked.ok_or_else(|| serde::de::Error::custom("expected a URL, not a table"))?;
        Ok(SecretUrl { text, is_default: true })
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::platform::config::{without_quoted, without_secrets};

    const MARKER: &str = "s3cr3tMARKERs3cr3t";

    #[test]
    fn a_url_prints_without_its_password() {
        for (url, printed) in [
            ("postgres://u:p%40ss@h:5432/db?sslmode=require", "postgres://u:***@h:5432/db"),
            ("amqp://user:p:w0rd@broker:5672/%2f?password=x", "amqp://user:***@broker:5672/%2f"),
            ("postgres://u:p@one:5432,[::1]:5433/db", "postgres://u:***@one:5432,[::1]:5433/db"),
            ("postgres:///db?host=/run/postgresql&password=x", "postgres:///db"),
            ("postgres://token@h/db", "postgres://***@h/db"),
            ("http://localhost:15672/", "http://localhost:15672/"),
            // Which part is the password?
            ("postgres://u:pa?ss@h/db", "postgres://***"),
            ("amqp://user:p@ss@broker", "amqp://***"),
            ("amqp://user:password", "amqp://***"),
            ("amqp://h/user:password", "amqp://***"),
            ("amqp:/u:password@h", "***"),
            ("user:password@h:5672", "***"),
            ("password://h", "***"),
            ("host=h password=x", "***"),
            ("", "***"),
        ] {
            let secret = SecretUrl::new(url);
            assert_eq!(
                (secret.to_string().as_str(), format!("{secret:?}").as_str()),
                (printed, printed),
                "{url}"
            );
        }
    }

    #[test]
    fn only_what_every_parser_splits_in_one_way_is_accepted() {
        let check = |url: &str| SecretUrl::new(url).check("broker.url", &["amqp", "amqps"], "amqp://…");
        for url in [
            "amqp://h",
            "amqps://h:5671/%2f",
            "amqp://u:p@h/vhost?heartbeat=5",
            "amqp://u:p%40%2f@[::1]:5672/a-b.c",
            "amqp://guest@localhost",
        ] {
            assert!(check(url).is_ok(), "{url}");
        }
        for (url, said) in [
            ("", "is empty"),
            ("postgres://h/db", "does not begin with amqp:// or amqps://"),
            ("amqp:/u:p@h", "does not begin with amqp://"),
            ("u:p@h:5672", "does not begin with amqp://"),
            ("amqp://u:p/q@h", "%2F for /"),
            ("amqp://u:p@q@h", "%40 for @"),
            ("amqp://u%3Ap@h", "%3A for :"),
            ("amqp://u:p", "with certainty"),
            ("amqp://u:p@h one", "no space"),
        ] {
            let error = check(url).expect_err(url).to_string();
            assert!(
                error.contains(said) && error.starts_with("configuration: broker.url: "),
                "{url}: {error}"
            );
        }
    }

    /// A URL with a password in it, and something wrong: a part left out, doubled, or put in another place.
    fn malformed() -> impl Strategy<Value = String> {
        let odd = || prop_oneof!["", "[ -~]{0,6}", "[@:/?#%&= \"'\\\\]{1,3}", "\\PC{0,3}"];
        let before = prop_oneof![
            "(postgres|postgresql|amqp|amqps|http|smtp)(://|:/|:|//|)",
            "[a-z]{0,4}(://)?",
            Just(String::new()),
        ];
        let user = prop_oneof!["[a-z]{1,5}:", "[a-z]{1,5}%3[aA]", ":", "[a-z]{0,3}[/?#@ ][a-z]{0,3}:"];
        let after = select(&["@h", "@h:5672/v", "@", "", "/db@h", "@h@i:1/v", "?x=y@h", "@[::1"][..]);
        (before, odd(), user, odd(), odd(), after).prop_map(|(before, x, user, left, right, after)| {
            format!("{before}{x}{user}{left}{MARKER}{right}{after}")
        })
    }

    fn in_other_places() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(format!("host=h user=u password={MARKER}")),
            Just(format!("postgres://h/db?password={MARKER}")),
            Just(format!("postgres://u@h/db?sslmode=disable&password=a@{MARKER}")),
            Just(format!("amqp://h/v?auth=plain:{MARKER}")),
            Just(format!("amqp://h/u:{MARKER}@h")),
            Just(format!("{MARKER}://u@h")),
            Just(format!("amqp://{MARKER}@h")),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

        /// If the whole host or path is a part of a password (`amqp://user:p@ssword`), it cannot be recognised. All other
        /// cases are.
        #[test]
        fn no_password_is_printed_whatever_is_wrong_with_its_url(url in prop_oneof![malformed(), in_other_places()]) {
            let is_host_or_path =
                parts(&url).is_some_and(|parts| parts.hosts.contains(MARKER) || parts.path.contains(MARKER));
            prop_assume!(!is_host_or_path);
            let secret = SecretUrl::new(url.clone());
            let texts = [
                secret.to_string(),
                format!("{secret:?}"),
                secret.check("database.url", &["postgres", "postgresql"], "x").map_or_else(|e| e.to_string(), |()| String::new()),
                secret.check("broker.url", &["amqp", "amqps"], "x").map_or_else(|e| format!("{e} {e:?}"), |()| String::new()),
                without_quoted(&format!("invalid value '{url}' for '--deadline <SECONDS>'"), [url.as_str()]),
                match url.contains("://") || url.contains('@') {
                    true => without_secrets(&format!("unknown variant {url}, expected one of `a`")),
                    false => String::new(),
                },
            ];
            for text in texts {
                prop_assert!(!text.contains(MARKER), "{url:?} printed as {text:?}");
            }
        }
    }
}
