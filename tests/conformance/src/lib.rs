//! The contract's tables (`contract/README.md`), read into memory. The tests beside them compare the server with these.

use std::collections::BTreeMap;

/// An operation of the contract.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its name.
    pub id: &'static str,
    /// `GET`.
    pub method: &'static str,
    /// `/tasks/{task_gid}`, below `/api/1.0`.
    pub path: &'static str,
    /// What it is filed under.
    pub tag: &'static str,
    /// The status of a success.
    pub success: u16,
    /// The statuses of failures.
    pub errors: Vec<u16>,
    /// The query parameters.
    pub query: Vec<&'static str>,
    /// Whether it takes a body.
    pub body: bool,
    /// The schema of `data`, or of an element of it.
    pub shape: &'static str,
    /// Whether `data` is a list.
    pub list: bool,
    /// Whether its lists have pages.
    pub paged: bool,
}

/// A property of a request body.
#[derive(Clone, Debug)]
pub struct Property {
    /// The operation.
    pub operation: &'static str,
    /// The dotted path below `data`.
    pub path: &'static str,
    /// Its type.
    pub kind: &'static str,
    /// Whether it has to be there.
    pub required: bool,
    /// Whether it is only ever read.
    pub readonly: bool,
    /// Whether it may be null.
    pub nullable: bool,
    /// The words that it chooses among; `null` stands for null.
    pub values: Vec<&'static str>,
}

/// A field of an answer.
#[derive(Clone, Debug)]
pub struct Field {
    /// The dotted path.
    pub path: &'static str,
    /// Its type.
    pub kind: &'static str,
    /// The schema of the object or of the array's elements, when it has a name.
    pub of: &'static str,
    /// Whether it may be null.
    pub nullable: bool,
    /// `opt-in`, `conditional`, `deprecated`.
    pub notes: Vec<&'static str>,
    /// The words that it chooses among; `null` stands for null.
    pub values: Vec<&'static str>,
}

/// The tables.
#[derive(Debug)]
pub struct Contract {
    /// By name.
    pub operations: BTreeMap<&'static str, Operation>,
    /// In the order of the table.
    pub bodies: Vec<Property>,
    /// The fields by the name of the shape, then by path.
    pub shapes: BTreeMap<&'static str, BTreeMap<&'static str, Field>>,
}

impl Contract {
    /// Reads the tables, which the crate carries.
    pub fn read() -> Contract {
        let mut contract = Contract { operations: BTreeMap::new(), bodies: Vec::new(), shapes: BTreeMap::new() };
        for row in rows(include_str!("../contract/operations.tsv")) {
            let [id, method, path, tag, success, errors, query, body, shape, list, envelope] = row[..] else {
                continue;
            };
            let operation = Operation {
                id,
                method,
                path,
                tag,
                success: number(success),
                errors: names(errors).into_iter().map(number).collect(),
                query: names(query).into_iter().map(|name| name.trim_end_matches('!')).collect(),
                body: body != "-",
                shape,
                list: list == "list",
                paged: names(envelope).contains(&"next_page"),
            };
            contract.operations.insert(id, operation);
        }
        for row in rows(include_str!("../contract/bodies.tsv")) {
            let [operation, path, kind, _, required, readonly, nullable, values] = row[..] else { continue };
            contract.bodies.push(Property {
                operation,
                path,
                kind,
                required: required != "-",
                readonly: readonly != "-",
                nullable: nullable != "-",
                values: words(values),
            });
        }
        for row in rows(include_str!("../contract/shapes.tsv")) {
            let [shape, path, kind, of, nullable, note, values] = row[..] else { continue };
            let notes = words(note);
            let field = Field { path, kind, of, nullable: nullable != "-", notes, values: words(values) };
            contract.shapes.entry(shape).or_default().insert(path, field);
        }
        contract
    }
}

fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().skip(1).map(|line| line.split('\t').collect())
}

fn names(cell: &'static str) -> Vec<&'static str> {
    if cell == "-" { Vec::new() } else { cell.split(',').collect() }
}

fn words(cell: &'static str) -> Vec<&'static str> {
    if cell == "-" { Vec::new() } else { cell.split('|').collect() }
}

fn number(text: &str) -> u16 {
    text.parse().unwrap_or_default()
}
