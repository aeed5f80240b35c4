//! What the two engines want written differently, all in one place.

/// The words of one engine.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// The tokens of the migrations and what they stand for.
    pub tokens: &'static [(&'static str, &'static str)],
    /// Whether a table exists whose name is `?1`.
    pub has_table: &'static str,
    /// Reserves a block of gids: `?1` is its size, `?2` the lowest number it may start with. Returns its end.
    pub reserve_gids: &'static str,
}

pub(crate) static SQLITE: Dialect = Dialect {
    tokens: &[
        ("{id}", "INTEGER"),
        ("{bytes}", "BLOB"),
        ("{ordered}", "TEXT"),
        ("{compact_table}", " WITHOUT ROWID"),
    ],
    has_table: "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1)",
    reserve_gids: "UPDATE gid_blocks SET next = max(next, ?2) + ?1 WHERE id = 1 RETURNING next",
};

pub(crate) static POSTGRES: Dialect = Dialect {
    tokens: &[
        ("{id}", "BIGINT"),
        ("{bytes}", "BYTEA"),
        ("{ordered}", "TEXT COLLATE \"C\""),
        ("{compact_table}", ""),
    ],
    has_table: "SELECT to_regclass($1) IS NOT NULL",
    reserve_gids: "UPDATE gid_blocks SET next = greatest(next, $2) + $1 WHERE id = 1 RETURNING next",
};

impl Dialect {
    /// The text of a migration in the words of this engine.
    pub fn render(&self, migration: &str) -> String {
        self.tokens.iter().fold(migration.to_owned(), |text, (token, word)| text.replace(token, word))
    }
}
