//! Custom fields: what a workspace wants to know about its tasks beside the built-in properties.
//!
//! Here stand the definitions. What a field says about one task is another face of the same table, in
//! [`crate::custom_field_value`].

use engine::body::Body;
use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use engine::field::{Field, Kind, boolean, children, choice, integer, long_text, many, nothing, one, sql, text};
use engine::input::{InputKind, input};
use engine::operation::{Listing, Outcome, by_number, create, delete, get, list, parent, update};
use engine::resource::{Guard, Resource};
use model::{Level, fold};
use store::{Type, Value};

use crate::enum_option::{self, ENUM_OPTION, NEW_OPTION};
use crate::user::USER;
use crate::workspace::{WORKSPACE, grant};

/// The types of fields.
pub const SUBTYPES: &[&str] = &["text", "enum", "multi_enum", "number", "date", "people", "reference"];
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

/// Who sees a field: whoever holds a grant on it, and the whole workspace when it is public for guests too.
pub const GUARD: Guard = Guard::Sql(
    "EXISTS (SELECT 1 FROM custom_fields f WHERE f.gid = {key} AND f.deleted_at IS NULL \
     AND (EXISTS (SELECT 1 FROM grants g WHERE g.scope_id = f.gid AND g.principal_id IN ({principals})) \
        OR (f.privacy_setting = 'public_with_guests' AND EXISTS (SELECT 1 FROM workspace_memberships m \
            WHERE m.workspace_id = f.workspace_id AND m.user_id = :viewer))))",
);

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
        nothing("id_prefix", Kind::Text(64)).compact(),
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
        create("createCustomField", "/custom_fields", Level::Viewer, create_custom_field).with(&[
            input("workspace", InputKind::Gid(&WORKSPACE)).required(),
            input("type", InputKind::Choice(SUBTYPES)),
            input("id_prefix", InputKind::Text(64)).nullable(),
            input("is_formula_field", InputKind::Bool),
            input("owned_by_app", InputKind::Bool),
        ]),
        update("updateCustomField", "/custom_fields/{custom_field_gid}", Level::Editor, update_custom_field),
        delete("deleteCustomField", "/custom_fields/{custom_field_gid}", Level::Viewer, delete_custom_field),
    ],
    ..Resource::new("custom_field", "custom_fields")
};

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
/// Every value can be written.
pub const IS_VALUE_READ_ONLY: Field = sql("is_value_read_only", Kind::Bool, "FALSE");
/// The type once more: it differs for formulas and custom identifiers only.
pub const REPRESENTATION_TYPE: Field = RESOURCE_SUBTYPE.alias("representation_type");
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
    let workspace = body.gid("workspace").unwrap_or_default();
    call.require(&WORKSPACE, "workspace", workspace, Level::Editor)?;
    let subtype = subtype_asked(&body)?;
    if body.bool("owned_by_app") == Some(true) {
        return Err(Error::forbidden("This app may not own custom fields."));
    }
    let numbers = Numbers::default().changed(subtype, &body)?;
    let options = enum_option::options_asked(&body, subtype)?;
    let name = body.text("name").ok_or_else(|| Error::missing("name"))?;
    let folded = free_name(call, workspace, name, 0)?;
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
        ("is_global_to_workspace", true.into()),
        ("has_notifications_enabled", body.bool("has_notifications_enabled").unwrap_or(false).into()),
        ("privacy_setting", privacy.into()),
        ("default_access_level", access.into()),
        ("created_at", call.now.into()),
        ("created_by_id", call.viewer.user.into()),
    ];
    if subtype == "number" {
        columns.extend(numbers.columns());
    }
    call.insert(CUSTOM_FIELD.table, &columns)?;
    share(call, field, workspace, privacy, access)?;
    enum_option::insert_options(call, field, workspace, &options)?;
    let change = Change::new(Did::Added, CUSTOM_FIELD.kind, field, workspace).subtype(subtype);
    call.record(&change, &[workspace])?;
    Ok(Outcome::Object(field))
}

