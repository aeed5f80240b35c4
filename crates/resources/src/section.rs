//! Sections: the parts of a project's list, the columns of its board, the parts of somebody's My Tasks.
//!
//! A path or a property that names a project takes the list of My Tasks too, as in the real service: its sections are
//! listed, made and moved like a project's.

use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use engine::field::{children, many, one_of, text, time};
use engine::input::{Input, InputKind, input};
use engine::operation::{Listing, Outcome, action, by_number, by_text, create, delete, get, list, parent, update};
use engine::resource::{Guard, Resource};
use model::Level;
use store::Type;

use crate::order::{Ordered, Place, place, place_asked};
use crate::project::PROJECT;
use crate::task::container::{put, standing, tasks_of_section};
use crate::task::{TASK, load};
use crate::user_task_list::{self, USER_TASK_LIST, is_list};

/// A section: whoever sees its project sees it, and its owner what is in My Tasks.
pub static SECTION: Resource = Resource {
    guard: Guard::Via("project_id", &LIST),
    fields: &[
        time("created_at"),
        text("name").compact().writable(),
        one_of("project", LISTS, "project_id").inside("resource_type,name"),
        many("projects", &PROJECT, children("gid", "t.gid")).keyed("t.project_id"),
    ],
    operations: &[
        get("getSection", "/sections/{section_gid}"),
        update("updateSection", "/sections/{section_gid}", Level::Editor, update_section).with(PLACE),
        delete("deleteSection", "/sections/{section_gid}", Level::Editor, delete_section),
        list("getSectionsForProject", "/projects/{project_gid}/sections", &IN_PROJECT).on(&LIST),
        action("addTaskForSection", "/sections/{section_gid}/addTask", Level::Editor, ADD_TASK, add_task).empty(),
        create("createSectionForProject", "/projects/{project_gid}/sections", Level::Editor, create_section)
            .with(PLACE)
            .on(&LIST),
        action(
            "insertSectionForProject",
            "/projects/{project_gid}/sections/insert",
            Level::Editor,
            INSERT,
            insert_section,
        )
        .empty()
        .on(&LIST),
    ],
    ..Resource::new("section", "sections")
};

/// What has sections. Nobody holds a grant on a project in the trash, and nobody but its owner on a list of My Tasks.
static LIST: Resource = Resource {
    faces: &["project", "user_task_list"],
    guard: Guard::Scope,
    ..Resource::new("project", "(SELECT gid FROM projects UNION ALL SELECT gid FROM user_task_lists)")
};

static LISTS: &[&Resource] = &[&PROJECT, &USER_TASK_LIST];

/// A section of a project alone, and one of My Tasks: their tasks stand in different tables.
pub static PROJECT_SECTION: Resource = Resource { guard: Guard::Via("project_id", &PROJECT), ..SAME };
/// See [`PROJECT_SECTION`].
pub static MY_SECTION: Resource = Resource { guard: Guard::Via("project_id", &OWN_LIST), ..SAME };
const SAME: Resource = Resource::new("section", "sections");

/// A list of My Tasks for its owner.
static OWN_LIST: Resource = Resource { guard: Guard::Scope, ..Resource::new("user_task_list", "user_task_lists") };

static PLACE: &[Input] = &[
    input("insert_after", InputKind::Gid(&SECTION)).nullable(),
    input("insert_before", InputKind::Gid(&SECTION)).nullable(),
];

static ADD_TASK: &[Input] = &[
    input("insert_after", InputKind::Gid(&TASK)).nullable(),
    input("insert_before", InputKind::Gid(&TASK)).nullable(),
    input("task", InputKind::Gid(&TASK)).required(),
];

static INSERT: &[Input] = &[
    input("after_section", InputKind::Gid(&SECTION)).nullable(),
    input("before_section", InputKind::Gid(&SECTION)).nullable(),
    input("section", InputKind::Gid(&SECTION)).required(),
];

static IN_PROJECT: Listing =
    Listing::of("sections t", "t.gid", "t.project_id = :project", &[by_text("t.rank"), by_number("t.gid")])
        .within(&[parent("project_gid", &LIST)])
        .covered();

