//! Brings a database up to date.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::address::Address;
use crate::dialect;
use crate::error::Error;
use crate::location::Options;
use crate::migration::{self, MIGRATIONS, Recorded};

/// Held while migrations run, so that of several nodes that start at once one does it.
const LOCK: i64 = 0x0076_696e_7961_7361;

/// Runs the migrations that the database has not seen.
pub(super) async fn migrate(address: &Address, options: &Options) -> Result<(), Error> {
    let missing = || Error::Missing { place: options.location.to_string() };
    let client = &address.client().await.map_err(|error| match error.code() {
        Some(&SqlState::INVALID_CATALOG_NAME) => missing(),
        _ => error.into(),
    })?;
    let recorded = recorded(client).await?;
    if recorded.is_none() && !options.create {
        return Err(missing());
    }
    if !migration::pending(MIGRATIONS, &recorded.unwrap_or_default())?.is_empty() {
        // A migration may take its time.
        client.batch_execute("SET statement_timeout = 0; BEGIN").await?;
        client.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
        run(client).await?;
        client.batch_execute("COMMIT").await?;
    }
    Ok(())
}

async fn run(client: &Client) -> Result<(), Error> {
    client.batch_execute(migration::RECORD).await?;
    // Another node may have been faster: what counts is the record under the lock.
    for step in migration::pending(MIGRATIONS, &recorded(client).await?.unwrap_or_default())? {
        client
            .batch_execute(&dialect::POSTGRES.migration(step.text))
            .await
            .map_err(|error| Error::engine(format!("migration {}: {}", step.file, Error::from(error))))?;
        let record = "INSERT INTO migrations (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)";
        client.execute(record, &[&step.number, &step.name(), &step.checksum(), &migration::now()]).await?;
    }
    Ok(())
}

/// The migrations that the database remembers; None if it has no memory.
async fn recorded(client: &Client) -> Result<Option<Vec<Recorded>>, Error> {
    if !client.query_one(dialect::POSTGRES.has_table, &[&"migrations"]).await?.try_get(0)? {
        return Ok(None);
    }
    let rows = client.query(migration::RECORDED, &[]).await?;
    let recorded = rows
        .iter()
        .map(|row| Ok(Recorded { number: row.try_get(0)?, name: row.try_get(1)?, checksum: row.try_get(2)? }));
    recorded.collect::<Result<_, tokio_postgres::Error>>().map(Some).map_err(Error::from)
}
