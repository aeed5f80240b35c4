//! Loads what a plan asks for, a level of the object graph at a time, and writes it as JSON.

use std::ops::Range;
use std::sync::Arc;

use store::{Block, Cell, Query, Read};

use crate::access::Viewer;
use crate::field::Kind;
use crate::json::Writer;
use crate::link::Links;
use crate::plan::{BESIDE, Child, Key, Node, Plan, PlannedField, RowsBeside, Show, TARGET};
use crate::sql::{Bindings, LONGEST_LIST};

/// What an answer depends on beside the database.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Who looks.
    pub viewer: Arc<Viewer>,
    /// The address that the caller used, without a slash at the end: `http://127.0.0.1:8080`.
    pub base: Arc<str>,
    /// The moment of the request, in milliseconds since 1970.
    pub now: i64,
    /// What signs addresses.
    pub links: Arc<Links>,
}

/// The rows of one node.
#[derive(Default)]
struct Rows {
    blocks: Vec<Block>,
    /// In the order of the key and then of the query.
    index: Vec<At>,
}

/// Where a row is.
#[derive(Clone, Copy)]
struct At {
    /// What it is found by: its first column, or the object that shows it and has something to say about it.
    key: i64,
    block: u32,
    row: u32,
    /// The place of the row beside it in the index of those; [`NOTHING`] when there is none.
    beside: u32,
}

const NOTHING: u32 = u32::MAX;

impl Rows {
    fn add(&mut self, block: Block) {
        let number = self.blocks.len() as u32;
        self.index.reserve(block.len());
        for row in 0..block.len() {
            if let Some(key) = block.int(row, 0) {
                self.index.push(At { key, block: number, row: row as u32, beside: NOTHING });
            }
        }
        self.blocks.push(block);
        self.index.sort_by_key(|at| at.key);
    }

    fn range(&self, key: i64) -> Range<usize> {
        range(&self.index, key)
    }

    fn of(&self, key: i64) -> &[At] {
        &self.index[self.range(key)]
    }

    fn int(&self, at: At, column: usize) -> Option<i64> {
        self.blocks[at.block as usize].int(at.row as usize, column)
    }
}

/// The rows of a key.
fn range(index: &[At], key: i64) -> Range<usize> {
    let start = index.partition_point(|at| at.key < key);
    let length = index[start..].iter().take_while(|at| at.key == key).count();
    start..start + length
}

/// A row, and the row beside it.
#[derive(Clone, Copy)]
struct Row<'a> {
    block: &'a Block,
    row: usize,
    beside: Option<(&'a Block, usize)>,
}

impl<'a> Row<'a> {
    fn cell(&self, column: usize) -> Cell<'a> {
        match (column.checked_sub(BESIDE), self.beside) {
            (None, _) => self.block.cell(self.row, column),
            (Some(column), Some((block, row))) => block.cell(row, column),
            (Some(_), None) => Cell::Null,
        }
    }

    fn int(&self, column: usize) -> Option<i64> {
        match self.cell(column) {
            Cell::Int(value) => Some(value),
            _ => None,
        }
    }

    fn text(&self, column: usize) -> Option<&'a str> {
        match self.cell(column) {
            Cell::Text(value) => Some(value),
            _ => None,
        }
    }

    /// Whether it is of one of the subtypes in `only`.
    fn is_one_of(&self, only: &[&str], subtype: Option<usize>) -> bool {
        only.is_empty() || subtype.and_then(|column| self.text(column)).is_some_and(|subtype| only.contains(&subtype))
    }
}

/// The rows of a plan.
pub struct Loaded {
    rows: Vec<Rows>,
}

/// Queries that run together, and what becomes of their rows.
#[derive(Default)]
struct Level<'a> {
    queries: Vec<Query>,
    rows: Vec<Awaited<'a>>,
}

/// Whose rows a query brings.
#[derive(Clone, Copy)]
enum Awaited<'a> {
    Node(&'a Node),
    /// Of the child of a node, which come through the objects of a list.
    Through(&'a Node, &'a Child),
    Beside(&'a RowsBeside),
}

impl Awaited<'_> {
    /// Their place among those that are loaded.
    fn place(&self) -> usize {
        match *self {
            Awaited::Node(node) | Awaited::Through(_, Child { node, .. }) => node.id,
            Awaited::Beside(beside) => beside.id,
        }
    }
}

impl<'a> Level<'a> {
    fn add(&mut self, rows: Awaited<'a>, ids: &[i64], scene: &Scene) {
        let template = match rows {
            Awaited::Node(node) | Awaited::Through(_, Child { node, .. }) => &node.template,
            Awaited::Beside(beside) => &beside.template,
        };
        for ids in ids.chunks(LONGEST_LIST) {
            self.queries.push(template.bind(&Bindings { viewer: &scene.viewer, now: scene.now, ids, named: &[] }));
            self.rows.push(rows);
        }
    }
}

