//! What people may do, and what comes of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Comment, Field, Member, Model, Project, Role, Task, Team};
use crate::object::Object::{self, Section, Tag, Workspace};
use crate::step::{Action, Privacy, Step, Verdict, Visibility};
use crate::{Level, Object as O};

/// Subtasks are at most this deep.
const DEEPEST: usize = 5;

type Checked = Result<(), Vec<u16>>;

/// Refuses with one of these, if there are any.
fn none_of(statuses: impl IntoIterator<Item = Option<u16>>) -> Checked {
    let statuses: Vec<u16> = statuses.into_iter().flatten().collect();
    if statuses.is_empty() { Ok(()) } else { Err(statuses) }
}

fn unless(allowed: bool, status: u16) -> Checked {
    if allowed { Ok(()) } else { Err(vec![status]) }
}

impl Model {
    /// Lets a step happen, if it may.
    pub fn apply(&mut self, step: &Step) -> Verdict {
        if !step.action.needs().iter().all(|object| self.exists(*object)) {
            return Verdict::Skipped;
        }
        match self.may(step) {
            Err(statuses) => Verdict::Refused(statuses),
            Ok(()) => {
                self.happen(step);
                Verdict::Done
            }
        }
    }

    /// The object in the path: it has to be seen, and the level has to be enough.
    fn path(&self, by: usize, object: Object, least: Level) -> Checked {
        match self.level(by, object) {
            Some(level) => unless(level >= least, 403),
            None => Err(vec![self.shown(by, object)]),
        }
    }

    /// Objects that the body names: they have to be seen.
    fn named(&self, by: usize, objects: impl IntoIterator<Item = Object>) -> Checked {
        none_of(objects.into_iter().map(|object| self.refused(by, object)))
    }

    /// What the rule asks for beyond that.
    fn least(&self, by: usize, object: Object, least: Level) -> Option<u16> {
        (self.level(by, object) < Some(least)).then_some(403)
    }

    fn belong(&self, people: &[usize], workspace: usize) -> Checked {
        none_of(people.iter().map(|person| (!self.belongs(*person, workspace)).then_some(400)))
    }

    fn own(&self, by: usize, object: Object) -> Level {
        self.level(by, object).unwrap_or(Level::Viewer)
    }

    /// A field's and its workspace's administrators.
    fn administers(&self, by: usize, field: usize) -> Checked {
        let workspace = Workspace(self.fields[&field].workspace);
        unless(self.level(by, O::Field(field)).max(self.level(by, workspace)) == Some(Level::Admin), 403)
    }

