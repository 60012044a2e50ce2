//! What the sales team is told: notes on deals, and a task for each deal that lacks one. All notes of a batch go in one
//! call, all tasks in another.

use crate::account::Account;
use crate::app::App;
use crate::deal::Standing;
use crate::stop::Stop;
use crate::words;
use proftest::clients::amocrm::{NOTES_MAX, NewTask, Note, Task};
use proftest::domain::crm::CrmOutcome;
use proftest::failure::{Reaction, chain};
use proftest::store::{CrmWork, Fence, Told};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How far amoCRM's clock may be behind the database's, for the time at which a task was made.
const CLOCKS_APART: Duration = Duration::from_mins(5);

/// A claimed task, its deal, and what is to be told of it.
pub struct WithDeal {
    pub work: CrmWork,
    pub deal: Standing,
}

/// A task's share of the calls, and what stopped it.
struct Telling<'a> {
    with_deal: &'a WithDeal,
    notes: Vec<Note>,
    task: Option<NewTask>,
    /// Whether the notes are written.
    noted: bool,
    stop: Option<Arc<Stop>>,
}

/// Tells amoCRM, and ends the tasks.
pub async fn tell(app: &App, all: Vec<WithDeal>) {
    let mut rest = &all[..];
    while !rest.is_empty() {
        let (group, later) = rest.split_at(fitting(rest));
        tell_group(app, group).await;
        rest = later;
    }
}

/// How many of the first ones have notes for one call. A batch of new leads fits always.
fn fitting(all: &[WithDeal]) -> usize {
    let mut notes = 0;
    let fits = |one: &&WithDeal| {
        notes += one.work.notes.len();
        notes <= NOTES_MAX
    };
    all.iter().take_while(fits).count().max(1)
}

async fn tell_group(app: &App, group: &[WithDeal]) {
    let mut tellings = Vec::new();
    for with_deal in group {
        match prepare(app, with_deal).await {
            Ok(telling) => tellings.push(telling),
            Err(stop) => {
                stop.record(app, &with_deal.work, Told::default()).await;
            }
        }
    }
    write_notes(&app.account, &mut tellings).await;
    forget_made_tasks(&app.account, &mut tellings).await;
    make_tasks(&app.account, &mut tellings).await;
    for telling in tellings {
        finish(app, &telling).await;
    }
}

/// What to write, without the notes that an earlier attempt has written; marked as begun.
async fn prepare<'a>(app: &App, with_deal: &'a WithDeal) -> Result<Telling<'a>, Stop> {
    let WithDeal { work, deal } = with_deal;
    let texts = words::notes(app.texts, work).into_iter();
    let mut notes: Vec<Note> = texts.map(|text| Note { deal: deal.id, text }).collect();
    if work.noting_for.is_some() && !notes.is_empty() {
        let written = app
            .account
            .call(async |amocrm, token| amocrm.notes(token, deal.id).await)
            .await?;
        notes.retain(|note| !written.contains(&note.text));
    }
    let tasks = app.tasks.as_ref().filter(|_| deal.task_due);
    let task = tasks.map(|tasks| tasks.new_task(work, deal, now()));
    let begins = !notes.is_empty() || task.is_some();
    if begins
        && app
            .store
            .mark_telling(work, !notes.is_empty(), task.is_some())
            .await?
            == Fence::Lost
    {
        return Err(Stop::Lost);
    }
    Ok(Telling {
        with_deal,
        notes,
        task,
        noted: false,
        stop: None,
    })
}

fn now() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}

