//! Stories: comments, and the lines that the system writes about changes.

use engine::body::Body;
use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use engine::field::{
    Field, Kind, TEXT_LENGTH, boolean, children, choice, computed, count, listed, many, member, one, sql, text, time,
};
use engine::input::InputKind;
use engine::json::Writer;
use engine::operation::{Listing, Outcome, by_number, create, delete, get, list, parent, update};
use engine::read::Record;
use engine::resource::{Guard, Resource};
use model::Level;
use model::rich_text::from_plain;
use serde_json::Value as Json;
use store::{Type, Value};

use crate::custom_field::CUSTOM_FIELD;
use crate::enum_option::ENUM_OPTION;
use crate::like::LIKE_OF_STORY;
use crate::project::PROJECT;
use crate::reaction::{delete_reactions, reaction_summary};
use crate::rich_text::{self, Words, mentioned, mentioning, stored_html, stored_text, write_html, write_plain};
use crate::section::SECTION;
use crate::tag::TAG;
use crate::task::people::{add_followers, add_mentioned, without_mentioned};
use crate::task::{TASK, containers, load, task_change, touch};
use crate::user::USER;

pub mod subtype;

use subtype::{COMMENT_ADDED, NEEDS, SUBTYPES, with};

/// The stickers that a comment can wear.
pub const STICKERS: &[&str] = &[
    "green_checkmark",
    "people_dancing",
    "dancing_unicorn",
    "heart",
    "party_popper",
    "people_waving_flags",
    "splashing_narwhal",
    "trophy",
    "yeti_riding_unicorn",
    "celebrating_people",
    "determined_climbers",
    "phoenix_spreading_love",
];

/// Where a story came from.
const SOURCES: &[&str] = &["web", "email", "mobile", "api", "unknown"];

/// A comment on a task, or a line that the system wrote about a change of it. Whoever sees the task sees it; what it
/// names keeps its own rules.
pub static STORY: Resource = Resource {
    guard: Guard::Via("target_id", &TASK),
    subtype: "resource_subtype",
    fields: &[
        one("assignee", &USER, "object_id").only(with::ASSIGNEE),
        time("created_at").compact(),
        one("created_by", &USER, "created_by_id").compact(),
        one("custom_field", &CUSTOM_FIELD, "object_id").only(with::CUSTOM_FIELD),
        one("dependency", &TASK, "object_id").only(with::DEPENDENCY),
        text_detail("file_name").internal(),
        one("follower", &USER, "object_id").only(with::FOLLOWER),
        LIKED.alias("hearted"),
        LIKES.alias("hearts"),
        computed("html_text", LONG, NEEDS, render_html_text).opt_in().writable().input(rich_text::SENT),
        sql("is_editable", Kind::Bool, "(t.type = 'comment' AND t.created_by_id = :viewer)").only(with::COMMENT),
        boolean("is_edited").only(with::COMMENT),
        boolean("is_pinned").writable().only(with::COMMENT),
        LIKED,
        LIKES,
        text_detail("new_approval_status").only(with::APPROVAL_STATUS),
        dates_detail("new_date_value").only(with::DATE_VALUE).behind("custom_field"),
        dates_detail("new_dates").only(with::DATES),
        one("new_enum_value", &ENUM_OPTION, "new_id").only(with::ENUM_VALUE).behind("custom_field"),
        listed("new_multi_enum_values", &ENUM_OPTION, "details").only(with::MULTI_ENUM_VALUES).behind("custom_field"),
        text_detail("new_name").only(with::NAME),
        member("new_number_value", "details", Kind::Real).only(with::NUMBER_VALUE).behind("custom_field"),
        listed("new_people_value", &USER, "details").only(with::PEOPLE_VALUE).behind("custom_field"),
        text_detail("new_resource_subtype").only(with::RESOURCE_SUBTYPE),
        one("new_section", &SECTION, "new_id").only(with::SECTION).behind("project"),
        text_detail("new_text_value").only(with::TEXT_VALUE).behind("custom_field"),
        NUM_LIKES.alias("num_hearts"),
        NUM_LIKES,
        text_detail("old_approval_status").only(with::APPROVAL_STATUS),
        dates_detail("old_date_value").only(with::DATE_VALUE).behind("custom_field"),
        dates_detail("old_dates").only(with::DATES),
        one("old_enum_value", &ENUM_OPTION, "old_id").only(with::ENUM_VALUE).behind("custom_field"),
        listed("old_multi_enum_values", &ENUM_OPTION, "details").only(with::MULTI_ENUM_VALUES).behind("custom_field"),
        text_detail("old_name").only(with::NAME),
        member("old_number_value", "details", Kind::Real).only(with::NUMBER_VALUE).behind("custom_field"),
        listed("old_people_value", &USER, "details").only(with::PEOPLE_VALUE).behind("custom_field"),
        text_detail("old_resource_subtype").only(with::RESOURCE_SUBTYPE),
        one("old_section", &SECTION, "old_id").only(with::SECTION).behind("project"),
        text_detail("old_text_value").only(with::TEXT_VALUE).behind("custom_field"),
        one("project", &PROJECT, "object_id").only(with::PROJECT),
        reaction_summary(),
        text("resource_subtype").compact(),
        choice("source", SOURCES),
        choice("sticker_name", STICKERS).writable().nullable().only(with::COMMENT),
        one("tag", &TAG, "object_id").only(with::TAG),
        one("target", &TASK, "target_id"),
        one("task", &TASK, "object_id").only(with::TASK),
        computed("text", LONG, NEEDS, render_text).compact().writable().input(LONG_INPUT),
        choice("type", &["comment", "system"]),
        // As they are kept: a comment's own words. System stories have none.
        stored_text("text"),
        stored_html("html_text"),
        mentioning(MENTIONING_TEXT),
        mentioned(MENTIONING_TEXT),
    ],
    operations: &[
        create("createStoryForTask", "/tasks/{task_gid}/stories", Level::Commenter, create_comment),
        delete("deleteStory", "/stories/{story_gid}", Level::Commenter, delete_comment),
        list("getStoriesForTask", "/tasks/{task_gid}/stories", &OF_TASK),
        get("getStory", "/stories/{story_gid}"),
        update("updateStory", "/stories/{story_gid}", Level::Commenter, update_comment),
    ],
    ..Resource::new("story", "stories")
};

