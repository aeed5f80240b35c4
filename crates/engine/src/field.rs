//! The fields of a resource, as data.
//!
//! Everything that is known about a field stands in its one line: where its value comes from, when it is shown, who may
//! write it. The projection of queries, `opt_fields`, JSON, accepted bodies and the OpenAPI document are read off it.

use crate::json::Writer;
use crate::read::Record;
use crate::resource::Resource;

/// How a value is stored and shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Text of at most this many characters.
    Text(usize),
    /// A truth value.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Real,
    /// A moment, stored as milliseconds, shown as `2026-11-22T13:01:14.123Z`.
    Time,
    /// A calendar date, `2026-11-22`.
    Date,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A gid, stored as a number, shown as a string.
    Gid,
    /// JSON that we stored ourselves and show as it stands.
    Json,
}

/// Where the rows of a to-many relation come from. In the texts, `t` is the target's row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Edge {
    /// A table of pairs: `owner` and `target` are its columns, `order` the order of the targets (over its row `e`).
    Link {
        /// The table of pairs.
        table: &'static str,
        /// Its column that holds the owner's key.
        owner: &'static str,
        /// Its column that holds the target's gid.
        target: &'static str,
        /// ORDER BY, without the owner.
        order: &'static str,
    },
    /// The target's own column names its owner.
    Children {
        /// The column of `t`.
        owner: &'static str,
        /// ORDER BY, without the owner.
        order: &'static str,
    },
    /// What the objects of another list of the same object lead to, each target once and with a row of this object's own
    /// beside it: a task has the custom fields of its projects, with its values. The three are loaded apart, so that a
    /// target is read and judged once for every object of the list and not for every owner, and joined in memory.
    Through {
        /// The to-many field of the same object. Who does not see an object in it sees nothing that comes through it.
        list: &'static str,
        /// From the objects of the list to the targets. Of a target that several lead to, the first one counts.
        edge: &'static Edge,
        /// The rows beside the targets.
        beside: Beside,
    },
}

/// What an object says about the targets of a relation: rows of their own, at most one for an object and a target. In the
/// target's texts, `v` is that row; its columns are null when there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beside {
    /// The table.
    pub table: &'static str,
    /// Its column that holds the object.
    pub owner: &'static str,
    /// Its column that holds the target.
    pub target: &'static str,
}

/// Where a field's value comes from.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// A column of the row.
    Column(&'static str, Kind),
    /// An expression over the row `t` and the names `:viewer :app :now`.
    Sql(&'static str, Kind),
    /// Always null: what the API has and this server does not know of any object.
    Null(Kind),
    /// A pure function of other fields, which `needs` names as in `opt_fields`; they are loaded with access applied.
    Computed {
        /// An `opt_fields` text.
        needs: &'static str,
        /// Writes the JSON value.
        render: fn(&Record<'_>, &mut Writer<'_>),
        /// What kind of value it is.
        kind: Kind,
    },
    /// The object whose gid the expression gives, or null.
    One {
        /// What it points at.
        target: &'static Resource,
        /// An expression over `t`.
        key: &'static str,
    },
    /// The object whose gid the expression gives, of any of these kinds, or null.
    OneOf {
        /// What it may point at.
        targets: &'static [&'static Resource],
        /// An expression over `t`.
        key: &'static str,
    },
    /// A list of objects.
    Many {
        /// What it holds.
        target: &'static Resource,
        /// The expression over `t` that the edge's owner equals.
        key: &'static str,
        /// Where they come from.
        edge: Edge,
    },
    /// A list of objects whose gids stand, as numbers, in a member of a JSON object kept in a column.
    Listed {
        /// What it holds.
        target: &'static Resource,
        /// The column.
        column: &'static str,
        /// The member's name.
        member: &'static str,
    },
    /// The objects that rich text, in the form in which it is kept, leads to, as far as the viewer may see them: for
    /// computed fields, which find each by its gid ([`Record::referenced`]).
    RefsIn {
        /// What it may lead to: nearly everything. A function, as constants in tables must not lead back to their table.
        targets: fn() -> &'static [&'static Resource],
        /// An expression over `t` that gives the rich text; null when it leads nowhere.
        html: &'static str,
    },
    /// An object without a gid made of this row; null when all its fields are null.
    Object(&'static [Field]),
    /// A member of a JSON object kept in a column; null when it is not there.
    Member {
        /// The column.
        column: &'static str,
        /// The member's name.
        member: &'static str,
        /// What kind of value it is.
        kind: Kind,
    },
}

