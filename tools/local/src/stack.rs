//! The stack: database, emulator, stand-ins, gateway and console, started together and stopped together.

use crate::console::{self, Console};
use crate::gateway;
use harness::emulator::{Deployment, Emulator};
use harness::log::Log;
use harness::postgres::{Cluster, Place};
use harness::roles::Addresses;
use harness::tools;
use harness::vendors::{self, Vendors};
use harness::world::GUARD_KEY;
use ops::migrate;
use proftest::config::{Database, variable};
use proftest::store::Store;
use secrecy::ExposeSecret as _;
use serde_json::json;
use standins::Running;
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;

/// Parameters of template.yaml, and the functions whose addresses they are.
const DATABASE_URLS: [(&str, &str); 7] = [
    ("IntakeDatabaseUrl", "intake"),
    ("TrackDatabaseUrl", "track"),
    ("ReceiptsDatabaseUrl", "receipts"),
    ("RecipientDatabaseUrl", "recipient"),
    ("DeliverDatabaseUrl", "deliver"),
    ("CrmDatabaseUrl", "crm"),
    ("SweepDatabaseUrl", "sweep"),
];

#[derive(Debug, Clone)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line or of a test"
)]
pub struct Options {
    /// The gateway's port; 0 for any.
    pub port: u16,
    /// The console's port; 0 for any.
    pub console_port: u16,
    pub delay: Duration,
    pub state_dir: PathBuf,
    pub database_url: Option<String>,
    pub resend_url: Option<String>,
    pub mobizon_url: Option<String>,
    pub amocrm_url: Option<String>,
    /// Requests a second to amoCRM, of all workers together.
    pub crm_requests_per_second: u16,
    /// Whether commits wait for the disk.
    pub fsync: bool,
    /// Whether the guard has production's limits; otherwise it has none.
    pub strict: bool,
    /// Whether the stand-ins report what became of messages, as the vendors do.
    pub reports: bool,
    /// Whether the functions may do only what their policies allow.
    pub enforce_iam: bool,
    pub print: bool,
}

pub struct Stack {
    pub gateway: String,
    pub console: String,
    pub database_url: String,
    pub deployment: Deployment,
    /// The stand-ins; one whose place another address takes is not called.
    pub vendors: Vendors,
    pub emulator: Emulator,
    cluster: Option<Cluster>,
    servers: Vec<Running>,
    state_file: PathBuf,
    _lock: File,
}

impl Stack {
    /// Starts everything; once it returns, leads can be posted.
    pub async fn start(options: &Options) -> Result<Self, String> {
        Self::launch(options, None).await
    }

    pub async fn start_on(options: &Options, database: Addresses) -> Result<Self, String> {
        Self::launch(options, Some(database)).await
    }

    async fn launch(options: &Options, given: Option<Addresses>) -> Result<Self, String> {
        let dir = &options.state_dir;
        let lock = lock(dir)?;
        let say = |line: &str| {
            if options.print {
                println!("{line}");
            }
        };
        let log = Log::new(options.print);
        let gateway_listener = listen(options.port, "--port").await?;
        let console_listener = listen(options.console_port, "--console-port").await?;
        let gateway = url(&gateway_listener)?;
        let functions = tools::functions()?;
        say("Building the functions, starting PostgreSQL and the AWS emulator…");
        let build = tools::build_functions(&functions);
        let database = database(options, given);
        let emulator = async {
            let python = tools::emulator_python(&say).await?;
            Emulator::start(python, dir, log.clone(), options.enforce_iam).await
        };
        let (build, (cluster, addresses), emulator) = tokio::try_join!(build, database, emulator)?;
        let vendors = vendors(options).await?;
        say("Deploying template.yaml…");
        let parameters = parameters(options, &addresses, &gateway, &vendors.urls);
        let deployment = emulator.deploy("proftest", &build, &parameters).await?;
        if options.reports {
            vendors.report_to(&gateway);
        }
        let http = tools::http_client()?;
        let console = Console {
            gateway: gateway.clone(),
            delay: options.delay,
            store: store(&addresses.owner)?,
            resend: called(options.resend_url.as_ref(), &vendors.resend),
            mobizon: called(options.mobizon_url.as_ref(), &vendors.mobizon),
            amocrm: called(options.amocrm_url.as_ref(), &vendors.amocrm),
            log,
            http: http.clone(),
        };
        let console_url = url(&console_listener)?;
        let gateway_router = gateway::router(http, deployment.api_url.clone());
        let servers = vec![
            serve_on(gateway_listener, gateway_router)?,
            serve_on(console_listener, console::router(console))?,
        ];
        let stack = Self {
            gateway,
            console: console_url,
            database_url: addresses.owner.url.expose_secret().to_owned(),
            deployment,
            vendors,
            emulator,
            cluster,
            servers,
            state_file: dir.join("stack.json"),
            _lock: lock,
        };
        stack.write_state()?;
        Ok(stack)
    }

