//! Enum options: what a field of the types `enum` and `multi_enum` chooses among.

use engine::body::Body;
use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use engine::field::{boolean, choice, text};
use engine::input::{Input, InputKind, input};
use engine::operation::{Outcome, action, create, update};
use engine::resource::{Guard, Resource};
use model::{Level, rank};
use store::{Type, Value};

use crate::custom_field::CUSTOM_FIELD;
use crate::order::{Ordered, Place, place, place_asked};

/// The colours of options.
pub const COLORS: &[&str] = &[
    "none",
    "red",
    "orange",
    "yellow-orange",
    "yellow",
    "yellow-green",
    "green",
    "blue-green",
    "aqua",
    "blue",
    "indigo",
    "purple",
    "magenta",
    "hot-pink",
    "pink",
    "cool-gray",
];

/// The most options of a field, disabled ones included.
pub const MOST_OPTIONS: usize = 500;

/// An option as a new field's body gives it.
pub const NEW_OPTION: &[Input] = &[
    input("name", InputKind::Text(engine::field::NAME_LENGTH)).required(),
    input("color", InputKind::Choice(COLORS)),
    input("enabled", InputKind::Bool),
];

/// An option: who sees its field sees it. It is never deleted, only disabled, so that tasks keep what they say.
pub static ENUM_OPTION: Resource = Resource {
    guard: Guard::Via("custom_field_id", &CUSTOM_FIELD),
    open_in_relations: true,
    fields: &[
        choice("color", COLORS).compact().writable(),
        boolean("enabled").compact().writable(),
        text("name").compact().writable(),
    ],
    operations: &[
        create(
            "createEnumOptionForCustomField",
            "/custom_fields/{custom_field_gid}/enum_options",
            Level::Editor,
            create_enum_option,
        )
        .with(&[
            input("insert_before", InputKind::Gid(&ENUM_OPTION)).nullable(),
            input("insert_after", InputKind::Gid(&ENUM_OPTION)).nullable(),
        ]),
        action(
            "insertEnumOptionForCustomField",
            "/custom_fields/{custom_field_gid}/enum_options/insert",
            Level::Editor,
            &[
                input("enum_option", InputKind::Gid(&ENUM_OPTION)).required(),
                input("before_enum_option", InputKind::Gid(&ENUM_OPTION)).nullable(),
                input("after_enum_option", InputKind::Gid(&ENUM_OPTION)).nullable(),
            ],
            insert_enum_option,
        ),
        update("updateEnumOption", "/enum_options/{enum_option_gid}", Level::Editor, update_enum_option),
    ],
    ..Resource::new("enum_option", "enum_options")
};

/// A new option.
#[derive(Clone, Debug)]
pub struct NewOption {
    name: String,
    color: String,
    enabled: bool,
}

/// The options that the body of a new field gives.
pub fn options_asked(body: &Body, subtype: &str) -> Result<Vec<NewOption>> {
    let given = body.objects("enum_options");
    match subtype {
        "enum" if !given.iter().any(|option| option.bool("enabled") != Some(false)) => return Err(cannot_be_empty()),
        "enum" | "multi_enum" => {}
        _ if given.is_empty() => {}
        _ => return Err(Error::field("enum_options", "Only fields of the types enum and multi_enum have options")),
    }
    if given.len() > MOST_OPTIONS {
        return Err(too_many());
    }
    let options = given.iter().enumerate().map(|(at, option)| {
        let name = option.text("name").unwrap_or_default();
        require_name(format_args!("enum_options: [{at}]: name"), name)?;
        Ok(NewOption {
            name: name.to_owned(),
            color: option.text("color").unwrap_or("none").to_owned(),
            enabled: option.bool("enabled").unwrap_or(true),
        })
    });
    options.collect()
}

fn require_name(field: impl std::fmt::Display, name: &str) -> Result<()> {
    match name.trim().is_empty() {
        true => Err(Error::field(field, "Value must not be empty")),
        false => Ok(()),
    }
}

fn cannot_be_empty() -> Error {
    Error::field("enum_options", "An enum field must have at least 1 enabled option")
        .with_code("custom_field_enum_cannot_be_empty")
}

fn too_many() -> Error {
    Error::field("enum_options", format_args!("A custom field can have at most {MOST_OPTIONS} options"))
}

