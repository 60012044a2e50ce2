//! PgBouncer as production's pooler is: transactions, not sessions, and no prepared statement survives one.

use super::connection::Route;
use super::database::cluster;
use super::story::eventually;
use super::tls::setting;
use crate::certificates::put;
use crate::postgres::{connect, free_port};
use crate::process::{Leashed, run};
use crate::tools;
use ops::roles::MEMBERS;
use std::collections::BTreeMap;
use std::fs::{File, Metadata};
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

/// Two processes. One knows `USER` and connects as the owner; to the other the functions come as their own roles, as which it
/// connects too.
pub struct Pooler {
    password: String,
    port: u16,
    functions_port: u16,
    /// Kept, because the poolers end with them.
    _processes: [Leashed; 2],
}

/// What one of the processes is told.
struct Told<'a> {
    name: &'a str,
    port: u16,
    users: String,
    /// More of the line that says where the server is.
    server_user: String,
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
        let password = Uuid::new_v4().simple().to_string();
        let url: tokio_postgres::Config = direct.parse().unwrap();
        let owner_password = String::from_utf8(url.get_password().unwrap().to_vec()).unwrap();
        let users = format!("\"{USER}\" \"{password}\"\n");
        let roles = MEMBERS.iter().map(|member| {
            let [role, _] = member.roles();
            format!("\"{role}\" \"{owner_password}\"\n")
        });
        let for_owner = Told {
            name: "pooler",
            port: free_port().unwrap(),
            users: users.clone(),
            server_user: format!("user={} password={owner_password}", url.get_user().unwrap()),
        };
        let for_functions = Told {
            name: "pooler-of-roles",
            port: free_port().unwrap(),
            users: users + &roles.collect::<String>(),
            server_user: String::new(),
        };
        let mut processes = Vec::new();
        for told in [&for_owner, &for_functions] {
            put(dir, &format!("{}.users", told.name), &told.users).unwrap();
            let settings = settings(program, dir, told, url.get_ports()[0]).await;
            put(dir, &format!("{}.ini", told.name), &settings).unwrap();
            processes.push(launch(program, dir, told.name, &owner));
        }
        let pooler = Self {
            password,
            port: for_owner.port,
            functions_port: for_functions.port,
            _processes: processes.try_into().unwrap(),
        };
        for console in [pooler.route("pgbouncer"), pooler.functions("pgbouncer")] {
            eventually(
                "the pooler takes connections",
                Duration::from_secs(10),
                async || connect(&console.url()).await.ok(),
            )
            .await;
        }
        pooler
    }

    /// The functions' way; as `USER` it leads to the pooler's own console only.
    pub fn functions(&self, name: &str) -> Route {
        Route {
            port: self.functions_port,
            ..self.route(name)
        }
    }

    pub fn route(&self, name: &str) -> Route {
        Route {
            origin: format!("postgres://{USER}:{}@127.0.0.1", self.password),
            port: self.port,
            name: name.to_owned(),
            ca_pem: None,
        }
    }

    /// The rows of a `SHOW` about the database of this route, by their columns, of the process that it leads to.
    pub async fn show(&self, what: &str, route: &Route) -> Vec<BTreeMap<String, String>> {
        let name = route.name.as_str();
        let console = Route {
            port: route.port,
            ..self.route("pgbouncer")
        };
        let console = connect(&console.url()).await.unwrap();
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

fn launch(program: &Path, dir: &Path, name: &str, owner: &Metadata) -> Leashed {
    Leashed::under_shell(program, |command| {
        if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
            command.uid(owner.uid()).gid(owner.gid());
        }
        let log = File::create(dir.join(format!("{name}.log"))).unwrap();
        command.arg(dir.join(format!("{name}.ini"))).current_dir(dir);
        command.stdout(log.try_clone().unwrap()).stderr(log);
    })
    .unwrap()
}

async fn settings(program: &Path, dir: &Path, told: &Told<'_>, server_port: u16) -> String {
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
         * = host=127.0.0.1 port={server_port} {}
         [pgbouncer]
         listen_addr = 127.0.0.1
         listen_port = {}
         unix_socket_dir =
         auth_type = scram-sha-256
         auth_file = {}
         admin_users = {USER}
         pool_mode = transaction
         default_pool_size = {SERVERS}
         max_client_conn = 1000
         server_idle_timeout = 10
         {prepared}\n",
        told.server_user,
        told.port,
        dir.join(format!("{}.users", told.name)).display(),
    )
}
