//! Words that must not stand somewhere.

use super::{Finding, extension, is_sample, lines};
use crate::code;
use crate::tree::Tree;

/// A text that is refused where `applies` says so.
struct Ban {
    applies: fn(&str) -> bool,
    reads: Reads,
    refuses: Refuses,
    why: &'static str,
}

#[derive(Clone, Copy, PartialEq)]
enum Reads {
    /// What the compiler reads: no comments, no strings.
    Code,
    Everything,
}

enum Refuses {
    /// Standing on its own.
    Words(&'static [&'static str]),
    /// Anywhere, in any case.
    Parts(&'static [&'static str]),
    /// As the first directory of an absolute path.
    Roots(&'static [&'static str]),
    /// Anything for which this gives the refused part.
    Rule(fn(&str) -> Option<&str>),
}

const BANS: &[Ban] = &[
    Ban {
        applies: knows_no_engine,
        reads: Reads::Everything,
        refuses: Refuses::Parts(&["sqlite", "postgres"]),
        why: "only crates/store knows which database it is; ask the store for what differs",
    },
    Ban {
        applies: knows_no_http,
        reads: Reads::Code,
        refuses: Refuses::Words(&["axum", "hyper", "hyper_util", "http::", "tower", "tower_http"]),
        why: "resources and the model speak of operations and fields, not of HTTP",
    },
    Ban {
        applies: is_rust,
        reads: Reads::Code,
        refuses: Refuses::Words(&["unsafe"]),
        why: "no memory bug can be ours; a crate that others review may do it",
    },
    Ban {
        applies: is_rust,
        reads: Reads::Code,
        refuses: Refuses::Words(&["todo!", "unimplemented!", "dbg!"]),
        why: "finish it, or answer 501 and list it as missing",
    },
    Ban {
        applies: is_rust,
        reads: Reads::Code,
        refuses: Refuses::Parts(&["#[ignore"]),
        why: "a test that does not run tells nobody anything: mend it or delete it",
    },
    Ban {
        applies: is_script,
        reads: Reads::Everything,
        refuses: Refuses::Parts(&[".skip(", ".skipif(", ".only(", ".fixme(", "mark.xfail"]),
        why: "a test that does not run tells nobody anything: mend it or delete it",
    },
    Ban {
        applies: is_source,
        reads: Reads::Everything,
        refuses: Refuses::Words(&["FIXME", "XXX"]),
        why: "mend it now, or write down in COMPAT.md what is missing",
    },
    Ban {
        applies: everywhere,
        reads: Reads::Everything,
        refuses: Refuses::Roots(&["/home/", "/root/", "/Users/", "/work/"]),
        why: "a path of one machine; use one relative to the repository, or a temporary directory",
    },
    Ban {
        applies: everywhere,
        reads: Reads::Everything,
        refuses: Refuses::Rule(registry_host),
        why: "everyone has their own mirror: the tools' configuration says where packages come from",
    },
    Ban {
        applies: is_json_lock,
        reads: Reads::Everything,
        refuses: Refuses::Parts(&["\"resolved\""]),
        why: "names a registry's host; write the lock file with omit-lockfile-registry-resolved=true in .npmrc",
    },
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| !is_sample(path)) {
        let bans: Vec<&Ban> = BANS.iter().filter(|ban| (ban.applies)(path)).collect();
        let code = bans.iter().any(|ban| ban.reads == Reads::Code).then(|| code::only(text));
        for ban in bans {
            let read = if ban.reads == Reads::Code { code.as_deref().unwrap_or(text) } else { text };
            for (number, line) in lines(read) {
                if let Some(refused) = ban.refuses.first_in(line) {
                    findings.push(Finding::new(path, number, format!("{refused}: {}", ban.why)));
                }
            }
        }
        findings.extend(open_ends(tree, path, text));
    }
    findings
}

