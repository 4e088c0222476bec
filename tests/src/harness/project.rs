//! Where the project's files and programs are, found from the running executable.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::roles::RUNTIME_ROLE;

/// The root folder of the project: the one above this executable that has `deploy/services`, or else the one that it
/// was built from (a target directory may lie elsewhere).
pub fn root() -> PathBuf {
    let above = |path: &Path| {
        path.ancestors().find(|folder| folder.join("deploy/services").is_file()).map(Path::to_path_buf)
    };
    std::env::current_exe()
        .ok()
        .and_then(|path| above(&path))
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
}

/// The path of a program of the workspace, of the same build profile as the running executable.
///
/// # Errors
/// When it was not built.
pub fn program(name: &str) -> Result<PathBuf> {
    let running = std::env::current_exe().context("this executable has no path")?;
    // A test lies in target/PROFILE/deps, a binary in target/PROFILE.
    let found =
        running.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    let Some(path) = found else {
        bail!("the program {name} is not beside {}: build it with `cargo build --bins`", running.display());
    };
    Ok(path)
}

/// A command that runs a program of the workspace, with the role that the API works as in the databases of the tests.
///
/// # Errors
/// When it was not built.
pub fn command(name: &str) -> Result<Command> {
    let mut command = Command::new(program(name)?);
    command.env("COMPTOIR__API__DATABASE_ROLE", RUNTIME_ROLE);
    Ok(command)
}

/// A TCP port on 127.0.0.1 on which nobody listens now. Somebody may take it before it is used: be ready to try again.
///
/// # Errors
/// When the system has none left.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}
