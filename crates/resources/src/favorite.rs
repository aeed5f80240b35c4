//! Favorites: what somebody wants to have at hand. They have no records of their own; a list shows what they name.
//!
//! The API reads them and cannot change them: people do that with the star beside a thing's name.

use engine::call::Call;
use engine::error::{Error, Result};
use engine::field::{Field, text};
use engine::operation::{Key, Listing, Parent, by_number, by_text, parent};
use engine::parameter::{Parameters, shortened};
use engine::resource::{Guard, Resource};

use crate::order::{Ordered, Place, place};
use crate::user::{self, USER};
use crate::workspace::WORKSPACE;

const NAMED: &[Field] = &[text("name").compact()];

/// A project as a favorite: gid, type and name, like the others.
pub static PROJECT: Resource = Resource { trash: true, fields: NAMED, ..Resource::new("project", "projects") };
static TAG: Resource =
    Resource { guard: Guard::Via("workspace_id", &WORKSPACE), fields: NAMED, ..Resource::new("tag", "tags") };
static TASK: Resource = Resource {
    guard: Guard::Scopes { table: "task_scopes", owner: "task_id" },
    trash: true,
    fields: NAMED,
    ..Resource::new("task", "tasks")
};
static PERSON: Resource = Resource { guard: user::GUARD, fields: NAMED, ..Resource::new("user", "users") };

static ORDER: &[Key] = &[by_text("e.rank"), by_number("e.object_id")];
static WITHIN: &[Parent] = &[parent("user_gid", &USER), parent("workspace", &WORKSPACE)];

/// The favorites of one kind. As in the real service they are the caller's own: of others there are none to be seen.
const fn favorites(from: &'static str, which: &'static str) -> Listing {
    Listing::of(from, "e.object_id", which, ORDER).within(WITHIN)
}

static PROJECTS: Listing = favorites(
    "favorites e CROSS JOIN projects t",
    "e.user_id = :user AND e.user_id = :viewer AND e.workspace_id = :workspace AND t.gid = e.object_id \
     AND t.deleted_at IS NULL",
)
.shows(&PROJECT);
static TAGS: Listing = favorites(
    "favorites e CROSS JOIN tags t",
    "e.user_id = :user AND e.user_id = :viewer AND e.workspace_id = :workspace AND t.gid = e.object_id",
)
.shows(&TAG);
static TASKS: Listing = favorites(
    "favorites e CROSS JOIN tasks t",
    "e.user_id = :user AND e.user_id = :viewer AND e.workspace_id = :workspace AND t.gid = e.object_id \
     AND t.deleted_at IS NULL",
)
.shows(&TASK);
static PEOPLE: Listing = favorites(
    "favorites e CROSS JOIN users t",
    "e.user_id = :user AND e.user_id = :viewer AND e.workspace_id = :workspace AND t.gid = e.object_id",
)
.shows(&PERSON);
/// There are neither portfolios nor project templates yet.
static NONE: Listing =
    favorites("favorites e", "e.user_id = :user AND e.workspace_id = :workspace AND FALSE").shows(&PROJECT);

/// getFavoritesForUser: projects unless the request says what.
pub fn choose(parameters: &Parameters<'_>) -> Result<&'static Listing> {
    Ok(match parameters.query_value("resource_type") {
        None | Some("project") => &PROJECTS,
        Some("tag") => &TAGS,
        Some("task") => &TASKS,
        Some("user") => &PEOPLE,
        Some("portfolio" | "project_template") => &NONE,
        Some(other) => {
            return Err(Error::field(
                "resource_type",
                format_args!(
                    "Not a recognized value: {}. Use one of: portfolio, project, tag, task, user, project_template",
                    shortened(other)
                ),
            ));
        }
    })
}

/// Puts something at the end of somebody's favorites in a workspace.
pub fn add_favorite(call: &mut Call<'_>, workspace: i64, user: i64, kind: &str, object: i64) -> Result<()> {
    let list = Ordered { table: "favorites", scope_column: "user_id", scope: user, key_column: "object_id" };
    let rank = place(call, &list, object, Place::Last)?;
    call.insert_new(
        list.table,
        &[
            ("user_id", user.into()),
            ("workspace_id", workspace.into()),
            ("kind", kind.into()),
            ("object_id", object.into()),
            ("rank", rank.into()),
        ],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};
    use testkit::{both, gid};

    use super::add_favorite;
    use crate::world::{Small, small};

    fn names(list: &Json) -> Vec<&str> {
        list.as_array().expect("a list").iter().filter_map(|item| item["name"].as_str()).collect()
    }

    both!(favorites_are_ones_own, small, |small: Small| async move {
        let Small { ann, bob, stranger, workspace, world, .. } = small;
        let data = |name: &str| json!({"workspace": workspace, "name": name});
        let mut objects = Vec::new();
        for (kind, path) in [("project", "/projects"), ("project", "/projects"), ("tag", "/tags"), ("task", "/tasks")] {
            let name = format!("{kind} {}", objects.len());
            objects.push((kind, gid(&ann.post(path, data(&name)).await.created())));
        }
        objects.push(("user", ann.user.to_string()));
        let (home, user) = (workspace.parse().unwrap(), bob.user);
        let kept: Vec<(&str, i64)> = objects.iter().map(|(kind, gid)| (*kind, gid.parse().unwrap())).collect();
        world
            .write(move |call| {
                // The last first.
                kept.iter().rev().try_for_each(|(kind, object)| add_favorite(call, home, user, kind, *object))
            })
            .await;
        let path = format!("/users/me/favorites?workspace={workspace}");
        let first = json!({"gid": objects[1].1, "resource_type": "project", "name": "project 1"});
        assert_eq!(bob.get(&path).await.ok()[0], first);
        for (kind, kept) in [
            ("project", vec!["project 1", "project 0"]),
            ("tag", vec!["tag 2"]),
            // A task that was shared with nobody is none of Bob's.
            ("task", vec![]),
            ("user", vec!["Ann Example"]),
            ("portfolio", vec![]),
            ("project_template", vec![]),
        ] {
            assert_eq!(names(&bob.get(&format!("{path}&resource_type={kind}")).await.ok()), kept);
        }
        let task = format!("/tasks/{}/addFollowers", objects[3].1);
        ann.post(&task, json!({"followers": [user.to_string()]})).await.ok();
        assert_eq!(names(&bob.get(&format!("{path}&resource_type=task")).await.ok()), ["task 3"]);
        assert_eq!(names(&Json::from(bob.pages(&path, 1).await)), ["project 1", "project 0"]);
        ann.put(&format!("/projects/{}", objects[1].1), json!({"privacy_setting": "private"})).await.ok();
        assert_eq!(names(&bob.get(&path).await.ok()), ["project 0"]);
        assert_eq!(ann.get(&format!("/users/{user}/favorites?workspace={workspace}")).await.ok(), json!([]));
        bob.get(&format!("{path}&resource_type=goal")).await.refused(
            400,
            "resource_type: Not a recognized value: goal. Use one of: portfolio, project, tag, task, user, \
             project_template",
        );
        bob.get("/users/me/favorites").await.refused(400, "workspace: Missing input");
        stranger.get(&path).await.refused(400, &format!("workspace: Unknown object: {workspace}"));
    });
}
