//! What a business rule works with: the write transaction, the caller, the body, and what every rule needs of them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, RwLock};

use model::Level;
use rustc_hash::FxBuildHasher;
use store::reference::is_reference;
use store::{Block, Query, Statement, Step, Type, Value, Write};

use crate::access::{Levels, Name, Viewer, field_refusal, object_query, path_refusal};
use crate::body::Body;
use crate::error::{Error, Result};
use crate::kept::Epochs;
use crate::operation::Operation;
use crate::pending::Pending;
use crate::resource::{Names, Resource};
use crate::sql::{Bindings, LONGEST_LIST, Template};

/// Statements of rules, by their text.
#[derive(Default)]
pub(crate) struct Statements {
    known: RwLock<HashMap<Box<str>, Arc<Statement>, FxBuildHasher>>,
}

impl Statements {
    fn get(&self, sql: &str, columns: &[Type]) -> Arc<Statement> {
        if let Some(known) = self.known.read().ok().and_then(|known| known.get(sql).cloned()) {
            return known;
        }
        let statement = Statement::new(sql, columns);
        if let Ok(mut known) = self.known.write() {
            known.insert(sql.into(), Arc::clone(&statement));
        }
        statement
    }
}

/// What rules share between requests.
#[derive(Default)]
pub struct Shared {
    pub(crate) statements: Statements,
    pub(crate) levels: RwLock<HashMap<usize, Arc<Levels>, FxBuildHasher>>,
}

impl Shared {
    /// The statement that tells levels on objects of a resource.
    pub(crate) fn levels(&self, resource: &'static Resource) -> Arc<Levels> {
        let key = std::ptr::from_ref(resource) as usize;
        if let Some(known) = self.levels.read().ok().and_then(|levels| levels.get(&key).cloned()) {
            return known;
        }
        let fresh = Arc::new(Levels::new(resource));
        if let Ok(mut levels) = self.levels.write() {
            levels.insert(key, Arc::clone(&fresh));
        }
        fresh
    }
}

/// One write, while its transaction is open.
///
/// Inserted rows wait until a statement might look at them ([`crate::pending`]). Rules that read first and write last cost
/// the fewest round trips.
pub struct Call<'a> {
    pub(crate) write: &'a mut Write,
    /// The caller.
    pub viewer: &'a Viewer,
    /// The moment of the request.
    pub now: i64,
    /// The gid of the object in the path; 0 when the path names none.
    pub target: i64,
    /// The body: references exist and are visible to the caller.
    pub body: Body,
    /// What is kept between requests.
    pub shared: &'a Shared,
    pub(crate) pending: Pending,
    /// Whether it leaves something for later.
    pub(crate) enqueued: bool,
    known: Known,
    /// Whether it has changed reference tables, of which rows are kept.
    changes_reference: bool,
}

