//! The change log: what changed, written in the transaction of the change, together with where it is heard.

use store::{Type, Value};

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

impl Call<'_> {
    /// Writes a change. It is heard at the object itself and at `containers`: projects, parents, teams.
    pub fn record(&mut self, change: &Change<'_>, containers: &[i64]) -> Result<()> {
        let parameters = [
            change.workspace.into(),
            change.object.into(),
            change.kind.into(),
            change.subtype.into(),
            change.did.name().into(),
            change.field.into(),
            change.field_did.map(Did::name).into(),
            change.value.into(),
            change.parent.into(),
            self.viewer.user.into(),
            self.now.into(),
        ];
        let block = self.query(
            "INSERT INTO changes (workspace_id, object_id, kind, resource_subtype, action, field, field_action, value, \
             parent_id, actor_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) RETURNING id",
            &[Type::Int],
            &parameters,
        )?;
        let id = if block.is_empty() { None } else { block.int(0, 0) };
        let id = Value::Int(id.unwrap_or_default());
        let mut routes = vec![change.object.into(), id.clone()];
        for (at, container) in containers.iter().enumerate() {
            if *container != change.object && !containers[..at].contains(container) {
                routes.extend([(*container).into(), id.clone()]);
            }
        }
        let columns = [("container_id", Type::Int), ("change_id", Type::Int)];
        self.write.insert_rows("change_routes", &columns, &routes)?;
        Ok(())
    }
}
