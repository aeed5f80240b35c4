//! SQL with names. Tables and rules write `:viewer`, `:project`, `{ids}`; the engine numbers them.
//!
//! The viewer's principals stand in a text as a list, `IN ({principals})`, or as rows, `FROM {each_principal} p` with the
//! principal in `p.column1`. Where each of them is looked up in an index the rows are much cheaper: an embedded engine
//! builds a temporary table for every list of more than two, and just walks through rows.

use std::sync::{Arc, RwLock};

use store::{Query, Statement, Type, Value};

use crate::access::Viewer;

/// List lengths that statements are prepared for. A list is padded to the next one by repeating its last member, so that
/// few texts serve all lengths. A full page is among them: an embedded engine pays for what is padded too.
const LENGTHS: [usize; 12] = [1, 2, 4, 8, 16, 32, 64, 100, 256, 1_024, 4_096, 16_384];

/// The most members that a list in a statement may have. Callers split longer ones.
pub const LONGEST_LIST: usize = LENGTHS[LENGTHS.len() - 1];

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(Box<str>),
    Named(Box<str>),
    Ids,
    Principals,
    EachPrincipal,
}

#[derive(Debug, Clone)]
enum Slot {
    Named(usize),
    Id(usize),
    Principal(usize),
}

#[derive(Debug)]
struct Rendered {
    lengths: (usize, usize),
    statement: Arc<Statement>,
    slots: Box<[Slot]>,
}

/// A text with names, rendered once for each combination of list lengths.
#[derive(Debug)]
pub struct Template {
    pieces: Vec<Piece>,
    /// Whether `{ids}` are among them, and whether principals are.
    lists: (bool, bool),
    columns: Box<[Type]>,
    rendered: RwLock<Vec<Arc<Rendered>>>,
}

/// What the names of a template stand for.
pub struct Bindings<'a> {
    /// `:viewer`, `:app` and `{principals}`.
    pub viewer: &'a Viewer,
    /// `:now`.
    pub now: i64,
    /// `{ids}`.
    pub ids: &'a [i64],
    /// All other names.
    pub named: &'a [(&'a str, Value)],
}

impl Template {
    /// Reads a text whose result has these columns.
    pub fn new(text: &str, columns: &[Type]) -> Self {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find([':', '{']) {
            plain.push_str(&rest[..at]);
            rest = &rest[at..];
            let (piece, length) = if rest.starts_with("{ids}") {
                (Some(Piece::Ids), "{ids}".len())
            } else if rest.starts_with("{principals}") {
                (Some(Piece::Principals), "{principals}".len())
            } else if rest.starts_with("{each_principal}") {
                (Some(Piece::EachPrincipal), "{each_principal}".len())
            } else {
                let name = rest[1..].bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
                let named = rest.starts_with(':') && rest[1..].starts_with(|c: char| c.is_ascii_alphabetic());
                (named.then(|| Piece::Named(rest[1..1 + name].into())), if named { 1 + name } else { 1 })
            };
            match piece {
                Some(piece) => {
                    pieces.push(Piece::Text(std::mem::take(&mut plain).into()));
                    pieces.push(piece);
                }
                None => plain.push_str(&rest[..length]),
            }
            rest = &rest[length..];
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain.into()));
        let has_principals = pieces.iter().any(|piece| matches!(piece, Piece::Principals | Piece::EachPrincipal));
        let lists = (pieces.contains(&Piece::Ids), has_principals);
        Template { pieces, lists, columns: columns.into(), rendered: RwLock::default() }
    }

    /// Whether a name occurs in it.
    pub fn names(&self, name: &str) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Named(known) if &**known == name))
    }

    /// Whether its answer depends on who asks.
    pub fn is_personal(&self) -> bool {
        self.lists.1 || self.names("viewer") || self.names("app")
    }

    /// The statement with its parameters.
    ///
    /// # Panics
    /// When a name is not bound: names stand in our own tables, and a test prepares every one.
    pub fn bind(&self, bindings: &Bindings<'_>) -> Query {
        let lengths = (padded(bindings.ids.len()), padded(bindings.viewer.principals.len()));
        let rendered = self.rendered(lengths);
        let parameters = rendered
            .slots
            .iter()
            .map(|slot| match slot {
                Slot::Id(at) => member(bindings.ids, *at),
                Slot::Principal(at) => member(&bindings.viewer.principals, *at),
                Slot::Named(piece) => match &self.pieces[*piece] {
                    Piece::Named(name) => named(name, bindings),
                    _ => Value::Null,
                },
            })
            .collect();
        Query { statement: Arc::clone(&rendered.statement), parameters }
    }

    fn rendered(&self, lengths: (usize, usize)) -> Arc<Rendered> {
        let lengths = (if self.lists.0 { lengths.0 } else { 0 }, if self.lists.1 { lengths.1 } else { 0 });
        let find = |rendered: &[Arc<Rendered>]| rendered.iter().find(|known| known.lengths == lengths).cloned();
        if let Some(known) = self.rendered.read().ok().and_then(|rendered| find(&rendered)) {
            return known;
        }
        let fresh = Arc::new(self.render(lengths));
        if let Ok(mut rendered) = self.rendered.write() {
            match find(&rendered) {
                Some(known) => return known,
                None => rendered.push(Arc::clone(&fresh)),
            }
        }
        fresh
    }

    fn render(&self, lengths: (usize, usize)) -> Rendered {
        let mut sql = String::new();
        let mut slots: Vec<Slot> = Vec::new();
        let mut starts = (None, None);
        for (at, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Text(text) => sql.push_str(text),
                Piece::Named(name) => {
                    let known = slots.iter().position(
                        |slot| matches!(slot, Slot::Named(other) if self.pieces[*other] == Piece::Named(name.clone())),
                    );
                    let number = known.unwrap_or_else(|| {
                        slots.push(Slot::Named(at));
                        slots.len() - 1
                    });
                    sql.push_str(&format!("?{}", number + 1));
                }
                Piece::Ids => push_list(&mut sql, &mut slots, &mut starts.0, lengths.0, Slot::Id),
                Piece::Principals => push_list(&mut sql, &mut slots, &mut starts.1, lengths.1, Slot::Principal),
                Piece::EachPrincipal => push_rows(&mut sql, &mut slots, &mut starts.1, lengths.1, Slot::Principal),
            }
        }
        Rendered { lengths, statement: Statement::new(sql, &self.columns), slots: slots.into() }
    }
}

