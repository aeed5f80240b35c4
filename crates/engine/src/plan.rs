//! From a selection to the queries that load it: one per relation and level, never one per row.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use store::Type;

use crate::field::{Beside, Edge, Field, Kind, Source};
use crate::json::Writer;
use crate::read::Record;
use crate::resource::Resource;
use crate::select::{Selected, Selection};
use crate::sql::Template;

/// How to load and write the objects of a selection.
#[derive(Debug)]
pub struct Plan {
    pub(crate) root: Node,
    pub(crate) nodes: usize,
    /// How long the last answer was: the next one will be about as long.
    length: AtomicUsize,
}

/// No more room than this is made in advance.
const LARGE: usize = 1 << 20;

/// One query of a plan and how its rows become JSON.
#[derive(Debug)]
pub(crate) struct Node {
    /// The place of its rows among those that were loaded.
    pub id: usize,
    /// `resource_type`.
    pub kind: &'static str,
    /// Whether `resource_type` is shown.
    pub typed: bool,
    /// The column of the gid; none for rows without one.
    pub gid: Option<usize>,
    /// The column of the subtype, when some field depends on it.
    pub subtype: Option<usize>,
    /// Loads the rows whose first column is one of `{ids}`.
    pub template: Template,
    /// The rows that stand beside its own.
    pub beside: Option<RowsBeside>,
    /// What is shown or needed.
    pub fields: Vec<PlannedField>,
    /// The relations.
    pub children: Vec<Child>,
}

/// Rows that stand beside those of a node: what the object that shows them says about them.
#[derive(Debug)]
pub(crate) struct RowsBeside {
    /// Their place among those that were loaded.
    pub id: usize,
    /// Loads them: the object and the gid of the row that they stand beside, then what is shown or needed.
    pub template: Template,
}

/// Columns from this one on are those of the row beside.
pub(crate) const BESIDE: usize = 1 << 16;
/// Where those rows have the gid of the row that they stand beside.
pub(crate) const TARGET: usize = 1;

/// A relation of a node.
#[derive(Debug)]
pub(crate) struct Child {
    /// Where the parent's rows have what the first column of the child's rows equals.
    pub key: Key,
    /// The subtypes whose rows have it; all when empty.
    pub only: &'static [&'static str],
    pub node: Node,
}

/// Where a row has the keys of a relation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    /// In this column.
    Column(usize),
    /// In the list that is a member of the JSON object in this column.
    Listed(usize, &'static str),
    /// In this column; but the child's rows are found by the gids of the objects in the list that this field is.
    Through(usize, &'static str),
}

impl Node {
    /// The list through which a relation of this node leads.
    pub fn list_of(&self, child: &Child) -> Option<&Child> {
        let Key::Through(_, name) = child.key else {
            return None;
        };
        self.fields.iter().filter(|field| field.name == name).find_map(|field| match field.show {
            Show::Many(list) => self.children.get(list),
            _ => None,
        })
    }
}

/// A field of a node.
#[derive(Debug)]
pub(crate) struct PlannedField {
    pub name: &'static str,
    pub hidden: bool,
    pub only: &'static [&'static str],
    /// The relation whose target one has to see.
    pub behind: &'static str,
    pub show: Show,
}

/// How a field becomes JSON.
#[derive(Debug)]
pub(crate) enum Show {
    Cell(usize, Kind),
    Null,
    /// The first of these children that has a row.
    One(Vec<usize>),
    Many(usize),
    Object(Vec<PlannedField>),
    Computed(fn(&Record<'_>, &mut Writer<'_>)),
    Member(usize, &'static str),
}

/// How a node's rows are found.
enum By<'a> {
    /// By their own gid.
    Gid,
    /// By the owner that this edge leads from.
    Owner(&'a Edge),
}

impl Plan {
    /// A plan for objects of `resource` by gid. `guarded`: only those that the viewer may see.
    pub fn new(resource: &'static Resource, selection: &Selection, guarded: bool) -> Self {
        let mut nodes = 0;
        let root = build(resource, selection, &By::Gid, guarded, &mut nodes);
        Plan { root, nodes, length: AtomicUsize::new(0) }
    }

