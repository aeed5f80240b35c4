use crate::{Level, Member, Object};

/// Who sees a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    Secret,
    RequestToJoin,
    Public,
}

/// Who sees a project beside its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    Public,
    Team,
    Private,
}

/// Who sees a custom field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldPrivacy {
    PublicWithGuests,
    Public,
    Private,
}

/// Something that somebody does. Numbers name objects by the step that made them, and people by their place.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    // What the machine's administrator does.
    NewTeam {
        workspace: usize,
        visibility: Visibility,
    },
    JoinTeam {
        team: usize,
        person: usize,
    },
    LeaveTeam {
        team: usize,
        person: usize,
    },
    Share {
        project: usize,
        member: Member,
        level: Level,
    },
    // What people do.
    NewProject {
        workspace: usize,
        team: Option<usize>,
        privacy: Privacy,
        default: Level,
        members: Vec<usize>,
    },
    SetPrivacy {
        project: usize,
        privacy: Privacy,
    },
    SetDefault {
        project: usize,
        level: Level,
    },
    SetSharing {
        project: usize,
        level: Level,
    },
    SetTeam {
        project: usize,
        team: Option<usize>,
    },
    AddMembers {
        project: usize,
        people: Vec<usize>,
    },
    RemoveMembers {
        project: usize,
        people: Vec<usize>,
    },
    DeleteProject {
        project: usize,
    },
    NewMembership {
        project: usize,
        member: Member,
        level: Option<Level>,
    },
    AddToTeam {
        team: usize,
        person: usize,
    },
    RemoveFromTeam {
        team: usize,
        person: usize,
    },
    Invite {
        workspace: usize,
        person: usize,
    },
    Dismiss {
        workspace: usize,
        person: usize,
    },
    NewSection {
        project: usize,
    },
    DeleteSection {
        section: usize,
    },
    NewTask {
        workspace: Option<usize>,
        /// Projects, some with a section.
        projects: Vec<(usize, Option<usize>)>,
        parent: Option<usize>,
        assignee: Option<usize>,
        followers: Vec<usize>,
        tags: Vec<usize>,
    },
    AddProject {
        task: usize,
        project: usize,
        section: Option<usize>,
    },
    RemoveProject {
        task: usize,
        project: usize,
    },
    AddToSection {
        section: usize,
        task: usize,
    },
    Assign {
        task: usize,
        person: Option<usize>,
    },
    Follow {
        task: usize,
        people: Vec<usize>,
    },
    Unfollow {
        task: usize,
        people: Vec<usize>,
    },
    SetParent {
        task: usize,
        parent: Option<usize>,
    },
    AddDependency {
        task: usize,
        on: usize,
    },
    AddDependent {
        task: usize,
        waiting: usize,
    },
    RemoveDependency {
        task: usize,
        on: usize,
    },
    Rename {
        task: usize,
    },
    Like {
        task: usize,
    },
    DeleteTask {
        task: usize,
    },
    NewComment {
        task: usize,
    },
    EditComment {
        comment: usize,
    },
    DeleteComment {
        comment: usize,
    },
    NewTag {
        workspace: usize,
    },
    AddTag {
        task: usize,
        tag: usize,
    },
    RemoveTag {
        task: usize,
        tag: usize,
    },
    DeleteTag {
        tag: usize,
    },
    NewField {
        workspace: usize,
        choosing: bool,
        privacy: FieldPrivacy,
        access: Level,
    },
    SetFieldPrivacy {
        field: usize,
        privacy: FieldPrivacy,
    },
    AddSetting {
        project: usize,
        field: usize,
    },
    RemoveSetting {
        project: usize,
        field: usize,
    },
    SetValue {
        task: usize,
        field: usize,
    },
    DeleteField {
        field: usize,
    },
}

impl Action {
    /// Whether the machine's administrator does it, beside the API.
    pub fn is_beside_the_api(&self) -> bool {
        matches!(
            self,
            Action::NewTeam { .. } | Action::JoinTeam { .. } | Action::LeaveTeam { .. } | Action::Share { .. }
        )
    }

    /// The objects that it needs.
    pub fn needs(&self) -> Vec<Object> {
        use Object::{Comment, Field, Project, Section, Tag, Task, Team};
        match self {
            Action::NewTeam { .. } | Action::NewTag { .. } | Action::NewField { .. } => vec![],
            Action::Invite { workspace, .. } | Action::Dismiss { workspace, .. } => vec![Object::Workspace(*workspace)],
            Action::JoinTeam { team, .. }
            | Action::LeaveTeam { team, .. }
            | Action::AddToTeam { team, .. }
            | Action::RemoveFromTeam { team, .. } => vec![Team(*team)],
            Action::Share { project, member: Member::Team(team), .. }
            | Action::NewMembership { project, member: Member::Team(team), .. } => vec![Project(*project), Team(*team)],
            Action::NewProject { team, .. } => team.map(Team).into_iter().collect(),
            Action::SetTeam { project, team } => team.map(Team).into_iter().chain([Project(*project)]).collect(),
            Action::Share { project, .. }
            | Action::NewMembership { project, .. }
            | Action::SetPrivacy { project, .. }
            | Action::SetDefault { project, .. }
            | Action::SetSharing { project, .. }
            | Action::AddMembers { project, .. }
            | Action::RemoveMembers { project, .. }
            | Action::DeleteProject { project }
            | Action::NewSection { project } => vec![Project(*project)],
            Action::DeleteSection { section } => vec![Section(*section)],
            Action::NewTask { projects, parent, tags, .. } => projects
                .iter()
                .flat_map(|(project, section)| [Some(Project(*project)), section.map(Section)])
                .flatten()
                .chain(parent.map(Task))
                .chain(tags.iter().map(|tag| Tag(*tag)))
                .collect(),
            Action::AddProject { task, project, section } => {
                section.map(Section).into_iter().chain([Task(*task), Project(*project)]).collect()
            }
            Action::RemoveProject { task, project } => vec![Task(*task), Project(*project)],
            Action::AddToSection { section, task } => vec![Section(*section), Task(*task)],
            Action::SetParent { task, parent } => parent.map(Task).into_iter().chain([Task(*task)]).collect(),
            Action::AddDependency { task, on: other }
            | Action::AddDependent { task, waiting: other }
            | Action::RemoveDependency { task, on: other } => vec![Task(*task), Task(*other)],
            Action::Assign { task, .. }
            | Action::Follow { task, .. }
            | Action::Unfollow { task, .. }
            | Action::Rename { task }
            | Action::Like { task }
            | Action::DeleteTask { task }
            | Action::NewComment { task } => vec![Task(*task)],
            Action::EditComment { comment } | Action::DeleteComment { comment } => vec![Comment(*comment)],
            Action::AddTag { task, tag } | Action::RemoveTag { task, tag } => vec![Task(*task), Tag(*tag)],
            Action::DeleteTag { tag } => vec![Tag(*tag)],
            Action::SetFieldPrivacy { field, .. } | Action::DeleteField { field } => vec![Field(*field)],
            Action::AddSetting { project, field } | Action::RemoveSetting { project, field } => {
                vec![Project(*project), Field(*field)]
            }
            Action::SetValue { task, field } => vec![Task(*task), Field(*field)],
        }
    }
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its number, by which what it makes is called. It stays when steps before it are left out.
    pub number: usize,
    /// Who does it.
    pub by: usize,
    /// What.
    pub action: Action,
}

/// What a step comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It happens.
    Done,
    /// It is refused with one of these statuses.
    Refused(Vec<u16>),
    /// It speaks of what has never been made.
    Skipped,
}
