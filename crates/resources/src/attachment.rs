//! Attachments: files on tasks and projects, and links to what lies elsewhere.
//!
//! The content of a file is kept by the server, under a name that the row holds. It is there before the row is, so that a
//! row never names a file that is not.

use engine::body::Upload;
use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use engine::field::{Kind, NAME_LENGTH, computed, integer, one_of, sql, text, time};
use engine::input::{Input, InputKind, input};
use engine::json::Writer;
use engine::operation::{Listing, Outcome, action, by_number, delete, get, list, parent};
use engine::read::Record;
use engine::resource::{Guard, Resource};
use model::Level;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use store::{Query, Read, Statement, Type, Value};

use crate::host::HOST;
use crate::project::PROJECT;
use crate::story::{SystemStory, subtype as told, write_system_story};
use crate::task::{TASK, containers, touch};

/// What may be attached through the API.
const SUBTYPES: &[&str] = &["asana", "external"];
/// The subtype of files that this server keeps: the API's word for its own.
const OURS: &str = "asana";
const EXTERNAL: &str = "external";

/// The longest address of something external.
const URL_LENGTH: usize = 4_096;
/// What stands in a path as it is, for those who read it.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');
/// How long the address of a file is good for, in seconds.
const LINK_LIFETIME: i64 = 7_200;
/// Below this path the server hands out files, as `gid/name`.
pub const FILES: &str = "/-/attachments/";
/// Where the server leads a caller with a token to the file: `?asset_id=gid`.
pub const PERMANENT: &str = "/app/asana/-/get_asset";

/// A file or a link on a task or a project. Whoever sees that sees it.
pub static ATTACHMENT: Resource = Resource {
    guard: Guard::Via("parent_id", &HOST),
    subtype: "resource_subtype",
    fields: &[
        sql("connected_to_app", Kind::Bool, "coalesce(t.connected_app_id = :app, FALSE)").only(&[EXTERNAL]),
        time("created_at"),
        computed("download_url", Kind::Text(URL_LENGTH), "name,stored_file", download_url),
        text("host").column("resource_subtype"),
        text("name").compact(),
        one_of("parent", &[&TASK, &PROJECT], "parent_id"),
        computed("permanent_url", Kind::Text(URL_LENGTH), "gid", permanent_url),
        text("resource_subtype").compact(),
        integer("size").only(&[OURS]),
        text("stored_file").column("file").internal(),
        text("stored_url").column("url").internal(),
        computed("view_url", Kind::Text(URL_LENGTH), "name,stored_file,stored_url", view_url),
    ],
    operations: &[
        get("getAttachment", "/attachments/{attachment_gid}"),
        delete("deleteAttachment", "/attachments/{attachment_gid}", Level::Commenter, delete_attachment),
        list("getAttachmentsForObject", "/attachments", &ON_PARENT).older(&["/tasks/{parent}/attachments"]),
        action("createAttachmentForObject", "/attachments", Level::Viewer, INPUTS, create_attachment)
            .older(&["/tasks/{parent}/attachments"]),
    ],
    ..Resource::new("attachment", "attachments")
};

static INPUTS: &[Input] = &[
    input("connect_to_app", InputKind::Bool),
    input("file", InputKind::Upload),
    input("name", InputKind::Text(NAME_LENGTH)),
    input("parent", InputKind::Gid(&HOST)).required(),
    input("resource_subtype", InputKind::Choice(SUBTYPES)),
    input("url", InputKind::Text(URL_LENGTH)),
];

static ON_PARENT: Listing = Listing::of("attachments t", "t.gid", "t.parent_id = :parent", &[by_number("t.gid")])
    .within(&[parent("parent", &HOST)])
    .covered();

fn download_url(attachment: &Record<'_>, out: &mut Writer<'_>) {
    match attachment.text("stored_file") {
        Some(_) => out.text(&link(attachment, Use::Download)),
        None => out.null(),
    }
}

fn view_url(attachment: &Record<'_>, out: &mut Writer<'_>) {
    out.text(&address(attachment, Use::View));
}

/// Where the content is: on this server, or elsewhere. `attachment` has its `name` and its `stored_url`.
pub fn address(attachment: &Record<'_>, wanted: Use) -> String {
    attachment.text("stored_url").map_or_else(|| link(attachment, wanted), str::to_owned)
}

fn permanent_url(attachment: &Record<'_>, out: &mut Writer<'_>) {
    out.text(&permanent_address(attachment));
}

/// An address that stays good, for whoever has a token.
pub fn permanent_address(attachment: &Record<'_>) -> String {
    format!("{}{PERMANENT}?asset_id={}", attachment.scene().base, attachment.gid())
}

/// What the address of a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// To be shown where that is safe.
    View,
    /// To be saved.
    Download,
}

