//! Certificates for servers and clients, created when a test needs them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// The only name in the servers' certificates. Their address, 127.0.0.1, is not in them, so it serves as a wrong name.
pub const SERVER_NAME: &str = "localhost";

/// A certificate authority with a folder for its files, which is removed when this is dropped.
pub struct Authority {
    folder: PathBuf,
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Authority {
    /// # Errors
    /// Fails if the folder cannot be written.
    pub fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let folder = std::env::temp_dir().join(format!("comptoir-ca-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("ca.pem"), certificate.pem())?;
        Ok(Self { folder, certificate, issuer: Issuer::new(params, key) })
    }

    /// Returns the file with the authority's own certificate.
    pub fn file(&self) -> String {
        self.folder.join("ca.pem").display().to_string()
    }

    /// Creates a certificate for this client, and returns the files of the certificate and its key.
    ///
    /// # Errors
    /// Fails if they cannot be written.
    pub fn client(&self, name: &str) -> Result<(String, String)> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        let file = |suffix| self.folder.join(format!("{name}{suffix}"));
        self.issue(&params, &file(".pem"), &file(".key"))?;
        Ok((file(".pem").display().to_string(), file(".key").display().to_string()))
    }

    /// Writes the files that `deploy/services` expects in `DIR/tls`.
    pub(super) fn equip(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("ca.pem"), self.certificate.pem())?;
        let params = CertificateParams::new(vec![SERVER_NAME.to_owned()])?;
        self.issue(&params, &folder.join("server.pem"), &folder.join("server.key"))
    }

    /// Creates a certificate for a server with [`SERVER_NAME`], and returns the files of the certificate and its key.
    ///
    /// # Errors
    /// Fails if they cannot be written.
    pub fn server(&self) -> Result<(PathBuf, PathBuf)> {
        let params = CertificateParams::new(vec![SERVER_NAME.to_owned()])?;
        let (certificate, key) = (self.folder.join("server.pem"), self.folder.join("server.key"));
        self.issue(&params, &certificate, &key)?;
        Ok((certificate, key))
    }

    fn issue(&self, params: &CertificateParams, certificate: &Path, key: &Path) -> Result<()> {
        let pair = KeyPair::generate()?;
        std::fs::write(certificate, params.signed_by(&pair, &self.issuer)?.pem())?;
        Ok(comptoir_core::platform::secret_file::write(key, pair.serialize_pem())?)
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
