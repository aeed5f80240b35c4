//! Loads what a plan asks for, a level of the object graph at a time, and writes it as JSON.

use std::sync::Arc;

use store::{Block, Cell, Query, Read};

use crate::access::Viewer;
use crate::field::Kind;
use crate::json::Writer;
use crate::plan::{Child, Key, Node, Plan, PlannedField, Show};
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
}

/// The rows of one node.
#[derive(Default)]
struct Rows {
    blocks: Vec<Block>,
    /// (first column, block, row), in the order of the first column and then of the query.
    index: Vec<(i64, u32, u32)>,
}

impl Rows {
    fn add(&mut self, block: Block) {
        let number = self.blocks.len() as u32;
        for row in 0..block.len() {
            if let Some(key) = block.int(row, 0) {
                self.index.push((key, number, row as u32));
            }
        }
        self.blocks.push(block);
        self.index.sort_by_key(|(key, ..)| *key);
    }

    fn of(&self, key: i64) -> &[(i64, u32, u32)] {
        let start = self.index.partition_point(|(known, ..)| *known < key);
        let length = self.index[start..].iter().take_while(|(known, ..)| *known == key).count();
        &self.index[start..start + length]
    }
}

/// The rows of a plan.
pub struct Loaded {
    rows: Vec<Rows>,
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
    let mut queries = beside;
    let extra = queries.len();
    let mut level = Vec::new();
    push_queries(&plan.root, ids, scene, &mut queries, &mut level);
    let mut blocks = read.level(&queries).await?;
    let rest = blocks.split_off(extra);
    let beside = std::mem::replace(&mut blocks, rest);
    loop {
        let mut fresh: Vec<&Node> = Vec::new();
        for (node, block) in level.drain(..).zip(blocks.drain(..)) {
            loaded.rows[node.id].add(block);
            if !fresh.iter().any(|known| known.id == node.id) {
                fresh.push(node);
            }
        }
        queries.clear();
        for node in fresh {
            for child in &node.children {
                let keys = keys(&loaded.rows[node.id], node, child);
                if !keys.is_empty() {
                    push_queries(&child.node, &keys, scene, &mut queries, &mut level);
                }
            }
        }
        if queries.is_empty() {
            return Ok((loaded, beside));
        }
        blocks = read.level(&queries).await?;
    }
}

fn push_queries<'a>(node: &'a Node, ids: &[i64], scene: &Scene, queries: &mut Vec<Query>, level: &mut Vec<&'a Node>) {
    for ids in ids.chunks(LONGEST_LIST) {
        queries.push(node.template.bind(&Bindings { viewer: &scene.viewer, now: scene.now, ids, named: &[] }));
        level.push(node);
    }
}

/// The distinct keys that the rows of a node have for a relation.
fn keys(rows: &Rows, node: &Node, child: &Child) -> Vec<i64> {
    let mut keys = Vec::new();
    for block in &rows.blocks {
        let rows = (0..block.len()).filter(|row| has(child.only, node.subtype, block, *row));
        match child.key {
            Key::Column(column) => keys.extend(rows.filter_map(|row| block.int(row, column))),
            Key::Listed(column, member) => keys.extend(rows.flat_map(|row| listed(block.text(row, column), member))),
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Whether a row is of one of the subtypes in `only`.
fn has(only: &[&str], subtype: Option<usize>, block: &Block, row: usize) -> bool {
    only.is_empty() || subtype.and_then(|column| block.text(row, column)).is_some_and(|subtype| only.contains(&subtype))
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
    /// Whether the object was found.
    pub fn has(&self, plan: &Plan, gid: i64) -> bool {
        !self.rows[plan.root.id].of(gid).is_empty()
    }

    /// Writes one object.
    pub fn write_one(&self, plan: &Plan, scene: &Scene, gid: i64, out: &mut Vec<u8>) {
        match self.rows[plan.root.id].of(gid).first() {
            Some(&at) => self.record(&plan.root, scene, at).write(out),
            None => out.extend_from_slice(b"null"),
        }
    }

    /// Writes the objects in this order.
    pub fn write_list(&self, plan: &Plan, scene: &Scene, gids: &[i64], out: &mut Vec<u8>) {
        out.push(b'[');
        let start = out.len();
        for gid in gids {
            if let Some(&at) = self.rows[plan.root.id].of(*gid).first() {
                if out.len() > start {
                    out.push(b',');
                }
                self.record(&plan.root, scene, at).write(out);
            }
        }
        out.push(b']');
    }

    fn record<'a>(&'a self, node: &'a Node, scene: &'a Scene, at: (i64, u32, u32)) -> Record<'a> {
        let block = &self.rows[node.id].blocks[at.1 as usize];
        Record { loaded: self, scene, node, fields: &node.fields, block, row: at.2 as usize }
    }
}

/// A loaded object, as computed fields see it: the fields that they named in `needs`.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    loaded: &'a Loaded,
    scene: &'a Scene,
    node: &'a Node,
    fields: &'a [PlannedField],
    block: &'a Block,
    row: usize,
}

impl<'a> Record<'a> {
    /// What the answer depends on beside the database.
    pub fn scene(&self) -> &'a Scene {
        self.scene
    }

    /// Its gid; 0 for rows without one.
    pub fn gid(&self) -> i64 {
        self.node.gid.and_then(|column| self.block.int(self.row, column)).unwrap_or_default()
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
            Show::Member(column, member) => member_of(self.block.text(self.row, *column)?, member),
            _ => None,
        }
    }

    fn field(&self, name: &str) -> Option<&'a PlannedField> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        (self.has_field(field) && self.may_see(field)).then_some(field)
    }

    fn cell(&self, name: &str) -> Cell<'a> {
        match self.field(name).map(|field| &field.show) {
            Some(Show::Cell(column, _)) => self.block.cell(self.row, *column),
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
            Key::Column(column) => (self.block.int(self.row, column), Vec::new()),
            Key::Listed(column, member) => (None, listed(self.block.text(self.row, column), member)),
        };
        let rows = key.into_iter().chain(keys).flat_map(|key| loaded.rows[node.id].of(key));
        rows.map(move |&at| loaded.record(node, scene, at))
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        let start = out.len();
        if let Some(column) = self.node.gid {
            out.extend_from_slice(b"\"gid\":");
            Writer::new(out).gid(self.block.int(self.row, column).unwrap_or_default());
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
        has(field.only, self.node.subtype, self.block, self.row)
    }

    /// Whether the viewer sees what the field stands behind.
    fn may_see(&self, field: &PlannedField) -> bool {
        field.behind.is_empty() || self.one(field.behind).is_some()
    }

    fn write_value(&self, field: &PlannedField, out: &mut Vec<u8>) {
        match &field.show {
            Show::Cell(column, kind) => write_cell(self.block.cell(self.row, *column), *kind, out),
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
            Show::Cell(column, _) => self.block.cell(self.row, *column) == Cell::Null,
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
