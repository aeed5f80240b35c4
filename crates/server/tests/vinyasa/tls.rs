//! HTTPS: served, refused, and with another certificate from one moment to the next.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value as Json;

use crate::process::{Place, Server, json};

const ONE: &str = include_str!("../tls/one.crt");
const TWO: &str = include_str!("../tls/two.crt");
const ONE_KEY: &str = include_str!("../tls/one.key");
const TWO_KEY: &str = include_str!("../tls/two.key");

type Connection = StreamOwned<ClientConnection, TcpStream>;

/// Connects, trusting one certificate.
fn connect(server: &Server, trusted: &str, protocol: &str) -> io::Result<Connection> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).expect("a certificate")).expect("is taken");
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let name = ServerName::try_from("localhost").expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut connection = StreamOwned::new(client, TcpStream::connect(server.address)?);
    connection.conn.complete_io(&mut connection.sock)?;
    Ok(connection)
}

/// Asks for something and reads to the end.
fn ask(connection: &mut Connection, path: &str, token: &Json) -> io::Result<(u16, Json)> {
    let token = token.as_str().unwrap_or_default();
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok((head[9..12].parse().expect("a status"), json(body)))
}

/// Puts a certificate and its key in place; the arguments that name them.
fn install(place: &Place, certificate: &str, key: &str) -> [String; 4] {
    let (to_certificate, to_key) = (place.path("tls.crt"), place.path("tls.key"));
    fs::write(&to_certificate, certificate).expect("writes");
    fs::write(&to_key, key).expect("writes");
    ["--tls-cert".into(), to_certificate.display().to_string(), "--tls-key".into(), to_key.display().to_string()]
}

#[test]
fn what_is_encrypted_is_the_same_api() {
    let place = Place::embedded();
    let founded = place.init(&[]);
    let server = place.serve(&install(&place, ONE, ONE_KEY).each_ref().map(String::as_str));
    assert_eq!(server.first["url"], format!("https://{}", server.address));
    let mut connection = connect(&server, ONE, "http/1.1").expect("connects");
    let (status, me) = ask(&mut connection, "/api/1.0/users/me", &founded["token"]).expect("an answer");
    assert_eq!((status, &me["data"]["gid"]), (200, &founded["user"]));
    let (_, refusal) = ask(&mut connect(&server, ONE, "http/1.1").expect("connects"), "/x", &Json::Null).expect("one");
    let help = refusal["errors"][0]["help"].as_str().unwrap_or_default().to_owned();
    assert!(help.ends_with(" https://localhost/docs/errors"), "{help}");
    // HTTP/2 begins with the settings of the server.
    let mut second = connect(&server, ONE, "h2").expect("connects");
    assert_eq!(second.conn.alpn_protocol(), Some(&b"h2"[..]));
    second.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").expect("writes");
    let mut frame = [0; 9];
    second.read_exact(&mut frame).expect("a frame");
    assert_eq!(frame[3], 4, "{frame:?}");
    drop(second);
    // Who does not encrypt is not served, and harms nobody.
    let plain = server.nobody().try_send("GET", "/-/version", None);
    assert!(plain.is_err(), "{plain:?}");
    assert!(connect(&server, TWO, "http/1.1").is_err());
    assert!(connect(&server, ONE, "http/1.1").is_ok());
    server.stop();
}

#[test]
fn a_certificate_is_read_again_when_told() {
    let place = Place::embedded();
    let founded = place.init(&[]);
    let server = place.serve(&install(&place, ONE, ONE_KEY).each_ref().map(String::as_str));
    let mut before = connect(&server, ONE, "http/1.1").expect("connects");
    install(&place, TWO, ONE_KEY);
    server.signal("HUP");
    server.wait_for_log("not the key of");
    assert!(connect(&server, ONE, "http/1.1").is_ok(), "what was right stays");
    install(&place, TWO, TWO_KEY);
    server.signal("HUP");
    server.wait_for_log("was read again");
    assert!(connect(&server, ONE, "http/1.1").is_err());
    let mut after = connect(&server, TWO, "http/1.1").expect("connects");
    for connection in [&mut before, &mut after] {
        assert_eq!(ask(connection, "/api/1.0/users/me", &founded["token"]).expect("an answer").0, 200);
    }
    server.stop();
}

#[test]
fn a_wrong_certificate_stops_the_start() {
    let place = Place::embedded();
    let arguments = install(&place, TWO, ONE_KEY);
    let arguments = [&["serve", "--listen", "127.0.0.1:0"], &arguments.each_ref().map(String::as_str)[..]].concat();
    let (certificate, key) = (place.path("tls.crt"), place.path("tls.key"));
    let ended = place.run(&arguments);
    let wrong = format!("vinyasa: tls_key: {}: not the key of {}\n", key.display(), certificate.display());
    assert_eq!((ended.code, ended.err), (Some(1), wrong));
    fs::remove_file(&key).expect("removes");
    fs::create_dir(&key).expect("makes");
    let ended = place.run(&arguments);
    let wrong = format!("vinyasa: tls_key: {}: Is a directory (os error 21)\n", key.display());
    assert_eq!((ended.code, ended.err), (Some(1), wrong));
    assert!(!place.path("data").exists());
}

#[test]
fn a_hangup_ends_nothing() {
    let place = Place::embedded();
    let founded = place.init(&[]);
    let server = place.serve(&[]);
    server.signal("HUP");
    server.wait_for_log("there is no certificate to read again");
    assert_eq!(server.client(&founded["token"]).get("/api/1.0/users/me").status, 200);
    server.stop();
}
