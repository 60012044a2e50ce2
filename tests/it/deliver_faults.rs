//! Every way in which a vendor fails has its state and its reaction, and never touches the other channel.

use crate::support::delivery::{Vendor, World};
use crate::support::run;
use local::standins::Mode;

/// One fault and what it must lead to.
struct Case {
    vendor: Vendor,
    mode: Mode,
    /// The channel's state after the attempt that met the fault.
    state: &'static str,
    /// What the row's reason holds.
    reason: &'static str,
    /// The least number of seconds that the channel is put off by.
    wait: f64,
}

fn status(status: u16, name: Option<&str>, retry_after: Option<u64>) -> Mode {
    Mode::Status {
        status,
        name: name.map(str::to_owned),
        retry_after,
    }
}

const fn case(vendor: Vendor, mode: Mode, state: &'static str, reason: &'static str, wait: f64) -> Case {
    Case {
        vendor,
        mode,
        state,
        reason,
        wait,
    }
}

/// Production's waits: at least half of the first backoff (5 s), of parking (300 s), and a look-up's 30 s.
const BACKOFF: f64 = 2.5;
const PARKED: f64 = 150.0;
const LOOK_UP: f64 = 30.0;

fn resend_cases() -> Vec<Case> {
    let case = |mode, state, reason, wait| case(Vendor::Resend, mode, state, reason, wait);
    vec![
        case(
            status(500, None, None),
            "retrying",
            "resend 500 internal_server_error",
            BACKOFF,
        ),
        case(
            status(503, None, Some(47)),
            "retrying",
            "resend 503 service_unavailable",
            47.0,
        ),
        case(
            Mode::RateLimit { retry_after: 33 },
            "retrying",
            "resend 429 rate_limit_exceeded",
            33.0,
        ),
        case(
            status(409, Some("concurrent_idempotent_requests"), None),
            "retrying",
            "resend 409",
            BACKOFF,
        ),
        case(
            status(429, Some("daily_quota_exceeded"), None),
            "parked",
            "daily_quota_exceeded",
            PARKED,
        ),
        case(
            status(429, Some("monthly_quota_exceeded"), Some(1)),
            "parked",
            "monthly_quota",
            PARKED,
        ),
        case(
            status(401, None, None),
            "parked",
            "resend 401 missing_api_key",
            PARKED,
        ),
        case(
            status(403, None, None),
            "parked",
            "resend 403 invalid_api_key",
            PARKED,
        ),
        case(Mode::Html { status: 502 }, "retrying", "resend 502", BACKOFF),
        case(
            Mode::Html { status: 200 },
            "retrying",
            "resend 200 without an id",
            BACKOFF,
        ),
        case(Mode::Html { status: 403 }, "parked", "resend 403", PARKED),
        case(
            Mode::Truncated {},
            "retrying",
            "resend 200 without an id",
            BACKOFF,
        ),
        case(Mode::Drop {}, "retrying", "resend connection broke", BACKOFF),
        case(
            Mode::AcceptThenDrop {},
            "retrying",
            "resend connection broke",
            BACKOFF,
        ),
    ]
}

fn mobizon_cases() -> Vec<Case> {
    let case = |mode, state, reason, wait| case(Vendor::Mobizon, mode, state, reason, wait);
    vec![
        case(status(500, None, None), "unknown", "mobizon code 999", LOOK_UP),
        case(status(200, Some("3"), None), "unknown", "mobizon code 3", LOOK_UP),
        case(
            status(200, Some("98"), None),
            "unknown",
            "mobizon code 98",
            LOOK_UP,
        ),
        case(
            status(503, None, Some(47)),
            "unknown",
            "mobizon code 999",
            LOOK_UP,
        ),
        case(status(429, None, None), "retrying", "mobizon code 30", 60.0),
        case(
            Mode::RateLimit { retry_after: 33 },
            "retrying",
            "mobizon code 30",
            33.0,
        ),
        case(status(200, Some("8"), None), "parked", "mobizon code 8", PARKED),
        case(status(401, Some("8"), None), "parked", "mobizon code 8", PARKED),
        case(status(200, Some("14"), None), "parked", "mobizon code 14", PARKED),
        case(
            Mode::Html { status: 403 },
            "parked",
            "mobizon 403 refused",
            PARKED,
        ),
        case(
            Mode::Html { status: 429 },
            "retrying",
            "mobizon 429 rate limit",
            BACKOFF,
        ),
        case(
            Mode::Html { status: 502 },
            "unknown",
            "mobizon 502 no JSON",
            LOOK_UP,
        ),
        case(Mode::Truncated {}, "unknown", "mobizon 200 no JSON", LOOK_UP),
        case(Mode::Drop {}, "unknown", "mobizon connection broke", LOOK_UP),
        case(
            Mode::AcceptThenDrop {},
            "unknown",
            "mobizon connection broke",
            LOOK_UP,
        ),
    ]
}

