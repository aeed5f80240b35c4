//! Random histories: what people do to each other's work, some of it forbidden.

use crate::Level;
use crate::model::{Member, Model, PEOPLE, WORKSPACES};
use crate::step::{Action, FieldPrivacy, Privacy, Step, Verdict, Visibility};

/// A source of choices; the same seed makes the same ones.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    /// splitmix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most as u64) as usize
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        if choices.is_empty() { None } else { Some(choices[self.below(choices.len())]) }
    }

    fn some_of(&mut self, choices: &[usize], most: usize) -> Vec<usize> {
        let mut some: Vec<usize> = (0..self.below(most + 1)).filter_map(|_| self.of(choices)).collect();
        some.sort_unstable();
        some.dedup();
        some
    }
}

/// A history of so many steps that come to something, and some that are refused.
pub fn history(seed: u64, steps: usize) -> Vec<Step> {
    let mut dice = Dice::new(seed);
    let mut model = Model::default();
    let mut history = Vec::new();
    let (mut number, mut done) = (0, 0);
    while done < steps {
        let action = if done < steps / 2 { make(&mut dice, &model) } else { change(&mut dice, &model) };
        let Some(action) = action else { continue };
        number += 1;
        let mut step = Step { number, by: actor(&mut dice, &model, &action), action };
        if let Action::AddMembers { people, .. } = &mut step.action
            && dice.once_in(2)
        {
            // Who joins alone needs no right to share.
            *people = vec![step.by];
        }
        match model.apply(&step) {
            Verdict::Done => done += 1,
            // The administrator of the machine does nothing that is refused.
            Verdict::Refused(_) if !step.action.is_beside_the_api() && dice.once_in(3) => {}
            _ => continue,
        }
        history.push(step);
    }
    history
}

/// Mostly somebody who sees what it takes; among those, now and then, one who may not do much.
fn actor(dice: &mut Dice, model: &Model, action: &Action) -> usize {
    let needs = action.needs();
    let least = |person: usize| needs.iter().map(|object| model.level(person, *object)).min().flatten();
    let able: Vec<usize> = (0..PEOPLE).filter(|person| needs.is_empty() || least(*person).is_some()).collect();
    match dice.below(8) {
        0 => None,
        1 | 2 => {
            let unable: Vec<usize> =
                able.iter().copied().filter(|person| least(*person) < Some(Level::Editor)).collect();
            dice.of(&unable)
        }
        _ => dice.of(&able),
    }
    .unwrap_or_else(|| dice.below(PEOPLE))
}

/// Numbers of what there is; once in a while of what there was.
fn known<'a, T: 'a>(
    dice: &mut Dice,
    objects: impl IntoIterator<Item = (&'a usize, &'a T)>,
    gone: impl Fn(&T) -> bool,
) -> Option<usize> {
    let all = dice.once_in(25);
    let numbers: Vec<usize> =
        objects.into_iter().filter(|(_, object)| all || !gone(object)).map(|(number, _)| *number).collect();
    dice.of(&numbers)
}

fn task(dice: &mut Dice, model: &Model) -> Option<usize> {
    known(dice, &model.tasks, |task| task.deleted)
}

fn project(dice: &mut Dice, model: &Model) -> Option<usize> {
    known(dice, &model.projects, |project| project.deleted)
}

fn section(dice: &mut Dice, model: &Model) -> Option<usize> {
    known(dice, &model.sections, |(project, deleted)| *deleted || model.projects[project].deleted)
}

fn tag(dice: &mut Dice, model: &Model) -> Option<usize> {
    known(dice, &model.tags, |(_, deleted)| *deleted)
}

fn field(dice: &mut Dice, model: &Model) -> Option<usize> {
    known(dice, &model.fields, |field| field.deleted)
}

fn team(dice: &mut Dice, model: &Model) -> Option<usize> {
    known(dice, &model.teams, |_| false)
}

/// Mostly somebody of the workspace.
fn person(dice: &mut Dice, model: &Model, workspace: usize) -> usize {
    let all = dice.once_in(20);
    let people: Vec<usize> = (0..PEOPLE).filter(|person| all || model.belongs(*person, workspace)).collect();
    dice.of(&people).unwrap_or_default()
}

