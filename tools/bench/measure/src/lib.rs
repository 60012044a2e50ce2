//! Figures: what the funnel measures on this machine, beside what it should.
#![allow(clippy::missing_panics_doc, reason = "only this workspace uses the crate")]

#[cfg(feature = "browser")]
mod browser;
pub mod figure;
#[cfg(feature = "browser")]
pub mod page;
mod pairs;
pub mod punctuality;
mod queue;
mod setup;
#[cfg(feature = "browser")]
mod site;
pub mod speed;

#[cfg(feature = "browser")]
use chromiumoxide::error::CdpError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0} has not been built: start the measurement with cargo run --release -p bench")]
    NotBuilt(String),
    #[error("the page's figures need Chromium: install the package chromium (Debian)")]
    NoChromium,
    #[error("Chromium cannot be started: {0}")]
    Start(String),
    #[cfg(feature = "browser")]
    #[error("Chromium did not do what it was told")]
    Browser(#[from] CdpError),
    #[error("never became true on the page: {0}")]
    Never(String),
    #[error("{0}")]
    Part(String),
    #[error(transparent)]
    Database(#[from] tokio_postgres::Error),
    #[error(transparent)]
    Store(#[from] proftest::store::StoreError),
    #[error(transparent)]
    Intake(#[from] intake::StartError),
    #[error("a function's process failed; functions.log below target/bench may say why")]
    Function(#[from] harness::runtime_api::Failed),
    #[error("a socket, a file or a directory failed")]
    Io(#[from] std::io::Error),
}