/// One attempt under the fault, then production's waits skipped and the vendor whole again.
async fn recovers(world: &World, app: &deliver::App, case: &Case) {
    let waiting = world.lead().await;
    world.break_once(case.vendor, case.mode.clone());
    let comes_back = world.wake(app, &waiting).await;
    let broken = world.delivery(&waiting, case.vendor).await;
    let what = format!("{:?} {}", case.vendor, case.mode);
    assert_eq!(broken["state"], case.state, "{what}: {broken}");
    assert!(
        broken["reason"].as_str().unwrap().contains(case.reason),
        "{what}: {broken}"
    );
    assert!(broken["wait"].as_f64().unwrap() >= case.wait, "{what}: {broken}");
    assert!(
        !broken["reason"].as_str().unwrap().contains('@'),
        "{what}: {broken}"
    );
    // Parked work waits in its row for the sweep; everything else rides on its message.
    assert_eq!(comes_back, case.state != "parked", "{what}");
    let other = world.delivery(&waiting, case.vendor.other()).await;
    assert_eq!(other["state"], "accepted", "{what}: the other channel");
    assert_eq!(
        world.sent(&waiting, case.vendor.other()),
        1,
        "{what}: the other channel"
    );
    assert_eq!(world.notification(&waiting).await["status"], "pending", "{what}");

    world.skip_waiting(&waiting).await;
    let row = world.finish(app, &waiting).await;
    assert_eq!(row["status"], "completed", "{what}: {row}");
    world.assert_delivered_once(&waiting).await;
    let other = world.delivery(&waiting, case.vendor.other()).await;
    assert_eq!(other["attempt"], 1, "{what}: the retry touched the other channel");
}

#[test]
fn every_fault_of_resend_has_its_reaction_and_recovers() {
    run(async {
        let world = World::new().await;
        let app = world.patient().await;
        for case in resend_cases() {
            recovers(&world, &app, &case).await;
        }
        assert_eq!(world.resend.stats().without_idempotency_key, 0);
        assert!(
            world.resend.stats().rejected.is_empty(),
            "{:?}",
            world.resend.stats()
        );
    });
}

#[test]
fn every_fault_of_mobizon_has_its_reaction_and_recovers() {
    run(async {
        let world = World::new().await;
        let app = world.patient().await;
        for case in mobizon_cases() {
            recovers(&world, &app, &case).await;
        }
        assert!(
            world.mobizon.stats().rejected.is_empty(),
            "{:?}",
            world.mobizon.stats()
        );
    });
}

/// A refusal for good fails its channel alone, at once.
async fn fails(world: &World, app: &deliver::App, case: &Case) {
    let waiting = world.lead().await;
    world.break_once(case.vendor, case.mode.clone());
    let what = format!("{:?} {}", case.vendor, case.mode);
    assert!(
        world.wake(app, &waiting).await,
        "{what}: a failed message must not be acknowledged"
    );
    let row = world.notification(&waiting).await;
    assert_eq!(row["status"], "failed", "{what}: {row}");
    assert_eq!(row["failure_reason"], case.reason, "{what}");
    let delivery = world.delivery(&waiting, case.vendor).await;
    assert_eq!(
        (&delivery["state"], &delivery["content"]),
        (&"failed".into(), &serde_json::Value::Null)
    );
    assert_eq!(
        world.delivery(&waiting, case.vendor.other()).await["state"],
        "accepted"
    );
    assert_eq!(
        (
            world.sent(&waiting, case.vendor),
            world.sent(&waiting, case.vendor.other())
        ),
        (0, 1),
        "{what}"
    );
    // Again and again on its way to the DLQ, without another call.
    assert!(world.wake(app, &waiting).await);
    assert_eq!(
        world.delivery(&waiting, case.vendor).await["attempt"],
        1,
        "{what}"
    );
}