    fn write_state(&self) -> Result<(), String> {
        let state = json!({
            "gateway": self.gateway,
            "console": self.console,
            "database_url": self.database_url,
            "aws_endpoint": self.emulator.endpoint,
            "notifications_queue_url": self.deployment.notifications_queue_url,
            "notifications_dlq_url": self.deployment.notifications_dlq_url,
            "crm_queue_url": self.deployment.crm_queue_url,
            "pid": std::process::id(),
        });
        // Whole or not at all: a script may be waiting for it.
        let unfinished = self.state_file.with_extension("json.new");
        std::fs::write(&unfinished, format!("{state:#}\n"))
            .and_then(|()| std::fs::rename(&unfinished, &self.state_file))
            .map_err(|error| format!("{}: {error}", self.state_file.display()))
    }

    /// Stops everything, callers before what they call.
    pub async fn stop(self) {
        let _ = std::fs::remove_file(&self.state_file);
        self.emulator.stop().await;
        self.vendors.stop().await;
        for server in self.servers {
            server.stop().await;
        }
        if let Some(cluster) = self.cluster {
            cluster.stop().await;
        }
    }
}

fn lock(dir: &Path) -> Result<File, String> {
    let path = dir.join("lock");
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    std::fs::create_dir_all(dir).map_err(failed)?;
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(format!(
            "a stack already runs on {}: stop it, or use another --state-dir with other ports",
            dir.display()
        )),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

async fn listen(port: u16, option: &str) -> Result<TcpListener, String> {
    TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| format!("port {port} cannot be used ({error}): choose another with {option}"))
}

fn url(listener: &TcpListener) -> Result<String, String> {
    listener
        .local_addr()
        .map(|address| format!("http://{address}"))
        .map_err(|error| error.to_string())
}

/// A migrated database with the functions' roles: the given one, that of the options, or a private server's.
async fn database(
    options: &Options,
    given: Option<Addresses>,
) -> Result<(Option<Cluster>, Addresses), String> {
    if let Some(addresses) = given {
        return Ok((None, addresses));
    }
    let plain = |url: String| Database {
        url: url.into(),
        ca_pem: None,
    };
    let (cluster, database) = if let Some(url) = &options.database_url {
        let database = plain(url.clone());
        if !database.is_local() {
            return Err("DATABASE_URL leads to another machine; the local stack works only on a database of this one: \
                        unset it, and a private server is started"
                .to_owned());
        }
        (None, database)
    } else {
        let place = Place::new(options.state_dir.join("postgres"), options.fsync);
        let cluster = Cluster::start(&place).await?;
        cluster.create_database("proftest", None).await?;
        let database = plain(cluster.url("proftest"));
        (Some(cluster), database)
    };
    let failed = |error: String| format!("the local stack's database: {error}");
    migrate::migrate_database(&database)
        .await
        .map_err(|error| failed(error.to_string()))?;
    let addresses = Addresses::prepare(database).await.map_err(failed)?;
    Ok((cluster, addresses))
}

