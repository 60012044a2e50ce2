//! What a function stands between when its own time is what counts: a real database, and everything else in the memory
//! of this process, so that nothing but the function and PostgreSQL can be slow.

use crate::Error;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Json, Router};
use harness::certificates::Authority;
use harness::postgres::{Cluster, Place, connect};
use harness::roles;
use harness::runtime_api::Function;
use harness::vendors::{Options, Vendors};
use harness::world::GUARD_KEY;
use harness::{emulator, tools};
use ops::migrate;
use serde_json::{Value, json};
use standins::{Running, serve};
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_postgres::Client;

const DATABASE: &str = "bench";
const TIMEOUT: Duration = Duration::from_mins(1);
const HOST: &str = "localhost";
/// Counted as in production, and never passed.
const LIMITS: &str =
    "sms.hour=2000000,sms.day=2000000,mail.hour=2000000,mail.day=2000000,money.day=2000000000";

/// Everything a measured function needs; it all stops with this value.
pub struct Setup {
    cluster: Cluster,
    /// The root that has signed the server's certificate.
    pub ca_pem: String,
    binaries: PathBuf,
    log: File,
    aws: Aws,
    aws_server: Running,
    pub vendors: Vendors,
}

/// AWS as the functions call it, which agrees to everything after a while.
#[derive(Clone, Default)]
struct Aws {
    answers_after_ms: Arc<AtomicU64>,
    /// Seconds for which a received message is to be hidden, by its receipt handle.
    held: Arc<Mutex<HashMap<String, u64>>>,
}

async fn agree(State(aws): State<Aws>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let after = aws.answers_after_ms.load(Ordering::Relaxed);
    if after > 0 {
        tokio::time::sleep(Duration::from_millis(after)).await;
    }
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    let asked = || serde_json::from_slice::<Value>(&body).unwrap_or_default();
    Json(match target.and_then(|target| target.rsplit('.').next()) {
        Some("SendMessage") => json!({"MessageId": "1", "MD5OfMessageBody": ""}),
        Some("SendMessageBatch") => {
            let entries = asked()["Entries"].as_array().cloned().unwrap_or_default();
            let sent = entries
                .iter()
                .map(|entry| json!({"Id": entry["Id"], "MessageId": "1", "MD5OfMessageBody": ""}));
            json!({"Successful": sent.collect::<Vec<_>>(), "Failed": []})
        }
        Some("ChangeMessageVisibility") => {
            let asked = asked();
            let handle = asked["ReceiptHandle"].as_str().unwrap_or_default().to_owned();
            let seconds = asked["VisibilityTimeout"].as_u64().unwrap_or_default();
            let mut held = aws.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.insert(handle, seconds);
            json!({})
        }
        Some(_) => json!({}),
        None => json!({"ScheduleArn": "arn:aws:scheduler:eu-central-1:000000000000:schedule/default/one"}),
    })
}

impl Setup {
    /// Starts it below `dir`, which is emptied. Resend takes at most `resend_limit` requests a second.
    pub async fn start(dir: &Path, resend_limit: Option<u32>) -> Result<Self, Error> {
        let dir = std::path::absolute(dir)?;
        if dir.exists() {
            std::fs::remove_dir_all(&dir)?;
        }
        std::fs::create_dir_all(&dir)?;
        let place = Place::new(dir.join("postgres"), true);
        let cluster = Cluster::start(&place).await.map_err(Error::Part)?;
        fresh_database(&cluster, DATABASE).await?;
        let ca_pem = turn_tls_on(&cluster).await?;
        let aws = Aws::default();
        let mut options = Options::unlimited();
        options.resend.rate_limit_per_second = resend_limit;
        let stub = Router::new().fallback(agree).with_state(aws.clone());
        Ok(Self {
            binaries: tools::build_dir().map_err(Error::Part)?,
            log: File::create(dir.join("functions.log"))?,
            aws_server: serve(TcpListener::bind("127.0.0.1:0").await?, stub)?,
            vendors: Vendors::start(options).await?,
            cluster,
            ca_pem,
            aws,
        })
    }

    /// For how long a function has asked to hide the message of this receipt handle.
    pub fn held(&self, handle: &str) -> Option<Duration> {
        let mut held = self.aws.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.remove(handle).map(Duration::from_secs)
    }

