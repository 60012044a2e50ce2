//! A private PostgreSQL server: its own data directory, port and password, never the distribution's cluster.

use crate::process::{Leashed, run};
use crate::tools;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// How long the server may take to answer after its start.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// The oldest version that the statements are tried on; the doctor asks it of production too.
const VERSION_MIN: u32 = 15;
/// Enough for the emulator's many function processes at once.
const MAX_CONNECTIONS: u32 = 300;

/// A running private server; it stops with this process.
#[derive(Debug)]
pub struct Cluster {
    process: Leashed,
    base_url: String,
}

#[derive(Debug, Clone)]
pub struct Place {
    /// The directory for its data; made when it is missing.
    pub dir: PathBuf,
    /// Whether a commit waits for the disk. On for `cargo run`; off in tests, which survive a killed server
    /// all the same, only not a power cut.
    pub fsync: bool,
    /// The port of a server that comes back; any that is free, otherwise.
    pub port: Option<u16>,
    /// More variables of the server's environment: a test's false clock.
    pub environment: Vec<(&'static str, String)>,
}

impl Place {
    pub fn new(dir: impl Into<PathBuf>, fsync: bool) -> Self {
        Self {
            dir: dir.into(),
            fsync,
            port: None,
            environment: Vec::new(),
        }
    }
}

impl Cluster {
    pub async fn start(place: &Place) -> Result<Self, String> {
        Self::start_with(place, &[]).await
    }

    /// The same with more settings, each `name=value`, which go before our own.
    pub async fn start_with(place: &Place, more: &[&str]) -> Result<Self, String> {
        let bin = binaries().await?;
        let owner = Owner::find().await?;
        let dir = owner.reachable(&place.dir).await?;
        let password = owner.password(&dir)?;
        let data = dir.join("data");
        let printed = run(
            "postgres --version",
            Command::new(bin.join("postgres")).arg("--version"),
        )
        .await?;
        let made_by = fs::read_to_string(data.join("PG_VERSION")).ok();
        accept(&bin, &printed, &data, made_by.as_deref())?;
        if made_by.is_none() {
            init(&bin, &owner, &dir, &data).await?;
        }
        let port = place.port.map_or_else(free_port, Ok)?;
        let process = Leashed::under_shell(&bin.join("postgres"), |command| {
            let log = fs::File::create(dir.join("server.log"));
            let (out, err) = match log.and_then(|log| Ok((log.try_clone()?, log))) {
                Ok((out, err)) => (out.into(), err.into()),
                Err(_) => (std::process::Stdio::null(), std::process::Stdio::null()),
            };
            owner.apply(command);
            command
                .arg("-D")
                .arg(&data)
                .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", ""]);
            for setting in settings(place.fsync) {
                command.arg("-c").arg(setting);
            }
            // PostgreSQL takes the last of two.
            for setting in more {
                command.arg("-c").arg(setting);
            }
            let environment = place.environment.iter().map(|(name, value)| (name, value));
            command
                .envs(environment)
                .current_dir(&dir)
                .stdout(out)
                .stderr(err);
        })
        .map_err(|error| format!("PostgreSQL could not be started: {error}"))?;
        let base_url = format!("postgres://postgres:{password}@127.0.0.1:{port}");
        let mut cluster = Self { process, base_url };
        cluster.wait_until_ready(&dir).await?;
        Ok(cluster)
    }

