//! Where a task stands: in projects and their sections, under a parent. Its visibility follows from that.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use engine::body::Given;
use engine::call::Call;
use engine::change::Did;
use engine::error::{Error, Result};
use engine::operation::Outcome;
use engine::sql::Template;
use model::Level;
use store::Type;

use super::{TASK, Task, containers, landing, load, story, task_change, touch};
use crate::custom_id::number_task;
use crate::order::{Ordered, Place, hold, place, place_asked};
use crate::project::PROJECT;
use crate::section::SECTION;

/// Projects that one task may be in.
pub const MOST_PROJECTS: usize = 20;
/// Levels of subtasks below a task.
const DEEPEST: usize = 5;

/// Where a new task goes.
#[derive(Debug)]
pub struct Places {
    /// Its workspace.
    pub workspace: i64,
    /// Its parent.
    pub parent: Option<i64>,
    /// Projects with their sections.
    pub projects: Vec<(i64, i64)>,
    /// Those of the projects whose tasks get custom IDs.
    pub numbering: Vec<i64>,
}

pub(crate) fn tasks_of_section(section: i64) -> Ordered {
    Ordered { table: "task_projects", scope_column: "section_id", scope: section, key_column: "task_id" }
}

pub(crate) fn subtasks_of(parent: i64) -> Ordered {
    Ordered { table: "tasks", scope_column: "parent_id", scope: parent, key_column: "gid" }
}

/// Reads from the body where a new task goes: a parent, projects, memberships, or a bare workspace.
pub fn places(call: &mut Call<'_>) -> Result<Places> {
    let parent = if call.target == 0 { call.body.gid("parent") } else { Some(call.target) };
    let (mut projects, mut paths): (Vec<(i64, i64)>, Vec<String>) = Default::default();
    let named: Vec<(i64, Option<i64>, String)> = call
        .body
        .objects("memberships")
        .iter()
        .enumerate()
        .map(|(at, membership)| {
            let project = membership.gid("project").unwrap_or_default();
            (project, membership.gid("section"), format!("memberships: [{at}]"))
        })
        .chain(
            call.body
                .gids("projects")
                .iter()
                .enumerate()
                .map(|(at, project)| (*project, None, format!("projects: [{at}]"))),
        )
        .collect();
    let mut workspace = call.body.gid("workspace");
    // No parent is deleted or shown to others while it gets a subtask, no project deleted, nor any of its sections.
    let held: Vec<i64> = parent.into_iter().chain(named.iter().map(|(project, ..)| *project)).collect();
    call.share_all(&held)?;
    if let Some(parent) = parent {
        call.require(&TASK, "parent", parent, Level::Editor)?;
        let own = call.workspace_of(parent)?;
        if workspace.is_some_and(|workspace| workspace != own) {
            return Err(Error::field("parent", "Must be in the same workspace as the task"));
        }
        workspace = Some(own);
        if depth(call, parent)? + 1 > DEEPEST {
            return Err(too_deep());
        }
    }
    for (project, section, path) in named {
        if projects.iter().any(|(known, _)| *known == project) {
            continue;
        }
        call.require(&PROJECT, &path, project, Level::Editor)?;
        let own = call.workspace_of(project)?;
        if *workspace.get_or_insert(own) != own {
            return Err(Error::field(path, "Must be in the same workspace as the task"));
        }
        let section = landing(call, project, section)?;
        projects.push((project, section));
        paths.push(path);
    }
    let numbering = require_sections(call, &projects, &paths)?;
    if projects.len() > MOST_PROJECTS {
        return Err(too_many());
    }
    match workspace {
        Some(workspace) => Ok(Places { workspace, parent, projects, numbering }),
        None => Err(Error::bad("You should specify one of workspace, parent, projects")),
    }
}

fn too_many() -> Error {
    Error::field("projects", format_args!("A task can be in at most {MOST_PROJECTS} projects"))
}

