//! Rust source without what the compiler does not read.

/// The same text with the inside of comments, strings and characters blanked, so that lines and columns still agree.
/// It knows nested comments, raw strings and lifetimes; it is a lexer of the shapes that matter, not a parser.
pub fn only(source: &str) -> String {
    let text: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < text.len() {
        let end = match text[at] {
            '/' if text.get(at + 1) == Some(&'/') => line_end(&text, at),
            '/' if text.get(at + 1) == Some(&'*') => comment_end(&text, at),
            'r' | 'b' | 'c' if !is_word(before(&text, at)) => raw_string_end(&text, at).unwrap_or(at),
            '"' => string_end(&text, at),
            '\'' => character_end(&text, at),
            _ => at,
        };
        if end == at {
            out.push(text[at]);
            at += 1;
        } else {
            out.extend(text[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Where a word stands on its own in a line: `unsafe`, not `unsafe_code`.
pub fn finds_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let needs_end = word.chars().next_back().is_some_and(|c| is_word(Some(c)));
        !(is_word(before) || needs_end && is_word(after))
    })
}

fn is_word(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_alphanumeric() || c == '_')
}

fn before(text: &[char], at: usize) -> Option<char> {
    at.checked_sub(1).map(|at| text[at])
}

fn line_end(text: &[char], at: usize) -> usize {
    text[at..].iter().position(|&c| c == '\n').map_or(text.len(), |n| at + n)
}

fn comment_end(text: &[char], at: usize) -> usize {
    let mut depth = 0;
    let mut at = at;
    while at < text.len() {
        match (text[at], text.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// `r"..."`, `br#"..."#` and the like; `None` when it is only a name that begins with r, b or c.
fn raw_string_end(text: &[char], at: usize) -> Option<usize> {
    let mut at = at;
    while matches!(text.get(at), Some('b' | 'c')) {
        at += 1;
    }
    if text.get(at) != Some(&'r') {
        return None;
    }
    let hashes = text[at + 1..].iter().take_while(|&&c| c == '#').count();
    let open = at + 1 + hashes;
    if text.get(open) != Some(&'"') {
        return None;
    }
    let close = |at: usize| text[at] == '"' && text[at + 1..].iter().take_while(|&&c| c == '#').count() >= hashes;
    Some((open + 1..text.len()).find(|&at| close(at)).map_or(text.len(), |at| at + 1 + hashes))
}

fn string_end(text: &[char], at: usize) -> usize {
    let mut at = at + 1;
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// The end of a character, or the same place where the quote begins a lifetime.
fn character_end(text: &[char], at: usize) -> usize {
    match (text.get(at + 1), text.get(at + 2)) {
        (Some('\\'), _) => {
            // An escape is at most `\u{10FFFF}`; the escaped character itself may be a quote.
            let rest = text.get(at + 3..).unwrap_or_default();
            rest.iter().take(10).position(|&c| c == '\'').map_or(at, |n| at + 3 + n + 1)
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the samples, what must be blanked stands between « and ».
    #[test]
    fn comments_strings_and_characters_are_blanked_and_the_rest_is_kept() {
        let samples = [
            "let a = 1; «// unsafe»",
            "a «/* x /* y */ unsafe */» b",
            r#"f(«"unsafe \" unsafe"») + g"#,
            r##"f(«r#"un"safe"#») + g"##,
            r#"f(«br"\"») + g"#,
            r#"f(b«"\\"») + g"#,
            "fn f<'a>(x: &'a str) -> &'a str",
            r"[«'a'», «'\''», «'\u{1F600}'», «'\\'»] + g",
            "let var = bar;",
        ];
        for sample in samples {
            let parts = sample.split(['«', '»']).enumerate();
            let blank = |part: &str| " ".repeat(part.chars().count());
            let expected: String =
                parts.map(|(index, part)| if index % 2 == 0 { part.to_owned() } else { blank(part) }).collect();
            assert_eq!(only(&sample.replace(['«', '»'], "")), expected, "{sample}");
        }
        assert_eq!(only("a \"x\ny\" b").lines().count(), 2);
    }

    #[test]
    fn unfinished_text_ends_at_its_end() {
        for source in ["\"", "'", "'\\", "/*", "r#\"", "b", "br", "\"\\", "'\\'"] {
            assert_eq!(only(source).chars().count(), source.chars().count(), "{source}");
        }
    }

    #[test]
    fn a_word_stands_on_its_own() {
        assert!(finds_word("pub unsafe fn", "unsafe"));
        assert!(!finds_word("unsafe_code", "unsafe"));
        assert!(finds_word("use http::Method", "http::"));
        assert!(!finds_word("tower_http::x", "http::"));
    }
}
