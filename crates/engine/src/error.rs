//! What can go wrong with a request, in the words of the API.
//!
//! Texts come from the behaviour notes of the real service; where none is known they follow the same style,
//! `field: What is wrong`.

use std::fmt;

/// A refusal or a failure: a status and one message. The body's shape is written in [`crate::response`].
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// The HTTP status.
    pub status: u16,
    /// What the caller reads. For 500 it is always `Server Error`; the cause goes to the log.
    pub message: String,
    /// A machine-readable code beside the message, where the real service has one.
    pub code: Option<&'static str>,
    /// Seconds after which a retry is sensible.
    pub retry_after: Option<u32>,
}

/// What a rule returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    fn new(status: u16, message: impl Into<String>) -> Self {
        Error { status, message: message.into(), code: None, retry_after: None }
    }

    /// 400 with a message as it stands.
    pub fn bad(message: impl Into<String>) -> Self {
        Error::new(400, message)
    }

    /// 400 about one parameter or property: `field: what`.
    pub fn field(field: impl fmt::Display, what: impl fmt::Display) -> Self {
        Error::new(400, format!("{field}: {what}"))
    }

    /// 400: a parameter or property that must be there is not.
    pub fn missing(field: impl fmt::Display) -> Self {
        Error::field(field, "Missing input")
    }

    /// 400: a property that can't be written here.
    pub fn not_writable(field: impl fmt::Display) -> Self {
        Error::field(field, "Cannot write this property")
    }

    /// 400: a gid in a parameter or body that names nothing the caller could know of.
    pub fn unknown_object(field: impl fmt::Display, gid: impl fmt::Display) -> Self {
        Error::field(field, format_args!("Unknown object: {gid}"))
    }

    /// 400: a person who is not one of the caller's organization's.
    pub fn not_a_user(field: impl fmt::Display, sent: impl fmt::Display) -> Self {
        Error::field(field, format_args!("Not a user in Organization: {sent}"))
    }

    /// 401: no valid token.
    pub fn not_authorized() -> Self {
        Error::new(401, "Not Authorized")
    }

    /// 403: the object lives in a workspace of the caller's but is not shared with the caller.
    pub fn no_access(kind: &str) -> Self {
        Error::new(403, format!("You do not have access to this {}.", kind.replace('_', " ")))
    }

    /// 403: the caller sees the object but may not do this to it.
    pub fn no_permission(kind: &str) -> Self {
        Error::new(403, format!("You do not have permission to change this {}.", kind.replace('_', " ")))
    }

    /// 403 with a message as it stands.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Error::new(403, message)
    }

    /// 404: a gid in the path that is no object of the expected kind.
    pub fn not_recognized(kind: &str, gid: impl fmt::Display) -> Self {
        Error::new(404, format!("{kind}: Not a recognized ID: {gid}"))
    }

    /// 404: a gid in the path whose object has been deleted.
    pub fn deleted(kind: &str, gid: impl fmt::Display) -> Self {
        Error::new(404, format!("{kind}: Unknown object: {gid}"))
    }

    /// 404: no operation has this method and path.
    pub fn no_route() -> Self {
        Error::new(404, "No matching route for request")
    }

    /// 413: the body is larger than the server takes.
    pub fn too_large(limit: usize) -> Self {
        Error::new(413, format!("The request body is larger than {limit} bytes."))
    }

    /// 415: a body of a type that no operation reads.
    pub fn unsupported_type(content_type: &str) -> Self {
        Error::new(415, format!("Content-Type: Not a supported type: {content_type}"))
    }

    /// 501: an operation of the API that this version does not have yet.
    pub fn not_implemented(operation: &str) -> Self {
        Error::new(501, format!("{operation} is not implemented by this server yet."))
    }

    /// 500. The cause is logged where it is caught.
    pub fn server() -> Self {
        Error::new(500, "Server Error")
    }

    /// 503: try again after a number of seconds.
    pub fn unavailable(retry_after: u32) -> Self {
        Error { retry_after: Some(retry_after), ..Error::new(503, "The server is busy. Please retry.") }
    }

    /// The same error with a machine-readable code.
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.status, self.message)
    }
}

impl std::error::Error for Error {}

impl From<store::Error> for Error {
    /// The caller learns that the server failed; the cause is logged here, once.
    fn from(cause: store::Error) -> Self {
        match cause {
            store::Error::Busy(_) | store::Error::Timeout => {
                tracing::warn!(%cause, "the database is busy");
                Error::unavailable(1)
            }
            cause => {
                tracing::error!(error = &cause as &dyn std::error::Error, "the database failed");
                Error::server()
            }
        }
    }
}
