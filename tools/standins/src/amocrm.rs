//! amoCRM v4: contacts, deals, notes, pipelines, tags, OAuth; with its rate limit and the block behind it.
//!
//! Sources: the pages «Leads», «Contacts», «Notes», «Pipelines», «Tags» and «Filters» of the vendor's developers'
//! section and of its twin's, `developers.kommo.com`; for errors, issues of the vendor's own SDK,
//! amocrm/amocrm-api-php. Where these are silent the stand-in refuses, so that a misspelling shows.
//!
//! Beside the control paths of every stand-in:
//!
//! | path | methods | what |
//! |---|---|---|
//! | `/_sent` | GET | [`CrmDeal`]s, those seeded too, oldest first |
//! | `/_seed` | POST | puts a [`Seed`] in, answers with a [`Seeded`] |
//! | `/_board` | GET | [`BoardStage`]s |
//! | `/_block` | GET | `{"blocked":true}` while every call is answered 403 |
//! | `/_block`, `/_unblock` | POST | begins and ends that |

mod account;
mod answer;
mod api;
mod check;
mod gate;
mod oauth;
mod query;
mod rules;
mod seed;
mod setup;
mod view;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use self::{
    account::Account,
    answer::{Refusal, error_answer},
    gate::{Gate, TurnedAway},
    oauth::Tokens,
};
pub use self::{
    oauth::OAuthApp,
    seed::{NameOrId, Seed, SeedContact, SeedDeal, Seeded, SeededContact},
    view::{BoardDeal, BoardStage, CrmContact, CrmDeal, CrmNote},
};
use super::{
    desk::{Delay, Desk, Stats},
    faults::Faults,
    feed::Feed,
};

/// Where tokens are given out: the one path that needs none.
const TOKEN_PATH: &str = "/oauth2/access_token";

/// How strict the stand-in is, and how patient.
#[derive(Debug, Clone)]
pub struct AmoCrmOptions {
    /// The long-lived token that is accepted.
    pub token: String,
    /// An integration that may get tokens at `/oauth2/access_token`; `None`: nobody may.
    pub oauth: Option<OAuthApp>,
    /// Requests in any one second before 429; `None`: no limit.
    pub rate_limit_per_second: Option<u32>,
    /// 429 answers within a minute before the account is blocked; `None`: never.
    pub block_after: Option<u32>,
    /// What a 429 says of how long to wait.
    pub retry_after_seconds: u64,
    /// Every n-th 429 is an HTML page; `None`: none is.
    pub html_every: Option<u32>,
    /// How long after it was made an entity is not found by `query` yet.
    pub search_lag: Duration,
}

impl AmoCrmOptions {
    /// The vendor's limit of 7 requests a second, a block after 20 answers of 429, and a search without lag.
    pub fn new(token: impl Into<String>) -> Self {
        Self {
            token: token.into(),
            oauth: None,
            rate_limit_per_second: Some(7),
            block_after: Some(20),
            retry_after_seconds: 1,
            html_every: None,
            search_lag: Duration::ZERO,
        }
    }
}

/// The stand-in for amoCRM. Clones share one state.
#[derive(Debug, Clone)]
pub struct AmoCrm(Arc<Office>);

#[derive(Debug)]
struct Office {
    options: AmoCrmOptions,
    desk: Arc<Desk<Account>>,
    gate: Gate,
    tokens: Tokens,
}

impl AmoCrm {
    /// The main pipeline, «Воронка».
    pub const PIPELINE: i64 = setup::MAIN_PIPELINE;
    /// A pipeline that is no business of ours, «Партнёры».
    pub const FOREIGN_PIPELINE: i64 = setup::FOREIGN_PIPELINE;
    /// The second stage of the main pipeline, `ЗАЯВКА_С_ПРОФТЕСТА`.
    pub const STATUS: i64 = setup::PROFTEST_STATUS;

    /// An account with pipelines, custom fields and nobody in it, reporting to `feed`.
    pub fn new(options: AmoCrmOptions, feed: Feed) -> Self {
        Self(Arc::new(Office {
            options,
            desk: Arc::new(Desk::new("amocrm", error_answer, feed)),
            gate: Gate::default(),
            tokens: Tokens::default(),
        }))
    }

    /// The vendor's paths and the control paths; to be served by [`super::serve`].
    pub fn router(&self) -> Router {
        let vendor = api::routes()
            .route(TOKEN_PATH, post(exchange))
            .method_not_allowed_fallback(method_not_allowed)
            .fallback(not_found)
            .layer(from_fn_with_state(self.clone(), pass_gate))
            .with_state(self.clone());
        let control = Router::new()
            .route("/_seed", post(plant))
            .route("/_board", get(board))
            .route("/_block", get(show_block).post(block))
            .route("/_unblock", post(unblock))
            .with_state(self.clone());
        self.0.desk.router(vendor).merge(control)
    }

