//! The tasks, with all that hangs on them.

use model::time::date_of;
use model::{Level, rank, rich_text};
use store::{Value, Write};

use super::DAY;
use super::calendar::{Calendar, subtasks};
use super::organization::{Organization, Project, THOUSAND};
use super::prose::Prose;
use super::table::{Tables, row};
use crate::Error;
use crate::dice::Dice;

const MINUTE: i64 = 60_000;

/// How many tasks the guest sees.
const GUESTS: u64 = 10;
/// How many tasks have everything, if there are enough tasks.
const FULL: u64 = 100;
/// One of so many tasks has tags, comments, three followers and values in all fields.
const RICH: u64 = 10;

/// Tasks to find again.
#[derive(Default)]
pub struct Marked {
    /// Those of the guest.
    pub guest: Vec<i64>,
    /// Those that have everything.
    pub full: Vec<i64>,
    /// A project and a section of the first of the latter.
    pub place: (i64, i64),
}

/// Where the rows go.
pub struct Desk<'a> {
    /// The transaction.
    pub write: &'a mut Write,
    /// The rows that wait.
    pub tables: &'a mut Tables,
    /// What the tasks belong to.
    pub organization: &'a mut Organization,
}

/// The tasks, made in the order of time.
pub struct Tasks {
    dice: Dice,
    prose: Prose,
    calendar: Calendar,
    now: i64,
    /// How many are wanted.
    wanted: u64,
    made: u64,
    made_subtasks: u64,
    /// The entry of the calendar that comes next.
    next: usize,
    /// How many subtasks have to be due before a task gets them all.
    family: u64,
    /// The ordinary projects in which the last tasks were created.
    lively: Vec<usize>,
    /// What to find again.
    pub marked: Marked,
}

/// A task in the making.
struct Task<'a> {
    gid: i64,
    created_at: i64,
    /// The number of the project in which the work is done, be it that the task is a subtask there.
    project: usize,
    /// What it is a subtask of, and its rank there.
    parent: Option<(&'a Parent, String)>,
    part: Part,
}

/// What a task is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// One of many.
    Plain,
    /// One of those with tags, comments and values.
    Rich,
    /// Assigned to the guest.
    Guests,
    /// Has everything.
    Full,
}

/// A task, as far as its subtasks need to know it.
struct Parent {
    gid: i64,
    scopes: Vec<i64>,
}

/// Who has to do with a task.
struct People {
    creator: i64,
    assignee: Option<i64>,
    /// Ascending.
    followers: Vec<i64>,
}

impl Tasks {
    /// Nothing is made yet.
    pub fn new(mut dice: Dice, prose: Prose, calendar: Calendar, wanted: u64, now: i64) -> Self {
        let family = dice.range(1, 5) as u64;
        Tasks {
            dice,
            prose,
            calendar,
            now,
            wanted,
            made: 0,
            made_subtasks: 0,
            next: 0,
            family,
            lively: Vec::new(),
            marked: Marked::default(),
        }
    }

    /// Makes tasks until there are as many as the goal, or a few more where a task comes with subtasks. Returns how
    /// many there are.
    pub fn make(&mut self, desk: &mut Desk<'_>, goal: u64) -> Result<u64, Error> {
        while self.made < goal {
            self.make_next(desk)?;
        }
        Ok(self.made)
    }

    /// The next entry of the calendar: a task and its subtasks.
    fn make_next(&mut self, desk: &mut Desk<'_>) -> Result<(), Error> {
        let (created_at, project) = self.calendar.days[self.next];
        let project = project as usize;
        let entries = self.calendar.days.len() as u64;
        self.next += 1;
        let done = self.next as u64;
        let last = done == entries;
        // As far as we are in the calendar, so many of everything are due; what is rare, half a step earlier.
        let due = |all: u64| (all * done + entries / 2) / entries;
        if due(GUESTS) > self.marked.guest.len() as u64 && !last {
            // It gets no subtasks, which the guest would see too.
            self.make_task(desk, created_at, project, None, Part::Guests)?;
            return Ok(());
        }
        let part = self.part();
        let task = self.make_task(desk, created_at, project, None, part)?;
        let full = due(self.full()) > self.marked.full.len() as u64
            && project > THOUSAND
            && desk.organization.projects[project].public;
        let family = (subtasks(self.wanted) * done / entries).saturating_sub(self.made_subtasks);
        if last || full || family >= self.family {
            self.family = self.dice.range(1, 5) as u64;
            self.make_subtasks(desk, created_at, project, task, family, full)?;
        }
        if project > THOUSAND {
            self.remember(project);
        }
        Ok(())
    }

