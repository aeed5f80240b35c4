//! What system stories are about: the names of the subtypes, what each keeps, and how it is told.
//!
//! A story keeps gids and plain values; its text is made when it is read, for the person who reads it. What that person
//! may not see has no name in it: "a private project".

use engine::read::Record;
use model::time::{date_of, month_day};
use serde_json::{Value as Json, json};

/// A comment. The only subtype that people write.
pub const COMMENT_ADDED: &str = "comment_added";
/// `object`: the project.
pub const ADDED_TO_PROJECT: &str = "added_to_project";
/// `object`: the project.
pub const REMOVED_FROM_PROJECT: &str = "removed_from_project";
/// `object`: the project; `old` and `new`: its sections.
pub const SECTION_CHANGED: &str = "section_changed";
/// `object`: the new assignee.
pub const ASSIGNED: &str = "assigned";
/// `object`: the former assignee.
pub const UNASSIGNED: &str = "unassigned";
/// Nothing.
pub const MARKED_COMPLETE: &str = "marked_complete";
/// Nothing.
pub const MARKED_INCOMPLETE: &str = "marked_incomplete";
/// `details`: `old_dates` and `new_dates`, see [`dates`].
pub const DUE_DATE_CHANGED: &str = "due_date_changed";
/// `details`: `old_dates` and `new_dates`, see [`dates`].
pub const START_DATE_CHANGED: &str = "start_date_changed";
/// `details`: `old_name` and `new_name`.
pub const NAME_CHANGED: &str = "name_changed";
/// Nothing.
pub const NOTES_CHANGED: &str = "notes_changed";
/// `object`: the new follower.
pub const FOLLOWER_ADDED: &str = "follower_added";
/// `object`: the former follower.
pub const FOLLOWER_REMOVED: &str = "follower_removed";
/// `object`: the task whose subtask this one became.
pub const ADDED_TO_TASK: &str = "added_to_task";
/// `object`: the task whose subtask this one was.
pub const REMOVED_FROM_TASK: &str = "removed_from_task";
/// `object`: the task that this one now waits for.
pub const DEPENDENCY_ADDED: &str = "dependency_added";
/// `object`: the task that this one no longer waits for.
pub const DEPENDENCY_REMOVED: &str = "dependency_removed";
/// `object`: the task that now waits for this one.
pub const DEPENDENT_ADDED: &str = "dependent_added";
/// `object`: the task that no longer waits for this one.
pub const DEPENDENT_REMOVED: &str = "dependent_removed";
/// `object`: the tag.
pub const ADDED_TO_TAG: &str = "added_to_tag";
/// `object`: the tag.
pub const REMOVED_FROM_TAG: &str = "removed_from_tag";
/// `object`: the attachment; `details`: its `file_name`.
pub const ATTACHMENT_ADDED: &str = "attachment_added";
/// `object`: the attachment, which is gone; `details`: its `file_name`.
pub const ATTACHMENT_REMOVED: &str = "attachment_removed";
/// `details`: `old_approval_status` and `new_approval_status`.
pub const APPROVED: &str = "approved";
/// `details`: `old_approval_status` and `new_approval_status`.
pub const REJECTED: &str = "rejected";
/// `details`: `old_approval_status` and `new_approval_status`.
pub const CHANGES_REQUESTED: &str = "changes_requested";
/// Back to pending. `details`: `old_approval_status` and `new_approval_status`.
pub const APPROVAL_STATUS_CHANGED: &str = "approval_status_changed";
/// `details`: `old_resource_subtype` and `new_resource_subtype`.
pub const RESOURCE_SUBTYPE_CHANGED: &str = "resource_subtype_changed";
/// `object`: the field; `details`: `old_text_value` and `new_text_value`.
pub const TEXT_CUSTOM_FIELD_CHANGED: &str = "text_custom_field_changed";
/// `object`: the field; `details`: `old_number_value` and `new_number_value`.
pub const NUMBER_CUSTOM_FIELD_CHANGED: &str = "number_custom_field_changed";
/// `object`: the field; `old` and `new`: its options.
pub const ENUM_CUSTOM_FIELD_CHANGED: &str = "enum_custom_field_changed";
/// `object`: the field; `details`: `old_multi_enum_values` and `new_multi_enum_values`, lists of the gids (numbers) of
/// its options.
pub const MULTI_ENUM_CUSTOM_FIELD_CHANGED: &str = "multi_enum_custom_field_changed";
/// `object`: the field; `details`: `old_date_value` and `new_date_value`, see [`dates`].
pub const DATE_CUSTOM_FIELD_CHANGED: &str = "date_custom_field_changed";
/// `object`: the field; `details`: `old_people_value` and `new_people_value`, lists of gids (numbers).
pub const PEOPLE_CUSTOM_FIELD_CHANGED: &str = "people_custom_field_changed";

