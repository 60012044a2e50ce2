//! A channel's life, checked in every order of events: see `search` for what must hold, `events` for what can
//! happen, `row`, `conformance`, `guarded`, `held` and `reports` for how the model is held to the SQL.

mod conformance;
mod events;
mod guarded;
mod held;
mod parts;
mod reports;
mod row;
mod search;
mod stage;

use parts::{Settings, TIMING};
use proftest::config::variable;
use proftest::domain::delivery::{Channel, DeliveryTiming, State};
use row::{N, Rules};
use search::{Broken, Explored, explore};

const fn only(channel: Channel) -> [bool; N] {
    let mut channels = [false; N];
    channels[channel as usize] = true;
    channels
}

/// Everything as it is, over one channel: production's order of times, in as few ticks as keep it.
///
/// `memory`: the vendor's 24 h are more than the 23 h in which an e-mail is repeated, a worker's life before the doubt
/// is written and one after, a late statement and a request in flight. `absent` (10 min) is likewise not less than a
/// life, a flight and the lag of the vendor's list.
const EMAIL: Settings = Settings {
    workers: 2,
    channels: only(Channel::Email),
    rules: Rules::REAL,
    timing: TIMING,
    looks_up: true,
    sweeps: true,
    ends_holds: true,
    due_in: 1,
    grace: 1,
    life: 1,
    flight: 1,
    orphans: 2,
    lag: 2,
    memory: 9,
    late: 2,
    reports: &[],
};
const SMS: Settings = Settings {
    channels: only(Channel::Sms),
    ..EMAIL
};
/// A worker that outlives its lease, which no function of ours can: so that several act at once.
const LONG_LIVED_EMAIL: Settings = Settings {
    life: 2,
    memory: 11,
    ..EMAIL
};
const LONG_LIVED_SMS: Settings = Settings {
    lag: 1,
    channels: only(Channel::Sms),
    ..LONG_LIVED_EMAIL
};
/// The vendor's reports: in every order, before our own record, and after it.
const REPORTED_EMAIL: Settings = Settings {
    reports: &[State::Delayed, State::Delivered, State::Bounced],
    orphans: 1,
    ..EMAIL
};
const REPORTED_SMS: Settings = Settings {
    reports: &[State::Expired, State::Delivered],
    orphans: 1,
    ..SMS
};
/// Both channels at once, for what they share: the claim, the notification's state, the sweep.
const ALL: Settings = Settings {
    channels: [true; N],
    timing: DeliveryTiming {
        email_key: row::TICK,
        backoff: &[],
        absent: row::TICK.saturating_mul(2),
        unknown_max: row::TICK.saturating_mul(3),
        ..TIMING
    },
    due_in: 0,
    flight: 0,
    orphans: 0,
    lag: 1,
    memory: 6,
    ..EMAIL
};

/// More of everything, for a machine with time and a few gigabytes: `MODEL_LONG=1`.
const LONG: [(&str, Settings); 3] = [
    (
        "e-mail, three workers",
        Settings {
            workers: 3,
            life: 3,
            memory: 13,
            ..LONG_LIVED_EMAIL
        },
    ),
    (
        "SMS, three workers",
        Settings {
            workers: 3,
            life: 3,
            timing: DeliveryTiming {
                absent: row::TICK.saturating_mul(5),
                ..TIMING
            },
            ..LONG_LIVED_SMS
        },
    ),
    (
        "all channels, with retries, requests and statements that outlive their workers",
        Settings {
            timing: DeliveryTiming {
                absent: row::TICK.saturating_mul(3),
                backoff: TIMING.backoff,
                ..ALL.timing
            },
            due_in: 1,
            flight: 1,
            orphans: 1,
            late: 1,
            memory: 8,
            ..ALL
        },
    ),
];

fn holds(what: &str, settings: &Settings) {
    let start = std::time::Instant::now();
    match explore(settings) {
        Ok(Explored {
            situations,
            steps,
            ends,
        }) => {
            let took = start.elapsed();
            println!("{what}: {situations} situations, {steps} steps, {ends} ends, {took:.1?}");
        }
        Err(Broken {
            what: wrong,
            path,
            situation,
        }) => panic!("{what}: {wrong}: {path:?}: {situation:?}"),
    }
}

