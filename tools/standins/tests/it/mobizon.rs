//! Mobizon's contract.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ToSpan, tz::Offset};
use serde_json::{Value, json};

use crate::{MOBIZON_KEY, Sms, id, parsed};

const PHONE: &str = "77001234567";

fn local_time(at: Timestamp, zone: Offset) -> String {
    zone.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[tokio::test]
async fn an_sms_is_accepted_and_ids_come_in_both_types() {
    let sms = Sms::start().await;
    let first = sms.send(PHONE, "Ваши результаты готовы! https://x.kz/l/1").await;
    let second = sms.send(PHONE, "Ваши результаты готовы! https://x.kz/l/2").await;
    assert_eq!(
        (first["status"].as_i64(), second["status"].as_i64()),
        (Some(2), Some(2))
    );
    assert!(first["messageId"].is_string() && first["campaignId"].is_string());
    assert!(second["messageId"].is_i64() && second["campaignId"].is_i64());
    assert_ne!(id(&first["messageId"]), id(&second["messageId"]));

    let list: Value = sms
        .client
        .get(format!("{}/_sent", sms.running.url()))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(list[0]["message_id"], id(&first["messageId"]));
    assert_eq!(list[1]["text"], "Ваши результаты готовы! https://x.kz/l/2");
    assert_eq!(list[1]["recipient"], PHONE);
    assert_eq!(list[1]["segments"], 1);
    assert!(list[1]["accepted_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(sms.vendor.stats().accepted, 2);
    sms.vendor.clear();
    assert!(sms.vendor.sent().is_empty());
}

#[tokio::test]
async fn the_path_ignores_case_and_all_parameters_arrive() {
    let sms = Sms::with(|options| options.senders = vec!["OnAI".to_owned()]).await;
    let form = [
        ("recipient", PHONE),
        ("text", "Қайырлы күн + & ?"),
        ("from", "OnAI"),
        ("params[name]", "n1"),
        ("params[validity]", "1440"),
        ("params[shortenLinks]", "0"),
    ];
    assert_eq!(sms.call("Message/SendSmsMessage", &form).await["code"], 0);
    let sent = sms.only();
    assert_eq!(
        (sent.text.as_str(), sent.from.as_deref()),
        ("Қайырлы күн + & ?", Some("OnAI"))
    );
    assert_eq!(sent.params["validity"], "1440");
}

#[tokio::test]
async fn the_envelope_is_checked() {
    let sms = Sms::start().await;
    let base = sms.running.url();
    let send = "service/message/sendsmsmessage";
    for (path, code) in [
        (format!("{send}?output=json&api=v1&apiKey=other"), 8),
        (format!("{send}?output=json&api=v1"), 8),
        (format!("{send}?output=xml&api=v1&apiKey={MOBIZON_KEY}"), 6),
        (format!("{send}?api=v1&apiKey={MOBIZON_KEY}"), 11),
        (format!("{send}?output=json&apiKey={MOBIZON_KEY}"), 11),
        (format!("{send}?output=json&api=v2&apiKey={MOBIZON_KEY}"), 12),
        (
            format!("service/letter/send?output=json&api=v1&apiKey={MOBIZON_KEY}"),
            4,
        ),
        (
            format!("service/message/send?output=json&api=v1&apiKey={MOBIZON_KEY}"),
            5,
        ),
    ] {
        let request = sms.client.post(format!("{base}/{path}"));
        let form = request.form(&[("recipient", PHONE), ("text", "a"), ("apiKey", MOBIZON_KEY)]);
        let (status, answer) = parsed(form.send().await.unwrap()).await;
        assert_eq!((status, &answer["code"]), (200, &json!(code)), "{path}");
    }
    assert_eq!(
        sms.client.get(format!("{base}/")).send().await.unwrap().status(),
        404
    );
    let by_get = sms
        .client
        .get(sms.url("message/sendsmsmessage") + "&recipient=77001234567&text=a");
    assert_eq!(parsed(by_get.send().await.unwrap()).await.1["code"], 12);
    assert_eq!(sms.vendor.stats().rejected["8"], 2);
    assert!(sms.vendor.sent().is_empty());
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let sms = Sms::with(|options| options.senders = vec!["OnAI".to_owned()]).await;
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
        ("params[validity]", "59"),
        ("params[validity]", "1441"),
        ("params[shortenLinks]", "yes"),
        ("params[deferredToTs]", "tomorrow"),
        ("params[deferredToTs]", "2020-01-01 00:00:00"),
        ("params[name]", ""),
        ("params[unknown]", "1"),
        ("sender", "OnAI"),
    ] {
        let mut form: Vec<_> = good.iter().copied().filter(|(name, _)| *name != field).collect();
        form.push((field, value));
        let answer = sms.call("message/sendsmsmessage", &form).await;
        assert_eq!(answer["code"], 1, "{field}={value}");
        assert!(answer["data"][field].is_string(), "{answer}");
    }
    let twice = sms
        .call("message/sendsmsmessage", &[good[0], good[0], good[1]])
        .await;
    assert_eq!(twice["code"], 1);
    let as_json = sms
        .client
        .post(sms.url("message/sendsmsmessage"))
        .json(&json!({"recipient": PHONE, "text": "a"}));
    assert_eq!(parsed(as_json.send().await.unwrap()).await.1["code"], 1);
    assert!(sms.vendor.sent().is_empty());

    let later = local_time(Timestamp::now() + 2.hours(), Offset::UTC);
    let answer = sms
        .call(
            "message/sendsmsmessage",
            &[good[0], good[1], ("params[deferredToTs]", &later)],
        )
        .await;
    assert_eq!(answer["code"], 0);
}

#[tokio::test]
async fn the_list_finds_by_number_text_and_time() {
    let sms = Sms::start().await;
    let zone = Offset::UTC;
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
        (&found[0]["to"], &found[0]["text"]),
        (&json!(PHONE), &json!("код 1"))
    );
    assert_eq!(found[0]["status"], "ACCEPTD");
    assert_eq!(
        found[0]["startSendTs"].as_str().unwrap().len(),
        "2026-01-01 00:00:00".len()
    );

    assert_eq!(
        sms.list(&[("criteria[to]", "7701")]).await.len(),
        1,
        "a part of the number will do"
    );
    assert_eq!(
        sms.list(&[("criteria[text]", "код")]).await.len(),
        0,
        "a part of the text will not"
    );

    let past = local_time(Timestamp::now() - 1.minutes(), zone);
    let future = local_time(Timestamp::now() + 1.minutes(), zone);
    assert_eq!(
        sms.list(&[("criteria[campaignCreateTsFrom]", &past)]).await.len(),
        3
    );
    assert_eq!(
        sms.list(&[("criteria[campaignCreateTsFrom]", &future)])
            .await
            .len(),
        0
    );
    assert_eq!(
        sms.list(&[("criteria[campaignCreateTsTo]", &past)]).await.len(),
        0
    );
    assert_eq!(sms.list(&[("criteria[status]", "DELIVRD")]).await.len(), 0);

    for (name, value) in [
        ("criteria[campaignCreateTsFrom]", "2026-01-01T00:00:00Z"),
        ("criteria[number]", PHONE),
        ("pagination[pageSize]", "10"),
        ("pagination[currentPage]", "-1"),
        ("sort[campaignId]", "up"),
    ] {
        assert_eq!(
            sms.call("message/list", &[(name, value)]).await["code"],
            12,
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_list_is_paged_from_zero_sorted_and_answers_get_too() {
    let sms = Sms::start().await;
    for n in 0..27 {
        sms.send(PHONE, &format!("n{n}")).await;
    }
    let page = |page: &'static str, order: &'static str| {
        let form = [
            ("pagination[currentPage]", page),
            ("pagination[pageSize]", "25"),
            ("sort[campaignId]", order),
        ];
        let call = sms.client.post(sms.url("message/list")).form(&form).send();
        async { parsed(call.await.unwrap()).await.1["data"].take() }
    };
    let (first, second, third) = (
        page("0", "ASC").await,
        page("1", "ASC").await,
        page("2", "ASC").await,
    );
    assert_eq!(first["totalItemCount"], "27");
    let lengths: Vec<_> = [&first, &second, &third]
        .map(|page| page["items"].as_array().unwrap().len())
        .into();
    assert_eq!(lengths, [25, 2, 0]);
    assert_eq!(
        (&first["items"][0]["text"], &second["items"][1]["text"]),
        (&json!("n0"), &json!("n26"))
    );
    assert_eq!(page("0", "DESC").await["items"][0]["text"], "n26");

    let by_get = sms.client.get(sms.url("Message/List") + "&criteria%5Btext%5D=n7");
    let (_, answer) = parsed(by_get.send().await.unwrap()).await;
    assert_eq!(answer["data"]["totalItemCount"], "1");
}

#[tokio::test]
async fn the_list_may_lag_behind_and_speak_another_zone() {
    let zone = Offset::constant(5);
    let sms = Sms::with(|options| {
        options.list_lag = Duration::from_millis(800);
        options.zone = zone;
    })
    .await;
    sms.send(PHONE, "a").await;
    assert_eq!(sms.list(&[]).await.len(), 0);
    tokio::time::sleep(Duration::from_millis(850)).await;
    let found = sms.list(&[]).await;
    assert_eq!(found.len(), 1);
    let accepted = sms.only().accepted_at;
    assert_eq!(found[0]["startSendTs"], local_time(accepted, zone));
    let from = local_time(accepted + SignedDuration::from_secs(1), zone);
    assert_eq!(
        sms.list(&[("criteria[campaignCreateTsFrom]", &from)]).await.len(),
        0
    );
}

#[tokio::test]
async fn statuses_change_and_unknown_ids_are_left_out() {
    let sms = Sms::with(|options| options.delivered_after = Duration::from_secs(1)).await;
    let text = "я".repeat(71);
    let first = id(&sms.send(PHONE, &text).await["messageId"]).to_string();
    let second = id(&sms.send(PHONE, "a").await["messageId"]).to_string();
    let call = |form: Vec<(String, String)>| {
        let call = sms
            .client
            .post(sms.url("message/getsmsstatus"))
            .form(&form)
            .send();
        async { parsed(call.await.unwrap()).await.1 }
    };
    let csv = call(vec![("ids".into(), format!("{first},1"))]).await;
    assert_eq!(csv["code"], 0);
    assert_eq!(csv["data"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&csv["data"][0]["status"], &csv["data"][0]["segNum"]),
        (&json!("ACCEPTD"), &json!(2))
    );

    tokio::time::sleep(Duration::from_millis(1050)).await;
    let array = call(vec![("ids[]".into(), first), ("ids[]".into(), second)]).await;
    assert_eq!(array["data"].as_array().unwrap().len(), 2);
    assert_eq!(array["data"][1]["status"], "DELIVRD");

    assert_eq!(call(vec![]).await["code"], 2);
    let many = (0..101).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    assert_eq!(call(vec![("ids".into(), many)]).await["code"], 12);
}

#[tokio::test]
async fn the_balance_is_text_with_a_currency() {
    let sms = Sms::start().await;
    let answer = sms.call("user/getownbalance", &[]).await;
    assert_eq!(answer["data"], json!({"balance": "190.4280", "currency": "KZT"}));
}

#[tokio::test]
async fn registered_senders_are_listed() {
    let sms = Sms::with(|options| options.senders = vec!["OnAI".to_owned()]).await;
    let answer = sms.call("alphaname/list", &[]).await;
    assert_eq!(answer["data"]["totalItemCount"], "1");
    assert_eq!(answer["data"]["items"][0]["alphaname"]["name"], "OnAI");
}
