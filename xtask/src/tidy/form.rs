//! The form of a source file: UTF-8, one newline at its end, no tabs, no blanks at the end of a line.

use super::{Finding, extension, lines};
use crate::tree::Tree;

pub fn check(tree: &Tree) -> Vec<Finding> {
    let sources = tree.files.iter().filter(|(path, _)| is_formed(path));
    sources.flat_map(|(path, text)| form(path, text.as_deref())).collect()
}

/// Snapshots, tables and licences keep the form that their makers gave them.
fn is_formed(path: &str) -> bool {
    matches!(extension(path), "css" | "html" | "js" | "md" | "mjs" | "py" | "rs" | "sh" | "sql" | "toml" | "ts" | "tsx")
}

fn form(path: &str, text: Option<&str>) -> Vec<Finding> {
    let Some(text) = text else {
        return vec![Finding::new(path, 1, "is not UTF-8")];
    };
    let mut findings = Vec::new();
    // `split` keeps a carriage return, which `lines` would hide.
    for (index, line) in text.split('\n').enumerate() {
        if line.ends_with(char::is_whitespace) {
            findings.push(Finding::new(path, index + 1, "ends with a blank"));
        }
        if line.contains('\t') {
            findings.push(Finding::new(path, index + 1, "has a tab; it is as wide as every editor likes"));
        }
    }
    let last = lines(text).count();
    if !text.is_empty() && !text.ends_with('\n') {
        findings.push(Finding::new(path, last, "does not end with a newline"));
    }
    if text.ends_with("\n\n") {
        findings.push(Finding::new(path, last, "ends with an empty line"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: Option<&str>) -> Vec<String> {
        let files = [("a.rs".to_owned(), text.map(str::to_owned))].into();
        check(&Tree { files }).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_source_file_has_a_form() {
        assert_eq!(findings(Some("fn f() {}\n")), [""; 0]);
        assert_eq!(findings(Some("")), [""; 0]);
        assert_eq!(findings(None), ["a.rs:1: is not UTF-8"]);
        assert_eq!(findings(Some("fn f() {}")), ["a.rs:1: does not end with a newline"]);
        assert_eq!(findings(Some("a\nb\n\n")), ["a.rs:3: ends with an empty line"]);
        assert_eq!(findings(Some("a \nb\r\n")), ["a.rs:1: ends with a blank", "a.rs:2: ends with a blank"]);
        assert_eq!(findings(Some("\tx\n")), ["a.rs:1: has a tab; it is as wide as every editor likes"]);
    }
}
