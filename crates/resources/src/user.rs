//! People.

use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use engine::field::{Field, Kind, many, nothing, object, sql, text};
use engine::input::InputKind;
use engine::operation::{Listing, Outcome, by_number, by_text, find, get, list, list_one_of, parent, update};
use engine::parameter::Parameters;
use engine::resource::{Guard, Names, Resource};
use model::Level;

use crate::favorite;
use crate::project::refuse_values;
use crate::purge::PURGE_LOGINS;
use crate::team::TEAM;
use crate::workspace::WORKSPACE;

/// A person. Members see everyone in their workspaces; a guest sees those who share a project, a team or a task with
/// the guest, by themselves or as members of a team. Where an object that one sees names a person (its assignee, a comment's author), that person is shown.
pub static USER: Resource = Resource {
    guard: GUARD,
    open_in_relations: true,
    names: Names::User,
    fields: &[
        // Values of a person, for which nobody can define fields yet.
        sql("custom_fields", Kind::Json, "'[]'").opt_in().input(InputKind::Json).on_update(),
        EMAIL,
        NAME,
        PHOTO,
        many(
            "workspaces",
            &WORKSPACE,
            engine::field::link("workspace_memberships", "user_id", "workspace_id", "e.workspace_id"),
        ),
    ],
    operations: &[
        // A person is the same in every workspace: it is no matter which one the query names.
        get("getUser", "/users/{user_gid}").parameters(&["workspace"]),
        update("updateUser", "/users/{user_gid}", Level::Viewer, update_user).parameters(&["workspace"]),
        find("getUserForWorkspace", "/workspaces/{workspace_gid}/users/{user_gid}", &ONE_IN_WORKSPACE),
        update(
            "updateUserForWorkspace",
            "/workspaces/{workspace_gid}/users/{user_gid}",
            Level::Viewer,
            update_in_workspace,
        ),
        list_one_of("getUsers", "/users", &["workspace", "team"], choose),
        list("getUsersForWorkspace", "/workspaces/{workspace_gid}/users", &IN_WORKSPACE),
        list_one_of(
            "getFavoritesForUser",
            "/users/{user_gid}/favorites",
            &["workspace", "resource_type"],
            favorite::choose,
        )
        .answers(&favorite::PROJECT),
        list("getUsersForTeam", "/teams/{team_gid}/users", &IN_TEAM),
    ],
    jobs: &[&PURGE_LOGINS],
    ..Resource::new("user", "users")
};

/// What is shown of somebody who has just been invited.
pub static USER_BASE: Resource = Resource {
    guard: GUARD,
    open_in_relations: true,
    names: Names::User,
    fields: &[EMAIL, NAME, PHOTO],
    ..Resource::new("user", "users")
};

/// Who sees a person.
pub(crate) const GUARD: Guard = Guard::Sql(
    "{key} = :viewer \
         OR EXISTS (SELECT 1 FROM {each_principal} p CROSS JOIN workspace_memberships m WHERE m.user_id = {key} \
            AND m.workspace_id = p.column1) \
         OR EXISTS (SELECT 1 FROM {each_principal} p CROSS JOIN grants own CROSS JOIN grants other CROSS JOIN objects o \
            WHERE own.principal_id = p.column1 AND other.scope_id = own.scope_id AND (other.principal_id = {key} \
              OR other.principal_id IN (SELECT m.team_id FROM team_memberships m WHERE m.user_id = {key})) \
            AND o.gid = own.scope_id AND o.kind IN ('project', 'team', 'task') AND o.deleted_at IS NULL)",
);

const EMAIL: Field = text("email");
const NAME: Field = text("name").compact().on_update();

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

static ONE_IN_WORKSPACE: Listing = Listing::of(
    "workspace_memberships m JOIN users t ON t.gid = m.user_id",
    "t.gid",
    "m.workspace_id = :workspace AND m.user_id = :user",
    &[by_number("t.gid")],
)
.within(&[parent("workspace_gid", &WORKSPACE), parent("user_gid", &USER)]);

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

/// Everyone has their own name; who administers every workspace that a person is in can change it too.
fn update_user(call: &mut Call<'_>) -> Result<Outcome> {
    let user = call.target;
    if user != call.viewer.user {
        let elsewhere = call.number(
            "SELECT m.gid FROM workspace_memberships m WHERE m.user_id = ?1 AND NOT EXISTS (SELECT 1 \
             FROM workspace_memberships own WHERE own.user_id = ?2 AND own.workspace_id = m.workspace_id \
             AND own.is_admin) LIMIT 1",
            &[user.into(), call.viewer.user.into()],
        )?;
        if elsewhere.is_some() {
            return Err(Error::no_permission(USER.kind));
        }
    }
    refuse_values(&call.body)?;
    let Some(name) = call.body.text("name").map(str::to_owned) else {
        return Ok(Outcome::Object(user));
    };
    if name.trim().is_empty() {
        return Err(Error::field("name", "Value must not be empty"));
    }
    rename_user(call, user, &name)?;
    Ok(Outcome::Object(user))
}

