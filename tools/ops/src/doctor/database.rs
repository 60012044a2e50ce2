//! The database: reachable as for the functions, migrated, closed to anonymous access, with a correct clock, and with a role
//! for each function.

use super::Findings;
use crate::migrate;
use proftest::config::Database;
use proftest::store::{self, StoreError};
use secrecy::ExposeSecret as _;
use std::str::FromStr as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Row};

/// For connecting and for each statement.
const DEADLINE: Duration = Duration::from_secs(10);
/// PostgreSQL 15, as `server_version_num` counts.
const VERSION_MIN: i32 = 150_000;
/// A larger difference is a wrong clock, not a slow answer.
const CLOCK_SECONDS_MAX: f64 = 30.0;
const TAKE_THE_POOLER: &str = "take «Transaction pooler», port 6543";
/// The migration runner's list of applied migrations.
const HISTORY: &str = "refinery_schema_history";

/// Returns the connection for the checks that read a row.
pub(super) async fn examine(database: &Database, findings: &mut Findings) -> Option<Client> {
    address(database, findings);
    let client = match open(database, "DATABASE_URL").await {
        Ok(client) => client,
        Err(sentence) => {
            findings.wrong(sentence);
            return None;
        }
    };
    findings.ok(match database.ca_pem {
        Some(_) => "reached over TLS; the certificate is signed by DATABASE_CA_PEM and names the host",
        None => "reached without TLS, on this machine",
    });
    if let Err(error) = look(&client, findings).await {
        findings.wrong(format!(
            "a question was refused ({error}): put the address of the role of ops into DATABASE_URL, as `cargo run -p ops -- \
             roles` wrote it"
        ));
        return None;
    }
    Some(client)
}

/// A connection, or why there is none. `variable` holds the address.
pub(super) async fn open(database: &Database, variable: &str) -> Result<Client, String> {
    match tokio::time::timeout(DEADLINE, store::connect(database)).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(explain(&error, variable)),
        Err(_) => Err(format!(
            "no connection within 10 s: check host and port in {variable}, and the project's network restrictions"
        )),
    }
}

/// Whether the address is a transaction pooler's. A function process holds up to four connections; a server takes
/// about sixty.
fn address(database: &Database, findings: &mut Findings) {
    let Ok(parsed) = tokio_postgres::Config::from_str(database.url.expose_secret()) else {
        return;
    };
    let host = parsed.get_hosts().first().and_then(|host| match host {
        Host::Tcp(name) => Some(name.as_str()),
        Host::Unix(_) => None,
    });
    let (host, port) = (host.unwrap_or_default(), parsed.get_ports().first().copied());
    let pooler = host.ends_with(".pooler.supabase.com");
    match port.unwrap_or(5432) {
        6543 => findings.ok("port 6543: a transaction pooler's"),
        _ if pooler => findings.wrong(format!(
            "DATABASE_URL is the session pooler's, which runs out of connections: {TAKE_THE_POOLER}"
        )),
        _ if host.ends_with(".supabase.co") => findings.wrong(format!(
            "DATABASE_URL is the direct connection, over IPv6 and without a pooler: {TAKE_THE_POOLER}"
        )),
        _ => {
            findings
                .note("the address does not show whether a transaction pooler stands before the database");
        }
    }
}

/// Explains a failed connection. The libraries' words are stable enough for a hint; the last arm covers the rest.
fn explain(error: &StoreError, variable: &str) -> String {
    let text = error.to_string();
    let has = |needle: &str| text.contains(needle);
    if has("password authentication failed") || has("Wrong password") {
        format!(
            "user or password is wrong in {variable}: make a role with a new one, with `cargo run -p ops -- roles --rotate`"
        )
    } else if has("Tenant or user not found") || has("ENOTFOUND") {
        format!(
            "the pooler does not know the user in {variable}: it is written <role>.<project ref>, and the host must be of the \
             project's region"
        )
    } else if has("does not exist") {
        format!("there is no such database or user: copy {variable} again")
    } else {
        format!("it cannot be reached: {text}")
    }
}

async fn look(client: &Client, findings: &mut Findings) -> Result<(), String> {
    let version: i32 = get(&one(client, "select current_setting('server_version_num')::int").await?)?;
    if version < VERSION_MIN {
        findings.wrong(format!(
            "PostgreSQL {} is too old: 15 is needed",
            version / 10_000
        ));
    }
    clock(client, findings).await?;
    row_security(client, findings).await?;
    migrations(client, findings).await
}

