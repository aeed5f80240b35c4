//! Uploads: a form of several parts, one of which may be a file. The file is written down while it arrives; what is left is
//! a form like any other, which the API answers.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use engine::Error;
use engine::body::Upload;
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};
use multer::{Constraints, Field, Multipart, SizeLimit};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use crate::files::{Files, Stored};

/// What the parts of a form may take beside the file, together with what stands between them.
pub const AROUND: u64 = 1 << 20;
/// The most parts.
const MOST_PARTS: usize = 100;
/// The longest text of a part.
const LONGEST_TEXT: usize = 256 << 10;

/// Whether a request brings a form of several parts.
pub fn is_form_of_parts(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes());
    content_type.is_some_and(|value| {
        let prefix = b"multipart/form-data";
        value.len() >= prefix.len() && value[..prefix.len()].eq_ignore_ascii_case(prefix)
    })
}

/// What arrived.
pub struct Form {
    /// The texts, as a form of the usual kind.
    pub text: String,
    /// The file.
    pub file: Option<(Stored, Upload)>,
}

/// Reads a form.
pub async fn receive(
    body: Incoming,
    headers: &HeaderMap,
    files: &Files,
    limit: usize,
    patience: Duration,
) -> Result<Form, Error> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(content_type)
        .map_err(|_| Error::bad("Could not parse request data, the form has no boundary"))?;
    let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(limit as u64 + AROUND));
    let mut parts = Multipart::with_constraints(frames(body, patience), boundary, constraints);
    let mut form = Form { text: String::new(), file: None };
    let mut count = 0;
    while let Some(part) = parts.next_field().await.map_err(|error| unreadable(&error, limit))? {
        count += 1;
        if count > MOST_PARTS {
            return Err(Error::bad(format!("The form has more than {MOST_PARTS} parts")));
        }
        let called = Called::of(part.headers());
        match (called.name.as_deref(), &called.file_name) {
            (Some("file"), _) | (_, Some(_)) if form.file.is_some() => {
                return Err(Error::field("file", "Only one file can be attached at a time"));
            }
            (Some("file"), _) | (_, Some(_)) => form.file = Some(store(part, called.file_name, files, limit).await?),
            (Some(name), None) => push(&mut form.text, name, &text(part, limit).await?),
            (None, None) => {}
        }
    }
    Ok(form)
}

fn push(form: &mut String, name: &str, value: &str) {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    form.push_str(if form.is_empty() { "" } else { "&" });
    form.push_str(&format!("{}={}", encode(name), encode(value)));
}

/// The body, frame by frame. One that does not come in time ends it.
fn frames(body: Incoming, patience: Duration) -> impl stream::Stream<Item = Result<Bytes, Broken>> {
    stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        loop {
            // The reader takes what is there before it looks at any of it: what it has is to be written down first.
            tokio::task::yield_now().await;
            let frame = match tokio::time::timeout(patience, body.frame()).await {
                Err(_) => return Some((Err(Broken::Late), None)),
                Ok(None) => return None,
                Ok(Some(Err(_))) => return Some((Err(Broken::Lost), None)),
                Ok(Some(Ok(frame))) => frame,
            };
            if let Ok(data) = frame.into_data() {
                return Some((Ok(data), Some(body)));
            }
        }
    })
}

/// Why a body ended early.
#[derive(Debug)]
enum Broken {
    Late,
    Lost,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Broken::Late => "The request body did not arrive in time",
            Broken::Lost => "The request body could not be read",
        })
    }
}

impl std::error::Error for Broken {}

fn unreadable(error: &multer::Error, limit: usize) -> Error {
    match error {
        multer::Error::StreamSizeExceeded { .. } => Error::too_large(limit),
        multer::Error::StreamReadFailed(cause) => match cause.downcast_ref::<Broken>() {
            Some(Broken::Late) => Error { status: 408, ..Error::bad(Broken::Late.to_string()) },
            _ => Error::bad(Broken::Lost.to_string()),
        },
        _ => Error::bad("Could not parse request data, invalid multipart/form-data"),
    }
}

