//! What the tables of the resources say, in the terms of the contract.

use std::collections::BTreeMap;

use conformance::Contract;
use engine::field::{Field, Kind, Shown, Source};
use engine::operation::{Action, Operation};
use engine::resource::Resource;
use resources::RESOURCES;

/// An operation that is built, with what the contract says of it.
#[derive(Clone, Copy)]
pub struct Built {
    pub operation: &'static Operation,
    pub resource: &'static Resource,
}

impl Built {
    /// The resource that its answer shows.
    pub fn answers(&self) -> &'static Resource {
        self.operation.answers.unwrap_or(self.resource)
    }
}

/// Every operation of the contract that is built, in the order of the tables.
pub fn operations() -> Vec<Built> {
    let all =
        RESOURCES.iter().flat_map(|resource| resource.operations.iter().map(move |operation| (resource, operation)));
    let built = all.filter(|(_, operation)| !matches!(operation.action, Action::Missing) && !operation.is_own());
    built.map(|(&resource, operation)| Built { operation, resource }).collect()
}

/// The resource that each shape of an operation's answer is built as.
pub fn shapes(contract: &Contract) -> BTreeMap<&'static str, &'static Resource> {
    let mut shapes = BTreeMap::new();
    for built in operations() {
        let Some(known) = contract.operations.get(built.operation.id) else { continue };
        if known.shape != "EmptyResponse" {
            let other = shapes.insert(known.shape, built.answers());
            assert!(
                other.is_none_or(|other: &Resource| other.kind == built.answers().kind),
                "{} is built as one resource",
                known.shape
            );
        }
    }
    shapes
}

/// What a path of the contract leads to.
#[derive(Clone, Copy)]
pub enum Found {
    /// `gid` or `resource_type`.
    Own,
    /// A field of the table.
    Field(&'static Field),
    /// Something inside a value that only running it shows.
    Inside,
}

/// Finds a dotted path among the fields of a resource.
pub fn find(resource: &'static Resource, path: &str) -> Option<Found> {
    find_in(&[Face { fields: resource.fields, gid: resource.has_gid(), typed: resource.typed }], path)
}

struct Face {
    fields: &'static [Field],
    gid: bool,
    typed: bool,
}

fn find_in(faces: &[Face], path: &str) -> Option<Found> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let of = |target: &'static Resource| Face { fields: target.fields, gid: target.has_gid(), typed: target.typed };
    faces.iter().find_map(|face| {
        let field = face.fields.iter().find(|field| field.name == name && field.shown != Shown::Never);
        match (field, rest) {
            (None, None) if name == "gid" && face.gid => Some(Found::Own),
            (None, None) if name == "resource_type" && face.typed => Some(Found::Own),
            (None, _) => None,
            (Some(field), None) => Some(Found::Field(field)),
            (Some(field), Some(rest)) => match field.source {
                Source::One { target, .. } | Source::Many { target, .. } | Source::Listed { target, .. } => {
                    find_in(&[of(target)], rest)
                }
                Source::OneOf { targets, .. } => {
                    find_in(&targets.iter().map(|target| of(target)).collect::<Vec<_>>(), rest)
                }
                Source::Object(fields) => find_in(&[Face { fields, gid: false, typed: false }], rest),
                Source::Computed { kind: Kind::Json, .. }
                | Source::Column(_, Kind::Json)
                | Source::Sql(_, Kind::Json)
                | Source::Member { kind: Kind::Json, .. } => Some(Found::Inside),
                _ => None,
            },
        }
    })
}

/// The words that a field chooses among.
pub fn choices(field: &Field) -> Option<&'static [&'static str]> {
    match field.source {
        Source::Column(_, Kind::Choice(choices))
        | Source::Sql(_, Kind::Choice(choices))
        | Source::Member { kind: Kind::Choice(choices), .. }
        | Source::Computed { kind: Kind::Choice(choices), .. } => Some(choices),
        _ => None,
    }
}

/// The dotted paths of a resource that a caller can ask for and get, down to `depth` names.
pub fn paths(resource: &'static Resource, depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    push_paths(resource.fields, resource.typed, "", depth, &mut found);
    found
}

fn push_paths(fields: &'static [Field], typed: bool, prefix: &str, depth: usize, found: &mut Vec<String>) {
    if typed {
        found.push(format!("{prefix}resource_type"));
    }
    for field in fields.iter().filter(|field| field.shown != Shown::Never) {
        let path = format!("{prefix}{}", field.name);
        found.push(path.clone());
        if depth > 1 {
            for (fields, typed) in inside(field) {
                push_paths(fields, typed, &format!("{path}."), depth - 1, found);
            }
        }
    }
}

/// The fields of what a field shows.
pub fn inside(field: &Field) -> Vec<(&'static [Field], bool)> {
    match field.source {
        Source::One { target, .. } | Source::Many { target, .. } | Source::Listed { target, .. } => {
            vec![(target.fields, target.typed)]
        }
        Source::OneOf { targets, .. } => targets.iter().map(|target| (target.fields, target.typed)).collect(),
        Source::Object(fields) => vec![(fields, false)],
        _ => Vec::new(),
    }
}
