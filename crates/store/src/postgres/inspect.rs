//! What state a database is in, without changing it.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls};

use super::address::CONNECT_TIME;
use crate::dialect;
use crate::error::Error;
use crate::location::Location;
use crate::migration::{self, Recorded};

/// The migrations that the database remembers.
pub(crate) async fn inspect(location: &Location, url: &str) -> Result<Vec<Recorded>, Error> {
    let missing = || Error::Missing { place: location.to_string() };
    let mut config: Config = url.parse().map_err(|_| Error::Location(location.to_string()))?;
    config.connect_timeout(CONNECT_TIME);
    let (client, connection) = config.connect(NoTls).await.map_err(|error| match error.code() {
        Some(&SqlState::INVALID_CATALOG_NAME) => missing(),
        _ => error.into(),
    })?;
    let connection = tokio::spawn(connection);
    let has_record: bool = client.query_one(dialect::POSTGRES.has_table, &[&"migrations"]).await?.try_get(0)?;
    if !has_record {
        return Err(missing());
    }
    let rows = client.query(migration::RECORDED, &[]).await?;
    let recorded = rows
        .iter()
        .map(|row| Ok(Recorded { number: row.try_get(0)?, name: row.try_get(1)?, checksum: row.try_get(2)? }));
    let recorded = recorded.collect::<Result<_, tokio_postgres::Error>>()?;
    drop(client);
    drop(connection.await);
    Ok(recorded)
}
