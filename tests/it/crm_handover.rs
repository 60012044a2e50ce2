//! What the sales team is handed: the result first, a task, tags, and a deal that only a click moves.

use crate::support::crm::{drain, wake, worker};
use crate::support::handover::{
    EARLY, LATE, click, existing, finish_messages, seed, tasks, told, with_result,
};
use harness::world::{Person, Vendor, Waiting, World, run};
use proftest::domain::delivery::{Channel, Doubt, Outcome};
use proftest::store::Fence;
use serde_json::{Value, json};
use standins::{AmoCrm, Mode};
use std::time::Duration;

#[test]
fn a_new_deal_is_handed_over_whole_in_one_call_for_notes_and_one_for_tasks() {
    run(async {
        let world = World::new().await;
        let app = worker(&world).await;
        let mut leads = Vec::new();
        for _ in 0..10 {
            leads.push(
                world
                    .save(&with_result(&Person::new()), Duration::ZERO)
                    .await
                    .lead,
            );
        }
        assert_eq!(wake(&app, &leads).await, 0);
        // The pipelines; a search and a creation each; the notes and the tasks of all.
        assert_eq!(world.vendors.amocrm.stats().requests, 1 + 10 * 2 + 2);
        for lead in &leads {
            let deal = world.deal(*lead).await;
            let first = &deal.notes[0].text;
            let lines: Vec<&str> = first.lines().collect();
            assert_eq!(lines[0], "Результат теста: Практик и Организатор");
            assert_eq!(lines[3], "Источник: Instagram, реклама, kenesary");
            assert!(
                lines[6].ends_with(" ➜ Соберу или починю что-нибудь своими руками"),
                "{first}"
            );
            let all = format!("{:?}", deal.notes);
            assert!(!all.contains("СРОЧНО") && !all.contains("переведите"), "{all}");
            assert_eq!((deal.notes.len(), deal.tasks.len()), (2, 1));
            assert_eq!(
                deal.tasks[0].text,
                proftest::texts::texts(proftest::texts::Locale::Ru).crm.task
            );
        }
        let steps = "select detail ->> 'step' as step, count(*) from lead_events where what = 'crm' group by 1 order by 1";
        let steps = world.db.rows(steps).await;
        assert_eq!(
            json!(steps),
            json!([{"step": "deal", "count": 10}, {"step": "notes", "count": 10}, {"step": "task", "count": 10}])
        );
    });
}

#[test]
fn a_deal_with_an_open_task_gets_no_second_one_and_a_retake_adds_its_tag() {
    run(async {
        let world = World::new().await;
        let (app, person) = (worker(&world).await, with_result(&Person::new()));
        let lead = told(&world, &app, &person).await;
        let deal = world.deal(lead).await.id;
        finish_messages(&world).await;
        let touch = json!({"source": "proftest_autumn", "campaignSlug": "autumn", "utmParams": {"utm_source": "tiktok"}});
        let again =
            person.with(json!({"lastTouch": touch, "answers": vec![1; 12], "result": {"types": ["A", "I"]}}));
        assert_eq!(told(&world, &app, &again).await, lead);
        let found = world.deal(lead).await;
        assert_eq!(
            (found.id, found.tasks.len()),
            (deal, 1),
            "the first task is still open"
        );
        assert_eq!(found.tags, ["kenesary", "autumn"]);
        let notes: Vec<&str> = found.notes.iter().map(|note| note.text.as_str()).collect();
        assert!(
            notes[2].starts_with("Результат теста: Творец и Исследователь\n"),
            "{notes:?}"
        );
        assert!(
            notes[3].starts_with("Источник: Instagram, реклама, kenesary\nПоследний визит: TikTok, autumn\n"),
            "{notes:?}"
        );
        // The salesperson has called; the next time there is something to do again.
        world
            .vendors
            .amocrm
            .change_tasks(|tasks| tasks[0].is_completed = true);
        finish_messages(&world).await;
        told(&world, &app, &again).await;
        let found = world.deal(lead).await;
        assert_eq!((found.tasks.len(), found.tags.len()), (2, 2));
    });
}

#[test]
fn a_deal_that_was_there_moves_only_after_a_human_click() {
    run(async {
        let world = World::new().await;
        let (app, person) = (worker(&world).await, with_result(&Person::new()));
        let deal = seed(&world, &person, existing(EARLY));
        let lead = told(&world, &app, &person).await;
        let found = world.deal(lead).await;
        assert_eq!(
            (found.id, found.status_id),
            (deal, EARLY),
            "anybody can type a phone"
        );
        assert_eq!(
            found.fields["UTM_SOURCE"], "ig",
            "empty fields are filled all the same"
        );
        assert_eq!(
            found.tags,
            ["Kenesary"],
            "a tag that is there in another case is there"
        );
        assert_eq!((found.notes.len(), found.tasks.len()), (2, 1));
        let before = world.vendors.amocrm.stats().requests;
        click(&world, lead, Channel::Sms).await;
        wake(&app, &[lead]).await;
        assert_eq!(world.deal(lead).await.status_id, AmoCrm::STATUS);
        // The deal, its change, and the note.
        assert_eq!(world.vendors.amocrm.stats().requests - before, 3);
        click(&world, lead, Channel::Email).await;
        wake(&app, &[lead]).await;
        assert_eq!(world.vendors.amocrm.stats().requests - before, 4, "only the note");
        assert_eq!(tasks(&world, deal).len(), 1);
    });
}