    fn may(&self, step: &Step) -> Checked {
        let by = step.by;
        let people = |people: &[usize]| people.iter().map(|person| O::Person(*person)).collect::<Vec<_>>();
        match &step.action {
            Action::NewTeam { .. } | Action::LeaveTeam { .. } => Ok(()),
            Action::JoinTeam { team, person } => unless(self.belongs(*person, self.teams[team].workspace), 0),
            Action::Share { project, member, .. } => {
                let project = &self.projects[project];
                let fits = match member {
                    Member::Person(person) => self.belongs(*person, project.workspace),
                    Member::Team(team) => self.teams[team].workspace == project.workspace,
                };
                unless(fits && !project.deleted, 0)
            }
            Action::NewProject { workspace, team, privacy, members, .. } => {
                let home = team.map_or(Workspace(*workspace), O::Team);
                self.named(by, [home].into_iter().chain(people(members)))?;
                none_of([self.least(by, home, Level::Editor)])?;
                unless(*privacy != Privacy::Team || team.is_some(), 400)?;
                self.belong(members, team.map_or(*workspace, |team| self.teams[&team].workspace))
            }
            Action::SetPrivacy { project, privacy } => {
                self.path(by, O::Project(*project), Level::Editor)?;
                let project = (self.own(by, O::Project(*project)), &self.projects[project]);
                unless(project.0 >= project.1.sharing, 403)?;
                unless(*privacy != Privacy::Team || project.1.team.is_some(), 400)
            }
            Action::SetDefault { project, .. } | Action::SetSharing { project, .. } => {
                self.path(by, O::Project(*project), Level::Editor)?;
                unless(self.own(by, O::Project(*project)) == Level::Admin, 403)
            }
            Action::SetTeam { project, team } => {
                self.path(by, O::Project(*project), Level::Editor)?;
                self.named(by, team.map(O::Team))?;
                let own = self.own(by, O::Project(*project));
                let project = &self.projects[project];
                unless(own >= project.sharing, 403)?;
                match team {
                    Some(team) if project.team != Some(*team) => {
                        none_of([self.least(by, O::Team(*team), Level::Editor)])?;
                        unless(self.teams[team].workspace == project.workspace, 400)
                    }
                    Some(_) => Ok(()),
                    None => unless(project.team.is_none() || project.privacy != Privacy::Team, 400),
                }
            }
            Action::AddMembers { project, people: members } => {
                self.path(by, O::Project(*project), Level::Viewer)?;
                self.named(by, people(members))?;
                let own = self.own(by, O::Project(*project));
                let project = &self.projects[project];
                self.belong(members, project.workspace)?;
                none_of(members.iter().map(|person| {
                    let joins = !project.members.contains_key(&Member::Person(*person));
                    (joins && *person != by && own < project.sharing).then_some(403)
                }))
            }
            Action::RemoveMembers { project, people: members } => {
                self.path(by, O::Project(*project), Level::Viewer)?;
                self.named(by, people(members))?;
                let own = self.own(by, O::Project(*project));
                let project = &self.projects[project];
                none_of(members.iter().map(|person| {
                    let level = project.members.get(&Member::Person(*person))?;
                    (*person != by && (own < project.sharing || own < *level)).then_some(403)
                }))
            }
            Action::DeleteProject { project } => self.path(by, O::Project(*project), Level::Admin),
            Action::NewMembership { project, member, level } => {
                self.named(by, [O::Project(*project)])?;
                let own = self.own(by, O::Project(*project));
                let project = &self.projects[project];
                match member {
                    Member::Person(person) => {
                        self.named(by, [O::Person(*person)])?;
                        self.belong(&[*person], project.workspace)?;
                    }
                    Member::Team(team) => {
                        self.named(by, [O::Team(*team)])?;
                        unless(self.teams[team].workspace == project.workspace, 400)?;
                    }
                }
                let own_place = *member == Member::Person(by);
                unless(
                    match (project.members.get(member), level) {
                        (Some(known), Some(level)) => {
                            (own_place && level <= known) || (own >= project.sharing && own >= *known && own >= *level)
                        }
                        (Some(_), None) => true,
                        (None, level) => {
                            (own_place || own >= project.sharing) && level.is_none_or(|level| level <= own)
                        }
                    },
                    403,
                )
            }
            Action::AddToTeam { team, person } => {
                self.path(by, O::Team(*team), Level::Viewer)?;
                self.named(by, [O::Person(*person)])?;
                let found = &self.teams[team];
                self.belong(&[*person], found.workspace)?;
                let joins = person == &by && found.visibility == Visibility::Public;
                unless(found.members.contains(person) || joins || self.manages(by, *team), 403)
            }
            Action::RemoveFromTeam { team, person } => {
                self.path(by, O::Team(*team), Level::Viewer)?;
                self.named(by, [O::Person(*person)])?;
                unless(self.teams[team].members.contains(person), 400)?;
                unless(*person == by || self.manages(by, *team), 403)
            }
            Action::Invite { workspace, .. } => self.path(by, Workspace(*workspace), Level::Editor),
            Action::Dismiss { workspace, person } => {
                self.path(by, Workspace(*workspace), Level::Admin)?;
                self.named(by, [O::Person(*person)])?;
                self.belong(&[*person], *workspace)?;
                let is_admin = |person: &usize| self.people[*person].roles[*workspace] == Some(Role::Admin);
                let admins = (0..self.people.len()).filter(is_admin).count();
                unless(!is_admin(person) || admins > 1, 400)
            }
            Action::NewSection { project } => self.path(by, O::Project(*project), Level::Editor),
            Action::DeleteSection { section } => {
                self.path(by, Section(*section), Level::Editor)?;
                let project = self.sections[section].0;
                let filled =
                    self.tasks.values().any(|task| !task.deleted && task.projects.get(&project) == Some(section));
                unless(!filled && self.projects[&project].sections.len() > 1, 400)
            }
            Action::NewTask { workspace, projects, parent, assignee, followers, tags } => {
                let named =
                    projects.iter().flat_map(|(project, section)| [Some(O::Project(*project)), section.map(Section)]);
                let named = named.flatten().chain(parent.map(O::Task)).chain(workspace.map(Workspace));
                let everybody: Vec<usize> = assignee.iter().chain(followers).copied().collect();
                self.named(by, named.chain(people(&everybody)).chain(tags.iter().map(|tag| Tag(*tag))))?;
                let home = parent.map(|parent| self.tasks[&parent].workspace);
                let home = home.or(projects.first().map(|(project, _)| self.projects[project].workspace));
                let Some(home) = (*workspace).or(home) else { return Err(vec![400]) };
                let mut statuses = vec![parent.and_then(|parent| self.least(by, O::Task(parent), Level::Editor))];
                statuses.push(parent.filter(|parent| self.depth(*parent) + 1 > DEEPEST).map(|_| 400));
                for (project, section) in projects {
                    statuses.push(self.least(by, O::Project(*project), Level::Editor));
                    let fits = section.is_none_or(|section| self.sections[&section].0 == *project);
                    statuses.push((!fits || self.projects[project].workspace != home).then_some(400));
                }
                statuses.extend(everybody.iter().map(|person| (!self.belongs(*person, home)).then_some(400)));
                statuses.extend(tags.iter().map(|tag| (self.tags[tag].0 != home).then_some(400)));
                none_of(statuses)
            }
            Action::AddProject { task, project, section } => {
                self.path(by, O::Task(*task), Level::Editor)?;
                self.named(by, section.map(Section).into_iter().chain([O::Project(*project)]))?;
                let fits = section.is_none_or(|section| self.sections[&section].0 == *project);
                let fits = fits && self.projects[project].workspace == self.tasks[task].workspace;
                none_of([self.least(by, O::Project(*project), Level::Editor), (!fits).then_some(400)])
            }
            Action::RemoveProject { task, project } => {
                self.path(by, O::Task(*task), Level::Editor)?;
                self.named(by, [O::Project(*project)])?;
                none_of([self.least(by, O::Project(*project), Level::Editor)])
            }
            Action::AddToSection { section, task } => {
                self.path(by, Section(*section), Level::Editor)?;
                self.named(by, [O::Task(*task)])?;
                none_of([self.least(by, O::Task(*task), Level::Editor)])?;
                unless(self.tasks[task].workspace == self.projects[&self.sections[section].0].workspace, 400)
            }
            Action::Assign { task, person } => {
                self.path(by, O::Task(*task), Level::Editor)?;
                self.named(by, person.map(O::Person))?;
                let unchanged = self.tasks[task].assignee == *person;
                unless(unchanged || person.is_none_or(|person| self.belongs(person, self.tasks[task].workspace)), 400)
            }
            Action::Follow { task, people: followers } => {
                self.path(by, O::Task(*task), Level::Editor)?;
                self.named(by, people(followers))?;
                self.belong(followers, self.tasks[task].workspace)
            }
            Action::Unfollow { task, people: followers } => {
                self.path(by, O::Task(*task), Level::Viewer)?;
                self.named(by, people(followers))?;
                let others = followers.iter().any(|person| *person != by);
                unless(!others || self.own(by, O::Task(*task)) >= Level::Editor, 403)
            }
            Action::SetParent { task, parent } => {
                self.path(by, O::Task(*task), Level::Editor)?;
                let Some(parent) = *parent else { return Ok(()) };
                self.named(by, [O::Task(parent)])?;
                let fits = self.tasks[task].workspace == self.tasks[&parent].workspace
                    && !self.is_below(parent, *task)
                    && self.depth(parent) + 1 + self.height(*task) <= DEEPEST;
                none_of([self.least(by, O::Task(parent), Level::Editor), (!fits).then_some(400)])
            }
            Action::AddDependency { task, on } => {
                self.path(by, O::Task(*task), Level::Editor)?;
                self.named(by, [O::Task(*on)])?;
                unless(self.may_wait(*task, *on), 400)
            }
            Action::AddDependent { task, waiting } => {
                self.path(by, O::Task(*task), Level::Editor)?;
                self.named(by, [O::Task(*waiting)])?;
                let fits = self.may_wait(*waiting, *task);
                none_of([self.least(by, O::Task(*waiting), Level::Editor), (!fits).then_some(400)])
            }
            Action::RemoveDependency { task, on } => {
                self.path(by, O::Task(*task), Level::Editor)?;
                self.named(by, [O::Task(*on)])
            }
            Action::Rename { task } | Action::Like { task } | Action::DeleteTask { task } => {
                self.path(by, O::Task(*task), Level::Editor)
            }
            Action::NewComment { task } => self.path(by, O::Task(*task), Level::Commenter),
            Action::EditComment { comment } | Action::DeleteComment { comment } => {
                self.path(by, O::Comment(*comment), Level::Commenter)?;
                unless(self.comments[comment].author == by, 403)
            }
            Action::NewTag { workspace } => {
                self.named(by, [Workspace(*workspace)])?;
                none_of([self.least(by, Workspace(*workspace), Level::Editor)])
            }
            Action::AddTag { task, tag } => {
                self.path(by, O::Task(*task), Level::Editor)?;
                self.named(by, [Tag(*tag)])?;
                unless(self.tags[tag].0 == self.tasks[task].workspace, 400)
            }
            Action::RemoveTag { task, tag } => {
                self.path(by, O::Task(*task), Level::Editor)?;
                self.named(by, [Tag(*tag)])
            }
            Action::DeleteTag { tag } => self.path(by, Tag(*tag), Level::Editor),
            Action::NewField { workspace, .. } => {
                self.named(by, [Workspace(*workspace)])?;
                none_of([self.least(by, Workspace(*workspace), Level::Editor)])
            }
            Action::SetFieldPrivacy { field, privacy } => {
                self.path(by, O::Field(*field), Level::Editor)?;
                if self.fields[field].privacy == *privacy { Ok(()) } else { self.administers(by, *field) }
            }
            Action::AddSetting { project, field } => {
                self.path(by, O::Project(*project), Level::Editor)?;
                self.named(by, [O::Field(*field)])?;
                let project = &self.projects[project];
                let fits = project.workspace == self.fields[field].workspace;
                unless(fits && !project.settings.contains_key(field), 400)
            }
            Action::RemoveSetting { project, field } => {
                self.path(by, O::Project(*project), Level::Editor)?;
                self.named(by, [O::Field(*field)])?;
                unless(self.projects[project].settings.contains_key(field), 400)
            }
            Action::SetValue { task, field } => {
                self.path(by, O::Task(*task), Level::Editor)?;
                unless(self.fields_of(by, *task).contains(field), 400)
            }
            Action::DeleteField { field } => {
                self.path(by, O::Field(*field), Level::Viewer)?;
                self.administers(by, *field)
            }
        }
    }

