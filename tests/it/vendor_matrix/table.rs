//! The tables of docs/errors.md that say what each fault of each vendor leads to.

use harness::tools;
use harness::world::{CLOSED, Vendor};
use standins::{Fault, Mode};
use std::collections::BTreeSet;

/// Calls that follow when the deal stands.
const ADD_NOTES: &str = "POST /api/v4/leads/notes";
const ADD_TASKS: &str = "POST /api/v4/tasks";
/// A name that resolves nowhere. Source: RFC 2606.
const NOWHERE: &str = "http://vendor.invalid";

/// The faults, each in every vendor's own words where these differ: Resend | Mobizon | amoCRM. What the stand-ins
/// cannot do is said by the address that the function is given.
const FAULTS: &str = r#"
500                 | {"mode":"status","status":500}
503                 | {"mode":"status","status":503}
503, Retry-After 47 | {"mode":"status","status":503,"retry_after":47}
429                 | {"mode":"status","status":429}
429, Retry-After 33 | {"mode":"rate_limit","retry_after":33}
quota exceeded      | {"mode":"status","status":429,"name":"daily_quota_exceeded"} | {"mode":"status","status":200,"name":14} | {"mode":"status","status":402}
401                 | {"mode":"status","status":401} | {"mode":"status","status":200,"name":8} | {"mode":"status","status":401}
403                 | {"mode":"status","status":403} | {"mode":"status","status":200,"name":9} | {"mode":"status","status":403}
422                 | {"mode":"status","status":422} | {"mode":"status","status":200,"name":1} | {"mode":"status","status":422}
HTML, 200           | {"mode":"html","status":200}
HTML, 403           | {"mode":"html","status":403}
HTML, 429           | {"mode":"html","status":429}
HTML, 502           | {"mode":"html","status":502}
truncated JSON      | {"mode":"truncated"}
slow                | {"mode":"slow","ms":700}
late                | {"mode":"slow","ms":14000}
timeout             | {"mode":"timeout"}
drop                | {"mode":"drop"}
accept_then_drop    | {"mode":"accept_then_drop"}
connection refused  | closed
DNS failure         | nowhere"#;

/// All modes of the stand-ins. A new one does not compile until it stands here, and fails until it is in the table.
const MODES: [&str; 8] = [
    "status",
    "rate_limit",
    "timeout",
    "slow",
    "html",
    "truncated",
    "accept_then_drop",
    "drop",
];

fn mode_name(mode: &Mode) -> &'static str {
    match mode {
        Mode::Status { .. } => MODES[0],
        Mode::RateLimit { .. } => MODES[1],
        Mode::Timeout {} => MODES[2],
        Mode::Slow { .. } => MODES[3],
        Mode::Html { .. } => MODES[4],
        Mode::Truncated {} => MODES[5],
        Mode::AcceptThenDrop {} => MODES[6],
        Mode::Drop {} => MODES[7],
    }
}