impl Use {
    /// The use of this name.
    pub fn named(name: &str) -> Option<Use> {
        [Use::View, Use::Download].into_iter().find(|known| known.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Use::View => "view",
            Use::Download => "download",
        }
    }

    /// What the signature in an address is about.
    pub fn signed(self, attachment: i64) -> String {
        format!("attachment/{attachment}/{}", self.name())
    }
}

/// An address of the content that needs no token, and expires.
fn link(attachment: &Record<'_>, wanted: Use) -> String {
    let (scene, gid) = (attachment.scene(), attachment.gid());
    let expires = scene.now / 1000 + LINK_LIFETIME;
    let signature = scene.links.sign(&wanted.signed(gid), expires);
    let name = utf8_percent_encode(attachment.text("name").unwrap_or_default(), IN_PATH);
    format!("{}{FILES}{gid}/{name}?use={}&expires={expires}&signature={signature}", scene.base, wanted.name())
}

/// What the server has to know to hand out a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// The name under which the content is kept.
    pub file: String,
    /// What the file is called.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// How many bytes it has.
    pub size: u64,
}

/// The content of an attachment, for whoever has a link to it. `None`: there is none any more, or it lies in the trash with
/// what it is attached to.
pub async fn content(read: &mut Read, attachment: i64) -> Result<Option<Content>> {
    let statement = Statement::new(
        "SELECT a.file, a.name, a.content_type, a.size FROM attachments a CROSS JOIN objects o \
         WHERE a.gid = ?1 AND a.file IS NOT NULL AND o.gid = a.parent_id AND o.deleted_at IS NULL",
        &[Type::Text, Type::Text, Type::Text, Type::Int],
    );
    let block = read.one(Query::new(&statement, vec![attachment.into()])).await?;
    if block.is_empty() {
        return Ok(None);
    }
    let text = |column| block.text(0, column).unwrap_or_default().to_owned();
    let size = block.int(0, 3).and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
    Ok(Some(Content { file: text(0), name: text(1), content_type: text(2), size }))
}

/// Whether an attachment names this file.
pub async fn is_attached(read: &mut Read, file: &str) -> Result<bool> {
    let statement = Statement::new("SELECT a.gid FROM attachments a WHERE a.file = ?1", &[Type::Int]);
    Ok(!read.one(Query::new(&statement, vec![file.into()])).await?.is_empty())
}

fn create_attachment(call: &mut Call<'_>) -> Result<Outcome> {
    let parent = call.body.gid("parent").unwrap_or_default();
    let kind = call.text("SELECT kind FROM objects WHERE gid = ?1", &[parent.into()])?;
    let on_task = kind.as_deref() == Some(TASK.kind);
    // Who may comment on a task may add to it what the comment is about.
    match on_task {
        true => call.require(&TASK, "parent", parent, Level::Commenter)?,
        false => call.require(&PROJECT, "parent", parent, Level::Editor)?,
    }
    let made = asked(call, on_task)?;
    if on_task {
        call.lock(parent)?;
    }
    let workspace = call.workspace_of(parent)?;
    let attachment = call.create_object(&ATTACHMENT, workspace)?;
    let own = [
        ("gid", attachment.into()),
        ("workspace_id", workspace.into()),
        ("parent_id", parent.into()),
        ("created_at", call.now.into()),
        ("created_by_id", call.viewer.user.into()),
    ];
    let Made { name, .. } = &made;
    let name = name.clone();
    call.insert(ATTACHMENT.table, &[&own[..], &made.columns()].concat());
    tell(call, Did::Added, Attached { gid: attachment, parent, workspace, on_task, name })?;
    Ok(Outcome::Object(attachment))
}

/// Gives a task what is attached to another one. The content of files is the same, and kept as long as one row names it.
pub fn copy_all(call: &mut Call<'_>, from: i64, to: i64) -> Result<()> {
    let found = call.query(
        "SELECT name, resource_subtype, url, file, content_type, size, connected_app_id, workspace_id FROM attachments \
         WHERE parent_id = ?1 ORDER BY gid",
        &[Type::Text, Type::Text, Type::Text, Type::Text, Type::Text, Type::Int, Type::Int, Type::Int],
        &[from.into()],
    )?;
    for row in 0..found.len() {
        let (text, number) = (|column| found.text(row, column), |column| found.int(row, column));
        let workspace = number(7).unwrap_or_default();
        let attachment = call.create_object(&ATTACHMENT, workspace)?;
        let columns = [
            ("gid", attachment.into()),
            ("workspace_id", workspace.into()),
            ("parent_id", to.into()),
            ("created_at", call.now.into()),
            ("created_by_id", call.viewer.user.into()),
            ("name", text(0).into()),
            ("resource_subtype", text(1).into()),
            ("url", text(2).into()),
            ("file", text(3).into()),
            ("content_type", text(4).into()),
            ("size", number(5).into()),
            ("connected_app_id", number(6).into()),
        ];
        call.insert(ATTACHMENT.table, &columns);
        let name = text(0).unwrap_or_default().to_owned();
        tell(call, Did::Added, Attached { gid: attachment, parent: to, workspace, on_task: true, name })?;
    }
    Ok(())
}

