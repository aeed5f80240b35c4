//! Tasks.
//!
//! The table and the listings stand here, with creation, update and deletion. What puts a task somewhere (projects,
//! parents, and the visibility that follows from them) is in [`container`], its people in [`people`], what it waits for
//! in [`dependency`], its tags in [`tagging`], its way into the trash and out of it in [`trash`], its copies in [`copy`] and
//! [`duplicate`].

pub mod container;
pub mod copy;
pub mod dependency;
pub mod duplicate;
pub mod people;
pub mod tagging;
pub mod trash;

use engine::body::{Body, Given};
use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use engine::field::{
    Field, Kind, NAME_LENGTH, boolean, children, choice, computed, count, date, link, many, nothing, object, one, sql,
    text, time,
};
use engine::input::{Input, InputKind, input};
use engine::json::Writer;
use engine::operation::{
    Filter, FilterKind, Key, Listing, Nested, Outcome, action, by_number, by_text, create, delete, filter, find, get,
    list, list_one_of, parent, update,
};
use engine::parameter::Parameters;
use engine::read::Record;
use engine::resource::{Guard, Names, Resource};
use model::Level;
use serde_json::{Value as Json, json};
use store::{Type, Value};

use crate::custom_field_value::{NewValue, custom_fields, projects_of, read_values, record_values, write_values};
use crate::custom_id::{WITH_CUSTOM_ID, number_task};
use crate::job::JOB;
use crate::like::LIKE_OF_TASK;
use crate::order::Place;
use crate::project::PROJECT;
use crate::rich_text::{Words, html_text, mentioned, mentioning, plain_text, stored_html, stored_text};
use crate::section::{MY_SECTION, PROJECT_SECTION, SECTION, first_of};
use crate::story::{SystemStory, subtype as told, write_system_story};
use crate::tag::TAG;
use crate::user::USER;
use crate::user_task_list::{USER_TASK_LIST, hand_over, move_task};
use crate::workspace::{WORKSPACE, is_member, workspace_field};

/// The kinds of tasks.
pub const SUBTYPES: &[&str] = &["default_task", "milestone", "approval"];
const APPROVAL_STATUSES: &[&str] = &["pending", "approved", "rejected", "changes_requested"];
const ASSIGNEE_STATUSES: &[&str] = &["today", "upcoming", "later", "new", "inbox"];

