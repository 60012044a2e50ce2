//! One notification, the workers that fight over it, and the vendors: what can happen next.
//!
//! Decisions are the product's own (`domain::delivery`), rows move as in [`super::row`]. Everything else is the
//! adversary: any worker may be woken at any moment and any number of times, may die at any moment, its requests
//! may be carried out after its death, its statements may land after its death, and vendors answer as they like.

use super::parts::{
    ANSWERS, Answer, Call, Event, IDLE, Job, Late, Record, Settings, Situation, Vendor, before, concluded,
    record,
};
use super::row::{self, Attempt, CHANNELS, Found, Guard, Hold, N, Notification, OPEN, index};
use proftest::domain::delivery::{Channel, Doubt, Opening, Reconciled, State, open, reconcile};
use proftest::failure::{Failure, Reaction};
use std::time::Duration;

impl Situation {
    pub fn new(settings: &Settings) -> Self {
        Self {
            notification: Notification::new(settings.due_in, settings.grace, settings.channels),
            workers: [IDLE; 3],
            vendors: [Vendor::default(); N],
            late: [None; 2],
        }
    }

    pub fn successors(&self, settings: &Settings) -> Vec<(Event, Self)> {
        let mut next = Vec::new();
        let mut add = |event, after: Option<Self>| next.extend(after.map(|situation| (event, situation)));
        add(Event::Tick, self.tick(settings));
        add(Event::Message, self.wake(settings, OPEN));
        add(Event::Sweep, self.sweep(settings, OPEN));
        for guard in self.guards(settings) {
            add(Event::MessageHeld(guard), self.wake(settings, guard));
            add(Event::SweepHeld(guard), self.sweep(settings, guard));
        }
        for worker in 0..settings.workers {
            add(Event::Die(worker), self.die(settings, worker));
            for channel in 0..N {
                for (event, after) in self.work(settings, worker, channel) {
                    add(event, after);
                }
            }
        }
        for channel in 0..N {
            let (mut released, mut over) = (*self, *self);
            let is_released = released.notification.release(settings.rules, channel);
            let is_over = settings.ends_holds && over.notification.hold_over(channel);
            add(Event::Release(channel), is_released.then_some(released));
            add(Event::HoldOver(channel), is_over.then_some(over));
            for (orphan, _) in (0_usize..).zip(self.vendors[channel].orphans.iter().flatten()) {
                let mut lost = *self;
                lost.vendors[channel].orphans[orphan] = None;
                let mut accepted = lost;
                accepted.accept(settings, channel);
                add(Event::OrphanLost(channel, orphan), Some(lost));
                add(Event::OrphanAccepted(channel, orphan), Some(accepted));
            }
            for state in settings
                .reports
                .iter()
                .filter(|_| self.vendors[channel].accepted > 0)
            {
                let mut reported = *self;
                reported.report(settings, channel, *state);
                add(Event::Report(channel, *state), Some(reported));
            }
            if let Some(Late { record, .. }) = self.late[channel] {
                let mut lost = *self;
                lost.late[channel] = None;
                let mut landed = lost;
                landed.land(settings, record);
                add(Event::LateIsLost(channel), Some(lost));
                add(Event::LateLands(channel), Some(landed));
            }
        }
        for (_, situation) in &mut next {
            situation.normalise(settings);
        }
        next
    }

    /// Half a minute passes, unless a worker would then live longer than assumed.
    fn tick(&self, settings: &Settings) -> Option<Self> {
        let mut situation = *self;
        situation.notification.tick();
        for worker in situation.workers.iter_mut().filter(|worker| **worker != IDLE) {
            worker.age += 1;
            if worker.age > settings.life {
                return None;
            }
            for job in &mut worker.jobs {
                if let Job::Called(_, Call::Flying { age }) = job {
                    *age += 1;
                    if *age > settings.flight {
                        return None;
                    }
                }
            }
        }
        for vendor in &mut situation.vendors {
            vendor.age += u8::from(vendor.accepted > 0);
            for age in vendor.orphans.iter_mut().flatten() {
                *age += 1;
                if *age > settings.flight {
                    return None;
                }
            }
        }
        for late in situation.late.iter_mut().flatten() {
            late.age += 1;
            if late.age > settings.late {
                return None;
            }
        }
        Some(situation)
    }

