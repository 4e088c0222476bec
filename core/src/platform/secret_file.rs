//! Files that hold a secret: they are read only if no user but their owner and group has access.

use std::fs::{File, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The mode bits for all other users of the machine: read, write, execute.
const OTHERS: u32 = 0o007;

/// Reads a file with a secret. Its group may have access, which is how Kubernetes and systemd hand secrets to a service. Others
/// may not: every user of the machine would have the secret.
///
/// # Errors
/// Fails if the file cannot be read, or if others have access. The text names the file and never has its content.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    let name = path.display();
    let cannot = |error: std::io::Error| format!("cannot read {name}: {error}");
    let mut file = File::open(path).map_err(cannot)?;
    // The mode of the file that was opened, even if another one has its name by now.
    let mode = file.metadata().map_err(cannot)?.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(format!(
            "{name} holds a secret and has mode {mode:03o}, so that every user of this machine has access: chmod o= {name}"
        ));
    }
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(cannot)?;
    Ok(content)
}

/// Writes a file that [`read`] accepts: for programs that store a secret, and for tests.
///
/// # Errors
/// Fails if the file cannot be written.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> std::io::Result<()> {
    // The mode is set before the file is filled, even if the file existed: no other user may read the content.
    let file = File::options().create(true).truncate(true).write(true).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    std::io::Write::write_all(&mut &file, content.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_may_read_is_refused_and_what_the_group_may_read_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        write(&path, "s3cret").expect("written");
        for (mode, accepted) in
            [(0o400, true), (0o600, true), (0o440, true), (0o444, false), (0o644, false), (0o602, false)]
        {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("changed");
            let read = read(&path);
            assert_eq!(read.is_ok(), accepted, "{mode:o}: {read:?}");
            if let Err(problem) = read {
                assert!(
                    problem.contains(&format!("mode {mode:03o}")) && !problem.contains("s3cret"),
                    "{problem}"
                );
            }
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let problem = read(Path::new("/does/not/exist")).expect_err("refused");
        assert!(problem.starts_with("cannot read /does/not/exist"), "{problem}");
    }
}
