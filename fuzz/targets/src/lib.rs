//! What strangers send, thrown at the code that reads it first: functions of bytes that panic when something is wrong.
//!
//! The fuzzer (`make fuzz`) and an ordinary test (`tests/short.rs`) run the same functions over the same corpora. None of
//! them needs a database. Inputs are text, so that a corpus can be read and written by hand: the first line says which
//! table is meant, the rest is what came in.

pub mod body;
pub mod mutation;
pub mod offset;
pub mod opt_fields;
pub mod rich_text;
pub mod route;

use std::collections::BTreeSet;

use engine::field::{Field, Source};
use engine::input::{Input, InputKind};
use resources::RESOURCES;

/// A function to be fuzzed.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, also that of its corpus.
    pub name: &'static str,
    /// Runs it. Panics when something is wrong.
    pub run: fn(&[u8]),
    /// Words that its inputs are likely to hold.
    pub words: fn() -> Vec<String>,
}

/// All of them.
pub static TARGETS: &[Target] = &[
    Target { name: "opt_fields", run: opt_fields::run, words: opt_fields::words },
    Target { name: "offset", run: offset::run, words: offset::words },
    Target { name: "body", run: body::run, words: body::words },
    Target { name: "route", run: route::run, words: route::words },
    Target { name: "rich_text", run: rich_text::run, words: rich_text::words },
];

/// The first line, and what comes after it.
fn first_line(data: &[u8]) -> (String, &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    (String::from_utf8_lossy(&data[..end]).into_owned(), data.get(end + 1..).unwrap_or_default())
}

/// The item of this name; for any other name some item, so that no input is in vain.
fn choose<'a, T>(items: &'a [T], name: &str, name_of: impl Fn(&T) -> &str) -> &'a T {
    let known = items.iter().find(|item| name_of(item) == name);
    let number = name.bytes().fold(0usize, |number, byte| number.wrapping_mul(31).wrapping_add(byte.into()));
    known.unwrap_or_else(|| &items[number % items.len()])
}

/// The names of all fields, kinds and properties.
fn names() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for resource in RESOURCES {
        all.insert(resource.kind.to_owned());
        fields(resource.fields, &mut all);
        for operation in resource.operations {
            inputs(operation.inputs, &mut all);
        }
    }
    all
}

fn fields(fields: &[Field], all: &mut BTreeSet<String>) {
    for field in fields {
        all.insert(field.name.to_owned());
        if let Source::Object(inside) = field.source {
            self::fields(inside, all);
        }
    }
}

fn inputs(inputs: &[Input], all: &mut BTreeSet<String>) {
    for input in inputs {
        all.insert(input.name.to_owned());
        if let InputKind::Object(inside) | InputKind::Objects(inside) = input.kind {
            self::inputs(inside, all);
        }
    }
}
