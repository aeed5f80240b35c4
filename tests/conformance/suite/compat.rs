//! COMPAT.md: every operation of the contract and its state, and every known difference. Written by
//! `UPDATE=1 cargo test -p conformance compat`, else compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use conformance::Contract;

use crate::built::operations;
use crate::committed::{agree, read};

const HEAD: &str = "\
# Compatibility

What of the Asana REST API 1.0 is built, operation by operation, and where it differs. This file is generated from the
tables that the server runs on and from the committed lists in [tests/conformance](tests/conformance), which the tests
hold true; do not edit it (`UPDATE=1 cargo test -p conformance compat`).

An operation that is not built answers 501 in the shape of every error. A property that is not built is absent from
answers, never a faked null, and `opt_fields` that ask for it are ignored.

";

#[test]
fn compat_is_up_to_date() {
    let contract = Contract::read();
    let built: BTreeSet<&str> = operations().iter().map(|built| built.operation.id).collect();
    let done = contract.operations.keys().filter(|id| built.contains(*id)).count();
    let mut text = HEAD.to_owned();
    writeln!(text, "Built: {done} of {} operations.\n", contract.operations.len()).unwrap();

    text.push_str("## Known differences\n\n");
    text.push_str(read("differences.md").trim_end());
    text.push_str("\n\n## Operations\n");
    let mut groups: BTreeMap<&str, Vec<(&str, &conformance::Operation)>> = BTreeMap::new();
    for (id, operation) in &contract.operations {
        groups.entry(operation.tag).or_default().push((id, operation));
    }
    for (tag, operations) in groups {
        let done = operations.iter().filter(|(id, _)| built.contains(id)).count();
        write!(text, "\n### {tag}: {done} of {}\n\n", operations.len()).unwrap();
        text.push_str("| Operation | Request | State |\n| --- | --- | --- |\n");
        for (id, operation) in operations {
            let state = if built.contains(id) { "built" } else { "501" };
            writeln!(text, "| {id} | `{} {}` | {state} |", operation.method, operation.path).unwrap();
        }
    }

    for (title, file) in [
        ("Properties of answers that are not built", "later_paths.txt"),
        ("Properties of request bodies that are not accepted", "later_bodies.txt"),
        ("Query parameters that are not read", "later_parameters.txt"),
        ("Properties that a body has to have against the contract", "required_otherwise.txt"),
        ("Properties that the contract does not have", "extra_paths.txt"),
        ("Properties shown by themselves, or not, against the contract", "shown_otherwise.txt"),
        ("Null where the contract does not say so", "nulls.txt"),
        ("Values of another type than the contract's", "other_types.txt"),
        ("Words to choose from that differ from the contract's", "other_choices.txt"),
    ] {
        write!(text, "\n## {title}\n\n").unwrap();
        let lines = read(file);
        let mut by_first: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for line in lines.lines().filter(|line| !line.starts_with('#')) {
            let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
            by_first.entry(first).or_default().push(rest);
        }
        if by_first.is_empty() {
            text.push_str("None.\n");
        }
        for (first, rest) in by_first {
            let rest: Vec<String> = rest.iter().map(|path| format!("`{path}`")).collect();
            writeln!(text, "- {first}: {}", rest.join(", ")).unwrap();
        }
    }
    agree("../../COMPAT.md", &text);
}
