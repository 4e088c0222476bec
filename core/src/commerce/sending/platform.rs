//! The way to an approved platform: a port, and its first implementation, which drops files into a directory that the platform's own program empties.

use std::fmt;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use futures::future::BoxFuture;

use crate::values::ids::TenantId;

/// What is given to a platform: a PDF/A-3 that carries the XML (Factur-X).
#[derive(Clone, PartialEq, Eq)]
pub struct Deposit {
    pub tenant: TenantId,
    pub number: String,
    pub pdf: Vec<u8>,
}

impl fmt::Debug for Deposit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, number, pdf } = self;
        f.debug_struct("Deposit")
            .field("tenant", tenant)
            .field("number", number)
            .field("bytes", &pdf.len())
            .finish()
    }
}

/// An approved platform. What it is given twice, it takes for one: a process may end before it wrote down that it gave it.
pub trait Platform: fmt::Debug + Send + Sync + 'static {
    /// Where invoices go, without secrets.
    fn name(&self) -> String;
    /// Gives it an invoice. Returns what it said.
    ///
    /// # Errors
    /// Fails with what is wrong for now: it is tried again.
    fn deposit(&self, invoice: Deposit) -> BoxFuture<'_, Result<String, String>>;
}

/// Writes each invoice to a file, `<directory>/<company's id>/<number>.pdf`. It appears as a whole, and is on the disk when this returns. One that is
/// given again replaces the file.
#[derive(Debug, Clone)]
pub struct FileDrop {
    directory: PathBuf,
}

impl FileDrop {
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    fn path(&self, deposit: &Deposit) -> Result<PathBuf, String> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if deposit.number.is_empty() || !deposit.number.bytes().all(is_plain) {
            return Err(format!("{:?} cannot be the name of a file", deposit.number));
        }
        Ok(self.directory.join(deposit.tenant.to_string()).join(format!("{}.pdf", deposit.number)))
    }
}

impl Platform for FileDrop {
    fn name(&self) -> String {
        format!("files in {}", self.directory.display())
    }

    fn deposit(&self, invoice: Deposit) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async move {
            let path = self.path(&invoice)?;
            let target = path.clone();
            let written = tokio::task::spawn_blocking(move || write_whole(&target, &invoice.pdf)).await;
            match written.unwrap_or_else(|error| Err(io::Error::other(error))) {
                Ok(()) => Ok(format!("written to {}", path.display())),
                Err(error) => Err(format!("cannot write {}: {error}", path.display())),
            }
        })
    }
}

/// The name is changed when the bytes are on the disk, and the directory is written after that: whoever sees the file sees all of it, after a power cut, too.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o750).create(directory)?;
    // No program that looks for *.pdf takes it before it is whole.
    let unfinished = PathBuf::from(format!("{}.part", path.display()));
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    std::fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_appears_whole_under_its_number_and_is_replaced() {
        let directory = std::env::temp_dir().join(format!("comptoir-drop-{}", uuid::Uuid::new_v4()));
        let (drop, tenant) = (FileDrop::new(directory.clone()), TenantId::generate());
        for bytes in ["first", "second"] {
            let number = "FA-2026-000123".to_owned();
            let said = drop.deposit(Deposit { tenant, number, pdf: bytes.into() }).await.expect("written");
            assert!(said.ends_with("FA-2026-000123.pdf"), "{said}");
        }
        let folder = directory.join(tenant.to_string());
        let names: Vec<_> = std::fs::read_dir(&folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["FA-2026-000123.pdf"]);
        assert_eq!(std::fs::read_to_string(folder.join(&names[0])).expect("read"), "second");
        std::fs::remove_dir_all(directory).expect("removed");
    }

    #[tokio::test]
    async fn no_number_leads_out_of_the_directory() {
        let drop = FileDrop::new(std::env::temp_dir());
        for number in ["../x", "a/b", "", "a.b"] {
            let deposit =
                Deposit { tenant: TenantId::generate(), number: number.to_owned(), pdf: Vec::new() };
            assert!(drop.deposit(deposit).await.is_err(), "{number}");
        }
    }
}
