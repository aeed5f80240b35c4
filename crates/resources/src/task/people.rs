//! A task's people: its assignee, its followers, those who like it. Assignee and followers hold grants on the task.

use std::collections::HashSet;

use engine::call::Call;
use engine::change::Did;
use engine::error::{Error, Result};
use engine::operation::Outcome;
use model::Level;
use model::rich_text::references;
use store::Value;

use super::{TASK, Task, containers, load, story, task_change, touch};
use crate::user_task_list::hand_over;
use crate::workspace::{grant, members_among, require_members};

/// The followers of a new task: its creator, its assignee, whom the body names and whom its notes mention, each once.
pub fn first_followers(
    call: &mut Call<'_>,
    workspace: i64,
    assignee: Option<i64>,
    mentioned: &[i64],
) -> Result<Vec<i64>> {
    let named = call.body.gids("followers").to_vec();
    require_members(call, workspace, &named, "followers")?;
    let mentioned = members_among(call, workspace, mentioned)?;
    let mut followers = vec![call.viewer.user];
    for user in assignee.into_iter().chain(named).chain(mentioned) {
        if !followers.contains(&user) {
            followers.push(user);
        }
    }
    Ok(followers)
}

/// Gives a new task its followers.
pub fn enlist(call: &mut Call<'_>, task: i64, followers: &[i64]) {
    for user in followers {
        let user: Value = (*user).into();
        call.insert("task_followers", &[("task_id", task.into()), ("user_id", user.clone())]);
        let level = Level::Editor.as_i64().into();
        let row = [("scope_id", task.into()), ("principal_id", user), ("level", level)];
        call.aside(|call| call.insert("grants", &row));
    }
}

/// Makes people followers; answers who was not one before. A follower may edit the task, unless whoever brings the
/// follower may not: who may only comment does not become an editor by following.
pub fn add_followers(call: &mut Call<'_>, task: i64, users: &[i64]) -> Result<Vec<i64>> {
    let level = call.level(&TASK, task)?.unwrap_or(Level::Viewer).min(Level::Editor);
    let mut fresh = Vec::new();
    for user in users {
        if call.insert_new("task_followers", &[("task_id", task.into()), ("user_id", (*user).into())])? {
            call.aside(|call| grant(call, task, *user, level))?;
            fresh.push(*user);
        }
    }
    Ok(fresh)
}

/// Whoever is mentioned in the notes of a task or in a comment on it follows it, as far as a person belongs to its
/// workspace.
pub fn add_mentioned(call: &mut Call<'_>, task: &Task, users: &[i64], containers: &[i64]) -> Result<()> {
    let users = members_among(call, task.workspace, users)?;
    if users.is_empty() {
        return Ok(());
    }
    for user in add_followers(call, task.gid, &users)? {
        call.record(&task_change(Did::Changed, task).field("followers").member(Did::Added, user), containers);
    }
    Ok(())
}

/// Those whom the notes of a task have not mentioned so far. Who has ceased to follow it is left in peace.
pub fn newly_mentioned(call: &mut Call<'_>, task: i64, users: Vec<i64>) -> Result<Vec<i64>> {
    if users.is_empty() {
        return Ok(users);
    }
    let known = call.text("SELECT html_notes FROM tasks WHERE gid = ?1 AND mentions", &[task.into()])?;
    Ok(without_mentioned(users, known.as_deref().unwrap_or_default()))
}

/// Those whom a rich text, in the form in which it is kept, does not mention.
pub fn without_mentioned(mut users: Vec<i64>, html: &str) -> Vec<i64> {
    let known: HashSet<i64> = references(html).collect();
    users.retain(|user| !known.contains(user));
    users
}

/// A task changes hands: the new assignee follows it, the old one goes on following it.
pub fn reassign(call: &mut Call<'_>, before: &Task, assignee: Option<i64>) -> Result<()> {
    if let Some(user) = assignee {
        call.aside(|call| grant(call, before.gid, user, Level::Editor))?;
        add_followers(call, before.gid, &[user])?;
    }
    match before.assignee {
        Some(user) => withdraw(call, before.gid, user),
        None => Ok(()),
    }
}

/// Lets go of somebody who leaves the workspace: of a task that is still to be done the person is not the assignee any
/// more, and no follower of any. The task is locked.
pub fn part_with(call: &mut Call<'_>, task: i64, user: i64) -> Result<()> {
    let task = load(call, task)?;
    let containers = containers(call, task.gid)?;
    if task.assignee == Some(user) && !task.completed {
        pass_on(call, task.gid, None)?;
    }
    stop_following(call, &task, user, &containers)?;
    withdraw(call, task.gid, user)
}

