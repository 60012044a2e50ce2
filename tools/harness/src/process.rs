//! Child processes that never outlive this one, however it ends.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, ChildStdout, Command};

/// A process that is stopped when this value is dropped, and also when this process is killed: both close the
/// pipe on which the child waits.
#[derive(Debug)]
pub struct Leashed {
    child: Child,
}

/// The leash for programs that do not watch their standard input: a shell that waits for the pipe to close,
/// then asks the program to stop. SIGINT is PostgreSQL's fast shutdown.
const LEASH: &str = r#""$@" & pid=$!; cat > /dev/null; kill -INT $pid 2> /dev/null; wait $pid"#;

impl Leashed {
    pub fn under_shell(program: &Path, configure: impl FnOnce(&mut Command)) -> std::io::Result<Self> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(LEASH).arg("sh").arg(program);
        configure(&mut command);
        Self::spawn(command)
    }

    /// Starts a program that ends by itself when its standard input closes.
    pub fn spawn(mut command: Command) -> std::io::Result<Self> {
        // A group of its own: Ctrl-C in the terminal reaches only us, and we stop things in order.
        command.stdin(Stdio::piped()).process_group(0);
        Ok(Self {
            child: command.spawn()?,
        })
    }

    /// Asks it to stop and waits, for at most ten seconds.
    pub async fn stop(mut self) {
        drop(self.child.stdin.take());
        let _ = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await;
    }

    /// What it prints, when that is piped; once.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)) | Err(_))
    }
}

/// Runs a command to its end; its output becomes the error when it fails.
pub async fn run(what: &str, command: &mut Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| format!("{what} could not be started: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    let tail: Vec<&str> = printed.lines().rev().take(12).collect();
    let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n  ");
    Err(format!("{what} failed ({}):\n  {tail}", output.status))
}

pub async fn exists(program: impl AsRef<OsStr>) -> bool {
    let version = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .await;
    version.is_ok_and(|output| output.status.success())
}