/// The sections of a project in their order.
pub fn ordered(project: i64) -> Ordered {
    Ordered { table: "sections", scope_column: "project_id", scope: project, key_column: "gid" }
}

/// The section where tasks land that nobody put into another one.
pub fn first_of(call: &mut Call<'_>, project: i64) -> Result<i64> {
    let first =
        call.number("SELECT gid FROM sections WHERE project_id = ?1 ORDER BY rank, gid LIMIT 1", &[project.into()])?;
    // A project always has one: it begins with one, and the last one stays.
    first.ok_or_else(Error::server)
}

/// Adds a section to a project.
pub fn add_section(call: &mut Call<'_>, workspace: i64, project: i64, name: &str, at: Place) -> Result<i64> {
    let section = call.create_object(&SECTION, workspace)?;
    let rank = place(call, &ordered(project), section, at)?;
    call.insert(
        SECTION.table,
        &[
            ("gid", section.into()),
            ("workspace_id", workspace.into()),
            ("project_id", project.into()),
            ("name", name.into()),
            ("rank", rank.into()),
            ("created_at", call.now.into()),
        ],
    );
    call.record(&Change::new(Did::Added, SECTION.kind, section, workspace).parent(project), &[project]);
    Ok(section)
}

fn create_section(call: &mut Call<'_>) -> Result<Outcome> {
    let project = call.target;
    let name = name_asked(call)?.ok_or_else(|| Error::missing("name"))?;
    let at = place_asked(call, &ordered(project), "insert_before", "insert_after")?.unwrap_or(Place::Last);
    let workspace = call.number("SELECT workspace_id FROM objects WHERE gid = ?1", &[project.into()])?;
    let workspace = workspace.unwrap_or_default();
    Ok(Outcome::Object(add_section(call, workspace, project, &name, at)?))
}

fn name_asked(call: &Call<'_>) -> Result<Option<String>> {
    match call.body.text("name") {
        Some("") => Err(Error::field("name", "Value must not be empty")),
        name => Ok(name.map(str::to_owned)),
    }
}

fn update_section(call: &mut Call<'_>) -> Result<Outcome> {
    let section = call.target;
    let (project, workspace) = home_of(call, section)?;
    if let Some(name) = name_asked(call)? {
        let renamed = call
            .execute("UPDATE sections SET name = ?2 WHERE gid = ?1 AND name <> ?2", &[section.into(), name.into()])?;
        if renamed > 0 {
            let change = Change::new(Did::Changed, SECTION.kind, section, workspace);
            call.record(&change.field("name"), &[project]);
        }
    }
    if let Some(at) = place_asked(call, &ordered(project), "insert_before", "insert_after")? {
        move_section(call, project, section, at)?;
    }
    Ok(Outcome::Object(section))
}

fn move_section(call: &mut Call<'_>, project: i64, section: i64, at: Place) -> Result<()> {
    let rank = place(call, &ordered(project), section, at)?;
    call.update(SECTION.table, section, &[("rank", rank.into())])
}

/// The project and the workspace of a section.
fn home_of(call: &mut Call<'_>, section: i64) -> Result<(i64, i64)> {
    let block = call.query(
        "SELECT project_id, workspace_id FROM sections WHERE gid = ?1",
        &[Type::Int, Type::Int],
        &[section.into()],
    )?;
    match block.is_empty() {
        true => Err(Error::deleted(SECTION.kind, section)),
        false => Ok((block.int(0, 0).unwrap_or_default(), block.int(0, 1).unwrap_or_default())),
    }
}

fn insert_section(call: &mut Call<'_>) -> Result<Outcome> {
    let project = call.target;
    let section = call.body.gid("section").unwrap_or_default();
    if home_of(call, section)?.0 != project {
        return Err(Error::field("section", format_args!("Not in project {project}: {section}")));
    }
    let at = place_asked(call, &ordered(project), "before_section", "after_section")?
        .ok_or_else(|| Error::bad("You should specify one of before_section, after_section"))?;
    move_section(call, project, section, at)?;
    Ok(Outcome::Empty)
}