/// Loads the objects `ids` and what the plan shows of them. `beside` runs in the first level; its results come back too.
pub async fn load(
    plan: &Plan,
    read: &mut Read,
    scene: &Scene,
    ids: &[i64],
    beside: Vec<Query>,
) -> Result<(Loaded, Vec<Block>), store::Error> {
    let mut loaded = Loaded { rows: Vec::new() };
    loaded.rows.resize_with(plan.nodes, Rows::default);
    let extra = beside.len();
    let mut level = Level { queries: beside, rows: Vec::new() };
    level.add(Awaited::Node(&plan.root), ids, scene);
    let mut blocks = read.level(&level.queries).await?;
    let rest = blocks.split_off(extra);
    let beside = std::mem::replace(&mut blocks, rest);
    // The relations that lead through lists which are being loaded.
    let mut through: Vec<(&Node, &Child)> = Vec::new();
    loop {
        for (awaited, block) in level.rows.iter().zip(blocks) {
            loaded.rows[awaited.place()].add(block);
        }
        level.rows.dedup_by_key(|awaited| awaited.place());
        let mut next = Level::default();
        for (owner, child) in std::mem::take(&mut through) {
            next.add(Awaited::Through(owner, child), &loaded.listed_gids(owner, child), scene);
        }
        for awaited in &level.rows {
            let node = match *awaited {
                Awaited::Node(node) => node,
                Awaited::Through(owner, child) => {
                    loaded.join(owner, child);
                    &child.node
                }
                Awaited::Beside(_) => continue,
            };
            for child in &node.children {
                let keys = loaded.keys(node, child);
                match (child.key, &child.node.beside) {
                    (Key::Through(..), beside) => {
                        through.push((node, child));
                        if let Some(beside) = beside {
                            next.add(Awaited::Beside(beside), &keys, scene);
                        }
                    }
                    _ => next.add(Awaited::Node(&child.node), &keys, scene),
                }
            }
        }
        if next.queries.is_empty() {
            return Ok((loaded, beside));
        }
        blocks = read.level(&next.queries).await?;
        level = next;
    }
}

/// The numbers in the list that is a member of a JSON object.
fn listed(object: Option<&str>, member: &str) -> Vec<i64> {
    let list = object.and_then(|object| member_of(object, member));
    let list = list.as_ref().and_then(serde_json::Value::as_array);
    list.into_iter().flatten().filter_map(serde_json::Value::as_i64).collect()
}

fn member_of(object: &str, member: &str) -> Option<serde_json::Value> {
    serde_json::from_str::<serde_json::Map<_, _>>(object).ok()?.remove(member)
}