/// What a body asks to be attached.
struct Made {
    name: String,
    subtype: &'static str,
    url: Option<String>,
    upload: Option<Upload>,
    app: Option<i64>,
}

impl Made {
    fn columns(self) -> Vec<(&'static str, Value)> {
        let upload = self.upload.as_ref();
        vec![
            ("name", self.name.into()),
            ("resource_subtype", self.subtype.into()),
            ("url", self.url.into()),
            ("file", upload.map(|upload| upload.file.as_str()).into()),
            ("content_type", upload.map(|upload| upload.content_type.as_str()).into()),
            ("size", upload.map(|upload| upload.size).into()),
            ("connected_app_id", self.app.into()),
        ]
    }
}

fn asked(call: &Call<'_>, on_task: bool) -> Result<Made> {
    let (body, app) = (&call.body, call.viewer.app);
    let connect = body.bool("connect_to_app").unwrap_or(false);
    if connect && (app == 0 || !on_task) {
        return Err(Error::field("connect_to_app", "Only an app can connect an attachment of a task to itself"));
    }
    let name = body.text("name").filter(|name| !name.trim().is_empty());
    if body.text("resource_subtype") != Some(EXTERNAL) {
        let upload = body.upload("file").cloned().ok_or_else(|| Error::missing("file"))?;
        let name = Some(upload.name.as_str()).filter(|name| !name.is_empty()).or(name).unwrap_or("file").to_owned();
        return Ok(Made { name, subtype: OURS, url: None, upload: Some(upload), app: None });
    }
    let name = name.ok_or_else(|| Error::missing("name"))?.to_owned();
    let url = body.text("url").ok_or_else(|| Error::missing("url"))?.trim().to_owned();
    // Whoever opens it must get a page and not run a script.
    let scheme = url.split_once("://").map(|(scheme, rest)| (scheme.to_ascii_lowercase(), !rest.is_empty()));
    match scheme {
        Some((scheme, true)) if scheme == "http" || scheme == "https" => {}
        _ => return Err(Error::field("url", "Must be an http or https address")),
    }
    if body.has("file") {
        return Err(Error::field("file", "An external attachment has no file"));
    }
    Ok(Made { name, subtype: EXTERNAL, url: Some(url), upload: None, app: connect.then_some(app) })
}

/// An attachment is its creator's to delete, and whoever may change what it is attached to.
fn delete_attachment(call: &mut Call<'_>) -> Result<Outcome> {
    let attachment = call.target;
    let found = call.query(
        "SELECT a.parent_id, a.workspace_id, a.created_by_id, a.name, o.kind FROM attachments a CROSS JOIN objects o \
         WHERE a.gid = ?1 AND o.gid = a.parent_id",
        &[Type::Int, Type::Int, Type::Int, Type::Text, Type::Text],
        &[attachment.into()],
    )?;
    if found.int(0, 2) != Some(call.viewer.user) {
        call.require_target(&ATTACHMENT, attachment, Level::Editor)?;
    }
    let attached = Attached {
        gid: attachment,
        parent: found.int(0, 0).unwrap_or_default(),
        workspace: found.int(0, 1).unwrap_or_default(),
        on_task: found.text(0, 4) == Some(TASK.kind),
        name: found.text(0, 3).unwrap_or_default().to_owned(),
    };
    call.execute("DELETE FROM attachments WHERE gid = ?1", &[attachment.into()])?;
    call.delete_object(attachment)?;
    tell(call, Did::Deleted, attached)?;
    Ok(Outcome::Empty)
}

struct Attached {
    gid: i64,
    parent: i64,
    workspace: i64,
    on_task: bool,
    name: String,
}

/// Records that an attachment came or went, and says so on its task. A project has no stories.
fn tell(call: &mut Call<'_>, did: Did, attached: Attached) -> Result<()> {
    let Attached { gid, parent, workspace, on_task, name } = attached;
    let change = Change::new(did, ATTACHMENT.kind, gid, workspace);
    let change = if did == Did::Added { change.parent(parent) } else { change };
    if !on_task {
        call.record(&change, &[parent]);
        return Ok(());
    }
    let containers = containers(call, parent)?;
    call.record(&change, &[&[parent], &containers[..]].concat());
    let subtype = if did == Did::Added { told::ATTACHMENT_ADDED } else { told::ATTACHMENT_REMOVED };
    write_system_story(
        call,
        &SystemStory {
            target: parent,
            workspace,
            subtype,
            object: Some(gid),
            details: Some(json!({ "file_name": name })),
            containers: &containers,
            ..SystemStory::default()
        },
    )?;
    touch(call, parent)
}

#[cfg(test)]
mod tests;
