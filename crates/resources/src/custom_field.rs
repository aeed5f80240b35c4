//! Custom fields: what a workspace wants to know about its tasks beside the built-in properties.
//!
//! Here stand the definitions. What a field says about one task is another face of the same table, in
//! [`crate::custom_field_value`].

use engine::body::Body;
use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use engine::field::{
    Field, Kind, NAME_LENGTH, TEXT_LENGTH, boolean, children, choice, integer, long_text, many, nothing, one, sql, text,
};
use engine::input::{Input, InputKind, input};
use engine::operation::{Listing, Outcome, by_number, create, delete, get, list, parent, update};
use engine::resource::{Guard, Resource};
use model::{Level, fold};
use serde_json::Value as Json;
use store::{Type, Value};

use crate::custom_field_setting;
use crate::custom_id::{LONGEST_PREFIX, insert_counter, number_project, prefix_columns};
use crate::enum_option::{self, ENUM_OPTION, NEW_OPTION};
use crate::trash;
use crate::user::USER;
use crate::workspace::{WORKSPACE, grant};

/// The types of fields.
pub const SUBTYPES: &[&str] = &["text", "enum", "multi_enum", "number", "date", "people", "reference"];
/// How values are to be understood: the types, and custom IDs.
pub const REPRESENTATIONS: &[&str] =
    &["text", "enum", "multi_enum", "number", "date", "people", "custom_id", "reference"];
/// The types that choose among options.
pub const CHOOSING: &[&str] = &["enum", "multi_enum"];
/// How numbers are shown.
pub const FORMATS: &[&str] = &["currency", "identifier", "percentage", "custom", "duration", "none"];
/// Where the label of a number in the `custom` format goes.
pub const LABEL_POSITIONS: &[&str] = &["prefix", "suffix"];
/// Who sees a field.
pub const PRIVACY_SETTINGS: &[&str] = &["public_with_guests", "public", "private"];
/// What everyone may do with a field that is not private.
pub const ACCESS_LEVELS: &[&str] = &["admin", "editor", "user"];

/// The most decimal places of a number.
pub const MOST_DIGITS: i64 = 6;

/// The predicate that the field of this gid may be seen: whoever holds a grant on it sees it, and the whole workspace when
/// it is public for guests too.
macro_rules! seen_field {
    ($key:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM custom_fields f WHERE f.gid = ",
            $key,
            " AND f.deleted_at IS NULL \
             AND (EXISTS (SELECT 1 FROM {each_principal} p CROSS JOIN grants g WHERE g.scope_id = f.gid \
                    AND g.principal_id = p.column1) \
                OR (f.privacy_setting = 'public_with_guests' AND EXISTS (SELECT 1 FROM workspace_memberships m \
                    WHERE m.workspace_id = f.workspace_id AND m.user_id = :viewer))))"
        )
    };
}
pub(crate) use seen_field;

/// Who sees a field.
pub const GUARD: Guard = Guard::Sql(seen_field!("{key}"));

/// The definition of a custom field. Its workspace's members hold grants on it unless it is private; its creator is an
/// administrator of it.
pub static CUSTOM_FIELD: Resource = Resource {
    guard: GUARD,
    trash: true,
    subtype: "resource_subtype",
    fields: &[
        enum_options().compact().on_create().input(InputKind::Objects(NEW_OPTION)),
        text("name").compact().writable(),
        long_text("description").opt_in().writable(),
        PRECISION.writable().input(InputKind::Int(0, MOST_DIGITS)),
        FORMAT.writable(),
        CURRENCY_CODE.writable(),
        CUSTOM_LABEL.writable(),
        CUSTOM_LABEL_POSITION.writable(),
        nothing("asana_created_field", Kind::Text(64)),
        one("created_by", &USER, "created_by_id"),
        choice("privacy_setting", PRIVACY_SETTINGS).writable(),
        choice("default_access_level", ACCESS_LEVELS).writable(),
        boolean("has_notifications_enabled").writable(),
        ID_PREFIX.compact().writable().nullable(),
        IS_FORMULA_FIELD.compact(),
        boolean("is_global_to_workspace"),
        IS_VALUE_READ_ONLY,
        REPRESENTATION_TYPE.compact(),
        RESOURCE_SUBTYPE.compact().on_create(),
        TYPE.compact(),
    ],
    operations: &[
        get("getCustomField", "/custom_fields/{custom_field_gid}"),
        list("getCustomFieldsForWorkspace", "/workspaces/{workspace_gid}/custom_fields", &IN_WORKSPACE),
        create("createCustomField", "/custom_fields", Level::Viewer, create_custom_field).with(NEW_FIELD),
        update("updateCustomField", "/custom_fields/{custom_field_gid}", Level::Editor, update_custom_field)
            .with(&[input("is_formula_field", InputKind::Bool), input("owned_by_app", InputKind::Bool)]),
        delete("deleteCustomField", "/custom_fields/{custom_field_gid}", Level::Viewer, delete_custom_field),
    ],
    ..Resource::new("custom_field", "custom_fields")
};

