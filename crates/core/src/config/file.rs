//! Files that the configuration is made of or refers to: regular, small, and read in bounded time.
//!
//! A pipe would be waited for without end, a device has no end, and a network file system may not answer. So each file is
//! read by a thread of its own, and it is the thread that is left behind. The caller waits: it is no task of a server.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::mpsc,
    thread,
    time::Duration,
};

/// Bytes that a file may have.
pub const LARGEST: usize = 1 << 20;

/// How long a file may take: what is smaller than [`LARGEST`] is there at once, or not at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// The contents of a file.
///
/// # Errors
/// It cannot be read, is not a regular file, has more than [`LARGEST`] bytes, or is not there after five seconds.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let (answer, answered) = mpsc::sync_channel(1);
    let file = path.to_owned();
    thread::Builder::new().name("file".to_owned()).spawn(move || {
        // The caller may have given up.
        let _ = answer.send(read_here(&file));
    })?;
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("not read within {} s", PATIENCE.as_secs()));
    answered.recv_timeout(PATIENCE).unwrap_or_else(|_| Err(late()))
}

/// The contents of a file of text.
///
/// # Errors
/// As [`read`], and it is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"))
}

fn read_here(path: &Path) -> io::Result<Vec<u8>> {
    // Before it is opened: opening a pipe waits for a writer.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut contents = Vec::new();
    File::open(path)?.take(LARGEST as u64 + 1).read_to_end(&mut contents)?;
    if contents.len() > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {LARGEST} bytes")));
    }
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_read() {
        for place in ["/dev/zero", "/dev/null", "/proc/self", "."] {
            assert_eq!(read(Path::new(place)).unwrap_err().to_string(), "not a regular file", "{place}");
        }
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert!(read_text(&manifest).unwrap().starts_with("[package]"));
        assert_eq!(read(Path::new("/no/such/file")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
