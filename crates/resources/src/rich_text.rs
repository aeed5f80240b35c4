//! Texts that come in two forms, plain and rich (`notes` and `html_notes`): what a body gives, what is kept, what a reader
//! is shown.
//!
//! A row keeps both forms, and says in `mentions` whether the rich one leads to objects. What is plain only has no markup
//! beside it. Of mentions the gids are kept; their names are filled in when they are read, for the person who reads them.

use engine::body::Body;
use engine::call::Call;
use engine::error::{Error, Result};
use engine::field::{Field, Kind, TEXT_LENGTH, computed, long_text, refs_in, sql};
use engine::input::InputKind;
use engine::json::Writer;
use engine::read::Record;
use engine::resource::Resource;
use model::rich_text::{Mention, PRIVATE, Reference, Target, expand, from_plain, parse, path_of, plain};
use store::Value;

use crate::attachment::{ATTACHMENT, Use, address, permanent_address};
use crate::project::PROJECT;
use crate::status_update::PROJECT_STATUS;
use crate::tag::TAG;
use crate::task::TASK;
use crate::team::TEAM;
use crate::user::USER;

/// What rich text may lead to.
static MENTIONABLE: &[&Resource] = &[&USER, &TASK, &PROJECT, &TAG, &TEAM, &PROJECT_STATUS, &ATTACHMENT];

/// The most objects that one text may lead to.
pub const MOST_MENTIONS: usize = 500;
/// The longest rich text as it is sent. What is kept of it is no longer than a plain text may be.
const SENT_LENGTH: usize = 1 << 20;

/// What the two forms are made of, as an `opt_fields` text.
pub const NEEDS: &str = "stored_text,stored_html,mentioning,mentioned.(name|title|stored_url)";

/// The plain form.
pub const fn plain_text(name: &'static str) -> Field {
    computed(name, Kind::Text(TEXT_LENGTH), PLAIN_NEEDS, write_plain).input(InputKind::Text(TEXT_LENGTH))
}

/// The rich form.
pub const fn html_text(name: &'static str) -> Field {
    computed(name, Kind::Text(0), NEEDS, write_html).input(SENT)
}

const PLAIN_NEEDS: &str = "stored_text,mentioning,mentioned.(name|title)";
/// How a body gives the rich form.
pub const SENT: InputKind = InputKind::Text(SENT_LENGTH);

/// The plain form as it is kept, in this column.
pub const fn stored_text(column: &'static str) -> Field {
    long_text("stored_text").column(column).internal()
}

/// The rich form as it is kept, in this column.
pub const fn stored_html(column: &'static str) -> Field {
    long_text("stored_html").column(column).internal()
}

/// The rich form as it is kept where it leads to objects: `CASE WHEN t.mentions THEN t.html_notes END`.
pub const fn mentioning(html: &'static str) -> Field {
    sql("mentioning", Kind::Text(0), html).internal()
}

/// The objects to which the same leads.
pub const fn mentioned(html: &'static str) -> Field {
    refs_in("mentioned", || MENTIONABLE, html)
}

/// Writes the plain form.
pub fn write_plain(record: &Record<'_>, out: &mut Writer<'_>) {
    match record.text("mentioning") {
        Some(html) => out.text(&plain(html, |gid| match target(record, gid) {
            Some(Target { name, .. }) => name,
            None => PRIVATE.to_owned(),
        })),
        None => out.text(record.text("stored_text").unwrap_or_default()),
    }
}

/// Writes the rich form.
pub fn write_html(record: &Record<'_>, out: &mut Writer<'_>) {
    match (record.text("mentioning"), record.text("stored_html")) {
        (Some(html), _) => out.text(&expand(html, |reference| mention(record, reference))),
        (None, Some(html)) => out.text(html),
        (None, None) => out.text(&from_plain(record.text("stored_text").unwrap_or_default())),
    }
}

