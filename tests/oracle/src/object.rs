/// An object, by the number of the step that made it; workspaces and people by their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    Workspace(usize),
    Person(usize),
    Team(usize),
    Project(usize),
    Section(usize),
    Task(usize),
    Comment(usize),
    Tag(usize),
    Field(usize),
    /// The option of the field of this number.
    Choice(usize),
    /// That a project has a field.
    Setting(usize),
    /// What somebody is assigned in a workspace.
    TaskList {
        workspace: usize,
        person: usize,
    },
    /// What a task says about a field.
    Value {
        task: usize,
        field: usize,
    },
}

/// What every name begins with, so that it is found in any text.
const MARK: &str = "zz";

type Kind = (&'static str, fn(usize) -> Object);

const KINDS: [Kind; 8] = [
    ("workspace", Object::Workspace),
    ("team", Object::Team),
    ("project", Object::Project),
    ("section", Object::Section),
    ("task", Object::Task),
    ("comment", Object::Comment),
    ("tag", Object::Tag),
    ("field", Object::Field),
];

impl Object {
    /// Its name (a comment's text), which no other object has and none contains.
    pub fn name(self) -> String {
        match self {
            Object::Workspace(at) => format!("{MARK}workspace{at:04}"),
            Object::Person(at) => format!("Person Number{at}"),
            Object::Team(at) => format!("{MARK}team{at:04}"),
            Object::Project(at) => format!("{MARK}project{at:04}"),
            Object::Section(at) => format!("{MARK}section{at:04}"),
            Object::Task(at) => format!("{MARK}task{at:04}"),
            Object::Comment(at) => format!("{MARK}comment{at:04}"),
            Object::Tag(at) => format!("{MARK}tag{at:04}"),
            Object::Field(at) => format!("{MARK}field{at:04}"),
            Object::Choice(at) => format!("{MARK}choice{at:04}"),
            Object::TaskList { workspace, person } => format!("{MARK}list{workspace:04}of{person:04}"),
            Object::Setting(at) => format!("{MARK}setting{at:04}"),
            Object::Value { task, field } => format!("{MARK}value{task:04}of{field:04}"),
        }
    }
}

/// The objects whose names occur in a text. People are not among them: their names are no secret where they stand.
pub fn names_in(text: &str) -> Vec<Object> {
    text.match_indices(MARK).filter_map(|(at, _)| read(&text[at + MARK.len()..])).collect()
}

fn read(text: &str) -> Option<Object> {
    let number = |text: &str| text.get(..4)?.parse().ok();
    if let Some(rest) = text.strip_prefix("value") {
        let field = rest.get(4..)?.strip_prefix("of")?;
        return Some(Object::Value { task: number(rest)?, field: number(field)? });
    }
    if let Some(rest) = text.strip_prefix("choice") {
        return number(rest).map(Object::Choice);
    }
    let (kind, object) = KINDS.iter().find(|(kind, _)| text.starts_with(kind))?;
    number(&text[kind.len()..]).map(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_texts() {
        let objects = [Object::Task(3), Object::Team(12), Object::Value { task: 4, field: 5 }, Object::Choice(7)];
        let text: Vec<String> = objects.iter().map(|object| object.name()).collect();
        assert_eq!(names_in(&format!("a \"{}\" z", text.join("\",x"))), objects);
        assert_eq!(names_in("zztask00"), []);
        assert_eq!(names_in("buzz, zz"), []);
    }
}
