//! Files in a directory of this machine, or of a file system that the nodes share.

use std::io;
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, SeekFrom};

/// Where the files are, below the directory of the data.
pub const DIRECTORY: &str = "attachments";
/// The ending of what is still being written.
pub const UNFINISHED: &str = ".part";

/// The directory.
#[derive(Clone)]
pub struct Folder {
    directory: Arc<Path>,
}

impl Folder {
    /// Nothing is made before something is to be kept.
    pub fn below(data: &Path) -> Self {
        Folder { directory: data.join(DIRECTORY).into() }
    }

    /// Begins a file; `None` when there is one of this name.
    pub async fn begin(&self, name: String) -> io::Result<Option<Unfinished>> {
        let directory = Arc::clone(&self.directory);
        tokio::task::spawn_blocking(move || make(&directory)).await??;
        let path = self.directory.join(format!("{name}{UNFINISHED}"));
        if fs::try_exists(self.directory.join(&name)).await? {
            return Ok(None);
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        match fs::OpenOptions::from(options).open(&path).await {
            Ok(file) => Ok(Some(Unfinished { file, name, kept: Kept { path, wanted: false } })),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Begins to read a part of a file.
    pub async fn read(&self, name: &str, part: Range<u64>) -> io::Result<Reading> {
        let mut file = File::open(self.directory.join(name)).await?;
        file.seek(SeekFrom::Start(part.start)).await?;
        Ok(Reading { file, left: part.end - part.start })
    }

    /// Removes a file.
    pub async fn delete(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.directory.join(name)).await
    }

    /// The names of the files that were last written before this moment, in milliseconds.
    pub async fn written_before(&self, moment: i64) -> io::Result<Vec<String>> {
        let mut all = match fs::read_dir(&self.directory).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            all => all?,
        };
        let mut old = Vec::new();
        while let Some(entry) = all.next_entry().await? {
            let metadata = entry.metadata().await?;
            let written = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            if metadata.is_file() && i64::try_from(written.as_millis()).is_ok_and(|written| written < moment) {
                old.extend(entry.file_name().into_string());
            }
        }
        Ok(old)
    }
}

/// Makes the directory unless it is there, to stay.
fn make(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    // What people attach is nobody else's business on this machine.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    match directory.parent() {
        Some(above) => std::fs::File::open(above)?.sync_all(),
        None => Ok(()),
    }
}

/// A file that is being written.
pub struct Unfinished {
    file: File,
    name: String,
    kept: Kept,
}

impl Unfinished {
    /// Writes more of it.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await
    }

    /// Syncs it, then gives it its name.
    pub async fn finish(mut self) -> io::Result<Stored> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        let path = self.kept.path.with_extension("");
        fs::rename(&self.kept.path, &path).await?;
        self.kept.path = path;
        if let Some(directory) = self.kept.path.parent() {
            File::open(directory).await?.sync_all().await?;
        }
        Ok(Stored { name: self.name, kept: self.kept })
    }
}

/// A file that is there.
pub struct Stored {
    /// Its name.
    pub name: String,
    kept: Kept,
}

impl Stored {
    /// It stays. Answers its name.
    pub fn keep(mut self) -> String {
        self.kept.wanted = true;
        std::mem::take(&mut self.name)
    }
}

/// Removes a file when nobody wants it.
struct Kept {
    path: PathBuf,
    wanted: bool,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if !self.wanted
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(%error, file = %self.path.display(), "a file that was not wanted stays");
        }
    }
}

/// Reads a part of a file.
pub struct Reading {
    file: File,
    left: u64,
}

/// As much as is read at once.
const PIECE: u64 = 64 << 10;

impl Reading {
    /// The next piece.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; usize::try_from(self.left.min(PIECE)).unwrap_or_default()];
        let read = self.file.read(&mut piece).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        piece.truncate(read);
        self.left -= read as u64;
        Ok(Some(piece.into()))
    }
}
