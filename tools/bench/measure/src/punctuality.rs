//! How punctual messages are when a campaign's whole day falls due within one minute.
//!
//! The real `deliver` processes, a real database, vendors that answer after 100 ms. The queue is in this process's memory,
//! as is what polls it in place of Lambda's event source mapping: batches of at most ten, as many at once as there are
//! processes, delays in whole seconds. Schedules are left out: each message is seen when its schedule would fire.

use crate::Error;
use crate::figure::{Bound, Figure, table};
use crate::queue::{Message, Queue};
use crate::setup::Setup;
use clap::Args;
use futures::future::try_join_all;
use futures::stream::{StreamExt as _, TryStreamExt as _};
use harness::person::Person;
use harness::runtime_api::Function;
use proftest::config::Database;
use proftest::domain::delivery::Kind;
use proftest::store::{NewLead, Store};
use serde_json::Value;
use standins::{Fault, Mode};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

const DIR: &str = "target/bench/punctuality";
const ANSWER_AFTER: Duration = Duration::from_millis(100);
/// Savings in flight while the leads are made.
const WRITERS: usize = 8;
/// What a lead is marked with, among others in the same database.
const SOURCE: &str = "punctuality";
/// The target of the 99th percentile: a person takes five seconds for on time.
const LATE_MAX_SECONDS: f64 = 5.0;

/// What is measured.
#[derive(Args, Clone, Copy, Debug)]
pub struct Options {
    /// Notifications.
    #[arg(long, default_value_t = Self::default().leads)]
    leads: u32,
    /// Seconds within which they all fall due.
    #[arg(long, default_value_t = Self::default().within)]
    within: u32,
    /// Processes of deliver, as DeliverMaximumConcurrency in template.yaml.
    #[arg(long, default_value_t = Self::default().workers)]
    workers: usize,
    /// Requests a second that Resend takes; unlimited unless given.
    #[arg(long)]
    resend_limit: Option<u32>,
    /// Seconds after the last one fell due by which all must be out.
    #[arg(long, default_value_t = Self::default().patience)]
    patience: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            leads: 10_000,
            within: 60,
            workers: 10,
            resend_limit: None,
            patience: 600,
        }
    }
}

/// When one notification was due and when its two messages were taken, in seconds of one clock.
type Times = (f64, Vec<f64>, Vec<f64>);

/// Measures and prints.
///
/// # Errors
/// When anything was early, doubled or lost, or something failed.
pub async fn run(options: Options) -> Result<(), Error> {
    let setup = Setup::start(Path::new(DIR), options.resend_limit).await?;
    let figures = measure(&setup, options).await?;
    println!("{}", table(&figures));
    let stats = setup.vendors.resend.stats();
    println!(
        "Resend: {} requests ({} refused with 429), at most {} in any second",
        stats.requests,
        stats.statuses.get(&429).unwrap_or(&0),
        stats.max_in_one_second
    );
    Ok(())
}

/// The same in a setup that exists. Its vendors are slow from now on.
///
/// # Errors
/// As [`run`].
pub async fn measure(setup: &Setup, options: Options) -> Result<Vec<Figure>, Error> {
    let ms = u64::try_from(ANSWER_AFTER.as_millis()).unwrap_or(u64::MAX);
    for faults in [setup.vendors.resend.faults(), setup.vendors.mobizon.faults()] {
        faults.add(Fault {
            mode: Mode::Slow { ms },
            count: None,
            every: None,
            path: None,
        });
    }
    let queue = Queue::default();
    let workers = try_join_all((0..options.workers).map(|_| setup.function("deliver"))).await?;
    // By then most leads are saved. The rest are saved meanwhile, which costs the first ones of their punctuality.
    let lead_time = Duration::from_secs(2) + Duration::from_micros(1_200) * options.leads;
    let first_due = Instant::now() + lead_time;
    let stop = AtomicBool::new(false);
    let polls = workers
        .into_iter()
        .map(|worker| poll(worker, setup, &queue, &stop));
    let work = async {
        save_all(setup, &queue, options, first_due).await?;
        let last_due = first_due + Duration::from_secs(options.within.into());
        wait(setup, last_due + Duration::from_secs(options.patience)).await?;
        stop.store(true, Ordering::Relaxed);
        Ok(())
    };
    tokio::try_join!(try_join_all(polls), work)?;
    report(setup, options).await
}

/// Until none is pending, or this moment.
async fn wait(setup: &Setup, end: Instant) -> Result<(), Error> {
    let client = setup.database().await?;
    let sql = format!(
        "select count(*) from scheduled_notifications where status = 'pending' and source = '{SOURCE}'"
    );
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let pending: i64 = client.query_typed_one(&sql, &[]).await?.get(0);
        if pending == 0 || Instant::now() > end {
            return Ok(());
        }
    }
}