    /// How many tasks have everything.
    fn full(&self) -> u64 {
        (self.wanted / 200).clamp(1, FULL)
    }

    fn part(&self) -> Part {
        if (self.made + 1).is_multiple_of(RICH) { Part::Rich } else { Part::Plain }
    }

    fn remember(&mut self, project: usize) {
        if self.lively.len() < 64 {
            self.lively.push(project);
        } else {
            self.lively[self.next % 64] = project;
        }
    }

    fn make_subtasks(
        &mut self,
        desk: &mut Desk<'_>,
        created_at: i64,
        project: usize,
        task: Parent,
        count: u64,
        full: bool,
    ) -> Result<(), Error> {
        let mut parents = vec![(task, String::new())];
        for number in 0..count {
            // Some are subtasks of the one before.
            if parents.len() > 1 && (parents.len() > 4 || !self.dice.percent(15)) {
                parents.truncate(1);
            }
            let Some((parent, rank)) = parents.last_mut() else { break };
            *rank = if rank.is_empty() { rank::first() } else { rank::after(rank) };
            let created_at = (created_at + (number as i64 + 1) * 7 * MINUTE).min(self.now);
            let part = if full && number == 0 { Part::Full } else { self.part() };
            let child = self.make_task(desk, created_at, project, Some((parent, rank.clone())), part)?;
            self.made_subtasks += 1;
            parents.push((child, String::new()));
        }
        Ok(())
    }

    fn make_task(
        &mut self,
        desk: &mut Desk<'_>,
        created_at: i64,
        project: usize,
        parent: Option<(&Parent, String)>,
        part: Part,
    ) -> Result<Parent, Error> {
        let gid = desk.write.gid()?;
        desk.tables.objects.push(row![gid, "task", desk.organization.workspace]);
        self.made += 1;
        let task = Task { gid, created_at, project, parent, part };
        let people = self.people(desk.organization, &task);
        let scopes = self.place(desk, &task);
        if let Some((section, rank)) = people.assignee.and_then(|person| desk.organization.inboxes.get_mut(&person)) {
            *rank = if rank.is_empty() { rank::first() } else { rank::before(rank) };
            desk.tables.user_task_list_tasks.push(row![gid, *section, rank.as_str()]);
        }
        self.share(desk.tables, &task, &people, &scopes);
        let mut modified_at = created_at;
        if part != Part::Plain {
            self.tag(desk, &task);
            modified_at = self.comment(desk, &task, &people)?;
        }
        self.value(desk, &task)?;
        self.describe(desk, &task, &people, modified_at);
        match part {
            Part::Plain | Part::Rich => {}
            Part::Guests => self.marked.guest.push(gid),
            Part::Full => self.marked.full.push(gid),
        }
        Ok(Parent { gid, scopes })
    }

    /// Three of five tasks have an assignee. Whoever creates a task or is assigned to it follows it.
    fn people(&mut self, organization: &Organization, task: &Task<'_>) -> People {
        let members = &organization.projects[task.project].members;
        let creator = self.dice.pick(members);
        let assignee = match task.part {
            Part::Guests => Some(organization.guest),
            _ if self.dice.percent(60) => Some(self.dice.pick(members)),
            _ => None,
        };
        let mut followers = vec![creator];
        followers.extend(assignee.filter(|assignee| *assignee != creator));
        while task.part != Part::Plain && followers.len() < 3 {
            let person = self.dice.pick(&organization.people);
            if !followers.contains(&person) {
                followers.push(person);
            }
        }
        followers.sort_unstable();
        People { creator, assignee, followers }
    }

