//! Where an export of a company goes: a folder, or one tar file. It has another name until it is whole, and nobody else on the machine may read it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Error, ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use comptoir_core::catalogue::tenant_export::Sink;

/// The size of a tar's blocks, in bytes.
const BLOCK: usize = 512;
/// The sizes that a tar's header has in octal digits are below this: 8 GiB. A larger one is written as a binary number.
const OCTAL_LIMIT: u64 = 1 << 33;
/// The longest name of a member, in bytes.
const LONGEST_NAME: usize = 100;

/// An export that is being written.
#[derive(Debug)]
pub(super) struct Archive {
    /// Where it is until it is whole.
    part: PathBuf,
    to: PathBuf,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Folder(Option<BufWriter<File>>),
    Tar(Tar),
}

impl Archive {
    /// Begins an export; one whose name ends in `.tar` is a tar file, any other a folder.
    ///
    /// # Errors
    /// Fails if something is there already, or if it cannot be made.
    pub(super) fn create(to: &Path) -> io::Result<Self> {
        let mut part = to.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        for (path, what) in [
            (to, "is there already"),
            (part.as_path(), "is there: of an export that broke off, or is under way"),
        ] {
            if path.symlink_metadata().is_ok() {
                return Err(Error::new(ErrorKind::AlreadyExists, format!("{} {what}", path.display())));
            }
        }
        let form = if to.extension().is_some_and(|extension| extension == "tar") {
            Form::Tar(Tar::new(open(&part)?)?)
        } else {
            folder(&part)?;
            Form::Folder(None)
        };
        Ok(Self { part, to: to.to_owned(), form })
    }

    /// Ends the export, and gives it its name.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub(super) fn finish(self) -> io::Result<()> {
        if let Form::Tar(tar) = self.form {
            tar.finish()?;
        }
        std::fs::rename(&self.part, &self.to)
    }

    /// Removes what there is of an export that broke off, as far as that is possible.
    pub(super) fn discard(self) {
        let removed = match self.form {
            Form::Tar(_) => std::fs::remove_file(&self.part),
            Form::Folder(_) => std::fs::remove_dir_all(&self.part),
        };
        if let Err(error) = removed {
            tracing::warn!(part = %self.part.display(), %error, "cannot remove what there is of the export: remove it");
        }
    }
}