/// Gives a new field its options.
pub fn insert_options(call: &mut Call<'_>, field: i64, workspace: i64, options: &[NewOption]) -> Result<()> {
    let (mut objects, mut rows): (Vec<Value>, Vec<Value>) = Default::default();
    for (option, rank) in options.iter().zip(rank::spread(options.len())) {
        let gid = call.gid()?;
        objects.extend([gid.into(), ENUM_OPTION.kind.into(), workspace.into()]);
        rows.extend([gid.into(), workspace.into(), field.into(), option.name.as_str().into()]);
        rows.extend([option.enabled.into(), option.color.as_str().into(), rank.into()]);
    }
    if options.is_empty() {
        return Ok(());
    }
    let columns = [("gid", Type::Int), ("kind", Type::Text), ("workspace_id", Type::Int)];
    call.insert_rows("objects", &columns, &objects)?;
    let columns = [
        ("gid", Type::Int),
        ("workspace_id", Type::Int),
        ("custom_field_id", Type::Int),
        ("name", Type::Text),
        ("enabled", Type::Bool),
        ("color", Type::Text),
        ("rank", Type::Text),
    ];
    call.insert_rows(ENUM_OPTION.table, &columns, &rows)?;
    Ok(())
}

/// The field that options belong to.
struct Owner {
    gid: i64,
    workspace: i64,
    subtype: String,
}

impl Owner {
    fn of(call: &mut Call<'_>, field: i64) -> Result<Owner> {
        let block = call.query(
            "SELECT workspace_id, resource_subtype FROM custom_fields WHERE gid = ?1",
            &[Type::Int, Type::Text],
            &[field.into()],
        )?;
        let subtype = block.text(0, 1).unwrap_or_default().to_owned();
        Ok(Owner { gid: field, workspace: block.int(0, 0).unwrap_or_default(), subtype })
    }

    fn options(&self) -> Ordered {
        Ordered { table: "enum_options", scope_column: "custom_field_id", scope: self.gid, key_column: "gid" }
    }

    /// Says that the field's options have changed.
    fn record(&self, call: &mut Call<'_>, did: Did, option: i64) {
        let change = Change::new(Did::Changed, CUSTOM_FIELD.kind, self.gid, self.workspace)
            .subtype(&self.subtype)
            .field("enum_options")
            .member(did, option);
        call.record(&change, &[self.workspace]);
    }
}

fn create_enum_option(call: &mut Call<'_>) -> Result<Outcome> {
    let owner = Owner::of(call, call.target)?;
    if !matches!(owner.subtype.as_str(), "enum" | "multi_enum") {
        return Err(Error::bad("Only fields of the types enum and multi_enum have options"));
    }
    let name = call.body.text("name").ok_or_else(|| Error::missing("name"))?.to_owned();
    require_name("name", &name)?;
    let ordered = owner.options();
    let asked = place_asked(call, &ordered, "insert_before", "insert_after")?;
    let option = call.create_object(&ENUM_OPTION, owner.workspace)?;
    // Two at once must not pass the limit.
    call.lock(owner.gid)?;
    let rank = place(call, &ordered, option, asked.unwrap_or(Place::Last))?;
    let known = call.number("SELECT count(*) FROM enum_options WHERE custom_field_id = ?1", &[owner.gid.into()])?;
    if known.unwrap_or_default() >= MOST_OPTIONS as i64 {
        return Err(too_many());
    }
    let columns = [
        ("gid", option.into()),
        ("workspace_id", owner.workspace.into()),
        ("custom_field_id", owner.gid.into()),
        ("name", name.into()),
        // A new option can be chosen, whatever the body says.
        ("enabled", true.into()),
        ("color", call.body.text("color").unwrap_or("none").into()),
        ("rank", rank.into()),
    ];
    call.insert(ENUM_OPTION.table, &columns);
    owner.record(call, Did::Added, option);
    Ok(Outcome::Object(option))
}

fn insert_enum_option(call: &mut Call<'_>) -> Result<Outcome> {
    let owner = Owner::of(call, call.target)?;
    let option = call.body.gid("enum_option").unwrap_or_default();
    if field_of(call, option)? != owner.gid {
        return Err(Error::field("enum_option", format_args!("Not an option of this custom field: {option}")));
    }
    let ordered = owner.options();
    let Some(asked) = place_asked(call, &ordered, "before_enum_option", "after_enum_option")? else {
        return Err(Error::bad("You should specify one of before_enum_option, after_enum_option"));
    };
    let rank = place(call, &ordered, option, asked)?;
    call.update(ENUM_OPTION.table, option, &[("rank", rank.into())])?;
    owner.record(call, Did::Changed, option);
    Ok(Outcome::Object(option))
}

