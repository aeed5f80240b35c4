//! `opt_fields`: which fields of an object, and of the objects within it, an answer shows.
//!
//! The rules, from the contract's introduction and the observed behaviour of clients: `gid` is always there and comes
//! first; `this.` is the object itself; `a.(b|c).d` is a group; a bare object name means its compact form, a deeper path
//! replaces that; unknown names are ignored.

use crate::field::{Edge, Field, Shown, Source};
use crate::resource::Resource;

/// Paths that one text may stand for after its groups are expanded. More are ignored.
const MOST_PATHS: usize = 1_000;
/// Names in one path.
const DEEPEST_PATH: usize = 16;

/// The names asked for, as a tree.
#[derive(Debug, Default, PartialEq)]
pub struct Paths {
    names: Vec<(String, Paths)>,
}

impl Paths {
    /// Reads an `opt_fields` text. Never fails: what makes no sense selects nothing.
    pub fn parse(text: &str) -> Self {
        let mut paths = Paths::default();
        let mut expanded = 0;
        for item in split(text, b',') {
            let mut prefixes: Vec<Vec<&str>> = vec![Vec::new()];
            for part in split(item, b'.') {
                let part = part.trim();
                let names: Vec<Vec<&str>> = match part.strip_prefix('(').and_then(|group| group.strip_suffix(')')) {
                    // A member of a group may be a path itself.
                    Some(group) => {
                        split(group, b'|').map(|member| split(member, b'.').map(str::trim).collect()).collect()
                    }
                    None => vec![vec![part]],
                };
                let longest = |paths: &[Vec<&str>]| paths.iter().map(Vec::len).max().unwrap_or_default();
                let deeper = longest(&prefixes) + longest(&names);
                if prefixes.len() * names.len() > MOST_PATHS || deeper > DEEPEST_PATH {
                    prefixes.clear();
                    break;
                }
                prefixes = prefixes
                    .iter()
                    .flat_map(|prefix| names.iter().map(move |name| [prefix.as_slice(), name].concat()))
                    .collect();
            }
            for path in prefixes {
                expanded += 1;
                if expanded <= MOST_PATHS {
                    paths.insert(&path);
                }
            }
        }
        paths
    }

    fn insert(&mut self, path: &[&str]) {
        let Some((&name, rest)) = path.split_first() else {
            return;
        };
        // Nothing between two dots means as little as `this`.
        if name == "this" || name.is_empty() {
            return self.insert(rest);
        }
        let at = match self.names.iter().position(|(known, _)| known == name) {
            Some(at) => at,
            None => {
                self.names.push((name.to_owned(), Paths::default()));
                self.names.len() - 1
            }
        };
        self.names[at].1.insert(rest);
    }

    fn get(&self, name: &str) -> Option<&Paths> {
        self.names.iter().find(|(known, _)| known == name).map(|(_, inside)| inside)
    }

    fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// Splits at `separator` outside parentheses.
fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut depth = 0usize;
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'(' => depth += 1,
                b')' => depth = depth.saturating_sub(1),
                _ if byte == separator && depth == 0 => {
                    rest = Some(&text[at + 1..]);
                    return Some(&text[..at]);
                }
                _ => {}
            }
        }
        rest = None;
        Some(text)
    })
}

/// The chosen fields of a resource, in the order of its table.
#[derive(Debug, Default, PartialEq)]
pub struct Selection {
    /// Whether `resource_type` is shown.
    pub resource_type: bool,
    /// The fields.
    pub fields: Vec<Selected>,
}

/// A chosen field.
#[derive(Debug)]
pub struct Selected {
    /// The field.
    pub field: &'static Field,
    /// Loaded only because a computed field needs it.
    pub hidden: bool,
    /// What is chosen of the target: one selection per target for `OneOf`, one for the other relations, none for values.
    pub inside: Vec<Selection>,
}

impl PartialEq for Selected {
    /// Fields are statics or constants: one that is the same is the same place.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.field, other.field) && self.hidden == other.hidden && self.inside == other.inside
    }
}

impl Selection {
    /// Everything that is shown without being asked for.
    pub fn full(resource: &'static Resource) -> Self {
        Selection::default_of(resource.fields, resource.typed, |shown| matches!(shown, Shown::Compact | Shown::Full))
    }

    /// The compact form.
    pub fn compact(resource: &'static Resource) -> Self {
        let whole = !resource.has_gid();
        Selection::default_of(resource.fields, resource.typed, |shown| {
            shown == Shown::Compact || (whole && shown == Shown::Full)
        })
    }

    /// What an `opt_fields` text asks of a resource.
    pub fn of(resource: &'static Resource, opt_fields: &str) -> Self {
        Selection::chosen(resource.fields, resource.typed, &Paths::parse(opt_fields))
    }

    fn default_of(fields: &'static [Field], typed: bool, shown: impl Fn(Shown) -> bool) -> Self {
        let mut selection = Selection { resource_type: typed, fields: Vec::new() };
        for field in fields.iter().filter(|field| shown(field.shown)) {
            let inside = inside(field, &Paths::default());
            selection.fields.push(Selected { field, hidden: false, inside });
        }
        selection.add_needs(fields);
        selection
    }

