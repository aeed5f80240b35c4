//! Encrypted connections: the certificate, its key, and how both are read again while the server runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::{Accept, TlsAcceptor};

use crate::config::Config;
use crate::failure::{Failure, Result};

/// The server's side of TLS.
pub struct Tls {
    acceptor: TlsAcceptor,
    files: Files,
    pair: Arc<Pair>,
}

/// Where the certificate and its key are.
#[derive(Clone, Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// The certificate and its key, as last read.
#[derive(Debug)]
struct Pair(RwLock<Arc<CertifiedKey>>);

impl Tls {
    /// TLS as the settings want it, if they do.
    pub fn load(config: &Config) -> Result<Option<Tls>> {
        let files = match (&config.tls_cert, &config.tls_key) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => Files { certificate: certificate.clone(), key: key.clone() },
            (Some(_), None) => return Err(Failure::usage("tls_key: is missing: tls_cert is of no use alone")),
            (None, Some(_)) => return Err(Failure::usage("tls_cert: is missing: tls_key is of no use alone")),
        };
        let pair = Arc::new(Pair(RwLock::new(files.read()?)));
        let provider = Arc::new(ring::default_provider());
        let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = versions.map_err(|error| Failure::new(format_args!("tls_cert: {error}")))?;
        let mut settings = builder.with_no_client_auth().with_cert_resolver(Arc::clone(&pair) as _);
        settings.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Some(Tls { acceptor: TlsAcceptor::from(Arc::new(settings)), files, pair }))
    }

    /// Reads the files again, for connections from now on. What is served now stays if they are not right.
    pub fn reload(&self) -> Result<()> {
        let read = self.files.read()?;
        *self.pair.0.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// When the certificate ends, in seconds since 1970.
    pub fn expiry(&self) -> Option<i64> {
        expiry(self.pair.get().cert.first()?)
    }

    /// Begins to agree with a client.
    pub fn accept(&self, stream: TcpStream) -> Accept<TcpStream> {
        self.acceptor.accept(stream)
    }
}

impl Pair {
    fn get(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Pair {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

impl Files {
    /// Reads both, and sees that they belong together.
    fn read(&self) -> Result<Arc<CertifiedKey>> {
        let chain = read_pem("tls_cert", &self.certificate, |text| {
            CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>()
        })?;
        if chain.is_empty() {
            return Err(told("tls_cert", &self.certificate, "no certificate in it (PEM: -----BEGIN CERTIFICATE-----)"));
        }
        let key = read_pem("tls_key", &self.key, PrivateKeyDer::from_pem_slice)?;
        let pair = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| match error {
            Error::InconsistentKeys(_) => {
                told("tls_key", &self.key, format_args!("not the key of {}", self.certificate.display()))
            }
            Error::InvalidCertificate(_) => told("tls_cert", &self.certificate, error),
            error => told("tls_key", &self.key, error),
        })?;
        Ok(Arc::new(pair))
    }
}

fn read_pem<T>(setting: &str, path: &Path, read: impl FnOnce(&[u8]) -> Result<T, pem::Error>) -> Result<T> {
    let text = fs::read(path).map_err(|error| told(setting, path, error))?;
    read(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => told(setting, path, "no private key in it (PEM: -----BEGIN PRIVATE KEY-----)"),
        error => told(setting, path, error),
    })
}

fn told(setting: &str, path: &Path, what: impl std::fmt::Display) -> Failure {
    Failure::new(format_args!("{setting}: {}: {what}", path.display()))
}

/// When a certificate ends, in seconds since 1970: the second time of its validity (RFC 5280, 4.1).
fn expiry(certificate: &[u8]) -> Option<i64> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    const SHORT_YEAR: u8 = 0x17;
    let (_, certificate, _) = element(certificate)?;
    let (_, mut rest, _) = element(certificate)?;
    if rest.first() == Some(&VERSION) {
        rest = element(rest)?.2;
    }
    // The serial number, the algorithm and the issuer come first.
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (tag, validity, _) = element(rest)?;
    let (_, _, rest) = element(validity)?;
    let (kind, time, _) = element(rest).filter(|_| tag == SEQUENCE)?;
    let text = std::str::from_utf8(time).ok()?;
    let text = match kind {
        // Two digits: years from 1950 to 2049.
        SHORT_YEAR if text < "50" => format!("20{text}"),
        SHORT_YEAR => format!("19{text}"),
        _ => text.to_owned(),
    };
    let time = jiff::civil::DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

/// The first element of DER: its tag, what is in it, and what comes after it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (inside, rest) = rest.split_at_checked(length)?;
    Some((tag, inside, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expiry_of(pem: &str) -> Option<i64> {
        expiry(&CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate"))
    }

    #[test]
    fn a_certificate_says_when_it_ends() {
        let end = expiry_of(include_str!("../tests/tls/one.crt")).expect("an end");
        assert_eq!(end, 4_949_146_257);
        assert_eq!(expiry(b""), None);
        assert_eq!(expiry(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }

    fn files(certificate: &str, key: &str) -> Config {
        let file = |name: &str| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/")).join(name);
        let mut config = Config::default();
        config.tls_cert = (!certificate.is_empty()).then(|| file(certificate));
        config.tls_key = (!key.is_empty()).then(|| file(key));
        config
    }

    #[test]
    fn what_is_wrong_is_said_with_the_setting() {
        assert!(Tls::load(&files("", "")).expect("is right").is_none());
        assert!(Tls::load(&files("one.crt", "one.key")).expect("is right").is_some());
        for (certificate, key, wrong) in [
            ("one.crt", "", "tls_key: is missing: tls_cert is of no use alone"),
            ("", "one.key", "tls_cert: is missing: tls_key is of no use alone"),
            ("one.crt", "two.key", "tls_key: two.key: not the key of one.crt"),
            ("gone.crt", "one.key", "tls_cert: gone.crt: No such file or directory (os error 2)"),
            ("one.crt", "gone.key", "tls_key: gone.key: No such file or directory (os error 2)"),
            ("one.key", "one.key", "tls_cert: one.key: no certificate in it (PEM: -----BEGIN CERTIFICATE-----)"),
            ("one.crt", "one.crt", "tls_key: one.crt: no private key in it (PEM: -----BEGIN PRIVATE KEY-----)"),
        ] {
            let failure = Tls::load(&files(certificate, key)).err().expect(wrong);
            let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/");
            assert_eq!(failure.text.replace(directory, ""), wrong);
        }
    }
}
