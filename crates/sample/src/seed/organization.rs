//! Everything but the tasks: people, teams, tags, custom fields, projects with their members and sections.

use std::collections::BTreeMap;

use engine::access::Viewer;
use engine::call::{Call, Shared};
use model::{Level, rank};
use resources::workspace::Role;
use resources::{project, tag, team, user, user_task_list, workspace};
use store::{Value, Write};

use super::prose::Prose;
use super::table::{Tables, row};
use super::{DAY, Seed};
use crate::Error;
use crate::dice::Dice;

/// The number of the project that holds a tenth of all tasks.
pub const LARGE: usize = 0;
/// The number of the project of 1,000 tasks. The ordinary ones follow.
pub const THOUSAND: usize = 1;

/// How long ago the first task was created.
const PAST: i64 = 730 * DAY;
/// People in a team.
const TEAM: usize = 12;
const TAGS: usize = 60;

const FIRST_NAMES: &[&str] = &[
    "Ada", "Amir", "Anna", "Ben", "Bola", "Carla", "Chen", "Dana", "Diego", "Elif", "Emma", "Farid", "Fiona", "Goran",
    "Hana", "Henk", "Ines", "Ivan", "Jonas", "Jun", "Kaja", "Karim", "Lena", "Luis", "Maja", "Marco", "Mina", "Nadia",
    "Noor", "Olga", "Omar", "Paula", "Petr", "Priya", "Rosa", "Sami", "Tara", "Tomas", "Vera", "Yuki",
];
const LAST_NAMES: &[&str] = &[
    "Adler",
    "Almeida",
    "Berg",
    "Bianchi",
    "Castro",
    "Chowdhury",
    "Dahl",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Fontaine",
    "Garcia",
    "Haddad",
    "Hansen",
    "Ito",
    "Jansen",
    "Kaya",
    "Kim",
    "Kowalski",
    "Larsen",
    "Lopez",
    "Mbeki",
    "Meyer",
    "Moreau",
    "Nguyen",
    "Novak",
    "Okafor",
    "Olsen",
    "Park",
    "Petrov",
    "Quist",
    "Rossi",
    "Sato",
    "Silva",
    "Tanaka",
    "Urban",
    "Virtanen",
    "Weber",
    "Yilmaz",
    "Zhang",
];
const SECTIONS: &[&str] =
    &["Untitled section", "Backlog", "Next", "In progress", "Waiting", "Review", "Done", "Ideas", "Parked"];

/// A project, as far as its tasks need to know it.
pub struct Project {
    /// Its gid.
    pub gid: i64,
    /// Its sections, and the rank of the first task in each; tasks are created at the top.
    pub sections: Vec<(i64, String)>,
    /// The gids of those who work on it.
    pub members: Vec<i64>,
    /// Whether the whole workspace sees it.
    pub public: bool,
    /// When its first task may be created.
    pub start: i64,
    /// When its last task may be created.
    pub end: i64,
    /// The last task that was created in it.
    pub last_task: Option<i64>,
}

/// The custom fields that every project shows.
pub struct Fields {
    /// An enum, and its options.
    pub priority: (i64, Vec<i64>),
    /// A number.
    pub effort: i64,
    /// A text.
    pub reference: i64,
    /// A multi_enum, and its options.
    pub channels: (i64, Vec<i64>),
    /// A date.
    pub review: i64,
}

impl Fields {
    /// Their gids, in the order in which projects show them.
    pub fn all(&self) -> [i64; 5] {
        [self.priority.0, self.effort, self.reference, self.channels.0, self.review]
    }
}

/// The organization.
pub struct Organization {
    /// Its gid.
    pub workspace: i64,
    /// The gids of its full members, the administrator first.
    pub people: Vec<i64>,
    /// The guest's gid.
    pub guest: i64,
    /// The tags, the most used first.
    pub tags: Vec<i64>,
    /// The custom fields.
    pub fields: Fields,
    /// The projects.
    pub projects: Vec<Project>,
    /// Where each person's tasks come in: the section of their list, and the rank of the first task in it.
    pub inboxes: BTreeMap<i64, (i64, String)>,
}