    fn happen(&mut self, step: &Step) {
        let (by, number) = (step.by, step.number);
        match step.action.clone() {
            Action::NewTeam { workspace, visibility } => {
                self.teams.insert(number, Team { workspace, visibility, members: BTreeSet::new() });
            }
            Action::JoinTeam { team, person } => {
                self.team(team).members.insert(person);
            }
            Action::LeaveTeam { team, person } => {
                self.team(team).members.remove(&person);
            }
            Action::Share { project, member, level } => {
                self.project(project).members.insert(member, level);
            }
            Action::NewProject { workspace, team, privacy, default, members } => {
                let workspace = team.map_or(workspace, |team| self.teams[&team].workspace);
                let mut all: BTreeMap<Member, Level> =
                    members.iter().map(|person| (Member::Person(*person), default)).collect();
                all.insert(Member::Person(by), Level::Admin);
                self.sections.insert(number, (number, false));
                let project = Project {
                    workspace,
                    team,
                    privacy,
                    default,
                    sharing: Level::Editor,
                    members: all,
                    owner: Some(by),
                    sections: vec![number],
                    settings: BTreeMap::new(),
                    deleted: false,
                };
                self.projects.insert(number, project);
            }
            Action::SetPrivacy { project, privacy } => self.project(project).privacy = privacy,
            Action::SetDefault { project, level } => self.project(project).default = level,
            Action::SetSharing { project, level } => self.project(project).sharing = level,
            Action::SetTeam { project, team } => self.project(project).team = team,
            Action::AddMembers { project, people } => {
                // Nobody gives more than they have.
                let own = self.own(by, O::Project(project));
                let project = self.project(project);
                for person in people {
                    project.members.entry(Member::Person(person)).or_insert(project.default.min(own));
                }
            }
            Action::RemoveMembers { project, people } => {
                self.project(project)
                    .members
                    .retain(|member, _| !people.iter().any(|one| *member == Member::Person(*one)));
            }
            Action::NewMembership { project, member, level } => {
                let own = self.own(by, O::Project(project));
                let project = self.project(project);
                let known = project.members.get(&member).copied();
                let level = level.or(known).unwrap_or(project.default.min(own));
                project.members.insert(member, level);
            }
            Action::AddToTeam { team, person } => {
                self.team(team).members.insert(person);
            }
            Action::RemoveFromTeam { team, person } => {
                self.team(team).members.remove(&person);
            }
            Action::Invite { workspace, person } => {
                self.people[person].roles[workspace].get_or_insert(Role::Member);
            }
            Action::Dismiss { workspace, person } => self.dismiss(by, workspace, person),
            Action::DeleteProject { project } => {
                self.project(project).deleted = true;
                let alone = |task: &Task| {
                    task.parent.is_none()
                        && task.projects.contains_key(&project)
                        && task.projects.keys().all(|project| self.projects[project].deleted)
                };
                let alone: Vec<usize> =
                    self.tasks.iter().filter(|(_, task)| alone(task)).map(|(number, _)| *number).collect();
                alone.into_iter().for_each(|task| self.delete_task(task));
            }
            Action::NewSection { project } => {
                self.sections.insert(number, (project, false));
                self.project(project).sections.push(number);
            }
            Action::DeleteSection { section } => {
                let project = self.sections[&section].0;
                self.sections.insert(section, (project, true));
                self.project(project).sections.retain(|known| *known != section);
            }
            Action::NewTask { workspace, projects, parent, assignee, followers, tags } => {
                let home = parent.map(|parent| self.tasks[&parent].workspace);
                let home = home.or(projects.first().map(|(project, _)| self.projects[project].workspace));
                let landed = projects.iter().map(|(project, section)| {
                    (*project, section.unwrap_or_else(|| self.projects[project].sections[0]))
                });
                let everybody = followers.into_iter().chain(assignee).chain([by]);
                let task = Task {
                    workspace: workspace.or(home).unwrap_or_default(),
                    projects: landed.collect(),
                    parent,
                    assignee,
                    followers: everybody.map(|person| (person, Level::Editor)).collect(),
                    tags: tags.into_iter().collect(),
                    ..Task::default()
                };
                self.tasks.insert(number, task);
            }
            Action::AddProject { task, project, section } => {
                let first = self.projects[&project].sections[0];
                let task = self.task(task);
                let section = section.or(task.projects.get(&project).copied()).unwrap_or(first);
                task.projects.insert(project, section);
            }
            Action::RemoveProject { task, project } => {
                self.task(task).projects.remove(&project);
            }
            Action::AddToSection { section, task } => {
                let project = self.sections[&section].0;
                self.task(task).projects.insert(project, section);
            }
            Action::Assign { task, person } => {
                let task = self.task(task);
                if task.assignee != person {
                    task.assignee = person;
                    // Who is given a task follows it.
                    task.followers.extend(person.map(|person| (person, Level::Editor)));
                }
            }
            Action::Follow { task, people } => self.follow(by, task, &people),
            Action::Unfollow { task, people } => self.task(task).followers.retain(|person, _| !people.contains(person)),
            Action::SetParent { task, parent } => self.task(task).parent = parent,
            Action::AddDependency { task, on } | Action::AddDependent { task: on, waiting: task } => {
                self.task(task).waits_for.insert(on);
            }
            Action::RemoveDependency { task, on } => {
                self.task(task).waits_for.remove(&on);
            }
            Action::Rename { .. } | Action::Like { .. } | Action::EditComment { .. } => {}
            Action::DeleteTask { task } => self.delete_task(task),
            Action::NewComment { task } => {
                self.follow(by, task, &[by]);
                self.comments.insert(number, Comment { task, author: by, deleted: false });
            }
            Action::DeleteComment { comment } => {
                if let Some(comment) = self.comments.get_mut(&comment) {
                    comment.deleted = true;
                }
            }
            Action::NewTag { workspace } => {
                self.tags.insert(number, (workspace, false));
            }
            Action::AddTag { task, tag } => {
                self.task(task).tags.insert(tag);
            }
            Action::RemoveTag { task, tag } => {
                self.task(task).tags.remove(&tag);
            }
            Action::DeleteTag { tag } => {
                let workspace = self.tags[&tag].0;
                self.tags.insert(tag, (workspace, true));
                self.tasks.values_mut().for_each(|task| task.tags.retain(|known| *known != tag));
            }
            Action::NewField { workspace, choosing, privacy, access } => {
                let people = BTreeSet::from([by]);
                self.fields.insert(number, Field { workspace, choosing, privacy, access, people, deleted: false });
            }
            Action::SetFieldPrivacy { field, privacy } => {
                let field = self.field(field);
                if field.privacy != privacy {
                    field.privacy = privacy;
                    field.people.insert(by);
                }
            }
            Action::AddSetting { project, field } => {
                self.project(project).settings.insert(field, number);
            }
            Action::RemoveSetting { project, field } => {
                self.project(project).settings.remove(&field);
            }
            Action::SetValue { task, field } => {
                self.task(task).values.insert(field);
            }
            Action::DeleteField { field } => {
                self.field(field).deleted = true;
                self.projects.values_mut().for_each(|project| project.settings.retain(|known, _| *known != field));
            }
        }
    }