/// What was read of the objects that the path and the body name, as long as nothing can have changed it.
#[derive(Default)]
struct Known {
    /// The gids in the path and in the body.
    named: Vec<(&'static Resource, Vec<i64>)>,
    /// The locks that are shared.
    shared: Vec<i64>,
    /// The caller's levels, by resource and gid.
    levels: HashMap<(usize, i64), Option<Level>, FxBuildHasher>,
    /// The workspaces, by gid.
    workspaces: HashMap<i64, i64, FxBuildHasher>,
}

/// The most locks that are shared before anything is looked at.
const MOST_SHARED_AHEAD: usize = 100;

/// Columns and their values.
pub type Columns<'a> = &'a [(&'static str, Value)];

static WORKSPACES: LazyLock<Template> = LazyLock::new(|| {
    Template::new("SELECT o.gid, o.workspace_id FROM objects o WHERE o.gid IN ({ids})", &[Type::Int, Type::Int])
});
/// The last statement of a transaction: others that change reference tables wait for its row.
static NEW_REFERENCE_EPOCH: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new("UPDATE epochs SET value = value + 1 WHERE name = 'reference'", &[]));
static DELETE_OBJECT: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new("UPDATE objects SET deleted_at = ?2 WHERE gid = ?1", &[]));

/// A resource as a key.
fn place(resource: &'static Resource) -> usize {
    std::ptr::from_ref(resource) as usize
}

impl<'a> Call<'a> {
    /// Runs something as a call of this viewer at this time, and sends what it wrote.
    pub fn run<T, E: From<Error>>(
        write: &'a mut Write,
        viewer: &'a Viewer,
        shared: &'a Shared,
        now: i64,
        apply: impl FnOnce(&mut Call<'a>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let (body, pending, known) = Default::default();
        let mut call = Call {
            write,
            viewer,
            now,
            target: 0,
            body,
            shared,
            pending,
            enqueued: false,
            known,
            changes_reference: false,
        };
        let applied = apply(&mut call)?;
        call.finish()?;
        if call.changes_reference {
            call.write.execute(&NEW_REFERENCE_EPOCH, &[]).map_err(Error::from)?;
        }
        Ok(applied)
    }

    /// The transaction, for what is written beside the rules.
    pub fn write(&mut self) -> Result<&mut Write> {
        self.flush()?;
        self.known.forget();
        Ok(self.write)
    }

    /// Whether nobody else writes while this transaction is open.
    pub fn is_alone(&self) -> bool {
        self.write.is_alone()
    }

    /// A number that nobody else gets.
    pub fn gid(&mut self) -> Result<i64> {
        Ok(self.write.gid()?)
    }

    /// Writes rows of reference tables that say something of other objects alone, such as grants on tasks: of those
    /// nothing is kept.
    pub fn aside<T>(&mut self, write: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.changes_reference;
        let written = write(self);
        self.changes_reference = before;
        written
    }

    /// Waits until no other transaction holds the lock of this key, and holds it to the end of this one.
    pub fn lock(&mut self, key: i64) -> Result<()> {
        self.look_again();
        Ok(self.write.lock(key)?)
    }

    /// As [`Call::lock`], for many keys, one after the other.
    pub fn lock_all(&mut self, keys: &[i64]) -> Result<()> {
        self.look_again();
        Ok(self.write.lock_all(keys)?)
    }

    /// As [`Call::lock`], but together with others that share it.
    pub fn share(&mut self, key: i64) -> Result<()> {
        if self.write.is_alone() || self.known.shared.contains(&key) {
            return Ok(());
        }
        self.known.shared.push(key);
        self.look_again();
        Ok(self.write.share(key)?)
    }

    /// As [`Call::share`], for many keys, one after the other. What the path and the body name is looked up again with
    /// them.
    pub fn share_all(&mut self, keys: &[i64]) -> Result<()> {
        if self.write.is_alone() {
            return Ok(());
        }
        let fresh: Vec<i64> = keys.iter().copied().filter(|key| !self.known.shared.contains(key)).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        self.known.shared.extend(&fresh);
        self.known.forget();
        self.look_up(vec![Step::Share(fresh)]).map(drop)
    }

    /// Whoever held a lock may have changed what was read before.
    fn look_again(&mut self) {
        if !self.write.is_alone() {
            self.known.forget();
        }
    }

    /// Sends the rows that wait.
    fn flush(&mut self) -> Result<()> {
        match self.pending.is_empty() {
            true => Ok(()),
            false => self.run_all(Vec::new()).map(drop),
        }
    }

    /// Runs steps after the rows that wait, all in one round trip. A block for each step.
    pub(crate) fn run_all(&mut self, steps: Vec<Step>) -> Result<Vec<Block>> {
        let mut all: Vec<Step> = self.pending.take().collect();
        let waited = all.len();
        all.extend(steps);
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let mut blocks = self.write.run_all(all)?;
        Ok(blocks.split_off(waited))
    }

    /// Rows of a query. `sql` has parameters `?1`, `?2`, ...
    pub fn query(&mut self, sql: &str, columns: &[Type], parameters: &[Value]) -> Result<Block> {
        let statement = self.shared.statements.get(sql, columns);
        self.ask(&statement, parameters)
    }

    /// Rows of a template's query; `ids` is its `{ids}`.
    pub fn select(&mut self, template: &Template, ids: &[i64], named: &[(&str, Value)]) -> Result<Block> {
        let query = template.bind(&Bindings { viewer: self.viewer, now: self.now, ids, named });
        self.ask(&query.statement, &query.parameters)
    }

    /// As [`Call::select`], for a statement that returns nothing; answers how many rows it changed. `ids` may be as many as
    /// they like: it runs for as many at once as a list may have.
    pub fn execute_for(&mut self, template: &Template, ids: &[i64], named: &[(&str, Value)]) -> Result<u64> {
        let mut changed = 0;
        for ids in ids.chunks(LONGEST_LIST) {
            let query = template.bind(&Bindings { viewer: self.viewer, now: self.now, ids, named });
            self.changes_reference |= query.statement.changes_reference();
            changed += self.write()?.execute(&query.statement, &query.parameters)?;
        }
        Ok(changed)
    }

    fn ask(&mut self, statement: &Arc<Statement>, parameters: &[Value]) -> Result<Block> {
        self.changes_reference |= statement.changes_reference();
        if self.pending.is_empty() {
            return Ok(self.write.query(statement, parameters)?);
        }
        let blocks = self.run_all(vec![Step::Run(Query::new(statement, parameters.to_vec()))])?;
        Ok(blocks.into_iter().next().unwrap_or_default())
    }

    /// The first number of a query; `None` for no row or NULL.
    pub fn number(&mut self, sql: &str, parameters: &[Value]) -> Result<Option<i64>> {
        let block = self.query(sql, &[Type::Int], parameters)?;
        Ok(if block.is_empty() { None } else { block.int(0, 0) })
    }

    /// The first column of a query, as numbers.
    pub fn numbers(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<i64>> {
        let block = self.query(sql, &[Type::Int], parameters)?;
        Ok((0..block.len()).filter_map(|row| block.int(row, 0)).collect())
    }

    /// The first text of a query; `None` for no row or NULL.
    pub fn text(&mut self, sql: &str, parameters: &[Value]) -> Result<Option<String>> {
        let block = self.query(sql, &[Type::Text], parameters)?;
        Ok(if block.is_empty() { None } else { block.text(0, 0).map(str::to_owned) })
    }

    /// Runs a statement that returns nothing; answers how many rows it changed.
    pub fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64> {
        let statement = self.shared.statements.get(sql, &[]);
        self.changes_reference |= statement.changes_reference();
        Ok(self.write()?.execute(&statement, parameters)?)
    }

    /// Inserts a row, before anybody looks.
    pub fn insert(&mut self, table: &'static str, columns: Columns<'_>) {
        self.known.forget();
        self.changes_reference |= is_reference(table);
        self.pending.insert(table, columns);
    }

    /// Inserts a row unless there is one with the same key; answers whether it was new.
    pub fn insert_new(&mut self, table: &str, columns: Columns<'_>) -> Result<bool> {
        // Room for names of 24 letters, so that the text does not grow piece by piece.
        let mut sql = String::with_capacity(64 + 32 * columns.len());
        sql.extend(["INSERT INTO ", table, " ("]);
        for (at, (column, _)) in columns.iter().enumerate() {
            sql.push_str(if at == 0 { "" } else { ", " });
            sql.push_str(column);
        }
        sql.push_str(") VALUES (");
        for at in 1..=columns.len() {
            sql.push_str(if at == 1 { "?" } else { ", ?" });
            push_number(&mut sql, at);
        }
        sql.push_str(") ON CONFLICT DO NOTHING");
        let values: Vec<Value> = columns.iter().map(|(_, value)| value.clone()).collect();
        Ok(self.execute(&sql, &values)? > 0)
    }

    /// Inserts many rows at once; `cells` holds those of the first row, in the order of the columns, then the next.
    pub fn insert_rows(&mut self, table: &str, columns: &[(&str, Type)], cells: &[Value]) -> Result<()> {
        self.changes_reference |= is_reference(table);
        self.write()?.insert_rows(table, columns, cells)?;
        Ok(())
    }

    /// Changes columns of the row with this gid.
    pub fn update(&mut self, table: &str, gid: i64, columns: Columns<'_>) -> Result<()> {
        if columns.is_empty() {
            return Ok(());
        }
        let mut sql = String::with_capacity(64 + 32 * columns.len());
        sql.extend(["UPDATE ", table, " SET "]);
        for (at, (column, _)) in columns.iter().enumerate() {
            sql.push_str(if at == 0 { "" } else { ", " });
            sql.extend([column, " = ?"]);
            push_number(&mut sql, at + 2);
        }
        sql.push_str(" WHERE gid = ?1");
        let values: Vec<Value> =
            std::iter::once(Value::Int(gid)).chain(columns.iter().map(|(_, value)| value.clone())).collect();
        self.execute(&sql, &values).map(|_| ())
    }

    /// A new object's gid, known to be of this kind from now on.
    pub fn create_object(&mut self, resource: &'static Resource, workspace: i64) -> Result<i64> {
        let gid = self.gid()?;
        self.register(resource, gid, workspace);
        Ok(gid)
    }

    /// From now on this gid is known to be an object of this kind.
    pub fn register(&mut self, resource: &'static Resource, gid: i64, workspace: i64) {
        let columns = [("gid", gid.into()), ("kind", resource.kind.into()), ("workspace_id", workspace.into())];
        self.insert("objects", &columns);
    }

    /// Remembers that an object has been deleted.
    pub fn delete_object(&mut self, gid: i64) -> Result<()> {
        let parameters = [gid.into(), self.now.into()];
        self.write()?.execute(&DELETE_OBJECT, &parameters)?;
        Ok(())
    }

    /// The caller's level on an object; `None` when the caller does not see it.
    pub fn level(&mut self, resource: &'static Resource, gid: i64) -> Result<Option<Level>> {
        if let Some(level) = self.known.levels.get(&(place(resource), gid)) {
            return Ok(*level);
        }
        let query = self.shared.levels(resource).query(self.viewer, &[gid]);
        let block = self.ask(&query.statement, &query.parameters)?;
        Ok(Levels::level(&block, gid))
    }

    /// The workspace of an object, be it deleted; 0 for what is no object.
    pub fn workspace_of(&mut self, gid: i64) -> Result<i64> {
        if let Some(workspace) = self.known.workspaces.get(&gid) {
            return Ok(*workspace);
        }
        // Whoever asks about one object of the body asks about the next.
        let named = self.known.named.iter().filter(|(resource, _)| resource.names != Names::User);
        let named = named.flat_map(|(_, gids)| gids);
        let mut gids: Vec<i64> = named.copied().take(LONGEST_LIST).collect();
        if !gids.contains(&gid) {
            gids = vec![gid];
        }
        let block = self.select(&WORKSPACES, &gids, &[])?;
        let rows = (0..block.len()).filter_map(|row| Some((block.int(row, 0)?, block.int(row, 1)?)));
        self.known.workspaces.extend(rows);
        Ok(self.known.workspaces.get(&gid).copied().unwrap_or_default())
    }

    /// Which of these gids name objects of one of these kinds that the caller sees, and of which.
    pub fn seen(&mut self, resources: &[&'static Resource], gids: &[i64]) -> Result<Vec<(&'static Resource, i64)>> {
        if gids.is_empty() {
            return Ok(Vec::new());
        }
        let query = |resource: &&'static Resource| self.shared.levels(resource).query(self.viewer, gids);
        let steps = resources.iter().map(|resource| Step::Run(query(resource))).collect();
        let blocks = self.run_all(steps)?;
        let mut seen = Vec::new();
        for (resource, block) in resources.iter().zip(&blocks) {
            seen.extend(gids.iter().filter(|gid| Levels::level(block, **gid).is_some()).map(|gid| (*resource, *gid)));
        }
        Ok(seen)
    }

    /// Refuses unless the caller has this level on the object that the path names.
    pub fn require_target(&mut self, resource: &'static Resource, gid: i64, level: Level) -> Result<()> {
        match self.level(resource, gid)? {
            Some(own) if own >= level => Ok(()),
            Some(_) => Err(Error::no_permission(resource.kind)),
            None => {
                let object = self.object(gid)?;
                Err(path_refusal(resource, self.viewer, gid, &object))
            }
        }
    }

    /// Refuses unless the caller has this level on an object that a property names.
    pub fn require(&mut self, resource: &'static Resource, field: &str, gid: i64, level: Level) -> Result<()> {
        match self.level(resource, gid)? {
            Some(own) if own >= level => Ok(()),
            Some(_) => Err(Error::no_permission(resource.kind)),
            None => {
                let object = self.object(gid)?;
                Err(field_refusal(resource, self.viewer, field, gid, &object))
            }
        }
    }

    /// The gid of what is called so.
    pub fn named(&mut self, name: &Name) -> Result<Option<i64>> {
        self.flush()?;
        Ok(name.gid_in(self.write, self.viewer)?)
    }

    fn object(&mut self, gid: i64) -> Result<Block> {
        let query = object_query(gid);
        self.ask(&query.statement, &query.parameters)
    }

    /// The first look of a write, in one round trip: shares what the operation's rule shares ([`Operation::sharing`]), and
    /// reads the epochs and the caller's levels on what the path and the body name. Answers the epochs.
    pub(crate) fn look_first(&mut self, operation: &Operation, target: Option<&'static Resource>) -> Result<Epochs> {
        self.known.named = named(&self.body);
        if let Some(resource) = target {
            add_name(&mut self.known.named, resource, self.target);
        }
        let mut first = Vec::new();
        if !self.write.is_alone() && !operation.shares.is_empty() {
            self.known.shared = self.shared_ahead(operation);
            first.push(Step::Share(self.known.shared.clone()));
        }
        first.push(Step::Run(Epochs::query()));
        let blocks = self.look_up(first)?;
        Ok(blocks.last().map(Epochs::of).unwrap_or_default())
    }

    /// What an operation shares ahead. Of very much it is nothing: whether it may be so much the rule tells.
    fn shared_ahead(&self, operation: &Operation) -> Vec<i64> {
        let mut keys = Vec::new();
        for property in operation.shares {
            if operation.path.contains(&format!("{{{property}}}")) {
                keys.push(self.target);
            }
            self.body.each_name(property, &mut |name| match name {
                Name::Gid(gid) => keys.push(*gid),
                Name::Me => keys.push(self.viewer.user),
                Name::Email(_) | Name::External(_) => {}
            });
        }
        if keys.len() > MOST_SHARED_AHEAD { Vec::new() } else { keys }
    }

    /// Turns the names in the body into gids of objects that exist and that the caller sees.
    pub(crate) fn resolve_body(&mut self) -> Result<()> {
        let mut body = std::mem::take(&mut self.body);
        let resolved = body.resolve("", &mut |resource, path, name, text| self.resolve(resource, path, name, text));
        self.body = body;
        resolved
    }

    /// Reads the caller's levels on everything that the path and the body name by its gid, one query for each resource,
    /// after `first`, whose blocks it answers.
    fn look_up(&mut self, first: Vec<Step>) -> Result<Vec<Block>> {
        let mut steps = first;
        let mut asked = Vec::new();
        for (resource, gids) in &self.known.named {
            for gids in gids.chunks(LONGEST_LIST) {
                steps.push(Step::Run(self.shared.levels(resource).query(self.viewer, gids)));
                asked.push((*resource, gids.to_vec()));
            }
        }
        let mut blocks = self.run_all(steps)?;
        let levels = blocks.split_off(blocks.len() - asked.len());
        for ((resource, gids), block) in asked.iter().zip(&levels) {
            let levels = gids.iter().map(|gid| ((place(resource), *gid), Levels::level(block, *gid)));
            self.known.levels.extend(levels);
        }
        Ok(blocks)
    }

    fn resolve(&mut self, resource: &'static Resource, path: &str, name: &Name, text: &str) -> Result<i64> {
        match self.named(name)? {
            Some(gid) if matches!(name, Name::Me) => Ok(gid),
            Some(gid) => match self.require(resource, path, gid, Level::Viewer) {
                Ok(()) => Ok(gid),
                Err(_) if resource.names == Names::User => {
                    Err(Error::not_a_user(path, crate::parameter::shortened(text)))
                }
                Err(refusal) => Err(refusal),
            },
            None if resource.names == Names::User => Err(Error::not_a_user(path, crate::parameter::shortened(text))),
            None => Err(Error::unknown_object(path, crate::parameter::shortened(text))),
        }
    }
}

/// What a body names by its gid, each once.
fn named(body: &Body) -> Vec<(&'static Resource, Vec<i64>)> {
    let mut named: Vec<(&'static Resource, Vec<i64>)> = Vec::new();
    body.each_gid(&mut |resource, gid| add_name(&mut named, resource, gid));
    named
}

fn add_name(named: &mut Vec<(&'static Resource, Vec<i64>)>, resource: &'static Resource, gid: i64) {
    let gids = match named.iter_mut().find(|(known, _)| *known == resource) {
        Some((_, gids)) => gids,
        None => &mut named.push_mut((resource, Vec::new())).1,
    };
    if !gids.contains(&gid) {
        gids.push(gid);
    }
}

impl Known {
    fn forget(&mut self) {
        self.levels.clear();
        self.workspaces.clear();
    }
}

/// Appends a small number, without the machinery of formatting.
fn push_number(out: &mut String, number: usize) {
    if number >= 10 {
        push_number(out, number / 10);
    }
    out.push(char::from(b'0' + (number % 10) as u8));
}
