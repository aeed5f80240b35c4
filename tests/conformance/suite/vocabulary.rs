//! How often the tables leave their vocabulary for SQL or JSON of their own. The numbers are committed: one that grows is
//! a decision.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use engine::field::{Field, Kind, Source};
use engine::operation::Action;
use engine::resource::{Guard, Resource};
use resources::RESOURCES;

use crate::committed;

#[test]
fn hatches_are_counted() {
    let mut hatches: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let (mut fields, mut operations) = (0, 0);
    for resource in RESOURCES {
        count(resource, resource.kind, resource.fields, &mut hatches, &mut fields);
        if let Guard::Sql(_) = resource.guard {
            hatches.entry("guard in SQL").or_default().push(resource.kind.to_owned());
        }
        for operation in resource.operations.iter().filter(|operation| !operation.is_own()) {
            operations += 1;
            if let Action::ListOneOf(_) = operation.action {
                hatches.entry("listing chosen by a function").or_default().push(operation.id.to_owned());
            }
        }
    }
    let mut text = format!("{operations} operations and {fields} fields of {} resources.\n", RESOURCES.len());
    for (hatch, places) in &hatches {
        writeln!(text, "\n{hatch}: {}", places.len()).unwrap();
        for place in places {
            writeln!(text, "  {place}").unwrap();
        }
    }
    println!("{text}");
    committed::agree("hatches.txt", &text);
}

fn count(
    resource: &Resource,
    prefix: &str,
    all: &'static [Field],
    hatches: &mut BTreeMap<&'static str, Vec<String>>,
    fields: &mut usize,
) {
    for field in all {
        *fields += 1;
        let place = format!("{prefix}.{}", field.name);
        let hatch = match field.source {
            Source::Sql(..) => "field in SQL",
            Source::Column(_, Kind::Json) | Source::Member { kind: Kind::Json, .. } => "stored JSON",
            Source::Computed { .. } => "computed field",
            _ => "",
        };
        if !hatch.is_empty() {
            hatches.entry(hatch).or_default().push(place.clone());
        }
        match field.source {
            Source::Object(inside) => count(resource, &place, inside, hatches, fields),
            Source::Many { target, .. } | Source::One { target, .. }
                if !RESOURCES.contains(&target) && !std::ptr::eq(target, resource) =>
            {
                if let Guard::Sql(_) = target.guard {
                    hatches.entry("guard in SQL").or_default().push(format!("{place} ({})", target.kind));
                }
                count(target, &place, target.fields, hatches, fields);
            }
            _ => {}
        }
    }
}