fn people(dice: &mut Dice, model: &Model, workspace: usize, most: usize) -> Vec<usize> {
    let people: Vec<usize> = (0..4).map(|_| person(dice, model, workspace)).collect();
    dice.some_of(&people, most)
}

fn level(dice: &mut Dice) -> Level {
    dice.of(&[Level::Viewer, Level::Commenter, Level::Editor, Level::Admin]).unwrap_or(Level::Viewer)
}

fn privacy(dice: &mut Dice) -> Privacy {
    dice.of(&[Privacy::Public, Privacy::Team, Privacy::Private]).unwrap_or(Privacy::Private)
}

fn field_privacy(dice: &mut Dice) -> FieldPrivacy {
    let all = [FieldPrivacy::PublicWithGuests, FieldPrivacy::Public, FieldPrivacy::Private];
    dice.of(&all).unwrap_or(FieldPrivacy::Private)
}

fn workspace(dice: &mut Dice) -> usize {
    if dice.once_in(4) { dice.below(WORKSPACES) } else { 0 }
}

/// Another object of the same workspace, mostly.
fn near(dice: &mut Dice, workspace: usize, mut find: impl FnMut(&mut Dice) -> Option<(usize, usize)>) -> Option<usize> {
    let mut found = find(dice)?;
    for _ in 0..4 {
        if found.1 == workspace {
            break;
        }
        found = find(dice)?;
    }
    Some(found.0)
}

fn project_near(dice: &mut Dice, model: &Model, workspace: usize) -> Option<usize> {
    near(dice, workspace, |dice| project(dice, model).map(|found| (found, model.projects[&found].workspace)))
}

fn task_near(dice: &mut Dice, model: &Model, workspace: usize) -> Option<usize> {
    near(dice, workspace, |dice| task(dice, model).map(|found| (found, model.tasks[&found].workspace)))
}

fn section_of(dice: &mut Dice, model: &Model, project: usize) -> Option<usize> {
    let own = model.projects[&project].sections.clone();
    if dice.once_in(20) { section(dice, model) } else { dice.of(&own) }
}

/// Something new.
fn make(dice: &mut Dice, model: &Model) -> Option<Action> {
    let home = workspace(dice);
    Some(match dice.below(52) {
        0..2 => {
            let all = [Visibility::Secret, Visibility::RequestToJoin, Visibility::Public];
            Action::NewTeam { workspace: home, visibility: dice.of(&all)? }
        }
        2..5 => {
            let team = team(dice, model)?;
            Action::JoinTeam { team, person: person(dice, model, model.teams[&team].workspace) }
        }
        5..9 => {
            let team = if dice.once_in(2) { team(dice, model) } else { None };
            let home = team.map_or(home, |team| model.teams[&team].workspace);
            let members = people(dice, model, home, 2);
            Action::NewProject { workspace: home, team, privacy: privacy(dice), default: level(dice), members }
        }
        9..11 => Action::NewSection { project: project(dice, model)? },
        11..20 | 40..52 => {
            // The deeper of two, so that some trees grow.
            let parents = [task(dice, model), task(dice, model)].into_iter().flatten();
            let deepest = parents.max_by_key(|parent| model.depth(*parent));
            let parent = deepest.filter(|_| dice.once_in(2));
            let home = parent.map_or(home, |parent| model.tasks[&parent].workspace);
            let mut projects: Vec<(usize, Option<usize>)> = Vec::new();
            for _ in 0..dice.below(if parent.is_some() { 2 } else { 4 }) {
                if let Some(project) = project_near(dice, model, home)
                    && !projects.iter().any(|(known, _)| *known == project)
                {
                    let section = if dice.once_in(2) { section_of(dice, model, project) } else { None };
                    projects.push((project, section));
                }
            }
            let assignee = dice.once_in(2).then(|| person(dice, model, home));
            let followers = if dice.once_in(3) { people(dice, model, home, 2) } else { Vec::new() };
            let tags = if dice.once_in(4) { tag(dice, model).into_iter().collect() } else { Vec::new() };
            let alone = parent.is_none() && projects.is_empty();
            Action::NewTask { workspace: alone.then_some(home), projects, parent, assignee, followers, tags }
        }
        20..23 => Action::NewComment { task: task(dice, model)? },
        23 => Action::NewTag { workspace: home },
        24..26 | 34..36 => Action::AddTag { task: task(dice, model)?, tag: tag(dice, model)? },
        26..28 => {
            let access = dice.of(&[Level::Viewer, Level::Editor, Level::Admin])?;
            Action::NewField { workspace: home, choosing: dice.once_in(2), privacy: field_privacy(dice), access }
        }
        28..30 => Action::AddSetting { project: project(dice, model)?, field: field(dice, model)? },
        30..32 | 36 => {
            let task = task(dice, model)?;
            let settings =
                model.tasks[&task].projects.keys().flat_map(|project| model.projects[project].settings.keys());
            let fields: Vec<usize> = settings.copied().collect();
            Action::SetValue { task, field: dice.of(&fields)? }
        }
        32 | 37..40 => {
            let task = task(dice, model)?;
            let on = task_near(dice, model, model.tasks[&task].workspace)?;
            if dice.once_in(2) {
                Action::AddDependency { task, on }
            } else {
                Action::AddDependent { task, waiting: on }
            }
        }
        _ => {
            let project = project(dice, model)?;
            let member = match team(dice, model) {
                Some(team) if dice.once_in(2) => Member::Team(team),
                _ => Member::Person(person(dice, model, model.projects[&project].workspace)),
            };
            Action::Share { project, member, level: level(dice) }
        }
    })
}

