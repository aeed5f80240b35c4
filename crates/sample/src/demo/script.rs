//! The scripts of the demonstration: one readable text for each project, with what its people did and what they plan.
//!
//! ```text
//! project: Office move               properties of the project, one on each line
//! from: -90                          created 90 days ago; all days are counted from today
//! fields: Cost, Priority             its custom fields
//!
//! [Plan]                             a section
//! - Floor plan | priya, due -25, done -22, tag design, Cost 12.50
//!     > Both floors.                 the task's notes
//!     - Measure everything | priya   a subtask
//!     mara -23: Where do I sit?      a comment, with its day
//! ```
//!
//! After `|` stands, separated by commas, what is known about a task: a bare name is its assignee, a custom field's name is
//! followed by its value; the other words are those of [`Task`]. Several people, tags or options are joined by `+`.

use crate::Error;

/// A project with its tasks.
#[derive(Debug, Default)]
pub struct Script {
    /// Its name.
    pub name: &'static str,
    /// Its properties but for the name: `team`, `owner`, `color`, ...
    properties: Vec<(&'static str, &'static str)>,
    /// Its sections.
    pub sections: Vec<Section>,
}

/// A section.
#[derive(Debug)]
pub struct Section {
    /// Its name.
    pub name: &'static str,
    /// Its tasks, from top to bottom.
    pub tasks: Vec<Task>,
}

/// A task.
#[derive(Debug, Default)]
pub struct Task {
    /// Its name.
    pub name: &'static str,
    /// Its notes.
    pub notes: String,
    /// A bare name: who does it.
    pub assignee: Option<&'static str>,
    /// `milestone` or `approval`.
    pub subtype: Option<&'static str>,
    /// `by`: who created it; otherwise somebody.
    pub creator: Option<&'static str>,
    /// `new`: when it was created; otherwise early enough.
    pub new: Option<i64>,
    /// `start`: the day on which work begins.
    pub start: Option<i64>,
    /// `due`: the day, and after `at` the minute of the day.
    pub due: Option<(i64, Option<i64>)>,
    /// `done`, or for approvals `approved` or `rejected`: the word and the day.
    pub done: Option<(&'static str, i64)>,
    /// `tag`.
    pub tags: Vec<&'static str>,
    /// `with`: who follows it, too.
    pub followers: Vec<&'static str>,
    /// `liked`: by whom.
    pub likes: Vec<&'static str>,
    /// `key`: its name in `after`.
    pub key: Option<&'static str>,
    /// `after`: the keys of what it waits for.
    pub after: Vec<&'static str>,
    /// `also`: a script and a section in which it stands, too.
    pub also: Option<(&'static str, &'static str)>,
    /// Custom fields and their values.
    pub values: Vec<(&'static str, &'static str)>,
    /// Comments, oldest first.
    pub comments: Vec<Comment>,
    /// Subtasks.
    pub subtasks: Vec<Task>,
}

/// A comment.
#[derive(Debug)]
pub struct Comment {
    /// Who wrote it.
    pub author: &'static str,
    /// When.
    pub day: i64,
    /// What.
    pub text: &'static str,
}

impl Script {
    /// Reads a script. `people` and `fields` are the names that it may use.
    ///
    /// # Errors
    /// [`Error::Options`] that quotes the line which cannot be understood.
    pub fn read(text: &'static str, people: &[&str], fields: &[&'static str]) -> Result<Script, Error> {
        let mut script = Script::default();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            script.read_line(line, people, fields).ok_or_else(|| Error::Options(format!("not a line: {line}")))?;
        }
        Ok(script)
    }

    fn read_line(&mut self, line: &'static str, people: &[&str], fields: &[&'static str]) -> Option<()> {
        if let Some(name) = line.strip_prefix('[') {
            self.sections.push(Section { name: name.strip_suffix(']')?, tasks: Vec::new() });
            return Some(());
        }
        let Some(section) = self.sections.last_mut() else {
            let (property, value) = line.split_once(": ")?;
            match property {
                "project" => self.name = value,
                _ => self.properties.push((property, value)),
            }
            return Some(());
        };
        if let Some(task) = line.strip_prefix("- ") {
            section.tasks.push(Task::read(task, people, fields)?);
            return Some(());
        }
        let task = section.tasks.last_mut()?;
        let detail = line.strip_prefix("    ")?;
        if let Some(subtask) = detail.strip_prefix("- ") {
            task.subtasks.push(Task::read(subtask, people, fields)?);
        } else if let Some(note) = detail.strip_prefix("> ") {
            task.notes.push_str(if task.notes.is_empty() { "" } else { "\n" });
            task.notes.push_str(note);
        } else {
            let (head, text) = detail.split_once(": ")?;
            let (author, day) = head.split_once(' ')?;
            let author = people.contains(&author).then_some(author)?;
            task.comments.push(Comment { author, day: day.parse().ok()?, text });
        }
        Some(())
    }

    /// A property of the project.
    pub fn property(&self, name: &str) -> Option<&'static str> {
        self.properties.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// A property that is a day.
    pub fn day(&self, name: &str) -> Option<i64> {
        self.property(name)?.parse().ok()
    }

    /// A property that is a list.
    pub fn list(&self, name: &str) -> impl Iterator<Item = &'static str> {
        self.property(name).into_iter().flat_map(|list| list.split(", "))
    }
}

