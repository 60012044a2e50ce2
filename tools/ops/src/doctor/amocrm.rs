//! amoCRM: the token, the stage, the custom fields, and the users who get tasks. It sends one request per page of fields and
//! two or three more, one after another.

use super::ask::{ask, rate_limited, unreachable};
use super::{Findings, database};
use proftest::clients::amocrm::{self, AmoCrm, Misplaced};
use proftest::config::{self, Auth, Stage};
use proftest::domain::ids::{FieldId, UserId};
use reqwest::Client;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::fmt::Display;
use std::time::SystemTime;

/// Entries per page: the vendor's maximum.
const PAGE: usize = 250;
/// An account has some dozens of fields.
const PAGES_MAX: usize = 8;
/// The same limit as in the crm function.
const DAYS_MIN: f64 = 14.0;
const NEW_TOKEN: &str = "make a new one in the integration's «Keys and scopes»";
/// Types of fields that take any text. Source: the vendor's page «Custom fields».
const TEXT: [&str; 3] = ["text", "textarea", "tracking_data"];

/// Skipped while the gate is shut: a blocked account must not be called at all.
pub(super) async fn examine(
    http: &Client,
    settings: &config::AmoCrm,
    database: Option<&tokio_postgres::Client>,
    findings: &mut Findings,
) {
    if let Some(client) = database
        && let Some(reason) = database::gate(client).await
    {
        findings.wrong(format!(
            "the gate is shut ({reason}), so it was not called: remove the cause, then run \
             `cargo run -p ops -- open-crm-gate`"
        ));
        return;
    }
    let Some(token) = token(settings, database, findings).await else {
        return;
    };
    if !account(http, settings, &token, findings).await {
        return;
    }
    stage(http, settings, &token, findings).await;
    fields(http, settings, &token, findings).await;
    users(http, settings, &token, findings).await;
}

async fn token(
    settings: &config::AmoCrm,
    database: Option<&tokio_postgres::Client>,
    findings: &mut Findings,
) -> Option<SecretString> {
    let Auth::LongLived(token) = &settings.auth else {
        let stored = match database {
            Some(client) => database::access_token(client).await,
            None => None,
        };
        if stored.is_none() {
            findings.note(
                "OAuth: the refresh token cannot be tried without using it up; run doctor again after the first lead",
            );
        }
        return stored.map(Into::into);
    };
    match amocrm::days_left(token.expose_secret(), SystemTime::now()) {
        Some(days) if days < 0.0 => {
            findings.wrong(format!("AMOCRM_ACCESS_TOKEN has expired: {NEW_TOKEN}"));
            return None;
        }
        Some(days) if days < DAYS_MIN => {
            findings.wrong(format!("AMOCRM_ACCESS_TOKEN ends in {days:.0} days: {NEW_TOKEN}"));
        }
        Some(days) => findings.ok(format!("the token lives {days:.0} more days")),
        None => {
            findings.note("AMOCRM_ACCESS_TOKEN does not say when it ends: check that all of it was copied");
        }
    }
    Some(token.clone())
}

async fn account(
    http: &Client,
    settings: &config::AmoCrm,
    token: &SecretString,
    findings: &mut Findings,
) -> bool {
    let status = match get(http, settings, token, "account", &[]).await {
        Ok((200, _)) => {
            findings.ok("the token is accepted");
            return true;
        }
        Ok((status, _)) => status,
        Err(why) => {
            findings.wrong(unreachable("amoCRM", &why, "AMOCRM_BASE_URL"));
            return false;
        }
    };
    findings.wrong(match status {
        401 => {
            "the token is refused: it was revoked, or is of another account than AMOCRM_BASE_URL".to_owned()
        }
        402 => "the account is not paid for: pay, or the API stays shut".to_owned(),
        403 => "amoCRM blocks this account's API: write to its support, and do not call before they answer"
            .to_owned(),
        404 | 301 | 302 => "there is no such account: check the subdomain in AMOCRM_BASE_URL".to_owned(),
        429 => rate_limited("amoCRM"),
        status => format!("amoCRM answered {status}: try again later"),
    });
    false
}

async fn stage(http: &Client, settings: &config::AmoCrm, token: &SecretString, findings: &mut Findings) {
    let amocrm = AmoCrm::new(http.clone(), &settings.base_url);
    let pipelines = match amocrm.pipelines(token).await {
        Ok(pipelines) => pipelines,
        Err(failure) => {
            return findings.wrong(format!(
                "the pipelines cannot be read ({failure}): run doctor again"
            ));
        }
    };
    let (pipeline, status) = match settings.stage {
        Stage::Ids(..) => ("AMOCRM_PIPELINE_ID", "AMOCRM_STATUS_ID"),
        Stage::Names(..) => ("AMOCRM_PIPELINE", "AMOCRM_STAGE"),
    };
    match amocrm::place(&pipelines, &settings.stage) {
        Ok((pipeline, status)) => findings.ok(format!(
            "deals go to «{}» ({}), «{}» ({})",
            pipeline.name, pipeline.id, status.name, status.id
        )),
        Err(Misplaced::Pipeline) => findings.wrong(format!(
            "{pipeline} names no pipeline of the account, which has: {}",
            list(pipelines.iter().map(|one| (one.name.as_str(), one.id)))
        )),
        Err(why @ Misplaced::Status(wanted)) => {
            let stages = wanted.statuses().iter();
            findings.wrong(format!(
                "{status}: {why}, which has: {}",
                list(stages.map(|one| (one.name.as_str(), one.id)))
            ));
        }
    }
}

