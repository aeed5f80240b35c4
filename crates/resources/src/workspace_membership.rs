//! Workspace memberships: that somebody belongs to a workspace, and what they are there.
//!
//! Coming and going stand here too: who comes gets a list of tasks, who goes leaves nothing behind that lets them in.

use engine::access::{Name, start_epoch};
use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use engine::field::{Kind, boolean, nothing, object, one, sql, time};
use engine::operation::{Key, Listing, Outcome, by_number, get, list, list_one_of, parent};
use engine::parameter::{Parameters, shortened};
use engine::resource::{Guard, Names, Resource};
use model::Level;
use store::Type;

use crate::project::{Facts, PROJECT};
use crate::task::people::part_with;
use crate::team;
use crate::user::{USER, create_user, is_email};
use crate::user_task_list::{USER_TASK_LIST, create_list, delete_list};
use crate::workspace::{Role, WORKSPACE, grant, workspace_field};

/// The membership of a person in a workspace: whoever sees both sees it.
pub static WORKSPACE_MEMBERSHIP: Resource = Resource {
    guard: Guard::Both(&Guard::Via("user_id", &USER), &Guard::Via("workspace_id", &WORKSPACE)),
    fields: &[
        time("created_at"),
        sql(
            "is_active",
            Kind::Bool,
            "EXISTS (SELECT 1 FROM users u WHERE u.gid = t.user_id AND u.deactivated_at IS NULL)",
        ),
        boolean("is_admin"),
        boolean("is_guest"),
        // There are no licences, so nobody has one to look only.
        sql("is_view_only", Kind::Bool, "FALSE"),
        one("user", &USER, "user_id").compact(),
        one(
            "user_task_list",
            &USER_TASK_LIST,
            "(SELECT l.gid FROM user_task_lists l WHERE l.owner_id = t.user_id AND l.workspace_id = t.workspace_id)",
        ),
        // Deprecated for entries of another kind, which nobody can make yet.
        object("vacation_dates", &[nothing("end_on", Kind::Date), nothing("start_on", Kind::Date)]),
        workspace_field().compact(),
    ],
    operations: &[
        get("getWorkspaceMembership", "/workspace_memberships/{workspace_membership_gid}"),
        list("getWorkspaceMembershipsForUser", "/users/{user_gid}/workspace_memberships", &OF_USER),
        list_one_of(
            "getWorkspaceMembershipsForWorkspace",
            "/workspaces/{workspace_gid}/workspace_memberships",
            &["user"],
            choose,
        ),
    ],
    ..Resource::new("workspace_membership", "workspace_memberships")
};

static BY_GID: &[Key] = &[by_number("t.gid")];

const fn memberships(which: &'static str) -> Listing {
    Listing::of("workspace_memberships t", "t.gid", which, BY_GID)
}

static OF_USER: Listing = memberships("t.user_id = :user").within(&[parent("user_gid", &USER)]);

static IN_WORKSPACE: Listing =
    memberships("t.workspace_id = :workspace").within(&[parent("workspace_gid", &WORKSPACE)]);

static OF_USER_IN_WORKSPACE: Listing = memberships("t.workspace_id = :workspace AND t.user_id = :user")
    .within(&[parent("workspace_gid", &WORKSPACE), parent("user", &USER)]);

fn choose(parameters: &Parameters<'_>) -> Result<&'static Listing> {
    Ok(if parameters.query_value("user").is_some() { &OF_USER_IN_WORKSPACE } else { &IN_WORKSPACE })
}

/// Makes a person a member, an administrator or a guest of a workspace.
pub fn add_member(call: &mut Call<'_>, workspace: i64, user: i64, role: Role) -> Result<()> {
    let membership = call.create_object(&WORKSPACE_MEMBERSHIP, workspace)?;
    call.insert(
        WORKSPACE_MEMBERSHIP.table,
        &[
            ("gid", membership.into()),
            ("workspace_id", workspace.into()),
            ("user_id", user.into()),
            ("is_guest", (role == Role::Guest).into()),
            ("is_admin", (role == Role::Admin).into()),
            ("created_at", call.now.into()),
        ],
    );
    if role != Role::Member {
        set_grant(call, workspace, user, role)?;
    }
    create_list(call, workspace, user)?;
    // Somebody who comes back is still the assignee of what they have completed.
    call.execute(
        "INSERT INTO grants (scope_id, principal_id, level) SELECT t.gid, t.assignee_id, ?3 FROM tasks t \
         WHERE t.assignee_id = ?1 AND t.workspace_id = ?2 ON CONFLICT DO NOTHING",
        &[user.into(), workspace.into(), Level::Editor.as_i64().into()],
    )?;
    call.record(&change(Did::Added, membership, workspace), &[workspace]);
    start_epoch(call.write()?)?;
    Ok(())
}

fn change(did: Did, membership: i64, workspace: i64) -> Change<'static> {
    Change::new(did, WORKSPACE_MEMBERSHIP.kind, membership, workspace).parent(workspace)
}

