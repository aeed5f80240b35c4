//! The parameters of a request: what the path and the query string name.

use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};

/// Path and query parameters, decoded, in the order of the request.
#[derive(Debug, Default)]
pub struct Parameters<'a> {
    /// Those of the path.
    pub path: Vec<(&'static str, String)>,
    /// Those of the query string.
    pub query: Vec<(String, String)>,
    /// The query string as it came.
    pub raw: &'a str,
}

impl<'a> Parameters<'a> {
    /// Reads a query string.
    pub fn parse(path: Vec<(&'static str, String)>, raw: &'a str) -> Result<Self> {
        Ok(Parameters { path, query: parse_pairs(raw)?, raw })
    }

    /// A parameter of the path, else of the query.
    pub fn get(&self, name: &str) -> Option<&str> {
        let path = self.path.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        path.or_else(|| self.query_value(name))
    }

    /// A parameter of the query.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the request names it.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A truth value, in any case.
    pub fn bool(&self, name: &str) -> Result<Option<bool>> {
        self.get(name).map(|value| bool_value(name, value)).transpose()
    }
}

/// `true` or `false`, in any case.
pub fn bool_value(name: &str, value: &str) -> Result<bool> {
    if value.eq_ignore_ascii_case("true") || value == "1" {
        Ok(true)
    } else if value.eq_ignore_ascii_case("false") || value == "0" {
        Ok(false)
    } else {
        Err(Error::field(name, format_args!("Value is not a boolean: {}", shortened(value))))
    }
}

/// Reads `a=b&c=d` as a query string or a form carries it.
pub fn parse_pairs(text: &str) -> Result<Vec<(String, String)>> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

fn decode(text: &str) -> Result<String> {
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(decoded) if !decoded.contains('\0') => Ok(decoded.into_owned()),
        _ => Err(Error::bad(format!("{}: Not valid UTF-8 text", shortened(text)))),
    }
}

/// A value as it is repeated in a message: not more than 100 characters.
pub fn shortened(value: &str) -> String {
    value.chars().take(100).collect()
}
