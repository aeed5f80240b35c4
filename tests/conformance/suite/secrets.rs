//! What only the administrator sees is nowhere in what the others get: not as a nested object, not in a list, not in the
//! text of a story, not as a number of things; whatever they ask for.

use std::collections::BTreeSet;

use engine::operation::Method;
use serde_json::json;
use testkit::{Engine, both};

use crate::built::{self, operations};
use crate::call::call;
use crate::world::{Place, SECRET, place};

/// More paths than these, or longer texts, one request does not take.
const MOST_PATHS: usize = 200;

both!(secrets_are_nowhere, place, |place: Place| async move {
    let db = &place.world.api.db;
    let state = db.snapshot().await.unwrap();
    let hidden = ["other_project", "hidden_section", "lonely_task", "secret_field", "secret_team"];
    let hidden: Vec<String> = hidden.iter().map(|name| format!("\"{}\"", place.gid(name))).collect();
    let mut told = BTreeSet::new();
    let mut shown_to_admin = 0;
    for built in operations() {
        let asked = call(&place, built.operation);
        let all = asked.with(&format!("opt_fields={}", built::paths(built.answers(), 2).join(",")));
        for (role, client) in place.people() {
            // The whole of it holds what the default does.
            let asked = if built.operation.method == Method::Get { vec![&all] } else { vec![&asked, &all] };
            for asked in asked {
                // What a caller names in a request may come back in its refusal.
                let own = asked.data.as_ref().map(ToString::to_string).unwrap_or_default() + &asked.path;
                let answer = asked.send(client).await;
                let text = String::from_utf8_lossy(&answer.response.body);
                let gids = hidden.iter().any(|gid| text.contains(gid) && !own.contains(gid.trim_matches('"')));
                if role == "admin" {
                    shown_to_admin += usize::from(text.contains(SECRET));
                } else if text.contains(SECRET) || gids {
                    told.insert(format!("{} tells the {role}: {text}", built.operation.id));
                }
                if built.operation.method != Method::Get && answer.response.status < 300 {
                    place.world.restore(&state).await;
                }
            }
        }
    }
    assert!(told.is_empty(), "{told:#?}");
    assert!(shown_to_admin > 20, "the administrator sees them: {shown_to_admin}");
});

both!(counts_tell_of_no_hidden_thing, place, |place: Place| async move {
    // The editor sees the child's project, and neither its parent nor what depends on it.
    let path = format!(
        "/tasks/{}?opt_fields=parent,dependencies,dependents,projects,memberships,custom_fields.name",
        place.gid("child_task")
    );
    let record = place.editor.get(&path).await.ok();
    assert_eq!(record["parent"], json!(null));
    assert_eq!(record["dependents"], json!([]));
    assert_eq!(record["projects"].as_array().map(Vec::len), Some(1));
    assert_eq!(record["memberships"].as_array().map(Vec::len), Some(1));
    let fields = |record: &serde_json::Value| record["custom_fields"].as_array().map(Vec::len);
    assert_eq!(fields(&record).map(|count| count + 1), fields(&place.admin.get(&path).await.ok()));
    let sideline = place.editor.get(&format!("/projects/{}", place.gid("sideline"))).await.ok();
    assert_eq!(sideline["team"], json!(null), "a secret team stays secret");
});

/// Three relations deep, whatever the path.
#[test]
fn secrets_are_nowhere_deeper() {
    testkit::run(async {
        let place = place(Engine::Embedded).await;
        let mut told = BTreeSet::new();
        let mut asked_for = 0;
        for built in operations().iter().filter(|built| built.operation.method == Method::Get) {
            for paths in built::paths(built.answers(), 4).chunks(MOST_PATHS) {
                asked_for += paths.len();
                let asked = call(&place, built.operation).with(&format!("opt_fields={}", paths.join(",")));
                for client in [&place.editor, &place.guest] {
                    let answer = asked.send(client).await;
                    if String::from_utf8_lossy(&answer.response.body).contains(SECRET) {
                        told.insert(format!("{} with {}", built.operation.id, paths[0]));
                    }
                }
            }
        }
        assert!(told.is_empty(), "{told:#?}");
        assert!(asked_for > 10_000, "{asked_for} paths");
    });
}
