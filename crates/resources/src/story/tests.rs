use std::ops::Deref;

use engine::access::Viewer;
use engine::field::Source;
use serde_json::json;
use testkit::{Client, Engine, both, gid};

use super::subtype::*;
use super::*;
use crate::project::{Facts, set_grants};
use crate::world::{Small, small};

/// A task in a project that Ann administers, where Bob comments and Cat looks on, and in a project of Ann's alone.
struct Board {
    small: Small,
    open: i64,
    hidden: i64,
    task: i64,
}

impl Deref for Board {
    type Target = Small;

    fn deref(&self) -> &Small {
        &self.small
    }
}

/// The stories that the making of a board writes: the task came into two projects.
const FIRST: usize = 2;

async fn board(engine: Engine) -> Board {
    let small = small(engine).await;
    let project = |name| json!({"workspace": small.workspace, "name": name, "privacy_setting": "private"});
    let open = create(&small.ann, "/projects", project("Launch")).await;
    let hidden = create(&small.ann, "/projects", project("Secrets")).await;
    let task = json!({"name": "Write it down", "projects": [open.to_string(), hidden.to_string()]});
    let task = create(&small.ann, "/tasks", task).await;
    let (bob, cat) = (small.bob.user, small.cat.user);
    small
        .world
        .write(move |call| {
            let project = Facts::of(call, open)?;
            project.add_member(call, bob, Level::Commenter)?;
            project.add_member(call, cat, Level::Viewer)?;
            set_grants(call, open)
        })
        .await;
    Board { small, open, hidden, task }
}

async fn create(client: &Client, path: &str, body: Json) -> i64 {
    gid(&client.post(path, body).await.created()).parse().expect("a number")
}

/// Attaches a custom field to a project.
fn attach(call: &mut Call<'_>, workspace: i64, project: i64, field: i64) -> Result<()> {
    let setting = call.gid()?;
    let columns = [
        ("gid", setting.into()),
        ("workspace_id", workspace.into()),
        ("parent_id", project.into()),
        ("custom_field_id", field.into()),
        ("is_important", false.into()),
        ("rank", "n".into()),
    ];
    call.insert("custom_field_settings", &columns);
    Ok(())
}

/// Writes a system story as somebody.
fn write_as(call: &mut Call<'_>, user: i64, story: &SystemStory<'_>) -> Result<i64> {
    let viewer = Viewer { user, ..Viewer::default() };
    let (now, shared) = (call.now, call.shared);
    Call::run(call.write()?, &viewer, shared, now, |call| write_system_story(call, story))
}

