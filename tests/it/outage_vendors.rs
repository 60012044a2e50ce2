//! All three vendors are down for an hour while leads come in.

use crate::support::funnel::{self, Workers};
use harness::world::{Database, Person, Vendor, World, run, sdk};
use proftest::config::variable;
use standins::{Fault, Mode};
use std::time::{Duration, Instant};

/// Leads that come in during the hour. `OUTAGE_LEADS=2000` is the size that docs/reliability.md tells of.
const LEADS: usize = 200;
/// The hour goes by in steps, each longer than the ten minutes from a lead to its message.
const STEP: Duration = Duration::from_mins(12);
const STEPS: usize = 5;
/// So many e-mails and SMS hang until the client gives up, ten seconds later.
const HANGING: u32 = 6;

fn every(n: u32, mode: Mode, path: Option<&str>) -> Fault {
    Fault {
        mode,
        count: None,
        every: Some(n),
        path: path.map(str::to_owned),
    }
}

/// Breaks all vendors in the way of this step, and returns the workers that meet them so.
async fn break_vendors(world: &World, step: usize) -> Workers {
    let unavailable = || Mode::Status {
        status: 503,
        name: None,
        retry_after: None,
    };
    let [resend, mobizon, amocrm] = Vendor::ALL.map(|vendor| world.vendors.faults(vendor));
    for vendor in [resend, mobizon, amocrm] {
        vendor.clear();
    }
    match step {
        1 => {
            for (vendor, hanging) in [(resend, HANGING), (mobizon, HANGING), (amocrm, 1)] {
                vendor.add(Fault::times(Mode::Timeout {}, hanging));
                vendor.add(every(1, unavailable(), None));
            }
        }
        2 => {
            for vendor in [resend, mobizon, amocrm] {
                vendor.add(every(2, Mode::Html { status: 502 }, None));
                vendor.add(every(1, Mode::Drop {}, None));
            }
        }
        // The worst kind: what the vendor took, it does not say. amoCRM can still be read, or nothing is written.
        3 => {
            for (vendor, path) in [(resend, None), (mobizon, None), (amocrm, Some("POST"))] {
                vendor.add(every(3, Mode::AcceptThenDrop {}, path));
                vendor.add(every(1, Mode::Drop {}, path));
            }
        }
        _ => return funnel::workers_without_vendors(world).await,
    }
    funnel::workers(world).await
}

#[test]
fn an_hour_without_any_vendor_loses_no_lead_and_repeats_nothing() {
    run(async {
        let leads = variable("OUTAGE_LEADS").map_or(LEADS, |leads| leads.parse().unwrap());
        let world = funnel::world(Database::fresh().await, Duration::from_mins(10)).await;
        let people: Vec<Person> = (0..leads).map(|_| Person::new()).collect();
        let started = Instant::now();
        for (step, people) in people.chunks(leads.div_ceil(STEPS)).enumerate() {
            let workers = break_vendors(&world, step).await;
            let answers = funnel::post_all(&world, &sdk().await, people).await;
            assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
            funnel::wake_early(&world).await;
            funnel::sweep(&world).await;
            funnel::drain(&world, &workers).await;
            funnel::pass_time(&world, STEP).await;
            println!(
                "step {step}: {:?}, {}",
                started.elapsed(),
                funnel::state(&world).await
            );
        }
        for vendor in Vendor::ALL.map(|vendor| world.vendors.faults(vendor)) {
            vendor.clear();
        }
        let told = "scheduled_notifications where status <> 'pending'";
        assert_eq!(world.db.count(told).await, 0, "no vendor answered");
        let taken = (
            world.vendors.resend.sent().len(),
            world.vendors.mobizon.sent().len(),
            world.vendors.amocrm.deals().len(),
        );
        assert!(
            taken.0 > 0 && taken.1 > 0 && taken.2 > 0,
            "answers were to be lost: {taken:?}"
        );
        funnel::finish(&world, &funnel::workers(&world).await).await;
        println!("healed: {:?}, {}", started.elapsed(), funnel::state(&world).await);
        funnel::assert_each_served_once(&world, &people).await;
    });
}
