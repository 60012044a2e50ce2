//! Notes on deals: the answers, the source, the first clicks. All notes of a batch go in one call.

use crate::account::Account;
use crate::stop::Stop;
use proftest::clients::amocrm::{NOTES_MAX, Note};
use proftest::domain::crm::{CrmOutcome, CrmTiming, NoteKind};
use proftest::domain::ids::DealId;
use proftest::domain::metadata::{AnswerTexts, Tags};
use proftest::failure::chain;
use proftest::store::{CrmWork, Fence, Store};
use proftest::texts::CrmTexts;
use std::fmt::Write as _;

/// Answers are cut there. Of the tags, those that no longer fit are left out, since half an id is useless. The lead's row
/// keeps everything.
const NOTE_MAX_CHARS: usize = 10_000;

/// A task whose deal is up to date and whose notes are next.
pub struct WithDeal {
    pub work: CrmWork,
    pub deal: DealId,
}

/// Writes the pending notes of these tasks and ends the tasks.
pub async fn write(
    store: &Store,
    account: &Account,
    timing: &CrmTiming,
    texts: &CrmTexts,
    tasks: Vec<WithDeal>,
) {
    // A task has each kind at most once, so this many tasks always fit one call.
    for group in tasks.chunks(NOTES_MAX / NoteKind::ALL.len()) {
        let (mut ours, mut notes) = (Vec::new(), Vec::new());
        for task in group {
            match prepare(store, account, texts, task).await {
                Ok(mut prepared) => {
                    notes.append(&mut prepared);
                    ours.push(&task.work);
                }
                Err(stop) => {
                    stop.record(store, timing, &task.work).await;
                }
            }
        }
        let written = match notes[..] {
            [] => Ok(()),
            _ => {
                account
                    .call(async |amocrm, token| amocrm.add_notes(token, &notes).await)
                    .await
            }
        };
        for work in ours {
            match &written {
                Ok(()) => finish(store, work).await,
                // A failed call stops all of its tasks.
                Err(stop) => {
                    stop.record(store, timing, work).await;
                }
            }
        }
    }
}

/// The notes to write for one task, without those that an earlier attempt has written.
async fn prepare(
    store: &Store,
    account: &Account,
    texts: &CrmTexts,
    task: &WithDeal,
) -> Result<Vec<Note>, Stop> {
    let (work, deal) = (&task.work, task.deal);
    let notes = work.notes.iter().filter_map(|kind| text(texts, work, *kind));
    let mut notes: Vec<Note> = notes.map(|text| Note { deal, text }).collect();
    if work.maybe_noted && !notes.is_empty() {
        let written = account
            .call(async |amocrm, token| amocrm.notes(token, deal).await)
            .await?;
        notes.retain(|note| !written.contains(&note.text));
    }
    if !notes.is_empty() && store.mark_noting(work).await? == Fence::Lost {
        return Err(Stop::Lost);
    }
    Ok(notes)
}

async fn finish(store: &Store, work: &CrmWork) {
    match store.record_crm(work, &CrmOutcome::Done, &work.notes).await {
        Ok(Fence::Held) => tracing::info!(lead.id = %work.lead, "The CRM knows the lead"),
        Ok(Fence::Lost) => tracing::warn!(lead.id = %work.lead, "The claim had passed to another worker"),
        Err(error) => {
            tracing::error!(lead.id = %work.lead, error = chain(&error), "The outcome could not be recorded");
        }
    }
}

/// `None` when there is nothing to say.
fn text(texts: &CrmTexts, work: &CrmWork, kind: NoteKind) -> Option<String> {
    Some(match kind {
        NoteKind::Answers => answers(texts, work.metadata.answer_texts.as_ref()?)?,
        NoteKind::Utm => source(texts, work),
        NoteKind::EmailClick => texts.email_clicked.to_owned(),
        NoteKind::SmsClick => texts.sms_clicked.to_owned(),
        NoteKind::EmailFailed | NoteKind::EmailBounced => texts.email_failed.to_owned(),
        NoteKind::SmsFailed | NoteKind::SmsUndelivered => texts.sms_failed.to_owned(),
        NoteKind::Unsubscribed => texts.unsubscribed.to_owned(),
        NoteKind::NotMe => texts.not_me.to_owned(),
    })
}

fn answers(texts: &CrmTexts, answers: &AnswerTexts) -> Option<String> {
    let mut text = String::new();
    for (number, question, answer) in answers.lines() {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{number}. {question} {} {answer}", texts.arrow);
    }
    let whole = (!text.is_empty()).then(|| format!("{}:{text}", texts.answers))?;
    Some(whole.chars().take(NOTE_MAX_CHARS).collect())
}

fn source(texts: &CrmTexts, work: &CrmWork) -> String {
    let first = work.metadata.first_tags.as_ref();
    let touch = work.metadata.last_touch.as_ref();
    let last = touch
        .and_then(|touch| touch.tags.as_ref())
        .filter(|last| Some(*last) != first);
    let lines = |tags: Option<&Tags>| {
        let texts = tags.into_iter().flat_map(Tags::texts);
        texts
            .map(|(name, value)| format!("\n{name}: {value}"))
            .collect::<Vec<_>>()
    };
    let heading = last.map(|_| format!("\n{}", texts.last_touch));
    let all = lines(first).into_iter().chain(heading).chain(lines(last));
    fitted(format!("{} {}", texts.source, work.source), all)
}

/// `text` with the lines for which a note has room.
fn fitted(mut text: String, lines: impl Iterator<Item = String>) -> String {
    let mut left = NOTE_MAX_CHARS.saturating_sub(text.chars().count());
    for line in lines {
        if let Some(rest) = left.checked_sub(line.chars().count()) {
            left = rest;
            text.push_str(&line);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_does_not_fit_a_note_is_left_out_whole() {
        let lines = [5000, 4000, 2000, 900, 100].map(|length| "я".repeat(length));
        let text = fitted("head".to_owned(), lines.into_iter());
        assert_eq!(text.chars().count(), 4 + 5000 + 4000 + 900);
    }
}
