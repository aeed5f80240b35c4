//! Who the caller is and what the caller may do.
//!
//! Access is data: `grants(scope, principal, level)`. A viewer's principals (the user, the user's teams, the workspaces
//! where the user is a full member) are loaded once and remembered; a counter in the database, read with every request,
//! tells when they are out of date, so that a revoked token or a lost membership counts from the next request on.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, RwLock};

use model::Level;
use rustc_hash::FxBuildHasher;
use store::{Block, Query, Read, Statement, Type, Value, Write};

use crate::error::{Error, Result};
use crate::kept::Epochs;
use crate::resource::{Guard, Names, Resource};
use crate::sql::{Bindings, Template};

/// SHA-256 of a token.
pub type Digest = [u8; 32];

/// The caller of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Viewer {
    /// The user's gid.
    pub user: i64,
    /// The application that acts for the user; 0 for personal access tokens.
    pub app: i64,
    /// What grants may name: the user, teams, and workspaces where the user is a full member. Ascending.
    pub principals: Vec<i64>,
    /// The workspaces that the user belongs to, guests included. Ascending.
    pub workspaces: Vec<i64>,
    /// The state of the access data that this was loaded from.
    pub epoch: i64,
}

impl Viewer {
    /// Whether the user is a full member of the workspace, not a guest.
    pub fn is_member(&self, workspace: i64) -> bool {
        self.principals.binary_search(&workspace).is_ok()
    }

    /// Whether the user belongs to the workspace, be it as a guest.
    pub fn belongs_to(&self, workspace: i64) -> bool {
        self.workspaces.binary_search(&workspace).is_ok()
    }
}

/// Viewers remembered at once; beyond it the memory is emptied, which costs each caller one query.
const MOST_VIEWERS: usize = 10_000;

/// The viewers of recent tokens and sessions.
#[derive(Default)]
pub struct Viewers {
    /// With the time until which each is right by itself, in milliseconds.
    by_digest: RwLock<HashMap<Digest, (Arc<Viewer>, i64), FxBuildHasher>>,
}

static TOKEN: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new(
        "SELECT k.user_id, k.digest, CAST(NULL AS BIGINT) FROM tokens k CROSS JOIN users u \
           WHERE k.digest = ?1 AND k.revoked_at IS NULL AND u.gid = k.user_id AND u.deactivated_at IS NULL \
         UNION ALL SELECT s.user_id, s.digest, s.expires_at FROM sessions s CROSS JOIN users u \
           WHERE s.digest = ?1 AND s.expires_at > ?2 AND u.gid = s.user_id AND u.deactivated_at IS NULL",
        &[Type::Int, Type::Bytes, Type::Int],
    )
});
static WORKSPACES: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new(
        "SELECT workspace_id, is_guest FROM workspace_memberships WHERE user_id = ?1 ORDER BY workspace_id",
        &[Type::Int, Type::Bool],
    )
});
static TEAMS: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new("SELECT team_id FROM team_memberships WHERE user_id = ?1", &[Type::Int]));
static NEW_EPOCH: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new("UPDATE epochs SET value = value + 1 WHERE name = 'access'", &[]));
static OBJECT: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new(
        "SELECT kind, workspace_id, deleted_at FROM objects WHERE gid = ?1",
        &[Type::Text, Type::Int, Type::Int],
    )
});
static USER_BY_EMAIL: LazyLock<Arc<Statement>> =
    LazyLock::new(|| Statement::new("SELECT gid FROM users WHERE email_folded = ?1", &[Type::Int]));
static TASK_BY_EXTERNAL: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new(
        "SELECT x.task_id, x.workspace_id FROM task_externals x WHERE x.app_id = ?1 AND x.gid = ?2",
        &[Type::Int, Type::Int],
    )
});

/// Makes every remembered viewer out of date. Called by whatever changes tokens, users, memberships or teams.
pub fn start_epoch(write: &mut Write) -> Result<(), store::Error> {
    write.execute(&NEW_EPOCH, &[]).map(|_| ())
}

impl Viewers {
    /// A viewer remembered from an earlier request. `now` is in milliseconds.
    pub fn remembered(&self, digest: &Digest, now: i64) -> Option<Arc<Viewer>> {
        let viewers = self.by_digest.read().ok()?;
        viewers.get(digest).filter(|(_, until)| *until > now).map(|(viewer, _)| Arc::clone(viewer))
    }

    /// Forgets everybody.
    pub fn forget(&self) {
        if let Ok(mut viewers) = self.by_digest.write() {
            viewers.clear();
        }
    }

