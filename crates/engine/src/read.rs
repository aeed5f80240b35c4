//! Loads what a plan asks for, a level of the object graph at a time, and writes it as JSON.

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use model::rich_text;
use store::{Block, Cell as Value, Query, Read};

use crate::access::Viewer;
use crate::api::Limits;
use crate::field::Kind;
use crate::json::Writer;
use crate::kept::{self, Epochs, Kept, Open};
use crate::link::Links;
use crate::plan::{BESIDE, Child, Key, Node, Pairs, Plan, PlannedField, RowsBeside, Show, TARGET};
use crate::sql::{Bindings, LONGEST_LIST, Template};

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
    /// The numbers of the installation.
    pub limits: Limits,
}

/// The rows of one node.
#[derive(Default)]
struct Rows {
    blocks: Vec<Arc<kept::Rows>>,
    /// In the order of the key and then of the query.
    index: Vec<At>,
    /// Where in the answer each of them has been written. Many objects name the same few people and projects.
    written: Vec<Cell<(u32, u32)>>,
    /// The keys by which they were asked for, ascending.
    asked: Vec<i64>,
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
    fn add(&mut self, rows: Arc<kept::Rows>) {
        let number = self.blocks.len() as u32;
        let block = &rows.block;
        self.index.reserve(block.len());
        for row in 0..block.len() {
            if let Some(key) = block.int(row, 0) {
                self.index.push(At { key, block: number, row: row as u32, beside: NOTHING });
            }
        }
        self.blocks.push(rows);
    }

    /// Sorts what was added.
    fn sort(&mut self) {
        self.index.sort_by_key(|at| at.key);
        self.written.resize(self.index.len(), Cell::default());
    }

    fn block(&self, at: At) -> &Block {
        &self.blocks[at.block as usize].block
    }

    /// The places of a key's rows.
    fn of(&self, key: i64) -> Range<usize> {
        range(&self.index, key)
    }

    fn int(&self, place: usize, column: usize) -> Option<i64> {
        let at = self.index[place];
        self.block(at).int(at.row as usize, column)
    }
}

fn range(index: &[At], key: i64) -> Range<usize> {
    let start = index.partition_point(|at| at.key < key);
    let length = index[start..].iter().take_while(|at| at.key == key).count();
    start..start + length
}

/// Ascending, each once.
fn distinct(keys: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut keys: Vec<i64> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// A row, and the row beside it.
#[derive(Clone, Copy)]
struct Row<'a> {
    block: &'a Block,
    row: usize,
    beside: Option<(&'a Block, usize)>,
}

impl<'a> Row<'a> {
    fn cell(&self, column: usize) -> Value<'a> {
        match (column.checked_sub(BESIDE), self.beside) {
            (None, _) => self.block.cell(self.row, column),
            (Some(column), Some((block, row))) => block.cell(row, column),
            (Some(_), None) => Value::Null,
        }
    }

    fn int(&self, column: usize) -> Option<i64> {
        match self.cell(column) {
            Value::Int(value) => Some(value),
            _ => None,
        }
    }

    fn text(&self, column: usize) -> Option<&'a str> {
        match self.cell(column) {
            Value::Text(value) => Some(value),
            _ => None,
        }
    }

    /// Whether it is of one of the subtypes in `only`.
    fn is_one_of(&self, only: &[&str], subtype: Option<usize>) -> bool {
        only.is_empty() || subtype.and_then(|column| self.text(column)).is_some_and(|subtype| only.contains(&subtype))
    }
}

/// The rows of a plan. They are written once, into one answer.
pub struct Loaded {
    rows: Vec<Rows>,
}

/// Queries that run together, and what becomes of their rows.
#[derive(Default)]
struct Level<'a> {
    awaited: Vec<(Awaited<'a>, Vec<i64>)>,
}

/// Whose rows a query brings.
#[derive(Clone, Copy)]
enum Awaited<'a> {
    /// Those of a node.
    Node(&'a Node),
    /// The pairs that lead to the rows of a relation.
    Pairs(&'a Child, &'a Pairs),
    /// Those of a relation of a node that leads through a list.
    Through(&'a Node, &'a Child),
    /// Those that stand beside others.
    Beside(&'a RowsBeside),
}

/// A relation that leads through a list, and how many levels it takes until that is loaded.
struct Through<'a> {
    owner: &'a Node,
    child: &'a Child,
    levels: usize,
}

