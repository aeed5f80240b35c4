//! The contract's properties that are still to come, in lists that may only shrink, and ours that it does not have.

use std::collections::BTreeSet;

use conformance::Contract;
use engine::body::properties;
use engine::field::{Field, Shown, Source};
use engine::input::InputKind;

use crate::built::{Found, choices, find, operations, shapes};
use crate::committed::only_shrinks;

#[test]
fn every_property_of_an_answer_is_built_or_listed() {
    let contract = Contract::read();
    let mut later = BTreeSet::new();
    for (shape, resource) in shapes(&contract) {
        let missing: Vec<&str> =
            contract.shapes[shape].keys().copied().filter(|path| find(resource, path).is_none()).collect();
        for path in &missing {
            // What lies inside something missing is missing with it.
            let within = path.rsplit_once('.').is_some_and(|(outer, _)| missing.contains(&outer));
            if !within {
                later.insert(format!("{shape} {path}"));
            }
        }
    }
    only_shrinks(
        "later_paths.txt",
        "Properties of answers in the contract that are not built yet: shape, path. This list may only shrink.",
        &later,
    );
}

#[test]
fn properties_beyond_the_contract_are_listed() {
    let contract = Contract::read();
    let mut extra = BTreeSet::new();
    for (shape, resource) in shapes(&contract) {
        // Of a compact form only what it shows by itself.
        let whole = !shape.ends_with("Compact");
        let shown = |field: &Field| match field.shown {
            Shown::Compact => true,
            Shown::Full | Shown::OptIn => whole,
            Shown::Never => false,
        };
        extend(shape, resource.fields, "", &shown, &contract, &mut extra);
    }
    only_shrinks(
        "extra_paths.txt",
        "Properties of our answers that the contract does not have: shape, path. Each needs a reason.",
        &extra,
    );
}

fn extend(
    shape: &str,
    fields: &'static [Field],
    prefix: &str,
    shown: &dyn Fn(&Field) -> bool,
    contract: &Contract,
    extra: &mut BTreeSet<String>,
) {
    for field in fields.iter().filter(|field| shown(field)) {
        let path = format!("{prefix}{}", field.name);
        let Some(known) = contract.shapes[shape].get(path.as_str()) else {
            extra.insert(format!("{shape} {path}"));
            continue;
        };
        match field.source {
            Source::Object(inside) => extend(shape, inside, &format!("{path}."), shown, contract, extra),
            // An object that has no schema of its own in the contract has these members and no more.
            Source::One { target, .. } | Source::Many { target, .. } if known.of == "-" && prefix.is_empty() => {
                extend(shape, target.fields, &format!("{path}."), shown, contract, extra);
            }
            _ => {}
        }
    }
}

/// What is shown without being asked for, where that differs from what the contract says.
#[test]
fn what_is_shown_by_itself_is_as_the_contract_says_or_listed() {
    let contract = Contract::read();
    let mut differ = BTreeSet::new();
    for (shape, resource) in shapes(&contract) {
        let compact = shape.ends_with("Compact");
        for (path, expected) in &contract.shapes[shape] {
            let Some(field) = resource.fields.iter().find(|field| field.name == *path) else { continue };
            let opt_in = expected.notes.contains(&"opt-in");
            let shown = field.shown == Shown::Compact || (field.shown == Shown::Full && !compact);
            if shown == opt_in {
                differ.insert(format!("{shape} {path} {}", if shown { "shown" } else { "opt-in" }));
            }
        }
    }
    only_shrinks(
        "shown_otherwise.txt",
        "Properties that are shown by themselves although the contract says opt-in, or the other way round: shape, path, \
         what we do.",
        &differ,
    );
}