const LIKED: Field =
    sql("liked", Kind::Bool, "EXISTS (SELECT 1 FROM story_likes l WHERE l.story_id = t.gid AND l.user_id = :viewer)");
const LIKES: Field = many("likes", &LIKE_OF_STORY, children("story_id", "t.gid"));
const NUM_LIKES: Field = count("num_likes", "(SELECT count(*) FROM story_likes l WHERE l.story_id = t.gid)");

/// The text that leads to objects.
const MENTIONING_TEXT: &str = "CASE WHEN t.mentions THEN t.html_text END";

const LONG: Kind = Kind::Text(TEXT_LENGTH);
const LONG_INPUT: InputKind = InputKind::Text(TEXT_LENGTH);

const fn text_detail(name: &'static str) -> Field {
    member(name, "details", LONG)
}

const fn dates_detail(name: &'static str) -> Field {
    member(name, "details", Kind::Json)
}

static OF_TASK: Listing =
    Listing::of("stories t", "t.gid", "t.target_id = :task", &[by_number("t.created_at"), by_number("t.gid")])
        .within(&[parent("task_gid", &TASK)])
        .covered();

fn render_text(story: &Record<'_>, out: &mut Writer<'_>) {
    match story.text("stored_text") {
        Some(_) => write_plain(story, out),
        None => out.text(&subtype::tell(story)),
    }
}

fn render_html_text(story: &Record<'_>, out: &mut Writer<'_>) {
    match story.text("stored_html") {
        Some(_) => write_html(story, out),
        None => out.text(&from_plain(&subtype::tell(story))),
    }
}

/// A line that the system writes about a change.
#[derive(Clone, Debug, Default)]
pub struct SystemStory<'a> {
    /// The task that it stands under.
    pub target: i64,
    /// The task's workspace.
    pub workspace: i64,
    /// What happened: one of [`subtype::SUBTYPES`], whose constants say what belongs into the rest.
    pub subtype: &'static str,
    /// What the subtype names: the assignee, the project, the tag, the follower, the other task, the custom field.
    pub object: Option<i64>,
    /// What it was before: a section, an enum option.
    pub old: Option<i64>,
    /// What it is now.
    pub new: Option<i64>,
    /// Plain values before and after: `old_name`, `new_dates`, ...
    pub details: Option<Json>,
    /// Where the change is heard beside the task: its projects and parents.
    pub containers: &'a [i64],
}

