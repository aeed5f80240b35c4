//! Rich text: refused, or brought into a form that stays as it is.

use model::rich_text::{Mention, expand, from_plain, parse, plain};

/// What came as `html_notes`.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(rich) = parse(&text) {
        check(&rich.html, &rich.text, &rich.references);
    }
    // Most inputs lack the tag around them.
    if let Ok(rich) = parse(&format!("<body>{text}</body>")) {
        check(&rich.html, &rich.text, &rich.references);
    }
    let html = from_plain(&text);
    let rich = parse(&html).expect("plain text becomes rich");
    assert_eq!(rich.html, html);
    // What is stored may come from elsewhere.
    expand(&text, mention);
    plain(&text, |gid| gid.to_string());
}

fn check(html: &str, text: &str, references: &[i64]) {
    let again = parse(html).expect("the normal form is accepted");
    assert_eq!(again.html, html, "the normal form is no fixed point");
    assert_eq!((&*again.text, &again.references[..]), (text, references));
    // What is shown may be sent back.
    let shown = expand(html, mention);
    let back = parse(&shown).expect("what is shown is accepted");
    assert_eq!((&*back.html, &back.references[..]), (html, references));
    assert_eq!(plain(html, |gid| gid.to_string()), text);
}

fn mention(gid: i64) -> Mention {
    let target = (gid % 2 == 0).then(|| ("task".to_owned(), "a <b> & \"c\"".to_owned()));
    Mention { href: format!("http://localhost/0/0/{gid}/f"), target }
}

/// Tags, attributes and entities.
pub fn words() -> Vec<String> {
    let words = [
        "<body>",
        "</body>",
        "<strong>",
        "</strong>",
        "<b>",
        "</b>",
        "<em>",
        "</em>",
        "<u>",
        "</u>",
        "<s>",
        "</s>",
        "<code>",
        "</code>",
        "<ol>",
        "</ol>",
        "<ul>",
        "</ul>",
        "<li>",
        "</li>",
        "<a href=\"",
        "https://a.b\">",
        "</a>",
        "<a data-asana-gid=\"1\"/>",
        "<blockquote>",
        "</blockquote>",
        "<pre>",
        "</pre>",
        "<h1>",
        "</h1>",
        "<h2>",
        "</h2>",
        "<hr>",
        "<hr/>",
        "<table>",
        "</table>",
        "<tr>",
        "</tr>",
        "<td>",
        "</td>",
        "<img ",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?xml",
        "&amp;",
        "&lt;",
        "&gt;",
        "&quot;",
        "&#10;",
        "&#x1F600;",
        "&#0;",
        "&nbsp;",
        "/>",
        ">",
        "<",
        "&",
        "\"",
        "'",
        "=",
        "mailto:",
        "javascript:",
        "\r\n",
        "\u{0}",
        "\u{fffe}",
        "<span ",
        "</span>",
        "<mark>",
        "</mark>",
    ];
    words.map(str::to_owned).to_vec()
}
