//! The whole content of a database as text, read off the migrations' own table definitions.

use std::fmt::Write as _;

use engine::Api;
use store::{Cell, Query, Statement, Type};

/// The allocator of gids moves on when a write is refused, and that is all that may move.
const ALLOCATOR: &str = "gid_blocks";

struct Table {
    name: String,
    columns: Vec<(String, Type)>,
}

/// The texts of all migrations, in order.
fn migrations() -> String {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/store/migrations");
    let mut paths: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

fn tables() -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut inside = false;
    for line in migrations().lines() {
        let words: Vec<&str> = line.trim().trim_end_matches([',', ';']).split(' ').collect();
        match words[..] {
            ["CREATE", "TABLE", name, "("] => {
                tables.push(Table { name: name.to_owned(), columns: Vec::new() });
                inside = true;
            }
            ["DROP", "TABLE", name] => tables.retain(|table| table.name != name),
            ["ALTER", "TABLE", name, ref change @ ..] => {
                let Some(at) = tables.iter().position(|table| table.name == name) else { continue };
                match *change {
                    ["RENAME", "TO", name] => name.clone_into(&mut tables[at].name),
                    ["DROP", "COLUMN", name] => tables[at].columns.retain(|(known, _)| known != name),
                    ["ADD", "COLUMN", name, kind, ..] => tables[at].columns.extend(column(name, kind)),
                    _ => panic!("not understood: {line}"),
                }
            }
            _ if line.starts_with(')') => inside = false,
            [name, kind, ..] if inside => {
                if let Some(table) = tables.last_mut() {
                    table.columns.extend(column(name, kind));
                }
            }
            _ => {}
        }
    }
    tables
}

fn column(name: &str, kind: &str) -> Option<(String, Type)> {
    let kind = match kind {
        "{id}" | "{serial}" | "BIGINT" => Type::Int,
        "TEXT" | "{ordered}" => Type::Text,
        "BOOLEAN" => Type::Bool,
        "DOUBLE" => Type::Real,
        "{bytes}" => Type::Bytes,
        _ => return None,
    };
    Some((name.to_owned(), kind))
}

/// Every row of every table, sorted, a row a line.
pub async fn dump(api: &Api) -> String {
    let mut text = String::new();
    let mut read = api.read().await.unwrap();
    for table in tables().iter().filter(|table| table.name != ALLOCATOR) {
        let columns: Vec<&str> = table.columns.iter().map(|(name, _)| &**name).collect();
        let types: Vec<Type> = table.columns.iter().map(|(_, kind)| *kind).collect();
        let sql = format!("SELECT {} FROM {}", columns.join(", "), table.name);
        let block = read.one(Query::new(&Statement::new(sql, &types), Vec::new())).await.unwrap();
        let mut lines: Vec<String> = (0..block.len())
            .map(|row| {
                let mut line = table.name.clone();
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
    assert_eq!(users.columns[1], ("name".to_owned(), Type::Text));
    assert!(tables.len() > 25 && tables.iter().all(|table| table.columns.len() > 1), "every table has columns");
}
