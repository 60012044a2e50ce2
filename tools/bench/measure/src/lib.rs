//! Figures: what the funnel measures on this machine, beside what it should.

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

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such binary beside this program.
    #[error("{0} has not been built: start the measurement with cargo run --release -p bench")]
    NotBuilt(String),
    /// There is no browser on this machine.
    #[error("the page's figures need Chromium: install the package chromium (Debian)")]
    NoChromium,
    /// The browser did not start with these options.
    #[error("Chromium cannot be started: {0}")]
    Start(String),
    /// The browser broke off.
    #[cfg(feature = "browser")]
    #[error("Chromium did not do what it was told")]
    Browser(#[from] CdpError),
    /// Something did not come in time; this expression stayed false.
    #[error("never became true on the page: {0}")]
    Never(String),
    /// A part of the funnel did not start or did not do its work.
    #[error("{0}")]
    Part(String),
    /// The database.
    #[error(transparent)]
    Database(#[from] tokio_postgres::Error),
    /// The database, over the funnel's own store.
    #[error(transparent)]
    Store(#[from] proftest::store::StoreError),
    /// A function's process.
    #[error("a function's process failed; functions.log below target/bench may say why")]
    Function(#[from] harness::runtime_api::Failed),
    /// A socket, a file or a directory.
    #[error("a socket, a file or a directory failed")]
    Io(#[from] std::io::Error),
}