/// A task. Who may see one of its scopes may see it: its projects, its parent's scopes, and itself, on which its
/// assignee and its followers hold grants.
pub static TASK: Resource = Resource {
    guard: Guard::Scopes { table: "task_scopes", owner: "task_id" },
    names: Names::External,
    trash: true,
    subtype: "resource_subtype",
    fields: &[
        // Nothing records time yet, so there is none.
        nothing("actual_time_minutes", Kind::Real),
        choice("approval_status", APPROVAL_STATUSES).writable().only(&["approval"]),
        one("assignee", &USER, "assignee_id").writable().nullable(),
        one("assignee_section", &SECTION, IN_OWN_LIST).opt_in().writable().nullable(),
        choice("assignee_status", ASSIGNEE_STATUSES).writable(),
        one("assigned_by", &USER, "assigned_by_id").opt_in(),
        boolean("completed").writable(),
        time("completed_at"),
        one("completed_by", &USER, "completed_by_id").opt_in(),
        time("created_at"),
        one("created_by", &USER, "created_by_id").opt_in().inside("resource_type"),
        custom_fields().writable().input(InputKind::Json),
        many("dependencies", &TASK_REFERENCE, link("task_dependencies", "task_id", "depends_on_id", "e.depends_on_id"))
            .opt_in(),
        many("dependents", &TASK_REFERENCE, link("task_dependencies", "depends_on_id", "task_id", "e.task_id"))
            .opt_in(),
        time("due_at").writable().nullable(),
        date("due_on").writable().nullable(),
        object("external", &EXTERNAL).opt_in().writable().input(InputKind::Object(EXTERNAL_INPUTS)),
        FOLLOWERS.on_create(),
        LIKED.alias("hearted"),
        LIKES.alias("hearts"),
        html_text("html_notes").opt_in().writable(),
        boolean("is_rendered_as_separator").opt_in().writable(),
        LIKED.writable().input(InputKind::Bool),
        LIKES,
        many("memberships", &MEMBERSHIP, children("task_id", "t.project_id"))
            .on_create()
            .input(InputKind::Objects(MEMBERSHIP_INPUTS)),
        time("modified_at"),
        text("name").compact().writable(),
        plain_text("notes").writable(),
        NUM_LIKES.alias("num_hearts"),
        NUM_LIKES,
        count("num_subtasks", "(SELECT count(*) FROM tasks c WHERE c.parent_id = t.gid AND c.deleted_at IS NULL)")
            .opt_in(),
        one("parent", &TASK, "parent_id").on_create().nullable(),
        computed("permalink_url", Kind::Text(2_048), "workspace,projects", permalink),
        many("projects", &PROJECT, link("task_projects", "task_id", "project_id", "e.project_id")).on_create(),
        choice("resource_subtype", SUBTYPES).compact().writable(),
        time("start_at").writable().nullable(),
        date("start_on").writable().nullable(),
        stored_text("notes"),
        stored_html("html_notes"),
        mentioning(MENTIONING_NOTES),
        mentioned(MENTIONING_NOTES),
        many("tags", &TAG, link("task_tags", "task_id", "tag_id", "e.tag_id")).on_create(),
        workspace_field().on_create(),
    ],
    operations: &[
        get("getTask", "/tasks/{task_gid}"),
        list_one_of(
            "getTasks",
            "/tasks",
            &["assignee", "project", "section", "tag", "user_task_list", "workspace"],
            choose,
        ),
        find("getTaskForCustomID", "/workspaces/{workspace_gid}/tasks/custom_id/{custom_id}", &WITH_CUSTOM_ID),
        list("getTasksForProject", "/projects/{project_gid}/tasks", &IN_PROJECT),
        list("getTasksForSection", "/sections/{section_gid}/tasks", &IN_SECTION),
        list("getTasksForTag", "/tags/{tag_gid}/tasks", &WITH_TAG),
        list("getTasksForUserTaskList", "/user_task_lists/{user_task_list_gid}/tasks", &IN_LIST),
        list("getSubtasksForTask", "/tasks/{task_gid}/subtasks", &SUBTASKS),
        list("getDependenciesForTask", "/tasks/{task_gid}/dependencies", &DEPENDENCIES),
        list("getDependentsForTask", "/tasks/{task_gid}/dependents", &DEPENDENTS),
        list("getProjectsForTask", "/tasks/{task_gid}/projects", &PROJECTS).answers(&PROJECT),
        list("getTagsForTask", "/tasks/{task_gid}/tags", &TAGS).answers(&TAG),
        create("createTask", "/tasks", Level::Viewer, create_task)
            .with(CREATE_INPUTS)
            .older(&["/workspaces/{workspace}/tasks"])
            .sharing(SHARED_BY_CREATION),
        create("createSubtaskForTask", "/tasks/{task_gid}/subtasks", Level::Editor, create_task)
            .with(CREATE_INPUTS)
            .sharing(SHARED_BY_CREATION),
        update("updateTask", "/tasks/{task_gid}", Level::Editor, update_task).with(CREATE_INPUTS),
        delete("deleteTask", "/tasks/{task_gid}", Level::Editor, trash::delete_task),
        action(
            "duplicateTask",
            "/tasks/{task_gid}/duplicate",
            Level::Viewer,
            duplicate::INPUTS,
            duplicate::duplicate_task,
        )
        .answers(&JOB)
        .status(201),
        action(
            "setParentForTask",
            "/tasks/{task_gid}/setParent",
            Level::Editor,
            SET_PARENT_INPUTS,
            container::set_parent,
        ),
        action(
            "addProjectForTask",
            "/tasks/{task_gid}/addProject",
            Level::Editor,
            ADD_PROJECT_INPUTS,
            container::add_project,
        )
        .empty(),
        action(
            "removeProjectForTask",
            "/tasks/{task_gid}/removeProject",
            Level::Editor,
            PROJECT_INPUT,
            container::remove_project,
        )
        .empty(),
        action("addFollowersForTask", "/tasks/{task_gid}/addFollowers", Level::Editor, FOLLOWERS_INPUT, people::follow),
        action(
            "removeFollowerForTask",
            "/tasks/{task_gid}/removeFollowers",
            Level::Viewer,
            FOLLOWERS_INPUT,
            people::unfollow,
        ),
        action(
            "addDependenciesForTask",
            "/tasks/{task_gid}/addDependencies",
            Level::Editor,
            DEPENDENCIES_INPUT,
            dependency::add_dependencies,
        )
        .empty(),
        action(
            "removeDependenciesForTask",
            "/tasks/{task_gid}/removeDependencies",
            Level::Editor,
            DEPENDENCIES_INPUT,
            dependency::remove_dependencies,
        )
        .empty(),
        action(
            "addDependentsForTask",
            "/tasks/{task_gid}/addDependents",
            Level::Editor,
            DEPENDENTS_INPUT,
            dependency::add_dependents,
        )
        .empty(),
        action(
            "removeDependentsForTask",
            "/tasks/{task_gid}/removeDependents",
            Level::Editor,
            DEPENDENTS_INPUT,
            dependency::remove_dependents,
        )
        .empty(),
        action("addTagForTask", "/tasks/{task_gid}/addTag", Level::Editor, TAG_INPUT, tagging::add_tag).empty(),
        action("removeTagForTask", "/tasks/{task_gid}/removeTag", Level::Editor, TAG_INPUT, tagging::remove_tag)
            .empty(),
    ],
    jobs: &[&duplicate::DUPLICATE_TASK],
    ..Resource::new("task", "tasks")
};

/// A task as the lists of dependencies show it: its gid and type, nothing more.
static TASK_REFERENCE: Resource = Resource {
    guard: Guard::Scopes { table: "task_scopes", owner: "task_id" },
    trash: true,
    ..Resource::new("task", "tasks")
};

/// Where a task stands in a project. Shown to those who see the project.
static MEMBERSHIP: Resource = Resource {
    guard: Guard::Via("project_id", &PROJECT),
    fields: &[one("project", &PROJECT, "project_id"), one("section", &SECTION, "section_id")],
    ..Resource::rows("task_projects")
};