/// What a new field's body has.
pub static NEW_FIELD: &[Input] = &[
    input("workspace", InputKind::Gid(&WORKSPACE)).required(),
    input("currency_code", InputKind::Text(3)).nullable(),
    input("custom_label", InputKind::Text(100)).nullable(),
    input("custom_label_position", InputKind::Choice(LABEL_POSITIONS)).nullable(),
    input("default_access_level", InputKind::Choice(ACCESS_LEVELS)),
    input("description", InputKind::Text(TEXT_LENGTH)),
    input("enum_options", InputKind::Objects(NEW_OPTION)),
    input("format", InputKind::Choice(FORMATS)),
    input("has_notifications_enabled", InputKind::Bool),
    input("id_prefix", InputKind::Text(LONGEST_PREFIX)).nullable(),
    input("is_formula_field", InputKind::Bool),
    input("name", InputKind::Text(NAME_LENGTH)),
    input("owned_by_app", InputKind::Bool),
    input("precision", InputKind::Int(0, MOST_DIGITS)),
    input("privacy_setting", InputKind::Choice(PRIVACY_SETTINGS)),
    input("resource_subtype", InputKind::Choice(SUBTYPES)),
    input("type", InputKind::Choice(SUBTYPES)),
];

// The members that the definition and the face on a task share.

/// The options, in their order.
pub const fn enum_options() -> Field {
    many("enum_options", &ENUM_OPTION, children("custom_field_id", "t.rank, t.gid")).only(CHOOSING)
}
/// Decimal places.
pub const PRECISION: Field = integer("precision").column("precision_digits").only(&["number"]);
/// How a number is shown.
pub const FORMAT: Field = choice("format", FORMATS).only(&["number"]);
/// Three letters, when the format is `currency`.
pub const CURRENCY_CODE: Field = text("currency_code").input(InputKind::Text(3)).nullable().only(&["number"]);
/// What stands beside the number, when the format is `custom`.
pub const CUSTOM_LABEL: Field = text("custom_label").input(InputKind::Text(100)).nullable().only(&["number"]);
/// On which side.
pub const CUSTOM_LABEL_POSITION: Field = choice("custom_label_position", LABEL_POSITIONS).nullable().only(&["number"]);
/// There are no formulas here.
pub const IS_FORMULA_FIELD: Field = sql("is_formula_field", Kind::Bool, "FALSE");
/// What stands before the numbers of custom IDs; null for other fields.
pub const ID_PREFIX: Field = text("id_prefix").input(InputKind::Text(LONGEST_PREFIX));
/// Every value can be written but custom IDs.
pub const IS_VALUE_READ_ONLY: Field = sql("is_value_read_only", Kind::Bool, "(t.id_prefix IS NOT NULL)");
/// The type once more, but for custom IDs, which are texts.
pub const REPRESENTATION_TYPE: Field = sql(
    "representation_type",
    Kind::Choice(REPRESENTATIONS),
    "CASE WHEN t.id_prefix IS NULL THEN t.resource_subtype ELSE 'custom_id' END",
);
/// The type.
pub const RESOURCE_SUBTYPE: Field = choice("resource_subtype", SUBTYPES);
/// The type under its older name.
pub const TYPE: Field = RESOURCE_SUBTYPE.alias("type");

