//! The arrows between crates: who may use whom. A crate that is not here may not exist yet.

use toml::{Table, Value};

use super::{Finding, lines};
use crate::tree::Tree;

/// Each crate under crates/ and tests/ and what of ours it may use. No arrow points back, and the engine never sees a resource.
const ARROWS: &[(&str, &[&str])] = &[
    ("phrase", &[]),
    ("model", &[]),
    ("store", &["model"]),
    ("engine", &["phrase", "model", "store"]),
    ("auth", &["model", "store", "engine"]),
    ("jobs", &["model", "store", "engine"]),
    ("resources", &["model", "store", "engine"]),
    ("sample", &["model", "store", "engine", "auth", "resources"]),
    ("server", &["phrase", "model", "store", "engine", "auth", "jobs", "resources", "sample"]),
    ("testkit", &["phrase", "model", "store", "engine", "auth", "jobs", "resources", "server"]),
    ("bench", &["phrase", "model", "store", "engine", "auth", "jobs", "resources", "sample", "server", "testkit"]),
    ("conformance", &["model", "store", "engine", "resources", "testkit"]),
    ("durability", &["model", "store", "engine", "resources", "sample", "testkit"]),
    ("oracle", &["model", "store", "engine", "resources", "testkit"]),
];

/// Only tests may use it, so that nothing of it reaches the binary.
const FOR_TESTS: &str = "testkit";

/// The whole of HTTP stays in the engine's edge and the server; a rule speaks of operations and fields.
const HTTP: &[&str] = &["axum", "hyper", "hyper-util", "http", "http-body", "http-body-util", "tower", "tower-http"];
const WITHOUT_HTTP: &[&str] = &["model", "resources"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let manifests: Vec<Manifest> = tree
        .texts()
        .filter(|(path, _)| *path == "Cargo.toml" || path.ends_with("/Cargo.toml"))
        .filter_map(|(path, text)| Manifest::read(path, text))
        .collect();
    let ours: Vec<&str> = manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    manifests.iter().flat_map(|manifest| manifest.check(&ours)).collect()
}

struct Manifest<'a> {
    path: &'a str,
    text: &'a str,
    name: String,
    table: Table,
}