    /// Loads the viewer of a token or a session and remembers it. `None`: there is none, or no more at `now`, which is in
    /// milliseconds; or the user is deactivated.
    pub async fn load(&self, read: &mut Read, digest: &Digest, now: i64) -> Result<Option<Arc<Viewer>>, store::Error> {
        let token = Query::new(&TOKEN, vec![Value::from(&digest[..]), now.into()]);
        let blocks = read.level(&[token, Epochs::query()]).await?;
        let found = (0..blocks[0].len()).next().and_then(|row| {
            let known = blocks[0].bytes(row, 1)?;
            let same = bool::from(subtle::ConstantTimeEq::ct_eq(known, &digest[..]));
            let until = blocks[0].int(row, 2).unwrap_or(i64::MAX);
            blocks[0].int(row, 0).filter(|_| same).map(|user| (user, until))
        });
        let (viewer, until) = match found {
            Some((user, until)) => (Arc::new(viewer(read, user, Epochs::of(&blocks[1]).access).await?), until),
            None => {
                if let Ok(mut viewers) = self.by_digest.write() {
                    viewers.remove(digest);
                }
                return Ok(None);
            }
        };
        if let Ok(mut viewers) = self.by_digest.write() {
            if viewers.len() >= MOST_VIEWERS {
                viewers.clear();
            }
            viewers.insert(*digest, (Arc::clone(&viewer), until));
        }
        Ok(Some(viewer))
    }
}

/// The viewer that a user is.
pub async fn viewer(read: &mut Read, user: i64, epoch: i64) -> Result<Viewer, store::Error> {
    let queries = [Query::new(&WORKSPACES, vec![user.into()]), Query::new(&TEAMS, vec![user.into()])];
    let blocks = read.level(&queries).await?;
    Ok(viewer_of(user, epoch, &blocks[0], &blocks[1]))
}

/// The viewer that a user is, inside a write; nobody for user 0.
pub fn viewer_in(write: &mut Write, user: i64, app: i64) -> Result<Viewer, store::Error> {
    if user == 0 {
        return Ok(Viewer::default());
    }
    let memberships = write.query(&WORKSPACES, &[user.into()])?;
    let teams = write.query(&TEAMS, &[user.into()])?;
    Ok(Viewer { app, ..viewer_of(user, 0, &memberships, &teams) })
}

fn viewer_of(user: i64, epoch: i64, memberships: &Block, teams: &Block) -> Viewer {
    let mut viewer = Viewer { user, app: 0, principals: vec![user], workspaces: Vec::new(), epoch };
    for row in 0..memberships.len() {
        let workspace = memberships.int(row, 0).unwrap_or_default();
        viewer.workspaces.push(workspace);
        if !memberships.bool(row, 1) {
            viewer.principals.push(workspace);
        }
    }
    viewer.principals.extend((0..teams.len()).filter_map(|row| teams.int(row, 0)));
    viewer.principals.sort_unstable();
    viewer
}

/// The statement that tells a viewer's levels on objects of a resource.
#[derive(Debug)]
pub struct Levels {
    template: Template,
}

impl Levels {
    /// Reads the level off the resource's guard.
    pub fn new(resource: &'static Resource) -> Self {
        let trash = if resource.trash { " AND t.deleted_at IS NULL" } else { "" };
        let table = resource.table;
        let level = level_expression(&resource.guard, "t.gid");
        let text = format!("SELECT t.gid, {level} FROM {table} t WHERE t.gid IN ({{ids}}){trash}");
        Levels { template: Template::new(&text, &[Type::Int, Type::Int]) }
    }

    /// The query for these objects.
    pub fn query(&self, viewer: &Viewer, gids: &[i64]) -> Query {
        self.template.bind(&Bindings { viewer, now: 0, ids: gids, named: &[] })
    }

    /// What the answer to [`Levels::query`] says of an object; `None` when the viewer does not see it.
    pub fn level(block: &Block, gid: i64) -> Option<Level> {
        let row = (0..block.len()).find(|row| block.int(*row, 0) == Some(gid))?;
        block.int(row, 1).and_then(Level::from_i64)
    }
}

/// The highest level that grants give the viewer on the object whose gid is `key`; NULL for none.
fn level_expression(guard: &Guard, key: &str) -> String {
    let highest = |from: &str, condition: &str| {
        format!(
            "(SELECT max(g.level) FROM {{each_principal}} p CROSS JOIN {from}grants g WHERE {condition} \
             AND g.principal_id = p.column1)"
        )
    };
    match guard {
        Guard::Scope => highest("", &format!("g.scope_id = {key}")),
        Guard::Scopes { table, owner } => {
            highest(&format!("{table} x CROSS JOIN "), &format!("x.{owner} = {key} AND g.scope_id = x.scope_id"))
        }
        Guard::Via(column, resource) => {
            let key = format!("t.{column}");
            let level = level_expression(&resource.guard, &key);
            if resource.trash { format!("(CASE WHEN {}TRUE THEN {level} END)", resource.there(&key)) } else { level }
        }
        Guard::Both(one, other) => {
            format!("(CASE WHEN {} THEN {} END)", other.predicate(key), level_expression(one, key))
        }
        Guard::OneOf(resources) => {
            let each = resources
                .iter()
                .map(|one| format!("WHEN {}TRUE THEN {}", one.there(key), level_expression(&one.guard, key)));
            format!("(CASE {} END)", each.collect::<Vec<_>>().join(" "))
        }
        Guard::Sql(_) => format!(
            "(CASE WHEN {} THEN coalesce({}, {}) END)",
            guard.predicate(key),
            highest("", &format!("g.scope_id = {key}")),
            Level::Viewer.as_i64()
        ),
    }
}