/// Where the task stands in the assignee's My Tasks, for the assignee's eyes.
const IN_OWN_LIST: &str =
    "(SELECT m.section_id FROM user_task_list_tasks m WHERE m.task_id = t.gid AND t.assignee_id = :viewer)";
const FOLLOWERS: Field = many("followers", &USER, link("task_followers", "task_id", "user_id", "e.user_id"));
const LIKED: Field =
    sql("liked", Kind::Bool, "EXISTS (SELECT 1 FROM task_likes l WHERE l.task_id = t.gid AND l.user_id = :viewer)");
const LIKES: Field = many("likes", &LIKE_OF_TASK, children("task_id", "t.gid"));
const NUM_LIKES: Field = count("num_likes", "(SELECT count(*) FROM task_likes l WHERE l.task_id = t.gid)");

const fn external(name: &'static str, expression: &'static str) -> Field {
    sql(name, Kind::Text(32_768), expression)
}

/// The caller's application's own identifier of the task.
static EXTERNAL: [Field; 2] = [
    external("gid", "(SELECT x.gid FROM task_externals x WHERE x.task_id = t.gid AND x.app_id = :app)"),
    external("data", "(SELECT x.data FROM task_externals x WHERE x.task_id = t.gid AND x.app_id = :app)"),
];

static EXTERNAL_INPUTS: &[Input] =
    &[input("gid", InputKind::Text(NAME_LENGTH)).nullable(), input("data", InputKind::Text(32_768)).nullable()];
static MEMBERSHIP_INPUTS: &[Input] =
    &[input("project", InputKind::Gid(&PROJECT)).required(), input("section", InputKind::Gid(&SECTION)).nullable()];
static CREATE_INPUTS: &[Input] = &[
    // Later paths: they are refused rather than ignored.
    input("custom_type", InputKind::Text(64)).nullable(),
    input("custom_type_status_option", InputKind::Text(64)).nullable(),
];
static SET_PARENT_INPUTS: &[Input] = &[
    input("parent", InputKind::Gid(&TASK)).nullable().required(),
    input("insert_before", InputKind::Gid(&TASK)).nullable(),
    input("insert_after", InputKind::Gid(&TASK)).nullable(),
];
static ADD_PROJECT_INPUTS: &[Input] = &[
    input("project", InputKind::Gid(&PROJECT)).required(),
    input("section", InputKind::Gid(&SECTION)).nullable(),
    input("insert_before", InputKind::Gid(&TASK)).nullable(),
    input("insert_after", InputKind::Gid(&TASK)).nullable(),
];
static PROJECT_INPUT: &[Input] = &[input("project", InputKind::Gid(&PROJECT)).required()];
static FOLLOWERS_INPUT: &[Input] = &[input("followers", InputKind::Gids(&USER)).required()];
static DEPENDENCIES_INPUT: &[Input] = &[input("dependencies", InputKind::Gids(&TASK)).required()];
static DEPENDENTS_INPUT: &[Input] = &[input("dependents", InputKind::Gids(&TASK)).required()];
/// The notes that lead to objects.
const MENTIONING_NOTES: &str = "CASE WHEN t.mentions THEN t.html_notes END";

static TAG_INPUT: &[Input] = &[input("tag", InputKind::Gid(&TAG)).required()];

fn permalink(task: &Record<'_>, out: &mut Writer<'_>) {
    let workspace = task.one("workspace").map_or(0, |workspace| workspace.gid()).to_string();
    let (base, gid) = (&task.scene().base, task.gid().to_string());
    match task.many("projects").next() {
        Some(project) => out.parts(&[base, "/1/", &workspace, "/project/", &project.gid().to_string(), "/task/", &gid]),
        None => out.parts(&[base, "/1/", &workspace, "/task/", &gid]),
    }
}

static SINCE: &[Filter] = &[
    filter("completed_since", FilterKind::Time, "(NOT t.completed OR t.completed_at > :value)"),
    filter("modified_since", FilterKind::Time, "t.modified_at > :value"),
];

const PROJECT_ORDER: &[Key] = &[by_text("o.rank"), by_number("o.gid"), by_text("e.rank"), by_number("e.task_id")];
const SECTION_ORDER: &[Key] = &[by_text("e.rank"), by_number("e.task_id")];
const TAG_ORDER: &[Key] = &[by_number("e.task_id")];

const fn in_project(within: &'static [engine::operation::Parent]) -> Listing {
    Listing::of(
        "task_projects e CROSS JOIN tasks t",
        "e.task_id",
        "t.gid = e.task_id AND t.deleted_at IS NULL",
        PROJECT_ORDER,
    )
    .nested(Nested {
        table: "sections",
        filter: "o.project_id = :project",
        tie: "e.section_id = :part",
        filled: "EXISTS (SELECT 1 FROM task_projects f WHERE f.section_id = o.gid)",
    })
    .within(within)
    .covered()
    .filtered(SINCE)
}