fn list<'a, Id: Display>(entries: impl Iterator<Item = (&'a str, Id)>) -> String {
    let entries: Vec<String> = entries.map(|(name, id)| format!("«{name}» ({id})")).collect();
    entries.join(", ")
}

async fn fields(http: &Client, settings: &config::AmoCrm, token: &SecretString, findings: &mut Findings) {
    let known = match all_fields(http, settings, token).await {
        Ok(known) => known,
        Err(why) => {
            return findings.wrong(format!("the custom fields of deals cannot be read: amoCRM {why}"));
        }
    };
    let wanted = [("AMOCRM_LEAD_ID_FIELD_ID".to_owned(), settings.lead_id_field)];
    let utm = settings.utm_fields.iter();
    let utm = utm.map(|(name, id)| (format!("AMOCRM_UTM_FIELD_IDS, {name}"), *id));
    let mut good = 0;
    for (variable, id) in wanted.into_iter().chain(utm) {
        let field = known.iter().find(|(known, _, _)| *known == id);
        match field {
            None => findings.wrong(format!(
                "{variable}: deals have no custom field {id}; they have {}",
                list(known.iter().map(|(id, name, _)| (name.as_str(), *id)))
            )),
            Some((_, name, kind)) if !TEXT.contains(&kind.as_str()) => findings.wrong(format!(
                "{variable}: the field «{name}» is of type {kind}, and must be of type text"
            )),
            Some(_) => good += 1,
        }
    }
    if good == 1 + settings.utm_fields.len() {
        findings.ok(format!("all {good} custom fields are there, and take text"));
    }
}

/// A number that is no user makes amoCRM refuse each new deal.
async fn users(http: &Client, settings: &config::AmoCrm, token: &SecretString, findings: &mut Findings) {
    let Some(tasks) = &settings.tasks else {
        return findings.note("AMOCRM_TASK_TEXT is empty: no tasks are made, and nobody is told to call");
    };
    if tasks.users.is_empty() {
        return findings.note(
            "AMOCRM_TASK_USERS is empty: new deals and their tasks belong to the token's user, unless amoCRM hands them out",
        );
    }
    let limit = PAGE.to_string();
    let known: Vec<(UserId, String)> = match get(http, settings, token, "users", &[("limit", &limit)]).await {
        Ok((200, body)) => {
            let users = body["_embedded"]["users"].as_array().cloned().unwrap_or_default();
            let user = |user: &Value| {
                let name = user["name"].as_str().unwrap_or_default().to_owned();
                Some((UserId(user["id"].as_i64()?), name))
            };
            users.iter().filter_map(user).collect()
        }
        // Only an administrator's token lists users.
        Ok((status, _)) => {
            return findings.note(format!("the users cannot be read: amoCRM answered {status}"));
        }
        Err(why) => return findings.wrong(format!("the users cannot be read: amoCRM {why}")),
    };
    let unknown = tasks
        .users
        .iter()
        .find(|id| known.iter().all(|(known, _)| known != *id));
    match unknown {
        Some(id) => findings.wrong(format!(
            "AMOCRM_TASK_USERS: no user is {id}; the account has {}",
            list(known.iter().map(|(id, name)| (name.as_str(), *id)))
        )),
        None => findings.ok(format!(
            "new deals and their tasks go to {} users",
            tasks.users.len()
        )),
    }
}

/// Id, name and type of each custom field of deals.
async fn all_fields(
    http: &Client,
    settings: &config::AmoCrm,
    token: &SecretString,
) -> Result<Vec<(FieldId, String, String)>, String> {
    let (mut all, limit) = (Vec::new(), PAGE.to_string());
    for page in 1..=PAGES_MAX {
        let query = [("limit", limit.as_str()), ("page", &page.to_string())];
        let (status, body) = get(http, settings, token, "leads/custom_fields", &query).await?;
        if !matches!(status, 200 | 204) {
            return Err(format!("answered {status}"));
        }
        let items = body["_embedded"]["custom_fields"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        all.extend(items.iter().filter_map(|field| {
            let text = |key: &str| field[key].as_str().unwrap_or_default().to_owned();
            Some((FieldId(field["id"].as_i64()?), text("name"), text("type")))
        }));
        if items.len() < PAGE {
            break;
        }
    }
    Ok(all)
}

async fn get(
    http: &Client,
    settings: &config::AmoCrm,
    token: &SecretString,
    path: &str,
    query: &[(&str, &str)],
) -> Result<(u16, Value), String> {
    let request = http
        .get(format!("{}/api/v4/{path}", settings.base_url))
        .query(query)
        .bearer_auth(token.expose_secret());
    ask(request).await.map(|answer| (answer.status, answer.body))
}
