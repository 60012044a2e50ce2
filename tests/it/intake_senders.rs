//! What programs and people send that is not as documented, and still is a lead.

use crate::intake::{app, world};
use crate::support::request::{Answer, raw_submission, request, sample};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::world::run;
use serde_json::{Value, json};

#[test]
fn what_odd_senders_send_is_one_lead_of_one_person() {
    run(async {
        let intake = world().await;
        let app = app(&intake).await;
        let body = |name: &str, rest: &str| {
            format!(r#"{{"name":"{name}","email":"andrey@пример.рф","phone":"+8 (701) 123-45-67"{rest}}}"#)
        };
        // Decomposed letters, half an emoji, a byte order mark, PHP's empty maps, tags that are no strings.
        let decomposed = "Андреи\u{306} Еще\u{308}";
        for text in [
            body("Андрей Ещё", ""),
            body(decomposed, ""),
            body(r"Андрей Ещё \ud83d", r#","note":"\ud83d""#),
            format!("\u{feff}{}", body("Андрей Ещё", "")),
            body(
                "Андрей Ещё",
                r#","utmParams":[],"lastUtmParams":[],"metadata":[]"#,
            ),
            body(
                "Андрей Ещё",
                r#","utmParams":{"utm_content":21546,"UTM_SOURCE":"ig","utm_id":null}"#,
            ),
        ] {
            let answer =
                Answer::from(intake::handle(&app, raw_submission(Some("application/json"), &text)).await);
            answer.lead();
            let lead = intake
                .db
                .row("select name, email, phone from landing_leads")
                .await;
            let expected = json!({"name": "Андрей Ещё", "email": "andrey@xn--e1afmkfd.xn--p1ai", "phone": "+77011234567"});
            assert_eq!(lead, expected, "{text}");
        }
        let found = intake.db.count("landing_leads where name = 'Андрей Ещё'").await;
        assert_eq!(found, 1, "a search by the composed name finds the person");
        let lead = intake
            .db
            .row("select metadata -> 'utmParams' as first, metadata #> '{lastTouch,utmParams}' as last from landing_leads")
            .await;
        // The first touch had none, and stays.
        let last = json!({"utm_content": "21546", "utm_source": "ig"});
        assert_eq!((&lead["first"], &lead["last"]), (&Value::Null, &last));
        // In UTF-16, as API Gateway hands over what is no UTF-8.
        let text = format!("\u{feff}{}", body("Андрей Ещё", ""));
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut event = sample("intake/base64.json");
        event["body"] = STANDARD.encode(bytes).into();
        Answer::from(intake::handle(&app, request(&event)).await).lead();
        assert_eq!(intake.db.count("landing_leads").await, 1);
    });
}
