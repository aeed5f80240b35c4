//! Copies of tasks: what of the original they have, and where they stand.

use std::sync::LazyLock;

use engine::call::Call;
use engine::change::Did;
use engine::error::{Error, Result};
use engine::job::{Next, Turn};
use engine::parameter::shortened;
use engine::sql::Template;
use model::Level;
use model::time::{date_of, parse_time};
use serde_json::{Value as Json, json};
use store::{Type, Value};

use super::container::{MOST_PROJECTS, rescope, subtasks_of, tasks_of_section};
use super::people::{add_followers, enlist, reassign};
use super::{Dates, TASK, Task, containers, load, record_field, story, task_change, tell};
use crate::custom_id::number_task;
use crate::order::{Place, place};
use crate::project::PROJECT;
use crate::user_task_list::hand_over;
use crate::workspace::is_member;
use crate::{attachment, custom_field_value};

/// What of a task its copy has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Include {
    /// Its assignee.
    pub assignee: bool,
    /// Its attachments.
    pub attachments: bool,
    /// When it starts and is due.
    pub dates: bool,
    /// What it waits for, and what waits for it.
    pub dependencies: bool,
    /// Its followers.
    pub followers: bool,
    /// Its description.
    pub notes: bool,
    /// Its parent: the copy stands beside it.
    pub parent: bool,
    /// Its projects, with what it says about their custom fields.
    pub projects: bool,
    /// Copies of its subtasks.
    pub subtasks: bool,
    /// Its tags.
    pub tags: bool,
    /// How far its dates move.
    pub shift: Option<Shift>,
    /// A project of the original's that the copy is not in.
    pub not_in: Option<i64>,
}

/// How far dates move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    days: i64,
    /// What comes to a weekend moves on to Monday.
    skip_weekends: bool,
}

const DAY: i64 = 86_400_000;

impl Shift {
    /// From one date to another.
    pub fn between(from: &str, to: &str, skip_weekends: bool) -> Option<Shift> {
        Some(Shift { days: (parse_time(to)? - parse_time(from)?).div_euclid(DAY), skip_weekends })
    }

    fn moment(self, moment: i64) -> i64 {
        let moved = moment + self.days * DAY;
        // The first of January 1970 was a Thursday.
        match (moved.div_euclid(DAY) + 4).rem_euclid(7) {
            6 if self.skip_weekends => moved + 2 * DAY,
            0 if self.skip_weekends => moved + DAY,
            _ => moved,
        }
    }

    fn date(self, date: &str) -> String {
        parse_time(date).map_or_else(|| date.to_owned(), |day| date_of(self.moment(day)))
    }

    fn dates(self, dates: &Dates) -> Dates {
        Dates {
            start_on: dates.start_on.as_deref().map(|date| self.date(date)),
            start_at: dates.start_at.map(|moment| self.moment(moment)),
            due_on: dates.due_on.as_deref().map(|date| self.date(date)),
            due_at: dates.due_at.map(|moment| self.moment(moment)),
        }
    }
}

impl Include {
    fn part(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "assignee" => &mut self.assignee,
            "attachments" => &mut self.attachments,
            "dates" => &mut self.dates,
            "dependencies" => &mut self.dependencies,
            "followers" => &mut self.followers,
            "notes" => &mut self.notes,
            "parent" => &mut self.parent,
            "projects" => &mut self.projects,
            "subtasks" => &mut self.subtasks,
            "tags" => &mut self.tags,
            _ => return None,
        })
    }

    /// As [`Include::of`] reads it from the state of a job.
    pub fn state(mut self) -> Json {
        let named = PARTS.iter().filter(|name| self.part(name).is_some_and(|part| *part));
        let parts: Vec<&str> = named.copied().collect();
        let (days, skip_weekends) = (self.shift.map(|shift| shift.days), self.shift.map(|shift| shift.skip_weekends));
        json!({"parts": parts, "days": days, "skip_weekends": skip_weekends, "not_in": self.not_in})
    }

    /// What the state of a job says is to be copied.
    pub fn of(state: &Json) -> Include {
        let mut include = Include::default();
        for name in state["parts"].as_array().into_iter().flatten().filter_map(Json::as_str) {
            if let Some(part) = include.part(name) {
                *part = true;
            }
        }
        let skip_weekends = state["skip_weekends"].as_bool().unwrap_or_default();
        include.shift = state["days"].as_i64().map(|days| Shift { days, skip_weekends });
        include.not_in = state["not_in"].as_i64();
        include
    }

    /// Reads a list as `notes,assignee`. `known` are the words that it may have; those that begin with `prefix` are ours.
    ///
    /// # Errors
    /// 400 for a word that is not known.
    pub fn read(list: &str, prefix: &str, known: &[&str]) -> Result<Include> {
        let mut include = Include::default();
        for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            if !known.contains(&word) {
                let message = format!("Not a recognized value: {}. Use any of: {}", shortened(word), known.join(", "));
                return Err(Error::field("include", message));
            }
            if let Some(part) = word.strip_prefix(prefix).and_then(|name| include.part(name)) {
                *part = true;
            }
        }
        Ok(include)
    }
}