fn store(database: &Database) -> Result<Store, String> {
    Store::new(database, 4, Duration::from_secs(5)).map_err(|error| error.to_string())
}

async fn vendors(options: &Options) -> Result<Vendors, String> {
    let vendors = Vendors::start(vendors::Options::strict()).await;
    let mut vendors = vendors.map_err(|error| error.to_string())?;
    for (url, other) in [
        (&mut vendors.urls.resend, &options.resend_url),
        (&mut vendors.urls.mobizon, &options.mobizon_url),
        (&mut vendors.urls.amocrm, &options.amocrm_url),
    ] {
        if let Some(other) = other {
            url.clone_from(other);
        }
    }
    Ok(vendors)
}

fn called<T: Clone>(other_url: Option<&String>, stand_in: &T) -> Option<T> {
    other_url.is_none().then(|| stand_in.clone())
}

fn serve_on(listener: TcpListener, router: axum::Router) -> Result<Running, String> {
    standins::serve(listener, router).map_err(|error| error.to_string())
}

fn parameters(
    options: &Options,
    database: &Addresses,
    gateway: &str,
    urls: &vendors::Urls,
) -> BTreeMap<&'static str, String> {
    let mut parameters = BTreeMap::from([
        ("DatabaseCaPem", database.owner.ca_pem.clone().unwrap_or_default()),
        ("PublicBaseUrl", gateway.to_owned()),
        ("GuardKey", GUARD_KEY.to_owned()),
        ("Limits", if options.strict { "" } else { "off" }.to_owned()),
        ("NotificationDelaySeconds", options.delay.as_secs().to_string()),
        // The emulator's scheduler is precise to a fraction of a second.
        ("ScheduleLeadSeconds", "0".to_owned()),
        ("ResendBaseUrl", urls.resend.clone()),
        ("MobizonBaseUrl", urls.mobizon.clone()),
        ("AmocrmBaseUrl", urls.amocrm.clone()),
        (
            "AmocrmRequestsPerSecond",
            options.crm_requests_per_second.to_string(),
        ),
    ]);
    for (parameter, function) in DATABASE_URLS {
        parameters.insert(parameter, database.functions[function].clone());
    }
    // A key of a real vendor is used only with an address given for it.
    let (resend, mobizon, amocrm) = (&options.resend_url, &options.mobizon_url, &options.amocrm_url);
    let stand_ins = BTreeMap::from(urls.settings());
    for (parameter, name, other) in [
        ("ResendApiKey", "RESEND_API_KEY", resend),
        ("MobizonApiKey", "MOBIZON_API_KEY", mobizon),
        ("AmocrmAccessToken", "AMOCRM_ACCESS_TOKEN", amocrm),
        ("AmocrmPipeline", "AMOCRM_PIPELINE", amocrm),
        ("AmocrmLeadIdFieldId", "AMOCRM_LEAD_ID_FIELD_ID", amocrm),
        ("AmocrmUtmFieldIds", "AMOCRM_UTM_FIELD_IDS", amocrm),
    ] {
        let given = other.as_ref().and_then(|_| variable(name));
        parameters.insert(parameter, given.unwrap_or_else(|| stand_ins[name].clone()));
    }
    // Another vendor signs with its own secret, or nobody reports.
    for (parameter, name, other) in [
        ("ResendWebhookSecrets", "RESEND_WEBHOOK_SECRETS", resend),
        ("MobizonWebhookSecrets", "MOBIZON_WEBHOOK_SECRETS", mobizon),
    ] {
        let secrets = match other {
            Some(_) => variable(name).unwrap_or_default(),
            None => stand_ins[name].clone(),
        };
        parameters.insert(parameter, secrets);
    }
    parameters
}
