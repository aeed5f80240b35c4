//! A large organization, to measure with: as many tasks as one likes, the same for the same options on both databases.
//!
//! The rows are those that the operations of the API would have left behind: objects, memberships, scopes and grants,
//! sections in order, followers, values of custom fields, comments. Two things are left out, because they would only
//! make seeding slower: the change log is empty, as if its readers had read it and it had been cleared, and the system
//! has written no lines about changes; all stories are comments.

mod calendar;

mod organization;
mod prose;
mod table;
mod task;
#[cfg(test)]
mod tests;

use engine::access::start_epoch;
use model::Random;
use serde::Serialize;
use store::{Db, Write};

use crate::dice::Dice;
use crate::{Error, require_empty};
use calendar::Calendar;
use organization::Organization;
use prose::Prose;
use table::Tables;
use task::{Desk, Marked, Tasks};

/// The fewest tasks that can be spread over everything that a seeded organization has.
pub const FEWEST_TASKS: u64 = 100;
const FEWEST_PROJECTS: u64 = 4;
const FEWEST_PEOPLE: u64 = 4;

/// Tasks between two commits: the pages that so many touch fit into the memory that a load has.
const PER_LOAD: u64 = 100_000;

/// Tasks whose rows are in memory at once.
const PER_INSERT: u64 = 5_000;

const DAY: i64 = 86_400_000;

/// What to make.
#[derive(Clone, Debug, PartialEq)]
pub struct Seed {
    /// How many tasks, subtasks included: at least [`FEWEST_TASKS`].
    pub tasks: u64,
    /// How many projects, at least four; when absent, one for 500 tasks.
    pub projects: Option<u64>,
    /// How many people, at least four; when absent, one for 1,000 tasks, but from 20 to 1,000.
    pub people: Option<u64>,
    /// Which of all such organizations: the same number, the same organization.
    pub seed: u64,
}

impl Seed {
    /// The usual organization of so many tasks.
    pub fn of(tasks: u64) -> Self {
        Seed { tasks, projects: None, people: None, seed: 1 }
    }

    fn projects(&self) -> u64 {
        self.projects.unwrap_or_else(|| (self.tasks / 500).max(10))
    }

    fn people(&self) -> u64 {
        self.people.unwrap_or_else(|| (self.tasks / 1_000).clamp(20, 1_000))
    }

    fn check(&self) -> Result<(), Error> {
        let at_least = |what: &str, number: u64, least: u64| match number < least {
            true => Err(Error::Options(format!("{what}: at least {least}, not {number}"))),
            false => Ok(()),
        };
        at_least("tasks", self.tasks, FEWEST_TASKS)?;
        at_least("projects", self.projects(), FEWEST_PROJECTS)?;
        at_least("people", self.people(), FEWEST_PEOPLE)
    }
}

/// How far seeding has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Tasks written.
    pub tasks: u64,
    /// Tasks to write.
    pub of: u64,
}

/// Where to find what was made: gids, as the API writes them, and tokens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seeded {
    /// The workspace, an organization.
    pub workspace: String,
    /// How many tasks there are.
    pub tasks: u64,
    /// A project of 1,000 tasks (of half of all tasks, if there are fewer than 2,000).
    pub project: String,
    /// A project that holds a tenth of all tasks.
    pub large_project: String,
    /// An administrator of the workspace, who may change every project that the others share with the workspace.
    pub admin: String,
    /// The administrator's token.
    pub admin_token: String,
    /// A guest, who sees ten tasks and nothing else: they are assigned to the guest.
    pub guest: String,
    /// The guest's token.
    pub guest_token: String,
    /// The guest's tasks.
    pub guest_tasks: Vec<String>,
    /// A task that has everything: a section, 2 projects, 3 tags, 3 followers, a parent, notes of 1 kB, 5 values of
    /// custom fields.
    pub full_task: String,
    /// A project that the full task is in.
    pub full_task_project: String,
    /// That task's section there.
    pub full_task_section: String,
    /// More such tasks, spread over all.
    pub full_tasks: Vec<String>,
    /// The tag that most tasks have.
    pub tag: String,
    /// The custom fields of all projects: an enum, a number, a text, a multi_enum, a date.
    pub custom_fields: Vec<String>,
}

