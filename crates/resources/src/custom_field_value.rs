//! What the custom fields say about a task.
//!
//! A task has the fields that the settings of its projects attach, as far as the viewer sees both project and field. On a
//! task a field is shown with its value: another face of the table in [`crate::custom_field`]. A value whose field has left
//! the task's projects is kept but not shown; it is back when the field comes back.

use std::sync::LazyLock;

use engine::access::Name;
use engine::body::{Given, given, text as given_text};
use engine::call::Call;
use engine::change::Did;
use engine::error::{Error, Result};
use engine::field::{
    Beside, Edge, Field, Kind, boolean, computed, link, long_text, many, nothing, object, one, sql, text, through,
};
use engine::input::{Input, InputKind, input};
use engine::json::Writer;
use engine::parameter::shortened;
use engine::read::Record;
use engine::resource::{Resource, granted};
use engine::sql::Template;
use model::{rich_text, time};
use serde_json::{Map, Value as Json, json};
use store::{Type, Value};

use crate::custom_field::{
    CHOOSING, CURRENCY_CODE, CUSTOM_LABEL, CUSTOM_LABEL_POSITION, FORMAT, GUARD, ID_PREFIX, IS_FORMULA_FIELD,
    IS_VALUE_READ_ONLY, PRECISION, REPRESENTATION_TYPE, RESOURCE_SUBTYPE, TYPE, enum_options,
};
use crate::custom_field_display::{NEEDS, TEXT_NEEDS, display, rounded, shown_text};
use crate::enum_option::ENUM_OPTION;
use crate::project::not_on_object;
use crate::story::{SystemStory, subtype, write_system_story};
use crate::task::{Task, task_change};
use crate::user::USER;
use crate::workspace::is_organization;

/// The longest text of a text field.
pub const LONGEST_TEXT: usize = 1_024;

/// A field on a task. `t` is the field, `v` its value on the task, if there is one.
pub static CUSTOM_FIELD_ON_TASK: Resource = Resource {
    guard: GUARD,
    trash: true,
    subtype: "resource_subtype",
    fields: &[
        sql("enabled", Kind::Bool, "TRUE").compact(),
        enum_options().compact(),
        one("enum_value", &ENUM_OPTION, "v.enum_option_id").compact().only(&["enum"]),
        many("multi_enum_values", &ENUM_OPTION, ITEMS).keyed("v.gid").compact().only(&["multi_enum"]),
        object("date_value", DATE).compact().only(&["date"]),
        text("name").compact(),
        long_text("description").compact(),
        sql("number_value", Kind::Real, "v.number_value").compact().only(&["number"]),
        PRECISION.compact(),
        FORMAT.compact(),
        CURRENCY_CODE,
        CUSTOM_LABEL,
        CUSTOM_LABEL_POSITION,
        many("people_value", &USER, ITEMS).keyed("v.gid").compact().only(&["people"]),
        nothing("asana_created_field", Kind::Text(64)),
        one("created_by", &USER, "created_by_id").compact(),
        text("default_access_level"),
        computed("display_value", Kind::Text(LONGEST_TEXT), NEEDS, display).compact(),
        boolean("has_notifications_enabled"),
        computed("html_text_value", Kind::Text(LONGEST_TEXT), TEXT_NEEDS, html_text).only(&["text"]),
        ID_PREFIX,
        boolean("is_global_to_workspace"),
        text("privacy_setting"),
        REPRESENTATION_TYPE.compact(),
        RESOURCE_SUBTYPE.compact(),
        IS_FORMULA_FIELD.compact(),
        IS_VALUE_READ_ONLY.compact(),
        TYPE.compact(),
        computed("text_value", Kind::Text(LONGEST_TEXT), TEXT_NEEDS, text_value).compact().only(&["text"]),
        sql("stored_text_value", Kind::Text(LONGEST_TEXT), "v.text_value").internal(),
        sql("custom_id", Kind::Text(LONGEST_TEXT), "v.custom_id").internal(),
    ],
    ..Resource::new("custom_field", "custom_fields")
};

const DATE: &[Field] = &[sql("date", Kind::Date, "v.date_value"), sql("date_time", Kind::Time, "v.date_time_value")];

const ITEMS: Edge = link("custom_field_value_items", "value_id", "item_id", "e.position");

/// The fields of a project.
const SETTINGS: &Edge = &link("custom_field_settings", "parent_id", "custom_field_id", "e.rank, e.gid");

/// What a task says about them.
const VALUES: Beside = Beside { table: "custom_field_values", owner: "object_id", target: "custom_field_id" };