/// What the reader of a record is shown of an object to which it leads.
fn mention(record: &Record<'_>, reference: Reference) -> Mention {
    let Reference { gid, project, is_image } = reference;
    let base = &record.scene().base;
    let target = target(record, gid).filter(|target| !is_image || target.kind == ATTACHMENT.kind);
    let kind = target.as_ref().map_or("", |target| target.kind);
    let href = match record.referenced("mentioned", gid) {
        Some((_, attachment)) if is_image && kind == ATTACHMENT.kind => address(&attachment, Use::View),
        Some((_, attachment)) if kind == ATTACHMENT.kind => permanent_address(&attachment),
        _ if kind == USER.kind => format!("{base}/0/profile/{gid}"),
        _ if kind == PROJECT.kind || kind == TAG.kind => format!("{base}/0/{gid}/list"),
        _ => base.to_string() + &path_of(reference),
    };
    let project = project.filter(|project| {
        let seen = record.referenced("mentioned", *project);
        kind == TASK.kind && seen.is_some_and(|(kind, _)| kind == PROJECT.kind)
    });
    Mention { href, target: target.map(|target| Target { project, ..target }) }
}

/// What an object is called, if the reader of the record may see it.
fn target(record: &Record<'_>, gid: i64) -> Option<Target> {
    let (kind, object) = record.referenced("mentioned", gid)?;
    let name = object.text("name").or(object.text("title")).unwrap_or_default();
    let name = if kind == USER.kind { format!("@{name}") } else { name.to_owned() };
    Some(Target { kind, name, project: None })
}

/// A text as a body gives it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words {
    /// The plain form.
    pub text: String,
    /// The rich form, in which it is kept; `None` when the body gives the plain one.
    pub html: Option<String>,
    /// Whether it leads to objects.
    pub mentions: bool,
    /// The people whom it mentions, as far as the caller sees them.
    pub people: Vec<i64>,
}

impl Words {
    /// What the body gives, in one of two properties. Whoever mentions an object has to see it, or to know its address: what
    /// somebody else has mentioned may be sent back.
    pub fn asked(call: &mut Call<'_>, plain: &'static str, html: &'static str) -> Result<Option<Words>> {
        Words::asked_in(call, None, plain, html)
    }

    /// The same, in an object within the body.
    pub fn asked_in(
        call: &mut Call<'_>,
        body: Option<&Body>,
        plain: &'static str,
        html: &'static str,
    ) -> Result<Option<Words>> {
        let body = body.unwrap_or(&call.body);
        let rich = match (body.text(plain), body.text(html)) {
            (Some(_), Some(_)) => return Err(Error::bad(format!("You may only provide one of {plain} or {html}!"))),
            (Some(text), None) => return Ok(Some(Words { text: text.to_owned(), ..Words::default() })),
            (None, Some(html)) => parse(html).map_err(|error| Error::bad(error.to_string()))?,
            (None, None) => return Ok(None),
        };
        if rich.html.len() > TEXT_LENGTH && rich.html.chars().count() > TEXT_LENGTH {
            return Err(Error::field(html, format_args!("Value is longer than {TEXT_LENGTH} characters")));
        }
        if rich.references.len() > MOST_MENTIONS {
            return Err(Error::field(html, format_args!("More than {MOST_MENTIONS} objects are mentioned")));
        }
        let seen = call.seen(MENTIONABLE, &rich.references)?;
        let hidden = |gid: &&i64| !seen.iter().any(|(_, known)| known == *gid);
        if let Some(gid) = rich.unaddressed.iter().find(hidden) {
            return Err(Error::unknown_object(html, gid));
        }
        let people = seen.iter().filter(|(resource, _)| *resource == &USER).map(|(_, gid)| *gid).collect();
        Ok(Some(Words { text: rich.text, html: Some(rich.html), mentions: !rich.references.is_empty(), people }))
    }

    /// The columns of a row, of which these two hold the two forms.
    pub fn columns(&self, text: &'static str, html: &'static str) -> [(&'static str, Value); 3] {
        [
            (text, self.text.as_str().into()),
            (html, self.html.as_deref().into()),
            ("mentions", self.mentions.then_some(true).into()),
        ]
    }
}

#[cfg(test)]
mod tests;
