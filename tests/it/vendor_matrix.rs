//! Every fault of every vendor leads to what docs/errors.md says, and touches nobody else's work.

mod table;

use crate::support::crm::World as Crm;
use crate::support::database::Database;
use crate::support::delivery::{self, Waiting, World};
use crate::support::{eventually, run};
use serde_json::{Value, json};
use standins::{Fault, Mode};
use std::time::Duration;
use table::{Break, Case, Gate, Vendor, cases};

/// A message is in time when it is accepted before the broken vendor's ten seconds are over, and by this long after it
/// was due: a machine that also builds is slow.
/// Production's schedule, with every 429 recorded at once instead of waited for.
const AT_ONCE: proftest::domain::delivery::DeliveryTiming = proftest::domain::delivery::DeliveryTiming {
    repeats: 0,
    ..proftest::domain::delivery::DeliveryTiming::PRODUCTION
};

const IN_TIME: &str = "30 seconds";
/// How long a vendor that is late may take to have done its work.
const LATEST: Duration = Duration::from_mins(1);

/// The three vendors, and the two functions that call them.
struct Vendors {
    messages: World,
    crm: Crm,
    deliver: deliver::App,
    worker: crm::App,
}

impl Vendors {
    async fn new() -> Self {
        let messages = World::new().await;
        let crm = Crm::unlimited_over(Database::open(messages.db.url.clone()).await).await;
        let deliver = messages.patient().await.with_timing(AT_ONCE);
        let worker = crm
            .worker()
            .await
            .with_timing(proftest::domain::crm::CrmTiming::PRODUCTION);
        Self {
            messages,
            crm,
            deliver,
            worker,
        }
    }

    /// The functions, one of them looking for `vendor` at `address`.
    async fn astray(&self, vendor: Vendor, address: &str) -> (deliver::App, crm::App) {
        let mut messages = self.messages.config();
        let mut crm = self.crm.config(50);
        let url = match vendor {
            Vendor::Resend => &mut messages.resend.base_url,
            Vendor::Mobizon => &mut messages.mobizon.base_url,
            Vendor::AmoCrm => &mut crm.amocrm.base_url,
        };
        address.clone_into(url);
        (
            self.messages.app(&messages).await.with_timing(AT_ONCE),
            self.crm
                .worker_with(&crm)
                .await
                .with_timing(proftest::domain::crm::CrmTiming::PRODUCTION),
        )
    }

    /// Wakes both functions at once, as the queues do; says whether each one's message must come back.
    async fn wake(&self, deliver: &deliver::App, worker: &crm::App, lead: &Waiting) -> (bool, bool) {
        let crm = async { self.crm.wake(worker, &[lead.lead]).await == 1 };
        futures::future::join(self.messages.wake(deliver, lead), crm).await
    }