/// Why the viewer does not get an object that a path names. The one rule for 403 and 404 (docs/access.md): an object
/// of a workspace that the viewer belongs to is refused, any other does not exist.
pub fn path_refusal(resource: &Resource, viewer: &Viewer, gid: i64, object: &Block) -> Error {
    match known(resource, viewer, object) {
        Known::Deleted => Error::deleted(resource.kind, gid),
        Known::Hidden => Error::no_access(kind_of(resource, object)),
        Known::Unknown => Error::not_recognized(resource.kind, gid),
    }
}

/// The same for an object that a query parameter or a body names.
pub fn field_refusal(resource: &Resource, viewer: &Viewer, field: &str, gid: i64, object: &Block) -> Error {
    match known(resource, viewer, object) {
        Known::Hidden => Error::no_access(kind_of(resource, object)),
        Known::Deleted | Known::Unknown => Error::unknown_object(field, gid),
    }
}

/// What the object is called: by its own kind where the resource stands for several and is called like none of them.
fn kind_of<'a>(resource: &Resource, object: &'a Block) -> &'a str {
    match object.text(0, 0) {
        Some(kind) if resource.faces.len() > 1 && !resource.faces.contains(&resource.kind) => kind,
        _ => resource.kind,
    }
}

enum Known {
    Unknown,
    Deleted,
    Hidden,
}

fn known(resource: &Resource, viewer: &Viewer, object: &Block) -> Known {
    if object.is_empty() || !resource.is_kind(object.text(0, 0)) {
        return Known::Unknown;
    }
    match object.int(0, 1) {
        Some(workspace) if viewer.belongs_to(workspace) => {
            if object.int(0, 2).is_some() {
                Known::Deleted
            } else {
                Known::Hidden
            }
        }
        _ => Known::Unknown,
    }
}

/// The query that tells what a gid is, for the refusals.
pub fn object_query(gid: i64) -> Query {
    Query::new(&OBJECT, vec![gid.into()])
}

/// What a path or parameter calls an object by, once its form is right.
#[derive(Clone, Debug, PartialEq)]
pub enum Name {
    /// By its gid.
    Gid(i64),
    /// The viewer.
    Me,
    /// A user by e-mail address, folded.
    Email(String),
    /// By the identifier of the caller's application.
    External(String),
}

impl Name {
    /// Reads what a resource may be called by. `None`: no such form.
    pub fn parse(names: Names, text: &str) -> Option<Self> {
        match names {
            Names::User if text == "me" => return Some(Name::Me),
            Names::User if text.contains('@') && !text.contains('\0') => {
                return Some(Name::Email(model::fold_email(text)));
            }
            Names::External => {
                if let Some(external) = text.strip_prefix("external:") {
                    let fits = !external.is_empty() && external.len() <= 1024 && !external.contains('\0');
                    return fits.then(|| Name::External(external.to_owned()));
                }
            }
            _ => {}
        }
        model::gid::parse(text).map(Name::Gid)
    }

    /// The query that finds the gid, for names that need one.
    fn query(&self, viewer: &Viewer) -> Option<Query> {
        match self {
            Name::Gid(_) | Name::Me => None,
            Name::Email(email) => Some(Query::new(&USER_BY_EMAIL, vec![email.as_str().into()])),
            Name::External(gid) => Some(Query::new(&TASK_BY_EXTERNAL, vec![viewer.app.into(), gid.as_str().into()])),
        }
    }

    fn found(&self, viewer: &Viewer, block: &Block) -> Option<i64> {
        (0..block.len())
            .find(|row| !matches!(self, Name::External(_)) || viewer.belongs_to(block.int(*row, 1).unwrap_or_default()))
            .and_then(|row| block.int(row, 0))
    }

    /// The gid, looked up when need be.
    pub async fn gid(&self, read: &mut Read, viewer: &Viewer) -> Result<Option<i64>, store::Error> {
        Ok(match (self, self.query(viewer)) {
            (Name::Gid(gid), _) => Some(*gid),
            (_, Some(query)) => self.found(viewer, &read.one(query).await?),
            (_, None) => Some(viewer.user),
        })
    }

    /// The gid, looked up when need be, inside a write.
    pub fn gid_in(&self, write: &mut Write, viewer: &Viewer) -> Result<Option<i64>, store::Error> {
        Ok(match (self, self.query(viewer)) {
            (Name::Gid(gid), _) => Some(*gid),
            (_, Some(query)) => self.found(viewer, &write.query(&query.statement, &query.parameters)?),
            (_, None) => Some(viewer.user),
        })
    }
}
