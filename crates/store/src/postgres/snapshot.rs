//! The whole content, copied out and put back table by table.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, TryStreamExt};
use tokio_postgres::{Client, IsolationLevel};

use crate::error::Error;

/// The rows of all tables, and where the sequences stood.
pub(super) struct Tables {
    tables: Vec<Table>,
    sequences: Vec<(String, Option<i64>)>,
}

struct Table {
    /// With quotes where the name needs them.
    name: String,
    /// In the server's binary copy format.
    rows: Bytes,
}

/// A copy without rows: a header and an end.
const EMPTY: usize = 21;

const TABLES: &str = "SELECT quote_ident(relname) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname <> 'migrations' ORDER BY relname";

/// Those that have, or had, rows: most have none, and clearing them would take longest.
const FILLED: &str = "SELECT quote_ident(relname) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname <> 'migrations'
        AND pg_relation_size(oid) > 0";

const SEQUENCES: &str = "SELECT quote_ident(sequencename), last_value FROM pg_sequences
    WHERE schemaname = current_schema() ORDER BY sequencename";

pub(super) async fn take(client: &mut Client) -> Result<Tables, Error> {
    let transaction = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).start().await?;
    let mut tables = Vec::new();
    for row in transaction.query(TABLES, &[]).await? {
        let name: String = row.try_get(0)?;
        let copy = transaction.copy_out(&format!("COPY {name} TO STDOUT (FORMAT binary)")).await?;
        let rows: BytesMut = pin!(copy)
            .try_fold(BytesMut::new(), async |mut rows, part| {
                rows.extend_from_slice(&part);
                Ok(rows)
            })
            .await?;
        tables.push(Table { name, rows: rows.freeze() });
    }
    let sequences = transaction.query(SEQUENCES, &[]).await?;
    let sequences = sequences.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let sequences = sequences.collect::<Result<_, tokio_postgres::Error>>()?;
    transaction.commit().await?;
    Ok(Tables { tables, sequences })
}

pub(super) async fn put_back(client: &mut Client, content: &Tables) -> Result<(), Error> {
    let transaction = client.transaction().await?;
    let names: Vec<&str> = content.tables.iter().map(|table| &*table.name).collect();
    // Waits for the writes that are under way, and keeps others from starting. The end is not worth a wait for the
    // disk: whoever wants this content can put it back again.
    let lock = format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", names.join(", "));
    transaction.batch_execute(&format!("SET LOCAL synchronous_commit = off; {lock}")).await?;
    let filled = transaction.query(FILLED, &[]).await?;
    let mut clear = String::new();
    for row in &filled {
        clear.push_str(&format!("DELETE FROM {};", row.try_get::<_, &str>(0)?));
    }
    for (name, last) in &content.sequences {
        clear.push_str(&format!("SELECT setval('{name}', {}, {});", last.unwrap_or(1), last.is_some()));
    }
    transaction.batch_execute(&clear).await?;
    for table in content.tables.iter().filter(|table| table.rows.len() > EMPTY) {
        let copy = transaction.copy_in(&format!("COPY {} FROM STDIN (FORMAT binary)", table.name)).await?;
        let mut copy = pin!(copy);
        copy.send(table.rows.clone()).await?;
        copy.finish().await?;
    }
    Ok(transaction.commit().await?)
}