impl Refuses {
    fn first_in<'a>(&self, line: &'a str) -> Option<&'a str> {
        match self {
            Refuses::Words(words) => words.iter().find(|word| code::finds_word(line, word)).copied(),
            Refuses::Parts(parts) => {
                let line = line.to_lowercase();
                parts.iter().find(|part| line.contains(**part)).copied()
            }
            Refuses::Roots(roots) => roots.iter().find(|root| starts_a_path(line, root)).copied(),
            Refuses::Rule(rule) => rule(line),
        }
    }
}

fn starts_a_path(line: &str, root: &str) -> bool {
    line.match_indices(root).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_.-}$".contains(c))
    })
}

fn registry_host(line: &str) -> Option<&str> {
    const HOSTS: &[&str] = &["npmjs.org", "npmjs.com", "yarnpkg.com", "pypi.org", "pythonhosted.org", "deb.debian.org"];
    let host = HOSTS.iter().find(|host| line.contains(**host)).copied();
    // The lock file of cargo names the index by its repository; there is no way to leave that out.
    let index = || line.match_indices("crates.io").any(|(at, host)| !line[at + host.len()..].starts_with("-index"));
    host.or_else(|| index().then_some("crates.io"))
}

/// A promise for later names, in brackets, words that stand in COMPAT.md, where the users read what is missing.
fn open_ends(tree: &Tree, path: &str, text: &str) -> Vec<Finding> {
    const WORD: &str = "TODO";
    if !is_source(path) {
        return Vec::new();
    }
    let compat = tree.files.get("COMPAT.md").and_then(Option::as_deref).unwrap_or("");
    let listed = |line: &str| {
        let rest = line.split(WORD).nth(1).and_then(|rest| rest.strip_prefix('(')?.split_once(')'));
        rest.is_some_and(|(words, _)| !words.trim().is_empty() && compat.contains(words.trim()))
    };
    lines(text)
        .filter(|(_, line)| code::finds_word(line, WORD) && !listed(line))
        .map(|(number, _)| {
            let message =
                format!("{WORD}: needs a line in COMPAT.md that says what is missing: {WORD}(words of that line)");
            Finding::new(path, number, message)
        })
        .collect()
}

fn everywhere(_: &str) -> bool {
    true
}

fn is_rust(path: &str) -> bool {
    extension(path) == "rs"
}

fn is_script(path: &str) -> bool {
    matches!(extension(path), "py" | "js" | "mjs" | "ts" | "tsx")
}

fn is_source(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    is_rust(path)
        || is_script(path)
        || matches!(extension(path), "css" | "html" | "sh" | "sql" | "toml" | "yaml" | "yml")
        || (extension(name).is_empty() && !name.starts_with("LICENSE"))
}

fn is_json_lock(path: &str) -> bool {
    path.ends_with("package-lock.json")
}

/// The crates that may not tell one database from the other.
fn knows_no_engine(path: &str) -> bool {
    const MAY: &[&str] = &["store", "server", "testkit", "bench"];
    let in_source = path.strip_prefix("crates/").and_then(|rest| rest.split_once("/src/"));
    is_rust(path) && in_source.is_some_and(|(name, _)| !MAY.contains(&name))
}