fn too_deep() -> Error {
    Error::field("parent", format_args!("Subtasks can be at most {DEEPEST} levels deep"))
}

static SECTIONS: LazyLock<Template> = LazyLock::new(|| {
    let text = "SELECT o.gid, o.project_id, EXISTS (SELECT 1 FROM custom_field_settings s CROSS JOIN custom_fields f \
                WHERE s.parent_id = o.project_id AND f.gid = s.custom_field_id AND f.id_prefix IS NOT NULL) \
                FROM sections o WHERE o.gid IN ({ids})";
    Template::new(text, &[Type::Int, Type::Int, Type::Bool])
});

/// Refuses sections that are not in the projects beside them; `paths` say where the body names each pair. Answers those of
/// the projects whose tasks get custom IDs.
fn require_sections(call: &mut Call<'_>, places: &[(i64, i64)], paths: &[String]) -> Result<Vec<i64>> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let sections: Vec<i64> = places.iter().map(|(_, section)| *section).collect();
    let found = call.select(&SECTIONS, &sections, &[])?;
    let is_in = |project: i64, section: i64| {
        (0..found.len()).any(|row| found.int(row, 0) == Some(section) && found.int(row, 1) == Some(project))
    };
    match places.iter().zip(paths).find(|((project, section), _)| !is_in(*project, *section)) {
        None => Ok((0..found.len()).filter(|row| found.bool(*row, 2)).filter_map(|row| found.int(row, 1)).collect()),
        Some(((project, section), path)) => {
            Err(Error::field(format_args!("{path}: section"), format_args!("Not in project {project}: {section}")))
        }
    }
}

/// How many parents a task has above it.
fn depth(call: &mut Call<'_>, task: i64) -> Result<usize> {
    let mut depth = 0;
    let mut at = task;
    while let Some(parent) = call.number("SELECT parent_id FROM tasks WHERE gid = ?1", &[at.into()])? {
        depth += 1;
        at = parent;
        if depth > 2 * DEEPEST {
            break;
        }
    }
    Ok(depth)
}

/// Where a new task stands among others, and where its changes are heard.
pub struct Entry {
    /// Among its parent's subtasks: it is the last.
    pub rank: String,
    /// In the section of each project: it is the first.
    ranks: Vec<String>,
    /// What gives it its visibility beside itself: its projects and what its parent has. Ascending.
    pub containers: Vec<i64>,
}

impl Entry {
    /// Finds it for the task that is to be `gid`.
    pub fn find(call: &mut Call<'_>, gid: i64, places: &Places) -> Result<Entry> {
        let mut rank = String::new();
        let mut containers: BTreeSet<i64> = places.projects.iter().map(|(project, _)| *project).collect();
        if let Some(parent) = places.parent {
            rank = place(call, &subtasks_of(parent), gid, Place::Last)?;
            containers.extend(call.numbers("SELECT scope_id FROM task_scopes WHERE task_id = ?1", &[parent.into()])?);
        }
        let places = places.projects.iter();
        let ranks = places.map(|(_, section)| place(call, &tasks_of_section(*section), gid, Place::First));
        Ok(Entry { rank, ranks: ranks.collect::<Result<_>>()?, containers: containers.into_iter().collect() })
    }

    /// Puts the task there.
    pub fn enter(&self, call: &mut Call<'_>, gid: i64, places: &Places) {
        for ((project, section), rank) in places.projects.iter().zip(&self.ranks) {
            let columns = [
                ("task_id", gid.into()),
                ("project_id", (*project).into()),
                ("section_id", (*section).into()),
                ("rank", rank.as_str().into()),
            ];
            call.insert("task_projects", &columns);
        }
        for scope in [gid].iter().chain(&self.containers) {
            call.insert("task_scopes", &[("task_id", gid.into()), ("scope_id", (*scope).into())]);
        }
    }
}

