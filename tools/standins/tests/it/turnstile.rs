use super::{Served, parsed};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use standins::Turnstile;

const SECRET: &str = "0x4AAA_secret";
const KEY: &str = "00000000-0000-4000-8000-000000000001";
const OTHER_KEY: &str = "00000000-0000-4000-8000-000000000002";

async fn served() -> Served<Turnstile> {
    let turnstile = Turnstile::new(SECRET);
    let router = turnstile.router();
    Served::start(turnstile, router).await
}

impl Served<Turnstile> {
    async fn ask(&self, question: Value) -> Value {
        let url = self.url("/turnstile/v0/siteverify");
        let (status, answer) = parsed(self.client.post(url).json(&question)).await;
        assert_eq!(status, 200);
        answer
    }

    async fn refused(&self, question: Value, code: &str) {
        let answer = self.ask(question).await;
        assert_eq!(answer, json!({"success": false, "error-codes": [code]}));
    }
}

#[tokio::test]
async fn a_token_counts_once_and_the_same_question_is_answered_again() {
    let served = served().await;
    let token = served.vendor.solve("test.example.kz", "proftest");
    let question = |key: &str| json!({"secret": SECRET, "response": token, "idempotency_key": key});
    let answer = served.ask(question(KEY)).await;
    assert_eq!(
        json!([answer["success"], answer["hostname"], answer["action"]]),
        json!([true, "test.example.kz", "proftest"])
    );
    assert_eq!(served.ask(question(KEY)).await, answer);
    served.refused(question(OTHER_KEY), "timeout-or-duplicate").await;
    assert_eq!(served.vendor.confirmed(), [token]);
    let url = served.url("/turnstile/v0/siteverify");
    let form = [("secret", SECRET), ("response", "x"), ("idempotency_key", KEY)];
    let (_, answer) = parsed(served.client.post(url).form(&form)).await;
    assert_eq!(answer["error-codes"], json!(["invalid-input-response"]));
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let served = served().await;
    let ago = Timestamp::now() - SignedDuration::from_secs(301);
    let old = served.vendor.solved_at("test.example.kz", "proftest", ago);
    for (question, code) in [
        (
            json!({"response": "x", "idempotency_key": KEY}),
            "missing-input-secret",
        ),
        (
            json!({"secret": "x", "response": "x", "idempotency_key": KEY}),
            "invalid-input-secret",
        ),
        (
            json!({"secret": SECRET, "idempotency_key": KEY}),
            "missing-input-response",
        ),
        (
            json!({"secret": SECRET, "response": "x", "idempotency_key": KEY}),
            "invalid-input-response",
        ),
        (
            json!({"secret": SECRET, "response": old, "idempotency_key": KEY}),
            "timeout-or-duplicate",
        ),
        (
            json!({"secret": SECRET, "response": old, "idempotency_key": "1"}),
            "bad-request",
        ),
        (
            json!({"secret": SECRET, "token": old, "idempotency_key": KEY}),
            "bad-request",
        ),
    ] {
        served.refused(question, code).await;
    }
    assert!(served.vendor.confirmed().is_empty());
}
