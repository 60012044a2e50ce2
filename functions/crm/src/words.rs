//! The notes in words. Nothing that a client wrote as an answer is among them: questions and answers are those of the quiz.

use proftest::domain::crm::{NoteKind, Why, source_in_words};
use proftest::domain::delivery::Channel;
use proftest::domain::metadata::{Answers, Tags};
use proftest::domain::quiz::{QUESTIONS, QuizResult, questions};
use proftest::store::CrmWork;
use proftest::texts::CrmTexts;

/// Characters of a note. Of the tags, those that no longer fit are left out, since half an id is useless. The lead's row keeps
/// everything.
const NOTE_MAX_CHARS: usize = 10_000;
/// A longer source stands in its own note alone.
const SHORT_SOURCE: usize = 60;

/// The pending notes, in their order.
pub fn notes(texts: &CrmTexts, work: &CrmWork) -> Vec<String> {
    let mut kinds = work.notes.clone();
    kinds.sort_unstable();
    if kinds.contains(&NoteKind::Result) {
        kinds.retain(|kind| *kind != NoteKind::Answers);
    }
    kinds.into_iter().map(|kind| note(texts, work, kind)).collect()
}

fn note(texts: &CrmTexts, work: &CrmWork, kind: NoteKind) -> String {
    match kind {
        NoteKind::Result | NoteKind::Answers => result(texts, work),
        NoteKind::Utm => source(texts, work),
        NoteKind::NotMe => texts.not_me.to_owned(),
        NoteKind::Unsubscribed => texts.unsubscribed.to_owned(),
        NoteKind::EmailFailed | NoteKind::EmailBounced => {
            undelivered(texts, texts.email_undelivered, work, Channel::Email)
        }
        NoteKind::SmsFailed | NoteKind::SmsUndelivered => {
            undelivered(texts, texts.sms_undelivered, work, Channel::Sms)
        }
        NoteKind::EmailClick => texts.email_clicked.to_owned(),
        NoteKind::SmsClick => texts.sms_clicked.to_owned(),
    }
}

/// What a salesperson reads first: the result, what to say, and then the answers.
fn result(texts: &CrmTexts, work: &CrmWork) -> String {
    let answers = work.metadata.answers.as_ref();
    let mut lines = match answers.and_then(|answers| answers.result) {
        Some(result) => with_result(texts, result),
        None => vec![
            texts.no_result.to_owned(),
            format!("{} {}", texts.say_first, texts.say_first_without_result),
        ],
    };
    let (first, _) = touches(texts, work);
    if first.chars().count() <= SHORT_SOURCE {
        lines.push(format!("{} {first}", texts.source));
    }
    if let Some(answers) = answers.filter(|answers| answers.indices.len() == QUESTIONS) {
        lines.push(String::new());
        lines.push(texts.answers.to_owned());
        lines.extend(answer_lines(texts, answers));
    }
    lines.join("\n")
}

fn with_result(texts: &CrmTexts, result: QuizResult) -> Vec<String> {
    let in_words = result.texts();
    let types: Vec<String> = in_words.types.into_iter().map(|one| one.title).collect();
    vec![
        format!("{} {}", texts.result, types.join(texts.and)),
        format!("{} {}", texts.professions, in_words.professions.join(", ")),
        format!("{} {}", texts.say_first, result.say_first()),
    ]
}

/// Every question of the test with what was chosen. An index of no option is no answer.
fn answer_lines(texts: &CrmTexts, answers: &Answers) -> impl Iterator<Item = String> {
    let questions = questions().iter().zip(&answers.indices).zip(1..);
    questions.map(|((question, index), number)| {
        let chosen = usize::try_from(*index)
            .ok()
            .and_then(|index| question.options.get(index));
        let answer = chosen.map_or(texts.no_answer, |option| option.text);
        format!("{number}. {} {} {answer}", question.text, texts.arrow)
    })
}

/// The sources of the first and of the latest visit, in words.
fn touches(texts: &CrmTexts, work: &CrmWork) -> (String, Option<String>) {
    let metadata = &work.metadata;
    let first = source_in_words(
        texts,
        &work.source,
        metadata.campaign.as_deref(),
        metadata.first_tags.as_ref(),
    );
    let last = metadata.last_touch.as_ref().map(|touch| {
        source_in_words(
            texts,
            &touch.source,
            touch.campaign.as_deref(),
            touch.tags.as_ref(),
        )
    });
    let last = last.filter(|last| *last != first);
    (first, last)
}

fn source(texts: &CrmTexts, work: &CrmWork) -> String {
    let (first, last) = touches(texts, work);
    let mut text = format!("{} {first}", texts.source);
    if let Some(last) = last {
        text = format!("{text}\n{} {last}", texts.last_touch);
    }
    let first_tags = work.metadata.first_tags.as_ref();
    let touch = work.metadata.last_touch.as_ref();
    let last_tags = touch.and_then(|touch| touch.tags.as_ref());
    let lines = tag_lines(texts.tags, first_tags).chain(tag_lines(
        texts.last_tags,
        last_tags.filter(|last| Some(*last) != first_tags),
    ));
    fitted(text, lines)
}

fn tag_lines<'a>(heading: &'a str, tags: Option<&'a Tags>) -> impl Iterator<Item = String> + 'a {
    let tags = tags.filter(|tags| tags.texts().next().is_some());
    let lines = tags.into_iter().flat_map(Tags::texts);
    let heading = tags.map(|_| format!("\n{heading}")).into_iter();
    heading.chain(lines.map(|(name, value)| format!("\n{name}: {value}")))
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

/// «SMS не доставлено: номер не принимает».
fn undelivered(texts: &CrmTexts, what: &str, work: &CrmWork, channel: Channel) -> String {
    let why = work.fate(channel).and_then(|fate| Why::of(channel, fate));
    why.map_or_else(
        || what.to_owned(),
        |why| format!("{what}: {}", why.words(&texts.why)),
    )
}

#[cfg(test)]
mod tests;