/// Writes the stories and changes of a new task's places.
pub fn announce(call: &mut Call<'_>, task: &Task, places: &Places, containers: &[i64]) -> Result<()> {
    let home = places.projects.first().map(|(project, _)| *project).or(places.parent);
    let mut added = task_change(Did::Added, task);
    added.parent = home;
    call.record(&added, containers);
    for (at, (project, _)) in places.projects.iter().enumerate() {
        if at > 0 {
            call.record(&task_change(Did::Added, task).parent(*project), containers);
        }
        story(call, task, "added_to_project", containers, |story| story.object = Some(*project))?;
    }
    if let Some(parent) = places.parent {
        story(call, task, "added_to_task", containers, |story| story.object = Some(parent))?;
    }
    Ok(())
}

/// Locks a task and everything below it, the parents first: who gives a task a subtask shares its lock. Beforehand the
/// workspace is locked, so that two of those who lock many do not wait for each other.
pub fn lock_tree(call: &mut Call<'_>, task: i64) -> Result<()> {
    let mut locked = BTreeSet::new();
    loop {
        // What came to be before its parent was locked shows the next time.
        let tree = call.numbers(
            "WITH RECURSIVE below (gid, depth) AS (SELECT CAST(?1 AS BIGINT), CAST(0 AS BIGINT) \
               UNION ALL SELECT k.gid, b.depth + 1 FROM below b CROSS JOIN tasks k WHERE k.parent_id = b.gid) \
             SELECT gid FROM below ORDER BY depth, gid",
            &[task.into()],
        )?;
        let fresh: Vec<i64> = tree.into_iter().filter(|gid| locked.insert(*gid)).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        call.lock_all(&fresh)?;
    }
}

/// Recomputes the visibility of a task and of everything below it: each task has itself, its projects, and the same of
/// everything above it.
pub fn rescope(call: &mut Call<'_>, task: i64) -> Result<()> {
    call.execute(&format!("{BELOW} DELETE FROM task_scopes WHERE task_id IN (SELECT gid FROM below)"), &[task.into()])?;
    call.execute(
        &format!(
            "{BELOW}, chain (gid, above) AS (SELECT gid, gid FROM below \
             UNION SELECT c.gid, k.parent_id FROM chain c CROSS JOIN tasks k \
             WHERE k.gid = c.above AND k.parent_id IS NOT NULL) \
             INSERT INTO task_scopes (task_id, scope_id) SELECT gid, above FROM chain \
             UNION SELECT c.gid, e.project_id FROM chain c CROSS JOIN task_projects e WHERE e.task_id = c.above"
        ),
        &[task.into()],
    )?;
    Ok(())
}

/// A task and everything below it, in the trash or not.
const BELOW: &str = "\
    WITH RECURSIVE below (gid) AS (SELECT CAST(?1 AS BIGINT) \
      UNION SELECT k.gid FROM below b CROSS JOIN tasks k WHERE k.parent_id = b.gid)";

/// A task's section in a project, if it is in it, held fast until the end of the transaction.
pub struct Standing(Option<i64>);

fn section_in(call: &mut Call<'_>, task: i64, project: i64) -> Result<Option<i64>> {
    call.number(
        "SELECT section_id FROM task_projects WHERE task_id = ?1 AND project_id = ?2",
        &[task.into(), project.into()],
    )
}

/// Takes the locks for putting a task into a project or moving it there, in the order in which everybody takes them:
/// workspace, tasks, project, section. Then nobody takes the task or the project away.
pub fn standing(call: &mut Call<'_>, task: &Task, project: i64) -> Result<Standing> {
    if section_in(call, task.gid, project)?.is_none() {
        call.lock(task.workspace)?;
    }
    call.lock(task.gid)?;
    let section = section_in(call, task.gid, project)?;
    if section.is_none() {
        // What is below the task sees the project with it.
        lock_tree(call, task.gid)?;
    }
    call.share(project)?;
    Ok(Standing(section))
}