const fn in_section(within: &'static [engine::operation::Parent]) -> Listing {
    Listing::of(
        "task_projects e CROSS JOIN tasks t",
        "e.task_id",
        "e.section_id = :section AND t.gid = e.task_id AND t.deleted_at IS NULL",
        SECTION_ORDER,
    )
    .within(within)
    .covered()
    .filtered(SINCE)
}

/// In the sections of My Tasks. Others than the owner see what they may see anyway.
const fn in_list(within: &'static [engine::operation::Parent]) -> Listing {
    Listing::of(
        "user_task_list_tasks e CROSS JOIN tasks t",
        "e.task_id",
        "t.gid = e.task_id AND t.deleted_at IS NULL",
        PROJECT_ORDER,
    )
    .nested(Nested {
        table: "sections",
        filter: "o.project_id = :user_task_list",
        tie: "e.section_id = :part",
        filled: "EXISTS (SELECT 1 FROM user_task_list_tasks f WHERE f.section_id = o.gid)",
    })
    .within(within)
    .filtered(SINCE)
}

const fn in_my_section(within: &'static [engine::operation::Parent]) -> Listing {
    Listing::of(
        "user_task_list_tasks e CROSS JOIN tasks t",
        "e.task_id",
        "e.section_id = :section AND t.gid = e.task_id AND t.deleted_at IS NULL",
        SECTION_ORDER,
    )
    .within(within)
    .covered()
    .filtered(SINCE)
}

const fn with_tag(within: &'static [engine::operation::Parent]) -> Listing {
    Listing::of(
        "task_tags e CROSS JOIN tasks t",
        "e.task_id",
        "e.tag_id = :tag AND t.gid = e.task_id AND t.deleted_at IS NULL",
        TAG_ORDER,
    )
    .within(within)
    .filtered(SINCE)
}

static IN_PROJECT: Listing = in_project(&[parent("project_gid", &PROJECT)]);
static IN_NAMED_PROJECT: Listing = in_project(&[parent("project", &PROJECT)]);
static IN_SECTION: Listing = in_section(&[parent("section_gid", &PROJECT_SECTION)]).otherwise(&IN_MY_SECTION);
static IN_NAMED_SECTION: Listing = in_section(&[parent("section", &PROJECT_SECTION)]).otherwise(&IN_MY_NAMED_SECTION);
static IN_MY_SECTION: Listing = in_my_section(&[parent("section_gid", &MY_SECTION)]);
static IN_MY_NAMED_SECTION: Listing = in_my_section(&[parent("section", &MY_SECTION)]);
static IN_LIST: Listing = in_list(&[parent("user_task_list_gid", &USER_TASK_LIST)]);
static IN_NAMED_LIST: Listing = in_list(&[parent("user_task_list", &USER_TASK_LIST)]);
static WITH_TAG: Listing = with_tag(&[parent("tag_gid", &TAG)]);
static WITH_NAMED_TAG: Listing = with_tag(&[parent("tag", &TAG)]);
static ASSIGNED: Listing = Listing::of(
    "tasks t",
    "t.gid",
    "t.assignee_id = :assignee AND t.workspace_id = :workspace AND t.deleted_at IS NULL",
    &[by_number("t.gid")],
)
.within(&[parent("assignee", &USER), parent("workspace", &WORKSPACE)])
.filtered(SINCE);
static SUBTASKS: Listing = Listing::of(
    "tasks t",
    "t.gid",
    "t.parent_id = :task AND t.deleted_at IS NULL",
    &[by_text("t.rank"), by_number("t.gid")],
)
.within(&[parent("task_gid", &TASK)])
.covered();
static DEPENDENCIES: Listing = Listing::of(
    "task_dependencies e CROSS JOIN tasks t",
    "t.gid",
    "e.task_id = :task AND t.gid = e.depends_on_id AND t.deleted_at IS NULL",
    &[by_number("e.depends_on_id")],
)
.within(&[parent("task_gid", &TASK)]);
static DEPENDENTS: Listing = Listing::of(
    "task_dependencies e CROSS JOIN tasks t",
    "t.gid",
    "e.depends_on_id = :task AND t.gid = e.task_id AND t.deleted_at IS NULL",
    &[by_number("e.task_id")],
)
.within(&[parent("task_gid", &TASK)]);
static PROJECTS: Listing = Listing::of(
    "task_projects e CROSS JOIN projects t",
    "t.gid",
    "e.task_id = :task AND t.gid = e.project_id AND t.deleted_at IS NULL",
    &[by_number("e.project_id")],
)
.within(&[parent("task_gid", &TASK)]);
static TAGS: Listing = Listing::of(
    "task_tags e CROSS JOIN tags t",
    "t.gid",
    "e.task_id = :task AND t.gid = e.tag_id AND t.deleted_at IS NULL",
    &[by_number("e.tag_id")],
)
.within(&[parent("task_gid", &TASK)])
.covered();