    /// Puts a task into sections. Returns its scopes, ascending.
    fn place(&mut self, desk: &mut Desk<'_>, task: &Task<'_>) -> Vec<i64> {
        let mut scopes = vec![task.gid];
        if let Some((parent, _)) = &task.parent {
            scopes.extend(&parent.scopes);
        }
        let projects = &mut desk.organization.projects;
        let mut places = Vec::new();
        if task.parent.is_none() || task.part == Part::Full {
            places.push(task.project);
            places.extend(self.second_project(projects, task));
        }
        places.sort_unstable();
        for (at, number) in places.into_iter().enumerate() {
            let project = &mut projects[number];
            let section = self.dice.below(project.sections.len());
            let (section, rank) = &mut project.sections[section];
            *rank = if rank.is_empty() { rank::first() } else { rank::before(rank) };
            desk.tables.task_projects.push(row![task.gid, project.gid, *section, rank.as_str()]);
            if task.part == Part::Full && at == 0 && self.marked.full.is_empty() {
                self.marked.place = (project.gid, *section);
            }
            scopes.push(project.gid);
        }
        let project = &mut projects[task.project];
        if task.parent.is_none() {
            if self.dice.percent(2) {
                let before = project.last_task.map(|before| row![task.gid, before]);
                before.into_iter().for_each(|row| desk.tables.task_dependencies.push(row));
            }
            project.last_task = Some(task.gid);
        }
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    }

    /// One of five tasks is in a second project: an ordinary one that everyone sees and in which something is going on.
    fn second_project(&mut self, projects: &[Project], task: &Task<'_>) -> Option<usize> {
        let wanted = match task.part {
            Part::Full => true,
            Part::Guests => false,
            // Of all tasks; subtasks have none.
            Part::Plain | Part::Rich => self.dice.below(900) < 200,
        };
        let fits = |number: usize| number != task.project && projects[number].public;
        if !wanted {
            return None;
        }
        for _ in 0..8.min(self.lively.len()) {
            let number = self.dice.pick(&self.lively);
            if fits(number) {
                return Some(number);
            }
        }
        (THOUSAND + 1..projects.len()).find(|number| fits(*number))
    }

    /// Lets those see a task who have to do with it.
    fn share(&mut self, tables: &mut Tables, task: &Task<'_>, people: &People, scopes: &[i64]) {
        for scope in scopes {
            tables.task_scopes.push(row![task.gid, *scope]);
        }
        for follower in &people.followers {
            tables.task_followers.push(row![task.gid, *follower]);
            tables.grants.push(row![task.gid, *follower, Level::Editor.as_i64()]);
        }
    }

