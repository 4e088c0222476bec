//! E-mails as files, one each, that any mail program opens. For development: they hold secrets.

use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{Outcome, Outgoing, stem};

/// Writes a file that appears as a whole. A repeat replaces it.
pub(super) async fn write(directory: &Path, email: &Outgoing) -> Outcome {
    let path = directory.join(format!("{}.eml", stem(email.id, email.edition)));
    let (target, bytes) = (path.clone(), email.bytes.clone());
    let written = tokio::task::spawn_blocking(move || write_whole(&target, &bytes)).await;
    match written.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Ok(()) => Outcome::Accepted(path.display().to_string()),
        Err(error) => {
            let detail = format!("cannot write {}: {error}", path.display());
            Outcome::Failed { detail, is_slow: false }
        }
    }
}

/// Writes a file into the directory and deletes it, and the directory if it was not there before.
pub(super) async fn probe(directory: &Path) -> Result<(), String> {
    let (directory, was_there) = (directory.to_owned(), directory.exists());
    let path = directory.join(format!("check-{}", std::process::id()));
    let written = tokio::task::spawn_blocking(move || {
        write_whole(&path, b"written by `api check`")?;
        std::fs::remove_file(path)?;
        if was_there { Ok(()) } else { std::fs::remove_dir(directory) }
    });
    written
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(|error| format!("cannot write there: {error}"))
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use io::Write;

    if let Some(directory) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let unfinished = PathBuf::from(format!("{}.part", path.display()));
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(unfinished, path)
}
