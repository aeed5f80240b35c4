//! Asks for everything as everybody and compares the answers with what the oracle says.

use std::collections::BTreeSet;
use std::sync::Arc;

use oracle::{Level, Member, Model, Object, PEOPLE, Role, WORKSPACES};
use serde_json::{Value as Json, json};
use testkit::Answer;

use crate::play::{Finding, Play};

/// Everything that one can reach from an object of each kind, two or three objects deep. A path says `~task` for it.
const DEEP: &[(&str, &str)] = &[
    (
        "~task",
        "name,notes,html_notes,assignee.(name|workspaces.name),followers.name,projects.(name|notes|team.name|owner.name\
         |members.name|followers.name|workspace.name|custom_field_settings.(custom_field.name|project.name)),\
         memberships.(project.name|section.(name|project.name)),parent.(name|projects.name|assignee.name|num_subtasks\
         |parent.(name|memberships.section.name)),dependencies,dependents,tags.(name|workspace.name),custom_fields.(name\
         |display_value|text_value|enum_value.name|enum_options.name|created_by.name),workspace.name,likes.user.name,\
         num_likes,liked,num_subtasks,permalink_url,created_by.name,assigned_by.name,external.gid",
    ),
    (
        "~project",
        "name,notes,html_notes,team.(name|organization.name),owner.(name|workspaces.name),members.(name|workspaces.name),\
         followers.name,workspace.name,permalink_url,custom_field_settings.(custom_field.(name|created_by.name\
         |enum_options.name)|parent.name|project.(name|team.name))",
    ),
    ("~section", "name,project.(name|team.name|members.name),projects.(name|notes)"),
    (
        "~story",
        "text,html_text,created_by.name,target.(name|parent.name|projects.name),task.(name|projects.name),\
         dependency.(name|parent),project.(name|team.name),(old_section|new_section).(name|project.name),tag.name,\
         assignee.name,follower.name,custom_field.(name|enum_options.name),(old_enum_value|new_enum_value).name,\
         old_text_value,new_text_value,old_name,new_name,likes.user.name,is_editable",
    ),
    ("~user", "name,email,workspaces.name"),
    ("~workspace", "name,email_domains,is_organization"),
    ("~team", "name,description,organization.name,permalink_url,visibility"),
    ("~list", "name,owner.(name|workspaces.name),workspace.name"),
    ("~membership", "user.(name|workspaces.name),team.(name|organization.name),workspace.name,user_task_list.name"),
    ("~member", "member.name,access_level,parent.name,project.(name|team.name),user.(name|workspaces.name)"),
    ("~tag", "name,notes,workspace.name,permalink_url"),
    ("~field", "name,description,enum_options.name,created_by.(name|workspaces.name)"),
    ("~setting", "custom_field.(name|enum_options.name|created_by.name),project.(name|team.name),parent.name"),
];