/// Fills an empty database. `now` is in milliseconds; tasks are dated up to two years back. The tokens' secrets come
/// from `random`, everything else from the options.
///
/// # Errors
/// [`Error::Options`] for numbers that are too small, [`Error::Filled`] for a database that is not empty, and what the
/// database reports. What was written before an error stays.
pub async fn seed(
    db: &Db,
    options: &Seed,
    now: i64,
    random: &Random,
    progress: impl FnMut(Progress) + Send + 'static,
) -> Result<Seeded, Error> {
    options.check()?;
    let (options, random) = (options.clone(), random.clone());
    let mut work = db.load(move |write| Work::begin(write, &options, now, &random, Box::new(progress))).await?;
    while work.written < work.options.tasks {
        work = db.load(move |write| work.go_on(write)).await?;
    }
    Ok(work.seeded())
}

/// Seeding, between two commits.
struct Work {
    options: Seed,
    organization: Organization,
    tasks: Tasks,
    tables: Tables,
    admin_token: String,
    guest_token: String,
    written: u64,
    progress: Box<dyn FnMut(Progress) + Send>,
}

impl Work {
    /// Everything but the tasks.
    fn begin(
        write: &mut Write,
        options: &Seed,
        now: i64,
        random: &Random,
        progress: Box<dyn FnMut(Progress) + Send>,
    ) -> Result<Work, Error> {
        require_empty(write)?;
        let mut dice = Dice::new(options.seed);
        let prose = Prose::new(&mut dice);
        let mut tables = Tables::new();
        let organization = Organization::make(write, &mut tables, &mut dice, &prose, options, now)?;
        let admin_token = auth::token::create(write, random, now, organization.admin(), "seed")?;
        let guest_token = auth::token::create(write, random, now, organization.guest, "seed")?;
        start_epoch(write)?;
        let calendar = Calendar::new(&mut dice, &organization.projects, options.tasks);
        let tasks = Tasks::new(dice, prose, calendar, options.tasks, now);
        let options = options.clone();
        Ok(Work { options, organization, tasks, tables, admin_token, guest_token, written: 0, progress })
    }

    /// So many tasks as are committed at once.
    fn go_on(mut self, write: &mut Write) -> Result<Work, Error> {
        let end = (self.written + PER_LOAD).min(self.options.tasks);
        while self.written < end {
            let goal = (self.written + PER_INSERT).min(end);
            let mut desk = Desk { write, tables: &mut self.tables, organization: &mut self.organization };
            self.written = self.tasks.make(&mut desk, goal)?;
            self.tables.write(write)?;
            (self.progress)(Progress { tasks: self.written, of: self.options.tasks });
        }
        Ok(self)
    }

    fn seeded(self) -> Seeded {
        let Organization { workspace, projects, tags, fields, guest, .. } = &self.organization;
        let Marked { guest: guest_tasks, full, place: (full_task_project, full_task_section) } = self.tasks.marked;
        let text = |gid: i64| gid.to_string();
        Seeded {
            workspace: text(*workspace),
            tasks: self.written,
            project: text(projects[organization::THOUSAND].gid),
            large_project: text(projects[organization::LARGE].gid),
            admin: text(self.organization.admin()),
            admin_token: self.admin_token,
            guest: text(*guest),
            guest_token: self.guest_token,
            guest_tasks: guest_tasks.into_iter().map(text).collect(),
            full_task: text(full.first().copied().unwrap_or_default()),
            full_task_project: text(full_task_project),
            full_task_section: text(full_task_section),
            full_tasks: full.into_iter().map(text).collect(),
            tag: text(tags[0]),
            custom_fields: fields.all().map(text).to_vec(),
        }
    }
}
