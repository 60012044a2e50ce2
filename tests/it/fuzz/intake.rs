//! `POST /api/landing/proftest`.

use super::mutate::{
    Change, apply, apply_all, change, change_field, damage, damaged, json, nested, printable, text,
};
use super::{check, refusing_aws};
use crate::support::request::{Answer, sample};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::world::{Database, World, run};
use lambda_http::request::LambdaRequest;
use proftest::domain::ids::{LeadId, NotificationId};
use proftest::http::make_readable;
use proftest::store::{Claim, CrmClaim};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

const FIELDS: [&str; 16] = [
    "name",
    "email",
    "phone",
    "source",
    "campaignSlug",
    "paymentMethod",
    "submissionId",
    "answers",
    "proftestAnswers",
    "utmParams",
    "lastUtmParams",
    "metadata",
    "website",
    "elapsedMs",
    "result",
    "lastTouch",
];

fn valid() -> impl Strategy<Value = Value> {
    let sample = sample("intake/valid.json");
    let mut body: Value = serde_json::from_str(sample["body"].as_str().unwrap()).unwrap();
    body["proftestAnswers"].as_array_mut().unwrap().truncate(1);
    (0..1000_u32).prop_map(move |person| {
        let mut body = body.clone();
        body["email"] = json!(format!("person{person}@example.com"));
        body["phone"] = json!(format!("+7701{person:07}"));
        body
    })
}

/// A contact as the tables of spellings have it, with something put in.
fn contact() -> impl Strategy<Value = (&'static str, Change)> {
    let tables = [
        ("name", include_str!("../../../shared/data/names.json")),
        ("email", include_str!("../../../shared/data/emails.json")),
        ("phone", include_str!("../../../shared/data/phones.json")),
    ];
    let mut spellings = Vec::new();
    for (field, table) in tables {
        let table: Value = serde_json::from_str(table).unwrap();
        for row in table["spellings"].as_array().unwrap() {
            spellings.push((field, row["input"].as_str().unwrap().to_owned()));
        }
    }
    let stray = prop_oneof![2 => Just(String::new()), 1 => text()];
    (select(spellings), any::<Index>(), stray).prop_map(|((field, mut spelling), place, stray)| {
        let ends = spelling.char_indices().map(|(place, _)| place);
        let places: Vec<usize> = ends.chain([spelling.len()]).collect();
        spelling.insert_str(*place.get(&places), &stray);
        (field, Change::Replace(spelling.into()))
    })
}

/// A body with some of its fields changed, any node of it changed, or something else altogether.
fn tree() -> impl Strategy<Value = Value> {
    let field = (select(FIELDS.as_slice()), change());
    let any_contact = (
        select(&FIELDS[..3]),
        text().prop_map(Value::from).prop_map(Change::Replace),
    );
    let field = prop_oneof![4 => field, 2 => any_contact, 2 => contact(), 1 => tags()];
    let fields = proptest::collection::vec(field, 1..6);
    let nodes = proptest::collection::vec((any::<Index>(), change()), 1..4);
    let deep = (select(&FIELDS[9..12]), nested());
    prop_oneof![
        12 => (valid(), fields).prop_map(|(mut body, changes)| {
            let fields = body.as_object_mut().unwrap();
            for (field, change) in changes {
                change_field(fields, field, change);
            }
            body
        }),
        3 => (valid(), nodes).prop_map(|(mut body, changes)| {
            apply_all(&mut body, changes);
            body
        }),
        1 => (valid(), deep).prop_map(|(mut body, (field, nested))| {
            body[field] = nested;
            body
        }),
        2 => json(),
    ]
}

/// Tags of any names and values, few or far too many.
fn tags() -> impl Strategy<Value = (&'static str, Change)> {
    let prefix = select(vec!["", "utm_", "UTM_", "amp;utm_", "&amp;", "?"]);
    let name = (prefix, text()).prop_map(|(prefix, text)| prefix.to_owned() + &text);
    let value = prop_oneof![1 => json(), 1 => (text(), 1..200_usize).prop_map(|(text, times)| text.repeat(times).into())];
    let all = proptest::collection::vec((name, value), 0..12);
    (select(&FIELDS[9..11]), all)
        .prop_map(|(field, all)| (field, Change::Replace(Value::Object(all.into_iter().collect()))))
}

/// In UTF-16, little-endian or not, with or without its mark.
fn utf16(text: &str, is_little: bool, has_mark: bool) -> Vec<u8> {
    let mark = has_mark.then_some(0xFEFF).into_iter();
    let units = mark.chain(text.encode_utf16());
    let bytes = |unit: u16| {
        if is_little {
            unit.to_le_bytes()
        } else {
            unit.to_be_bytes()
        }
    };
    units.flat_map(bytes).collect()
}

/// The bytes of a body: JSON, JSON that was damaged, a form, or anything.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let whole = tree().prop_map(|tree| tree.to_string().into_bytes());
    let broken =
        (tree(), proptest::collection::vec(damage(), 1..4)).prop_map(|(tree, all)| damaged(&tree, all));
    let form = text()
        .prop_map(|text| format!("name={text}&email=a%40example.com&phone=%2B77010000000").into_bytes());
    let wide = (tree(), any::<bool>(), any::<bool>())
        .prop_map(|(tree, is_little, has_mark)| utf16(&tree.to_string(), is_little, has_mark));
    prop_oneof![
        10 => whole,
        6 => broken,
        1 => wide,
        1 => form,
        1 => proptest::collection::vec(any::<u8>(), 0..200),
        1 => (60_000_usize..70_000).prop_map(|length| json!({"name": "x".repeat(length)}).to_string().into_bytes()),
    ]
}