impl Awaited<'_> {
    /// Their place among those that are loaded.
    fn place(&self) -> usize {
        match *self {
            Awaited::Node(node) => node.id,
            Awaited::Pairs(_, pairs) => pairs.id,
            Awaited::Through(_, child) => child.node.id,
            Awaited::Beside(beside) => beside.id,
        }
    }

    /// How its rows are kept.
    fn kept(&self) -> Option<kept::Kind> {
        match *self {
            Awaited::Node(node) => node.kept,
            Awaited::Pairs(_, pairs) => pairs.kept,
            Awaited::Through(_, child) => child.node.kept,
            Awaited::Beside(_) => None,
        }
    }

    fn template(&self) -> &Template {
        match *self {
            Awaited::Node(node) => &node.template,
            Awaited::Pairs(_, pairs) => &pairs.template,
            Awaited::Through(_, child) => &child.node.template,
            Awaited::Beside(beside) => &beside.template,
        }
    }
}

impl<'a> Level<'a> {
    /// Asks for the rows of these keys, which are distinct.
    fn add(&mut self, awaited: Awaited<'a>, keys: Vec<i64>) {
        match self.awaited.iter_mut().find(|(known, _)| known.place() == awaited.place()) {
            Some((_, known)) => *known = distinct(known.iter().copied().chain(keys)),
            None => self.awaited.push((awaited, keys)),
        }
    }

    /// Adds the queries for what has not been asked for yet, and forgets the rest. What is kept is not asked for.
    fn queries(
        &mut self,
        loaded: &mut Loaded,
        scene: &Scene,
        kept: Option<Open<'_>>,
        queries: &mut Vec<Query>,
    ) -> Vec<Sent> {
        let mut sent = Vec::new();
        self.awaited.retain_mut(|(awaited, keys)| {
            let place = awaited.place();
            let rows = &mut loaded.rows[place];
            if !rows.asked.is_empty() {
                keys.retain(|key| rows.asked.binary_search(key).is_err());
            }
            if keys.is_empty() {
                return false;
            }
            let kind = awaited.kept();
            let mut known = Vec::new();
            let found = kind.zip(kept).map(|(kind, kept)| {
                kept.find(kind, keys, |key, found| match cfg!(debug_assertions) {
                    true => known.push((key, Arc::clone(found))),
                    false => rows.add(Arc::clone(found)),
                })
            });
            let missing = if cfg!(debug_assertions) { &*keys } else { found.as_ref().unwrap_or(keys) };
            for ids in missing.chunks(LONGEST_LIST) {
                let bindings = Bindings { viewer: &scene.viewer, now: scene.now, ids, named: &[] };
                queries.push(awaited.template().bind(&bindings));
                let keys = if kind.is_some() { ids.to_vec() } else { Vec::new() };
                sent.push(Sent { place, kind, keys, known: std::mem::take(&mut known) });
            }
            rows.sort();
            if rows.asked.is_empty() {
                rows.asked = std::mem::take(keys);
            } else {
                rows.asked = distinct(rows.asked.iter().chain(&*keys).copied());
            }
            true
        });
        sent
    }
}

/// A query that runs.
struct Sent {
    /// The place of its rows.
    place: usize,
    /// How the rows of these keys are kept.
    kind: Option<kept::Kind>,
    keys: Vec<i64>,
    /// What is kept already, where it is read all the same, and compared.
    known: Vec<(i64, Arc<kept::Rows>)>,
}

impl Sent {
    /// Keeps the answer, and adds it to the rows. What is known is compared with it and used in its place.
    fn settle(self, answer: Block, open: Option<Open<'_>>, rows: &mut Rows) -> Result<(), store::Error> {
        let (Some(kind), Some(open)) = (self.kind, open) else {
            rows.add(Arc::new(answer.into()));
            return Ok(());
        };
        if self.known.is_empty() {
            open.keep(kind, &self.keys, &answer);
            rows.add(Arc::new(answer.into()));
            return Ok(());
        }
        let mut fresh = kept::apart(&self.keys, &answer);
        for (key, known) in self.known {
            if let Some(now) = fresh.remove(&key) {
                if now != known.block {
                    return Err(store::Error::Engine(format!("the rows kept for {key} are out of date: {now:?}")));
                }
                rows.add(known);
            }
        }
        let keys: Vec<i64> = fresh.keys().copied().collect();
        open.keep(kind, &keys, &answer);
        fresh.into_values().for_each(|block| rows.add(Arc::new(block.into())));
        Ok(())
    }
}

