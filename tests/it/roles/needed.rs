//! No role has a right for nothing: without any one of them some statement of its function is refused.
//!
//! PostgreSQL checks rights before it looks for rows, so the statements need not find any.

use crate::support::hits::click;
use futures::future::join_all;
use harness::postgres::connect;
use harness::world::{Database, Person, run};
use jiff::Timestamp;
use ops::roles::{MEMBERS, rights};
use ops::store::{Held, Span, Suppressed};
use proftest::domain::crm::{CrmOutcome, NoteKind};
use proftest::domain::delivery::{Channel, Doubt, Kind, Outcome};
use proftest::domain::ids::{
    BatchId, ContactId, DealId, LeadId, NotificationId, RecipientToken, ShortCode, SubmissionId,
};
use proftest::domain::metadata::Metadata;
use proftest::domain::recipient::Stop;
use proftest::domain::retention::{Expiring, Retention};
use proftest::store::{CrmWork, DealSaved, Due, Pinned, Store, StoreError, Target, TaskDue, Told};
use serde_json::{Map, json};
use std::time::Duration;
use tokio_postgres::error::SqlState;

/// Rights that the doctor alone needs; `doctor` and `doctor_database` run as the role of ops.
const OF_THE_DOCTOR: [(&str, &str); 4] = [
    ("table public.crm_tokens", "select (access_token)"),
    ("table public.crm_tokens", "select (expires_at)"),
    ("table public.refinery_schema_history", "select (version)"),
    ("table public.refinery_schema_history", "select (checksum)"),
];

/// What the release before calls, until the one after this.
fn is_of_the_release_before(thing: &str) -> bool {
    thing.starts_with("routine funnel.click(")
}

type Done = Vec<Result<(), StoreError>>;

fn done<T>(result: Result<T, StoreError>) -> Result<(), StoreError> {
    result.map(drop)
}

async fn work_of(function: &str, store: &Store) -> Done {
    match function {
        "intake" => intake(store).await,
        "track" => track(store).await,
        "receipts" => vec![done(store.take_receipts(&[]).await)],
        "recipient" => recipient(store).await,
        "deliver" => deliver(store).await,
        "crm" => crm(store).await,
        "sweep" => sweep(store).await,
        "ops" => ops(store).await,
        other => panic!("what does {other} do?"),
    }
}

async fn intake(store: &Store) -> Done {
    let lead = Person::new().lead().unwrap();
    vec![
        done(store.save_lead(lead, Kind::Result, Duration::ZERO).await),
        done(store.prove(SubmissionId::new()).await),
    ]
}

async fn track(store: &Store) -> Done {
    let hit = click(Target::Code(ShortCode::new().unwrap()));
    vec![done(store.record_hit(&hit).await)]
}

fn due(notification: NotificationId) -> Due {
    let person = Person::new().lead().unwrap();
    Due {
        notification,
        lead: LeadId::new(),
        kind: Kind::Result,
        campaign: None,
        name: person.name,
        email: person.email,
        phone: person.phone,
        quiz_result: None,
        code: None,
        email_code: ShortCode::new().unwrap(),
        token: RecipientToken::new().unwrap(),
        failed: false,
        attempts: Vec::new(),
        rest_free_in: None,
    }
}

async fn recipient(store: &Store) -> Done {
    let (token, code) = (RecipientToken::new().unwrap(), ShortCode::new().unwrap());
    vec![
        done(store.stop(&token, Stop::All).await),
        done(store.result_of(&code).await),
    ]
}

async fn deliver(store: &Store) -> Done {
    let (id, batch) = (NotificationId::new(), BatchId::new());
    let pinned = [Pinned {
        channel: Channel::Email,
        content: json!({}),
    }];
    let accepted = Outcome::Accepted {
        provider_id: "1".to_owned(),
    };
    vec![
        done(store.claim(id, &json!({})).await),
        done(store.pin(&due(id), &pinned).await),
        done(store.record(id, Channel::Email, 1, &accepted, Doubt::Keep).await),
        done(store.compose(batch, &[(id, 1)]).await),
        done(store.dissolve(batch, &[(id, 1)]).await),
        done(store.members(batch).await),
        done(store.close(batch).await),
    ]
}

fn work() -> CrmWork {
    let person = Person::new().lead().unwrap();
    CrmWork {
        lead: LeadId::new(),
        attempt: 1,
        retries: 0,
        revision: 1,
        deal_due: true,
        notes: Vec::new(),
        noting_for: None,
        task: TaskDue {
            is_due: true,
            user: None,
            tasking_for: None,
        },
        move_due: false,
        clicked: false,
        creating_for: None,
        contact: None,
        deal: None,
        name: person.name,
        email: person.email,
        phone: person.phone,
        source: person.source,
        metadata: Metadata::from_json(Map::new()),
        email_fate: None,
        sms_fate: None,
    }
}