async fn write_notes(account: &Account, tellings: &mut [Telling<'_>]) {
    let of = |one: &Telling<'_>| one.notes.clone();
    let write = async |notes: &[Note]| {
        account
            .call(async |amocrm, token| amocrm.add_notes(token, notes).await)
            .await
    };
    send(tellings, of, write).await;
    for telling in tellings {
        telling.noted = telling.stop.is_none();
    }
}

/// Leaves out the tasks that are there: an earlier attempt has made them, though its answer was lost, or another lead of the
/// person has.
async fn forget_made_tasks(account: &Account, tellings: &mut [Telling<'_>]) {
    let in_doubt = |one: &Telling<'_>| {
        let WithDeal { work, deal } = one.with_deal;
        let is_seen = deal.is_fresh && work.task.tasking_for.is_none();
        (one.stop.is_none() && one.task.is_some() && !is_seen).then_some(deal.id)
    };
    let deals: Vec<_> = tellings.iter().filter_map(in_doubt).collect();
    if deals.is_empty() {
        return;
    }
    let found = account
        .call(async |amocrm, token| amocrm.tasks(token, &deals).await)
        .await;
    let found = found.map_err(Arc::new);
    for telling in tellings.iter_mut().filter(|one| in_doubt(one).is_some()) {
        match &found {
            Ok(tasks) => {
                let since = telling.with_deal.work.task.tasking_for;
                let is_made = |task: &NewTask| tasks.iter().any(|one| makes_needless(task, one, since));
                telling.task = telling.task.take().filter(|task| !is_made(task));
            }
            Err(stop) => telling.stop = Some(Arc::clone(stop)),
        }
    }
}

/// Whether the deal needs no new task. It needs none if `found` is open, or if `found` is ours: an earlier attempt made it `since`
/// ago, and a salesperson has already done it.
fn makes_needless(ours: &NewTask, found: &Task, since: Option<Duration>) -> bool {
    let is_ours = since.is_some_and(|since| {
        let begun = now().saturating_sub(since + CLOCKS_APART);
        found.text == ours.text && found.created_at >= begun.as_secs()
    });
    found.deal == ours.deal && (!found.is_completed || is_ours)
}

async fn make_tasks(account: &Account, tellings: &mut [Telling<'_>]) {
    let of = |one: &Telling<'_>| one.task.iter().cloned().collect();
    let make = async |tasks: &[NewTask]| {
        account
            .call(async |amocrm, token| amocrm.add_tasks(token, tasks).await)
            .await
    };
    send(tellings, of, make).await;
}

/// Sends the entries of all in one call. One wrong entry, such as of a deal that somebody has just deleted, makes amoCRM
/// refuse them all: then each task's go alone, and stop it alone.
async fn send<T>(
    tellings: &mut [Telling<'_>],
    of: impl Fn(&Telling<'_>) -> Vec<T>,
    call: impl AsyncFn(&[T]) -> Result<(), Stop>,
) {
    let is_asking = |one: &&mut Telling<'_>| one.stop.is_none() && !of(one).is_empty();
    let mut asking: Vec<_> = tellings.iter_mut().filter(is_asking).collect();
    let entries: Vec<T> = asking.iter().flat_map(|one| of(one)).collect();
    if entries.is_empty() {
        return;
    }
    match call(&entries).await {
        Ok(()) => {}
        Err(Stop::Failed(failure)) if failure.reaction == Reaction::GiveUp && asking.len() > 1 => {
            for telling in asking {
                telling.stop = call(&of(telling)).await.err().map(Arc::new);
            }
        }
        Err(stop) => {
            let stop = Arc::new(stop);
            for telling in &mut asking {
                telling.stop = Some(Arc::clone(&stop));
            }
        }
    }
}

async fn finish(app: &App, telling: &Telling<'_>) {
    let work = &telling.with_deal.work;
    let written = if telling.noted { &work.notes[..] } else { &[] };
    if let Some(stop) = &telling.stop {
        let told = Told {
            notes: written,
            task: false,
        };
        stop.record(app, work, told).await;
        return;
    }
    let told = Told {
        notes: written,
        task: true,
    };
    match app.store.record_crm(work, &CrmOutcome::Done, told).await {
        Ok(Fence::Held) => tracing::info!(lead.id = %work.lead, "The CRM knows the lead"),
        Ok(Fence::Lost) => tracing::warn!(lead.id = %work.lead, "The claim had passed to another worker"),
        Err(error) => {
            tracing::error!(lead.id = %work.lead, error = chain(&error), "The outcome could not be recorded");
        }
    }
}
