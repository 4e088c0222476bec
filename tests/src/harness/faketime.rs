//! Wrong clocks: Debian's libfaketime, which `deploy/services` installs.

use std::path::Path;

use anyhow::{Context, Result};

/// Returns the environment of a program whose clock is wrong by `offset`, such as `+1h`. Its monotonic clock stays right, as
/// on a machine with a wrong clock.
///
/// # Errors
/// Fails if the library is not installed.
pub fn faketime(offset: &str) -> Result<Vec<(String, String)>> {
    let installed = |folder: std::path::PathBuf| {
        let library = folder.join("faketime/libfaketime.so.1");
        library.is_file().then(|| library.display().to_string())
    };
    let library = std::fs::read_dir(Path::new("/usr/lib"))?
        .flatten()
        .find_map(|entry| installed(entry.path()))
        .context("libfaketime is not installed: apt-get install libfaketime")?;
    let variables =
        [("LD_PRELOAD", library.as_str()), ("FAKETIME", offset), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];
    Ok(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
}