    /// Three tags, of which some are much more frequent than others.
    fn tag(&mut self, desk: &mut Desk<'_>, task: &Task<'_>) {
        let all = &desk.organization.tags;
        let mut tags = Vec::new();
        while tags.len() < 3 {
            let within = self.dice.below(all.len()) + 1;
            let tag = all[self.dice.below(within)];
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        tags.sort_unstable();
        tags.into_iter().for_each(|tag| desk.tables.task_tags.push(row![task.gid, tag]));
    }

    /// One to three comments of followers. Returns when the last was written.
    fn comment(&mut self, desk: &mut Desk<'_>, task: &Task<'_>, people: &People) -> Result<i64, Error> {
        let mut at = task.created_at;
        for _ in 0..self.dice.range(1, 3) {
            at = (at + self.dice.range(10 * MINUTE, 5 * DAY)).min(self.now);
            let story = desk.write.gid()?;
            let workspace = desk.organization.workspace;
            let author = self.dice.pick(&people.followers);
            let length = 40 + self.dice.below(300);
            let text = self.prose.text(&mut self.dice, length);
            desk.tables.objects.push(row![story, "story", workspace]);
            desk.tables.stories.push(row![
                story,
                workspace,
                task.gid,
                "comment",
                "comment_added",
                text.as_str(),
                rich_text::from_plain(&text),
                false,
                false,
                "web",
                at,
                author,
            ]);
        }
        Ok(at)
    }

    /// Values of the custom fields of a task's projects.
    fn value(&mut self, desk: &mut Desk<'_>, task: &Task<'_>) -> Result<(), Error> {
        if task.parent.is_some() && task.part != Part::Full {
            return Ok(());
        }
        let all = task.part != Part::Plain;
        let (tables, fields) = (&mut *desk.tables, &desk.organization.fields);
        let mut value = |field: i64, text: Value, number: Value, option: Value, date: Value| {
            let value = desk.write.gid()?;
            tables.custom_field_values.push([value.into(), task.gid.into(), field.into(), text, number, option, date]);
            Ok::<i64, Error>(value)
        };
        const NONE: Value = Value::Null;
        if all || self.dice.percent(40) {
            let option = self.dice.pick(&fields.priority.1);
            value(fields.priority.0, NONE, NONE, option.into(), NONE)?;
        }
        if all || self.dice.percent(20) {
            let effort = self.dice.range(1, 80) as f64 / 2.0;
            value(fields.effort, NONE, effort.into(), NONE, NONE)?;
        }
        if !all {
            return Ok(());
        }
        let reference = format!("{}-{}", self.prose.rare_word(&mut self.dice), self.made);
        value(fields.reference, reference.into(), NONE, NONE, NONE)?;
        let channels = value(fields.channels.0, NONE, NONE, NONE, NONE)?;
        let review = task.created_at + self.dice.range(1, 90) * DAY;
        value(fields.review, NONE, NONE, NONE, date_of(review).into())?;
        let options = &fields.channels.1;
        let first = self.dice.below(options.len());
        for position in 0..1 + self.dice.below(3) {
            let option = options[(first + position) % options.len()];
            tables.custom_field_value_items.push(row![channels, position as i64, option]);
        }
        Ok(())
    }

    /// The task's own row.
    fn describe(&mut self, desk: &mut Desk<'_>, task: &Task<'_>, people: &People, modified_at: i64) {
        let dice = &mut self.dice;
        let words = 3 + dice.below(6);
        let name = self.prose.line(dice, words);
        let length = if task.part == Part::Full { 1_024 } else { 200 + dice.below(801) };
        let notes = self.prose.text(dice, length);
        let (milestone, approval) = match task.part {
            Part::Plain => (dice.percent(2), dice.percent(1)),
            _ => (false, false),
        };
        let completed = dice.percent(30);
        let completed_at = (task.created_at + dice.range(MINUTE, 60 * DAY)).min(self.now);
        let due = dice.percent(40).then(|| task.created_at + dice.range(0, 60) * DAY);
        let due_at = due.filter(|_| dice.percent(10));
        let start = due.filter(|_| !milestone && dice.percent(25)).map(|due| due - dice.range(0, 14) * DAY);
        let subtype = match (milestone, approval) {
            (true, _) => "milestone",
            (_, true) => "approval",
            _ => "default_task",
        };
        desk.tables.tasks.push(row![
            task.gid,
            desk.organization.workspace,
            name,
            subtype,
            notes,
            people.assignee,
            "upcoming",
            people.assignee.map(|_| people.creator),
            (subtype == "approval").then_some(if completed { "approved" } else { "pending" }),
            completed,
            completed.then_some(completed_at),
            completed.then_some(people.assignee.unwrap_or(people.creator)),
            start.map(date_of),
            due.map(date_of),
            due_at,
            task.parent.as_ref().map(|(parent, _)| parent.gid),
            task.parent.as_ref().map_or("", |(_, rank)| rank),
            false,
            task.created_at,
            people.creator,
            if completed { modified_at.max(completed_at) } else { modified_at },
        ]);
    }
}