/// Something done to what there is.
fn change(dice: &mut Dice, model: &Model) -> Option<Action> {
    Some(match dice.below(40) {
        0..2 => {
            let team = team(dice, model)?;
            let members: Vec<usize> = model.teams[&team].members.iter().copied().collect();
            Action::LeaveTeam { team, person: dice.of(&members)? }
        }
        2 => Action::SetPrivacy { project: project(dice, model)?, privacy: privacy(dice) },
        3 => Action::SetDefault { project: project(dice, model)?, level: level(dice) },
        4 => {
            let level = dice.of(&[Level::Editor, Level::Admin])?;
            Action::SetSharing { project: project(dice, model)?, level }
        }
        5 => {
            let team = if dice.once_in(3) { None } else { team(dice, model) };
            Action::SetTeam { project: project(dice, model)?, team }
        }
        6 | 34 => {
            let project = project(dice, model)?;
            Action::AddMembers { project, people: people(dice, model, model.projects[&project].workspace, 2) }
        }
        7..9 => {
            let project = project(dice, model)?;
            let members = model.projects[&project].members.keys().filter_map(|member| match member {
                Member::Person(person) => Some(*person),
                Member::Team(_) => None,
            });
            let members: Vec<usize> = members.collect();
            Action::RemoveMembers { project, people: vec![dice.of(&members)?] }
        }
        9 if dice.once_in(3) => Action::DeleteProject { project: project(dice, model)? },
        9 => Action::DeleteSection { section: section(dice, model)? },
        10..13 => {
            let task = task(dice, model)?;
            let project = project_near(dice, model, model.tasks[&task].workspace)?;
            let section = if dice.once_in(2) { section_of(dice, model, project) } else { None };
            Action::AddProject { task, project, section }
        }
        13..15 => {
            let task = task(dice, model)?;
            let projects: Vec<usize> = model.tasks[&task].projects.keys().copied().collect();
            Action::RemoveProject { task, project: dice.of(&projects)? }
        }
        15 => Action::AddToSection { section: section(dice, model)?, task: task(dice, model)? },
        16..18 => {
            let task = task(dice, model)?;
            let person = (!dice.once_in(3)).then(|| person(dice, model, model.tasks[&task].workspace));
            Action::Assign { task, person }
        }
        18 => {
            let task = task(dice, model)?;
            Action::Follow { task, people: people(dice, model, model.tasks[&task].workspace, 2) }
        }
        19..22 => {
            let task = task(dice, model)?;
            let followers: Vec<usize> = model.tasks[&task].followers.keys().copied().collect();
            Action::Unfollow { task, people: vec![dice.of(&followers)?] }
        }
        22..25 => {
            let task = task(dice, model)?;
            let parent =
                if dice.once_in(3) { None } else { Some(task_near(dice, model, model.tasks[&task].workspace)?) };
            Action::SetParent { task, parent }
        }
        25 => {
            let task = task(dice, model)?;
            let waits_for: Vec<usize> = model.tasks[&task].waits_for.iter().copied().collect();
            Action::RemoveDependency { task, on: dice.of(&waits_for)? }
        }
        26 => match dice.below(3) {
            0 => Action::Rename { task: task(dice, model)? },
            1 => Action::Like { task: task(dice, model)? },
            _ => Action::DeleteTask { task: task(dice, model)? },
        },
        27 => {
            let comment = known(dice, &model.comments, |comment| comment.deleted)?;
            if dice.once_in(2) { Action::EditComment { comment } } else { Action::DeleteComment { comment } }
        }
        28 => {
            let task = task(dice, model)?;
            let tags: Vec<usize> = model.tasks[&task].tags.iter().copied().collect();
            match dice.of(&tags) {
                Some(tag) => Action::RemoveTag { task, tag },
                None => Action::DeleteTag { tag: tag(dice, model)? },
            }
        }
        29 => Action::SetFieldPrivacy { field: field(dice, model)?, privacy: field_privacy(dice) },
        30 if dice.once_in(3) => Action::DeleteField { field: field(dice, model)? },
        30 => {
            let project = project(dice, model)?;
            let fields: Vec<usize> = model.projects[&project].settings.keys().copied().collect();
            Action::RemoveSetting { project, field: dice.of(&fields)? }
        }
        35 => {
            let project = project(dice, model)?;
            let member = match team(dice, model) {
                Some(team) if dice.once_in(2) => Member::Team(team),
                _ => Member::Person(person(dice, model, model.projects[&project].workspace)),
            };
            let level = if dice.once_in(3) { None } else { Some(level(dice)) };
            Action::NewMembership { project, member, level }
        }
        36 => {
            let team = team(dice, model)?;
            Action::AddToTeam { team, person: person(dice, model, model.teams[&team].workspace) }
        }
        37 => {
            let team = team(dice, model)?;
            Action::RemoveFromTeam { team, person: person(dice, model, model.teams[&team].workspace) }
        }
        38 => {
            let workspace = workspace(dice);
            // Those who are not there are asked rather than those who are.
            let away: Vec<usize> = (0..PEOPLE).filter(|person| !model.belongs(*person, workspace)).collect();
            Action::Invite { workspace, person: dice.of(&away)? }
        }
        39 if dice.once_in(4) => {
            let workspace = workspace(dice);
            Action::Dismiss { workspace, person: person(dice, model, workspace) }
        }
        _ => return make(dice, model),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Object;

    #[test]
    fn a_seed_makes_one_history() {
        assert_eq!(history(1, 50), history(1, 50));
        assert_ne!(history(1, 50), history(2, 50));
    }

    #[test]
    fn histories_hold_what_is_worth_looking_at() {
        let mut depths = Vec::new();
        let mut came_and_went = BTreeSet::new();
        for seed in 1..=6 {
            let mut model = Model::default();
            let mut refused = 0;
            for step in history(seed, 250) {
                match (model.apply(&step), &step.action) {
                    (Verdict::Refused(_), _) => refused += 1,
                    (_, Action::NewMembership { .. }) => _ = came_and_went.insert("member"),
                    (_, Action::AddToTeam { .. }) => _ = came_and_went.insert("brought"),
                    (_, Action::RemoveFromTeam { .. }) => _ = came_and_went.insert("taken out"),
                    (_, Action::Invite { .. }) => _ = came_and_went.insert("invited"),
                    (_, Action::Dismiss { .. }) => _ = came_and_went.insert("dismissed"),
                    _ => {}
                }
            }
            let tasks: Vec<usize> = model.tasks.keys().copied().collect();
            assert!(refused > 20 && tasks.len() > 30, "{refused} refused, {} tasks", tasks.len());
            depths.extend(tasks.iter().map(|task| model.depth(*task)));
            // Nobody sees everything, and somebody something.
            let seen = |person: usize| tasks.iter().filter(|task| model.sees(person, Object::Task(**task))).count();
            let seen: Vec<usize> = (0..PEOPLE).map(seen).collect();
            assert!(seen.iter().all(|seen| *seen < tasks.len()) && seen.iter().any(|seen| *seen > 5), "{seen:?}");
        }
        assert_eq!(depths.into_iter().max(), Some(5));
        assert_eq!(came_and_went.len(), 5, "{came_and_went:?}");
    }
}