/// Gives a person another name; whether it is another. That it is one is the caller's to check.
pub fn rename_user(call: &mut Call<'_>, user: i64, name: &str) -> Result<bool> {
    let renamed = call.execute(
        "UPDATE users SET name = ?2, name_folded = ?3 WHERE gid = ?1 AND name <> ?2",
        &[user.into(), name.into(), model::fold(name).into()],
    )?;
    if renamed > 0 {
        let workspaces = "SELECT workspace_id FROM workspace_memberships WHERE user_id = ?1 ORDER BY workspace_id";
        let workspaces = call.numbers(workspaces, &[user.into()])?;
        call.record(&Change::new(Did::Changed, USER.kind, user, 0).field("name"), &workspaces);
    }
    Ok(renamed > 0)
}

fn update_in_workspace(call: &mut Call<'_>) -> Result<Outcome> {
    let workspace = call.body.int("workspace_gid").unwrap_or_default();
    call.require_target(&WORKSPACE, workspace, Level::Viewer)?;
    let membership = "SELECT gid FROM workspace_memberships WHERE user_id = ?1 AND workspace_id = ?2";
    match call.number(membership, &[call.target.into(), workspace.into()])? {
        Some(_) => update_user(call),
        None => Err(Error::not_recognized(USER.kind, call.target)),
    }
}

/// Whether a text has the form of an e-mail address.
pub fn is_email(text: &str) -> bool {
    let text = text.trim();
    let parts = text.split_once('@').filter(|(local, host)| !local.is_empty() && !host.is_empty());
    parts.is_some()
        && text.len() <= 254
        && text.matches('@').count() == 1
        && !text.contains(|letter: char| letter.is_whitespace() || letter.is_control())
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
    use crate::workspace::Role;
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

    both!(people_have_their_own_names, small, |small: Small| async move {
        let Small { ann, bob, cat, guest, stranger, workspace, world, .. } = &small;
        let path = format!("/users/{}", bob.user);
        assert_eq!(bob.put("/users/me", json!({"name": "Robert"})).await.ok()["name"], "Robert");
        let read = cat.get(&format!("/workspaces/{workspace}/users/bob@acme.example")).await.ok();
        assert_eq!(read, cat.get(&path).await.ok());
        assert_eq!((&read["name"], read.get("custom_fields")), (&json!("Robert"), None));
        assert_eq!(cat.get(&format!("{path}?opt_fields=custom_fields")).await.ok()["custom_fields"], json!([]));
        assert_eq!(seen(cat, &format!("/workspaces/{workspace}/users")).await[3], "Robert");
        let refusal = "You do not have permission to change this user.";
        cat.put(&path, json!({"name": "Bobby"})).await.refused(403, refusal);
        let in_workspace = format!("/workspaces/{workspace}{path}");
        cat.put(&in_workspace, json!({"name": "Bobby"})).await.refused(403, refusal);
        // Who administers all the workspaces of a person may.
        assert_eq!(ann.put(&in_workspace, json!({"name": "Bobby"})).await.ok()["name"], "Bobby");
        let (elsewhere, user) = (stranger.get("/workspaces").await.ok(), bob.user);
        let elsewhere: i64 = gid(&elsewhere[0]).parse().unwrap();
        world.write(move |call| crate::workspace::add_member(call, elsewhere, user, Role::Guest)).await;
        ann.put(&path, json!({"name": "Rob"})).await.refused(403, refusal);
        bob.put(&format!("/workspaces/{workspace}/users/me?workspace={elsewhere}"), json!({"name": "Rob"})).await.ok();
        for (data, message) in [
            (json!({"name": ""}), "name: Value must not be empty"),
            (json!({"email": "rob@acme.example"}), "email: Cannot write this property"),
            (json!({"custom_fields": {"12": "x"}}), "Custom field with ID 12 is not on given object"),
        ] {
            bob.put("/users/me", data).await.refused(400, message);
        }
        // Nobody is in a workspace that one is not in oneself.
        let here = format!("/workspaces/{elsewhere}/users/{}", ann.user);
        let unknown = format!("workspace: Not a recognized ID: {elsewhere}");
        ann.get(&here).await.refused(404, &unknown);
        ann.put(&here, json!({"name": "x"})).await.refused(404, &unknown);
        bob.get(&here).await.refused(404, &format!("user: Not a recognized ID: {}", ann.user));
        bob.put(&here, json!({"name": "x"})).await.refused(404, &format!("user: Not a recognized ID: {}", ann.user));
        guest.put(&in_workspace, json!({})).await.refused(404, &format!("user: Not a recognized ID: {}", bob.user));
    });
}
