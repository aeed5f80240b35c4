//! Plays the scripts: every step in the order of time, by the person who took it, through the rules of the API.

use std::collections::HashMap;

use engine::access::Viewer;
use engine::apply::apply;
use engine::call::{Call, Shared};
use engine::operation::{Method, Outcome};
use engine::route::Routes;
use model::time::{date_of, format_time};
use resources::{RESOURCES, missing};
use serde_json::{Map, Value as Json, json};
use store::{Statement, Type, Write};

use super::script::{Script, Section, Task, several};
use super::{DAY, FIELDS, Named, PEOPLE, TAGS, more_of};
use crate::Error;
use crate::dice::Dice;

const MINUTE: i64 = 60_000;

/// The state of the play: what has a gid by now.
pub struct Play<'a> {
    write: &'a mut Write,
    routes: Routes,
    shared: Shared,
    scripts: &'a [(&'static str, Script)],
    dice: Dice,
    now: i64,
    workspace: i64,
    teams: Named,
    /// In the order of [`PEOPLE`].
    people: Vec<Viewer>,
    tags: Named,
    /// By name.
    fields: HashMap<&'static str, i64>,
    /// By field and name.
    options: HashMap<(&'static str, &'static str), i64>,
    /// By script.
    projects: HashMap<&'static str, i64>,
    /// By script and name.
    sections: HashMap<(&'static str, &'static str), i64>,
    /// Who has entered the stage, in the order of the scripts.
    parts: Vec<Part<'a>>,
}

/// A task in the play.
#[derive(Clone, Copy)]
struct Part<'a> {
    task: &'a Task,
    script: &'static str,
    section: &'static str,
    parent: Option<usize>,
    /// The task above it in its section.
    above: Option<usize>,
    /// Zero until it is created.
    gid: i64,
    created_at: i64,
    creator: &'static str,
    /// Whether it stands in its section.
    placed: bool,
}

/// Something that somebody did.
struct Step {
    at: i64,
    by: &'static str,
    deed: Deed,
}

/// The number is that of a part.
enum Deed {
    Project(usize),
    Create(usize),
    Move(usize),
    Comment(usize, &'static str),
    Finish(usize, &'static str),
    Like(usize),
    Wait(usize, usize),
    Join(usize, &'static str, &'static str),
}

impl<'a> Play<'a> {
    /// Before the first step.
    pub fn new(
        write: &'a mut Write,
        scripts: &'a [(&'static str, Script)],
        workspace: i64,
        teams: Named,
        people: Vec<Viewer>,
        now: i64,
    ) -> Self {
        Play {
            write,
            routes: Routes::new(RESOURCES, missing::MISSING),
            shared: Shared::default(),
            scripts,
            // Who does what when beyond what the scripts say; any number would do.
            dice: Dice::new(7),
            now,
            workspace,
            teams,
            people,
            tags: Named::new(),
            fields: HashMap::new(),
            options: HashMap::new(),
            projects: HashMap::new(),
            sections: HashMap::new(),
            parts: Vec::new(),
        }
    }

    /// The gid of a person.
    pub fn person(&self, key: &str) -> i64 {
        self.viewer(key).user
    }

    fn viewer(&self, key: &str) -> &Viewer {
        let place = PEOPLE.iter().position(|person| person.key == key).unwrap_or_default();
        &self.people[place]
    }

    /// From the first step to the last.
    pub fn play(&mut self) -> Result<(), Error> {
        self.set_up()?;
        let mut steps = self.steps()?;
        // Steps of the same moment stay in the order in which they were thought of.
        steps.sort_by_key(|step| step.at);
        for step in &steps {
            self.take(step)?;
        }
        Ok(())
    }

    /// Sends a request as the API would get it. The gid of what it made or changed.
    fn send(&mut self, by: &str, at: i64, method: Method, path: &str, data: &Json) -> Result<i64, Error> {
        let place = PEOPLE.iter().position(|person| person.key == by).unwrap_or_default();
        let (viewer, routes) = (&self.people[place], &self.routes);
        let applied = Call::run(self.write, viewer, &self.shared, at, |call| apply(routes, call, method, path, data));
        match applied {
            Ok(Outcome::Object(gid)) => Ok(gid),
            Ok(Outcome::Empty) => Ok(0),
            Err(error) => Err(Error::Refused(format!("{by}: {path} {data}: {}", error.message))),
        }
    }

