//! What follows from a report for later messages.

use crate::support::delivery::{patient, wake};
use crate::support::hooks::{Reported, save};
use harness::world::{Person, Waiting, run};
use proftest::domain::delivery::Channel;
use standins::{Bounce, MailEvent};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// The person comes back, and their next message is tried.
async fn again(reported: &Reported, person: &Person) -> Waiting {
    let waiting = save(&reported.world, person).await;
    wake(&patient(&reported.world).await, &waiting).await;
    waiting
}

async fn standing(reported: &Reported, waiting: &Waiting) -> [String; 2] {
    let mut states = [String::new(), String::new()];
    for (state, channel) in states.iter_mut().zip(Channel::ALL) {
        *state = reported.state(waiting, channel).await;
    }
    states
}

#[test]
fn a_permanent_bounce_spares_the_address_for_ever_and_a_later_form_does_not_lift_it() {
    run(async {
        let reported = Reported::new().await;
        let waiting = reported.send_one().await;
        reported
            .mail(&waiting, MailEvent::Bounced(Bounce::Permanent))
            .await;
        assert_eq!(reported.suppressions().await, ["email bounce"]);
        let next = again(&reported, &waiting.person).await;
        assert_eq!(standing(&reported, &next).await, ["held", "accepted"]);
        reported.world.pass_time(400 * DAY).await;
        let alias = Person {
            email: waiting.person.email.replace('@', "+again@"),
            ..waiting.person.clone()
        };
        let next = again(&reported, &alias).await;
        assert_eq!(standing(&reported, &next).await, ["held", "accepted"]);
        let notes = format!(
            "crm_tasks where lead_id = '{}' and 'email_bounced' = any (pending_notes)",
            waiting.lead
        );
        assert_eq!(reported.world.db.count(&notes).await, 1);
    });
}

/// Asked, Resend does not say that a bounce is permanent; its webhook may be hours late.
#[test]
fn a_permanent_bounce_that_was_first_asked_for_counts_when_its_report_comes() {
    run(async {
        let reported = Reported::new().await;
        let waiting = reported.send_one().await;
        let late = reported.happens(&waiting, MailEvent::Bounced(Bounce::Permanent));
        reported.world.pass_time(Duration::from_hours(1)).await;
        reported.sweep().await;
        assert_eq!(reported.state(&waiting, Channel::Email).await, "bounced");
        assert!(reported.suppressions().await.is_empty());
        assert_eq!(reported.post("/hooks/resend", &late).await, 200);
        assert_eq!(reported.suppressions().await, ["email bounce"]);
    });
}

#[test]
fn a_complaint_spares_both_channels_for_ever() {
    run(async {
        let reported = Reported::new().await;
        let waiting = reported.send_one().await;
        reported.mail(&waiting, MailEvent::Delivered).await;
        reported.world.pass_time(30 * DAY).await;
        reported.mail(&waiting, MailEvent::Complained).await;
        assert_eq!(
            reported.suppressions().await,
            ["email complaint", "sms complaint"]
        );
        let next = again(&reported, &waiting.person).await;
        assert_eq!(standing(&reported, &next).await, ["held", "held"]);
        let history = reported.history(&waiting, Channel::Email).await;
        let told = [
            "outcome accepted",
            "receipt delivered",
            "receipt complained",
            "stop complaint",
        ];
        assert_eq!(history[..4], told);
    });
}

#[test]
fn a_soft_bounce_three_times_in_ninety_days_spares_the_address_for_sixty() {
    run(async {
        let reported = Reported::new().await;
        let person = Person::new();
        let soft = [Bounce::Transient, Bounce::Undetermined, Bounce::Transient];
        // Two within ninety days, and one before them, are not enough.
        let mut emails = 0;
        for (days, bounce) in [(0, soft[0]), (60, soft[1]), (50, soft[2])] {
            reported.world.pass_time(days * DAY).await;
            let waiting = again(&reported, &person).await;
            emails += 1;
            bounce_newest(&reported, &waiting, bounce, emails).await;
            assert!(reported.suppressions().await.is_empty());
        }
        let waiting = again(&reported, &person).await;
        bounce_newest(&reported, &waiting, soft[0], emails + 1).await;
        assert_eq!(reported.suppressions().await, ["email soft_failures until"]);
        let next = again(&reported, &person).await;
        assert_eq!(reported.state(&next, Channel::Email).await, "held");
        reported.world.pass_time(61 * DAY).await;
        let next = again(
            &reported,
            &Person {
                phone: Person::new().phone,
                ..person.clone()
            },
        )
        .await;
        assert_eq!(reported.state(&next, Channel::Email).await, "accepted");
    });
}

/// The newest of the person's e-mails, of which there are so many.
async fn bounce_newest(reported: &Reported, waiting: &Waiting, bounce: Bounce, emails: usize) {
    let sent = reported.world.emails(waiting);
    assert_eq!(sent.len(), emails);
    let resend = &reported.world.vendors.resend;
    let webhook = resend
        .happens(sent[emails - 1].id, MailEvent::Bounced(bounce))
        .unwrap();
    assert_eq!(reported.post("/hooks/resend", &webhook).await, 200);
    assert_eq!(reported.state(waiting, Channel::Email).await, "bounced");
}

#[test]
fn an_sms_that_fails_three_times_in_thirty_days_spares_the_number_for_ninety() {
    run(async {
        let reported = Reported::new().await;
        let person = Person::new();
        for (sms, status) in ["EXPIRED", "UNDELIV", "REJECTD"].into_iter().enumerate() {
            assert!(reported.suppressions().await.is_empty());
            let waiting = again(&reported, &person).await;
            let sent = reported.world.sms(&waiting);
            assert_eq!(sent.len(), sms + 1);
            let mobizon = &reported.world.vendors.mobizon;
            mobizon.set_status(sent[sms].message_id, status);
            let webhook = mobizon.webhook(sent[sms].message_id, status).unwrap();
            assert_eq!(reported.post("/hooks/mobizon", &webhook).await, 200);
            // Told twice, it counts once.
            assert_eq!(reported.post("/hooks/mobizon", &webhook).await, 200);
            reported.world.pass_time(9 * DAY).await;
        }
        assert_eq!(reported.suppressions().await, ["sms soft_failures until"]);
        let next = again(&reported, &person).await;
        assert_eq!(standing(&reported, &next).await, ["accepted", "held"]);
        reported.world.pass_time(91 * DAY).await;
        let next = again(
            &reported,
            &Person {
                email: Person::new().email,
                ..person
            },
        )
        .await;
        assert_eq!(reported.state(&next, Channel::Sms).await, "accepted");
    });
}
