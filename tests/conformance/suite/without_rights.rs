//! Everything is called by those who have no rights. They get refusals that say nothing, and nothing changes.

use std::collections::BTreeSet;

use engine::operation::Method;
use testkit::{Client, both};

use crate::built::operations;
use crate::call::{Call, call};
use crate::database::{difference, dump};
use crate::world::{MARK, Place, SECRET, place};

both!(without_a_token_everything_is_401, place, |place: Place| async move {
    let nobody = place.world.nobody();
    let before = dump(&place.world.api).await;
    for built in operations() {
        call(&place, built.operation).send(&nobody).await.refused(401, "Not Authorized");
    }
    for missing in resources::missing::MISSING {
        let path = missing.path.replace(['{', '}'], "");
        nobody.send(missing.method, &path, b"", None).await.refused(401, "Not Authorized");
        let message = format!("{} is not implemented by this server yet.", missing.id);
        place.admin.send(missing.method, &path, b"", None).await.refused(501, &message);
    }
    for (method, path) in [(Method::Get, "/nothing"), (Method::Delete, "/workspaces"), (Method::Post, "/users/me")] {
        nobody.send(method, path, b"", None).await.refused(404, "No matching route for request");
    }
    assert_eq!(before, dump(&place.world.api).await, "nothing changed");
});

both!(a_stranger_learns_nothing, place, |place: Place| async move {
    let stranger = place.stranger.clone();
    refused(&place, &stranger).await;
});

both!(a_guest_learns_nothing, place, |place: Place| async move {
    let guest = place.guest.clone();
    refused(&place, &guest).await;
});

/// Operations that a guest of the workspace may call, and what they may show: the workspace and what is in it for all.
const FOR_GUESTS: &[&str] = &[
    "getWorkspace",
    "getWorkspaces",
    "getWorkspaceMembershipsForWorkspace",
    "getTag",
    "getTags",
    "getTagsForWorkspace",
    "getCustomField",
    "getCustomFieldsForWorkspace",
    "getCustomFieldSettingsForProject",
];

async fn refused(place: &Place, client: &Client) {
    let is_guest = client.user == place.guest.user;
    let before = dump(&place.world.api).await;
    let mut wrong = BTreeSet::new();
    for built in operations() {
        let id = built.operation.id;
        let plain = call(place, built.operation);
        for asked in [plain.with("opt_fields=name,email,notes,text,workspace.name,assignee.name"), plain] {
            let answer = asked.send(client).await;
            let text = String::from_utf8_lossy(&answer.response.body).into_owned();
            let status = answer.response.status;
            if text.contains(SECRET) || text.contains(MARK) && !(is_guest && FOR_GUESTS.contains(&id)) {
                wrong.insert(format!("{id} tells: {text}"));
            }
            let list = answer.json["data"].is_array();
            let fits = match status {
                200 => list || (is_guest && FOR_GUESTS.contains(&id)),
                400 | 403 | 404 => true,
                _ => false,
            };
            if !fits {
                wrong.insert(format!("{id} answers {status}: {text}"));
            }
        }
        // A body that names what the caller may not see says no more than one that names what does not exist.
        without_naming(place, client, &call(place, built.operation), &mut wrong).await;
    }
    let after = dump(&place.world.api).await;
    assert_eq!(before, after, "nothing changed: {}", difference(&before, &after));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// For a stranger, every gid in the path is answered like one that was never given out.
async fn without_naming(place: &Place, client: &Client, asked: &Call, wrong: &mut BTreeSet<String>) {
    if client.user != place.stranger.user {
        return;
    }
    let Some(gid) =
        asked.path.split('/').find(|part| part.len() > 10 && part.bytes().all(|byte| byte.is_ascii_digit()))
    else {
        return;
    };
    const NEVER: &str = "4503599627999999";
    let known = asked.send(client).await;
    let unknown = Call { path: asked.path.replace(gid, NEVER), ..asked.clone() }.send(client).await;
    let text = |body: &[u8]| String::from_utf8_lossy(body).replace(gid, NEVER);
    if (known.response.status, text(&known.response.body)) != (unknown.response.status, text(&unknown.response.body)) {
        wrong.insert(format!("{} tells that {gid} exists: {} {}", asked.id, known.json, unknown.json));
    }
}
