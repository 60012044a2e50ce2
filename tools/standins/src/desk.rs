//! What all stand-ins share: what they have accepted, the counts, the faults, and the control paths.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{ConnectInfo, DefaultBodyLimit, Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;

use super::{
    faults::{Fault, Faults, Mode},
    feed::Feed,
    lock,
    meter::Meter,
    serve::Conn,
};

/// Resend takes up to 40 MB with attachments (its «Attachments» page); nothing here needs more.
const BODY_MAX_BYTES: usize = 40 * 1024 * 1024;

/// What a stand-in has counted since it started or was cleared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Requests to the vendor's paths.
    pub requests: u64,
    /// Messages taken; amoCRM: deals created.
    pub accepted: u64,
    /// Requests answered from an idempotency key's memory: nothing was taken again.
    pub replayed: u64,
    /// Requests spoilt by a fault.
    pub faulted: u64,
    /// Requests refused by the vendor's rules, by the vendor's error name or code.
    pub rejected: BTreeMap<String, u64>,
    /// Answers by HTTP status, faults included. A connection cut without an answer counts nowhere.
    pub statuses: BTreeMap<u16, u64>,
    /// The most requests seen in any one second.
    pub max_in_one_second: usize,
    /// Sends without an `Idempotency-Key`: Resend only, and legal there, but a retry would send twice.
    pub without_idempotency_key: u64,
}

/// Waiting ordered by [`Mode::Slow`], for the handler to keep between accepting the work and doing it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delay(pub(super) Duration);

/// Builds the vendor's own error answer for [`Mode::Status`] and [`Mode::RateLimit`]: HTTP status, error name,
/// seconds for `retry-after`.
pub(super) type ErrorAnswer = fn(u16, Option<&str>, Option<u64>) -> Response;

/// What a stand-in keeps of what it has accepted.
pub(super) trait Shelf: Default + Send + 'static {
    /// An entry of `/_sent`.
    type Entry: Serialize + Send;

    /// Everything kept, oldest first.
    fn entries(&self) -> Vec<Self::Entry>;

    /// Forgets everything.
    fn clear(&mut self);
}

/// Messages need no more than a list.
impl<M: Clone + Serialize + Send + 'static> Shelf for Vec<M> {
    type Entry = M;

    fn entries(&self) -> Vec<M> {
        self.clone()
    }

    fn clear(&mut self) {
        Self::clear(self);
    }
}

/// The state of one stand-in.
#[derive(Debug)]
pub(super) struct Desk<S> {
    vendor: &'static str,
    error_answer: ErrorAnswer,
    pub(super) faults: Faults,
    feed: Feed,
    book: Mutex<Book<S>>,
}

#[derive(Debug)]
struct Book<S> {
    shelf: S,
    stats: Stats,
    meter: Meter,
}

impl<M: Clone + Serialize + Send + 'static> Desk<Vec<M>> {
    /// Messages for which `select` gives something, oldest first.
    pub(super) fn select<T>(&self, select: impl FnMut(&M) -> Option<T>) -> Vec<T> {
        self.with(|sent| sent.iter().filter_map(select).collect())
    }

    pub(super) fn accept(&self, message: M, summary: String) {
        {
            let mut book = lock(&self.book);
            book.stats.accepted += 1;
            book.shelf.push(message);
        }
        self.tell(summary);
    }
}

impl<S: Shelf> Desk<S> {
    pub(super) fn new(vendor: &'static str, error_answer: ErrorAnswer, feed: Feed) -> Self {
        let book = Book {
            shelf: S::default(),
            stats: Stats::default(),
            meter: Meter::default(),
        };
        Self {
            vendor,
            error_answer,
            faults: Faults::default(),
            feed,
            book: Mutex::new(book),
        }
    }

    pub(super) fn sent(&self) -> Vec<S::Entry> {
        self.with(|shelf| shelf.entries())
    }

