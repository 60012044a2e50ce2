//! Finds the local stack of this machine: its `stack.json` and its build directory.

use proftest::aws::{self, SdkConfig};
use proftest::config::{self, Env};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Region of the AWS emulator; any works.
pub const REGION: &str = "eu-central-1";

pub fn settings(state_dir: Option<&Path>) -> Result<(config::Queues, SdkConfig), String> {
    let file = match state_dir {
        Some(dir) => dir.join("stack.json"),
        None => target_dir()?.join("local/stack.json"),
    };
    let state = std::fs::read_to_string(&file).map_err(|error| {
        format!(
            "no local stack runs there ({}: {error}); for a deployed one set NOTIFICATIONS_QUEUE_URL, CRM_QUEUE_URL, \
             DATABASE_URL and DATABASE_CA_PEM",
            file.display()
        )
    })?;
    let state: Value =
        serde_json::from_str(&state).map_err(|error| format!("{}: {error}", file.display()))?;
    let read = |name: &str| state.get(name)?.as_str().map(str::to_owned);
    let lookup = |name: &str| match name {
        "DATABASE_URL" => read("database_url"),
        "NOTIFICATIONS_QUEUE_URL" => read("notifications_queue_url"),
        "CRM_QUEUE_URL" => read("crm_queue_url"),
        _ => None,
    };
    let settings = config::Queues::read(&Env::new(&lookup)).map_err(|error| error.to_string())?;
    let sdk = aws::sdk_at(&read("aws_endpoint").unwrap_or_default(), REGION);
    Ok((settings, sdk))
}

/// The build directory of this program: `target/debug` or `target/release`. Fails if the program was moved out of
/// one.
pub fn build_dir() -> Result<PathBuf, String> {
    let program =
        std::env::current_exe().map_err(|error| format!("this program cannot find itself: {error}"))?;
    let dir = program
        .ancestors()
        .skip(1)
        .find(|dir| !dir.ends_with("deps") && !dir.ends_with("examples"));
    dir.map(Path::to_owned)
        .ok_or_else(|| "this program is in no build directory".to_owned())
}

/// `target`, in which tools are kept.
pub fn target_dir() -> Result<PathBuf, String> {
    let build = build_dir()?;
    build
        .parent()
        .map(Path::to_owned)
        .ok_or_else(|| "this program is in no build directory".to_owned())
}
