//! Mobizon's contract.

use std::time::Duration;

use serde_json::json;

use crate::{MOBIZON_KEY, id, parsed, sms, sms_with};

const PHONE: &str = "77001234567";

#[tokio::test]
async fn an_sms_is_accepted_and_ids_come_in_both_types() {
    let sms = sms_with(|options| options.senders = vec!["OnAI".to_owned()]).await;
    let first = sms.send(PHONE, "Ваши результаты готовы! https://x.kz/l/1").await;
    let form = [
        ("recipient", PHONE),
        ("text", "Қайырлы күн + & ?"),
        ("from", "OnAI"),
    ];
    let second = sms.data("message/sendsmsmessage", &form).await;
    assert_eq!((&first["status"], &second["status"]), (&json!(2), &json!(2)));
    assert!(first["messageId"].is_string() && first["campaignId"].is_string());
    assert!(second["messageId"].is_i64() && second["campaignId"].is_i64());
    assert_ne!(id(&first["messageId"]), id(&second["messageId"]));

    let list = sms.control("/_sent").await;
    assert_eq!(list[0]["message_id"], id(&first["messageId"]));
    assert_eq!(
        json!([
            list[1]["text"],
            list[1]["from"],
            list[1]["recipient"],
            list[1]["segments"]
        ]),
        json!(["Қайырлы күн + & ?", "OnAI", PHONE, 1])
    );
    assert!(list[1]["accepted_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(sms.vendor.stats().accepted, 2);
}

#[tokio::test]
async fn the_envelope_is_checked() {
    let sms = sms().await;
    let send = "/service/message/sendsmsmessage";
    for (path, code) in [
        (format!("{send}?output=json&api=v1&apiKey=other"), 8),
        (format!("{send}?output=json&api=v1"), 8),
        (format!("{send}?output=xml&api=v1&apiKey={MOBIZON_KEY}"), 6),
        (format!("{send}?api=v1&apiKey={MOBIZON_KEY}"), 11),
        (format!("{send}?output=json&apiKey={MOBIZON_KEY}"), 11),
        (format!("{send}?output=json&api=v2&apiKey={MOBIZON_KEY}"), 12),
        (
            format!("/service/letter/send?output=json&api=v1&apiKey={MOBIZON_KEY}"),
            4,
        ),
        (
            format!("/service/message/send?output=json&api=v1&apiKey={MOBIZON_KEY}"),
            5,
        ),
    ] {
        let form = [("recipient", PHONE), ("text", "a"), ("apiKey", MOBIZON_KEY)];
        let (status, answer) = parsed(sms.client.post(sms.url(&path)).form(&form)).await;
        assert_eq!((status, &answer["code"]), (200, &json!(code)), "{path}");
    }
    let elsewhere = sms.client.get(sms.url("/")).send().await.unwrap();
    assert_eq!(elsewhere.status(), 404);
    let url = sms.service("message/sendsmsmessage") + "&recipient=77001234567&text=a";
    assert_eq!(parsed(sms.client.get(url)).await.1["code"], 12);
    assert_eq!(sms.vendor.stats().rejected["8"], 2);
    assert!(sms.vendor.sent().is_empty());
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let sms = sms_with(|options| options.senders = vec!["OnAI".to_owned()]).await;
    let good = [("recipient", PHONE), ("text", "a")];
    for (field, value) in [
        ("recipient", "+77001234567"),
        ("recipient", "7700 1234567"),
        ("recipient", "7700123"),
        ("recipient", "7700123456700000"),
        ("recipient", ""),
        ("text", ""),
        ("from", "Other"),
        ("from", ""),
        ("params[validity]", "60"),
        ("sender", "OnAI"),
    ] {
        let mut form: Vec<_> = good.iter().copied().filter(|(name, _)| *name != field).collect();
        form.push((field, value));
        let answer = sms.call("message/sendsmsmessage", &form).await;
        assert_eq!(answer["code"], 1, "{field}={value}");
        assert!(answer["data"][field].is_string(), "{answer}");
    }
    let twice = [good[0], good[0], good[1]];
    assert_eq!(sms.call("message/sendsmsmessage", &twice).await["code"], 1);
    let as_json = sms.client.post(sms.service("message/sendsmsmessage"));
    let (_, answer) = parsed(as_json.json(&json!({"recipient": PHONE, "text": "a"}))).await;
    assert_eq!(answer["code"], 1);
    assert!(sms.vendor.sent().is_empty());
}

#[tokio::test]
async fn the_list_finds_by_number_and_text() {
    let sms = sms().await;
    let first = sms.send(PHONE, "код 1").await;
    sms.send(PHONE, "код 12").await;
    sms.send("77019999999", "код 1").await;

    let found = sms
        .list(&[("criteria[to]", PHONE), ("criteria[text]", "код 1")])
        .await;
    assert_eq!(found.len(), 1);
    assert_eq!(id(&found[0]["id"]), id(&first["messageId"]));
    assert_eq!(id(&found[0]["campaignId"]), id(&first["campaignId"]));
    assert_eq!(
        json!([found[0]["to"], found[0]["text"], found[0]["status"]]),
        json!([PHONE, "код 1", "ACCEPTD"])
    );

    let part_of_number = sms.list(&[("criteria[to]", "7701")]).await;
    let part_of_text = sms.list(&[("criteria[text]", "код")]).await;
    assert_eq!((part_of_number.len(), part_of_text.len()), (1, 0));

    for (name, value) in [
        ("criteria[number]", PHONE),
        ("pagination[pageSize]", "10"),
        ("pagination[currentPage]", "-1"),
        ("sort[campaignId]", "up"),
    ] {
        let answer = sms.call("message/list", &[(name, value)]).await;
        assert_eq!(answer["code"], 12, "{name}");
    }
}

#[tokio::test]
async fn the_list_is_paged_from_zero_newest_first() {
    let sms = sms().await;
    for n in 0..27 {
        sms.send(PHONE, &format!("n{n}")).await;
    }
    let mut texts = Vec::new();
    for (page, length) in [("0", 25), ("1", 2), ("2", 0)] {
        let form = [
            ("pagination[currentPage]", page),
            ("pagination[pageSize]", "25"),
            ("sort[campaignId]", "DESC"),
        ];
        let data = sms.data("message/list", &form).await;
        assert_eq!(data["totalItemCount"], "27");
        let items = data["items"].as_array().unwrap();
        assert_eq!(items.len(), length);
        texts.extend(items.iter().map(|item| item["text"].clone()));
    }
    let expected: Vec<_> = (0..27).rev().map(|n| json!(format!("n{n}"))).collect();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn the_list_may_lag_behind_and_ignore_the_text() {
    let sms = sms_with(|options| {
        options.list_lag = Duration::from_millis(800);
        options.deaf_to_text = true;
    })
    .await;
    sms.send(PHONE, "a").await;
    sms.vendor.send_for_others(PHONE, "b");
    let criteria = [("criteria[to]", PHONE), ("criteria[text]", "a")];
    assert_eq!(sms.list(&criteria).await.len(), 0);
    tokio::time::sleep(Duration::from_millis(850)).await;
    assert_eq!(sms.list(&criteria).await.len(), 2);
}

#[tokio::test]
async fn statuses_change_and_unknown_ids_are_left_out() {
    let sms = sms_with(|options| options.delivered_after = Duration::from_secs(1)).await;
    let first = id(&sms.send(PHONE, &"я".repeat(71)).await["messageId"]).to_string();
    let second = id(&sms.send(PHONE, "a").await["messageId"]).to_string();
    let call = "message/getsmsstatus";
    let csv = sms.data(call, &[("ids", &format!("{first},1"))]).await;
    assert_eq!(csv.as_array().unwrap().len(), 1);
    assert_eq!(json!([csv[0]["status"], csv[0]["segNum"]]), json!(["ACCEPTD", 2]));
    let at = sms.vendor.sent()[0].accepted_at;
    let at = at.strftime("%Y-%m-%d %H:%M:%S").to_string();
    assert_eq!(csv[0]["startSendTs"], at);

    tokio::time::sleep(Duration::from_millis(1050)).await;
    let array = sms.data(call, &[("ids[]", &first), ("ids[1]", &second)]).await;
    assert_eq!(array.as_array().unwrap().len(), 2);
    assert_eq!(array[1]["status"], "DELIVRD");

    assert_eq!(sms.call(call, &[]).await["code"], 2);
    let many = (0..101).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    assert_eq!(sms.call(call, &[("ids", &many)]).await["code"], 12);
}

#[tokio::test]
async fn the_balance_and_the_senders_are_told() {
    let sms = sms_with(|options| options.senders = vec!["OnAI".to_owned()]).await;
    assert_eq!(
        sms.data("user/getownbalance", &[]).await,
        json!({"balance": "190.4280", "currency": "KZT"})
    );
    assert_eq!(
        sms.data("alphaname/list", &[]).await["items"][0]["alphaname"]["name"],
        "OnAI"
    );
}