    /// Whether a person brings others to a team and takes them out of it.
    fn manages(&self, person: usize, team: usize) -> bool {
        let team = &self.teams[&team];
        team.members.contains(&person) || self.people[person].roles[team.workspace] == Some(Role::Admin)
    }

    /// Nothing that the person had in the workspace lets the person in any more. What the person owned goes to whoever
    /// says so, as far as they see it.
    fn dismiss(&mut self, by: usize, workspace: usize, person: usize) {
        let heirs: BTreeSet<usize> = self
            .projects
            .keys()
            .copied()
            .filter(|project| by != person && self.level(by, O::Project(*project)).is_some())
            .collect();
        for (number, project) in self.projects.iter_mut().filter(|(_, project)| project.workspace == workspace) {
            project.members.remove(&Member::Person(person));
            if project.owner == Some(person) {
                project.owner = heirs.contains(number).then_some(by);
                project.members.extend(project.owner.map(|owner| (Member::Person(owner), Level::Admin)));
            }
        }
        for task in self.tasks.values_mut().filter(|task| task.workspace == workspace) {
            task.followers.remove(&person);
            task.assignee = task.assignee.filter(|assignee| *assignee != person);
        }
        for team in self.teams.values_mut().filter(|team| team.workspace == workspace) {
            team.members.remove(&person);
        }
        for field in self.fields.values_mut().filter(|field| field.workspace == workspace) {
            field.people.remove(&person);
        }
        self.people[person].roles[workspace] = None;
    }