/// getTasks: `Must specify exactly one of ...` is the real service's text; the bare call is the one that the errors page
/// quotes.
fn choose(parameters: &Parameters<'_>) -> Result<&'static Listing> {
    let has = |name: &str| parameters.query_value(name).is_some();
    let named: Vec<&str> =
        ["project", "tag", "section", "user_task_list", "assignee"].into_iter().filter(|n| has(n)).collect();
    match (named.as_slice(), has("workspace")) {
        ([], false) => Err(Error::missing("workspace")),
        (["project"], _) => Ok(&IN_NAMED_PROJECT),
        (["section"], _) => Ok(&IN_NAMED_SECTION),
        (["tag"], _) => Ok(&WITH_NAMED_TAG),
        (["user_task_list"], _) => Ok(&IN_NAMED_LIST),
        (["assignee"], true) => Ok(&ASSIGNED),
        _ => Err(Error::bad(
            "Must specify exactly one of project, tag, section, user task list, or assignee + workspace",
        )),
    }
}

/// A task as rules see it.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its gid.
    pub gid: i64,
    /// Its workspace.
    pub workspace: i64,
    /// Its name.
    pub name: String,
    /// Its `resource_subtype`.
    pub subtype: String,
    /// Its assignee.
    pub assignee: Option<i64>,
    /// Its parent.
    pub parent: Option<i64>,
    /// Whether it is completed.
    pub completed: bool,
    /// Its approval status.
    pub approval_status: Option<String>,
    /// When it starts and is due.
    pub dates: Dates,
}

/// When a task starts and is due: a date, or a moment and the date of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dates {
    start_on: Option<String>,
    start_at: Option<i64>,
    due_on: Option<String>,
    due_at: Option<i64>,
}

impl Dates {
    /// As stories tell them.
    fn told(&self) -> Json {
        told::dates(self.start_on.as_deref(), self.due_on.as_deref(), self.due_at)
    }
}

/// Loads a task that exists.
pub fn load(call: &mut Call<'_>, gid: i64) -> Result<Task> {
    let block = call.query(
        "SELECT workspace_id, name, resource_subtype, assignee_id, parent_id, completed, approval_status, start_on, \
         start_at, due_on, due_at FROM tasks WHERE gid = ?1",
        &[
            Type::Int,
            Type::Text,
            Type::Text,
            Type::Int,
            Type::Int,
            Type::Bool,
            Type::Text,
            Type::Text,
            Type::Int,
            Type::Text,
            Type::Int,
        ],
        &[gid.into()],
    )?;
    if block.is_empty() {
        return Err(Error::deleted(TASK.kind, gid));
    }
    let text = |column| block.text(0, column).map(str::to_owned);
    Ok(Task {
        gid,
        workspace: block.int(0, 0).unwrap_or_default(),
        name: text(1).unwrap_or_default(),
        subtype: text(2).unwrap_or_default(),
        assignee: block.int(0, 3),
        parent: block.int(0, 4),
        completed: block.bool(0, 5),
        approval_status: text(6),
        dates: Dates { start_on: text(7), start_at: block.int(0, 8), due_on: text(9), due_at: block.int(0, 10) },
    })
}

/// Where a task's changes are heard: its projects, its parents and their projects.
pub fn containers(call: &mut Call<'_>, task: i64) -> Result<Vec<i64>> {
    call.numbers(
        "SELECT scope_id FROM task_scopes WHERE task_id = ?1 AND scope_id <> ?1 ORDER BY scope_id",
        &[task.into()],
    )
}

/// Says that a task has changed now.
pub fn touch(call: &mut Call<'_>, task: i64) -> Result<()> {
    call.execute("UPDATE tasks SET modified_at = ?2 WHERE gid = ?1", &[task.into(), call.now.into()])?;
    Ok(())
}

fn refuse_later_inputs(body: &Body) -> Result<()> {
    match CREATE_INPUTS.iter().find(|input| body.has(input.name) && !body.is_null(input.name)) {
        Some(input) => Err(Error::not_implemented(&format!("Writing {} of a task", input.name))),
        None => Ok(()),
    }
}

/// What does not go away while something new comes to it, in the order in which [`create_task`] needs it.
const SHARED_BY_CREATION: &[&str] = &["task_gid", "parent", "memberships.project", "projects", "assignee", "followers"];

fn create_task(call: &mut Call<'_>) -> Result<Outcome> {
    refuse_later_inputs(&call.body)?;
    let places = container::places(call)?;
    let workspace = places.workspace;
    let gid = call.gid()?;
    let mut row = Row::default();
    let subtype = call.body.text("resource_subtype").unwrap_or("default_task").to_owned();
    let before = Task {
        gid,
        workspace,
        name: String::new(),
        subtype: subtype.clone(),
        assignee: None,
        parent: places.parent,
        completed: false,
        approval_status: (subtype == "approval").then(|| "pending".to_owned()),
        dates: Dates::default(),
    };
    let after = changed(call, &before, &mut row)?;
    let mentioned = changed_notes(call, &mut row)?;
    let followers = people::first_followers(call, workspace, after.assignee, &mentioned)?;
    let tags = tagging::first_tags(call, workspace)?;
    let entry = container::Entry::find(call, gid, &places)?;
    let projects: Vec<i64> = places.projects.iter().map(|(project, _)| *project).collect();
    let values = asked_values(call, &after, Some(&projects))?;
    // All but a wrong assignee_section has been refused by now: what follows hardly does anything but write.
    hand_over(call, workspace, gid, None, after.assignee)?;
    row.otherwise("name", "");
    row.otherwise("resource_subtype", subtype.as_str());
    row.otherwise("notes", "");
    row.otherwise("assignee_status", "upcoming");
    row.otherwise("approval_status", after.approval_status.as_deref());
    row.otherwise("completed", false);
    row.otherwise("is_rendered_as_separator", false);
    row.set("gid", gid);
    row.set("workspace_id", workspace);
    row.set("parent_id", places.parent);
    row.set("rank", entry.rank.as_str());
    row.set("created_at", call.now);
    row.set("created_by_id", call.viewer.user);
    row.set("modified_at", call.now);
    call.register(&TASK, gid, workspace);
    call.insert(TASK.table, &row.0);
    entry.enter(call, gid, &places);
    people::enlist(call, gid, &followers);
    for tag in tags {
        call.insert("task_tags", &[("task_id", gid.into()), ("tag_id", tag.into())]);
    }
    place_in_list(call, gid)?;
    container::announce(call, &after, &places, &entry.containers)?;
    tell(call, &before, &after, &entry.containers, true)?;
    write_values(call, &after, &entry.containers, &values)?;
    write_extras(call, &after)?;
    number_task(call, gid, &places.numbering)?;
    Ok(Outcome::Object(gid))
}

