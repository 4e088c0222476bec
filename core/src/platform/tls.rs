//! TLS for connections to PostgreSQL, to RabbitMQ and to mail servers: which certificates are trusted, and with which certificate this
//! program identifies itself. Files are read for every connection, so that renewed certificates need no restart.

mod verifier;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use self::verifier::{Chain, Trust};
use crate::platform::secret_file;

/// PEM files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates of authorities, one or more, that are trusted instead of the system's.
    pub ca: Option<PathBuf>,
    /// This program's own certificate, with the intermediate ones after it.
    pub certificate: Option<PathBuf>,
    /// The key of that certificate, not encrypted; readable for its owner and group alone.
    pub key: Option<PathBuf>,
}

/// How far the server's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerCheck {
    /// Not at all: the connection is encrypted, but any server can answer.
    Nothing,
    /// A trusted authority must have signed it.
    Chain,
    /// A trusted authority must have signed it, and it must be for the requested host.
    ChainAndName,
}

/// The file that is wrong, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    #[error("{0}")]
    Ca(String),
    #[error("{0}")]
    Certificate(String),
    #[error("{0}")]
    Key(String),
    #[error("{0}")]
    Library(String),
}

impl TlsFiles {
    /// Takes the paths from settings; an empty setting is not set.
    pub fn from_settings(ca: &str, certificate: &str, key: &str) -> Self {
        let path = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text));
        Self { ca: path(ca), certificate: path(certificate), key: path(key) }
    }

    pub fn are_given(&self) -> bool {
        *self != Self::default()
    }

    /// Reads the files.
    ///
    /// # Errors
    /// Fails if a file is missing, cannot be read or has the wrong content; if the key does not belong to its certificate;
    /// or if there is neither a CA file nor a certificate of the system.
    pub fn client_config(&self, check: ServerCheck) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Library(error.to_string()))?;
        let builder = match check {
            ServerCheck::ChainAndName => builder.with_root_certificates(self.authorities()?),
            ServerCheck::Chain => without_name(builder, Trust::SignedBy(self.authorities()?), provider),
            ServerCheck::Nothing => without_name(builder, Trust::Anybody, provider),
        };
        match self.identity()? {
            Some((chain, key)) => {
                builder.with_client_auth_cert(chain, key).map_err(|error| self.unusable_identity(&error))
            }
            None => Ok(builder.with_no_client_auth()),
        }
    }

    fn authorities(&self) -> Result<RootCertStore, TlsError> {
        let mut store = RootCertStore::empty();
        let Some(path) = &self.ca else {
            let found = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(found.certs);
            if store.is_empty() {
                let problem = "this system has no certificates of authorities (Debian's package ca-certificates); \
                               name a file with those to trust";
                return Err(TlsError::Ca(problem.to_owned()));
            }
            return Ok(store);
        };
        for certificate in certificates(path).map_err(TlsError::Ca)? {
            store.add(certificate).map_err(|error| TlsError::Ca(format!("{}: {error}", path.display())))?;
        }
        Ok(store)
    }

    fn identity(&self) -> Result<Option<Identity>, TlsError> {
        match (&self.certificate, &self.key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => {
                let chain = certificates(certificate).map_err(TlsError::Certificate)?;
                Ok(Some((chain, private_key(key).map_err(TlsError::Key)?)))
            }
            (Some(certificate), None) => Err(TlsError::Key(format!(
                "is missing: the key of the certificate {}",
                certificate.display()
            ))),
            (None, Some(key)) => Err(TlsError::Certificate(format!(
                "is missing: the certificate that the key {} belongs to",
                key.display()
            ))),
        }
    }

    fn unusable_identity(&self, error: &rustls::Error) -> TlsError {
        let name = |path: &Option<PathBuf>| path.as_deref().unwrap_or(Path::new("")).display().to_string();
        let (certificate, key) = (name(&self.certificate), name(&self.key));
        match error {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::Key(format!("{key} is not the key of the certificate {certificate}"))
            }
            rustls::Error::InvalidCertificate(_) => TlsError::Certificate(format!("{certificate}: {error}")),
            _ => TlsError::Key(format!("{key}: {error}")),
        }
    }
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);
type Builder<State> = rustls::ConfigBuilder<ClientConfig, State>;

fn without_name(
    builder: Builder<rustls::WantsVerifier>,
    trust: Trust,
    provider: Arc<CryptoProvider>,
) -> Builder<rustls::client::WantsClientCert> {
    builder.dangerous().with_custom_certificate_verifier(Arc::new(Chain::new(trust, provider)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => {
            Err(format!("{} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", path.display()))
        }
        Ok(found) => Ok(found),
        Err(error) => Err(format!("{} is not PEM: {error}", path.display())),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(&secret_file::read(path)?).map_err(|_| {
        format!(
            "{} holds no private key in PEM (-----BEGIN PRIVATE KEY-----); one that is encrypted cannot be used",
            path.display()
        )
    })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn with(files: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            for (name, text) in files {
                secret_file::write(&folder.path().join(name), text).expect("written");
            }
            Self(folder)
        }

        fn path(&self, name: &str) -> Option<PathBuf> {
            Some(self.0.path().join(name))
        }
    }

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn several_authorities_and_an_identity_are_read() {
        let (one, key) = pair();
        let (other, _) = pair();
        let folder = Folder::with(&[("ca.pem", &format!("{one}{other}")), ("c.pem", &one), ("k.pem", &key)]);
        let files = TlsFiles {
            ca: folder.path("ca.pem"),
            certificate: folder.path("c.pem"),
            key: folder.path("k.pem"),
        };
        assert_eq!(files.authorities().expect("read").len(), 2);
        for check in [ServerCheck::Nothing, ServerCheck::Chain, ServerCheck::ChainAndName] {
            assert!(files.client_config(check).expect("usable").client_auth_cert_resolver.has_certs());
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_of_that_file() {
        let (certificate, key) = pair();
        let (_, other_key) = pair();
        let folder = Folder::with(&[
            ("c.pem", &certificate),
            ("k.pem", &key),
            ("other.pem", &other_key),
            ("text.pem", "not PEM at all"),
            ("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ]);
        // Files of authorities, certificate and key; - is none.
        let cases = [
            (["absent.pem", "-", "-"], "cannot read"),
            (["text.pem", "-", "-"], "holds no certificate"),
            (["broken.pem", "-", "-"], "broken.pem: invalid peer certificate"),
            (["c.pem", "c.pem", "-"], "is missing: the key"),
            (["c.pem", "-", "k.pem"], "is missing: the certificate"),
            (["c.pem", "c.pem", "other.pem"], "is not the key of the certificate"),
            (["c.pem", "c.pem", "c.pem"], "holds no private key"),
            (["c.pem", "k.pem", "k.pem"], "holds no certificate"),
        ];
        for (names, problem) in cases {
            let [ca, certificate, key] = names.map(|name| folder.path(name).filter(|_| name != "-"));
            let files = TlsFiles { ca, certificate, key };
            let error = files.client_config(ServerCheck::ChainAndName).expect_err(problem);
            assert!(error.to_string().contains(problem), "{error}");
        }
    }
}
