use super::*;
use proftest::domain::contact::{Email, Name, Phone};
use proftest::domain::crm::Fate;
use proftest::domain::ids::LeadId;
use proftest::domain::metadata::Metadata;
use proftest::store::TaskDue;
use proftest::texts::{Locale, texts};
use serde_json::{Value, json};

fn work(kinds: &[NoteKind], metadata: Value) -> CrmWork {
    let Value::Object(metadata) = metadata else {
        unreachable!()
    };
    CrmWork {
        lead: LeadId::new(),
        attempt: 1,
        retries: 0,
        revision: 1,
        deal_due: false,
        notes: kinds.to_vec(),
        noting_for: None,
        task: TaskDue {
            is_due: false,
            user: None,
            tasking_for: None,
        },
        move_due: false,
        clicked: false,
        creating_for: None,
        contact: None,
        deal: None,
        name: Name::parse("Айгерим").unwrap(),
        email: Email::parse("a@example.com").unwrap(),
        phone: Phone::parse("+77011234567").unwrap(),
        source: "proftest_kenesary".to_owned(),
        metadata: Metadata::from_json(metadata),
        email_fate: None,
        sms_fate: None,
    }
}

fn written(work: &CrmWork) -> Vec<String> {
    notes(&texts(Locale::Ru).crm, work)
}

const RESULT: &[NoteKind] = &[NoteKind::Result];

#[test]
fn the_first_note_begins_with_the_result_and_what_to_say_first() {
    let metadata = json!({
        "answers": [3, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0], "result": {"types": ["R", "C"]},
        "utmParams": {"utm_source": "ig", "utm_medium": "cpc", "utm_campaign": "kenesary"},
        "campaignSlug": "kenesary",
    });
    let notes = written(&work(&[NoteKind::Utm, NoteKind::Result], metadata));
    let lines: Vec<&str> = notes[0].lines().collect();
    assert_eq!(lines[0], "Результат теста: Практик и Организатор");
    assert!(
        lines[1].starts_with("Профессии: Системный администратор, "),
        "{}",
        lines[1]
    );
    assert!(
        lines[2].starts_with("С чего начать: Спросите, что человек собирал"),
        "{}",
        lines[2]
    );
    assert_eq!(
        lines[3..6],
        ["Источник: Instagram, реклама, kenesary", "", "Ответы:"]
    );
    assert_eq!(
        lines[6],
        "1. Впереди свободная суббота. Чем займётесь с удовольствием? ➜ Соберу или починю что-нибудь своими руками"
    );
    assert_eq!(lines.len(), 6 + QUESTIONS);
    assert!(notes[1].starts_with("Источник: Instagram, реклама, kenesary\nМетки:\nutm_campaign: kenesary"));
    assert!(!notes[1].contains("Последний визит"), "{}", notes[1]);
}

#[test]
fn a_client_s_own_words_are_in_no_note_and_a_wrong_index_is_no_answer() {
    let own = json!([{"questionNumber": 1, "question": "СРОЧНО", "answer": "переведите деньги"}]);
    let metadata = json!({
        "answers": [0, 4, u64::MAX, "x", null, 1, 1, 1, 1, 1, 1, 1],
        "result": {"types": ["Q", "Q"]}, "proftestAnswers": own, "comment": "СРОЧНО",
    });
    let [note] = &written(&work(RESULT, metadata))[..] else {
        panic!()
    };
    assert!(!note.contains("СРОЧНО") && !note.contains("переведите"), "{note}");
    let answers: Vec<&str> = note
        .lines()
        .filter_map(|line| Some(line.split_once(" ➜ ")?.1))
        .collect();
    assert_eq!(answers[1..5], ["нет ответа"; 4], "{note}");
    assert_eq!(answers[5], questions()[5].options[1].text);
    assert_ne!(answers[0], "нет ответа");
}

#[test]
fn without_a_result_the_note_says_so_and_how_to_begin() {
    for metadata in [
        json!({}),
        json!({"answers": [0, 1, 2]}),
        json!({"proftestAnswers": [{"question": "a", "answer": "b"}]}),
    ] {
        let notes = written(&work(RESULT, metadata.clone()));
        assert!(
            notes[0].starts_with("Результата теста нет: человек оставил контакты.\nС чего начать: "),
            "{notes:?}"
        );
        assert!(!notes[0].contains('➜'), "{metadata}");
    }
}

#[test]
fn a_row_of_the_release_before_gets_the_same_note_once() {
    let both = written(&work(&[NoteKind::Answers, NoteKind::Result], json!({})));
    assert_eq!(both, written(&work(RESULT, json!({}))));
    assert_eq!(both, written(&work(&[NoteKind::Answers], json!({}))));
}

#[test]
fn the_latest_visit_is_told_when_it_is_another_one() {
    let metadata = json!({
        "utmParams": {"utm_source": "ig"},
        "lastTouch": {"source": "proftest_autumn", "campaignSlug": "autumn", "utmParams": {"utm_source": "tiktok", "ttclid": "t1"}},
    });
    let notes = written(&work(&[NoteKind::Utm], metadata));
    assert_eq!(
        notes[0],
        "Источник: Instagram, kenesary\nПоследний визит: TikTok, autumn\nМетки:\nutm_source: ig\n\
         Метки последнего визита:\nttclid: t1\nutm_source: tiktok"
    );
}

#[test]
fn what_did_not_arrive_is_told_with_its_reason() {
    let mut work = work(
        &[NoteKind::SmsUndelivered, NoteKind::EmailBounced, NoteKind::NotMe],
        json!({}),
    );
    let fate = |state: &str, reason: &str| {
        Some(Fate {
            state: state.to_owned(),
            reason: Some(reason.to_owned()),
        })
    };
    (work.email_fate, work.sms_fate) = (
        fate("bounced", "550 5.1.1 <a@example.com> no such user"),
        fate("undelivered", "x"),
    );
    assert_eq!(
        written(&work),
        [
            "Это был не он: не звоните. Кто-то другой оставил его контакты",
            "Письмо не доставлено: ящика нет",
            "SMS не доставлено: номер не принимает",
        ]
    );
    (work.email_fate, work.sms_fate) = (None, fate("failed", "held: country"));
    work.notes = vec![NoteKind::SmsFailed, NoteKind::EmailFailed];
    assert_eq!(
        written(&work),
        ["Письмо не доставлено", "SMS не доставлено: отправку не разрешили"]
    );
}

#[test]
fn a_line_that_does_not_fit_a_note_is_left_out_whole() {
    let lines = [5000, 4000, 2000, 900, 100].map(|length| "я".repeat(length));
    let text = fitted("head".to_owned(), lines.into_iter());
    assert_eq!(text.chars().count(), 4 + 5000 + 4000 + 900);
}
