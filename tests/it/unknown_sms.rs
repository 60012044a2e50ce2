//! Every answer to an SMS is lost after the vendor took it: each is found in the vendor's list, none is repeated.
//!
//! Mobizon gives no key to repeat an SMS under; what keeps it from being sent twice is the look-up alone, so it is
//! tried here with lists as they are on bad days. `UNKNOWN_SMS` says with how many people; 100 unless given.

use crate::support::delivery::HASTY;
use crate::support::delivery::{finish, hasty, patient, wake, wake_all};
use futures::StreamExt as _;
use harness::world::{Options, Vendor, Waiting, World, eventually, run};
use proftest::config::variable;
use proftest::domain::delivery::DeliveryTiming;
use serde_json::json;
use standins::{Fault, Mode};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Instances of the function.
const WORKERS: usize = 6;
/// Batches of ten messages under way at once.
const BATCHES: usize = 12;
/// Longer than a lease.
const WITHIN: Duration = Duration::from_mins(3);
const LIST: &str = "message/list";
const SEND: &str = "message/sendsmsmessage";

fn people() -> usize {
    let given = variable("UNKNOWN_SMS").map(|value| value.parse().unwrap());
    given.unwrap_or(100)
}

fn always(mode: Mode, path: &str, count: Option<u32>) -> Fault {
    Fault {
        mode,
        count,
        every: None,
        path: Some(path.to_owned()),
    }
}

struct Lost {
    world: World,
    workers: Vec<deliver::App>,
    people: Vec<Waiting>,
}

impl Lost {
    async fn with(options: Options, policy: DeliveryTiming) -> Self {
        let world = World::with(options).await;
        let mut workers = Vec::new();
        for _ in 0..WORKERS {
            workers.push(patient(&world).await.with_timing(policy));
        }
        let mut people = Vec::new();
        for _ in 0..self::people() {
            people.push(world.lead().await);
        }
        // For good: should an SMS be repeated, the repetition is taken too, and its answer lost as well.
        let fault = always(Mode::AcceptThenDrop {}, SEND, None);
        world.vendors.mobizon.faults().add(fault);
        Self {
            world,
            workers,
            people,
        }
    }

    /// Sends to everybody, then wakes each batch until nothing of it is open; `between` is what happens to a batch
    /// when its answers have just been lost.
    async fn each_is_found(&self, between: impl Fn(&[Waiting])) {
        let workers = self.workers.iter().cycle();
        let batches = self.people.chunks(10).zip(workers);
        let journeys = batches.map(|(batch, worker)| self.journey(batch, worker, &between));
        let journeys: Vec<()> = futures::stream::iter(journeys)
            .buffer_unordered(BATCHES)
            .collect()
            .await;
        assert_eq!(journeys.len(), self.people.len().div_ceil(10));
        self.assert_each_once().await;
    }

    async fn journey(&self, batch: &[Waiting], worker: &deliver::App, between: &impl Fn(&[Waiting])) {
        let ids: Vec<String> = batch.iter().map(|waiting| format!("'{}'", waiting.id)).collect();
        let ids = ids.join(",");
        let count = async |that: &str| {
            let theirs = format!("deliveries where notification_id in ({ids}) and {that}");
            usize::try_from(self.world.db.count(&theirs).await).unwrap()
        };
        eventually("all is sent", WITHIN, async || {
            wake_all(worker, batch).await;
            let untried = "(attempt = 0 or state = 'sending')";
            (count(untried).await == 0).then_some(())
        })
        .await;
        assert_eq!(count("channel = 'sms' and unknown_since is null").await, 0);
        between(batch);
        eventually("every SMS is found", WITHIN, async || {
            wake_all(worker, batch).await;
            (count("state <> 'accepted'").await == 0).then_some(())
        })
        .await;
    }

    async fn assert_each_once(&self) {
        let mut sent: HashMap<String, Vec<i64>> = HashMap::new();
        for sms in self.world.vendors.mobizon.sent() {
            if sms.text.contains("/l/") {
                sent.entry(sms.recipient).or_default().push(sms.message_id);
            }
        }
        assert_eq!(sent.len(), self.people.len(), "people who got an SMS");
        let sql =
            "select ltrim(l.phone, '+') as phone, n.status, s.provider_id, s.content, e.attempt as e_mails
                   from landing_leads l join scheduled_notifications n on n.lead_id = l.id
                   join deliveries s on s.notification_id = n.id and s.channel = 'sms'
                   join deliveries e on e.notification_id = n.id and e.channel = 'email'";
        let rows = self.world.db.rows(sql).await;
        assert_eq!(rows.len(), self.people.len());
        for row in rows {
            let theirs = &sent[row["phone"].as_str().unwrap()];
            assert_eq!(theirs.len(), 1, "SMS sent to one person: {row}");
            let told = json!([row["status"], row["provider_id"], row["content"], row["e_mails"]]);
            let id = theirs[0].to_string();
            assert_eq!(told, json!(["completed", id, null, 1]), "{row}");
        }
        assert_eq!(self.world.vendors.resend.sent().len(), self.people.len());
        let refused = self.world.vendors.mobizon.stats().rejected;
        assert!(refused.is_empty(), "look-ups against the contract: {refused:?}");
    }

