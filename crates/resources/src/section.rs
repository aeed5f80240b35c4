//! Sections: the parts of a project's list, the columns of its board.

use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use engine::field::{children, many, one, text, time};
use engine::input::{Input, InputKind, input};
use engine::operation::{Listing, Outcome, action, by_number, by_text, create, delete, get, list, parent, update};
use engine::resource::{Guard, Resource};
use model::Level;

use crate::order::{Ordered, Place, place, place_asked};
use crate::project::{Facts, PROJECT};

/// A section: whoever sees its project sees it.
pub static SECTION: Resource = Resource {
    guard: Guard::Via("project_id", &PROJECT),
    fields: &[
        time("created_at"),
        text("name").compact().writable(),
        one("project", &PROJECT, "project_id"),
        many("projects", &PROJECT, children("gid", "t.gid")).keyed("t.project_id"),
    ],
    operations: &[
        get("getSection", "/sections/{section_gid}"),
        update("updateSection", "/sections/{section_gid}", Level::Editor, update_section).with(PLACE),
        delete("deleteSection", "/sections/{section_gid}", Level::Editor, delete_section),
        list("getSectionsForProject", "/projects/{project_gid}/sections", &IN_PROJECT),
        create("createSectionForProject", "/projects/{project_gid}/sections", Level::Editor, create_section)
            .with(PLACE),
        action(
            "insertSectionForProject",
            "/projects/{project_gid}/sections/insert",
            Level::Editor,
            INSERT,
            insert_section,
        ),
    ],
    ..Resource::new("section", "sections")
};

static PLACE: &[Input] = &[
    input("insert_after", InputKind::Gid(&SECTION)).nullable(),
    input("insert_before", InputKind::Gid(&SECTION)).nullable(),
];

static INSERT: &[Input] = &[
    input("after_section", InputKind::Gid(&SECTION)).nullable(),
    input("before_section", InputKind::Gid(&SECTION)).nullable(),
    input("section", InputKind::Gid(&SECTION)).required(),
];

static IN_PROJECT: Listing =
    Listing::of("sections t", "t.gid", "t.project_id = :project", &[by_text("t.rank"), by_number("t.gid")])
        .within(&[parent("project_gid", &PROJECT)])
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
    )?;
    call.record(&Change::new(Did::Added, SECTION.kind, section, workspace).parent(project), &[project])?;
    Ok(section)
}

fn create_section(call: &mut Call<'_>) -> Result<Outcome> {
    let project = call.target;
    let name = name_asked(call)?.ok_or_else(|| Error::missing("name"))?;
    let at = place_asked(call, &ordered(project), "insert_before", "insert_after")?.unwrap_or(Place::Last);
    let workspace = Facts::of(call, project)?.workspace;
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
            call.record(&change.field("name"), &[project])?;
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
    let of = |column: &str| format!("SELECT {column} FROM sections WHERE gid = ?1");
    let project = call.number(&of("project_id"), &[section.into()])?.unwrap_or_default();
    let workspace = call.number(&of("workspace_id"), &[section.into()])?.unwrap_or_default();
    Ok((project, workspace))
}

fn insert_section(call: &mut Call<'_>) -> Result<Outcome> {
    let project = call.target;
    let section = call.body.gid("section").unwrap_or_default();
    if home_of(call, section)?.0 != project {
        return Err(Error::field("section", format_args!("Not in the project: {section}")));
    }
    let at = place_asked(call, &ordered(project), "before_section", "after_section")?
        .ok_or_else(|| Error::bad("You should specify one of before_section, after_section"))?;
    move_section(call, project, section, at)?;
    Ok(Outcome::Empty)
}

fn delete_section(call: &mut Call<'_>) -> Result<Outcome> {
    let section = call.target;
    let (project, workspace) = home_of(call, section)?;
    // Nobody adds a task to it meanwhile, and nobody deletes the last one but this.
    call.write.lock(project)?;
    call.write.lock(section)?;
    let task = call.number(
        "SELECT k.gid FROM task_projects e CROSS JOIN tasks k WHERE e.section_id = ?1 AND k.gid = e.task_id \
         AND k.deleted_at IS NULL LIMIT 1",
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
    call.execute("UPDATE task_projects SET section_id = ?2 WHERE section_id = ?1", &[section.into(), other.into()])?;
    call.execute("DELETE FROM sections WHERE gid = ?1", &[section.into()])?;
    call.delete_object(section)?;
    call.record(&Change::new(Did::Deleted, SECTION.kind, section, workspace), &[project])?;
    Ok(Outcome::Empty)
}
