//! Vendors' answers, over the wire: any status, any header, any body, cut anywhere. Webhooks: `hooks`.

use super::check;
use super::mutate::{apply_all, change, damage, damaged, inflict, json, text};
use harness::world::run;
use proftest::clients::amocrm::{AmoCrm, DealContact, NewDeal, NewTask};
use proftest::clients::http_client;
use proftest::clients::mobizon::{Mobizon, Sms};
use proftest::clients::resend::{Message, Resend};
use proftest::config::{self, OAuthClient};
use proftest::domain::contact::{Email, Phone};
use proftest::domain::ids::{ContactId, DealId, FieldId, LeadId, PipelineId, StageId};
use proftest::failure::{Failure, Reaction};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const SECRET: &str = "sk_very_secret";
const TEXT: &str = "Ваши результаты готовы! https://api.onai.academy/l/0123456789ab";
const RECIPIENT: &str = "77010000001";

/// A server that answers whatever it was told last, and hangs up.
struct Parrot {
    url: String,
    line: Arc<Mutex<Vec<u8>>>,
}

impl Parrot {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let line = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&line);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let told = Arc::clone(&told);
                tokio::spawn(async move {
                    // Requests here fit one packet; what was not read would make the kernel reset the connection.
                    let _ = client.read(&mut [0; 8 * 1024]).await;
                    let answer = told.lock().unwrap().clone();
                    let _ = client.write_all(&answer).await;
                    let _ = client.shutdown().await;
                    while client.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
                });
            }
        });
        Self { url, line }
    }

    fn say(&self, answer: &Answer) {
        self.line.lock().unwrap().clone_from(&answer.raw);
    }
}

#[derive(Clone)]
struct Answer {
    raw: Vec<u8>,
    status: u16,
    body: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.raw))
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

fn answer(valid: Vec<Value>) -> impl Strategy<Value = Answer> {
    let changed = (
        select(valid.clone()),
        proptest::collection::vec((any::<Index>(), change()), 0..3),
    )
        .prop_map(|(mut body, changes)| {
            apply_all(&mut body, changes);
            body.to_string().into_bytes()
        });
    let broken = (select(valid), proptest::collection::vec(damage(), 1..3))
        .prop_map(|(body, all)| damaged(&body, all));
    let body = prop_oneof![
        8 => changed,
        3 => broken,
        1 => json().prop_map(|json| json.to_string().into_bytes()),
        1 => proptest::collection::vec(any::<u8>(), 0..100),
        1 => Just(b"<html>502 Bad Gateway</html>".to_vec()),
        1 => (60_000_usize..70_000).prop_map(|length| vec![b'['; length]),
    ];
    let status = prop_oneof![
        4 => Just(200_u16),
        2 => select(vec![201, 204, 302, 400, 401, 402, 403, 404, 408, 409, 422, 429, 500, 502, 503, 504]),
        1 => 200_u16..=999,
    ];
    let value = prop_oneof![
        text(),
        any::<u64>().prop_map(|seconds| seconds.to_string()),
        any::<i32>().prop_map(|seconds| seconds.to_string())
    ];
    let header = (
        select(vec![
            "retry-after",
            "content-type",
            "x",
            "transfer-encoding",
            "location",
        ]),
        value,
    );
    let broken = proptest::option::weighted(0.1, damage());
    (status, body, proptest::option::of(header), broken).prop_map(|(status, body, header, broken)| {
        let mut raw = format!(
            "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        )
        .into_bytes();
        if let Some((name, value)) = header {
            raw.extend(format!("{name}: {}\r\n", value.replace(['\r', '\n'], "")).into_bytes());
        }
        raw.extend(b"\r\n");
        raw.extend(&body);
        if let Some(damage) = broken {
            inflict(&mut raw, damage);
        }
        Answer { raw, status, body }
    })
}

/// A reason goes into logs and rows: short, printable, and without what is secret or personal.
fn assert_fit(failure: &Failure) -> Result<(), TestCaseError> {
    let reason = &failure.reason;
    prop_assert!(
        !reason.is_empty() && reason.len() <= 200 && !reason.chars().any(char::is_control),
        "{:?}",
        reason
    );
    for hidden in [SECRET, RECIPIENT, "example.com", "Ваши", "127.0.0.1"] {
        prop_assert!(!reason.contains(hidden), "{}", reason);
    }
    if let Reaction::Retry { after: Some(after) } = failure.reaction {
        prop_assert!(after <= Duration::from_hours(6), "{:?}", after);
    }
    Ok(())
}

/// What was made has an id in the answer, where that came whole.
fn made_only_with_ids(answer: &Answer, made: Result<(), Failure>) -> Result<Option<Failure>, TestCaseError> {
    let whole = answer.raw.ends_with(&answer.body) && !answer.json().is_null();
    let has_id = answer.json()["_embedded"]["tasks"]
        .as_array()
        .is_some_and(|tasks| tasks.iter().any(|task| task["id"].is_i64()));
    prop_assert!(made.is_err() || has_id || !whole, "{:?}", answer);
    Ok(made.err())
}

/// An id goes into a row: it is there, it is short, and it can be stored.
fn assert_id(id: &str, answer: &Answer, said: Option<&Value>) -> Result<(), TestCaseError> {
    prop_assert!(
        (1..=255).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()),
        "{:?}",
        id
    );
    let said = said.map(|said| {
        said.as_str()
            .map_or(said.to_string(), |text| text.trim().to_owned())
    });
    // Where the bytes on the wire were damaged, or nest too deep for a tree, what was said is not known here.
    let whole = answer.raw.ends_with(&answer.body) && !answer.json().is_null();
    prop_assert!(!whole || said.as_deref() == Some(id), "{:?}", answer);
    Ok(())
}

