//! From a selection to the queries that load it: one per relation and level, never one per row.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use store::Type;

use crate::field::{Beside, Edge, Field, Kind, Source};
use crate::json::Writer;
use crate::kept::Kind as Keeping;
use crate::read::Record;
use crate::resource::Resource;
use crate::select::{Selected, Selection};
use crate::sql::Template;

/// How to load and write the objects of a selection.
#[derive(Debug)]
pub struct Plan {
    pub(crate) root: Arc<Node>,
    /// Of how many nodes, pairs and such there are rows.
    pub(crate) places: usize,
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
    /// How its rows are kept from one request to the next; none when they may not be.
    pub kept: Option<Keeping>,
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
/// Where a row beside has the gid of the row that it stands beside, and a pair the gid that it leads to.
pub(crate) const TARGET: usize = 1;

/// A relation of a node.
#[derive(Debug)]
pub(crate) struct Child {
    /// Where the parent's rows have what the first column of the child's rows equals.
    pub key: Key,
    /// The subtypes whose rows have it; all when empty.
    pub only: &'static [&'static str],
    /// The pairs that lead from the keys to the gids of the child's rows; none when the keys find the rows themselves.
    pub pairs: Option<Pairs>,
    /// Relations to the same objects of which the same is shown have the same node: each object is loaded once.
    pub node: Arc<Node>,
}

/// The rows of a table of pairs: an owner's key and the gid that it leads to, in the order of the list.
#[derive(Debug)]
pub(crate) struct Pairs {
    /// Their place among those that were loaded.
    pub id: usize,
    /// Loads those whose first column is one of `{ids}`.
    pub template: Template,
    /// As [`Node::kept`].
    pub kept: Option<Keeping>,
}

/// Where a row has the keys of a relation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    /// In this column.
    Column(usize),
    /// In the list that is a member of the JSON object in this column.
    Listed(usize, &'static str),
    /// In the rich text in this column.
    Mentioned(usize),
    /// In this column; but the child's rows are found by the gids of the objects in the list that this field is.
    Through(usize, &'static str),
}

impl Node {
    /// Whether some relation of it or of what it shows leads through a list.
    fn leads_through(&self) -> bool {
        self.children.iter().any(|child| matches!(child.key, Key::Through(..)) || child.node.leads_through())
    }

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
    /// How it begins in JSON: `"name":`.
    pub head: Box<[u8]>,
    pub hidden: bool,
    pub only: &'static [&'static str],
    /// The relation whose target one has to see.
    pub behind: &'static str,
    pub show: Show,
}

impl PlannedField {
    /// Whether its JSON depends on nothing but the row.
    fn is_of_the_row_alone(&self) -> bool {
        match &self.show {
            Show::Cell(..) | Show::Null | Show::Member(..) => true,
            Show::Object(fields) => fields.iter().all(PlannedField::is_of_the_row_alone),
            Show::One(_) | Show::Many(_) | Show::Refs(_) | Show::Computed(_) => false,
        }
    }
}

/// How a field becomes JSON.
#[derive(Debug)]
pub(crate) enum Show {
    Cell(usize, Kind),
    Null,
    /// The first of these children that has a row.
    One(Vec<usize>),
    Many(usize),
    /// What rich text leads to: a child for each kind. Never shown itself.
    Refs(Vec<usize>),
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
    /// A plan for objects of `resource` by gid. `guarded`: only those that the viewer may see. `single`: there is one.
    pub fn new(resource: &'static Resource, selection: &Selection, guarded: bool, single: bool) -> Self {
        let mut planner = Planner { single, places: 0, known: Vec::new() };
        let root = planner.node(resource, selection, &By::Gid, guarded);
        Plan { root, places: planner.places, length: AtomicUsize::new(0) }
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

/// A node that others may be the same as.
struct Known<'a> {
    resource: &'static Resource,
    selection: &'a Selection,
    /// The edge that leads from an owner; none when the rows are found by their own gid.
    edge: Option<Edge>,
    guarded: bool,
    node: Arc<Node>,
}

struct Planner<'a> {
    single: bool,
    places: usize,
    known: Vec<Known<'a>>,
}

impl<'a> Planner<'a> {
    fn place(&mut self) -> usize {
        self.places += 1;
        self.places - 1
    }

