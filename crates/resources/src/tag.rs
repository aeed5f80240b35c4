//! Tags.

use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use engine::field::{Kind, choice, computed, link, long_text, many, text, time};
use engine::json::Writer;
use engine::operation::{Listing, Outcome, by_number, create, delete, get, list, list_one_of, parent, update};
use engine::parameter::Parameters;
use engine::read::Record;
use engine::resource::{Guard, Resource};
use model::Level;
use store::Value;

use crate::trash;
use crate::user::USER;
use crate::workspace::{WORKSPACE, require_members, workspace_field};

/// The colours of tags and projects.
pub const COLORS: &[&str] = &[
    "dark-pink",
    "dark-green",
    "dark-blue",
    "dark-red",
    "dark-teal",
    "dark-brown",
    "dark-orange",
    "dark-purple",
    "dark-warm-gray",
    "light-pink",
    "light-green",
    "light-blue",
    "light-red",
    "light-teal",
    "light-brown",
    "light-orange",
    "light-purple",
    "light-warm-gray",
    "none",
];

/// A tag: everyone in its workspace may see and use it.
pub static TAG: Resource = Resource {
    guard: Guard::Via("workspace_id", &WORKSPACE),
    open_in_relations: true,
    trash: true,
    fields: &[
        choice("color", COLORS).writable().nullable(),
        time("created_at"),
        many("followers", &USER, link("tag_followers", "tag_id", "user_id", "e.user_id")).on_create(),
        text("name").compact().writable(),
        long_text("notes").writable(),
        computed("permalink_url", Kind::Text(2_048), "workspace", permalink),
        workspace_field().on_create(),
    ],
    operations: &[
        get("getTag", "/tags/{tag_gid}"),
        list_one_of("getTags", "/tags", &["workspace"], choose),
        list("getTagsForWorkspace", "/workspaces/{workspace_gid}/tags", &IN_WORKSPACE),
        create("createTag", "/tags", Level::Viewer, create_tag),
        create("createTagForWorkspace", "/workspaces/{workspace_gid}/tags", Level::Editor, create_tag),
        update("updateTag", "/tags/{tag_gid}", Level::Editor, update_tag),
        delete("deleteTag", "/tags/{tag_gid}", Level::Editor, delete_tag),
    ],
    ..Resource::new("tag", "tags")
};

fn permalink(tag: &Record<'_>, out: &mut Writer<'_>) {
    let workspace = tag.one("workspace").map_or(0, |workspace| workspace.gid());
    out.parts(&[&tag.scene().base, "/1/", &workspace.to_string(), "/tag/", &tag.gid().to_string()]);
}

static IN_WORKSPACE: Listing =
    Listing::of("tags t", "t.gid", "t.workspace_id = :workspace AND t.deleted_at IS NULL", &[by_number("t.gid")])
        .within(&[parent("workspace_gid", &WORKSPACE)])
        .covered();

static IN_NAMED_WORKSPACE: Listing =
    Listing::of("tags t", "t.gid", "t.workspace_id = :workspace AND t.deleted_at IS NULL", &[by_number("t.gid")])
        .within(&[parent("workspace", &WORKSPACE)])
        .covered();

static EVERYWHERE: Listing = Listing::of("tags t", "t.gid", "t.deleted_at IS NULL", &[by_number("t.gid")]);

