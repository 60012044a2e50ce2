//! Figures: what the funnel measures on this machine, beside what it should.

mod browser;
pub mod figure;
pub mod page;
mod site;

use chromiumoxide::error::CdpError;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no browser on this machine.
    #[error("the page's figures need Chromium: install the package chromium (Debian)")]
    NoChromium,
    /// The browser did not start with these options.
    #[error("Chromium cannot be started: {0}")]
    Start(String),
    /// The browser broke off.
    #[error("Chromium did not do what it was told")]
    Browser(#[from] CdpError),
    /// Something did not come in time; this expression stayed false.
    #[error("never became true on the page: {0}")]
    Never(String),
    /// A socket, a file or a directory.
    #[error("a socket, a file or a directory failed")]
    Io(#[from] std::io::Error),
}