/// On top of the section unless the body says where. A task that is not in the project yet comes into it.
fn add_task(call: &mut Call<'_>) -> Result<Outcome> {
    let section = call.target;
    let task = call.body.gid("task").unwrap_or_default();
    call.require(&TASK, "task", task, Level::Editor)?;
    let task = load(call, task)?;
    let (project, workspace) = home_of(call, section)?;
    if task.workspace != workspace {
        return Err(Error::field("task", "Must be in the same workspace as the section"));
    }
    if is_list(call, project)? {
        return add_own_task(call, section, task.gid);
    }
    let standing = standing(call, &task, project)?;
    // It has not been deleted meanwhile, and will not be now.
    call.require_target(&SECTION, section, Level::Editor)?;
    let tasks = tasks_of_section(section);
    let at = place_asked(call, &tasks, "insert_before", "insert_after")?.unwrap_or(Place::First);
    put(call, &task, &standing, project, section, at)?;
    Ok(Outcome::Empty)
}

/// The same in My Tasks, where nothing is but what is assigned to the owner.
fn add_own_task(call: &mut Call<'_>, section: i64, task: i64) -> Result<Outcome> {
    call.lock(task)?;
    let tasks = user_task_list::tasks_of_section(section);
    let at = place_asked(call, &tasks, "insert_before", "insert_after")?.unwrap_or(Place::First);
    user_task_list::move_task(call, "task", section, task, at)?;
    Ok(Outcome::Empty)
}

