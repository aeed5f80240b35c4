//! Values on tasks, through the API on both databases.

use engine::operation::Method;
use serde_json::{Value as Json, json};
use testkit::{Answer, Client, both, gid};

use crate::world::{Small, small};

/// Creates an object and answers its gid.
async fn create(client: &Client, path: &str, body: Json) -> String {
    gid(&client.post(path, body).await.created())
}

async fn project(client: &Client, small: &Small, name: &str, privacy: &str) -> String {
    let body = json!({"team": small.team, "name": name, "privacy_setting": privacy});
    create(client, "/projects", body).await
}

async fn task(client: &Client, projects: &[&str]) -> String {
    create(client, "/tasks", json!({"name": "Task", "projects": projects})).await
}

async fn field(client: &Client, small: &Small, name: &str, more: Json) -> Json {
    let mut body = json!({"workspace": small.workspace, "name": name, "resource_subtype": "text"});
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    client.post("/custom_fields", body).await.created()
}

/// Attaches fields to a project, in this order.
async fn attach(client: &Client, project: &str, fields: &[&str]) {
    for field in fields {
        let path = format!("/projects/{project}/addCustomFieldSetting");
        client.post(&path, json!({"custom_field": field})).await.ok();
    }
}

async fn set(client: &Client, task: &str, field: &str, value: Json) -> Answer {
    client.put(&format!("/tasks/{task}"), json!({"custom_fields": {field: value}})).await
}

/// These members of a task's fields.
async fn shown(client: &Client, task: &str, members: &str) -> Json {
    let members: Vec<String> = members.split(',').map(|member| format!("custom_fields.{member}")).collect();
    let path = format!("/tasks/{task}?opt_fields={}", members.join(","));
    client.get(&path).await.ok()["custom_fields"].clone()
}

/// What one field on the task shows.
async fn value(client: &Client, task: &str, field: &str, member: &str) -> Json {
    let fields = shown(client, task, &format!("{member},display_value")).await;
    let fields = fields.as_array().expect("a list");
    let found = fields.iter().find(|shown| shown["gid"] == field).expect("the field is on the task");
    json!([found[member], found["display_value"]])
}

