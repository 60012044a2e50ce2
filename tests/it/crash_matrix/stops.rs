//! People stop our messages, each by one click and then all of them, while the function dies.

use super::rounds::{Armed, Told};
use super::tally::drain;
use crate::support::request::{sample, visit_event};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::world::World;
use serde_json::Value;

fn post(token: &str, body: &str) -> Value {
    let mut event = sample("recipient/stop.json");
    let path = format!("/u/{token}");
    event["rawPath"] = path.as_str().into();
    event["requestContext"]["http"]["path"] = path.into();
    event["body"] = STANDARD.encode(body).into();
    event
}

/// Everybody has their messages, looks at the result, and stops what comes later. Who gets no answer asks again.
pub async fn stop(armed: &Armed<'_>, rounds: usize) -> Told {
    let db = &armed.world.db;
    // What intake makes of the contacts.
    db.execute(
        "update submissions set email_key = decode(md5('email' || lead_id), 'hex'),
                                phone_key = decode(md5('phone' || lead_id), 'hex')",
    )
    .await;
    drain(armed.world).await;
    let mut events = Vec::new();
    for row in db.rows("select code from short_links").await {
        events.push(visit_event(
            "GET",
            &format!("/r/{}", row["code"].as_str().unwrap()),
            "",
        ));
    }
    for row in db.rows("select token from recipient_tokens").await {
        let token = row["token"].as_str().unwrap();
        events.extend(["List-Unsubscribe=One-Click", "stop=all"].map(|body| post(token, body)));
    }
    for number in 0..=rounds {
        armed.chance.shuffle(&mut events);
        let answers = if number < rounds {
            armed.round(number, events.clone()).await
        } else {
            armed.peacefully(events.clone()).await
        };
        let answered = |answer: &Value| assert_eq!(answer["statusCode"], 200, "{answer}");
        answers.iter().flatten().for_each(answered);
        let mut answers = answers.iter();
        events.retain(|_| answers.next().unwrap().is_none());
    }
    assert!(events.is_empty(), "a process died that was not armed");
    Told {
        stopped: true,
        ..Told::default()
    }
}

/// Leads of which not both channels are suppressed, whose consent stands, or that are told of twice.
pub async fn settle(world: &World, leads: usize) -> usize {
    let right = "landing_leads l
        where (select count(*) from suppressions p join submissions s on p.key in (s.email_key, s.phone_key)
               where s.lead_id = l.id and p.until is null) = 2
          and not exists (select from consents c where c.lead_id = l.id and c.withdrawn_how <> 'unsubscribe')
          and (select array_agg(e.detail ->> 'how' order by e.id) from lead_events e
               where e.lead_id = l.id and e.what = 'stop') in ('{one_click,unsubscribe}', '{unsubscribe}')";
    leads.abs_diff(usize::try_from(world.db.count(right).await).unwrap())
}