    fn node(&mut self, resource: &'static Resource, selection: &'a Selection, by: &By<'_>, guarded: bool) -> Arc<Node> {
        let edge = match by {
            By::Gid => None,
            By::Owner(edge) => Some(**edge),
        };
        let same = |known: &&Known<'_>| {
            known.resource == resource && known.guarded == guarded && known.edge == edge && known.selection == selection
        };
        if let Some(known) = self.known.iter().find(same) {
            return Arc::clone(&known.node);
        }
        let node = Arc::new(self.new_node(resource, selection, by, guarded));
        // What is loaded through a list has to be loaded with that list.
        if !matches!(edge, Some(Edge::Through { .. })) && !node.leads_through() {
            self.known.push(Known { resource, selection, edge, guarded, node: Arc::clone(&node) });
        }
        node
    }

    fn new_node(&mut self, resource: &'static Resource, selection: &'a Selection, by: &By<'_>, guarded: bool) -> Node {
        let id = self.place();
        let mut columns = Columns::default();
        let (owner, from, order) = match by {
            By::Gid => ("t.gid".to_owned(), format!("{} t WHERE ", resource.table), None),
            By::Owner(edge) => (owner(edge), from(edge, resource.table), Some(order(edge))),
        };
        columns.add(&owner, Type::Int);
        let gid = resource.has_gid().then(|| columns.add("t.gid", Type::Int));
        let beside = match by {
            By::Owner(Edge::Through { beside, .. }) => Some((self.place(), beside)),
            _ => None,
        };
        for column in beside.iter().flat_map(|(_, beside)| [beside.owner, beside.target]) {
            columns.add(&format!("v.{column}"), Type::Int);
        }
        let mut children = Vec::new();
        let fields = self.fields(&selection.fields, &mut columns, &mut children);
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
        let template = Template::new(&sql, &types);
        let written = children.is_empty() && beside.is_none() && fields.iter().all(PlannedField::is_of_the_row_alone);
        let kept = Keeping::of(&sql, &template).map(|kept| kept.with_json(written));
        Node {
            id,
            kind: resource.kind,
            typed: selection.resource_type,
            gid,
            subtype,
            kept,
            template,
            beside,
            fields,
            children,
        }
    }

    fn fields(
        &mut self,
        selected: &'a [Selected],
        columns: &mut Columns,
        children: &mut Vec<Child>,
    ) -> Vec<PlannedField> {
        selected
            .iter()
            .map(|selected| {
                let show = self.show(selected, columns, children);
                let Field { name, only, behind, .. } = *selected.field;
                let head = format!("\"{name}\":").into_bytes().into_boxed_slice();
                PlannedField { name, head, hidden: selected.hidden, only, behind, show }
            })
            .collect()
    }

    fn show(&mut self, selected: &'a Selected, columns: &mut Columns, children: &mut Vec<Child>) -> Show {
        let only = selected.field.only;
        let mut child = |key: Key, pairs: Option<Pairs>, node: Arc<Node>| {
            children.push(Child { key, only, pairs, node });
            children.len() - 1
        };
        match selected.field.source {
            Source::Column(expression, kind) | Source::Sql(expression, kind) => {
                Show::Cell(columns.add(expression, column_type(kind)), kind)
            }
            Source::Member { column, member, .. } => Show::Member(columns.add(column, Type::Text), member),
            Source::Null(_) => Show::Null,
            Source::Computed { render, .. } => Show::Computed(render),
            Source::Object(_) => {
                let inside = selected.inside.first().map_or(&[][..], |inside| &inside.fields);
                Show::Object(self.fields(inside, columns, children))
            }
            Source::One { target, key } => {
                let key = columns.add(key, Type::Int);
                let node = self.node(target, &selected.inside[0], &By::Gid, !target.open_in_relations);
                Show::One(vec![child(Key::Column(key), None, node)])
            }
            Source::OneOf { targets, key } => {
                let key = columns.add(key, Type::Int);
                let each = targets.iter().zip(&selected.inside).map(|(target, inside)| {
                    let node = self.node(target, inside, &By::Gid, !target.open_in_relations);
                    child(Key::Column(key), None, node)
                });
                Show::One(each.collect())
            }
            Source::RefsIn { targets, html } => {
                let column = columns.add(html, Type::Text);
                let each = targets().iter().zip(&selected.inside).map(|(target, inside)| {
                    // Anybody can write any gid: even of people only those are named whom the viewer may see anyway.
                    let node = self.node(target, inside, &By::Gid, true);
                    child(Key::Mentioned(column), None, node)
                });
                Show::Refs(each.collect())
            }
            Source::Many { target, key, edge } => {
                let key = columns.add(key, Type::Int);
                let inside = &selected.inside[0];
                let guarded = !target.open_in_relations || !target.has_gid();
                Show::Many(match edge {
                    Edge::Link { table, owner, target: gid, order } => {
                        // Many objects have the same few tags and people: pairs first, then each target once. For a
                        // single object that is one more statement, unless the targets are kept.
                        let node = self.node(target, inside, &By::Gid, guarded);
                        if self.single && node.kept.is_none() {
                            let node = self.node(target, inside, &By::Owner(&edge), guarded);
                            child(Key::Column(key), None, node)
                        } else {
                            let sql = format!(
                                "SELECT e.{owner}, e.{gid} FROM {table} e WHERE e.{owner} IN ({{ids}}) \
                                 ORDER BY e.{owner}, {order}"
                            );
                            let template = Template::new(&sql, &[Type::Int; 2]);
                            let kept = Keeping::of(&sql, &template);
                            child(Key::Column(key), Some(Pairs { id: self.place(), template, kept }), node)
                        }
                    }
                    Edge::Children { .. } => {
                        let node = self.node(target, inside, &By::Owner(&edge), guarded);
                        child(Key::Column(key), None, node)
                    }
                    Edge::Through { list, .. } => {
                        let node = self.node(target, inside, &By::Owner(&edge), guarded);
                        child(Key::Through(key, list), None, node)
                    }
                })
            }
            Source::Listed { target, column, member } => {
                let column = columns.add(column, Type::Text);
                let node = self.node(target, &selected.inside[0], &By::Gid, !target.open_in_relations);
                Show::Many(child(Key::Listed(column, member), None, node))
            }
        }
    }
}