    /// An empty body with room for an answer.
    pub(crate) fn body(&self) -> Vec<u8> {
        let length = self.length.load(Relaxed).min(LARGE);
        Vec::with_capacity(length + length / 8 + 256)
    }

    /// Remembers how much room an answer took.
    pub(crate) fn remember(&self, body: &[u8]) {
        self.length.store(body.len(), Relaxed);
    }
}

/// The columns of a node's rows, and of the rows beside them.
#[derive(Default)]
struct Columns {
    own: Vec<(String, Type)>,
    beside: Vec<(String, Type)>,
}

impl Columns {
    fn add(&mut self, expression: &str, column_type: Type) -> usize {
        let expression = qualified(expression);
        let (columns, first) =
            if expression.starts_with("v.") { (&mut self.beside, BESIDE) } else { (&mut self.own, 0) };
        let at = columns.iter().position(|(known, _)| *known == expression).unwrap_or_else(|| {
            columns.push((expression, column_type));
            columns.len() - 1
        });
        first + at
    }
}

/// A statement's list of columns, and their types.
fn list(columns: &[(String, Type)]) -> (String, Vec<Type>) {
    let list: Vec<&str> = columns.iter().map(|(expression, _)| expression.as_str()).collect();
    (list.join(", "), columns.iter().map(|(_, column_type)| *column_type).collect())
}

/// A bare column name belongs to `t`. Our columns are lower case; NULL and TRUE are not.
fn qualified(expression: &str) -> String {
    if expression.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
        format!("t.{expression}")
    } else {
        expression.to_owned()
    }
}

fn column_type(kind: Kind) -> Type {
    match kind {
        Kind::Bool => Type::Bool,
        Kind::Int | Kind::Time | Kind::Gid => Type::Int,
        Kind::Real => Type::Real,
        Kind::Text(_) | Kind::Date | Kind::Choice(_) | Kind::Json => Type::Text,
    }
}

/// The expression that gives the owner's key.
fn owner(edge: &Edge) -> String {
    match edge {
        Edge::Link { owner, .. } => format!("e.{owner}"),
        Edge::Children { owner, .. } => format!("t.{owner}"),
        Edge::Through { edge, .. } => owner(edge),
    }
}

/// The FROM clause and the beginning of the conditions.
fn from(edge: &Edge, table: &str) -> String {
    match edge {
        Edge::Link { table: pairs, target, .. } => {
            format!("{pairs} e CROSS JOIN {table} t WHERE t.gid = e.{target} AND ")
        }
        Edge::Children { .. } => format!("{table} t WHERE "),
        Edge::Through { edge, .. } => from(edge, table),
    }
}

/// ORDER BY, without the owner.
fn order(edge: &Edge) -> &'static str {
    match edge {
        Edge::Link { order, .. } | Edge::Children { order, .. } => order,
        Edge::Through { edge, .. } => order(edge),
    }
}

