//! A small organization to look around in: Juniper Lane, twelve people who make a pot that waters itself.
//!
//! What they did in the last months stands in readable scripts, one for each project ([`script`]). It is played in the order
//! of time, each step by the person who took it and through the rules of the API ([`play`]), so that stories, changes and
//! grants are those of a workspace that people have used. Days are counted from today: the demonstration is always fresh.

mod play;
mod script;
#[cfg(test)]
mod tests;

use engine::access::Viewer;
use engine::call::{Call, Shared};
use model::Random;
use resources::workspace::Role;
use resources::{team, user, workspace};
use serde::Serialize;
use serde_json::{Value as Json, json};
use store::{Db, Write};

use crate::{Error, require_empty};
use play::Play;
use script::Script;

const DAY: i64 = 86_400_000;

/// How long ago the organization was founded.
const AGE: i64 = 200 * DAY;

/// Where to find what was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Demo {
    /// The organization's gid.
    pub workspace: String,
    /// The gid of its administrator.
    pub user: String,
    /// The administrator's address.
    pub email: String,
    /// The administrator's token.
    pub token: String,
}

/// Somebody who works here.
struct Person {
    key: &'static str,
    name: &'static str,
    role: Role,
    /// The first one's members administer the team that is called like it.
    teams: &'static [&'static str],
}

const fn person(key: &'static str, name: &'static str, teams: &'static [&'static str]) -> Person {
    Person { key, name, role: Role::Member, teams }
}

const PEOPLE: &[Person] = &[
    Person { role: Role::Admin, ..person("mara", "Mara Lindqvist", &["Product", "Marketing", "Operations"]) },
    person("tomas", "Tomás Rivera", &["Product"]),
    person("aiko", "Aiko Tanabe", &["Product"]),
    person("ben", "Ben Adeyemi", &["Product"]),
    person("priya", "Priya Raman", &["Product", "Marketing"]),
    person("jonas", "Jonas Keller", &["Product", "Operations"]),
    person("leila", "Leila Haddad", &["Marketing"]),
    person("owen", "Owen Blythe", &["Marketing"]),
    person("sofia", "Sofia Marchetti", &["Marketing"]),
    person("femi", "Femi Okoro", &["Operations"]),
    person("ingrid", "Ingrid Solberg", &["Operations"]),
    // Draws for the blog now and then: sees that project and nothing else.
    Person { role: Role::Guest, ..person("noor", "Noor Castellan", &[]) },
];

/// The teams, with who administers them.
const TEAMS: &[(&str, &str)] = &[("Product", "tomas"), ("Marketing", "leila"), ("Operations", "femi")];

const TAGS: &[(&str, &str)] =
    &[("quick win", "light-green"), ("customer", "dark-pink"), ("design", "dark-purple"), ("legal", "light-warm-gray")];

/// A custom field, as the body that creates it has it, without its options; those as name and color.
type Field = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const FIELDS: &[Field] = &[
    ("Priority", "enum", &[("Low", "blue-green"), ("Medium", "yellow-orange"), ("High", "red")]),
    ("Effort", "number", &[]),
    ("Platform", "multi_enum", &[("iOS", "cool-gray"), ("Android", "green"), ("Web", "blue"), ("Firmware", "orange")]),
    ("Found in", "text", &[]),
    (
        "Channels",
        "multi_enum",
        &[("Blog", "blue"), ("Newsletter", "purple"), ("Instagram", "hot-pink"), ("Video", "red")],
    ),
    ("Publish on", "date", &[]),
    ("Words", "number", &[]),
    ("Cost", "number", &[]),
    ("Supplier", "text", &[]),
    ("Interviewers", "people", &[]),
    (
        "Source",
        "enum",
        &[
            ("Referral", "green"),
            ("Job board", "blue"),
            ("Website", "aqua"),
            ("Letter", "yellow"),
            ("Phone", "orange"),
            ("Review", "purple"),
            ("Shop", "pink"),
        ],
    ),
];

/// What a field has beside name, type and options.
fn more_of(field: &str) -> Json {
    match field {
        "Effort" => json!({
            "precision": 1, "format": "custom", "custom_label": "days", "description": "Days of one person, roughly.",
        }),
        "Cost" => json!({"precision": 2, "format": "currency", "currency_code": "EUR", "description": "Without VAT."}),
        "Found in" => json!({"description": "The first version in which somebody saw it."}),
        _ => json!({}),
    }
}

/// The scripts by their names.
const SCRIPTS: &[(&str, &str)] = &[
    ("launch", include_str!("demo/launch.txt")),
    ("bugs", include_str!("demo/bugs.txt")),
    ("content", include_str!("demo/content.txt")),
    ("production", include_str!("demo/production.txt")),
    ("care", include_str!("demo/care.txt")),
    ("fair", include_str!("demo/fair.txt")),
    ("move", include_str!("demo/move.txt")),
    ("hiring", include_str!("demo/hiring.txt")),
];

fn scripts() -> Result<Vec<(&'static str, Script)>, Error> {
    let people: Vec<&str> = PEOPLE.iter().map(|person| person.key).collect();
    let fields: Vec<&str> = FIELDS.iter().map(|(name, ..)| *name).collect();
    SCRIPTS.iter().map(|(key, text)| Ok((*key, Script::read(text, &people, &fields)?))).collect()
}

/// Fills an empty database, or leaves it as it is. `now` is in milliseconds; the token's secret comes from `random`.
///
/// # Errors
/// [`Error::Filled`] for a database that is not empty, and what the database reports.
pub async fn fill(db: &Db, now: i64, random: &Random) -> Result<Demo, Error> {
    let scripts = scripts()?;
    let random = random.clone();
    db.write(move |write| {
        require_empty(write)?;
        let (workspace, teams, people) = found(write, now - AGE)?;
        let mut play = Play::new(write, &scripts, workspace, teams, people, now);
        play.play()?;
        let mara = PEOPLE[0].key;
        let user = play.person(mara);
        let token = auth::token::create(write, &random, now, user, "demonstration")?;
        Ok(Demo { workspace: workspace.to_string(), user: user.to_string(), email: address(mara), token })
    })
    .await
}

fn address(key: &str) -> String {
    format!("{key}@juniperlane.example")
}

/// Gids by names.
type Named = Vec<(&'static str, i64)>;

/// The organization with its teams and people.
fn found(write: &mut Write, at: i64) -> Result<(i64, Named, Vec<Viewer>), Error> {
    let (viewer, shared) = (Viewer::default(), Shared::default());
    Ok(Call::run(write, &viewer, &shared, at, found_in)?)
}

fn found_in(call: &mut Call<'_>) -> engine::Result<(i64, Named, Vec<Viewer>)> {
    let workspace = workspace::create_workspace(call, "Juniper Lane", true)?;
    let mut teams = Named::new();
    for (name, _) in TEAMS {
        teams.push((name, team::create_team(call, workspace, name, "public")?));
    }
    let mut people = Vec::new();
    for person in PEOPLE {
        let user = user::create_user(call, person.name, &address(person.key), None)?;
        workspace::add_member(call, workspace, user, person.role)?;
        let mut viewer = Viewer { user, principals: vec![user], workspaces: vec![workspace], ..Viewer::default() };
        if person.role != Role::Guest {
            viewer.principals.push(workspace);
        }
        for (name, team) in teams.iter().filter(|(name, _)| person.teams.contains(name)) {
            team::add_member(call, workspace, *team, user, TEAMS.contains(&(name, person.key)))?;
            viewer.principals.push(*team);
        }
        viewer.principals.sort_unstable();
        people.push(viewer);
    }
    Ok((workspace, teams, people))
}
