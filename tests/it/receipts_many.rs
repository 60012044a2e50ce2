//! Many leads, and reports in any order, twice, reversed and lost: each delivery ends in the state that severity says.
//!
//! `RECEIPTS_LEADS` and `RECEIPTS_REPORTS` change the numbers.

use crate::support::hooks::{MOBIZON, RESEND, Reported, event};
use crate::support::request::request;
use futures::future::join_all;
use harness::world::{Person, Waiting, run};
use proftest::config::variable;
use proftest::domain::delivery::{Channel, State};
use serde_json::Value;
use standins::{Bounce, MailEvent, Webhook};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Leads of an ordinary run; 2,000 are as quick for each.
const LEADS: usize = 2000;
const REPORTS: usize = 10_000;
const WORKERS: usize = 8;

fn number(name: &str, default: usize) -> usize {
    variable(name).map_or(default, |value| value.parse().unwrap())
}

/// Numbers that look random and are the same in every run: xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

fn state_of(event: MailEvent) -> State {
    match event {
        MailEvent::Delayed => State::Delayed,
        MailEvent::Delivered => State::Delivered,
        MailEvent::Bounced(_) => State::Bounced,
        MailEvent::Complained => State::Complained,
        MailEvent::Suppressed | MailEvent::Failed => State::Undelivered,
        MailEvent::Sent | MailEvent::Opened => State::Accepted,
    }
}

/// What happens to the e-mails of people by turns, in the order in which it is told.
const MAIL: [&[MailEvent]; 9] = [
    &[MailEvent::Delivered],
    &[MailEvent::Delayed, MailEvent::Delivered],
    &[MailEvent::Bounced(Bounce::Permanent)],
    &[MailEvent::Delivered, MailEvent::Complained],
    &[MailEvent::Suppressed],
    // Twice.
    &[MailEvent::Delivered, MailEvent::Delivered],
    // Reversed.
    &[MailEvent::Delivered, MailEvent::Delayed],
    &[MailEvent::Complained, MailEvent::Delivered],
    &[MailEvent::Bounced(Bounce::Transient), MailEvent::Delivered],
];

/// The same for the SMS, with whether it is told at all.
const SMS: [(&[&str], State, bool); 6] = [
    (&["DELIVRD"], State::Delivered, true),
    (&["EXPIRED"], State::Expired, true),
    (&["UNDELIV"], State::Undelivered, true),
    (&["DELIVRD", "DELIVRD"], State::Delivered, true),
    (&["EXPIRED", "DELIVRD"], State::Delivered, true),
    (&["DELIVRD"], State::Delivered, false),
];

async fn states(reported: &Reported, channel: Channel) -> BTreeMap<String, String> {
    let sql = format!(
        "select n.lead_id, d.state from deliveries d join scheduled_notifications n on n.id = d.notification_id
         where d.channel = '{}'",
        channel.as_str()
    );
    let rows = reported.world.db.rows(&sql).await;
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    rows.iter()
        .map(|row| (text(row, "lead_id"), text(row, "state")))
        .collect()
}

/// Each delivery's history: it begins with its acceptance, and no report raises the state to a lower one.
async fn told_in_order(reported: &Reported) {
    let rows = reported
        .world
        .db
        .rows(
            "select notification_id, channel, array_agg(coalesce(detail ->> 'state', what) order by id) as told,
                    bool_and(at >= before) as in_time
             from (select *, coalesce(lag(at) over (partition by notification_id, channel order by id), at) as before
                   from lead_events where channel is not null and what <> 'stop'
                     and coalesce(detail ->> 'changed', 'true') = 'true') e
             group by 1, 2",
        )
        .await;
    for row in &rows {
        assert_eq!(row["in_time"], true, "{row}");
        let told = row["told"].as_array().unwrap();
        assert_eq!(told[0], "accepted", "{row}");
        let grave = |state: &Value| State::parse(state.as_str().unwrap()).unwrap().severity();
        assert!(told.is_sorted_by(|one, next| grave(one) < grave(next)), "{row}");
    }
}

