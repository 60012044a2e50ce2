//! How punctual messages are when a campaign's whole day falls due within one minute.
//!
//! The real `deliver` processes, a real database, SQS as the emulator has it, vendors that answer after 100 ms. What
//! polls the queue stands for Lambda's event source mapping: batches of at most ten, as many at once as there are
//! processes. Schedules are left out: each message is sent with the delay after which its schedule would fire.

use crate::Error;
use crate::world::World;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, QueueAttributeName, SendMessageBatchRequestEntry,
};
use clap::Args;
use futures::stream::{StreamExt as _, TryStreamExt as _};
use local::runtime_api::Function;
use proftest::config::Database;
use proftest::domain::contact::{Email, Name, Phone};
use proftest::domain::ids::NotificationId;
use proftest::store::{NewLead, Store};
use proftest::task::{self, DeliverTask};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

const DIR: &str = "target/bench/punctuality";
const ANSWER_AFTER: Duration = Duration::from_millis(100);
/// Savings and sendings in flight while the leads are made.
const WRITERS: usize = 8;

/// What is measured.
#[derive(Args, Clone, Copy, Debug)]
pub struct Options {
    /// Notifications.
    #[arg(long, default_value_t = 10_000)]
    leads: u32,
    /// Seconds within which they all fall due.
    #[arg(long, default_value_t = 60)]
    within: u32,
    /// Processes of deliver, as DeliverMaximumConcurrency in template.yaml.
    #[arg(long, default_value_t = 10)]
    workers: usize,
    /// Requests a second that Resend takes; unlimited unless given.
    #[arg(long)]
    resend_limit: Option<u32>,
    /// Seconds after the last one fell due by which all must be out.
    #[arg(long, default_value_t = 600)]
    patience: u64,
}

/// When one notification was due and when its two messages were taken, in seconds of one clock.
type Times = (f64, Vec<f64>, Vec<f64>);

/// Measures, prints, and fails when anything was early, doubled or lost.
pub async fn run(options: Options) -> Result<(), Error> {
    let world = World::start(Path::new(DIR), ANSWER_AFTER, options.resend_limit).await?;
    let sqs = world.sqs();
    let queue = sqs
        .create_queue()
        .queue_name(format!("bench-{}", Uuid::new_v4()))
        .attributes(QueueAttributeName::VisibilityTimeout, "180")
        .send()
        .await
        .map_err(|error| Error::Part(error.to_string()))?
        .queue_url
        .unwrap_or_default();
    let mut workers = Vec::new();
    for _ in 0..options.workers {
        workers.push(world.deliver(&queue).await?);
    }
    // By then every lead is saved; the first ones fall due while the last are written otherwise.
    let lead_time = Duration::from_secs(15) + Duration::from_millis(4) * options.leads;
    let first_due = Instant::now() + lead_time;
    println!(
        "Saving {} leads, due from {:.0} s on…",
        options.leads,
        lead_time.as_secs_f64()
    );
    save_all(&world, &sqs, &queue, options, first_due).await?;
    let spare = first_due.saturating_duration_since(Instant::now());
    println!("{:.0} s to spare", spare.as_secs_f64());
    if spare.is_zero() {
        return Err(Error::Part(
            "this machine saves too slowly for so many leads".to_owned(),
        ));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let polls: Vec<_> = workers
        .into_iter()
        .map(|worker| tokio::spawn(poll(worker, sqs.clone(), queue.clone(), Arc::clone(&stop))))
        .collect();
    let last_due = first_due + Duration::from_secs(options.within.into());
    let end = last_due + Duration::from_secs(options.patience);
    let client = world.database().await?;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let rows = client
            .query_typed(
                "select count(*) from scheduled_notifications where status = 'pending'",
                &[],
            )
            .await?;
        if rows.first().is_some_and(|row| row.get::<_, i64>(0) == 0) || Instant::now() > end {
            break;
        }
    }
    stop.store(true, Ordering::Relaxed);
    for poll in polls {
        poll.await.map_err(|error| Error::Part(error.to_string()))??;
    }
    report(&world, options).await
}