static IN_WORKSPACE: Listing = Listing::of(
    "custom_fields t",
    "t.gid",
    "t.workspace_id = :workspace AND t.deleted_at IS NULL",
    &[by_number("t.gid")],
)
.within(&[parent("workspace_gid", &WORKSPACE)]);

/// Names that a task has already.
const BUILT_IN: &[&str] = &[
    "name",
    "task name",
    "assignee",
    "due date",
    "start date",
    "projects",
    "tags",
    "collaborators",
    "dependencies",
    "created by",
    "created on",
    "completed on",
    "last modified on",
];

/// The longest folded name in bytes: an index of names can't hold much more.
const LONGEST_FOLDED: usize = 2_000;

fn create_custom_field(call: &mut Call<'_>) -> Result<Outcome> {
    let body = std::mem::take(&mut call.body);
    create_field(call, &body, true).map(Outcome::Object)
}

/// Makes a field of a body's [`NEW_FIELD`], for the whole workspace to use or for one project.
pub fn create_field(call: &mut Call<'_>, body: &Body, is_global: bool) -> Result<i64> {
    let workspace = body.gid("workspace").unwrap_or_default();
    call.require(&WORKSPACE, "workspace", workspace, Level::Editor)?;
    refuse_unsupported(body)?;
    let subtype = subtype_asked(body)?;
    let numbers = Numbers::default().changed(subtype, body)?;
    let options = enum_option::options_asked(body, subtype)?;
    let name = body.text("name").ok_or_else(|| Error::missing("name"))?;
    let folded = free_name(call, workspace, name, 0)?;
    let prefix = match body.text("id_prefix") {
        Some(prefix) => Some(prefix_columns(call, workspace, prefix, 0)?),
        None => None,
    };
    let privacy = body.text("privacy_setting").unwrap_or("public_with_guests");
    let access = body.text("default_access_level").unwrap_or("editor");

    let field = call.create_object(&CUSTOM_FIELD, workspace)?;
    let mut columns = vec![
        ("gid", field.into()),
        ("workspace_id", workspace.into()),
        ("name", name.into()),
        ("name_folded", folded.into()),
        ("resource_subtype", subtype.into()),
        ("description", body.text("description").unwrap_or_default().into()),
        ("is_global_to_workspace", is_global.into()),
        ("has_notifications_enabled", body.bool("has_notifications_enabled").unwrap_or(false).into()),
        ("privacy_setting", privacy.into()),
        ("default_access_level", access.into()),
        ("created_at", call.now.into()),
        ("created_by_id", call.viewer.user.into()),
    ];
    if subtype == "number" {
        columns.extend(numbers.columns());
    }
    if let Some(prefix) = prefix {
        columns.extend(prefix);
        insert_counter(call, field, workspace);
    }
    call.insert(CUSTOM_FIELD.table, &columns);
    share(call, field, workspace, privacy, access)?;
    enum_option::insert_options(call, field, workspace, &options)?;
    let change = Change::new(Did::Added, CUSTOM_FIELD.kind, field, workspace).subtype(subtype);
    call.record(&change, &[workspace]);
    Ok(field)
}

/// Refuses what the contract has for fields of types that there are none of here.
fn refuse_unsupported(body: &Body) -> Result<()> {
    if body.bool("is_formula_field") == Some(true) {
        return Err(Error::field("is_formula_field", "Formula fields are not supported by this server"));
    }
    match body.bool("owned_by_app") {
        Some(true) => Err(Error::forbidden("This app may not own custom fields.")),
        _ => Ok(()),
    }
}