    /// A moment of a day at work, counted from today: never on a weekend, never in the future.
    fn moment(&mut self, day: i64, from_hour: i64, to_hour: i64) -> i64 {
        let minute = self.dice.range(from_hour * 60, to_hour * 60);
        (self.midnight(day, -1) + minute * MINUTE).min(self.now - MINUTE)
    }

    /// The beginning of a day; of the next working day in this direction, if it lies on a weekend.
    fn midnight(&self, day: i64, direction: i64) -> i64 {
        let mut days = self.now.div_euclid(DAY) + day;
        // Day 0 was a Thursday.
        while (days + 3).rem_euclid(7) > 4 {
            days += direction;
        }
        days * DAY
    }

    fn date(&self, day: i64) -> String {
        date_of(self.midnight(day, 1))
    }

    /// Tags and custom fields.
    fn set_up(&mut self) -> Result<(), Error> {
        let (at, workspace) = (self.now - super::AGE, self.workspace.to_string());
        let founder = PEOPLE[0].key;
        for (name, color) in TAGS {
            let data = json!({"workspace": workspace, "name": name, "color": color});
            let tag = self.send(founder, at, Method::Post, "/tags", &data)?;
            self.tags.push((name, tag));
        }
        for (name, subtype, options) in FIELDS {
            let mut data = more_of(name);
            data["workspace"] = json!(workspace);
            data["name"] = json!(name);
            data["resource_subtype"] = json!(subtype);
            if !options.is_empty() {
                data["enum_options"] =
                    options.iter().map(|(name, color)| json!({"name": name, "color": color})).collect();
            }
            let field = self.send(founder, at, Method::Post, "/custom_fields", &data)?;
            self.fields.insert(name, field);
            let made = self.gids("SELECT gid FROM enum_options WHERE custom_field_id = ?1 ORDER BY rank", field)?;
            self.options.extend(options.iter().zip(made).map(|((option, _), gid)| ((*name, *option), gid)));
        }
        Ok(())
    }

    fn gids(&mut self, sql: &str, parameter: i64) -> Result<Vec<i64>, Error> {
        let block = self.write.query(&Statement::new(sql, &[Type::Int]), &[parameter.into()])?;
        Ok((0..block.len()).filter_map(|row| block.int(row, 0)).collect())
    }

    /// What happens, by whom and when.
    fn steps(&mut self) -> Result<Vec<Step>, Error> {
        let mut steps = Vec::new();
        for (number, (key, script)) in self.scripts.iter().enumerate() {
            let founded_on = script.day("from").unwrap_or(-30);
            let at = self.moment(founded_on, 8, 8);
            steps.push(Step { at, by: owner(script), deed: Deed::Project(number) });
            for section in &script.sections {
                let mut above = None;
                for task in &section.tasks {
                    let part = self.part(task, key, section.name, None, above);
                    above = Some(part);
                    self.think_of(part, script, founded_on, &mut steps);
                    for subtask in &task.subtasks {
                        let part = self.part(subtask, key, section.name, Some(part), None);
                        self.think_of(part, script, founded_on, &mut steps);
                    }
                }
            }
        }
        self.connect(&mut steps)?;
        Ok(steps)
    }

    fn part(
        &mut self,
        task: &'a Task,
        script: &'static str,
        section: &'static str,
        parent: Option<usize>,
        above: Option<usize>,
    ) -> usize {
        self.parts.push(Part {
            task,
            script,
            section,
            parent,
            above,
            gid: 0,
            created_at: 0,
            creator: "",
            placed: false,
        });
        self.parts.len() - 1
    }