    /// Every deal, seeded ones too, oldest first.
    pub fn deals(&self) -> Vec<CrmDeal> {
        self.0.desk.sent()
    }

    /// Every contact, seeded ones too, oldest first.
    pub fn contacts(&self) -> Vec<CrmContact> {
        self.0.desk.with(|account| {
            let contacts = account.contacts.values();
            contacts.map(|contact| view::contact(account, contact)).collect()
        })
    }

    /// Every note, oldest first.
    pub fn notes(&self) -> Vec<CrmNote> {
        self.0
            .desk
            .with(|account| account.notes.iter().map(view::note).collect())
    }

    /// The stages of the main pipeline with their deals, then the stages of others that hold any.
    pub fn board(&self) -> Vec<BoardStage> {
        self.0.desk.with(|account| view::board(account))
    }

    /// Puts people and deals in, as if they had been there long; searches find them at once.
    ///
    /// # Errors
    /// A pipeline, stage or field that does not exist, named; then nothing was put in.
    pub fn seed(&self, seed: Seed) -> Result<Seeded, String> {
        self.0.desk.with(|account| seed::plant(account, seed))
    }

    /// The counts so far; `accepted` counts deals made.
    pub fn stats(&self) -> Stats {
        self.0.desk.stats()
    }

    /// Forgets people, deals, notes, tags and the counts; not the block, and not the tokens given out.
    pub fn clear(&self) {
        self.0.desk.clear();
    }

    /// The faults to come.
    pub fn faults(&self) -> &Faults {
        &self.0.desk.faults
    }

    /// From now on every call is answered 403.
    pub fn block(&self) {
        self.0.gate.block();
        self.0.desk.tell("account blocked".to_owned());
    }

    /// Ends a block, however it began.
    pub fn unblock(&self) {
        self.0.gate.unblock();
        self.0.desk.tell("account unblocked".to_owned());
    }

    /// Whether every call is answered 403.
    pub fn is_blocked(&self) -> bool {
        self.0.gate.is_blocked()
    }

    fn admit(&self, request: &Request, now: Instant) -> Result<(), Refusal> {
        let options = &self.0.options;
        if let Err(TurnedAway { refusal, blocked_now }) = self.0.gate.admit(options, now) {
            if blocked_now {
                self.0
                    .desk
                    .tell("account blocked after too many requests".to_owned());
            }
            return Err(refusal);
        }
        if request.uri().path() == TOKEN_PATH {
            return Ok(());
        }
        let authorization = request.headers().get(header::AUTHORIZATION);
        let token = authorization
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        match token {
            Some(token) if token == options.token || self.0.tokens.is_access(token, now) => Ok(()),
            _ => Err(Refusal::new("unauthorized", 401, "Unauthorized")),
        }
    }

    /// Counts a refusal, and answers.
    fn answer(&self, outcome: Result<Option<Value>, Refusal>) -> Response {
        match outcome {
            Ok(body) => answer::success(body.as_ref()),
            Err(refusal) => {
                self.0.desk.reject(refusal.name.to_owned());
                refusal.into_response()
            }
        }
    }
}

async fn pass_gate(State(crm): State<AmoCrm>, request: Request, next: Next) -> Response {
    if let Err(refusal) = crm.admit(&request, Instant::now()) {
        return crm.answer(Err(refusal));
    }
    if let Some(Delay(delay)) = request.extensions().get() {
        tokio::time::sleep(*delay).await;
    }
    next.run(request).await
}

async fn exchange(State(crm): State<AmoCrm>, body: Bytes) -> Response {
    let app = crm.0.options.oauth.as_ref();
    let answer = crm.0.tokens.exchange(app, &body, Instant::now());
    crm.answer(answer.map(Some))
}

async fn method_not_allowed(State(crm): State<AmoCrm>) -> Response {
    crm.answer(Err(Refusal::new("method_not_allowed", 405, "Method Not Allowed")))
}

async fn not_found(State(crm): State<AmoCrm>) -> Response {
    crm.answer(Err(Refusal::not_found()))
}

async fn plant(State(crm): State<AmoCrm>, body: Bytes) -> Response {
    let seed = serde_json::from_slice(&body).map_err(|error| error.to_string());
    match seed.and_then(|seed| crm.seed(seed)) {
        Ok(seeded) => (StatusCode::CREATED, Json(seeded)).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response(),
    }
}

async fn board(State(crm): State<AmoCrm>) -> Json<Vec<BoardStage>> {
    Json(crm.board())
}

async fn show_block(State(crm): State<AmoCrm>) -> Json<Value> {
    Json(json!({ "blocked": crm.is_blocked() }))
}

async fn block(State(crm): State<AmoCrm>) -> Json<Value> {
    crm.block();
    show_block(State(crm)).await
}

async fn unblock(State(crm): State<AmoCrm>) -> Json<Value> {
    crm.unblock();
    show_block(State(crm)).await
}
