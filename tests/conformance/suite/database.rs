//! The whole content of a database as text, read off the migrations' own table definitions.

use std::fmt::Write as _;

use engine::Api;
use store::{Cell, Query, Statement, Type};

const MIGRATIONS: &[&str] = &[
    include_str!("../../../crates/store/migrations/0001_core.sql"),
    include_str!("../../../crates/store/migrations/0002_work.sql"),
];

/// The allocator of gids moves on when a write is refused, and that is all that may move.
const ALLOCATOR: &str = "gid_blocks";

struct Table {
    name: &'static str,
    columns: Vec<(&'static str, Type)>,
}

fn tables() -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut inside = false;
    for line in MIGRATIONS.iter().flat_map(|text| text.lines()) {
        if let Some(name) = line.strip_prefix("CREATE TABLE ").and_then(|rest| rest.strip_suffix(" (")) {
            tables.push(Table { name, columns: Vec::new() });
            inside = true;
        } else if line.starts_with(')') {
            inside = false;
        } else if let (true, Some(table)) = (inside, tables.last_mut()) {
            let mut words = line.trim().trim_end_matches(',').split(' ');
            let (Some(name), Some(kind)) = (words.next(), words.next()) else { continue };
            let kind = match kind {
                "{id}" | "{serial}" | "BIGINT" => Type::Int,
                "TEXT" | "{ordered}" => Type::Text,
                "BOOLEAN" => Type::Bool,
                "DOUBLE" => Type::Real,
                "{bytes}" => Type::Bytes,
                _ => continue,
            };
            table.columns.push((name, kind));
        }
    }
    tables
}

/// Every row of every table, sorted, a row a line.
pub async fn dump(api: &Api) -> String {
    let mut text = String::new();
    let mut read = api.read().await.unwrap();
    for table in tables().iter().filter(|table| table.name != ALLOCATOR) {
        let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let types: Vec<Type> = table.columns.iter().map(|(_, kind)| *kind).collect();
        let sql = format!("SELECT {} FROM {}", columns.join(", "), table.name);
        let block = read.one(Query::new(&Statement::new(sql, &types), Vec::new())).await.unwrap();
        let mut lines: Vec<String> = (0..block.len())
            .map(|row| {
                let mut line = table.name.to_owned();
                for (at, (name, _)) in table.columns.iter().enumerate() {
                    match block.cell(row, at) {
                        Cell::Null => {}
                        cell => write!(line, " {name}={cell:?}").unwrap(),
                    }
                }
                line
            })
            .collect();
        lines.sort();
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
    }
    read.finish().await;
    text
}

/// What differs between two dumps, shortened.
pub fn difference(before: &str, after: &str) -> String {
    let old: Vec<&str> = before.lines().collect();
    let new: Vec<&str> = after.lines().collect();
    let gone = old
        .iter()
        .filter(|line| new.binary_search(line).is_err() && !new.contains(line))
        .map(|line| format!("- {line}"));
    let come = new.iter().filter(|line| !old.contains(line)).map(|line| format!("+ {line}"));
    gone.chain(come).take(12).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_tables_are_read() {
    let tables = tables();
    let users = tables.iter().find(|table| table.name == "users").unwrap();
    assert_eq!(users.columns[1], ("name", Type::Text));
    assert!(tables.len() > 25 && tables.iter().all(|table| table.columns.len() > 1), "every table has columns");
}