async fn text(mut part: Field<'_>, limit: usize) -> Result<String, Error> {
    let mut all = Vec::new();
    while let Some(piece) = part.chunk().await.map_err(|error| unreadable(&error, limit))? {
        if all.len() + piece.len() > LONGEST_TEXT {
            return Err(Error::too_large(LONGEST_TEXT));
        }
        all.extend_from_slice(&piece);
    }
    String::from_utf8(all).map_err(|_| Error::bad("Could not parse request data, invalid UTF-8"))
}

async fn store(
    mut part: Field<'_>,
    name: Option<String>,
    files: &Files,
    limit: usize,
) -> Result<(Stored, Upload), Error> {
    let failed = |error: std::io::Error| {
        tracing::error!(%error, "an attachment could not be stored");
        Error::server()
    };
    let told = part.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut file = files.begin().await.map_err(failed)?;
    let mut size = 0;
    let mut beginning = Vec::new();
    while let Some(piece) = part.chunk().await.map_err(|error| unreadable(&error, limit))? {
        size += piece.len();
        if size > limit {
            return Err(Error::too_large(limit));
        }
        if beginning.len() < BEGINNING {
            beginning.extend_from_slice(&piece[..piece.len().min(BEGINNING)]);
        }
        file.write(piece).await.map_err(failed)?;
    }
    let stored = file.finish().await.map_err(failed)?;
    let upload = Upload {
        file: stored.name().to_owned(),
        name: name.unwrap_or_default(),
        content_type: media_type(told.as_deref(), &beginning).to_owned(),
        size: size as i64,
    };
    Ok((stored, upload))
}

/// What a part is called, as its Content-Disposition says.
#[derive(Debug, Default, PartialEq)]
struct Called {
    name: Option<String>,
    file_name: Option<String>,
}

/// The longest name of a file.
const LONGEST_NAME: usize = 1_024;

impl Called {
    fn of(headers: &HeaderMap) -> Called {
        let value = headers.get(header::CONTENT_DISPOSITION).map(|value| value.as_bytes()).unwrap_or_default();
        let (mut called, mut extended) = (Called::default(), None);
        for (name, value) in attributes(value) {
            match name.as_str() {
                "name" => called.name = Some(String::from_utf8_lossy(&value).into_owned()),
                "filename" => called.file_name = Some(plain_name(&value)),
                // RFC 5987: UTF-8'en'r%C3%A9sum%C3%A9.pdf
                "filename*" => extended = extended_name(&value),
                _ => {}
            }
        }
        called.file_name = extended.or(called.file_name).map(|name| last_of(&name));
        called
    }
}

/// `name="value"; other=value` after the first semicolon. A quote inside a quoted value has a backslash before it.
fn attributes(text: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut rest = text.iter().copied().skip_while(|byte| *byte != b';').skip(1).peekable();
    while rest.peek().is_some() {
        let mut name = Vec::new();
        let mut value = Vec::new();
        let mut given = false;
        while let Some(byte) = rest.next_if(|byte| *byte != b';') {
            if byte == b'=' {
                given = true;
                break;
            }
            name.push(byte);
        }
        while given && rest.next_if(u8::is_ascii_whitespace).is_some() {}
        if given && rest.next_if_eq(&b'"').is_some() {
            while let Some(byte) = rest.next().filter(|byte| *byte != b'"') {
                let escaped = byte == b'\\' && matches!(rest.peek(), Some(b'"' | b'\\'));
                value.push(if escaped { rest.next().unwrap_or(byte) } else { byte });
            }
            while rest.next_if(|byte| *byte != b';').is_some() {}
        } else {
            while let Some(byte) = rest.next_if(|byte| *byte != b';') {
                value.push(byte);
            }
            value = value.trim_ascii().to_vec();
        }
        rest.next();
        found.push((String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase(), value));
    }
    found
}

/// A name as it stands. The API's documentation has names that are not ASCII percent-encoded, and browsers write a quote
/// as `%22`.
fn plain_name(value: &[u8]) -> String {
    let name = String::from_utf8_lossy(value);
    match percent_decode(value).decode_utf8() {
        Ok(Cow::Owned(decoded)) if name.is_ascii() && !decoded.is_ascii() => decoded,
        _ => name.replace("%22", "\""),
    }
}