fn vendor(name: &str) -> Vendor {
    let known = Vendor::ALL
        .into_iter()
        .find(|vendor| format!("{vendor:?}").eq_ignore_ascii_case(name));
    known.unwrap_or_else(|| panic!("no such vendor: {name}"))
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Break {
    /// Its next message, deal or so on meets this.
    Once(Mode),
    /// It is looked for at this address, where it is not.
    At(&'static str),
}

impl Break {
    fn parse(text: &str) -> Self {
        match text {
            "closed" => Self::At(CLOSED),
            "nowhere" => Self::At(NOWHERE),
            json => {
                let fault = Fault::from_json(json.as_bytes());
                Self::Once(fault.unwrap_or_else(|error| panic!("{text}: {error}")).mode)
            }
        }
    }

    /// Whether meeting it takes seconds.
    pub fn takes_long(&self) -> bool {
        match self {
            Self::Once(Mode::Slow { ms }) => *ms > 5_000,
            Self::Once(mode) => *mode == Mode::Timeout {},
            // A resolver may be slow to say no.
            Self::At(address) => *address == NOWHERE,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Gate {
    Open,
    /// Shut for so many seconds.
    Seconds(f64),
    /// Shut until the team opens it.
    Shut,
}

/// A cell: `pending 10 s, gate 10 s → done: amocrm 429 Too_Many_Requests`.
#[derive(Debug, Clone)]
pub struct Reaction {
    pub state: String,
    /// Seconds until the next attempt, at least and at most.
    pub wait: Option<(f64, f64)>,
    pub gate: Gate,
    pub end: String,
    pub reason: String,
}

impl Reaction {
    fn parse(cell: &str) -> Self {
        let (states, reason) = cell.split_once(": ").unwrap_or((cell, ""));
        let (after, end) = match states.split_once(" → ") {
            Some((after, end)) => (after, Some(end)),
            None => (states, None),
        };
        let (after, gate) = match after.split_once(", gate ") {
            Some((after, "shut")) => (after, Gate::Shut),
            Some((after, gate)) => (after, Gate::Seconds(seconds(gate, cell).1)),
            None => (after, Gate::Open),
        };
        let (state, wait) = match after.split_once(' ') {
            Some((state, wait)) => (state, Some(seconds(wait, cell))),
            None => (after, None),
        };
        let known = [
            "retrying", "parked", "unknown", "failed", "accepted", "pending", "done",
        ];
        let end = end.unwrap_or(state);
        for state in [state, end] {
            assert!(known.contains(&state), "«{state}» is no state, in «{cell}»");
        }
        let over = ["accepted", "failed", "done"];
        assert!(over.contains(&end), "«{cell}» does not say how it ends");
        Self {
            state: state.to_owned(),
            wait,
            gate,
            end: end.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

/// `47 s` or `2.5–5 s`.
fn seconds(text: &str, cell: &str) -> (f64, f64) {
    let number = |text: &str| text.parse::<f64>().ok();
    let range = text
        .strip_suffix(" s")
        .and_then(|text| match text.split_once('–') {
            Some((least, most)) => number(least).zip(number(most)),
            None => number(text).zip(number(text)),
        });
    range.unwrap_or_else(|| panic!("«{text}» is no time, in «{cell}»"))
}

#[derive(Debug, Clone)]
pub struct Case {
    pub name: String,
    pub vendor: Vendor,
    /// The call that meets the fault.
    pub path: &'static str,
    pub broken: Break,
    pub reaction: Reaction,
}

impl Case {
    /// Whether the deal stands when the fault comes. The message has been acknowledged then, and the sweep wakes the row.
    pub fn is_after_the_deal(&self) -> bool {
        matches!(self.path, ADD_NOTES | ADD_TASKS)
    }

    fn new(name: &str, vendor: Vendor, broken: Break, cell: &str) -> Self {
        assert!(!cell.is_empty(), "{name} of {vendor:?} has no cell");
        Self {
            name: format!("{vendor:?}, {name}"),
            vendor,
            path: match vendor {
                Vendor::Resend => "POST /emails",
                Vendor::Mobizon => "message/sendsmsmessage",
                Vendor::AmoCrm => "POST /api/v4/leads/complex",
            },
            broken,
            reaction: Reaction::parse(cell),
        }
    }
}

fn rows(document: &str, head: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| {
        let line = line.trim().trim_start_matches('|').trim_end_matches('|');
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut lines = document.lines().skip_while(|line| *line != head);
    assert!(lines.next().is_some(), "docs/errors.md has no table «{head}»");
    lines
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(cells)
        .collect()
}

pub fn cases() -> Vec<Case> {
    let document = std::fs::read_to_string(tools::workspace().join("docs/errors.md")).unwrap();
    let mut known: Vec<(&str, Vec<&str>)> = FAULTS
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            let mut columns = line.split(" | ").map(str::trim);
            (columns.next().unwrap(), columns.collect())
        })
        .collect();
    let mut cases = Vec::new();
    for row in rows(
        &document,
        "| fault | e-mail: Resend | SMS: Mobizon | task: amoCRM |",
    ) {
        let fault = known.iter().position(|(name, _)| *name == row[0]);
        let fault = fault.unwrap_or_else(|| panic!("no such fault, or twice in the table: {}", row[0]));
        let (name, words) = known.remove(fault);
        assert_eq!(row.len(), 4, "cells of «{name}»");
        for (index, vendor) in Vendor::ALL.into_iter().enumerate() {
            let word = words.get(index).unwrap_or(&words[0]);
            cases.push(Case::new(name, vendor, Break::parse(word), &row[index + 1]));
        }
    }
    assert!(known.is_empty(), "not in the table of docs/errors.md: {known:?}");
    for row in rows(&document, "| vendor | fault | reaction |") {
        assert_eq!(row.len(), 3, "{row:?}");
        let word = row[1].trim_matches('`');
        cases.push(Case::new(word, vendor(&row[0]), Break::parse(word), &row[2]));
    }
    for row in rows(
        &document,
        "| fault of amoCRM | the call that writes the notes | the call that makes the task |",
    ) {
        assert_eq!(row.len(), 3, "{row:?}");
        let word = row[0].trim_matches('`');
        for (cell, path) in row[1..].iter().zip([ADD_NOTES, ADD_TASKS]) {
            let case = Case::new(
                &format!("{path}, {word}"),
                Vendor::AmoCrm,
                Break::parse(word),
                cell,
            );
            cases.push(Case { path, ..case });
        }
    }
    let met: BTreeSet<&str> = cases
        .iter()
        .filter_map(|case| match &case.broken {
            Break::Once(mode) => Some(mode_name(mode)),
            Break::At(_) => None,
        })
        .collect();
    assert_eq!(met, BTreeSet::from(MODES), "modes of the stand-ins in the tables");
    cases
}

/// The faults that a vendor's stand-in can have.
pub fn modes(vendor: Vendor) -> Vec<Mode> {
    let of_vendor = cases().into_iter().filter(|case| case.vendor == vendor);
    of_vendor
        .filter_map(|case| match case.broken {
            Break::Once(mode) => Some(mode),
            Break::At(_) => None,
        })
        .collect()
}