    /// Every set of channels that the guard could hold now.
    fn guards(&self, settings: &Settings) -> impl Iterator<Item = Guard> {
        let may_be_held = self.notification.rows.map(|row| {
            let is_free = |row: &row::Row| row.is_open() && row.state != State::Held && row.free_in == 0;
            let row = row.filter(is_free);
            row.is_some_and(|row| row.may_be_held() || !settings.rules.doubt_goes_on)
        });
        (1_usize..1 << N)
            .map(|set| std::array::from_fn(|channel| set >> channel & 1 == 1))
            .filter(move |guard: &Guard| guard.iter().zip(may_be_held).all(|(held, may)| !held || may))
    }

    fn wake(&self, settings: &Settings, guard: Guard) -> Option<Self> {
        let mut situation = *self;
        let worker = situation.workers[..settings.workers]
            .iter_mut()
            .find(|worker| **worker == IDLE)?;
        if let Found::Claimed(attempts) = situation.notification.claim(settings.rules, guard) {
            for attempt in attempts {
                worker.jobs[attempt.channel] = Job::Claimed(attempt);
            }
        }
        (situation != *self).then_some(situation)
    }

    fn sweep(&self, settings: &Settings, guard: Guard) -> Option<Self> {
        if !settings.sweeps || !self.notification.is_overdue() {
            return None;
        }
        let woken = self.wake(settings, guard);
        // What no guard holds is the other event.
        let mut situation = if guard == OPEN {
            woken.unwrap_or(*self)
        } else {
            woken?
        };
        situation.notification.wake_in = settings.grace;
        Some(situation)
    }

    fn work(&self, settings: &Settings, worker: usize, channel: usize) -> Vec<(Event, Option<Self>)> {
        let become_ = |job: Job| {
            let mut situation = *self;
            situation.workers[worker].jobs[channel] = job;
            situation
        };
        let call = |attempt| become_(Job::Called(attempt, Call::Flying { age: 0 }));
        match self.workers[worker].jobs[channel] {
            Job::None => Vec::new(),
            Job::Cleared(attempt) => vec![(Event::Send(worker, channel), Some(call(attempt)))],
            Job::Claimed(attempt) => match open(&settings.timing, CHANNELS[channel], before(attempt)) {
                Opening::Over(outcome) => {
                    let record = record(attempt, &outcome, Doubt::Keep);
                    vec![(Event::Record(worker, channel), Some(become_(record)))]
                }
                Opening::LookUp { since } if settings.looks_up => {
                    self.look_up(settings, worker, channel, attempt, since)
                }
                Opening::Send | Opening::LookUp { .. } => {
                    vec![(Event::Send(worker, channel), Some(call(attempt)))]
                }
            },
            Job::Called(attempt, Call::Flying { age }) => {
                let mut next: Vec<_> = ANSWERS
                    .into_iter()
                    .map(|answer| {
                        let mut situation = become_(Job::Called(attempt, Call::Answered(answer)));
                        if matches!(answer, Answer::Accepted | Answer::AcceptedUnheard) {
                            situation.accept(settings, channel);
                        }
                        (Event::Answer(worker, channel, answer), Some(situation))
                    })
                    .collect();
                let mut gone = become_(Job::Called(attempt, Call::Answered(Answer::DroppedUnheard)));
                let detached = gone.orphan(settings, channel, age);
                next.push((Event::TimeOut(worker, channel), detached.then_some(gone)));
                next
            }
            Job::Called(attempt, Call::Answered(answer)) => {
                let (outcome, doubt) = concluded(&settings.timing, attempt, answer);
                let record = record(attempt, &outcome, doubt);
                vec![(Event::Record(worker, channel), Some(become_(record)))]
            }
            Job::Recording(record) => {
                let mut situation = become_(Job::None);
                situation.land(settings, record);
                vec![(Event::Land(worker, channel), Some(situation))]
            }
        }
    }

    fn look_up(
        &self,
        settings: &Settings,
        worker: usize,
        channel: usize,
        attempt: Attempt,
        since: Duration,
    ) -> Vec<(Event, Option<Self>)> {
        let decide = |found| {
            let mut situation = *self;
            situation.workers[worker].jobs[channel] = match reconcile(&settings.timing, since, found, 0.0) {
                Reconciled::SendAgain => Job::Cleared(attempt),
                Reconciled::Over(outcome) => record(attempt, &outcome, Doubt::Keep),
            };
            situation
        };
        let vendor = &self.vendors[channel];
        let listed = vendor.accepted > 0;
        // The list may lag, but not for ever.
        let hidden = !listed || vendor.age < settings.lag;
        let broken = Failure::new(Reaction::Unknown, "why");
        vec![
            (
                Event::LookUpFinds(worker, channel),
                listed.then(|| decide(Ok(Some("7".to_owned())))),
            ),
            (
                Event::LookUpMisses(worker, channel),
                hidden.then(|| decide(Ok(None))),
            ),
            (Event::LookUpFails(worker, channel), Some(decide(Err(broken)))),
        ]
    }