/// The `custom_fields` of a task, one project's after another's in the order of their settings. A body writes them by
/// [`read_values`] and [`write_values`].
pub const fn custom_fields() -> Field {
    let edge = through("projects", SETTINGS, VALUES);
    many("custom_fields", &CUSTOM_FIELD_ON_TASK, edge).writable().input(InputKind::Json)
}

fn text_value(field: &Record<'_>, out: &mut Writer<'_>) {
    match shown_text(field) {
        Some(value) => out.text(&value),
        None => out.null(),
    }
}

fn html_text(field: &Record<'_>, out: &mut Writer<'_>) {
    match shown_text(field) {
        Some(value) => out.text(&rich_text::from_plain(&value)),
        None => out.null(),
    }
}

/// A value.
#[derive(Clone, Debug, Default, PartialEq)]
enum Held {
    #[default]
    Nothing,
    Text(String),
    Number(f64),
    Option(i64),
    Date(String, Option<i64>),
    /// Options or people.
    Items(Vec<i64>),
}

/// A field on the task that a body writes to.
struct OnTask {
    field: i64,
    subtype: String,
    /// Decimal places that are kept.
    places: usize,
    /// Whether it is a custom ID, which nobody writes.
    is_custom_id: bool,
    /// The row of the value.
    row: Option<i64>,
    held: Held,
}

/// A value that a body gives a field on a task, and is another one than before.
pub struct NewValue {
    on: OnTask,
    asked: Held,
}

/// The projects that a task's fields come from: those of its projects that the caller sees.
pub fn projects_of(call: &mut Call<'_>, task: i64) -> Result<Vec<i64>> {
    static PROJECTS: LazyLock<Template> = LazyLock::new(|| {
        let text = format!(
            "SELECT e.project_id FROM task_projects e CROSS JOIN projects t WHERE e.task_id IN ({{ids}}) \
             AND t.gid = e.project_id AND t.deleted_at IS NULL AND {} ORDER BY e.project_id",
            granted("t.gid")
        );
        Template::new(&text, &[Type::Int])
    });
    let block = call.select(&PROJECTS, &[task], &[])?;
    Ok((0..block.len()).filter_map(|row| block.int(row, 0)).collect())
}

/// Reads the values that the `custom_fields` of a body give a task of these projects, by the gids of the fields. `null`
/// clears. The caller may edit the task. Only what differs is returned.
///
/// # Errors
///
/// 400 for a field that is not on the task or not visible, and for a value that is not of the field's type.
pub fn read_values(
    call: &mut Call<'_>,
    task: &Task,
    projects: &[i64],
    values: &Map<String, Json>,
) -> Result<Vec<NewValue>> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let mut fields = fields_on(call, task.gid, projects)?;
    let mut asked: Vec<(OnTask, &Json)> = Vec::new();
    for (name, value) in values {
        let gid = model::gid::parse(name);
        // A form may name a field twice, in two spellings of its gid.
        if let Some(again) = asked.iter_mut().find(|(on, _)| Some(on.field) == gid) {
            again.1 = value;
            continue;
        }
        let at = fields.iter().position(|field| Some(field.field) == gid);
        asked.push((fields.swap_remove(at.ok_or_else(|| not_on_object(shortened(name)))?), value));
    }
    let choosing: Vec<i64> = asked.iter().map(|(on, _)| on).filter(|on| on.chooses()).map(|on| on.field).collect();
    let options = Options::of(call, &choosing)?;
    let mut new = Vec::new();
    for (mut on, value) in asked {
        on.read_items(call)?;
        let asked = on.read(call, &options, task.workspace, value)?;
        if asked != on.held {
            new.push(NewValue { on, asked });
        }
    }
    Ok(new)
}

/// Writes values on a task, with their stories; `containers` is where its changes are heard.
pub fn write_values(call: &mut Call<'_>, task: &Task, containers: &[i64], values: &[NewValue]) -> Result<()> {
    for NewValue { on, asked } in values {
        on.store(call, task.gid, asked)?;
        on.tell(call, task, containers, asked)?;
    }
    Ok(())
}

/// Records the changes of values. Of a new task nothing changes: it was added with them.
pub fn record_values(call: &mut Call<'_>, task: &Task, containers: &[i64], values: &[NewValue]) {
    for NewValue { on, .. } in values {
        let change = task_change(Did::Changed, task).field("custom_fields").value(Some(on.field));
        call.record(&change, containers);
    }
}

