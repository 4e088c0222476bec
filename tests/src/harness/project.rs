//! The places of the project's files and programs, found from the running executable.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};

use super::roles::RUNTIME_ROLE;

/// Returns the root folder of the project: the folder above this executable that has `deploy/services`, or else the folder
/// from which it was built (a target directory may lie elsewhere).
pub fn root() -> PathBuf {
    let above = |path: &Path| {
        path.ancestors().find(|folder| folder.join("deploy/services").is_file()).map(Path::to_path_buf)
    };
    std::env::current_exe()
        .ok()
        .and_then(|path| above(&path))
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
}

/// Returns the path of a program of the workspace, of the same build profile as the running executable.
///
/// # Errors
/// Fails if it was not built.
pub fn program(name: &str) -> Result<PathBuf> {
    let running = std::env::current_exe().context("this executable has no path")?;
    // A test lies in target/PROFILE/deps, a binary in target/PROFILE.
    let found =
        running.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    let Some(path) = found else {
        bail!(
            "the program {name} is not beside {}: build it with `cargo build --workspace --bins --tests`",
            running.display()
        );
    };
    Ok(path)
}

/// Returns a command that runs a program of the workspace, with the role that the API uses in the databases of the tests.
///
/// # Errors
/// Fails if it was not built.
pub fn command(name: &str) -> Result<Command> {
    let mut command = Command::new(program(name)?);
    command.env("COMPTOIR__API__DATABASE_ROLE", RUNTIME_ROLE);
    Ok(command)
}

/// The range of `free_port`: below the ports of `deploy/services`, and below those that the system assigns to outgoing
/// connections, one of which could take the port of a program that is started again.
const PORTS: Range<u16> = 20_000..26_000;
/// Where the second half of them begins.
const UPPER: u16 = 23_000;
const PORTS_TO_TRY: usize = 200;

/// Two programs of tests that run at the same time (`deploy/test`) have half of them each: neither takes a port on which a program of
/// the other is about to be started, or started again.
fn ports(half: Option<&str>) -> Range<u16> {
    match half {
        Some("lower") => PORTS.start..UPPER,
        Some("upper") => UPPER..PORTS.end,
        _ => PORTS,
    }
}

/// Returns a TCP port on 127.0.0.1 on which no program listens now, and which was not returned before in this process. Another
/// program may take it before it is used: be ready to try again.
///
/// # Errors
/// Fails if none is found.
pub fn free_port() -> Result<u16> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let ports = ports(std::env::var("TEST_PORTS").ok().as_deref());
    for _ in 0..PORTS_TO_TRY {
        let port = rand::random_range(ports.clone());
        let is_new = GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port);
        if is_new && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port between {} and {}", ports.start, ports.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_halves_are_all_ports_and_have_none_in_common() {
        let (lower, upper) = (ports(Some("lower")), ports(Some("upper")));
        assert_eq!((lower.start, lower.end, upper.end), (PORTS.start, upper.start, PORTS.end));
        assert!(!lower.is_empty() && !upper.is_empty());
        assert_eq!(ports(None), PORTS);
    }
}
