//! The functions' own binaries, each a process of its own.

use super::aws::{Queue, sdk};
use harness::runtime_api::Function;
use harness::tools;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::OnceCell;

/// Where the binaries are.
pub async fn binaries() -> &'static PathBuf {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    let build = async || {
        let names = ["intake", "deliver", "crm", "track", "sweep", "page"];
        tools::build_functions(&names).await.unwrap()
    };
    BUILT.get_or_init(build).await
}

/// Where those are that can be made to die at any step.
pub async fn binaries_with_failpoints() -> &'static PathBuf {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    let build = async || {
        let names = ["intake", "deliver", "crm", "track", "sweep"];
        tools::build_functions_with_failpoints(&names).await.unwrap()
    };
    BUILT.get_or_init(build).await
}

/// Starts a function with these settings and no others.
pub async fn start(name: &str, timeout: Duration, settings: &[(&str, String)]) -> Function {
    let binary = binaries().await.join(name);
    let configure = |command: &mut tokio::process::Command| {
        command.env("RUST_LOG", "error");
        command.envs(settings.iter().map(|(name, value)| (name, value)));
    };
    Function::start(&binary, timeout, configure).await.unwrap()
}

/// What every function needs that talks to AWS.
pub async fn aws_settings() -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ENDPOINT_URL", sdk().await.endpoint_url().unwrap().to_owned()),
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ]
}

/// An intake function on this database, waking over this queue.
pub async fn intake_settings(database_url: &str, queue: &Queue) -> Vec<(&'static str, String)> {
    let mut settings = aws_settings().await;
    settings.extend([
        ("DATABASE_URL", database_url.to_owned()),
        ("NOTIFICATIONS_QUEUE_URL", queue.url.clone()),
        ("NOTIFICATIONS_QUEUE_ARN", queue.arn.clone()),
        ("CRM_QUEUE_URL", queue.url.clone()),
        ("SCHEDULE_GROUP", "default".to_owned()),
        (
            "SCHEDULER_ROLE_ARN",
            "arn:aws:iam::000000000000:role/any".to_owned(),
        ),
    ]);
    settings
}
