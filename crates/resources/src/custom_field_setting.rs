//! Custom field settings: which fields the tasks of a project have, and in which order.

use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use engine::field::{boolean, one, one_of};
use engine::input::{Input, InputKind, input};
use engine::operation::{Listing, Outcome, action, by_number, by_text, list, parent};
use engine::resource::{Guard, Resource};
use model::Level;
use serde_json::{Value as Json, json};
use store::Type;

use crate::custom_field::{CUSTOM_FIELD, NEW_FIELD, create_field};
use crate::custom_id::number_project;
use crate::order::{Ordered, Place, place, place_asked};
use crate::project::{Facts, PROJECT, not_on_object, require_customization};

/// A field of a project's tasks: whoever sees both sees that one has the other.
pub static CUSTOM_FIELD_SETTING: Resource = Resource {
    guard: Guard::Both(&Guard::Via("parent_id", &PROJECT), &Guard::Via("custom_field_id", &CUSTOM_FIELD)),
    fields: &[
        one("custom_field", &CUSTOM_FIELD, "custom_field_id").compact().inside(DEFINITION),
        boolean("is_important").compact(),
        one_of("parent", &[&PROJECT], "parent_id").compact(),
        one("project", &PROJECT, "parent_id").compact(),
    ],
    operations: &[
        list("getCustomFieldSettingsForProject", "/projects/{project_gid}/custom_field_settings", &IN_PROJECT),
        action(
            "addCustomFieldSettingForProject",
            "/projects/{project_gid}/addCustomFieldSetting",
            Level::Editor,
            ADD,
            add_setting,
        ),
        action(
            "removeCustomFieldSettingForProject",
            "/projects/{project_gid}/removeCustomFieldSetting",
            Level::Editor,
            REMOVE,
            remove_setting,
        )
        .empty(),
    ],
    ..Resource::new("custom_field_setting", "custom_field_settings")
};

/// What is shown of a field where it is a project's: its definition.
const DEFINITION: &str = "resource_type,enum_options,name,precision,format,currency_code,custom_label,\
    custom_label_position,privacy_setting,default_access_level,is_formula_field,resource_subtype,type";

static ADD: &[Input] = &[
    input("custom_field", InputKind::GidOrNew(&CUSTOM_FIELD, NEW_FIELD)).required(),
    input("insert_after", InputKind::Gid(&CUSTOM_FIELD_SETTING)).nullable(),
    input("insert_before", InputKind::Gid(&CUSTOM_FIELD_SETTING)).nullable(),
    input("is_important", InputKind::Bool),
];

static REMOVE: &[Input] = &[input("custom_field", InputKind::Gid(&CUSTOM_FIELD)).required()];

static IN_PROJECT: Listing =
    Listing::of("custom_field_settings t", "t.gid", "t.parent_id = :project", &[by_text("t.rank"), by_number("t.gid")])
        .within(&[parent("project_gid", &PROJECT)]);

fn ordered(project: i64) -> Ordered {
    Ordered { table: "custom_field_settings", scope_column: "parent_id", scope: project, key_column: "gid" }
}

fn add_setting(call: &mut Call<'_>) -> Result<Outcome> {
    let project = call.target;
    let facts = require_customization(call, project)?;
    let field = match call.body.object("custom_field").cloned() {
        // A field of this project's own. It is there or not at all, like its setting.
        Some(body) => create_field(call, &body, false).map_err(|error| match error.status {
            400 => Error { message: format!("custom_field: {}", error.message), ..error },
            _ => error,
        })?,
        None => call.body.gid("custom_field").unwrap_or_default(),
    };
    let own = call.number("SELECT workspace_id FROM custom_fields WHERE gid = ?1", &[field.into()])?;
    if own != Some(facts.workspace) {
        return Err(Error::field("custom_field", "Must be in the same workspace as the project"));
    }
    // Two at once would not see each other's setting.
    call.lock(project)?;
    if setting_of(call, project, field)?.is_some() {
        return Err(Error::field(
            "custom_field",
            format_args!("Custom field with ID {field} already exists on given object"),
        ));
    }
    let at = place_asked(call, &ordered(project), "insert_before", "insert_after")?.unwrap_or(Place::Last);
    let setting = call.create_object(&CUSTOM_FIELD_SETTING, facts.workspace)?;
    let rank = place(call, &ordered(project), setting, at)?;
    call.insert(
        CUSTOM_FIELD_SETTING.table,
        &[
            ("gid", setting.into()),
            ("workspace_id", facts.workspace.into()),
            ("parent_id", project.into()),
            ("custom_field_id", field.into()),
            ("is_important", call.body.bool("is_important").unwrap_or_default().into()),
            ("rank", rank.into()),
        ],
    );
    record(call, &facts, Did::Added, setting);
    number_project(call, field, project)?;
    Ok(Outcome::Object(setting))
}

