//! The account's arrangement, seeds and the board.

use serde_json::{Value, json};
use standins::{AmoCrm, Seed, SeedContact, SeedDeal};

use super::{Crm, ids, new_deal, person};

#[tokio::test]
async fn the_account_tells_its_pipelines() {
    let crm = Crm::start().await;
    let (_, answer) = crm.get("/api/v4/leads/pipelines").await;
    let pipelines = &answer["_embedded"]["pipelines"];
    assert_eq!(
        (&pipelines[0]["name"], &pipelines[0]["is_main"]),
        (&json!("Воронка"), &json!(true))
    );
    assert_eq!(
        (&pipelines[1]["id"], &pipelines[1]["is_main"]),
        (&json!(AmoCrm::FOREIGN_PIPELINE), &json!(false))
    );
    let names = |pipeline: &Value| -> Vec<(i64, String)> {
        let statuses = pipeline["_embedded"]["statuses"].as_array().unwrap();
        assert!(statuses.is_sorted_by_key(|status| status["sort"].as_i64()));
        let pair = |status: &Value| {
            (
                status["id"].as_i64().unwrap(),
                status["name"].as_str().unwrap().to_owned(),
            )
        };
        statuses.iter().map(pair).collect()
    };
    let main = names(&pipelines[0]);
    let stages: Vec<_> = main.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(
        stages[..4],
        [
            "Первичный контакт",
            "ЗАЯВКА_С_ПРОФТЕСТА",
            "Переговоры",
            "Счёт выставлен"
        ]
    );
    assert_eq!(main[1].0, AmoCrm::STATUS);
    for pipeline in [&main, &names(&pipelines[1])] {
        let last: Vec<_> = pipeline.iter().rev().take(2).map(|(id, _)| *id).collect();
        assert_eq!(last, [143, 142]);
    }
}

#[tokio::test]
async fn the_account_tells_its_fields_and_tags() {
    let crm = Crm::start().await;
    let (_, answer) = crm.get("/api/v4/leads/custom_fields?limit=250").await;
    let fields = answer["_embedded"]["custom_fields"].as_array().unwrap();
    let codes: Vec<_> = fields
        .iter()
        .map(|field| field["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        [
            "UTM_SOURCE",
            "UTM_MEDIUM",
            "UTM_CAMPAIGN",
            "UTM_CONTENT",
            "UTM_TERM",
            "PROFTEST_LEAD_ID",
            "SCORE"
        ]
    );
    assert_eq!(
        (&fields[5]["name"], &fields[5]["type"]),
        (&json!("proftest_lead_id"), &json!("text"))
    );

    assert_eq!(crm.get("/api/v4/leads/tags").await.0, 204);
    let tags = json!([{"name": "Профтест"}, {"name": "профтест"}]);
    crm.post("/api/v4/leads", &json!([{"_embedded": {"tags": tags}}]))
        .await;
    // Names that differ only in case are two tags.
    let (_, answer) = crm.get("/api/v4/leads/tags?query=ПРОФ").await;
    let found = ids(&answer, "tags");
    assert_eq!(found.len(), 2);
    assert_eq!(crm.get("/api/v4/leads/tags?query=другой").await.0, 204);
    let by_id = json!([{"_embedded": {"tags": [{"id": found[1]}]}}]);
    assert_eq!(crm.post("/api/v4/leads", &by_id).await.0, 200);
    assert_eq!(crm.vendor.deals()[1].tags, ["профтест"]);

    let (status, account) = crm.get("/api/v4/account").await;
    assert_eq!((status, account["id"].is_i64()), (200, true));
}

