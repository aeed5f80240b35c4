//! Who gets which status from which operation: a committed file that is read in review.

use std::fmt::Write as _;

use engine::operation::Method;
use testkit::{Engine, both};

use crate::built::operations;
use crate::call::call;
use crate::committed;
use crate::world::{Place, place};

const HEAD: &str = "\
Status of every operation by who calls it, on objects of a private project and of its workspace.
admin, editor, commenter, viewer: members of the project at that level (admin administers the workspace too, the other
three are its members); member: of the workspace, not of the project; guest: of the workspace, nothing shared; stranger:
of another workspace.

";

both!(access_is_as_reviewed, place, |place: Place| async move {
    let db = &place.world.api.db;
    let state = db.snapshot().await.unwrap();
    let mut text = HEAD.to_owned();
    write!(text, "{:<36}", "").unwrap();
    for (role, _) in place.people() {
        write!(text, " {role:>9}").unwrap();
    }
    text.push('\n');
    for built in operations() {
        let asked = call(&place, built.operation);
        write!(text, "{:<36}", built.operation.id).unwrap();
        for (_, client) in place.people() {
            let answer = asked.send(client).await;
            write!(text, " {:>9}", answer.response.status).unwrap();
            if built.operation.method != Method::Get && answer.response.status < 300 {
                place.world.restore(&state).await;
            }
        }
        text.push('\n');
    }
    committed::agree("access_matrix.txt", &text);
});

/// What a person sees who may see a list and nothing in it: the list is empty.
#[test]
fn lists_hold_nothing_for_those_who_may_see_nothing() {
    testkit::run(async {
        let place = place(Engine::Embedded).await;
        for built in operations().iter().filter(|built| built.operation.method == Method::Get) {
            let asked = call(&place, built.operation);
            for client in [&place.guest, &place.stranger] {
                let answer = asked.send(client).await;
                if answer.response.status == 200 && answer.json["data"].is_array() {
                    let allowed = [
                        "getUsers",
                        "getUsersForWorkspace",
                        "getWorkspaces",
                        "getWorkspaceMembershipsForWorkspace",
                        "getTagsForWorkspace",
                        "getTags",
                        "getCustomFieldsForWorkspace",
                    ];
                    assert!(
                        answer.json["data"].as_array().unwrap().is_empty() || allowed.contains(&built.operation.id),
                        "{}: {}",
                        built.operation.id,
                        answer.json
                    );
                }
            }
        }
    });
}