fn update_enum_option(call: &mut Call<'_>) -> Result<Outcome> {
    let option = call.target;
    let field = field_of(call, option)?;
    let owner = Owner::of(call, field)?;
    if let Some(name) = call.body.text("name") {
        require_name("name", name)?;
    }
    if call.body.bool("enabled") == Some(false) && owner.subtype == "enum" {
        // Two at once must not disable the last two.
        call.lock(field)?;
        let other = call.number(
            "SELECT gid FROM enum_options WHERE custom_field_id = ?1 AND gid <> ?2 AND enabled LIMIT 1",
            &[field.into(), option.into()],
        )?;
        if other.is_none() {
            return Err(cannot_be_empty());
        }
    }
    let columns = call.body.columns(&ENUM_OPTION);
    call.update(ENUM_OPTION.table, option, &columns)?;
    if !columns.is_empty() {
        owner.record(call, Did::Changed, option);
    }
    Ok(Outcome::Object(option))
}

fn field_of(call: &mut Call<'_>, option: i64) -> Result<i64> {
    let field = call.number("SELECT custom_field_id FROM enum_options WHERE gid = ?1", &[option.into()])?;
    Ok(field.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};
    use testkit::{Client, both, gid};

    use crate::world::{Small, small};

    async fn field(client: &Client, workspace: &str, subtype: &str, name: &str, options: &[&str]) -> Json {
        let options: Vec<Json> = options.iter().map(|name| json!({"name": name})).collect();
        let body = json!({"workspace": workspace, "name": name, "resource_subtype": subtype, "enum_options": options});
        client.post("/custom_fields", body).await.created()
    }

    async fn order(client: &Client, field: &Json) -> Vec<String> {
        let field = client.get(&format!("/custom_fields/{}?opt_fields=enum_options.name", gid(field))).await.ok();
        let options = field["enum_options"].as_array().expect("options").iter();
        options.map(|option| option["name"].as_str().unwrap_or("").to_owned()).collect()
    }

    both!(options_are_added_and_moved, small, |small: Small| async move {
        let Small { ann, bob, guest, stranger, workspace, .. } = small;
        let made = field(&ann, &workspace, "enum", "Size", &["S", "L"]).await;
        let (small, large) = (gid(&made["enum_options"][0]), gid(&made["enum_options"][1]));
        let path = format!("/custom_fields/{}/enum_options", gid(&made));
        let added = bob.post(&path, json!({"name": "XL", "color": "hot-pink", "enabled": false})).await;
        assert_eq!(added.response.status, 201);
        let huge = gid(&added.json["data"]);
        assert_eq!(
            added.json["data"].to_string(),
            json!({"gid": huge, "resource_type": "enum_option", "color": "hot-pink", "enabled": true, "name": "XL"})
                .to_string()
        );
        assert_eq!(bob.post(&path, json!({"name": "M", "insert_after": small})).await.json["data"]["color"], "none");
        assert_eq!(bob.post(&path, json!({"name": "XS", "insert_before": small})).await.response.status, 201);
        assert_eq!(order(&ann, &made).await, ["XS", "S", "M", "L", "XL"]);

        let insert = format!("{path}/insert");
        let moved = bob.post(&insert, json!({"enum_option": huge, "before_enum_option": small})).await.ok();
        assert_eq!(moved["name"], "XL");
        assert_eq!(order(&ann, &made).await, ["XS", "XL", "S", "M", "L"]);
        bob.post(&insert, json!({"enum_option": small, "after_enum_option": large})).await.ok();
        assert_eq!(order(&ann, &made).await, ["XS", "XL", "M", "L", "S"]);
        bob.post(&insert, json!({"enum_option": small, "after_enum_option": small})).await.ok();
        assert_eq!(order(&ann, &made).await, ["XS", "XL", "M", "L", "S"]);

        // `null` is the end that the list has on that side.
        bob.post(&insert, json!({"enum_option": small, "after_enum_option": null})).await.ok();
        assert_eq!(order(&ann, &made).await, ["S", "XS", "XL", "M", "L"]);
        bob.post(&insert, json!({"enum_option": small, "before_enum_option": null})).await.ok();
        assert_eq!(order(&ann, &made).await, ["XS", "XL", "M", "L", "S"]);

        let other = field(&ann, &workspace, "multi_enum", "Other", &["A"]).await;
        let alien = gid(&other["enum_options"][0]);
        for (body, message) in [
            (json!({"before_enum_option": small}), "enum_option: Missing input".to_owned()),
            (
                json!({"enum_option": small}),
                "You should specify one of before_enum_option, after_enum_option".to_owned(),
            ),
            (
                json!({"enum_option": huge, "before_enum_option": small, "after_enum_option": large}),
                "You may only provide one of before_enum_option or after_enum_option!".to_owned(),
            ),
            (
                json!({"enum_option": alien, "before_enum_option": small}),
                format!("enum_option: Not an option of this custom field: {alien}"),
            ),
            (
                json!({"enum_option": small, "before_enum_option": alien}),
                format!("before_enum_option: Not in the same list: {alien}"),
            ),
            (json!({"enum_option": "x", "before_enum_option": small}), "enum_option: Not a Long: x".to_owned()),
            (json!({"enum_option": "5", "before_enum_option": small}), "enum_option: Unknown object: 5".to_owned()),
        ] {
            bob.post(&insert, body).await.refused(400, &message);
        }
        for (body, message) in [
            (json!({}), "name: Missing input".to_owned()),
            (json!({"name": " "}), "name: Value must not be empty".to_owned()),
            (json!({"name": "x", "insert_before": alien}), format!("insert_before: Not in the same list: {alien}")),
            (
                json!({"name": "x", "insert_before": small, "insert_after": small}),
                "You may only provide one of insert_before or insert_after!".to_owned(),
            ),
        ] {
            bob.post(&path, body).await.refused(400, &message);
        }
        let answer = bob.post(&path, json!({"name": "x", "color": "mauve"})).await;
        assert_eq!(answer.response.status, 400, "{}", answer.json);
        guest
            .post(&path, json!({"name": "x"}))
            .await
            .refused(403, "You do not have permission to change this custom field.");
        guest
            .post(&insert, json!({"enum_option": small, "before_enum_option": large}))
            .await
            .refused(403, "You do not have permission to change this custom field.");
        let unknown = format!("custom_field: Not a recognized ID: {}", gid(&made));
        stranger.post(&path, json!({"name": "x"})).await.refused(404, &unknown);
        assert_eq!(order(&ann, &made).await, ["XS", "XL", "M", "L", "S"]);
    });

    both!(options_are_changed, small, |small: Small| async move {
        let Small { ann, bob, guest, stranger, workspace, .. } = small;
        let made = field(&ann, &workspace, "enum", "Size", &["S", "L"]).await;
        let (small, large) = (gid(&made["enum_options"][0]), gid(&made["enum_options"][1]));
        let path = format!("/enum_options/{small}");
        assert_eq!(
            bob.put(&path, json!({"name": "Small", "color": "aqua", "enabled": false})).await.ok(),
            json!({"gid": small, "resource_type": "enum_option", "color": "aqua", "enabled": false, "name": "Small"})
        );
        let last = bob.put(&format!("/enum_options/{large}"), json!({"enabled": false})).await;
        last.refused(400, "enum_options: An enum field must have at least 1 enabled option");
        assert_eq!(last.json["errors"][0]["error"], "custom_field_enum_cannot_be_empty");
        bob.put(&path, json!({"enabled": false})).await.ok();
        bob.put(&path, json!({"enabled": true})).await.ok();
        bob.put(&format!("/enum_options/{large}"), json!({"enabled": false})).await.ok();
        bob.put(&path, json!({"name": ""})).await.refused(400, "name: Value must not be empty");
        bob.put(&path, json!({"enabled": "no"})).await.refused(400, "enabled: Value is not a boolean: no");
        guest
            .put(&path, json!({"name": "x"}))
            .await
            .refused(403, "You do not have permission to change this enum option.");
        stranger
            .put(&path, json!({"name": "x"}))
            .await
            .refused(404, &format!("enum_option: Not a recognized ID: {small}"));

        // Every option of a multi_enum field may be disabled.
        let many = field(&ann, &workspace, "multi_enum", "Many", &["A"]).await;
        bob.put(&format!("/enum_options/{}", gid(&many["enum_options"][0])), json!({"enabled": false})).await.ok();
        let text =
            ann.post("/custom_fields", json!({"workspace": workspace, "name": "T", "type": "text"})).await.created();
        bob.post(&format!("/custom_fields/{}/enum_options", gid(&text)), json!({"name": "x"}))
            .await
            .refused(400, "Only fields of the types enum and multi_enum have options");

        ann.delete(&format!("/custom_fields/{}", gid(&made))).await.ok();
        bob.put(&path, json!({"name": "x"})).await.refused(404, &format!("enum_option: Unknown object: {small}"));
    });

    both!(a_field_has_500_options_at_most, small, |small: Small| async move {
        let Small { ann, workspace, .. } = small;
        let names: Vec<String> = (0..499).map(|number| format!("{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let made = field(&ann, &workspace, "enum", "Many", &names).await;
        let path = format!("/custom_fields/{}/enum_options", gid(&made));
        assert_eq!(ann.post(&path, json!({"name": "499"})).await.response.status, 201);
        ann.post(&path, json!({"name": "500"}))
            .await
            .refused(400, "enum_options: A custom field can have at most 500 options");
        let order = order(&ann, &made).await;
        assert_eq!(order.len(), 500);
        assert!(order.iter().enumerate().all(|(at, name)| *name == at.to_string()));
    });
}
