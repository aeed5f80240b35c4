//! The small organization in which the resources' tests take place.

use engine::Limits;
use testkit::{Client, Engine, World};

use crate::workspace::Role;
use crate::{RESOURCES, missing, team, user, workspace};

/// An organization with a few people.
pub struct Small {
    /// The API.
    pub world: World,
    /// The organization's gid.
    pub workspace: String,
    /// A public team with Ann and Bob.
    pub team: String,
    /// An administrator.
    pub ann: Client,
    /// A member.
    pub bob: Client,
    /// A member who is in no team.
    pub cat: Client,
    /// A guest, with whom nothing is shared yet.
    pub guest: Client,
    /// Someone of another organization.
    pub stranger: Client,
}

/// The organization on a fresh database.
pub async fn small(engine: Engine) -> Small {
    let world = World::new(engine, RESOURCES, missing::MISSING, Limits::default()).await;
    let (workspace, team, users) = world
        .write(|call| {
            let workspace = workspace::create_workspace(call, "Acme", true)?;
            let elsewhere = workspace::create_workspace(call, "Elsewhere", true)?;
            let team = team::create_team(call, workspace, "Makers", "public")?;
            let people = [
                ("Ann Example", "ann@acme.example", workspace, Role::Admin),
                ("Bob Example", "bob@acme.example", workspace, Role::Member),
                ("Cat Example", "cat@acme.example", workspace, Role::Member),
                ("Gus Guest", "gus@guest.example", workspace, Role::Guest),
                ("Sam Stranger", "sam@elsewhere.example", elsewhere, Role::Admin),
            ];
            let mut users = Vec::new();
            for (name, email, place, role) in people {
                let user = user::create_user(call, name, email, None)?;
                workspace::add_member(call, place, user, role)?;
                users.push(user);
            }
            team::add_member(call, workspace, team, users[0], true)?;
            team::add_member(call, workspace, team, users[1], false)?;
            Ok((workspace, team, users))
        })
        .await;
    Small {
        ann: world.client(users[0]).await,
        bob: world.client(users[1]).await,
        cat: world.client(users[2]).await,
        guest: world.client(users[3]).await,
        stranger: world.client(users[4]).await,
        workspace: workspace.to_string(),
        team: team.to_string(),
        world,
    }
}
