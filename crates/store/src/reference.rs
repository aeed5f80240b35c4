//! Reference tables: what nearly every answer names and what rarely changes, such as people, projects and fields.
//!
//! Whoever remembers rows of them has to hear when they change, so every statement knows whether it changes one.

/// The reference tables. Grants are among them for those that are held on reference objects.
const TABLES: &[&str] = &[
    "custom_field_settings",
    "custom_fields",
    "enum_options",
    "grants",
    "project_followers",
    "project_memberships",
    "projects",
    "sections",
    "tags",
    "team_memberships",
    "teams",
    "user_task_lists",
    "users",
    "workspace_memberships",
    "workspaces",
];

/// Whether it is a reference table.
pub fn is_reference(table: &str) -> bool {
    TABLES.binary_search(&table).is_ok()
}

/// The words of an SQL text, numbers and names.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(|character: char| !character.is_ascii_alphanumeric() && character != '_').filter(|word| !word.is_empty())
}

/// What follows one of these words.
fn after<'a>(sql: &'a str, heads: &'static [&'static str]) -> impl Iterator<Item = &'a str> {
    let pairs = words(sql).zip(words(sql).skip(1));
    pairs.filter(move |(head, _)| heads.contains(head)).map(|(_, word)| word)
}

/// Whether a text changes rows of a reference table.
pub(crate) fn changes_reference(sql: &str) -> bool {
    // `DELETE FROM t` and `INSERT INTO t`, but not what they read.
    let verbs = words(sql).zip(words(sql).skip(1)).zip(words(sql).skip(2));
    let written = verbs.filter(|(verb, _)| matches!(verb, ("INSERT", "INTO") | ("DELETE", "FROM"))).map(|(_, at)| at);
    written.chain(after(sql, &["UPDATE"])).any(is_reference)
}

/// Whether all that a query reads are reference tables.
///
/// Our texts put one table behind each FROM and JOIN. The rows of principals, which are parameters, count as none.
pub fn reads_only_reference(sql: &str) -> bool {
    after(sql, &["FROM", "JOIN"])
        .all(|word| is_reference(word) || matches!(word, "SELECT" | "VALUES" | "each_principal"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(TABLES.is_sorted());
    }

    #[test]
    fn a_text_tells_what_it_changes() {
        for (sql, changes) in [
            ("UPDATE projects SET name = ?1 WHERE gid = ?2", true),
            ("INSERT INTO grants (scope_id) SELECT t.gid FROM tasks t", true),
            ("DELETE FROM sections WHERE gid = ?1", true),
            ("INSERT INTO tasks (gid) SELECT gid FROM projects", false),
            ("DELETE FROM task_tags WHERE tag_id IN (SELECT gid FROM tags)", false),
            ("INSERT INTO users (gid) VALUES (?1) ON CONFLICT (gid) DO UPDATE SET name = ?2", true),
            ("UPDATE tasks SET name = ?1", false),
            ("SELECT gid FROM projects", false),
        ] {
            assert_eq!(changes_reference(sql), changes, "{sql}");
        }
    }

    #[test]
    fn a_query_tells_what_it_reads() {
        let granted = "EXISTS (SELECT 1 FROM {each_principal} p CROSS JOIN grants g WHERE g.scope_id = t.gid)";
        for (sql, only) in [
            (format!("SELECT t.gid FROM projects t WHERE t.gid IN ({{ids}}) AND {granted}"), true),
            ("SELECT gid FROM (SELECT gid FROM projects UNION ALL SELECT gid FROM user_task_lists) t".to_owned(), true),
            ("SELECT p.column1 FROM (VALUES (?1), (?2)) p CROSS JOIN teams t".to_owned(), true),
            (format!("SELECT t.gid FROM tasks t WHERE {granted}"), false),
            ("SELECT (SELECT count(*) FROM task_projects e) FROM projects t".to_owned(), false),
        ] {
            assert_eq!(reads_only_reference(&sql), only, "{sql}");
        }
    }
}