/// The type that a body asks for, by either name.
fn subtype_asked(body: &Body) -> Result<&'static str> {
    let (property, asked) = match (body.text("resource_subtype"), body.text("type")) {
        (Some(subtype), Some(older)) if subtype != older => {
            return Err(Error::field("type", format_args!("Value differs from resource_subtype: {older}")));
        }
        (Some(subtype), _) => ("resource_subtype", subtype),
        (None, Some(older)) => ("type", older),
        // A custom ID is a text.
        (None, None) if body.text("id_prefix").is_some() => ("resource_subtype", "text"),
        (None, None) => return Err(Error::missing("resource_subtype")),
    };
    if asked != "text" && body.text("id_prefix").is_some() {
        return Err(Error::field("id_prefix", "Only fields of the type text have it"));
    }
    match SUBTYPES.iter().find(|subtype| **subtype == asked) {
        Some(&subtype) if subtype != "reference" => Ok(subtype),
        _ => Err(Error::field(property, format_args!("Fields of the type {asked} are not supported by this server"))),
    }
}

/// The folded form of a name that no other field of the workspace has, nor a task by itself. Holds the workspace's lock,
/// so that it stays free.
fn free_name(call: &mut Call<'_>, workspace: i64, name: &str, field: i64) -> Result<String> {
    let folded = fold(name);
    if folded.is_empty() {
        return Err(Error::field("name", "Value must not be empty"));
    }
    if folded.len() > LONGEST_FOLDED {
        return Err(Error::field("name", "Value is too long"));
    }
    let taken = |what: &str| {
        Error::field("name", format_args!("{what}: {}", engine::parameter::shortened(name)))
            .with_code("custom_field_duplicate_name")
    };
    if BUILT_IN.contains(&folded.as_str()) {
        return Err(taken("Name of a built-in field"));
    }
    call.lock(workspace)?;
    let other = call.number(
        "SELECT gid FROM custom_fields WHERE workspace_id = ?1 AND name_folded = ?2 AND deleted_at IS NULL AND gid <> ?3",
        &[workspace.into(), folded.as_str().into(), field.into()],
    )?;
    match other {
        Some(_) => Err(taken("Name is already taken by another custom field")),
        None => Ok(folded),
    }
}

/// Writes who may do what with a field: its workspace's members as its settings say, and the caller everything.
fn share(call: &mut Call<'_>, field: i64, workspace: i64, privacy: &str, access: &str) -> Result<()> {
    grant(call, field, call.viewer.user, Level::Admin)?;
    match (privacy, access) {
        ("private", _) => {
            call.execute(
                "DELETE FROM grants WHERE scope_id = ?1 AND principal_id = ?2",
                &[field.into(), workspace.into()],
            )?;
            Ok(())
        }
        (_, "admin") => grant(call, field, workspace, Level::Admin),
        (_, "editor") => grant(call, field, workspace, Level::Editor),
        _ => grant(call, field, workspace, Level::Viewer),
    }
}

/// What only numbers have.
#[derive(Clone, Debug, PartialEq)]
struct Numbers {
    digits: i64,
    format: String,
    currency: Option<String>,
    label: Option<String>,
    position: Option<String>,
}

impl Default for Numbers {
    fn default() -> Self {
        Numbers { digits: 0, format: "none".to_owned(), currency: None, label: None, position: None }
    }
}

impl Numbers {
    /// What the body makes of them. Refuses what a field of this type or a number in this format does not have.
    fn changed(self, subtype: &str, body: &Body) -> Result<Numbers> {
        let given = |name: &str| body.int(name).is_some() || body.text(name).is_some_and(|value| value != "none");
        if subtype != "number" {
            let own = ["precision", "format", "currency_code", "custom_label", "custom_label_position"];
            return match own.iter().find(|name| given(name)) {
                Some(name) => Err(Error::field(name, "Only fields of the type number have it")),
                None => Ok(self),
            };
        }
        let format = body.text("format").unwrap_or(&self.format).to_owned();
        // The value that a property of one format has from now on.
        let own = |name: &str, before: Option<String>, own_format: &str| match format == own_format {
            true if body.has(name) => Ok(body.text(name).map(str::to_owned)),
            true => Ok(before),
            false if given(name) => Err(Error::field(name, format_args!("Only the format {own_format} has it"))),
            false => Ok(None),
        };
        let currency = own("currency_code", self.currency, "currency")?;
        let label = own("custom_label", self.label, "custom")?;
        let position = own("custom_label_position", self.position, "custom")?;
        let mut digits = body.int("precision").unwrap_or(self.digits);
        match format.as_str() {
            "currency" => match currency.as_deref() {
                None => return Err(Error::missing("currency_code")),
                Some(code) if code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_uppercase()) => {}
                Some(code) => {
                    return Err(Error::field("currency_code", format_args!("Not an ISO 4217 code: {code}")));
                }
            },
            "custom" if label.as_deref().unwrap_or_default().trim().is_empty() => {
                return Err(Error::missing("custom_label"));
            }
            "identifier" if body.int("precision").is_some_and(|digits| digits != 0) => {
                return Err(Error::field("precision", "The format identifier always has a precision of 0"));
            }
            "identifier" => digits = 0,
            _ => {}
        }
        let position = position.or_else(|| label.as_ref().map(|_| "suffix".to_owned()));
        Ok(Numbers { digits, format, currency, label, position })
    }

    fn columns(self) -> [(&'static str, Value); 5] {
        [
            ("precision_digits", self.digits.into()),
            ("format", self.format.into()),
            ("currency_code", self.currency.into()),
            ("custom_label", self.label.into()),
            ("custom_label_position", self.position.into()),
        ]
    }
}