/// The number of the first of a list's parameters, which are added when the list is met for the first time.
fn first_of(slots: &mut Vec<Slot>, start: &mut Option<usize>, length: usize, slot: impl Fn(usize) -> Slot) -> usize {
    *start.get_or_insert_with(|| {
        let first = slots.len();
        slots.extend((0..length).map(slot));
        first
    })
}

fn push_list(
    sql: &mut String,
    slots: &mut Vec<Slot>,
    start: &mut Option<usize>,
    length: usize,
    slot: impl Fn(usize) -> Slot,
) {
    let first = first_of(slots, start, length, slot);
    for at in 0..length {
        sql.push_str(if at == 0 { "?" } else { ", ?" });
        sql.push_str(&(first + at + 1).to_string());
    }
    if length == 0 {
        sql.push_str("NULL");
    }
}

/// The same as rows of a table, of which the first says what they are.
fn push_rows(
    sql: &mut String,
    slots: &mut Vec<Slot>,
    start: &mut Option<usize>,
    length: usize,
    slot: impl Fn(usize) -> Slot,
) {
    let first = first_of(slots, start, length, slot);
    match length {
        0 => sql.push_str("(VALUES (CAST(NULL AS BIGINT)"),
        _ => sql.push_str(&format!("(VALUES (CAST(?{} AS BIGINT)", first + 1)),
    }
    for at in 1..length {
        sql.push_str(&format!("), (?{}", first + at + 1));
    }
    sql.push_str("))");
}

fn padded(length: usize) -> usize {
    if length == 0 { 0 } else { LENGTHS.iter().copied().find(|known| *known >= length).unwrap_or(length) }
}

fn member(list: &[i64], at: usize) -> Value {
    list.get(at).or(list.last()).copied().into()
}

fn named(name: &str, bindings: &Bindings<'_>) -> Value {
    match name {
        "viewer" => Value::Int(bindings.viewer.user),
        "app" => Value::Int(bindings.viewer.app),
        "now" => Value::Int(bindings.now),
        _ => match bindings.named.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => value.clone(),
            None => panic!("nothing is bound to :{name}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_in_the_order_of_the_parameters() {
        let viewer = Viewer { user: 7, principals: vec![7, 8, 9], ..Viewer::default() };
        let template = Template::new(
            "SELECT :b, :a, :b WHERE x IN ({ids}) AND y IN ({principals}) AND z = :viewer AND t > '12:30'",
            &[Type::Int],
        );
        let named = [("a", Value::from("A")), ("b", Value::from("B"))];
        let query = template.bind(&Bindings { viewer: &viewer, now: 0, ids: &[5], named: &named });
        assert_eq!(
            query.statement.sql(),
            "SELECT ?1, ?2, ?1 WHERE x IN (?3) AND y IN (?4, ?5, ?6, ?7) AND z = ?8 AND t > '12:30'"
        );
        assert_eq!(query.parameters[..3], [Value::from("B"), Value::from("A"), Value::Int(5)]);
        assert_eq!(query.parameters[3..], [7, 8, 9, 9, 7].map(Value::Int));
    }

    #[test]
    fn principals_are_a_list_or_rows() {
        let viewer = Viewer { principals: vec![7, 8, 9], ..Viewer::default() };
        let template = Template::new("{each_principal}, {principals}", &[]);
        let query = template.bind(&Bindings { viewer: &viewer, now: 0, ids: &[], named: &[] });
        assert_eq!(query.statement.sql(), "(VALUES (CAST(?1 AS BIGINT)), (?2), (?3), (?4)), ?1, ?2, ?3, ?4");
        assert_eq!(query.parameters, [7, 8, 9, 9].map(Value::Int));
    }
}
