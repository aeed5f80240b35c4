//! `opt_fields`: any text selects something, and what it selects can be planned.

use std::collections::HashSet;

use engine::plan::Plan;
use engine::select::{Paths, Selection};
use resources::RESOURCES;

use crate::{choose, first_line, names};

/// The kind of a resource on the first line, then the text.
pub fn run(data: &[u8]) {
    let (kind, text) = first_line(data);
    let text = String::from_utf8_lossy(text);
    let resource = *choose(RESOURCES, &kind, |resource| resource.kind);
    assert_eq!(Paths::parse(&text), Paths::parse(&text));
    let selection = Selection::of(resource, &text);
    check(&selection);
    for (guarded, single) in [(true, true), (false, true), (false, false)] {
        Plan::new(resource, &selection, guarded, single);
    }
}

/// A field is selected once, and at least one path led to it.
fn check(selection: &Selection) {
    let mut seen = HashSet::new();
    for selected in &selection.fields {
        assert!(seen.insert(std::ptr::from_ref(selected.field)), "{} is selected twice", selected.field.name);
        selected.inside.iter().for_each(check);
    }
}

/// Names, and what stands between them.
pub fn words() -> Vec<String> {
    let marks = [",", ".", "(", ")", "|", "this", "this.", "gid", "resource_type", "(gid|name)", ".(", ").", "\n"];
    names().into_iter().chain(marks.map(str::to_owned)).collect()
}