async fn texts(client: &Client, task: i64) -> Vec<String> {
    let stories = client.get(&format!("/tasks/{task}/stories?opt_fields=text")).await.ok();
    let stories = stories.as_array().expect("a list");
    stories.iter().map(|story| story["text"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn the_fields_of_stories_agree_with_the_table_of_subtypes() {
    let shows = |name: &str, subtype: &str| {
        let field = STORY.field(name).unwrap_or_else(|| panic!("{name} is a field"));
        field.only.contains(&subtype)
    };
    for known in SUBTYPES {
        assert!(known.object.is_empty() || shows(known.object, known.name), "{}", known.name);
        for when in ["old", "new"].iter().filter(|_| !known.change.is_empty()) {
            assert!(shows(&format!("{when}_{}", known.change), known.name), "{}", known.name);
        }
    }
    for field in STORY.fields {
        for subtype in field.only.iter().filter(|subtype| **subtype != COMMENT_ADDED) {
            let known = SUBTYPES.iter().find(|known| known.name == *subtype).expect("a known subtype");
            let change = field.name.strip_prefix("old_").or(field.name.strip_prefix("new_"));
            assert!(change == Some(known.change) || known.object == field.name, "{} of {subtype}", field.name);
        }
        if let Source::Member { column, .. } | Source::Listed { column, .. } = field.source {
            assert_eq!(column, "details", "{}", field.name);
        }
    }
}

both!(a_comment_lives, board, |board: Board| async move {
    let Board { small: Small { ann, bob, world, .. }, task, .. } = &board;
    let list = format!("/tasks/{task}/stories");
    world.clock.advance(60_000);
    let answer = bob.post(&list, json!({"text": "Is 1 < 2?", "sticker_name": "heart"})).await;
    let comment = answer.created();
    let path = format!("/stories/{}", gid(&comment));
    assert_eq!(answer.response.location, Some(format!("/api/1.0{path}")));
    let bob_compact = json!({"gid": bob.user.to_string(), "resource_type": "user", "name": "Bob Example"});
    assert_eq!(
        comment,
        json!({
            "gid": gid(&comment), "resource_type": "story", "created_at": "2026-03-02T10:01:00.000Z",
            "created_by": bob_compact, "hearted": false, "hearts": [], "is_editable": true, "is_edited": false,
            "is_pinned": false, "liked": false, "likes": [], "num_hearts": 0, "num_likes": 0, "reaction_summary": [],
            "resource_subtype": "comment_added", "source": "api", "sticker_name": "heart",
            "target": {
                "gid": task.to_string(), "resource_type": "task", "name": "Write it down",
                "resource_subtype": "default_task"
            },
            "text": "Is 1 < 2?", "type": "comment"
        })
    );
    let body = String::from_utf8(answer.response.body).expect("text");
    let mut rest = body.as_str();
    for key in "gid resource_type created_at created_by hearted hearts is_editable is_edited is_pinned liked likes \
        num_hearts num_likes resource_subtype source sticker_name target text type"
        .split(' ')
    {
        rest = rest.split_once(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{key} has its place: {body}")).1;
    }
    assert_eq!(
        ann.get(&list).await.ok()[FIRST],
        json!({
            "gid": gid(&comment), "resource_type": "story", "created_at": "2026-03-02T10:01:00.000Z",
            "created_by": bob_compact, "resource_subtype": "comment_added", "text": "Is 1 < 2?"
        })
    );
    assert_eq!(
        ann.get(&format!("{path}?opt_fields=html_text,is_editable,stored_text,old_name")).await.ok(),
        json!({"gid": gid(&comment), "html_text": "<body>Is 1 &lt; 2?</body>", "is_editable": false})
    );

    let edit = json!({"html_text": "<body><strong>Yes</strong>, it is</body>", "sticker_name": null});
    let edited = bob.put(&format!("{path}?opt_fields=text,html_text,is_edited,sticker_name"), edit).await.ok();
    assert_eq!(
        edited,
        json!({
            "gid": gid(&comment), "html_text": "<body><strong>Yes</strong>, it is</body>", "is_edited": true,
            "sticker_name": null, "text": "Yes, it is"
        })
    );
    ann.put(&path, json!({"text": "No"})).await.refused(403, "Forbidden");
    ann.put(&path, json!({"sticker_name": "trophy"})).await.refused(403, "Forbidden");
    assert_eq!(ann.put(&path, json!({"is_pinned": true})).await.ok()["is_pinned"], json!(true));
    let not_allowed = "You do not have permission to change this task.";
    bob.put(&path, json!({"is_pinned": false})).await.refused(403, not_allowed);
    bob.post(&list, json!({"text": "Pin me", "is_pinned": true})).await.refused(403, not_allowed);

    ann.delete(&path).await.refused(403, "Forbidden");
    world.clock.advance(60_000);
    assert_eq!(bob.delete(&path).await.ok(), json!({}));
    bob.get(&path).await.refused(404, &format!("story: Unknown object: {}", gid(&comment)));
    assert_eq!(ann.get(&list).await.ok().as_array().map(Vec::len), Some(FIRST));
    let task = bob.get(&format!("/tasks/{task}?opt_fields=followers.name,modified_at")).await.ok();
    assert_eq!(task["modified_at"], json!("2026-03-02T10:02:00.000Z"));
    let follower = |client: &Client, name: &str| json!({"gid": client.user.to_string(), "name": name});
    assert_eq!(task["followers"], json!([follower(ann, "Ann Example"), follower(bob, "Bob Example")]));
});

both!(wrong_comments_are_refused, board, |board: Board| async move {
    let list = format!("/tasks/{}/stories", board.task);
    let long = "x".repeat(TEXT_LENGTH + 1);
    for (body, message) in [
        (json!({}), "text: Missing input"),
        (json!({"text": " \n"}), "text: Missing input"),
        (json!({"html_text": "<body> </body>"}), "html_text: Missing input"),
        (json!({"text": "a", "html_text": "<body>a</body>"}), "You may only provide one of text or html_text!"),
        (json!({"html_text": "a"}), "Rich text should be wrapped in <body> tag."),
        (json!({"html_text": "<body><p>a</p></body>"}), "XML is invalid"),
        (json!({"text": null}), "text: Value must not be null"),
        (json!({"text": 5}), "text: Value is not a string: 5"),
        (json!({"text": long}), "text: Value is longer than 65535 characters"),
        (json!({"text": "a", "is_pinned": "yes"}), "is_pinned: Value is not a boolean: yes"),
        (json!({"text": "a", "type": "system"}), "type: Cannot write this property"),
        (json!({"text": "a", "created_by": "me"}), "created_by: Cannot write this property"),
    ] {
        board.ann.post(&list, body).await.refused(400, message);
    }
    let sticker = board.ann.post(&list, json!({"text": "a", "sticker_name": "moon"})).await;
    let message = sticker.json["errors"][0]["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("sticker_name: Not a recognized value: moon. Use one of: green"), "{message}");
    assert_eq!(texts(&board.ann, board.task).await.len(), FIRST);
});

both!(only_those_who_see_the_task_see_its_stories, board, |board: Board| async move {
    let Board { small: Small { ann, cat, guest, stranger, .. }, task, .. } = &board;
    let list = format!("/tasks/{task}/stories");
    let comment = gid(&ann.post(&list, json!({"text": "Hello"})).await.created());
    let path = format!("/stories/{comment}");

    cat.get(&path).await.ok();
    cat.post(&list, json!({"text": "Me too"})).await.refused(403, "You do not have permission to change this task.");
    let not_allowed = "You do not have permission to change this story.";
    cat.put(&path, json!({"text": "x"})).await.refused(403, not_allowed);
    cat.delete(&path).await.refused(403, not_allowed);

    guest.get(&list).await.refused(403, "You do not have access to this task.");
    guest.post(&list, json!({"text": "x"})).await.refused(403, "You do not have access to this task.");
    guest.get(&path).await.refused(403, "You do not have access to this story.");
    guest.delete(&path).await.refused(403, "You do not have access to this story.");
    stranger.get(&list).await.refused(404, &format!("task: Not a recognized ID: {task}"));
    stranger.get(&path).await.refused(404, &format!("story: Not a recognized ID: {comment}"));
    stranger.put(&path, json!({"text": "x"})).await.refused(404, &format!("story: Not a recognized ID: {comment}"));
    ann.get("/stories/abc").await.refused(400, "story: Not a Long: abc");
    ann.get(&format!("/stories/{task}")).await.refused(404, &format!("story: Not a recognized ID: {task}"));

    ann.delete(&format!("/tasks/{task}")).await.ok();
    ann.get(&list).await.refused(404, &format!("task: Unknown object: {task}"));
    ann.get(&path).await.refused(403, "You do not have access to this story.");
    ann.put(&path, json!({"text": "x"})).await.refused(403, "You do not have access to this story.");
});

both!(system_stories_name_nothing_that_is_hidden, board, |board: Board| async move {
    let Board { small: Small { ann, bob, cat, world, workspace, .. }, open, hidden, task } = &board;
    let other = json!({"name": "Buy ink", "projects": [hidden.to_string()]});
    let other = create(ann, "/tasks", other).await;
    let first = create(ann, &format!("/projects/{open}/sections"), json!({"name": "To do"})).await;
    let second = create(ann, &format!("/projects/{open}/sections"), json!({"name": "Done"})).await;
    let inner = create(ann, &format!("/projects/{hidden}/sections"), json!({"name": "Plot"})).await;
    let tag = create(ann, "/tags", json!({"workspace": workspace, "name": "urgent"})).await;
    let salary = json!({
        "workspace": workspace, "name": "Salary", "resource_subtype": "enum", "privacy_setting": "private",
        "enum_options": [{"name": "Low"}, {"name": "High"}]
    });
    let salary = ann.post("/custom_fields", salary).await.created();
    let number = |record: &Json| gid(record).parse::<i64>().expect("a number");
    let (low, high) = (number(&salary["enum_options"][0]), number(&salary["enum_options"][1]));
    let salary = number(&salary);

    let (author, bob_id, cat_id) = (ann.user, bob.user, cat.user);
    let (workspace, open, hidden, task) = (workspace.parse().expect("a number"), *open, *hidden, *task);
    let told = world.write(move |call| {
        let only = |subtype| SystemStory { target: task, workspace, subtype, ..SystemStory::default() };
        let about = |subtype, object| SystemStory { object: Some(object), ..only(subtype) };
        let moved = |object, old, new| SystemStory { old, new, ..about(SECTION_CHANGED, object) };
        let detailed = |subtype, details| SystemStory { details: Some(details), ..only(subtype) };
        let dated = |subtype, old: &Json, new: &Json| detailed(subtype, json!({"old_dates": old, "new_dates": new}));
        let valued = |subtype, details| SystemStory { details: Some(details), ..about(subtype, salary) };
        let (none, due) = (dates(None, None, None), dates(None, Some("2026-11-12"), None));
        let (started, next_year) = (
            dates(Some("2026-11-10"), Some("2026-11-12"), None), dates(None, None, Some(1_798_797_600_000))
        );
        // What Ann reads, and what Bob reads when that differs.
        #[rustfmt::skip]
        let stories = [
            (about(ADDED_TO_PROJECT, open), "added this task to Launch", ""),
            (about(ADDED_TO_PROJECT, hidden), "added this task to Secrets", "added this task to a private project"),
            (about(REMOVED_FROM_PROJECT, hidden), "removed this task from Secrets", "removed this task from a private project"),
            (moved(open, Some(first), Some(second)), "moved this task from \"To do\" to \"Done\" in Launch", ""),
            (moved(open, None, Some(second)), "moved this task to \"Done\" in Launch", ""),
            (moved(hidden, Some(inner), Some(inner)), "moved this task from \"Plot\" to \"Plot\" in Secrets", "moved this task to another section in a private project"),
            (about(ASSIGNED, bob_id), "assigned to Bob Example", "assigned to you"),
            (about(UNASSIGNED, author), "unassigned from you", "unassigned from Ann Example"),
            (only(MARKED_COMPLETE), "marked this task complete", ""),
            (only(MARKED_INCOMPLETE), "marked this task incomplete", ""),
            (dated(DUE_DATE_CHANGED, &none, &due), "changed the due date to Nov 12", ""),
            (dated(DUE_DATE_CHANGED, &none, &next_year), "changed the due date to Jan 1, 2027", ""),
            (dated(DUE_DATE_CHANGED, &due, &none), "removed the due date", ""),
            (dated(START_DATE_CHANGED, &due, &started), "changed the start date to Nov 10", ""),
            (dated(START_DATE_CHANGED, &started, &due), "removed the start date", ""),
            (detailed(NAME_CHANGED, json!({"old_name": "", "new_name": "Ink"})), "changed the name to \"Ink\"", ""),
            (detailed(NAME_CHANGED, json!({"old_name": "Ink", "new_name": ""})), "removed the name", ""),
            (only(NOTES_CHANGED), "changed the description", ""),
            (about(FOLLOWER_ADDED, cat_id), "added Cat Example as a follower", ""),
            (about(FOLLOWER_REMOVED, cat_id), "removed Cat Example as a follower", ""),
            (about(ADDED_TO_TASK, other), "added subtask to task Buy ink", "added subtask to a private task"),
            (about(REMOVED_FROM_TASK, other), "removed subtask from task Buy ink", "removed subtask from a private task"),
            (about(DEPENDENCY_ADDED, other), "marked this task as blocked by Buy ink", "marked this task as blocked by a private task"),
            (about(DEPENDENCY_REMOVED, other), "unmarked this task as blocked by Buy ink", "unmarked this task as blocked by a private task"),
            (about(DEPENDENT_ADDED, other), "marked this task as blocking Buy ink", "marked this task as blocking a private task"),
            (about(DEPENDENT_REMOVED, other), "unmarked this task as blocking Buy ink", "unmarked this task as blocking a private task"),
            (about(ADDED_TO_TAG, tag), "added this task to urgent", ""),
            (about(REMOVED_FROM_TAG, tag), "removed this task from urgent", ""),
            (detailed(of_approval("approved"), json!({"old_approval_status": "pending", "new_approval_status": "approved"})), "approved this task", ""),
            (detailed(of_approval("rejected"), json!({"old_approval_status": "pending", "new_approval_status": "rejected"})), "rejected this task", ""),
            (detailed(of_approval("changes_requested"), json!({"old_approval_status": "pending"})), "requested changes to this task", ""),
            (detailed(of_approval("pending"), json!({"old_approval_status": "rejected"})), "marked this approval as pending", ""),
            (detailed(RESOURCE_SUBTYPE_CHANGED, json!({"old_resource_subtype": "default_task", "new_resource_subtype": "approval"})), "converted this task to an approval", ""),
            (valued(TEXT_CUSTOM_FIELD_CHANGED, json!({"old_text_value": "a", "new_text_value": "b"})), "changed Salary from \"a\" to \"b\"", "changed a private field"),
            (valued(NUMBER_CUSTOM_FIELD_CHANGED, json!({"old_number_value": null, "new_number_value": 5.0})), "changed Salary to 5", "changed a private field"),
            (SystemStory { old: Some(low), new: Some(high), ..about(ENUM_CUSTOM_FIELD_CHANGED, salary) }, "changed Salary from Low to High", "changed a private field"),
            (valued(MULTI_ENUM_CUSTOM_FIELD_CHANGED, json!({"old_multi_enum_values": [], "new_multi_enum_values": [high, low]})), "changed Salary to High, Low", "changed a private field"),
            (valued(DATE_CUSTOM_FIELD_CHANGED, json!({"old_date_value": due, "new_date_value": null})), "cleared Salary", "changed a private field"),
            (valued(PEOPLE_CUSTOM_FIELD_CHANGED, json!({"old_people_value": [author], "new_people_value": [cat_id, bob_id]})), "changed Salary from Ann Example to Cat Example, Bob Example", "changed a private field"),
        ];
        for (story, ..) in &stories {
            write_as(call, author, story)?;
        }
        let whole = |told: &str| format!("Ann Example {told}");
        Ok(stories.map(|(_, seen, hidden)| (whole(seen), whole(if hidden.is_empty() { seen } else { hidden }))))
    });
    let (seen, concealed): (Vec<_>, Vec<_>) = told.await.into_iter().unzip();
    assert_eq!(texts(ann, task).await[FIRST..], seen);
    assert_eq!(texts(bob, task).await[FIRST..], concealed);

    // Whatever is asked for, and however deep, nothing hidden comes out.
    let all = "assignee,custom_field.(gid|name),dependency.name,follower,html_text,new_approval_status,new_date_value,\
        new_dates.due_on,new_enum_value.name,new_multi_enum_values.name,new_name,new_number_value,\
        new_people_value.name,new_resource_subtype,new_section.name,new_text_value,old_approval_status,\
        old_date_value,old_dates,old_enum_value.name,old_multi_enum_values.name,old_name,old_number_value,\
        old_people_value.name,old_resource_subtype,old_section.name,old_text_value,project.name,resource_subtype,\
        tag.name,target.name,task.name,text";
    let list = format!("/tasks/{task}/stories?opt_fields={all}");
    for secret in ["Secrets", "Buy ink", "Plot", "Salary", "Low", "High"] {
        assert!(ann.get(&list).await.json.to_string().contains(secret), "Ann sees {secret}");
        assert!(!bob.get(&list).await.json.to_string().contains(secret), "Bob does not see {secret}");
    }
    let of = |stories: &Json, subtype: &str| {
        let stories = stories.as_array().expect("a list");
        let mut story = stories.iter().rfind(|story| story["resource_subtype"] == subtype).expect("written").clone();
        let story = story.as_object_mut().expect("an object");
        for known in ["gid", "html_text", "resource_subtype", "target", "text"] {
            story.remove(known);
        }
        Json::from(std::mem::take(story))
    };
    let (for_ann, for_bob) = (ann.get(&list).await.ok(), bob.get(&list).await.ok());
    let named = |stories: &Json, subtype: &str, field: &str| of(stories, subtype)[field]["name"].clone();
    assert_eq!(named(&for_ann, SECTION_CHANGED, "old_section"), json!("Plot"));
    assert_eq!(of(&for_bob, SECTION_CHANGED), json!({"new_section": null, "old_section": null, "project": null}));
    assert_eq!(of(&for_bob, DEPENDENCY_ADDED), json!({"dependency": null}));
    assert_eq!(of(&for_bob, ADDED_TO_TASK), json!({"task": null}));
    assert_eq!(named(&for_bob, ADDED_TO_TAG, "tag"), json!("urgent"));
    assert_eq!(of(&for_bob, MARKED_COMPLETE), json!({}));
    assert_eq!(
        of(&for_bob, DUE_DATE_CHANGED),
        json!({
            "new_dates": {"start_on": null, "due_at": null, "due_on": null},
            "old_dates": {"start_on": null, "due_at": null, "due_on": "2026-11-12"}
        })
    );
    let values = |stories: &Json, subtype: &str| {
        let mut story = of(stories, subtype);
        assert_eq!(story["custom_field"].is_null(), *stories == for_bob);
        story.as_object_mut().expect("an object").remove("custom_field");
        story
    };
    let person = |client: &Client, name: &str| json!({"gid": client.user.to_string(), "name": name});
    assert_eq!(
        values(&for_ann, PEOPLE_CUSTOM_FIELD_CHANGED),
        json!({
            "new_people_value": [person(cat, "Cat Example"), person(bob, "Bob Example")],
            "old_people_value": [person(ann, "Ann Example")]
        })
    );
    assert_eq!(values(&for_ann, NUMBER_CUSTOM_FIELD_CHANGED), json!({"new_number_value": 5, "old_number_value": null}));
    for (subtype, value, empty) in [
        (PEOPLE_CUSTOM_FIELD_CHANGED, "people_value", json!([])),
        (MULTI_ENUM_CUSTOM_FIELD_CHANGED, "multi_enum_values", json!([])),
        (ENUM_CUSTOM_FIELD_CHANGED, "enum_value", json!(null)),
        (TEXT_CUSTOM_FIELD_CHANGED, "text_value", json!(null)),
        (NUMBER_CUSTOM_FIELD_CHANGED, "number_value", json!(null)),
        (DATE_CUSTOM_FIELD_CHANGED, "date_value", json!(null)),
    ] {
        let (new, old) = (format!("new_{value}"), format!("old_{value}"));
        assert_eq!(values(&for_bob, subtype), json!({new: empty, old: empty}), "{subtype}");
    }
});

both!(what_happens_to_a_task_is_told, board, |board: Board| async move {
    let Board { small: Small { ann, bob, workspace, world, .. }, open, hidden, task } = &board;
    let path = format!("/tasks/{task}");
    let list = ann.get(&format!("/projects/{open}/sections")).await.ok();
    let first = list[0]["name"].as_str().expect("a section").to_owned();
    let done = create(ann, &format!("/projects/{open}/sections"), json!({"name": "Done"})).await;
    let other = create(ann, "/tasks", json!({"workspace": workspace, "name": "Buy ink"})).await;
    let tag = create(ann, "/tags", json!({"workspace": workspace, "name": "urgent"})).await;
    let field = json!({
        "workspace": workspace, "name": "Readers", "resource_subtype": "multi_enum",
        "enum_options": [{"name": "Few"}, {"name": "Many"}]
    });
    let field = ann.post("/custom_fields", field).await.created();
    let (few, many) = (gid(&field["enum_options"][0]), gid(&field["enum_options"][1]));
    let (field, open, hidden, workspace) = (gid(&field), *open, *hidden, workspace.parse().expect("a number"));
    let attached: i64 = field.parse().expect("a number");
    world.write(move |call| attach(call, workspace, open, attached)).await;

    ann.put(&path, json!({"assignee": bob.user.to_string()})).await.ok();
    ann.put(&path, json!({"name": "Write it all down", "notes": "With ink."})).await.ok();
    ann.put(&path, json!({"start_on": "2026-11-10", "due_on": "2026-11-12"})).await.ok();
    ann.put(&path, json!({"due_at": "2027-01-01T10:00:00Z"})).await.ok();
    ann.put(&path, json!({"custom_fields": {field.as_str(): [few, many]}})).await.ok();
    ann.put(&path, json!({"completed": true})).await.ok();
    ann.put(&path, json!({"resource_subtype": "approval", "assignee": null})).await.ok();
    ann.put(&path, json!({"approval_status": "changes_requested"})).await.ok();
    let move_to = json!({"project": open.to_string(), "section": done.to_string()});
    ann.post(&format!("{path}/addProject"), move_to).await.ok();
    ann.post(&format!("{path}/addTag"), json!({"tag": tag.to_string()})).await.ok();
    ann.post(&format!("{path}/addDependencies"), json!({"dependencies": [other.to_string()]})).await.ok();
    ann.post(&format!("{path}/removeProject"), json!({"project": hidden.to_string()})).await.ok();

    let told = [
        "added this task to Launch",
        "added this task to a private project",
        "assigned to you",
        "changed the name to \"Write it all down\"",
        "changed the description",
        "changed the due date to Nov 12",
        "changed the start date to Nov 10",
        "changed the due date to Jan 1, 2027",
        "changed Readers to Few, Many",
        "marked this task complete",
        "converted this task to an approval",
        "unassigned from you",
        "requested changes to this task",
        &format!("moved this task from \"{first}\" to \"Done\" in Launch"),
        "added this task to urgent",
        "marked this task as blocked by a private task",
        "removed this task from a private project",
    ];
    assert_eq!(texts(bob, *task).await, told.map(|told| format!("Ann Example {told}")));
});

both!(system_stories_belong_to_nobody, board, |board: Board| async move {
    let Board { small: Small { ann, world, workspace, .. }, task, .. } = &board;
    let (author, workspace, task) = (ann.user, workspace.parse().expect("a number"), *task);
    let story = SystemStory { target: task, workspace, subtype: MARKED_COMPLETE, ..SystemStory::default() };
    let gid = world.write(move |call| write_as(call, author, &story)).await;
    let path = format!("/stories/{gid}");
    assert_eq!(
        ann.get(&format!("{path}?opt_fields=html_text,is_editable,is_pinned,source,type")).await.ok(),
        json!({
            "gid": gid.to_string(), "html_text": "<body>Ann Example marked this task complete</body>",
            "source": "api", "type": "system"
        })
    );
    ann.put(&path, json!({"text": "I did not"})).await.refused(403, "Forbidden");
    ann.put(&path, json!({"is_pinned": true})).await.refused(400, "is_pinned: Only comments can be pinned");
    ann.delete(&path).await.refused(403, "Forbidden");
});

both!(likes_have_a_gid_and_a_person, board, |board: Board| async move {
    let Board { small: Small { ann, bob, world, .. }, task, .. } = &board;
    let story = gid(&ann.post(&format!("/tasks/{task}/stories"), json!({"text": "Done!"})).await.created());
    let path = format!("/stories/{story}?opt_fields=hearted,hearts,liked,likes.user.name,num_hearts,num_likes");
    let nobody = json!({
        "gid": story, "hearted": false, "hearts": [], "liked": false, "likes": [], "num_hearts": 0, "num_likes": 0
    });
    assert_eq!(bob.get(&path).await.ok(), nobody);
    let (story_id, user): (i64, i64) = (story.parse().expect("a number"), bob.user);
    let like = world
        .write(move |call| {
            let like = call.gid()?;
            let columns = [("gid", like.into()), ("story_id", story_id.into()), ("user_id", user.into())];
            call.insert("story_likes", &columns);
            Ok(like.to_string())
        })
        .await;
    let user = user.to_string();
    assert_eq!(
        bob.get(&path).await.ok(),
        json!({
            "gid": story, "hearted": true,
            "hearts": [{"gid": like, "user": {"gid": user, "resource_type": "user", "name": "Bob Example"}}],
            "liked": true, "likes": [{"gid": like, "user": {"gid": user, "name": "Bob Example"}}],
            "num_hearts": 1, "num_likes": 1
        })
    );
    assert_eq!(ann.get(&path).await.ok()["liked"], json!(false));
    ann.delete(&format!("/stories/{story}")).await.ok();
});

both!(stories_come_in_the_order_of_time, board, |board: Board| async move {
    let Board { small: Small { ann, bob, world, .. }, task, .. } = &board;
    let list = format!("/tasks/{task}/stories");
    for number in 0..7 {
        ann.post(&list, json!({"text": number.to_string()})).await.created();
        if number % 3 == 2 {
            world.clock.advance(1);
        }
    }
    for limit in [1, 3, 7, 100] {
        let stories = bob.pages(&list, limit).await;
        let numbers: Vec<_> = stories.iter().filter_map(|story| story["text"].as_str()).collect();
        assert_eq!(numbers[FIRST..], ["0", "1", "2", "3", "4", "5", "6"], "by {limit}");
    }
});

both!(comments_are_heard_at_the_task_and_its_projects, board, |board: Board| async move {
    let Board { small: Small { ann, world, .. }, open, hidden, task, .. } = &board;
    let story = gid(&ann.post(&format!("/tasks/{task}/stories"), json!({"text": "Hear me"})).await.created());
    let path = format!("/stories/{story}");
    ann.put(&path, json!({"text": "Hear me"})).await.ok();
    ann.put(&path, json!({"text": "Hear me out", "is_pinned": true})).await.ok();
    ann.delete(&path).await.ok();
    let story: i64 = story.parse().expect("a number");
    let (heard, routes) = world
        .write(move |call| {
            let block = call.query(
                "SELECT action, field, resource_subtype, parent_id FROM changes WHERE object_id = ?1 ORDER BY set_id, number",
                &[Type::Text, Type::Text, Type::Text, Type::Int],
                &[story.into()],
            )?;
            let heard: Vec<_> = (0..block.len())
                .map(|row| {
                    assert_eq!(block.text(row, 2), Some("comment_added"));
                    let field = block.text(row, 1).unwrap_or_default();
                    (format!("{} {field}", block.text(row, 0).unwrap_or_default()), block.int(row, 3))
                })
                .collect();
            let routes = call.numbers(
                "SELECT r.container_id FROM changes c JOIN change_routes r ON r.set_id = c.set_id \
                 WHERE c.object_id = ?1 ORDER BY c.set_id, c.number, r.container_id",
                &[story.into()],
            )?;
            Ok((heard, routes))
        })
        .await;
    let heard: Vec<_> = heard.iter().map(|(change, parent)| (change.as_str(), *parent)).collect();
    assert_eq!(
        heard,
        [("added ", Some(*task)), ("changed text", None), ("changed is_pinned", None), ("deleted ", None)]
    );
    let mut each = [*task, *open, *hidden];
    each.sort_unstable();
    assert_eq!(routes, each.repeat(4));
});