async fn crm(store: &Store) -> Done {
    let (work, token) = (work(), || "token".to_owned().into());
    let saved = DealSaved {
        deal: DealId(1),
        contact: Some(ContactId(1)),
        made: true,
        task_due: true,
        user: None,
        move_due: false,
    };
    let told = Told {
        notes: &NoteKind::ALL,
        task: true,
    };
    vec![
        done(store.claim_crm(work.lead).await),
        done(store.mark_creating(&work, true).await),
        done(store.mark_telling(&work, true, true).await),
        done(store.save_deal(&work, &saved).await),
        done(store.record_crm(&work, &CrmOutcome::Done, told).await),
        done(store.take_slot(5).await),
        done(store.give_slot_back(1).await),
        done(store.shut_gate(Some(Duration::ZERO), "test").await),
        done(store.begin_rotation(Duration::ZERO, None).await),
        done(store.end_rotation(&token(), &token(), Duration::ZERO).await),
    ]
}

async fn sweep(store: &Store) -> Done {
    vec![
        done(store.take_overdue(1, Duration::ZERO).await),
        done(store.take_overdue_crm(1, Duration::ZERO).await),
        done(store.backlog().await),
        done(store.close_left_behind().await),
        done(store.close(BatchId::new()).await),
        done(store.end_holds(1).await),
        done(store.guard_state().await),
        done(store.take_receipts(&[]).await),
        done(store.take_polls(Channel::Sms, 1, Duration::ZERO).await),
        done(store.end_polls(Channel::Sms, &["1".to_owned()]).await),
        done(store.take_unmirrored(1, Duration::ZERO).await),
        done(store.mirrored(&["00".to_owned()]).await),
        done(store.take_expiring().await),
        done(
            store
                .expire(Expiring::Clicks, Retention::default().age(Expiring::Clicks), 1)
                .await,
        ),
    ]
}

fn span() -> Span {
    Span {
        from: Timestamp::UNIX_EPOCH,
        to: Timestamp::now(),
        channel: None,
    }
}

async fn ops(store: &Store) -> Done {
    let person = Person::new().lead().unwrap();
    let found = ops::store::leads_of(store, Some(&person.email), Some(&person.phone));
    vec![
        done(found.await),
        done(ops::store::lead(store, LeadId::new()).await),
        done(ops::store::erase(store, &[LeadId::new()], "test").await),
        done(ops::store::release(store, &Held::OfLead(LeadId::new()), 1, "test", true).await),
        done(ops::store::held_now(store).await),
        done(ops::store::lift(store, &Suppressed::Lead(LeadId::new()), "test", true).await),
        done(ops::store::cancel(store, &span(), "test", 1, true).await),
        done(store.close(BatchId::new()).await),
        done(ops::store::reopen(store, NotificationId::new(), true).await),
        done(ops::store::reopen_crm(store, LeadId::new(), true).await),
        done(ops::store::open_gate(store).await),
        done(ops::store::older_hits(store, None, 1).await),
        done(ops::store::rejudge(store, &[], "test", true).await),
    ]
}

fn is_refusal(result: &Result<(), StoreError>) -> bool {
    matches!(result, Err(StoreError::Refused(error)) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE))
}

async fn needs_all(db: &Database, function: &str, role: &str) -> usize {
    let store = db.store_as(function);
    for result in work_of(function, &store).await {
        assert!(result.is_ok(), "{function}: {result:?}");
    }
    let owner = connect(&db.url).await.unwrap();
    let mut needless = Vec::new();
    let rights = rights(&owner, &[role], false).await.unwrap();
    for right in &rights {
        if OF_THE_DOCTOR.contains(&(right.thing.as_str(), right.what.as_str()))
            || is_of_the_release_before(&right.thing)
        {
            continue;
        }
        let sql =
            |verb, preposition| format!("{verb} {} on {} {preposition} {role}", right.what, right.thing);
        owner.batch_execute(&sql("revoke", "from")).await.unwrap();
        if !work_of(function, &store).await.iter().any(is_refusal) {
            needless.push(right.to_string());
        }
        owner.batch_execute(&sql("grant", "to")).await.unwrap();
    }
    assert!(needless.is_empty(), "no statement needs {needless:#?}");
    rights.len()
}

#[test]
fn without_any_single_right_some_statement_is_refused() {
    run(async {
        let tried = join_all(MEMBERS.iter().map(|member| async {
            let db = Database::fresh().await;
            needs_all(&db, member.name, &member.roles()[0]).await
        }));
        let tried: usize = tried.await.into_iter().sum();
        println!("{tried} rights");
        assert!(tried > 100, "{tried}");
    });
}
