//! Every way in which a vendor fails has its state and its reaction, and never touches the other channel.

use crate::support::delivery::{Vendor, World};
use crate::support::run;
use local::standins::{Fault, Mode};

/// One fault and what it must lead to.
struct Case {
    vendor: Vendor,
    mode: Mode,
    /// The channel's state after the attempt that met the fault.
    state: &'static str,
    /// The least number of seconds that the channel is put off by.
    wait: f64,
    /// What the row's reason holds.
    reason: &'static str,
}

/// State, least wait, fault, reason. Production's waits: at least half of the first backoff (5 s) and of parking
/// (300 s); the vendor's Retry-After where it is longer.
const RESEND: &str = r#"
retrying |   2.5 | {"mode":"status","status":500} | resend 500 internal_server_error
retrying |    47 | {"mode":"status","status":503,"retry_after":47} | resend 503 service_unavailable
retrying |    33 | {"mode":"rate_limit","retry_after":33} | resend 429 rate_limit_exceeded
retrying |   2.5 | {"mode":"status","status":409,"name":"concurrent_idempotent_requests"} | resend 409 concurrent
retrying |   2.5 | {"mode":"status","status":409,"name":"resource_locked"} | resend 409 resource_locked
retrying |   2.5 | {"mode":"html","status":502} | resend 502
retrying |   2.5 | {"mode":"html","status":200} | resend 200 without an id
retrying |   2.5 | {"mode":"truncated"} | resend 200 without an id
retrying |   2.5 | {"mode":"drop"} | resend connection broke
retrying |   2.5 | {"mode":"accept_then_drop"} | resend connection broke
parked   | 150.0 | {"mode":"status","status":429,"name":"daily_quota_exceeded"} | resend 429 daily_quota_exceeded
parked   | 150.0 | {"mode":"status","status":429,"name":"monthly_quota_exceeded","retry_after":1} | monthly_quota
parked   | 150.0 | {"mode":"status","status":401} | resend 401 missing_api_key
parked   | 150.0 | {"mode":"status","status":403} | resend 403 invalid_api_key
parked   | 150.0 | {"mode":"html","status":403} | resend 403"#;

/// As [`RESEND`]; an SMS of unknown outcome is looked up after 30 s.
const MOBIZON: &str = r#"
unknown  |  30.0 | {"mode":"status","status":500} | mobizon code 999
unknown  |  30.0 | {"mode":"status","status":503,"retry_after":47} | mobizon code 999
unknown  |  30.0 | {"mode":"status","status":200,"name":3} | mobizon code 3
unknown  |  30.0 | {"mode":"status","status":200,"name":98} | mobizon code 98
unknown  |  30.0 | {"mode":"html","status":502} | mobizon 502 no JSON
unknown  |  30.0 | {"mode":"truncated"} | mobizon 200 no JSON
unknown  |  30.0 | {"mode":"drop"} | mobizon connection broke
unknown  |  30.0 | {"mode":"accept_then_drop"} | mobizon connection broke
retrying |  60.0 | {"mode":"status","status":429} | mobizon code 30
retrying |    33 | {"mode":"rate_limit","retry_after":33} | mobizon code 30
retrying |   2.5 | {"mode":"html","status":429} | mobizon 429 rate limit
parked   | 150.0 | {"mode":"status","status":200,"name":8} | mobizon code 8
parked   | 150.0 | {"mode":"status","status":401,"name":8} | mobizon code 8
parked   | 150.0 | {"mode":"status","status":200,"name":14} | mobizon code 14
parked   | 150.0 | {"mode":"html","status":403} | mobizon 403 refused"#;

/// What can never succeed.
const FOR_GOOD: [(Vendor, &str); 2] = [
    (
        Vendor::Resend,
        r#"failed | 0 | {"mode":"status","status":422} | email: resend 422 invalid_parameter
           failed | 0 | {"mode":"status","status":400} | email: resend 400 validation_error"#,
    ),
    (
        Vendor::Mobizon,
        r#"failed | 0 | {"mode":"status","status":200,"name":1} | sms: mobizon code 1
           failed | 0 | {"mode":"status","status":200,"name":12} | sms: mobizon code 12"#,
    ),
];

fn cases(vendor: Vendor, table: &'static str) -> Vec<Case> {
    let lines = table.lines().filter(|line| !line.trim().is_empty());
    let cases = lines.map(|line| {
        let columns: Vec<&'static str> = line.split('|').map(str::trim).collect();
        Case {
            vendor,
            mode: Fault::from_json(columns[2].as_bytes()).unwrap().mode,
            state: columns[0],
            wait: columns[1].parse().unwrap(),
            reason: columns[3],
        }
    });
    cases.collect()
}

fn status(status: u16, name: Option<&str>) -> Mode {
    Mode::Status {
        status,
        name: name.map(str::to_owned),
        retry_after: None,
    }
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
        for case in cases(Vendor::Resend, RESEND) {
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
        for case in cases(Vendor::Mobizon, MOBIZON) {
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
        for (vendor, table) in FOR_GOOD {
            for case in cases(vendor, table) {
                fails(&world, &app, &case).await;
            }
        }
    });
}

#[test]
fn both_channels_may_fail_and_the_row_names_both() {
    run(async {
        let world = World::new().await;
        let app = world.patient().await;
        let waiting = world.lead().await;
        world.break_once(Vendor::Resend, status(422, None));
        world.break_once(Vendor::Mobizon, status(200, Some("1")));
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
        world.break_times(Vendor::Resend, status(401, None), 8);
        world.break_times(Vendor::Mobizon, status(200, Some("14")), 8);
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
