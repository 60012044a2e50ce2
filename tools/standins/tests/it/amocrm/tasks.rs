//! Tasks on deals, and the users whose they are.

use serde_json::{Value, json};
use standins::AmoCrm;

use super::{changed, crm, new_deal, wrong};

fn task_on(deal: i64) -> Value {
    json!({
        "task_type_id": 1, "text": "Позвонить", "complete_till": 1_800_000_000, "entity_id": deal, "entity_type": "leads",
        "responsible_user_id": AmoCrm::OWNER + 1, "request_id": "lead",
    })
}

#[tokio::test]
async fn tasks_are_made_listed_and_show_on_their_deal() {
    let crm = crm().await;
    crm.complex(&json!([
        new_deal(),
        changed("/responsible_user_id", json!(AmoCrm::OWNER + 2))
    ]))
    .await;
    let [first, second] = [0, 1].map(|n| crm.vendor.deals()[n].id);
    let mut without_user = task_on(second);
    without_user
        .as_object_mut()
        .unwrap()
        .remove("responsible_user_id");
    let (status, answer) = crm
        .post("/api/v4/tasks", &json!([task_on(first), without_user]))
        .await;
    assert_eq!(status, 200);
    let made = answer["_embedded"]["tasks"].as_array().unwrap();
    assert_eq!((made.len(), &made[0]["request_id"]), (2, &json!("lead")));
    let tasks = crm.vendor.tasks();
    assert_eq!(json!(tasks[0].id), made[0]["id"]);
    assert_eq!(
        (tasks[0].responsible, tasks[1].responsible),
        (AmoCrm::OWNER + 1, AmoCrm::OWNER)
    );

    let list = format!(
        "/api/v4/tasks?filter[entity_type]=leads&filter[entity_id][]={first}&order[id]=desc&limit=250"
    );
    let (_, found) = crm.get(&list).await;
    let found = &found["_embedded"]["tasks"];
    assert_eq!(
        (found.as_array().unwrap().len(), &found[0]["entity_id"]),
        (1, &json!(first))
    );
    assert_eq!(
        (&found[0]["is_completed"], &found[0]["text"]),
        (&json!(false), &json!("Позвонить"))
    );

    let deals = format!("/api/v4/leads?filter[id][]={first}&filter[id][]={second}");
    let of_deal = |answer: &Value, key: &str| answer["_embedded"]["leads"][0][key].clone();
    let (_, shown) = crm.get(&deals).await;
    assert_eq!(of_deal(&shown, "closest_task_at"), 1_800_000_000);
    assert_eq!(of_deal(&shown, "responsible_user_id"), AmoCrm::OWNER);
    crm.vendor.change_tasks(|tasks| tasks[0].is_completed = true);
    let (_, shown) = crm.get(&deals).await;
    assert_eq!(of_deal(&shown, "closest_task_at"), Value::Null);
    let board = json!(crm.vendor.board());
    let card = &board[1]["deals"];
    let of_second = card
        .as_array()
        .unwrap()
        .iter()
        .find(|card| card["tasks"] != json!([]));
    assert_eq!(
        of_second.unwrap()["tasks"],
        json!([{"text": "Позвонить", "until": "2027-01-15T08:00:00Z", "user": "Администратор"}])
    );
    let (_, users) = crm.get("/api/v4/users?limit=250").await;
    assert_eq!(users["_embedded"]["users"][0]["id"], AmoCrm::OWNER);
}

#[tokio::test]
async fn a_task_needs_a_text_a_time_and_a_deal_that_exist() {
    let crm = crm().await;
    crm.complex(&json!([new_deal()])).await;
    let deal = crm.only().id;
    let with = |key: &str, value: Value| {
        let mut task = task_on(deal);
        let fields = task.as_object_mut().unwrap();
        match value {
            Value::Null => fields.remove(key),
            value => fields.insert(key.to_owned(), value),
        };
        task
    };
    for (body, code, at) in [
        (with("text", Value::Null), "FieldMissing", "text"),
        (with("text", json!("")), "NotBlank", "text"),
        (
            with("complete_till", Value::Null),
            "FieldMissing",
            "complete_till",
        ),
        // Milliseconds.
        (
            with("complete_till", json!(1_800_000_000_000_i64)),
            "NotSupportedChoice",
            "complete_till",
        ),
        (
            with("complete_till", json!("1800000000")),
            "InvalidType",
            "complete_till",
        ),
        (with("entity_id", json!(1)), "NotSupportedChoice", "entity_id"),
        (with("entity_type", Value::Null), "FieldMissing", "entity_type"),
        (
            with("entity_type", json!("deals")),
            "NotSupportedChoice",
            "entity_type",
        ),
        (
            with("task_type_id", json!(3)),
            "NotSupportedChoice",
            "task_type_id",
        ),
        (
            with("responsible_user_id", json!(5)),
            "NotSupportedChoice",
            "responsible_user_id",
        ),
        (with("deadline", json!(5)), "FieldNotExpected", "deadline"),
    ] {
        let answer = crm.post("/api/v4/tasks", &json!([task_on(deal), body])).await;
        let (status, mut answer) = answer;
        // The wrong one is the second: neither is made.
        assert_eq!(answer["validation-errors"][0]["request_id"], "1", "{answer}");
        answer["validation-errors"][0]["request_id"] = json!("0");
        assert_eq!(wrong((status, answer)), (code.into(), at.into()));
    }
    assert!(crm.vendor.tasks().is_empty());
}

#[tokio::test]
async fn tasks_are_listed_by_deals_and_a_user_must_exist() {
    let crm = crm().await;
    for query in [
        "",
        "?filter[entity_id][]=1",
        "?filter[entity_type]=leads&filter[entity_id][]=1",
    ] {
        assert_eq!(crm.get(&format!("/api/v4/tasks{query}")).await.0, 400, "{query}");
    }
    let unknown_user = changed("/responsible_user_id", json!(5));
    let answer = crm.complex(&json!([unknown_user])).await;
    assert_eq!(
        wrong(answer),
        ("NotSupportedChoice".into(), "responsible_user_id".into())
    );
}
