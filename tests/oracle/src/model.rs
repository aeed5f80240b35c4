use std::collections::{BTreeMap, BTreeSet};

use crate::step::{FieldPrivacy, Privacy, Visibility};
use crate::{Level, Object};

/// What a person is in a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Admin,
    Member,
    Guest,
}

/// A member of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Member {
    Person(usize),
    Team(usize),
}

/// How many workspaces there are.
pub const WORKSPACES: usize = 2;

/// How many people there are.
pub const PEOPLE: usize = 9;

#[derive(Clone, Debug)]
pub struct Person {
    /// What the person is in each workspace.
    pub roles: [Option<Role>; WORKSPACES],
}

#[derive(Clone, Debug)]
pub struct Team {
    pub workspace: usize,
    pub visibility: Visibility,
    pub members: BTreeSet<usize>,
}

#[derive(Clone, Debug)]
pub struct Project {
    pub workspace: usize,
    pub team: Option<usize>,
    pub privacy: Privacy,
    /// What those may do who see it without being members.
    pub default: Level,
    /// From which level on it may be shared.
    pub sharing: Level,
    pub members: BTreeMap<Member, Level>,
    /// Whose it is.
    pub owner: Option<usize>,
    pub sections: Vec<usize>,
    /// Its fields, and the settings that say so.
    pub settings: BTreeMap<usize, usize>,
    pub deleted: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Task {
    pub workspace: usize,
    /// Its projects, and the section in each.
    pub projects: BTreeMap<usize, usize>,
    pub parent: Option<usize>,
    pub assignee: Option<usize>,
    /// Who follows it, and what that allows.
    pub followers: BTreeMap<usize, Level>,
    pub tags: BTreeSet<usize>,
    pub waits_for: BTreeSet<usize>,
    /// The fields that it says something about.
    pub values: BTreeSet<usize>,
    pub deleted: bool,
}

#[derive(Clone, Debug)]
pub struct Comment {
    pub task: usize,
    pub author: usize,
    pub deleted: bool,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub workspace: usize,
    pub choosing: bool,
    pub privacy: FieldPrivacy,
    /// What the workspace's members may do.
    pub access: Level,
    /// The people that it is shared with, as administrators.
    pub people: BTreeSet<usize>,
    pub deleted: bool,
}

/// Everything there is. What has been deleted stays, and says so.
#[derive(Clone, Debug)]
pub struct Model {
    pub people: Vec<Person>,
    pub teams: BTreeMap<usize, Team>,
    pub projects: BTreeMap<usize, Project>,
    /// Sections: the project, and whether they have been deleted.
    pub sections: BTreeMap<usize, (usize, bool)>,
    pub tasks: BTreeMap<usize, Task>,
    pub comments: BTreeMap<usize, Comment>,
    /// Tags: the workspace, and whether they have been deleted.
    pub tags: BTreeMap<usize, (usize, bool)>,
    pub fields: BTreeMap<usize, Field>,
}

/// Two workspaces and the people in them: an administrator, members and guests of the first, two members of the second,
/// and one who is in both.
impl Default for Model {
    fn default() -> Self {
        use Role::{Admin, Guest, Member};
        let roles = [
            [Some(Admin), None],
            [Some(Member), None],
            [Some(Member), None],
            [Some(Member), None],
            [Some(Guest), None],
            [Some(Guest), None],
            [None, Some(Admin)],
            [Some(Guest), Some(Member)],
            [Some(Member), Some(Guest)],
        ];
        Model {
            people: roles.map(|roles| Person { roles }).to_vec(),
            teams: BTreeMap::new(),
            projects: BTreeMap::new(),
            sections: BTreeMap::new(),
            tasks: BTreeMap::new(),
            comments: BTreeMap::new(),
            tags: BTreeMap::new(),
            fields: BTreeMap::new(),
        }
    }
}

/// The tables of docs/access.md.
impl Model {
    /// Whether the person belongs to the workspace, be it as a guest.
    pub fn belongs(&self, person: usize, workspace: usize) -> bool {
        self.people[person].roles[workspace].is_some()
    }

    /// Whether the person is a full member of the workspace.
    pub fn is_member(&self, person: usize, workspace: usize) -> bool {
        matches!(self.people[person].roles[workspace], Some(Role::Admin | Role::Member))
    }

