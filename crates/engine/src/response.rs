//! Answers as bytes: the envelope, errors, indentation.

use crate::error::Error;
use crate::json::Writer;

/// An answer, before it meets HTTP.
#[derive(Debug, Default, PartialEq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The body, JSON.
    pub body: Vec<u8>,
    /// Where a new object can be read: a path.
    pub location: Option<String>,
    /// Seconds after which a retry is sensible.
    pub retry_after: Option<u32>,
}

impl Response {
    /// `{"data":{}}`.
    pub fn empty() -> Self {
        Response { status: 200, body: b"{\"data\":{}}".to_vec(), ..Response::default() }
    }

    /// The error's body: `{"errors":[{"message":..,"help":..}]}`, with a phrase when it is the server's fault.
    pub fn error(error: &Error, base: &str, phrase: Option<&str>) -> Self {
        let mut body = b"{\"errors\":[{\"message\":".to_vec();
        let mut writer = Writer::new(&mut body);
        writer.text(&error.message);
        if let Some(code) = error.code {
            writer.raw(b",\"error\":");
            writer.text(code);
        }
        if let Some(phrase) = phrase {
            writer.raw(b",\"phrase\":");
            writer.text(phrase);
        }
        writer.raw(b",\"help\":");
        writer.parts(&[
            "For more information on API status codes and how to handle them, read the docs on errors: ",
            base,
            "/docs/errors",
        ]);
        writer.raw(b"}]}");
        Response { status: error.status, body, location: None, retry_after: error.retry_after }
    }

    /// Indents the body, for people.
    pub fn indented(mut self) -> Self {
        self.body = indent(&self.body);
        self
    }
}

/// Indents JSON by two spaces a level. Expects JSON that is well formed.
fn indent(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let mut depth = 0usize;
    let mut quoted = false;
    let line = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.resize(out.len() + 2 * depth, b' ');
    };
    let mut at = 0;
    while at < json.len() {
        let byte = json[at];
        match byte {
            b'\\' if quoted => {
                out.push(byte);
                at += 1;
                out.extend(json.get(at));
            }
            b'"' => {
                quoted = !quoted;
                out.push(byte);
            }
            _ if quoted => out.push(byte),
            b'{' | b'[' => {
                out.push(byte);
                if matches!(json.get(at + 1), Some(b'}' | b']')) {
                    at += 1;
                    out.push(json[at]);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            _ => out.push(byte),
        }
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indented_json_means_the_same() {
        let json = r#"{"data":[{"a":"x\"{,:\\","b":[],"c":{}},1]}"#;
        let indented = indent(json.as_bytes());
        let same: serde_json::Value = serde_json::from_slice(&indented).unwrap();
        assert_eq!(same, serde_json::from_str::<serde_json::Value>(json).unwrap());
        assert!(String::from_utf8(indented).unwrap().starts_with("{\n  \"data\": [\n    {\n      \"a\": "));
    }
}