const CASES: u32 = 1500;

#[test]
fn resend_accepts_only_with_an_id() {
    let parrot = run(Parrot::new());
    let settings = config::Resend {
        api_key: SECRET.to_owned().into(),
        base_url: parrot.url.clone(),
        from: "OnAI Academy <noreply@onai.academy>".to_owned(),
    };
    let resend = Resend::new(http_client().unwrap(), &settings);
    let email = Message {
        from: settings.from.clone(),
        to: Email::parse("a@example.com").unwrap(),
        subject: "Ваши результаты".to_owned(),
        html: "<p>".to_owned(),
        text: "x".to_owned(),
        tags: Vec::new(),
        headers: None,
    };
    let valid = vec![
        json!({"id": "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}),
        json!({"id": "49a3999c\0"}),
        json!({"statusCode": 429, "name": "daily_quota_exceeded", "message": "a@example.com"}),
    ];
    check("resend", CASES, &answer(valid), |answer| {
        parrot.say(&answer);
        match run(resend.send(&email, "key")) {
            Ok(id) => {
                prop_assert!(
                    answer.status < 300 || !answer.raw.ends_with(&answer.body),
                    "{:?}",
                    answer
                );
                assert_id(&id, &answer, answer.json().get("id"))
            }
            Err(failure) => assert_fit(&failure),
        }
    });
}

#[test]
fn mobizon_accepts_and_finds_only_with_an_id() {
    let parrot = run(Parrot::new());
    let settings = config::Mobizon {
        api_key: SECRET.to_owned().into(),
        base_url: parrot.url.clone(),
        sender: None,
    };
    let mobizon = Mobizon::new(http_client().unwrap(), &settings);
    let sms = Sms {
        recipient: Phone::parse(&format!("+{RECIPIENT}")).unwrap(),
        text: TEXT.to_owned(),
    };
    let accepted =
        json!({"code": 0, "data": {"campaignId": "1", "messageId": "7", "status": 2}, "message": ""});
    let nameless = json!({"code": 0, "data": {"messageId": 0, "status": 1}});
    let refused = json!({"code": 1, "data": {"recipient": RECIPIENT}, "message": TEXT});
    check(
        "mobizon, send",
        CASES,
        &answer(vec![accepted, nameless, refused.clone()]),
        |answer| {
            parrot.say(&answer);
            match run(mobizon.send(&sms)) {
                Ok(id) => {
                    prop_assert!(id.parse::<i64>().is_ok_and(|id| id > 0), "{}", id);
                    assert_id(&id, &answer, answer.json().pointer("/data/messageId"))
                }
                Err(failure) => assert_fit(&failure),
            }
        },
    );
    let item = json!({"id": 9, "to": RECIPIENT, "text": TEXT, "status": "DELIVRD"});
    let other = json!({"id": 8, "to": "77010000002", "text": TEXT});
    let listed = json!({"code": 0, "data": {"items": [other, item], "totalItemCount": 2}, "message": ""});
    let none = json!({"code": 0, "data": {"items": [], "totalItemCount": 0}});
    check(
        "mobizon, list",
        CASES,
        &answer(vec![listed, none, refused]),
        |answer| {
            parrot.say(&answer);
            match run(mobizon.find(&sms)) {
                Ok(Some(id)) => {
                    let (body, ours) = (answer.json(), |item: &&Value| {
                        item["text"] == TEXT && (item["to"] == RECIPIENT || item["to"] == 77_010_000_001_u64)
                    });
                    let item = body
                        .pointer("/data/items")
                        .and_then(|items| items.as_array()?.iter().find(ours));
                    assert_id(&id, &answer, item.and_then(|item| item.get("id")))
                }
                Ok(None) => Ok(()),
                Err(failure) => assert_fit(&failure),
            }
        },
    );
}

#[test]
fn what_a_vendor_says_of_messages_is_one_of_our_states_or_a_failure() {
    let parrot = run(Parrot::new());
    let (http, base_url) = (http_client().unwrap(), parrot.url.clone());
    let mobizon = Mobizon::new(
        http.clone(),
        &config::Mobizon {
            api_key: SECRET.to_owned().into(),
            base_url: base_url.clone(),
            sender: None,
        },
    );
    let resend = Resend::new(
        http,
        &config::Resend {
            api_key: SECRET.to_owned().into(),
            base_url,
            from: "a@example.com".to_owned(),
        },
    );
    let item = json!({"id": 9, "status": "DELIVRD", "segNum": 1, "startSendTs": " ", "statusUpdateTs": null});
    let listed = json!({"code": 0, "data": [item, {"id": "8", "status": "NEW"}], "message": ""});
    let email = json!({"object": "email", "id": "x", "to": ["a@example.com"], "last_event": "delivered"});
    let refused = json!({"statusCode": 401, "name": "restricted_api_key", "message": "a@example.com"});
    let within = Duration::from_secs(5);
    check(
        "statuses",
        CASES,
        &(0..3_u8, answer(vec![listed, email, refused])),
        |(call, answer)| {
            parrot.say(&answer);
            let failure = run(async {
                match call {
                    0 => match mobizon.statuses(&["9".to_owned()], within).await {
                        Ok(statuses) => {
                            let reason = |reason: &str| reason.len() <= 20 && reason.starts_with("mobizon ");
                            let fit = statuses.iter().all(|status| {
                                status.id.parse::<i64>().is_ok_and(|id| id > 0)
                                    && status.state.as_ref().is_none_or(|(_, why)| reason(why))
                            });
                            (!fit).then(|| Failure::new(Reaction::GiveUp, "77010000001"))
                        }
                        Err(failure) => Some(failure),
                    },
                    1 => resend
                        .status("49a3999c-0ce1-4ea6-ab68-afcd6dc2e794", within)
                        .await
                        .err(),
                    _ => {
                        let emails = [Email::parse("a@example.com").unwrap()];
                        resend.suppress(&emails, within).await.err()
                    }
                }
            });
            failure.map_or(Ok(()), |failure| assert_fit(&failure))
        },
    );
}

#[test]
fn amocrm_s_answers_are_read_or_refused() {
    let parrot = run(Parrot::new());
    let amocrm = AmoCrm::new(http_client().unwrap(), parrot.url.clone());
    let token = SecretString::from(SECRET.to_owned());
    let deal = NewDeal {
        name: "Профтест: Ваши".to_owned(),
        pipeline: PipelineId(1),
        stage: StageId(2),
        fields: vec![(FieldId(3), "x".to_owned())],
        tags: Vec::new(),
        responsible: None,
        contact: DealContact::Known(ContactId(4)),
    };
    let task = NewTask {
        lead: LeadId::new(),
        deal: DealId(2),
        text: "Ваши".to_owned(),
        until: Duration::from_hours(500_000),
        user: None,
    };
    let client = OAuthClient {
        id: "id".to_owned(),
        secret: SECRET.to_owned().into(),
        redirect_uri: "https://example.com".to_owned(),
    };
    let fields = json!([{"field_id": 3, "field_code": "PHONE", "values": [{"value": "+77010000001"}]}]);
    let contact = json!({"id": 1, "custom_fields_values": fields, "_embedded": {"leads": [{"id": 2}]}});
    let lead = json!({"id": 2, "pipeline_id": 1, "status_id": 2, "custom_fields_values": fields, "responsible_user_id": 5,
        "closest_task_at": 1_800_000_000, "_embedded": {"contacts": [{"id": 1}], "tags": [{"id": 6, "name": "x"}]}});
    let open =
        json!({"id": 9, "entity_id": 2, "text": "x", "is_completed": false, "created_at": 1_800_000_000});
    let valid = vec![
        json!([{"id": 7, "contact_id": 8}]),
        json!({"_embedded": {"contacts": [contact], "leads": [lead], "notes": [{"params": {"text": "x"}}],
                             "tasks": [open],
                             "pipelines": [{"id": 1, "name": "x", "_embedded": {"statuses": [{"id": 1, "name": "x", "sort": 1}]}}]}}),
        contact,
        json!({"access_token": "a", "refresh_token": "b", "expires_in": 86400}),
        json!({"title": "Too many", "detail": "a@example.com", "retry_after": u64::MAX}),
    ];
    let one = std::slice::from_ref(&task);
    check("amoCRM", CASES, &(0..9_u8, answer(valid)), |(call, answer)| {
        parrot.say(&answer);
        let failure = run(async {
            Ok::<_, TestCaseError>(match call {
                0 => amocrm.pipelines(&token).await.err(),
                1 => amocrm.find_contacts(&token, "x").await.err(),
                2 => amocrm.contact(&token, ContactId(1)).await.err(),
                3 => amocrm.deals(&token, &[DealId(2)]).await.err(),
                4 => amocrm.notes(&token, DealId(2)).await.err(),
                5 => amocrm.create_deal(&token, &deal).await.err(),
                6 => amocrm.tasks(&token, &[DealId(2)]).await.err(),
                7 => made_only_with_ids(&answer, amocrm.add_tasks(&token, one).await)?,
                _ => amocrm.refresh(&client, &token).await.err(),
            })
        })?;
        failure.map_or(Ok(()), |failure| assert_fit(&failure))
    });
}
