//! Rich text: refused, or brought into a form that stays as it is.

use std::collections::BTreeSet;

use model::rich_text::{Mention, Reference, Target, expand, from_plain, parse, path_of, plain, references};

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
    assert!(references(&text).count() <= text.len());
    plain(&text, |gid| gid.to_string());
}

fn check(html: &str, text: &str, mentioned: &[i64]) {
    let again = parse(html).expect("the normal form is accepted");
    assert_eq!(again.html, html, "the normal form is no fixed point");
    assert_eq!((&*again.text, &again.references[..]), (text, mentioned));
    // What is loaded for a reader is what was told to the writer, and the projects of tasks.
    let loaded: BTreeSet<i64> = references(html).collect();
    assert!(mentioned.iter().all(|gid| loaded.contains(gid)));
    // What is shown may be sent back, also by whom it is hidden from.
    let shown = expand(html, |reference| {
        assert!(loaded.contains(&reference.gid) && reference.project.is_none_or(|project| loaded.contains(&project)));
        mention(reference)
    });
    let back = parse(&shown).expect("what is shown is accepted");
    assert_eq!((&*back.html, &back.references[..]), (html, mentioned));
    assert!(back.unaddressed.is_empty(), "everything that is shown has an address");
    assert_eq!(plain(html, |gid| gid.to_string()), text);
}

/// Even gids are shown, and of tasks in projects with even gids the project.
fn mention(reference: Reference) -> Mention {
    let project = reference.project.filter(|project| project % 2 == 0);
    let target = (reference.gid % 2 == 0).then(|| Target { kind: "task", name: "a <b> & \"c\"".to_owned(), project });
    Mention { href: format!("http://localhost{}", path_of(reference)), target }
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
        "<a data-asana-gid=\"2\" data-asana-project=\"4\"/>",
        "<a data-asana-gid=\"2\" data-asana-dynamic=\"false\">",
        "<img data-asana-gid=\"1\"/>",
        " data-asana-gid=\"",
        " data-asana-project=\"3\"",
        " data-asana-dynamic=\"false\"",
        " data-asana-accessible=\"false\"",
        "/0/0/1/f\"",
        "/0/2/1\"",
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
