//! Reactions: emoji on stories and status updates. The API only reads them.

use engine::call::Call;
use engine::error::{Error, Result};
use engine::field::{Field, Kind, children, integer, many, one, sql, text};
use engine::operation::{Filter, FilterKind, Listing, by_number, filter, list_one_of, parent};
use engine::parameter::Parameters;
use engine::resource::{Guard, Resource};

use crate::host::HOST;
use crate::user::USER;

/// A person's emoji on a story or a status update.
pub static REACTION: Resource = Resource {
    guard: Guard::Via("host_id", &HOST),
    typed: false,
    fields: &[text("emoji").compact(), one("user", &USER, "user_id").compact()],
    operations: &[list_one_of("getReactionsOnObject", "/reactions", &["emoji_base", "target"], choose)],
    ..Resource::new("reaction", "reactions")
};

/// A story or a status update.
static TARGET: Resource = Resource {
    guard: Guard::Via("host_id", &HOST),
    faces: &["story", "status_update"],
    ..Resource::new("object", "reaction_targets")
};

/// How many people put the same emoji on something.
static SUMMARY: Resource = Resource {
    guard: Guard::Via("host_id", &HOST),
    fields: &[
        text("emoji_base"),
        text("variant"),
        integer("count").column("reaction_count"),
        sql(
            "reacted",
            Kind::Bool,
            "EXISTS (SELECT 1 FROM reactions r WHERE r.target_id = t.target_id AND r.emoji = t.variant AND r.user_id = :viewer)",
        ),
    ],
    ..Resource::rows("reaction_summaries")
};

/// The reactions to an object, counted.
pub const fn reaction_summary() -> Field {
    many("reaction_summary", &SUMMARY, children("target_id", "t.variant"))
}

static EMOJI: &[Filter] = &[filter("emoji_base", FilterKind::Text, "t.emoji_base = :value")];

static ON_TARGET: Listing = Listing::of("reactions t", "t.gid", "t.target_id = :target", &[by_number("t.gid")])
    .within(&[parent("target", &TARGET)])
    .covered()
    .filtered(EMOJI);

fn choose(parameters: &Parameters<'_>) -> Result<&'static Listing> {
    match parameters.query_value("emoji_base") {
        None | Some("") => Err(Error::missing("emoji_base")),
        Some(_) => Ok(&ON_TARGET),
    }
}

/// Reactions go with what they are on.
pub fn delete_reactions(call: &mut Call<'_>, target: i64) -> Result<()> {
    call.execute("DELETE FROM reactions WHERE target_id = ?1", &[target.into()]).map(|_| ())
}