#[test]
fn a_refusal_for_good_fails_its_channel_alone() {
    run(async {
        let world = World::new().await;
        let app = world.patient().await;
        let resend = |code, reason| case(Vendor::Resend, status(code, None, None), "failed", reason, 0.0);
        let mobizon = |code, reason| {
            case(
                Vendor::Mobizon,
                status(200, Some(code), None),
                "failed",
                reason,
                0.0,
            )
        };
        for case in [
            resend(422, "email: resend 422 invalid_parameter"),
            resend(400, "email: resend 400 validation_error"),
            mobizon("1", "sms: mobizon code 1"),
            mobizon("12", "sms: mobizon code 12"),
        ] {
            fails(&world, &app, &case).await;
        }
    });
}

#[test]
fn both_channels_may_fail_and_the_row_names_both() {
    run(async {
        let world = World::new().await;
        let app = world.patient().await;
        let waiting = world.lead().await;
        world.break_once(Vendor::Resend, status(422, None, None));
        world.break_once(Vendor::Mobizon, status(200, Some("1"), None));
        assert!(world.wake(&app, &waiting).await);
        let row = world.notification(&waiting).await;
        assert_eq!(
            (&row["status"], &row["sent_at"]),
            (&"failed".into(), &serde_json::Value::Null)
        );
        let reason = row["failure_reason"].as_str().unwrap();
        assert!(
            reason.contains("email: resend 422") && reason.contains("sms: mobizon code 1"),
            "{reason}"
        );
    });
}

#[test]
fn retries_end_and_the_reason_says_after_how_many() {
    run(async {
        let world = World::new().await;
        let app = world.hasty().await;
        let waiting = world.lead().await;
        world.break_times(Vendor::Resend, Mode::RateLimit { retry_after: 0 }, 100);
        let row = world.finish(&app, &waiting).await;
        let reason = "email: gave up after 4 retries: resend 429 rate_limit_exceeded";
        assert_eq!(
            (&row["status"], &row["failure_reason"]),
            (&"failed".into(), &reason.into())
        );
        assert_eq!(world.delivery(&waiting, Vendor::Resend).await["attempt"], 5);
        assert_eq!((world.emails(&waiting).len(), world.sms(&waiting).len()), (0, 1));
    });
}

#[test]
fn parked_work_outlives_any_number_of_attempts() {
    run(async {
        let world = World::new().await;
        let app = world.hasty().await;
        let waiting = world.lead().await;
        world.break_times(Vendor::Resend, status(401, None, None), 8);
        world.break_times(Vendor::Mobizon, status(200, Some("14"), None), 8);
        let row = world.finish(&app, &waiting).await;
        assert_eq!(row["status"], "completed", "{row}");
        world.assert_delivered_once(&waiting).await;
        assert_eq!(world.delivery(&waiting, Vendor::Resend).await["attempt"], 9);
    });
}

#[test]
fn a_message_is_kept_for_the_channel_whose_turn_comes_later() {
    run(async {
        let world = World::new().await;
        let app = world.patient().await;
        let waiting = world.lead().await;
        world.break_once(Vendor::Resend, Mode::RateLimit { retry_after: 1 });
        world.break_once(Vendor::Mobizon, Mode::RateLimit { retry_after: 40 });
        assert!(world.wake(&app, &waiting).await);
        // The e-mail's turn has come, that of the SMS has not.
        let turn = "update deliveries set next_attempt_at = now() where channel = 'email'";
        world.db.execute(turn).await;
        assert!(
            world.wake(&app, &waiting).await,
            "the SMS would wait for the sweep"
        );
        assert_eq!(
            world.delivery(&waiting, Vendor::Resend).await["state"],
            "accepted"
        );
        assert_eq!(world.delivery(&waiting, Vendor::Mobizon).await["attempt"], 1);
        world.skip_waiting(&waiting).await;
        assert!(!world.wake(&app, &waiting).await);
        world.assert_delivered_once(&waiting).await;
    });
}