/// Saves the leads and sends a message for each, which is seen when it is due.
async fn save_all(
    world: &World,
    sqs: &aws_sdk_sqs::Client,
    queue: &str,
    options: Options,
    first_due: Instant,
) -> Result<(), Error> {
    let database = Database {
        url: world.database_url().into(),
        ca_pem: None,
    };
    let store = Store::new(&database, WRITERS, Duration::from_secs(10))?;
    let step = Duration::from_secs(options.within.into()) / options.leads.max(1);
    let numbers: Vec<u32> = (0..options.leads).collect();
    let batches = numbers.chunks(10).map(|batch| {
        let store = &store;
        async move {
            let mut saved = Vec::new();
            for &number in batch {
                let due = first_due + step * number;
                let lead = person(number)?;
                let pending = store.save_lead(&lead, due.saturating_duration_since(Instant::now()));
                let id = pending.await?.notification.map(|pending| pending.id);
                saved.push((id.ok_or_else(|| Error::Part("no notification".to_owned()))?, due));
            }
            send(sqs, queue, &saved).await
        }
    });
    futures::stream::iter(batches)
        .buffer_unordered(WRITERS)
        .try_collect::<()>()
        .await
}

fn person(number: u32) -> Result<NewLead, Error> {
    let wrong = || Error::Part("an impossible person".to_owned());
    Ok(NewLead {
        name: Name::parse("Айгерим").map_err(|_| wrong())?,
        email: Email::parse(&format!("person{number}@example.com")).map_err(|_| wrong())?,
        phone: Phone::parse(&format!("+7701{number:07}")).map_err(|_| wrong())?,
        source: "bench".to_owned(),
        metadata: Map::new(),
        idempotency_key: None,
    })
}

async fn send(
    sqs: &aws_sdk_sqs::Client,
    queue: &str,
    saved: &[(NotificationId, Instant)],
) -> Result<(), Error> {
    let part = |error: String| Error::Part(error);
    let mut entries = Vec::new();
    for (index, (notification, due)) in saved.iter().enumerate() {
        let body = task::body(&DeliverTask::DeliverV1 {
            notification: *notification,
        });
        // Whole seconds, and never early.
        let delay = due.saturating_duration_since(Instant::now()).as_secs() + 1;
        let entry = SendMessageBatchRequestEntry::builder()
            .id(index.to_string())
            .message_body(body)
            .delay_seconds(i32::try_from(delay).unwrap_or(900))
            .build();
        entries.push(entry.map_err(|error| part(error.to_string()))?);
    }
    let sending = sqs
        .send_message_batch()
        .queue_url(queue)
        .set_entries(Some(entries));
    sending.send().await.map_err(|error| part(error.to_string()))?;
    Ok(())
}

/// One sandbox of the event source mapping: receive, invoke, delete what did not fail.
async fn poll(
    mut function: Function,
    sqs: aws_sdk_sqs::Client,
    queue: String,
    stop: Arc<AtomicBool>,
) -> Result<(), Error> {
    while !stop.load(Ordering::Relaxed) {
        // A failed call is made again: an emulator under load may take longer than the SDK waits.
        let received = sqs
            .receive_message()
            .queue_url(&queue)
            .max_number_of_messages(10)
            .send()
            .await;
        let messages = received
            .ok()
            .and_then(|received| received.messages)
            .unwrap_or_default();
        if messages.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        let answer = function.invoke(&event(&messages)).await?;
        delete(&sqs, &queue, &messages, &answer).await;
    }
    Ok(())
}

fn event(messages: &[Message]) -> Value {
    let records: Vec<Value> = messages
        .iter()
        .map(|message| {
            json!({
                "messageId": message.message_id,
                "receiptHandle": message.receipt_handle,
                "body": message.body,
                "eventSource": "aws:sqs",
                "attributes": {},
                "messageAttributes": {},
            })
        })
        .collect();
    json!({ "Records": records })
}

