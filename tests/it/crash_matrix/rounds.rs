//! Rounds of work under an armed point: processes die, their messages come back, shuffled and doubled.

use super::points::Point;
use super::scene::{PASSED, person, quiet, start};
use super::tally::drain;
use crate::support::request::{sample, visit_event};
use harness::runtime_api::Failed;
use harness::world::{Waiting, World};
use proftest::task::{self, CrmTask, DeliverTask};
use serde_json::{Value, json};
use std::os::unix::process::ExitStatusExt as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use uuid::Uuid;

/// As many records as SQS hands over at once.
const BATCH_MAX: usize = 10;
/// A process lets so many passes of the point go by, at most, before it dies.
const PASSES_MAX: usize = 8;

/// Numbers that look random and are the same in every run: splitmix64.
pub struct Chance(AtomicU64);

impl Chance {
    pub fn new(seed: &str) -> Self {
        let seed = seed
            .bytes()
            .fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        Self(AtomicU64::new(seed))
    }

    pub fn below(&self, end: usize) -> usize {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }

    pub fn shuffle<T>(&self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

pub struct Armed<'a> {
    pub world: &'a World,
    pub point: Point,
    pub chance: Chance,
    pub deaths: AtomicUsize,
}

#[derive(Default)]
pub struct Told {
    /// Leads that were answered with 200.
    pub leads: Vec<String>,
    pub clicks: usize,
    pub redirects: usize,
    /// Whether everybody has stopped our messages.
    pub stopped: bool,
}

fn failpoints(point: Point, passes: usize) -> String {
    let Point { step, side, .. } = point;
    match passes {
        0 => format!("{step}.{side}=return"),
        passes => format!("{step}.{side}={passes}*off->return"),
    }
}

impl Armed<'_> {
    pub fn deaths(&self) -> usize {
        self.deaths.load(Ordering::Relaxed)
    }

    /// Hands events to processes until none is left, and gives back each one's answer; `None`: the process died at it,
    /// or reported a failure.
    ///
    /// In every other round two processes work against each other. The first process dies at its first pass, the others
    /// somewhere; one that died is replaced.
    pub async fn round(&self, number: usize, events: Vec<Value>) -> Vec<Option<Value>> {
        let answers = Mutex::new(vec![None; events.len()]);
        let events = Mutex::new(events.into_iter().enumerate());
        let worker = async |first: bool| {
            let (mut process, mut passes) = (None, if first { 0 } else { self.chance.below(PASSES_MAX) });
            loop {
                let next = events.lock().unwrap().next();
                let Some((index, event)) = next else { return };
                let mut function = if let Some(function) = process.take() {
                    function
                } else {
                    let failpoints = failpoints(self.point, passes);
                    start(self.world, self.point.function, Some(&failpoints)).await
                };
                match function.invoke(&event).await {
                    Ok(answer) => {
                        answers.lock().unwrap()[index] = Some(answer);
                        process = Some(function);
                    }
                    Err(Failed::Died(status)) if status.signal() == Some(9) => {
                        self.deaths.fetch_add(1, Ordering::Relaxed);
                        passes = self.chance.below(PASSES_MAX);
                    }
                    // On a slow machine the sweep may wait in vain for the queue; its next run makes it good.
                    Err(Failed::Reported(_)) => process = Some(function),
                    Err(other) => panic!("{:?}: {other}", self.point),
                }
            }
        };
        if number.is_multiple_of(2) {
            worker(true).await;
        } else {
            futures::future::join(worker(true), worker(false)).await;
        }
        quiet(self.world).await;
        answers.into_inner().unwrap()
    }

    /// A message for each lead, for some two, shuffled, in batches of one to ten.
    fn batches(&self, leads: &[Waiting]) -> Vec<Value> {
        let template = &sample("deliver/one.json")["Records"][0];
        let mut records = Vec::new();
        for saved in leads {
            for _ in 0..=self.chance.below(2) {
                let mut record = template.clone();
                record["messageId"] = Uuid::new_v4().to_string().into();
                record["body"] = self.body(saved).into();
                records.push(record);
            }
        }
        self.chance.shuffle(&mut records);
        let mut batches = Vec::new();
        while !records.is_empty() {
            let size = (1 + self.chance.below(BATCH_MAX)).min(records.len());
            batches.push(json!({"Records": records.split_off(records.len() - size)}));
        }
        batches
    }

    fn body(&self, saved: &Waiting) -> String {
        match self.point.function {
            "deliver" => task::body(&DeliverTask::DeliverV1 {
                notification: saved.id,
            }),
            _ => task::body(&CrmTask::CrmV1 { lead: saved.lead }),
        }
    }

    pub async fn messages(&self, rounds: usize, leads: &[Waiting]) {
        for number in 0..rounds {
            let events = self.batches(leads);
            self.round(number, events).await;
            self.world.pass_time(PASSED).await;
        }
    }

    pub async fn sweeps(&self, rounds: usize) {
        for number in 0..rounds {
            self.world.pass_time(PASSED).await;
            self.round(number, vec![sample("sweep/scheduled.json"); 2]).await;
        }
    }

