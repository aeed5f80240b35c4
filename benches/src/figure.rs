//! Figures, their goals, and what they were before.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;

/// A ratio may fall by so much, as a share of the committed one, before it counts as lost.
const TOLERANCE: f64 = 0.1;

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// It is only told.
    None,
}

/// A measured figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub measure: String,
    pub value: f64,
    /// `ratio` for what can be compared between machines.
    pub unit: &'static str,
    pub goal: Goal,
}

impl Figure {
    fn meets(&self) -> Option<bool> {
        match self.goal {
            Goal::AtLeast(least) => Some(self.value >= least),
            Goal::AtMost(most) => Some(self.value <= most),
            Goal::None => None,
        }
    }
}

/// The figures that are committed, by measure.
#[derive(Default)]
pub struct Committed(BTreeMap<String, (f64, String)>);

impl Committed {
    pub fn read(path: &Path) -> anyhow::Result<Committed> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let mut figures = BTreeMap::new();
        for line in text.lines().skip(1) {
            let mut cells = line.split('\t');
            let (Some(measure), Some(value), Some(unit)) = (cells.next(), cells.next(), cells.next()) else {
                anyhow::bail!("{}: not a figure: {line}", path.display());
            };
            figures.insert(measure.to_owned(), (value.parse()?, unit.to_owned()));
        }
        Ok(Committed(figures))
    }

    /// Writes the figures, those measured now in place of what they were.
    pub fn write(mut self, path: &Path, figures: &[Figure]) -> anyhow::Result<()> {
        for figure in figures {
            self.0.insert(figure.measure.clone(), (figure.value, figure.unit.to_owned()));
        }
        let mut text = "measure\tvalue\tunit\n".to_owned();
        for (measure, (value, unit)) in &self.0 {
            text.push_str(&format!("{measure}\t{}\t{unit}\n", shown(*value)));
        }
        Ok(fs::write(path, text)?)
    }

    fn value(&self, figure: &Figure) -> Option<f64> {
        self.0.get(&figure.measure).map(|(value, _)| *value)
    }

    /// Whether a ratio is clearly worse than it was.
    fn lost(&self, figure: &Figure) -> bool {
        figure.unit == "ratio" && self.value(figure).is_some_and(|before| figure.value < before * (1.0 - TOLERANCE))
    }

    /// The ratios that are clearly worse than they were.
    pub fn losses<'a>(&self, figures: &'a [Figure]) -> Vec<&'a str> {
        figures.iter().filter(|figure| self.lost(figure)).map(|figure| figure.measure.as_str()).collect()
    }

    /// A row of the table.
    pub fn row(&self, figure: &Figure) -> String {
        let goal = match figure.goal {
            Goal::AtLeast(least) => format!(">= {}", shown(least)),
            Goal::AtMost(most) => format!("<= {}", shown(most)),
            Goal::None => String::new(),
        };
        let met = match figure.meets() {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        };
        let before = self.value(figure);
        let change = before.map(|before| format!("{:+.0}%", (figure.value / before - 1.0) * 100.0));
        format!(
            "{:58} {:>9} {:6} {:>9} {met:3} {:>9} {:>6}{}",
            figure.measure,
            shown(figure.value),
            figure.unit,
            goal,
            before.map(shown).unwrap_or_default(),
            change.unwrap_or_default(),
            if self.lost(figure) { " LOST" } else { "" },
        )
        .trim_end()
        .to_owned()
    }
}

/// The heads of the columns of [`Committed::row`].
pub fn heads() -> String {
    format!("{:58} {:>9} {:6} {:>9} {:3} {:>9} {:>6}", "measure", "value", "unit", "goal", "met", "committed", "change")
}

/// Three digits that count.
fn shown(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(measure: &str, value: f64, unit: &'static str) -> Figure {
        Figure { measure: measure.into(), value, unit, goal: Goal::None }
    }

    #[test]
    fn a_ratio_that_falls_by_more_than_a_tenth_is_lost() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("figures.tsv");
        let before = [figure("a", 0.5, "ratio"), figure("b", 0.5, "ratio"), figure("c", 9_000.0, "/s")];
        Committed::read(&path).unwrap().write(&path, &before).unwrap();
        let committed = Committed::read(&path).unwrap();
        let now = [figure("a", 0.44, "ratio"), figure("b", 0.46, "ratio"), figure("c", 10.0, "/s")];
        assert_eq!(committed.losses(&now), ["a"]);
        assert!(committed.row(&now[0]).ends_with("0.500   -12% LOST"), "{}", committed.row(&now[0]));
    }

    #[test]
    fn a_goal_is_met_or_not() {
        let figure = |goal| Figure { goal, ..figure("a", 0.5, "ratio") };
        assert_eq!(figure(Goal::AtLeast(0.5)).meets(), Some(true));
        assert_eq!(figure(Goal::AtMost(0.4)).meets(), Some(false));
        assert_eq!(figure(Goal::None).meets(), None);
    }
}
