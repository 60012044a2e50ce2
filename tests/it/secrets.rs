//! Real function processes whose variables refer to secrets.

use crate::support::printing::Printing;
use crate::support::request::sample;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use harness::emulator;
use harness::world::{CLOSED, Settings, World, patient_sdk, run, sdk};
use reqwest::Url;
use serde_json::{Value, json};
use standins::{Running, serve};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use uuid::Uuid;

const ABSENT: &str = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:absent-AbCdEf";

async fn secret(value: &str) -> String {
    let client = aws_sdk_secretsmanager::Client::new(&patient_sdk().await);
    let create = client.create_secret().name(format!("test-{}", Uuid::new_v4()));
    let made = create.secret_string(value).send().await.unwrap();
    format!("secretsmanager:{}", made.arn.unwrap())
}

fn with(mut settings: Settings, others: &[(&'static str, &str)]) -> Settings {
    settings.insert("RUST_LOG", "trace".to_owned());
    settings.extend(others.iter().map(|(name, value)| (*name, (*value).to_owned())));
    settings
}

/// Settings of deliver, with a database that need not be there.
async fn deliver_settings(keys: [&str; 2]) -> Settings {
    let aws = emulator::settings(sdk().await.endpoint_url().unwrap());
    with(
        Settings::from(aws),
        &[
            ("DATABASE_URL", "postgres://user:password@127.0.0.1:1/none"),
            ("NOTIFICATIONS_QUEUE_URL", CLOSED),
            ("RESEND_API_KEY", keys[0]),
            ("MOBIZON_API_KEY", keys[1]),
        ],
    )
}

/// Secrets Manager as it answers while it is in trouble; AWS's client has asked for these ids.
struct Manager {
    server: Running,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Manager {
    async fn new(answer: fn(usize) -> (StatusCode, Value)) -> Self {
        type Asked = Arc<Mutex<Vec<String>>>;
        let asked = Asked::default();
        let handle = async move |State(asked): State<Asked>, headers: HeaderMap, body: String| {
            assert_eq!(headers["x-amz-target"], "secretsmanager.GetSecretValue");
            let body: Value = serde_json::from_str(&body).unwrap();
            let mut asked = asked.lock().unwrap();
            let (status, answer) = answer(asked.len());
            asked.push(body["SecretId"].as_str().unwrap().to_owned());
            (status, answer.to_string())
        };
        let router = Router::new().fallback(handle).with_state(Arc::clone(&asked));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            server: serve(listener, router).unwrap(),
            asked,
        }
    }

    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort();
        asked
    }
}

/// An error as AWS sends it. Source: AWS JSON 1.1 protocol, Smithy.
fn refused(kind: &str, message: &str) -> (StatusCode, Value) {
    (
        StatusCode::BAD_REQUEST,
        json!({"__type": kind, "Message": message}),
    )
}

#[test]
fn a_function_works_with_the_secret_that_its_variable_refers_to_and_never_prints_it() {
    run(async {
        let world = World::new().await;
        let [(_, url), _] = world.db.settings("intake");
        let settings = with(world.settings("intake"), &[("DATABASE_URL", &secret(&url).await)]);
        let mut intake = Printing::start("intake", &settings).await;
        intake.function.ready().await.unwrap();
        let answer = intake.function.invoke(&sample("intake/valid.json")).await;
        assert_eq!(answer.unwrap()["statusCode"], 200);
        assert_eq!(world.db.count("landing_leads").await, 1);
        let printed = intake.printed();
        // It does print what a client of AWS does, so the silence below is no accident.
        assert!(printed.contains("GetSecretValue"), "{printed}");
        let url = Url::parse(&url).unwrap();
        let password = url.password().unwrap();
        assert!(password.len() > 7 && !printed.contains(password), "{printed}");
    });
}

#[test]
fn a_secret_that_is_absent_ends_the_process_with_one_line_that_names_the_variable() {
    run(async {
        let (resend, absent) = (
            secret("re_Shibboleth_1").await,
            format!("secretsmanager:{ABSENT}"),
        );
        let settings = deliver_settings([&resend, &absent]).await;
        let told = Printing::start("deliver", &settings).await.refusal().await;
        assert!(told.contains("\"MOBIZON_API_KEY\""), "{told}");
        assert!(told.contains("ResourceNotFoundException"), "{told}");
        assert!(!told.contains("Shibboleth") && !told.contains("RESEND"), "{told}");
    });
}

#[test]
fn a_secret_that_is_denied_ends_the_process_with_one_line_and_without_a_second_try() {
    run(async {
        let denied = |_| {
            refused(
                "AccessDeniedException",
                "User: u is not authorized to perform: secretsmanager:GetSecretValue",
            )
        };
        let manager = Manager::new(denied).await;
        let reference = format!("secretsmanager:{ABSENT}");
        let settings = deliver_settings([&reference, "plain"]).await;
        let settings = with(settings, &[("AWS_ENDPOINT_URL", &manager.server.url())]);
        let told = Printing::start("deliver", &settings).await.refusal().await;
        assert!(told.contains("\"RESEND_API_KEY\""), "{told}");
        assert!(told.contains("AccessDeniedException"), "{told}");
        assert!(told.contains("is not authorized"), "{told}");
        assert_eq!(manager.asked(), [ABSENT]);
    });
}

#[test]
fn a_secrets_manager_that_cannot_be_reached_ends_the_process_within_init() {
    run(async {
        let reference = format!("secretsmanager:{ABSENT}");
        let settings = deliver_settings([&reference, "plain"]).await;
        let settings = with(settings, &[("AWS_ENDPOINT_URL", CLOSED)]);
        let told = Printing::start("deliver", &settings).await.refusal().await;
        assert!(told.contains("\"RESEND_API_KEY\""), "{told}");
    });
}

#[test]
fn a_throttled_fetch_is_tried_again_and_a_secret_of_two_variables_is_fetched_once() {
    run(async {
        let answer = |asked| match asked {
            0 => refused("ThrottlingException", "Rate exceeded"),
            _ => (
                StatusCode::OK,
                json!({"ARN": ABSENT, "SecretString": "Shibboleth"}),
            ),
        };
        let manager = Manager::new(answer).await;
        let reference = format!("secretsmanager:{ABSENT}");
        let settings = deliver_settings([&reference, &reference]).await;
        let settings = with(settings, &[("AWS_ENDPOINT_URL", &manager.server.url())]);
        let mut deliver = Printing::start("deliver", &settings).await;
        deliver.function.ready().await.unwrap();
        assert_eq!(manager.asked(), [ABSENT, ABSENT]);
        assert!(!deliver.printed().contains("Shibboleth"));
    });
}

#[test]
fn a_malformed_secret_is_refused_like_a_malformed_variable_and_not_printed() {
    run(async {
        let settings = deliver_settings(["plain", "plain"]).await;
        let malformed = secret("mysql://Shibboleth@127.0.0.1/x").await;
        let settings = with(settings, &[("DATABASE_URL", &malformed)]);
        let told = Printing::start("deliver", &settings).await.refusal().await;
        assert!(
            told.contains("\"DATABASE_URL\"") && !told.contains("Shibboleth"),
            "{told}"
        );
    });
}

#[test]
fn without_a_reference_nobody_is_asked() {
    run(async {
        let manager = Manager::new(|_| refused("AccessDeniedException", "")).await;
        let settings = deliver_settings(["plain", "secretsmanager"]).await;
        let settings = with(settings, &[("AWS_ENDPOINT_URL", &manager.server.url())]);
        let mut deliver = Printing::start("deliver", &settings).await;
        deliver.function.ready().await.unwrap();
        assert_eq!(manager.asked(), [""; 0]);
    });
}