    /// The life of one task.
    fn think_of(&mut self, part: usize, script: &Script, founded_on: i64, steps: &mut Vec<Step>) {
        let Part { task, parent, .. } = self.parts[part];
        let by = task.creator.unwrap_or_else(|| self.someone(script, task));
        let at = match parent {
            // Subtasks are written down together with their task.
            Some(parent) => self.parts[parent].created_at + (part - parent) as i64 * MINUTE,
            None => {
                let day = self.day_of_creation(task, founded_on);
                self.moment(day, 9, 10)
            }
        };
        let by = parent.map_or(by, |parent| self.parts[parent].creator);
        (self.parts[part].created_at, self.parts[part].creator) = (at, by);
        steps.push(Step { at, by, deed: Deed::Create(part) });
        let worker = task.assignee.unwrap_or_else(|| owner(script));
        if parent.is_none() && self.starts_elsewhere(part, script) {
            let at = self.moment_of_move(task, at);
            steps.push(Step { at, by: worker, deed: Deed::Move(part) });
        }
        let mut last = at;
        let mut deeds: Vec<(i64, &'static str, Deed)> = Vec::new();
        for comment in &task.comments {
            deeds.push((comment.day, comment.author, Deed::Comment(part, comment.text)));
        }
        if let Some((word, day)) = task.done {
            deeds.push((day, worker, Deed::Finish(part, word)));
        }
        deeds.sort_by_key(|(day, ..)| *day);
        for (day, by, deed) in deeds {
            last = self.moment(day, 10, 17).max(last + 7 * MINUTE).min(self.now - MINUTE);
            steps.push(Step { at: last, by, deed });
        }
        for by in &task.likes {
            last = (last + 11 * MINUTE).min(self.now - MINUTE);
            steps.push(Step { at: last, by, deed: Deed::Like(part) });
        }
    }

    /// Mostly the owner or the assignee, now and then somebody else of the project.
    fn someone(&mut self, script: &Script, task: &Task) -> &'static str {
        let members: Vec<&str> = script.list("members").collect();
        match (self.dice.below(10), task.assignee) {
            (0..4, Some(assignee)) => assignee,
            (4..6, _) if !members.is_empty() => self.dice.pick(&members),
            _ => owner(script),
        }
    }

    /// Before anything else happened to the task.
    fn day_of_creation(&mut self, task: &Task, founded_on: i64) -> i64 {
        if let Some(day) = task.new {
            return day;
        }
        let subtasks = task.subtasks.iter().filter_map(|subtask| subtask.done);
        let events = task.done.into_iter().chain(subtasks).map(|(_, day)| day);
        let events = events.chain(task.comments.iter().map(|comment| comment.day));
        let plans = task.start.into_iter().chain(task.due.map(|(day, _)| day));
        let first = events.chain(plans).min().unwrap_or(0).min(0);
        // A working day earlier at least: what falls on a weekend moves to the Friday before.
        (first - self.dice.range(3, 14)).max(founded_on)
    }

    /// Whether the task came in at the top of the list and was moved to where it is.
    fn starts_elsewhere(&self, part: usize, script: &Script) -> bool {
        let entrance = script.sections.first().map(|section| section.name);
        script.property("flow").is_some() && entrance != Some(self.parts[part].section)
    }

    /// When it is done, or when work began, or somewhere since.
    fn moment_of_move(&mut self, task: &Task, created_at: i64) -> i64 {
        let event = task.done.map(|(_, day)| day).or(task.start).filter(|day| *day <= 0);
        let at = match event {
            Some(day) => self.moment(day, 17, 18),
            None => {
                let since = (self.now - created_at) / DAY;
                self.moment(since / 3 - since, 11, 16)
            }
        };
        at.clamp(created_at, self.now - MINUTE)
    }

    /// What waits for what, and what stands in two projects: both have to be there.
    fn connect(&mut self, steps: &mut Vec<Step>) -> Result<(), Error> {
        for number in 0..self.parts.len() {
            let Part { task, created_at, creator, .. } = self.parts[number];
            for key in &task.after {
                let other = self.parts.iter().position(|part| part.task.key == Some(key));
                let other = other.ok_or_else(|| Error::Options(format!("not a key: {key}")))?;
                let at = created_at.max(self.parts[other].created_at) + 3 * MINUTE;
                steps.push(Step { at, by: creator, deed: Deed::Wait(number, other) });
            }
            if let Some((script, section)) = task.also {
                let known = self.scripts.iter().find(|(key, _)| *key == script);
                let founded_on = known.and_then(|(_, script)| script.day("from")).unwrap_or_default();
                let at = created_at.max(self.midnight(founded_on, 1) + DAY / 2) + 5 * MINUTE;
                steps.push(Step { at, by: creator, deed: Deed::Join(number, script, section) });
            }
        }
        Ok(())
    }