fn knows_no_http(path: &str) -> bool {
    is_rust(path) && ["crates/model/", "crates/resources/"].iter().any(|place| path.starts_with(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)])).iter().map(|finding| finding.to_string()).collect()
    }

    /// The place and the refused part, without the reason.
    fn refused(path: &str, text: &str) -> Vec<String> {
        let short = |finding: String| finding.splitn(4, ':').take(3).collect::<Vec<_>>().join(":");
        findings(path, text).into_iter().map(short).collect()
    }

    #[test]
    fn a_finding_says_what_and_why() {
        assert_eq!(
            findings("crates/model/src/a.rs", "unsafe {}\n"),
            ["crates/model/src/a.rs:1: unsafe: no memory bug can be ours; a crate that others review may do it"]
        );
    }

    #[test]
    fn only_the_store_names_an_engine() {
        let text = "//! Plans.\n// SQLite only\nuse tokio_postgres::Row;\n";
        let path = "crates/engine/src/read.rs";
        assert_eq!(refused(path, text), [format!("{path}:2: sqlite"), format!("{path}:3: postgres")]);
        for allowed in ["crates/store/src/sqlite.rs", "crates/server/src/configuration.rs", "crates/engine/tests/a.rs"]
        {
            assert_eq!(refused(allowed, text), [""; 0]);
        }
    }

    #[test]
    fn resources_know_no_http() {
        let text = "use http::StatusCode; // http::Method\nlet hyperlink = \"axum\";\nuse axum::Router;\n";
        let path = "crates/resources/src/task.rs";
        assert_eq!(refused(path, text), [format!("{path}:1: http"), format!("{path}:3: axum")]);
        assert_eq!(refused("crates/server/src/a.rs", text), [""; 0]);
    }

    #[test]
    fn code_is_finished_safe_and_tested() {
        let text = "unsafe { f() }\ntodo!()\nunimplemented!(\"x\")\ndbg!(1);\n#[ignore = \"slow\"]\n// FIXME\n// XXX\n";
        let lines: Vec<String> = refused("a.rs", text);
        assert_eq!(
            lines,
            [
                "a.rs:1: unsafe",
                "a.rs:2: todo!",
                "a.rs:3: unimplemented!",
                "a.rs:4: dbg!",
                "a.rs:5: #[ignore",
                "a.rs:6: FIXME",
                "a.rs:7: XXX"
            ]
        );
        let fine =
            "#![forbid(unsafe_code)] // no unsafe, no todo!\nlet s = \"dbg!(\"; mktemp(\"XXXXXX\");\niter.skip(1);\n";
        assert_eq!(refused("a.rs", fine), [""; 0]);
    }

    #[test]
    fn scripts_skip_no_test() {
        assert_eq!(refused("a.py", "@pytest.mark.skipif(x)\n"), ["a.py:1: .skipif("]);
        assert_eq!(refused("web/a.test.ts", "it.only('x', f)\n"), ["web/a.test.ts:1: .only("]);
    }

    #[test]
    fn a_promise_is_listed() {
        let with = |compat: &str, text: &str| {
            check(&Tree::of(&[("COMPAT.md", compat), ("a.rs", text)])).iter().map(|f| f.line).collect::<Vec<_>>()
        };
        let compat = "- goals: not yet\n";
        assert_eq!(with(compat, "// TODO(goals: not yet) link them\n"), [0; 0]);
        assert_eq!(with(compat, "fn f() {}\n// TODO link them\n"), [2]);
        assert_eq!(with(compat, "// TODO(budgets)\n// TODO()\n"), [1, 2]);
    }

    #[test]
    fn no_path_of_one_machine() {
        assert_eq!(refused("docs/a.md", "cd /home/jo/vinyasa\n"), ["docs/a.md:1: /home/"]);
        assert_eq!(refused("Makefile", "x = \"/root/x\"\n"), ["Makefile:1: /root/"]);
        assert_eq!(refused("docs/a.md", "GET /api/1.0/users/me, https://example.com/work/a, $(X)/./work/b\n"), [""; 0]);
    }

    #[test]
    fn no_registry_by_name() {
        assert_eq!(refused(".npmrc", "registry=https://registry.npmjs.org/\n"), [".npmrc:1: npmjs.org"]);
        assert_eq!(refused("docs/a.md", "see https://crates.io/crates/x\n"), ["docs/a.md:1: crates.io"]);
        let lock = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
        assert_eq!(refused("Cargo.lock", lock), [""; 0]);
    }

    #[test]
    fn a_lock_file_names_no_host() {
        let text = "{\n\"resolved\": \"https://mirror.example/x.tgz\"\n}\n";
        assert_eq!(refused("web/package-lock.json", text), ["web/package-lock.json:2: \"resolved\""]);
    }
}
