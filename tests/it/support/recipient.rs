//! The function recipient in this process, behind an intake with production's limits.

use super::delivery::{patient, wake};
use super::guarded::Guarded;
use super::request::{request, sample};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::world::{Database, PUBLIC, Person, Waiting};
use lambda_http::http::HeaderMap;
use lambda_http::{Body, Response};
use serde_json::{Value, json};

pub const FORM: &str = "application/x-www-form-urlencoded";
pub const ONE_CLICK: &str = "List-Unsubscribe=One-Click";
/// Well formed, and nobody's.
pub const UNKNOWN: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// Everything that a client sees.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The text as a person reads it.
    pub fn reads(&self, text: &str) -> bool {
        self.body.replace('\u{a0}', " ").contains(text)
    }
}

impl From<Response<Body>> for Seen {
    fn from(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}

pub fn app_of(guarded: &Guarded) -> recipient::App {
    recipient::App::new(&guarded.world.recipient_config()).unwrap()
}

/// A request of a client that sends no header but these.
pub async fn ask(
    app: &recipient::App,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Seen {
    let mut event = sample("recipient/choices.json");
    event["requestContext"]["http"]["method"] = method.into();
    event["requestContext"]["http"]["path"] = path.into();
    event["rawPath"] = path.into();
    event["headers"] = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
        .collect();
    if !body.is_empty() {
        // As API Gateway hands over a form.
        event["body"] = STANDARD.encode(body).into();
        event["isBase64Encoded"] = true.into();
    }
    recipient::handle(app, &request(&event)).await.into()
}

pub async fn get(app: &recipient::App, path: &str) -> Seen {
    ask(app, "GET", path, &[], "").await
}

pub async fn post(app: &recipient::App, path: &str, body: &str) -> Seen {
    ask(app, "POST", path, &[("content-type", FORM)], body).await
}

/// A person who has got both messages; with the path that stops them, as the e-mail's header has it.
pub async fn served(guarded: &Guarded, person: &Person) -> (Waiting, String) {
    let waiting = Box::pin(guarded.submit(person)).await;
    assert!(!Box::pin(async { wake(&patient(&guarded.world).await, &waiting).await }).await);
    let path = stop_path(guarded, &waiting);
    (waiting, path)
}

pub fn stop_path(guarded: &Guarded, waiting: &Waiting) -> String {
    let email = guarded.world.emails(waiting).pop().expect("an e-mail");
    let list = &email.headers["List-Unsubscribe"];
    let url = list
        .strip_prefix('<')
        .and_then(|list| list.strip_suffix('>'))
        .unwrap();
    url.strip_prefix(PUBLIC).unwrap().to_owned()
}

/// What is known of a lead's wish, without times.
pub async fn wish(db: &Database, lead: &str) -> Value {
    let sql = format!(
        "select (select jsonb_agg(concat_ws(' ', p.channel, p.reason, p.source) order by p.channel)
                 from suppressions p where p.until is null
                   and p.key in (select unnest(array[s.email_key, s.phone_key]) from submissions s where s.lead_id = l.id))
                    as suppressed,
                (select jsonb_agg(case when c.withdrawn_at <= now() then c.withdrawn_how end order by c.created_at) from consents c where c.lead_id = l.id) as withdrawn,
                (select jsonb_agg(e.detail || jsonb_build_object('channel', e.channel) order by e.id)
                 from lead_events e where e.lead_id = l.id and e.what = 'stop') as events,
                (select jsonb_agg(n order by n) from unnest(t.pending_notes) n where n in ('unsubscribed', 'not_me')) as notes,
                exists (select from disputes d where d.lead_id = l.id) as disputed,
                l.name
         from landing_leads l join crm_tasks t on t.lead_id = l.id where l.id = '{lead}'"
    );
    db.row(&sql).await
}

/// The content of every table. Two are equal only if nothing has changed.
pub async fn snapshot(db: &Database) -> Value {
    let tables = "select tablename from pg_tables where schemaname = 'public' order by 1";
    let mut all = json!({});
    for row in db.rows(tables).await {
        let table = row["tablename"].as_str().unwrap();
        let sql = format!(
            "select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) as sum from {table} t"
        );
        all[table] = db.row(&sql).await["sum"].clone();
    }
    all
}