/// Where a copy stands beside what the original's places say.
#[derive(Clone, Copy, Debug)]
pub enum Home {
    /// Nowhere: it is its creator's.
    Nowhere,
    /// Below this task, in the original's place among its siblings.
    Below(i64),
    /// In this section of this project, in the original's place.
    In(i64, i64),
}

/// Makes an empty copy of a task: of its name, or of this one, and its kind. It is there from now on, and filled by
/// [`fill`]. The caller follows it.
pub fn make(call: &mut Call<'_>, source: i64, name: Option<&str>, home: Home) -> Result<i64> {
    let original = load(call, source)?;
    let found = call.query(
        "SELECT t.rank, t.is_rendered_as_separator, e.rank FROM tasks t \
         LEFT JOIN task_projects e ON e.task_id = t.gid AND e.project_id = ?2 WHERE t.gid = ?1",
        &[Type::Text, Type::Bool, Type::Text],
        &[source.into(), if let Home::In(project, _) = home { project.into() } else { 0.into() }],
    )?;
    let copy = call.create_object(&TASK, original.workspace)?;
    let is_approval = original.subtype == "approval";
    let (parent, rank) = match home {
        Home::Below(parent) => (Some(parent), found.text(0, 0).unwrap_or_default()),
        _ => (None, ""),
    };
    call.insert(
        TASK.table,
        &[
            ("gid", copy.into()),
            ("workspace_id", original.workspace.into()),
            ("name", name.unwrap_or(&original.name).into()),
            ("resource_subtype", original.subtype.as_str().into()),
            ("notes", "".into()),
            ("assignee_status", "upcoming".into()),
            ("approval_status", is_approval.then_some("pending").into()),
            ("completed", false.into()),
            ("parent_id", parent.into()),
            ("rank", rank.into()),
            ("is_rendered_as_separator", found.bool(0, 1).into()),
            ("created_at", call.now.into()),
            ("created_by_id", call.viewer.user.into()),
            ("modified_at", call.now.into()),
        ],
    );
    enlist(call, copy, &[call.viewer.user]);
    if let Home::In(project, section) = home {
        // The copy of a project has the same order, so ranks can be the same.
        let rank = found.text(0, 2).map(str::to_owned).unwrap_or_else(model::rank::first);
        stand(call, copy, project, section, &rank);
    }
    rescope(call, copy)?;
    let containers = containers(call, copy)?;
    let mut task = load(call, copy)?;
    task.parent = parent;
    let place = match home {
        Home::Nowhere => None,
        Home::Below(parent) => Some(("added_to_task", parent)),
        Home::In(project, _) => Some(("added_to_project", project)),
    };
    let mut change = task_change(Did::Added, &task);
    change.parent = place.map(|(_, home)| home);
    call.record(&change, &containers);
    if let Some((subtype, home)) = place {
        story(call, &task, subtype, &containers, |story| story.object = Some(home))?;
    }
    Ok(copy)
}

fn stand(call: &mut Call<'_>, task: i64, project: i64, section: i64, rank: &str) {
    let columns = [
        ("task_id", task.into()),
        ("project_id", project.into()),
        ("section_id", section.into()),
        ("rank", rank.into()),
    ];
    call.insert("task_projects", &columns);
}