fn extended_name(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let (charset, rest) = text.split_once('\'')?;
    let (_, encoded) = rest.split_once('\'')?;
    let bytes: Vec<u8> = percent_decode(encoded.as_bytes()).collect();
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" => String::from_utf8(bytes).ok(),
        "iso-8859-1" => Some(bytes.into_iter().map(char::from).collect()),
        _ => None,
    }
}

/// The name without the directories of the sender's machine, and without what no name should have.
fn last_of(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    last.chars().filter(|letter| !letter.is_control()).take(LONGEST_NAME).collect::<String>().trim().to_owned()
}

/// How much of a file is looked at.
const BEGINNING: usize = 512;

/// What the first bytes of well-known files are.
const MAGIC: &[(usize, &[u8], &str)] = &[
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (4, b"ftyp", "video/mp4"),
];

/// The media type that the sender told, else what the content looks like.
fn media_type<'a>(told: Option<&'a str>, beginning: &[u8]) -> &'a str {
    let valid = |told: &&str| {
        told.len() <= 255
            && told.contains('/')
            && told.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
            && !told.eq_ignore_ascii_case("application/octet-stream")
    };
    told.filter(valid).unwrap_or_else(|| {
        let known =
            MAGIC.iter().find(|(at, magic, _)| beginning.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
        known.map_or("application/octet-stream", |(_, _, media_type)| media_type)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(disposition: &[u8]) -> (Option<String>, Option<String>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_DISPOSITION, hyper::header::HeaderValue::from_bytes(disposition).unwrap());
        let Called { name, file_name } = Called::of(&headers);
        (name, file_name)
    }

    #[test]
    fn names_come_in_many_forms() {
        for (disposition, file_name) in [
            (&b"form-data; name=\"file\"; filename=\"a.txt\""[..], "a.txt"),
            (b"form-data; filename=a.txt; name=file", "a.txt"),
            (b"form-data;name=\"file\";filename=\"a; b=c.txt\"", "a; b=c.txt"),
            (b"form-data; name=\"file\"; filename=\"a\\\"b\\\\c.txt\"", "c.txt"),
            (b"form-data; name=\"file\"; filename=\"a\\\"b.txt\"", "a\"b.txt"),
            (b"form-data; name=\"file\"; filename=\"a%22b.txt\"", "a\"b.txt"),
            (b"form-data; name=\"file\"; filename=\"100% sure.txt\"", "100% sure.txt"),
            ("form-data; name=\"file\"; filename=\"résumé.pdf\"".as_bytes(), "résumé.pdf"),
            (b"form-data; name=\"file\"; filename=\"r%C3%A9sum%C3%A9.pdf\"", "résumé.pdf"),
            (b"form-data; name=\"file\"; filename=\"x\"; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf", "résumé.pdf"),
            (b"form-data; filename*=iso-8859-1'en'r%E9sum%E9.pdf; filename=x; name=file", "résumé.pdf"),
            (b"form-data; name=\"file\"; filename=\"C:\\Users\\ann\\a.txt\"", "a.txt"),
            (b"form-data; name=\"file\"; filename=\"../../etc/passwd\"", "passwd"),
            (b"form-data; name=\"file\"; filename=\"\"", ""),
        ] {
            let (name, found) = called(disposition);
            assert_eq!((name.as_deref(), found.as_deref()), (Some("file"), Some(file_name)));
        }
        assert_eq!(called(b"form-data; name=\"parent\""), (Some("parent".to_owned()), None));
        assert_eq!(called(b"form-data"), (None, None));
        assert_eq!(called(b"form-data; ;;=;\"; name"), (Some(String::new()), None));
    }

    #[test]
    fn a_type_is_told_or_seen() {
        assert_eq!(media_type(Some("text/plain; charset=utf-8"), b""), "text/plain; charset=utf-8");
        assert_eq!(media_type(Some("application/octet-stream"), b"\x89PNG\r\n\x1a\n.."), "image/png");
        assert_eq!(media_type(None, b"RIFF....WEBP"), "image/webp");
        assert_eq!(media_type(Some("no type"), b"..."), "application/octet-stream");
        assert_eq!(media_type(Some("text/\n"), b""), "application/octet-stream");
    }
}
