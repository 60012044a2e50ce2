//! `roles`: one database role for each function and one for these commands, with exactly the rights of the list.
//!
//! Run as the owner of the tables, after `migrate`. One transaction does everything, so functions that run meanwhile have
//! either the old rights or the new ones. The list is in `list`.

mod list;
mod logins;
mod passwords;
mod rights;

pub use list::{MEMBERS, Member, OUTSIDERS, Table};
pub use logins::{existing, is_migrated, peculiar};
pub use passwords::{address, generate};
pub use rights::{Differences, Policy, Right, rights};

use crate::database::Address;
use crate::migrate::LOCK;
use clap::Args;
use proftest::config::Database;
use proftest::failure;
use proftest::store::connect;
use secrecy::{ExposeSecret as _, SecretString};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

/// A policy needs its table for itself for a moment. Should a long statement hold it, the functions would queue up behind us.
const LOCK_WAIT: &str = "set local lock_timeout = '3s'";

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    database: Address,
    /// Where to write the addresses of the roles that are made. The file must not exist.
    #[arg(long)]
    passwords: Option<PathBuf>,
    /// Make another role beside this one, with the same rights and a new password, to take its place.
    #[arg(long, value_name = "ROLE", requires = "passwords")]
    rotate: Option<String>,
    /// Take nothing away from the functions: for the time in which two releases run. Run it again without, afterwards.
    #[arg(long)]
    keep: bool,
    /// Drop this role, once another one of its function is in use.
    #[arg(long, value_name = "ROLE", conflicts_with = "rotate")]
    drop: Option<String>,
}

/// A role that was made in this run.
#[derive(Debug)]
pub struct Made {
    pub member: &'static Member,
    pub role: String,
    pub password: SecretString,
}

/// What to do besides bringing the rights in line with the list.
#[derive(Default)]
pub struct Plan<'a> {
    pub rotate: Option<&'a str>,
    pub drop: Option<&'a str>,
    /// Only adds to what the functions may do.
    pub keep: bool,
    /// Of all roles that are made; each gets one of its own when absent.
    pub password: Option<SecretString>,
}

pub async fn command(options: &Options) -> Result<(), String> {
    let plan = Plan {
        rotate: options.rotate.as_deref(),
        drop: options.drop.as_deref(),
        keep: options.keep,
        password: None,
    };
    let database = options.database.settings()?;
    for line in run(&database, &plan, options.passwords.as_deref()).await? {
        println!("{line}");
    }
    Ok(())
}

/// Connects and does what [`apply`] does; the addresses of new roles go into the file. Returns what to print.
pub async fn run(database: &Database, plan: &Plan<'_>, file: Option<&Path>) -> Result<Vec<String>, String> {
    let mut client = connect(database).await.map_err(|error| failure::chain(&error))?;
    let written = Cell::new(false);
    let save = |made: &[Made]| {
        written.set(passwords::save(file, database.url.expose_secret(), made)?);
        Ok(())
    };
    let applied = apply(&mut client, plan, save).await;
    match file {
        // Its passwords are of roles that were not made.
        Some(file) if applied.is_err() && written.get() => {
            let _ = std::fs::remove_file(file);
        }
        _ => {}
    }
    applied
}

/// Makes missing roles and brings all rights in line with the list, in one transaction. `save` keeps the passwords before
/// they are in force; when it fails, nothing is done. Returns what to print.
pub async fn apply(
    client: &mut Client,
    plan: &Plan<'_>,
    save: impl Fn(&[Made]) -> Result<(), String>,
) -> Result<Vec<String>, String> {
    match attempt(client, plan, &save).await {
        Err(Stopped::Taken) => attempt(client, plan, &save).await,
        done => done,
    }
    .map_err(|stopped| stopped.to_string())
}

#[derive(Debug, thiserror::Error)]
enum Stopped {
    /// Roles belong to the server, and another database's run has just made one.
    #[error("another run makes the same roles: run it again")]
    Taken,
    #[error("{0}")]
    Said(String),
    #[error("{}", failure::chain(.0))]
    Database(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        match error.code() {
            Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                Self::Said("a table is in use by a long statement: run it again".to_owned())
            }
            _ => Self::Database(error),
        }
    }
}

fn said(sentence: impl Into<String>) -> Stopped {
    Stopped::Said(sentence.into())
}

async fn attempt(
    client: &mut Client,
    plan: &Plan<'_>,
    save: &impl Fn(&[Made]) -> Result<(), String>,
) -> Result<Vec<String>, Stopped> {
    let transaction = client.transaction().await?;
    let client = transaction.client();
    client
        .batch_execute(&format!("select pg_advisory_xact_lock({LOCK}); {LOCK_WAIT}"))
        .await?;
    logins::check_owner(client).await?;
    if let Some(role) = plan.drop {
        logins::drop(client, role).await?;
    }
    let made = logins::make(client, plan).await?;
    save(&made).map_err(said)?;
    let roles = existing(client).await?;
    let names: Vec<&str> = roles.iter().map(|(_, role)| role.as_str()).collect();
    if let Some(sentence) = peculiar(client, &names).await?.pop() {
        return Err(said(sentence));
    }
    let mut differences = Differences::read(client, &roles).await?;
    if plan.keep {
        differences.keep();
    }
    let revocations = differences.revocations();
    client.batch_execute(&revocations.join(";\n")).await?;
    // A right on a table takes those on its columns along.
    let grants = Differences::read(client, &roles).await?.grants();
    client.batch_execute(&grants.join(";\n")).await?;
    let mut left = Differences::read(client, &roles).await?;
    if plan.keep {
        left.keep();
    }
    if !left.is_empty() {
        let left = left.sentences().join("; ");
        return Err(said(format!(
            "this user cannot change what others have granted: {left}"
        )));
    }
    let mut lines = report(&rights(client, &names, false).await?);
    transaction.commit().await?;
    lines.extend(made.iter().map(|made| format!("Made {}", made.role)));
    lines.extend(plan.drop.map(|role| format!("Dropped {role}")));
    Ok(lines)
}

/// A line for each role and thing: what may be done to it.
fn report(rights: &BTreeSet<Right>) -> Vec<String> {
    let mut things: BTreeMap<(&str, &str), BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for right in rights {
        let verbs = things.entry((&right.role, &right.thing)).or_default();
        let (verb, column) = right.what.split_once(' ').unwrap_or((&right.what, ""));
        let columns = verbs.entry(verb).or_default();
        columns.extend((!column.is_empty()).then(|| column.trim_matches(['(', ')'])));
    }
    let verbs = |verbs: BTreeMap<&str, Vec<&str>>| {
        let verbs = verbs.into_iter().map(|(verb, columns)| match columns[..] {
            [] => verb.to_owned(),
            _ => format!("{verb} ({})", columns.join(", ")),
        });
        verbs.collect::<Vec<_>>().join(", ")
    };
    let lines = things
        .into_iter()
        .map(|((role, thing), may)| format!("{role}: {thing}: {}", verbs(may)));
    lines.collect()
}
