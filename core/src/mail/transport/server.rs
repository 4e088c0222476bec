//! The URL of a mail server: `smtp://user:password@host:port?tls=required|starttls|none`.

use std::fmt;

use lettre::transport::smtp::authentication::Credentials;
use percent_encoding::percent_decode_str;

use crate::platform::config::{ConfigError, SecretUrl};

const KEY: &str = "mail.url";
const EXPECTED: &str =
    "smtp://user:password@host:587?tls=starttls (or tls=required, tls=none), also as MAIL_URL";

/// How the connection is encrypted. Whatever is chosen is insisted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "it is the name of the SMTP command")]
pub(in crate::mail) enum Tls {
    /// From the first byte (RFC 8314).
    Required,
    /// After STARTTLS (RFC 3207); a server that does not offer it is not used.
    StartTls,
    None,
}

impl Tls {
    fn port(self) -> u16 {
        match self {
            Self::Required => 465,
            Self::StartTls => 587,
            Self::None => 25,
        }
    }
}

/// A mail server, and how to use it. Its secrets are not printed.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::mail) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) credentials: Option<Credentials>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Server {
    /// # Errors
    /// Fails if the URL is no such URL. The error has nothing of it.
    pub(in crate::mail) fn parse(url: &SecretUrl) -> Result<Self, ConfigError> {
        url.check(KEY, &["smtp"], EXPECTED)?;
        let refuse = |problem: &str| ConfigError::value(KEY, format!("{problem}; expected {EXPECTED}"));
        let rest = url.expose().strip_prefix("smtp://").unwrap_or_default();
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = authority.trim_end_matches('/');
        if authority.contains('/') || query.contains('#') || authority.contains('#') {
            return Err(refuse("has a path or a fragment, which means nothing here"));
        }
        let tls = match query {
            "" | "tls=starttls" => Tls::StartTls,
            "tls=required" => Tls::Required,
            "tls=none" => Tls::None,
            _ => return Err(refuse("has an unknown parameter behind its `?`")),
        };
        let (user, host) =
            authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        let (host, port) = host_and_port(host).ok_or_else(|| refuse("names no host, or no port number"))?;
        let credentials = match user {
            None => None,
            Some(user) => {
                let (name, password) =
                    user.split_once(':').ok_or_else(|| refuse("has a user without a password"))?;
                let decoded = |text| {
                    let text = percent_decode_str(text).decode_utf8();
                    text.map(String::from).map_err(|_| refuse("has a user or password that is not UTF-8"))
                };
                Some(Credentials::new(decoded(name)?, decoded(password)?))
            }
        };
        Ok(Self { host: host.to_owned(), port: port.unwrap_or_else(|| tls.port()), tls, credentials })
    }

    /// Whether secrets would cross a network that anybody may listen to.
    pub(super) fn exposes_secrets(&self) -> bool {
        let is_local = self.host == "localhost"
            || self.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        self.tls == Tls::None && !is_local
    }
}

fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(str::parse).transpose().ok()?;
    (!host.is_empty()).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Server {
        Server::parse(&SecretUrl::new(url)).expect(url)
    }

    #[test]
    fn a_url_says_where_how_and_as_whom() {
        let plain = parsed("smtp://mail.example");
        assert_eq!((plain.host.as_str(), plain.port, plain.tls), ("mail.example", 587, Tls::StartTls));
        assert_eq!(plain.credentials, None);
        let whole = parsed("smtp://me%40docks:p%3Ass@mail.example:2465?tls=required");
        assert_eq!((whole.port, whole.tls), (2465, Tls::Required));
        assert_eq!(whole.credentials, Some(Credentials::new("me@docks".to_owned(), "p:ss".to_owned())));
        assert_eq!(parsed("smtp://mail.example?tls=required").port, 465);
        let local = parsed("smtp://[::1]/?tls=none");
        assert_eq!((local.host.as_str(), local.port, local.exposes_secrets()), ("::1", 25, false));
        assert!(parsed("smtp://10.0.0.1?tls=none").exposes_secrets());
    }

    #[test]
    fn what_is_no_such_url_is_refused_without_its_secrets() {
        for url in [
            "",
            "mail.example",
            "smtps://me:p4ssw0rd@mail.example",
            "smtp://me:p4ssw0rd@mail.example?tls=perhaps",
            "smtp://p4ssw0rd@mail.example",
            "smtp://me:p4ssw0rd@mail.example/inbox",
            "smtp://me:p4ssw0rd@",
        ] {
            let error = Server::parse(&SecretUrl::new(url)).expect_err(url).to_string();
            assert!(error.contains("mail.url") && !error.contains("p4ssw0rd"), "{error}");
        }
        assert!(!format!("{:?}", parsed("smtp://me:p4ssw0rd@mail.example")).contains("p4ssw0rd"));
    }
}
