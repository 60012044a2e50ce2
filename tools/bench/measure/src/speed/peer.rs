//! The peer: intake's contract on Node.js, as an experienced Node.js developer would write it. Its code is in `tools/bench/peer`.

use crate::Error;
use crate::setup::Setup;
use harness::runtime_api::Function;
use harness::tools;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;

const DIR: &str = "target/bench/peer";
const TIMEOUT: Duration = Duration::from_mins(1);

pub struct Peer {
    node: PathBuf,
    dir: PathBuf,
}

impl Peer {
    /// Installs its packages on first use. `None`, with a line on the terminal, where Node.js or npm is absent.
    pub async fn install() -> Result<Option<Self>, Error> {
        let version = Command::new("node").arg("--version").output().await;
        if version.is_err() || Command::new("npm").arg("--version").output().await.is_err() {
            tools::not_run("the peer needs Node.js", "npm").map_err(Error::Part)?;
            return Ok(None);
        }
        let source = tools::workspace().join("tools/bench/peer");
        let dir = std::path::absolute(Path::new(DIR))?;
        std::fs::create_dir_all(&dir)?;
        for file in ["package.json", "package-lock.json", "intake.mjs", "empty.mjs"] {
            std::fs::copy(source.join(file), dir.join(file))?;
        }
        if !dir.join("node_modules").exists() {
            println!("Installing the peer's packages…");
            let installed = Command::new("npm")
                .args(["ci", "--silent", "--no-audit", "--no-fund"])
                .current_dir(&dir)
                .status()
                .await?;
            if !installed.success() {
                return Err(Error::Part("npm ci failed in tools/bench/peer".to_owned()));
            }
        }
        Ok(Some(Self {
            node: PathBuf::from("node"),
            dir,
        }))
    }

    pub async fn start(&self, setup: &Setup, settings: &[(&str, String)]) -> Result<Function, Error> {
        let sql = tools::workspace().join("shared/src/store/intake.sql");
        let function = Function::start(&self.node, TIMEOUT, |command| {
            command.arg(self.dir.join("intake.mjs"));
            command.env("NODE_ENV", "production").env("INTAKE_SQL", sql);
            // The AWS SDK tells at each start which Node.js it will need in 2027.
            command.env("NODE_NO_WARNINGS", "1");
            command.env("AWS_ENDPOINT_URL", setup.aws_url());
            command.envs(settings.iter().map(|(name, value)| (name, value)));
        });
        Ok(function.await?)
    }

    /// Starts a function that never answers: the runtime alone.
    pub async fn start_empty(&self) -> Result<Function, Error> {
        let function = Function::start(&self.node, TIMEOUT, |command| {
            command.arg(self.dir.join("empty.mjs"));
        });
        Ok(function.await?)
    }
}