/// Writes a line about a change, in the transaction of the change.
pub fn write_system_story(call: &mut Call<'_>, story: &SystemStory<'_>) -> Result<i64> {
    debug_assert!(SUBTYPES.iter().any(|known| known.name == story.subtype), "{} is told", story.subtype);
    let details = story.details.as_ref().map(Json::to_string);
    let columns = [
        ("type", "system".into()),
        ("is_pinned", false.into()),
        ("object_id", story.object.into()),
        ("old_id", story.old.into()),
        ("new_id", story.new.into()),
        ("details", details.into()),
    ];
    let row = Row { task: story.target, workspace: story.workspace, subtype: story.subtype.to_owned() };
    add_story(call, &row, &columns, story.containers)
}

/// What every story has.
struct Row {
    task: i64,
    workspace: i64,
    subtype: String,
}

fn add_story(call: &mut Call<'_>, row: &Row, columns: &[(&'static str, Value)], containers: &[i64]) -> Result<i64> {
    let gid = call.create_object(&STORY, row.workspace)?;
    let common = [
        ("gid", gid.into()),
        ("workspace_id", row.workspace.into()),
        ("target_id", row.task.into()),
        ("resource_subtype", row.subtype.as_str().into()),
        ("is_edited", false.into()),
        ("source", "api".into()),
        ("created_at", call.now.into()),
        ("created_by_id", call.viewer.user.into()),
    ];
    call.insert(STORY.table, &[&common[..], columns].concat());
    record(call, &change_of(Did::Added, gid, row).parent(row.task), row.task, containers);
    Ok(gid)
}

fn change_of(did: Did, story: i64, row: &Row) -> Change<'_> {
    Change::new(did, STORY.kind, story, row.workspace).subtype(&row.subtype)
}

/// A story's changes are heard at its task and wherever the task's are. Nobody listens to a story itself.
fn record(call: &mut Call<'_>, change: &Change<'_>, task: i64, containers: &[i64]) {
    call.record_within(change, &[&[task], containers].concat());
}

fn create_comment(call: &mut Call<'_>) -> Result<Outcome> {
    let words = words(call, None)?.ok_or_else(|| Error::missing("text"))?;
    let is_pinned = call.body.bool("is_pinned").unwrap_or(false);
    if is_pinned {
        call.require(&TASK, "is_pinned", call.target, Level::Editor)?;
    }
    call.lock(call.target)?;
    let task = load(call, call.target)?;
    let columns = [
        ("type", "comment".into()),
        ("is_pinned", is_pinned.into()),
        ("sticker_name", call.body.text("sticker_name").into()),
    ];
    let row = Row { task: task.gid, workspace: task.workspace, subtype: COMMENT_ADDED.to_owned() };
    let containers = containers(call, task.gid)?;
    let comment = add_story(call, &row, &[&columns[..], &words.columns("text", "html_text")].concat(), &containers)?;
    add_mentioned(call, &task, &words.people, &containers)?;
    // Who comments wants to hear what others say.
    for user in add_followers(call, task.gid, &[call.viewer.user])? {
        call.record(&task_change(Did::Changed, &task).field("followers").member(Did::Added, user), &containers);
    }
    touch(call, task.gid)?;
    Ok(Outcome::Object(comment))
}

