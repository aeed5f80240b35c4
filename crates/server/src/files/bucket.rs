//! Files as objects in a bucket of an S3-compatible service.
//!
//! Small ones are put at once, large ones in parts while they arrive. What is not finished is aborted; what a crash leaves of
//! that, the service's own rule for incomplete uploads removes.

use std::fmt::Display;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use object_store::aws::AmazonS3Builder;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ClientOptions, GetOptions, ObjectStore, ObjectStoreExt, RetryConfig};
use rustls::crypto::{CryptoProvider, ring};
use tokio::io::AsyncWriteExt;

use crate::config::{Config, S3};
use crate::failure::{Failure, Result};

/// A part of a large file. A file has at most 10,000 of them, and each is at least 5 MiB.
const PART: usize = 8 << 20;
/// How many parts of a file are on their way at once; so many, and one more, are in memory.
const PARTS_AT_ONCE: usize = 2;
/// How long the service may take to be reached, and to say anything.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(60);
/// How long what can be tried again is tried again.
const RETRIES: Duration = Duration::from_secs(30);

/// A bucket, or what lies below a prefix in it.
#[derive(Clone)]
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    settings: Arc<S3>,
}

impl Bucket {
    /// The bucket of the settings; `None` when they name none.
    pub fn new(config: &Config) -> Result<Option<Bucket>> {
        let settings = &config.files_s3;
        let wrong = |name: &str, why: &dyn Display| Failure::usage(format_args!("{name}: {why}"));
        let Some(bucket) = &settings.bucket else {
            let given = [
                ("files_s3_endpoint", settings.endpoint.is_some()),
                ("files_s3_access_key", settings.access_key.is_some()),
                ("files_s3_secret_key", settings.secret_key.is_some()),
                ("files_s3_secret_key_file", settings.secret_key_file.is_some()),
                ("files_s3_prefix", !settings.prefix.is_empty()),
            ];
            return match given.iter().find(|(_, given)| *given) {
                Some((name, _)) => Err(wrong(name, &"Means nothing without files_s3_bucket")),
                None => Ok(None),
            };
        };
        if config.test_mode {
            let why = "Not in test mode: the names of files could be guessed, and would be used again";
            return Err(wrong("files_s3_bucket", &why));
        }
        // Wherever in this process it is asked for: nothing else sets another.
        let _ = CryptoProvider::install_default(ring::default_provider());
        let retry = RetryConfig { max_retries: 5, retry_timeout: RETRIES, ..RetryConfig::default() };
        let client = ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(CONNECT)
            .with_read_timeout(ANSWER)
            .with_allow_http(settings.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://")));
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(&settings.region)
            .with_virtual_hosted_style_request(!settings.path_style)
            .with_client_options(client)
            .with_retry(retry);
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_endpoint(match endpoint.split_once("://") {
                Some((scheme, host)) if !settings.path_style => format!("{scheme}://{bucket}.{host}"),
                _ => endpoint.clone(),
            });
        }
        let secret = match (&settings.secret_key, &settings.secret_key_file) {
            (Some(_), Some(_)) => {
                return Err(wrong("files_s3_secret_key_file", &"There is a files_s3_secret_key already"));
            }
            (Some(secret), None) => Some(secret.0.clone()),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file).map_err(|error| {
                    Failure::new(format_args!("files_s3_secret_key_file: {}: {error}", file.display()))
                })?;
                Some(text.trim().to_owned()).filter(|secret| !secret.is_empty())
            }
            (None, None) => None,
        };
        match (&settings.access_key, secret) {
            (Some(key), Some(secret)) => {
                builder = builder.with_access_key_id(key).with_secret_access_key(secret);
            }
            (Some(_), None) => return Err(wrong("files_s3_secret_key", &"Is missing, or empty")),
            (None, Some(_)) => return Err(wrong("files_s3_access_key", &"Is missing")),
            // The machine's own right, where its provider gives it one.
            (None, None) => {}
        }
        let store = builder.build().map_err(|error| wrong("files_s3_bucket", &error))?;
        Ok(Some(Bucket::over(Arc::new(store), settings)))
    }

    fn over(store: Arc<dyn ObjectStore>, settings: &S3) -> Bucket {
        Bucket { store, prefix: Path::from(settings.prefix.as_str()), settings: Arc::new(settings.clone()) }
    }

    fn object(&self, name: &str) -> Path {
        self.prefix.clone().join(name)
    }

    /// Whether the bucket is there and can be listed.
    pub async fn check(&self) -> Result<()> {
        match self.store.list(Some(&self.prefix)).next().await {
            Some(Err(error)) => Err(self.explain(&error.to_string())),
            _ => Ok(()),
        }
    }

    /// What the service says, as the setting that seems to be wrong.
    fn explain(&self, said: &str) -> Failure {
        let S3 { bucket, region, endpoint, .. } = &*self.settings;
        let bucket = bucket.as_deref().unwrap_or_default();
        let code = said.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
        Failure::new(match code {
            Some("NoSuchBucket") => format!("files_s3_bucket: There is no bucket {bucket}"),
            Some("InvalidAccessKeyId") => "files_s3_access_key: The service does not know it".to_owned(),
            Some("SignatureDoesNotMatch") => "files_s3_secret_key: It is not that of files_s3_access_key".to_owned(),
            Some("AccessDenied" | "AllAccessDisabled") => {
                format!("files_s3_access_key: It may not list the bucket {bucket}")
            }
            Some("AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException") => {
                format!("files_s3_region: The bucket {bucket} is not in {region}")
            }
            Some(code) => format!("files_s3_bucket: The service refuses the bucket {bucket}: {code}"),
            None if said.contains("configured region") => {
                format!("files_s3_region: The bucket {bucket} is not in {region}")
            }
            None => {
                let place = endpoint.as_deref().unwrap_or("the service of the region");
                let line = said.lines().next().unwrap_or_default();
                format!("files_s3_endpoint: {place} cannot be asked: {line}")
            }
        })
    }

    /// Begins an object.
    pub fn begin(&self, name: String) -> Unfinished {
        let writer = BufWriter::with_capacity(Arc::clone(&self.store), self.object(&name), PART);
        let writer = writer.with_max_concurrency(PARTS_AT_ONCE);
        Unfinished { writer: Some(writer), name, bucket: self.clone() }
    }

    /// Begins to read a part of an object.
    pub async fn read(&self, name: &str, part: Range<u64>) -> io::Result<Reading> {
        let object = self.object(name);
        let left = part.end - part.start;
        if left == 0 {
            self.store.head(&object).await?;
            return Ok(Reading { pieces: futures_util::stream::empty().boxed(), left });
        }
        let got =
            self.store.get_opts(&object, GetOptions { range: Some(part.into()), ..GetOptions::default() }).await?;
        Ok(Reading { pieces: got.into_stream(), left })
    }

    /// Removes an object.
    pub async fn delete(&self, name: &str) -> io::Result<()> {
        Ok(self.store.delete(&self.object(name)).await?)
    }

    /// The names of the objects that were last written before this moment, in milliseconds.
    pub async fn written_before(&self, moment: i64) -> io::Result<Vec<String>> {
        let mut all = self.store.list(Some(&self.prefix));
        let mut old = Vec::new();
        while let Some(object) = all.next().await {
            let object = object?;
            // What lies deeper is somebody else's.
            let name = object.location.filename().unwrap_or_default();
            if object.last_modified.timestamp_millis() < moment && self.object(name) == object.location {
                old.push(name.to_owned());
            }
        }
        Ok(old)
    }
}