/// Puts a task into a section, at a place, whether it was in the project before or not.
pub fn put(call: &mut Call<'_>, task: &Task, standing: &Standing, project: i64, section: i64, at: Place) -> Result<()> {
    let rank = place(call, &tasks_of_section(section), task.gid, at)?;
    if let Some(before) = standing.0 {
        call.execute(
            "UPDATE task_projects SET section_id = ?3, rank = ?4 WHERE task_id = ?1 AND project_id = ?2",
            &[task.gid.into(), project.into(), section.into(), rank.into()],
        )?;
        touch(call, task.gid)?;
        if before != section {
            let containers = containers(call, task.gid)?;
            call.record(&task_change(Did::Changed, task).field("memberships"), &containers);
            story(call, task, "section_changed", &containers, |story| {
                story.object = Some(project);
                story.old = Some(before);
                story.new = Some(section);
            })?;
        }
        return Ok(());
    }
    let count = call.number("SELECT count(*) FROM task_projects WHERE task_id = ?1", &[task.gid.into()])?;
    if count.unwrap_or_default() >= MOST_PROJECTS as i64 {
        return Err(too_many());
    }
    let columns = [
        ("task_id", task.gid.into()),
        ("project_id", project.into()),
        ("section_id", section.into()),
        ("rank", rank.into()),
    ];
    call.insert("task_projects", &columns);
    rescope(call, task.gid)?;
    touch(call, task.gid)?;
    let containers = containers(call, task.gid)?;
    call.record(&task_change(Did::Added, task).parent(project), &containers);
    story(call, task, "added_to_project", &containers, |story| story.object = Some(project))?;
    number_task(call, task.gid, &[project])
}

/// addProjectForTask: at the end of the project's first section unless the body says where.
pub fn add_project(call: &mut Call<'_>) -> Result<Outcome> {
    let task = load(call, call.target)?;
    let project = call.body.gid("project").unwrap_or_default();
    let standing = standing(call, &task, project)?;
    call.require(&PROJECT, "project", project, Level::Editor)?;
    if call.workspace_of(project)? != task.workspace {
        return Err(Error::field("project", "Must be in the same workspace as the task"));
    }
    let before = standing.0;
    let anchor = call.body.gid("insert_before").or(call.body.gid("insert_after"));
    let section = match (call.body.gid("section"), anchor) {
        (Some(section), _) => section,
        (None, Some(anchor)) => {
            let found = section_in(call, anchor, project)?;
            let property = if call.body.gid("insert_before").is_some() { "insert_before" } else { "insert_after" };
            found.ok_or_else(|| Error::field(property, format_args!("Not in project {project}: {anchor}")))?
        }
        (None, None) => landing(call, project, before)?,
    };
    require_sections(call, &[(project, section)], &["project".to_owned()])?;
    let asked = place_asked(call, &tasks_of_section(section), "insert_before", "insert_after")?;
    let unmoved = before == Some(section) && asked.is_none() && !call.body.has("section");
    if !unmoved {
        put(call, &task, &standing, project, section, asked.unwrap_or(Place::Last))?;
    }
    Ok(Outcome::Empty)
}

/// removeProjectForTask.
pub fn remove_project(call: &mut Call<'_>) -> Result<Outcome> {
    let task = load(call, call.target)?;
    let project = call.body.gid("project").unwrap_or_default();
    call.require(&PROJECT, "project", project, Level::Editor)?;
    call.lock(task.workspace)?;
    lock_tree(call, task.gid)?;
    let containers = containers(call, task.gid)?;
    let removed = call.execute(
        "DELETE FROM task_projects WHERE task_id = ?1 AND project_id = ?2",
        &[task.gid.into(), project.into()],
    )?;
    if removed > 0 {
        rescope(call, task.gid)?;
        touch(call, task.gid)?;
        call.record(&task_change(Did::Removed, &task).parent(project), &containers);
        story(call, &task, "removed_from_project", &containers, |story| story.object = Some(project))?;
    }
    Ok(Outcome::Empty)
}