fn build(resource: &'static Resource, selection: &Selection, by: &By<'_>, guarded: bool, nodes: &mut usize) -> Node {
    let mut place = || {
        *nodes += 1;
        *nodes - 1
    };
    let id = place();
    let mut columns = Columns::default();
    let (owner, from, order) = match by {
        By::Gid => ("t.gid".to_owned(), format!("{} t WHERE ", resource.table), None),
        By::Owner(edge) => (owner(edge), from(edge, resource.table), Some(order(edge))),
    };
    columns.add(&owner, Type::Int);
    let gid = resource.has_gid().then(|| columns.add("t.gid", Type::Int));
    let beside = match by {
        By::Owner(Edge::Through { beside, .. }) => Some((place(), beside)),
        _ => None,
    };
    for column in beside.iter().flat_map(|(_, beside)| [beside.owner, beside.target]) {
        columns.add(&format!("v.{column}"), Type::Int);
    }
    let mut children = Vec::new();
    let fields = plan_fields(&selection.fields, &mut columns, &mut children, nodes);
    let depends = |field: &PlannedField| !field.only.is_empty();
    let subtype = fields.iter().any(depends).then(|| columns.add(resource.subtype, Type::Text));

    let (list_of_columns, types) = list(&columns.own);
    let mut sql = format!("SELECT {list_of_columns} FROM {from}{owner} IN ({{ids}})");
    if resource.trash {
        sql.push_str(" AND t.deleted_at IS NULL");
    }
    if guarded {
        sql.push_str(" AND ");
        sql.push_str(&resource.guard.predicate("t.gid"));
    }
    if let Some(order) = order {
        sql.push_str(&format!(" ORDER BY {owner}, {order}"));
    }
    let beside = beside.map(|(id, Beside { table, owner, .. })| {
        let (list, types) = list(&columns.beside);
        let sql = format!("SELECT {list} FROM {table} v WHERE v.{owner} IN ({{ids}})");
        RowsBeside { id, template: Template::new(&sql, &types) }
    });
    Node {
        id,
        kind: resource.kind,
        typed: selection.resource_type,
        gid,
        subtype,
        template: Template::new(&sql, &types),
        beside,
        fields,
        children,
    }
}

fn plan_fields(
    selected: &[Selected],
    columns: &mut Columns,
    children: &mut Vec<Child>,
    nodes: &mut usize,
) -> Vec<PlannedField> {
    selected
        .iter()
        .map(|selected| {
            let Field { name, source, only, behind, .. } = *selected.field;
            let mut child = |key: Key, node: Node| {
                children.push(Child { key, only, node });
                children.len() - 1
            };
            let show = match source {
                Source::Column(expression, kind) | Source::Sql(expression, kind) => {
                    Show::Cell(columns.add(expression, column_type(kind)), kind)
                }
                Source::Member { column, member, .. } => Show::Member(columns.add(column, Type::Text), member),
                Source::Null(_) => Show::Null,
                Source::Computed { render, .. } => Show::Computed(render),
                Source::Object(_) => {
                    let inside = selected.inside.first().map_or(&[][..], |inside| &inside.fields);
                    Show::Object(plan_fields(inside, columns, children, nodes))
                }
                Source::One { target, key } => {
                    let key = columns.add(key, Type::Int);
                    let node = build(target, &selected.inside[0], &By::Gid, !target.open_in_relations, nodes);
                    Show::One(vec![child(Key::Column(key), node)])
                }
                Source::OneOf { targets, key } => {
                    let key = columns.add(key, Type::Int);
                    let each = targets.iter().zip(&selected.inside).map(|(target, inside)| {
                        let node = build(target, inside, &By::Gid, !target.open_in_relations, nodes);
                        child(Key::Column(key), node)
                    });
                    Show::One(each.collect())
                }
                Source::Many { target, key, edge } => {
                    let key = columns.add(key, Type::Int);
                    let guarded = !target.open_in_relations || !target.has_gid();
                    let node = build(target, &selected.inside[0], &By::Owner(&edge), guarded, nodes);
                    let key = match edge {
                        Edge::Through { list, .. } => Key::Through(key, list),
                        _ => Key::Column(key),
                    };
                    Show::Many(child(key, node))
                }
                Source::Listed { target, column, member } => {
                    let column = columns.add(column, Type::Text);
                    let node = build(target, &selected.inside[0], &By::Gid, !target.open_in_relations, nodes);
                    Show::Many(child(Key::Listed(column, member), node))
                }
            };
            PlannedField { name, hidden: selected.hidden, only, behind, show }
        })
        .collect()
}