    fn is_in_team(&self, person: usize, team: usize) -> bool {
        self.teams.get(&team).is_some_and(|team| team.members.contains(&person))
    }

    /// What the person may do with the object; `None` when the person does not see it, and when it is not there.
    pub fn level(&self, person: usize, object: Object) -> Option<Level> {
        match object {
            Object::Workspace(workspace) => match self.people[person].roles[workspace]? {
                Role::Admin => Some(Level::Admin),
                Role::Member => Some(Level::Editor),
                Role::Guest => Some(Level::Viewer),
            },
            Object::Person(other) => self.meets(person, other).then_some(Level::Viewer),
            Object::Team(number) => {
                let team = self.teams.get(&number)?;
                let open = team.visibility != Visibility::Secret && self.is_member(person, team.workspace);
                [team.members.contains(&person).then_some(Level::Editor), open.then_some(Level::Viewer)]
                    .into_iter()
                    .flatten()
                    .max()
            }
            Object::Project(number) => self.on_project(person, self.projects.get(&number)?),
            Object::Section(number) => match self.sections.get(&number)? {
                (_, true) => None,
                (project, false) => self.level(person, Object::Project(*project)),
            },
            Object::Task(number) => self.on_task(person, self.tasks.get(&number)?, number),
            Object::Comment(number) => match self.comments.get(&number)? {
                Comment { deleted: true, .. } => None,
                Comment { task, .. } => self.level(person, Object::Task(*task)),
            },
            Object::Tag(number) => match self.tags.get(&number)? {
                (_, true) => None,
                (workspace, false) => self.level(person, Object::Workspace(*workspace)),
            },
            Object::Field(number) => self.on_field(person, self.fields.get(&number)?, number),
            Object::TaskList { workspace, person: owner } => match self.belongs(owner, workspace) {
                true if owner == person => Some(Level::Admin),
                true if self.is_member(person, workspace) => Some(Level::Viewer),
                _ => None,
            },
            Object::Choice(field) => self.level(person, Object::Field(field)),
            Object::Setting(setting) => {
                let (project, field) = self.projects.iter().find_map(|(number, project)| {
                    let (field, _) = project.settings.iter().find(|(_, known)| **known == setting)?;
                    Some((*number, *field))
                })?;
                self.level(person, Object::Field(field))?;
                self.level(person, Object::Project(project))
            }
            Object::Value { task, field } => {
                self.level(person, Object::Field(field))?;
                self.level(person, Object::Task(task))
            }
        }
    }

    pub fn sees(&self, person: usize, object: Object) -> bool {
        self.level(person, object).is_some()
    }

    /// Its members (people and teams) at their level; at its default level its team, unless it is private, and its
    /// workspace, when it is public to it.
    fn on_project(&self, person: usize, project: &Project) -> Option<Level> {
        if project.deleted {
            return None;
        }
        let members = project.members.iter().filter(|(member, _)| match member {
            Member::Person(member) => *member == person,
            Member::Team(team) => self.is_in_team(person, *team),
        });
        let by_team =
            project.privacy != Privacy::Private && project.team.is_some_and(|team| self.is_in_team(person, team));
        let by_workspace = project.privacy == Privacy::Public && self.is_member(person, project.workspace);
        members.map(|(_, level)| *level).chain((by_team || by_workspace).then_some(project.default)).max()
    }

    /// Its projects; itself, where its assignee and its followers are editors; all scopes of its parent.
    fn on_task(&self, person: usize, task: &Task, number: usize) -> Option<Level> {
        if task.deleted {
            return None;
        }
        let mut levels: Vec<Level> = Vec::new();
        let mut above = Some(number);
        while let Some(at) = above {
            let task = &self.tasks[&at];
            levels.extend(task.projects.keys().filter_map(|project| self.level(person, Object::Project(*project))));
            levels.extend((task.assignee == Some(person)).then_some(Level::Editor));
            levels.extend(task.followers.get(&person));
            above = task.parent;
        }
        levels.into_iter().max()
    }

