//! The page that every error of the API points to.

/// Statuses of the API and what they mean.
const STATUSES: &[(u16, &str, &str)] = &[
    (200, "OK", "It worked. The body holds what was asked for under <code>data</code>."),
    (201, "Created", "The object exists now. The body holds it, and the header <code>Location</code> says where."),
    (400, "Bad Request", "A parameter or a property is missing, misspelt or out of range. The message names it."),
    (401, "Not Authorized", "The token is missing, unknown or revoked."),
    (
        402,
        "Payment Required",
        "Never sent by this server unless a limit has been configured: nothing is for sale here.",
    ),
    (403, "Forbidden", "You may know that the object exists, but not do this to it."),
    (404, "Not Found", "No operation has this method and path, or no object that you could know of has this gid."),
    (412, "Precondition Failed", "The sync token of an event stream is missing or too old; a new one is in the body."),
    (413, "Payload Too Large", "The body is larger than the server takes."),
    (415, "Unsupported Media Type", "The body is of a type that the operation does not read."),
    (429, "Too Many Requests", "Slow down. The header <code>Retry-After</code> says for how many seconds."),
    (
        500,
        "Server Error",
        "The fault is the server's. Its log holds the cause under the <code>phrase</code> of the body.",
    ),
    (501, "Not Implemented", "An operation of the Asana API that this server does not have yet."),
    (503, "Service Unavailable", "The server is busy or stopping. Try again after <code>Retry-After</code> seconds."),
    (504, "Gateway Timeout", "The server took too long. Read before you try again: a change may still be made."),
];

/// The page about errors.
pub fn errors() -> String {
    let mut rows = String::new();
    for (status, name, meaning) in STATUSES {
        rows.push_str(&format!("<tr><th>{status}</th><td>{name}</td><td>{meaning}</td></tr>\n"));
    }
    format!(
        "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Errors</title>
<style>body {{ font: 1rem/1.5 sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }}
th, td {{ text-align: left; vertical-align: top; padding: .25rem 1rem .25rem 0 }}</style>
</head>
<body>
<h1>Errors</h1>
<p>An answer that is not a success says why in its body:
<code>{{\"errors\":[{{\"message\":\"…\",\"help\":\"…\"}}]}}</code>. The message is for developers; programs should go by the status.
Where a request can be tried again, that is said.</p>
<table>
{rows}</table>
</body>
</html>
"
    )
}