    async fn wait_until_ready(&mut self, dir: &Path) -> Result<(), String> {
        let deadline = tokio::time::Instant::now() + READY_WITHIN;
        loop {
            if connect(&self.url("postgres")).await.is_ok() {
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline || self.process.has_ended() {
                let log = fs::read_to_string(dir.join("server.log")).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(5).collect();
                return Err(format!(
                    "PostgreSQL did not become ready; its log ends: {}",
                    tail.join(" | ")
                ));
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.base_url)
    }

    /// Makes a database, as a copy of `template` when one is named; leaves one that exists as it is.
    pub async fn create_database(&self, name: &str, template: Option<&str>) -> Result<(), String> {
        let client = connect(&self.url("postgres"))
            .await
            .map_err(|error| error.to_string())?;
        let template = template
            .map(|template| format!(" template \"{template}\""))
            .unwrap_or_default();
        match client
            .batch_execute(&format!("create database \"{name}\"{template}"))
            .await
        {
            Err(error) if error.code() != Some(&tokio_postgres::error::SqlState::DUPLICATE_DATABASE) => {
                Err(format!("the database {name} could not be made: {error}"))
            }
            _ => Ok(()),
        }
    }

    pub async fn stop(self) {
        self.process.stop().await;
    }
}

/// Opens a connection without TLS; it ends when the client is dropped.
pub async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn settings(fsync: bool) -> Vec<String> {
    let durable = if fsync { "on" } else { "off" };
    vec![
        format!("fsync={durable}"),
        format!("full_page_writes={durable}"),
        format!("max_connections={MAX_CONNECTIONS}"),
        "synchronous_commit=on".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
    ]
}

/// Refuses a server that is too old, and data that another major version made.
fn accept(bin: &Path, printed: &str, data: &Path, made_by: Option<&str>) -> Result<(), String> {
    let version = major(printed).ok_or_else(|| format!("{}: no version in {printed:?}", bin.display()))?;
    if version < VERSION_MIN {
        return Err(format!(
            "PostgreSQL {version} in {} is too old: set PG_BINDIR to the server binaries of {VERSION_MIN} or newer",
            bin.display()
        ));
    }
    match made_by.map(str::trim) {
        Some(other) if other != version.to_string() => Err(format!(
            "PostgreSQL {other} made the data in {}, and {} has {version}: set PG_BINDIR to the server binaries of \
             {other}, or delete that directory to begin with an empty database",
            data.display(),
            bin.display()
        )),
        _ => Ok(()),
    }
}

/// Of `postgres (PostgreSQL) 18.4`, `… 15.18 (Debian 15.18-0+deb12u1)` or `… 19beta1`.
fn major(printed: &str) -> Option<u32> {
    let (_, version) = printed.split_once("(PostgreSQL) ")?;
    version
        .split(|letter: char| !letter.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

async fn init(bin: &Path, owner: &Owner, dir: &Path, data: &Path) -> Result<(), String> {
    let mut made = Ok(());
    // C.UTF-8 is missing on macOS and some small systems; C with UTF8 sorts the same.
    for locale in ["C.UTF-8", "C"] {
        let mut command = Command::new(bin.join("initdb"));
        owner.apply(&mut command);
        command.current_dir(dir).arg("-D").arg(data);
        command
            .arg("--pwfile")
            .arg(dir.join("password"))
            .args(["--locale", locale]);
        command.args(["-U", "postgres", "-E", "UTF8", "--auth=scram-sha-256"]);
        made = run("initdb", &mut command).await.map(|_| ());
        if made.is_ok() {
            break;
        }
        let _ = fs::remove_dir_all(data);
    }
    made
}

/// The user that the server runs as: PostgreSQL refuses root.
struct Owner {
    drop_to: Option<(u32, u32)>,
}

impl Owner {
    async fn find() -> Result<Self, String> {
        let uid = run("id -u", Command::new("id").arg("-u")).await?;
        if uid.trim() != "0" {
            return Ok(Self { drop_to: None });
        }
        let accounts = fs::read_to_string("/etc/passwd").map_err(|error| format!("/etc/passwd: {error}"))?;
        let find = |name: &str| {
            let fields: Vec<&str> = accounts
                .lines()
                .find(|line| line.starts_with(name))?
                .split(':')
                .collect();
            Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
        };
        let drop_to = find("postgres:").or_else(|| find("nobody:"));
        drop_to.map(|ids| Self { drop_to: Some(ids) }).ok_or_else(|| {
            "PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it as"
                .to_owned()
        })
    }

    fn apply(&self, command: &mut Command) {
        if let Some((uid, gid)) = self.drop_to {
            command.uid(uid).gid(gid);
        }
    }

    /// `dir` itself, or a stable directory under `/var/tmp` where the server's user cannot reach `dir` (a
    /// directory under a closed home).
    async fn reachable(&self, dir: &Path) -> Result<PathBuf, String> {
        for dir in [dir.to_owned(), fallback(dir)] {
            fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
            let Some((uid, gid)) = self.drop_to else {
                return Ok(dir);
            };
            std::os::unix::fs::chown(&dir, Some(uid), Some(gid))
                .map_err(|error| format!("{}: {error}", dir.display()))?;
            let mut enter = Command::new("sh");
            self.apply(&mut enter);
            enter.arg("-c").arg(r#"cd "$0""#).arg(&dir).current_dir("/");
            if run("cd", &mut enter).await.is_ok() {
                return Ok(dir);
            }
        }
        Err(format!(
            "the user that PostgreSQL runs as can reach neither {} nor /var/tmp",
            dir.display()
        ))
    }

    /// The cluster's password, made on first use and readable only by the server's user.
    fn password(&self, dir: &Path) -> Result<String, String> {
        let file = dir.join("password");
        let failed = |error: std::io::Error| format!("{}: {error}", file.display());
        if let Ok(password) = fs::read_to_string(&file) {
            return Ok(password.trim().to_owned());
        }
        let password = Uuid::new_v4().simple().to_string();
        fs::write(&file, &password).map_err(failed)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        if let Some((uid, gid)) = self.drop_to {
            std::os::unix::fs::chown(&file, Some(uid), Some(gid)).map_err(failed)?;
        }
        Ok(password)
    }
}

fn fallback(dir: &Path) -> PathBuf {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    dir.hash(&mut hasher);
    PathBuf::from(format!("/var/tmp/proftest-{:016x}", hasher.finish()))
}

/// The directory with `postgres` and `initdb`: this machine's, or else those of a Python package.
async fn binaries() -> Result<PathBuf, String> {
    let mut candidates: Vec<PathBuf> = proftest::config::variable("PG_BINDIR")
        .map(PathBuf::from)
        .into_iter()
        .collect();
    if let Ok(dir) = run("pg_config", Command::new("pg_config").arg("--bindir")).await {
        candidates.push(PathBuf::from(dir.trim()));
    }
    for pattern in [
        "/usr/lib/postgresql",
        "/opt/homebrew/opt",
        "/usr/local/opt",
        "/Applications/Postgres.app/Contents/Versions",
    ] {
        candidates.extend(versions_below(Path::new(pattern)));
    }
    let usable = |dir: &PathBuf| {
        ["postgres", "initdb"]
            .iter()
            .all(|name| is_executable(&dir.join(name)))
    };
    if let Some(found) = candidates.into_iter().find(usable) {
        return Ok(found);
    }
    let found = tools::postgres_from_wheel().await?;
    if usable(&found) {
        return Ok(found);
    }
    Err(
        "no PostgreSQL server was found: install one (Debian: `apt-get install postgresql`) or set PG_BINDIR"
            .to_owned(),
    )
}

/// `bin` directories below `dir`, the newest version first.
fn versions_below(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let number = |path: &Path| -> u32 {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        name.trim_start_matches("postgresql@").parse().unwrap_or(0)
    };
    let mut versions: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| number(path) >= 15)
        .collect();
    versions.sort_by_key(|path| std::cmp::Reverse(number(path)));
    versions.into_iter().map(|path| path.join("bin")).collect()
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.mode() & 0o111 != 0)
}

/// A port that was free a moment ago.
pub fn free_port() -> Result<u16, String> {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("no free port: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_too_old_and_data_of_another_version_are_refused() {
        let check = |version: &str, made_by| {
            let printed = format!("postgres (PostgreSQL) {version}\n");
            accept(Path::new("bin"), &printed, Path::new("data"), made_by)
        };
        assert_eq!(check("15.18 (Debian 15.18-0+deb12u1)", Some("15\n")), Ok(()));
        for version in ["16.14", "18.4", "19beta1", "19devel"] {
            assert_eq!(check(version, None), Ok(()), "{version}");
        }
        for (version, made_by, begin) in [
            ("14.23", None, "PostgreSQL 14 in bin is too old"),
            ("9.6.24", Some("9.6\n"), "PostgreSQL 9 in bin is too old"),
            (
                "18.4",
                Some("15\n"),
                "PostgreSQL 15 made the data in data, and bin has 18",
            ),
        ] {
            let refused = check(version, made_by).unwrap_err();
            assert!(
                refused.starts_with(begin) && refused.contains("PG_BINDIR"),
                "{refused}"
            );
        }
    }
}