impl Loaded {
    fn row(&self, node: &Node, at: At) -> Row<'_> {
        let beside = node.beside.as_ref().map(|beside| &self.rows[beside.id]);
        let beside = beside.and_then(|rows| {
            let at = rows.index.get(at.beside as usize)?;
            Some((&rows.blocks[at.block as usize], at.row as usize))
        });
        Row { block: &self.rows[node.id].blocks[at.block as usize], row: at.row as usize, beside }
    }

    fn all<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = Row<'a>> {
        self.rows[node.id].index.iter().map(|at| self.row(node, *at))
    }

    /// The distinct keys that the rows of a node have for a relation.
    fn keys(&self, node: &Node, child: &Child) -> Vec<i64> {
        let rows = self.all(node).filter(|row| row.is_one_of(child.only, node.subtype));
        let mut keys: Vec<i64> = match child.key {
            Key::Column(column) | Key::Through(column, _) => rows.filter_map(|row| row.int(column)).collect(),
            Key::Listed(column, member) => rows.flat_map(|row| listed(row.text(column), member)).collect(),
        };
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    fn gid(&self, node: &Node, at: At) -> Option<i64> {
        self.row(node, at).int(node.gid?)
    }

    /// The distinct gids of the objects in the list through which a relation leads.
    fn listed_gids(&self, owner: &Node, child: &Child) -> Vec<i64> {
        let Some(Child { node, .. }) = owner.list_of(child) else {
            return Vec::new();
        };
        let mut gids: Vec<i64> = self.rows[node.id].index.iter().filter_map(|at| self.gid(node, *at)).collect();
        gids.sort_unstable();
        gids.dedup();
        gids
    }

    /// The rows of a relation came by the objects of the list through which it leads. From now on they are found by the
    /// owners of those lists: for an owner each target once, with what the owner says about it beside it.
    fn join(&mut self, owner: &Node, child: &Child) {
        let Some(Child { node: list, .. }) = owner.list_of(child) else {
            return;
        };
        let node = &child.node;
        let by_object = std::mem::take(&mut self.rows[node.id].index);
        let mut joined: Vec<At> = Vec::new();
        for key in self.keys(owner, child) {
            let said = node.beside.as_ref().map(|beside| (&self.rows[beside.id], self.rows[beside.id].range(key)));
            let first = joined.len();
            let objects = self.rows[list.id].of(key).iter().filter_map(|object| self.gid(list, *object));
            for at in objects.flat_map(|object| &by_object[range(&by_object, object)]) {
                let target = self.gid(node, *at);
                if joined[first..].iter().any(|known| self.gid(node, *known) == target) {
                    continue;
                }
                let about = |(rows, range): (&Rows, Range<usize>)| {
                    range.into_iter().find(|place| rows.int(rows.index[*place], TARGET) == target)
                };
                let beside = said.clone().and_then(about).map_or(NOTHING, |place| place as u32);
                joined.push(At { key, beside, ..*at });
            }
        }
        self.rows[node.id].index = joined;
    }

    /// Whether the object was found.
    pub fn has(&self, plan: &Plan, gid: i64) -> bool {
        !self.rows[plan.root.id].of(gid).is_empty()
    }

    /// Writes one object.
    pub fn write_one(&self, plan: &Plan, scene: &Scene, gid: i64, out: &mut Vec<u8>) {
        match self.rows[plan.root.id].of(gid).first() {
            Some(at) => self.record(&plan.root, scene, *at).write(out),
            None => out.extend_from_slice(b"null"),
        }
    }

    /// Writes the objects in this order.
    pub fn write_list(&self, plan: &Plan, scene: &Scene, gids: &[i64], out: &mut Vec<u8>) {
        out.push(b'[');
        let start = out.len();
        for gid in gids {
            if let Some(at) = self.rows[plan.root.id].of(*gid).first() {
                if out.len() > start {
                    out.push(b',');
                }
                self.record(&plan.root, scene, *at).write(out);
            }
        }
        out.push(b']');
    }

    fn record<'a>(&'a self, node: &'a Node, scene: &'a Scene, at: At) -> Record<'a> {
        Record { loaded: self, scene, node, fields: &node.fields, row: self.row(node, at) }
    }
}

/// A loaded object, as computed fields see it: the fields that they named in `needs`.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    loaded: &'a Loaded,
    scene: &'a Scene,
    node: &'a Node,
    fields: &'a [PlannedField],
    row: Row<'a>,
}