    /// Works on what is kept, alone. `work` must not come back to the desk.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut S) -> T) -> T {
        work(&mut lock(&self.book).shelf)
    }

    pub(super) fn stats(&self) -> Stats {
        lock(&self.book).stats.clone()
    }

    pub(super) fn clear(&self) {
        let mut book = lock(&self.book);
        book.shelf.clear();
        book.stats = Stats::default();
    }

    /// Counts `count` accepted at once.
    pub(super) fn accepted(&self, count: u64) {
        lock(&self.book).stats.accepted += count;
    }

    /// One line for the feed.
    pub(super) fn tell(&self, summary: String) {
        self.feed.push(self.vendor, summary);
    }

    pub(super) fn reject(&self, name: String) {
        self.tell(format!("refused: {name}"));
        *lock(&self.book).stats.rejected.entry(name).or_default() += 1;
    }

    pub(super) fn replayed(&self, summary: String) {
        lock(&self.book).stats.replayed += 1;
        self.tell(summary);
    }

    pub(super) fn without_idempotency_key(&self) {
        lock(&self.book).stats.without_idempotency_key += 1;
    }

    fn request(&self) {
        let mut book = lock(&self.book);
        let in_second = book.meter.hit(Instant::now());
        book.stats.requests += 1;
        book.stats.max_in_one_second = book.stats.max_in_one_second.max(in_second);
    }

    fn faulted(&self, mode: &Mode) {
        lock(&self.book).stats.faulted += 1;
        self.tell(format!("fault: {mode}"));
    }

    fn answered(&self, status: StatusCode) {
        *lock(&self.book)
            .stats
            .statuses
            .entry(status.as_u16())
            .or_default() += 1;
    }

    /// The vendor's routes behind the faults, with the control paths beside them.
    pub(super) fn router(self: &Arc<Self>, vendor: Router) -> Router {
        let control = Router::new()
            .route("/_sent", get(list_sent::<S>).delete(clear_sent::<S>))
            .route("/_stats", get(show_stats::<S>))
            .route(
                "/_faults",
                get(list_faults::<S>)
                    .post(add_fault::<S>)
                    .delete(clear_faults::<S>),
            )
            .with_state(Arc::clone(self));
        vendor
            .layer(from_fn_with_state(Arc::clone(self), count_answers::<S>))
            .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
            .merge(control)
    }
}

async fn count_answers<S: Shelf>(
    State(desk): State<Arc<Desk<S>>>,
    ConnectInfo(conn): ConnectInfo<Conn>,
    request: Request,
    next: Next,
) -> Response {
    desk.request();
    let answer = meet_faults(&desk, &conn, request, next).await;
    if !conn.is_cut() {
        desk.answered(answer.status());
    }
    answer
}

async fn meet_faults<S: Shelf>(desk: &Desk<S>, conn: &Conn, mut request: Request, next: Next) -> Response {
    let Some(mode) = desk.faults.next(request.method(), request.uri().path()) else {
        return next.run(request).await;
    };
    desk.faulted(&mode);
    match mode {
        Mode::Status {
            status,
            name,
            retry_after,
        } => (desk.error_answer)(status, name.as_deref(), retry_after),
        Mode::RateLimit { retry_after } => {
            (desk.error_answer)(StatusCode::TOO_MANY_REQUESTS.as_u16(), None, Some(retry_after))
        }
        Mode::Html { status } => html_page(status),
        Mode::Slow { ms } => {
            request.extensions_mut().insert(Delay(Duration::from_millis(ms)));
            // A task of its own outlives a client that gives up.
            let work = tokio::spawn(next.run(request));
            work.await
                .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
        }
        Mode::Truncated {} => cut_in_half(next.run(request).await).await,
        Mode::Timeout {} => {
            conn.hang().await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        Mode::AcceptThenDrop {} => {
            let answer = next.run(request).await;
            conn.cut();
            answer
        }
        Mode::Drop {} => {
            conn.cut();
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}

/// `status` as axum knows it; the control path has checked the range, in-process faults may be anything.
pub(super) fn http_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The page of a vendor's proxy.
pub(super) fn html_page(status: u16) -> Response {
    let status = http_status(status);
    let page = format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    (status, [(CONTENT_TYPE, "text/html")], page).into_response()
}

/// Keeps the status and the type: only the JSON is broken, as when a proxy loses its upstream half way.
async fn cut_in_half(answer: Response) -> Response {
    let (status, content_type) = (answer.status(), answer.headers().get(CONTENT_TYPE).cloned());
    let body = axum::body::to_bytes(answer.into_body(), BODY_MAX_BYTES)
        .await
        .unwrap_or_default();
    let mut cut = (status, body.slice(..body.len() / 2)).into_response();
    if let Some(content_type) = content_type {
        cut.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    cut
}

async fn list_sent<S: Shelf>(State(desk): State<Arc<Desk<S>>>) -> Json<Vec<S::Entry>> {
    Json(desk.sent())
}

async fn clear_sent<S: Shelf>(State(desk): State<Arc<Desk<S>>>) -> StatusCode {
    desk.clear();
    StatusCode::NO_CONTENT
}

async fn show_stats<S: Shelf>(State(desk): State<Arc<Desk<S>>>) -> Json<Stats> {
    Json(desk.stats())
}

async fn list_faults<S: Shelf>(State(desk): State<Arc<Desk<S>>>) -> Json<Vec<Fault>> {
    Json(desk.faults.list())
}

async fn add_fault<S: Shelf>(State(desk): State<Arc<Desk<S>>>, body: Bytes) -> Response {
    match Fault::from_json(&body) {
        Ok(fault) => {
            desk.faults.add(fault);
            (StatusCode::CREATED, Json(desk.faults.list())).into_response()
        }
        Err(error) => (
            StatusCode::BAD_REQUEST,
            Json(serde_json::json!({ "error": error })),
        )
            .into_response(),
    }
}

async fn clear_faults<S: Shelf>(State(desk): State<Arc<Desk<S>>>) -> StatusCode {
    desk.faults.clear();
    StatusCode::NO_CONTENT
}
