//! Every fault of every vendor leads to what docs/errors.md says, and touches no other work.

pub mod table;

use crate::support;
use crate::support::crm::{config, worker, worker_with};
use crate::support::delivery::{app_of, patient, wake};
use harness::world::{Vendor, Waiting, World, eventually, run};
use serde_json::{Value, json};
use standins::{Fault, Mode};
use std::time::Duration;
use table::{Break, Case, Gate, cases};

/// Production's schedule, with every 429 recorded at once instead of waited for.
const AT_ONCE: proftest::domain::delivery::DeliveryTiming = proftest::domain::delivery::DeliveryTiming {
    repeats: 0,
    ..proftest::domain::delivery::DeliveryTiming::PRODUCTION
};

/// A message is in time when it is accepted before the broken vendor's ten seconds are over, and by this long after it
/// was due: a machine that also builds is slow.
const IN_TIME: &str = "30 seconds";
/// How long a vendor that is late may take to have done its work.
const LATEST: Duration = Duration::from_mins(1);

struct Matrix {
    world: World,
    deliver: deliver::App,
    worker: crm::App,
}

impl Matrix {
    async fn new() -> Self {
        let world = World::new().await;
        let deliver = patient(&world).await.with_timing(AT_ONCE);
        let worker = worker(&world)
            .await
            .with_timing(proftest::domain::crm::CrmTiming::PRODUCTION);
        Self {
            world,
            deliver,
            worker,
        }
    }

    async fn astray(&self, vendor: Vendor, address: &str) -> (deliver::App, crm::App) {
        let (mut messages, mut crm) = (self.world.deliver_config(), config(&self.world));
        let url = match vendor {
            Vendor::Resend => &mut messages.resend.base_url,
            Vendor::Mobizon => &mut messages.mobizon.base_url,
            Vendor::AmoCrm => &mut crm.amocrm.base_url,
        };
        address.clone_into(url);
        (
            app_of(&messages).await.with_timing(AT_ONCE),
            worker_with(&crm)
                .await
                .with_timing(proftest::domain::crm::CrmTiming::PRODUCTION),
        )
    }

    /// Wakes both functions at once, as the queues do; says whether each one's message must come back.
    async fn wake(&self, deliver: &deliver::App, worker: &crm::App, lead: &Waiting) -> (bool, bool) {
        let crm = async { support::crm::wake(worker, &[lead.lead]).await == 1 };
        futures::future::join(wake(deliver, lead), crm).await
    }

    async fn run(&self, case: &Case) {
        let lead = self.world.lead().await;
        let comes_back = match &case.broken {
            Break::Once(mode) => {
                self.break_once(case, mode);
                self.wake(&self.deliver, &self.worker, &lead).await
            }
            Break::At(address) => {
                let (deliver, worker) = self.astray(case.vendor, address).await;
                self.wake(&deliver, &worker, &lead).await
            }
        };
        assert_eq!(self.left(case.vendor), [], "{}: the fault was not met", case.name);
        self.compare(case, &lead, comes_back).await;
        self.others_are_done(case, &lead).await;
        if let Break::Once(Mode::Slow { .. }) = case.broken {
            // A vendor that is late does its work all the same.
            let what = format!("{}: taken late", case.name);
            eventually(&what, LATEST, async || {
                (self.made(case.vendor, &lead) == 1).then_some(())
            })
            .await;
        }
        self.heal().await;
        for _ in 0..3 {
            self.wake(&self.deliver, &self.worker, &lead).await;
        }
        self.ends(case, &lead).await;
    }

    fn break_once(&self, case: &Case, mode: &Mode) {
        let mut fault = Fault::times(mode.clone(), 1);
        fault.path = Some(case.path.to_owned());
        self.world.vendors.faults(case.vendor).add(fault);
    }

    fn left(&self, vendor: Vendor) -> Vec<Fault> {
        self.world.vendors.faults(vendor).list()
    }

    async fn row(&self, vendor: Vendor, lead: &Waiting) -> Value {
        let mut row = self.world.work(lead, vendor).await;
        if row["content"].is_object() {
            // It would fill screens when a test fails.
            row["content"] = "pinned".into();
        }
        row
    }