impl<'a> Record<'a> {
    /// What the answer depends on beside the database.
    pub fn scene(&self) -> &'a Scene {
        self.scene
    }

    /// Its gid; 0 for rows without one.
    pub fn gid(&self) -> i64 {
        self.node.gid.and_then(|column| self.row.int(column)).unwrap_or_default()
    }

    /// The text of a field.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        match self.cell(name) {
            Cell::Text(value) => Some(value),
            _ => None,
        }
    }

    /// The number, moment or gid of a field.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.cell(name) {
            Cell::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The number of a field.
    pub fn real(&self, name: &str) -> Option<f64> {
        match self.cell(name) {
            Cell::Real(value) => Some(value),
            _ => None,
        }
    }

    /// The truth value of a field.
    pub fn bool(&self, name: &str) -> bool {
        self.cell(name) == Cell::Bool(true)
    }

    /// The object that a field points at, if there is one and the viewer may see it.
    pub fn one(&self, name: &str) -> Option<Record<'a>> {
        match &self.field(name)?.show {
            Show::One(children) => self.find(children),
            _ => None,
        }
    }

    /// The objects of a to-many field.
    pub fn many(&self, name: &str) -> impl Iterator<Item = Record<'a>> {
        let records = match self.field(name).map(|field| &field.show) {
            Some(Show::Many(child)) => Some(self.related(*child)),
            _ => None,
        };
        records.into_iter().flatten()
    }

    /// The object without a gid that a field is, for reading its members; they may all be null.
    pub fn object(&self, name: &str) -> Option<Record<'a>> {
        match &self.field(name)?.show {
            Show::Object(fields) => Some(Record { fields, ..*self }),
            _ => None,
        }
    }

    /// A member of a JSON object field.
    pub fn member(&self, name: &str) -> Option<serde_json::Value> {
        match &self.field(name)?.show {
            Show::Member(column, member) => member_of(self.row.text(*column)?, member),
            _ => None,
        }
    }

    fn field(&self, name: &str) -> Option<&'a PlannedField> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        (self.has_field(field) && self.may_see(field)).then_some(field)
    }

    fn cell(&self, name: &str) -> Cell<'a> {
        match self.field(name).map(|field| &field.show) {
            Some(Show::Cell(column, _)) => self.row.cell(*column),
            _ => Cell::Null,
        }
    }

    fn find(&self, children: &[usize]) -> Option<Record<'a>> {
        children.iter().find_map(|child| self.related(*child).next())
    }

    fn related(&self, child: usize) -> impl Iterator<Item = Record<'a>> + use<'a> {
        let Record { loaded, scene, node, .. } = *self;
        let Child { key, node, .. } = &node.children[child];
        let (key, keys) = match *key {
            Key::Column(column) | Key::Through(column, _) => (self.row.int(column), Vec::new()),
            Key::Listed(column, member) => (None, listed(self.row.text(column), member)),
        };
        let rows = key.into_iter().chain(keys).flat_map(|key| loaded.rows[node.id].of(key));
        rows.map(move |at| loaded.record(node, scene, *at))
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        let start = out.len();
        if let Some(column) = self.node.gid {
            out.extend_from_slice(b"\"gid\":");
            Writer::new(out).gid(self.row.int(column).unwrap_or_default());
        }
        if self.node.typed {
            separate(out, start);
            out.extend_from_slice(b"\"resource_type\":\"");
            out.extend_from_slice(self.node.kind.as_bytes());
            out.push(b'"');
        }
        self.write_fields(out, start);
        out.push(b'}');
    }

    fn write_fields(&self, out: &mut Vec<u8>, start: usize) {
        for field in self.fields {
            if field.hidden || !self.has_field(field) {
                continue;
            }
            separate(out, start);
            out.push(b'"');
            out.extend_from_slice(field.name.as_bytes());
            out.extend_from_slice(b"\":");
            match field.show {
                _ if self.may_see(field) => self.write_value(field, out),
                Show::Many(_) => out.extend_from_slice(b"[]"),
                _ => out.extend_from_slice(b"null"),
            }
        }
    }

    /// Whether objects of this row's subtype have the field.
    fn has_field(&self, field: &PlannedField) -> bool {
        self.row.is_one_of(field.only, self.node.subtype)
    }

    /// Whether the viewer sees what the field stands behind.
    fn may_see(&self, field: &PlannedField) -> bool {
        field.behind.is_empty() || self.one(field.behind).is_some()
    }

    fn write_value(&self, field: &PlannedField, out: &mut Vec<u8>) {
        match &field.show {
            Show::Cell(column, kind) => write_cell(self.row.cell(*column), *kind, out),
            Show::Null => out.extend_from_slice(b"null"),
            Show::Computed(render) => render(self, &mut Writer::new(out)),
            Show::One(children) => match self.find(children) {
                Some(record) => record.write(out),
                None => out.extend_from_slice(b"null"),
            },
            Show::Many(child) => {
                out.push(b'[');
                for (at, record) in self.related(*child).enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    record.write(out);
                }
                out.push(b']');
            }
            Show::Object(fields) => {
                let inner = Record { fields, ..*self };
                if inner.is_null() {
                    out.extend_from_slice(b"null");
                } else {
                    out.push(b'{');
                    let start = out.len();
                    inner.write_fields(out, start);
                    out.push(b'}');
                }
            }
            Show::Member(..) => match self.member(field.name) {
                Some(serde_json::Value::Number(number)) if number.is_f64() => {
                    Writer::new(out).real(number.as_f64().unwrap_or_default());
                }
                Some(value) => out.extend_from_slice(value.to_string().as_bytes()),
                None => out.extend_from_slice(b"null"),
            },
        }
    }

    fn is_null(&self) -> bool {
        self.fields.iter().all(|field| match &field.show {
            Show::Cell(column, _) => self.row.cell(*column) == Cell::Null,
            Show::Null => true,
            _ => false,
        })
    }
}

fn separate(out: &mut Vec<u8>, start: usize) {
    if out.len() > start {
        out.push(b',');
    }
}

fn write_cell(cell: Cell<'_>, kind: Kind, out: &mut Vec<u8>) {
    let mut writer = Writer::new(out);
    match (cell, kind) {
        (Cell::Int(value), Kind::Time) => writer.time(value),
        (Cell::Int(value), Kind::Gid) => writer.gid(value),
        (Cell::Int(value), _) => writer.int(value),
        (Cell::Bool(value), _) => writer.bool(value),
        (Cell::Real(value), _) => writer.real(value),
        (Cell::Text(value), Kind::Json) => writer.raw(value.as_bytes()),
        (Cell::Text(value), _) => writer.text(value),
        (Cell::Null | Cell::Bytes(_), _) => writer.null(),
    }
}
