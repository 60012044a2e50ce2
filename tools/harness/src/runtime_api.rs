//! A function's own process, driven as Lambda drives it.
//!
//! Lambda starts a binary with `AWS_LAMBDA_RUNTIME_API` and answers its requests for the next event; here a test or a
//! benchmark does. One event at a time, as in a Lambda sandbox. Source: AWS Lambda developer guide, "Using the Lambda
//! runtime API", version 2018-06-01.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::Value;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};
use tokio::task::AbortHandle;
use uuid::Uuid;

/// The largest event and the largest answer that Lambda takes. Source: Lambda quotas.
const PAYLOAD_MAX: usize = 6 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The function reported an error; Lambda would try an asynchronous event again.
    #[error("the function reported {0}")]
    Reported(Value),
    #[error("the process ended: {0}")]
    Died(ExitStatus),
    /// It did not answer within its timeout. The process has been killed, as Lambda kills it.
    #[error("no answer within {0:?}")]
    Late(Duration),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

#[derive(Debug)]
enum Posted {
    /// It asks for an event for the first time: Init is over.
    Ready,
    Answer(String, Result<Value, Value>),
}

/// One process of a function; killed when dropped.
#[derive(Debug)]
pub struct Function {
    child: Child,
    events: mpsc::Sender<(String, Bytes)>,
    posted: mpsc::Receiver<Posted>,
    server: AbortHandle,
    timeout: Duration,
    is_ready: bool,
}

struct Api {
    events: Mutex<mpsc::Receiver<(String, Bytes)>>,
    posted: mpsc::Sender<Posted>,
    timeout: Duration,
}

impl Function {
    /// Starts `binary` with what `configure` gives it beyond this process's own environment. `timeout` bounds Init and
    /// each event.
    pub async fn start(
        binary: &Path,
        timeout: Duration,
        configure: impl FnOnce(&mut Command),
    ) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (events, next) = mpsc::channel(1);
        let (post, posted) = mpsc::channel(4);
        let api = Api {
            events: Mutex::new(next),
            posted: post,
            timeout,
        };
        let router = router(Arc::new(api));
        let server = tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
        let mut command = Command::new(binary);
        command
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", binary.file_name().unwrap_or_default())
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        configure(&mut command);
        Ok(Self {
            child: command.spawn()?,
            events,
            posted,
            server,
            timeout,
            is_ready: false,
        })
    }

    pub async fn ready(&mut self) -> Result<(), Failed> {
        while !self.is_ready {
            self.posted().await?;
        }
        Ok(())
    }

    pub async fn invoke(&mut self, event: &Value) -> Result<Value, Failed> {
        let id = Uuid::new_v4().to_string();
        // The process may be gone already; the wait below tells.
        let _ = self
            .events
            .send((id.clone(), Bytes::from(event.to_string())))
            .await;
        loop {
            if let Some(Posted::Answer(answered, answer)) = self.posted().await?
                && answered == id
            {
                return answer.map_err(Failed::Reported);
            }
        }
    }

    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// The next thing it posts; `None` for the end of Init.
    async fn posted(&mut self) -> Result<Option<Posted>, Failed> {
        let timeout = self.timeout;
        tokio::select! {
            // An answer that was posted before the process died counts.
            biased;
            Some(posted) = self.posted.recv() => {
                self.is_ready = true;
                Ok(match posted {
                    Posted::Ready => None,
                    answer @ Posted::Answer(..) => Some(answer),
                })
            }
            ended = self.child.wait() => Err(Failed::Died(ended?)),
            () = tokio::time::sleep(timeout) => {
                self.child.kill().await?;
                Err(Failed::Late(timeout))
            }
        }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::max(PAYLOAD_MAX))
        .with_state(api)
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    let _ = api.posted.send(Posted::Ready).await;
    let Some((id, event)) = api.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let deadline = (now + api.timeout).as_millis().to_string();
    let function = "arn:aws:lambda:eu-central-1:000000000000:function:local";
    let headers = [
        ("lambda-runtime-aws-request-id", id.as_str()),
        ("lambda-runtime-deadline-ms", &deadline),
        ("lambda-runtime-invoked-function-arn", function),
        ("content-type", "application/json"),
    ];
    (headers, event).into_response()
}

async fn response(State(api): State<Arc<Api>>, UrlPath(id): UrlPath<String>, body: Bytes) -> StatusCode {
    let answer = serde_json::from_slice(&body).map_err(|error| Value::String(error.to_string()));
    let _ = api.posted.send(Posted::Answer(id, answer)).await;
    StatusCode::ACCEPTED
}

async fn error(State(api): State<Arc<Api>>, UrlPath(id): UrlPath<String>, body: Bytes) -> StatusCode {
    let told = serde_json::from_slice(&body).unwrap_or_default();
    let _ = api.posted.send(Posted::Answer(id, Err(told))).await;
    StatusCode::ACCEPTED
}

/// The process ends by itself after this; its exit tells.
async fn init_error(headers: HeaderMap, body: Bytes) -> StatusCode {
    let kind = headers
        .get("lambda-runtime-function-error-type")
        .and_then(|kind| kind.to_str().ok());
    tracing::error!(kind, error = %String::from_utf8_lossy(&body), "A function did not start");
    StatusCode::ACCEPTED
}
