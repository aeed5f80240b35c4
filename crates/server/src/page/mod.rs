//! Pages of HTML that the server writes itself. They need no script, and the policy that goes with them allows none.

pub mod account;
pub mod error;

/// How the pages look: `/-/style.css`.
pub const STYLE: &str = include_str!("style.css");

/// A page with a title; `body` is HTML.
fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\">
<title>{} – Vinyasa</title>
<link rel=\"stylesheet\" href=\"/-/style.css\">
</head>
<body>
<main>
{body}</main>
</body>
</html>
",
        escaped(title)
    )
}

/// A text as it stands in HTML, in an attribute too.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}