fn update_task(call: &mut Call<'_>) -> Result<Outcome> {
    refuse_later_inputs(&call.body)?;
    // What is told of the change is the change from the state before it.
    call.lock(call.target)?;
    let before = load(call, call.target)?;
    let mut row = Row::default();
    let after = changed(call, &before, &mut row)?;
    let mentioned = changed_notes(call, &mut row)?;
    let mentioned = people::newly_mentioned(call, before.gid, mentioned)?;
    if !row.0.is_empty() || call.body.has("custom_fields") || call.body.has("external") {
        row.set("modified_at", call.now);
    }
    let values = asked_values(call, &after, None)?;
    call.update(TASK.table, before.gid, &row.0)?;
    if after.assignee != before.assignee {
        people::reassign(call, &before, after.assignee)?;
    }
    if after.assignee != before.assignee {
        hand_over(call, after.workspace, after.gid, before.assignee, after.assignee)?;
    }
    place_in_list(call, after.gid)?;
    let containers = containers(call, before.gid)?;
    tell(call, &before, &after, &containers, false)?;
    people::add_mentioned(call, &after, &mentioned, &containers)?;
    if row.has("notes") {
        record_field(call, &after, "notes", &containers);
        story(call, &after, "notes_changed", &containers, |_| {})?;
    }
    write_values(call, &after, &containers, &values)?;
    record_values(call, &after, &containers, &values);
    write_extras(call, &after)?;
    Ok(Outcome::Object(before.gid))
}

