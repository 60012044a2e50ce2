//! The vendor stand-ins, over the wire.
// The clippy settings that allow these in tests do not reach helpers outside `#[test]` functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod amocrm;
mod faults;
mod mobizon;
mod resend;

use reqwest::{Client, Response};
use serde_json::{Value, json};
use standins::{Feed, Mobizon, MobizonOptions, Resend, ResendOptions, Running, SentEmail, SentSms, serve};
use tokio::net::TcpListener;

const RESEND_KEY: &str = "re_test";
const MOBIZON_KEY: &str = "kz_test";

fn client() -> Client {
    client_builder().user_agent("standins-test/1").build().unwrap()
}

fn client_builder() -> reqwest::ClientBuilder {
    // Fails when another test of this process has installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy()
}

async fn start(router: axum::Router) -> Running {
    serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), router).unwrap()
}

async fn parsed(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

/// Resend with a client that speaks to it.
struct Mail {
    vendor: Resend,
    running: Running,
    client: Client,
}

impl Mail {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(adjust: impl FnOnce(&mut ResendOptions)) -> Self {
        let mut options = ResendOptions::new(RESEND_KEY);
        adjust(&mut options);
        let vendor = Resend::new(options, Feed::default());
        let running = start(vendor.router()).await;
        Self {
            vendor,
            running,
            client: client(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.url())
    }

    fn request(&self, path: &str, key: Option<&str>, body: &Value) -> reqwest::RequestBuilder {
        let request = self
            .client
            .post(self.url(path))
            .bearer_auth(RESEND_KEY)
            .json(body);
        match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        }
    }

    async fn post(&self, path: &str, key: Option<&str>, body: &Value) -> (u16, Value) {
        parsed(self.request(path, key, body).send().await.unwrap()).await
    }

    /// Sends `body` and returns the status and the error's name.
    async fn refused(&self, body: &Value) -> (u16, String) {
        let (status, answer) = self.post("/emails", None, body).await;
        assert_eq!(answer["statusCode"], status, "{answer}");
        assert!(answer["message"].is_string());
        assert_eq!(answer.as_object().unwrap().len(), 3);
        (status, answer["name"].as_str().unwrap().to_owned())
    }

    fn only(&self) -> SentEmail {
        let mut sent = self.vendor.sent();
        assert_eq!(sent.len(), 1);
        sent.remove(0)
    }
}

fn email() -> Value {
    json!({
        "from": "OnAI Academy <noreply@onai.academy>",
        "to": ["anna@example.com"],
        "subject": "Ваши результаты",
        "html": "<p>1</p>",
        "text": "1",
        "tags": [{"name": "kind", "value": "result_1-a"}],
    })
}

/// Mobizon with a client that speaks to it.
struct Sms {
    vendor: Mobizon,
    running: Running,
    client: Client,
}

impl Sms {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(adjust: impl FnOnce(&mut MobizonOptions)) -> Self {
        let mut options = MobizonOptions::new(MOBIZON_KEY);
        adjust(&mut options);
        let vendor = Mobizon::new(options, Feed::default());
        let running = start(vendor.router()).await;
        Self {
            vendor,
            running,
            client: client(),
        }
    }

    fn url(&self, call: &str) -> String {
        format!(
            "{}/service/{call}?output=json&api=v1&apiKey={MOBIZON_KEY}",
            self.running.url()
        )
    }

    /// Calls by POST; asserts HTTP 200 and the three fields, and returns the answer.
    async fn call(&self, call: &str, form: &[(&str, &str)]) -> Value {
        let (status, answer) =
            parsed(self.client.post(self.url(call)).form(form).send().await.unwrap()).await;
        assert_eq!(status, 200);
        assert!(
            answer["message"].is_string() && answer.as_object().unwrap().len() == 3,
            "{answer}"
        );
        answer
    }

    async fn send(&self, recipient: &str, text: &str) -> Value {
        let answer = self
            .call(
                "message/sendsmsmessage",
                &[("recipient", recipient), ("text", text)],
            )
            .await;
        assert_eq!(answer["code"], 0, "{answer}");
        answer["data"].clone()
    }

    async fn list(&self, form: &[(&str, &str)]) -> Vec<Value> {
        let answer = self.call("message/list", form).await;
        assert_eq!(answer["code"], 0, "{answer}");
        answer["data"]["items"].as_array().unwrap().clone()
    }

    fn only(&self) -> SentSms {
        let mut sent = self.vendor.sent();
        assert_eq!(sent.len(), 1);
        sent.remove(0)
    }
}

/// A client must take an id as a number or as text.
fn id(value: &Value) -> i64 {
    value
        .as_i64()
        .unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}
