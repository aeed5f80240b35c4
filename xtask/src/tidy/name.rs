//! Names say what a thing is. These endings say nothing, and gather everything.

use super::{Finding, extension, is_sample, lines};
use crate::code;
use crate::tree::Tree;

const EMPTY: &[&str] =
    &["service", "services", "manager", "managers", "helper", "helpers", "util", "utils", "utility", "utilities"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts() {
        if !matches!(extension(path), "rs" | "py" | "js" | "mjs" | "ts" | "tsx") || is_sample(path) {
            continue;
        }
        let bare = path.rsplit_once('.').map_or(path, |(bare, _)| bare);
        for part in bare.split('/').filter(|part| is_empty_word(part)) {
            findings.push(Finding::new(path, 1, refusal(part)));
        }
        if extension(path) == "rs" {
            for (number, line) in lines(&code::only(text)) {
                let names = declared(line).filter(|name| is_empty_word(name));
                findings.extend(names.map(|name| Finding::new(path, number, refusal(name))));
            }
        }
    }
    findings
}

fn refusal(name: &str) -> String {
    format!("{name}: a name that says nothing; name what it is, or put its functions where they belong")
}

/// Does the name end with one of the words? A `ServiceAccount` is a thing; an `AccountService` is not.
fn is_empty_word(name: &str) -> bool {
    let last = name.rsplit(['_', '-', '.']).next().unwrap_or(name);
    let start = last.rfind(char::is_uppercase).filter(|_| last.contains(char::is_lowercase)).unwrap_or(0);
    EMPTY.contains(&last[start..].to_lowercase().as_str())
}

/// The types and modules that a line of code declares. A `type` inside a block belongs to somebody's trait.
fn declared(line: &str) -> impl Iterator<Item = &str> {
    let declares = |word: &str| match word {
        "struct" | "enum" | "trait" | "union" | "mod" => true,
        "type" => !line.starts_with(' '),
        _ => false,
    };
    let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    let names: Vec<&str> = words.windows(2).filter(|pair| declares(pair[0])).map(|pair| pair[1]).collect();
    names.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let short = |finding: &Finding| finding.to_string().splitn(4, ':').take(3).collect::<Vec<_>>().join(":");
        check(&Tree::of(&[(path, text)])).iter().map(short).collect()
    }

    #[test]
    fn types_and_modules_have_names() {
        let text = "pub struct TaskService;\nenum SyncManager {}\npub(crate) trait DateHelper {}\nmod string_util;\ntype Utils = u8;\n";
        assert_eq!(
            findings("a.rs", text),
            [
                "a.rs:1: TaskService",
                "a.rs:2: SyncManager",
                "a.rs:3: DateHelper",
                "a.rs:4: string_util",
                "a.rs:5: Utils"
            ]
        );
    }

    #[test]
    fn the_words_of_others_are_theirs() {
        let text = "use tower::Service;\nstruct ServiceAccount;\nimpl Service<A> for B {\n    type Service = C;\n}\n// struct DateHelper\n";
        assert_eq!(findings("a.rs", text), [""; 0]);
    }

    #[test]
    fn files_have_names() {
        assert_eq!(findings("crates/model/src/util.rs", ""), ["crates/model/src/util.rs:1: util"]);
        assert_eq!(findings("web/src/helpers/date.ts", ""), ["web/src/helpers/date.ts:1: helpers"]);
        assert_eq!(findings("web/src/TaskManager.tsx", ""), ["web/src/TaskManager.tsx:1: TaskManager"]);
        assert_eq!(findings("crates/resources/src/service_account.rs", ""), [""; 0]);
    }
}