    pub fn aws_answers_after(&self, milliseconds: u64) {
        self.aws.answers_after_ms.store(milliseconds, Ordering::Relaxed);
    }

    pub fn aws_url(&self) -> String {
        self.aws_server.url()
    }

    /// The database without TLS.
    pub fn database_url(&self) -> String {
        self.cluster.url(DATABASE)
    }

    pub fn tls_url(&self) -> String {
        self.database_url().replace("@127.0.0.1:", &format!("@{HOST}:"))
    }

    pub async fn database(&self) -> Result<Client, Error> {
        Ok(connect(&self.database_url()).await?)
    }

    pub fn binary(&self, name: &str) -> PathBuf {
        self.binaries.join(name)
    }

    /// The variables of a function, over the database without TLS, as its role.
    pub fn settings(&self, function: &str) -> Result<Vec<(&'static str, String)>, Error> {
        let aws = self.aws_url();
        let queue = format!("{aws}/000000000000/queue");
        let text = str::to_owned;
        let mut settings = vec![
            ("RUST_LOG", text("error")),
            ("NOTIFICATIONS_QUEUE_URL", queue.clone()),
            (
                "NOTIFICATIONS_QUEUE_ARN",
                text("arn:aws:sqs:eu-central-1:000000000000:queue"),
            ),
            (
                "NOTIFICATIONS_DLQ_ARN",
                text("arn:aws:sqs:eu-central-1:000000000000:dlq"),
            ),
            ("CRM_QUEUE_URL", queue),
            ("SCHEDULE_GROUP", text("default")),
            ("SCHEDULER_ROLE_ARN", text("arn:aws:iam::000000000000:role/any")),
            ("GUARD_KEY", text(GUARD_KEY)),
            ("LIMITS", text(LIMITS)),
        ];
        settings.extend(emulator::settings(&aws));
        settings.extend(self.vendors.urls.settings());
        if function != "page" {
            settings.push(("DATABASE_URL", as_role(&self.database_url(), function)?));
        }
        Ok(settings)
    }

    /// Starts a function, which `cargo run -p bench` has built beside this program, with [`Setup::settings`] and these.
    pub async fn start_function(&self, name: &str, more: &[(&str, String)]) -> Result<Function, Error> {
        let (binary, settings) = (self.binary(name), self.settings(name)?);
        if !binary.exists() {
            return Err(Error::NotBuilt(name.to_owned()));
        }
        let log = self.log.try_clone()?;
        let function = Function::start(&binary, TIMEOUT, |command| {
            command.stdout(log);
            command.envs(settings.iter().map(|(name, value)| (name, value)));
            command.envs(more.iter().map(|(name, value)| (name, value)));
        });
        Ok(function.await?)
    }

    /// The same, and waits until it is ready for events.
    pub async fn function(&self, name: &str) -> Result<Function, Error> {
        let mut function = self.start_function(name, &[]).await?;
        function.ready().await?;
        Ok(function)
    }
}

/// The address of a database at which this function reaches it.
pub fn as_role(owner_url: &str, function: &str) -> Result<String, Error> {
    roles::url(owner_url, function).map_err(Error::Part)
}

/// Lets the server speak TLS, and returns the root that signed its certificate.
async fn turn_tls_on(cluster: &Cluster) -> Result<String, Error> {
    let part = |error: &dyn std::fmt::Display| Error::Part(format!("the server cannot speak TLS: {error}"));
    let authority = Authority::new().map_err(|error| part(&error))?;
    let certified = authority.certify(HOST).map_err(|error| part(&error))?;
    certified.install(cluster).await.map_err(|error| part(&error))?;
    Ok(authority.pem)
}

pub async fn fresh_database(cluster: &Cluster, name: &str) -> Result<Client, Error> {
    // A server whose files outlived their directory may still have an old one.
    let server = connect(&cluster.url("postgres")).await?;
    server
        .batch_execute(&format!("drop database if exists {name} with (force)"))
        .await?;
    cluster.create_database(name, None).await.map_err(Error::Part)?;
    let mut client = connect(&cluster.url(name)).await?;
    migrate::migrate(&mut client)
        .await
        .map_err(|error| Error::Part(error.to_string()))?;
    let password = roles::password(&cluster.url(name)).map_err(Error::Part)?;
    roles::prepare(&mut client, password).await.map_err(Error::Part)?;
    Ok(client)
}