/// When a field is shown without being asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// In compact and full records.
    Compact,
    /// In full records.
    Full,
    /// Only when `opt_fields` names it.
    OptIn,
    /// Never: computed fields need it.
    Never,
}

/// When a body may set a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writable {
    /// Never.
    No,
    /// When the object is created.
    OnCreate,
    /// When the object is created and when it is updated.
    Always,
    /// Only when the object is updated.
    OnUpdate,
}

/// One field of a resource.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The API's name.
    pub name: &'static str,
    /// Where the value comes from.
    pub source: Source,
    /// When it is shown.
    pub shown: Shown,
    /// When it can be written.
    pub writable: Writable,
    /// Whether a body may clear it with `null`.
    pub nullable: bool,
    /// The subtypes that have this field; all when empty.
    pub only: &'static [&'static str],
    /// What is shown of the target when nothing deeper is asked for, as an `opt_fields` text; its compact form when empty.
    pub inside: &'static str,
    /// How a body writes it when that differs from how it is shown.
    pub input: Option<crate::input::InputKind>,
    /// The to-one relation of the same object whose target one has to see in order to see this; none when empty.
    pub behind: &'static str,
}

const fn field(name: &'static str, source: Source) -> Field {
    Field {
        name,
        source,
        shown: Shown::Full,
        writable: Writable::No,
        nullable: false,
        only: &[],
        inside: "",
        input: None,
        behind: "",
    }
}

/// The longest name of anything.
pub const NAME_LENGTH: usize = 1024;
/// The longest description, note or comment.
pub const TEXT_LENGTH: usize = 65_535;

/// A short text in the column of the same name.
pub const fn text(name: &'static str) -> Field {
    field(name, Source::Column(name, Kind::Text(NAME_LENGTH)))
}

/// A long text in the column of the same name.
pub const fn long_text(name: &'static str) -> Field {
    field(name, Source::Column(name, Kind::Text(TEXT_LENGTH)))
}

/// A truth value in the column of the same name.
pub const fn boolean(name: &'static str) -> Field {
    field(name, Source::Column(name, Kind::Bool))
}

/// A whole number in the column of the same name.
pub const fn integer(name: &'static str) -> Field {
    field(name, Source::Column(name, Kind::Int))
}

/// A number in the column of the same name.
pub const fn number(name: &'static str) -> Field {
    field(name, Source::Column(name, Kind::Real))
}

/// A moment in the column of the same name.
pub const fn time(name: &'static str) -> Field {
    field(name, Source::Column(name, Kind::Time))
}

/// A calendar date in the column of the same name.
pub const fn date(name: &'static str) -> Field {
    field(name, Source::Column(name, Kind::Date))
}