/// The subtype that says what became of an approval.
pub fn of_approval(new_approval_status: &str) -> &'static str {
    match new_approval_status {
        "approved" => APPROVED,
        "rejected" => REJECTED,
        "changes_requested" => CHANGES_REQUESTED,
        _ => APPROVAL_STATUS_CHANGED,
    }
}

/// Dates as stories keep and show them. `due_on` stays empty when it follows from `due_at`.
pub fn dates(start_on: Option<&str>, due_on: Option<&str>, due_at: Option<i64>) -> Json {
    let day = due_at.map(date_of);
    let due_at = due_at.map(|due_at| {
        let mut text = Vec::new();
        model::time::format_time(due_at, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    json!({ "start_on": start_on, "due_at": due_at, "due_on": due_on.or(day.as_deref()) })
}

/// A subtype of system stories.
pub struct Subtype {
    /// Its name.
    pub name: &'static str,
    /// The field of the story that shows its `object`; empty when it has none.
    pub object: &'static str,
    /// `old_` and `new_` fields: what of the object changed, without that beginning; empty when nothing did.
    pub change: &'static str,
    /// What the person did, to be read after the person's name.
    pub tell: fn(&Record<'_>) -> String,
}

const fn subtype(
    name: &'static str,
    object: &'static str,
    change: &'static str,
    tell: fn(&Record<'_>) -> String,
) -> Subtype {
    Subtype { name, object, change, tell }
}

/// Every subtype of system stories.
#[rustfmt::skip]
pub static SUBTYPES: &[Subtype] = &[
    subtype(ADDED_TO_PROJECT, "project", "", |story| format!("added this task to {}", project(story))),
    subtype(REMOVED_FROM_PROJECT, "project", "", |story| format!("removed this task from {}", project(story))),
    subtype(SECTION_CHANGED, "project", "section", section_changed),
    subtype(ASSIGNED, "assignee", "", |story| format!("assigned to {}", person(story, "assignee"))),
    subtype(UNASSIGNED, "assignee", "", |story| format!("unassigned from {}", person(story, "assignee"))),
    subtype(MARKED_COMPLETE, "", "", |_| "marked this task complete".into()),
    subtype(MARKED_INCOMPLETE, "", "", |_| "marked this task incomplete".into()),
    subtype(DUE_DATE_CHANGED, "", "dates", |story| date_changed(story, "due date", "due_on")),
    subtype(START_DATE_CHANGED, "", "dates", |story| date_changed(story, "start date", "start_on")),
    subtype(NAME_CHANGED, "", "name", name_changed),
    subtype(NOTES_CHANGED, "", "", |_| "changed the description".into()),
    subtype(FOLLOWER_ADDED, "follower", "", |story| format!("added {} as a follower", person(story, "follower"))),
    subtype(FOLLOWER_REMOVED, "follower", "", |story| format!("removed {} as a follower", person(story, "follower"))),
    subtype(ADDED_TO_TASK, "task", "", |story| format!("added subtask to {}", task(story, "task", "task "))),
    subtype(REMOVED_FROM_TASK, "task", "", |story| format!("removed subtask from {}", task(story, "task", "task "))),
    subtype(DEPENDENCY_ADDED, "dependency", "", |story| format!("marked this task as blocked by {}", task(story, "dependency", ""))),
    subtype(DEPENDENCY_REMOVED, "dependency", "", |story| format!("unmarked this task as blocked by {}", task(story, "dependency", ""))),
    subtype(DEPENDENT_ADDED, "dependency", "", |story| format!("marked this task as blocking {}", task(story, "dependency", ""))),
    subtype(DEPENDENT_REMOVED, "dependency", "", |story| format!("unmarked this task as blocking {}", task(story, "dependency", ""))),
    subtype(ADDED_TO_TAG, "tag", "", |story| format!("added this task to {}", name(story, "tag", "a deleted tag"))),
    subtype(REMOVED_FROM_TAG, "tag", "", |story| format!("removed this task from {}", name(story, "tag", "a deleted tag"))),
    subtype(ATTACHMENT_ADDED, "", "", |story| format!("attached {}", file(story))),
    subtype(ATTACHMENT_REMOVED, "", "", |story| format!("removed the attachment {}", file(story))),
    subtype(APPROVED, "", "approval_status", |_| "approved this task".into()),
    subtype(REJECTED, "", "approval_status", |_| "rejected this task".into()),
    subtype(CHANGES_REQUESTED, "", "approval_status", |_| "requested changes to this task".into()),
    subtype(APPROVAL_STATUS_CHANGED, "", "approval_status", |_| "marked this approval as pending".into()),
    subtype(RESOURCE_SUBTYPE_CHANGED, "", "resource_subtype", resource_subtype_changed),
    subtype(TEXT_CUSTOM_FIELD_CHANGED, "custom_field", "text_value", |story| value_changed(story, text_value)),
    subtype(NUMBER_CUSTOM_FIELD_CHANGED, "custom_field", "number_value", |story| value_changed(story, number_value)),
    subtype(ENUM_CUSTOM_FIELD_CHANGED, "custom_field", "enum_value", |story| value_changed(story, enum_value)),
    subtype(MULTI_ENUM_CUSTOM_FIELD_CHANGED, "custom_field", "multi_enum_values", |story| value_changed(story, multi_enum_values)),
    subtype(DATE_CUSTOM_FIELD_CHANGED, "custom_field", "date_value", |story| value_changed(story, date_value)),
    subtype(PEOPLE_CUSTOM_FIELD_CHANGED, "custom_field", "people_value", |story| value_changed(story, people_value)),
];

/// The subtypes that have each field.
pub mod with {
    use super::*;

    /// `is_editable`, `is_edited`, `is_pinned`, `sticker_name`.
    pub const COMMENT: &[&str] = &[COMMENT_ADDED];
    /// `assignee`.
    pub const ASSIGNEE: &[&str] = &[ASSIGNED, UNASSIGNED];
    /// `follower`.
    pub const FOLLOWER: &[&str] = &[FOLLOWER_ADDED, FOLLOWER_REMOVED];
    /// `project`.
    pub const PROJECT: &[&str] = &[ADDED_TO_PROJECT, REMOVED_FROM_PROJECT, SECTION_CHANGED];
    /// `old_section` and `new_section`.
    pub const SECTION: &[&str] = &[SECTION_CHANGED];
    /// `tag`.
    pub const TAG: &[&str] = &[ADDED_TO_TAG, REMOVED_FROM_TAG];
    /// `task`.
    pub const TASK: &[&str] = &[ADDED_TO_TASK, REMOVED_FROM_TASK];
    /// `dependency`.
    pub const DEPENDENCY: &[&str] = &[DEPENDENCY_ADDED, DEPENDENCY_REMOVED, DEPENDENT_ADDED, DEPENDENT_REMOVED];
    /// `old_dates` and `new_dates`.
    pub const DATES: &[&str] = &[DUE_DATE_CHANGED, START_DATE_CHANGED];
    /// `old_name` and `new_name`.
    pub const NAME: &[&str] = &[NAME_CHANGED];
    /// `old_approval_status` and `new_approval_status`.
    pub const APPROVAL_STATUS: &[&str] = &[APPROVED, REJECTED, CHANGES_REQUESTED, APPROVAL_STATUS_CHANGED];
    /// `old_resource_subtype` and `new_resource_subtype`.
    pub const RESOURCE_SUBTYPE: &[&str] = &[RESOURCE_SUBTYPE_CHANGED];
    /// `custom_field`.
    pub const CUSTOM_FIELD: &[&str] = &[
        TEXT_CUSTOM_FIELD_CHANGED,
        NUMBER_CUSTOM_FIELD_CHANGED,
        ENUM_CUSTOM_FIELD_CHANGED,
        MULTI_ENUM_CUSTOM_FIELD_CHANGED,
        DATE_CUSTOM_FIELD_CHANGED,
        PEOPLE_CUSTOM_FIELD_CHANGED,
    ];
    /// `old_text_value` and `new_text_value`.
    pub const TEXT_VALUE: &[&str] = &[TEXT_CUSTOM_FIELD_CHANGED];
    /// `old_number_value` and `new_number_value`.
    pub const NUMBER_VALUE: &[&str] = &[NUMBER_CUSTOM_FIELD_CHANGED];
    /// `old_enum_value` and `new_enum_value`.
    pub const ENUM_VALUE: &[&str] = &[ENUM_CUSTOM_FIELD_CHANGED];
    /// `old_multi_enum_values` and `new_multi_enum_values`.
    pub const MULTI_ENUM_VALUES: &[&str] = &[MULTI_ENUM_CUSTOM_FIELD_CHANGED];
    /// `old_date_value` and `new_date_value`.
    pub const DATE_VALUE: &[&str] = &[DATE_CUSTOM_FIELD_CHANGED];
    /// `old_people_value` and `new_people_value`.
    pub const PEOPLE_VALUE: &[&str] = &[PEOPLE_CUSTOM_FIELD_CHANGED];
}

/// What the texts of stories are made of, as an `opt_fields` text.
pub const NEEDS: &str = "stored_text,stored_html,mentioning,mentioned.(name|title|stored_url),created_at,created_by.name,resource_subtype,assignee.name,follower.name,project.name,tag.name,\
    task.name,dependency.name,custom_field.name,(old_section|new_section|old_enum_value|new_enum_value).name,\
    old_dates,new_dates,new_name,file_name,new_resource_subtype,old_text_value,new_text_value,old_number_value,new_number_value,\
    old_date_value,new_date_value,(old_multi_enum_values|new_multi_enum_values|old_people_value|new_people_value).name";

/// The text of a system story, for the person who reads it.
pub fn tell(story: &Record<'_>) -> String {
    let subtype = story.text("resource_subtype").unwrap_or_default();
    let told = match SUBTYPES.iter().find(|known| known.name == subtype) {
        Some(known) => (known.tell)(story),
        None => subtype.replace('_', " "),
    };
    format!("{} {told}", name(story, "created_by", "Someone"))
}

/// The name of what a field points at, unless it is hidden from the reader or gone.
fn name(story: &Record<'_>, field: &str, otherwise: &str) -> String {
    let name = story.one(field).and_then(|object| object.text("name"));
    name.filter(|name| !name.is_empty()).unwrap_or(otherwise).to_owned()
}

fn person(story: &Record<'_>, field: &str) -> String {
    match story.one(field) {
        Some(person) if person.gid() == story.scene().viewer.user => "you".to_owned(),
        _ => name(story, field, "someone"),
    }
}

fn project(story: &Record<'_>) -> String {
    name(story, "project", "a private project")
}

/// Another task; `what` stands before its name.
fn task(story: &Record<'_>, field: &str, what: &str) -> String {
    match story.one(field).map(|task| task.text("name").unwrap_or_default()) {
        Some("") => "an untitled task".to_owned(),
        Some(name) => format!("{what}{name}"),
        None => "a private task".to_owned(),
    }
}

/// What an attachment was called when it came or went.
fn file(story: &Record<'_>) -> String {
    let name = story.member("file_name");
    name.as_ref().and_then(Json::as_str).unwrap_or("a file").to_owned()
}

fn section_changed(story: &Record<'_>) -> String {
    let section = |field| story.one(field).and_then(|section| section.text("name"));
    let project = project(story);
    match (section("old_section"), section("new_section")) {
        (Some(old), Some(new)) => format!("moved this task from \"{old}\" to \"{new}\" in {project}"),
        (None, Some(new)) => format!("moved this task to \"{new}\" in {project}"),
        (Some(old), None) => format!("moved this task from \"{old}\" to another section in {project}"),
        (None, None) => format!("moved this task to another section in {project}"),
    }
}

fn name_changed(story: &Record<'_>) -> String {
    match text_value(story, "new_name") {
        Some(name) if name != "\"\"" => format!("changed the name to {name}"),
        _ => "removed the name".to_owned(),
    }
}

fn resource_subtype_changed(story: &Record<'_>) -> String {
    let subtype = story.member("new_resource_subtype");
    let became = match subtype.as_ref().and_then(Json::as_str) {
        Some("milestone") => "a milestone",
        Some("approval") => "an approval",
        _ => "a task",
    };
    format!("converted this task to {became}")
}

fn date_changed(story: &Record<'_>, what: &str, field: &str) -> String {
    let dates = story.member("new_dates");
    match dates.as_ref().and_then(|dates| dates.get(field)?.as_str()) {
        Some(date) => format!("changed the {what} to {}", shown_date(story, date)),
        None => format!("removed the {what}"),
    }
}

/// A date, with its year when that is not the story's own.
fn shown_date(story: &Record<'_>, date: &str) -> String {
    let written = date_of(story.int("created_at").unwrap_or_default());
    match (date.get(..4), written.get(..4)) {
        (Some(year), Some(this)) if year != this => format!("{}, {year}", month_day(date)),
        _ => month_day(date),
    }
}

/// What became of a custom field's value; `show` reads the value before and after.
fn value_changed(story: &Record<'_>, show: fn(&Record<'_>, &str) -> Option<String>) -> String {
    let change = story.text("resource_subtype").and_then(|name| SUBTYPES.iter().find(|known| known.name == name));
    let change = change.map_or("", |known| known.change);
    let Some(field) = story.one("custom_field") else {
        return "changed a private field".to_owned();
    };
    let field = field.text("name").unwrap_or_default();
    match (show(story, &format!("old_{change}")), show(story, &format!("new_{change}"))) {
        (Some(old), Some(new)) => format!("changed {field} from {old} to {new}"),
        (None, Some(new)) => format!("changed {field} to {new}"),
        (_, None) => format!("cleared {field}"),
    }
}

fn text_value(story: &Record<'_>, field: &str) -> Option<String> {
    Some(format!("\"{}\"", story.member(field)?.as_str()?))
}

fn number_value(story: &Record<'_>, field: &str) -> Option<String> {
    // A whole number has no fraction.
    Some(story.member(field)?.as_f64()?.to_string())
}

fn enum_value(story: &Record<'_>, field: &str) -> Option<String> {
    Some(story.one(field)?.text("name")?.to_owned())
}

fn date_value(story: &Record<'_>, field: &str) -> Option<String> {
    Some(shown_date(story, story.member(field)?.get("due_on")?.as_str()?))
}

fn multi_enum_values(story: &Record<'_>, field: &str) -> Option<String> {
    let names: Vec<&str> = story.many(field).filter_map(|option| option.text("name")).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn people_value(story: &Record<'_>, field: &str) -> Option<String> {
    multi_enum_values(story, field)
}
