//! What breaks on the way: processes that are killed, vendors that are down. Everyone still gets one of each.

use crate::support::stack::{DELAY, Stack, stack};
use harness::world::{eventually, run};
use standins::{Fault, Mode};
use std::time::{Duration, Instant};

const SLOW: Mode = Mode::Slow { ms: 250 };

#[test]
fn killing_deliver_while_messages_flow_loses_nothing_and_repeats_nothing() {
    run(async {
        let stack = stack().await;
        let _alone = stack.peace.write().await;
        let people = Stack::people("killed", 704, 60);
        // Slow enough to be met in the middle of a call; the vendor takes what it has received all the same.
        for faults in [stack.resend().faults(), stack.mobizon().faults()] {
            faults.add(Fault::times(SLOW, 10_000));
        }
        let answers = futures::future::join_all(people.iter().map(|person| stack.post(person))).await;
        assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
        let mut killed = 0;
        let theirs = "deliveries d join scheduled_notifications n on n.id = d.notification_id
                      join landing_leads l on l.id = n.lead_id where l.email like 'killed%'";
        let at_work =
            format!("{theirs} and d.state = 'sending' and d.updated_at > now() - interval '1 second'");
        let unclaimed = format!("{theirs} and d.state = 'pending'");
        for _ in 0..8 {
            // The claims of the dead stand until their leases end. Who died in Init had messages without claims: they
            // come back after the queue's visibility timeout, or by the sweep, further down.
            let deadline = Instant::now() + DELAY + Duration::from_secs(10);
            let mut all_taken = false;
            while !all_taken && stack.db.count(&at_work).await == 0 {
                all_taken = stack.db.count(&unclaimed).await == 0 || Instant::now() > deadline;
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            if all_taken {
                break;
            }
            killed += stack.kill("deliver").await;
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        assert!(killed >= 3, "only {killed} processes were killed");
        let left = stack.count("killed", "pending").await;
        assert!(left > 0, "all was delivered before the killing told");
        for faults in [stack.resend().faults(), stack.mobizon().faults()] {
            faults.clear();
        }
        stack
            .pass_time_until_all_are_over("killed", Duration::from_mins(2))
            .await;
        stack.assert_each_delivered_once("killed", &people).await;
    });
}

#[test]
fn a_vendor_s_hiccup_heals_by_itself() {
    run(async {
        let stack = stack().await;
        let _alone = stack.peace.write().await;
        let people = Stack::people("hiccup", 705, 3);
        let busy = Mode::Status {
            status: 503,
            name: None,
            retry_after: Some(2),
        };
        stack.resend().faults().add(Fault::times(busy, 3));
        let full = Mode::RateLimit { retry_after: 2 };
        stack.mobizon().faults().add(Fault::times(full, 3));
        for person in &people {
            assert_eq!(stack.post(person).await.0, 200);
        }
        eventually("all are delivered", Duration::from_mins(1), async || {
            (stack.count("hiccup", "completed").await == 3).then_some(())
        })
        .await;
        assert!(stack.resend().faults().list().is_empty() && stack.mobizon().faults().list().is_empty());
        stack.assert_each_delivered_once("hiccup", &people).await;
    });
}

#[test]
fn a_refused_key_and_lost_answers_are_made_good_once_they_are_mended() {
    run(async {
        let stack = stack().await;
        let _alone = stack.peace.write().await;
        let people = Stack::people("repaired", 706, 5);
        let refused = Mode::Status {
            status: 401,
            name: None,
            retry_after: None,
        };
        stack.resend().faults().add(Fault::times(refused, 10_000));
        // A fresh process asks for the balance between two batches, and must not use a fault up.
        stack.mobizon().faults().add(Fault {
            path: Some("message/".to_owned()),
            ..Fault::times(Mode::AcceptThenDrop {}, 5)
        });
        for person in &people {
            assert_eq!(stack.post(person).await.0, 200);
        }
        let states = "select count(*) filter (where d.state = 'parked') as parked,
                             count(*) filter (where d.state = 'unknown') as unknown
                      from deliveries d join scheduled_notifications n on n.id = d.notification_id
                      join landing_leads l on l.id = n.lead_id where l.email like 'repaired%'";
        eventually("all have failed", DELAY + Duration::from_secs(20), async || {
            let row = stack.db.row(states).await;
            (row["parked"] == 5 && row["unknown"] == 5).then_some(())
        })
        .await;
        let resend = stack.resend().sent();
        assert!(!resend.iter().any(|email| email.to[0].starts_with("repaired")));
        stack.resend().faults().clear();
        stack
            .pass_time_until_all_are_over("repaired", Duration::from_mins(1))
            .await;
        stack.assert_each_delivered_once("repaired", &people).await;
    });
}
