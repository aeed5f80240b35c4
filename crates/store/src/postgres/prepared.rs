//! The statements that a connection has prepared.

use std::sync::Arc;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{Field, Message};
use postgres_protocol::message::frontend;
use rustc_hash::FxHashMap;
use tokio_postgres::types::{Oid, Type as ServerType};

use super::connection::{finish, out_of_step};
use super::wire::Wire;
use crate::error::Error;
use crate::statement::{Query, Statement};

/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 512;

#[derive(Default)]
pub(super) struct Prepared {
    known: FxHashMap<u64, Known>,
    /// Counts what was run together, to tell what was used lately.
    age: u64,
    /// Counts the names given.
    named: u64,
}

/// What the server has said about a statement.
pub(super) struct Known {
    statement: Arc<Statement>,
    pub name: Box<str>,
    pub parameters: Box<[ServerType]>,
    pub columns: Box<[ServerType]>,
    used: u64,
}

impl Prepared {
    /// Those of the statements that are to be prepared first. All others are used now.
    pub fn unknown<'a>(&mut self, queries: impl Iterator<Item = &'a Query>) -> Vec<Arc<Statement>> {
        self.age += 1;
        let mut unknown: Vec<Arc<Statement>> = Vec::new();
        for Query { statement, .. } in queries {
            match self.known.get_mut(&statement.hash) {
                Some(known) if same(&known.statement, statement) => known.used = self.age,
                _ if unknown.iter().any(|other| same(other, statement)) => {}
                _ => unknown.push(Arc::clone(statement)),
            }
        }
        unknown
    }

    /// Prepares statements, in one round trip.
    pub async fn add(&mut self, wire: &mut Wire, unknown: Vec<Arc<Statement>>) -> Result<(), Error> {
        self.make_room(unknown.len(), &mut wire.output)?;
        let first = self.named;
        self.named += unknown.len() as u64;
        let name = |number: u64| format!("s{number}").into_boxed_str();
        for (statement, number) in unknown.iter().zip(first..) {
            frontend::parse(&name(number), &statement.numbered, [], &mut wire.output)?;
            frontend::describe(b'S', &name(number), &mut wire.output)?;
        }
        frontend::sync(&mut wire.output);
        wire.send().await?;
        let mut coming = unknown.into_iter().zip(first..);
        let mut parameters: Box<[ServerType]> = Box::default();
        finish(wire, |message| {
            let columns = match message {
                Message::ParameterDescription(body) => {
                    parameters = body.parameters().map(|kind| Ok(server_type(kind))).collect::<Vec<_>>()?.into();
                    return Ok(());
                }
                Message::RowDescription(body) => {
                    body.fields().map(|field: Field<'_>| Ok(server_type(field.type_oid()))).collect::<Vec<_>>()?
                }
                Message::NoData => Vec::new(),
                _ => return Ok(()),
            };
            let (statement, number) = coming.next().ok_or_else(out_of_step)?;
            let hash = statement.hash;
            let known = Known {
                statement,
                name: name(number),
                parameters: std::mem::take(&mut parameters),
                columns: columns.into(),
                used: self.age,
            };
            self.known.insert(hash, known);
            Ok(())
        })
        .await
    }

    pub fn get(&self, statement: &Statement) -> Result<&Known, Error> {
        let known = self.known.get(&statement.hash).filter(|known| same(&known.statement, statement));
        known.ok_or_else(|| Error::engine("two statements with one hash at once"))
    }

    /// Forgets the quarter that was not used for longest, but nothing that is used now. The few commands that begin and
    /// end transactions stay.
    fn make_room(&mut self, wanted: usize, out: &mut BytesMut) -> Result<(), Error> {
        if self.known.len() + wanted <= STATEMENTS {
            return Ok(());
        }
        let mut ages: Vec<u64> = self.known.values().map(|known| known.used).collect();
        ages.sort_unstable();
        let limit = ages[ages.len() / 4].min(self.age - 1);
        let old = |known: &Known| known.used <= limit && !(known.columns.is_empty() && known.parameters.is_empty());
        for (_, known) in self.known.extract_if(|_, known| old(known)) {
            frontend::close(b'S', &known.name, out)?;
        }
        Ok(())
    }
}

/// The server's own types; what somebody has added to it is none of ours.
fn server_type(kind: Oid) -> ServerType {
    ServerType::from_oid(kind).unwrap_or(ServerType::UNKNOWN)
}

fn same(one: &Statement, other: &Statement) -> bool {
    std::ptr::eq(one, other) || one.sql == other.sql
}
