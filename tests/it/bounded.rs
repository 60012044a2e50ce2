//! A lead's metadata is bounded as PostgreSQL writes it, whatever is posted how often.

use crate::intake::{app, post, world};
use harness::world::{Person, run};
use serde_json::{Value, json};

/// The longest metadata of a row, in bytes.
const OCTETS_MAX: usize = 16_384;
const SUBMISSIONS: usize = 20;

/// One person sends the form so often, each time with what `extra` adds to it.
async fn assert_bounded(extra: impl Fn(usize) -> Value) {
    let world = world().await;
    let app = app(&world).await;
    let person = Person::new();
    for number in 0..SUBMISSIONS {
        post(&app, &person.with(extra(number)).form()).await.lead();
    }
    assert_eq!(world.db.count("landing_leads").await, 1);
    for table in ["landing_leads", "submissions"] {
        let longer = format!("{table} where octet_length(metadata::text) > {OCTETS_MAX}");
        assert_eq!(world.db.count(&longer).await, 0, "{table}");
    }
}

#[test]
fn twenty_submissions_with_a_new_field_of_60_kb_each() {
    run(assert_bounded(
        |number| json!({ (format!("field{number}")): "x".repeat(60_000) }),
    ));
}

#[test]
fn twenty_submissions_with_new_fields_that_fit_one_by_one() {
    run(assert_bounded(
        |number| json!({ (format!("field{number}")): "x".repeat(4000), (format!("more{number}")): number }),
    ));
}

#[test]
fn twenty_submissions_with_everything_that_grows_on_its_way_into_a_jsonb() {
    run(assert_bounded(|number| {
        let entry =
            json!({"questionNumber": 1, "question": "\u{1}Я\"".repeat(40), "answer": "\\\n".repeat(40)});
        let tags = |length: usize| {
            let tag = |place: usize| (format!("utm_{number}_{place}"), json!("\"Я".repeat(length)));
            Value::Object((0..60).map(tag).collect())
        };
        json!({
            (format!("floats{number}")): vec![1e300; 20],
            (format!("small{number}")): [5e-324, 1.7e308, -1e-300],
            (format!("lists{number}")): vec![json!([[], {}, null, false]); 80],
            (format!("escaped{number}")): "\u{1}\u{1f}\t".repeat(300),
            "answers": vec![u64::MAX; 200],
            "proftestAnswers": vec![entry; 30],
            "campaignSlug": "😀".repeat(100),
            "paymentMethod": "😀".repeat(100),
            "source": "😀".repeat(100),
            "utmParams": tags(20),
            "lastUtmParams": tags(60),
        })
    }));
}