/// Saves the leads and sends a message for each, which is seen when it is due.
async fn save_all(setup: &Setup, queue: &Queue, options: Options, first_due: Instant) -> Result<(), Error> {
    let database = Database {
        url: setup.database_url().into(),
        ca_pem: None,
    };
    let store = Store::new(&database, WRITERS, Duration::from_secs(10))?;
    let step = Duration::from_secs(options.within.into()) / options.leads.max(1);
    let savings = (0..options.leads).map(|number| {
        let store = &store;
        async move {
            let delay = (first_due + step * number).saturating_duration_since(Instant::now());
            let saved = store.save_lead(lead(number)?, Kind::Result, delay).await?;
            let pending = saved
                .notification
                .ok_or_else(|| Error::Part("no notification".to_owned()))?;
            queue.send(pending.id, delay);
            Ok::<_, Error>(())
        }
    });
    futures::stream::iter(savings)
        .buffer_unordered(WRITERS)
        .try_collect::<()>()
        .await
}

fn lead(number: u32) -> Result<NewLead, Error> {
    let person = Person {
        source: SOURCE.to_owned(),
        ..Person::number(number)
    };
    person
        .lead()
        .map_err(|_| Error::Part("an impossible person".to_owned()))
}

/// One sandbox of the event source mapping: receive, invoke, forget what did not fail.
async fn poll(mut function: Function, setup: &Setup, queue: &Queue, stop: &AtomicBool) -> Result<(), Error> {
    while !stop.load(Ordering::Relaxed) {
        let messages = queue.receive();
        if messages.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        }
        let records: Vec<Value> = messages.iter().map(Message::record).collect();
        let answer = function
            .invoke(&serde_json::json!({ "Records": records }))
            .await?;
        let failures = answer["batchItemFailures"].as_array().into_iter().flatten();
        let failed: Vec<&str> = failures
            .filter_map(|failure| failure["itemIdentifier"].as_str())
            .collect();
        for message in messages {
            let id = message.id.to_string();
            if failed.contains(&id.as_str()) {
                queue.put_back(message, setup.held(&id));
            }
        }
    }
    Ok(())
}

async fn report(setup: &Setup, options: Options) -> Result<Vec<Figure>, Error> {
    let sql = format!(
        "select l.email, ltrim(l.phone, '+') as phone, extract(epoch from n.scheduled_for)::float8 as due
         from landing_leads l join scheduled_notifications n on n.lead_id = l.id where l.source = '{SOURCE}'"
    );
    let rows = setup.database().await?.query_typed(&sql, &[]).await?;
    let mut emails: HashMap<String, Vec<f64>> = HashMap::new();
    for email in setup.vendors.resend.sent() {
        for to in email.to {
            emails.entry(to).or_default().push(seconds(email.accepted_at));
        }
    }
    let mut texts: HashMap<String, Vec<f64>> = HashMap::new();
    for sms in setup.vendors.mobizon.sent() {
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
    if times.len() != usize::try_from(options.leads).unwrap_or_default() {
        return Err(Error::Part(format!("{} leads are there", times.len())));
    }
    let conditions = format!("{} due within {} s", options.leads, options.within);
    Ok(vec![
        channel(
            "e-mail",
            &conditions,
            times.iter().map(|(due, emails, _)| (*due, emails)),
        )?,
        channel(
            "SMS",
            &conditions,
            times.iter().map(|(due, _, texts)| (*due, texts)),
        )?,
    ])
}

/// How late one channel was; an error when anything was early, doubled or lost.
fn channel<'a>(
    name: &str,
    conditions: &str,
    times: impl Iterator<Item = (f64, &'a Vec<f64>)>,
) -> Result<Figure, Error> {
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
    if early + doubled + lost > 0 {
        return Err(Error::Part(format!(
            "{name}: {early} early, {doubled} doubled, {lost} lost"
        )));
    }
    late.sort_by(f64::total_cmp);
    let at = |share: usize| {
        let one = late.get(late.len() * share / 100).or(late.last());
        one.copied().unwrap_or(f64::NAN)
    };
    let (median, most) = (at(50), at(100));
    let figure = Figure::new(
        &format!("{name} late, 99th percentile"),
        conditions,
        &[at(99)],
        "s",
        Bound::AtMost,
        LATE_MAX_SECONDS,
    );
    Ok(figure.with_context(format!(
        "median {median:.2} s, at most {most:.2} s; none early, doubled or lost"
    )))
}

#[allow(
    clippy::cast_precision_loss,
    reason = "microseconds since 1970 are below 2^52"
)]
fn seconds(at: jiff::Timestamp) -> f64 {
    at.as_microsecond() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_doubled_and_lost_are_errors_and_late_is_not() {
        let seen = |taken: &[f64]| {
            let taken = taken.to_vec();
            channel("SMS", "", [(10.0, &taken)].into_iter()).map(|figure| figure.value)
        };
        assert!(matches!(seen(&[12.5]), Ok(late) if (late - 2.5).abs() < 1e-9));
        for (taken, what) in [
            (&[9.999][..], "1 early"),
            (&[10.5, 10.6], "1 doubled"),
            (&[], "1 lost"),
        ] {
            let error = seen(taken).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
