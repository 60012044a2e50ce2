//! The database roles: one a function, with exactly the rights of the list, and none for anybody else.

use super::{Findings, database};
use crate::roles::{self, Differences, MEMBERS, Member};
use proftest::config::{self, Env};
use proftest::store::PgError;
use tokio_postgres::Client;

const RUN: &str = "run `cargo run -p ops -- roles` as the owner";
/// Differences that are spelled out.
const SPELLED_OUT: usize = 3;

pub(super) async fn examine(
    client: &Client,
    lookup: &dyn Fn(&str) -> Option<String>,
    findings: &mut Findings,
) {
    match compare(client).await {
        // Its own finding says that nothing is migrated.
        Ok(None) => return,
        Ok(Some(wrong)) if wrong.is_empty() => findings.ok(
            "every function has a database role with exactly the rights it needs, and Supabase's own roles have none",
        ),
        Ok(Some(wrong)) => wrong.into_iter().for_each(|sentence| findings.wrong(sentence)),
        Err(error) => {
            findings.wrong(format!("the roles cannot be examined: {error}"));
            return;
        }
    }
    let mut unknown = Vec::new();
    for member in &MEMBERS {
        match lookup(&member.variable()).filter(|url| !url.trim().is_empty()) {
            Some(url) => login(member, &url, lookup, findings).await,
            None => unknown.push(member.variable()),
        }
    }
    if !unknown.is_empty() {
        findings.note(format!("{} not given, so not tried", unknown.join(", ")));
    }
}

/// What is wrong; `None` without tables.
async fn compare(client: &Client) -> Result<Option<Vec<String>>, PgError> {
    if !roles::is_migrated(client).await? {
        return Ok(None);
    }
    let existing = roles::existing(client).await?;
    let has_none = |member: &&Member| !existing.iter().any(|(other, _)| other.name == member.name);
    let without: Vec<&str> = MEMBERS
        .iter()
        .filter(has_none)
        .map(|member| member.name)
        .collect();
    let mut wrong = Vec::new();
    if !without.is_empty() {
        wrong.push(format!(
            "there is no database role for {}: {RUN}",
            without.join(", ")
        ));
    }
    let names: Vec<&str> = existing.iter().map(|(_, role)| role.as_str()).collect();
    wrong.extend(roles::peculiar(client, &names).await?);
    let differences = Differences::read(client, &existing).await?.sentences();
    if !differences.is_empty() {
        let (told, rest) = differences.split_at(differences.len().min(SPELLED_OUT));
        let rest = match rest.len() {
            0 => String::new(),
            count => format!("; and {count} more"),
        };
        let told = told.join("; ");
        wrong.push(format!("rights differ from the list: {told}{rest}: {RUN}"));
    }
    Ok(Some(wrong))
}

/// Whether an address is of its function's role, and is let in.
async fn login(member: &Member, url: &str, lookup: &dyn Fn(&str) -> Option<String>, findings: &mut Findings) {
    let variable = member.variable();
    let own = |name: &str| match name {
        "DATABASE_URL" => Some(url.to_owned()),
        name => lookup(name),
    };
    // What is malformed is told among the settings.
    let Ok(settings) = config::Database::read(&Env::new(&own)) else {
        return;
    };
    let client = match database::open(&settings, &variable).await {
        Ok(client) => client,
        Err(sentence) => return findings.wrong(sentence),
    };
    match database::user(&client).await {
        Ok(user) if member.roles().contains(&user) => {
            findings.ok(format!("{variable} is of the role {user}, and is let in"));
        }
        Ok(_) if member.name == "ops" => findings.note(format!(
            "{variable} is not of the role of ops: the owner's address is needed for `migrate` and `roles` only"
        )),
        Ok(user) => findings.wrong(format!(
            "{variable} is of the user {user}: it must be of {}, as `cargo run -p ops -- roles` writes it",
            member.roles()[0]
        )),
        Err(error) => findings.wrong(format!("{variable}: {error}")),
    }
}
