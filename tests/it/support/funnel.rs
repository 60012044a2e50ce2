//! The whole funnel in one process: the functions between a real database, real queues and schedules, and the
//! vendors' stand-ins. What AWS does between them, and the passing of time, is the test's to do.

use super::request::{Answer, submission};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use futures::future::{join, join_all};
use harness::world::{Database, Options, Person, Queue, World, patient_sdk, task};
use proftest::aws::SdkConfig;
use proftest::domain::ids::NotificationId;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// Instances of each function that work side by side.
const INTAKES: usize = 8;
const DELIVERS: usize = 6;
const CRMS: usize = 4;
/// Wide enough that the governor, which other tests look at, does not make these wait.
const CRM_SLOTS: u16 = 1_000;

pub struct Workers {
    deliver: Vec<deliver::App>,
    crm: Vec<crm::App>,
}

/// A world over this database, with schedules of its own and messages that are due after `delay`.
pub async fn world(db: Database, delay: Duration) -> World {
    let slots = format!("insert into crm_slots select generate_series(51, {CRM_SLOTS})");
    db.execute(&slots).await;
    let mut world = World::over(db, Options::unlimited()).await;
    world.delay = delay;
    own_schedules(&mut world).await;
    world
}

pub async fn own_schedules(world: &mut World) {
    let group = format!("test-{}", Uuid::new_v4());
    let scheduler = aws_sdk_scheduler::Client::new(&patient_sdk().await);
    let create = scheduler.create_schedule_group().name(&group);
    create.send().await.unwrap();
    world.changes.insert("SCHEDULE_GROUP", group);
}

pub async fn schedules(world: &World) -> HashMap<String, String> {
    let scheduler = aws_sdk_scheduler::Client::new(&patient_sdk().await);
    let group = &world.changes["SCHEDULE_GROUP"];
    let list = scheduler.list_schedules().group_name(group);
    let names = list.send().await.unwrap().schedules;
    let names = names.into_iter().filter_map(|schedule| schedule.name);
    let get = names.map(async |name| {
        let get = scheduler.get_schedule().group_name(group).name(&name);
        get.send()
            .await
            .ok()
            .and_then(|schedule| Some((name, schedule.schedule_expression?)))
    });
    join_all(get).await.into_iter().flatten().collect()
}

/// Posts every person's form, several at a time; answers in the people's order.
pub async fn post_all(world: &World, sdk: &SdkConfig, people: &[Person]) -> Vec<Answer> {
    let share = people.len().div_ceil(INTAKES).max(1);
    let lanes = people.chunks(share).map(async |people| {
        let app = intake::App::new(&world.intake_config(), sdk).unwrap();
        app.warm_up().await;
        let mut answers = Vec::new();
        for person in people {
            answers.push(Answer::from(
                intake::handle(&app, submission(&person.form())).await,
            ));
        }
        answers
    });
    join_all(lanes).await.concat()
}

pub async fn workers(world: &World) -> Workers {
    workers_at(world, None).await
}

pub async fn workers_at(world: &World, vendors: Option<&str>) -> Workers {
    let (mut deliver, mut crm) = (world.deliver_config(), super::crm::config(world));
    crm.amocrm.requests_per_second = CRM_SLOTS;
    if let Some(url) = vendors {
        url.clone_into(&mut deliver.resend.base_url);
        url.clone_into(&mut deliver.mobizon.base_url);
        url.clone_into(&mut crm.amocrm.base_url);
    }
    let sdk = patient_sdk().await;
    let delivers = (0..DELIVERS).map(|_| deliver::App::new(&deliver, &sdk).unwrap());
    let crms = (0..CRMS).map(|_| crm::App::new(&crm, &sdk).unwrap());
    Workers {
        deliver: delivers.collect(),
        crm: crms.collect(),
    }
}

/// Works off as many messages as are visible now in both queues, as the event source mappings do.
pub async fn drain(world: &World, workers: &Workers) {
    let (notifications, tasks) = join(world.notifications.visible(), world.crm.visible()).await;
    let (notifications, tasks) = (AtomicUsize::new(notifications), AtomicUsize::new(tasks));
    let delivers = workers.deliver.iter().map(|app| {
        feed(&world.notifications, &notifications, async |event| {
            deliver::handle(app, event).await.unwrap()
        })
    });
    let crms = workers.crm.iter().map(|app| {
        feed(&world.crm, &tasks, async |event| {
            crm::handle(app, event).await.unwrap()
        })
    });
    join(join_all(delivers), join_all(crms)).await;
}

pub async fn sweep(world: &World) -> sweep::Woken {
    sweep::handle(&sweep::App::new(&world.sweep_config(), &patient_sdk().await).unwrap())
        .await
        .unwrap()
}

