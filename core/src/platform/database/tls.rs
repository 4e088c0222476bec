//! The encryption of connections to PostgreSQL, in libpq's terms, from the URL or from the settings, which win.

use percent_encoding::percent_decode_str;
use rustls::ClientConfig;

use super::DatabaseConfig;
use crate::platform::config::{ConfigError, is_harmless};
use crate::platform::tls::{ServerCheck, TlsError, TlsFiles};

/// The parameters of the URL that the driver does not know.
const WORDS: [&str; 4] = ["sslmode", "sslrootcert", "sslcert", "sslkey"];
/// libpq's value of `sslrootcert` for the system's certificates.
const SYSTEM: &str = "system";

/// As libpq's `sslmode`, without `allow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsMode {
    /// Never encrypted.
    Disable,
    /// Encrypted if the server can; its certificate is not checked. The default.
    Prefer,
    /// Always encrypted; the server's certificate is not checked, unless a CA file is given: then as `verify-ca`.
    Require,
    /// Always encrypted, and the CA must have signed the server's certificate.
    VerifyCa,
    /// As `VerifyCa`, and the certificate must be for this host.
    VerifyFull,
}

/// The encryption settings that follow from the URL and the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TlsSettings {
    pub(super) mode: TlsMode,
    files: TlsFiles,
}

impl TlsSettings {
    /// # Errors
    /// Fails if the mode does not exist, or does not go with the files. The files are not read.
    pub(super) fn of(config: &DatabaseConfig) -> Result<Self, ConfigError> {
        let (_, url) = split(config.url.expose());
        let choose = |setting: &str, word: usize| {
            if setting.is_empty() { url[word].clone().unwrap_or_default() } else { setting.to_owned() }
        };
        let mode = parse_mode(&choose(&config.tls_mode, 0))?;
        let ca = choose(&config.tls_ca_file, 1);
        let files = TlsFiles::from_settings(
            if ca == SYSTEM { "" } else { &ca },
            &choose(&config.tls_cert_file, 2),
            &choose(&config.tls_key_file, 3),
        );
        let refuse = |key, problem: &str| Err(ConfigError::value(key, problem));
        match mode {
            TlsMode::Prefer if !ca.is_empty() => refuse(
                "database.tls_mode",
                "prefer does not check the server's certificate, but there is a CA file (database.tls_ca_file or sslrootcert); \
                 use verify-full, or verify-ca if the certificate does not name the host",
            ),
            TlsMode::VerifyCa if files.ca.is_none() => refuse(
                "database.tls_ca_file",
                "is needed for verify-ca: without it everybody who has a certificate of a public authority would do; \
                 name the file of your own authority, or use verify-full",
            ),
            _ => Ok(Self { mode, files }),
        }
    }

    /// Reads the files.
    ///
    /// # Errors
    /// Fails if a file is wrong; the error names the setting.
    pub(super) fn client_config(&self) -> Result<ClientConfig, ConfigError> {
        if self.mode == TlsMode::Disable {
            return TlsFiles::default().client_config(ServerCheck::Nothing).map_err(of_setting);
        }
        let check = match self.mode {
            TlsMode::Disable | TlsMode::Prefer => ServerCheck::Nothing,
            TlsMode::Require if self.files.ca.is_none() => ServerCheck::Nothing,
            TlsMode::Require | TlsMode::VerifyCa => ServerCheck::Chain,
            TlsMode::VerifyFull => ServerCheck::ChainAndName,
        };
        self.files.client_config(check).map_err(of_setting)
    }
}

fn of_setting(error: TlsError) -> ConfigError {
    let key = match &error {
        TlsError::Ca(_) => "database.tls_ca_file",
        TlsError::Certificate(_) => "database.tls_cert_file",
        TlsError::Key(_) => "database.tls_key_file",
        TlsError::Library(_) => "database.tls_mode",
    };
    ConfigError::value(key, error.to_string())
}