    /// Sends each event until it gets a 200, and some once more; only a killed process and a 503 leave one owed.
    pub async fn until_taken(&self, rounds: usize, mut owed: Vec<Value>) {
        let mut taken: Vec<Value> = Vec::new();
        for number in 0..=rounds {
            self.chance.shuffle(&mut owed);
            let again = taken.iter().filter(|_| self.chance.below(4) == 0).cloned();
            let events: Vec<Value> = owed.iter().cloned().chain(again).collect();
            let answers = if number < rounds {
                self.round(number, events).await
            } else {
                self.peacefully(events).await
            };
            let mut answers = answers.iter();
            owed.retain(|event| {
                let answer = answers.next().unwrap().as_ref();
                let status = answer.map(|answer| &answer["statusCode"]);
                let is_taken = status == Some(&json!(200));
                assert!(
                    is_taken || status.is_none_or(|status| *status == 503),
                    "{status:?}"
                );
                if is_taken {
                    taken.push(event.clone());
                }
                !is_taken
            });
        }
        assert!(owed.is_empty(), "a process died that was not armed");
    }

    /// Rounds of visitors. A browser repeats a submission under its key until it gets a 200; every third visitor
    /// gives up at the first failure, and every fourth presses again after a success.
    ///
    /// At the end, when every message has gone out, everybody who has not given up presses once more.
    pub async fn visitors(&self, rounds: usize, visitors: usize) -> Told {
        let mut acknowledged: Vec<Option<String>> = vec![None; visitors];
        let mut gone = vec![false; visitors];
        let events: Vec<Value> = (0..visitors).map(|visitor| submission(visitor, |_| {})).collect();
        for number in 0..=rounds {
            let is_last = number == rounds;
            let mut waiting: Vec<usize> = (0..visitors)
                .filter(|&visitor| match acknowledged[visitor] {
                    None => !gone[visitor],
                    Some(_) => is_last || self.chance.below(4) == 0,
                })
                .collect();
            self.chance.shuffle(&mut waiting);
            let posts = waiting.iter().map(|&visitor| events[visitor].clone()).collect();
            let answers = if is_last {
                drain(self.world).await;
                self.peacefully(posts).await
            } else {
                self.round(number, posts).await
            };
            for (visitor, answer) in waiting.into_iter().zip(answers) {
                if let Some(lead) = answer.and_then(|answer| acknowledgement(&answer)) {
                    let earlier = acknowledged[visitor].replace(lead.clone());
                    assert!(earlier.is_none_or(|earlier| earlier == lead), "another lead");
                } else {
                    gone[visitor] |= visitor % 3 == 0 && acknowledged[visitor].is_none();
                }
            }
        }
        Told {
            leads: acknowledged.into_iter().flatten().collect(),
            ..Told::default()
        }
    }

    /// Rounds of clicks on both links of each lead; a recipient who sees no redirect clicks again.
    pub async fn clicks(&self, rounds: usize, leads: &[Waiting]) -> Told {
        let mut told = Told::default();
        let mut links = Vec::new();
        for saved in leads {
            links.push(visit_event(
                "GET",
                &format!("/api/landing/track/{}", saved.lead),
                "source=email",
            ));
            let sql = format!(
                "select code from short_links where notification_id = '{}'",
                saved.id
            );
            let code = self.world.db.row(&sql).await;
            links.push(visit_event(
                "GET",
                &format!("/l/{}", code["code"].as_str().unwrap()),
                "",
            ));
        }
        for number in 0..=rounds {
            self.chance.shuffle(&mut links);
            told.clicks += links.len();
            let answers = if number < rounds {
                self.round(number, links.clone()).await
            } else {
                self.peacefully(links.clone()).await
            };
            let answered = |answer: &Value| assert_eq!(answer["statusCode"], 302, "{answer}");
            answers.iter().flatten().for_each(answered);
            told.redirects += answers.iter().flatten().count();
            let mut answers = answers.iter();
            links.retain(|_| answers.next().unwrap().is_none());
        }
        assert!(links.is_empty(), "a process died that was not armed");
        told
    }

    /// The same events for a process that does not die.
    pub async fn peacefully(&self, events: Vec<Value>) -> Vec<Option<Value>> {
        let mut function = start(self.world, self.point.function, None).await;
        let mut answers = Vec::new();
        for event in events {
            answers.push(Some(function.invoke(&event).await.unwrap()));
        }
        answers
    }
}

pub fn submission(visitor: usize, change: fn(&mut Value)) -> Value {
    let person = person(visitor);
    let mut body = person.form();
    body["source"] = person.source.into();
    body["submissionId"] = format!("submission-{visitor}").into();
    change(&mut body);
    let mut event = sample("intake/valid.json");
    event["body"] = body.to_string().into();
    event
}

/// The lead's id in a 200; `None` for the 503 of a database that did not answer in time.
pub fn acknowledgement(answer: &Value) -> Option<String> {
    assert!(
        answer["statusCode"] == 200 || answer["statusCode"] == 503,
        "{answer}"
    );
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    body["leadId"].as_str().map(str::to_owned)
}
