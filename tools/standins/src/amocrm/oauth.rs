//! `POST /oauth2/access_token`: codes and refresh tokens for pairs of tokens.
//!
//! The answers are those quoted in amocrm/amocrm-api-php #123 and #235.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::Refusal;
use crate::lock;

#[derive(Debug, Clone)]
pub struct OAuthApp {
    pub client_id: String,
    pub client_secret: String,
    /// Where codes are sent; every request must repeat it.
    pub redirect_uri: String,
    /// Good for one exchange.
    pub code: String,
    /// How long an access token lives; a day at the vendor. Refresh tokens, three months there, do not expire.
    pub access_ttl: Duration,
}

#[derive(Debug, Deserialize)]
struct Exchange {
    client_id: String,
    client_secret: String,
    redirect_uri: String,
    #[serde(flatten)]
    grant: Grant,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "grant_type", rename_all = "snake_case")]
enum Grant {
    AuthorizationCode { code: String },
    RefreshToken { refresh_token: String },
}

#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<Issued>);

#[derive(Debug, Default)]
struct Issued {
    code_used: bool,
    access: Vec<Access>,
    refresh: Vec<Refresh>,
}

#[derive(Debug)]
struct Access {
    token: String,
    generation: u64,
    expires: Instant,
}

/// A refresh makes a token of the next generation. The vendor accepts the old one until the new pair is used, so that a
/// lost answer can be asked for again.
#[derive(Debug)]
struct Refresh {
    token: String,
    generation: u64,
}

fn refused(status: u16, title: &str, detail: &str) -> Refusal {
    Refusal::new("oauth", status, detail)
        .with(
            "type",
            json!("https://developers.amocrm.ru/v3/errors/OAuthProblemJson"),
        )
        .with("title", json!(title))
}

fn invalid(status: u16, hint: &str) -> Refusal {
    let detail = "В запросе отсутствует ряд параметров или параметры невалидны";
    refused(status, "Некорректный запрос", detail).with("hint", json!(hint))
}

impl Tokens {
    /// Whether `token` is good now. Using it ends the refresh tokens before its own.
    pub(super) fn is_access(&self, token: &str, now: Instant) -> bool {
        let mut issued = lock(&self.0);
        issued.access.retain(|access| access.expires > now);
        let Some(used) = issued.access.iter().find(|access| access.token == token) else {
            return false;
        };
        let used = used.generation;
        issued.refresh.retain(|refresh| refresh.generation >= used);
        true
    }

    pub(super) fn exchange(
        &self,
        app: Option<&OAuthApp>,
        body: &[u8],
        now: Instant,
    ) -> Result<Value, Refusal> {
        let request: Exchange =
            serde_json::from_slice(body).map_err(|_| invalid(400, "Check the parameters"))?;
        let known = |app: &&OAuthApp| {
            app.client_id == request.client_id && app.client_secret == request.client_secret
        };
        let Some(app) = app.filter(known) else {
            return Err(refused(
                401,
                "Некорректный клиент",
                "Авторизация клиента не прошла",
            ));
        };
        if app.redirect_uri != request.redirect_uri {
            return Err(invalid(400, "Check the `redirect_uri` parameter"));
        }
        let mut issued = lock(&self.0);
        let generation = match request.grant {
            Grant::AuthorizationCode { code } => {
                if issued.code_used || code != app.code {
                    return Err(invalid(400, "Authorization code has been revoked"));
                }
                issued.code_used = true;
                0
            }
            Grant::RefreshToken { refresh_token } => {
                let mut all = issued.refresh.iter();
                let Some(used) = all.find(|refresh| refresh.token == refresh_token) else {
                    return Err(invalid(401, "Token has been revoked"));
                };
                let used = used.generation;
                issued
                    .refresh
                    .retain(|refresh| refresh.generation > used || refresh.token == refresh_token);
                used + 1
            }
        };
        Ok(issued.pair(app, generation, now))
    }
}

impl Issued {
    fn pair(&mut self, app: &OAuthApp, generation: u64, now: Instant) -> Value {
        let new = |kind: &str| format!("{kind}-{}", Uuid::new_v4().simple());
        let (access, refresh) = (new("access"), new("refresh"));
        let answer = json!({
            "token_type": "Bearer",
            "expires_in": app.access_ttl.as_secs(),
            "access_token": access,
            "refresh_token": refresh,
        });
        self.access.push(Access {
            token: access,
            generation,
            expires: now + app.access_ttl,
        });
        self.refresh.push(Refresh {
            token: refresh,
            generation,
        });
        answer
    }
}