fn delete_section(call: &mut Call<'_>) -> Result<Outcome> {
    let section = call.target;
    let (project, workspace) = home_of(call, section)?;
    // Nobody adds a task to it meanwhile, and nobody deletes the last one but this.
    call.lock(project)?;
    let table = if is_list(call, project)? { "user_task_list_tasks" } else { "task_projects" };
    let task = call.number(
        &format!(
            "SELECT k.gid FROM {table} e CROSS JOIN tasks k WHERE e.section_id = ?1 AND k.gid = e.task_id \
             AND k.deleted_at IS NULL LIMIT 1"
        ),
        &[section.into()],
    )?;
    if task.is_some() {
        return Err(Error::field("section", "A section with tasks in it cannot be deleted"));
    }
    let other = call.number(
        "SELECT gid FROM sections WHERE project_id = ?1 AND gid <> ?2 ORDER BY rank, gid LIMIT 1",
        &[project.into(), section.into()],
    )?;
    let Some(other) = other else {
        return Err(Error::field("section", "The last section of a project cannot be deleted"));
    };
    // Tasks in the trash would come back to it.
    call.execute(
        &format!("UPDATE {table} SET section_id = ?2 WHERE section_id = ?1"),
        &[section.into(), other.into()],
    )?;
    call.execute("DELETE FROM sections WHERE gid = ?1", &[section.into()])?;
    call.delete_object(section)?;
    call.record(&Change::new(Did::Deleted, SECTION.kind, section, workspace), &[project]);
    Ok(Outcome::Empty)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};
    use testkit::{Client, both, gid};

    use crate::world::{Small, small};

    fn names(list: &Json) -> Vec<&str> {
        list.as_array().expect("a list").iter().filter_map(|item| item["name"].as_str()).collect()
    }

    /// A project with the sections A, B and C, and their gids.
    async fn board(client: &Client, data: Json) -> (String, Vec<String>) {
        let project = gid(&client.post("/projects", data).await.created());
        let path = format!("/projects/{project}/sections");
        let first = gid(&client.get(&path).await.ok()[0]);
        client.put(&format!("/sections/{first}"), json!({"name": "A"})).await.ok();
        let mut sections = vec![first];
        for name in ["B", "C"] {
            sections.push(gid(&client.post(&path, json!({"name": name})).await.created()));
        }
        (project, sections)
    }

    both!(a_section_lives, small, |small: Small| async move {
        let Small { ann, bob, guest, stranger, workspace, .. } = small;
        let (project, _) = board(&ann, json!({"workspace": workspace, "name": "Launch"})).await;
        let path = format!("/projects/{project}/sections");
        let section = bob.post(&path, json!({"name": "Later"})).await.created();
        let of = json!({"gid": project, "resource_type": "project", "name": "Launch"});
        assert_eq!(
            section,
            json!({"gid": gid(&section), "resource_type": "section", "created_at": "2026-03-02T10:00:00.000Z",
                "name": "Later", "project": of, "projects": [of]})
        );
        let own = format!("/sections/{}", gid(&section));
        assert_eq!(ann.get(&own).await.ok(), section);
        assert_eq!(bob.put(&own, json!({"name": "Never"})).await.ok()["name"], "Never");
        assert_eq!(names(&ann.get(&path).await.ok()), ["A", "B", "C", "Never"]);
        assert_eq!(names(&Json::from(ann.pages(&path, 1).await)), ["A", "B", "C", "Never"]);
        for (data, message) in [
            (json!({}), "name: Missing input"),
            (json!({"name": ""}), "name: Value must not be empty"),
            (json!({"name": null}), "name: Value must not be null"),
            (json!({"name": "x", "insert_before": "12"}), "insert_before: Unknown object: 12"),
            (json!({"name": "x", "insert_after": "y"}), "insert_after: Not a Long: y"),
            (
                json!({"name": "x", "insert_after": gid(&section), "insert_before": gid(&section)}),
                "You may only provide one of insert_before or insert_after!",
            ),
        ] {
            ann.post(&path, data).await.refused(400, message);
        }
        ann.put(&own, json!({"name": ""})).await.refused(400, "name: Value must not be empty");
        ann.put(&own, json!({"project": project})).await.refused(400, "project: Cannot write this property");
        guest.get(&own).await.refused(403, "You do not have access to this section.");
        guest.get(&path).await.refused(403, "You do not have access to this project.");
        stranger.get(&own).await.refused(404, &format!("section: Not a recognized ID: {}", gid(&section)));
        stranger
            .post(&path, json!({"name": "x"}))
            .await
            .refused(404, &format!("project: Not a recognized ID: {project}"));
        assert_eq!(ann.delete(&own).await.json, json!({"data": {}}));
        ann.get(&own).await.refused(404, &format!("section: Unknown object: {}", gid(&section)));
    });

    both!(sections_move, small, |small: Small| async move {
        let Small { ann, workspace, .. } = small;
        let (project, sections) = board(&ann, json!({"workspace": workspace, "name": "x"})).await;
        let (_, elsewhere) = board(&ann, json!({"workspace": workspace, "name": "y"})).await;
        let [a, b, c] = &sections[..] else { panic!("three sections") };
        let path = format!("/projects/{project}/sections");
        let insert = format!("{path}/insert");
        for (data, order) in [
            (json!({"section": c, "before_section": a}), ["C", "A", "B"]),
            (json!({"section": c, "after_section": a}), ["A", "C", "B"]),
            (json!({"section": a, "after_section": b}), ["C", "B", "A"]),
            (json!({"section": a, "before_section": a}), ["C", "B", "A"]),
            (json!({"section": a, "after_section": null}), ["A", "C", "B"]),
            (json!({"section": a, "before_section": null}), ["C", "B", "A"]),
        ] {
            assert_eq!(ann.post(&insert, data).await.json, json!({"data": {}}));
            assert_eq!(names(&ann.get(&path).await.ok()), order);
        }
        let foreign = &elsewhere[0];
        for (data, message) in [
            (json!({"before_section": a}), "section: Missing input".to_owned()),
            (json!({"section": a}), "You should specify one of before_section, after_section".to_owned()),
            (
                json!({"section": a, "before_section": b, "after_section": c}),
                "You may only provide one of before_section or after_section!".to_owned(),
            ),
            (json!({"section": foreign, "before_section": b}), format!("section: Not in project {project}: {foreign}")),
            (
                json!({"section": a, "before_section": foreign}),
                format!("before_section: Not in the same list: {foreign}"),
            ),
        ] {
            ann.post(&insert, data).await.refused(400, &message);
        }
        // A new one, and one that is changed, can say where.
        ann.post(&path, json!({"name": "D", "insert_before": b})).await.created();
        ann.post(&path, json!({"name": "E", "insert_after": a})).await.created();
        assert_eq!(names(&ann.get(&path).await.ok()), ["C", "D", "B", "A", "E"]);
        ann.put(&format!("/sections/{c}"), json!({"insert_after": b})).await.ok();
        assert_eq!(names(&ann.get(&path).await.ok()), ["D", "B", "C", "A", "E"]);
    });

    both!(tasks_come_into_sections, small, |small: Small| async move {
        let Small { ann, bob, cat, workspace, team, .. } = small;
        let (project, sections) = board(&ann, json!({"workspace": workspace, "name": "x"})).await;
        let [a, b, _] = &sections[..] else { panic!("three sections") };
        let mut tasks = Vec::new();
        for name in ["one", "two", "three"] {
            tasks.push(gid(&ann.post("/tasks", json!({"name": name, "workspace": workspace})).await.created()));
        }
        let [one, two, three] = &tasks[..] else { panic!("three tasks") };
        let add = |section: &str| format!("/sections/{section}/addTask");
        let list = |section: &str| format!("/sections/{section}/tasks");
        for (section, data, order) in [
            (b, json!({"task": one}), vec!["one"]),
            (b, json!({"task": two}), vec!["two", "one"]),
            (b, json!({"task": three, "insert_after": two}), vec!["two", "three", "one"]),
            (b, json!({"task": one, "insert_before": two}), vec!["one", "two", "three"]),
            (b, json!({"task": one, "insert_before": null}), vec!["two", "three", "one"]),
            (a, json!({"task": three}), vec!["three"]),
        ] {
            assert_eq!(ann.post(&add(section), data).await.json, json!({"data": {}}));
            assert_eq!(names(&ann.get(&list(section)).await.ok()), order);
        }
        assert_eq!(names(&ann.get(&list(b)).await.ok()), ["two", "one"]);
        assert_eq!(names(&ann.get(&format!("/projects/{project}/tasks")).await.ok()), ["three", "two", "one"]);
        let place = ann.get(&format!("/tasks/{three}?opt_fields=memberships.section.name")).await.ok();
        assert_eq!(place["memberships"], json!([{"section": {"gid": a, "name": "A"}}]));
        // Other people's tasks, and sections that one may only look at.
        ann.post(&add(a), json!({})).await.refused(400, "task: Missing input");
        ann.post(&add(a), json!({"task": "12"})).await.refused(400, "task: Unknown object: 12");
        ann.post(&add(a), json!({"task": one, "insert_after": two}))
            .await
            .refused(400, &format!("insert_after: Not in the same list: {two}"));
        let secret = gid(&cat.post("/tasks", json!({"name": "mine", "workspace": workspace})).await.created());
        ann.post(&add(a), json!({"task": secret})).await.refused(403, "You do not have access to this task.");
        let looked_at = json!({"team": team, "name": "z", "default_access_level": "commenter"});
        let (_, read_only) = board(&ann, looked_at).await;
        let refusal = "You do not have permission to change this section.";
        bob.post(&add(&read_only[0]), json!({"task": one})).await.refused(403, refusal);
        bob.put(&format!("/sections/{}", read_only[0]), json!({"name": "x"})).await.refused(403, refusal);
        bob.delete(&format!("/sections/{}", read_only[0])).await.refused(403, refusal);
    });

    both!(only_empty_sections_go, small, |small: Small| async move {
        let Small { ann, workspace, .. } = small;
        let (project, sections) = board(&ann, json!({"workspace": workspace, "name": "x"})).await;
        let [a, b, c] = &sections[..] else { panic!("three sections") };
        let path = |section: &str| format!("/sections/{section}");
        let task = json!({"name": "one", "memberships": [{"project": project, "section": b}]});
        let task = gid(&ann.post("/tasks", task).await.created());
        ann.delete(&path(b)).await.refused(400, "section: A section with tasks in it cannot be deleted");
        // What lies in the trash holds nothing up.
        ann.delete(&format!("/tasks/{task}")).await.ok();
        ann.delete(&path(b)).await.ok();
        ann.delete(&path(a)).await.ok();
        ann.delete(&path(c)).await.refused(400, "section: The last section of a project cannot be deleted");
        assert_eq!(names(&ann.get(&format!("/projects/{project}/sections")).await.ok()), ["C"]);
        // New tasks land in what is left.
        let task = gid(&ann.post("/tasks", json!({"name": "two", "projects": [project]})).await.created());
        assert_eq!(gid(&ann.get(&format!("/sections/{c}/tasks")).await.ok()[0]), task);
    });
}