/// A field as it stands.
struct Definition {
    workspace: i64,
    name: String,
    subtype: String,
    privacy: String,
    access: String,
    prefix: Option<String>,
    numbers: Numbers,
}

fn definition(call: &mut Call<'_>, field: i64) -> Result<Definition> {
    let block = call.query(
        "SELECT workspace_id, resource_subtype, privacy_setting, default_access_level, precision_digits, format, \
         currency_code, custom_label, custom_label_position, id_prefix, name FROM custom_fields WHERE gid = ?1",
        &[
            Type::Int,
            Type::Text,
            Type::Text,
            Type::Text,
            Type::Int,
            Type::Text,
            Type::Text,
            Type::Text,
            Type::Text,
            Type::Text,
            Type::Text,
        ],
        &[field.into()],
    )?;
    let text = |column: usize| block.text(0, column).map(str::to_owned);
    Ok(Definition {
        workspace: block.int(0, 0).unwrap_or_default(),
        name: text(10).unwrap_or_default(),
        subtype: text(1).unwrap_or_default(),
        privacy: text(2).unwrap_or_default(),
        access: text(3).unwrap_or_default(),
        prefix: text(9),
        numbers: Numbers {
            digits: block.int(0, 4).unwrap_or_default(),
            format: text(5).unwrap_or_else(|| "none".to_owned()),
            currency: text(6),
            label: text(7),
            position: text(8),
        },
    })
}

fn update_custom_field(call: &mut Call<'_>) -> Result<Outcome> {
    let field = call.target;
    let body = std::mem::take(&mut call.body);
    refuse_unsupported(&body)?;
    let before = definition(call, field)?;
    let mut columns = Vec::new();
    if let Some(name) = body.text("name") {
        let folded = free_name(call, before.workspace, name, field)?;
        columns.extend([("name", name.into()), ("name_folded", folded.into())]);
    }
    if body.has("id_prefix") && body.text("id_prefix") != before.prefix.as_deref() {
        // What numbers tasks goes on doing so, and nothing else begins to.
        match (&before.prefix, body.text("id_prefix")) {
            (Some(_), Some(prefix)) => columns.extend(prefix_columns(call, before.workspace, prefix, field)?),
            (Some(_), None) => return Err(Error::field("id_prefix", "A custom ID field needs a prefix")),
            (None, _) => return Err(Error::field("id_prefix", "Only custom ID fields have it")),
        }
    }
    if let Some(description) = body.text("description") {
        columns.push(("description", description.into()));
    }
    if let Some(enabled) = body.bool("has_notifications_enabled") {
        columns.push(("has_notifications_enabled", enabled.into()));
    }
    let numbers = before.numbers.clone().changed(&before.subtype, &body)?;
    let new = numbers.columns().into_iter().zip(before.numbers.columns()).filter(|(new, old)| new != old);
    columns.extend(new.map(|(new, _)| new));
    let privacy = body.text("privacy_setting").unwrap_or(&before.privacy);
    let access = body.text("default_access_level").unwrap_or(&before.access);
    if privacy != before.privacy || access != before.access {
        require_admin(call, field, before.workspace)?;
        share(call, field, before.workspace, privacy, access)?;
        columns.extend([("privacy_setting", privacy.into()), ("default_access_level", access.into())]);
    }
    call.update(CUSTOM_FIELD.table, field, &columns)?;
    let change = Change::new(Did::Changed, CUSTOM_FIELD.kind, field, before.workspace).subtype(&before.subtype);
    for known in CUSTOM_FIELD.fields {
        if known.stored_in().is_some_and(|stored| columns.iter().any(|(column, _)| *column == stored)) {
            call.record(&change.clone().field(known.name), &[before.workspace]);
        }
    }
    Ok(Outcome::Object(field))
}

