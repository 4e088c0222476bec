//! The few changes that the harness makes to `scheme://user:password@host:port/path?query` URLs.

use anyhow::{Context, Result};

struct Parts<'a> {
    scheme: &'a str,
    user: Option<&'a str>,
    address: &'a str,
    path: &'a str,
    query: Option<&'a str>,
}

fn split(url: &str) -> Result<Parts<'_>> {
    let (scheme, rest) = url.split_once("://").with_context(|| format!("{url} is not a URL"))?;
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, address) =
        authority.rsplit_once('@').map_or((None, authority), |(user, address)| (Some(user), address));
    Ok(Parts { scheme, user, address, path, query })
}

impl Parts<'_> {
    fn join(&self) -> String {
        let user = self.user.map(|user| format!("{user}@")).unwrap_or_default();
        let query = self.query.map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}://{user}{}/{}{query}", self.scheme, self.address, self.path)
    }
}

/// Returns the same URL with another path: another database or virtual host.
///
/// # Errors
/// Fails if it is not a URL.
pub fn with_path(url: &str, path: &str) -> Result<String> {
    let mut parts = split(url)?;
    parts.path = path;
    Ok(parts.join())
}

/// Returns the same URL for another user.
///
/// # Errors
/// Fails if it is not a URL.
pub fn with_user(url: &str, name: &str, password: &str) -> Result<String> {
    let mut parts = split(url)?;
    let user = format!("{name}:{password}");
    parts.user = Some(&user);
    Ok(parts.join())
}

/// Returns the same URL with another host and port.
///
/// # Errors
/// Fails if it is not a URL.
pub fn with_address(url: &str, address: &str) -> Result<String> {
    let mut parts = split(url)?;
    parts.address = address;
    Ok(parts.join())
}

/// Returns `host:port` of the URL.
///
/// # Errors
/// Fails if it is not a URL.
pub fn address(url: &str) -> Result<&str> {
    Ok(split(url)?.address)
}

/// Returns the URL of a database as JDBC writes it.
///
/// # Errors
/// Fails if it is not a URL.
pub fn jdbc(url: &str) -> Result<String> {
    let parts = split(url)?;
    let (name, password) =
        parts.user.unwrap_or_default().split_once(':').unwrap_or((parts.user.unwrap_or_default(), ""));
    Ok(format!("jdbc:postgresql://{}/{}?user={name}&password={password}", parts.address, parts.path))
}

/// Returns the URL without user and password, and the two of them.
pub(crate) fn without_user(url: &str) -> Result<(String, Option<(String, String)>)> {
    let mut parts = split(url)?;
    let user = parts.user.take().map(|user| {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        (name.to_owned(), password.to_owned())
    });
    Ok((parts.join().trim_end_matches('/').to_owned(), user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_keeps_all_but_what_is_replaced() {
        let url = "amqp://guest:p@ss@127.0.0.1:5672/%2f?heartbeat=5";
        assert_eq!(with_path(url, "mine").unwrap(), "amqp://guest:p@ss@127.0.0.1:5672/mine?heartbeat=5");
        assert_eq!(with_address(url, "h:1").unwrap(), "amqp://guest:p@ss@h:1/%2f?heartbeat=5");
        assert_eq!(address(url).unwrap(), "127.0.0.1:5672");
    }

    #[test]
    fn a_user_is_taken_out_of_a_url() {
        let (url, user) = without_user("http://guest:secret@host:15672").unwrap();
        assert_eq!((url.as_str(), user), ("http://host:15672", Some(("guest".into(), "secret".into()))));
    }

    #[test]
    fn jdbc_takes_user_and_password_as_parameters() {
        assert_eq!(jdbc("postgres://me@h:1/db").unwrap(), "jdbc:postgresql://h:1/db?user=me&password=");
        assert_eq!(jdbc("postgres://me:p@h/db").unwrap(), "jdbc:postgresql://h/db?user=me&password=p");
    }

    #[test]
    fn what_is_no_url_is_refused() {
        assert!(with_path("host:5672", "mine").is_err());
    }
}
