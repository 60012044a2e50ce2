//! The faults of the vendor matrix, where a vendor is asked what became of a message. Whatever it answers, nothing wrong is
//! believed, and the truth is found in the end.

use crate::support::hooks::{MOBIZON, Reported};
use crate::vendor_matrix::table::modes;
use harness::world::{Person, Vendor, run};
use proftest::domain::delivery::Channel;
use standins::{MailEvent, Mode};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

/// An answer that is late, but in time.
fn is_harmless(mode: &Mode) -> bool {
    matches!(mode, Mode::Slow { ms } if *ms < 1000)
}

#[test]
fn a_report_is_not_believed_while_mobizon_cannot_be_asked() {
    run(async {
        let reported = Reported::new().await;
        let modes = modes(Vendor::Mobizon);
        let people: Vec<Person> = modes.iter().map(|_| Person::new()).collect();
        let waiting = reported.send(&people).await;
        for (mode, one) in modes.iter().zip(&waiting) {
            let webhook = reported.has_status(one, "DELIVRD");
            reported.world.break_once(Vendor::Mobizon, mode.clone());
            let (answer, state) = if is_harmless(mode) {
                (200, "delivered")
            } else {
                (503, "accepted")
            };
            assert_eq!(reported.post(MOBIZON, &webhook).await, answer, "{mode:?}");
            assert_eq!(reported.state(one, Channel::Sms).await, state, "{mode:?}");
            assert_eq!(reported.post(MOBIZON, &webhook).await, 200, "{mode:?}, again");
            assert_eq!(reported.state(one, Channel::Sms).await, "delivered", "{mode:?}");
        }
        println!("{} faults", modes.len());
    });
}

/// Each fault meets one question of the sweep about a message whose report was lost.
async fn is_found_later(vendor: Vendor, channel: Channel, first: Duration) {
    let reported = Reported::new().await;
    let modes = modes(vendor);
    let people: Vec<Person> = modes.iter().map(|_| Person::new()).collect();
    for (mode, person) in modes.iter().zip(people) {
        let one = reported.send(&[person]).await.remove(0);
        match channel {
            Channel::Email => drop(reported.happens(&one, MailEvent::Delivered)),
            Channel::Sms => drop(reported.has_status(&one, "DELIVRD")),
        }
        reported.world.pass_time(first).await;
        // What the other channel asks must not meet the fault.
        let other = if channel == Channel::Sms { "email" } else { "sms" };
        let db = &reported.world.db;
        db.execute(&format!(
            "update vendor_messages set poll_at = null where channel = '{other}'"
        ))
        .await;
        reported.world.break_once(vendor, mode.clone());
        reported.sweep().await;
        // A late answer is in time for the sweep, and Resend's client repeats a short 429 at once.
        let state = reported.state(&one, channel).await;
        assert!(
            ["accepted", "delivered"].contains(&state.as_str()),
            "{mode:?}: {state}"
        );
        reported.world.pass_time(26 * HOUR).await;
        reported.sweep().await;
        assert_eq!(
            reported.state(&one, channel).await,
            "delivered",
            "{mode:?}, later"
        );
    }
    println!("{} faults", modes.len());
}

#[test]
fn a_lost_report_of_an_sms_is_found_whatever_mobizon_answered_before() {
    run(is_found_later(
        Vendor::Mobizon,
        Channel::Sms,
        Duration::from_mins(2),
    ));
}

#[test]
fn a_lost_report_of_an_e_mail_is_found_whatever_resend_answered_before() {
    run(is_found_later(Vendor::Resend, Channel::Email, HOUR));
}
