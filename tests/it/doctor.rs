//! `doctor`, against the vendors' stand-ins: everything in order, and everything broken once.

use crate::support::delivery::status;
use crate::support::doctor::{Examined, token};
use axum::Router;
use axum::routing::get;
use harness::vendors::TURNSTILE_SECRET;
use harness::world::{Options, Queue, run, sdk};
use ops::doctor::Level;
use standins::{Fault, Mode, serve};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::net::TcpListener;

/// Nothing listens there.
const CLOSED: &str = "http://127.0.0.1:1";

#[test]
fn with_everything_in_order_nothing_is_wrong_and_nothing_is_written() {
    run(async {
        let examined = Examined::new().await;
        let before = examined.db.counts().await;
        let findings = examined.examine(&[]).await;
        assert!(
            findings.iter().all(|one| one.level != Level::Wrong),
            "{findings:#?}"
        );
        let subjects: BTreeSet<&str> = findings
            .iter()
            .filter(|one| one.level == Level::Good)
            .map(|one| one.subject)
            .collect();
        let expected = [
            "amocrm", "database", "links", "mobizon", "resend", "roles", "settings",
        ];
        assert_eq!(subjects, BTreeSet::from(expected));

        // Mobizon's reading calls are POSTs too; these two are all that it may see.
        let seen: BTreeSet<String> = examined.seen().into_iter().collect();
        let reads = [
            "GET /api/v4/account",
            "GET /api/v4/leads/custom_fields",
            "GET /api/v4/leads/pipelines",
            "GET /domains",
            "GET /proftest",
            "HEAD /l/doctor",
            "POST /service/alphaname/list",
            "POST /service/user/getownbalance",
        ];
        assert_eq!(seen, reads.into_iter().map(str::to_owned).collect());
        assert!(examined.vendors.resend.sent().is_empty() && examined.vendors.mobizon.sent().is_empty());
        assert!(examined.vendors.amocrm.deals().is_empty() && examined.vendors.amocrm.contacts().is_empty());
        assert_eq!(examined.db.counts().await, before);
    });
}

#[test]
fn settings_are_read_as_the_functions_read_them() {
    run(async {
        let examined = Examined::new().await;
        let wrong = [
            ("COURSE_URL", "course", "COURSE_URL is malformed"),
            (
                "NOTIFICATION_DELAY_SECONDS",
                "ten minutes",
                "NOTIFICATION_DELAY_SECONDS is malformed",
            ),
            ("RESEND_API_KEY", "", "RESEND_API_KEY is not set"),
            ("GUARD_KEY", "", "GUARD_KEY is not set"),
            ("GUARD_KEY", "short", "GUARD_KEY is malformed"),
            ("LIMITS", "off", "LIMITS=off counts nothing"),
            ("LIMITS", "sms.week=1", "LIMITS is malformed"),
            ("TURNSTILE_SITE_KEY", "0x4AAA", "TURNSTILE_SECRET_KEY is not set"),
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
        ];
        examined.each_wrong(&wrong).await;
        for variable in ["RESEND_WEBHOOK_SECRETS", "MOBIZON_WEBHOOK_SECRETS"] {
            examined
                .fine(&[(variable, "")], "receipts are not configured")
                .await;
            let told = format!("{variable} is malformed");
            examined.wrong(&[(variable, "short")], &told).await;
        }
        let long = format!("{CLOSED}/a-path-that-leaves-no-room-in-an-sms");
        examined
            .wrong(&[("SHORT_LINK_BASE_URL", &long)], "shorten SHORT_LINK_BASE_URL")
            .await;

        let bundle = format!("-----BEGIN CERTIFICATE-----{}", "x".repeat(4000));
        let findings = examined.examine(&[("DATABASE_CA_PEM", &bundle)]).await;
        let crowded = findings
            .iter()
            .filter(|one| one.sentence.contains("Lambda allows 4096"));
        assert_eq!(
            crowded.count(),
            7,
            "intake, track, receipts, recipient, sweep, crm, deliver: {findings:#?}"
        );
        // A token of amoCRM is a thousand characters, of which the function's variables hold none.
        let root = format!("-----BEGIN CERTIFICATE-----{}", "x".repeat(2500));
        let long = [
            ("DATABASE_CA_PEM", &*root),
            ("MOBIZON_API_KEY", &"k".repeat(3000)),
        ];
        let findings = examined.examine(&long).await;
        let crowded = |one: &ops::doctor::Finding| one.sentence.contains("Lambda allows");
        assert!(!findings.iter().any(crowded), "{findings:#?}");
    });
}