#[tokio::test]
async fn seeds_put_people_with_closed_foreign_and_advanced_deals() {
    let crm = Crm::start().await;
    let seed = json!({"contacts": [{
        "name": "Анна", "phones": ["8 701 123 45 67"], "emails": ["anna@mail.example"],
        "deals": [
            {"name": "Старая", "status": 143},
            {"name": "Партнёрская", "pipeline": "Партнёры", "status": "Договор"},
            {"name": "Дальше", "status": "Счёт выставлен", "tags": ["a"], "fields": {"UTM_SOURCE": "vk"}},
        ],
    }, {"name": "Никто"}]});
    let (status, seeded) = crm.post("/_seed", &seed).await;
    assert_eq!(status, 201);
    let deals = crm.vendor.deals();
    assert_eq!(
        seeded["contacts"][0]["deals"],
        json!(deals.iter().map(|deal| deal.id).collect::<Vec<_>>())
    );
    assert_eq!(seeded["contacts"][1]["deals"], json!([]));
    let places: Vec<_> = deals
        .iter()
        .map(|deal| (deal.pipeline, deal.status, deal.seeded))
        .collect();
    assert_eq!(
        places,
        [
            ("Воронка", "Закрыто и не реализовано", true),
            ("Партнёры", "Договор", true),
            ("Воронка", "Счёт выставлен", true),
        ]
    );
    assert_eq!(
        (deals[2].tags[0].as_str(), deals[2].fields["UTM_SOURCE"].as_str()),
        ("a", "vk")
    );
    let (_, found) = crm.get("/api/v4/contacts?query=7011234567&with=leads").await;
    assert_eq!(
        found["_embedded"]["contacts"][0]["_embedded"]["leads"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(crm.vendor.stats().accepted, 0);
}

#[tokio::test]
async fn a_seed_that_names_what_is_not_there_puts_nothing_in() {
    let crm = Crm::start().await;
    for (wrong, word) in [
        (
            json!({"contacts": [{"name": "x", "deals": [{"name": "y", "status": "Нет такого"}]}]}),
            "Нет такого",
        ),
        (
            json!({"contacts": [{"name": "x", "deals": [{"name": "y", "pipeline": 7}]}]}),
            "7",
        ),
        (
            json!({"contacts": [{"name": "x", "deals": [{"name": "y", "fields": {"UTM": "z"}}]}]}),
            "UTM",
        ),
        (json!({"people": []}), "people"),
    ] {
        let (status, answer) = crm.post("/_seed", &wrong).await;
        assert_eq!(status, 400);
        assert!(answer["error"].as_str().unwrap().contains(word), "{answer}");
    }
    assert!(crm.vendor.contacts().is_empty());
}

#[tokio::test]
async fn the_board_has_the_stages_with_their_deals() {
    let crm = Crm::start().await;
    crm.complex(&json!([new_deal()])).await;
    let deal = |name: &str, pipeline: i64| SeedDeal {
        name: name.to_owned(),
        pipeline: Some(pipeline.into()),
        status: Some("Первичный контакт".into()),
        ..SeedDeal::default()
    };
    let with_deals = SeedContact {
        deals: vec![
            deal("Своя", AmoCrm::PIPELINE),
            deal("Чужая", AmoCrm::FOREIGN_PIPELINE),
        ],
        ..person("Болат", "+77027654321")
    };
    crm.vendor
        .seed(Seed {
            contacts: vec![with_deals],
        })
        .unwrap();
    let (status, board) = crm.get("/_board").await;
    assert_eq!(status, 200);
    let names: Vec<_> = board
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "Первичный контакт",
            "ЗАЯВКА_С_ПРОФТЕСТА",
            "Переговоры",
            "Счёт выставлен",
            "Успешно реализовано",
            "Закрыто и не реализовано",
            "Партнёры: Первичный контакт",
        ]
    );
    let mut card = board[1]["deals"][0].clone();
    assert!(card["updated_at"].take().as_str().unwrap().ends_with('Z'));
    assert_eq!(
        card,
        json!({
            "title": "Профтест: Анна",
            "contact": "Анна",
            "lead": "0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708",
            "updated_at": null,
        })
    );
    assert_eq!(
        (&board[0]["deals"][0]["title"], &board[0]["deals"][0]["lead"]),
        (&json!("Своя"), &Value::Null)
    );
    assert_eq!(board[6]["deals"][0]["title"], "Чужая");
    assert_eq!(board[2]["deals"], json!([]));
}
