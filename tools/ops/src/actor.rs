//! Who acts: it stands in the audit.

use clap::Args;
use proftest::config::variable;

#[derive(Args)]
pub struct Actor {
    /// Who does it, for the audit; the system's user when absent.
    #[arg(long)]
    by: Option<String>,
}

impl Actor {
    /// The error says what to do.
    pub fn name(&self) -> Result<String, String> {
        let name = self
            .by
            .clone()
            .or_else(|| variable("USER"))
            .or_else(|| variable("LOGNAME"));
        let name = name
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty());
        name.ok_or_else(|| "who does it? Say so with --by NAME: it stands in the audit".to_owned())
    }
}
