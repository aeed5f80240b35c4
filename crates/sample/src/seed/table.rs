//! Rows on their way into the database, table by table.

use store::{Type, Value, Write};

use Type::{Bool, Int, Real, Text};

/// Rows for a table.
pub struct Table<const N: usize> {
    name: &'static str,
    columns: [(&'static str, Type); N],
    rows: Vec<Value>,
}

const fn table<const N: usize>(name: &'static str, columns: [(&'static str, Type); N]) -> Table<N> {
    Table { name, columns, rows: Vec::new() }
}

impl<const N: usize> Table<N> {
    /// Adds a row.
    pub fn push(&mut self, row: [Value; N]) {
        self.rows.extend(row);
    }

    fn write(&mut self, write: &mut Write) -> Result<(), store::Error> {
        if !self.rows.is_empty() {
            write.insert_rows(self.name, &self.columns, &self.rows)?;
            self.rows.clear();
        }
        Ok(())
    }
}

/// A row, of whatever becomes a value.
macro_rules! row {
    ($($value:expr),* $(,)?) => { [$(store::Value::from($value)),*] };
}
pub(super) use row;

macro_rules! tables {
    ($($field:ident: $width:literal = [$($column:literal $kind:ident),* $(,)?]),* $(,)?) => {
        /// The tables that seeding fills by the thousand. The columns of each are named once, here.
        pub struct Tables { $(pub $field: Table<$width>,)* }

        impl Tables {
            /// Without rows.
            pub const fn new() -> Self {
                Tables { $($field: table(stringify!($field), [$(($column, $kind)),*]),)* }
            }

            /// Inserts all rows.
            pub fn write(&mut self, write: &mut Write) -> Result<(), store::Error> {
                $(self.$field.write(write)?;)*
                Ok(())
            }

            /// The tables with their columns.
            #[cfg(test)]
            pub fn columns() -> Vec<(&'static str, Vec<(&'static str, Type)>)> {
                let tables = Tables::new();
                vec![$((tables.$field.name, tables.$field.columns.to_vec())),*]
            }
        }
    };
}

tables! {
    objects: 3 = ["gid" Int, "kind" Text, "workspace_id" Int],
    grants: 3 = ["scope_id" Int, "principal_id" Int, "level" Int],
    projects: 19 = [
        "gid" Int, "workspace_id" Int, "team_id" Int, "name" Text, "notes" Text, "owner_id" Int, "archived" Bool,
        "color" Text, "icon" Text, "default_view" Text, "due_on" Text, "privacy_setting" Text, "default_access_level" Text,
        "minimum_access_level_for_customization" Text, "minimum_access_level_for_sharing" Text, "completed" Bool,
        "created_at" Int, "created_by_id" Int, "modified_at" Int,
    ],
    project_memberships: 6 = [
        "gid" Int, "workspace_id" Int, "project_id" Int, "member_id" Int, "access_level" Text, "created_at" Int,
    ],
    project_followers: 2 = ["project_id" Int, "user_id" Int],
    sections: 6 = ["gid" Int, "workspace_id" Int, "project_id" Int, "name" Text, "rank" Text, "created_at" Int],
    tags: 6 = ["gid" Int, "workspace_id" Int, "name" Text, "color" Text, "notes" Text, "created_at" Int],
    tasks: 21 = [
        "gid" Int, "workspace_id" Int, "name" Text, "resource_subtype" Text, "notes" Text, "assignee_id" Int,
        "assignee_status" Text, "assigned_by_id" Int, "approval_status" Text, "completed" Bool, "completed_at" Int,
        "completed_by_id" Int, "start_on" Text, "due_on" Text, "due_at" Int, "parent_id" Int, "rank" Text,
        "is_rendered_as_separator" Bool, "created_at" Int, "created_by_id" Int, "modified_at" Int,
    ],
    task_projects: 4 = ["task_id" Int, "project_id" Int, "section_id" Int, "rank" Text],
    user_task_list_tasks: 3 = ["task_id" Int, "section_id" Int, "rank" Text],
    task_scopes: 2 = ["task_id" Int, "scope_id" Int],
    task_followers: 2 = ["task_id" Int, "user_id" Int],
    task_tags: 2 = ["task_id" Int, "tag_id" Int],
    task_dependencies: 2 = ["task_id" Int, "depends_on_id" Int],
    stories: 12 = [
        "gid" Int, "workspace_id" Int, "target_id" Int, "type" Text, "resource_subtype" Text, "text" Text,
        "html_text" Text, "is_pinned" Bool, "is_edited" Bool, "source" Text, "created_at" Int, "created_by_id" Int,
    ],
    custom_fields: 14 = [
        "gid" Int, "workspace_id" Int, "name" Text, "name_folded" Text, "resource_subtype" Text, "description" Text,
        "precision_digits" Int, "format" Text, "is_global_to_workspace" Bool, "has_notifications_enabled" Bool,
        "privacy_setting" Text, "default_access_level" Text, "created_at" Int, "created_by_id" Int,
    ],
    enum_options: 7 = [
        "gid" Int, "workspace_id" Int, "custom_field_id" Int, "name" Text, "enabled" Bool, "color" Text, "rank" Text,
    ],
    custom_field_settings: 6 = [
        "gid" Int, "workspace_id" Int, "parent_id" Int, "custom_field_id" Int, "is_important" Bool, "rank" Text,
    ],
    custom_field_values: 7 = [
        "gid" Int, "object_id" Int, "custom_field_id" Int, "text_value" Text, "number_value" Real,
        "enum_option_id" Int, "date_value" Text,
    ],
    custom_field_value_items: 3 = ["value_id" Int, "position" Int, "item_id" Int],
}
