//! Deactivation: a person who has left can not log in any more, in no workspace, and what the person was to do is somebody
//! else's or nobody's. Memberships stay, so that whoever comes back is where they were.

use engine::access::start_epoch;
use engine::call::Call;
use engine::change::{Change, Did};
use engine::error::{Error, Result};
use store::Type;

use crate::project::{Facts, set_grants};
use crate::task::people::pass_on;
use crate::workspace::Role;
use crate::workspace_membership::{WORKSPACE_MEMBERSHIP, has_other_administrator, membership_of};

/// What has become of somebody's work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parting {
    /// Tasks that were still to be done and are the heir's now.
    pub reassigned: usize,
    /// Tasks that were still to be done and are nobody's now.
    pub unassigned: usize,
    /// Projects that the person owned.
    pub projects: usize,
}

/// Deactivates a person. The caller's viewer is that person: the stories of the tasks are in the person's name.
///
/// As when somebody is removed from a workspace (removeUserForWorkspace), tasks that were still to be done change hands,
/// and so do the projects that the person owned, as far as the heir sees them. In a workspace that the heir is not in, both
/// are nobody's. Tokens stop counting with the next request; that sessions are deleted is up to the caller.
///
/// # Errors
/// The last administrator of a workspace stays; the heir has to be somebody else, in a workspace of the person's.
pub fn deactivate_user(call: &mut Call<'_>, user: i64, heir: Option<i64>) -> Result<Parting> {
    let workspaces = workspaces_of(call, user)?;
    call.lock_all(&workspaces)?;
    let mut inherits = Vec::new();
    for workspace in &workspaces {
        let administers = membership_of(call, *workspace, user)?.is_some_and(|(_, role)| role == Role::Admin);
        if administers && !has_other_administrator(call, *workspace, user)? {
            return Err(Error::field(
                "user",
                format_args!("The last administrator of workspace {workspace} has to stay"),
            ));
        }
        if let Some(heir) = heir
            && membership_of(call, *workspace, heir)?.is_some()
        {
            inherits.push(*workspace);
        }
    }
    if let Some(heir) = heir {
        refuse_heir(call, user, heir, &inherits)?;
    }
    let mut parting = Parting::default();
    let tasks = open_tasks(call, user)?;
    call.lock_all(&tasks.iter().map(|(task, _)| *task).collect::<Vec<_>>())?;
    // From here on nobody assigns anything to the person.
    call.lock(user)?;
    for (task, workspace) in open_tasks(call, user)? {
        if !tasks.contains(&(task, workspace)) {
            call.lock(task)?;
        }
        let heir = heir.filter(|_| inherits.contains(&workspace));
        pass_on(call, task, heir)?;
        *(if heir.is_some() { &mut parting.reassigned } else { &mut parting.unassigned }) += 1;
    }
    for project in call.numbers("SELECT gid FROM projects WHERE owner_id = ?1 ORDER BY gid", &[user.into()])? {
        call.lock(project)?;
        let heir = match heir {
            Some(heir) if sees_project(call, heir, project)? => Some(heir),
            _ => None,
        };
        Facts::of(call, project)?.pass_on(call, user, heir)?;
        set_grants(call, project)?;
        parting.projects += 1;
    }
    set_active(call, user, &workspaces, false)?;
    Ok(parting)
}

/// Lets somebody who was deactivated in again. What the person was to do before stays where it has gone.
pub fn reactivate_user(call: &mut Call<'_>, user: i64) -> Result<()> {
    let workspaces = workspaces_of(call, user)?;
    set_active(call, user, &workspaces, true)
}

/// Whether somebody was deactivated.
pub fn is_deactivated(call: &mut Call<'_>, user: i64) -> Result<bool> {
    let deactivated = "SELECT gid FROM users WHERE gid = ?1 AND deactivated_at IS NOT NULL";
    Ok(call.number(deactivated, &[user.into()])?.is_some())
}

fn set_active(call: &mut Call<'_>, user: i64, workspaces: &[i64], active: bool) -> Result<()> {
    let deactivated_at = (!active).then_some(call.now);
    call.update("users", user, &[("deactivated_at", deactivated_at.into())])?;
    for workspace in workspaces {
        if let Some((membership, _)) = membership_of(call, *workspace, user)? {
            let change = Change::new(Did::Changed, WORKSPACE_MEMBERSHIP.kind, membership, *workspace);
            call.record(&change.field("is_active").parent(*workspace), &[*workspace]);
        }
    }
    start_epoch(call.write()?)?;
    Ok(())
}

fn refuse_heir(call: &mut Call<'_>, user: i64, heir: i64, inherits: &[i64]) -> Result<()> {
    if heir == user {
        return Err(Error::field("reassign_to", "Has to be somebody else"));
    }
    // Nobody deactivates the heir meanwhile.
    call.share(heir)?;
    if is_deactivated(call, heir)? {
        return Err(Error::field("reassign_to", "Is deactivated"));
    }
    if inherits.is_empty() {
        return Err(Error::field("reassign_to", "Is in no workspace of the person's"));
    }
    Ok(())
}

fn workspaces_of(call: &mut Call<'_>, user: i64) -> Result<Vec<i64>> {
    let all = "SELECT workspace_id FROM workspace_memberships WHERE user_id = ?1 ORDER BY workspace_id";
    call.numbers(all, &[user.into()])
}

/// What somebody has still to do, with its workspace.
fn open_tasks(call: &mut Call<'_>, user: i64) -> Result<Vec<(i64, i64)>> {
    let block = call.query(
        "SELECT gid, workspace_id FROM tasks WHERE assignee_id = ?1 AND NOT completed ORDER BY gid",
        &[Type::Int, Type::Int],
        &[user.into()],
    )?;
    Ok((0..block.len()).filter_map(|row| block.int(row, 0).zip(block.int(row, 1))).collect())
}

/// Whether a grant on the project names the person, a team of the person's, or a workspace whose full member the person is.
fn sees_project(call: &mut Call<'_>, user: i64, project: i64) -> Result<bool> {
    let grant = call.number(
        "SELECT g.level FROM grants g WHERE g.scope_id = ?2 AND (g.principal_id = ?1 \
           OR g.principal_id IN (SELECT m.team_id FROM team_memberships m WHERE m.user_id = ?1) \
           OR g.principal_id IN (SELECT m.workspace_id FROM workspace_memberships m \
             WHERE m.user_id = ?1 AND NOT m.is_guest)) LIMIT 1",
        &[user.into(), project.into()],
    )?;
    Ok(grant.is_some())
}