/// Gives an empty copy what it is to have of the original, all but subtasks and dependencies.
pub fn fill(call: &mut Call<'_>, source: i64, copy: i64, include: &Include) -> Result<()> {
    let (original, before) = (load(call, source)?, load(call, copy)?);
    let mut after = before.clone();
    let mut row: Vec<(&'static str, Value)> = vec![("modified_at", call.now.into())];
    if include.dates {
        after.dates = include.shift.map_or_else(|| original.dates.clone(), |shift| shift.dates(&original.dates));
        let Dates { start_on, start_at, due_on, due_at } = &after.dates;
        row.extend([
            ("start_on", start_on.as_deref().into()),
            ("start_at", (*start_at).into()),
            ("due_on", due_on.as_deref().into()),
            ("due_at", (*due_at).into()),
        ]);
    }
    let notes = if include.notes { notes_of(call, source)? } else { None };
    row.extend(notes.iter().flatten().cloned());
    if let Some(user) = original.assignee.filter(|_| include.assignee)
        && is_member(call, original.workspace, user)?
    {
        after.assignee = Some(user);
        row.extend([("assignee_id", user.into()), ("assigned_by_id", call.viewer.user.into())]);
    }
    call.update(TASK.table, copy, &row)?;
    if after.assignee.is_some() {
        reassign(call, &before, after.assignee)?;
        hand_over(call, after.workspace, copy, None, after.assignee)?;
    }
    if include.parent {
        stand_beside(call, &original, &after)?;
    }
    if include.projects {
        join_projects(call, &original, &after, include.not_in)?;
    }
    let containers = containers(call, copy)?;
    tell(call, &before, &after, &containers, false)?;
    if notes.is_some() {
        record_field(call, &after, "notes", &containers);
    }
    if include.followers {
        let followers = call.numbers(
            "SELECT f.user_id FROM task_followers f CROSS JOIN workspace_memberships m WHERE f.task_id = ?1 \
             AND m.user_id = f.user_id AND m.workspace_id = ?2 ORDER BY f.user_id",
            &[source.into(), original.workspace.into()],
        )?;
        for user in add_followers(call, copy, &followers)? {
            call.record(&task_change(Did::Changed, &after).field("followers").member(Did::Added, user), &containers);
        }
    }
    if include.tags {
        let tags = call.numbers(
            "SELECT e.tag_id FROM task_tags e CROSS JOIN tags t WHERE e.task_id = ?1 AND t.gid = e.tag_id \
             AND t.deleted_at IS NULL ORDER BY e.tag_id",
            &[source.into()],
        )?;
        for tag in tags {
            call.insert_new("task_tags", &[("task_id", copy.into()), ("tag_id", tag.into())])?;
            call.record(&task_change(Did::Changed, &after).field("tags").member(Did::Added, tag), &containers);
        }
    }
    if include.attachments {
        attachment::copy_all(call, source, copy)?;
    }
    Ok(())
}

/// The columns with the description of a task, unless it is empty.
fn notes_of(call: &mut Call<'_>, task: i64) -> Result<Option<[(&'static str, Value); 3]>> {
    let found = call.query(
        "SELECT notes, html_notes, mentions FROM tasks WHERE gid = ?1 AND notes <> ''",
        &[Type::Text, Type::Text, Type::Bool],
        &[task.into()],
    )?;
    if found.is_empty() {
        return Ok(None);
    }
    let mentions = found.bool(0, 2).then_some(true);
    Ok(Some([
        ("notes", found.text(0, 0).into()),
        ("html_notes", found.text(0, 1).into()),
        ("mentions", mentions.map_or(Value::Null, Value::Bool)),
    ]))
}

/// Puts a copy right after the original, below the same parent, if the caller may edit that.
fn stand_beside(call: &mut Call<'_>, original: &Task, copy: &Task) -> Result<()> {
    let Some(parent) = original.parent else { return Ok(()) };
    call.share(parent)?;
    if call.level(&TASK, parent)? < Some(Level::Editor) {
        return Ok(());
    }
    let rank = place(call, &subtasks_of(parent), copy.gid, Place::After(original.gid))?;
    call.update(TASK.table, copy.gid, &[("parent_id", parent.into()), ("rank", rank.into())])?;
    rescope(call, copy.gid)?;
    let containers = containers(call, copy.gid)?;
    call.record(&task_change(Did::Changed, copy).field("parent").value(Some(parent)), &containers);
    call.record(&task_change(Did::Added, copy).parent(parent), &containers);
    story(call, copy, "added_to_task", &containers, |story| story.object = Some(parent))
}