    /// One case from its fault to its end.
    async fn run(&self, case: &Case) {
        let lead = self.messages.lead().await;
        let comes_back = match &case.broken {
            Break::Once(mode) => {
                self.break_once(case.vendor, mode);
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
        self.heal(&lead).await;
        for _ in 0..3 {
            self.wake(&self.deliver, &self.worker, &lead).await;
        }
        self.ends(case, &lead).await;
    }

    fn break_once(&self, vendor: Vendor, mode: &Mode) {
        let (faults, path) = match vendor {
            Vendor::Resend => (self.messages.resend.faults(), "POST /emails"),
            Vendor::Mobizon => (self.messages.mobizon.faults(), "message/sendsmsmessage"),
            Vendor::AmoCrm => (self.crm.amocrm.faults(), "POST /api/v4/leads/complex"),
        };
        let mut fault = Fault::times(mode.clone(), 1);
        fault.path = Some(path.to_owned());
        faults.add(fault);
    }

    /// Faults that nobody has met.
    fn left(&self, vendor: Vendor) -> Vec<Fault> {
        match vendor {
            Vendor::Resend => self.messages.resend.faults().list(),
            Vendor::Mobizon => self.messages.mobizon.faults().list(),
            Vendor::AmoCrm => self.crm.amocrm.faults().list(),
        }
    }

    /// The row of a vendor's work, with `wait`, the seconds that it was put off by.
    async fn row(&self, vendor: Vendor, lead: &Waiting) -> Value {
        let mut row = match vendor {
            Vendor::Resend => self.messages.delivery(lead, delivery::Vendor::Resend).await,
            Vendor::Mobizon => self.messages.delivery(lead, delivery::Vendor::Mobizon).await,
            Vendor::AmoCrm => {
                let sql = format!(
                    "select *, extract(epoch from next_attempt_at - updated_at)::float8 as wait
                     from crm_tasks where lead_id = '{}'",
                    lead.lead
                );
                self.crm.db.row(&sql).await
            }
        };
        if row["content"].is_object() {
            // It would fill screens when a test fails.
            row["content"] = "pinned".into();
        }
        row
    }

    /// The row says what the cell says.
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
        assert_eq!(back, waits_or_failed && expected.state != "parked", "{name}");
        self.compare_gate(name, expected.gate).await;
    }

    async fn compare_gate(&self, name: &str, expected: Gate) {
        let shut = self.crm.db.store().gate().await.unwrap();
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
            let done = if vendor == Vendor::AmoCrm {
                "done"
            } else {
                "accepted"
            };
            assert_eq!(
                json!([row["state"], row["attempt"]]),
                json!([done, 1]),
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
        let in_time = self.messages.db.row(&sql).await;
        assert_eq!(
            in_time,
            json!({"email": true, "sms": true}),
            "{}: in time",
            case.name
        );
    }

    /// E-mails, SMS or deals of this lead.
    fn made(&self, vendor: Vendor, lead: &Waiting) -> usize {
        let marker = lead.lead.to_string();
        match vendor {
            Vendor::Resend => self.messages.emails(lead).len(),
            Vendor::Mobizon => self.messages.sms(lead).len(),
            Vendor::AmoCrm => {
                let deals = self.crm.amocrm.deals();
                let theirs = deals
                    .iter()
                    .filter(|deal| deal.fields.get("PROFTEST_LEAD_ID") == Some(&marker));
                theirs.count()
            }
        }
    }

    /// Hours pass, and whoever mends things has mended them.
    async fn heal(&self, lead: &Waiting) {
        self.messages.skip_waiting(lead).await;
        let sql = format!(
            "update crm_tasks set next_attempt_at = now(), creating_since = creating_since - interval '1 hour'
             where lead_id = '{}';
             update crm_gate set shut_until = now()",
            lead.lead
        );
        self.crm.db.execute(&sql).await;
    }

    /// The work ended as the cell says, and exactly once; what failed was never done.
    async fn ends(&self, case: &Case, lead: &Waiting) {
        let (name, end) = (&case.name, &case.reaction.end);
        let row = self.row(case.vendor, lead).await;
        assert_eq!(row["state"], *end, "{name}: {row}");
        let failed = end == "failed";
        for vendor in Vendor::ALL {
            let once = usize::from(!failed || vendor != case.vendor);
            assert_eq!(self.made(vendor, lead), once, "{name}: made by {vendor:?}");
        }
        let people = self.crm.amocrm.contacts();
        let contacts = people
            .iter()
            .filter(|contact| contact.phones == [lead.person.phone.clone()]);
        assert!(contacts.count() <= 1, "{name}: contacts");
        if !failed || case.vendor == Vendor::AmoCrm {
            self.messages.assert_delivered_once(lead).await;
        } else {
            let channel = if case.vendor == Vendor::Resend {
                "email"
            } else {
                "sms"
            };
            let notification = self.messages.notification(lead).await;
            let reason = format!("{channel}: {}", case.reaction.reason);
            let told = json!([notification["status"], notification["failure_reason"]]);
            assert_eq!(told, json!(["failed", reason]), "{name}");
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

    /// Nobody has broken a vendor's contract in anything that was sent.
    fn nothing_was_refused(&self) {
        for stats in [
            self.messages.resend.stats(),
            self.messages.mobizon.stats(),
            self.crm.amocrm.stats(),
        ] {
            assert!(stats.rejected.is_empty(), "{:?}", stats.rejected);
        }
        assert_eq!(self.messages.resend.stats().without_idempotency_key, 0);
    }
}

/// Runs cases one after another.
async fn lane(vendors: Vendors, cases: Vec<Case>) -> usize {
    for case in &cases {
        vendors.run(case).await;
    }
    vendors.nothing_was_refused();
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
            lanes.push(lane(Vendors::new().await, group));
        }
        let ran = futures::future::join_all(lanes).await;
        println!("{} cells", ran.iter().sum::<usize>());
    });
}