    fn on_field(&self, person: usize, field: &Field, _: usize) -> Option<Level> {
        if field.deleted {
            return None;
        }
        let shared = field.people.contains(&person).then_some(Level::Admin);
        let open = match field.privacy {
            FieldPrivacy::Private => None,
            _ if self.is_member(person, field.workspace) => Some(field.access),
            FieldPrivacy::PublicWithGuests if self.belongs(person, field.workspace) => Some(Level::Viewer),
            _ => None,
        };
        shared.max(open)
    }

    /// Whether one sees the other where nothing names the other.
    fn meets(&self, person: usize, other: usize) -> bool {
        let both = |people: &dyn Fn(usize) -> bool| people(person) && people(other);
        person == other
            || (0..WORKSPACES).any(|workspace| self.is_member(person, workspace) && self.belongs(other, workspace))
            || self.teams.values().any(|team| both(&|person| team.members.contains(&person)))
            || self.projects.values().any(|project| {
                // Alone or by a team; the project's own team is one when it is not private.
                !project.deleted
                    && both(&|person| {
                        let mut teams = project.members.keys().filter_map(|member| match member {
                            Member::Team(team) => Some(*team),
                            Member::Person(_) => None,
                        });
                        let own = project.team.filter(|_| project.privacy != Privacy::Private);
                        project.members.contains_key(&Member::Person(person))
                            || teams.any(|team| self.is_in_team(person, team))
                            || own.is_some_and(|team| self.is_in_team(person, team))
                    })
            })
            || self.tasks.values().any(|task| {
                !task.deleted && both(&|person| task.assignee == Some(person) || task.followers.contains_key(&person))
            })
    }

    /// The workspace that an object lives in, and whether it has been deleted. People live in none.
    fn home(&self, object: Object) -> Option<(usize, bool)> {
        match object {
            Object::Workspace(workspace) => Some((workspace, false)),
            Object::Person(_) => None,
            Object::Team(number) => Some((self.teams.get(&number)?.workspace, false)),
            Object::Project(number) => self.projects.get(&number).map(|project| (project.workspace, project.deleted)),
            Object::Section(number) => {
                let (project, deleted) = self.sections.get(&number)?;
                Some((self.projects[project].workspace, *deleted))
            }
            Object::Task(number) => self.tasks.get(&number).map(|task| (task.workspace, task.deleted)),
            Object::Comment(number) => {
                let comment = self.comments.get(&number)?;
                Some((self.tasks[&comment.task].workspace, comment.deleted))
            }
            Object::Tag(number) => self.tags.get(&number).copied(),
            Object::Field(number) | Object::Choice(number) => {
                self.fields.get(&number).map(|field| (field.workspace, field.deleted))
            }
            Object::TaskList { workspace, person } => self.belongs(person, workspace).then_some((workspace, false)),
            Object::Setting(_) | Object::Value { .. } => None,
        }
    }

    pub fn exists(&self, object: Object) -> bool {
        matches!(object, Object::Person(_)) || self.home(object).is_some()
    }

    /// The status with which an object that a path names is shown or refused: the one rule for 403 and 404.
    pub fn shown(&self, person: usize, object: Object) -> u16 {
        match self.home(object) {
            _ if self.sees(person, object) => 200,
            Some((workspace, deleted)) if self.belongs(person, workspace) && !deleted => 403,
            _ => 404,
        }
    }

    /// The status with which an object that a parameter or a body names is refused, if it is.
    pub fn refused(&self, person: usize, object: Object) -> Option<u16> {
        match self.shown(person, object) {
            200 => None,
            403 => Some(403),
            _ => Some(400),
        }
    }

    /// How many tasks are above it.
    pub fn depth(&self, task: usize) -> usize {
        self.tasks[&task].parent.map_or(0, |parent| 1 + self.depth(parent))
    }

    /// The subtasks, those in the trash too.
    pub fn below(&self, task: usize) -> Vec<usize> {
        self.tasks.iter().filter(|(_, below)| below.parent == Some(task)).map(|(number, _)| *number).collect()
    }

    /// The fields that a task has for somebody: those of its projects that the person sees, as far as the person sees them.
    pub fn fields_of(&self, person: usize, task: usize) -> BTreeSet<usize> {
        let projects =
            self.tasks[&task].projects.keys().filter(|project| self.sees(person, Object::Project(**project)));
        let fields = projects.flat_map(|project| self.projects[project].settings.keys().copied());
        fields.filter(|field| self.sees(person, Object::Field(*field))).collect()
    }
}