both!(every_type_has_its_value, small, |small: Small| async move {
    let (ann, bob) = (&small.ann, &small.bob);
    let project = project(ann, &small, "Plan", "public_to_workspace").await;
    let task = task(ann, &[&project]).await;
    let text = field(ann, &small, "Motto", json!({"description": "Say it"})).await;
    let number = json!({"resource_subtype": "number", "precision": 2, "format": "currency", "currency_code": "EUR"});
    let number = field(ann, &small, "Cost", number).await;
    let options = json!([{"name": "Low", "color": "blue"}, {"name": "High", "color": "red"}]);
    let one = field(ann, &small, "Priority", json!({"resource_subtype": "enum", "enum_options": options})).await;
    let many = field(ann, &small, "Areas", json!({"resource_subtype": "multi_enum", "enum_options": options})).await;
    let date = field(ann, &small, "Launch", json!({"resource_subtype": "date"})).await;
    let people = field(ann, &small, "Reviewers", json!({"resource_subtype": "people"})).await;
    let all = [&people, &date, &many, &one, &number, &text].map(gid);
    attach(ann, &project, &all.each_ref().map(String::as_str)).await;
    let path = format!("/tasks/{task}");

    // The whole of it: only members of the type, lists never null.
    let creator = json!({"gid": ann.user.to_string(), "resource_type": "user", "name": "Ann Example"});
    let empty = ann.get(&path).await.ok()["custom_fields"].clone();
    assert_eq!(
        empty.to_string(),
        json!([
            {
                "gid": gid(&people), "resource_type": "custom_field", "enabled": true, "name": "Reviewers",
                "description": "", "people_value": [], "created_by": creator, "display_value": null,
                "representation_type": "people", "resource_subtype": "people", "is_formula_field": false,
                "is_value_read_only": false, "type": "people"
            },
            {
                "gid": gid(&date), "resource_type": "custom_field", "enabled": true, "date_value": null,
                "name": "Launch", "description": "", "created_by": creator, "display_value": null,
                "representation_type": "date", "resource_subtype": "date", "is_formula_field": false,
                "is_value_read_only": false, "type": "date"
            },
            {
                "gid": gid(&many), "resource_type": "custom_field", "enabled": true,
                "enum_options": many["enum_options"], "multi_enum_values": [], "name": "Areas", "description": "",
                "created_by": creator, "display_value": null, "representation_type": "multi_enum",
                "resource_subtype": "multi_enum", "is_formula_field": false, "is_value_read_only": false,
                "type": "multi_enum"
            },
            {
                "gid": gid(&one), "resource_type": "custom_field", "enabled": true,
                "enum_options": one["enum_options"], "enum_value": null, "name": "Priority", "description": "",
                "created_by": creator, "display_value": null, "representation_type": "enum",
                "resource_subtype": "enum", "is_formula_field": false, "is_value_read_only": false, "type": "enum"
            },
            {
                "gid": gid(&number), "resource_type": "custom_field", "enabled": true, "name": "Cost",
                "description": "", "number_value": null, "precision": 2, "format": "currency", "created_by": creator,
                "display_value": null, "representation_type": "number", "resource_subtype": "number",
                "is_formula_field": false, "is_value_read_only": false, "type": "number"
            },
            {
                "gid": gid(&text), "resource_type": "custom_field", "enabled": true, "name": "Motto",
                "description": "Say it", "created_by": creator, "display_value": null,
                "representation_type": "text", "resource_subtype": "text", "is_formula_field": false,
                "is_value_read_only": false, "type": "text", "text_value": null
            }
        ])
        .to_string()
    );

    let (low, high) = (gid(&many["enum_options"][0]), gid(&many["enum_options"][1]));
    let values = json!({
        gid(&text): "Less, but <better>", gid(&number): 1234.567, gid(&one): gid(&one["enum_options"][1]),
        gid(&many): [high, low, high], gid(&date): {"date": "2026-03-09"},
        gid(&people): ["bob@acme.example", "me", bob.user.to_string()]
    });
    let answer = ann.put(&path, json!({"custom_fields": values})).await.ok();
    assert_eq!(ann.get(&path).await.ok()["custom_fields"], answer["custom_fields"]);
    let members = "text_value,number_value,enum_value.name,multi_enum_values.name,date_value,people_value.name,\
        display_value,html_text_value,currency_code";
    assert_eq!(
        shown(bob, &task, members).await,
        json!([
            {
                "gid": gid(&people),
                "people_value": [
                    {"gid": bob.user.to_string(), "name": "Bob Example"},
                    {"gid": ann.user.to_string(), "name": "Ann Example"}
                ],
                "display_value": "Bob Example, Ann Example"
            },
            {
                "gid": gid(&date), "date_value": {"date": "2026-03-09", "date_time": null},
                "display_value": "2026-03-09T00:00:00.000Z"
            },
            {
                "gid": gid(&many), "multi_enum_values": [{"gid": high, "name": "High"}, {"gid": low, "name": "Low"}],
                "display_value": "High, Low"
            },
            {
                "gid": gid(&one), "enum_value": {"gid": gid(&one["enum_options"][1]), "name": "High"},
                "display_value": "High"
            },
            {
                "gid": gid(&number), "number_value": 1234.57, "currency_code": "EUR", "display_value": "€1,234.57"
            },
            {
                "gid": gid(&text), "display_value": "Less, but <better>",
                "html_text_value": "<body>Less, but &lt;better&gt;</body>", "text_value": "Less, but <better>"
            }
        ])
    );

    // Cleared again.
    let nothing: serde_json::Map<String, Json> = all.iter().map(|field| (field.clone(), json!(null))).collect();
    assert_eq!(ann.put(&path, json!({"custom_fields": nothing})).await.ok()["custom_fields"], empty);
    let rows = small.world.write(|call| {
        let values = call.number("SELECT count(*) FROM custom_field_values", &[])?;
        Ok((values, call.number("SELECT count(*) FROM custom_field_value_items", &[])?))
    });
    assert_eq!(rows.await, (Some(0), Some(0)));

    // At once with the task.
    let body = json!({"name": "New", "projects": [project], "custom_fields": {gid(&text): "Born with it"}});
    let created = ann.post("/tasks", body).await.created();
    assert_eq!(created["custom_fields"][5]["display_value"], "Born with it");
});

