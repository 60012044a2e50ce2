//! `doctor`, against the vendors' stand-ins: everything in order, and everything broken once.

use crate::support::aws::{Queue, sdk};
use crate::support::doctor::{World, token};
use crate::support::run;
use ops::doctor::Level;
use standins::{Fault, Mode};
use std::collections::BTreeSet;
use std::time::Duration;

/// Nothing listens there.
const CLOSED: &str = "http://127.0.0.1:1";

#[test]
fn with_everything_in_order_nothing_is_wrong_and_nothing_is_written() {
    run(async {
        let world = World::new().await;
        let before = world.db.counts().await;
        let findings = world.examine(&[]).await;
        assert!(
            findings.iter().all(|one| one.level != Level::Wrong),
            "{findings:#?}"
        );
        let subjects: BTreeSet<&str> = findings
            .iter()
            .filter(|one| one.level == Level::Good)
            .map(|one| one.subject)
            .collect();
        let expected = ["amocrm", "database", "links", "mobizon", "resend", "settings"];
        assert_eq!(subjects, BTreeSet::from(expected));

        // Mobizon's reading calls are POSTs too; these two are all that it may see.
        let seen: BTreeSet<String> = world.seen().into_iter().collect();
        let reads = [
            "GET /api/v4/account",
            "GET /api/v4/leads/custom_fields",
            "GET /api/v4/leads/pipelines",
            "GET /domains",
            "HEAD /l/doctor",
            "HEAD /proftest",
            "POST /service/alphaname/list",
            "POST /service/user/getownbalance",
        ];
        assert_eq!(seen, reads.into_iter().map(str::to_owned).collect());
        assert!(world.resend.sent().is_empty() && world.mobizon.sent().is_empty());
        assert!(world.amocrm.deals().is_empty() && world.amocrm.contacts().is_empty());
        assert_eq!(world.db.counts().await, before);
    });
}

#[test]
fn settings_are_read_as_the_functions_read_them() {
    run(async {
        let world = World::new().await;
        for (name, value, part) in [
            ("COURSE_URL", "course", "COURSE_URL is malformed"),
            (
                "NOTIFICATION_DELAY_SECONDS",
                "ten minutes",
                "NOTIFICATION_DELAY_SECONDS is malformed",
            ),
            ("RESEND_API_KEY", "", "RESEND_API_KEY is not set"),
            (
                "AMOCRM_LEAD_ID_FIELD_ID",
                "",
                "AMOCRM_LEAD_ID_FIELD_ID is not set",
            ),
            ("MOBIZON_BASE_URL", "mobizon", "MOBIZON_BASE_URL is malformed"),
            (
                "DATABASE_URL",
                "postgres://user:pw@db.example.org/x",
                "DATABASE_CA_PEM is not set",
            ),
        ] {
            world.wrong(&[(name, value)], part).await;
        }
        let long = format!("{CLOSED}/a-path-that-leaves-no-room-in-an-sms");
        world
            .wrong(&[("SHORT_LINK_BASE_URL", &long)], "shorten SHORT_LINK_BASE_URL")
            .await;

        let bundle = format!("-----BEGIN CERTIFICATE-----{}", "x".repeat(4000));
        let findings = world.examine(&[("DATABASE_CA_PEM", &bundle)]).await;
        let crowded = findings
            .iter()
            .filter(|one| one.sentence.contains("Lambda allows 4096"));
        assert_eq!(
            crowded.count(),
            5,
            "intake, track, sweep, crm, deliver: {findings:#?}"
        );
        // A token of amoCRM is a thousand characters, of which the function's variables hold none.
        let root = format!("-----BEGIN CERTIFICATE-----{}", "x".repeat(2500));
        let long = [
            ("DATABASE_CA_PEM", &*root),
            ("MOBIZON_API_KEY", &"k".repeat(3000)),
        ];
        let findings = world.examine(&long).await;
        let crowded = |one: &ops::doctor::Finding| one.sentence.contains("Lambda allows");
        assert!(!findings.iter().any(crowded), "{findings:#?}");
    });
}

