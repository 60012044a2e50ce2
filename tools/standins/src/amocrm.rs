//! amoCRM v4: what the product calls of contacts, deals, notes, tasks, pipelines, custom fields, users and OAuth, with the
//! rate limit and the block that follows when it is ignored. Where the vendor's pages are silent the stand-in refuses.
//!
//! Sources: the pages «Leads», «Contacts», «Notes», «Tasks», «Users», «Pipelines» and «Filters» of the vendor's developers' section and of
//! its twin's, `developers.kommo.com`; for errors, issues of the vendor's own SDK, amocrm/amocrm-api-php.

mod account;
mod answer;
mod api;
mod check;
mod limits;
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
    Router,
    body::Bytes,
    extract::{Request, State},
    http::header,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;

use self::{
    account::Account,
    answer::{Refusal, error_answer},
    limits::Limits,
    oauth::Tokens,
};
pub use self::{
    oauth::OAuthApp,
    seed::{Seed, SeedContact, SeedDeal, Seeded, SeededContact},
    view::{BoardDeal, BoardStage, BoardTask, CrmContact, CrmDeal, CrmNote, CrmTask},
};
use super::{
    control::{Control, Delay, Stats},
    faults::Faults,
};

const TOKEN_PATH: &str = "/oauth2/access_token";

#[derive(Debug, Clone)]
pub struct AmoCrmOptions {
    pub token: String,
    /// An integration that may get tokens at `/oauth2/access_token`; `None`: there is none.
    pub oauth: Option<OAuthApp>,
    /// Requests in any one second before 429; `None`: no limit.
    pub rate_limit_per_second: Option<u32>,
    /// 429 answers within a minute before the account is blocked; `None`: never.
    pub block_after: Option<u32>,
    /// `retry_after` in a 429.
    pub retry_after_seconds: u64,
    /// A 429 is an HTML page.
    pub html_429: bool,
    /// How long after it was made an entity is found by `query`.
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
            html_429: false,
            search_lag: Duration::ZERO,
        }
    }
}

#[derive(Debug, Clone)]
pub struct AmoCrm(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: AmoCrmOptions,
    control: Arc<Control<Account>>,
    limits: Limits,
    tokens: Tokens,
}

impl AmoCrm {
    pub const PIPELINE: i64 = setup::MAIN_PIPELINE;
    pub const FOREIGN_PIPELINE: i64 = setup::FOREIGN_PIPELINE;
    pub const STATUS: i64 = setup::PROFTEST_STATUS;
    /// The user of the token; the next two are users too.
    pub const OWNER: i64 = setup::OWNER;

    pub fn new(options: AmoCrmOptions) -> Self {
        Self(Arc::new(Inner {
            tokens: Tokens::of(options.oauth.as_ref()),
            options,
            control: Arc::new(Control::new(error_answer)),
            limits: Limits::default(),
        }))
    }

    pub fn router(&self) -> Router {
        let vendor = api::routes()
            .route(TOKEN_PATH, post(exchange))
            .method_not_allowed_fallback(not_found)
            .fallback(not_found)
            .layer(from_fn_with_state(self.clone(), admit))
            .with_state(self.clone());
        self.0.control.router(vendor)
    }

    /// Every deal, seeded ones too, oldest first.
    pub fn deals(&self) -> Vec<CrmDeal> {
        self.0.control.with(|account| {
            let deals = account.deals.values();
            deals.map(|deal| view::deal(account, deal)).collect()
        })
    }

    /// Every contact, seeded ones too, oldest first.
    pub fn contacts(&self) -> Vec<CrmContact> {
        self.0.control.with(|account| {
            let contacts = account.contacts.values();
            contacts.map(|contact| view::contact(account, contact)).collect()
        })
    }

    pub fn notes(&self) -> Vec<CrmNote> {
        self.0.control.with(|account| account.notes.clone())
    }

    pub fn tasks(&self) -> Vec<CrmTask> {
        self.0.control.with(|account| account.tasks.clone())
    }

    /// A salesperson ticks a task off, or makes one that we know nothing of.
    pub fn change_tasks(&self, change: impl FnOnce(&mut Vec<CrmTask>)) {
        self.0.control.with(|account| change(&mut account.tasks));
    }

    /// A salesperson moves a deal within its pipeline.
    pub fn move_deal(&self, deal: i64, status: i64) {
        self.0.control.with(|account| {
            if let Some(deal) = account.deals.get_mut(&deal) {
                deal.status_id = status;
            }
        });
    }

    /// A salesperson deletes a deal for good.
    pub fn delete_deal(&self, deal: i64) {
        self.0.control.with(|account| account.deals.remove(&deal));
    }

    pub fn board(&self) -> Vec<BoardStage> {
        self.0.control.with(|account| view::board(account))
    }

    /// Puts people and deals in that were there before us; searches find them at once.
    pub fn seed(&self, seed: Seed) -> Result<Seeded, String> {
        self.0.control.with(|account| seed::put_in(account, seed))
    }

    /// The counts so far; `accepted` counts deals made.
    pub fn stats(&self) -> Stats {
        self.0.control.stats()
    }

    pub fn faults(&self) -> &Faults {
        &self.0.control.faults
    }

    /// From now on every call is answered 403.
    pub fn block(&self) {
        self.0.limits.block();
    }

    /// Ends a block, however it began.
    pub fn unblock(&self) {
        self.0.limits.unblock();
    }

    fn admit(&self, request: &Request, now: Instant) -> Result<(), Refusal> {
        let options = &self.0.options;
        self.0.limits.admit(options, now)?;
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

    /// Answers, and counts a refusal. `None`: nothing was found.
    fn answer(&self, answered: Result<Option<Value>, Refusal>) -> Response {
        match answered {
            Ok(body) => answer::success(body.as_ref()),
            Err(refusal) => {
                self.0.control.refused(refusal.name);
                refusal.into_response()
            }
        }
    }
}

async fn admit(State(crm): State<AmoCrm>, request: Request, next: Next) -> Response {
    if let Err(refusal) = crm.admit(&request, Instant::now()) {
        return crm.answer(Err(refusal));
    }
    Delay::wait(request.extensions()).await;
    next.run(request).await
}

async fn exchange(State(crm): State<AmoCrm>, body: Bytes) -> Response {
    let app = crm.0.options.oauth.as_ref();
    let answer = crm.0.tokens.exchange(app, &body, Instant::now());
    crm.answer(answer.map(Some))
}

/// Also for a wrong method, which the vendor answers 405.
async fn not_found(State(crm): State<AmoCrm>) -> Response {
    crm.answer(Err(Refusal::not_found()))
}