/// One of a few words in the column of the same name.
pub const fn choice(name: &'static str, choices: &'static [&'static str]) -> Field {
    field(name, Source::Column(name, Kind::Choice(choices)))
}

/// JSON of our own in the column of the same name.
pub const fn json(name: &'static str) -> Field {
    field(name, Source::Column(name, Kind::Json))
}

/// An SQL expression over `t`.
pub const fn sql(name: &'static str, kind: Kind, expression: &'static str) -> Field {
    field(name, Source::Sql(expression, kind))
}

/// Always null.
pub const fn nothing(name: &'static str, kind: Kind) -> Field {
    field(name, Source::Null(kind))
}

/// How many rows a query over `t` counts.
pub const fn count(name: &'static str, query: &'static str) -> Field {
    field(name, Source::Sql(query, Kind::Int))
}

/// A pure function of other fields.
pub const fn computed(
    name: &'static str,
    kind: Kind,
    needs: &'static str,
    render: fn(&Record<'_>, &mut Writer<'_>),
) -> Field {
    field(name, Source::Computed { needs, render, kind })
}

/// The object whose gid stands in `column`.
pub const fn one(name: &'static str, target: &'static Resource, column: &'static str) -> Field {
    field(name, Source::One { target, key: column })
}

/// The object, of any of these kinds, whose gid stands in `column`.
pub const fn one_of(name: &'static str, targets: &'static [&'static Resource], column: &'static str) -> Field {
    field(name, Source::OneOf { targets, key: column })
}

/// A list of objects that belong to this object's gid.
pub const fn many(name: &'static str, target: &'static Resource, edge: Edge) -> Field {
    field(name, Source::Many { target, key: "t.gid", edge })
}

/// An object without a gid, made of this row.
pub const fn object(name: &'static str, fields: &'static [Field]) -> Field {
    field(name, Source::Object(fields))
}

/// A member of the JSON object in `column`.
pub const fn member(name: &'static str, column: &'static str, kind: Kind) -> Field {
    field(name, Source::Member { column, member: name, kind })
}

/// The objects whose gids stand in the member of this name of the JSON object in `column`.
pub const fn listed(name: &'static str, target: &'static Resource, column: &'static str) -> Field {
    field(name, Source::Listed { target, column, member: name })
}

/// The objects of these kinds that the rich text `html`, an expression over `t`, leads to.
pub const fn refs_in(name: &'static str, targets: fn() -> &'static [&'static Resource], html: &'static str) -> Field {
    field(name, Source::RefsIn { targets, html }).internal()
}

/// A table of pairs.
pub const fn link(table: &'static str, owner: &'static str, target: &'static str, order: &'static str) -> Edge {
    Edge::Link { table, owner, target, order }
}

/// Rows of the target's table that name their owner.
pub const fn children(owner: &'static str, order: &'static str) -> Edge {
    Edge::Children { owner, order }
}

/// What the objects of the field `list` lead to, with what this object says about each.
pub const fn through(list: &'static str, edge: &'static Edge, beside: Beside) -> Edge {
    Edge::Through { list, edge, beside }
}

impl Field {
    /// Shown in compact records too.
    pub const fn compact(mut self) -> Self {
        self.shown = Shown::Compact;
        self
    }

    /// Shown only when asked for.
    pub const fn opt_in(mut self) -> Self {
        self.shown = Shown::OptIn;
        self
    }

    /// Never shown: other fields are computed from it.
    pub const fn internal(mut self) -> Self {
        self.shown = Shown::Never;
        self
    }

    /// Empty for who may not see the target of the to-one relation `field` of the same object.
    pub const fn behind(mut self, field: &'static str) -> Self {
        self.behind = field;
        self
    }

    /// Can be written on creation and later.
    pub const fn writable(mut self) -> Self {
        self.writable = Writable::Always;
        self
    }

    /// Can be written on creation only.
    pub const fn on_create(mut self) -> Self {
        self.writable = Writable::OnCreate;
        self
    }

    /// Can be written after creation only.
    pub const fn on_update(mut self) -> Self {
        self.writable = Writable::OnUpdate;
        self
    }

    /// `null` clears it.
    pub const fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// Only objects of these subtypes have it.
    pub const fn only(mut self, subtypes: &'static [&'static str]) -> Self {
        self.only = subtypes;
        self
    }

    /// What is shown of the target when nothing deeper is asked for.
    pub const fn inside(mut self, opt_fields: &'static str) -> Self {
        self.inside = opt_fields;
        self
    }

    /// The value stands in another column than the one named like the field.
    pub const fn column(mut self, column: &'static str) -> Self {
        if let Source::Column(_, kind) = self.source {
            self.source = Source::Column(column, kind);
        }
        self
    }

    /// The owner's key is another expression than `t.gid`.
    pub const fn keyed(mut self, key: &'static str) -> Self {
        if let Source::Many { target, edge, .. } = self.source {
            self.source = Source::Many { target, key, edge };
        }
        self
    }

    /// A body writes it in another form than it is shown.
    pub const fn input(mut self, kind: crate::input::InputKind) -> Self {
        self.input = Some(kind);
        self
    }

    /// The same value under another name, read only.
    pub const fn alias(mut self, name: &'static str) -> Self {
        self.name = name;
        self.writable = Writable::No;
        self
    }

    /// The column of a plain field, for writing.
    pub fn stored_in(&self) -> Option<&'static str> {
        match self.source {
            Source::Column(column, _) => Some(column),
            Source::One { key, .. } => Some(key),
            _ => None,
        }
    }
}