async fn delete(sqs: &aws_sdk_sqs::Client, queue: &str, messages: &[Message], answer: &Value) {
    let failed: Vec<&str> = answer["batchItemFailures"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|failure| failure["itemIdentifier"].as_str())
        .collect();
    let done = messages.iter().filter(|message| {
        message
            .message_id
            .as_deref()
            .is_some_and(|id| !failed.contains(&id))
    });
    let entries: Vec<_> = done
        .enumerate()
        .filter_map(|(index, message)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(message.receipt_handle.clone()?)
                .build()
                .ok()
        })
        .collect();
    if !entries.is_empty() {
        // One that is not deleted comes again, and finds its row over.
        let _ = sqs
            .delete_message_batch()
            .queue_url(queue)
            .set_entries(Some(entries))
            .send()
            .await;
    }
}

async fn report(world: &World, options: Options) -> Result<(), Error> {
    let rows = world
        .database()
        .await?
        .query_typed(
            "select l.email, ltrim(l.phone, '+') as phone, extract(epoch from n.scheduled_for)::float8 as due
             from landing_leads l join scheduled_notifications n on n.lead_id = l.id",
            &[],
        )
        .await?;
    let mut emails: HashMap<String, Vec<f64>> = HashMap::new();
    for email in world.resend.sent() {
        for to in email.to {
            emails.entry(to).or_default().push(seconds(email.accepted_at));
        }
    }
    let mut texts: HashMap<String, Vec<f64>> = HashMap::new();
    for sms in world.mobizon.sent() {
        texts
            .entry(sms.recipient)
            .or_default()
            .push(seconds(sms.accepted_at));
    }
    let times: Vec<Times> = rows
        .iter()
        .map(|row| {
            let (email, phone) = (row.get::<_, String>("email"), row.get::<_, String>("phone"));
            (
                row.get("due"),
                emails.remove(&email).unwrap_or_default(),
                texts.remove(&phone).unwrap_or_default(),
            )
        })
        .collect();
    let stats = world.resend.stats();
    println!(
        "{} notifications due within {} s, {} workers, Resend limited to {}",
        times.len(),
        options.within,
        options.workers,
        options
            .resend_limit
            .map_or("nothing".to_owned(), |limit| format!("{limit} requests/s")),
    );
    println!(
        "Resend: {} requests ({} refused with 429), at most {} in any second",
        stats.requests,
        stats.statuses.get(&429).unwrap_or(&0),
        stats.max_in_one_second
    );
    let good = [
        channel("e-mail", times.iter().map(|(due, emails, _)| (*due, emails))),
        channel("SMS", times.iter().map(|(due, _, texts)| (*due, texts))),
    ];
    if good.contains(&false) || times.len() != usize::try_from(options.leads).unwrap_or_default() {
        return Err(Error::Part("something was early, doubled or lost".to_owned()));
    }
    Ok(())
}

/// Prints one channel's line; says whether nothing was early, doubled or lost.
fn channel<'a>(name: &str, times: impl Iterator<Item = (f64, &'a Vec<f64>)>) -> bool {
    let (mut late, mut early, mut doubled, mut lost) = (Vec::new(), 0, 0, 0);
    for (due, taken) in times {
        match taken[..] {
            [] => lost += 1,
            [_, _, ..] => doubled += 1,
            [at] => {
                early += u32::from(at < due);
                late.push(at - due);
            }
        }
    }
    late.sort_by(f64::total_cmp);
    let at = |share: usize| {
        late.get(late.len() * share / 100)
            .or(late.last())
            .copied()
            .unwrap_or(f64::NAN)
    };
    println!(
        "{name:<7} early {early}  doubled {doubled}  lost {lost}  seconds late: median {:.2}  p99 {:.2}  last {:.2}",
        at(50),
        at(99),
        at(100)
    );
    early + doubled + lost == 0
}

#[allow(
    clippy::cast_precision_loss,
    reason = "microseconds since 1970 are below 2^52"
)]
fn seconds(at: jiff::Timestamp) -> f64 {
    at.as_microsecond() as f64 / 1e6
}
