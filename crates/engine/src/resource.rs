//! A resource type: its table, who may see its rows, its fields and its operations.

use std::fmt;

use crate::field::Field;
use crate::job::Job;
use crate::operation::Operation;

/// Who may see a row. Each becomes one SQL predicate that every read of the resource carries.
#[derive(Clone, Copy, Debug)]
pub enum Guard {
    /// Grants name this object itself as their scope.
    Scope,
    /// Grants name one of the scopes that a table lists for this object, which stands in its column `owner`.
    Scopes {
        /// The table of (owner, scope_id).
        table: &'static str,
        /// Its column that holds the object.
        owner: &'static str,
    },
    /// Whoever may see the object that this column names, as long as it is not in the trash.
    Via(&'static str, &'static Resource),
    /// Whom both let see it; the first decides what may be done.
    Both(&'static Guard, &'static Guard),
    /// As each of these would have it: the object is one of theirs. They keep a trash, which tells them apart.
    OneOf(&'static [&'static Resource]),
    /// An SQL predicate over `{key}`, the object's gid. What may be done is decided by grants on the object itself.
    Sql(&'static str),
}

/// What a path or parameter may call an object by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Its gid.
    Gid,
    /// Its gid, `me` or an e-mail address.
    User,
    /// Its gid or `external:` and an identifier of the caller's application.
    External,
}

/// A resource type of the API, or (with an empty `kind`) a shape of rows without gid, such as a task's memberships.
pub struct Resource {
    /// `resource_type`; empty for rows without gid.
    pub kind: &'static str,
    /// The table that `t` stands for.
    pub table: &'static str,
    /// The kinds under which `objects` knows its gids, when it is a face of other resources' rows or stands for any of
    /// several; `kind` alone when empty.
    pub faces: &'static [&'static str],
    /// Who may see a row.
    pub guard: Guard,
    /// Whether what shows this object shows it to everyone who sees the former: a task's assignee, a field's options.
    /// The guard then holds for direct reads and lists only.
    pub open_in_relations: bool,
    /// What a path or parameter may call it by.
    pub names: Names,
    /// Whether records carry `resource_type`.
    pub typed: bool,
    /// Whether rows stay in the trash: they then have a `deleted_at`.
    pub trash: bool,
    /// The column whose value [`Field::only`] compares; empty when there are no subtypes.
    pub subtype: &'static str,
    /// The fields, in the order of JSON. `gid` and `resource_type` come before them by themselves.
    pub fields: &'static [Field],
    /// The operations.
    pub operations: &'static [Operation],
    /// What its rules leave for later.
    pub jobs: &'static [&'static Job],
}

impl Resource {
    /// A resource with the usual settings, to be completed by struct update.
    pub const fn new(kind: &'static str, table: &'static str) -> Self {
        Resource {
            kind,
            table,
            faces: &[],
            guard: Guard::Scope,
            open_in_relations: false,
            names: Names::Gid,
            typed: true,
            trash: false,
            subtype: "",
            fields: &[],
            operations: &[],
            jobs: &[],
        }
    }

    /// Rows of a table that have no gid of their own.
    pub const fn rows(table: &'static str) -> Self {
        Resource { typed: false, open_in_relations: true, ..Resource::new("", table) }
    }

    /// Whether its objects have a gid.
    pub fn has_gid(&self) -> bool {
        !self.kind.is_empty()
    }

    /// `.. AND `: the object whose gid is the expression `key` is not in the trash; nothing for what never is.
    pub(crate) fn there(&self, key: &str) -> String {
        let table = self.table;
        if self.trash {
            format!("EXISTS (SELECT 1 FROM {table} v WHERE v.gid = {key} AND v.deleted_at IS NULL) AND ")
        } else {
            String::new()
        }
    }

    /// Whether an object of this kind, as `objects` says it, is one of this resource.
    pub(crate) fn is_kind(&self, kind: Option<&str>) -> bool {
        kind.is_some_and(|kind| if self.faces.is_empty() { kind == self.kind } else { self.faces.contains(&kind) })
    }

    /// The field of this name.
    pub fn field(&'static self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl PartialEq for Resource {
    /// Resources are statics: the same one is the same place.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl fmt::Debug for Resource {
    /// Its name alone: tables refer to each other in circles.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Resource({})", if self.has_gid() { self.kind } else { self.table })
    }
}

/// The predicate that grants let the viewer see a scope, which is an expression.
pub fn granted(scope: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM {{each_principal}} p CROSS JOIN grants g WHERE g.scope_id = {scope} \
         AND g.principal_id = p.column1)"
    )
}

impl Guard {
    /// The predicate that the object whose gid is the expression `key` (and whose row, if it is at hand, is `t`) may be
    /// seen. It uses `{each_principal}` and `:viewer`.
    pub fn predicate(&self, key: &str) -> String {
        match self {
            Guard::Scope => granted(key),
            Guard::Scopes { table, owner } => {
                format!("EXISTS (SELECT 1 FROM {table} x WHERE x.{owner} = {key} AND {})", granted("x.scope_id"))
            }
            Guard::Via(column, resource) => {
                let key = format!("t.{column}");
                format!("{}{}", resource.there(&key), resource.guard.predicate(&key))
            }
            Guard::Both(one, other) => format!("({} AND {})", one.predicate(key), other.predicate(key)),
            Guard::OneOf(resources) => {
                let each = resources.iter().map(|one| format!("{}{}", one.there(key), one.guard.predicate(key)));
                format!("({})", each.collect::<Vec<_>>().join(" OR "))
            }
            Guard::Sql(predicate) => format!("({})", predicate.replace("{key}", key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::one;

    #[test]
    fn a_circle_can_be_printed() {
        static CIRCLE: Resource = Resource { fields: &[one("self", &CIRCLE, "self_id")], ..Resource::new("x", "xs") };
        assert_eq!(format!("{CIRCLE:?}"), "Resource(x)");
        assert!(format!("{:?}", CIRCLE.fields).contains("Resource(x)"));
    }
}
