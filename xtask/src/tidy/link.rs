//! Every relative link of a Markdown file leads to a file or a directory of the repository.

use super::{Finding, extension, lines};
use crate::tree::Tree;

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| extension(path) == "md") {
        let mut fenced = false;
        for (number, line) in lines(text) {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            if fenced {
                continue;
            }
            for target in targets(&without_code(line)) {
                let there = resolve(path, target).is_some_and(|target| tree.holds(&target));
                if !there {
                    findings.push(Finding::new(path, number, format!("links to {target}, which is not there")));
                }
            }
        }
    }
    findings
}

/// The line with what stands between backquotes blanked.
fn without_code(line: &str) -> String {
    let parts = line.split('`').enumerate();
    parts.map(|(index, part)| if index % 2 == 0 { part } else { " " }).collect()
}

/// Relative targets, without anchor, of `[text](target "title")` and `[name]: target`.
fn targets(line: &str) -> Vec<&str> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let definition = line.starts_with('[').then(|| line.split_once("]: ")).flatten().map(|(_, rest)| rest.trim());
    inline
        .chain(definition.and_then(|rest| rest.split(' ').next()))
        .map(|target| target.trim_matches(['<', '>']))
        .map(|target| target.split(['#', '?']).next().unwrap_or(target))
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
        .collect()
}

/// The path from the top of the repository; `None` when the target leads out of it.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut place: Vec<&str> = from.split('/').collect();
    place.pop();
    if target.starts_with('/') {
        place.clear();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(place.pop()?),
            part => place.push(part),
        }
    }
    Some(place.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let tree = Tree::of(&[(path, text), ("README.md", ""), ("docs/error.md", ""), ("crates/model/src/lib.rs", "")]);
        check(&tree).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn what_is_there_may_be_linked() {
        let text = "[a](error.md#x) [b](../README.md) [c](../crates/model/) [d](https://example.com/x) [e](#here)\n\
                    `[f](nowhere.md)` ![g](/docs/error.md \"title\")\n[h]: ../crates\n```\n[i](nowhere.md)\n```\n[j](.)\n";
        assert_eq!(findings("docs/page.md", text), [""; 0]);
    }

    #[test]
    fn what_is_not_there_may_not() {
        let text = "# Page\n[a](errors.md) and [b](../docs/none/x.md#y)\n[c]: gone.md\n[d](../../outside.md)\n";
        assert_eq!(
            findings("docs/page.md", text),
            [
                "docs/page.md:2: links to errors.md, which is not there",
                "docs/page.md:2: links to ../docs/none/x.md, which is not there",
                "docs/page.md:3: links to gone.md, which is not there",
                "docs/page.md:4: links to ../../outside.md, which is not there",
            ]
        );
    }
}