/// Refuses unless the caller administers the field or its workspace: otherwise nobody could do it once its creator has left.
fn require_admin(call: &mut Call<'_>, field: i64, workspace: i64) -> Result<()> {
    let own = call.level(&CUSTOM_FIELD, field)?.max(call.level(&WORKSPACE, workspace)?);
    match own == Some(Level::Admin) {
        true => Ok(()),
        false => Err(Error::no_permission(CUSTOM_FIELD.kind)),
    }
}

/// To the trash: a field is taken away from every project. What tasks said stays as long as the field can come back.
fn delete_custom_field(call: &mut Call<'_>) -> Result<Outcome> {
    let field = call.target;
    let Definition { workspace, subtype, .. } = definition(call, field)?;
    require_admin(call, field, workspace)?;
    let settings = custom_field_setting::of_field(call, field)?;
    let mut heard: Vec<i64> = settings.iter().map(|setting| setting.parent).collect();
    heard.push(workspace);
    for table in ["custom_field_settings", "enum_options"] {
        call.execute(
            &format!(
                "UPDATE objects SET deleted_at = ?2 WHERE gid IN (SELECT gid FROM {table} WHERE custom_field_id = ?1)"
            ),
            &[field.into(), call.now.into()],
        )?;
    }
    call.execute("DELETE FROM custom_field_settings WHERE custom_field_id = ?1", &[field.into()])?;
    call.update(CUSTOM_FIELD.table, field, &[("deleted_at", call.now.into())])?;
    call.delete_object(field)?;
    let kept = settings.iter().map(|setting| setting.kept()).collect();
    trash::throw_away(call, CUSTOM_FIELD.kind, field, workspace, Some(&kept));
    let change = Change::new(Did::Deleted, CUSTOM_FIELD.kind, field, workspace).subtype(&subtype);
    call.record(&change, &heard);
    Ok(Outcome::Empty)
}

/// Takes a field out of the trash, with its options, and puts it back into the projects that are still there. `kept` is
/// what the deletion has written down of its settings.
pub fn restore(call: &mut Call<'_>, field: i64, kept: &Json) -> Result<()> {
    let Definition { workspace, subtype, name, privacy, access, prefix, .. } = definition(call, field)?;
    // Somebody may have taken its name, or its prefix.
    free_name(call, workspace, &name, field)?;
    if let Some(prefix) = &prefix {
        prefix_columns(call, workspace, prefix, field)?;
    }
    // Older versions took the grants away when a field was deleted.
    if call.number("SELECT level FROM grants WHERE scope_id = ?1 LIMIT 1", &[field.into()])?.is_none() {
        share(call, field, workspace, &privacy, &access)?;
    }
    call.update(CUSTOM_FIELD.table, field, &[("deleted_at", Value::Null)])?;
    call.execute(
        "UPDATE objects SET deleted_at = NULL WHERE gid IN (SELECT gid FROM enum_options WHERE custom_field_id = ?1)",
        &[field.into()],
    )?;
    let mut heard = vec![workspace];
    for setting in kept.as_array().into_iter().flatten() {
        if let Some(project) = custom_field_setting::restore(call, workspace, field, setting)? {
            number_project(call, field, project)?;
            heard.push(project);
        }
    }
    call.record(&Change::new(Did::Undeleted, CUSTOM_FIELD.kind, field, workspace).subtype(&subtype), &heard);
    Ok(())
}

#[cfg(test)]
mod tests;
