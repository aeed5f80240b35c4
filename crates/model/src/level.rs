//! How much a person may do with something that was shared with them.

use std::fmt;

/// The access levels of memberships, from least to most: each includes everything below it.
///
/// The numbers are what the database keeps (with room in between), the names what the API says (`access_level` of a
/// membership).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i64)]
pub enum Level {
    /// May look.
    Viewer = 10,
    /// May look and comment.
    Commenter = 20,
    /// May change everything but the sharing.
    Editor = 30,
    /// May also share, change who may do what, and delete.
    Admin = 40,
}

impl Level {
    /// Every level, from least to most.
    pub const ALL: [Level; 4] = [Level::Viewer, Level::Commenter, Level::Editor, Level::Admin];

    /// The level behind the number that the database keeps.
    pub fn from_i64(number: i64) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.as_i64() == number)
    }

    /// The number that the database keeps.
    pub const fn as_i64(self) -> i64 {
        self as i64
    }

    /// The level behind the name that the API uses.
    pub fn from_name(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.name() == name)
    }

    /// The name that the API uses.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Viewer => "viewer",
            Level::Commenter => "commenter",
            Level::Editor => "editor",
            Level::Admin => "admin",
        }
    }
}

impl From<Level> for i64 {
    fn from(level: Level) -> i64 {
        level.as_i64()
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_lead_back() {
        for level in Level::ALL {
            assert_eq!(Level::from_i64(level.as_i64()), Some(level));
            assert_eq!(Level::from_name(level.name()), Some(level));
            assert_eq!(level.to_string(), level.name());
        }
        assert_eq!(i64::from(Level::Editor), 30);
        assert_eq!(Level::from_i64(0), None);
        assert_eq!(Level::from_name("Viewer"), None);
    }

    #[test]
    fn more_is_greater() {
        assert!(Level::ALL.is_sorted());
        assert!(Level::Viewer < Level::Commenter && Level::Editor < Level::Admin);
        assert!(Level::ALL.map(Level::as_i64).is_sorted());
    }
}
