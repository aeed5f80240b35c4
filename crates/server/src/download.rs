//! Downloads: the content of attachments, for whoever has a signed address of it.
//!
//! The files are other people's. Nothing in them may run as a page of this server: no type is guessed, what is not plainly
//! harmless is saved and not shown, and what is shown is in a sandbox that lets nothing in.

use std::io;

use bytes::Bytes;
use engine::{Api, Error};
use futures_util::stream;
use http_body_util::{BodyExt, Either, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use resources::attachment::{self, Content, FILES, Use};

use crate::files::Files;

/// What an answer holds: all of it at once, or a file piece by piece.
pub type Body = Either<Full<Bytes>, UnsyncBoxBody<Bytes, io::Error>>;

/// What a browser may show: nothing in these can act.
const HARMLESS: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp", "text/plain", "audio/", "video/"];

const SANDBOX: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");

/// Answers a request for the content of an attachment.
pub async fn answer(
    api: &Api,
    files: &Files,
    method: &Method,
    path: &str,
    query: &str,
    headers: &HeaderMap,
) -> Result<Response<Body>, Error> {
    let no_route = Error::no_route;
    let gid = path.strip_prefix(FILES).and_then(|rest| rest.split('/').next()).ok_or_else(no_route)?;
    let gid = model::gid::parse(gid).ok_or_else(no_route)?;
    let pairs = engine::parameter::parse_pairs(query)?;
    let value = |name: &str| pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
    let wanted = Use::named(value("use")).ok_or_else(no_route)?;
    let expires = value("expires").parse().unwrap_or_default();
    if !api.links.holds(&wanted.signed(gid), expires, value("signature"), api.clock.now()) {
        return Err(Error::forbidden("This address is not valid, or not any more."));
    }
    let mut read = api.read().await?;
    let content = attachment::content(&mut read, gid).await;
    read.finish().await;
    let content = content?.ok_or_else(|| Error::deleted(attachment::ATTACHMENT.kind, gid))?;
    hand_out(files, &content, wanted, method, headers).await.map_err(|error| {
        tracing::error!(%error, attachment = gid, file = content.file, "a file cannot be read");
        Error::server()
    })
}

async fn hand_out(
    files: &Files,
    content: &Content,
    wanted: Use,
    method: &Method,
    headers: &HeaderMap,
) -> io::Result<Response<Body>> {
    let length = content.size;
    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    // Whether the file is still the one that the caller has a part of can't be told: there is no tag. Then it is the whole.
    let asked = asked.filter(|_| !headers.contains_key(header::IF_RANGE));
    let (status, start, end) = match asked.map_or(Range::Whole, |range| Range::of(range, length)) {
        Range::Whole => (StatusCode::OK, 0, length),
        Range::Part(start, end) => (StatusCode::PARTIAL_CONTENT, start, end),
        Range::Nowhere => (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0),
    };
    // Nobody is told of a file that is not there.
    let reading = files.read(&content.file, if method == Method::HEAD { start..start } else { start..end }).await?;
    let body = if method == Method::HEAD || start == end {
        Either::Left(Full::new(Bytes::new()))
    } else {
        let pieces = stream::try_unfold(reading, |mut reading| async move {
            Ok(reading.next().await?.map(|piece| (Frame::data(piece), reading)))
        });
        Either::Right(StreamBody::new(pieces).boxed_unsync())
    };
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let out = answer.headers_mut();
    let shown = wanted == Use::View && HARMLESS.iter().any(|harmless| content.content_type.starts_with(harmless));
    let plain = HeaderValue::from_static("application/octet-stream");
    out.insert(header::CONTENT_TYPE, HeaderValue::from_str(&content.content_type).unwrap_or(plain));
    out.insert(header::CONTENT_LENGTH, (end - start).into());
    if let Ok(disposition) = HeaderValue::from_str(&disposition(shown, &content.name)) {
        out.insert(header::CONTENT_DISPOSITION, disposition);
    }
    out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    out.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
    out.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("private"));
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let range = match status {
        StatusCode::PARTIAL_CONTENT => Some(format!("bytes {start}-{}/{length}", end - 1)),
        StatusCode::RANGE_NOT_SATISFIABLE => Some(format!("bytes */{length}")),
        _ => None,
    };
    if let Some(range) = range.and_then(|range| HeaderValue::from_str(&range).ok()) {
        out.insert(header::CONTENT_RANGE, range);
    }
    Ok(answer)
}

/// The name twice: for those who read ASCII only, and whole (RFC 6266).
fn disposition(shown: bool, name: &str) -> String {
    let safe = |letter: char| letter.is_ascii_alphanumeric() || " .-_()".contains(letter);
    let ascii: String = name.chars().map(|letter| if safe(letter) { letter } else { '_' }).collect();
    let whole = utf8_percent_encode(name, NON_ALPHANUMERIC);
    format!("{}; filename=\"{ascii}\"; filename*=UTF-8''{whole}", if shown { "inline" } else { "attachment" })
}

/// The part of a file that a caller asks for.
#[derive(Debug, PartialEq)]
enum Range {
    Whole,
    /// From here to before there.
    Part(u64, u64),
    Nowhere,
}

impl Range {
    /// `bytes=0-99`, `bytes=100-`, `bytes=-100`. Several at once, and what nobody understands, is the whole.
    fn of(text: &str, length: u64) -> Range {
        let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-')) else {
            return Range::Whole;
        };
        let (start, end) = match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(start), Ok(last)) if start <= last => (start, last.saturating_add(1).min(length)),
            (Ok(start), _) if last.is_empty() => (start, length),
            (_, Ok(count)) if first.is_empty() => (length.saturating_sub(count), length),
            _ => return Range::Whole,
        };
        if start < end { Range::Part(start, end) } else { Range::Nowhere }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_understood() {
        for (text, range) in [
            ("bytes=0-0", Range::Part(0, 1)),
            ("bytes=2-4", Range::Part(2, 5)),
            ("bytes=2-99", Range::Part(2, 10)),
            ("bytes=9-", Range::Part(9, 10)),
            ("bytes=-3", Range::Part(7, 10)),
            ("bytes=-99", Range::Part(0, 10)),
            ("bytes=10-", Range::Nowhere),
            ("bytes=-0", Range::Nowhere),
            ("bytes=4-2", Range::Whole),
            ("bytes=0-1,3-4", Range::Whole),
            ("lines=0-1", Range::Whole),
            ("bytes=x-y", Range::Whole),
            ("bytes=0-18446744073709551615", Range::Part(0, 10)),
        ] {
            assert_eq!(Range::of(text, 10), range, "{text}");
        }
        assert_eq!(Range::of("bytes=0-0", 0), Range::Nowhere);
    }

    #[test]
    fn names_are_told_twice() {
        assert_eq!(
            disposition(false, "résumé \"1\".pdf"),
            "attachment; filename=\"r_sum_ _1_.pdf\"; filename*=UTF-8''r%C3%A9sum%C3%A9%20%221%22%2Epdf"
        );
        assert!(disposition(true, "a\r\nb").starts_with("inline; filename=\"a__b\""));
    }
}