/// A list of paths without its groups: `a.(b|c.d)` is `a.b,a.c.d`.
fn expanded(text: &str) -> String {
    let Some(open) = text.find('(') else { return text.to_owned() };
    let mut depth = 0;
    let mut cuts = vec![open];
    for (at, letter) in text.char_indices().skip(open) {
        depth += match letter {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if (letter == '|' && depth == 1) || depth == 0 {
            cuts.push(at);
        }
        if depth == 0 {
            break;
        }
    }
    let close = cuts[cuts.len() - 1];
    let start = text[..open].rfind(',').map_or(0, |at| at + 1);
    let end = text[close..].find(',').map_or(text.len(), |at| close + at);
    let (prefix, suffix) = (&text[start..open], &text[close + 1..end]);
    let each: Vec<String> =
        cuts.windows(2).map(|cut| format!("{prefix}{}{suffix}", &text[cut[0] + 1..cut[1]])).collect();
    expanded(&format!("{}{}{}", &text[..start], each.join(","), &text[end..]))
}

/// Of how many questions that are much alike one is asked; which, the seed decides.
const THIN: u64 = 3;

/// Asks everything as so many of the people, chosen by the seed, or one question only; of the questions that are much
/// alike, one of every [`THIN`].
pub async fn referee(play: &Arc<Play>, seed: u64, askers: usize, only: Option<&str>) -> Vec<Finding> {
    let asks = |person: &usize| only.is_some() || (person + seed as usize * 4) % PEOPLE < askers;
    let tasks: Vec<_> = (0..PEOPLE)
        .filter(asks)
        .map(|person| {
            let (play, only) = (Arc::clone(play), only.map(str::to_owned));
            tokio::spawn(async move {
                let mut asker = Asker { play: &play, person, turn: seed, only, findings: Vec::new() };
                asker.ask_everything().await;
                asker.findings
            })
        })
        .collect();
    let mut findings = Vec::new();
    for task in tasks {
        findings.extend(task.await.expect("the referee does not panic"));
    }
    findings
}

struct Asker<'a> {
    play: &'a Play,
    person: usize,
    turn: u64,
    only: Option<String>,
    findings: Vec<Finding>,
}

/// What a list holds, or the status with which it is refused.
type Expected = Result<BTreeSet<Object>, u16>;