#[test]
fn resend_is_examined() {
    run(async {
        let domains = |options: &mut standins::ResendOptions| {
            options
                .domains
                .push(("mail.onai.academy".to_owned(), "pending".to_owned()));
        };
        let world = World::with(domains, |_| {}).await;
        world.fine(&[], "onai.academy is verified").await;
        world
            .wrong(&[("RESEND_API_KEY", "re_wrong")], "the key is refused")
            .await;
        world
            .wrong(
                &[("EMAIL_FROM", "A <a@mail.onai.academy>")],
                "mail.onai.academy is «pending»",
            )
            .await;
        world
            .wrong(
                &[("EMAIL_FROM", "a@example.kz")],
                "not among the account's domains",
            )
            .await;
        world
            .fine(
                &[("EMAIL_FROM", "onboarding@resend.dev")],
                "only to the account's own address",
            )
            .await;
        world
            .wrong(&[("EMAIL_FROM", "OnAI Academy")], "EMAIL_FROM is malformed")
            .await;
        world
            .wrong(&[("RESEND_BASE_URL", CLOSED)], "Resend cannot be reached")
            .await;
        world
            .resend
            .faults()
            .add(Fault::times(Mode::Html { status: 502 }, 1));
        world.wrong(&[], "Resend answered 502").await;

        let world = World::with(|options| options.sending_access = true, |_| {}).await;
        world.fine(&[], "may only send, as it should").await;
        world.fine(&[], "such a key cannot see domains").await;
    });
}

#[test]
fn mobizon_is_examined() {
    run(async {
        let world = World::new().await;
        world.fine(&[], "the balance is 190.43 KZT").await;
        world
            .wrong(&[("MOBIZON_API_KEY", "kz_wrong")], "the key is refused")
            .await;
        world
            .wrong(&[("MOBIZON_SENDER", "Another")], "«Another» is not registered")
            .await;
        world
            .wrong(&[("MOBIZON_SENDER", "onai")], "spelt as it is registered: OnAI")
            .await;
        world
            .fine(&[("MOBIZON_SENDER", "")], "Mobizon's shared name")
            .await;
        world
            .wrong(&[("MOBIZON_BASE_URL", CLOSED)], "Mobizon cannot be reached")
            .await;
        for (code, part) in [
            ("13", "another country"),
            ("14", "is blocked"),
            ("999", "code 999"),
        ] {
            let refusal = Mode::Status {
                status: 200,
                name: Some(code.to_owned()),
                retry_after: None,
            };
            world.mobizon.faults().add(Fault::times(refusal, 1));
            world.wrong(&[], part).await;
        }
        let poor = World::with(|_| {}, |options| options.balance = "12.5".to_owned()).await;
        poor.wrong(&[], "the balance is 12.50 KZT: top it up").await;
    });
}

#[test]
fn amocrm_is_examined() {
    run(async {
        let world = World::new().await;
        world.fine(&[], "«ЗАЯВКА_С_ПРОФТЕСТА»").await;
        let names = [("AMOCRM_PIPELINE_ID", ""), ("AMOCRM_PIPELINE", "воронка ")];
        world.fine(&names, "«ЗАЯВКА_С_ПРОФТЕСТА»").await;
        world
            .wrong(&[("AMOCRM_ACCESS_TOKEN", &token(90))], "the token is refused")
            .await;
        let findings = world.examine(&[("AMOCRM_ACCESS_TOKEN", &token(5))]).await;
        assert!(
            findings.iter().any(|one| one.sentence.contains("ends in 5 days")),
            "{findings:#?}"
        );
        world
            .wrong(
                &[("AMOCRM_PIPELINE_ID", "1")],
                "AMOCRM_PIPELINE_ID names no pipeline",
            )
            .await;
        world
            .wrong(
                &[("AMOCRM_STATUS_ID", "1")],
                "AMOCRM_STATUS_ID: the configured stage is not",
            )
            .await;
        world
            .wrong(
                &[("AMOCRM_LEAD_ID_FIELD_ID", "1")],
                "deals have no custom field 1",
            )
            .await;
        world
            .wrong(&[("AMOCRM_LEAD_ID_FIELD_ID", "880020")], "is of type numeric")
            .await;
        world
            .wrong(
                &[("AMOCRM_UTM_FIELD_IDS", "utm_term=7")],
                "deals have no custom field 7",
            )
            .await;
        world
            .wrong(&[("AMOCRM_BASE_URL", CLOSED)], "amoCRM cannot be reached")
            .await;

        world.seen();
        world
            .wrong(&[("AMOCRM_ACCESS_TOKEN", &token(-1))], "has expired")
            .await;
        assert!(!world.seen().iter().any(|request| request.contains("/api/v4")));
        world.amocrm.block();
        world.wrong(&[], "amoCRM blocks this account").await;
        world.db.store().shut_gate(None, "amocrm 403").await.unwrap();
        world.seen();
        world.wrong(&[], "the gate is shut (amocrm 403)").await;
        assert!(
            !world.seen().iter().any(|request| request.contains("/api/v4")),
            "a blocked account is called"
        );
    });
}