    fn take(&mut self, step: &Step) -> Result<(), Error> {
        let Step { at, by, .. } = *step;
        match step.deed {
            Deed::Project(number) => self.create_project(number, by, at),
            Deed::Create(part) => self.create(part, by, at),
            Deed::Move(part) => {
                let Part { script, section, .. } = self.parts[part];
                self.put(part, script, section, by, at)
            }
            Deed::Comment(part, text) => self.post(part, "stories", by, at, &json!({ "text": text })),
            Deed::Finish(part, "done") => self.put_to(part, by, at, &json!({"completed": true})),
            Deed::Finish(part, word) => self.put_to(part, by, at, &json!({"approval_status": word})),
            Deed::Like(part) => self.put_to(part, by, at, &json!({"liked": true})),
            Deed::Wait(part, other) => {
                let data = json!({"dependencies": [self.parts[other].gid.to_string()]});
                self.post(part, "addDependencies", by, at, &data)
            }
            Deed::Join(part, script, section) => self.join(part, script, section, by, at),
        }
    }

    fn post(&mut self, part: usize, what: &str, by: &str, at: i64, data: &Json) -> Result<(), Error> {
        let path = format!("/tasks/{}/{what}", self.parts[part].gid);
        self.send(by, at, Method::Post, &path, data).map(|_| ())
    }

    fn put_to(&mut self, part: usize, by: &str, at: i64, data: &Json) -> Result<(), Error> {
        let path = format!("/tasks/{}", self.parts[part].gid);
        self.send(by, at, Method::Put, &path, data).map(|_| ())
    }

    fn create_project(&mut self, number: usize, by: &'static str, at: i64) -> Result<(), Error> {
        let (key, script) = &self.scripts[number];
        let members: Vec<String> = script.list("members").map(|key| self.person(key).to_string()).collect();
        let team = self.teams.iter().find(|(name, _)| Some(*name) == script.property("team"));
        let mut data = json!({
            "name": script.name, "team": team.map(|(_, gid)| gid.to_string()), "members": members,
            "notes": script.property("notes").unwrap_or_default(), "color": script.property("color"),
            "icon": script.property("icon"), "default_view": script.property("view").unwrap_or("list"),
            "due_on": script.day("due").map(|day| self.date(day)),
        });
        if let Some(privacy) = script.property("privacy") {
            data["privacy_setting"] = json!(privacy);
        }
        let project = self.send(by, at, Method::Post, "/projects", &data)?;
        self.projects.insert(key, project);
        let path = format!("/projects/{project}");
        let first = self.gids("SELECT gid FROM sections WHERE project_id = ?1", project)?;
        for (place, Section { name, .. }) in script.sections.iter().enumerate() {
            let (method, path) = match first.get(place) {
                Some(section) => (Method::Put, format!("/sections/{section}")),
                None => (Method::Post, format!("{path}/sections")),
            };
            let section = self.send(by, at, method, &path, &json!({ "name": name }))?;
            self.sections.insert((key, name), section);
        }
        for (place, field) in script.list("fields").enumerate() {
            let field = self.fields.get(field).ok_or_else(|| Error::Options(format!("not a field: {field}")))?;
            let data = json!({"custom_field": field.to_string(), "is_important": place < 2});
            self.send(by, at, Method::Post, &format!("{path}/addCustomFieldSetting"), &data)?;
        }
        Ok(())
    }