async fn clock(client: &Client, findings: &mut Findings) -> Result<(), String> {
    let asked = Instant::now();
    let row = one(client, "select extract(epoch from clock_timestamp())::float8").await?;
    let theirs: f64 = get(&row)?;
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // The answer was given half a round trip ago.
    let apart = ours.as_secs_f64() - asked.elapsed().as_secs_f64() / 2.0 - theirs;
    let sentence = format!("its clock and this machine's are {:.1} s apart", apart.abs());
    if apart.abs() > CLOCK_SECONDS_MAX {
        findings.wrong(format!(
            "{sentence}: set the wrong one; messages go out by the database's"
        ));
    } else {
        findings.ok(sentence);
    }
    Ok(())
}

/// Whether the schema is this checkout's.
async fn migrations(client: &Client, findings: &mut Findings) -> Result<(), String> {
    let sql = format!("select to_regclass('{HISTORY}') is not null");
    let there: bool = get(&one(client, &sql).await?)?;
    let mut applied = Vec::new();
    if there {
        let sql = format!("select version::int8, checksum::text from {HISTORY} order by version");
        for row in rows(client, &sql).await? {
            let read = || Ok::<_, tokio_postgres::Error>((row.try_get(0)?, row.try_get(1)?));
            applied.push(read().map_err(|_| "its list of migrations is not ours".to_owned())?);
        }
    }
    match compare(&applied) {
        Ok(count) => findings.ok(format!("all {count} migrations are applied")),
        Err(sentence) => findings.wrong(sentence),
    }
    Ok(())
}

fn compare(applied: &[(i64, String)]) -> Result<usize, String> {
    let known = migrate::known();
    let missing = known
        .iter()
        .filter(|one| !applied.iter().any(|(version, _)| *version == one.version));
    let missing: Vec<&str> = missing.map(|one| one.name.as_str()).collect();
    if !missing.is_empty() {
        return Err(format!(
            "not migrated ({} missing): run `cargo run -p ops -- migrate` over the session pooler (port 5432)",
            missing.join(", ")
        ));
    }
    for (version, checksum) in applied {
        match known.iter().find(|one| one.version == *version) {
            Some(one) if one.checksum == *checksum => {}
            Some(one) => {
                return Err(format!(
                    "{} was applied with another text: check out what is deployed",
                    one.name
                ));
            }
            None => {
                return Err(format!(
                    "migration {version} is newer than this checkout: check out what is deployed"
                ));
            }
        }
    }
    Ok(known.len())
}

/// Whether row level security is on everywhere: it closes a table to whoever was granted it by mistake.
async fn row_security(client: &Client, findings: &mut Findings) -> Result<(), String> {
    let sql = "select c.relname::text, c.relrowsecurity from pg_class c \
               where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1";
    let (mut open, mut tables) = (Vec::new(), 0);
    for row in rows(client, sql).await? {
        let read = || Ok::<_, tokio_postgres::Error>((row.try_get(0)?, row.try_get(1)?));
        let (name, closed): (String, bool) = read().map_err(|error| error.to_string())?;
        tables += 1;
        open.extend((!closed).then_some(name));
    }
    if !open.is_empty() {
        findings.wrong(format!(
            "row level security is off for {}: with it off, Supabase's public API may serve the table to everyone; \
             run `alter table … enable row level security`",
            open.join(", ")
        ));
    } else if tables > 0 {
        findings.ok(format!("row level security is on for all {tables} tables"));
    }
    Ok(())
}

/// A stored OAuth access token that is still valid.
pub(super) async fn access_token(client: &Client) -> Option<String> {
    let sql = "select access_token from crm_tokens where expires_at > now() and access_token <> ''";
    rows(client, sql).await.ok()?.first()?.try_get(0).ok()
}

/// Why amoCRM must not be called now; `None` when it may be.
pub(super) async fn gate(client: &Client) -> Option<String> {
    let sql = "select coalesce(reason, '') from crm_gate where shut_until > clock_timestamp()";
    rows(client, sql).await.ok()?.first()?.try_get(0).ok()
}

/// As whom this connection asks.
pub(super) async fn user(client: &Client) -> Result<String, String> {
    get(&one(client, "select current_user::text").await?)
}

/// Unnamed, as the functions' statements: a transaction pooler cannot carry a named one.
async fn rows(client: &Client, sql: &str) -> Result<Vec<Row>, String> {
    match tokio::time::timeout(DEADLINE, client.query_typed(sql, &[])).await {
        Ok(Ok(rows)) => Ok(rows),
        Ok(Err(error)) => Err(error.code().map_or_else(
            || "the connection broke".to_owned(),
            |state| format!("SQLSTATE {}", state.code()),
        )),
        Err(_) => Err("no answer within 10 s".to_owned()),
    }
}

async fn one(client: &Client, sql: &str) -> Result<Row, String> {
    let mut rows = rows(client, sql).await?;
    rows.pop().ok_or_else(|| "no row".to_owned())
}

fn get<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row) -> Result<T, String> {
    row.try_get(0).map_err(|error| error.to_string())
}