static FIELDS: LazyLock<Template> = LazyLock::new(|| {
    let seen = GUARD.predicate("t.gid");
    let text = format!(
        "SELECT t.gid, t.resource_subtype, t.precision_digits, t.format, v.gid, v.text_value, v.number_value, \
         v.enum_option_id, v.date_value, v.date_time_value, (t.id_prefix IS NOT NULL) FROM custom_field_settings s CROSS JOIN custom_fields t \
         LEFT JOIN custom_field_values v ON v.object_id = :task AND v.custom_field_id = t.gid \
         WHERE s.parent_id IN ({{ids}}) AND t.gid = s.custom_field_id AND {seen}"
    );
    let types = [
        Type::Int,
        Type::Text,
        Type::Int,
        Type::Text,
        Type::Int,
        Type::Text,
        Type::Real,
        Type::Int,
        Type::Text,
        Type::Int,
        Type::Bool,
    ];
    Template::new(&text, &types)
});

/// The fields on a task of these projects that the caller sees, one that several of them have more than once.
fn fields_on(call: &mut Call<'_>, task: i64, projects: &[i64]) -> Result<Vec<OnTask>> {
    let block = call.select(&FIELDS, projects, &[("task", task.into())])?;
    let mut fields = Vec::new();
    for row in 0..block.len() {
        let subtype = block.text(row, 1).unwrap_or_default().to_owned();
        let text = |column: usize| block.text(row, column).map(str::to_owned);
        let held = match subtype.as_str() {
            "text" => text(5).map(Held::Text),
            "number" => block.real(row, 6).map(Held::Number),
            "enum" => block.int(row, 7).map(Held::Option),
            "date" => text(8).map(|date| Held::Date(date, block.int(row, 9))),
            _ => None,
        };
        let digits = block.int(row, 2).and_then(|digits| usize::try_from(digits).ok()).unwrap_or_default();
        fields.push(OnTask {
            field: block.int(row, 0).unwrap_or_default(),
            // A percentage has two places more: 0.25 is 25 %.
            places: if block.text(row, 3) == Some("percentage") { digits + 2 } else { digits },
            row: block.int(row, 4),
            held: held.unwrap_or_default(),
            is_custom_id: block.bool(row, 10),
            subtype,
        });
    }
    Ok(fields)
}

/// The options of some fields, and whether each can be chosen.
struct Options(Vec<(i64, i64, bool)>);

impl Options {
    fn of(call: &mut Call<'_>, fields: &[i64]) -> Result<Options> {
        static OPTIONS: LazyLock<Template> = LazyLock::new(|| {
            let text = "SELECT custom_field_id, gid, enabled FROM enum_options WHERE custom_field_id IN ({ids})";
            Template::new(text, &[Type::Int, Type::Int, Type::Bool])
        });
        if fields.is_empty() {
            return Ok(Options(Vec::new()));
        }
        let block = call.select(&OPTIONS, fields, &[])?;
        let rows = 0..block.len();
        Ok(Options(rows.filter_map(|row| Some((block.int(row, 0)?, block.int(row, 1)?, block.bool(row, 2)))).collect()))
    }

    /// Whether an option of a field can be chosen; `None` when it is not one.
    fn is_enabled(&self, field: i64, option: i64) -> Option<bool> {
        self.0.iter().find(|(of, gid, _)| (*of, *gid) == (field, option)).map(|(.., enabled)| *enabled)
    }
}

/// How a body writes a date.
const DATE_INPUT: &[Input] =
    &[input("date", InputKind::Date).nullable(), input("date_time", InputKind::Time).nullable()];

impl OnTask {
    fn chooses(&self) -> bool {
        CHOOSING.contains(&self.subtype.as_str())
    }

    /// Reads the members of a value that is a list.
    fn read_items(&mut self, call: &mut Call<'_>) -> Result<()> {
        if let (Some(row), "multi_enum" | "people") = (self.row, self.subtype.as_str()) {
            let items = call.numbers(
                "SELECT item_id FROM custom_field_value_items WHERE value_id = ?1 ORDER BY position",
                &[row.into()],
            )?;
            self.held = if items.is_empty() { Held::Nothing } else { Held::Items(items) };
        }
        Ok(())
    }

