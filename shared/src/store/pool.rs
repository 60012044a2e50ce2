//! Connections: one small pool per process, opened in Init and reused.

pub use super::error::{PgError, StoreError};
use super::tls;
use super::types::Param;
use crate::config::Database;
use crate::failpoint::{Step, step};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod};
use secrecy::ExposeSecret as _;
use std::str::FromStr as _;
use std::time::Duration;
use tokio::time::Instant;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A handle on the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: Pool,
    deadline: Duration,
}

/// The effect of a statement that only the holder of a claim may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a claim that is lost must not be acted on"]
pub enum Fence {
    /// The claim is held, and the statement wrote.
    Held,
    /// Another worker holds the claim, or this outcome is recorded already. Nothing changed.
    Lost,
}

impl Store {
    /// Prepares a pool of at most `connections` without opening one. `deadline` bounds each operation, connecting
    /// included.
    ///
    /// # Errors
    ///
    /// [`StoreError::Settings`] if the URL or the certificate cannot be read.
    pub fn new(database: &Database, connections: usize, deadline: Duration) -> Result<Self, StoreError> {
        let mut settings = parse(database)?;
        settings
            .connect_timeout(deadline)
            .tcp_user_timeout(Duration::from_secs(10))
            .keepalives_idle(Duration::from_secs(30))
            .application_name("proftest");
        let recycle = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = match &database.ca_pem {
            Some(pem) => {
                settings.ssl_mode(SslMode::Require);
                Manager::from_config(settings, MakeRustlsConnect::new(tls::config(pem)?), recycle)
            }
            None => Manager::from_config(settings, NoTls, recycle),
        };
        let pool = Pool::builder(manager)
            .max_size(connections)
            .build()
            .map_err(|error| StoreError::Settings(error.to_string()))?;
        Ok(Self { pool, deadline })
    }

    /// Opens a connection before the first request. A database that is down is not an error: the function must still
    /// start, to answer 503.
    pub async fn warm_up(&self) {
        if let Err(error) = self.connection(Instant::now() + self.deadline).await {
            tracing::warn!(error = %error, "No database connection at start");
        }
    }

    /// Runs one statement and reads its first row, if any.
    pub async fn first<T>(
        &self,
        step: Step,
        sql: &str,
        params: &[Param<'_>],
        read: impl Fn(&Row) -> Result<T, PgError>,
    ) -> Result<Option<T>, StoreError> {
        let rows = self.run(step, sql, params).await?;
        rows.first().map(read).transpose().map_err(StoreError::Unreadable)
    }

    /// Runs one statement that always returns a row, and reads it.
    pub async fn one<T>(
        &self,
        step: Step,
        sql: &str,
        params: &[Param<'_>],
        read: impl Fn(&Row) -> Result<T, PgError>,
    ) -> Result<T, StoreError> {
        let row = self.first(step, sql, params, read).await?;
        row.ok_or_else(|| StoreError::Unavailable(format!("{step}: no row came back")))
    }

    /// Runs one statement and reads all its rows.
    pub async fn all<T>(
        &self,
        step: Step,
        sql: &str,
        params: &[Param<'_>],
        read: impl Fn(&Row) -> Result<T, PgError>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.run(step, sql, params).await?;
        rows.iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map_err(StoreError::Unreadable)
    }

    /// Runs a statement that returns a row only while the claim is held.
    pub async fn fenced(&self, step: Step, sql: &str, params: &[Param<'_>]) -> Result<Fence, StoreError> {
        let rows = self.run(step, sql, params).await?;
        Ok(if rows.is_empty() { Fence::Lost } else { Fence::Held })
    }

    /// Runs one statement in one round trip, and once more over a new connection if the first is dead: a frozen
    /// sandbox wakes up with sockets that the other side closed long ago.
    pub async fn run(&self, step: Step, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        let until = Instant::now() + self.deadline;
        match self.attempt(step, sql, params, until).await {
            Err(Tried::Again(_)) => {}
            Err(Tried::Over(error)) => return Err(error),
            Ok(rows) => return Ok(rows),
        }
        match self.attempt(step, sql, params, until).await {
            Err(Tried::Again(error) | Tried::Over(error)) => Err(error),
            Ok(rows) => Ok(rows),
        }
    }

    async fn attempt(
        &self,
        name: Step,
        sql: &str,
        params: &[Param<'_>],
        until: Instant,
    ) -> Result<Vec<Row>, Tried> {
        let client = self.connection(until).await.map_err(Tried::Over)?;
        match tokio::time::timeout_at(until, step(name, client.query_typed(sql, params))).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => {
                let tried = classify(name.as_str(), error.into());
                if matches!(tried, Tried::Again(_)) {
                    // A server or pooler that shuts down says so before it closes. The pool would still reuse this
                    // connection for the second attempt.
                    drop(Object::take(client));
                }
                Err(tried)
            }
            Err(_) => {
                // A statement still runs on this connection: do not reuse it.
                drop(Object::take(client));
                Err(Tried::Over(StoreError::Unavailable(format!(
                    "{}: no answer within the deadline",
                    name.as_str()
                ))))
            }
        }
    }

    async fn connection(&self, until: Instant) -> Result<Object, StoreError> {
        let unavailable = |why: String| StoreError::Unavailable(why);
        match tokio::time::timeout_at(until, self.pool.get()).await {
            Ok(Ok(client)) => Ok(client),
            Ok(Err(PoolError::Backend(error))) => Err(unavailable(tls::explained(&error))),
            Ok(Err(error)) => Err(unavailable(error.to_string())),
            Err(_) => Err(unavailable("no connection within the deadline".to_owned())),
        }
    }
}

/// Opens one connection outside any pool, for migrations and tools, with the pool's TLS rules. It ends when the
/// client is dropped.
pub async fn connect(database: &Database) -> Result<Client, StoreError> {
    let mut settings = parse(database)?;
    let unavailable = |error: tokio_postgres::Error| StoreError::Unavailable(tls::explained(&error));
    if let Some(pem) = &database.ca_pem {
        settings.ssl_mode(SslMode::Require);
        let encrypted = MakeRustlsConnect::new(tls::config(pem)?);
        let (client, connection) = settings.connect(encrypted).await.map_err(unavailable)?;
        tokio::spawn(connection);
        return Ok(client);
    }
    let (client, connection) = settings.connect(NoTls).await.map_err(unavailable)?;
    tokio::spawn(connection);
    Ok(client)
}

fn parse(database: &Database) -> Result<tokio_postgres::Config, StoreError> {
    tokio_postgres::Config::from_str(database.url.expose_secret())
        .map_err(|_| StoreError::Settings("DATABASE_URL cannot be parsed".to_owned()))
}

enum Tried {
    /// The statement may succeed on another connection.
    Again(StoreError),
    /// It will not succeed, or no time is left.
    Over(StoreError),
}

fn classify(name: &str, error: PgError) -> Tried {
    let Some(state) = error.code() else {
        // The server did not answer: the connection broke.
        return Tried::Again(StoreError::Unavailable(format!("{name}: {error}")));
    };
    let unavailable = || StoreError::Unavailable(format!("{name}: SQLSTATE {}", state.code()));
    match (state, &state.code()[..2]) {
        (&SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE, _) => {
            Tried::Again(unavailable())
        }
        // The server is shutting down or starting; a pooler may have another one.
        (_, "57" | "08") => Tried::Again(unavailable()),
        // Insufficient resources, system errors, a read-only standby.
        (_, "53" | "58" | "25" | "28") => Tried::Over(unavailable()),
        _ => Tried::Over(StoreError::Refused(error)),
    }
}
