//! What the functions stand between: a database, queues, vendors.

use crate::Error;
use aws_sdk_sqs::config::Credentials;
use local::emulator::Emulator;
use local::migrate;
use local::postgres::{Cluster, Place, connect};
use local::runtime_api::Function;
use local::standins::{Fault, Feed, Mobizon, MobizonOptions, Mode, Resend, ResendOptions, Running, serve};
use local::steps::Steps;
use local::tools;
use proftest::aws::{SdkConfig, sdk_loader};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_postgres::Client;

/// The database of every measurement.
pub(crate) const DATABASE: &str = "bench";
/// The region that clients are told.
pub(crate) const REGION: &str = "eu-central-1";
const RESEND_KEY: &str = "re_bench";
const MOBIZON_KEY: &str = "kz_bench";
const TIMEOUT: Duration = Duration::from_secs(30);

/// A fresh database, an AWS emulator, the vendors' stand-ins; all stop with this value.
pub struct World {
    cluster: Cluster,
    emulator: Emulator,
    sdk: SdkConfig,
    binaries: PathBuf,
    /// Resend's stand-in.
    pub resend: Resend,
    /// Mobizon's stand-in.
    pub mobizon: Mobizon,
    servers: [Running; 2],
}

impl World {
    /// Starts everything below `dir`, which is emptied. Both vendors answer after `answer_after`; Resend takes at most
    /// `resend_limit` requests a second.
    pub async fn start(dir: &Path, answer_after: Duration, resend_limit: Option<u32>) -> Result<Self, Error> {
        let dir = std::path::absolute(dir)?;
        if dir.exists() {
            std::fs::remove_dir_all(&dir)?;
        }
        std::fs::create_dir_all(&dir)?;
        let cluster = database(&dir).await?;
        let python = tools::emulator_python(&|line| println!("{line}"))
            .await
            .map_err(Error::Part)?;
        let emulator = Emulator::start(python, &dir, Steps::new(false))
            .await
            .map_err(Error::Part)?;
        let sdk = sdk(&emulator.endpoint).await;
        let mut options = ResendOptions::new(RESEND_KEY);
        options.rate_limit_per_second = resend_limit;
        let resend = Resend::new(options, Feed::default());
        let mobizon = Mobizon::new(MobizonOptions::new(MOBIZON_KEY), Feed::default());
        let ms = u64::try_from(answer_after.as_millis()).unwrap_or(u64::MAX);
        for faults in [resend.faults(), mobizon.faults()] {
            faults.add(Fault {
                mode: Mode::Slow { ms },
                count: None,
                every: None,
                path: None,
            });
        }
        Ok(Self {
            servers: [
                serve(TcpListener::bind("127.0.0.1:0").await?, resend.router())?,
                serve(TcpListener::bind("127.0.0.1:0").await?, mobizon.router())?,
            ],
            binaries: tools::build_functions(&["deliver"]).await.map_err(Error::Part)?,
            cluster,
            emulator,
            sdk,
            resend,
            mobizon,
        })
    }

    /// A connection to the database.
    pub async fn database(&self) -> Result<Client, Error> {
        Ok(connect(&self.database_url()).await?)
    }

    /// The database's address.
    pub fn database_url(&self) -> String {
        self.cluster.url(DATABASE)
    }

    /// A client of SQS.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.sdk)
    }

    /// A process of `deliver` that works on `queue_url`.
    pub async fn deliver(&self, queue_url: &str) -> Result<Function, Error> {
        let [resend, mobizon] = &self.servers;
        let settings = [
            ("AWS_ENDPOINT_URL", self.emulator.endpoint.as_str()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("RUST_LOG", "error"),
            ("DATABASE_URL", &self.database_url()),
            ("NOTIFICATIONS_QUEUE_URL", queue_url),
            ("RESEND_API_KEY", RESEND_KEY),
            ("RESEND_BASE_URL", &resend.url()),
            ("MOBIZON_API_KEY", MOBIZON_KEY),
            ("MOBIZON_BASE_URL", &mobizon.url()),
        ];
        let binary = self.binaries.join("deliver");
        let mut function = Function::start(&binary, TIMEOUT, |command| {
            command.envs(settings);
        })
        .await?;
        function.ready().await?;
        Ok(function)
    }
}

/// A server with one fresh, migrated database.
pub(crate) async fn database(dir: &Path) -> Result<Cluster, Error> {
    let place = Place::new(dir.join("postgres"), true);
    let cluster = Cluster::start(&place).await.map_err(Error::Part)?;
    fresh_database(&cluster, DATABASE).await?;
    Ok(cluster)
}

/// A fresh, migrated database, and a connection to it.
pub(crate) async fn fresh_database(cluster: &Cluster, name: &str) -> Result<Client, Error> {
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
    Ok(client)
}

/// How AWS is reached at `endpoint`.
pub(crate) async fn sdk(endpoint: &str) -> SdkConfig {
    sdk_loader()
        .region(REGION)
        .credentials_provider(Credentials::new("test", "test", None, None, "bench"))
        .endpoint_url(endpoint)
        .load()
        .await
}