/// Loads the objects `ids` and what the plan shows of them. Reads the epochs with the first level, unless the caller has
/// in this transaction.
pub async fn load(
    plan: &Plan,
    read: &mut Read,
    scene: &Scene,
    ids: &[i64],
    kept: &Kept,
    epochs: Option<Epochs>,
) -> Result<(Loaded, Epochs), store::Error> {
    let mut loaded = Loaded { rows: Vec::new() };
    loaded.rows.resize_with(plan.places, Rows::default);
    let mut queries = if epochs.is_some() { Vec::new() } else { vec![Epochs::query()] };
    let mut epochs = epochs;
    let mut level = Level::default();
    level.add(Awaited::Node(&plan.root), distinct(ids.iter().copied()));
    let mut through = Vec::new();
    loop {
        let open = epochs.and_then(|epochs| kept.open(&scene.viewer, epochs));
        let first = queries.len();
        let sent = level.queries(&mut loaded, scene, open, &mut queries);
        let mut blocks = if queries.is_empty() { Vec::new() } else { read.level(&queries).await? };
        let answers = blocks.split_off(first);
        let seen = *epochs.get_or_insert_with(|| blocks.first().map(Epochs::of).unwrap_or_default());
        let open = kept.open(&scene.viewer, seen);
        for (sent, answer) in sent.into_iter().zip(answers) {
            let rows = &mut loaded.rows[sent.place];
            sent.settle(answer, open, rows)?;
            rows.sort();
        }
        level = loaded.next(&level, &mut through);
        if level.awaited.is_empty() && through.is_empty() {
            return Ok((loaded, seen));
        }
        queries.clear();
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
    /// What the rows of a level lead to. `through`: the relations that lead through lists which are being loaded.
    fn next<'a>(&mut self, level: &Level<'a>, through: &mut Vec<Through<'a>>) -> Level<'a> {
        let mut next = Level::default();
        for Through { owner, child, levels } in std::mem::take(through) {
            if levels > 1 {
                through.push(Through { owner, child, levels: levels - 1 });
                continue;
            }
            let gids = distinct(self.keys(owner, child).iter().flat_map(|key| self.listed_gids(owner, child, *key)));
            if !gids.is_empty() {
                next.add(Awaited::Through(owner, child), gids);
            }
        }
        for (awaited, _) in &level.awaited {
            let node = match *awaited {
                Awaited::Node(node) => node,
                Awaited::Through(owner, child) => {
                    self.join(owner, child);
                    &child.node
                }
                Awaited::Pairs(child, pairs) => {
                    let pairs = &self.rows[pairs.id];
                    let gids = distinct((0..pairs.index.len()).filter_map(|place| pairs.int(place, TARGET)));
                    if !gids.is_empty() {
                        next.add(Awaited::Node(&child.node), gids);
                    }
                    continue;
                }
                Awaited::Beside(_) => continue,
            };
            for child in &node.children {
                let keys = self.keys(node, child);
                if keys.is_empty() {
                    continue;
                }
                match (child.key, &child.pairs, &child.node.beside) {
                    (Key::Through(..), _, beside) => {
                        let pairs = node.list_of(child).is_some_and(|list| list.pairs.is_some());
                        through.push(Through { owner: node, child, levels: if pairs { 2 } else { 1 } });
                        if let Some(beside) = beside {
                            next.add(Awaited::Beside(beside), keys);
                        }
                    }
                    (_, Some(pairs), _) => next.add(Awaited::Pairs(child, pairs), keys),
                    _ => next.add(Awaited::Node(&child.node), keys),
                }
            }
        }
        next
    }

    fn row(&self, node: &Node, place: usize) -> Row<'_> {
        let rows = &self.rows[node.id];
        let at = rows.index[place];
        let beside = node.beside.as_ref().and_then(|beside| {
            let rows = &self.rows[beside.id];
            let at = rows.index.get(at.beside as usize)?;
            Some((rows.block(*at), at.row as usize))
        });
        Row { block: rows.block(at), row: at.row as usize, beside }
    }

    /// The distinct keys that the rows of a node have for a relation.
    fn keys(&self, node: &Node, child: &Child) -> Vec<i64> {
        let rows = (0..self.rows[node.id].index.len()).map(|place| self.row(node, place));
        let rows = rows.filter(|row| row.is_one_of(child.only, node.subtype));
        match child.key {
            Key::Column(column) | Key::Through(column, _) => distinct(rows.filter_map(|row| row.int(column))),
            Key::Listed(column, member) => distinct(rows.flat_map(|row| listed(row.text(column), member))),
            Key::Mentioned(column) => distinct(rows.filter_map(|row| row.text(column)).flat_map(rich_text::references)),
        }
    }

    /// The places of the rows that a key of a relation leads to.
    fn places<'a>(&'a self, child: &'a Child, key: i64) -> impl Iterator<Item = usize> + use<'a> {
        let rows = &self.rows[child.node.id];
        let pairs = child.pairs.as_ref().map(|pairs| &self.rows[pairs.id]);
        let targets = pairs.map(|pairs| pairs.of(key).filter_map(|place| pairs.int(place, TARGET)));
        let own = if pairs.is_none() { rows.of(key) } else { 0..0 };
        own.chain(targets.into_iter().flatten().flat_map(|gid| rows.of(gid)))
    }

    /// The gids of the objects in an owner's list, through which a relation leads.
    fn listed_gids<'a>(&'a self, owner: &'a Node, child: &'a Child, key: i64) -> impl Iterator<Item = i64> + use<'a> {
        let list = owner.list_of(child).into_iter();
        list.flat_map(move |list| {
            let rows = &self.rows[list.node.id];
            self.places(list, key).filter_map(|place| rows.int(place, list.node.gid?))
        })
    }

    /// The rows of a relation came by the objects of the list through which it leads. From now on they are found by the
    /// owners of those lists: for an owner each target once, with what the owner says about it beside it.
    fn join(&mut self, owner: &Node, child: &Child) {
        let node = &*child.node;
        let by_object = std::mem::take(&mut self.rows[node.id].index);
        let blocks = &self.rows[node.id].blocks;
        let target = |at: &At| blocks[at.block as usize].block.int(at.row as usize, node.gid?);
        let said = node.beside.as_ref().map(|beside| &self.rows[beside.id]);
        let mut joined: Vec<At> = Vec::new();
        for key in self.keys(owner, child) {
            let said = said.map(|said| (said, said.of(key)));
            let first = joined.len();
            let objects = self.listed_gids(owner, child, key);
            for at in objects.flat_map(|object| &by_object[range(&by_object, object)]) {
                let gid = target(at);
                if joined[first..].iter().any(|known| target(known) == gid) {
                    continue;
                }
                let beside = said.clone().and_then(|(said, mut places)| places.find(|at| said.int(*at, TARGET) == gid));
                joined.push(At { key, beside: beside.map_or(NOTHING, |place| place as u32), ..*at });
            }
        }
        let rows = &mut self.rows[node.id];
        rows.written.resize(joined.len(), Cell::default());
        rows.index = joined;
    }

    /// Whether the object was found.
    pub fn has(&self, plan: &Plan, gid: i64) -> bool {
        !self.rows[plan.root.id].of(gid).is_empty()
    }

    /// Writes one object.
    pub fn write_one(&self, plan: &Plan, scene: &Scene, gid: i64, out: &mut Vec<u8>) {
        match self.rows[plan.root.id].of(gid).next() {
            Some(place) => self.record(&plan.root, scene, place).write(out),
            None => out.extend_from_slice(b"null"),
        }
    }

    /// Writes the objects in this order.
    pub fn write_list(&self, plan: &Plan, scene: &Scene, gids: &[i64], out: &mut Vec<u8>) {
        out.push(b'[');
        let start = out.len();
        for gid in gids {
            if let Some(place) = self.rows[plan.root.id].of(*gid).next() {
                if out.len() > start {
                    out.push(b',');
                }
                self.record(&plan.root, scene, place).write(out);
            }
        }
        out.push(b']');
    }

    fn record<'a>(&'a self, node: &'a Node, scene: &'a Scene, place: usize) -> Record<'a> {
        Record { loaded: self, scene, node, fields: &node.fields, place, row: self.row(node, place) }
    }
}