#[test]
fn resend_is_examined() {
    run(async {
        let domains = |options: &mut Options| {
            options
                .resend
                .domains
                .push(("mail.onai.academy".to_owned(), "pending".to_owned()));
        };
        let examined = Examined::with(domains).await;
        examined.fine(&[], "onai.academy is verified").await;
        examined
            .each_wrong(&[
                ("RESEND_API_KEY", "re_wrong", "the key is refused"),
                (
                    "EMAIL_FROM",
                    "A <a@mail.onai.academy>",
                    "mail.onai.academy is «pending»",
                ),
                ("EMAIL_FROM", "a@example.kz", "not among the account's domains"),
            ])
            .await;
        examined
            .fine(
                &[("EMAIL_FROM", "onboarding@resend.dev")],
                "only to the account's own address",
            )
            .await;
        examined
            .each_wrong(&[
                ("EMAIL_FROM", "OnAI Academy", "EMAIL_FROM is malformed"),
                ("RESEND_BASE_URL", CLOSED, "Resend cannot be reached"),
            ])
            .await;
        examined
            .vendors
            .resend
            .faults()
            .add(Fault::times(Mode::Html { status: 502 }, 1));
        examined.wrong(&[], "Resend answered 502").await;

        let examined = Examined::with(|options| options.resend.sending_access = true).await;
        examined.fine(&[], "may only send, as it should").await;
        examined.fine(&[], "such a key cannot see domains").await;
    });
}

#[test]
fn mobizon_is_examined() {
    run(async {
        let examined = Examined::new().await;
        examined.fine(&[], "the balance is 190.43 KZT").await;
        examined
            .each_wrong(&[
                ("MOBIZON_API_KEY", "kz_wrong", "the key is refused"),
                ("MOBIZON_SENDER", "Another", "«Another» is not registered"),
                ("MOBIZON_SENDER", "onai", "spelt as it is registered: OnAI"),
            ])
            .await;
        examined
            .fine(&[("MOBIZON_SENDER", "")], "Mobizon's shared name")
            .await;
        examined
            .wrong(&[("MOBIZON_BASE_URL", CLOSED)], "Mobizon cannot be reached")
            .await;
        for (code, part) in [
            ("13", "another country"),
            ("14", "is blocked"),
            ("999", "code 999"),
        ] {
            let refusal = status(200, Some(code));
            examined.vendors.mobizon.faults().add(Fault::times(refusal, 1));
            examined.wrong(&[], part).await;
        }
        let poor = Examined::with(|options| options.mobizon.balance = "12.5".to_owned()).await;
        poor.wrong(&[], "the balance is 12.50 KZT: top it up").await;
    });
}

#[test]
fn amocrm_is_examined() {
    run(async {
        let examined = Examined::new().await;
        examined.fine(&[], "«ЗАЯВКА_С_ПРОФТЕСТА»").await;
        let names = [("AMOCRM_PIPELINE_ID", ""), ("AMOCRM_PIPELINE", "воронка ")];
        examined.fine(&names, "«ЗАЯВКА_С_ПРОФТЕСТА»").await;
        examined
            .wrong(&[("AMOCRM_ACCESS_TOKEN", &token(90))], "the token is refused")
            .await;
        let findings = examined.examine(&[("AMOCRM_ACCESS_TOKEN", &token(5))]).await;
        assert!(
            findings.iter().any(|one| one.sentence.contains("ends in 5 days")),
            "{findings:#?}"
        );
        examined
            .each_wrong(&[
                ("AMOCRM_PIPELINE_ID", "1", "AMOCRM_PIPELINE_ID names no pipeline"),
                (
                    "AMOCRM_STATUS_ID",
                    "1",
                    "AMOCRM_STATUS_ID: the configured stage is not",
                ),
                ("AMOCRM_LEAD_ID_FIELD_ID", "1", "deals have no custom field 1"),
                ("AMOCRM_LEAD_ID_FIELD_ID", "880020", "is of type numeric"),
                (
                    "AMOCRM_UTM_FIELD_IDS",
                    "utm_term=7",
                    "deals have no custom field 7",
                ),
                (
                    "AMOCRM_TASK_USERS",
                    "11000002,5",
                    "no user is 5; the account has «Администратор» (11000001)",
                ),
                ("AMOCRM_TASK_HOURS", "19-10", "AMOCRM_TASK_HOURS is malformed"),
                ("AMOCRM_BASE_URL", CLOSED, "amoCRM cannot be reached"),
            ])
            .await;

        examined.seen();
        examined
            .wrong(&[("AMOCRM_ACCESS_TOKEN", &token(-1))], "has expired")
            .await;
        assert!(!examined.seen().iter().any(|request| request.contains("/api/v4")));
        examined.vendors.amocrm.block();
        examined.wrong(&[], "amoCRM blocks this account").await;
        examined.db.store().shut_gate(None, "amocrm 403").await.unwrap();
        examined.seen();
        examined.wrong(&[], "the gate is shut (amocrm 403)").await;
        assert!(
            !examined.seen().iter().any(|request| request.contains("/api/v4")),
            "a blocked account is called"
        );
    });
}