fn parse_mode(word: &str) -> Result<TlsMode, ConfigError> {
    Ok(match word {
        "disable" => TlsMode::Disable,
        "" | "prefer" => TlsMode::Prefer,
        "require" => TlsMode::Require,
        "verify-ca" => TlsMode::VerifyCa,
        "verify-full" => TlsMode::VerifyFull,
        other => {
            let word = if is_harmless(other) { other } else { "***" };
            let problem = format!(
                "`{word}` is none of disable, prefer, require, verify-ca, verify-full (or sslmode in the URL)"
            );
            return Err(ConfigError::value("database.tls_mode", problem));
        }
    })
}

/// Returns the URL without the parameters in `WORDS`, and their values in that order.
pub(super) fn split(url: &str) -> (String, [Option<String>; 4]) {
    let mut values = [const { None }; 4];
    // A password may hold a question mark.
    let host = url.find('@').unwrap_or(0);
    let Some(query) = url[host..].find('?').map(|position| host + position) else {
        return (url.to_owned(), values);
    };
    let mut rest = Vec::new();
    for parameter in url[query + 1..].split('&') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match WORDS.iter().position(|word| *word == name) {
            Some(word) => values[word] = Some(percent_decode_str(value).decode_utf8_lossy().into_owned()),
            None => rest.push(parameter),
        }
    }
    let separator = if rest.is_empty() { "" } else { "?" };
    (format!("{}{separator}{}", &url[..query], rest.join("&")), values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::config::SecretUrl;

    fn config(url: &str) -> DatabaseConfig {
        DatabaseConfig {
            url: SecretUrl::new(url),
            tls_mode: String::new(),
            tls_ca_file: String::new(),
            tls_cert_file: String::new(),
            tls_key_file: String::new(),
            pool_size: 1,
            tenant_share_percent: 100,
            wait_timeout_ms: 1,
            connect_timeout_ms: 1,
            statement_timeout_ms: 1,
            lock_timeout_ms: 1,
            work_timeout_ms: 2,
            idle_in_transaction_timeout_ms: 1,
            role: None,
        }
    }

    #[test]
    fn libpqs_words_are_taken_out_of_the_url_and_the_rest_stays() {
        let (url, words) =
            split("postgres://u:p?w@h/d?sslmode=verify-full&connect_timeout=3&sslrootcert=/a%20b/ca.pem");
        assert_eq!(url, "postgres://u:p?w@h/d?connect_timeout=3");
        assert_eq!(words, [Some("verify-full".to_owned()), Some("/a b/ca.pem".to_owned()), None, None]);
        assert_eq!(split("postgres://h/d?sslkey=k").0, "postgres://h/d");
        assert_eq!(split("postgres://h/d").0, "postgres://h/d");
    }

    #[test]
    fn a_setting_wins_over_the_url() {
        let mut config = config("postgres://h/d?sslmode=require&sslrootcert=/url.pem&sslcert=/c.pem");
        config.tls_mode = "verify-full".to_owned();
        config.tls_ca_file = "/setting.pem".to_owned();
        let settings = TlsSettings::of(&config).expect("valid");
        assert_eq!(settings.mode, TlsMode::VerifyFull);
        assert_eq!(settings.files, TlsFiles::from_settings("/setting.pem", "/c.pem", ""));
    }

    #[test]
    fn modes_that_would_check_less_than_was_meant_are_refused() {
        for (url, key) in [
            ("postgres://h/d?sslrootcert=/ca.pem", "database.tls_mode"),
            ("postgres://h/d?sslmode=verify-ca", "database.tls_ca_file"),
            ("postgres://h/d?sslmode=verify-ca&sslrootcert=system", "database.tls_ca_file"),
            ("postgres://h/d?sslmode=allow", "database.tls_mode"),
        ] {
            let error = TlsSettings::of(&config(url)).expect_err(url);
            assert!(error.to_string().contains(key), "{url}: {error}");
        }
        for url in ["postgres://h/d", "postgres://h/d?sslmode=disable&sslrootcert=/none.pem"] {
            TlsSettings::of(&config(url)).expect(url);
        }
    }
}