/// Columns to be written.
#[derive(Default)]
struct Row(Vec<(&'static str, Value)>);

impl Row {
    fn has(&self, column: &str) -> bool {
        self.0.iter().any(|(known, _)| *known == column)
    }

    fn set(&mut self, column: &'static str, value: impl Into<Value>) {
        self.0.retain(|(known, _)| *known != column);
        self.0.push((column, value.into()));
    }

    fn otherwise(&mut self, column: &'static str, value: impl Into<Value>) {
        if !self.has(column) {
            self.0.push((column, value.into()));
        }
    }
}

/// The task that the body makes of this one, and the columns that differ.
fn changed(call: &mut Call<'_>, before: &Task, row: &mut Row) -> Result<Task> {
    let body = &call.body;
    let mut after = before.clone();
    if let Some(name) = body.text("name") {
        after.name = name.to_owned();
        row.set("name", name);
    }
    if let Some(subtype) = body.text("resource_subtype") {
        after.subtype = subtype.to_owned();
        row.set("resource_subtype", subtype);
        after.approval_status = match (subtype, &before.approval_status) {
            ("approval", None) => Some(if before.completed { "approved" } else { "pending" }.to_owned()),
            ("approval", known) => known.clone(),
            _ => None,
        };
        row.set("approval_status", after.approval_status.as_deref());
    }
    if let Some(separator) = body.bool("is_rendered_as_separator") {
        if separator && after.subtype != "default_task" {
            return Err(Error::field("is_rendered_as_separator", "Only a default_task can be a separator"));
        }
        row.set("is_rendered_as_separator", separator);
    }
    changed_dates(body, &mut after, row)?;
    changed_completion(call, before, &mut after, row)?;
    changed_assignee(call, before, &mut after, row)?;
    Ok(after)
}

/// Sets the notes that the body gives; answers whom they mention.
fn changed_notes(call: &mut Call<'_>, row: &mut Row) -> Result<Vec<i64>> {
    let Some(words) = Words::asked(call, "notes", "html_notes")? else {
        return Ok(Vec::new());
    };
    for (column, value) in words.columns("notes", "html_notes") {
        row.set(column, value);
    }
    Ok(words.people)
}

fn changed_dates(body: &Body, after: &mut Task, row: &mut Row) -> Result<()> {
    for (date, moment) in [("due_on", "due_at"), ("start_on", "start_at")] {
        if body.has(date) && body.has(moment) {
            return Err(Error::bad(format!("You may only provide one of {date} or {moment}!")));
        }
    }
    let Dates { start_on, start_at, due_on, due_at } = &mut after.dates;
    let had_start = start_on.is_some();
    for (date, moment, on, at) in [("due_on", "due_at", due_on, due_at), ("start_on", "start_at", start_on, start_at)] {
        if let Some(given) = body.get(moment) {
            *at = match given {
                Given::Time(time) => Some(*time),
                _ => None,
            };
            *on = at.map(model::time::date_of);
        } else if body.has(date) {
            *on = body.text(date).map(str::to_owned);
            *at = None;
        } else {
            continue;
        }
        row.set(date, on.as_deref());
        row.set(moment, *at);
    }
    let dates = &mut after.dates;
    let starts = |name: &str| body.get(name).is_some_and(|given| *given != Given::Null);
    if dates.due_on.is_none() && dates.start_on.is_some() {
        if had_start && !starts("start_on") && !starts("start_at") {
            // Without an end there is no beginning.
            dates.start_on = None;
            dates.start_at = None;
            row.set("start_on", Value::Null);
            row.set("start_at", Value::Null);
        } else {
            let name = if starts("start_at") { "start_at" } else { "start_on" };
            return Err(Error::field(name, "A start date needs a due date in the same request"));
        }
    }
    if starts("start_at") && dates.due_at.is_none() {
        return Err(Error::field("start_at", "A start time needs a due time in the same request"));
    }
    let reversed = match (dates.start_at, dates.due_at) {
        (Some(start), Some(due)) => start >= due,
        _ => matches!((&dates.start_on, &dates.due_on), (Some(start), Some(due)) if start > due),
    };
    if reversed {
        return Err(Error::field(
            if dates.start_at.is_some() { "start_at" } else { "start_on" },
            "Must be before the due date",
        ));
    }
    if after.subtype == "milestone" && dates.start_on.is_some() {
        return Err(Error::field("start_on", "A milestone can't have a start date"));
    }
    Ok(())
}

/// `completed` and `approval_status` move together: `pending` is not completed, every decision is.
fn changed_completion(call: &Call<'_>, before: &Task, after: &mut Task, row: &mut Row) -> Result<()> {
    let body = &call.body;
    if let Some(status) = body.text("approval_status") {
        if after.subtype != "approval" {
            return Err(Error::not_writable("approval_status"));
        }
        after.approval_status = Some(status.to_owned());
        after.completed = status != "pending";
        row.set("approval_status", status);
        if body.bool("completed").is_some_and(|completed| completed != after.completed) {
            return Err(Error::field("completed", format_args!("Does not go with approval_status {status}")));
        }
    } else if let Some(completed) = body.bool("completed") {
        after.completed = completed;
        if after.subtype == "approval" && completed != before.completed {
            after.approval_status = Some(if completed { "approved" } else { "pending" }.to_owned());
            row.set("approval_status", after.approval_status.as_deref());
        }
    }
    if after.completed != before.completed {
        row.set("completed", after.completed);
        row.set("completed_at", after.completed.then_some(call.now));
        row.set("completed_by_id", after.completed.then_some(call.viewer.user));
    }
    Ok(())
}

fn changed_assignee(call: &mut Call<'_>, before: &Task, after: &mut Task, row: &mut Row) -> Result<()> {
    if let Some(given) = call.body.get("assignee") {
        after.assignee = match given {
            Given::Gid(user) => Some(*user),
            _ => None,
        };
    }
    // Whoever has left the workspace is the assignee of what they completed, and of nothing that is still to be done.
    if let (true, false, Some(user)) = (before.completed, after.completed, after.assignee)
        && call.body.get("assignee").is_none()
        && !is_member(call, before.workspace, user)?
    {
        after.assignee = None;
    }
    let status = call.body.text("assignee_status").map(str::to_owned);
    if after.assignee.is_none() && status.is_some() {
        return Err(Error::bad("Schedule status shouldn't be set for unassigned tasks"));
    }
    if after.assignee != before.assignee {
        if let Some(user) = after.assignee {
            crate::workspace::require_member(call, before.workspace, user, "assignee")?;
        }
        row.set("assignee_id", after.assignee);
        row.set("assigned_by_id", after.assignee.map(|_| call.viewer.user));
        row.set("assignee_status", "upcoming");
    }
    if let Some(status) = status {
        row.set("assignee_status", status);
    }
    Ok(())
}

/// Writes the stories and changes that tell two states of a task apart.
fn tell(call: &mut Call<'_>, before: &Task, after: &Task, containers: &[i64], is_new: bool) -> Result<()> {
    if after.name != before.name && !is_new {
        record_field(call, after, "name", containers);
        story(call, after, "name_changed", containers, |story| {
            story.details = Some(json!({"old_name": before.name, "new_name": after.name}));
        })?;
    }
    if after.subtype != before.subtype {
        record_field(call, after, "resource_subtype", containers);
        story(call, after, "resource_subtype_changed", containers, |story| {
            story.details =
                Some(json!({"old_resource_subtype": before.subtype, "new_resource_subtype": after.subtype}));
        })?;
    }
    if after.dates != before.dates {
        let (old, new) = (&before.dates, &after.dates);
        let dues = old.due_on != new.due_on || old.due_at != new.due_at;
        let starts = old.start_on != new.start_on || old.start_at != new.start_at;
        for (differs, field, subtype) in
            [(dues, "due_on", "due_date_changed"), (starts, "start_on", "start_date_changed")]
        {
            if differs {
                if !is_new {
                    record_field(call, after, field, containers);
                }
                story(call, after, subtype, containers, |story| {
                    story.details = Some(json!({"old_dates": old.told(), "new_dates": new.told()}));
                })?;
            }
        }
    }
    if after.assignee != before.assignee {
        if !is_new {
            let change = task_change(Did::Changed, after).field("assignee").value(after.assignee);
            call.record(&change, containers);
        }
        let subtype = if after.assignee.is_some() { "assigned" } else { "unassigned" };
        story(call, after, subtype, containers, |story| story.object = after.assignee.or(before.assignee))?;
    }
    if after.completed != before.completed {
        if !is_new {
            record_field(call, after, "completed", containers);
        }
        let subtype = if after.completed { "marked_complete" } else { "marked_incomplete" };
        if after.subtype != "approval" {
            story(call, after, subtype, containers, |_| {})?;
        }
    }
    if after.approval_status != before.approval_status && after.subtype == before.subtype {
        record_field(call, after, "approval_status", containers);
        let decision = told::of_approval(after.approval_status.as_deref().unwrap_or_default());
        story(call, after, decision, containers, |story| {
            story.details = Some(json!({
                "old_approval_status": before.approval_status,
                "new_approval_status": after.approval_status,
            }));
        })?;
    }
    Ok(())
}

/// A change of a task.
pub(crate) fn task_change<'a>(did: Did, task: &'a Task) -> Change<'a> {
    Change::new(did, TASK.kind, task.gid, task.workspace).subtype(&task.subtype)
}