#[test]
fn an_oauth_token_is_tried_only_where_that_uses_nothing_up() {
    run(async {
        let examined = Examined::new().await;
        let stored = examined.variables["AMOCRM_ACCESS_TOKEN"].clone();
        let oauth = [
            ("AMOCRM_ACCESS_TOKEN", ""),
            ("AMOCRM_CLIENT_ID", "id"),
            ("AMOCRM_CLIENT_SECRET", "secret_of_the_client"),
            ("AMOCRM_REDIRECT_URI", "https://example.org"),
            ("AMOCRM_REFRESH_TOKEN", "secret_refresh"),
        ];
        examined.fine(&oauth, "cannot be tried without using it up").await;
        assert!(
            !examined
                .seen()
                .iter()
                .any(|request| request.contains("oauth2") || request.contains("/api/v4"))
        );
        let lives = Duration::from_hours(1);
        let store = examined.db.store();
        store
            .end_rotation(&stored.into(), &"another".to_owned().into(), lives)
            .await
            .unwrap();
        examined.fine(&oauth, "the token is accepted").await;
        assert!(!examined.seen().iter().any(|request| request.contains("oauth2")));
    });
}

#[test]
fn turnstile_is_examined_where_it_is_set() {
    run(async {
        let examined = Examined::new().await;
        let url = examined.vendors.turnstile_url.clone();
        let keys = |secret| {
            [
                ("TURNSTILE_SITE_KEY", "0x4AAA_site"),
                ("TURNSTILE_SECRET_KEY", secret),
                ("TURNSTILE_BASE_URL", url.as_str()),
                ("TURNSTILE_HOSTNAMES", "test.example.kz"),
            ]
        };
        let told = "tokens of test.example.kz count";
        examined.fine(&keys(TURNSTILE_SECRET), told).await;
        examined
            .wrong(&keys("0x4AAA_Shibboleth"), "does not know TURNSTILE_SECRET_KEY")
            .await;
        let findings = examined.examine(&keys("0x4AAA_Shibboleth")).await;
        assert!(!format!("{findings:?}").contains("Shibboleth"));
        let turnstile = &examined.vendors.turnstile;
        turnstile
            .faults()
            .add(Fault::times(Mode::Html { status: 502 }, 1));
        examined
            .wrong(&keys(TURNSTILE_SECRET), "Turnstile answered 502")
            .await;
        assert!(turnstile.confirmed().is_empty(), "doctor used a token up");
    });
}

/// The page as it is built: its policy is the sample until campaigns.toml names another one.
#[test]
fn the_sample_of_a_policy_is_warned_about_and_is_no_fault() {
    run(async {
        let examined = Examined::new().await;
        let warned = async |public: &str| {
            let findings = examined.examine(&[("PUBLIC_BASE_URL", public)]).await;
            let warnings = findings.into_iter().filter(|one| one.level == Level::Warning);
            warnings.map(|one| one.to_string()).collect::<Vec<_>>()
        };
        let own = examined.variables["PUBLIC_BASE_URL"].clone();
        assert_eq!(warned(&own).await, [""; 0]);
        let page = page::files::FILES.document("").plain;
        let router = Router::new().route("/proftest", get(move || std::future::ready(page)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sample = serve(listener, router).unwrap();
        let warnings = warned(&sample.url()).await;
        assert!(
            warnings.len() == 1 && warnings[0].starts_with("warn  links"),
            "{warnings:?}"
        );
    });
}

#[test]
fn queues_and_links_of_a_deployed_stack_are_examined() {
    run(async {
        let examined = Examined::new().await;
        let dlq = Queue::new().await;
        let queue = Queue::with_dlq(&dlq, 20).await;
        let sdk = sdk().await;
        let wrong = async |crm: &str, public: &str, part: &str| {
            let changes = [
                ("NOTIFICATIONS_QUEUE_URL", queue.url.as_str()),
                ("CRM_QUEUE_URL", crm),
                ("PUBLIC_BASE_URL", public),
                (
                    "SHORT_LINK_BASE_URL",
                    examined.variables["PUBLIC_BASE_URL"].as_str(),
                ),
            ];
            let findings = examined.examine_with(&changes, Some(&sdk)).await;
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
        let public = examined.variables["PUBLIC_BASE_URL"].as_str();
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
        examined
            .fine(&[("PUBLIC_BASE_URL", CLOSED)], "as long as nothing is deployed")
            .await;
    });
}