    /// A follower may edit, unless whoever brings the follower may not.
    fn follow(&mut self, by: usize, task: usize, people: &[usize]) {
        let level = self.own(by, O::Task(task)).min(Level::Editor);
        let task = self.task(task);
        for person in people {
            task.followers.entry(*person).or_insert(level);
        }
    }

    /// With everything below it.
    fn delete_task(&mut self, task: usize) {
        if !std::mem::replace(&mut self.task(task).deleted, true) {
            self.below(task).into_iter().for_each(|below| self.delete_task(below));
        }
    }

    fn is_below(&self, task: usize, above: usize) -> bool {
        task == above || self.tasks[&task].parent.is_some_and(|parent| self.is_below(parent, above))
    }

    /// How deep its subtasks go, those in the trash too: they may come back.
    fn height(&self, task: usize) -> usize {
        self.below(task).into_iter().map(|below| 1 + self.height(below)).max().unwrap_or(0)
    }

    fn may_wait(&self, task: usize, on: usize) -> bool {
        self.tasks[&task].workspace == self.tasks[&on].workspace && !self.waits(on, task)
    }

    /// Whether the task is the other, or waits for it, directly or through others.
    fn waits(&self, task: usize, on: usize) -> bool {
        let mut known = BTreeSet::new();
        let mut open = vec![task];
        while let Some(at) = open.pop() {
            if known.insert(at) {
                open.extend(&self.tasks[&at].waits_for);
            }
        }
        known.contains(&on)
    }

    fn team(&mut self, number: usize) -> &mut Team {
        self.teams.get_mut(&number).expect("a step needs it")
    }

    fn project(&mut self, number: usize) -> &mut Project {
        self.projects.get_mut(&number).expect("a step needs it")
    }

    fn task(&mut self, number: usize) -> &mut Task {
        self.tasks.get_mut(&number).expect("a step needs it")
    }

    fn field(&mut self, number: usize) -> &mut Field {
        self.fields.get_mut(&number).expect("a step needs it")
    }
}