impl<'a> Manifest<'a> {
    /// `None` for the workspace's own manifest and for what is not one.
    fn read(path: &'a str, text: &'a str) -> Option<Manifest<'a>> {
        let table: Table = text.parse().ok()?;
        let name = table.get("package")?.get("name")?.as_str()?.to_owned();
        Some(Manifest { path, text, name, table })
    }

    fn check(&self, ours: &[&str]) -> Vec<Finding> {
        if !self.path.starts_with("crates/") && !self.path.starts_with("tests/") {
            return Vec::new();
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == self.name) else {
            let message = format!("the crate {} has no row in ARROWS of xtask/src/tidy/arrow.rs", self.name);
            return vec![Finding::new(self.path, 1, message)];
        };
        let mut findings = Vec::new();
        for (section, key, target) in self.dependencies() {
            let in_tests = section == "dev-dependencies";
            let message = if ours.contains(&target.as_str()) {
                // A crate that names itself for its tests turns one of its features on: no arrow.
                if allowed.contains(&target.as_str()) || in_tests && (target == FOR_TESTS || target == self.name) {
                    continue;
                }
                if target == FOR_TESTS {
                    format!("{} is for tests: [dev-dependencies] only", FOR_TESTS)
                } else {
                    let allowed = if allowed.is_empty() { "nothing of ours".to_owned() } else { allowed.join(", ") };
                    format!("{} may not use {target}; it may use {allowed}", self.name)
                }
            } else if HTTP.contains(&target.as_str()) && WITHOUT_HTTP.contains(&self.name.as_str()) {
                format!("no HTTP in {}, so no {target}: it speaks of operations and fields", self.name)
            } else {
                continue;
            };
            findings.push(Finding::new(self.path, self.line_of(&section, &key), message));
        }
        findings
    }

    /// Section, key and the crate meant, of every dependency, also the ones of one platform.
    fn dependencies(&self) -> Vec<(String, String, String)> {
        let platforms = self.table.get("target").and_then(Value::as_table);
        let places = platforms.into_iter().flat_map(Table::values).filter_map(Value::as_table).chain([&self.table]);
        let mut found = Vec::new();
        for place in places {
            for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
                let Some(entries) = place.get(section).and_then(Value::as_table) else { continue };
                for (key, value) in entries {
                    let renamed = value.get("package").and_then(Value::as_str);
                    found.push((section.to_owned(), key.clone(), renamed.unwrap_or(key).to_owned()));
                }
            }
        }
        found
    }

    fn line_of(&self, section: &str, key: &str) -> usize {
        let mut inside = false;
        for (number, line) in lines(self.text) {
            let line = line.trim();
            if let Some(header) = line.strip_prefix('[') {
                let header = header.trim_end_matches(']');
                inside = header == section || header.ends_with(&format!(".{section}"));
                if header.ends_with(&format!("{section}.{key}")) {
                    return number;
                }
            } else if inside && line.split(['.', '=', ' ']).next() == Some(key) {
                return number;
            }
        }
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(name: &str, rest: &str) -> Vec<String> {
        let manifest = |name: &str, rest: &str| format!("[package]\nname = \"{name}\"\n{rest}");
        let path = format!("crates/{name}/Cargo.toml");
        let others: Vec<(String, String)> = ARROWS
            .iter()
            .filter(|(other, _)| *other != name)
            .map(|(other, _)| (format!("crates/{other}/Cargo.toml"), manifest(other, "")))
            .collect();
        let text = manifest(name, rest);
        let mut files: Vec<(&str, &str)> = others.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        files.push((&path, &text));
        check(&Tree::of(&files)).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn arrows_point_one_way() {
        assert_eq!(findings("engine", "[dependencies]\nmodel.workspace = true\nstore.workspace = true\n"), [""; 0]);
        assert_eq!(
            findings("engine", "[dependencies]\nmodel.workspace = true\nresources.workspace = true\n"),
            ["crates/engine/Cargo.toml:5: engine may not use resources; it may use phrase, model, store"]
        );
        assert_eq!(
            findings("model", "[dependencies]\nserde = \"1\"\n[dev-dependencies]\nstore = { path = \"../store\" }\n"),
            ["crates/model/Cargo.toml:6: model may not use store; it may use nothing of ours"]
        );
    }

    #[test]
    fn a_renamed_or_conditional_dependency_is_an_arrow_too() {
        assert_eq!(
            findings("store", "[dependencies]\ne = { package = \"engine\", path = \"../engine\" }\n"),
            ["crates/store/Cargo.toml:4: store may not use engine; it may use model"]
        );
        assert_eq!(
            findings("store", "[target.'cfg(unix)'.dependencies]\nauth.workspace = true\n"),
            ["crates/store/Cargo.toml:4: store may not use auth; it may use model"]
        );
        assert_eq!(
            findings("store", "[build-dependencies.server]\npath = \"../server\"\n"),
            ["crates/store/Cargo.toml:3: store may not use server; it may use model"]
        );
    }

    #[test]
    fn the_test_kit_is_for_tests() {
        assert_eq!(findings("resources", "[dev-dependencies]\ntestkit.workspace = true\n"), [""; 0]);
        assert_eq!(
            findings("server", "[dependencies]\ntestkit.workspace = true\n"),
            ["crates/server/Cargo.toml:4: testkit is for tests: [dev-dependencies] only"]
        );
    }

    #[test]
    fn a_crate_may_turn_on_its_own_feature_for_its_tests() {
        assert_eq!(findings("store", "[dev-dependencies]\nstore = { path = \".\" }\n"), [""; 0]);
    }

    #[test]
    fn a_new_crate_needs_a_row() {
        assert_eq!(
            findings("gadget", ""),
            ["crates/gadget/Cargo.toml:1: the crate gadget has no row in ARROWS of xtask/src/tidy/arrow.rs"]
        );
    }

    #[test]
    fn resources_know_no_http() {
        assert_eq!(
            findings("resources", "[dependencies]\nhttp = \"1\"\n"),
            ["crates/resources/Cargo.toml:4: no HTTP in resources, so no http: it speaks of operations and fields"]
        );
        assert_eq!(findings("server", "[dependencies]\naxum.workspace = true\n"), [""; 0]);
    }
}