    async fn compare(&self, case: &Case, lead: &Waiting, comes_back: (bool, bool)) {
        let (name, expected) = (&case.name, &case.reaction);
        let row = self.row(case.vendor, lead).await;
        assert_eq!(row["state"], expected.state, "{name}: {row}");
        assert_eq!(
            row["reason"].as_str().unwrap_or_default(),
            expected.reason,
            "{name}: {row}"
        );
        if let Some((least, most)) = expected.wait {
            let wait = row["wait"].as_f64().unwrap();
            assert!(wait > least - 0.1 && wait < most + 0.1, "{name}: {wait} s: {row}");
        }
        // A refusal counts towards giving up; what waits for a human, or for a look-up, does not.
        let counts = matches!(expected.state.as_str(), "retrying" | "pending") && expected.wait.is_some();
        assert_eq!(row["retries"], i32::from(counts), "{name}: {row}");
        // Parked work waits in its row; what failed goes to the DLQ; everything else rides on its message.
        let back = match case.vendor {
            Vendor::AmoCrm => comes_back.1,
            _ => comes_back.0,
        };
        let waits_or_failed = expected.state == "failed" || expected.wait.is_some();
        let comes_back = waits_or_failed && expected.state != "parked" && !case.is_after_the_deal();
        assert_eq!(back, comes_back, "{name}");
        self.compare_gate(name, expected.gate).await;
    }

    async fn compare_gate(&self, name: &str, expected: Gate) {
        let shut = self.world.db.store().gate().await.unwrap();
        match (expected, shut.as_ref().map(|shut| shut.opens_in)) {
            (Gate::Open, None) | (Gate::Shut, Some(None)) => {}
            (Gate::Seconds(seconds), Some(Some(opens_in))) => {
                let passed = seconds - opens_in.as_secs_f64();
                assert!((0.0..9.0).contains(&passed), "{name}: {shut:?}");
            }
            _ => panic!("{name}: the gate: {shut:?}, not {expected:?}"),
        }
    }

    /// The others' work is done, at the first attempt, and their messages were in time.
    async fn others_are_done(&self, case: &Case, lead: &Waiting) {
        for vendor in Vendor::ALL.into_iter().filter(|vendor| *vendor != case.vendor) {
            let row = self.row(vendor, lead).await;
            let is_crm = vendor == Vendor::AmoCrm;
            // A message that was given up is news for the sales team.
            let has_news = is_crm && case.reaction.state == "failed" && row["state"] == "pending";
            let done = if is_crm { "done" } else { "accepted" };
            assert_eq!(
                json!([has_news || row["state"] == done, row["attempt"]]),
                json!([true, 1]),
                "{}: {row}",
                case.name
            );
            assert_eq!(self.made(vendor, lead), 1, "{}: made by {vendor:?}", case.name);
        }
        let (email, sms) = (case.vendor != Vendor::Resend, case.vendor != Vendor::Mobizon);
        let broken = self.row(case.vendor, lead).await;
        let given_up = broken["updated_at"].as_str().unwrap();
        let limit = match &case.broken {
            Break::Once(_) if case.broken.takes_long() => {
                format!("timestamptz '{given_up}' - interval '1 second'")
            }
            _ => format!("due + interval '{IN_TIME}'"),
        };
        let sql = format!(
            "select (not {email} or email_sent_at between due and {limit}) as email,
                    (not {sms} or sms_sent_at between due and {limit}) as sms
             from landing_leads l, (select scheduled_for as due from scheduled_notifications where id = '{}') n
             where l.id = '{}'",
            lead.id, lead.lead
        );
        let in_time = self.world.db.row(&sql).await;
        assert_eq!(
            in_time,
            json!({"email": true, "sms": true}),
            "{}: in time",
            case.name
        );
    }