impl Organization {
    /// Makes it.
    pub fn make(
        write: &mut Write,
        tables: &mut Tables,
        dice: &mut Dice,
        prose: &Prose,
        options: &Seed,
        now: i64,
    ) -> Result<Organization, Error> {
        let start = now - PAST;
        let (viewer, shared) = (Viewer::default(), Shared::default());
        let (workspace, people, guest, teams) =
            Call::run(write, &viewer, &shared, start, |call| found(call, options.people() as usize))?;
        let inboxes = Call::run(write, &viewer, &shared, start, |call| {
            let everybody = people.iter().copied().chain([guest]);
            let inbox = |person| Ok((person, (user_task_list::inbox_of(call, workspace, person)?, String::new())));
            everybody.map(inbox).collect::<engine::Result<BTreeMap<_, _>>>()
        })?;
        let mut making = Making { write, tables, dice, prose, workspace, start, now, admin: people[0] };
        let tags = making.tags()?;
        let fields = making.fields()?;
        let mut projects = Vec::new();
        for number in 0..options.projects() as usize {
            let (team, members) = &teams[number % teams.len()];
            projects.push(making.project(number, *team, members, &fields)?);
        }
        tables.write(write)?;
        Call::run(write, &viewer, &shared, start, |call| {
            projects.iter().try_for_each(|project| project::set_grants(call, project.gid))
        })?;
        Ok(Organization { workspace, people, guest, tags, fields, projects, inboxes })
    }

    /// The administrator's gid.
    pub fn admin(&self) -> i64 {
        self.people[0]
    }
}

/// A team and its members.
type Team = (i64, Vec<i64>);

/// The workspace, its people with the administrator first, its guest, and its teams.
fn found(call: &mut Call<'_>, count: usize) -> engine::Result<(i64, Vec<i64>, i64, Vec<Team>)> {
    let workspace = workspace::create_workspace(call, "Seeded Organization", true)?;
    let mut people = Vec::new();
    for number in 0..count - 1 {
        let (name, email) = person(number);
        let person = user::create_user(call, &name, &email, None)?;
        let role = if number == 0 { Role::Admin } else { Role::Member };
        workspace::add_member(call, workspace, person, role)?;
        people.push(person);
    }
    let guest = user::create_user(call, "Gus Guest", "guest@seed.example", None)?;
    workspace::add_member(call, workspace, guest, Role::Guest)?;
    let mut teams = Vec::new();
    for (number, members) in people.chunks(TEAM).enumerate() {
        let visibility = team::VISIBILITIES[number % team::VISIBILITIES.len()];
        let team = team::create_team(call, workspace, &format!("Team {}", number + 1), visibility)?;
        for (at, member) in members.iter().enumerate() {
            team::add_member(call, workspace, team, *member, at == 0)?;
        }
        teams.push((team, members.to_vec()));
    }
    Ok((workspace, people, guest, teams))
}

/// The name and the address of a person.
fn person(number: usize) -> (String, String) {
    let first = FIRST_NAMES[number % FIRST_NAMES.len()];
    // A step that has no divisor in common with the list pairs the names anew each time round.
    let last = LAST_NAMES[(number * 7 + number / FIRST_NAMES.len()) % LAST_NAMES.len()];
    let email = format!("{}.{}.{}@seed.example", first.to_lowercase(), last.to_lowercase(), number + 1);
    (format!("{first} {last}"), email)
}

/// What making takes.
struct Making<'a> {
    write: &'a mut Write,
    tables: &'a mut Tables,
    dice: &'a mut Dice,
    prose: &'a Prose,
    workspace: i64,
    start: i64,
    now: i64,
    admin: i64,
}

