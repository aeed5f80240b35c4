//! The people without whom nothing can begin: an organization with a team and an administrator, and further people.

use auth::token;
use engine::call::Call;
use model::Random;
use resources::deactivation::is_deactivated;
use resources::workspace::Role;
use resources::{team, user, workspace, workspace_membership};

use crate::failure::{Failure, Result};

/// Someone who is to be a user.
#[derive(Clone, Debug)]
pub struct Person {
    /// How others see the person.
    pub name: String,
    /// The address to log in with.
    pub email: String,
    /// The digest of the password, if there is one.
    pub password_digest: Option<String>,
}

/// A new organization.
#[derive(Clone, Debug, PartialEq)]
pub struct Founded {
    /// Its gid.
    pub workspace: i64,
    /// The gid of its first team, called like it.
    pub team: i64,
    /// The gid of its administrator.
    pub user: i64,
    /// A token of the administrator's.
    pub token: String,
}

/// Founds an organization with an administrator.
pub fn found_organization(call: &mut Call<'_>, random: &Random, name: &str, person: &Person) -> Result<Founded> {
    let name = line_of_text("organization", name)?;
    let user = add_user(call, person)?;
    let workspace = workspace::create_workspace(call, name, true)?;
    let team = team::create_team(call, workspace, name, "public")?;
    workspace::add_member(call, workspace, user, Role::Admin)?;
    team::add_member(call, workspace, team, user, true)?;
    let now = call.now;
    let token = token::create(call.write()?, random, now, user, "first token")?;
    Ok(Founded { workspace, team, user, token })
}

/// Adds a user, who belongs to no workspace yet.
pub fn add_user(call: &mut Call<'_>, person: &Person) -> Result<i64> {
    let (name, email) = (line_of_text("name", &person.name)?, email_address(&person.email)?);
    if user_of(call, email)?.is_some() {
        return Err(Failure::new(format_args!("there is a user {email} already")));
    }
    Ok(user::create_user(call, name, email, person.password_digest.as_deref())?)
}

/// What somebody is to be in a workspace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// The e-mail address, by which a person is known.
    pub email: String,
    /// The name; of a new person the address up to the `@` when it is not given.
    pub name: Option<String>,
    /// The role; of a new member that of a member when it is not given.
    pub role: Option<Role>,
    /// Teams to be in; others are not left.
    pub teams: Vec<i64>,
}

/// What it took to get somebody there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The person was not in the workspace.
    Added,
    /// Name, role or teams were different.
    Changed,
    /// Nothing.
    Unchanged,
}

/// Makes sure that a person is in a workspace as a place says. The person's gid, and what it took.
pub fn settle_person(call: &mut Call<'_>, workspace: i64, place: &Place) -> Result<(i64, Settled)> {
    let email = email_address(&place.email)?;
    let name = place.name.as_deref().map(|name| line_of_text("name", name)).transpose()?;
    // Two who bring the same address at once find each other.
    call.lock(workspace)?;
    let mut settled = Settled::Unchanged;
    let user = match user_of(call, email)? {
        None => user::create_user(call, name.unwrap_or_else(|| first_name(email)), email, None)?,
        Some(known) => {
            refuse_deactivated(call, known, email)?;
            if let Some(name) = name
                && user::rename_user(call, known, name)?
            {
                settled = Settled::Changed;
            }
            known
        }
    };
    match workspace_membership::membership_of(call, workspace, user)? {
        None => {
            workspace::add_member(call, workspace, user, place.role.unwrap_or(Role::Member))?;
            settled = Settled::Added;
        }
        Some(_) => {
            if let Some(role) = place.role
                && workspace_membership::set_role(call, workspace, user, role)?
            {
                settled = Settled::Changed;
            }
        }
    }
    for team in &place.teams {
        if team::add_member(call, workspace, *team, user, false)? && settled == Settled::Unchanged {
            settled = Settled::Changed;
        }
    }
    Ok((user, settled))
}

/// Refuses somebody who was deactivated.
pub fn refuse_deactivated(call: &mut Call<'_>, user: i64, named: &str) -> Result<()> {
    if is_deactivated(call, user)? {
        return Err(Failure::new(format_args!(
            "{named} is deactivated; `vinyasa admin user reactivate {named}` lets them in again"
        )));
    }
    Ok(())
}

/// The user of an e-mail address.
pub fn user_of(call: &mut Call<'_>, email: &str) -> Result<Option<i64>> {
    Ok(call.number("SELECT gid FROM users WHERE email_folded = ?1", &[model::fold_email(email).into()])?)
}

/// The team of a workspace that is called so, by its gid or its name.
pub fn find_team(call: &mut Call<'_>, workspace: i64, named: &str) -> Result<i64> {
    if let Some(gid) = model::gid::parse(named) {
        let known = "SELECT gid FROM teams WHERE gid = ?1 AND workspace_id = ?2";
        if let Some(team) = call.number(known, &[gid.into(), workspace.into()])? {
            return Ok(team);
        }
    }
    let by_name = "SELECT gid FROM teams WHERE workspace_id = ?1 AND name_folded = ?2 ORDER BY gid";
    let found = call.numbers(by_name, &[workspace.into(), model::fold(named.trim()).into()])?;
    match found[..] {
        [team] => Ok(team),
        [] => Err(Failure::new(format_args!("no team {named}; `vinyasa admin team create` makes one"))),
        _ => Err(Failure::new(format_args!("several teams are called {named}: which one? {found:?}"))),
    }
}

/// An address in its form, without space around it.
pub fn email_address(text: &str) -> Result<&str> {
    let email = line_of_text("email", text)?;
    if !user::is_email(email) {
        return Err(Failure::usage(format_args!("email: Not an e-mail address: {email}")));
    }
    Ok(email)
}

/// A text of one line that is not empty, without space around it.
pub fn line_of_text<'a>(field: &str, text: &'a str) -> Result<&'a str> {
    let text = text.trim();
    let valid = !text.is_empty() && text.len() <= 1_024 && !text.contains(char::is_control);
    valid.then_some(text).ok_or_else(|| Failure::usage(format_args!("{field}: Must be a line of text")))
}

fn first_name(email: &str) -> &str {
    email.split('@').next().unwrap_or(email)
}