    fn made(&self, vendor: Vendor, lead: &Waiting) -> usize {
        let marker = lead.lead.to_string();
        match vendor {
            Vendor::Resend => self.world.emails(lead).len(),
            Vendor::Mobizon => self.world.sms(lead).len(),
            Vendor::AmoCrm => {
                let deals = self.world.vendors.amocrm.deals();
                let theirs = deals
                    .iter()
                    .filter(|deal| deal.fields.get("PROFTEST_LEAD_ID") == Some(&marker));
                theirs.count()
            }
        }
    }

    async fn heal(&self) {
        self.world.pass_time(Duration::from_hours(2)).await;
        ops::store::open_gate(&self.world.db.store_as("ops"))
            .await
            .unwrap();
    }

    /// The work ended as the cell says, and exactly once; what failed was never done.
    async fn ends(&self, case: &Case, lead: &Waiting) {
        let (name, end) = (&case.name, &case.reaction.end);
        let row = self.row(case.vendor, lead).await;
        assert_eq!(row["state"], *end, "{name}: {row}");
        let failed = end == "failed";
        for vendor in Vendor::ALL {
            let once = usize::from(!failed || vendor != case.vendor || case.is_after_the_deal());
            assert_eq!(self.made(vendor, lead), once, "{name}: made by {vendor:?}");
        }
        if end == "done" {
            let deal = self.world.deal(lead.lead).await;
            assert_eq!(
                (deal.notes.len(), deal.tasks.len()),
                (2, 1),
                "{name}: notes and tasks"
            );
        }
        let people = self.world.vendors.amocrm.contacts();
        let contacts = people
            .iter()
            .filter(|contact| contact.phones == [lead.person.phone.clone()]);
        assert!(contacts.count() <= 1, "{name}: contacts");
        if !failed || case.vendor == Vendor::AmoCrm {
            self.world.assert_delivered_once(lead).await;
        } else {
            let channel = if case.vendor == Vendor::Resend {
                "email"
            } else {
                "sms"
            };
            let notification = self.world.notification(lead).await;
            let reason = format!("{channel}: {}", case.reaction.reason);
            let told = json!([notification["status"], notification["failure_reason"]]);
            assert_eq!(told, json!(["failed", reason]), "{name}");
            assert_eq!(self.row(Vendor::AmoCrm, lead).await["state"], "done", "{name}");
            let notes = self.world.notes(self.world.deal(lead.lead).await.id);
            let news = notes.iter().filter(|note| note.contains(" не доставлено: "));
            assert_eq!(news.count(), 1, "{name}: {notes:?}");
            assert_eq!(
                row["content"],
                Value::Null,
                "{name}: pinned personal data is left"
            );
        }
        if failed {
            assert_eq!(row["attempt"], 1, "{name}: tried again");
        }
    }

    fn nothing_was_refused(&self) {
        for stats in [
            self.world.vendors.resend.stats(),
            self.world.vendors.mobizon.stats(),
            self.world.vendors.amocrm.stats(),
        ] {
            assert!(stats.rejected.is_empty(), "{:?}", stats.rejected);
        }
        assert_eq!(self.world.vendors.resend.stats().without_idempotency_key, 0);
    }
}

async fn lane(matrix: Matrix, cases: Vec<Case>) -> usize {
    for case in &cases {
        matrix.run(case).await;
    }
    matrix.nothing_was_refused();
    cases.len()
}

#[test]
fn every_fault_of_every_vendor_has_the_reaction_of_the_table_and_touches_nobody_else() {
    let (long, short): (Vec<Case>, Vec<Case>) =
        cases().into_iter().partition(|case| case.broken.takes_long());
    run(async {
        // Those that wait for seconds wait side by side.
        let mut groups: Vec<Vec<Case>> = long.into_iter().map(|case| vec![case]).collect();
        for vendor in Vendor::ALL {
            let theirs = short.iter().filter(|case| case.vendor == vendor);
            groups.push(theirs.cloned().collect());
        }
        let mut lanes = Vec::new();
        for group in groups {
            lanes.push(lane(Matrix::new().await, group));
        }
        let ran = futures::future::join_all(lanes).await;
        println!("{} cells", ran.iter().sum::<usize>());
    });
}