    /// Reads a value as this field's type has it. As in a form, numbers may be strings, lists separated by commas, and
    /// nothing an empty string.
    fn read(&self, call: &mut Call<'_>, options: &Options, workspace: i64, value: &Json) -> Result<Held> {
        let path = format!("custom_fields: {}", self.field);
        if self.is_custom_id {
            return Err(Error::not_writable(&path));
        }
        if value.is_null() || value == "" {
            return Ok(Held::Nothing);
        }
        Ok(match self.subtype.as_str() {
            "number" => match given(&path, &InputKind::Real, value, true)? {
                Given::Real(number) => Held::Number(rounded(number, self.places)),
                _ => Held::Nothing,
            },
            "enum" => match given(&path, &InputKind::Gid(&ENUM_OPTION), value, true)? {
                Given::Name(Name::Gid(option), _) => {
                    self.require_options(options, &[option], |_| path.clone())?;
                    Held::Option(option)
                }
                _ => Held::Nothing,
            },
            "multi_enum" => {
                let named = names(&path, &InputKind::Gids(&ENUM_OPTION), value)?;
                let named: Vec<i64> = named
                    .into_iter()
                    .filter_map(|(name, _)| match name {
                        Name::Gid(option) => Some(option),
                        _ => None,
                    })
                    .collect();
                self.require_options(options, &named, |at| format!("{path}: [{at}]"))?;
                items(named)
            }
            "people" => {
                let mut people = Vec::new();
                for (at, (name, text)) in names(&path, &InputKind::Gids(&USER), value)?.iter().enumerate() {
                    people.push(person(call, workspace, &format!("{path}: [{at}]"), name, text)?);
                }
                items(people)
            }
            "date" => match given(&path, &InputKind::Object(DATE_INPUT), value, true)? {
                Given::Object(date) => match (date.int("date_time"), date.text("date")) {
                    (Some(moment), _) => Held::Date(time::date_of(moment), Some(moment)),
                    (None, Some(day)) => Held::Date(day.to_owned(), None),
                    (None, None) if date.has("date") || date.has("date_time") => Held::Nothing,
                    (None, None) => {
                        return Err(Error::field(path, "You should specify one of date, date_time"));
                    }
                },
                _ => Held::Nothing,
            },
            _ => Held::Text(given_text(&path, value, LONGEST_TEXT)?),
        })
    }

