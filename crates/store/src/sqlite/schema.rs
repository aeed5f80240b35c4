//! The tables of this program, as the migrations make them.

use rusqlite::{Connection, Row};

use crate::copy::Table;
use crate::dialect;
use crate::error::Error;
use crate::migration::MIGRATIONS;
use crate::value::Type;

/// Ordinary tables, without what the engine keeps for itself and the record of the migrations. A table that an index for
/// search needs is not among them: its content follows from the others.
const TABLES: &str = "SELECT name FROM pragma_table_list
    WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> 'migrations'
    ORDER BY name";

const COLUMNS: &str = "SELECT name, type, pk FROM pragma_table_info(?1) ORDER BY cid";

const COUNTS_UP: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = ?1 AND sql LIKE '%AUTOINCREMENT%')";

/// All tables, by name: made in an empty database and looked at there.
pub(crate) fn tables() -> Result<Vec<Table>, Error> {
    let connection = Connection::open_in_memory()?;
    for step in MIGRATIONS {
        connection.execute_batch(&dialect::SQLITE.migration(step.text))?;
    }
    names(&connection)?.into_iter().map(|name| table(&connection, name)).collect()
}

/// The names of the tables that a file has.
pub(super) fn names(connection: &Connection) -> Result<Vec<String>, Error> {
    let mut names = connection.prepare(TABLES)?;
    let names = names.query_map([], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

fn table(connection: &Connection, name: String) -> Result<Table, Error> {
    let mut statement = connection.prepare(COLUMNS)?;
    let column = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?));
    let mut columns = Vec::new();
    let mut key = Vec::new();
    for column in statement.query_map([&name], column)? {
        let (column, declared, place) = column?;
        let kind = kind(&declared).ok_or_else(|| Error::engine(format!("{name}.{column} is of type {declared}")))?;
        if place > 0 {
            key.push((place, columns.len()));
        }
        columns.push((column, kind));
    }
    key.sort_unstable();
    let counts_up = connection.query_row(COUNTS_UP, [&name], |row| row.get(0))?;
    Ok(Table { name, columns, key: key.into_iter().map(|(_, column)| column).collect(), counts_up })
}

fn kind(declared: &str) -> Option<Type> {
    Some(match declared {
        "BIGINT" | "INTEGER" => Type::Int,
        "TEXT" => Type::Text,
        "BOOLEAN" => Type::Bool,
        "DOUBLE PRECISION" => Type::Real,
        "BLOB" => Type::Bytes,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_a_key() {
        let tables = tables().unwrap();
        assert!(tables.len() > 30);
        for table in &tables {
            assert!(!table.key.is_empty(), "{}", table.name);
        }
        let sets = tables.iter().find(|table| table.name == "change_sets").unwrap();
        assert!(sets.counts_up && sets.columns[0] == ("id".to_owned(), Type::Int));
        let counting: Vec<&str> =
            tables.iter().filter(|table| table.counts_up).map(|table| table.name.as_str()).collect();
        assert_eq!(counting, ["change_sets", "queued_jobs"]);
    }
}
