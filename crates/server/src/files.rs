//! Where the content of attachments is kept: files with names that say nothing, in a directory of this machine or in a
//! bucket of an S3-compatible service.
//!
//! A file is whole before a row names it, so a row always names a whole file. A file that no row names is swept away after a
//! day.

mod bucket;
mod folder;

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::Api;
use model::Random;
use resources::attachment;

use crate::config::Config;
use crate::failure::Result;
use bucket::Bucket;
use folder::Folder;

/// How long a file may be there before it is missed: longer than any upload takes.
const GRACE: Duration = Duration::from_secs(86_400);
/// How often forgotten files are looked for.
const SWEEP: Duration = Duration::from_secs(6 * 3_600);

/// The place.
#[derive(Clone)]
pub struct Files {
    place: Place,
    random: Random,
}

#[derive(Clone)]
enum Place {
    Folder(Folder),
    Bucket(Bucket),
}

impl Files {
    /// The files of the bucket that the settings name, or else those below the directory of the data. Nothing is asked and
    /// nothing is made yet.
    ///
    /// # Errors
    ///
    /// Settings that do not fit together, by the name of one of them.
    pub fn new(config: &Config, random: Random) -> Result<Self> {
        let place = match Bucket::new(config)? {
            Some(bucket) => Place::Bucket(bucket),
            None => Place::Folder(Folder::below(&config.data)),
        };
        Ok(Files { place, random })
    }

    /// Whether the bucket is there and may be used.
    ///
    /// # Errors
    ///
    /// Why not, by the name of the setting that seems to be wrong.
    pub async fn check(&self) -> Result<()> {
        match &self.place {
            Place::Folder(_) => Ok(()),
            Place::Bucket(bucket) => bucket.check().await,
        }
    }

    /// Begins a file.
    pub async fn begin(&self) -> io::Result<Unfinished> {
        loop {
            let name = self.random.hex(16);
            match &self.place {
                Place::Bucket(bucket) => return Ok(Unfinished(Writing::Bucket(bucket.begin(name)))),
                Place::Folder(folder) => {
                    // Predictable randomness, in test mode, gives the same name again.
                    if let Some(writing) = folder.begin(name).await? {
                        return Ok(Unfinished(Writing::Folder(writing)));
                    }
                }
            }
        }
    }

    /// Begins to read a part of a file, which may be empty.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] when there is no such file.
    pub async fn read(&self, name: &str, part: Range<u64>) -> io::Result<Reading> {
        match &self.place {
            Place::Folder(folder) => Ok(Reading::Folder(folder.read(name, part).await?)),
            Place::Bucket(bucket) => Ok(Reading::Bucket(bucket.read(name, part).await?)),
        }
    }

    /// Removes a file; one that is not there is removed already.
    pub async fn delete(&self, name: &str) -> io::Result<()> {
        let removed = match &self.place {
            Place::Folder(folder) => folder.delete(name).await,
            Place::Bucket(bucket) => bucket.delete(name).await,
        };
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Removes the files that no attachment names, for ever and ever.
    pub async fn sweep(self, api: Arc<Api>) {
        loop {
            if let Err(error) = self.sweep_once(&api).await {
                tracing::warn!(%error, "forgotten files could not be removed");
            }
            tokio::time::sleep(SWEEP).await;
        }
    }

    async fn sweep_once(&self, api: &Api) -> io::Result<()> {
        let before = api.clock.now() - i64::try_from(GRACE.as_millis()).unwrap_or(i64::MAX);
        let old = match &self.place {
            Place::Folder(folder) => folder.written_before(before).await?,
            Place::Bucket(bucket) => bucket.written_before(before).await?,
        };
        for name in old {
            let mut read = api.read().await.map_err(io::Error::other)?;
            let attached = attachment::is_attached(&mut read, &name).await.map_err(io::Error::other);
            read.finish().await;
            if !attached? {
                self.delete(&name).await?;
            }
        }
        Ok(())
    }
}

/// A file that is being written. It is removed unless it is finished.
pub struct Unfinished(Writing);

enum Writing {
    Folder(folder::Unfinished),
    Bucket(bucket::Unfinished),
}

impl Unfinished {
    /// Writes more of it.
    pub async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        match &mut self.0 {
            Writing::Folder(file) => file.write(&bytes).await,
            Writing::Bucket(object) => object.write(bytes).await,
        }
    }

    /// From now on it is there, whatever happens to the machine; and it goes unless it is kept.
    pub async fn finish(self) -> io::Result<Stored> {
        match self.0 {
            Writing::Folder(file) => file.finish().await.map(Stored::Folder),
            Writing::Bucket(object) => object.finish().await.map(Stored::Bucket),
        }
    }
}

/// A file that is there. It is removed unless it is kept.
pub enum Stored {
    /// In the directory.
    Folder(folder::Stored),
    /// In the bucket.
    Bucket(bucket::Stored),
}

impl Stored {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Stored::Folder(file) => &file.name,
            Stored::Bucket(object) => &object.name,
        }
    }

    /// It stays: a row names it, or may. Answers its name.
    pub fn keep(self) -> String {
        match self {
            Stored::Folder(file) => file.keep(),
            Stored::Bucket(object) => object.keep(),
        }
    }
}

/// Reads a part of a file, piece by piece.
pub enum Reading {
    /// From the directory.
    Folder(folder::Reading),
    /// From the bucket.
    Bucket(bucket::Reading),
}

impl Reading {
    /// The next piece; `None` at the end. A file that ends too soon is an error.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        match self {
            Reading::Folder(file) => file.next().await,
            Reading::Bucket(object) => object.next().await,
        }
    }
}