/// Makes a member of a workspace something else there; whether that is a change.
///
/// # Errors
/// The last administrator stays one.
pub fn set_role(call: &mut Call<'_>, workspace: i64, user: i64, role: Role) -> Result<bool> {
    call.lock(workspace)?;
    let Some((membership, before)) = membership_of(call, workspace, user)? else {
        return Err(Error::not_a_user("user", user));
    };
    if before == role {
        return Ok(false);
    }
    if before == Role::Admin && !has_other_administrator(call, workspace, user)? {
        return Err(Error::field("user", "The last administrator of a workspace has to stay one"));
    }
    let (is_guest, is_admin) = (role == Role::Guest, role == Role::Admin);
    let columns = [("is_guest", is_guest.into()), ("is_admin", is_admin.into())];
    call.update(WORKSPACE_MEMBERSHIP.table, membership, &columns)?;
    set_grant(call, workspace, user, role)?;
    for (field, changed) in
        [("is_guest", is_guest != (before == Role::Guest)), ("is_admin", is_admin != (before == Role::Admin))]
    {
        if changed {
            call.record(&change(Did::Changed, membership, workspace).field(field), &[workspace]);
        }
    }
    start_epoch(call.write()?)?;
    Ok(true)
}

/// Members may what the workspace grants all of them; administrators and guests have grants of their own.
fn set_grant(call: &mut Call<'_>, workspace: i64, user: i64, role: Role) -> Result<()> {
    match role {
        Role::Admin => grant(call, workspace, user, Level::Admin),
        Role::Guest => grant(call, workspace, user, Level::Viewer),
        Role::Member => {
            let parameters = [workspace.into(), user.into()];
            call.execute("DELETE FROM grants WHERE scope_id = ?1 AND principal_id = ?2", &parameters)?;
            Ok(())
        }
    }
}

/// Whether the person is a member or a guest of the workspace, or neither.
pub fn membership_of(call: &mut Call<'_>, workspace: i64, user: i64) -> Result<Option<(i64, Role)>> {
    let block = call.query(
        "SELECT gid, is_guest, is_admin FROM workspace_memberships WHERE user_id = ?1 AND workspace_id = ?2",
        &[Type::Int, Type::Bool, Type::Bool],
        &[user.into(), workspace.into()],
    )?;
    if block.is_empty() {
        return Ok(None);
    }
    let role = match (block.bool(0, 1), block.bool(0, 2)) {
        (true, _) => Role::Guest,
        (_, true) => Role::Admin,
        _ => Role::Member,
    };
    Ok(block.int(0, 0).map(|membership| (membership, role)))
}

/// addUserForWorkspace. By e-mail address anyone can be invited, and whom nobody knows yet becomes a user; a gid names
/// somebody whom the caller sees.
pub fn invite(call: &mut Call<'_>) -> Result<Outcome> {
    let workspace = call.target;
    let text = call.body.text("user").unwrap_or_default().trim().to_owned();
    let not_a_user = || Error::not_a_user("user", shortened(&text));
    let name = Name::parse(Names::User, &text).ok_or_else(not_a_user)?;
    // Two who invite the same address at once find each other.
    call.lock(workspace)?;
    let user = match (call.named(&name)?, &name) {
        (Some(user), Name::Email(_)) => user,
        (Some(user), _) => match call.level(&USER, user)? {
            Some(_) => user,
            None => return Err(not_a_user()),
        },
        (None, Name::Email(_)) if is_email(&text) => create_user(call, &text, &text, None)?,
        (None, _) => return Err(Error::field("user", format_args!("Not an e-mail address: {}", shortened(&text)))),
    };
    if membership_of(call, workspace, user)?.is_none() {
        let role = role_of_new(call, workspace, user)?;
        add_member(call, workspace, user, role)?;
    }
    Ok(Outcome::Object(user))
}

/// An organization that has e-mail domains has everyone else as a guest.
fn role_of_new(call: &mut Call<'_>, workspace: i64, user: i64) -> Result<Role> {
    let domains = "SELECT email_domains FROM workspaces WHERE gid = ?1 AND is_organization";
    let domains = call.text(domains, &[workspace.into()])?.unwrap_or_default();
    let domains: Vec<String> = serde_json::from_str(&domains).unwrap_or_default();
    let email = call.text("SELECT email_folded FROM users WHERE gid = ?1", &[user.into()])?.unwrap_or_default();
    let domain = email.rsplit('@').next().unwrap_or_default();
    let at_home = domains.is_empty() || domains.iter().any(|known| known.eq_ignore_ascii_case(domain));
    Ok(if at_home { Role::Member } else { Role::Guest })
}