#[test]
fn an_oauth_token_is_tried_only_where_that_uses_nothing_up() {
    run(async {
        let world = World::new().await;
        let stored = world.variables["AMOCRM_ACCESS_TOKEN"].clone();
        let oauth = [
            ("AMOCRM_ACCESS_TOKEN", ""),
            ("AMOCRM_CLIENT_ID", "id"),
            ("AMOCRM_CLIENT_SECRET", "secret_of_the_client"),
            ("AMOCRM_REDIRECT_URI", "https://example.org"),
            ("AMOCRM_REFRESH_TOKEN", "secret_refresh"),
        ];
        world.fine(&oauth, "cannot be tried without using it up").await;
        assert!(
            !world
                .seen()
                .iter()
                .any(|request| request.contains("oauth2") || request.contains("/api/v4"))
        );
        let lives = Duration::from_hours(1);
        let store = world.db.store();
        store
            .end_rotation(&stored.into(), &"another".to_owned().into(), lives)
            .await
            .unwrap();
        world.fine(&oauth, "the token is accepted").await;
        assert!(!world.seen().iter().any(|request| request.contains("oauth2")));
    });
}

#[test]
fn queues_and_links_of_a_deployed_stack_are_examined() {
    run(async {
        let world = World::new().await;
        let dlq = Queue::new().await;
        let queue = Queue::with_dlq(&dlq, 20).await;
        let sdk = sdk().await;
        let wrong = async |crm: &str, public: &str, part: &str| {
            let changes = [
                ("NOTIFICATIONS_QUEUE_URL", queue.url.as_str()),
                ("CRM_QUEUE_URL", crm),
                ("PUBLIC_BASE_URL", public),
                ("SHORT_LINK_BASE_URL", world.variables["PUBLIC_BASE_URL"].as_str()),
            ];
            let findings = world.examine_with(&changes, Some(&sdk)).await;
            let wrong: Vec<_> = findings.iter().filter(|one| one.level == Level::Wrong).collect();
            if part.is_empty() {
                assert!(wrong.is_empty(), "{wrong:#?}");
                let there = findings
                    .iter()
                    .filter(|one| one.sentence.contains("and has a DLQ"));
                assert_eq!(there.count(), 2, "{findings:#?}");
            } else {
                assert!(wrong.len() == 1 && wrong[0].sentence.contains(part), "{wrong:#?}");
            }
        };
        let public = world.variables["PUBLIC_BASE_URL"].as_str();
        wrong(&queue.url, public, "").await;
        wrong(&dlq.url, public, "CRM_QUEUE_URL has no DLQ").await;
        wrong(
            &format!("{}-gone", dlq.url),
            public,
            "CRM_QUEUE_URL cannot be read",
        )
        .await;
        wrong(&queue.url, CLOSED, "PUBLIC_BASE_URL cannot be reached").await;
        // Before the deployment it is no fault.
        world
            .fine(
                &[("PUBLIC_BASE_URL", CLOSED)],
                "expected as long as nothing is deployed",
            )
            .await;
    });
}