    /// Refuses what is no option of this field, and options that are disabled, unless the value has them already.
    fn require_options(&self, options: &Options, asked: &[i64], path: impl Fn(usize) -> String) -> Result<()> {
        for (at, asked) in asked.iter().enumerate() {
            match options.is_enabled(self.field, *asked) {
                None => return Err(Error::unknown_object(path(at), asked)),
                Some(false) if !self.held.has(*asked) => {
                    return Err(Error::field(path(at), format_args!("Enum option is disabled: {asked}")));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn store(&self, call: &mut Call<'_>, task: i64, asked: &Held) -> Result<()> {
        if let Some(row) = self.row {
            call.execute("DELETE FROM custom_field_value_items WHERE value_id = ?1", &[row.into()])?;
        }
        let (mut text, mut number, mut option, mut date, mut moment) = Default::default();
        match asked {
            Held::Nothing => {
                call.execute(
                    "DELETE FROM custom_field_values WHERE object_id = ?1 AND custom_field_id = ?2",
                    &[task.into(), self.field.into()],
                )?;
                return Ok(());
            }
            Held::Text(value) => text = Value::from(value.as_str()),
            Held::Number(value) => number = Value::from(*value),
            Held::Option(value) => option = Value::from(*value),
            Held::Date(day, time) => (date, moment) = (Value::from(day.as_str()), Value::from(*time)),
            Held::Items(_) => {}
        }
        let columns = [
            ("text_value", text),
            ("number_value", number),
            ("enum_option_id", option),
            ("date_value", date),
            ("date_time_value", moment),
        ];
        let row = match self.row {
            Some(row) => {
                call.update("custom_field_values", row, &columns)?;
                row
            }
            None => {
                let row = call.gid()?;
                let keys = [("gid", row.into()), ("object_id", task.into()), ("custom_field_id", self.field.into())];
                call.insert("custom_field_values", &[&keys[..], &columns[..]].concat());
                row
            }
        };
        if let Held::Items(items) = asked {
            for (position, item) in items.iter().enumerate() {
                let columns =
                    [("value_id", row.into()), ("position", (position as i64).into()), ("item_id", (*item).into())];
                call.insert("custom_field_value_items", &columns);
            }
        }
        Ok(())
    }

    /// Writes the story.
    fn tell(&self, call: &mut Call<'_>, task: &Task, containers: &[i64], asked: &Held) -> Result<()> {
        let (subtype, property) = match self.subtype.as_str() {
            "number" => (subtype::NUMBER_CUSTOM_FIELD_CHANGED, "number_value"),
            "enum" => (subtype::ENUM_CUSTOM_FIELD_CHANGED, ""),
            "multi_enum" => (subtype::MULTI_ENUM_CUSTOM_FIELD_CHANGED, "multi_enum_values"),
            "date" => (subtype::DATE_CUSTOM_FIELD_CHANGED, "date_value"),
            "people" => (subtype::PEOPLE_CUSTOM_FIELD_CHANGED, "people_value"),
            _ => (subtype::TEXT_CUSTOM_FIELD_CHANGED, "text_value"),
        };
        let option = |held: &Held| match held {
            Held::Option(option) => Some(*option),
            _ => None,
        };
        let details = match property {
            "" => None,
            _ => Some(json!({
                (format!("old_{property}")): self.told(&self.held),
                (format!("new_{property}")): self.told(asked),
            })),
        };
        write_system_story(
            call,
            &SystemStory {
                target: task.gid,
                workspace: task.workspace,
                subtype,
                object: Some(self.field),
                old: option(&self.held),
                new: option(asked),
                details,
                containers,
            },
        )?;
        Ok(())
    }

    /// A value as a story keeps it.
    fn told(&self, held: &Held) -> Json {
        match held {
            Held::Nothing if matches!(self.subtype.as_str(), "multi_enum" | "people") => json!([]),
            Held::Nothing | Held::Option(_) => Json::Null,
            Held::Text(value) => json!(value),
            // A whole number without a fraction, as everywhere.
            Held::Number(value) if value.fract() == 0.0 && value.abs() < 9e15 => json!(*value as i64),
            Held::Number(value) => json!(value),
            Held::Date(day, moment) => subtype::dates(None, Some(day), *moment),
            Held::Items(items) => json!(items),
        }
    }
}

impl Held {
    /// Whether it has this option.
    fn has(&self, option: i64) -> bool {
        match self {
            Held::Option(held) => *held == option,
            Held::Items(held) => held.contains(&option),
            _ => false,
        }
    }
}

/// A list, each item once; an empty one is no value.
fn items(asked: Vec<i64>) -> Held {
    let mut items = Vec::new();
    for item in asked {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    if items.is_empty() { Held::Nothing } else { Held::Items(items) }
}

fn names(path: &str, kind: &InputKind, value: &Json) -> Result<Vec<(Name, String)>> {
    match given(path, kind, value, true)? {
        Given::Names(names) => Ok(names),
        _ => Ok(Vec::new()),
    }
}

/// A person of the workspace. Whoever the caller does not see is refused like somebody who is not there.
fn person(call: &mut Call<'_>, workspace: i64, path: &str, name: &Name, text: &str) -> Result<i64> {
    if let Some(user) = call.named(name)? {
        let membership = call.number(
            "SELECT gid FROM workspace_memberships WHERE user_id = ?1 AND workspace_id = ?2",
            &[user.into(), workspace.into()],
        )?;
        if membership.is_some() && call.level(&USER, user)?.is_some() {
            return Ok(user);
        }
    }
    Err(match is_organization(call, workspace)? {
        true => Error::field(path, format_args!("Not a user in Organization: {}", shortened(text))),
        false => Error::field(path, format_args!("Not a user in Workspace: {workspace}")),
    })
}

/// Gives a task what another one says about its custom fields, as far as the fields are there. Custom IDs are each task's own.
pub fn copy_values(call: &mut Call<'_>, from: i64, to: i64) -> Result<()> {
    let found = call.query(
        "SELECT v.gid, v.custom_field_id, v.text_value, v.number_value, v.enum_option_id, v.date_value, v.date_time_value \
         FROM custom_field_values v CROSS JOIN custom_fields f WHERE v.object_id = ?1 AND f.gid = v.custom_field_id \
         AND f.deleted_at IS NULL AND f.id_prefix IS NULL \
         AND NOT EXISTS (SELECT 1 FROM custom_field_values o WHERE o.object_id = ?2 AND o.custom_field_id = f.gid) \
         ORDER BY v.gid",
        &[Type::Int, Type::Int, Type::Text, Type::Real, Type::Int, Type::Text, Type::Int],
        &[from.into(), to.into()],
    )?;
    for row in 0..found.len() {
        let copy = call.gid()?;
        let columns = [
            ("gid", copy.into()),
            ("object_id", to.into()),
            ("custom_field_id", found.int(row, 1).into()),
            ("text_value", found.text(row, 2).into()),
            ("number_value", found.real(row, 3).into()),
            ("enum_option_id", found.int(row, 4).into()),
            ("date_value", found.text(row, 5).into()),
            ("date_time_value", found.int(row, 6).into()),
        ];
        call.insert("custom_field_values", &columns);
        call.execute(
            "INSERT INTO custom_field_value_items (value_id, position, item_id) \
             SELECT ?2, i.position, i.item_id FROM custom_field_value_items i WHERE i.value_id = ?1",
            &[found.int(row, 0).into(), copy.into()],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
