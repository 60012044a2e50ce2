//! The tokens that calls need, and how they are given out.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use standins::{AmoCrm, OAuthApp};

use super::{Served, TOKEN, crm, crm_with};

fn app() -> OAuthApp {
    OAuthApp {
        client_id: "client".to_owned(),
        client_secret: "secret".to_owned(),
        redirect_uri: "https://api.example/amocrm".to_owned(),
        code: "def502".to_owned(),
        access_ttl: Duration::from_hours(24),
    }
}

async fn start() -> Served<AmoCrm> {
    crm_with(|options| options.oauth = Some(app())).await
}

/// Asks for a pair; `grant` and whatever of the application it says otherwise.
async fn exchange(crm: &Served<AmoCrm>, grant: Value) -> (u16, Value) {
    let mut body = json!({
        "client_id": "client", "client_secret": "secret", "redirect_uri": "https://api.example/amocrm",
    });
    for (key, value) in grant.as_object().unwrap() {
        body[key] = value.clone();
    }
    let url = crm.url("/oauth2/access_token");
    crm.answer(crm.client.post(url).json(&body)).await
}

async fn refresh(crm: &Served<AmoCrm>, token: &Value) -> (u16, Value) {
    exchange(
        crm,
        json!({"grant_type": "refresh_token", "refresh_token": token}),
    )
    .await
}

async fn first_pair(crm: &Served<AmoCrm>) -> Value {
    let (status, pair) = exchange(crm, json!({"grant_type": "authorization_code", "code": "def502"})).await;
    assert_eq!(status, 200, "{pair}");
    pair
}

async fn use_access(crm: &Served<AmoCrm>, pair: &Value) -> u16 {
    let url = crm.url("/api/v4/account");
    let token = pair["access_token"].as_str().unwrap();
    crm.client
        .get(url)
        .bearer_auth(token)
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

#[tokio::test]
async fn a_call_needs_a_token() {
    let crm = crm().await;
    let url = crm.url("/api/v4/account");
    for request in [
        crm.client.get(&url),
        crm.client.get(&url).bearer_auth("other"),
        crm.client.get(&url).header("authorization", TOKEN),
    ] {
        let (status, answer) = crm.answer(request).await;
        assert_eq!(
            (status, &answer["status"], &answer["title"]),
            (401, &json!(401), &json!("Unauthorized"))
        );
    }
    assert_eq!(
        crm.answer(crm.request(Method::GET, "/api/v4/account")).await.0,
        200
    );
    assert_eq!(crm.vendor.stats().statuses[&401], 3);
}

#[tokio::test]
async fn a_code_is_good_for_one_pair() {
    let crm = start().await;
    let pair = first_pair(&crm).await;
    assert_eq!(
        (&pair["token_type"], &pair["expires_in"]),
        (&json!("Bearer"), &json!(86_400))
    );
    assert_eq!(use_access(&crm, &pair).await, 200);
    let (status, answer) = exchange(
        &crm,
        json!({"grant_type": "authorization_code", "code": "def502"}),
    )
    .await;
    assert_eq!(
        (status, &answer["hint"]),
        (400, &json!("Authorization code has been revoked"))
    );
}

#[tokio::test]
async fn an_exchange_must_be_the_applications_own() {
    let crm = start().await;
    let code = |more: Value| {
        let mut grant = json!({"grant_type": "authorization_code", "code": "def502"});
        grant
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        grant
    };
    for (grant, expected) in [
        (code(json!({"client_secret": "other"})), 401),
        (code(json!({"client_id": "other"})), 401),
        (code(json!({"redirect_uri": "https://other.example"})), 400),
        (json!({"grant_type": "password"}), 400),
        (json!({"grant_type": "refresh_token"}), 400),
        (
            json!({"grant_type": "refresh_token", "refresh_token": "other"}),
            401,
        ),
    ] {
        let (status, answer) = exchange(&crm, grant).await;
        assert_eq!(
            (status, &answer["status"]),
            (expected, &json!(expected)),
            "{answer}"
        );
        assert_eq!(
            answer["type"],
            "https://developers.amocrm.ru/v3/errors/OAuthProblemJson"
        );
    }
    let closed = super::crm().await;
    assert_eq!(exchange(&closed, code(json!({}))).await.0, 401);
}

#[tokio::test]
async fn the_old_refresh_token_lives_until_the_new_one_is_used() {
    let crm = start().await;
    let first = first_pair(&crm).await;
    let (status, lost) = refresh(&crm, &first["refresh_token"]).await;
    assert_eq!(status, 200);
    // The answer was lost: the old token is good for another pair.
    let (status, second) = refresh(&crm, &first["refresh_token"]).await;
    assert_eq!(status, 200);
    assert_ne!(lost["refresh_token"], second["refresh_token"]);

    let (status, third) = refresh(&crm, &second["refresh_token"]).await;
    assert_eq!(status, 200);
    for revoked in [&first, &lost] {
        let (status, answer) = refresh(&crm, &revoked["refresh_token"]).await;
        assert_eq!((status, &answer["hint"]), (401, &json!("Token has been revoked")));
    }
    assert_eq!(refresh(&crm, &second["refresh_token"]).await.0, 200);

    // Using the new access token ends the old refresh token too.
    assert_eq!(use_access(&crm, &third).await, 200);
    assert_eq!(refresh(&crm, &second["refresh_token"]).await.0, 401);
    assert_eq!(refresh(&crm, &third["refresh_token"]).await.0, 200);
}

#[tokio::test]
async fn access_tokens_expire() {
    let ttl = Duration::from_millis(700);
    let crm = crm_with(|options| {
        options.oauth = Some(OAuthApp {
            access_ttl: ttl,
            ..app()
        });
    })
    .await;
    let pair = first_pair(&crm).await;
    assert_eq!(use_access(&crm, &pair).await, 200);
    tokio::time::sleep(ttl).await;
    assert_eq!(use_access(&crm, &pair).await, 401);
    let (status, pair) = refresh(&crm, &pair["refresh_token"]).await;
    assert_eq!((status, use_access(&crm, &pair).await), (200, 200));
}
