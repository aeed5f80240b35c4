//! Rich text (`html_notes`, `html_text`): a small XML vocabulary.

use thiserror::Error;

/// Rich text that was understood, in the form in which it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RichText {
    /// The normalised markup, `<body>…</body>`.
    pub html: String,
    /// The same without markup: `notes` or `text`.
    pub text: String,
    /// The gids of what it mentions, in the order of first mention, each once.
    pub references: Vec<i64>,
}

/// Why rich text was refused, in the words of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RichTextError {
    /// It does not begin with `<body>` and end with `</body>`.
    #[error("Rich text should be wrapped in <body> tag.")]
    NoBody,
    /// A tag that is not allowed, or not there; comments, instructions, broken attributes.
    #[error("XML is invalid")]
    Invalid,
    /// An angle bracket in the text.
    #[error("XML is invalid: Malformed rich text. Found < or > that was not part of tag.")]
    Bracket,
    /// A tag without its end.
    #[error("XML is invalid: Malformed rich text. XML tag was not closed.")]
    Unclosed,
}

/// Understands what a client sent.
///
/// # Errors
///
/// Refuses, rather than cleans, what is not rich text.
pub fn parse(html: &str) -> Result<RichText, RichTextError> {
    let _ = html;
    Err(RichTextError::Invalid)
}

/// Rich text that shows plain text as it is.
pub fn from_plain(text: &str) -> String {
    let _ = text;
    String::new()
}