impl Making<'_> {
    fn object(&mut self, kind: &str) -> Result<i64, Error> {
        let gid = self.write.gid()?;
        self.tables.objects.push(row![gid, kind, self.workspace]);
        Ok(gid)
    }

    fn tags(&mut self) -> Result<Vec<i64>, Error> {
        let mut tags = Vec::new();
        for number in 0..TAGS {
            let tag = self.object("tag")?;
            let name = self.prose.rare_word(self.dice);
            let color = tag::COLORS[number % (tag::COLORS.len() - 1)];
            self.tables.tags.push(row![tag, self.workspace, name, color, "", self.start]);
            tags.push(tag);
        }
        Ok(tags)
    }

    fn fields(&mut self) -> Result<Fields, Error> {
        let priority = self.field("Priority", "enum", None)?;
        let priorities = self.options(priority, &["Low", "Medium", "High", "Urgent"])?;
        let effort = self.field("Effort", "number", Some(1))?;
        let reference = self.field("Reference", "text", None)?;
        let channels = self.field("Channels", "multi_enum", None)?;
        let channel_options = self.options(channels, &["Web", "Shop", "Partner", "Letter", "Phone", "Fair"])?;
        let review = self.field("Review on", "date", None)?;
        Ok(Fields {
            priority: (priority, priorities),
            effort,
            reference,
            channels: (channels, channel_options),
            review,
        })
    }

    fn field(&mut self, name: &str, subtype: &str, precision: Option<i64>) -> Result<i64, Error> {
        let field = self.object("custom_field")?;
        let (workspace, admin) = (self.workspace, self.admin);
        self.tables.custom_fields.push(row![
            field,
            workspace,
            name,
            model::fold(name),
            subtype,
            "",
            precision,
            precision.map(|_| "none"),
            true,
            false,
            "public_with_guests",
            "editor",
            self.start,
            admin,
        ]);
        self.tables.grants.push(row![field, admin, Level::Admin.as_i64()]);
        self.tables.grants.push(row![field, workspace, Level::Editor.as_i64()]);
        Ok(field)
    }

    fn options(&mut self, field: i64, names: &[&str]) -> Result<Vec<i64>, Error> {
        const COLORS: &[&str] = &["green", "yellow", "orange", "red", "blue", "purple"];
        let mut options = Vec::new();
        for ((name, rank), color) in names.iter().zip(rank::spread(names.len())).zip(COLORS) {
            let option = self.object("enum_option")?;
            self.tables.enum_options.push(row![option, self.workspace, field, *name, true, *color, rank]);
            options.push(option);
        }
        Ok(options)
    }

    fn project(&mut self, number: usize, team: i64, team_members: &[i64], fields: &Fields) -> Result<Project, Error> {
        let project = self.object("project")?;
        let (start, end) = self.life(number);
        let owner = if number <= THOUSAND { self.admin } else { self.dice.pick(team_members) };
        // The projects to measure with, and most others, are open to everyone; some only to those who were invited.
        let public = number <= THOUSAND + 2 || !self.dice.percent(20);
        let name = format!("{} {}", self.prose.line(self.dice, 2), self.prose.rare_word(self.dice));
        let notes = if self.dice.percent(50) { self.prose.text(self.dice, 300) } else { String::new() };
        let due = (self.dice.percent(30)).then(|| model::time::date_of(end));
        self.tables.projects.push(row![
            project,
            self.workspace,
            team,
            name,
            notes,
            owner,
            number > THOUSAND && end < self.now && self.dice.percent(30),
            tag::COLORS[number % (tag::COLORS.len() - 1)],
            "list",
            "list",
            due,
            if public { "public_to_workspace" } else { "private" },
            "editor",
            "editor",
            "editor",
            false,
            start,
            owner,
            end,
        ]);
        let members = self.members(project, owner, team_members, start)?;
        let sections = self.sections(project, start)?;
        for (field, rank) in fields.all().into_iter().zip(rank::spread(5)) {
            let setting = self.object("custom_field_setting")?;
            self.tables.custom_field_settings.push(row![setting, self.workspace, project, field, true, rank]);
        }
        Ok(Project { gid: project, sections, members, public, start, end, last_task: None })
    }

    /// From when to when a project has its tasks created.
    fn life(&mut self, number: usize) -> (i64, i64) {
        if number == LARGE {
            return (self.start, self.now);
        }
        let start = self.dice.range(self.start, self.now - 30 * DAY);
        (start, (start + self.dice.range(30, 240) * DAY).min(self.now))
    }

    /// The owner and some of the team.
    fn members(&mut self, project: i64, owner: i64, team: &[i64], at: i64) -> Result<Vec<i64>, Error> {
        let mut members = vec![owner];
        members.extend(team.iter().copied().filter(|member| *member != owner && self.dice.percent(60)));
        for (place, member) in members.iter().enumerate() {
            let level = if place == 0 { Level::Admin } else { Level::Editor };
            let membership = self.object("project_membership")?;
            self.tables.project_memberships.push(row![membership, self.workspace, project, *member, level.name(), at]);
            self.tables.project_followers.push(row![project, *member]);
        }
        Ok(members)
    }

    fn sections(&mut self, project: i64, at: i64) -> Result<Vec<(i64, String)>, Error> {
        let count = self.dice.range(3, 8) as usize;
        let mut sections = Vec::new();
        for (name, rank) in SECTIONS.iter().zip(rank::spread(count)) {
            let section = self.object("section")?;
            let name = Value::from(*name);
            self.tables.sections.push(row![section, self.workspace, project, name, rank, at]);
            sections.push((section, String::new()));
        }
        Ok(sections)
    }
}
