//! What faults lead to over several attempts; `vendor_matrix` has the reaction to each.

use crate::support::delivery::{finish, hasty, patient, wake};
use harness::world::{Vendor, World, run};
use standins::Mode;
use std::time::Duration;

fn status(status: u16, name: Option<&str>) -> Mode {
    Mode::Status {
        status,
        name: name.map(str::to_owned),
        retry_after: None,
    }
}

#[test]
fn both_channels_may_fail_and_the_row_names_both() {
    run(async {
        let world = World::new().await;
        let app = patient(&world).await;
        let waiting = world.lead().await;
        world.break_once(Vendor::Resend, status(422, None));
        world.break_once(Vendor::Mobizon, status(200, Some("1")));
        assert!(wake(&app, &waiting).await);
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
        let app = hasty(&world).await;
        let waiting = world.lead().await;
        world.break_times(Vendor::Resend, Mode::RateLimit { retry_after: 0 }, 100);
        let row = finish(&world, &app, &waiting).await;
        let reason = "email: gave up after 4 retries: resend 429 rate_limit_exceeded";
        assert_eq!(
            (&row["status"], &row["failure_reason"]),
            (&"failed".into(), &reason.into())
        );
        assert_eq!(world.work(&waiting, Vendor::Resend).await["attempt"], 5);
        assert_eq!((world.emails(&waiting).len(), world.sms(&waiting).len()), (0, 1));
    });
}

#[test]
fn parked_work_outlives_any_number_of_attempts() {
    run(async {
        let world = World::new().await;
        let app = hasty(&world).await;
        let waiting = world.lead().await;
        world.break_times(Vendor::Resend, status(401, None), 8);
        world.break_times(Vendor::Mobizon, status(200, Some("14")), 8);
        let row = finish(&world, &app, &waiting).await;
        assert_eq!(row["status"], "completed", "{row}");
        world.assert_delivered_once(&waiting).await;
        assert_eq!(world.work(&waiting, Vendor::Resend).await["attempt"], 9);
    });
}

#[test]
fn a_message_is_kept_for_the_channel_whose_turn_comes_later() {
    run(async {
        let world = World::new().await;
        let app = patient(&world).await;
        let waiting = world.lead().await;
        world.break_once(Vendor::Resend, Mode::RateLimit { retry_after: 1 });
        world.break_once(Vendor::Mobizon, Mode::RateLimit { retry_after: 40 });
        assert!(wake(&app, &waiting).await);
        // The e-mail's turn has come, that of the SMS has not.
        world.pass_time(Duration::from_secs(20)).await;
        assert!(wake(&app, &waiting).await, "the SMS would wait for the sweep");
        assert_eq!(world.work(&waiting, Vendor::Resend).await["state"], "accepted");
        assert_eq!(world.work(&waiting, Vendor::Mobizon).await["attempt"], 1);
        world.pass_time(Duration::from_hours(1)).await;
        assert!(!wake(&app, &waiting).await);
        world.assert_delivered_once(&waiting).await;
    });
}
