//! The change log: what changed, written in the transaction of the change, together with where it is heard.
//!
//! A request changes many things that are heard at the same places: a new task, and ten lines about it. They are one set,
//! whose routes are written once.

use std::sync::{Arc, LazyLock};

use store::{Query, Rows, Statement, Step, Type, Value};

use crate::call::Call;
use crate::error::Result;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Did {
    /// A field changed.
    Changed,
    /// It was put into a container, or came to be.
    Added,
    /// It was taken out of a container.
    Removed,
    /// It was deleted.
    Deleted,
    /// It came back from the trash.
    Undeleted,
}

impl Did {
    /// The API's word.
    pub fn name(self) -> &'static str {
        match self {
            Did::Changed => "changed",
            Did::Added => "added",
            Did::Removed => "removed",
            Did::Deleted => "deleted",
            Did::Undeleted => "undeleted",
        }
    }
}

/// One change of one object.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// The object.
    pub object: i64,
    /// Its `resource_type`.
    pub kind: &'static str,
    /// Its `resource_subtype`.
    pub subtype: Option<&'a str>,
    /// Its workspace.
    pub workspace: i64,
    /// What happened.
    pub did: Did,
    /// The field that changed.
    pub field: Option<&'a str>,
    /// What happened to the field: `changed`, or `added` and `removed` for lists.
    pub field_did: Option<Did>,
    /// The object that the field now names, gained or lost: a gid. Plain values are not recorded, as in the API.
    pub value: Option<i64>,
    /// The container that it was added to or removed from.
    pub parent: Option<i64>,
}

impl<'a> Change<'a> {
    /// Something that happened to an object as a whole.
    pub fn new(did: Did, kind: &'static str, object: i64, workspace: i64) -> Self {
        Change { object, kind, subtype: None, workspace, did, field: None, field_did: None, value: None, parent: None }
    }

    /// A field changed.
    pub fn field(mut self, field: &'a str) -> Self {
        self.field = Some(field);
        self.field_did = Some(Did::Changed);
        self
    }

    /// A list gained or lost an object.
    pub fn member(mut self, did: Did, value: i64) -> Self {
        self.field_did = Some(did);
        self.value = Some(value);
        self
    }

    /// The field now names this object.
    pub fn value(mut self, value: Option<i64>) -> Self {
        self.value = value;
        self
    }

    /// The container that it was added to or removed from.
    pub fn parent(mut self, parent: i64) -> Self {
        self.parent = Some(parent);
        self
    }

    /// The object's subtype.
    pub fn subtype(mut self, subtype: &'a str) -> Self {
        self.subtype = Some(subtype);
        self
    }
}

/// Changes that follow each other and are heard at the same places.
pub(crate) struct Set {
    workspace: i64,
    /// Where they are heard: ascending, each once.
    heard: Vec<i64>,
    /// As the columns of [`CHANGE`], without the set's id.
    changes: Vec<[Value; CHANGE.len() - 1]>,
}

const CHANGE: [&str; 10] = [
    "set_id",
    "number",
    "object_id",
    "kind",
    "resource_subtype",
    "action",
    "field",
    "field_action",
    "value",
    "parent_id",
];
const ROUTE: [&str; 3] = ["container_id", "set_id", "only_itself"];

static NEW_SET: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    let text = "INSERT INTO change_sets (workspace_id, actor_id, created_at) VALUES (?1, ?2, ?3) RETURNING id";
    Statement::new(text, &[Type::Int])
});

impl Call<'_> {
    /// Writes a change. It is heard at the object itself and at `containers`: projects, parents, teams.
    pub fn record(&mut self, change: &Change<'_>, containers: &[i64]) {
        self.record_within(change, &[&[change.object], containers].concat());
    }

    /// Writes a change of something that nobody listens to by itself, such as a story: it is heard at `containers` only.
    pub fn record_within(&mut self, change: &Change<'_>, containers: &[i64]) {
        let mut heard = containers.to_vec();
        heard.sort_unstable();
        heard.dedup();
        let sets = &mut self.pending.sets;
        let set = match sets.last_mut() {
            Some(set) if set.workspace == change.workspace && set.heard == heard => set,
            _ => sets.push_mut(Set { workspace: change.workspace, heard, changes: Vec::new() }),
        };
        set.changes.push([
            (set.changes.len() as i64).into(),
            change.object.into(),
            change.kind.into(),
            change.subtype.into(),
            change.did.name().into(),
            change.field.into(),
            change.field_did.map(Did::name).into(),
            change.value.into(),
            change.parent.into(),
        ]);
    }

    /// The id of a new set, for changes that the caller writes by itself: very many at once. It comes after all that was
    /// recorded before.
    pub fn open_set(&mut self, workspace: i64) -> Result<i64> {
        self.finish()?;
        let opened = self.run_all(vec![self.new_set(workspace)])?;
        Ok(opened[0].int(0, 0).unwrap_or_default())
    }

    fn new_set(&self, workspace: i64) -> Step {
        Step::Run(Query::new(&NEW_SET, vec![workspace.into(), self.viewer.user.into(), self.now.into()]))
    }

    /// Sends what waits: rows, then changes.
    pub(crate) fn finish(&mut self) -> Result<()> {
        let sets = std::mem::take(&mut self.pending.sets);
        let opened = self.run_all(sets.iter().map(|set| self.new_set(set.workspace)).collect())?;
        let mut changes = Rows { table: "changes", columns: CHANGE.to_vec(), cells: Vec::new() };
        let mut routes = Rows { table: "change_routes", columns: ROUTE.to_vec(), cells: Vec::new() };
        for (set, opened) in sets.into_iter().zip(&opened) {
            let id = Value::Int(opened.int(0, 0).unwrap_or_default());
            for change in set.changes {
                changes.cells.push(id.clone());
                changes.cells.extend(change);
            }
            routes.cells.extend(set.heard.iter().flat_map(|place| [(*place).into(), id.clone(), false.into()]));
        }
        if !changes.cells.is_empty() {
            self.write.run_all(vec![Step::Insert(changes), Step::Insert(routes)])?;
        }
        Ok(())
    }
}
