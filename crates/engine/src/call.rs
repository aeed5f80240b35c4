//! What a business rule works with: the write transaction, the caller, the body, and what every rule needs of them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, RwLock};

use model::Level;
use rustc_hash::FxBuildHasher;
use store::{Block, Statement, Type, Value, Write};

use crate::access::{Levels, Name, Viewer, field_refusal, object_query, path_refusal};
use crate::body::Body;
use crate::error::{Error, Result};
use crate::resource::{Names, Resource};

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
pub struct Call<'a> {
    /// The transaction.
    pub write: &'a mut Write,
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
}

/// Columns and their values.
pub type Columns<'a> = &'a [(&'a str, Value)];

static NEW_OBJECT: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new("INSERT INTO objects (gid, kind, workspace_id) VALUES (?1, ?2, ?3)", &[]));
static DELETE_OBJECT: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new("UPDATE objects SET deleted_at = ?2 WHERE gid = ?1", &[]));

impl Call<'_> {
    /// Rows of a query. `sql` has parameters `?1`, `?2`, ...
    pub fn query(&mut self, sql: &str, columns: &[Type], parameters: &[Value]) -> Result<Block> {
        let statement = self.shared.statements.get(sql, columns);
        Ok(self.write.query(&statement, parameters)?)
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
        Ok(self.write.execute(&statement, parameters)?)
    }

    /// Inserts a row.
    pub fn insert(&mut self, table: &str, columns: Columns<'_>) -> Result<()> {
        self.insert_with(table, columns, "").map(|_| ())
    }

    /// Inserts a row unless there is one with the same key; answers whether it was new.
    pub fn insert_new(&mut self, table: &str, columns: Columns<'_>) -> Result<bool> {
        Ok(self.insert_with(table, columns, " ON CONFLICT DO NOTHING")? > 0)
    }

    fn insert_with(&mut self, table: &str, columns: Columns<'_>, suffix: &str) -> Result<u64> {
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
        sql.push(')');
        sql.push_str(suffix);
        let values: Vec<Value> = columns.iter().map(|(_, value)| value.clone()).collect();
        self.execute(&sql, &values)
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
        let gid = self.write.gid()?;
        self.write.execute(&NEW_OBJECT, &[gid.into(), resource.kind.into(), workspace.into()])?;
        Ok(gid)
    }

    /// Remembers that an object has been deleted.
    pub fn delete_object(&mut self, gid: i64) -> Result<()> {
        self.write.execute(&DELETE_OBJECT, &[gid.into(), self.now.into()])?;
        Ok(())
    }

    /// The caller's level on an object; `None` when the caller does not see it.
    pub fn level(&mut self, resource: &'static Resource, gid: i64) -> Result<Option<Level>> {
        let query = self.shared.levels(resource).query(self.viewer, gid);
        let block = self.write.query(&query.statement, &query.parameters)?;
        Ok(Levels::level(&block))
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

    fn object(&mut self, gid: i64) -> Result<Block> {
        let query = object_query(gid);
        Ok(self.write.query(&query.statement, &query.parameters)?)
    }

    /// Turns the names in the body into gids of objects that exist and that the caller sees.
    pub(crate) fn resolve_body(&mut self) -> Result<()> {
        let mut body = std::mem::take(&mut self.body);
        let resolved = body.resolve("", &mut |resource, path, name, text| self.resolve(resource, path, name, text));
        self.body = body;
        resolved
    }

    fn resolve(&mut self, resource: &'static Resource, path: &str, name: &Name, text: &str) -> Result<i64> {
        match name.gid_in(self.write, self.viewer)? {
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

/// Appends a small number, without the machinery of formatting.
fn push_number(out: &mut String, number: usize) {
    if number >= 10 {
        push_number(out, number / 10);
    }
    out.push(char::from(b'0' + (number % 10) as u8));
}
