//! Applies the migrations. Used by the command, the local stack and the tests alike.

use crate::database::Address;
use proftest::config::Database;
use proftest::store::{StoreError, connect};
use refinery::error::Kind;
use std::fmt::{Display, Formatter};
use tokio_postgres::Client;

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// Two runners at once wait for each other on this advisory lock. Any fixed number does.
const LOCK: i64 = 0x7072_6f66_7465_7374;

/// How often it is looked whether sessions are shared. A pooler hands out the connection that was used last, or the
/// one that rested longest, and either shows at the first look; one that picks by chance may need more.
const LOOKS: u32 = 4;

/// Why the migrations were not applied.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// There is no connection.
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
    Database(#[from] tokio_postgres::Error),
    /// A migration failed, or one that was applied has been changed since.
    #[error("a migration was not applied: {0}")]
    Migration(#[from] refinery::Error),
}

/// The command.
///
/// # Errors
/// One sentence.
pub async fn command(database: &Address) -> Result<(), String> {
    let migrated = migrate_database(&database.settings()?).await;
    println!("{}", migrated.map_err(|error| error.to_string())?);
    Ok(())
}

/// Connects to the database and applies what is missing, as [`migrate`] does.
///
/// # Errors
/// [`MigrateError`]; over a transaction pooler, before anything is touched.
pub async fn migrate_database(database: &Database) -> Result<Migrated, MigrateError> {
    let mut client = connect(database).await?;
    let other = connect(database).await?;
    if shares_its_session(&client, &other).await? {
        return Err(MigrateError::Pooled);
    }
    drop(other);
    migrate(&mut client).await
}

/// Whether statements of one connection are run by several server processes, or those of two connections by one.
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

/// What was done. Printed, it is what the command says.
#[derive(Debug)]
pub struct Migrated {
    /// The names of what was applied, in order.
    pub applied: Vec<String>,
    /// The names of what the database has beyond this checkout: a newer release's.
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

/// Applies what is missing, in order. A schema that is ahead of this checkout is left as it is.
///
/// `client` must be a direct connection or a session-mode pooler's: the lock lives in the session.
///
/// # Errors
/// [`MigrateError`]; what was applied before stays, each migration being a transaction of its own.
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
                .ok_or(MigrateError::Migration(error));
        }
    };
    // The runner makes its own list, before any migration could: Supabase would serve it to everyone, for
    // writing too.
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

/// What was applied beyond this checkout, if that alone is why the runner stopped: everything of the checkout is applied,
/// and what it lacks is newer than its newest. Anything else that is missing is another history, not a later one.
async fn ahead(client: &mut Client, error: &refinery::Error) -> Result<Option<Vec<String>>, MigrateError> {
    // The runner goes by number: what it came across before was applied as this checkout has it.
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

/// A migration of this checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its number.
    pub version: i64,
    /// `V3__email_batches`.
    pub name: String,
    /// As the database's list of what was applied holds it.
    pub checksum: String,
}

/// The migrations of this checkout, in order.
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
