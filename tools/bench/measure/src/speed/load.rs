//! What is measured with: submissions, and the statements that a function cannot do without.

use super::service::sample;
use crate::Error;
use futures::future::{join_all, try_join_all};
use proftest::domain::delivery::{EMAIL_KEY_LIFETIME, LEASE};
use proftest::domain::ids::{RecipientToken, ShortCode};
use proftest::domain::limits::Limits;
use proftest::store::WAKE_GRACE;
use serde_json::{Value, json};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;
use tokio_postgres::types::{Json, Type};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

/// As the template's default.
pub const DELAY_SECONDS: f64 = 600.0;
/// A message's length, as those that deliver renders.
const SMS: &str = "Ваши результаты готовы! https://api.onai.academy/l/0123456789ab";

pub struct Submissions {
    event: Value,
    body: Value,
    of: &'static str,
    run: u32,
}

impl Submissions {
    pub fn new(of: &'static str) -> Result<Self, Error> {
        let event = sample("intake/valid.json")?;
        let body = event["body"].as_str().unwrap_or_default();
        let body = serde_json::from_str(body).map_err(|error| Error::Part(error.to_string()))?;
        // Phones of this measurement alone: four digits of the person, three of it.
        let run = of
            .bytes()
            .fold(7, |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
            % 1_000;
        Ok(Self { event, body, of, run })
    }

    fn email(&self, number: usize) -> String {
        format!("{}{number}@example.com", self.of)
    }

    fn phone(&self, number: usize) -> String {
        // People of different blocks of 10,000, as in life.
        format!("+7701{number:04}{:03}", self.run)
    }

    /// What intake sends along for the guard.
    fn evidence(&self, number: usize) -> Value {
        let key = |of: &str| {
            let mut hash = DefaultHasher::new();
            (self.of, of, number).hash(&mut hash);
            format!("{0:016x}{0:016x}", hash.finish())
        };
        let counted =
            |what: &str, key: String| json!({"key": key, "what": what, "soft": 60, "hour": 300, "day": 1500});
        json!({
            "country": "KZ", "is_mobile": true, "email_key": key("email"), "phone_key": key("phone"),
            "user_agent": "Mozilla/5.0", "may_challenge": false, "is_suspicious": true, "addresses_count": false,
            "pair_soft": 3, "counted": [counted("address", key("address")), counted("block", key("block"))],
        })
    }

    pub fn event(&self, number: usize) -> Value {
        let mut body = self.body.clone();
        body["email"] = self.email(number).into();
        body["phone"] = self.phone(number).into();
        body["submissionId"] = format!("{}-{number}", self.of).into();
        let mut event = self.event.clone();
        event["body"] = body.to_string().into();
        // Each from an address of their own, as people are.
        let [.., b, c, d] = number.to_be_bytes();
        event["requestContext"]["http"]["sourceIp"] = format!("10.{b}.{c}.{d}").into();
        event
    }

    /// Saves a person by the statement alone; lead and notification.
    pub async fn save(&self, client: &Client, number: usize) -> Result<(Uuid, Uuid), Error> {
        self.save_due(client, number, 0.0).await
    }

    pub async fn save_due(&self, client: &Client, number: usize, delay: f64) -> Result<(Uuid, Uuid), Error> {
        let (lead, submission, notification) = (Uuid::new_v4(), Uuid::now_v7(), Uuid::now_v7());
        let code = ShortCode::new().map_err(|error| Error::Part(error.to_string()))?;
        let metadata = Json(&self.body);
        let (email, phone) = (self.email(number), self.phone(number));
        let key = Some(format!("{}-{number}", self.of));
        client
            .query_typed(
                include_str!("../../../../../shared/src/store/intake.sql"),
                &[
                    (&lead, Type::UUID),
                    (&submission, Type::UUID),
                    (&notification, Type::UUID),
                    (&"Айгуль Нурланова", Type::TEXT),
                    (&email, Type::TEXT),
                    (&phone, Type::TEXT),
                    (&"proftest_arystan", Type::TEXT),
                    (&metadata, Type::JSONB),
                    (&key, Type::TEXT),
                    (&"result", Type::TEXT),
                    (&vec!["email", "sms"], Type::TEXT_ARRAY),
                    (&code.as_str(), Type::TEXT),
                    (&delay, Type::FLOAT8),
                    (&WAKE_GRACE.as_secs_f64(), Type::FLOAT8),
                    (&Json(self.evidence(number)), Type::JSONB),
                ],
            )
            .await?;
        Ok((lead, notification))
    }
}

/// What deliver asks of the database for these notifications, over as many connections as it has.
pub async fn deliver_floor(clients: &[Client], notifications: &[Uuid]) -> Result<(), Error> {
    let batch = Uuid::now_v7();
    let of = |index: usize| &clients[index % clients.len()];
    let begun = notifications.iter().enumerate();
    try_join_all(begun.map(|(index, id)| async move {
        claim(of(index), *id, LEASE).await?;
        pin(of(index), *id).await
    }))
    .await?;
    let compose = async {
        let attempts = vec![1; notifications.len()];
        of(0)
            .query_typed(
                include_str!("../../../../../shared/src/store/batch_compose.sql"),
                &[
                    (&batch, Type::UUID),
                    (&notifications, Type::UUID_ARRAY),
                    (&attempts, Type::INT4_ARRAY),
                ],
            )
            .await?;
        let emails = notifications.iter().enumerate();
        try_join_all(emails.map(|(index, id)| record(of(index), *id, "email"))).await
    };
    let texts = notifications.iter().enumerate();
    let texts = join_all(texts.map(|(index, id)| record(of(index), *id, "sms")));
    let (emails, texts) = futures::future::join(compose, texts).await;
    emails?;
    texts.into_iter().collect::<Result<Vec<()>, Error>>()?;
    of(0)
        .query_typed(
            include_str!("../../../../../shared/src/store/batch_close.sql"),
            &[
                (&batch, Type::UUID),
                (&EMAIL_KEY_LIFETIME.as_secs_f64(), Type::FLOAT8),
            ],
        )
        .await?;
    Ok(())
}

pub async fn claim(client: &Client, notification: Uuid, lease: Duration) -> Result<Vec<Row>, Error> {
    let limits = Limits::default().to_json();
    let params = [
        (&notification as _, Type::UUID),
        (&lease.as_secs_f64() as _, Type::FLOAT8),
        (&limits as _, Type::JSONB),
    ];
    let sql = include_str!("../../../../../shared/src/store/claim.sql");
    Ok(client.query_typed(sql, &params).await?)
}

async fn pin(client: &Client, notification: Uuid) -> Result<(), Error> {
    let token = RecipientToken::new().map_err(|error| Error::Part(error.to_string()))?;
    let code = ShortCode::new().map_err(|error| Error::Part(error.to_string()))?;
    let contents = [json!({"html": "x".repeat(6_000)}), json!({"text": SMS})];
    client
        .query_typed(
            include_str!("../../../../../shared/src/store/pin.sql"),
            &[
                (&notification, Type::UUID),
                (&vec!["email", "sms"], Type::TEXT_ARRAY),
                (&contents.to_vec(), Type::JSONB_ARRAY),
                (&token.as_str(), Type::TEXT),
                (&code.as_str(), Type::TEXT),
            ],
        )
        .await?;
    Ok(())
}

async fn record(client: &Client, notification: Uuid, channel: &str) -> Result<(), Error> {
    let (reason, after): (Option<&str>, Option<f64>) = (None, None);
    client
        .query_typed(
            include_str!("../../../../../shared/src/store/record.sql"),
            &[
                (&notification, Type::UUID),
                (&channel, Type::TEXT),
                (&1, Type::INT4),
                (&"accepted", Type::TEXT),
                (&Some(notification.to_string()), Type::TEXT),
                (&reason, Type::TEXT),
                (&after, Type::FLOAT8),
                (&"clear", Type::TEXT),
                (&WAKE_GRACE.as_secs_f64(), Type::FLOAT8),
                (&false, Type::BOOL),
            ],
        )
        .await?;
    Ok(())
}