#[test]
fn each_delivery_of_two_thousand_leads_ends_in_the_state_that_severity_says() {
    run(async {
        let reported = Reported::new().await;
        let people: Vec<Person> = (0..number("RECEIPTS_LEADS", LEADS))
            .map(|_| Person::new())
            .collect();
        let waiting = reported.send(&people).await;
        let emails = by_address(&reported);
        let messages = by_number(&reported);
        let resend = &reported.world.vendors.resend;
        let mobizon = &reported.world.vendors.mobizon;
        for (turn, one) in waiting.iter().enumerate() {
            let email = emails[&one.person.email];
            // Every tenth e-mail's reports are lost.
            for event in MAIL[turn % MAIL.len()] {
                let webhook = resend.happens(email, *event).unwrap();
                if turn % 10 != 9 {
                    assert_eq!(reported.post(RESEND, &webhook).await, 200);
                }
            }
            let (statuses, _, is_told) = SMS[turn % SMS.len()];
            for status in statuses {
                let message = messages[one.person.digits()];
                mobizon.set_status(message, status);
                let webhook = mobizon.webhook(message, status).unwrap();
                if is_told {
                    assert_eq!(reported.post(MOBIZON, &webhook).await, 200);
                }
            }
        }
        // Polling finds what was lost: Mobizon's in one run, Resend's ten a minute.
        for _ in 0..people.len().div_ceil(10 * 10) + 2 {
            reported.world.pass_time(Duration::from_hours(1)).await;
            reported.sweep().await;
        }
        ends(&reported, &waiting).await;
    });
}

async fn ends(reported: &Reported, waiting: &[Waiting]) {
    let (mail, sms) = (
        states(reported, Channel::Email).await,
        states(reported, Channel::Sms).await,
    );
    let (mut complained, mut bounced) = (0, 0);
    for (turn, one) in waiting.iter().enumerate() {
        let events = MAIL[turn % MAIL.len()];
        let gravest = |events: &[MailEvent]| {
            events
                .iter()
                .copied()
                .map(state_of)
                .max_by_key(|state| state.severity())
        };
        // A vendor that is asked knows only what was last.
        let expected = if turn % 10 == 9 {
            gravest(&events[events.len() - 1..])
        } else {
            gravest(events)
        };
        let expected = expected.unwrap();
        let lead = one.lead.to_string();
        assert_eq!(mail[&lead], expected.as_str(), "{turn}: {events:?}");
        assert_eq!(sms[&lead], SMS[turn % SMS.len()].1.as_str(), "{turn}");
        complained += usize::from(expected == State::Complained);
        // Asked, it does not say whether a bounce is permanent.
        bounced += usize::from(events.contains(&MailEvent::Bounced(Bounce::Permanent)) && turn % 10 != 9);
    }
    let count = async |reason: &str| {
        let sql = format!("suppressions where reason = '{reason}' and until is null");
        usize::try_from(reported.world.db.count(&sql).await).unwrap()
    };
    assert_eq!(
        (count("complaint").await, count("bounce").await),
        (2 * complained, bounced)
    );
    told_in_order(reported).await;
    println!(
        "{} leads, {complained} complaints, {bounced} permanent bounces",
        waiting.len()
    );
}

fn by_address(reported: &Reported) -> BTreeMap<String, uuid::Uuid> {
    let sent = reported.world.vendors.resend.sent().into_iter();
    sent.map(|mut email| (email.to.remove(0), email.id)).collect()
}

fn by_number(reported: &Reported) -> BTreeMap<String, i64> {
    let sent = reported.world.vendors.mobizon.sent().into_iter();
    sent.map(|sms| (sms.recipient, sms.message_id)).collect()
}