impl Asker<'_> {
    fn model(&self) -> &Model {
        &self.play.model
    }

    fn sees(&self, object: Object) -> bool {
        self.model().sees(self.person, object)
    }

    /// Those of a kind that the person sees.
    fn seen<'b>(
        &self,
        kind: fn(usize) -> Object,
        numbers: impl IntoIterator<Item = &'b usize>,
    ) -> impl Iterator<Item = Object> {
        let objects: Vec<Object> = numbers.into_iter().map(|number| kind(*number)).collect();
        objects.into_iter().filter(|object| self.sees(*object))
    }

    /// A list whose parents a path names.
    fn within(&self, parent: Object, held: impl FnOnce() -> BTreeSet<Object>) -> Expected {
        match self.model().shown(self.person, parent) {
            200 => Ok(held()),
            status => Err(status),
        }
    }

    /// A list whose parents parameters name; the first that is refused decides.
    fn of(&self, parents: &[Object], held: impl FnOnce() -> BTreeSet<Object>) -> Expected {
        match parents.iter().find_map(|parent| self.model().refused(self.person, *parent)) {
            None => Ok(held()),
            Some(status) => Err(status),
        }
    }

    /// Whether it is this question's turn among many that are alike.
    fn is_due(&mut self) -> bool {
        self.turn += 1;
        self.only.is_some() || self.turn.is_multiple_of(THIN)
    }

    fn question(&self, method: &str, path: &str) -> Option<String> {
        let question = format!("{method} {path} by {}", self.person);
        self.only.as_ref().is_none_or(|only| *only == question).then_some(question)
    }

    fn find(&mut self, question: &str, what: String) {
        self.findings.push(Finding { question: question.to_owned(), what });
    }

    async fn get(&mut self, path: &str) -> Option<(String, Answer)> {
        let question = self.question("GET", path)?;
        let mut real = self.play.real(path);
        if let Some((name, fields)) = DEEP.iter().find(|(name, _)| path.ends_with(name)) {
            real = real.replace(name, &expanded(fields));
        }
        let answer = self.play.clients[self.person].get(&real).await;
        if let Some(leak) = self.play.leaks(self.person, &answer, &real, true) {
            self.find(&question, leak);
        }
        Some((question, answer))
    }

    /// A record in both forms: as it is by itself, and with all that can be reached from it.
    async fn ask_record(&mut self, kind: &str, object: Object, fields: &str) {
        let expected = self.model().shown(self.person, object);
        let plain = format!("/{kind}/<{object:?}>");
        let full = format!("{plain}?opt_fields={fields}");
        for path in [&plain, &full] {
            // Once is enough for a refusal.
            if expected != 200 && path == &full {
                continue;
            }
            let Some((question, answer)) = self.get(path).await else { continue };
            if answer.response.status != expected {
                self.find(&question, format!("{expected} was expected: {}", answer.json));
            } else if let (Object::Task(task), 200) = (object, expected) {
                self.look_into_task(&question, task, &answer.json["data"], path == &full);
            }
        }
    }

    /// The lists inside a task.
    fn look_into_task(&mut self, question: &str, number: usize, record: &Json, is_full: bool) {
        let task = self.model().tasks[&number].clone();
        let projects: BTreeSet<Object> = self.seen(Object::Project, task.projects.keys()).collect();
        let sections: BTreeSet<Object> = self.seen(Object::Section, task.projects.values()).collect();
        let mut expected = vec![
            ("projects", self.gids_of(&record["projects"], ""), projects.clone()),
            ("memberships", self.gids_of(&record["memberships"], "project"), projects),
            ("memberships", self.gids_of(&record["memberships"], "section"), sections),
            ("tags", self.gids_of(&record["tags"], ""), self.seen(Object::Tag, &task.tags).collect()),
            (
                "custom_fields",
                self.gids_of(&record["custom_fields"], ""),
                self.model().fields_of(self.person, number).into_iter().map(Object::Field).collect(),
            ),
            (
                "followers",
                self.gids_of(&record["followers"], ""),
                task.followers.keys().map(|person| Object::Person(*person)).collect(),
            ),
            ("parent", self.gids_of(&json!([record["parent"]]), ""), self.seen(Object::Task, &task.parent).collect()),
            (
                "assignee",
                self.gids_of(&json!([record["assignee"]]), ""),
                task.assignee.into_iter().map(Object::Person).collect(),
            ),
        ];
        if is_full {
            let below: Vec<usize> =
                self.model().below(number).into_iter().filter(|below| !self.model().tasks[below].deleted).collect();
            if record["num_subtasks"] != json!(below.len()) {
                self.find(question, format!("{} subtasks were expected: {record}", below.len()));
            }
            let dependents = self.model().tasks.iter().filter(|(_, task)| task.waits_for.contains(&number));
            let dependents: Vec<usize> = dependents.map(|(number, _)| *number).collect();
            expected.extend([
                (
                    "dependencies",
                    self.gids_of(&record["dependencies"], ""),
                    self.seen(Object::Task, &task.waits_for).collect(),
                ),
                ("dependents", self.gids_of(&record["dependents"], ""), self.seen(Object::Task, &dependents).collect()),
            ]);
        }
        for (property, found, expected) in expected {
            let found: BTreeSet<Object> = found.into_iter().collect();
            if found != expected {
                self.find(question, format!("{property}: {expected:?} was expected, not {found:?}"));
            }
        }
    }

    /// The objects in a list of records, or of records inside of records. Null is nothing.
    fn gids_of(&self, list: &Json, inside: &str) -> Vec<Object> {
        let records = list.as_array().into_iter().flatten();
        let records = records.map(|record| if inside.is_empty() { record } else { &record[inside] });
        let gids = records.filter_map(|record| record["gid"].as_str()?.parse().ok());
        gids.filter_map(|gid: i64| self.play.object(gid)).collect()
    }

    /// A list in one of three forms: as it is, with all that can be reached, or in short pages.
    async fn ask_list(&mut self, path: &str, fields: &str, expected: Expected) {
        self.turn += 1;
        let separator = if path.contains('?') { '&' } else { '?' };
        let forms =
            [path.to_owned(), format!("{path}{separator}opt_fields={fields}"), format!("{path}{separator}limit=3")];
        let chosen = (self.turn % 3) as usize;
        for (at, form) in forms.iter().enumerate() {
            // A guest's walk through what is assigned is always tried in short pages: its rows are judged one by one.
            let is_walk = at == 2
                && path.contains("assignee=")
                && self.model().people[self.person].roles.contains(&Some(Role::Guest))
                && expected.as_ref().is_ok_and(|held| !held.is_empty());
            if self.only.is_none() && at != chosen && !is_walk {
                continue;
            }
            let Some((question, answer)) = self.get(form).await else { continue };
            let mut records = answer.json["data"].as_array().cloned().unwrap_or_default();
            let mut status = answer.response.status;
            let mut next = answer.json["next_page"]["path"].as_str().map(str::to_owned);
            while let Some(path) = next {
                let answer = self.play.clients[self.person].get(&path).await;
                if let Some(leak) = self.play.leaks(self.person, &answer, &path, true) {
                    self.find(&question, leak);
                }
                status = status.max(answer.response.status);
                let page = answer.json["data"].as_array().cloned().unwrap_or_default();
                if page.is_empty() {
                    self.find(&question, "the next page is empty".into());
                }
                records.extend(page);
                next = answer.json["next_page"]["path"].as_str().map(str::to_owned);
            }
            match &expected {
                Err(expected) if status == *expected => {}
                Err(expected) => self.find(&question, format!("{expected} was expected: {}", answer.json)),
                Ok(_) if status != 200 => self.find(&question, format!("a list was expected: {}", answer.json)),
                Ok(expected) => {
                    let found = self.gids_of(&Json::from(records), "");
                    let set: BTreeSet<Object> = found.iter().copied().collect();
                    if set != *expected {
                        let missing: Vec<_> = expected.difference(&set).collect();
                        let surplus: Vec<_> = set.difference(expected).collect();
                        self.find(&question, format!("{missing:?} are missing, {surplus:?} should not be there"));
                    } else if set.len() != found.len() {
                        self.find(&question, format!("something is there twice: {found:?}"));
                    }
                }
            }
        }
    }

    /// A list of memberships, by what stands in one property of each.
    async fn ask_members(&mut self, path: &str, property: &str, fields: &str, expected: Expected) {
        let separator = if path.contains('?') { '&' } else { '?' };
        for form in [path.to_owned(), format!("{path}{separator}opt_fields={fields}")] {
            let Some((question, answer)) = self.get(&form).await else { continue };
            match &expected {
                Err(status) if answer.response.status == *status => {}
                Err(status) => self.find(&question, format!("{status} was expected: {}", answer.json)),
                Ok(expected) => {
                    let found: BTreeSet<Object> = self.gids_of(&answer.json["data"], property).into_iter().collect();
                    if answer.response.status != 200 || found != *expected {
                        self.find(&question, format!("{expected:?} was expected: {}", answer.json));
                    }
                }
            }
        }
    }

    /// The stories of a task: all comments, and all lines of the system.
    async fn ask_stories(&mut self, task: usize) {
        let path = format!("/tasks/<Task({task})>/stories");
        let expected = self.model().shown(self.person, Object::Task(task));
        for path in [path.clone(), format!("{path}?opt_fields=~story")] {
            self.turn += 1;
            if self.only.is_none() && self.turn.is_multiple_of(2) {
                continue;
            }
            let Some((question, answer)) = self.get(&path).await else { continue };
            if answer.response.status != expected {
                self.find(&question, format!("{expected} was expected: {}", answer.json));
                continue;
            }
            if expected != 200 {
                continue;
            }
            let gids: Vec<i64> = answer.json["data"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|story| story["gid"].as_str()?.parse().ok())
                .collect();
            let lines: BTreeSet<i64> = gids.iter().copied().filter(|gid| self.play.stories.contains_key(gid)).collect();
            let known: BTreeSet<i64> =
                self.play.stories.iter().filter(|(_, of)| **of == task).map(|(gid, _)| *gid).collect();
            let comments: BTreeSet<Object> =
                gids.iter().filter(|gid| !lines.contains(gid)).filter_map(|gid| self.play.object(*gid)).collect();
            let written: BTreeSet<Object> = self
                .model()
                .comments
                .iter()
                .filter(|(_, comment)| comment.task == task && !comment.deleted)
                .map(|(number, _)| Object::Comment(*number))
                .collect();
            if lines != known || comments != written || gids.len() != lines.len() + comments.len() {
                let what = format!(
                    "{written:?} and {} lines were expected, not {comments:?} and {}",
                    known.len(),
                    lines.len()
                );
                self.find(&question, what);
            }
        }
    }

    /// A change that changes nothing: allowed from a level on; without one, to nobody.
    async fn ask_change(&mut self, path: &str, object: Object, least: impl Into<Option<Level>>, body: Json) {
        let Some(question) = self.question("PUT", path) else { return };
        if !self.is_due() {
            return;
        }
        let expected = match self.model().level(self.person, object) {
            Some(level) if least.into().is_some_and(|least| level >= least) => 200,
            Some(_) => 403,
            None => self.model().shown(self.person, object),
        };
        let real = self.play.real(path);
        let answer = self.play.clients[self.person].put(&real, body.clone()).await;
        if answer.response.status != expected {
            self.find(&question, format!("{expected} was expected of {body}: {}", answer.json));
        }
        if let Some(leak) = self.play.leaks(self.person, &answer, &format!("{real} {body}"), true) {
            self.find(&question, leak);
        }
    }

    async fn ask_everything(&mut self) {
        self.ask_about_workspaces().await;
        self.ask_about_teams().await;
        self.ask_about_projects().await;
        self.ask_about_tasks().await;
        self.ask_about_fields().await;
    }

    async fn ask_about_workspaces(&mut self) {
        let model = self.model().clone();
        let (me, everybody) = (self.person, 0..PEOPLE);
        let own: Vec<usize> = (0..WORKSPACES).filter(|workspace| model.belongs(me, *workspace)).collect();
        self.ask_list("/workspaces", "~workspace", Ok(own.iter().map(|own| Object::Workspace(*own)).collect())).await;
        let in_own = |workspace: usize| own.contains(&workspace);
        for workspace in 0..WORKSPACES {
            let home = Object::Workspace(workspace);
            self.ask_record("workspaces", home, "~workspace").await;
            let projects: Vec<usize> = model
                .projects
                .iter()
                .filter(|(_, project)| project.workspace == workspace)
                .map(|(number, _)| *number)
                .collect();
            let teams: Vec<usize> =
                model.teams.iter().filter(|(_, team)| team.workspace == workspace).map(|(number, _)| *number).collect();
            let tags: Vec<usize> =
                model.tags.iter().filter(|(_, tag)| tag.0 == workspace).map(|(number, _)| *number).collect();
            let fields: Vec<usize> = model
                .fields
                .iter()
                .filter(|(_, field)| field.workspace == workspace)
                .map(|(number, _)| *number)
                .collect();
            let people: Vec<usize> = everybody.clone().filter(|person| model.belongs(*person, workspace)).collect();
            for (list, parameter, fields, kind, numbers) in [
                ("projects", true, "~project", Object::Project as fn(usize) -> Object, projects),
                ("teams", false, "~team", Object::Team, teams),
                ("tags", true, "~tag", Object::Tag, tags),
                ("custom_fields", false, "~field", Object::Field, fields),
                ("users", true, "~user", Object::Person, people),
            ] {
                let seen: BTreeSet<Object> = self.seen(kind, &numbers).collect();
                let expected = self.within(home, || seen.clone());
                self.ask_list(&format!("/workspaces/<{home:?}>/{list}"), fields, expected).await;
                if parameter {
                    let expected = self.of(&[home], || seen.clone());
                    self.ask_list(&format!("/{list}?workspace=<{home:?}>"), fields, expected).await;
                }
            }
        }
        let projects = self.seen(Object::Project, model.projects.keys()).collect();
        self.ask_list("/projects", "~project", Ok(projects)).await;
        let tags = self.seen(Object::Tag, model.tags.keys()).collect();
        self.ask_list("/tags", "~tag", Ok(tags)).await;
        let near =
            everybody.clone().filter(|person| (0..WORKSPACES).any(|at| in_own(at) && model.belongs(*person, at)));
        let near: Vec<usize> = near.collect();
        let people = self.seen(Object::Person, &near).collect();
        self.ask_list("/users", "~user", Ok(people)).await;
        for person in everybody.clone() {
            self.ask_record("users", Object::Person(person), "~user").await;
        }
        for workspace in 0..WORKSPACES {
            let home = Object::Workspace(workspace);
            let people: Vec<usize> = everybody.clone().filter(|person| model.belongs(*person, workspace)).collect();
            let expected = self.within(home, || self.seen(Object::Person, &people).collect());
            let path = format!("/workspaces/<{home:?}>/workspace_memberships");
            self.ask_members(&path, "user", "~membership", expected).await;
            for person in everybody.clone() {
                let object = Object::Person(person);
                let teams: Vec<usize> = model
                    .teams
                    .iter()
                    .filter(|(_, team)| team.workspace == workspace && team.members.contains(&person))
                    .map(|(number, _)| *number)
                    .collect();
                let teams: BTreeSet<Object> = self.seen(Object::Team, &teams).collect();
                // The path comes before the query.
                let expected = self.within(object, BTreeSet::new).and_then(|_| self.of(&[home], || teams.clone()));
                let path = format!("/users/<{object:?}>/teams?organization=<{home:?}>");
                self.ask_list(&path, "~team", expected.clone()).await;
                let path = format!("/users/<{object:?}>/team_memberships?workspace=<{home:?}>");
                self.ask_members(&path, "team", "~membership", expected).await;
                if model.belongs(person, workspace) {
                    self.ask_about_list(workspace, person).await;
                }
            }
        }
        for person in everybody {
            let object = Object::Person(person);
            let homes: Vec<usize> = (0..WORKSPACES).filter(|at| model.belongs(person, *at)).collect();
            let expected = self.within(object, || self.seen(Object::Workspace, &homes).collect());
            let path = format!("/users/<{object:?}>/workspace_memberships");
            self.ask_members(&path, "workspace", "~membership", expected).await;
        }
        for tag in model.tags.keys() {
            let object = Object::Tag(*tag);
            self.ask_record("tags", object, "~tag").await;
            let body = json!({"name": object.name()});
            self.ask_change(&format!("/tags/<{object:?}>"), object, Level::Editor, body).await;
            let tasks: Vec<usize> =
                model.tasks.iter().filter(|(_, task)| task.tags.contains(tag)).map(|(number, _)| *number).collect();
            let tasks: BTreeSet<Object> = self.seen(Object::Task, &tasks).collect();
            let expected = self.within(object, || tasks.clone());
            self.ask_list(&format!("/tags/<{object:?}>/tasks"), "~task", expected).await;
            let expected = self.of(&[object], || tasks.clone());
            self.ask_list(&format!("/tasks?tag=<{object:?}>"), "~task", expected).await;
        }
    }

    async fn ask_about_list(&mut self, workspace: usize, person: usize) {
        let object = Object::TaskList { workspace, person };
        let assigned = self
            .model()
            .tasks
            .iter()
            .filter(|(_, task)| task.assignee == Some(person) && task.workspace == workspace)
            .map(|(number, _)| *number);
        let assigned: Vec<usize> = assigned.collect();
        self.ask_record("user_task_lists", object, "~list").await;
        let tasks: BTreeSet<Object> = self.seen(Object::Task, &assigned).collect();
        let expected = self.within(object, || tasks.clone());
        self.ask_list(&format!("/user_task_lists/<{object:?}>/tasks"), "~task", expected).await;
        let expected = self.of(&[object], || tasks.clone());
        self.ask_list(&format!("/tasks?user_task_list=<{object:?}>"), "~task", expected).await;
    }

    async fn ask_about_teams(&mut self) {
        let model = self.model().clone();
        for (number, team) in &model.teams {
            let object = Object::Team(*number);
            self.ask_record("teams", object, "~team").await;
            let members: BTreeSet<Object> = team.members.iter().map(|person| Object::Person(*person)).collect();
            let expected = self.within(object, || members.clone());
            let path = format!("/teams/<{object:?}>/team_memberships");
            self.ask_members(&path, "user", "~membership", expected).await;
            let projects: Vec<usize> = model
                .projects
                .iter()
                .filter(|(_, project)| project.team == Some(*number))
                .map(|(number, _)| *number)
                .collect();
            for (list, fields, kind, numbers) in [
                ("projects", "~project", Object::Project as fn(usize) -> Object, projects),
                ("users", "~user", Object::Person, team.members.iter().copied().collect()),
            ] {
                let seen: BTreeSet<Object> = self.seen(kind, &numbers).collect();
                let expected = self.within(object, || seen.clone());
                self.ask_list(&format!("/teams/<{object:?}>/{list}"), fields, expected).await;
                let expected = self.of(&[object], || seen.clone());
                self.ask_list(&format!("/{list}?team=<{object:?}>"), fields, expected).await;
            }
        }
    }

    async fn ask_about_projects(&mut self) {
        let model = self.model().clone();
        for (number, project) in &model.projects {
            let object = Object::Project(*number);
            let path = format!("/projects/<{object:?}>");
            self.ask_record("projects", object, "~project").await;
            self.ask_change(&path, object, Level::Editor, json!({"name": object.name()})).await;
            let tasks: Vec<usize> = model
                .tasks
                .iter()
                .filter(|(_, task)| task.projects.contains_key(number))
                .map(|(number, _)| *number)
                .collect();
            let tasks: BTreeSet<Object> = self.seen(Object::Task, &tasks).collect();
            let expected = self.within(object, || tasks.clone());
            self.ask_list(&format!("{path}/tasks"), "~task", expected).await;
            let expected = self.of(&[object], || tasks.clone());
            self.ask_list(&format!("/tasks?project=<{object:?}>"), "~task", expected).await;
            let members = project.members.keys().map(|member| match member {
                Member::Person(person) => Object::Person(*person),
                Member::Team(team) => Object::Team(*team),
            });
            let shown = |member: &Object| matches!(member, Object::Person(_)) || self.sees(*member);
            let members: BTreeSet<Object> = members.filter(shown).collect();
            let expected = self.within(object, || members.clone());
            self.ask_members(&format!("{path}/project_memberships"), "member", "~member", expected).await;
            let expected = self.of(&[object], || members.clone());
            self.ask_members(&format!("/memberships?parent=<{object:?}>"), "member", "~member", expected).await;
            let expected = self.within(object, || self.seen(Object::Section, &project.sections).collect());
            self.ask_list(&format!("{path}/sections"), "~section", expected).await;
            let expected = self.within(object, || self.seen(Object::Setting, project.settings.values()).collect());
            self.ask_list(&format!("{path}/custom_field_settings"), "~setting", expected).await;
            let Some((question, answer)) = self.get(&format!("{path}/task_counts?opt_fields=num_tasks")).await else {
                continue;
            };
            let expected = self.model().shown(self.person, object);
            let count = if expected == 200 { json!(tasks.len()) } else { Json::Null };
            if answer.response.status != expected || answer.json["data"]["num_tasks"] != count {
                self.find(&question, format!("{expected} with {count} was expected: {}", answer.json));
            }
        }
        for section in model.sections.keys() {
            let object = Object::Section(*section);
            self.ask_record("sections", object, "~section").await;
            let path = format!("/sections/<{object:?}>");
            self.ask_change(&path, object, Level::Editor, json!({"name": object.name()})).await;
            let project = model.sections[section].0;
            let tasks = model.tasks.iter().filter(|(_, task)| task.projects.get(&project) == Some(section));
            let tasks: Vec<usize> = tasks.map(|(number, _)| *number).collect();
            let tasks: BTreeSet<Object> = self.seen(Object::Task, &tasks).collect();
            let expected = self.within(object, || tasks.clone());
            self.ask_list(&format!("{path}/tasks"), "~task", expected).await;
            let expected = self.of(&[object], || tasks.clone());
            self.ask_list(&format!("/tasks?section=<{object:?}>"), "~task", expected).await;
        }
    }

    async fn ask_about_tasks(&mut self) {
        let model = self.model().clone();
        for workspace in 0..WORKSPACES {
            for person in 0..PEOPLE {
                let assigned = model
                    .tasks
                    .iter()
                    .filter(|(_, task)| task.assignee == Some(person) && task.workspace == workspace)
                    .map(|(number, _)| *number);
                let assigned: Vec<usize> = assigned.collect();
                let (home, whose) = (Object::Workspace(workspace), Object::Person(person));
                let expected = self.of(&[whose, home], || self.seen(Object::Task, &assigned).collect());
                // Both are refused: either may say so.
                let path = format!("/tasks?assignee=<{whose:?}>&workspace=<{home:?}>");
                self.ask_list(&path, "~task", expected).await;
            }
        }
        for (number, task) in &model.tasks {
            let object = Object::Task(*number);
            self.ask_record("tasks", object, "~task").await;
            let path = format!("/tasks/<{object:?}>");
            self.ask_change(&path, object, Level::Editor, json!({"resource_subtype": "default_task"})).await;
            self.ask_stories(*number).await;
            let dependents = model.tasks.iter().filter(|(_, task)| task.waits_for.contains(number));
            let dependents: Vec<usize> = dependents.map(|(number, _)| *number).collect();
            let below = model.below(*number);
            let lists = [
                ("subtasks", "~task", self.seen(Object::Task, &below).collect::<BTreeSet<Object>>()),
                ("dependencies", "~task", self.seen(Object::Task, &task.waits_for).collect()),
                ("dependents", "~task", self.seen(Object::Task, &dependents).collect()),
                ("projects", "~project", self.seen(Object::Project, task.projects.keys()).collect()),
                ("tags", "~tag", self.seen(Object::Tag, &task.tags).collect()),
            ];
            for (list, fields, held) in lists {
                // Every list where there is something to see; of the empty and the refused ones some.
                if (held.is_empty() || !self.sees(object)) && !self.is_due() {
                    continue;
                }
                let expected = self.within(object, || held);
                self.ask_list(&format!("{path}/{list}"), fields, expected).await;
            }
        }
        for (number, comment) in &model.comments {
            let object = Object::Comment(*number);
            self.ask_record("stories", object, "~story").await;
            // Only its author changes it, who may have lost the right to.
            let least = (comment.author == self.person).then_some(Level::Commenter);
            let body = json!({"sticker_name": null});
            self.ask_change(&format!("/stories/<{object:?}>"), object, least, body).await;
        }
    }

    async fn ask_about_fields(&mut self) {
        let model = self.model().clone();
        for (number, field) in &model.fields {
            let object = Object::Field(*number);
            self.ask_record("custom_fields", object, "~field").await;
            let path = format!("/custom_fields/<{object:?}>");
            self.ask_change(&path, object, Level::Editor, json!({"description": ""})).await;
            if field.choosing {
                let choice = Object::Choice(*number);
                let path = format!("/enum_options/<{choice:?}>");
                self.ask_change(&path, choice, Level::Editor, json!({"name": choice.name()})).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::expanded;

    #[test]
    fn groups_are_written_out() {
        assert_eq!(expanded("a,b.(c|d.(e|f)).g,h"), "a,b.c.g,b.d.e.g,b.d.f.g,h");
        assert_eq!(expanded("(a|b).c"), "a.c,b.c");
    }
}