    fn pages(&self) -> usize {
        let requests = usize::try_from(self.world.vendors.mobizon.stats().requests).unwrap();
        requests - self.people.len()
    }
}

#[test]
fn every_sms_whose_answer_was_lost_is_found() {
    run(async {
        let lost = Lost::with(Options::unlimited(), HASTY).await;
        lost.each_is_found(|_| ()).await;
    });
}

#[test]
fn a_slow_list_and_one_that_does_not_answer_in_time_lead_to_no_second_sms() {
    run(async {
        let lost = Lost::with(Options::unlimited(), HASTY).await;
        // Beyond a call's ten seconds, and past the time after which an SMS that is not listed counts as absent; later ones are slow, but answer.
        let (late, slow) = (Mode::Slow { ms: 12_000 }, Mode::Slow { ms: 900 });
        lost.world
            .vendors
            .mobizon
            .faults()
            .add(always(late, LIST, Some(5)));
        lost.world.vendors.mobizon.faults().add(always(slow, LIST, None));
        lost.each_is_found(|_| ()).await;
        assert!(lost.pages() >= lost.people.len() + 5);
    });
}

#[test]
fn a_list_that_lags_by_less_than_the_absent_time_leads_to_no_second_sms() {
    run(async {
        // In production an SMS counts as absent after ten minutes. This is a lag of six minutes, a hundred times faster.
        let mut options = Options::unlimited();
        options.mobizon.list_lag = Duration::from_millis(3_600);
        let policy = DeliveryTiming {
            look_up: Duration::from_millis(300),
            absent: Duration::from_secs(6),
            ..HASTY
        };
        let lost = Lost::with(options, policy).await;
        lost.each_is_found(|_| ()).await;
        assert!(lost.pages() > lost.people.len(), "the list did not lag");
    });
}

#[test]
fn an_sms_on_a_later_page_is_found_when_the_list_hears_only_the_number() {
    run(async {
        let mut options = Options::unlimited();
        options.mobizon.deaf_to_text = true;
        let lost = Lost::with(options, HASTY).await;
        // Six segments of Cyrillic: a page of a hundred has about 100 KiB.
        let advertisement = "Скидки только сегодня! ".repeat(17);
        let crowded = AtomicUsize::new(0);
        let crowd = |batch: &[Waiting]| {
            for waiting in batch.iter().step_by(5) {
                for _ in 0..210 {
                    let digits = waiting.person.digits();
                    lost.world.vendors.mobizon.send_for_others(digits, &advertisement);
                }
                crowded.fetch_add(1, Ordering::Relaxed);
            }
        };
        lost.each_is_found(crowd).await;
        let on_the_third_page = crowded.load(Ordering::Relaxed);
        assert!(lost.pages() >= lost.people.len() + 2 * on_the_third_page);
    });
}

#[test]
fn the_pages_of_a_look_up_together_take_no_longer_than_a_call() {
    run(async {
        let mut options = Options::unlimited();
        options.mobizon.deaf_to_text = true;
        let world = World::with(options).await;
        let app = hasty(&world).await;
        let waiting = world.lead().await;
        world.break_once(Vendor::Mobizon, Mode::AcceptThenDrop {});
        assert!(wake(&app, &waiting).await);
        for _ in 0..210 {
            world
                .vendors
                .mobizon
                .send_for_others(waiting.person.digits(), "Скидки!");
        }
        // Three pages of four seconds each: the function lives for thirty, and may have to send after the look-up.
        let slow = Mode::Slow { ms: 4_000 };
        world.vendors.mobizon.faults().add(always(slow, LIST, Some(3)));
        world.pass_time(Duration::from_hours(1)).await;
        assert!(wake(&app, &waiting).await);
        let row = world.work(&waiting, Vendor::Mobizon).await;
        let told = json!([row["state"], row["reason"]]);
        assert_eq!(
            told,
            json!(["unknown", "look-up failed: mobizon timeout"]),
            "{row}"
        );
        world.vendors.heal();
        finish(&world, &app, &waiting).await;
        let all = world.sms(&waiting);
        let ours: Vec<_> = all.iter().filter(|sms| sms.text.contains("/l/")).collect();
        assert_eq!(ours.len(), 1, "{ours:?}");
        let row = world.work(&waiting, Vendor::Mobizon).await;
        let told = json!([row["state"], row["provider_id"]]);
        assert_eq!(told, json!(["accepted", ours[0].message_id.to_string()]), "{row}");
    });
}