#[test]
fn a_click_moves_no_deal_that_the_sales_team_has_moved_on_or_closed() {
    run(async {
        for status in [LATE, 143] {
            let world = World::new().await;
            let (app, person) = (worker(&world).await, Person::new());
            let deal = seed(&world, &person, existing(EARLY));
            let lead = told(&world, &app, &person).await;
            world.vendors.amocrm.move_deal(deal, status);
            click(&world, lead, Channel::Email).await;
            wake(&app, &[lead]).await;
            assert_eq!(world.deal(lead).await.status_id, status);
            assert_eq!(world.crm_task(lead).await["state"], "done");
        }
    });
}

#[test]
fn a_retake_after_a_click_moves_the_open_deal_at_once() {
    run(async {
        let world = World::new().await;
        let (app, person) = (worker(&world).await, Person::new());
        let lead = world.save(&person, Duration::ZERO).await.lead;
        click(&world, lead, Channel::Email).await;
        seed(&world, &person, existing(EARLY));
        wake(&app, &[lead]).await;
        assert_eq!(world.deal(lead).await.status_id, AmoCrm::STATUS);
    });
}

#[test]
fn one_deal_that_is_gone_does_not_keep_the_others_from_their_notes_and_tasks() {
    run(async {
        let world = World::new().await;
        let app = worker(&world).await;
        let leads = world.leads(4).await;
        wake(&app, &leads).await;
        // All four click, and somebody deletes a deal.
        let gone = world.deal(leads[1]).await.id;
        for lead in &leads {
            click(&world, *lead, Channel::Sms).await;
        }
        world.vendors.amocrm.delete_deal(gone);
        wake(&app, &leads).await;
        for (place, lead) in leads.iter().enumerate() {
            let row = world.crm_task(*lead).await;
            let expected = if place == 1 { "failed" } else { "done" };
            assert_eq!(row["state"], expected, "{row}");
            if place != 1 {
                let notes = world.deal(*lead).await.notes;
                let clicks = notes.iter().filter(|note| note.text.contains("SMS"));
                assert_eq!(clicks.count(), 1, "{notes:?}");
            }
        }
    });
}

async fn give_up(world: &World, waiting: &Waiting, channel: Channel, reason: &str) {
    let claim = format!(
        "update deliveries set state = 'sending', attempt = 1 where notification_id = '{}' and channel = '{}'",
        waiting.id,
        channel.as_str()
    );
    world.db.execute(&claim).await;
    let failed = Outcome::Failed {
        reason: reason.to_owned(),
    };
    let store = world.db.store_as("deliver");
    let recorded = store.record(waiting.id, channel, 1, &failed, Doubt::Keep).await;
    assert_eq!(recorded.unwrap(), Fence::Held);
}

#[test]
fn a_channel_that_was_given_up_is_told_with_its_reason_in_our_words() {
    run(async {
        let world = World::new().await;
        let (app, person) = (worker(&world).await, Person::new());
        let waiting = world.save(&person, Duration::ZERO).await;
        wake(&app, &[waiting.lead]).await;
        give_up(&world, &waiting, Channel::Sms, "mobizon code 1").await;
        give_up(&world, &waiting, Channel::Email, "resend 422 invalid_parameter").await;
        let row = world.work(&waiting, Vendor::AmoCrm).await;
        assert_eq!(
            (&row["state"], &row["pending_notes"]),
            (&json!("pending"), &json!(["sms_failed", "email_failed"]))
        );
        assert_eq!(world.open_in_crm().await, [waiting.lead]);
        wake(&app, &[waiting.lead]).await;
        let notes = world.notes(world.deal(waiting.lead).await.id);
        assert_eq!(
            notes[2..],
            [
                "Письмо не доставлено: почтовая служба не принимает такой адрес",
                "SMS не доставлено: на такой номер SMS не отправить",
            ]
        );
    });
}

#[test]
fn what_other_statements_ask_for_becomes_a_note() {
    run(async {
        let world = World::new().await;
        let app = worker(&world).await;
        let waiting = world.lead().await;
        wake(&app, &[waiting.lead]).await;
        let changes = "update deliveries set state = case channel when 'email' then 'bounced' else state end;
             update crm_tasks set state = 'pending', revision = revision + 1, next_attempt_at = now(),
                 pending_notes = '{unsubscribed,email_bounced,not_me,answers}'";
        world.db.execute(changes).await;
        wake(&app, &[waiting.lead]).await;
        let notes = world.notes(world.deal(waiting.lead).await.id);
        let begins: Vec<&str> = notes[2..]
            .iter()
            .map(|note| note.split([':', '.']).next().unwrap())
            .collect();
        assert_eq!(
            begins,
            [
                "Результата теста нет",
                "Это был не он",
                "Отписался",
                "Письмо не доставлено"
            ]
        );
        assert_eq!(world.crm_task(waiting.lead).await["pending_notes"], json!([]));
    });
}

#[test]
fn what_stops_a_task_is_in_the_lead_s_story_once() {
    run(async {
        let world = World::new().await;
        let app = worker(&world).await;
        let lead = world.lead().await.lead;
        let refused = Mode::Status {
            status: 500,
            name: None,
            retry_after: None,
        };
        world.break_crm("POST /api/v4/leads/complex", refused, Some(2), None);
        drain(&world, &[app], Duration::from_secs(20)).await;
        let sql =
            format!("select detail from lead_events where lead_id = '{lead}' and what = 'crm' order by id");
        let told: Vec<Value> = world.db.rows(&sql).await;
        let steps: Vec<&str> = told
            .iter()
            .map(|row| row["detail"]["step"].as_str().unwrap())
            .collect();
        assert_eq!(steps, ["retry", "retry", "deal", "notes", "task"]);
        assert_eq!(told[0]["detail"]["reason"], "amocrm 500 Internal_Server_Error");
    });
}
