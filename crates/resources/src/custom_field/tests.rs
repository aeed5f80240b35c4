//! Definitions, through the API on both databases.

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
        ann.get(&format!("/custom_fields/{}?opt_fields=enum_options.name", gid(&made))).await.ok()["enum_options"][1],
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
    let changed = ann.put(&path, json!({"format": "custom", "custom_label": "Lv.", "custom_label_position": "prefix"}));
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
        (json!({"format": "currency", "currency_code": "EURO"}), "currency_code: Value is longer than 3 characters"),
        (json!({"currency_code": "EUR"}), "currency_code: Only the format currency has it"),
        (json!({"format": "custom"}), "custom_label: Missing input"),
        (json!({"format": "custom", "custom_label": " "}), "custom_label: Missing input"),
        (json!({"custom_label": "x"}), "custom_label: Only the format custom has it"),
        (json!({"resource_subtype": "text", "precision": 2}), "precision: Only fields of the type number have it"),
        (json!({"resource_subtype": "date", "format": "currency"}), "format: Only fields of the type number have it"),
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
    make(&ann, &workspace, json!({"name": "Text", "format": "none", "currency_code": null, "enum_options": []})).await;
});

both!(what_is_no_field_is_refused, small, |small: Small| async move {
    let Small { ann, bob, guest, stranger, workspace, .. } = small;
    for (body, status, message) in [
        (json!({"name": "x", "resource_subtype": "text"}), 400, "workspace: Missing input"),
        (json!({"workspace": workspace, "name": "x"}), 400, "resource_subtype: Missing input"),
        (json!({"workspace": workspace, "resource_subtype": "text"}), 400, "name: Missing input"),
        (json!({"workspace": workspace, "name": " \n", "type": "text"}), 400, "name: Value must not be empty"),
        (json!({"workspace": workspace, "name": "ö".repeat(1024), "type": "text"}), 201, ""),
        (json!({"workspace": workspace, "name": "漢".repeat(1024), "type": "text"}), 400, "name: Value is too long"),
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
        (json!({"workspace": "123", "name": "x", "resource_subtype": "text"}), 400, "workspace: Unknown object: 123"),
    ] {
        let answer = ann.post("/custom_fields", body).await;
        match status {
            201 => assert_eq!(answer.response.status, 201, "{}", answer.json),
            status => answer.refused(status, message),
        }
    }
    let body = json!({"workspace": workspace, "name": "Mine", "resource_subtype": "text", "is_formula_field": false});
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
        let answer = ann.post("/custom_fields", json!({"workspace": workspace, "name": name, "type": "date"})).await;
        answer.refused(400, message);
        assert_eq!(answer.json["errors"][0]["error"], "custom_field_duplicate_name");
    }
    let other = make(&ann, &workspace, json!({"name": "Other"})).await;
    let path = format!("/custom_fields/{}", gid(&other));
    ann.put(&path, json!({"workspace": workspace, "id_prefix": null, "is_formula_field": false})).await.ok();
    ann.put(&path, json!({"id_prefix": "BUG"})).await.refused(400, "id_prefix: Only custom ID fields have it");
    ann.put(&path, json!({"owned_by_app": true})).await.refused(403, "This app may not own custom fields.");
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

    // Users of a field do not change it; its creator does, and an administrator of the workspace may delete it.
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
                 AND c.set_id = r.set_id AND c.object_id = ?1 ORDER BY c.set_id, c.number",
                &[store::Type::Text, store::Type::Text],
                &[field.into(), workspace.into()],
            )?;
            Ok((0..block.len())
                .map(|row| format!("{} {}", block.text(row, 0).unwrap_or(""), block.text(row, 1).unwrap_or("")))
                .collect::<Vec<_>>())
        })
        .await;
    assert_eq!(heard, ["added ", "changed name", "changed precision", "deleted "]);
});