impl Sink for Archive {
    fn begin(&mut self, name: &str) -> io::Result<()> {
        match &mut self.form {
            Form::Tar(tar) => tar.begin(name),
            Form::Folder(file) => {
                let path = self.part.join(name);
                if let Some(parent) = path.parent() {
                    folder(parent)?;
                }
                *file = Some(BufWriter::new(open(&path)?));
                Ok(())
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.form {
            Form::Tar(tar) => tar.file.write_all(bytes),
            Form::Folder(Some(file)) => file.write_all(bytes),
            Form::Folder(None) => Err(Error::other("no member was begun")),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        match &mut self.form {
            Form::Tar(tar) => tar.end(),
            Form::Folder(file) => file.take().map_or(Ok(()), |mut file| file.flush()),
        }
    }
}

fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// A tar file in the format of POSIX.1-1988 (ustar). A member's size is written into its header when the member is written: it need not be known before.
#[derive(Debug)]
struct Tar {
    file: BufWriter<File>,
    /// The member that was begun: where its header is, and its name.
    begun: Option<(u64, String)>,
    /// When it is made, in seconds since 1970.
    made: u64,
}

impl Tar {
    fn new(file: File) -> io::Result<Self> {
        let made = SystemTime::now().duration_since(UNIX_EPOCH).map_err(Error::other)?.as_secs();
        Ok(Self { file: BufWriter::new(file), begun: None, made })
    }

    fn begin(&mut self, name: &str) -> io::Result<()> {
        if name.len() > LONGEST_NAME {
            let problem = format!("the name {name} of a member has more than {LONGEST_NAME} bytes");
            return Err(Error::new(ErrorKind::InvalidInput, problem));
        }
        self.begun = Some((self.file.stream_position()?, name.to_owned()));
        self.file.write_all(&[0; BLOCK])
    }

    fn end(&mut self) -> io::Result<()> {
        let Some((at, name)) = self.begun.take() else { return Err(Error::other("no member was begun")) };
        let end = self.file.stream_position()?;
        let size = end - at - BLOCK as u64;
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(&header(&name, size, self.made))?;
        self.file.seek(SeekFrom::Start(end))?;
        let rest = usize::try_from(size % BLOCK as u64).unwrap_or_default();
        self.file.write_all(&[0; BLOCK][..(BLOCK - rest) % BLOCK])
    }

    fn finish(mut self) -> io::Result<()> {
        self.file.write_all(&[0; 2 * BLOCK])?;
        self.file.flush()?;
        self.file.get_ref().sync_all()
    }
}

fn header(name: &str, size: u64, made: u64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000600\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    if size < OCTAL_LIMIT {
        put(124, format!("{size:011o}\0").as_bytes());
    } else {
        // As GNU tar and pax do.
        put(124, &[0x80]);
        put(128, &size.to_be_bytes());
    }
    put(136, format!("{made:011o}\0").as_bytes());
    // The sum is made with spaces in its own place.
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    put(329, b"0000000\0");
    put(337, b"0000000\0");
    let sum: u32 = header.iter().copied().map(u32::from).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const MEMBERS: [(&str, &[u8]); 3] =
        [("a.jsonl", b"{}\n"), ("invoices/FA-1.pdf", &[7; 1024]), ("empty.jsonl", b"")];

    fn written(to: &Path) -> io::Result<()> {
        let mut archive = Archive::create(to)?;
        for (name, content) in MEMBERS {
            archive.begin(name)?;
            for piece in content.chunks(100) {
                archive.write(piece)?;
            }
            archive.end()?;
        }
        archive.finish()
    }

    /// Reads a tar as the standard says it is.
    fn members(mut tar: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut members = Vec::new();
        while tar[0] != 0 {
            let text = |from: usize, to: usize| {
                let field = tar[from..to].split(|byte| *byte == 0).next().unwrap_or_default();
                String::from_utf8(field.to_vec()).expect("text")
            };
            let octal = |from: usize, to: usize| {
                usize::from_str_radix(text(from, to).trim(), 8).expect("an octal number")
            };
            let mut blank = tar[..BLOCK].to_vec();
            blank[148..156].fill(b' ');
            assert_eq!(
                blank.iter().map(|byte| usize::from(*byte)).sum::<usize>(),
                octal(148, 156),
                "the sum"
            );
            assert_eq!(&tar[257..265], b"ustar\x0000");
            let size = octal(124, 136);
            members.push((text(0, 100), tar[BLOCK..BLOCK + size].to_vec()));
            tar = &tar[BLOCK + size.div_ceil(BLOCK) * BLOCK..];
        }
        assert_eq!(tar, [0; 2 * BLOCK], "its end");
        members
    }

    fn expected() -> Vec<(String, Vec<u8>)> {
        MEMBERS.iter().map(|(name, content)| ((*name).to_owned(), content.to_vec())).collect()
    }

    #[test]
    fn a_tar_has_its_members_and_nobody_else_may_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("export.tar");
        written(&path).expect("written");
        assert_eq!(members(&std::fs::read(&path).expect("a file")), expected());
        assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        assert_eq!(written(&path).map_err(|error| error.kind()), Err(ErrorKind::AlreadyExists));
    }

    #[test]
    fn a_folder_has_its_members_and_nobody_else_may_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("export");
        written(&path).expect("written");
        for (name, content) in expected() {
            assert_eq!(std::fs::read(path.join(&name)).expect(&name), content);
        }
        assert_eq!(std::fs::metadata(&path).expect("a folder").permissions().mode() & 0o777, 0o700);
        assert_eq!(written(&path).map_err(|error| error.kind()), Err(ErrorKind::AlreadyExists));
    }

    #[test]
    fn what_broke_off_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["export", "export.tar"] {
            let mut archive = Archive::create(&folder.path().join(name)).expect("made");
            archive.begin("a.jsonl").expect("begun");
            archive.write(b"{").expect("written");
            let again = Archive::create(&folder.path().join(name)).expect_err("one at a time");
            assert!(again.to_string().contains(".part"), "{again}");
            archive.discard();
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn a_size_beyond_what_octal_digits_hold_is_binary() {
        let sized = |size| header("x", size, 0)[124..136].to_vec();
        assert_eq!(sized(OCTAL_LIMIT - 1), b"77777777777\0");
        assert_eq!(sized(OCTAL_LIMIT), [0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]);
    }
}
