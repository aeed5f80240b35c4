//! When each task was created, and in which project: projects live for some months each, and their tasks come up in the
//! order of time, those of many projects in turns, as in life.

use super::organization::{LARGE, Project, THOUSAND};
use crate::dice::Dice;

/// The tasks of a thousand that are subtasks.
const SUBTASKS: u64 = 100;

/// The tasks that are no subtasks, oldest first.
pub struct Calendar {
    /// When, and the number of the project.
    pub days: Vec<(i64, u32)>,
}

impl Calendar {
    /// Spreads so many tasks, of which some become subtasks, over the lives of the projects.
    pub fn new(dice: &mut Dice, projects: &[Project], tasks: u64) -> Self {
        let large = tasks / 10;
        let thousand = 1_000.min(tasks / 2);
        let rest = (tasks - subtasks(tasks)).saturating_sub(large + thousand);
        let mut days = Vec::with_capacity((large + thousand + rest) as usize);
        let mut add = |dice: &mut Dice, number: usize| {
            let Project { start, end, .. } = projects[number];
            days.push((dice.range(start, end), number as u32));
        };
        (0..large).for_each(|_| add(dice, LARGE));
        (0..thousand).for_each(|_| add(dice, THOUSAND));
        let shares = shares(dice, projects);
        let total = shares.last().copied().unwrap_or_default();
        for _ in 0..rest {
            let share = dice.below(total);
            let ordinary = shares.partition_point(|end| *end <= share);
            add(dice, THOUSAND + 1 + ordinary);
        }
        days.sort_unstable();
        Calendar { days }
    }
}

/// How many of so many tasks are subtasks.
pub fn subtasks(tasks: u64) -> u64 {
    tasks * SUBTASKS / 1_000
}

/// For each ordinary project, where its share of the tasks ends; a few are large, most are small.
fn shares(dice: &mut Dice, projects: &[Project]) -> Vec<usize> {
    let mut end = 0;
    let ordinary = &projects[THOUSAND + 1..];
    ordinary
        .iter()
        .map(|_| {
            let weight = dice.below(100);
            end += 20 + weight * weight / 40;
            end
        })
        .collect()
}
