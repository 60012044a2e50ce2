//! A front before the AWS emulator, in which Scheduler and SQS can be out of order, each in its own way.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use harness::tools;
use standins::{Running, serve};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// What it should.
    None,
    /// 429 ThrottlingException, not carried out.
    Throttled,
    /// 500 InternalServerException, not carried out.
    Broken,
    /// The connection is cut before there is an answer, not carried out.
    Cut,
    /// No answer, not carried out.
    Hangs,
    /// Carried out, and its answer never comes.
    Forgets,
}

/// A running front; it ends with this value.
pub struct Front {
    server: Running,
    troubles: Arc<Mutex<[Trouble; 2]>>,
}

#[derive(Clone)]
struct Before {
    emulator: String,
    http: reqwest::Client,
    troubles: Arc<Mutex<[Trouble; 2]>>,
}

impl Front {
    pub async fn before(emulator: &str) -> Self {
        let troubles = Arc::new(Mutex::new([Trouble::None; 2]));
        let before = Before {
            emulator: emulator.to_owned(),
            http: tools::http_client().unwrap(),
            troubles: Arc::clone(&troubles),
        };
        let router = Router::new().fallback(answer).with_state(before);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            server: serve(listener, router).unwrap(),
            troubles,
        }
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    pub fn set(&self, scheduler: Trouble, sqs: Trouble) {
        *self.troubles.lock().unwrap() = [scheduler, sqs];
    }
}

async fn answer(State(before): State<Before>, request: Request) -> Response {
    let [scheduler, sqs] = *before.troubles.lock().unwrap();
    // Scheduler's calls are known by their paths; those of SQS all go to the root.
    let trouble = if request.uri().path().starts_with("/schedules/") {
        scheduler
    } else {
        sqs
    };
    let refused = |status: StatusCode, error: &str| {
        let body = format!(r#"{{"__type":"{error}","message":"as the test wishes"}}"#);
        (status, [("x-amzn-errortype", error.to_owned())], body).into_response()
    };
    match trouble {
        Trouble::None => forward(&before, request).await,
        Trouble::Throttled => refused(StatusCode::TOO_MANY_REQUESTS, "ThrottlingException"),
        Trouble::Broken => refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerException"),
        Trouble::Cut => {
            let cut = futures::stream::once(async { Err::<Bytes, _>("cut") });
            Body::from_stream(cut).into_response()
        }
        Trouble::Hangs => hang().await,
        Trouble::Forgets => {
            forward(&before, request).await;
            hang().await
        }
    }
}

/// Longer than any client waits.
async fn hang() -> Response {
    tokio::time::sleep(Duration::from_secs(30)).await;
    StatusCode::GATEWAY_TIMEOUT.into_response()
}

async fn forward(before: &Before, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let url = format!("{}{}", before.emulator, head.uri);
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let sent = before
        .http
        .request(head.method, url)
        .headers(without_connection(head.headers))
        .body(body)
        .send()
        .await;
    let answer = sent.unwrap();
    let (status, headers) = (answer.status(), without_connection(answer.headers().clone()));
    let body: Bytes = answer.bytes().await.unwrap();
    (status, headers, Body::from(body)).into_response()
}

fn without_connection(mut headers: HeaderMap) -> HeaderMap {
    for name in [
        header::HOST,
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
    ] {
        headers.remove(name);
    }
    headers
}