/// The tasks keep what they say about the field: it is there again when the field comes back.
fn remove_setting(call: &mut Call<'_>) -> Result<Outcome> {
    let project = call.target;
    let field = call.body.gid("custom_field").unwrap_or_default();
    let facts = require_customization(call, project)?;
    let setting = setting_of(call, project, field)?.ok_or_else(|| not_on_object(field))?;
    call.execute("DELETE FROM custom_field_settings WHERE gid = ?1", &[setting.into()])?;
    call.delete_object(setting)?;
    record(call, &facts, Did::Removed, setting);
    Ok(Outcome::Empty)
}

/// A setting, as a deletion of its field writes it down.
pub struct Setting {
    gid: i64,
    /// The project.
    pub parent: i64,
    rank: String,
    is_important: bool,
}

impl Setting {
    /// What [`restore`] understands.
    pub fn kept(&self) -> Json {
        let Setting { gid, parent, rank, is_important } = self;
        json!({"gid": gid, "parent": parent, "rank": rank, "is_important": is_important})
    }
}

/// The settings of a field, in whatever project.
pub fn of_field(call: &mut Call<'_>, field: i64) -> Result<Vec<Setting>> {
    let found = call.query(
        "SELECT gid, parent_id, rank, is_important FROM custom_field_settings WHERE custom_field_id = ?1 ORDER BY gid",
        &[Type::Int, Type::Int, Type::Text, Type::Bool],
        &[field.into()],
    )?;
    let setting = |row| Setting {
        gid: found.int(row, 0).unwrap_or_default(),
        parent: found.int(row, 1).unwrap_or_default(),
        rank: found.text(row, 2).unwrap_or_default().to_owned(),
        is_important: found.bool(row, 3),
    };
    Ok((0..found.len()).map(setting).collect())
}

/// Brings a setting back that went with its field: to its place, or to the end if somebody else stands there. Answers the
/// project; `None` when it is gone for ever.
pub fn restore(call: &mut Call<'_>, workspace: i64, field: i64, kept: &Json) -> Result<Option<i64>> {
    let number = |name: &str| kept[name].as_i64().unwrap_or_default();
    let (setting, project) = (number("gid"), number("parent"));
    call.lock(project)?;
    if call.number("SELECT gid FROM projects WHERE gid = ?1", &[project.into()])?.is_none() {
        return Ok(None);
    }
    let own = kept["rank"].as_str().unwrap_or_default();
    let taken = "SELECT gid FROM custom_field_settings WHERE parent_id = ?1 AND rank = ?2";
    let rank = match call.number(taken, &[project.into(), own.into()])? {
        None if !own.is_empty() => own.to_owned(),
        _ => place(call, &ordered(project), setting, Place::Last)?,
    };
    call.insert(
        CUSTOM_FIELD_SETTING.table,
        &[
            ("gid", setting.into()),
            ("workspace_id", workspace.into()),
            ("parent_id", project.into()),
            ("custom_field_id", field.into()),
            ("is_important", kept["is_important"].as_bool().unwrap_or_default().into()),
            ("rank", rank.into()),
        ],
    );
    call.execute("UPDATE objects SET deleted_at = NULL WHERE gid = ?1", &[setting.into()])?;
    Ok(Some(project))
}

fn setting_of(call: &mut Call<'_>, project: i64, field: i64) -> Result<Option<i64>> {
    call.number(
        "SELECT gid FROM custom_field_settings WHERE parent_id = ?1 AND custom_field_id = ?2",
        &[project.into(), field.into()],
    )
}

