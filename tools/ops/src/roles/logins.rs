//! The roles themselves: making, dropping, and what they must not be.

use super::list::{MEMBERS, Member};
use super::rights::Differences;
use super::{Made, Plan, Stopped, passwords, said};
use postgres_protocol::password::scram_sha_256;
use secrecy::ExposeSecret as _;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// Only the owner grants, and takes away what an owner granted.
pub(super) async fn check_owner(client: &Client) -> Result<(), Stopped> {
    match is_owner(client).await? {
        Some(true) => Ok(()),
        Some(false) => Err(said(
            "the tables belong to another user: give the owner's address, as for `migrate`",
        )),
        None => Err(said("there is no table yet: run `migrate` first")),
    }
}

/// `None` without tables.
async fn is_owner(client: &Client) -> Result<Option<bool>, Error> {
    const SQL: &str =
        "select pg_has_role(relowner, 'usage') from pg_class where oid = to_regclass('public.landing_leads')";
    let owner = client.query_typed_opt(SQL, &[]).await?;
    owner.map(|row| row.try_get(0)).transpose()
}

pub async fn is_migrated(client: &Client) -> Result<bool, Error> {
    Ok(is_owner(client).await?.is_some())
}

/// The roles that exist, each with whose it is.
pub async fn existing(client: &Client) -> Result<Vec<(&'static Member, String)>, Error> {
    const SQL: &str = "select rolname::text from pg_roles where rolname = any ($1) order by 1";
    let names: Vec<String> = MEMBERS.iter().flat_map(Member::roles).collect();
    let rows = client.query_typed(SQL, &[(&names, Type::TEXT_ARRAY)]).await?;
    let names = rows.iter().map(|row| row.try_get::<_, String>(0));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    let found = names.into_iter().map(|name| Some((Member::of(&name)?, name)));
    Ok(found.flatten().collect())
}

/// Sentences about roles that may do more than their rights say.
pub async fn peculiar(client: &Client, roles: &[&str]) -> Result<Vec<String>, Error> {
    const SQL: &str = "select rolname::text from pg_roles r \
         where rolname = any ($1) \
           and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication or not rolcanlogin \
                or exists (select from pg_auth_members m where m.member = r.oid) \
                or exists (select from pg_class c where c.relowner = r.oid)) \
         order by 1";
    let rows = client.query_typed(SQL, &[(&roles, Type::TEXT_ARRAY)]).await?;
    let sentence = |role: String| {
        format!(
            "{role} must be able to log in and nothing more: it has an attribute such as BYPASSRLS, a table of its own, or is \
             a member of another role; take that away"
        )
    };
    rows.iter().map(|row| row.try_get(0).map(sentence)).collect()
}

/// Makes a role for each member that has none, and the one that is to take another's place. The password leaves this process
/// only as what SCRAM verifies it by, because servers log such statements.
pub(super) async fn make(client: &Client, plan: &Plan<'_>) -> Result<Vec<Made>, Stopped> {
    let existing = existing(client).await?;
    let mut wanted: Vec<(&'static Member, String)> = Vec::new();
    for member in &MEMBERS {
        if !existing.iter().any(|(other, _)| other.name == member.name) {
            let [role, _] = member.roles();
            wanted.push((member, role));
        }
    }
    if let Some(old) = plan.rotate {
        wanted.push(successor(old, &existing)?);
    }
    let mut made = Vec::new();
    for (member, role) in wanted {
        let password = plan
            .password
            .clone()
            .map_or_else(passwords::generate, Ok)
            .map_err(said)?;
        let verifier = scram_sha_256(password.expose_secret().as_bytes());
        client
            .batch_execute(&format!(
                "create role {role} login noinherit password '{verifier}'"
            ))
            .await
            .map_err(|error| match error.code() {
                Some(&SqlState::DUPLICATE_OBJECT | &SqlState::UNIQUE_VIOLATION) => Stopped::Taken,
                _ => Stopped::Database(error),
            })?;
        made.push(Made {
            member,
            role,
            password,
        });
    }
    Ok(made)
}

/// The other role of the same member.
fn successor(
    old: &str,
    existing: &[(&'static Member, String)],
) -> Result<(&'static Member, String), Stopped> {
    let exists = |role: &str| existing.iter().any(|(_, name)| name == role);
    let Some(member) = Member::of(old).filter(|_| exists(old)) else {
        return Err(said(format!("there is no role {old} of ours")));
    };
    match member.roles().into_iter().find(|role| !exists(role)) {
        Some(new) => Ok((member, new)),
        None => Err(said(format!(
            "both roles of {} exist: drop the one that is not in use, with --drop",
            member.name
        ))),
    }
}

/// Drops one of two roles of a member. Connections that it has open stay until they end.
pub(super) async fn drop(client: &Client, role: &str) -> Result<(), Stopped> {
    let existing = existing(client).await?;
    let Some(member) = Member::of(role).filter(|_| existing.iter().any(|(_, name)| name == role)) else {
        return Err(said(format!("there is no role {role} of ours")));
    };
    let others = existing
        .iter()
        .filter(|(other, name)| other.name == member.name && name != role);
    if others.count() == 0 {
        return Err(said(format!(
            "{role} is the only role of {}: make another one first, with --rotate {role}",
            member.name
        )));
    }
    let nothing = Member {
        name: member.name,
        execute: &[],
        tables: &[],
    };
    let all = Differences::read(client, &[(&nothing, role.to_owned())]).await?;
    client.batch_execute(&all.revocations().join(";\n")).await?;
    client.batch_execute(&format!("drop role {role}")).await?;
    Ok(())
}
