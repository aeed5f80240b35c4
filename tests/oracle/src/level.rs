/// What somebody may do. Each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Viewer,
    Commenter,
    Editor,
    Admin,
}

impl Level {
    /// The API's word.
    pub fn name(self) -> &'static str {
        match self {
            Level::Viewer => "viewer",
            Level::Commenter => "commenter",
            Level::Editor => "editor",
            Level::Admin => "admin",
        }
    }
}