/// removeUserForWorkspace.
///
/// Memberships, grants and follows go. What the person was to do has no assignee any more; what the person has done
/// keeps it. The projects that the person owned go to the caller as far as the caller sees them, as the contract says,
/// and to nobody otherwise: what was private stays so.
pub fn dismiss(call: &mut Call<'_>) -> Result<Outcome> {
    let (workspace, user) = (call.target, call.body.gid("user").unwrap_or_default());
    call.lock(workspace)?;
    let tasks = tasks_of(call, workspace, user)?;
    call.lock_all(&tasks)?;
    // From here on nobody assigns anything to the person or shares anything with the person.
    call.lock(user)?;
    let Some((membership, role)) = membership_of(call, workspace, user)? else {
        return Err(Error::not_a_user("user", user));
    };
    if role == Role::Admin && !has_other_administrator(call, workspace, user)? {
        return Err(Error::field("user", "The last administrator of a workspace cannot be removed"));
    }
    for task in tasks_of(call, workspace, user)? {
        if !tasks.contains(&task) {
            call.lock(task)?;
        }
        part_with(call, task, user)?;
    }
    leave_projects(call, workspace, user)?;
    for team in call.numbers(
        "SELECT team_id FROM team_memberships WHERE user_id = ?1 AND workspace_id = ?2 ORDER BY team_id",
        &[user.into(), workspace.into()],
    )? {
        team::remove_member(call, team, user)?;
    }
    delete_list(call, workspace, user)?;
    let parameters = [user.into(), workspace.into()];
    call.execute(
        "DELETE FROM tag_followers WHERE user_id = ?1 AND tag_id IN (SELECT gid FROM tags WHERE workspace_id = ?2)",
        &parameters,
    )?;
    call.execute("DELETE FROM favorites WHERE user_id = ?1 AND workspace_id = ?2", &parameters)?;
    call.execute(
        "DELETE FROM grants WHERE principal_id = ?1 AND scope_id IN (SELECT o.gid FROM grants g CROSS JOIN objects o \
         WHERE g.principal_id = ?1 AND o.gid = g.scope_id AND o.workspace_id = ?2)",
        &parameters,
    )?;
    call.execute("DELETE FROM workspace_memberships WHERE gid = ?1", &[membership.into()])?;
    call.delete_object(membership)?;
    call.record(&change(Did::Deleted, membership, workspace), &[workspace]);
    start_epoch(call.write()?)?;
    Ok(Outcome::Empty)
}

/// Whether somebody who can log in administers the workspace beside this person.
pub fn has_other_administrator(call: &mut Call<'_>, workspace: i64, user: i64) -> Result<bool> {
    let other = "SELECT m.gid FROM workspace_memberships m CROSS JOIN users u WHERE m.workspace_id = ?1 AND m.is_admin \
         AND m.user_id <> ?2 AND u.gid = m.user_id AND u.deactivated_at IS NULL LIMIT 1";
    Ok(call.number(other, &[workspace.into(), user.into()])?.is_some())
}

fn leave_projects(call: &mut Call<'_>, workspace: i64, user: i64) -> Result<()> {
    let projects = call.numbers(
        "SELECT gid FROM projects WHERE owner_id = ?1 AND workspace_id = ?2 \
         UNION SELECT project_id FROM project_memberships WHERE member_id = ?1 AND workspace_id = ?2 \
         UNION SELECT f.project_id FROM project_followers f CROSS JOIN projects p \
           WHERE f.user_id = ?1 AND p.gid = f.project_id AND p.workspace_id = ?2 ORDER BY 1",
        &[user.into(), workspace.into()],
    )?;
    for project in projects {
        call.lock(project)?;
        let heir = call.level(&PROJECT, project)?.map(|_| call.viewer.user).filter(|heir| *heir != user);
        Facts::of(call, project)?.part_with(call, user, heir)?;
    }
    Ok(())
}

/// What somebody has still to do in a workspace, and what they follow there.
fn tasks_of(call: &mut Call<'_>, workspace: i64, user: i64) -> Result<Vec<i64>> {
    call.numbers(
        "SELECT gid FROM tasks WHERE assignee_id = ?1 AND workspace_id = ?2 AND NOT completed \
         UNION SELECT f.task_id FROM task_followers f CROSS JOIN tasks t \
           WHERE f.user_id = ?1 AND t.gid = f.task_id AND t.workspace_id = ?2 ORDER BY 1",
        &[user.into(), workspace.into()],
    )
}

#[cfg(test)]
mod tests;