#[test]
fn every_property_of_a_body_is_accepted_or_listed() {
    let contract = Contract::read();
    let mut later = BTreeSet::new();
    for built in operations() {
        let accepted = properties(built.operation, Some(built.answers()));
        let bodies = contract.bodies.iter().filter(|property| property.operation == built.operation.id);
        let mut outer: Vec<&str> = Vec::new();
        for property in bodies {
            if outer.iter().any(|outer| property.path.starts_with(&format!("{outer}."))) {
                continue;
            }
            let known = property.readonly || accepts(&accepted, property.path);
            if !known {
                later.insert(format!("{} {}", built.operation.id, property.path));
            }
            let named = accepted.iter().find(|input| input.name == property.path).map(|input| input.kind);
            let by_gid = matches!(named, Some(InputKind::Gid(_) | InputKind::Gids(_)));
            if by_gid && property.kind == "object|string" {
                later.insert(format!("{} {} as an object", built.operation.id, property.path));
            }
            // What lies within something that is only read, not accepted, or named by its gid, goes with it.
            if property.readonly || !known || by_gid {
                outer.push(property.path);
            }
        }
    }
    only_shrinks(
        "later_bodies.txt",
        "Properties of request bodies in the contract that are not accepted yet: operation, path. This list may only \
         shrink.",
        &later,
    );
}

fn accepts(inputs: &[engine::input::Input], path: &str) -> bool {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    inputs.iter().find(|input| input.name == name).is_some_and(|input| match (rest, input.kind) {
        (None, _) => true,
        (Some(rest), InputKind::Object(inside) | InputKind::Objects(inside) | InputKind::GidOrNew(_, inside)) => {
            accepts(inside, rest)
        }
        // Named by their gids, and JSON that rules read.
        (Some(_), InputKind::Json | InputKind::Gid(_) | InputKind::Gids(_)) => true,
        (Some(_), _) => false,
    })
}

#[test]
fn choices_are_those_of_the_contract_or_listed() {
    let contract = Contract::read();
    let mut differ = BTreeSet::new();
    for (shape, resource) in shapes(&contract) {
        for (path, expected) in &contract.shapes[shape] {
            if expected.values.is_empty() {
                continue;
            }
            if let Some(Found::Field(field)) = find(resource, path) {
                compare(&format!("{shape} {path}"), choices(field), &expected.values, &mut differ);
            }
        }
    }
    for built in operations() {
        let accepted = properties(built.operation, Some(built.answers()));
        for property in contract.bodies.iter().filter(|property| property.operation == built.operation.id) {
            if property.values.is_empty() || property.readonly {
                continue;
            }
            let Some(input) = accepted.iter().find(|input| input.name == property.path) else { continue };
            let ours = match input.kind {
                InputKind::Choice(choices) => Some(choices),
                _ => None,
            };
            let place = format!("{} body {}", built.operation.id, property.path);
            compare(&place, ours, &property.values, &mut differ);
        }
    }
    only_shrinks(
        "other_choices.txt",
        "Words that a property chooses among, where ours differ from the contract's: place, +ours -theirs.",
        &differ,
    );
}

fn compare(place: &str, ours: Option<&[&str]>, theirs: &[&str], differ: &mut BTreeSet<String>) {
    let Some(ours) = ours else {
        differ.insert(format!("{place} any"));
        return;
    };
    let more = ours.iter().filter(|word| !theirs.contains(word)).map(|word| format!("+{word}"));
    let fewer = theirs.iter().filter(|word| **word != "null" && !ours.contains(word)).map(|word| format!("-{word}"));
    let all: Vec<String> = more.chain(fewer).collect();
    if !all.is_empty() {
        differ.insert(format!("{place} {}", all.join(" ")));
    }
}

/// What a body has to have by our tables, the contract requires too.
#[test]
fn what_a_body_requires_is_required() {
    let contract = Contract::read();
    let mut more = BTreeSet::new();
    for built in operations() {
        let bodies: Vec<_> =
            contract.bodies.iter().filter(|property| property.operation == built.operation.id).collect();
        for input in built.operation.inputs.iter().filter(|input| input.required) {
            if !bodies.iter().any(|property| property.path == input.name && property.required) {
                more.insert(format!("{} {}", built.operation.id, input.name));
            }
        }
    }
    only_shrinks(
        "required_otherwise.txt",
        "Properties that a body has to have although the contract does not say so: operation, path.",
        &more,
    );
}