    fn create(&mut self, number: usize, by: &'static str, at: i64) -> Result<(), Error> {
        let part = self.parts[number];
        let task = part.task;
        let persons = |names: &[&'static str]| names.iter().map(|key| self.person(key).to_string()).collect::<Vec<_>>();
        let tags = self.tags.iter().filter(|(name, _)| task.tags.contains(name));
        let mut data = json!({
            "name": task.name, "notes": task.notes, "assignee": task.assignee.map(|key| self.person(key).to_string()),
            "followers": persons(&task.followers), "tags": tags.map(|(_, gid)| gid.to_string()).collect::<Vec<_>>(),
            "start_on": task.start.map(|day| self.date(day)),
        });
        if let Some(subtype) = task.subtype {
            data["resource_subtype"] = json!(subtype);
        }
        match task.due {
            Some((day, Some(minute))) => data["due_at"] = json!(written(self.midnight(day, 1) + minute * MINUTE)),
            Some((day, None)) => data["due_on"] = json!(self.date(day)),
            None => {}
        }
        if let Some(parent) = part.parent {
            let path = format!("/tasks/{}/subtasks", self.parts[parent].gid);
            self.parts[number].gid = self.send(by, at, Method::Post, &path, &data)?;
            return Ok(());
        }
        data["custom_fields"] = Json::Object(self.values(task));
        let script = self.scripts.iter().find(|(key, _)| *key == part.script);
        let flows = script.is_some_and(|(_, script)| self.starts_elsewhere(number, script));
        let entrance = script.and_then(|(_, script)| script.sections.first()).map_or("", |section| section.name);
        let section = if flows { entrance } else { part.section };
        let project = self.projects.get(part.script).map(i64::to_string);
        let place = self.sections.get(&(part.script, section)).map(i64::to_string);
        data["memberships"] = json!([{"project": project, "section": place}]);
        self.parts[number].gid = self.send(by, at, Method::Post, "/tasks", &data)?;
        if flows { Ok(()) } else { self.put(number, part.script, part.section, by, at) }
    }

    /// The values of a task's custom fields as a body writes them.
    fn values(&self, task: &Task) -> Map<String, Json> {
        let mut values = Map::new();
        for (field, value) in &task.values {
            let Some((gid, (_, subtype, _))) =
                self.fields.get(field).zip(FIELDS.iter().find(|(name, ..)| name == field))
            else {
                continue;
            };
            let option = |name: &'static str| self.options.get(&(*field, name)).map(i64::to_string);
            let value = match *subtype {
                "enum" => json!(option(value)),
                "multi_enum" => several(value).map(option).collect(),
                "people" => several(value).map(|key| self.person(key).to_string()).collect(),
                "date" => json!({"date": self.date(value.parse().unwrap_or_default())}),
                _ => json!(value),
            };
            values.insert(gid.to_string(), value);
        }
        values
    }

    /// Puts a task below the one that stands above it in the script, as far as that is there by now.
    fn put(
        &mut self,
        part: usize,
        script: &'static str,
        section: &'static str,
        by: &str,
        at: i64,
    ) -> Result<(), Error> {
        let mut above = self.parts[part].above;
        while let Some(number) = above.filter(|number| !self.parts[*number].placed) {
            above = self.parts[number].above;
        }
        let anchor = above.map(|number| self.parts[number].gid.to_string());
        let project = self.projects.get(script).map(i64::to_string);
        let section = self.sections.get(&(script, section)).map(i64::to_string);
        let data = json!({"project": project, "section": section, "insert_after": anchor});
        self.post(part, "addProject", by, at, &data)?;
        self.parts[part].placed = true;
        Ok(())
    }

    /// Into a second project, at the end.
    fn join(
        &mut self,
        part: usize,
        script: &'static str,
        section: &'static str,
        by: &str,
        at: i64,
    ) -> Result<(), Error> {
        let place = self.projects.get(script).zip(self.sections.get(&(script, section)));
        let (project, section) = place.ok_or_else(|| Error::Options(format!("not a section: {script}/{section}")))?;
        let data = json!({
            "project": project.to_string(), "section": section.to_string(), "insert_before": null,
        });
        self.post(part, "addProject", by, at, &data)
    }
}

fn owner(script: &Script) -> &'static str {
    script.property("owner").unwrap_or(PEOPLE[0].key)
}

/// A time as the API writes it.
fn written(at: i64) -> String {
    let mut text = Vec::new();
    format_time(at, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}