fn choose(parameters: &Parameters<'_>) -> Result<&'static Listing> {
    Ok(if parameters.has("workspace") { &IN_NAMED_WORKSPACE } else { &EVERYWHERE })
}

fn create_tag(call: &mut Call<'_>) -> Result<Outcome> {
    let workspace = match (call.target, call.body.gid("workspace")) {
        (0, Some(workspace)) => workspace,
        (0, None) => return Err(Error::missing("workspace")),
        (workspace, _) => workspace,
    };
    call.require(&WORKSPACE, "workspace", workspace, Level::Editor)?;
    let tag = call.create_object(&TAG, workspace)?;
    let columns = [
        ("gid", tag.into()),
        ("workspace_id", workspace.into()),
        ("name", call.body.text("name").unwrap_or_default().into()),
        ("color", call.body.text("color").into()),
        ("notes", call.body.text("notes").unwrap_or_default().into()),
        ("created_at", call.now.into()),
    ];
    call.insert(TAG.table, &columns);
    let followers = call.body.gids("followers").to_vec();
    require_members(call, workspace, &followers, "followers")?;
    for user in followers {
        call.insert_new("tag_followers", &[("tag_id", tag.into()), ("user_id", user.into())])?;
    }
    call.record(&Change::new(Did::Added, TAG.kind, tag, workspace), &[workspace]);
    Ok(Outcome::Object(tag))
}

fn update_tag(call: &mut Call<'_>) -> Result<Outcome> {
    let columns = call.body.columns(&TAG);
    call.update(TAG.table, call.target, &columns)?;
    let workspace = call.workspace_of(call.target)?;
    for (column, _) in &columns {
        call.record(&Change::new(Did::Changed, TAG.kind, call.target, workspace).field(column), &[]);
    }
    Ok(Outcome::Object(call.target))
}

/// To the trash. Tasks keep it, and do not show it.
fn delete_tag(call: &mut Call<'_>) -> Result<Outcome> {
    let workspace = call.workspace_of(call.target)?;
    call.update(TAG.table, call.target, &[("deleted_at", call.now.into())])?;
    call.delete_object(call.target)?;
    trash::throw_away(call, TAG.kind, call.target, workspace, None);
    call.record(&Change::new(Did::Deleted, TAG.kind, call.target, workspace), &[workspace]);
    Ok(Outcome::Empty)
}

/// Takes a tag out of the trash: the tasks that had it show it again.
pub fn restore(call: &mut Call<'_>, tag: i64, workspace: i64) -> Result<()> {
    call.update(TAG.table, tag, &[("deleted_at", Value::Null)])?;
    call.record(&Change::new(Did::Undeleted, TAG.kind, tag, workspace), &[workspace]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use testkit::{both, gid};

    use crate::world::{Small, small};

    both!(a_tag_lives, small, |small: Small| async move {
        let Small { ann, bob, guest, stranger, workspace, .. } = small;
        let tag = ann.post("/tags", json!({"workspace": workspace, "name": "urgent", "color": "dark-red"})).await;
        let tag = tag.created();
        let path = format!("/tags/{}", gid(&tag));
        assert_eq!(
            tag,
            json!({
                "gid": gid(&tag), "resource_type": "tag", "color": "dark-red",
                "created_at": "2026-03-02T10:00:00.000Z", "followers": [], "name": "urgent", "notes": "",
                "permalink_url": format!("http://localhost/1/{workspace}/tag/{}", gid(&tag)),
                "workspace": {"gid": workspace, "resource_type": "workspace", "name": "Acme"}
            })
        );
        assert_eq!(bob.put(&path, json!({"name": "very urgent", "color": null})).await.ok()["color"], json!(null));
        assert_eq!(
            bob.get(&format!("{path}?opt_fields=name")).await.ok(),
            json!({"gid": gid(&tag), "name": "very urgent"})
        );
        stranger.get(&path).await.refused(404, &format!("tag: Not a recognized ID: {}", gid(&tag)));
        guest.put(&path, json!({"name": "mine"})).await.refused(403, "You do not have permission to change this tag.");
        ann.post("/tags", json!({"name": "x"})).await.refused(400, "workspace: Missing input");
        ann.delete(&path).await.ok();
        ann.get(&path).await.refused(404, &format!("tag: Unknown object: {}", gid(&tag)));
    });

    both!(tags_come_in_pages, small, |small: Small| async move {
        let Small { ann, stranger, workspace, .. } = small;
        for number in 0..7 {
            ann.post("/tags", json!({"workspace": workspace, "name": format!("tag {number}")})).await.created();
        }
        let all = ann.pages(&format!("/workspaces/{workspace}/tags"), 3).await;
        let names: Vec<_> = all.iter().filter_map(|tag| tag["name"].as_str()).collect();
        assert_eq!(names, ["tag 0", "tag 1", "tag 2", "tag 3", "tag 4", "tag 5", "tag 6"]);
        assert_eq!(ann.get("/tags").await.json["data"].as_array().map(Vec::len), Some(7));
        assert_eq!(stranger.get("/tags?limit=5").await.json, json!({"data": [], "next_page": null}));
    });

    both!(people_follow_a_tag_from_the_start, small, |small: Small| async move {
        let Small { ann, bob, stranger, workspace, .. } = small;
        let data = json!({"name": "press", "workspace": workspace, "followers": ["me", "bob@acme.example", bob.user.to_string()]});
        let tag = ann.post("/tags", data).await.created();
        let follower = |user: i64, name: &str| json!({"gid": user.to_string(), "resource_type": "user", "name": name});
        assert_eq!(tag["followers"], json!([follower(ann.user, "Ann Example"), follower(bob.user, "Bob Example")]));
        let path = format!("/tags/{}", gid(&tag));
        bob.put(&path, json!({"followers": []})).await.refused(400, "followers: Cannot write this property");
        let sam = stranger.user.to_string();
        ann.post("/tags", json!({"name": "x", "workspace": workspace, "followers": [sam]}))
            .await
            .refused(400, &format!("followers: [0]: Not a user in Organization: {sam}"));
        // Who leaves the workspace follows nothing there any more.
        ann.post(&format!("/workspaces/{workspace}/removeUser"), json!({"user": bob.user.to_string()})).await.ok();
        assert_eq!(ann.get(&path).await.ok()["followers"], json!([follower(ann.user, "Ann Example")]));
        ann.delete(&path).await.ok();
    });
}