fn update_comment(call: &mut Call<'_>) -> Result<Outcome> {
    let story = call.target;
    let comment = Comment::read(call, story)?;
    let words = words(call, None)?;
    if (words.is_some() || call.body.has("sticker_name")) && !comment.is_of(call.viewer.user) {
        return Err(forbidden());
    }
    if call.body.has("is_pinned") {
        if !comment.is_comment {
            return Err(Error::field("is_pinned", "Only comments can be pinned"));
        }
        call.require(&TASK, "is_pinned", comment.row.task, Level::Editor)?;
    }
    let mut columns: Vec<(&str, Value)> = Vec::new();
    let mut changed = Vec::new();
    let mut mentioned = Vec::new();
    if let Some(words) = words.filter(|words| words.html.as_deref() != Some(&comment.html_text)) {
        changed.push("text");
        columns.extend(words.columns("text", "html_text"));
        columns.push(("is_edited", true.into()));
        mentioned = without_mentioned(words.people, &comment.html_text);
    }
    if let Some(is_pinned) = call.body.bool("is_pinned").filter(|is_pinned| *is_pinned != comment.is_pinned) {
        changed.push("is_pinned");
        columns.push(("is_pinned", is_pinned.into()));
    }
    if call.body.has("sticker_name") && call.body.text("sticker_name") != comment.sticker_name.as_deref() {
        changed.push("sticker_name");
        columns.push(("sticker_name", call.body.text("sticker_name").into()));
    }
    call.update(STORY.table, story, &columns)?;
    let containers = containers(call, comment.row.task)?;
    for field in changed {
        record(call, &change_of(Did::Changed, story, &comment.row).field(field), comment.row.task, &containers);
    }
    if !mentioned.is_empty() {
        let task = load(call, comment.row.task)?;
        add_mentioned(call, &task, &mentioned, &containers)?;
    }
    Ok(Outcome::Object(story))
}

fn delete_comment(call: &mut Call<'_>) -> Result<Outcome> {
    let story = call.target;
    let comment = Comment::read(call, story)?;
    if !comment.is_of(call.viewer.user) {
        return Err(forbidden());
    }
    call.execute("DELETE FROM story_likes WHERE story_id = ?1", &[story.into()])?;
    delete_reactions(call, story)?;
    call.execute("DELETE FROM stories WHERE gid = ?1", &[story.into()])?;
    call.delete_object(story)?;
    let containers = containers(call, comment.row.task)?;
    record(call, &change_of(Did::Deleted, story, &comment.row), comment.row.task, &containers);
    touch(call, comment.row.task)?;
    Ok(Outcome::Empty)
}

/// A comment belongs to its author, and system stories to nobody, whatever else the caller may do.
fn forbidden() -> Error {
    Error::forbidden("Forbidden")
}

/// The text that a body gives a comment or a status update, always in both forms. It is not empty.
/// `body`: where it stands, if not in the request's own.
pub fn words(call: &mut Call<'_>, body: Option<&Body>) -> Result<Option<Words>> {
    let Some(mut words) = Words::asked_in(call, body, "text", "html_text")? else {
        return Ok(None);
    };
    if words.text.trim().is_empty() {
        return Err(Error::missing(if words.html.is_some() { "html_text" } else { "text" }));
    }
    words.html.get_or_insert_with(|| from_plain(&words.text));
    Ok(Some(words))
}

/// A story before it is changed.
struct Comment {
    row: Row,
    author: i64,
    is_comment: bool,
    html_text: String,
    is_pinned: bool,
    sticker_name: Option<String>,
}

impl Comment {
    fn read(call: &mut Call<'_>, story: i64) -> Result<Self> {
        let types = [Type::Int, Type::Int, Type::Text, Type::Int, Type::Text, Type::Text, Type::Bool, Type::Text];
        let found = call.query(
            "SELECT target_id, workspace_id, resource_subtype, created_by_id, type, html_text, is_pinned, sticker_name \
             FROM stories WHERE gid = ?1",
            &types,
            &[story.into()],
        )?;
        let text = |column| found.text(0, column).map(str::to_owned);
        Ok(Comment {
            row: Row {
                task: found.int(0, 0).unwrap_or_default(),
                workspace: found.int(0, 1).unwrap_or_default(),
                subtype: text(2).unwrap_or_default(),
            },
            author: found.int(0, 3).unwrap_or_default(),
            is_comment: found.text(0, 4) == Some("comment"),
            html_text: text(5).unwrap_or_default(),
            is_pinned: found.bool(0, 6),
            sticker_name: text(7),
        })
    }

    fn is_of(&self, user: i64) -> bool {
        self.is_comment && self.author == user
    }
}

#[cfg(test)]
mod tests;