fn record(call: &mut Call<'_>, facts: &Facts, did: Did, setting: i64) {
    let change = Change::new(Did::Changed, PROJECT.kind, facts.project, facts.workspace);
    call.record(&change.field("custom_field_settings").member(did, setting), &facts.containers());
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};
    use testkit::{Client, both, gid};

    use crate::world::{Small, small};

    async fn made(client: &Client, path: &str, data: Json) -> String {
        gid(&client.post(path, data).await.created())
    }

    fn fields(settings: &Json) -> Vec<&str> {
        settings.as_array().expect("a list").iter().filter_map(|one| one["custom_field"]["name"].as_str()).collect()
    }

    both!(fields_come_onto_a_project, small, |small: Small| async move {
        let Small { ann, bob, workspace, .. } = small;
        let project = made(&ann, "/projects", json!({"workspace": workspace, "name": "Launch"})).await;
        let field = |data: Json| {
            let (ann, mut data) = (ann.clone(), data);
            data["workspace"] = json!(workspace);
            async move { made(&ann, "/custom_fields", data).await }
        };
        let stage = field(json!({"name": "Stage", "resource_subtype": "enum",
            "enum_options": [{"name": "Soon", "color": "red"}]}))
        .await;
        let cost = field(json!({"name": "Cost", "resource_subtype": "number", "precision": 2})).await;
        let note = field(json!({"name": "Note", "resource_subtype": "text"})).await;
        let path = format!("/projects/{project}");
        let (add, remove) = (format!("{path}/addCustomFieldSetting"), format!("{path}/removeCustomFieldSetting"));
        let setting = ann.post(&add, json!({"custom_field": stage, "is_important": true})).await.ok();
        let of = json!({"gid": project, "resource_type": "project", "name": "Launch"});
        let option = setting["custom_field"]["enum_options"][0]["gid"].clone();
        assert_eq!(
            setting,
            json!({
                "gid": gid(&setting), "resource_type": "custom_field_setting",
                "custom_field": {
                    "gid": stage, "resource_type": "custom_field", "default_access_level": "editor",
                    "enum_options": [{"gid": option, "resource_type": "enum_option", "color": "red", "enabled": true,
                        "name": "Soon"}],
                    "is_formula_field": false, "name": "Stage", "privacy_setting": "public_with_guests",
                    "resource_subtype": "enum", "type": "enum"
                },
                "is_important": true, "parent": of, "project": of
            })
        );
        let first = gid(&setting);
        let cost_setting = bob.post(&add, json!({"custom_field": cost, "insert_before": first})).await.ok();
        assert_eq!(cost_setting["custom_field"]["precision"], 2);
        ann.post(&add, json!({"custom_field": note, "insert_after": gid(&cost_setting)})).await.ok();
        let listed = ann.get(&format!("{path}/custom_field_settings")).await.ok();
        assert_eq!(fields(&listed), ["Cost", "Note", "Stage"]);
        assert_eq!(listed[2], setting);
        assert_eq!(ann.get(&path).await.ok()["custom_field_settings"], listed);
        let pages = ann.pages(&format!("{path}/custom_field_settings?opt_fields=custom_field.name"), 1).await;
        assert_eq!(fields(&Json::from(pages)), ["Cost", "Note", "Stage"]);

        for (data, message) in [
            (json!({}), "custom_field: Missing input".to_owned()),
            (json!({"custom_field": "Stage"}), "custom_field: Not a Long: Stage".to_owned()),
            (json!({"custom_field": project}), format!("custom_field: Unknown object: {project}")),
            (
                json!({"custom_field": stage}),
                format!("custom_field: Custom field with ID {stage} already exists on given object"),
            ),
        ] {
            ann.post(&add, data).await.refused(400, &message);
        }
        assert_eq!(ann.post(&remove, json!({"custom_field": cost})).await.json, json!({"data": {}}));
        ann.post(&remove, json!({"custom_field": cost}))
            .await
            .refused(400, &format!("Custom field with ID {cost} is not on given object"));
        let listed = ann.get(&format!("{path}/custom_field_settings")).await.ok();
        assert_eq!(fields(&listed), ["Note", "Stage"]);
    });

    both!(who_sees_the_fields_of_a_project, small, |small: Small| async move {
        let Small { ann, bob, cat, guest, stranger, workspace, .. } = small;
        let data = json!({"workspace": workspace, "name": "Launch", "privacy_setting": "private",
            "members": [bob.user.to_string(), guest.user.to_string()]});
        let project = made(&ann, "/projects", data).await;
        let path = format!("/projects/{project}");
        let add = format!("{path}/addCustomFieldSetting");
        let list = format!("{path}/custom_field_settings");
        let mut gids = Vec::new();
        for privacy in ["public_with_guests", "public", "private"] {
            let data = json!({"workspace": workspace, "name": privacy, "resource_subtype": "text",
                "privacy_setting": privacy});
            gids.push(made(&ann, "/custom_fields", data).await);
            ann.post(&add, json!({"custom_field": gids.last()})).await.ok();
        }
        for (client, seen) in [
            (&ann, vec!["public_with_guests", "public", "private"]),
            (&bob, vec!["public_with_guests", "public"]),
            (&guest, vec!["public_with_guests"]),
        ] {
            assert_eq!(fields(&client.get(&list).await.ok()), seen);
            assert_eq!(fields(&client.get(&path).await.ok()["custom_field_settings"]), seen);
        }
        cat.get(&list).await.refused(403, "You do not have access to this project.");
        stranger.get(&list).await.refused(404, &format!("project: Not a recognized ID: {project}"));
        let private = &gids[2];
        bob.post(&add, json!({"custom_field": private}))
            .await
            .refused(403, "You do not have access to this custom field.");
        // Fields are part of how a project looks, which it may leave to its admins.
        ann.put(&path, json!({"minimum_access_level_for_customization": "admin"})).await.ok();
        let refusal = "You do not have permission to change this project.";
        for path in [&add, &format!("{path}/removeCustomFieldSetting")] {
            bob.post(path, json!({"custom_field": gids[0]})).await.refused(403, refusal);
        }
        bob.put(&path, json!({"color": "dark-red"})).await.refused(403, refusal);
    });

    both!(a_project_gets_a_field_of_its_own, small, |small: Small| async move {
        let Small { ann, workspace, .. } = small;
        let project = made(&ann, "/projects", json!({"workspace": workspace, "name": "Launch"})).await;
        let add = format!("/projects/{project}/addCustomFieldSetting");
        let new = json!({"workspace": workspace, "name": "Stage", "resource_subtype": "enum",
            "enum_options": [{"name": "Soon"}]});
        let setting = ann.post(&add, json!({"custom_field": new, "is_important": true})).await.ok();
        let field = ann.get(&format!("/custom_fields/{}", gid(&setting["custom_field"]))).await.ok();
        assert_eq!((&field["name"], &field["is_global_to_workspace"]), (&json!("Stage"), &json!(false)));
        assert_eq!(field["enum_options"][0]["name"], "Soon");
        let elsewhere = made(&ann, "/projects", json!({"workspace": workspace})).await;
        for (data, message) in [
            (json!({"name": "x"}), "custom_field: workspace: Missing required field"),
            (json!({"workspace": workspace, "name": "x"}), "custom_field: resource_subtype: Missing input"),
            (json!({"workspace": workspace, "type": "text"}), "custom_field: name: Missing input"),
            (
                json!({"workspace": workspace, "name": "stage", "type": "text"}),
                "custom_field: name: Name is already taken by another custom field: stage",
            ),
        ] {
            ann.post(&add, json!({"custom_field": data})).await.refused(400, message);
        }
        let data =
            json!({"custom_field": {"workspace": workspace, "name": "y", "type": "text"}, "insert_after": elsewhere});
        ann.post(&add, data).await.refused(400, &format!("insert_after: Unknown object: {elsewhere}"));
        let names = fields(&ann.get(&format!("/projects/{project}/custom_field_settings")).await.ok()).join(" ");
        assert_eq!(names, "Stage");
    });
}
