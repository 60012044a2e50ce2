//! The vendor stand-ins, over the wire.
// The clippy settings that allow these in tests do not reach helpers outside `#[test]` functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod amocrm;
mod faults;
mod mobizon;
mod reports;
mod resend;
mod turnstile;

use axum::Router;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use standins::{Fault, Mobizon, MobizonOptions, Resend, ResendOptions, Running, SentEmail, serve};
use tokio::net::TcpListener;

const RESEND_KEY: &str = "re_test";
const MOBIZON_KEY: &str = "kz_test";

fn client_builder() -> reqwest::ClientBuilder {
    // Fails when another test of this process has installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy()
}

struct Served<V> {
    vendor: V,
    running: Running,
    client: Client,
}

impl<V> Served<V> {
    async fn start(vendor: V, router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            vendor,
            running: serve(listener, router).unwrap(),
            client: client_builder().user_agent("standins-test/1").build().unwrap(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.url())
    }
}

/// The fault that this JSON asks for.
fn fault(json: &Value) -> Fault {
    Fault::from_json(json.to_string().as_bytes()).unwrap()
}

async fn parsed(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn mail() -> Served<Resend> {
    mail_with(|_| {}).await
}

async fn mail_with(adjust: impl FnOnce(&mut ResendOptions)) -> Served<Resend> {
    let mut options = ResendOptions::new(RESEND_KEY);
    adjust(&mut options);
    let vendor = Resend::new(options);
    let router = vendor.router();
    Served::start(vendor, router).await
}

impl Served<Resend> {
    fn request(&self, path: &str, key: Option<&str>, body: &Value) -> RequestBuilder {
        let request = self.client.post(self.url(path));
        let request = request.bearer_auth(RESEND_KEY).json(body);
        match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        }
    }

    async fn post(&self, path: &str, key: Option<&str>, body: &Value) -> (u16, Value) {
        parsed(self.request(path, key, body)).await
    }

    fn only(&self) -> SentEmail {
        let [email] = self.vendor.sent().try_into().unwrap();
        email
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

async fn sms() -> Served<Mobizon> {
    sms_with(|_| {}).await
}

async fn sms_with(adjust: impl FnOnce(&mut MobizonOptions)) -> Served<Mobizon> {
    let mut options = MobizonOptions::new(MOBIZON_KEY);
    adjust(&mut options);
    let vendor = Mobizon::new(options);
    let router = vendor.router();
    Served::start(vendor, router).await
}

impl Served<Mobizon> {
    fn service(&self, call: &str) -> String {
        self.url(&format!(
            "/service/{call}?output=json&api=v1&apiKey={MOBIZON_KEY}"
        ))
    }

    /// Calls by POST; asserts HTTP 200 and the three fields, and returns the answer.
    async fn call(&self, call: &str, form: &[(&str, &str)]) -> Value {
        let (status, answer) = parsed(self.client.post(self.service(call)).form(form)).await;
        assert_eq!(status, 200);
        let fields = answer.as_object().unwrap().len();
        assert!(answer["message"].is_string() && fields == 3, "{answer}");
        answer
    }

    /// Calls, and returns the data of an answer with code 0.
    async fn data(&self, call: &str, form: &[(&str, &str)]) -> Value {
        let mut answer = self.call(call, form).await;
        assert_eq!(answer["code"], 0, "{answer}");
        answer["data"].take()
    }

    async fn send(&self, recipient: &str, text: &str) -> Value {
        let form = [("recipient", recipient), ("text", text)];
        self.data("message/sendsmsmessage", &form).await
    }

    async fn list(&self, form: &[(&str, &str)]) -> Vec<Value> {
        let data = self.data("message/list", form).await;
        data["items"].as_array().unwrap().clone()
    }
}

/// A client must take an id as a number or as text.
fn id(value: &Value) -> i64 {
    value
        .as_i64()
        .unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}
