//! Where the content of attachments is kept: a directory of files with names that say nothing.
//!
//! A file is written under a name of its own kind, synced, renamed, and only then named by a row. So a row always names a
//! whole file; a file that no row names is swept away after a day.

use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use engine::Api;
use model::Random;
use resources::attachment;
use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, SeekFrom};

/// The ending of what is still being written.
const UNFINISHED: &str = ".part";
/// How long a file may be there before it is missed: longer than any upload takes.
const GRACE: Duration = Duration::from_secs(86_400);
/// How often forgotten files are looked for.
const SWEEP: Duration = Duration::from_secs(6 * 3_600);

/// The directory.
#[derive(Clone)]
pub struct Files {
    directory: Arc<Path>,
    random: Random,
}

impl Files {
    /// The files below the directory of the data. Nothing is made before something is to be kept.
    pub fn below(data: &Path, random: Random) -> Self {
        Files { directory: data.join("attachments").into(), random }
    }

    /// Begins a file.
    pub async fn begin(&self) -> io::Result<Unfinished> {
        let directory = Arc::clone(&self.directory);
        tokio::task::spawn_blocking(move || make(&directory)).await??;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        loop {
            let name = self.random.hex(16);
            let path = self.directory.join(format!("{name}{UNFINISHED}"));
            // Predictable randomness, in test mode, gives the same name again.
            if fs::try_exists(self.directory.join(&name)).await? {
                continue;
            }
            match fs::OpenOptions::from(options.clone()).open(&path).await {
                Ok(file) => return Ok(Unfinished { file, name, kept: Kept { path, wanted: false } }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Opens a file. Answers its length too.
    pub async fn open(&self, name: &str) -> io::Result<(File, u64)> {
        let file = File::open(self.directory.join(name)).await?;
        let length = file.metadata().await?.len();
        Ok((file, length))
    }

    /// Removes a file that no row names.
    pub async fn remove(&self, name: &str) {
        if let Err(error) = fs::remove_file(self.directory.join(name)).await {
            tracing::warn!(%error, file = name, "a file that was not wanted stays");
        }
    }

    /// Removes the files that no attachment names, for ever and ever.
    pub async fn sweep(self, api: Arc<Api>) {
        loop {
            if let Err(error) = self.sweep_once(&api).await {
                tracing::warn!(%error, directory = %self.directory.display(), "forgotten files could not be removed");
            }
            tokio::time::sleep(SWEEP).await;
        }
    }

    async fn sweep_once(&self, api: &Api) -> io::Result<()> {
        let mut all = match fs::read_dir(&self.directory).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            all => all?,
        };
        while let Some(entry) = all.next_entry().await? {
            let metadata = entry.metadata().await?;
            let written = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            let old = i64::try_from((written + GRACE).as_millis()).is_ok_and(|until| until < api.clock.now());
            let Some(name) = entry.file_name().to_str().filter(|_| old && metadata.is_file()).map(str::to_owned) else {
                continue;
            };
            let mut read = api.read().await.map_err(io::Error::other)?;
            let attached = attachment::is_attached(&mut read, &name).await.map_err(io::Error::other);
            read.finish().await;
            if !attached? {
                fs::remove_file(entry.path()).await?;
            }
        }
        Ok(())
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

/// A file that is being written. It is removed unless it is finished.
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

    /// From now on it is there, whatever happens to the machine; and it goes unless it is kept.
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

/// A file that is there. It is removed unless it is kept.
pub struct Stored {
    /// Its name.
    pub name: String,
    kept: Kept,
}

impl Stored {
    /// It stays: a row names it, or may. Answers its name.
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

/// Reads a part of a file, piece by piece.
pub struct Reading {
    file: File,
    left: u64,
}

/// As much as is read at once.
const PIECE: u64 = 64 << 10;

impl Reading {
    /// Reads `length` bytes from `start` on.
    pub async fn begin(mut file: File, start: u64, length: u64) -> io::Result<Reading> {
        file.seek(SeekFrom::Start(start)).await?;
        Ok(Reading { file, left: length })
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
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
        Ok(Some(piece))
    }
}