/// The type that a body asks for, by either name.
fn subtype_asked(body: &Body) -> Result<&'static str> {
    let (property, asked) = match (body.text("resource_subtype"), body.text("type")) {
        (Some(subtype), Some(older)) if subtype != older => {
            return Err(Error::field("type", format_args!("Value differs from resource_subtype: {older}")));
        }
        (Some(subtype), _) => ("resource_subtype", subtype),
        (None, Some(older)) => ("type", older),
        (None, None) => return Err(Error::missing("resource_subtype")),
    };
    if body.bool("is_formula_field") == Some(true) {
        return Err(Error::field("is_formula_field", "Formula fields are not supported by this server"));
    }
    if body.text("id_prefix").is_some() {
        return Err(Error::field("id_prefix", "Custom ID fields are not supported by this server"));
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
    call.write.lock(workspace)?;
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
    subtype: String,
    privacy: String,
    access: String,
    numbers: Numbers,
}

fn definition(call: &mut Call<'_>, field: i64) -> Result<Definition> {
    let block = call.query(
        "SELECT workspace_id, resource_subtype, privacy_setting, default_access_level, precision_digits, format, \
         currency_code, custom_label, custom_label_position FROM custom_fields WHERE gid = ?1",
        &[Type::Int, Type::Text, Type::Text, Type::Text, Type::Int, Type::Text, Type::Text, Type::Text, Type::Text],
        &[field.into()],
    )?;
    let text = |column: usize| block.text(0, column).map(str::to_owned);
    Ok(Definition {
        workspace: block.int(0, 0).unwrap_or_default(),
        subtype: text(1).unwrap_or_default(),
        privacy: text(2).unwrap_or_default(),
        access: text(3).unwrap_or_default(),
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
    let before = definition(call, field)?;
    let mut columns = Vec::new();
    if let Some(name) = body.text("name") {
        let folded = free_name(call, before.workspace, name, field)?;
        columns.extend([("name", name.into()), ("name_folded", folded.into())]);
    }
    if let Some(description) = body.text("description") {
        columns.push(("description", description.into()));
    }
    if let Some(enabled) = body.bool("has_notifications_enabled") {
        columns.push(("has_notifications_enabled", enabled.into()));
    }
    let numbers = before.numbers.clone().changed(&before.subtype, &body)?;
    if numbers != before.numbers {
        columns.extend(numbers.columns());
    }
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
            call.record(&change.clone().field(known.name), &[before.workspace])?;
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

/// Takes a field away from every project. What tasks said stays in the database, where nothing leads to it any more.
fn delete_custom_field(call: &mut Call<'_>) -> Result<Outcome> {
    let field = call.target;
    let Definition { workspace, subtype, .. } = definition(call, field)?;
    require_admin(call, field, workspace)?;
    let mut heard =
        call.numbers("SELECT parent_id FROM custom_field_settings WHERE custom_field_id = ?1", &[field.into()])?;
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
    call.execute("DELETE FROM grants WHERE scope_id = ?1", &[field.into()])?;
    call.update(CUSTOM_FIELD.table, field, &[("deleted_at", call.now.into())])?;
    call.delete_object(field)?;
    let change = Change::new(Did::Deleted, CUSTOM_FIELD.kind, field, workspace).subtype(&subtype);
    call.record(&change, &heard)?;
    Ok(Outcome::Empty)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};
    use testkit::{Client, both, gid};

    use crate::world::{Small, small};

    async fn make(client: &Client, workspace: &str, more: Json) -> Json {
        let mut body = json!({"workspace": workspace, "name": "Field", "resource_subtype": "text"});
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        client.post("/custom_fields", body).await.created()
    }

    both!(a_text_field_lives, small, |small: Small| async move {
        let Small { ann, bob, guest, stranger, workspace, .. } = small;
        let made = make(&ann, &workspace, json!({"name": "Motto", "description": "In three words"})).await;
        let path = format!("/custom_fields/{}", gid(&made));
        assert_eq!(
            made.to_string(),
            json!({
                "gid": gid(&made), "resource_type": "custom_field", "name": "Motto", "asana_created_field": null,
                "created_by": {"gid": ann.user.to_string(), "resource_type": "user", "name": "Ann Example"},
                "privacy_setting": "public_with_guests", "default_access_level": "editor",
                "has_notifications_enabled": false, "id_prefix": null, "is_formula_field": false,
                "is_global_to_workspace": true, "is_value_read_only": false, "representation_type": "text",
                "resource_subtype": "text", "type": "text"
            })
            .to_string()
        );
        assert_eq!(ann.get(&path).await.ok(), made);
        assert_eq!(
            bob.get(&format!("{path}?opt_fields=description,precision,text_value")).await.ok(),
            json!({"gid": gid(&made), "description": "In three words"})
        );

        let renamed = bob.put(&path, json!({"name": "Saying", "description": "", "has_notifications_enabled": true}));
        assert_eq!(renamed.await.ok()["name"], "Saying");
        assert_eq!(guest.get(&path).await.ok()["name"], "Saying");
        guest
            .put(&path, json!({"name": "x"}))
            .await
            .refused(403, "You do not have permission to change this custom field.");
        stranger.get(&path).await.refused(404, &format!("custom_field: Not a recognized ID: {}", gid(&made)));
        stranger
            .put(&path, json!({"name": "x"}))
            .await
            .refused(404, &format!("custom_field: Not a recognized ID: {}", gid(&made)));

        bob.delete(&path).await.refused(403, "You do not have permission to change this custom field.");
        stranger.delete(&path).await.refused(404, &format!("custom_field: Not a recognized ID: {}", gid(&made)));
        assert_eq!(ann.delete(&path).await.ok(), json!({}));
        ann.get(&path).await.refused(404, &format!("custom_field: Unknown object: {}", gid(&made)));
        ann.delete(&path).await.refused(404, &format!("custom_field: Unknown object: {}", gid(&made)));
        assert_eq!(ann.get(&format!("/workspaces/{workspace}/custom_fields")).await.ok(), json!([]));
        // Its name is free again.
        make(&bob, &workspace, json!({"name": "saying"})).await;
    });

    both!(an_enum_field_has_options, small, |small: Small| async move {
        let Small { ann, workspace, .. } = small;
        let options = json!([
            {"name": "Low", "color": "blue"}, {"name": "High", "color": "red", "enabled": true},
            {"name": "None", "enabled": false}
        ]);
        let made = make(&ann, &workspace, json!({"resource_subtype": "enum", "enum_options": options})).await;
        let options = made["enum_options"].as_array().expect("options");
        assert_eq!(
            options.iter().map(Json::to_string).collect::<Vec<_>>(),
            [("blue", true, "Low"), ("red", true, "High"), ("none", false, "None")]
                .iter()
                .enumerate()
                .map(|(at, (color, enabled, name))| {
                    json!({
                        "gid": gid(&options[at]), "resource_type": "enum_option", "color": color, "enabled": enabled,
                        "name": name
                    })
                    .to_string()
                })
                .collect::<Vec<_>>()
        );
        let listed = ann.get(&format!("/workspaces/{workspace}/custom_fields?limit=1")).await;
        assert_eq!(
            listed.json,
            json!({
                "data": [{
                    "gid": gid(&made), "resource_type": "custom_field", "enum_options": options, "name": "Field",
                    "id_prefix": null, "is_formula_field": false, "representation_type": "enum",
                    "resource_subtype": "enum", "type": "enum"
                }],
                "next_page": null
            })
        );
        assert_eq!(
            ann.get(&format!("/custom_fields/{}?opt_fields=enum_options.name", gid(&made))).await.ok()["enum_options"]
                [1],
            json!({"gid": gid(&options[1]), "name": "High"})
        );
        // A multi_enum field may begin without options, an enum field not.
        let many = make(&ann, &workspace, json!({"name": "Many", "resource_subtype": "multi_enum"})).await;
        assert_eq!(many["enum_options"], json!([]));
        for options in [json!(null), json!([]), json!([{"name": "x", "enabled": false}])] {
            let mut body = json!({"workspace": workspace, "name": "Empty", "resource_subtype": "enum"});
            if !options.is_null() {
                body["enum_options"] = options;
            }
            let answer = ann.post("/custom_fields", body).await;
            answer.refused(400, "enum_options: An enum field must have at least 1 enabled option");
            assert_eq!(answer.json["errors"][0]["error"], "custom_field_enum_cannot_be_empty");
        }
    });

    both!(numbers_have_formats, small, |small: Small| async move {
        let Small { ann, workspace, .. } = small;
        let number = |more: Json| {
            let mut body = json!({"resource_subtype": "number"});
            for (name, value) in more.as_object().expect("an object") {
                body[name] = value.clone();
            }
            body
        };
        let shape = |field: &Json| {
            let names = ["precision", "format", "currency_code", "custom_label", "custom_label_position"];
            names.map(|name| field[name].clone())
        };
        let plain = make(&ann, &workspace, number(json!({"name": "Plain"}))).await;
        assert_eq!(shape(&plain), [json!(0), json!("none"), json!(null), json!(null), json!(null)]);
        let money = number(json!({"name": "Cost", "precision": 2, "format": "currency", "currency_code": "EUR"}));
        let money = make(&ann, &workspace, money).await;
        assert_eq!(shape(&money), [json!(2), json!("currency"), json!("EUR"), json!(null), json!(null)]);
        let custom = number(json!({"name": "Gold", "precision": 6, "format": "custom", "custom_label": "pieces"}));
        let custom = make(&ann, &workspace, custom).await;
        assert_eq!(shape(&custom), [json!(6), json!("custom"), json!(null), json!("pieces"), json!("suffix")]);

        // Another format takes the properties of the former away.
        let path = format!("/custom_fields/{}", gid(&money));
        let changed =
            ann.put(&path, json!({"format": "custom", "custom_label": "Lv.", "custom_label_position": "prefix"}));
        assert_eq!(shape(&changed.await.ok()), [json!(2), json!("custom"), json!(null), json!("Lv."), json!("prefix")]);
        let changed = ann.put(&path, json!({"format": "identifier"}));
        assert_eq!(shape(&changed.await.ok()), [json!(0), json!("identifier"), json!(null), json!(null), json!(null)]);
        ann.put(&path, json!({"format": "currency"})).await.refused(400, "currency_code: Missing input");
        ann.put(&path, json!({"precision": 3}))
            .await
            .refused(400, "precision: The format identifier always has a precision of 0");
        assert_eq!(shape(&ann.get(&path).await.ok())[1], "identifier");

        for (more, message) in [
            (json!({"precision": 7}), "precision: Value must be between 0 and 6"),
            (json!({"precision": -1}), "precision: Value must be between 0 and 6"),
            (json!({"precision": "x"}), "precision: Value is not a whole number: x"),
            (
                json!({"format": "roman"}),
                "format: Not a recognized value: roman. Use one of: currency, identifier, \
                percentage, custom, duration, none",
            ),
            (json!({"format": "currency", "currency_code": null}), "currency_code: Missing input"),
            (json!({"format": "currency", "currency_code": "eur"}), "currency_code: Not an ISO 4217 code: eur"),
            (
                json!({"format": "currency", "currency_code": "EURO"}),
                "currency_code: Value is longer than 3 characters",
            ),
            (json!({"currency_code": "EUR"}), "currency_code: Only the format currency has it"),
            (json!({"format": "custom"}), "custom_label: Missing input"),
            (json!({"format": "custom", "custom_label": " "}), "custom_label: Missing input"),
            (json!({"custom_label": "x"}), "custom_label: Only the format custom has it"),
            (json!({"resource_subtype": "text", "precision": 2}), "precision: Only fields of the type number have it"),
            (
                json!({"resource_subtype": "date", "format": "currency"}),
                "format: Only fields of the type number have it",
            ),
            (
                json!({"enum_options": [{"name": "x"}]}),
                "enum_options: Only fields of the types enum and multi_enum have options",
            ),
        ] {
            let mut body = number(json!({"workspace": workspace, "name": "Wrong"}));
            for (name, value) in more.as_object().expect("an object") {
                body[name] = value.clone();
            }
            ann.post("/custom_fields", body).await.refused(400, message);
        }
        // What says nothing does no harm.
        make(&ann, &workspace, json!({"name": "Text", "format": "none", "currency_code": null, "enum_options": []}))
            .await;
    });

    both!(what_is_no_field_is_refused, small, |small: Small| async move {
        let Small { ann, bob, guest, stranger, workspace, .. } = small;
        for (body, status, message) in [
            (json!({"name": "x", "resource_subtype": "text"}), 400, "workspace: Missing input"),
            (json!({"workspace": workspace, "name": "x"}), 400, "resource_subtype: Missing input"),
            (json!({"workspace": workspace, "resource_subtype": "text"}), 400, "name: Missing input"),
            (json!({"workspace": workspace, "name": " \n", "type": "text"}), 400, "name: Value must not be empty"),
            (json!({"workspace": workspace, "name": "ö".repeat(1024), "type": "text"}), 201, ""),
            (
                json!({"workspace": workspace, "name": "漢".repeat(1024), "type": "text"}),
                400,
                "name: Value is too long",
            ),
            (
                json!({"workspace": workspace, "name": "x".repeat(1025), "type": "text"}),
                400,
                "name: Value is longer than 1024 characters",
            ),
            (
                json!({"workspace": workspace, "name": "x", "type": "checkbox"}),
                400,
                "type: Not a recognized value: checkbox. \
                Use one of: text, enum, multi_enum, number, date, people, reference",
            ),
            (
                json!({"workspace": workspace, "name": "x", "type": "text", "resource_subtype": "date"}),
                400,
                "type: Value differs from resource_subtype: text",
            ),
            (
                json!({"workspace": workspace, "name": "x", "type": "reference"}),
                400,
                "type: Fields of the type reference are not supported by this server",
            ),
            (
                json!({"workspace": workspace, "name": "x", "resource_subtype": "number", "is_formula_field": true}),
                400,
                "is_formula_field: Formula fields are not supported by this server",
            ),
            (
                json!({"workspace": workspace, "name": "x", "resource_subtype": "text", "id_prefix": "BUG"}),
                400,
                "id_prefix: Custom ID fields are not supported by this server",
            ),
            (
                json!({"workspace": workspace, "name": "x", "resource_subtype": "text", "owned_by_app": true}),
                403,
                "This app may not own custom fields.",
            ),
            (
                json!({"workspace": workspace, "name": "x", "resource_subtype": "enum", "enum_options": "Low"}),
                400,
                "enum_options: Value is not an array: Low",
            ),
            (
                json!({"workspace": workspace, "name": "x", "resource_subtype": "enum", "enum_options": ["Low"]}),
                400,
                "enum_options: [0]: Value is not a JSON object: Low",
            ),
            (
                json!({"workspace": workspace, "name": "x", "resource_subtype": "enum", "enum_options": [{"color": "red"}]}),
                400,
                "enum_options: [0]: name: Missing required field",
            ),
            (
                json!({"workspace": workspace, "name": "x", "resource_subtype": "enum", "enum_options": [{"name": ""}]}),
                400,
                "enum_options: [0]: name: Value must not be empty",
            ),
            (
                json!({"workspace": workspace, "name": "x", "resource_subtype": "enum",
                "enum_options": (0..501).map(|number| json!({"name": number.to_string()})).collect::<Vec<_>>()}),
                400,
                "enum_options: A custom field can have at most 500 options",
            ),
            (
                json!({"workspace": "123", "name": "x", "resource_subtype": "text"}),
                400,
                "workspace: Unknown object: 123",
            ),
        ] {
            let answer = ann.post("/custom_fields", body).await;
            match status {
                201 => assert_eq!(answer.response.status, 201, "{}", answer.json),
                status => answer.refused(status, message),
            }
        }
        let body =
            json!({"workspace": workspace, "name": "Mine", "resource_subtype": "text", "is_formula_field": false});
        guest
            .post("/custom_fields", body.clone())
            .await
            .refused(403, "You do not have permission to change this workspace.");
        stranger
            .post("/custom_fields", body.clone())
            .await
            .refused(400, &format!("workspace: Unknown object: {workspace}"));

        // Names are unique, whoever asks and however they are written.
        bob.post("/custom_fields", body.clone()).await.created();
        for (name, message) in [
            ("mine", "name: Name is already taken by another custom field: mine"),
            ("  MINE ", "name: Name is already taken by another custom field:   MINE "),
            ("Due Date", "name: Name of a built-in field: Due Date"),
            ("assignee", "name: Name of a built-in field: assignee"),
            ("Name", "name: Name of a built-in field: Name"),
        ] {
            let answer =
                ann.post("/custom_fields", json!({"workspace": workspace, "name": name, "type": "date"})).await;
            answer.refused(400, message);
            assert_eq!(answer.json["errors"][0]["error"], "custom_field_duplicate_name");
        }
        let other = make(&ann, &workspace, json!({"name": "Other"})).await;
        let path = format!("/custom_fields/{}", gid(&other));
        ann.put(&path, json!({"name": "Mine"}))
            .await
            .refused(400, "name: Name is already taken by another custom field: Mine");
        assert_eq!(ann.put(&path, json!({"name": "OTHER"})).await.ok()["name"], "OTHER");
        ann.put(&path, json!({"resource_subtype": "date"}))
            .await
            .refused(400, "resource_subtype: Cannot write this property");
        ann.put(&path, json!({"type": "date"})).await.refused(400, "type: Cannot write this property");
        ann.put(&path, json!({"enum_options": []})).await.refused(400, "enum_options: Cannot write this property");
        ann.put(&path, json!({"is_global_to_workspace": false}))
            .await
            .refused(400, "is_global_to_workspace: Cannot write this property");
        ann.put(&path, json!({"precision": 2})).await.refused(400, "precision: Only fields of the type number have it");
        ann.get("/custom_fields/abc").await.refused(400, "custom_field: Not a Long: abc");
        ann.get("/custom_fields/99").await.refused(404, "custom_field: Not a recognized ID: 99");
    });

    both!(who_sees_a_field, small, |small: Small| async move {
        let Small { ann, bob, cat, guest, stranger, workspace, .. } = small;
        let list = format!("/workspaces/{workspace}/custom_fields");
        let open = make(&bob, &workspace, json!({"name": "Open", "default_access_level": "user"})).await;
        let members = make(&bob, &workspace, json!({"name": "Members", "privacy_setting": "public"})).await;
        let own = make(
            &bob,
            &workspace,
            json!({"name": "Own", "privacy_setting": "private",
            "resource_subtype": "enum", "enum_options": [{"name": "Secret"}]}),
        )
        .await;
        let named = |answer: testkit::Answer| -> Vec<String> {
            answer
                .ok()
                .as_array()
                .expect("a list")
                .iter()
                .map(|field| field["name"].as_str().unwrap_or("").to_owned())
                .collect()
        };
        assert_eq!(named(bob.get(&list).await), ["Open", "Members", "Own"]);
        assert_eq!(named(ann.get(&list).await), ["Open", "Members"]);
        assert_eq!(named(guest.get(&list).await), ["Open"]);
        stranger.get(&list).await.refused(404, &format!("workspace: Not a recognized ID: {workspace}"));
        assert_eq!(ann.pages(&list, 1).await.len(), 2);

        let no_access = "You do not have access to this custom field.";
        let path = |field: &Json| format!("/custom_fields/{}", gid(field));
        ann.get(&path(&own)).await.refused(403, no_access);
        ann.put(&path(&own), json!({"name": "x"})).await.refused(403, no_access);
        ann.delete(&path(&own)).await.refused(403, no_access);
        guest.get(&path(&members)).await.refused(403, no_access);
        ann.put(&format!("/enum_options/{}", gid(&own["enum_options"][0])), json!({"name": "x"}))
            .await
            .refused(403, "You do not have access to this enum option.");
        ann.post(&format!("{}/enum_options", path(&own)), json!({"name": "x"})).await.refused(403, no_access);

        // Users of a field do not change it; its creator does, and an administrator of the workspace may share or delete it.
        let no_permission = "You do not have permission to change this custom field.";
        cat.put(&path(&open), json!({"name": "Mine"})).await.refused(403, no_permission);
        cat.delete(&path(&open)).await.refused(403, no_permission);
        cat.put(&path(&members), json!({"name": "Crew"})).await.ok();
        cat.put(&path(&members), json!({"privacy_setting": "private"})).await.refused(403, no_permission);
        cat.put(&path(&members), json!({"default_access_level": "user"})).await.refused(403, no_permission);
        cat.put(&path(&members), json!({"privacy_setting": "hidden"})).await.refused(
            400,
            "privacy_setting: Not a recognized value: hidden. Use one of: public_with_guests, public, private",
        );
        // Saying what is so already is no change.
        cat.put(&path(&members), json!({"privacy_setting": "public"})).await.ok();
        ann.delete(&path(&open)).await.ok();

        bob.put(&path(&members), json!({"default_access_level": "admin"})).await.ok();
        assert_eq!(
            cat.put(&path(&members), json!({"privacy_setting": "private"})).await.ok()["privacy_setting"],
            "private"
        );
        cat.get(&path(&members)).await.ok();
        bob.get(&path(&members)).await.ok();
        ann.get(&path(&members)).await.refused(403, no_access);
        cat.put(&path(&members), json!({"privacy_setting": "public_with_guests", "default_access_level": "user"}))
            .await
            .ok();
        guest.get(&path(&members)).await.ok();
        ann.put(&path(&members), json!({"name": "x"})).await.refused(403, no_permission);
        ann.get(&path(&members)).await.ok();
    });

    both!(changes_are_recorded, small, |small: Small| async move {
        let Small { world, ann, workspace, .. } = small;
        let made = make(&ann, &workspace, json!({"resource_subtype": "number"})).await;
        let path = format!("/custom_fields/{}", gid(&made));
        ann.put(&path, json!({"name": "Size", "precision": 2})).await.ok();
        ann.put(&path, json!({"precision": 2})).await.ok();
        ann.delete(&path).await.ok();
        let field: i64 = gid(&made).parse().expect("a number");
        let workspace: i64 = workspace.parse().expect("a number");
        let heard = world
            .write(move |call| {
                let block = call.query(
                    "SELECT c.action, c.field FROM changes c CROSS JOIN change_routes r WHERE r.container_id = ?2 \
                     AND c.id = r.change_id AND c.object_id = ?1 ORDER BY c.id",
                    &[store::Type::Text, store::Type::Text],
                    &[field.into(), workspace.into()],
                )?;
                Ok((0..block.len())
                    .map(|row| format!("{} {}", block.text(row, 0).unwrap_or(""), block.text(row, 1).unwrap_or("")))
                    .collect::<Vec<_>>())
            })
            .await;
        assert_eq!(
            heard,
            [
                "added ",
                "changed name",
                "changed precision",
                "changed format",
                "changed currency_code",
                "changed custom_label",
                "changed custom_label_position",
                "deleted "
            ]
        );
    });
}