/// Takes a task that is still to be done from its assignee: `heir` has it from now on, or nobody. The task is locked.
pub fn pass_on(call: &mut Call<'_>, task: i64, heir: Option<i64>) -> Result<()> {
    let before = load(call, task)?;
    let containers = containers(call, before.gid)?;
    call.update(
        TASK.table,
        before.gid,
        &[
            ("assignee_id", heir.into()),
            ("assigned_by_id", heir.map(|_| call.viewer.user).into()),
            ("assignee_status", "upcoming".into()),
            ("modified_at", call.now.into()),
        ],
    )?;
    reassign(call, &before, heir)?;
    hand_over(call, before.workspace, before.gid, before.assignee, heir)?;
    call.record(&task_change(Did::Changed, &before).field("assignee").value(heir), &containers);
    let subtype = if heir.is_some() { "assigned" } else { "unassigned" };
    story(call, &before, subtype, &containers, |story| story.object = heir.or(before.assignee))
}

/// Ends somebody's following of a task.
fn stop_following(call: &mut Call<'_>, task: &Task, user: i64, containers: &[i64]) -> Result<()> {
    let parameters = [task.gid.into(), user.into()];
    if call.execute("DELETE FROM task_followers WHERE task_id = ?1 AND user_id = ?2", &parameters)? == 0 {
        return Ok(());
    }
    withdraw(call, task.gid, user)?;
    call.record(&task_change(Did::Changed, task).field("followers").member(Did::Removed, user), containers);
    Ok(())
}

/// Takes the grant of somebody who is neither assignee nor follower any more.
fn withdraw(call: &mut Call<'_>, task: i64, user: i64) -> Result<()> {
    let idle = "DELETE FROM grants WHERE scope_id = ?1 AND principal_id = ?2 \
                AND NOT EXISTS (SELECT 1 FROM task_followers f WHERE f.task_id = ?1 AND f.user_id = ?2) \
                AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.gid = ?1 AND t.assignee_id = ?2)";
    call.aside(|call| call.execute(idle, &[task.into(), user.into()]))?;
    Ok(())
}

/// addFollowersForTask.
pub fn follow(call: &mut Call<'_>) -> Result<Outcome> {
    call.lock(call.target)?;
    let task = load(call, call.target)?;
    let users = call.body.gids("followers").to_vec();
    require_members(call, task.workspace, &users, "followers")?;
    let containers = containers(call, task.gid)?;
    for user in add_followers(call, task.gid, &users)? {
        let change = task_change(Did::Changed, &task).field("followers").member(Did::Added, user);
        call.record(&change, &containers);
        story(call, &task, "follower_added", &containers, |story| story.object = Some(user))?;
    }
    touch(call, task.gid)?;
    Ok(Outcome::Object(task.gid))
}

/// removeFollowerForTask. Whoever sees a task may stop following it; to remove others takes more.
pub fn unfollow(call: &mut Call<'_>) -> Result<Outcome> {
    // Who ceases to be assignee and follower at once keeps no grant.
    call.lock(call.target)?;
    let task = load(call, call.target)?;
    let users = call.body.gids("followers").to_vec();
    let own_only = users.iter().all(|user| *user == call.viewer.user);
    if !own_only && call.level(&TASK, task.gid)? < Some(Level::Editor) {
        return Err(Error::no_permission(TASK.kind));
    }
    let containers = containers(call, task.gid)?;
    for user in users {
        stop_following(call, &task, user, &containers)?;
    }
    touch(call, task.gid)?;
    Ok(Outcome::Object(task.gid))
}

/// The caller likes the task.
pub fn like(call: &mut Call<'_>, task: i64) -> Result<()> {
    let known = call.number(
        "SELECT gid FROM task_likes WHERE task_id = ?1 AND user_id = ?2",
        &[task.into(), call.viewer.user.into()],
    )?;
    if known.is_none() {
        let gid = call.gid()?;
        let user = call.viewer.user;
        call.insert_new("task_likes", &[("gid", gid.into()), ("task_id", task.into()), ("user_id", user.into())])?;
        record_likes(call, task, Did::Added)?;
    }
    Ok(())
}

/// The caller does not like the task any more.
pub fn unlike(call: &mut Call<'_>, task: i64) -> Result<()> {
    let removed = call.execute(
        "DELETE FROM task_likes WHERE task_id = ?1 AND user_id = ?2",
        &[task.into(), call.viewer.user.into()],
    )?;
    if removed > 0 { record_likes(call, task, Did::Removed) } else { Ok(()) }
}

fn record_likes(call: &mut Call<'_>, task: i64, did: Did) -> Result<()> {
    let task = load(call, task)?;
    let containers = containers(call, task.gid)?;
    let user = call.viewer.user;
    call.record(&task_change(Did::Changed, &task).field("likes").member(did, user), &containers);
    Ok(())
}
