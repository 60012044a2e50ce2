//! The database's clock is 90 s ahead of the functions' and of AWS's, or behind: its clock alone decides.

use crate::support::front::{Front, Trouble};
use crate::support::funnel::{self};
use crate::support::server::{End, Server};
use harness::tools;
use harness::world::{Database, Person, World, eventually, run, sdk, sdk_at};
use jiff::{SignedDuration, Timestamp};
use standins::{Fault, Mode};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

/// From a lead to its message.
const DELAY: Duration = Duration::from_secs(6);
const LEADS: usize = 5;
/// How well two clocks can be compared by asking the one, on a busy machine.
const MEASURED_WITHIN: SignedDuration = SignedDuration::from_millis(500);

/// The library that gives a process a false clock.
fn faketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    let mut libraries = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    libraries.find(|library| library.exists())
}

async fn ahead(db: &Database) -> SignedDuration {
    let asked = Timestamp::now();
    let row = db.row("select clock_timestamp() as now").await;
    let its: Timestamp = row["now"].as_str().unwrap().parse().unwrap();
    its.duration_since(asked)
}

/// Every schedule that was made fires at the second at which its notification is due, by the database's clock.
async fn assert_schedules(world: &World, made: usize) {
    let schedules = funnel::schedules(world).await;
    let rows = world
        .db
        .rows("select id, scheduled_for, scheduled_for - created_at as delay from scheduled_notifications")
        .await;
    let due: HashMap<&str, String> = rows
        .iter()
        .map(|row| {
            assert_eq!(row["delay"], "00:00:06");
            let due: Timestamp = row["scheduled_for"].as_str().unwrap().parse().unwrap();
            (
                row["id"].as_str().unwrap(),
                due.strftime("at(%Y-%m-%dT%H:%M:%S)").to_string(),
            )
        })
        .collect();
    assert_eq!(schedules.len(), made, "schedules");
    for (name, expression) in &schedules {
        assert_eq!(expression, &due[name.as_str()]);
    }
}

/// No vendor took anything before it was due: its clock is ours, the row's is the database's.
async fn assert_none_early(world: &World, ahead: SignedDuration) {
    let emails = world.vendors.resend.sent().into_iter();
    let emails = emails.map(|email| (email.to[0].clone(), email.accepted_at));
    let texts = world.vendors.mobizon.sent().into_iter();
    let texts = texts.map(|sms| (format!("+{}", sms.recipient), sms.accepted_at));
    let accepted: Vec<(String, Timestamp)> = emails.chain(texts).collect();
    let sql = "select l.email, l.phone, n.scheduled_for from landing_leads l
               join scheduled_notifications n on n.lead_id = l.id";
    for row in world.db.rows(sql).await {
        let due: Timestamp = row["scheduled_for"].as_str().unwrap().parse().unwrap();
        for (whose, at) in &accepted {
            if row["email"] == *whose || row["phone"] == *whose {
                let early = due.duration_since(*at + ahead);
                assert!(early < MEASURED_WITHIN, "early by {early:?}: {row}");
            }
        }
    }
}

async fn story(seconds: i64) {
    let Some(library) = faketime() else {
        tools::not_run("false clocks need libfaketime", "faketime").unwrap();
        return;
    };
    let environment = vec![
        ("LD_PRELOAD", library.to_string_lossy().into_owned()),
        ("FAKETIME", format!("{seconds:+}s")),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    let mut server = Server::start(&format!("postgres{seconds:+}"), environment).await;
    let world = funnel::world(server.database().await, DELAY).await;
    let skew = ahead(&world.db).await;
    assert!(
        (skew.as_secs() - seconds).abs() < 5,
        "the server's clock is not false: {skew:?}"
    );
    let busy = Mode::Status {
        status: 503,
        name: None,
        retry_after: Some(1),
    };
    world.vendors.resend.faults().add(Fault::times(busy, 2));
    let people: Vec<Person> = (0..3 * LEADS).map(|_| Person::new()).collect();
    let (strayed, rest) = people.split_at(LEADS);
    let (delayed, scheduled) = rest.split_at(LEADS);

    // Some are woken at once, by a message that strayed; some have a delayed message for a schedule.
    funnel::post_all(&world, &sdk().await, strayed).await;
    funnel::wake_early(&world).await;
    let front = Front::before(sdk().await.endpoint_url().unwrap()).await;
    front.set(Trouble::Throttled, Trouble::None);
    funnel::post_all(&world, &sdk_at(&front.url()), delayed).await;
    funnel::post_all(&world, &sdk().await, scheduled).await;
    // Behind, schedules are in AWS's past already: they fire at once, and the message is held.
    let by_schedule = if seconds > 0 {
        assert_schedules(&world, 2 * LEADS).await;
        0
    } else {
        LEADS
    };
    let workers = funnel::workers(&world).await;
    funnel::drain(&world, &workers).await;
    assert_none_early(&world, skew).await;
    eventually("those woken are served", DELAY * 10, async || {
        funnel::drain(&world, &workers).await;
        let completed = "scheduled_notifications where status = 'completed'";
        (world.db.count(completed).await == i64::try_from(2 * LEADS + by_schedule).unwrap()).then_some(())
    })
    .await;
    assert_none_early(&world, skew).await;
    // Ahead, schedules fire 90 s late, which is when the sweep comes too.
    world.pass_time(DELAY + Duration::from_secs(90)).await;
    assert_eq!(funnel::sweep(&world).await.notifications, LEADS - by_schedule);
    funnel::drain(&world, &workers).await;
    funnel::assert_each_served_once(&world, &people).await;
    server.stop(End::Fast).await;
}

#[test]
fn a_database_90_s_ahead_makes_nothing_early_and_loses_nothing() {
    run(story(90));
}

#[test]
fn a_database_90_s_behind_makes_nothing_early_and_loses_nothing() {
    run(story(-90));
}