fn breaks(what: &str, expected: &str, settings: &Settings) {
    let Err(Broken {
        what: found, path, ..
    }) = explore(settings)
    else {
        panic!("{what}: the model found nothing wrong");
    };
    println!("{what}: {found}, in {} steps: {path:?}", path.len());
    assert_eq!(found, expected, "{what}: {path:?}");
}

#[test]
fn no_order_of_events_sends_an_email_twice_or_early_or_never() {
    holds("e-mail", &EMAIL);
    holds("e-mail, workers that outlive their leases", &LONG_LIVED_EMAIL);
}

#[test]
fn no_order_of_events_sends_an_sms_twice_or_early_or_never() {
    holds("SMS", &SMS);
    holds("SMS, workers that outlive their leases", &LONG_LIVED_SMS);
}

#[test]
fn no_order_of_reports_hides_the_gravest() {
    holds("reports of an e-mail", &REPORTED_EMAIL);
    holds("reports of an SMS", &REPORTED_SMS);
}

#[test]
fn two_channels_complete_a_notification_together() {
    holds("all channels", &ALL);
    if variable("MODEL_LONG").is_some() {
        for (what, settings) in LONG {
            holds(what, &settings);
        }
    }
}

const HIDDEN: &str = "not the gravest state that was reported";
const TWICE: &str = "two messages on one channel";
const NO_END: &str = "never comes to an end";

#[test]
fn the_model_sees_what_each_rule_is_for() {
    let (early, held, went_on) = (
        "a message before it was due",
        "a message from a held channel",
        "a held channel that went on without a release",
    );
    let rules = |without: fn(&mut Rules)| {
        let mut rules = Rules::REAL;
        without(&mut rules);
        rules
    };
    let any_time = rules(|rules| (rules.due_checked, rules.free_checked) = (false, false));
    let held_goes = rules(|rules| rules.held_stays = false);
    let held_later_goes = rules(|rules| rules.held_later_stays = false);
    let all_held = rules(|rules| (rules.doubt_goes_on, rules.released_is_first) = (false, false));
    for (what, expected, rules, settings) in [
        ("no fence", TWICE, rules(|rules| rules.fenced = false), SMS),
        (
            "no doubt after a lease",
            TWICE,
            rules(|rules| rules.lease_leaves_doubt = false),
            SMS,
        ),
        ("no due time", early, any_time, EMAIL),
        ("a claim of what is held", held, held_goes, EMAIL),
        ("a claim of what is held, later", went_on, held_later_goes, SMS),
        ("a hold and a release of what may be out", TWICE, all_held, SMS),
        (
            "a report that replaces a graver one",
            HIDDEN,
            rules(|rules| rules.severity_grows = false),
            REPORTED_EMAIL,
        ),
        (
            "a report before our record that is not kept",
            HIDDEN,
            rules(|rules| rules.early_is_kept = false),
            REPORTED_SMS,
        ),
    ] {
        breaks(what, expected, &Settings { rules, ..settings });
    }
}

#[test]
fn the_model_sees_what_is_assumed_of_vendors_and_of_the_sweep() {
    let (no_look_up, no_sweep) = (
        Settings {
            looks_up: false,
            ..SMS
        },
        Settings {
            sweeps: false,
            ..EMAIL
        },
    );
    let no_end_of_holds = Settings {
        ends_holds: false,
        ..EMAIL
    };
    for (what, expected, settings) in [
        ("no look-up", TWICE, no_look_up),
        ("a list slower than the pause", TWICE, Settings { lag: 3, ..SMS }),
        ("no idempotency key", TWICE, Settings { memory: 0, ..EMAIL }),
        ("a key forgotten early", TWICE, Settings { memory: 8, ..EMAIL }),
        ("no end of a hold", NO_END, no_end_of_holds),
        ("no sweep", NO_END, no_sweep),
    ] {
        breaks(what, expected, &settings);
    }
}