/// A loaded object, as computed fields see it: the fields that they named in `needs`.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    loaded: &'a Loaded,
    scene: &'a Scene,
    node: &'a Node,
    fields: &'a [PlannedField],
    place: usize,
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
            Value::Text(value) => Some(value),
            _ => None,
        }
    }

    /// The number, moment or gid of a field.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.cell(name) {
            Value::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The number of a field.
    pub fn real(&self, name: &str) -> Option<f64> {
        match self.cell(name) {
            Value::Real(value) => Some(value),
            _ => None,
        }
    }

    /// The truth value of a field.
    pub fn bool(&self, name: &str) -> bool {
        self.cell(name) == Value::Bool(true)
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

    /// The kind and the object of this gid that the rich text of a field leads to, if the viewer may see it.
    pub fn referenced(&self, name: &str, gid: i64) -> Option<(&'static str, Record<'a>)> {
        let Show::Refs(children) = &self.field(name)?.show else {
            return None;
        };
        let Record { loaded, scene, node, .. } = *self;
        children.iter().find_map(|child| {
            let node = &node.children[*child].node;
            let place = loaded.rows[node.id].of(gid).next()?;
            Some((node.kind, loaded.record(node, scene, place)))
        })
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

    fn cell(&self, name: &str) -> Value<'a> {
        match self.field(name).map(|field| &field.show) {
            Some(Show::Cell(column, _)) => self.row.cell(*column),
            _ => Value::Null,
        }
    }

    fn find(&self, children: &[usize]) -> Option<Record<'a>> {
        children.iter().find_map(|child| self.related(*child).next())
    }

    fn related(&self, child: usize) -> impl Iterator<Item = Record<'a>> + use<'a> {
        let Record { loaded, scene, node, .. } = *self;
        let child = &node.children[child];
        let (key, keys) = match child.key {
            Key::Column(column) | Key::Through(column, _) => (self.row.int(column), Vec::new()),
            Key::Listed(column, member) => (None, listed(self.row.text(column), member)),
            Key::Mentioned(column) => {
                (None, self.row.text(column).into_iter().flat_map(rich_text::references).collect())
            }
        };
        let places = key.into_iter().chain(keys).flat_map(|key| loaded.places(child, key));
        places.map(move |place| loaded.record(&child.node, scene, place))
    }

    /// Writes it, or copies what was written of it before: an object reads the same wherever it is shown.
    fn write(&self, out: &mut Vec<u8>) {
        let rows = &self.loaded.rows[self.node.id];
        let at = rows.index[self.place];
        if let Some(json) = rows.blocks[at.block as usize].json.get(at.row as usize) {
            let json = json.get_or_init(|| self.written());
            debug_assert_eq!(*json, self.written(), "the JSON kept for {} is out of date", self.gid());
            return out.extend_from_slice(json);
        }
        let written = &rows.written[self.place];
        let (start, end) = written.get();
        if end > 0 {
            return out.extend_from_within(start as usize..end as usize);
        }
        let start = out.len();
        self.write_new(out);
        // What is said beside a row differs from owner to owner.
        if let (None, Ok(start), Ok(end)) = (&self.node.beside, u32::try_from(start), u32::try_from(out.len())) {
            written.set((start, end));
        }
    }

    fn written(&self) -> Box<[u8]> {
        let mut json = Vec::new();
        self.write_new(&mut json);
        json.into_boxed_slice()
    }

    fn write_new(&self, out: &mut Vec<u8>) {
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
            out.extend_from_slice(&field.head);
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
            Show::Null | Show::Refs(_) => out.extend_from_slice(b"null"),
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
            Show::Cell(column, _) => self.row.cell(*column) == Value::Null,
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

fn write_cell(cell: Value<'_>, kind: Kind, out: &mut Vec<u8>) {
    let mut writer = Writer::new(out);
    match (cell, kind) {
        (Value::Int(value), Kind::Time) => writer.time(value),
        (Value::Int(value), Kind::Gid) => writer.gid(value),
        (Value::Int(value), _) => writer.int(value),
        (Value::Bool(value), _) => writer.bool(value),
        (Value::Real(value), _) => writer.real(value),
        (Value::Text(value), Kind::Json) => writer.raw(value.as_bytes()),
        (Value::Text(value), _) => writer.text(value),
        (Value::Null | Value::Bytes(_), _) => writer.null(),
    }
}