/// Puts a copy into the projects of the original, right after it, where the caller may edit them, with what the original
/// says about their custom fields.
fn join_projects(call: &mut Call<'_>, original: &Task, copy: &Task, but: Option<i64>) -> Result<()> {
    let found = call.query(
        "SELECT e.project_id, e.section_id FROM task_projects e CROSS JOIN projects p WHERE e.task_id = ?1 \
         AND p.gid = e.project_id AND p.deleted_at IS NULL AND p.gid <> ?4 \
         AND NOT EXISTS (SELECT 1 FROM task_projects o WHERE o.task_id = ?2 AND o.project_id = e.project_id) \
         ORDER BY e.project_id LIMIT ?3",
        &[Type::Int, Type::Int],
        &[original.gid.into(), copy.gid.into(), (MOST_PROJECTS as i64 - 1).into(), but.unwrap_or_default().into()],
    )?;
    let mut joined = Vec::new();
    for row in 0..found.len() {
        let (project, section) = (found.int(row, 0).unwrap_or_default(), found.int(row, 1).unwrap_or_default());
        call.share(project)?;
        if call.level(&PROJECT, project)? < Some(Level::Editor) {
            continue;
        }
        let rank = place(call, &tasks_of_section(section), copy.gid, Place::After(original.gid))?;
        stand(call, copy.gid, project, section, &rank);
        joined.push(project);
    }
    if joined.is_empty() {
        return Ok(());
    }
    rescope(call, copy.gid)?;
    let containers = containers(call, copy.gid)?;
    number_task(call, copy.gid, &joined)?;
    for project in joined {
        call.record(&task_change(Did::Added, copy).parent(project), &containers);
        story(call, copy, "added_to_project", &containers, |story| story.object = Some(project))?;
    }
    custom_field_value::copy_values(call, original.gid, copy.gid)
}

/// Subtasks of originals that this job has copied, and has not copied themselves; parents first. No copies: somebody may
/// have put one below its own original.
const NEXT_SUBTASKS: &str = "SELECT k.gid, c.copy_id FROM job_copies c CROSS JOIN tasks k \
    WHERE c.job_id = ?1 AND k.parent_id = c.source_id AND k.deleted_at IS NULL \
    AND NOT EXISTS (SELECT 1 FROM job_copies d WHERE d.job_id = ?1 AND d.source_id = k.gid) \
    AND NOT EXISTS (SELECT 1 FROM job_copies d WHERE d.copy_id = k.gid) \
    ORDER BY c.copy_id, k.rank, k.gid LIMIT ?2";

/// Copies some subtasks of what a job has copied. How many: none when all are there.
fn copy_subtasks(call: &mut Call<'_>, job: i64, include: &Include, most: i64) -> Result<i64> {
    let found = call.query(NEXT_SUBTASKS, &[Type::Int, Type::Int], &[job.into(), most.into()])?;
    for row in 0..found.len() {
        let (source, parent) = (found.int(row, 0).unwrap_or_default(), found.int(row, 1).unwrap_or_default());
        let copy = make(call, source, None, Home::Below(parent))?;
        crate::job::remember_copy(call, job, source, copy);
        fill(call, source, copy, &Include { parent: false, ..*include })?;
    }
    Ok(found.len() as i64)
}

/// What comes next, in the state of a job that copies: the subtasks of what it has copied, then their dependencies.
pub const SUBTASKS: &str = "subtasks";
const DEPENDENCIES: &str = "dependencies";

/// The next step of a job that copies: this phase, behind this object.
pub fn phase(turn: &Turn<'_>, phase: &str, after: i64) -> Next {
    let mut state = turn.state.clone();
    (state["phase"], state["after"]) = (Json::from(phase), after.into());
    Next::Step(state)
}

/// Goes on with [`SUBTASKS`] and what follows, to the end of the job.
pub fn copy_below(call: &mut Call<'_>, turn: &Turn<'_>, include: &Include) -> Result<Next> {
    let job = turn.number("job");
    let next = match turn.text("phase") {
        SUBTASKS if include.subtasks && copy_subtasks(call, job, include, turn.size)? > 0 => Some((SUBTASKS, 0)),
        SUBTASKS if include.dependencies => Some((DEPENDENCIES, 0)),
        DEPENDENCIES => {
            copy_dependencies(call, job, turn.number("after"), turn.size)?.map(|after| (DEPENDENCIES, after))
        }
        _ => None,
    };
    if let Some((name, after)) = next {
        return Ok(phase(turn, name, after));
    }
    crate::job::succeed(call, job)?;
    Ok(Next::Done)
}