fn record_field(call: &mut Call<'_>, task: &Task, field: &str, containers: &[i64]) {
    call.record(&task_change(Did::Changed, task).field(field), containers);
}

/// Writes a story under a task.
pub(crate) fn story<'a>(
    call: &mut Call<'_>,
    task: &Task,
    subtype: &'static str,
    containers: &'a [i64],
    complete: impl FnOnce(&mut SystemStory<'a>),
) -> Result<()> {
    let mut story =
        SystemStory { target: task.gid, workspace: task.workspace, subtype, containers, ..SystemStory::default() };
    complete(&mut story);
    write_system_story(call, &story)?;
    Ok(())
}

/// Gives the task the place in its assignee's My Tasks that the body asks for.
fn place_in_list(call: &mut Call<'_>, task: i64) -> Result<()> {
    match call.body.gid("assignee_section") {
        Some(section) => move_task(call, "assignee_section", section, task, Place::First),
        None => Ok(()),
    }
}

/// The values of custom fields that the body gives a task; a new one is in these projects.
fn asked_values(call: &mut Call<'_>, task: &Task, new_in: Option<&[i64]>) -> Result<Vec<NewValue>> {
    let Some(values) = call.body.json("custom_fields").cloned() else {
        return Ok(Vec::new());
    };
    match new_in {
        Some(projects) => read_values(call, task, projects, &values),
        None => {
            call.lock(task.gid)?;
            let projects = projects_of(call, task.gid)?;
            read_values(call, task, &projects, &values)
        }
    }
}

/// What the body says beside the task's own row and its custom fields: external data, a like.
fn write_extras(call: &mut Call<'_>, task: &Task) -> Result<()> {
    if let Some(external) = call.body.object("external").cloned() {
        write_external(call, task, &external)?;
    }
    match call.body.bool("liked") {
        Some(true) => people::like(call, task.gid)?,
        Some(false) => people::unlike(call, task.gid)?,
        None => {}
    }
    Ok(())
}

fn write_external(call: &mut Call<'_>, task: &Task, external: &Body) -> Result<()> {
    let app = call.viewer.app;
    if let Some(gid) = external.text("gid") {
        let other = call.number(
            "SELECT task_id FROM task_externals WHERE app_id = ?1 AND workspace_id = ?2 AND gid = ?3",
            &[app.into(), task.workspace.into(), gid.into()],
        )?;
        if other.is_some_and(|other| other != task.gid) {
            return Err(Error::field("external: gid", format_args!("Already in use: {gid}")));
        }
    }
    let columns = [("task_id", task.gid.into()), ("app_id", app.into()), ("workspace_id", task.workspace.into())];
    call.insert_new("task_externals", &columns)?;
    for (name, column) in [("gid", "gid"), ("data", "data")] {
        if let Some(value) = external.get(name).and_then(Given::value) {
            call.execute(
                &format!("UPDATE task_externals SET {column} = ?3 WHERE task_id = ?1 AND app_id = ?2"),
                &[task.gid.into(), app.into(), value],
            )?;
        }
    }
    Ok(())
}

/// The section that a task lands in when a project is named without one.
fn landing(call: &mut Call<'_>, project: i64, section: Option<i64>) -> Result<i64> {
    match section {
        Some(section) => Ok(section),
        None => first_of(call, project),
    }
}

#[cfg(test)]
mod tests;
