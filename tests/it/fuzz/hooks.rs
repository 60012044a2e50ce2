//! Vendors' reports: any event of API Gateway, and any body under a good signature.

use super::check;
use super::mutate::{apply, change, json, printable, text};
use crate::support::hooks::{MOBIZON, RESEND, Reported, event};
use crate::support::request::sample;
use harness::world::run;
use lambda_http::request::LambdaRequest;
use proftest::http::make_readable;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use standins::{Bounce, MailEvent, Webhook};

async fn answer(app: &receipts::App, event: Value) -> Option<u16> {
    let mut event: LambdaRequest = serde_json::from_value(event).ok()?;
    make_readable(&mut event);
    Some(receipts::handle(app, &event.into()).await.status().as_u16())
}

fn anything() -> impl Strategy<Value = Value> {
    let samples = ["resend", "mobizon", "mobizon_form"].map(|name| sample(&format!("receipts/{name}.json")));
    let path = prop_oneof![
        4 => select(vec![RESEND, MOBIZON, "/hooks/resend/", "/hooks", "/hooks/other"]).prop_map(str::to_owned),
        1 => text().prop_map(|text| format!("/hooks/{text}")),
    ];
    let name = select(vec![
        "svix-id",
        "svix-timestamp",
        "svix-signature",
        "webhook-id",
        "content-type",
    ]);
    let header = proptest::option::of((name, printable()));
    let body = prop_oneof![2 => Just(None), 2 => text().prop_map(Some), 1 => json().prop_map(|json| Some(json.to_string()))];
    let broken = proptest::option::weighted(0.2, (any::<Index>(), change()));
    (
        select(samples.to_vec()),
        path,
        header,
        body,
        any::<bool>(),
        broken,
    )
        .prop_map(|(mut event, path, header, body, is_base64, broken)| {
            event["rawPath"] = path.into();
            if let Some((name, value)) = header {
                event["headers"][name] = value.into();
            }
            if let Some(body) = body {
                event["body"] = body.into();
                event["isBase64Encoded"] = is_base64.into();
            }
            if let Some((place, change)) = broken {
                apply(&mut event, place, change);
            }
            event
        })
}

#[test]
fn any_request_without_a_good_signature_is_refused_and_writes_nothing() {
    let reported = run(Reported::new());
    check("hooks", 10_000, &anything(), |event| {
        // The samples of Mobizon are signed: their message is nobody's.
        let status = run(answer(&reported.app, event));
        let known = status.is_none_or(|status| [200, 401, 404].contains(&status));
        prop_assert!(known, "{:?}", status);
        Ok(())
    });
    let db = &reported.world.db;
    assert_eq!(run(db.count("receipts")) + run(db.count("vendor_messages")), 0);
}

#[test]
fn any_signed_body_is_answered_and_no_address_is_kept_of_it() {
    let (reported, bounce) = run(async {
        let reported = Reported::new().await;
        let waiting = reported.send_one().await;
        let bounce = reported.happens(&waiting, MailEvent::Bounced(Bounce::Permanent));
        (reported, bounce)
    });
    let body: Value = serde_json::from_str(&bounce.body).unwrap();
    let changed = (any::<Index>(), change()).prop_map(move |(place, change)| {
        let mut body = body.clone();
        apply(&mut body, place, change);
        body.to_string()
    });
    let bodies = prop_oneof![6 => changed, 1 => text(), 1 => json().prop_map(|json| json.to_string())];
    check("signed hooks of Resend", 10_000, &bodies, |body| {
        let webhook = reported.world.vendors.resend.signed(&body);
        let status = run(answer(&reported.app, event(RESEND, &webhook, false)));
        prop_assert_eq!(status, Some(200));
        Ok(())
    });
    run(async {
        let reasons =
            "select reason from deliveries where reason is not null union select reason from vendor_messages
                       where reason is not null union select detail ->> 'reason' from lead_events
                       where detail ->> 'reason' is not null";
        let reasons = reported.world.db.rows(reasons).await;
        assert!(!reasons.is_empty());
        for reason in reasons {
            let reason = reason["reason"].as_str().unwrap();
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ' ';
            assert!(reason.len() < 150 && reason.chars().all(is_plain), "{reason}");
        }
        assert!(reported.world.db.count("receipts").await > 100);
    });
}

/// Fields that Mobizon signs, any data, in any form.
fn mobizon(reported: &Reported) -> impl Strategy<Value = Webhook> + '_ {
    let plain = |text: String| text.replace(['|', '\0'], "");
    let id = prop_oneof![any::<u32>().prop_map(|id| id.to_string()), text().prop_map(plain)];
    let message = prop_oneof![
        select(
            reported
                .world
                .vendors
                .mobizon
                .sent()
                .iter()
                .map(|sms| sms.message_id)
                .collect::<Vec<_>>()
        )
        .prop_map(|id| json!(id)),
        any::<i64>().prop_map(|id| json!(id)),
        json(),
    ];
    (id, message, json(), 0..3_usize).prop_map(|(id, message, data, form)| {
        let created = "2026-01-15 11:42:28";
        let sign = reported.world.vendors.mobizon.sign(id.trim(), "1", created);
        let body = match form {
            0 => {
                let mut data = data;
                if let Some(data) = data.as_object_mut() {
                    data.insert("messageId".to_owned(), message);
                }
                json!({"eventId": id, "eventType": "sms-delivery-report", "attempt": 1, "eventCreateTs": created,
                       "data": data, "sign": sign})
                .to_string()
            }
            1 => format!(
                "<x><eventId>{id}</eventId><eventType>sms-delivery-report</eventType><attempt>1</attempt>\
                 <eventCreateTs>{created}</eventCreateTs><data><messageId>{message}</messageId>{data}</data><sign>{sign}</sign></x>"
            ),
            _ => format!(
                "eventId={id}&eventType=sms-delivery-report&attempt=1&eventCreateTs={created}&data[messageId]={message}&data={data}&sign={sign}"
            ),
        };
        Webhook { headers: Vec::new(), body }
    })
}

#[test]
fn any_signed_report_of_mobizon_is_answered() {
    let reported = run(async {
        let reported = Reported::new().await;
        let waiting = reported.send_one().await;
        drop(reported.has_status(&waiting, "DELIVRD"));
        reported
    });
    check("signed hooks of Mobizon", 5_000, &mobizon(&reported), |webhook| {
        for is_base64 in [false, true] {
            let status = run(answer(&reported.app, event(MOBIZON, &webhook, is_base64)));
            prop_assert!(
                status.is_none_or(|status| [200, 401].contains(&status)),
                "{:?}",
                status
            );
        }
        Ok(())
    });
    run(async {
        assert!(reported.world.db.count("receipts").await > 100);
        assert_eq!(
            reported
                .world
                .db
                .count("vendor_messages where channel = 'sms'")
                .await,
            1
        );
    });
}