static COPIES: LazyLock<Template> = LazyLock::new(|| {
    let text = "SELECT c.source_id, c.copy_id FROM job_copies c WHERE c.job_id = :job AND c.source_id IN ({ids})";
    Template::new(text, &[Type::Int, Type::Int])
});

/// Gives copies the dependencies of their originals: on each other where both were copied, else on the same tasks, if the
/// caller sees them. Goes on behind the original `after`; answers where to go on, `None` at the end.
fn copy_dependencies(call: &mut Call<'_>, job: i64, after: i64, most: i64) -> Result<Option<i64>> {
    let found = call.query(
        "SELECT source_id, copy_id FROM job_copies WHERE job_id = ?1 AND source_id > ?2 ORDER BY source_id LIMIT ?3",
        &[Type::Int, Type::Int],
        &[job.into(), after.into(), most.into()],
    )?;
    let mut last = None;
    for row in 0..found.len() {
        let (source, copy) = (found.int(row, 0).unwrap_or_default(), found.int(row, 1).unwrap_or_default());
        last = Some(source);
        for (own, other) in [("task_id", "depends_on_id"), ("depends_on_id", "task_id")] {
            let sql = format!("SELECT {other} FROM task_dependencies WHERE {own} = ?1 ORDER BY {other}");
            let others = call.numbers(&sql, &[source.into()])?;
            if others.is_empty() {
                continue;
            }
            let copies = call.select(&COPIES, &others, &[("job", job.into())])?;
            let copied = |other: i64| {
                (0..copies.len()).find(|at| copies.int(*at, 0) == Some(other)).and_then(|at| copies.int(at, 1))
            };
            for task in others {
                let to = match copied(task) {
                    Some(copy) => copy,
                    // Who makes others wait has to be allowed to change them.
                    None if call.level(&TASK, task)? >= Some(least(other)) => task,
                    None => continue,
                };
                call.insert_new("task_dependencies", &[(own, copy.into()), (other, to.into())])?;
            }
        }
        if row + 1 == found.len() {
            break;
        }
    }
    Ok(last.filter(|_| found.len() as i64 == most))
}

/// What the caller has to be allowed on the task in this column of a dependency.
fn least(column: &str) -> Level {
    if column == "task_id" { Level::Editor } else { Level::Viewer }
}

/// The words of `include`.
pub const PARTS: &[&str] = &[
    "notes",
    "assignee",
    "subtasks",
    "attachments",
    "tags",
    "followers",
    "projects",
    "dates",
    "dependencies",
    "parent",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_move_and_skip_weekends() {
        // From a Monday to a Friday, eleven days on.
        let shift = |skip| Shift::between("2026-03-02", "2026-03-13", skip).expect("dates");
        for (date, moved, skipped) in [
            ("2026-03-02", "2026-03-13", "2026-03-13"),
            ("2026-03-03", "2026-03-14", "2026-03-16"),
            ("2026-03-04", "2026-03-15", "2026-03-16"),
            ("2026-02-19", "2026-03-02", "2026-03-02"),
        ] {
            assert_eq!(
                (shift(false).date(date), shift(true).date(date)),
                (moved.to_owned(), skipped.to_owned()),
                "{date}"
            );
        }
        let back = Shift::between("2026-03-02", "2026-02-27", false).expect("dates");
        assert_eq!(back.date("2026-01-01"), "2025-12-29");
        assert_eq!(date_of(back.moment(parse_time("2026-03-04T09:30:00Z").expect("a time"))), "2026-03-01");
    }

    #[test]
    fn what_is_to_be_copied_is_kept() {
        let include = Include::read("task_notes, task_tags,members", "task_", &["task_notes", "task_tags", "members"]);
        let include = Include {
            shift: Shift::between("2026-01-01", "2026-01-09", true),
            not_in: Some(7),
            ..include.expect("read")
        };
        assert_eq!(Include::of(&include.state()), include);
        assert!(include.notes && include.tags && !include.dates);
    }
}
