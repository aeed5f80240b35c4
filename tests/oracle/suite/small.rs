//! A small organization.

use engine::Limits;
use resources::workspace::Role;
use resources::{RESOURCES, missing, team, user, workspace};
use testkit::{Client, Engine, World};

pub struct Small {
    pub world: World,
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
}

/// The organization on a fresh database.
pub async fn small(engine: Engine) -> Small {
    let world = World::new(engine, RESOURCES, missing::MISSING, Limits::default()).await;
    let (home, makers, users) = world
        .write(|call| {
            let home = workspace::create_workspace(call, "Acme", true)?;
            let makers = team::create_team(call, home, "Makers", "public")?;
            let mut users = Vec::new();
            for (name, role) in
                [("Ann", Role::Admin), ("Bob", Role::Member), ("Cat", Role::Member), ("Gus", Role::Guest)]
            {
                let user = user::create_user(call, name, &format!("{name}@acme.example"), None)?;
                workspace::add_member(call, home, user, role)?;
                users.push(user);
            }
            team::add_member(call, home, makers, users[0], true)?;
            team::add_member(call, home, makers, users[1], false)?;
            Ok((home, makers, users))
        })
        .await;
    Small {
        ann: world.client(users[0]).await,
        bob: world.client(users[1]).await,
        cat: world.client(users[2]).await,
        guest: world.client(users[3]).await,
        workspace: home.to_string(),
        team: makers.to_string(),
        world,
    }
}