    fn accept(&mut self, settings: &Settings, channel: usize) {
        let vendor = &mut self.vendors[channel];
        vendor.despite_hold |= self.notification.rows[channel].is_some_and(|row| row.hold == Hold::First);
        let is_email = channel == index(Channel::Email);
        if is_email && vendor.accepted > 0 && vendor.age < settings.memory {
            return;
        }
        vendor.accepted = (vendor.accepted + 1).min(2);
    }

    /// Lets go of a request that may still arrive; `false` when as many as are explored are out already.
    fn orphan(&mut self, settings: &Settings, channel: usize, age: u8) -> bool {
        let places = &mut self.vendors[channel].orphans[..settings.orphans];
        let free = places.iter_mut().find(|place| place.is_none());
        free.map(|place| *place = Some(age)).is_some()
    }

    fn report(&mut self, settings: &Settings, channel: usize, state: State) {
        let reported = &mut self.vendors[channel].reported;
        if state.severity() > reported.and_then(State::severity) {
            *reported = Some(state);
        }
        self.notification.report(settings.rules, channel, state);
    }

    fn land(&mut self, settings: &Settings, record: Record) {
        let outcome = record.outcome.outcome();
        self.notification.record(
            settings.rules,
            record.attempt,
            &outcome,
            record.doubt,
            settings.grace,
        );
    }

    /// The worker is gone; what it had sent may still arrive.
    fn die(&self, settings: &Settings, worker: usize) -> Option<Self> {
        let mut situation = *self;
        let dead = std::mem::replace(&mut situation.workers[worker], IDLE);
        if dead == IDLE {
            return None;
        }
        for (channel, job) in dead.jobs.into_iter().enumerate() {
            match job {
                Job::Called(_, Call::Flying { age }) => {
                    situation.orphan(settings, channel, age).then_some(())?;
                }
                Job::Recording(record) if settings.orphans > 0 => {
                    let other = situation.late[channel].replace(Late { age: 0, record });
                    other.is_none().then_some(())?;
                }
                _ => {}
            }
        }
        Some(situation)
    }

    /// Situations that differ in nothing that matters become one.
    fn normalise(&mut self, settings: &Settings) {
        // From these ages on nothing changes any more.
        let oldest = [settings.timing.email_key + row::TICK, settings.timing.unknown_max].map(row::ticks);
        for (channel, row) in self.notification.rows.iter_mut().enumerate() {
            let Some(row) = row else { continue };
            // Attempt numbers are only ever compared for being the row's, or the first.
            let current = row.attempt;
            row.attempt = current.min(1);
            let renumber = |attempt: &mut Attempt| attempt.number = u8::from(attempt.number == current);
            for worker in &mut self.workers {
                match &mut worker.jobs[channel] {
                    Job::None => {}
                    Job::Claimed(attempt) | Job::Cleared(attempt) | Job::Called(attempt, _) => {
                        renumber(attempt);
                    }
                    Job::Recording(record) => renumber(&mut record.attempt),
                }
            }
            if let Some(late) = &mut self.late[channel] {
                renumber(&mut late.record.attempt);
            }
            row.unknown_for = row.unknown_for.map(|age| age.min(oldest[channel]));
            // Read only when a lease runs out.
            let is_sending = row.state == State::Sending;
            row.updated_for = if is_sending {
                row.updated_for.min(oldest[channel])
            } else {
                0
            };
            if !row.is_open() {
                (row.unknown_for, row.retries) = (None, 0);
                self.notification.early[channel] = None;
            }
        }
        for worker in self
            .workers
            .iter_mut()
            .filter(|worker| worker.jobs == [Job::None; N])
        {
            *worker = IDLE;
        }
        // Those in use first.
        self.workers.sort_unstable_by(|one, other| other.cmp(one));
        let ends = CHANNELS.map(|channel| match channel {
            Channel::Email => settings.memory,
            Channel::Sms => settings.lag,
        });
        for (vendor, end) in self.vendors.iter_mut().zip(ends) {
            vendor.age = vendor.age.min(end);
            vendor.orphans.sort_unstable_by(|one, other| other.cmp(one));
        }
    }
}