/// Five reports to each person's e-mail, one of them twice, in any order; and the gravest state by lead.
fn many(reported: &Reported, waiting: &[Waiting]) -> (Vec<Webhook>, BTreeMap<String, State>) {
    let kinds = [
        MailEvent::Delayed,
        MailEvent::Delivered,
        MailEvent::Bounced(Bounce::Transient),
        MailEvent::Complained,
        MailEvent::Failed,
    ];
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let emails = by_address(reported);
    let (mut webhooks, mut expected) = (Vec::new(), BTreeMap::new());
    for one in waiting {
        let mut gravest = State::Accepted;
        for _ in 0..4 {
            let event = kinds[chance.below(kinds.len())];
            let states = [gravest, state_of(event)].into_iter();
            gravest = states.max_by_key(|state| state.severity()).unwrap();
            let email = emails[&one.person.email];
            webhooks.push(reported.world.vendors.resend.happens(email, event).unwrap());
        }
        webhooks.push(webhooks[webhooks.len() - 1 - chance.below(4)].clone());
        expected.insert(one.lead.to_string(), gravest);
    }
    chance.shuffle(&mut webhooks);
    (webhooks, expected)
}

/// Hands these reports to one worker; the longest that one took.
async fn work(app: &receipts::App, webhooks: &[Webhook]) -> Vec<Duration> {
    let mut times = Vec::new();
    for webhook in webhooks {
        let request = request(&event(RESEND, webhook, false));
        let began = Instant::now();
        let answer = receipts::handle(app, &request).await;
        times.push(began.elapsed());
        assert_eq!(answer.status().as_u16(), 200);
    }
    times.sort();
    times
}

#[test]
fn ten_thousand_reports_in_any_order_on_eight_workers_lose_nothing() {
    run(async {
        let reported = Reported::new().await;
        let reports = number("RECEIPTS_REPORTS", REPORTS);
        let people: Vec<Person> = (0..reports / 5).map(|_| Person::new()).collect();
        let waiting = reported.send(&people).await;
        let (webhooks, expected) = many(&reported, &waiting);
        let app = || receipts::App::new(&reported.world.receipts_config()).unwrap();
        let apps: Vec<receipts::App> = std::iter::repeat_with(app).take(WORKERS).collect();
        let started = Instant::now();
        let shares = webhooks.chunks(webhooks.len().div_ceil(WORKERS));
        let times = join_all(apps.iter().zip(shares).map(|(app, share)| work(app, share))).await;
        let took = started.elapsed();
        let slowest = times.iter().filter_map(|times| times.last()).max();
        println!(
            "{} reports on {WORKERS} workers in {took:.1?}, the slowest {slowest:.1?}",
            webhooks.len()
        );
        assert!(took < Duration::from_mins(1), "{took:?}");
        let mail = states(&reported, Channel::Email).await;
        for (lead, state) in &expected {
            assert_eq!(mail[lead], state.as_str(), "{lead}");
        }
        let db = &reported.world.db;
        let distinct = i64::try_from(waiting.len() * 4).unwrap();
        assert_eq!(db.count("receipts").await, distinct);
        assert_eq!(db.count("lead_events where what = 'receipt'").await, distinct);
        told_in_order(&reported).await;
    });
}

/// The figure of one webhook: at most 50 ms, on a machine that also does something else.
#[test]
fn a_report_takes_milliseconds() {
    run(async {
        let reported = Reported::new().await;
        let people: Vec<Person> = (0..50).map(|_| Person::new()).collect();
        let waiting = reported.send(&people).await;
        let (webhooks, _) = many(&reported, &waiting);
        reported.app.warm_up().await;
        let times = work(&reported.app, &webhooks).await;
        let (median, most) = (times[times.len() / 2], times[times.len() * 95 / 100]);
        println!(
            "{} reports, one after the other: median {median:.1?}, 95 % within {most:.1?}",
            times.len()
        );
        assert!(median < Duration::from_millis(50), "{median:?}");
    });
}
