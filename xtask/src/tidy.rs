//! What the repository promises and the compiler cannot check. Each check is a function from the files to findings;
//! each has a test with a sample that it must refuse.

mod arrow;
mod form;
mod link;
mod name;
mod word;

use std::fmt;

use crate::tree::Tree;

const CHECKS: &[fn(&Tree) -> Vec<Finding>] = &[arrow::check, word::check, link::check, name::check, form::check];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(tree)).collect();
    findings.sort();
    findings
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    /// `line` counts from 1.
    fn new(path: &str, line: usize, message: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// The lines of a text with their numbers, counted from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// The checks themselves name what they refuse, in rules and in samples.
fn is_sample(path: &str) -> bool {
    path.starts_with("xtask/src/tidy")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_as_place_and_reason() {
        let tree = Tree::of(&[("a.rs", "fn f() {}"), ("b.md", "[x](gone.md)\n")]);
        let findings: Vec<String> = check(&tree).iter().map(Finding::to_string).collect();
        assert_eq!(findings, ["a.rs:1: does not end with a newline", "b.md:1: links to gone.md, which is not there"]);
    }

    #[test]
    fn this_repository_is_tidy() {
        let tree = Tree::read(&crate::root()).unwrap();
        let findings: Vec<String> = check(&tree).iter().map(Finding::to_string).collect();
        assert!(findings.is_empty(), "\n{}", findings.join("\n"));
    }
}
