//! What all stand-ins share: what they accepted, the counts and the faults.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{Extensions, StatusCode, header::CONTENT_TYPE},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    browser::only_programs,
    faults::{Faults, Mode},
    lock,
    meter::Meter,
    serve::{Conn, cut},
};

/// Resend's own limit, which is the largest of the three.
const BODY_MAX_BYTES: usize = 40 * 1024 * 1024;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    pub requests: u64,
    /// Messages taken; amoCRM: deals created.
    pub accepted: u64,
    /// Requests whose idempotency key was known: answered as before, nothing was taken again.
    pub replayed: u64,
    pub faulted: u64,
    pub rejected: BTreeMap<String, u64>,
    /// Answers by HTTP status, faults included. A connection cut without an answer counts nowhere.
    pub statuses: BTreeMap<u16, u64>,
    /// The most requests seen in any one second.
    pub max_in_one_second: usize,
    /// Sends without an `Idempotency-Key`: Resend only, and legal there, but a retry would send twice.
    pub without_idempotency_key: u64,
}

/// The wait of [`Mode::Slow`]. The handler keeps it between checking a request and doing the work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delay(Duration);

impl Delay {
    /// Waits, if the request has been slowed down.
    pub(super) async fn wait(extensions: &Extensions) {
        if let Some(Self(delay)) = extensions.get() {
            tokio::time::sleep(*delay).await;
        }
    }
}

/// Builds the vendor's own error answer for [`Mode::Status`] and [`Mode::RateLimit`] from the HTTP status, the error's
/// name and the seconds for `retry-after`.
pub(super) type ErrorAnswer = fn(u16, Option<&str>, Option<u64>) -> Response;

#[derive(Debug)]
pub(super) struct Control<S> {
    error_answer: ErrorAnswer,
    pub(super) faults: Faults,
    inner: Mutex<Inner<S>>,
}

#[derive(Debug, Default)]
struct Inner<S> {
    sent: S,
    stats: Stats,
    meter: Meter,
}

impl<M: Clone + Send + 'static> Control<Vec<M>> {
    pub(super) fn sent(&self) -> Vec<M> {
        self.with(|sent| sent.clone())
    }

    pub(super) fn select<T>(&self, select: impl FnMut(&M) -> Option<T>) -> Vec<T> {
        self.with(|sent| sent.iter().filter_map(select).collect())
    }

    pub(super) fn accept(&self, message: M) {
        self.with(|sent| sent.push(message));
        self.count(|stats| stats.accepted += 1);
    }
}

impl<S: Default + Send + 'static> Control<S> {
    pub(super) fn new(error_answer: ErrorAnswer) -> Self {
        Self {
            error_answer,
            faults: Faults::default(),
            inner: Mutex::default(),
        }
    }

    /// Reads or changes what is kept, under its lock: `work` must not call this value again.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut S) -> T) -> T {
        work(&mut lock(&self.inner).sent)
    }

    pub(super) fn stats(&self) -> Stats {
        lock(&self.inner).stats.clone()
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Stats)) {
        change(&mut lock(&self.inner).stats);
    }

    pub(super) fn refused(&self, name: &str) {
        self.count(|stats| *stats.rejected.entry(name.to_owned()).or_default() += 1);
    }

    fn request(&self) {
        let mut inner = lock(&self.inner);
        let in_second = inner.meter.hit(Instant::now());
        inner.stats.requests += 1;
        inner.stats.max_in_one_second = inner.stats.max_in_one_second.max(in_second);
    }

    pub(super) fn router(self: &Arc<Self>, vendor: Router) -> Router {
        vendor
            .layer(from_fn_with_state(Arc::clone(self), count_answers::<S>))
            .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
            .layer(from_fn(only_programs))
    }
}

async fn count_answers<S: Default + Send + 'static>(
    State(control): State<Arc<Control<S>>>,
    Extension(conn): Extension<Conn>,
    request: Request,
    next: Next,
) -> Response {
    control.request();
    let answer = apply_fault(&control, &conn, request, next).await;
    let status = answer.status().as_u16();
    control.count(|stats| *stats.statuses.entry(status).or_default() += 1);
    answer
}

async fn apply_fault<S: Default + Send + 'static>(
    control: &Control<S>,
    conn: &Conn,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(mode) = control.faults.next(request.method(), request.uri().path()) else {
        return next.run(request).await;
    };
    control.count(|stats| stats.faulted += 1);
    match mode {
        Mode::Status {
            status,
            name,
            retry_after,
        } => (control.error_answer)(status, name.as_deref(), retry_after),
        Mode::RateLimit { retry_after } => {
            (control.error_answer)(StatusCode::TOO_MANY_REQUESTS.as_u16(), None, Some(retry_after))
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
        Mode::Timeout {} => conn.hang().await,
        Mode::AcceptThenDrop {} => {
            next.run(request).await;
            cut()
        }
        Mode::Drop {} => cut(),
    }
}

/// [`Fault::from_json`](super::faults::Fault::from_json) checks the range of a status; one made in Rust may have any.
pub(super) fn http_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

pub(super) fn html_page(status: u16) -> Response {
    let status = http_status(status);
    let page = format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    (status, [(CONTENT_TYPE, "text/html")], page).into_response()
}

/// Only the JSON is broken, as when a proxy loses its upstream: the status and the type stay.
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
