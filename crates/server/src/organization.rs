//! The people without whom nothing can begin: an organization with a team and an administrator, and further users.

use auth::token;
use engine::call::Call;
use model::Random;
use resources::workspace::Role;
use resources::{team, user, workspace};

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
    let name = required("organization", name)?;
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
    let (name, email) = (required("name", &person.name)?, required("email", &person.email)?);
    if !user::is_email(email) {
        return Err(Failure::usage(format_args!("email: Not an e-mail address: {email}")));
    }
    let taken =
        call.number("SELECT gid FROM users WHERE email_folded = ?1", &[model::fold_email(email).into()])?.is_some();
    if taken {
        return Err(Failure::new(format_args!("there is a user {email} already")));
    }
    Ok(user::create_user(call, name, email, person.password_digest.as_deref())?)
}

fn required<'a>(field: &str, text: &'a str) -> Result<&'a str> {
    let text = text.trim();
    let valid = !text.is_empty() && text.len() <= 1_024 && !text.contains(char::is_control);
    valid.then_some(text).ok_or_else(|| Failure::usage(format_args!("{field}: Must be a line of text")))
}
