//! SQS events for `deliver` and `crm`: one body or all of the event is not what it should be.

use super::mutate::{apply, change, damage, inflict, json, text};
use super::{check, refusing_aws};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use harness::world::{CLOSED, Database, run};
use proftest::config::{self, Auth, Stage};
use proftest::domain::ids::{FieldId, PipelineId, StageId};
use proftest::task::{self, CrmTask, DeliverTask};
use proptest::prelude::*;
use proptest::sample::Index;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use uuid::Uuid;

const RECORDS: usize = 5;

fn body(task: &'static str, id: &'static str) -> impl Strategy<Value = String> {
    let valid = move || json!({"task": task, id: Uuid::new_v4()});
    let changed = (any::<Index>(), change()).prop_map(move |(place, change)| {
        let mut body = valid();
        apply(&mut body, place, change);
        body.to_string()
    });
    let damaged = damage().prop_map(move |damage| {
        let mut bytes = valid().to_string().into_bytes();
        inflict(&mut bytes, damage);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    prop_oneof![
        1 => Just(()).prop_map(move |()| valid().to_string()),
        4 => changed,
        4 => damaged,
        1 => json().prop_map(|json| json.to_string()),
        1 => text(),
    ]
}

/// A batch; of one in ten, any node is something else.
fn batch(task: &'static str, id: &'static str) -> impl Strategy<Value = Value> {
    let sample = crate::support::request::sample("deliver/one.json");
    let bodies = proptest::collection::vec(body(task, id), RECORDS);
    let broken = proptest::option::weighted(0.1, (any::<Index>(), change()));
    (bodies, broken).prop_map(move |(bodies, broken)| {
        let records = bodies.into_iter().enumerate().map(|(number, body)| {
            let mut record = sample["Records"][0].clone();
            (record["messageId"], record["body"]) = (number.to_string().into(), body.into());
            record
        });
        let mut event = json!({"Records": records.collect::<Vec<_>>()});
        if let Some((place, change)) = broken {
            apply(&mut event, place, change);
        }
        event
    })
}

/// A record that is no task comes back; a task without a row is done; a record without an id fails the whole batch.
fn judge<T: DeserializeOwned>(
    event: Value,
    handle: impl Fn(SqsEvent) -> Option<SqsBatchResponse>,
) -> Result<(), TestCaseError> {
    let Ok(event) = serde_json::from_value::<SqsEvent>(event) else {
        return Ok(());
    };
    let name = |id: &Option<String>| id.clone().filter(|id| !id.is_empty());
    let names: Option<Vec<String>> = event
        .records
        .iter()
        .map(|record| name(&record.message_id))
        .collect();
    let undecodable: HashSet<String> = event
        .records
        .iter()
        .filter(|record| serde_json::from_str::<T>(record.body.as_deref().unwrap_or_default()).is_err())
        .filter_map(|record| name(&record.message_id))
        .collect();
    let Some(answer) = handle(event) else {
        prop_assert!(names.is_none());
        return Ok(());
    };
    prop_assert!(names.is_some());
    let failed: HashSet<String> = answer
        .batch_item_failures
        .into_iter()
        .map(|failure| failure.item_identifier)
        .collect();
    prop_assert_eq!(failed, undecodable);
    Ok(())
}

fn deliver_config(db: &Database) -> config::Deliver {
    config::Deliver {
        database: db.config(),
        queue_url: "http://127.0.0.1:1/queue".to_owned(),
        resend: config::Resend {
            api_key: "re_test".to_owned().into(),
            base_url: CLOSED.to_owned(),
            from: "OnAI Academy <noreply@onai.academy>".to_owned(),
        },
        mobizon: config::Mobizon {
            api_key: "kz_test".to_owned().into(),
            base_url: CLOSED.to_owned(),
            sender: None,
        },
        links: config::Links {
            public: "https://api.onai.academy".to_owned(),
            short: "https://api.onai.academy".to_owned(),
        },
    }
}

fn crm_config(db: &Database) -> config::Crm {
    config::Crm {
        database: db.config(),
        queue_url: "http://127.0.0.1:1/queue".to_owned(),
        amocrm: config::AmoCrm {
            base_url: CLOSED.to_owned(),
            auth: Auth::LongLived("crm_test".to_owned().into()),
            stage: Stage::Ids(PipelineId(1), StageId(2)),
            lead_id_field: FieldId(3),
            utm_fields: Vec::new(),
            requests_per_second: 5,
            block: None,
        },
    }
}

#[test]
fn any_batch_is_answered_record_by_record() {
    let (server, db, deliver, crm) = run(async {
        let (server, sdk) = refusing_aws().await;
        let db = Database::fresh().await;
        let deliver = deliver::App::new(&deliver_config(&db), &sdk).unwrap();
        let crm = crm::App::new(&crm_config(&db), &sdk).unwrap();
        (server, db, deliver, crm)
    });
    check(
        "deliver, batches",
        200,
        &batch("deliver_v1", "notification"),
        |event| judge::<DeliverTask>(event, |event| run(deliver::handle(&deliver, event)).ok()),
    );
    check("crm, batches", 200, &batch("crm_v1", "lead"), |event| {
        judge::<CrmTask>(event, |event| run(crm::handle(&crm, event)).ok())
    });
    run(async {
        let counts = db.counts().await;
        assert!(
            counts.as_object().unwrap().values().all(|count| *count == 0),
            "{counts}"
        );
    });
    drop((server, deliver, crm));
}

#[test]
fn any_body_is_a_task_of_its_version_or_none() {
    /// What is read means exactly what is written for it.
    fn judge<T: DeserializeOwned + Serialize>(raw: &str, task: &str) -> Result<(), TestCaseError> {
        let Ok(read) = serde_json::from_str::<T>(raw) else {
            return Ok(());
        };
        let raw: Value = serde_json::from_str(raw).unwrap();
        let written: Value = serde_json::from_str(&task::body(&read)).unwrap();
        prop_assert_eq!(&written["task"], task);
        prop_assert_eq!(raw.as_object().map(Map::len), Some(2));
        Ok(())
    }
    check(
        "deliver, bodies",
        8000,
        &body("deliver_v1", "notification"),
        |raw| judge::<DeliverTask>(&raw, "deliver_v1"),
    );
    check("crm, bodies", 8000, &body("crm_v1", "lead"), |raw| {
        judge::<CrmTask>(&raw, "crm_v1")
    });
}
