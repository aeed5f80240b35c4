//! People.

use engine::call::Call;
use engine::error::{Error, Result};
use engine::field::{Field, Kind, many, nothing, object, text};
use engine::operation::{Listing, by_number, by_text, get, list, list_one_of, parent};
use engine::parameter::Parameters;
use engine::resource::{Guard, Names, Resource};

use crate::team::TEAM;
use crate::workspace::WORKSPACE;

/// A person. Members see everyone in their workspaces; a guest sees those who share a project, a team or a task with
/// the guest, by themselves or as members of a team. Where an object that one sees names a person (its assignee, a comment's author), that person is shown.
pub static USER: Resource = Resource {
    guard: Guard::Sql(
        "{key} = :viewer \
         OR EXISTS (SELECT 1 FROM {each_principal} p CROSS JOIN workspace_memberships m WHERE m.user_id = {key} \
            AND m.workspace_id = p.column1) \
         OR EXISTS (SELECT 1 FROM {each_principal} p CROSS JOIN grants own CROSS JOIN grants other CROSS JOIN objects o \
            WHERE own.principal_id = p.column1 AND other.scope_id = own.scope_id AND (other.principal_id = {key} \
              OR other.principal_id IN (SELECT m.team_id FROM team_memberships m WHERE m.user_id = {key})) \
            AND o.gid = own.scope_id AND o.kind IN ('project', 'team', 'task') AND o.deleted_at IS NULL)",
    ),
    open_in_relations: true,
    names: Names::User,
    fields: &[
        text("email"),
        text("name").compact(),
        PHOTO,
        many(
            "workspaces",
            &WORKSPACE,
            engine::field::link("workspace_memberships", "user_id", "workspace_id", "e.workspace_id"),
        ),
    ],
    operations: &[
        get("getUser", "/users/{user_gid}").parameters(&["workspace"]),
        list_one_of("getUsers", "/users", &["workspace", "team"], choose),
        list("getUsersForWorkspace", "/workspaces/{workspace_gid}/users", &IN_WORKSPACE),
        list("getUsersForTeam", "/teams/{team_gid}/users", &IN_TEAM),
    ],
    ..Resource::new("user", "users")
};

const fn image(name: &'static str) -> Field {
    nothing(name, Kind::Text(2_048))
}

/// No pictures are stored yet: nobody has a photo.
const PHOTO: Field = object(
    "photo",
    &[
        image("image_21x21"),
        image("image_27x27"),
        image("image_36x36"),
        image("image_60x60"),
        image("image_128x128"),
        image("image_1024x1024").opt_in(),
    ],
);

static IN_WORKSPACE: Listing = Listing::of(
    "workspace_memberships m JOIN users t ON t.gid = m.user_id",
    "t.gid",
    "m.workspace_id = :workspace AND t.deactivated_at IS NULL",
    &[by_text("t.name_folded"), by_number("t.gid")],
)
.within(&[parent("workspace_gid", &WORKSPACE)]);

static IN_WORKSPACE_BY_GID: Listing = Listing::of(
    "workspace_memberships m JOIN users t ON t.gid = m.user_id",
    "t.gid",
    "m.workspace_id = :workspace AND t.deactivated_at IS NULL",
    &[by_number("m.user_id")],
)
.within(&[parent("workspace", &WORKSPACE)]);

static IN_TEAM: Listing = Listing::of(
    "team_memberships m JOIN users t ON t.gid = m.user_id",
    "t.gid",
    "m.team_id = :team AND t.deactivated_at IS NULL",
    &[by_text("t.name_folded"), by_number("t.gid")],
)
.within(&[parent("team_gid", &TEAM)]);

static IN_TEAM_BY_GID: Listing = Listing::of(
    "team_memberships m JOIN users t ON t.gid = m.user_id",
    "t.gid",
    "m.team_id = :team AND t.deactivated_at IS NULL",
    &[by_number("m.user_id")],
)
.within(&[parent("team", &TEAM)]);

static EVERYWHERE: Listing = Listing::of(
    "users t",
    "t.gid",
    "t.deactivated_at IS NULL AND EXISTS (SELECT 1 FROM workspace_memberships own CROSS JOIN workspace_memberships m \
     WHERE own.user_id = :viewer AND m.workspace_id = own.workspace_id AND m.user_id = t.gid)",
    &[by_number("t.gid")],
);

fn choose(parameters: &Parameters<'_>) -> Result<&'static Listing> {
    match (parameters.has("workspace"), parameters.has("team")) {
        (true, true) => Err(Error::bad("Must specify at most one of workspace, team")),
        (true, false) => Ok(&IN_WORKSPACE_BY_GID),
        (false, true) => Ok(&IN_TEAM_BY_GID),
        (false, false) => Ok(&EVERYWHERE),
    }
}

/// Creates a person, who belongs to no workspace yet. The address is the caller's to check.
pub fn create_user(call: &mut Call<'_>, name: &str, email: &str, password_digest: Option<&str>) -> Result<i64> {
    let user = call.create_object(&USER, 0)?;
    call.insert(
        USER.table,
        &[
            ("gid", user.into()),
            ("name", name.into()),
            ("name_folded", model::fold(name).into()),
            ("email", email.trim().into()),
            ("email_folded", model::fold_email(email).into()),
            ("password_digest", password_digest.into()),
            ("created_at", call.now.into()),
        ],
    );
    Ok(user)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};
    use testkit::{Client, both, gid};

    use crate::team;
    use crate::world::{Small, small};

    async fn seen(client: &Client, path: &str) -> Vec<String> {
        let users = client.get(path).await.ok();
        let names = users.as_array().expect("a list").iter().map(|user| user["name"].as_str().unwrap_or("").to_owned());
        names.collect()
    }

    both!(a_guest_meets_whom_something_is_shared_with, small, |small: Small| async move {
        let Small { ann, bob, guest, workspace, team, world, .. } = &small;
        let path = format!("/workspaces/{workspace}/users");
        assert_eq!(seen(guest, &path).await, ["Gus Guest"]);
        let data = json!({"workspace": workspace, "followers": [guest.user.to_string()]});
        let task = gid(&ann.post("/tasks", data).await.created());
        assert_eq!(seen(guest, &path).await, ["Ann Example", "Gus Guest"]);
        // What lies in the trash is shared with nobody.
        ann.delete(&format!("/tasks/{task}")).await.ok();
        assert_eq!(seen(guest, &path).await, ["Gus Guest"]);
        guest
            .get(&format!("/users/{}", ann.user))
            .await
            .refused(404, &format!("user: Not a recognized ID: {}", ann.user));

        let (home, makers, user) = (workspace.parse().unwrap(), team.parse().unwrap(), guest.user);
        world.write(move |call| team::add_member(call, home, makers, user, false)).await;
        let all = ["Ann Example", "Bob Example", "Gus Guest"];
        assert_eq!(seen(guest, &path).await, all);
        assert_eq!(seen(guest, &format!("/teams/{team}/users")).await, all);
        assert_eq!(guest.get(&format!("/users/{}", bob.user)).await.ok()["name"], Json::from("Bob Example"));
        world.write(move |call| team::remove_member(call, makers, user)).await;
        assert_eq!(seen(guest, &path).await, ["Gus Guest"]);
    });
}
