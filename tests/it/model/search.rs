//! Every situation that can be reached, and what must hold in each.
//!
//! Breadth first, so that the path to a broken situation is a shortest one. A library for this (stateright) was looked
//! at: it cannot ask whether an end stays reachable from every situation, which is half of what is asked here, and it
//! brings a web server.

use super::parts::{Event, Settings, Situation};
use super::row::Hold;
use proftest::domain::delivery::{State, Status};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// More situations than any setting here has; a model that grew beyond would take the machine's memory.
const SITUATIONS_MAX: usize = 20_000_000;

#[derive(Debug)]
pub struct Explored {
    pub situations: usize,
    pub steps: usize,
    pub ends: usize,
}

/// A situation that must not be, and how it came about.
#[derive(Debug)]
pub struct Broken {
    pub what: &'static str,
    pub path: Vec<Event>,
    pub situation: Box<Situation>,
}

pub fn explore(settings: &Settings) -> Result<Explored, Broken> {
    let mut known = HashMap::from([(Situation::new(settings), 0_u32)]);
    let mut situations = vec![Situation::new(settings)];
    let mut came: Vec<Option<(u32, Event)>> = vec![None];
    // For each situation, those from which a step without further faults leads here.
    let mut before: Vec<Vec<u32>> = vec![Vec::new()];
    let mut steps = 0;
    let mut next = 0;
    while let Some(situation) = situations.get(next).copied() {
        let here = u32::try_from(next).unwrap();
        if let Some(what) = wrong(&situation) {
            return Err(broken(what, next, &situations, &came));
        }
        for (event, after) in situation.successors(settings) {
            steps += 1;
            let there = match known.entry(after) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    let there = u32::try_from(situations.len()).unwrap();
                    situations.push(after);
                    came.push(Some((here, event)));
                    before.push(Vec::new());
                    *entry.insert(there)
                }
            };
            if event.is_progress() {
                before[there as usize].push(here);
            }
        }
        next += 1;
        assert!(situations.len() < SITUATIONS_MAX, "too many situations");
    }
    let (ends, stuck) = unfinished(&situations, &before);
    match stuck {
        Some(stuck) => Err(broken("never comes to an end", stuck, &situations, &came)),
        None => Ok(Explored {
            situations: situations.len(),
            steps,
            ends,
        }),
    }
}

/// What must never be.
fn wrong(situation: &Situation) -> Option<&'static str> {
    let row = &situation.notification;
    let open = row.rows.iter().flatten().filter(|row| row.is_open()).count();
    let over = match (open, row.failed) {
        (0, true) => Status::Failed,
        (0, false) => Status::Completed,
        _ => Status::Pending,
    };
    for (channel, vendor) in situation.vendors.iter().enumerate() {
        let arrived = row.rows[channel]
            .map(|row| row.state)
            .filter(|state| state.severity().is_some());
        let accepted = arrived.is_some();
        if vendor.accepted > 1 {
            return Some("two messages on one channel");
        }
        if vendor.despite_hold {
            return Some("a message from a held channel");
        }
        if row.rows[channel]
            .is_some_and(|row| row.hold == Hold::Later && row.is_open() && row.state != State::Held)
        {
            return Some("a held channel that went on without a release");
        }
        if vendor.accepted > 0 && row.due_in > 0 {
            return Some("a message before it was due");
        }
        if accepted && vendor.accepted == 0 {
            return Some("accepted, though the vendor has nothing");
        }
        if arrived.is_some_and(|state| state != vendor.reported.unwrap_or(State::Accepted)) {
            return Some("not the gravest state that was reported");
        }
        if accepted != row.sent[channel] {
            return Some("the flags are not the channels' states");
        }
    }
    let held = row
        .rows
        .iter()
        .flatten()
        .filter(|row| row.state == State::Held)
        .count();
    if row.status != over || (usize::from(row.open_channels), usize::from(row.held_channels)) != (open, held)
    {
        return Some("the notification is not what its channels are");
    }
    None
}

/// Counts the ends, and finds a situation from which none is reached, even if nothing goes wrong any more.
fn unfinished(situations: &[Situation], before: &[Vec<u32>]) -> (usize, Option<usize>) {
    let is_end = |situation: &Situation| situation.notification.status != Status::Pending;
    let mut finishes: Vec<bool> = situations.iter().map(is_end).collect();
    let mut queue: Vec<usize> = (0..situations.len()).filter(|place| finishes[*place]).collect();
    let ends = queue.len();
    while let Some(place) = queue.pop() {
        for &from in &before[place] {
            if !std::mem::replace(&mut finishes[from as usize], true) {
                queue.push(from as usize);
            }
        }
    }
    (ends, finishes.iter().position(|finishes| !finishes))
}

fn broken(
    what: &'static str,
    place: usize,
    situations: &[Situation],
    came: &[Option<(u32, Event)>],
) -> Broken {
    let mut path = Vec::new();
    let mut at = place;
    while let Some((from, event)) = came[at] {
        path.push(event);
        at = from as usize;
    }
    path.reverse();
    Broken {
        what,
        path,
        situation: Box::new(situations[place]),
    }
}
