//! Notes on deals: the answers, the source, the first clicks. All notes of a batch go in one call.

use crate::calls::call;
use crate::{App, Settled, Stop, settle};
use proftest::clients::amocrm::{NOTES_MAX, Note};
use proftest::store::{CrmOutcome, CrmWork};
use proftest::texts::CrmTexts;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// A note longer than this is cut; the lead's row has all of it.
const NOTE_MAX_CHARS: usize = 10_000;

/// Writes the pending notes of these tasks and ends them.
pub async fn write(app: &App, tasks: Vec<Settled>) {
    // A task has at most four notes: so many tasks always fit one call.
    for group in tasks.chunks(NOTES_MAX / 4) {
        let mut ours = Vec::new();
        let mut notes = Vec::new();
        for task in group {
            match prepare(app, task).await {
                Ok(mut prepared) => {
                    notes.append(&mut prepared);
                    ours.push(task);
                }
                Err(stop) => {
                    settle(app, &task.work, stop, &[]).await;
                }
            }
        }
        if !notes.is_empty()
            && let Err(stop) = call(app, async |token| app.amocrm.add_notes(token, &notes).await).await
        {
            put_off(app, &ours, stop).await;
            continue;
        }
        for task in ours {
            finish(app, &task.work).await;
        }
    }
}

/// The notes to write for one task; none that an earlier attempt has written already.
async fn prepare(app: &App, task: &Settled) -> Result<Vec<Note>, Stop> {
    let work = &task.work;
    let texts = work
        .notes
        .iter()
        .filter_map(|kind| text(&app.texts.crm, work, kind));
    let mut texts: Vec<String> = texts.collect();
    if work.maybe_noted && !texts.is_empty() {
        let written = call(app, async |token| app.amocrm.notes(token, task.deal).await).await?;
        texts.retain(|text| !written.contains(text));
    }
    if !texts.is_empty() && !app.store.mark_noting(work).await? {
        return Err(Stop::Lost);
    }
    Ok(texts
        .into_iter()
        .map(|text| Note {
            deal: task.deal,
            text,
        })
        .collect())
}

/// All tasks of a call that failed wait as the failure asks; the first one's reason is everybody's.
async fn put_off(app: &App, tasks: &[&Settled], stop: Stop) {
    let again = |stop: &Stop| match stop {
        Stop::Failed(failure) => Stop::Failed(failure.clone()),
        Stop::Wait(after, reason) => Stop::Wait(*after, reason),
        // A database that failed fails for all; their leases end the claims.
        Stop::Shut | Stop::Lost | Stop::Store(_) => Stop::Shut,
    };
    for task in tasks {
        settle(app, &task.work, again(&stop), &[]).await;
    }
}

async fn finish(app: &App, work: &CrmWork) {
    match app.store.settle_crm(work, &CrmOutcome::Done, &work.notes).await {
        Ok(true) => tracing::info!(lead.id = %work.lead, "The CRM knows the lead"),
        Ok(false) => tracing::warn!(lead.id = %work.lead, "The claim had passed to another worker"),
        Err(error) => {
            tracing::error!(lead.id = %work.lead, error = proftest::failure::chain(&error), "The outcome could not be recorded");
        }
    }
}

/// A note's text; `None` when there is nothing to say.
fn text(texts: &CrmTexts, work: &CrmWork, kind: &str) -> Option<String> {
    let text = match kind {
        "answers" => answers(texts, work.metadata.get("proftestAnswers")?.as_array()?),
        "utm" => Some(source(texts, work)),
        "email_click" => Some(texts.email_clicked.to_owned()),
        "sms_click" => Some(texts.sms_clicked.to_owned()),
        _ => None,
    };
    text.map(|text| text.chars().take(NOTE_MAX_CHARS).collect())
}

/// `N. question ➜ answer`, line by line.
fn answers(texts: &CrmTexts, answers: &[Value]) -> Option<String> {
    let mut text = format!("{}:", texts.answers);
    let mut any = false;
    for (index, answer) in answers.iter().enumerate() {
        let part = |name: &str| answer.get(name).and_then(Value::as_str).map(str::trim);
        let (Some(question), Some(chosen)) = (part("question"), part("answer")) else {
            continue;
        };
        let number = answer
            .get("questionNumber")
            .and_then(Value::as_u64)
            .unwrap_or(index as u64 + 1);
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{number}. {question} {} {chosen}", texts.arrow);
        any = true;
    }
    any.then_some(text)
}

fn source(texts: &CrmTexts, work: &CrmWork) -> String {
    let mut text = format!("{} {}", texts.source, work.source);
    append(&mut text, work.metadata.get("utmParams"));
    let last = work
        .metadata
        .get("lastTouch")
        .and_then(|touch| touch.get("utmParams"));
    if last.is_some_and(|last| !last.is_null() && Some(last) != work.metadata.get("utmParams")) {
        let _ = write!(text, "\n{}", texts.last_touch);
        append(&mut text, last);
    }
    text
}

fn append(text: &mut String, tags: Option<&Value>) {
    let empty = Map::new();
    for (name, value) in tags.and_then(Value::as_object).unwrap_or(&empty) {
        if let Some(value) = value.as_str().filter(|value| !value.is_empty()) {
            let _ = write!(text, "\n{name}: {value}");
        }
    }
}