/// Headers that a client may send.
fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let content_type = prop_oneof![
        20 => Just("application/json".to_owned()),
        4 => select(vec![
            "application/json; charset=utf-8", "Application/JSON;", "text/plain", "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x", "", "json", ";", "application/json2",
        ]).prop_map(str::to_owned),
        1 => printable(),
    ];
    let key = prop_oneof![printable(), "[a-z0-9-]{0,300}"];
    let odd = ("[a-z-]{1,20}", printable());
    let known = (
        select(vec![
            "host",
            "x-forwarded-proto",
            "cookie",
            "content-length",
            "content-encoding",
        ]),
        printable(),
    );
    (
        content_type,
        proptest::option::weighted(0.2, key),
        proptest::option::weighted(0.2, odd),
        proptest::option::weighted(0.1, known),
    )
        .prop_map(|(content_type, key, odd, known)| {
            let mut headers = vec![("content-type".to_owned(), content_type)];
            headers.extend(key.map(|key| ("idempotency-key".to_owned(), key)));
            headers.extend(odd);
            headers.extend(known.map(|(name, value)| (name.to_owned(), value)));
            headers
        })
}

/// Events as API Gateway makes them of a request; of one in twenty, any node is something else.
fn event() -> impl Strategy<Value = Value> {
    let sample = sample("intake/valid.json");
    let binary = any::<bool>();
    let query = prop_oneof![4 => Just(String::new()), 1 => text()];
    let broken = proptest::option::weighted(0.05, (any::<Index>(), change()));
    (body(), headers(), binary, query, broken).prop_map(move |(body, headers, binary, query, broken)| {
        let mut event = sample.clone();
        event["rawQueryString"] = query.into();
        for (name, value) in headers {
            event["headers"][name] = value.into();
        }
        match String::from_utf8(body) {
            Ok(text) if !binary => event["body"] = text.into(),
            // Said to be Base64, which few texts are.
            Ok(text) if text.len() % 4 == 1 => {
                (event["body"], event["isBase64Encoded"]) = (text.into(), true.into());
            }
            Ok(text) => {
                (event["body"], event["isBase64Encoded"]) = (STANDARD.encode(text).into(), true.into());
            }
            Err(bytes) => {
                (event["body"], event["isBase64Encoded"]) =
                    (STANDARD.encode(bytes.as_bytes()).into(), true.into());
            }
        }
        if let Some((place, change)) = broken {
            apply(&mut event, place, change);
        }
        event
    })
}

/// Everything that was stored is bounded, and can be read again by those who work on it.
async fn assert_readable(db: &Database, leads: &HashSet<String>) {
    assert_eq!(
        db.count("landing_leads").await,
        i64::try_from(leads.len()).unwrap()
    );
    let odd = "landing_leads where length(name) not between 2 and 100 or name ~ '[\\x01-\\x1f\\x7f]'
        or octet_length(email) > 254 or email ~ '[^\\x21-\\x7e]' or phone !~ '^\\+[0-9]{6,15}$'
        or length(source) > 109 or source ~ '[\\x01-\\x1f\\x7f]' or octet_length(metadata::text) > 400000";
    assert_eq!(db.count(odd).await, 0);
    assert_eq!(
        db.count("submissions where octet_length(key) > 255 or key ~ '[\\x01-\\x1f\\x7f]'")
            .await,
        0
    );
    let tags = "landing_leads, jsonb_each(metadata -> 'utmParams') as tag (key, text)
        where jsonb_typeof(text) <> 'string' or length(text #>> '{}') not between 1 and 1024 or length(key) > 64";
    assert_eq!(db.count(tags).await, 0);
    let store = db.store();
    for row in db.rows("select id, lead_id from scheduled_notifications").await {
        let id = |column: &str| row[column].as_str().unwrap().parse().unwrap();
        let claim = store
            .claim(NotificationId::from_uuid(id("id")), &json!({}))
            .await
            .unwrap();
        assert!(matches!(claim, Claim::Claimed(_)), "{row}: {claim:?}");
        let claim = store.claim_crm(LeadId::from_uuid(id("lead_id"))).await;
        // Another lead with this phone holds the person.
        let read = matches!(claim, Ok(CrmClaim::Claimed(_) | CrmClaim::Busy { .. }));
        assert!(read, "{row}: {claim:?}");
    }
}

#[test]
fn any_submission_is_saved_whole_or_refused_with_what_to_do() {
    let (server, world, app) = run(async {
        let (server, sdk) = refusing_aws().await;
        let mut world = World::new().await;
        world.delay = Duration::ZERO;
        let app = intake::App::new(&world.intake_config(), &sdk).unwrap();
        app.warm_up().await;
        (server, world, app)
    });
    let leads = Mutex::new(HashSet::new());
    let refused = Mutex::new(0);
    check("intake", 30_000, &event(), |event| {
        // What is no event of API Gateway's never reaches a function.
        let Ok(mut event) = serde_json::from_value::<LambdaRequest>(event) else {
            return Ok(());
        };
        make_readable(&mut event);
        let answer = Answer::from(run(intake::handle(&app, event.into())));
        match answer.status {
            200 => {
                leads.lock().unwrap().insert(answer.lead().to_owned());
            }
            400 | 413 | 415 => {
                let error = answer.body["error"].as_str().unwrap_or_default();
                prop_assert!(!error.is_ascii(), "{:?}", answer);
                *refused.lock().unwrap() += 1;
            }
            status => prop_assert!(false, "{}: {:?}", status, answer),
        }
        Ok(())
    });
    let (leads, refused) = (leads.into_inner().unwrap(), refused.into_inner().unwrap());
    println!("{} people saved, {refused} submissions refused", leads.len());
    assert!(leads.len() > 20 && refused > 100, "the inputs are one-sided");
    run(assert_readable(&world.db, &leads));
    drop((server, app));
}