both!(numbers_are_rounded_and_shown, small, |small: Small| async move {
    let ann = &small.ann;
    let project = project(ann, &small, "Plan", "public_to_workspace").await;
    let task = task(ann, &[&project]).await;
    for (at, (settings, written, kept, reads)) in [
        (json!({}), json!(2.5), json!(3), "3"),
        (json!({"precision": 2}), json!(1.234), json!(1.23), "1.23"),
        (json!({"precision": 2}), json!(1.005), json!(1.01), "1.01"),
        (json!({"precision": 2}), json!(5), json!(5), "5.00"),
        (json!({"precision": 6}), json!(0.1234567), json!(0.123457), "0.123457"),
        (json!({"precision": 1}), json!("12.34"), json!(12.3), "12.3"),
        (json!({"precision": 0}), json!(-0.4), json!(0), "0"),
        (json!({"precision": 0}), json!(1e18), json!(1e18), "1000000000000000000"),
        (json!({"precision": 0, "format": "percentage"}), json!(0.255), json!(0.26), "26%"),
        (json!({"precision": 1, "format": "percentage"}), json!(0.2514), json!(0.251), "25.1%"),
        (json!({"format": "identifier"}), json!(41.7), json!(42), "42"),
        (json!({"format": "duration"}), json!(90), json!(90), "1h 30m"),
        (json!({"format": "custom", "custom_label": "pieces"}), json!(5), json!(5), "5 pieces"),
        (
            json!({"format": "custom", "custom_label": "No.", "custom_label_position": "prefix"}),
            json!(7),
            json!(7),
            "No. 7",
        ),
        (
            json!({"precision": 2, "format": "currency", "currency_code": "CHF"}),
            json!(-1000.5),
            json!(-1000.5),
            "-CHF\u{a0}1,000.50",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut more = json!({"resource_subtype": "number"});
        for (name, value) in settings.as_object().expect("an object") {
            more[name] = value.clone();
        }
        let number = gid(&field(ann, &small, &format!("Number {at}"), more).await);
        attach(ann, &project, &[&number]).await;
        set(ann, &task, &number, written.clone()).await.ok();
        let shown = value(ann, &task, &number, "number_value").await;
        assert_eq!(shown[0].as_f64(), kept.as_f64(), "{written} in {settings}");
        assert_eq!(shown[1], reads, "{written} in {settings}");
    }
    // Zero is a value.
    let zero = gid(&field(ann, &small, "Zero", json!({"resource_subtype": "number"})).await);
    attach(ann, &project, &[&zero]).await;
    set(ann, &task, &zero, json!(0)).await.ok();
    assert_eq!(value(ann, &task, &zero, "number_value").await, json!([0, "0"]));
    // A value outlives another precision; it is only shown otherwise.
    ann.put(&format!("/custom_fields/{zero}"), json!({"precision": 2})).await.ok();
    set(ann, &task, &zero, json!(1.25)).await.ok();
    ann.put(&format!("/custom_fields/{zero}"), json!({"precision": 1})).await.ok();
    assert_eq!(value(ann, &task, &zero, "number_value").await, json!([1.25, "1.3"]));
});

both!(dates_and_texts_as_written, small, |small: Small| async move {
    let ann = &small.ann;
    let project = project(ann, &small, "Plan", "public_to_workspace").await;
    let task = task(ann, &[&project]).await;
    let date = gid(&field(ann, &small, "Launch", json!({"resource_subtype": "date"})).await);
    let text = gid(&field(ann, &small, "Motto", json!({})).await);
    attach(ann, &project, &[&date, &text]).await;

    set(ann, &task, &date, json!({"date_time": "2026-03-09T23:30:00+02:00"})).await.ok();
    let moment = "2026-03-09T21:30:00.000Z";
    assert_eq!(
        value(ann, &task, &date, "date_value").await,
        json!([{"date": "2026-03-09", "date_time": moment}, moment])
    );
    assert_eq!(
        shown(ann, &task, "date_value.date,display_value").await[0],
        json!({"gid": date, "date_value": {"date": "2026-03-09"}, "display_value": moment})
    );
    set(ann, &task, &date, json!({"date": "2026-03-10", "date_time": null})).await.ok();
    let day = json!({"date": "2026-03-10", "date_time": null});
    assert_eq!(value(ann, &task, &date, "date_value").await, json!([day, "2026-03-10T00:00:00.000Z"]));
    for nothing in [json!({"date": null}), json!({"date": null, "date_time": null}), json!(""), json!(null)] {
        set(ann, &task, &date, json!({"date": "2026-03-10"})).await.ok();
        set(ann, &task, &date, nothing).await.ok();
        assert_eq!(value(ann, &task, &date, "date_value").await, json!([null, null]));
    }

    let long = "ö".repeat(1024);
    for written in ["x", "  spaces stay ", "\"quoted\" \\ and\nbroken", "🎉", &long] {
        set(ann, &task, &text, json!(written)).await.ok();
        assert_eq!(value(ann, &task, &text, "text_value").await, json!([written, written]));
    }
    set(ann, &task, &text, json!("")).await.ok();
    assert_eq!(value(ann, &task, &text, "text_value").await, json!([null, null]));
    assert_eq!(value(ann, &task, &text, "html_text_value").await, json!([null, null]));
});

both!(wrong_values_are_refused, small, |small: Small| async move {
    let ann = &small.ann;
    let project = project(ann, &small, "Plan", "public_to_workspace").await;
    let task = task(ann, &[&project]).await;
    let options = json!([{"name": "Low"}, {"name": "High"}]);
    let text = gid(&field(ann, &small, "Motto", json!({})).await);
    let number = gid(&field(ann, &small, "Cost", json!({"resource_subtype": "number"})).await);
    let one = field(ann, &small, "Priority", json!({"resource_subtype": "enum", "enum_options": options})).await;
    let many = field(ann, &small, "Areas", json!({"resource_subtype": "multi_enum", "enum_options": options})).await;
    let date = gid(&field(ann, &small, "Launch", json!({"resource_subtype": "date"})).await);
    let people = gid(&field(ann, &small, "Reviewers", json!({"resource_subtype": "people"})).await);
    let loose = gid(&field(ann, &small, "Loose", json!({})).await);
    let private = json!({"privacy_setting": "private"});
    let hidden = gid(&field(&small.bob, &small, "Hidden", private).await);
    let (low, alien) = (gid(&one["enum_options"][0]), gid(&many["enum_options"][0]));
    let (one, many) = (gid(&one), gid(&many));
    attach(ann, &project, &[&text, &number, &one, &many, &date, &people]).await;
    attach(&small.bob, &project, &[&hidden]).await;
    let stranger = small.stranger.user.to_string();

    let before = ann.get(&format!("/tasks/{task}")).await.ok();
    for (field, value, message) in [
        (&text, json!(5), "Value is not a string: 5"),
        (&text, json!(["x"]), "Value is not a string: [\"x\"]"),
        (&text, json!("x".repeat(1025)), "Value is longer than 1024 characters"),
        (&text, json!("a\0b"), "Value must not contain NUL characters"),
        (&number, json!("five"), "Value is not a number: five"),
        (&number, json!(true), "Value is not a number: true"),
        (&number, json!({"number_value": 5}), "Value is not a number: {\"number_value\":5}"),
        (&number, json!("inf"), "Value is not a number: inf"),
        (&one, json!(5), "Not a valid GID type: number"),
        (&one, json!({"gid": low}), "Not a valid GID type: object"),
        (&one, json!("High"), "Not a Long: High"),
        (&one, json!("12"), "Unknown object: 12"),
        (&one, json!(alien), &format!("Unknown object: {alien}")),
        (&many, json!({"gid": alien}), &format!("Value is not an array: {{\"gid\":\"{alien}\"}}")),
        (&many, json!([alien, 5]), "[1]: Not a valid GID type: number"),
        (&many, json!(["High"]), "[0]: Not a recognized ID: High"),
        (&many, json!([alien, low]), &format!("[1]: Unknown object: {low}")),
        (&date, json!("2026-03-09"), "Value is not a JSON object: 2026-03-09"),
        (&date, json!({}), "You should specify one of date, date_time"),
        (&date, json!({"date": "soon"}), "date: Date must be in ISO-8601 (yyyy-mm-dd) format, not: soon"),
        (&date, json!({"date": "2026-02-30"}), "date: Date must be in ISO-8601 (yyyy-mm-dd) format, not: 2026-02-30"),
        (
            &date,
            json!({"date_time": "noon"}),
            "date_time: Time must be in ISO-8601 (yyyy-mm-ddThh:mm:ssZ) format, not: noon",
        ),
        (&people, json!(5), "Value is not an array: 5"),
        (&people, json!(["me", "nobody"]), "[1]: Not a user in Organization: nobody"),
        (&people, json!(["who@nowhere.example"]), "[0]: Not a user in Organization: who@nowhere.example"),
        (&people, json!([stranger]), &format!("[0]: Not a user in Organization: {stranger}")),
        (&people, json!(["12"]), "[0]: Not a user in Organization: 12"),
    ] {
        set(ann, &task, field, value).await.refused(400, &format!("custom_fields: {field}: {message}"));
    }
    for unknown in [&loose, &hidden, &"12".to_owned(), &"Motto".to_owned(), &String::new()] {
        let message = format!("Custom field with ID {unknown} is not on given object");
        set(ann, &task, unknown, json!("x")).await.refused(400, &message);
        set(ann, &task, unknown, json!(null)).await.refused(400, &message);
    }
    for (value, message) in [
        (json!("High"), "custom_fields: Value is not a JSON object: High"),
        (json!([]), "custom_fields: Value is not a JSON object: []"),
        (json!(null), "custom_fields: Value must not be null"),
    ] {
        ann.put(&format!("/tasks/{task}"), json!({"custom_fields": value})).await.refused(400, message);
    }
    // A refused value takes the others with it.
    let both = json!({"name": "Renamed", "custom_fields": {text.as_str(): "x", number.as_str(): "y"}});
    let message = format!("custom_fields: {number}: Value is not a number: y");
    ann.put(&format!("/tasks/{task}"), both).await.refused(400, &message);
    assert_eq!(ann.get(&format!("/tasks/{task}")).await.ok(), before);
    // A task without a project has no fields, and who may only look writes none.
    let loose_task = create(ann, "/tasks", json!({"workspace": small.workspace, "name": "Loose"})).await;
    let message = format!("Custom field with ID {text} is not on given object");
    set(ann, &loose_task, &text, json!("x")).await.refused(400, &message);
    let message = format!("task: Not a recognized ID: {task}");
    set(&small.stranger, &task, &text, json!("x")).await.refused(404, &message);
});

both!(disabled_options_stay_where_they_are, small, |small: Small| async move {
    let ann = &small.ann;
    let project = project(ann, &small, "Plan", "public_to_workspace").await;
    let (task, other) = (task(ann, &[&project]).await, task(ann, &[&project]).await);
    let options = json!([{"name": "Low"}, {"name": "High"}]);
    let one = field(ann, &small, "Priority", json!({"resource_subtype": "enum", "enum_options": options})).await;
    let many = field(ann, &small, "Areas", json!({"resource_subtype": "multi_enum", "enum_options": options})).await;
    let (low, high) = (gid(&one["enum_options"][0]), gid(&one["enum_options"][1]));
    let (north, south) = (gid(&many["enum_options"][0]), gid(&many["enum_options"][1]));
    let (one, many) = (gid(&one), gid(&many));
    attach(ann, &project, &[&one, &many]).await;
    set(ann, &task, &one, json!(low)).await.ok();
    set(ann, &task, &many, json!([north])).await.ok();
    for option in [&low, &north] {
        ann.put(&format!("/enum_options/{option}"), json!({"enabled": false})).await.ok();
    }

    assert_eq!(value(ann, &task, &one, "name").await[1], "Low");
    assert_eq!(
        shown(ann, &task, "enum_value").await[0]["enum_value"],
        json!({"gid": low, "resource_type": "enum_option", "color": "none", "enabled": false, "name": "Low"})
    );
    set(ann, &task, &one, json!(low)).await.ok();
    set(ann, &task, &many, json!([south, north])).await.ok();
    assert_eq!(value(ann, &task, &many, "name").await[1], "High, Low");
    let message = format!("custom_fields: {one}: Enum option is disabled: {low}");
    set(ann, &other, &one, json!(low)).await.refused(400, &message);
    let message = format!("custom_fields: {many}: [1]: Enum option is disabled: {north}");
    set(ann, &other, &many, json!([south, north])).await.refused(400, &message);
    set(ann, &task, &one, json!(high)).await.ok();
    let message = format!("custom_fields: {one}: Enum option is disabled: {low}");
    set(ann, &task, &one, json!(low)).await.refused(400, &message);
});

both!(a_task_has_the_fields_of_its_visible_projects, small, |small: Small| async move {
    let (ann, cat, guest) = (&small.ann, &small.cat, &small.guest);
    let open = project(ann, &small, "Open", "public_to_workspace").await;
    let secret = project(ann, &small, "Secret", "private").await;
    let last = project(ann, &small, "Last", "public_to_workspace").await;
    let a = gid(&field(ann, &small, "A", json!({})).await);
    let b = gid(&field(ann, &small, "B", json!({})).await);
    let c = gid(&field(ann, &small, "C", json!({"privacy_setting": "public"})).await);
    let own = gid(&field(ann, &small, "Own", json!({"privacy_setting": "private"})).await);
    attach(ann, &open, &[&c, &a]).await;
    attach(ann, &secret, &[&b, &a, &own]).await;
    attach(ann, &last, &[&own, &b]).await;
    let task = task(ann, &[&open, &secret]).await;
    let names = async |client: &Client, task: &str| -> Vec<String> {
        let fields = shown(client, task, "name").await;
        let fields = fields.as_array().expect("a list").iter();
        fields.map(|field| field["name"].as_str().unwrap_or("").to_owned()).collect()
    };

    // Each field once, the first project's before the next one's.
    assert_eq!(names(ann, &task).await, ["C", "A", "B", "Own"]);
    for (field, value) in [(&a, "in both"), (&b, "in the secret one"), (&c, "members only"), (&own, "mine")] {
        set(ann, &task, field, json!(value)).await.ok();
    }
    assert_eq!(names(cat, &task).await, ["C", "A"]);
    let message = format!("Custom field with ID {b} is not on given object");
    set(cat, &task, &b, json!("x")).await.refused(400, &message);
    set(cat, &task, &a, json!("Cat's")).await.ok();
    assert_eq!(value(ann, &task, &a, "text_value").await[0], "Cat's");

    // In the list of a project too.
    let listed = cat.get(&format!("/projects/{open}/tasks?opt_fields=custom_fields.display_value")).await.ok();
    assert_eq!(
        listed[0]["custom_fields"],
        json!([{"gid": c, "display_value": "members only"}, {"gid": a, "display_value": "Cat's"}])
    );

    // A guest sees no project, and when a project is shared, no field that is for members.
    guest.get(&format!("/tasks/{task}")).await.refused(403, "You do not have access to this task.");
    ann.post(&format!("/tasks/{task}/addFollowers"), json!({"followers": [guest.user.to_string()]})).await.ok();
    assert_eq!(names(guest, &task).await, Vec::<String>::new());
    let message = format!("Custom field with ID {a} is not on given object");
    set(guest, &task, &a, json!("x")).await.refused(400, &message);
    ann.post(&format!("/projects/{open}/addMembers"), json!({"members": [guest.user.to_string()]})).await.ok();
    assert_eq!(names(guest, &task).await, ["A"]);

    // Where the task moves to, its values follow when the fields are there.
    ann.post(&format!("/tasks/{task}/addProject"), json!({"project": last})).await.ok();
    assert_eq!(names(cat, &task).await, ["C", "A", "B"]);
    assert_eq!(value(cat, &task, &b, "text_value").await[0], "in the secret one");
    ann.post(&format!("/tasks/{task}/removeProject"), json!({"project": secret})).await.ok();
    ann.post(&format!("/tasks/{task}/removeProject"), json!({"project": open})).await.ok();
    assert_eq!(names(ann, &task).await, ["Own", "B"]);
    ann.post(&format!("/tasks/{task}/addProject"), json!({"project": open})).await.ok();
    assert_eq!(names(ann, &task).await, ["C", "A", "Own", "B"]);
    assert_eq!(value(ann, &task, &a, "text_value").await[0], "Cat's");

    // A deleted field is on no task, nor are the fields of a deleted project.
    ann.delete(&format!("/custom_fields/{a}")).await.ok();
    assert_eq!(names(ann, &task).await, ["C", "Own", "B"]);
    ann.delete(&format!("/projects/{last}")).await.ok();
    assert_eq!(names(ann, &task).await, ["C"]);
    let message = format!("Custom field with ID {a} is not on given object");
    set(ann, &task, &a, json!("x")).await.refused(400, &message);
});

both!(guests_name_only_whom_they_know, small, |small: Small| async move {
    let (ann, guest) = (&small.ann, &small.guest);
    let project = project(ann, &small, "Plan", "private").await;
    let people = gid(&field(ann, &small, "Reviewers", json!({"resource_subtype": "people"})).await);
    attach(ann, &project, &[&people]).await;
    let task = task(ann, &[&project]).await;
    ann.post(&format!("/projects/{project}/addMembers"), json!({"members": [guest.user.to_string()]})).await.ok();
    set(guest, &task, &people, json!(["me", ann.user.to_string()])).await.ok();
    for unknown in ["cat@acme.example", "nobody@acme.example", &small.cat.user.to_string()] {
        let message = format!("custom_fields: {people}: [0]: Not a user in Organization: {unknown}");
        set(guest, &task, &people, json!([unknown])).await.refused(400, &message);
    }
    // Whom somebody else has named, the guest sees.
    set(ann, &task, &people, json!(["cat@acme.example"])).await.ok();
    assert_eq!(value(guest, &task, &people, "name").await, json!(["Reviewers", "Cat Example"]));
});

both!(changes_are_told, small, |small: Small| async move {
    let (ann, bob) = (&small.ann, &small.bob);
    let project = project(ann, &small, "Plan", "public_to_workspace").await;
    let task = task(ann, &[&project]).await;
    let options = json!([{"name": "Low"}, {"name": "High"}]);
    let text = gid(&field(ann, &small, "Motto", json!({})).await);
    let number = gid(&field(ann, &small, "Cost", json!({"resource_subtype": "number"})).await);
    let one = field(ann, &small, "Priority", json!({"resource_subtype": "enum", "enum_options": options})).await;
    let many = field(ann, &small, "Areas", json!({"resource_subtype": "multi_enum", "enum_options": options})).await;
    let date = gid(&field(ann, &small, "Launch", json!({"resource_subtype": "date"})).await);
    let people = gid(&field(ann, &small, "Reviewers", json!({"resource_subtype": "people"})).await);
    let (low, high) = (gid(&one["enum_options"][0]), gid(&one["enum_options"][1]));
    let (north, south) = (gid(&many["enum_options"][0]), gid(&many["enum_options"][1]));
    let (one, many) = (gid(&one), gid(&many));
    attach(ann, &project, &[&text, &number, &one, &many, &date, &people]).await;

    let steps = [
        (&text, json!("a"), "changed Motto to \"a\""),
        (&text, json!("b"), "changed Motto from \"a\" to \"b\""),
        (&text, json!(null), "cleared Motto"),
        (&number, json!(5), "changed Cost to 5"),
        (&number, json!(6), "changed Cost from 5 to 6"),
        (&one, json!(low), "changed Priority to Low"),
        (&one, json!(high), "changed Priority from Low to High"),
        (&many, json!([north]), "changed Areas to Low"),
        (&many, json!([south, north]), "changed Areas from Low to High, Low"),
        (&people, json!(["bob@acme.example"]), "changed Reviewers to Bob Example"),
        (&people, json!([]), "cleared Reviewers"),
    ];
    for (field, value, _) in &steps {
        set(ann, &task, field, value.clone()).await.ok();
        // The same again is no change.
        set(ann, &task, field, value.clone()).await.ok();
    }
    set(ann, &task, &date, json!({"date": "2026-03-09"})).await.ok();
    set(ann, &task, &date, json!({"date": "2026-03-09", "date_time": null})).await.ok();
    let stories =
        bob.get(&format!("/tasks/{task}/stories?opt_fields=text,resource_subtype,custom_field.name")).await.ok();
    let told: Vec<&Json> = stories
        .as_array()
        .expect("a list")
        .iter()
        .filter(|story| story["resource_subtype"].as_str().is_some_and(|subtype| subtype.contains("custom_field")))
        .collect();
    assert_eq!(told.len(), steps.len() + 1, "{stories}");
    for (story, (field, _, text)) in told.iter().zip(&steps) {
        assert_eq!(story["text"], format!("Ann Example {text}"));
        assert_eq!(story["custom_field"]["gid"], **field);
    }
    assert_eq!(told[steps.len()]["resource_subtype"], "date_custom_field_changed");

    let (task, project): (i64, i64) = (task.parse().expect("a number"), project.parse().expect("a number"));
    let heard = small
        .world
        .write(move |call| {
            call.numbers(
                "SELECT c.value FROM changes c CROSS JOIN change_routes r WHERE r.container_id = ?2 \
                 AND c.set_id = r.set_id AND c.object_id = ?1 AND c.field = 'custom_fields' ORDER BY c.set_id, c.number",
                &[task.into(), project.into()],
            )
        })
        .await;
    let expected: Vec<i64> =
        steps.iter().map(|(field, ..)| *field).chain([&date]).map(|field| field.parse().expect("a number")).collect();
    assert_eq!(heard, expected);
});

both!(forms_write_values_too, small, |small: Small| async move {
    let ann = &small.ann;
    let project = project(ann, &small, "Plan", "public_to_workspace").await;
    let task = task(ann, &[&project]).await;
    let number = gid(&field(ann, &small, "Cost", json!({"resource_subtype": "number", "precision": 1})).await);
    let options = json!([{"name": "Low"}, {"name": "High"}]);
    let many = field(ann, &small, "Areas", json!({"resource_subtype": "multi_enum", "enum_options": options})).await;
    let date = gid(&field(ann, &small, "Launch", json!({"resource_subtype": "date"})).await);
    let (low, high) = (gid(&many["enum_options"][0]), gid(&many["enum_options"][1]));
    let many = gid(&many);
    attach(ann, &project, &[&number, &many, &date]).await;
    let form = Some("application/x-www-form-urlencoded");
    let body = format!(
        "custom_fields[{number}]=4.25&custom_fields[{many}]={high},{low}&custom_fields[{date}][date]=2026-03-09\
         &opt_fields=custom_fields.display_value"
    );
    let answer = ann.send(Method::Put, &format!("/tasks/{task}"), body.as_bytes(), form).await.ok();
    assert_eq!(
        answer["custom_fields"],
        json!([
            {"gid": number, "display_value": "4.3"}, {"gid": many, "display_value": "High, Low"},
            {"gid": date, "display_value": "2026-03-09T00:00:00.000Z"}
        ])
    );
    let body =
        format!("custom_fields[{number}]=&custom_fields[{many}]=&custom_fields[0{date}]=&custom_fields[{date}]=");
    ann.send(Method::Put, &format!("/tasks/{task}"), body.as_bytes(), form).await.ok();
    assert_eq!(shown(ann, &task, "number_value").await[0], json!({"gid": number, "number_value": null}));
});
