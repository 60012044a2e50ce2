//! A PostgreSQL server of one test's own, that stops, dies and comes back on its port.

use harness::postgres::{Cluster, Place, connect};
use harness::roles::Addresses;
use harness::world::{Database, Route, dir};
use ops::migrate::migrate;
use std::path::{Path, PathBuf};
use tokio::process::Command;

const DATABASE: &str = "funnel";

pub struct Server {
    place: Place,
    cluster: Option<Cluster>,
    data: PathBuf,
    pub url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// SIGINT, fast shutdown: sessions are broken off, everything is written.
    Fast,
    /// SIGQUIT, immediate shutdown: no checkpoint; the next start recovers from the log.
    Immediate,
    /// SIGKILL to every process at once.
    Killed,
}

impl Server {
    pub async fn start(name: &str, environment: Vec<(&'static str, String)>) -> Self {
        let mut place = Place {
            environment,
            ..Place::new(dir().join(name), false)
        };
        let cluster = Cluster::start(&place).await.unwrap();
        // Files that outlived their directory (see `Cluster::start`) may still hold an old one.
        let drop_old = format!("drop database if exists {DATABASE} with (force)");
        let postgres = connect(&cluster.url("postgres")).await.unwrap();
        postgres.batch_execute(&drop_old).await.unwrap();
        cluster.create_database(DATABASE, None).await.unwrap();
        let url = cluster.url(DATABASE);
        migrate(&mut connect(&url).await.unwrap()).await.unwrap();
        Addresses::prepare(Route::direct(&url).config()).await.unwrap();
        let db = Database::open(url.clone()).await;
        let setting = db.row("select current_setting('data_directory') as data").await;
        // A commit that does not wait for its log must be seen to be lost, not saved by a diligent log writer.
        for setting in ["wal_writer_delay = '10s'", "wal_writer_flush_after = '64MB'"] {
            db.execute(&format!("alter system set {setting}")).await;
        }
        db.execute("select pg_reload_conf()").await;
        place.port = Some(db.port());
        Self {
            place,
            cluster: Some(cluster),
            data: setting["data"].as_str().unwrap().into(),
            url,
        }
    }

    pub async fn database(&self) -> Database {
        Database::open(self.url.clone()).await
    }

    pub async fn stop(&mut self, how: End) {
        let server = self.pid();
        match how {
            End::Fast => {}
            End::Immediate => signal("-QUIT", &[server]).await,
            End::Killed => signal("-KILL", &self.processes()).await,
        }
        // Of a server that is dead already, only the shell that held it on its leash is left.
        self.cluster.take().unwrap().stop().await;
    }

    /// Stops all its processes where they are, or lets them go on: a machine that is swapping.
    pub async fn freeze(&self, frozen: bool) {
        signal(if frozen { "-STOP" } else { "-CONT" }, &self.processes()).await;
    }

    pub async fn start_again(&mut self) {
        self.cluster = Some(Cluster::start(&self.place).await.unwrap());
    }

    fn pid(&self) -> u32 {
        let file = std::fs::read_to_string(self.data.join("postmaster.pid")).unwrap();
        file.lines().next().unwrap().parse().unwrap()
    }

    fn processes(&self) -> Vec<u32> {
        let server = self.pid();
        let mut found = vec![server];
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            if parent(&process.path()) == Some(server) {
                found.extend(process.file_name().to_string_lossy().parse::<u32>());
            }
        }
        found
    }
}

/// Fourth field of `/proc/<pid>/stat`, after the name in parentheses, which may hold anything.
fn parent(process: &Path) -> Option<u32> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

/// One that has ended meanwhile is as good.
async fn signal(signal: &str, processes: &[u32]) {
    let processes = processes.iter().map(ToString::to_string);
    let mut kill = Command::new("kill");
    let _ = kill.arg(signal).args(processes).output().await;
}
