//! ministack, the AWS emulator, and the deployment of template.yaml into it.

use crate::log::Log;
use crate::postgres::free_port;
use crate::process::Leashed;
use crate::tools;
use ops::local_stack::REGION;
use proftest::aws::{self, SdkConfig};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStdout, Command};

const LAUNCH: &str = include_str!("../emulator/launch.py");
const DEPLOY: &str = include_str!("../emulator/deploy.py");
const READY_WITHIN: Duration = Duration::from_secs(30);

pub fn sdk(endpoint: &str) -> SdkConfig {
    aws::sdk_at(endpoint, REGION)
}

pub fn settings(endpoint: &str) -> [(&'static str, String); 4] {
    [
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ]
}

/// A running emulator; it and the functions' processes stop with this process.
#[derive(Debug)]
pub struct Emulator {
    process: Leashed,
    python: PathBuf,
    /// `http://127.0.0.1:<port>`, for every AWS API.
    pub endpoint: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Deployment {
    /// The HTTP API, without a slash at the end.
    pub api_url: String,
    pub notifications_queue_url: String,
    pub notifications_queue_arn: String,
    pub notifications_dlq_url: String,
    pub crm_queue_url: String,
    pub crm_dlq_url: String,
    pub schedule_group: String,
    pub functions: BTreeMap<String, String>,
    pub api: Api,
}

/// What the SAM transform made of the functions' HttpApi events.
#[derive(Debug, Clone, Deserialize)]
pub struct Api {
    /// Keys of the routes.
    pub routes: Vec<String>,
    /// Keys of the routes with a throttle of their own.
    pub throttled: Vec<String>,
    /// For which method and path API Gateway may invoke a function, as `/GET/l/*`.
    pub permitted: Vec<String>,
}

impl Emulator {
    /// Starts the emulator with the Python that has it; what functions print goes into `printed`.
    ///
    /// With `enforce_iam` the functions' roles are in force: what a policy does not allow is refused, and every decision
    /// is a line of `<dir>/emulator/iam.jsonl`. Requests must be signed, but those to the functions' HTTP API.
    pub async fn start(python: PathBuf, dir: &Path, printed: Log, enforce_iam: bool) -> Result<Self, String> {
        let temporary = dir.join("emulator");
        std::fs::create_dir_all(&temporary).map_err(|error| format!("{}: {error}", temporary.display()))?;
        let launch = temporary.join("launch.py");
        std::fs::write(&launch, LAUNCH).map_err(|error| format!("{}: {error}", launch.display()))?;
        let log = std::fs::File::create(dir.join("emulator.log")).map_err(|error| error.to_string())?;
        let port = free_port()?;
        let mut command = Command::new(&python);
        command
            .arg(&launch)
            .arg(port.to_string())
            .arg(&temporary)
            .args(enforce_iam.then_some("--enforce-iam"))
            .stdout(Stdio::piped())
            .stderr(log);
        let mut process = Leashed::spawn(command).map_err(|error| format!("the emulator: {error}"))?;
        if let Some(stdout) = process.stdout() {
            tokio::spawn(follow(stdout, printed));
        }
        let endpoint = format!("http://127.0.0.1:{port}");
        let mut emulator = Self {
            process,
            python,
            endpoint,
        };
        emulator.wait_until_ready(dir).await?;
        Ok(emulator)
    }

    async fn wait_until_ready(&mut self, dir: &Path) -> Result<(), String> {
        let http = tools::http_client()?;
        let deadline = tokio::time::Instant::now() + READY_WITHIN;
        loop {
            let answer = http
                .get(format!("{}/_ministack/ready", self.endpoint))
                .send()
                .await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline || self.process.has_ended() {
                let log = dir.join("emulator.log");
                return Err(format!(
                    "the AWS emulator did not become ready; see {}",
                    log.display()
                ));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Deploys template.yaml as `stack`, with the functions' binaries of `build`.
    pub async fn deploy(
        &self,
        stack: &str,
        build: &Path,
        parameters: &BTreeMap<&'static str, String>,
    ) -> Result<Deployment, String> {
        let bootstraps = tools::functions()?.into_iter().map(|name| {
            let binary = build.join(&name);
            (name, binary)
        });
        let bootstraps: BTreeMap<_, _> = bootstraps.collect();
        let request = json!({
            "endpoint": self.endpoint,
            "stack": stack,
            "template": tools::workspace().join("template.yaml"),
            "bootstraps": bootstraps,
            "parameters": parameters,
        });
        let mut child = Command::new(&self.python)
            .args(["-c", DEPLOY])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the deployer could not be started: {error}"))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin
                .write_all(request.to_string().as_bytes())
                .await
                .map_err(|error| error.to_string())?;
        }
        let output = child
            .wait_with_output()
            .await
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!(
                "template.yaml was not deployed:\n{}",
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| format!("the deployer's answer: {error}"))
    }

    pub async fn stop(self) {
        self.process.stop().await;
    }
}

/// Adds what functions print to the log, until the emulator ends.
async fn follow(stdout: ChildStdout, log: Log) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(Value::Object(printed)) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        let text = |name: &str| printed.get(name).and_then(Value::as_str).unwrap_or_default();
        // "proftest-IntakeFunction-1A2B": the part in the middle is what a reader knows.
        let name = text("function")
            .split('-')
            .find_map(|part| part.strip_suffix("Function"));
        log.add_printed(&name.unwrap_or("function").to_lowercase(), text("line"));
    }
}
