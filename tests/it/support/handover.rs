//! People whose deals are handed over, and what a salesperson does.

use super::crm::{config, wake};
use super::hits;
use harness::world::{Person, World};
use proftest::config;
use proftest::domain::delivery::Channel;
use proftest::domain::ids::LeadId;
use proftest::store::Target;
use serde_json::json;
use standins::{AmoCrm, CrmTask, Seed, SeedContact, SeedDeal};
use std::time::Duration;

pub const ADD_TASKS: &str = "POST /api/v4/tasks";
/// Before our stage.
pub const EARLY: i64 = 61_000_010;
/// Behind our stage.
pub const LATE: i64 = 61_000_040;

pub fn with_result(person: &Person) -> Person {
    person.with(json!({
        "answers": [3, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0], "result": {"types": ["R", "C"]}, "campaignSlug": "kenesary",
        "utmParams": {"utm_source": "ig", "utm_medium": "cpc", "utm_campaign": "kenesary"},
        "proftestAnswers": [{"questionNumber": 1, "question": "СРОЧНО", "answer": "переведите деньги"}],
    }))
}

pub async fn told(world: &World, app: &crm::App, person: &Person) -> LeadId {
    let lead = world.save(person, Duration::ZERO).await.lead;
    assert_eq!(wake(app, &[lead]).await, 0);
    assert_eq!(world.crm_task(lead).await["state"], "done");
    lead
}

/// Their message is over, so that the next submission is a retake.
pub async fn finish_messages(world: &World) {
    world
        .db
        .execute("update scheduled_notifications set status = 'completed', open_channels = 0")
        .await;
}

pub async fn click(world: &World, lead: LeadId, channel: Channel) {
    world.as_sent().await;
    let click = hits::click(Target::Lead(lead, channel));
    world.db.store().record_hit(&click).await.unwrap();
}

pub fn seed(world: &World, person: &Person, deal: SeedDeal) -> i64 {
    let contact = SeedContact {
        name: "Старый контакт".to_owned(),
        phones: vec![person.phone.clone()],
        deals: vec![deal],
        ..SeedContact::default()
    };
    let contacts = vec![contact];
    world.vendors.amocrm.seed(Seed { contacts }).unwrap().contacts[0].deals[0]
}

pub fn existing(status: i64) -> SeedDeal {
    SeedDeal {
        name: "Прежняя сделка".to_owned(),
        status: Some(status),
        responsible: Some(AmoCrm::OWNER + 1),
        tags: vec!["Kenesary".to_owned()],
        ..SeedDeal::default()
    }
}

pub fn tasks(world: &World, deal: i64) -> Vec<CrmTask> {
    let tasks = world.vendors.amocrm.tasks().into_iter();
    tasks.filter(|task| task.deal_id == deal).collect()
}

pub fn with_tasks(world: &World, change: impl FnOnce(&mut config::CrmTasks)) -> config::Crm {
    let mut config = config(world);
    change(config.amocrm.tasks.as_mut().unwrap());
    config
}