/// setParentForTask: under another task, or on its own.
pub fn set_parent(call: &mut Call<'_>) -> Result<Outcome> {
    let parent = match call.body.get("parent") {
        Some(Given::Gid(parent)) => Some(*parent),
        _ => None,
    };
    let workspace = call.workspace_of(call.target)?;
    call.lock(workspace)?;
    if let Some(parent) = parent {
        hold(call, &subtasks_of(parent), "insert_before", "insert_after")?;
    }
    lock_tree(call, call.target)?;
    let task = load(call, call.target)?;
    let old_containers = containers(call, task.gid)?;
    let rank = match parent {
        Some(parent) => {
            call.require(&TASK, "parent", parent, Level::Editor)?;
            if call.workspace_of(parent)? != task.workspace {
                return Err(Error::field("parent", "Must be in the same workspace as the task"));
            }
            require_no_cycle(call, task.gid, parent)?;
            let siblings = subtasks_of(parent);
            let at = place_asked(call, &siblings, "insert_before", "insert_after")?.unwrap_or(Place::Last);
            place(call, &siblings, task.gid, at)?
        }
        None => {
            if let Some(name) = ["insert_before", "insert_after"].into_iter().find(|name| call.body.gid(name).is_some())
            {
                return Err(Error::field(name, "A task without a parent has no siblings"));
            }
            String::new()
        }
    };
    call.update(
        TASK.table,
        task.gid,
        &[("parent_id", parent.into()), ("rank", rank.into()), ("modified_at", call.now.into())],
    )?;
    if parent != task.parent {
        rescope(call, task.gid)?;
        let mut heard: BTreeSet<i64> = old_containers.into_iter().collect();
        heard.extend(containers(call, task.gid)?);
        let heard: Vec<i64> = heard.into_iter().collect();
        let change = task_change(Did::Changed, &task).field("parent").value(parent);
        call.record(&change, &heard);
        if let Some(old) = task.parent {
            call.record(&task_change(Did::Removed, &task).parent(old), &heard);
            story(call, &task, "removed_from_task", &heard, |story| story.object = Some(old))?;
        }
        if let Some(new) = parent {
            call.record(&task_change(Did::Added, &task).parent(new), &heard);
            story(call, &task, "added_to_task", &heard, |story| story.object = Some(new))?;
        }
    }
    Ok(Outcome::Object(task.gid))
}

/// A task may stand neither under itself nor under one of its own subtasks, and not too deep.
fn require_no_cycle(call: &mut Call<'_>, task: i64, parent: i64) -> Result<()> {
    let mut above = Some(parent);
    while let Some(at) = above {
        if at == task {
            return Err(Error::field("parent", "A task can't be a subtask of itself"));
        }
        above = call.number("SELECT parent_id FROM tasks WHERE gid = ?1", &[at.into()])?;
    }
    let below = call.query(
        "WITH RECURSIVE below(gid, depth) AS (SELECT CAST(?1 AS BIGINT), CAST(0 AS BIGINT) UNION ALL \
         SELECT c.gid, b.depth + 1 FROM below b JOIN tasks c ON c.parent_id = b.gid WHERE b.depth < 10) \
         SELECT max(depth) FROM below",
        &[Type::Int],
        &[task.into()],
    )?;
    let below = if below.is_empty() { 0 } else { below.int(0, 0).unwrap_or_default() };
    if depth(call, parent)? + 1 + below as usize > DEEPEST {
        return Err(too_deep());
    }
    Ok(())
}

/// The project that a section belongs to, when the caller may change it.
pub fn project_of_section(call: &mut Call<'_>, section: i64) -> Result<i64> {
    call.require(&SECTION, "section", section, Level::Editor)?;
    Ok(call.number("SELECT project_id FROM sections WHERE gid = ?1", &[section.into()])?.unwrap_or_default())
}
