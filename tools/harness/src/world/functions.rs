//! The functions' own binaries, each a process of its own.

use crate::runtime_api::Function;
use crate::tools;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::OnceCell;

pub async fn binaries() -> &'static PathBuf {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    let build = async || {
        let names = tools::functions().unwrap();
        tools::build_functions(&names).await.unwrap()
    };
    BUILT.get_or_init(build).await
}

/// Where those are that can be made to die at any step.
pub async fn binaries_with_failpoints() -> &'static PathBuf {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    let build = async || {
        let mut names = tools::functions().unwrap();
        // It calls nothing, so it has no step to die at.
        names.retain(|name| name != "page");
        tools::build_functions_with_failpoints(&names).await.unwrap()
    };
    BUILT.get_or_init(build).await
}

/// Starts a function with these settings and no others.
pub async fn start(name: &str, timeout: Duration, settings: &super::Settings) -> Function {
    let binary = binaries().await.join(name);
    let configure = |command: &mut tokio::process::Command| {
        command.env("RUST_LOG", "error").envs(settings);
    };
    Function::start(&binary, timeout, configure).await.unwrap()
}