    fn chosen(fields: &'static [Field], typed: bool, paths: &Paths) -> Self {
        let mut selection =
            Selection { resource_type: typed && paths.get("resource_type").is_some(), fields: Vec::new() };
        for field in fields {
            let Some(deeper) = paths.get(field.name).filter(|_| field.shown != Shown::Never) else {
                continue;
            };
            let inside = inside(field, deeper);
            if inside.is_empty() && !deeper.is_empty() && !is_json(field) {
                continue;
            }
            selection.fields.push(Selected { field, hidden: false, inside });
        }
        selection.add_needs(fields);
        selection
    }

    /// Adds, hidden, what the computed fields are made of and what others depend on.
    fn add_needs(&mut self, fields: &'static [Field]) {
        let mut at = 0;
        while at < self.fields.len() {
            let Field { source, behind, .. } = *self.fields[at].field;
            if let Source::Computed { needs, .. } = source {
                self.add_hidden(fields, &Paths::parse(needs));
            }
            if let Source::Many { edge: Edge::Through { list, .. }, .. } = source {
                self.add_hidden(fields, &Paths::parse(list));
            }
            if !behind.is_empty() {
                self.add_hidden(fields, &Paths::parse(behind));
            }
            at += 1;
        }
    }

    fn add_hidden(&mut self, fields: &'static [Field], paths: &Paths) {
        for field in fields {
            let Some(deeper) = paths.get(field.name) else {
                continue;
            };
            let at = match self.fields.iter().position(|selected| std::ptr::eq(selected.field, field)) {
                Some(at) => at,
                None => {
                    let inside = targets(field).iter().map(|_| Selection::default()).collect();
                    self.fields.push(Selected { field, hidden: true, inside });
                    self.fields.len() - 1
                }
            };
            for (inside, target) in self.fields[at].inside.iter_mut().zip(targets(field)) {
                inside.add_hidden(target.0, deeper);
                inside.add_needs(target.0);
            }
        }
    }
}

fn is_json(field: &Field) -> bool {
    matches!(
        field.source,
        Source::Column(_, crate::field::Kind::Json)
            | Source::Sql(_, crate::field::Kind::Json)
            | Source::Member { kind: crate::field::Kind::Json, .. }
            | Source::Computed { .. }
    )
}

/// The fields of what a relation points at, and whether those have a type.
fn targets(field: &Field) -> Vec<(&'static [Field], bool)> {
    match field.source {
        Source::One { target, .. } | Source::Many { target, .. } | Source::Listed { target, .. } => {
            vec![(target.fields, target.typed)]
        }
        Source::OneOf { targets, .. } => targets.iter().map(|target| (target.fields, target.typed)).collect(),
        Source::RefsIn { targets, .. } => targets().iter().map(|target| (target.fields, target.typed)).collect(),
        Source::Object(fields) => vec![(fields, false)],
        _ => Vec::new(),
    }
}

fn inside(field: &'static Field, deeper: &Paths) -> Vec<Selection> {
    let compact = |target: &'static Resource| {
        if field.inside.is_empty() { Selection::compact(target) } else { Selection::of(target, field.inside) }
    };
    match field.source {
        Source::One { target, .. } | Source::Many { target, .. } | Source::Listed { target, .. }
            if deeper.is_empty() =>
        {
            vec![compact(target)]
        }
        Source::OneOf { targets, .. } if deeper.is_empty() => targets.iter().map(|target| compact(target)).collect(),
        Source::Object(fields) if deeper.is_empty() => {
            vec![Selection::default_of(fields, false, |shown| matches!(shown, Shown::Compact | Shown::Full))]
        }
        _ => targets(field).into_iter().map(|(fields, typed)| Selection::chosen(fields, typed, deeper)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(text: &str) -> String {
        fn write(paths: &Paths, out: &mut String) {
            for (at, (name, inside)) in paths.names.iter().enumerate() {
                if at > 0 {
                    out.push(' ');
                }
                out.push_str(name);
                if !inside.is_empty() {
                    out.push('[');
                    write(inside, out);
                    out.push(']');
                }
            }
        }
        let mut out = String::new();
        write(&Paths::parse(text), &mut out);
        out
    }

    #[test]
    fn paths_groups_and_odd_input() {
        assert_eq!(names("name, assignee.name ,this.assignee.email"), "name assignee[name email]");
        assert_eq!(names("memberships.(project|section).gid"), "memberships[project[gid] section[gid]]");
        assert_eq!(names("this.(followers|assignee).(name|email)"), "followers[name email] assignee[name email]");
        assert_eq!(names(",,a..b,(,)),.x,()"), "a[b] ,) x");
        assert_eq!(names("a.(b.c|d).e"), "a[b[c[e]] d[e]]");
        assert_eq!(names(&"(a|b).".repeat(20)), "");
        assert_eq!(names(&format!("a,b{}", ".x".repeat(16))), "a");
        // A thousand paths of eight thousand names each would take minutes.
        assert_eq!(names(&format!("({}){}", "a|".repeat(999), ".a".repeat(8_000))), "");
    }

    proptest! {
        #[test]
        fn any_text_parses(text in ".{0,200}") {
            Paths::parse(&text);
        }
    }
}