/// Sends a message for every notification that is not due yet: woken too early, nothing may happen.
pub async fn wake_early(world: &World) {
    let early = "select id from scheduled_notifications where status = 'pending' and scheduled_for > now()";
    for row in &world.db.rows(early).await {
        let id = row["id"].as_str().unwrap().parse().unwrap();
        let body = task(NotificationId::from_uuid(id));
        world.notifications.send(&body).await;
    }
}

/// Lets this time pass. What the queues hold back would be back by then, so it goes: the sweep sends the same.
pub async fn pass_time(world: &World, time: Duration) {
    world.notifications.purge().await;
    world.crm.purge().await;
    world.pass_time(time).await;
}

/// Lets time pass, sweeps and works until nothing waits.
pub async fn finish(world: &World, workers: &Workers) {
    for _ in 0..30 {
        let open = "(select from scheduled_notifications where status = 'pending'
                     union all select from crm_tasks where state in ('pending', 'working')) open";
        if world.db.count(open).await == 0 {
            return;
        }
        pass_time(world, Duration::from_mins(12)).await;
        sweep(world).await;
        drain(world, workers).await;
    }
    panic!("something still waits: {}", state(world).await);
}

pub async fn state(world: &World) -> String {
    let rows = world
        .db
        .rows(
            "select 'notification ' || status as what, count(*) as n from scheduled_notifications group by 1
             union all select channel || ' ' || state, count(*) from deliveries group by 1
             union all select 'crm ' || state, count(*) from crm_tasks group by 1",
        )
        .await;
    let parts = rows
        .iter()
        .map(|row| format!("{} {}", row["n"], row["what"].as_str().unwrap()));
    let (emails, sms) = (world.vendors.emails().len(), world.vendors.mobizon.sent().len());
    let parts = parts.collect::<Vec<_>>().join(", ");
    format!(
        "{parts}; accepted {emails} e-mails, {sms} SMS, {} deals",
        world.vendors.amocrm.deals().len()
    )
}

/// Exactly these people have one lead, one e-mail, one SMS, one contact and one deal; every row
/// says so, and nothing was begun before it was due by the database's clock.
pub async fn assert_each_served_once(world: &World, people: &[Person]) {
    let early = "deliveries d join scheduled_notifications n on n.id = d.notification_id
                 where d.first_attempt_at < n.scheduled_for";
    assert_eq!(world.db.count(early).await, 0, "begun before they were due");
    let rows = world
        .db
        .rows(
            "select l.email, l.amocrm_lead_id as deal, t.state as crm,
                    jsonb_build_array(n.status, n.email_sent, n.sms_sent) as told
             from landing_leads l
             join crm_tasks t on t.lead_id = l.id
             left join scheduled_notifications n on n.lead_id = l.id",
        )
        .await;
    assert_eq!(rows.len(), people.len(), "one lead and one notification a person");
    let told = json!(["completed", true, true]);
    let unserved: Vec<&Value> = rows
        .iter()
        .filter(|row| row["told"] != told || row["crm"] != "done")
        .collect();
    assert!(unserved.is_empty(), "{} such as {}", unserved.len(), unserved[0]);

    let addresses = || people.iter().map(|person| person.email.clone());
    let emails = world.vendors.emails().into_iter();
    assert_one_each("e-mails", addresses(), emails.map(|email| email.to[0].clone()));
    let texts = world.vendors.mobizon.sent().into_iter().map(|sms| sms.recipient);
    let numbers = people.iter().map(|person| person.digits().to_owned());
    assert_one_each("SMS", numbers, texts);
    let contacts = world.vendors.amocrm.contacts();
    let contacts = contacts.into_iter().flat_map(|contact| contact.emails);
    assert_one_each("contacts", addresses(), contacts);
    let made: Vec<i64> = world.vendors.made().iter().map(|deal| deal.id).collect();
    let saved: BTreeSet<i64> = rows.iter().filter_map(|row| row["deal"].as_i64()).collect();
    assert_eq!((made.len(), saved.len()), (people.len(), people.len()), "deals");
    assert_eq!(saved, made.into_iter().collect(), "the rows name the deals");
}

fn assert_one_each(what: &str, expected: impl Iterator<Item = String>, found: impl Iterator<Item = String>) {
    let mut left: HashMap<String, i32> = expected.map(|one| (one, 1)).collect();
    found.for_each(|one| *left.entry(one).or_default() -= 1);
    left.retain(|_, left| *left != 0);
    assert!(
        left.is_empty(),
        "{what}, 1: has none; less than 0: more than one, or unasked: {left:?}"
    );
}

/// Hands over so many messages, or as many as there are, batch by batch, and deletes what was not given back.
async fn feed(queue: &Queue, left: &AtomicUsize, handle: impl AsyncFn(SqsEvent) -> SqsBatchResponse) {
    while left.load(Ordering::Relaxed) > 0 {
        let messages = queue.receive().await;
        if messages.is_empty() {
            return;
        }
        let _ = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            Some(left.saturating_sub(messages.len()))
        });
        queue.hand_over(messages, &handle).await;
    }
}
