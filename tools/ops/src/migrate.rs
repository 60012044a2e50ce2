//! Applies the migrations, for the command, the local stack and the tests.

use crate::database::Address;
use proftest::config::Database;
use proftest::store::{StoreError, connect, with_message};
use refinery::error::Kind;
use std::fmt::{Display, Formatter};
use tokio_postgres::Client;

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// Advisory lock that makes concurrent runners wait. Any fixed number works.
pub(crate) const LOCK: i64 = 0x7072_6f66_7465_7374;

/// How often to check for shared sessions. Most poolers hand out the connection that was used last or has rested
/// longest, which the first check shows; one that picks at random may need more.
const LOOKS: u32 = 4;

#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error(transparent)]
    Unreachable(#[from] StoreError),
    /// A pooler in transaction mode is in between.
    #[error(
        "DATABASE_URL leads to a pooler in transaction mode, which loses the lock that keeps two migrations apart: \
         migrate over the direct address, or over the pooler's session mode (Supabase: port 5432 instead of 6543)"
    )]
    Pooled,
    /// The connection failed or refused the lock.
    #[error("the database refused: {0}")]
    Database(String),
    /// A migration failed, or an applied one was changed later.
    #[error("a migration was not applied: {0}")]
    Migration(String),
}

// Not the libraries' errors themselves: those hold the server's DETAIL, which quotes rows.

impl From<tokio_postgres::Error> for MigrateError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(with_message(&error))
    }
}

impl From<refinery::Error> for MigrateError {
    fn from(error: refinery::Error) -> Self {
        let Kind::Connection(attempted, cause) = error.kind() else {
            return Self::Migration(error.to_string());
        };
        let said = cause
            .downcast_ref()
            .map_or_else(|| cause.to_string(), with_message);
        Self::Migration(format!("{attempted}: {said}"))
    }
}

pub async fn command(database: &Address) -> Result<(), String> {
    let migrated = migrate_database(&database.settings()?).await;
    println!("{}", migrated.map_err(|error| error.to_string())?);
    Ok(())
}

/// Connects and applies missing migrations, as [`migrate`] does. Over a transaction pooler it fails before it touches
/// anything.
pub async fn migrate_database(database: &Database) -> Result<Migrated, MigrateError> {
    let mut client = connect(database).await?;
    let other = connect(database).await?;
    if shares_its_session(&client, &other).await? {
        return Err(MigrateError::Pooled);
    }
    drop(other);
    migrate(&mut client).await
}

/// Whether several server processes serve one connection, or one process serves both.
async fn shares_its_session(client: &Client, other: &Client) -> Result<bool, tokio_postgres::Error> {
    let process = async |client: &Client| -> Result<i32, tokio_postgres::Error> {
        let row = client.query_typed_one("select pg_backend_pid()", &[]).await?;
        row.try_get(0)
    };
    let own = process(client).await?;
    for _ in 0..LOOKS {
        if process(other).await? == own || process(client).await? != own {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Its `Display` is the command's output.
#[derive(Debug)]
pub struct Migrated {
    pub applied: Vec<String>,
    /// Migrations in the database that this checkout lacks: a newer release's.
    pub ahead: Vec<String>,
}

impl Display for Migrated {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        if !self.ahead.is_empty() {
            return write!(
                f,
                "The schema is newer than this checkout, by {}. Nothing is applied and nothing undone: a migration works \
                 with the code before it.",
                self.ahead.join(", ")
            );
        }
        if self.applied.is_empty() {
            return write!(f, "The schema is up to date.");
        }
        write!(f, "Applied {}", self.applied.join("\nApplied "))
    }
}

/// Applies missing migrations in order. A schema that is ahead of this checkout stays as it is.
///
/// `client` must be a direct connection or a session-mode pooler's: the lock belongs to the session. Each migration
/// is a transaction of its own, so after an error the earlier ones stay applied.
pub async fn migrate(client: &mut Client) -> Result<Migrated, MigrateError> {
    client
        .batch_execute(&format!("select pg_advisory_lock({LOCK})"))
        .await?;
    let migrated = apply(client).await;
    let unlocked = client
        .batch_execute(&format!("select pg_advisory_unlock({LOCK})"))
        .await;
    let migrated = migrated?;
    unlocked?;
    Ok(migrated)
}

async fn apply(client: &mut Client) -> Result<Migrated, MigrateError> {
    let report = match embedded::migrations::runner().run_async(client).await {
        Ok(report) => report,
        Err(error) => {
            let ahead = ahead(client, &error).await?;
            let applied = Vec::new();
            return ahead
                .map(|ahead| Migrated { applied, ahead })
                .ok_or_else(|| error.into());
        }
    };
    // The runner creates its list before any migration runs; Supabase would expose it to everyone, writable.
    client
        .batch_execute("alter table refinery_schema_history enable row level security")
        .await?;
    Ok(Migrated {
        applied: report
            .applied_migrations()
            .iter()
            .map(ToString::to_string)
            .collect(),
        ahead: Vec::new(),
    })
}

/// Migrations beyond this checkout, if they are the only reason why the runner stopped: the checkout is fully
/// applied, and the others are newer than its newest. Any other gap is a different history.
async fn ahead(client: &mut Client, error: &refinery::Error) -> Result<Option<Vec<String>>, MigrateError> {
    // The runner goes by number: the ones before were applied as this checkout has them.
    let Kind::MissingVersion(first) = error.kind() else {
        return Ok(None);
    };
    let known = known();
    let applied = embedded::migrations::runner()
        .get_applied_migrations_async(client)
        .await?;
    let versions: Vec<i64> = applied.iter().map(|one| i64::from(one.version())).collect();
    let newest = known.last().map_or(0, |newest| newest.version);
    let is_later = i64::from(first.version()) > newest;
    if !is_later || !known.iter().all(|one| versions.contains(&one.version)) {
        return Ok(None);
    }
    let beyond = applied.iter().filter(|one| i64::from(one.version()) > newest);
    Ok(Some(beyond.map(ToString::to_string).collect()))
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub version: i64,
    /// Such as `V3__email_batches`.
    pub name: String,
    /// As in the database's list of applied migrations.
    pub checksum: String,
}

/// In order.
pub fn known() -> Vec<Known> {
    let mut known: Vec<Known> = embedded::migrations::runner()
        .get_migrations()
        .iter()
        .map(|migration| Known {
            version: i64::from(migration.version()),
            name: migration.to_string(),
            checksum: migration.checksum().to_string(),
        })
        .collect();
    known.sort_by_key(|migration| migration.version);
    known
}
