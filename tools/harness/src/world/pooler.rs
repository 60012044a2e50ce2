//! PgBouncer as production's pooler is: transactions, not sessions, and no prepared statement survives one.

use super::connection::Route;
use super::database::cluster;
use super::story::eventually;
use super::tls::setting;
use crate::certificates::put;
use crate::postgres::{connect, free_port};
use crate::process::{Leashed, run};
use crate::tools;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::OnceCell;
use tokio_postgres::SimpleQueryMessage;
use uuid::Uuid;

/// Debian puts it where only root's path leads.
const PROGRAMS: [&str; 3] = [
    "/usr/sbin/pgbouncer",
    "/usr/bin/pgbouncer",
    "/usr/local/bin/pgbouncer",
];
/// A user that the pooler knows and the server does not.
pub const USER: &str = "pooled";
/// Server connections a database: fewer than a function's connections, so that they are shared.
pub const SERVERS: usize = 3;
/// Before this version there were no prepared statements to turn off, nor a setting for them.
const PREPARED_SINCE: (u32, u32) = (1, 21);

pub struct Pooler {
    password: String,
    port: u16,
    /// Kept, because the pooler ends with it.
    _process: Leashed,
}

/// One a process; it stops with it. `None` (said on the terminal) where PgBouncer is not installed.
pub async fn pooler() -> Option<&'static Pooler> {
    static POOLER: OnceCell<Option<Pooler>> = OnceCell::const_new();
    let start = async || {
        let Some(program) = PROGRAMS.iter().map(Path::new).find(|path| path.exists()) else {
            tools::not_run("the tests through a pooler need PgBouncer", "pgbouncer").unwrap();
            return None;
        };
        Some(Pooler::start(program).await)
    };
    POOLER.get_or_init(start).await.as_ref()
}

impl Pooler {
    async fn start(program: &Path) -> Self {
        let direct = cluster().await.url("postgres");
        let server = connect(&direct).await.unwrap();
        let data = setting(&server, "data_directory").await;
        // Beside the server's data, which the server's user can reach, and it runs as that user: it refuses root.
        let dir = Path::new(&data).parent().unwrap();
        let owner = std::fs::metadata(&data).unwrap();
        let (password, port) = (Uuid::new_v4().simple().to_string(), free_port().unwrap());
        put(dir, "pooler.users", &format!("\"{USER}\" \"{password}\"\n")).unwrap();
        put(dir, "pooler.ini", &settings(program, dir, port, &direct).await).unwrap();
        let process = Leashed::under_shell(program, |command| {
            if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
                command.uid(owner.uid()).gid(owner.gid());
            }
            let log = File::create(dir.join("pooler.log")).unwrap();
            command.arg(dir.join("pooler.ini")).current_dir(dir);
            command.stdout(log.try_clone().unwrap()).stderr(log);
        })
        .unwrap();
        let pooler = Self {
            password,
            port,
            _process: process,
        };
        eventually(
            "the pooler takes connections",
            Duration::from_secs(10),
            async || connect(&pooler.route("postgres").url()).await.ok(),
        )
        .await;
        pooler
    }

    pub fn route(&self, name: &str) -> Route {
        Route {
            origin: format!("postgres://{USER}:{}@127.0.0.1", self.password),
            port: self.port,
            name: name.to_owned(),
            ca_pem: None,
        }
    }

    /// The rows of a `SHOW` of its own about the database `name`, by their columns.
    pub async fn show(&self, what: &str, name: &str) -> Vec<BTreeMap<String, String>> {
        let console = connect(&self.route("pgbouncer").url()).await.unwrap();
        let messages = console.simple_query(&format!("show {what}")).await.unwrap();
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) if row.get("database") == Some(name) => {
                let columns = row.columns().iter();
                Some(columns.map(|column| (column.name(), row.get(column.name()).unwrap_or_default())))
            }
            _ => None,
        });
        rows.map(|row| {
            row.map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect()
        })
        .collect()
    }
}

async fn settings(program: &Path, dir: &Path, port: u16, server: &str) -> String {
    let url: tokio_postgres::Config = server.parse().unwrap();
    let password = String::from_utf8(url.get_password().unwrap().to_vec()).unwrap();
    let version = run("pgbouncer", Command::new(program).arg("--version"))
        .await
        .unwrap();
    let numbers: Vec<u32> = version
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect();
    let prepared = if (numbers[0], numbers[1]) < PREPARED_SINCE {
        ""
    } else {
        "max_prepared_statements = 0"
    };
    format!(
        "[databases]
         * = host=127.0.0.1 port={} user={} password={password}
         [pgbouncer]
         listen_addr = 127.0.0.1
         listen_port = {port}
         unix_socket_dir =
         auth_type = scram-sha-256
         auth_file = {}
         admin_users = {USER}
         pool_mode = transaction
         default_pool_size = {SERVERS}
         max_client_conn = 1000
         server_idle_timeout = 10
         {prepared}\n",
        url.get_ports()[0],
        url.get_user().unwrap(),
        dir.join("pooler.users").display(),
    )
}