impl Task {
    fn read(line: &'static str, people: &[&str], fields: &[&'static str]) -> Option<Task> {
        let (name, facts) = line.split_once(" | ").unwrap_or((line, ""));
        let mut task = Task { name, ..Task::default() };
        for fact in facts.split(", ").filter(|fact| !fact.is_empty()) {
            task.learn(fact, people, fields)?;
        }
        Some(task)
    }

    fn learn(&mut self, fact: &'static str, people: &[&str], fields: &[&'static str]) -> Option<()> {
        let person = |name: &'static str| people.contains(&name).then_some(name);
        let persons = |names: &'static str| several(names).map(person).collect::<Option<Vec<_>>>();
        let value = fields.iter().find_map(|field| Some((*field, fact.strip_prefix(*field)?.strip_prefix(' ')?)));
        if let Some(value) = value {
            self.values.push(value);
            return Some(());
        }
        match fact.split_once(' ') {
            None if matches!(fact, "milestone" | "approval") => self.subtype = Some(fact),
            None => self.assignee = Some(person(fact)?),
            Some(("by", name)) => self.creator = Some(person(name)?),
            Some(("new", day)) => self.new = Some(day.parse().ok()?),
            Some(("start", day)) => self.start = Some(day.parse().ok()?),
            Some(("due", when)) => self.due = Some(due(when)?),
            Some((word @ ("done" | "approved" | "rejected"), day)) => self.done = Some((word, day.parse().ok()?)),
            Some(("tag", tags)) => self.tags = several(tags).collect(),
            Some(("with", names)) => self.followers = persons(names)?,
            Some(("liked", names)) => self.likes = persons(names)?,
            Some(("key", key)) => self.key = Some(key),
            Some(("after", keys)) => self.after = several(keys).collect(),
            Some(("also", place)) => self.also = Some(place.split_once('/')?),
            Some(_) => return None,
        }
        Some(())
    }
}

/// The parts of a list joined by `+`.
pub fn several(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split('+').map(str::trim)
}

/// `3` or `3 at 16:00`.
fn due(when: &str) -> Option<(i64, Option<i64>)> {
    let Some((day, time)) = when.split_once(" at ") else {
        return Some((when.parse().ok()?, None));
    };
    let (hour, minute) = time.split_once(':')?;
    let minutes = hour.parse::<i64>().ok()? * 60 + minute.parse::<i64>().ok()?;
    Some((day.parse().ok()?, Some(minutes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Result<Script, Error> {
        Script::read(text, &["ann", "bob"], &["Cost", "Publish on"])
    }

    #[test]
    fn a_script_is_read() {
        let script = read(
            "project: Move\nfrom: -9\nfields: Cost, Publish on\n\n[Plan]\n- Measure, twice | ann, due 3 at 16:30, \
             done -1, tag quick win+design, with bob, Publish on 4, after a+b, also fair/Booth and stand\n    \
             > One.\n    > Two.\n    - Small | bob, done -2\n    bob -2: Why: because.\n[Do]\n- Go\n",
        )
        .unwrap();
        assert_eq!((script.name, script.day("from")), ("Move", Some(-9)));
        assert_eq!(script.list("fields").collect::<Vec<_>>(), ["Cost", "Publish on"]);
        let sections: Vec<_> = script.sections.iter().map(|section| (section.name, section.tasks.len())).collect();
        assert_eq!(sections, [("Plan", 1), ("Do", 1)]);
        let task = &script.sections[0].tasks[0];
        assert_eq!((task.name, task.notes.as_str()), ("Measure, twice", "One.\nTwo."));
        assert_eq!((task.assignee, task.due, task.done), (Some("ann"), Some((3, Some(990))), Some(("done", -1))));
        assert_eq!((&task.tags[..], &task.followers[..]), (&["quick win", "design"][..], &["bob"][..]));
        assert_eq!((&task.values[..], &task.after[..]), (&[("Publish on", "4")][..], &["a", "b"][..]));
        assert_eq!(task.also, Some(("fair", "Booth and stand")));
        assert_eq!((task.subtasks[0].name, task.subtasks[0].done), ("Small", Some(("done", -2))));
        assert_eq!((task.comments[0].author, task.comments[0].text), ("bob", "Why: because."));
    }

    #[test]
    fn a_line_that_says_nothing_is_named() {
        for wrong in [
            "Move",
            "[Plan",
            "[Plan]\n- Go | cat",
            "[Plan]\n- Go | due soon",
            "[Plan]\n- Go | cost 3",
            "[Plan]\n    - Go",
            "[Plan]\n- Go\n    cat -1: No",
        ] {
            let last = wrong.lines().last().unwrap_or_default();
            assert_eq!(read(wrong).unwrap_err().to_string(), format!("not a line: {last}"));
        }
    }
}
