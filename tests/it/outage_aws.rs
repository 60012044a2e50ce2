//! Scheduler or SQS is out of order while leads come in: no visitor notices, and everybody is served once.

use crate::support::front::{Front, Trouble};
use crate::support::funnel::{self};
use futures::stream::{self, StreamExt as _};
use harness::world::{Database, Person, World, eventually, run, sdk, sdk_at};
use std::time::{Duration, Instant};

const LEADS: usize = 3;
const OUTAGES_AT_ONCE: usize = 4;
/// From a lead to its message.
const DELAY: Duration = Duration::from_secs(8);
/// A visitor waits at most for two calls, one after the other, each given up after 1.8 s; the rest is for a machine
/// busy with other tests.
const WAIT_MAX: Duration = Duration::from_secs(8);

/// What is out of order (Scheduler, SQS), and whether the message is woken nevertheless, without the sweep.
const OUTAGES: [(Trouble, Trouble, bool); 13] = {
    use Trouble::{Broken, Cut, Forgets, Hangs, None, Throttled};
    [
        // The message itself is sent, with a delay.
        (Throttled, None, true),
        (Broken, None, true),
        (Cut, None, true),
        (Hangs, None, true),
        // Both the schedule and the message wake it.
        (Forgets, None, true),
        // The schedule is made; only the CRM waits for the sweep.
        (None, Throttled, true),
        (None, Broken, true),
        (None, Cut, true),
        (None, Hangs, true),
        // Nothing but the row is left.
        (Throttled, Broken, false),
        (Broken, Throttled, false),
        (Cut, Cut, false),
        (Hangs, Hangs, false),
    ]
};

async fn post_during(world: &World, scheduler: Trouble, sqs: Trouble) -> Vec<Person> {
    let front = Front::before(sdk().await.endpoint_url().unwrap()).await;
    front.set(scheduler, sqs);
    let people: Vec<Person> = (0..LEADS).map(|_| Person::new()).collect();
    let started = Instant::now();
    let answers = funnel::post_all(world, &sdk_at(&front.url()), &people).await;
    let took = started.elapsed();
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert!(took < WAIT_MAX, "{scheduler:?}, {sqs:?}: {took:?}");
    people
}

#[test]
fn whatever_of_aws_is_out_of_order_at_intake_the_visitor_sees_200_and_is_served_once() {
    run(async {
        let world = funnel::world(Database::fresh().await, DELAY).await;
        let outages = OUTAGES
            .iter()
            .map(|(scheduler, sqs, _)| post_during(&world, *scheduler, *sqs));
        let people: Vec<Vec<Person>> = stream::iter(outages).buffered(OUTAGES_AT_ONCE).collect().await;
        let woken = || people.iter().zip(OUTAGES).filter(|(_, (_, _, woken))| *woken);
        let expected = woken().count() * LEADS;
        let workers = funnel::workers(&world).await;
        let completed = "scheduled_notifications where status = 'completed'";
        eventually("what was woken is delivered", DELAY * 4, async || {
            funnel::drain(&world, &workers).await;
            (world.db.count(completed).await == i64::try_from(expected).unwrap()).then_some(())
        })
        .await;
        for (people, (scheduler, sqs, woken)) in people.iter().zip(OUTAGES) {
            let emails = world.vendors.resend.sent();
            let told = |person: &Person| emails.iter().any(|email| email.to[0] == person.email);
            assert!(
                people.iter().all(|person| told(person) == woken),
                "{scheduler:?}, {sqs:?}"
            );
        }
        let told = world.db.count("crm_tasks where state = 'done'").await;
        let reached = OUTAGES.iter().filter(|(_, sqs, _)| *sqs == Trouble::None).count() * LEADS;
        assert_eq!(
            told,
            i64::try_from(reached).unwrap(),
            "the CRM was told by message"
        );
        // Two minutes later the sweep has found the rest.
        world.pass_time(Duration::from_mins(2)).await;
        let swept = funnel::sweep(&world).await;
        let all = OUTAGES.len() * LEADS;
        assert_eq!(
            (swept.notifications, swept.crm_tasks),
            (all - expected, all - reached)
        );
        funnel::drain(&world, &workers).await;
        funnel::assert_each_served_once(&world, &people.concat()).await;
    });
}