/// An object that is being written.
pub struct Unfinished {
    writer: Option<BufWriter>,
    name: String,
    bucket: Bucket,
}

impl Unfinished {
    /// Writes more of it.
    pub async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        match &mut self.writer {
            Some(writer) => Ok(writer.put(bytes).await?),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Ends it: the service has all of it, or nothing.
    pub async fn finish(mut self) -> io::Result<Stored> {
        // From here on it may be there.
        let mut stored = Stored { name: std::mem::take(&mut self.name), bucket: self.bucket.clone(), wanted: false };
        if let Some(mut writer) = self.writer.take()
            && let Err(error) = writer.shutdown().await
        {
            stored.wanted = true;
            return Err(error);
        }
        Ok(stored)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let Some(mut writer) = self.writer.take() else { return };
        in_background(async move {
            if let Err(error) = writer.abort().await {
                tracing::warn!(%error, "an upload that was not wanted stays unfinished");
            }
        });
    }
}

/// An object that is there.
pub struct Stored {
    /// Its name.
    pub name: String,
    bucket: Bucket,
    wanted: bool,
}

impl Stored {
    /// It stays. Answers its name.
    pub fn keep(mut self) -> String {
        self.wanted = true;
        std::mem::take(&mut self.name)
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        if self.wanted {
            return;
        }
        let (bucket, name) = (self.bucket.clone(), std::mem::take(&mut self.name));
        in_background(async move {
            if let Err(error) = bucket.delete(&name).await {
                tracing::warn!(%error, file = name, "a file that was not wanted stays");
            }
        });
    }
}

/// What is dropped cannot wait. What does not come to its end when the server stops, the sweep does.
fn in_background(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(work);
    }
}

/// Reads a part of an object.
pub struct Reading {
    pieces: BoxStream<'static, object_store::Result<Bytes>>,
    left: u64,
}

impl Reading {
    /// The next piece.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        match self.pieces.next().await.transpose()? {
            Some(piece) => {
                let left = self.left.checked_sub(piece.len() as u64);
                self.left = left.ok_or_else(|| io::Error::other("there is more of it than was asked for"))?;
                Ok(Some(piece))
            }
            None if self.left > 0 => Err(io::ErrorKind::UnexpectedEof.into()),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
